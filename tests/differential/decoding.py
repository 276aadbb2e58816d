"""What a payload of DUMP holds, whatever its form: reads what encodings.py describes.

    value_of(body) -> ("list", [b"a", ...])                 ("string", b"...")
                      ("set", frozenset of members)         ("zset", {member: score})
                      ("hash", {field: (value, due in ms or 0)})
                      ("stream", {"entries": [...], "last": ..., "groups": {...}, counters})

Two servers may pack one value differently, order a table differently, and note different times at
which a consumer was seen: what is left here is what has to be equal. Only forms that a server of
today writes are read. Malformed bytes raise PayloadError.
"""

from __future__ import annotations

import struct
from typing import Any, Callable, Dict, List, Tuple

from .encodings import back_length
from .payload import TYPE_STRING, PayloadError, decode, decode_length, lzf_decompress

StreamId = Tuple[int, int]
_NUMBERS = {0xC0: 1, 0xC1: 2, 0xC2: 4}
_LISTPACK_NUMBERS = {0xF1: 2, 0xF2: 3, 0xF3: 4, 0xF4: 8}


class Cursor:
    """Reads a body from the front."""

    def __init__(self, body: bytes, at: int = 0) -> None:
        self._body = body
        self.at = at

    def bytes(self, count: int) -> bytes:
        """The next bytes."""
        data = self._body[self.at:self.at + count]
        if len(data) != count:
            raise PayloadError(f"{count} bytes at {self.at} of {len(self._body)}")
        self.at += count
        return data

    def length(self) -> int:
        """A length or number."""
        try:
            value, self.at = decode_length(self._body, self.at)
        except (IndexError, struct.error) as error:
            raise PayloadError(f"length at {self.at}") from error
        return value

    def string(self) -> bytes:
        """A string, compressed or a number or neither."""
        code = self._body[self.at] if self.at < len(self._body) else 0
        if code in _NUMBERS:
            self.at += 1
            return b"%d" % int.from_bytes(self.bytes(_NUMBERS[code]), "little", signed=True)
        if code != 0xC3:
            return self.bytes(self.length())
        self.at += 1
        packed, whole = self.length(), self.length()
        value = lzf_decompress(self.bytes(packed))
        if len(value) != whole:
            raise PayloadError("compressed string of a wrong length")
        return value

    def strings(self, each: int = 1) -> List[bytes]:
        """A count and as many strings, or `each` times as many."""
        return [self.string() for _ in range(self.length() * each)]

    def number(self, form: str) -> Any:
        """A number of a fixed size, as struct names it."""
        return struct.unpack(form, self.bytes(struct.calcsize(form)))[0]

    def stream_id(self) -> StreamId:
        """Sixteen bytes, the high ones first."""
        return struct.unpack(">QQ", self.bytes(16))

    def pair(self) -> StreamId:
        """An ID as two lengths."""
        return self.length(), self.length()

    def finish(self) -> None:
        """Fails unless everything was read."""
        if self.at != len(self._body):
            raise PayloadError(f"{len(self._body) - self.at} bytes behind the value")


def listpack_elements(blob: bytes) -> List[bytes]:
    """The elements of a listpack as texts; lengths, back lengths and end are checked."""
    if len(blob) < 7 or struct.unpack("<I", blob[:4])[0] != len(blob) or blob[-1] != 0xFF:
        raise PayloadError("header or end of a listpack")
    elements, cursor = [], Cursor(blob[:-1], 6)
    while cursor.at < len(blob) - 1:
        begin = cursor.at
        elements.append(_listpack_element(cursor))
        if not blob.startswith(back_length(cursor.at - begin), cursor.at):
            raise PayloadError(f"back length at {cursor.at} of {len(blob)}")
        cursor.bytes(len(back_length(cursor.at - begin)))
    count = struct.unpack("<H", blob[4:6])[0]
    if count != 65535 and count != len(elements):
        raise PayloadError(f"{len(elements)} elements, {count} counted")
    return elements


def _listpack_element(cursor: Cursor) -> bytes:
    code = cursor.bytes(1)[0]
    if code < 0x80:
        return b"%d" % code
    if code < 0xC0:
        return cursor.bytes(code & 63)
    if code < 0xE0:
        number = (code & 31) << 8 | cursor.bytes(1)[0]
        return b"%d" % (number - 8192 if number >= 4096 else number)
    if code < 0xF0:
        return cursor.bytes((code & 15) << 8 | cursor.bytes(1)[0])
    if code == 0xF0:
        return cursor.bytes(cursor.number("<I"))
    if code not in _LISTPACK_NUMBERS:
        raise PayloadError(f"element {code:#x} of a listpack")
    return b"%d" % int.from_bytes(cursor.bytes(_LISTPACK_NUMBERS[code]), "little", signed=True)


def _pairs(flat: List[bytes]) -> Dict[bytes, bytes]:
    if len(flat) % 2 or len(set(flat[::2])) * 2 != len(flat):
        raise PayloadError("pairs without values, or twice")
    return dict(zip(flat[::2], flat[1::2]))


def _members(found: List[bytes]) -> Tuple[str, frozenset]:
    if len(set(found)) != len(found):
        raise PayloadError("a member twice")
    return "set", frozenset(found)


