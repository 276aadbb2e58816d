"""Differences that sorted sets and places meet: how doubles are written, what has no defined order,
and what older versions do instead.

Beside known_differences.py, which explains the forms.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Optional

from support.wire import Array, Bulk, Double, Error

from .alphabet import LEX_KEYS
from .grammar import Argv
from .known_differences import KnownDifference

TOLERANCE = 1e-15
_LEX_COMMANDS = (b"ZLEXCOUNT", b"ZRANGEBYLEX", b"ZREVRANGEBYLEX", b"ZREMRANGEBYLEX")


def _lex_range_of_scores(argv: Argv, _oracle: Any, _target: Any) -> bool:
    """A range of members in a set that a mutation has named."""
    name = argv[0].upper()
    if name in (b"ZRANGE", b"ZRANGESTORE") and b"BYLEX" in map(bytes.upper, argv):
        return argv[1 + (name == b"ZRANGESTORE")] not in LEX_KEYS
    return name in _LEX_COMMANDS and argv[1] not in LEX_KEYS


def _negative_offset(argv: Argv, oracle: Any, target: Any) -> bool:
    """LIMIT -2 5: nothing, or what Redis 8 finds from the other end of a skiplist."""
    words = [arg.upper() for arg in argv]
    return (argv[0].upper().startswith(b"ZR") and b"LIMIT" in words
            and argv[words.index(b"LIMIT") + 1].startswith(b"-") and not target
            and not isinstance(oracle, Error))


def _number_of(reply: Any) -> Optional[float]:
    """The double that a reply is or spells."""
    try:
        return float(reply.text if isinstance(reply, Double) else reply)
    except (TypeError, ValueError):
        return None


def _digits_of(reply: Any) -> str:
    text = (reply.text if isinstance(reply, Double) else bytes(reply)).decode()
    return re.sub("[eE].*|[-.]", "", text).strip("0")


def _same_numbers(oracle: Any, target: Any, fits: Callable[[Any, Any], bool]) -> bool:
    """Equal but for numbers of which the texts differ, and fit."""
    if type(oracle) is not type(target):
        return False
    if isinstance(oracle, Array):
        return len(oracle) == len(target) and all(
            _same_numbers(one, other, fits) for one, other in zip(oracle, target))
    if isinstance(oracle, Double):
        return oracle.text == target.text or fits(oracle, target)
    return oracle == target or isinstance(oracle, Bulk) and fits(oracle, target)


def _shorter(oracle: Any, target: Any) -> bool:
    """The same double with fewer digits, or with nearer ones."""
    return (_number_of(oracle) is not None and _number_of(oracle) == _number_of(target)
            and _digits_of(oracle) != _digits_of(target)
            and len(_digits_of(target)) <= len(_digits_of(oracle)))


def _old_digits(argv: Argv, oracle: Any, target: Any) -> bool:
    return _of_scores(argv) and _same_numbers(
        oracle, target, lambda one, other: _number_of(one) is not None
        and _number_of(one) == _number_of(other))


def _of_scores(argv: Argv) -> bool:
    return argv[0].upper().startswith((b"Z", b"BZ", b"GEO"))


def _digits(argv: Argv, oracle: Any, target: Any) -> bool:
    return _of_scores(argv) and _same_numbers(oracle, target, _shorter)


def _old_places(argv: Argv, oracle: Any, target: Any) -> bool:
    return argv[0].upper().startswith(b"GEO") and _same_numbers(oracle, target, _near)


def _near(one: Any, other: Any) -> bool:
    first, second = _number_of(one), _number_of(other)
    return first is not None and second is not None and abs(first - second) <= max(
        TOLERANCE, abs(first) * TOLERANCE)


def _old_packing(argv: Argv, oracle: Any, target: Any) -> bool:
    return [arg.upper() for arg in argv[:2]] == [b"OBJECT", b"ENCODING"] and (
        (oracle, target) == (b"listpack", b"skiplist"))


def _old_scan(argv: Argv, oracle: Any, target: Any) -> bool:
    return argv[0].upper() == b"ZSCAN" and isinstance(target, Error) and oracle != target and (
        target in (b"ERR invalid cursor", b"ERR NOVALUES option can only be used in HSCAN"))


SCORE_DIFFERENCES = (
    KnownDifference(
        "digits of doubles", "fastredis writes the shortest digits that read back as the same "
        "number; Redis 8 some more in rare cases", _digits),
    KnownDifference(
        "negative offset of LIMIT", "nothing is listed, as Redis 7 and the listpacks of Redis 8 "
        "have it; its skiplists count from the end", _negative_offset, diverges=True),
    KnownDifference(
        "range of members over several scores", "there is no such order to look for them in",
        _lex_range_of_scores, diverges=True),
    KnownDifference(
        "digits of doubles in 7.0", "17 digits and another form of exponents", _old_digits,
        oracle_before=(7, 2)),
    KnownDifference(
        "digits of places in 7.0", "17 decimals, which are fewer digits for small numbers",
        _old_places, oracle_before=(7, 2)),
    KnownDifference(
        "packing of sorted sets in 7.0", "7.2 and later choose the form of a new sorted set by the "
        "number of its arguments too", _old_packing, oracle_before=(7, 2)),
    KnownDifference(
        "zscan arguments", "7.2 and later take only an unsigned decimal number as a cursor, and "
        "8.0 tells of NOVALUES", _old_scan, oracle_before=(7, 4)),
)
