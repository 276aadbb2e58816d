"""How late keys expire, seen from outside in two ways that do not touch the keys.

    events   a subscriber of __keyevent@0__:expired notes when each key's message arrives; the
             server is left alone, so that only its own timer can find a due key
    polling  DBSIZE about every millisecond; the n-th key to go is matched with the n-th due
             time. The polls themselves wake the server: this is the kinder of the two methods,
             and the only one for servers without keyspace events

Reading the keys would expire them on access and prove nothing. Due times are absolute
(PXAT), so that the clock of client and server, being the same machine's, needs no correction.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Sequence
from typing import Any

from .servers import Server
from .stats import percentile
from .wire import Connection, ReplyError, encode, load
from .workloads import SEED

CHANNEL = "__keyevent@0__:expired"
POLL_S = 0.0005
LEAD_S = 1.5


def match_departures(due_ms: Sequence[float], seen: Sequence[tuple[float, int]]
                     ) -> list[float]:
    """Lateness of each key from polls of (time in ms, keys gone so far).

    The n-th departure belongs to the n-th due time: exact where keys go in order, and in any
    case right in sum. Keys that never went are left out.
    """
    late, gone = [], 0
    ordered = sorted(due_ms)
    for moment_ms, count in seen:
        while gone < min(count, len(ordered)):
            late.append(moment_ms - ordered[gone])
            gone += 1
    return late


def lateness_summary(late_ms: Sequence[float], expected: int, waited_ms: float
                     ) -> dict[str, Any]:
    """median, p99 and max in ms; keys that never went count as late by the whole wait."""
    missing = expected - len(late_ms)
    ordered = sorted([*late_ms, *([waited_ms] * missing)])
    return {"count": expected, "missing": missing, "median": percentile(ordered, 0.5),
            "p99": percentile(ordered, 0.99), "max": ordered[-1]}


def load_others(connection: Connection, count: int) -> None:
    """Volatile keys that stay: due in one to two days."""
    chance = random.Random(SEED)
    load(connection, (encode(("SET", b"other:%09d" % n, "v", "EX",
                              86_400 + chance.randrange(86_400))) for n in range(count)))


def load_due(connection: Connection, count: int, window_s: float) -> list[int]:
    """Keys due at random moments of the window, which begins shortly; their times in ms."""
    chance = random.Random(SEED)
    first_ms = int((time.time() + LEAD_S) * 1000)
    due_ms = [first_ms + chance.randrange(int(window_s * 1000)) for _ in range(count)]
    load(connection, (encode(("SET", b"due:%07d" % n, "v", "PXAT", due))
                      for n, due in enumerate(due_ms)))
    if time.time() * 1000 > first_ms:
        raise ValueError("loading took longer than the keys had to live")
    return due_ms


def by_events(server: Server, count: int, window_s: float, grace_s: float
              ) -> dict[str, Any] | None:
    """Lateness by keyspace events; None where the server has none."""
    with server.connect() as control, server.connect() as subscriber:
        if not control.supports("CONFIG", "SET", "notify-keyspace-events", "Ex"):
            return None
        try:
            subscriber.call("SUBSCRIBE", CHANNEL)
        except ReplyError:
            return None
        due_ms = load_due(control, count, window_s)
        deadline_s = max(due_ms) / 1000 + grace_s
        arrived: dict[int, float] = {}
        while len(arrived) < count and time.time() < deadline_s:
            subscriber.socket.settimeout(max(deadline_s - time.time(), 0.001))
            try:
                message = subscriber.read()
            except socket.timeout:
                break
            now_ms = time.time() * 1000
            name = message[2] if isinstance(message, list) and len(message) == 3 else None
            if isinstance(name, bytes) and name.startswith(b"due:"):
                arrived.setdefault(int(name[4:]), now_ms)
        control.call("CONFIG", "SET", "notify-keyspace-events", "")
    late_ms = [moment - due_ms[number] for number, moment in arrived.items()]
    return lateness_summary(late_ms, count, grace_s * 1000)


def by_polling(server: Server, count: int, window_s: float, grace_s: float) -> dict[str, Any]:
    """Lateness by watching DBSIZE."""
    with server.connect() as control:
        before = int(control.call("DBSIZE"))
        due_ms = load_due(control, count, window_s)
        deadline_s = max(due_ms) / 1000 + grace_s
        seen: list[tuple[float, int]] = []
        gone = 0
        while gone < count and time.time() < deadline_s:
            left = int(control.call("DBSIZE")) - before
            if count - left > gone:
                gone = count - left
                seen.append((time.time() * 1000, gone))
            time.sleep(POLL_S)
    return lateness_summary(match_departures(due_ms, seen), count, grace_s * 1000)
