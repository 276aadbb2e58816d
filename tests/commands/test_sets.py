"""Commands of the group `set`, member by member; whole sets: test_sets_algebra.py."""

from __future__ import annotations

import collections
from typing import List

import pytest

from .dialogue import (
    NOT_INTEGER, NULL, OK, QUEUED, SYNTAX, WRONGTYPE, Dialogue, arity, array, error, set_of)

POSITIVE = error("ERR value is out of range, must be positive")
LONG_RANGE = error("ERR value is out of range, value must between -9223372036854775807 and "
                   "9223372036854775807")
INVALID_CURSOR = error("ERR invalid cursor")
LONG_MAX = 2**63 - 1
LISTPACKS = pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="listpacks: since 7.2")
NOTHING_SCANNED = array("0", array())
# Members that make a set of each encoding, few enough for a small one or not.
KINDS = {"intset": "1 2 3 4 5 6", "listpack": "a b c d 5 6", "hashtable": "a b c d 5 " + "x" * 65}


def members(dialogue: Dialogue, key: str) -> List[bytes]:
    return sorted(dialogue.call(["SMEMBERS", key]))


def scan_all(dialogue: Dialogue, key: str, *options: str) -> List[bytes]:
    """All that one whole iteration returns, with repetitions."""
    cursor, found = b"0", []
    for _ in range(100_000):
        cursor, some = dialogue.call(["SSCAN", key, cursor, *options])
        found += some
        if cursor == b"0":
            return found
    raise AssertionError("SSCAN does not come to an end")


@pytest.fixture
def low_limits(dialogue: Dialogue):
    """Every encoding with few members."""
    dialogue.ok("CONFIG SET set-max-intset-entries 4 set-max-listpack-entries 6 "
                "set-max-listpack-value 8")
    yield
    dialogue.ok("CONFIG SET set-max-intset-entries 512 set-max-listpack-entries 128 "
                "set-max-listpack-value 64")


def test_wrong_numbers_of_arguments_are_refused(dialogue: Dialogue) -> None:
    for command in ("SADD", "SADD s", "SREM", "SREM s", "SCARD", "SCARD s x", "SISMEMBER s",
                    "SISMEMBER s a b", "SMISMEMBER s", "SMEMBERS", "SMEMBERS s x", "SMOVE s t",
                    "SMOVE s t a b", "SPOP", "SRANDMEMBER", "SSCAN s", "SSCAN"):
        dialogue.check([(command, arity(command.split()[0].lower()))])


def test_other_types_are_refused_by_every_command_and_not_changed(dialogue: Dialogue) -> None:
    dialogue.ok("SET k v", "SADD s a")
    dialogue.check_all(
        ["SADD k a", "SREM k a", "SCARD k", "SISMEMBER k a", "SMISMEMBER k a b", "SMEMBERS k",
         "SMOVE k s a", "SMOVE s k a", "SMOVE s k missing", "SPOP k", "SPOP k 0", "SPOP k 2",
         "SRANDMEMBER k", "SRANDMEMBER k 0", "SRANDMEMBER k -2", "SSCAN k 0", "SSCAN k 0 NO"],
        WRONGTYPE)
    dialogue.check([("GET k", "v"), ("SMEMBERS s", set_of("a"))])


def test_missing_keys_are_empty_sets(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SREM s a b", 0), ("SCARD s", 0), ("SISMEMBER s a", 0), ("SMISMEMBER s a b", array(0, 0)),
        ("SMEMBERS s", set_of()), ("SMOVE s t a", 0), ("SPOP s", NULL), ("SPOP s 3", set_of()),
        ("SRANDMEMBER s", NULL), ("SRANDMEMBER s 3", array()), ("SRANDMEMBER s -3", array()),
        ("SSCAN s 0", NOTHING_SCANNED), ("SSCAN s 7 COUNT 0", NOTHING_SCANNED),
        ("EXISTS s t", 0)])


# ---- adding and removing ----

def test_sadd_counts_new_members_and_srem_those_that_were_there(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SADD s a b a c", 3), ("SADD s a b", 0), ("SADD s c d", 1), ("SCARD s", 4),
        ("SREM s a missing d a", 2), ("SCARD s", 2), ("SISMEMBER s a", 0), ("SISMEMBER s b", 1),
        ("SMISMEMBER s a b c c", array(0, 1, 1, 1))])


