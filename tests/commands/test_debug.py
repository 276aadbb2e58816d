"""DEBUG: what looks into values and what fills a database."""

from __future__ import annotations

import hashlib
import re

import pytest

from .dialogue import NOT_INTEGER, OK, Dialogue, array, bulk, error, simple

NO_KEY = error("ERR no such key")
POSITIVE = error("ERR value is out of range, must be positive")
NOTHING = "0" * 40


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data).digest()


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other))


def _mixed(*parts: bytes) -> bytes:
    digest = bytes(20)
    for part in parts:
        digest = _sha1(_xor(digest, _sha1(part)))
    return digest


def test_the_digest_of_strings_and_lists_is_what_its_definition_says(dialogue: Dialogue) -> None:
    string = _mixed(b"\0\0\0\0", b"17")
    due = _xor(string, _sha1(b"!!expire!!"))
    elements = _mixed(b"\0\0\0\1", b"a", b"17", b"")
    dialogue.check([
        ("SET s 17", OK), ("SET t 17 EX 1000", OK), ("RPUSH l a 17", 2), ('RPUSH l ""', 3),
        ("DEBUG DIGEST-VALUE s t l missing s",
         array(*[simple(digest) for digest in (string.hex(), due.hex(), elements.hex(), NOTHING,
                                               string.hex())])),
        ("DEBUG digest-value", array())])


def test_the_digest_of_all_data_names_keys_and_databases(dialogue: Dialogue) -> None:
    dialogue.check([("DEBUG DIGEST", simple(NOTHING)), ("SET a 1", OK), ("SELECT 3", OK),
                    ("SET b 2", OK)])
    first = _xor(_mixed(b"\0\0\0\0"), _sha1(_mixed(b"a", b"\0\0\0\0", b"1")))
    second = _sha1(_xor(first, _sha1(b"\0\0\0\3")))
    whole = _xor(second, _sha1(_mixed(b"b", b"\0\0\0\0", b"2")))
    dialogue.check([("DEBUG DIGEST", simple(whole.hex())), ("FLUSHALL", OK),
                    ("DEBUG DIGEST", simple(NOTHING)), ("SELECT 0", OK)])


@pytest.mark.target("fastredis", "redis>=8.0", reason="7.0 writes scores with 17 digits")
def test_digests_are_those_of_redis(dialogue: Dialogue) -> None:
    """Recorded from Redis 8.0.6."""
    recorded = ("aa475a4a8f122ca5936aa41d911aacf8c93b827d",
                "9dc7e1ed596e8ccab4b91d04b8317fc85b68294a",
                "cfcacc7d4b94408c000b8d1da720a89c380ed395",
                "5a8baf175cfe068193033d7c0de74f3ba85f4f9f")
    dialogue.ok("SADD s a b 3", "HSET h f v g 2", "ZADD z 1 a 2.5 b inf c 0.1 e",
                "XADD x 1-1 f v g w", "XADD x 2-5 f v")
    dialogue.check([("DEBUG DIGEST-VALUE s h z x",
                     array(*[simple(digest) for digest in recorded]))])


@pytest.mark.target("fastredis", "redis>=7.2", reason="7.0 keeps no set as a listpack")
def test_digests_do_not_depend_on_encodings(dialogue: Dialogue) -> None:
    digests = []
    for entries in (0, 128):
        dialogue.ok("FLUSHALL")
        for directive in ("hash-max-listpack-entries", "set-max-listpack-entries",
                          "zset-max-listpack-entries", "set-max-intset-entries"):
            dialogue.ok(f"CONFIG SET {directive} {entries}")
        dialogue.ok("SADD s a b 3", "SADD i 1 2 3", "HSET h f v g 2", "ZADD z 1 a 2.5 b inf c")
        digests.append(dialogue.call("DEBUG DIGEST"))
    assert digests[0] == digests[1]
    dialogue.ok("CONFIG SET hash-max-listpack-entries 512", "CONFIG SET set-max-intset-entries 512")


def test_populate_sets_the_keys_that_are_missing(dialogue: Dialogue) -> None:
    dialogue.check([
        ("SET key:1 mine", OK), ("DEBUG POPULATE 3", OK), ("DBSIZE", 3), ("GET key:0", "value:0"),
        ("GET key:1", "mine"), ("DEBUG POPULATE 12 pre", OK), ("GET pre:11", "value:11"),
        ("DEBUG POPULATE 2 long 10", OK), ("GET long:1", bulk(b"value:1\0\0\0")),
        ("DEBUG POPULATE 12 cut 7", OK), ("GET cut:11", "value:1"), ("DEBUG POPULATE 0 x", OK),
        ("DBSIZE", 29)])
    for arguments in ("x", "-1", "3 a x", "3 a -1"):
        dialogue.check([(f"DEBUG POPULATE {arguments}", POSITIVE)])


def test_sizes_are_told_of_values_in_the_encoding_that_is_asked_for(dialogue: Dialogue) -> None:
    line = re.compile(rb"\+.+\r\n")
    table = re.compile(rb"[$=]\d+\r\n.*number of elements: 1000\n.*", re.DOTALL)
    listpack = error("ERR Not a listpack encoded object.")
    quicklist = error("ERR Not a quicklist encoded object.")
    no_table = error("ERR The value stored at the specified key is not represented using an hash "
                     "table")
    dialogue.ok("HSET h f v", ["RPUSH", "l"] + ["x" * 100] * 1000, "SET s 1",
                ["SADD", "t"] + [f"m{number}" for number in range(1000)])
    dialogue.check([
        ("DEBUG LISTPACK h", line), ("DEBUG LISTPACK s", listpack), ("DEBUG LISTPACK no", NO_KEY),
        ("DEBUG QUICKLIST l", line), ("DEBUG QUICKLIST l 1", line),
        ("DEBUG QUICKLIST s", quicklist), ("DEBUG QUICKLIST no", NO_KEY),
        ("DEBUG HTSTATS-KEY t", table), ("DEBUG HTSTATS-KEY s", no_table),
        ("DEBUG HTSTATS-KEY no", NO_KEY),
        ("DEBUG HTSTATS 0", re.compile(rb"[$=].*number of elements: 4\n.*", re.DOTALL)),
        ("DEBUG HTSTATS 99", error("ERR Out of range database")),
        ("DEBUG HTSTATS x", NOT_INTEGER)])


def test_sdslen_tells_the_bytes_of_a_string(dialogue: Dialogue) -> None:
    not_bytes = error("ERR Not an sds encoded string.")
    told = re.compile(rb"\+key_sds_len:1, key_sds_avail:\d+, key_zmalloc: \d+, val_sds_len:5, "
                      rb"val_sds_avail:\d+, val_zmalloc: \d+\r\n")
    dialogue.check([("SET s hello", OK), ("DEBUG SDSLEN s", told), ("SET n 1", OK),
                    ("DEBUG SDSLEN n", not_bytes), ("RPUSH l a", 1), ("DEBUG SDSLEN l", not_bytes),
                    ("DEBUG SDSLEN no", NO_KEY)])


def test_wrong_numbers_of_arguments_are_refused(dialogue: Dialogue) -> None:
    for line in ("DIGEST x", "LISTPACK", "LISTPACK a b", "QUICKLIST", "QUICKLIST a 1 2", "HTSTATS",
                 "HTSTATS-KEY", "SDSLEN", "SDSLEN a b", "POPULATE", "POPULATE 1 a 2 b"):
        word = line.split()[0]
        dialogue.check([(f"DEBUG {line}", error(
            f"ERR unknown subcommand or wrong number of arguments for '{word}'. Try DEBUG HELP."))])
