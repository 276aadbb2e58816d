# streams_write: XADD, XTRIM, XDEL, XSETID: commands that change the entries of a stream.

cdef enum:
    TRIM_LIMIT_NODES = 100       # an approximate trim removes entries of about so many nodes ...
    TRIM_LIMIT_UNKNOWN = 10000   # ... or these, where nodes have no limit
    TRIM_LIMIT_MAX = 1000000

ctypedef struct AddOptions:
    bint adding                  # XADD; else XTRIM
    bint no_create
    bint has_trim
    bint has_limit
    stream_trim trim
    bint new_id                  # *
    c_bool new_seq               # ms-*
    stream_id id
    int texts_at                 # the first field


# ---- options of XADD and XTRIM ----

cdef bint _trim_or_reply(Call *call, Args *args, AddOptions *options,
                         bint by_length) noexcept nogil:
    """[=|~] threshold, behind MAXLEN or MINID."""
    cdef int64_t length = 0
    cdef slice text
    if options.has_trim:
        error_reply(call, ERROR_TRIM_BOTH)
        return False
    options.trim.by_length = by_length
    options.trim.approximate = False
    if args_left(args) >= 2 and (is_byte(args.argv[args.at], c'~')
                                 or is_byte(args.argv[args.at], c'=')):
        options.trim.approximate = is_byte(args.argv[args.at], c'~')
        args.at += 1
    args_next(args, &text)
    options.has_trim = True
    if not by_length:
        return stream_id_or_reply(call, text, &options.trim.min_id)
    if not int_or_reply(call, text, &length):
        return False
    if length < 0:
        error_reply(call, ERROR_TRIM_MAXLEN)
        return False
    options.trim.max_length = length
    return True


cdef bint _trim_limit_or_reply(Call *call, slice text, AddOptions *options) noexcept nogil:
    cdef int64_t limit = 0
    if not int_or_reply(call, text, &limit):
        return False
    if limit < 0:
        error_reply(call, ERROR_TRIM_LIMIT)
        return False
    options.has_limit = True
    options.trim.limit = limit
    return True


cdef bint _check_trim_or_reply(Call *call, AddOptions *options) noexcept nogil:
    """What options forbid together, and the limit that stands for none."""
    cdef size_t entries = state.limits.packing.stream_entries
    if options.trim.limit and not options.has_trim:
        error_reply(call, ERROR_TRIM_LIMIT_ALONE)
        return False
    if not options.adding and not options.has_trim:
        error_reply(call, ERROR_TRIM_NONE)
        return False
    if options.has_limit and not options.trim.approximate:
        error_reply(call, ERROR_TRIM_LIMIT_EXACT)
        return False
    if options.trim.approximate and not options.has_limit:
        options.trim.limit = TRIM_LIMIT_UNKNOWN
        if entries:
            options.trim.limit = min(entries, <size_t>TRIM_LIMIT_MAX) * TRIM_LIMIT_NODES
        options.trim.limit = min(options.trim.limit, <uint64_t>TRIM_LIMIT_MAX)
    return True


cdef bint _add_options_or_reply(Call *call, AddOptions *options, bint adding) noexcept nogil:
    cdef Args args = args_from(call, 2)
    cdef slice text
    memset(options, 0, sizeof(AddOptions))
    options.adding = adding
    while args_left(&args):
        text = args.argv[args.at]
        if adding and is_byte(text, c'*'):
            options.new_id = True
            args.at += 1
            break
        if args_left(&args) >= 2 and slice_is(text, b"MAXLEN"):
            args.at += 1
            if not _trim_or_reply(call, &args, options, True):
                return False
        elif args_left(&args) >= 2 and slice_is(text, b"MINID"):
            args.at += 1
            if not _trim_or_reply(call, &args, options, False):
                return False
        elif args_option_with(&args, b"LIMIT", &text):
            if not _trim_limit_or_reply(call, text, options):
                return False
        elif adding and args_option(&args, b"NOMKSTREAM"):
            options.no_create = True
        elif adding:
            if is_byte(text, c'-') or is_byte(text, c'+') or not stream_id_parse(
                    text, 0, &options.id, &options.new_seq):
                error_reply(call, ERROR_STREAM_ID)
                return False
            args.at += 1
            break
        else:
            error_reply(call, ERROR_SYNTAX)
            return False
    options.texts_at = args.at
    return _check_trim_or_reply(call, options)


# ---- XADD ----

cdef bint _new_id(const stream *s, AddOptions *options) noexcept nogil:
    """Complete the ID of a new entry; False where none is left in its millisecond."""
    cdef stream_id last = STREAM_ID_MIN
    if s != NULL:
        last = s.last_id
    if options.new_id:
        options.id.ms = state.now_ms
        options.id.seq = 0
        if stream_id_compare(options.id, last) <= 0:
            options.id = last
            stream_id_increase(&options.id)
    elif options.new_seq:
        if options.id.ms == last.ms:
            options.id.seq = last.seq + 1
            return last.seq != UINT64_MAX
    return True


cdef bint _append_or_reply(Call *call, stream *s, AddOptions *options) noexcept nogil:
    cdef stream_status status
    if stream_id_compare(s.last_id, STREAM_ID_MAX) == 0:
        error_reply(call, ERROR_STREAM_EXHAUSTED)
        return False
    if not _new_id(s, options):
        error_reply(call, ERROR_STREAM_SMALL_ID)
        return False
    status = stream_append(s, options.id, call.argv + options.texts_at,
                           call.argc - options.texts_at, &state.limits.packing)
    if status == STREAM_DONE:
        return True
    error_reply(call, ERROR_STREAM_SMALL_ID if status == STREAM_NOT_ABOVE
                else ERROR_STREAM_TOO_LARGE)
    return False


