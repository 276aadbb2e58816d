# edge: sockets and the engine, without the GIL.
#
#   uvloop -- watches one descriptor --> Edge.drain()
#     collect ready sockets
#     for each: receive --> session_offer            (many sessions, one batch)
#     batch_run: prefetch, execute, send             (one gather write a session)
#     timer: engine_tick                             (expiry, pauses, lazy freeing)
#     reap closed sessions
#
# While requests keep coming, drain() waits for the next ones itself, up to LINGER_MS without the
# GIL, instead of returning to uvloop between any two: that saves an empty poll, a blocking poll and
# a callback a wake-up, about 1 us a request at depth 1. It returns DRAIN_MAX_MS and one wait later
# at the latest, so that signals, cron and whatever else lives on the loop get their turn;
# connections that uvloop itself serves (TLS) turn the waiting off.
#
# Why LINGER_MS is longer than a tick of the kernel (4 ms, on most systems): a wait that ends before
# the next tick has the kernel program the processor's timer when it begins and again when it is cut
# short, which under a hypervisor costs microseconds. Measured with 50 clients: 6 % of the time of a
# request at depth 1 and 5 to 10 % at depth 16 between 1 ms and 10 ms.
#
# Where clients of this machine send quickly, one after another, it sleeps for one of a few of them
# instead of any (csrc/coalesce.h): a wake-up then serves several. COALESCE_BOUND_MS is what a
# request can lose by that in the worst case; clients on other machines do not take part, because
# their network card delays its interrupts already.
#
# Which events a socket is watched for follows from its session alone (edge_interest): readable
# unless its replies or its input pile up, writable while replies wait.

from libc.errno cimport errno, EAGAIN, ECONNABORTED, EMFILE, ENFILE

cdef enum:
    READ_BUFFER_BYTES = 512 * 1024
    READ_MAX = 64 * 1024         # of one socket at a time
    OUTPUT_UNCOUNTED_BYTES = 16 * 1024   # client-output-buffer-limit counts what lies behind
    READ_MIN = 16 * 1024         # less room than this: run the batch first
    READ_LARGE_MAX = 1 << 20     # while a large argument is coming
    SEND_MAX = 1 << 20           # to one socket at a time: its reader may be as fast as we are
    ROUND_EVENTS = 128
    BUFFER_KEPT_MS = 2000        # a client that is idle for longer gives its output buffer back
    LINGER_MS = 10
    COALESCE_BOUND_MS = 1
    DRAIN_MAX_MS = 10
    ACCEPTS_MAX = 128
    LISTENER_EVENTS = NET_READABLE | NET_LEVEL


# ---- output ----

cdef void edge_interest(Session *s) noexcept nogil:
    """Watch the socket for what the session can use."""
    cdef uint32_t wanted = 0
    if (not (s.flags & (SESSION_HELD | SESSION_CLOSING)) and not s.is_ready
            and reply_bytes(&s.out) < OUTPUT_HELD_AT):
        wanted |= NET_READABLE
    elif s.flags & (SESSION_BLOCKED | SESSION_HELD_BY_PAUSE):
        # What it has sent must not run once it has gone.
        wanted |= NET_READABLE if reads_ahead(s) else NET_HANGUP
    if reply_bytes(&s.out):
        wanted |= NET_WRITABLE
    if wanted != s.poll_events:
        net_poller_watch(&edge.poller, s.fd, s, s.poll_events, wanted)
        s.poll_events = wanted


cdef bint output_over_limit(Session *s) noexcept nogil:
    """client-output-buffer-limit: at once above the hard one, after a while above the soft one."""
    cdef size_t waiting = reply_bytes(&s.out)
    if state.limits.output_hard and waiting > state.limits.output_hard:
        return True
    if not state.limits.output_soft or waiting <= state.limits.output_soft:
        s.output_soft_since_ms = 0
        return False
    if s.output_soft_since_ms == 0:
        s.output_soft_since_ms = state.now_monotonic_ms
    return state.now_monotonic_ms - s.output_soft_since_ms > state.limits.output_soft_ms


