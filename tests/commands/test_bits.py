"""Commands of the group `bitmap`: numbers of bits, ranges, joins, fields and their overflow."""

from __future__ import annotations

import random

import pytest

from .dialogue import (
    NOT_INTEGER, NULL, OK, SYNTAX, WRONGTYPE, Dialogue, arity, array, bulk, error)

BIT_OFFSET = error("ERR bit offset is not an integer or out of range")
BIT = error("ERR bit is not an integer or out of range")
BITPOS_BIT = error("ERR The bit argument must be 1 or 0.")
FIELD_TYPE = error("ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not "
                   "supported but i64 is.")
READONLY = error("ERR BITFIELD_RO only supports the GET subcommand")
LONG_MAX, LONG_MIN = 2**63 - 1, -2**63
NEW_ORDER = pytest.mark.target(
    "fastredis", "redis>=8.0", "valkey>=8.0", reason="7.0 looks at the key before the options")


def test_wrong_numbers_of_arguments_are_refused(dialogue: Dialogue) -> None:
    for command in ("SETBIT k 1", "SETBIT k 1 1 1", "GETBIT k", "GETBIT k 1 1", "BITCOUNT",
                    "BITPOS k", "BITOP AND d", "BITFIELD", "BITFIELD_RO"):
        dialogue.check([(command, arity(command.split()[0].lower()))])
    dialogue.check([("DBSIZE", 0)])


def test_setbit_returns_the_old_bit_and_grows_the_string_with_zeros(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SETBIT k 7 0", 0), ("GET k", b"$1\r\n\x00\r\n"), ("OBJECT ENCODING k", "raw"),
        ("SETBIT k 7 1", 0), ("SETBIT k 7 1", 1), ("SETBIT k 0 1", 0), ("GET k", bulk(b"\x81")),
        ("SETBIT k 30 1", 0), ("GET k", bulk(b"\x81\0\0\x02")), ("SETBIT k 7 0", 1),
        ("GETBIT k 0", 1), ("GETBIT k 7", 0), ("GETBIT k 30", 1), ("GETBIT k 31", 0),
        ("GETBIT k 32", 0), ("GETBIT k 4294967295", 0), ("GETBIT missing 1", 0),
        ("EXISTS missing", 0)])


def test_bits_are_set_in_strings_of_every_encoding_and_keep_the_due_time(
        dialogue: Dialogue) -> None:
    for text in (b"12", b"hello", b"x" * 44, b"y" * 45, b"z" * 959, b"z" * 960, b"z" * 961,
                 b"w" * 20_000):
        changed = text[:-1] + bytes([text[-1] ^ 1])
        last = len(text) * 8 - 1
        dialogue.check([
            (["SET", "k", text, "EX", "100"], OK),
            (["SETBIT", "k", last, 1 - (text[-1] & 1)], text[-1] & 1),
            ("GET k", bulk(changed)), ("OBJECT ENCODING k", "raw"), ("TTL k", 100),
            (["SETBIT", "k", last + 8, 1], 0), ("GET k", bulk(changed + b"\x01")),
            ("TTL k", 100)])


def test_a_bit_far_away_is_set_without_delay_and_without_touching_what_lies_between(
        dialogue: Dialogue) -> None:
    dialogue.check([
        ("SETBIT k 4294967295 1", 0), ("STRLEN k", 536870912), ("GETBIT k 4294967295", 1),
        ("GETBIT k 4294967294", 0), ("GETRANGE k -2 -1", bulk(b"\0\x01")), ("DEL k", 1),
        ("SET k abc", OK), ("SETBIT k 4294967295 1", 0), ("GETRANGE k 0 3", bulk(b"abc\0")),
        ("DEL k", 1)])


def test_a_bit_number_must_be_an_integer_within_the_longest_string(dialogue: Dialogue) -> None:
    for number in ("x", "-1", "4294967296", "99999999999999999999", "01", "1.0", '""', "#1"):
        dialogue.check([(f"SETBIT k {number} 1", BIT_OFFSET), (f"GETBIT k {number}", BIT_OFFSET),
                        (f"SETBIT k {number} 2", BIT_OFFSET)])
    for bit in ("2", "-1", "x", "01", '""', "9223372036854775807"):
        dialogue.check([(f"SETBIT k 1 {bit}", BIT)])
    dialogue.check([("EXISTS k", 0)])


