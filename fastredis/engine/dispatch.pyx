# dispatch: from a parsed command to its handler, through an ordered list of gates.
#
# The order of the gates IS the semantics: it decides which error a client sees first.
#
#   known?  ->  arity  ->  permitted?  ->  authenticated?  ->  allowed inside MULTI?  ->  memory
#           ->  paused?  ->  queued (MULTI)  ->  call
#
# A gate that refuses answers the error, and inside MULTI marks the transaction as broken.
#
# Commands answered in Python have no handler: `python_call`, set by the server layer, takes the GIL
# and runs them in place, so that they may stand in EXEC like any other.

ctypedef enum Dispatched:
    DISPATCHED
    DISPATCH_HELD                # not executed: the session is suspended, come again


cdef void call_execute(Call *call) noexcept nogil:
    """Run the handler and count it. Its time begins where the last command's ended: a reading of
    the clock takes as long as a small command, and there is one for each."""
    cdef uint64_t start = state.ticks
    cdef uint64_t ticks
    state.current = call.session
    if likely(call.row.handler != NULL):
        call.row.handler(call)
    else:
        state.hooks.python_call(call)
    state.ticks = clock_ticks()
    ticks = state.ticks - start
    if unlikely(call.session.flags & SESSION_BLOCKED):
        call.session.blocked_ticks += ticks
        return
    stats_command(call.row, ticks)
    if unlikely(ticks >= state.limits.slow_ticks):
        slow_command(call, ticks)


cdef void call_reject(Call *call) noexcept nogil:
    """A gate has refused the command (the error is sent)."""
    call.row.rejected += 1
    call.row.failed -= 1
    if call.session.flags & SESSION_MULTI:
        call.session.flags |= SESSION_QUEUE_ERROR


cdef Row *_find_row(Call *call) noexcept nogil:
    """The row of the command line, down to the subcommand; NULL: the error is sent."""
    cdef Row *found = call.row
    cdef Row *sub
    if found == NULL:
        found = table_find(call.argv[0].data, call.argv[0].length)
    if found == NULL and (slice_is(call.argv[0], b"POST") or slice_is(call.argv[0], b"HOST:")):
        # A browser has been made to send HTTP here: whatever follows is not the client's own.
        state.stats.http_cut += 1
        call.session.flags |= SESSION_CLOSE_NOW
        return NULL
    if found == NULL:
        return _reject_unknown(call, NULL)
    if found.subcommand_count and call.argc >= 2:
        sub = table_find_sub(found, call.argv[1])
        if sub == NULL:
            return _reject_unknown(call, found)
        found = sub
    return found


cdef Row *_reject_unknown(Call *call, Row *container) noexcept nogil:
    """Answer the error. It counts for no command, and CLIENT LIST shows none."""
    if container != NULL:
        call.row = container
        error_subcommand(call)
    else:
        call.row = &unknown_row
        error_unknown_command(call)
    call.row.failed -= 1
    call.session.last_row = NULL
    if call.session.flags & SESSION_MULTI:
        call.session.flags |= SESSION_QUEUE_ERROR
    return NULL


cdef Row unknown_row
memset(&unknown_row, 0, sizeof(Row))
unknown_row.name = unknown_row.short_name = b""


cdef bint session_is_local(const Session *s) noexcept nogil:
    """Whether the client runs on this machine, as far as its address tells."""
    if s.flags & (SESSION_UNIX | SESSION_INTERNAL):
        return True
    return s.peer != NULL and (strncmp(s.peer, b"127.", 4) == 0
                                or strncmp(s.peer, b"[::1]", 5) == 0)


cdef bint _permitted(Call *call) noexcept nogil:
    """DEBUG and MODULE need the configuration's permission; the error is sent."""
    cdef Permission permission = state.limits.debug_command
    cdef const char *command = b"DEBUG"
    cdef const char *directive = b"enable-debug-command"
    if call.row.parent != NULL:
        permission = state.limits.module_command
        command = b"MODULE"
        directive = b"enable-module-command"
    if permission == PERMIT_ALL or (permission == PERMIT_LOCAL
                                    and session_is_local(call.session)):
        return True
    error_protected(call, command, directive)
    return False


cdef bint _gate_memory(Call *call) noexcept nogil:
    """Make room before every command; only those that need memory are refused without."""
    if likely(not state.limits.memory_max) or evict_to_fit():
        return True
    if call.row.handler == cmd_exec:
        return not queue_has(call.session, COMMAND_DENYOOM)
    return not (call.row.flags & COMMAND_DENYOOM)


cdef bint _held_by_pause(Call *call) noexcept nogil:
    if state.now_monotonic_ms >= state.pause_until_ms:
        pause_end()
        return False
    if call.session.flags & SESSION_INTERNAL:
        return False
    if state.pause_all:
        return True
    if call.row.handler == cmd_exec:
        return queue_has(call.session, COMMAND_WRITE | COMMAND_MAY_REPLICATE)
    # Queueing a write in MULTI is held as well, so that EXEC meets no half-known transaction.
    return call.row.flags & (COMMAND_WRITE | COMMAND_MAY_REPLICATE) != 0


