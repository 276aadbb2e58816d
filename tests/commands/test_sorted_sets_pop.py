"""Commands of the group `sorted-set` that take members from the ends, at once or by waiting."""

from __future__ import annotations

import time

import pytest

from .dialogue import (
    NULL, NULL_ARRAY, OK, QUEUED, SYNTAX, WRONGTYPE, Dialogue, arity, array, bulk, double, error,
    scored)
from .test_sorted_sets import encoding  # noqa: F401

POSITIVE = error("ERR value is out of range, must be positive")
NUMKEYS = error("ERR numkeys should be greater than 0")
COUNT = error("ERR count should be greater than 0")
TIMEOUT_NOT_FLOAT = error("ERR timeout is not a float or out of range")
TIMEOUT_NEGATIVE = error("ERR timeout is negative")
LONG_MAX = 2**63 - 1

pytestmark = pytest.mark.usefixtures("encoding")


def pair(member: str, score: str):
    """A member and its score in an array of their own, in either protocol."""
    return array(member, double(score))


def until_blocked(dialogue: Dialogue, clients: int) -> None:
    """Waits until as many clients are blocked."""
    deadline = time.monotonic() + 10
    while b"blocked_clients:%d\r" % clients not in bytes(dialogue.call("INFO clients")):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_wrong_numbers_of_arguments_are_refused(dialogue: Dialogue) -> None:
    for command in ("ZPOPMIN", "ZPOPMAX", "ZMPOP 1 z", "BZPOPMIN z", "BZPOPMAX z", "BZMPOP 0 1 z"):
        dialogue.check([(command, arity(command.split()[0].lower()))])
    dialogue.check_all(["ZPOPMIN z 1 2", "ZPOPMAX z 1 2"], SYNTAX)


def test_other_types_are_refused_by_every_command_and_not_changed(dialogue: Dialogue) -> None:
    dialogue.ok("SET k v", "ZADD z 1 a")
    dialogue.check_all(
        ["ZPOPMIN k", "ZPOPMAX k", "ZPOPMIN k 0", "ZMPOP 1 k MIN", "ZMPOP 2 k z MAX COUNT 2",
         "BZPOPMIN k 0", "BZPOPMAX missing k 0", "BZMPOP 0 2 missing k MIN"], WRONGTYPE)
    dialogue.check([("GET k", "v"), ("BZPOPMIN z k 0", array("z", "a", double("1")))])


