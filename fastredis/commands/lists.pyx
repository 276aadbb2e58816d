# lists: commands on lists that answer at once, and how lists are saved; those that wait are in
# lists_blocking.pyx.
#
# A command looks its list up once, works through csrc/list.h, and says what it has removed with
# list_removed: an emptied list goes with its key, a short one becomes a listpack again.

cdef enum:
    LISTS_BURIED_FROM = 64       # elements from which on a dropped list is freed in ticks
    MOVED_TEXT_MAX = 512         # longer texts are copied to the heap on their way
    # How RDB files hold lists, from the oldest form to the one that is written.
    RDB_TYPE_LIST = 1            # elements
    RDB_TYPE_LIST_ZIPLIST = 10
    RDB_TYPE_LIST_QUICKLIST = 14  # ziplists
    RDB_TYPE_LIST_QUICKLIST_2 = 18  # nodes of either kind:
    RDB_NODE_PLAIN = 1
    RDB_NODE_PACKED = 2


cdef inline bint list_or_reply(Call *call, slice key, entry **e) noexcept nogil:
    return key_typed_or_reply(call, key, ENTRY_LIST, e)


cdef inline bint list_read_or_reply(Call *call, slice key, entry **e) noexcept nogil:
    return key_typed_read_or_reply(call, key, ENTRY_LIST, e)


cdef inline void list_removed(Database *db, slice key, entry *e, int64_t count) noexcept nogil:
    """Say that `count` elements have left a list; takes the key away where it was all."""
    if unlikely(list_length(e) == 0):
        key_remove_emptied(db, key)
    else:
        list_shrink(e, &state.limits.packing)
    state.dirty += count - 1
    key_changed(db, key)


# ---- pushing ----

cdef void _push(Call *call, bint at_head, bint only_existing) noexcept nogil:
    cdef slice key = call.argv[1]
    cdef size_t bytes = 0
    cdef entry *e
    cdef int i
    if not list_or_reply(call, key, &e):
        return
    if e == NULL:
        if only_existing:
            reply_int(call.out, 0)
            return
        e = list_new(key, ENTRY_NO_DUE)
        key_insert(call.database, e, key_hash(call, key))
    # What comes together converts together: no element is put into a listpack in vain.
    for i in range(2, call.argc):
        bytes += call.argv[i].length
    list_expect(e, bytes, call.argc - 2, &state.limits.packing)
    for i in range(2, call.argc):
        list_put(e, call.argv[i], at_head)
    reply_int(call.out, list_length(e))
    state.dirty += call.argc - 3
    key_changed(call.database, key)


cdef void cmd_lpush(Call *call) noexcept nogil:
    _push(call, True, False)


cdef void cmd_rpush(Call *call) noexcept nogil:
    _push(call, False, False)


cdef void cmd_lpushx(Call *call) noexcept nogil:
    _push(call, True, True)


cdef void cmd_rpushx(Call *call) noexcept nogil:
    _push(call, False, True)


# ---- popping ----

cdef void reply_elements(reply *out, const entry *e, int64_t start, int64_t count,
                         bint backward) noexcept nogil:
    """An array of `count` elements from `start` on, all of which are there."""
    cdef list_iterator iterator
    cdef slice value
    reply_array(out, count)
    if count == 0:
        return
    list_iterate_at(&iterator, e, start, backward)
    while count and list_next(&iterator, &value):
        reply_bulk(out, value.data, value.length)
        count -= 1
    list_leave(&iterator)


cdef void pop_one(Call *call, slice key, entry *e, bint at_head) noexcept nogil:
    """Answer the element at an end and take it out."""
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef slice value = list_end(e, at_head, digits)
    reply_bulk(call.out, value.data, value.length)
    list_pop(e, at_head)
    list_removed(call.database, key, e, 1)


