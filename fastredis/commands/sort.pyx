# sort: SORT and SORT_RO: the elements of a list, a set or a sorted set, in order, or what keys
# named after them hold.
#
#   options -> elements -> weights (BY) -> order of the wanted range -> values (GET) -> reply, list
#
# Elements are copied (a compressed node of a list lends its texts for a step only) but for those of
# sets, which are borrowed; weights are borrowed of the keys that BY names. Looking up a key may
# delete it where it is due; the sorted key and those looked up before are not, at the same time.
#
# Without an order (BY with a pattern that names no *) lists and sorted sets are walked from the
# wanted element on, backwards for DESC; a set that is to be stored is sorted all the same, so that
# the result does not depend on how the set is made.
#
# Complexity: O(elements + wanted * log wanted); without an order O(wanted) but for sets.

ctypedef struct SortOptions:
    bint descending
    bint alpha
    bint unordered
    int64_t offset
    int64_t count                # negative: all
    bint has_by
    sort_pattern by
    int get_count
    int get_room
    sort_pattern *gets           # room for as many as there are arguments
    bint stores
    slice target

ctypedef struct Sorting:
    SortOptions options
    sort_items items
    sort_name name               # of the key that was looked up last
    size_t start                 # of the wanted range, in items
    size_t count
    bint bad_score


# ---- options ----

cdef bint _sort_option_or_reply(Call *call, Args *args, SortOptions *options,
                                bint may_store) noexcept nogil:
    """Take one option."""
    cdef slice value
    if args_option(args, b"ASC"):
        options.descending = False
    elif args_option(args, b"DESC"):
        options.descending = True
    elif args_option(args, b"ALPHA"):
        options.alpha = True
    elif args_left(args) >= 3 and args_option_with(args, b"LIMIT", &value):
        if not int_or_reply(call, value, &options.offset):
            return False
        args_next(args, &value)
        return int_or_reply(call, value, &options.count)
    elif may_store and args_option_with(args, b"STORE", &options.target):
        options.stores = True
    elif args_option_with(args, b"BY", &value):
        options.by = sort_pattern_of(value)
        options.has_by = True
        # A constant orders nothing, even where another BY follows. ("#" is one.)
        if options.by.target == SORT_NOTHING or options.by.target == SORT_ELEMENT:
            options.unordered = True
    elif args_option_with(args, b"GET", &value):
        options.gets[options.get_count] = sort_pattern_of(value)
        options.get_count += 1
    else:
        error_reply(call, ERROR_SYNTAX)
        return False
    return True


cdef bint _sort_options_or_reply(Call *call, SortOptions *options,
                                 bint may_store) noexcept nogil:
    cdef Args args = args_from(call, 2)
    memset(options, 0, sizeof(SortOptions))
    options.count = -1
    options.get_room = call.argc
    options.gets = <sort_pattern *>alloc_new(call.argc * sizeof(sort_pattern))
    while args_left(&args):
        if not _sort_option_or_reply(call, &args, options, may_store):
            return False
    return True


# ---- elements ----

cdef void _sort_limit(Sorting *sorting, size_t total) noexcept nogil:
    """The wanted range of so many elements."""
    cdef SortOptions *options = &sorting.options
    sorting.start = 0 if options.offset < 0 else min(<size_t>options.offset, total)
    sorting.count = total - sorting.start
    if options.count >= 0:
        sorting.count = min(sorting.count, <size_t>options.count)


cdef void _sort_list(Sorting *sorting, const entry *e, bint whole) noexcept nogil:
    cdef list_iterator iterator
    cdef slice text
    cdef bint backward = sorting.options.descending and not whole
    cdef int64_t first = 0 if whole else <int64_t>sorting.start
    cdef size_t left = list_length(e) if whole else sorting.count
    if left == 0 or not list_iterate_at(&iterator, e, -1 - first if backward else first,
                                        backward):
        return
    while left and list_next(&iterator, &text):
        sort_add(&sorting.items, sort_keep(&sorting.items, text))
        left -= 1
    list_leave(&iterator)