cdef void cmd_xadd(Call *call) noexcept nogil:
    cdef AddOptions options
    cdef stream *s
    cdef stream *made = NULL
    cdef int texts
    if not _add_options_or_reply(call, &options, True):
        return
    texts = call.argc - options.texts_at
    if texts < 2 or texts % 2:
        error_arity(call)
        return
    if not options.new_id and not options.new_seq and stream_id_is_zero(options.id):
        error_reply(call, ERROR_STREAM_ZERO_ID)
        return
    if not stream_or_reply(call, call.argv[1], &s):
        return
    if s == NULL:
        if options.no_create:
            reply_null(call.out)
            return
        s = made = stream_new()
    if not _append_or_reply(call, s, &options):
        if made != NULL:
            stream_free_some(made, <size_t>-1)
        return
    if made != NULL:
        collection_add(call, call.argv[1], ENTRY_STREAM, ENTRY_STREAM_TREE, made)
    reply_stream_id(call.out, options.id)
    if options.has_trim:
        stream_trim_to(s, &options.trim)
    key_changed(call.database, call.argv[1])
    key_ready(call.database, call.argv[1])


# ---- XTRIM, XDEL, XSETID ----

cdef void cmd_xtrim(Call *call) noexcept nogil:
    cdef AddOptions options
    cdef uint64_t removed
    cdef stream *s
    if not _add_options_or_reply(call, &options, False):
        return
    if not stream_or_reply(call, call.argv[1], &s):
        return
    removed = stream_trim_to(s, &options.trim) if s != NULL else 0
    if removed:
        key_changed(call.database, call.argv[1])
        state.dirty += removed - 1
    reply_int(call.out, removed)


cdef void cmd_xdel(Call *call) noexcept nogil:
    cdef stream_id id, greatest = STREAM_ID_MIN
    cdef int64_t deleted = 0
    cdef stream *s
    cdef int i
    if not stream_or_reply(call, call.argv[1], &s):
        return
    if s == NULL:
        reply_int(call.out, 0)
        return
    for i in range(2, call.argc):
        if not stream_id_or_reply(call, call.argv[i], &id):
            return
    for i in range(2, call.argc):
        stream_id_parse(call.argv[i], 0, &id, NULL)
        if stream_delete(s, id):
            deleted += 1
            if stream_id_compare(id, greatest) > 0:
                greatest = id
    if deleted:
        stream_note_deleted(s, greatest)
        key_changed(call.database, call.argv[1])
        state.dirty += deleted - 1
    reply_int(call.out, deleted)


ctypedef struct SetIdOptions:
    stream_id id
    stream_id max_deleted_id
    int64_t added                # -1: not given


cdef bint _set_id_options_or_reply(Call *call, SetIdOptions *options) noexcept nogil:
    cdef Args args = args_from(call, 3)
    cdef slice text
    options.added = -1
    options.max_deleted_id = STREAM_ID_MIN
    if not stream_id_or_reply(call, call.argv[2], &options.id):
        return False
    while args_left(&args):
        if args_option_with(&args, b"ENTRIESADDED", &text):
            if not int_or_reply(call, text, &options.added):
                return False
            if options.added < 0:
                error_reply(call, ERROR_XSETID_ADDED)
                return False
        elif args_option_with(&args, b"MAXDELETEDID", &text):
            if not stream_id_or_reply(call, text, &options.max_deleted_id):
                return False
            if stream_id_compare(options.id, options.max_deleted_id) < 0:
                error_reply(call, ERROR_XSETID_GIVEN_DELETED)
                return False
        else:
            error_reply(call, ERROR_SYNTAX)
            return False
    return True


cdef void cmd_xsetid(Call *call) noexcept nogil:
    cdef SetIdOptions options
    cdef stream_id top
    cdef stream *s
    if not _set_id_options_or_reply(call, &options):
        return
    if not stream_or_reply(call, call.argv[1], &s):
        return
    if s == NULL:
        error_reply(call, ERROR_NO_KEY)
        return
    if stream_id_compare(options.id, s.max_deleted_id) < 0:
        error_reply(call, ERROR_XSETID_DELETED)
        return
    if stream_edge(s, False, &top):
        if stream_id_compare(options.id, top) < 0:
            error_reply(call, ERROR_XSETID_TOP)
            return
        if options.added >= 0 and s.length > <uint64_t>options.added:
            error_reply(call, ERROR_XSETID_LENGTH)
            return
    s.last_id = options.id
    if options.added >= 0:
        s.entries_added = options.added
    if not stream_id_is_zero(options.max_deleted_id):
        s.max_deleted_id = options.max_deleted_id
    group_changed(1)
    reply_ok(call.out)


row(b"xadd", -5, b"write denyoom fast", b"stream", b"",
    b"RW,update index:1 range:0,1,0 note:\"trimming may delete older entries\"",
    b"nondeterministic_output", cmd_xadd)
row(b"xtrim", -4, b"write", b"stream", b"", b"RW,delete index:1 range:0,1,0",
    b"nondeterministic_output", cmd_xtrim)
row(b"xdel", -3, b"write fast", b"stream", b"", b"RW,delete index:1 range:0,1,0", b"", cmd_xdel)
row(b"xsetid", -3, b"write denyoom fast", b"stream", b"", b"RW,update index:1 range:0,1,0", b"",
    cmd_xsetid)
