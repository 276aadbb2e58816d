"""The commands of the group `generic` that work on keys of any type."""

from __future__ import annotations

from random import Random

from .. import alphabet, payload
from ..alphabet import database, index, key, pattern, value
from ..grammar import Argv, Family, any_order, maybe, one_of, rule, several, sequence, word

_EXPIRE_CONDITION = one_of(
    maybe(0.5, word("NX", "XX", "GT", "LT")),
    maybe(0.3, several(2, 3, word("NX", "XX", "GT", "LT"))), maybe(0.05, alphabet.option))
_TYPES = word("string", "STRING", "list", "set", "zset", "hash", "stream", "nosuchtype")
_SORT_OPTIONS = any_order(
    maybe(0.3, sequence(word("BY"), pattern)), maybe(0.3, sequence(word("GET"), pattern)),
    maybe(0.3, sequence(word("LIMIT"), index, index)), maybe(0.3, word("ASC", "DESC")),
    maybe(0.3, word("ALPHA")))


def serialized(rng: Random) -> bytes:
    """A payload for RESTORE, whole or damaged."""
    data = payload.encode_string(value(rng), compress=rng.random() < 0.5)
    where = rng.random()
    if where < 0.8:
        return data
    if where < 0.9:
        at = rng.randrange(len(data))
        return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]
    return data[:rng.randrange(len(data))]


def restore(rng: Random) -> Argv:
    """Key, time, payload and options of RESTORE."""
    absolute = rng.random() < 0.3
    time = b"0" if rng.random() < 0.5 else (
        alphabet.absolute_ms(rng) if absolute else alphabet.relative_ms(rng))
    options = any_order(
        maybe(0.7, word("REPLACE")), maybe(1.0 if absolute else 0.0, word("ABSTTL")),
        maybe(0.1, sequence(word("IDLETIME"), index)), maybe(0.1, sequence(word("FREQ"), index)))
    return [key(rng), time, serialized(rng)] + options(rng)


KEYS = Family("keys", (
    rule(4, "DEL", several(1, 3, key)),
    rule(2, "UNLINK", several(1, 3, key)),
    rule(2, "EXISTS", several(1, 3, key)),
    rule(1, "TOUCH", several(1, 3, key)),
    rule(2, "TYPE", key),
    rule(3, "EXPIRE", key, alphabet.relative_s, _EXPIRE_CONDITION),
    rule(3, "PEXPIRE", key, alphabet.relative_ms, _EXPIRE_CONDITION),
    rule(3, "EXPIREAT", key, alphabet.absolute_s, _EXPIRE_CONDITION),
    rule(3, "PEXPIREAT", key, alphabet.absolute_ms, _EXPIRE_CONDITION),
    rule(2, "TTL", key),
    rule(2, "PTTL", key),
    rule(2, "EXPIRETIME", key),
    rule(2, "PEXPIRETIME", key),
    rule(2, "PERSIST", key),
    rule(3, "RENAME", key, key),
    rule(2, "RENAMENX", key, key),
    rule(4, "COPY", key, key, any_order(
        maybe(0.4, word("REPLACE")), maybe(0.4, sequence(word("DB"), database)))),
    rule(3, "MOVE", key, database),
    rule(1, "KEYS", pattern),
    rule(2, "SCAN", word("0", "0", "0", "17", "x", "01"), any_order(
        maybe(0.4, sequence(word("MATCH"), pattern)), maybe(0.4, sequence(word("COUNT"), index)),
        maybe(0.4, sequence(word("TYPE"), _TYPES)))),
    rule(1, "RANDOMKEY"),
    rule(2, "OBJECT ENCODING", key),
    rule(1, "OBJECT REFCOUNT", key),
    rule(1, "OBJECT", word("IDLETIME", "FREQ", "HELP", "NOSUCH", "encoding"), key),
    rule(2, "DUMP", key),
    rule(4, "RESTORE", restore),
    rule(0.5, "WAIT", word("0", "-1", "x"), word("0", "1", "-1", "x")),
    rule(1, "SORT", key, _SORT_OPTIONS, maybe(0.3, word("STORE"), key)),
    rule(0.5, "SORT_RO", key, _SORT_OPTIONS),
))
