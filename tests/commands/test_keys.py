"""Commands of the group `generic`, but for those about time (test_expiry.py)."""

from __future__ import annotations

import random
import time
from typing import Dict, List, Set

import pytest

from differential import payload
from .dialogue import (
    NOT_INTEGER, NULL, OK, SYNTAX, WRONGTYPE, Dialogue, arity, array, bulk, error, simple)

FAR_MS = 4102444800000
LONG_MAX = 2**63 - 1
NO_SUCH_KEY = error("ERR no such key")
SAME_OBJECT = error("ERR source and destination objects are the same")
DB_RANGE = error("ERR DB index is out of range")
BUSY = error("BUSYKEY Target key name already exists.")
BAD_PAYLOAD = error("ERR DUMP payload version or checksum are wrong")
BAD_DATA = error("ERR Bad data format")
INVALID_CURSOR = error("ERR invalid cursor")
UP_TO_DATE = pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="changed with 7.2")
LISTS = pytest.mark.target("redis", "valkey", reason="needs lists")


def scan(dialogue: Dialogue, options: str = "") -> List[bytes]:
    """All that one whole iteration returns, in order, with repetitions."""
    cursor, found = b"0", []
    for _ in range(100_000):
        cursor, keys = dialogue.call(f"SCAN {cursor.decode()} {options}")
        found += keys
        if cursor == b"0":
            return found
    raise AssertionError("SCAN does not come to an end")


def test_wrong_numbers_of_arguments_are_refused(dialogue: Dialogue) -> None:
    for command in ("DEL", "UNLINK", "EXISTS", "TOUCH", "TYPE", "TYPE a b", "RENAME a",
                    "RENAME a b c", "RENAMENX a", "COPY a", "MOVE a", "MOVE a 1 2", "KEYS",
                    "KEYS a b", "SCAN", "RANDOMKEY x", "OBJECT", "DUMP", "DUMP a b", "RESTORE a",
                    "RESTORE a 0", "WAIT", "WAIT 0", "WAIT 0 0 0"):
        dialogue.check([(command, arity(command.split()[0].lower()))])
    dialogue.check([
        ("OBJECT ENCODING", arity("object|encoding")), ("OBJECT FREQ", arity("object|freq")),
        ("OBJECT ENCODING a b", arity("object|encoding")), ("OBJECT HELP x", arity("object|help")),
        ("OBJECT IDLETIME", arity("object|idletime")),
        ("object refcount", arity("object|refcount"))])


@pytest.mark.parametrize("command", ["DEL", "UNLINK"])
def test_deleting_counts_the_keys_that_were_there(dialogue: Dialogue, command: str) -> None:
    dialogue.check([
        (f"{command} a", 0), ("MSET a 1 b 2 c 3", OK), (f"{command} a missing b a", 2),
        ("EXISTS a b", 0), (f"{command} c", 1), ("DBSIZE", 0)])


def test_exists_and_touch_count_repetitions(dialogue: Dialogue) -> None:
    dialogue.check([("MSET a 1 b 2", OK), ("EXISTS a a b missing", 3), ("TOUCH a a b missing", 3),
                    ("EXISTS missing", 0), ("TOUCH missing", 0)])


def test_type_names_the_type(dialogue: Dialogue) -> None:
    dialogue.check([("TYPE k", simple("none")), ("SET k 1", OK), ("TYPE k", simple("string"))])


def test_rename_moves_a_key_onto_another(dialogue: Dialogue) -> None:
    dialogue.check([
        ("RENAME a b", NO_SUCH_KEY), ("RENAME a a", NO_SUCH_KEY), ("RENAMENX a b", NO_SUCH_KEY),
        ("SET a 1", OK), ("RENAME a a", OK), ("RENAMENX a a", 0), ("GET a", "1"),
        ("RENAME a b", OK), ("EXISTS a", 0), ("GET b", "1"), ("SET c 3", OK), ("RENAMENX b c", 0),
        ("MGET b c", array("1", "3")), ("RENAMENX b d", 1), ("RENAME d c", OK), ("GET c", "1"),
        ("DBSIZE", 1)])


def test_copy_leaves_the_source(dialogue: Dialogue) -> None:
    dialogue.check([
        ("COPY a b", 0), ("SET a 1", OK), ("COPY a b", 1), ("SET a 2", OK), ("GET b", "1"),
        ("COPY a b", 0), ("COPY a b REPLACE", 1), ("GET b", "2"), ("APPEND b x", 2), ("GET a", "2"),
        ("COPY a b REPLACE replace", 1), ("COPY missing b REPLACE", 0), ("GET b", "2"),
        ("OBJECT ENCODING b", "int")])


