"""XADD, XLEN, XRANGE, XREVRANGE, XDEL, XTRIM, XSETID: the entries of a stream.

IDs are explicit, so that replies are exact; nodes are made small where their borders matter.
"""

from __future__ import annotations

import re
import time

import pytest

from .dialogue import (
    NOT_INTEGER, NULL, NULL_ARRAY, OK, SYNTAX, WRONGTYPE, Dialogue, arity, array, bulk, error,
    mapping, simple)

INVALID_ID = error("ERR Invalid stream ID specified as stream command argument")
SMALL_ID = error("ERR The ID specified in XADD is equal or smaller than the target stream top item")
EXHAUSTED = error(
    "ERR The stream has exhausted the last possible ID, unable to add more items")
LAST_ID = "18446744073709551615-18446744073709551615"
NEW = pytest.mark.target("fastredis", "redis>=7.4", "valkey", reason="7.0 does otherwise")
REDIS_8 = pytest.mark.target("fastredis", "redis>=8.0", reason="Valkey and 7.0 do otherwise")
NODE_SIZES = [(100, 4096), (3, 0), (0, 64), (1, 1), (0, 0)]


def entry(id_text: str, *texts: str):
    """An entry as replies hold it."""
    return array(id_text, array(*texts))


def node_limits(dialogue: Dialogue, entries: int, size: int) -> None:
    """The limits of stream nodes."""
    dialogue.ok(f"CONFIG SET stream-node-max-entries {entries} stream-node-max-bytes {size}")


@pytest.fixture(params=NODE_SIZES, ids=lambda pair: f"{pair[0]}-entries-{pair[1]}-bytes")
def nodes(request: pytest.FixtureRequest, dialogue: Dialogue):
    """A dialogue with nodes of each size; the usual one afterwards."""
    node_limits(dialogue, *request.param)
    yield dialogue
    node_limits(dialogue, *NODE_SIZES[0])


def filled(dialogue: Dialogue, count: int, key: str = "s") -> None:
    """Entries 1-1 to count-1 with the field f."""
    dialogue.ok(*[f"XADD {key} {i}-1 f v{i}" for i in range(1, count + 1)])


def ids(dialogue: Dialogue, command: str):
    """The IDs that a range answers."""
    return [found[0].decode() for found in dialogue.call(command)]


# ---- XADD ----


def test_xadd_takes_ids_that_grow(dialogue: Dialogue) -> None:
    dialogue.check([
        ("XADD s 1-1 a b", "1-1"), ("XADD s 1-2 a b", "1-2"), ("XADD s 2 a b", "2-0"),
        ("XADD s 2-0 a b", SMALL_ID), ("XADD s 1-9 a b", SMALL_ID), ("XADD s 2-* a b", "2-1"),
        ("XADD s 2-* a b", "2-2"), ("XADD s 1-* a b", SMALL_ID), ("XADD s 7-* a b", "7-0"),
        ("XLEN s", 6), ("TYPE s", simple("stream")), ("OBJECT ENCODING s", "stream")])


@NEW
def test_xadd_star_takes_the_time_or_the_next_id(dialogue: Dialogue) -> None:
    before = time.time_ns() // 1_000_000
    first = dialogue.call("XADD s * a b").decode()
    second = dialogue.call("XADD s * a b").decode()
    after = time.time_ns() // 1_000_000
    assert before - 1000 <= int(first.split("-")[0]) <= after + 1000
    assert tuple(map(int, first.split("-"))) < tuple(map(int, second.split("-")))
    dialogue.check([
        ("XADD s 9999999999999-7 a b", "9999999999999-7"),
        ("XADD s * a b", "9999999999999-8"),
        ("XADD s 9999999999999-18446744073709551615 a b",
         "9999999999999-18446744073709551615"),
        ("XADD s 9999999999999-* a b", SMALL_ID),
        ("XADD s * a b", "10000000000000-0")])


