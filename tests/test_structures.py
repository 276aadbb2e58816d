"""fastredis.structures against models: dicts, sorted lists, the commands that were sent."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

structures = pytest.importorskip("fastredis.structures")
ExpiryHeap, HashTable = structures.ExpiryHeap, structures.HashTable
ProtocolError, RespParser = structures.ProtocolError, structures.RespParser
SkipList = structures.SkipList

DUE_MAX = 2**48 - 1
KEYS = st.one_of(st.binary(max_size=3), st.binary(max_size=100))
SCORES = st.one_of(st.integers(-3, 3).map(float), st.floats(allow_nan=False))
DUES = st.one_of(
    st.integers(0, 20), st.integers(1_700_000_000_000, 1_700_000_000_100),
    st.integers(-(2**63), 2**63 - 1),
)


class HashTableAgainstDict(RuleBasedStateMachine):
    """The table and a dict hear the same calls."""

    def __init__(self) -> None:
        super().__init__()
        self.table = HashTable(seed=1)
        self.model: dict[bytes, object] = {}

    @rule(key=KEYS, value=st.integers())
    def set(self, key, value) -> None:
        self.table.set(key, value)
        self.model[key] = value

    @rule(prefix=KEYS, count=st.integers(1, 200))
    def set_many(self, prefix, count) -> None:
        for number in range(count):
            self.table[prefix + b"%d" % number] = number
            self.model[prefix + b"%d" % number] = number

    @rule(key=KEYS)
    def delete(self, key) -> None:
        assert self.table.delete(key) == (self.model.pop(key, self) is not self)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def delete_present(self, data) -> None:
        key = data.draw(st.sampled_from(sorted(self.model)))
        del self.table[key]
        del self.model[key]
        assert key not in self.table

    @rule()
    def delete_half(self) -> None:
        for key in list(self.model)[::2]:
            assert self.table.delete(key)
            del self.model[key]

    @rule()
    def clear(self) -> None:
        self.table.clear()
        self.model.clear()

    @rule(key=KEYS)
    def look(self, key) -> None:
        assert self.table.get(key, self) == self.model.get(key, self)
        assert (key in self.table) == (key in self.model)

    @rule()
    def walk(self) -> None:
        assert sorted(self.table) == sorted(self.model)
        cursor, met = self.table.scan()
        while cursor:
            cursor, keys = self.table.scan(cursor)
            met += keys
        assert sorted(met) == sorted(self.model)
        assert {key: self.table[key] for key in self.table} == self.model

    @rule()
    def draw(self) -> None:
        if self.model:
            assert self.table.random() in self.model
        else:
            with pytest.raises(KeyError):
                self.table.random()

    @invariant()
    def counts_agree(self) -> None:
        assert len(self.table) == self.table.stats()["keys"] == len(self.model)


class SkipListAgainstDict(RuleBasedStateMachine):
    """The list and a dict of scores hear the same calls; order is that of sorted()."""

    def __init__(self) -> None:
        super().__init__()
        self.list = SkipList(seed=1)
        self.model: dict[bytes, float] = {}

    def ordered(self) -> list[tuple[bytes, float]]:
        return sorted(self.model.items(), key=lambda pair: (pair[1], pair[0]))

    @rule(member=KEYS, score=SCORES)
    def add(self, member, score) -> None:
        assert self.list.add(member, score) == (member not in self.model)
        if self.model.get(member) != score:
            self.model[member] = score

    @rule(prefix=KEYS, count=st.integers(1, 200), score=SCORES, step=st.integers(-1, 1))
    def add_many(self, prefix, count, score, step) -> None:
        for number in range(count):
            member = prefix + b"%d" % number
            self.list.add(member, score + number * step)
            if self.model.get(member) != score + number * step:
                self.model[member] = score + number * step

    @rule(member=KEYS)
    def remove(self, member) -> None:
        assert self.list.remove(member) == (self.model.pop(member, None) is not None)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove_range(self, data) -> None:
        first = data.draw(st.integers(0, len(self.model)))
        count = data.draw(st.integers(0, 60))
        gone = self.ordered()[first:first + count]
        assert self.list.remove_range(first, count) == len(gone)
        for member, _ in gone:
            del self.model[member]

    @rule(member=KEYS)
    def look(self, member) -> None:
        ordered = self.ordered()
        if member in self.model:
            assert self.list.rank(member) == ordered.index((member, self.model[member]))
        else:
            assert self.list.rank(member) is None
        assert self.list.score(member) == self.model.get(member)
        assert (member in self.list) == (member in self.model)

    @rule(low=SCORES, high=SCORES)
    def ranges(self, low, high) -> None:
        ordered = self.ordered()
        assert list(self.list) == ordered
        assert self.list.range(2, 5) == ordered[2:7]
        assert self.list.range_by_score(low, high) == [
            pair for pair in ordered if low <= pair[1] <= high
        ]
        assert self.list.count_below(low) == sum(pair[1] < low for pair in ordered)
        assert self.list.count_below(low, or_equal=True) == sum(pair[1] <= low for pair in ordered)

    @rule()
    def clear(self) -> None:
        self.list.clear()
        self.model.clear()

    @rule()
    def draw(self) -> None:
        if self.model:
            assert self.list.random() in self.model
        else:
            with pytest.raises(KeyError):
                self.list.random()

    @invariant()
    def counts_agree(self) -> None:
        assert len(self.list) == self.list.stats()["members"] == len(self.model)


class ExpiryHeapAgainstDict(RuleBasedStateMachine):
    """The heap and a dict of due times hear the same calls."""

    def __init__(self) -> None:
        super().__init__()
        self.heap = ExpiryHeap()
        self.model: dict[bytes, int] = {}

    @rule(key=KEYS, due_ms=DUES)
    def add_or_update(self, key, due_ms) -> None:
        if key in self.model:
            with pytest.raises(ValueError, match="already"):
                self.heap.add(key, due_ms)
            self.heap.update(key, due_ms)
        else:
            with pytest.raises(KeyError):
                self.heap.update(key, due_ms)
            self.heap.add(key, due_ms)
        self.model[key] = min(max(due_ms, 0), DUE_MAX)

    @rule(key=KEYS)
    def remove(self, key) -> None:
        if self.model.pop(key, None) is None:
            with pytest.raises(KeyError):
                self.heap.remove(key)
        else:
            self.heap.remove(key)
        assert key not in self.heap

    @rule(now_ms=DUES, limit=st.one_of(st.none(), st.integers(0, 5)))
    def pop_due(self, now_ms, limit) -> None:
        taken = self.heap.pop_due(now_ms, limit)
        due = sorted(due_ms for due_ms in self.model.values() if due_ms <= now_ms)
        assert [due_ms for _, due_ms in taken] == due[:limit]
        for key, due_ms in taken:
            assert self.model.pop(key) == due_ms

    @invariant()
    def first_is_least(self) -> None:
        assert len(self.heap) == self.heap.stats()["keys"] == len(self.model)
        first = self.heap.first()
        if first is None:
            assert not self.model
        else:
            assert first[1] == min(self.model.values()) == self.model[first[0]]
            assert self.heap.due(first[0]) == first[1]


@pytest.fixture
def used_before() -> int:
    """Bytes allocated when the test begins, without what earlier tests have left to collect."""
    gc.collect()
    return structures.allocated_bytes()


TestHashTableAgainstDict = HashTableAgainstDict.TestCase
TestExpiryHeapAgainstDict = ExpiryHeapAgainstDict.TestCase
TestSkipListAgainstDict = SkipListAgainstDict.TestCase
for case in (TestHashTableAgainstDict, TestExpiryHeapAgainstDict, TestSkipListAgainstDict):
    case.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


# ---- the hash table ----


def test_table_grows_and_shrinks_and_counts_its_bytes(used_before):
    table = HashTable()
    empty = table.stats()
    for number in range(50_000):
        table[b"key:%d" % number] = number
    full = table.stats()
    assert full["buckets"] > 6000
    assert full["key_bytes"] >= 50_000 * 16
    assert structures.allocated_bytes() - used_before == full["table_bytes"] + full["key_bytes"]
    for number in range(50_000):
        assert table.delete(b"key:%d" % number)
    assert table.stats()["table_bytes"] <= empty["table_bytes"] + 1024
    assert table.stats()["key_bytes"] == 0
    del table
    assert structures.allocated_bytes() == used_before


def test_scan_returns_what_stays_while_the_table_changes():
    table = HashTable()
    for number in range(3000):
        table[b"stays:%d" % number] = None
    met: set[bytes] = set()
    cursor, keys = table.scan()
    step = 0
    while cursor:
        met.update(keys)
        for number in range(40):
            if step % 400 < 200:
                table[b"passing:%d:%d" % (step, number)] = None
            else:
                table.delete(b"passing:%d:%d" % (step - 200, number))
        step += 1
        cursor, keys = table.scan(cursor)
    met.update(keys)
    assert met >= {b"stays:%d" % number for number in range(3000)}


def test_the_same_seed_draws_the_same_keys():
    first, second = HashTable(seed=7), HashTable(seed=7)
    for number in range(100):
        first[b"%d" % number] = second[b"%d" % number] = number
    drawn = [first.random() for _ in range(50)]
    assert drawn == [second.random() for _ in range(50)]
    assert len(set(drawn)) > 10
    assert first.keys() == second.keys()


def test_values_are_let_go_when_replaced_deleted_or_cleared():
    class Value:
        pass

    table = HashTable()
    values = [Value() for _ in range(4)]
    alive = [weakref.ref(value) for value in values]
    for key, value in zip((b"replaced", b"deleted", b"cleared", b"kept"), values):
        table[key] = value
    del values, value
    table[b"replaced"] = None
    assert alive[0]() is None
    table.delete(b"deleted")
    assert alive[1]() is None
    table.clear()
    assert alive[2]() is None and alive[3]() is None


def test_a_table_in_a_cycle_is_collected(used_before):
    class Value:
        pass

    table, value = HashTable(), Value()
    value.table = table
    table[b"itself"] = table
    table[b"value"] = value
    alive = weakref.ref(value)
    del table, value
    gc.collect()
    assert alive() is None
    assert structures.allocated_bytes() == used_before


def test_a_finalizer_may_use_the_table_that_lets_its_object_go():
    table = HashTable()

    class Late:
        def __del__(self) -> None:
            for number in range(100):
                table[b"late:%d" % number] = number
            table.delete(b"late:5")

    table[b"a"] = Late()
    table[b"a"] = 1
    assert len(table) == 100 and table[b"late:99"] == 99
    table[b"b"] = Late()
    table.delete(b"b")
    table[b"c"] = Late()
    table.clear()
    assert b"late:7" in table and b"c" not in table
    assert len(table) == 99


def test_only_bytes_are_keys():
    table, heap = HashTable(), ExpiryHeap()
    for key in ("text", None, 1, bytearray(b"x")):
        for call in (table.get, table.delete, table.__getitem__, table.__contains__,
                     lambda key: table.set(key, 1), lambda key: heap.add(key, 1), heap.remove):
            with pytest.raises(TypeError):
                call(key)
    with pytest.raises(KeyError):
        table[b"absent"]
    with pytest.raises(KeyError):
        del table[b"absent"]


def test_threads_may_share_a_table():
    table = HashTable()

    def work(name: bytes) -> None:
        for number in range(5000):
            table[name + b"%d" % number] = number
            table.get(b"0:%d" % number)
            if number % 3 == 0:
                table.delete(name + b"%d" % number)

    threads = [threading.Thread(target=work, args=(b"%d:" % index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(table) == 4 * (5000 - 1667)
    assert all(table[key] == int(key.partition(b":")[2]) for key in table)


# ---- the skip list ----


def test_a_skip_list_counts_its_bytes_and_gives_them_back(used_before):
    members = SkipList()
    for number in range(50_000):
        members.add(b"member:%d" % number, number * 7919 % 50_000)
    members.add(b"long" * 1000, 1.5)
    stats = members.stats()
    assert stats["bytes"] == structures.allocated_bytes() - used_before
    assert stats["levels"] >= 2 and stats["inner_nodes"] < stats["leaves"] / 20
    assert members.remove_range(0, 60_000) == 50_001
    assert members.stats()["leaves"] == 1 and members.stats()["levels"] == 0
    members.clear()
    del members
    assert structures.allocated_bytes() == used_before


@pytest.mark.memory_bound
def test_a_member_of_a_skip_list_takes_less_than_48_bytes():
    """Builds for address checkers take twice the room of a leaf, to align it."""
    members = SkipList()
    for number in range(50_000):
        members.add(b"member:%d" % number, number * 7919 % 50_000)
    assert members.stats()["bytes"] < 50_000 * 48


def test_a_skip_list_takes_every_float_but_nan():
    members = SkipList()
    members.add(b"zero", -0.0)
    assert not members.add(b"zero", 0.0)
    assert str(members.score(b"zero")) == "-0.0"
    members.add(b"high", float("inf"))
    members.add(b"low", float("-inf"))
    assert [member for member, _ in members] == [b"low", b"zero", b"high"]
    for call in (lambda: members.add(b"x", float("nan")), lambda: members.count_below(float("nan")),
                 lambda: members.range_by_score(float("nan"), 1)):
        with pytest.raises(ValueError, match="number"):
            call()
    with pytest.raises(TypeError):
        members.add("text", 1)
    assert len(members) == 3


# ---- the heap ----


def test_the_heap_gives_its_memory_back(used_before):
    heap = ExpiryHeap()
    for number in range(20_000):
        heap.add(b"key:%d" % number, number * 7919 % 20_000)
    assert heap.stats()["heap_bytes"] >= 20_000 * 12
    popped = heap.pop_due(9_999)
    assert [due_ms for _, due_ms in popped] == list(range(10_000))
    assert heap.first()[1] == 10_000
    del heap
    assert structures.allocated_bytes() == used_before


def test_due_times_beyond_the_range_of_the_heap_are_clamped_or_refused():
    heap = ExpiryHeap()
    heap.add(b"past", -5)
    heap.add(b"far", 2**62)
    assert heap.due(b"past") == 0
    assert heap.due(b"far") == DUE_MAX
    with pytest.raises(OverflowError):
        heap.add(b"farther", 2**63)
    assert b"farther" not in heap


@pytest.mark.parametrize("make", [
    lambda: HashTable(seed=-1), lambda: HashTable(1), lambda: SkipList(seed=-1),
    lambda: SkipList(1), lambda: RespParser(bulk_max_bytes="x"), lambda: RespParser(1)])
def test_wrong_arguments_are_refused_and_leave_nothing_behind(make, used_before):
    """What was to be made is freed before it has been."""
    with pytest.raises((TypeError, OverflowError)):
        make()
    assert structures.allocated_bytes() == used_before


# ---- the parser ----


def encoded(command: list[bytes]) -> bytes:
    parts = [b"*%d\r\n" % len(command)]
    parts += [b"$%d\r\n%s\r\n" % (len(argument), argument) for argument in command]
    return b"".join(parts)


COMMANDS = st.lists(st.lists(st.binary(max_size=30), min_size=1, max_size=5), max_size=8)


@settings(deadline=None)
@given(COMMANDS, st.data())
def test_commands_come_back_however_the_stream_is_cut(commands, data):
    stream = b"".join(map(encoded, commands))
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=10).map(sorted))
    parser, received, arrived = RespParser(), [], 0
    for cut in [*cuts, len(stream)]:
        received += parser.feed(stream[arrived:cut])
        arrived = cut
        whole = sum(len(encoded(command)) for command in received)
        assert parser.pending == arrived - whole
    assert received == commands


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_is_taken_and_none_is_changed(kind):
    line = b"SET key \"a\\x41 b\" 'it\\'s'\r\n"
    data = kind(line)
    assert RespParser().feed(data) == [[b"SET", b"key", b"aA b", b"it's"]]
    assert bytes(data) == line


def test_what_is_no_buffer_is_refused_and_the_parser_goes_on():
    parser = RespParser()
    parser.feed(b"GET ")
    with pytest.raises(TypeError):
        parser.feed("key\r\n")
    assert parser.feed(b"key\r\n") == [[b"GET", b"key"]]


@pytest.mark.parametrize("mistake, text", [
    (b"*x\r\n", "invalid multibulk length"),
    (b"*1\r\nx\r\n", "expected '$', got 'x'"),
    (b"*1\r\n\r\n", "expected '$', got ' '"),
    (b"*1\r\n$-1\r\n", "invalid bulk length"),
    (b"*1\r\n$1\r\nabc", "invalid bulk terminator"),
    (b"GET 'a\r\n", "unbalanced quotes in request"),
    (b"x" * 70_000, "too big inline request"),
    (b"*" + b"1" * 70_000, "too big mbulk count string"),
    (b"*1\r\n$" + b"1" * 70_000, "too big bulk count string"),
])
def test_a_mistake_has_the_text_of_the_server_and_the_commands_before_it(mistake, text):
    parser = RespParser()
    with pytest.raises(ProtocolError) as raised:
        parser.feed(b"PING\r\n" + encoded([b"GET", b"key"]) + mistake)
    assert str(raised.value) == f"ERR Protocol error: {text}"
    assert raised.value.commands == [[b"PING"], [b"GET", b"key"]]
    with pytest.raises(ProtocolError, match="Protocol error") as again:
        parser.feed(b"PING\r\n")
    assert str(again.value) == str(raised.value)
    assert again.value.commands == []


def test_limits_are_those_of_the_parser():
    stranger = RespParser(authenticated=False)
    assert stranger.feed(encoded([b"AUTH", b"x" * 16384])) == [[b"AUTH", b"x" * 16384]]
    with pytest.raises(ProtocolError, match="unauthenticated multibulk length"):
        stranger.feed(b"*11\r\n")
    with pytest.raises(ProtocolError, match="unauthenticated bulk length"):
        RespParser(authenticated=False).feed(b"*1\r\n$16385\r\n")
    with pytest.raises(ProtocolError, match="invalid bulk length"):
        RespParser(bulk_max_bytes=10).feed(b"*1\r\n$11\r\n")


def test_a_giant_command_in_small_pieces_leaves_nothing_behind(used_before):
    parser = RespParser()
    command = [b"%d" % number for number in range(20_000)]
    stream, received = encoded(command), []
    for start in range(0, len(stream), 97):
        received += parser.feed(stream[start:start + 97])
    assert received == [command]
    assert parser.pending == 0
    assert structures.allocated_bytes() - used_before < 1 << 20  # the usual arrays
    del parser
    assert structures.allocated_bytes() == used_before


def test_the_parser_agrees_with_the_engine_on_errors():
    engine = pytest.importorskip("fastredis._engine")
    engine.create_engine()
    for mistake in (b"*1\r\n:1\r\n", b"*-\r\n", b"*2\r\n$1\r\na\r\n$a\r\n", b"a \"\r\n"):
        with pytest.raises(ProtocolError) as raised:
            RespParser().feed(mistake)
        assert engine.EmbeddedSession().feed(mistake) == f"-{raised.value}\r\n".encode()
