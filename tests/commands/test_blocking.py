"""Clients that wait for lists: who is served, when, in which order, and how else a wait ends."""

from __future__ import annotations

import time
from typing import List

import pytest

from support.wire import ConnectionClosed, eventually

from .dialogue import (
    NULL, NULL_ARRAY, OK, QUEUED, SYNTAX, WRONGTYPE, Dialogue, Expected, arity, array, bulk, error,
    render)

NOT_A_TIME = error("ERR timeout is not a float or out of range")
NEGATIVE = error("ERR timeout is negative")
TOO_LONG = error("ERR timeout is out of range")
UNBLOCKED = b"-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"
RERUN = pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="7.0 hands over elements")


def popped(key: str, value: object) -> Expected:
    """What BLPOP answers."""
    return array(bulk(key), bulk(str(value)))


def field(client: Dialogue, name: str) -> int:
    """A number of INFO."""
    info = client.call("INFO everything")
    return int(info.split(name.encode() + b":")[1].split(b"\r\n")[0])


def await_blocked(dialogue: Dialogue, count: int) -> None:
    """Waits until so many clients are blocked."""
    eventually(lambda: field(dialogue, "blocked_clients") == count, what=f"{count} blocked")


def blocked(dialogue: Dialogue, *commands: str) -> List[Dialogue]:
    """A client for each of the commands, which wait in this order."""
    before = field(dialogue, "blocked_clients")
    clients = []
    for number, command in enumerate(commands):
        clients.append(dialogue.other())
        clients[-1].begin(command)
        await_blocked(dialogue, before + number + 1)
    return clients


def check_answer(client: Dialogue, expected: Expected) -> None:
    """Reads one reply and compares it."""
    assert client.client.read_raw() == render(expected, client.protocol)


def test_wrong_arguments_are_refused_at_once(dialogue: Dialogue) -> None:
    for command in ("BLPOP k", "BRPOP k", "BLMOVE a b LEFT RIGHT", "BLMOVE a b LEFT RIGHT 0 x",
                    "BRPOPLPUSH a b", "BRPOPLPUSH a b 0 x", "BLMPOP 0 1 k"):
        dialogue.check([(command, arity(command.split()[0].lower()))])
    dialogue.ok("SET s v")
    for form in ("BLPOP s {}", "BRPOP none s {}", "BLMOVE s k LEFT RIGHT {}",
                 "BRPOPLPUSH s k {}", "BLMPOP {} 1 s LEFT"):
        for timeout, refusal in (("x", NOT_A_TIME), ("nan", NOT_A_TIME), ('" 1"', NOT_A_TIME),
                                 ("-1", NEGATIVE), ("-0.002", NEGATIVE), ("-inf", NEGATIVE)):
            dialogue.check([(form.format(timeout), refusal)])
        dialogue.check([(form.format("0"), WRONGTYPE)])
    dialogue.check([("BLMOVE a b LEFT x nan", SYNTAX), ("BLMOVE a b x LEFT 0", SYNTAX)])


@pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="7.0 lets the number overflow")
def test_a_timeout_must_end_within_all_time(dialogue: Dialogue) -> None:
    dialogue.check_all([f"BLPOP k {timeout}" for timeout in (
        "inf", "1e16", "1e400", "9223372036854775807", "9223372036854775")], TOO_LONG)


def test_a_list_that_is_there_is_served_at_once(dialogue: Dialogue) -> None:
    dialogue.ok("RPUSH b 1 2 3 4 5 6 7")
    dialogue.check([
        ("BLPOP a b 0", popped("b", 1)), ("BRPOP b a 0", popped("b", 7)),
        ("BLMOVE b c LEFT LEFT 0", "2"), ("BRPOPLPUSH b c 0", "6"),
        ("BLMPOP 0 2 a b LEFT COUNT 2", array(bulk("b"), array(bulk("3"), bulk("4")))),
        ("BLPOP b b 0", popped("b", 5)), ("LRANGE c 0 -1", array(bulk("6"), bulk("2"))),
        ("EXISTS b", 0)])


