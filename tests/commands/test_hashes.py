"""Hashes: HSET to HSCAN, in each encoding, and what turns one encoding into another."""

from __future__ import annotations

import re
from typing import Iterator, List

import pytest

from .dialogue import (
    NOT_FLOAT, NOT_INTEGER, NULL, OK, SYNTAX, WRONGTYPE, Dialogue, arity, array, bulk, error,
    mapping)

LONG_MAX, LONG_MIN = 2**63 - 1, -2**63
OVERFLOW = error("ERR increment or decrement would overflow")
HASH_NOT_INTEGER = error("ERR hash value is not an integer")
HASH_NOT_FLOAT = error("ERR hash value is not a float")
OUT_OF_RANGE = error("ERR value is out of range")
NOT_LONG = error("ERR value is out of range, value must between "
                 "-9223372036854775807 and 9223372036854775807")
WITH_KEY_ALONE = ("HGETALL", "HKEYS", "HVALS", "HLEN")
READS = ("HGET h f", "HMGET h f g", "HGETALL h", "HKEYS h", "HVALS h", "HLEN h", "HEXISTS h f",
         "HSTRLEN h f", "HRANDFIELD h", "HRANDFIELD h 3", "HSCAN h 0")
WRITES = ("HSET h f v", "HMSET h f v", "HSETNX h f v", "HINCRBY h f 1", "HINCRBYFLOAT h f 1",
          "HDEL h f")


@pytest.fixture(params=["listpack", "hashtable"])
def encoding(request: pytest.FixtureRequest, server, dialogue: Dialogue) -> Iterator[str]:
    """The encoding that a new hash has from its first field on."""
    if request.param == "hashtable":
        dialogue.ok("CONFIG SET hash-max-listpack-entries 0")
    yield request.param
    dialogue.ok("CONFIG SET hash-max-listpack-entries 512")


def fields_of(dialogue: Dialogue, command: str) -> List[bytes]:
    """The elements of a reply, sorted."""
    return sorted(dialogue.call(command))


def test_wrong_numbers_of_arguments_are_refused(dialogue: Dialogue) -> None:
    for command in WITH_KEY_ALONE:
        dialogue.check_all([command, f"{command} h x"], arity(command.lower()))
    for command in ("HGET", "HEXISTS", "HSTRLEN"):
        dialogue.check_all([command, f"{command} h", f"{command} h f g"], arity(command.lower()))
    for command in ("HSET", "HMSET"):
        dialogue.check_all([command, f"{command} h", f"{command} h f", f"{command} h f v g"],
                           arity(command.lower()))
    for command in ("HSETNX", "HINCRBY", "HINCRBYFLOAT"):
        dialogue.check_all([command, f"{command} h f", f"{command} h f 1 2"],
                           arity(command.lower()))
    dialogue.check_all(["HDEL", "HDEL h"], arity("hdel"))
    dialogue.check_all(["HMGET", "HMGET h"], arity("hmget"))
    dialogue.check_all(["HRANDFIELD"], arity("hrandfield"))
    dialogue.check_all(["HSCAN", "HSCAN h"], arity("hscan"))
    dialogue.check([("EXISTS h", 0)])


def test_keys_of_other_types_are_refused_and_left_alone(dialogue: Dialogue) -> None:
    dialogue.ok("SET h text")
    dialogue.check_all(READS + WRITES, WRONGTYPE)
    dialogue.check([("GET h", "text")])


def test_missing_keys_read_as_empty_hashes(dialogue: Dialogue) -> None:
    dialogue.check([
        ("HGET h f", NULL), ("HMGET h f g", array(NULL, NULL)), ("HGETALL h", mapping()),
        ("HKEYS h", array()), ("HVALS h", array()), ("HLEN h", 0), ("HEXISTS h f", 0),
        ("HSTRLEN h f", 0), ("HRANDFIELD h", NULL), ("HRANDFIELD h 3", array()),
        ("HRANDFIELD h -3 WITHVALUES", array()), ("HSCAN h 0", array("0", array())),
        ("HSCAN h 17 COUNT 0", array("0", array())), ("HDEL h f", 0), ("EXISTS h", 0)])


