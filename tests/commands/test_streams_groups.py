"""XGROUP, XREADGROUP, XACK, XPENDING, XCLAIM, XAUTOCLAIM, XINFO: consumer groups of streams."""

from __future__ import annotations

import re
import time

import pytest

from .dialogue import (
    ANY, NOT_INTEGER, NULL, NULL_ARRAY, OK, SYNTAX, Dialogue, arity, array, error, mapping)
from .test_streams import (  # noqa: F401
    INVALID_ID, NEW, REDIS_8, entry, filled, node_limits, nodes)

NO_KEY = error(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to "
    "use the MKSTREAM option to create an empty stream automatically.")
BUSY = error("BUSYGROUP Consumer Group name already exists")
NO_READING_GROUP = error(
    "NOGROUP No such key 's' or consumer group 'no' in XREADGROUP with GROUP option")
NO_GROUP = error("NOGROUP No such key 's' or consumer group 'no'")
NO_GROUP_OF_KEY = error("NOGROUP No such consumer group 'no' for key name 's'")
MS = re.compile(rb":(\d{1,5})\r\n")


def streams(*pairs):
    """The reply of XREAD: keys and their entries by turns; a map in RESP3."""
    def rendered(protocol: int) -> bytes:
        if protocol == 3:
            return mapping(*pairs)(3)
        return array(*[array(key, entries) for key, entries in zip(pairs[::2], pairs[1::2])])(2)
    return rendered


def wrong_arguments(container: str, given: str):
    """The error of a subcommand with too many arguments or unknown ones."""
    return error(f"ERR unknown subcommand or wrong number of arguments for '{given}'. "
                 f"Try {container} HELP.")


def numbers(i: int):
    """The entry that `filled` adds as number i."""
    return entry(f"{i}-1", "f", f"v{i}")


def group_fields(dialogue: Dialogue, key: str, name: str) -> dict:
    """What XINFO GROUPS says of one group."""
    for found in dialogue.call(f"XINFO GROUPS {key}"):
        fields = dict(found) if dialogue.protocol == 3 else dict(zip(found[::2], found[1::2]))
        if fields[b"name"] == name.encode():
            return {field.decode(): value for field, value in fields.items()}
    raise AssertionError(f"no group {name}")


# ---- XGROUP ----


def test_groups_are_made_and_destroyed(dialogue: Dialogue) -> None:
    dialogue.check([
        ("XGROUP CREATE s g 0", NO_KEY), ("XGROUP CREATE s g $ MKSTREAM", OK),
        ("XGROUP CREATE s g 0", BUSY), ("XGROUP CREATE s g 0 MKSTREAM", BUSY),
        ('XGROUP CREATE s "" 5', OK), ("XGROUP CREATE s h 5-5 ENTRIESREAD 3", OK),
        ("XINFO GROUPS s", array(*[mapping(
            "name", name, "consumers", 0, "pending", 0, "last-delivered-id", last,
            "entries-read", read, "lag", 0)
            for name, last, read in (("", "5-0", NULL), ("g", "0-0", NULL), ("h", "5-5", 3))])),
        ("XGROUP DESTROY s g", 1), ("XGROUP DESTROY s g", 0), ("XGROUP DESTROY missing g", NO_KEY),
        ("XGROUP CREATE s g 0", OK)])


