"""What clients cost in memory when they misbehave or merely exist.

Resident memory is read from /proc before and after. The bounds are far above what the design
needs and far below what unbounded buffering would take, and each test says both figures.
"""

from __future__ import annotations

import resource
import threading
import time

import pytest

from support.wire import READ_SIZE, TIME_SCALE, Client, encode_command, eventually

MEGABYTE = 1 << 20
pytestmark = pytest.mark.memory_bound
backpressure = pytest.mark.target("fastredis", reason="deliberate difference: unread replies")


def warm_rss(server) -> int:
    """Resident memory once a first connection and command have been served."""
    server.client().expect_alive()
    return server.rss_bytes()


class Sender(threading.Thread):
    """Pushes bytes into a connection as fast as the server takes them."""

    def __init__(self, client: Client, data: bytes) -> None:
        super().__init__(daemon=True)
        self._client = client
        self._data = data
        self.error: OSError | None = None

    def run(self) -> None:
        try:
            self._client.socket.sendall(self._data)
        except OSError as error:
            self.error = error


def read_exactly(client: Client, expected_block: bytes, blocks: int) -> None:
    """Reads the block that many times over and compares every byte."""
    buffer = bytearray()
    for number in range(blocks):
        while len(buffer) < len(expected_block):
            data = client.socket.recv(READ_SIZE)
            assert data, f"closed in block {number}"
            buffer += data
        assert buffer[:len(expected_block)] == expected_block, f"wrong bytes in block {number}"
        del buffer[:len(expected_block)]
    assert not buffer


@backpressure
def test_a_million_unread_replies_cost_bounded_memory_and_arrive_in_order(fresh_server):
    """Kept whole, the replies are 108 MB, and Redis keeps them in blocks of as much again."""
    server = fresh_server()
    other = server.client()
    for number in range(100):
        other.ok("SET", f"k{number:02d}", f"{number:02d}" * 50)
    before = warm_rss(server)
    block = b"".join(encode_command("GET", f"k{number:02d}") for number in range(100))
    replies = b"".join(b"$100\r\n%b\r\n" % (b"%02d" % number * 50) for number in range(100))
    client = server.client(timeout_s=30 * TIME_SCALE)
    sender = Sender(client, block * 10_000)
    sender.start()
    peak, slowest = 0, 0.0
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:
        started = time.monotonic()
        other.expect_alive()
        slowest = max(slowest, time.monotonic() - started)
        peak = max(peak, server.rss_bytes())
        time.sleep(0.01)
    assert peak - before < 24 * MEGABYTE
    assert slowest < 0.5 * TIME_SCALE
    read_exactly(client, replies, 10_000)
    sender.join(10)
    assert sender.error is None and not sender.is_alive()
    client.expect_alive()
    assert server.rss_bytes() - before < 24 * MEGABYTE


@backpressure
def test_many_clients_with_unread_replies_cost_bounded_memory(fresh_server):
    """200 clients with 5 MB of unread replies each would be 1 GB."""
    server = fresh_server()
    other = server.client()
    other.ok("SET", "k", "v" * 5000)
    before = warm_rss(server)
    clients = [server.client() for _ in range(200)]
    for client in clients:
        client.send(encode_command("GET", "k") * 1000)
    for _ in range(20):
        other.expect_alive()
        time.sleep(0.02)
    assert server.rss_bytes() - before < 200 * MEGABYTE
    read_exactly(clients[0], b"$5000\r\n" + b"v" * 5000 + b"\r\n", 1000)
    for client in clients:
        client.close()
    eventually(lambda: b"connected_clients:2\r\n" in other.call("INFO", "clients"))


@backpressure
def test_unread_large_values_are_not_copied_for_every_reader(fresh_server):
    """50 readers of one value of 10 MB would hold 500 MB as copies."""
    server = fresh_server()
    other = server.client()
    other.ok("SET", "big", bytes(10_000_000))
    before = warm_rss(server)
    for _ in range(50):
        server.client().send(encode_command("GET", "big"))
    for _ in range(20):
        other.expect_alive()
        time.sleep(0.01)
    assert server.rss_bytes() - before < 60 * MEGABYTE