@pytest.mark.parametrize("command", [
    "BLPOP k l 0.05", "BRPOP k 0.05", "BLMOVE k l LEFT RIGHT 0.05", "BRPOPLPUSH k l 0.05",
    "BLMPOP 0.05 2 k l LEFT"])
def test_a_wait_ends_with_null_when_its_time_is_over(dialogue: Dialogue, command: str) -> None:
    began = time.monotonic()
    dialogue.check([(command, NULL_ARRAY)])
    assert 0.045 <= time.monotonic() - began < 1
    assert field(dialogue, "blocked_clients") == 0
    dialogue.check([("RPUSH k a", 1), ("LLEN k", 1)])


def test_the_shortest_fraction_is_a_wait_and_not_for_ever(dialogue: Dialogue) -> None:
    dialogue.check([("BLPOP k 0.0000001", NULL_ARRAY), ("BLPOP k 1e-5", NULL_ARRAY)])


def test_inside_multi_nobody_waits(dialogue: Dialogue) -> None:
    dialogue.ok("MULTI")
    dialogue.check_all(["BLPOP k 0", "BRPOP k 0", "BLMPOP 0 1 k LEFT", "BLMOVE k l LEFT LEFT 0",
                        "BRPOPLPUSH k l 0", "RPUSH k a", "BLPOP k 0"], QUEUED)
    dialogue.check([("EXEC", array(NULL_ARRAY, NULL_ARRAY, NULL_ARRAY, NULL, NULL, 1,
                                   popped("k", "a")))])


def test_a_push_wakes_who_waits(dialogue: Dialogue) -> None:
    for command, answer in (
            ("BLPOP a k 0", popped("k", 1)), ("BRPOP k 0", popped("k", 3)),
            ("BLMOVE k l LEFT LEFT 0", "1"), ("BRPOPLPUSH k l 0", "3"),
            ("BLMPOP 0 2 a k RIGHT COUNT 2", array(bulk("k"), array(bulk("3"), bulk("2"))))):
        dialogue.ok("DEL k l")
        waiting, = blocked(dialogue, command)
        dialogue.check([("RPUSH k 1 2 3", 3)])
        check_answer(waiting, answer)
        assert field(dialogue, "blocked_clients") == 0
    waiting, = blocked(dialogue, "BLPOP z 0")
    dialogue.check([("RPUSHX z a", 0), ("SET y v", OK), ("RPUSH y a", WRONGTYPE)])
    waiting.client.expect_silence()
    dialogue.check([("LPUSH z a", 1)])
    check_answer(waiting, popped("z", "a"))


def test_who_waits_longest_is_served_first(dialogue: Dialogue) -> None:
    first, second, third, fourth = blocked(
        dialogue, "BLPOP k 0", "BRPOP k 0", "BLPOP other k 0", "BLPOP k 0")
    dialogue.check([("RPUSH k 1 2 3", 3)])
    check_answer(first, popped("k", 1))
    check_answer(second, popped("k", 3))
    check_answer(third, popped("k", 2))
    fourth.client.expect_silence()
    dialogue.check([("EXISTS k", 0), ("LPUSH k 4 5", 2), ("LRANGE k 0 -1", array(bulk("4")))])
    check_answer(fourth, popped("k", 5))


def test_a_transaction_serves_only_when_it_is_over(dialogue: Dialogue) -> None:
    waiting, = blocked(dialogue, "BLPOP k 0")
    dialogue.ok("MULTI")
    dialogue.check_all(["RPUSH k 1", "RPUSH k 2", "LPUSH k 0", "LPOP k"], QUEUED)
    dialogue.check([("EXEC", array(1, 2, 3, bulk("0")))])
    check_answer(waiting, popped("k", 1))
    waiting, = blocked(dialogue, "BLPOP gone 0")
    dialogue.ok("MULTI")
    dialogue.check_all(["RPUSH gone 1", "DEL gone", "SET gone v"], QUEUED)
    dialogue.check([("EXEC", array(1, 1, OK))])
    waiting.client.expect_silence()
    dialogue.check([("DEL gone", 1), ("RPUSH gone 2", 1)])
    check_answer(waiting, popped("gone", 2))


