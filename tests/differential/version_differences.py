"""Differences between versions of Redis that collections meet: what an older oracle does instead.

Beside known_differences.py, which explains the forms and holds the rest; ALL_DIFFERENCES is both.
fastredis follows Redis 8.0.
"""

from __future__ import annotations

from typing import Any, FrozenSet, Tuple

from support.wire import Error

from .grammar import Argv
from .known_differences import KNOWN_DIFFERENCES, KnownDifference

_PACKED_SINCE_72: Tuple[FrozenSet[bytes], ...] = (
    frozenset((b"quicklist", b"listpack")), frozenset((b"hashtable", b"listpack")),
    frozenset((b"intset", b"listpack")))


def _encoding(argv: Argv, oracle: Any, target: Any) -> bool:
    return [arg.upper() for arg in argv[:2]] == [b"OBJECT", b"ENCODING"] and (
        isinstance(oracle, bytes) and isinstance(target, bytes)
        and frozenset((bytes(oracle), bytes(target))) in _PACKED_SINCE_72)


def _not_negatable(argv: Argv, _oracle: Any, target: Any) -> bool:
    return (argv[0].upper() in (b"LREM", b"LPOS") and isinstance(target, Error)
            and target.startswith(b"ERR value is out of range, value must between -92233720368547"))


VERSION_DIFFERENCES = (
    KnownDifference(
        "smallest number for LREM and LPOS", "7.2 and later refuse the one number that has no "
        "opposite", _not_negatable, oracle_before=(7, 2), diverges=True),
    KnownDifference(
        "small lists and sets", "7.2 and later keep small lists, and small sets of texts, in a "
        "listpack, and choose the form of a new set by the number of its arguments",
        _encoding, oracle_before=(7, 2)),
)
ALL_DIFFERENCES = KNOWN_DIFFERENCES + VERSION_DIFFERENCES