def test_setting_tells_how_many_fields_are_new(dialogue: Dialogue, encoding: str) -> None:
    dialogue.check([
        ("HSET h a 1", 1), ("OBJECT ENCODING h", encoding), ("HSET h a 2", 0),
        ("HSET h a 3 b 4 b 5", 1), ("HGET h a", "3"), ("HGET h b", "5"), ("HMSET h c 1 d 2", OK),
        ("HSETNX h c x", 0), ("HSETNX h e x", 1), ("HLEN h", 5), ("HMGET h c e f", array(
            "1", "x", NULL)), ("HEXISTS h c", 1), ("HEXISTS h f", 0), ("HSTRLEN h a", 1),
        ("HSTRLEN h f", 0)])


def test_names_and_values_are_any_bytes(dialogue: Dialogue, encoding: str) -> None:
    texts = [b"", b"\x00", b"a\x00b", b"\r\n", b"\xff" * 30, b"0", b"-1", b"007", b"+1", b" 1",
             b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808",
             b"v" * 127, b"w" * 253, b"x" * 254, b"y" * 4096, b"z" * 100_000]
    for text in texts:
        turned = text[::-1]
        dialogue.check([(["HSET", "h", text, turned], 1), (["HGET", "h", text], bulk(turned)),
                        (["HSTRLEN", "h", text], len(text)), (["HSET", "h", text, "short"], 0),
                        (["HGET", "h", text], "short"), (["HSET", "h", text, text], 0),
                        (["HGET", "h", text], bulk(text))])
    assert fields_of(dialogue, "HKEYS h") == fields_of(dialogue, "HVALS h") == sorted(texts)


def test_deleting_the_last_field_deletes_the_key(dialogue: Dialogue, encoding: str) -> None:
    dialogue.ok("HSET h a 1 b 2 c 3", "EXPIRE h 1000")
    dialogue.check([
        ("HDEL h x a y", 1), ("HLEN h", 2), ("HDEL h b b", 1), ("HDEL h c", 1), ("EXISTS h", 0),
        ("HDEL h c", 0), ("HSET h a 1", 1), ("TTL h", -1)])


def test_all_fields_are_told_in_the_order_in_which_they_came(dialogue: Dialogue) -> None:
    dialogue.ok("HSET h b 1 a 2 c 3", "HSET h a 4", "HDEL h b", "HSET h b 5")
    dialogue.check([
        ("HGETALL h", mapping("a", "4", "c", "3", "b", "5")), ("HKEYS h", array("a", "c", "b")),
        ("HVALS h", array("4", "3", "5"))])


def test_a_big_hash_tells_every_field_once(dialogue: Dialogue) -> None:
    expected = {b"field:%d" % i: b"value:%d" % i for i in range(2000)}
    dialogue.ok(["HSET", "h", *(part for pair in expected.items() for part in pair)])
    reply = dialogue.call("HGETALL h")
    pairs = reply if dialogue.protocol == 3 else list(zip(reply[::2], reply[1::2]))
    assert dict(pairs) == expected and len(pairs) == len(expected)
    assert fields_of(dialogue, "HKEYS h") == sorted(expected)
    assert fields_of(dialogue, "HVALS h") == sorted(expected.values())
    dialogue.ok(["HDEL", "h", *list(expected)[:1500]])
    assert fields_of(dialogue, "HKEYS h") == sorted(list(expected)[1500:])


def test_adding_to_numbers(dialogue: Dialogue, encoding: str) -> None:
    dialogue.check([
        ("HINCRBY h n 5", 5), ("OBJECT ENCODING h", encoding), ("HINCRBY h n -7", -2),
        (f"HINCRBY h max {LONG_MAX}", LONG_MAX), ("HINCRBY h max 1", OVERFLOW),
        (f"HINCRBY h n {LONG_MIN}", OVERFLOW), (f"HINCRBY h min {LONG_MIN}", LONG_MIN),
        ("HINCRBY h min -1", OVERFLOW), ("HGET h max", str(LONG_MAX)), ("HINCRBY h n 0", -2),
        ("HSET h t text e \"\" s \" 1\" z 01", 4)])
    dialogue.check_all([f"HINCRBY h {name} 1" for name in "tesz"], HASH_NOT_INTEGER)
    dialogue.check_all(["HINCRBY h n x", "HINCRBY h n 1.0", 'HINCRBY h n ""', "HINCRBY h n +1",
                        "HINCRBY h n 9223372036854775808"], NOT_INTEGER)
    dialogue.check([("HGET h n", "-2")])


