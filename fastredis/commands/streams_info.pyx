# streams_info: XINFO STREAM, GROUPS, CONSUMERS: the numbers behind a stream.

cdef enum:
    INFO_ENTRIES = 10            # entries shown by FULL where no COUNT is given


cdef bint _info_stream_or_reply(Call *call, stream **s) noexcept nogil:
    """The stream, which must be there."""
    if not stream_read_or_reply(call, call.argv[2], s):
        return False
    if s[0] == NULL:
        error_reply(call, ERROR_NO_KEY)
        return False
    return True


cdef inline void _info_id(reply *out, const char *name, stream_id id) noexcept nogil:
    reply_text(out, name)
    reply_stream_id(out, id)


cdef inline void _info_int(reply *out, const char *name, int64_t number) noexcept nogil:
    reply_text(out, name)
    reply_int(out, number)


cdef inline void _info_consumer_name(reply *out, const stream_consumer *consumer) noexcept nogil:
    reply_bulk(out, consumer.name.data, consumer.name.length)


# ---- XINFO STREAM ----

cdef void _info_numbers(reply *out, const stream *s) noexcept nogil:
    """The seven fields that both forms begin with."""
    _info_int(out, b"length", s.length)
    _info_int(out, b"radix-tree-keys", s.nodes.count)
    _info_int(out, b"radix-tree-nodes", stream_radix_nodes(s))
    _info_id(out, b"last-generated-id", s.last_id)
    _info_id(out, b"max-deleted-entry-id", s.max_deleted_id)
    _info_int(out, b"entries-added", s.entries_added)
    _info_id(out, b"recorded-first-entry-id", s.first_id)


cdef void _info_edge(reply *out, const char *name, const stream *s, bint first) noexcept nogil:
    cdef stream_iterator iterator
    reply_text(out, name)
    stream_iterate(&iterator, s, STREAM_ID_MIN, STREAM_ID_MAX, not first)
    if stream_next(&iterator):
        reply_stream_entry(out, &iterator.walk)
    else:
        reply_null(out)


cdef void _info_progress(reply *out, const stream *s, const stream_group *group) noexcept nogil:
    """How far the group has read, and what is left; null where it cannot be told."""
    cdef int64_t lag
    reply_text(out, b"entries-read")
    if group.entries_read == STREAM_READ_UNKNOWN:
        reply_null(out)
    else:
        reply_int(out, group.entries_read)
    reply_text(out, b"lag")
    if stream_group_lag(s, group, &lag):
        reply_int(out, lag)
    else:
        reply_null(out)


cdef void _info_pending(reply *out, const id_map *entries, bint with_consumer,
                        int64_t count) noexcept nogil:
    """Pending entries, at most `count` (0: all)."""
    cdef size_t place = reply_later(out)
    cdef id_map_cursor at = id_map_begin(entries)
    cdef stream_pending *pending
    cdef int64_t found = 0
    while at.node != NULL and (found < count or count == 0):
        pending = <stream_pending *>id_map_value(at)
        reply_array(out, 4 if with_consumer else 3)
        reply_stream_id(out, id_map_id(at))
        if with_consumer:
            _info_consumer_name(out, pending.consumer)
        reply_int(out, pending.delivered_ms)
        reply_int(out, pending.deliveries)
        found += 1
        id_map_next(&at)
    reply_insert(out, place, reply_write_array, found)


cdef void _info_full_consumer(reply *out, const stream_consumer *consumer,
                              int64_t count) noexcept nogil:
    reply_map(out, 5)
    reply_text(out, b"name")
    _info_consumer_name(out, consumer)
    _info_int(out, b"seen-time", consumer.seen_ms)
    _info_int(out, b"active-time", consumer.active_ms)
    _info_int(out, b"pel-count", consumer.pending.count)
    reply_text(out, b"pending")
    _info_pending(out, &consumer.pending, False, count)


cdef void _info_full_group(reply *out, const stream *s, const stream_group *group,
                           int64_t count) noexcept nogil:
    cdef uint32_t i
    reply_map(out, 7)
    reply_text(out, b"name")
    reply_bulk(out, group.name.data, group.name.length)
    _info_id(out, b"last-delivered-id", group.last_id)
    _info_progress(out, s, group)
    _info_int(out, b"pel-count", group.pending.count)
    reply_text(out, b"pending")
    _info_pending(out, &group.pending, True, count)
    reply_text(out, b"consumers")
    reply_array(out, group.consumers.count)
    for i in range(group.consumers.count):
        _info_full_consumer(out, stream_consumer_at(group, i), count)


