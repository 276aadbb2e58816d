"""SORT and SORT_RO."""

from __future__ import annotations

import random

import pytest

from .dialogue import NULL, OK, SYNTAX, WRONGTYPE, Dialogue, array, error

NO_SCORE = error("ERR One or more scores can't be converted into double")
# What 7.0 takes as a number is another set of texts.
SCORES_OF_8 = pytest.mark.target("fastredis", "redis>=8", reason="numbers as Redis 8 reads them")


def test_elements_are_ordered_as_numbers(dialogue: Dialogue) -> None:
    dialogue.ok("RPUSH l 3 -1 2.5 10 1e2 -inf", "SADD s 3 1 20", "ZADD z 1 5 2 -4 3 30")
    dialogue.check([
        ("SORT l", array("-inf", "-1", "2.5", "3", "10", "1e2")),
        ("SORT l DESC", array("1e2", "10", "3", "2.5", "-1", "-inf")),
        ("SORT l DESC ASC LIMIT 0 2", array("-inf", "-1")),
        ("SORT s", array("1", "3", "20")), ("SORT z", array("-4", "5", "30")),
        ("SORT_RO z DESC", array("30", "5", "-4"))])


@SCORES_OF_8
def test_what_is_no_number_is_refused(dialogue: Dialogue) -> None:
    for text in ("abc", "nan", " 1", "1 ", "0x10", "1e", "1,5", "-", ".", "e5"):
        dialogue.ok("DEL l", ["RPUSH", "l", "1", text])
        dialogue.check_all(["SORT l", "SORT l LIMIT 0 0", "SORT l STORE d"], NO_SCORE)
        dialogue.check([("SORT l ALPHA LIMIT 0 0", array()), ("EXISTS d", 0)])


@SCORES_OF_8
def test_nothing_and_numbers_out_of_range_are_numbers(dialogue: Dialogue) -> None:
    dialogue.ok(["RPUSH", "l", "1e400", "", "1e-400", "-1e400", "+5", ".5", "1\0abc"])
    dialogue.check([("SORT l", array("-1e400", "", "1e-400", ".5", "1\0abc", "+5", "1e400"))])


def test_equal_numbers_are_ordered_by_their_texts(dialogue: Dialogue) -> None:
    dialogue.ok("RPUSH l 1.0 1 01 1.00 0")
    dialogue.check([("SORT l", array("0", "01", "1", "1.0", "1.00")),
                    ("SORT l DESC", array("1.00", "1.0", "1", "01", "0"))])


def test_alpha_orders_texts_by_their_bytes(dialogue: Dialogue) -> None:
    dialogue.ok(["RPUSH", "l", "b", "B", "10", "9", "a", "", "\u00e9", "ab"])
    dialogue.check([
        ("SORT l ALPHA", array("", "10", "9", "B", "a", "ab", "b", "\u00e9")),
        ("SORT l ALPHA DESC LIMIT 1 2", array("b", "ab"))])


def test_limit_cuts_the_result_anywhere(dialogue: Dialogue) -> None:
    dialogue.ok(["RPUSH", "l", *range(20, 0, -1)])
    for offset, count, first, last in (
            (0, 3, 1, 3), (5, 2, 6, 7), (-4, 2, 1, 2), (18, 9, 19, 20), (3, -1, 4, 20),
            (3, -2**63, 4, 20), (1, 2**63 - 1, 2, 20), (-2**63, 2**63 - 1, 1, 20), (0, 0, 1, 0),
            (20, 5, 1, 0), (2**63 - 1, 2**63 - 1, 1, 0)):
        wanted = [str(number) for number in range(first, last + 1)]
        dialogue.check([(f"SORT l LIMIT {offset} {count}", array(*wanted)),
                        (f"SORT l LIMIT 1 1 LIMIT {offset} {count}", array(*wanted))])


def test_by_a_key_orders_by_what_it_holds(dialogue: Dialogue) -> None:
    dialogue.ok("RPUSH l 1 2 3 4", "MSET w1 30 w2 20 w3 10", "SADD w4 x")
    dialogue.check([
        ("SORT l BY w*", array("4", "3", "2", "1")),        # no string: 0
        ("SORT l BY w* ALPHA", array("4", "3", "2", "1")),  # no string: before all others
        ("SORT l BY w* DESC GET w* GET #",
         array("30", "1", "20", "2", "10", "3", NULL, "4")),
        ("SET w1 x", OK), ("SORT l BY w*", NO_SCORE),
        ("SORT l BY w* ALPHA", array("4", "3", "2", "1"))])


def test_by_and_get_take_fields_of_hashes(dialogue: Dialogue) -> None:
    dialogue.ok("RPUSH l 1 2 3", "HSET h1 age 30 name c", "HSET h2 age 20 name b",
                "HSET h3 age 10", "SET k v")
    dialogue.check([
        ("SORT l BY h*->age GET h*->name GET h*->age",
         array(NULL, "10", "b", "20", "c", "30")),
        ("SORT l BY h*->missing DESC", array("3", "2", "1")),
        ("SORT l GET h* GET h*-> GET k GET *->age", array(*[NULL] * 12)),
        ("SORT l BY h*->name ALPHA GET #", array("3", "2", "1"))])


