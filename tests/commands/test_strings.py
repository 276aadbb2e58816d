"""Commands of the group `string`: every option, every conflict, every error text."""

from __future__ import annotations

import platform
import random
import time

import pytest

from .dialogue import (
    NOT_FLOAT, NOT_INTEGER, NULL, OK, SYNTAX, WRONGTYPE, Dialogue, arity, array, bulk, error,
    invalid_expire, mapping)

FAR_MS = 4102444800000
LONG_MAX, LONG_MIN = 2**63 - 1, -2**63
OVERFLOW = error("ERR increment or decrement would overflow")
TOO_LONG = error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
VALKEY_ADDS = pytest.mark.target("fastredis", "valkey>=9.1", reason="a command that Valkey adds")
EXTENDED_PRECISION = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64", "i686"),
    reason="long double has 64 bits of mantissa only on x86")
LISTS = pytest.mark.target("redis", "valkey", reason="needs lists")


def test_get_returns_what_set_stored_whatever_the_bytes(dialogue: Dialogue) -> None:
    values = [b"", b"v", b"\x00", b"\r\n", bytes(range(256)), b"12", b"-0", b"x" * 44, b"x" * 45,
              b"y" * 1023, b"y" * 1024, b"y" * 1025, b"z" * 16384, b"z" * 100_000]
    for value in values:
        dialogue.check([(["SET", "k", value], OK), (["GET", "k"], bulk(value)),
                        (["STRLEN", "k"], len(value))])


def test_keys_of_any_bytes_are_told_apart(dialogue: Dialogue) -> None:
    keys = [b"", b"\x00", b"\x00\x00", b"a", b"a\x00", b"\xff" * 300, b"\r\n", b"k" * 65536]
    for number, key in enumerate(keys):
        dialogue.check([(["SET", key, number], OK)])
    for number, key in enumerate(keys):
        dialogue.check([(["GET", key], str(number))])
    dialogue.check([("DBSIZE", len(keys))])


def test_wrong_numbers_of_arguments_are_refused(dialogue: Dialogue) -> None:
    for command in ("SET", "SET a", "GET", "GET a b", "SETNX a", "SETNX a b c", "SETEX a 1",
                    "SETEX a 1 b c", "PSETEX a 1", "GETSET a", "GETSET a b c", "GETDEL",
                    "GETDEL a b", "GETEX", "APPEND a", "APPEND a b c", "STRLEN", "STRLEN a b",
                    "INCR", "INCR a b", "DECR", "DECR a b", "INCRBY a", "INCRBY a 1 2",
                    "DECRBY a", "INCRBYFLOAT a", "INCRBYFLOAT a 1 2", "SETRANGE a 1",
                    "SETRANGE a 1 b c", "GETRANGE a 1", "GETRANGE a 1 2 3", "SUBSTR a 1", "MGET",
                    "MSET", "MSET a", "MSET a 1 b", "MSETNX", "MSETNX a", "MSETNX a 1 b", "LCS",
                    "LCS a"):
        dialogue.check([(command, arity(command.split()[0].lower()))])
    dialogue.check([("DBSIZE", 0), ("sEt a", arity("set"))])


def test_set_with_nx_and_xx_looks_at_existence(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SET k 1 XX", NULL), ("EXISTS k", 0), ("SET k 1 NX", OK), ("SET k 2 NX", NULL),
        ("GET k", "1"), ("SET k 2 xx", OK), ("GET k", "2"), ("SET k 3 NX NX", NULL),
        ("SET k 3 XX XX", OK), ("GET k", "3")])


def test_set_with_get_returns_the_old_value(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SET k 1 GET", NULL), ("SET k 2 GET", "1"), ("SET k 3 NX GET", "2"), ("GET k", "2"),
        ("SET k 4 GET XX", "2"), ("SET new 1 XX GET", NULL), ("EXISTS new", 0),
        ("SET new 1 NX GET", NULL), ("GET new", "1"), ("SET k 5 GET GET", "4"),
        ("SET k 6 GET EX 100", "5"), ("TTL k", 100), ("SET k 7 KEEPTTL GET", "6"),
        ("TTL k", 100), ("SET k 8 GET", "7"), ("TTL k", -1)])


@LISTS
def test_set_overwrites_any_type_but_get_wants_a_string(dialogue: Dialogue) -> None:
    dialogue.check([
        ("RPUSH l a", 1), ("SET l v GET", WRONGTYPE), ("SET l v NX GET", WRONGTYPE),
        ("SET l v XX GET", WRONGTYPE), ("SET l v NX", NULL), ("SETNX l v", 0),
        ("TYPE l", b"+list\r\n"),
        ("GETSET l v", WRONGTYPE), ("TYPE l", b"+list\r\n"), ("SET l v", OK),
        ("TYPE l", b"+string\r\n"), ("DEL l", 1), ("RPUSH l a", 1), ("MSET l v", OK),
        ("GET l", "v")])


