# hashes_expiry: due times of hash fields: setting, telling and dropping them, and the commands that
# do so while they read or write (HGETEX, HSETEX, HGETDEL).
#
# All name their fields in the same way, FIELDS count field ... (HSETEX: field value ...), at the
# end of the command. A due time that has passed removes the field at once.

cdef enum:
    FIELD_MISSING = -2           # answers for one field
    FIELD_LASTS = -1
    FIELD_NOT_ALLOWED = 0        # the condition does not hold
    FIELD_DUE_SET = 1
    FIELD_EXPIRED = 2

cdef enum:
    FIELD_TIME_MAX_MS = 0x3fffffffffff   # the latest that Redis takes


# ---- arguments ----

cdef bint _fields_or_reply(Call *call, int at, Status bad_count, const slice **names,
                           int *count) noexcept nogil:
    """FIELDS count field ... from argument `at` to the end."""
    cdef int64_t told
    if at + 1 >= call.argc or not slice_is(call.argv[at], b"FIELDS"):
        error_reply(call, ERROR_FIELDS_MISSING)
        return False
    if not number_parse_int64(call.argv[at + 1].data, call.argv[at + 1].length,
                              &told) or told < 1:
        error_reply(call, bad_count)
        return False
    if told != call.argc - at - 2:
        error_reply(call, ERROR_FIELDS_COUNT)
        return False
    names[0] = call.argv + at + 2
    count[0] = call.argc - at - 2
    return True


cdef bint _field_time_or_reply(Call *call, slice text, int64_t unit_ms, int64_t base_ms,
                               int64_t *due_ms) noexcept nogil:
    """The wall-clock time meant; it may have passed."""
    if not int_or_reply(call, text, due_ms):
        return False
    if due_ms[0] < 0:
        error_reply(call, ERROR_FIELD_DUE_NEGATIVE)
        return False
    if due_ms[0] > FIELD_TIME_MAX_MS // unit_ms or (
            due_ms[0] * unit_ms > FIELD_TIME_MAX_MS - base_ms):
        error_expire(call)
        return False
    due_ms[0] = due_ms[0] * unit_ms + base_ms
    return True


cdef bint _due_option_time_or_reply(Call *call, DueOption kind, slice text,
                                    int64_t *due_ms) noexcept nogil:
    return _field_time_or_reply(
        call, text, 1000 if kind == DUE_EX or kind == DUE_EXAT else 1,
        state.now_ms if kind == DUE_EX or kind == DUE_PX else 0, due_ms)


cdef inline DueOption _due_word(slice word) noexcept nogil:
    if slice_is(word, b"EX"):
        return DUE_EX
    if slice_is(word, b"PX"):
        return DUE_PX
    if slice_is(word, b"EXAT"):
        return DUE_EXAT
    if slice_is(word, b"PXAT"):
        return DUE_PXAT
    return DUE_NONE


# ---- one field ----

cdef bint _field_set_due(entry *e, slice name, int64_t due_ms) noexcept nogil:
    """Give a field that is there a due time; True where that has passed and the field is gone."""
    if due_ms > state.now_ms:
        fields_set_due(e, name, due_ms)
        return False
    fields_remove(e, name, state.now_ms)
    state.stats.expired_fields += 1
    return True


cdef inline bint _field_persist(entry *e, slice name, const field_item *item) noexcept nogil:
    """Drop the due time of a field that is there; False where it has none."""
    if item.due_ms == FIELD_NO_DUE:
        return False
    fields_set_due(e, name, FIELD_NO_DUE)
    return True


# ---- HEXPIRE and its kin ----

ctypedef enum FieldCondition:
    CONDITION_NONE
    CONDITION_NX
    CONDITION_XX
    CONDITION_GT
    CONDITION_LT


cdef FieldCondition _condition(slice word) noexcept nogil:
    if slice_is(word, b"NX"):
        return CONDITION_NX
    if slice_is(word, b"XX"):
        return CONDITION_XX
    if slice_is(word, b"GT"):
        return CONDITION_GT
    if slice_is(word, b"LT"):
        return CONDITION_LT
    return CONDITION_NONE


cdef bint _condition_holds(FieldCondition condition, int64_t before_ms,
                           int64_t due_ms) noexcept nogil:
    """A field without due time counts as due never."""
    if before_ms == FIELD_NO_DUE:
        return condition != CONDITION_XX and condition != CONDITION_GT
    if condition == CONDITION_NX:
        return False
    if condition == CONDITION_GT:
        return due_ms > before_ms
    return condition != CONDITION_LT or due_ms < before_ms


