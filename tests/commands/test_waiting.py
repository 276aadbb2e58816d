"""WAIT, WAITAOF and CLIENT UNBLOCK: clients that wait, and how their waiting ends."""

from __future__ import annotations

import time

import pytest

from .dialogue import OK, Dialogue, error

UNBLOCKED = b"-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"


def client_id(dialogue: Dialogue) -> int:
    return dialogue.call("CLIENT ID")


def unblock(dialogue: Dialogue, identity: int, *reason: str) -> None:
    """Ends the wait of another client, which may not have begun yet."""
    deadline = time.monotonic() + 5
    while not dialogue.call(["CLIENT", "UNBLOCK", str(identity), *reason]):
        assert time.monotonic() < deadline, "the client never blocked"
        time.sleep(0.001)


def test_a_wait_ends_when_its_time_is_over(dialogue: Dialogue) -> None:
    began = time.monotonic()
    dialogue.check([("WAIT 1 50", 0)])
    assert 0.045 <= time.monotonic() - began < 1


def test_what_follows_a_wait_runs_behind_it(dialogue: Dialogue) -> None:
    waiting = dialogue.other()
    identity = client_id(waiting)
    waiting.begin("WAIT 1 0", "SET k v", "GET k")
    time.sleep(0.02)
    dialogue.check([("EXISTS k", 0)])
    unblock(dialogue, identity)
    replies = [waiting.client.read_raw() for _ in range(3)]
    assert replies == [b":0\r\n", b"+OK\r\n", b"$1\r\nv\r\n"]


def test_unblock_with_an_error_tells_the_client(dialogue: Dialogue) -> None:
    waiting = dialogue.other()
    identity = client_id(waiting)
    waiting.begin("WAIT 1 0")
    unblock(dialogue, identity, "ERROR")
    assert waiting.client.read_raw() == UNBLOCKED
    waiting.check([("PING", b"+PONG\r\n")])
    dialogue.check([(["CLIENT", "UNBLOCK", str(identity)], 0)])


@pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="WAITAOF came with 7.2")
def test_a_wait_for_the_disk_of_replicas_ends_with_zeros(dialogue: Dialogue) -> None:
    dialogue.check([("WAITAOF 0 1 20", b"*2\r\n:0\r\n:0\r\n")])


@pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="7.0 lets the sum overflow")
def test_a_wait_must_end_within_all_time(dialogue: Dialogue) -> None:
    dialogue.check([("WAIT 1 9223372036854775807", error("ERR timeout is out of range"))])


def test_a_silenced_wait_stays_silent(dialogue: Dialogue) -> None:
    dialogue.begin("CLIENT REPLY SKIP", "WAIT 1 20", "PING")
    assert dialogue.client.read_raw() == b"+PONG\r\n"


def test_a_client_may_go_while_it_waits(dialogue: Dialogue) -> None:
    others = [dialogue.other() for _ in range(30)]
    for number, other in enumerate(others):
        other.begin(f"WAIT 1 {30 + number % 7 * 5}")
    for other in others[::3]:
        other.client.close()
    for number, other in enumerate(others):
        if number % 3:
            assert other.client.read_raw() == b":0\r\n"
    dialogue.check([("SET k v", OK)])
