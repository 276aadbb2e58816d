# keyspace: finding, adding, changing and deleting keys.
#
# The one place where the number of changes, WATCH and the expiry heap are kept right. A handler
# looks up through key_read or key_write, changes the value, and says key_changed.
#
#   lookup       expired?   clock     hits/misses    for
#   key_peek     deletes    -         -              OBJECT, TTL, TYPE, EXISTS
#   key_read     deletes    touches   counts         commands that read
#   key_write    deletes    touches   -              commands that change
#
# An entry can move when it changes shape (another address): use key_reshaped with what the call
# in entry.h returned. Positions of a table are good until the next insert or remove on it.

cdef enum:
    LFU_START = 5                # counter of a new key, so that it is not evicted at once
    EMBSTR_MAX = 44              # where OBJECT ENCODING turns from embstr to raw


cdef void entry_moved(void *element, uint32_t position) noexcept nogil:
    entry_set_heap_position(<entry *>element, position)


cdef const void *watched_key_bytes(const void *element, size_t *length) noexcept nogil:
    length[0] = (<const WatchedKey *>element).key_length
    return (<const WatchedKey *>element).key


cdef inline slice slice_of(const void *data, size_t length) noexcept nogil:
    cdef slice made
    made.data = <const char *>data
    made.length = length
    return made


cdef inline slice entry_key_slice(const entry *e) noexcept nogil:
    cdef slice key
    key.data = <const char *>entry_key(e, &key.length)
    return key


cdef inline uint64_t key_hash(Call *call, slice key) noexcept nogil:
    """Hash of a key; the batch has already computed the first one's."""
    if call.has_hash and key.data == call.argv[call.row.first_key].data:
        return call.hash
    return hash_bytes(&state.entry_type.seed, key.data, key.length)


cdef inline bint entry_is_due(const entry *e) noexcept nogil:
    return entry_has_due(e) and entry_due(e) <= state.now_ms


# The access clock is 24 bits: seconds (LRU), or 16 bits of minutes and an 8-bit counter that grows
# with the logarithm of the accesses and decays with time (LFU), as maxmemory-policy says.

