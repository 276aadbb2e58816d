"""Commands made of the recorded grammar, and the ways to spoil each of their arguments.

    tests/data/commands-redis-8.0.6.json
        |  every alternative and every option of a command, one at a time
    shape    ZADD zset [CH] 1.5 m1            a list of slots that Redis accepts as it stands
        |  one thing spoilt: arity, the type of a key, a number, a word
    case     ZADD str NaN m1                  what the test sends

A slot knows what stands in it (a key, an integer, a number, a time, text), and so what else may be
tried there. Numbers are spoilt three times: with the key as it should be, of another type, and
missing, because the order in which a server finds two mistakes is part of its behaviour.

What is never sent, since a right server would do as it is told: blocking for ever, strings of
hundreds of megabytes, replies of millions of elements (see `is_affordable`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Set, Tuple

FACTS = Path(__file__).resolve().parents[1] / "data" / "commands-redis-8.0.6.json"
GROUPS = ("string", "list", "set", "sorted-set", "hash", "stream", "bitmap", "hyperloglog", "geo",
          "generic")
NOT_SENT = frozenset((
    "migrate", "wait", "waitaof", "pfselftest", "randomkey", "xgroup|help", "xinfo|help",
    "object|help"))

Version = Tuple[int, ...]
Case = Tuple[bytes, ...]

LONG_MAX, LONG_MIN = b"9223372036854775807", b"-9223372036854775808"
INTEGERS: Sequence[bytes] = (
    LONG_MIN, b"-9223372036854775807", LONG_MAX, b"9223372036854775806", b"9223372036854775808",
    b"-9223372036854775809", b"18446744073709551615", b"18446744073709551616",
    b"4611686018427387904", b"4294967296", b"-4294967297", b"2147483648", b"-2147483649", b"0",
    b"-1", b"-0", b"+1", b"01", b"", b" 1", b"1 ", b"1.0", b"1.5", b"1e3", b"0x10", b"x", b"nan",
    b"inf", b"-inf", b"9" * 40, b"0" * 5200 + b"1", b"1\x00", b"\xff")
DOUBLES: Sequence[bytes] = INTEGERS + (
    b"NaN", b"-nan", b"nan(1)", b"+inf", b"Infinity", b"-infinity", b"infinit", b"1e308", b"1e309",
    b"-1e309", b"1e-400", b"5e-324", b"-0.0", b".5", b"5.", b".", b"1e", b"1e+", b"1_0", b"1,5",
    b"0x1p3", b"3.0e3", b"1.7976931348623157e308", b"0." + b"1" * 300, b"1" * 350)
SCORE_BOUNDS: Sequence[bytes] = DOUBLES + (
    b"(1", b"(", b"((1", b"(nan", b"(inf", b"(-inf", b"( 1", b"[1", b"(1 ")
LEX_BOUNDS: Sequence[bytes] = (
    b"", b"a", b"[", b"(", b"-", b"+", b"--", b"++", b"[a\x00", b"(\xff", b"-inf", b"+inf", b"1")
STREAM_IDS: Sequence[bytes] = (
    b"", b"-", b"+", b"$", b">", b"*", b"0", b"0-0", b"1-", b"-1", b"1--1", b"1-1-1", b"x", b"1-x",
    b"1-*", b"0-*", b"18446744073709551615", b"18446744073709551615-18446744073709551615",
    b"18446744073709551616", b"18446744073709551616-0", b"1-18446744073709551616", b"(1-1", b"(",
    b"(-", b"(+", b"(0-0", b"(18446744073709551615-18446744073709551615", b" 1-1", b"1-1 ",
    b"1 -1", b"01-1", b"-1-1", b"1.5-1", b"9" * 30, b"1-1\x00")
ENCODINGS: Sequence[bytes] = (
    b"", b"i", b"u", b"i0", b"u0", b"i64", b"u64", b"u63", b"i65", b"x8", b"8", b"i-1", b"u+8",
    b"i8x", b"I8", b"U8", b"i 8", b"i9223372036854775808", b"u08")
BIT_OFFSETS: Sequence[bytes] = INTEGERS + (
    b"#", b"#-1", b"#x", b"#0", b"##1", b"#9223372036854775807", b"#1152921504606846975",
    b"#2305843009213693952", b"4294967295x")
THRESHOLDS: Sequence[bytes] = INTEGERS + (b"0-1", b"1-x", b"18446744073709551615-1", b"$", b"*")
OF_EACH_MISTAKE: Sequence[bytes] = (LONG_MIN, LONG_MAX, b"9223372036854775808", b"x", b"nan", b"")
TEXTS: Sequence[bytes] = (b"", b"\x00", b"\xff\xfe", b"nosuch")
BAD_WORDS: Sequence[bytes] = (b"", b"nosuchword")

DATA: Sequence[Tuple[bytes, ...]] = (
    (b"SET", b"str", b"5"), (b"SET", b"bits", b"foobar"), (b"RPUSH", b"list", b"e1", b"e2", b"e3"),
    (b"RPUSH", b"nums", b"3", b"1", b"2"), (b"SADD", b"set", b"m1", b"m2", b"m3"),
    (b"HSET", b"hash", b"f1", b"1", b"f2", b"v2"),
    (b"ZADD", b"zset", b"1", b"m1", b"2", b"m2", b"3", b"m3"),
    (b"GEOADD", b"geo", b"13.361389", b"38.115556", b"m1", b"15.087269", b"37.502669", b"m2"),
    (b"PFADD", b"hll", b"a", b"b", b"c"),
    (b"XADD", b"stream", b"1-1", b"f1", b"v1"), (b"XADD", b"stream", b"2-1", b"f1", b"v2"),
    (b"XGROUP", b"CREATE", b"stream", b"g", b"0"),
    (b"XREADGROUP", b"GROUP", b"g", b"c", b"COUNT", b"1", b"STREAMS", b"stream", b">"))
KEYS: Sequence[bytes] = (
    b"str", b"bits", b"list", b"nums", b"set", b"hash", b"zset", b"geo", b"hll", b"stream")
OF_EACH_TYPE: Sequence[bytes] = (b"str", b"list", b"set", b"hash", b"zset", b"stream")
MISSING, WRITTEN = b"missing", b"dst"
ALL_KEYS: Sequence[bytes] = (*KEYS, MISSING, WRITTEN, b"", b"extra")

_KEY_OF_GROUP = {"string": b"str", "list": b"list", "set": b"set", "sorted-set": b"zset",
                 "hash": b"hash", "stream": b"stream", "bitmap": b"bits", "hyperloglog": b"hll",
                 "geo": b"geo", "generic": b"str"}
_WRITTEN_NAMES = ("destkey", "destination", "newkey", "dst", "storekey", "storedistkey")
_PLAIN: Dict[str, bytes] = {
    "start": b"0", "end": b"-1", "stop": b"-1", "offset": b"0", "index": b"0", "cursor": b"0",
    "seconds": b"100000", "milliseconds": b"100000000", "unix-time-seconds": b"4102444800",
    "unix-time-milliseconds": b"4102444800000", "timeout": b"0.01", "longitude": b"13.5",
    "latitude": b"38.5", "radius": b"200", "width": b"200", "height": b"200", "score": b"1.5",
    "increment": b"2", "ttl": b"0", "db": b"1", "destination-db": b"1", "member": b"m1",
    "member1": b"m1", "member2": b"m2", "field": b"f1", "element": b"e1", "pivot": b"e1",
    "value": b"7", "encoding": b"u8", "group": b"g", "consumer": b"c", "id": b"1-1",
    "threshold": b"10", "min-idle-time": b"0", "lastid": b"1-1", "last-id": b"9-9",
    "max-deleted-id": b"1-1", "min": b"0", "max": b"5", "type": b"string", "pattern": b"*",
    "by-pattern": b"w_*", "get-pattern": b"#", "entries-added": b"5", "entriesread": b"1",
    "subcommand": b"DECODE"}
_PLAIN_OF: Dict[Tuple[str, str], bytes] = {
    ("zlexcount", "min"): b"-", ("zlexcount", "max"): b"+", ("zrangebylex", "min"): b"-",
    ("zrangebylex", "max"): b"+", ("zremrangebylex", "min"): b"-", ("zremrangebylex", "max"): b"+",
    ("zrevrangebylex", "min"): b"-", ("zrevrangebylex", "max"): b"+", ("xrange", "start"): b"-",
    ("xrange", "end"): b"+", ("xrevrange", "start"): b"-", ("xrevrange", "end"): b"+",
    ("zrevrangebyscore", "min"): b"0", ("xpending", "start"): b"-", ("xpending", "end"): b"+",
    ("xautoclaim", "start"): b"0", ("xadd", "id"): b"9-1", ("xread", "id"): b"0",
    ("xreadgroup", "id"): b"0", ("xgroup|create", "group"): b"g2", ("xgroup|create", "id"): b"0",
    ("xgroup|setid", "id"): b"0", ("xgroup|createconsumer", "consumer"): b"c2",
    ("zrangestore", "max"): b"-1", ("setbit", "value"): b"1", ("lset", "element"): b"e9",
    ("restore", "key"): WRITTEN, ("sort", "key"): b"nums", ("sort_ro", "key"): b"nums",
    ("xread", "milliseconds"): b"10", ("xreadgroup", "milliseconds"): b"10"}
PAYLOAD = bytes.fromhex("000176090041fa9f7e4dbee97f")  # the string "v"
_SPECIAL: Dict[Tuple[str, str], Sequence[bytes]] = {
    **{(command, name): LEX_BOUNDS for name in ("min", "max")
       for command in ("zlexcount", "zrangebylex", "zrevrangebylex", "zremrangebylex")},
    **{(command, name): SCORE_BOUNDS for name in ("min", "max")
       for command in ("zcount", "zrangebyscore", "zrevrangebyscore", "zremrangebyscore")},
    **{(command, name): SCORE_BOUNDS for command, first, last in (
        ("zrange", "start", "stop"), ("zrangestore", "min", "max")) for name in (first, last)},
    **{(command, name): STREAM_IDS for name in ("start", "end")
       for command in ("xrange", "xrevrange", "xpending", "xautoclaim")}}
_SPECIAL_NAMES: Dict[str, Sequence[bytes]] = {
    "id": STREAM_IDS, "last-id": STREAM_IDS, "lastid": STREAM_IDS, "max-deleted-id": STREAM_IDS,
    "encoding": ENCODINGS, "threshold": THRESHOLDS, "min-idle-time": INTEGERS,
    "cursor": INTEGERS, "subcommand": (b"GETREG", b"ENCODING", b"TODENSE", b"decode", b"", b"x")}
_OFFSET_COMMANDS = ("bitfield", "bitfield_ro", "getbit", "setbit")

EXTRA_SHAPES: Sequence[Tuple[str, str]] = (
    ("xadd", "XADD k:stream MAXLEN ~ t:10 LIMIT i:5 d:9-1 f v"),
    ("xadd", "XADD k:stream MINID ~ d:1-1 LIMIT i:5 d:9-1 f v"),
    ("xadd", "XADD k:stream MAXLEN = t:0 d:9-1 f v"), ("xadd", "XADD k:stream d:9-* f v"),
    ("xtrim", "XTRIM k:stream MAXLEN ~ t:1 LIMIT i:0"), ("xtrim", "XTRIM k:stream MAXLEN = t:1"),
    ("xtrim", "XTRIM k:stream MINID ~ d:2-1 LIMIT i:1"), ("xtrim", "XTRIM k:stream MINID d:2"),
    ("xreadgroup", "XREADGROUP GROUP g c COUNT i:1 STREAMS k:stream d:>"),
    ("xreadgroup", "XREADGROUP GROUP g c NOACK STREAMS k:stream d:>"),
    ("xpending", "XPENDING k:stream g IDLE i:0 d:- d:+ i:10 c"),
    ("xclaim", "XCLAIM k:stream g c2 i:0 d:1-1 IDLE i:5 RETRYCOUNT i:3 FORCE"),
    ("xclaim", "XCLAIM k:stream g c2 i:0 d:1-1 TIME i:1000 JUSTID LASTID d:2-1"),
    ("xautoclaim", "XAUTOCLAIM k:stream g c2 i:0 d:0 COUNT i:10 JUSTID"),
    ("xgroup|create", "XGROUP CREATE k:dst g d:$ MKSTREAM ENTRIESREAD i:0"),
    ("xsetid", "XSETID k:stream d:9-9 ENTRIESADDED i:9 MAXDELETEDID d:1-1"),
    ("xinfo|stream", "XINFO STREAM k:stream FULL COUNT i:1"),
    ("zadd", "ZADD k:zset NX f:1 m1 f:2 m9"), ("zadd", "ZADD k:zset XX GT CH f:1 m1 f:2 m9"),
    ("zadd", "ZADD k:zset INCR f:1 m1"), ("zadd", "ZADD k:zset NX XX f:1 m1"),
    ("zadd", "ZADD k:zset GT LT f:1 m1"), ("zadd", "ZADD k:zset f:1 m1 f:inf"),
    ("zadd", "ZADD k:zset f:1 m8 f:2 m9"), ("zincrby", "ZINCRBY k:zset f:1 m1"),
    ("zrange", "ZRANGE k:zset s:1 s:2 BYSCORE LIMIT i:0 i:-1"),
    ("zrange", "ZRANGE k:zset s:2 s:1 BYSCORE REV WITHSCORES"),
    ("zrange", "ZRANGE k:zset l:- l:+ BYLEX LIMIT i:0 i:1"),
    ("zrange", "ZRANGE k:zset i:0 i:-1 REV"),
    ("zrange", "ZRANGE k:zset 0 -1 LIMIT i:0 i:1"), ("zrange", "ZRANGE k:zset l:+ l:- BYLEX REV"),
    ("zrangestore", "ZRANGESTORE k:dst k:zset s:1 s:2 BYSCORE LIMIT i:0 i:1"),
    ("zrangestore", "ZRANGESTORE k:dst k:zset l:- l:+ BYLEX"),
    ("zunionstore", "ZUNIONSTORE k:dst i:2 k:zset k:set WEIGHTS f:1 f:2 AGGREGATE MAX"),
    ("zinterstore", "ZINTERSTORE k:dst i:2 k:zset k:set WEIGHTS f:inf f:-inf"),
    ("zunion", "ZUNION i:2 k:zset k:set WEIGHTS f:1 f:2 AGGREGATE MIN WITHSCORES"),
    ("zinter", "ZINTER i:2 k:zset k:zset WEIGHTS f:1 f:-1 WITHSCORES"),
    ("zdiff", "ZDIFF i:2 k:zset k:set WITHSCORES"),
    ("zintercard", "ZINTERCARD i:2 k:zset k:set LIMIT i:1"),
    ("sintercard", "SINTERCARD i:2 k:set k:set LIMIT i:1"),
    ("sinter", "SINTER k:set k:missing k:list"),
    ("sinterstore", "SINTERSTORE k:dst k:missing k:list"),
    ("sdiff", "SDIFF k:set k:missing k:list"),
    ("sunionstore", "SUNIONSTORE k:list k:set k:set"), ("smove", "SMOVE k:set k:list nosuch"),
    ("zrandmember", "ZRANDMEMBER k:zset i:2 WITHSCORES"),
    ("hrandfield", "HRANDFIELD k:hash i:2 WITHVALUES"),
    ("srandmember", "SRANDMEMBER k:set i:5"), ("spop", "SPOP k:set i:0"),
    ("lpop", "LPOP k:list i:2"),
    ("lpos", "LPOS k:list e1 RANK i:1 COUNT i:0 MAXLEN i:0"),
    ("lmpop", "LMPOP i:2 k:missing k:list RIGHT COUNT i:2"),
    ("zmpop", "ZMPOP i:2 k:missing k:zset MAX COUNT i:2"),
    ("geosearch", "GEOSEARCH k:geo FROMLONLAT f:15 f:37 BYBOX f:400 f:400 km ASC COUNT i:1 ANY"),
    ("geosearch", "GEOSEARCH k:geo FROMMEMBER nosuch BYRADIUS f:1 km"),
    ("geosearchstore",
     "GEOSEARCHSTORE k:dst k:geo FROMLONLAT f:15 f:37 BYRADIUS f:200 km STOREDIST"),
    ("georadius", "GEORADIUS k:geo f:15 f:37 f:200 km WITHDIST WITHCOORD WITHHASH COUNT i:1"),
    ("georadius", "GEORADIUS k:geo f:15 f:37 f:200 km WITHDIST STORE k:dst"),
    ("geoadd", "GEOADD k:geo NX CH f:13 f:38 m1 f:-180 f:85 m9"),
    ("geodist", "GEODIST k:geo m1 nosuch km"),
    ("bitfield", "BITFIELD k:bits OVERFLOW FAIL SET e:u8 o:0 i:300 INCRBY e:i5 o:#1 i:100"),
    ("bitfield", "BITFIELD k:bits OVERFLOW SAT INCRBY e:i64 o:0 i:1 GET e:u4 o:#1"),
    ("bitfield", "BITFIELD k:bits GET e:u8 o:0 SET e:u8"),
    ("bitfield_ro", "BITFIELD_RO k:bits SET e:u8 o:0 i:1"),
    ("bitcount", "BITCOUNT k:bits i:0 i:-1 BIT"), ("bitpos", "BITPOS k:bits i:0 i:0 i:-1 BIT"),
    ("bitop", "BITOP NOT k:dst k:bits k:bits"), ("setbit", "SETBIT k:bits o:7 i:2"),
    ("hexpire", "HEXPIRE k:hash i:100000 NX FIELDS i:2 f1 f2"),
    ("hexpire", "HEXPIRE k:hash i:100000 FIELDS i:1 f1 f2"),
    ("httl", "HTTL k:hash FIELDS i:2 f1 nosuch"),
    ("hgetex", "HGETEX k:hash EX i:100000 FIELDS i:2 f1 nosuch"),
    ("hsetex", "HSETEX k:hash FXX KEEPTTL FIELDS i:1 f1 v"),
    ("hgetdel", "HGETDEL k:hash FIELDS i:2 f1 nosuch"),
    ("hset", "HSET k:hash f1 v f2"), ("mset", "MSET k:str v k:list"),
    ("msetnx", "MSETNX k:dst v k:list w"),
    ("hincrbyfloat", "HINCRBYFLOAT k:hash f1 f:1.5"),
    ("hincrbyfloat", "HINCRBYFLOAT k:hash f2 f:1.5"),
    ("hincrby", "HINCRBY k:hash f2 i:1"), ("hincrby", "HINCRBY k:hash nosuch i:1"),
    ("set", "SET k:list v GET"), ("set", "SET k:list v NX GET"), ("lcs", "LCS k:str k:list"),
    ("sort", "SORT k:nums LIMIT i:0 i:1 GET # DESC ALPHA STORE k:dst"),
    ("sort", "SORT k:nums BY w_* GET # DESC"),
    ("sort", "SORT k:list"),
    ("sort", "SORT k:set ALPHA"), ("sort", "SORT k:zset BY nosort LIMIT i:0 i:2"),
    ("copy", "COPY k:list k:dst DB i:0 REPLACE"), ("copy", "COPY k:list k:list"),
    ("rename", "RENAME k:list k:zset"),
    ("restore", "RESTORE k:list i:0 p: REPLACE ABSTTL IDLETIME i:1"),
    ("pfcount", "PFCOUNT k:hll k:missing k:str"), ("pfmerge", "PFMERGE k:dst k:hll k:bits"),
    ("scan", "SCAN c:0 COUNT i:10 TYPE zset MATCH z*"),
    ("hscan", "HSCAN k:hash c:0 NOVALUES COUNT i:1"))
"""Shapes with several options at once; a letter before a colon says what the slot holds."""
_LETTERS: Dict[str, Tuple[str, Sequence[bytes]]] = {
    "k": ("key", ()), "i": ("number", INTEGERS), "f": ("number", DOUBLES),
    "t": ("number", THRESHOLDS), "d": ("number", STREAM_IDS), "s": ("number", SCORE_BOUNDS),
    "l": ("number", LEX_BOUNDS), "e": ("number", ENCODINGS), "o": ("number", BIT_OFFSETS),
    "c": ("number", INTEGERS), "p": ("text", ())}


@dataclass(frozen=True, eq=False)
class Slot:
    """One argument of a shape: its plain text, what it is, and what to try in its place."""

    text: bytes
    kind: str  # "name", "word", "key", "number" or "text"
    hostile: Sequence[bytes] = ()


Shape = List[Slot]


class Grammar:
    """The shapes of one command, as far as a server of this version knows its arguments."""

    def __init__(self, name: str, facts: Dict[str, Any], version: Version) -> None:
        self._name = name
        self._version = version
        self._key = _KEY_OF_GROUP[facts["group"]]
        self._head = [Slot(word.upper().encode(), "name") for word in name.split("|")]
        self._arguments = facts.get("arguments", [])

    def shapes(self) -> Iterator[Shape]:
        """The plain one first, then each alternative and each option by itself."""
        for shape in self._sequence(self._arguments):
            yield self._head + shape
        for name, text in EXTRA_SHAPES:
            if name == self._name:
                yield [self._head[0], *map(_slot_of_word, text.split()[1:])]

    def _sequence(self, arguments: List[Dict[str, Any]]) -> List[Shape]:
        choices = [self._alternatives(argument) for argument in arguments]
        plain = [[] if "optional" in argument.get("flags", ()) or not found else found[0]
                 for argument, found in zip(arguments, choices)]
        shapes = [_joined(plain)]
        for at, (argument, found) in enumerate(zip(arguments, choices)):
            others = found if "optional" in argument.get("flags", ()) else found[1:]
            shapes += [_joined([*plain[:at], other, *plain[at + 1:]]) for other in others]
        return shapes

    def _alternatives(self, argument: Dict[str, Any]) -> List[Shape]:
        since = tuple(int(part) for part in argument.get("since", "0").split("."))
        if since > self._version:
            return []
        token = [Slot(argument["token"].encode(), "word", BAD_WORDS)] \
            if argument.get("token") else []
        kind = argument["type"]
        if argument["name"] == "auto-id":
            return []  # an ID made of the clock cannot be compared
        if kind == "pure-token":
            return [token]
        inner = argument.get("arguments", [])
        if kind == "oneof":
            found = [shape for each in inner for shape in self._alternatives(each)]
        elif kind == "block":
            found = self._sequence(inner)
        else:
            found = [[self._leaf(kind, argument["name"])]]
        return [token + shape for shape in found]

    def _leaf(self, kind: str, name: str) -> Slot:
        plain = _PLAIN_OF.get((self._name, name))
        if kind == "key":
            return Slot(plain or (WRITTEN if name in _WRITTEN_NAMES else self._key), "key")
        if name == "serialized-value":
            return Slot(PAYLOAD, "text", TEXTS)
        text = plain or _PLAIN.get(name, b"1")
        special = _SPECIAL.get((self._name, name)) or _SPECIAL_NAMES.get(name)
        if special is None and name == "offset" and self._name in _OFFSET_COMMANDS:
            special = BIT_OFFSETS
        if special is None and kind in ("integer", "unix-time"):
            special = INTEGERS
        if special is None and kind == "double":
            special = DOUBLES
        return Slot(text, "number", special) if special else Slot(text, "text", TEXTS)


def _joined(parts: Sequence[Shape]) -> Shape:
    return [slot for part in parts for slot in part]


def _slot_of_word(word: str) -> Slot:
    if word == "p:":
        return Slot(PAYLOAD, "text", TEXTS)
    if word[1:2] == ":":
        kind, hostile = _LETTERS[word[0]]
        return Slot(word[2:].encode(), kind, hostile)
    return Slot(word.encode(), "word", BAD_WORDS)


def commands_of(group: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    """Every command of a group, subcommands as container|name."""
    for name, facts in json.loads(FACTS.read_text()).items():
        if facts["group"] == group:
            inner = facts.get("subcommands") or {}
            for full, each in [(name, facts)] if not inner else [
                    (f"{name}|{sub}", each) for sub, each in inner.items()]:
                if full not in NOT_SENT:
                    yield full, {**each, "group": group}


def plain_cases(name: str, facts: Dict[str, Any], version: Version) -> List[Case]:
    """The shapes of a command as they stand."""
    return [tuple(slot.text for slot in shape) for shape in Grammar(name, facts, version).shapes()]


def cases(name: str, facts: Dict[str, Any], version: Version) -> List[Case]:
    """Everything that is tried with a command, each case once."""
    found: Dict[Case, None] = {}
    seen: Set[Slot] = set()
    for shape in Grammar(name, facts, version).shapes():
        for case in _spoilt(shape, set(shape) - seen):
            if is_affordable(name, case):
                found[case] = None
        seen.update(shape)
    return list(found)


def _spoilt(shape: Shape, fresh: Set[Slot]) -> Iterator[Case]:
    """A shape as it is, and with one thing spoilt; numbers and words only in slots not seen yet."""
    argv = [slot.text for slot in shape]
    yield tuple(argv)
    yield (*argv, b"extra")
    for length in range(1, len(argv)):
        yield tuple(argv[:length])
    for at, slot in enumerate(shape):
        if slot.kind == "key":
            for key in (*OF_EACH_TYPE, MISSING, b""):
                yield _with(argv, at, key)
        elif slot in fresh and slot.kind != "name":
            for text in slot.hostile:
                yield _with(argv, at, text)
            for base in _with_another_key(shape, argv) if slot.kind == "number" else ():
                for text in OF_EACH_MISTAKE:
                    yield _with(base, at, text)
            yield (*argv[:at], slot.text, *argv[at:])


def _with_another_key(shape: Shape, argv: List[bytes]) -> List[Case]:
    """The arguments with the first key of another type, and missing."""
    for at, slot in enumerate(shape):
        if slot.kind == "key":
            wrong = b"list" if slot.text != b"list" else b"zset"
            return [_with(argv, at, wrong), _with(argv, at, MISSING)]
    return []


def _with(argv: Sequence[bytes], at: int, text: bytes) -> Case:
    return (*argv[:at], text, *argv[at + 1:])


_BLOCKING = frozenset((
    "blpop", "brpop", "blmove", "brpoplpush", "blmpop", "bzpopmin", "bzpopmax", "bzmpop"))
_HUGE_REPLIES = frozenset(("srandmember", "hrandfield", "zrandmember"))
_SECOND_MOST = frozenset((b"-9223372036854775807", b"-4294967297", b"-2147483649"))
_PAST_RANGE = frozenset((LONG_MAX, b"9223372036854775806"))


def is_affordable(name: str, case: Case) -> bool:
    """False where a right server would block for ever or need gigabytes.

    - A blocking command whose key is missing may only have the plain timeout.
    - SETBIT and BITFIELD make a string as long as they are told, up to 512 MB.
    - A negative count of SRANDMEMBER and its kin is the length of the reply.
    - RESTORE with a relative time beyond the clock: a deliberate difference.
    - XADD makes an ID of the clock, which cannot be compared.
    """
    if name == "xadd" and b"*" in case:
        return False
    waits = name in _BLOCKING or b"BLOCK" in case
    if waits and (MISSING in case or b"" in case) and b"0.01" not in case and b"10" not in case:
        return False
    if name in ("setbit", "bitfield") and b"2147483648" in case:
        return False
    if name in _HUGE_REPLIES and _SECOND_MOST & set(case):
        return False
    return not (name == "restore" and _PAST_RANGE & set(case[2:3]) and b"ABSTTL" not in case)
