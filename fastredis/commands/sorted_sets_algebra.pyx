# sorted_sets_algebra: unions, intersections and differences of sorted sets, and of plain sets,
# whose members count as having the score 1.
#
#   ZUNION ZINTER ZDIFF              answer the members in order
#   ZUNIONSTORE ZINTERSTORE ...      put them in the place of a key
#   ZINTERCARD                       count them, up to a limit
#
# A result is put together as a sorted set that is in no database: ordering it and looking up what
# it has so far are then the set's own work, and storing it costs nothing more.
#
# Sums depend on the order of their terms, so it is fixed: inputs from the smallest to the largest,
# those of equal size as the client names them; a difference takes them as they are. A sum or
# product that is no number counts as 0.
#
# Complexity: union O(N log N) for N members in all inputs; intersection O(n k) lookups for the n
# members of the smallest of k inputs; difference the cheaper of O(n k) lookups for the n of the
# first and O(N). Memory: the result, and 32 bytes an input.

from libc.math cimport signbit
from libc.stdlib cimport qsort

ctypedef enum AlgebraKind:
    ALGEBRA_UNION
    ALGEBRA_INTERSECTION
    ALGEBRA_DIFFERENCE

ctypedef enum Aggregate:
    AGGREGATE_SUM
    AGGREGATE_MIN
    AGGREGATE_MAX

cdef enum:
    INPUTS_ON_STACK = 16

ctypedef struct Input:
    const entry *e               # NULL: there is no such key
    size_t count
    double weight
    int place                    # among the keys as they were named

ctypedef struct ScoreAlgebra:
    AlgebraKind kind
    bint counts                  # ZINTERCARD
    Input *inputs
    int count
    int first                    # argument of the first key
    Aggregate aggregate
    bint with_scores
    int64_t limit                # of ZINTERCARD; 0: none

# A walk over an input, whatever its type.
ctypedef struct InputWalk:
    bint is_set
    zset_iterator sorted_set
    set_iterator plain


# ---- inputs ----

cdef inline bint _input_has(const Input *input, slice member, double *score) noexcept nogil:
    if input.e == NULL:
        return False
    if entry_get_type(input.e) == ENTRY_ZSET:
        return zset_score(input.e, member, score)
    score[0] = 1
    return set_has(input.e, member)


cdef void _walk_input(InputWalk *walk, const Input *input) noexcept nogil:
    """The input exists."""
    walk.is_set = entry_get_type(input.e) == ENTRY_SET
    if walk.is_set:
        set_iterate(&walk.plain, input.e)
    else:
        zset_iterate(&walk.sorted_set, input.e, False)


cdef inline bint _walk_next(InputWalk *walk, slice *member, double *score) noexcept nogil:
    if not walk.is_set:
        return zset_next(&walk.sorted_set, member, score)
    score[0] = 1
    return set_next(&walk.plain, member)


cdef int _compare_inputs(const void *a, const void *b) noexcept nogil:
    cdef const Input *first = <const Input *>a
    cdef const Input *second = <const Input *>b
    if first.count != second.count:
        return -1 if first.count < second.count else 1
    return first.place - second.place


# ---- arguments ----

cdef bint _inputs_or_reply(Call *call, ScoreAlgebra *wanted) noexcept nogil:
    """Look the keys up: each is a sorted set, a set, or missing."""
    cdef Input *input
    cdef entry *e
    cdef int i
    for i in range(wanted.count):
        e = key_read(call, call.argv[wanted.first + i])
        input = &wanted.inputs[i]
        input.e = e
        input.count = 0
        input.weight = 1
        input.place = i
        if e == NULL:
            continue
        if entry_get_type(e) == ENTRY_ZSET:
            input.count = zset_count(e)
        elif entry_get_type(e) == ENTRY_SET:
            input.count = set_count(e)
        else:
            error_reply(call, ERROR_WRONG_TYPE)
            return False
    return True


cdef bint _weights_or_reply(Call *call, Args *args, ScoreAlgebra *wanted) noexcept nogil:
    cdef slice text
    cdef int i
    for i in range(wanted.count):
        text = args.argv[args.at]
        args.at += 1
        if not number_parse_double(text.data, text.length, &wanted.inputs[i].weight):
            error_reply(call, ERROR_WEIGHT)
            return False
    return True


cdef bint _aggregate_option(Args *args, Aggregate *aggregate) noexcept nogil:
    if args_option(args, b"SUM"):
        aggregate[0] = AGGREGATE_SUM
    elif args_option(args, b"MIN"):
        aggregate[0] = AGGREGATE_MIN
    elif args_option(args, b"MAX"):
        aggregate[0] = AGGREGATE_MAX
    else:
        return False
    return True