def _intset(cursor: Cursor) -> Tuple[str, frozenset]:
    blob = Cursor(cursor.string())
    size, count = blob.number("<I"), blob.number("<I")
    numbers = [int.from_bytes(blob.bytes(size), "little", signed=True) for _ in range(count)]
    blob.finish()
    if sorted(numbers) != numbers:
        raise PayloadError("an intset out of order")
    return _members([b"%d" % number for number in numbers])


def _quicklist(cursor: Cursor) -> Tuple[str, List[bytes]]:
    items: List[bytes] = []
    for _ in range(cursor.length()):
        container, blob = cursor.length(), cursor.string()
        items += [blob] if container == 1 else listpack_elements(blob)
    return "list", items


def _hash(flat: List[bytes]) -> Tuple[str, Dict[bytes, Tuple[bytes, int]]]:
    return "hash", {field: (value, 0) for field, value in _pairs(flat).items()}


def _hash_with_times(cursor: Cursor) -> Tuple[str, Dict[bytes, Tuple[bytes, int]]]:
    first, found = cursor.number("<Q"), {}
    for _ in range(cursor.length()):
        late, field, value = cursor.length(), cursor.string(), cursor.string()
        found[field] = value, first + late - 1 if late else 0
    return "hash", found


def _hash_of_triples(cursor: Cursor) -> Tuple[str, Dict[bytes, Tuple[bytes, int]]]:
    cursor.number("<Q")
    flat = listpack_elements(cursor.string())
    return "hash", {field: (value, int(due))
                    for field, value, due in zip(flat[::3], flat[1::3], flat[2::3])}


def _scores(cursor: Cursor) -> Tuple[str, Dict[bytes, float]]:
    return "zset", {cursor.string(): cursor.number("<d") for _ in range(cursor.length())}


def _stream(cursor: Cursor, kind: int) -> Tuple[str, Dict[str, Any]]:
    entries: List[Tuple[StreamId, List[bytes]]] = []
    for _ in range(cursor.length()):
        first = struct.unpack(">QQ", cursor.string())
        entries += _stream_entries(first, listpack_elements(cursor.string()))
    found: Dict[str, Any] = {"entries": entries, "length": cursor.length(),
                             "last": cursor.pair()}
    if kind >= 19:
        found.update(first=cursor.pair(), deleted=cursor.pair(), added=cursor.length())
    found["groups"] = {cursor.string(): _stream_group(cursor, kind)
                       for _ in range(cursor.length())}
    if found["length"] != len(entries):
        raise PayloadError(f"{len(entries)} entries, {found['length']} counted")
    return "stream", found


def _stream_entries(first: StreamId, elements: List[bytes]
                    ) -> List[Tuple[StreamId, List[bytes]]]:
    width = int(elements[2])
    names, at, found = elements[3:3 + width], 4 + width, []
    while at < len(elements):
        flags = int(elements[at])
        entry = first[0] + int(elements[at + 1]), first[1] + int(elements[at + 2])
        if flags & 2:
            values = elements[at + 3:at + 3 + width]
            fields = [part for pair in zip(names, values) for part in pair]
            at += 3 + width + 1
        else:
            count = int(elements[at + 3])
            fields = elements[at + 4:at + 4 + 2 * count]
            at += 4 + 2 * count + 1
        if not flags & 1:
            found.append((entry, fields))
    return found


def _stream_group(cursor: Cursor, kind: int) -> Dict[str, Any]:
    last = cursor.pair()
    read = cursor.length() if kind >= 19 else None
    pending = {}
    for _ in range(cursor.length()):
        entry = cursor.stream_id()
        cursor.number("<Q")
        pending[entry] = cursor.length()
    consumers = {}
    for _ in range(cursor.length()):
        name = cursor.string()
        cursor.bytes(16 if kind >= 21 else 8)
        consumers[name] = [cursor.stream_id() for _ in range(cursor.length())]
    return {"last": last, "read": read, "pending": pending, "consumers": consumers}


_READERS: Dict[int, Callable[[Cursor], Tuple[str, Any]]] = {
    0: lambda cursor: ("string", cursor.string()),
    1: lambda cursor: ("list", cursor.strings()),
    2: lambda cursor: _members(cursor.strings()),
    4: lambda cursor: _hash(cursor.strings(2)),
    5: _scores,
    11: _intset,
    15: lambda cursor: _stream(cursor, 15),
    16: lambda cursor: _hash(listpack_elements(cursor.string())),
    17: lambda cursor: ("zset", {
        member: float(score)
        for member, score in _pairs(listpack_elements(cursor.string())).items()}),
    18: _quicklist,
    19: lambda cursor: _stream(cursor, 19),
    20: lambda cursor: _members(listpack_elements(cursor.string())),
    21: lambda cursor: _stream(cursor, 21),
    24: _hash_with_times,
    25: _hash_of_triples,
}


def value_of(body: bytes) -> Tuple[str, Any]:
    """Type and value of a body; see the module."""
    if not body or body[0] not in _READERS:
        raise PayloadError(f"type {body[:1]!r}")
    cursor = Cursor(body, 1)
    try:
        found = _READERS[body[0]](cursor)
    except (IndexError, ValueError, struct.error) as error:
        raise PayloadError(f"{error!r} at {cursor.at} of {len(body)}") from error
    cursor.finish()
    return found


def value_of_payload(payload: bytes) -> Tuple[str, Any]:
    """The same for a whole payload, whose version and checksum are checked."""
    kind, value = decode(payload)
    return ("string", value) if kind == TYPE_STRING else value_of(payload[:-10])
