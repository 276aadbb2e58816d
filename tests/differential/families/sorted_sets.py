"""The commands of the group `sorted-set`, and a few sets for them to be combined with.

Scores meet every edge: both infinities, sums that overflow or are no number, -0, ties, and the
ends of the range of doubles. Members are few, so that they tie and come again; some are numbers,
some longer than a listpack may hold.
"""

from __future__ import annotations

from random import Random
from typing import List

from .. import alphabet
from ..alphabet import key
from ..grammar import Argv, Family, any_order, maybe, one_of, rule, sequence, several, word

MEMBERS: List[bytes] = [
    b"a", b"b", b"c", b"d", b"e", b"aa", b"ab", b"B", b"", b"1", b"-5", b"007", b"10", b"\x00",
    b"a\x00b", b"\xff", b"9223372036854775807", b"m" * 8, b"m" * 9, b"x" * 70]
SCORES: List[bytes] = [
    b"0", b"1", b"-1", b"2", b"3", b"2.5", b"-2.5", b"0.1", b"0.2", b"-0", b"1e3", b"inf", b"-inf",
    b"+inf", b"1e308", b"-1e308", b"1.7976931348623157e308", b"5e-324", b"2.2250738585072014e-308",
    b"3.0000000000000004", b"9007199254740993", b"123456789012345678", b"1e17", b"1e20", b"1e21",
    b"1.5e-7", b"0.00001234", b"4611686018427387904", b"-9223372036854775808", b"1e100"]
NOT_SCORES: List[bytes] = [
    b"nan", b"-nan", b"x", b"", b" 1", b"1 ", b"1e400", b"1e-400", b"1,5", b"0x10", b"1\x00", b"("]
BOUNDS: List[bytes] = [
    b"-inf", b"+inf", b"inf", b"(-inf", b"(inf", b"(0", b"(1", b"0", b"1", b"-1", b"2", b"(2.5",
    b"3", b"-0", b"(-0", b"1e308", b"(1e308", b"-5", b"5"]
NOT_BOUNDS: List[bytes] = [
    b"nan", b"(nan", b"((1", b"x", b"", b"(", b"1e400", b"-1e400", b"1e-400", b"1\x00x", b"[a",
    b"-", b"+"]
LEX_BOUNDS: List[bytes] = [
    b"-", b"+", b"[a", b"(a", b"[b", b"(b", b"[c", b"(d", b"[", b"(", b"[aa", b"(ab", b"[B",
    b"[\xff", b"(\x00", b"[1", b"[m"]
NOT_LEX_BOUNDS: List[bytes] = [b"a", b"", b"-a", b"+a", b"--", b"1"]
WEIGHTS: List[bytes] = [
    b"1", b"2", b"-1", b"0", b"-0", b"0.5", b"inf", b"-inf", b"1e308", b"nan", b"x", b"1e400"]
TIMEOUTS: List[bytes] = [b"0.001", b"0.01", b"-1", b"x", b"", b"nan", b"inf", b"1e400"]


def member(rng: Random) -> bytes:
    """A member that other commands name too."""
    return rng.choice(MEMBERS)


def score(rng: Random) -> bytes:
    """Mostly a small number, often an edge, rarely none."""
    where = rng.random()
    if where < 0.45:
        return b"%d" % rng.randint(-4, 4)
    return rng.choice(SCORES if where < 0.97 else NOT_SCORES)


def bound(rng: Random) -> bytes:
    """One end of a range of scores."""
    where = rng.random()
    if where < 0.15:
        return score(rng)
    return rng.choice(BOUNDS if where < 0.93 else NOT_BOUNDS)


def lex_bound(rng: Random) -> bytes:
    """One end of a range of members."""
    return rng.choice(LEX_BOUNDS if rng.random() < 0.95 else NOT_LEX_BOUNDS)


def lex_key(rng: Random) -> bytes:
    """A key whose members all have the score 0: only there ranges of members are defined."""
    return rng.choice(alphabet.LEX_KEYS)


def rank(rng: Random) -> bytes:
    """A rank of a short set, now and then absurd."""
    if rng.random() < 0.93:
        return b"%d" % rng.randint(-12, 12)
    return rng.choice(alphabet.INTEGERS + alphabet.NOT_INTEGERS)


