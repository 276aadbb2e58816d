# sessions: one client each, without a socket: bytes in, replies out.
#
#   edge: bytes --> session_offer --> batch of commands --> batch_run --> Session.out --> edge: send
#
# Several sessions can be offered before the batch runs: the loads of all their keys then overlap.
# Input that is not executed (an incomplete command, or what comes behind a command that suspended
# the session) is kept in Session.pending, which begins with the first byte of a command.
#
# A session is suspended while CLIENT PAUSE holds it, a blocking command waits, or its replies are
# not read. Suspended sessions keep their input. The edge stops reading from one that does not read,
# so that memory stays bounded by the kernel's buffers; one that waits is read on, to see when it
# goes, and cut off above client-query-buffer-limit.
#
# Ownership: session_new / session_close (marks) / sessions_reap (frees, at the top of the loop).

cdef enum:
    OFFER_COMMANDS_MAX = 1 << 14  # commands of one session in one batch
    OFFER_COMMANDS_MIN = 8        # of one that has just waited; twice as many the next time
    PREFETCH_BUCKETS = 12         # how many commands ahead the bucket is loaded ...
    PREFETCH_ENTRIES = 7          # ... then the entry, or the overflow unit of the bucket ...
    PREFETCH_OVERFLOWN = 4        # ... then the entry that stands there ...
    PREFETCH_ELEMENTS = 5         # ... and of a big collection the bucket of the element ...
    PREFETCH_NEAR = 2             # ... and the element
    PENDING_KEPT_MAX = 64 * 1024
    OUTPUT_HELD_AT = 256 * 1024   # unread replies from which on a session is suspended
    CLOCK_JUMP_MS = 10            # the wall clock was set
    CLOCK_KEPT_US = 200           # the clocks are read again before the next command
    PURGE_EVERY_MS = 10           # empty memory goes back to the system 1 MB at a time


# ---- life ----

cdef const void *session_id_bytes(const void *element, size_t *length) noexcept nogil:
    length[0] = sizeof(uint64_t)
    return &(<const Session *>element).id


cdef Session *session_find(uint64_t id) noexcept nogil:
    """The session of an id, or NULL."""
    return <Session *>hashtable_find(&state.sessions_by_id, &id, sizeof(id),
                                     hashtable_hash(&state.sessions_by_id, &id, sizeof(id)))


cdef Session *session_new(int fd) noexcept nogil:
    cdef Session *s = <Session *>alloc_new(sizeof(Session))
    memset(s, 0, sizeof(Session))
    state.next_session_id += 1
    s.id = state.next_session_id
    s.fd = fd
    s.database = &state.databases[0]
    s.created_ms = s.active_ms = state.now_monotonic_ms
    s.offer_max = OFFER_COMMANDS_MAX
    reply_init(&s.out)
    resp_parser_init(&s.parser)
    if state.sessions == NULL:
        s.next = s.previous = s
        state.sessions = s
    else:
        s.next = state.sessions
        s.previous = state.sessions.previous
        s.previous.next = s
        s.next.previous = s
    state.session_count += 1
    hashtable_insert(&state.sessions_by_id, s,
                     hashtable_hash(&state.sessions_by_id, &s.id, sizeof(s.id)))
    if not state.password_required:
        s.flags |= SESSION_AUTHENTICATED
    return s


cdef char *text_copy(const char *text, size_t length) noexcept nogil:
    """Zero-terminated copy, up to the first zero in the text; freed by text_free."""
    length = length_to_nul(slice_of(text, length))
    cdef char *copy = <char *>alloc_new(length + 1)
    memcpy(copy, text, length)
    copy[length] = 0
    return copy


cdef void text_free(char **text) noexcept nogil:
    if text[0] != NULL:
        alloc_free(text[0], strlen(text[0]) + 1)
        text[0] = NULL


cdef void text_set(char **text, slice value) noexcept nogil:
    """Replace an optional text of a session; an empty value unsets it."""
    text_free(text)
    if value.length:
        text[0] = text_copy(value.data, value.length)


cdef void session_close(Session *s) noexcept nogil:
    """Mark for the reaper; nothing more is executed or sent. The edge has closed the socket, or
    will when it reaps."""
    if s.flags & SESSION_FREED:
        return
    s.flags |= SESSION_FREED
    client_forget(s)
    blocked_close(s)
    transaction_end(s)
    session_unlink(s)
    s.next = state.reap
    state.reap = s


