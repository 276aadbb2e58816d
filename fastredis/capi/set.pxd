# set.h: the set behind one key, whichever its encoding.
from libc.stdint cimport int64_t, uint8_t, uint64_t
from fastredis.capi.common cimport cbool, slice
from fastredis.capi.entry cimport entry, entry_encoding
from fastredis.capi.hash cimport hash_seed
from fastredis.capi.hashtable cimport hashtable, hashtable_type
from fastredis.capi.packing cimport collection_limits
from fastredis.capi.random cimport random_state

cdef extern from "set.h" nogil:
    ctypedef cbool (*set_visit)(void *context, slice member) noexcept nogil
    ctypedef struct set_settings:
        const collection_limits *limits
        hashtable_type table
    ctypedef struct set_iterator:
        char digits[1]
    void set_settings_init(set_settings *settings, const collection_limits *limits,
                           const hash_seed *seed)
    entry *set_new(slice key, int64_t due_ms, slice first, size_t count_hint,
                   const set_settings *settings)
    entry *set_new_of_intset(slice key, int64_t due_ms, const void *bytes, size_t length,
                             const set_settings *settings)
    entry *set_new_of_listpack(slice key, int64_t due_ms, const void *bytes, size_t length,
                               const set_settings *settings)
    void set_expect(entry *e, size_t count_hint, const set_settings *settings)
    void set_compact(entry *e, const set_settings *settings)
    entry_encoding set_encoding_of_copy(const entry *e, const set_settings *settings)
    void set_make_table(entry *e, const set_settings *settings)
    bint set_add(entry *e, slice member, const set_settings *settings)
    bint set_remove(entry *e, slice member)
    bint set_has(const entry *e, slice member)
    size_t set_count(const entry *e)
    uint64_t set_hash(const set_settings *settings, slice member)
    bint set_has_hashed(const entry *e, slice member, uint64_t hash)
    void set_prefetch(const entry *e, uint64_t hash)
    void set_prefetch_member(const entry *e, uint64_t hash)
    void set_iterate(set_iterator *iterator, const entry *e)
    bint set_next(set_iterator *iterator, slice *member)
    const hashtable *set_get_table(const entry *e)
    slice set_element_member(const void *element)
    slice set_random(const entry *e, random_state *random, char *digits)
    void set_sample(const entry *e, size_t count, random_state *random, set_visit visit,
                    void *context)
    void *set_pop(entry *e, size_t count, random_state *random, const set_settings *settings,
                  set_visit visit, void *context)
    size_t set_bytes(const entry *e)
    void set_own(entry *copy)
    void set_free(entry *e)
    void *set_detach(entry *e)
    bint set_detached_step(void *detached, size_t budget)