def test_arguments_of_xgroup_are_checked(dialogue: Dialogue) -> None:
    filled(dialogue, 1)
    dialogue.ok("XGROUP CREATE s g 0")
    dialogue.check([
        ("XGROUP", arity("xgroup")), ("XGROUP CREATE s g", arity("xgroup|create")),
        ("XGROUP FOO s g", error("ERR unknown subcommand 'FOO'. Try XGROUP HELP.")),
        ("XGROUP CREATE s n x", INVALID_ID), ("XGROUP CREATE s n -", INVALID_ID),
        ("XGROUP CREATE s n 0 FOO", wrong_arguments("XGROUP", "CREATE")),
        ("XGROUP CREATE s n 0 ENTRIESREAD", wrong_arguments("XGROUP", "CREATE")),
        ("XGROUP CREATE s n 0 ENTRIESREAD x", NOT_INTEGER),
        ("XGROUP CREATE s n 0 ENTRIESREAD -2",
         error("ERR value for ENTRIESREAD must be positive or -1")),
        ("XGROUP CREATE s n 0 ENTRIESREAD 1 ENTRIESREAD 2", wrong_arguments("XGROUP", "CREATE")),
        ("XGROUP SETID s no 0", NO_GROUP_OF_KEY), ("XGROUP SETID s g x", INVALID_ID),
        ("XGROUP SETID s g 0 MKSTREAM", wrong_arguments("XGROUP", "SETID")),
        ("XGROUP SETID missing g 0", NO_KEY),
        ("XGROUP CREATECONSUMER s no c", NO_GROUP_OF_KEY),
        ("XGROUP CREATECONSUMER missing g c", NO_KEY),
        ("XGROUP DELCONSUMER s no c", NO_GROUP_OF_KEY),
        ("XGROUP DESTROY s", arity("xgroup|destroy")),
        ("XGROUP CREATECONSUMER s g", arity("xgroup|createconsumer")),
        ("XGROUP DELCONSUMER s g", arity("xgroup|delconsumer"))])


def test_setid_moves_a_group(dialogue: Dialogue) -> None:
    filled(dialogue, 5)
    dialogue.check([
        ("XGROUP CREATE s g $", OK), ("XREADGROUP GROUP g c STREAMS s >", NULL_ARRAY),
        ("XGROUP SETID s g 3-1 ENTRIESREAD 3", OK),
        ("XREADGROUP GROUP g c COUNT 1 STREAMS s >", streams("s", array(numbers(4)))),
        ("XGROUP SETID s g 3-1", OK), ("XGROUP SETID s g $", OK), ("XGROUP SETID s g +", OK),
        ("XREADGROUP GROUP g c STREAMS s >", NULL_ARRAY), ("XGROUP SETID s g -", OK),
        ("XREADGROUP GROUP g c COUNT 1 STREAMS s >", streams("s", array(numbers(1))))])


def test_consumers_are_made_and_deleted(dialogue: Dialogue) -> None:
    filled(dialogue, 3)
    dialogue.check([
        ("XGROUP CREATE s g 0", OK), ("XGROUP CREATECONSUMER s g c", 1),
        ("XGROUP CREATECONSUMER s g c", 0), ("XREADGROUP GROUP g c STREAMS s >", ANY),
        ("XREADGROUP GROUP g d STREAMS s >", NULL_ARRAY),
        ("XPENDING s g", array(3, "1-1", "3-1", array(array("c", "3")))),
        ("XGROUP DELCONSUMER s g d", 0), ("XGROUP DELCONSUMER s g c", 3),
        ("XGROUP DELCONSUMER s g c", 0), ("XPENDING s g", array(0, NULL, NULL, NULL_ARRAY))])


# ---- XREADGROUP, XACK ----


def test_each_entry_goes_to_one_consumer_of_a_group(nodes: Dialogue) -> None:  # noqa: F811
    filled(nodes, 5)
    nodes.check([
        ("XGROUP CREATE s g 0", OK), ("XGROUP CREATE s h 3", OK),
        ("XREADGROUP GROUP g a COUNT 2 STREAMS s >", streams("s", array(numbers(1), numbers(2)))),
        ("XREADGROUP GROUP g b COUNT 2 STREAMS s >", streams("s", array(numbers(3), numbers(4)))),
        ("XREADGROUP GROUP h a COUNT 9 STREAMS s >",
         streams("s", array(numbers(3), numbers(4), numbers(5)))),
        ("XREADGROUP GROUP g a STREAMS s 0", streams("s", array(numbers(1), numbers(2)))),
        ("XREADGROUP GROUP g b COUNT 1 STREAMS s 0", streams("s", array(numbers(3)))),
        ("XREADGROUP GROUP g b STREAMS s 3-1", streams("s", array(numbers(4)))),
        ("XREADGROUP GROUP g new STREAMS s 0", streams("s", array())),
        ("XACK s g 1-1 1-1 9-9", 1), ("XACK s g 1-1", 0), ("XACK s g x", INVALID_ID),
        ("XREADGROUP GROUP g a STREAMS s 0", streams("s", array(numbers(2)))),
        ("XACK s no 1-1", 0), ("XACK missing g 1-1", 0), ("XACK s g", arity("xack"))])


