# values: what the keyspace must know of each type, and the graveyard of what it has dropped.
#
#   entry --type--> values.types[]    free, bytes, own, save, version, prefetch
#   RDB type -----> values.loaders[]   load
#
# A family fills its places at the foot of its file (value_register, loader_register, and, where a
# look into a big value is a miss or two, prefetch_register; commands/elements_ahead.pyx). A type
# without a function there has nothing behind its pointer: numbers and inline strings.
#
# The graveyard. Dropping a key must cost the client that does it nothing, however big the value
# is: the value is cut off in O(1), buried with the function that frees a slice of it, and the ticks
# of expire.pyx take the graves apart. Memory falls within the next milliseconds.

cdef enum:
    VALUE_TYPES = 8              # what three bits of an entry can say
    RDB_TYPES = 64
    GRAVE_SLICE = 64             # elements freed between two looks at the clock

ctypedef void (*ValueFree)(entry *e) noexcept nogil
ctypedef size_t (*ValueBytes)(const entry *e) noexcept nogil
ctypedef void (*ValueSave)(rdb_writer *writer, const entry *e) noexcept nogil
ctypedef uint16_t (*ValueVersion)(const entry *e) noexcept nogil
ctypedef entry *(*ValueLoad)(rdb_reader *reader, uint8_t rdb_type, slice key,
                             int64_t due_ms) noexcept nogil
# Start to load what a look at an element will touch; `near`: what the first call has made known.
ctypedef void (*ValuePrefetch)(const entry *e, slice element, bint near) noexcept nogil

ctypedef struct ValueType:
    ValueFree free               # what stands behind the pointer; a big one is buried
    ValueBytes bytes             # of that, as the allocator counts
    ValueFree own                # a fresh copy of an entry gets a value of its own
    ValueSave save               # RDB type and value
    ValueVersion version         # the oldest RDB version that has the form in which `save` writes
    ValuePrefetch prefetch       # or NULL

ctypedef struct Values:
    ValueType types[VALUE_TYPES]
    ValueLoad loaders[RDB_TYPES]

cdef Values values
memset(&values, 0, sizeof(Values))


cdef void value_register(entry_type type, ValueFree free, ValueBytes bytes, ValueFree own,
                         ValueSave save, ValueVersion version) noexcept nogil:
    values.types[<int>type].free = free
    values.types[<int>type].bytes = bytes
    values.types[<int>type].own = own
    values.types[<int>type].save = save
    values.types[<int>type].version = version


cdef void loader_register(uint8_t rdb_type, ValueLoad load) noexcept nogil:
    values.loaders[rdb_type] = load


cdef void prefetch_register(entry_type type, ValuePrefetch prefetch) noexcept nogil:
    values.types[<int>type].prefetch = prefetch


cdef inline bint value_is_within(const entry *e) noexcept nogil:
    """Whether the entry's own block holds the whole value."""
    return entry_get_encoding(e) <= ENTRY_RAW


cdef inline void value_free(entry *e) noexcept nogil:
    """Free what stands behind the entry's pointer, or bury it."""
    if not value_is_within(e):
        values.types[<int>entry_get_type(e)].free(e)


cdef inline size_t value_bytes(const entry *e) noexcept nogil:
    """Bytes of what stands behind the entry's pointer."""
    return 0 if value_is_within(e) else values.types[<int>entry_get_type(e)].bytes(e)


cdef inline void value_own(entry *copy) noexcept nogil:
    """Make a fresh copy of an entry (entry_rename) the owner of what stands behind its pointer."""
    if not value_is_within(copy):
        values.types[<int>entry_get_type(copy)].own(copy)


cdef inline void value_prefetch(const entry *e, slice element, bint near) noexcept nogil:
    cdef ValuePrefetch prefetch = values.types[<int>entry_get_type(e)].prefetch
    if prefetch != NULL:
        prefetch(e, element, near)


cdef void value_save(rdb_writer *writer, const entry *e) noexcept nogil:
    """Append type and value of an entry."""
    values.types[<int>entry_get_type(e)].save(writer, e)


cdef uint16_t value_version(const entry *e) noexcept nogil:
    """The oldest RDB version that has the form in which value_save writes an entry."""
    return values.types[<int>entry_get_type(e)].version(e)


cdef entry *value_load(rdb_reader *reader, slice key, int64_t due_ms) noexcept nogil:
    """New entry of a key, in no database, from type and value; NULL where they are malformed."""
    cdef uint8_t rdb_type
    if not rdb_read_byte(reader, &rdb_type):
        return NULL
    if rdb_type >= RDB_TYPES or values.loaders[rdb_type] == NULL:
        return NULL
    return values.loaders[rdb_type](reader, rdb_type, key, due_ms)


# ---- the graveyard ----

cdef void bury(void *value, GraveStep step) noexcept nogil:
    """Take over a value that nothing refers to any more; its memory follows in later ticks."""
    grave_add(value, step, 1)


cdef void grave_add(void *value, GraveStep step, uint64_t counted) noexcept nogil:
    """The same for what counts as `counted` values; 0: its step does the counting."""
    cdef Grave *grave = <Grave *>alloc_new(sizeof(Grave))
    grave.value = value
    grave.step = step
    grave.counted = counted
    grave.next = state.graves
    state.graves = grave
    state.graves_waiting += counted
    expire_schedule(state.now_ms)


cdef bint graves_empty_some(int64_t start_us) noexcept nogil:
    """Free a part of what is buried; True where nothing is left."""
    cdef Grave *grave
    while state.graves != NULL:
        # Out of the list meanwhile: freeing the keys of a database may bury their values.
        grave = state.graves
        state.graves = grave.next
        if grave.step(grave.value, GRAVE_SLICE):
            state.graves_waiting -= grave.counted
            state.stats.freed_lazily += grave.counted
            alloc_free(grave, sizeof(Grave))
        else:
            grave.next = state.graves
            state.graves = grave
        if tick_over(start_us):
            return state.graves == NULL
    return True