cdef void pop_many(Call *call, slice key, entry *e, bint at_head, int64_t count) noexcept nogil:
    """Answer up to `count` elements of an end, from the end inwards, and take them out."""
    cdef int64_t length = list_length(e)
    cdef int64_t i
    count = min(count, length)
    reply_elements(call.out, e, 0 if at_head else -1, count, not at_head)
    if count == length:
        key_remove_emptied(call.database, key)
        state.dirty += count - 1
        key_changed(call.database, key)
        return
    if count < 16:
        for i in range(count):
            list_pop(e, at_head)
    else:
        list_remove_range(e, 0 if at_head else length - count, count)
    list_removed(call.database, key, e, count)


cdef void _pop(Call *call, bint at_head) noexcept nogil:
    cdef slice key = call.argv[1]
    cdef int64_t count = 0
    cdef entry *e
    if call.argc > 3:
        error_arity(call)
        return
    if call.argc == 3 and not positive_or_reply(call, call.argv[2], ERROR_POSITIVE, &count):
        return
    if not list_or_reply(call, key, &e):
        return
    if e == NULL:
        if call.argc == 3:
            reply_null_array(call.out)
        else:
            reply_null(call.out)
    elif call.argc == 2:
        pop_one(call, key, e, at_head)
    elif count == 0:
        reply_array(call.out, 0)
    else:
        pop_many(call, key, e, at_head, count)


cdef void cmd_lpop(Call *call) noexcept nogil:
    _pop(call, True)


cdef void cmd_rpop(Call *call) noexcept nogil:
    _pop(call, False)


# ---- LMPOP ----

ctypedef struct ManyPop:
    const slice *keys
    int key_count
    bint at_head
    int64_t count


cdef bint side_or_reply(Call *call, slice text, bint *is_head) noexcept nogil:
    """LEFT or RIGHT."""
    is_head[0] = slice_is(text, b"LEFT")
    if is_head[0] or slice_is(text, b"RIGHT"):
        return True
    error_reply(call, ERROR_SYNTAX)
    return False


cdef bint many_pop_or_reply(Call *call, int numkeys_at, ManyPop *pop) noexcept nogil:
    """numkeys key [key ...] LEFT | RIGHT [COUNT count]"""
    cdef Args args
    cdef slice text
    cdef int64_t key_count
    text = call.argv[numkeys_at]
    if not number_parse_int64(text.data, text.length, &key_count) or key_count < 1:
        error_reply(call, ERROR_NUMKEYS_POSITIVE)
        return False
    if key_count >= call.argc - numkeys_at - 1:
        error_reply(call, ERROR_SYNTAX)
        return False
    pop.keys = call.argv + numkeys_at + 1
    pop.key_count = <int>key_count
    args = args_from(call, numkeys_at + 1 + pop.key_count)
    pop.count = 0
    if not side_or_reply(call, args.argv[args.at], &pop.at_head):
        return False
    args.at += 1
    while args_left(&args):
        if pop.count or not args_option_with(&args, b"COUNT", &text):
            error_reply(call, ERROR_SYNTAX)
            return False
        if not number_parse_int64(text.data, text.length, &pop.count) or pop.count < 1:
            error_reply(call, ERROR_COUNT_POSITIVE)
            return False
    pop.count = max(pop.count, 1)
    return True


cdef bint many_pop_try(Call *call, const ManyPop *pop) noexcept nogil:
    """Pop from the first of the keys that has a list, and answer; False: none has. (A key of
    another type before it is answered with an error.)"""
    cdef entry *e
    cdef int i
    for i in range(pop.key_count):
        if not list_or_reply(call, pop.keys[i], &e):
            return True
        if e != NULL:
            reply_array(call.out, 2)
            reply_bulk(call.out, pop.keys[i].data, pop.keys[i].length)
            pop_many(call, pop.keys[i], e, pop.at_head, pop.count)
            return True
    return False


