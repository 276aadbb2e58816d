/* skiplist_leaf: the fat node of a skip list: some thirty members with their scores, in one block.
 *
 * Why packed and not a node for each member: the members of a node are neighbours in the order, so
 * a search, a rank or a range touches a few lines of one page instead of a line and a page for
 * every step; and a member costs its bytes and 11 more, not a header, a size class and two links.
 *
 *   0        8                 16              16 + 8n        16 + 10n        heap             end
 *   +--------+-----------------+---------------+--------------+ - - - - - - - +----------------+
 *   | parent | count kind heap | scores, sorted| offsets      |  free         | records, holes |
 *   |        | hole hole_bytes | 8 bytes each  | 2 bytes each |               | in no order    |
 *   +--------+-----------------+---------------+--------------+ - - - - - - - +----------------+
 *                                                  |                            ^
 *                                                  +----------------------------+
 *   record   length 1 | member                    members up to SKIPLIST_INLINE_MAX bytes
 *            255 | address 8                      longer ones: a block of length 8 | member
 *            at least 4 bytes, so that one that goes leaves room for a hole
 *   hole     next hole 2 | bytes 2                what a record has left; filled again first
 *
 * The record is what the member index refers to, by address. So a record stays where it is while
 * its neighbours come and go: an insertion moves scores and offsets alone. Records that do move (to
 * another leaf, or together, when the holes are too small for what comes) are looked up by their
 * address in the index and their references replaced; the buckets are fetched beforehand, all at
 * once, which makes it 20 to 40 ns a record.
 *
 * A leaf in a tree has SKIPLIST_LEAF_BYTES and is aligned to as much: the leaf of a record is its
 * address without the low bits. A leaf that is a whole list may be smaller (and is known anyway).
 *
 * Invariants: scores ascend, members ascend among equal scores; offsets are those of the records;
 * heap >= 16 + 10 * count; holes and records fill [heap, size) exactly.
 *
 * Complexity: n below 80, each call O(n) in loads that do not wait for one another.
 * Ownership: a leaf owns its records and the blocks of long members. Calls that may move records
 * take the index (hashtable) whose elements they are.
 */
#ifndef FASTREDIS_SKIPLIST_LEAF_H
#define FASTREDIS_SKIPLIST_LEAF_H

#include "common.h"
#include "hashtable.h"

enum {
    SKIPLIST_LEAF_BYTES = 1024,
    SKIPLIST_LEAF_MIN_BYTES = 256,
    SKIPLIST_LEAF_HEAD = 16,
    SKIPLIST_LEAF_ITEM = 10,     /* score and offset */
    SKIPLIST_RECORD_MIN = 4,
    SKIPLIST_RECORD_OUTSIDE = 255, /* in the place of a length */
    SKIPLIST_INLINE_MAX = 240,   /* four of these fill a leaf */
    SKIPLIST_LEAF_RECORDS_MAX =
        (SKIPLIST_LEAF_BYTES - SKIPLIST_LEAF_HEAD) / (SKIPLIST_LEAF_ITEM + SKIPLIST_RECORD_MIN),
};

typedef struct skiplist_leaf {
    void *parent;        /* the inner node above; NULL: this is the whole list */
    uint8_t count;
    uint8_t kind;        /* bits 0-1: size, 256 << n; 2-7: where it stands in the parent, about */
    uint16_t heap;
    uint16_t hole;       /* offset of the first hole; 0: none */
    uint16_t hole_bytes; /* in all holes */
    double scores[];
} skiplist_leaf;

static_assert(sizeof(skiplist_leaf) == SKIPLIST_LEAF_HEAD, "the head of a leaf is 16 bytes");
static_assert(SKIPLIST_LEAF_RECORDS_MAX < 256, "a count fits a byte");

typedef uint8_t skiplist_record; /* always handled by address */

/* ---- records ---- */

typedef struct skiplist_outside {
    uint64_t length;
    char bytes[];
} skiplist_outside;

static inline skiplist_outside *skiplist_record_outside(const skiplist_record *record) {
    return (skiplist_outside *)(uintptr_t)load_u64(record + 1);
}

static inline slice skiplist_record_member(const skiplist_record *record) {
    if (LIKELY(record[0] != SKIPLIST_RECORD_OUTSIDE))
        return (slice){(const char *)record + 1, record[0]};
    const skiplist_outside *outside = skiplist_record_outside(record);
    return (slice){outside->bytes, outside->length};
}

/* For hashtable_type.key. */
const void *skiplist_record_key(const void *record, size_t *length);

/* Bytes that the record takes in its leaf. */
static inline uint32_t skiplist_record_bytes(const skiplist_record *record) {
    if (UNLIKELY(record[0] == SKIPLIST_RECORD_OUTSIDE)) return 9;
    return record[0] < SKIPLIST_RECORD_MIN - 1 ? SKIPLIST_RECORD_MIN : record[0] + 1u;
}