@LISTS
def test_string_commands_refuse_other_types(dialogue: Dialogue) -> None:
    dialogue.ok("RPUSH l a")
    dialogue.check_all(
        ["GET l", "GETDEL l", "GETEX l", "GETEX l EX 10", "STRLEN l", "APPEND l x", "INCR l",
         "DECR l", "INCRBY l 1", "DECRBY l 1", "INCRBYFLOAT l 1", "INCRBYFLOAT l x",
         "GETRANGE l 0 1", "SUBSTR l 0 1", "SETRANGE l 0 x", 'SETRANGE l 0 ""',
         "SETRANGE l 536870912 x", "GETSET l x"], WRONGTYPE)
    dialogue.check_all(["INCRBY l x", "GETRANGE l x 1"], NOT_INTEGER)
    dialogue.check([
        ("MGET l missing", array(NULL, NULL)), ("MSETNX l 1 m 2", 0),
        ("SETRANGE l -1 x", error("ERR offset is out of range")),
        ("LCS l m", error("ERR The specified keys must contain string values")),
        ("LCS m l LEN IDX", error("ERR The specified keys must contain string values"))])


def test_set_refuses_conflicting_and_unknown_options(dialogue: Dialogue) -> None:
    dialogue.check_all(
        ["SET k v c", "SET k v NX XX", "SET k v XX NX", "SET k v EX", "SET k v PX", "SET k v EXAT",
         "SET k v PXAT", "SET k v EX 10 PX 10", "SET k v PX 10 EX 10", "SET k v EX 10 EXAT 10",
         "SET k v PXAT 10 EX 10", "SET k v EX 10 KEEPTTL", "SET k v KEEPTTL EX 10",
         "SET k v KEEPTTL PXAT 10", "SET k v PERSIST", "SET k v EX x FOO", "SET k v EX 0 NX XX",
         'SET k v ""', "SET k v NX EX", "SET k v GT", "SET k v IFEQ"], SYNTAX)
    dialogue.check([("EXISTS k", 0)])


def test_set_takes_a_repeated_option_and_the_last_time_counts(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SET k v EX 10 EX 200", OK), ("TTL k", 200), ("SET k v KEEPTTL KEEPTTL", OK),
        ("TTL k", 200), ("SET k v ex 100 nX", NULL), ("SET k v pX 300000 Xx", OK), ("TTL k", 300)])


@pytest.mark.parametrize("prefix, name, unit_ms", [
    ("SET k v EX {}", "set", 1000), ("SET k v PX {}", "set", 1), ("SETEX k {} v", "setex", 1000),
    ("PSETEX k {} v", "psetex", 1), ("GETEX k EX {}", "getex", 1000),
    ("GETEX k PX {}", "getex", 1)])
def test_relative_times_must_be_positive_and_fit(dialogue: Dialogue, prefix: str, name: str,
                                                unit_ms: int) -> None:
    dialogue.ok("SET k v")
    largest = LONG_MAX // unit_ms
    for bad in (0, -1, LONG_MIN, LONG_MAX, largest, largest - 1000):
        dialogue.check([(prefix.format(bad), invalid_expire(name))])
    for bad in ("x", '""', "1.5", "+5", "05", '" 5"', "1e3", "9223372036854775808"):
        dialogue.check([(prefix.format(bad), NOT_INTEGER)])
    dialogue.check([("TTL k", -1), ("GET k", "v")])
    assert dialogue.raw(prefix.format(500_000)) in (OK, bulk("v"))
    expected_ms = 500_000 * unit_ms
    assert expected_ms - 5000 <= dialogue.call("PTTL k") <= expected_ms


@pytest.mark.parametrize("prefix, name, unit_ms", [
    ("SET k v EXAT {}", "set", 1000), ("SET k v PXAT {}", "set", 1),
    ("GETEX k EXAT {}", "getex", 1000), ("GETEX k PXAT {}", "getex", 1)])
