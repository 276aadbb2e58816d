# keyspace: finding, adding, changing and deleting keys.
#
# The one place where the number of changes, WATCH and the expiry heap are kept right. A handler
# looks up through key_read or key_write, changes the value, and says key_changed.
#
#   lookup       expired?   clock     hits/misses    for
#   key_peek     deletes    -         -              conditions, targets
#   key_look     deletes    -         counts         OBJECT, TTL, TYPE, EXISTS
#   key_read     deletes    touches   counts         commands that read
#   key_write    deletes    touches   -              commands that change
#
# While CLIENT PAUSE holds writes the first three delete nothing, except for a command that writes.
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
    cdef const slice *first
    if call.has_hash:
        # An empty argument may stand where the next one begins, so that the length decides.
        first = &call.argv[call.row.first_key]
        if key.data == first.data and key.length == first.length:
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


cdef inline void clock_touch(entry *e) noexcept nogil:
    if unlikely(state.lfu):
        lfu_touch(e)
    elif entry_clock(e) != state.lru_clock:
        entry_set_clock(e, state.lru_clock)


cdef inline void entry_touch(Call *call, entry *e) noexcept nogil:
    if not call.session.flags & SESSION_NO_TOUCH:
        clock_touch(e)


# ---- deleting ----

cdef inline void key_unlink_due(Database *db, entry *e) noexcept nogil:
    if entry_has_due(e):
        expiry_heap_remove(&db.expires, entry_heap_position(e))
    if unlikely(entry_has_field_dues(e)):
        field_dues_leave(db, e)


# ---- due times of hash fields ----
#
# A hash whose fields have due times stands in the heap of its database by the first of them; it
# keeps its position itself (hash_fields.h). It enters with its entry, follows each change, and
# leaves before the entry does.

cdef void field_dues_leave(Database *db, entry *e) noexcept nogil:
    if fields_position(e) != EXPIRY_HEAP_NOWHERE:
        expiry_heap_remove(&db.field_expires, fields_position(e))
        fields_set_position(e, EXPIRY_HEAP_NOWHERE)


cdef void field_dues_follow(Database *db, entry *e) noexcept nogil:
    """The first due time of the hash may be another than before."""
    cdef int64_t due_ms = fields_next_due(e)
    cdef uint32_t position = fields_position(e)
    if due_ms == FIELD_NO_DUE:
        field_dues_leave(db, e)
        return
    if position == EXPIRY_HEAP_NOWHERE:
        expiry_heap_add(&db.field_expires, e, due_ms)
    elif expiry_heap_due(&db.field_expires, position) != due_ms:
        expiry_heap_update(&db.field_expires, position, due_ms)
    expire_schedule(due_ms)


cdef bint fields_expire_some(Database *db, entry *e, size_t budget) noexcept nogil:
    """Remove up to `budget` fields that are due; False where the key has gone with the last."""
    cdef slice key = entry_key_slice(e)
    cdef size_t removed = fields_expire(e, state.now_ms, budget)
    state.stats.expired_fields += removed
    if fields_count(e) == 0:
        key_drop(db, e)
        return False
    field_dues_follow(db, e)
    if removed and db.watched.count:
        watch_touch(db, key)
    return True


cdef void key_remove_at(Database *db, hashtable_position *position, entry *e) noexcept nogil:
    """Delete the entry that stands at a position. The caller tells key_changed."""
    key_unlink_due(db, e)
    entry_lost(db, e)
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
    state.stats.expired += 1
    key_drop(db, e)


cdef void key_drop(Database *db, entry *e) noexcept nogil:
    """Delete an entry that no command has asked to delete, and tell those who watch it."""
    cdef hashtable_position position
    cdef char short_key[256]
    cdef slice key = entry_key_slice(e)
    cdef uint64_t hash = hash_bytes(&state.entry_type.seed, key.data, key.length)
    cdef char *copy = short_key
    hashtable_locate(&db.keys, key.data, key.length, hash, &position)
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


