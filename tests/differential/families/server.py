"""Databases, connection state, introspection of commands, and commands that do not exist."""

from __future__ import annotations

from random import Random
from typing import List

from ..alphabet import anything, database, key, text, value
from ..grammar import Argv, Family, maybe, one_of, rule, several, word

INNER_COMMANDS: List[bytes] = [b"EVAL"]
"""Commands that COMMAND GETKEYS looks into below, and that no rule sends."""


def some_command(rng: Random) -> Argv:
    """A command for COMMAND GETKEYS, of the right length more often than not."""
    return rng.choice([
        [b"GET", key(rng)], [b"SET", key(rng), value(rng)], [b"SET", key(rng), b"v", b"GET"],
        [b"MSET", key(rng), b"1", key(rng), b"2"], [b"DEL", key(rng), key(rng)],
        [b"LCS", key(rng), key(rng)], [b"OBJECT", b"ENCODING", key(rng)], [b"SORT", key(rng)],
        [b"SORT", key(rng), b"STORE", key(rng)], [b"COPY", key(rng), key(rng)],
        [b"EVAL", b"s", b"2", key(rng), key(rng)], [b"EVAL", b"s", b"0", key(rng)],
        [b"PING", b"x"], [b"NOSUCH", b"x"], [b"OBJECT", b"NOSUCH"], [b"GET", b"x", b"y"],
        [b"MEMORY", b"USAGE", key(rng)], [b"WATCH", key(rng)], [b"GETEX", key(rng), b"PERSIST"],
        [b"RENAME", key(rng), key(rng)], [b"GETDEL", key(rng)], [b"EXPIRE", key(rng), b"1"]])


SERVER = Family("server", (
    rule(4, "SELECT", database),
    rule(0.7, "SWAPDB", database, database),
    rule(0.4, "FLUSHDB", maybe(0.3, word("SYNC", "ASYNC"))),
    rule(0.3, "FLUSHALL", maybe(0.3, word("SYNC", "ASYNC"))),
    rule(1, "DBSIZE"),
    rule(0.5, "PING", maybe(0.5, text)),
    rule(0.5, "ECHO", value),
    rule(0.5, "RESET"),
    rule(0.5, "HELLO", word("2", "3", "3", "4", "x", "1"), maybe(0.2, anything)),
    rule(0.5, "CLIENT SETNAME", one_of(word("one", "two", "no\x0bgood"), text)),
    rule(0.5, "CLIENT GETNAME"),
    rule(0.3, "TIME"),
    rule(0.3, "LASTSAVE"),
    rule(0.7, "COMMAND GETKEYS", some_command),
    rule(0.7, "COMMAND GETKEYSANDFLAGS", some_command),
    rule(0.2, "COMMAND LIST FILTERBY", word("PATTERN g?t", "PATTERN get*x", "MODULE x",
                                             "ACLCAT transaction", "NOSUCH x", "PATTERN")),
    rule(0.5, "CONFIG GET", word("maxmemory", "MAXMEMORY-policy", "nosuch", "timeout hz",
                                 "slave-read-onl?")),
    rule(0.7, "NOSUCHCOMMAND", several(0, 4, anything)),
    rule(0.2, "OBJECT", several(0, 2, anything)),
    rule(0.2, "CONFIG NOSUCH", several(0, 2, anything)),
))
