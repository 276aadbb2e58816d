# sorted_sets_range: runs of neighbours in a sorted set: counted, listed, stored, removed, popped.
#
#   by rank    0 -1        negative from the end
#   by score   1 (5        '(': without the bound itself; -inf +inf
#   by lex     [a (c       by the bytes of members whose scores are equal; - +
#
# Every one of them becomes a span of ranks (csrc/zset.h), found in O(log n); LIMIT cuts the span,
# and what is then done to it is the same for all: the eight commands that list or store differ in
# what they let the client say (RangeSyntax).
#
# Complexity: O(log n + members listed or removed). A bound that is none is refused before the key
# is looked at.

ctypedef enum RangeBy:
    BY_RANK
    BY_SCORE
    BY_LEX

# A range as an argument pair says it.
ctypedef struct Range:
    RangeBy by
    int64_t start
    int64_t stop
    zset_score_range scores
    zset_lex_range lex


# ---- bounds ----

cdef inline bint _is_exclusive(slice text) noexcept nogil:
    return text.length != 0 and text.data[0] == c'('


cdef bint _score_bound(slice text, double *score) noexcept nogil:
    if _is_exclusive(text):
        text = slice_of(text.data + 1, text.length - 1)
    return number_parse_bound(text.data, text.length, score)


cdef bint _lex_bound(slice text, zset_lex_bound *bound) noexcept nogil:
    if text.length == 0:
        return False
    bound.text = slice_of(text.data + 1, text.length - 1)
    if text.data[0] == c'[':
        bound.kind = ZSET_LEX_INCLUSIVE
    elif text.data[0] == c'(':
        bound.kind = ZSET_LEX_EXCLUSIVE
    elif text.length != 1:
        return False
    elif text.data[0] == c'-':
        bound.kind = ZSET_LEX_LOWEST
    elif text.data[0] == c'+':
        bound.kind = ZSET_LEX_HIGHEST
    else:
        return False
    return True


cdef bint range_or_reply(Call *call, RangeBy by, slice low, slice high,
                         Range *wanted) noexcept nogil:
    wanted.by = by
    if by == BY_RANK:
        return int_or_reply(call, low, &wanted.start) and int_or_reply(call, high, &wanted.stop)
    if by == BY_SCORE:
        wanted.scores.min_exclusive = _is_exclusive(low)
        wanted.scores.max_exclusive = _is_exclusive(high)
        if _score_bound(low, &wanted.scores.min) and _score_bound(high, &wanted.scores.max):
            return True
        error_reply(call, ERROR_SCORE_RANGE)
        return False
    if _lex_bound(low, &wanted.lex.min) and _lex_bound(high, &wanted.lex.max):
        return True
    error_reply(call, ERROR_LEX_RANGE)
    return False


cdef zset_span range_span(const entry *e, const Range *wanted, bint reverse) noexcept nogil:
    if wanted.by == BY_RANK:
        return zset_span_of_ranks(e, wanted.start, wanted.stop, reverse)
    if wanted.by == BY_SCORE:
        return zset_span_of_scores(e, &wanted.scores)
    return zset_span_of_lex(e, &wanted.lex)


# ---- counting and removing ----

cdef inline void _count_reply(Call *call, RangeBy by) noexcept nogil:
    cdef Range wanted
    cdef entry *e
    if not range_or_reply(call, by, call.argv[2], call.argv[3], &wanted):
        return
    if not key_typed_read_or_reply(call, call.argv[1], ENTRY_ZSET, &e):
        return
    reply_int(call.out, 0 if e == NULL else range_span(e, &wanted, False).count)


cdef void cmd_zcount(Call *call) noexcept nogil:
    _count_reply(call, BY_SCORE)


cdef void cmd_zlexcount(Call *call) noexcept nogil:
    _count_reply(call, BY_LEX)


cdef inline void _remove_reply(Call *call, RangeBy by) noexcept nogil:
    cdef slice key = call.argv[1]
    cdef Range wanted
    cdef zset_span span
    cdef entry *e
    if not range_or_reply(call, by, call.argv[2], call.argv[3], &wanted):
        return
    if not key_typed_or_reply(call, key, ENTRY_ZSET, &e):
        return
    span.count = 0
    if e != NULL:
        span = range_span(e, &wanted, False)
    if span.count:
        zset_remove_span(e, span)
        sorted_set_changed(call, key, e, span.count)
    reply_int(call.out, span.count)


cdef void cmd_zremrangebyrank(Call *call) noexcept nogil:
    _remove_reply(call, BY_RANK)


