"""Collections in every form that a payload of DUMP has ever had, written byte by byte.

    list         1 items           10 ziplist           14 ziplists        18 listpacks or items
    set          2 members         11 intset            20 listpack
    hash         4 pairs            9 zipmap            13 ziplist         16 listpack
                24 pairs and times 25 listpack of field, value, time
    sorted set   3 texts of scores  5 binary scores     12 ziplist         17 listpack
    stream      15 listpacks       19 + counters        21 + times of activity

These are what a fuzz begins with, and what old servers have left in files: no server of today
writes the first two columns of lists and hashes. A function returns a body: type byte and value;
payload.sign() makes a payload of it. Everything is little-endian but lengths and stream IDs.
"""

from __future__ import annotations

import struct
from typing import Iterable, List, Mapping, Sequence, Tuple, Union

from .payload import encode_length

Element = Union[bytes, int]
StreamId = Tuple[int, int]
Entry = Tuple[StreamId, Sequence[Tuple[bytes, bytes]]]

_FORMS = {1: "<b", 2: "<h", 4: "<i", 8: "<q"}


def string(value: bytes) -> bytes:
    """A string as it stands inside of a value, never compressed."""
    return encode_length(len(value)) + value


def as_number(value: Element) -> Union[int, None]:
    """The 64-bit number that this text is exactly, or None."""
    if isinstance(value, int):
        return value
    digits = value[1:] if value[:1] == b"-" else value
    if digits.isdigit() and len(digits) <= 19 and b"%d" % int(value) == value:
        if -1 << 63 <= int(value) < 1 << 63:
            return int(value)
    return None


def _fits(number: int, size: int) -> bool:
    return -1 << 8 * size - 1 <= number < 1 << 8 * size - 1


def _little(number: int, size: int) -> bytes:
    return (number & (1 << 8 * size) - 1).to_bytes(size, "little")


# ---- listpacks ----

def listpack_element(value: Element) -> bytes:
    """One element of a listpack with its back length."""
    number = as_number(value)
    if number is not None:
        data = _listpack_number(number)
    elif len(value) < 64:
        data = bytes([0x80 | len(value)]) + value
    elif len(value) < 4096:
        data = struct.pack(">H", 0xE000 | len(value)) + value
    else:
        data = b"\xf0" + struct.pack("<I", len(value)) + value
    return data + back_length(len(data))


def _listpack_number(number: int) -> bytes:
    if 0 <= number < 128:
        return bytes([number])
    if -4096 <= number < 4096:
        return struct.pack(">H", 0xC000 | number & 0x1FFF)
    for code, size in ((0xF1, 2), (0xF2, 3), (0xF3, 4), (0xF4, 8)):
        if _fits(number, size):
            return bytes([code]) + _little(number, size)
    raise AssertionError(number)


def back_length(size: int) -> bytes:
    """The bytes of an element, to be read from behind."""
    if size <= 127:
        return bytes([size])
    count = 2 if size < (1 << 14) - 1 else 3 if size < (1 << 21) - 1 else 4
    groups = [size >> 7 * at & 127 for at in range(count)]
    return bytes([groups[-1], *(group | 128 for group in reversed(groups[:-1]))])


def listpack(values: Iterable[Element]) -> bytes:
    """A whole listpack."""
    return listpack_of([listpack_element(value) for value in values])


def listpack_of(elements: Sequence[bytes]) -> bytes:
    """A listpack of elements that are encoded already, rightly or not."""
    body = b"".join(elements)
    return struct.pack("<IH", len(body) + 7, min(len(elements), 65535)) + body + b"\xff"


# ---- ziplists, zipmaps, intsets ----

def ziplist(values: Iterable[Element]) -> bytes:
    """A whole ziplist."""
    body, before, tail, count = b"", 0, 10, 0
    for value in values:
        tail = 10 + len(body)
        element = (bytes([before]) if before < 254 else b"\xfe" + struct.pack("<I", before)) \
            + _ziplist_data(value)
        body += element
        before, count = len(element), count + 1
    return struct.pack("<IIH", len(body) + 11, tail, count) + body + b"\xff"