def test_the_first_id_is_above_zero(dialogue: Dialogue) -> None:
    zero = error("ERR The ID specified in XADD must be greater than 0-0")
    dialogue.check([
        ("XADD s 0-0 a b", zero), ("XADD s 0 a b", zero), ("EXISTS s", 0),
        ("XADD s 0-* a b", "0-1"), ("XADD s 0-1 a b", SMALL_ID), ("XADD s 0-2 a b", "0-2")])


def test_after_the_last_id_nothing_can_be_added(dialogue: Dialogue) -> None:
    dialogue.check([
        (f"XADD s {LAST_ID} a b", LAST_ID), ("XADD s * a b", EXHAUSTED),
        ("XADD s 1-1 a b", EXHAUSTED), ("XADD s 18446744073709551615-* a b", EXHAUSTED),
        ("XLEN s", 1), (f"XRANGE s ({LAST_ID} +",
                        error("ERR invalid start ID for the interval")),
        (f"XREAD STREAMS s {LAST_ID}", NULL_ARRAY)])


@pytest.mark.parametrize("text", [
    "x", "1-", "-1", "1--1", "1-2-3", "-", "+", "$", ">", "1-x", "18446744073709551616", "*-1",
    "1-18446744073709551616", "\"\"", "0" * 128])
def test_what_is_no_id_is_refused(dialogue: Dialogue, text: str) -> None:
    dialogue.check([(f"XADD s {text} a b", INVALID_ID), (f"XDEL s {text}", 0), ("EXISTS s", 0)])
    filled(dialogue, 1)
    dialogue.check([(f"XDEL s {text}", INVALID_ID), (f"XACK s g {text}", 0),
                    (f"XSETID s {text}", INVALID_ID), ("XLEN s", 1)])


def test_ids_are_read_as_leniently_as_redis_reads_them(dialogue: Dialogue) -> None:
    dialogue.check([
        ("XADD s 05-01 a b", "5-1"), ('XADD s " 6- 3" a b', "6-3"), ("XADD s +7-+4 a b", "7-4"),
        ('XADD s "8- -2" a b', "8-18446744073709551614"), ('XADD s "9\\x00-3" a b', "9-0"),
        ('XDEL s "6-3\\x00x"', 1), ("XLEN s", 4)])


def test_xadd_needs_pairs_of_field_and_value(dialogue: Dialogue) -> None:
    dialogue.check_all(
        ["XADD", "XADD s", "XADD s 1-1", "XADD s 1-1 a", "XADD s 1-1 a b c", "XADD s * a b c",
         "XADD s MAXLEN 1 1-1 a", "XADD s NOMKSTREAM 1-1 a", "XADD s 0-0 a b c"], arity("xadd"))
    dialogue.check([("EXISTS s", 0)])


def test_nomkstream_makes_no_stream(dialogue: Dialogue) -> None:
    dialogue.check([
        ("XADD s NOMKSTREAM 1-1 a b", NULL), ("EXISTS s", 0), ("XADD s 1-1 a b", "1-1"),
        ("XADD s nomkstream MAXLEN 1 2-1 a b", "2-1"), ("XLEN s", 1)])


def test_fields_and_values_come_back_as_they_were(nodes: Dialogue) -> None:
    texts = ["", "0", "-1", "127", "128", "-4096", "4096", "32768", "8388608", "2147483648",
             "9223372036854775807", "9223372036854775808", "-9223372036854775808", "01", "-0",
             "1.5", "x" * 63, "x" * 64, "y" * 4095, "y" * 4096, "z" * 70000]
    pairs = [text for value in texts for text in (f"f{value[:5]}", value)]
    nodes.check([
        (["XADD", "s", "1-1", *pairs], "1-1"), ("XADD s 2-1 f v", "2-1"),
        (["XADD", "s", "3-1", *pairs], "3-1"), (["XADD", "s", "4-1", b"\x00\xff", b"\r\n"], "4-1"),
        ("XRANGE s 1 3", array(entry("1-1", *pairs), entry("2-1", "f", "v"),
                               entry("3-1", *pairs))),
        ("XRANGE s 4 4", array(array("4-1", b"*2\r\n$2\r\n\x00\xff\r\n$2\r\n\r\n\r\n")))])


