"""Clients that wait (BLPOP, CLIENT PAUSE): how long they may, and what becomes of them that go."""

from __future__ import annotations

import time

import pytest

from support.wire import NULL_ARRAY, TIME_SCALE, encode_command, encode_commands, eventually

BEHIND = encode_commands([("ECHO", "x" * 1000)] * 300)   # more than the kernel's buffers hold


def info(client, section: str, name: str) -> bytes:
    lines = client.call("INFO", section).split(b"\r\n")
    return next(line for line in lines if line.startswith(name.encode() + b":")).split(b":")[1]


def test_a_blocked_client_that_left_much_input_and_went_is_not_served(client, connect):
    """The end of its connection stood behind input that nobody read: the element was lost."""
    waiting = connect()
    waiting.socket.sendall(encode_command("BLPOP", "queue", "0") + BEHIND)
    eventually(lambda: info(client, "clients", "blocked_clients") == b"1")
    waiting.close()
    eventually(lambda: info(client, "clients", "blocked_clients") == b"0")
    assert client.call("LPUSH", "queue", "job") == 1
    assert client.call("LLEN", "queue") == 1


def test_a_paused_client_that_left_much_input_and_went_runs_nothing(client, connect):
    client.ok("CLIENT", "PAUSE", "100000", "WRITE")
    paused = connect()
    paused.socket.sendall(encode_command("SET", "lost", "1") + BEHIND)
    eventually(lambda: info(client, "clients", "blocked_clients") == b"1")
    paused.close()
    eventually(lambda: info(client, "clients", "blocked_clients") == b"0")
    client.ok("CLIENT", "UNPAUSE")
    assert client.call("EXISTS", "lost") == 0


def test_what_a_client_sends_while_it_waits_is_answered_afterwards(client, connect):
    waiting = connect()
    waiting.send(encode_command("BLPOP", "queue", "0"))
    eventually(lambda: info(client, "clients", "blocked_clients") == b"1")
    for number in range(50):
        waiting.send(encode_commands([("ECHO", f"{number}-{part}") for part in range(20)]))
        client.expect_alive()
    waiting.send(b"*2\r\n$4\r\nECHO\r\n$3\r\nen")
    client.ok("RPUSH", "queue", "job")
    assert waiting.read() == [b"queue", b"job"]
    assert [waiting.read() for _ in range(1000)] == [
        f"{number}-{part}".encode() for number in range(50) for part in range(20)]
    waiting.send(b"d\r\n")
    assert waiting.read() == b"end"


@pytest.mark.memory_bound
@pytest.mark.target("fastredis", reason="Redis keeps up to client-query-buffer-limit, a gigabyte")
def test_what_is_kept_of_a_waiting_client_is_bounded(fresh_server):
    server = fresh_server()
    client, waiting = server.client(), server.client()
    before = server.rss_bytes()
    waiting.send(encode_command("BLPOP", "queue", "0"))
    waiting.socket.settimeout(0.5)
    with pytest.raises(OSError):
        for _ in range(100):
            waiting.socket.sendall(BEHIND)
    assert server.rss_bytes() - before < 4 << 20
    waiting.close()
    assert client.call("PING") == b"PONG"


@pytest.fixture
def impatient(client):
    """A client of a server that closes connections which are idle for more than a second."""
    client.ok("CONFIG", "SET", "timeout", "1")
    yield client
    client.ok("CONFIG", "SET", "timeout", "0")


def keep_alive(client, duration_s: float) -> None:
    end = time.monotonic() + duration_s
    while time.monotonic() < end:
        client.expect_alive()
        time.sleep(0.05)


def test_a_wait_that_ends_by_its_limit_is_no_idleness(impatient, connect):
    """Only what it sent counted: BLPOP of a longer limit than `timeout` lost its connection."""
    worker = connect()
    worker.send(encode_command("BLPOP", "queue", "2.5"))
    keep_alive(impatient, 2.5)
    assert worker.read() == NULL_ARRAY
    keep_alive(impatient, 0.5)
    worker.expect_alive()


def test_a_wait_that_is_served_is_no_idleness(impatient, connect):
    worker = connect()
    worker.send(encode_command("BLPOP", "queue", "0"))
    keep_alive(impatient, 2.5)
    impatient.ok("RPUSH", "queue", "job")
    assert worker.read() == [b"queue", b"job"]
    keep_alive(impatient, 0.5)
    worker.expect_alive()


def test_who_is_paused_is_not_idle(impatient, connect):
    writer = connect()
    impatient.ok("CLIENT", "PAUSE", "2500", "WRITE")
    writer.send(encode_command("SET", "k", "v"))
    keep_alive(impatient, 2.3)
    assert writer.read() == b"OK"
    assert impatient.call("GET", "k") == b"v"


def test_who_reads_slowly_is_not_idle(impatient, connect):
    impatient.ok("SET", "big", bytes(24 << 20))
    reader = connect()
    reader.send(encode_command("GET", "big"))
    received, end = 0, time.monotonic() + 2.6
    while time.monotonic() < end:
        received += len(reader.socket.recv(200_000))
        impatient.expect_alive()
        time.sleep(0.05)
    reader.socket.settimeout(10 * TIME_SCALE)
    while received < (24 << 20) + 13:
        piece = reader.socket.recv(1 << 20)
        assert piece, f"cut after {received} bytes"
        received += len(piece)


def test_who_does_nothing_is_idle(impatient, connect):
    idle = connect()
    idle.expect_alive()
    keep_alive(impatient, 2.4)
    idle.expect_closed()