def test_history_tells_deleted_entries_as_null(dialogue: Dialogue) -> None:
    filled(dialogue, 3)
    dialogue.ok("XGROUP CREATE s g 0", "XREADGROUP GROUP g c STREAMS s >", "XDEL s 2-1")
    dialogue.check([("XREADGROUP GROUP g c STREAMS s 0", streams("s", array(
        numbers(1), array("2-1", NULL_ARRAY), numbers(3))))])


def test_noack_leaves_nothing_pending(dialogue: Dialogue) -> None:
    filled(dialogue, 2)
    dialogue.check([
        ("XGROUP CREATE s g 0", OK),
        ("XREADGROUP GROUP g c NOACK COUNT 1 STREAMS s >", streams("s", array(numbers(1)))),
        ("XPENDING s g", array(0, NULL, NULL, NULL_ARRAY)),
        ("XREADGROUP GROUP g c STREAMS s >", streams("s", array(numbers(2))))])


def test_an_entry_that_is_read_again_changes_its_owner(dialogue: Dialogue) -> None:
    filled(dialogue, 2)
    dialogue.ok("XGROUP CREATE s g 0", "XREADGROUP GROUP g a STREAMS s >", "XGROUP SETID s g 0",
                "XREADGROUP GROUP g b COUNT 1 STREAMS s >")
    dialogue.check([("XPENDING s g", array(2, "1-1", "2-1", array(array("a", "1"),
                                                                  array("b", "1"))))])


@NEW
def test_several_streams_are_read_at_once(dialogue: Dialogue) -> None:
    filled(dialogue, 2)
    filled(dialogue, 1, "t")
    dialogue.ok("XGROUP CREATE s g 0", "XGROUP CREATE t g 0")
    keys = " ".join(["s"] * 12)
    dialogue.check([
        ("XREAD STREAMS s t 1 0", streams("s", array(numbers(1), numbers(2)), "t",
                                          array(numbers(1)))),
        ("XREAD COUNT 1 STREAMS s t missing 0 0 0", streams("s", array(numbers(1)), "t",
                                                            array(numbers(1)))),
        ("XREAD STREAMS s t $ 1-1", NULL_ARRAY), ("XREAD STREAMS s t + +", streams(
            "s", array(numbers(2)), "t", array(numbers(1)))),
        ("XREAD COUNT 0 STREAMS s 1-1", streams("s", array(numbers(2)))),
        ("XREAD COUNT -3 STREAMS s 1-1", streams("s", array(numbers(2)))),
        (f"XREAD STREAMS {keys} " + " ".join(["1-1"] * 12),
         streams(*["s", array(numbers(2))] * 12)),
        ("XREADGROUP GROUP g c STREAMS s t > >", streams(
            "s", array(numbers(1), numbers(2)), "t", array(numbers(1)))),
        ("XREADGROUP GROUP g c STREAMS s s > >", NULL_ARRAY)])


