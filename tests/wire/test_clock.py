"""What time a command sees: its own, whatever ran ahead of it in the same batch; EXEC sees one."""

from __future__ import annotations

import pytest

from support.wire import NULL_BULK, encode_commands

SLOW = [("SUNIONSTORE", "union", "a", "b")] * 5


@pytest.fixture
def sets(client):
    """Two sets whose union takes some milliseconds."""
    for name in "ab":
        client.ok("SADD", name, *(f"{name}{number}" for number in range(20_000)))
    return client


def clock_us(reply: list) -> int:
    seconds, microseconds = map(int, reply)
    return seconds * 1_000_000 + microseconds


def test_slow_commands_do_not_age_those_behind_them_in_a_pipeline(sets):
    """Due times were reckoned from before them: SET PX 30 behind 30 ms of work was gone at once."""
    replies = sets.pipeline([("TIME",), *SLOW, ("TIME",), ("XADD", "stream", "*", "k", "v"),
                             ("SET", "k", "v", "PX", "60000"), ("PEXPIRETIME", "k"), ("TIME",)])
    start_us, after_us, end_us = (clock_us(replies[at]) for at in (0, 6, 10))
    assert after_us - start_us > 3000
    added_ms = int(bytes(replies[7]).split(b"-")[0])
    assert after_us // 1000 - 1 <= added_ms <= end_us // 1000
    assert after_us // 1000 - 1 <= replies[9] - 60_000 <= end_us // 1000


def test_slow_commands_of_one_client_do_not_age_those_of_another(sets, connect):
    """Both are there when the server looks again: one batch holds them."""
    other, third = connect(), connect()
    third.send(encode_commands([("DEBUG", "SLEEP", "0.1")]))
    sets.send(encode_commands([*SLOW, ("TIME",)]))
    other.send(encode_commands([("XADD", "stream", "*", "k", "v"), ("TIME",)]))
    assert third.read() == b"OK"
    done_us = clock_us([sets.read() for _ in range(6)][-1])
    added_ms, asked_us = int(bytes(other.read()).split(b"-")[0]), clock_us(other.read())
    assert asked_us // 1000 - added_ms <= 1 + abs(done_us - asked_us) // 1000
    if asked_us > done_us:
        assert added_ms >= done_us // 1000 - 1


def test_what_is_due_while_a_pipeline_runs_is_not_served(sets):
    sets.ok("SET", "k", "v", "PX", "20")
    replies = sets.pipeline([("DEBUG", "SLEEP", "0.05"), ("GET", "k")])
    assert replies[1] == NULL_BULK
    sets.ok("SET", "k", "v", "PX", "2")
    assert sets.pipeline([*SLOW * 3, ("GET", "k")])[-1] == NULL_BULK


@pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="7.0 takes the time anew")
def test_time_stands_still_in_exec(client):
    replies = client.pipeline([
        ("MULTI",), ("TIME",), ("SET", "k", "v", "PX", "20"), ("DEBUG", "SLEEP", "0.05"),
        ("GET", "k"), ("TIME",), ("EXEC",), ("GET", "k")])
    first, _, _, value, last = replies[6]
    assert first == last and value == b"v"
    assert replies[7] == NULL_BULK
