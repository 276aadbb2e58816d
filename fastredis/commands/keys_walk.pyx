# keys_walk: commands that walk the keys of a database: KEYS, SCAN, RANDOMKEY.
#
# A walk must not change the table, so keys that are due but not yet deleted are passed over. Where
# no timer deletes them (DEBUG SET-ACTIVE-EXPIRE 0) SCAN does so before it walks.

cdef void _walk_visit(void *context, void *element) noexcept nogil:
    cdef Scan *scan = <Scan *>context
    cdef const entry *e = <const entry *>element
    cdef slice key = entry_key_slice(e)
    scan.seen += 1
    if scan.type != ANY_TYPE and <int>entry_get_type(e) != scan.type or entry_is_due(e):
        return
    if scan_fits(scan, key):
        scan.listed += 1
        reply_bulk(scan.out, key.data, key.length)


cdef void cmd_keys(Call *call) noexcept nogil:
    cdef Scan walk
    cdef slice pattern = call.argv[1]
    cdef size_t place = reply_later(call.out)
    cdef bint there
    if glob_is_literal(pattern.data, pattern.length):
        there = key_peek(call, pattern) != NULL
        reply_array(call.out, there)
        if there:
            reply_bulk(call.out, pattern.data, pattern.length)
        return
    scan_begin(&walk, call.out)
    scan_match(&walk, pattern)
    hashtable_each(&call.database.keys, _walk_visit, &walk)
    reply_insert(call.out, place, reply_write_array, walk.listed)


# ---- SCAN ----

cdef void _expire_some(Database *db, int64_t count) noexcept nogil:
    """Delete up to `count` keys that are due, where nothing else will."""
    cdef void *first
    cdef int64_t due_ms
    if state.limits.active_expire or state.pause_until_ms:
        return
    while count and expiry_heap_first(&db.expires, &first, &due_ms) and due_ms <= state.now_ms:
        key_expire(db, <entry *>first)
        count -= 1


cdef void cmd_scan(Call *call) noexcept nogil:
    cdef Scan scan
    cdef uint64_t cursor
    cdef size_t place
    if not cursor_or_reply(call, call.argv[1], &cursor):
        return
    if not scan_options_or_reply(call, 2, SCAN_TAKES_TYPE, &scan):
        return
    _expire_some(call.database, scan.count)
    place = scan_reply_begin(&scan)
    cursor = scan_table(&scan, &call.database.keys, cursor, _walk_visit)
    scan_reply_end(&scan, place, cursor)


# ---- RANDOMKEY ----

cdef enum:
    RANDOM_TRIES = 100


cdef void _first_alive(void *context, void *element) noexcept nogil:
    cdef entry **found = <entry **>context
    if found[0] == NULL and not entry_is_due(<entry *>element):
        found[0] = <entry *>element


cdef entry *key_random(Database *db) noexcept nogil:
    """Any key that is not due, or NULL. Due ones that are drawn are deleted, unless CLIENT PAUSE
    holds the data as it is; where nearly all are, the first live one of a walk must do."""
    cdef entry *e = NULL
    cdef uint64_t cursor = 0
    cdef int i
    for i in range(RANDOM_TRIES):
        e = <entry *>hashtable_random(&db.keys, &state.random)
        if e == NULL or not entry_is_due(e):
            return e
        if not state.pause_until_ms:
            key_expire(db, e)
    e = NULL
    while True:
        cursor = hashtable_scan(&db.keys, cursor, _first_alive, &e)
        if cursor == 0 or e != NULL:
            return e


cdef void cmd_randomkey(Call *call) noexcept nogil:
    cdef entry *e = key_random(call.database)
    cdef slice key
    if e == NULL:
        reply_null(call.out)
        return
    key = entry_key_slice(e)
    reply_bulk(call.out, key.data, key.length)


row(b"keys", 2, b"readonly", b"generic", b"+dangerous", b"",
    b"request_policy:all_shards|nondeterministic_output_order", cmd_keys)
row(b"scan", -2, b"readonly", b"generic", b"", b"",
    b"nondeterministic_output|request_policy:special|response_policy:special", cmd_scan)
row(b"randomkey", 1, b"readonly", b"generic", b"", b"",
    b"request_policy:all_shards|response_policy:special|nondeterministic_output", cmd_randomkey)