def test_copy_reaches_other_databases(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SET a 1", OK), ("COPY a a DB 1", 1), ("COPY a a DB 1", 0), ("COPY a b DB 1 DB 2", 1),
        ("SELECT 1", OK), ("KEYS *", array("a")), ("SELECT 2", OK), ("GET b", "1"),
        ("COPY b a REPLACE DB 1", 1)])


def test_copy_checks_its_options(dialogue: Dialogue) -> None:
    dialogue.check_all(["COPY a a", "COPY a a DB 0", "COPY a a REPLACE"], SAME_OBJECT)
    dialogue.check_all(["COPY a b DB", "COPY a b FOO", "COPY a b REPLACE FOO", 'COPY a b ""'],
                       SYNTAX)
    dialogue.check_all(["COPY a b DB x", "COPY a b DB 99999999999999999999", 'COPY a b DB ""'],
                       NOT_INTEGER)
    dialogue.check_all(["COPY a b DB -1", "COPY a b DB 16", "COPY a a DB 99"], DB_RANGE)


def test_move_takes_a_key_to_another_database(dialogue: Dialogue) -> None:
    dialogue.check([
        ("MOVE a 1", 0), ("SET a 1", OK), ("MOVE a 1", 1), ("EXISTS a", 0), ("SET a 2", OK),
        ("MOVE a 1", 0), ("GET a", "2"), ("MOVE a 0", SAME_OBJECT), ("MOVE missing 0", SAME_OBJECT),
        ("SELECT 1", OK), ("GET a", "1")])
    dialogue.check_all(["MOVE a 16", "MOVE a -1", "MOVE missing 16"], DB_RANGE)
    dialogue.check_all(["MOVE a x", "MOVE a 1.0", "MOVE a 99999999999999999999"], NOT_INTEGER)


PATTERN_KEYS = ("", "a", "b", "ab", "abc", "a*", "[x]", "a\\b", "key:1", "key:2", "key:10",
                "A", "aaaa", "a?c", "^", "-", "]", "a\nb")


@pytest.mark.parametrize("pattern, expected", [
    ("*", PATTERN_KEYS), ("", [""]), ("a", ["a"]), ("?", ["a", "b", "A", "^", "-", "]"]),
    ("??", ["ab", "a*"]), ("a*", ["a", "ab", "abc", "a*", "a\\b", "aaaa", "a?c", "a\nb"]),
    ("*a", ["a", "aaaa"]), ("*b*", ["b", "ab", "abc", "a\\b", "a\nb"]), ("a\\*", ["a*"]),
    ("\\[x]", ["[x]"]), ("[x]", []), ("[ab]", ["a", "b"]), ("[a-b]", ["a", "b"]),
    ("[b-a]", ["a", "b"]), ("[^a]", ["b", "A", "^", "-", "]"]), ("[a", ["a"]),
    ("[^a", ["b", "A", "^", "-", "]"]), ("[", []), ("a[b", ["ab"]), ("abc[", []),
    ("[a-]", ["a", "]", "^"]), ("[\\a]", ["a"]), ("[\\]]", ["]"]), ("[]]", []), ("a\\", []),
    ("a\\\\b", ["a\\b"]), ("key:?", ["key:1", "key:2"]),
    ("key:[0-9]*", ["key:1", "key:2", "key:10"]),
    ("**a**", ["a", "ab", "abc", "a*", "a\\b", "aaaa", "a?c", "a\nb"]), ("a?c", ["abc", "a?c"]),
    ("a\\?c", ["a?c"]), ("[A-Z]", ["A", ]), ("?*?*?*?", ["aaaa", "key:1", "key:2", "key:10"])])
def test_keys_matches_patterns(dialogue: Dialogue, pattern: str, expected: List[str]) -> None:
    dialogue.ok(["MSET", *[arg for key in PATTERN_KEYS for arg in (key, "v")]])
    wanted = sorted(key.encode() for key in expected)
    assert sorted(dialogue.call(["KEYS", pattern])) == wanted
    dialogue_scan = set()
    cursor = b"0"
    while True:
        cursor, keys = dialogue.call(["SCAN", cursor, "MATCH", pattern])
        dialogue_scan.update(keys)
        if cursor == b"0":
            break
    assert sorted(dialogue_scan) == wanted