cdef inline entry *key_see(Call *call, slice key, uint64_t hash) noexcept nogil:
    """key_find for commands that read."""
    cdef entry *e = <entry *>hashtable_find(&call.database.keys, key.data, key.length, hash)
    if e != NULL and entry_is_due(e):
        # While CLIENT PAUSE holds writes the data stays as it is: a read sees that the key is
        # gone, and leaves it. A write may go on to insert, so for it the entry must go.
        if likely(not state.pause_until_ms) or call.row.flags & COMMAND_WRITE:
            key_expire(call.database, e)
        return NULL
    return e


cdef inline entry *key_count(entry *found) noexcept nogil:
    """Count what a reading lookup has found, or not."""
    if found == NULL:
        state.stats.misses += 1
    else:
        state.stats.hits += 1
    return found


cdef inline entry *key_look(Call *call, slice key) noexcept nogil:
    return key_count(key_peek(call, key))


cdef inline entry *key_peek(Call *call, slice key) noexcept nogil:
    return key_see(call, key, key_hash(call, key))


cdef inline entry *key_read(Call *call, slice key) noexcept nogil:
    cdef entry *e = key_peek(call, key)
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


cdef inline bint key_typed_or_reply(Call *call, slice key, entry_type type,
                                    entry **e) noexcept nogil:
    """key_write of a key that must be of a type, or missing (e is then NULL)."""
    e[0] = key_write(call, key)
    return e[0] == NULL or type_or_reply(call, e[0], type)


cdef inline bint key_typed_read_or_reply(Call *call, slice key, entry_type type,
                                         entry **e) noexcept nogil:
    """The same with key_read."""
    e[0] = key_read(call, key)
    return e[0] == NULL or type_or_reply(call, e[0], type)


# ---- adding and changing ----

cdef inline void key_changed(Database *db, slice key) noexcept nogil:
    """Say that a key's value, or its presence, has changed."""
    state.dirty += 1
    if db.watched.count:
        watch_touch(db, key)


cdef inline void key_touched(Database *db, slice key) noexcept nogil:
    """Say that a key has changed as part of a change that is counted under another key."""
    if db.watched.count:
        watch_touch(db, key)


cdef inline void key_insert(Database *db, entry *e, uint64_t hash) noexcept nogil:
    """Add an entry whose key is not there. The caller tells key_changed."""
    entry_set_clock(e, clock_new())
    hashtable_insert(&db.keys, e, hash)
    entry_ready(db, e)
    if entry_has_due(e):
        expiry_heap_add(&db.expires, e, entry_due(e))
        expire_schedule(entry_due(e))
    if unlikely(entry_has_field_dues(e)):
        field_dues_follow(db, e)


cdef entry *collection_new(slice key, entry_type type, entry_encoding encoding,
                           const void *value, int64_t due_ms) noexcept nogil:
    """New entry, in no database yet, that takes the value."""
    cdef entry *e = entry_new(type, encoding, key, due_ms, 0)
    entry_set_pointer(e, value)
    return e


cdef entry *collection_add(Call *call, slice key, entry_type type, entry_encoding encoding,
                           const void *value) noexcept nogil:
    """Add a key that was looked up and is missing; takes the value. The caller tells
    key_changed."""
    cdef entry *e = collection_new(key, type, encoding, value, ENTRY_NO_DUE)
    key_insert(call.database, e, key_hash(call, key))
    return e


cdef void key_remove_emptied(Database *db, slice key) noexcept nogil:
    """Delete a collection that has lost its last element. The caller tells key_changed."""
    cdef hashtable_position position
    cdef uint64_t hash = hash_bytes(&state.entry_type.seed, key.data, key.length)
    cdef entry *e = <entry *>hashtable_locate(&db.keys, key.data, key.length, hash, &position)
    key_remove_at(db, &position, e)


cdef void key_put(Database *db, entry *e, slice key, uint64_t hash) noexcept nogil:
    """Add an entry in the place of whatever the key held; it keeps its access clock. The caller
    tells key_changed."""
    cdef hashtable_position position
    cdef uint32_t clock = entry_clock(e)
    cdef entry *old = <entry *>hashtable_locate(&db.keys, key.data, key.length, hash, &position)
    if old != NULL:
        if entry_is_due(old):
            state.stats.expired += 1
        key_remove_at(db, &position, old)
    key_insert(db, e, hash)
    entry_set_clock(e, clock)