cdef void cmd_lmpop(Call *call) noexcept nogil:
    cdef ManyPop pop
    if many_pop_or_reply(call, 1, &pop) and not many_pop_try(call, &pop):
        reply_null_array(call.out)


# ---- moving ----

cdef void _rotate(Call *call, entry *e, slice key, bint from_head, bint to_head) noexcept nogil:
    """Move an element from one end of a list to the other (or to where it was)."""
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef char short_text[MOVED_TEXT_MAX]
    cdef slice value = list_end(e, from_head, digits)
    cdef char *copy = short_text
    if value.length > sizeof(short_text):
        copy = <char *>alloc_new(value.length)
    memcpy(copy, value.data, value.length)
    list_pop(e, from_head)
    list_push(e, slice_of(copy, value.length), to_head, &state.limits.packing)
    list_shrink(e, &state.limits.packing)
    reply_bulk(call.out, copy, value.length)
    if copy != short_text:
        lazyfree_block(copy, value.length)
    key_changed(call.database, key)


cdef void list_move(Call *call, entry *e, bint from_head, bint to_head) noexcept nogil:
    """Move an element from the list of the first key to that of the second, and answer it."""
    cdef char digits[NUMBER_INT64_MAX_LENGTH]
    cdef slice source = call.argv[1], target = call.argv[2]
    cdef slice value
    cdef entry *to
    if slice_equal(source, target):
        _rotate(call, e, source, from_head, to_head)
        return
    if not list_or_reply(call, target, &to):
        return
    if to == NULL:
        to = list_new(target, ENTRY_NO_DUE)
        key_insert(call.database, to, key_hash(call, target))
    value = list_end(e, from_head, digits)
    list_push(to, value, to_head, &state.limits.packing)
    reply_bulk(call.out, value.data, value.length)
    key_touched(call.database, target)
    list_pop(e, from_head)
    list_removed(call.database, source, e, 1)


cdef void _move_at_once(Call *call, bint from_head, bint to_head) noexcept nogil:
    cdef entry *e
    if not list_or_reply(call, call.argv[1], &e):
        return
    if e == NULL:
        reply_null(call.out)
    else:
        list_move(call, e, from_head, to_head)


cdef void cmd_lmove(Call *call) noexcept nogil:
    cdef bint from_head, to_head
    if side_or_reply(call, call.argv[3], &from_head) and side_or_reply(call, call.argv[4],
                                                                      &to_head):
        _move_at_once(call, from_head, to_head)


cdef void cmd_rpoplpush(Call *call) noexcept nogil:
    _move_at_once(call, False, True)


# ---- reading ----

cdef void cmd_llen(Call *call) noexcept nogil:
    cdef entry *e
    if list_read_or_reply(call, call.argv[1], &e):
        reply_int(call.out, list_length(e) if e != NULL else 0)


cdef void cmd_lindex(Call *call) noexcept nogil:
    cdef list_iterator iterator
    cdef slice value
    cdef int64_t index
    cdef entry *e
    if not list_read_or_reply(call, call.argv[1], &e):
        return
    if e == NULL:
        reply_null(call.out)
        return
    if not int_or_reply(call, call.argv[2], &index):
        return
    if list_iterate_at(&iterator, e, index, False):
        list_next(&iterator, &value)
        reply_bulk(call.out, value.data, value.length)
        list_leave(&iterator)
    else:
        reply_null(call.out)


cdef bint clip_range(int64_t length, int64_t *start, int64_t *end) noexcept nogil:
    """Make both ends positions of the list, as Redis counts them; False: nothing lies between."""
    if start[0] < 0:
        start[0] += length
    if end[0] < 0:
        end[0] += length
    start[0] = max(start[0], 0)
    end[0] = min(end[0], length - 1)
    return start[0] <= end[0]


