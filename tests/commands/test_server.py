"""Commands about the server itself: INFO CONFIG COMMAND DEBUG MEMORY TIME LOLWUT SHUTDOWN."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import pytest
from support.server_process import ServerProcess
from support.wire import Array, Client, Error, Map, Verbatim

from .dialogue import (
    NOT_INTEGER, NULL, OK, SYNTAX, Dialogue, arity, array, error, mapping, set_of, simple,
    verbatim)

DATA = Path(__file__).parent.parent / "data"
NO_KEYS = error("ERR The command has no key arguments")
BAD_COMMAND = error("ERR Invalid command specified")
BAD_COUNT = error("ERR Invalid number of arguments specified for command")
BAD_ARGUMENTS = error("ERR Invalid arguments specified for command")

Sections = Dict[str, Dict[str, str]]


def info(dialogue: Dialogue, *sections: str) -> Sections:
    """INFO as section -> field -> value."""
    reply = dialogue.call("INFO " + " ".join(sections))
    assert isinstance(reply, Verbatim) is (dialogue.protocol == 3)
    return parse_info(bytes(reply).decode())


def parse_info(text: str) -> Sections:
    """The text of INFO; it must be well-formed."""
    found: Sections = {}
    fields: Optional[Dict[str, str]] = None
    for line in text.replace("\r\n", "\n").split("\n"):
        if line.startswith("# "):
            fields = found.setdefault(line[2:], {})
        elif line:
            name, colon, value = line.partition(":")
            assert colon and name and fields is not None, f"malformed line {line!r}"
            fields[name] = value
    return found


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


def test_info_has_every_expected_field_in_its_section(dialogue: Dialogue) -> None:
    target = dialogue.server.target
    version = ".".join(map(str, target.version))
    path = DATA / ("info-fields-fastredis.txt" if target.is_fastredis
                   else f"info-fields-{target.name}-{version}.txt")
    if not path.exists():
        pytest.skip(f"no recorded fields of {target.name} {version}")
    dialogue.ok("SET k v")
    found = info(dialogue, "everything")
    section, missing = "", []
    for line in path.read_text().splitlines():
        if line.startswith("# "):
            section = line[2:]
            if section not in found:
                missing.append(line)
        elif line not in found.get(section, {}):
            missing.append(f"{section}: {line}")
    assert not missing


def test_info_shows_default_sections_in_a_fixed_order(dialogue: Dialogue) -> None:
    default = list(info(dialogue))
    assert default[:2] == ["Server", "Clients"] and default.index("Stats") < default.index("CPU")
    assert "Commandstats" not in default and "Latencystats" not in default
    assert {"Server", "Clients", "Memory", "Persistence", "Stats", "Replication", "CPU",
            "Modules", "Errorstats", "Cluster", "Keyspace"} <= set(default)
    assert list(info(dialogue, "default")) == default
    for everything in ("all", "everything", "ALL"):
        assert set(default) | {"Commandstats"} <= set(info(dialogue, everything))


def test_info_takes_sections_by_name(dialogue: Dialogue) -> None:
    for name in ("server", "clients", "memory", "persistence", "stats", "replication", "cpu",
                 "commandstats", "errorstats", "latencystats", "cluster", "keyspace", "modules"):
        assert [section.lower() for section in info(dialogue, name.upper())] == [name]
    assert list(info(dialogue, "keyspace", "nosuch", "clients", "Server", "clients")) == [
        "Server", "Clients", "Keyspace"]
    dialogue.check([("INFO nosuch", verbatim("")), ("INFO keyspace", verbatim("# Keyspace\r\n")),
                    ("INFO errorstats", verbatim("# Errorstats\r\n"))])
    assert "Commandstats" in info(dialogue, "default", "commandstats")


def test_info_server_says_who_it_is(dialogue: Dialogue) -> None:
    server = info(dialogue, "server")["Server"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", server["redis_version"])
    assert re.fullmatch(r"[0-9a-f]{40}", server["run_id"])
    assert server["process_id"] == str(dialogue.server.pid)
    assert server["tcp_port"] == str(dialogue.server.port)
    assert server["arch_bits"] in ("32", "64") and server["config_file"] == ""
    assert abs(int(server["server_time_usec"]) / 1e6 - time.time()) < 5
    assert 0 <= int(server["uptime_in_seconds"]) < 3600 and server["uptime_in_days"] == "0"
    assert server["hz"] == server["configured_hz"] == "10"


@pytest.mark.target("fastredis", reason="its own identity")
def test_fastredis_calls_itself_by_name(dialogue: Dialogue) -> None:
    server = info(dialogue, "server")["Server"]
    assert server["server_name"] == "fastredis" and server["redis_version"] == "7.2.4"
    assert re.fullmatch(r"\d+\.\d+.*", server["fastredis_version"])


def test_info_counts_clients(dialogue: Dialogue) -> None:
    before = int(info(dialogue, "clients")["Clients"]["connected_clients"])
    others = [dialogue.other() for _ in range(3)]
    for other in others:
        other.ok("PING")
    clients = info(dialogue, "clients")["Clients"]
    assert int(clients["connected_clients"]) == before + 3
    assert clients["blocked_clients"] == "0" and int(clients["maxclients"]) > 0


def test_info_keyspace_lists_databases_that_have_keys(dialogue: Dialogue) -> None:
    dialogue.ok("MSET a 1 b 2 c 3", "EXPIRE a 1000", "EXPIRE b 1000", "SELECT 5", "SET k v")
    keyspace = info(dialogue, "keyspace")["Keyspace"]
    assert list(keyspace) == ["db0", "db5"]
    assert re.match(r"keys=3,expires=2,avg_ttl=\d+", keyspace["db0"])
    assert re.match(r"keys=1,expires=0,avg_ttl=0", keyspace["db5"])
    dialogue.ok("FLUSHALL")
    assert info(dialogue, "keyspace")["Keyspace"] == {}


EFFECTS = [
    # command, hits, misses, dirty; keys: a=1, t=1 with a time, x missing
    ("GET a", 1, 0, 0), ("GET x", 0, 1, 0), ("MGET a x", 1, 1, 0), ("EXISTS a x", 1, 1, 0),
    ("SET a 2", 0, 0, 1), ("SET x 1", 0, 0, 1), ("SET a 1 NX", 0, 0, 0), ("SET x 1 XX", 0, 0, 0),
    ("SET a 2 GET", 1, 0, 1), ("SET x 2 GET", 0, 1, 1), ("GETSET a 1", 1, 0, 1),
    ("GETSET x 1", 0, 1, 1), ("GETDEL a", 1, 0, 1), ("GETDEL x", 0, 1, 0), ("GETEX a", 1, 0, 0),
    ("GETEX x", 0, 1, 0), ("GETEX a EX 100", 1, 0, 1), ("GETEX t PERSIST", 1, 0, 1),
    ("GETEX a PERSIST", 1, 0, 0), ("STRLEN a", 1, 0, 0), ("STRLEN x", 0, 1, 0),
    ("INCR a", 0, 0, 1), ("INCR x", 0, 0, 1), ("DECRBY a 0", 0, 0, 1),
    ("INCRBYFLOAT a 1", 0, 0, 1), ("APPEND a 1", 0, 0, 1), ("APPEND x 1", 0, 0, 1),
    ("SETRANGE a 0 x", 0, 0, 1), ('SETRANGE a 0 ""', 0, 0, 0), ("GETRANGE a 0 1", 1, 0, 0),
    ("SUBSTR x 0 1", 0, 1, 0), ("TTL a", 1, 0, 0), ("PTTL x", 0, 1, 0), ("EXPIRETIME a", 1, 0, 0),
    ("TYPE a", 1, 0, 0), ("TYPE x", 0, 1, 0), ("OBJECT ENCODING a", 1, 0, 0),
    ("OBJECT ENCODING x", 0, 1, 0), ("TOUCH a x", 1, 1, 0), ("DEL a x", 0, 0, 1),
    ("UNLINK a t x", 0, 0, 2), ("EXPIRE a 100", 0, 0, 1), ("EXPIRE x 100", 0, 0, 0),
    ("EXPIRE a -1", 0, 0, 1), ("EXPIRE t 100 NX", 0, 0, 0), ("PERSIST t", 0, 0, 1),
    ("PERSIST a", 0, 0, 0), ("RENAME a b", 0, 0, 1), ("RENAMENX a t", 0, 0, 0),
    ("RENAME a a", 0, 0, 0), ("COPY a b", 1, 0, 1), ("COPY x b", 0, 1, 0), ("COPY a t", 1, 0, 0),
    ("MOVE a 1", 0, 0, 1), ("MOVE x 1", 0, 0, 0), ("DUMP a", 1, 0, 0), ("DUMP x", 0, 1, 0),
    ("RANDOMKEY", 0, 0, 0), ("KEYS *", 0, 0, 0), ("SCAN 0", 0, 0, 0), ("LCS a t", 2, 0, 0),
    ("LCS a x", 1, 1, 0), ("MSET a 1 b 2", 0, 0, 2), ("MSETNX a 1 b 2", 0, 0, 0),
    ("MSETNX c 1 d 2", 0, 0, 2), ("SETNX a 1", 0, 0, 0), ("SETNX x 1", 0, 0, 1),
    ("SETEX a 100 1", 0, 0, 1), ("WATCH a x", 0, 0, 0), ("MEMORY USAGE a", 0, 0, 0),
    ("DEBUG OBJECT a", 0, 0, 0), ("FLUSHALL", 0, 0, 2), ("FLUSHDB", 0, 0, 2),
    ("SWAPDB 0 1", 0, 0, 1), ("SWAPDB 0 0", 0, 0, 1), ("INCR a b", 0, 0, 0)]
SORT_EFFECTS = [("SORT x", 0, 1, 0), ("SORT x STORE y", 0, 1, 0), ("SORT x STORE a", 0, 1, 1)]


@pytest.mark.needs_command("sort")
def test_sort_counts_hits_misses_and_changes(dialogue: Dialogue) -> None:
    check_effects(dialogue, SORT_EFFECTS)


def test_hits_misses_and_changes_are_counted_as_redis_counts_them(dialogue: Dialogue) -> None:
    check_effects(dialogue, EFFECTS)


def check_effects(dialogue: Dialogue, effects: Sequence[Tuple[str, int, int, int]]) -> None:
    """Each command on two keys, `a` and the volatile `t`: how far it moves hits, misses, dirty."""
    def counters() -> List[int]:
        found = info(dialogue, "stats", "persistence")
        return [int(found["Stats"]["keyspace_hits"]), int(found["Stats"]["keyspace_misses"]),
                int(found["Persistence"]["rdb_changes_since_last_save"])]

    wrong = []
    for command, *expected in effects:
        dialogue.ok("FLUSHALL", "SET a 1", "SET t 1 EX 1000", "UNWATCH")
        before = counters()
        dialogue.raw(command)
        effect = [after - was for after, was in zip(counters(), before)]
        if effect != expected:
            wrong.append(f"{command}: expected {expected}, got {effect}")
    assert not wrong


def test_an_expired_key_counts_once_and_as_a_miss(dialogue: Dialogue) -> None:
    dialogue.ok("DEBUG SET-ACTIVE-EXPIRE 0", "SET k v PX 1", "DEBUG SLEEP 0.005",
                "CONFIG RESETSTAT", "GET k", "GET k")
    stats = info(dialogue, "stats")["Stats"]
    assert (stats["expired_keys"], stats["keyspace_misses"], stats["keyspace_hits"]) == (
        "1", "2", "0")


def test_resetstat_starts_counting_afresh(dialogue: Dialogue) -> None:
    dialogue.ok("SET k v", "GET k", "GET x")
    dialogue.raw("NOSUCH")
    dialogue.check([("CONFIG RESETSTAT x", arity("config|resetstat")), ("CONFIG RESETSTAT", OK)])
    found = info(dialogue, "everything")
    stats = found["Stats"]
    for name in ("keyspace_hits", "keyspace_misses", "expired_keys", "total_error_replies",
                 "total_connections_received"):
        assert stats[name] == "0", name
    assert found["Errorstats"] == {}
    assert set(found["Commandstats"]) <= {"cmdstat_config|resetstat", "cmdstat_info"}


def test_commandstats_counts_calls_failures_and_rejections(dialogue: Dialogue) -> None:
    dialogue.ok("CONFIG RESETSTAT", "SET k text", "GET k", "GET k", "OBJECT ENCODING k")
    for command in ("INCR k", "GET k x", "GET", "NOSUCH"):
        assert dialogue.raw(command).startswith(b"-")
    found = info(dialogue, "commandstats", "errorstats", "stats")
    assert found["Errorstats"] == {"errorstat_ERR": "count=4"}
    assert found["Stats"]["total_error_replies"] == "4"
    expected = {"get": (2, 2, 0), "set": (1, 0, 0), "incr": (1, 0, 1), "object|encoding": (1, 0, 0)}
    for name, (calls, rejected, failures) in expected.items():
        assert re.fullmatch(
            rf"calls={calls},usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls={rejected},"
            rf"failed_calls={failures}", found["Commandstats"][f"cmdstat_{name}"]), name
    assert "cmdstat_nosuch" not in found["Commandstats"]


def test_latencystats_gives_percentiles_of_each_command(dialogue: Dialogue) -> None:
    dialogue.ok("CONFIG RESETSTAT", "SET k v", "GET k")
    stats = info(dialogue, "latencystats")["Latencystats"]
    for name in ("set", "get", "config|resetstat"):
        assert re.fullmatch(r"p50=\d+\.\d+,p99=\d+\.\d+,p99\.9=\d+\.\d+",
                            stats[f"latency_percentiles_usec_{name}"])


def test_traffic_is_counted(dialogue: Dialogue) -> None:
    before = info(dialogue, "stats")["Stats"]
    dialogue.client.pipeline([["SET", "k", "x" * 1000]] * 100)
    dialogue.client.pipeline([["GET", "k"]] * 100)
    after = info(dialogue, "stats")["Stats"]
    assert int(after["total_commands_processed"]) - int(before["total_commands_processed"]) == 201
    for field in ("total_net_input_bytes", "total_net_output_bytes"):
        assert 100_000 < int(after[field]) - int(before[field]) < 130_000


def test_used_memory_follows_the_data(dialogue: Dialogue) -> None:
    before = int(info(dialogue, "memory")["Memory"]["used_memory"])
    dialogue.client.pipeline([["SET", f"k{n}", "x" * 100_000] for n in range(50)])
    memory = info(dialogue, "memory")["Memory"]
    grown = int(memory["used_memory"]) - before
    assert 4_900_000 < grown < 9_000_000
    assert int(memory["used_memory_peak"]) >= int(memory["used_memory"])
    assert re.fullmatch(r"\d+\.\d\d[BKMG]|\d+B", memory["used_memory_human"])
    assert memory["maxmemory"] == "0" and memory["maxmemory_human"] == "0B"
    assert memory["maxmemory_policy"] == "noeviction"
    dialogue.ok("FLUSHALL SYNC")
    assert int(info(dialogue, "memory")["Memory"]["used_memory"]) < before + grown // 2


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
