"""What every key can go through, for every type in every encoding.

A shape is a value of one type in one encoding, and the commands that make it. The tests run over
all shapes: COPY, RENAME, MOVE, SWAPDB, DUMP and RESTORE (here, to a real server and back), OBJECT
ENCODING, MEMORY USAGE, DEBUG DIGEST, expiry, deletion, overwriting and WATCH.

Two values are the same if the commands that read them whole answer the same (`content`).
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Sequence, Tuple

import pytest

from differential.payload import sign
from support.server_process import ServerProcess
from support.wire import Client, Error, eventually

Command = Tuple[Any, ...]
FAR_MS = 4102444800000
BIG = 200_000
DAMAGED_VALUES = int(os.environ.get("FASTREDIS_TEST_ITERATIONS") or 150)
"""of each shape"""


@dataclass(frozen=True)
class Shape:
    """How to make a value, and what it then is; `rdb` is the oldest RDB version that can hold the
    bytes of DUMP, `wants` a command without which there is no such value."""

    name: str
    kind: bytes
    encoding: bytes
    make: Callable[[str], Sequence[Command]]
    rdb: int = 11
    wants: str = "GET"
    old_encoding: bytes = b""


def _numbers(count: int, width: int = 0) -> List[str]:
    return [str(number).zfill(width) for number in range(count)]


def _pairs(names: Sequence[Any], values: Sequence[Any]) -> List[Any]:
    return [item for pair in zip(names, values) for item in pair]


def _stream(key: str, count: int) -> List[Command]:
    return [("XADD", key, f"{number + 1}-1", "name", f"value {number}", "n", number)
            for number in range(count)]


def _stream_with_groups(key: str) -> List[Command]:
    return [*_stream(key, 10), ("XGROUP", "CREATE", key, "g", "0"),
            ("XGROUP", "CREATE", key, "other", "5-1"),
            ("XGROUP", "CREATECONSUMER", key, "g", "idle"),
            ("XREADGROUP", "GROUP", "g", "c1", "COUNT", "4", "STREAMS", key, ">"),
            ("XREADGROUP", "GROUP", "g", "c2", "COUNT", "2", "STREAMS", key, ">"),
            ("XACK", key, "g", "2-1"), ("XDEL", key, "3-1")]


SHAPES = (
    Shape("number", b"string", b"int", lambda k: [("SET", k, "-12345")], 9),
    Shape("short string", b"string", b"embstr", lambda k: [("SET", k, "hello")], 9),
    Shape("long string", b"string", b"raw", lambda k: [("SET", k, b"x\0\xff" * 20)], 9),
    Shape("appended string", b"string", b"raw", lambda k: [("SET", k, "1"), ("APPEND", k, "2")], 9),
    Shape("big string", b"string", b"raw", lambda k: [("SET", k, bytes(range(256)) * 400)], 9),
    Shape("bits", b"string", b"raw", lambda k: [("SETBIT", k, 9999, 1), ("SETBIT", k, 3, 1)], 9),
    Shape("hyperloglog", b"string", b"raw", lambda k: [("PFADD", k, *_numbers(300))], 9),
    Shape("dense hyperloglog", b"string", b"raw", lambda k: [("PFADD", k, *_numbers(5000))], 9),
    Shape("short list", b"list", b"listpack",
          lambda k: [("RPUSH", k, "a", "12", "", b"\xff\0", "x" * 70, -5)], 10,
          old_encoding=b"quicklist"),
    Shape("long list", b"list", b"quicklist",
          lambda k: [("RPUSH", k, *_numbers(3000, 12)), ("LPUSH", k, "front", "7")], 10),
    Shape("list of big elements", b"list", b"quicklist",
          lambda k: [("RPUSH", k, "a", "y" * BIG, "b", "z" * BIG, "12")], 10),
    Shape("numbers in a set", b"set", b"intset",
          lambda k: [("SADD", k, 1, -2, 40000, 2**31, -2**63, 2**63 - 1)], 9),
    Shape("short set", b"set", b"listpack", lambda k: [("SADD", k, "a", "b", "", "3", "x" * 64)],
          old_encoding=b"hashtable"),
    Shape("long set", b"set", b"hashtable", lambda k: [("SADD", k, *_numbers(1000, 9))], 9),
    Shape("set of long members", b"set", b"hashtable",
          lambda k: [("SADD", k, "x" * 65, "1", b"\xff" * 3000)], 9),
    Shape("short hash", b"hash", b"listpack",
          lambda k: [("HSET", k, "f", "v", "", "1", "n", "-7", "long", "x" * 64)], 10),
    Shape("long hash", b"hash", b"hashtable",
          lambda k: [("HSET", k, *_pairs(_numbers(800, 8), _numbers(800)))], 9),
    Shape("hash of long values", b"hash", b"hashtable",
          lambda k: [("HSET", k, "f", "x" * 65, "g", "y" * 20_000, "h", "")], 9),
    Shape("short hash with due times", b"hash", b"listpackex",
          lambda k: [("HSET", k, "f", "v", "g", "1", "n", "-7"),
                     ("HPEXPIREAT", k, FAR_MS, "FIELDS", 1, "g"),
                     ("HPEXPIREAT", k, FAR_MS - 5, "FIELDS", 1, "n")], 12, "HPEXPIREAT"),
    Shape("long hash with due times", b"hash", b"hashtable",
          lambda k: [("HSET", k, *_pairs(_numbers(800, 8), _numbers(800))),
                     ("HPEXPIREAT", k, FAR_MS, "FIELDS", 3, *_numbers(3, 8))], 12, "HPEXPIREAT"),
    Shape("short sorted set", b"zset", b"listpack",
          lambda k: [("ZADD", k, "1", "a", "-2.5", "b", "inf", "", "1e300", "n", "3", "17")], 10),
    Shape("long sorted set", b"zset", b"skiplist",
          lambda k: [("ZADD", k, *_pairs([number * 0.37 - 50 for number in range(700)],
                                         _numbers(700, 10)))], 9),
    Shape("sorted set of long members", b"zset", b"skiplist",
          lambda k: [("ZADD", k, "-inf", "x" * 65, "1", "y" * 2000, "1", "12")], 9),
    Shape("places", b"zset", b"listpack",
          lambda k: [("GEOADD", k, "13.361389", "38.115556", "Palermo", "15.087269", "37.502669",
                      "Catania")], 10),
    Shape("short stream", b"stream", b"stream", lambda k: _stream(k, 5)),
    Shape("long stream", b"stream", b"stream", lambda k: [
        *_stream(k, 700), ("XDEL", k, "5-1", "300-1"), ("XTRIM", k, "MINID", "20-1")]),
    Shape("stream with groups", b"stream", b"stream", _stream_with_groups),
    Shape("emptied stream", b"stream", b"stream",
          lambda k: [*_stream(k, 2), ("XDEL", k, "1-1", "2-1"), ("XGROUP", "CREATE", k, "g", "$")]),
)

READS: Dict[bytes, Sequence[Command]] = {
    b"string": (("GET",), ("STRLEN",)),
    b"list": (("LRANGE", "0", "-1"), ("LLEN",)),
    b"set": (("SMEMBERS",), ("SCARD",)),
    b"hash": (("HGETALL",), ("HLEN",)),
    b"zset": (("ZRANGE", "0", "-1", "WITHSCORES"), ("ZCARD",)),
    b"stream": (("XRANGE", "-", "+"), ("XLEN",)),
}


def make(client: Client, shape: Shape, key: str) -> None:
    """Builds the value, whatever the key held."""
    client.ok("DEL", key)
    for command in shape.make(key):
        client.ok(*command)


def content(client: Client, key: str) -> Any:
    """The value of a key, in a form that equal values share; None where there is none."""
    kind = bytes(client.ok("TYPE", key))
    if kind == b"none":
        return None
    answers = [client.ok(name, key, *rest) for name, *rest in READS[kind]]
    if kind == b"set":
        answers[0] = sorted(answers[0])
    if kind == b"hash":
        names = sorted(answers[0][::2])
        answers[0] = sorted(zip(answers[0][::2], answers[0][1::2]))
        dues = client.call("HPEXPIRETIME", key, "FIELDS", len(names), *names)
        answers.append(None if isinstance(dues, Error) else dues)
    if kind == b"zset":  # old servers write scores with 17 digits
        answers[0][1::2] = [float(score) for score in answers[0][1::2]]
    if kind == b"stream":
        answers += [client.ok("XINFO", "GROUPS", key), client.ok("XINFO", "STREAM", key)[6:]]
        for group in client.ok("XINFO", "GROUPS", key):
            waiting = client.ok("XPENDING", key, group[1], "-", "+", "100")
            answers.append([(each[0], each[1], each[3]) for each in waiting])
            answers.append([each[:4] for each in client.ok("XINFO", "CONSUMERS", key, group[1])])
    return kind, answers


def knows(client: Client, shape: Shape) -> bool:
    """Whether the server has the commands that the shape needs."""
    return all(client.ok("COMMAND", "INFO", shape.wants, shape.make("k")[0][0]))


@pytest.fixture(params=SHAPES, ids=lambda shape: shape.name)
def shape(request: pytest.FixtureRequest, client: Client) -> Shape:
    """Each shape that the target can have."""
    if not knows(client, request.param):
        pytest.skip("the target has no such value")
    return request.param


def _encoding(client: Client, key: str) -> bytes:
    return bytes(client.ok("OBJECT", "ENCODING", key))


def test_a_value_has_its_encoding(client: Client, shape: Shape) -> None:
    make(client, shape, "k")
    expected = [shape.encoding] + ([shape.old_encoding] if shape.old_encoding else [])
    assert _encoding(client, "k") in expected
    assert bytes(client.ok("TYPE", "k")) == shape.kind
    assert client.ok("OBJECT", "REFCOUNT", "k") == 1


def test_copies_are_equal_and_independent(client: Client, shape: Shape) -> None:
    make(client, shape, "k")
    client.ok("PEXPIREAT", "k", FAR_MS)
    before = content(client, "k")
    assert client.ok("COPY", "k", "copy") == 1 and client.ok("COPY", "k", "copy") == 0
    assert client.ok("COPY", "k", "copy", "REPLACE") == 1
    assert client.ok("COPY", "k", "k", "DB", 3) == 1
    assert content(client, "copy") == before and client.ok("PEXPIRETIME", "copy") == FAR_MS
    assert _encoding(client, "copy") == _encoding(client, "k")
    client.ok("DEL", "k")
    assert content(client, "copy") == before
    _disturb(client, shape, "copy")
    client.ok("SELECT", 3)
    assert content(client, "k") == before and client.ok("PEXPIRETIME", "k") == FAR_MS
    client.ok("SELECT", 0)


def _disturb(client: Client, shape: Shape, key: str) -> None:
    """Changes a value, so that what it shares with another would show."""
    commands = {
        b"string": ("SETRANGE", key, 0, "!"), b"list": ("LSET", key, 0, "!"),
        b"set": ("SADD", key, "!"), b"hash": ("HSET", key, "f", "!"),
        b"zset": ("ZADD", key, "5", "a"), b"stream": ("XADD", key, "*", "f", "!")}
    before = content(client, key)
    client.ok(*commands[shape.kind])
    assert content(client, key) != before


def test_renamed_and_moved_values_stay_what_they_are(client: Client, shape: Shape) -> None:
    make(client, shape, "k")
    client.ok("PEXPIREAT", "k", FAR_MS)
    before, encoding = content(client, "k"), _encoding(client, "k")
    client.ok("RENAME", "k", "a much longer name than before")
    client.ok("RPUSH", "k2", "other")
    client.ok("RENAME", "a much longer name than before", "k2")
    assert client.ok("RENAMENX", "k2", "k") == 1
    assert client.ok("MOVE", "k", 5) == 1 and client.ok("EXISTS", "k") == 0
    client.ok("SELECT", 5)
    assert (content(client, "k"), _encoding(client, "k")) == (before, encoding)
    assert client.ok("PEXPIRETIME", "k") == FAR_MS and client.ok("DBSIZE") == 1
    client.ok("SWAPDB", 5, 6)
    assert client.ok("EXISTS", "k") == 0
    client.ok("SELECT", 6)
    assert content(client, "k") == before
    assert client.ok("PERSIST", "k") == 1 and content(client, "k") == before
    client.ok("SELECT", 0)


def test_dumped_values_are_restored(client: Client, shape: Shape) -> None:
    make(client, shape, "k")
    before, payload = content(client, "k"), client.ok("DUMP", "k")
    client.ok("RESTORE", "again", 0, payload)
    assert content(client, "again") == before and client.ok("PTTL", "again") == -1
    assert _encoding(client, "again") in (_encoding(client, "k"), b"int", b"embstr")
    client.ok("RESTORE", "again", FAR_MS, payload, "REPLACE", "ABSTTL")
    assert content(client, "again") == before and client.ok("PEXPIRETIME", "again") == FAR_MS
    busy = client.call("RESTORE", "again", 0, payload)
    assert isinstance(busy, Error) and busy.startswith(b"BUSYKEY")
    assert content(client, "again") == before


def _transfer(sender: Client, receiver: Client, shape: Shape) -> None:
    """DUMP there, RESTORE here. A receiver that is older than the version that is written, but
    knows the form of the value, gets it under a version that it accepts."""
    make(sender, shape, "k")
    before, payload = content(sender, "k"), sender.ok("DUMP", "k")
    answer = receiver.call("RESTORE", "k", 0, payload, "REPLACE")
    if isinstance(answer, Error):
        assert answer.startswith(b"ERR DUMP payload version")
        receiver.ok("RESTORE", "k", 0, sign(payload[:-10], shape.rdb), "REPLACE")
    after = content(receiver, "k")
    if shape.kind == b"hash" and None in (before[1][-1], after[1][-1]):
        del before[1][-1], after[1][-1]
    assert after == before


def test_values_go_to_a_real_server_and_back(client: Client, shape: Shape, oracle: ServerProcess,
                                             server: ServerProcess) -> None:
    with oracle.client() as real:
        old = oracle.target.version < (7, 2)
        if not knows(real, shape) or (old and shape.rdb > 10):
            pytest.skip("the real server has no such value, or not in this form")
        _transfer(client, real, shape)
        _transfer(real, client, shape)
        if oracle.target.version >= (8, 0) and server.target.is_fastredis:
            digests = [each.ok("DEBUG", "DIGEST-VALUE", "k") for each in (client, real)]
            assert digests[0] == digests[1]


def test_damaged_dumps_are_refused(client: Client, shape: Shape) -> None:
    """Whatever is cut or flipped, the checksum fails; under a right checksum the value is refused
    or is one: it can be read, dumped and deleted."""
    make(client, shape, "k")
    payload = bytes(client.ok("DUMP", "k"))
    rng = random.Random(len(payload))
    for _ in range(30):
        damaged = bytearray(payload)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        answer = client.call("RESTORE", "new", 0, bytes(damaged))
        assert isinstance(answer, Error) and b"version or checksum" in answer


@pytest.mark.target("fastredis", reason="real servers believe what is signed")
def test_damaged_values_under_a_right_checksum_do_no_harm(client: Client, shape: Shape) -> None:
    make(client, shape, "k")
    body = bytes(client.ok("DUMP", "k"))[:-10]
    rng = random.Random(len(body))
    for _ in range(DAMAGED_VALUES):
        damaged = bytearray(body)
        for _ in range(rng.choice([1, 1, 2, 5])):
            at = rng.randrange(min(len(damaged), rng.choice([16, 64, 1 << 20])))
            damaged[at] = rng.choice([0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)])
        if rng.random() < 0.3:
            del damaged[rng.randrange(1, len(damaged) + 1):]
        answer = client.call("RESTORE", "new", 0, sign(bytes(damaged), 11), "REPLACE")
        if isinstance(answer, Error):
            assert answer == b"ERR Bad data format"
            continue
        content(client, "new")
        client.ok("RESTORE", "again", 0, client.ok("DUMP", "new"), "REPLACE")
    client.ok("DEL", "new", "again")


def test_memory_and_object_of_a_value(client: Client, shape: Shape) -> None:
    make(client, shape, "k")
    usage = client.ok("MEMORY", "USAGE", "k")
    assert 16 <= usage <= 4_000_000
    assert client.ok("MEMORY", "USAGE", "k", "SAMPLES", 0) >= 16
    assert client.ok("OBJECT", "IDLETIME", "k") == 0
    assert bytes(client.ok("DEBUG", "OBJECT", "k")).startswith(b"Value at:")
    assert not client.ok("MEMORY", "USAGE", "missing")


@pytest.mark.target("fastredis", reason="counts exactly")
def test_used_memory_is_what_it_was_when_values_are_gone(client: Client, shape: Shape) -> None:
    def used() -> int:
        return int(bytes(client.ok("INFO", "memory")).split(b"used_memory:")[1].split()[0])

    def run() -> None:
        make(client, shape, "k")
        for command in (("COPY", "k", "c"), ("RENAME", "k", "r"), ("MOVE", "c", 2),
                        ("RESTORE", "d", 0, client.ok("DUMP", "k")), ("SET", "r", "1"),
                        ("PEXPIRE", "d", 1), ("FLUSHALL",)):
            client.ok(*command)

    run()
    eventually(lambda: used() == used())
    before = used()
    run()
    eventually(lambda: abs(used() - before) <= 4096)


def test_equal_values_have_equal_digests(client: Client, shape: Shape) -> None:
    make(client, shape, "k")
    client.ok("COPY", "k", "copy")
    client.ok("RESTORE", "again", 0, client.ok("DUMP", "k"))
    digests = client.ok("DEBUG", "DIGEST-VALUE", "k", "copy", "again", "missing")
    assert len(set(digests[:3])) == 1 and digests[3] == b"0" * 40 != digests[0]
    whole = client.ok("DEBUG", "DIGEST")
    _disturb(client, shape, "copy")
    assert client.ok("DEBUG", "DIGEST") != whole
    assert client.ok("DEBUG", "DIGEST-VALUE", "copy") != digests[:1]


def test_due_values_are_gone(client: Client, shape: Shape) -> None:
    make(client, shape, "k")
    client.ok("PEXPIRE", "k", 5)
    eventually(lambda: client.ok("DBSIZE") == 0)
    make(client, shape, "k")
    client.ok("DEBUG", "SET-ACTIVE-EXPIRE", 0)
    client.ok("PEXPIRE", "k", 1)
    eventually(lambda: client.ok("EXISTS", "k") == 0)
    assert content(client, "k") is None
    client.ok("DEBUG", "SET-ACTIVE-EXPIRE", 1)


def test_values_are_deleted_overwritten_and_flushed(client: Client, shape: Shape) -> None:
    for name in ("DEL", "UNLINK", "GETDEL"):
        make(client, shape, "k")
        if name == "GETDEL" and shape.kind != b"string":
            continue
        client.ok(name, "k")
        assert content(client, "k") is None and client.ok("DBSIZE") == 0
    make(client, shape, "k")
    client.ok("SET", "k", "plain")
    assert client.ok("GET", "k") == b"plain" and _encoding(client, "k") == b"embstr"
    for flush in (("FLUSHALL",), ("FLUSHALL", "ASYNC"), ("FLUSHALL", "SYNC"), ("FLUSHDB",)):
        make(client, shape, "k")
        client.ok(*flush)
        assert client.ok("DBSIZE") == 0


def test_other_shapes_are_overwritten_by_restore_copy_and_rename(client: Client,
                                                                 shape: Shape) -> None:
    make(client, shape, "k")
    before, payload = content(client, "k"), client.ok("DUMP", "k")
    for other in SHAPES[::3]:
        if not knows(client, other):
            continue
        make(client, other, "other")
        client.ok("RESTORE", "other", 0, payload, "REPLACE")
        assert content(client, "other") == before
        make(client, other, "other")
        assert client.ok("COPY", "k", "other", "REPLACE") == 1
        assert content(client, "other") == before
        make(client, other, "third")
        client.ok("RENAME", "other", "third")
        assert content(client, "third") == before


def test_a_watch_sees_every_way_to_lose_or_change_a_value(client: Client, connect: Callable,
                                                          shape: Shape) -> None:
    other = connect()
    ways: Sequence[Callable[[], Any]] = (
        lambda: other.ok("DEL", "k"), lambda: other.ok("UNLINK", "k"),
        lambda: other.ok("RENAME", "k", "k2"), lambda: other.ok("MOVE", "k", 1),
        lambda: other.ok("SET", "k", "1"), lambda: other.ok("COPY", "source", "k", "REPLACE"),
        lambda: other.ok("PEXPIREAT", "k", FAR_MS), lambda: other.ok("FLUSHDB"),
        lambda: other.ok("SWAPDB", 0, 9), lambda: _disturb(other, shape, "k"))
    for number, way in enumerate(ways):
        client.ok("FLUSHALL")
        client.ok("SET", "source", "1")
        make(client, shape, "k")
        client.ok("WATCH", "k")
        way()
        client.ok("MULTI")
        client.ok("PING")
        assert not client.ok("EXEC"), f"way {number}"
    make(client, shape, "k")
    client.ok("WATCH", "k")
    content(other, "k")
    for command in (("OBJECT", "ENCODING", "k"), ("DUMP", "k"), ("MEMORY", "USAGE", "k"),
                    ("TOUCH", "k"), ("TYPE", "k"), ("COPY", "k", "elsewhere")):
        other.ok(*command)
    client.ok("MULTI")
    client.ok("PING")
    assert client.ok("EXEC") == [b"PONG"]


def test_scan_finds_values_by_their_type(client: Client, shape: Shape) -> None:
    for other in SHAPES:
        if knows(client, other):
            make(client, other, f"key of {other.name}")
    found, cursor = set(), b"0"
    while True:
        cursor, keys = client.ok("SCAN", cursor, "TYPE", shape.kind, "COUNT", 100)
        found.update(keys)
        if cursor == b"0":
            break
    assert found == {f"key of {other.name}".encode() for other in SHAPES
                     if other.kind == shape.kind and knows(client, other)}
