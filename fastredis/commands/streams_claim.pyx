# streams_claim: XCLAIM and XAUTOCLAIM: pending entries change hands.
#
# An entry that was deleted in the stream cannot be claimed: it is taken off the pending ones.

cdef enum:
    CLAIM_ATTEMPTS = 10          # XAUTOCLAIM looks at so many pending entries for each of COUNT
    CLAIM_COUNT = 100            # COUNT where none is given

ctypedef struct ClaimOptions:
    int64_t min_idle_ms
    int64_t delivered_ms
    int64_t deliveries           # -1: count on
    bint force
    bint just_id
    stream_id last_id
    int options_at


cdef bint _claim_group_or_reply(Call *call, stream **s, stream_group **group) noexcept nogil:
    group[0] = NULL
    if not stream_read_or_reply(call, call.argv[1], s):
        return False
    if s[0] != NULL:
        group[0] = stream_group_find(s[0], call.argv[2])
    if group[0] == NULL:
        error_no_group(call, call.argv[1], call.argv[2], b"'")
        return False
    return True


cdef bint _claim_number_or_reply(Call *call, slice text, Status status,
                                 int64_t *number) noexcept nogil:
    if number_parse_int64(text.data, text.length, number):
        return True
    error_reply(call, status)
    return False


cdef stream_consumer *_claimer(Call *call, stream_group *group) noexcept nogil:
    """The consumer that claims, made where there is none."""
    cdef stream_consumer *consumer = stream_consumer_create(group, call.argv[3], state.now_ms)
    if consumer == NULL:
        consumer = stream_consumer_find(group, call.argv[3])
        consumer.seen_ms = state.now_ms
    else:
        group_changed(1)
    return consumer


cdef void _claim(reply *out, const stream *s, stream_pending *pending, stream_id id,
                 stream_consumer *consumer, const ClaimOptions *options) noexcept nogil:
    """Give a pending entry to the consumer, and answer it."""
    stream_pending_give(pending, id, consumer)
    pending.delivered_ms = options.delivered_ms
    if options.deliveries >= 0:
        pending.deliveries = options.deliveries
    elif not options.just_id:
        pending.deliveries += 1
    if options.just_id:
        reply_stream_id(out, id)
    else:
        reply_one_stream_entry(out, s, id)
    consumer.active_ms = state.now_ms
    group_changed(1)


# ---- XCLAIM ----

cdef bint _claim_option_or_reply(Call *call, Args *args, ClaimOptions *options) noexcept nogil:
    cdef int64_t number = 0
    cdef slice text
    if (args_flag(args, b"FORCE", &options.force)
            or args_flag(args, b"JUSTID", &options.just_id)):
        return True
    if args_option_with(args, b"IDLE", &text):
        if not _claim_number_or_reply(call, text, ERROR_XCLAIM_IDLE, &number):
            return False
        options.delivered_ms = idle_ms(number)
    elif args_option_with(args, b"TIME", &text):
        return _claim_number_or_reply(call, text, ERROR_XCLAIM_TIME, &options.delivered_ms)
    elif args_option_with(args, b"RETRYCOUNT", &text):
        return _claim_number_or_reply(call, text, ERROR_XCLAIM_RETRY_COUNT, &options.deliveries)
    elif args_option_with(args, b"LASTID", &text):
        return stream_id_or_reply(call, text, &options.last_id)
    else:
        error_xclaim_option(call, args.argv[args.at])
        return False
    return True


cdef bint _claim_options_or_reply(Call *call, ClaimOptions *options) noexcept nogil:
    cdef Args args = args_from(call, 5)
    cdef stream_id id
    memset(options, 0, sizeof(ClaimOptions))
    options.delivered_ms = options.deliveries = -1
    if not _claim_number_or_reply(call, call.argv[4], ERROR_XCLAIM_MIN_IDLE,
                                  &options.min_idle_ms):
        return False
    options.min_idle_ms = max(options.min_idle_ms, 0)
    while args_left(&args) and stream_id_parse(args.argv[args.at], 0, &id, NULL) \
            and not is_byte(args.argv[args.at], c'-') and not is_byte(args.argv[args.at], c'+'):
        args.at += 1
    options.options_at = args.at
    while args_left(&args):
        if not _claim_option_or_reply(call, &args, options):
            return False
    if options.delivered_ms < 0 or options.delivered_ms > state.now_ms:
        options.delivered_ms = state.now_ms
    return True


cdef bint _claim_one(Call *call, const stream *s, stream_group *group, stream_consumer *consumer,
                     stream_id id, const ClaimOptions *options) noexcept nogil:
    """True where the entry was claimed, and answered."""
    cdef stream_pending *pending = stream_pending_find(group, id)
    if not stream_has(s, id):
        if pending != NULL:
            stream_pending_remove(group, id)
            group_changed(1)
        return False
    if pending == NULL:
        if not options.force:
            return False
        pending = stream_pending_add(group, consumer, id, state.now_ms, 1)
    elif options.min_idle_ms and idle_ms(pending.delivered_ms) < options.min_idle_ms:
        return False
    _claim(call.out, s, pending, id, consumer, options)
    return True


