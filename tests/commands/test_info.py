"""INFO and MEMORY STATS: which figures there are, in which order, and what moves them."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import pytest
from support.wire import Double, Verbatim

from .dialogue import OK, Dialogue, arity, verbatim

DATA = Path(__file__).parent.parent / "data"
MEMORY_STATS = """
peak.allocated total.allocated startup.allocated replication.backlog replica.fullsync.buffer
clients.slaves clients.normal cluster.links aof.buffer lua.caches functions.caches script.VMs
db.0 overhead.db.hashtable.lut overhead.db.hashtable.rehashing overhead.total
db.dict.rehashing.count keys.count keys.bytes-per-key dataset.bytes dataset.percentage
peak.percentage allocator.allocated allocator.active allocator.resident allocator.muzzy
allocator-fragmentation.ratio allocator-fragmentation.bytes allocator-rss.ratio
allocator-rss.bytes rss-overhead.ratio rss-overhead.bytes fragmentation fragmentation.bytes
"""

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


@pytest.mark.target("fastredis", reason="it shows the fields of Redis 8")
def test_info_has_the_fields_of_redis_in_their_order(dialogue: Dialogue) -> None:
    """Exporters draw what they find: a field that was left out as it is always zero was a hole."""
    expected: Dict[str, List[str]] = {}
    for line in (DATA / "info-fields-redis-8.0.6.txt").read_text().splitlines():
        if line.startswith("# "):
            fields = expected.setdefault(line[2:], [])
        else:
            fields.append(line)
    found = info(dialogue, "everything", "keysizes")
    for section, names in expected.items():
        assert [name for name in found[section] if name in names] == names, section


@pytest.mark.target("fastredis", "redis>=8", reason="older ones show other fields")
def test_info_debug_comes_only_by_its_name(dialogue: Dialogue) -> None:
    fields = {"eventloop_duration_aof_sum", "eventloop_duration_cron_sum",
              "allocator_allocated_lua", "allocator_active_lua", "allocator_resident_lua",
              "allocator_frag_bytes_lua"}
    assert list(info(dialogue, "DEBUG")) == ["Debug"]
    assert "Debug" not in info(dialogue, "everything") and "Debug" in info(dialogue, "all", "debug")
    time.sleep(0.25)
    found = info(dialogue, "debug")["Debug"]
    assert fields <= set(found) and all(value.isdecimal() for value in found.values())
    assert int(found["eventloop_duration_cron_sum"]) > 0


@pytest.mark.target("fastredis", "redis>=8", reason="older ones have other figures")
def test_memory_stats_has_the_figures_of_redis_in_their_order(dialogue: Dialogue) -> None:
    dialogue.ok("SET k v")
    reply = dialogue.call("MEMORY STATS")
    pairs = list(reply) if dialogue.protocol == 3 else list(zip(reply[::2], reply[1::2]))
    assert [name.decode() for name, _ in pairs] == MEMORY_STATS.split()
    figures = dict(pairs)
    for name in (b"lua.caches", b"functions.caches", b"script.VMs", b"allocator.muzzy",
                 b"rss-overhead.bytes"):
        assert type(figures[name]) is int, name
    assert float(figures[b"rss-overhead.ratio"]) >= 0
    assert isinstance(figures[b"rss-overhead.ratio"], Double if dialogue.protocol == 3 else bytes)


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
    assert re.fullmatch(r"[0-9a-f]+", server["redis_build_id"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", server["gcc_version"])
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


SIZED = ["SET a x", "SET n 12345", ["SET", "long", "x" * 1500], ["SET", "big", "x" * 3_000_000],
         ["SET", "even", "x" * 1024], "RPUSH l 1 2 3", "SADD s 1 2", "ZADD z 1 a", "HSET h a 1 b 2",
         "HSET h4 a 1 b 2 c 3 d 4"]


@pytest.mark.target("fastredis", "redis>=8", reason="older ones do not know the sizes")
def test_info_keysizes_tells_how_many_values_have_which_size(dialogue: Dialogue) -> None:
    dialogue.ok(*SIZED, "SELECT 5", "PFADD p a", "DEL p", "SET k vv")
    if dialogue.server.target.is_fastredis:  # Redis 8.0.6 is out of count after empty strings
        dialogue.ok("SELECT 0", ["SET", "empty", ""], "XADD x * a b")
    found = info(dialogue, "keysizes")["Keysizes"]
    strings = found.pop("db0_distrib_strings_sizes").split(",")
    assert [one for one in strings if one[:2] != "0="] == ["1=1", "4=1", "1K=2", "2M=1"]
    if dialogue.server.target.is_fastredis:
        assert strings[0] == "0=1"
    assert found == {"db0_distrib_lists_items": "2=1", "db0_distrib_sets_items": "2=1",
                     "db0_distrib_zsets_items": "1=1", "db0_distrib_hashes_items": "2=1,4=1",
                     "db5_distrib_strings_sizes": "2=1"}
    assert list(info(dialogue, "KeySizes")) == ["Keysizes"]


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


@pytest.mark.target("fastredis", "redis>=7.2", reason="the field came with Redis 7.2")
def test_resetstat_does_not_forget_refused_passwords(dialogue: Dialogue) -> None:
    """Who had guessed passwords could reset the counter that tells of it."""
    def refused() -> int:
        return int(info(dialogue, "stats")["Stats"]["acl_access_denied_auth"])

    before = refused()
    assert dialogue.raw("AUTH default wrong").startswith((b"-WRONGPASS", b"+OK"))
    assert dialogue.raw("AUTH nobody wrong").startswith(b"-WRONGPASS")
    counted = refused()
    assert counted > before
    dialogue.ok("CONFIG RESETSTAT")
    assert refused() == counted


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
