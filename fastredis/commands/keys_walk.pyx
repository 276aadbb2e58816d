# keys_walk: commands that walk the keys of a database: KEYS, SCAN, RANDOMKEY.
#
# A walk must not change the table, so keys that are due but not yet deleted are passed over. Where
# no timer deletes them (DEBUG SET-ACTIVE-EXPIRE 0) SCAN does so before it walks.

ctypedef struct Walk:
    reply *out
    slice pattern
    bint every                   # no pattern, or "*": also the empty name
    int type                     # an entry_type, or one of the two below
    int64_t seen                 # elements, whether they fit or not
    int64_t listed

cdef enum:
    ANY_TYPE = -1
    NO_TYPE = -2                 # a type that does not exist: nothing fits


cdef void _walk_visit(void *context, void *element) noexcept nogil:
    cdef Walk *walk = <Walk *>context
    cdef const entry *e = <const entry *>element
    cdef slice key = entry_key_slice(e)
    walk.seen += 1
    if walk.type != ANY_TYPE and <int>entry_get_type(e) != walk.type or entry_is_due(e):
        return
    if walk.every or glob_match(walk.pattern.data, walk.pattern.length, key.data, key.length,
                                False):
        walk.listed += 1
        reply_bulk(walk.out, key.data, key.length)


cdef void _walk_begin(Walk *walk, reply *out) noexcept nogil:
    memset(walk, 0, sizeof(Walk))
    walk.out = out
    walk.every = True
    walk.type = ANY_TYPE


cdef void _walk_match(Walk *walk, slice pattern) noexcept nogil:
    walk.pattern = pattern
    walk.every = glob_matches_all(pattern.data, pattern.length)


cdef void cmd_keys(Call *call) noexcept nogil:
    cdef Walk walk
    cdef slice pattern = call.argv[1]
    cdef size_t place = reply_later(call.out)
    cdef bint there
    if glob_is_literal(pattern.data, pattern.length):
        there = key_peek(call, pattern) != NULL
        reply_array(call.out, there)
        if there:
            reply_bulk(call.out, pattern.data, pattern.length)
        return
    _walk_begin(&walk, call.out)
    _walk_match(&walk, pattern)
    hashtable_each(&call.database.keys, _walk_visit, &walk)
    reply_insert(call.out, place, reply_write_array, walk.listed)


# ---- SCAN ----

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


cdef bint _scan_options_or_reply(Call *call, Walk *walk, int64_t *count) noexcept nogil:
    cdef Args args = args_from(call, 2)
    cdef slice value
    count[0] = 10
    while args_left(&args):
        if args_option_with(&args, b"MATCH", &value):
            _walk_match(walk, value)
        elif args_option_with(&args, b"TYPE", &value):
            walk.type = _type_named(value)
        elif args_option_with(&args, b"COUNT", &value):
            if not int_or_reply(call, value, count):
                return False
            if count[0] < 1:
                error_reply(call, ERROR_SYNTAX)
                return False
        elif args_option(&args, b"NOVALUES"):
            error_reply(call, ERROR_SCAN_NOVALUES)
            return False
        else:
            error_reply(call, ERROR_SYNTAX)
            return False
    return True


cdef void _write_cursor(reply *out, int64_t cursor) noexcept nogil:
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    reply_bulk(out, digits, number_format_uint64(digits, <uint64_t>cursor))


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
    cdef Walk walk
    cdef uint64_t cursor
    cdef int64_t count, buckets = 0, buckets_max
    cdef size_t place
    _walk_begin(&walk, call.out)
    if not cursor_or_reply(call, call.argv[1], &cursor):
        return
    if not _scan_options_or_reply(call, &walk, &count):
        return
    _expire_some(call.database, count)
    reply_array(call.out, 2)
    place = reply_later(call.out)
    # A nearly empty table is walked no further than ten buckets for each key asked for.
    buckets_max = count * 10 if count < INT64_MAX // 10 else INT64_MAX
    while True:
        cursor = hashtable_scan(&call.database.keys, cursor, _walk_visit, &walk)
        buckets += 1
        if cursor == 0 or walk.seen >= count or buckets >= buckets_max:
            break
    reply_insert(call.out, place, reply_write_array, walk.listed)
    reply_insert(call.out, place, _write_cursor, <int64_t>cursor)


# ---- RANDOMKEY ----

cdef enum:
    RANDOM_TRIES = 100


cdef void _first_alive(void *context, void *element) noexcept nogil:
    cdef entry **found = <entry **>context
    if found[0] == NULL and not entry_is_due(<entry *>element):
        found[0] = <entry *>element


cdef entry *key_random(Database *db) noexcept nogil:
    """Any key that is not due, or NULL. Due ones that are drawn are deleted; where nearly all are,
    the first live one of a walk must do."""
    cdef entry *e = NULL
    cdef uint64_t cursor = 0
    cdef int i
    for i in range(RANDOM_TRIES):
        e = <entry *>hashtable_random(&db.keys, &state.random)
        if e == NULL or not entry_is_due(e):
            return e
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
