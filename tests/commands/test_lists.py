"""Commands of the group `list` that answer at once: every option, every error, both encodings."""

from __future__ import annotations

import random
from typing import Iterator

import pytest

from .dialogue import (
    NOT_INTEGER, NULL, NULL_ARRAY, OK, QUEUED, SYNTAX, WRONGTYPE, Dialogue, Expected, arity, array,
    bulk, error)

LONG_MAX, LONG_MIN = 2**63 - 1, -2**63
POSITIVE = error("ERR value is out of range, must be positive")
NO_KEY = error("ERR no such key")
OUT_OF_RANGE = error("ERR index out of range")
NUMKEYS = error("ERR numkeys should be greater than 0")
COUNT = error("ERR count should be greater than 0")
NOT_NEGATABLE = error(
    f"ERR value is out of range, value must between {-LONG_MAX} and {LONG_MAX}")
NEWER = pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="as Redis 7.2 and later")
# Elements at the borders of every encoding of a listpack.
ODD = [b"", b"\x00", b"\r\n", b"x" * 63, b"x" * 64, b"y" * 4095, b"y" * 4096, b"z" * 9000, b"0",
       b"127", b"128", b"-1", b"4095", b"-4096", b"-4097", b"32768", b"8388608", b"2147483648",
       str(LONG_MAX).encode(), str(LONG_MIN).encode(), b"9223372036854775808", b"01", b"-0", b"+1"]


def elements(*texts: object) -> Expected:
    """An array of bulk strings."""
    return array(*(bulk(text if isinstance(text, bytes) else str(text)) for text in texts))


@pytest.fixture(params=["-2", "2", "128", "2 depth 1", "3 depth 2", "-1 depth 1"])
def node_size(request: pytest.FixtureRequest, dialogue: Dialogue) -> Iterator[str]:
    """list-max-listpack-size: the usual one, one that lists pass at once, and one by count; and
    small ones with a list-compress-depth."""
    size, _, depth = request.param.partition(" depth ")
    dialogue.ok(f"CONFIG SET list-max-listpack-size {size}",
                f"CONFIG SET list-compress-depth {depth or 0}")
    yield size
    dialogue.ok("CONFIG SET list-max-listpack-size -2", "CONFIG SET list-compress-depth 0")


def test_wrong_numbers_of_arguments_are_refused(dialogue: Dialogue) -> None:
    for command in ("LPUSH k", "RPUSH k", "LPUSHX k", "RPUSHX k", "LPOP", "RPOP", "LPOP k 1 2",
                    "RPOP k 1 2", "LLEN", "LLEN k x", "LINDEX k", "LINDEX k 1 2", "LSET k 1",
                    "LSET k 1 a b", "LINSERT k BEFORE a", "LINSERT k BEFORE a b c", "LRANGE k 1",
                    "LRANGE k 1 2 3", "LREM k 1", "LREM k 1 a b", "LTRIM k 1", "LTRIM k 1 2 3",
                    "LPOS k", "LMOVE a b LEFT", "LMOVE a b LEFT RIGHT x", "RPOPLPUSH a",
                    "RPOPLPUSH a b c", "LMPOP 1 k"):
        dialogue.check([(command, arity(command.split()[0].lower()))])
    dialogue.check([("DBSIZE", 0)])


def test_another_type_is_refused_and_left_alone(dialogue: Dialogue) -> None:
    dialogue.ok("SET s v", "RPUSH l a")
    dialogue.check_all(
        ["LPUSH s a", "RPUSH s a", "LPUSHX s a", "RPUSHX s a", "LPOP s", "RPOP s", "LPOP s 0",
         "LLEN s", "LINDEX s 0", "LINDEX s x", "LSET s 0 a", "LINSERT s BEFORE a b",
         "LRANGE s 0 -1", "LREM s 0 a", "LTRIM s 0 -1", "LPOS s a", "LMOVE s l LEFT LEFT",
         "LMOVE l s LEFT LEFT", "RPOPLPUSH s l", "RPOPLPUSH l s", "LMPOP 1 s LEFT",
         "LMPOP 2 s l LEFT"], WRONGTYPE)
    dialogue.check([("GET s", "v"), ("LRANGE l 0 -1", elements("a"))])


