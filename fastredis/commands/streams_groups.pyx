# streams_groups: XGROUP, XACK, XPENDING: consumer groups and what is pending in them.

# ---- XGROUP ----

cdef bint _group_or_reply(Call *call, stream **s, stream_group **group) noexcept nogil:
    """Stream and group (either may be missing) of XGROUP; a missing key is an error."""
    group[0] = NULL
    if not stream_or_reply(call, call.argv[2], s):
        return False
    if s[0] == NULL:
        error_reply(call, ERROR_XGROUP_NO_KEY)
        return False
    group[0] = stream_group_find(s[0], call.argv[3])
    return True


cdef bint _known_group_or_reply(Call *call, stream **s, stream_group **group) noexcept nogil:
    """The same where the group must be there too."""
    if not _group_or_reply(call, s, group):
        return False
    if group[0] != NULL:
        return True
    error_no_group_of_key(call, call.argv[3], call.argv[2])
    return False


ctypedef struct GroupOptions:
    bint make_stream
    int64_t entries_read


cdef bint _group_options_or_reply(Call *call, GroupOptions *options, bint creating) noexcept nogil:
    cdef Args args = args_from(call, 5)
    cdef slice text
    options.make_stream = False
    options.entries_read = STREAM_READ_UNKNOWN
    while args_left(&args):
        if creating and args_option(&args, b"MKSTREAM"):
            options.make_stream = True
        elif args_option_with(&args, b"ENTRIESREAD", &text):
            if not int_or_reply(call, text, &options.entries_read):
                return False
            if options.entries_read < 0 and options.entries_read != STREAM_READ_UNKNOWN:
                error_reply(call, ERROR_XGROUP_READ)
                return False
        else:
            error_subcommand_arguments(call)
            return False
    return True


cdef inline bint _is_last(slice text, const stream *s, stream_id *id) noexcept nogil:
    """`$`: the last ID of the stream."""
    if not is_byte(text, c'$'):
        return False
    id[0] = STREAM_ID_MIN
    if s != NULL:
        id[0] = s.last_id
    return True


cdef void cmd_xgroup_create(Call *call) noexcept nogil:
    cdef GroupOptions options
    cdef stream *s
    cdef stream_group *group = NULL
    cdef stream_id id
    if not _group_options_or_reply(call, &options, True):
        return
    if options.make_stream:
        if not stream_or_reply(call, call.argv[2], &s):
            return
    elif not _group_or_reply(call, &s, &group):
        return
    if call.argc > 8:
        error_subcommand_arguments(call)
        return
    if not _is_last(call.argv[4], s, &id) and not stream_id_or_reply(call, call.argv[4], &id):
        return
    if s == NULL:
        s = stream_new()
        collection_add(call, call.argv[2], ENTRY_STREAM, ENTRY_STREAM_TREE, s)
        key_touched(call.database, call.argv[2])
    if stream_group_create(s, call.argv[3], id, options.entries_read) == NULL:
        error_reply(call, ERROR_BUSY_GROUP)
        return
    group_changed(1)
    reply_ok(call.out)


cdef void cmd_xgroup_setid(Call *call) noexcept nogil:
    cdef GroupOptions options
    cdef stream *s
    cdef stream_group *group
    cdef stream_id id
    if not _group_options_or_reply(call, &options, False):
        return
    if not _known_group_or_reply(call, &s, &group):
        return
    if call.argc != 5 and call.argc != 7:
        error_subcommand_arguments(call)
        return
    # Unlike CREATE, SETID takes - and + too.
    if not _is_last(call.argv[4], s, &id) and not stream_id_parse(call.argv[4], 0, &id, NULL):
        error_reply(call, ERROR_STREAM_ID)
        return
    group.last_id = id
    group.entries_read = options.entries_read
    group_changed(1)
    reply_ok(call.out)


cdef bint _group_step(void *value, size_t budget) noexcept nogil:
    return stream_group_free_some(<stream_group *>value, budget)


