# transactions: the queue of MULTI and the watches of WATCH; the commands are in commands/.
#
#   Database.watched --> WatchedKey "k" --> Watch (session 7) --> Watch (session 9)
#                                              |
#                        Session 7.watches ----+--> Watch on another key ...
#
# Queue: a command queued by a pipeline that holds MULTI ... EXEC whole is not copied: its arguments
# stay where the parser found them. What is still queued when the batch ends is copied, once.
#
# Complexity: touching a key that nobody watches is one comparison. Ownership: a session owns its
# queue and its watches; a WatchedKey lives while it has a watch.

# ---- the queue ----

cdef void queue_push(Session *s, Row *found, const slice *argv, int argc) noexcept nogil:
    """Queue a command; argv is borrowed until the batch ends (queue_own)."""
    cdef MultiQueue *queue = &s.queue
    cdef uint32_t capacity
    cdef QueuedCommand *queued
    if queue.count == queue.capacity:
        capacity = queue.capacity * 2 if queue.capacity else 16
        queue.commands = <QueuedCommand *>alloc_resize(
            queue.commands, queue.capacity * sizeof(QueuedCommand),
            capacity * sizeof(QueuedCommand))
        queue.capacity = capacity
    queued = &queue.commands[queue.count]
    queued.row = found
    queued.argv = <slice *>argv
    queued.argc = argc
    queued.owned_bytes = 0
    queue.count += 1


cdef void queue_own(Session *s) noexcept nogil:
    """Copy the arguments that still point into the batch: one block a command."""
    cdef MultiQueue *queue = &s.queue
    cdef QueuedCommand *queued
    cdef slice *copied
    cdef char *data
    cdef size_t size
    cdef int i
    while queue.owned < queue.count:
        queued = &queue.commands[queue.owned]
        size = queued.argc * sizeof(slice)
        for i in range(queued.argc):
            size += queued.argv[i].length
        copied = <slice *>alloc_new(size)
        data = <char *>copied + queued.argc * sizeof(slice)
        for i in range(queued.argc):
            memcpy(data, queued.argv[i].data, queued.argv[i].length)
            copied[i] = slice_of(data, queued.argv[i].length)
            data += queued.argv[i].length
        queued.argv = copied
        queued.owned_bytes = size
        queue.bytes += alloc_usable(size)
        queue.owned += 1


cdef inline size_t queue_bytes(const MultiQueue *queue) noexcept nogil:
    """What the queue takes: copied arguments, and the commands themselves."""
    return queue.bytes + queue.capacity * sizeof(QueuedCommand)


cdef void queue_clear(Session *s) noexcept nogil:
    cdef MultiQueue *queue = &s.queue
    cdef uint32_t i
    for i in range(queue.count):
        if queue.commands[i].owned_bytes:
            lazyfree_block(queue.commands[i].argv, queue.commands[i].owned_bytes)
    queue.count = queue.owned = 0
    queue.bytes = 0
    if queue.capacity > 64:
        queue_free(queue)


cdef void queue_free(MultiQueue *queue) noexcept nogil:
    if queue.commands != NULL:
        alloc_free(queue.commands, queue.capacity * sizeof(QueuedCommand))
    memset(queue, 0, sizeof(MultiQueue))


cdef void transaction_end(Session *s) noexcept nogil:
    """Leave MULTI, forget the queue and the watches."""
    queue_clear(s)
    s.flags &= ~<uint32_t>(SESSION_MULTI | SESSION_QUEUE_ERROR | SESSION_DIRTY)
    unwatch_all(s)


# ---- watches ----

cdef size_t _watched_size(size_t key_length) noexcept nogil:
    return sizeof(WatchedKey) + key_length


cdef void watch_add(Session *s, slice key, uint64_t hash) noexcept nogil:
    """Watch a key of the session's database; a second watch on the same key changes nothing."""
    cdef Database *db = s.database
    cdef Watch *watch
    cdef entry *e
    cdef WatchedKey *watched = <WatchedKey *>hashtable_find(&db.watched, key.data, key.length,
                                                            hash)
    watch = watched.first if watched != NULL else NULL
    while watch != NULL:
        if watch.session == s:
            return
        watch = watch.next_of_key
    if watched == NULL:
        watched = <WatchedKey *>alloc_new(_watched_size(key.length))
        watched.first = NULL
        watched.database = db
        watched.key_length = key.length
        memcpy(watched.key, key.data, key.length)
        hashtable_insert(&db.watched, watched, hash)
        state.watched_count += 1
    if s.watches == NULL:
        state.watching_count += 1
    e = <entry *>hashtable_find(&db.keys, key.data, key.length, hash)
    watch = <Watch *>alloc_new(sizeof(Watch))
    watch.key = watched
    watch.session = s
    watch.was_expired = e != NULL and entry_is_due(e)
    watch.previous_of_key = NULL
    watch.next_of_key = watched.first
    if watched.first != NULL:
        watched.first.previous_of_key = watch
    watched.first = watch
    watch.next_of_session = s.watches
    s.watches = watch
    s.watch_count += 1
    s.watch_bytes += sizeof(Watch) + key.length


