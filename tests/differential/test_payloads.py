"""DUMP here, RESTORE there: each encoding passes between real Redis and the server under test.

    natural    a key made by commands, on the one server; its payload restored on the other; both
               ways; type, encoding, value, and the payload read by decoding.py are compared
    historic   bodies of encodings.py, forms that only old servers wrote, restored on both

A payload tells the RDB version that its form needs. The oracle that distributions ship, 7.0,
reads version 10: it must refuse what is newer, and everything else must arrive. `--oracle
"COMMAND"` compares with another version.
"""

from __future__ import annotations

import struct
from typing import Any, Dict, List, Sequence, Tuple

import pytest
from support.wire import Client, Error

from . import encodings
from .decoding import value_of, value_of_payload
from .payload import sign
from .thresholds import DEFAULT_THRESHOLDS, TINY_THRESHOLDS

pytestmark = pytest.mark.target(
    "fastredis", "redis", reason="Valkey 9 writes a version that Redis does not read")

FAR_MS = 4102444800000
# RDB type of a value -> the RDB version that brought it; the others are no newer than version 10.
NEWER_FORMS = {20: 11, 21: 11, 24: 12, 25: 12}
Commands = Sequence[Sequence[object]]

ITEMS: List[bytes] = [
    b"a", b"", b"-1", b"12", b"13", b"127", b"128", b"-4096", b"4095", b"40000", b"-40000",
    b"8388607", b"8388608", b"2147483648", b"-9223372036854775808", b"9223372036854775807",
    b"9223372036854775808", b"01", b"x" * 63, b"y" * 64, b"z" * 300, b"w" * 5000,
    bytes(range(256))]
SMALL = [item for item in ITEMS if len(item) <= 64]
MANY = [b"member:%d" % number for number in range(700)]
SCORES = [b"0", b"-0", b"1", b"-1", b"1.5", b"3.14159", b"1e300", b"-inf", b"inf", b"5e-324",
          b"9007199254740993", b"123456789012345680"]


def _flat(first: Sequence[object], second: Sequence[object]) -> List[object]:
    return [part for pair in zip(first, second) for part in pair]


def _stream(groups: bool) -> List[List[object]]:
    commands: List[List[object]] = [
        ["XADD", "k", "MAXLEN", "~", 100000, f"{1000 + number // 3}-{number % 3 + 1}",
         "field", number, "other", "x" * (number % 70)] for number in range(250)]
    commands += [["XADD", "k", "5000-1", "alone", "y"], ["XDEL", "k", "1001-2", "5000-1"],
                 ["XTRIM", "k", "MAXLEN", 230]]
    if groups:
        commands += [
            ["XGROUP", "CREATE", "k", "g1", "0", "ENTRIESREAD", "5"], ["XGROUP", "CREATE", "k",
                                                                       "g2", "$"],
            ["XREADGROUP", "GROUP", "g1", "c1", "COUNT", 7, "STREAMS", "k", ">"],
            ["XREADGROUP", "GROUP", "g1", "c2", "COUNT", 3, "STREAMS", "k", ">"],
            ["XGROUP", "CREATECONSUMER", "k", "g2", "idle"], ["XACK", "k", "g1", "1010-1"]]
    return commands


NATURAL: Dict[str, Commands] = {
    "string, integer": [["SET", "k", "-12345"]], "string, short": [["SET", "k", "short"]],
    "string, long": [["SET", "k", bytes(range(256)) * 5]],
    "string, compressed": [["SET", "k", "ab" * 5000]], "string, empty": [["SET", "k", ""]],
    "list, listpack": [["RPUSH", "k", *SMALL]], "list, quicklist": [["RPUSH", "k", *ITEMS * 3]],
    "list, one long item": [["RPUSH", "k", "a", "x" * 20000, "b"]],
    "list, compressed nodes": [["CONFIG", "SET", "list-compress-depth", "1"],
                               ["RPUSH", "k", *(b"text " * 30 + item for item in MANY)]],
    "set, 16 bits": [["SADD", "k", *range(-5, 40)]], "set, 32 bits": [["SADD", "k", 1, 70000]],
    "set, 64 bits": [["SADD", "k", 1, 1 << 40, -1 << 63]], "set, listpack": [["SADD", "k", *SMALL]],
    "set, table": [["SADD", "k", *ITEMS, *MANY]],
    "hash, listpack": [["HSET", "k", *_flat(SMALL, reversed(SMALL))]],
    "hash, table": [["HSET", "k", *_flat(MANY, reversed(MANY))]],
    "hash, long value": [["HSET", "k", *_flat(ITEMS, reversed(ITEMS))]],
    "hash, listpack with times": [
        ["HSET", "k", *_flat(SMALL, SMALL)],
        ["HPEXPIREAT", "k", FAR_MS, "FIELDS", 2, "a", "12"],
        ["HPEXPIREAT", "k", FAR_MS + 12345, "FIELDS", 1, "13"]],
    "hash, table with times": [
        ["HSET", "k", *_flat(MANY, MANY)],
        ["HPEXPIREAT", "k", FAR_MS, "FIELDS", 3, *MANY[:3]],
        ["HPEXPIREAT", "k", FAR_MS - 1, "FIELDS", 1, MANY[9]]],
    "sorted set, listpack": [["ZADD", "k", *_flat(SCORES, SMALL)]],
    "sorted set, skiplist": [["ZADD", "k", *_flat(SCORES, ITEMS)],
                             ["ZADD", "k", *_flat([n / 7 for n in range(700)], MANY)]],
    "stream": _stream(groups=False), "stream, groups": _stream(groups=True),
    "stream, empty": [["XADD", "k", "7-7", "f", "v"], ["XDEL", "k", "7-7"]],
    "HyperLogLog, sparse": [["PFADD", "k", "a", "b", "c"]],
    "HyperLogLog, dense": [["PFADD", "k", *MANY, *range(3000)]],
}

