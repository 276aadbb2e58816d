# elements_ahead: which commands begin with a look for one element of a big collection, and how that
# look is prepared. batch_run calls it for commands that are yet to run, so that the misses of one
# command pass while others work: bucket of the element first, what stands there later.
#
# A position is that of the first element of a command line without options. With options there,
# something else is looked for in vain, which costs a few nanoseconds and nothing else.

cdef void _fields_ahead(const entry *e, slice name, bint near) noexcept nogil:
    if near:
        fields_prefetch_field(e, name)
    else:
        fields_prefetch(e, name)


cdef void _set_ahead(const entry *e, slice member, bint near) noexcept nogil:
    if near:
        set_prefetch_member(e, set_hash(&state.sets, member))
    else:
        set_prefetch(e, set_hash(&state.sets, member))


cdef void _zset_ahead(const entry *e, slice member, bint near) noexcept nogil:
    if near:
        zset_prefetch_member(e, member)
    else:
        zset_prefetch(e, member)


prefetch_register(ENTRY_HASH, _fields_ahead)
prefetch_register(ENTRY_SET, _set_ahead)
prefetch_register(ENTRY_ZSET, _zset_ahead)

row_element(b"hdel", 2)
row_element(b"hexists", 2)
row_element(b"hget", 2)
row_element(b"hincrby", 2)
row_element(b"hincrbyfloat", 2)
row_element(b"hmget", 2)
row_element(b"hmset", 2)
row_element(b"hset", 2)
row_element(b"hsetnx", 2)
row_element(b"hstrlen", 2)

row_element(b"sadd", 2)
row_element(b"sismember", 2)
row_element(b"smismember", 2)
row_element(b"smove", 3)
row_element(b"srem", 2)

row_element(b"geoadd", 4)
row_element(b"geodist", 2)
row_element(b"geohash", 2)
row_element(b"geopos", 2)
row_element(b"zadd", 3)
row_element(b"zincrby", 3)
row_element(b"zmscore", 2)
row_element(b"zrank", 2)
row_element(b"zrem", 2)
row_element(b"zrevrank", 2)
row_element(b"zscore", 2)