cdef void cmd_xclaim(Call *call) noexcept nogil:
    cdef ClaimOptions options
    cdef stream *s
    cdef stream_group *group
    cdef stream_consumer *consumer
    cdef stream_id id
    cdef int64_t claimed = 0
    cdef size_t place
    cdef int i
    if not _claim_group_or_reply(call, &s, &group):
        return
    if not _claim_options_or_reply(call, &options):
        return
    if stream_id_compare(options.last_id, group.last_id) > 0:
        group.last_id = options.last_id
        group_changed(1)
    consumer = _claimer(call, group)
    place = reply_later(call.out)
    for i in range(5, options.options_at):
        stream_id_parse(call.argv[i], 0, &id, NULL)
        claimed += _claim_one(call, s, group, consumer, id, &options)
    reply_insert(call.out, place, reply_write_array, claimed)


# ---- XAUTOCLAIM ----

cdef bint _autoclaim_options_or_reply(Call *call, ClaimOptions *options, stream_id *start,
                                      int64_t *count) noexcept nogil:
    cdef Args args = args_from(call, 6)
    cdef slice text
    memset(options, 0, sizeof(ClaimOptions))
    options.delivered_ms = state.now_ms
    options.deliveries = -1
    count[0] = CLAIM_COUNT
    if not _claim_number_or_reply(call, call.argv[4], ERROR_XAUTOCLAIM_MIN_IDLE,
                                  &options.min_idle_ms):
        return False
    options.min_idle_ms = max(options.min_idle_ms, 0)
    if not range_start_or_reply(call, call.argv[5], start):
        return False
    while args_left(&args):
        if args_option_with(&args, b"COUNT", &text):
            if (not number_parse_int64(text.data, text.length, count)
                    or not 1 <= count[0] <= INT64_MAX // sizeof(stream_id)):
                error_reply(call, ERROR_XAUTOCLAIM_COUNT)
                return False
        elif args_option(&args, b"JUSTID"):
            options.just_id = True
        else:
            error_reply(call, ERROR_SYNTAX)
            return False
    return True


ctypedef struct AutoClaim:
    int64_t count                # entries still to be claimed or taken off
    int64_t attempts             # pending entries still to be looked at
    int64_t claimed
    int64_t deleted
    reply entries                # the claimed ones; the cursor, known last, stands before them
    reply deleted_ids


cdef stream_id _auto_claim(Call *call, AutoClaim *work, const stream *s, stream_group *group,
                           stream_consumer *consumer, stream_id start,
                           const ClaimOptions *options) noexcept nogil:
    """Claim from `start` on; returns where to go on, 0-0: at the end."""
    cdef stream_pending *pending
    cdef id_map_cursor at = id_map_at_least(&group.pending, start)
    cdef stream_id id
    while work.attempts and work.count and at.node != NULL:
        work.attempts -= 1
        id = id_map_id(at)
        pending = <stream_pending *>id_map_value(at)
        if not stream_has(s, id):
            stream_pending_remove(group, id)
            group_changed(1)
            reply_stream_id(&work.deleted_ids, id)
            work.deleted += 1
            work.count -= 1
            at = id_map_at_least(&group.pending, id)
            continue
        if not options.min_idle_ms or idle_ms(pending.delivered_ms) >= options.min_idle_ms:
            _claim(&work.entries, s, pending, id, consumer, options)
            work.claimed += 1
            work.count -= 1
        id_map_next(&at)
    return STREAM_ID_MIN if at.node == NULL else id_map_id(at)


cdef void cmd_xautoclaim(Call *call) noexcept nogil:
    cdef ClaimOptions options
    cdef AutoClaim work
    cdef stream *s
    cdef stream_group *group
    cdef stream_id start, following
    cdef reply *out = call.out
    memset(&work, 0, sizeof(AutoClaim))
    if not _autoclaim_options_or_reply(call, &options, &start, &work.count):
        return
    if not _claim_group_or_reply(call, &s, &group):
        return
    work.attempts = work.count * CLAIM_ATTEMPTS
    reply_init(&work.entries)
    reply_init(&work.deleted_ids)
    following = _auto_claim(call, &work, s, group, _claimer(call, group), start, &options)
    reply_array(out, 3)
    reply_stream_id(out, following)
    reply_array(out, work.claimed)
    reply_raw(out, work.entries.data, work.entries.length)
    reply_array(out, work.deleted)
    reply_raw(out, work.deleted_ids.data, work.deleted_ids.length)
    reply_free(&work.entries)
    reply_free(&work.deleted_ids)


row(b"xclaim", -6, b"write fast", b"stream", b"", b"RW,update index:1 range:0,1,0",
    b"nondeterministic_output", cmd_xclaim)
row(b"xautoclaim", -6, b"write fast", b"stream", b"", b"RW,delete index:1 range:0,1,0",
    b"nondeterministic_output", cmd_xautoclaim)
