/* skiplist: an ordered set of (score, member) with ranks, and an index of the members.
 *
 * What it is. A skip list of fat nodes: the lowest level holds about thirty members a node
 * (skiplist_leaf.h), each level above holds, for each node below, its first score, the number of
 * members under it, and its address. Express lanes of fixed width instead of coin tosses: the
 * levels are those of a B+ tree, which makes every path equally short (three levels of inner nodes
 * for a million members) and lets a node keep what a classic tower spreads over as many lines.
 *
 *              +---------------------------------------------+
 *   level 2    | first scores | counts | nodes below         |   <= 50 a node, 1 KB
 *              +-----------------------------+---------------+
 *                                            v
 *   level 1    +-----------------------------------+  +------------------------
 *              | first scores | counts | leaves    |  |
 *              +-----+--------------------+--------+  +------------------------
 *                    v                    v
 *   level 0    +---------------+    +---------------+     scores in order, records anywhere
 *              | s s s | r r r |    | s s s | r r r |
 *              +-----------^---+    +--^------------+
 *                          |           |
 *   index      ... | tag, address | tag, address | ...    csrc/hashtable: its elements are records
 *
 * Why not the obvious one, a classic skip list beside a hash table: each of its steps is a cache
 * miss and, with a million members, a TLB miss; its nodes take 40 to 60 bytes beside score and
 * member. Here a member is stored once, with its score beside those of its neighbours, and costs
 * 11 bytes more (score, offset, length), the unused part of its leaf, and 10 in the index.
 *
 *   a member by name       bucket, record: 2 misses; its score and place: more lines of that page
 *   its rank               from the leaf upwards, adding the counts before it: the levels are hot
 *   a place for a score    three inner nodes, one leaf; members are compared only on equal scores
 *
 * What is read of the upper levels. A child remembers about where it stands in its parent, so that
 * the way up reads a line of it, not all; the way down reads the scores of a node at once, because
 * the steps of a binary search would wait for one another. A move finds its new leaf before it
 * leaves the old one, which then hides the misses; pops fetch the bucket of a later one.
 *
 * Filling. A leaf that is full gives to a neighbour that has room before it is split in halves, so
 * that members in random order fill leaves to about four fifths; in ascending or descending order a
 * new leaf is begun at that end instead, which fills them whole. A leaf that falls below two fifths
 * joins a neighbour where both fit in nine tenths.
 *
 * Invariants: no leaf is empty but that of an empty list; the first score of a node is that of its
 * first record; counts are exact; nodes know their parent; all leaves are on level 0. Inner nodes
 * but the root may have a single child.
 *
 * Complexity, n members: find O(1); insert, remove, move, rank, at O(log n); a step O(1);
 * remove_run O(log n + count); growth moves at most one leaf and one bucket of the index at a time.
 * A list holds fewer than 2^32 members under one node, or some 200 GB: not checked but asserted.
 *
 * Disadvantages: members of 60 to 240 bytes leave more of a leaf unused; a list of equal scores
 * compares members on every level, each of them a miss; to move a record costs a look at the index.
 *
 * Measured, a million members at random scores, bytes a member: 44 for members of 16 bytes (33
 * leaves, 10 index, 1 inner nodes), 48 after three million changes of scores; 49 for members of 20
 * bytes, 44 where they came in ascending order. Speed: bench/bench_structures.py.
 *
 * Ownership: a list owns its nodes and members; slices handed out borrow it until it changes.
 */
#ifndef FASTREDIS_SKIPLIST_H
#define FASTREDIS_SKIPLIST_H

#include "common.h"
#include "hashtable.h"
#include "random.h"
#include "skiplist_leaf.h"

enum {
    SKIPLIST_FANOUT = 50,
    SKIPLIST_LEVELS_MAX = 12, /* 2^32 members, half-filled nodes: 8 */
};

typedef struct skiplist_inner {
    void *parent; /* these three as in a leaf */
    uint8_t count;
    uint8_t kind;
    double scores[SKIPLIST_FANOUT];   /* first of each child */
    uint32_t counts[SKIPLIST_FANOUT]; /* members under each */
    void *children[SKIPLIST_FANOUT];
} skiplist_inner;
static_assert(sizeof(skiplist_inner) == 1016, "an inner node is a block of 1016 bytes");
static_assert(offsetof(skiplist_inner, parent) == offsetof(skiplist_leaf, parent) &&
                  offsetof(skiplist_inner, kind) == offsetof(skiplist_leaf, kind),
              "what stands above a node is found without knowing what it is");
static_assert(SKIPLIST_FANOUT <= 64, "a place in the parent has six bits");