cdef inline void key_reshaped(Database *db, hashtable_position *position, entry *old,
                              entry *made) noexcept nogil:
    """An entry has become another block; both have a due time, or neither."""
    if old == made:
        return
    hashtable_replace(&db.keys, position, made)
    if entry_has_due(made):
        expiry_heap_replace(&db.expires, entry_heap_position(made), made)


cdef entry *key_set_due_at(Database *db, hashtable_position *position, entry *e,
                           int64_t due_ms) noexcept nogil:
    """Give the entry at a position a due time, another one, or none (ENTRY_NO_DUE). Returns it or
    its successor; the position stays good."""
    cdef bint had = entry_has_due(e)
    cdef entry *made
    if had and due_ms < 0:
        expiry_heap_remove(&db.expires, entry_heap_position(e))
    made = entry_set_due(e, due_ms)
    if made != e:
        hashtable_replace(&db.keys, position, made)
        if unlikely(entry_has_field_dues(made)):
            if fields_position(made) != EXPIRY_HEAP_NOWHERE:
                expiry_heap_replace(&db.field_expires, fields_position(made), made)
    if due_ms < 0:
        return made
    if had:
        if made != e:
            expiry_heap_replace(&db.expires, entry_heap_position(made), made)
        expiry_heap_update(&db.expires, entry_heap_position(made), due_ms)
    else:
        expiry_heap_add(&db.expires, made, due_ms)
    expire_schedule(due_ms)
    return made


cdef void key_set_due(Database *db, slice key, uint64_t hash, entry *e,
                      int64_t due_ms) noexcept nogil:
    """The same for an entry that was found by its key."""
    cdef hashtable_position position
    hashtable_locate(&db.keys, key.data, key.length, hash, &position)
    key_set_due_at(db, &position, e, due_ms)


# ---- many keys ----
#
# A command with many keys walks them behind a window: the bucket of a key is asked for
# KEYS_AHEAD keys before its turn, the entries that it may mean KEYS_AHEAD_ENTRIES before. The
# window is advice: inserts and removes meanwhile make a prefetch useless, never wrong.

cdef enum:
    KEYS_AHEAD = 32              # a power of two: hashes[] is a ring
    KEYS_AHEAD_ENTRIES = 16

ctypedef struct KeyWindow:
    const slice *keys            # the first one; the next stands `step` arguments behind
    int step
    int count
    int hashed                   # how many keys have their bucket on its way
    int fetched                  # ... and their entries
    uint64_t hashes[KEYS_AHEAD]


cdef inline void window_begin(KeyWindow *window, const slice *keys, int step,
                              int count) noexcept nogil:
    window.keys = keys
    window.step = step
    window.count = count
    window.hashed = window.fetched = 0


cdef inline uint64_t window_hash(KeyWindow *window, Database *db, int index) noexcept nogil:
    """Hash of key number `index`; to be called for 0, 1, 2 ... in turn."""
    cdef int until = min(index + KEYS_AHEAD, window.count)
    cdef const slice *key
    while window.hashed < until:
        key = window.keys + window.hashed * window.step
        window.hashes[window.hashed & (KEYS_AHEAD - 1)] = hash_bytes(
            &state.entry_type.seed, key.data, key.length)
        hashtable_prefetch_bucket(&db.keys, window.hashes[window.hashed & (KEYS_AHEAD - 1)])
        window.hashed += 1
    until = min(index + KEYS_AHEAD_ENTRIES, window.count)
    while window.fetched < until:
        hashtable_prefetch_element(&db.keys, window.hashes[window.fetched & (KEYS_AHEAD - 1)])
        window.fetched += 1
    return window.hashes[index & (KEYS_AHEAD - 1)]


# ---- strings ----