@backpressure
def test_value_that_is_being_sent_may_be_overwritten_and_deleted(fresh_server):
    server = fresh_server()
    reader, other = server.client(timeout_s=20 * TIME_SCALE), server.client()
    value = b"old-value" * 1_000_000
    other.ok("SET", "big", value)
    reader.send(encode_command("GET", "big"))
    assert reader.socket.recv(1) == b"$"
    other.ok("SET", "big", b"new" * 3_000_000)
    other.ok("APPEND", "big", "x")
    other.ok("SETRANGE", "big", "0", "yyy")
    other.ok("DEL", "big")
    other.ok("SET", "other", b"z" * 9_000_000)
    reader.reader.feed(b"$")
    assert reader.read() == value


def test_pipeline_of_a_million_small_writes_costs_little(fresh_server):
    """The requests are 27 MB: they must not be kept once they ran."""
    server = fresh_server()
    client = server.client(timeout_s=30 * TIME_SCALE)
    before = warm_rss(server)
    client.ok("SET", "n", "0")
    data = encode_command("INCRBY", "n", "1") * 1_000_000
    sender = Sender(client, data)
    sender.start()
    received = bytearray()
    while received[-10:] != b"\r\n:1000000\r\n"[-10:]:
        received += client.socket.recv(READ_SIZE)
        received = received[-64:]
    sender.join(5)
    assert server.rss_bytes() - before < 16 * MEGABYTE


@pytest.mark.timeout(60 * TIME_SCALE)
def test_two_thousand_idle_connections_cost_bounded_memory(fresh_server, target):
    """Redis takes about 2 to 22 KB for each; 24 KB is the bound for everybody."""
    count = 2000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count + 200:
        pytest.skip(f"only {hard} files may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 200), hard))
    try:
        server = fresh_server()
        other = server.client()
        before = warm_rss(server)
        clients = [server.client() for _ in range(count)]
        for client in clients:
            client.send(b"PING\r\n")
        for client in clients:
            assert client.read_raw() == b"+PONG\r\n"
        per_connection = (server.rss_bytes() - before) / count
        assert per_connection < 24 * 1024
        started = time.monotonic()
        for _ in range(100):
            other.expect_alive()
        assert time.monotonic() - started < 2.0 * TIME_SCALE
        assert b"connected_clients:%d\r\n" % (count + 2) in other.call("INFO", "clients")
        server.close_clients()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_connections_that_come_and_go_leak_nothing(fresh_server):
    """3,000 half-sent requests kept would be 50 MB."""
    server = fresh_server()
    for _ in range(300):
        with Client.connect(server.host, server.port) as client:
            client.expect_alive()
    before = server.rss_bytes()
    for _ in range(3000):
        with Client.connect(server.host, server.port) as client:
            client.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500\r\nhalf of a value")
    server.client().expect_alive()
    eventually(lambda: server.rss_bytes() - before < 8 * MEGABYTE, what="connections freed")


def test_errors_leak_nothing(fresh_server):
    server = fresh_server()
    client = server.client()
    bad = [("NOSUCH", "x" * 100), ("GET",), ("CLIENT", "NOSUCH"), ("SET", "a", "b", "c"),
           ("INCRBY", "n", "x"), ("MULTI",), ("GET",), ("EXEC",)]
    client.pipeline(bad * 500)
    before = server.rss_bytes()
    for _ in range(20):
        client.pipeline(bad * 500)
    assert server.rss_bytes() - before < 4 * MEGABYTE


def test_queued_transaction_is_freed_when_discarded_or_when_its_client_leaves(fresh_server):
    server = fresh_server()
    before = warm_rss(server)
    for leave in (False, True, False, True):
        client = server.client(timeout_s=20 * TIME_SCALE)
        client.ok("MULTI")
        client.pipeline([("SET", "k", bytes(100_000))] * 300)
        if not leave:
            client.ok("DISCARD")
        client.close()
    other = server.client()
    assert other.call("DBSIZE") == 0
    eventually(lambda: server.rss_bytes() - before < 45 * MEGABYTE, what="queues freed")
