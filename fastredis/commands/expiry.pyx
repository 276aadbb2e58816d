# expiry: commands that set, drop and tell the due time of a key. The rest is in engine/expire.pyx.

ctypedef struct ExpireOptions:
    bint nx
    bint xx
    bint gt
    bint lt


cdef bint _expire_options_or_reply(Call *call, ExpireOptions *options) noexcept nogil:
    cdef Args args = args_from(call, 3)
    memset(options, 0, sizeof(ExpireOptions))
    while args_left(&args):
        if not (args_flag(&args, b"NX", &options.nx) or args_flag(&args, b"XX", &options.xx)
                or args_flag(&args, b"GT", &options.gt) or args_flag(&args, b"LT", &options.lt)):
            error_unsupported_option(call, args.argv[args.at])
            return False
    if options.nx and (options.xx or options.gt or options.lt):
        error_reply(call, ERROR_NX_COMBINED)
        return False
    if options.gt and options.lt:
        error_reply(call, ERROR_GT_AND_LT)
        return False
    return True


cdef bint _expire_allowed(const ExpireOptions *options, const entry *e,
                          int64_t due_ms) noexcept nogil:
    """Whether the conditions hold; a key without due time counts as due never."""
    if not entry_has_due(e):
        return not (options.xx or options.gt)
    return not (options.nx or options.gt and due_ms <= entry_due(e)
                or options.lt and due_ms >= entry_due(e))


cdef bint _expire_time_or_reply(Call *call, int64_t *due_ms, int64_t unit_ms,
                                int64_t base_ms) noexcept nogil:
    """The wall-clock time meant, which may lie in the past but must fit."""
    if not int_or_reply(call, call.argv[2], due_ms):
        return False
    if not INT64_MIN // unit_ms <= due_ms[0] <= INT64_MAX // unit_ms:
        error_expire(call)
        return False
    due_ms[0] *= unit_ms
    if due_ms[0] > INT64_MAX - base_ms:
        error_expire(call)
        return False
    due_ms[0] += base_ms
    return True


cdef void _expire(Call *call, int64_t unit_ms, int64_t base_ms) noexcept nogil:
    cdef ExpireOptions options
    cdef slice key = call.argv[1]
    cdef int64_t due_ms
    cdef entry *e
    if not _expire_options_or_reply(call, &options):
        return
    if not _expire_time_or_reply(call, &due_ms, unit_ms, base_ms):
        return
    e = key_write(call, key)
    if e == NULL or not _expire_allowed(&options, e, due_ms):
        reply_int(call.out, 0)
        return
    if due_ms <= state.now_ms:
        key_delete(call.database, key, key_hash(call, key))
    else:
        key_set_due(call.database, key, key_hash(call, key), e, due_ms)
        key_changed(call.database, key)
    reply_int(call.out, 1)


cdef void cmd_expire(Call *call) noexcept nogil:
    _expire(call, 1000, state.now_ms)


cdef void cmd_pexpire(Call *call) noexcept nogil:
    _expire(call, 1, state.now_ms)


cdef void cmd_expireat(Call *call) noexcept nogil:
    _expire(call, 1000, 0)


cdef void cmd_pexpireat(Call *call) noexcept nogil:
    _expire(call, 1, 0)


cdef void cmd_persist(Call *call) noexcept nogil:
    cdef slice key = call.argv[1]
    cdef entry *e = key_write(call, key)
    if e == NULL or not entry_has_due(e):
        reply_int(call.out, 0)
        return
    key_set_due(call.database, key, key_hash(call, key), e, ENTRY_NO_DUE)
    key_changed(call.database, key)
    reply_int(call.out, 1)


# ---- telling ----

cdef enum:
    TTL_NO_KEY = -2
    TTL_NO_DUE = -1


cdef void _reply_due(Call *call, bint relative, bint seconds) noexcept nogil:
    """Answer the due time, or what is left until then; seconds are rounded to the nearest."""
    cdef entry *e = key_look(call, call.argv[1])
    cdef uint64_t due_ms
    if e == NULL:
        reply_int(call.out, TTL_NO_KEY)
        return
    if not entry_has_due(e):
        reply_int(call.out, TTL_NO_DUE)
        return
    due_ms = <uint64_t>entry_due(e)
    if relative:
        due_ms -= <uint64_t>state.now_ms
    if seconds:
        due_ms = (due_ms + 500) // 1000
    reply_int(call.out, <int64_t>due_ms)


cdef void cmd_ttl(Call *call) noexcept nogil:
    _reply_due(call, True, True)


cdef void cmd_pttl(Call *call) noexcept nogil:
    _reply_due(call, True, False)


cdef void cmd_expiretime(Call *call) noexcept nogil:
    _reply_due(call, False, True)


cdef void cmd_pexpiretime(Call *call) noexcept nogil:
    _reply_due(call, False, False)


row(b"expire", -3, b"write fast", b"generic", b"", b"RW,update index:1 range:0,1,0", b"",
    cmd_expire)
row(b"pexpire", -3, b"write fast", b"generic", b"", b"RW,update index:1 range:0,1,0", b"",
    cmd_pexpire)
row(b"expireat", -3, b"write fast", b"generic", b"", b"RW,update index:1 range:0,1,0", b"",
    cmd_expireat)
row(b"pexpireat", -3, b"write fast", b"generic", b"", b"RW,update index:1 range:0,1,0", b"",
    cmd_pexpireat)
row(b"persist", 2, b"write fast", b"generic", b"", b"RW,update index:1 range:0,1,0", b"",
    cmd_persist)
row(b"ttl", 2, b"readonly fast", b"generic", b"", b"RO,access index:1 range:0,1,0",
    b"nondeterministic_output", cmd_ttl)
row(b"pttl", 2, b"readonly fast", b"generic", b"", b"RO,access index:1 range:0,1,0",
    b"nondeterministic_output", cmd_pttl)
row(b"expiretime", 2, b"readonly fast", b"generic", b"", b"RO,access index:1 range:0,1,0", b"",
    cmd_expiretime)
row(b"pexpiretime", 2, b"readonly fast", b"generic", b"", b"RO,access index:1 range:0,1,0", b"",
    cmd_pexpiretime)