def test_a_missing_key_is_an_empty_list(dialogue: Dialogue) -> None:
    dialogue.check([
        ("LPUSHX k a", 0), ("RPUSHX k a b", 0), ("LPOP k", NULL), ("RPOP k", NULL),
        ("LPOP k 0", NULL_ARRAY), ("RPOP k 3", NULL_ARRAY), ("LLEN k", 0), ("LINDEX k 0", NULL),
        ("LINDEX k x", NULL), ("LSET k 0 a", NO_KEY), ("LSET k x a", NO_KEY),
        ("LINSERT k BEFORE a b", 0), ("LRANGE k 0 -1", array()), ("LREM k 0 a", 0),
        ("LTRIM k 0 0", OK), ("LPOS k a", NULL), ("LPOS k a COUNT 0", array()),
        ("LMOVE k l LEFT LEFT", NULL), ("RPOPLPUSH k l", NULL), ("LMPOP 2 k l LEFT", NULL_ARRAY),
        ("DBSIZE", 0)])


def test_numbers_are_checked_before_the_key_or_after_it(dialogue: Dialogue) -> None:
    dialogue.ok("RPUSH l a", "SET s v")
    dialogue.check_all(
        ["LRANGE s x 0", "LRANGE s 0 x", "LTRIM s x 0", "LTRIM none 0 1.0", "LREM s x a",
         "LINDEX l x", "LSET l x a", "LRANGE l 9223372036854775808 0", "LPOS s a RANK x"],
        NOT_INTEGER)
    dialogue.check_all(["LPOP l x", "LPOP l -1", "RPOP s -1", "LPOP none 1.0",
                        f"LPOP l {LONG_MIN}"], POSITIVE)
    dialogue.check_all(["LINSERT s x a b", "LINSERT none AROUND a b", "LMOVE s l LEFT MIDDLE",
                        "LMOVE s l x RIGHT"], SYNTAX)


def test_pushes_add_one_after_the_other(dialogue: Dialogue, node_size: str) -> None:
    dialogue.check([
        ("LPUSH k a", 1), ("LPUSH k b c", 3), ("RPUSH k d e f", 6), ("LPUSHX k g", 7),
        ("RPUSHX k h i", 9), ("LRANGE k 0 -1", elements(*"gcbadefhi"))])


def test_elements_of_any_bytes_come_back_as_they_went_in(
        dialogue: Dialogue, node_size: str) -> None:
    dialogue.check([
        (["RPUSH", "k", *ODD], len(ODD)), (["LRANGE", "k", "0", "-1"], elements(*ODD))])
    for number, element in enumerate(ODD):
        dialogue.check([(["LINDEX", "k", number], bulk(element)),
                        (["LINDEX", "k", number - len(ODD)], bulk(element)),
                        (["LPOS", "k", element], number)])
    for element in ODD:
        dialogue.check([(["LPUSH", "other", element], 1), ("RPOP other", bulk(element)),
                        ("EXISTS other", 0)])
    for element in ODD[::2]:
        dialogue.check([(["LREM", "k", "0", element], 1)])
    dialogue.check([(["LPOP", "k", "100"], elements(*ODD[1::2])), ("EXISTS k", 0)])


def test_pops_take_from_their_end(dialogue: Dialogue, node_size: str) -> None:
    dialogue.ok("RPUSH k 1 2 3 4 5 6 7 8 9")
    dialogue.check([
        ("LPOP k", "1"), ("RPOP k", "9"), ("LPOP k 2", elements(2, 3)),
        ("RPOP k 2", elements(8, 7)), ("LPOP k 0", array()), ("RPOP k 0", array()),
        (f"RPOP k {LONG_MAX}", elements(6, 5, 4)), ("EXISTS k", 0)])
    dialogue.ok("RPUSH k " + " ".join(map(str, range(100))))
    dialogue.check([
        ("LPOP k 40", elements(*range(40))), ("RPOP k 40", elements(*range(99, 59, -1))),
        ("LPOP k 20", elements(*range(40, 60))), ("TYPE k", b"+none\r\n")])