READS: Dict[bytes, Commands] = {
    b"string": [["GET", "k"]], b"list": [["LRANGE", "k", 0, -1], ["LLEN", "k"]],
    b"set": [["SMEMBERS", "k"], ["SCARD", "k"]],
    b"hash": [["HGETALL", "k"], ["HLEN", "k"]],
    b"zset": [["ZRANGE", "k", 0, -1, "WITHSCORES"], ["ZCARD", "k"]],
    b"stream": [["XRANGE", "k", "-", "+"], ["XLEN", "k"], ["XINFO", "STREAM", "k"],
                ["XINFO", "GROUPS", "k"]]}


def payload_version(payload: bytes) -> int:
    """The RDB version that a payload's footer names."""
    return struct.unpack("<H", payload[-10:-8])[0]


def rdb_version(version: Tuple[int, ...]) -> int:
    """The newest RDB version that a Redis of this version reads."""
    return 12 if version >= (7, 4) else 11 if version >= (7, 2) else 10


def knows(client: Client, commands: Commands) -> bool:
    """Whether the server has each of the commands."""
    return all(client.call("COMMAND", "INFO", *sorted({str(command[0]) for command in commands})))


def reading(client: Client) -> List[Any]:
    """Everything that can be seen of the key, order of tables aside."""
    kind = client.ok("TYPE", "k")
    answers = [kind]
    for command in READS[bytes(kind)]:
        answer = client.ok(*command)
        if kind == b"set" and isinstance(answer, list):
            answer = sorted(answer)
        if kind == b"hash" and isinstance(answer, list):
            answer = sorted(zip(answer[::2], answer[1::2]))
        if kind == b"zset" and isinstance(answer, list):
            answer = [(member, float(score)) for member, score in zip(answer[::2], answer[1::2])]
        if command[0] == "XINFO" and command[1] == "STREAM":
            pairs = dict(zip(answer[::2], answer[1::2]))
            answer = [(name, value) for name, value in pairs.items() if b"radix" not in name]
        answers.append(answer)
    return answers


def pass_on(source: Client, sink: Client, sink_version: Tuple[int, ...]) -> None:
    """Moves the key by its payload, and compares what arrives; the source keeps it."""
    payload = source.ok("DUMP", "k")
    answer = sink.call("RESTORE", "k", 0, payload, "REPLACE")
    if payload_version(payload) > rdb_version(sink_version):
        assert isinstance(answer, Error) and b"version or checksum" in answer
        return
    assert answer == b"OK", f"type {payload[0]}, version {payload_version(payload)}: {answer!r}"
    assert reading(sink) == reading(source)
    again = sink.ok("DUMP", "k")
    assert value_of_payload(again) == value_of_payload(payload)


def versions(oracle, server) -> Tuple[Tuple[int, ...], Tuple[int, ...]]:
    """What each can read: fastredis reads all there are."""
    return oracle.target.version, (99,) if server.target.is_fastredis else server.target.version


@pytest.mark.parametrize("name", NATURAL)
def test_a_key_passes_both_ways(name, oracle, server):
    commands = NATURAL[name]
    theirs, ours = oracle.client(), server.client()
    if not knows(theirs, commands):
        pytest.skip("the oracle has no such command")
    if not knows(ours, commands):
        pytest.skip("the target has no such command yet")
    for source, sink, version in ((theirs, ours, versions(oracle, server)[1]),
                                  (ours, theirs, versions(oracle, server)[0])):
        for client in (source, sink):
            client.ok("FLUSHALL")
        for command in commands:
            source.ok(*command)
        pass_on(source, sink, version)


@pytest.mark.target("fastredis", reason="real servers sign with their own version")
@pytest.mark.parametrize("name", NATURAL)
def test_a_payload_is_signed_with_no_newer_version_than_its_form_needs(name, server):
    """All used to be signed with version 11, which Redis 7.0 refuses whatever is in it."""
    client = server.client()
    for command in NATURAL[name]:
        client.ok(*command)
    payload = bytes(client.ok("DUMP", "k"))
    assert payload_version(payload) <= NEWER_FORMS.get(payload[0], 10)


