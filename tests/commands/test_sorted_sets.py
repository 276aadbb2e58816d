"""Commands of the group `sorted-set`, member by member; ranges, pops and algebra have files of
their own."""

from __future__ import annotations

import collections
import random
from typing import Dict, List, Tuple

import pytest

from .dialogue import (
    NOT_FLOAT, NOT_INTEGER, NULL, NULL_ARRAY, OK, SYNTAX, WRONGTYPE, Dialogue, arity, array,
    double, error, scored)

NX_XX = error("ERR XX and NX options at the same time are not compatible")
GT_LT_NX = error("ERR GT, LT, and/or NX options at the same time are not compatible")
INCR_ONE = error("ERR INCR option supports a single increment-element pair")
NOT_A_NUMBER = error("ERR resulting score is not a number (NaN)")
OUT_OF_RANGE = error("ERR value is out of range")
LONG_RANGE = error("ERR value is out of range, value must between -9223372036854775807 and "
                   "9223372036854775807")
INVALID_CURSOR = error("ERR invalid cursor")
WITH_SCORE = pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="since 7.2")
LONG_MAX = 2**63 - 1


@pytest.fixture(params=["listpack", "skiplist"])
def encoding(request: pytest.FixtureRequest, dialogue: Dialogue):
    """Every test in both encodings; the directive is put back behind it."""
    dialogue.ok(f"CONFIG SET zset-max-listpack-entries {128 if request.param == 'listpack' else 0}")
    yield request.param
    dialogue.ok("CONFIG SET zset-max-listpack-entries 128 zset-max-listpack-value 64")


def whole(dialogue: Dialogue, key: str) -> List[Tuple[bytes, bytes]]:
    """Members and scores, as texts, in order."""
    found = dialogue.call(["ZRANGE", key, "0", "-1", "WITHSCORES"])
    if dialogue.protocol == 3:
        return [(member, score.text) for member, score in found]
    return list(zip(found[::2], found[1::2]))


def test_wrong_numbers_of_arguments_are_refused(dialogue: Dialogue) -> None:
    for command in ("ZADD", "ZADD z", "ZADD z 1", "ZINCRBY z 1", "ZINCRBY z 1 a b", "ZREM z",
                    "ZCARD", "ZCARD z x", "ZSCORE z", "ZSCORE z a b", "ZMSCORE z", "ZRANK z",
                    "ZREVRANK z", "ZRANDMEMBER", "ZSCAN z", "ZSCAN"):
        dialogue.check([(command, arity(command.split()[0].lower()))])
    dialogue.check([("EXISTS z", 0)])


def test_other_types_are_refused_by_every_command_and_not_changed(dialogue: Dialogue) -> None:
    dialogue.ok("SET k v")
    dialogue.check_all(
        ["ZADD k 1 a", "ZADD k XX 1 a", "ZADD k 1 a 2 b", "ZADD k INCR 1 a", "ZINCRBY k 1 a",
         "ZREM k a", "ZCARD k", "ZSCORE k a", "ZMSCORE k a b", "ZRANK k a", "ZREVRANK k a",
         "ZRANDMEMBER k", "ZRANDMEMBER k 2", "ZRANDMEMBER k 0", "ZSCAN k 0", "ZSCAN k 0 FOO"],
        WRONGTYPE)
    dialogue.check([("GET k", "v")])


def test_zadd_adds_updates_and_counts_only_the_new(dialogue: Dialogue, encoding: str) -> None:
    dialogue.check([
        ("ZADD z 1 a", 1), ("ZADD z 1 a", 0), ("ZADD z 2 a", 0), ("ZADD z 2 a 3 b 4 c", 2),
        ("ZADD z CH 2 a 5 b 6 d", 2), ("ZADD z ch 2 a", 0), ("ZADD z 1 e 2 e 3 e", 1),
        ("ZCARD z", 5), ("OBJECT ENCODING z", encoding)])
    assert whole(dialogue, "z") == [
        (b"a", b"2"), (b"e", b"3"), (b"c", b"4"), (b"b", b"5"), (b"d", b"6")]