# ---- ranges ----


def test_ranges_have_ends_that_may_be_left_out_or_excluded(nodes: Dialogue) -> None:
    filled(nodes, 9)
    for command, expected in [
            ("XRANGE s - +", range(1, 10)), ("XRANGE s 3 5", range(3, 6)),
            ("XRANGE s (3-1 (5-1", range(4, 5)), ("XRANGE s 3-2 5-0", range(4, 5)),
            ("XRANGE s (3 (5", range(3, 6)), ("XRANGE s 8 99", range(8, 10)),
            ("XRANGE s 5 3", ()), ("XRANGE s + -", ()), ("XRANGE s - + COUNT 2", (1, 2)),
            ("XREVRANGE s + -", range(9, 0, -1)), ("XREVRANGE s 5 3", (5, 4, 3)),
            ("XREVRANGE s (5-1 (3-1", (4,)), ("XREVRANGE s + - COUNT 3 COUNT 2", (9, 8)),
            ("XREVRANGE s - +", ())]:
        assert ids(nodes, command) == [f"{i}-1" for i in expected], command


def test_a_count_of_zero_answers_null(dialogue: Dialogue) -> None:
    filled(dialogue, 2)
    dialogue.check([
        ("XRANGE s - + COUNT 0", NULL_ARRAY), ("XREVRANGE s + - COUNT -5", NULL_ARRAY),
        ("XRANGE missing - + COUNT 0", array()), ("XRANGE missing - +", array()),
        ("XREVRANGE missing + -", array())])


def test_arguments_of_ranges_are_checked(dialogue: Dialogue) -> None:
    filled(dialogue, 1)
    dialogue.check_all(["XRANGE s x +", "XRANGE s - x", "XRANGE s (- +", "XRANGE s - (+",
                        "XRANGE s ( +", "XREVRANGE s x -", "XREVRANGE s + x"], INVALID_ID)
    dialogue.check([
        ("XRANGE s - (0-0", error("ERR invalid end ID for the interval")),
        ("XRANGE s - + COUNT", SYNTAX), ("XRANGE s - + COUNT x", NOT_INTEGER),
        ("XRANGE s - + FOO 1", SYNTAX), ("XRANGE s -", arity("xrange")),
        ("XREVRANGE s -", arity("xrevrange")), ("XLEN", arity("xlen")), ("XLEN missing", 0)])


# ---- XDEL ----


def test_deleted_entries_are_gone_from_ranges(nodes: Dialogue) -> None:
    filled(nodes, 9)
    nodes.check([("XDEL s 3-1 4-1 4-1 8 99-1", 2), ("XLEN s", 7), ("XDEL s 3-1", 0)])
    assert ids(nodes, "XRANGE s - +") == [f"{i}-1" for i in (1, 2, 5, 6, 7, 8, 9)]
    assert ids(nodes, "XREVRANGE s 5 2") == ["5-1", "2-1"]
    nodes.check([("XDEL s 1-1 2-1 5-1 6-1 7-1 8-1 9-1", 7), ("XLEN s", 0), ("EXISTS s", 1),
                 ("XRANGE s - +", array()), ("XADD s 9-1 a b", SMALL_ID),
                 ("XADD s 9-2 a b", "9-2"), ("XLEN s", 1)])


def test_xdel_checks_all_ids_before_it_deletes(dialogue: Dialogue) -> None:
    filled(dialogue, 2)
    dialogue.check([("XDEL s 1-1 x", INVALID_ID), ("XLEN s", 2), ("XDEL missing 1-1", 0),
                    ("XDEL s", arity("xdel"))])


