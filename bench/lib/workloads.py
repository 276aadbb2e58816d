"""What compare.py measures: a table of tests, the data each needs, and how it is loaded.

    test     -> arguments of redis-benchmark (its own test where it has one, else a command with
                __rand_int__, which it replaces by a 12-digit number below -r)
    dataset  -> what lies in the server when the test starts

A dataset that a test uses up or grows (LPOP, LPUSH, SPOP) is `fresh`: it is made again before
every measurement, so that all rounds and all servers meet the same state. The others are
loaded once and stay, since their tests overwrite equal values.

Pops never run empty. LPOP and RPOP begin with 100,000 items more than there are requests. SPOP and
ZPOPMIN begin with a million members, and `most_requests` ends a measurement after half of them:
what is measured is a pop from a big collection, not from one that shrinks to nothing. (More
requests, by --requests, load twice as many members.)

SADD, HSET and ZADD meet members that are there already: what a lookup in a million costs, with a
new score for ZADD. Their rows `_new` begin with nothing and grow.

A new row is a line in TESTS and, if its data is new, one function in DATASETS.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from .wire import Connection, encode, load

KEYS = 1_000_000
VALUE_BYTES = 32
VALUE = b"x" * VALUE_BYTES
SEED = 20_240_607
MEMBERS_PER_REQUEST = 100
LIST_MARGIN = 100_000


@dataclass(frozen=True)
class Test:
    """One row: its name, redis-benchmark's arguments, its dataset, targets.json's group."""

    name: str
    arguments: tuple[str, ...]
    dataset: str
    fresh: bool = False
    elements: int = 1  # the elements that one request carries, for the reader of the table
    most_requests: int = 0  # of one measurement; 0: as many as last the time asked for


def own(name: str, dataset: str, *, fresh: bool = False, elements: int = 1,
        test: str | None = None, most_requests: int = 0) -> Test:
    """A row for a test that redis-benchmark has itself."""
    return Test(name, ("-t", test or name), dataset, fresh, elements, most_requests)


def command(name: str, text: str, dataset: str, *, fresh: bool = False,
            elements: int = 1) -> Test:
    """A row for a command line with __rand_int__."""
    return Test(name, tuple(text.split()), dataset, fresh, elements)


TESTS: dict[str, Test] = {test.name: test for test in (
    own("ping", "strings", test="ping_mbulk"),
    own("ping_inline", "strings"),
    own("set", "strings"),
    own("get", "strings"),
    own("incr", "counters"),
    own("mset", "strings", elements=10),
    command("mget", "MGET" + " key:__rand_int__" * 100, "strings", elements=100),
    command("mget_10", "MGET" + " key:__rand_int__" * 10, "strings", elements=10),
    command("get_missing", "GET none:__rand_int__", "strings"),
    command("exists", "EXISTS key:__rand_int__", "strings"),
    command("strlen", "STRLEN key:__rand_int__", "strings"),
    command("set_ttl", f"SET key:__rand_int__ {VALUE.decode()} EX 3600", "volatile"),
    command("expire", "EXPIRE key:__rand_int__ 3600", "volatile"),
    own("lpush", "empty", fresh=True),
    own("rpush", "empty", fresh=True),
    own("lpop", "long_list", fresh=True),
    own("rpop", "long_list", fresh=True),
    own("sadd", "set"),
    own("sadd_new", "empty", fresh=True, test="sadd"),
    command("sismember", "SISMEMBER myset element:__rand_int__", "set"),
    own("spop", "big_set", fresh=True, most_requests=KEYS // 2),
    own("hset", "hash"),
    own("hset_new", "empty", fresh=True, test="hset"),
    command("hget", "HGET myhash element:__rand_int__", "hash"),
    own("zadd", "sorted_set"),
    command("zrank", "ZRANK myzset element:__rand_int__", "sorted_set"),
    command("zincrby", "ZINCRBY myzset 1 element:__rand_int__", "sorted_set"),
    command("zscore", "ZSCORE myzset element:__rand_int__", "sorted_set"),
    own("zadd_new", "empty", fresh=True, test="zadd"),
    own("zpopmin", "big_sorted_set", fresh=True, most_requests=KEYS // 2),
    command("lrange_100", "LRANGE mylist 0 99", "list", elements=100),
    command("xadd", f"XADD mystream * myfield {VALUE.decode()}", "empty", fresh=True),
)}
GROUPS: dict[str, tuple[str, ...]] = {
    "strings": ("ping", "set", "get", "incr", "mset", "mget"),
    "lists": ("lpush", "rpush", "lpop", "rpop", "lrange_100"),
    "sets": ("sadd", "sadd_new", "sismember", "spop"),
    "hashes": ("hset", "hset_new", "hget"),
    "sorted_sets": ("zadd", "zadd_new", "zrank", "zincrby", "zscore", "zpopmin"),
    "streams": ("xadd",),
}


def key_order(count: int, sequential: bool = False) -> Iterable[int]:
    """Numbers below count, shuffled the same way in every run unless sequential."""
    if sequential:
        return range(count)
    numbers = list(range(count))
    random.Random(SEED).shuffle(numbers)
    return numbers


def set_requests(numbers: Iterable[int]) -> Iterator[bytes]:
    """SET of redis-benchmark's own keys, key: and 12 digits, to 32-byte values."""
    head, tail = b"*3\r\n$3\r\nSET\r\n$16\r\nkey:", b"\r\n$%d\r\n%b\r\n" % (len(VALUE), VALUE)
    for number in numbers:
        yield b"%b%012d%b" % (head, number, tail)


