# strings: the string commands.
#
# A string is a number (8 bytes), inline bytes, or a blob (over ENTRY_INLINE_MAX bytes); see entry.h.
# OBJECT ENCODING calls them int, embstr (up to 44 bytes and never changed) and raw.

# ---- options that several commands share ----

ctypedef enum DueOption:
    DUE_NONE
    DUE_EX
    DUE_PX
    DUE_EXAT
    DUE_PXAT
    DUE_KEEP
    DUE_PERSIST


cdef bint due_option(Args *args, DueOption *kind, slice *value, bint *conflict) noexcept nogil:
    """Take EX, PX, EXAT or PXAT and its value; two different ones are a conflict."""
    cdef DueOption found
    if args_option_with(args, b"EX", value):
        found = DUE_EX
    elif args_option_with(args, b"PX", value):
        found = DUE_PX
    elif args_option_with(args, b"EXAT", value):
        found = DUE_EXAT
    elif args_option_with(args, b"PXAT", value):
        found = DUE_PXAT
    else:
        return False
    if kind[0] != DUE_NONE and kind[0] != found:
        conflict[0] = True
    kind[0] = found
    return True


cdef bint due_flag(Args *args, const char *word, DueOption flag, DueOption *kind,
                   bint *conflict) noexcept nogil:
    """Take a word that stands where a due time could (KEEPTTL, PERSIST)."""
    if not args_option(args, word):
        return False
    if kind[0] != DUE_NONE and kind[0] != flag:
        conflict[0] = True
    kind[0] = flag
    return True


cdef bint due_or_reply(Call *call, DueOption kind, slice text, int64_t *due_ms) noexcept nogil:
    """The wall-clock time that an option means; it must be positive and must not overflow."""
    cdef int64_t value
    due_ms[0] = ENTRY_NO_DUE
    if kind == DUE_NONE or kind == DUE_KEEP or kind == DUE_PERSIST:
        return True
    if not int_or_reply(call, text, &value):
        return False
    if value <= 0:
        error_expire(call)
        return False
    if kind == DUE_EX or kind == DUE_EXAT:
        if value > INT64_MAX // 1000:
            error_expire(call)
            return False
        value *= 1000
    if kind == DUE_EX or kind == DUE_PX:
        if value > INT64_MAX - state.now_ms:
            error_expire(call)
            return False
        value += state.now_ms
    due_ms[0] = value
    return True


# ---- reading a string entry ----

cdef inline void string_reply(reply *out, const entry *e) noexcept nogil:
    """The value as a bulk string."""
    cdef entry_view view
    cdef entry_encoding encoding = entry_get_encoding(e)
    if encoding == ENTRY_INT:
        reply_bulk_int(out, entry_number(e))
    elif encoding == ENTRY_BLOB:
        reply_blob(out, entry_blob(e), 0, entry_blob(e).length)
    else:
        view = entry_look(e)
        reply_bulk(out, view.value, view.value_length)


cdef slice string_bytes(const entry *e, char *digits) noexcept nogil:
    """The value's bytes, borrowed; `digits` (NUMBER_INT64_MAX_LENGTH) holds those of a number."""
    cdef entry_view view
    cdef entry_encoding encoding = entry_get_encoding(e)
    if encoding == ENTRY_INT:
        return slice_of(digits, number_format_int64(digits, entry_number(e)))
    if encoding == ENTRY_BLOB:
        return slice_of(entry_blob(e).data, entry_blob(e).length)
    view = entry_look(e)
    return slice_of(view.value, view.value_length)


cdef inline bint get_or_reply(Call *call, slice key) noexcept nogil:
    """GET: the value, or null. False where the key holds another type."""
    cdef entry *e = key_read(call, key)
    if e == NULL:
        reply_null(call.out)
        return True
    if unlikely(entry_get_type(e) != ENTRY_STRING):
        error_reply(call, ERROR_WRONG_TYPE)
        return False
    string_reply(call.out, e)
    return True


# ---- GET and SET ----

cdef void cmd_get(Call *call) noexcept nogil:
    get_or_reply(call, call.argv[1])


ctypedef struct SetOptions:
    bint nx
    bint xx
    bint get
    bint has_ifeq
    slice ifeq
    DueOption due
    slice due_text


cdef bint set_options_or_reply(Call *call, SetOptions *options) noexcept nogil:
    cdef Args args = args_from(call, 3)
    cdef bint conflict = False, repeated = False
    memset(options, 0, sizeof(SetOptions))
    while args_left(&args):
        if args_option(&args, b"NX"):
            options.nx = True
        elif args_option(&args, b"XX"):
            options.xx = True
        elif args_option(&args, b"GET"):
            options.get = True
        elif args_option_with(&args, b"IFEQ", &options.ifeq):
            repeated = options.has_ifeq
            options.has_ifeq = True
        elif due_flag(&args, b"KEEPTTL", DUE_KEEP, &options.due, &conflict):
            pass
        elif not due_option(&args, &options.due, &options.due_text, &conflict):
            conflict = True
        if conflict or repeated:
            error_reply(call, ERROR_SYNTAX)
            return False
    if options.nx + options.xx + options.has_ifeq > 1:
        error_reply(call, ERROR_SYNTAX)
        return False
    return True


cdef void set_generic(Call *call, slice key, slice value, int64_t due_ms,
                      bint keep_due) noexcept nogil:
    """Store; a due time that has passed already deletes."""
    cdef uint64_t hash = key_hash(call, key)
    if due_ms != ENTRY_NO_DUE and due_ms <= state.now_ms:
        if not key_delete(call.database, key, hash):
            key_changed(call.database, key)
        return
    string_set(call.database, key, hash, value, due_ms, keep_due)


cdef void cmd_set(Call *call) noexcept nogil:
    cdef SetOptions options
    cdef int64_t due_ms = ENTRY_NO_DUE
    if likely(call.argc == 3):
        string_set(call.database, call.argv[1], key_hash(call, call.argv[1]), call.argv[2],
                   ENTRY_NO_DUE, False)
        reply_ok(call.out)
        return
    if not set_options_or_reply(call, &options):
        return
    if not due_or_reply(call, options.due, options.due_text, &due_ms):
        return
    set_conditional(call, &options, due_ms)


cdef void set_conditional(Call *call, SetOptions *options, int64_t due_ms) noexcept nogil:
    """SET with options: GET answers the old value; else OK, or null where a condition fails."""
    cdef entry *e = NULL
    cdef char digits[32]
    cdef bint fits
    if options.get and not get_or_reply(call, call.argv[1]):
        return
    if options.nx or options.xx or options.has_ifeq:
        e = key_peek(call, call.argv[1])
        if options.has_ifeq and e != NULL and not options.get:
            if not type_or_reply(call, e, ENTRY_STRING):
                return
        if options.has_ifeq:
            fits = e != NULL and slice_equal(string_bytes(e, digits), options.ifeq)
        else:
            fits = (e == NULL) == options.nx
        if not fits:
            if not options.get:
                reply_null(call.out)
            return
    set_generic(call, call.argv[1], call.argv[2], due_ms, options.due == DUE_KEEP)
    if not options.get:
        reply_ok(call.out)


# name, arity, flags, group, acl, key specs, tips, handler
row(b"get", 2, b"readonly fast", b"string", b"", b"RO,access index:1 range:0,1,0", b"", cmd_get)
row(b"set", -3, b"write denyoom", b"string", b"",
    b'RW,access,update,variable_flags index:1 range:0,1,0 note:"GET reads the old value as well"',
    b"", cmd_set)