@REDIS_8
def test_arguments_of_reading_are_checked(dialogue: Dialogue) -> None:
    filled(dialogue, 1)
    meaningless = ("ERR The {0} ID is meaningless in the context of XREADGROUP: you want to read "
                   "the history of this consumer by specifying a proper ID, or use the > ID to get "
                   "new messages. The {0} ID would just return an empty result set.")
    only = "ERR The {} option is only supported by XREADGROUP. You called XREAD instead."
    dialogue.ok("XGROUP CREATE s g 0")
    dialogue.check([
        ("XREAD STREAMS s", arity("xread")), ("XREAD STREAMS s t 0", error(
            "ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' must "
            "be specified.")),
        ("XREADGROUP GROUP g c STREAMS s t >", error(
            "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must "
            "be specified.")),
        ("XREAD COUNT 1 BLOCK 0", SYNTAX), ("XREAD COUNT x STREAMS s 0", NOT_INTEGER),
        ("XREAD FOO 1 STREAMS s 0", SYNTAX), ("XREAD STREAMS s x", INVALID_ID),
        ("XREAD STREAMS s -", INVALID_ID),
        ("XREAD BLOCK x STREAMS s 0", error("ERR timeout is not an integer or out of range")),
        ("XREAD BLOCK 0.5 STREAMS s 0", error("ERR timeout is not an integer or out of range")),
        ("XREAD BLOCK -1 STREAMS s 0", error("ERR timeout is negative")),
        ("XREAD BLOCK 9223372036854775807 STREAMS s 0", error("ERR timeout is out of range")),
        ("XREAD GROUP g c STREAMS s 0", error(only.format("GROUP"))),
        ("XREAD NOACK STREAMS s 0", error(only.format("NOACK"))),
        ("XREAD STREAMS s >", error("ERR The > ID can be specified only when calling XREADGROUP "
                                    "using the GROUP <group> <consumer> option.")),
        ("XREADGROUP COUNT 1 NOACK STREAMS s >", error("ERR Missing GROUP option for XREADGROUP")),
        ("XREADGROUP GROUP g c STREAMS s $", error(meaningless.format("$"))),
        ("XREADGROUP GROUP g c STREAMS s +", error(meaningless.format("+"))),
        ("XREADGROUP GROUP no c STREAMS s >", NO_READING_GROUP),
        ("XREADGROUP GROUP no c STREAMS s x", NO_READING_GROUP),
        ("XREADGROUP GROUP g c", arity("xreadgroup"))])


def test_an_error_in_one_stream_delivers_nothing(dialogue: Dialogue) -> None:
    filled(dialogue, 1)
    dialogue.ok("XGROUP CREATE s g 0")
    dialogue.check([
        ("XREADGROUP GROUP g c STREAMS s missing > >", error(
            "NOGROUP No such key 'missing' or consumer group 'g' in XREADGROUP with GROUP "
            "option")),
        ("XPENDING s g", array(0, NULL, NULL, NULL_ARRAY)), ("XINFO CONSUMERS s g", array())])


# ---- XPENDING ----


def test_pending_entries_are_listed(dialogue: Dialogue) -> None:
    filled(dialogue, 5)
    dialogue.ok("XGROUP CREATE s g 0", "XREADGROUP GROUP g a COUNT 2 STREAMS s >",
                "XREADGROUP GROUP g b STREAMS s >")
    dialogue.check([
        ("XPENDING s g", array(5, "1-1", "5-1", array(array("a", "2"), array("b", "3")))),
        ("XPENDING s g - + 0", array()), ("XPENDING s g - + -1", array()),
        ("XPENDING s g IDLE 100000 - + 9", array()), ("XPENDING s g - + 9 nobody", array()),
        ("XPENDING s g (5-1 + 9", array()), ("XPENDING s no", NO_GROUP),
        ("XPENDING s no - + 1", NO_GROUP), ("XPENDING s g -", SYNTAX), ("XPENDING s g - +", SYNTAX),
        ("XPENDING s g IDLE 1 - +", SYNTAX), ("XPENDING s g IDLE x - + 1", NOT_INTEGER),
        ("XPENDING s g - + x", NOT_INTEGER), ("XPENDING s g x + 1", INVALID_ID),
        ("XPENDING s g - + 1 a b c d", SYNTAX), ("XPENDING s", arity("xpending"))])
    for command, expected in [
            ("XPENDING s g - + 9", ["1-1", "2-1", "3-1", "4-1", "5-1"]),
            ("XPENDING s g - + 2", ["1-1", "2-1"]), ("XPENDING s g (2-1 4 9", ["3-1", "4-1"]),
            ("XPENDING s g - + 9 b", ["3-1", "4-1", "5-1"]),
            ("XPENDING s g IDLE 0 - + 9 a", ["1-1", "2-1"])]:
        found = dialogue.call(command)
        assert [row[0].decode() for row in found] == expected, command
        assert all(row[1] in (b"a", b"b") and 0 <= row[2] < 60_000 and row[3] == 1
                   for row in found)


# ---- XCLAIM, XAUTOCLAIM ----


def owners(dialogue: Dialogue):
    """Owner and number of deliveries of each pending entry of the group g."""
    return {row[0].decode(): (row[1].decode(), row[3])
            for row in dialogue.call("XPENDING s g - + 100")}


