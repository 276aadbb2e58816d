"""The commands of the group `stream`.

IDs are explicit, so that replies are equal to the byte. Most entries get the sequence of one late
millisecond (`40-*`), so that they can be added whatever the stream holds, and read commands draw
IDs that are likely to be there. Times to be idle are 0 or days: nothing in between can be compared
(grammar.is_safe refuses it).
"""

from __future__ import annotations

from random import Random
from typing import List

from ..alphabet import LONG_MAX, NOT_INTEGERS, key, text, value
from ..grammar import Argv, Family, any_order, maybe, one_of, rule, several, sequence, word

MILLISECONDS = [1, 2, 3, 5, 8, 40]
LATE_MS = b"9999999999999"
LAST_ID = b"18446744073709551615-18446744073709551615"
ODD_IDS: List[bytes] = [
    b"", b"x", b"-", b"+", b"1-", b"-1", b"1--1", b"0-0", b"0", b"+5", b" 5", b"05-01", b"5-+3",
    b"5- 3", b"5--03", b"5- -3", LAST_ID, b"18446744073709551615", b"18446744073709551616",
    b"9223372036854775808-9223372036854775808", b"5\x006", b"5-6\x007", b"0" * 127, b"0" * 128,
    b"1-2-3", b"\t7", b"1-\x00", b"(1", b"1e3", b"$", b">"]
GROUPS = [b"g", b"g", b"g", b"h", b"", b"no group"]
CONSUMERS = [b"a", b"b", b"alice", b""]
FIELDS = [b"f", b"g", b"12", b"long field name"]


def entry_id(rng: Random) -> bytes:
    """An ID that an entry may have, complete or not; now and then one that is none."""
    where = rng.random()
    if where < 0.03:
        return rng.choice(ODD_IDS)
    ms = 40 if where < 0.7 else rng.choice(MILLISECONDS)
    return b"%d" % ms if rng.random() < 0.1 else b"%d-%d" % (ms, rng.randint(0, 12))


def new_id(rng: Random) -> bytes:
    """An ID for a new entry."""
    where = rng.random()
    if where < 0.6:
        return b"40-*"
    if where < 0.75:
        return b"%d-*" % rng.choice(MILLISECONDS)
    if where < 0.78:
        return b"%d-%d" % (rng.choice([41, 200, 70000, 1 << 40]), rng.choice([0, 1, 128, 1 << 63]))
    return entry_id(rng)


def end_of_range(rng: Random) -> bytes:
    """Either end of a range."""
    where = rng.random()
    if where < 0.4:
        return b"-" if where < 0.2 else b"+"
    return b"(" + entry_id(rng) if where < 0.5 else entry_id(rng)


def count(rng: Random) -> bytes:
    """A number of entries; mostly small."""
    if rng.random() < 0.9:
        return b"%d" % rng.randint(0, 12)
    return rng.choice([b"-1", LONG_MAX, b"1000"] + NOT_INTEGERS)


def group(rng: Random) -> bytes:
    """A consumer group."""
    return rng.choice(GROUPS)


def consumer(rng: Random) -> bytes:
    """A consumer of any group."""
    return rng.choice(CONSUMERS)


def idle(rng: Random) -> bytes:
    """A time to be idle: none, or days."""
    return rng.choice([b"0"] * 8 + [b"100000000", b"-1", b"x"])


def texts(rng: Random) -> Argv:
    """Fields and values, mostly of the same fields; now and then one too many."""
    if rng.random() < 0.6:
        return [b"f", value(rng), b"g", value(rng)]
    found = [part for _ in range(rng.randint(1, 4)) for part in (rng.choice(FIELDS), value(rng))]
    return found + [text(rng)] if rng.random() < 0.02 else found


def _pairs_of(key_ids: bytes):
    """STREAMS with keys and as many IDs; `key_ids` stands for an ID now and then."""
    def draw(rng: Random) -> Argv:
        number = rng.choice([1, 1, 1, 2, 3])
        named = [rng.choice([key_ids, entry_id(rng)]) if rng.random() < 0.8 else
                 rng.choice([b"$", b"+", b">", b"0"]) for _ in range(number)]
        return [b"STREAMS", *[key(rng) for _ in range(number)], *named]
    return draw


def _continued(rng: Random) -> List[Argv]:
    """`*` behind an ID of the far future is that ID's successor: the only ones to compare."""
    name = key(rng)
    return [[b"MULTI"], [b"DEL", name],
            *[[b"XADD", name, LATE_MS + rng.choice([b"-1", b"-*", b"-18446744073709551615"]),
               *texts(rng)]],
            [b"XADD", name, LATE_MS + b"-2", b"f", b"v"],
            *[[b"XADD", name, b"*", b"f", b"v"] for _ in range(rng.randint(1, 3))],
            [b"XRANGE", name, b"-", b"+"], [b"EXEC"]]