cdef void cmd_zremrangebyscore(Call *call) noexcept nogil:
    _remove_reply(call, BY_SCORE)


cdef void cmd_zremrangebylex(Call *call) noexcept nogil:
    _remove_reply(call, BY_LEX)


# ---- listing and storing ----

# What a command lets its arguments say; the rest is its own.
ctypedef struct RangeSyntax:
    int key                      # argument of the key; start and stop stand behind it
    bint store                   # argument 1 is where the result goes
    bint says_by                 # BYSCORE and BYLEX are options
    RangeBy by                   # ... else, or without them
    bint says_reverse            # REV is one
    bint reverse                 # ... else

ctypedef struct RangeOptions:
    RangeBy by
    bint reverse
    bint with_scores
    int64_t offset
    int64_t limit                # negative: all


cdef bint _range_option(Args *args, const RangeSyntax *syntax, RangeOptions *options,
                        bint *said_by) noexcept nogil:
    """Take BYSCORE, BYLEX, REV or WITHSCORES, where they may stand."""
    if syntax.says_reverse and not options.reverse and args_option(args, b"REV"):
        options.reverse = True
    elif syntax.says_by and not said_by[0] and args_option(args, b"BYSCORE"):
        options.by = BY_SCORE
        said_by[0] = True
    elif syntax.says_by and not said_by[0] and args_option(args, b"BYLEX"):
        options.by = BY_LEX
        said_by[0] = True
    elif not syntax.store and args_option(args, b"WITHSCORES"):
        options.with_scores = True
    else:
        return False
    return True


cdef bint _range_options_or_reply(Call *call, const RangeSyntax *syntax,
                                  RangeOptions *options) noexcept nogil:
    cdef Args args = args_from(call, syntax.key + 3)
    cdef bint said_by = False
    options.by = syntax.by
    options.reverse = syntax.reverse
    options.with_scores = False
    options.offset = 0
    options.limit = -1
    while args_left(&args):
        if _range_option(&args, syntax, options, &said_by):
            continue
        if args_left(&args) < 3 or not args_option(&args, b"LIMIT"):
            error_reply(call, ERROR_SYNTAX)
            return False
        if not int_or_reply(call, args.argv[args.at], &options.offset):
            return False
        if not int_or_reply(call, args.argv[args.at + 1], &options.limit):
            return False
        args.at += 2
    if options.limit != -1 and options.by == BY_RANK:
        error_reply(call, ERROR_LIMIT_BY_RANK)
        return False
    if options.with_scores and options.by == BY_LEX:
        error_reply(call, ERROR_SCORES_BY_LEX)
        return False
    return True


cdef void _list_span(reply *out, const entry *e, zset_span span, bint reverse,
                     bint with_scores) noexcept nogil:
    cdef bint nested = out.protocol == 3
    cdef zset_iterator iterator
    cdef slice member
    cdef double score
    reply_members_header(out, span.count, with_scores)
    zset_iterate_span(&iterator, e, span, reverse)
    if with_scores:
        while zset_next(&iterator, &member, &score):
            reply_member(out, member, score, nested)
    else:
        while zset_next(&iterator, &member, NULL):
            reply_bulk(out, member.data, member.length)


cdef entry *_span_copy(slice key, const entry *e, zset_span span, size_t count_hint,
                       bint reverse) noexcept nogil:
    """New entry, in no database, with the members of a span. Encoding on the way and order of
    adding are those of Redis: -0 tells which, as listpacks have no such score."""
    cdef entry *made = zset_new(key, ENTRY_NO_DUE, count_hint, 0, &state.zsets)
    cdef zset_iterator iterator
    cdef slice member
    cdef double score
    zset_iterate_span(&iterator, e, span, reverse)
    while zset_next(&iterator, &member, &score):
        zset_add(made, member, score, 0, NULL, &state.zsets)
    return made


cdef void _store_span(Call *call, const entry *e, zset_span span,
                      const RangeOptions *options) noexcept nogil:
    cdef size_t hint = span.count if options.by == BY_RANK else 0
    cdef entry *made = NULL
    if span.count:
        made = _span_copy(call.argv[1], e, span, hint, options.reverse)
    sorted_set_store(call, call.argv[1], made)