def test_absolute_times_are_kept_exactly_and_past_ones_end_the_key(
        dialogue: Dialogue, prefix: str, name: str, unit_ms: int) -> None:
    dialogue.ok("SET k v")
    for bad in (0, -1, LONG_MIN):
        dialogue.check([(prefix.format(bad), invalid_expire(name))])
    dialogue.check([(prefix.format("x"), NOT_INTEGER)])
    if unit_ms == 1000:
        dialogue.check([(prefix.format(LONG_MAX // 1000 + 1), invalid_expire(name))])
    assert dialogue.raw(prefix.format(FAR_MS // unit_ms)) in (OK, bulk("v"))
    dialogue.check([("PEXPIRETIME k", FAR_MS), ("GET k", "v")])
    assert dialogue.raw(prefix.format(1)) in (OK, bulk("v"))
    dialogue.check([("GET k", NULL), ("EXISTS k", 0), ("TYPE k", b"+none\r\n"), ("TTL k", -2)])


def test_setex_and_psetex_set_value_and_time(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SETEX k 100 a", OK), ("GET k", "a"), ("TTL k", 100), ("PSETEX k 200000 b", OK),
        ("GET k", "b"), ("TTL k", 200), ("SETEX k -5 c", invalid_expire("setex")),
        ("PSETEX k 0 c", invalid_expire("psetex")), ("GET k", "b")])


def test_commands_that_replace_a_value_drop_its_time_and_others_keep_it(
        dialogue: Dialogue) -> None:
    for command in ("SET k 5", "SET k 5 XX", "GETSET k 5", "MSET k 5"):
        dialogue.ok("SET k 1 EX 1000", command)
        dialogue.check([("TTL k", -1)])
    for command in ("SET k 5 KEEPTTL", "APPEND k 1", "INCR k", "DECR k", "INCRBY k 3",
                    "DECRBY k 2", "INCRBYFLOAT k 0.5", "SETRANGE k 0 9", "GETEX k", "GET k"):
        dialogue.ok("SET k 1 EX 1000", command)
        dialogue.check([("TTL k", 1000)])


def test_setnx_sets_only_a_missing_key(dialogue: Dialogue) -> None:
    dialogue.check([("SETNX k 1", 1), ("SETNX k 2", 0), ("GET k", "1"), ("TTL k", -1)])


def test_getset_returns_the_old_value(dialogue: Dialogue) -> None:
    dialogue.check([("GETSET k 1", NULL), ("GETSET k 2", "1"), ("GET k", "2")])


def test_getdel_returns_the_value_and_deletes(dialogue: Dialogue) -> None:
    dialogue.check([("GETDEL k", NULL), ("SET k v", OK), ("GETDEL k", "v"), ("EXISTS k", 0),
                    ("GETDEL k", NULL)])


def test_getex_changes_only_the_time(dialogue: Dialogue) -> None:
    dialogue.check([
        ("GETEX k", NULL), ("GETEX k PERSIST", NULL), ("SET k v", OK), ("GETEX k", "v"),
        ("TTL k", -1), ("GETEX k PERSIST", "v"), ("GETEX k EX 100", "v"), ("TTL k", 100),
        ("GETEX k", "v"), ("TTL k", 100), ("GETEX k persist PERSIST", "v"), ("TTL k", -1),
        ("GETEX k EX 5 EX 300", "v"), ("TTL k", 300)])


def test_getex_refuses_conflicting_and_unknown_options(dialogue: Dialogue) -> None:
    dialogue.ok("SET k v")
    commands = ["GETEX {} EX", "GETEX {} PX 10 EX 5", "GETEX {} PERSIST EX 5",
                "GETEX {} EX 5 PERSIST", "GETEX {} KEEPTTL", "GETEX {} NX", "GETEX {} foo",
                "GETEX {} EXAT 5 PXAT 5", "GETEX {} EX 0 foo", 'GETEX {} ""']
    for key in ("k", "missing"):
        dialogue.check_all([command.format(key) for command in commands], SYNTAX)


@pytest.mark.target("fastredis", "redis", reason="Valkey checks the time of a missing key too")
def test_getex_of_a_missing_key_does_not_look_at_the_time(dialogue: Dialogue) -> None:
    dialogue.check_all(["GETEX missing EX 0", "GETEX missing EX x", "GETEX missing PXAT -1"], NULL)


def test_append_grows_and_creates(dialogue: Dialogue) -> None:
    dialogue.check([
        ("APPEND k Hello", 5), ('APPEND k " World"', 11), ("GET k", "Hello World"),
        ('APPEND k ""', 11), ('APPEND e ""', 0), ("EXISTS e", 1), ("GET e", ""),
        ("SET n 12", OK), ("APPEND n 34", 4), ("GET n", "1234"), ("INCR n", 1235)])


def test_append_builds_large_values_piece_by_piece(dialogue: Dialogue) -> None:
    rng = random.Random(9)
    model = b""
    for _ in range(300):
        piece = bytes(rng.randrange(256) for _ in range(rng.choice((0, 1, 7, 50, 900))))
        model += piece
        dialogue.check([(["APPEND", "k", piece], len(model))])
        if rng.random() < 0.1:
            dialogue.check([("GET k", bulk(model))])
    dialogue.check([("GET k", bulk(model)), ("STRLEN k", len(model))])


def test_strlen_counts_bytes(dialogue: Dialogue) -> None:
    dialogue.check([("STRLEN k", 0), ("SET k -12345", OK), ("STRLEN k", 6),
                    ('SET k "\\xc3\\xa4"', OK), ("STRLEN k", 2),
                    (f"SET k {LONG_MIN}", OK), ("STRLEN k", 20)])


def test_counting_up_and_down(dialogue: Dialogue) -> None:
    dialogue.check([
        ("INCR k", 1), ("INCRBY k 41", 42), ("DECR k", 41), ("DECRBY k 51", -10),
        ("INCRBY k -5", -15), ("DECRBY k -15", 0), ("GET k", "0"), ("DECR fresh", -1),
        ("INCRBY fresh2 0", 0), ("GET fresh2", "0")])


def test_counting_stops_at_the_limits_of_64_bits(dialogue: Dialogue) -> None:
    dialogue.check([
        (f"SET k {LONG_MAX}", OK), ("INCR k", OVERFLOW), ("INCRBY k 1", OVERFLOW),
        ("DECRBY k -1", OVERFLOW), ("GET k", str(LONG_MAX)), (f"INCRBY k {LONG_MIN}", -1),
        (f"SET k {LONG_MIN}", OK), ("DECR k", OVERFLOW), ("DECRBY k 1", OVERFLOW),
        ("INCRBY k -1", OVERFLOW), (f"INCRBY k {LONG_MAX}", -1), ("SET k -1", OK),
        (f"INCRBY k {LONG_MIN}", OVERFLOW), ("SET k 10", OK),
        (f"DECRBY k {LONG_MIN}", error("ERR decrement would overflow")),
        (f"DECRBY k {LONG_MIN + 1}", OVERFLOW), (f"DECRBY k {LONG_MAX}", 10 - LONG_MAX)])


def test_counting_wants_canonical_integers(dialogue: Dialogue) -> None:
    odd = ['""', '" 5"', '"5 "', "+5", "05", "-0", "5.0", "1e3", "0x5", "x", "9223372036854775808",
           "-9223372036854775809", '"5\\x00"', "--5", "-", "00"]
    for text in odd:
        dialogue.check([(f"INCRBY fresh {text}", NOT_INTEGER),
                        (f"DECRBY fresh {text}", NOT_INTEGER), ("EXISTS fresh", 0),
                        (f"SET k {text}", OK), ("INCR k", NOT_INTEGER), ("DECR k", NOT_INTEGER),
                        ("INCRBY k 1", NOT_INTEGER)])


def test_a_counter_survives_other_ways_of_writing_it(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SETRANGE k 0 12", 2), ("INCR k", 13), ("APPEND k 0", 3), ("INCR k", 131),
        ("INCRBYFLOAT k 1.0", "132"), ("INCR k", 133), ("INCRBYFLOAT k 0.5", "133.5"),
        ("INCR k", NOT_INTEGER), ("INCRBYFLOAT k -0.5", "133"), ("DECR k", 132)])


@pytest.mark.parametrize("start, increment, result", [
    (None, "0", "0"), (None, "-0.0", "0"), (None, "1.5", "1.5"), ("3", "0", "3"),
    ("10.50", "0.1", "10.6"), ("10.6", "-5", "5.6"), ("5.0e3", "2.0e2", "5200"),
    ("0.1", "0.2", "0.3"), ("1.1", "1e-17", "1.10000000000000001"),
    (None, "1e-17", "0.00000000000000001"), (None, "1e-18", "0"), (None, "-1e-18", "0"),
    ("1", "0.00000000000000000001", "1"), (None, "5e-324", "0"), (None, ".5", "0.5"),
    (None, "5.", "5"), (None, "+2.5", "2.5"), (None, "1e3", "1000"), ("-1", "1", "0"),
    ("-0.5", "0.25", "-0.25"), ("1e17", "1", "100000000000000001"), (None, "0x10", "16"),
    (None, "0x1p3", "8"), ("9223372036854775807", "1", "9223372036854775808"),
    (None, "1e22", "10000000000000000000000"), ("1e20", "1024", "100000000000000001024")])
def test_incrbyfloat_computes_and_prints_as_redis_does(
        dialogue: Dialogue, start: str, increment: str, result: str) -> None:
    if start is not None:
        dialogue.ok(["SET", "k", start])
    dialogue.check([(["INCRBYFLOAT", "k", increment], result), ("GET k", result)])


@EXTENDED_PRECISION
@pytest.mark.parametrize("start, increment, result", [
    ("1e20", "1", "100000000000000000000"), (None, "1234567.891", "1234567.89099999999996271"),
    (None, "3.141592653589793238462643383279502884", "3.14159265358979324"),
    (None, "123456789012345678901234567890", "123456789012345678899921813504"),
    (None, "1e40", "9999999999999999999783686092270256259072")])
def test_incrbyfloat_computes_with_64_bits_of_mantissa(
        dialogue: Dialogue, start: str, increment: str, result: str) -> None:
    if start is not None:
        dialogue.ok(["SET", "k", start])
    dialogue.check([(["INCRBYFLOAT", "k", increment], result), ("GET k", result)])


@EXTENDED_PRECISION
def test_incrbyfloat_prints_very_large_numbers_in_full(dialogue: Dialogue) -> None:
    value = dialogue.call("INCRBYFLOAT k 1e4932")
    assert len(value) == 4933 and value.startswith(b"100000000000000000000") and value.isdigit()
    value = dialogue.call("INCRBYFLOAT k -1e4000")
    assert len(value) in (4932, 4933) and value.isdigit()


def test_incrbyfloat_refuses_what_is_no_finite_number(dialogue: Dialogue) -> None:
    dialogue.ok("SET k 1")
    for text in ("x", '""', '" 1"', '"1 "', "1e", "nan", "1e5000", "1e-5000", "1,5", "1_0",
                 '"1\\x00"', '"1\\x002"'):
        dialogue.check([(f"INCRBYFLOAT k {text}", NOT_FLOAT),
                        (f"INCRBYFLOAT fresh {text}", NOT_FLOAT), (f"SET odd {text}", OK),
                        ("INCRBYFLOAT odd 1", NOT_FLOAT)])
    for text in ("inf", "-inf", "+inf", "infinity", "INF"):
        infinite = error("ERR increment would produce NaN or Infinity")
        dialogue.check([(f"INCRBYFLOAT k {text}", infinite), (f"SET odd {text}", OK),
                        ("INCRBYFLOAT odd 1", infinite)])
    dialogue.check([("GET k", "1"), ("EXISTS fresh", 0)])


def test_setrange_overwrites_and_pads_with_zero_bytes(dialogue: Dialogue) -> None:
    dialogue.check([
        ('SET k "Hello World"', OK), ("SETRANGE k 6 Redis", 11), ("GET k", "Hello Redis"),
        ("SETRANGE k 9 XYZ", 12), ("GET k", "Hello RedXYZ"), ("SETRANGE n 3 abc", 6),
        ("GET n", bulk(b"\0\0\0abc")), ("SETRANGE n 8 z", 9), ("GET n", bulk(b"\0\0\0abc\0\0z")),
        ("SET i 123", OK), ("SETRANGE i 1 x", 3), ("GET i", "1x3")])


def test_setrange_of_nothing_changes_nothing(dialogue: Dialogue) -> None:
    dialogue.check([
        ('SETRANGE k 0 ""', 0), ('SETRANGE k 536870911 ""', 0), ('SETRANGE k 536870912 ""', 0),
        ("EXISTS k", 0), ("SET k 123", OK), ('SETRANGE k 100 ""', 3), ("GET k", "123"),
        ("OBJECT ENCODING k", "int")])


def test_setrange_checks_its_offset(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SETRANGE k -1 x", error("ERR offset is out of range")),
        ('SETRANGE k -1 ""', error("ERR offset is out of range")),
        ("SETRANGE k x x", NOT_INTEGER), ('SETRANGE k "" x', NOT_INTEGER),
        ("SETRANGE k 536870912 x", TOO_LONG), ("SETRANGE k 536870911 xx", TOO_LONG),
        (f"SETRANGE k {LONG_MAX} x", TOO_LONG), ("EXISTS k", 0)])


def test_a_value_may_not_outgrow_the_limit_of_a_bulk(dialogue: Dialogue) -> None:
    dialogue.ok("CONFIG SET proto-max-bulk-len 1mb")
    dialogue.check([
        ("SETRANGE k 1048575 x", 1048576), ("APPEND k y", TOO_LONG),
        ("SETRANGE k 1048576 y", TOO_LONG), ('APPEND k ""', 1048576), ("STRLEN k", 1048576)])


@pytest.mark.parametrize("start, end, expected", [
    ("0", "3", "This"), ("-3", "-1", "ing"), ("0", "-1", "This is a string"),
    ("10", "100", "string"), ("5", "3", ""), ("-1", "-3", ""), ("16", "20", ""), ("15", "15", "g"),
    ("-100", "-50", "T"), ("-100", "0", "T"), ("0", "-100", "T"), ("-16", "-16", "T"),
    ("-17", "-17", "T"), (str(LONG_MIN), str(LONG_MAX), "This is a string"),
    (str(LONG_MAX), str(LONG_MAX), ""), (str(LONG_MIN), str(LONG_MIN), "T"),
    ("3", str(LONG_MIN), "")])
def test_getrange_and_substr_cut_with_either_sign(dialogue: Dialogue, start: str, end: str,
                                                 expected: str) -> None:
    dialogue.ok('SET k "This is a string"')
    dialogue.check([(f"GETRANGE k {start} {end}", expected), (f"SUBSTR k {start} {end}", expected),
                    (f"GETRANGE missing {start} {end}", "")])


def test_getrange_reads_integers_and_checks_its_indices(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SET k -12345", OK), ("GETRANGE k 0 2", "-12"), ("OBJECT ENCODING k", "int"),
        ("GETRANGE k x 1", NOT_INTEGER), ("GETRANGE k 0 1.5", NOT_INTEGER),
        ("GETRANGE missing 0 x", NOT_INTEGER), ("SUBSTR k 0 x", NOT_INTEGER),
        ('SET e ""', OK), ("GETRANGE e 0 -1", "")])


def test_getrange_agrees_with_a_model_on_random_indices(dialogue: Dialogue) -> None:
    rng = random.Random(4)
    for _ in range(200):
        value = bytes(rng.randrange(256) for _ in range(rng.randint(1, 40)))
        start, end = rng.randint(-50, 50), rng.randint(-50, 50)
        size = len(value)
        low, high = (max(i + size, 0) if i < 0 else i for i in (start, end))
        expected = b"" if start < 0 and end < 0 and start > end else value[low:high + 1]
        dialogue.check([(["SET", "k", value], OK), (f"GETRANGE k {start} {end}", bulk(expected))])


def test_mset_and_mget_work_on_many_keys(dialogue: Dialogue) -> None:
    dialogue.check([
        ("MSET a 1 b two a 3", OK), ("MGET a b missing a", array("3", "two", NULL, "3")),
        ("MGET missing", array(NULL))])
    names = [b"key:%d" % number for number in range(1000)]
    pairs = [arg for name in names for arg in (name, b"value of " + name)]
    dialogue.check([
        (["MSET", *pairs], OK), (["MGET", *names], array(*[bulk(b"value of " + name)
                                                          for name in names])),
        (["EXISTS", *names], 1000), (["UNLINK", *names], 1000), ("DBSIZE", 2)])


def test_msetnx_sets_all_or_nothing(dialogue: Dialogue) -> None:
    dialogue.check([
        ("MSETNX a 1 b 2", 1), ("MSETNX c 1 b 3", 0), ("EXISTS c", 0),
        ("MGET a b", array("1", "2")),
        ("MSETNX d 1 d 2", 1), ("GET d", "2")])


@pytest.mark.parametrize("value, encoding", [
    ("0", "int"), ("-1", "int"), ("9999", "int"), ("10000", "int"), (str(LONG_MAX), "int"),
    (str(LONG_MIN), "int"), (str(LONG_MAX + 1), "embstr"), (str(LONG_MIN - 1), "embstr"),
    ("00", "embstr"), ("-0", "embstr"), ("+1", "embstr"), (" 1", "embstr"), ("1 ", "embstr"),
    ("1.5", "embstr"), ("", "embstr"), ("x" * 44, "embstr")])
def test_encodings_of_values(dialogue: Dialogue, value: str, encoding: str) -> None:
    for command in (["SET", "k", value], ["MSET", "k", value], ["GETSET", "k", value],
                    ["SETEX", "k", "100", value]):
        dialogue.ok(command)
        dialogue.check([("OBJECT ENCODING k", encoding), ("GET k", value)])
    dialogue.check([("DEL k", 1), (["SETNX", "k", value], 1), ("OBJECT ENCODING k", encoding),
                    (["APPEND", "fresh", value], len(value)), ("OBJECT ENCODING fresh", encoding)])


@pytest.mark.target("fastredis", "redis", reason="the limit of embstr is larger in Valkey")
def test_values_of_more_than_44_bytes_are_raw(dialogue: Dialogue) -> None:
    for size in (45, 64, 65, 1000, 20000):
        dialogue.ok(["SET", "k", "x" * size])
        dialogue.check([("OBJECT ENCODING k", "raw")])


def test_values_changed_in_place_are_raw(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SET k 12", OK), ("APPEND k 3", 3), ("OBJECT ENCODING k", "raw"), ("INCR k", 124),
        ("OBJECT ENCODING k", "int"), ("SETRANGE k 0 9", 3), ("OBJECT ENCODING k", "raw"),
        ("SETRANGE n 0 x", 1), ("OBJECT ENCODING n", "raw"), ("SET e abc", OK),
        ('SETRANGE e 1 ""', 3), ("OBJECT ENCODING e", "embstr"), ("INCRBYFLOAT f 3", "3"),
        ("OBJECT ENCODING f", "embstr")])


LCS_MATCHES = array(array(array(4, 7), array(5, 8)), array(array(2, 3), array(0, 1)))


def test_lcs_finds_the_longest_common_subsequence(dialogue: Dialogue) -> None:
    dialogue.ok("MSET a ohmytext b mynewtext")
    dialogue.check([
        ("LCS a b", "mytext"), ("LCS a b LEN", 6), ("LCS a b len LEN", 6), ("LCS a a", "ohmytext"),
        ("LCS a missing", ""), ("LCS missing missing2 LEN", 0), ("LCS a b MINMATCHLEN 4", "mytext"),
        ("LCS a b WITHMATCHLEN", "mytext"), ("LCS a b LEN MINMATCHLEN 9 WITHMATCHLEN", 6)])


def test_lcs_lists_matches_from_the_end(dialogue: Dialogue) -> None:
    dialogue.ok("MSET a ohmytext b mynewtext")
    nothing = mapping("matches", array(), "len", 0)
    dialogue.check([
        ("LCS a b IDX", mapping("matches", LCS_MATCHES, "len", 6)),
        ("LCS a b IDX MINMATCHLEN 4", mapping(
            "matches", array(array(array(4, 7), array(5, 8))), "len", 6)),
        ("LCS a b WITHMATCHLEN MINMATCHLEN 4 IDX", mapping(
            "matches", array(array(array(4, 7), array(5, 8), 4)), "len", 6)),
        ("LCS a b IDX WITHMATCHLEN", mapping("matches", array(
            array(array(4, 7), array(5, 8), 4), array(array(2, 3), array(0, 1), 2)), "len", 6)),
        ("LCS a b IDX MINMATCHLEN -1", mapping("matches", LCS_MATCHES, "len", 6)),
        ("LCS a b IDX MINMATCHLEN 100", mapping("matches", array(), "len", 6)),
        ("LCS a missing IDX", nothing), ("LCS missing missing IDX WITHMATCHLEN", nothing),
        ("LCS a a IDX WITHMATCHLEN", mapping(
            "matches", array(array(array(0, 7), array(0, 7), 8)), "len", 8))])


def test_lcs_checks_its_options(dialogue: Dialogue) -> None:
    both = error("ERR If you want both the length and indexes, please just use IDX.")
    dialogue.check([
        ("LCS a b LEN IDX", both), ("LCS a b IDX LEN", both), ("LCS a b FOO", SYNTAX),
        ("LCS a b IDX MINMATCHLEN", SYNTAX), ("LCS a b IDX MINMATCHLEN x", NOT_INTEGER),
        ("LCS a b LEN IDX FOO", SYNTAX)])


def _lcs_length(first: bytes, second: bytes) -> int:
    row = [0] * (len(second) + 1)
    for one in first:
        before = 0
        for at, other in enumerate(second, 1):
            before, row[at] = row[at], before + 1 if one == other else max(row[at], row[at - 1])
    return row[-1]


def test_lcs_agrees_with_a_model_on_random_strings(dialogue: Dialogue) -> None:
    rng = random.Random(8)
    for _ in range(60):
        first, second = (bytes(rng.choice(b"abc") for _ in range(rng.randint(0, 60)))
                         for _ in range(2))
        dialogue.ok(["MSET", "a", first, "b", second])
        length = _lcs_length(first, second)
        common = dialogue.call("LCS a b")
        assert len(common) == length
        for text in (first, second):
            rest = iter(text)
            assert all(byte in rest for byte in common)
        found = dialogue.call("LCS a b IDX WITHMATCHLEN")
        found = found.to_dict() if dialogue.protocol == 3 else dict(zip(found[::2], found[1::2]))
        pieces = found[b"matches"][::-1]
        assert b"".join(first[low:high + 1] for (low, high), _, _ in pieces) == common
        assert b"".join(second[low:high + 1] for _, (low, high), _ in pieces) == common
        assert [high - low + 1 for (low, high), _, _ in pieces] == [size for *_, size in pieces]


@VALKEY_ADDS
def test_set_with_ifeq_compares_before_it_sets(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SET k new IFEQ old", NULL), ("EXISTS k", 0), ("SET k 1", OK), ("SET k 2 IFEQ x", NULL),
        ("GET k", "1"), ("SET k 2 IFEQ 1", OK), ("SET k 3 IFEQ 1 GET", "2"), ("GET k", "2"),
        ("SET k 3 GET IFEQ 2", "2"), ("GET k", "3"), ("SET missing v IFEQ x GET", NULL),
        ("SET k text IFEQ 3 EX 100", OK), ("TTL k", 100), ("SET k more IFEQ text KEEPTTL", OK),
        ("TTL k", 100), ("SET k last IFEQ more", OK), ("TTL k", -1), ("SET k x IFEQ EX", NULL),
        ('SET k x IFEQ ""', NULL)])
    dialogue.check_all(
        ["SET k v IFEQ", "SET k v IFEQ last NX", "SET k v XX IFEQ last",
         "SET k v IFEQ last IFEQ last", "SET k v NX IFEQ last"], SYNTAX)


