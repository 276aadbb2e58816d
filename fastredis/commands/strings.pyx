# strings: the string commands.
#
# A string is a number (8 bytes), inline bytes, or a blob (above ENTRY_INLINE_MAX); see entry.h.
# OBJECT ENCODING calls them int, embstr (up to 44 bytes and never changed) and raw.
#
#   SET and its kin   the whole value: engine string_set, in the same block where it fits
#   INCR and its kin  the number in place: one lookup, nothing allocated
#   APPEND SETRANGE   engine string_writable: raw, grown with spare room, copied where a reply that
#                     is not sent yet still refers to the blob
#   MGET MSET ...     behind a KeyWindow, so that the cache misses of many keys overlap
#
# Complexity: O(1) a key beside the bytes copied. LCS has a file of its own.

from libc.math cimport isinf, isnan

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


cdef inline size_t string_length(const entry *e) noexcept nogil:
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef entry_encoding encoding = entry_get_encoding(e)
    if encoding == ENTRY_INT:
        return number_format_int64(digits, entry_number(e))
    if encoding == ENTRY_BLOB:
        return entry_blob(e).length
    return entry_look(e).value_length


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


cdef bint set_options_or_reply(Call *call, int at, bint many, SetOptions *options) noexcept nogil:
    """The options of SET, or of MSETEX (`many`: without GET and IFEQ), from argument `at` on."""
    cdef Args args = args_from(call, at)
    cdef bint conflict = False
    memset(options, 0, sizeof(SetOptions))
    while args_left(&args):
        if args_option(&args, b"NX"):
            options.nx = True
        elif args_option(&args, b"XX"):
            options.xx = True
        elif not many and args_option(&args, b"GET"):
            options.get = True
        elif not many and args_option_with(&args, b"IFEQ", &options.ifeq):
            conflict = conflict or options.has_ifeq
            options.has_ifeq = True
        elif due_flag(&args, b"KEEPTTL", DUE_KEEP, &options.due, &conflict):
            pass
        elif not due_option(&args, &options.due, &options.due_text, &conflict):
            conflict = True
        if conflict:
            error_reply(call, ERROR_SYNTAX)
            return False
    if options.nx + options.xx + options.has_ifeq > 1:
        error_reply(call, ERROR_SYNTAX)
        return False
    return True


cdef void set_due_value(Call *call, slice key, uint64_t hash, slice value, int64_t due_ms,
                        bint keep_due) noexcept nogil:
    """Store; a due time that has passed already deletes."""
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
    if not set_options_or_reply(call, 3, False, &options):
        return
    if not due_or_reply(call, options.due, options.due_text, &due_ms):
        return
    set_conditional(call, &options, due_ms)


cdef bint set_fits(const SetOptions *options, const entry *e) noexcept nogil:
    """Whether NX, XX or IFEQ lets SET go on over what is there (a string under IFEQ, or NULL)."""
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    if options.has_ifeq:
        return e != NULL and slice_equal(string_bytes(e, digits), options.ifeq)
    return not (options.nx and e != NULL or options.xx and e == NULL)


cdef void set_conditional(Call *call, SetOptions *options, int64_t due_ms) noexcept nogil:
    """SET with options: GET answers the old value; else OK, or null where a condition fails."""
    cdef entry *e
    if options.get and not get_or_reply(call, call.argv[1]):
        return
    if options.nx or options.xx or options.has_ifeq:
        e = key_peek(call, call.argv[1])
        if options.has_ifeq and e != NULL and not type_or_reply(call, e, ENTRY_STRING):
            return
        if not set_fits(options, e):
            if e != NULL:
                entry_touch(call, e)
            if not options.get:
                reply_null(call.out)
            return
    set_due_value(call, call.argv[1], key_hash(call, call.argv[1]), call.argv[2], due_ms,
                  options.due == DUE_KEEP)
    if not options.get:
        reply_ok(call.out)


cdef void cmd_setnx(Call *call) noexcept nogil:
    cdef slice key = call.argv[1]
    cdef entry *e = key_peek(call, key)
    if e != NULL:
        entry_touch(call, e)
        reply_int(call.out, 0)
        return
    string_set(call.database, key, key_hash(call, key), call.argv[2], ENTRY_NO_DUE, False)
    reply_int(call.out, 1)


