# sorted_sets: members and their scores, one at a time: ZADD, ZSCORE, ZRANK, ZREM, and a walk or a
# drawing over all of them. Ranges, removals of ranges and pops: sorted_sets_range.pyx; unions,
# intersections and differences: sorted_sets_algebra.pyx.
#
# What a set looks like inside is csrc/zset.h's business: nothing here knows an encoding.
#
# ZADD reads every score before it changes anything, as one that is none refuses the whole command.
# The first SCORES_KEPT are kept from that reading; the rest of a long command is read again.
#
# Complexity: O(log n) a member; ZSCORE, ZCARD O(1); see the head of csrc/zset.h.

cdef enum:
    SCORES_KEPT = 32
    SCORED_AHEAD = 8             # how far in front of its turn a member's bucket is asked for
    SCORED_NEXT = 4              # ... and the member itself


# ---- what the files of this family share ----

cdef inline bint score_or_reply(Call *call, slice text, double *score) noexcept nogil:
    if number_parse_double(text.data, text.length, score):
        return True
    error_reply(call, ERROR_NOT_FLOAT)
    return False


cdef inline void reply_member(reply *out, slice member, double score, bint nested) noexcept nogil:
    """A member with its score: a pair of its own, or two elements of what is being written."""
    if nested:
        reply_array(out, 2)
    reply_bulk(out, member.data, member.length)
    reply_double(out, score)


cdef inline void reply_members_header(reply *out, int64_t count, bint with_scores) noexcept nogil:
    """The head of a reply of members, with scores in pairs in RESP3 and flat in RESP2."""
    reply_array(out, count * 2 if with_scores and out.protocol != 3 else count)


cdef inline void sorted_set_changed(Call *call, slice key, entry *e,
                                    size_t changes) noexcept nogil:
    """Tell of so many changes, at least one, of a set, which goes where it has become empty."""
    if zset_count(e) == 0:
        key_remove_emptied(call.database, key)
    state.dirty += changes - 1
    key_changed(call.database, key)


cdef inline entry *sorted_set_result(slice key) noexcept nogil:
    """An empty set, in no database, to put a result together. It keeps scores as doubles: -0 is
    told from 0 until sorted_set_store has made a listpack of it."""
    return zset_new(key, ENTRY_NO_DUE, SIZE_MAX, 0, &state.zsets)


cdef void sorted_set_store(Call *call, slice key, entry *made) noexcept nogil:
    """Put a result (taken; NULL or empty: nothing) in the place of whatever a key held. Answers
    the number of members."""
    cdef Database *db = call.database
    cdef uint64_t hash = key_hash(call, key)
    if made != NULL and zset_count(made):
        zset_compact(made, &state.zsets)
        entry_set_clock(made, clock_new())
        reply_int(call.out, zset_count(made))
        key_put(db, made, key, hash)
        key_changed(db, key)
        return
    if made != NULL:
        value_free(made)
        entry_free(made)
    if key_peek(call, key) != NULL:
        key_delete(db, key, hash)
    reply_int(call.out, 0)


# ---- ZADD and ZINCRBY ----

ctypedef struct ZaddOptions:
    unsigned flags               # of zset_add
    bint count_changed           # CH
    int first                    # argument of the first score


cdef bint add_options_or_reply(Call *call, ZaddOptions *options) noexcept nogil:
    cdef Args args = args_from(call, 2)
    cdef unsigned flags = 0
    options.count_changed = False
    while True:
        if args_option(&args, b"NX"):
            flags |= ZSET_NX
        elif args_option(&args, b"XX"):
            flags |= ZSET_XX
        elif args_option(&args, b"GT"):
            flags |= ZSET_GT
        elif args_option(&args, b"LT"):
            flags |= ZSET_LT
        elif args_option(&args, b"INCR"):
            flags |= ZSET_INCREMENT
        elif args_option(&args, b"CH"):
            options.count_changed = True
        else:
            break
    options.flags = flags
    options.first = args.at
    if args_left(&args) == 0 or args_left(&args) % 2:
        error_reply(call, ERROR_SYNTAX)
        return False
    if flags & ZSET_NX and flags & ZSET_XX:
        error_reply(call, ERROR_ZADD_NX_XX)
        return False
    if (flags & ZSET_NX != 0) + (flags & ZSET_GT != 0) + (flags & ZSET_LT != 0) > 1:
        error_reply(call, ERROR_ZADD_GT_LT_NX)
        return False
    if flags & ZSET_INCREMENT and args_left(&args) > 2:
        error_reply(call, ERROR_ZADD_INCR)
        return False
    return True