@VALKEY_ADDS
def test_delifeq_deletes_only_an_equal_value(dialogue: Dialogue) -> None:
    dialogue.check([
        ("DELIFEQ", arity("delifeq")), ("DELIFEQ k", arity("delifeq")),
        ("DELIFEQ k v x", arity("delifeq")), ("DELIFEQ k v", 0), ("SET k v", OK),
        ("DELIFEQ k w", 0), ("DELIFEQ k v", 1), ("EXISTS k", 0), ("SET k 12", OK),
        ("DELIFEQ k 012", 0), ("DELIFEQ k 12", 1), ('SET k ""', OK), ('DELIFEQ k ""', 1)])


@VALKEY_ADDS
def test_msetex_sets_many_keys_with_conditions_and_time(dialogue: Dialogue) -> None:
    dialogue.check([
        ("MSETEX 2 a 1 b 2", 1), ("MGET a b", array("1", "2")), ("MSETEX 2 a 9 new 9 NX", 0),
        ("MSETEX 2 a 9 new 9 XX", 0), ("EXISTS new", 0), ("GET a", "1"),
        ("MSETEX 2 a 3 b 4 XX EX 100", 1), ("TTL a", 100), ("TTL b", 100),
        ("MSETEX 1 a 5 KEEPTTL", 1), ("TTL a", 100), ("MSETEX 1 a 6", 1), ("TTL a", -1),
        ("MSETEX 2 n 1 n 2 NX", 1), ("GET n", "2"), (f"MSETEX 1 a 1 PXAT {FAR_MS}", 1),
        ("PEXPIRETIME a", FAR_MS), ("MSETEX 1 a 1 EXAT 1", 1), ("EXISTS a", 0),
        ("MSETEX 1 b 1 NX NX", 0), ("MSETEX 1 b 1 XX XX", 1), ("MSETEX 1 b 1 EX 5 EX 200", 1),
        ("TTL b", 200)])


