"""Due times of hash fields: HEXPIRE and its family, HTTL and its family, HPERSIST, HGETEX, HSETEX,
HGETDEL, and what happens to a field at the end, wherever its hash has gone meanwhile."""

from __future__ import annotations

import re
import time
from typing import Iterator, List

import pytest
from support.wire import Array, eventually

from .dialogue import (
    NOT_INTEGER, NULL, OK, WRONGTYPE, Dialogue, arity, array, error, invalid_expire, mapping)

pytestmark = pytest.mark.target("fastredis", "redis>=8.0", reason="field times are newer")

FAR_MS = 4102444800000
MAX_MS = 2**46 - 1
LONG_MAX = 2**63 - 1
NO_FIELDS = error("ERR Mandatory argument FIELDS is missing or not at the right position")
COUNT = error("ERR The `numfields` parameter must match the number of arguments")
ABOVE_0 = error("ERR Parameter `numFields` should be greater than 0")
POSITIVE = error("ERR Number of fields must be a positive integer")
NEGATIVE = error("ERR invalid expire time, must be >= 0")
ONE_TIME = error("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified")
ONE_CONDITION = error("ERR Only one of FXX or FNX arguments can be specified")
EXPIRES = ("HEXPIRE", "HPEXPIRE", "HEXPIREAT", "HPEXPIREAT")
TELLS = ("HTTL", "HPTTL", "HEXPIRETIME", "HPEXPIRETIME")


@pytest.fixture(params=["listpackex", "hashtable"])
def encoding(request: pytest.FixtureRequest, server, dialogue: Dialogue) -> Iterator[str]:
    """The encoding of hashes with due times."""
    if request.param == "hashtable":
        dialogue.ok("CONFIG SET hash-max-listpack-entries 0")
    yield request.param
    dialogue.ok("CONFIG SET hash-max-listpack-entries 512")


def far(command: str) -> int:
    """A far time as the command's argument."""
    base_ms = FAR_MS if command.endswith("AT") else 10**9
    return base_ms // (1 if "PEXPIRE" in command else 1000)


def number(dialogue: Dialogue, section: str, name: str) -> int:
    """A number of INFO; the first of that name."""
    found = re.search(rb"\b%s[:=](\d+)" % name.encode(), dialogue.call(f"INFO {section}"))
    return int(found.group(1)) if found else 0


def fields(dialogue: Dialogue, key: str = "h") -> List[bytes]:
    return sorted(dialogue.call(f"HKEYS {key}"))


# ---- arguments ----

def test_wrong_numbers_of_arguments_are_refused(dialogue: Dialogue) -> None:
    for command in EXPIRES:
        dialogue.check_all([command, f"{command} h 1 FIELDS 1"], arity(command.lower()))
    for command in TELLS + ("HPERSIST", "HGETDEL", "HGETEX"):
        dialogue.check_all([command, f"{command} h FIELDS 1"], arity(command.lower()))
    dialogue.check_all(
        ["HSETEX", "HSETEX h FIELDS 1 a", "HSETEX h FIELDS 2 a 1", "HSETEX h FIELDS 1 a 1 b",
         "HSETEX h EX 10 FIELDS", "HSETEX h EX 10 FIELDS 1 a", "HSETEX h KEEPTTL FIELDS 0 a",
         "HSETEX h FIELDS 1 a 1 EX 10"],
        arity("hsetex"))
    dialogue.ok("HSET h a 1")
    dialogue.check_all(["HGETEX h EX 10 FIELDS", "HGETEX h EX 10 FOO"], arity("hgetex"))