# ---- trimming ----


def test_exact_trimming_leaves_exactly_what_is_asked(nodes: Dialogue) -> None:
    filled(nodes, 20)
    nodes.check([
        ("XTRIM s MAXLEN 15", 5), ("XLEN s", 15), ("XTRIM s MAXLEN = 15", 0),
        ("XTRIM s MAXLEN 99", 0), ("XTRIM s MINID 8-2", 3), ("XTRIM s MINID = 10", 1),
        ("XADD s MAXLEN 4 21-1 f v21", "21-1"), ("XLEN s", 4),
        ("XADD s MINID 20 22-1 f v22", "22-1"), ("XADD s maxlen = 2 23-1 f v23", "23-1")])
    assert ids(nodes, "XRANGE s - +") == ["22-1", "23-1"]
    nodes.check([("XTRIM s MAXLEN 0", 2), ("XLEN s", 0), ("EXISTS s", 1),
                 ("XADD s MAXLEN 0 24-1 a b", "24-1"), ("XLEN s", 0),
                 ("XTRIM missing MAXLEN 0", 0)])


def test_approximate_trimming_removes_whole_nodes(dialogue: Dialogue) -> None:
    node_limits(dialogue, 10, 0)
    filled(dialogue, 95)
    dialogue.check([
        ("XTRIM s MAXLEN ~ 90", 0), ("XTRIM s MAXLEN ~ 85", 10),
        ("XTRIM s MAXLEN ~ 0 LIMIT 25", 20), ("XTRIM s MINID ~ 41-1", 10),
        ("XTRIM s MINID ~ 45-1", 0), ("XTRIM s MINID ~ 99 LIMIT 5", 0),
        ("XTRIM s MINID ~ 99 LIMIT 0", 55), ("XLEN s", 0)])
    node_limits(dialogue, *NODE_SIZES[0])


def test_without_a_limit_a_hundred_nodes_go_at_once(dialogue: Dialogue) -> None:
    node_limits(dialogue, 2, 0)
    filled(dialogue, 300)
    dialogue.check([("XTRIM s MAXLEN ~ 0", 200), ("XTRIM s MAXLEN ~ 0", 100)])
    node_limits(dialogue, *NODE_SIZES[0])


def test_options_of_trimming_are_checked(dialogue: Dialogue) -> None:
    filled(dialogue, 3)
    both = error("ERR syntax error, MAXLEN and MINID options at the same time are not compatible")
    dialogue.check([
        ("XTRIM s MAXLEN", arity("xtrim")), ("XTRIM s FOO 1", SYNTAX),
        ("XTRIM s MAXLEN 1 FOO", SYNTAX),
        ("XTRIM s MAXLEN x", NOT_INTEGER), ("XTRIM s MAXLEN -1",
                                           error("ERR The MAXLEN argument must be >= 0.")),
        ("XTRIM s MAXLEN ~", NOT_INTEGER), ("XTRIM s MINID x", INVALID_ID),
        ("XTRIM s MINID +", INVALID_ID),
        ("XTRIM s MAXLEN 1 MINID 1", both), ("XTRIM s MAXLEN 1 MAXLEN 1", both),
        ("XADD s MINID 1 MAXLEN 1 9-1 a b", both),
        ("XTRIM s MAXLEN ~ 1 LIMIT -1", error("ERR The LIMIT argument must be >= 0.")),
        ("XTRIM s MAXLEN ~ 1 LIMIT x", NOT_INTEGER),
        ("XTRIM s MAXLEN = 1 LIMIT 1",
         error("ERR syntax error, LIMIT cannot be used without the special ~ option")),
        ("XTRIM s LIMIT 1 LIMIT 2", error(
            "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy")),
        ("XTRIM s NOMKSTREAM 1", SYNTAX), ("XLEN s", 3)])