cdef void cmd_lrange(Call *call) noexcept nogil:
    cdef int64_t start, end
    cdef entry *e
    if not int_or_reply(call, call.argv[2], &start) or not int_or_reply(call, call.argv[3], &end):
        return
    if not list_read_or_reply(call, call.argv[1], &e):
        return
    if e == NULL or not clip_range(list_length(e), &start, &end):
        reply_array(call.out, 0)
    else:
        reply_elements(call.out, e, start, end - start + 1, False)


# ---- LPOS ----

ctypedef struct Search:
    bint backward
    int64_t rank                 # of the first match that is told, from 1
    int64_t count                # how many are told; 0: all; -1: one, not as an array
    int64_t most                 # elements looked at; 0: all


cdef bint _search_options_or_reply(Call *call, Search *search) noexcept nogil:
    cdef Args args = args_from(call, 3)
    cdef slice text
    search.backward = False
    search.rank = 1
    search.count = -1
    search.most = 0
    while args_left(&args):
        if args_option_with(&args, b"RANK", &text):
            if not int_or_reply(call, text, &search.rank):
                return False
            if search.rank == INT64_MIN:
                error_reply(call, ERROR_NOT_NEGATABLE)
                return False
            if search.rank == 0:
                error_reply(call, ERROR_RANK_ZERO)
                return False
        elif args_option_with(&args, b"COUNT", &text):
            if not positive_or_reply(call, text, ERROR_COUNT_NEGATIVE, &search.count):
                return False
        elif args_option_with(&args, b"MAXLEN", &text):
            if not positive_or_reply(call, text, ERROR_MAXLEN_NEGATIVE, &search.most):
                return False
        else:
            error_reply(call, ERROR_SYNTAX)
            return False
    if search.rank < 0:
        search.backward = True
        search.rank = -search.rank
    return True


cdef int64_t _search(Call *call, const entry *e, const Search *search) noexcept nogil:
    """Write the positions of the matches; returns their number. Of a single one nothing but the
    first is written."""
    cdef list_iterator iterator
    cdef int64_t length = list_length(e)
    cdef int64_t at = 0, matches = 0, told = 0
    cdef int64_t most = search.most if search.most else length
    cdef slice wanted = call.argv[2]
    list_iterate(&iterator, e, search.backward)
    while at < most and list_step(&iterator):
        if list_matches(&iterator, wanted):
            matches += 1
            if matches >= search.rank:
                reply_int(call.out, length - 1 - at if search.backward else at)
                told += 1
                if told == search.count or search.count < 0:
                    break
        at += 1
    list_leave(&iterator)
    return told


cdef void cmd_lpos(Call *call) noexcept nogil:
    cdef Search search
    cdef size_t place
    cdef int64_t told = 0
    cdef entry *e
    if not _search_options_or_reply(call, &search):
        return
    if not list_read_or_reply(call, call.argv[1], &e):
        return
    place = reply_later(call.out)
    if e != NULL:
        told = _search(call, e, &search)
    if search.count >= 0:
        reply_insert(call.out, place, reply_write_array, told)
    elif told == 0:
        reply_null(call.out)


# ---- changing anywhere ----

cdef void cmd_lset(Call *call) noexcept nogil:
    cdef slice key = call.argv[1], value = call.argv[3]
    cdef list_iterator iterator
    cdef int64_t index
    cdef entry *e
    if not list_or_reply(call, key, &e):
        return
    if e == NULL:
        error_reply(call, ERROR_NO_KEY)
        return
    if not int_or_reply(call, call.argv[2], &index):
        return
    list_expect(e, value.length, 1, &state.limits.packing)
    if not list_iterate_at(&iterator, e, index, False):
        error_reply(call, ERROR_INDEX_OUT_OF_RANGE)
        return
    list_step(&iterator)
    list_replace(&iterator, e, value)
    list_shrink(e, &state.limits.packing)
    key_changed(call.database, key)
    reply_ok(call.out)