@RERUN
def test_keys_serve_in_the_order_in_which_they_became_ready(dialogue: Dialogue) -> None:
    """The command runs again as a whole: which key has woken it does not matter then."""
    both, only_a, only_b = blocked(dialogue, "BLPOP a b 0", "BLPOP a 0", "BLPOP b 0")
    dialogue.ok("MULTI")
    dialogue.check_all(["RPUSH b b1", "RPUSH a a1"], QUEUED)
    dialogue.check([("EXEC", array(1, 1))])
    check_answer(both, popped("a", "a1"))
    check_answer(only_b, popped("b", "b1"))
    only_a.client.expect_silence()


def test_a_moved_element_wakes_the_next_in_the_chain(dialogue: Dialogue) -> None:
    last, middle, first = blocked(
        dialogue, "BLPOP c 0", "BLMOVE b c LEFT RIGHT 0", "BLMOVE a b LEFT RIGHT 0")
    dialogue.check([("RPUSH a x", 1)])
    check_answer(first, "x")
    check_answer(middle, "x")
    check_answer(last, popped("c", "x"))
    dialogue.check([("DBSIZE", 0)])


def test_two_that_move_in_a_circle_come_to_rest(dialogue: Dialogue) -> None:
    forth, back = blocked(dialogue, "BRPOPLPUSH a b 0", "BRPOPLPUSH b a 0")
    dialogue.check([("RPUSH a x", 1)])
    check_answer(forth, "x")
    check_answer(back, "x")
    dialogue.check([("LRANGE a 0 -1", array(bulk("x"))), ("EXISTS b", 0)])


def test_a_move_to_itself_leaves_the_element(dialogue: Dialogue) -> None:
    waiting, = blocked(dialogue, "BLMOVE a a LEFT RIGHT 0")
    dialogue.check([("RPUSH a 1 2", 2)])
    check_answer(waiting, "1")
    dialogue.check([("LRANGE a 0 -1", array(bulk("2"), bulk("1")))])


@pytest.mark.parametrize("wakes", [
    ["RENAME from k"], ["RENAMENX from k"], ["COPY from k"], ["LMOVE from k LEFT LEFT"],
    ["SELECT 1", "RPUSH k a", "MOVE k 0", "SELECT 0"], ["SELECT 1", "RPUSH k a", "SELECT 0",
                                                        "SWAPDB 0 1"]])
def test_a_list_that_comes_under_its_name_wakes(dialogue: Dialogue, wakes: List[str]) -> None:
    dialogue.ok("RPUSH from a")
    waiting, = blocked(dialogue, "BLPOP k 0")
    dialogue.ok(*wakes)
    check_answer(waiting, popped("k", "a"))


def test_a_restored_list_wakes(dialogue: Dialogue) -> None:
    dialogue.ok("RPUSH from a")
    payload = dialogue.call("DUMP from")
    waiting, = blocked(dialogue, "BLPOP k 0")
    dialogue.ok(["RESTORE", "k", "0", payload])
    check_answer(waiting, popped("k", "a"))


@pytest.mark.needs_command("sort")
def test_a_sorted_list_wakes(dialogue: Dialogue) -> None:
    dialogue.ok("RPUSH from 2 1")
    waiting, = blocked(dialogue, "BLPOP k 0")
    dialogue.check([("SORT from STORE k", 2)])
    check_answer(waiting, popped("k", "1"))


@pytest.mark.target("fastredis", reason="deliberate difference: blocked clients, overwritten key")
@pytest.mark.parametrize("waits, store", [
    ("BLPOP k 0", "SORT l STORE k"), ("BZPOPMIN k 0", "ZUNIONSTORE k 1 z"),
    ("BZPOPMIN k 0", "ZRANGESTORE k z 0 -1")])
def test_a_result_that_overwrites_another_type_wakes(dialogue: Dialogue, waits: str,
                                                     store: str) -> None:
    """Whoever slept through the string must not sleep through what takes its place."""
    dialogue.ok("RPUSH l 1", "ZADD z 1 1")
    client, = blocked(dialogue, waits)
    dialogue.ok("SET k text")
    dialogue.check([(store, 1), ("EXISTS k", 0)])
    assert client.client.read()[:2] == [b"k", b"1"]


