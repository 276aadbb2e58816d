"""Commands about the server itself: CONFIG COMMAND DEBUG MEMORY TIME LOLWUT SHUTDOWN."""

from __future__ import annotations

import re
import time
from typing import Callable, Dict, List

import pytest
from support.server_process import ServerProcess
from support.wire import Array, Client, Error, Map, Verbatim

from .dialogue import (
    NOT_INTEGER, NULL, OK, SYNTAX, Dialogue, arity, array, error, mapping, set_of, simple)

NO_KEYS = error("ERR The command has no key arguments")
BAD_COMMAND = error("ERR Invalid command specified")
BAD_COUNT = error("ERR Invalid number of arguments specified for command")
BAD_ARGUMENTS = error("ERR Invalid arguments specified for command")


def config(dialogue: Dialogue, *patterns: str) -> Dict[bytes, bytes]:
    """CONFIG GET as a dict; no parameter may be named twice."""
    reply = dialogue.call(["CONFIG", "GET", *patterns])
    assert isinstance(reply, Map if dialogue.protocol == 3 else Array)
    pairs = list(reply) if dialogue.protocol == 3 else list(zip(reply[::2], reply[1::2]))
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def failed(name: str, reason: str) -> bytes:
    """The error of CONFIG SET."""
    return error(f"ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")


def test_config_get_takes_names_and_patterns(dialogue: Dialogue) -> None:
    assert config(dialogue, "maxmemory") == {b"maxmemory": b"0"}
    assert config(dialogue, "MAXMEMORY") == {b"MAXMEMORY": b"0"}
    assert config(dialogue, "nosuch") == {} == config(dialogue, "nosuch*")
    assert config(dialogue, "maxmemory", "max*memory", "hz") == {b"maxmemory": b"0", b"hz": b"10"}
    assert {b"maxmemory", b"maxmemory-policy", b"maxmemory-samples"} <= set(
        config(dialogue, "MAXmem*"))
    assert config(dialogue, "[hm]z") == {b"hz": b"10"} == config(dialogue, "?z")
    everything = config(dialogue, "*")
    assert len(everything) > 150
    for name, value in ((b"port", b"%d" % dialogue.server.port), (b"databases", b"16"),
                        (b"timeout", b"0"), (b"save", b""), (b"appendonly", b"no"),
                        (b"bind", b"127.0.0.1"), (b"slave-read-only", b"yes"),
                        (b"replica-read-only", b"yes"), (b"requirepass", b""),
                        (b"client-output-buffer-limit", b"normal 0 0 0 slave 268435456 67108864 "
                                                        b"60 pubsub 33554432 8388608 60")):
        assert everything[name] == value, name
    dialogue.check([("CONFIG GET", arity("config|get")), ("CONFIG", arity("config")),
                    ("CONFIG NOSUCH", error("ERR unknown subcommand 'NOSUCH'. Try CONFIG HELP.")),
                    ("CONFIG GET hz", mapping("hz", "10"))])


@pytest.mark.parametrize("name, given, shown", [
    ("maxmemory", "1mb", "1048576"), ("maxmemory", "1m", "1000000"), ("maxmemory", "2K", "2000"),
    ("maxmemory", "1GB", "1073741824"), ("maxmemory", "100b", "100"),
    ("maxmemory-policy", "ALLKEYS-LRU", "allkeys-lru"), ("appendonly", "NO", "no"),
    ("hz", "0", "1"), ("hz", "501", "500"), ("timeout", "5", "5"), ("save", "900 1 300 10",
                                                                     "900 1 300 10"),
    ("save", "", ""), ("slowlog-log-slower-than", "-1", "-1"), ("repl-backlog-size", "1", "16384"),
    ("notify-keyspace-events", "KEA", "AKE"), ("notify-keyspace-events", "Kxg", "gxK"),
    ("notify-keyspace-events", "", ""), ("maxmemory-clients", "5%", "5%"),
    ("client-output-buffer-limit", "pubsub 1mb 2 3",
     "normal 0 0 0 slave 268435456 67108864 60 pubsub 1048576 2 3"),
    ("lua-time-limit", "4000", "4000"), ("latency-tracking-info-percentiles", "50 99.5",
                                         "50 99.5")])
def test_config_set_is_seen_by_config_get(dialogue: Dialogue, name: str, given: str,
                                         shown: str) -> None:
    dialogue.check([(["CONFIG", "SET", name, given], OK),
                    (["CONFIG", "GET", name], mapping(name, shown))])