cdef void cmd_linsert(Call *call) noexcept nogil:
    cdef slice key = call.argv[1], pivot = call.argv[3], value = call.argv[4]
    cdef bint after = slice_is(call.argv[2], b"AFTER")
    cdef list_iterator iterator
    cdef entry *e
    if not after and not slice_is(call.argv[2], b"BEFORE"):
        error_reply(call, ERROR_SYNTAX)
        return
    if not list_or_reply(call, key, &e):
        return
    if e == NULL:
        reply_int(call.out, 0)
        return
    list_expect(e, value.length, 1, &state.limits.packing)
    list_iterate(&iterator, e, False)
    while list_step(&iterator):
        if list_matches(&iterator, pivot):
            list_insert(&iterator, e, value, after)
            key_changed(call.database, key)
            reply_int(call.out, list_length(e))
            return
    reply_int(call.out, -1)


cdef void cmd_lrem(Call *call) noexcept nogil:
    cdef slice key = call.argv[1], value = call.argv[3]
    cdef list_iterator iterator
    cdef int64_t count, removed = 0
    cdef bint goes_on = True
    cdef entry *e
    if not int_or_reply(call, call.argv[2], &count):
        return
    if count == INT64_MIN:
        error_reply(call, ERROR_NOT_NEGATABLE)
        return
    if not list_or_reply(call, key, &e):
        return
    if e == NULL:
        reply_int(call.out, 0)
        return
    list_iterate(&iterator, e, count < 0)
    count = -count if count < 0 else count
    while goes_on and list_step(&iterator):
        if list_matches(&iterator, value):
            goes_on = list_remove(&iterator, e)
            removed += 1
            if removed == count:
                break
    list_leave(&iterator)
    if removed:
        list_removed(call.database, key, e, removed)
    reply_int(call.out, removed)


cdef void cmd_ltrim(Call *call) noexcept nogil:
    cdef slice key = call.argv[1]
    cdef int64_t start, end, length
    cdef entry *e
    if not int_or_reply(call, call.argv[2], &start) or not int_or_reply(call, call.argv[3], &end):
        return
    if not list_or_reply(call, key, &e):
        return
    if e == NULL:
        reply_ok(call.out)
        return
    length = list_length(e)
    if clip_range(length, &start, &end):
        list_remove_range(e, end + 1, length - 1 - end)
        list_remove_range(e, 0, start)
        list_removed(call.database, key, e, length - (end - start + 1))
    else:
        key_remove_emptied(call.database, key)
        state.dirty += length - 1
        key_changed(call.database, key)
    reply_ok(call.out)


# ---- the value: freeing, copying ----

cdef bint _free_list_step(void *value, size_t budget) noexcept nogil:
    return quicklist_free_some(<quicklist *>value, budget)


cdef void _list_free(entry *e) noexcept nogil:
    if not list_is_packed(e) and list_quick(e).count >= LISTS_BURIED_FROM:
        bury(list_quick(e), _free_list_step)
    else:
        list_free(e)


cdef void list_describe(const entry *e, char *text, size_t capacity) noexcept nogil:
    """What DEBUG OBJECT tells of a quicklist, with a blank before it."""
    cdef const quicklist *list = list_quick(e)
    cdef const quicklist_node *node = list.head
    cdef size_t bytes = 0
    while node != NULL:
        bytes += quicklist_node_bytes(node)
        node = node.next
    snprintf(text, capacity, b" ql_nodes:%u ql_avg_node:%.2f ql_listpack_max:%d ql_compressed:%d "
             b"ql_uncompressed_size:%lu", list.nodes, <double>list.count / list.nodes, list.fill,
             list.depth != 0, <unsigned long>bytes)


# ---- saving: a list of nodes, each a listpack or one big element ----

