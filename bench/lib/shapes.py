"""What memory.py loads: a table of shapes, each a way to make so many items.

    shape -> requests for a given count of items, in a given order; the bytes of payload in an
             item; whether its replies are single lines

An item is what the count counts: a key, a field, a member. A new row is one function and one
line in SHAPES; a shape whose command a server does not know is left out for that server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from .wire import encode
from .workloads import VALUE, variadic

FIELDS_PER_SMALL_HASH = 10
TTL_S = 86_400  # nothing may expire while it is being weighed


@dataclass(frozen=True)
class Shape:
    """One row: its name (as in targets.json), what it is, its payload, its requests."""

    name: str
    title: str
    payload_bytes: int
    requests: Callable[[Iterable[int]], Iterator[bytes]]
    probe: tuple[str, ...]  # a request that fails where the shape's command is unknown
    one_line: bool = True


def key(number: int) -> bytes:
    """A 16-byte key, redis-benchmark's own."""
    return b"key:%012d" % number


def _strings(numbers: Iterable[int]) -> Iterator[bytes]:
    for number in numbers:
        yield encode(("SET", key(number), VALUE))


def _strings_ttl(numbers: Iterable[int]) -> Iterator[bytes]:
    for number in numbers:
        yield encode(("SET", key(number), VALUE, "EX", TTL_S))


def _integers(numbers: Iterable[int]) -> Iterator[bytes]:
    # Above 10,000: small integers are shared objects in some servers and would weigh nothing.
    for number in numbers:
        yield encode(("SET", key(number), 1_000_000_000 + number))


def _small_hashes(numbers: Iterable[int]) -> Iterator[bytes]:
    """A hash of 10 small fields for every tenth number: the items are the fields."""
    for number in numbers:
        if number % FIELDS_PER_SMALL_HASH == 0:
            fields = (part for i in range(FIELDS_PER_SMALL_HASH)
                      for part in (b"field%d" % i, b"v%07d" % (number % 10_000_000)))
            yield encode(("HSET", key(number), *fields))


def _big_hash(numbers: Iterable[int]) -> Iterator[bytes]:
    return variadic("HSET", "big", ((b"fld:%011d" % n, b"val:%011d" % n) for n in numbers))


def _big_set(numbers: Iterable[int]) -> Iterator[bytes]:
    return variadic("SADD", "big", ((b"mem:%012d" % n,) for n in numbers))


def _big_sorted_set(numbers: Iterable[int]) -> Iterator[bytes]:
    return variadic("ZADD", "big", ((b"%d" % n, b"mem:%012d" % n) for n in numbers))


def _big_list(numbers: Iterable[int]) -> Iterator[bytes]:
    return variadic("RPUSH", "big", ((b"it:%011d" % n,) for n in numbers))


def _big_stream(numbers: Iterable[int]) -> Iterator[bytes]:
    for number in numbers:
        yield encode(("XADD", "big", "*", "a", number % 100, "b", number % 100))


SHAPES: dict[str, Shape] = {shape.name: shape for shape in (
    Shape("string", "string, 16-byte key, 32-byte value", 48, _strings, ("SET", "p", "v")),
    Shape("string_ttl", "the same with a TTL", 56, _strings_ttl, ("SET", "p", "v", "EX", "9")),
    Shape("integer", "16-byte key, integer value", 24, _integers, ("SET", "p", "1")),
    Shape("small_hash_field", "hash of 10 small fields, a field", 14, _small_hashes,
          ("HSET", "p", "f", "v")),
    Shape("big_hash", "one hash, 15-byte field, 15-byte value", 30, _big_hash,
          ("HSET", "p", "f", "v")),
    Shape("big_set", "one set of 16-byte members", 16, _big_set, ("SADD", "p", "m")),
    Shape("big_sorted_set", "one sorted set of 16-byte members", 24, _big_sorted_set,
          ("ZADD", "p", "1", "m")),
    Shape("big_list", "one list of 14-byte items", 14, _big_list, ("RPUSH", "p", "i")),
    Shape("big_stream", "one stream, two fields", 6, _big_stream, ("XADD", "p", "*", "a", "1"),
          one_line=False),
)}


def choose(names: str) -> list[Shape]:
    """Shapes of a comma-separated list, or all. Raises ValueError for an unknown name."""
    if names == "all":
        return list(SHAPES.values())
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in SHAPES]
    if unknown or not wanted:
        raise ValueError(f"unknown shapes: {', '.join(unknown) or 'none given'}; "
                         f"there are: {', '.join(SHAPES)}")
    return [SHAPES[name] for name in dict.fromkeys(wanted)]