@pytest.mark.parametrize("name, value, reason", [
    ("maxmemory", "abc", "argument must be a memory value"),
    ("maxmemory", "-1", "argument must be a memory value"),
    ("maxmemory", "1.5gb", "argument must be a memory value"),
    ("maxmemory", "100%", "argument must be a memory value"),
    ("hz", "x", "argument couldn't be parsed into an integer"),
    ("timeout", "-1", "argument must be between 0 and 2147483647 inclusive"),
    ("port", "99999", "argument must be between 0 and 65535 inclusive"),
    ("maxclients", "0", "argument must be between 1 and 4294967295 inclusive"),
    ("maxmemory-policy", "foo", "argument(s) must be one of the following: volatile-lru, "
     "volatile-lfu, volatile-random, volatile-ttl, allkeys-lru, allkeys-lfu, allkeys-random, "
     "noeviction"),
    ("appendonly", "maybe", "argument must be 'yes' or 'no'"),
    ("databases", "4", "can't set immutable config"),
    ("daemonize", "yes", "can't set immutable config"),
    ("unixsocket", "/x", "can't set immutable config"),
    ("save", "900", "Invalid save parameters"), ("save", "a b", "Invalid save parameters"),
    ("proto-max-bulk-len", "1",
     "argument must be between 1048576 and 9223372036854775807 inclusive"),
    ("active-expire-effort", "11", "argument must be between 1 and 10 inclusive"),
    ("client-output-buffer-limit", "foo 1 2 3",
     "Invalid client class specified in buffer limit configuration."),
    ("client-output-buffer-limit", "normal 1 2",
     "Wrong number of arguments in buffer limit configuration."),
    ("maxmemory-clients", "101%", "percentage argument must be less or equal to 100")])
def test_config_set_says_why_it_refuses(dialogue: Dialogue, name: str, value: str,
                                       reason: str) -> None:
    before = config(dialogue, name)
    shown = name.upper() if "immutable" in reason else name
    dialogue.check([(["CONFIG", "SET", name, value], failed(name, reason)),
                    (["CONFIG", "SET", name.upper(), value], failed(shown, reason))])
    assert config(dialogue, name) == before


def test_config_set_of_several_is_all_or_nothing(dialogue: Dialogue) -> None:
    dialogue.check([
        ("CONFIG SET hz 12 timeout abc",
         failed("timeout", "argument couldn't be parsed into an integer")),
        ("CONFIG SET hz 12 nosuch 1",
         error("ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'")),
        ("CONFIG SET hz 12 hz 13", failed("hz", "duplicate parameter")),
        ("CONFIG SET hz 12 HZ 13", failed("HZ", "duplicate parameter")),
        ("CONFIG SET hz 12 databases 3", failed("databases", "can't set immutable config")),
        ("CONFIG SET hz 12 timeout", SYNTAX), ("CONFIG SET hz", arity("config|set")),
        ("CONFIG SET", arity("config|set")), ("CONFIG GET hz", mapping("hz", "10")),
        ("CONFIG SET hz 12 timeout 7", OK)])
    assert config(dialogue, "hz", "timeout") == {b"hz": b"12", b"timeout": b"7"}


def test_config_rewrite_needs_a_file(dialogue: Dialogue) -> None:
    dialogue.check([("CONFIG REWRITE", error("ERR The server is running without a config file")),
                    ("CONFIG REWRITE x", arity("config|rewrite"))])


def test_helps_are_lists_of_lines(dialogue: Dialogue) -> None:
    for name in ("CONFIG", "COMMAND", "MEMORY", "DEBUG", "OBJECT", "CLIENT", "SLOWLOG",
                 "LATENCY", "MODULE"):
        lines = dialogue.call(f"{name} HELP")
        assert lines[0] == (f"{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
                            ).encode()
        assert lines[-2:] == [b"HELP", b"    Print this help."] or lines[-2:] == [
            b"HELP", b"    Prints this help."]


def test_command_count_agrees_with_the_list(dialogue: Dialogue) -> None:
    names = dialogue.call("COMMAND LIST")
    commands = [name for name in names if b"|" not in name]
    assert len(set(names)) == len(names)
    assert {b"get", b"set", b"multi", b"config", b"config|get", b"command|count"} <= set(names)
    assert dialogue.call("COMMAND COUNT") == len(commands)
    for everything in ("COMMAND", "COMMAND INFO"):
        assert sorted(entry[0] for entry in dialogue.call(everything)) == sorted(commands)


