# blocking: sessions that wait, with or without a limit of time.
#
#   handler: session_block(s, timeout_ms, end) --> SESSION_BLOCKED, further input is kept
#                                                    |
#        data or replicas have come ...........> blocked_wake(s, mark)   the family wrote the answer
#        the time is over, CLIENT UNBLOCK .....> end(s, BLOCKED_TIMEOUT)    writes the answer
#        CLIENT UNBLOCK ERROR .................> -UNBLOCKED, end(s, BLOCKED_CANCELLED)
#        the connection is gone ...............> end(s, BLOCKED_CLOSED)     cleans up only
#                                                    |
#                      session_make_ready: what was kept is executed; the edge sends
#
# `end` writes to Session.out and takes the session out of whatever lists its family keeps. When it
# runs, the session is no longer blocked.
#
# Limits stand in one heap by monotonic time (state.timeouts), a session knows its place there: ten
# thousand waiting clients cost O(log n) each to come and go, and a tick looks only at those whose
# time is over. A wait without limit is not in the heap.
#
# A command that waits is counted (calls, time, latency) when it is answered: with the time for
# which it has worked, not waited.
#
# Invariant: state.blocked_count is the number of sessions with SESSION_BLOCKED.

cdef void session_timeout_moved(void *element, uint32_t position) noexcept nogil:
    (<Session *>element).blocked_position = position


cdef inline bint session_may_block(const Session *s) noexcept nogil:
    """Not inside EXEC or a script: there a blocking command answers at once."""
    return not (s.flags & SESSION_DENY_BLOCKING)


cdef void session_block(Session *s, int64_t timeout_ms, BlockedEnd end) noexcept nogil:
    """Suspend the session whose command runs; timeout 0: without limit."""
    s.flags |= SESSION_BLOCKED
    s.blocked_end = end
    s.blocked_ticks = 0
    s.blocked_muted = s.flags & (SESSION_REPLY_OFF | SESSION_REPLY_SKIP) != 0
    s.blocked_until_ms = 0
    s.blocked_position = EXPIRY_HEAP_NOWHERE
    state.blocked_count += 1
    if timeout_ms:
        s.blocked_until_ms = state.now_monotonic_ms + timeout_ms
        expiry_heap_add(&state.timeouts, s, s.blocked_until_ms)
        schedule_monotonic(s.blocked_until_ms)


cdef void _unblock(Session *s) noexcept nogil:
    s.flags &= ~<uint32_t>SESSION_BLOCKED
    state.blocked_count -= 1
    if s.blocked_until_ms:
        expiry_heap_remove(&state.timeouts, s.blocked_position)
        s.blocked_until_ms = 0


cdef void blocked_wake(Session *s, size_t mark) noexcept nogil:
    """End a wait whose answer has been written, from `mark` (reply_later) on; the session goes on
    with its kept input."""
    stats_command(s.last_row, s.blocked_ticks)
    blocked_resume(s, mark)


cdef void blocked_resume(Session *s, size_t mark) noexcept nogil:
    """The same for a command that has been run again, and is counted."""
    _unblock(s)
    if s.blocked_muted:
        reply_truncate(&s.out, mark)
    session_make_ready(s)
    if state.hooks.flush != NULL:
        state.hooks.flush(s)


cdef bint blocked_finish(Session *s, BlockedWhy why) noexcept nogil:
    """End a wait as a timeout does (BLOCKED_TIMEOUT) or with an error (BLOCKED_CANCELLED); False
    where the session was not blocked."""
    cdef size_t mark = s.out.length
    cdef const char *text = STATUS_TEXTS[ERROR_UNBLOCKED]
    if not (s.flags & SESSION_BLOCKED):
        return False
    if why == BLOCKED_CANCELLED:
        error_count(text, strlen(text))
        reply_error(&s.out, text, strlen(text))
        s.last_row.failed += 1
    stats_command(s.last_row, s.blocked_ticks)
    # `end` sees the session as it will be: free to go on.
    _unblock(s)
    s.blocked_end(s, why)
    if s.blocked_muted:
        reply_truncate(&s.out, mark)
    session_make_ready(s)
    if state.hooks.flush != NULL:
        state.hooks.flush(s)
    return True


cdef void blocked_close(Session *s) noexcept nogil:
    """The session is being closed: it waits no more."""
    if s.flags & SESSION_BLOCKED:
        _unblock(s)
        s.blocked_end(s, BLOCKED_CLOSED)


cdef void blocked_tick() noexcept nogil:
    """Answer those whose time is over, and say when the next one's will be."""
    cdef void *first
    cdef int64_t until_ms
    while expiry_heap_first(&state.timeouts, &first, &until_ms):
        if until_ms > state.now_monotonic_ms:
            schedule_monotonic(until_ms)
            return
        blocked_finish(<Session *>first, BLOCKED_TIMEOUT)
