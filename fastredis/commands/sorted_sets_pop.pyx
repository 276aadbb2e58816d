# sorted_sets_pop: taking members from the ends of sorted sets, at once or when there are some.
#
#   ZPOPMIN ZPOPMAX        one key, with or without a count
#   ZMPOP                  the first key that has any
#   BZPOPMIN BZPOPMAX      the same, one member; waits where no key has any
#   BZMPOP                 the same as ZMPOP, and waits
#
# A waiting command is run again as a whole when one of its keys may serve it
# (engine/blocking_keys.pyx), so that there is one way to pop.
#
# Complexity: O(log n + members popped), and O(1) a key looked at.

cdef void _pop_scored(Call *call, slice key, entry *e, int64_t count, bint greatest,
                      bint nested) noexcept nogil:
    """Write the next members from one end with their scores, without a head, and remove them."""
    cdef size_t total = zset_count(e)
    cdef zset_iterator iterator
    cdef zset_span span
    cdef slice member
    cdef double score
    span.count = count
    span.first = total - span.count if greatest else 0
    zset_iterate_span(&iterator, e, span, greatest)
    while zset_next(&iterator, &member, &score):
        reply_member(call.out, member, score, nested)
    zset_remove_span(e, span)
    sorted_set_changed(call, key, e, span.count)


cdef inline int64_t _pop_count(const entry *e, int64_t wanted) noexcept nogil:
    cdef size_t total = zset_count(e)
    return <int64_t>total if <size_t>wanted > total else wanted


# ---- ZPOPMIN and ZPOPMAX ----

cdef inline void _pop_reply(Call *call, bint greatest) noexcept nogil:
    cdef bint nested = call.argc == 3 and call.out.protocol == 3
    cdef slice key = call.argv[1]
    cdef int64_t count = 1
    cdef entry *e
    if call.argc > 3:
        error_reply(call, ERROR_SYNTAX)
        return
    if call.argc == 3:
        if not number_parse_int64(call.argv[2].data, call.argv[2].length, &count) or count < 0:
            error_reply(call, ERROR_POSITIVE)
            return
    if not key_typed_or_reply(call, key, ENTRY_ZSET, &e):
        return
    if e == NULL or count == 0:
        reply_array(call.out, 0)
        return
    count = _pop_count(e, count)
    reply_array(call.out, count if nested else 2 * count)
    _pop_scored(call, key, e, count, greatest, nested)


cdef void cmd_zpopmin(Call *call) noexcept nogil:
    _pop_reply(call, False)


cdef void cmd_zpopmax(Call *call) noexcept nogil:
    _pop_reply(call, True)


# ---- the first of several keys ----

cdef bint _first_filled_or_reply(Call *call, const slice *keys, int count, int *index,
                                 entry **e) noexcept nogil:
    """The first of the keys that exists, which must be a sorted set; *e is NULL where none does."""
    cdef int i
    for i in range(count):
        if not key_typed_or_reply(call, keys[i], ENTRY_ZSET, e):
            return False
        if e[0] != NULL:
            index[0] = i
            return True
    return True


cdef inline void _blocking_pop_reply(Call *call, bint greatest) noexcept nogil:
    cdef const slice *keys = call.argv + 1
    cdef int count = call.argc - 2, index = 0
    cdef int64_t timeout_ms
    cdef entry *e = NULL
    if not timeout_or_reply(call, call.argv[call.argc - 1], &timeout_ms):
        return
    if not _first_filled_or_reply(call, keys, count, &index, &e):
        return
    if e == NULL:
        block_on_keys(call, keys, 1, count, timeout_ms, null_array_timed_out)
        return
    reply_array(call.out, 3)
    reply_bulk(call.out, keys[index].data, keys[index].length)
    _pop_scored(call, keys[index], e, 1, greatest, False)


cdef void cmd_bzpopmin(Call *call) noexcept nogil:
    _blocking_pop_reply(call, False)


