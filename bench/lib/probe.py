"""A client that notices stalls: one request after another, each timed, and little else.

The measuring client must not be the cause of what it measures. So: plain sockets, the request
encoded once, no garbage collection, samples in preallocated arrays, and, where the system
allows it, real-time priority, since loader and prober share a core and the ordinary scheduler
may let the loader finish its slice first.

What remains of the machine's noise is measured, not guessed. Linux counts, per thread, the
time it was ready to run but had no core (second field of schedstat); the prober reads its own
and the server's main thread's after every reply. A sample is then

    rtt_ns       from before the send until after the reply: what a client sees, what is judged
    queued_ns    the part of it in which prober or server were ready but waited for a core

A server that is held up by its own helper threads on the same core queues too: `queued` is
there to recognise a noisy machine by, never to be subtracted from a verdict.
"""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .servers import Server
from .stats import latency_summary
from .wire import Argument, encode

STALL_NS = 2_000_000
FIRST_ROOM = 1 << 16


@dataclass
class Samples:
    """Round trips in order: when each began, how long it took, how much of it was queueing."""

    began_ns: array[int] = field(default_factory=lambda: array("q"))
    rtt_ns: array[int] = field(default_factory=lambda: array("q"))
    queued_ns: array[int] = field(default_factory=lambda: array("q"))

    def between(self, low_ns: int, high_ns: int) -> Samples:
        """The samples that overlap a span of perf_counter_ns."""
        part = Samples()
        for began, rtt, queued in zip(self.began_ns, self.rtt_ns, self.queued_ns):
            if began + rtt >= low_ns and began <= high_ns:
                part.began_ns.append(began)
                part.rtt_ns.append(rtt)
                part.queued_ns.append(queued)
        return part

    def joined(self, other: Samples) -> Samples:
        """These samples and then the others."""
        return Samples(self.began_ns + other.began_ns, self.rtt_ns + other.rtt_ns,
                       self.queued_ns + other.queued_ns)

    def summary(self) -> dict[str, float]:
        """Percentiles in ms; stalls over 2 ms; the longest with its queueing taken out."""
        if not self.rtt_ns:
            return {}
        found = {name: value if name == "count" else value / 1e6
                 for name, value in latency_summary(self.rtt_ns).items()}
        found["stalls"] = sum(1 for rtt in self.rtt_ns if rtt > STALL_NS)
        found["max_unqueued"] = max(
            max(rtt - queued, 0) for rtt, queued in zip(self.rtt_ns, self.queued_ns)) / 1e6
        return found


class QueueClock:
    """Nanoseconds that threads spent ready but without a core; 0 where unknown."""

    def __init__(self, paths: list[str]) -> None:
        self._files = []
        for path in paths:
            with contextlib.suppress(OSError):
                self._files.append(os.open(path, os.O_RDONLY))

    def read_ns(self) -> int:
        """The sum over the threads."""
        total = 0
        for number in self._files:
            with contextlib.suppress(OSError, ValueError, IndexError):
                total += int(os.pread(number, 128, 0).split()[1])
        return total

    def close(self) -> None:
        """Close the files."""
        for number in self._files:
            os.close(number)
        self._files = []


class Prober:
    """Sends requests in turn on a connection of its own and keeps every round trip."""

    def __init__(self, server: Server, *requests: tuple[Argument, ...]) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=60.0)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests = [encode(request) for request in requests or (("PING",),)]
        self._replies = [self._first_reply(request) for request in self._requests]
        own = f"/proc/self/task/{threading.get_native_id()}/schedstat"
        self._queue = QueueClock([own, f"/proc/{server.pid}/task/{server.pid}/schedstat"])

    def _first_reply(self, request: bytes) -> int:
        """Length of the reply, which is the same each time, so that no parsing is needed."""
        self._socket.sendall(request)
        time.sleep(0.05)
        reply = self._socket.recv(1 << 16)
        if reply.startswith(b"-"):
            raise ValueError(f"{request!r}: {reply!r}")
        return len(reply)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()
        self._queue.close()

    def run(self, proceed: Callable[[], bool], samples: Samples | None = None,
            pause_s: float = 0.0) -> Samples:
        """Probe as long as proceed(), called between samples and cheap, says so.

        pause_s leaves the core to a loader between samples: a prober with real-time priority
        that never rests would starve it, and with it the very load that it should watch.
        """
        samples = Samples() if samples is None else samples
        send, receive = self._socket.sendall, self._socket.recv
        clock, queued_ns = time.perf_counter_ns, self._queue.read_ns
        turns = list(zip(self._requests, self._replies))
        queued_before = queued_ns()
        while proceed():
            for request, length in turns:
                began = clock()
                send(request)
                missing = length
                while missing > 0:
                    data = receive(4096)
                    if not data:
                        raise ConnectionError("the server closed the prober's connection")
                    missing -= len(data)
                ended = clock()
                queued_now = queued_ns()
                samples.began_ns.append(began)
                samples.rtt_ns.append(ended - began)
                samples.queued_ns.append(queued_now - queued_before)
                queued_before = queued_now
            if pause_s:
                time.sleep(pause_s)
        return samples


def until(deadline_ns: int) -> Callable[[], bool]:
    """A proceed() that holds until a moment of perf_counter_ns."""
    return lambda: time.perf_counter_ns() < deadline_ns


@contextlib.contextmanager
def undisturbed() -> Iterator[bool]:
    """No garbage collection and, if permitted, real-time priority; yields whether it was.

    Real-time tasks that block on a socket are harmless: they run only while they have work.
    Children are reset to the ordinary priority.
    """
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    realtime = False
    with contextlib.suppress(AttributeError, OSError):
        policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(0, policy, os.sched_param(1))
        realtime = True
    try:
        yield realtime
    finally:
        if realtime:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        if collecting:
            gc.enable()