cdef inline entry_encoding string_encoding(slice value, int64_t *number) noexcept nogil:
    """How a string is kept: as a number where its text is exactly that number's."""
    if value.length <= 20 and value.length > 0 and number_parse_int64(value.data, value.length,
                                                                     number):
        return ENTRY_INT
    return text_encoding(value.length)


cdef inline entry_encoding text_encoding(size_t length) noexcept nogil:
    """How bytes are kept that were set whole and are not to become a number."""
    if length <= EMBSTR_MAX:
        return ENTRY_EMBSTR
    return ENTRY_RAW if length <= ENTRY_INLINE_MAX else ENTRY_BLOB


cdef inline void string_fill(entry *e, entry_encoding encoding, slice value,
                             int64_t number) noexcept nogil:
    """Write the value into an entry of the right shape."""
    if encoding == ENTRY_INT:
        entry_set_number(e, number)
    elif encoding == ENTRY_BLOB:
        entry_set_pointer(e, blob_of(value.data, value.length))
    else:
        memcpy(entry_look(e).value, value.data, value.length)


cdef entry *string_new(slice key, entry_encoding encoding, slice value, int64_t number,
                       int64_t due_ms) noexcept nogil:
    cdef entry *e = entry_new(ENTRY_STRING, encoding, key, due_ms, value.length)
    string_fill(e, encoding, value, number)
    return e


cdef entry *string_overwrite(Database *db, hashtable_position *position, entry *e,
                             entry_encoding encoding, slice value,
                             int64_t number) noexcept nogil:
    """Another value under the same key and due time, in the same block where it fits. The value
    must not lie in the entry itself."""
    cdef entry *made
    cdef entry_view view
    if encoding == entry_get_encoding(e) and encoding != ENTRY_BLOB:
        view = entry_look(e)
        if encoding == ENTRY_INT:
            entry_set_number(e, number)
            return e
        if view.value_length == value.length:
            memcpy(view.value, value.data, value.length)
            return e
    entry_lost(db, e)
    if unlikely(entry_has_field_dues(e)):
        field_dues_leave(db, e)
    value_free(e)
    if encoding == ENTRY_INT or encoding == ENTRY_BLOB:
        made = entry_set_wide(e, ENTRY_STRING, encoding)
    else:
        made = entry_set_inline(e, encoding, value.length)
    string_fill(made, encoding, value, number)
    key_reshaped(db, position, e, made)
    return made


cdef entry *string_replace(Database *db, hashtable_position *position, entry *e, slice key,
                           entry_encoding encoding, slice value, int64_t number,
                           int64_t due_ms) noexcept nogil:
    """Another value and another due time (or none) under the same key."""
    cdef entry *made
    if entry_has_due(e) == (due_ms >= 0):
        made = string_overwrite(db, position, e, encoding, value, number)
        return made if due_ms < 0 else key_set_due_at(db, position, made, due_ms)
    made = string_new(key, encoding, value, number, due_ms)
    entry_set_clock(made, entry_clock(e))
    entry_lost(db, e)
    key_unlink_due(db, e)
    hashtable_replace(&db.keys, position, made)
    if due_ms >= 0:
        expiry_heap_add(&db.expires, made, due_ms)
        expire_schedule(due_ms)
    value_free(e)
    entry_free(e)
    return made


cdef inline void clock_overwritten(entry *e) noexcept nogil:
    """Access clock of a key whose value the running command has replaced: an access as others."""
    if not state.current.flags & SESSION_NO_TOUCH:
        clock_touch(e)


cdef void string_put(Database *db, slice key, uint64_t hash, entry_encoding encoding, slice value,
                     int64_t number, int64_t due_ms, bint keep_due) noexcept nogil:
    """Set a key, whatever it held, to a string of this encoding. The caller tells key_changed."""
    cdef hashtable_position position
    cdef entry *e = <entry *>hashtable_locate(&db.keys, key.data, key.length, hash, &position)
    if e == NULL:
        key_insert(db, string_new(key, encoding, value, number, due_ms), hash)
    elif unlikely(entry_is_due(e)):
        state.stats.expired += 1
        e = string_replace(db, &position, e, key, encoding, value, number, due_ms)
        entry_set_clock(e, clock_new())
    elif keep_due:
        clock_overwritten(string_overwrite(db, &position, e, encoding, value, number))
    else:
        clock_overwritten(string_replace(db, &position, e, key, encoding, value, number, due_ms))