cdef inline void set_with_due(Call *call, DueOption kind) noexcept nogil:
    cdef int64_t due_ms
    if not due_or_reply(call, kind, call.argv[2], &due_ms):
        return
    string_set(call.database, call.argv[1], key_hash(call, call.argv[1]), call.argv[3], due_ms,
               False)
    reply_ok(call.out)


cdef void cmd_setex(Call *call) noexcept nogil:
    set_with_due(call, DUE_EX)


cdef void cmd_psetex(Call *call) noexcept nogil:
    set_with_due(call, DUE_PX)


cdef void cmd_getset(Call *call) noexcept nogil:
    if get_or_reply(call, call.argv[1]):
        string_set(call.database, call.argv[1], key_hash(call, call.argv[1]), call.argv[2],
                   ENTRY_NO_DUE, False)


cdef void cmd_getdel(Call *call) noexcept nogil:
    cdef slice key = call.argv[1]
    if get_or_reply(call, key):
        key_delete(call.database, key, key_hash(call, key))


cdef void cmd_delifeq(Call *call) noexcept nogil:
    cdef slice key = call.argv[1]
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef entry *e = key_write(call, key)
    if e == NULL:
        reply_int(call.out, 0)
        return
    if not type_or_reply(call, e, ENTRY_STRING):
        return
    if not slice_equal(string_bytes(e, digits), call.argv[2]):
        reply_int(call.out, 0)
        return
    key_delete(call.database, key, key_hash(call, key))
    reply_int(call.out, 1)


cdef bint getex_option_or_reply(Call *call, DueOption *due, slice *text) noexcept nogil:
    cdef Args args = args_from(call, 2)
    cdef bint conflict = False
    due[0] = DUE_NONE
    while args_left(&args):
        if not due_flag(&args, b"PERSIST", DUE_PERSIST, due, &conflict):
            if not due_option(&args, due, text, &conflict):
                conflict = True
        if conflict:
            error_reply(call, ERROR_SYNTAX)
            return False
    return True


cdef void cmd_getex(Call *call) noexcept nogil:
    cdef slice key = call.argv[1]
    cdef slice text
    cdef DueOption due
    cdef int64_t due_ms
    cdef entry *e
    if not getex_option_or_reply(call, &due, &text):
        return
    e = key_read(call, key)
    if e == NULL:
        reply_null(call.out)
        return
    if not type_or_reply(call, e, ENTRY_STRING):
        return
    if not due_or_reply(call, due, text, &due_ms):
        return
    string_reply(call.out, e)
    if due == DUE_NONE or due == DUE_PERSIST and not entry_has_due(e):
        return
    if due != DUE_PERSIST and due_ms <= state.now_ms:
        key_delete(call.database, key, key_hash(call, key))
        return
    key_set_due(call.database, key, key_hash(call, key), e, due_ms)
    key_changed(call.database, key)


# ---- many keys ----

cdef void cmd_mget(Call *call) noexcept nogil:
    cdef KeyWindow window
    cdef Database *db = call.database
    cdef entry *e
    cdef int i
    window_begin(&window, call.argv + 1, 1, call.argc - 1)
    reply_array(call.out, window.count)
    for i in range(window.count):
        e = key_see(call, call.argv[1 + i], window_hash(&window, db, i))
        if e == NULL:
            state.stats.misses += 1
            reply_null(call.out)
            continue
        state.stats.hits += 1
        entry_touch(call, e)
        if likely(entry_get_type(e) == ENTRY_STRING):
            string_reply(call.out, e)
        else:
            reply_null(call.out)


cdef void set_pairs(Call *call, const slice *pairs, int count, int64_t due_ms,
                    bint keep_due) noexcept nogil:
    """Store pairs of key and value in turn: of a key that is there twice the last one stays."""
    cdef KeyWindow window
    cdef int i
    window_begin(&window, pairs, 2, count)
    for i in range(count):
        set_due_value(call, pairs[2 * i], window_hash(&window, call.database, i),
                      pairs[2 * i + 1], due_ms, keep_due)