cdef bint scores_or_reply(Call *call, int first, double *kept) noexcept nogil:
    """Read every second argument from `first` on as a score; the first ones stay in `kept`."""
    cdef double score
    cdef int at = first, i = 0
    while at < call.argc:
        if not score_or_reply(call, call.argv[at], &score):
            return False
        if i < SCORES_KEPT:
            kept[i] = score
        i += 1
        at += 2
    return True


cdef bint sorted_set_or_reply(Call *call, slice key, size_t count, slice first,
                              bint make, entry **e) noexcept nogil:
    """The set to which `count` members, this one first, are about to be added; made where there is
    none and `make` says so, else NULL."""
    if not key_typed_or_reply(call, key, ENTRY_ZSET, e):
        return False
    if e[0] != NULL:
        if count > state.limits.packing.zset_entries:
            zset_expect(e[0], count, 0, &state.zsets)
    elif make:
        e[0] = zset_new(key, ENTRY_NO_DUE, count, first.length, &state.zsets)
        key_insert(call.database, e[0], key_hash(call, key))
    return True


cdef void add_one(Call *call, unsigned flags, double score, slice member,
                  bint count_changed) noexcept nogil:
    """ZADD of one pair, and ZINCRBY: the way that most calls take."""
    cdef slice key = call.argv[1]
    cdef zset_outcome outcome = ZSET_REFUSED
    cdef double result = 0
    cdef entry *e
    if not sorted_set_or_reply(call, key, 1, member, not flags & ZSET_XX, &e):
        return
    if e != NULL:
        outcome = zset_add(e, member, score, flags, &result, &state.zsets)
    if unlikely(outcome == ZSET_NOT_A_NUMBER):
        error_reply(call, ERROR_SCORE_NAN)
        return
    if outcome == ZSET_ADDED or outcome == ZSET_UPDATED:
        key_changed(call.database, key)
    if not flags & ZSET_INCREMENT:
        reply_int(call.out, outcome == ZSET_ADDED or count_changed and outcome == ZSET_UPDATED)
    elif outcome == ZSET_REFUSED:
        reply_null(call.out)
    else:
        reply_double(call.out, result)


cdef void add_many(Call *call, const ZaddOptions *options, const double *kept) noexcept nogil:
    """ZADD of several pairs."""
    cdef int count = (call.argc - options.first) // 2, i
    cdef const slice *pairs = call.argv + options.first
    cdef slice key = call.argv[1]
    cdef int64_t added = 0, updated = 0
    cdef zset_outcome outcome
    cdef double score
    cdef entry *e
    if not sorted_set_or_reply(call, key, count, pairs[1], not options.flags & ZSET_XX, &e):
        return
    if e == NULL:
        reply_int(call.out, 0)
        return
    for i in range(count):
        if i + SCORED_AHEAD < count:
            zset_prefetch(e, pairs[2 * (i + SCORED_AHEAD) + 1])
        if i + SCORED_NEXT < count:
            zset_prefetch_member(e, pairs[2 * (i + SCORED_NEXT) + 1])
        score = 0
        if i < SCORES_KEPT:
            score = kept[i]
        else:
            number_parse_double(pairs[2 * i].data, pairs[2 * i].length, &score)
        outcome = zset_add(e, pairs[2 * i + 1], score, options.flags, NULL, &state.zsets)
        added += outcome == ZSET_ADDED
        updated += outcome == ZSET_UPDATED
    if added + updated:
        sorted_set_changed(call, key, e, added + updated)
    reply_int(call.out, added + updated if options.count_changed else added)


