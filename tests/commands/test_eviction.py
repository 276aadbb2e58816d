"""maxmemory: what leaves, what stays, and what is refused when memory is full."""

from __future__ import annotations

import time

import pytest

from support.wire import eventually

pytestmark = pytest.mark.target("fastredis", "redis>=6", "valkey", reason="maxmemory policies")

MEGABYTE = 1 << 20
VALUE = "x" * 1000


def used_memory(client) -> int:
    lines = client.call("INFO", "memory").split(b"\r\n")
    return int(next(line for line in lines if line.startswith(b"used_memory:")).split(b":")[1])


def stat(client, name: str) -> int:
    lines = client.call("INFO", "stats").split(b"\r\n")
    return int(next(x for x in lines if x.startswith(name.encode() + b":")).split(b":")[1])


@pytest.fixture
def limited(client):
    """A client of a server with room for about 4 MB more than it uses now."""
    limit = used_memory(client) + 4 * MEGABYTE
    client.ok("CONFIG", "SET", "maxmemory", limit)
    client.limit = limit
    yield client
    client.ok("CONFIG", "SET", "maxmemory", 0)
    client.ok("CONFIG", "SET", "maxmemory-policy", "noeviction")


def fill(client, prefix: str, count: int, *options: str) -> list:
    return client.pipeline([("SET", f"{prefix}:{n}", VALUE, *options) for n in range(count)])


def assert_most_are_refused(replies: list) -> None:
    """Which ones is open: input that waits counts as memory, and once it is served there is room
    for a few writes more, at the end of a pipeline too."""
    others = [reply for reply in map(bytes, replies) if b"OOM command not allowed" not in reply]
    assert len(others) < 5000
    assert set(others) <= {b"OK"}


def test_without_a_policy_writes_are_refused_and_reads_and_deletes_go_on(limited):
    assert_most_are_refused(fill(limited, "k", 10_000))
    assert limited.call("GET", "k:0") == VALUE.encode()
    assert limited.call("DEL", "k:0") == 1
    assert stat(limited, "evicted_keys") == 0


@pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="EXEC refuses as a whole")
def test_exec_is_refused_as_a_whole_where_a_queued_command_needs_memory(client, connect):
    """Queued while there was room: once EXEC ran such commands whatever memory they took."""
    other = connect()
    client.pipeline([("MULTI",), ("SET", "a", "1"), ("GET", "a")])
    other.ok("CONFIG", "SET", "maxmemory", 1)
    try:
        assert bytes(client.call("EXEC")) == (
            b"EXECABORT Transaction discarded because of: "
            b"OOM command not allowed when used memory > 'maxmemory'.")
        assert bytes(client.call("EXEC")) == b"ERR EXEC without MULTI"
        client.pipeline([("MULTI",), ("GET", "a")])
        assert [reply.wire for reply in client.call("EXEC")] == [b"$-1\r\n"]
    finally:
        other.ok("CONFIG", "SET", "maxmemory", 0)


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random"])
def test_any_key_may_leave_so_that_writes_go_on(limited, policy):
    limited.ok("CONFIG", "SET", "maxmemory-policy", policy)
    assert all(bytes(reply) == b"OK" for reply in fill(limited, "k", 10_000))
    assert stat(limited, "evicted_keys") > 5000
    assert used_memory(limited) < limited.limit + MEGABYTE
    assert 1000 < limited.call("DBSIZE") < 5000


