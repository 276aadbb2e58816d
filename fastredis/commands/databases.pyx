# databases: commands on whole databases.

cdef void cmd_dbsize(Call *call) noexcept nogil:
    reply_int(call.out, call.database.keys.count)


cdef bint _flush_mode_or_reply(Call *call) noexcept nogil:
    """SYNC and ASYNC mean the same: keys are gone at once, their memory follows in later ticks."""
    if call.argc == 1 or call.argc == 2 and (slice_is(call.argv[1], b"SYNC")
                                             or slice_is(call.argv[1], b"ASYNC")):
        return True
    error_reply(call, ERROR_SYNTAX)
    return False


cdef void _flush(Database *db) noexcept nogil:
    state.dirty += db.keys.count
    database_flush(db)


cdef void _free_small_data() noexcept nogil:
    """Half a millisecond of freeing at once: what is small is gone before the reply."""
    graves_empty_some(clock_monotonic_us() - TICK_US // 2)


cdef void cmd_flushdb(Call *call) noexcept nogil:
    if _flush_mode_or_reply(call):
        _flush(call.database)
        _free_small_data()
        reply_ok(call.out)


cdef void cmd_flushall(Call *call) noexcept nogil:
    cdef int i
    if _flush_mode_or_reply(call):
        for i in range(state.database_count):
            _flush(&state.databases[i])
        _free_small_data()
        reply_ok(call.out)


cdef bint _swap_index_or_reply(Call *call, slice text, Status status,
                               int64_t *index) noexcept nogil:
    if number_parse_int64(text.data, text.length, index):
        if -INT32_MAX - 1 <= index[0] <= INT32_MAX:
            return True
    error_reply(call, status)
    return False


cdef void databases_swap(Database *a, Database *b) noexcept nogil:
    """Exchange the contents. Clients and watches stay with the number; the watched keys that exist
    on either side have changed."""
    cdef hashtable keys = a.keys
    cdef expiry_heap expires = a.expires
    cdef expiry_heap field_expires = a.field_expires
    watch_touch_all(a, b)
    watch_touch_all(b, a)
    a.keys = b.keys
    a.expires = b.expires
    a.field_expires = b.field_expires
    b.keys = keys
    b.expires = expires
    b.field_expires = field_expires
    waited_rescan(a)
    waited_rescan(b)


cdef void cmd_swapdb(Call *call) noexcept nogil:
    cdef int64_t first, second
    if not _swap_index_or_reply(call, call.argv[1], ERROR_FIRST_DB_INDEX, &first):
        return
    if not _swap_index_or_reply(call, call.argv[2], ERROR_SECOND_DB_INDEX, &second):
        return
    if not (0 <= first < state.database_count and 0 <= second < state.database_count):
        error_reply(call, ERROR_DB_INDEX)
        return
    if first != second:
        databases_swap(&state.databases[first], &state.databases[second])
    state.dirty += 1
    reply_ok(call.out)


row(b"dbsize", 1, b"readonly fast", b"server", b"+keyspace", b"",
    b"request_policy:all_shards|response_policy:agg_sum", cmd_dbsize)
row(b"flushdb", -1, b"write", b"server", b"+keyspace +dangerous", b"",
    b"request_policy:all_shards|response_policy:all_succeeded", cmd_flushdb)
row(b"flushall", -1, b"write", b"server", b"+keyspace +dangerous", b"",
    b"request_policy:all_shards|response_policy:all_succeeded", cmd_flushall)
row(b"swapdb", 3, b"write fast", b"server", b"+keyspace +dangerous", b"", b"", cmd_swapdb)