cdef void cmd_zadd(Call *call) noexcept nogil:
    cdef ZaddOptions options
    cdef double kept[SCORES_KEPT]
    if not add_options_or_reply(call, &options):
        return
    if not scores_or_reply(call, options.first, kept):
        return
    if likely(call.argc - options.first == 2):
        add_one(call, options.flags, kept[0], call.argv[call.argc - 1], options.count_changed)
    else:
        add_many(call, &options, kept)


cdef void cmd_zincrby(Call *call) noexcept nogil:
    cdef ZaddOptions options
    cdef double increment
    # An increment that is a word of ZADD is taken as one: a syntax error, not a bad number.
    if add_options_or_reply(call, &options) and score_or_reply(call, call.argv[2], &increment):
        add_one(call, ZSET_INCREMENT, increment, call.argv[3], False)


cdef void cmd_zrem(Call *call) noexcept nogil:
    cdef slice key = call.argv[1]
    cdef int64_t removed = 0
    cdef entry *e
    cdef int i
    if not key_typed_or_reply(call, key, ENTRY_ZSET, &e):
        return
    if e == NULL:
        reply_int(call.out, 0)
        return
    for i in range(2, call.argc):
        if i + SCORED_AHEAD < call.argc:
            zset_prefetch(e, call.argv[i + SCORED_AHEAD])
        if i + SCORED_NEXT < call.argc:
            zset_prefetch_member(e, call.argv[i + SCORED_NEXT])
        removed += zset_remove(e, call.argv[i])
    if removed:
        sorted_set_changed(call, key, e, removed)
    reply_int(call.out, removed)


# ---- looking members up ----

cdef void cmd_zcard(Call *call) noexcept nogil:
    cdef entry *e
    if key_typed_read_or_reply(call, call.argv[1], ENTRY_ZSET, &e):
        reply_int(call.out, 0 if e == NULL else zset_count(e))


cdef void cmd_zscore(Call *call) noexcept nogil:
    cdef double score
    cdef entry *e
    if not key_typed_read_or_reply(call, call.argv[1], ENTRY_ZSET, &e):
        return
    if e != NULL and zset_score(e, call.argv[2], &score):
        reply_double(call.out, score)
    else:
        reply_null(call.out)


cdef void cmd_zmscore(Call *call) noexcept nogil:
    cdef double score
    cdef entry *e
    cdef int i
    if not key_typed_read_or_reply(call, call.argv[1], ENTRY_ZSET, &e):
        return
    reply_array(call.out, call.argc - 2)
    for i in range(2, call.argc):
        if e == NULL:
            reply_null(call.out)
            continue
        if i + SCORED_AHEAD < call.argc:
            zset_prefetch(e, call.argv[i + SCORED_AHEAD])
        if i + SCORED_NEXT < call.argc:
            zset_prefetch_member(e, call.argv[i + SCORED_NEXT])
        if zset_score(e, call.argv[i], &score):
            reply_double(call.out, score)
        else:
            reply_null(call.out)


cdef inline void rank_reply(Call *call, bint reverse) noexcept nogil:
    cdef bint with_score = call.argc == 4
    cdef size_t rank
    cdef double score
    cdef entry *e
    if call.argc > 4:
        error_arity(call)
        return
    if with_score and not slice_is(call.argv[3], b"WITHSCORE"):
        error_reply(call, ERROR_SYNTAX)
        return
    if not key_typed_read_or_reply(call, call.argv[1], ENTRY_ZSET, &e):
        return
    if e == NULL or not zset_rank(e, call.argv[2], reverse, &rank, &score):
        if with_score:
            reply_null_array(call.out)
        else:
            reply_null(call.out)
        return
    if with_score:
        reply_array(call.out, 2)
    reply_int(call.out, rank)
    if with_score:
        reply_double(call.out, score)


