"""The transfer of MIGRATE: requests to another server, off the loop.

    engine -- Transfer --> Migrator.start --> a thread: carry() --> Transfer.finish on the loop
    engine -- Transfer --> carry()                                  inside EXEC: in place

Why threads and plain sockets, and not transports of the loop: the transfer inside EXEC has to be
finished when the call returns, and both ways then run the same code. A thread waits in the kernel,
without the GIL; what it sends are views of the engine's memory.

The preamble (AUTH, SELECT) is answered before anything else is sent: otherwise a target that has
no such database would store the keys in its first one. Replies are read while the request is still
being written, so that neither side can fill the other's buffers and wait for ever.

Connections are kept for a while (Connections), each under the target and the preamble that it was
opened with: nobody comes in with another one's password. A preamble with a password is sent each
time, since the target's may have changed.
"""

from __future__ import annotations

import queue
import select
import socket
import threading
import time
from collections import deque

from fastredis import _engine

CHUNK_BYTES = 64 * 1024
LINE_MAX_BYTES = 64 * 1024
KEPT_S = 10.0
KEPT_MAX = 64
THREADS_MAX = 16


class TransferError(Exception):
    """The target cannot be reached or understood.

    `doing` says when: "connecting", "writing" or "reading". `is_silent` is true when the target
    has not answered in time, and false when the connection broke.
    """

    def __init__(self, doing: str, is_silent: bool = False) -> None:
        super().__init__(doing)
        self.doing = doing
        self.is_silent = is_silent


class Link:
    """A connection to a target. Waits at most `timeout_ms` for each sign of life."""

    def __init__(self, host: bytes, port: int, timeout_ms: int) -> None:
        """Raises TransferError when there is no connection."""
        self.timeout_ms = timeout_ms
        self.kept_since = 0.0
        self._unread = b""
        try:
            if not host:
                raise ValueError("no host")
            self._socket = socket.create_connection((host, port), timeout_ms / 1000)
        except (socket.gaierror, ValueError):
            raise TransferError("connecting") from None
        except TimeoutError:
            raise TransferError("connecting", is_silent=True) from None
        except OSError:
            # Nobody listens there. Redis notices that when it writes.
            raise TransferError("writing") from None
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._poll = select.poll()

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def is_fresh(self) -> bool:
        """Whether a kept connection can be used: young, not closed, and nothing has come."""
        self._poll.register(self._socket, select.POLLIN)
        return time.monotonic() - self.kept_since < KEPT_S and not self._poll.poll(0)

    def exchange(self, request: memoryview, count: int, take) -> None:
        """Send a request and read `count` lines; `take(index, line)` gets each when it comes.

        Raises TransferError; the lines taken until then count.
        """
        sent = taken = 0
        while sent < len(request) or taken < count:
            doing = "writing" if sent < len(request) else "reading"
            wanted = select.POLLIN | (select.POLLOUT if doing == "writing" else 0)
            self._poll.register(self._socket, wanted)
            ready = self._poll.poll(self.timeout_ms)
            if not ready:
                raise TransferError(doing, is_silent=True)
            try:
                if ready[0][1] & ~select.POLLOUT:
                    for line in self._read_lines(doing):
                        if taken == count:
                            raise TransferError("reading")
                        take(taken, line)
                        taken += 1
                if ready[0][1] & select.POLLOUT and sent < len(request):
                    sent += self._socket.send(request[sent : sent + CHUNK_BYTES])
            except (BlockingIOError, InterruptedError):
                continue
            except OSError:
                raise TransferError(doing) from None

    def _read_lines(self, doing: str) -> list[bytes]:
        """The whole lines that have come, without their ends."""
        data = self._socket.recv(CHUNK_BYTES)
        if not data:
            raise TransferError(doing)
        *lines, self._unread = (self._unread + data).split(b"\r\n")
        if len(self._unread) > LINE_MAX_BYTES:
            raise TransferError("reading")
        return lines


