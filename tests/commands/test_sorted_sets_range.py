"""Commands of the group `sorted-set` that count, list, store or remove runs of members."""

from __future__ import annotations

import random
from typing import List, Tuple

import pytest

from .dialogue import (
    NOT_INTEGER, OK, SYNTAX, WRONGTYPE, Dialogue, arity, array, double, error, scored)
from .test_sorted_sets import encoding, whole  # noqa: F401

NOT_A_BOUND = error("ERR min or max is not a float")
NOT_A_LEX_BOUND = error("ERR min or max not valid string range item")
LIMIT_BY_RANK = error(
    "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
SCORES_BY_LEX = error("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
STRICT_BOUNDS = pytest.mark.target("fastredis", "redis>=8.0", reason="older ones use strtod")
LONG_MAX, LONG_MIN = 2**63 - 1, -2**63

pytestmark = pytest.mark.usefixtures("encoding")


def test_wrong_numbers_of_arguments_are_refused(dialogue: Dialogue) -> None:
    for name, given in (("ZRANGE", 2), ("ZREVRANGE", 2), ("ZRANGEBYSCORE", 2),
                        ("ZREVRANGEBYSCORE", 2), ("ZRANGEBYLEX", 2), ("ZREVRANGEBYLEX", 2),
                        ("ZRANGESTORE", 3), ("ZCOUNT", 2), ("ZCOUNT", 4), ("ZLEXCOUNT", 2),
                        ("ZLEXCOUNT", 4), ("ZREMRANGEBYRANK", 2), ("ZREMRANGEBYSCORE", 4),
                        ("ZREMRANGEBYLEX", 2)):
        dialogue.check([([name, *["z"] * given], arity(name.lower()))])


def test_other_types_are_refused_by_every_command_and_not_changed(dialogue: Dialogue) -> None:
    dialogue.ok("SET k v")
    dialogue.check_all(
        ["ZRANGE k 0 -1", "ZRANGE k 0 1 BYSCORE", "ZRANGE k - + BYLEX", "ZREVRANGE k 0 1",
         "ZRANGEBYSCORE k 0 1", "ZREVRANGEBYSCORE k 0 1", "ZRANGEBYLEX k - +",
         "ZREVRANGEBYLEX k + -", "ZRANGESTORE d k 0 1", "ZCOUNT k 0 1", "ZLEXCOUNT k - +",
         "ZREMRANGEBYRANK k 0 1", "ZREMRANGEBYSCORE k 0 1", "ZREMRANGEBYLEX k - +"], WRONGTYPE)
    dialogue.check([("GET k", "v"), ("EXISTS d", 0)])


def test_missing_keys_are_empty_sets(dialogue: Dialogue) -> None:
    dialogue.check_all(["ZRANGE z 0 -1", "ZRANGE z 0 1 BYSCORE REV", "ZREVRANGE z 0 1 WITHSCORES",
                        "ZRANGEBYSCORE z 0 1", "ZREVRANGEBYLEX z + -"], array())
    dialogue.check_all(["ZCOUNT z 0 1", "ZLEXCOUNT z - +", "ZREMRANGEBYRANK z 0 1",
                        "ZREMRANGEBYSCORE z 0 1", "ZREMRANGEBYLEX z - +", "ZRANGESTORE d z 0 1"],
                       0)


def test_ranks_from_both_ends_and_beyond(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 1 a 2 b 3 c 4 d")
    dialogue.check([
        ("ZRANGE z 0 -1", array("a", "b", "c", "d")), ("ZRANGE z 1 2", array("b", "c")),
        ("ZRANGE z -2 -1", array("c", "d")), ("ZRANGE z -100 0", array("a")),
        ("ZRANGE z 3 100", array("d")), ("ZRANGE z 4 5", array()), ("ZRANGE z 2 1", array()),
        ("ZRANGE z -1 -2", array()), (f"ZRANGE z {LONG_MIN} {LONG_MAX}", array("a", "b", "c", "d")),
        (f"ZRANGE z {LONG_MAX} {LONG_MIN}", array()),
        ("ZRANGE z 0 1 REV", array("d", "c")), ("ZREVRANGE z 0 1", array("d", "c")),
        ("ZREVRANGE z -1 -1", array("a")), ("ZRANGE z 0 1 WITHSCORES", scored("a", "1", "b", "2")),
        ("ZRANGE z 0 1 rev withscores WITHSCORES", scored("d", "4", "c", "3")),
        ("ZREVRANGE z 0 0 WITHSCORES", scored("d", "4"))])
    dialogue.check_all(["ZRANGE z x 1", "ZRANGE z 1 1.0", "ZREVRANGE z 0 +1", "ZRANGE k x 1",
                        f"ZRANGE z 0 {LONG_MAX + 1}", "ZREMRANGEBYRANK z x 1"], NOT_INTEGER)


def test_scores_with_open_and_closed_ends(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z -inf low 1 a 1 b 2 c 3.5 d inf high")
    dialogue.check([
        ("ZRANGEBYSCORE z 1 2", array("a", "b", "c")), ("ZRANGEBYSCORE z (1 2", array("c")),
        ("ZRANGEBYSCORE z 1 (2", array("a", "b")), ("ZRANGEBYSCORE z (1 (2", array()),
        ("ZRANGEBYSCORE z -inf +inf", array("low", "a", "b", "c", "d", "high")),
        ("ZRANGEBYSCORE z (-inf (inf", array("a", "b", "c", "d")),
        ("ZRANGEBYSCORE z 2 1", array()), ("ZRANGEBYSCORE z (1 1", array()),
        ("ZRANGEBYSCORE z 1e400 inf", array("high")), ("ZRANGEBYSCORE z -1e400 -1e308",
                                                       array("low")),
        ("ZREVRANGEBYSCORE z 2 1", array("c", "b", "a")), ("ZREVRANGEBYSCORE z 1 2", array()),
        ("ZREVRANGEBYSCORE z (3.5 (1 WITHSCORES", scored("c", "2")),
        ("ZRANGE z (1 3.5 BYSCORE WITHSCORES", scored("c", "2", "d", "3.5")),
        ("ZRANGE z 3.5 (1 BYSCORE REV", array("d", "c")),
        ("ZCOUNT z -inf inf", 6), ("ZCOUNT z (1 3.5", 2), ("ZCOUNT z 5 1", 0), ("ZCOUNT z 1 1", 2)])


def test_bounds_of_scores_that_are_none_are_refused(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 0 a 1 b", "SET k v")
    for bound in ("x", "nan", "(nan", "((1", '"1 "', "1e", "-", "+", "[1", "1,5", "--1"):
        dialogue.check_all([f"ZCOUNT z {bound} 1", f"ZCOUNT z 1 {bound}", f"ZCOUNT k {bound} 1",
                            f"ZRANGE z {bound} 1 BYSCORE", f"ZRANGEBYSCORE z 1 {bound}",
                            f"ZREVRANGEBYSCORE missing {bound} 1",
                            f"ZREMRANGEBYSCORE z {bound} 9",
                            f"ZRANGESTORE d z 0 {bound} BYSCORE"], NOT_A_BOUND)
    dialogue.check([("ZCARD z", 2), ("EXISTS d", 0)])


def test_an_empty_bound_is_zero_and_a_nul_ends_one(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 0 a 1 b 2 c")
    dialogue.check([('ZRANGEBYSCORE z "" ""', array("a")), ("ZRANGEBYSCORE z ( 1", array("b")),
                    ('ZRANGEBYSCORE z "1\\x00x" 1', array("b")), ('ZCOUNT z "(\\x00" 5', 2),
                    ("ZCOUNT z 1e-400 5", 3)])


@STRICT_BOUNDS
def test_bounds_with_blanks_or_hexadecimal_digits_are_refused(dialogue: Dialogue) -> None:
    dialogue.check_all(['ZCOUNT z " 1" 2', "ZCOUNT z 0x1 2", 'ZCOUNT z "( 1" 2',
                        'ZCOUNT z 0 "\\t1"'], NOT_A_BOUND)


def test_members_of_one_score_in_order_of_bytes(dialogue: Dialogue) -> None:
    dialogue.ok('ZADD z 0 b 0 a 0 "" 0 c 0 aa 0 "\\xff" 0 B')
    dialogue.check([
        ("ZRANGEBYLEX z - +", array("", "B", "a", "aa", "b", "c", b"$1\r\n\xff\r\n")),
        ("ZRANGEBYLEX z [a (c", array("a", "aa", "b")), ("ZRANGEBYLEX z (a [c",
                                                         array("aa", "b", "c")),
        ("ZRANGEBYLEX z [ [", array("")), ("ZRANGEBYLEX z ( (B", array()),
        ("ZRANGEBYLEX z - (B", array("")), ("ZRANGEBYLEX z + -", array()),
        ("ZRANGEBYLEX z - -", array()), ("ZRANGEBYLEX z [c [a", array()),
        ("ZREVRANGEBYLEX z [b (a", array("b", "aa")), ("ZREVRANGEBYLEX z - +", array()),
        ("ZRANGE z [aa (c BYLEX", array("aa", "b")), ("ZRANGE z (c [aa bylex REV",
                                                      array("b", "aa")),
        ("ZLEXCOUNT z - +", 7), ("ZLEXCOUNT z [a (c", 3), ("ZLEXCOUNT z (c [a", 0)])
    for bound in ("a", '""', "-a", "++", "1", '"\\x00"'):
        dialogue.check_all([f"ZLEXCOUNT z {bound} +", f"ZLEXCOUNT k - {bound}",
                            f"ZRANGEBYLEX z {bound} +", f"ZREVRANGEBYLEX missing + {bound}",
                            f"ZRANGE z - {bound} BYLEX", f"ZREMRANGEBYLEX z - {bound}"],
                           NOT_A_LEX_BOUND)


def test_limit_skips_and_cuts_from_the_end_that_is_walked(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 1 a 2 b 3 c 4 d")
    dialogue.check([
        ("ZRANGEBYSCORE z 1 4 LIMIT 1 2", array("b", "c")),
        ("ZREVRANGEBYSCORE z 4 1 LIMIT 1 2", array("c", "b")),
        ("ZRANGEBYSCORE z 1 4 LIMIT 0 0", array()), ("ZRANGEBYSCORE z 1 4 LIMIT 3 -1", array("d")),
        ("ZRANGEBYSCORE z 1 4 LIMIT 1 -5", array("b", "c", "d")),
        ("ZRANGEBYSCORE z 1 4 LIMIT 9 1", array()),
        (f"ZRANGEBYSCORE z 1 4 LIMIT 0 {LONG_MAX}", array("a", "b", "c", "d")),
        (f"ZRANGEBYSCORE z 1 4 LIMIT {LONG_MAX} {LONG_MAX}", array()),
        ("ZRANGE z 1 4 BYSCORE LIMIT 1 2 WITHSCORES", scored("b", "2", "c", "3")),
        ("ZRANGE z 4 1 BYSCORE REV LIMIT 1 1", array("c")),
        ("ZRANGE z 1 4 BYSCORE LIMIT 1 1 LIMIT 2 1", array("c")),
        ("ZRANGEBYSCORE z 1 2 WITHSCORES LIMIT 1 5", scored("b", "2")),
        ("ZRANGE z 0 -1 LIMIT 1 -1", array("a", "b", "c", "d"))])
    dialogue.check_all(["ZRANGEBYSCORE z 1 4 LIMIT 1 x", "ZRANGE z 1 4 BYSCORE LIMIT x 1"],
                       NOT_INTEGER)
    dialogue.check_all(["ZRANGEBYSCORE z 1 4 LIMIT 1", "ZRANGEBYSCORE z 1 4 LIMIT"], SYNTAX)
    dialogue.check_all(["ZRANGE z 0 1 LIMIT 0 1", "ZREVRANGE z 0 1 LIMIT 0 1",
                        "ZRANGESTORE d z 0 1 LIMIT 0 1"], LIMIT_BY_RANK)


@pytest.mark.target("fastredis", "redis<8.0", reason="Redis 8 counts from the end of a skiplist")
def test_a_negative_offset_lists_nothing(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 1 a 2 b 3 c 4 d")
    dialogue.check_all(["ZRANGEBYSCORE z 1 4 LIMIT -1 2", "ZREVRANGEBYSCORE z 4 1 LIMIT -2 -1",
                        "ZRANGEBYLEX z - + LIMIT -1 9"], array())


def test_options_that_do_not_belong_are_refused(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 1 a", "SET k v")
    dialogue.check_all(
        ["ZRANGE z 0 1 FOO", "ZRANGE z 0 1 BYSCORE BYLEX", "ZRANGE z 0 1 BYSCORE BYSCORE",
         "ZRANGE z 0 1 REV REV", "ZRANGE z x y FOO", "ZRANGE k 0 1 FOO", "ZREVRANGE z 0 1 REV",
         "ZREVRANGE z 0 1 BYSCORE", "ZRANGEBYSCORE z 0 1 REV", "ZRANGEBYSCORE z 0 1 BYSCORE",
         "ZRANGEBYLEX z - + BYLEX", "ZRANGESTORE d z 0 1 WITHSCORES"], SYNTAX)
    dialogue.check_all(["ZRANGE z - + BYLEX WITHSCORES", "ZRANGEBYLEX z - + WITHSCORES",
                        "ZREVRANGEBYLEX k x y WITHSCORES"], SCORES_BY_LEX)


def test_zrangestore_puts_a_range_in_the_place_of_a_key(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 1 a 2 b 3 c 4 d", "SET d v", "EXPIRE d 100")
    dialogue.check([
        ("ZRANGESTORE d z 1 2", 2), ("ZRANGE d 0 -1 WITHSCORES", scored("b", "2", "c", "3")),
        ("TTL d", -1), ("ZRANGESTORE d z 4 (1 BYSCORE REV LIMIT 0 2", 2),
        ("ZRANGE d 0 -1", array("c", "d")), ("ZRANGESTORE z z 0 1 REV", 2),
        ("ZRANGE z 0 -1", array("c", "d")), ("ZRANGESTORE d z 9 10", 0), ("EXISTS d", 0),
        ("ZRANGESTORE d z [c [c BYLEX", 1), ("ZRANGESTORE d missing 0 1", 0), ("EXISTS d", 0),
        ("SADD s a", 1), ("ZRANGESTORE d s 0 1", WRONGTYPE)])


def test_zrangestore_chooses_the_encoding_by_the_result(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z " + " ".join(f"{at} m{at}" for at in range(20)),
                "CONFIG SET zset-max-listpack-entries 10")
    dialogue.check([("ZRANGESTORE d z 0 9", 10), ("OBJECT ENCODING d", "listpack"),
                    ("ZRANGESTORE d z 0 10", 11), ("OBJECT ENCODING d", "skiplist"),
                    ("ZRANGESTORE d z 0 4 BYSCORE", 5), ("OBJECT ENCODING d", "listpack")])


def test_ranges_are_removed_and_the_last_member_takes_the_key(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 1 a 2 b 3 c 4 d 5 e 6 f 7 g")
    dialogue.check([
        ("ZREMRANGEBYRANK z 0 0", 1), ("ZREMRANGEBYRANK z -1 -1", 1), ("ZREMRANGEBYRANK z 9 10", 0),
        ("ZREMRANGEBYSCORE z (2 3", 1), ("ZREMRANGEBYSCORE z 10 20", 0),
        ("ZRANGE z 0 -1", array("b", "d", "e", "f")), ("ZREMRANGEBYLEX z [e [e", 1),
        ("ZREMRANGEBYLEX z (x [a", 0), ("ZREMRANGEBYSCORE z -inf inf", 3), ("EXISTS z", 0),
        ("ZADD z 1 a 2 b", 2), ("ZREMRANGEBYRANK z 0 -1", 2), ("EXISTS z", 0),
        ("ZADD z 1 a 1 b", 2), ("ZREMRANGEBYLEX z - +", 2), ("DBSIZE", 0)])


def model_range(model: List[Tuple[float, bytes]], low: Tuple[float, bool],
                high: Tuple[float, bool]) -> List[bytes]:
    return [member for score, member in model
            if (score > low[0] or score == low[0] and not low[1])
            and (score < high[0] or score == high[0] and not high[1])]


def test_random_ranges_agree_with_a_sorted_list(dialogue: Dialogue) -> None:
    rng = random.Random(11)
    scores = {b"m%d" % at: rng.randint(-8, 8) for at in range(60)}
    dialogue.ok(["ZADD", "z", *[word for member, score in scores.items()
                                for word in (str(score), member)]])
    model = sorted((score, member) for member, score in scores.items())
    for _ in range(150):
        low, high = ((rng.randint(-9, 9), rng.random() < 0.5) for _ in range(2))
        texts = [("(" if exclusive else "") + str(value) for value, exclusive in (low, high)]
        expected = model_range(model, low, high)
        offset, limit = rng.randint(0, 6), rng.randint(-1, 9)
        end = None if limit < 0 else offset + limit
        assert dialogue.call(["ZCOUNT", "z", *texts]) == len(expected)
        assert dialogue.call(["ZRANGEBYSCORE", "z", *texts, "LIMIT", str(offset), str(limit)]) == \
            expected[offset:end]
        assert dialogue.call(["ZREVRANGEBYSCORE", "z", *texts[::-1], "LIMIT", str(offset),
                              str(limit)]) == expected[::-1][offset:end]
        start, stop = rng.randint(-70, 70), rng.randint(-70, 70)
        first = max(start + 60, 0) if start < 0 else start
        last = stop + 60 if stop < 0 else stop
        names = [member for _, member in model]
        assert dialogue.call(f"ZRANGE z {start} {stop}") == names[first:max(last + 1, 0)]
        assert dialogue.call(f"ZREVRANGE z {start} {stop}") == names[::-1][first:max(last + 1, 0)]
    assert whole(dialogue, "z") == [(member, b"%d" % score) for score, member in model]


def test_a_range_of_a_key_that_expires_is_empty(dialogue: Dialogue) -> None:
    dialogue.check([("ZADD z 1 a", 1), ("PEXPIREAT z 1", 1), ("ZRANGE z 0 -1", array()),
                    ("ZADD z 2 b", 1), ("ZSCORE z b", double("2")), ("CONFIG RESETSTAT", OK)])
