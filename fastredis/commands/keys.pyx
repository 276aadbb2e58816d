# keys: commands on single keys of any type: deleting, looking, renaming, copying, moving, OBJECT.
#
# A key moves by its entry: RENAME builds the block anew under the other name and hands the value
# over, MOVE hangs the same block into another database, COPY shares or copies the value
# (value_own). The due time goes along in all three; the target's own is lost with the target.

# ---- many keys ----

cdef void cmd_del(Call *call) noexcept nogil:
    cdef KeyWindow window
    cdef int64_t deleted = 0
    cdef int i
    window_begin(&window, call.argv + 1, 1, call.argc - 1)
    for i in range(window.count):
        deleted += key_delete(call.database, call.argv[1 + i],
                              window_hash(&window, call.database, i))
    reply_int(call.out, deleted)


cdef void _count_keys(Call *call, bint touch) noexcept nogil:
    """Answer how many of the keys exist; one named twice counts twice."""
    cdef KeyWindow window
    cdef int64_t found = 0
    cdef entry *e
    cdef int i
    window_begin(&window, call.argv + 1, 1, call.argc - 1)
    for i in range(window.count):
        e = key_count(key_see(call, call.argv[1 + i], window_hash(&window, call.database, i)))
        if e != NULL:
            found += 1
            if touch:
                # What CLIENT NO-TOUCH keeps other commands from is what TOUCH is for.
                clock_touch(e)
    reply_int(call.out, found)


cdef void cmd_exists(Call *call) noexcept nogil:
    _count_keys(call, False)


cdef void cmd_touch(Call *call) noexcept nogil:
    _count_keys(call, True)


# ---- names of types and encodings ----

cdef const char *type_name(entry_type type) noexcept nogil:
    if type == ENTRY_STRING:
        return b"string"
    if type == ENTRY_LIST:
        return b"list"
    if type == ENTRY_SET:
        return b"set"
    if type == ENTRY_ZSET:
        return b"zset"
    if type == ENTRY_HASH:
        return b"hash"
    return b"stream"


cdef const char *encoding_name(entry_encoding encoding) noexcept nogil:
    """What OBJECT ENCODING calls it."""
    if encoding == ENTRY_INT:
        return b"int"
    if encoding == ENTRY_EMBSTR:
        return b"embstr"
    if encoding == ENTRY_RAW or encoding == ENTRY_BLOB:
        return b"raw"
    if encoding == ENTRY_LISTPACK:
        return b"listpack"
    if encoding == ENTRY_LISTPACK_EX:
        return b"listpackex"
    if encoding == ENTRY_QUICKLIST:
        return b"quicklist"
    if encoding == ENTRY_INTSET:
        return b"intset"
    if encoding == ENTRY_HASHTABLE or encoding == ENTRY_HASHTABLE_EX:
        return b"hashtable"
    if encoding == ENTRY_SKIPLIST:
        return b"skiplist"
    return b"stream"


cdef void cmd_type(Call *call) noexcept nogil:
    cdef entry *e = key_look(call, call.argv[1])
    cdef const char *name = b"none"
    if e != NULL:
        name = type_name(entry_get_type(e))
    reply_status(call.out, name)


# ---- RENAME, MOVE, COPY ----

cdef void key_take(Database *db, entry *e, slice key, uint64_t hash) noexcept nogil:
    """Take an entry out of its database; the caller owns it. Nobody is told."""
    cdef hashtable_position position
    hashtable_locate(&db.keys, key.data, key.length, hash, &position)
    key_unlink_due(db, e)
    entry_lost(db, e)
    hashtable_remove(&db.keys, &position)


