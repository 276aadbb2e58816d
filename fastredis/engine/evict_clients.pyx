# evict_clients: connections that are cut off when clients take too much memory (maxmemory-clients).
#
#   grown big: client_count(s) --+
#   cron: client_count(each) ----+--> state.clients_bytes > limit --> tick: evict_clients()
#                                                                       count all anew
#                                                                       largest first: session_kill
#
# What a client takes is its session with everything that it alone keeps (session_bytes), and the
# values that wait in its output: those may be the data set's too, but it is this client that holds
# them. CLIENT LIST shows the same sum as tot-mem, INFO that of all clients as mem_clients_normal.
# A client that asked for CLIENT NO-EVICT counts and is spared, so the others have to make room for
# it. Sessions without a connection are no clients and count for nothing.
#
# Why no running total at each command: memory grows in many places, most of them hot, and small
# amounts can wait for the cron. So a session is counted (O(1)) where its kept input or its unsent
# replies have grown big, and else ten times a second. The total may be stale in between, but
# nobody is cut off by it: it only calls for evict_clients, which counts all of them first.
#
# Clients are cut off at the top of the loop, where no command runs: the reply to the command that
# went too far may still go out, and the one whose command it was is a client like any other.
#
# Complexity: without a limit one comparison for a session that has big input or output. With one
# O(1) more for these, O(clients) a cron, and O(n log n) when somebody has to go.
#
# Invariant: state.clients_bytes is the sum of Session.counted_bytes. Ownership: nothing is kept.

from libc.stdlib cimport qsort

cdef enum:
    CLIENTS_BYTES_MIN = 128 * 1024  # a lower limit would shut everybody out
    CLIENT_WATCHED_BYTES = 64 * 1024  # kept input from which on a session is counted at once


cdef size_t session_bytes(const Session *s) noexcept nogil:
    """Memory that a session alone keeps: buffers, transaction, watches, what it waits with."""
    return (sizeof(Session) + s.pending_capacity + resp_parser_bytes(&s.parser)
            + reply_memory(&s.out) + queue_bytes(&s.queue) + s.watch_bytes
            + (s.key_wait.block_bytes if s.key_wait != NULL else 0))


cdef size_t client_bytes(const Session *s) noexcept nogil:
    """What counts for maxmemory-clients; 0 for what is no client, or none any more."""
    if s.flags & (SESSION_INTERNAL | SESSION_CLOSE_NOW | SESSION_FREED):
        return 0
    return session_bytes(s) + s.out.referenced_bytes


cdef void client_count(Session *s) noexcept nogil:
    """Note what a client takes by now; where all take too much, call for a tick."""
    cdef size_t bytes
    if state.limits.clients_bytes_max == 0:
        return
    bytes = client_bytes(s)
    state.clients_bytes += bytes - s.counted_bytes
    s.counted_bytes = bytes
    if state.clients_bytes > state.limits.clients_bytes_max:
        expire_schedule(state.now_ms)


cdef void client_forget(Session *s) noexcept nogil:
    """It is being closed, or there is no limit any more."""
    state.clients_bytes -= s.counted_bytes
    s.counted_bytes = 0


cdef void clients_limit(size_t bytes_max, size_t query_buffer_max) noexcept nogil:
    """Set maxmemory-clients (0: none) and what depends on it."""
    cdef Session *s = state.sessions
    cdef uint32_t left
    if bytes_max:
        bytes_max = max(bytes_max, <size_t>CLIENTS_BYTES_MIN)
    state.limits.clients_bytes_max = bytes_max
    state.limits.query_buffer_max = query_buffer_max
    state.limits.input_watched = query_buffer_max
    if bytes_max:
        state.limits.input_watched = min(query_buffer_max, <size_t>CLIENT_WATCHED_BYTES)
    for left in range(state.session_count):
        if bytes_max:
            client_count(s)
        else:
            client_forget(s)
        s = s.next


cdef int _larger_first(const void *a, const void *b) noexcept nogil:
    cdef size_t first = (<Session *const *>a)[0].counted_bytes
    cdef size_t second = (<Session *const *>b)[0].counted_bytes
    return (first < second) - (first > second)


cdef void evict_clients() noexcept nogil:
    """Cut off the clients that take most until the rest fits. Not while a command runs."""
    cdef Session *s = state.sessions
    cdef Session **found
    cdef uint32_t i, count = 0, total = state.session_count
    if state.clients_bytes <= state.limits.clients_bytes_max or total == 0:
        return
    found = <Session **>alloc_new(total * sizeof(Session *))
    for i in range(total):
        client_count(s)
        if s.counted_bytes and not s.flags & SESSION_NO_EVICT:
            found[count] = s
            count += 1
        s = s.next
    if state.clients_bytes > state.limits.clients_bytes_max:
        qsort(found, count, sizeof(Session *), _larger_first)
        for i in range(count):
            if state.clients_bytes <= state.limits.clients_bytes_max:
                break
            session_kill(found[i])
            client_forget(found[i])
            state.stats.evicted_clients += 1
    alloc_free(found, total * sizeof(Session *))
