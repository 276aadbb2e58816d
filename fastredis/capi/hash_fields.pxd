# hash_fields.h: the hash behind one key.
from libc.stdint cimport int64_t, uint32_t
from fastredis.capi.common cimport slice
from fastredis.capi.entry cimport blob, entry
from fastredis.capi.field_table cimport field_table
from fastredis.capi.hash cimport hash_seed
from fastredis.capi.hashtable cimport hashtable, hashtable_type
from fastredis.capi.listpack cimport listpack
from fastredis.capi.packing cimport collection_limits
from fastredis.capi.random cimport random_state

cdef extern from "hash_fields.h" nogil:
    ctypedef struct fields_settings:
        const collection_limits *limits
        hashtable_type table
    ctypedef struct field_item:
        slice name
        slice value
        blob *large
        int64_t due_ms
    ctypedef struct fields_iterator:
        int64_t now_ms
    ctypedef struct fields_draw:
        size_t alive
        size_t left
    void fields_settings_init(fields_settings *settings, const collection_limits *limits,
                              const hash_seed *seed)
    entry *fields_new(slice key, int64_t due_ms)
    void fields_own(entry *copy)
    void fields_free(entry *e)
    bint fields_is_big(const entry *e)
    field_table *fields_detach(entry *e)
    size_t fields_count(const entry *e)
    size_t fields_count_alive(const entry *e, int64_t now_ms)
    bint fields_find(const entry *e, slice name, int64_t now_ms, field_item *item)
    bint fields_get(const entry *e, slice name, int64_t now_ms, slice *value, char *digits)
    void fields_prefetch(const entry *e, slice name)
    void fields_prefetch_field(const entry *e, slice name)
    void fields_iterate(fields_iterator *iterator, const entry *e, int64_t now_ms)
    bint fields_next(fields_iterator *iterator, field_item *item)
    const hashtable *fields_table(const entry *e)
    const listpack *fields_listpack(const entry *e)
    void fields_draw_begin(fields_draw *draw, const entry *e, int64_t now_ms, size_t count,
                           bint distinct)
    bint fields_draw_next(fields_draw *draw, random_state *random, field_item *item)
    void fields_draw_end(fields_draw *draw)
    size_t fields_bytes(const entry *e)
    void fields_expect(entry *e, size_t count, size_t longest, const fields_settings *settings)
    bint fields_set(entry *e, slice name, slice value, bint keep_due, int64_t now_ms,
                    const fields_settings *settings)
    bint fields_remove(entry *e, slice name, int64_t now_ms)
    void fields_allow_dues(entry *e)
    void fields_set_due(entry *e, slice name, int64_t due_ms)
    int64_t fields_next_due(const entry *e)
    size_t fields_expire(entry *e, int64_t now_ms, size_t budget)
    uint32_t fields_position(const entry *e)
    void fields_set_position(void *e, uint32_t position)