cdef void _info_full(Call *call, const stream *s, int64_t count) noexcept nogil:
    cdef reply *out = call.out
    cdef uint32_t i
    reply_map(out, 9)
    _info_numbers(out, s)
    reply_text(out, b"entries")
    reply_stream_range(out, s, STREAM_ID_MIN, STREAM_ID_MAX, False, count)
    reply_text(out, b"groups")
    reply_array(out, s.groups.count)
    for i in range(s.groups.count):
        _info_full_group(out, s, stream_group_at(s, i), count)


cdef bint _info_options_or_reply(Call *call, bint *full, int64_t *count) noexcept nogil:
    """[FULL [COUNT count]]"""
    full[0] = call.argc > 3
    count[0] = INFO_ENTRIES
    if not full[0]:
        return True
    if (not slice_is(call.argv[3], b"FULL") or call.argc not in (4, 6)
            or call.argc == 6 and not slice_is(call.argv[4], b"COUNT")):
        error_subcommand_arguments(call)
        return False
    if call.argc == 6:
        if not int_or_reply(call, call.argv[5], count):
            return False
        if count[0] < 0:
            count[0] = INFO_ENTRIES
    return True


cdef void cmd_xinfo_stream(Call *call) noexcept nogil:
    cdef stream *s
    cdef bint full
    cdef int64_t count
    if not _info_stream_or_reply(call, &s):
        return
    if not _info_options_or_reply(call, &full, &count):
        return
    if full:
        _info_full(call, s, count)
        return
    reply_map(call.out, 10)
    _info_numbers(call.out, s)
    _info_int(call.out, b"groups", s.groups.count)
    _info_edge(call.out, b"first-entry", s, True)
    _info_edge(call.out, b"last-entry", s, False)


# ---- XINFO GROUPS, CONSUMERS, HELP ----

cdef void cmd_xinfo_groups(Call *call) noexcept nogil:
    cdef reply *out = call.out
    cdef stream_group *group
    cdef stream *s
    cdef uint32_t i
    if not _info_stream_or_reply(call, &s):
        return
    reply_array(out, s.groups.count)
    for i in range(s.groups.count):
        group = stream_group_at(s, i)
        reply_map(out, 6)
        reply_text(out, b"name")
        reply_bulk(out, group.name.data, group.name.length)
        _info_int(out, b"consumers", group.consumers.count)
        _info_int(out, b"pending", group.pending.count)
        _info_id(out, b"last-delivered-id", group.last_id)
        _info_progress(out, s, group)


cdef void cmd_xinfo_consumers(Call *call) noexcept nogil:
    cdef reply *out = call.out
    cdef stream_group *group
    cdef stream_consumer *consumer
    cdef stream *s
    cdef uint32_t i
    if not _info_stream_or_reply(call, &s):
        return
    group = stream_group_find(s, call.argv[3])
    if group == NULL:
        error_no_group_of_key(call, call.argv[3], call.argv[2])
        return
    reply_array(out, group.consumers.count)
    for i in range(group.consumers.count):
        consumer = stream_consumer_at(group, i)
        reply_map(out, 4)
        reply_text(out, b"name")
        _info_consumer_name(out, consumer)
        _info_int(out, b"pending", consumer.pending.count)
        _info_int(out, b"idle", max(idle_ms(consumer.seen_ms), 0))
        _info_int(out, b"inactive", -1 if consumer.active_ms == -1
                  else max(idle_ms(consumer.active_ms), 0))


cdef void cmd_xinfo_help(Call *call) noexcept nogil:
    help_reply(call, (
        b"CONSUMERS <key> <group>\n"
        b"    Consumers of a group: what is pending for each, and how long they are idle.\n"
        b"GROUPS <key>\n"
        b"    Groups of a stream: how far each has read.\n"
        b"STREAM <key> [FULL [COUNT <n>]]\n"
        b"    Numbers, first and last entry. FULL: entries, groups and consumers in detail,\n"
        b"    at most n of each list (10; 0: all).\n"))


row(b"xinfo", -2, b"", b"stream", b"", b"", b"", NULL)
row(b"xinfo|consumers", 4, b"readonly", b"stream", b"", b"RO,access index:2 range:0,1,0",
    b"nondeterministic_output", cmd_xinfo_consumers)
row(b"xinfo|groups", 3, b"readonly", b"stream", b"", b"RO,access index:2 range:0,1,0", b"",
    cmd_xinfo_groups)
row(b"xinfo|help", 2, b"loading stale", b"stream", b"", b"", b"", cmd_xinfo_help)
row(b"xinfo|stream", -3, b"readonly", b"stream", b"", b"RO,access index:2 range:0,1,0", b"",
    cmd_xinfo_stream)