def test_command_list_filters(dialogue: Dialogue) -> None:
    def listed(arguments: str) -> List[bytes]:
        return sorted(dialogue.call(f"COMMAND LIST FILTERBY {arguments}"))

    assert listed("ACLCAT transaction") == [b"discard", b"exec", b"multi", b"unwatch", b"watch"]
    assert listed("aclcat TRANSACTION") == listed("ACLCAT transaction")
    assert listed("PATTERN incr*") == [b"incr", b"incrby", b"incrbyfloat"] == listed(
        "pattern INCR*")
    assert listed("PATTERN config|s*") == [b"config|set"]
    assert listed("MODULE nosuch") == listed("PATTERN nosuch*") == []
    assert listed("ACLCAT nosuch") == listed("ACLCAT @transaction") == []
    dialogue.check_all(
        ["COMMAND LIST FOO", "COMMAND LIST FILTERBY", "COMMAND LIST FILTERBY FOO x",
         "COMMAND LIST FILTERBY PATTERN", "COMMAND LIST FILTERBY PATTERN a b"], SYNTAX)


def test_command_info_describes_commands(dialogue: Dialogue) -> None:
    get = array(
        "get", 2, set_of(simple("readonly"), simple("fast")), 1, 1, 1,
        set_of(simple("@read"), simple("@string"), simple("@fast")), set_of(), set_of(mapping(
            "flags", set_of(simple("RO"), simple("access")),
            "begin_search", mapping("type", "index", "spec", mapping("index", 1)),
            "find_keys", mapping("type", "range", "spec", mapping(
                "lastkey", 0, "keystep", 1, "limit", 0)))),
        array() if dialogue.server.target.name == "valkey" else set_of())
    dialogue.check([
        ("COMMAND INFO get", array(get)), ("COMMAND INFO GeT nosuch get", array(get, NULL, get)),
        ("COMMAND COUNT x", arity("command|count")),
        ("COMMAND NOSUCH", error("ERR unknown subcommand 'NOSUCH'. Try COMMAND HELP."))])
    [container] = dialogue.call("COMMAND INFO object")
    assert container[0] == b"object" and {entry[0] for entry in container[9]} >= {
        b"object|encoding", b"object|freq", b"object|help"}
    [subcommand] = dialogue.call("COMMAND INFO OBJECT|ENCODING")
    assert subcommand[:2] == [b"object|encoding", 3]


def test_command_docs_describes_commands(dialogue: Dialogue) -> None:
    def documents(arguments: str) -> dict:
        reply = dialogue.call(f"COMMAND DOCS {arguments}")
        assert isinstance(reply, Map if dialogue.protocol == 3 else Array)
        return as_dict(reply)

    found = documents("SET nosuch config|get")
    assert list(found) == [b"set", b"config|get"]
    document = as_dict(found[b"set"])
    assert document[b"group"] == b"string" and document[b"since"] == b"1.0.0"
    assert document[b"summary"] and document[b"complexity"]
    arguments = [as_dict(argument) for argument in document[b"arguments"]]
    assert [argument[b"name"] for argument in arguments][:2] == [b"key", b"value"]
    assert documents("nosuch") == {}
    assert len(documents("")) == dialogue.call("COMMAND COUNT")


def as_dict(reply: object) -> dict:
    """A map reply of either protocol."""
    return reply.to_dict() if isinstance(reply, Map) else dict(zip(reply[::2], reply[1::2]))


@pytest.mark.parametrize("command, keys", [
    ("get a", ["a"]), ("GET a", ["a"]), ("set a b GET", ["a"]), ("mset a 1 b 2", ["a", "b"]),
    ("mset a 1 b", ["a", "b"]), ("del a a", ["a", "a"]), ("lcs a b", ["a", "b"]),
    ("object encoding a", ["a"]), ("memory usage k", ["k"]), ("watch a b", ["a", "b"]),
    ("sort a by b get c store d", ["a", "d"]), ("sort a", ["a"]), ("sort_ro a by b", ["a"]),
    ("sort a store STORE d", ["a", "d"]), ("sort a limit store d store e", ["a", "e"]),
    ("eval s 2 a b c", ["a", "b"]), ("eval s 0", []), ("eval s x", []), ("eval s 5 a", []),
    ("zunionstore d 2 a b", ["d", "a", "b"]), ("blpop a b 0", ["a", "b"]),
    ("xread count 1 streams a b 0 0", ["a", "b"]), ("migrate h 1 a 0 10", ["a"]),
    ('migrate h 1 "" 0 10 keys a b', ["a", "b"]), ("georadius k 1 1 1 m store d", ["k", "d"]),
    ("georadius k 1 1 1 m", ["k"]), ("copy a b", ["a", "b"]), ("rename a b", ["a", "b"])])