@pytest.mark.parametrize("kind", KINDS)
def test_a_set_that_loses_its_last_member_is_gone(dialogue: Dialogue, kind: str) -> None:
    dialogue.ok(f"SADD s {KINDS[kind]}")
    dialogue.check([(f"SREM s {KINDS[kind]} more", 6), ("EXISTS s", 0), ("TYPE s", b"+none\r\n"),
                    (f"SADD s {KINDS[kind]}", 6), ("SCARD s", 6)])


def test_members_are_any_bytes_and_keep_their_form(dialogue: Dialogue) -> None:
    odd = [b"", b"\x00", b"\r\n", b"01", b"-0", b" 1", b"1 ", b"+1", b"1.0", b"\xff" * 300,
           b"9223372036854775807", b"9223372036854775808", b"-9223372036854775808", b"1"]
    for count in range(1, len(odd) + 1):
        dialogue.ok("DEL s")
        dialogue.check([(["SADD", "s", *odd[:count]], count), ("SCARD s", count),
                        (["SMISMEMBER", "s", *odd], array(*[int(at < count) for at, _ in
                                                            enumerate(odd)]))])
        assert members(dialogue, "s") == sorted(odd[:count])


@LISTPACKS
def test_small_sets_keep_an_order(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SADD n 30 -5 7", 3), ("SMEMBERS n", set_of("-5", "7", "30")),
        ("SADD n x 1", 2), ("SMEMBERS n", set_of("-5", "7", "30", "x", "1")),
        ("SREM n 7", 1), ("SMEMBERS n", set_of("-5", "30", "x", "1")),
        ("SSCAN n 0 MATCH [0-9]*", array("0", array("30", "1")))])


def test_adding_many_members_at_once(dialogue: Dialogue) -> None:
    many = [b"member:%d" % number for number in range(20_000)]
    dialogue.check([(["SADD", "s", *many], 20_000), (["SADD", "s", *many[:500], "new"], 1),
                    ("SCARD s", 20_001), (["SREM", "s", *many[:19_999]], 19_999),
                    (["SMISMEMBER", "s", many[0], many[-1], "new"], array(0, 1, 1))])


# ---- encodings ----

@LISTPACKS
def test_the_limits_decide_the_encoding_and_nothing_goes_back(
        dialogue: Dialogue, low_limits: None) -> None:
    dialogue.check([
        ("SADD n 1 2 3 4", 4), ("OBJECT ENCODING n", "intset"),
        ("SADD n 5", 1), ("OBJECT ENCODING n", "hashtable"),
        ("SREM n 5 4 3", 3), ("OBJECT ENCODING n", "hashtable"),
        ("SADD m 1 2 3", 3), ("SADD m x", 1), ("OBJECT ENCODING m", "listpack"),
        ("SREM m x", 1), ("OBJECT ENCODING m", "listpack"),
        ("SADD m 4 5 6", 3), ("OBJECT ENCODING m", "listpack"),
        ("SADD m 7", 1), ("OBJECT ENCODING m", "hashtable"),
        ("SADD v 12345678", 1), ("SADD v abcdefgh", 1), ("OBJECT ENCODING v", "listpack"),
        ("SADD v abcdefghi", 1), ("OBJECT ENCODING v", "hashtable"),
        ("SADD w 123456789", 1), ("OBJECT ENCODING w", "intset"),
        ("SADD w a", 1), ("OBJECT ENCODING w", "hashtable")])


@LISTPACKS
def test_the_number_of_arguments_announces_the_size(
        dialogue: Dialogue, low_limits: None) -> None:
    dialogue.check([
        ("SADD a 1 1 1 1", 1), ("OBJECT ENCODING a", "intset"),
        ("SADD b 1 1 1 1 1", 1), ("OBJECT ENCODING b", "listpack"),
        ("SADD c 1 1 1 1 1 1 1", 1), ("OBJECT ENCODING c", "hashtable"),
        ("SADD d x x x x x x", 1), ("OBJECT ENCODING d", "listpack"),
        ("SADD d x x x x x x x", 0), ("OBJECT ENCODING d", "hashtable"),
        ("SADD a 1 1 1 1 1", 0), ("OBJECT ENCODING a", "hashtable")])


