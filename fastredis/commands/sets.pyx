# sets: members one by one and at random. The algebra of whole sets stands in sets_algebra.pyx.
#
# What a set is made of is the affair of csrc/set.h; here arguments are read, the keyspace is told,
# and the reply is written. A set that loses its last member is gone.
#
# Complexity: O(1) a member; SMEMBERS O(members); SPOP and SRANDMEMBER O(count) in big sets.

cdef enum:
    SET_BURY_MIN = 64            # members from which a set is freed in slices
    MEMBERS_AHEAD = 8            # arguments between the load of a bucket and its use

# ---- adding, removing, asking ----

cdef inline void _member_ahead(Call *call, const entry *e, int index) noexcept nogil:
    """Before argument `index` is looked at: start to load for the one that comes later."""
    if index + MEMBERS_AHEAD < call.argc:
        set_prefetch(e, set_hash(&state.sets, call.argv[index + MEMBERS_AHEAD]))


cdef inline void members_changed(Call *call, slice key, int64_t count) noexcept nogil:
    """Say that so many members of a set have come or gone."""
    key_changed(call.database, key)
    state.dirty += count - 1


cdef void cmd_sadd(Call *call) noexcept nogil:
    cdef slice key = call.argv[1]
    cdef int64_t added = 0
    cdef int i
    cdef entry *e
    if not key_typed_or_reply(call, key, ENTRY_SET, &e):
        return
    if e == NULL:
        e = set_new(key, ENTRY_NO_DUE, call.argv[2], call.argc - 2, &state.sets)
        key_insert(call.database, e, key_hash(call, key))
    else:
        set_expect(e, call.argc - 2, &state.sets)
    for i in range(2, call.argc):
        _member_ahead(call, e, i)
        added += set_add(e, call.argv[i], &state.sets)
    if added:
        members_changed(call, key, added)
    reply_int(call.out, added)


cdef void cmd_srem(Call *call) noexcept nogil:
    cdef slice key = call.argv[1]
    cdef int64_t removed = 0
    cdef int i
    cdef entry *e
    if not key_typed_or_reply(call, key, ENTRY_SET, &e):
        return
    if e == NULL:
        reply_int(call.out, 0)
        return
    for i in range(2, call.argc):
        _member_ahead(call, e, i)
        if set_remove(e, call.argv[i]):
            removed += 1
            if set_count(e) == 0:
                key_remove_emptied(call.database, key)
                break
    if removed:
        members_changed(call, key, removed)
    reply_int(call.out, removed)


cdef void cmd_smove(Call *call) noexcept nogil:
    cdef slice source_key = call.argv[1], target_key = call.argv[2], member = call.argv[3]
    cdef entry *source = key_write(call, source_key)
    cdef entry *target = key_write(call, target_key)
    if source == NULL:
        reply_int(call.out, 0)
        return
    if not type_or_reply(call, source, ENTRY_SET):
        return
    if target != NULL and not type_or_reply(call, target, ENTRY_SET):
        return
    if source == target:
        reply_int(call.out, set_has(source, member))
        return
    if not set_remove(source, member):
        reply_int(call.out, 0)
        return
    if set_count(source) == 0:
        key_remove_emptied(call.database, source_key)
    key_changed(call.database, source_key)
    if target == NULL:
        target = set_new(target_key, ENTRY_NO_DUE, member, 1, &state.sets)
        key_insert(call.database, target, key_hash(call, target_key))
    if set_add(target, member, &state.sets):
        key_changed(call.database, target_key)
    reply_int(call.out, 1)


cdef void cmd_sismember(Call *call) noexcept nogil:
    cdef entry *e
    if key_typed_read_or_reply(call, call.argv[1], ENTRY_SET, &e):
        reply_int(call.out, e != NULL and set_has(e, call.argv[2]))


cdef void cmd_smismember(Call *call) noexcept nogil:
    cdef int i
    cdef entry *e
    if not key_typed_read_or_reply(call, call.argv[1], ENTRY_SET, &e):
        return
    reply_array(call.out, call.argc - 2)
    for i in range(2, call.argc):
        if e != NULL:
            _member_ahead(call, e, i)
        reply_int(call.out, e != NULL and set_has(e, call.argv[i]))


cdef void cmd_scard(Call *call) noexcept nogil:
    cdef entry *e
    if key_typed_read_or_reply(call, call.argv[1], ENTRY_SET, &e):
        reply_int(call.out, 0 if e == NULL else <int64_t>set_count(e))


# ---- all of them ----

cdef void set_write_members(reply *out, const entry *e) noexcept nogil:
    cdef set_iterator iterator
    cdef slice member
    set_iterate(&iterator, e)
    while set_next(&iterator, &member):
        reply_bulk(out, member.data, member.length)


cdef void cmd_smembers(Call *call) noexcept nogil:
    cdef entry *e
    if not key_typed_read_or_reply(call, call.argv[1], ENTRY_SET, &e):
        return
    if e == NULL:
        reply_set(call.out, 0)
        return
    reply_set(call.out, set_count(e))
    set_write_members(call.out, e)