def test_zadd_conditions_keep_what_they_forbid(dialogue: Dialogue, encoding: str) -> None:
    dialogue.check([
        ("ZADD z XX 1 a", 0), ("EXISTS z", 0), ("ZADD z NX 1 a 2 b", 2), ("ZADD z NX 5 a 3 c", 1),
        ("ZSCORE z a", double("1")), ("ZADD z XX CH 9 a 9 new", 1), ("ZSCORE z a", double("9")),
        ("ZSCORE z new", NULL), ("ZADD z GT CH 8 a 3 b", 1), ("ZSCORE z a", double("9")),
        ("ZADD z LT CH 8 a 4 b", 1), ("ZSCORE z b", double("3")), ("ZADD z GT 1 new", 1),
        ("ZADD z LT 5 newer", 1), ("ZADD z XX GT 7 newest", 0), ("ZADD z GT CH 8 a", 0),
        ("ZADD z XX XX CH CH 1 a", 1), ("ZCARD z", 5)])


def test_zadd_incr_answers_the_new_score(dialogue: Dialogue, encoding: str) -> None:
    dialogue.check([
        ("ZADD z INCR 5 a", double("5")), ("ZADD z INCR -1.5 a", double("3.5")),
        ("ZADD z NX INCR 1 a", NULL), ("ZADD z XX INCR 1 b", NULL),
        ("ZADD z XX INCR 1 a", double("4.5")), ("ZADD z GT INCR -1 a", NULL),
        ("ZADD z LT INCR -1 a", double("3.5")), ("ZADD z INCR CH 0 a", double("3.5")),
        ("ZADD missing XX INCR 1 a", NULL), ("EXISTS missing", 0),
        ("ZINCRBY z 2 a", double("5.5")), ("ZINCRBY z 1 new", double("1"))])


