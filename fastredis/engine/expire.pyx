# expire: keys, and fields of hashes, leave when they are due.
#
# The heap of each database knows the next due time; the edge arms one timer for the earliest and
# calls expire_tick when it rings. A tick works for a bounded time, so that a million keys due
# at once do not keep other clients waiting: it then asks to be called again at once, behind the
# input that has come in meanwhile. On access an expired key is gone whatever the timer does.
#
# While CLIENT PAUSE holds the writes nothing is deleted: the end of the pause calls for a tick.
#
# The same tick takes apart what was dropped and is not yet freed (the graveyard of values.pyx).

cdef enum:
    TICK_US = 1000               # longest work of a tick ...
    TICK_CHECK = 64              # ... looked at after this many keys
    NEVER_MS = 0x4000000000000000


cdef inline void expire_schedule(int64_t due_ms) noexcept nogil:
    if due_ms < state.wake_ms:
        state.wake_ms = due_ms


cdef inline bint tick_over(int64_t start_us) noexcept nogil:
    return clock_monotonic_us() - start_us >= TICK_US


cdef bint _expire_database(Database *db, int64_t start_us) noexcept nogil:
    """Delete what is due; False where time ran out first."""
    cdef void *first
    cdef int64_t due_ms
    cdef uint32_t done = 0
    while expiry_heap_first(&db.expires, &first, &due_ms) and due_ms <= state.now_ms:
        key_expire(db, <entry *>first)
        done += 1
        if done % TICK_CHECK == 0 and tick_over(start_us):
            state.stats.expire_ticks_capped += 1
            return False
    return True


cdef bint _expire_database_fields(Database *db, int64_t start_us) noexcept nogil:
    """The same for the fields of hashes."""
    cdef void *first
    cdef int64_t due_ms
    while expiry_heap_first(&db.field_expires, &first, &due_ms) and due_ms <= state.now_ms:
        fields_expire_some(db, <entry *>first, TICK_CHECK)
        if tick_over(start_us):
            state.stats.expire_ticks_capped += 1
            return False
    return True


cdef void _buried_entry(void *context, void *element) noexcept nogil:
    value_free(<entry *>element)
    entry_free(<entry *>element)
    state.stats.freed_lazily += 1
    state.graves_waiting -= 1


cdef bint _free_keys_step(void *value, size_t budget) noexcept nogil:
    cdef hashtable *keys = <hashtable *>value
    if not hashtable_drain(keys, budget, _buried_entry, NULL):
        return False
    hashtable_free(keys)
    alloc_free(keys, sizeof(hashtable))
    return True


cdef void expire_tick() noexcept nogil:
    """Expire and free what is due, for about a millisecond, and say when to come again."""
    cdef int64_t start_us = clock_monotonic_us()
    cdef int64_t due_ms, wake_ms = NEVER_MS
    cdef bint done = True
    cdef int i
    if state.limits.active_expire and not state.pause_until_ms:
        for i in range(state.database_count):
            if done:
                done = (_expire_database(&state.databases[i], start_us)
                        and _expire_database_fields(&state.databases[i], start_us))
        for i in range(state.database_count):
            if expiry_heap_first(&state.databases[i].expires, NULL, &due_ms):
                wake_ms = min(wake_ms, due_ms)
            if expiry_heap_first(&state.databases[i].field_expires, NULL, &due_ms):
                wake_ms = min(wake_ms, due_ms)
    done = graves_empty_some(start_us) and done
    cdef int64_t taken_us = clock_monotonic_us() - start_us
    state.stats.expire_us += taken_us
    latency_sample(b"expire-cycle", taken_us)
    state.wake_ms = wake_ms if done else state.now_ms


cdef void database_flush(Database *db) noexcept nogil:
    """Empty a database in constant time; the memory is given back in later ticks."""
    cdef hashtable *keys
    watch_touch_all(db, NULL)
    expiry_heap_clear(&db.expires)
    expiry_heap_clear(&db.field_expires)
    if db.keys.count == 0:
        return
    keys = <hashtable *>alloc_new(sizeof(hashtable))
    keys[0] = db.keys
    state.graves_waiting += keys.count
    hashtable_init(&db.keys, &state.entry_type)
    waited_rescan(db)
    grave_add(keys, _free_keys_step, 0)
