"""Commands that meet keys of several types, on the keys that all families share.

The families of the types keep to one type each, by keys of their own or by chance; here values of
every type are written to few keys, so that RENAME, COPY, MOVE, SORT, the unions of sorted sets
over sets, and stores over keys of another type meet all of them; and OBJECT ENCODING and DUMP see
them at every length around the tiny thresholds.
"""

from __future__ import annotations

from random import Random
from typing import List

from ..alphabet import SORTED_KEY, database, index, key
from ..grammar import Argv, Family, any_order, maybe, rule, several, sequence, word

MEMBERS: List[bytes] = [
    b"a", b"b", b"c", b"1", b"2", b"3", b"10", b"-5", b"70000", b"5000000000", b"", b"x" * 30,
    b"member", b"1.5", b"\x00\xff"]
NUMBERS: List[bytes] = [b"1", b"2", b"3", b"-5", b"10", b"1.5", b"70000", b"0"]
FIELDS: List[bytes] = [b"f", b"g", b"weight", b"1", b"2"]


def member(rng: Random) -> bytes:
    """A member, item, field or value."""
    return rng.choice(MEMBERS)


def number(rng: Random) -> bytes:
    """A score, weight, or item that sorts as a number."""
    return rng.choice(NUMBERS)


def field(rng: Random) -> bytes:
    """A field of the hashes that SORT looks into."""
    return rng.choice(FIELDS)


def counted_keys(rng: Random) -> Argv:
    """The number of keys and the keys; now and then a wrong number."""
    keys = [key(rng) for _ in range(rng.randint(1, 3))]
    count = len(keys) if rng.random() < 0.93 else rng.choice([0, -1, len(keys) + 1, 1000000])
    return [b"%d" % count, *keys]


def _sorted_key(_rng: Random) -> bytes:
    return SORTED_KEY


def pairs(rng: Random) -> Argv:
    """Fields with values."""
    return [part for _ in range(rng.randint(1, 4)) for part in (field(rng), member(rng))]


def scored(rng: Random) -> Argv:
    """Scores with members."""
    return [part for _ in range(rng.randint(1, 4)) for part in (number(rng), member(rng))]


_AGGREGATE = maybe(0.4, word("AGGREGATE SUM", "AGGREGATE MIN", "AGGREGATE MAX", "AGGREGATE X"))
_WEIGHTS = maybe(0.4, word("WEIGHTS"), several(1, 3, number))
_WITHSCORES = maybe(0.5, word("WITHSCORES"))
_AREA = word("FROMLONLAT 15 37 BYRADIUS 300 km", "FROMMEMBER a BYBOX 400 400 km")
_BY = sequence(word("BY"), word("*", "w_*", "nosort", "h_*->weight", "*->f", "h_*->", "x->*"))
_GET = sequence(word("GET"), word("#", "*", "w_*", "h_*->f", "*->g", "h_*", "->", "*->"))
_LIMIT = sequence(word("LIMIT"), index, index)
_STORE = sequence(word("STORE"), key)
_SORT_ORDER = any_order(maybe(0.3, word("ASC", "DESC")), maybe(0.6, word("ALPHA")))

# A set is a table in one version and a list in another: what depends on its order cannot be
# compared, so SORT of a set is neither left unsorted nor cut where its elements tie.
_SORTED = any_order(_SORT_ORDER, several(0, 2, _GET), maybe(0.25, _STORE))
_SORTED_LIST = any_order(_SORT_ORDER, maybe(0.4, _BY), several(0, 2, _GET), maybe(0.4, _LIMIT),
                         maybe(0.25, _STORE))


def list_and_sort(rng: Random) -> List[Argv]:
    """A list made for SORT, the keys that it looks up, and the SORT."""
    items = [rng.choice(NUMBERS) for _ in range(rng.randint(0, 8))]
    weights = [[b"SET", b"w_" + item, rng.choice(NUMBERS)] for item in items[::2]]
    fields = [[b"HSET", b"h_" + item, b"weight", rng.choice(NUMBERS), b"f", rng.choice(MEMBERS)]
              for item in items[1::2]]
    made = [[b"RPUSH", SORTED_KEY, *items]] if items else []
    return [[b"DEL", SORTED_KEY], *made, *weights, *fields,
            [b"SORT", SORTED_KEY, *_SORTED_LIST(rng)]]


def set_and_sort(rng: Random) -> List[Argv]:
    """The same with a set, or a sorted set, which SORT may not cut where elements tie."""
    items = [rng.choice(NUMBERS) for _ in range(rng.randint(1, 6))]
    made = rng.choice([[b"SADD", SORTED_KEY, *items], [b"ZADD", SORTED_KEY, *(
        part for item in items for part in (rng.choice(NUMBERS), item))]])
    return [[b"DEL", SORTED_KEY], made, [b"SORT", SORTED_KEY, *_SORTED(rng)]]


