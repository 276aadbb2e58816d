"""Commands of the group `hyperloglog`: estimates, bytes, both encodings, malformed values."""

from __future__ import annotations

import hashlib
import random
import re

import pytest

from .dialogue import (
    NULL, OK, WRONGTYPE, Dialogue, arity, array, bulk, error, simple)

NOT_A_VALUE = error("WRONGTYPE Key is not a valid HyperLogLog string value.")
CORRUPT = error("INVALIDOBJ Corrupted HLL object detected")
EMPTY = b"HYLL\x01" + b"\0" * 10 + b"\x80\x7f\xff"


def header(cached: bytes = b"\0" * 7 + b"\x80", encoding: int = 1) -> bytes:
    """The first 16 bytes of a value."""
    return b"HYLL" + bytes([encoding]) + b"\0\0\0" + cached


def test_wrong_numbers_of_arguments_are_refused(dialogue: Dialogue) -> None:
    for command in ("PFADD", "PFCOUNT", "PFMERGE", "PFDEBUG", "PFDEBUG ENCODING",
                    "PFDEBUG ENCODING k x", "PFSELFTEST x"):
        dialogue.check([(command, arity(command.split()[0].lower()))])


def test_pfadd_tells_whether_a_register_has_changed(dialogue: Dialogue) -> None:
    dialogue.check([
        ("PFADD k", 1), ("PFADD k", 0), ("PFADD k a", 1), ("PFADD k a", 0), ("PFADD k a b", 1),
        ("PFCOUNT k", 2), ("PFADD new a b c a", 1), ("PFCOUNT new", 3), ('PFADD k ""', 1),
        ("PFCOUNT k", 3), ("TYPE k", simple("string")), ("OBJECT ENCODING k", "raw")])


def test_a_value_is_the_string_that_redis_keeps(dialogue: Dialogue) -> None:
    dialogue.check([
        ("PFADD k", 1), ("GET k", bulk(EMPTY)), ("PFADD k a", 1),
        ("GET k", bulk(header() + b"q\xa6\x84NW")), ("PFADD k b c", 1),
        ("PFDEBUG DECODE k", "Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603"), ("PFCOUNT k", 3),
        ("GET k", bulk(header(b"\x03" + b"\0" * 7)
                       + b"\x60\xf3\x80\x50\xb1\x84\x4b\xfb\x80\x42\x5a")),
        ("PFMERGE empty", OK), ("GET empty", bulk(EMPTY))])


def test_estimates_and_bytes_are_those_of_redis(dialogue: Dialogue) -> None:
    """Recorded from Redis 7.0.15 and 8.0.6: the estimate, and the SHA-1 of the value."""
    recorded = {
        100: (100, "d860774a4cac9dc21e47a0bf813119c9f36c4c01"),
        500: (499, "2c514e757547e20dc055db42c8ad216fdd8c6c92"),
        1000: (1007, "b6e2b5abfd10301c34afeb31708783fcbb1a7625"),
        1500: (1516, "a65e2dd7e41065cc13d0a7e02cd74a4a855f76fe"),
        5000: (5025, "a7adf996f311b3da7fde3466e7a3da816ce01db0"),
        20_000: (19_857, "ac674b06b1a87a40bb3c4c0f692ae8c08f2c9837")}
    for number in range(0, 20_000, 100):
        dialogue.ok(["PFADD", "k"] + [f"user:{at}" for at in range(number, number + 100)])
        if number + 100 in recorded:
            estimate, digest = recorded[number + 100]
            dialogue.check([("PFCOUNT k", estimate)])
            assert hashlib.sha1(dialogue.call("GET k")).hexdigest() == digest


def test_ranks_that_no_hash_gives_are_borne(dialogue: Dialogue) -> None:
    for byte, estimate in ((b"\xff", -2**63), (b"\xf3", 1549082005)):
        value = header(encoding=0) + byte * 12288
        dialogue.check([(["SET", "k", value], OK), ("PFCOUNT k", estimate),
                        ("PFCOUNT k k", estimate)])


def test_pfcount_of_several_keys_counts_their_union(dialogue: Dialogue) -> None:
    dialogue.check([
        ("PFADD a 1 2 3 4", 1), ("PFADD b 3 4 5", 1), ("PFCOUNT a b", 5),
        ("PFCOUNT a b missing", 5),
        ("PFCOUNT a a", 4), ("PFCOUNT missing", 0), ("PFCOUNT missing gone", 0),
        ("EXISTS missing", 0)])


def test_pfmerge_makes_the_union(dialogue: Dialogue) -> None:
    dialogue.check([
        ("PFADD a 1 2 3 4", 1), ("PFADD b 3 4 5", 1), ("PFMERGE d a b missing", OK),
        ("PFCOUNT d", 5), ("PFADD c 9", 1), ("EXPIRE d 100", 1), ("PFMERGE d c", OK),
        ("PFCOUNT d", 6), ("TTL d", 100), ("PFMERGE a", OK), ("PFCOUNT a", 4),
        ("PFDEBUG ENCODING d", simple("sparse"))])


