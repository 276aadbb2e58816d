# sorted_sets_value: what the keyspace and RDB must know of sorted sets; csrc/zset.h has the rest.
#
#   type   value
#      3   count, then member and score: a length byte and as many digits, or 255 -inf, 254 inf
#      5   count, then member and score: 8 bytes of a double, low byte first
#     12   string: a ziplist of member, score, member ...
#     17   string: a listpack of the same
#
# Written are 17 for a listpack and 5 for a skiplist, from its end, so that a reader that inserts
# one by one inserts at the start. Read are all four: each member once, no score that is not a
# number, and no set without a member.

from libc.math cimport INFINITY
from libc.stdint cimport SIZE_MAX

from fastredis.capi.ziplist cimport ziplist_next, ziplist_open, ziplist_reader

cdef enum:
    RDB_TYPE_ZSET = 3
    RDB_TYPE_ZSET_BINARY = 5
    RDB_TYPE_ZSET_ZIPLIST = 12
    RDB_TYPE_ZSET_LISTPACK = 17
    RDB_VERSION_ZSET_BINARY = 8
    RDB_VERSION_ZSET_LISTPACK = 10
    RDB_SCORE_INFINITE = 254     # in the place of the length of digits
    RDB_SCORE_MINUS_INFINITE = 255


# ---- the value ----

cdef bint _zset_free_some(void *value, size_t budget) noexcept nogil:
    return zset_detached_step(value, budget)


cdef void _zset_bury(entry *e) noexcept nogil:
    cdef void *value = zset_detach(e)
    if value != NULL:
        bury(value, _zset_free_some)


# ---- writing ----

cdef void _zset_save(rdb_writer *writer, const entry *e) noexcept nogil:
    cdef zset_iterator iterator
    cdef const listpack *packed
    cdef slice member
    cdef double score = 0
    cdef uint64_t bits = 0
    cdef uint8_t bytes[8]
    if entry_get_encoding(e) == ENTRY_LISTPACK:
        packed = <const listpack *>entry_pointer(e)
        rdb_write_byte(writer, RDB_TYPE_ZSET_LISTPACK)
        rdb_write_string(writer, packed, listpack_bytes(packed))
        return
    rdb_write_byte(writer, RDB_TYPE_ZSET_BINARY)
    rdb_write_length(writer, zset_count(e))
    zset_iterate(&iterator, e, True)
    while zset_next(&iterator, &member, &score):
        rdb_write_string(writer, member.data, member.length)
        memcpy(&bits, &score, sizeof(bits))
        store_u64(bytes, bits)
        rdb_write_bytes(writer, bytes, sizeof(bytes))


cdef uint16_t _zset_version(const entry *e) noexcept nogil:
    if entry_get_encoding(e) == ENTRY_LISTPACK:
        return RDB_VERSION_ZSET_LISTPACK
    return RDB_VERSION_ZSET_BINARY


# ---- reading ----

cdef bint _zset_read_digits(rdb_reader *reader, double *score) noexcept nogil:
    cdef uint8_t length
    if not rdb_read_byte(reader, &length):
        return False
    if length >= RDB_SCORE_INFINITE:
        score[0] = INFINITY if length == RDB_SCORE_INFINITE else -INFINITY
        return True
    if <size_t>(reader.end - reader.at) < length:
        return False
    reader.at += length
    return number_parse_double(<const char *>reader.at - length, length, score)


cdef bint _zset_read_binary(rdb_reader *reader, double *score) noexcept nogil:
    cdef uint64_t bits
    if reader.end - reader.at < 8:
        return False
    bits = load_u64(reader.at)
    memcpy(score, &bits, sizeof(bits))
    reader.at += 8
    return score[0] == score[0]


cdef bint _zset_read_pair(rdb_reader *reader, uint8_t rdb_type, entry *e) noexcept nogil:
    """Add the next member; False where it is malformed or there already."""
    cdef char small[ENTRY_INLINE_MAX]
    cdef char *text = small
    cdef rdb_string string
    cdef double score = 0
    cdef bint good
    if not rdb_read_string(reader, &string):
        return False
    if string.length > sizeof(small):
        text = <char *>alloc_new(string.length)
    good = rdb_string_copy(&string, text)
    if good and rdb_type == RDB_TYPE_ZSET:
        good = _zset_read_digits(reader, &score)
    elif good:
        good = _zset_read_binary(reader, &score)
    if good:
        good = zset_add(e, slice_of(text, string.length), score, ZSET_NX, NULL,
                        &state.zsets) == ZSET_ADDED
    if text != small:
        alloc_free(text, string.length)
    return good


cdef entry *_zset_load(rdb_reader *reader, uint8_t rdb_type, slice key,
                       int64_t due_ms) noexcept nogil:
    """Of types 3 and 5, which are never listpacks while they grow: these lose the sign of -0."""
    cdef entry *e
    cdef uint64_t count
    if not rdb_read_length(reader, &count) or count == 0:
        return NULL
    e = zset_new(key, due_ms, SIZE_MAX, 0, &state.zsets)
    while count and _zset_read_pair(reader, rdb_type, e):
        count -= 1
    if count == 0:
        zset_compact(e, &state.zsets)
        return e
    zset_free(e)
    entry_free(e)
    return NULL


cdef entry *_zset_of_ziplist(const char *bytes, size_t length, slice key,
                             int64_t due_ms) noexcept nogil:
    cdef ziplist_reader elements
    cdef listpack *packed
    cdef slice text
    cdef entry *e
    if not ziplist_open(&elements, bytes, length, NULL):
        return NULL
    packed = listpack_new()
    while ziplist_next(&elements, &text):
        packed = listpack_append(packed, text)
    e = zset_of_listpack(key, due_ms, packed, listpack_bytes(packed), &state.zsets)
    listpack_free(packed)
    return e


cdef entry *_zset_load_packed(rdb_reader *reader, uint8_t rdb_type, slice key,
                              int64_t due_ms) noexcept nogil:
    """Of types 12 and 17."""
    cdef rdb_string string
    cdef char *bytes
    cdef entry *e = NULL
    if not rdb_read_string(reader, &string) or string.length > LISTPACK_BYTES_MAX // 2:
        return NULL
    bytes = <char *>alloc_new(string.length)
    if rdb_string_copy(&string, bytes):
        if rdb_type == RDB_TYPE_ZSET_LISTPACK:
            e = zset_of_listpack(key, due_ms, bytes, string.length, &state.zsets)
        else:
            e = _zset_of_ziplist(bytes, string.length, key, due_ms)
    alloc_free(bytes, string.length)
    return e


cdef void _zset_prefetch(const entry *e, slice member, bint near) noexcept nogil:
    if near:
        zset_prefetch_member(e, member)
    else:
        zset_prefetch(e, member)


value_register(ENTRY_ZSET, _zset_bury, zset_bytes, zset_own, _zset_save, _zset_version)
prefetch_register(ENTRY_ZSET, _zset_prefetch)
loader_register(RDB_TYPE_ZSET, _zset_load)
loader_register(RDB_TYPE_ZSET_BINARY, _zset_load)
loader_register(RDB_TYPE_ZSET_ZIPLIST, _zset_load_packed)
loader_register(RDB_TYPE_ZSET_LISTPACK, _zset_load_packed)
