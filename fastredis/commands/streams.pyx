# streams: what the stream commands share, and those that read a range: XLEN, XRANGE, XREVRANGE.
#
#   streams_write   XADD XTRIM XDEL XSETID
#   streams_read    XREAD XREADGROUP
#   streams_groups  XGROUP XACK XPENDING
#   streams_claim   XCLAIM XAUTOCLAIM
#   streams_info    XINFO
#
# A change of entries is told by key_changed. A change of groups alone counts (state.dirty), but
# does not touch the key for WATCH: so it is in Redis, whose clients rely on neither more nor less.

# ---- the type ----

cdef bint _stream_step(void *value, size_t budget) noexcept nogil:
    return stream_free_some(<stream *>value, budget)


cdef void _stream_free(entry *e) noexcept nogil:
    cdef stream *s = stream_of(e)
    if stream_is_big(s):
        bury(s, _stream_step)
        return
    while not stream_free_some(s, <size_t>-1):
        pass


cdef size_t _stream_bytes(const entry *e) noexcept nogil:
    return stream_bytes(stream_of(e))


cdef void _stream_own(entry *copy) noexcept nogil:
    entry_set_pointer(copy, stream_copy(stream_of(copy)))


cdef void _stream_save(rdb_writer *writer, const entry *e) noexcept nogil:
    stream_save(writer, stream_of(e))


cdef uint16_t _stream_version(const entry *e) noexcept nogil:
    return RDB_VERSION_STREAM


cdef entry *_stream_load(rdb_reader *reader, uint8_t rdb_type, slice key,
                         int64_t due_ms) noexcept nogil:
    cdef stream *s = stream_load(reader, rdb_type)
    if s == NULL:
        return NULL
    return collection_new(key, ENTRY_STREAM, ENTRY_STREAM_TREE, s, due_ms)


value_register(ENTRY_STREAM, _stream_free, _stream_bytes, _stream_own, _stream_save,
               _stream_version)
loader_register(RDB_TYPE_STREAM_1, _stream_load)
loader_register(RDB_TYPE_STREAM_2, _stream_load)
loader_register(RDB_TYPE_STREAM_3, _stream_load)


# ---- keys and arguments ----

cdef bint stream_or_reply(Call *call, slice key, stream **s) noexcept nogil:
    """The stream of a key that is to be changed, or NULL where it is missing."""
    cdef entry *e
    s[0] = NULL
    if not key_typed_or_reply(call, key, ENTRY_STREAM, &e):
        return False
    if e != NULL:
        s[0] = stream_of(e)
    return True


cdef bint stream_read_or_reply(Call *call, slice key, stream **s) noexcept nogil:
    """The stream of a key that is read, or NULL where it is missing."""
    cdef entry *e
    s[0] = NULL
    if not key_typed_read_or_reply(call, key, ENTRY_STREAM, &e):
        return False
    if e != NULL:
        s[0] = stream_of(e)
    return True


cdef inline void group_changed(int64_t count) noexcept nogil:
    """So many changes of consumer groups; see the head of this file."""
    state.dirty += count


cdef inline bint is_byte(slice text, char byte) noexcept nogil:
    return text.length == 1 and text.data[0] == byte


cdef bint stream_id_or_reply(Call *call, slice text, stream_id *id) noexcept nogil:
    """One ID, neither - nor +; without a sequence it is 0."""
    if not is_byte(text, c'-') and not is_byte(text, c'+') and stream_id_parse(text, 0, id, NULL):
        return True
    error_reply(call, ERROR_STREAM_ID)
    return False


cdef bint _limit_or_reply(Call *call, slice text, uint64_t missing_seq, stream_id *id,
                          bint *exclusive) noexcept nogil:
    exclusive[0] = text.length > 1 and text.data[0] == c'('
    if exclusive[0]:
        text = slice_of(text.data + 1, text.length - 1)
    if not (exclusive[0] and (is_byte(text, c'-') or is_byte(text, c'+'))):
        if stream_id_parse(text, missing_seq, id, NULL):
            return True
    error_reply(call, ERROR_STREAM_ID)
    return False


