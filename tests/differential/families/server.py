"""Databases, connection state, introspection of commands, and commands that do not exist."""

from __future__ import annotations

from random import Random
from typing import List, Sequence, Tuple

from ..alphabet import (
    UNWRITTEN_KEY, anything, database, integer, key, relative_ms, text, value)
from ..grammar import (
    Argv, Family, any_order, maybe, one_of, rule, several, sequence, word)

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


RESTORED_DIRECTIVES: Sequence[Tuple[str, str]] = (
    ("maxmemory-policy", "noeviction"), ("lfu-log-factor", "10"), ("lfu-decay-time", "1"),
    ("slowlog-max-len", "128"), ("notify-keyspace-events", ""), ("appendfsync", "everysec"),
    ("lazyfree-lazy-user-del", "no"))
"""What the rules below change, and what it is set to before each session."""

_DIRECTIVE = word(*(name for name, _ in RESTORED_DIRECTIVES), "LFU-Log-Factor", "nosuch")
_DIRECTIVE_VALUE = one_of(word(
    "noeviction", "allkeys-lfu", "ALLKEYS-LRU", "volatile-ttl", "5", "64", "0", "-1", "yes", "No",
    "always", "KEA", "Kxg", "gq", "5mb", "x"), anything)


def _client_name(rng: Random) -> bytes:
    return rng.choice([b"one", b"two", b"no\x0bgood", b"not good"])


def _unwritten(_rng: Random) -> bytes:
    return UNWRITTEN_KEY


_ON_OR_OFF = word("on", "OFF", "x")


def python_handshake(rng: Random) -> List[Argv]:
    """What redis-py sends on a new connection."""
    hello = rng.choice([[], [b"AUTH", b"default", b"pass"]])
    commands = [
        [b"HELLO", rng.choice([b"2", b"3"])] + hello,
        [b"CLIENT", b"MAINT_NOTIFICATIONS", b"ON", b"moving-endpoint-type", b"none"],
        [b"CLIENT", b"SETNAME", b"worker"], [b"CLIENT", b"SETINFO", b"LIB-NAME", b"redis-py"],
        [b"CLIENT", b"SETINFO", b"LIB-VER", b"8.1.0"], [b"SELECT", database(rng)]]
    return [argv for argv in commands if rng.random() < 0.9]


def node_handshake(rng: Random) -> List[Argv]:
    """What ioredis sends on a new connection."""
    return [[b"AUTH", b"default", b"pass"], [b"CLIENT", b"SETINFO", b"LIB-NAME", b"ioredis"],
            [b"INFO"], [b"SELECT", database(rng)]]


def python_pipeline(rng: Random) -> List[Argv]:
    """A pipeline of redis-py with WATCH around it, and a key in it that is soon gone."""
    name = key(rng)
    return [[b"WATCH", name], [b"GET", name], [b"MULTI"],
            [b"SET", name, value(rng), b"PX", relative_ms(rng)], [b"PTTL", name],
            rng.choice([[b"EXEC"], [b"DISCARD"]]), [b"UNWATCH"], [b"GET", name]]


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
    rule(0.5, "CLIENT SETNAME", one_of(_client_name, text)),
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
    rule(0.7, "CONFIG SET", several(1, 2, _DIRECTIVE, _DIRECTIVE_VALUE)),
    rule(0.3, "CONFIG GET", several(1, 2, _DIRECTIVE)),
    rule(0.2, "CONFIG RESETSTAT"),
    rule(0.3, "AUTH", maybe(0.5, word("default")), text),
    rule(0.3, "HELLO", word("2", "3"), any_order(
        maybe(0.6, sequence(word("AUTH default"), text)),
        maybe(0.6, sequence(word("SETNAME"), one_of(_client_name, text))))),
    rule(0.3, "CLIENT", word("ID", "INFO", "LIST", "UNPAUSE", "REPLY ON", "REPLY x", "NOSUCH")),
    rule(0.2, "CLIENT NO-EVICT", _ON_OR_OFF),
    rule(0.2, "CLIENT NO-TOUCH", _ON_OR_OFF),
    rule(0.2, "CLIENT SETINFO", word("LIB-NAME", "lib-ver", "NOSUCH"), text),
    rule(0.2, "CLIENT PAUSE", word("0", "-1", "x"), maybe(0.5, word("ALL", "write", "x"))),
    rule(0.2, "CLIENT UNBLOCK", integer, maybe(0.5, word("TIMEOUT", "error", "x"))),
    rule(0.2, "CLIENT LIST", word("TYPE normal", "TYPE x", "ID x", "NOSUCH x")),
    rule(0.2, "INFO", several(0, 2, word("server", "KEYSPACE", "all", "everything", "nosuch"))),
    rule(0.2, "MEMORY USAGE", _unwritten, maybe(0.5, word("SAMPLES"), integer)),
    rule(0.2, "SLOWLOG", word("LEN", "GET", "GET -1", "GET -2", "GET x", "RESET", "NOSUCH")),
    rule(0.2, "LATENCY", word("LATEST", "HISTORY x", "RESET x", "NOSUCH")),
    rule(0.2, "LOLWUT", maybe(0.5, word("VERSION"), integer, maybe(0.2, integer))),
    rule(0.2, "ROLE"),
    rule(0.3, "WAITAOF", word("0", "1", "2", "x"), word("0", "-1", "x"), word("0", "1", "x")),
), scripts=(python_handshake, node_handshake, python_pipeline))