cdef bint pairs_all(Call *call, const slice *pairs, int count, bint there) noexcept nogil:
    """Whether all keys of the pairs exist (`there`), or none does."""
    cdef KeyWindow window
    cdef Database *db = call.database
    cdef entry *e
    cdef int i
    window_begin(&window, pairs, 2, count)
    for i in range(count):
        e = key_find(db, pairs[2 * i], window_hash(&window, db, i))
        if (e != NULL) != there:
            if e != NULL:
                entry_touch(call, e)
            return False
    return True


cdef void cmd_mset(Call *call) noexcept nogil:
    if call.argc % 2 == 0:
        error_arity(call)
        return
    set_pairs(call, call.argv + 1, call.argc // 2, ENTRY_NO_DUE, False)
    reply_ok(call.out)


cdef void cmd_msetnx(Call *call) noexcept nogil:
    cdef int count = call.argc // 2
    if call.argc % 2 == 0:
        error_arity(call)
        return
    if not pairs_all(call, call.argv + 1, count, False):
        reply_int(call.out, 0)
        return
    set_pairs(call, call.argv + 1, count, ENTRY_NO_DUE, False)
    reply_int(call.out, 1)


cdef void cmd_msetex(Call *call) noexcept nogil:
    cdef const slice *pairs = call.argv + 2
    cdef SetOptions options
    cdef int64_t due_ms, count
    if not number_parse_int64(call.argv[1].data, call.argv[1].length, &count) or not (
            1 <= count <= INT32_MAX):
        error_reply(call, ERROR_NUMKEYS)
        return
    if count > (call.argc - 2) // 2:
        error_reply(call, ERROR_SYNTAX)
        return
    if not set_options_or_reply(call, 2 + 2 * <int>count, True, &options):
        return
    if not due_or_reply(call, options.due, options.due_text, &due_ms):
        return
    if options.nx or options.xx:
        if not pairs_all(call, pairs, count, options.xx):
            reply_int(call.out, 0)
            return
    set_pairs(call, pairs, count, due_ms, options.due == DUE_KEEP)
    reply_int(call.out, 1)


# ---- numbers ----

cdef inline bint string_number_or_reply(Call *call, const entry *e,
                                        int64_t *number) noexcept nogil:
    """The value as an integer, also where its text was put together by APPEND."""
    cdef slice text
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    if likely(entry_get_encoding(e) == ENTRY_INT):
        number[0] = entry_number(e)
        return True
    text = string_bytes(e, digits)
    return int_or_reply(call, text, number)


cdef inline void add_number(Call *call, int64_t delta) noexcept nogil:
    """INCR and its kin: a missing key counts as 0; the due time stays."""
    cdef slice key = call.argv[1]
    cdef uint64_t hash = key_hash(call, key)
    cdef int64_t number = 0
    cdef entry *e = key_find(call.database, key, hash)
    if e != NULL:
        entry_touch(call, e)
        if not type_or_reply(call, e, ENTRY_STRING) or not string_number_or_reply(call, e,
                                                                                  &number):
            return
    if unlikely(delta > 0 and number > INT64_MAX - delta or
                delta < 0 and number < INT64_MIN - delta):
        error_reply(call, ERROR_OVERFLOW)
        return
    number += delta
    if likely(e != NULL and entry_get_encoding(e) == ENTRY_INT):
        entry_set_number(e, number)
    else:
        string_put(call.database, key, hash, ENTRY_INT, slice_of(NULL, 0), number, ENTRY_NO_DUE,
                   True)
    key_changed(call.database, key)
    reply_int(call.out, number)


cdef void cmd_incr(Call *call) noexcept nogil:
    add_number(call, 1)


cdef void cmd_decr(Call *call) noexcept nogil:
    add_number(call, -1)


cdef void cmd_incrby(Call *call) noexcept nogil:
    cdef int64_t delta
    if int_or_reply(call, call.argv[2], &delta):
        add_number(call, delta)


cdef void cmd_decrby(Call *call) noexcept nogil:
    cdef int64_t delta
    if not int_or_reply(call, call.argv[2], &delta):
        return
    if delta == INT64_MIN:
        error_reply(call, ERROR_DECREMENT)
        return
    add_number(call, -delta)


cdef bint long_double_or_reply(Call *call, slice text, long double *value) noexcept nogil:
    if number_parse_long_double(text.data, text.length, value):
        return True
    error_reply(call, ERROR_NOT_FLOAT)
    return False


cdef void cmd_incrbyfloat(Call *call) noexcept nogil:
    """The result is kept as text, as wide as the platform's long double can tell it."""
    cdef slice key = call.argv[1]
    cdef long double number = 0, delta
    cdef char text[NUMBER_LONG_DOUBLE_MAX_LENGTH]
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef slice value
    cdef entry *e = key_write(call, key)
    if e != NULL:
        if not type_or_reply(call, e, ENTRY_STRING):
            return
        if not long_double_or_reply(call, string_bytes(e, digits), &number):
            return
    if not long_double_or_reply(call, call.argv[2], &delta):
        return
    number += delta
    if isnan(number) or isinf(number):
        error_reply(call, ERROR_NAN_OR_INFINITY)
        return
    value = slice_of(text, number_format_long_double(text, sizeof(text), number))
    string_put(call.database, key, key_hash(call, key), text_encoding(value.length), value, 0,
               ENTRY_NO_DUE, True)
    key_changed(call.database, key)
    reply_bulk(call.out, value.data, value.length)


# ---- parts ----

cdef void cmd_strlen(Call *call) noexcept nogil:
    cdef entry *e = key_read(call, call.argv[1])
    if e == NULL:
        reply_int(call.out, 0)
    elif type_or_reply(call, e, ENTRY_STRING):
        reply_int(call.out, string_length(e))


cdef inline bint part_of(int64_t first, int64_t last, int64_t length, int64_t *start,
                         int64_t *count) noexcept nogil:
    """Turn the bounds of GETRANGE (inclusive, negative from the end) into a part that is there;
    False where it is empty. Bounds before the start mean the first byte."""
    if length == 0 or first < 0 and last < 0 and first > last:
        return False
    if first < 0:
        first = max(first + length, 0)
    if last < 0:
        last = max(last + length, 0)
    last = min(last, length - 1)
    start[0] = first
    count[0] = last - first + 1
    return first <= last


cdef void cmd_getrange(Call *call) noexcept nogil:
    cdef int64_t first, last, start, count
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef slice text
    cdef entry *e
    if not int_or_reply(call, call.argv[2], &first):
        return
    if not int_or_reply(call, call.argv[3], &last):
        return
    e = key_read(call, call.argv[1])
    if e == NULL:
        reply_bulk(call.out, b"", 0)
        return
    if not type_or_reply(call, e, ENTRY_STRING):
        return
    text = string_bytes(e, digits)
    if not part_of(first, last, text.length, &start, &count):
        reply_bulk(call.out, b"", 0)
    elif entry_get_encoding(e) == ENTRY_BLOB:
        reply_blob(call.out, entry_blob(e), start, count)
    else:
        reply_bulk(call.out, text.data + start, count)


cdef bint string_size_or_reply(Call *call, uint64_t before, uint64_t more) noexcept nogil:
    """Whether a string may grow to before + more bytes (neither is above INT64_MAX)."""
    if before + more <= <uint64_t>state.limits.bulk_max:
        return True
    error_reply(call, ERROR_STRING_TOO_LONG)
    return False


cdef void cmd_append(Call *call) noexcept nogil:
    cdef slice key = call.argv[1]
    cdef slice tail = call.argv[2]
    cdef uint64_t hash = key_hash(call, key)
    cdef entry *e = key_write(call, key)
    cdef size_t length
    if e == NULL:
        string_set(call.database, key, hash, tail, ENTRY_NO_DUE, False)
        reply_int(call.out, tail.length)
        return
    if not type_or_reply(call, e, ENTRY_STRING):
        return
    length = string_length(e)
    if not string_size_or_reply(call, length, tail.length):
        return
    memcpy(string_writable(call.database, key, hash, e, length + tail.length) + length,
           tail.data, tail.length)
    key_changed(call.database, key)
    reply_int(call.out, length + tail.length)


cdef void cmd_setrange(Call *call) noexcept nogil:
    cdef slice key = call.argv[1]
    cdef slice part = call.argv[3]
    cdef uint64_t hash = key_hash(call, key)
    cdef int64_t offset
    cdef entry *e
    cdef size_t length = 0
    if not int_or_reply(call, call.argv[2], &offset):
        return
    if offset < 0:
        error_reply(call, ERROR_OFFSET_OUT_OF_RANGE)
        return
    e = key_write(call, key)
    if e != NULL:
        if not type_or_reply(call, e, ENTRY_STRING):
            return
        length = string_length(e)
    if part.length == 0:
        reply_int(call.out, length)
        return
    if not string_size_or_reply(call, offset, part.length):
        return
    length = max(length, <size_t>offset + part.length)
    memcpy(string_reach(call.database, key, hash, e, length) + offset, part.data, part.length)
    key_changed(call.database, key)
    reply_int(call.out, length)


# name, arity, flags, group, acl, key specs, tips, handler
row(b"append", 3, b"write denyoom fast", b"string", b"",
    b"RW,insert index:1 range:0,1,0", b"", cmd_append)
row(b"decr", 2, b"write denyoom fast", b"string", b"",
    b"RW,access,update index:1 range:0,1,0", b"", cmd_decr)
row(b"decrby", 3, b"write denyoom fast", b"string", b"",
    b"RW,access,update index:1 range:0,1,0", b"", cmd_decrby)
row(b"get", 2, b"readonly fast", b"string", b"", b"RO,access index:1 range:0,1,0", b"", cmd_get)
row(b"getdel", 2, b"write fast", b"string", b"",
    b"RW,access,delete index:1 range:0,1,0", b"", cmd_getdel)
row(b"getex", -2, b"write fast", b"string", b"",
    b'RW,access,update index:1 range:0,1,0 note:"it can change the expiry of what it reads"',
    b"", cmd_getex)
row(b"getrange", 4, b"readonly", b"string", b"",
    b"RO,access index:1 range:0,1,0", b"", cmd_getrange)
row(b"getset", 3, b"write denyoom fast", b"string", b"",
    b"RW,access,update index:1 range:0,1,0", b"", cmd_getset)
row(b"incr", 2, b"write denyoom fast", b"string", b"",
    b"RW,access,update index:1 range:0,1,0", b"", cmd_incr)
row(b"incrby", 3, b"write denyoom fast", b"string", b"",
    b"RW,access,update index:1 range:0,1,0", b"", cmd_incrby)
row(b"incrbyfloat", 3, b"write denyoom fast", b"string", b"",
    b"RW,access,update index:1 range:0,1,0", b"", cmd_incrbyfloat)
row(b"mget", -2, b"readonly fast", b"string", b"",
    b"RO,access index:1 range:-1,1,0", b"request_policy:multi_shard", cmd_mget)
row(b"mset", -3, b"write denyoom", b"string", b"",
    b"OW,update index:1 range:-1,2,0",
    b"request_policy:multi_shard|response_policy:all_succeeded", cmd_mset)
row(b"msetnx", -3, b"write denyoom", b"string", b"",
    b"OW,insert index:1 range:-1,2,0", b"", cmd_msetnx)
row(b"psetex", 4, b"write denyoom", b"string", b"",
    b"OW,update index:1 range:0,1,0", b"", cmd_psetex)
row(b"set", -3, b"write denyoom", b"string", b"",
    b'RW,access,update,variable_flags index:1 range:0,1,0 note:"GET reads the old value as well"',
    b"", cmd_set)
row(b"setex", 4, b"write denyoom", b"string", b"", b"OW,update index:1 range:0,1,0", b"", cmd_setex)
row(b"setnx", 3, b"write denyoom fast", b"string", b"",
    b"OW,insert index:1 range:0,1,0", b"", cmd_setnx)
row(b"setrange", 4, b"write denyoom", b"string", b"",
    b"RW,update index:1 range:0,1,0", b"", cmd_setrange)
row(b"strlen", 2, b"readonly fast", b"string", b"", b"RO index:1 range:0,1,0", b"", cmd_strlen)
row(b"substr", 4, b"readonly", b"string", b"", b"RO,access index:1 range:0,1,0", b"", cmd_getrange)
row(b"delifeq", 3, b"write fast", b"string", b"",
    b"RM,delete index:1 range:0,1,0", b"", cmd_delifeq)
row(b"msetex", -4, b"write denyoom movablekeys", b"string", b"",
    b"OW,update index:1 keynum:0,1,2",
    b"request_policy:multi_shard|response_policy:all_succeeded", cmd_msetex)
