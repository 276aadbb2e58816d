"""What arguments are made of: few keys, so that they collide, and values at every edge.

Each function takes a Random and returns one argument. The first element of each list is the
plainest one: shrinking moves towards it.

Times. A reply that depends on which millisecond a command ran in cannot be compared, so

    relative times   are 10^5 to 10^6 seconds, drawn afresh: no key expires during a run, and two
                     draws are never within a few milliseconds of each other
    short times      are a few milliseconds; the runner lets them pass before it goes on, so that
                     every later command meets an expired key
    absolute times   come from a short list, so that GT and LT meet equal ones; each is far away
                     or long past
    grammar.is_safe  refuses whatever a mutation turned into anything else
"""

from __future__ import annotations

from random import Random
from typing import List

KEYS: List[bytes] = [b"a", b"b", b"c", b"d", b"key:1", b"", b"k\x00\r\n\xff", b"{t}*[x]?\\"]
SHORT_KEYS: List[bytes] = [b"short1", b"short2"]
LEX_KEYS: List[bytes] = [b"lex1", b"lex2"]
MISSING_KEY = b"never-set"
UNWRITTEN_KEY = b"written by nobody"
SORTED_KEY = b"tosort"
"""A list, set or sorted set of numbers only."""
DATABASES: List[bytes] = [b"0", b"1", b"2"]

LONG_MAX = b"9223372036854775807"
LONG_MIN = b"-9223372036854775808"

INTEGERS: List[bytes] = [
    b"0", b"1", b"-1", b"2", b"10", b"9999", b"10000", b"127", b"-128", b"32768", b"-32769",
    b"2147483647", b"-2147483649", b"2147483648", b"100000000000000000", LONG_MAX, LONG_MIN,
    b"9223372036854775806", b"-9223372036854775807"]

NOT_INTEGERS: List[bytes] = [
    b"x", b"", b" 1", b"1 ", b"+1", b"01", b"-0", b"1.0", b"1e3", b"0x10", b"--1", b"-",
    b"9223372036854775808", b"-9223372036854775809", b"18446744073709551616",
    b"100000000000000000000", b"1\x00", b"1\r\n"]

FLOATS: List[bytes] = [
    b"0", b"1.5", b"-1.5", b"0.1", b"0.2", b"-0.0", b"3.0e3", b"1e17", b"1e18", b"1e20", b"1e-17",
    b"1e-18", b".5", b"5.", b"+2.5", b"123456789.123456789", b"1234567.891", b"0.30000000000000004",
    b"1e22", b"1e300", b"5e-324", b"9007199254740993", b"100000000000000000000000000000000000"]

NOT_FLOATS: List[bytes] = [
    b"x", b"", b" 1.5", b"1.5 ", b"1.5x", b"nan", b"inf", b"-inf", b"+inf", b"infinity", b"1e5000",
    b"1e-5000", b"1e", b"1,5", b"1.5\x00", b"1_0"]

TEXTS: List[bytes] = [
    b"v", b"", b"hello world", b"\x00", b"a\x00b", b"\r\n", b"\xff\xfe", b"'\"\\", b"ohmytext",
    b"mynewtext", b"a" * 20, b"a" * 21, b"abc" * 14 + b"44", b"abc" * 14 + b"456", b"x" * 63,
    b"y" * 64, bytes(range(256)), b"ab" * 500]
LARGE_TEXTS: List[bytes] = [b"x" * 10240, bytes(range(251)) * 41]

PATTERNS: List[bytes] = [
    b"*", b"a", b"?", b"[a-c]", b"[^a]", b"[c-a]", b"key:*", b"k*", b"\\*", b"*\\?*", b"*[", b"[",
    b"[a", b"[^", b"\\", b"", b"**a**", b"*\xff", b"{t}*", b"[a-", b"[]", b"[\\]]", b"a*b*c*d"]

ABSOLUTE_TIMES_S = [4102444800, 4102444801, 5000000000, 253402300800]
PAST_TIMES_S = [1, 1000000000, 1234567890]
ABSOLUTE_TIMES_MS = [4102444800499, 4102444800500, 4102444800501, 5000000000000, 253402300800123]

RELATIVE_LOW_S, RELATIVE_HIGH_S = 100_000, 1_000_000
SHORT_LOW_MS, SHORT_HIGH_MS = 4, 8