def test_databases_are_told_apart(dialogue: Dialogue) -> None:
    waiting = dialogue.other()
    waiting.ok("SELECT 2")
    waiting.begin("BLPOP k 0")
    await_blocked(dialogue, 1)
    dialogue.check([("RPUSH k a", 1)])
    waiting.client.expect_silence()
    dialogue.check([("SWAPDB 0 2", OK)])
    check_answer(waiting, popped("k", "a"))


@RERUN
def test_another_type_on_the_way_is_an_error_when_the_command_runs_again(
        dialogue: Dialogue) -> None:
    one, two = blocked(dialogue, "BLPOP wrong k 0", "BLMOVE m target LEFT LEFT 0")
    dialogue.check([("SET wrong v", OK), ("SET target v", OK)])
    one.client.expect_silence()
    dialogue.check([("RPUSH k 1", 1), ("RPUSH m 1", 1)])
    check_answer(one, WRONGTYPE)
    check_answer(two, WRONGTYPE)
    dialogue.check([("LLEN k", 1), ("LLEN m", 1), ("GET target", "v")])


def test_a_key_named_twice_serves_once(dialogue: Dialogue) -> None:
    twice, after = blocked(dialogue, "BLPOP k k k 0", "BLPOP k 0")
    dialogue.check([("RPUSH k 1 2", 2)])
    check_answer(twice, popped("k", 1))
    check_answer(after, popped("k", 2))
    twice.check([("PING", b"+PONG\r\n")])


@pytest.mark.parametrize("how", [[], ["TIMEOUT"], ["error"]])
def test_client_unblock_ends_a_wait(dialogue: Dialogue, how: List[str]) -> None:
    identities = [dialogue.other(), dialogue.other()]
    for client in identities:
        identity = client.call("CLIENT ID")
        client.begin("BLPOP k l 0", "ECHO after")
        await_blocked(dialogue, 1)
        dialogue.check([(["CLIENT", "UNBLOCK", identity, *how], 1)])
        check_answer(client, UNBLOCKED if how == ["error"] else NULL_ARRAY)
        check_answer(client, "after")
        dialogue.check([(["CLIENT", "UNBLOCK", identity, *how], 0), ("RPUSH k a", 1), ("DEL k", 1)])


def test_a_client_that_dies_takes_no_element_along(dialogue: Dialogue) -> None:
    dying, killed, alive = blocked(dialogue, "BLPOP k 0", "BLPOP k 0", "BLPOP k 0")
    dying.client.close()
    await_blocked(dialogue, 2)
    for line in dialogue.call("CLIENT LIST").split(b"\n"):
        if b"cmd=blpop" in line and b" flags=b " in line:
            dialogue.check([(["CLIENT", "KILL", "ID", line.split()[0][3:]], 1)])
            break
    with pytest.raises(ConnectionClosed):
        killed.client.read_raw()
    await_blocked(dialogue, 1)
    dialogue.check([("RPUSH k 1 2", 2)])
    check_answer(alive, popped("k", 1))
    dialogue.check([("LRANGE k 0 -1", array(bulk("2")))])


def test_input_behind_a_wait_is_executed_after_it(dialogue: Dialogue) -> None:
    waiting = dialogue.other()
    waiting.begin("BLPOP k 0", "RPUSH seen 1", "BLPOP k 0", "RPUSH seen 2")
    await_blocked(dialogue, 1)
    dialogue.check([("EXISTS seen", 0), ("RPUSH k a", 1)])
    check_answer(waiting, popped("k", "a"))
    check_answer(waiting, 1)
    await_blocked(dialogue, 1)
    dialogue.check([("LLEN seen", 1), ("RPUSH k b", 1)])
    check_answer(waiting, popped("k", "b"))
    check_answer(waiting, 2)


def test_one_pipeline_serves_between_its_commands(dialogue: Dialogue) -> None:
    waiting, = blocked(dialogue, "BLPOP k 0")
    dialogue.begin("RPUSH k a", "LLEN k", "RPUSH k b", "LLEN k")
    assert [dialogue.client.read_raw() for _ in range(4)] == [b":1\r\n", b":0\r\n", b":1\r\n",
                                                             b":1\r\n"]
    check_answer(waiting, popped("k", "a"))