@pytest.mark.parametrize("name", NATURAL)
def test_a_key_keeps_its_value_where_thresholds_are_tiny(name, oracle, server):
    """What arrives packed has to be unpacked at once."""
    commands = NATURAL[name]
    theirs, ours = oracle.client(), server.client()
    if not knows(theirs, commands) or not knows(ours, commands):
        pytest.skip("one of the servers has no such command")
    for command in commands:
        theirs.ok(*command)
    for directive, value in TINY_THRESHOLDS:
        ours.call("CONFIG", "SET", directive, value)
    pass_on(theirs, ours, versions(oracle, server)[1])
    kind = ours.ok("TYPE", "k")
    if kind in (b"hash", b"zset", b"list") and name not in ("hash, listpack with times",):
        assert ours.ok("OBJECT", "ENCODING", "k") in (b"hashtable", b"skiplist", b"quicklist")


TEXTS = list(dict.fromkeys(ITEMS))
PAIRS = dict(zip(TEXTS[::2], TEXTS[1::2]))
HISTORIC: Dict[str, bytes] = {
    f"{name}, type {body[0]}, {number}": body for name, bodies in (
        ("list", encodings.lists(ITEMS)), ("list of one", encodings.lists([b"one"])),
        ("set", encodings.sets(TEXTS)), ("set of numbers", encodings.sets([b"-1", b"7", b"70000"])),
        ("set of wide numbers", encodings.sets([b"-1", b"9223372036854775807"])),
        ("hash", encodings.hashes(PAIRS)),
        ("hash with times", encodings.hashes_with_times(
            {b"f": (b"v", 0), b"g": (b"12", FAR_MS), b"h": (b"w" * 70, FAR_MS + 500)})),
        ("sorted set", encodings.sorted_sets(
            {member: at * 1.5 - 7 for at, member in enumerate(TEXTS)})),
        ("stream", encodings.streams())) for number, body in enumerate(bodies)}


@pytest.mark.parametrize("name", HISTORIC)
def test_every_form_that_payloads_ever_had_is_restored_alike(name, oracle, server):
    body = HISTORIC[name]
    theirs, ours = oracle.client(), server.client()
    payload = sign(body)
    kind = name.split(",")[0].split()[0]
    probe = {"list": "LPUSH", "set": "SADD", "hash": "HSET", "sorted": "ZADD", "stream": "XADD"}
    if not knows(ours, [[probe[kind]]]):
        pytest.skip("the target has no such type yet")
    answer = ours.call("RESTORE", "k", 0, payload)
    if theirs.call("RESTORE", "k", 0, payload) != b"OK":
        assert body[0] in (20, 21, 24, 25) and rdb_version(oracle.target.version) < 12
        assert answer == b"OK" or not server.target.is_fastredis
        return
    assert answer == b"OK"
    assert reading(ours) == reading(theirs)
    if oracle.target.version >= (7, 2) and server.target.is_fastredis:
        found = ours.ok("OBJECT", "ENCODING", "k")
        assert found in (theirs.ok("OBJECT", "ENCODING", "k"), encoding_by_commands(ours))


def encoding_by_commands(client: Client) -> bytes:
    """The encoding that the value of the key has when commands make it.

    Redis keeps some of what an old server has packed as it is, whatever its thresholds say; it may
    as well be packed as if it were new.
    """
    kind, value = reading(client)[:2]
    if kind == b"stream":
        return b""
    client.ok("DEL", "made")
    if kind == b"list":
        client.ok("RPUSH", "made", *value)
    elif kind == b"set":
        client.ok("SADD", "made", *value)
    elif kind == b"hash":
        client.ok("HSET", "made", *(part for pair in value for part in pair))
    else:
        client.ok("ZADD", "made", *(part for member, score in value for part in (score, member)))
    return client.ok("OBJECT", "ENCODING", "made")


@pytest.mark.parametrize("thresholds", [DEFAULT_THRESHOLDS, TINY_THRESHOLDS],
                         ids=["usual", "tiny"])
def test_the_reader_of_payloads_agrees_with_the_writer(thresholds, oracle):
    """decoding.py on what a real server writes, and on what encodings.py does."""
    client = oracle.client()
    for name, value in thresholds:
        client.call("CONFIG", "SET", name, value)
    for commands in NATURAL.values():
        if knows(client, commands):
            client.ok("FLUSHALL")
            for command in commands:
                client.ok(*command)
            kind, value = value_of_payload(client.ok("DUMP", "k"))
            answer = reading(client)
            assert kind.encode() == answer[0]
            if kind == "list":
                assert value == answer[1]
            elif kind == "set":
                assert sorted(value) == answer[1]
            elif kind == "zset":
                assert sorted(value.items()) == sorted(answer[1])
            elif kind == "hash":
                assert sorted((field, text) for field, (text, _) in value.items()) == answer[1]
    for body in HISTORIC.values():
        if body[0] in (1, 18):
            assert value_of(body) in (("list", ITEMS), ("list", [b"one"]))