cdef void cmd_zrank(Call *call) noexcept nogil:
    rank_reply(call, False)


cdef void cmd_zrevrank(Call *call) noexcept nogil:
    rank_reply(call, True)


# ---- drawing members: ZRANDMEMBER ----
#
# A negative count asks for as many, whatever the size of the set: there the reply is bounded, see
# repeats_or_reply. With a positive count the members are distinct, and each group of so many is
# equally likely. Where much of the set is asked for, one walk takes each member with the chance
# that what is left to draw has in what is left to see (Knuth 3.4.2, algorithm S); else ranks are
# drawn, and a bitmap knows which ones have been (Floyd).

cdef bint random_count_or_reply(Call *call, slice text, int64_t *count) noexcept nogil:
    """A count of members to draw: any number that has an opposite."""
    if not int_or_reply(call, text, count):
        return False
    if count[0] == INT64_MIN:
        error_reply(call, ERROR_LONG_RANGE)
        return False
    return True


cdef void _draw_with_repeats(Call *call, const entry *e, int64_t count,
                             bint with_scores) noexcept nogil:
    """Any members, `count` of them, as often as they come."""
    cdef bint nested = call.out.protocol == 3
    cdef size_t place = reply_later(call.out)
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef slice member
    cdef double score
    cdef int64_t i
    if not repeats_or_reply(call, count):
        return
    reply_members_header(call.out, count, with_scores)
    for i in range(count):
        zset_random(e, &state.random, digits, &member, &score)
        if with_scores:
            reply_member(call.out, member, score, nested)
        else:
            reply_bulk(call.out, member.data, member.length)
        if not repeats_fit_or_reply(call, place):
            return


cdef void _draw_by_walk(Call *call, const entry *e, size_t count, bint with_scores) noexcept nogil:
    cdef bint nested = call.out.protocol == 3
    cdef size_t left = zset_count(e)
    cdef zset_iterator iterator
    cdef slice member
    cdef double score
    # All of them come as from Redis: the greatest first.
    zset_iterate(&iterator, e, count == left)
    while count and zset_next(&iterator, &member, &score):
        if random_below(&state.random, left) < count:
            count -= 1
            if with_scores:
                reply_member(call.out, member, score, nested)
            else:
                reply_bulk(call.out, member.data, member.length)
        left -= 1


cdef void _draw_by_rank(Call *call, const entry *e, size_t count, bint with_scores) noexcept nogil:
    cdef bint nested = call.out.protocol == 3
    cdef size_t total = zset_count(e), rank, last
    cdef size_t size = (total + 7) // 8
    cdef uint8_t *drawn = <uint8_t *>alloc_new(size)
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef slice member
    cdef double score
    memset(drawn, 0, size)
    for last in range(total - count, total):
        rank = random_below(&state.random, last + 1)
        if drawn[rank >> 3] >> (rank & 7) & 1:
            rank = last
        drawn[rank >> 3] |= 1 << (rank & 7)
        zset_at(e, rank, digits, &member, &score)
        if with_scores:
            reply_member(call.out, member, score, nested)
        else:
            reply_bulk(call.out, member.data, member.length)
    alloc_free(drawn, size)


cdef void _draw_distinct(Call *call, const entry *e, size_t count,
                         bint with_scores) noexcept nogil:
    cdef size_t total = zset_count(e)
    count = min(count, total)
    reply_members_header(call.out, count, with_scores)
    if count * 4 < total:
        _draw_by_rank(call, e, count, with_scores)
    else:
        _draw_by_walk(call, e, count, with_scores)