def count(rng: Random) -> bytes:
    """How many members; not so many below zero that a reply would become long."""
    where = rng.random()
    if where < 0.9:
        return b"%d" % rng.randint(-6, 12)
    return rng.choice([b"9223372036854775807", b"-9223372036854775808", b"4611686018427387904",
                       *alphabet.NOT_INTEGERS])


def numkeys(rng: Random) -> Argv:
    """A number of keys and the keys, rarely another number of them."""
    keys = [key(rng) for _ in range(rng.randint(1, 4))]
    number = b"%d" % len(keys)
    if rng.random() < 0.05:
        number = rng.choice([b"0", b"-1", b"x", b"5", b"99", alphabet.LONG_MAX, alphabet.LONG_MIN])
    return [number, *keys]


def weighted_keys(rng: Random) -> Argv:
    """The same, behind them mostly as many weights."""
    argv = numkeys(rng)
    if rng.random() < 0.5:
        wanted = len(argv) - 1 + (rng.random() < 0.03)
        argv += [b"WEIGHTS", *(rng.choice(WEIGHTS[:9] if rng.random() < 0.97 else WEIGHTS)
                               for _ in range(wanted))]
    return argv


def timeout(rng: Random) -> bytes:
    """A short wait, or none that is valid."""
    return rng.choice(TIMEOUTS[:2] if rng.random() < 0.9 else TIMEOUTS)


_PAIRS = several(1, 5, score, member)
_LIMIT = sequence(word("LIMIT", "limit"), rank, rank)
_SCORES = word("WITHSCORES", "withscores")
_ENDS = word("MIN", "MAX", "min", "MAX")
_AGGREGATE = sequence(word("AGGREGATE"), word("SUM", "MIN", "MAX", "sum", "AVG"))
_RANGE = one_of(
    sequence(key, rank, rank), sequence(key, bound, bound, word("BYSCORE", "byscore")),
    sequence(lex_key, lex_bound, lex_bound, word("BYLEX", "bylex")), sequence(key, rank, bound))
_RANGE_OPTIONS = any_order(
    maybe(0.4, word("REV", "rev")), maybe(0.3, _LIMIT), maybe(0.03, word("BYSCORE", "BYLEX")))
_POP_MANY = sequence(numkeys, _ENDS, maybe(0.5, sequence(word("COUNT"), count)))


def _leaderboard(rng: Random) -> List[Argv]:
    name, player = key(rng), member(rng)
    return [[b"ZADD", name, score(rng), player], [b"ZINCRBY", name, score(rng), player],
            [b"ZREVRANK", name, player], [b"ZREVRANGE", name, b"0", b"9", b"WITHSCORES"],
            [b"ZCOUNT", name, b"-inf", score(rng)], [b"ZREMRANGEBYRANK", name, b"0", b"-11"]]


def _dictionary(rng: Random) -> List[Argv]:
    """All members with the same score: what ranges of members are for."""
    name, low, high = lex_key(rng), lex_bound(rng), lex_bound(rng)
    pairs = [arg for text in rng.sample(MEMBERS, rng.randint(1, 12)) for arg in (b"0", text)]
    return [[b"DEL", name], [b"ZADD", name, *pairs], [b"ZRANGEBYLEX", name, low, high],
            [b"ZREVRANGEBYLEX", name, high, low], [b"ZLEXCOUNT", name, low, high],
            [b"ZREMRANGEBYLEX", name, low, high], [b"ZRANGE", name, b"0", b"-1", b"WITHSCORES"]]