def test_a_dense_source_makes_the_target_dense(dialogue: Dialogue) -> None:
    dialogue.check([
        ("PFADD a 1 2 3", 1), ("PFADD b 4", 1), ("PFDEBUG TODENSE b", 1), ("PFMERGE d a b", OK),
        ("PFDEBUG ENCODING d", simple("dense")), ("PFCOUNT d", 4), ("PFMERGE a b", OK),
        ("PFDEBUG ENCODING a", simple("dense")), ("PFCOUNT a", 4), ("STRLEN a", 12304)])


def test_a_value_becomes_dense_beyond_the_limit_of_the_configuration(dialogue: Dialogue) -> None:
    for limit in (0, 18, 30, 100):
        dialogue.ok(f"CONFIG SET hll-sparse-max-bytes {limit}", "DEL k")
        for number in range(60):
            dialogue.check([(["PFADD", "k", f"user:{number}"], 1)])
            length = dialogue.call("STRLEN k")
            assert length == 12304 or length <= limit
            kind = b"dense" if length == 12304 else b"sparse"
            dialogue.check([("PFDEBUG ENCODING k", simple(kind.decode()))])
        dialogue.check([("PFCOUNT k", 60), ("PFDEBUG ENCODING k", simple("dense"))])
    dialogue.ok("CONFIG SET hll-sparse-max-bytes 3000")


def test_both_encodings_have_the_same_registers(dialogue: Dialogue) -> None:
    rng = random.Random(3)
    elements = [str(rng.randrange(1 << 40)) for _ in range(1500)]
    dialogue.ok("CONFIG SET hll-sparse-max-bytes 100000", ["PFADD", "sparse"] + elements)
    dialogue.ok("CONFIG SET hll-sparse-max-bytes 0", ["PFADD", "dense"] + elements)
    dialogue.ok("CONFIG SET hll-sparse-max-bytes 3000")
    dialogue.check([("PFDEBUG ENCODING sparse", simple("sparse")),
                    ("PFDEBUG ENCODING dense", simple("dense"))])
    estimates = [dialogue.call(f"PFCOUNT {name}") for name in ("sparse", "dense", "sparse dense")]
    assert len(set(estimates)) == 1 and abs(estimates[0] - 1500) < 60
    registers = dialogue.call("PFDEBUG GETREG dense")
    assert dialogue.call("PFDEBUG GETREG sparse") == registers and len(registers) == 16384
    dialogue.check([("PFDEBUG ENCODING sparse", simple("dense")), ("GETRANGE sparse 16 -1",
                    bulk(dialogue.call("GETRANGE dense 16 -1")))])


def test_strings_that_are_no_values_are_refused(dialogue: Dialogue) -> None:
    for value in (b"", b"12", b"hello", b"HYLL", header()[:15], b"HYLX" + header()[4:],
                  header(encoding=2) + b"\x7f\xff", header(encoding=0) + b"\x7f\xff",
                  header(encoding=0) + b"\0" * 12289):
        dialogue.check([(["SET", "k", value], OK), ("PFADD good 1", re.compile(rb":[01]\r\n"))])
        dialogue.check_all(["PFADD k", "PFADD k a", "PFCOUNT k", "PFCOUNT good k", "PFMERGE k",
                            "PFMERGE k good", "PFMERGE good k", "PFMERGE new k",
                            "PFDEBUG ENCODING k", "PFDEBUG TODENSE k"], NOT_A_VALUE)
        dialogue.check([("GET k", bulk(value)), ("EXISTS new", 0)])


def test_other_types_are_refused(dialogue: Dialogue) -> None:
    dialogue.ok("RPUSH l a", "PFADD good 1")
    dialogue.check_all(["PFADD l x", "PFCOUNT l", "PFCOUNT good l", "PFMERGE l", "PFMERGE good l",
                        "PFMERGE l good", "PFDEBUG ENCODING l"], WRONGTYPE)


def test_malformed_values_give_a_clean_error(dialogue: Dialogue) -> None:
    for runs in (b"", b"\x7f\xff\x00", b"\x7f\xfe\xff", b"\x7f\xfe", b"\x80\x7f\xff",
                 b"\x7f\xff" * 3):
        value = header() + runs
        dialogue.check([(["SET", "k", value], OK), ("PFADD good 1", re.compile(rb":[01]\r\n"))])
        dialogue.check_all(["PFCOUNT k", "PFCOUNT k good", "PFCOUNT good k", "PFMERGE k",
                            "PFMERGE good k", "PFDEBUG GETREG k", "PFDEBUG TODENSE k"], CORRUPT)
        dialogue.check([("GET k", bulk(value)), ("PFCOUNT good", 1)])
    dialogue.check([(["SET", "k", header()], OK), ("PFADD k", 0), ("PFADD k a", CORRUPT),
                    ("GET k", bulk(header())), ("PFDEBUG DECODE k", "")])