def test_the_longest_string_is_what_the_configuration_says(dialogue: Dialogue) -> None:
    dialogue.ok("CONFIG SET proto-max-bulk-len 1048576")
    dialogue.check([
        ("SETBIT k 8388607 1", 0), ("SETBIT k 8388608 1", BIT_OFFSET),
        ("GETBIT k 8388608", BIT_OFFSET), ("BITFIELD k GET u8 8388608", BIT_OFFSET),
        ("BITFIELD k SET u8 8388607 1", array(128)), ("STRLEN k", 1048577),
        ("BITFIELD k GET u8 #1048576", BIT_OFFSET)])
    dialogue.ok("CONFIG SET proto-max-bulk-len 536870912")


def test_other_types_are_refused_behind_the_arguments(dialogue: Dialogue) -> None:
    dialogue.check([
        ("RPUSH l a", 1), ("SETBIT l 1 1", WRONGTYPE), ("SETBIT l x 1", BIT_OFFSET),
        ("SETBIT l 1 5", BIT), ("GETBIT l 1", WRONGTYPE), ("GETBIT l x", BIT_OFFSET),
        ("BITCOUNT l", WRONGTYPE), ("BITCOUNT l 0 1", WRONGTYPE), ("BITPOS l 1", WRONGTYPE),
        ("BITPOS l 2", BITPOS_BIT), ("BITOP NOT d l", WRONGTYPE), ("BITOP AND d a l", WRONGTYPE),
        ("BITOP FOO d l", SYNTAX), ("BITFIELD l", WRONGTYPE), ("BITFIELD l GET u8 0", WRONGTYPE),
        ("BITFIELD l SET u8 0 1", WRONGTYPE), ("BITFIELD l GET u64 0", FIELD_TYPE),
        ("BITFIELD_RO l", WRONGTYPE), ("BITFIELD_RO l SET u4 1 1", READONLY),
        ("BITOP AND l missing", 0), ("EXISTS l", 0)])


def test_bitcount_counts_bytes_or_bits_from_either_end(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SET n 12", OK), ("BITCOUNT n", 6), ("BITCOUNT n 0 0", 3), ("BITCOUNT n 1 1 byte", 3),
        ("BITCOUNT n 0 0 bit", 0), ("BITCOUNT n 0 7 BIT", 3), ("BITCOUNT n -9 -3 BIT", 3),
        ("BITCOUNT n -1 -2", 0), ("BITCOUNT n -50 -100", 0), ("BITCOUNT n -100 -50", 3),
        ("BITCOUNT n -100 50", 6), ("BITCOUNT n 0 -100", 3), ("BITCOUNT n 5 10", 0),
        (f"BITCOUNT n {LONG_MAX} {LONG_MAX} BIT", 0), (f"BITCOUNT n {LONG_MIN} {LONG_MAX} BIT", 6),
        ("BITCOUNT missing", 0), ('SET e ""', OK), ("BITCOUNT e", 0), ("BITCOUNT e 0 -1 BIT", 0)])


def test_bitpos_finds_the_first_bit_of_either_kind(dialogue: Dialogue) -> None:
    dialogue.check([
        (["SET", "z", b"\x00\xff\xf0"], OK), ("BITPOS z 1", 8), ("BITPOS z 0", 0),
        ("BITPOS z 1 2 -1 BYTE", 16), ("BITPOS z 0 1", 20), ("BITPOS z 0 9 -1 BIT", 20),
        ("BITPOS z 1 0 0", -1), ("BITPOS z 1 -100 -50", -1), ("BITPOS z 0 -50 -100", 0),
        ("BITPOS z 1 1 0", -1), (f"BITPOS z 0 {LONG_MIN} {LONG_MAX} BIT", 0)])


def test_bitpos_sees_zeros_behind_a_string_only_without_an_end(dialogue: Dialogue) -> None:
    dialogue.check([
        (["SET", "f", b"\xff\xff"], OK), ("BITPOS f 0", 16), ("BITPOS f 0 1", 16),
        ("BITPOS f 0 -3", 16), ("BITPOS f 0 2", -1), ("BITPOS f 0 0 -1", -1),
        ("BITPOS f 0 0 -1 BIT", -1), ("BITPOS f 1 3 9 BIT", 3), ("BITPOS f 1 -3 -1 BIT", 13),
        ("BITPOS missing 0", 0), ("BITPOS missing 1", -1), ("BITPOS missing 0 5 6", 0),
        ('SET e ""', OK), ("BITPOS e 0", -1), ("BITPOS e 0 0", -1), ("BITPOS e 1", -1)])