def test_silenced_clients_are_served_without_a_word(dialogue: Dialogue) -> None:
    silent = dialogue.other()
    silent.begin("CLIENT REPLY OFF", "BLPOP k 0")
    await_blocked(dialogue, 1)
    dialogue.check([("RPUSH k 1 2", 2), ("LLEN k", 1)])
    silent.check([("CLIENT REPLY ON", OK)])
    skipping = dialogue.other()
    skipping.begin("CLIENT REPLY SKIP", "BLPOP none 0.01", "PING")
    check_answer(skipping, b"+PONG\r\n")


def test_what_is_popped_dirties_watches(dialogue: Dialogue) -> None:
    waiting, = blocked(dialogue, "BLPOP k 0")
    watcher = dialogue.other()
    watcher.ok("WATCH k", "MULTI", "PING")
    dialogue.check([("RPUSH k a", 1)])
    check_answer(waiting, popped("k", "a"))
    watcher.check([("EXEC", NULL_ARRAY)])


def test_a_waiting_client_keeps_its_watches(dialogue: Dialogue) -> None:
    waiting = dialogue.other()
    waiting.begin("WATCH w", "BLPOP k 0")
    await_blocked(dialogue, 1)
    check_answer(waiting, OK)
    dialogue.check([("RPUSH k a", 1), ("SET w v", OK)])
    check_answer(waiting, popped("k", "a"))
    waiting.ok("MULTI", "PING")
    waiting.check([("EXEC", NULL_ARRAY)])


@RERUN
def test_a_pause_holds_who_would_be_served(dialogue: Dialogue) -> None:
    waiting, = blocked(dialogue, "BLPOP k 0")
    dialogue.ok("MULTI", "RPUSH k a", "CLIENT PAUSE 100000 WRITE")
    dialogue.check([("EXEC", array(1, OK))])
    waiting.client.expect_silence()
    dialogue.check([("LLEN k", 1), ("CLIENT UNPAUSE", OK)])
    check_answer(waiting, popped("k", "a"))


def test_a_list_that_is_due_serves_nobody(dialogue: Dialogue) -> None:
    waiting, = blocked(dialogue, "BLPOP k 0")
    dialogue.ok("MULTI", "RPUSH k a", "PEXPIREAT k 1")
    dialogue.raw("EXEC")
    waiting.client.expect_silence()
    dialogue.check([("EXISTS k", 0), ("RPUSH k b", 1)])
    check_answer(waiting, popped("k", "b"))


@pytest.mark.target("fastredis", "redis>=7.2",
                    reason="7.0 hands over elements, Valkey 9 counts no failure by CLIENT UNBLOCK")
def test_what_waits_is_counted_when_it_is_answered(dialogue: Dialogue) -> None:
    def calls(name: str) -> bytes:
        stats = dialogue.call("INFO commandstats")
        found = stats.split(b"cmdstat_" + name.encode() + b":")
        return b"none" if len(found) < 2 else found[1].split(b",usec")[0] + b" " + \
            found[1].split(b"\r\n")[0].split(b"failed_calls=")[1]

    dialogue.ok("CONFIG RESETSTAT")
    waiting, = blocked(dialogue, "BLPOP k 0")
    assert calls("blpop") == b"none"
    dialogue.ok("RPUSH k a")
    check_answer(waiting, popped("k", "a"))
    assert calls("blpop") == b"calls=1 0"
    waiting.check([("BLPOP k 0.01", NULL_ARRAY)])
    assert calls("blpop") == b"calls=2 0"
    identity = waiting.call("CLIENT ID")
    waiting.begin("BLPOP k 0")
    await_blocked(dialogue, 1)
    dialogue.ok(["CLIENT", "UNBLOCK", identity, "ERROR"])
    check_answer(waiting, UNBLOCKED)
    assert calls("blpop") == b"calls=3 1"
    assert field(dialogue, "keyspace_misses") == 0


@pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="7.0 does not count keys")
def test_info_counts_keys_that_are_waited_for(dialogue: Dialogue) -> None:
    clients = blocked(dialogue, "BLPOP a b c 0", "BLPOP a 100", "BRPOP c d a 0")
    assert field(dialogue, "total_blocking_keys") == 4
    assert field(dialogue, "total_blocking_keys_on_nokey") == 0
    assert field(dialogue, "clients_in_timeout_table") == 1
    dialogue.ok("RPUSH a 1 2", "RPUSH b 1", "RPUSH d 1", "RPUSH e 1")
    for client in clients:
        client.client.read_raw()
    assert field(dialogue, "total_blocking_keys") == 0
    assert field(dialogue, "clients_in_timeout_table") == 0


def test_client_list_shows_who_waits(dialogue: Dialogue) -> None:
    waiting, = blocked(dialogue, "BLPOP k longer 0")
    line, = [line for line in dialogue.call("CLIENT LIST").split(b"\n") if b"cmd=blpop" in line]
    fields = dict(pair.split(b"=", 1) for pair in line.split())
    assert fields[b"flags"] == b"b" and int(fields[b"argv-mem"]) >= 13
    dialogue.ok("RPUSH k a")
    check_answer(waiting, popped("k", "a"))


@RERUN
def test_a_move_that_needs_memory_is_refused_when_it_runs_again(dialogue: Dialogue) -> None:
    moving, popping = blocked(dialogue, "BLMOVE k l LEFT LEFT 0", "BLPOP k 0")
    dialogue.ok("MULTI", "RPUSH k a", "CONFIG SET maxmemory 1")
    dialogue.raw("EXEC")
    check_answer(moving, error("OOM command not allowed when used memory > 'maxmemory'."))
    check_answer(popping, popped("k", "a"))
    dialogue.ok("CONFIG SET maxmemory 0")


def test_many_waiters_and_few_elements_lose_and_double_nothing(dialogue: Dialogue) -> None:
    clients = [dialogue.other() for _ in range(60)]
    for number, client in enumerate(clients):
        client.begin(f"BLPOP k{number % 5} k{number % 7} 0")
    await_blocked(dialogue, 60)
    for value in range(60):
        dialogue.ok(f"RPUSH k{value % 7} {value}")
    left = sum(dialogue.call(f"LLEN k{number}") for number in range(7))
    await_blocked(dialogue, left)
    got = []
    for client in clients:
        try:
            got.append(int(client.client.read(0.05)[1]))
        except AssertionError:
            continue
    kept = [int(text) for number in range(7) for text in dialogue.call(f"LRANGE k{number} 0 -1")]
    assert sorted(got + kept) == list(range(60))


def test_one_pipeline_serves_a_queue_in_its_order(dialogue: Dialogue) -> None:
    queue = blocked(dialogue, *["BLPOP k 0"] * 20)
    dialogue.begin(*[f"RPUSH k {number}" for number in range(20)])
    assert [dialogue.client.read_raw() for _ in range(20)] == [b":1\r\n"] * 20
    values = [int(waiting.client.read()[1]) for waiting in queue]
    assert values == list(range(20))


@pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="7.0 does not count keys")
@pytest.mark.needs_command("xreadgroup", "xread")
def test_who_waits_for_a_stream_outlives_the_key_that_a_group_waits_for(
        dialogue: Dialogue) -> None:
    """A group's wait ends with the key; a BLPOP and an XREAD for the same name go on."""
    lists, reading = blocked(dialogue, "BLPOP k 0", "XREAD BLOCK 0 STREAMS k $")
    dialogue.ok("XGROUP CREATE k g $ MKSTREAM")
    group, = blocked(dialogue, "XREADGROUP GROUP g c BLOCK 0 STREAMS k >")
    assert field(dialogue, "total_blocking_keys_on_nokey") == 1
    dialogue.check([("DEL k", 1)])
    assert group.client.read_raw().startswith(b"-NOGROUP ")
    lists.client.expect_silence()
    reading.client.expect_silence()
    assert field(dialogue, "blocked_clients") == 2
    dialogue.check([("RPUSH k a", 1)])
    check_answer(lists, popped("k", "a"))
    dialogue.check([("XADD k 1-1 f v", "1-1")])
    assert b"1-1" in reading.client.read_raw()
