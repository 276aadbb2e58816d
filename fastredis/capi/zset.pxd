# zset.h: the sorted set behind one key, whichever its encoding.
from libc.stdint cimport int64_t, uint8_t, uint64_t
from fastredis.capi.common cimport slice
from fastredis.capi.entry cimport entry
from fastredis.capi.hash cimport hash_seed
from fastredis.capi.hashtable cimport hashtable_type
from fastredis.capi.packing cimport collection_limits
from fastredis.capi.random cimport random_state

cdef extern from "zset.h" nogil:
    ctypedef struct zset_settings:
        const collection_limits *limits
        hashtable_type table
    void zset_settings_init(zset_settings *settings, const collection_limits *limits,
                            const hash_seed *seed)

    entry *zset_new(slice key, int64_t due_ms, size_t count_hint, size_t longest_hint,
                    const zset_settings *settings)
    void zset_expect(entry *e, size_t count_hint, size_t longest_hint,
                     const zset_settings *settings)
    void zset_compact(entry *e, const zset_settings *settings)

    enum:
        ZSET_NX
        ZSET_XX
        ZSET_GT
        ZSET_LT
        ZSET_INCREMENT
    ctypedef enum zset_outcome:
        ZSET_REFUSED
        ZSET_UNCHANGED
        ZSET_ADDED
        ZSET_UPDATED
        ZSET_NOT_A_NUMBER
    zset_outcome zset_add(entry *e, slice member, double score, unsigned flags, double *result,
                          const zset_settings *settings)
    bint zset_remove(entry *e, slice member)
    size_t zset_count(const entry *e)
    bint zset_score(const entry *e, slice member, double *score)
    bint zset_rank(const entry *e, slice member, bint reverse, size_t *rank, double *score)
    void zset_at(const entry *e, size_t rank, char *digits, slice *member, double *score)
    void zset_random(const entry *e, random_state *random, char *digits, slice *member,
                     double *score)
    void zset_prefetch(const entry *e, slice member)
    void zset_prefetch_member(const entry *e, slice member)

    ctypedef struct zset_span:
        size_t first
        size_t count
    ctypedef struct zset_score_range:
        double min
        double max
        bint min_exclusive
        bint max_exclusive
    ctypedef enum zset_lex_kind:
        ZSET_LEX_LOWEST
        ZSET_LEX_INCLUSIVE
        ZSET_LEX_EXCLUSIVE
        ZSET_LEX_HIGHEST
    ctypedef struct zset_lex_bound:
        slice text
        zset_lex_kind kind
    ctypedef struct zset_lex_range:
        zset_lex_bound min
        zset_lex_bound max
    zset_span zset_span_of_ranks(const entry *e, int64_t start, int64_t stop, bint reverse)
    zset_span zset_span_of_scores(const entry *e, const zset_score_range *range)
    zset_span zset_span_of_lex(const entry *e, const zset_lex_range *range)
    void zset_span_cut(zset_span *span, int64_t offset, int64_t count, bint reverse)
    void zset_remove_span(entry *e, zset_span span)
    bint zset_score_is_within(double score, const zset_score_range *range)
    bint zset_lex_is_within(slice member, const zset_lex_range *range)

    ctypedef struct zset_iterator:
        size_t left
        bint reverse
    void zset_iterate(zset_iterator *iterator, const entry *e, bint reverse)
    void zset_iterate_span(zset_iterator *iterator, const entry *e, zset_span span, bint reverse)
    bint zset_next(zset_iterator *iterator, slice *member, double *score)
    ctypedef void (*zset_visit)(void *context, slice member, double score) noexcept nogil
    uint64_t zset_scan(const entry *e, uint64_t cursor, zset_visit visit, void *context)

    size_t zset_bytes(const entry *e)
    void zset_own(entry *copy)
    void zset_free(entry *e)
    void *zset_detach(entry *e)
    bint zset_detached_step(void *detached, size_t budget)
    entry *zset_of_listpack(slice key, int64_t due_ms, const void *bytes, size_t length,
                            const zset_settings *settings)
