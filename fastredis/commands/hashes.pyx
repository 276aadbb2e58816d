# hashes: the hash commands, but for those about due times of fields (hashes_expiry.pyx).
#
# The hash itself is csrc/hash_fields.h: nothing here knows its encodings. Fields that are due leave
# in the tick of expire.pyx; what has not left yet is removed when a command looks the hash up, at
# most FIELDS_AT_ONCE, and not seen by it in any case.
#
#   hash_read_or_reply    lookup of commands that read
#   hash_write_or_reply   lookup of commands that change
#   hash_changed          behind fields_set and its kin: due times, key_changed, count of changes
#   hash_shrunk           behind fields_remove: the same, and an empty hash is no key
#
# Complexity: O(1) a field; of HGETALL, HKEYS, HVALS O(n).

cdef enum:
    FIELDS_AT_ONCE = 1000        # due fields that a command removes before it begins
    FIELDS_AHEAD = 8             # fields whose bucket is asked for before their turn, ...
    FIELDS_AHEAD_BLOCKS = 4      # ... and whose block


# ---- looking up ----

cdef entry *_without_due(Call *call, entry *e) noexcept nogil:
    """Remove fields that are due, unless a pause keeps the data as it is; NULL: none is left."""
    cdef int64_t due_ms = fields_next_due(e)
    if due_ms == FIELD_NO_DUE or due_ms > state.now_ms:
        return e
    if state.pause_until_ms and not call.row.flags & COMMAND_WRITE:
        return e
    return e if fields_expire_some(call.database, e, FIELDS_AT_ONCE) else NULL


cdef inline bint hash_read_or_reply(Call *call, slice key, entry **e) noexcept nogil:
    if not key_typed_read_or_reply(call, key, ENTRY_HASH, e):
        return False
    if e[0] != NULL and unlikely(entry_has_field_dues(e[0])):
        e[0] = _without_due(call, e[0])
    return True


cdef inline bint hash_write_or_reply(Call *call, slice key, entry **e) noexcept nogil:
    if not key_typed_or_reply(call, key, ENTRY_HASH, e):
        return False
    if e[0] != NULL and unlikely(entry_has_field_dues(e[0])):
        e[0] = _without_due(call, e[0])
    return True


cdef inline entry *hash_or_new(Call *call, slice key, entry *e) noexcept nogil:
    """The hash that was looked up, or a new one where there was none."""
    if e == NULL:
        e = fields_new(key, ENTRY_NO_DUE)
        key_insert(call.database, e, key_hash(call, key))
    return e


# ---- having changed ----

cdef inline void hash_changed(Call *call, slice key, entry *e, int64_t changes) noexcept nogil:
    if unlikely(entry_has_field_dues(e)):
        field_dues_follow(call.database, e)
    key_changed(call.database, key)
    state.dirty += changes - 1


cdef inline void hash_shrunk(Call *call, slice key, entry *e, int64_t changes) noexcept nogil:
    if fields_count(e) == 0:
        key_remove_emptied(call.database, key)
        key_changed(call.database, key)
        state.dirty += changes - 1
    else:
        hash_changed(call, key, e, changes)


# ---- replies ----

cdef inline void _reply_value(reply *out, const field_item *item) noexcept nogil:
    if unlikely(item.large != NULL):
        reply_blob(out, item.large, 0, item.value.length)
    else:
        reply_bulk(out, item.value.data, item.value.length)


cdef inline void _reply_name(reply *out, const field_item *item) noexcept nogil:
    reply_bulk(out, item.name.data, item.name.length)


cdef inline void field_reply(reply *out, const entry *e, slice name) noexcept nogil:
    """The value of a field, or null; `e` may be NULL."""
    cdef field_item item
    if e != NULL and fields_find(e, name, state.now_ms, &item):
        _reply_value(out, &item)
    else:
        reply_null(out)


# ---- setting ----

cdef inline size_t _longest(const slice *texts, int count) noexcept nogil:
    cdef size_t longest = 0
    cdef int i
    for i in range(count):
        longest = max(longest, texts[i].length)
    return longest