cdef void _expire_fields(Call *call, int64_t unit_ms, int64_t base_ms) noexcept nogil:
    cdef FieldCondition condition
    cdef slice key = call.argv[1]
    cdef const slice *names = NULL
    cdef int64_t due_ms, changes = 0, answer
    cdef int count = 0, i
    cdef field_item item
    cdef entry *e
    if not hash_write_or_reply(call, key, &e):
        return
    if not _field_time_or_reply(call, call.argv[2], unit_ms, base_ms, &due_ms):
        return
    condition = _condition(call.argv[3])
    if not _fields_or_reply(call, 3 if condition == CONDITION_NONE else 4, ERROR_FIELDS_ABOVE_0,
                            &names, &count):
        return
    if e != NULL:
        fields_allow_dues(e)
    reply_array(call.out, count)
    for i in range(count):
        if e == NULL or not fields_find(e, names[i], state.now_ms, &item):
            answer = FIELD_MISSING
        elif not _condition_holds(condition, item.due_ms, due_ms):
            answer = FIELD_NOT_ALLOWED
        else:
            answer = FIELD_EXPIRED if _field_set_due(e, names[i], due_ms) else FIELD_DUE_SET
            changes += 1
        reply_int(call.out, answer)
    if changes:
        hash_shrunk(call, key, e, changes)


cdef void cmd_hexpire(Call *call) noexcept nogil:
    _expire_fields(call, 1000, state.now_ms)


cdef void cmd_hpexpire(Call *call) noexcept nogil:
    _expire_fields(call, 1, state.now_ms)


cdef void cmd_hexpireat(Call *call) noexcept nogil:
    _expire_fields(call, 1000, 0)


cdef void cmd_hpexpireat(Call *call) noexcept nogil:
    _expire_fields(call, 1, 0)


cdef void cmd_hpersist(Call *call) noexcept nogil:
    cdef slice key = call.argv[1]
    cdef const slice *names = NULL
    cdef bint changed = False
    cdef int count = 0, i
    cdef field_item item
    cdef entry *e
    if not hash_write_or_reply(call, key, &e):
        return
    if not _fields_or_reply(call, 2, ERROR_FIELDS_POSITIVE, &names, &count):
        return
    reply_array(call.out, count)
    for i in range(count):
        if e == NULL or not fields_find(e, names[i], state.now_ms, &item):
            reply_int(call.out, FIELD_MISSING)
        elif _field_persist(e, names[i], &item):
            changed = True
            reply_int(call.out, FIELD_DUE_SET)
        else:
            reply_int(call.out, FIELD_LASTS)
    if changed:
        hash_changed(call, key, e, 1)


# ---- telling ----