cdef void cmd_zrandmember(Call *call) noexcept nogil:
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef bint with_scores = call.argc >= 4
    cdef int64_t count = 0
    cdef slice member
    cdef entry *e
    if call.argc > 2:
        if not random_count_or_reply(call, call.argv[2], &count):
            return
        if call.argc > 4 or with_scores and not slice_is(call.argv[3], b"WITHSCORES"):
            error_reply(call, ERROR_SYNTAX)
            return
        if with_scores and not -(INT64_MAX // 2) <= count <= INT64_MAX // 2:
            error_reply(call, ERROR_OUT_OF_RANGE)
            return
    if not key_typed_read_or_reply(call, call.argv[1], ENTRY_ZSET, &e):
        return
    if call.argc == 2:
        if e == NULL:
            reply_null(call.out)
            return
        zset_random(e, &state.random, digits, &member, NULL)
        reply_bulk(call.out, member.data, member.length)
    elif e == NULL or count == 0:
        reply_array(call.out, 0)
    elif count < 0:
        _draw_with_repeats(call, e, -count, with_scores)
    else:
        _draw_distinct(call, e, count, with_scores)


# ---- ZSCAN ----

cdef void _scan_scored(void *context, slice member, double score) noexcept nogil:
    cdef Scan *scan = <Scan *>context
    cdef char digits[NUMBER_DOUBLE_MAX_LENGTH]
    scan.seen += 1
    if scan_fits(scan, member):
        scan.listed += 2
        reply_bulk(scan.out, member.data, member.length)
        reply_bulk(scan.out, digits, number_format_double(digits, score))


cdef uint64_t scan_sorted_set(Scan *scan, const entry *e, uint64_t cursor) noexcept nogil:
    """Walk until as many members as asked for have been seen; see scan_table."""
    cdef int64_t steps = 0
    cdef int64_t steps_max = scan.count * 10 if scan.count < INT64_MAX // 10 else INT64_MAX
    while True:
        cursor = zset_scan(e, cursor, _scan_scored, scan)
        steps += 1
        if cursor == 0 or scan.seen >= scan.count or steps >= steps_max:
            return cursor


cdef void cmd_zscan(Call *call) noexcept nogil:
    cdef Scan scan
    cdef uint64_t cursor
    cdef size_t place
    cdef entry *e
    if not scan_key_or_reply(call, ENTRY_ZSET, 0, &scan, &cursor, &e):
        return
    place = scan_reply_begin(&scan)
    scan_reply_end(&scan, place, scan_sorted_set(&scan, e, cursor))


row(b"zadd", -4, b"write denyoom fast", b"sorted-set", b"",
    b"RW,update index:1 range:0,1,0", b"", cmd_zadd)
row(b"zcard", 2, b"readonly fast", b"sorted-set", b"", b"RO index:1 range:0,1,0", b"", cmd_zcard)
row(b"zincrby", 4, b"write denyoom fast", b"sorted-set", b"",
    b"RW,access,update index:1 range:0,1,0", b"", cmd_zincrby)
row(b"zmscore", -3, b"readonly fast", b"sorted-set", b"", b"RO,access index:1 range:0,1,0", b"",
    cmd_zmscore)
row(b"zrandmember", -2, b"readonly", b"sorted-set", b"", b"RO,access index:1 range:0,1,0",
    b"nondeterministic_output", cmd_zrandmember)
row(b"zrank", -3, b"readonly fast", b"sorted-set", b"", b"RO,access index:1 range:0,1,0", b"",
    cmd_zrank)
row(b"zrem", -3, b"write fast", b"sorted-set", b"", b"RW,delete index:1 range:0,1,0", b"",
    cmd_zrem)
row(b"zrevrank", -3, b"readonly fast", b"sorted-set", b"", b"RO,access index:1 range:0,1,0", b"",
    cmd_zrevrank)
row(b"zscan", -3, b"readonly", b"sorted-set", b"", b"RO,access index:1 range:0,1,0",
    b"nondeterministic_output", cmd_zscan)
row(b"zscore", 3, b"readonly fast", b"sorted-set", b"", b"RO,access index:1 range:0,1,0", b"",
    cmd_zscore)
