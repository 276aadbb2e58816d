"""Mutated payloads into an engine of this process: a clean error, or a value that works.

    python -m tests.differential.payload_fuzz --count 100000 --seed 7

    seeds      payloads of every type and form: encodings.py, and the engine's own DUMPs
    mutation   bytes changed, cut, doubled, put in; lengths and counts at their edges; one blob
               (a listpack, ziplist, zipmap, intset) spoilt inside and wrapped rightly again; well
               formed blobs with senseless content: members twice, scores that are none, odd counts
    signing    every mutated body gets a right checksum, so that the reader of values sees it
    use        what RESTORE accepts is read, changed, dumped, restored again and deleted with the
               commands of its type, and has to agree with itself: LLEN with LRANGE, and so on

The engine runs without a socket, hundreds of thousands of commands a minute, and dies by its own
assertions or a sanitizer's: the payload under way stands in the file that --last names, and is
printed with the seed. Exit code 1: an accepted value contradicted itself.
"""

from __future__ import annotations

import argparse
import random
import struct
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from support.wire import Error, encode_command, encode_commands, split_replies

from . import encodings
from .encodings import string
from .payload import PayloadError, decode_length, sign

EDGE_BYTES = (0, 1, 2, 3, 0x3F, 0x40, 0x7F, 0x80, 0x81, 0xC0, 0xC3, 0xE0, 0xF0, 0xF4, 0xFE, 0xFF)
EDGE_LENGTHS = (0, 1, 6, 7, 63, 64, 255, 65535, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 40,
                (1 << 63) - 1, (1 << 64) - 1)
ODD_TEXTS: Sequence[Any] = (
    b"", b"a", b"a", b"b", b"nan", b"-nan", b"inf", b"-inf", b"1e400", b"1e", b"0x10", b" 1", -1,
    0, 0, 1, 1, 2, 127, 4096, 1 << 31, (1 << 63) - 1, -1 << 63, b"9223372036854775808",
    b"x" * 64, b"y" * 300, b"\xff\x00", 4102444800000, 5)
BLOB_TYPES = frozenset((9, 10, 11, 12, 13, 16, 17, 20))
ALL_TYPES = tuple(range(0, 27))
RESTORED = b"+OK\r\n"
DROPPED = (b"-ERR Bad data format", b"-ERR DUMP payload version or checksum are wrong",
           b"-ERR Invalid")


# ---- seeds ----

def known_bodies() -> List[bytes]:
    """Bodies of encodings.py, of several sizes."""
    texts = [b"a", b"", b"-1", b"12", b"128", b"40000", b"9223372036854775807", b"x" * 63,
             b"y" * 70, b"z" * 300]
    bodies: List[bytes] = []
    for part in (texts, texts[:3], [b"one"], [b"m%d" % at for at in range(40)]):
        pairs = dict(zip(part, reversed(part)))
        bodies += encodings.lists(part) + encodings.sets(part) + encodings.hashes(pairs)
        bodies += encodings.sorted_sets({text: at * 1.5 for at, text in enumerate(part)})
        bodies += encodings.hashes_with_times(
            {text: (b"v", 4102444800000 + at if at % 2 == 0 else 0)
             for at, text in enumerate(part)})
    for numbers in ([b"-1", b"7", b"300"], [b"1", b"70000"], [b"1", b"-9223372036854775808"]):
        bodies += encodings.sets(numbers)
    return bodies + encodings.streams() + [b"\x00" + string(b"text"), b"\x00\xc0\x07"]


OWN_COMMANDS: Sequence[Sequence[object]] = (
    ["SET", "k", "ab" * 300], ["PFADD", "k", *range(50)], ["PFADD", "k", *range(2000)],
    ["SETBIT", "k", 100, 1], ["RPUSH", "k", *range(300), "x" * 9000, "y"],
    ["SADD", "k", *range(600)], ["SADD", "k", *(f"m{at}" for at in range(200))],
    ["HSET", "k", *(f"f{at}" for at in range(1200))],
    ["ZADD", "k", *(part for at in range(300) for part in (at / 3, f"m{at}"))],
    ["GEOADD", "k", 13.4, 38.1, "a", 15.1, 37.5, "b"])


# ---- mutation ----