cdef void session_kill(Session *s) noexcept nogil:
    """Cut off another session, whoever owns its socket. Not for the one whose command runs."""
    blocked_close(s)
    s.flags |= SESSION_CLOSE_NOW
    if state.hooks.flush != NULL:
        state.hooks.flush(s)
    else:
        session_close(s)


cdef void session_unlink(Session *s) noexcept nogil:
    cdef hashtable_position position
    hashtable_locate_element(&state.sessions_by_id, s,
                             hashtable_hash(&state.sessions_by_id, &s.id, sizeof(s.id)), &position)
    hashtable_remove(&state.sessions_by_id, &position)
    s.previous.next = s.next
    s.next.previous = s.previous
    if state.sessions == s:
        state.sessions = s.next if s.next != s else NULL
    state.session_count -= 1


cdef void session_free(Session *s) noexcept nogil:
    reply_free(&s.out)
    resp_parser_free(&s.parser)
    pending_free(s)
    queue_free(&s.queue)
    text_free(&s.name)
    text_free(&s.lib_name)
    text_free(&s.lib_version)
    text_free(&s.user)
    text_free(&s.peer)
    text_free(&s.local)
    alloc_free(s, sizeof(Session))


cdef void session_make_ready(Session *s) noexcept nogil:
    """Queue a session whose kept input may be executed now."""
    if s.is_ready or s.flags & (SESSION_HELD | SESSION_FREED):
        return
    s.is_ready = True
    s.next_ready = NULL
    if state.ready_last != NULL:
        state.ready_last.next_ready = s
    else:
        state.ready = s
    state.ready_last = s
    expire_schedule(state.now_ms)


# ---- kept input ----

cdef void pending_free(Session *s) noexcept nogil:
    if s.pending != NULL:
        lazyfree_block(s.pending, s.pending_capacity)
    s.pending = NULL
    s.pending_start = s.pending_length = s.pending_capacity = 0


cdef inline char *pending_data(const Session *s) noexcept nogil:
    return s.pending + s.pending_start


cdef char *pending_room(Session *s, size_t more) noexcept nogil:
    """Room for `more` bytes behind the kept input. The block grows by half, and its input moves to
    the front where that frees as much as it moves: each byte is copied at most a few times,
    however the input is cut."""
    cdef size_t needed = s.pending_length + more
    cdef size_t capacity
    if (s.pending_start and s.pending_start + needed > s.pending_capacity
            and s.pending_start >= s.pending_length):
        memmove(s.pending, pending_data(s), s.pending_length)
        s.pending_start = 0
    if s.pending_start + needed > s.pending_capacity:
        capacity = max(s.pending_start + needed, s.pending_capacity + (s.pending_capacity >> 1))
        s.pending = <char *>alloc_resize(s.pending, s.pending_capacity, capacity)
        s.pending_capacity = capacity
    return pending_data(s) + s.pending_length


cdef void pending_shrink(Session *s) noexcept nogil:
    """Move what is left into a block of its size."""
    cdef char *moved = <char *>alloc_new(s.pending_length)
    memcpy(moved, pending_data(s), s.pending_length)
    lazyfree_block(s.pending, s.pending_capacity)
    s.pending = moved
    s.pending_start = 0
    s.pending_capacity = s.pending_length


cdef bint pending_add(Session *s, const char *data, size_t length) noexcept nogil:
    """Keep what has come from a session that waits; False where it is more than a client may
    send. It is read on while it waits, because the end of its connection stands behind what it
    has sent: who has gone must not be served."""
    memcpy(pending_room(s, length), data, length)
    s.pending_length += length
    if s.pending_length > state.limits.input_watched and input_over_limit(s):
        state.stats.query_buffer_disconnects += 1
        return False
    return True


cdef void pending_keep(Work *work) noexcept nogil:
    """Keep what was not executed."""
    cdef Session *s = work.session
    cdef size_t left = work.length - work.consumed
    if left == 0:
        if s.pending != NULL:
            pending_free(s)
    elif work.is_pending:
        s.pending_start += work.consumed
        s.pending_length = left
        if s.pending_capacity > PENDING_KEPT_MAX and left < s.pending_capacity // 4:
            pending_shrink(s)
    else:
        memcpy(pending_room(s, left), work.data + work.consumed, left)
        s.pending_length += left


cdef inline bint reads_ahead(const Session *s) noexcept nogil:
    """Whether the session waits and may send on. Before AUTH that is little."""
    return (s.flags & (SESSION_BLOCKED | SESSION_HELD_BY_PAUSE)
            and not (s.flags & (SESSION_HELD_BY_OUTPUT | SESSION_CLOSING))
            and (s.flags & SESSION_AUTHENTICATED or s.pending_length < PENDING_KEPT_MAX))