def test_the_number_to_add_is_looked_at_before_the_key(dialogue: Dialogue) -> None:
    dialogue.ok("SET h text")
    dialogue.check([("HINCRBY h f x", NOT_INTEGER), ("HINCRBYFLOAT h f x", NOT_FLOAT),
                    ("HINCRBYFLOAT h f inf", error("ERR value is NaN or Infinity"))])


def test_adding_to_floats(dialogue: Dialogue, encoding: str) -> None:
    dialogue.check([
        ("HINCRBYFLOAT h f 0.1", "0.1"), ("HINCRBYFLOAT h f 0.2", "0.3"),
        ("HINCRBYFLOAT h f -0.3", "0"), ("HINCRBYFLOAT h f 3.0e3", "3000"),
        ("HINCRBYFLOAT h new -0", "0"), ("HSET h t text e \"\" i inf", 3),
        ("HINCRBYFLOAT h t 1", HASH_NOT_FLOAT), ("HINCRBYFLOAT h e 1", HASH_NOT_FLOAT),
        ("HINCRBYFLOAT h i 1", error("ERR increment would produce NaN or Infinity")),
        ("HINCRBYFLOAT h f nan", NOT_FLOAT), ("HINCRBYFLOAT h f 1e5000", NOT_FLOAT),
        ("HGET h f", "3000"), ("HINCRBY h f 1", 3001)])


@pytest.mark.parametrize("command", ["HSET h {} 1", "HSET h f {}", "HSETNX h {} 1",
                                     "HINCRBY h {} 1", "HINCRBYFLOAT h {} 1", "HMSET h f {}"])
def test_a_long_name_or_value_makes_a_table(dialogue: Dialogue, command: str) -> None:
    dialogue.ok("HSET h a 1")
    dialogue.ok(command.format("x" * 64))
    dialogue.check([("OBJECT ENCODING h", "listpack")])
    dialogue.ok(command.format("x" * 65).replace("HSETNX h f", "HSETNX h g"))
    dialogue.check([("OBJECT ENCODING h", "hashtable")])
    dialogue.ok(["HDEL", "h", "x" * 65, "f"])
    dialogue.check([("OBJECT ENCODING h", "hashtable")])


def test_many_fields_make_a_table_and_never_a_listpack_again(dialogue: Dialogue) -> None:
    dialogue.ok("CONFIG SET hash-max-listpack-entries 4", "HSET h a 1 b 1 c 1 d 1")
    dialogue.check([
        ("OBJECT ENCODING h", "listpack"), ("HSET h d 2 c 2", 0), ("OBJECT ENCODING h", "listpack"),
        ("HSET h e 1", 1), ("OBJECT ENCODING h", "hashtable"), ("HDEL h a b c d", 4),
        ("OBJECT ENCODING h", "hashtable")])
    dialogue.ok("CONFIG SET hash-max-listpack-entries 512")


@pytest.mark.target("fastredis", "redis>=7.2", reason="older servers count what is new")
def test_announced_fields_make_a_table_even_if_they_are_one(dialogue: Dialogue) -> None:
    dialogue.ok("CONFIG SET hash-max-listpack-entries 4")
    dialogue.check([("HSET h a 1 a 1 a 1 a 1 a 1", 1), ("OBJECT ENCODING h", "hashtable")])
    dialogue.ok("CONFIG SET hash-max-listpack-entries 512")


# ---- HRANDFIELD ----

def test_a_random_field_is_one_of_the_hash(dialogue: Dialogue, encoding: str) -> None:
    names = {b"f%d" % i for i in range(20)}
    dialogue.ok(["HSET", "h", *(part for name in names for part in (name, b"v" + name))])
    assert {dialogue.call("HRANDFIELD h") for _ in range(300)} == names
    assert len(dialogue.call("HRANDFIELD h -300")) == 300
    assert set(dialogue.call("HRANDFIELD h -300")) == names
    for count in (1, 5, 7, 19, 20, 21, 1000, LONG_MAX):
        drawn = dialogue.call(f"HRANDFIELD h {count}")
        assert len(set(drawn)) == len(drawn) == min(count, 20) and set(drawn) <= names
    dialogue.check([("HRANDFIELD h 0", array())])