def blobs_of(body: bytes) -> List[Tuple[int, int, int]]:
    """Where packed blobs stand: start of the length, start and end of the bytes."""
    found = []
    try:
        if body[0] in BLOB_TYPES:
            found.append(_blob(body, 1))
        elif body[0] == 25:
            found.append(_blob(body, 9))
        elif body[0] in (14, 18, 15, 19, 21):
            count, at = decode_length(body, 1)
            for _ in range(min(count, 50)):
                at = at + 1 if body[0] == 18 else at + 17 if body[0] != 14 else at
                found.append(_blob(body, at))
                at = found[-1][2]
    except (IndexError, struct.error, PayloadError):
        pass
    return [(at, start, end) for at, start, end in found if start < end <= len(body)]


def _blob(body: bytes, at: int) -> Tuple[int, int, int]:
    length, start = decode_length(body, at)
    return at, start, start + length


def spoil(rng: random.Random, data: bytes) -> bytes:
    """One small change anywhere."""
    if not data:
        return bytes([rng.choice(EDGE_BYTES)])
    at = rng.randrange(len(data))
    until = min(len(data), at + rng.choice((1, 1, 2, 4, 8, 20)))
    kind = rng.randrange(9)
    if kind == 0:
        return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]
    if kind == 1:
        return data[:at] + bytes([rng.choice(EDGE_BYTES)]) + data[at + 1:]
    if kind == 2:
        return data[:at] + data[until:]
    if kind == 3:
        return data[:until] + data[at:until] + data[until:]
    if kind == 4:
        return data[:at] + rng.randbytes(rng.randrange(1, 9)) + data[at:]
    if kind == 5:
        return data[:at]
    if kind == 6:
        edge = rng.choice(EDGE_LENGTHS)
        form = rng.choice(("<I", ">I", "<Q", ">Q", "<H"))
        size = struct.calcsize(form)
        return data[:at] + struct.pack(form, edge & (1 << 8 * size) - 1) + data[at + size:]
    if kind == 7:
        return data[:at] + encodings.encode_length(rng.choice(EDGE_LENGTHS)) + data[at + 1:]
    other = rng.randrange(len(data))
    return data[:other] + data[at:until] + data[other:]