cdef void string_set(Database *db, slice key, uint64_t hash, slice value, int64_t due_ms,
                     bint keep_due) noexcept nogil:
    """Set a key to a string, whatever it held. `keep_due`: the due time stays as it is."""
    cdef int64_t number = 0
    cdef entry_encoding encoding = string_encoding(value, &number)
    string_put(db, key, hash, encoding, value, number, due_ms, keep_due)
    key_changed(db, key)


cdef char *string_writable(Database *db, slice key, uint64_t hash, entry *e,
                           size_t length) noexcept nogil:
    """Make a string's bytes changeable in place: raw, not shared with a reply, `length` bytes long
    (not less than they are), zeros behind the old ones. Takes the entry (it may move); returns its
    bytes, good until the key changes again. The caller tells key_changed."""
    cdef char old[ENTRY_INLINE_MAX]
    cdef hashtable_position position
    cdef entry *made
    cdef blob *b
    cdef slice before
    if entry_get_encoding(e) == ENTRY_BLOB:
        b = blob_resize_own(entry_blob(e), length)
        entry_set_pointer(e, b)
        return b.data
    before = string_bytes(e, old)
    if before.length == length and entry_get_encoding(e) == ENTRY_RAW:
        return <char *>before.data
    if before.data != old:
        memcpy(old, before.data, before.length)
    hashtable_locate(&db.keys, key.data, key.length, hash, &position)
    if length <= ENTRY_INLINE_MAX:
        made = entry_set_inline(e, ENTRY_RAW, length)
        key_reshaped(db, &position, e, made)
        memcpy(entry_look(made).value, old, before.length)
        memset(entry_look(made).value + before.length, 0, length - before.length)
        return <char *>entry_look(made).value
    b = blob_zeros(length)
    memcpy(b.data, old, before.length)
    made = entry_set_wide(e, ENTRY_STRING, ENTRY_BLOB)
    entry_set_pointer(made, b)
    key_reshaped(db, &position, e, made)
    return b.data


cdef char *string_reach(Database *db, slice key, uint64_t hash, entry *e,
                        size_t length) noexcept nogil:
    """string_writable for a key that may be missing (`e` NULL): it is then made, all zeros."""
    cdef blob *b
    if e != NULL:
        return string_writable(db, key, hash, e, length)
    if length <= ENTRY_INLINE_MAX:
        e = entry_new(ENTRY_STRING, ENTRY_RAW, key, ENTRY_NO_DUE, length)
        key_insert(db, e, hash)
        memset(entry_look(e).value, 0, length)
        return <char *>entry_look(e).value
    b = blob_zeros(length)
    e = entry_new(ENTRY_STRING, ENTRY_BLOB, key, ENTRY_NO_DUE, 0)
    entry_set_pointer(e, b)
    key_insert(db, e, hash)
    return b.data


cdef void string_put_blob(Database *db, slice key, uint64_t hash, blob *b) noexcept nogil:
    """Set a key, whatever it held, to the bytes of a blob, without a due time. Takes the blob. The
    caller tells key_changed."""
    cdef entry *e
    if b.length <= ENTRY_INLINE_MAX:
        string_put(db, key, hash, ENTRY_RAW, slice_of(b.data, b.length), 0, ENTRY_NO_DUE, False)
        blob_release(b)
        return
    string_put(db, key, hash, ENTRY_INT, slice_of(NULL, 0), 0, ENTRY_NO_DUE, False)
    e = key_find(db, key, hash)
    entry_set_encoding(e, ENTRY_BLOB)    # as wide as a number
    entry_set_pointer(e, b)


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
        hashtable_init(&state.databases[i].waited, &state.waited_type)
        expiry_heap_init(&state.databases[i].expires, entry_moved)
        expiry_heap_init(&state.databases[i].field_expires, fields_set_position)
