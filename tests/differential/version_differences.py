"""Differences between versions of Redis that collections meet: what an older oracle does instead.

Beside known_differences.py, which explains the forms and holds the rest; ALL_DIFFERENCES is all.
fastredis follows Redis 8.0. Most of these were found by tests/wire/test_hostile_arguments.py.
"""

from __future__ import annotations

import math
import re
from typing import Any, Callable, Collection, FrozenSet, Tuple

from support.wire import Error

from .grammar import Argv
from .known_differences import KNOWN_DIFFERENCES, KnownDifference
from .score_differences import SCORE_DIFFERENCES
from .stream_differences import STREAM_DIFFERENCES

LONG_MIN = b"-9223372036854775808"
_BLOCKING = frozenset((
    b"BLPOP", b"BRPOP", b"BLMOVE", b"BRPOPLPUSH", b"BLMPOP", b"BZPOPMIN", b"BZPOPMAX", b"BZMPOP"))
_SCANS = frozenset((b"SCAN", b"SSCAN", b"HSCAN", b"ZSCAN"))
_NUMBER = re.compile(rb"-?(\d+(\.\d+)?(e[+-]\d+)?|inf)")

_PACKED_SINCE_72: Tuple[FrozenSet[bytes], ...] = (
    frozenset((b"quicklist", b"listpack")), frozenset((b"hashtable", b"listpack")),
    frozenset((b"intset", b"listpack")), frozenset((b"skiplist", b"listpack")),
    frozenset((b"intset", b"hashtable")))

Explains = Callable[[Argv, Any, Any], bool]


def _of(names: Collection[bytes], explains: Explains) -> Explains:
    return lambda argv, oracle, target: argv[0].upper() in names and explains(
        argv, oracle, target)


def _error(reply: Any, text: bytes) -> bool:
    return isinstance(reply, Error) and text in reply


def _errors(theirs: bytes, ours: bytes) -> Explains:
    return lambda _argv, oracle, target: _error(oracle, theirs) and _error(target, ours)


def _target_error(text: bytes) -> Explains:
    return lambda _argv, _oracle, target: _error(target, text)


def _either_error(text: bytes) -> Explains:
    return lambda _argv, oracle, target: _error(oracle, text) or _error(target, text)


def same_numbers(first: Any, second: Any) -> bool:
    """Whether two replies differ in nothing but the digits of equal numbers.

    17 digits and the shortest that read back name the same double; coordinates have passed
    through a type with more bits in old versions.
    """
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same_numbers, first, second))
    if isinstance(first, bytes) and isinstance(second, bytes) and first != second:
        return bool(_NUMBER.fullmatch(first) and _NUMBER.fullmatch(second)) and math.isclose(
            float(first), float(second), rel_tol=1e-15, abs_tol=1e-14)
    if isinstance(first, float) and isinstance(second, float):
        return math.isclose(first, second, rel_tol=1e-15, abs_tol=1e-14)
    return type(first) is type(second) and first == second


def _digits(_argv: Argv, oracle: Any, target: Any) -> bool:
    return not isinstance(oracle, Error) and same_numbers(oracle, target)


def _least_integer(argv: Argv, _oracle: Any, target: Any) -> bool:
    return LONG_MIN in argv and _error(target, b"ERR value is out of range, value must between")


def _beyond_32_bits(argv: Argv, _oracle: Any, _target: Any) -> bool:
    return len(argv) == 4 and bool(re.fullmatch(rb"-?\d+", argv[2])) and not (
        -1 << 31 <= int(argv[2]) < 1 << 31)


def _order_of_a_set(argv: Argv, oracle: Any, target: Any) -> bool:
    """A part of a set, where a set is a table on one side and a list on the other."""
    return (b"set" in argv or b"zset" in argv) and isinstance(oracle, list) and isinstance(
        target, list)


def _left_over_errno(_argv: Argv, oracle: Any, target: Any) -> bool:
    return _error(oracle, b"ERR One or more scores can't be converted into double") and (
        not isinstance(target, Error))


def _withscore(argv: Argv, oracle: Any, _target: Any) -> bool:
    return len(argv) > 3 and _error(oracle, b"wrong number of arguments")


def _novalues(argv: Argv, oracle: Any, _target: Any) -> bool:
    return b"NOVALUES" in map(bytes.upper, argv) and isinstance(oracle, Error)


