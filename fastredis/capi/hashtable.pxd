# hashtable.h: set of keyed elements, grown a bucket at a time.
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from fastredis.capi.hash cimport hash_seed
from fastredis.capi.random cimport random_state

cdef extern from "hashtable.h" nogil:
    ctypedef const void *(*hashtable_key)(const void *element, size_t *length) noexcept nogil
    ctypedef void (*hashtable_visit)(void *context, void *element) noexcept nogil
    ctypedef struct hashtable_type:
        hashtable_key key
        hash_seed seed
    ctypedef struct hashtable:
        const hashtable_type *type
        size_t count
        size_t buckets
        size_t mask
        size_t overflow_units
        uint32_t resize_paused
    ctypedef struct hashtable_position:
        uint8_t *unit
    void hashtable_init(hashtable *table, const hashtable_type *type)
    void hashtable_free(hashtable *table)
    uint64_t hashtable_hash(const hashtable *table, const void *key, size_t length)
    void *hashtable_find(const hashtable *table, const void *key, size_t length, uint64_t hash)
    void *hashtable_locate(const hashtable *table, const void *key, size_t length, uint64_t hash,
                           hashtable_position *position)
    bint hashtable_locate_element(const hashtable *table, const void *element, uint64_t hash,
                                  hashtable_position *position)
    void hashtable_insert(hashtable *table, void *element, uint64_t hash)
    void hashtable_replace(hashtable *table, const hashtable_position *position, void *element)
    void hashtable_remove(hashtable *table, const hashtable_position *position)
    void hashtable_prefetch_bucket(const hashtable *table, uint64_t hash)
    bint hashtable_prefetch_element(const hashtable *table, uint64_t hash)
    void hashtable_prefetch_overflow(const hashtable *table, uint64_t hash)
    uint64_t hashtable_scan(const hashtable *table, uint64_t cursor, hashtable_visit visit,
                            void *context)
    void hashtable_each(const hashtable *table, hashtable_visit visit, void *context)
    ctypedef struct hashtable_iterator:
        const hashtable *table
    void hashtable_iterate(hashtable_iterator *iterator, const hashtable *table)
    void *hashtable_next(hashtable_iterator *iterator)
    void *hashtable_random(const hashtable *table, random_state *random)
    bint hashtable_drain(hashtable *table, size_t budget, hashtable_visit visit, void *context)
    void hashtable_pause_resize(hashtable *table)
    void hashtable_resume_resize(hashtable *table)
    size_t hashtable_bytes(const hashtable *table)