def test_members_come_from_either_end_with_their_scores(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 1 a 2 b 2 c 3.5 d inf e")
    dialogue.check([
        ("ZPOPMIN z", array("a", double("1"))), ("ZPOPMAX z", array("e", double("inf"))),
        ("ZPOPMAX z 2", scored("d", "3.5", "c", "2")), ("ZPOPMIN z 9", scored("b", "2")),
        ("EXISTS z", 0), ("ZPOPMIN z", array()), ("ZPOPMAX z 3", array()), ("ZADD z 1 a", 1),
        ("ZPOPMIN z 0", array()), (f"ZPOPMAX z {LONG_MAX}", scored("a", "1")), ("DBSIZE", 0)])
    dialogue.check_all(["ZPOPMIN z -1", "ZPOPMAX z x", f"ZPOPMIN z {LONG_MAX + 1}", "ZPOPMIN k x"],
                       POSITIVE)


def test_zmpop_takes_from_the_first_key_that_has_any(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 1 a 2 b 3 c", "ZADD y 5 x")
    dialogue.check([
        ("ZMPOP 2 missing z MIN", array("z", array(pair("a", "1")))),
        ("ZMPOP 2 z y max COUNT 5", array("z", array(pair("c", "3"), pair("b", "2")))),
        ("ZMPOP 2 z y MIN count 1", array("y", array(pair("x", "5")))),
        ("ZMPOP 2 z y MIN", NULL_ARRAY), ("DBSIZE", 0)])
    dialogue.check_all(["ZMPOP 0 z MIN", "ZMPOP -1 z MIN", "ZMPOP x z MIN", "ZMPOP 1.0 z MIN"],
                       NUMKEYS)
    dialogue.check_all(["ZMPOP 1 z MIN COUNT 0", "ZMPOP 1 z MIN COUNT x", "ZMPOP 1 z MAX COUNT -5"],
                       COUNT)
    dialogue.check_all(["ZMPOP 1 z MID", "ZMPOP 2 z MIN", f"ZMPOP {LONG_MAX} z MIN",
                        "ZMPOP 1 z MIN COUNT", "ZMPOP 1 z MIN COUNT 1 COUNT 1",
                        "ZMPOP 1 z MIN FOO", "ZMPOP 1 z MIN MAX"], SYNTAX)


def test_blocking_commands_answer_at_once_where_they_can(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 1 a 2 b 3 c 4 d")
    dialogue.check([
        ("BZPOPMIN missing z 0", array("z", "a", double("1"))),
        ("BZPOPMAX z missing 0", array("z", "d", double("4"))),
        ("BZMPOP 0 1 z MAX COUNT 9", array("z", array(pair("c", "3"), pair("b", "2")))),
        ("EXISTS z", 0), ("BZPOPMIN z 0.01", NULL_ARRAY), ("BZPOPMAX z y 0.01", NULL_ARRAY),
        ("BZMPOP 0.01 2 z y MIN", NULL_ARRAY)])


def test_odd_arguments_of_blocking_commands_are_refused(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 1 a")
    dialogue.check_all(["BZPOPMIN z x", 'BZPOPMAX z ""', "BZMPOP x 1 z MIN", "BZPOPMIN k nan"],
                       TIMEOUT_NOT_FLOAT)
    dialogue.check_all(["BZPOPMIN z -1", "BZMPOP -0.5 1 z MIN"], TIMEOUT_NEGATIVE)
    dialogue.check_all(["BZMPOP x 0 z MIN", "BZMPOP 0 -1 z MIN"], NUMKEYS)
    dialogue.check_all(["BZMPOP x 1 z MID", "BZMPOP 0 2 z MIN", "BZMPOP 0 1 z MIN COUNT"], SYNTAX)
    dialogue.check([("BZMPOP 0 1 z MIN COUNT 0", COUNT), ("ZCARD z", 1)])


def test_blocking_commands_never_wait_inside_a_transaction(dialogue: Dialogue) -> None:
    dialogue.check([
        ("MULTI", OK), ("BZPOPMIN z 0", QUEUED), ("BZPOPMAX z 0", QUEUED),
        ("BZMPOP 0 1 z MIN", QUEUED), ("ZADD z 1 a", QUEUED), ("BZPOPMIN z 0", QUEUED),
        ("EXEC", array(NULL_ARRAY, NULL_ARRAY, NULL_ARRAY, 1, array("z", "a", double("1"))))])


def test_those_who_wait_are_served_in_the_order_in_which_they_came(dialogue: Dialogue) -> None:
    others = [dialogue.other() for _ in range(3)]
    for at, (other, command) in enumerate(zip(others, (
            "BZPOPMIN missing z 0", "BZMPOP 0 1 z MAX COUNT 2", "BZPOPMAX z 0"))):
        other.begin(command)
        until_blocked(dialogue, at + 1)
    dialogue.check([("ZADD z 1 a 2 b 3 c 4 d 5 e", 5), ("ZCARD z", 1)])
    for other, expected in zip(others, (
            array("z", "a", double("1")), array("z", array(pair("e", "5"), pair("d", "4"))),
            array("z", "c", double("3")))):
        assert other.client.read_raw() == expected(dialogue.protocol)
    dialogue.check([("ZRANGE z 0 -1", array("b"))])


@pytest.mark.parametrize("write", [
    "ZADD z 7 m", "ZINCRBY z 7 m", "ZADD z INCR 7 m", "ZUNIONSTORE z 1 source",
    "ZRANGESTORE z source 0 -1", "RENAME source z", "COPY source z", "ZADD z NX 7 m"])
def test_every_way_in_which_a_set_comes_wakes_those_who_wait(
        dialogue: Dialogue, write: str) -> None:
    other = dialogue.other()
    dialogue.ok("ZADD source 7 m")
    other.begin("BZPOPMIN z 0")
    until_blocked(dialogue, 1)
    dialogue.ok("SET z other-type", "DEL z", write)
    assert other.client.read_raw() == array("z", "m", double("7"))(dialogue.protocol)


def test_a_wait_goes_on_where_another_type_comes(dialogue: Dialogue) -> None:
    other = dialogue.other()
    other.begin("BZPOPMAX z 0")
    until_blocked(dialogue, 1)
    dialogue.ok("SADD z a", "DEL z", "SET z v", "DEL z", "ZADD z 1 a")
    assert other.client.read_raw() == array("z", "a", double("1"))(dialogue.protocol)


def test_a_transaction_serves_those_who_wait_when_it_is_over(dialogue: Dialogue) -> None:
    other = dialogue.other()
    other.begin("BZPOPMIN z 0")
    until_blocked(dialogue, 1)
    dialogue.check([("MULTI", OK), ("ZADD z 1 a", QUEUED), ("ZADD z 0 b", QUEUED),
                    ("ZCARD z", QUEUED), ("EXEC", array(1, 1, 2))])
    assert other.client.read_raw() == array("z", "b", double("0"))(dialogue.protocol)
    dialogue.check([("ZCARD z", 1)])


def test_a_wait_ends_by_its_time_or_by_client_unblock(dialogue: Dialogue) -> None:
    other = dialogue.other()
    other.begin("BZMPOP 0.05 1 z MIN")
    assert other.client.read_raw() == NULL_ARRAY(dialogue.protocol)
    number = other.call("CLIENT ID")
    for ending, expected in (("", NULL_ARRAY(dialogue.protocol)), (
            " ERROR", b"-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n")):
        other.begin("BZPOPMIN z 0")
        until_blocked(dialogue, 1)
        dialogue.check([(f"CLIENT UNBLOCK {number}{ending}", 1)])
        assert other.client.read_raw() == expected
    dialogue.ok("ZADD z 1 a")
    assert other.raw("GET k") == NULL(dialogue.protocol)
    dialogue.check([("ZPOPMIN z", array("a", double("1")))])


def test_pops_count_one_change_for_each_member(dialogue: Dialogue) -> None:
    def changes() -> int:
        info = bytes(dialogue.call("INFO persistence"))
        return int(info.split(b"rdb_changes_since_last_save:")[1].split(b"\r")[0])

    dialogue.ok("ZADD z 1 a 2 b 3 c 4 d 5 e 6 f")
    for command, count in (("ZPOPMIN z 2", 2), ("ZPOPMAX z 0", 0), ("ZMPOP 1 z MIN COUNT 2", 2),
                           ("BZPOPMIN z 0", 1), ("ZPOPMIN z 9", 1), ("ZPOPMIN z", 0)):
        before = changes()
        dialogue.ok(command)
        assert changes() - before == count, command


def test_a_hundred_thousand_members_are_popped_in_one_command(dialogue: Dialogue) -> None:
    for start in range(0, 100_000, 10_000):
        dialogue.ok(["ZADD", "z", *[str(word) for at in range(start, start + 10_000)
                                    for word in (at, f"m{at}")]])
    popped = dialogue.call("ZPOPMAX z 99999")
    assert len(popped) == (99_999 if dialogue.protocol == 3 else 199_998)
    dialogue.check([("ZRANGE z 0 -1", array("m0")), ("ZPOPMIN z", array(bulk("m0"), double("0")))])