def test_without_an_order_lists_and_sorted_sets_keep_theirs(dialogue: Dialogue) -> None:
    dialogue.ok("RPUSH l c a b d", "ZADD z 3 c 1 a 2 b 4 d")
    dialogue.check([
        ("SORT l BY nosort", array("c", "a", "b", "d")),
        ("SORT l BY nosort DESC", array("d", "b", "a", "c")),
        ("SORT l BY nosort LIMIT 1 2", array("a", "b")),
        ("SORT l BY nosort DESC LIMIT 1 2 GET #", array("b", "a")),
        ("SORT z BY nosort LIMIT 1 -1", array("b", "c", "d")),
        ("SORT z BY nosort DESC LIMIT 3 9", array("a")),
        ("SORT z BY nosort LIMIT 9 9", array()),
        ("SORT l BY w* BY nosort", array("c", "a", "b", "d")),
        ("SORT l BY nosort BY w*", array("c", "a", "b", "d"))])


def test_a_set_that_is_stored_without_an_order_is_ordered_by_text(dialogue: Dialogue) -> None:
    dialogue.ok("SADD s 3 10 2 x")
    dialogue.check([
        ("SORT s BY nosort STORE d", 4), ("LRANGE d 0 -1", array("10", "2", "3", "x")),
        ("SORT s BY nosort DESC LIMIT 1 2 STORE d", 2), ("LRANGE d 0 -1", array("3", "2"))])
    assert sorted(dialogue.call("SORT s BY nosort")) == [b"10", b"2", b"3", b"x"]


def test_store_makes_a_list_in_the_place_of_the_target(dialogue: Dialogue) -> None:
    dialogue.ok("RPUSH l 3 1 2", "SET d v EX 100", "SET w2 two")
    dialogue.check([
        ("SORT l STORE d", 3), ("LRANGE d 0 -1", array("1", "2", "3")), ("TTL d", -1),
        ("SORT l DESC GET w* GET # STORE d", 6),
        ("LRANGE d 0 -1", array("", "3", "two", "2", "", "1")),
        ("SORT l STORE other STORE l", 3), ("EXISTS other", 0),
        ("LRANGE l 0 -1", array("1", "2", "3")), ("SORT l LIMIT 5 5 STORE d", 0), ("EXISTS d", 0),
        ("SET d v", OK), ("SORT missing STORE d", 0), ("EXISTS d", 0),
        ("SORT_RO l STORE d", SYNTAX)])


def test_a_refused_sort_leaves_the_target_alone(dialogue: Dialogue) -> None:
    dialogue.ok("RPUSH l 1 x", "SET d v")
    dialogue.check([("SORT l STORE d", NO_SCORE), ("SORT d STORE d", WRONGTYPE), ("GET d", "v")])


def test_a_blocked_client_is_served_what_sort_stores(dialogue: Dialogue) -> None:
    other = dialogue.other()
    other.begin("BLPOP d 10")
    dialogue.ok("RPUSH l 2 1")
    while b"blocked_clients:1" not in bytes(dialogue.call("INFO clients")):
        continue
    dialogue.check([("SORT l STORE d", 2), ("LRANGE d 0 -1", array("2"))])


def test_get_returns_expired_and_missing_keys_as_null(dialogue: Dialogue) -> None:
    dialogue.ok("RPUSH l 1 2 3", "SET w1 a", "SET w2 b PXAT 1", "SET w3 c")
    dialogue.check([("SORT l GET w*", array("a", NULL, "c"))])


@pytest.mark.parametrize("seed", range(3))
def test_random_lists_are_ordered_as_python_orders_them(dialogue: Dialogue, seed: int) -> None:
    rng = random.Random(seed)
    for size in (1, 2, 17, 200, 3000):
        numbers = [rng.randint(-size, size) for _ in range(size)]
        dialogue.ok("DEL l", ["RPUSH", "l", *numbers])
        ordered = sorted(numbers)
        assert [int(text) for text in dialogue.call("SORT l")] == ordered
        assert [int(text) for text in dialogue.call("SORT l DESC")] == ordered[::-1]
        start, count = rng.randrange(size), rng.randrange(size)
        assert [int(text) for text in dialogue.call(f"SORT l LIMIT {start} {count}")] == (
            ordered[start:start + count])
        assert dialogue.call("SORT l ALPHA") == sorted(b"%d" % number for number in numbers)


@pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="7.0 knows no short list")
def test_a_stored_result_is_short_by_the_rule_of_whole_lists(dialogue: Dialogue) -> None:
    """It used to be by the rule of a push, which estimates what the elements will take."""
    for size, encoding, lengths in ((-2, "quicklist", [8180]), (100, "listpack", [8192]),
                                    (-2, "quicklist", [4090, 4090]), (2, "quicklist", [4090, 4090]),
                                    (3, "listpack", [4000, 4000]), (2, "quicklist", [10, 10, 10])):
        dialogue.ok(f"CONFIG SET list-max-listpack-size {size}", "DEL s d",
                    ["RPUSH", "s", *(b"x" * length for length in lengths)])
        dialogue.check([("SORT s ALPHA STORE d", len(lengths)), ("OBJECT ENCODING d", encoding)])
    dialogue.ok("CONFIG SET list-max-listpack-size -2")