cdef inline void fields_window(const entry *e, const slice *names, int step, int count,
                               int index) noexcept nogil:
    """Ask for the memory of the fields ahead of number `index`; advice, never wrong."""
    if count < FIELDS_AHEAD:
        return
    if index + FIELDS_AHEAD < count:
        fields_prefetch(e, names[(index + FIELDS_AHEAD) * step])
    if index + FIELDS_AHEAD_BLOCKS < count:
        fields_prefetch_field(e, names[(index + FIELDS_AHEAD_BLOCKS) * step])


cdef inline void fields_expect_pairs(entry *e, const slice *pairs, int count) noexcept nogil:
    """Tell the hash what fields_set will bring; nothing for one pair, which brings itself."""
    if count > 1:
        fields_expect(e, count, _longest(pairs, 2 * count), &state.hashes)


cdef int64_t fields_set_pairs(entry *e, const slice *pairs, int count,
                              bint keep_due) noexcept nogil:
    """Set fields in turn; returns how many are new."""
    cdef int64_t added = 0
    cdef int i
    fields_expect_pairs(e, pairs, count)
    for i in range(count):
        fields_window(e, pairs, 2, count, i)
        added += fields_set(e, pairs[2 * i], pairs[2 * i + 1], keep_due, state.now_ms,
                            &state.hashes)
    return added