@pytest.fixture
def claims(dialogue: Dialogue) -> Dialogue:
    """Entries 1-1 to 5-1, of which `a` has 1-1 to 3-1 pending."""
    filled(dialogue, 5)
    dialogue.ok("XGROUP CREATE s g 0", "XREADGROUP GROUP g a COUNT 3 STREAMS s >")
    return dialogue


def test_xclaim_gives_entries_to_another(claims: Dialogue) -> None:
    claims.check([
        ("XCLAIM s g b 0 1-1 2-1 4-1 9-9", array(numbers(1), numbers(2))),
        ("XCLAIM s g b 0 1-1 JUSTID", array("1-1")), ("XCLAIM s g b 100000 1-1", array()),
        ("XCLAIM s g c -5 3-1 RETRYCOUNT 7", array(numbers(3))),
        ("XCLAIM s g c 0 3-1 JUSTID RETRYCOUNT 0", array("3-1")),
        ("XCLAIM s g d 0 5-1 FORCE", array(numbers(5))),
        ("XCLAIM s g d 0 4-1 FORCE JUSTID", array("4-1"))])
    assert owners(claims) == {"1-1": ("b", 2), "2-1": ("b", 2), "3-1": ("c", 0), "4-1": ("d", 1),
                              "5-1": ("d", 2)}


def test_xclaim_sets_times_and_the_last_id(claims: Dialogue) -> None:
    claims.ok("XCLAIM s g b 0 1-1 IDLE 500000", "XCLAIM s g b 0 2-1 TIME 1000000000000",
              "XCLAIM s g b 0 3-1 TIME 99999999999999 LASTID 5-1")
    idle = {row[0]: row[2] for row in claims.call("XPENDING s g - + 9")}
    assert 500_000 <= idle[b"1-1"] < 560_000
    assert abs(idle[b"2-1"] - (time.time() * 1000 - 10**12)) < 60_000
    assert 0 <= idle[b"3-1"] < 60_000
    claims.check([("XPENDING s g IDLE 400000 - + 9 a", array()),
                  ("XREADGROUP GROUP g a STREAMS s >", NULL_ARRAY),
                  ("XCLAIM s g b 400000 1-1 3-1 JUSTID", array("1-1"))])


def test_entries_that_are_gone_are_taken_off_when_claimed(claims: Dialogue) -> None:
    claims.check([
        ("XDEL s 1-1 3-1", 2), ("XCLAIM s g b 0 1-1", array()),
        ("XPENDING s g", array(2, "2-1", "3-1", array(array("a", "2")))),
        ("XAUTOCLAIM s g b 0 0", array("0-0", array(numbers(2)), array("3-1"))),
        ("XPENDING s g", array(1, "2-1", "2-1", array(array("b", "1")))),
        ("XAUTOCLAIM s g b 0 0 JUSTID", array("0-0", array("2-1"), array()))])


def test_xautoclaim_walks_with_a_cursor(claims: Dialogue) -> None:
    claims.check([
        ("XAUTOCLAIM s g b 0 - COUNT 1", array("2-1", array(numbers(1)), array())),
        ("XAUTOCLAIM s g b 0 2-1 COUNT 1 JUSTID", array("3-1", array("2-1"), array())),
        ("XAUTOCLAIM s g b 0 (2-1", array("0-0", array(numbers(3)), array())),
        ("XAUTOCLAIM s g b 100000 0", array("0-0", array(), array())),
        ("XAUTOCLAIM s g c 0 4", array("0-0", array(), array()))])
    assert owners(claims) == {"1-1": ("b", 2), "2-1": ("b", 1), "3-1": ("b", 2)}