def test_default_limits_are_those_of_redis(dialogue: Dialogue) -> None:
    dialogue.ok(["SADD", "n", *range(512)])
    dialogue.check([("OBJECT ENCODING n", "intset"), ("SADD n 512", 1),
                    ("OBJECT ENCODING n", "hashtable")])


# ---- SMOVE ----

def test_smove_moves_one_member(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SADD s a b", 2), ("SMOVE s t a", 1), ("SMEMBERS t", set_of("a")),
        ("SMEMBERS s", set_of("b")), ("SMOVE s t missing", 0), ("SADD s a", 1),
        ("SMOVE s t a", 1), ("SMEMBERS t", set_of("a")), ("SMOVE s t b", 1), ("EXISTS s", 0),
        ("SCARD t", 2)])


def test_smove_within_one_set_asks_whether_it_is_there(dialogue: Dialogue) -> None:
    dialogue.check([("SADD s a b", 2), ("SMOVE s s a", 1), ("SMOVE s s c", 0), ("SCARD s", 2)])


def test_smove_from_a_missing_set_looks_at_no_type(dialogue: Dialogue) -> None:
    dialogue.ok("SET k v")
    dialogue.check([("SMOVE missing k a", 0)])


# ---- SPOP ----

def test_spop_refuses_counts_before_it_looks_at_the_key(dialogue: Dialogue) -> None:
    dialogue.ok("SADD s a", "SET k v")
    dialogue.check_all([f"SPOP {key} {count}" for key in ("s", "k", "missing")
                        for count in ("-1", "x", "", "1.5", 2**63, -2**63) if count != ""],
                       POSITIVE)
    dialogue.check([("SPOP s 1 2", SYNTAX), ("SPOP s x y", SYNTAX), ("SPOP s 0", set_of()),
                    ("SCARD s", 1)])


@pytest.mark.parametrize("kind", KINDS)
def test_spop_takes_each_member_once(dialogue: Dialogue, kind: str) -> None:
    wanted = sorted(member.encode() for member in KINDS[kind].split())
    dialogue.ok(f"SADD s {KINDS[kind]}")
    found = [dialogue.call("SPOP s") for _ in wanted]
    assert sorted(found) == wanted
    dialogue.check([("EXISTS s", 0), ("SPOP s", NULL)])


