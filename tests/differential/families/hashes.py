"""The commands of the group `hash`; those of Redis 7.4 and later in a family of their own.

No field is ever given a due time of a few milliseconds: a real server goes on to count a field
that is due until it happens to meet it, so that what HLEN answers then is a matter of luck.
"""

from __future__ import annotations

from random import Random
from typing import List

from .. import alphabet
from ..alphabet import (
    absolute_ms, absolute_s, floating, integer, key, option, pattern, relative_s, value)
from ..grammar import Family, any_order, maybe, one_of, rule, sequence, several, word

FIELDS: List[bytes] = [
    b"f", b"g", b"h", b"1", b"-7", b"", b"f\x00\r\n", b"field:100", b"x" * 20, b"y" * 64,
    b"z" * 65, b"9223372036854775807", b"01", b"n"]


def field(rng: Random) -> bytes:
    """One of few names: numbers, texts that look like some, lengths about the thresholds."""
    return rng.choice(FIELDS)


def _far_ms(rng: Random) -> bytes:
    low, high = alphabet.RELATIVE_LOW_S * 1000, alphabet.RELATIVE_HIGH_S * 1000
    if rng.random() < 0.9:
        return b"%d" % rng.randint(low, high)
    return rng.choice([b"0", b"-1", b"x", b"", b"01", alphabet.LONG_MAX, alphabet.LONG_MIN])


def _count(rng: Random) -> bytes:
    if rng.random() < 0.9:
        return b"%d" % rng.randint(-12, 12)
    return rng.choice([b"x", b"", alphabet.LONG_MAX, alphabet.LONG_MIN, b"4611686018427387904"])


def _fields(part: object, most: int):
    """FIELDS, a count that is mostly right, and as many fields (with values)."""
    def draw(rng: Random) -> List[bytes]:
        count = rng.randint(1, most)
        told = b"%d" % count
        if rng.random() < 0.06:
            told = rng.choice([b"0", b"-1", b"x", b"%d" % (count + 1), b"99999999999999999999",
                               b"2147483648", b"01"])
        drawn = [argument for _ in range(count) for argument in part(rng)]
        return [b"FIELDS", told, *drawn]
    return draw


_PAIRS = several(1, 5, field, value)
_NAMES = _fields(sequence(field), 4)
_NAMES_WITH_VALUES = _fields(sequence(field, value), 5)
_CONDITION = maybe(0.4, word("NX", "XX", "GT", "LT"))
_TIME = one_of(sequence(word("EX"), relative_s), sequence(word("PX"), _far_ms),
               sequence(word("EXAT"), absolute_s), sequence(word("PXAT"), absolute_ms))

HASHES = Family("hashes", (
    rule(10, "HSET", key, _PAIRS),
    rule(2, "HSET", key, several(3, 12, field, value)),
    rule(1, "HMSET", key, _PAIRS),
    rule(2, "HSETNX", key, field, value),
    rule(4, "HGET", key, field),
    rule(3, "HMGET", key, several(1, 5, field)),
    rule(3, "HGETALL", key),
    rule(1, "HKEYS", key),
    rule(1, "HVALS", key),
    rule(2, "HLEN", key),
    rule(1, "HSTRLEN", key, field),
    rule(1, "HEXISTS", key, field),
    rule(4, "HDEL", key, several(1, 4, field)),
    rule(4, "HINCRBY", key, field, integer),
    rule(4, "HINCRBYFLOAT", key, field, floating),
    rule(1, "HRANDFIELD", key),
    rule(2, "HRANDFIELD", key, _count, maybe(0.5, word("WITHVALUES"))),
    rule(0.2, "HRANDFIELD", key, _count, option),
    rule(2, "HSCAN", key, word("0", "0", "0", "17", "x"), any_order(
        maybe(0.3, sequence(word("COUNT"), integer)),
        maybe(0.3, sequence(word("MATCH"), pattern)),
        maybe(0.2, word("NOVALUES")), maybe(0.05, option))),
    rule(0.5, "OBJECT ENCODING", key),
    rule(0.5, "DEL", key),
), requires=b"HSET", reads={
    b"hash": [[b"HGETALL", b"KEY"], [b"HLEN", b"KEY"], [b"DUMP", b"KEY"]]})

HASHES_EXPIRY = Family("hashes_expiry", (
    rule(4, "HEXPIRE", key, relative_s, _CONDITION, _NAMES),
    rule(4, "HPEXPIRE", key, _far_ms, _CONDITION, _NAMES),
    rule(3, "HEXPIREAT", key, absolute_s, _CONDITION, _NAMES),
    rule(4, "HPEXPIREAT", key, absolute_ms, _CONDITION, _NAMES),
    rule(2, "HTTL", key, _NAMES),
    rule(2, "HPTTL", key, _NAMES),
    rule(1, "HEXPIRETIME", key, _NAMES),
    rule(3, "HPEXPIRETIME", key, _NAMES),
    rule(3, "HPERSIST", key, _NAMES),
    rule(4, "HGETEX", key, maybe(0.8, one_of(_TIME, word("PERSIST"))), _NAMES),
    rule(6, "HSETEX", key, any_order(
        maybe(0.3, word("FNX", "FXX")), maybe(0.7, one_of(_TIME, word("KEEPTTL"))),
        maybe(0.04, option)), _NAMES_WITH_VALUES),
    rule(2, "HGETDEL", key, _NAMES),
), requires=b"HEXPIRE")