cdef void cmd_bzpopmax(Call *call) noexcept nogil:
    _blocking_pop_reply(call, True)


# ---- ZMPOP and BZMPOP ----

ctypedef struct PopMany:
    const slice *keys
    int key_count
    bint greatest
    int64_t count


cdef bint _above_zero_or_reply(Call *call, slice text, Status status,
                               int64_t *number) noexcept nogil:
    if number_parse_int64(text.data, text.length, number) and number[0] > 0:
        return True
    error_reply(call, status)
    return False


cdef bint _pop_many_or_reply(Call *call, int at, PopMany *wanted) noexcept nogil:
    """`numkeys key ... MIN|MAX [COUNT count]` from argument `at` on."""
    cdef Args args = args_from(call, at + 1)
    cdef int64_t key_count
    cdef slice text
    if not _above_zero_or_reply(call, call.argv[at], ERROR_NUMKEYS_POSITIVE, &key_count):
        return False
    if key_count >= args_left(&args):
        error_reply(call, ERROR_SYNTAX)
        return False
    wanted.keys = args.argv + args.at
    wanted.key_count = key_count
    wanted.count = 1
    args.at += wanted.key_count
    wanted.greatest = args_option(&args, b"MAX")
    if not wanted.greatest and not args_option(&args, b"MIN"):
        error_reply(call, ERROR_SYNTAX)
        return False
    if args_option_with(&args, b"COUNT", &text):
        if not _above_zero_or_reply(call, text, ERROR_COUNT_POSITIVE, &wanted.count):
            return False
    if args_left(&args):
        error_reply(call, ERROR_SYNTAX)
        return False
    return True


cdef bint _pop_many(Call *call, const PopMany *wanted) noexcept nogil:
    """Pop from the first key that has any and answer; False where none has."""
    cdef int index = 0
    cdef int64_t count
    cdef entry *e = NULL
    if not _first_filled_or_reply(call, wanted.keys, wanted.key_count, &index, &e):
        return True
    if e == NULL:
        return False
    count = _pop_count(e, wanted.count)
    reply_array(call.out, 2)
    reply_bulk(call.out, wanted.keys[index].data, wanted.keys[index].length)
    reply_array(call.out, count)
    _pop_scored(call, wanted.keys[index], e, count, wanted.greatest, True)
    return True


cdef void cmd_zmpop(Call *call) noexcept nogil:
    cdef PopMany wanted
    if _pop_many_or_reply(call, 1, &wanted) and not _pop_many(call, &wanted):
        reply_null_array(call.out)


cdef void cmd_bzmpop(Call *call) noexcept nogil:
    cdef PopMany wanted
    cdef int64_t timeout_ms
    if not _pop_many_or_reply(call, 2, &wanted):
        return
    if not timeout_or_reply(call, call.argv[1], &timeout_ms):
        return
    if not _pop_many(call, &wanted):
        block_on_keys(call, wanted.keys, 1, wanted.key_count, timeout_ms, null_array_timed_out)


row(b"bzmpop", -5, b"write blocking", b"sorted-set", b"",
    b"RW,access,delete index:2 keynum:0,1,1", b"", cmd_bzmpop)
row(b"bzpopmax", -3, b"write blocking fast", b"sorted-set", b"",
    b"RW,access,delete index:1 range:-2,1,0", b"", cmd_bzpopmax)
row(b"bzpopmin", -3, b"write blocking fast", b"sorted-set", b"",
    b"RW,access,delete index:1 range:-2,1,0", b"", cmd_bzpopmin)
row(b"zmpop", -4, b"write", b"sorted-set", b"", b"RW,access,delete index:1 keynum:0,1,1", b"",
    cmd_zmpop)
row(b"zpopmax", -2, b"write fast", b"sorted-set", b"", b"RW,access,delete index:1 range:0,1,0",
    b"", cmd_zpopmax)
row(b"zpopmin", -2, b"write fast", b"sorted-set", b"", b"RW,access,delete index:1 range:0,1,0",
    b"", cmd_zpopmin)
