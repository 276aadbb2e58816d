"""Clients that wait (BLPOP, CLIENT PAUSE): how long they may, and what becomes of them that go."""

from __future__ import annotations

import contextlib
import time

import pytest

from support.server_process import sanitized
from support.wire import (
    NULL_ARRAY, TIME_SCALE, ConnectionClosed, encode_command, encode_commands, eventually,
)

BEHIND = encode_commands([("ECHO", "x" * 1000)] * 8000)   # more than the kernel's buffers hold


def info(client, section: str, name: str) -> bytes:
    lines = client.call("INFO", section).split(b"\r\n")
    return next(line for line in lines if line.startswith(name.encode() + b":")).split(b":")[1]


def test_a_blocked_client_that_left_much_input_and_went_is_not_served(client, connect):
    """The end of its connection stood behind input that nobody read: the element was lost."""
    waiting = connect()
    waiting.socket.settimeout(10 * TIME_SCALE)
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


def test_a_waiting_client_that_sends_too_much_is_cut_off(client, connect):
    client.ok("CONFIG", "SET", "client-query-buffer-limit", "1mb")
    try:
        waiting = connect()
        with contextlib.suppress(OSError):
            waiting.socket.sendall(encode_command("BLPOP", "queue", "0") + BEHIND)
        eventually(lambda: info(client, "clients", "blocked_clients") == b"0")
        assert client.call("RPUSH", "queue", "job") == 1
        assert client.call("LLEN", "queue") == 1
        assert info(client, "stats", "client_query_buffer_limit_disconnections") != b"0"
    finally:
        client.ok("CONFIG", "SET", "client-query-buffer-limit", "1gb")


@pytest.mark.memory_bound
@pytest.mark.target("fastredis", reason="the allocators of real servers keep it")
def test_what_was_kept_of_a_waiting_client_is_given_back(fresh_server):
    server = fresh_server()
    client, waiting = server.client(), server.client()
    before = server.rss_bytes()
    for _ in range(3):
        waiting.socket.sendall(encode_command("BLPOP", "queue", "0") + BEHIND)
        eventually(lambda: info(client, "clients", "blocked_clients") == b"1")
        client.ok("RPUSH", "queue", "job")
        assert waiting.read() == [b"queue", b"job"]
        for _ in range(8000):
            assert waiting.read() == b"x" * 1000
    eventually(lambda: server.rss_bytes() - before < 8 << 20, what="memory given back")


def held_up(client, connect, stopper: bytes) -> None:
    """Two clients are read in one go: of one much input is kept, and it stops amid its commands."""
    first, second = connect(), connect()
    big = encode_command("SET", "big", b"x" * 1_500_000)
    first.send(big[:-100])
    time.sleep(0.05)
    client.send(encode_command("DEBUG", "SLEEP", "0.15"))
    time.sleep(0.03)
    first.send(big[-100:] + stopper + encode_command("SET", "abc", "defg") * 40)
    time.sleep(0.02)
    second.send(encode_command("PING") * 20)
    assert client.read() == b"OK"
    assert [second.read() for _ in range(20)] == [b"PONG"] * 20
    assert first.read() == b"OK"
    first.close()
    second.close()


@pytest.mark.parametrize("words", [("BLPOP", "queue", "0"), ("GET", "big"), ("QUIT",),
                                   ("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")])
def test_commands_behind_one_that_stops_are_not_looked_at_when_their_bytes_have_moved(
        client, connect, words):
    """The keys of later commands are loaded ahead of time, of all clients in a batch: those of the
    stopped one were still looked at when its input had moved, and the server crashed."""
    for _ in range(3):
        with contextlib.suppress(ConnectionClosed, OSError):
            held_up(client, connect, encode_command(*words) * 4)
    connect().expect_alive()


@pytest.mark.skipif(sanitized(), reason="time bounds say nothing under sanitizers")
def test_many_waits_in_a_pipeline_cost_no_quadratic_time(fresh_server):
    """Each was parsed again, and moved, as often as one before it ended: 200 us for each."""
    server = fresh_server()
    client, waiting = server.client(), server.client()
    waiting.socket.sendall(encode_command("BLPOP", "queue", "0") * 30_000)
    eventually(lambda: info(client, "clients", "blocked_clients") == b"1")
    before = server.cpu_seconds()
    for number in range(3000):
        client.call("RPUSH", "queue", str(number))
        assert waiting.read() == [b"queue", str(number).encode()]
    assert server.cpu_seconds() - before < 0.4 * TIME_SCALE


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
