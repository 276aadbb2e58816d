"""What Redis before 8.0 answers otherwise about streams; a part of version_differences.py.

What a group has read, and its lag, are estimates that 7.2 and 8.0 have made better: older numbers
are not compared, everything beside them is. Nor are consumers for whom nothing is pending: before
7.2 one came into being only with what it claimed.
"""

from __future__ import annotations

from typing import Any, Tuple

from support.wire import Array, Bulk, Error, Map

from .decoding import value_of_payload
from .grammar import Argv
from .known_differences import KnownDifference
from .payload import PayloadError
from .volatile import FIRST_STAMP_MS, TOLERANCE_MS

_ESTIMATES = frozenset((b"active-time", b"inactive", b"entries-read", b"lag"))
_FIRST_FIELDS = (b"name", b"length")
_UNBALANCED = (b"ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be "
               b"specified.")
_INVALID_ID = b"ERR Invalid stream ID specified as stream command argument"
_SMALL_ID = (b"ERR The ID specified in XADD is equal or smaller than the target stream top item")


def _is(argv: Argv, *names: bytes) -> bool:
    return [arg.upper() for arg in argv[:len(names)]] == list(names)


def _plain(reply: Any) -> Any:
    """Maps, flat ones too, as dicts without what is not compared."""
    if isinstance(reply, Map):
        pairs = list(reply)
    elif isinstance(reply, Array) and reply[:1] and reply[0] in _FIRST_FIELDS:
        pairs = list(zip(reply[::2], reply[1::2]))
    elif isinstance(reply, Array):
        items = [_plain(item) for item in reply]
        return [item for item in items if not _is_idle_consumer(item)]
    else:
        return reply
    return {name: _plain(value) for name, value in pairs if name not in _ESTIMATES
            and (name != b"consumers" or isinstance(value, Array))}


def _is_idle_consumer(item: Any) -> bool:
    return isinstance(item, dict) and (
        b"seen-time" in item and item[b"pel-count"] == 0
        or b"idle" in item and item[b"pending"] == 0)


def _alike(first: Any, second: Any, name: bytes = b"") -> bool:
    """Equal, but for times to be idle and times of this century, which are near."""
    if isinstance(first, dict) and isinstance(second, dict):
        return list(first) == list(second) and all(
            _alike(value, second[field], field) for field, value in first.items())
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(_alike, first, second))
    if isinstance(first, int) and isinstance(second, int):
        near = name == b"idle" or min(first, second) > FIRST_STAMP_MS
        return abs(first - second) <= (TOLERANCE_MS if near else 0)
    return first == second


def _group_estimates(argv: Argv, oracle: Any, target: Any) -> bool:
    return (_is(argv, b"XINFO") and len(argv) > 1 and argv[1].upper() != b"HELP"
            and isinstance(oracle, (Array, Map)) and isinstance(target, (Array, Map))
            and _alike(_plain(oracle), _plain(target)))


def _dumped_estimates(argv: Argv, oracle: Any, target: Any) -> bool:
    if not _is(argv, b"DUMP") or not isinstance(oracle, Bulk) or not isinstance(target, Bulk):
        return False
    try:
        first, second = value_of_payload(oracle), value_of_payload(target)
    except PayloadError:
        return False
    if first[0] != "stream" or second[0] != "stream":
        return False
    for _, value in (first, second):
        for group in value["groups"].values():
            group["read"] = None
            group["consumers"] = {name: ids for name, ids in group["consumers"].items() if ids}
    return first == second


def _made_before(argv: Argv, oracle: Any, target: Any) -> bool:
    return _is(argv, b"XGROUP", b"CREATECONSUMER") and oracle == 1 and target == 0


def _unbalanced(argv: Argv, oracle: Any, target: Any) -> bool:
    return (_is(argv, b"XREAD") or _is(argv, b"XREADGROUP")) and oracle == _UNBALANCED \
        and isinstance(target, Error) and target.startswith(b"ERR Unbalanced '")


def _plus(argv: Argv, oracle: Any, _target: Any) -> bool:
    return ((_is(argv, b"XREAD") or _is(argv, b"XREADGROUP")) and b"+" in argv
            and oracle == _INVALID_ID)


def _next_millisecond(argv: Argv, oracle: Any, target: Any) -> bool:
    return _is(argv, b"XADD") and b"*" in argv and oracle == _SMALL_ID and isinstance(target, Bulk)


def _xsetid(argv: Argv, oracle: Any, target: Any) -> bool:
    return (_is(argv, b"XSETID") and isinstance(target, Error) and target.startswith(
        b"ERR The ID specified in XSETID is smaller than current max_deleted_entry_id"))


STREAM_DIFFERENCES: Tuple[KnownDifference, ...] = (
    KnownDifference(
        "estimates of groups", "7.2 and 8.0 tell better how much a group has read, and how long "
        "its consumers are inactive", _group_estimates, oracle_before=(8, 0)),
    KnownDifference(
        "estimates of groups in payloads", "the same numbers stand in a payload",
        _dumped_estimates, oracle_before=(8, 0)),
    KnownDifference(
        "consumers that claim nothing", "XCLAIM and XAUTOCLAIM make their consumer in any case "
        "since 7.2", _made_before, oracle_before=(7, 2)),
    KnownDifference(
        "unbalanced streams", "7.4 names the command in the error", _unbalanced,
        oracle_before=(7, 4)),
    KnownDifference(
        "last entry by +", "XREAD takes + since 7.4, XREADGROUP says that it cannot", _plus,
        oracle_before=(7, 4), diverges=True),
    KnownDifference(
        "next millisecond", "7.0 does not go on with * where the sequences of a millisecond are "
        "used up", _next_millisecond, oracle_before=(7, 2), diverges=True),
    KnownDifference(
        "id of deleted entries", "XSETID looks at the greatest deleted ID since 7.2", _xsetid,
        oracle_before=(7, 2), diverges=True),
)