cdef void _sort_zset(Sorting *sorting, const entry *e, bint whole) noexcept nogil:
    cdef zset_iterator iterator
    cdef zset_span span
    cdef slice text
    cdef bint backward = sorting.options.descending and not whole
    span.first = 0
    span.count = zset_count(e)
    if not whole:
        zset_span_cut(&span, sorting.start, sorting.count, backward)
    zset_iterate_span(&iterator, e, span, backward)
    while zset_next(&iterator, &text, NULL):
        sort_add(&sorting.items, sort_keep(&sorting.items, text))


cdef void _sort_set(Sorting *sorting, const entry *e) noexcept nogil:
    cdef set_iterator iterator
    cdef slice text
    set_iterate(&iterator, e)
    while set_next(&iterator, &text):
        if text.data == iterator.digits:
            text = sort_keep(&sorting.items, text)
        sort_add(&sorting.items, text)


cdef void _sort_load(Sorting *sorting, entry *e) noexcept nogil:
    """Collect the elements: all of them, or, of what has an order of its own that is to stay, the
    wanted ones."""
    cdef SortOptions *options = &sorting.options
    cdef entry_type type = entry_get_type(e)
    if type == ENTRY_SET:
        if options.unordered and options.stores:
            options.unordered = options.has_by = False
            options.alpha = True
        _sort_limit(sorting, set_count(e))
        _sort_set(sorting, e)
        return
    if type == ENTRY_LIST:
        _sort_limit(sorting, list_length(e))
        _sort_list(sorting, e, not options.unordered)
    else:
        # As in Redis, which sorts skiplists only: the set remains one.
        zset_expect(e, SIZE_MAX, 0, &state.zsets)
        _sort_limit(sorting, zset_count(e))
        _sort_zset(sorting, e, not options.unordered)
    if options.unordered:
        sorting.start = 0


# ---- what patterns name ----

cdef bint _sort_look_up(Call *call, Sorting *sorting, const sort_pattern *pattern, slice element,
                        char *digits, slice *value) noexcept nogil:
    """The string or the field that a pattern names; False: there is none."""
    cdef entry *e
    if pattern.target == SORT_ELEMENT:
        value[0] = element
        return True
    if pattern.target == SORT_NOTHING:
        return False
    e = key_read(call, sort_name_key(&sorting.name, pattern, element))
    if e == NULL:
        return False
    if pattern.target == SORT_FIELD:
        return entry_get_type(e) == ENTRY_HASH and fields_get(e, pattern.field, state.now_ms,
                                                               value, digits)
    if entry_get_type(e) != ENTRY_STRING:
        return False
    value[0] = string_bytes(e, digits)
    return True


cdef void _sort_weigh(Call *call, Sorting *sorting) noexcept nogil:
    """Give the elements what they are ordered by."""
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef SortOptions *options = &sorting.options
    cdef sort_item *item
    cdef slice value
    cdef size_t i
    for i in range(sorting.items.count):
        item = &sorting.items.items[i]
        value = item.text
        if options.has_by and not _sort_look_up(call, sorting, &options.by, item.text, digits,
                                                &value):
            continue
        if options.alpha:
            if value.data == digits:
                value = sort_keep(&sorting.items, value)
            elif value.data == NULL:
                value.data = b""
            item.weight = value
        elif not sort_score(value, &item.score):
            item.score = 0
            sorting.bad_score = True


cdef void _sort_in_order(Call *call, Sorting *sorting) noexcept nogil:
    cdef SortOptions *options = &sorting.options
    cdef sort_order order
    order.descending = options.descending
    order.collated = not options.stores
    if not options.alpha:
        order.kind = SORT_BY_SCORE
    else:
        order.kind = SORT_BY_WEIGHT if options.has_by else SORT_BY_TEXT
    if options.has_by or not options.alpha:
        _sort_weigh(call, sorting)
    if not sorting.bad_score:
        sort_range(&sorting.items, sorting.start, sorting.count, order)


# ---- results ----