TEXT_OF_OPTIONS: List[bytes] = [
    b"NX", b"XX", b"GT", b"LT", b"EX", b"PX", b"EXAT", b"PXAT", b"KEEPTTL", b"PERSIST", b"GET",
    b"REPLACE", b"DB", b"COUNT", b"MATCH", b"TYPE", b"LEN", b"IDX", b"MINMATCHLEN",
    b"WITHMATCHLEN", b"ABSTTL", b"IDLETIME", b"FREQ", b"ASYNC", b"SYNC", b"LIMIT", b"STORE"]


def key(rng: Random) -> bytes:
    """A key that other commands use too; now and then one that is hardly ever set."""
    if rng.random() < 0.04:
        return MISSING_KEY
    return rng.choice(KEYS)


def short_key(rng: Random) -> bytes:
    """A key that only ever holds short values."""
    return rng.choice(SHORT_KEYS)


def integer(rng: Random) -> bytes:
    """Mostly a valid integer, small or at an edge."""
    where = rng.random()
    if where < 0.5:
        return b"%d" % rng.randint(-20, 20)
    return rng.choice(INTEGERS if where < 0.85 else NOT_INTEGERS)


def floating(rng: Random) -> bytes:
    """Mostly a valid floating-point number, in many spellings."""
    where = rng.random()
    if where < 0.2:
        return b"%d" % rng.randint(-5, 5)
    return rng.choice(FLOATS if where < 0.85 else NOT_FLOATS)


def text(rng: Random) -> bytes:
    """Any value that is not meant as a number."""
    return rng.choice(LARGE_TEXTS if rng.random() < 0.02 else TEXTS)


def short_text(rng: Random) -> bytes:
    """A value of at most 20 bytes over a small alphabet: subsequences in common are likely."""
    return bytes(rng.choice(b"abcd") for _ in range(rng.randint(0, 20)))


def value(rng: Random) -> bytes:
    """A value of any kind."""
    where = rng.random()
    if where < 0.35:
        return text(rng)
    if where < 0.8:
        return integer(rng)
    return floating(rng)


def index(rng: Random) -> bytes:
    """An offset or index into a short string, either sign, now and then absurd."""
    if rng.random() < 0.9:
        return b"%d" % rng.randint(-70, 70)
    return rng.choice(INTEGERS + NOT_INTEGERS)


def database(rng: Random) -> bytes:
    """A database number, rarely one that does not exist."""
    if rng.random() < 0.93:
        return rng.choice(DATABASES)
    return rng.choice([b"15", b"16", b"-1", b"x", b"", b"99999999999", b"1.0", LONG_MAX])


def pattern(rng: Random) -> bytes:
    """A glob pattern, regular or odd."""
    return rng.choice(PATTERNS)


def _odd_time(rng: Random) -> bytes:
    return rng.choice([b"0", b"-1", LONG_MAX, LONG_MIN] + NOT_INTEGERS)


def relative_s(rng: Random) -> bytes:
    """Seconds from now."""
    if rng.random() < 0.85:
        return b"%d" % rng.randint(RELATIVE_LOW_S, RELATIVE_HIGH_S)
    return _odd_time(rng)


def relative_ms(rng: Random) -> bytes:
    """Milliseconds from now; now and then so few that the key is gone at the next command."""
    if rng.random() < 0.15:
        return b"%d" % rng.randint(SHORT_LOW_MS, SHORT_HIGH_MS)
    if rng.random() < 0.85:
        return b"%d" % rng.randint(RELATIVE_LOW_S * 1000, RELATIVE_HIGH_S * 1000)
    return _odd_time(rng)


def absolute_s(rng: Random) -> bytes:
    """A second of the epoch, far ahead or long past."""
    where = rng.random()
    if where < 0.75:
        return b"%d" % rng.choice(ABSOLUTE_TIMES_S)
    return b"%d" % rng.choice(PAST_TIMES_S) if where < 0.88 else _odd_time(rng)


def absolute_ms(rng: Random) -> bytes:
    """A millisecond of the epoch, far ahead or long past."""
    where = rng.random()
    if where < 0.75:
        return b"%d" % rng.choice(ABSOLUTE_TIMES_MS)
    return b"%d" % (rng.choice(PAST_TIMES_S) * 1000) if where < 0.88 else _odd_time(rng)


def anything(rng: Random) -> bytes:
    """Whatever a mutation puts in some argument's place."""
    draw = rng.choice([key, value, integer, index, option])
    return draw(rng)


def option(rng: Random) -> bytes:
    """A word that some command takes as an option."""
    return rng.choice(TEXT_OF_OPTIONS)
