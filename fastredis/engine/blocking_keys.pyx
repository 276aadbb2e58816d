# blocking_keys: commands that wait until a key can serve them: BLPOP, BZMPOP, XREAD BLOCK ...
#
#   Database.waited --> WaitedKey "k" <--> KeyWaiter (session 7) <--> KeyWaiter (session 9)    FIFO
#                                              |                          |
#         Session 7.key_wait ------> KeyWait { argv, waiters[] }     KeyWait of session 9
#                                              |
#         another key it waits for <-- KeyWaiter
#
#   handler finds nothing: block_on_keys        a copy of argv, a place in the queue of each key
#   a write makes a key: key_ready              the key goes to state.ready_keys, once
#   the outermost command is over: keys_serve   for each ready key in that order, for each waiter
#                                               in turn: its handler runs again, as a whole
#
# Running the handler again, instead of handing it an element, means that there is one way to serve:
# WRONGTYPE of another key, maxmemory, CLIENT PAUSE and the rest come out as if the command had
# been sent now. Where it finds nothing again (another took the entries first) it calls
# block_on_keys once more: then the wait stays as it is, with its places and its deadline.
#
# A waiter is run only where the key holds the type that its command is for, so a BLPOP sleeps
# through a ZADD; with block_until_loss also where the key goes or becomes something else.
#
# Invariants: a session stands once in the queue of a key, also where it names the key twice. A
# WaitedKey lives while it has a waiter, is ready or is being served. Reruns add no waiter.
#
# Complexity: to block O(keys of the command), to leave O(keys), a waiter served O(its command); a
# key that is ready costs O(1) beside those served, or O(waiters) where its type is not theirs.
# Nobody waits: one comparison for a new key. Ownership: a session owns its KeyWait.

cdef const void *waited_key_bytes(const void *element, size_t *length) noexcept nogil:
    length[0] = (<const WaitedKey *>element).key_length
    return (<const WaitedKey *>element).key


cdef inline WaitedKey *_waited_find(Database *db, slice key) noexcept nogil:
    return <WaitedKey *>hashtable_find(&db.waited, key.data, key.length,
                                       hashtable_hash(&db.waited, key.data, key.length))


# ---- queues ----

cdef inline size_t _waited_key_size(size_t key_length) noexcept nogil:
    return sizeof(WaitedKey) + key_length


cdef WaitedKey *_waited_of(Database *db, slice key) noexcept nogil:
    """The queue of a key, made where there is none."""
    cdef uint64_t hash = hashtable_hash(&db.waited, key.data, key.length)
    cdef WaitedKey *waited = <WaitedKey *>hashtable_find(&db.waited, key.data, key.length, hash)
    if waited == NULL:
        waited = <WaitedKey *>alloc_new(_waited_key_size(key.length))
        memset(waited, 0, sizeof(WaitedKey))
        waited.database = db
        waited.key_length = key.length
        memcpy(waited.key, key.data, key.length)
        hashtable_insert(&db.waited, waited, hash)
        state.waited_count += 1
    return waited


cdef void _waited_drop_idle(WaitedKey *waited) noexcept nogil:
    """Free the queue where nobody is in it and nobody is about to look at it."""
    cdef Database *db = waited.database
    cdef hashtable_position position
    if waited.first != NULL or waited.is_ready or waited.is_served:
        return
    hashtable_locate(&db.waited, waited.key, waited.key_length,
                     hashtable_hash(&db.waited, waited.key, waited.key_length), &position)
    hashtable_remove(&db.waited, &position)
    alloc_free(waited, _waited_key_size(waited.key_length))
    state.waited_count -= 1


cdef void _queue_join(KeyWait *wait, WaitedKey *waited) noexcept nogil:
    cdef KeyWaiter *waiter
    if waited.last != NULL and waited.last.wait == wait:
        return                   # the command names the key twice
    waiter = &wait.waiters[wait.waiter_count]
    wait.waiter_count += 1
    waiter.key = waited
    waiter.wait = wait
    waiter.next = NULL
    waiter.previous = waited.last
    if waited.last != NULL:
        waited.last.next = waiter
    else:
        waited.first = waiter
    waited.last = waiter


cdef void _queue_leave(KeyWaiter *waiter) noexcept nogil:
    cdef WaitedKey *waited = waiter.key
    if waiter.previous != NULL:
        waiter.previous.next = waiter.next
    else:
        waited.first = waiter.next
    if waiter.next != NULL:
        waiter.next.previous = waiter.previous
    else:
        waited.last = waiter.previous
    if waiter.wait.on_loss:
        _count_loss(waited, -1)
    _waited_drop_idle(waited)


cdef inline void _count_loss(WaitedKey *waited, int change) noexcept nogil:
    state.waited_loss_count -= waited.loss_count != 0
    waited.loss_count += change
    state.waited_loss_count += waited.loss_count != 0