def test_command_getkeys_finds_the_keys(dialogue: Dialogue, command: str, keys: List[str]) -> None:
    known = dialogue.call(f"COMMAND INFO {command.split()[0]}")[0]
    if dialogue.server.target.is_fastredis and not known:
        pytest.skip("not a command of fastredis")
    dialogue.check([(f"COMMAND GETKEYS {command}", array(*keys))])


@pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="arity changed with 7.2")
def test_command_getkeys_says_what_is_wrong(dialogue: Dialogue) -> None:
    for command in ("GETKEYS", "GETKEYSANDFLAGS"):
        dialogue.check([(f"COMMAND {command}", arity(f"command|{command.lower()}"))])
        dialogue.check_all([f"COMMAND {command} nosuch", f"COMMAND {command} nosuch a",
                            f"COMMAND {command} object nosuch"], BAD_COMMAND)
        dialogue.check_all([f"COMMAND {command} ping", f"COMMAND {command} ping x",
                            f"COMMAND {command} exec", f"COMMAND {command} flushall x",
                            f"COMMAND {command} config get a", f"COMMAND {command} object"],
                           NO_KEYS)
        dialogue.check_all([f"COMMAND {command} get", f"COMMAND {command} get a b",
                            f"COMMAND {command} set a"], BAD_COUNT)


def test_command_getkeysandflags_adds_the_flags(dialogue: Dialogue) -> None:
    def row(key: str, *flags: str) -> Callable[[int], bytes]:
        return array(key, set_of(*map(simple, flags)))

    dialogue.check([
        ("COMMAND GETKEYSANDFLAGS get a", array(row("a", "RO", "access"))),
        ("COMMAND GETKEYSANDFLAGS set a b", array(row("a", "OW", "update"))),
        ("COMMAND GETKEYSANDFLAGS set a b EX 5", array(row("a", "OW", "update"))),
        ("COMMAND GETKEYSANDFLAGS set a b get", array(row("a", "RW", "access", "update"))),
        ("COMMAND GETKEYSANDFLAGS getex a", array(row("a", "RW", "access", "update"))),
        ("COMMAND GETKEYSANDFLAGS mset a 1 b 2", array(row("a", "OW", "update"),
                                                       row("b", "OW", "update"))),
        ("COMMAND GETKEYSANDFLAGS rename a b", array(row("a", "RW", "access", "delete"),
                                                     row("b", "OW", "update"))),
        ("COMMAND GETKEYSANDFLAGS copy a b", array(row("a", "RO", "access"),
                                                   row("b", "OW", "update")))])


@pytest.mark.needs_command("sort")
def test_command_getkeysandflags_finds_where_sort_stores(dialogue: Dialogue) -> None:
    def row(key: str, *flags: str) -> Callable[[int], bytes]:
        return array(key, set_of(*map(simple, flags)))

    dialogue.check([("COMMAND GETKEYSANDFLAGS sort a store d",
                     array(row("a", "RO", "access"), row("d", "OW", "update")))])


def test_time_is_the_clock(dialogue: Dialogue) -> None:
    before = time.time()
    seconds, micros = dialogue.call("TIME")
    assert before - 1 < int(seconds) + int(micros) / 1e6 < time.time() + 1
    assert 0 <= int(micros) < 1_000_000
    dialogue.check([("TIME x", arity("time"))])


def test_debug_sleep_sleeps(dialogue: Dialogue) -> None:
    started = time.monotonic()
    dialogue.check([("DEBUG SLEEP 0.1", OK)])
    assert 0.1 <= time.monotonic() - started < 2
    dialogue.check([("DEBUG SLEEP 0", OK), ("DEBUG SLEEP x", OK), ("DEBUG", arity("debug"))])
    for name, command in (("SLEEP", "DEBUG SLEEP"), ("NOSUCH", "DEBUG NOSUCH"),
                          ("OBJECT", "DEBUG OBJECT"),
                          ("SET-ACTIVE-EXPIRE", "DEBUG SET-ACTIVE-EXPIRE")):
        dialogue.check([(command, error("ERR unknown subcommand or wrong number of arguments for "
                                        f"'{name}'. Try DEBUG HELP."))])


