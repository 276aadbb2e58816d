# embed: the engine as Python objects: sessions without a socket.

cdef void engine_create(int database_count, uint64_t seed) noexcept nogil:
    """Set up the one engine of the process. `seed` 0: from the operating system."""
    memset(&state, 0, sizeof(State))
    if seed:
        random_seed(&state.random, seed)
        for i in range(4):
            state.entry_type.seed.word[i] = random_next(&state.random)
    else:
        random_system(&seed, sizeof(seed))
        random_seed(&state.random, seed)
        random_system(&state.entry_type.seed, sizeof(hash_seed))
    state.entry_type.key = entry_key
    state.watched_type.key = watched_key_bytes
    state.watched_type.seed = state.entry_type.seed
    state.limits.bulk_max = 512 << 20
    state.limits.query_buffer_max = 1 << 30
    state.limits.active_expire = True
    state.limits.latency_tracking = True
    slow_limits(10000, 128, 0)
    slowlog_reset()
    state.lfu_log_factor = 10
    state.lfu_decay_minutes = 1
    state.wake_ms = NEVER_MS
    expiry_heap_init(&state.timeouts, session_timeout_moved)
    resp_batch_init(&state.batch)
    clock_update()
    databases_create(database_count)


cdef class EmbeddedSession:
    """A client of the engine without a socket: raw RESP in, raw RESP out."""
    cdef Session *session

    def __cinit__(self):
        self.session = session_new(-1)
        self.session.flags |= SESSION_INTERNAL

    def __dealloc__(self):
        session_close(self.session)

    def feed(self, data) -> bytes:
        """Execute the requests in `data` (bytes of RESP, cut anywhere); return the replies."""
        cdef Session *s = self.session
        cdef bytearray buffer = bytearray(data)
        cdef char *start = buffer
        cdef size_t length = len(buffer)
        with nogil:
            clock_update()
            session_feed(s, start, length)
            while s.is_ready:
                sessions_run_ready()
        return session_take_output(s)


cdef bytes session_take_output(Session *s):
    """What is to be sent, as one bytes object; the session's output is empty afterwards."""
    cdef reply_piece pieces[64]
    cdef size_t count, i
    parts = []
    while reply_bytes(&s.out):
        count = reply_pieces(&s.out, pieces, 64)
        sent = 0
        for i in range(count):
            parts.append(pieces[i].data[:pieces[i].length])
            sent += pieces[i].length
        reply_consume(&s.out, sent)
    return b"".join(parts)


def create_engine(databases: int = 16, seed: int = 0) -> None:
    """Set up the engine of this process. `seed` makes a run reproducible; 0 draws one."""
    global python_call, migration_start, migration_run
    _load_reply_types()
    python_call = call_python
    migration_start = start_migration
    migration_run = run_migration
    engine_create(databases, seed)


def protocol_error_message(status: int, unexpected: int = 0) -> str:
    """What a client is told whose stream the parser has refused with this status; `unexpected` is
    the byte that stood where '$' should."""
    cdef char filled[96]
    cdef int size = snprintf(filled, sizeof(filled),
                             protocol_error_text(<resp_status><int>status), <int>unexpected)
    text = filled[:size].decode("latin-1")
    for stripped in "\r\n\0":
        text = text.replace(stripped, " ")
    return text
