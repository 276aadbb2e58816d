# skiplist.h: an ordered set of (score, member) with ranks.
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from fastredis.capi.common cimport slice
from fastredis.capi.hashtable cimport hashtable, hashtable_type
from fastredis.capi.random cimport random_state

cdef extern from "skiplist.h" nogil:
    const void *skiplist_record_key(const void *record, size_t *length)
    ctypedef struct skiplist_leaf:
        uint8_t count
    ctypedef struct skiplist:
        hashtable index
        uint32_t levels
        uint32_t inner_nodes
        size_t leaves
    ctypedef struct skiplist_place:
        uint32_t position
    ctypedef struct skiplist_cursor:
        const skiplist_leaf *leaf
        uint32_t position
    skiplist *skiplist_new(const hashtable_type *type)
    void skiplist_free(skiplist *list)
    size_t skiplist_count(const skiplist *list)
    size_t skiplist_bytes(const skiplist *list)
    uint64_t skiplist_hash(const skiplist *list, slice member)
    bint skiplist_find(const skiplist *list, slice member, uint64_t hash, skiplist_place *place)
    double skiplist_place_score(const skiplist_place *place)
    size_t skiplist_place_rank(const skiplist *list, const skiplist_place *place)
    void skiplist_insert(skiplist *list, slice member, uint64_t hash, double score)
    void skiplist_move(skiplist *list, skiplist_place *place, slice member, double score)
    void skiplist_remove(skiplist *list, skiplist_place *place)
    size_t skiplist_count_below(const skiplist *list, double score, bint or_equal)
    skiplist_cursor skiplist_at(const skiplist *list, size_t rank)
    void skiplist_forward(skiplist_cursor *cursor)
    double skiplist_cursor_score(const skiplist_cursor *cursor)
    slice skiplist_cursor_member(const skiplist_cursor *cursor)
    void skiplist_remove_run(skiplist *list, size_t rank, size_t count)
    skiplist_cursor skiplist_random(const skiplist *list, random_state *random)
