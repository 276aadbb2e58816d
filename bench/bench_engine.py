"""The engine without sockets: pipelines fed to a session, replies taken back.

    python -m pytest bench/bench_engine.py --benchmark-only
    FASTREDIS_BENCH_KEYS=1000000 python -m pytest bench/bench_engine.py --benchmark-only

A row is 64 commands with random keys, fed 1, 16 or 64 at a time: what a command costs in parsing,
looking up and replying, with a Python call and two bytes objects a feed (the row of PING at depth
64 shows how little that is; at depth 1 it is most of the row). Without the kernel's part, which
`compare.py` measures with everything else.
"""

from __future__ import annotations

import os
import random
from itertools import cycle

import pytest

engine = pytest.importorskip("fastredis._engine")

KEY_COUNT = int(os.environ.get("FASTREDIS_BENCH_KEYS", "100000"))
COMMANDS = 64
STREAMS = 200
DEPTHS = [1, 16, 64]
VALUE = b"x" * 32


def encoded(*arguments: bytes) -> bytes:
    parts = [b"*%d\r\n" % len(arguments)]
    parts += [b"$%d\r\n%s\r\n" % (len(argument), argument) for argument in arguments]
    return b"".join(parts)


def key_of(number: int) -> bytes:
    return b"key:%012d" % number


def number_key_of(number: int) -> bytes:
    return b"number:%09d" % number


def mset(draw: random.Random) -> bytes:
    pairs = [(key_of(draw.randrange(KEY_COUNT)), VALUE) for _ in range(10)]
    return encoded(b"MSET", *(part for pair in pairs for part in pair))


def mget(draw: random.Random) -> bytes:
    return encoded(b"MGET", *(key_of(draw.randrange(KEY_COUNT)) for _ in range(10)))


MAKERS = {
    "PING": lambda draw: encoded(b"PING"),
    "GET": lambda draw: encoded(b"GET", key_of(draw.randrange(KEY_COUNT))),
    "GET, absent": lambda draw: encoded(b"GET", b"absent:%09d" % draw.randrange(10**9)),
    "SET": lambda draw: encoded(b"SET", key_of(draw.randrange(KEY_COUNT)), VALUE),
    "INCR": lambda draw: encoded(b"INCR", number_key_of(draw.randrange(KEY_COUNT))),
    "MSET of 10": mset,
    "MGET of 10": mget,
}


@pytest.fixture(scope="module")
def session():
    """A session of an engine that holds KEY_COUNT strings and as many numbers."""
    engine.create_engine(seed=1)
    made = engine.EmbeddedSession()
    for start in range(0, KEY_COUNT, 1000):
        numbers = range(start, min(start + 1000, KEY_COUNT))
        made.feed(b"".join(encoded(b"SET", key_of(number), VALUE) for number in numbers))
        made.feed(b"".join(encoded(b"SET", number_key_of(number), b"100000") for number in numbers))
    return made


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("command", MAKERS)
def test_pipeline(benchmark, session, command, depth):
    benchmark.group = f"{COMMANDS} times {command}"
    benchmark.extra_info["commands"] = COMMANDS
    draw = random.Random(7)
    streams = cycle([
        [b"".join(MAKERS[command](draw) for _ in range(depth)) for _ in range(COMMANDS // depth)]
        for _ in range(STREAMS)
    ])
    feed = session.feed
    reply = feed(next(streams)[0])
    assert reply and not reply.startswith(b"-")

    def work(pieces: list[bytes]) -> None:
        for piece in pieces:
            feed(piece)

    benchmark.pedantic(work, setup=lambda: ((next(streams),), {}), rounds=400, warmup_rounds=20)