cdef void range_reply(Call *call, const RangeSyntax *syntax) noexcept nogil:
    """The commands that list a range or store it, by what they let the client say."""
    cdef const slice *argv = call.argv + syntax.key
    cdef RangeOptions options
    cdef Range wanted
    cdef zset_span span
    cdef entry *e
    cdef bint backwards
    if not _range_options_or_reply(call, syntax, &options):
        return
    # Where scores or texts are walked in reverse, the greater bound is said first.
    backwards = options.reverse and options.by != BY_RANK
    if not range_or_reply(call, options.by, argv[2 if backwards else 1],
                          argv[1 if backwards else 2], &wanted):
        return
    if not key_typed_read_or_reply(call, argv[0], ENTRY_ZSET, &e):
        return
    span.first = span.count = 0
    if e != NULL:
        span = range_span(e, &wanted, options.reverse)
        if options.by != BY_RANK:
            zset_span_cut(&span, options.offset, options.limit, options.reverse)
    if syntax.store:
        _store_span(call, e, span, &options)
    elif span.count:
        _list_span(call.out, e, span, options.reverse, options.with_scores)
    else:
        reply_array(call.out, 0)


cdef inline RangeSyntax _syntax(RangeBy by, bint reverse) noexcept nogil:
    """A command that says by its name what it lists."""
    cdef RangeSyntax syntax
    memset(&syntax, 0, sizeof(RangeSyntax))
    syntax.key = 1
    syntax.by = by
    syntax.reverse = reverse
    return syntax


cdef void cmd_zrange(Call *call) noexcept nogil:
    cdef RangeSyntax syntax = _syntax(BY_RANK, False)
    syntax.says_by = syntax.says_reverse = True
    range_reply(call, &syntax)


cdef void cmd_zrangestore(Call *call) noexcept nogil:
    cdef RangeSyntax syntax = _syntax(BY_RANK, False)
    syntax.says_by = syntax.says_reverse = syntax.store = True
    syntax.key = 2
    range_reply(call, &syntax)


cdef void cmd_zrevrange(Call *call) noexcept nogil:
    cdef RangeSyntax syntax = _syntax(BY_RANK, True)
    range_reply(call, &syntax)


cdef void cmd_zrangebyscore(Call *call) noexcept nogil:
    cdef RangeSyntax syntax = _syntax(BY_SCORE, False)
    range_reply(call, &syntax)


cdef void cmd_zrevrangebyscore(Call *call) noexcept nogil:
    cdef RangeSyntax syntax = _syntax(BY_SCORE, True)
    range_reply(call, &syntax)


cdef void cmd_zrangebylex(Call *call) noexcept nogil:
    cdef RangeSyntax syntax = _syntax(BY_LEX, False)
    range_reply(call, &syntax)


cdef void cmd_zrevrangebylex(Call *call) noexcept nogil:
    cdef RangeSyntax syntax = _syntax(BY_LEX, True)
    range_reply(call, &syntax)


row(b"zcount", 4, b"readonly fast", b"sorted-set", b"", b"RO,access index:1 range:0,1,0", b"",
    cmd_zcount)
row(b"zlexcount", 4, b"readonly fast", b"sorted-set", b"", b"RO,access index:1 range:0,1,0", b"",
    cmd_zlexcount)
row(b"zrange", -4, b"readonly", b"sorted-set", b"", b"RO,access index:1 range:0,1,0", b"",
    cmd_zrange)
row(b"zrangebylex", -4, b"readonly", b"sorted-set", b"", b"RO,access index:1 range:0,1,0", b"",
    cmd_zrangebylex)
row(b"zrangebyscore", -4, b"readonly", b"sorted-set", b"", b"RO,access index:1 range:0,1,0", b"",
    cmd_zrangebyscore)
row(b"zrangestore", -5, b"write denyoom", b"sorted-set", b"",
    b"OW,update index:1 range:0,1,0 ; RO,access index:2 range:0,1,0", b"", cmd_zrangestore)
row(b"zremrangebylex", 4, b"write", b"sorted-set", b"", b"RW,delete index:1 range:0,1,0", b"",
    cmd_zremrangebylex)
row(b"zremrangebyrank", 4, b"write", b"sorted-set", b"", b"RW,delete index:1 range:0,1,0", b"",
    cmd_zremrangebyrank)
row(b"zremrangebyscore", 4, b"write", b"sorted-set", b"", b"RW,delete index:1 range:0,1,0", b"",
    cmd_zremrangebyscore)
row(b"zrevrange", -4, b"readonly", b"sorted-set", b"", b"RO,access index:1 range:0,1,0", b"",
    cmd_zrevrange)
row(b"zrevrangebylex", -4, b"readonly", b"sorted-set", b"", b"RO,access index:1 range:0,1,0", b"",
    cmd_zrevrangebylex)
row(b"zrevrangebyscore", -4, b"readonly", b"sorted-set", b"", b"RO,access index:1 range:0,1,0",
    b"", cmd_zrevrangebyscore)