def test_fields_and_their_count_are_checked(dialogue: Dialogue) -> None:
    dialogue.ok("HSET h a 1")
    for command in EXPIRES:
        begin = f"{command} h {far(command)}"
        dialogue.check_all([f"{begin} FOO 1 a", f"{begin} NX XX FIELDS 1 a",
                            f"{begin} a FIELDS 1 a"], NO_FIELDS)
        dialogue.check_all([f"{begin} FIELDS {n} a" for n in ("0", "-1", "x", LONG_MAX + 1)],
                           ABOVE_0)
        dialogue.check_all([f"{begin} FIELDS 2 a", f"{begin} FIELDS 1 a b",
                            f"{begin} NX FIELDS 1", f"{begin} FIELDS 3000000000 a"], COUNT)
    for command in TELLS + ("HPERSIST", "HGETDEL", "HGETEX"):
        dialogue.check_all([f"{command} h FOO 1 a"], NO_FIELDS)
        dialogue.check_all([f"{command} h FIELDS {n} a" for n in ("0", "-1", "x", LONG_MAX + 1)],
                           POSITIVE)
        dialogue.check_all([f"{command} h FIELDS 2 a", f"{command} h FIELDS 1 a b",
                            f"{command} h FIELDS 3000000000 a"], COUNT)
    dialogue.check_all([f"HSETEX h FIELDS {n} a 1" for n in ("0", "-1", "x", "3000000000")],
                       error("ERR invalid number of fields"))
    dialogue.check([("HGETALL h", mapping("a", "1"))])


def test_times_are_checked(dialogue: Dialogue) -> None:
    dialogue.ok("HSET h a 1")
    for command in EXPIRES:
        most = MAX_MS if "PEXPIRE" in command else MAX_MS // 1000
        dialogue.check_all([f"{command} h {t} FIELDS 1 a" for t in ("x", "1.0", LONG_MAX + 1)],
                           NOT_INTEGER)
        dialogue.check_all([f"{command} h {t} FIELDS 1 a" for t in (-1, -LONG_MAX)], NEGATIVE)
        dialogue.check_all([f"{command} h {t} FIELDS 1 a" for t in (most + 1, LONG_MAX)],
                           invalid_expire(command.lower()))
    for option in ("EX", "PX", "EXAT", "PXAT"):
        for name, command in (("hgetex", "HGETEX h {} {} FIELDS 1 a"),
                              ("hsetex", "HSETEX h {} {} FIELDS 1 a 1")):
            dialogue.check([(command.format(option, "x"), NOT_INTEGER),
                            (command.format(option, -1), NEGATIVE),
                            (command.format(option, LONG_MAX), invalid_expire(name))])
    dialogue.check([(f"HPEXPIREAT h {MAX_MS} FIELDS 1 a", array(1)),
                    ("HPEXPIRETIME h FIELDS 1 a", array(MAX_MS))])


def test_keys_of_other_types_are_refused(dialogue: Dialogue) -> None:
    dialogue.ok("SET h text")
    for command in EXPIRES:
        dialogue.check_all([f"{command} h {far(command)} FIELDS 1 a", f"{command} h x FOO 5 a"],
                           WRONGTYPE)
    for command in TELLS + ("HPERSIST", "HGETDEL", "HGETEX"):
        dialogue.check_all([f"{command} h FIELDS 1 a", f"{command} h FOO 5 a"], WRONGTYPE)
    dialogue.check([("HSETEX h FIELDS 1 a 1", WRONGTYPE),
                    ("HSETEX h PX x FIELDS 1 a 1", NOT_INTEGER), ("GET h", "text")])


def test_missing_keys_and_fields(dialogue: Dialogue) -> None:
    for key in ("missing", "h"):
        for command in EXPIRES:
            dialogue.check([(f"{command} {key} {far(command)} FIELDS 2 x y", array(-2, -2))])
        for command in TELLS + ("HPERSIST",):
            dialogue.check([(f"{command} {key} FIELDS 2 x y", array(-2, -2))])
        for command in ("HGETDEL {}", "HGETEX {}", "HGETEX {} EX 10", "HGETEX {} PERSIST"):
            dialogue.check([(command.format(key) + " FIELDS 2 x y", array(NULL, NULL))])
        dialogue.ok("HSET h a 1")
    dialogue.check([("HLEN h", 1), ("EXISTS missing", 0)])


# ---- setting, telling, dropping ----