def test_zadd_options_that_exclude_each_other_are_refused(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 1 a", "SET k v")
    dialogue.check_all(["ZADD z NX XX 1 a", "ZADD z XX GT NX 1 a", "ZADD k NX XX 1 a"], NX_XX)
    dialogue.check_all(["ZADD z NX GT 1 a", "ZADD z LT NX 1 a", "ZADD z GT LT 1 a",
                        "ZADD k GT LT x a"], GT_LT_NX)
    dialogue.check_all(["ZADD z INCR 1 a 2 b", "ZADD k INCR x a y b"], INCR_ONE)
    dialogue.check_all(["ZADD z NX CH XX", "ZADD z 1 a 2", "ZADD z CH 1", "ZADD z XX GT",
                        "ZADD k CH 1", "ZINCRBY z XX a", "ZINCRBY z NX XX"], SYNTAX)
    dialogue.check([("ZSCORE z a", double("1")), ("ZCARD z", 1)])


def test_scores_that_are_no_numbers_change_nothing(dialogue: Dialogue, encoding: str) -> None:
    dialogue.ok("ZADD z 1 a", "SET k v")
    for text in ("nan", "-nan", "x", '""', '" 2"', '"2 "', "2x", "1e400", "1e-400", "--1", "1,5",
                 "1_0", "0x", '"1\\x00"', "e5", "+", "."):
        dialogue.check([(f"ZADD z {text} a", NOT_FLOAT), (f"ZADD z 2 b {text} a", NOT_FLOAT),
                        (f"ZINCRBY z {text} a", NOT_FLOAT), (f"ZADD new {text} a", NOT_FLOAT),
                        (f"ZADD k {text} a", NOT_FLOAT)])
    many = ["ZADD", "z", *[word for at in range(40) for word in ("7", f"m{at}")], "x", "last"]
    dialogue.check([(many, NOT_FLOAT), ("ZCARD z", 1), ("EXISTS new", 0)])


@pytest.mark.target("fastredis", "redis", reason="Valkey 9 reads no hexadecimal digits")
def test_scores_are_read_in_every_spelling(dialogue: Dialogue, encoding: str) -> None:
    for text, shown in (("+1", "1"), ("1.", "1"), (".5", "0.5"), ("-00.5", "-0.5"), ("1E3", "1000"),
                        ("0x10", "16"), ("0x1p3", "8"), ("inf", "inf"), ("-Infinity", "-inf"),
                        ("1e308", "1e+308"), ("00012", "12"), ("9007199254740993",
                                                              "9007199254740992"),
                        ("3.0000000000000004", "3.0000000000000004"), ("1e21", "1e+21"),
                        ("1.7976931348623157e308", "1.7976931348623157e+308")):
        dialogue.ok(f"ZADD z {text} m")
        dialogue.check([("ZSCORE z m", double(shown))])


def test_sums_that_are_no_number_are_refused(dialogue: Dialogue, encoding: str) -> None:
    dialogue.check([
        ("ZADD z inf a 1e308 b -inf c", 3), ("ZINCRBY z -inf a", NOT_A_NUMBER),
        ("ZADD z INCR inf c", NOT_A_NUMBER), ("ZSCORE z a", double("inf")),
        ("ZINCRBY z 1e308 b", double("inf")), ("ZINCRBY z 5 a", double("inf")),
        ("ZRANK z c", 0), ("ZREVRANK z a", 1)])


def test_many_pairs_at_once_are_the_same_as_one_by_one(dialogue: Dialogue, encoding: str) -> None:
    rng = random.Random(7)
    expected: Dict[str, int] = {}
    for size in (2, 3, 31, 32, 33, 34, 70, 300):
        pairs = [(rng.randint(-50, 50), f"m{rng.randint(0, 200)}") for _ in range(size)]
        new = len({member for _, member in pairs} - set(expected))
        expected.update({member: score for score, member in pairs})
        command = ["ZADD", "z", *[str(word) for pair in pairs for word in pair]]
        dialogue.check([(command, new)])
    ordered = sorted((score, member.encode()) for member, score in expected.items())
    assert whole(dialogue, "z") == [(member, b"%d" % score) for score, member in ordered]


def test_encodings_change_at_their_limits_and_never_back(dialogue: Dialogue) -> None:
    dialogue.ok("CONFIG SET zset-max-listpack-entries 3 zset-max-listpack-value 8",
                "ZADD z 1 a 2 b 3 c")
    dialogue.check([("OBJECT ENCODING z", "listpack"), ("ZADD z 4 b 4 c 4 a", 0),
                    ("OBJECT ENCODING z", "listpack"), ("ZADD z 4 d", 1),
                    ("OBJECT ENCODING z", "skiplist"), ("ZREM z a b c", 3),
                    ("OBJECT ENCODING z", "skiplist"),
                    ("ZADD y 1 12345678", 1), ("OBJECT ENCODING y", "listpack"),
                    ("ZADD y 1 123456789", 1), ("OBJECT ENCODING y", "skiplist"),
                    ("ZADD x 1 123456789", 1), ("OBJECT ENCODING x", "skiplist"),
                    ("ZADD w 1 a 1 b 1 c 1 d", 4), ("OBJECT ENCODING w", "skiplist"),
                    ("ZADD v 1 a", 1), ("ZADD v XX 5 a 5 b 5 c 5 d", 0)])
    dialogue.ok("CONFIG SET zset-max-listpack-entries 128 zset-max-listpack-value 64")


@pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="7.0 waits for a new member")
@pytest.mark.parametrize("command, reply", [
    ("ZADD z 5 a", 0), ("ZADD z XX 1 nobody", 0), ("ZADD z NX INCR 1 a", NULL),
    ("ZINCRBY z 1 a", double("2")), ("GEOADD z XX 1 1 nobody", 0)])