def _worked_off(rng: Random) -> List[Argv]:
    """A group that reads, confirms and takes over."""
    name, one, other = key(rng), b"a", b"b"
    read = [b"XREADGROUP", b"GROUP", b"g", one, b"COUNT", b"3", b"STREAMS", name, b">"]
    return [[b"DEL", name], [b"XGROUP", b"CREATE", name, b"g", b"$", b"MKSTREAM"],
            *[[b"XADD", name, b"40-*", b"f", value(rng)] for _ in range(rng.randint(2, 9))],
            read, [b"XDEL", name, b"40-%d" % rng.randint(0, 3)], read,
            [b"XACK", name, b"g", b"40-1"], [b"XINFO", b"GROUPS", name],
            [b"XAUTOCLAIM", name, b"g", other, b"0", b"0", b"COUNT", b"2"],
            [b"XPENDING", name, b"g"], [b"XINFO", b"STREAM", name, b"FULL"]]


_TRIM = one_of(
    sequence(word("MAXLEN"), maybe(0.6, word("~", "=")), count),
    sequence(word("MINID"), maybe(0.6, word("~", "=")), entry_id))
_LIMIT = maybe(0.2, sequence(word("LIMIT"), count))
_COUNT = maybe(0.4, sequence(word("COUNT"), count))

STREAMS = Family("streams", (
    rule(24, "XADD", key, new_id, texts),
    rule(3, "XADD", key, maybe(0.2, word("NOMKSTREAM")), maybe(0.8, _TRIM, _LIMIT), new_id, texts),
    rule(3, "XTRIM", key, _TRIM, _LIMIT),
    rule(6, "XDEL", key, several(1, 4, entry_id)),
    rule(2, "XLEN", key),
    rule(4, "XRANGE", key, end_of_range, end_of_range, _COUNT),
    rule(4, "XREVRANGE", key, end_of_range, end_of_range, _COUNT),
    rule(2, "XSETID", key, entry_id, any_order(
        maybe(0.3, sequence(word("ENTRIESADDED"), count)),
        maybe(0.3, sequence(word("MAXDELETEDID"), entry_id)))),
    rule(4, "XREAD", _COUNT, maybe(0.05, word("BLOCK 2", "BLOCK x", "BLOCK -1")),
         _pairs_of(b"0")),
    rule(10, "XREADGROUP", word("GROUP"), group, consumer, _COUNT, maybe(0.1, word("NOACK")),
         maybe(0.05, word("BLOCK 2")), _pairs_of(b">")),
    rule(4, "XACK", key, group, several(1, 4, entry_id)),
    rule(6, "XCLAIM", key, group, consumer, idle, several(1, 4, entry_id), any_order(
        maybe(0.2, word("FORCE")), maybe(0.2, word("JUSTID")),
        maybe(0.1, word("IDLE 0", "IDLE 500000000", "IDLE x", "TIME 0", "TIME 1000000000")),
        maybe(0.1, sequence(word("RETRYCOUNT"), count)),
        maybe(0.1, sequence(word("LASTID"), entry_id)))),
    rule(5, "XAUTOCLAIM", key, group, consumer, idle, end_of_range, _COUNT,
         maybe(0.2, word("JUSTID"))),
    rule(2, "XPENDING", key, group),
    rule(4, "XPENDING", key, group, maybe(0.2, sequence(word("IDLE"), idle)), end_of_range,
         end_of_range, count, maybe(0.3, consumer)),
    rule(6, "XGROUP CREATE", key, group, one_of(entry_id, word("$", "0")), any_order(
        maybe(0.4, word("MKSTREAM")), maybe(0.2, sequence(word("ENTRIESREAD"), count)))),
    rule(3, "XGROUP SETID", key, group, one_of(entry_id, word("$", "0")),
         maybe(0.3, sequence(word("ENTRIESREAD"), count))),
    rule(0.7, "XGROUP DESTROY", key, group),
    rule(1.5, "XGROUP CREATECONSUMER", key, group, consumer),
    rule(1, "XGROUP DELCONSUMER", key, group, consumer),
    rule(2, "XINFO STREAM", key),
    rule(3, "XINFO STREAM", key, word("FULL"), _COUNT),
    rule(2, "XINFO GROUPS", key),
    rule(2, "XINFO CONSUMERS", key, group),
    rule(3, "DEL", key),
), requires=b"XADD", scripts=(_continued, _worked_off), reads={b"stream": [
    [b"XRANGE", b"KEY", b"-", b"+"], [b"XREVRANGE", b"KEY", b"+", b"-"], [b"XLEN", b"KEY"],
    [b"XINFO", b"STREAM", b"KEY"], [b"XINFO", b"STREAM", b"KEY", b"FULL", b"COUNT", b"0"],
    [b"DUMP", b"KEY"]]})
