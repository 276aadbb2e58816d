# cython: language_level=3, embedsignature=True, freethreading_compatible=False
"""The C structures of the server as Python classes, each by itself.

For tests against models, for pytest-benchmark and for studies of memory; the server does not use
this module. It links the same C library as the engine, but into an extension of its own: the
allocator's counters (`allocated_bytes`) count what these classes hold and nothing else.

    HashTable     csrc/hashtable   bytes -> object
    SkipList      csrc/skiplist    bytes in the order of their scores, with ranks
    ExpiryHeap    csrc/expiry_heap keys by due time, found through a csrc/hashtable
    RespParser    csrc/resp        bytes -> commands

Threads: every method runs under the GIL from start to end and calls no Python code while a
structure is half changed, so objects may be shared between threads as dicts may. The allocator has
one owner, therefore the module does not declare itself safe without a GIL.

Ownership: keys are copied into blocks of the C allocator. Values of a HashTable stand in a Python
list, to whose slots the blocks refer, so that the cycle collector sees them like any other.
"""

cimport cython
from cpython.buffer cimport Py_buffer, PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, uint32_t, uint64_t, uint8_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memmove, memset

from fastredis.capi.alloc cimport *
from fastredis.capi.common cimport slice
from fastredis.capi.expiry_heap cimport *
from fastredis.capi.hash cimport hash_seed
from fastredis.capi.hashtable cimport *
from fastredis.capi.random cimport *
from fastredis.capi.resp cimport *
from fastredis.capi.skiplist cimport *

cdef extern from *:
    """
    /* A key with a number: the value's slot in a HashTable, the position in an ExpiryHeap. */
    typedef struct keyed {
        uint32_t number;
        uint32_t length;
        char key[];
    } keyed;
    """
    ctypedef struct keyed:
        uint32_t number
        uint32_t length
        char *key

cdef extern from "Python.h":
    # As the C API has them: new references, and a slot that takes one over.
    list PyList_New(Py_ssize_t length)
    PyObject *new_bytes "PyBytes_FromStringAndSize"(const char *data, Py_ssize_t length) except NULL
    PyObject *new_list "PyList_New"(Py_ssize_t length) except NULL
    void PyList_SET_ITEM(PyObject *items, Py_ssize_t index, PyObject *item)

__all__ = [
    "ExpiryHeap", "HashTable", "ProtocolError", "RespParser", "SkipList", "allocated_bytes",
]


def allocated_bytes() -> int:
    """Bytes that the objects of this module hold in the C allocator, rounding included."""
    return alloc_used_bytes()


# ---- keyed blocks ----

cdef keyed *keyed_new(bytes key, uint32_t number) except NULL:
    cdef size_t length = len(key)
    if length > <size_t>0xffffffff:
        raise OverflowError("a key is shorter than 4 GB")
    cdef keyed *made = <keyed *>alloc_new(sizeof(keyed) + length)
    made.number = number
    made.length = <uint32_t>length
    memcpy(made.key, <const char *>key, length)
    return made


cdef inline size_t keyed_bytes(const keyed *which) noexcept nogil:
    return sizeof(keyed) + which.length


cdef void keyed_free(void *context, void *which) noexcept nogil:
    alloc_free(which, keyed_bytes(<keyed *>which))


cdef const void *keyed_key(const void *which, size_t *length) noexcept nogil:
    length[0] = (<const keyed *>which).length
    return (<const keyed *>which).key


cdef inline bytes keyed_name(const keyed *which):
    return PyBytes_FromStringAndSize(which.key, which.length)


cdef void seed_init(hash_seed *words, uint64_t seed) noexcept:
    """`seed` 0: from the operating system."""
    cdef random_state random
    cdef int i
    if seed:
        random_seed(&random, seed)
        for i in range(4):
            words.word[i] = random_next(&random)
    else:
        random_system(words, sizeof(hash_seed))


cdef void type_init(hashtable_type *type, uint64_t seed) noexcept:
    type.key = keyed_key
    seed_init(&type.seed, seed)