SORTED_SETS = Family("sorted_sets", (
    rule(14, "ZADD", key, _PAIRS),
    rule(8, "ZADD", key, several(1, 3, word("NX", "XX", "GT", "LT", "CH", "INCR", "ch")), _PAIRS),
    rule(3, "ZADD", key, word("INCR"), score, member),
    rule(5, "ZADD", lex_key, several(1, 6, word("0"), member)),
    rule(2, "ZREM", lex_key, several(1, 4, member)),
    rule(6, "ZINCRBY", key, score, member),
    rule(5, "ZREM", key, several(1, 4, member)),
    rule(2, "ZCARD", key),
    rule(4, "ZSCORE", key, member),
    rule(3, "ZMSCORE", key, several(1, 4, member)),
    rule(3, "ZRANK", key, member, maybe(0.4, word("WITHSCORE", "withscore", "FOO"))),
    rule(3, "ZREVRANK", key, member, maybe(0.4, word("WITHSCORE"))),
    rule(3, "ZCOUNT", key, bound, bound),
    rule(2, "ZLEXCOUNT", lex_key, lex_bound, lex_bound),
    rule(6, "ZRANGE", key, rank, rank, maybe(0.4, _SCORES), maybe(0.2, word("REV"))),
    rule(6, "ZRANGE", _RANGE, _RANGE_OPTIONS, maybe(0.3, _SCORES)),
    rule(4, "ZRANGESTORE", key, _RANGE, _RANGE_OPTIONS),
    rule(2, "ZREVRANGE", key, rank, rank, maybe(0.4, _SCORES), maybe(0.05, _LIMIT)),
    rule(3, "ZRANGEBYSCORE", key, bound, bound, any_order(maybe(0.4, _SCORES), maybe(0.4, _LIMIT))),
    rule(3, "ZREVRANGEBYSCORE", key, bound, bound,
         any_order(maybe(0.4, _SCORES), maybe(0.4, _LIMIT))),
    rule(3, "ZRANGEBYLEX", lex_key, lex_bound, lex_bound, maybe(0.4, _LIMIT), maybe(0.03, _SCORES)),
    rule(3, "ZREVRANGEBYLEX", lex_key, lex_bound, lex_bound, maybe(0.4, _LIMIT)),
    rule(2, "ZREMRANGEBYRANK", key, rank, rank),
    rule(2, "ZREMRANGEBYSCORE", key, bound, bound),
    rule(2, "ZREMRANGEBYLEX", lex_key, lex_bound, lex_bound),
    rule(2, "ZPOPMIN", key, maybe(0.6, count)),
    rule(2, "ZPOPMAX", key, maybe(0.6, count)),
    rule(1, "BZPOPMIN", several(1, 3, key), timeout),
    rule(1, "BZPOPMAX", several(1, 3, key), timeout),
    rule(3, "ZMPOP", _POP_MANY),
    rule(1, "BZMPOP", timeout, _POP_MANY),
    rule(2, "ZRANDMEMBER", key, maybe(0.8, sequence(count, maybe(0.5, _SCORES)))),
    rule(3, "ZSCAN", key, word("0", "0", "0", "x", "-1"),
         any_order(word("COUNT 1000", "count 1000"),
                   maybe(0.4, sequence(word("MATCH"), alphabet.pattern)),
                   maybe(0.05, word("NOVALUES", "TYPE zset", "COUNT 0", "COUNT x")))),
    rule(3, "ZUNION", weighted_keys, any_order(maybe(0.4, _AGGREGATE), maybe(0.7, _SCORES))),
    rule(3, "ZINTER", weighted_keys, any_order(maybe(0.4, _AGGREGATE), maybe(0.7, _SCORES))),
    rule(2, "ZDIFF", numkeys, maybe(0.7, _SCORES), maybe(0.03, _AGGREGATE)),
    rule(3, "ZUNIONSTORE", key, weighted_keys, maybe(0.4, _AGGREGATE)),
    rule(3, "ZINTERSTORE", key, weighted_keys, maybe(0.4, _AGGREGATE)),
    rule(2, "ZDIFFSTORE", key, numkeys, maybe(0.03, _SCORES)),
    rule(2, "ZINTERCARD", numkeys, maybe(0.5, sequence(word("LIMIT"), count))),
    rule(3, "SADD", key, several(1, 5, member)),
    rule(1, "DEL", key),
), requires=b"ZADD", scripts=(_leaderboard, _dictionary), reads={b"zset": [
    [b"ZCARD", b"KEY"], [b"ZRANGE", b"KEY", b"0", b"-1", b"WITHSCORES"],
    [b"ZREVRANGE", b"KEY", b"0", b"-1"], [b"ZSCAN", b"KEY", b"0", b"COUNT", b"1000"],
    [b"ZCOUNT", b"KEY", b"(0", b"inf"], [b"DUMP", b"KEY"]]})