cdef void _list_save(rdb_writer *writer, const entry *e) noexcept nogil:
    cdef const quicklist_node *node
    rdb_write_byte(writer, RDB_TYPE_LIST_QUICKLIST_2)
    if list_is_packed(e):
        rdb_write_length(writer, 1)
        rdb_write_length(writer, RDB_NODE_PACKED)
        rdb_write_string(writer, list_pack(e), listpack_bytes(list_pack(e)))
        return
    rdb_write_length(writer, list_quick(e).nodes)
    node = list_quick(e).head
    while node != NULL:
        rdb_write_length(writer, RDB_NODE_PLAIN if node.is_plain else RDB_NODE_PACKED)
        if node.is_compressed:
            rdb_write_compressed(writer, node.block, node.capacity, node.raw_bytes)
        else:
            rdb_write_string(writer, quicklist_node_listpack(node), quicklist_node_bytes(node))
        node = node.next


cdef uint16_t _list_version(const entry *e) noexcept nogil:
    return 10                    # listpacks came with Redis 7.0


# ---- loading ----

cdef bint _load_packed(quicklist *list, const char *bytes, size_t length) noexcept nogil:
    """Append a listpack as it came; an empty one is passed over."""
    cdef uint8_t *block
    if not listpack_check(bytes, length):
        return False
    if listpack_first(<const uint8_t *>bytes) == NULL:
        return True
    block = <uint8_t *>alloc_new(length)
    memcpy(block, bytes, length)
    quicklist_take_listpack(list, block, length)
    return True


cdef bint _load_ziplist(quicklist *list, const char *bytes, size_t length) noexcept nogil:
    """Append the elements of a ziplist that was the whole list."""
    cdef ziplist_reader reader
    cdef slice text
    if not ziplist_open(&reader, bytes, length, NULL):
        return False
    while ziplist_next(&reader, &text):
        quicklist_push(list, text, False)
    return True


cdef bint _load_ziplist_node(quicklist *list, const char *bytes, size_t length) noexcept nogil:
    """Append a ziplist that was a node, as a node."""
    cdef ziplist_reader reader
    cdef bint is_first = True
    cdef slice text
    if length >= LISTPACK_BYTES_MAX // 4 or not ziplist_open(&reader, bytes, length, NULL):
        return False
    while ziplist_next(&reader, &text):
        quicklist_extend(list, text, is_first)
        is_first = False
    return True


cdef bint _load_plain(quicklist *list, const char *bytes, size_t length) noexcept nogil:
    if length == 0:
        return False
    quicklist_append_plain(list, slice_of(bytes, length))
    return True


cdef bint _load_element(quicklist *list, const char *bytes, size_t length) noexcept nogil:
    quicklist_push(list, slice_of(bytes, length), False)
    return True

ctypedef bint (*NodeLoad)(quicklist *list, const char *bytes, size_t length) noexcept nogil


cdef bint _load_string(rdb_reader *reader, quicklist *list, NodeLoad load) noexcept nogil:
    """Read a string and append what it holds; it is copied only where it is packed itself."""
    cdef rdb_string string
    cdef char *text
    cdef bint good
    if not rdb_read_string(reader, &string):
        return False
    if string.form == RDB_STRING_TEXT:
        return load(list, string.bytes, string.length)
    text = <char *>alloc_new(string.length)
    good = rdb_string_copy(&string, text) and load(list, text, string.length)
    lazyfree_block(text, string.length)
    return good


cdef bint _load_nodes(rdb_reader *reader, uint8_t rdb_type, quicklist *list) noexcept nogil:
    cdef uint64_t count = 1, container
    cdef NodeLoad load = _load_ziplist_node
    if rdb_type == RDB_TYPE_LIST_ZIPLIST:
        load = _load_ziplist
    elif not rdb_read_length(reader, &count):
        return False
    if rdb_type == RDB_TYPE_LIST:
        load = _load_element
    while count:
        if rdb_type == RDB_TYPE_LIST_QUICKLIST_2:
            if not rdb_read_length(reader, &container):
                return False
            if container != RDB_NODE_PLAIN and container != RDB_NODE_PACKED:
                return False
            load = _load_plain if container == RDB_NODE_PLAIN else _load_packed
        if not _load_string(reader, list, load):
            return False
        count -= 1
    return list.count != 0