cdef inline uint32_t lfu_minutes() noexcept nogil:
    return <uint32_t>((state.now_ms // 60000) & 0xffff)


cdef inline uint32_t clock_new() noexcept nogil:
    """Access clock of a new entry."""
    if state.lfu:
        return lfu_minutes() << 8 | LFU_START
    return state.lru_clock


cdef uint32_t lfu_counter(const entry *e) noexcept nogil:
    """The counter as it stands now, decayed by one for every lfu-decay-time minutes untouched."""
    cdef uint32_t clock = entry_clock(e)
    cdef uint32_t counter = clock & 255
    cdef uint32_t idle_minutes = (lfu_minutes() - (clock >> 8)) & 0xffff
    cdef uint32_t decay = idle_minutes // state.lfu_decay_minutes if state.lfu_decay_minutes else 0
    return counter - decay if counter > decay else 0


cdef void lfu_touch(entry *e) noexcept nogil:
    cdef uint32_t counter = lfu_counter(e)
    cdef double over = <double>counter - LFU_START if counter > LFU_START else 0.0
    if counter < 255 and random_unit(&state.random) < 1.0 / (over * state.lfu_log_factor + 1):
        counter += 1
    entry_set_clock(e, lfu_minutes() << 8 | counter)


cdef inline void entry_touch(Call *call, entry *e) noexcept nogil:
    if call.session.flags & SESSION_NO_TOUCH:
        return
    if unlikely(state.lfu):
        lfu_touch(e)
    elif entry_clock(e) != state.lru_clock:
        entry_set_clock(e, state.lru_clock)


# ---- values ----

cdef void value_free(entry *e) noexcept nogil:
    """Free what stands behind the entry's pointer."""
    if entry_get_encoding(e) == ENTRY_BLOB:
        lazy_release(entry_blob(e))


cdef size_t value_bytes(const entry *e) noexcept nogil:
    """Bytes of what stands behind the entry's pointer."""
    if entry_get_encoding(e) == ENTRY_BLOB:
        return blob_bytes(entry_blob(e))
    return 0


cdef void lazy_release(blob *b) noexcept nogil:
    """Drop a reference; giants are unmapped by another thread."""
    blob_release(b)


# ---- deleting ----

cdef inline void key_unlink_due(Database *db, entry *e) noexcept nogil:
    if entry_has_due(e):
        expiry_heap_remove(&db.expires, entry_heap_position(e))


cdef void key_remove_at(Database *db, hashtable_position *position, entry *e) noexcept nogil:
    """Delete the entry that stands at a position. The caller tells key_changed."""
    key_unlink_due(db, e)
    hashtable_remove(&db.keys, position)
    value_free(e)
    entry_free(e)


cdef bint key_delete(Database *db, slice key, uint64_t hash) noexcept nogil:
    """Delete a key that is not expired; True where there was one. Tells key_changed."""
    cdef hashtable_position position
    cdef entry *e = <entry *>hashtable_locate(&db.keys, key.data, key.length, hash, &position)
    if e == NULL:
        return False
    cdef bint was_due = entry_is_due(e)
    key_remove_at(db, &position, e)
    if was_due:
        state.stats.expired += 1
        watch_touch(db, key)
        return False
    key_changed(db, key)
    return True


cdef void key_expire(Database *db, entry *e) noexcept nogil:
    """Delete an entry whose time has come."""
    cdef hashtable_position position
    cdef char short_key[256]
    cdef slice key = entry_key_slice(e)
    cdef uint64_t hash = hash_bytes(&state.entry_type.seed, key.data, key.length)
    cdef char *copy = short_key
    hashtable_locate(&db.keys, key.data, key.length, hash, &position)
    state.stats.expired += 1
    if db.watched.count == 0:
        key_remove_at(db, &position, e)
        return
    if key.length > sizeof(short_key):
        copy = <char *>alloc_new(key.length)
    memcpy(copy, key.data, key.length)
    key_remove_at(db, &position, e)
    watch_touch(db, slice_of(copy, key.length))
    if copy != short_key:
        alloc_free(copy, key.length)


# ---- finding ----

cdef inline entry *key_find(Database *db, slice key, uint64_t hash) noexcept nogil:
    """The entry of a key, or NULL. An expired one is deleted on the way."""
    cdef entry *e = <entry *>hashtable_find(&db.keys, key.data, key.length, hash)
    if e != NULL and entry_is_due(e):
        key_expire(db, e)
        return NULL
    return e


cdef inline entry *key_peek(Call *call, slice key) noexcept nogil:
    return key_find(call.database, key, key_hash(call, key))


cdef inline entry *key_read(Call *call, slice key) noexcept nogil:
    cdef entry *e = key_find(call.database, key, key_hash(call, key))
    if e == NULL:
        state.stats.misses += 1
        return NULL
    state.stats.hits += 1
    entry_touch(call, e)
    return e


cdef inline entry *key_write(Call *call, slice key) noexcept nogil:
    cdef entry *e = key_find(call.database, key, key_hash(call, key))
    if e != NULL:
        entry_touch(call, e)
    return e


cdef inline bint type_or_reply(Call *call, const entry *e, entry_type wanted) noexcept nogil:
    if entry_get_type(e) == wanted:
        return True
    error_reply(call, ERROR_WRONG_TYPE)
    return False


# ---- adding and changing ----

cdef inline void key_changed(Database *db, slice key) noexcept nogil:
    """Say that a key's value, or its presence, has changed."""
    state.dirty += 1
    if db.watched.count:
        watch_touch(db, key)


cdef inline void key_insert(Database *db, entry *e, uint64_t hash) noexcept nogil:
    """Add an entry whose key is not there. The caller tells key_changed."""
    entry_set_clock(e, clock_new())
    hashtable_insert(&db.keys, e, hash)
    if entry_has_due(e):
        expiry_heap_add(&db.expires, e, entry_due(e))
        expire_schedule(entry_due(e))


cdef inline void key_reshaped(Database *db, hashtable_position *position, entry *old,
                              entry *made) noexcept nogil:
    """An entry has become another block; both have a due time, or neither."""
    if old == made:
        return
    hashtable_replace(&db.keys, position, made)
    if entry_has_due(made):
        expiry_heap_replace(&db.expires, entry_heap_position(made), made)


cdef void key_set_due(Database *db, slice key, uint64_t hash, entry *e,
                      int64_t due_ms) noexcept nogil:
    """Give an entry a due time, another one, or none (ENTRY_NO_DUE)."""
    cdef hashtable_position position
    cdef bint had = entry_has_due(e)
    cdef entry *made
    hashtable_locate(&db.keys, key.data, key.length, hash, &position)
    if had and due_ms < 0:
        expiry_heap_remove(&db.expires, entry_heap_position(e))
    made = entry_set_due(e, due_ms)
    if made != e:
        hashtable_replace(&db.keys, &position, made)
    if due_ms < 0:
        return
    if had:
        if made != e:
            expiry_heap_replace(&db.expires, entry_heap_position(made), made)
        expiry_heap_update(&db.expires, entry_heap_position(made), due_ms)
    else:
        expiry_heap_add(&db.expires, made, due_ms)
    expire_schedule(due_ms)


# ---- strings ----

cdef inline entry_encoding string_encoding(slice value, int64_t *number) noexcept nogil:
    """How a string is kept: as a number where its text is exactly that number's."""
    if value.length <= 20 and value.length > 0 and number_parse_int64(value.data, value.length,
                                                                     number):
        return ENTRY_INT
    if value.length <= EMBSTR_MAX:
        return ENTRY_EMBSTR
    return ENTRY_RAW if value.length <= ENTRY_INLINE_MAX else ENTRY_BLOB


cdef inline void string_fill(entry *e, entry_encoding encoding, slice value,
                             int64_t number) noexcept nogil:
    """Write the value into an entry of the right shape."""
    cdef entry_view view = entry_look(e)
    cdef blob *b
    if encoding == ENTRY_INT:
        memcpy(view.value, &number, 8)
    elif encoding == ENTRY_BLOB:
        b = blob_of(value.data, value.length)
        memcpy(view.value, &b, 8)
    else:
        memcpy(view.value, value.data, value.length)


cdef entry *string_new(slice key, entry_encoding encoding, slice value, int64_t number,
                       int64_t due_ms) noexcept nogil:
    cdef entry *e = entry_new(ENTRY_STRING, encoding, key, due_ms, value.length)
    string_fill(e, encoding, value, number)
    return e


cdef entry *string_overwrite(Database *db, hashtable_position *position, entry *e,
                             entry_encoding encoding, slice value,
                             int64_t number) noexcept nogil:
    """Another value under the same key and due time, in the same block where it fits."""
    cdef entry *made
    value_free(e)
    if encoding == ENTRY_INT or encoding == ENTRY_BLOB:
        made = entry_set_wide(e, ENTRY_STRING, encoding)
    else:
        made = entry_set_inline(e, encoding, value.length)
    string_fill(made, encoding, value, number)
    key_reshaped(db, position, e, made)
    return made


cdef void string_replace(Database *db, hashtable_position *position, entry *e, slice key,
                         entry_encoding encoding, slice value, int64_t number,
                         int64_t due_ms) noexcept nogil:
    """Another value and another due time (or none) under the same key."""
    cdef entry *made
    if not entry_has_due(e) and due_ms < 0:
        made = string_overwrite(db, position, e, encoding, value, number)
        entry_set_clock(made, clock_new())
        return
    made = string_new(key, encoding, value, number, due_ms)
    entry_set_clock(made, clock_new())
    key_unlink_due(db, e)
    hashtable_replace(&db.keys, position, made)
    if due_ms >= 0:
        expiry_heap_add(&db.expires, made, due_ms)
        expire_schedule(due_ms)
    value_free(e)
    entry_free(e)


cdef void string_set(Database *db, slice key, uint64_t hash, slice value, int64_t due_ms,
                     bint keep_due) noexcept nogil:
    """Set a key to a string, whatever it held. `keep_due`: the due time stays as it is."""
    cdef hashtable_position position
    cdef int64_t number = 0
    cdef entry_encoding encoding = string_encoding(value, &number)
    cdef entry *e = <entry *>hashtable_locate(&db.keys, key.data, key.length, hash, &position)
    if e == NULL:
        key_insert(db, string_new(key, encoding, value, number, due_ms), hash)
    elif entry_is_due(e):
        state.stats.expired += 1
        string_replace(db, &position, e, key, encoding, value, number, due_ms)
    elif keep_due:
        entry_set_clock(string_overwrite(db, &position, e, encoding, value, number), clock_new())
    else:
        string_replace(db, &position, e, key, encoding, value, number, due_ms)
    key_changed(db, key)


# ---- whole databases ----

cdef void databases_create(int count) noexcept nogil:
    cdef int i
    state.databases = <Database *>alloc_new(count * sizeof(Database))
    state.database_count = count
    for i in range(count):
        memset(&state.databases[i], 0, sizeof(Database))
        state.databases[i].id = i
        hashtable_init(&state.databases[i].keys, &state.entry_type)
        hashtable_init(&state.databases[i].watched, &state.watched_type)
        expiry_heap_init(&state.databases[i].expires, entry_moved)
