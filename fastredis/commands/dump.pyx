# dump: DUMP and RESTORE: a value as the bytes that an RDB file would hold for it.
#
# How each type is written and read stands with its family (value_register of engine/values.pyx);
# the formats are in csrc/rdb_format.h. A payload is signed, but anyone can sign: what is read is
# checked as if it were not.

# ---- strings ----

cdef void _string_free(entry *e) noexcept nogil:
    blob_release(entry_blob(e))


cdef size_t _string_bytes(const entry *e) noexcept nogil:
    return blob_bytes(entry_blob(e))


cdef void _string_own(entry *copy) noexcept nogil:
    """Blobs are shared: whoever changes one that has other owners copies it first."""
    blob_share(entry_blob(copy))


cdef void _string_save(rdb_writer *writer, const entry *e) noexcept nogil:
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef slice value
    rdb_write_byte(writer, RDB_TYPE_STRING)
    if entry_get_encoding(e) == ENTRY_INT:
        rdb_write_number(writer, entry_number(e))
    else:
        value = string_bytes(e, digits)
        rdb_write_string(writer, value.data, value.length)


cdef uint16_t _string_version(const entry *e) noexcept nogil:
    return RDB_VERSION_STRINGS


cdef entry *_string_load(rdb_reader *reader, uint8_t rdb_type, slice key,
                         int64_t due_ms) noexcept nogil:
    cdef char text[ENTRY_INLINE_MAX]
    cdef rdb_string string
    cdef int64_t number = 0
    cdef slice value
    cdef entry_encoding encoding
    cdef entry *e
    cdef blob *b
    if not rdb_read_string(reader, &string):
        return NULL
    if string.length <= ENTRY_INLINE_MAX:
        if not rdb_string_copy(&string, text):
            return NULL
        value = slice_of(text, string.length)
        encoding = string_encoding(value, &number)
        return string_new(key, encoding, value, number, due_ms)
    b = blob_new(string.length, string.length)
    if not rdb_string_copy(&string, b.data):
        blob_release(b)
        return NULL
    e = entry_new(ENTRY_STRING, ENTRY_BLOB, key, due_ms, 0)
    entry_set_pointer(e, b)
    return e


value_register(ENTRY_STRING, _string_free, _string_bytes, _string_own, _string_save,
               _string_version)
loader_register(RDB_TYPE_STRING, _string_load)


# ---- DUMP ----

cdef void cmd_dump(Call *call) noexcept nogil:
    cdef rdb_writer writer
    cdef entry *e = key_read(call, call.argv[1])
    if e == NULL:
        reply_null(call.out)
        return
    rdb_writer_init(&writer)
    value_save(&writer, e)
    rdb_write_footer_of(&writer, value_version(e))  # so that older servers take it, too
    reply_bulk(call.out, writer.data, writer.length)
    rdb_writer_free(&writer)


# ---- RESTORE ----

cdef enum:
    NOT_GIVEN = -1

ctypedef struct RestoreOptions:
    bint replace
    bint absolute                # the time to live is a wall-clock time
    int64_t idle_s
    int64_t frequency


cdef bint _number_option_or_reply(Call *call, slice text, int64_t most, Status status,
                                  int64_t *number) noexcept nogil:
    if not int_or_reply(call, text, number):
        return False
    if 0 <= number[0] <= most:
        return True
    error_reply(call, status)
    return False


cdef bint _restore_options_or_reply(Call *call, RestoreOptions *options) noexcept nogil:
    cdef Args args = args_from(call, 4)
    cdef slice value
    memset(options, 0, sizeof(RestoreOptions))
    options.idle_s = options.frequency = NOT_GIVEN
    while args_left(&args):
        if args_option(&args, b"REPLACE"):
            options.replace = True
        elif args_option(&args, b"ABSTTL"):
            options.absolute = True
        elif (options.frequency == NOT_GIVEN
              and args_option_with(&args, b"IDLETIME", &value)):
            if not _number_option_or_reply(call, value, INT64_MAX, ERROR_RESTORE_IDLE_TIME,
                                           &options.idle_s):
                return False
        elif options.idle_s == NOT_GIVEN and args_option_with(&args, b"FREQ", &value):
            if not _number_option_or_reply(call, value, 255, ERROR_RESTORE_FREQUENCY,
                                           &options.frequency):
                return False
        else:
            error_reply(call, ERROR_SYNTAX)
            return False
    return True


cdef bint _restore_due_or_reply(Call *call, bint absolute, int64_t *due_ms) noexcept nogil:
    """0 is no due time; a relative one beyond all time becomes the last millisecond."""
    if not int_or_reply(call, call.argv[2], due_ms):
        return False
    if due_ms[0] < 0:
        error_reply(call, ERROR_RESTORE_TTL)
        return False
    if due_ms[0] == 0:
        due_ms[0] = ENTRY_NO_DUE
    elif not absolute:
        due_ms[0] = due_ms[0] + state.now_ms if due_ms[0] < INT64_MAX - state.now_ms \
            else INT64_MAX
    return True


cdef uint32_t _restored_clock(const RestoreOptions *options) noexcept nogil:
    """The access clock that the options ask for; the one that the policy does not keep is left
    out of account."""
    if state.lfu:
        if options.frequency != NOT_GIVEN:
            return lfu_minutes() << 8 | <uint32_t>options.frequency
    elif options.idle_s != NOT_GIVEN:
        return (state.lru_clock - <uint32_t>min(options.idle_s, 0xffffff)) & 0xffffff
    return clock_new()


cdef void cmd_restore(Call *call) noexcept nogil:
    cdef RestoreOptions options
    cdef slice key = call.argv[1]
    cdef uint64_t hash = key_hash(call, key)
    cdef rdb_reader reader
    cdef int64_t due_ms
    cdef entry *e
    if not _restore_options_or_reply(call, &options):
        return
    if not options.replace and key_find(call.database, key, hash) != NULL:
        error_reply(call, ERROR_BUSY_KEY)
        return
    if not _restore_due_or_reply(call, options.absolute, &due_ms):
        return
    if not rdb_open_payload(&reader, call.argv[3].data, call.argv[3].length):
        error_reply(call, ERROR_PAYLOAD)
        return
    e = value_load(&reader, key, due_ms)
    if e == NULL:
        error_reply(call, ERROR_BAD_DATA)
        return
    if entry_is_due(e):
        value_free(e)
        entry_free(e)
        key_delete(call.database, key, hash)
    else:
        entry_set_clock(e, _restored_clock(&options))
        key_put(call.database, e, key, hash)
        key_changed(call.database, key)
    reply_ok(call.out)


row(b"dump", 2, b"readonly", b"generic", b"", b"RO,access index:1 range:0,1,0",
    b"nondeterministic_output", cmd_dump)
row(b"restore", -4, b"write denyoom", b"generic", b"+dangerous", b"OW,update index:1 range:0,1,0",
    b"", cmd_restore)