cdef bint _algebra_options_or_reply(Call *call, ScoreAlgebra *wanted, bint store) noexcept nogil:
    cdef Args args = args_from(call, wanted.first + wanted.count)
    cdef bint aggregates = wanted.kind != ALGEBRA_DIFFERENCE and not wanted.counts
    cdef slice text
    while args_left(&args):
        if (aggregates and args_left(&args) > wanted.count
                and args_option(&args, b"WEIGHTS")):
            if not _weights_or_reply(call, &args, wanted):
                return False
        elif aggregates and args_left(&args) > 1 and args_option(&args, b"AGGREGATE"):
            if not _aggregate_option(&args, &wanted.aggregate):
                error_reply(call, ERROR_SYNTAX)
                return False
        elif not store and not wanted.counts and args_option(&args, b"WITHSCORES"):
            wanted.with_scores = True
        elif wanted.counts and args_option_with(&args, b"LIMIT", &text):
            if not number_parse_int64(text.data, text.length, &wanted.limit) or wanted.limit < 0:
                error_reply(call, ERROR_LIMIT_NEGATIVE)
                return False
        else:
            error_reply(call, ERROR_SYNTAX)
            return False
    return True


# ---- the three operations ----

cdef inline double _weighted(double score, double weight) noexcept nogil:
    score *= weight
    return 0 if isnan(score) else score


cdef inline double _aggregated(Aggregate how, double a, double b) noexcept nogil:
    if how == AGGREGATE_MIN:
        return b if b < a else a
    if how == AGGREGATE_MAX:
        return b if b > a else a
    a += b
    return 0 if isnan(a) else a


cdef inline void _result_put(entry *made, slice member, double score, bint is_new,
                             double old) noexcept nogil:
    """Put a member into the result, in which it has the score `old` where it is not new."""
    # An equal score is left as it is by zset_add, and -0 equals 0.
    if not is_new and score == old and signbit(score) != signbit(old):
        zset_remove(made, member)
    zset_add(made, member, score, 0, NULL, &state.zsets)


cdef void _unite(const ScoreAlgebra *wanted, entry *made) noexcept nogil:
    cdef const Input *input
    cdef InputWalk walk
    cdef slice member
    cdef double score, old = 0
    cdef bint is_new
    cdef int i
    for i in range(wanted.count):
        input = &wanted.inputs[i]
        if input.count == 0:
            continue
        _walk_input(&walk, input)
        while _walk_next(&walk, &member, &score):
            score = _weighted(score, input.weight)
            is_new = not zset_score(made, member, &old)
            if not is_new:
                score = _aggregated(wanted.aggregate, old, score)
            _result_put(made, member, score, is_new, old)


cdef bint _in_all(const ScoreAlgebra *wanted, slice member, double *score) noexcept nogil:
    """Whether a member of the first input is in all others; *score is aggregated."""
    cdef const Input *input
    cdef double other
    cdef int i
    score[0] = _weighted(score[0], wanted.inputs[0].weight)
    for i in range(1, wanted.count):
        input = &wanted.inputs[i]
        if not _input_has(input, member, &other):
            return False
        score[0] = _aggregated(wanted.aggregate, score[0], other * input.weight)
    return True


cdef int64_t _intersect(const ScoreAlgebra *wanted, entry *made) noexcept nogil:
    """Put what all inputs have into the result, or, where it is NULL, count it."""
    cdef InputWalk walk
    cdef slice member
    cdef double score
    cdef int64_t found = 0
    if wanted.inputs[0].count == 0:
        return 0
    _walk_input(&walk, &wanted.inputs[0])
    while _walk_next(&walk, &member, &score):
        if not _in_all(wanted, member, &score):
            continue
        found += 1
        if made != NULL:
            _result_put(made, member, score, True, 0)
        elif found == wanted.limit:
            break
    return found


cdef bint _in_another(const ScoreAlgebra *wanted, slice member) noexcept nogil:
    cdef double score
    cdef int i
    for i in range(1, wanted.count):
        if _input_has(&wanted.inputs[i], member, &score):
            return True
    return False


cdef void _take_out(const ScoreAlgebra *wanted, entry *made) noexcept nogil:
    """Remove every member of the other inputs from the result."""
    cdef InputWalk walk
    cdef slice member
    cdef double score
    cdef int i
    for i in range(1, wanted.count):
        if wanted.inputs[i].count:
            _walk_input(&walk, &wanted.inputs[i])
            while zset_count(made) and _walk_next(&walk, &member, &score):
                zset_remove(made, member)


cdef void _subtract(const ScoreAlgebra *wanted, entry *made) noexcept nogil:
    cdef const Input *first = &wanted.inputs[0]
    cdef double lookups = <double>first.count * (wanted.count - 1)
    cdef double removals = first.count
    cdef bint looks
    cdef InputWalk walk
    cdef slice member
    cdef double score
    cdef int i
    if first.count == 0:
        return
    for i in range(1, wanted.count):
        removals += wanted.inputs[i].count
    looks = lookups <= removals
    _walk_input(&walk, first)
    while _walk_next(&walk, &member, &score):
        if not (looks and _in_another(wanted, member)):
            _result_put(made, member, score, True, 0)
    if not looks:
        _take_out(wanted, made)