cdef void _watch_drop(Watch *watch) noexcept nogil:
    cdef WatchedKey *watched = watch.key
    cdef Database *db = watched.database
    cdef hashtable_position position
    if watch.previous_of_key != NULL:
        watch.previous_of_key.next_of_key = watch.next_of_key
    else:
        watched.first = watch.next_of_key
    if watch.next_of_key != NULL:
        watch.next_of_key.previous_of_key = watch.previous_of_key
    if watched.first == NULL:
        hashtable_locate(&db.watched, watched.key, watched.key_length,
                         hashtable_hash(&db.watched, watched.key, watched.key_length), &position)
        hashtable_remove(&db.watched, &position)
        alloc_free(watched, _watched_size(watched.key_length))
        state.watched_count -= 1
    alloc_free(watch, sizeof(Watch))


cdef void unwatch_all(Session *s) noexcept nogil:
    cdef Watch *watch
    if s.watches == NULL:
        return
    while s.watches != NULL:
        watch = s.watches
        s.watches = watch.next_of_session
        _watch_drop(watch)
    s.watch_count = 0
    s.watch_bytes = 0
    state.watching_count -= 1


cdef void watch_touch(Database *db, slice key) noexcept nogil:
    """A key has changed: whoever watches it will not EXEC."""
    cdef uint64_t hash = hashtable_hash(&db.watched, key.data, key.length)
    cdef WatchedKey *watched = <WatchedKey *>hashtable_find(&db.watched, key.data, key.length,
                                                            hash)
    cdef Watch *watch
    cdef bint gone
    if watched == NULL:
        return
    gone = hashtable_find(&db.keys, key.data, key.length,
                          hash_bytes(&state.entry_type.seed, key.data, key.length)) == NULL
    watch = watched.first
    while watch != NULL:
        if watch.was_expired and gone:
            # It counted as missing already; from here on it really is.
            watch.was_expired = False
        else:
            watch.session.flags |= SESSION_DIRTY
        watch = watch.next_of_key


ctypedef struct TouchAll:
    Database *before
    Database *after              # NULL: nothing comes in its place


cdef void _touch_visit(void *context, void *element) noexcept nogil:
    cdef TouchAll *touch = <TouchAll *>context
    cdef WatchedKey *watched = <WatchedKey *>element
    cdef Watch *watch
    cdef uint64_t hash = hash_bytes(&state.entry_type.seed, watched.key, watched.key_length)
    cdef entry *e = <entry *>hashtable_find(&touch.before.keys, watched.key, watched.key_length,
                                            hash)
    cdef entry *other = NULL
    cdef bint is_stale
    if touch.after != NULL:
        other = <entry *>hashtable_find(&touch.after.keys, watched.key, watched.key_length, hash)
    if e == NULL and other == NULL:
        return
    is_stale = other != NULL and entry_is_due(other)
    watch = watched.first
    while watch != NULL:
        if is_stale and (watch.was_expired or e == NULL):
            watch.was_expired = True         # it was missing, and counts as missing
        elif watch.was_expired and other == NULL:
            watch.was_expired = False
        else:
            watch.session.flags |= SESSION_DIRTY
        watch = watch.next_of_key


cdef void watch_touch_all(Database *db, Database *after) noexcept nogil:
    """The whole content of a database goes, that of another (or nothing) comes: touch the watched
    keys that exist on either side."""
    cdef TouchAll touch
    touch.before = db
    touch.after = after
    if db.watched.count:
        hashtable_each(&db.watched, _touch_visit, &touch)


cdef bint watch_expired(Session *s) noexcept nogil:
    """Whether a watched key has come due since it was watched (checked at EXEC)."""
    cdef Watch *watch = s.watches
    cdef entry *e
    while watch != NULL:
        if not watch.was_expired:
            e = <entry *>hashtable_find(
                &watch.key.database.keys, watch.key.key, watch.key.key_length,
                hash_bytes(&state.entry_type.seed, watch.key.key, watch.key.key_length))
            if e != NULL and entry_is_due(e):
                return True
        watch = watch.next_of_session
    return False