@pytest.mark.timeout(30)
def test_a_pattern_of_many_stars_takes_no_exponential_time(dialogue: Dialogue) -> None:
    dialogue.ok(["SET", "a" * 200, "v"])
    started = time.monotonic()
    dialogue.check([("KEYS " + "a*" * 40 + "b", array())])
    assert time.monotonic() - started < 5


def test_keys_of_an_empty_database(dialogue: Dialogue) -> None:
    dialogue.check([("KEYS *", array()), ("RANDOMKEY", NULL), ("DBSIZE", 0),
                    ("SCAN 0", array("0", array()))])


def test_randomkey_reaches_every_key(dialogue: Dialogue) -> None:
    dialogue.ok("MSET a 1 b 2 c 3 d 4 e 5")
    assert {dialogue.call("RANDOMKEY") for _ in range(400)} == {b"a", b"b", b"c", b"d", b"e"}


@pytest.mark.parametrize("options", ["", "COUNT 1", "COUNT 7", "COUNT 100000"])
def test_scan_returns_every_key(dialogue: Dialogue, options: str) -> None:
    names = [b"key:%d" % number for number in range(500)]
    dialogue.ok(["MSET", *[arg for name in names for arg in (name, b"v")]])
    found = scan(dialogue, options)
    assert set(found) == set(names)
    assert len(found) == len(names)


def test_scan_filters_by_pattern_and_type(dialogue: Dialogue) -> None:
    dialogue.ok("MSET a 1 b 2 ab 3")
    assert sorted(scan(dialogue, "MATCH a*")) == [b"a", b"ab"]
    assert sorted(scan(dialogue, "TYPE string")) == [b"a", b"ab", b"b"]
    assert sorted(scan(dialogue, "type STRING match ?b COUNT 5")) == [b"ab"]
    assert sorted(scan(dialogue, "MATCH a MATCH b COUNT 1 COUNT 10")) == [b"b"]
    for other in ("list", "set", "zset", "hash", "stream"):
        assert scan(dialogue, f"TYPE {other}") == []


@pytest.mark.target("fastredis", "redis", reason="Valkey knows the names of all types")
def test_scan_for_a_type_that_does_not_exist_finds_nothing(dialogue: Dialogue) -> None:
    dialogue.ok("SET a 1")
    assert scan(dialogue, "TYPE nosuchtype") == []


@LISTS
def test_scan_tells_types_apart(dialogue: Dialogue) -> None:
    dialogue.ok("SET s v", "RPUSH l a", "SADD t a")
    assert scan(dialogue, "TYPE list") == [b"l"]
    assert scan(dialogue, "TYPE set") == [b"t"]


@pytest.mark.parametrize("count", [1, 10, 100])
def test_scan_returns_what_is_there_from_start_to_end_while_the_rest_changes(
        dialogue: Dialogue, count: int) -> None:
    rng = random.Random(count)
    stable = {b"stable:%d" % number for number in range(700)}
    dialogue.ok(["MSET", *[arg for name in stable for arg in (name, b"v")]])
    volatile: Set[bytes] = set()
    ever: Set[bytes] = set(stable)
    cursor, found, rounds = b"0", set(), 0
    while True:
        cursor, keys = dialogue.call(["SCAN", cursor, "COUNT", str(count)])
        found.update(keys)
        rounds += 1
        if cursor == b"0":
            break
        grow = rounds % 60 < 30
        for _ in range(40):
            if grow:
                name = b"volatile:%d" % rng.randrange(1 << 30)
                dialogue.ok(["SET", name, "v"])
                volatile.add(name)
                ever.add(name)
            elif volatile:
                dialogue.ok(["DEL", volatile.pop()])
        assert rounds < 100_000
    assert stable <= found <= ever


def test_scan_survives_a_shrinking_keyspace(dialogue: Dialogue) -> None:
    names = [b"key:%d" % number for number in range(20_000)]
    dialogue.client.pipeline([["SET", name, "v"] for name in names])
    stable, rest = set(names[:50]), names[50:]
    cursor, keys = dialogue.call("SCAN 0 COUNT 500")
    found = set(keys)
    for start in range(0, len(rest), 1000):
        dialogue.ok(["UNLINK", *rest[start:start + 1000]])
        cursor, keys = dialogue.call(["SCAN", cursor, "COUNT", "10"])
        found.update(keys)
        if cursor == b"0":
            break
    while cursor != b"0":
        cursor, keys = dialogue.call(["SCAN", cursor, "COUNT", "100"])
        found.update(keys)
    assert stable <= found <= set(names)


