"""XREAD and XREADGROUP with BLOCK: who is woken by what, in which order, and with which answer."""

from __future__ import annotations

import time

import pytest

from .dialogue import (
    NULL_ARRAY, OK, QUEUED, WRONGTYPE, Dialogue, array, error, simple, words)
from .test_streams import NEW, entry
from .test_streams_groups import streams

NO_GROUP = error("NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option")
SHORT_S = 0.05


def waiting(dialogue: Dialogue, command: str) -> Dialogue:
    """Another connection that waits with this command."""
    other = dialogue.other()
    before = blocked(dialogue)
    other.begin(command)
    deadline = time.monotonic() + 5
    while blocked(dialogue) == before and time.monotonic() < deadline:
        time.sleep(0.002)
    assert blocked(dialogue) == before + 1
    return other


def blocked(dialogue: Dialogue) -> int:
    """Clients that wait."""
    fields = bytes(dialogue.call("INFO clients")).decode()
    return int(fields.split("blocked_clients:")[1].split()[0])


def answers(waiter: Dialogue, expected) -> None:
    """The waiter gets this reply."""
    raw = waiter.client.read_reply().raw
    assert raw == (expected(waiter.protocol) if callable(expected) else expected)


def still_waits(waiter: Dialogue) -> None:
    """No answer has come."""
    waiter.client.expect_silence(SHORT_S)


def grouped(dialogue: Dialogue) -> None:
    """A stream with one entry and a group that has read it."""
    dialogue.ok("XADD s 1-1 a b", "XGROUP CREATE s g $")


ONE = array(entry("2-1", "a", "b"))


def test_xread_waits_for_the_next_entry(dialogue: Dialogue) -> None:
    dialogue.ok("XADD s 1-1 a b")
    waiter = waiting(dialogue, "XREAD BLOCK 0 STREAMS s $")
    dialogue.check([("XDEL s 1-1", 1), ("XADD s 2-1 a b", "2-1")])
    answers(waiter, streams("s", ONE))
    dialogue.check([("XADD s 3-1 a b", "3-1")])
    waiter.check([("PING", simple("PONG"))])


@NEW
def test_xread_answers_at_once_where_it_can(dialogue: Dialogue) -> None:
    dialogue.ok("XADD s 2-1 a b")
    dialogue.check([("XREAD BLOCK 0 STREAMS s 0", streams("s", ONE)),
                    ("XREAD BLOCK 0 STREAMS s +", streams("s", ONE))])


def test_xread_waits_for_a_stream_that_is_not_there(dialogue: Dialogue) -> None:
    waiter = waiting(dialogue, "XREAD BLOCK 0 COUNT 1 STREAMS t s $ 0")
    dialogue.check([("SET t x", OK), ("DEL t", 1), ("XGROUP CREATE s g 0 MKSTREAM", OK),
                    ("XADD s 2-1 a b", "2-1"), ("XADD s 3-1 a b", "3-1")])
    answers(waiter, streams("s", ONE))


def test_all_who_read_a_stream_get_the_entry(dialogue: Dialogue) -> None:
    waiters = [waiting(dialogue, "XREAD BLOCK 0 STREAMS s $") for _ in range(5)]
    dialogue.check([("XADD s 2-1 a b", "2-1")])
    for waiter in waiters:
        answers(waiter, streams("s", ONE))


@NEW
def test_an_entry_of_a_transaction_is_seen_when_it_is_over(dialogue: Dialogue) -> None:
    gone = waiting(dialogue, "XREAD BLOCK 0 STREAMS t 0")
    waiter = waiting(dialogue, "XREAD BLOCK 0 STREAMS s $")
    dialogue.check([
        ("MULTI", OK), ("XADD s 2-1 a b", QUEUED), ("XADD s 3-1 a b", QUEUED),
        ("XADD t 1-1 a b", QUEUED), ("XDEL t 1-1", QUEUED),
        ("EXEC", array("2-1", "3-1", "1-1", 1))])
    answers(waiter, streams("s", array(entry("2-1", "a", "b"), entry("3-1", "a", "b"))))
    dialogue.check([("XADD t 2-1 a b", "2-1")])
    answers(gone, streams("t", ONE))


def test_a_smaller_id_in_a_new_stream_wakes_nobody(dialogue: Dialogue) -> None:
    dialogue.ok("XADD s 1-1 a b")
    waiter = waiting(dialogue, "XREAD BLOCK 0 STREAMS s $")
    dialogue.check([("DEL s", 1), ("SET s x", OK), ("DEL s", 1),
                    ("XADD s 0-5 a b", "0-5")])
    still_waits(waiter)
    dialogue.check([("XADD s 2-1 a b", "2-1")])
    answers(waiter, streams("s", ONE))


def test_the_time_to_wait_ends_with_null(dialogue: Dialogue) -> None:
    grouped(dialogue)
    for command in ("XREAD BLOCK 50 STREAMS s $", "XREADGROUP GROUP g c BLOCK 50 STREAMS s >"):
        began = time.monotonic()
        dialogue.check([(command, NULL_ARRAY)])
        assert SHORT_S * 0.9 <= time.monotonic() - began < 5
    assert blocked(dialogue) == 0