@pytest.mark.target("fastredis", reason="real servers read behind the end of such a value")
def test_a_run_that_is_cut_short_is_malformed(dialogue: Dialogue) -> None:
    for runs in (b"\x7f", b"\x7f\xfe\x40", b"\x40"):
        dialogue.check([(["SET", "k", header() + runs], OK), ("PFCOUNT k", CORRUPT),
                        ("PFCOUNT k k", CORRUPT), ("PFMERGE d k", CORRUPT),
                        ("PFDEBUG TODENSE k", CORRUPT)])
    dialogue.check([(["SET", "k", header() + b"\x40"], OK), ("PFADD k a", CORRUPT),
                    ("PFDEBUG DECODE k", "Z:1")])


def test_a_valid_cached_count_is_believed_and_forgotten_by_changes(dialogue: Dialogue) -> None:
    value = header(b"\x07" + b"\0" * 7) + b"\x7f\xff"
    dialogue.check([
        (["SET", "k", value], OK), ("PFCOUNT k", 7), ("PFCOUNT k k", 0), ("PFADD k", 0),
        ("PFCOUNT k", 7), ("PFADD k a", 1), ("PFCOUNT k", 1), (["SET", "k", value], OK),
        ("PFDEBUG TODENSE k", 1), ("PFCOUNT k", 7), ("PFMERGE k", OK), ("PFCOUNT k", 0)])


def test_values_that_are_looked_at_become_raw(dialogue: Dialogue) -> None:
    value = header(b"\x07" + b"\0" * 7) + b"\x7f\xff"
    for command in ("PFADD k", "PFCOUNT k", "PFMERGE k", "PFDEBUG ENCODING k"):
        dialogue.check([(["SET", "k", value, "EX", "100"], OK), ("OBJECT ENCODING k", "embstr")])
        dialogue.raw(command)
        dialogue.check([("OBJECT ENCODING k", "raw"), ("TTL k", 100)])


def test_pfdebug_shows_registers_runs_and_encodings(dialogue: Dialogue) -> None:
    dialogue.check([
        ("PFADD k a", 1), ("PFDEBUG encoding k", simple("sparse")), ("PFDEBUG TODENSE k", 1),
        ("PFDEBUG TODENSE k", 0), ("PFDEBUG ENCODING k", simple("dense")),
        ("PFDEBUG DECODE k", error("ERR HLL encoding is not sparse")),
        ("PFDEBUG FOO k", error("ERR Unknown PFDEBUG subcommand 'FOO'")),
        ("PFDEBUG FOO missing", error("ERR The specified key does not exist")),
        ("PFDEBUG GETREG missing", error("ERR The specified key does not exist")),
        ("PFDEBUG GETREG k", array(*[2 if index == 12711 else 0 for index in range(16384)]))])


@pytest.mark.target("fastredis", "redis>=8.0", reason="7.0 has no switch for it")
def test_registers_are_merged_the_same_without_simd(dialogue: Dialogue) -> None:
    dialogue.ok(["PFADD", "k"] + [str(number) for number in range(5000)], "PFDEBUG TODENSE k")
    dialogue.check([("PFDEBUG SIMD off", simple("disabled"))])
    plain = dialogue.call("PFCOUNT k missing")
    dialogue.check([("PFDEBUG simd ON", simple("enabled")), ("PFCOUNT k missing", plain)])


@pytest.mark.target("fastredis", reason="Redis 8.0 answers this twice")
def test_another_word_for_simd_is_refused(dialogue: Dialogue) -> None:
    dialogue.check([("PFDEBUG SIMD maybe", error("ERR Argument must be ON or OFF")),
                    ("PING", simple("PONG"))])


def test_pfselftest_passes(dialogue: Dialogue) -> None:
    dialogue.check([("PFSELFTEST", OK)])


def test_a_count_that_is_stored_disturbs_a_watch_once(dialogue: Dialogue) -> None:
    other = dialogue.other()
    dialogue.ok("PFADD k a b c")
    for command, disturbs in (("PFCOUNT k", True), ("PFCOUNT k", False), ("PFADD k a", False),
                              ("PFADD k d", True), ("PFCOUNT k missing", False),
                              ("PFMERGE k", True)):
        dialogue.ok("WATCH k")
        other.raw(command)
        dialogue.ok("MULTI", "PING")
        assert (dialogue.call("EXEC") != [b"PONG"]) == disturbs, command


def test_a_missing_key_reads_as_none(dialogue: Dialogue) -> None:
    dialogue.check([("PFCOUNT k", 0), ("GET k", NULL)])
