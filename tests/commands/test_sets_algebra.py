"""SINTER, SUNION, SDIFF and their kin."""

from __future__ import annotations

import random
from typing import Dict, List, Set

import pytest

from .dialogue import OK, SYNTAX, WRONGTYPE, Dialogue, arity, error, set_of

NUMKEYS = error("ERR numkeys should be greater than 0")
TOO_MANY_KEYS = error("ERR Number of keys can't be greater than number of args")
NEGATIVE_LIMIT = error("ERR LIMIT can't be negative")
LISTPACKS = pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="listpacks: since 7.2")


def test_wrong_numbers_of_arguments_are_refused(dialogue: Dialogue) -> None:
    for command in ("SINTER", "SUNION", "SDIFF", "SINTERSTORE", "SINTERSTORE d", "SUNIONSTORE d",
                    "SDIFFSTORE d", "SINTERCARD", "SINTERCARD 1"):
        dialogue.check([(command, arity(command.split()[0].lower()))])


def test_every_key_must_be_a_set_even_where_one_is_missing(dialogue: Dialogue) -> None:
    dialogue.ok("SET k v", "SADD s a")
    dialogue.check_all(
        [f"{name} {keys}" for name in ("SINTER", "SUNION", "SDIFF", "SINTERSTORE d",
                                       "SUNIONSTORE d", "SDIFFSTORE d")
         for keys in ("k", "s k", "missing k", "k s", "s s k")]
        + ["SINTERCARD 1 k", "SINTERCARD 2 missing k"], WRONGTYPE)
    dialogue.check([("EXISTS d", 0), ("GET k", "v")])


def test_missing_keys_are_empty_sets(dialogue: Dialogue) -> None:
    dialogue.ok("SADD s a")
    dialogue.check([
        ("SINTER missing", set_of()), ("SINTER s missing", set_of()), ("SUNION missing", set_of()),
        ("SUNION missing s missing", set_of("a")), ("SDIFF missing s", set_of()),
        ("SDIFF s missing", set_of("a")), ("SINTERCARD 2 s missing", 0)])


def test_small_sets_are_combined(dialogue: Dialogue) -> None:
    dialogue.ok("SADD a 1 2 3 4", "SADD b 3 4 5", "SADD c 4 5 x", "SADD d 4")
    dialogue.check([
        ("SINTER a b", set_of("3", "4")), ("SINTER a b c d", set_of("4")),
        ("SINTER a", set_of("1", "2", "3", "4")), ("SDIFF a b", set_of("1", "2")),
        ("SDIFF a b c d", set_of("1", "2")), ("SDIFF a a", set_of()), ("SDIFF d a", set_of()),
        ("SUNION d d", set_of("4")), ("SINTERCARD 2 a b", 2), ("SINTERCARD 1 a", 4)])
    assert sorted(dialogue.call("SUNION a b c d")) == [b"1", b"2", b"3", b"4", b"5", b"x"]


def test_sintercard_checks_its_numbers_first(dialogue: Dialogue) -> None:
    dialogue.ok("SADD s a b c", "SET k v")
    dialogue.check([
        ("SINTERCARD 0 s", NUMKEYS), ("SINTERCARD -1 s", NUMKEYS), ("SINTERCARD x s", NUMKEYS),
        (f"SINTERCARD {2**63} s", NUMKEYS), ("SINTERCARD 2 s", TOO_MANY_KEYS),
        (f"SINTERCARD {2**63 - 1} s", TOO_MANY_KEYS), ("SINTERCARD 1 s LIMIT", SYNTAX),
        ("SINTERCARD 1 s x", SYNTAX), ("SINTERCARD 1 k x", SYNTAX),
        ("SINTERCARD 1 s LIMIT -1", NEGATIVE_LIMIT), ("SINTERCARD 1 k LIMIT x", NEGATIVE_LIMIT),
        ("SINTERCARD 1 s LIMIT 2", 2), ("SINTERCARD 1 s LIMIT 0", 3),
        ("SINTERCARD 1 s limit 9", 3), ("SINTERCARD 1 s LIMIT 1 LIMIT 2", 2),
        ("SINTERCARD 2 s s LIMIT 1", 1)])