/* The same for a member that is yet to come. */
static inline uint32_t skiplist_record_bytes_for(size_t length) {
    if (UNLIKELY(length > SKIPLIST_INLINE_MAX)) return 9;
    return length < SKIPLIST_RECORD_MIN - 1 ? SKIPLIST_RECORD_MIN : (uint32_t)length + 1;
}

/* Write the record of a member, which is copied, to an address that has room for it. Returns the
 * bytes that it has allocated beside. */
size_t skiplist_record_write(skiplist_record *record, slice member);

/* Free what a record holds beside its leaf; returns how many bytes. */
size_t skiplist_record_release(const skiplist_record *record);

/* The order of members: negative, 0 or positive. */
static inline int skiplist_member_compare(slice a, slice b) {
    size_t shared = a.length < b.length ? a.length : b.length;
    int order = shared ? memcmp(a.data, b.data, shared) : 0;
    if (order) return order;
    return a.length < b.length ? -1 : a.length > b.length;
}

/* ---- reading a leaf ---- */

static inline uint32_t skiplist_leaf_size(const skiplist_leaf *leaf) {
    return (uint32_t)SKIPLIST_LEAF_MIN_BYTES << (leaf->kind & 3);
}
static inline uint16_t *skiplist_leaf_offsets(const skiplist_leaf *leaf) {
    return (uint16_t *)(void *)((char *)(uintptr_t)leaf + SKIPLIST_LEAF_HEAD + leaf->count * 8u);
}
static inline skiplist_record *skiplist_leaf_record(const skiplist_leaf *leaf, uint32_t position) {
    return (skiplist_record *)(uintptr_t)leaf + skiplist_leaf_offsets(leaf)[position];
}
static inline slice skiplist_leaf_member(const skiplist_leaf *leaf, uint32_t position) {
    return skiplist_record_member(skiplist_leaf_record(leaf, position));
}
/* Bytes taken, the head not counted. */
static inline uint32_t skiplist_leaf_used(const skiplist_leaf *leaf) {
    return leaf->count * SKIPLIST_LEAF_ITEM + skiplist_leaf_size(leaf) - leaf->heap -
           leaf->hole_bytes;
}
/* Whether a record of so many bytes fits, if need be after moving the others together. */
static inline bool skiplist_leaf_has_room(const skiplist_leaf *leaf, uint32_t bytes) {
    return skiplist_leaf_used(leaf) + SKIPLIST_LEAF_HEAD + SKIPLIST_LEAF_ITEM + bytes <=
           skiplist_leaf_size(leaf);
}
/* Start to load what a search in the leaf reads: head, scores, most of the offsets. */
static inline void skiplist_leaf_prefetch(const void *leaf) {
    for (uint32_t at = 0; at < 384; at += 64) PREFETCH((const char *)leaf + at);
}

/* Of `count` ascending scores, how many are below `score`, or not above it. */
uint32_t skiplist_scores_below(const double *scores, uint32_t count, double score);
uint32_t skiplist_scores_not_above(const double *scores, uint32_t count, double score);

/* How many records of the leaf come before (score, member). */
uint32_t skiplist_leaf_search(const skiplist_leaf *leaf, double score, slice member);

/* The position of a record that is in the leaf. */
uint32_t skiplist_leaf_position(const skiplist_leaf *leaf, const skiplist_record *record);

/* ---- changing it ---- */

/* New empty leaf of one of the sizes 256, 512, 1024. */
skiplist_leaf *skiplist_leaf_new(uint32_t size);
void skiplist_leaf_free(skiplist_leaf *leaf);
/* Bytes of its block, as the allocator counts them. */
size_t skiplist_leaf_block_bytes(uint32_t size);

/* Make place at a position for a record of so many bytes, for which there is room, and return where
 * it is to be written. The other records may move. */
skiplist_record *skiplist_leaf_reserve(skiplist_leaf *leaf, hashtable *index, uint32_t position,
                                       double score, uint32_t bytes);

/* Forget `count` records from a position on; their bytes are lost. The index, and what records hold
 * outside, are the caller's affair. */
void skiplist_leaf_drop(skiplist_leaf *leaf, uint32_t position, uint32_t count);

/* Give a record another score and place among those of its leaf; `to` is where it then stands. */
void skiplist_leaf_shift(skiplist_leaf *leaf, uint32_t from, uint32_t to, double score);

/* Move `count` records from one leaf into another, which has room for all of them. */
void skiplist_leaf_move(skiplist_leaf *from, uint32_t position, uint32_t count, skiplist_leaf *to,
                        uint32_t to_position, hashtable *index);

#endif