cdef void _tell_dues(Call *call, bint relative, bint seconds) noexcept nogil:
    """Answer the due times, or what is left until then; parts of a second count as one."""
    cdef const slice *names = NULL
    cdef int count = 0, i
    cdef int64_t due_ms
    cdef field_item item
    cdef entry *e
    if not hash_read_or_reply(call, call.argv[1], &e):
        return
    if not _fields_or_reply(call, 2, ERROR_FIELDS_POSITIVE, &names, &count):
        return
    reply_array(call.out, count)
    for i in range(count):
        if e == NULL or not fields_find(e, names[i], state.now_ms, &item):
            reply_int(call.out, FIELD_MISSING)
            continue
        if item.due_ms == FIELD_NO_DUE:
            reply_int(call.out, FIELD_LASTS)
            continue
        due_ms = item.due_ms - state.now_ms if relative else item.due_ms
        reply_int(call.out, (due_ms + 999) // 1000 if seconds else due_ms)


cdef void cmd_httl(Call *call) noexcept nogil:
    _tell_dues(call, True, True)


cdef void cmd_hpttl(Call *call) noexcept nogil:
    _tell_dues(call, True, False)


cdef void cmd_hexpiretime(Call *call) noexcept nogil:
    _tell_dues(call, False, True)


cdef void cmd_hpexpiretime(Call *call) noexcept nogil:
    _tell_dues(call, False, False)


# ---- HGETDEL, HGETEX ----

cdef void cmd_hgetdel(Call *call) noexcept nogil:
    cdef slice key = call.argv[1]
    cdef const slice *names = NULL
    cdef int64_t removed = 0
    cdef int count = 0, i
    cdef entry *e
    if not hash_write_or_reply(call, key, &e):
        return
    if not _fields_or_reply(call, 2, ERROR_FIELDS_POSITIVE, &names, &count):
        return
    reply_array(call.out, count)
    for i in range(count):
        field_reply(call.out, e, names[i])
        if e != NULL:
            removed += fields_remove(e, names[i], state.now_ms)
    if removed:
        hash_shrunk(call, key, e, removed)


cdef bint _getex_option_or_reply(Call *call, DueOption *due, int64_t *due_ms,
                                 int *at) noexcept nogil:
    """EX, PX, EXAT or PXAT with its time, PERSIST, or nothing; `at` is then the argument behind."""
    at[0] = 2
    due_ms[0] = FIELD_NO_DUE
    due[0] = _due_word(call.argv[2])
    if due[0] != DUE_NONE:
        if not _due_option_time_or_reply(call, due[0], call.argv[3], due_ms):
            return False
        at[0] = 4
    elif slice_is(call.argv[2], b"PERSIST"):
        due[0] = DUE_PERSIST
        at[0] = 3
    if at[0] + 1 >= call.argc:
        error_arity(call)
        return False
    return True


cdef void cmd_hgetex(Call *call) noexcept nogil:
    cdef slice key = call.argv[1]
    cdef const slice *names = NULL
    cdef int64_t due_ms, changes = 0
    cdef int at, count = 0, i
    cdef field_item item
    cdef DueOption due
    cdef entry *e
    if not hash_write_or_reply(call, key, &e):
        return
    if not _getex_option_or_reply(call, &due, &due_ms, &at):
        return
    if not _fields_or_reply(call, at, ERROR_FIELDS_POSITIVE, &names, &count):
        return
    if e != NULL and due != DUE_NONE:
        fields_allow_dues(e)
    reply_array(call.out, count)
    for i in range(count):
        if e == NULL or not fields_find(e, names[i], state.now_ms, &item):
            reply_null(call.out)
            continue
        _reply_value(call.out, &item)
        if due == DUE_PERSIST:
            changes += _field_persist(e, names[i], &item)
        elif due != DUE_NONE:
            _field_set_due(e, names[i], due_ms)
            changes += 1
    if changes:
        hash_shrunk(call, key, e, changes)


# ---- HSETEX ----

ctypedef struct SetexOptions:
    bint fnx
    bint fxx
    DueOption due
    int64_t due_ms
    const slice *pairs
    int count


cdef bint _setex_due_or_reply(Call *call, Args *args, SetexOptions *options,
                              bint *taken) noexcept nogil:
    """KEEPTTL, or one of EX, PX, EXAT, PXAT with its time, which is looked at at once."""
    cdef slice word = args.argv[args.at]
    cdef slice text = word
    cdef DueOption found = DUE_KEEP if slice_is(word, b"KEEPTTL") else _due_word(word)
    taken[0] = found != DUE_NONE
    if not taken[0]:
        return True
    if options.due != DUE_NONE:
        error_reply(call, ERROR_ONE_FIELD_DUE)
        return False
    options.due = found
    args.at += 1
    if found == DUE_KEEP:
        return True
    if not args_next(args, &text):
        error_arity(call)
        return False
    return _due_option_time_or_reply(call, found, text, &options.due_ms)


cdef bint _setex_fields_or_reply(Call *call, Args *args, SetexOptions *options) noexcept nogil:
    """count field value ... up to the end."""
    cdef slice text
    cdef int64_t told
    if args_left(args) < 3:
        error_arity(call)
        return False
    text = args.argv[args.at]
    args.at += 1
    if not number_parse_int64(text.data, text.length, &told) or not 1 <= told <= INT32_MAX:
        error_reply(call, ERROR_FIELDS_INVALID)
        return False
    if told * 2 != args_left(args):
        error_arity(call)
        return False
    options.pairs = args.argv + args.at
    options.count = <int>told
    return True


cdef bint _setex_options_or_reply(Call *call, SetexOptions *options) noexcept nogil:
    cdef Args args = args_from(call, 2)
    cdef bint taken
    memset(options, 0, sizeof(SetexOptions))
    while args_left(&args):
        if args_option(&args, b"FIELDS"):
            return _setex_fields_or_reply(call, &args, options)
        if slice_is(args.argv[args.at], b"FNX") or slice_is(args.argv[args.at], b"FXX"):
            if options.fnx or options.fxx:
                error_reply(call, ERROR_FXX_AND_FNX)
                return False
            options.fnx = slice_is(args.argv[args.at], b"FNX")
            options.fxx = not options.fnx
            args.at += 1
            continue
        if not _setex_due_or_reply(call, &args, options, &taken):
            return False
        if not taken:
            error_unknown_argument(call, args.argv[args.at])
            return False
    error_arity(call)
    return False


cdef bint _setex_fits(const SetexOptions *options, const entry *e) noexcept nogil:
    """Whether FNX or FXX lets HSETEX go on: all fields are there (FXX), or none is (FNX)."""
    cdef field_item item
    cdef bint there
    cdef int i
    if not options.fnx and not options.fxx:
        return True
    for i in range(options.count):
        there = e != NULL and fields_find(e, options.pairs[2 * i], state.now_ms, &item)
        if there != options.fxx:
            return False
    return True


cdef void _set_pairs_due(entry *e, const SetexOptions *options) noexcept nogil:
    """Set fields, each with its expiry at once: one that is due already makes room for the next."""
    cdef const slice *pair
    cdef int i
    fields_expect_pairs(e, options.pairs, options.count)
    fields_allow_dues(e)
    for i in range(options.count):
        pair = options.pairs + 2 * i
        fields_window(e, options.pairs, 2, options.count, i)
        fields_set(e, pair[0], pair[1], False, state.now_ms, &state.hashes)
        _field_set_due(e, pair[0], options.due_ms)


cdef void cmd_hsetex(Call *call) noexcept nogil:
    cdef slice key = call.argv[1]
    cdef SetexOptions options
    cdef entry *e
    if not _setex_options_or_reply(call, &options) or not hash_write_or_reply(call, key, &e):
        return
    if not _setex_fits(&options, e):
        reply_int(call.out, 0)
        return
    e = hash_or_new(call, key, e)
    if options.due == DUE_NONE or options.due == DUE_KEEP:
        fields_set_pairs(e, options.pairs, options.count, options.due == DUE_KEEP)
    else:
        _set_pairs_due(e, &options)
    hash_shrunk(call, key, e, options.count)
    reply_int(call.out, 1)


row(b"hexpire", -6, b"write fast", b"hash", b"", b"RW,update index:1 range:0,1,0", b"",
    cmd_hexpire)
row(b"hexpireat", -6, b"write fast", b"hash", b"", b"RW,update index:1 range:0,1,0", b"",
    cmd_hexpireat)
row(b"hexpiretime", -5, b"readonly fast", b"hash", b"", b"RO,access index:1 range:0,1,0", b"",
    cmd_hexpiretime)
row(b"hgetdel", -5, b"write fast", b"hash", b"", b"RW,access,delete index:1 range:0,1,0", b"",
    cmd_hgetdel)
row(b"hgetex", -5, b"write fast", b"hash", b"",
    b"RW,access,update index:1 range:0,1,0 "
    b"note:\"it can change the expiry of what it reads\"", b"", cmd_hgetex)
row(b"hpersist", -5, b"write fast", b"hash", b"", b"RW,update index:1 range:0,1,0", b"",
    cmd_hpersist)
row(b"hpexpire", -6, b"write fast", b"hash", b"", b"RW,update index:1 range:0,1,0", b"",
    cmd_hpexpire)
row(b"hpexpireat", -6, b"write fast", b"hash", b"", b"RW,update index:1 range:0,1,0", b"",
    cmd_hpexpireat)
row(b"hpexpiretime", -5, b"readonly fast", b"hash", b"", b"RO,access index:1 range:0,1,0", b"",
    cmd_hpexpiretime)
row(b"hpttl", -5, b"readonly fast", b"hash", b"", b"RO,access index:1 range:0,1,0",
    b"nondeterministic_output", cmd_hpttl)
row(b"hsetex", -6, b"write denyoom fast", b"hash", b"", b"RW,update index:1 range:0,1,0", b"",
    cmd_hsetex)
row(b"httl", -5, b"readonly fast", b"hash", b"", b"RO,access index:1 range:0,1,0",
    b"nondeterministic_output", cmd_httl)
