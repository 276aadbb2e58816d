"""The commands of the group `set`.

What SPOP takes is drawn by each server for itself, so it is only sent where nothing is left to
chance: for no member, for all of them, or with DEL behind it (grammar.is_safe, and scripts).
"""

from __future__ import annotations

from random import Random
from typing import List

from .. import alphabet
from ..alphabet import integer, key
from ..grammar import Argv, Family, any_order, maybe, one_of, rule, sequence, several, word

MEMBERS: List[bytes] = [
    b"a", b"b", b"c", b"d", b"e", b"f", b"1", b"2", b"3", b"4", b"-5", b"70000", b"-70000",
    b"32767", b"32768", b"3000000000", b"9223372036854775807", b"-9223372036854775808",
    b"9223372036854775808", b"", b"01", b"-0", b"\x00\xff", b"y" * 20, b"y" * 21, b"z" * 64,
    b"z" * 65, b"q" * 254, b"q" * 255]


def member(rng: Random) -> bytes:
    """A member that other commands name too; often a small number, so that intsets last."""
    return b"%d" % rng.randint(0, 9) if rng.random() < 0.5 else rng.choice(MEMBERS)


def counted_keys(rng: Random) -> Argv:
    """A number of keys and the keys, rarely another number of them."""
    keys = [key(rng) for _ in range(rng.randint(1, 3))]
    number = b"%d" % len(keys)
    if rng.random() < 0.08:
        number = rng.choice([b"0", b"-1", b"x", b"7", alphabet.LONG_MAX, alphabet.LONG_MIN])
    return [number, *keys]


def drawn_count(rng: Random) -> bytes:
    """How many members to draw."""
    return b"%d" % rng.randint(-9, 9) if rng.random() < 0.8 else integer(rng)


def all_or_none(rng: Random) -> bytes:
    """A count of SPOP that leaves nothing to chance, or that is none."""
    return rng.choice([b"0", b"1000", alphabet.LONG_MAX, b"-1", b"x", b"", alphabet.LONG_MIN])


def popped_and_deleted(rng: Random) -> List[Argv]:
    """How many are popped can be compared, and then nothing is left."""
    name, size = key(rng), rng.randint(1, 30)
    members = [member(rng) for _ in range(size)]
    pop = [b"SPOP", name, b"%d" % rng.randint(1, size)]
    return [[b"DEL", name], [b"SADD", name, *members], pop[:rng.choice([2, 3, 3])],
            [b"SCARD", name], [b"TYPE", name], [b"DEL", name]]


def one_is_popped(rng: Random) -> List[Argv]:
    """The only member there is."""
    name = key(rng)
    return [[b"DEL", name], [b"SADD", name, member(rng)], [b"SRANDMEMBER", name],
            [b"SPOP", name], [b"EXISTS", name]]


def users_online(rng: Random) -> List[Argv]:
    """Who was there on both of two days, and who came new."""
    today, before, both = key(rng), key(rng), key(rng)
    return [[b"SADD", today, *(b"user:%d" % rng.randint(1, 20) for _ in range(12))],
            [b"SADD", before, *(b"user:%d" % rng.randint(1, 20) for _ in range(5))],
            [b"SINTERSTORE", both, today, before], [b"SDIFF", today, before],
            [b"SUNIONSTORE", both, today, before], [b"SCARD", both],
            [b"SINTERCARD", b"2", today, before, b"LIMIT", b"3"]]


_SCAN_OPTIONS = any_order(
    word("COUNT 1000", "count 1000"), maybe(0.4, sequence(word("MATCH"), alphabet.pattern)),
    maybe(0.05, word("NOVALUES", "TYPE set", "COUNT 0", "COUNT x")))
_ALGEBRA = several(1, 4, key)

SETS = Family("sets", (
    rule(18, "SADD", key, several(1, 6, member)),
    rule(8, "SREM", key, several(1, 4, member)),
    rule(4, "SMOVE", key, key, member),
    rule(3, "SISMEMBER", key, member),
    rule(3, "SMISMEMBER", key, several(1, 5, member)),
    rule(3, "SCARD", key),
    rule(4, "SMEMBERS", key),
    rule(3, "SSCAN", key, word("0", "0", "0", "x", "-1"), _SCAN_OPTIONS),
    rule(3, "SPOP", key, all_or_none),
    rule(4, "SRANDMEMBER", key, maybe(0.8, drawn_count)),
    rule(3, "SINTER", _ALGEBRA),
    rule(3, "SUNION", _ALGEBRA),
    rule(3, "SDIFF", _ALGEBRA),
    rule(3, "SINTERSTORE", key, _ALGEBRA),
    rule(3, "SUNIONSTORE", key, _ALGEBRA),
    rule(3, "SDIFFSTORE", key, _ALGEBRA),
    rule(3, "SINTERCARD", counted_keys, maybe(0.5, one_of(
        sequence(word("LIMIT"), drawn_count), alphabet.option))),
    rule(2, "OBJECT ENCODING", key),
    rule(1, "DEL", key),
), requires=b"SADD", scripts=(popped_and_deleted, one_is_popped, users_online), reads={b"set": [
    [b"SCARD", b"KEY"], [b"SMEMBERS", b"KEY"], [b"SSCAN", b"KEY", b"0", b"COUNT", b"1000"],
    [b"DUMP", b"KEY"]]})