def _more_fields(_argv: Argv, oracle: Any, target: Any) -> bool:
    return isinstance(oracle, list) and isinstance(target, list)


def _plus_id(argv: Argv, oracle: Any, _target: Any) -> bool:
    return b"+" in argv and _error(oracle, b"ERR Invalid stream ID")


def _encoding(argv: Argv, oracle: Any, target: Any) -> bool:
    return [arg.upper() for arg in argv[:2]] == [b"OBJECT", b"ENCODING"] and (
        isinstance(oracle, bytes) and isinstance(target, bytes)
        and frozenset((bytes(oracle), bytes(target))) in _PACKED_SINCE_72)


VERSION_DIFFERENCES = (
    KnownDifference(
        "huge timeouts", "7.0 calls a timeout beyond the range of the clock negative",
        _of(_BLOCKING, _errors(b"timeout is negative", b"timeout is out of range")),
        oracle_before=(7, 2)),
    KnownDifference(
        "huge BLOCK", "7.0 takes a BLOCK that overflows when the clock is added",
        _of({b"XREAD", b"XREADGROUP", b"WAIT"}, _target_error(b"timeout is out of range")),
        oracle_before=(7, 2), diverges=True),
    KnownDifference(
        "least integer", "7.0 negates the least integer and gets itself",
        _of({b"LPOS", b"LREM"}, _least_integer), oracle_before=(7, 2), diverges=True),
    KnownDifference(
        "cut index", "7.2 and later look at 32 bits of the index in a small list: LSET of item "
        "4294967296 sets the first", _of({b"LSET"}, _beyond_32_bits), diverges=True),
    KnownDifference(
        "cursors", "7.2 and later take only an unsigned decimal number as a cursor",
        _of(_SCANS, _either_error(b"invalid cursor")), oracle_before=(7, 2)),
    KnownDifference(
        "small sets", "a small set of strings is a table in 7.0, and has a cursor and an order "
        "of its own", _of({b"SSCAN", b"SORT", b"SORT_RO"}, _order_of_a_set),
        oracle_before=(7, 2), diverges=True),
    KnownDifference(
        "digits", "7.0 prints scores with 17 digits, and coordinates with those of a long double",
        _digits, oracle_before=(7, 2)),
    KnownDifference(
        "bounds", "8.0 takes no blanks and no hexadecimal digits in a bound of scores",
        _target_error(b"ERR min or max is not a float"), oracle_before=(8, 0), diverges=True),
    KnownDifference(
        "left-over errno", "after a command has met a number beyond a double, Redis finds that "
        "no fraction can be sorted: SORT looks at an errno that nobody has cleared",
        _of({b"SORT", b"SORT_RO"}, _left_over_errno), diverges=True),
    KnownDifference(
        "withscore", "WITHSCORE came with 7.2", _of({b"ZRANK", b"ZREVRANK"}, _withscore),
        oracle_before=(7, 2), diverges=True),
    KnownDifference(
        "novalues", "NOVALUES came with 7.4", _of(_SCANS, _novalues), oracle_before=(7, 4)),
    KnownDifference(
        "consumers", "7.2 tells the idle and the inactive time of a consumer apart",
        _of({b"XINFO"}, _more_fields), oracle_before=(7, 2)),
    KnownDifference(
        "unbalanced", "8.0 names the command in this error",
        _of({b"XREAD", b"XREADGROUP"}, _errors(b"ERR Unbalanced", b"ERR Unbalanced")),
        oracle_before=(8, 0)),
    KnownDifference(
        "plus", "the ID + of XREAD came with 7.4", _of({b"XREAD", b"XREADGROUP"}, _plus_id),
        oracle_before=(7, 4)),
    KnownDifference(
        "claims by the million", "Redis 7.4 and later allocate memory for the COUNT of XAUTOCLAIM",
        _of({b"XAUTOCLAIM"}, _either_error(b"ERR Insufficient memory")), diverges=True),
    KnownDifference(
        "small lists and sets", "7.2 and later keep small lists, and small sets of texts, in a "
        "listpack, and choose the form of a new set or sorted set by its number of arguments",
        _encoding, oracle_before=(7, 2)),
)
ALL_DIFFERENCES = (
    KNOWN_DIFFERENCES + VERSION_DIFFERENCES + STREAM_DIFFERENCES + SCORE_DIFFERENCES)