def variadic(name: str, key: str, items: Iterable[tuple[bytes, ...]]) -> Iterator[bytes]:
    """Requests of one command with up to 100 items each, such as SADD of 100 members."""
    batch: list[bytes] = []
    held = 0
    for item in items:
        batch.extend(item)
        held += 1
        if held == MEMBERS_PER_REQUEST:
            yield encode((name, key, *batch))
            batch, held = [], 0
    if batch:
        yield encode((name, key, *batch))


def element(number: int) -> bytes:
    """Member as redis-benchmark names it: 20 bytes."""
    return b"element:%012d" % number


def _empty(connection: Connection, need: int) -> None:
    """Nothing but the flushed server."""


def _strings(connection: Connection, need: int) -> None:
    load(connection, set_requests(key_order(KEYS)))


def _volatile(connection: Connection, need: int) -> None:
    load(connection, (encode(("SET", b"key:%012d" % n, VALUE, "EX", 3600))
                      for n in key_order(KEYS)))


def _counters(connection: Connection, need: int) -> None:
    load(connection, (encode(("SET", b"counter:%012d" % n, n)) for n in key_order(KEYS)))


def _list(connection: Connection, need: int) -> None:
    load(connection, variadic("RPUSH", "mylist", ((VALUE,) for _ in range(100_000))))


def _long_list(connection: Connection, need: int) -> None:
    load(connection, variadic("RPUSH", "mylist", ((VALUE,) for _ in range(need + LIST_MARGIN))))


def _set_of(connection: Connection, count: int) -> None:
    load(connection, variadic("SADD", "myset", ((element(n),) for n in key_order(count))))


def _hash(connection: Connection, need: int) -> None:
    load(connection, variadic("HSET", "myhash", ((element(n), VALUE) for n in key_order(KEYS))))


def _sorted_set_of(connection: Connection, count: int) -> None:
    scores = random.Random(SEED)
    load(connection, variadic("ZADD", "myzset", (
        (b"%d" % scores.randrange(KEYS), element(n)) for n in key_order(count))))


DATASETS: dict[str, Callable[[Connection, int], None]] = {
    "empty": _empty,
    "strings": _strings,
    "volatile": _volatile,
    "counters": _counters,
    "list": _list,
    "long_list": _long_list,
    "set": lambda connection, need: _set_of(connection, KEYS),
    "big_set": lambda connection, need: _set_of(connection, max(KEYS, 2 * need)),
    "hash": _hash,
    "sorted_set": lambda connection, need: _sorted_set_of(connection, KEYS),
    "big_sorted_set": lambda connection, need: _sorted_set_of(connection, max(KEYS, 2 * need)),
}


def prepare(connection: Connection, dataset: str, need: int) -> None:
    """Empty the server and load a dataset; need: elements that the test will use up.

    SYNC, because some servers otherwise free in a thread whose CPU the measurement would count.
    """
    connection.call("FLUSHALL", "SYNC")
    DATASETS[dataset](connection, need)


def choose(names: str) -> list[Test]:
    """Tests of a comma-separated list of groups and tests, or all, each once.

    Raises ValueError for an unknown name.
    """
    if names == "all":
        return list(TESTS.values())
    words = [name.strip().lower() for name in names.split(",") if name.strip()]
    wanted = [name for word in words for name in GROUPS.get(word, (word,))]
    unknown = [name for name in wanted if name not in TESTS]
    if unknown or not wanted:
        raise ValueError(f"unknown tests: {', '.join(unknown) or 'none given'}; "
                         f"there are: {', '.join((*GROUPS, *TESTS))}")
    return [TESTS[name] for name in dict.fromkeys(wanted)]