@pytest.mark.parametrize("size", [6, 60, 3000])
@pytest.mark.parametrize("prefix", ["", "member:"])
def test_spop_with_count_returns_distinct_members(
        dialogue: Dialogue, size: int, prefix: str) -> None:
    every = sorted(b"%s%d" % (prefix.encode(), number) for number in range(size))
    for count in (1, size // 4, size // 2, size - size // 10, size - 1):
        dialogue.ok("DEL s", ["SADD", "s", *every])
        popped = dialogue.call(f"SPOP s {count}")
        assert len(popped) == count
        assert sorted(list(popped) + members(dialogue, "s")) == every
    for count in (size, size + 1, LONG_MAX):
        dialogue.ok("DEL s", ["SADD", "s", *every])
        assert sorted(dialogue.call(f"SPOP s {count}")) == every
        dialogue.check([("EXISTS s", 0)])


# ---- SRANDMEMBER ----

def test_srandmember_refuses_what_is_no_count(dialogue: Dialogue) -> None:
    dialogue.ok("SADD s a", "SET k v")
    dialogue.check([
        ("SRANDMEMBER s x", NOT_INTEGER), ("SRANDMEMBER k x", NOT_INTEGER),
        (f"SRANDMEMBER s {2**63}", NOT_INTEGER), (f"SRANDMEMBER s {-2**63}", LONG_RANGE),
        (f"SRANDMEMBER k {-2**63}", LONG_RANGE), ("SRANDMEMBER s 1 2", SYNTAX),
        (f"SRANDMEMBER missing {-2**63 + 1}", array())])


@pytest.mark.target("fastredis", reason="Redis builds the reply, whatever its length")
def test_srandmember_refuses_a_reply_of_more_than_512_megabytes(dialogue: Dialogue) -> None:
    refused = error("ERR count is out of range, the reply would exceed 512 MB")
    dialogue.ok("SADD s a", ["SADD", "long", b"x" * (8 << 20)])
    dialogue.check([(f"SRANDMEMBER s {-2**63 + 1}", refused), ("SRANDMEMBER s -100000000", refused),
                    ("SRANDMEMBER long -65", refused), ("SRANDMEMBER s -2", array("a", "a"))])


@pytest.mark.parametrize("kind", KINDS)
def test_srandmember_draws_members_and_removes_none(dialogue: Dialogue, kind: str) -> None:
    wanted = sorted(member.encode() for member in KINDS[kind].split())
    dialogue.ok(f"SADD s {KINDS[kind]}")
    assert {dialogue.call("SRANDMEMBER s") for _ in range(200)} == set(wanted)
    assert set(dialogue.call("SRANDMEMBER s -200")) == set(wanted)
    assert len(dialogue.call("SRANDMEMBER s -200")) == 200
    for count in range(1, 6):
        drawn = dialogue.call(f"SRANDMEMBER s {count}")
        assert len(set(drawn)) == count and set(drawn) <= set(wanted)
    for count in (6, 7, LONG_MAX):
        assert sorted(dialogue.call(f"SRANDMEMBER s {count}")) == wanted
    dialogue.check([("SCARD s", 6), ("SRANDMEMBER s 0", array())])


def test_srandmember_of_a_big_set_is_even(dialogue: Dialogue) -> None:
    """20,000 draws of 10 out of 1000: 200 a member, and six standard deviations are 85."""
    dialogue.ok(["SADD", "s", *[b"member:%d" % number for number in range(1000)]])
    drawn: collections.Counter = collections.Counter()
    for count in (-10, 10):
        for _ in range(1000):
            drawn.update(dialogue.call(f"SRANDMEMBER s {count}"))
    assert len(drawn) == 1000 and max(drawn.values()) < 60
    assert sum(drawn.values()) == 20_000


# ---- SSCAN ----

def test_sscan_refuses_wrong_options_in_the_order_of_redis(dialogue: Dialogue) -> None:
    dialogue.ok("SADD s a b 1", "SET k v")
    dialogue.check([
        ("SSCAN s x", INVALID_CURSOR), ("SSCAN k x", INVALID_CURSOR),
        ("SSCAN missing x", INVALID_CURSOR),
        ("SSCAN k 0 NO", WRONGTYPE), ("SSCAN missing 0 NO", NOTHING_SCANNED),
        ("SSCAN s 0 NO", SYNTAX), ("SSCAN s 0 MATCH", SYNTAX), ("SSCAN s 0 COUNT", SYNTAX),
        ("SSCAN s 0 COUNT 0", SYNTAX), ("SSCAN s 0 COUNT x", NOT_INTEGER),
        ("SSCAN s 0 TYPE set", SYNTAX)])


@pytest.mark.target("fastredis", "redis>=7.4", reason="NOVALUES: since 7.4")
def test_sscan_names_the_option_of_hscan(dialogue: Dialogue) -> None:
    dialogue.ok("SADD s a")
    dialogue.check([("SSCAN s 0 NOVALUES",
                     error("ERR NOVALUES option can only be used in HSCAN"))])


def test_sscan_returns_small_sets_at_once(dialogue: Dialogue) -> None:
    dialogue.ok("SADD s 1 2 3 10")
    dialogue.check([
        ("SSCAN s 0 COUNT 1", array("0", array("1", "2", "3", "10"))),
        ("SSCAN s 0 MATCH 1*", array("0", array("1", "10"))),
        ("sscan s 0 match 1 count 5 match *", array("0", array("1", "2", "3", "10")))])


def test_sscan_visits_every_member_of_a_big_set(dialogue: Dialogue) -> None:
    every = [b"member:%d" % number for number in range(3000)]
    dialogue.ok(["SADD", "s", *every])
    for options in ((), ("COUNT", "1"), ("COUNT", "100"), ("COUNT", str(LONG_MAX))):
        assert sorted(scan_all(dialogue, "s", *options)) == sorted(every)
    assert sorted(scan_all(dialogue, "s", "MATCH", "*:1?")) == sorted(
        b"member:1%d" % digit for digit in range(10))


def test_sscan_misses_nothing_while_the_set_grows_and_shrinks(dialogue: Dialogue) -> None:
    staying = {b"stay:%d" % number for number in range(1000)}
    dialogue.ok(["SADD", "s", *staying])
    cursor, found, round_number = b"0", set(), 0
    while round_number == 0 or cursor != b"0":
        cursor, some = dialogue.call(["SSCAN", "s", cursor, "COUNT", "20"])
        found.update(some)
        coming = [b"coming:%d:%d" % (round_number, number) for number in range(400)]
        if round_number < 10:
            dialogue.ok(["SADD", "s", *coming])
        elif round_number < 20:
            dialogue.ok(["SREM", "s", *[name.replace(b"%d:" % round_number,
                                                     b"%d:" % (round_number - 10))
                                        for name in coming]])
        round_number += 1
    assert staying <= found


# ---- the value as a whole ----

@pytest.mark.parametrize("kind", KINDS)
def test_a_set_is_copied_dumped_and_restored_whole(dialogue: Dialogue, kind: str) -> None:
    dialogue.ok(f"SADD s {KINDS[kind]}")
    encoding = dialogue.call("OBJECT ENCODING s")
    wanted = members(dialogue, "s")
    payload = dialogue.call("DUMP s")
    dialogue.check([("COPY s copy", 1), (["RESTORE", "restored", "0", payload], OK),
                    ("SADD s more", 1), ("RENAME s renamed", OK)])
    for key in ("copy", "restored"):
        assert members(dialogue, key) == wanted
        assert dialogue.call(["OBJECT", "ENCODING", key]) == encoding
    dialogue.check([("SCARD renamed", 7), ("DEL copy restored renamed", 3)])


def test_memory_usage_grows_with_the_members(dialogue: Dialogue) -> None:
    used = []
    for count in (1, 100, 1000, 10_000):
        dialogue.ok(["SADD", "s", *[b"member:%07d" % number for number in range(count)]])
        used.append(dialogue.call("MEMORY USAGE s SAMPLES 0"))
    assert used == sorted(used)
    assert 25 * 10_000 < used[-1] < 90 * 10_000


def test_changes_are_counted_for_the_next_save(dialogue: Dialogue) -> None:
    def changes(command: str) -> int:
        before = _dirty(dialogue)
        dialogue.ok(command)
        return _dirty(dialogue) - before

    assert [changes(command) for command in (
        "SADD s a b c d e f", "SADD s a b", "SADD s a g", "SREM s a b x", "SREM s x", "SMOVE s t c",
        "SADD t d", "SMOVE s t d", "SMOVE s t x", "SMOVE t t c", "SPOP s", "SPOP s 0", "SPOP s 9",
        "SINTERSTORE u t t", "SINTERSTORE u missing", "SINTERSTORE u missing", "SUNIONSTORE u t s",
        "SDIFFSTORE u t s")] == [6, 0, 1, 2, 0, 2, 1, 1, 0, 0, 1, 0, 2, 1, 1, 0, 1, 1]


def _dirty(dialogue: Dialogue) -> int:
    info = bytes(dialogue.call("INFO persistence"))
    return int(info.split(b"rdb_changes_since_last_save:")[1].split(b"\r\n")[0])


def test_sets_work_in_transactions_and_touch_watched_keys(dialogue: Dialogue) -> None:
    other = dialogue.other()
    dialogue.ok("SADD s a")
    for changing, aborts in (("SADD s a", False), ("SADD s b", True), ("SREM s x", False),
                             ("SREM s b", True), ("SMOVE s t x", False), ("SPOP s 0", False)):
        dialogue.ok("WATCH s")
        other.ok(changing)
        dialogue.check([("MULTI", OK), ("SCARD s", QUEUED)])
        assert isinstance(dialogue.call("EXEC"), list) != aborts, changing
