"""The C structures through their Python classes: what an operation and an element cost.

    python -m pytest bench/bench_structures.py --benchmark-only
    FASTREDIS_BENCH_KEYS=1000000 python -m pytest bench/bench_structures.py --benchmark-only

Each round works on a batch of 1,000 keys drawn at random, so that the memory of a large table is
not in the caches; the figures are per batch, and `extra_info` holds the bytes an element. The part
of Python (a call, a bytes object) is the same in every row: a dict stands beside as a measure.
"""

from __future__ import annotations

import os
import random
from itertools import cycle

import pytest

structures = pytest.importorskip("fastredis.structures")

KEY_COUNT = int(os.environ.get("FASTREDIS_BENCH_KEYS", "100000"))
BATCH = 1000
BATCHES = 50
START_MS = 1_700_000_000_000


def key_of(number: int) -> bytes:
    return b"key:%012d" % number


@pytest.fixture(scope="module")
def keys() -> list[bytes]:
    """The keys in random order."""
    made = [key_of(number) for number in range(KEY_COUNT)]
    random.Random(1).shuffle(made)
    return made


@pytest.fixture(scope="module")
def batches(keys: list[bytes]):
    """Endless batches of copies of keys: a lookup meets no object that it has just seen."""
    draw = random.Random(2)
    return cycle([[bytes(bytearray(key)) for key in draw.choices(keys, k=BATCH)]
                  for _ in range(BATCHES)])


@pytest.fixture(scope="module")
def absent():
    draw = random.Random(3)
    return cycle([[b"absent:%09d" % draw.randrange(10**9) for _ in range(BATCH)]
                  for _ in range(BATCHES)])


def table_of(kind: str, keys: list[bytes]):
    table = structures.HashTable() if kind == "HashTable" else {}
    for key in keys:
        table[key] = None
    return table


@pytest.fixture(scope="module", params=["HashTable", "dict"])
def table(request: pytest.FixtureRequest, keys: list[bytes]):
    return table_of(request.param, keys)


def bench_batches(benchmark, batches, work) -> None:
    benchmark.extra_info["operations"] = BATCH
    benchmark.pedantic(work, setup=lambda: ((next(batches),), {}), rounds=100, warmup_rounds=5)


@pytest.mark.benchmark(group="hash table: 1,000 hits")
def test_get_hit(benchmark, table, batches):
    def work(batch: list[bytes]) -> None:
        get = table.get
        for key in batch:
            get(key)

    bench_batches(benchmark, batches, work)


@pytest.mark.benchmark(group="hash table: 1,000 misses")
def test_get_miss(benchmark, table, absent):
    def work(batch: list[bytes]) -> None:
        get = table.get
        for key in batch:
            get(key)

    bench_batches(benchmark, absent, work)


@pytest.mark.benchmark(group="hash table: 1,000 overwrites")
def test_overwrite(benchmark, table, batches):
    def work(batch: list[bytes]) -> None:
        for key in batch:
            table[key] = None

    bench_batches(benchmark, batches, work)


@pytest.mark.benchmark(group="hash table: 1,000 new keys, then gone")
def test_insert_and_delete(benchmark, table, absent):
    def work(batch: list[bytes]) -> None:
        for key in batch:
            table[key] = None
        for key in set(batch):
            del table[key]

    bench_batches(benchmark, absent, work)


@pytest.mark.benchmark(group="hash table: growth from nothing")
@pytest.mark.parametrize("kind", ["HashTable", "dict"])
def test_growth(benchmark, kind, keys):
    table = benchmark.pedantic(table_of, args=(kind, keys), rounds=3)
    benchmark.extra_info["elements"] = len(table)
    if kind == "HashTable":
        stats = table.stats()
        benchmark.extra_info["table_bytes_an_element"] = stats["table_bytes"] / stats["keys"]
        benchmark.extra_info["key_bytes_an_element"] = stats["key_bytes"] / stats["keys"]


@pytest.mark.benchmark(group="hash table: a whole scan")
def test_scan(benchmark, keys):
    table = table_of("HashTable", keys)

    def work() -> int:
        cursor, met = table.scan()
        count = len(met)
        while cursor:
            cursor, met = table.scan(cursor)
            count += len(met)
        return count

    assert benchmark.pedantic(work, rounds=3) == KEY_COUNT


@pytest.mark.benchmark(group="hash table: 1,000 random keys")
def test_random(benchmark, keys):
    table = table_of("HashTable", keys)

    def work() -> None:
        for _ in range(BATCH):
            table.random()

    benchmark.pedantic(work, rounds=50, warmup_rounds=2)


@pytest.fixture(scope="module")
def heap(keys: list[bytes]):
    """All keys, due at random within a day."""
    made, draw = structures.ExpiryHeap(), random.Random(4)
    for key in keys:
        made.add(key, START_MS + draw.randrange(86_400_000))
    return made


@pytest.mark.benchmark(group="expiry heap: 1,000 new due times")
def test_heap_update(benchmark, heap, batches):
    draw = random.Random(5)
    dues = [START_MS + draw.randrange(86_400_000) for _ in range(BATCH)]

    def work(batch: list[bytes]) -> None:
        update = heap.update
        for key, due_ms in zip(batch, dues):
            update(key, due_ms)

    bench_batches(benchmark, batches, work)
    stats = heap.stats()
    benchmark.extra_info["heap_bytes_an_element"] = stats["heap_bytes"] / stats["keys"]


@pytest.mark.benchmark(group="expiry heap: 1,000 added, 1,000 popped")
def test_heap_add_and_pop(benchmark, heap, absent):
    def work(batch: list[bytes]) -> None:
        for number, key in enumerate(set(batch)):
            heap.add(key, number)
        heap.pop_due(BATCH)

    bench_batches(benchmark, absent, work)


@pytest.fixture(scope="module")
def skip_list(keys: list[bytes]):
    """All keys with scores at random."""
    made, draw = structures.SkipList(), random.Random(6)
    for key in keys:
        made.add(key, draw.randrange(KEY_COUNT))
    return made


@pytest.mark.benchmark(group="skip list: 1,000 ranks")
def test_skip_list_rank(benchmark, skip_list, batches):
    def work(batch: list[bytes]) -> None:
        rank = skip_list.rank
        for key in batch:
            rank(key)

    bench_batches(benchmark, batches, work)
    stats = skip_list.stats()
    benchmark.extra_info["bytes_a_member"] = stats["bytes"] / stats["members"]


@pytest.mark.benchmark(group="skip list: 1,000 scores a little higher")
def test_skip_list_increment(benchmark, skip_list, batches):
    def work(batch: list[bytes]) -> None:
        for key in batch:
            skip_list.add(key, skip_list.score(key) + 1)

    bench_batches(benchmark, batches, work)


@pytest.mark.benchmark(group="skip list: 1,000 new scores")
def test_skip_list_new_score(benchmark, skip_list, batches):
    draw = random.Random(7)
    scores = [draw.randrange(KEY_COUNT) for _ in range(BATCH)]

    def work(batch: list[bytes]) -> None:
        add = skip_list.add
        for key, score in zip(batch, scores):
            add(key, score)

    bench_batches(benchmark, batches, work)


@pytest.mark.benchmark(group="skip list: 1,000 added, the 1,000 lowest removed")
def test_skip_list_add_and_pop(benchmark, skip_list, absent):
    def work(batch: list[bytes]) -> None:
        for number, key in enumerate(set(batch)):
            skip_list.add(key, -number)
        skip_list.remove_range(0, len(set(batch)))

    bench_batches(benchmark, absent, work)