cdef bint queue_has(Session *s, uint32_t flags) noexcept nogil:
    """Whether a queued command has one of the flags."""
    cdef uint32_t i
    for i in range(s.queue.count):
        if s.queue.commands[i].row.flags & flags:
            return True
    return False


cdef Dispatched dispatch(Session *s, const slice *argv, int argc, const Row *hint,
                         uint64_t hash, bint has_hash) noexcept nogil:
    """Execute, queue or refuse one command of a session."""
    cdef Call call
    cdef Row *found
    cdef size_t mark = s.out.length
    call.session = s
    call.out = &s.out
    call.database = s.database
    call.argv = argv
    call.argc = argc
    call.row = <Row *>hint
    call.hash = hash
    call.has_hash = has_hash
    found = <Row *>hint
    if found == NULL or found.subcommand_count:
        found = _find_row(&call)
        if found == NULL:
            return _muted(s, mark)
    call.row = found
    s.last_row = found
    if unlikely(not arity_fits(found, argc)):
        if found.handler == cmd_exec:
            # EXEC that cannot even run ends the transaction, and the watches.
            error_reply(&call, ERROR_EXEC_ABORT_ARITY)
            transaction_end(s)
        else:
            error_arity(&call)
        call_reject(&call)
        return _muted(s, mark)
    if unlikely(found.flags & COMMAND_PROTECTED) and not _permitted(&call):
        call_reject(&call)
        return _muted(s, mark)
    if unlikely(not (s.flags & SESSION_AUTHENTICATED)):
        if state.password_required and not (found.flags & COMMAND_NO_AUTH):
            error_reply(&call, ERROR_EXEC_ABORT_NO_AUTH if found.handler == cmd_exec
                        else ERROR_NO_AUTH)
            call_reject(&call)
            return _muted(s, mark)
    if unlikely(s.flags & SESSION_MULTI and found.flags & COMMAND_NO_MULTI):
        error_reply(&call, ERROR_NOT_IN_TRANSACTION)
        call_reject(&call)
        return _muted(s, mark)
    if unlikely(not _gate_memory(&call)):
        if found.handler == cmd_exec:
            error_reply(&call, ERROR_EXEC_ABORT_OUT_OF_MEMORY)
            transaction_end(s)
        else:
            error_reply(&call, ERROR_OUT_OF_MEMORY)
        call_reject(&call)
        return _muted(s, mark)
    if unlikely(state.pause_until_ms) and _held_by_pause(&call):
        s.flags |= SESSION_HELD_BY_PAUSE
        return DISPATCH_HELD
    if s.flags & SESSION_MULTI and not (found.flags & COMMAND_NOT_QUEUED):
        queue_push(s, found, argv, argc)
        reply_raw(&s.out, b"+QUEUED\r\n", 9)
    else:
        if unlikely(state.ticks >= state.clock_until_ticks):
            clock_update()
        call_execute(&call)
        if unlikely(state.ready_keys != NULL) and not s.flags & SESSION_DENY_BLOCKING:
            keys_serve()
    s.command_count += 1
    return _muted(s, mark)


cdef inline Dispatched _muted(Session *s, size_t mark) noexcept nogil:
    """Take the reply back where CLIENT REPLY says so."""
    if unlikely(s.flags & (SESSION_REPLY_OFF | SESSION_REPLY_SKIP | SESSION_REPLY_SKIP_NEXT)):
        if s.flags & (SESSION_REPLY_OFF | SESSION_REPLY_SKIP):
            reply_truncate(&s.out, mark)
        s.flags &= ~<uint32_t>SESSION_REPLY_SKIP
        if s.flags & SESSION_REPLY_SKIP_NEXT:
            s.flags = (s.flags & ~<uint32_t>SESSION_REPLY_SKIP_NEXT) | SESSION_REPLY_SKIP
    return DISPATCHED


cdef void pause_begin(int64_t duration_ms, bint all) noexcept nogil:
    """Hold writes, or everything, for a while. It only ever adds to a pause that is running: the
    later end and the wider hold count."""
    if state.pause_until_ms and state.now_monotonic_ms >= state.pause_until_ms:
        pause_end()
    state.pause_until_ms = max(state.pause_until_ms, state.now_monotonic_ms + duration_ms)
    state.pause_all = state.pause_all or all
    schedule_monotonic(state.pause_until_ms)


cdef void pause_end() noexcept nogil:
    """Let the held sessions go on, and expiry too."""
    cdef Session *s = state.sessions
    state.pause_until_ms = 0
    state.pause_all = False
    expire_schedule(state.now_ms)
    if s == NULL:
        return
    while True:
        if s.flags & SESSION_HELD_BY_PAUSE:
            s.flags &= ~<uint32_t>SESSION_HELD_BY_PAUSE
            session_make_ready(s)
        s = s.next
        if s == state.sessions:
            break
    waited_rescan_all()