def test_bitcount_and_bitpos_refuse_what_is_no_range(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SET k a", OK), ("BITCOUNT k 0", SYNTAX), ("BITCOUNT k 0 1 FOO", SYNTAX),
        ("BITCOUNT k 0 1 BIT x", SYNTAX), ("BITCOUNT k x 1", NOT_INTEGER),
        ("BITCOUNT k 0 x", NOT_INTEGER), ("BITCOUNT k 0 x FOO", NOT_INTEGER),
        ("BITPOS k 2", BITPOS_BIT), ("BITPOS k 2 x", BITPOS_BIT), ("BITPOS k x", NOT_INTEGER),
        ("BITPOS k 01", NOT_INTEGER), ("BITPOS k 4294967297", BITPOS_BIT),
        ("BITPOS k 1 x", NOT_INTEGER), ("BITPOS k 1 0 x", NOT_INTEGER),
        ("BITPOS k 1 0 -1 FOO", SYNTAX), ("BITPOS k 1 0 -1 BIT x", SYNTAX),
        ("BITPOS k 1 x y FOO", NOT_INTEGER)])


@NEW_ORDER
def test_ranges_are_checked_before_the_key(dialogue: Dialogue) -> None:
    dialogue.check([
        ("BITCOUNT missing 1", SYNTAX), ("BITCOUNT missing x y", NOT_INTEGER),
        ("BITCOUNT missing 0 -1 FOO", SYNTAX), ("BITPOS missing 0 x", NOT_INTEGER),
        ("BITPOS missing 1 0 y FOO", SYNTAX), ("BITPOS missing 0 0 x", NOT_INTEGER)])


def test_long_strings_are_counted_and_searched_like_short_ones(dialogue: Dialogue) -> None:
    rng = random.Random(5)
    for length in (100, 1000, 20_000):
        text = bytearray(length)
        for at in sorted(rng.sample(range(length * 8), 5)):
            text[at // 8] |= 128 >> at % 8
        bits = "".join(f"{byte:08b}" for byte in text)
        inverted = bytes(byte ^ 255 for byte in text)
        dialogue.check([(["SET", "k", bytes(text)], OK), (["SET", "i", inverted], OK),
                        ("BITCOUNT k", 5), ("BITCOUNT i", length * 8 - 5)])
        for _ in range(20):
            first, last = sorted(rng.sample(range(length * 8), 2))
            part = bits[first:last + 1]
            found = part.find("1") + first if "1" in part else -1
            dialogue.check([
                (f"BITCOUNT k {first} {last} BIT", part.count("1")),
                (f"BITPOS k 1 {first} {last} BIT", found),
                (f"BITPOS i 0 {first} {last} BIT", found)])


def test_bitop_joins_strings_of_different_lengths(dialogue: Dialogue) -> None:
    dialogue.check([
        ("MSET a abc b abcdefgh n 15", OK), ("BITOP AND d a b", 8),
        ("GET d", bulk(b"abc\0\0\0\0\0")), ("BITOP or d a b", 8), ("GET d", "abcdefgh"),
        ("OBJECT ENCODING d", "raw"), ("BITOP XOR d a n missing", 3), ("GET d", "PWc"),
        ("BITOP NOT d n", 2), ("GET d", bulk(b"\xce\xca")), ("BITOP AND d a missing", 3),
        ("GET d", bulk(b"\0\0\0")), ("BITOP OR d a", 3), ("GET d", "abc"),
        ("BITOP AND d" + " b" * 40, 8), ("GET d", "abcdefgh")])


def test_bitop_may_store_into_one_of_its_sources(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SET n 15 EX 100", OK), ("SET p 99", OK), ("BITOP OR n n p", 2), ("GET n", bulk("9=")),
        ("TTL n", -1), ("BITOP XOR n n n", 2), ("GET n", bulk(b"\0\0")),
        ("BITOP OR n p", 2), ("GET n", "99"), ("OBJECT ENCODING n", "raw")])