def _ziplist_data(value: Element) -> bytes:
    number = as_number(value)
    if number is None:
        if len(value) < 64:
            return bytes([len(value)]) + value
        if len(value) < 1 << 14:
            return struct.pack(">H", 0x4000 | len(value)) + value
        return b"\x80" + struct.pack(">I", len(value)) + value
    if 0 <= number <= 12:
        return bytes([0xF1 + number])
    for code, size in ((0xFE, 1), (0xC0, 2), (0xF0, 3), (0xD0, 4), (0xE0, 8)):
        if _fits(number, size):
            return bytes([code]) + _little(number, size)
    raise AssertionError(number)


def zipmap(pairs: Mapping[bytes, bytes]) -> bytes:
    """A whole zipmap; after each value as many unused bytes as its length is odd."""
    body = b""
    for field, value in pairs.items():
        unused = len(value) % 2
        body += _zipmap_length(field) + field + _zipmap_length(value) + bytes([unused]) + value
        body += b"?" * unused
    return bytes([min(len(pairs), 254)]) + body + b"\xff"


def _zipmap_length(text: bytes) -> bytes:
    return bytes([len(text)]) if len(text) < 254 else b"\xfe" + struct.pack("<I", len(text))


def intset(numbers: Iterable[int]) -> bytes:
    """A whole intset, as wide as its widest number."""
    ordered = sorted(numbers)
    size = next(size for size in (2, 4, 8) if all(_fits(number, size) for number in ordered))
    return struct.pack("<II", size, len(ordered)) + b"".join(
        struct.pack(_FORMS[size], number) for number in ordered)


# ---- values ----

def lists(items: Sequence[bytes], per_node: int = 3) -> List[bytes]:
    """A list in every form, several nodes where there are nodes."""
    parts = [items[at:at + per_node] for at in range(0, len(items), per_node)]
    count = encode_length(len(parts))
    return [
        b"\x01" + _strings(items), b"\x0a" + string(ziplist(items)),
        b"\x0e" + count + b"".join(string(ziplist(part)) for part in parts),
        b"\x12" + count + b"".join(b"\x02" + string(listpack(part)) for part in parts),
        b"\x12" + encode_length(len(items)) + b"".join(
            b"\x01" + string(item) if item else b"\x02" + string(listpack([item]))
            for item in items)]


def sets(members: Sequence[bytes]) -> List[bytes]:
    """A set in every form that may hold these members."""
    numbers = [as_number(member) for member in members]
    packed = [b"\x0b" + string(intset(numbers))] if None not in numbers else []
    return [b"\x02" + _strings(members), b"\x14" + string(listpack(members)), *packed]


def hashes(pairs: Mapping[bytes, bytes]) -> List[bytes]:
    """A hash in every form without times."""
    flat = [text for pair in pairs.items() for text in pair]
    return [b"\x04" + encode_length(len(pairs)) + b"".join(map(string, flat)),
            b"\x09" + string(zipmap(pairs)), b"\x0d" + string(ziplist(flat)),
            b"\x10" + string(listpack(flat))]


def hashes_with_times(pairs: Mapping[bytes, Tuple[bytes, int]]) -> List[bytes]:
    """A hash whose fields have due times in ms, 0 for none, in both forms."""
    first = min(due for _, due in pairs.values() if due)
    ordered = sorted(pairs.items(), key=lambda item: item[1][1] or 1 << 62)
    triples = [part for field, (value, due) in ordered for part in (field, value, due)]
    return [
        b"\x18" + struct.pack("<Q", first) + encode_length(len(pairs)) + b"".join(
            encode_length(due - first + 1 if due else 0) + string(field) + string(value)
            for field, (value, due) in pairs.items()),
        b"\x19" + struct.pack("<Q", first) + string(listpack(triples))]


