"""The commands of the group `hyperloglog`, and strings that are nearly values of theirs.

They have keys of their own: a value whose last run is cut short (as APPEND makes them) brings real
servers down.
"""

from __future__ import annotations

from random import Random
from typing import List

from ..alphabet import key
from ..grammar import Argv, Family, maybe, rule, several, word

_KEYS = [b"hll:1", b"hll:2", b"hll:3", b"hll:4", b"hll:5"]
_HEADER = b"HYLL\x01\x00\x00\x00"
_CACHES = [b"\x00" * 7 + b"\x80", b"\x00" * 8, b"\x05" + b"\x00" * 7, b"\xff" * 8]
_DENSE = b"HYLL\x00\x00\x00\x00" + b"\x00" * 7 + b"\x80"


def hll_key(rng: Random) -> bytes:
    """A key that holds a value, or nothing."""
    return rng.choice(_KEYS)


def read_key(rng: Random) -> bytes:
    """The same, now and then one that holds something else."""
    return key(rng) if rng.random() < 0.06 else hll_key(rng)


def element(rng: Random) -> bytes:
    """An element: from few, so that they repeat, or from many."""
    where = rng.random()
    if where < 0.3:
        return b"%d" % rng.randint(0, 40)
    if where < 0.9:
        return b"element:%d" % rng.randint(0, 100_000)
    return bytes(rng.randrange(256) for _ in range(rng.randint(0, 40)))


def _run(rng: Random, left: int) -> bytes:
    """A run of at most `left` registers."""
    kind = rng.random()
    if kind < 0.5:
        return bytes([0x80 | rng.choice([0, 0, 1, 2, 31]) << 2 | min(rng.randint(1, 4), left) - 1])
    length = min(rng.choice([1, 2, 63, 64, 65, 1000, 16384]), left)
    if length <= 64 and kind < 0.95:
        return bytes([length - 1])
    return bytes([0x40 | (length - 1) >> 8, (length - 1) & 255])


def _length(run: bytes) -> int:
    if run[0] & 0x80:
        return (run[0] & 3) + 1
    return ((run[0] & 0x3f) << 8 | run[1]) + 1 if run[0] & 0x40 else run[0] + 1


def sparse_value(rng: Random) -> bytes:
    """A sparse value with odd runs, mostly well-formed; the wrong ones never end within a run,
    behind which real servers read on."""
    left, runs = 16384, []
    for _ in range(rng.randint(0, 30)):
        if left:
            runs.append(_run(rng, left))
            left -= _length(runs[-1])
    if rng.random() < 0.9:
        while left:
            runs.append(bytes([0x40 | (left - 1) >> 8, (left - 1) & 255]))
            left = 0
    if rng.random() < 0.03:
        runs.append(_run(rng, 64))
    return _HEADER + rng.choice(_CACHES) + b"".join(runs)


def dense_value(rng: Random) -> bytes:
    """A dense value of a few random ranks; rarely of a wrong length."""
    registers = bytearray(12288)
    for _ in range(rng.randint(0, 30)):
        registers[rng.randrange(12288)] = rng.randrange(256)
    return _DENSE + bytes(registers) + (b"\x00" if rng.random() < 0.03 else b"")


def no_value(rng: Random) -> bytes:
    """Strings that are refused."""
    return rng.choice([b"", b"12", b"HYLL", b"hello", _HEADER + b"\x00" * 7,
                       b"HYLL\x02" + b"\x00" * 13, b"HYLX\x01" + b"\x00" * 13, _DENSE])


def _many(rng: Random) -> List[Argv]:
    """Elements in bulk, so that the value comes near the limit and beyond it."""
    name = hll_key(rng)
    start, count = rng.randrange(1_000_000), rng.choice([200, 700, 1500])
    adds = [[b"PFADD", name] + [b"%d" % number for number in range(at, at + 50)]
            for at in range(start, start + count, 50)]
    return adds + [[b"PFDEBUG", b"ENCODING", name], [b"PFCOUNT", name], [b"STRLEN", name]]


def _limits(rng: Random) -> List[Argv]:
    """The same with another limit, and back to the usual one."""
    limit = rng.choice([b"0", b"18", b"40", b"120", b"20000"])
    merges = [[b"PFMERGE", hll_key(rng), hll_key(rng), hll_key(rng)] for _ in range(3)]
    few = [[b"PFADD", hll_key(rng), element(rng), element(rng)] for _ in range(10)]
    commands = few + (_many(rng) if rng.random() < 0.5 else []) + merges
    return ([[b"CONFIG", b"SET", b"hll-sparse-max-bytes", limit]] + commands
            + [[b"CONFIG", b"SET", b"hll-sparse-max-bytes", b"3000"]])


_SEVERAL = several(1, 4, read_key)

HYPERLOGLOG = Family("hyperloglog", (
    rule(14, "PFADD", hll_key, several(0, 6, element)),
    rule(1, "PFADD", hll_key, several(20, 80, element)),
    rule(6, "PFCOUNT", read_key),
    rule(4, "PFCOUNT", _SEVERAL),
    rule(6, "PFMERGE", hll_key, several(0, 4, read_key)),
    rule(3, "SET", hll_key, sparse_value),
    rule(0.5, "SET", hll_key, dense_value),
    rule(0.5, "SET", hll_key, no_value),
    rule(0.3, "PFDEBUG GETREG", read_key),
    rule(2, "PFDEBUG DECODE", read_key),
    rule(2, "PFDEBUG ENCODING", read_key),
    rule(0.5, "PFDEBUG TODENSE", read_key),
    rule(0.1, "PFDEBUG", word("FOO", "SIM"), read_key),
    rule(3, "GET", hll_key),
    rule(1, "DEL", hll_key),
    rule(1, "OBJECT ENCODING", hll_key),
    rule(0.5, "EXPIRE", hll_key, word("100000")),
    rule(0.5, "COPY", hll_key, hll_key, maybe(0.7, word("REPLACE"))),
), requires=b"PFCOUNT", scripts=(_many, _limits))