# ---- a batch ----

cdef void clock_update() noexcept nogil:
    """Read the clocks: once a batch, and before a command where those ahead of it in the batch have
    taken their time. While a command or EXEC runs they stand still."""
    cdef int64_t offset_ms
    state.now_us = clock_wall_us()
    state.now_ms = state.now_us // 1000
    state.now_monotonic_ms = clock_monotonic_us() // 1000
    state.clock_until_ticks = clock_ticks() + <uint64_t>(CLOCK_KEPT_US * clock_ticks_per_us())
    state.lru_clock = <uint32_t>((state.now_ms // 1000) & 0xffffff)
    offset_ms = state.now_ms - state.now_monotonic_ms
    if unlikely(offset_ms - state.clock_offset_ms > CLOCK_JUMP_MS
                or state.clock_offset_ms - offset_ms > CLOCK_JUMP_MS):
        # The wall clock was set: what was to be done when is judged anew, at once.
        state.clock_offset_ms = offset_ms
        state.wake_ms = state.now_ms


cdef void session_offer(Session *s, char *data, size_t length, bint is_pending) noexcept nogil:
    """Parse input of a session into the batch. At most WORKS_MAX offers a batch."""
    cdef Work *work = &state.works[state.work_count]
    cdef resp_limits limits
    limits.bulk_max = state.limits.bulk_max
    limits.unauthenticated = state.password_required and not (s.flags & SESSION_AUTHENTICATED)
    # Before AUTH what follows a command is judged when that has been executed.
    work.most = 1 if limits.unauthenticated else s.offer_max
    state.work_count += 1
    work.session = s
    work.data = data
    work.length = length
    work.is_pending = is_pending
    work.first = state.batch.command_count
    work.status = resp_parse(&s.parser, &state.batch, data, length, &limits, work.most,
                             &work.consumed)
    work.end = state.batch.command_count


cdef inline bint _prefetch_bucket(Session *s, uint32_t index) noexcept nogil:
    """Find the row of a command ahead; hash its first key and load the bucket. Whether the command
    names an element of what the key holds."""
    cdef resp_command *command = &state.batch.commands[index]
    cdef slice *argv = state.batch.arguments + command.first
    cdef Row *found = table_find(argv[0].data, argv[0].length)
    command.row = found
    if found != NULL and found.first_key > 0 and <int>command.count > found.first_key:
        command.hash = hash_bytes(&state.entry_type.seed, argv[found.first_key].data,
                                  argv[found.first_key].length)
        hashtable_prefetch_bucket(&s.database.keys, command.hash)
        return found.element != 0
    return False


cdef inline bint _prefetch_entry(Session *s, uint32_t index) noexcept nogil:
    """Whether the entry stands behind its bucket: see _prefetch_overflown."""
    cdef resp_command *command = &state.batch.commands[index]
    cdef const Row *found = <const Row *>command.row
    if found != NULL and found.first_key > 0 and <int>command.count > found.first_key:
        return hashtable_prefetch_element(&s.database.keys, command.hash)
    return False


cdef inline void _prefetch_element(Session *s, uint32_t index, bint near) noexcept nogil:
    """What a command will look up within the collection of its first key, which is loaded."""
    cdef resp_command *command = &state.batch.commands[index]
    cdef slice *argv = state.batch.arguments + command.first
    cdef const Row *found = <const Row *>command.row
    cdef slice key
    cdef const entry *e
    if found == NULL or found.element == 0 or <int>command.count <= found.element:
        return
    key = argv[found.first_key]
    e = <const entry *>hashtable_find(&s.database.keys, key.data, key.length, command.hash)
    if e != NULL:
        value_prefetch(e, argv[found.element], near)


cdef enum Ahead:
    AHEAD_BUCKETS
    AHEAD_ENTRIES
    AHEAD_OVERFLOWN
    AHEAD_ELEMENTS
    AHEAD_NEAR

cdef enum:                       # without a name: Cython before 3.3 takes no other as a length
    AHEADS = AHEAD_NEAR + 1

ctypedef struct Lookahead:
    uint32_t work
    uint32_t index               # of the next command to look at

ctypedef struct Lookaheads:
    Lookahead of[AHEADS]
    uint32_t total
    bint elements                # a command with an element has been met
    uint64_t overflown           # bit of index mod 64: the entry stands behind its bucket


cdef inline void _advance(Lookaheads *all, Ahead kind, uint32_t until) noexcept nogil:
    """Prefetch for all commands before `until`."""
    cdef Lookahead *ahead = &all.of[<int>kind]
    cdef Session *s
    until = min(until, all.total)
    while ahead.index < until:
        while ahead.index >= state.works[ahead.work].end:
            ahead.work += 1
        s = state.works[ahead.work].session
        if kind == AHEAD_BUCKETS:
            all.elements |= _prefetch_bucket(s, ahead.index)
        elif kind == AHEAD_ENTRIES:
            if _prefetch_entry(s, ahead.index):
                all.overflown |= <uint64_t>1 << (ahead.index & 63)
        elif kind == AHEAD_OVERFLOWN:
            if all.overflown >> (ahead.index & 63) & 1:
                all.overflown ^= <uint64_t>1 << (ahead.index & 63)
                hashtable_prefetch_overflow(&s.database.keys,
                                            state.batch.commands[ahead.index].hash)
        else:
            _prefetch_element(s, ahead.index, kind == AHEAD_NEAR)
        ahead.index += 1


cdef void _advance_past(Lookaheads *all, uint32_t end) noexcept nogil:
    """Look at no command before `end` any more: what holds their bytes is about to move."""
    cdef uint32_t i
    for i in range(all.of[<int>AHEAD_OVERFLOWN].index, min(all.of[<int>AHEAD_ENTRIES].index, end)):
        all.overflown &= ~(<uint64_t>1 << (i & 63))
    for i in range(AHEADS):
        all.of[i].index = max(all.of[i].index, end)


cdef void batch_run() noexcept nogil:
    """Execute what has been offered, session by session, and send the replies of each."""
    cdef Lookaheads aheads
    cdef uint32_t w
    memset(&aheads, 0, sizeof(aheads))
    aheads.total = state.batch.command_count
    for w in range(state.work_count):
        _work_run(&state.works[w], &aheads)
        _work_end(&state.works[w])
    state.work_count = 0
    resp_batch_clear(&state.batch)


cdef inline void _work_run(Work *work, Lookaheads *aheads) noexcept nogil:
    cdef Session *s = work.session
    cdef resp_command *command
    cdef const Row *found
    cdef uint32_t i
    cdef size_t executed_end = 0
    state.ticks = clock_ticks()
    for i in range(work.first, work.end):
        _advance(aheads, AHEAD_BUCKETS, i + PREFETCH_BUCKETS)
        _advance(aheads, AHEAD_ENTRIES, i + PREFETCH_ENTRIES)
        if aheads.overflown:
            _advance(aheads, AHEAD_OVERFLOWN, i + PREFETCH_OVERFLOWN)
        if aheads.elements:
            _advance(aheads, AHEAD_ELEMENTS, i + PREFETCH_ELEMENTS)
            _advance(aheads, AHEAD_NEAR, i + PREFETCH_NEAR)
        command = &state.batch.commands[i]
        found = <const Row *>command.row
        if unlikely(s.flags & (SESSION_CLOSING | SESSION_HELD)):
            break
        if dispatch(s, state.batch.arguments + command.first, command.count, found, command.hash,
                    found != NULL and found.first_key > 0
                    and <int>command.count > found.first_key) == DISPATCH_HELD:
            break
        executed_end = command.end
        if unlikely(reply_bytes(&s.out) >= OUTPUT_HELD_AT) and state.hooks.flush != NULL:
            if not state.hooks.flush(s):
                s.flags |= SESSION_HELD_BY_OUTPUT
            state.ticks = clock_ticks()
    else:
        return
    # Stopped early: what was not executed is parsed again when the session goes on. Who waits for
    # each of many commands is then offered few at a time, so that it is not parsed over and over.
    s.offer_max = OFFER_COMMANDS_MIN
    _advance_past(aheads, work.end)
    work.consumed = executed_end
    work.status = RESP_OK
    resp_parser_free(&s.parser)


cdef void _work_end(Work *work) noexcept nogil:
    """Answer a protocol error, keep the rest of the input, send."""
    cdef Session *s = work.session
    if unlikely(work.status != RESP_OK):
        if s.flags & SESSION_HELD:
            resp_parser_free(&s.parser)  # the broken command is parsed again, and told, later
        elif not (s.flags & SESSION_CLOSING):
            protocol_error(s, work.status)
    if s.flags & SESSION_MULTI:
        queue_own(s)
    if s.flags & SESSION_CLOSING:
        work.consumed = work.length
    if work.consumed != work.length or s.pending != NULL:
        pending_keep(work)
    if ((unlikely(s.pending_length + queue_bytes(&s.queue) > state.limits.input_watched)
            or s.parser.bulk_length + 2 > <int64_t>state.limits.query_buffer_max)
            and input_over_limit(s)):
        state.stats.query_buffer_disconnects += 1
        s.flags |= SESSION_CLOSE_NOW
    elif s.pending_length and not (s.flags & SESSION_HELD):
        if work.end - work.first >= work.most:
            session_make_ready(s)
            s.offer_max = min(2 * s.offer_max, <uint32_t>OFFER_COMMANDS_MAX)
    if state.hooks.flush != NULL:
        state.hooks.flush(s)


cdef bint input_over_limit(Session *s) noexcept nogil:
    """client-query-buffer-limit, for a session that keeps much input: what is not parsed, the
    argument that arrives counted whole already, so that its command is not executed when its end
    is there. As in Redis, arguments that are there do not count: only their own limit bounds a
    command."""
    cdef size_t parsed = s.parser.position if s.parser.remaining else 0
    cdef size_t unparsed = max(s.pending_length - parsed, <size_t>(s.parser.bulk_length + 2))
    client_count(s)
    return unparsed + queue_bytes(&s.queue) > state.limits.query_buffer_max


cdef void protocol_error(Session *s, resp_status status) noexcept nogil:
    """Tell the client why it is cut off; the close follows the reply."""
    cdef const char *text = protocol_error_text(status)
    cdef char filled[96]
    cdef int size
    s.flags |= SESSION_CLOSE_AFTER_REPLY
    if s.flags & SESSION_REPLY_OFF:
        return
    if status == RESP_ERROR_BULK_EXPECTED:
        size = snprintf(filled, sizeof(filled), text, <int>s.parser.unexpected)
        error_count(filled, size)
        reply_error(&s.out, filled, size)
    else:
        error_count(text, strlen(text))
        reply_error(&s.out, text, strlen(text))


cdef void session_feed(Session *s, char *data, size_t length) noexcept nogil:
    """All of it for one session: the sans-IO way in."""
    state.stats.net_in += length
    s.net_in += length
    s.active_ms = state.now_monotonic_ms
    if s.flags & (SESSION_HELD | SESSION_CLOSING):
        if not (s.flags & SESSION_CLOSING) and not pending_add(s, data, length):
            session_kill(s)
        else:
            client_count(s)
        return
    if s.pending_length:
        memcpy(pending_room(s, length), data, length)
        s.pending_length += length
        session_offer(s, pending_data(s), s.pending_length, True)
    else:
        session_offer(s, data, length, False)
    batch_run()
    sessions_run_ready()


cdef void sessions_run_ready() noexcept nogil:
    """Go on with the kept input of sessions that are suspended no more. Bounded: each session once
    a call; those that are ready again wait for the next."""
    cdef Session *last = state.ready_last
    cdef Session *s
    while state.ready != NULL:
        s = state.ready
        state.ready = s.next_ready
        if state.ready == NULL:
            state.ready_last = NULL
        s.is_ready = False
        if s.flags & (SESSION_HELD | SESSION_CLOSING):
            pass
        elif s.pending_length:
            session_offer(s, pending_data(s), s.pending_length, True)
            batch_run()
        elif state.hooks.flush != NULL:
            state.hooks.flush(s)        # also lets the edge read from it again
        if s == last:
            break


cdef void engine_tick() noexcept nogil:
    """Everything that waits for time: expiry, eviction, lazy freeing, pauses, sessions that may go
    on."""
    clock_update()
    if state.pause_until_ms and state.now_monotonic_ms >= state.pause_until_ms:
        pause_end()
    expire_tick()
    blocked_tick()
    if state.limits.clients_bytes_max:
        evict_clients()
    if state.limits.memory_max:
        evict_to_fit()
    if state.pause_until_ms:
        schedule_monotonic(state.pause_until_ms)
    if state.purge_at_ms:
        if state.now_monotonic_ms < state.purge_at_ms:
            schedule_monotonic(state.purge_at_ms)
        elif alloc_purge():
            purge_schedule()
        else:
            state.purge_at_ms = 0
    if state.ready_keys != NULL:
        keys_serve()
    sessions_run_ready()


cdef void schedule_monotonic(int64_t until_ms) noexcept nogil:
    """Call for a tick at a time of the monotonic clock."""
    expire_schedule(state.now_ms + min(until_ms - state.now_monotonic_ms, NEVER_MS // 2))


cdef void purge_schedule() noexcept nogil:
    """More memory is to be given back: soon, but not all of it at once."""
    state.purge_at_ms = state.now_monotonic_ms + PURGE_EVERY_MS
    schedule_monotonic(state.purge_at_ms)
