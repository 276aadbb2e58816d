# waiting: WAIT and WAITAOF: until replicas, or the disk, have what this client wrote; and CLIENT
# UNBLOCK, which ends any wait of another client (engine/blocking.pyx).
#
# There is no replica and no append-only file to wait for: the answer is zero, at once where zero is
# enough or where nothing may block, else when the time is over.

cdef void _wait_end(Session *s, BlockedWhy why) noexcept nogil:
    if why == BLOCKED_TIMEOUT:
        reply_int(&s.out, 0)


cdef void cmd_wait(Call *call) noexcept nogil:
    cdef int64_t replicas, timeout_ms
    if not int_or_reply(call, call.argv[1], &replicas):
        return
    if not timeout_ms_or_reply(call, call.argv[2], &timeout_ms):
        return
    if replicas <= 0 or not session_may_block(call.session):
        reply_int(call.out, 0)
        return
    session_block(call.session, timeout_ms, _wait_end)


cdef void _reply_aof_counts(reply *out) noexcept nogil:
    reply_array(out, 2)
    reply_int(out, 0)
    reply_int(out, 0)


cdef void _waitaof_end(Session *s, BlockedWhy why) noexcept nogil:
    if why == BLOCKED_TIMEOUT:
        _reply_aof_counts(&s.out)


cdef void cmd_waitaof(Call *call) noexcept nogil:
    cdef int64_t local, replicas, timeout_ms
    if not int_or_reply(call, call.argv[1], &local):
        return
    if not 0 <= local <= 1:
        error_reply(call, ERROR_WAIT_LOCAL)
        return
    if not number_parse_int64(call.argv[2].data, call.argv[2].length, &replicas) or replicas < 0:
        error_reply(call, ERROR_POSITIVE)
        return
    if not timeout_ms_or_reply(call, call.argv[3], &timeout_ms):
        return
    if local:
        error_reply(call, ERROR_WAIT_NO_AOF)
        return
    if replicas == 0 or not session_may_block(call.session):
        _reply_aof_counts(call.out)
        return
    session_block(call.session, timeout_ms, _waitaof_end)


cdef void cmd_client_unblock(Call *call) noexcept nogil:
    cdef BlockedWhy why = BLOCKED_TIMEOUT
    cdef Session *s
    cdef int64_t id
    if call.argc > 4:
        error_subcommand_arguments(call)
        return
    if call.argc == 4 and slice_is(call.argv[3], b"ERROR"):
        why = BLOCKED_CANCELLED
    elif call.argc == 4 and not slice_is(call.argv[3], b"TIMEOUT"):
        error_reply(call, ERROR_UNBLOCK_REASON)
        return
    if not int_or_reply(call, call.argv[2], &id):
        return
    s = session_find(<uint64_t>id)
    reply_int(call.out, s != NULL and blocked_finish(s, why))


row(b"client|unblock", -3, b"admin noscript loading stale", b"connection", b"", b"", b"",
    cmd_client_unblock)
row(b"wait", 3, b"blocking", b"generic", b"+connection -keyspace", b"",
    b"request_policy:all_shards|response_policy:agg_min", cmd_wait)
row(b"waitaof", 4, b"blocking", b"generic", b"+connection -keyspace", b"",
    b"request_policy:all_shards|response_policy:agg_min", cmd_waitaof)
