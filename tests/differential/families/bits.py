"""The commands of the group `bitmap`."""

from __future__ import annotations

from random import Random

from .. import alphabet
from ..alphabet import index, integer, key
from ..grammar import Family, maybe, one_of, rule, sequence, several, word

_OFFSETS = [b"0", b"1", b"7", b"8", b"63", b"64", b"1000", b"7679", b"7680", b"8191", b"8192",
            b"4294967295", b"4294967296", b"9223372036854775807", b"-1", b"x", b"", b"01", b"#1"]
_TYPES = [b"u1", b"i1", b"u8", b"i8", b"u16", b"i16", b"u5", b"i7", b"i33", b"u63", b"i64",
          b"u62", b"i63"]
_NOT_TYPES = [b"u64", b"i65", b"u0", b"i0", b"U8", b"u", b"8", b"", b"x8", b"u08", b"i-1", b"u8 "]
_FILLS = [b"\x00", b"\xff", b"\x01", b"\x80", b"\x7f", b"\xfe", b"\x55", b"\xf0"]


def bit_offset(rng: Random) -> bytes:
    """Number of a bit: near the ends of short strings, at borders of words, or none."""
    if rng.random() < 0.75:
        return b"%d" % rng.randint(0, 150)
    return rng.choice(_OFFSETS)


def bit(rng: Random) -> bytes:
    """0 or 1, rarely something else."""
    return rng.choice([b"0", b"1"] * 10 + [b"2", b"-1", b"x", b"", b"01", b"1.0"])


def bit_text(rng: Random) -> bytes:
    """Long runs of equal bytes, which is where searching is interesting."""
    runs = [rng.choice(_FILLS) * rng.choice([0, 1, 2, 7, 8, 31, 32, 33, 64, 200])
            for _ in range(rng.randint(1, 3))]
    return b"".join(runs)


def field_type(rng: Random) -> bytes:
    """Type of a field."""
    if rng.random() < 0.6:
        return b"%s%d" % (rng.choice([b"i", b"u"]), rng.randint(1, 63))
    return rng.choice(_TYPES if rng.random() < 0.93 else _NOT_TYPES)


def field_offset(rng: Random) -> bytes:
    """Where a field stands; `#` counts fields."""
    return b"#%d" % rng.randint(-1, 6) if rng.random() < 0.3 else bit_offset(rng)


_UNIT = maybe(0.6, word("BIT", "BYTE", "BYTE", "BITS"))
_GET = sequence(word("GET"), field_type, field_offset)
_OVERFLOW = sequence(word("OVERFLOW"), word("WRAP", "SAT", "FAIL", "WRAP", "SAT", "FAIL", "NONE"))
_WRITE = sequence(word("SET", "INCRBY", "INCRBY"), field_type, field_offset, integer)
_OPERATIONS = several(0, 5, one_of(_GET, _WRITE, _WRITE, _WRITE, _OVERFLOW))

BITS = Family("bits", (
    rule(6, "SET", key, bit_text),
    rule(8, "SETBIT", key, bit_offset, bit),
    rule(5, "GETBIT", key, bit_offset),
    rule(2, "BITCOUNT", key),
    rule(5, "BITCOUNT", key, index, index, _UNIT),
    rule(4, "BITPOS", key, bit),
    rule(4, "BITPOS", key, bit, index),
    rule(6, "BITPOS", key, bit, index, index, _UNIT),
    rule(6, "BITOP", word("AND", "OR", "XOR", "AND", "OR", "XOR", "NAND"), key,
         several(1, 4, key)),
    rule(2, "BITOP", word("NOT"), key, key),
    rule(0.5, "BITOP", word("AND", "OR", "XOR"), key, several(15, 20, key)),
    rule(12, "BITFIELD", key, _OPERATIONS),
    rule(4, "BITFIELD_RO", key, several(0, 4, one_of(_GET, _GET, _GET, _GET, _OVERFLOW, _WRITE))),
    rule(0.3, "COMMAND GETKEYSANDFLAGS BITFIELD", key, _OPERATIONS),
    rule(1, "APPEND", key, bit_text),
    rule(1, "SET", key, alphabet.value),
), requires=b"BITFIELD_RO")