cdef inline bint reply_over_limit(const Session *s) noexcept nogil:
    """Whether replies to one batch pass the hard limit: then none of them is sent. The limit does
    not count what fits the buffer that each client of Redis has."""
    return (state.limits.output_hard != 0
            and reply_bytes(&s.out) > state.limits.output_hard + OUTPUT_UNCOUNTED_BYTES)


cdef bint flush_session(Session *s) noexcept nogil:
    """Send what waits; True where all of it is out. Closes where the session asks for it."""
    cdef bint is_full
    if s.flags & SESSION_FREED:
        return False
    if s.fd < 0:
        if s.transport == NULL:
            return True
        connection_mark_unsent(s)
        return reply_bytes(&s.out) < OUTPUT_HELD_AT
    if unlikely(reply_over_limit(s)):
        state.stats.output_buffer_disconnects += 1
        session_close(s)
        return False
    is_full = send_some(s)
    if unlikely(s.flags & SESSION_CLOSING):
        if s.flags & SESSION_CLOSE_NOW or reply_bytes(&s.out) == 0:
            session_close(s)
            return False
    if unlikely(reply_bytes(&s.out) != 0):
        if output_over_limit(s):
            state.stats.output_buffer_disconnects += 1
            session_close(s)
            return False
        client_count(s)
        edge_interest(s)
        if not is_full:
            # The socket takes more, but others have their turn: it must be told again.
            net_poller_tell_again(&edge.poller, s.fd, s, s.poll_events)
        return False
    if unlikely(s.flags & SESSION_HELD_BY_OUTPUT):
        s.flags &= ~<uint32_t>SESSION_HELD_BY_OUTPUT
        session_make_ready(s)
    if unlikely(s.poll_events != NET_READABLE or s.flags & SESSION_HELD or s.is_ready):
        edge_interest(s)
    return True


cdef bint send_some(Session *s) noexcept nogil:
    """Send up to SEND_MAX bytes; True where the socket takes no more now."""
    cdef ssize_t sent
    cdef size_t waiting
    cdef size_t left = SEND_MAX
    while left and not (s.flags & SESSION_CLOSE_NOW):
        waiting = reply_bytes(&s.out)
        if waiting == 0:
            break
        if waiting > s.output_peak:
            s.output_peak = waiting
        sent = net_send_reply(s.fd, &s.out, left)
        if sent < 0:
            if errno != EAGAIN:
                s.flags |= SESSION_CLOSE_NOW
            return True
        state.stats.writes += 1
        state.stats.net_out += sent
        s.net_out += sent
        s.active_ms = state.now_monotonic_ms
        left -= sent
        reply_consume(&s.out, sent)
    return False


# ---- input ----

cdef void read_session(Session *s) noexcept nogil:
    """Receive once and offer it to the batch."""
    cdef ssize_t received
    cdef size_t room, wants
    cdef char *target
    if unlikely(s.flags & (SESSION_HELD | SESSION_CLOSING) or s.is_ready):
        if reads_ahead(s):
            read_ahead(s)
        else:
            edge_interest(s)     # tells again, when the session can use it
        return
    if s.pending_length:
        wants = resp_parser_wants(&s.parser)
        room = wants - s.pending_length if wants > s.pending_length else 0
        room = max(READ_MIN, min(room, READ_LARGE_MAX))
        target = pending_room(s, room)
    else:
        target = edge.read_buffer + edge.read_used
        room = min(READ_BUFFER_BYTES - edge.read_used, READ_MAX)
    received = net_receive(s.fd, target, room)
    if received <= 0:
        read_failed(s, received == 0)
        return
    if unlikely(<size_t>received == room):
        net_poller_tell_again(&edge.poller, s.fd, s, s.poll_events)
    count_received(s, received)
    if s.flags & SESSION_LOCAL and edge.coalesces:
        coalesce_turn(&edge.turns, s, &s.turn, edge.cycle_ticks)
    if s.pending_length:
        s.pending_length += received
        session_offer(s, pending_data(s), s.pending_length, True)
    else:
        use_read_buffer(received)
        session_offer(s, target, received, False)
    if state.work_count == WORKS_MAX or READ_BUFFER_BYTES - edge.read_used < READ_MIN:
        run_batch()