cdef inline bint _set_or_reply(Call *call, int64_t *added) noexcept nogil:
    cdef slice key = call.argv[1]
    cdef entry *e
    if unlikely(call.argc % 2):
        error_arity(call)
        return False
    if not hash_write_or_reply(call, key, &e):
        return False
    e = hash_or_new(call, key, e)
    added[0] = fields_set_pairs(e, call.argv + 2, call.argc // 2 - 1, False)
    hash_changed(call, key, e, call.argc // 2 - 1)
    return True


cdef void cmd_hset(Call *call) noexcept nogil:
    cdef int64_t added
    if _set_or_reply(call, &added):
        reply_int(call.out, added)


cdef void cmd_hmset(Call *call) noexcept nogil:
    cdef int64_t added
    if _set_or_reply(call, &added):
        reply_ok(call.out)


cdef void cmd_hsetnx(Call *call) noexcept nogil:
    cdef slice key = call.argv[1]
    cdef field_item item
    cdef entry *e
    if not hash_write_or_reply(call, key, &e):
        return
    if e != NULL and fields_find(e, call.argv[2], state.now_ms, &item):
        reply_int(call.out, 0)
        return
    e = hash_or_new(call, key, e)
    fields_set_pairs(e, call.argv + 2, 1, False)
    hash_changed(call, key, e, 1)
    reply_int(call.out, 1)


cdef void cmd_hincrby(Call *call) noexcept nogil:
    cdef slice key = call.argv[1], name = call.argv[2]
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef int64_t number = 0, delta
    cdef field_item item
    cdef entry *e
    if not int_or_reply(call, call.argv[3], &delta) or not hash_write_or_reply(call, key, &e):
        return
    if e != NULL and fields_find(e, name, state.now_ms, &item):
        if not number_parse_int64(item.value.data, item.value.length, &number):
            error_reply(call, ERROR_HASH_NOT_INTEGER)
            return
    if unlikely(delta > 0 and number > INT64_MAX - delta or
                delta < 0 and number < INT64_MIN - delta):
        error_reply(call, ERROR_OVERFLOW)
        return
    number += delta
    e = hash_or_new(call, key, e)
    fields_set(e, name, slice_of(digits, number_format_int64(digits, number)), True,
               state.now_ms, &state.hashes)
    hash_changed(call, key, e, 1)
    reply_int(call.out, number)


cdef void cmd_hincrbyfloat(Call *call) noexcept nogil:
    cdef slice key = call.argv[1], name = call.argv[2], value
    cdef char text[NUMBER_LONG_DOUBLE_MAX_LENGTH]
    cdef long double number = 0, delta
    cdef field_item item
    cdef entry *e
    if not long_double_or_reply(call, call.argv[3], &delta):
        return
    if isinf(delta):
        error_reply(call, ERROR_INFINITE)
        return
    if not hash_write_or_reply(call, key, &e):
        return
    if e != NULL and fields_find(e, name, state.now_ms, &item):
        if not number_parse_long_double(item.value.data, item.value.length, &number):
            error_reply(call, ERROR_HASH_NOT_FLOAT)
            return
    number += delta
    if isnan(number) or isinf(number):
        error_reply(call, ERROR_NAN_OR_INFINITY)
        return
    value = slice_of(text, number_format_long_double(text, sizeof(text), number))
    e = hash_or_new(call, key, e)
    fields_set(e, name, value, True, state.now_ms, &state.hashes)
    hash_changed(call, key, e, 1)
    reply_bulk(call.out, value.data, value.length)


cdef void cmd_hdel(Call *call) noexcept nogil:
    cdef slice key = call.argv[1]
    cdef const slice *names = call.argv + 2
    cdef int count = call.argc - 2
    cdef int64_t removed = 0
    cdef entry *e
    cdef int i
    if not hash_write_or_reply(call, key, &e):
        return
    if e != NULL:
        for i in range(count):
            fields_window(e, names, 1, count, i)
            removed += fields_remove(e, names[i], state.now_ms)
        if removed:
            hash_shrunk(call, key, e, removed)
    reply_int(call.out, removed)


# ---- reading ----

cdef void cmd_hget(Call *call) noexcept nogil:
    cdef entry *e
    if hash_read_or_reply(call, call.argv[1], &e):
        field_reply(call.out, e, call.argv[2])


cdef void cmd_hmget(Call *call) noexcept nogil:
    cdef const slice *names = call.argv + 2
    cdef int count = call.argc - 2
    cdef entry *e
    cdef int i
    if not hash_read_or_reply(call, call.argv[1], &e):
        return
    reply_array(call.out, count)
    for i in range(count):
        if e != NULL:
            fields_window(e, names, 1, count, i)
        field_reply(call.out, e, names[i])


cdef void cmd_hexists(Call *call) noexcept nogil:
    cdef field_item item
    cdef entry *e
    if hash_read_or_reply(call, call.argv[1], &e):
        reply_int(call.out, e != NULL and fields_find(e, call.argv[2], state.now_ms, &item))


cdef void cmd_hstrlen(Call *call) noexcept nogil:
    cdef field_item item
    cdef entry *e
    item.value.length = 0
    if not hash_read_or_reply(call, call.argv[1], &e):
        return
    if e != NULL and fields_find(e, call.argv[2], state.now_ms, &item):
        reply_int(call.out, item.value.length)
    else:
        reply_int(call.out, 0)


cdef void cmd_hlen(Call *call) noexcept nogil:
    cdef entry *e
    if hash_read_or_reply(call, call.argv[1], &e):
        reply_int(call.out, fields_count_alive(e, state.now_ms) if e != NULL else 0)


cdef void _reply_all(Call *call, bint names, bint the_values) noexcept nogil:
    cdef fields_iterator iterator
    cdef field_item item
    cdef int64_t count
    cdef entry *e
    if not hash_read_or_reply(call, call.argv[1], &e):
        return
    count = fields_count_alive(e, state.now_ms) if e != NULL else 0
    if names and the_values:
        reply_map(call.out, count)
    else:
        reply_array(call.out, count)
    if e == NULL:
        return
    fields_iterate(&iterator, e, state.now_ms)
    while fields_next(&iterator, &item):
        if names:
            _reply_name(call.out, &item)
        if the_values:
            _reply_value(call.out, &item)


cdef void cmd_hgetall(Call *call) noexcept nogil:
    _reply_all(call, True, True)


cdef void cmd_hkeys(Call *call) noexcept nogil:
    _reply_all(call, True, False)


cdef void cmd_hvals(Call *call) noexcept nogil:
    _reply_all(call, False, True)


# ---- HRANDFIELD ----

cdef bint _draw_options_or_reply(Call *call, int64_t *count, bint *with_values) noexcept nogil:
    if not number_parse_int64(call.argv[2].data, call.argv[2].length, count):
        error_reply(call, ERROR_NOT_INTEGER)
        return False
    if count[0] == INT64_MIN:
        error_reply(call, ERROR_LONG_RANGE)
        return False
    with_values[0] = call.argc == 4 and slice_is(call.argv[3], b"WITHVALUES")
    if call.argc > 3 and not with_values[0]:
        error_reply(call, ERROR_SYNTAX)
        return False
    if with_values[0] and not -(INT64_MAX // 2) <= count[0] <= INT64_MAX // 2:
        error_reply(call, ERROR_OUT_OF_RANGE)
        return False
    return True


cdef void _reply_drawn(reply *out, const field_item *item, bint with_values) noexcept nogil:
    if with_values and out.protocol == 3:
        reply_array(out, 2)
    _reply_name(out, item)
    if with_values:
        _reply_value(out, item)


cdef void _reply_everything(reply *out, const entry *e, bint with_values) noexcept nogil:
    """All fields, each once, in the order in which they stand."""
    cdef fields_iterator iterator
    cdef field_item item
    fields_iterate(&iterator, e, state.now_ms)
    while fields_next(&iterator, &item):
        _reply_drawn(out, &item, with_values)


cdef void _draw_many(Call *call, const entry *e, int64_t count, bint with_values) noexcept nogil:
    """A positive count asks for so many different fields, a negative one for so many draws."""
    cdef bint distinct = count > 0
    cdef size_t alive = fields_count_alive(e, state.now_ms)
    cdef size_t wanted = <size_t>(count if distinct else -count)
    cdef size_t place = reply_later(call.out)
    cdef fields_draw draw
    cdef field_item item
    if alive == 0:
        wanted = 0
    elif distinct:
        wanted = min(wanted, alive)
    elif not repeats_or_reply(call, wanted):
        return
    reply_array(call.out, wanted * 2 if with_values and call.out.protocol == 2 else wanted)
    if distinct and wanted == alive:
        _reply_everything(call.out, e, with_values)
        return
    fields_draw_begin(&draw, e, state.now_ms, wanted, distinct)
    while fields_draw_next(&draw, &state.random, &item):
        _reply_drawn(call.out, &item, with_values)
        if unlikely(not distinct and not repeats_fit_or_reply(call, place)):
            break
    fields_draw_end(&draw)


cdef void cmd_hrandfield(Call *call) noexcept nogil:
    cdef bint with_values = False
    cdef int64_t count
    cdef fields_draw draw
    cdef field_item item
    cdef entry *e
    if call.argc > 2:
        if not _draw_options_or_reply(call, &count, &with_values):
            return
        if not hash_read_or_reply(call, call.argv[1], &e):
            return
        if e == NULL or count == 0:
            reply_array(call.out, 0)
        else:
            _draw_many(call, e, count, with_values)
        return
    if not hash_read_or_reply(call, call.argv[1], &e):
        return
    if e == NULL:
        reply_null(call.out)
        return
    fields_draw_begin(&draw, e, state.now_ms, 1, False)
    if fields_draw_next(&draw, &state.random, &item):
        _reply_name(call.out, &item)
    else:
        reply_null(call.out)
    fields_draw_end(&draw)


# ---- HSCAN ----

cdef void _scan_reply(Scan *scan, const field_item *item) noexcept nogil:
    if not scan_fits(scan, item.name):
        return
    scan.listed += 1
    _reply_name(scan.out, item)
    if not scan.no_values:
        scan.listed += 1
        _reply_value(scan.out, item)


cdef void _scan_visit(void *context, void *element) noexcept nogil:
    cdef Scan *scan = <Scan *>context
    cdef const field *f = <const field *>element
    cdef field_item item
    scan.seen += 1
    if 0 <= field_due(f) <= state.now_ms:
        return
    item.name = field_name(f)
    item.value = field_value(f, &item.large)
    _scan_reply(scan, &item)


cdef void cmd_hscan(Call *call) noexcept nogil:
    cdef fields_iterator iterator
    cdef field_item item
    cdef uint64_t cursor
    cdef size_t place
    cdef Scan scan
    cdef entry *e
    if not scan_key_or_reply(call, ENTRY_HASH, SCAN_TAKES_NOVALUES, &scan, &cursor, &e):
        return
    place = scan_reply_begin(&scan)
    if fields_table(e) != NULL:
        cursor = scan_table(&scan, fields_table(e), cursor, _scan_visit)
    else:
        cursor = 0
        fields_iterate(&iterator, e, state.now_ms)
        while fields_next(&iterator, &item):
            _scan_reply(&scan, &item)
    scan_reply_end(&scan, place, cursor)


# ---- the type ----

cdef bint _fields_step(void *value, size_t budget) noexcept nogil:
    return field_table_free_some(<field_table *>value, budget)


cdef void _hash_free(entry *e) noexcept nogil:
    if fields_is_big(e):
        bury(fields_detach(e), _fields_step)
    else:
        fields_free(e)


cdef entry *_hash_load(rdb_reader *reader, uint8_t rdb_type, slice key,
                       int64_t due_ms) noexcept nogil:
    return hash_load(reader, rdb_type, key, due_ms, &state.hashes)


cdef void _hash_prefetch(const entry *e, slice name, bint near) noexcept nogil:
    if near:
        fields_prefetch_field(e, name)
    else:
        fields_prefetch(e, name)


value_register(ENTRY_HASH, _hash_free, fields_bytes, fields_own, hash_save, hash_save_version)
prefetch_register(ENTRY_HASH, _hash_prefetch)
loader_register(RDB_TYPE_HASH, _hash_load)
loader_register(RDB_TYPE_HASH_ZIPMAP, _hash_load)
loader_register(RDB_TYPE_HASH_ZIPLIST, _hash_load)
loader_register(RDB_TYPE_HASH_LISTPACK, _hash_load)
loader_register(RDB_TYPE_HASH_DUES_OLD, _hash_load)
loader_register(RDB_TYPE_HASH_LISTPACK_DUES_OLD, _hash_load)
loader_register(RDB_TYPE_HASH_DUES, _hash_load)
loader_register(RDB_TYPE_HASH_LISTPACK_DUES, _hash_load)

row(b"hdel", -3, b"write fast", b"hash", b"", b"RW,delete index:1 range:0,1,0", b"", cmd_hdel)
row(b"hexists", 3, b"readonly fast", b"hash", b"", b"RO index:1 range:0,1,0", b"", cmd_hexists)
row(b"hget", 3, b"readonly fast", b"hash", b"", b"RO,access index:1 range:0,1,0", b"", cmd_hget)
row(b"hgetall", 2, b"readonly", b"hash", b"", b"RO,access index:1 range:0,1,0",
    b"nondeterministic_output_order", cmd_hgetall)
row(b"hincrby", 4, b"write denyoom fast", b"hash", b"", b"RW,access,update index:1 range:0,1,0",
    b"", cmd_hincrby)
row(b"hincrbyfloat", 4, b"write denyoom fast", b"hash", b"",
    b"RW,access,update index:1 range:0,1,0", b"", cmd_hincrbyfloat)
row(b"hkeys", 2, b"readonly", b"hash", b"", b"RO,access index:1 range:0,1,0",
    b"nondeterministic_output_order", cmd_hkeys)
row(b"hlen", 2, b"readonly fast", b"hash", b"", b"RO index:1 range:0,1,0", b"", cmd_hlen)
row(b"hmget", -3, b"readonly fast", b"hash", b"", b"RO,access index:1 range:0,1,0", b"", cmd_hmget)
row(b"hmset", -4, b"write denyoom fast", b"hash", b"", b"RW,update index:1 range:0,1,0", b"",
    cmd_hmset)
row(b"hrandfield", -2, b"readonly", b"hash", b"", b"RO,access index:1 range:0,1,0",
    b"nondeterministic_output", cmd_hrandfield)
row(b"hscan", -3, b"readonly", b"hash", b"", b"RO,access index:1 range:0,1,0",
    b"nondeterministic_output", cmd_hscan)
row(b"hset", -4, b"write denyoom fast", b"hash", b"", b"RW,update index:1 range:0,1,0", b"",
    cmd_hset)
row(b"hsetnx", 4, b"write denyoom fast", b"hash", b"", b"RW,insert index:1 range:0,1,0", b"",
    cmd_hsetnx)
row(b"hstrlen", 3, b"readonly fast", b"hash", b"", b"RO index:1 range:0,1,0", b"", cmd_hstrlen)
row(b"hvals", 2, b"readonly", b"hash", b"", b"RO,access index:1 range:0,1,0",
    b"nondeterministic_output_order", cmd_hvals)
