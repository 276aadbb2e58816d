"""ZUNION, ZINTER, ZDIFF and their kin, over sorted sets and sets."""

from __future__ import annotations

import random
from typing import Dict, List

import pytest

from .dialogue import (
    NOT_INTEGER, OK, SYNTAX, WRONGTYPE, Dialogue, arity, array, double, error, scored)
from .test_sorted_sets import encoding, whole  # noqa: F401

WEIGHT = error("ERR weight value is not a float")
LIMIT_NEGATIVE = error("ERR LIMIT can't be negative")
LONG_MAX = 2**63 - 1

pytestmark = pytest.mark.usefixtures("encoding")


def no_keys(name: str) -> bytes:
    """The error of a numkeys that is not positive."""
    return error(f"ERR at least 1 input key is needed for '{name}' command")


def test_wrong_numbers_of_arguments_are_refused(dialogue: Dialogue) -> None:
    for command in ("ZUNION 1", "ZINTER", "ZDIFF 1", "ZINTERCARD 1", "ZUNIONSTORE d 1",
                    "ZINTERSTORE d", "ZDIFFSTORE d 1"):
        dialogue.check([(command, arity(command.split()[0].lower()))])


def test_numbers_of_keys_that_are_none_are_refused(dialogue: Dialogue) -> None:
    for name in ("ZUNION", "ZINTER", "ZDIFF", "ZINTERCARD", "ZUNIONSTORE d", "ZINTERSTORE d",
                 "ZDIFFSTORE d"):
        short = name.split()[0].lower()
        dialogue.check([
            (f"{name} 0 z", no_keys(short)), (f"{name} -5 z", no_keys(short)),
            (f"{name} x z", NOT_INTEGER), (f"{name} 2 z", SYNTAX), (f"{name} {LONG_MAX} z", SYNTAX),
            (f"{name} {LONG_MAX + 1} z", NOT_INTEGER)])


def test_other_types_are_refused_before_the_options(dialogue: Dialogue) -> None:
    dialogue.ok("SET k v", "ZADD z 1 a")
    dialogue.check_all(
        ["ZUNION 1 k", "ZINTER 2 z k", "ZDIFF 2 missing k", "ZINTERCARD 2 z k FOO",
         "ZUNIONSTORE d 2 z k WEIGHTS x", "ZINTERSTORE k 1 k", "ZDIFFSTORE d 1 k"], WRONGTYPE)
    dialogue.check([("GET k", "v"), ("EXISTS d", 0)])