def test_a_limit_of_no_members_unpacks_with_the_next_pair_even_where_nothing_is_added(
        dialogue: Dialogue, command: str, reply: object) -> None:
    dialogue.ok("ZADD z 1 a", "CONFIG SET zset-max-listpack-entries 0")
    dialogue.check([("OBJECT ENCODING z", "listpack"), (command, reply),
                    ("OBJECT ENCODING z", "skiplist")])
    dialogue.ok("CONFIG SET zset-max-listpack-entries 128")


def test_minus_zero_is_zero_in_a_listpack_and_itself_in_a_skiplist(dialogue: Dialogue) -> None:
    dialogue.check([("ZADD z -0 a", 1), ("ZSCORE z a", double("0")),
                    ("ZINCRBY z -0 b", double("-0")), ("ZSCORE z b", double("0"))])
    dialogue.ok("CONFIG SET zset-max-listpack-entries 0")
    dialogue.check([("ZADD y -0 b 0 a", 2), ("ZSCORE y b", double("-0")), ("ZADD y CH 0 b", 0),
                    ("ZSCORE y b", double("-0")), ("ZINCRBY y 0 b", double("0")),
                    ("ZRANK y b", 1)])
    dialogue.ok("CONFIG SET zset-max-listpack-entries 128")


def test_zrem_counts_what_was_there_and_the_last_one_takes_the_key(
        dialogue: Dialogue, encoding: str) -> None:
    dialogue.check([
        ("ZREM missing a", 0), ("ZADD z 1 a 2 b 3 c", 3), ("ZREM z a x a", 1), ("ZREM z x y", 0),
        ("ZREM z c b a", 2), ("EXISTS z", 0), ("TYPE z", b"+none\r\n"), ("ZADD z 1 a", 1),
        ("ZREM z a", 1), ("DBSIZE", 0)])


def test_zscore_and_zmscore_answer_null_for_what_is_not_there(
        dialogue: Dialogue, encoding: str) -> None:
    dialogue.check([
        ("ZADD z 1 a 1.5 b inf c", 3), ("ZSCORE z b", double("1.5")), ("ZSCORE z x", NULL),
        ("ZSCORE missing a", NULL), ("ZCARD missing", 0),
        ("ZMSCORE z c x a", array(double("inf"), NULL, double("1"))),
        ("ZMSCORE missing a b", array(NULL, NULL))])


def test_ranks_count_from_either_end_with_ties_in_order_of_bytes(
        dialogue: Dialogue, encoding: str) -> None:
    dialogue.ok('ZADD z 1 b 1 a 1 "" 2 c 1 ab 1 "\\xff" -5 z')
    dialogue.check([
        ("ZRANK z z", 0), ('ZRANK z ""', 1), ("ZRANK z a", 2), ("ZRANK z ab", 3), ("ZRANK z b", 4),
        ('ZRANK z "\\xff"', 5), ("ZRANK z c", 6), ("ZREVRANK z c", 0), ("ZREVRANK z z", 6),
        ("ZRANK z x", NULL), ("ZREVRANK z x", NULL), ("ZRANK missing a", NULL)])


@WITH_SCORE
def test_ranks_with_scores(dialogue: Dialogue, encoding: str) -> None:
    dialogue.ok("ZADD z 1 a 2.5 b")
    dialogue.check([
        ("ZRANK z b WITHSCORE", array(1, double("2.5"))),
        ("ZREVRANK z b withscore", array(0, double("2.5"))),
        ("ZRANK z x WITHSCORE", NULL_ARRAY), ("ZRANK missing x WITHSCORE", NULL_ARRAY),
        ("ZRANK z a FOO", SYNTAX), ("ZRANK z a WITHSCORE x", arity("zrank")),
        ("ZREVRANK z a WITHSCORES", SYNTAX), ("ZREVRANK z a b c", arity("zrevrank"))])


