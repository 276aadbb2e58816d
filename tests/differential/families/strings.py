"""The commands of the group `string`."""

from __future__ import annotations

from .. import alphabet
from ..alphabet import (
    floating, index, integer, key, short_key, short_text, text, value)
from ..grammar import (
    EXPIRY, Family, any_order, maybe, one_of, rule, several, sequence, word)

_SET_OPTIONS = any_order(
    maybe(0.3, word("NX", "XX")), maybe(0.25, word("GET")),
    maybe(0.4, one_of(EXPIRY, word("KEEPTTL"))), maybe(0.04, alphabet.option))
_LCS_OPTIONS = any_order(
    maybe(0.3, word("LEN")), maybe(0.5, word("IDX")), maybe(0.4, word("WITHMATCHLEN")),
    maybe(0.3, sequence(word("MINMATCHLEN"), index)))
_PAIRS = several(1, 4, key, value)

STRINGS = Family("strings", (
    rule(12, "SET", key, value),
    rule(12, "SET", key, value, _SET_OPTIONS),
    rule(8, "GET", key),
    rule(2, "SETNX", key, value),
    rule(2, "SETEX", key, alphabet.relative_s, value),
    rule(2, "PSETEX", key, alphabet.relative_ms, value),
    rule(2, "GETSET", key, value),
    rule(2, "GETDEL", key),
    rule(4, "GETEX", key, maybe(0.7, one_of(EXPIRY, word("PERSIST", "KEEPTTL")))),
    rule(4, "APPEND", key, one_of(text, value)),
    rule(2, "STRLEN", key),
    rule(3, "INCR", key),
    rule(3, "DECR", key),
    rule(4, "INCRBY", key, integer),
    rule(4, "DECRBY", key, integer),
    rule(5, "INCRBYFLOAT", key, floating),
    rule(4, "SETRANGE", key, index, text),
    rule(3, "GETRANGE", key, index, index),
    rule(1, "SUBSTR", key, index, index),
    rule(3, "MGET", several(1, 4, key)),
    rule(3, "MSET", _PAIRS),
    rule(2, "MSETNX", _PAIRS),
    rule(2, "SET", short_key, short_text),
    rule(2, "LCS", short_key, short_key, _LCS_OPTIONS),
    rule(0.2, "LCS", short_key, key, _LCS_OPTIONS),
), reads={b"string": [[b"GET", b"KEY"], [b"STRLEN", b"KEY"], [b"DUMP", b"KEY"]]})
