# transactions: MULTI, EXEC, DISCARD, WATCH, UNWATCH. The machinery is in engine/transactions.pyx.

cdef void cmd_multi(Call *call) noexcept nogil:
    if call.session.flags & SESSION_MULTI:
        error_reply(call, ERROR_NESTED_MULTI)
        return
    call.session.flags |= SESSION_MULTI
    reply_ok(call.out)


cdef void cmd_discard(Call *call) noexcept nogil:
    if not (call.session.flags & SESSION_MULTI):
        error_reply(call, ERROR_DISCARD_WITHOUT_MULTI)
        return
    transaction_end(call.session)
    reply_ok(call.out)


cdef void cmd_watch(Call *call) noexcept nogil:
    cdef int i
    if call.session.flags & SESSION_MULTI:
        error_reply(call, ERROR_WATCH_INSIDE_MULTI)
        return
    for i in range(1, call.argc):
        watch_add(call.session, call.argv[i], key_hash(call, call.argv[i]))
    reply_ok(call.out)


cdef void cmd_unwatch(Call *call) noexcept nogil:
    unwatch_all(call.session)
    call.session.flags &= ~<uint32_t>SESSION_DIRTY
    reply_ok(call.out)


cdef void exec_queued(Call *call) noexcept nogil:
    """Run the queue; errors of single commands stand among the replies."""
    cdef Session *s = call.session
    cdef MultiQueue queue = s.queue
    cdef QueuedCommand *queued
    cdef Call inner
    cdef uint32_t i
    # The queue is taken out of the session: a queued RESET or MULTI must not touch it.
    memset(&s.queue, 0, sizeof(MultiQueue))
    s.exec_count = queue.count
    reply_array(call.out, queue.count)
    s.flags |= SESSION_DENY_BLOCKING | SESSION_IN_EXEC
    for i in range(queue.count):
        queued = &queue.commands[i]
        memset(&inner, 0, sizeof(Call))
        inner.session = s
        inner.out = call.out
        inner.database = s.database
        inner.argv = queued.argv
        inner.argc = queued.argc
        inner.row = queued.row
        call_execute(&inner)
    s.flags &= ~<uint32_t>(SESSION_DENY_BLOCKING | SESSION_IN_EXEC)
    s.queue = queue
    queue_clear(s)


cdef void cmd_exec(Call *call) noexcept nogil:
    cdef Session *s = call.session
    if not (s.flags & SESSION_MULTI):
        error_reply(call, ERROR_EXEC_WITHOUT_MULTI)
        return
    if s.flags & SESSION_QUEUE_ERROR:
        error_reply(call, ERROR_EXEC_ABORT)
        transaction_end(s)
        return
    if s.flags & SESSION_DIRTY or watch_expired(s):
        reply_null_array(call.out)
        transaction_end(s)
        return
    unwatch_all(s)
    s.flags &= ~<uint32_t>(SESSION_MULTI | SESSION_DIRTY)
    exec_queued(call)


row(b"multi", 1, b"noscript loading stale fast allow_busy not_queued", b"transactions", b"", b"",
    b"", cmd_multi)
row(b"discard", 1, b"noscript loading stale fast allow_busy not_queued", b"transactions", b"",
    b"", b"", cmd_discard)
row(b"exec", 1, b"noscript loading stale skip_slowlog not_queued", b"transactions", b"", b"", b"",
    cmd_exec)
row(b"watch", -2, b"noscript loading stale fast allow_busy not_queued", b"transactions", b"",
    b"RO index:1 range:-1,1,0", b"", cmd_watch)
row(b"unwatch", 1, b"noscript loading stale fast allow_busy", b"transactions", b"", b"", b"",
    cmd_unwatch)