cdef void cmd_xgroup_destroy(Call *call) noexcept nogil:
    cdef stream *s
    cdef stream_group *group
    if not _group_or_reply(call, &s, &group):
        return
    if group != NULL:
        stream_group_detach(s, group)
        if stream_group_weight(group) < GRAVE_SLICE:
            while not stream_group_free_some(group, <size_t>-1):
                pass
        else:
            bury(group, _group_step)
        group_changed(1)
        # Who waits for the group is told that it is gone.
        key_ready(call.database, call.argv[2])
    reply_int(call.out, group != NULL)


cdef void cmd_xgroup_createconsumer(Call *call) noexcept nogil:
    cdef stream *s
    cdef stream_group *group
    cdef bint created
    if not _known_group_or_reply(call, &s, &group):
        return
    created = stream_consumer_create(group, call.argv[4], state.now_ms) != NULL
    group_changed(created)
    reply_int(call.out, created)


cdef void cmd_xgroup_delconsumer(Call *call) noexcept nogil:
    cdef stream *s
    cdef stream_group *group
    cdef stream_consumer *consumer
    cdef int64_t pending = 0
    if not _known_group_or_reply(call, &s, &group):
        return
    consumer = stream_consumer_find(group, call.argv[4])
    if consumer != NULL:
        pending = consumer.pending.count
        stream_consumer_remove(group, consumer)
        group_changed(1)
    reply_int(call.out, pending)


cdef void cmd_xgroup_help(Call *call) noexcept nogil:
    help_reply(call, (
        b"CREATE <key> <group> <id|$> [MKSTREAM] [ENTRIESREAD <n>]\n"
        b"    Make a group that reads on behind the ID; $ is the last entry's. MKSTREAM\n"
        b"    makes a missing stream as well. ENTRIESREAD tells how many entries it has\n"
        b"    read already.\n"
        b"CREATECONSUMER <key> <group> <consumer>\n"
        b"    Make a consumer.\n"
        b"DELCONSUMER <key> <group> <consumer>\n"
        b"    Delete a consumer, and what is pending for it.\n"
        b"DESTROY <key> <group>\n"
        b"    Delete a group with its consumers.\n"
        b"SETID <key> <group> <id|$> [ENTRIESREAD <n>]\n"
        b"    Let a group read on behind another ID.\n"))


# ---- XACK ----

cdef void cmd_xack(Call *call) noexcept nogil:
    cdef stream *s
    cdef stream_group *group = NULL
    cdef stream_id id
    cdef int64_t removed = 0
    cdef int i
    if not stream_read_or_reply(call, call.argv[1], &s):
        return
    if s != NULL:
        group = stream_group_find(s, call.argv[2])
    if group == NULL:
        reply_int(call.out, 0)
        return
    for i in range(3, call.argc):
        if not stream_id_or_reply(call, call.argv[i], &id):
            return
    for i in range(3, call.argc):
        stream_id_parse(call.argv[i], 0, &id, NULL)
        removed += stream_pending_remove(group, id)
    group_changed(removed)
    reply_int(call.out, removed)


# ---- XPENDING ----

ctypedef struct PendingOptions:
    bint extended
    int64_t min_idle_ms
    int64_t count
    stream_id start
    stream_id end
    bint has_consumer
    slice consumer


cdef bint _pending_options_or_reply(Call *call, PendingOptions *options) noexcept nogil:
    cdef int at = 3
    memset(options, 0, sizeof(PendingOptions))
    options.extended = call.argc != 3
    if not options.extended:
        return True
    if call.argc < 6 or call.argc > 9:
        error_reply(call, ERROR_SYNTAX)
        return False
    if slice_is(call.argv[at], b"IDLE"):
        if not int_or_reply(call, call.argv[at + 1], &options.min_idle_ms):
            return False
        if call.argc < 8:
            error_reply(call, ERROR_SYNTAX)
            return False
        at += 2
    if not int_or_reply(call, call.argv[at + 2], &options.count):
        return False
    options.count = max(options.count, 0)
    if not range_start_or_reply(call, call.argv[at], &options.start):
        return False
    if not range_end_or_reply(call, call.argv[at + 1], &options.end):
        return False
    if at + 3 < call.argc:
        options.has_consumer = True
        options.consumer = call.argv[at + 3]
    return True


cdef inline int64_t idle_ms(int64_t since_ms) noexcept nogil:
    """Milliseconds until now; the sum may wrap, as the time comes from outside."""
    return <int64_t>(<uint64_t>state.now_ms - <uint64_t>since_ms)