def test_an_index_counts_from_either_end(dialogue: Dialogue, node_size: str) -> None:
    dialogue.ok("RPUSH k a b c")
    dialogue.check([
        ("LINDEX k 0", "a"), ("LINDEX k 2", "c"), ("LINDEX k -1", "c"), ("LINDEX k -3", "a"),
        ("LINDEX k 3", NULL), ("LINDEX k -4", NULL), (f"LINDEX k {LONG_MAX}", NULL),
        (f"LINDEX k {LONG_MIN}", NULL), ("LLEN k", 3)])


def test_a_range_is_clipped_to_the_list(dialogue: Dialogue, node_size: str) -> None:
    dialogue.ok("RPUSH k a b c d e")
    dialogue.check([
        ("LRANGE k 0 -1", elements(*"abcde")), ("LRANGE k 1 3", elements(*"bcd")),
        ("LRANGE k -3 -2", elements(*"cd")), ("LRANGE k -100 100", elements(*"abcde")),
        ("LRANGE k 3 1", array()), ("LRANGE k 5 9", array()), ("LRANGE k -9 -6", array()),
        (f"LRANGE k {LONG_MIN} {LONG_MAX}", elements(*"abcde")),
        (f"LRANGE k {LONG_MAX} {LONG_MIN}", array()), ("LRANGE k 4 4", elements("e"))])


def test_a_trim_keeps_what_lies_between(dialogue: Dialogue, node_size: str) -> None:
    for start, end, kept in ((1, 3, "bcd"), (0, -1, "abcde"), (-2, -1, "de"), (2, 2, "c"),
                             (-100, 100, "abcde"), (LONG_MIN, LONG_MAX, "abcde"), (0, 0, "a")):
        dialogue.ok("DEL k", "RPUSH k a b c d e")
        dialogue.check([(f"LTRIM k {start} {end}", OK), ("LRANGE k 0 -1", elements(*kept))])
    for start, end in ((3, 1), (5, 9), (LONG_MAX, LONG_MIN), (-9, -8)):
        dialogue.ok("DEL k", "RPUSH k a b c d e")
        dialogue.check([(f"LTRIM k {start} {end}", OK), ("EXISTS k", 0)])


def test_lset_replaces_one_element(dialogue: Dialogue, node_size: str) -> None:
    dialogue.ok("RPUSH k a b c d")
    dialogue.check([
        ("LSET k 0 A", OK), ("LSET k -1 12345", OK), (["LSET", "k", "1", b"B" * 9000], OK),
        ("LSET k 4 x", OUT_OF_RANGE), ("LSET k -5 x", OUT_OF_RANGE),
        ("LRANGE k 0 -1", elements("A", "B" * 9000, "c", 12345)), ("LSET k 1 b", OK),
        (["LSET", "k", "1", b"b" * 5000], OK), ("LSET k 1 bb", OK),
        ("LRANGE k 0 -1", elements("A", "bb", "c", 12345))])


@pytest.mark.target("fastredis", reason="Redis cuts the index to 32 bits")
def test_lset_far_outside_of_the_list_is_refused(dialogue: Dialogue) -> None:
    """Row "LSET, index" of the deliberate differences."""
    dialogue.ok("RPUSH k a b c")
    dialogue.check_all([f"LSET k {index} x" for index in (2**32, -2**32, LONG_MAX, LONG_MIN)],
                       OUT_OF_RANGE)
    dialogue.check([("LRANGE k 0 -1", elements(*"abc"))])


def test_linsert_stands_beside_the_first_pivot(dialogue: Dialogue, node_size: str) -> None:
    dialogue.ok("RPUSH k a p b p c")
    dialogue.check([
        ("LINSERT k BEFORE p 1", 6), ("LINSERT k after p 2", 7), ("LINSERT k BEFORE none x", -1),
        ("LINSERT k BEFORE a 0", 8), ("LINSERT k AFTER c 9", 9),
        ("LRANGE k 0 -1", elements(0, "a", 1, "p", 2, "b", "p", "c", 9))])
    dialogue.ok("DEL k", "RPUSH k 10")
    for number in range(9, 0, -1):
        dialogue.check([(f"LINSERT k BEFORE {number + 1} {number}", 11 - number)])
    dialogue.check([("LRANGE k 0 -1", elements(*range(1, 11)))])