def test_scan_checks_its_arguments(dialogue: Dialogue) -> None:
    dialogue.check_all(["SCAN x", "SCAN 1.0", "SCAN 18446744073709551616", "SCAN 0x1",
                        "SCAN 99999999999999999999999"], INVALID_CURSOR)
    dialogue.check_all(
        ["SCAN 0 MATCH", "SCAN 0 COUNT", "SCAN 0 COUNT 0", "SCAN 0 COUNT -1", "SCAN 0 TYPE",
         "SCAN 0 FOO", "SCAN 0 FOO bar", "SCAN 0 TYPE string FOO", 'SCAN 0 ""'], SYNTAX)
    dialogue.check_all(["SCAN 0 COUNT x", "SCAN 0 COUNT 9223372036854775808"], NOT_INTEGER)
    dialogue.check_all([f"SCAN 0 COUNT {LONG_MAX}", "SCAN 18446744073709551615", "SCAN 01",
                        "SCAN +1"], array("0", array()))


@UP_TO_DATE
def test_scan_takes_only_an_unsigned_cursor(dialogue: Dialogue) -> None:
    dialogue.check_all(['SCAN ""', "SCAN -1", "SCAN -9223372036854775808"], INVALID_CURSOR)


@pytest.mark.target("fastredis", "redis>=7.4", "valkey", reason="an option of HSCAN since 7.4")
def test_scan_says_that_novalues_is_for_hashes(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SCAN 0 NOVALUES", error("ERR NOVALUES option can only be used in HSCAN"))])


def test_object_of_a_missing_key_is_null(dialogue: Dialogue) -> None:
    dialogue.check_all(["OBJECT ENCODING k", "OBJECT REFCOUNT k", "OBJECT IDLETIME k",
                        "OBJECT FREQ k"], NULL)


def test_object_refuses_unknown_subcommands_and_helps(dialogue: Dialogue) -> None:
    dialogue.check_all(["OBJECT NOSUCH", "OBJECT NOSUCH k x"],
                       error("ERR unknown subcommand 'NOSUCH'. Try OBJECT HELP."))
    text = dialogue.call("OBJECT HELP")
    assert text[0].startswith(b"OBJECT <subcommand>")
    assert {b"ENCODING", b"FREQ", b"IDLETIME", b"REFCOUNT", b"HELP"} <= {
        line.split()[0] for line in text[1:] if not line.startswith(b" ")}


@pytest.mark.target("fastredis", "redis", reason="Valkey does not share small integers")
def test_small_integers_are_shared(dialogue: Dialogue) -> None:
    for value, count in (("0", 2147483647), ("9999", 2147483647), ("10000", 1), ("-1", 1),
                         ("text", 1)):
        dialogue.check([(["SET", "k", value], OK), ("OBJECT REFCOUNT k", count)])
    dialogue.check([("SET k 9998", OK), ("INCR k", 9999), ("OBJECT REFCOUNT k", 2147483647),
                    ("INCR k", 10000), ("OBJECT REFCOUNT k", 1)])


@pytest.mark.target("fastredis", "redis", reason="Valkey does not share small integers")
def test_integers_are_not_shared_where_access_times_decide_on_eviction(dialogue: Dialogue) -> None:
    for policy, count in (("allkeys-lru", 1), ("volatile-lfu", 1), ("noeviction", 2147483647)):
        dialogue.ok(f"CONFIG SET maxmemory 1gb maxmemory-policy {policy}")
        dialogue.check([("SET k 1", OK), ("OBJECT REFCOUNT k", count)])
    dialogue.ok("CONFIG SET maxmemory 0")


def test_idle_time_counts_since_the_last_access(dialogue: Dialogue) -> None:
    dialogue.ok(["RESTORE", "k", "0", payload.encode_string(b"v"), "IDLETIME", "1000"])
    assert 1000 <= dialogue.call("OBJECT IDLETIME k") <= 1002
    for command in ("EXISTS k", "TYPE k", "TTL k", "OBJECT ENCODING k"):
        dialogue.ok(command)
        assert dialogue.call("OBJECT IDLETIME k") >= 1000, command
    dialogue.check([("TOUCH k", 1), ("OBJECT IDLETIME k", 0)])
    dialogue.ok(["RESTORE", "k", "0", payload.encode_string(b"v"), "IDLETIME", "1000", "REPLACE"])
    dialogue.check([("GET k", "v"), ("OBJECT IDLETIME k", 0)])


def test_frequency_and_idle_time_depend_on_the_policy(dialogue: Dialogue) -> None:
    advice = ("Please note that when switching between policies at runtime LRU and LFU data will "
              "take some time to adjust.")
    dialogue.ok("SET k v")
    dialogue.check([
        ("OBJECT FREQ k", error("ERR An LFU maxmemory policy is not selected, access frequency "
                                f"not tracked. {advice}")),
        ("CONFIG SET maxmemory-policy allkeys-lfu", OK), ("SET new v", OK), ("OBJECT FREQ new", 5),
        ("OBJECT IDLETIME k", error("ERR An LFU maxmemory policy is selected, idle time not "
                                    f"tracked. {advice}")),
        (["RESTORE", "k", "0", payload.encode_string(b"v"), "FREQ", "100", "REPLACE"], OK),
        ("OBJECT FREQ k", 100), ("CONFIG SET maxmemory-policy noeviction", OK)])


DUMPED = [b"", b"v", b"0", b"-128", b"127", b"128", b"-32768", b"32767", b"32768", b"2147483647",
          b"-2147483648", b"2147483648", b"-2147483649", b"9223372036854775807", b"01", b"-0",
          b"a" * 20, b"a" * 21, b"x" * 63, bytes(range(64)), bytes(range(256)), b"ab" * 8000,
          bytes(range(256)) * 80]


@pytest.mark.parametrize("value", DUMPED, ids=lambda value: repr(value[:20]))
def test_dump_and_restore_keep_the_value(dialogue: Dialogue, value: bytes) -> None:
    dialogue.ok(["SET", "k", value])
    encoding = dialogue.call("OBJECT ENCODING k")
    data = dialogue.call("DUMP k")
    assert payload.decode(data) == (payload.TYPE_STRING, value)
    dialogue.check([(["RESTORE", "copy", "0", data], OK), ("GET copy", bulk(value)),
                    ("OBJECT ENCODING copy", encoding.decode()), ("TTL copy", -1)])
    for compress in (False, True):
        signed = payload.encode_string(value, compress)
        dialogue.check([(["RESTORE", "copy", "0", signed, "REPLACE"], OK),
                        ("GET copy", bulk(value)), (["SET", "k", value], OK),
                        ("OBJECT ENCODING copy", encoding.decode())])


def test_dump_uses_the_compact_forms_of_integers(dialogue: Dialogue) -> None:
    for value, body in ((b"12", "c00c"), (b"-1", "c0ff"), (b"128", "c18000"), (b"-129", "c17fff"),
                        (b"32768", "c200800000"), (b"-2147483648", "c200000080"),
                        (b"2147483648", "0a32313437343833363438"), (b"v", "0176")):
        for command in (["SET", "k", value], ["SETRANGE", "k", "0", value]):
            dialogue.ok(["DEL", "k"], command)
            assert dialogue.call("DUMP k")[1:-10].hex() == body
    dialogue.check([("DUMP missing", NULL), ("SET k v PX 100000", OK)])
    assert payload.decode(dialogue.call("DUMP k")) == (0, b"v")


VALID = payload.encode_string(b"value")


def test_restore_sets_times(dialogue: Dialogue) -> None:
    dialogue.check([
        (["RESTORE", "k", "100000", VALID], OK), ("TTL k", 100),
        (["RESTORE", "k", "0", VALID, "REPLACE"], OK), ("TTL k", -1),
        (["RESTORE", "k", FAR_MS, VALID, "REPLACE", "ABSTTL"], OK), ("PEXPIRETIME k", FAR_MS),
        (["RESTORE", "k", "0", VALID, "ABSTTL", "replace"], OK), ("TTL k", -1),
        (["RESTORE", "k", "1000", VALID, "REPLACE", "ABSTTL"], OK), ("EXISTS k", 0),
        (["RESTORE", "new", "1000", VALID, "ABSTTL"], OK), ("EXISTS new", 0), ("DBSIZE", 0)])


def test_restore_onto_a_key_needs_replace(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SET k old EX 100", OK), (["RESTORE", "k", "0", VALID], BUSY), ("GET k", "old"),
        (["RESTORE", "k", "x", VALID], BUSY), (["RESTORE", "k", "-1", b"bad"], BUSY),
        (["RESTORE", "k", "0", VALID, "FOO"], SYNTAX),
        (["RESTORE", "k", "0", VALID, "REPLACE", "REPLACE"], OK), ("GET k", "value"),
        ("TTL k", -1)])


