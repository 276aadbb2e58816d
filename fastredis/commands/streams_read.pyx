# streams_read: XREAD and XREADGROUP: several streams at once, from an ID on, waiting or not.
#
# All arguments and keys are looked at first (ReadTarget), so that an error means that nothing was
# delivered. Without an answer the command waits for the keys (blocking_keys.pyx) and is run again
# as a whole; `$` is first replaced by the ID that it stands for now.

cdef enum:
    READ_TARGETS = 8             # streams of one command for which no block is taken

ctypedef struct ReadTarget:
    stream *s                    # NULL: no such key
    stream_group *group          # NULL: XREAD
    stream_id after              # what is read begins behind it
    bint history                 # of the consumer: what it was given before

ctypedef struct ReadOptions:
    bint in_group                # XREADGROUP
    bint no_ack
    bint has_group
    slice group
    slice consumer
    int64_t timeout_ms           # -1: no waiting
    int64_t count                # 0: all
    int keys_at
    int key_count


# ---- options ----

cdef bint _read_streams_or_reply(Call *call, ReadOptions *options, int at) noexcept nogil:
    """The keys and IDs behind STREAMS."""
    cdef int left = call.argc - at
    options.keys_at = at
    options.key_count = left // 2
    if left % 2:
        error_reply(call, ERROR_XREADGROUP_UNBALANCED if options.in_group
                    else ERROR_XREAD_UNBALANCED)
        return False
    return True


cdef bint _read_group_or_reply(Call *call, ReadOptions *options, Args *args) noexcept nogil:
    if not options.in_group:
        error_reply(call, ERROR_XREAD_GROUP)
        return False
    options.has_group = True
    options.group = args.argv[args.at + 1]
    options.consumer = args.argv[args.at + 2]
    args.at += 3
    return True


cdef bint _read_options_or_reply(Call *call, ReadOptions *options, bint in_group) noexcept nogil:
    cdef Args args = args_from(call, 1)
    cdef slice text
    memset(options, 0, sizeof(ReadOptions))
    options.in_group = in_group
    options.timeout_ms = -1
    while args_left(&args) and not options.keys_at:
        if args_option_with(&args, b"BLOCK", &text):
            if not timeout_ms_or_reply(call, text, &options.timeout_ms):
                return False
        elif args_option_with(&args, b"COUNT", &text):
            if not int_or_reply(call, text, &options.count):
                return False
            options.count = max(options.count, 0)
        elif args_left(&args) >= 2 and args_option(&args, b"STREAMS"):
            if not _read_streams_or_reply(call, options, args.at):
                return False
        elif args_left(&args) >= 3 and slice_is(args.argv[args.at], b"GROUP"):
            if not _read_group_or_reply(call, options, &args):
                return False
        elif args_option(&args, b"NOACK"):
            if not in_group:
                error_reply(call, ERROR_XREAD_NOACK)
                return False
            options.no_ack = True
        else:
            error_reply(call, ERROR_SYNTAX)
            return False
    if not options.keys_at:
        error_reply(call, ERROR_SYNTAX)
        return False
    if in_group and not options.has_group:
        error_reply(call, ERROR_XREADGROUP_NO_GROUP)
        return False
    return True


# ---- targets ----

cdef bint _read_from_or_reply(Call *call, slice text, ReadTarget *target) noexcept nogil:
    """The ID behind which one stream is read."""
    cdef stream_id top = STREAM_ID_MIN
    target.after = STREAM_ID_MIN
    target.history = False
    if is_byte(text, c'$'):
        if target.group != NULL:
            error_reply(call, ERROR_XREADGROUP_LAST)
            return False
        if target.s != NULL:
            target.after = target.s.last_id
        return True
    if is_byte(text, c'+'):
        if target.group != NULL:
            error_reply(call, ERROR_XREADGROUP_PLUS)
            return False
        if target.s != NULL and stream_edge(target.s, False, &top):
            stream_id_decrease(&top)
            target.after = top
        return True
    if is_byte(text, c'>'):
        if target.group == NULL:
            error_reply(call, ERROR_XREAD_NEW)
            return False
        target.after = target.group.last_id
        return True
    if not stream_id_or_reply(call, text, &target.after):
        return False
    # The greatest ID has always meant what `>` means.
    target.history = (target.group != NULL
                      and stream_id_compare(target.after, STREAM_ID_MAX) != 0)
    return True