def test_a_limit_of_zero_is_not_missed_a_strategy(dialogue: Dialogue) -> None:
    """LIMIT 0 stands for no limit, so nothing says that it needs a strategy: other checks speak."""
    filled(dialogue, 3)
    exact = error("ERR syntax error, LIMIT cannot be used without the special ~ option")
    dialogue.check([
        ("XTRIM s LIMIT 0",
         error("ERR syntax error, XTRIM must be called with a trimming strategy")),
        ("XTRIM s MAXLEN 1 LIMIT 0", exact), ("XADD s LIMIT 0 9-1 a b", exact),
        ("XADD s LIMIT 1 LIMIT 0 9-1 a b", exact), ("XLEN s", 3)])


# ---- XSETID ----


def test_xsetid_sets_the_counters(dialogue: Dialogue) -> None:
    filled(dialogue, 3)
    dialogue.check([
        ("XDEL s 2-1", 1), ("XSETID s 9-9 ENTRIESADDED 50 MAXDELETEDID 5-5", OK),
        ("XINFO STREAM s", mapping(
            "length", 2, "radix-tree-keys", 1, "radix-tree-nodes", 2, "last-generated-id", "9-9",
            "max-deleted-entry-id", "5-5", "entries-added", 50, "recorded-first-entry-id", "1-1",
            "groups", 0, "first-entry", entry("1-1", "f", "v1"),
            "last-entry", entry("3-1", "f", "v3"))),
        ("XADD s 9-* a b", "9-10"), ("XSETID s 10", OK), ("XADD s * a b", re.compile(rb"\$.*",
                                                                                 re.DOTALL))])


@NEW
def test_xsetid_refuses_what_contradicts_the_stream(dialogue: Dialogue) -> None:
    filled(dialogue, 3)
    smaller = "ERR The ID specified in XSETID is smaller than "
    dialogue.check([
        ("XSETID s 2-1", error(smaller + "the target stream top item")),
        ("XSETID s 9-9 ENTRIESADDED 2", error(
            "ERR The entries_added specified in XSETID is smaller than the target stream length")),
        ("XSETID s 9-9 ENTRIESADDED -1", error("ERR entries_added must be positive")),
        ("XSETID s 9-9 ENTRIESADDED x", NOT_INTEGER), ("XSETID s 9-9 MAXDELETEDID x", INVALID_ID),
        ("XSETID s 9-9 MAXDELETEDID 9-10",
         error(smaller + "the provided max_deleted_entry_id")),
        ("XSETID s 9-9 ENTRIESADDED", SYNTAX), ("XSETID s 9-9 FOO 1", SYNTAX),
        ("XSETID missing 1-1", error("ERR no such key")), ("XSETID s", arity("xsetid")),
        ("XDEL s 3-1", 1), ("XSETID s 3-0", error(smaller + "current max_deleted_entry_id")),
        ("XSETID s 3-1", OK)])


# ---- other types, other commands ----


def test_other_types_are_refused(dialogue: Dialogue) -> None:
    dialogue.ok("SET k v")
    dialogue.check_all(
        ["XADD k 1-1 a b", "XADD k NOMKSTREAM 1-1 a b", "XLEN k", "XRANGE k - +", "XREVRANGE k + -",
         "XDEL k 1-1", "XDEL k x", "XTRIM k MAXLEN 1", "XSETID k 1-1", "XREAD STREAMS k 0",
         "XREADGROUP GROUP g c STREAMS k >", "XACK k g 1-1", "XCLAIM k g c 0 1-1",
         "XAUTOCLAIM k g c 0 0", "XPENDING k g", "XPENDING k g - + 1", "XINFO STREAM k",
         "XINFO GROUPS k", "XINFO CONSUMERS k g", "XGROUP CREATE k g 0",
         "XGROUP CREATE k g 0 MKSTREAM", "XGROUP SETID k g 0", "XGROUP DESTROY k g",
         "XGROUP CREATECONSUMER k g c", "XGROUP DELCONSUMER k g c"], WRONGTYPE)
    filled(dialogue, 1)
    dialogue.check([("GET s", WRONGTYPE), ("INCR s", WRONGTYPE), ("GET k", "v")])


