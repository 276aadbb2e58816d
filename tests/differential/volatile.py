"""The one table of replies that may differ between two right servers, and how far.

A rule receives the command and both replies in their Python form, of equal type, and answers
whether they mean the same. Everything that has no rule here must be equal to the byte.

What is not in this table because the runner avoids it: SCAN outside a transaction (whole
iterations are compared as sets) and DBSIZE outside a transaction (both sides are swept first, as
a key that was born expired still counts until something touches it).
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from support.wire import Array, Bulk, Error, Map, Set

from .alphabet import ABSOLUTE_TIMES_MS, ABSOLUTE_TIMES_S
from .decoding import value_of_payload
from .grammar import Argv
from .payload import PayloadError

TOLERANCE_MS = 5000
TOLERANCE_S = 5
FIRST_STAMP_MS = 1_500_000_000_000
_EXACT_MS = frozenset(ABSOLUTE_TIMES_MS) | {second * 1000 for second in ABSOLUTE_TIMES_S}
_EXACT_S = frozenset((time + 500) // 1000 for time in _EXACT_MS)

Rule = Callable[[Argv, Any, Any], bool]


def _near(tolerance: int, exact: frozenset = frozenset()) -> Rule:
    """Integers within a tolerance, negative ones (no time, no key) and `exact` ones equal."""
    def equivalent(_argv: Argv, first: Any, second: Any) -> bool:
        if not isinstance(first, int) or min(first, second) < 0 or {first, second} & exact:
            return False
        return abs(first - second) <= tolerance
    return equivalent


def _same_payload(_argv: Argv, first: Any, second: Any) -> bool:
    """DUMP: versions, compressors, encodings and the order of tables differ."""
    try:
        return isinstance(first, Bulk) and _same_value(
            value_of_payload(first), value_of_payload(second))
    except PayloadError:
        return False


def _same_value(first: Any, second: Any) -> bool:
    """Decoded payloads; times of hash fields that were told relative to now may be near."""
    if first == second or first[0] != second[0] or first[0] != "hash":
        return first == second
    near = _near(TOLERANCE_MS, _EXACT_MS)
    return first[1].keys() == second[1].keys() and all(
        value == second[1][field][0] and (due == second[1][field][1] or near(
            [], due or -1, second[1][field][1] or -1))
        for field, (value, due) in first[1].items())


def _same_elements(_argv: Argv, first: Any, second: Any) -> bool:
    """KEYS, COMMAND LIST: any order."""
    return isinstance(first, Array) and sorted(first) == sorted(second)


def _same_elements_unless_settled(argv: Argv, first: Any, second: Any) -> bool:
    """SORT: what ties comes in any order, and only texts and weights can tie."""
    return bool({b"ALPHA", b"BY"} & {arg.upper() for arg in argv[2:]}) and isinstance(
        first, Array) and sorted(first, key=repr) == sorted(second, key=repr)


def _same_pairs(_argv: Argv, first: Any, second: Any) -> bool:
    """CONFIG GET: any order of pairs."""
    return _pairs(first) == _pairs(second)


def _pairs(reply: Any) -> Any:
    if isinstance(reply, Map):
        return sorted(reply)
    return sorted(zip(reply[::2], reply[1::2])) if isinstance(reply, Array) else None


def _any_of_type(kind: type) -> Rule:
    """Only the type of the reply can be compared."""
    def equivalent(_argv: Argv, first: Any, second: Any) -> bool:
        return isinstance(first, kind)
    return equivalent


def _same_kind(_argv: Argv, first: Any, _second: Any) -> bool:
    """Text about the server itself."""
    return not isinstance(first, Error)


def _hello(_argv: Argv, first: Any, second: Any) -> bool:
    """HELLO: names of fields and protocol; server, version, id and modules differ."""
    if isinstance(first, Error):
        return False
    one, other = dict(_pairs_in_order(first)), dict(_pairs_in_order(second))
    return list(one) == list(other) and all(
        one[name] == other[name] for name in (b"proto", b"mode", b"role"))


def _pairs_in_order(reply: Any) -> List[Any]:
    return list(reply) if isinstance(reply, Map) else list(zip(reply[::2], reply[1::2]))


def _scan_in_transaction(_argv: Argv, first: Any, second: Any) -> bool:
    """SCAN without following its cursor: only the shape."""
    return all(isinstance(reply, Array) and len(reply) == 2 and isinstance(reply[0], Bulk)
               and isinstance(reply[1], Array) for reply in (first, second))


def _scan_of_scores(argv: Argv, first: Any, second: Any) -> bool:
    """ZSCAN that is over at once: the same members in any order, with scores of equal value, as
    Redis writes them with 17 digits here. Otherwise only the shape."""
    if not _scan_in_transaction(argv, first, second):
        return False
    whole = argv[2:3] == [b"0"] and first[0] == second[0] == b"0"
    return not whole or _scored(first[1]) == _scored(second[1])


def _scored(flat: Any) -> Any:
    """Pairs in the order of members; -0 counts as 0, which 7.0 writes for it."""
    return sorted((member, repr(float(score) + 0.0))
                  for member, score in zip(flat[::2], flat[1::2]))


def _drawn_members(_argv: Argv, first: Any, second: Any) -> bool:
    """ZRANDMEMBER: as many, of the same shape."""
    if not isinstance(first, Array):
        return isinstance(first, Bulk)
    return len(first) == len(second) and all(
        type(one) is type(other) for one, other in zip(first, second))


def _places_in_order(argv: Argv, first: Any, second: Any) -> bool:
    """Searches for places. Where they are sorted, those at equal distance may come in any order,
    and where COUNT cuts between such, any of them may come."""
    words = {arg.upper() for arg in argv}
    if not isinstance(first, Array) or not words & {b"ASC", b"DESC", b"COUNT"}:
        return False
    if list(map(_distance_of, first)) != list(map(_distance_of, second)):
        return False
    return b"COUNT" in words or sorted(map(repr, first)) == sorted(map(repr, second))


def _distance_of(place: Any) -> Any:
    """What WITHDIST has added to a place."""
    told = isinstance(place, Array) and len(place) > 1 and isinstance(place[1], Bulk)
    return place[1] if told else None


def _each_near(tolerance: int, exact: frozenset = frozenset()) -> Rule:
    """Arrays whose elements are near."""
    near = _near(tolerance, exact)

    def equivalent(argv: Argv, first: Any, second: Any) -> bool:
        return isinstance(first, Array) and len(first) == len(second) and all(
            one == other or near(argv, one, other) for one, other in zip(first, second))
    return equivalent


def _drawn_fields(argv: Argv, first: Any, second: Any) -> bool:
    """HRANDFIELD: as many; all of them, in any order, where the count asks for all."""
    if not isinstance(first, Array):
        return isinstance(first, Bulk)
    return len(first) == len(second)


def _hscan(argv: Argv, first: Any, second: Any) -> bool:
    """HSCAN: the same elements, in any order, where all are told at once; else only the shape."""
    if not _scan_in_transaction(argv, first, second):
        return False
    whole = argv[2] == first[0] == second[0] == b"0"
    return not whole or sorted(first[1]) == sorted(second[1])


def _same_members(_argv: Argv, first: Any, second: Any) -> bool:
    """Whole sets: any order."""
    return isinstance(first, (Array, Set)) and sorted(first) == sorted(second)


def _as_many(_argv: Argv, first: Any, second: Any) -> bool:
    """SPOP, SRANDMEMBER: one, or as many."""
    if not isinstance(first, (Array, Set)):
        return isinstance(first, Bulk)
    return len(first) == len(second)


def _pending_rows(argv: Argv, first: Any, second: Any) -> bool:
    """XPENDING: of rows of four, the third is how long an entry is idle."""
    near = _near(TOLERANCE_MS)
    return isinstance(first, Array) and len(first) == len(second) and all(
        one == other or isinstance(one, Array) and len(one) == len(other) == 4
        and [*one[:2], one[3]] == [*other[:2], other[3]]
        and (one[2] == other[2] or near(argv, one[2], other[2]))
        for one, other in zip(first, second))


def _idle_consumers(argv: Argv, first: Any, second: Any) -> bool:
    """XINFO CONSUMERS: how long each has been idle and inactive."""
    near = _near(TOLERANCE_MS)
    return isinstance(first, Array) and len(first) == len(second) and all(
        len(one) == len(other) and all(
            field == same and (value == found or field in (b"idle", b"inactive")
                               and near(argv, value, found))
            for (field, value), (same, found) in zip(_pairs_in_order(one), _pairs_in_order(other)))
        for one, other in zip(first, second))


def _near_stamps(argv: Argv, first: Any, second: Any) -> bool:
    """XINFO STREAM FULL: times of this century, anywhere."""
    if isinstance(first, (list, tuple)):
        return type(first) is type(second) and len(first) == len(second) and all(
            _near_stamps(argv, one, other) for one, other in zip(first, second))
    if isinstance(first, int) and isinstance(second, int) and min(first, second) > FIRST_STAMP_MS:
        return abs(first - second) <= TOLERANCE_MS
    return type(first) is type(second) and first == second


VOLATILE: Dict[bytes, Rule] = {
    b"SMEMBERS": _same_members,
    b"SINTER": _same_members,
    b"SUNION": _same_members,
    b"SDIFF": _same_members,
    b"SPOP": _as_many,
    b"SRANDMEMBER": _as_many,
    b"SSCAN": _hscan,
    b"ZSCAN": _scan_of_scores,
    b"ZRANDMEMBER": _drawn_members,
    b"GEOSEARCH": _places_in_order,
    b"GEORADIUS": _places_in_order,
    b"GEORADIUS_RO": _places_in_order,
    b"GEORADIUSBYMEMBER": _places_in_order,
    b"GEORADIUSBYMEMBER_RO": _places_in_order,
    b"TTL": _near(TOLERANCE_S),
    b"PTTL": _near(TOLERANCE_MS),
    b"EXPIRETIME": _near(TOLERANCE_S, _EXACT_S),
    b"PEXPIRETIME": _near(TOLERANCE_MS, _EXACT_MS),
    b"OBJECT|IDLETIME": _any_of_type(int),  # 7.0 shares small integers, their clocks included
    b"DBSIZE": _any_of_type(int),
    b"HGETALL": _same_pairs,
    b"HKEYS": _same_elements,
    b"HVALS": _same_elements,
    b"HRANDFIELD": _drawn_fields,
    b"HSCAN": _hscan,
    b"HTTL": _each_near(TOLERANCE_S),
    b"HPTTL": _each_near(TOLERANCE_MS),
    b"HEXPIRETIME": _each_near(TOLERANCE_S, _EXACT_S),
    b"HPEXPIRETIME": _each_near(TOLERANCE_MS, _EXACT_MS),
    b"XPENDING": _pending_rows,
    b"XINFO|CONSUMERS": _idle_consumers,
    b"XINFO|STREAM": _near_stamps,
    b"LASTSAVE": _any_of_type(int),
    b"TIME": _any_of_type(Array),
    b"RANDOMKEY": _any_of_type(Bulk),
    b"OBJECT|HELP": _any_of_type(Array),
    b"OBJECT|FREQ": _any_of_type(int),  # counted up by chance
    b"CLIENT|ID": _any_of_type(int),
    b"CLIENT|INFO": _same_kind,
    b"CLIENT|LIST": _same_kind,
    b"INFO": _same_kind,
    b"LOLWUT": _same_kind,
    b"SLOWLOG|LEN": _any_of_type(int),
    b"SLOWLOG|GET": _any_of_type(Array),
    b"LATENCY|LATEST": _any_of_type(Array),
    b"SCAN": _scan_in_transaction,
    b"DUMP": _same_payload,
    b"KEYS": _same_elements,
    b"SORT": _same_elements_unless_settled,
    b"SORT_RO": _same_elements_unless_settled,
    b"COMMAND|LIST": _same_elements,
    b"CONFIG|GET": _same_pairs,
    b"HELLO": _hello,
}
"""By command, or container|subcommand."""


def rule_of(argv: Argv) -> Rule:
    """The rule of a command; without one, nothing that is not equal is equivalent."""
    name = argv[0].upper()
    found = VOLATILE.get(name)
    if found is None and len(argv) > 1:
        found = VOLATILE.get(name + b"|" + argv[1].upper())
    return found or (lambda _argv, _first, _second: False)