cdef bint _read_target_or_reply(Call *call, const ReadOptions *options, int index,
                                ReadTarget *target) noexcept nogil:
    cdef slice key = call.argv[options.keys_at + index]
    cdef slice text = call.argv[options.keys_at + options.key_count + index]
    target.group = NULL
    if not stream_read_or_reply(call, key, &target.s):
        return False
    if options.in_group:
        if target.s != NULL:
            target.group = stream_group_find(target.s, options.group)
        if target.group == NULL:
            error_no_group(call, key, options.group, b"' in XREADGROUP with GROUP option")
            return False
    return _read_from_or_reply(call, text, target)


# ---- delivering ----

cdef void _pend(stream_group *group, stream_consumer *consumer, stream_id id) noexcept nogil:
    """Note that the entry was given to the consumer, whoever had it before."""
    cdef stream_pending *pending = stream_pending_add(group, consumer, id, state.now_ms, 1)
    if pending == NULL:
        pending = stream_pending_find(group, id)
        stream_pending_give(pending, id, consumer)
        pending.delivered_ms = state.now_ms
        pending.deliveries = 1


cdef void _deliver_new(Call *call, const ReadOptions *options, ReadTarget *target,
                       stream_consumer *consumer) noexcept nogil:
    """Entries that are new to the group, or to the reader."""
    cdef reply *out = call.out
    cdef size_t place = reply_later(out)
    cdef stream_group *group = target.group
    cdef stream_id start = target.after
    cdef stream_iterator iterator
    cdef int64_t found = 0
    stream_increase_or_end(&start)
    stream_iterate(&iterator, target.s, start, STREAM_ID_MAX, False)
    while stream_next(&iterator):
        if group != NULL:
            if stream_id_compare(iterator.walk.id, group.last_id) > 0:
                stream_group_advance(target.s, group, iterator.walk.id)
            if not options.no_ack:
                _pend(group, consumer, iterator.walk.id)
                consumer.active_ms = state.now_ms
        reply_stream_entry(out, &iterator.walk)
        found += 1
        if found == options.count:
            break
    reply_insert(out, place, reply_write_array, found)
    if group != NULL and found:
        group_changed(1)


cdef inline void stream_increase_or_end(stream_id *id) noexcept nogil:
    """The next ID. Behind the greatest comes the least, as in Redis."""
    if not stream_id_increase(id):
        id[0] = STREAM_ID_MIN


cdef void _deliver_history(Call *call, const ReadOptions *options, const ReadTarget *target,
                           stream_consumer *consumer) noexcept nogil:
    """What is pending for the consumer, with null for entries that are deleted."""
    cdef reply *out = call.out
    cdef size_t place = reply_later(out)
    cdef stream_id start = target.after
    cdef stream_pending *pending
    cdef id_map_cursor at
    cdef int64_t found = 0
    stream_increase_or_end(&start)
    at = id_map_at_least(&consumer.pending, start)
    while at.node != NULL and (found < options.count or options.count == 0):
        if reply_one_stream_entry(out, target.s, id_map_id(at)):
            pending = <stream_pending *>id_map_value(at)
            pending.delivered_ms = state.now_ms
            pending.deliveries += 1
        else:
            reply_array(out, 2)
            reply_stream_id(out, id_map_id(at))
            reply_null_array(out)
        found += 1
        id_map_next(&at)
    reply_insert(out, place, reply_write_array, found)