cdef inline void count_received(Session *s, size_t received) noexcept nogil:
    state.stats.reads += 1
    state.stats.net_in += received
    s.net_in += received
    s.active_ms = state.now_monotonic_ms


cdef void read_ahead(Session *s) noexcept nogil:
    """Receive what a session sends while it waits, and keep it."""
    cdef char *target = edge.read_buffer + edge.read_used
    cdef size_t room = min(READ_BUFFER_BYTES - edge.read_used, READ_MAX)
    cdef ssize_t received = net_receive(s.fd, target, room)
    if received <= 0:
        read_failed(s, received == 0)
        return
    count_received(s, received)
    if not pending_add(s, target, received):
        session_close(s)
        return
    client_count(s)
    if not reads_ahead(s):
        edge_interest(s)
    elif <size_t>received == room:
        net_poller_tell_again(&edge.poller, s.fd, s, s.poll_events)


cdef inline void use_read_buffer(size_t length) noexcept nogil:
    """The next session's input begins on a cache line of its own."""
    edge.read_used += (length + 63) & ~<size_t>63


cdef void run_batch() noexcept nogil:
    if state.work_count:
        batch_run()
    edge.read_used = 0


cdef void read_failed(Session *s, bint ended) noexcept nogil:
    """The peer has ended its side, or the connection broke. Replies on their way still go out."""
    if not ended and errno == EAGAIN:
        return
    if ended and reply_bytes(&s.out):
        s.flags |= SESSION_CLOSE_AFTER_REPLY
        edge_interest(s)
        return
    session_close(s)


# ---- connections ----

cdef void refuse(int fd, const char *text) noexcept nogil:
    state.stats.rejected_connections += 1
    net_send(fd, text, strlen(text))
    net_close(fd)


cdef void adopt_socket(int fd, bint is_unix) noexcept nogil:
    """A session for an accepted socket, if the limits allow."""
    cdef Session *s
    cdef char text[ADDRESS_BYTES]
    cdef bint is_local = is_unix or net_peer_is_local(fd)
    state.stats.connections += 1
    if state.session_count >= edge.limits.clients_max:
        refuse(fd, REFUSED_MAX_CLIENTS)
        return
    if edge.limits.protected_mode and not state.password_required and not is_local:
        refuse(fd, REFUSED_PROTECTED)
        return
    s = session_new(fd)
    if is_local:
        s.flags |= SESSION_LOCAL
    if is_unix:
        s.flags |= SESSION_UNIX
    else:
        net_tune(fd, edge.limits.keepalive_s)
    net_peer_text(fd, text, ADDRESS_BYTES)
    s.peer = text_copy(text, strlen(text))
    net_local_text(fd, text, ADDRESS_BYTES)
    s.local = text_copy(text, strlen(text))
    edge_interest(s)


cdef void accept_from(Listener *listener) noexcept nogil:
    cdef int i, fd
    for i in range(ACCEPTS_MAX):
        fd = net_accept(listener.fd)
        if fd >= 0:
            adopt_socket(fd, listener.is_unix)
        elif errno == EMFILE or errno == ENFILE:
            # Nothing to accept with: the waiting peer stays in the backlog until one closes.
            net_poller_watch(&edge.poller, listener.fd, listener, LISTENER_EVENTS, 0)
            listener.paused = True
            return
        elif errno != ECONNABORTED:
            return


cdef void resume_listeners() noexcept nogil:
    cdef Listener *listener
    cdef int i
    for i in range(edge.listener_count):
        listener = &edge.listeners[i]
        if listener.paused:
            listener.paused = False
            net_poller_watch(&edge.poller, listener.fd, listener, 0, LISTENER_EVENTS)


cdef void edge_reap() noexcept nogil:
    """Free what has been closed. Only here, when nothing refers to a session any more."""
    cdef Session *s
    while state.reap != NULL:
        s = state.reap
        state.reap = s.next
        if s.is_ready:
            ready_forget(s)
        if s.is_unsent:
            unsent_forget(s)
        coalesce_leave(&edge.turns, s, s.turn)
        if s.fd >= 0:
            net_close(s.fd)
            resume_listeners()
        session_free(s)