@VALKEY_ADDS
def test_msetex_checks_count_and_options(dialogue: Dialogue) -> None:
    count = error("ERR invalid numkeys value or out of range")
    dialogue.check_all(["MSETEX 0 a 1", "MSETEX -1 a 1", "MSETEX x a 1", "MSETEX 9999999999 a 1",
                        "MSETEX 4611686018427387904 a 1"], count)
    dialogue.check_all(
        ["MSETEX 2 a 1 b", "MSETEX 3 a 1 b 2", "MSETEX 1 a 1 b 2", "MSETEX 1 a 1 NX XX",
         "MSETEX 1 a 1 EX", "MSETEX 1 a 1 EX 10 PX 10", "MSETEX 1 a 1 EX 10 KEEPTTL",
         "MSETEX 1 a 1 GET", "MSETEX 1 a 1 IFEQ 1"], SYNTAX)
    dialogue.check([
        ("MSETEX", arity("msetex")), ("MSETEX 1 a 1 EX 0", invalid_expire("msetex")),
        ("MSETEX 1 a 1 EX x", NOT_INTEGER),
        (f"MSETEX 1 a 1 EX {LONG_MAX}", invalid_expire("msetex")), ("EXISTS a", 0)])


def test_a_value_with_a_short_time_disappears_by_itself(dialogue: Dialogue) -> None:
    dialogue.ok("SET px v PX 20", "PSETEX psetex 20 v", "SET getex v", "GETEX getex PX 20")
    dialogue.check([("EXISTS px psetex getex", 3)])
    time.sleep(0.05)
    dialogue.check([("GET px", NULL), ("STRLEN psetex", 0), ("GETEX getex", NULL)])


def test_large_values_come_back_whole(dialogue: Dialogue) -> None:
    for size in (16384, 1 << 20, 5_000_003):
        value = random.Random(size).randbytes(size)
        dialogue.client.send_while_reading(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n" + bulk(value))
        assert dialogue.client.read_raw() == OK
        dialogue.check([("GET k", bulk(value)), ("STRLEN k", size),
                        (f"GETRANGE k {size - 5} -1", bulk(value[-5:]))])