def test_debug_object_describes_a_value(dialogue: Dialogue) -> None:
    for value, encoding, size in (("12", "int", 2), ("text", "embstr", 5),
                                  ("x" * 50, "raw", None)):
        if encoding == "raw" and dialogue.server.target.name == "valkey":
            continue
        dialogue.ok(["SET", "k", value])
        reply = dialogue.raw("DEBUG OBJECT k")
        found = re.fullmatch(
            rb"\+Value at:0x[0-9a-f]+ refcount:\d+ encoding:(\w+) serializedlength:(\d+) "
            rb"lru:\d+ lru_seconds_idle:\d+\r\n", reply)
        assert found and found.group(1) == encoding.encode(), reply
        if size is not None:
            assert int(found.group(2)) == size
    dialogue.check([("DEBUG OBJECT missing", error("ERR no such key"))])


def test_debug_is_refused_unless_it_was_enabled(fresh_server: Callable[..., ServerProcess]) -> None:
    client: Client = fresh_server().client()
    reply = client.call("DEBUG", "SLEEP", "0")
    assert isinstance(reply, Error) and reply.startswith(b"ERR DEBUG command not allowed.")
    assert isinstance(client.call("CONFIG", "SET", "enable-debug-command", "yes"), Error)


def test_memory_usage_grows_with_the_value(dialogue: Dialogue) -> None:
    sizes = []
    for length in (1, 100, 1000, 100_000):
        dialogue.ok(["SET", "k", "x" * length])
        sizes.append(dialogue.call("MEMORY USAGE k"))
        assert length < sizes[-1] < length * 1.3 + 200
    assert sizes == sorted(sizes)
    dialogue.ok("SET k 12345")
    assert 0 < dialogue.call("MEMORY USAGE k SAMPLES 0") < 100
    dialogue.check([("MEMORY USAGE missing", NULL), ("MEMORY", arity("memory")),
                    ("MEMORY USAGE", arity("memory|usage")),
                    ("MEMORY USAGE k SAMPLES x", NOT_INTEGER),
                    ("MEMORY NOSUCH", error("ERR unknown subcommand 'NOSUCH'. Try MEMORY HELP."))])
    dialogue.check_all(["MEMORY USAGE k SAMPLES", "MEMORY USAGE k SAMPLES -1",
                        "MEMORY USAGE k FOO 5", "MEMORY USAGE missing FOO"], SYNTAX)
    assert dialogue.call("MEMORY USAGE k SAMPLES 5 samples 6") > 0


def test_lolwut_ends_with_the_version(dialogue: Dialogue) -> None:
    reply = dialogue.call("LOLWUT")
    assert isinstance(reply, Verbatim) is (dialogue.protocol == 3)
    assert re.search(rb" ver\. ?\d+\.\d+\.\d+\n$", reply)
    dialogue.check([("LOLWUT VERSION x", NOT_INTEGER)])
    assert bytes(dialogue.call("LOLWUT VERSION 5 30 5 5")).count(b"\n") > 5


@pytest.mark.target("fastredis", reason="each server draws its own picture")
def test_lolwut_draws_a_picture(dialogue: Dialogue) -> None:
    lines = bytes(dialogue.call("LOLWUT")).decode().splitlines()
    assert len(lines) > 5 and len({line for line in lines if line.strip()}) > 3
    assert re.search(r"fastredis", lines[-1])


def test_shutdown_checks_its_options(dialogue: Dialogue) -> None:
    dialogue.check_all(["SHUTDOWN foo", "SHUTDOWN SAVE NOSAVE", "SHUTDOWN NOSAVE SAVE",
                        "SHUTDOWN ABORT NOSAVE", "SHUTDOWN NOSAVE NOSAVE foo",
                        "SHUTDOWN NOW ABORT"], SYNTAX)
    dialogue.check([("SHUTDOWN ABORT", error("ERR No shutdown in progress.")),
                    ("PING", simple("PONG"))])


@pytest.mark.parametrize("options", [[], ["NOSAVE"], ["nosave", "now", "FORCE"]])
def test_shutdown_ends_the_process(fresh_server: Callable[..., ServerProcess],
                                   options: List[str]) -> None:
    server = fresh_server()
    client = server.client()
    client.ok("SET", "k", "v")
    client.request("SHUTDOWN", *options)
    client.expect_closed()
    assert server.wait_exit() == 0