# ---- commands ----

cdef void _list_result(reply *out, const entry *made, bint with_scores) noexcept nogil:
    cdef zset_span span
    span.first = 0
    span.count = zset_count(made)
    _list_span(out, made, span, False, with_scores)


cdef void _combine_scored(Call *call, ScoreAlgebra *wanted, bint store) noexcept nogil:
    """What is asked for is known and looked up: do it and answer."""
    cdef entry *made
    if wanted.kind != ALGEBRA_DIFFERENCE:
        qsort(wanted.inputs, wanted.count, sizeof(Input), _compare_inputs)
    if wanted.counts:
        reply_int(call.out, _intersect(wanted, NULL))
        return
    made = sorted_set_result(call.argv[1])
    if wanted.kind == ALGEBRA_UNION:
        _unite(wanted, made)
    elif wanted.kind == ALGEBRA_INTERSECTION:
        _intersect(wanted, made)
    else:
        _subtract(wanted, made)
    if store:
        sorted_set_store(call, call.argv[1], made)
        return
    _list_result(call.out, made, wanted.with_scores)
    value_free(made)
    entry_free(made)


cdef void algebra_reply(Call *call, AlgebraKind kind, bint store, bint counts) noexcept nogil:
    cdef Input few[INPUTS_ON_STACK]
    cdef int at = 2 if store else 1
    cdef size_t size = 0
    cdef ScoreAlgebra wanted
    cdef int64_t count
    if not int_or_reply(call, call.argv[at], &count):
        return
    if count < 1:
        error_no_input_keys(call)
        return
    if count > call.argc - at - 1:
        error_reply(call, ERROR_SYNTAX)
        return
    memset(&wanted, 0, sizeof(ScoreAlgebra))
    wanted.kind = kind
    wanted.counts = counts
    wanted.first = at + 1
    wanted.count = count
    wanted.inputs = few
    if count > INPUTS_ON_STACK:
        size = count * sizeof(Input)
        wanted.inputs = <Input *>alloc_new(size)
    if _inputs_or_reply(call, &wanted) and _algebra_options_or_reply(call, &wanted, store):
        _combine_scored(call, &wanted, store)
    if size:
        alloc_free(wanted.inputs, size)


cdef void cmd_zunion(Call *call) noexcept nogil:
    algebra_reply(call, ALGEBRA_UNION, False, False)


cdef void cmd_zunionstore(Call *call) noexcept nogil:
    algebra_reply(call, ALGEBRA_UNION, True, False)


cdef void cmd_zinter(Call *call) noexcept nogil:
    algebra_reply(call, ALGEBRA_INTERSECTION, False, False)


cdef void cmd_zinterstore(Call *call) noexcept nogil:
    algebra_reply(call, ALGEBRA_INTERSECTION, True, False)


cdef void cmd_zintercard(Call *call) noexcept nogil:
    algebra_reply(call, ALGEBRA_INTERSECTION, False, True)


cdef void cmd_zdiff(Call *call) noexcept nogil:
    algebra_reply(call, ALGEBRA_DIFFERENCE, False, False)


cdef void cmd_zdiffstore(Call *call) noexcept nogil:
    algebra_reply(call, ALGEBRA_DIFFERENCE, True, False)


row(b"zdiff", -3, b"readonly", b"sorted-set", b"", b"RO,access index:1 keynum:0,1,1", b"",
    cmd_zdiff)
row(b"zdiffstore", -4, b"write denyoom", b"sorted-set", b"",
    b"OW,update index:1 range:0,1,0 ; RO,access index:2 keynum:0,1,1", b"", cmd_zdiffstore)
row(b"zinter", -3, b"readonly", b"sorted-set", b"", b"RO,access index:1 keynum:0,1,1", b"",
    cmd_zinter)
row(b"zintercard", -3, b"readonly", b"sorted-set", b"", b"RO,access index:1 keynum:0,1,1", b"",
    cmd_zintercard)
row(b"zinterstore", -4, b"write denyoom", b"sorted-set", b"",
    b"OW,update index:1 range:0,1,0 ; RO,access index:2 keynum:0,1,1", b"", cmd_zinterstore)
row(b"zunion", -3, b"readonly", b"sorted-set", b"", b"RO,access index:1 keynum:0,1,1", b"",
    cmd_zunion)
row(b"zunionstore", -4, b"write denyoom", b"sorted-set", b"",
    b"OW,update index:1 range:0,1,0 ; RO,access index:2 keynum:0,1,1", b"", cmd_zunionstore)