@pytest.mark.target("fastredis", "redis>=7", "valkey>=8", reason="a pause of writes is whole")
def test_nothing_leaves_and_nothing_is_refused_while_writes_are_paused(client):
    fill(client, "k", 1000)
    client.ok("CLIENT", "PAUSE", "100000", "WRITE")
    try:
        client.ok("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        client.ok("CONFIG", "SET", "maxmemory", 1)
        time.sleep(0.05)
        assert client.call("DBSIZE") == 1000
        client.ok("CLIENT", "UNPAUSE")
        eventually(lambda: client.call("DBSIZE") == 0)
    finally:
        client.ok("CLIENT", "UNPAUSE")
        client.ok("CONFIG", "SET", "maxmemory", 0)
        client.ok("CONFIG", "SET", "maxmemory-policy", "noeviction")


@pytest.mark.parametrize("policy", ["volatile-lru", "volatile-lfu", "volatile-random",
                                    "volatile-ttl"])
def test_only_keys_with_a_time_to_live_leave(limited, policy):
    limited.ok("CONFIG", "SET", "maxmemory-policy", policy)
    fill(limited, "stays", 1000)
    assert all(bytes(reply) == b"OK" for reply in fill(limited, "goes", 10_000, "EX", "10000"))
    assert limited.call("EXISTS", *(f"stays:{n}" for n in range(1000))) == 1000
    assert_most_are_refused(fill(limited, "more", 10_000))


@pytest.mark.target("fastredis", reason="Redis samples")
def test_volatile_ttl_takes_the_first_due(limited):
    limited.ok("CONFIG", "SET", "maxmemory-policy", "volatile-ttl")
    limited.pipeline([("SET", f"k:{n}", VALUE, "EX", 10_000 + n) for n in range(2000)])
    limited.pipeline([("SET", f"new:{n}", VALUE, "EX", 100_000) for n in range(2500)])
    there = [limited.call("EXISTS", f"k:{n}") for n in range(0, 2000, 10)]
    first_kept = there.index(1)
    assert first_kept > 0
    assert sum(there[first_kept:]) > 0.9 * len(there[first_kept:])


def test_lru_keeps_what_is_used(limited):
    limited.ok("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    limited.ok("CONFIG", "SET", "maxmemory-samples", 10)
    fill(limited, "hot", 1000)
    fill(limited, "cold", 1500)
    time.sleep(2.1)
    for _ in range(2):
        limited.pipeline([("GET", f"hot:{n}") for n in range(1000)])
    fill(limited, "new", 1500)
    hot = limited.call("EXISTS", *(f"hot:{n}" for n in range(1000)))
    assert hot > 950


def test_lfu_keeps_what_is_used_often(limited):
    limited.ok("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
    limited.ok("CONFIG", "SET", "maxmemory-samples", 10)
    fill(limited, "hot", 1000)
    for _ in range(30):
        limited.pipeline([("GET", f"hot:{n}") for n in range(1000)])
    fill(limited, "cold", 6000)
    assert limited.call("EXISTS", *(f"hot:{n}" for n in range(1000))) > 950


def test_a_watched_key_that_is_evicted_aborts_the_transaction(limited, connect):
    limited.ok("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
    watcher = connect()
    fill(limited, "w", 200)
    watcher.ok("WATCH", *(f"w:{n}" for n in range(200)))
    fill(limited, "k", 20_000)
    watcher.ok("MULTI")
    watcher.call("GET", "k:1")
    assert watcher.raw("EXEC") == b"*-1\r\n"


@pytest.mark.target("fastredis", reason="Redis evicts at the next command")
def test_a_lower_maximum_takes_effect_without_a_command(client):
    client.ok("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    base = used_memory(client)
    fill(client, "k", 10_000)
    client.ok("CONFIG", "SET", "maxmemory", base + 2 * MEGABYTE)
    time.sleep(1)
    assert used_memory(client) < base + 3 * MEGABYTE
    client.ok("CONFIG", "SET", "maxmemory", 0)
    client.ok("CONFIG", "SET", "maxmemory-policy", "noeviction")


@pytest.mark.target("fastredis", "redis>=7", "valkey", reason="Redis 6 does not measure it")
def test_time_above_maxmemory_is_measured_until_it_fits_again(client):
    assert stat(client, "current_eviction_exceeded_time") == 0
    client.ok("CONFIG", "SET", "maxmemory", 1)
    client.ok("PING")
    time.sleep(0.1)
    assert 100 <= stat(client, "current_eviction_exceeded_time") < 10_000
    client.ok("CONFIG", "SET", "maxmemory", "10gb")
    client.ok("PING")
    assert stat(client, "current_eviction_exceeded_time") == 0
    total = stat(client, "total_eviction_exceeded_time")
    assert total >= 100
    client.ok("CONFIG", "SET", "maxmemory", 1)
    client.ok("PING")
    time.sleep(0.05)
    assert stat(client, "total_eviction_exceeded_time") >= total + 50
    client.ok("CONFIG", "RESETSTAT")
    assert stat(client, "total_eviction_exceeded_time") < 50
    client.ok("CONFIG", "SET", "maxmemory", 0)


@pytest.mark.target("fastredis", reason="real servers go on counting until there is a maxmemory")
def test_time_above_maxmemory_ends_with_the_limit(client):
    client.ok("CONFIG", "SET", "maxmemory", 1)
    client.ok("PING")
    time.sleep(0.02)
    client.ok("CONFIG", "SET", "maxmemory", 0)
    assert stat(client, "current_eviction_exceeded_time") == 0
    assert stat(client, "total_eviction_exceeded_time") >= 20