def test_bitop_of_nothing_deletes_the_target(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SET d x", OK), ("BITOP AND d missing gone", 0), ("EXISTS d", 0), ('SET e ""', OK),
        ("SET d x", OK), ("BITOP NOT d e", 0), ("EXISTS d", 0), ("BITOP OR d e e", 0)])


def test_bitop_refuses_unknown_operators_and_not_of_several(dialogue: Dialogue) -> None:
    dialogue.check([
        ("BITOP NAND d a b", SYNTAX),
        ("BITOP NOT d a b", error("ERR BITOP NOT must be called with a single source key."))])


def test_bitop_joins_long_strings(dialogue: Dialogue) -> None:
    rng = random.Random(7)
    texts = [bytes(rng.randrange(256) for _ in range(size)) for size in (50_000, 33_333, 7)]
    for name, text in zip("abc", texts):
        dialogue.check([(["SET", name, text], OK)])
    whole = [int.from_bytes(text.ljust(50_000, b"\0"), "big") for text in texts]
    for word, number in (("AND", whole[0] & whole[1] & whole[2]),
                         ("OR", whole[0] | whole[1] | whole[2]),
                         ("XOR", whole[0] ^ whole[1] ^ whole[2])):
        dialogue.check([(f"BITOP {word} d a b c", 50_000),
                        ("GET d", bulk(number.to_bytes(50_000, "big")))])
    dialogue.check([("BITOP NOT d a", 50_000),
                    ("GET d", bulk(bytes(byte ^ 255 for byte in texts[0])))])


def test_bitfield_reads_and_writes_integers_of_any_width_at_any_bit(dialogue: Dialogue) -> None:
    dialogue.check([
        ("BITFIELD k", array()), ("EXISTS k", 0), ("BITFIELD k GET u8 0 GET i64 100", array(0, 0)),
        ("EXISTS k", 0), ("BITFIELD k SET u8 0 255", array(0)),
        ("BITFIELD k SET u8 0 1", array(255)),
        ("BITFIELD k SET i8 0 -1", array(1)), ("BITFIELD k SET u8 #1 256", array(0)),
        ("BITFIELD k GET u8 #1 GET i8 #0 GET u16 0 GET u4 2", array(0, -1, 65280, 15)),
        (f"BITFIELD k SET i64 3 {LONG_MIN} GET i64 3 GET u63 4",
         array(-576460752303423488, LONG_MIN, 0)),
        ("OBJECT ENCODING k", "raw"), ("SET n 12", OK), ("BITFIELD n GET u8 0", array(49)),
        ("OBJECT ENCODING n", "int"), ("BITFIELD n SET u8 0 50", array(49)), ("GET n", "22"),
        ("BITFIELD_RO n GET u8 0 GET u8 8", array(50, 50)),
        ("BITFIELD_RO missing GET u8 0", array(0))])


def test_bitfield_overflow_wraps_saturates_or_fails(dialogue: Dialogue) -> None:
    dialogue.check([
        ("BITFIELD k SET u8 0 255 INCRBY u8 0 10", array(0, 9)),
        ("BITFIELD k OVERFLOW SAT INCRBY u8 0 300 INCRBY u8 0 -300", array(255, 0)),
        ("BITFIELD k OVERFLOW FAIL INCRBY u8 0 -1 GET u8 0 INCRBY u8 0 255", array(NULL, 0, 255)),
        ("BITFIELD k OVERFLOW FAIL SET u8 0 256 SET i8 0 200 SET u63 0 -1",
         array(NULL, NULL, NULL)),
        ("BITFIELD k OVERFLOW SAT SET i8 0 128 GET i8 0 SET u8 0 -1 GET u8 0",
         array(-1, 127, 127, 255)),
        ("BITFIELD k SET i8 0 -129 GET i8 0", array(-1, 127)),
        ("BITFIELD k SET i8 0 127 INCRBY i8 0 1", array(127, -128)),
        (f"BITFIELD k SET i64 0 {LONG_MAX} INCRBY i64 0 1 INCRBY i64 0 -1",
         array(0x8000000000000000 - 2**64, LONG_MIN, LONG_MAX)),
        (f"BITFIELD k OVERFLOW SAT INCRBY i64 0 {LONG_MAX} OVERFLOW FAIL INCRBY i64 0 1",
         array(LONG_MAX, NULL)),
        (f"BITFIELD k SET u63 1 {LONG_MAX} INCRBY u63 1 {LONG_MAX} INCRBY u63 1 {LONG_MIN}",
         array(LONG_MAX, LONG_MAX - 1, LONG_MAX - 1))])