typedef struct skiplist {
    hashtable index;
    void *root;           /* leaf where levels is 0 */
    uint32_t levels;      /* of inner nodes */
    uint32_t inner_nodes;
    size_t leaves;
    size_t outside_bytes; /* of long members */
} skiplist;

/* A member that was found: good until the list changes. */
typedef struct skiplist_place {
    skiplist_record *record;
    skiplist_leaf *leaf;
    uint32_t position;
    hashtable_position slot;
} skiplist_place;

/* A place in the order: where a walk stands. */
typedef struct skiplist_cursor {
    const skiplist_leaf *leaf; /* NULL: behind either end */
    uint32_t position;
} skiplist_cursor;

/* New empty list. `type` is borrowed and outlives it; its key is skiplist_record_key. */
skiplist *skiplist_new(const hashtable_type *type);
/* Frees list and members. */
void skiplist_free(skiplist *list);
/* Free about `budget` members of a list that is used no more; true when all is gone, the list
 * itself included. */
bool skiplist_free_some(skiplist *list, size_t budget);
/* New list of the same members. */
skiplist *skiplist_copy(const skiplist *list);

static inline size_t skiplist_count(const skiplist *list) { return list->index.count; }
/* Bytes of everything, as the allocator counts them. O(1). */
size_t skiplist_bytes(const skiplist *list);

static inline uint64_t skiplist_hash(const skiplist *list, slice member) {
    return hashtable_hash(&list->index, member.data, member.length);
}

/* ---- members ---- */

/* Whether a member is there, and where; `hash` is skiplist_hash of it. */
bool skiplist_find(const skiplist *list, slice member, uint64_t hash, skiplist_place *place);
static inline double skiplist_place_score(const skiplist_place *place) {
    return place->leaf->scores[place->position];
}
/* Members before it. */
size_t skiplist_place_rank(const skiplist *list, const skiplist_place *place);

/* Add a member that is not there; its bytes are copied. */
void skiplist_insert(skiplist *list, slice member, uint64_t hash, double score);
/* Give the member of a place, whose bytes `member` repeats, another score. The place is spent. */
void skiplist_move(skiplist *list, skiplist_place *place, slice member, double score);
void skiplist_remove(skiplist *list, skiplist_place *place);

/* Start to load the bucket of a member; later, what the bucket refers to. */
static inline void skiplist_prefetch(const skiplist *list, uint64_t hash) {
    hashtable_prefetch_bucket(&list->index, hash);
}
void skiplist_prefetch_member(const skiplist *list, uint64_t hash);

/* ---- order ---- */

/* How many members have a score below `score`, or, where `or_equal`, not above it. */
size_t skiplist_count_below(const skiplist *list, double score, bool or_equal);
/* The same by member, for lists of equal scores (in others: some number up to the count). */
size_t skiplist_count_before(const skiplist *list, slice member, bool or_equal);

/* The member at a rank below the count. */
skiplist_cursor skiplist_at(const skiplist *list, size_t rank);
skiplist_cursor skiplist_first(const skiplist *list);
skiplist_cursor skiplist_last(const skiplist *list);
/* Out of line: the leaf at the side of the cursor's leaf, or NULL; its own neighbour is fetched. */
const skiplist_leaf *skiplist_leaf_beside(const skiplist_leaf *leaf, bool before);

static inline void skiplist_forward(skiplist_cursor *cursor) {
    if (LIKELY(++cursor->position < cursor->leaf->count)) return;
    cursor->leaf = skiplist_leaf_beside(cursor->leaf, false);
    cursor->position = 0;
}
static inline void skiplist_backward(skiplist_cursor *cursor) {
    if (LIKELY(cursor->position-- > 0)) return;
    cursor->leaf = skiplist_leaf_beside(cursor->leaf, true);
    cursor->position = cursor->leaf ? cursor->leaf->count - 1u : 0;
}
static inline double skiplist_cursor_score(const skiplist_cursor *cursor) {
    return cursor->leaf->scores[cursor->position];
}
static inline slice skiplist_cursor_member(const skiplist_cursor *cursor) {
    return skiplist_leaf_member(cursor->leaf, cursor->position);
}

/* Remove `count` members from a rank on; there are as many. */
void skiplist_remove_run(skiplist *list, size_t rank, size_t count);

/* ---- without order ---- */

/* A member, each equally likely; the list is not empty. */
skiplist_cursor skiplist_random(const skiplist *list, random_state *random);

typedef void (*skiplist_visit)(void *context, slice member, double score);
/* As hashtable_scan, by the index. */
uint64_t skiplist_scan(const skiplist *list, uint64_t cursor, skiplist_visit visit, void *context);

#endif