def with_right_header(kind: int, blob: bytes, rng: random.Random) -> bytes:
    """A spoilt blob whose header and end are mended, so that its inside is looked at."""
    if kind in (10, 12, 13, 14) and len(blob) >= 11:
        return struct.pack("<I", len(blob)) + blob[4:-1] + b"\xff"
    if kind == 11 and len(blob) >= 8:
        size = rng.choice((2, 4, 8))
        blob = blob[:8] + blob[8:8 + (len(blob) - 8) // size * size]
        return struct.pack("<II", size, (len(blob) - 8) // size) + blob[8:]
    if kind == 9 or len(blob) < 7:
        return blob
    return struct.pack("<I", len(blob)) + blob[4:-1] + b"\xff"


def senseless(rng: random.Random) -> bytes:
    """A well-formed blob that means nothing, or not what its type says."""
    values = [rng.choice(ODD_TEXTS) for _ in range(rng.randrange(0, 13))]
    kind = rng.choice((10, 12, 13, 16, 17, 18, 20, 25))
    if kind in (10, 12, 13):
        return bytes([kind]) + string(encodings.ziplist(values))
    blob = string(encodings.listpack(values))
    if kind == 18:
        return b"\x12\x01\x02" + blob
    if kind == 25:
        return b"\x19" + struct.pack("<Q", rng.choice(EDGE_LENGTHS) & (1 << 64) - 1) + blob
    return bytes([kind]) + blob


def senseless_stream(rng: random.Random) -> bytes:
    """A stream whose node holds any numbers in any places, or whose groups name any entries."""
    kind = rng.choice((15, 19, 21))
    header = [rng.choice((0, 1, 2, 3)), rng.choice((0, 1)), rng.choice((0, 1, 2)), b"f"]
    values = header + [rng.choice((0, 1, 2, 3, 4, b"f", b"v", -1, 5)) for _ in range(
        rng.randrange(1, 16))]
    key = struct.pack(">QQ", rng.choice((0, 1, 1000)), rng.choice((0, 1)))
    node = string(key) + string(encodings.listpack(values))
    ids = [(rng.choice((0, 999, 1000, 1001)), rng.randrange(3)) for _ in range(3)]
    group = encodings.stream_group(kind, b"g", rng.choice(ids), {
        b"c": ids[:rng.randrange(4)], b"d": ids[:rng.randrange(2)]}, read=rng.randrange(3))
    nodes = [node] * rng.randrange(0, 3)
    if rng.random() < 0.5:
        nodes = [encodings.stream_node([((1000, 0), [(b"f", b"v")]), ((1001, 1), [(b"g", b"w")])])]
    return encodings.stream(kind, nodes, rng.choice((0, 1, 2, 3)), (rng.choice((0, 1001, 2000)), 1),
                            groups=[group] * rng.randrange(0, 3), added=rng.choice((0, 2, 9)))


def by_type(bodies: Sequence[bytes]) -> List[List[bytes]]:
    """The bodies of each type together, so that each type is drawn as often as another."""
    found: Dict[int, List[bytes]] = {}
    for body in bodies:
        found.setdefault(body[0], []).append(body)
    return list(found.values())


def mutate(rng: random.Random, bodies: Sequence[Sequence[bytes]]) -> bytes:
    """A body that is, more often than not, wrong somewhere; `bodies` are grouped by type."""
    where = rng.random()
    if where < 0.06:
        return senseless(rng)
    if where < 0.12:
        return senseless_stream(rng)
    body = rng.choice(rng.choice(bodies))
    places = blobs_of(body)
    if where < 0.55 and places:
        at, start, end = rng.choice(places)
        blob = body[start:end]
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            blob = spoil(rng, blob)
        if rng.random() < 0.7:
            blob = with_right_header(body[0], blob, rng)
        return body[:at] + string(blob) + body[end:]
    if where < 0.6:
        return bytes([rng.choice(ALL_TYPES)]) + body[1:]
    if where < 0.65:
        other = rng.choice(rng.choice(bodies))
        return body[:rng.randrange(1, len(body) + 1)] + other[rng.randrange(len(other)):]
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        body = spoil(rng, body) or b"\x00"
    return body


# ---- use of what was accepted ----

Feed = Callable[[bytes], bytes]


class Contradiction(AssertionError):
    """An accepted value does not agree with itself."""


def ask(feed: Feed, *commands: Sequence[object]) -> List[Any]:
    """The replies to some commands."""
    return [reply.value for reply in split_replies(feed(encode_commands(commands)))]


def expect(condition: bool, what: str) -> None:
    """Raises Contradiction unless the condition holds."""
    if not condition:
        raise Contradiction(what)


def _same(feed: Feed, what: str, count: Sequence[object], read: Sequence[object], per: int = 1
          ) -> List[Any]:
    number, found = ask(feed, count, read)
    expect(isinstance(found, list) and number * per == len(found),
           f"{what}: {number!r} and {len(found) if isinstance(found, list) else found!r}")
    return found


def use_string(feed: Feed, _body: bytes) -> None:
    """GET, STRLEN, and what reads bits and HyperLogLogs."""
    text, length, *_ = ask(feed, ["GET", "k"], ["STRLEN", "k"], ["BITCOUNT", "k"],
                           ["PFCOUNT", "k"], ["PFADD", "k", "new"], ["PFMERGE", "other", "k"],
                           ["SETRANGE", "k", 3, "x"], ["APPEND", "k", "y"], ["DEL", "other"])
    expect(len(text) == length, "STRLEN")


def use_list(feed: Feed, _body: bytes) -> None:
    """Both ends, the middle, and every change."""
    items = _same(feed, "LLEN", ["LLEN", "k"], ["LRANGE", "k", 0, -1])
    first, last, at = ask(feed, ["LINDEX", "k", 0], ["LINDEX", "k", -1],
                          ["LPOS", "k", items[-1]])
    expect([first, last, items.index(items[-1])] == [items[0], items[-1], at], "LINDEX or LPOS")
    ask(feed, ["LPUSH", "k", "new", "x" * 100], ["LINSERT", "k", "AFTER", items[0], "in"],
        ["LSET", "k", -1, "y" * 70], ["LREM", "k", 0, items[0]], ["RPUSH", "k", 12345])
    _same(feed, "LLEN after changes", ["LLEN", "k"], ["LRANGE", "k", 0, -1])


def use_set(feed: Feed, _body: bytes) -> None:
    """Membership, random members, and a change of encoding."""
    members = _same(feed, "SCARD", ["SCARD", "k"], ["SMEMBERS", "k"])
    expect(len(set(members)) == len(members), "a member twice")
    known = ask(feed, ["SMISMEMBER", "k", *members])[0]
    expect(known == [1] * len(members), "SMISMEMBER")
    ask(feed, ["SRANDMEMBER", "k", 5], ["SADD", "k", "new text", 70000], ["SREM", "k", members[0]],
        ["SPOP", "k"], ["SSCAN", "k", 0])
    _same(feed, "SCARD after changes", ["SCARD", "k"], ["SMEMBERS", "k"])


def use_hash(feed: Feed, body: bytes) -> None:
    """Fields, values, times, and a change of encoding."""
    found = ask(feed, ["HGETALL", "k"])[0]
    if body[0] not in (22, 23, 24, 25):  # fields may be due at any moment
        found = _same(feed, "HLEN", ["HLEN", "k"], ["HGETALL", "k"], per=2)
        fields = found[::2]
        expect(len(set(fields)) == len(fields), "a field twice")
        expect(ask(feed, ["HMGET", "k", *fields])[0] == found[1::2], "HMGET")
    first = found[0] if found else b"f"
    ask(feed, ["HPTTL", "k", "FIELDS", 1, first], ["HSET", "k", "new", "x" * 100],
        ["HPEXPIRE", "k", 100000, "FIELDS", 1, "new"], ["HPERSIST", "k", "FIELDS", 1, first],
        ["HDEL", "k", first], ["HRANDFIELD", "k", 3, "WITHVALUES"], ["HSCAN", "k", 0],
        ["HINCRBY", "k", "count", 1], ["HGETALL", "k"])


def use_zset(feed: Feed, _body: bytes) -> None:
    """Order, ranks, scores, and a change of encoding."""
    flat = _same(feed, "ZCARD", ["ZCARD", "k"], ["ZRANGE", "k", 0, -1, "WITHSCORES"], per=2)
    members, scores = flat[::2], [float(score) for score in flat[1::2]]
    ordered = sorted(zip(scores, members))
    expect(list(zip(scores, members)) == ordered, "order of a sorted set")
    expect(len(set(members)) == len(members), "a member twice")
    rank, score = ask(feed, ["ZRANK", "k", members[-1]], ["ZSCORE", "k", members[-1]])
    expect(rank == len(members) - 1 and float(score) == scores[-1], "ZRANK or ZSCORE")
    ask(feed, ["ZADD", "k", 1.5, "new"], ["ZINCRBY", "k", 2, members[0]], ["ZPOPMIN", "k"],
        ["ZRANGEBYSCORE", "k", "-inf", "+inf"], ["ZREM", "k", members[-1]], ["ZSCAN", "k", 0],
        ["ZREMRANGEBYRANK", "k", 1, 1])
    _same(feed, "ZCARD after changes", ["ZCARD", "k"], ["ZRANGE", "k", 0, -1, "WITHSCORES"], per=2)


def use_stream(feed: Feed, _body: bytes) -> None:
    """Entries both ways, groups, consumers, and every change."""
    entries = _same(feed, "XLEN", ["XLEN", "k"], ["XRANGE", "k", "-", "+"])
    reverse, groups, full = ask(feed, ["XREVRANGE", "k", "+", "-"], ["XINFO", "GROUPS", "k"],
                                ["XINFO", "STREAM", "k", "FULL", "COUNT", 0])
    expect(reverse == entries[::-1], "XREVRANGE")
    expect(not isinstance(full, Error), "XINFO STREAM FULL")
    for group in groups[:3]:
        name = dict(zip(group[::2], group[1::2]))[b"name"]
        summary, listed, *_ = ask(
            feed, ["XPENDING", "k", name], ["XPENDING", "k", name, "-", "+", 1000],
            ["XREADGROUP", "GROUP", name, "c", "STREAMS", "k", ">"],
            ["XREADGROUP", "GROUP", name, "c", "STREAMS", "k", 0],
            ["XAUTOCLAIM", "k", name, "thief", 0, 0], ["XINFO", "CONSUMERS", "k", name],
            ["XACK", "k", name, *(item[0] for item in entries[:5] or [["1-1"]])],
            ["XGROUP", "DELCONSUMER", "k", name, "c"])
        expect(summary[0] == len(listed), "XPENDING")
    ask(feed, ["XADD", "k", "*", "f", "v"], ["XDEL", "k", *(item[0] for item in entries[:2]
                                                          or [["1-1"]])],
        ["XTRIM", "k", "MAXLEN", 3], ["XGROUP", "CREATE", "k", "made", "$"],
        ["XGROUP", "DESTROY", "k", "made"])
    _same(feed, "XLEN after changes", ["XLEN", "k"], ["XRANGE", "k", "-", "+"])


USES: Dict[bytes, Callable[[Feed, bytes], None]] = {
    b"string": use_string, b"list": use_list, b"set": use_set, b"hash": use_hash,
    b"zset": use_zset, b"stream": use_stream}


def usable_types(feed: Feed) -> Dict[bytes, Callable[[Feed, bytes], None]]:
    """The uses of those types whose commands the engine has."""
    probes = {b"string": "GET", b"list": "LLEN", b"set": "SCARD", b"hash": "HLEN",
              b"zset": "ZCARD", b"stream": "XLEN"}
    known = ask(feed, ["COMMAND", "INFO", *probes.values()])[0]
    return {kind: USES[kind] for kind, info in zip(probes, known) if info}


def try_payload(feed: Feed, body: bytes, uses: Dict[bytes, Callable[[Feed, bytes], None]]
                ) -> Optional[bytes]:
    """Restores a body and uses what it became; its type, or None where it was refused."""
    answer = feed(encode_command("RESTORE", "k", 0, sign(body)))
    if answer != RESTORED:
        expect(answer.startswith(DROPPED), f"answer {answer[:100]!r}")
        expect(ask(feed, ["EXISTS", "k"]) == [0], "refused, and there")
        return None
    kind, _, _, copied = ask(feed, ["TYPE", "k"], ["OBJECT", "ENCODING", "k"],
                             ["MEMORY", "USAGE", "k"], ["COPY", "k", "copy"])
    if kind == b"none":  # a hash all of whose fields were due
        expect(body[0] in (22, 23, 24, 25), "restored, and gone")
        return kind
    expect(copied == 1, "COPY")
    uses.get(bytes(kind), lambda _feed, _body: None)(feed, body)
    dumped = ask(feed, ["DUMP", "copy"])[0]
    expect(isinstance(dumped, bytes), "DUMP")
    again = ask(feed, ["RESTORE", "k", 0, dumped, "REPLACE"])[0]
    expect(again == b"OK", f"its own DUMP is refused: {again!r}")
    feed(encode_command("DEL", "k", "copy", "other"))
    return bytes(kind)


# ---- the run ----

def own_bodies(feed: Feed) -> Iterator[bytes]:
    """What the engine itself dumps of each type that it has."""
    for command in OWN_COMMANDS:
        if not isinstance(ask(feed, ["DEL", "k"], command)[1], Error):
            yield ask(feed, ["DUMP", "k"])[0][:-10]
    ask(feed, ["DEL", "k"])


def run(count: int, seed: int, last: Optional[Path]) -> Dict[str, int]:
    """Tries `count` payloads in an engine of this process; how many became what."""
    from fastredis import _engine

    _engine.create_engine(seed=seed or 1)
    feed = _engine.EmbeddedSession().feed
    bodies, uses = known_bodies() + list(own_bodies(feed)), usable_types(feed)
    for body in bodies:  # as they are, all are accepted by the engine that knows their type
        try_payload(feed, body, uses)
    rng, groups = random.Random(seed), by_type(bodies)
    became: Dict[str, int] = {}
    with open(last or "/dev/null", "wb", buffering=0) as file:
        for _ in range(count):
            body = mutate(rng, groups)
            file.seek(0)
            file.write(body.hex().encode() + b"\n")
            try:
                kind = (try_payload(feed, body, uses) or b"refused").decode()
            except Exception as error:
                raise Contradiction(f"{error!r}\nseed {seed}, body {body.hex()}") from error
            became[kind] = became.get(kind, 0) + 1
    return became


def main(arguments: Optional[List[str]] = None) -> int:
    """The command line; see the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--last", type=Path, help="file for the payload under way, in hex")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    try:
        became = run(options.count, options.seed, options.last)
    except Contradiction as error:
        print(error)
        return 1
    shown = ", ".join(f"{kind} {number}" for kind, number in sorted(became.items()))
    took_s = time.monotonic() - began
    print(f"{options.count} payloads in {took_s:.0f} s, seed {options.seed}: {shown}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