def test_options_that_do_not_belong_are_refused(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 1 a")
    dialogue.check_all(
        ["ZUNION 1 z FOO", "ZUNION 1 z WEIGHTS", "ZUNION 1 z WEIGHTS 1 2", "ZUNION 2 z z WEIGHTS 1",
         "ZUNION 1 z AGGREGATE", "ZUNION 1 z AGGREGATE AVG", "ZUNIONSTORE d 1 z WITHSCORES",
         "ZDIFF 1 z WEIGHTS 1", "ZDIFF 1 z AGGREGATE SUM", "ZDIFFSTORE d 1 z WITHSCORES",
         "ZINTERCARD 1 z WITHSCORES", "ZINTERCARD 1 z WEIGHTS 1", "ZINTERCARD 1 z LIMIT",
         "ZINTER 1 z LIMIT 1", "ZUNION 1 z WITHSCORES 5"], SYNTAX)
    dialogue.check_all(["ZUNION 1 z WEIGHTS x", "ZINTERSTORE d 1 z WEIGHTS nan",
                        "ZUNIONSTORE d 1 z WEIGHTS 1e400"], WEIGHT)
    dialogue.check_all(["ZINTERCARD 1 z LIMIT -1", "ZINTERCARD 1 z LIMIT x"], LIMIT_NEGATIVE)


def test_unions_aggregate_weighted_scores(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 1 a 2 b 3 c", "ZADD y 10 b 20 c 30 d")
    dialogue.check([
        ("ZUNION 2 z y", array("a", "b", "c", "d")),
        ("ZUNION 2 z y WITHSCORES", scored("a", "1", "b", "12", "c", "23", "d", "30")),
        ("ZUNION 2 z y AGGREGATE MIN WITHSCORES", scored("a", "1", "b", "2", "c", "3", "d", "30")),
        ("ZUNION 2 z y withscores aggregate max",
         scored("a", "1", "b", "10", "c", "20", "d", "30")),
        ("ZUNION 2 z y WEIGHTS 2 -0.5 WITHSCORES",
         scored("d", "-15", "c", "-4", "b", "-1", "a", "2")),
        ("ZUNION 2 z y WEIGHTS 2 3 WEIGHTS 1 0 WITHSCORES",
         scored("d", "0", "a", "1", "b", "2", "c", "3")),
        ("ZUNION 2 z z WITHSCORES", scored("a", "2", "b", "4", "c", "6")),
        ("ZUNION 2 missing z", array("a", "b", "c")), ("ZUNION 2 missing missing", array()),
        ("ZUNIONSTORE z 2 z y", 4),
        ("ZRANGE z 0 -1 WITHSCORES", scored("a", "1", "b", "12", "c", "23", "d", "30"))])


def test_intersections_need_every_key(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 1 a 2 b 3 c", "ZADD y 10 b 20 c 30 d", "ZADD x 5 c")
    dialogue.check([
        ("ZINTER 2 z y WITHSCORES", scored("b", "12", "c", "23")),
        ("ZINTER 3 z y x WITHSCORES", scored("c", "28")), ("ZINTER 2 z missing", array()),
        ("ZINTER 3 z y x WEIGHTS 1 0 -1 AGGREGATE MIN WITHSCORES", scored("c", "-5")),
        ("ZINTER 1 z", array("a", "b", "c")), ("ZINTERSTORE d 2 z y WEIGHTS 1 2", 2),
        ("ZRANGE d 0 -1 WITHSCORES", scored("b", "22", "c", "43")),
        ("ZINTERSTORE d 2 z missing", 0), ("EXISTS d", 0),
        ("ZINTERCARD 2 z y", 2), ("ZINTERCARD 2 z y LIMIT 1", 1), ("ZINTERCARD 2 z y LIMIT 0", 2),
        ("ZINTERCARD 2 z y limit 9", 2), ("ZINTERCARD 2 z missing", 0), ("ZINTERCARD 1 z", 3)])


def test_differences_keep_the_scores_of_the_first(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 1 a 2 b 3 c", "ZADD y 10 b", "ZADD x 5 q 5 c")
    dialogue.check([
        ("ZDIFF 2 z y WITHSCORES", scored("a", "1", "c", "3")), ("ZDIFF 3 z y x", array("a")),
        ("ZDIFF 2 missing z", array()), ("ZDIFF 2 z missing", array("a", "b", "c")),
        ("ZDIFF 2 z z", array()), ("ZDIFF 1 z", array("a", "b", "c")),
        ("ZDIFFSTORE z 2 z y", 2), ("ZRANGE z 0 -1", array("a", "c")),
        ("ZDIFFSTORE z 2 y y", 0), ("EXISTS z", 0)])


def test_members_of_sets_count_as_having_the_score_one(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 5 a 6 b", "SADD s b c", "SADD numbers 1 2 3", "ZADD y 7 2")
    dialogue.check([
        ("ZUNION 2 z s WITHSCORES", scored("c", "1", "a", "5", "b", "7")),
        ("ZUNION 2 z s WEIGHTS 1 10 WITHSCORES", scored("a", "5", "c", "10", "b", "16")),
        ("ZINTER 2 s z WITHSCORES", scored("b", "7")), ("ZINTERCARD 2 s z", 1),
        ("ZDIFF 2 s z WITHSCORES", scored("c", "1")), ("ZDIFF 2 z s", array("a")),
        ("ZINTER 2 numbers y WITHSCORES AGGREGATE MAX", scored("2", "7")),
        ("ZUNIONSTORE s 2 s numbers", 5), ("TYPE s", b"+zset\r\n")])


def test_sums_and_products_that_are_no_number_count_as_zero(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z inf a -inf b 1e308 c", "ZADD y -inf a -inf b 1e308 c")
    dialogue.check([
        ("ZUNION 2 z y WITHSCORES", scored("b", "-inf", "a", "0", "c", "inf")),
        ("ZINTER 2 z y WEIGHTS 0 1 WITHSCORES", scored("a", "-inf", "b", "-inf", "c", "1e+308")),
        ("ZUNION 1 z WEIGHTS 0 WITHSCORES", scored("a", "0", "b", "0", "c", "0")),
        ("ZUNION 1 z WEIGHTS inf WITHSCORES", scored("b", "-inf", "a", "inf", "c", "inf"))])


def test_minus_zero_is_shown_by_unions_until_it_is_stored(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 0 a 1 b")
    dialogue.check([
        ("ZUNION 1 z WEIGHTS -1 WITHSCORES", scored("b", "-1", "a", "-0")),
        ("ZUNION 2 z z WEIGHTS -1 1 WITHSCORES", scored("a", "0", "b", "0"))])


def test_sums_are_made_from_the_smallest_input_on(dialogue: Dialogue) -> None:
    """1e16 + 1 is 1e16 again, so that the order of three terms shows in the sum."""
    dialogue.ok("ZADD one 1 a", "ZADD two 1 a 5 x", "ZADD big 1e16 a 5 x 5 y")
    for keys in ("one two big", "big two one", "two big one"):
        dialogue.check([(f"ZINTER 3 {keys} WITHSCORES", scored("a", "10000000000000002"))])
    dialogue.ok("ZADD big2 1e16 a", "ZADD one2 1 a 5 x", "ZADD one3 1 a 5 x 5 y")
    dialogue.check([("ZINTER 3 one3 one2 big2 WITHSCORES", scored("a", "10000000000000000"))])


def test_results_are_stored_in_the_encoding_of_their_size(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 1 a 2 b 3 c", "CONFIG SET zset-max-listpack-entries 3",
                "ZADD y 1 " + "x" * 65)
    dialogue.check([
        ("ZUNIONSTORE d 1 z", 3), ("OBJECT ENCODING d", "listpack"), ("SADD s q", 1),
        ("ZUNIONSTORE d 2 z s", 4), ("OBJECT ENCODING d", "skiplist"),
        ("ZINTERSTORE d 2 d z", 3), ("OBJECT ENCODING d", "listpack"),
        ("ZDIFFSTORE d 2 y z", 1), ("OBJECT ENCODING d", "skiplist")])


def test_storing_replaces_any_type_and_its_time(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 1 a", "SET d v EX 100", "SADD e x", "EXPIRE e 100")
    dialogue.check([
        ("ZUNIONSTORE d 1 z", 1), ("TTL d", -1), ("TYPE d", b"+zset\r\n"),
        ("ZDIFFSTORE e 1 z", 1), ("TTL e", -1), ("ZINTERSTORE e 2 z missing", 0), ("EXISTS e", 0),
        ("WATCH d", OK), ("ZUNIONSTORE missing 1 missing", 0), ("DBSIZE", 2)])


def test_more_keys_than_fit_beside_the_command(dialogue: Dialogue) -> None:
    keys = [f"z{at}" for at in range(50)]
    for at, key in enumerate(keys):
        dialogue.ok(f"ZADD {key} {at} all {at} m{at}")
    dialogue.check([
        (["ZINTER", "50", *keys, "WITHSCORES"], scored("all", str(sum(range(50))))),
        (["ZINTERCARD", "50", *keys], 1),
        (["ZUNIONSTORE", "d", "50", *keys, "WEIGHTS", *["2"] * 50], 51),
        ("ZSCORE d all", double(str(2 * sum(range(50))))), ("ZSCORE d m49", double("98")),
        (["ZDIFF", "50", *keys], array("m0"))])


def model_of(rng: random.Random, size: int) -> Dict[bytes, int]:
    return {b"m%d" % rng.randint(0, 60): rng.randint(-20, 20) for _ in range(size)}


@pytest.mark.parametrize("sizes", [(5, 40, 20), (60, 3, 3), (40, 40, 40), (3, 200, 1)])
def test_random_sets_agree_with_dictionaries(dialogue: Dialogue, sizes: List[int]) -> None:
    rng = random.Random(sum(sizes))
    models = [model_of(rng, size) for size in sizes]
    for at, model in enumerate(models):
        dialogue.ok(["ZADD", f"z{at}", *[word for member, score in model.items()
                                         for word in (str(score), member)]])
    weights = [rng.randint(-3, 3) for _ in models]
    union: Dict[bytes, int] = {}
    for weight, model in zip(weights, models):
        for member, score in model.items():
            union[member] = union.get(member, 0) + weight * score
    common = set(models[0]).intersection(*models[1:])
    rest = {member: score for member, score in models[0].items()
            if not any(member in model for model in models[1:])}
    command = "3 z0 z1 z2"
    texts = " ".join(map(str, weights))
    for expected, name in ((union, f"ZUNIONSTORE d {command} WEIGHTS {texts}"),
                           ({member: union[member] for member in common},
                            f"ZINTERSTORE d {command} WEIGHTS {texts}"),
                           (rest, f"ZDIFFSTORE d {command}")):
        ordered = sorted((score, member) for member, score in expected.items())
        dialogue.check([(name, len(expected))])
        assert [(member, float(text)) for member, text in whole(dialogue, "d")] == [
            (member, float(score)) for score, member in ordered]
    dialogue.check([(f"ZINTERCARD {command}", len(common))])