cdef void _sort_reply(Call *call, Sorting *sorting) noexcept nogil:
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef slice text, value
    cdef size_t i
    cdef int get
    reply_array(call.out, sorting.count * max(1, sorting.options.get_count))
    for i in range(sorting.start, sorting.start + sorting.count):
        text = sorting.items.items[i].text
        if sorting.options.get_count == 0:
            reply_bulk(call.out, text.data, text.length)
        for get in range(sorting.options.get_count):
            if _sort_look_up(call, sorting, &sorting.options.gets[get], text, digits, &value):
                reply_bulk(call.out, value.data, value.length)
            else:
                reply_null(call.out)


cdef void _sort_store(Call *call, Sorting *sorting) noexcept nogil:
    """Make the result a list in the place of the target; a value that is missing is empty. It
    is a quicklist until it is whole: that decides where its nodes end."""
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef slice key = sorting.options.target
    cdef uint64_t hash = key_hash(call, key)
    cdef int64_t length = sorting.count * max(1, sorting.options.get_count)
    cdef const collection_limits *limits = &state.limits.packing
    cdef slice text, value
    cdef quicklist *items
    cdef entry *made
    cdef size_t i
    cdef int get
    if length == 0:
        key_delete(call.database, key, hash)
        reply_int(call.out, 0)
        return
    items = quicklist_new(limits.list_size, limits.list_compress_depth)
    items.large_from = limits.list_node_max
    for i in range(sorting.start, sorting.start + sorting.count):
        text = sorting.items.items[i].text
        if sorting.options.get_count == 0:
            quicklist_push(items, text, False)
        for get in range(sorting.options.get_count):
            if not _sort_look_up(call, sorting, &sorting.options.gets[get], text, digits, &value):
                value = slice_of(b"", 0)
            quicklist_push(items, value, False)
    made = list_new_of(key, ENTRY_NO_DUE, items, limits)
    entry_set_clock(made, clock_new())
    key_put(call.database, made, key, hash)
    key_changed(call.database, key)
    state.dirty += length - 1
    reply_int(call.out, length)


cdef void _sort_run(Call *call, Sorting *sorting) noexcept nogil:
    """What follows the options."""
    cdef entry *e = key_read(call, call.argv[1])
    if e != NULL and entry_get_type(e) not in (ENTRY_LIST, ENTRY_SET, ENTRY_ZSET):
        error_reply(call, ERROR_WRONG_TYPE)
        return
    if e != NULL:
        _sort_load(sorting, e)
        if not sorting.options.unordered:
            _sort_in_order(call, sorting)
    if sorting.bad_score:
        error_reply(call, ERROR_SORT_SCORE)
    elif sorting.options.stores:
        _sort_store(call, sorting)
    else:
        _sort_reply(call, sorting)


cdef void _sort(Call *call, bint may_store) noexcept nogil:
    cdef Sorting sorting
    sorting.start = sorting.count = 0
    sorting.bad_score = False
    sort_begin(&sorting.items)
    sort_name_begin(&sorting.name)
    if _sort_options_or_reply(call, &sorting.options, may_store):
        _sort_run(call, &sorting)
    alloc_free(sorting.options.gets, sorting.options.get_room * sizeof(sort_pattern))
    sort_name_end(&sorting.name)
    sort_end(&sorting.items)


cdef void cmd_sort(Call *call) noexcept nogil:
    _sort(call, True)


cdef void cmd_sort_ro(Call *call) noexcept nogil:
    _sort(call, False)


row(b"sort", -2, b"write denyoom movablekeys", b"generic",
    b"+set +sortedset +list +dangerous -keyspace",
    b"RO,access index:1 range:0,1,0 ; RO,access unknown unknown "
    b'note:"BY and GET name keys after the elements, so they show only while sorting" ; '
    b'OW,update unknown unknown note:"STORE may stand anywhere among the options"',
    b"", cmd_sort)
row(b"sort_ro", -2, b"readonly movablekeys", b"generic",
    b"+set +sortedset +list +dangerous -keyspace",
    b"RO,access index:1 range:0,1,0 ; RO,access unknown unknown "
    b'note:"BY and GET name keys after the elements, so they show only while sorting"',
    b"", cmd_sort_ro)