# ---- waits ----

cdef entry_type _wanted_type(const Row *found) noexcept nogil:
    """The type of key that a blocking command is for."""
    if strcmp(found.group, b"list") == 0:
        return ENTRY_LIST
    if strcmp(found.group, b"sorted-set") == 0:
        return ENTRY_ZSET
    return ENTRY_STREAM


cdef KeyWait *_key_wait_new(Call *call, int key_count) noexcept nogil:
    """A wait in no queue yet, with its own copy of the arguments: one block."""
    cdef size_t head = sizeof(KeyWait) + key_count * sizeof(KeyWaiter)
    cdef size_t size = head + call.argc * sizeof(slice)
    cdef KeyWait *wait
    cdef char *data
    cdef int i
    for i in range(call.argc):
        size += call.argv[i].length
    wait = <KeyWait *>alloc_new(size)
    memset(wait, 0, sizeof(KeyWait))
    wait.session = call.session
    wait.row = call.row
    wait.argv = <slice *>(<char *>wait + head)
    wait.argc = call.argc
    wait.wanted = _wanted_type(call.row)
    wait.block_bytes = size
    data = <char *>wait + head + call.argc * sizeof(slice)
    for i in range(call.argc):
        if call.argv[i].length:
            memcpy(data, call.argv[i].data, call.argv[i].length)
        wait.argv[i] = slice_of(data, call.argv[i].length)
        data += call.argv[i].length
    return wait


cdef void _key_wait_end(KeyWait *wait) noexcept nogil:
    """Leave all queues and free the wait."""
    cdef int i
    wait.session.key_wait = NULL
    for i in range(wait.waiter_count):
        _queue_leave(&wait.waiters[i])
    lazyfree_block(wait, wait.block_bytes)


cdef void _call_again(const KeyWait *wait, Call *call) noexcept nogil:
    """The call of the command that waits."""
    memset(call, 0, sizeof(Call))
    call.session = wait.session
    call.out = &wait.session.out
    call.database = wait.session.database
    call.argv = wait.argv
    call.argc = wait.argc
    call.row = wait.row


cdef void _keys_end(Session *s, BlockedWhy why) noexcept nogil:
    cdef KeyWait *wait = s.key_wait
    cdef BlockedEnd timed_out = wait.timed_out
    cdef Call call
    if unlikely(s.blocked_ticks >= state.limits.slow_ticks and why != BLOCKED_CLOSED):
        _call_again(wait, &call)
        slow_command(&call, s.blocked_ticks)
    _key_wait_end(wait)
    if why == BLOCKED_TIMEOUT:
        timed_out(s, why)


cdef void null_array_timed_out(Session *s, BlockedWhy why) noexcept nogil:
    """What most commands answer when the time is over."""
    reply_null_array(&s.out)


cdef void block_on_keys(Call *call, const slice *keys, int step, int count, int64_t timeout_ms,
                        BlockedEnd timed_out) noexcept nogil:
    """Let the running command wait until one of the keys may serve it; it is then run again.

    The keys are every `step`th slice from `keys` on. Inside MULTI the time is over at once.
    `timed_out` writes the answer when it is (only then; other ends are answered here).
    """
    cdef Session *s = call.session
    cdef KeyWait *wait
    cdef int i
    if not session_may_block(s):
        timed_out(s, BLOCKED_TIMEOUT)
        return
    if s.key_wait != NULL:
        s.flags |= SESSION_BLOCKED  # it was run again in vain: its wait goes on
        return
    wait = _key_wait_new(call, count)
    wait.timed_out = timed_out
    for i in range(count):
        _queue_join(wait, _waited_of(call.database, keys[i * step]))
    session_block(s, timeout_ms, _keys_end)
    s.key_wait = wait


cdef void block_until_loss(Session *s) noexcept nogil:
    """Called after block_on_keys: also run again where a key goes or becomes another type."""
    cdef KeyWait *wait = s.key_wait
    cdef int i
    if wait == NULL or wait.on_loss:
        return                   # answered at once (MULTI), or said before
    wait.on_loss = True
    for i in range(wait.waiter_count):
        _count_loss(wait.waiters[i].key, 1)


cdef bint timeout_or_reply(Call *call, slice text, int64_t *timeout_ms) noexcept nogil:
    """Seconds, with a fraction, as milliseconds rounded up; 0: no limit."""
    cdef long double limit_ms
    if not number_parse_long_double(text.data, text.length, &limit_ms):
        error_reply(call, ERROR_TIMEOUT_NOT_FLOAT)
        return False
    limit_ms *= 1000
    if limit_ms >= <long double>INT64_MAX:
        error_reply(call, ERROR_TIMEOUT_RANGE)
        return False
    if limit_ms <= -1:
        error_reply(call, ERROR_TIMEOUT_NEGATIVE)
        return False
    timeout_ms[0] = <int64_t>limit_ms
    if timeout_ms[0] < limit_ms:
        timeout_ms[0] += 1
    if timeout_ms[0] > INT64_MAX - state.now_ms:
        error_reply(call, ERROR_TIMEOUT_RANGE)
        return False
    return True