cdef inline void _scan_member(Scan *scan, slice member) noexcept nogil:
    scan.seen += 1
    if scan_fits(scan, member):
        scan.listed += 1
        reply_bulk(scan.out, member.data, member.length)


cdef void _scan_element(void *context, void *element) noexcept nogil:
    _scan_member(<Scan *>context, set_element_member(element))


cdef void cmd_sscan(Call *call) noexcept nogil:
    cdef Scan scan
    cdef set_iterator iterator
    cdef slice member
    cdef uint64_t cursor
    cdef size_t place
    cdef entry *e
    if not scan_key_or_reply(call, ENTRY_SET, 0, &scan, &cursor, &e):
        return
    place = scan_reply_begin(&scan)
    if set_get_table(e) != NULL:
        cursor = scan_table(&scan, set_get_table(e), cursor, _scan_element)
    else:
        cursor = 0
        set_iterate(&iterator, e)
        while set_next(&iterator, &member):
            _scan_member(&scan, member)
    scan_reply_end(&scan, place, cursor)


# ---- at random ----

cdef cbool _write_member(void *context, slice member) noexcept nogil:
    reply_bulk(<reply *>context, member.data, member.length)
    return True


cdef void _pop_members(Call *call, entry *e, size_t count) noexcept nogil:
    """Reply with members (the header is written) and remove them."""
    cdef slice key = call.argv[1]
    cdef void *rest
    if count == set_count(e):
        set_write_members(call.out, e)
        key_remove_emptied(call.database, key)
    else:
        rest = set_pop(e, count, &state.random, &state.sets, _write_member, call.out)
        if unlikely(rest != NULL):
            bury(rest, _buried_step)
    members_changed(call, key, count)


cdef void cmd_spop(Call *call) noexcept nogil:
    cdef int64_t count = 1
    cdef bint many = call.argc == 3
    cdef entry *e
    if call.argc > 3:
        error_reply(call, ERROR_SYNTAX)
        return
    if many and (not number_parse_int64(call.argv[2].data, call.argv[2].length, &count)
                 or count < 0):
        error_reply(call, ERROR_POSITIVE)
        return
    if not key_typed_or_reply(call, call.argv[1], ENTRY_SET, &e):
        return
    if many:
        count = 0 if e == NULL else min(count, <int64_t>set_count(e))
        reply_set(call.out, count)
        if count == 0:
            return
    elif e == NULL:
        reply_null(call.out)
        return
    _pop_members(call, e, count)


cdef void _random_repeated(Call *call, entry *e, uint64_t count) noexcept nogil:
    """Any member, `count` times."""
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef size_t place = reply_later(call.out)
    cdef slice member
    cdef uint64_t i
    if not repeats_or_reply(call, count):
        return
    reply_array(call.out, count)
    for i in range(count):
        member = set_random(e, &state.random, digits)
        reply_bulk(call.out, member.data, member.length)
        if unlikely(not repeats_fit_or_reply(call, place)):
            return


cdef void _random_distinct(Call *call, entry *e, uint64_t count) noexcept nogil:
    if count >= set_count(e):
        reply_array(call.out, set_count(e))
        set_write_members(call.out, e)
        return
    reply_array(call.out, count)
    set_sample(e, count, &state.random, _write_member, call.out)


cdef void cmd_srandmember(Call *call) noexcept nogil:
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef int64_t count = 1
    cdef bint many = call.argc == 3
    cdef slice member
    cdef entry *e
    if call.argc > 3:
        error_reply(call, ERROR_SYNTAX)
        return
    if many and not int_or_reply(call, call.argv[2], &count):
        return
    if count == INT64_MIN:
        error_reply(call, ERROR_LONG_RANGE)
        return
    if not key_typed_read_or_reply(call, call.argv[1], ENTRY_SET, &e):
        return
    if not many:
        if e == NULL:
            reply_null(call.out)
            return
        member = set_random(e, &state.random, digits)
        reply_bulk(call.out, member.data, member.length)
    elif e == NULL or count == 0:
        reply_array(call.out, 0)
    elif count < 0:
        _random_repeated(call, e, <uint64_t>-count)
    else:
        _random_distinct(call, e, count)


# ---- the type ----

cdef enum:
    RDB_TYPE_SET = 2
    RDB_TYPE_SET_INTSET = 11
    RDB_TYPE_SET_LISTPACK = 20
    RDB_VERSION_SET_LISTPACK = 11


cdef bint _buried_step(void *detached, size_t budget) noexcept nogil:
    return set_detached_step(detached, budget)


cdef void _set_free(entry *e) noexcept nogil:
    if set_get_table(e) != NULL and set_count(e) >= SET_BURY_MIN:
        bury(set_detach(e), _buried_step)
    else:
        set_free(e)