cdef inline keyed *locate(const hashtable *table, bytes key, hashtable_position *position):
    cdef size_t length = len(key)
    cdef const char *data = key
    return <keyed *>hashtable_locate(table, data, length, hashtable_hash(table, data, length),
                                     position)


cdef inline void put(hashtable *table, keyed *which) noexcept:
    hashtable_insert(table, which, hashtable_hash(table, which.key, which.length))


# What a visit of a table has met. Collected before any Python object is made.
ctypedef struct Met:
    keyed **items
    size_t count, capacity
    bint failed


cdef void met_add(void *context, void *which) noexcept nogil:
    cdef Met *met = <Met *>context
    cdef keyed **items
    cdef size_t capacity
    if met.count == met.capacity:
        capacity = met.capacity * 2 if met.capacity else 64
        items = <keyed **>realloc(met.items, capacity * sizeof(keyed *))
        if items == NULL:
            met.failed = True
            return
        met.items = items
        met.capacity = capacity
    met.items[met.count] = <keyed *>which
    met.count += 1


cdef list met_names(Met *met, list names):
    """The keys, appended to an empty list that was made before the visit: making bytes objects
    does not start the cycle collector, whose finalizers might change the table."""
    cdef size_t i
    try:
        if met.failed:
            raise MemoryError()
        for i in range(met.count):
            names.append(keyed_name(met.items[i]))
    finally:
        free(met.items)
    return names


# ---- the hash table ----

@cython.final
@cython.no_gc_clear
cdef class HashTable:
    """A mapping of bytes to objects over the server's hash table.

    Not a dict: elements have no order, `scan` walks it while it changes, and growing or shrinking
    never moves more than one bucket of about eight elements. `seed` fixes the hash function (and
    `random`), so that a run can be repeated; 0 draws one from the operating system.
    """

    cdef hashtable table
    cdef hashtable_type type
    cdef random_state draws
    cdef size_t key_bytes        # of the keyed blocks
    cdef list values             # by slot; None where the slot is free
    cdef list free_slots

    def __cinit__(self, *, uint64_t seed=0):
        type_init(&self.type, seed)
        random_seed(&self.draws, seed if seed else self.type.seed.word[0])
        hashtable_init(&self.table, &self.type)
        self.values = []
        self.free_slots = []

    def __dealloc__(self):
        hashtable_drain(&self.table, <size_t>-1, keyed_free, NULL)
        hashtable_free(&self.table)

    def set(self, bytes key not None, value) -> None:
        """Map `key` to `value`, in place of what it was mapped to."""
        cdef hashtable_position position
        cdef keyed *found = locate(&self.table, key, &position)
        if found != NULL:
            self.values[found.number] = value
            return
        if not self.free_slots and len(self.values) >= 0xffffffff:
            raise OverflowError("a HashTable has room for 2**32 - 1 keys")
        found = keyed_new(key, 0)
        try:
            if self.free_slots:
                found.number = self.free_slots[-1]
                self.values[found.number] = value
                self.free_slots.pop()
            else:
                found.number = <uint32_t>len(self.values)
                self.values.append(value)
        except BaseException:
            keyed_free(NULL, found)
            raise
        self.key_bytes += alloc_usable(keyed_bytes(found))
        put(&self.table, found)

    def get(self, bytes key not None, default=None):
        """What `key` is mapped to, or `default`."""
        cdef hashtable_position position
        cdef keyed *found = locate(&self.table, key, &position)
        return self.values[found.number] if found != NULL else default

    def delete(self, bytes key not None) -> bool:
        """Forget `key`; whether it was there."""
        cdef hashtable_position position
        cdef keyed *found = locate(&self.table, key, &position)
        cdef uint32_t slot
        if found == NULL:
            return False
        slot = found.number
        self.free_slots.append(slot)
        hashtable_remove(&self.table, &position)
        self.key_bytes -= alloc_usable(keyed_bytes(found))
        keyed_free(NULL, found)
        self.values[slot] = None     # last: a finalizer of the value may use the table
        return True

    def clear(self) -> None:
        """Forget everything and give the memory back."""
        values = self.values
        self.values = []
        self.free_slots = []
        self.key_bytes = 0
        hashtable_drain(&self.table, <size_t>-1, keyed_free, NULL)
        values.clear()

    def __len__(self):
        return self.table.count

    def __contains__(self, bytes key not None):
        cdef hashtable_position position
        return locate(&self.table, key, &position) != NULL

    def __getitem__(self, bytes key not None):
        cdef hashtable_position position
        cdef keyed *found = locate(&self.table, key, &position)
        if found == NULL:
            raise KeyError(key)
        return self.values[found.number]

    def __setitem__(self, bytes key not None, value):
        self.set(key, value)

    def __delitem__(self, bytes key not None):
        if not self.delete(key):
            raise KeyError(key)

    def __iter__(self):
        """The keys as they are now, in no order; changes during the iteration do not show."""
        return iter(self.keys())

    def keys(self) -> list:
        """All keys, in no order."""
        cdef Met met
        cdef list names = []
        memset(&met, 0, sizeof(met))
        hashtable_each(&self.table, met_add, &met)
        return met_names(&met, names)

    def scan(self, uint64_t cursor=0) -> tuple:
        """One step of a walk: `(next cursor, keys)`. 0 begins it, and ends it when it is returned.

        Every key that is there from the first step to the last is returned at least once, however
        the table changes in between; a key may be returned twice. O(keys returned).
        """
        cdef Met met
        cdef list names = []
        memset(&met, 0, sizeof(met))
        cursor = hashtable_scan(&self.table, cursor, met_add, &met)
        return cursor, met_names(&met, names)

    def random(self) -> bytes:
        """A key, each equally likely. Raises KeyError when there is none. O(1) expected."""
        cdef keyed *drawn = <keyed *>hashtable_random(&self.table, &self.draws)
        if drawn == NULL:
            raise KeyError("random from an empty HashTable")
        return keyed_name(drawn)

    def stats(self) -> dict:
        """Counts: `keys`, `buckets`, `overflow_units`; sizes: `table_bytes` (buckets, units and
        directory), `key_bytes` (blocks of the keys). Values and their list are not counted."""
        return {
            "keys": self.table.count,
            "buckets": self.table.buckets,
            "overflow_units": self.table.overflow_units,
            "table_bytes": hashtable_bytes(&self.table),
            "key_bytes": self.key_bytes,
        }