def test_restore_checks_its_arguments(dialogue: Dialogue) -> None:
    def restore(*options: str, key: str = "k", ttl: str = "0") -> List[object]:
        return ["RESTORE", key, ttl, VALID, *options]

    idle = error("ERR Invalid IDLETIME value, must be >= 0")
    freq = error("ERR Invalid FREQ value, must be >= 0 and <= 255")
    dialogue.check([
        (restore(ttl="x"), NOT_INTEGER), (restore(ttl="-1"), error(
            "ERR Invalid TTL value, must be >= 0")),
        (restore("IDLETIME"), SYNTAX), (restore("IDLETIME", "x"), NOT_INTEGER),
        (restore("IDLETIME", "-1"), idle), (restore("FREQ", "x"), NOT_INTEGER),
        (restore("FREQ", "-1"), freq), (restore("FREQ", "256"), freq), (restore("FREQ"), SYNTAX),
        (restore("IDLETIME", "5", "FREQ", "5"), SYNTAX),
        (restore("FREQ", "5", "IDLETIME", "5"), SYNTAX), (restore("NX"), SYNTAX),
        ("EXISTS k", 0), (restore("FREQ", "5", "FREQ", "6"), OK),
        (restore("IDLETIME", "0", "REPLACE"), OK), (restore("FREQ", "255", "REPLACE"), OK)])


