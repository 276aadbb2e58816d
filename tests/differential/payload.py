"""Serialised strings as DUMP makes them and RESTORE takes them.

    offset   0     1 ...                         n        n+2
             type  value                         version  CRC-64 of all before it
             00    length + bytes, or            2 bytes  8 bytes
                   c0 int8, c1 int16, c2 int32,  LE       LE
                   c3 compressed length, length, LZF
    length   00pppppp | 01pppppp q | 80 + 4 bytes BE | 81 + 8 bytes BE

Two servers may compress one value differently, and sign with different versions: payloads are
compared by what they decode to. The version written here, 9, is one that every server reads.

CRC-64: the "Jones" polynomial, reflected, no initial value and no final inversion
(D. T. Jones, "An Improved 64-bit Cyclic Redundancy Check for Protein Sequences", 2002).
"""

from __future__ import annotations

import struct
from typing import List, Tuple

WRITTEN_VERSION = 9
TYPE_STRING = 0
_POLYNOMIAL_REFLECTED = 0x95AC9329AC4BC9B5
_INTEGERS = ((0xC0, "<b", 1 << 7), (0xC1, "<h", 1 << 15), (0xC2, "<i", 1 << 31))
_LZF_MAX_LITERALS, _LZF_MAX_MATCH, _LZF_MAX_DISTANCE = 32, 264, 8192


class PayloadError(AssertionError):
    """A payload is not what DUMP may answer."""


def _crc_table() -> List[int]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL_REFLECTED if crc & 1 else 0)
        table.append(crc)
    return table


_CRC_TABLE = _crc_table()


def crc64(data: bytes) -> int:
    """The checksum of a payload. crc64(b"123456789") == 0xe9c6d914c4b8d9ca."""
    crc = 0
    for byte in data:
        crc = _CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc


def sign(body: bytes, version: int = WRITTEN_VERSION) -> bytes:
    """A body with its version and checksum."""
    signed = body + struct.pack("<H", version)
    return signed + struct.pack("<Q", crc64(signed))


def encode_string(value: bytes, compress: bool = True) -> bytes:
    """A payload that holds this string, in the shortest encoding."""
    body = bytes([TYPE_STRING])
    text = value[1:] if value[:1] == b"-" else value
    if text.isdigit() and len(value) <= 11 and b"%d" % int(value) == value:
        for code, form, limit in _INTEGERS:
            if -limit <= int(value) < limit:
                return sign(body + bytes([code]) + struct.pack(form, int(value)))
    packed = lzf_compress(value) if compress and len(value) > 20 else value
    if len(packed) < len(value):
        lengths = encode_length(len(packed)) + encode_length(len(value))
        return sign(body + b"\xc3" + lengths + packed)
    return sign(body + encode_length(len(value)) + value)


def decode(data: bytes) -> Tuple[int, bytes]:
    """Type and value of a payload; the value of a string decoded, of other types as it is."""
    if len(data) < 11:
        raise PayloadError(f"payload of {len(data)} bytes")
    (version, checksum), body = struct.unpack("<HQ", data[-10:]), data[:-10]
    if crc64(data[:-8]) != checksum:
        raise PayloadError("wrong checksum")
    if not 6 <= version <= 12 and version != 80:
        raise PayloadError(f"version {version}")
    return body[0], _decode_string(body) if body[0] == TYPE_STRING else body[1:]


def encode_length(count: int) -> bytes:
    """A length, or any number that is not negative, in the fewest bytes."""
    if count < 1 << 6:
        return bytes([count])
    if count < 1 << 14:
        return struct.pack(">H", 0x4000 | count)
    if count < 1 << 32:
        return b"\x80" + struct.pack(">I", count)
    return b"\x81" + struct.pack(">Q", count)


def decode_length(body: bytes, at: int) -> Tuple[int, int]:
    """A length, and where the next thing begins."""
    kind = body[at] >> 6
    if kind == 0:
        return body[at], at + 1
    if kind == 1:
        return struct.unpack(">H", body[at:at + 2])[0] & 0x3FFF, at + 2
    if body[at] == 0x80:
        return struct.unpack(">I", body[at + 1:at + 5])[0], at + 5
    if body[at] != 0x81:
        raise PayloadError(f"length {body[at]:#x}")
    return struct.unpack(">Q", body[at + 1:at + 9])[0], at + 9


def _decode_string(body: bytes) -> bytes:
    for code, form, _ in _INTEGERS:
        if body[1] == code:
            if len(body) != 2 + struct.calcsize(form):
                raise PayloadError("integer of a wrong length")
            return b"%d" % struct.unpack(form, body[2:])
    if body[1] != 0xC3:
        length, at = decode_length(body, 1)
        value = body[at:]
    else:
        packed, at = decode_length(body, 2)
        length, at = decode_length(body, at)
        if len(body) - at != packed:
            raise PayloadError("compressed string of a wrong length")
        value = lzf_decompress(body[at:])
    if len(value) != length:
        raise PayloadError("string of a wrong length")
    return value


def lzf_compress(data: bytes) -> bytes:
    """LZF, by the last position at which the next three bytes were seen."""
    seen, out, literals, at = {}, bytearray(), bytearray(), 0

    def flush() -> None:
        for start in range(0, len(literals), _LZF_MAX_LITERALS):
            run = literals[start:start + _LZF_MAX_LITERALS]
            out.append(len(run) - 1)
            out.extend(run)
        literals.clear()

    while at < len(data):
        head = data[at:at + 3]
        before = seen.get(head)
        seen[head] = at
        if len(head) < 3 or before is None or at - before > _LZF_MAX_DISTANCE:
            literals.append(data[at])
            at += 1
            continue
        length = 3
        while (length < _LZF_MAX_MATCH and at + length < len(data)
               and data[before + length] == data[at + length]):
            length += 1
        flush()
        distance, size = at - before - 1, length - 2
        out.append(min(size, 7) << 5 | distance >> 8)
        if size >= 7:
            out.append(size - 7)
        out.append(distance & 0xFF)
        at += length
    flush()
    return bytes(out)


def lzf_decompress(data: bytes) -> bytes:
    """The inverse of any LZF compressor."""
    out, at = bytearray(), 0
    while at < len(data):
        control = data[at]
        at += 1
        if control < 32:
            out += data[at:at + control + 1]
            at += control + 1
            continue
        size = control >> 5
        if size == 7:
            size += data[at]
            at += 1
        distance = ((control & 31) << 8 | data[at]) + 1
        at += 1
        if distance > len(out):
            raise PayloadError("reference before the beginning")
        for _ in range(size + 2):
            out.append(out[-distance])
    return bytes(out)
