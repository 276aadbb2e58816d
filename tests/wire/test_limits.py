"""Limits of requests: what an unauthenticated or a greedy client may claim, and what it costs.

A count or a length that a client claims reserves nothing: memory grows with the bytes that came.
"""

from __future__ import annotations

import pytest

from support.wire import TIME_SCALE, ConnectionClosed, encode_command, encode_commands, eventually

MEGABYTE = 1 << 20
INVALID_BULK = b"-ERR Protocol error: invalid bulk length\r\n"
UNAUTHENTICATED_MULTIBULK = b"-ERR Protocol error: unauthenticated multibulk length\r\n"
UNAUTHENTICATED_BULK = b"-ERR Protocol error: unauthenticated bulk length\r\n"
NOAUTH = b"-NOAUTH Authentication required.\r\n"


@pytest.fixture
def locked(server):
    """The shared server with a password."""
    server.client().ok("CONFIG", "SET", "requirepass", "pw")
    return server


def test_unauthenticated_command_of_more_than_ten_arguments_is_cut(locked):
    assert locked.client().exchange(b"*11\r\n") == UNAUTHENTICATED_MULTIBULK
    assert locked.client().exchange(b"*1000000\r\n") == UNAUTHENTICATED_MULTIBULK
    client = locked.client()
    assert client.raw("EXISTS", *"abcdefghi") == NOAUTH
    client.ok("AUTH", "pw")
    assert client.raw("EXISTS", *"abcdefghij") == b":0\r\n"


def test_unauthenticated_argument_of_more_than_16_kb_is_cut(locked):
    assert locked.client().exchange(b"*2\r\n$4\r\nECHO\r\n$16385\r\n") == UNAUTHENTICATED_BULK
    client = locked.client()
    assert client.raw("ECHO", "x" * 16384) == NOAUTH
    client.ok("AUTH", "pw")
    assert client.raw("ECHO", "x" * 16385) == b"$16385\r\n" + b"x" * 16385 + b"\r\n"


def test_unauthenticated_limits_end_with_the_login_in_the_same_pipeline(locked):
    client = locked.client()
    assert client.pipeline_raw([("AUTH", "pw"), ("EXISTS", *"abcdefghijkl")]) == [
        b"+OK\r\n", b":0\r\n"]


def test_unauthenticated_limits_do_not_hold_without_a_password(client):
    assert client.raw("EXISTS", *"abcdefghijkl") == b":0\r\n"


def test_invalid_lengths_are_named_as_such_before_login_too(locked):
    assert locked.client().exchange(b"*x\r\n") == (
        b"-ERR Protocol error: invalid multibulk length\r\n")
    assert locked.client().exchange(b"*1\r\n$x\r\n") == INVALID_BULK


def test_proto_max_bulk_len_bounds_every_argument(fresh_server):
    server = fresh_server("--proto-max-bulk-len", "1mb")
    client = server.client()
    assert client.raw("SET", "k", b"x" * MEGABYTE) == b"+OK\r\n"
    assert client.exchange(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1048577\r\n") == INVALID_BULK
    client = server.client()
    client.ok("CONFIG", "SET", "proto-max-bulk-len", "2mb")
    assert client.raw("SET", "k", b"x" * (MEGABYTE + 1)) == b"+OK\r\n"


def test_string_may_not_grow_beyond_proto_max_bulk_len(fresh_server):
    client = fresh_server("--proto-max-bulk-len", "1mb").client()
    too_long = b"-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n"
    assert client.raw("SETRANGE", "k", MEGABYTE, "x") == too_long
    assert client.raw("SETRANGE", "k", MEGABYTE - 1, "x") == b":1048576\r\n"
    assert client.raw("APPEND", "k", "x") == too_long


@pytest.mark.parametrize("claim", [
    b"*1000000000\r\n", b"*2147483647\r\n", b"*1\r\n$536870912\r\n",
    b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nabc",
], ids=repr)
@pytest.mark.memory_bound
def test_claimed_count_or_length_without_data_reserves_no_memory(server, claim):
    before = server.rss_bytes()
    clients = [server.client() for _ in range(20)]
    for client in clients:
        client.send(claim)
    server.client().expect_alive()
    assert server.rss_bytes() - before < 40 * MEGABYTE
    for client in clients:
        client.expect_silence(0.001)


@pytest.mark.memory_bound
def test_claimed_count_with_some_arguments_costs_what_arrived(server):
    before = server.rss_bytes()
    client = server.client()
    client.send(b"*2147483647\r\n" + b"$1\r\na\r\n" * 100_000)
    server.client().expect_alive()
    assert server.rss_bytes() - before < 40 * MEGABYTE
    client.expect_silence(0.001)


def flood_query_buffer(server) -> None:
    """Sends one argument of 20 MB to a server that buffers at most 1 MB; expects to be cut."""
    client = server.client()
    with pytest.raises((OSError, ConnectionClosed)):
        client.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$20000000\r\n" + bytes(20_000_002))
        client.read()


def test_query_buffer_beyond_its_limit_closes_the_connection(fresh_server):
    server = fresh_server("--client-query-buffer-limit", "1mb")
    flood_query_buffer(server)
    assert server.client().pipeline([("EXISTS", "k"), ("SET", "k", "x" * 900_000)]) == [0, b"OK"]


@pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="Redis 7.0 does not count it")
def test_query_buffer_disconnections_are_counted(fresh_server):
    server = fresh_server("--client-query-buffer-limit", "1mb")
    flood_query_buffer(server)
    eventually(lambda: b"client_query_buffer_limit_disconnections:1\r\n"
               in server.client().call("INFO", "stats"))


@pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="Redis 7.0 does not count it")
@pytest.mark.parametrize("length, is_cut", [(MEGABYTE - 200, False), (MEGABYTE, True)])
def test_a_command_just_beyond_the_limit_is_cut_as_well(fresh_server, length: int, is_cut: bool):
    """It used to be executed: its last part came together with its end."""
    server = fresh_server("--client-query-buffer-limit", "1mb")
    client = server.client()
    if is_cut:
        with pytest.raises((OSError, ConnectionClosed)):
            client.call("SET", "k", "x" * length)
    else:
        assert client.call("SET", "k", "x" * length) == b"OK"
    assert server.client().call("EXISTS", "k") == (not is_cut)


def test_a_command_of_many_arguments_may_be_longer_than_the_query_buffer(fresh_server):
    """The arguments that had come used to count: MSET of three values of 400 KB was cut off."""
    client = fresh_server("--client-query-buffer-limit", "1mb").client()
    for count, length in ((3, 400_000), (60, 30_000), (60, 33_000), (30_000, 100)):
        values = [part for number in range(count) for part in (f"k{number}", "x" * length)]
        assert client.call("MSET", *values) == b"OK"
        client.send(encode_command("MSET", *values)[:-1])
        client.expect_silence(0.01)
        client.send(b"\n")
        assert client.read() == b"OK"


def test_replies_beyond_the_hard_limit_are_not_sent(fresh_server):
    """Even where the socket would take them at once; what was asked for is done."""
    server = fresh_server("--client-output-buffer-limit", "normal 100000 0 0")
    admin = server.client()
    admin.pipeline([("RPUSH", "list", *["x" * 1000] * 50)] * 3)
    for commands in ([("LRANGE", "list", "0", "-1"), ("SET", "done", "1")],
                     [("GET", "big"), ("GET", "big")] * 10,
                     [("MULTI",), ("LRANGE", "list", "0", "-1"), ("SET", "done", "2"), ("EXEC",)]):
        admin.ok("SET", "big", "x" * 10_000)
        client = server.client()
        client.send(encode_commands(commands))
        assert len(client.read_until_closed()) < 100
    assert admin.call("GET", "done") == b"2"
    assert len(admin.call("LRANGE", "list", "0", "90")) == 91


@pytest.mark.target("fastredis", reason="the others count the arguments alone")
def test_a_queue_of_small_commands_is_counted_whole(fresh_server):
    """The array of queued commands used to be left out: 40 bytes for each PING of 24."""
    client = fresh_server("--client-query-buffer-limit", "1mb").client()
    assert client.call("MULTI") == b"OK"
    with pytest.raises(ConnectionClosed):
        for _ in range(30):
            client.pipeline([("PING",)] * 1000)


@pytest.mark.memory_bound
def test_unauthenticated_flood_costs_bounded_memory(locked):
    before = locked.rss_bytes()
    clients = [locked.client() for _ in range(200)]
    part = b"*10\r\n" + (b"$16384\r\n" + b"x" * 16384 + b"\r\n") * 5
    for client in clients:
        client.send(part)
    newcomer = locked.client()
    assert newcomer.raw("AUTH", "pw") == b"+OK\r\n"
    assert locked.rss_bytes() - before < 100 * MEGABYTE


@pytest.mark.target("fastredis", "redis<8", reason="the others give memory back much later")
@pytest.mark.memory_bound
def test_memory_of_a_large_request_is_given_back(fresh_server):
    server = fresh_server()
    client = server.client(timeout_s=30 * TIME_SCALE)
    client.expect_alive()
    before = server.rss_bytes()
    assert client.raw("SET", "k", bytes(100_000_000)) == b"+OK\r\n"
    client.ok("DEL", "k")
    eventually(lambda: server.rss_bytes() - before < 20 * MEGABYTE, what="memory given back")


def test_keys_and_arguments_are_counted_exactly_at_the_limits(client):
    too_many = b"*1048577\r\n" + b"$1\r\na\r\n"
    client.send(too_many)
    client.expect_silence()


def test_request_larger_than_every_buffer_between_normal_ones(client):
    value = b"0123456789abcdef" * (MEGABYTE // 4)
    client.send_while_reading(encode_command("SET", "a", "1") + encode_command("SET", "b", value)
                              + encode_command("GET", "a") + encode_command("STRLEN", "b"))
    assert [client.read_raw() for _ in range(4)] == [
        b"+OK\r\n", b"+OK\r\n", b"$1\r\n1\r\n", b":%d\r\n" % len(value)]
