# evict: keys leave when memory is full, as maxmemory-policy says.
#
#   policy            candidates              who goes first
#   *-lru             sample, and the pool    the longest untouched (24-bit clock in seconds)
#   *-lfu             sample, and the pool    the lowest decayed counter
#   *-random          one drawn               -
#   volatile-ttl      the expiry heaps        exactly the first due: nothing is sampled
#   noeviction        none: commands that need memory are refused
#
# The pool keeps the best candidates of earlier samples, so that the choice approaches that of a
# true LRU list without eight more bytes a key. It holds copies of keys, not entries, which move;
# a candidate that has been touched or deleted meanwhile is judged anew when its turn comes.
#
# A command waits for at most EVICT_US; where that was not enough the timer goes on with it, and the
# command is served: the memory that it adds is less than what is being freed.
#
# The time during which that was not enough is measured (total_eviction_exceeded_time).
#
# Complexity: O(maxmemory-samples) an eviction. Source: the sampling with a pool that the Redis
# documentation describes for its approximated LRU.

cdef enum:
    EVICT_US = 500
    EVICT_CHECK = 16


cdef uint64_t _score(const entry *e) noexcept nogil:
    if state.eviction.rank == EVICT_LFU:
        return 256 - lfu_counter(e)
    return ((state.lru_clock - entry_clock(e)) & 0xffffff) + 1


cdef entry *_draw(Database *db) noexcept nogil:
    """An entry at random, of those that the policy may take."""
    cdef size_t count
    if not state.eviction.volatile_only:
        return <entry *>hashtable_random(&db.keys, &state.random)
    count = expiry_heap_count(&db.expires)
    if count == 0:
        return NULL
    return <entry *>expiry_heap_element(&db.expires,
                                        <uint32_t>random_below(&state.random, count))


cdef void _pool_offer(Database *db, const entry *e) noexcept nogil:
    """Keep a candidate where it is better than the worst one of the pool."""
    cdef slice key = entry_key_slice(e)
    cdef uint64_t score = _score(e)
    cdef Candidate *worst = &state.eviction.pool[0]
    cdef Candidate *slot
    cdef int i
    for i in range(POOL_SLOTS):
        slot = &state.eviction.pool[i]
        if slot.score and slot.database == db and slice_equal(
                key, slice_of(slot.key, slot.key_length)):
            slot.score = score
            return
        if slot.score < worst.score:
            worst = slot
    if score > worst.score and key.length <= POOL_KEY_MAX:
        worst.score = score
        worst.database = db
        worst.key_length = key.length
        memcpy(worst.key, key.data, key.length)


cdef entry *_pool_take(Database **database) noexcept nogil:
    """The best candidate that is still there and still as good; NULL where none is."""
    cdef Candidate *best
    cdef entry *e
    cdef uint64_t hash, score
    cdef int i
    while True:
        best = &state.eviction.pool[0]
        for i in range(1, POOL_SLOTS):
            if state.eviction.pool[i].score > best.score:
                best = &state.eviction.pool[i]
        if best.score == 0:
            return NULL
        score = best.score
        best.score = 0
        hash = hash_bytes(&state.entry_type.seed, best.key, best.key_length)
        e = <entry *>hashtable_find(&best.database.keys, best.key, best.key_length, hash)
        if e == NULL or (state.eviction.volatile_only and not entry_has_due(e)):
            continue
        if _score(e) < score:
            continue             # touched since it was sampled
        database[0] = best.database
        return e


cdef entry *_sampled(Database **database) noexcept nogil:
    """Sample every database into the pool and take the best; an unpoolable key as a last resort."""
    cdef entry *drawn = NULL
    cdef entry *e
    cdef Database *db
    cdef Database *drawn_from = NULL
    cdef uint32_t s
    cdef int i
    for i in range(state.database_count):
        db = &state.databases[i]
        if db.keys.count == 0:
            continue
        for s in range(state.eviction.samples):
            e = _draw(db)
            if e == NULL:
                break
            _pool_offer(db, e)
            drawn = e
            drawn_from = db
    e = _pool_take(database)
    if e == NULL:
        database[0] = drawn_from
        return drawn
    return e


cdef entry *_random_one(Database **database) noexcept nogil:
    """An entry of a database drawn by its number of candidates."""
    cdef uint64_t total = 0, drawn, count
    cdef Database *db
    cdef int i
    for i in range(state.database_count):
        db = &state.databases[i]
        total += expiry_heap_count(&db.expires) if state.eviction.volatile_only else db.keys.count
    drawn = random_below(&state.random, total)
    for i in range(state.database_count):
        db = &state.databases[i]
        count = expiry_heap_count(&db.expires) if state.eviction.volatile_only else db.keys.count
        if drawn < count:
            database[0] = db
            return _draw(db)
        drawn -= count
    return NULL


cdef entry *_first_due(Database **database) noexcept nogil:
    cdef void *first
    cdef void *found = NULL
    cdef int64_t due_ms, earliest_ms = INT64_MAX
    cdef int i
    for i in range(state.database_count):
        if expiry_heap_first(&state.databases[i].expires, &first, &due_ms) \
                and due_ms < earliest_ms:
            earliest_ms = due_ms
            found = first
            database[0] = &state.databases[i]
    return <entry *>found


cdef bint evict_one() noexcept nogil:
    """Delete one key; False where the policy has no candidate."""
    cdef Database *db = NULL
    cdef entry *e
    if state.eviction.rank == EVICT_NONE:
        return False
    if state.eviction.rank == EVICT_RANDOM:
        e = _random_one(&db)
    elif state.eviction.rank == EVICT_TTL:
        e = _first_due(&db)
    else:
        e = _sampled(&db)
    if e == NULL:
        return False
    key_drop(db, e)
    state.stats.evicted += 1
    return True


cdef void exceeded_begin(int64_t since_us) noexcept nogil:
    """Memory stays above maxmemory, at least until the next command or tick."""
    if state.exceeded_since_us == 0:
        state.exceeded_since_us = since_us


cdef void exceeded_end() noexcept nogil:
    """It fits again, or there is no maxmemory any more."""
    if state.exceeded_since_us:
        state.stats.exceeded_us += clock_monotonic_us() - state.exceeded_since_us
        state.exceeded_since_us = 0


cdef bint evict_to_fit() noexcept nogil:
    """Free memory down to maxmemory, for a bounded time; False where nothing can be freed. While
    CLIENT PAUSE holds writes the data stays as it is, and nothing is refused."""
    cdef int64_t start_us
    cdef uint32_t done = 0
    if alloc_used_bytes() <= state.limits.memory_max:
        if unlikely(state.exceeded_since_us != 0):
            exceeded_end()
        return True
    start_us = clock_monotonic_us()
    if state.pause_until_ms:
        exceeded_begin(start_us)
        return True
    while alloc_used_bytes() > state.limits.memory_max:
        if state.graves != NULL:
            graves_empty_some(start_us + EVICT_US - TICK_US)
        elif not evict_one():
            exceeded_begin(start_us)
            return False
        done += 1
        if done % EVICT_CHECK == 0 and clock_monotonic_us() - start_us >= EVICT_US:
            exceeded_begin(start_us)
            expire_schedule(state.now_ms)
            return True
    exceeded_end()
    return True
