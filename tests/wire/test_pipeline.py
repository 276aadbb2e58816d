"""Pipelines: any split, any depth, any bytes; replies whole and in order.

The transport may cut a request anywhere. Each split test sends its first part, waits until the
server has surely read it (another connection gets an answer), then sends the rest: the replies
must be the very bytes that the unsplit pipeline gets.
"""

from __future__ import annotations

import time

import pytest

from support.server_process import sanitized
from support.wire import TIME_SCALE, encode_command, encode_commands

EVERY_BYTE = bytes(range(256))

MIXED = b"".join([
    encode_command("FLUSHALL"),
    encode_command("SET", "k", EVERY_BYTE),
    encode_command("GET", "k"),
    b"SET inline 'a b'\r\n",
    encode_command("INCR", "n"),
    encode_command("INCRBY", "n", "41"),
    encode_command("GET", "missing"),
    encode_command("MGET", "n", "missing", "inline"),
    b"*0\r\n",
    encode_command("NOSUCH", "x"),
    encode_command("GET"),
    b"PING\n",
    encode_command("MULTI"),
    encode_command("APPEND", "k", "\r\n$5\r\n"),
    encode_command("STRLEN", "k"),
    encode_command("EXEC"),
    encode_command("SET", "", ""),
    encode_command("GET", ""),
    encode_command("DEL", "k", "n", "inline", ""),
    encode_command("ECHO", "the-end"),
])
MIXED_REPLIES = [
    b"+OK\r\n", b"+OK\r\n", b"$256\r\n" + EVERY_BYTE + b"\r\n", b"+OK\r\n", b":1\r\n", b":42\r\n",
    b"$-1\r\n", b"*3\r\n$2\r\n42\r\n$-1\r\n$3\r\na b\r\n",
    b"-ERR unknown command 'NOSUCH', with args beginning with: 'x' \r\n",
    b"-ERR wrong number of arguments for 'get' command\r\n", b"+PONG\r\n", b"+OK\r\n",
    b"+QUEUED\r\n", b"+QUEUED\r\n", b"*2\r\n:262\r\n:262\r\n", b"+OK\r\n", b"$0\r\n\r\n", b":4\r\n",
    b"$7\r\nthe-end\r\n",
]


def read_mixed(client) -> list:
    return [client.read_raw() for _ in MIXED_REPLIES]


def test_mixed_pipeline_in_one_piece(client):
    client.send(MIXED)
    assert read_mixed(client) == MIXED_REPLIES
    client.expect_silence(0.01)


def test_mixed_pipeline_split_in_two_at_every_byte(client, connect):
    barrier = connect()
    for split in range(1, len(MIXED)):
        client.send(MIXED[:split])
        barrier.expect_alive()
        client.send(MIXED[split:])
        assert read_mixed(client) == MIXED_REPLIES, f"split at byte {split}"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_mixed_pipeline_in_pieces_of_few_bytes(client, connect, size):
    barrier = connect()
    for start in range(0, len(MIXED), size):
        client.send(MIXED[start:start + size])
        barrier.expect_alive()
    assert read_mixed(client) == MIXED_REPLIES


def test_mixed_pipelines_of_many_clients_split_at_different_bytes_do_not_mix(connect):
    clients = [connect() for _ in range(20)]
    commands = [encode_commands([("SET", f"k{n}", f"v{n}" * n), ("GET", f"k{n}"), ("PING", str(n))])
                for n in range(len(clients))]
    for position in range(max(map(len, commands))):
        for client, data in zip(clients, commands):
            if position < len(data):
                client.send(data[position:position + 1])
    for number, client in enumerate(clients):
        assert client.read() == b"OK"
        assert client.read() == b"v%d" % number * number
        assert client.read() == b"%d" % number
        client.expect_silence(0.001)


def test_pipeline_of_100_000_commands_is_answered_in_order(client):
    depth = 100_000
    client.send_while_reading(encode_commands(("ECHO", number) for number in range(depth)))
    for number in range(depth):
        assert client.read() == b"%d" % number
    client.expect_silence(0.01)


def test_pipeline_of_100_000_writes_applies_every_one_once(client):
    depth = 100_000
    client.send_while_reading(encode_command("INCR", "n") * depth)
    assert [client.read() for _ in range(depth)] == list(range(1, depth + 1))