def sorted_sets(scores: Mapping[bytes, float]) -> List[bytes]:
    """A sorted set in every form."""
    ordered = sorted(scores.items(), key=lambda item: (item[1], item[0]))
    flat = [part for member, score in ordered for part in (member, _score(score))]
    return [
        b"\x03" + encode_length(len(scores)) + b"".join(
            string(member) + _text_score(score) for member, score in ordered),
        b"\x05" + encode_length(len(scores)) + b"".join(
            string(member) + struct.pack("<d", score) for member, score in reversed(ordered)),
        b"\x0c" + string(ziplist(flat)), b"\x11" + string(listpack(flat))]


def _score(score: float) -> bytes:
    return b"%d" % score if score == int(score) else repr(score).encode()


def _text_score(score: float) -> bytes:
    text = repr(score).encode()
    return bytes([len(text)]) + text


def _strings(values: Sequence[bytes]) -> bytes:
    return encode_length(len(values)) + b"".join(map(string, values))


# ---- streams ----

def stream_node(entries: Sequence[Entry], deleted: Sequence[int] = ()) -> bytes:
    """Key and listpack of one node; `deleted` are the places of entries that are marked so."""
    first = entries[0][0]
    names = [field for field, _ in entries[0][1]]
    elements: List[Element] = [
        len(entries) - len(deleted), len(deleted), len(names), *names, 0]
    for at, ((time_ms, number), fields) in enumerate(entries):
        same = [field for field, _ in fields] == names
        values = [value for _, value in fields] if same else [
            len(fields), *(part for pair in fields for part in pair)]
        elements += [(2 if same else 0) | (1 if at in deleted else 0), time_ms - first[0],
                     number - first[1], *values]
        elements.append(len(values) + 3)
    return string(struct.pack(">QQ", *first)) + string(listpack(elements))


def stream(kind: int, nodes: Sequence[bytes], length: int, last: StreamId, *,
           groups: Sequence[bytes] = (), first: StreamId = (0, 0), deleted: StreamId = (0, 0),
           added: int = 0) -> bytes:
    """A stream of type 15, 19 or 21 from its nodes and groups."""
    counters = [*first, *deleted, added] if kind >= 19 else []
    return (bytes([kind]) + encode_length(len(nodes)) + b"".join(nodes)
            + b"".join(map(encode_length, (length, *last, *counters)))
            + encode_length(len(groups)) + b"".join(groups))


def stream_group(kind: int, name: bytes, last: StreamId,
                 pending: Mapping[bytes, Sequence[StreamId]], read: int = 0) -> bytes:
    """A consumer group: the entries that each consumer has not acknowledged."""
    ids = sorted(entry for owned in pending.values() for entry in owned)
    body = string(name) + b"".join(map(encode_length, last))
    if kind >= 19:
        body += encode_length(read)
    body += encode_length(len(ids)) + b"".join(
        struct.pack(">QQ", *entry) + struct.pack("<Q", 1_700_000_000_000) + encode_length(1)
        for entry in ids)
    body += encode_length(len(pending))
    for consumer, owned in pending.items():
        body += string(consumer) + struct.pack("<Q", 1_700_000_000_000) * (2 if kind >= 21 else 1)
        body += encode_length(len(owned))
        body += b"".join(struct.pack(">QQ", *entry) for entry in owned)
    return body


def streams() -> List[bytes]:
    """One stream of two nodes, a group and two consumers, in every form."""
    entries: List[Entry] = [((1000 + at, at % 3), [(b"f", b"%d" % at), (b"g", b"text %d" % at)])
                            for at in range(5)]
    entries[3] = ((1003, 0), [(b"other", b"x" * 100)])
    found = []
    for kind in (15, 19, 21):
        nodes = [stream_node(entries[:4], deleted=(1,)), stream_node(entries[4:])]
        group = stream_group(kind, b"g1", (1003, 0), {b"c1": [(1000, 0), (1003, 0)],
                                                      b"c2": [(1002, 2)]}, read=3)
        found.append(stream(kind, nodes, 4, (1004, 1), groups=[group], first=(1000, 0),
                            deleted=(1001, 1), added=5))
    return found
