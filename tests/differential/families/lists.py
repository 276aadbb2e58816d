"""The commands of the group `list`, those that wait with a limit of a few milliseconds.

Clients that wait for what others do are compared by test_blocking.py.
"""

from __future__ import annotations

from random import Random
from typing import List

from .. import alphabet
from ..alphabet import index, integer, key, text, value
from ..grammar import Argv, Family, any_order, maybe, one_of, rule, several, sequence, word

_SIDE = word("LEFT", "RIGHT")
_WAIT = word("0.004", "0.002", "3e-3")
# Ends and neighbours of short lists, and now and then anything.
_POSITIONS: List[bytes] = [b"0", b"-1", b"1", b"-2", b"2", b"5", b"-7", b"100", b"-100"]


def element(rng: Random) -> bytes:
    """What lists hold: often one of a few, so that it is found again; every border of length and
    of number that a listpack knows."""
    where = rng.random()
    if where < 0.5:
        return rng.choice([b"x", b"y", b"z", b"1", b"2", b"300", b""])
    if where < 0.6:
        return rng.choice([b"4095", b"4096", b"-4096", b"-4097", b"8388607", b"8388608",
                           b"-2147483648", b"q" * 4090, b"q" * 4096])
    return value(rng)


def position(rng: Random) -> bytes:
    """An index into a list."""
    return rng.choice(_POSITIONS) if rng.random() < 0.8 else index(rng)


def inner_position(rng: Random) -> bytes:
    """The same within 32 bits: see the row "LSET, index" of the deliberate differences."""
    drawn = position(rng)
    try:
        return drawn if abs(int(drawn)) < 1 << 31 else b"3"
    except ValueError:
        return drawn


def a_whole_queue(rng: Random) -> List[Argv]:
    """A work queue: filled, worked off through a second list, trimmed."""
    queue, working = alphabet.key(rng), alphabet.key(rng)
    jobs = [b"job:%d" % number for number in range(rng.randint(3, 40))]
    steps: List[Argv] = [[b"RPUSH", queue, *jobs], [b"LLEN", queue]]
    for job in jobs[:rng.randint(1, len(jobs))]:
        steps += [[b"LMOVE", queue, working, b"LEFT", b"RIGHT"], [b"LREM", working, b"1", job]]
    return steps + [[b"LTRIM", queue, b"0", b"9"], [b"LRANGE", queue, b"0", b"-1"],
                    [b"OBJECT", b"ENCODING", queue]]


LISTS = Family("lists", (
    rule(9, "LPUSH", key, several(1, 4, element)),
    rule(9, "RPUSH", key, several(1, 4, element)),
    rule(3, "RPUSH", key, several(10, 40, element)),
    rule(2, "LPUSHX", key, several(1, 3, element)),
    rule(2, "RPUSHX", key, several(1, 3, element)),
    rule(4, "LPOP", key, maybe(0.4, one_of(integer, word("1", "3", "20")))),
    rule(4, "RPOP", key, maybe(0.4, one_of(integer, word("1", "3", "20")))),
    rule(2, "LLEN", key),
    rule(4, "LINDEX", key, position),
    rule(5, "LSET", key, inner_position, element),
    rule(6, "LINSERT", key, word("BEFORE", "AFTER", "x"), element, one_of(element, text)),
    rule(4, "LRANGE", key, position, position),
    rule(4, "LREM", key, one_of(integer, word("0", "1", "-1")), element),
    rule(3, "LTRIM", key, position, position),
    rule(5, "LPOS", key, element, any_order(
        maybe(0.4, sequence(word("RANK"), integer)), maybe(0.4, sequence(word("COUNT"), integer)),
        maybe(0.3, sequence(word("MAXLEN"), integer)))),
    rule(4, "LMOVE", key, key, _SIDE, _SIDE),
    rule(3, "RPOPLPUSH", key, key),
    rule(3, "LMPOP", word("2"), key, key, _SIDE, maybe(0.5, sequence(word("COUNT"), integer))),
    rule(1, "LMPOP", integer, several(1, 3, key), _SIDE),
    rule(2, "BLPOP", several(1, 3, key), _WAIT),
    rule(2, "BRPOP", several(1, 3, key), _WAIT),
    rule(2, "BLMOVE", key, key, _SIDE, _SIDE, _WAIT),
    rule(1, "BRPOPLPUSH", key, key, _WAIT),
    rule(2, "BLMPOP", _WAIT, word("2"), key, key, _SIDE,
         maybe(0.5, sequence(word("COUNT"), integer))),
), requires=b"LPUSH", scripts=(a_whole_queue,), reads={
    b"list": [[b"LRANGE", b"KEY", b"0", b"-1"], [b"LLEN", b"KEY"], [b"DUMP", b"KEY"]]})