def test_lrem_counts_from_either_end(dialogue: Dialogue, node_size: str) -> None:
    for count, removed, left in ((0, 3, "abc"), (1, 1, "abxcx"), (2, 2, "abcx"), (-1, 1, "xabxc"),
                                 (-2, 2, "xabc"), (9, 3, "abc"), (-LONG_MAX, 3, "abc")):
        dialogue.ok("DEL k", "RPUSH k x a b x c x")
        dialogue.check([(f"LREM k {count} x", removed), ("LRANGE k 0 -1", elements(*left))])
    dialogue.check([("LREM k 0 none", 0), ("LREM k 0 a", 1), ("LREM k -5 b", 1),
                    ("LREM k 0 c", 1), ("EXISTS k", 0)])


@NEWER
def test_the_smallest_number_cannot_be_turned_round(dialogue: Dialogue) -> None:
    dialogue.ok("RPUSH k a")
    dialogue.check([(f"LREM k {LONG_MIN} a", NOT_NEGATABLE),
                    (f"LREM none {LONG_MIN} a", NOT_NEGATABLE),
                    (f"LPOS k a RANK {LONG_MIN}", NOT_NEGATABLE), ("LLEN k", 1)])


def test_lpos_tells_where_matches_are(dialogue: Dialogue, node_size: str) -> None:
    dialogue.ok("RPUSH k a b c 1 2 3 c c")
    dialogue.check([
        ("LPOS k c", 2), ("LPOS k none", NULL), ("LPOS k 2", 4), ("LPOS k c RANK 2", 6),
        ("LPOS k c RANK -1", 7), ("LPOS k c RANK -2", 6), ("LPOS k c RANK 4", NULL),
        ("LPOS k c COUNT 2", array(2, 6)), ("LPOS k c COUNT 0", array(2, 6, 7)),
        ("LPOS k c COUNT 0 RANK -1", array(7, 6, 2)), ("LPOS k c RANK 2 COUNT 1", array(6)),
        ("LPOS k c RANK 4 COUNT 2", array()), ("LPOS k c MAXLEN 2", NULL),
        ("LPOS k c MAXLEN 3", 2), ("LPOS k c COUNT 0 MAXLEN 7", array(2, 6)),
        ("LPOS k c RANK -1 COUNT 0 MAXLEN 2", array(7, 6)), ("LPOS k c rank 1 Rank 3", 7),
        (f"LPOS k c COUNT {LONG_MAX} MAXLEN {LONG_MAX}", array(2, 6, 7)),
        (f"LPOS k c RANK {-LONG_MAX}", NULL), ("LPOS k none COUNT 0", array())])


def test_options_of_lpos_are_checked_before_the_key(dialogue: Dialogue) -> None:
    dialogue.check([
        ("LPOS k a RANK 0", error(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... "
            "or use negative to start from the end of the list")),
        ("LPOS k a COUNT -1", error("ERR COUNT can't be negative")),
        ("LPOS k a COUNT x", error("ERR COUNT can't be negative")),
        ("LPOS k a MAXLEN -1", error("ERR MAXLEN can't be negative")),
        ("LPOS k a MAXLEN x", error("ERR MAXLEN can't be negative")),
        ("LPOS k a RANK x", NOT_INTEGER), ("LPOS k a RANK", SYNTAX), ("LPOS k a x 1", SYNTAX)])