cdef bint _has_news(const ReadTarget *target) noexcept nogil:
    cdef stream_id top
    if target.s == NULL or not stream_edge(target.s, False, &top):
        return False
    if target.group != NULL:
        return stream_id_compare(top, target.group.last_id) > 0
    return stream_id_compare(top, target.after) > 0


cdef bint _deliver(Call *call, const ReadOptions *options, slice key,
                   ReadTarget *target) noexcept nogil:
    """Answer one stream, where there is something to answer."""
    cdef stream_consumer *consumer = NULL
    cdef bint served = target.history or _has_news(target)
    if target.group != NULL:
        consumer = stream_consumer_create(target.group, options.consumer, state.now_ms)
        if consumer != NULL:
            group_changed(1)
        else:
            consumer = stream_consumer_find(target.group, options.consumer)
            consumer.seen_ms = state.now_ms
    if not served:
        return False
    if call.out.protocol == 2:
        reply_array(call.out, 2)
    reply_bulk(call.out, key.data, key.length)
    if target.history:
        _deliver_history(call, options, target, consumer)
    else:
        if target.group != NULL:
            # Another target may have moved the group on.
            target.after = target.group.last_id
        _deliver_new(call, options, target, consumer)
    return True


# ---- waiting ----

cdef void _wait(Call *call, const ReadOptions *options, const ReadTarget *targets) noexcept nogil:
    """Wait for the keys; in the arguments that are kept, `$` is what it stands for now."""
    cdef size_t size = call.argc * sizeof(slice) + options.key_count * STREAM_ID_TEXT_MAX
    cdef const slice *given = call.argv
    cdef slice *argv = <slice *>alloc_new(size)
    cdef char *text = <char *>(argv + call.argc)
    cdef int i, at
    memcpy(argv, given, call.argc * sizeof(slice))
    for i in range(options.key_count):
        at = options.keys_at + options.key_count + i
        if is_byte(argv[at], c'$'):
            argv[at] = slice_of(text, stream_id_format(text, targets[i].after))
            text += STREAM_ID_TEXT_MAX
    call.argv = argv
    block_on_keys(call, argv + options.keys_at, 1, options.key_count, options.timeout_ms,
                  null_array_timed_out)
    if options.in_group:
        block_until_loss(call.session)
    call.argv = given
    alloc_free(argv, size)


cdef void _read(Call *call, bint in_group) noexcept nogil:
    cdef ReadOptions options
    cdef ReadTarget few[READ_TARGETS]
    cdef ReadTarget *targets = few
    cdef size_t place, size
    cdef int64_t served = 0
    cdef int i = 0
    if not _read_options_or_reply(call, &options, in_group):
        return
    size = options.key_count * sizeof(ReadTarget)
    if options.key_count > READ_TARGETS:
        targets = <ReadTarget *>alloc_new(size)
    while i < options.key_count and _read_target_or_reply(call, &options, i, &targets[i]):
        i += 1
    if i == options.key_count:
        place = reply_later(call.out)
        for i in range(options.key_count):
            served += _deliver(call, &options, call.argv[options.keys_at + i], &targets[i])
        if served:
            reply_insert(call.out, place,
                         reply_write_map if call.out.protocol == 3 else reply_write_array, served)
        elif options.timeout_ms >= 0:
            _wait(call, &options, targets)
        else:
            reply_null_array(call.out)
    if targets != few:
        alloc_free(targets, size)


cdef void cmd_xread(Call *call) noexcept nogil:
    _read(call, False)


cdef void cmd_xreadgroup(Call *call) noexcept nogil:
    _read(call, True)


row(b"xread", -4, b"readonly blocking movablekeys", b"stream", b"",
    b"RO,access keyword:STREAMS,1 range:-1,1,2", b"", cmd_xread)
row(b"xreadgroup", -7, b"write blocking movablekeys", b"stream", b"",
    b"RO,access keyword:STREAMS,4 range:-1,1,2", b"", cmd_xreadgroup)