def test_arguments_of_claiming_are_checked(claims: Dialogue) -> None:
    invalid = "ERR Invalid {} argument for {}"
    last = "18446744073709551615-18446744073709551615"
    claims.check([
        ("XCLAIM s no b x 1-1", NO_GROUP), ("XCLAIM missing g b 0 1-1", error(
            "NOGROUP No such key 'missing' or consumer group 'g'")),
        ("XCLAIM s g b x 1-1", error(invalid.format("min-idle-time", "XCLAIM"))),
        ("XCLAIM s g b 0 1-1 FOO", error("ERR Unrecognized XCLAIM option 'FOO'")),
        ("XCLAIM s g b 0 1-1 x", error("ERR Unrecognized XCLAIM option 'x'")),
        ("XCLAIM s g b 0 1-1 IDLE", error("ERR Unrecognized XCLAIM option 'IDLE'")),
        ("XCLAIM s g b 0 1-1 IDLE x", error(invalid.format("IDLE option", "XCLAIM"))),
        ("XCLAIM s g b 0 1-1 TIME x", error(invalid.format("TIME option", "XCLAIM"))),
        ("XCLAIM s g b 0 1-1 RETRYCOUNT x", error(invalid.format("RETRYCOUNT option", "XCLAIM"))),
        ("XCLAIM s g b 0 1-1 LASTID x", INVALID_ID), ("XCLAIM s g b 0", arity("xclaim")),
        ("XAUTOCLAIM s no b 0 0", NO_GROUP),
        ("XAUTOCLAIM s no b x 0", error(invalid.format("min-idle-time", "XAUTOCLAIM"))),
        ("XAUTOCLAIM s g b 0 x", INVALID_ID), ("XAUTOCLAIM s g b 0 0 FOO", SYNTAX),
        ("XAUTOCLAIM s g b 0 0 COUNT", SYNTAX),
        (f"XAUTOCLAIM s g b 0 ({last}", error("ERR invalid start ID for the interval")),
        ("XAUTOCLAIM s g b 0", arity("xautoclaim"))])
    claims.check_all(
        [f"XAUTOCLAIM s g b 0 0 COUNT {count}"
         for count in ("0", "-1", "x", "9223372036854775807", "576460752303423488")],
        error("ERR COUNT must be > 0"))
    assert owners(claims) == {f"{i}-1": ("a", 1) for i in (1, 2, 3)}


# ---- XINFO ----


def test_xinfo_stream_tells_the_numbers_and_the_ends(nodes: Dialogue) -> None:  # noqa: F811
    nodes.check([
        ("XINFO STREAM s", error("ERR no such key")), ("XINFO GROUPS s", error("ERR no such key")),
        ("XINFO CONSUMERS s g", error("ERR no such key"))])
    filled(nodes, 1)
    nodes.check([
        ("XDEL s 1-1", 1),
        ("XINFO STREAM s", mapping(
            "length", 0, "radix-tree-keys", 0, "radix-tree-nodes", 1, "last-generated-id", "1-1",
            "max-deleted-entry-id", "1-1", "entries-added", 1, "recorded-first-entry-id", "0-0",
            "groups", 0, "first-entry", NULL, "last-entry", NULL)),
        ("XINFO STREAM s FOO", wrong_arguments("XINFO", "STREAM")),
        ("XINFO STREAM s FULL COUNT", wrong_arguments("XINFO", "STREAM")),
        ("XINFO STREAM s FULL FOO 1", wrong_arguments("XINFO", "STREAM")),
        ("XINFO STREAM s FULL COUNT x", NOT_INTEGER), ("XINFO STREAM", arity("xinfo|stream")),
        ("XINFO CONSUMERS s no", NO_GROUP_OF_KEY), ("XINFO", arity("xinfo"))])


def test_nodes_of_a_radix_tree_are_counted_as_in_redis(dialogue: Dialogue) -> None:
    node_limits(dialogue, 1, 0)
    for i, expected in [("1-1", 2), ("1-2", 4), ("2-1", 8), ("256-0", 11), ("256-1", 13),
                        ("65536-1", 16), ("9999999999999-1", 20)]:
        dialogue.ok(f"XADD s {i} f v")
        info = dialogue.call("XINFO STREAM s")
        fields = dict(info) if dialogue.protocol == 3 else dict(zip(info[::2], info[1::2]))
        assert fields[b"radix-tree-nodes"] == expected, i
    node_limits(dialogue, 100, 4096)