cdef bint _rename_or_reply(Call *call, bint only_new, bint *renamed) noexcept nogil:
    cdef Database *db = call.database
    cdef slice key = call.argv[1], name = call.argv[2]
    cdef entry *e = key_write(call, key)
    cdef entry *made
    renamed[0] = False
    if e == NULL:
        error_reply(call, ERROR_NO_KEY)
        return False
    if slice_equal(key, name) or only_new and key_peek(call, name) != NULL:
        return True
    made = entry_rename(e, name)
    key_take(db, e, key, key_hash(call, key))
    entry_free(e)
    key_put(db, made, name, key_hash(call, name))
    key_touched(db, key)
    key_changed(db, name)
    renamed[0] = True
    return True


cdef void cmd_rename(Call *call) noexcept nogil:
    cdef bint renamed
    if _rename_or_reply(call, False, &renamed):
        reply_ok(call.out)


cdef void cmd_renamenx(Call *call) noexcept nogil:
    cdef bint renamed
    if _rename_or_reply(call, True, &renamed):
        reply_int(call.out, renamed)


cdef void cmd_move(Call *call) noexcept nogil:
    cdef Database *target
    cdef slice key = call.argv[1]
    cdef uint64_t hash = key_hash(call, key)
    cdef uint32_t clock
    cdef entry *e
    if not database_or_reply(call, call.argv[2], &target):
        return
    if target == call.database:
        error_reply(call, ERROR_SAME_OBJECT)
        return
    e = key_write(call, key)
    if e == NULL or key_find(target, key, hash) != NULL:
        reply_int(call.out, 0)
        return
    key_take(call.database, e, key, hash)
    clock = entry_clock(e)
    key_insert(target, e, hash)
    entry_set_clock(e, clock)
    key_touched(call.database, key)
    key_changed(target, key)
    reply_int(call.out, 1)


cdef bint _copy_options_or_reply(Call *call, Database **target, bint *replace) noexcept nogil:
    cdef Args args = args_from(call, 3)
    cdef slice index
    target[0] = call.database
    replace[0] = False
    while args_left(&args):
        if args_option(&args, b"REPLACE"):
            replace[0] = True
        elif args_option_with(&args, b"DB", &index):
            if not database_or_reply(call, index, target):
                return False
        else:
            error_reply(call, ERROR_SYNTAX)
            return False
    if target[0] == call.database and slice_equal(call.argv[1], call.argv[2]):
        error_reply(call, ERROR_SAME_OBJECT)
        return False
    return True


cdef void cmd_copy(Call *call) noexcept nogil:
    cdef slice name = call.argv[2]
    cdef Database *target
    cdef bint replace
    cdef uint64_t hash
    cdef entry *e
    cdef entry *made
    if not _copy_options_or_reply(call, &target, &replace):
        return
    e = key_read(call, call.argv[1])
    hash = key_hash(call, name)
    if e == NULL or key_find(target, name, hash) != NULL and not replace:
        reply_int(call.out, 0)
        return
    made = entry_rename(e, name)
    value_own(made)
    entry_set_clock(made, clock_new())
    key_put(target, made, name, hash)
    key_changed(target, name)
    reply_int(call.out, 1)


# ---- OBJECT ----

cdef entry *_object_or_reply(Call *call) noexcept nogil:
    """The key that OBJECT asks about; null is sent where it is missing."""
    cdef entry *e = key_look(call, call.argv[2])
    if e == NULL:
        reply_null(call.out)
    return e


cdef void cmd_object_encoding(Call *call) noexcept nogil:
    cdef entry *e = _object_or_reply(call)
    if e != NULL:
        reply_text(call.out, encoding_name(entry_get_encoding(e)))


cdef void cmd_object_freq(Call *call) noexcept nogil:
    cdef entry *e = _object_or_reply(call)
    if e == NULL:
        return
    if state.lfu:
        reply_int(call.out, lfu_counter(e))
    else:
        error_reply(call, ERROR_NOT_LFU)


cdef void cmd_object_idletime(Call *call) noexcept nogil:
    cdef entry *e = _object_or_reply(call)
    if e == NULL:
        return
    if state.lfu:
        error_reply(call, ERROR_IS_LFU)
    else:
        reply_int(call.out, (state.lru_clock - entry_clock(e)) & 0xffffff)


