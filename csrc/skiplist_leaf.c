/* skiplist_leaf: records in a block; see skiplist_leaf.h for the layout. */
#include "skiplist_leaf.h"

#include "alloc.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum {
    HOLES_TRIED = 8,
    HOLE_BYTES = 4, /* of its own fields */
};

/* ---- records ---- */

const void *skiplist_record_key(const void *record, size_t *length) {
    slice member = skiplist_record_member(record);
    *length = member.length;
    return member.data;
}

size_t skiplist_record_write(skiplist_record *record, slice member) {
    if (LIKELY(member.length <= SKIPLIST_INLINE_MAX)) {
        record[0] = (uint8_t)member.length;
        if (member.length) memcpy(record + 1, member.data, member.length);
        return 0;
    }
    size_t bytes = sizeof(skiplist_outside) + member.length;
    skiplist_outside *outside = alloc_new(bytes);
    outside->length = member.length;
    memcpy(outside->bytes, member.data, member.length);
    record[0] = SKIPLIST_RECORD_OUTSIDE;
    store_u64(record + 1, (uint64_t)(uintptr_t)outside);
    return alloc_usable(bytes);
}

size_t skiplist_record_release(const skiplist_record *record) {
    if (LIKELY(record[0] != SKIPLIST_RECORD_OUTSIDE)) return 0;
    skiplist_outside *outside = skiplist_record_outside(record);
    size_t bytes = sizeof(skiplist_outside) + outside->length;
    alloc_free(outside, bytes);
    return alloc_usable(bytes);
}

/* ---- searching ---- */

/* All scores are compared: the loads of a binary search would wait for one another. */
uint32_t skiplist_scores_below(const double *scores, uint32_t count, double score) {
    uint32_t at = 0;
    int64_t below = 0;
#if defined(__SSE2__)
    __m128d wanted = _mm_set1_pd(score);
    __m128i sums = _mm_setzero_si128();
    for (; at + 2 <= count; at += 2) {
        __m128d less = _mm_cmplt_pd(_mm_loadu_pd(scores + at), wanted);
        sums = _mm_sub_epi64(sums, _mm_castpd_si128(less));
    }
    below = _mm_cvtsi128_si64(sums) + _mm_cvtsi128_si64(_mm_unpackhi_epi64(sums, sums));
#endif
    for (; at < count; at++) below += scores[at] < score;
    return (uint32_t)below;
}

uint32_t skiplist_scores_not_above(const double *scores, uint32_t count, double score) {
    uint32_t at = 0;
    int64_t found = 0;
#if defined(__SSE2__)
    __m128d wanted = _mm_set1_pd(score);
    __m128i sums = _mm_setzero_si128();
    for (; at + 2 <= count; at += 2) {
        __m128d within = _mm_cmple_pd(_mm_loadu_pd(scores + at), wanted);
        sums = _mm_sub_epi64(sums, _mm_castpd_si128(within));
    }
    found = _mm_cvtsi128_si64(sums) + _mm_cvtsi128_si64(_mm_unpackhi_epi64(sums, sums));
#endif
    for (; at < count; at++) found += scores[at] <= score;
    return (uint32_t)found;
}