def test_zrandmember_returns_members_of_the_set(dialogue: Dialogue, encoding: str) -> None:
    dialogue.ok("ZADD z 1 a 2 b 3 c 4 5")
    everything = {b"a", b"b", b"c", b"5"}
    seen = {dialogue.call("ZRANDMEMBER z") for _ in range(200)}
    assert seen == everything
    for count in range(1, 8):
        drawn = dialogue.call(f"ZRANDMEMBER z {count}")
        assert len(drawn) == len(set(drawn)) == min(count, 4) and set(drawn) <= everything
        drawn = dialogue.call(f"ZRANDMEMBER z -{count}")
        assert len(drawn) == count and set(drawn) <= everything
    dialogue.check([("ZRANDMEMBER z 0", array()), ("ZRANDMEMBER missing", NULL),
                    ("ZRANDMEMBER missing 5", array()), ("ZRANDMEMBER missing -5", array()),
                    ("ZRANDMEMBER missing 5 WITHSCORES", array())])
    dialogue.ok("ZREM z b c 5")
    dialogue.check([("ZRANDMEMBER z 3 WITHSCORES", scored("a", "1")),
                    ("ZRANDMEMBER z -2 withscores", scored("a", "1", "a", "1"))])


def test_zrandmember_draws_every_group_alike(dialogue: Dialogue, encoding: str) -> None:
    """Two of twelve by rank, ten of twelve by a walk: each member as often as the others."""
    dialogue.ok("ZADD z " + " ".join(f"{at} m{at}" for at in range(12)))
    for count in (2, 10):
        seen = collections.Counter(member for _ in range(1200)
                                   for member in dialogue.call(f"ZRANDMEMBER z {count}"))
        expected = 1200 * count / 12
        assert len(seen) == 12
        assert all(abs(times - expected) < expected * 0.4 for times in seen.values())


