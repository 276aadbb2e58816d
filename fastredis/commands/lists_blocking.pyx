# lists_blocking: the commands on lists that wait until there is an element: BLPOP, BRPOP, BLMOVE,
# BRPOPLPUSH, BLMPOP. How they wait is in engine/blocking_keys.pyx; each handler runs anew when one
# of its keys has become a list.

cdef void _pop_or_wait(Call *call, bint at_head) noexcept nogil:
    cdef int last = call.argc - 1
    cdef int64_t timeout_ms
    cdef entry *e
    cdef int i
    if not timeout_or_reply(call, call.argv[last], &timeout_ms):
        return
    for i in range(1, last):
        if not list_or_reply(call, call.argv[i], &e):
            return
        if e != NULL:
            reply_array(call.out, 2)
            reply_bulk(call.out, call.argv[i].data, call.argv[i].length)
            pop_one(call, call.argv[i], e, at_head)
            return
    block_on_keys(call, call.argv + 1, 1, last - 1, timeout_ms, null_array_timed_out)


cdef void cmd_blpop(Call *call) noexcept nogil:
    _pop_or_wait(call, True)


cdef void cmd_brpop(Call *call) noexcept nogil:
    _pop_or_wait(call, False)


cdef void cmd_blmpop(Call *call) noexcept nogil:
    cdef ManyPop pop
    cdef int64_t timeout_ms
    if not many_pop_or_reply(call, 2, &pop):
        return
    if not timeout_or_reply(call, call.argv[1], &timeout_ms):
        return
    if not many_pop_try(call, &pop):
        block_on_keys(call, pop.keys, 1, pop.key_count, timeout_ms, null_array_timed_out)


cdef void _move_or_wait(Call *call, bint from_head, bint to_head, int timeout_at) noexcept nogil:
    cdef int64_t timeout_ms
    cdef entry *e
    if not timeout_or_reply(call, call.argv[timeout_at], &timeout_ms):
        return
    if not list_or_reply(call, call.argv[1], &e):
        return
    if e != NULL:
        list_move(call, e, from_head, to_head)
    elif session_may_block(call.session):
        block_on_keys(call, call.argv + 1, 1, 1, timeout_ms, null_array_timed_out)
    else:
        reply_null(call.out)     # as LMOVE; the others answer in MULTI as if time had run out


cdef void cmd_blmove(Call *call) noexcept nogil:
    cdef bint from_head, to_head
    if side_or_reply(call, call.argv[3], &from_head) and side_or_reply(call, call.argv[4],
                                                                      &to_head):
        _move_or_wait(call, from_head, to_head, 5)


cdef void cmd_brpoplpush(Call *call) noexcept nogil:
    _move_or_wait(call, False, True, 3)


row(b"blmove", 6, b"write denyoom blocking", b"list", b"",
    b"RW,access,delete index:1 range:0,1,0 ; RW,insert index:2 range:0,1,0", b"", cmd_blmove)
row(b"blmpop", -5, b"write blocking movablekeys", b"list", b"",
    b"RW,access,delete index:2 keynum:0,1,1", b"", cmd_blmpop)
row(b"blpop", -3, b"write blocking", b"list", b"", b"RW,access,delete index:1 range:-2,1,0", b"",
    cmd_blpop)
row(b"brpop", -3, b"write blocking", b"list", b"", b"RW,access,delete index:1 range:-2,1,0", b"",
    cmd_brpop)
row(b"brpoplpush", 4, b"write denyoom blocking", b"list", b"",
    b"RW,access,delete index:1 range:0,1,0 ; RW,insert index:2 range:0,1,0", b"", cmd_brpoplpush)