def test_a_stored_result_replaces_whatever_the_target_held(dialogue: Dialogue) -> None:
    dialogue.ok("SADD a 1 2 3", "SADD b 2 3 4", "SET d v EX 100")
    dialogue.check([
        ("SINTERSTORE d a b", 2), ("SMEMBERS d", set_of("2", "3")), ("TTL d", -1),
        ("SET d v", OK), ("SUNIONSTORE d a b", 4), ("SCARD d", 4), ("SDIFFSTORE d a b", 1),
        ("SMEMBERS d", set_of("1")), ("SDIFFSTORE d a a", 0), ("EXISTS d", 0),
        ("SET d v", OK), ("SINTERSTORE d a missing", 0), ("EXISTS d", 0),
        ("SUNIONSTORE d missing", 0), ("EXISTS d", 0)])


def test_the_target_may_be_an_input(dialogue: Dialogue) -> None:
    dialogue.ok("SADD a 1 2 3", "SADD b 2 3 4")
    dialogue.check([
        ("SINTERSTORE a a b", 2), ("SMEMBERS a", set_of("2", "3")), ("SUNIONSTORE a b a a", 3),
        ("SMEMBERS a", set_of("2", "3", "4")), ("SREM b 4", 1), ("SDIFFSTORE a a b", 1),
        ("SMEMBERS a", set_of("4"))])


@LISTPACKS
def test_a_stored_result_has_the_encoding_that_redis_gives_it(dialogue: Dialogue) -> None:
    dialogue.ok("CONFIG SET set-max-intset-entries 4 set-max-listpack-entries 6",
                "SADD texts q w e r t y u i o", "SADD numbers 1 2 3 4 5 6 7 8 9",
                "SADD b q 1", "SADD c w 2", "SADD d e 3", "SADD f r 4", "SADD g t 5",
                "SADD mixed 1 2 3 q", "SREM mixed q", "SADD few q w")
    rows = []
    for command, encoding in (
            ("SDIFFSTORE z texts b c d f g", "hashtable"),    # a copy that others are taken from
            ("SDIFFSTORE z numbers b c d f g", "hashtable"),
            ("SDIFFSTORE z texts few", "hashtable"), ("SDIFFSTORE z few texts numbers b", None),
            ("SDIFFSTORE z mixed b", "intset"), ("SDIFFSTORE z few b", "listpack"),
            ("SUNIONSTORE z mixed", "intset"), ("SUNIONSTORE z few mixed", "listpack"),
            ("SUNIONSTORE z numbers", "hashtable"), ("SINTERSTORE z numbers mixed", "intset"),
            ("SINTERSTORE z numbers", "hashtable"), ("SINTERSTORE z texts few", "listpack")):
        dialogue.ok(command)
        if encoding is not None:
            rows.append((command, dialogue.call("OBJECT ENCODING z"), encoding.encode()))
    dialogue.ok("CONFIG SET set-max-intset-entries 512 set-max-listpack-entries 128")
    assert [row[:2] for row in rows] == [(row[0], row[2]) for row in rows]


def _random_sets(rng: random.Random, count: int) -> Dict[str, Set[bytes]]:
    """Sets of all sizes and encodings over one universe."""
    sets = {}
    for number in range(count):
        size = rng.choice([1, 5, 40, 400, 2000])
        names = [b"%d", b"member:%d"] if rng.random() < 0.7 else [b"%d"]
        sets[f"s{number}"] = {rng.choice(names) % rng.randrange(3 * size) for _ in range(size)}
    return sets


@pytest.mark.parametrize("seed", range(4))
def test_results_agree_with_the_sets_of_python(dialogue: Dialogue, seed: int) -> None:
    rng = random.Random(seed)
    sets = _random_sets(rng, 8)
    for key, members in sets.items():
        dialogue.ok(["SADD", key, *members])
    for _ in range(25):
        keys: List[str] = [rng.choice(list(sets)) for _ in range(rng.randint(1, 8))]
        inputs = [sets[key] for key in keys]
        expected = {"SINTER": set.intersection(*inputs), "SUNION": set.union(*inputs),
                    "SDIFF": inputs[0].difference(*inputs[1:])}
        for name, wanted in expected.items():
            assert sorted(dialogue.call([name, *keys])) == sorted(wanted)
            assert dialogue.call([f"{name}STORE", "d", *keys]) == len(wanted)
            assert sorted(dialogue.call("SMEMBERS d")) == sorted(wanted)
        assert dialogue.call(["SINTERCARD", len(keys), *keys]) == len(expected["SINTER"])
        assert dialogue.call(["SINTERCARD", len(keys), *keys, "LIMIT", 3]) == min(
            3, len(expected["SINTER"]))