# ---- the skip list ----

@cython.final
cdef class SkipList:
    """Members (bytes) in the order of their scores, and of their bytes where scores are equal.

    Each member is there once. Ranks count from 0, the smallest; -0.0 and 0.0 are equal scores. A
    score is any float but nan, for which ValueError is raised. `seed` as for HashTable.
    """

    cdef skiplist *list
    cdef hashtable_type type
    cdef random_state draws

    def __cinit__(self, *, uint64_t seed=0):
        self.type.key = skiplist_record_key
        seed_init(&self.type.seed, seed)
        random_seed(&self.draws, seed if seed else self.type.seed.word[0])
        self.list = skiplist_new(&self.type)

    def __dealloc__(self):
        if self.list != NULL:    # else the arguments were wrong
            skiplist_free(self.list)

    cdef inline bint _find(self, bytes member, slice *text, uint64_t *hash,
                           skiplist_place *place) noexcept:
        text.data = PyBytes_AS_STRING(member)
        text.length = PyBytes_GET_SIZE(member)
        hash[0] = skiplist_hash(self.list, text[0])
        return skiplist_find(self.list, text[0], hash[0], place)

    cdef list _walk(self, size_t first, size_t count):
        """Members and scores from a rank on. Pairs are made behind the walk: to make tuples may
        start the cycle collector, whose finalizers might change the list."""
        cdef list members = [], scores = []
        cdef skiplist_cursor at
        cdef slice text
        if count:
            at = skiplist_at(self.list, first)
        while count:
            text = skiplist_cursor_member(&at)
            members.append(PyBytes_FromStringAndSize(text.data, text.length))
            scores.append(skiplist_cursor_score(&at))
            skiplist_forward(&at)
            count -= 1
        return list(zip(members, scores))

    def add(self, bytes member not None, double score) -> bool:
        """Put a member in, or give it another score; whether it is new. O(log n)."""
        cdef slice text
        cdef uint64_t hash
        cdef skiplist_place place
        if score != score:
            raise ValueError("a score is a number")
        if not self._find(member, &text, &hash, &place):
            skiplist_insert(self.list, text, hash, score)
            return True
        if skiplist_place_score(&place) != score:
            skiplist_move(self.list, &place, text, score)
        return False

    def remove(self, bytes member not None) -> bool:
        """Take a member out; whether it was there. O(log n)."""
        cdef slice text
        cdef uint64_t hash
        cdef skiplist_place place
        if not self._find(member, &text, &hash, &place):
            return False
        skiplist_remove(self.list, &place)
        return True

    def score(self, bytes member not None):
        """The score of a member, or None. O(1)."""
        cdef slice text
        cdef uint64_t hash
        cdef skiplist_place place
        return skiplist_place_score(&place) if self._find(member, &text, &hash, &place) else None

    def rank(self, bytes member not None):
        """How many members stand before a member; None where it is not there. O(log n)."""
        cdef slice text
        cdef uint64_t hash
        cdef skiplist_place place
        if not self._find(member, &text, &hash, &place):
            return None
        return skiplist_place_rank(self.list, &place)

    def range(self, size_t first=0, count=None) -> list:
        """`(member, score)` of `count` members (None: all) from a rank on, in order; fewer where
        there are not as many. O(log n + result)."""
        cdef size_t held = skiplist_count(self.list)
        cdef size_t left = held - first if first < held else 0
        return self._walk(first, left if count is None else min(left, <size_t>count))

    def range_by_score(self, double low, double high) -> list:
        """`(member, score)` of the members with low <= score <= high. O(log n + result)."""
        cdef size_t first, behind
        if low != low or high != high:
            raise ValueError("a score is a number")
        first = skiplist_count_below(self.list, low, False)
        behind = skiplist_count_below(self.list, high, True)
        return self._walk(first, behind - first if behind > first else 0)

    def count_below(self, double score, *, bint or_equal=False) -> int:
        """How many members have a smaller score, or one that is not greater. O(log n)."""
        if score != score:
            raise ValueError("a score is a number")
        return skiplist_count_below(self.list, score, or_equal)

    def remove_range(self, size_t first, size_t count) -> int:
        """Take out up to `count` members from a rank on; returns how many. O(log n + result)."""
        cdef size_t held = skiplist_count(self.list)
        cdef size_t left = held - first if first < held else 0
        count = min(left, count)
        skiplist_remove_run(self.list, min(first, held), count)
        return count

    def random(self) -> bytes:
        """A member, each equally likely. Raises KeyError when there is none. O(log n)."""
        cdef skiplist_cursor at
        cdef slice text
        if skiplist_count(self.list) == 0:
            raise KeyError("random from an empty SkipList")
        at = skiplist_random(self.list, &self.draws)
        text = skiplist_cursor_member(&at)
        return PyBytes_FromStringAndSize(text.data, text.length)

    def clear(self) -> None:
        """Forget everything and give the memory back."""
        cdef skiplist *held = self.list
        self.list = skiplist_new(&self.type)
        skiplist_free(held)

    def __len__(self):
        return skiplist_count(self.list)

    def __contains__(self, bytes member not None):
        return self.score(member) is not None

    def __iter__(self):
        """`(member, score)` in order, as they are now."""
        return iter(self.range())

    def stats(self) -> dict:
        """Counts: `members`, `leaves`, `inner_nodes`, `levels` (of inner nodes); sizes:
        `table_bytes` (the index of the members), `bytes` (everything)."""
        return {
            "members": skiplist_count(self.list),
            "leaves": self.list.leaves,
            "inner_nodes": self.list.inner_nodes,
            "levels": self.list.levels,
            "table_bytes": hashtable_bytes(&self.list.index),
            "bytes": skiplist_bytes(self.list),
        }