@pytest.mark.parametrize("command", ["LMOVE k {} {} {}", "BLMOVE k {} {} {} 0"])
def test_lmove_takes_and_gives_at_the_named_ends(
        dialogue: Dialogue, node_size: str, command: str) -> None:
    for whence, where, moved, left, made in (
            ("LEFT", "LEFT", "a", "bc", "a12"), ("LEFT", "RIGHT", "a", "bc", "12a"),
            ("right", "left", "c", "ab", "c12"), ("RIGHT", "RIGHT", "c", "ab", "12c")):
        dialogue.ok("DEL k l", "RPUSH k a b c", "RPUSH l 1 2")
        dialogue.check([(command.format("l", whence, where), moved),
                        ("LRANGE k 0 -1", elements(*left)), ("LRANGE l 0 -1", elements(*made))])
    for whence, where, moved, left in (("LEFT", "LEFT", "a", "abc"), ("LEFT", "RIGHT", "a", "bca"),
                                       ("RIGHT", "LEFT", "c", "cab"),
                                       ("RIGHT", "RIGHT", "c", "abc")):
        dialogue.ok("DEL k", "RPUSH k a b c")
        dialogue.check([(command.format("k", whence, where), moved),
                        ("LRANGE k 0 -1", elements(*left))])


def test_the_last_element_takes_its_key_along(dialogue: Dialogue, node_size: str) -> None:
    dialogue.ok("RPUSH k only")
    dialogue.check([
        ("RPOPLPUSH k k", "only"), ("LMOVE k k LEFT LEFT", "only"), ("RPOPLPUSH k l", "only"),
        ("EXISTS k", 0), ("LRANGE l 0 -1", elements("only")), ("BRPOPLPUSH l k 0", "only"),
        ("EXISTS l", 0), (["LPUSH", "l", b"x" * 20000], 1), ("LMOVE l l LEFT RIGHT", "x" * 20000),
        ("LMOVE l k LEFT LEFT", "x" * 20000), ("LLEN k", 2), ("EXISTS l", 0)])


@pytest.mark.target("fastredis", "redis>=7", "valkey", reason="LMPOP came with 7.0")
@pytest.mark.parametrize("name", ["LMPOP", "BLMPOP 0"])
def test_lmpop_pops_from_the_first_list(dialogue: Dialogue, node_size: str, name: str) -> None:
    dialogue.ok("RPUSH b 1 2 3 4 5")
    dialogue.check([
        (f"{name} 2 a b LEFT", array("b", elements(1))),
        (f"{name} 2 a b right count 2", array("b", elements(5, 4))),
        (f"{name} 1 b LEFT COUNT {LONG_MAX}", array("b", elements(2, 3))), ("EXISTS b", 0)])
    command = name.split()[0]
    before = name[len(command):]
    dialogue.check_all([f"{command}{before} {count} a LEFT" for count in ("0", "-1", "x", "1.0")],
                       NUMKEYS)
    dialogue.check_all(
        [f"{command}{before} {rest}" for rest in (
            "2 a LEFT", f"{LONG_MAX} a LEFT", "1 a MIDDLE", "1 a LEFT COUNT", "1 a LEFT x 1",
            "1 a LEFT COUNT 1 COUNT 1", "2 a b")], SYNTAX)
    dialogue.check_all([f"{command}{before} 1 a LEFT COUNT {count}" for count in ("0", "-1", "x")],
                       COUNT)


@pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="7.0 knows no short list")
def test_a_list_changes_its_encoding_at_the_limits(dialogue: Dialogue) -> None:
    dialogue.ok("CONFIG SET list-max-listpack-size 8", "RPUSH k 1 2 3 4 5 6 7 8")
    dialogue.check([
        ("OBJECT ENCODING k", "listpack"), ("RPUSH k 9", 9), ("OBJECT ENCODING k", "quicklist"),
        ("RPOP k 4", elements(9, 8, 7, 6)), ("OBJECT ENCODING k", "quicklist"), ("LPOP k", "1"),
        ("OBJECT ENCODING k", "listpack"), ("LINSERT k BEFORE none x", -1),
        ("OBJECT ENCODING k", "listpack")])
    dialogue.ok("CONFIG SET list-max-listpack-size -1", "DEL k")
    dialogue.check([
        (["RPUSH", "k", b"x" * 4089], 1), ("OBJECT ENCODING k", "listpack"), ("RPUSH k y", 2),
        ("OBJECT ENCODING k", "quicklist"), ("LSET k 0 a", OK),
        ("OBJECT ENCODING k", "quicklist"), ("RPOP k", "y"), ("OBJECT ENCODING k", "listpack"),
        (["LINSERT", "k", "BEFORE", "none", b"x" * 5000], -1),
        ("OBJECT ENCODING k", "quicklist"), ("LTRIM k 0 -1", OK),
        ("OBJECT ENCODING k", "listpack")])
    dialogue.ok("CONFIG SET list-max-listpack-size -2")