cdef void ready_forget(Session *gone) noexcept nogil:
    """Take a closed session out of the queue of ready ones."""
    cdef Session **link = &state.ready
    cdef Session *last = NULL
    while link[0] != NULL:
        if link[0] == gone:
            link[0] = gone.next_ready
        else:
            last = link[0]
            link = &link[0].next_ready
    state.ready_last = last


cdef void unsent_forget(Session *gone) noexcept nogil:
    """Take a closed session out of the queue of those with replies to write."""
    cdef Session **link = &edge.unsent
    while link[0] != gone:
        link = &link[0].next_unsent
    link[0] = gone.next_unsent


# ---- the loop ----

cdef inline bint is_listener(void *data) noexcept nogil:
    return <void *>&edge.listeners[0] <= data < <void *>&edge.listeners[LISTENERS_MAX]


cdef void handle_event(net_event *event) noexcept nogil:
    cdef Session *s
    if is_listener(event.data):
        accept_from(<Listener *>event.data)
        return
    s = <Session *>event.data
    if s.flags & SESSION_FREED:
        return
    if event.what & NET_WRITABLE:
        flush_session(s)
        if s.flags & SESSION_FREED:
            return
    if event.what & NET_READABLE:
        read_session(s)
        if unlikely(event.what & NET_HANGUP and not (s.flags & SESSION_CLOSING)):
            net_poller_tell_again(&edge.poller, s.fd, s, s.poll_events)
    elif event.what & NET_HANGUP:
        session_close(s)


cdef void arm_timer() noexcept nogil:
    """One timer for the earliest thing that waits for time."""
    cdef int64_t delay_ms
    if state.wake_ms == edge.timer_set_for_ms:
        return
    edge.timer_set_for_ms = state.wake_ms
    if state.wake_ms >= NEVER_MS:
        net_timer_set(&edge.poller, -1)
        return
    delay_ms = state.wake_ms - clock_wall_us() // 1000
    net_timer_set(&edge.poller, max(0, min(delay_ms, 3600000)) * 1000)


cdef void sleep_for_several() noexcept nogil:
    """Sleep until one of a few clients has sent its next request, and with it several others."""
    cdef void *chosen[NET_WAIT_MAX]
    cdef net_interest any_of[NET_WAIT_MAX]
    cdef int count = coalesce_choose(&edge.turns, chosen, NET_WAIT_MAX)
    cdef int i
    if count == 0:
        return
    for i in range(count):
        any_of[i].fd = (<Session *>chosen[i]).fd
        any_of[i].wanted = (<Session *>chosen[i]).poll_events
    coalesce_learn(&edge.turns, net_wait_any(&edge.poller, any_of, count, COALESCE_BOUND_MS))


cdef int collect(net_event *events, int wait_ms) noexcept nogil:
    """The next events: those that are there, else those that come within the time."""
    cdef int count
    if wait_ms and edge.coalesces and coalesce_is_due(&edge.turns):
        count = net_poller_collect(&edge.poller, events, ROUND_EVENTS, 0)
        if count > 0 or edge.poller.timer_rang:
            return count
        sleep_for_several()
    return net_poller_collect(&edge.poller, events, ROUND_EVENTS, wait_ms)


cdef void edge_drain() noexcept nogil:
    """Serve everything that is ready."""
    cdef net_event events[ROUND_EVENTS]
    cdef int count, i, wait_ms = 0
    cdef int64_t until_ms = clock_monotonic_us() // 1000 + DRAIN_MAX_MS
    while True:
        count = collect(events, wait_ms)
        if count <= 0 and not edge.poller.timer_rang:
            break
        edge.cycle_ticks = clock_ticks()
        state.stats.loop_cycles += 1
        clock_update()
        for i in range(count):
            handle_event(&events[i])
        run_batch()
        if edge.poller.timer_rang or state.ready != NULL:
            edge.poller.timer_rang = False
            edge.timer_set_for_ms = NEVER_MS
            engine_tick()
        edge_reap()
        state.stats.loop_ticks += clock_ticks() - edge.cycle_ticks
        arm_timer()
        if state.now_monotonic_ms >= until_ms or edge.is_interrupted:
            break
        wait_ms = 0 if edge.loop_is_shared else LINGER_MS