# ---- the expiry heap ----

cdef void keyed_moved(void *which, uint32_t position) noexcept nogil:
    (<keyed *>which).number = position


@cython.final
cdef class ExpiryHeap:
    """Keys by the time they are due, in milliseconds.

    Times below 0 count as 0, times from 2**48 - 1 on as that. Keys that are due at the same time
    leave in any order.
    """

    cdef expiry_heap heap
    cdef hashtable table
    cdef hashtable_type type

    def __cinit__(self):
        type_init(&self.type, 0)
        hashtable_init(&self.table, &self.type)
        expiry_heap_init(&self.heap, keyed_moved)

    def __dealloc__(self):
        expiry_heap_free(&self.heap)
        hashtable_drain(&self.table, <size_t>-1, keyed_free, NULL)
        hashtable_free(&self.table)

    cdef keyed *_find(self, bytes key, hashtable_position *position) except NULL:
        cdef keyed *found = locate(&self.table, key, position)
        if found == NULL:
            raise KeyError(key)
        return found

    def add(self, bytes key not None, int64_t due_ms) -> None:
        """Put in a key that is not there. Raises ValueError where it is. O(log n)."""
        cdef hashtable_position position
        cdef keyed *made
        if locate(&self.table, key, &position) != NULL:
            raise ValueError(f"{key!r} is in the heap already")
        made = keyed_new(key, EXPIRY_HEAP_NOWHERE)
        put(&self.table, made)
        expiry_heap_add(&self.heap, made, due_ms)

    def update(self, bytes key not None, int64_t due_ms) -> None:
        """Give a key another due time. Raises KeyError where it is not there. O(log n)."""
        cdef hashtable_position position
        expiry_heap_update(&self.heap, self._find(key, &position).number, due_ms)

    def remove(self, bytes key not None) -> None:
        """Take a key out. Raises KeyError where it is not there. O(log n)."""
        cdef hashtable_position position
        cdef keyed *found = self._find(key, &position)
        expiry_heap_remove(&self.heap, found.number)
        hashtable_remove(&self.table, &position)
        keyed_free(NULL, found)

    def due(self, bytes key not None) -> int:
        """When a key is due. Raises KeyError where it is not there. O(1)."""
        cdef hashtable_position position
        return expiry_heap_due(&self.heap, self._find(key, &position).number)

    def first(self):
        """`(key, due_ms)` of a key that is due first, or None. O(1)."""
        cdef void *which
        cdef int64_t due_ms
        if not expiry_heap_first(&self.heap, &which, &due_ms):
            return None
        return keyed_name(<keyed *>which), due_ms

    def pop_due(self, int64_t now_ms, limit=None) -> list:
        """Take out the keys that are due at `now_ms` or before, at most `limit` of them (None:
        all): a list of `(key, due_ms)` in the order of their times. O(log n) each."""
        cdef hashtable_position position
        cdef void *which
        cdef keyed *found
        cdef int64_t due_ms
        cdef list taken = []
        while limit is None or len(taken) < limit:
            if not expiry_heap_first(&self.heap, &which, &due_ms) or due_ms > now_ms:
                break
            found = <keyed *>which
            expiry_heap_remove(&self.heap, found.number)
            hashtable_locate(&self.table, found.key, found.length,
                             hashtable_hash(&self.table, found.key, found.length), &position)
            hashtable_remove(&self.table, &position)
            try:                     # out of both structures: Python may run now
                taken.append((keyed_name(found), due_ms))
            finally:
                keyed_free(NULL, found)
        return taken

    def __len__(self):
        return expiry_heap_count(&self.heap)

    def __contains__(self, bytes key not None):
        cdef hashtable_position position
        return locate(&self.table, key, &position) != NULL

    def stats(self) -> dict:
        """`keys`, and sizes: `heap_bytes` (12 a key, in chunks) and `table_bytes`."""
        return {
            "keys": self.table.count,
            "heap_bytes": expiry_heap_bytes(&self.heap),
            "table_bytes": hashtable_bytes(&self.table),
        }