cdef entry *_list_load(rdb_reader *reader, uint8_t rdb_type, slice key,
                       int64_t due_ms) noexcept nogil:
    cdef quicklist *list = quicklist_new(state.limits.packing.list_size,
                                         state.limits.packing.list_compress_depth)
    list.large_from = state.limits.packing.list_node_max
    if _load_nodes(reader, rdb_type, list):
        if rdb_type == RDB_TYPE_LIST_ZIPLIST:
            # Of this oldest form Redis makes a quicklist however short it is.
            return collection_new(key, ENTRY_LIST, ENTRY_QUICKLIST, list, due_ms)
        return list_new_of(key, due_ms, list, &state.limits.packing)
    quicklist_free_some(list, <size_t>-1)
    return NULL


value_register(ENTRY_LIST, _list_free, list_bytes, list_own, _list_save, _list_version)
loader_register(RDB_TYPE_LIST, _list_load)
loader_register(RDB_TYPE_LIST_ZIPLIST, _list_load)
loader_register(RDB_TYPE_LIST_QUICKLIST, _list_load)
loader_register(RDB_TYPE_LIST_QUICKLIST_2, _list_load)

row(b"lindex", 3, b"readonly", b"list", b"", b"RO,access index:1 range:0,1,0", b"", cmd_lindex)
row(b"linsert", 5, b"write denyoom", b"list", b"", b"RW,insert index:1 range:0,1,0", b"",
    cmd_linsert)
row(b"llen", 2, b"readonly fast", b"list", b"", b"RO index:1 range:0,1,0", b"", cmd_llen)
row(b"lmove", 5, b"write denyoom", b"list", b"",
    b"RW,access,delete index:1 range:0,1,0 ; RW,insert index:2 range:0,1,0", b"", cmd_lmove)
row(b"lmpop", -4, b"write movablekeys", b"list", b"", b"RW,access,delete index:1 keynum:0,1,1",
    b"", cmd_lmpop)
row(b"lpop", -2, b"write fast", b"list", b"", b"RW,access,delete index:1 range:0,1,0", b"",
    cmd_lpop)
row(b"lpos", -3, b"readonly", b"list", b"", b"RO,access index:1 range:0,1,0", b"", cmd_lpos)
row(b"lpush", -3, b"write denyoom fast", b"list", b"", b"RW,insert index:1 range:0,1,0", b"",
    cmd_lpush)
row(b"lpushx", -3, b"write denyoom fast", b"list", b"", b"RW,insert index:1 range:0,1,0", b"",
    cmd_lpushx)
row(b"lrange", 4, b"readonly", b"list", b"", b"RO,access index:1 range:0,1,0", b"", cmd_lrange)
row(b"lrem", 4, b"write", b"list", b"", b"RW,delete index:1 range:0,1,0", b"", cmd_lrem)
row(b"lset", 4, b"write denyoom", b"list", b"", b"RW,update index:1 range:0,1,0", b"", cmd_lset)
row(b"ltrim", 4, b"write", b"list", b"", b"RW,delete index:1 range:0,1,0", b"", cmd_ltrim)
row(b"rpop", -2, b"write fast", b"list", b"", b"RW,access,delete index:1 range:0,1,0", b"",
    cmd_rpop)
row(b"rpoplpush", 3, b"write denyoom", b"list", b"",
    b"RW,access,delete index:1 range:0,1,0 ; RW,insert index:2 range:0,1,0", b"", cmd_rpoplpush)
row(b"rpush", -3, b"write denyoom fast", b"list", b"", b"RW,insert index:1 range:0,1,0", b"",
    cmd_rpush)
row(b"rpushx", -3, b"write denyoom fast", b"list", b"", b"RW,insert index:1 range:0,1,0", b"",
    cmd_rpushx)