def test_a_stream_is_copied_renamed_moved_and_restored_whole(nodes: Dialogue) -> None:
    filled(nodes, 9)
    nodes.ok("XDEL s 2-1 9-1", "XGROUP CREATE s g 1-1 ENTRIESREAD 5",
             "XREADGROUP GROUP g c COUNT 3 STREAMS s >", "COPY s copy", "RENAME s t")
    before = nodes.call("XINFO STREAM t FULL")
    assert nodes.call("XINFO STREAM copy FULL") == before
    nodes.ok("XDEL copy 1-1", "XACK copy g 3-1", "XADD copy 20-1 a b")
    assert nodes.call("XINFO STREAM t FULL") == before
    payload = bytes(nodes.call("DUMP t"))
    nodes.ok(["RESTORE", "r", "0", payload], "MOVE t 1", "SELECT 1")
    assert nodes.call("XINFO STREAM t FULL") == before
    nodes.ok("SELECT 0")
    restored = nodes.call("XINFO STREAM r FULL")
    assert restored == before
    assert bytes(nodes.call("DUMP r")) == payload
    nodes.check([("XADD r 30-1 f v", "30-1"), ("XLEN r", 8), ("EXISTS t", 0)])


def test_values_at_the_steps_of_the_back_length_are_restored(dialogue: Dialogue) -> None:
    """The steps come one byte earlier than the bits of a length would ask for."""
    for length in [*range(16376, 16381), *range(2097144, 2097149)]:
        value = b"x" * length
        dialogue.ok("DEL s t", ["XADD", "s", "1-1", "f", value], "XADD s 2-1 f v")
        payload = bytes(dialogue.call("DUMP s"))
        dialogue.check([(["RESTORE", "t", "0", payload], OK)])
        entries = array(array(bulk("1-1"), array(bulk("f"), bulk(value))),
                        array(bulk("2-1"), array(bulk("f"), bulk("v"))))
        dialogue.check([("XRANGE s - +", entries), ("XRANGE t - +", entries)])


def test_an_empty_stream_stays(dialogue: Dialogue) -> None:
    dialogue.check([
        ("XGROUP CREATE s g $ MKSTREAM", OK), ("XLEN s", 0), ("TYPE s", simple("stream"))])
    payload = bytes(dialogue.call("DUMP s"))
    dialogue.check([(["RESTORE", "t", "0", payload], OK), ("XLEN t", 0), ("EXISTS s t", 2),
                    ("DEL s t", 2)])


def test_watch_sees_entries_come_and_go(dialogue: Dialogue) -> None:
    other = dialogue.other()
    filled(dialogue, 3)
    for change, aborts in [
            ("XADD s 9-1 a b", True), ("XDEL s 9-1", True), ("XDEL s 9-1", False),
            ("XTRIM s MAXLEN 2", True), ("XTRIM s MAXLEN 2", False)]:
        dialogue.ok("WATCH s")
        other.raw(change)
        dialogue.ok("MULTI", "PING")
        dialogue.check([("EXEC", NULL_ARRAY if aborts else array(simple("PONG")))])


def test_a_long_stream_is_deleted_at_once(dialogue: Dialogue) -> None:
    for start in range(0, 60_000, 5000):
        dialogue.client.pipeline([["XADD", "s", f"{i + 1}-1", "f", "v"]
                                  for i in range(start, start + 5000)])
    began = time.monotonic()
    dialogue.check([("XLEN s", 60_000), ("DEL s", 1), ("EXISTS s", 0)])
    assert time.monotonic() - began < 1