def test_random_fields_of_a_big_hash_are_distinct(dialogue: Dialogue) -> None:
    dialogue.ok(["HSET", "h", *(part for i in range(3000) for part in (f"field:{i}", i))])
    for count in (1, 10, 999, 1001, 2999):
        drawn = dialogue.call(f"HRANDFIELD h {count}")
        assert len(set(drawn)) == len(drawn) == count
    assert len({bytes(name) for name in dialogue.call("HRANDFIELD h -20000")}) > 2900


def test_random_fields_come_with_their_values(dialogue: Dialogue, encoding: str) -> None:
    dialogue.ok("HSET h a 1 b 2 c 3")
    values = {b"a": b"1", b"b": b"2", b"c": b"3"}
    for count in (3, -8, 2):
        drawn = dialogue.call(f"HRANDFIELD h {count} WITHVALUES")
        pairs = drawn if dialogue.protocol == 3 else list(zip(drawn[::2], drawn[1::2]))
        assert len(pairs) == abs(count)
        assert all(values[bytes(name)] == value for name, value in pairs)


def test_counts_of_random_fields_that_are_none(dialogue: Dialogue) -> None:
    dialogue.ok("HSET h a 1", "SET s x")
    dialogue.check([
        ("HRANDFIELD h x", NOT_INTEGER), (f"HRANDFIELD h {LONG_MIN}", NOT_LONG),
        ("HRANDFIELD h 9223372036854775808", NOT_INTEGER), ("HRANDFIELD h 1 FOO", SYNTAX),
        ("HRANDFIELD h 1 WITHVALUES FOO", SYNTAX), ("HRANDFIELD h x FOO", NOT_INTEGER),
        ("HRANDFIELD s 1 FOO", SYNTAX), ("HRANDFIELD s x", NOT_INTEGER),
        ("HRANDFIELD h 4611686018427387904 WITHVALUES", OUT_OF_RANGE),
        ("HRANDFIELD h -4611686018427387904 WITHVALUES", OUT_OF_RANGE),
        ("HRANDFIELD missing 9223372036854775807 WITHVALUES", OUT_OF_RANGE)])


@pytest.mark.target("fastredis", reason="others write until memory is full")
def test_a_reply_of_repeated_fields_has_a_bound(dialogue: Dialogue) -> None:
    too_long = error("ERR count is out of range, the reply would exceed 512 MB")
    dialogue.ok("HSET h a 1")
    dialogue.check_all([f"HRANDFIELD h {-LONG_MAX}", "HRANDFIELD h -1000000000",
                        "HRANDFIELD h -1000000000 WITHVALUES"], too_long)
    dialogue.check([("HRANDFIELD h -2", array("a", "a"))])


# ---- HSCAN ----

def scan(dialogue: Dialogue, options: str = "") -> List[bytes]:
    """All elements of an iteration from 0 to 0."""
    found, cursor = [], b"0"
    for _ in range(100_000):
        cursor, part = dialogue.call(f"HSCAN h {cursor.decode()} {options}")
        found += part
        if cursor == b"0":
            return found
    raise AssertionError("the iteration does not end")


def test_scanning_a_short_hash_tells_it_whole(dialogue: Dialogue) -> None:
    dialogue.ok("HSET h a 1 b 2 c 3")
    dialogue.check([
        ("HSCAN h 0", array("0", array("a", "1", "b", "2", "c", "3"))),
        ("HSCAN h 17 COUNT 1", array("0", array("a", "1", "b", "2", "c", "3"))),
        ("HSCAN h 0 MATCH [bc]", array("0", array("b", "2", "c", "3"))),
        ("HSCAN h 0 COUNT 0", SYNTAX), ("HSCAN h 0 COUNT x", NOT_INTEGER),
        ("HSCAN h 0 COUNT", SYNTAX), ("HSCAN h 0 FOO", SYNTAX), ("HSCAN h 0 TYPE hash", SYNTAX),
        ("HSCAN h x", error("ERR invalid cursor")),
        ("HSCAN missing x", error("ERR invalid cursor"))])


@pytest.mark.target("fastredis", "redis>=7.4", reason="NOVALUES is newer")
def test_scanning_without_values(dialogue: Dialogue, encoding: str) -> None:
    dialogue.ok("HSET h a 1 b 2")
    assert sorted(scan(dialogue, "NOVALUES")) == [b"a", b"b"]
    assert scan(dialogue, "NOVALUES MATCH a") == [b"a"]


