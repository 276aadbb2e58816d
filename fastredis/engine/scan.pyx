# scan: what SCAN, SSCAN, HSCAN and ZSCAN share: the cursor, the options, the walk, the reply.
#
#     if not cursor_or_reply(call, text, &cursor): return
#     (look the key up; scan_reply_nothing where it is missing)
#     if not scan_options_or_reply(call, first, takes, &scan): return
#     place = scan_reply_begin(&scan)
#     cursor = scan_table(&scan, table, cursor, visit)      or, for a small encoding, all of it
#     scan_reply_end(&scan, place, cursor)
#
# `visit` is given the Scan: it counts every element in `seen`, writes those that scan_fits likes,
# and counts in `listed` what it has written (two for an element with a value). A small encoding
# is written whole, with the cursor 0, as Redis does: there is nothing in it that could be
# remembered between two calls.

ctypedef struct Scan:
    reply *out
    slice pattern
    bint every                   # no pattern, or "*": also the empty name
    bint no_values               # HSCAN NOVALUES
    int type                     # SCAN TYPE: an entry_type, or one of the two below
    int64_t count                # asked for: at least 1
    int64_t seen                 # elements, whether they fit or not
    int64_t listed               # elements of the reply

cdef enum:
    ANY_TYPE = -1
    NO_TYPE = -2                 # a type that does not exist: nothing fits

cdef enum:                       # options that not every command takes
    SCAN_TAKES_TYPE = 1
    SCAN_TAKES_NOVALUES = 2


cdef void scan_begin(Scan *scan, reply *out) noexcept nogil:
    memset(scan, 0, sizeof(Scan))
    scan.out = out
    scan.every = True
    scan.type = ANY_TYPE
    scan.count = 10


cdef void scan_match(Scan *scan, slice pattern) noexcept nogil:
    scan.pattern = pattern
    scan.every = glob_matches_all(pattern.data, pattern.length)


cdef inline bint scan_fits(const Scan *scan, slice name) noexcept nogil:
    return scan.every or glob_match(scan.pattern.data, scan.pattern.length, name.data,
                                    name.length, False)


# ---- arguments ----

cdef bint cursor_or_reply(Call *call, slice text, uint64_t *cursor) noexcept nogil:
    """A cursor, in every spelling that Redis 8 takes: what C's strtoull reads up to the end or a
    NUL, but not nothing and not a plain negative number."""
    cdef size_t at = 0, first
    cdef uint64_t value = 0, digit
    cdef int64_t negative
    cdef bint minus
    if number_parse_int64(text.data, text.length, &negative) and negative < 0:
        error_reply(call, ERROR_CURSOR)
        return False
    while at < text.length and (text.data[at] == c' ' or c'\t' <= text.data[at] <= c'\r'):
        at += 1
    minus = at < text.length and text.data[at] == c'-'
    if at < text.length and (minus or text.data[at] == c'+'):
        at += 1
    first = at
    while at < text.length and c'0' <= text.data[at] <= c'9':
        digit = text.data[at] - c'0'
        if value > (UINT64_MAX - digit) // 10:
            error_reply(call, ERROR_CURSOR)
            return False
        value = value * 10 + digit
        at += 1
    if at == first or at < text.length and text.data[at] != 0:
        error_reply(call, ERROR_CURSOR)
        return False
    cursor[0] = 0 - value if minus else value
    return True


cdef int _type_named(slice name) noexcept nogil:
    if slice_is(name, b"STRING"):
        return ENTRY_STRING
    if slice_is(name, b"LIST"):
        return ENTRY_LIST
    if slice_is(name, b"SET"):
        return ENTRY_SET
    if slice_is(name, b"ZSET"):
        return ENTRY_ZSET
    if slice_is(name, b"HASH"):
        return ENTRY_HASH
    if slice_is(name, b"STREAM"):
        return ENTRY_STREAM
    return NO_TYPE


cdef bint scan_options_or_reply(Call *call, int first, int takes, Scan *scan) noexcept nogil:
    """The options from argument `first` on; begins the scan."""
    cdef Args args = args_from(call, first)
    cdef slice value
    scan_begin(scan, call.out)
    while args_left(&args):
        if args_option_with(&args, b"COUNT", &value):
            if not int_or_reply(call, value, &scan.count):
                return False
            if scan.count < 1:
                error_reply(call, ERROR_SYNTAX)
                return False
        elif args_option_with(&args, b"MATCH", &value):
            scan_match(scan, value)
        elif takes & SCAN_TAKES_TYPE and args_option_with(&args, b"TYPE", &value):
            scan.type = _type_named(value)
        elif args_option(&args, b"NOVALUES"):
            if not takes & SCAN_TAKES_NOVALUES:
                error_reply(call, ERROR_SCAN_NOVALUES)
                return False
            scan.no_values = True
        else:
            error_reply(call, ERROR_SYNTAX)
            return False
    return True


cdef bint scan_key_or_reply(Call *call, entry_type wanted, int takes, Scan *scan,
                            uint64_t *cursor, entry **e) noexcept nogil:
    """The arguments of a scan within a key: key, cursor, options. False also where there is no such
    key: that is answered, without a look at the options."""
    if not cursor_or_reply(call, call.argv[2], cursor):
        return False
    if not key_typed_read_or_reply(call, call.argv[1], wanted, e):
        return False
    if e[0] == NULL:
        scan_reply_nothing(call.out)
        return False
    return scan_options_or_reply(call, 3, takes, scan)


# ---- the walk and the reply ----

cdef uint64_t scan_table(Scan *scan, const hashtable *table, uint64_t cursor,
                         hashtable_visit visit) noexcept nogil:
    """Walk until as many elements as asked for have been seen; returns the next cursor. A nearly
    empty table is walked no further than ten buckets for each element asked for."""
    cdef int64_t buckets = 0
    cdef int64_t buckets_max = scan.count * 10 if scan.count < INT64_MAX // 10 else INT64_MAX
    while True:
        cursor = hashtable_scan(table, cursor, visit, scan)
        buckets += 1
        if cursor == 0 or scan.seen >= scan.count or buckets >= buckets_max:
            return cursor


cdef void _write_cursor(reply *out, int64_t cursor) noexcept nogil:
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    reply_bulk(out, digits, number_format_uint64(digits, <uint64_t>cursor))


cdef size_t scan_reply_begin(Scan *scan) noexcept nogil:
    reply_array(scan.out, 2)
    return reply_later(scan.out)


cdef void scan_reply_end(Scan *scan, size_t place, uint64_t cursor) noexcept nogil:
    reply_insert(scan.out, place, reply_write_array, scan.listed)
    reply_insert(scan.out, place, _write_cursor, <int64_t>cursor)


cdef void scan_reply_nothing(reply *out) noexcept nogil:
    """There is no such key."""
    reply_array(out, 2)
    reply_bulk(out, b"0", 1)
    reply_array(out, 0)