def test_changes_are_counted_as_elements(dialogue: Dialogue) -> None:
    def changes() -> int:
        info = dialogue.call("INFO persistence")
        return int(info.split(b"rdb_changes_since_last_save:")[1].split(b"\r\n")[0])

    for command, expected in (("RPUSH k a b c d e f g h", 8), ("LPOP k", 1), ("LPOP k 2", 2),
                              ("LREM k 0 d", 1), ("LTRIM k 0 2", 1), ("LTRIM k 0 2", 0),
                              ("LSET k 0 x", 1), ("LINSERT k BEFORE x y", 1),
                              ("LMOVE k l LEFT LEFT", 1),
                              ("LMPOP 1 k LEFT COUNT 2", 2), ("LPOS k g", 0), ("LTRIM k 5 9", 1)):
        before = changes()
        dialogue.ok(command)
        assert changes() - before == expected, command


def test_lists_are_watched(dialogue: Dialogue) -> None:
    other = dialogue.other()
    for command, dirties in (("RPUSH k b", True), ("LPOP k", True), ("LTRIM k 0 -1", True),
                             ("LMOVE other k LEFT LEFT", True), ("LMOVE k other LEFT LEFT", True),
                             ("LREM k 0 none", False), ("LINSERT k BEFORE none x", False),
                             ("LRANGE k 0 -1", False), ("LSET k 0 x", True)):
        dialogue.ok("DEL k other", "RPUSH k a c", "RPUSH other o", "WATCH k", "MULTI")
        dialogue.check([("LLEN k", QUEUED)])
        other.ok(command)
        reply = dialogue.raw("EXEC")
        assert (reply in (b"_\r\n", b"*-1\r\n")) == dirties, command


def test_copy_and_rename_take_lists_along(dialogue: Dialogue, node_size: str) -> None:
    dialogue.ok("RPUSH k " + " ".join(map(str, range(50))), "EXPIRE k 1000")
    dialogue.check([
        ("COPY k c", 1), ("RPUSH c x", 51), ("LLEN k", 50), ("TTL c", 1000),
        ("RENAME k r", OK), ("LRANGE r 48 49", elements(48, 49)), ("LPOP c", "0"),
        ("LINDEX r 0", "0"), ("MOVE r 1", 1), ("EXISTS r", 0), ("SELECT 1", OK), ("LLEN r", 50),
        ("DEL r", 1), ("SELECT 0", OK), ("SET c v", OK), ("GET c", "v")])


def test_dumped_lists_are_restored(dialogue: Dialogue, node_size: str) -> None:
    for texts in (["a"], [str(number) for number in range(300)], ODD, [b"z" * 9000] * 3):
        dialogue.ok("DEL k", ["RPUSH", "k", *texts])
        payload = dialogue.call("DUMP k")
        dialogue.check([(["RESTORE", "r", "0", payload, "REPLACE"], OK),
                        ("LRANGE r 0 -1", elements(*texts)), ("RPUSH r more", len(texts) + 1)])
        encoding = dialogue.call("OBJECT ENCODING k")
        dialogue.ok(["RESTORE", "r", "0", payload, "REPLACE"])
        dialogue.check([("OBJECT ENCODING r", bulk(encoding))])