def test_restore_refuses_a_damaged_payload(dialogue: Dialogue) -> None:
    rng = random.Random(2)
    data = payload.encode_string(b"some text that is long enough" * 3)
    for _ in range(60):
        at = rng.randrange(len(data))
        bad = data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]
        dialogue.check([(["RESTORE", "k", "0", bad], BAD_PAYLOAD)])
    for size in (0, 1, 9, 10, 11, len(data) - 1):
        dialogue.check([(["RESTORE", "k", "0", data[:size]], BAD_PAYLOAD)])
    dialogue.check([
        (["RESTORE", "k", "0", payload.sign(b"\x00\x01v", version=13)], BAD_PAYLOAD),
        (["RESTORE", "k", "0", payload.sign(b"\x00\x01v", version=81)], BAD_PAYLOAD),
        ("SET old v", OK), (["RESTORE", "old", "0", data[:-1], "REPLACE"], BAD_PAYLOAD),
        ("GET old", "v"), ("EXISTS k", 0)])


@pytest.mark.parametrize("body", [
    b"\x7f\x01v", b"\x00\x80\xff\xff\xff\xff", b"\x00\x81" + b"\xff" * 8, b"\x00\xff",
    b"\x00\xc3\x04\x20\xff\xff\xff\xff", b"\x00\xc3\x05\x40\x30" + b"\x00a\xe0\x1e\x00", b"",
    b"\xfc" + bytes(8) + b"\x00\x01v"], ids=lambda body: body.hex() or "empty")
def test_restore_refuses_signed_nonsense(dialogue: Dialogue, body: bytes) -> None:
    dialogue.check([(["RESTORE", "k", "0", payload.sign(body)], BAD_DATA), ("EXISTS k", 0),
                    ("PING", simple("PONG"))])


@pytest.mark.target("fastredis", reason="real servers read on into the footer")
@pytest.mark.parametrize("body", [b"\x00\x05ab", b"\x00", b"\x00\xc1\x01", b"\x00\xc2\x01\x01",
                                  b"\x00\x0cabc"])
def test_restore_refuses_a_body_that_is_too_short(dialogue: Dialogue, body: bytes) -> None:
    dialogue.check([(["RESTORE", "k", "0", payload.sign(body)], BAD_DATA), ("EXISTS k", 0)])


@pytest.mark.target("fastredis", reason="each server reads the versions up to its own")
@pytest.mark.parametrize("version", [5, 6, 9, 10, 11, 12, 80])
def test_restore_reads_payloads_of_redis_and_valkey(dialogue: Dialogue, version: int) -> None:
    dialogue.check([(["RESTORE", "k", "0", payload.sign(b"\x00\x01v", version)], OK),
                    ("GET k", "v")])


def test_wait_without_replicas_returns_zero(dialogue: Dialogue) -> None:
    dialogue.check([
        ("WAIT 0 0", 0), ("WAIT -1 0", 0), ("WAIT 0 100000", 0), ("WAIT x 0", NOT_INTEGER),
        ("WAIT 0 x", error("ERR timeout is not an integer or out of range")),
        ("WAIT 0 -1", error("ERR timeout is negative")),
        ("WAIT 1 -1", error("ERR timeout is negative"))])
    started = time.monotonic()
    dialogue.check([("SET k v", OK), ("WAIT 1 60", 0)])
    assert 0.05 <= time.monotonic() - started < 5
    dialogue.check([("MULTI", OK), ("WAIT 1 0", b"+QUEUED\r\n"), ("EXEC", array(0))])