class Connections:
    """Connections that are kept for the next transfer, at most KEPT_MAX, for KEPT_S seconds."""

    def __init__(self) -> None:
        self._kept: deque[tuple[tuple, Link]] = deque()   # the longest kept one first
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, key: tuple) -> Link | None:
        """The last one that was kept under the key and still works."""
        with self._lock:
            for pair in reversed(self._kept):
                if pair[0] == key:
                    self._kept.remove(pair)
                    break
            else:
                return None
        if pair[1].is_fresh():
            return pair[1]
        pair[1].close()
        return None

    def keep(self, key: tuple, link: Link) -> None:
        """Take over a connection that has nothing outstanding."""
        link.kept_since = time.monotonic()
        with self._lock:
            self._kept.append((key, link))
        self.sweep()

    def sweep(self) -> None:
        """Close those whose time is over."""
        oldest = time.monotonic() - KEPT_S
        with self._lock:
            while self._kept and (
                len(self._kept) > KEPT_MAX or self._kept[0][1].kept_since <= oldest
            ):
                self._kept.popleft()[1].close()


def carry(transfer: _engine.Transfer, connections: Connections | None = None) -> None:
    """Do a transfer and tell it what came of it. Blocks; raises nothing that a target can cause.

    A kept connection that turns out to be closed before anything was answered is replaced by a new
    one, once.
    """
    key = (transfer.host, transfer.port, bytes(transfer.preamble))
    link = connections.take(key) if connections is not None else None
    was_kept = link is not None
    while True:
        answered = False

        def take(index: int, line: bytes) -> None:
            nonlocal answered
            answered = True
            if line.startswith(b"+"):
                transfer.acknowledge(index)
            elif line.startswith(b"-"):
                transfer.refuse(line[1:])
            else:
                raise TransferError("reading")

        try:
            is_known = link is not None and transfer.preamble_count == 1
            if link is None:
                link = Link(transfer.host, transfer.port, transfer.timeout_ms)
            link.timeout_ms = transfer.timeout_ms
            if not is_known and not _introduce(link, transfer):
                link.close()
                return
            link.exchange(transfer.request, transfer.request_count, take)
        except TransferError as error:
            if link is not None:
                link.close()
                link = None
            if was_kept and not answered and not error.is_silent:
                was_kept = False
                continue
            transfer.fail(error.doing)
            return
        break
    if connections is not None:
        connections.keep(key, link)
    else:
        link.close()


def _introduce(link: Link, transfer: _engine.Transfer) -> bool:
    """Send the preamble; False where the target refuses it. Raises TransferError."""
    refused = False

    def take(index: int, line: bytes) -> None:
        nonlocal refused
        if line.startswith(b"-"):
            refused = True
            transfer.refuse(line[1:])
        elif not line.startswith(b"+"):
            raise TransferError("reading")

    link.exchange(transfer.preamble, transfer.preamble_count, take)
    return not refused


class Migrator:
    """Carries transfers for a loop, each in a thread, at most THREADS_MAX at a time.

    The threads are daemons: a target that does not answer keeps no server from stopping.
    """

    def __init__(self, loop, on_error) -> None:
        """`on_error(exception)` is told of exceptions that nobody meant to raise."""
        self.connections = Connections()
        self._loop = loop
        self._on_error = on_error
        self._waiting: queue.SimpleQueue = queue.SimpleQueue()
        self._threads = 0
        self._unfinished = 0
        self._sweeps = False

    def start(self, transfer: _engine.Transfer) -> None:
        """Carry a transfer; returns at once. On the loop's thread."""
        if self._unfinished >= self._threads and self._threads < THREADS_MAX:
            threading.Thread(target=self._work, name="migrate", daemon=True).start()
            self._threads += 1
        self._unfinished += 1
        self._waiting.put(transfer)

    def _work(self) -> None:
        while True:
            transfer = self._waiting.get()
            try:
                carry(transfer, self.connections)
            except Exception as error:
                transfer.fail("reading")
                self._on_error(error)
            try:
                self._loop.call_soon_threadsafe(self._finish, transfer)
            except RuntimeError:
                return  # the loop is closed: the server has stopped

    def _finish(self, transfer: _engine.Transfer) -> None:
        self._unfinished -= 1
        transfer.finish()
        if not self._sweeps and self.connections:
            self._sweeps = True
            self._loop.call_later(1, self._sweep)

    def _sweep(self) -> None:
        self.connections.sweep()
        self._sweeps = len(self.connections) > 0
        if self._sweeps:
            self._loop.call_later(1, self._sweep)
