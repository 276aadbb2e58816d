# embed: the engine as Python objects: sessions without a socket.

import threading

# The engine runs without the GIL: of several threads, one at a time is in it.
cdef object _embedding = threading.RLock()


cdef void _default_packing(collection_limits *limits) noexcept nogil:
    """The defaults of the configuration, for an engine without one."""
    memset(limits, 0, sizeof(collection_limits))
    limits.hash_entries = limits.set_intset_entries = 512
    limits.set_entries = limits.zset_entries = 128
    limits.hash_value = limits.set_value = limits.zset_value = 64
    limits.stream_bytes = 4096
    limits.stream_entries = 100
    limits.hyperloglog_sparse_bytes = 3000
    limits.list_size = -2


cdef void engine_create(int database_count, uint64_t seed) noexcept nogil:
    """Set up the one engine of the process. `seed` 0: from the operating system."""
    slowlog_trim(0)
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
    state.waited_type.key = waited_key_bytes
    state.waited_type.seed = state.entry_type.seed
    state.session_type.key = session_id_bytes
    state.session_type.seed = state.entry_type.seed
    hashtable_init(&state.sessions_by_id, &state.session_type)
    state.limits.bulk_max = 512 << 20
    _default_packing(&state.limits.packing)
    set_settings_init(&state.sets, &state.limits.packing, &state.entry_type.seed)
    fields_settings_init(&state.hashes, &state.limits.packing, &state.entry_type.seed)
    zset_settings_init(&state.zsets, &state.limits.packing, &state.entry_type.seed)
    clients_limit(0, 1 << 30)
    state.limits.active_expire = True
    state.limits.latency_tracking = True
    slow_limits(10000, 128, 0)
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
        if state.databases == NULL:
            raise RuntimeError("create_engine() has not been called")
        with _embedding:
            _reap_when_idle()
            self.session = session_new(-1)
            self.session.flags |= SESSION_INTERNAL

    def __dealloc__(self):
        if self.session != NULL:
            with _embedding:
                session_close(self.session)
                _reap_when_idle()

    def feed(self, data) -> bytes:
        """Execute the requests in `data` (bytes of RESP, cut anywhere); return the replies."""
        cdef Session *s = self.session
        cdef bytearray buffer = bytearray(data)
        cdef char *start = buffer
        cdef size_t length = len(buffer)
        with _embedding:
            if state.work_count:
                raise RuntimeError("a session cannot be fed by a command that runs")
            with nogil:
                clock_update()
                if state.wake_ms <= state.now_ms:
                    engine_tick()
                session_feed(s, start, length)
                while s.is_ready:
                    sessions_run_ready()
            return session_take_output(s, <size_t>-1)


cdef void _reap_when_idle() noexcept nogil:
    """Free closed sessions, where no batch runs that may refer to one."""
    if state.work_count == 0:
        edge_reap()


cdef bytes session_take_output(Session *s, size_t most):
    """What is to be sent, up to `most` bytes, as one bytes object; the output holds the rest."""
    cdef reply_piece pieces[64]
    cdef size_t count, i, taken, length
    parts = []
    while most and reply_bytes(&s.out):
        count = reply_pieces(&s.out, pieces, 64)
        taken = 0
        for i in range(count):
            length = min(pieces[i].length, most - taken)
            parts.append(pieces[i].data[:length])
            taken += length
        reply_consume(&s.out, taken)
        most -= taken
    return b"".join(parts)


def create_engine(databases: int = 16, seed: int = 0) -> None:
    """Set up the engine of this process. `seed` makes a run reproducible; 0 draws one."""
    if state.session_count:
        raise RuntimeError("the engine has sessions: there is one engine in a process")
    _load_reply_types()
    engine_create(databases, seed)
    state.hooks.python_call = call_python
    state.hooks.migration_start = start_migration
    state.hooks.migration_run = run_migration


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