cdef void _pending_summary(Call *call, const stream_group *group) noexcept nogil:
    cdef reply *out = call.out
    cdef stream_consumer *consumer
    cdef int64_t owners = 0
    cdef size_t place
    cdef uint32_t i
    reply_array(out, 4)
    reply_int(out, group.pending.count)
    if group.pending.count == 0:
        reply_null(out)
        reply_null(out)
        reply_null_array(out)
        return
    reply_stream_id(out, id_map_id(id_map_begin(&group.pending)))
    reply_stream_id(out, id_map_id(id_map_end(&group.pending)))
    place = reply_later(out)
    for i in range(group.consumers.count):
        consumer = stream_consumer_at(group, i)
        if consumer.pending.count == 0:
            continue
        reply_array(out, 2)
        reply_bulk(out, consumer.name.data, consumer.name.length)
        reply_bulk_int(out, consumer.pending.count)
        owners += 1
    reply_insert(out, place, reply_write_array, owners)


cdef void _pending_entries(Call *call, const PendingOptions *options,
                           const id_map *entries) noexcept nogil:
    cdef reply *out = call.out
    cdef size_t place = reply_later(out)
    cdef id_map_cursor at = id_map_at_least(entries, options.start)
    cdef stream_pending *pending
    cdef int64_t found = 0, idle
    while (found < options.count and at.node != NULL
           and stream_id_compare(id_map_id(at), options.end) <= 0):
        pending = <stream_pending *>id_map_value(at)
        idle = idle_ms(pending.delivered_ms)
        if not options.min_idle_ms or idle >= options.min_idle_ms:
            reply_array(out, 4)
            reply_stream_id(out, id_map_id(at))
            reply_bulk(out, pending.consumer.name.data, pending.consumer.name.length)
            reply_int(out, max(idle, 0))
            reply_int(out, pending.deliveries)
            found += 1
        id_map_next(&at)
    reply_insert(out, place, reply_write_array, found)


cdef void cmd_xpending(Call *call) noexcept nogil:
    cdef PendingOptions options
    cdef stream *s
    cdef stream_group *group = NULL
    cdef stream_consumer *consumer
    cdef const id_map *entries
    if not _pending_options_or_reply(call, &options):
        return
    if not stream_read_or_reply(call, call.argv[1], &s):
        return
    if s != NULL:
        group = stream_group_find(s, call.argv[2])
    if group == NULL:
        error_no_group(call, call.argv[1], call.argv[2], b"'")
        return
    if not options.extended:
        _pending_summary(call, group)
        return
    entries = &group.pending
    if options.has_consumer:
        consumer = stream_consumer_find(group, options.consumer)
        if consumer == NULL:
            reply_array(call.out, 0)
            return
        entries = &consumer.pending
    _pending_entries(call, &options, entries)


row(b"xgroup", -2, b"", b"stream", b"", b"", b"", NULL)
row(b"xgroup|create", -5, b"write denyoom", b"stream", b"", b"RW,insert index:2 range:0,1,0", b"",
    cmd_xgroup_create)
row(b"xgroup|createconsumer", 5, b"write denyoom", b"stream", b"", b"RW,insert index:2 range:0,1,0",
    b"", cmd_xgroup_createconsumer)
row(b"xgroup|delconsumer", 5, b"write", b"stream", b"", b"RW,delete index:2 range:0,1,0", b"",
    cmd_xgroup_delconsumer)
row(b"xgroup|destroy", 4, b"write", b"stream", b"", b"RW,delete index:2 range:0,1,0", b"",
    cmd_xgroup_destroy)
row(b"xgroup|help", 2, b"loading stale", b"stream", b"", b"", b"", cmd_xgroup_help)
row(b"xgroup|setid", -5, b"write", b"stream", b"", b"RW,update index:2 range:0,1,0", b"",
    cmd_xgroup_setid)
row(b"xack", -4, b"write fast", b"stream", b"", b"RW,update index:1 range:0,1,0", b"", cmd_xack)
row(b"xpending", -3, b"readonly", b"stream", b"", b"RO,access index:1 range:0,1,0",
    b"nondeterministic_output", cmd_xpending)