# ---- ready keys ----

cdef void _ready_push(WaitedKey *waited) noexcept nogil:
    if waited.is_ready:
        return
    waited.is_ready = True
    waited.next_ready = NULL
    if state.ready_keys_last != NULL:
        state.ready_keys_last.next_ready = waited
    else:
        state.ready_keys = waited
    state.ready_keys_last = waited


cdef inline void key_ready(Database *db, slice key) noexcept nogil:
    """A write has made a key, or added to one, that somebody may wait for."""
    cdef WaitedKey *waited
    if unlikely(db.waited.count):
        waited = _waited_find(db, key)
        if waited != NULL:
            _ready_push(waited)


cdef inline void entry_ready(Database *db, const entry *e) noexcept nogil:
    """key_ready for an entry that comes into the database; nobody waits for a string."""
    if unlikely(db.waited.count) and entry_get_type(e) != ENTRY_STRING:
        key_ready(db, entry_key_slice(e))


cdef inline void entry_lost(Database *db, const entry *e) noexcept nogil:
    """An entry goes, or becomes a string."""
    cdef WaitedKey *waited
    if unlikely(db.waited.count) and entry_get_type(e) == ENTRY_STREAM:
        waited = _waited_find(db, entry_key_slice(e))
        if waited != NULL and waited.loss_count:
            _ready_push(waited)
            expire_schedule(state.now_ms)  # it may be no command that has taken the key away


cdef entry *_waited_entry(const WaitedKey *waited) noexcept nogil:
    """What the key holds now; NULL where it is gone or due."""
    cdef entry *e = <entry *>hashtable_find(
        &waited.database.keys, waited.key, waited.key_length,
        hash_bytes(&state.entry_type.seed, waited.key, waited.key_length))
    return NULL if e != NULL and entry_is_due(e) else e


cdef void _rescan_visit(void *context, void *element) noexcept nogil:
    cdef WaitedKey *waited = <WaitedKey *>element
    cdef entry *e = _waited_entry(waited)
    if waited.loss_count or e != NULL and entry_get_type(e) != ENTRY_STRING:
        _ready_push(waited)


cdef void waited_rescan(Database *db) noexcept nogil:
    """The whole content of a database is another: whoever waits may look."""
    if db.waited.count:
        hashtable_each(&db.waited, _rescan_visit, NULL)


cdef void waited_rescan_all() noexcept nogil:
    cdef int i
    if state.waited_count:
        for i in range(state.database_count):
            waited_rescan(&state.databases[i])


# ---- serving ----

cdef void _rerun(KeyWait *wait) noexcept nogil:
    """Run the command again that waits; it is answered, or goes on waiting in its place."""
    cdef Session *s = wait.session
    cdef size_t mark = reply_later(&s.out)
    cdef Call call
    _call_again(wait, &call)
    if unlikely(state.pause_until_ms) and _held_by_pause(&call):
        return                   # the end of the pause looks at every key that is waited for
    s.flags &= ~<uint32_t>SESSION_BLOCKED
    if unlikely(not _gate_memory(&call)):
        error_reply(&call, ERROR_OUT_OF_MEMORY)
        call_reject(&call)
    else:
        call_execute(&call)
    if s.flags & SESSION_BLOCKED:
        return
    wait.row.ticks += s.blocked_ticks
    _key_wait_end(wait)
    blocked_resume(s, mark)


cdef void _serve_key(WaitedKey *waited) noexcept nogil:
    """Run the waiters of a key in turn, until it has nothing left for any."""
    cdef KeyWaiter *waiter = waited.first
    cdef KeyWaiter *following
    cdef entry *e = _waited_entry(waited)
    while waiter != NULL and (e != NULL or waited.loss_count):
        # A rerun takes out nobody but itself.
        following = waiter.next
        if waiter.wait.on_loss or e != NULL and entry_get_type(e) == waiter.wait.wanted:
            _rerun(waiter.wait)
            e = _waited_entry(waited)
        waiter = following


cdef void keys_serve() noexcept nogil:
    """Serve those who wait for keys that have become ready, in the order of that. Keys that reruns
    make ready in turn come behind."""
    cdef Session *current = state.current
    cdef WaitedKey *waited
    state.ticks = clock_ticks()
    while state.ready_keys != NULL:
        waited = state.ready_keys
        state.ready_keys = waited.next_ready
        if state.ready_keys == NULL:
            state.ready_keys_last = NULL
        waited.is_ready = False
        waited.is_served = True
        _serve_key(waited)
        waited.is_served = False
        _waited_drop_idle(waited)
    state.current = current
