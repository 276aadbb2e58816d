# entry.h: a key with its value, due time and access clock in one block; blobs.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from fastredis.capi.common cimport slice

cdef extern from "entry.h" nogil:
    ctypedef enum entry_type:
        ENTRY_STRING
        ENTRY_LIST
        ENTRY_SET
        ENTRY_ZSET
        ENTRY_HASH
        ENTRY_STREAM
    ctypedef enum entry_encoding:
        ENTRY_INT
        ENTRY_EMBSTR
        ENTRY_RAW
        ENTRY_BLOB
        ENTRY_LISTPACK
        ENTRY_QUICKLIST
        ENTRY_INTSET
        ENTRY_HASHTABLE
        ENTRY_SKIPLIST
        ENTRY_STREAM_TREE
        ENTRY_LISTPACK_EX
        ENTRY_HASHTABLE_EX
    enum:
        ENTRY_INLINE_MAX
        ENTRY_NO_DUE
    ctypedef uint8_t entry
    ctypedef struct blob:
        uint64_t references
        uint64_t length
        uint64_t capacity
        char data[1]
    ctypedef struct entry_view:
        size_t key_length
        size_t value_length
        uint8_t *key
        uint8_t *value
    entry_type entry_get_type(const entry *e)
    entry_encoding entry_get_encoding(const entry *e)
    bint entry_has_due(const entry *e)
    bint entry_has_field_dues(const entry *e)
    bint entry_is_inline(const entry *e)
    uint32_t entry_clock(const entry *e)
    void entry_set_clock(entry *e, uint32_t clock)
    int64_t entry_due(const entry *e)
    uint32_t entry_heap_position(const entry *e)
    void entry_set_heap_position(entry *e, uint32_t position)
    entry_view entry_look(const entry *e)
    const void *entry_key(const void *e, size_t *length)
    int64_t entry_number(const entry *e)
    void entry_set_number(entry *e, int64_t number)
    void *entry_pointer(const entry *e)
    void entry_set_pointer(entry *e, const void *pointer)
    blob *entry_blob(const entry *e)
    void entry_set_encoding(entry *e, entry_encoding encoding)
    size_t entry_size(const entry *e)
    entry *entry_new(entry_type type, entry_encoding encoding, slice key, int64_t due_ms,
                     size_t value_length)
    void entry_free(entry *e)
    entry *entry_set_due(entry *e, int64_t due_ms)
    entry *entry_set_inline(entry *e, entry_encoding encoding, size_t value_length)
    entry *entry_set_wide(entry *e, entry_type type, entry_encoding encoding)
    entry *entry_rename(const entry *e, slice key)
    blob *blob_new(size_t length, size_t capacity)
    blob *blob_zeros(size_t length)
    blob *blob_of(const void *data, size_t length)
    blob *blob_share(blob *b)
    void blob_release(blob *b)
    blob *blob_resize_own(blob *b, size_t length)
    size_t blob_bytes(const blob *b)