cdef bint range_start_or_reply(Call *call, slice text, stream_id *id) noexcept nogil:
    """The first ID of a range: ID, (ID, - or +."""
    cdef bint exclusive
    if not _limit_or_reply(call, text, 0, id, &exclusive):
        return False
    if exclusive and not stream_id_increase(id):
        error_reply(call, ERROR_STREAM_START)
        return False
    return True


cdef bint range_end_or_reply(Call *call, slice text, stream_id *id) noexcept nogil:
    """The last ID of a range."""
    cdef bint exclusive
    if not _limit_or_reply(call, text, UINT64_MAX, id, &exclusive):
        return False
    if exclusive and not stream_id_decrease(id):
        error_reply(call, ERROR_STREAM_END)
        return False
    return True


# ---- replies ----

cdef inline void reply_stream_id(reply *out, stream_id id) noexcept nogil:
    cdef char text[STREAM_ID_TEXT_MAX]
    reply_bulk(out, text, stream_id_format(text, id))


cdef inline void _reply_element(reply *out, listpack_value value) noexcept nogil:
    if value.data != NULL:
        reply_bulk(out, value.data, value.length)
    else:
        reply_bulk_int(out, value.number)


cdef void reply_stream_entry(reply *out, stream_walk *walk) noexcept nogil:
    """The entry that a walk stands at: its ID, fields and values."""
    cdef listpack_value name, value
    reply_array(out, 2)
    reply_stream_id(out, walk.id)
    reply_array(out, walk.field_count * 2)
    while stream_walk_field(walk, &name, &value):
        _reply_element(out, name)
        _reply_element(out, value)


cdef void reply_stream_range(reply *out, const stream *s, stream_id start, stream_id end,
                             bint reverse, int64_t count) noexcept nogil:
    """Entries of a range, at most `count` (0: all), as an array."""
    cdef size_t place = reply_later(out)
    cdef stream_iterator iterator
    cdef int64_t found = 0
    stream_iterate(&iterator, s, start, end, reverse)
    while stream_next(&iterator):
        reply_stream_entry(out, &iterator.walk)
        found += 1
        if found == count:
            break
    reply_insert(out, place, reply_write_array, found)


cdef bint reply_one_stream_entry(reply *out, const stream *s, stream_id id) noexcept nogil:
    """The entry with this ID; False, and nothing written, where it is deleted."""
    cdef stream_iterator iterator
    stream_iterate(&iterator, s, id, id, False)
    if not stream_next(&iterator):
        return False
    reply_stream_entry(out, &iterator.walk)
    return True


# ---- XLEN, XRANGE, XREVRANGE ----

cdef void cmd_xlen(Call *call) noexcept nogil:
    cdef stream *s
    if stream_read_or_reply(call, call.argv[1], &s):
        reply_int(call.out, s.length if s != NULL else 0)


cdef void _range(Call *call, slice start_text, slice end_text, bint reverse) noexcept nogil:
    cdef Args args = args_from(call, 4)
    cdef stream_id start, end
    cdef slice number
    cdef int64_t count = -1
    cdef stream *s
    if not range_start_or_reply(call, start_text, &start):
        return
    if not range_end_or_reply(call, end_text, &end):
        return
    while args_left(&args):
        if not args_option_with(&args, b"COUNT", &number):
            error_reply(call, ERROR_SYNTAX)
            return
        if not int_or_reply(call, number, &count):
            return
        count = max(count, 0)
    if not stream_read_or_reply(call, call.argv[1], &s):
        return
    if s == NULL:
        reply_array(call.out, 0)
    elif count == 0:
        reply_null_array(call.out)
    else:
        reply_stream_range(call.out, s, start, end, reverse, max(count, 0))


cdef void cmd_xrange(Call *call) noexcept nogil:
    _range(call, call.argv[2], call.argv[3], False)


cdef void cmd_xrevrange(Call *call) noexcept nogil:
    _range(call, call.argv[3], call.argv[2], True)


row(b"xlen", 2, b"readonly fast", b"stream", b"", b"RO index:1 range:0,1,0", b"", cmd_xlen)
row(b"xrange", -4, b"readonly", b"stream", b"", b"RO,access index:1 range:0,1,0", b"", cmd_xrange)
row(b"xrevrange", -4, b"readonly", b"stream", b"", b"RO,access index:1 range:0,1,0", b"",
    cmd_xrevrange)