@pytest.mark.target("fastredis", "redis>=7.2", "valkey", reason="WAITAOF came with 7.2")
def test_waitaof_without_replicas_returns_zeros(dialogue: Dialogue) -> None:
    numlocal = error("ERR value is out of range, value must between 0 and 1")
    dialogue.check([
        ("WAITAOF", arity("waitaof")), ("WAITAOF 0 0 0", array(0, 0)),
        ("WAITAOF 0 1 30", array(0, 0)), ("WAITAOF 2 0 0", numlocal), ("WAITAOF -1 0 0", numlocal),
        ("WAITAOF x 0 0", NOT_INTEGER),
        ("WAITAOF 0 x 0", error("ERR value is out of range, must be positive")),
        ("WAITAOF 0 -1 0", error("ERR value is out of range, must be positive")),
        ("WAITAOF 0 0 x", error("ERR timeout is not an integer or out of range")),
        ("WAITAOF 0 0 -1", error("ERR timeout is negative")),
        ("WAITAOF 1 0 0", error("ERR WAITAOF cannot be used when numlocal is set but appendonly "
                                "is disabled."))])


def test_sort_of_a_missing_key_is_empty(dialogue: Dialogue) -> None:
    dialogue.check_all(
        ["SORT k", "SORT_RO k", "SORT k DESC ALPHA BY w* GET # LIMIT 0 10", "SORT k BY nosort",
         "SORT_RO k ASC LIMIT -5 -5 GET a GET b"], array())
    dialogue.check([("SORT k STORE d", 0), ("SET d v", OK), ("SORT k STORE d", 0), ("EXISTS d", 0)])


def test_sort_checks_options_before_the_type(dialogue: Dialogue) -> None:
    dialogue.ok("SET s v")
    dialogue.check([("SORT", arity("sort")), ("SORT_RO", arity("sort_ro"))])
    for key in ("s", "missing"):
        dialogue.check_all([f"SORT {key} FOO", f"SORT {key} BY", f"SORT {key} LIMIT 0",
                            f"SORT {key} GET", f"SORT {key} STORE",
                            f"SORT_RO {key} STORE x"], SYNTAX)
        dialogue.check_all([f"SORT {key} LIMIT x 1", f"SORT {key} LIMIT 0 99999999999999999999"],
                           NOT_INTEGER)
    dialogue.check_all(["SORT s", "SORT s STORE d", "SORT_RO s", "SORT s ALPHA"], WRONGTYPE)


def test_databases_are_separate(dialogue: Dialogue) -> None:
    dialogue.check([("SET k 0", OK), ("SELECT 1", OK), ("EXISTS k", 0), ("SET k 1", OK),
                    ("SELECT 15", OK), ("DBSIZE", 0), ("SELECT 0", OK), ("GET k", "0")])
    dialogue.check_all(["SELECT 16", "SELECT -1"], DB_RANGE)
    dialogue.check([
        ("SELECT x", NOT_INTEGER), ('SELECT ""', NOT_INTEGER), ("SELECT", arity("select")),
        ("SELECT 99999999999", error("ERR value is out of range, value must between -2147483648 "
                                     "and 2147483647")), ("GET k", "0")])


def test_swapdb_swaps_whole_databases(dialogue: Dialogue) -> None:
    other = dialogue.other()
    other.ok("SELECT 1")
    dialogue.ok("MSET a 0 b 0 c 0", f"PEXPIREAT a {FAR_MS}")
    other.ok("SET a 1")
    dialogue.check([("SWAPDB 0 1", OK), ("GET a", "1"), ("DBSIZE", 1), ("SWAPDB 0 0", OK),
                    ("GET a", "1")])
    other.check([("MGET a b", array("0", "0")), ("PEXPIRETIME a", FAR_MS), ("SWAPDB 1 0", OK),
                 ("GET a", "1")])


def test_swapdb_checks_its_arguments(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SWAPDB 0", arity("swapdb")), ("SWAPDB 0 1 2", arity("swapdb")),
        ("SWAPDB x 1", error("ERR invalid first DB index")),
        ("SWAPDB 0 x", error("ERR invalid second DB index")),
        ("SWAPDB 0 99999999999999", error("ERR invalid second DB index")),
        ("SWAPDB 0 16", DB_RANGE), ("SWAPDB -1 0", DB_RANGE), ("SWAPDB 16 x", error(
            "ERR invalid second DB index"))])


