"""Differences between versions of Redis that collections meet: what an older oracle does instead.

Beside known_differences.py, which explains the forms and holds the rest; ALL_DIFFERENCES is all of them.
fastredis follows Redis 8.0.
"""

from __future__ import annotations

from typing import Any, FrozenSet, Tuple

from .grammar import Argv
from .known_differences import KNOWN_DIFFERENCES, KnownDifference
from .score_differences import SCORE_DIFFERENCES

_PACKED_SINCE_72: Tuple[FrozenSet[bytes], ...] = (
    frozenset((b"quicklist", b"listpack")), frozenset((b"hashtable", b"listpack")),
    frozenset((b"intset", b"listpack")))


def _encoding(argv: Argv, oracle: Any, target: Any) -> bool:
    return [arg.upper() for arg in argv[:2]] == [b"OBJECT", b"ENCODING"] and (
        isinstance(oracle, bytes) and isinstance(target, bytes)
        and frozenset((bytes(oracle), bytes(target))) in _PACKED_SINCE_72)


VERSION_DIFFERENCES = (
    KnownDifference(
        "small lists and sets", "7.2 and later keep small lists, and small sets of texts, in a "
        "listpack, and choose the form of a new set by the number of its arguments",
        _encoding, oracle_before=(7, 2)),
)
ALL_DIFFERENCES = KNOWN_DIFFERENCES + VERSION_DIFFERENCES + SCORE_DIFFERENCES