def test_random_changes_leave_what_a_python_list_would_hold(
        dialogue: Dialogue, node_size: str) -> None:
    rng = random.Random(5)
    kept: list[bytes] = []
    for _ in range(1500):
        at = rng.randrange(len(kept)) if kept else 0
        text = rng.choice(ODD[:20]) if rng.random() < 0.3 else b"%d" % rng.randrange(1000)
        choice = rng.randrange(6)
        if choice < 2 or not kept:
            dialogue.ok([("LPUSH", "RPUSH")[choice % 2], "k", text])
            kept.insert(0 if choice % 2 == 0 else len(kept), text)
        elif choice == 2:
            dialogue.check([("LPOP k", bulk(kept.pop(0)))])
        elif choice == 3:
            dialogue.ok(["LSET", "k", at - len(kept), text])
            kept[at] = text
        elif choice == 4:
            dialogue.ok(["LINSERT", "k", "BEFORE", kept[at], text])
            kept.insert(kept.index(kept[at]), text)
        else:
            count = rng.choice([0, 1, -1])
            found = kept.count(kept[at])
            wanted = kept[at]
            dialogue.check([(["LREM", "k", count, wanted], found if count == 0 else 1)])
            if count == 0:
                kept = [each for each in kept if each != wanted]
            elif count == 1:
                kept.remove(wanted)
            else:
                del kept[len(kept) - 1 - kept[::-1].index(wanted)]
    dialogue.check([("LRANGE k 0 -1", elements(*kept))])


# ---- list-compress-depth ----

# Nodes of four that a compressor makes much shorter, and one that it cannot.
NOISE = random.Random(7).randbytes(300)
LONG = [b"item:%d:" % number + b"abc" * 30 for number in range(60)] + [NOISE] * 8


@pytest.fixture
def small_nodes(dialogue: Dialogue) -> Iterator[None]:
    """Four elements a node; the directives are set back behind the test."""
    dialogue.ok("CONFIG SET list-max-listpack-size 4")
    yield
    dialogue.ok("CONFIG SET list-max-listpack-size -2", "CONFIG SET list-compress-depth 0")


def told(dialogue: Dialogue, key: str) -> dict[str, str]:
    """What DEBUG OBJECT says of a quicklist."""
    text = dialogue.call(f"DEBUG OBJECT {key}").decode()
    return dict(word.split(":")[:2] for word in text.split() if word.startswith("ql_"))


def memory(dialogue: Dialogue, key: str) -> int:
    return dialogue.call(f"MEMORY USAGE {key} SAMPLES 0")


def test_the_depth_is_that_of_the_day_when_a_list_was_made(
        dialogue: Dialogue, small_nodes: None) -> None:
    """Redis keeps it with the list: a change counts for lists that are made or loaded later."""
    dialogue.ok(["RPUSH", "plain", *LONG], "CONFIG SET list-compress-depth 1",
                ["RPUSH", "dense", *LONG], ["RPUSH", "plain", "x"], "LSET plain 20 y")
    payload = dialogue.call("DUMP plain")
    dialogue.ok("COPY plain copy", ["RESTORE", "restored", "0", payload],
                "CONFIG SET list-compress-depth 0", ["RPUSH", "dense", "x"], "COPY dense both")
    dialogue.ok("LSET dense 20 y", "LSET both 20 y", ["RESTORE", "again", "0", payload])
    depths = {key: told(dialogue, key)["ql_compressed"]
              for key in ("plain", "dense", "copy", "restored", "both", "again")}
    assert depths == {"plain": "0", "dense": "1", "copy": "0", "restored": "1", "both": "1",
                      "again": "0"}
    assert told(dialogue, "dense") == {**told(dialogue, "plain"), "ql_compressed": "1"}
    for key in ("dense", "restored", "both"):
        assert memory(dialogue, key) < memory(dialogue, "plain") * 0.75, key
    digests = dialogue.call("DEBUG DIGEST-VALUE plain dense copy restored both again")
    assert len(set(digests)) == 1


@pytest.mark.parametrize("depth", [1, 2, 5, 8, 9, 70000])
def test_only_nodes_deeper_than_the_depth_are_compressed(
        dialogue: Dialogue, small_nodes: None, depth: int) -> None:
    texts = [b"%064d" % number for number in range(68)]
    dialogue.ok(["RPUSH", "plain", *texts], f"CONFIG SET list-compress-depth {depth}",
                ["RPUSH", "dense", *texts])
    assert told(dialogue, "dense")["ql_nodes"] == "17"
    assert told(dialogue, "dense")["ql_compressed"] == "1"
    saved = memory(dialogue, "plain") - memory(dialogue, "dense")
    assert (saved > 100 * (17 - 2 * depth)) if depth <= 8 else abs(saved) <= 100


