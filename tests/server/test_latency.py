"""Lateness and stalls, with bounds wide enough for a busy machine; bench/latency.py measures.

What is looked for are orders of magnitude: a sampling expiry is seconds late, a table that is
copied when it grows or freed in one go stalls everybody for a tenth of a second and more.
"""

from __future__ import annotations

import random
import threading
import time
from typing import List, Sequence, Tuple

import pytest

from support.server_process import ServerProcess, sanitized
from support.timing import in_a_quiet_moment
from support.wire import TIME_SCALE, Client, encode_command, eventually

MEGABYTE = 1 << 20
pytestmark = [
    pytest.mark.target("fastredis", reason="bounds of this design"),
    pytest.mark.timeout(120 * TIME_SCALE),
    pytest.mark.skipif(sanitized(), reason="time bounds say nothing under sanitizers"),
]


def load(client: Client, commands: Sequence[bytes]) -> None:
    """Sends SETs in pipelines and counts their answers."""
    for at in range(0, len(commands), 5000):
        part = commands[at:at + 5000]
        client.send(b"".join(part))
        left = len(part) * len(b"+OK\r\n")
        while left:
            left -= len(client.socket.recv(min(left, 1 << 20)))


def round_trips(client: Client, duration_s: float) -> List[float]:
    """Seconds of each PING, ascending."""
    found = []
    end = time.monotonic() + duration_s
    while time.monotonic() < end:
        started = time.monotonic()
        client.socket.sendall(b"PING\r\n")
        assert client.socket.recv(7) == b"+PONG\r\n"
        found.append(time.monotonic() - started)
        time.sleep(0.0002)
    return sorted(found)


def lateness_ms(server: ServerProcess, count: int, window_ms: int) -> List[float]:
    """How late each of `count` keys left that are due at random moments of a window, ascending."""
    client = server.client()
    others = client.call("DBSIZE")
    first_ms = int(time.time() * 1000) + 300
    due = sorted(first_ms + random.Random(1).randrange(window_ms) for _ in range(count))
    load(client, [encode_command("SET", f"due{n}", "v", "PXAT", str(at))
                  for n, at in enumerate(due)])
    late: List[float] = []
    while len(late) < count:
        left = client.call("DBSIZE") - others
        now_ms = time.time() * 1000
        assert now_ms < due[-1] + 5000 * TIME_SCALE, f"{left} keys are still there"
        late += [now_ms - at for at in due[len(late):count - left]]
    return sorted(late)


@pytest.mark.parametrize("others", [0, 10_000, 300_000])
def test_due_keys_leave_on_time_whatever_else_is_volatile(fresh_server, others):
    """Redis is 0.2 s late when idle, 16 s beside 10,000 other volatile keys."""
    server = fresh_server()
    load(server.client(), [encode_command("SET", f"other{n}", "v", "EX", str(10_000 + n))
                           for n in range(others)])

    def check() -> None:
        late = lateness_ms(server, 400, 1500)
        assert late[len(late) // 2] < 10 * TIME_SCALE
        assert late[int(len(late) * 0.99)] < 60 * TIME_SCALE

    in_a_quiet_moment(check)


def test_many_keys_due_at_once_do_not_stall_others(fresh_server):
    server = fresh_server()
    client = server.client()

    def check() -> None:
        first_ms = int(time.time() * 1000) + 4000
        load(client, [encode_command("SET", f"k{n}", "v", "PXAT", str(first_ms + n // 400))
                      for n in range(200_000)])
        time.sleep(max(0.0, first_ms / 1000 - time.time()))
        found = round_trips(server.client(), 1.0)
        assert found[int(len(found) * 0.99)] < 0.02 * TIME_SCALE
        assert found[-1] < 0.1 * TIME_SCALE
        assert client.call("DBSIZE") == 0

    in_a_quiet_moment(check)


def grow_beside_another(server: ServerProcess) -> None:
    prober = server.client()

    def grow() -> None:
        loader = server.client()
        load(loader, [encode_command("SET", f"key:{n:09d}", "v" * 32) for n in range(600_000)])

    thread = threading.Thread(target=grow)
    thread.start()
    slowest: List[float] = []
    while thread.is_alive():
        slowest.append(round_trips(prober, 0.05)[-1])
    thread.join()
    # The loader's own pipelines of 5,000 take a few milliseconds each, and so does Python's GIL.
    assert sorted(slowest)[len(slowest) // 2] < 0.05 * TIME_SCALE
    assert max(slowest) < 0.25 * TIME_SCALE


def test_growth_does_not_stall_others(fresh_server):
    in_a_quiet_moment(lambda: grow_beside_another(fresh_server()))


def flush(server: ServerProcess, words: Tuple[str, ...]) -> None:
    client, other = server.client(), server.client()
    other.expect_alive()
    before = server.rss_bytes()
    load(client, [encode_command("SET", f"key:{n:09d}", "v" * 100, "EX", "100000")
                  for n in range(400_000)])
    assert server.rss_bytes() - before > 50 * MEGABYTE
    started = time.monotonic()
    client.ok(*words)
    assert time.monotonic() - started < 0.02 * TIME_SCALE
    assert round_trips(other, 0.5)[-1] < 0.1 * TIME_SCALE
    assert client.call("DBSIZE") == 0
    eventually(lambda: server.rss_bytes() - before < 24 * MEGABYTE, 8, "memory given back")


@pytest.mark.memory_bound
@pytest.mark.parametrize("words", [("FLUSHALL",), ("FLUSHDB", "ASYNC"), ("FLUSHALL", "SYNC")])
def test_flush_of_many_keys_answers_at_once_and_gives_memory_back(fresh_server, words):
    """Empty memory went back 10 MB a second: half a minute for this."""
    in_a_quiet_moment(lambda: flush(fresh_server(), words))