def test_bitfield_grows_the_string_even_if_the_write_is_refused(dialogue: Dialogue) -> None:
    dialogue.check([
        ("BITFIELD k OVERFLOW FAIL SET u8 100 256", array(NULL)), ("STRLEN k", 14),
        ("BITFIELD k SET u8 4294967295 1", array(0)), ("STRLEN k", 536870913), ("DEL k", 1)])


def test_bitfield_refuses_the_whole_command_for_one_mistake(dialogue: Dialogue) -> None:
    for kind in ("u64", "i65", "u0", "i0", "x8", "u", "U8", "u08", '""'):
        dialogue.check([(f"BITFIELD k SET u8 0 1 GET {kind} 0", FIELD_TYPE),
                        (f"BITFIELD k SET {kind} x x", FIELD_TYPE)])
    for offset in ("x", "-1", "#", "#x", "#-1", '""', "4294967296", "#536870912",
                   "#9223372036854775807"):
        dialogue.check([(f"BITFIELD k SET u8 0 1 GET u8 {offset}", BIT_OFFSET),
                        (f"BITFIELD k SET u8 {offset} x", BIT_OFFSET)])
    dialogue.check([
        ("BITFIELD k SET u8 0 x", NOT_INTEGER), ("BITFIELD k INCRBY u8 0 01", NOT_INTEGER),
        ("BITFIELD k GET", SYNTAX), ("BITFIELD k GET u8", SYNTAX), ("BITFIELD k SET u8 0", SYNTAX),
        ("BITFIELD k FOO", SYNTAX), ("BITFIELD k GET u8 0 FOO", SYNTAX),
        ("BITFIELD k OVERFLOW", SYNTAX), ("BITFIELD k SET u8 0 1 OVERFLOW", SYNTAX),
        ("BITFIELD k OVERFLOW FOO GET u8 0", error("ERR Invalid OVERFLOW type specified")),
        ("EXISTS k", 0), ("BITFIELD_RO k SET u8 0 1", READONLY),
        ("BITFIELD_RO k GET u8 0 INCRBY u8 0 1", READONLY),
        ("BITFIELD_RO k INCRBY u64 0 1", FIELD_TYPE),
        ("BITFIELD_RO k OVERFLOW SAT GET u8 0", array(0)), ("EXISTS k", 0)])


def test_only_bits_that_change_disturb_a_watch(dialogue: Dialogue) -> None:
    other = dialogue.other()
    cases = [("SETBIT k 1 0", True), ("SETBIT k 1 0", False), ("SETBIT k 1 1", True),
             ("SETBIT k 1 1", False), ("SETBIT k 9 0", True), ("BITFIELD k SET u8 8 0", False),
             ("BITFIELD k SET u8 8 1", True), ("BITFIELD k INCRBY u8 8 256", False),
             ("BITFIELD k SET u8 80 0", True), ("BITOP OR k k", True), ("BITCOUNT k", False),
             ("BITOP OR k missing", True), ("BITOP OR k missing", False)]
    for command, disturbs in cases:
        dialogue.ok("WATCH k")
        other.raw(command)
        dialogue.check([("MULTI", OK), ("PING", b"+QUEUED\r\n")])
        aborted = dialogue.call("EXEC") != [b"PONG"]
        assert aborted == disturbs, command


def test_a_value_that_is_being_sent_does_not_change_under_the_reply(dialogue: Dialogue) -> None:
    dialogue.check([(["SET", "k", b"\0" * 100_000], OK)])
    dialogue.begin("GET k", "SETBIT k 0 1", "BITFIELD k SET u8 8 255", "GET k")
    client = dialogue.client
    assert bytes(client.read()) == b"\0" * 100_000
    assert client.read() == 0 and client.read() == [0]
    assert bytes(client.read()) == b"\x80\xff" + b"\0" * 99_998