cdef void _set_save(rdb_writer *writer, const entry *e) noexcept nogil:
    cdef set_iterator iterator
    cdef slice member
    if entry_get_encoding(e) == ENTRY_INTSET:
        rdb_write_byte(writer, RDB_TYPE_SET_INTSET)
        rdb_write_string(writer, entry_pointer(e), intset_bytes(<intset *>entry_pointer(e)))
        return
    if entry_get_encoding(e) == ENTRY_LISTPACK:
        rdb_write_byte(writer, RDB_TYPE_SET_LISTPACK)
        rdb_write_string(writer, entry_pointer(e), listpack_bytes(<listpack *>entry_pointer(e)))
        return
    rdb_write_byte(writer, RDB_TYPE_SET)
    rdb_write_length(writer, set_count(e))
    set_iterate(&iterator, e)
    while set_next(&iterator, &member):
        rdb_write_string(writer, member.data, member.length)


cdef uint16_t _set_version(const entry *e) noexcept nogil:
    if entry_get_encoding(e) == ENTRY_LISTPACK:
        return RDB_VERSION_SET_LISTPACK
    return RDB_VERSION_STRINGS


cdef entry *_set_load(rdb_reader *reader, uint8_t rdb_type, slice key,
                      int64_t due_ms) noexcept nogil:
    """Members one by one. The claimed count chooses an encoding and nothing else."""
    cdef uint64_t left
    cdef rdb_scratch scratch
    cdef slice member
    cdef entry *e = NULL
    cdef bint is_table
    if not rdb_read_length(reader, &left) or left == 0:
        return NULL
    is_table = left > state.limits.packing.set_intset_entries
    rdb_scratch_init(&scratch)
    while left and rdb_scratch_read(&scratch, reader, &member):
        if e == NULL:
            e = set_new(key, due_ms, member, 0, &state.sets)
            if is_table:
                set_make_table(e, &state.sets)
        if not set_add(e, member, &state.sets):
            break
        left -= 1
    rdb_scratch_free(&scratch)
    if left and e != NULL:
        set_free(e)
        entry_free(e)
        e = NULL
    return e


cdef entry *_set_load_whole(rdb_reader *reader, uint8_t rdb_type, slice key,
                            int64_t due_ms) noexcept nogil:
    """An intset or a listpack as it stands in memory."""
    cdef rdb_scratch scratch
    cdef slice bytes
    cdef entry *e = NULL
    rdb_scratch_init(&scratch)
    if rdb_scratch_read(&scratch, reader, &bytes):
        if rdb_type == RDB_TYPE_SET_LISTPACK:
            if (listpack_check(bytes.data, bytes.length)
                    and listpack_count(<const listpack *>bytes.data)):
                e = set_new_of_listpack(key, due_ms, bytes.data, bytes.length, &state.sets)
        elif (intset_check(bytes.data, bytes.length)
                and intset_count(<const intset *>bytes.data)):
            e = set_new_of_intset(key, due_ms, bytes.data, bytes.length, &state.sets)
    rdb_scratch_free(&scratch)
    return e


cdef void _set_prefetch(const entry *e, slice member, bint near) noexcept nogil:
    if set_get_table(e) == NULL:
        return
    if near:
        set_prefetch_member(e, set_hash(&state.sets, member))
    else:
        set_prefetch(e, set_hash(&state.sets, member))


value_register(ENTRY_SET, _set_free, set_bytes, set_own, _set_save, _set_version)
prefetch_register(ENTRY_SET, _set_prefetch)
loader_register(RDB_TYPE_SET, _set_load)
loader_register(RDB_TYPE_SET_INTSET, _set_load_whole)
loader_register(RDB_TYPE_SET_LISTPACK, _set_load_whole)

row(b"sadd", -3, b"write denyoom fast", b"set", b"",
    b"RW,insert index:1 range:0,1,0", b"", cmd_sadd)
row(b"scard", 2, b"readonly fast", b"set", b"", b"RO index:1 range:0,1,0", b"", cmd_scard)
row(b"sismember", 3, b"readonly fast", b"set", b"",
    b"RO index:1 range:0,1,0", b"", cmd_sismember)
row(b"smembers", 2, b"readonly", b"set", b"",
    b"RO,access index:1 range:0,1,0", b"nondeterministic_output_order", cmd_smembers)
row(b"smismember", -3, b"readonly fast", b"set", b"",
    b"RO,access index:1 range:0,1,0", b"", cmd_smismember)
row(b"smove", 4, b"write fast", b"set", b"",
    b"RW,access,delete index:1 range:0,1,0 ; RW,insert index:2 range:0,1,0", b"", cmd_smove)
row(b"spop", -2, b"write fast", b"set", b"",
    b"RW,access,delete index:1 range:0,1,0", b"nondeterministic_output", cmd_spop)
row(b"srandmember", -2, b"readonly", b"set", b"",
    b"RO,access index:1 range:0,1,0", b"nondeterministic_output", cmd_srandmember)
row(b"srem", -3, b"write fast", b"set", b"",
    b"RW,delete index:1 range:0,1,0", b"", cmd_srem)
row(b"sscan", -3, b"readonly", b"set", b"",
    b"RO,access index:1 range:0,1,0", b"nondeterministic_output", cmd_sscan)