def test_times_are_told_in_every_unit(dialogue: Dialogue, encoding: str) -> None:
    dialogue.ok("HSET h a 1 b 2")
    dialogue.check([
        (f"HPEXPIREAT h {FAR_MS + 1} FIELDS 1 a", array(1)), ("OBJECT ENCODING h", encoding),
        ("HPEXPIRETIME h FIELDS 3 a b c", array(FAR_MS + 1, -1, -2)),
        ("HEXPIRETIME h FIELDS 3 a b c", array(FAR_MS // 1000 + 1, -1, -2)),
        ("HEXPIRE h 1000 FIELDS 1 a", array(1)), ("HTTL h FIELDS 2 a b", array(1000, -1)),
        (f"HEXPIREAT h {FAR_MS // 1000} FIELDS 1 a", array(1)),
        ("HPEXPIRETIME h FIELDS 1 a", array(FAR_MS)), ("TTL h", -1)])
    left = dialogue.call("HPTTL h FIELDS 1 a")[0]
    assert abs(left - (FAR_MS - time.time() * 1000)) < 10_000
    dialogue.ok("HPEXPIRE h 1500 FIELDS 1 b")
    assert dialogue.call("HTTL h FIELDS 1 b") == [2]


def test_conditions(dialogue: Dialogue, encoding: str) -> None:
    dialogue.ok("HSET h a 1 b 2")
    at = FAR_MS

    def row(when: int, condition: str, *answers: int):
        return (f"HPEXPIREAT h {when} {condition} FIELDS 2 a b", array(*answers))
    dialogue.check([
        row(at, "XX", 0, 0), row(at, "GT", 0, 0), (f"HPEXPIREAT h {at} NX FIELDS 1 a", array(1)),
        row(at + 5, "NX", 0, 1), row(at, "GT", 0, 0), row(at + 1, "GT", 1, 0),
        row(at + 5, "LT", 0, 0), row(at + 4, "lt", 0, 1), row(at + 9, "XX", 1, 1),
        row(1, "NX", 0, 0), row(1, "GT", 0, 0), ("HPERSIST h FIELDS 1 b", array(1)),
        row(1, "LT", 2, 2), ("EXISTS h", 0)])


def test_a_time_that_has_passed_removes_the_field_at_once(
        dialogue: Dialogue, encoding: str) -> None:
    before = number(dialogue, "stats", "expired_subkeys")
    dialogue.ok("HSET h a 1 b 2 c 3 d 4 e 5")
    dialogue.check([
        ("HEXPIRE h 0 FIELDS 2 a a", array(2, -2)), ("HPEXPIREAT h 1 FIELDS 1 b", array(2)),
        ("HGETEX h PXAT 1 FIELDS 2 c x", array("3", NULL)), ("HSETEX h EX 0 FIELDS 1 d 9", 1),
        ("HGETALL h", mapping("e", "5")), ("HEXPIREAT h 1 FIELDS 1 e", array(2)), ("EXISTS h", 0),
        ("HSETEX h PXAT 1 FIELDS 2 a 1 b 2", 1), ("EXISTS h", 0)])
    assert number(dialogue, "stats", "expired_subkeys") - before == 7


def test_persisting(dialogue: Dialogue, encoding: str) -> None:
    dialogue.ok("HSET h a 1 b 2", "HEXPIRE h 1000 FIELDS 1 a")
    dialogue.check([
        ("HPERSIST h FIELDS 3 a b c", array(1, -1, -2)), ("HPERSIST h FIELDS 1 a", array(-1)),
        ("HTTL h FIELDS 1 a", array(-1)), ("OBJECT ENCODING h", encoding)])


def test_a_new_value_drops_the_time_but_that_of_a_sum_keeps_it(
        dialogue: Dialogue, encoding: str) -> None:
    dialogue.ok("HSET h a 1 b 2 c 3 d 4", f"HPEXPIREAT h {FAR_MS} FIELDS 4 a b c d",
                "HSET h a 5", "HINCRBY h b 1", "HINCRBYFLOAT h c 0.5", "HSETNX h d 9")
    dialogue.check([("HPEXPIRETIME h FIELDS 4 a b c d", array(-1, FAR_MS, FAR_MS, FAR_MS)),
                    ("HMGET h a b c d", array("5", "3", "3.5", "4"))])
    dialogue.ok("HDEL h b", "HSET h b 1")
    dialogue.check([("HTTL h FIELDS 1 b", array(-1))])


def test_a_short_hash_is_told_by_due_time(dialogue: Dialogue) -> None:
    dialogue.ok("HSET h a 1 b 2 c 3 d 4", f"HPEXPIREAT h {FAR_MS + 9} FIELDS 1 c",
                f"HPEXPIREAT h {FAR_MS} FIELDS 1 d")
    dialogue.check([("HKEYS h", array("d", "c", "a", "b")),
                    ("HPERSIST h FIELDS 1 d", array(1)), ("HKEYS h", array("c", "a", "b", "d")),
                    ("HSET h c 9 e 5", 1), ("HKEYS h", array("a", "b", "d", "c", "e")),
                    (f"HPEXPIREAT h {FAR_MS} FIELDS 2 b c", array(1, 1)),
                    ("HKEYS h", array("c", "b", "a", "d", "e"))])


def test_a_field_that_is_set_due_makes_room_for_the_next(dialogue: Dialogue) -> None:
    """All used to be set first: the hash became a table for fields that were gone at once."""
    dialogue.ok("CONFIG SET hash-max-listpack-entries 3", "HSET h a 1 b 2",
                "HSETEX h PXAT 1 FIELDS 3 c 3 d 4 e 5")
    dialogue.check([("OBJECT ENCODING h", "listpackex"), ("HMGET h a b c", array("1", "2", NULL)),
                    ("HSETEX h PXAT 1 FIELDS 3 a 3 b 4 e 5", 1), ("EXISTS h", 0),
                    ("HSETEX h PXAT 1 FIELDS 3 a 3 b 4 e 5", 1), ("EXISTS h", 0),
                    ("HSET h a 1 b 2 c 3", 3), ("HSETEX h PXAT 1 FIELDS 1 d 4", 1),
                    ("OBJECT ENCODING h", "hashtable"), ("HLEN h", 3)])
    dialogue.ok("CONFIG SET hash-max-listpack-entries 512")


def test_a_hash_with_times_becomes_a_table(dialogue: Dialogue) -> None:
    dialogue.ok("HSET h a 1", f"HPEXPIREAT h {FAR_MS} FIELDS 1 a")
    dialogue.ok(["HSET", "h", "b", "x" * 65])
    dialogue.check([("OBJECT ENCODING h", "hashtable"),
                    ("HPEXPIRETIME h FIELDS 2 a b", array(FAR_MS, -1))])


# ---- HGETEX, HSETEX, HGETDEL ----

def test_reading_with_a_new_time(dialogue: Dialogue, encoding: str) -> None:
    dialogue.ok("HSET h a 1 b 2")
    dialogue.check([
        ("HGETEX h FIELDS 2 a x", array("1", NULL)), ("HTTL h FIELDS 1 a", array(-1)),
        (f"HGETEX h PXAT {FAR_MS} FIELDS 3 a x b", array("1", NULL, "2")),
        ("HPEXPIRETIME h FIELDS 2 a b", array(FAR_MS, FAR_MS)),
        ("HGETEX h FIELDS 1 a", array("1")), ("HPEXPIRETIME h FIELDS 1 a", array(FAR_MS)),
        ("HGETEX h PERSIST FIELDS 1 a", array("1")), ("HPEXPIRETIME h FIELDS 2 a b",
                                                      array(-1, FAR_MS)),
        ("HGETEX h EX 100 FIELDS 1 a", array("1")), ("HTTL h FIELDS 1 a", array(100)),
        ("HGETEX h PX 200000 FIELDS 1 a", array("1")), ("HTTL h FIELDS 1 a", array(200)),
        (f"HGETEX h EXAT {FAR_MS // 1000} FIELDS 1 a", array("1")),
        ("HPEXPIRETIME h FIELDS 1 a", array(FAR_MS))])
    dialogue.check_all(["HGETEX h EX 10 PX 10 FIELDS 1 a", "HGETEX h PERSIST EX 10 FIELDS 1 a",
                        "HGETEX h KEEPTTL FIELDS 1 a", "HGETEX h FOO 10 FIELDS 1 a"], NO_FIELDS)


def test_setting_with_a_time(dialogue: Dialogue, encoding: str) -> None:
    dialogue.check([
        (f"HSETEX h PXAT {FAR_MS} FIELDS 2 a 1 b 2", 1), ("OBJECT ENCODING h", encoding),
        ("HPEXPIRETIME h FIELDS 2 a b", array(FAR_MS, FAR_MS)),
        ("HSETEX h KEEPTTL FIELDS 2 a 3 c 4", 1),
        ("HPEXPIRETIME h FIELDS 3 a b c", array(FAR_MS, FAR_MS, -1)),
        ("HSETEX h FIELDS 1 b 5", 1), ("HTTL h FIELDS 1 b", array(-1)),
        ("HMGET h a b c", array("3", "5", "4")), ("HSETEX h EX 100 FIELDS 1 b 6", 1),
        ("HTTL h FIELDS 1 b", array(100)), ("HSETEX h FIELDS 1 FIELDS FIELDS", 1),
        ("HGET h FIELDS", "FIELDS"), ("HSETEX h PX 100000 FIELDS 2 d 1 d 2", 1), ("HGET h d", "2"),
        ("HTTL h FIELDS 1 d", array(100))])


def test_setting_only_new_fields_or_only_old_ones(dialogue: Dialogue, encoding: str) -> None:
    dialogue.check([
        ("HSETEX h FXX FIELDS 1 a 1", 0), ("EXISTS h", 0), ("HSETEX h FNX FIELDS 2 a 1 b 2", 1),
        ("HSETEX h FNX FIELDS 2 b 9 c 9", 0), ("HSETEX h FXX FIELDS 2 b 9 c 9", 0),
        ("HSETEX h FXX EX 100 FIELDS 2 a 3 b 4", 1), ("HMGET h a b c", array("3", "4", NULL)),
        ("HTTL h FIELDS 2 a b", array(100, 100))])


def test_options_of_hsetex_are_read_in_turn(dialogue: Dialogue) -> None:
    dialogue.check_all(["HSETEX h EX 10 PX 10 FIELDS 1 a 1", "HSETEX h EX 10 KEEPTTL FIELDS 1 a 1",
                        "HSETEX h KEEPTTL KEEPTTL FIELDS 1 a 1", "HSETEX h EX 10 EX FIELDS 1 a 1"],
                       ONE_TIME)
    dialogue.check_all(["HSETEX h FNX FXX FIELDS 1 a 1", "HSETEX h FNX FNX PX x FIELDS 1 a 1"],
                       ONE_CONDITION)
    dialogue.check([
        ("HSETEX h FOO FIELDS 1 a 1", error("ERR unknown argument: FOO")),
        (["HSETEX", "h", "F\r\nO\r\n", "FIELDS", "1", "a", "1"],
         error("ERR unknown argument: F  O")),
        ("HSETEX h EX 10 20 FIELDS 1 a", error("ERR unknown argument: 20")),
        ("HSETEX h PX x FOO FIELDS 1 a 1", NOT_INTEGER), ("EXISTS h", 0)])


def test_reading_and_deleting(dialogue: Dialogue, encoding: str) -> None:
    dialogue.ok("HSET h a 1 b 2", f"HPEXPIREAT h {FAR_MS} FIELDS 1 b")
    dialogue.check([("HGETDEL h FIELDS 3 a x a", array("1", NULL, NULL)), ("HLEN h", 1),
                    ("HGETDEL h FIELDS 1 b", array("2")), ("EXISTS h", 0)])


# ---- the end of a field ----

def test_fields_leave_when_they_are_due(dialogue: Dialogue, encoding: str) -> None:
    before = number(dialogue, "stats", "expired_subkeys")
    dialogue.ok("HSET h a 1 b 2 c 3", "HPEXPIRE h 20 FIELDS 1 a", "HPEXPIRE h 700 FIELDS 1 b")
    assert number(dialogue, "keyspace", "subexpiry") == 1
    assert dialogue.call("HLEN h") == 3
    eventually(lambda: number(dialogue, "stats", "expired_subkeys") == before + 1)
    dialogue.check([("HGET h a", NULL), ("HKEYS h", array("b", "c"))] if encoding != "hashtable"
                   else [("HGET h a", NULL), ("HLEN h", 2)])
    eventually(lambda: number(dialogue, "stats", "expired_subkeys") == before + 2)
    dialogue.check([("HGETALL h", mapping("c", "3")), ("HTTL h FIELDS 2 a b", array(-2, -2))])


def test_the_key_leaves_with_its_last_field(dialogue: Dialogue, encoding: str) -> None:
    dialogue.ok("HSET h a 1 b 2", "HPEXPIRE h 10 FIELDS 2 a b", "WATCH h")
    eventually(lambda: dialogue.call("DBSIZE") == 0)
    dialogue.check([("EXISTS h", 0), ("TYPE h", b"+none\r\n")])
    dialogue.ok("MULTI", "PING")
    assert dialogue.raw("EXEC") in (b"*-1\r\n", b"_\r\n")
    assert number(dialogue, "keyspace", "subexpiry") == 0


@pytest.mark.target("fastredis", reason="others find due fields by sampling")
def test_a_field_is_gone_in_the_millisecond_in_which_it_is_due(
        dialogue: Dialogue, encoding: str) -> None:
    dialogue.ok(["HSET", "h", *(part for i in range(1000) for part in (f"f{i}", i))])
    dialogue.ok("HPEXPIRE h 40 FIELDS 1 f7")
    due_ms = dialogue.call("HPEXPIRETIME h FIELDS 1 f7")[0]
    while time.time() * 1000 < due_ms - 5:
        time.sleep(0.001)
    assert dialogue.call("HGET h f7") == b"7" or time.time() * 1000 >= due_ms
    while time.time() * 1000 <= due_ms:
        pass
    dialogue.check([("HGET h f7", NULL), ("HLEN h", 999)])


MOVES = {
    "stays": ("h", 0, []),
    "renamed": ("other", 0, ["RENAME h other"]),
    "renamed over another": ("other", 0, ["HSET other x 1", "HPEXPIRE other 999999 FIELDS 1 x",
                                          "RENAME h other"]),
    "moved": ("h", 1, ["MOVE h 1"]),
    "swapped": ("h", 1, ["SWAPDB 0 1"]),
    "copied": ("copy", 0, ["COPY h copy", "DEL h"]),
    "given a time of its own": ("h", 0, ["EXPIRE h 10000"]),
    "given and deprived of one": ("h", 0, ["EXPIRE h 10000", "PERSIST h"]),
    "turned into a table": ("h", 0, [["HSET", "h", "long", "x" * 100], "HDEL h long"]),
    "told another time": ("h", 0, ["HPEXPIRE h 999999 FIELDS 1 a", "HPEXPIRE h 120 FIELDS 1 a"]),
}


@pytest.mark.parametrize("how", list(MOVES))
def test_the_time_goes_along_with_the_hash(dialogue: Dialogue, encoding: str, how: str) -> None:
    key, database, commands = MOVES[how]
    before = number(dialogue, "stats", "expired_subkeys")
    dialogue.ok("HSET h a 1 b 2", "HPEXPIRE h 120 FIELDS 1 a", *commands, f"SELECT {database}")
    assert fields(dialogue, key) == [b"a", b"b"]
    assert dialogue.call(f"HPTTL {key} FIELDS 1 a")[0] > 0
    eventually(lambda: number(dialogue, "stats", "expired_subkeys") == before + 1)
    assert fields(dialogue, key) == [b"b"]
    assert number(dialogue, "keyspace", "subexpiry") in (0, 1)  # others go on to count the hash


@pytest.mark.parametrize("how", [
    "DEL h", "UNLINK h", "SET h x", "SET h x KEEPTTL", "SETRANGE h2 0 x", "FLUSHDB", "FLUSHALL",
    "RENAME other h", "HDEL h a b", "HGETDEL h FIELDS 2 a b", "GETDEL h2", "PEXPIREAT h 1",
    "COPY other h REPLACE", "SINTERSTORE h missing"])
def test_a_hash_that_has_gone_leaves_no_time_behind(
        dialogue: Dialogue, encoding: str, how: str) -> None:
    dialogue.ok("HSET h a 1 b 2", "HPEXPIRE h 30 FIELDS 2 a b", "HSET other x 1")
    dialogue.call(how)
    dialogue.ok("DEL h", "HSET h a 1 b 2")
    time.sleep(0.06)
    assert fields(dialogue) == [b"a", b"b"]
    dialogue.check([("HPERSIST h FIELDS 1 a", array(-1))])


@pytest.mark.target("fastredis", reason="the setting keeps others from deleting, but not from "
                                        "counting what is due")
def test_due_fields_are_not_seen_even_where_nothing_removes_them(
        dialogue: Dialogue, encoding: str) -> None:
    dialogue.ok("DEBUG SET-ACTIVE-EXPIRE 0")
    try:
        for command, reply in (
                ("HGET h a", NULL), ("HLEN h", 1), ("HGETALL h", mapping("b", "2")),
                ("HEXISTS h a", 0), ("HSTRLEN h a", 0), ("HTTL h FIELDS 1 a", array(-2)),
                ("HSET h a 9", 1), ("HSETNX h a 9", 1), ("HINCRBY h a 5", 5), ("HDEL h a", 0),
                ("HRANDFIELD h", "b"), ("HRANDFIELD h 5", array("b")), ("HVALS h", array("2")),
                ("HSCAN h 0", array("0", array("b", "2"))), ("HGETDEL h FIELDS 1 a", array(NULL)),
                ("HEXPIRE h 10 FIELDS 1 a", array(-2)), ("HPERSIST h FIELDS 1 a", array(-2)),
                ("HSETEX h FXX FIELDS 1 a 1", 0), ("HGETEX h EX 10 FIELDS 1 a", array(NULL))):
            dialogue.ok("DEL h", "HSET h a 1 b 2", "HPEXPIRE h 1 FIELDS 1 a")
            time.sleep(0.003)
            dialogue.check([(command, reply)])
    finally:
        dialogue.ok("DEBUG SET-ACTIVE-EXPIRE 1")


def test_a_pause_of_writes_hides_due_fields_and_keeps_them(
        dialogue: Dialogue, encoding: str) -> None:
    before = number(dialogue, "stats", "expired_subkeys")
    dialogue.ok("HSET h a 1 b 2", "HPEXPIRE h 20 FIELDS 1 a", "CLIENT PAUSE 300 WRITE")
    time.sleep(0.05)
    dialogue.check([("HGET h a", NULL), ("HGETALL h", mapping("b", "2"))])
    assert number(dialogue, "stats", "expired_subkeys") == before
    dialogue.ok("CLIENT UNPAUSE")
    eventually(lambda: number(dialogue, "stats", "expired_subkeys") == before + 1)


@pytest.mark.target("fastredis", reason="others take longer")
def test_many_fields_that_are_due_at_once_leave_in_slices(dialogue: Dialogue) -> None:
    before = number(dialogue, "stats", "expired_subkeys")
    for start in range(0, 100_000, 10_000):
        dialogue.ok(["HSET", "h", *(part for i in range(start, start + 10_000)
                                    for part in (f"field:{i}", i))])
    dialogue.ok("HSET h stays 1")
    for start in range(0, 100_000, 10_000):
        dialogue.ok(["HPEXPIREAT", "h", str(int(time.time() * 1000) + 400), "FIELDS", "10000",
                     *(f"field:{i}" for i in range(start, start + 10_000))])
    longest = 0.0
    end = time.monotonic() + 20
    while number(dialogue, "stats", "expired_subkeys") < before + 100_000:
        begun = time.monotonic()
        assert dialogue.call("HGET h stays") == b"1"
        longest = max(longest, time.monotonic() - begun)
        assert begun < end
    dialogue.check([("HLEN h", 1), ("HGETALL h", mapping("stays", "1"))])
    assert longest < 0.5


def test_dump_and_restore_keep_the_times(dialogue: Dialogue, encoding: str) -> None:
    dialogue.ok("HSET h a 1 b 2 c text", f"HPEXPIREAT h {FAR_MS} FIELDS 1 a",
                f"HPEXPIREAT h {FAR_MS + 77} FIELDS 1 c")
    payload = dialogue.call("DUMP h")
    dialogue.check([(["RESTORE", "copy", "0", payload], OK),
                    ("HPEXPIRETIME copy FIELDS 3 a b c", array(FAR_MS, -1, FAR_MS + 77)),
                    ("HMGET copy a b c", array("1", "2", "text"))])


def test_restored_fields_that_are_due_leave_at_once(dialogue: Dialogue, encoding: str) -> None:
    dialogue.ok("HSET h a 1 b 2", "HPEXPIRE h 30 FIELDS 1 a")
    payload = dialogue.call("DUMP h")
    dialogue.ok("DEL h")
    time.sleep(0.05)
    dialogue.ok(["RESTORE", "h", "0", payload])
    eventually(lambda: fields(dialogue) == [b"b"])
    dialogue.check([("HGET h a", NULL)])


# ---- bookkeeping ----

def test_changes_are_counted(dialogue: Dialogue) -> None:
    for command, expected in (
            ("HSET h a 1 b 2 c 3", 3), ("HEXPIRE h 100 FIELDS 3 a b x", 2),
            ("HEXPIRE h 100 NX FIELDS 3 a b x", 0), ("HPERSIST h FIELDS 3 a b c", 1),
            ("HPERSIST h FIELDS 3 a b c", 0), ("HGETEX h FIELDS 1 a", 0),
            ("HGETEX h EX 100 FIELDS 3 a b x", 2), ("HGETEX h PERSIST FIELDS 3 a b x", 2),
            ("HGETEX h PERSIST FIELDS 3 a b x", 0), ("HSETEX h EX 10 FIELDS 2 a 1 q 2", 2),
            ("HSETEX h FNX FIELDS 2 a 1 q 2", 0), ("HGETDEL h FIELDS 3 a q x", 2),
            ("HGETDEL h FIELDS 1 x", 0), ("HEXPIRE h 0 FIELDS 1 b", 1),
            ("HSETEX h PXAT 1 FIELDS 2 a 1 q 2", 2)):
        before = number(dialogue, "persistence", "rdb_changes_since_last_save")
        dialogue.call(command)
        after = number(dialogue, "persistence", "rdb_changes_since_last_save")
        assert after - before == expected, command


def test_times_that_change_abort_a_transaction_and_vain_ones_do_not(dialogue: Dialogue) -> None:
    other = dialogue.other()
    for command, aborts in (
            ("HEXPIRE h 100 FIELDS 1 a", True), ("HEXPIRE h 100 FIELDS 1 x", False),
            ("HEXPIRE h 100 XX FIELDS 1 a", False), ("HPERSIST h FIELDS 1 a", False),
            ("HPERSIST h FIELDS 1 t", True), ("HGETEX h FIELDS 1 a", False),
            ("HGETEX h EX 5 FIELDS 1 a", True), ("HGETEX h EX 5 FIELDS 1 x", False),
            ("HGETEX h PERSIST FIELDS 1 a", False), ("HGETDEL h FIELDS 1 x", False),
            ("HGETDEL h FIELDS 1 a", True), ("HSETEX h FNX FIELDS 1 a 1", False),
            ("HEXPIRE h 0 FIELDS 1 a", True), ("HTTL h FIELDS 1 t", False)):
        other.ok("DEL h", "HSET h a 1 b 2 t 3", "HEXPIRE h 1000 FIELDS 1 t")
        dialogue.ok("WATCH h")
        assert isinstance(other.call(command), (Array, int))
        dialogue.ok("MULTI", "PING")
        assert (dialogue.raw("EXEC") in (b"*-1\r\n", b"_\r\n")) == aborts, command