uint32_t skiplist_leaf_search(const skiplist_leaf *leaf, double score, slice member) {
    uint32_t low = skiplist_scores_below(leaf->scores, leaf->count, score);
    if (LIKELY(low == leaf->count || leaf->scores[low] != score)) return low;
    uint32_t high = skiplist_scores_not_above(leaf->scores, leaf->count, score);
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (skiplist_member_compare(skiplist_leaf_member(leaf, middle), member) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t skiplist_leaf_position(const skiplist_leaf *leaf, const skiplist_record *record) {
    const uint16_t *offsets = skiplist_leaf_offsets(leaf);
    uint16_t wanted = (uint16_t)(record - (const uint8_t *)leaf);
    uint32_t at = 0;
#if defined(__SSE2__)
    __m128i all = _mm_set1_epi16((short)wanted);
    for (; at + 8 <= leaf->count; at += 8) {
        __m128i some = _mm_loadu_si128((const __m128i *)(const void *)(offsets + at));
        int found = _mm_movemask_epi8(_mm_cmpeq_epi16(some, all));
        if (found) return at + (uint32_t)__builtin_ctz((unsigned)found) / 2;
    }
#endif
    while (offsets[at] != wanted) {
        at++;
        assert(at < leaf->count);
    }
    return at;
}

/* ---- blocks ---- */

/* The blocks of a slab are aligned to their size where that is a power of two. Those of the C
 * library are not: twice the room is taken, and its address is kept behind the leaf. */
#ifdef FASTREDIS_ALLOC_LIBC
static void *block_new(uint32_t size) {
    char *room = alloc_new(size * 2);
    char *block = (char *)(((uintptr_t)room + size - 1) & ~(uintptr_t)(size - 1));
    memcpy(block + size, &room, sizeof room);
    return block;
}

static void block_free(void *block, uint32_t size) {
    char *room;
    memcpy(&room, (char *)block + size, sizeof room);
    alloc_free(room, size * 2);
}

size_t skiplist_leaf_block_bytes(uint32_t size) { return alloc_usable(size * 2); }
#else
static void *block_new(uint32_t size) { return alloc_new(size); }

static void block_free(void *block, uint32_t size) { alloc_free(block, size); }

size_t skiplist_leaf_block_bytes(uint32_t size) { return alloc_usable(size); }
#endif

skiplist_leaf *skiplist_leaf_new(uint32_t size) {
    skiplist_leaf *leaf = block_new(size);
    assert(((uintptr_t)leaf & (size - 1)) == 0);
    memset(leaf, 0, sizeof *leaf);
    leaf->kind = size == 256 ? 0 : size == 512 ? 1 : 2;
    leaf->heap = (uint16_t)size;
    return leaf;
}

void skiplist_leaf_free(skiplist_leaf *leaf) { block_free(leaf, skiplist_leaf_size(leaf)); }

/* ---- references to records ---- */

/* Records that have moved, and the hashes of their members: the index hears of all of them at the
 * end, when their buckets are on their way. */
typedef struct moves {
    uint32_t count;
    const void *from[SKIPLIST_LEAF_RECORDS_MAX];
    void *to[SKIPLIST_LEAF_RECORDS_MAX];
    uint64_t hashes[SKIPLIST_LEAF_RECORDS_MAX];
} moves;

static inline void move_note(moves *moved, const hashtable *index, const void *from,
                             skiplist_record *to) {
    slice member = skiplist_record_member(to);
    uint64_t hash = hashtable_hash(index, member.data, member.length);
    hashtable_prefetch_bucket(index, hash);
    moved->from[moved->count] = from;
    moved->to[moved->count] = to;
    moved->hashes[moved->count++] = hash;
}

/* Where one record has come to stand at the address that another has yet to be moved from, and both
 * are in one chain with one tag, their references may be taken for each other. That leaves both
 * in their chain under their tag, which is all that a search needs. */
static void moves_tell(const moves *moved, hashtable *index) {
    for (uint32_t i = 0; i < moved->count; i++) {
        hashtable_position position;
        bool found = hashtable_locate_element(index, moved->from[i], moved->hashes[i], &position);
        assert(found);
        (void)found;
        hashtable_replace(index, &position, moved->to[i]);
    }
}

/* ---- room ---- */

static inline uint32_t gap_of(const skiplist_leaf *leaf) {
    return leaf->heap - SKIPLIST_LEAF_HEAD - leaf->count * (uint32_t)SKIPLIST_LEAF_ITEM;
}

static void hole_add(skiplist_leaf *leaf, uint32_t offset, uint32_t bytes) {
    if (offset == leaf->heap) {
        leaf->heap = (uint16_t)(leaf->heap + bytes);
        return;
    }
    uint8_t *hole = (uint8_t *)leaf + offset;
    store_u16(hole, leaf->hole);
    store_u16(hole + 2, (uint16_t)bytes);
    leaf->hole = (uint16_t)offset;
    leaf->hole_bytes = (uint16_t)(leaf->hole_bytes + bytes);
}

/* A hole that the record fills, or of which a hole is left: its offset; 0: none of the first. */
static uint32_t hole_take(skiplist_leaf *leaf, uint32_t bytes) {
    uint8_t *before = NULL;
    uint32_t offset = leaf->hole;
    for (int tried = 0; offset && tried < HOLES_TRIED; tried++) {
        uint8_t *hole = (uint8_t *)leaf + offset;
        uint32_t has = load_u16(hole + 2);
        if (has == bytes) {
            uint16_t next = load_u16(hole);
            if (before) store_u16(before, next);
            else leaf->hole = next;
            leaf->hole_bytes = (uint16_t)(leaf->hole_bytes - bytes);
            return offset;
        }
        if (has >= bytes + HOLE_BYTES) {
            store_u16(hole + 2, (uint16_t)(has - bytes));
            leaf->hole_bytes = (uint16_t)(leaf->hole_bytes - bytes);
            return offset + has - bytes;
        }
        before = hole;
        offset = load_u16(hole);
    }
    return 0;
}

/* Move the records together at the end of the leaf. */
static NOINLINE void leaf_compact(skiplist_leaf *leaf, hashtable *index) {
    uint8_t old[SKIPLIST_LEAF_BYTES];
    uint16_t *offsets = skiplist_leaf_offsets(leaf);
    uint32_t heap = skiplist_leaf_size(leaf);
    moves moved;
    moved.count = 0;
    memcpy(old + leaf->heap, (uint8_t *)leaf + leaf->heap, heap - leaf->heap);
    for (uint32_t i = 0; i < leaf->count; i++) {
        const skiplist_record *record = old + offsets[i];
        uint32_t bytes = skiplist_record_bytes(record);
        const void *from = (uint8_t *)leaf + offsets[i];
        heap -= bytes;
        memcpy((uint8_t *)leaf + heap, record, bytes);
        offsets[i] = (uint16_t)heap;
        move_note(&moved, index, from, (uint8_t *)leaf + heap);
    }
    leaf->heap = (uint16_t)heap;
    leaf->hole = leaf->hole_bytes = 0;
    moves_tell(&moved, index);
}

static uint32_t room_take(skiplist_leaf *leaf, hashtable *index, uint32_t bytes) {
    uint32_t gap = gap_of(leaf);
    if (leaf->hole && LIKELY(gap >= SKIPLIST_LEAF_ITEM)) {
        uint32_t offset = hole_take(leaf, bytes);
        if (offset) return offset;
    }
    if (UNLIKELY(gap < bytes + SKIPLIST_LEAF_ITEM)) leaf_compact(leaf, index);
    leaf->heap = (uint16_t)(leaf->heap - bytes);
    return leaf->heap;
}

/* ---- changing ---- */

/* Widen the arrays by `count` items at a position; the new ones are undefined. */
static void arrays_open(skiplist_leaf *leaf, uint32_t position, uint32_t count) {
    uint32_t behind = leaf->count - position;
    uint16_t *offsets = skiplist_leaf_offsets(leaf);
    leaf->count = (uint8_t)(leaf->count + count);
    uint16_t *wider = skiplist_leaf_offsets(leaf);
    memmove(wider + position + count, offsets + position, behind * sizeof *offsets);
    memmove(wider, offsets, position * sizeof *offsets);
    memmove(leaf->scores + position + count, leaf->scores + position, behind * sizeof(double));
}

static void arrays_close(skiplist_leaf *leaf, uint32_t position, uint32_t count) {
    uint32_t behind = leaf->count - position - count;
    uint16_t *offsets = skiplist_leaf_offsets(leaf);
    memmove(leaf->scores + position, leaf->scores + position + count, behind * sizeof(double));
    leaf->count = (uint8_t)(leaf->count - count);
    uint16_t *narrower = skiplist_leaf_offsets(leaf);
    memmove(narrower, offsets, position * sizeof *offsets);
    memmove(narrower + position, offsets + position + count, behind * sizeof *offsets);
}

skiplist_record *skiplist_leaf_reserve(skiplist_leaf *leaf, hashtable *index, uint32_t position,
                                       double score, uint32_t bytes) {
    assert(skiplist_leaf_has_room(leaf, bytes));
    uint32_t offset = room_take(leaf, index, bytes);
    arrays_open(leaf, position, 1);
    leaf->scores[position] = score;
    skiplist_leaf_offsets(leaf)[position] = (uint16_t)offset;
    return (skiplist_record *)leaf + offset;
}

void skiplist_leaf_drop(skiplist_leaf *leaf, uint32_t position, uint32_t count) {
    const uint16_t *offsets = skiplist_leaf_offsets(leaf) + position;
    if (count == leaf->count) {
        leaf->count = 0;
        leaf->heap = (uint16_t)skiplist_leaf_size(leaf);
        leaf->hole = leaf->hole_bytes = 0;
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        hole_add(leaf, offsets[i], skiplist_record_bytes((uint8_t *)leaf + offsets[i]));
    arrays_close(leaf, position, count);
}

void skiplist_leaf_shift(skiplist_leaf *leaf, uint32_t from, uint32_t to, double score) {
    uint16_t *offsets = skiplist_leaf_offsets(leaf);
    double *scores = leaf->scores;
    uint16_t offset = offsets[from];
    if (from < to) {
        memmove(scores + from, scores + from + 1, (to - from) * sizeof *scores);
        memmove(offsets + from, offsets + from + 1, (to - from) * sizeof *offsets);
    } else if (to < from) {
        memmove(scores + to + 1, scores + to, (from - to) * sizeof *scores);
        memmove(offsets + to + 1, offsets + to, (from - to) * sizeof *offsets);
    }
    scores[to] = score;
    offsets[to] = offset;
}

void skiplist_leaf_move(skiplist_leaf *from, uint32_t position, uint32_t count, skiplist_leaf *to,
                        uint32_t to_position, hashtable *index) {
    const uint16_t *offsets = skiplist_leaf_offsets(from) + position;
    uint32_t bytes = 0;
    moves moved;
    moved.count = 0;
    if (count == 0) return;
    for (uint32_t i = 0; i < count; i++)
        bytes += skiplist_record_bytes((uint8_t *)from + offsets[i]);
    assert(skiplist_leaf_has_room(to, bytes + (count - 1) * SKIPLIST_LEAF_ITEM));
    if (gap_of(to) < bytes + count * SKIPLIST_LEAF_ITEM) leaf_compact(to, index);
    arrays_open(to, to_position, count);
    memcpy(to->scores + to_position, from->scores + position, count * sizeof(double));
    uint16_t *to_offsets = skiplist_leaf_offsets(to) + to_position;
    uint32_t heap = to->heap;
    for (uint32_t i = 0; i < count; i++) {
        skiplist_record *record = (skiplist_record *)from + offsets[i];
        bytes = skiplist_record_bytes(record);
        heap -= bytes;
        memcpy((uint8_t *)to + heap, record, bytes);
        to_offsets[i] = (uint16_t)heap;
        move_note(&moved, index, record, (uint8_t *)to + heap);
    }
    to->heap = (uint16_t)heap;
    moves_tell(&moved, index);
    skiplist_leaf_drop(from, position, count);
}