@NEW
def test_xinfo_full_tells_everything(dialogue: Dialogue) -> None:
    filled(dialogue, 12)
    dialogue.ok("XGROUP CREATE s g 0", "XREADGROUP GROUP g c COUNT 2 STREAMS s >",
                "XREADGROUP GROUP g d STREAMS s >", "XGROUP CREATECONSUMER s g e")
    full = dialogue.raw("XINFO STREAM s FULL COUNT 1")
    stamp = rb":1\d{12}\r\n"
    masked = re.sub(stamp, b":1\r\n", full)

    def consumer(name: str, count: int, first: str = "", active: int = 1):
        return mapping("name", name, "seen-time", 1, "active-time", active, "pel-count", count,
                       "pending", array(array(first, 1, 1)) if first else array())
    expected = mapping(
        "length", 12, "radix-tree-keys", 1, "radix-tree-nodes", 2, "last-generated-id", "12-1",
        "max-deleted-entry-id", "0-0", "entries-added", 12, "recorded-first-entry-id", "1-1",
        "entries", array(numbers(1)), "groups", array(mapping(
            "name", "g", "last-delivered-id", "12-1", "entries-read", 12, "lag", 0,
            "pel-count", 12, "pending", array(array("1-1", "c", 1, 1)),
            "consumers", array(consumer("c", 2, "1-1"), consumer("d", 10, "3-1"),
                               consumer("e", 0, active=-1)))))
    assert masked == expected(dialogue.protocol)
    assert dialogue.call("XINFO STREAM s FULL") == dialogue.call("XINFO STREAM s FULL COUNT 10")
    assert dialogue.call("XINFO STREAM s FULL COUNT 0") == \
        dialogue.call("XINFO STREAM s FULL COUNT 12")


@NEW
def test_xinfo_consumers_tells_how_long_they_are_idle(dialogue: Dialogue) -> None:
    filled(dialogue, 2)
    dialogue.ok("XGROUP CREATE s g 0", "XREADGROUP GROUP g c STREAMS s >",
                "XGROUP CREATECONSUMER s g d")
    masked = MS.sub(b":7\r\n", dialogue.raw("XINFO CONSUMERS s g"))
    assert masked == array(*[
        mapping("name", name, "pending", 7, "idle", 7, "inactive", inactive)
        for name, inactive in (("c", 7), ("d", -1))])(dialogue.protocol)
    pending = [dict(row) if dialogue.protocol == 3 else dict(zip(row[::2], row[1::2]))
               for row in dialogue.call("XINFO CONSUMERS s g")]
    assert [row[b"pending"] for row in pending] == [2, 0]


@REDIS_8
def test_the_lag_is_told_where_it_can_be(dialogue: Dialogue) -> None:
    filled(dialogue, 6)
    dialogue.ok("XGROUP CREATE s g 0")

    def state():
        fields = group_fields(dialogue, "s", "g")
        return tuple(fields[name] if isinstance(fields[name], int) else None
                     for name in ("entries-read", "lag"))
    assert state() == (None, 6)
    dialogue.ok("XREADGROUP GROUP g c COUNT 2 STREAMS s >")
    assert state() == (2, 4)
    dialogue.ok("XDEL s 4-1")
    assert state() == (2, None)
    dialogue.ok("XREADGROUP GROUP g c COUNT 1 STREAMS s >")
    assert state() == (None, None)
    dialogue.ok("XREADGROUP GROUP g c STREAMS s >")
    assert state() == (6, 0)
    dialogue.ok("XADD s 9-1 a b", "XGROUP SETID s g 5-1")
    assert state() == (None, None)
    dialogue.ok("XGROUP SETID s g 5-1 ENTRIESREAD 5")
    assert state() == (5, 2)
    dialogue.ok("XTRIM s MAXLEN 0")
    assert state() == (5, 0)


# ---- damage ----


def test_damaged_payloads_are_refused(dialogue: Dialogue) -> None:
    filled(dialogue, 3)
    dialogue.ok("XGROUP CREATE s g 0", "XREADGROUP GROUP g c STREAMS s >")
    payload = bytes(dialogue.call("DUMP s"))
    for at in range(0, len(payload), 3):
        damaged = payload[:at] + bytes([payload[at] ^ 0x55]) + payload[at + 1:]
        dialogue.check([(["RESTORE", "t", "0", damaged],
                         error("ERR DUMP payload version or checksum are wrong"))])
    dialogue.check([("EXISTS t", 0), (["RESTORE", "t", "0", payload], OK)])