cdef void edge_cron() noexcept nogil:
    """hz times a second: idle clients, soft output limits, memory of clients, statistics."""
    cdef Session *s = state.sessions
    cdef Session *following
    cdef uint32_t left = state.session_count
    clock_update()
    while left:
        following = s.next
        if s.fd >= 0 or s.transport != NULL:
            session_check(s)
            client_count(s)
        s = following
        left -= 1
    edge_reap()
    resume_listeners()
    stats_sample()
    if state.purge_at_ms == 0 and alloc_purge():
        purge_schedule()
    arm_timer()


cdef void session_check(Session *s) noexcept nogil:
    """Cut off a client that is idle for too long, or does not read; forget what an idle one's
    buffer takes. Idle is who neither sends nor takes replies, and waits for nothing."""
    cdef int64_t idle_ms = state.now_monotonic_ms - s.active_ms
    if (edge.idle_timeout_ms and idle_ms > edge.idle_timeout_ms
            and not (s.flags & (SESSION_BLOCKED | SESSION_HELD_BY_PAUSE))):
        session_kill(s)
    elif reply_bytes(&s.out):
        if output_over_limit(s):
            state.stats.output_buffer_disconnects += 1
            session_kill(s)
    elif s.out.data != NULL and idle_ms > BUFFER_KEPT_MS:
        reply_free(&s.out)


cdef class Edge:
    """The sockets of the server, driven by an event loop that watches `fileno()`."""

    def __cinit__(self):
        edge.is_interrupted = False
        coalesce_init(&edge.turns, clock_ticks_per_us())
        if edge.read_buffer == NULL:
            edge.read_buffer = <char *>alloc_new(READ_BUFFER_BYTES)
        if not net_poller_open(&edge.poller):
            raise OSError(errno, "cannot open a poller")
        state.hooks.flush = flush_session

    def fileno(self) -> int:
        """The descriptor that is readable while something is to be done."""
        return edge.poller.fd

    def drain(self) -> None:
        """Serve everything that is ready, and what comes in the next few milliseconds."""
        with nogil:
            edge_drain()
        if edge.unsent != NULL:
            connections_flush()

    def interrupt(self) -> None:
        """Serve no further requests: the event loop is about to stop."""
        edge.is_interrupted = True

    def cron(self) -> None:
        """Time-outs of clients and statistics; to be called about ten times a second."""
        with nogil:
            edge_cron()
        if edge.unsent != NULL:
            connections_flush()

    def listen(self, fd: int, is_unix: bool) -> None:
        """Accept clients from a listening, non-blocking socket; the caller keeps owning it."""
        if edge.listener_count == LISTENERS_MAX:
            raise ValueError(f"more than {LISTENERS_MAX} listening sockets")
        cdef Listener *listener = &edge.listeners[edge.listener_count]
        edge.listener_count += 1
        listener.fd = fd
        listener.is_unix = is_unix
        listener.paused = False
        if not net_poller_watch(&edge.poller, fd, listener, 0, LISTENER_EVENTS):
            raise OSError(errno, "cannot watch a listening socket")

    def stop_listening(self) -> None:
        """Forget the listening sockets."""
        cdef Listener *listener
        for i in range(edge.listener_count):
            listener = &edge.listeners[i]
            if not listener.paused:
                net_poller_watch(&edge.poller, listener.fd, listener, LISTENER_EVENTS, 0)
        edge.listener_count = 0

    def close(self) -> None:
        """Close every client that has a connection, and the poller."""
        cdef Session *s = state.sessions
        cdef Session *following
        cdef uint32_t left = state.session_count
        connections_flush()
        while left:
            following = s.next
            left -= 1
            if s.transport != NULL:
                (<Connection>s.transport).leave()
            elif not (s.flags & SESSION_INTERNAL):
                flush_session(s)
            if not (s.flags & (SESSION_FREED | SESSION_INTERNAL)):
                session_close(s)
            s = following
        edge_reap()
        net_poller_close(&edge.poller)
        state.hooks.flush = NULL