def test_scanning_a_big_hash_tells_what_stays_throughout(dialogue: Dialogue) -> None:
    dialogue.ok(["HSET", "h", *(part for i in range(1000) for part in (f"stay:{i}", i))])
    found, cursor, step = {}, b"0", 0
    while True:
        cursor, part = dialogue.call(f"HSCAN h {cursor.decode()} COUNT 20")
        found.update(zip(part[::2], part[1::2]))
        step += 1
        if cursor == b"0":
            break
        dialogue.ok(["HSET", "h", *(part for i in range(40) for part in (f"new:{step}:{i}", 0))])
        if step % 2:
            dialogue.ok(["HDEL", "h", *(f"new:{step}:{i}" for i in range(40))])
    for i in range(1000):
        assert found[b"stay:%d" % i] == b"%d" % i


# ---- around hashes ----

def test_copies_are_independent(dialogue: Dialogue, encoding: str) -> None:
    dialogue.ok(["HSET", "h", "a", "1", "large", "x" * 50_000], "COPY h copy", "HSET h a 2 b 3",
                "HDEL h large")
    dialogue.check([("HGET copy a", "1"), ("HLEN copy", 2), ("HGET copy large", "x" * 50_000),
                    ("RENAME copy h", OK), ("HGET h a", "1"), ("HLEN h", 2)])


def test_dump_and_restore_give_back_the_hash(dialogue: Dialogue, encoding: str) -> None:
    dialogue.ok(["HSET", "h", "a", "1", "b", "x" * 60, "n", "-300", "", ""])
    payload = dialogue.call("DUMP h")
    dialogue.check([(["RESTORE", "copy", "0", payload], OK), ("OBJECT ENCODING copy", encoding),
                    ("HLEN copy", 4), ("HMGET copy a b n", array("1", "x" * 60, "-300")),
                    ('HGET copy ""', "")])


def test_large_values_are_sent_whole_while_they_change(dialogue: Dialogue) -> None:
    large = "v" * 100_000
    dialogue.ok(["HSET", "h", "f", large])
    dialogue.begin("HGET h f", "HSET h f short", "HGET h f", "DEL h")
    client = dialogue.client
    assert client.read() == large.encode()
    assert [client.read() for _ in range(3)] == [0, b"short", 1]


def test_changes_of_a_watched_hash_abort_and_vain_ones_do_not(dialogue: Dialogue) -> None:
    other = dialogue.other()
    for command, aborts in (("HSET h a 1", True), ("HSETNX h a 2", False), ("HSETNX h z 2", True),
                            ("HDEL h x", False), ("HDEL h a", True), ("HINCRBY h a 0", True),
                            ("HINCRBY h t 1", False), ("HGET h a", False)):
        other.ok("DEL h", "HSET h a 1 b 2 t text")
        dialogue.ok("WATCH h")
        other.call(command)
        dialogue.ok("MULTI", "PING")
        reply = dialogue.raw("EXEC")
        assert (reply in (b"*-1\r\n", b"_\r\n")) == aborts, command


def changes(dialogue: Dialogue) -> int:
    """The counter of changes since the last save."""
    found = re.search(rb"rdb_changes_since_last_save:(\d+)", dialogue.call("INFO persistence"))
    assert found is not None
    return int(found.group(1))


def test_changes_are_counted_by_the_field(dialogue: Dialogue) -> None:
    for command, expected in (("HSET h a 1 b 2 c 3", 3), ("HSET h a 1 a 2", 2), ("HSETNX h a 1", 0),
                              ("HINCRBY h a 0", 1), ("HDEL h a b x", 2), ("HDEL h x", 0)):
        before = changes(dialogue)
        dialogue.call(command)
        assert changes(dialogue) - before == expected, command


def test_reads_count_as_hits_and_misses_of_the_key(dialogue: Dialogue) -> None:
    dialogue.ok("HSET h f 1")
    for key, field in (("h", "keyspace_hits"), ("missing", "keyspace_misses")):
        for command in READS:
            def count() -> int:
                stats = dialogue.call("INFO stats")
                return int(re.search(rb"%s:(\d+)" % field.encode(), stats).group(1))
            before = count()
            dialogue.call(command.replace(" h", f" {key}"))
            assert count() - before == 1, command