def test_every_command_works_on_compressed_lists(dialogue: Dialogue, small_nodes: None) -> None:
    """The same to a list of each kind, in its middle too: the same replies and the same nodes."""
    dialogue.ok(["RPUSH", "plain", *LONG], "CONFIG SET list-compress-depth 1",
                ["RPUSH", "dense", *LONG])
    for command in ("LINDEX k 30", "LINDEX k -31", "LRANGE k 0 -1", "LRANGE k 20 40",
                    ["LPOS", "k", LONG[33]], ["LPOS", "k", NOISE, "RANK", "-2", "COUNT", "3"],
                    ["LPOS", "k", "none", "MAXLEN", "30"], "LSET k 30 short",
                    ["LSET", "k", "31", "long" * 3000], ["LSET", "k", "31", b"a" * 100],
                    ["LINSERT", "k", "BEFORE", LONG[22], b"b" * 100],
                    ["LINSERT", "k", "AFTER", LONG[22], "big" * 4000],
                    ["LINSERT", "k", "AFTER", "none", "x"], "LREM k 1 short",
                    ["LREM", "k", "-2", NOISE], ["LREM", "k", "0", b"b" * 100],
                    ["LREM", "k", "1", "big" * 4000], "LTRIM k 3 -4", "SORT k ALPHA LIMIT 10 30",
                    "SORT k ALPHA STORE sorted", "SORT k BY nosort LIMIT 20 3", "LPOP k",
                    "RPOP k 9", "LMOVE k k LEFT RIGHT", "LMOVE k k RIGHT LEFT", "RPOPLPUSH k k",
                    "LPOP k 17", "LMPOP 1 k RIGHT COUNT 2", "LLEN k", "LRANGE k -100 100"):
        replies = set()
        for key in (b"plain", b"dense"):
            argv = command.split() if isinstance(command, str) else command
            replies.add(dialogue.raw([key if word == "k" else word for word in argv])
                        .replace(key, b"k"))
        assert len(replies) == 1, command
        assert not next(iter(replies)).startswith(b"-"), command
        assert told(dialogue, "dense") == {**told(dialogue, "plain"), "ql_compressed": "1"}
        digests = dialogue.call("DEBUG DIGEST-VALUE plain dense")
        assert digests[0] == digests[1], command


def test_a_payload_does_not_tell_the_depth(dialogue: Dialogue, small_nodes: None) -> None:
    """What a node is stored as is what the payload compresses it to."""
    for texts in (LONG, ODD, [b"z" * 9000] * 5, [b"short"] * 50):
        dialogue.ok("DEL plain dense r", "CONFIG SET list-compress-depth 0",
                    ["RPUSH", "plain", *texts], "CONFIG SET list-compress-depth 1",
                    ["RPUSH", "dense", *texts])
        payload = dialogue.call("DUMP dense")
        assert payload == dialogue.call("DUMP plain")
        dialogue.check([(["RESTORE", "r", "0", payload], OK),
                        ("LRANGE r 0 -1", elements(*texts))])


@pytest.mark.target("fastredis", reason="Redis counts no bytes exactly")
def test_reading_a_compressed_list_keeps_no_memory(
        dialogue: Dialogue, small_nodes: None) -> None:
    def used() -> int:
        info = dialogue.call("INFO memory")
        return int(info.split(b"used_memory:")[1].split(b"\r\n")[0])

    dialogue.ok("CONFIG SET list-compress-depth 1", ["RPUSH", "k", *LONG])
    reads = ["LINDEX k 30", "LRANGE k 10 30", "SORT k ALPHA LIMIT 0 5",
             "SORT k BY nosort LIMIT 20 1", ["LPOS", "k", LONG[30]],
             ["LPOS", "k", "none", "MAXLEN", "30"], ["LREM", "k", "1", "none"],
             ["LINSERT", "k", "AFTER", "none", "x"], "DEBUG DIGEST-VALUE k", "DUMP k"]
    sums = []
    for _ in range(4):
        dialogue.ok(*reads * 50)
        sums.append(used())
    assert sums[-1] - sums[0] < 5000