def test_zrandmember_refuses_counts_that_are_none(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 1 a", "SET k v")
    dialogue.check_all(["ZRANDMEMBER z x", "ZRANDMEMBER z 1.0", "ZRANDMEMBER k x",
                        "ZRANDMEMBER z x FOO", f"ZRANDMEMBER z {LONG_MAX + 1}"], NOT_INTEGER)
    dialogue.check_all(["ZRANDMEMBER z 1 FOO", "ZRANDMEMBER z 1 WITHSCORES x",
                        "ZRANDMEMBER z 1 WITHSCORES WITHSCORES"], SYNTAX)
    dialogue.check_all([f"ZRANDMEMBER z {-2**63}", f"ZRANDMEMBER z {-2**63} WITHSCORES"],
                       LONG_RANGE)
    dialogue.check_all([f"ZRANDMEMBER z {2**62} WITHSCORES", f"ZRANDMEMBER z {-2**62} WITHSCORES",
                        f"ZRANDMEMBER k {LONG_MAX} WITHSCORES"], OUT_OF_RANGE)
    dialogue.check([(f"ZRANDMEMBER z {LONG_MAX}", array("a")),
                    (f"ZRANDMEMBER z {2**62 - 1} WITHSCORES", scored("a", "1"))])


@pytest.mark.target("fastredis", reason="others answer until the client is gone")
def test_zrandmember_refuses_a_reply_beyond_all_measure(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 1 a")
    too_long = error("ERR count is out of range, the reply would exceed 512 MB")
    dialogue.check_all([f"ZRANDMEMBER z {-LONG_MAX}", "ZRANDMEMBER z -1000000000",
                        f"ZRANDMEMBER z {-2**61} WITHSCORES"], too_long)


def scan_all(dialogue: Dialogue, key: str, *options: str) -> Dict[bytes, bytes]:
    """What one whole iteration returns."""
    cursor, found = b"0", {}
    for _ in range(100_000):
        cursor, some = dialogue.call(["ZSCAN", key, cursor, *options])
        found.update(zip(some[::2], some[1::2]))
        if cursor == b"0":
            return found
    raise AssertionError("ZSCAN does not come to an end")


def test_zscan_returns_every_member_with_its_score(dialogue: Dialogue, encoding: str) -> None:
    expected = {b"m%d" % at: b"%d" % (at % 7) for at in range(100)}
    dialogue.ok(["ZADD", "z", *[word for member, score in expected.items()
                                for word in (score, member)]])
    assert scan_all(dialogue, "z") == expected
    assert scan_all(dialogue, "z", "COUNT", "1") == expected
    assert scan_all(dialogue, "z", "COUNT", str(LONG_MAX)) == expected
    assert scan_all(dialogue, "z", "MATCH", "m1*", "COUNT", "5") == {
        member: score for member, score in expected.items() if member.startswith(b"m1")}


def test_zscan_keeps_its_promise_while_the_set_grows_and_shrinks(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z " + " ".join(f"{at} stays{at}" for at in range(300)))
    rng, cursor, found = random.Random(3), b"0", set()
    for round_number in range(100_000):
        cursor, some = dialogue.call(["ZSCAN", "z", cursor, "COUNT", "7"])
        found |= set(some[::2])
        if cursor == b"0":
            break
        for at in range(20):
            name = f"passes{rng.randint(0, 3000)}"
            dialogue.ok(f"ZADD z {rng.randint(0, 300)} {name}" if round_number < 40
                        else f"ZREM z {name}")
    assert {b"stays%d" % at for at in range(300)} <= found


def test_zscan_refuses_odd_arguments(dialogue: Dialogue) -> None:
    dialogue.ok("ZADD z 1 a", "SET k v")
    dialogue.check_all(["ZSCAN z x", "ZSCAN k x", "ZSCAN missing x"], INVALID_CURSOR)
    dialogue.check_all(["ZSCAN z 0 COUNT 0", "ZSCAN z 0 FOO", "ZSCAN z 0 TYPE zset",
                        "ZSCAN z 0 COUNT"], SYNTAX)
    dialogue.check([("ZSCAN z 0 COUNT x", NOT_INTEGER),
                    ("ZSCAN missing 0 FOO", array("0", array())),
                    ("ZSCAN z 0", array("0", array("a", "1"))),
                    ("ZSCAN z 0 MATCH b", array("0", array()))])


def test_watch_sees_what_has_changed_only(dialogue: Dialogue) -> None:
    other = dialogue.other()
    for command, seen in (("ZADD z 1 a", False), ("ZADD z XX 1 new", False), ("ZADD z 2 a", True),
                          ("ZINCRBY z 0 a", False), ("ZINCRBY z 1 a", True), ("ZREM z x", False),
                          ("ZREM z a", True), ("ZRANDMEMBER z 5", False)):
        dialogue.ok("DEL z", "ZADD z 1 a 1 b", "WATCH z")
        other.ok(command)
        dialogue.ok("MULTI", "PING")
        dialogue.check([("EXEC", NULL_ARRAY if seen else array(b"+PONG\r\n"))])


def test_changes_are_counted_one_for_each_member(dialogue: Dialogue) -> None:
    def changes() -> int:
        info = bytes(dialogue.call("INFO persistence"))
        return int(info.split(b"rdb_changes_since_last_save:")[1].split(b"\r")[0])

    for command, count in (("ZADD z 1 a 2 b 3 c", 3), ("ZADD z 1 a", 0), ("ZADD z 2 a 3 b 3 c", 2),
                           ("ZINCRBY z 0 a", 0), ("ZINCRBY z 1 a", 1), ("ZREM z a b x", 2)):
        before = changes()
        dialogue.ok(command)
        assert changes() - before == count, command


def test_a_volatile_sorted_set_keeps_its_time_and_its_copy_is_its_own(dialogue: Dialogue,
                                                                     encoding: str) -> None:
    dialogue.check([
        ("ZADD z 1 a 2 b", 2), ("EXPIRE z 1000", 1), ("ZADD z 3 c", 1), ("TTL z", 1000),
        ("COPY z y", 1), ("TTL y", 1000), ("ZREM y a", 1), ("ZADD y 9 b", 0), ("ZCARD z", 3),
        ("ZSCORE z b", double("2")), ("RENAME y z", OK), ("ZCARD z", 2),
        ("ZSCORE z b", double("9"))])