@pytest.mark.parametrize("mode", ["", " SYNC", " ASYNC", " sync"])
def test_flushing_empties_one_or_all_databases(dialogue: Dialogue, mode: str) -> None:
    dialogue.ok("SET k v", "SELECT 1", "SET k v", "SELECT 2", "SET k v")
    dialogue.check([("FLUSHDB" + mode, OK), ("DBSIZE", 0), ("SELECT 1", OK), ("DBSIZE", 1),
                    ("FLUSHALL" + mode, OK), ("DBSIZE", 0), ("SELECT 0", OK), ("DBSIZE", 0),
                    ("SET k v", OK), ("GET k", "v")])


def test_flushing_checks_its_arguments(dialogue: Dialogue) -> None:
    dialogue.ok("SET k v")
    dialogue.check_all(["FLUSHDB x", "FLUSHDB SYNC ASYNC", "FLUSHALL x", "FLUSHALL SYNC ASYNC",
                        "FLUSHALL ASYNC x"], SYNTAX)
    dialogue.check([("DBSIZE", 1)])


def test_dbsize_counts_through_growth_and_shrinking(dialogue: Dialogue) -> None:
    names = [b"key:%d" % number for number in range(30_000)]
    dialogue.client.pipeline([["SET", name, "v"] for name in names])
    dialogue.check([("DBSIZE", 30_000), (["EXISTS", *names[:2000]], 2000)])
    dialogue.client.pipeline([["DEL", name] for name in names[:29_000]])
    dialogue.check([("DBSIZE", 1000), (["EXISTS", *names[29_000:]], 1000)])
    assert sorted(dialogue.call("KEYS *")) == sorted(names[29_000:])


def test_unknown_commands_are_echoed_within_limits(dialogue: Dialogue) -> None:
    dialogue.check([
        ("NOSUCH", error("ERR unknown command 'NOSUCH', with args beginning with: ")),
        ("nosuch a b", error("ERR unknown command 'nosuch', with args beginning with: 'a' 'b' ")),
        ('NOSUCH "a\\r\\nb"', error("ERR unknown command 'NOSUCH', with args beginning with: "
                                    "'a  b' ")),
        (["NOSUCH", "x" * 500], error("ERR unknown command 'NOSUCH', with args beginning with: "
                                      f"'{'x' * 128}' ")),
        (["N" * 500], error(f"ERR unknown command '{'N' * 128}', with args beginning with: "))])
    for lengths in ([9] * 30, [127, 1], [126, 10], [120, 10, 1], [100] * 3, [0] * 60, [1] * 60):
        arguments, shown = ["x" * length for length in lengths], ""
        for argument in arguments:
            if len(shown) < 128:
                shown += f"'{argument[:128 - len(shown)]}' "
        dialogue.check([(["NOSUCH", *arguments], error(
            f"ERR unknown command 'NOSUCH', with args beginning with: {shown}"))])
    dialogue.check([
        (["OBJECT", "N" * 200], error(f"ERR unknown subcommand '{'N' * 128}'. Try OBJECT HELP.")),
        ('OBJECT "a\\r\\nb"', error("ERR unknown subcommand 'a  b'. Try OBJECT HELP."))])


def test_random_key_commands_agree_with_a_model(dialogue: Dialogue) -> None:
    rng = random.Random(33)
    model: Dict[str, str] = {}
    names = [f"k{number}" for number in range(6)]
    for step in range(2000):
        first, second = rng.choice(names), rng.choice(names)
        kind = rng.randrange(6)
        if kind == 0:
            dialogue.check([(f"SET {first} v{step}", OK)])
            model[first] = f"v{step}"
        elif kind == 1:
            dialogue.check([(f"DEL {first}", int(model.pop(first, None) is not None))])
        elif kind == 2:
            dialogue.check([(f"RENAME {first} {second}", OK if first in model else NO_SUCH_KEY)])
            if first in model:
                model[second] = model.pop(first)
        elif kind == 3 and first != second:
            done = first in model and second not in model
            dialogue.check([(f"COPY {first} {second}", int(done))])
            if done:
                model[second] = model[first]
        else:
            dialogue.check([(f"GET {first}", model.get(first, NULL)), ("DBSIZE", len(model))])
    assert sorted(dialogue.call("KEYS *")) == sorted(name.encode() for name in model)