# ---- the parser of requests ----

class ProtocolError(ValueError):
    """The stream cannot be parsed any further; the text is the one that the server sends.

    `commands` holds the commands of the same `feed` that were whole before the mistake.
    """

    def __init__(self, text: str, commands=()) -> None:
        super().__init__(text)
        self.commands = list(commands)


@cython.final
cdef class RespParser:
    """Parser of what clients send: RESP arrays of bulk strings, and inline commands.

    `bulk_max_bytes` is the longest argument allowed. `authenticated=False` sets the limits of a
    client that has yet to log in: 10 arguments of 16,384 bytes.
    """

    cdef resp_parser parser
    cdef resp_batch batch
    cdef resp_limits limits
    cdef char *kept              # the incomplete command
    cdef size_t kept_length, kept_capacity
    cdef bint busy
    cdef str failed

    def __cinit__(self, *, int64_t bulk_max_bytes=512 << 20, bint authenticated=True):
        self.limits.bulk_max = bulk_max_bytes
        self.limits.unauthenticated = not authenticated
        resp_parser_init(&self.parser)
        resp_batch_init(&self.batch)

    def __dealloc__(self):
        resp_parser_free(&self.parser)
        resp_batch_free(&self.batch)
        alloc_free(self.kept, self.kept_capacity)

    @property
    def pending(self) -> int:
        """Bytes of the incomplete command that wait for the rest."""
        return self.kept_length

    def feed(self, data) -> list:
        """Parse more of the stream, cut anywhere: the commands that are whole now, each a list of
        its arguments as bytes.

        Raises ProtocolError at a mistake, and at each call after it.
        """
        cdef Py_buffer view
        if self.failed is not None:
            raise ProtocolError(self.failed)
        if self.busy:
            raise RuntimeError("feed is running already")
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        self.busy = True
        try:
            if self.kept_length:
                self._keep(<const char *>view.buf, view.len)
                return self._parse(self.kept, self.kept_length)
            return self._parse(<const char *>view.buf, view.len)
        finally:
            self.busy = False
            resp_batch_clear(&self.batch)
            PyBuffer_Release(&view)

    cdef void _keep(self, const char *data, size_t length) noexcept:
        """Append to what is kept, growing by half: a byte is copied a few times at most."""
        cdef size_t needed = self.kept_length + length
        cdef size_t capacity
        if needed > self.kept_capacity:
            capacity = max(needed, self.kept_capacity + (self.kept_capacity >> 1))
            self.kept = <char *>alloc_resize(self.kept, self.kept_capacity, capacity)
            self.kept_capacity = capacity
        if length:
            memcpy(self.kept + self.kept_length, data, length)
        self.kept_length = needed

    cdef list _parse(self, const char *data, size_t length):
        cdef size_t consumed = 0
        cdef resp_status status = RESP_OK
        if length:
            status = resp_parse(&self.parser, &self.batch, data, length, &self.limits,
                                <uint32_t>-1, &consumed)
        commands = self._commands()
        if data != self.kept:
            self._keep(data + consumed, length - consumed)
        else:
            self.kept_length = length - consumed
            if consumed and self.kept_length:
                memmove(self.kept, self.kept + consumed, self.kept_length)
        if self.kept_length == 0:
            alloc_free(self.kept, self.kept_capacity)
            self.kept = NULL
            self.kept_capacity = 0
        if status != RESP_OK:
            self._fail(status, commands)
        return commands

    cdef list _commands(self):
        """The batch as lists of bytes."""
        cdef list commands = PyList_New(self.batch.command_count)
        cdef PyObject *arguments
        cdef const slice *slices
        cdef uint32_t number, i, count
        for number in range(self.batch.command_count):
            slices = self.batch.arguments + self.batch.commands[number].first
            count = self.batch.commands[number].count
            arguments = new_list(count)
            PyList_SET_ITEM(<PyObject *>commands, number, arguments)
            for i in range(count):
                PyList_SET_ITEM(arguments, i, new_bytes(slices[i].data, slices[i].length))
        return commands

    cdef int _fail(self, resp_status status, list commands) except -1:
        # The texts stand in the engine, where all of them are.
        from fastredis._engine import protocol_error_message

        self.failed = protocol_error_message(status, self.parser.unexpected)
        raise ProtocolError(self.failed, commands)