def every_encoding(rng: Random) -> List[Argv]:
    """A collection that grows over its thresholds and shrinks again, looked at on the way."""
    name = key(rng)
    add, remove = rng.choice([
        (lambda at: [b"RPUSH", name, b"%d" % at], lambda at: [b"LPOP", name]),
        (lambda at: [b"SADD", name, b"%d" % at], lambda at: [b"SREM", name, b"%d" % at]),
        (lambda at: [b"SADD", name, b"m%d" % at], lambda at: [b"SREM", name, b"m%d" % at]),
        (lambda at: [b"HSET", name, b"f%d" % at, b"v"], lambda at: [b"HDEL", name, b"f%d" % at]),
        (lambda at: [b"ZADD", name, b"%d" % (at % 3), b"m%d" % at],
         lambda at: [b"ZREM", name, b"m%d" % at])])
    size = rng.randint(2, 12)
    steps: List[Argv] = [[b"DEL", name]]
    for at in range(size):
        steps += [add(at), [b"OBJECT", b"ENCODING", name]]
    steps.append([b"DUMP", name])
    steps += [remove(at) for at in range(rng.randint(1, size))]
    return steps + [[b"OBJECT", b"ENCODING", name], [b"DUMP", name], [b"EXISTS", name]]


def passed_on(rng: Random) -> List[Argv]:
    """A collection with a time to live through COPY, RENAME and MOVE."""
    first, second, other = key(rng), key(rng), database(rng)
    make = rng.choice([[b"RPUSH", first, *(member(rng) for _ in range(3))],
                       [b"SADD", first, *(member(rng) for _ in range(9))],
                       [b"HSET", first, *pairs(rng)], [b"ZADD", first, *scored(rng)],
                       [b"XADD", first, b"5-1", b"f", b"v"], [b"SET", first, b"v"]])
    go = rng.choice([[b"COPY", first, second, b"REPLACE"], [b"RENAME", first, second],
                     [b"RENAMENX", first, second], [b"MOVE", first, other],
                     [b"COPY", first, second, b"DB", other]])
    return [[b"DEL", first], make, [b"PEXPIREAT", first, b"4102444800500"], go,
            [b"TYPE", second], [b"PEXPIRETIME", second], [b"DUMP", second],
            [b"OBJECT", b"ENCODING", second], [b"EXISTS", first]]


MIXED = Family("mixed", (
    rule(4, "RPUSH", key, several(1, 4, member)),
    rule(4, "SADD", key, several(1, 5, member)),
    rule(4, "HSET", key, pairs),
    rule(4, "ZADD", key, scored),
    rule(2, "DEL", several(1, 2, key)),
    rule(2, "SET", key, member),
    rule(2, "RPUSH", _sorted_key, several(1, 3, number)),
    rule(3, "SORT", _sorted_key, _SORTED),
    rule(1, "SORT", key, _SORT_ORDER),
    rule(1, "SORT_RO", key, _SORT_ORDER),
    rule(3, "ZUNIONSTORE", key, counted_keys, any_order(_WEIGHTS, _AGGREGATE)),
    rule(3, "ZINTERSTORE", key, counted_keys, any_order(_WEIGHTS, _AGGREGATE)),
    rule(2, "ZDIFFSTORE", key, counted_keys),
    rule(2, "ZUNION", counted_keys, any_order(_WEIGHTS, _AGGREGATE, _WITHSCORES)),
    rule(2, "ZINTER", counted_keys, any_order(_WEIGHTS, _AGGREGATE, _WITHSCORES)),
    rule(1, "ZINTERCARD", counted_keys, maybe(0.4, word("LIMIT"), index)),
    rule(2, "SUNIONSTORE", key, several(1, 3, key)),
    rule(1, "SINTERCARD", counted_keys),
    rule(1, "GEOADD", key, word("13.361389 38.115556", "15.087269 37.502669"), member),
    rule(1, "GEORADIUS", key, word("15 37 300 km"), maybe(0.3, word("COUNT 1")),
         maybe(0.7, word("STORE", "STOREDIST"), key)),
    rule(1, "GEOSEARCHSTORE", key, key, _AREA, maybe(0.3, word("STOREDIST"))),
    rule(1, "BITOP", word("AND", "OR", "XOR", "NOT"), key, several(1, 2, key)),
    rule(1, "PFMERGE", key, several(0, 2, key)),
    rule(1, "ZRANGESTORE", key, key, index, index),
    rule(2, "LMOVE", key, key, word("LEFT", "RIGHT"), word("LEFT", "RIGHT")),
    rule(2, "SMOVE", key, key, member),
    rule(2, "COPY", key, key, any_order(
        maybe(0.6, word("REPLACE")), maybe(0.3, sequence(word("DB"), database)))),
    rule(2, "RENAME", key, key),
    rule(1, "MOVE", key, database),
    rule(3, "OBJECT ENCODING", key),
    rule(3, "DUMP", key),
    rule(2, "TYPE", key),
), requires=b"ZUNIONSTORE", scripts=(list_and_sort, set_and_sort, every_encoding, passed_on))
