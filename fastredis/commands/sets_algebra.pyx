# sets_algebra: SINTER, SUNION, SDIFF, with a reply, a count or a new set as their result.
#
# csrc/set_algebra.h walks the inputs and hands over the members of the result one by one: to the
# reply, whose header is inserted behind them, to a counter, or to a new set, which takes the place
# of the target when it is whole, so that the target may be an input.
#
# A missing key is an empty set; all keys are looked up, and their types checked, in any case.

cdef enum:
    SETS_ON_STACK = 16

ctypedef enum Algebra:
    ALGEBRA_INTERSECT
    ALGEBRA_UNITE
    ALGEBRA_SUBTRACT

ctypedef struct Operands:
    const entry **sets           # without the missing ones
    int count
    int room
    bint first_missing
    bint any_missing
    const entry *stack[SETS_ON_STACK]

ctypedef struct Result:
    reply *out                   # where members go, or ...
    entry *made                  # ... the new set they go to
    slice key
    int64_t count
    int64_t limit                # where counting stops; 0: nowhere
    bint as_listpack             # what the new set begins as
    bint as_table                # ... or ends as


cdef bint _operands_or_reply(Call *call, int first, int count, Operands *sets) noexcept nogil:
    """Look up the keys of `count` arguments. To be freed, also where it fails."""
    cdef entry *e
    cdef int i
    sets.count = 0
    sets.room = count
    sets.first_missing = sets.any_missing = False
    sets.sets = sets.stack
    if count > SETS_ON_STACK:
        sets.sets = <const entry **>alloc_new(count * sizeof(void *))
    for i in range(count):
        if not key_typed_read_or_reply(call, call.argv[first + i], ENTRY_SET, &e):
            return False
        if e == NULL:
            sets.any_missing = True
            sets.first_missing = sets.first_missing or i == 0
        else:
            sets.sets[sets.count] = e
            sets.count += 1
    return True


cdef void _operands_free(Operands *sets) noexcept nogil:
    if sets.sets != sets.stack:
        alloc_free(sets.sets, sets.room * sizeof(void *))


cdef void _combine(Algebra algebra, Operands *sets, set_visit visit,
                   Result *result) noexcept nogil:
    if algebra == ALGEBRA_INTERSECT:
        if not sets.any_missing:
            set_intersect(sets.sets, sets.count, &state.sets, visit, result)
    elif algebra == ALGEBRA_UNITE:
        if sets.count:
            set_unite(sets.sets, sets.count, &state.sets, visit, result)
    elif not sets.first_missing:
        set_subtract(sets.sets, sets.count, &state.sets, visit, result)


# ---- as a reply ----

cdef cbool _result_write(void *context, slice member) noexcept nogil:
    cdef Result *result = <Result *>context
    result.count += 1
    reply_bulk(result.out, member.data, member.length)
    return True


cdef void _algebra_reply(Call *call, Algebra algebra) noexcept nogil:
    cdef Operands sets
    cdef Result result
    cdef size_t place
    memset(&result, 0, sizeof(Result))
    result.out = call.out
    if _operands_or_reply(call, 1, call.argc - 1, &sets):
        place = reply_later(call.out)
        _combine(algebra, &sets, _result_write, &result)
        reply_insert(call.out, place, reply_write_set, result.count)
    _operands_free(&sets)


cdef void cmd_sinter(Call *call) noexcept nogil:
    _algebra_reply(call, ALGEBRA_INTERSECT)


cdef void cmd_sunion(Call *call) noexcept nogil:
    _algebra_reply(call, ALGEBRA_UNITE)


cdef void cmd_sdiff(Call *call) noexcept nogil:
    _algebra_reply(call, ALGEBRA_SUBTRACT)


# ---- as a count ----

cdef cbool _result_count(void *context, slice member) noexcept nogil:
    cdef Result *result = <Result *>context
    result.count += 1
    return result.count != result.limit


cdef void cmd_sintercard(Call *call) noexcept nogil:
    cdef Operands sets
    cdef Result result
    cdef Args args
    cdef slice text
    cdef int64_t key_count
    memset(&result, 0, sizeof(Result))
    if (not number_parse_int64(call.argv[1].data, call.argv[1].length, &key_count)
            or key_count < 1):
        error_reply(call, ERROR_NUMKEYS_POSITIVE)
        return
    if key_count > call.argc - 2:
        error_reply(call, ERROR_NUMKEYS_TOO_MANY)
        return
    args = args_from(call, 2 + <int>key_count)
    while args_left(&args):
        if not args_option_with(&args, b"LIMIT", &text):
            error_reply(call, ERROR_SYNTAX)
            return
        if not number_parse_int64(text.data, text.length, &result.limit) or result.limit < 0:
            error_reply(call, ERROR_LIMIT_NEGATIVE)
            return
    if _operands_or_reply(call, 2, <int>key_count, &sets):
        _combine(ALGEBRA_INTERSECT, &sets, _result_count, &result)
        reply_int(call.out, result.count)
    _operands_free(&sets)