cdef enum:
    SHARED_NUMBERS = 10000       # numbers below it are one object in Redis, of endless references


cdef void cmd_object_refcount(Call *call) noexcept nogil:
    """Values have no references here; the answer is what programs expect of Redis, where small
    numbers are shared, unless a memory limit asks for the access times of each. (What counts there
    is the time when the value was set, and a copied number is not shared.)"""
    cdef entry *e = _object_or_reply(call)
    cdef bint by_access = (state.limits.memory_max != 0
                           and state.eviction.rank in (EVICT_LRU, EVICT_LFU))
    cdef bint shared
    if e != NULL:
        shared = (entry_get_encoding(e) == ENTRY_INT and 0 <= entry_number(e) < SHARED_NUMBERS
                  and not by_access)
        reply_int(call.out, INT32_MAX if shared else 1)


cdef void cmd_object_help(Call *call) noexcept nogil:
    help_reply(
        call,
        b"ENCODING <key>\n"
        b"    How the value of a key is kept in memory.\n"
        b"FREQ <key>\n"
        b"    How often a key is used: a counter that grows with the logarithm of the\n"
        b"    accesses and falls with time. Needs an LFU policy in maxmemory-policy.\n"
        b"IDLETIME <key>\n"
        b"    Seconds since a key was last used. Not with an LFU policy.\n"
        b"REFCOUNT <key>\n"
        b"    References to the value of a key, as Redis counts them.\n")


row(b"del", -2, b"write", b"generic", b"", b"RM,delete index:1 range:-1,1,0",
    b"request_policy:multi_shard|response_policy:agg_sum", cmd_del)
row(b"unlink", -2, b"write fast", b"generic", b"", b"RM,delete index:1 range:-1,1,0",
    b"request_policy:multi_shard|response_policy:agg_sum", cmd_del)
row(b"exists", -2, b"readonly fast", b"generic", b"", b"RO index:1 range:-1,1,0",
    b"request_policy:multi_shard|response_policy:agg_sum", cmd_exists)
row(b"touch", -2, b"readonly fast", b"generic", b"", b"RO index:1 range:-1,1,0",
    b"request_policy:multi_shard|response_policy:agg_sum", cmd_touch)
row(b"type", 2, b"readonly fast", b"generic", b"", b"RO index:1 range:0,1,0", b"", cmd_type)
row(b"rename", 3, b"write", b"generic", b"",
    b"RW,access,delete index:1 range:0,1,0 ; OW,update index:2 range:0,1,0", b"", cmd_rename)
row(b"renamenx", 3, b"write fast", b"generic", b"",
    b"RW,access,delete index:1 range:0,1,0 ; OW,insert index:2 range:0,1,0", b"", cmd_renamenx)
row(b"move", 3, b"write fast", b"generic", b"", b"RW,access,update index:1 range:0,1,0", b"",
    cmd_move)
row(b"copy", -3, b"write denyoom", b"generic", b"",
    b"RO,access index:1 range:0,1,0 ; OW,update index:2 range:0,1,0", b"", cmd_copy)
row(b"object", -2, b"", b"generic", b"", b"", b"", NULL)
row(b"object|encoding", 3, b"readonly", b"generic", b"", b"RO index:2 range:0,1,0",
    b"nondeterministic_output", cmd_object_encoding)
row(b"object|freq", 3, b"readonly", b"generic", b"", b"RO index:2 range:0,1,0",
    b"nondeterministic_output", cmd_object_freq)
row(b"object|idletime", 3, b"readonly", b"generic", b"", b"RO index:2 range:0,1,0",
    b"nondeterministic_output", cmd_object_idletime)
row(b"object|refcount", 3, b"readonly", b"generic", b"", b"RO index:2 range:0,1,0",
    b"nondeterministic_output", cmd_object_refcount)
row(b"object|help", 2, b"loading stale", b"generic", b"", b"", b"", cmd_object_help)