def test_inside_a_transaction_nothing_waits(dialogue: Dialogue) -> None:
    grouped(dialogue)
    dialogue.check([
        ("MULTI", OK), ("XREAD BLOCK 0 STREAMS s $", QUEUED),
        ("XREADGROUP GROUP g c BLOCK 0 STREAMS s >", QUEUED),
        ("EXEC", array(NULL_ARRAY, NULL_ARRAY))])


def test_one_of_a_group_gets_the_entry_in_the_order_of_waiting(dialogue: Dialogue) -> None:
    grouped(dialogue)
    waiters = [waiting(dialogue, f"XREADGROUP GROUP g c{i} BLOCK 0 STREAMS s >") for i in range(3)]
    for i, waiter in enumerate(waiters):
        dialogue.check([(f"XADD s 2-{i} a b", f"2-{i}")])
        answers(waiter, streams("s", array(entry(f"2-{i}", "a", "b"))))
    dialogue.check([("XPENDING s g", array(3, "2-0", "2-2", array(
        *[array(f"c{i}", "1") for i in range(3)])))])


def test_groups_of_one_stream_do_not_take_from_each_other(dialogue: Dialogue) -> None:
    grouped(dialogue)
    dialogue.ok("XGROUP CREATE s h $")
    waiters = [waiting(dialogue, f"XREADGROUP GROUP {group} c BLOCK 0 STREAMS s >")
               for group in "gh"] + [waiting(dialogue, "XREAD BLOCK 0 STREAMS s $")]
    dialogue.check([("XADD s 2-1 a b", "2-1")])
    for waiter in waiters:
        answers(waiter, streams("s", ONE))


def test_history_never_waits(dialogue: Dialogue) -> None:
    grouped(dialogue)
    dialogue.check([("XREADGROUP GROUP g c BLOCK 0 STREAMS s 0", streams("s", array()))])


@NEW
def test_a_consumer_is_made_before_it_waits(dialogue: Dialogue) -> None:
    grouped(dialogue)
    waiter = waiting(dialogue, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >")
    dialogue.check([("XGROUP CREATECONSUMER s g c", 0), ("XADD s 2-1 a b", "2-1")])
    answers(waiter, streams("s", ONE))


@NEW
@pytest.mark.parametrize("change, expected", [
    ("DEL s", NO_GROUP), ("XGROUP DESTROY s g", NO_GROUP), ("RENAME s t", NO_GROUP),
    ("FLUSHALL", NO_GROUP), ("PEXPIRE s 20", NO_GROUP), ("SET s x", WRONGTYPE),
    ("UNLINK s", NO_GROUP)])
def test_who_waits_in_a_group_is_told_that_it_is_gone(dialogue: Dialogue, change: str,
                                                      expected: bytes) -> None:
    grouped(dialogue)
    waiter = waiting(dialogue, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >")
    dialogue.client.ok(*words(change))
    answers(waiter, expected)
    waiter.check([("PING", simple("PONG"))])
    assert blocked(dialogue) == 0


@NEW
def test_a_group_that_is_gone_does_not_wake_readers_of_another(dialogue: Dialogue) -> None:
    grouped(dialogue)
    dialogue.ok("XGROUP CREATE s h $")
    other = waiting(dialogue, "XREADGROUP GROUP h c BLOCK 0 STREAMS s >")
    waiter = waiting(dialogue, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >")
    dialogue.check([("XGROUP DESTROY s g", 1)])
    answers(waiter, NO_GROUP)
    still_waits(other)
    dialogue.check([("XADD s 2-1 a b", "2-1")])
    answers(other, streams("s", ONE))


def test_setid_alone_wakes_nobody(dialogue: Dialogue) -> None:
    grouped(dialogue)
    waiter = waiting(dialogue, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >")
    dialogue.check([("XGROUP SETID s g 1-1", OK)])
    still_waits(waiter)
    dialogue.check([("XADD s 2-1 a b", "2-1")])
    answers(waiter, streams("s", ONE))


def test_client_unblock_ends_the_wait(dialogue: Dialogue) -> None:
    waiter = dialogue.other()
    number = waiter.call("CLIENT ID")
    for how, expected in (("TIMEOUT", NULL_ARRAY), (
            "ERROR", error("UNBLOCKED client unblocked via CLIENT UNBLOCK"))):
        waiter.begin("XREAD BLOCK 0 STREAMS s $")
        while not blocked(dialogue):
            time.sleep(0.002)
        dialogue.check([(f"CLIENT UNBLOCK {number} {how}", 1)])
        answers(waiter, expected)


def test_a_waiter_that_leaves_is_forgotten(dialogue: Dialogue) -> None:
    grouped(dialogue)
    gone = waiting(dialogue, "XREADGROUP GROUP g gone BLOCK 0 STREAMS s >")
    waiter = waiting(dialogue, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >")
    gone.client.close()
    while blocked(dialogue) > 1:
        time.sleep(0.002)
    dialogue.check([("XADD s 2-1 a b", "2-1")])
    answers(waiter, streams("s", ONE))


def test_what_a_client_sends_while_it_waits_is_done_afterwards(dialogue: Dialogue) -> None:
    waiter = waiting(dialogue, "XREAD BLOCK 0 STREAMS s $")
    waiter.begin("PING", "XLEN s")
    dialogue.check([("XADD s 2-1 a b", "2-1")])
    answers(waiter, streams("s", ONE))
    answers(waiter, simple("PONG"))
    answers(waiter, b":1\r\n")