# ---- as a new set ----

cdef cbool _result_add(void *context, slice member) noexcept nogil:
    cdef Result *result = <Result *>context
    if result.made == NULL:
        result.made = set_new(result.key, ENTRY_NO_DUE,
                              slice_of(b"", 0) if result.as_listpack else member, 0, &state.sets)
    set_add(result.made, member, &state.sets)
    return True


# The encoding of a stored result shows how Redis makes it, and OBJECT ENCODING tells: an
# intersection grows from the encoding of the smallest set, and becomes an intset in the end where
# it can; a union grows from an intset; a difference too, but where looking up every member of the
# first set in all others would cost more than walking all sets once, Redis copies the first set
# and takes out what the others hold, which leaves the encoding of the copy.

cdef void _choose_encoding(Algebra algebra, const Operands *sets, Result *result) noexcept nogil:
    cdef const entry *smallest
    cdef entry_encoding encoding
    cdef size_t walked = 0
    cdef int i
    if algebra == ALGEBRA_INTERSECT and not sets.any_missing:
        smallest = sets.sets[0]
        for i in range(1, sets.count):
            if set_count(sets.sets[i]) < set_count(smallest):
                smallest = sets.sets[i]
        result.as_listpack = entry_get_encoding(smallest) != ENTRY_INTSET
    elif algebra == ALGEBRA_SUBTRACT and not sets.first_missing:
        for i in range(sets.count):
            walked += set_count(sets.sets[i])
        if set_count(sets.sets[0]) * sets.count // 2 > walked:
            encoding = set_encoding_of_copy(sets.sets[0], &state.sets)
            result.as_listpack = encoding == ENTRY_LISTPACK
            result.as_table = encoding == ENTRY_HASHTABLE


cdef void _algebra_store(Call *call, Algebra algebra) noexcept nogil:
    cdef Operands sets
    cdef Result result
    cdef slice key = call.argv[1]
    cdef uint64_t hash
    memset(&result, 0, sizeof(Result))
    result.key = key
    if not _operands_or_reply(call, 2, call.argc - 2, &sets):
        _operands_free(&sets)
        return
    _choose_encoding(algebra, &sets, &result)
    _combine(algebra, &sets, _result_add, &result)
    _operands_free(&sets)
    hash = key_hash(call, key)
    if result.made == NULL:
        key_delete(call.database, key, hash)
        reply_int(call.out, 0)
        return
    if result.as_table:
        set_make_table(result.made, &state.sets)
    elif result.as_listpack and algebra == ALGEBRA_INTERSECT:
        set_compact(result.made, &state.sets)
    result.count = set_count(result.made)
    entry_set_clock(result.made, clock_new())
    key_put(call.database, result.made, key, hash)
    key_changed(call.database, key)
    reply_int(call.out, result.count)


cdef void cmd_sinterstore(Call *call) noexcept nogil:
    _algebra_store(call, ALGEBRA_INTERSECT)


cdef void cmd_sunionstore(Call *call) noexcept nogil:
    _algebra_store(call, ALGEBRA_UNITE)


cdef void cmd_sdiffstore(Call *call) noexcept nogil:
    _algebra_store(call, ALGEBRA_SUBTRACT)


row(b"sdiff", -2, b"readonly", b"set", b"",
    b"RO,access index:1 range:-1,1,0", b"nondeterministic_output_order", cmd_sdiff)
row(b"sdiffstore", -3, b"write denyoom", b"set", b"",
    b"OW,update index:1 range:0,1,0 ; RO,access index:2 range:-1,1,0", b"", cmd_sdiffstore)
row(b"sinter", -2, b"readonly", b"set", b"",
    b"RO,access index:1 range:-1,1,0", b"nondeterministic_output_order", cmd_sinter)
row(b"sintercard", -3, b"readonly movablekeys", b"set", b"",
    b"RO,access index:1 keynum:0,1,1", b"", cmd_sintercard)
row(b"sinterstore", -3, b"write denyoom", b"set", b"",
    b"OW,update index:1 range:0,1,0 ; RO,access index:2 range:-1,1,0", b"", cmd_sinterstore)
row(b"sunion", -2, b"readonly", b"set", b"",
    b"RO,access index:1 range:-1,1,0", b"nondeterministic_output_order", cmd_sunion)
row(b"sunionstore", -3, b"write denyoom", b"set", b"",
    b"OW,update index:1 range:0,1,0 ; RO,access index:2 range:-1,1,0", b"", cmd_sunionstore)