def test_pipeline_sent_before_half_close_is_answered_fully(connect):
    import socket
    client = connect()
    client.send(encode_command("INCR", "n") * 1000)
    client.socket.shutdown(socket.SHUT_WR)
    answer = client.read_until_closed()
    assert answer == b"".join(b":%d\r\n" % number for number in range(1, 1001))


@pytest.mark.parametrize("size", [
    0, 1, 15, 16, 31, 32, 43, 44, 45, 63, 64, 127, 128, 255, 256, 511, 512, 1023, 1024, 4095, 4096,
    16383, 16384, 16385, 32767, 32768, 65535, 65536, 65537, 131072, 1_000_000,
])
def test_value_of_this_size_with_all_bytes_comes_back_unchanged(client, size):
    value = (EVERY_BYTE * (size // 256 + 1))[:size]
    replies = client.pipeline_raw([("SET", "k", value), ("GET", "k"), ("STRLEN", "k")])
    assert replies == [b"+OK\r\n", b"$%d\r\n%b\r\n" % (size, value), b":%d\r\n" % size]


@pytest.mark.parametrize("byte", range(256))
def test_key_and_value_of_this_single_byte(client, byte):
    text = bytes([byte])
    assert client.pipeline_raw([("SET", text, text), ("GET", text), ("KEYS", "?")]) == [
        b"+OK\r\n", b"$1\r\n" + text + b"\r\n", b"*1\r\n$1\r\n" + text + b"\r\n"]


def test_large_values_between_small_commands_keep_their_order(client):
    commands = []
    for number, size in enumerate([10, 70_000, 5, 300_000, 16_384, 0, 40_000, 1]):
        commands += [("SET", f"k{number}", b"%d" % number * size), ("GET", f"k{number}"), ("PING",)]
    replies = client.pipeline(commands)
    for number, size in enumerate([10, 70_000, 5, 300_000, 16_384, 0, 40_000, 1]):
        assert replies[3 * number:3 * number + 3] == [b"OK", b"%d" % number * size, b"PONG"]


@pytest.mark.timeout(60 * TIME_SCALE)
def test_value_of_100_mb_travels_both_ways(fresh_server):
    client = fresh_server().client(timeout_s=30 * TIME_SCALE)
    value = EVERY_BYTE * (100_000_000 // 256)
    assert client.pipeline_raw([("SET", "big", value), ("STRLEN", "big"), ("PING",)]) == [
        b"+OK\r\n", b":%d\r\n" % len(value), b"+PONG\r\n"]
    assert client.call("GET", "big") == value
    client.expect_alive()


@pytest.mark.skipif(sanitized(), reason="time bounds say nothing under sanitizers")
def test_large_value_in_small_pieces_costs_no_quadratic_time(fresh_server):
    """48 MB in pieces of 8 KB: one look at all bytes so far per piece would be 144 GB."""
    server = fresh_server()
    client = server.client()
    data = encode_command("SET", "big", bytes(48_000_000))
    before = server.cpu_seconds()
    for start in range(0, len(data), 8192):
        client.send(data[start:start + 8192])
    assert client.read() == b"OK"
    assert server.cpu_seconds() - before < 3.0 * TIME_SCALE


@pytest.mark.skipif(sanitized(), reason="time bounds say nothing under sanitizers")
def test_command_of_many_arguments_in_small_pieces_costs_no_quadratic_time(fresh_server):
    """200,000 keys in pieces of 1 KB, each surely read alone: 2,700 looks at up to 2.7 MB."""
    server = fresh_server()
    client, barrier = server.client(), server.client()
    count = 200_000
    data = encode_command("EXISTS", *(b"k%06d" % number for number in range(count)))
    before = server.cpu_seconds()
    for start in range(0, len(data), 1024):
        client.send(data[start:start + 1024])
        barrier.expect_alive()
    assert client.read() == 0
    assert server.cpu_seconds() - before < 3.0 * TIME_SCALE


def test_slow_client_of_single_bytes_does_not_delay_others(client, connect):
    other = connect()
    for byte in encode_command("SET", "slow", "value"):
        client.send(bytes([byte]))
        started = time.monotonic()
        other.expect_alive()
        assert time.monotonic() - started < 1.0 * TIME_SCALE
    assert client.read() == b"OK"
    assert other.call("GET", "slow") == b"value"
