/* zset: the sorted set that stands behind one key, in whichever of its two encodings.
 *
 *   ENTRY_LISTPACK   member, score, member, score ... in the order of the set: short, one block
 *   ENTRY_SKIPLIST   csrc/skiplist.h: members found by hash, ordered in fat nodes with counts
 *
 * Order: by score, then by the bytes of the member. -0 and 0 are equal scores. There is no NaN.
 *
 * A set becomes a skiplist when a member is added to zset_entries of them, or one of more than
 * zset_value bytes, or as soon as a caller announces as many (zset_expect). It never becomes a
 * listpack again by itself; zset_compact does that for results that turned out small.
 *
 * Spans. Every range - by rank, by score, by lexical order - is a run of neighbours, so it is found
 * once, in O(log n), as a span of ranks {first, count}; counting it, walking it from either end,
 * skipping into it (LIMIT) and removing it need nothing else:
 *
 *   ZCOUNT             zset_span_of_scores(e, &range).count
 *   ZRANGE .. REV      zset_iterate_span(&it, e, span, true), zset_next until false
 *   LIMIT 10 5         zset_span_cut(&span, 10, 5, reverse)
 *   ZREMRANGEBY..      zset_remove_span(e, span)
 *   ZPOPMAX 3          walk {count - 3, 3} in reverse, then remove it
 *
 * Invariants: the entry's encoding and pointer are changed here and nowhere else, and the entry
 * never moves. A set may become empty; the caller then removes the key.
 *
 * Complexity, n members (a listpack is walked instead, which its limits keep short): score O(1);
 * add, remove, rank, span_of_* O(log n); iteration O(log n) to begin and O(1) a step; remove_span
 * O(log n + count); count, bytes O(1).
 *
 * Ownership: the entry owns the set. Members handed out are borrowed: good until the set changes,
 * and in a listpack, where a member may be stored as a number, until the next call on the same
 * iterator or digits.
 */
#ifndef FASTREDIS_ZSET_H
#define FASTREDIS_ZSET_H

#include "common.h"
#include "entry.h"
#include "hashtable.h"
#include "listpack.h"
#include "number.h"
#include "packing.h"
#include "random.h"

/* What all sorted sets of an engine share; lives as long as they do. */
typedef struct zset_settings {
    const collection_limits *limits;
    hashtable_type table;
} zset_settings;

/* Borrows the limits, copies the seed. */
void zset_settings_init(zset_settings *settings, const collection_limits *limits,
                        const hash_seed *seed);

/* ---- making ---- */

/* New entry of an empty set, in no keyspace yet; the caller owns it. The hints, as in zset_expect,
 * choose the encoding; 0, 0: a listpack unless the limits allow none. */
entry *zset_new(slice key, int64_t due_ms, size_t count_hint, size_t longest_hint,
                const zset_settings *settings);

/* The caller is about to add as many members as this, the longest of so many bytes (0: not known):
 * where either alone is beyond the limits, a listpack becomes a skiplist at once. (ZADD announces
 * the number of its pairs, before it knows which are new.) */
void zset_expect(entry *e, size_t count_hint, size_t longest_hint, const zset_settings *settings);

/* Make a skiplist that is within the limits a listpack: for results of *STORE commands. */
void zset_compact(entry *e, const zset_settings *settings);

/* ---- members ---- */

enum {
    ZSET_NX = 1 << 0,        /* only add */
    ZSET_XX = 1 << 1,        /* only update */
    ZSET_GT = 1 << 2,        /* update only to a greater score; adding is not forbidden */
    ZSET_LT = 1 << 3,        /* update only to a smaller one */
    ZSET_INCREMENT = 1 << 4, /* `score` is added to the one that is there, if any */
};

typedef enum zset_outcome {
    ZSET_REFUSED,   /* the flags forbid the change */
    ZSET_UNCHANGED, /* there with this score already */
    ZSET_ADDED,
    ZSET_UPDATED,
    ZSET_NOT_A_NUMBER, /* inf - inf; nothing has changed */
} zset_outcome;

/* Add a member or change its score. *result (may be NULL) is the score that the member then has; it
 * is not set where the member is missing or the sum is not a number. `score` is no NaN. May change
 * the encoding. The bytes of `member` are copied, and may not lie in this set. */
zset_outcome zset_add(entry *e, slice member, double score, unsigned flags, double *result,
                      const zset_settings *settings);

/* Take a member out; whether it was there. */
bool zset_remove(entry *e, slice member);

size_t zset_count(const entry *e);

/* Whether the member is there, and its score. */
bool zset_score(const entry *e, slice member, double *score);

/* Whether the member is there, and how many stand before it (behind it, where `reverse`). `score`
 * may be NULL. */
bool zset_rank(const entry *e, slice member, bool reverse, size_t *rank, double *score);

/* The member at a rank below zset_count. `digits`: NUMBER_INT64_MAX_LENGTH bytes that the member
 * may borrow. */
void zset_at(const entry *e, size_t rank, char *digits, slice *member, double *score);

/* One member of a set that is not empty, each equally likely; `digits` as above. `score` may be
 * NULL. */
void zset_random(const entry *e, random_state *random, char *digits, slice *member, double *score);

/* For commands with many members: start to load what a later call with the member will touch. The
 * first a few members ahead, the second fewer. */
void zset_prefetch(const entry *e, slice member);
void zset_prefetch_member(const entry *e, slice member);

/* ---- spans ---- */

typedef struct zset_span {
    size_t first; /* rank from the smallest; meaningless where count is 0 */
    size_t count;
} zset_span;

typedef struct zset_score_range {
    double min, max;
    bool min_exclusive, max_exclusive;
} zset_score_range;

typedef enum zset_lex_kind {
    ZSET_LEX_LOWEST,    /* before every member: - */
    ZSET_LEX_INCLUSIVE, /* [text */
    ZSET_LEX_EXCLUSIVE, /* (text */
    ZSET_LEX_HIGHEST,   /* behind every member: + */
} zset_lex_kind;

typedef struct zset_lex_bound {
    slice text;
    zset_lex_kind kind;
} zset_lex_bound;

/* Meant for sets whose scores are all equal; in others the span is some run, never a crash. */
typedef struct zset_lex_range {
    zset_lex_bound min, max;
} zset_lex_range;

/* Ranks as ZRANGE takes them: negative ones count from the end, and what lies outside is cut. */
zset_span zset_span_of_ranks(const entry *e, int64_t start, int64_t stop, bool reverse);
/* The members within; none where min lies above max. */
zset_span zset_span_of_scores(const entry *e, const zset_score_range *range);
zset_span zset_span_of_lex(const entry *e, const zset_lex_range *range);

/* Skip `offset` members of the span, seen from the end that a walk begins at, and keep `count` of
 * the rest; a negative count keeps all, a negative offset none. */
void zset_span_cut(zset_span *span, int64_t offset, int64_t count, bool reverse);

/* Remove the members of a span, which lies within the set. */
void zset_remove_span(entry *e, zset_span span);

/* Whether a score, or a member, lies within a range. */
bool zset_score_is_within(double score, const zset_score_range *range);
bool zset_lex_is_within(slice member, const zset_lex_range *range);

/* ---- walking ---- */

typedef struct zset_iterator {
    const void *node;      /* listpack, or leaf of the skiplist */
    const uint8_t *at;     /* listpack: the next member */
    size_t position;       /* leaf: of the next member */
    size_t left;           /* members to come */
    bool reverse;
    bool is_listpack;
    char digits[NUMBER_INT64_MAX_LENGTH];
} zset_iterator;

/* The set must not change while an iterator is used. */
void zset_iterate(zset_iterator *iterator, const entry *e, bool reverse);
void zset_iterate_span(zset_iterator *iterator, const entry *e, zset_span span, bool reverse);
/* The next member with its score (may be NULL); false at the end. */
bool zset_next(zset_iterator *iterator, slice *member, double *score);

typedef void (*zset_visit)(void *context, slice member, double score);
/* Visit some members and return the next cursor; 0 begins and ends. Members that are there from the
 * first call to the last are visited at least once. A listpack is visited whole. `visit` must not
 * change the set. */
uint64_t zset_scan(const entry *e, uint64_t cursor, zset_visit visit, void *context);

/* ---- the value as a whole ---- */

/* Bytes behind the entry's pointer, as the allocator counts them. O(1). */
size_t zset_bytes(const entry *e);

/* Give a copy of an entry, which has the same pointer as its original, a set of its own. */
void zset_own(entry *copy);

/* Free the set at once; the entry is left without a value. */
void zset_free(entry *e);

/* To free a big one in slices: take the set from the entry, which is left without a value. What is
 * small is freed at once, and NULL returned; else the step is called until it returns true. */
void *zset_detach(entry *e);
bool zset_detached_step(void *detached, size_t budget);

/* ---- bytes from outside ---- */

/* New entry, as zset_new, of the listpack in these bytes, which nobody has checked; NULL where they
 * are no listpack, no pairs of member and score, out of order, or say a member twice. */
entry *zset_of_listpack(slice key, int64_t due_ms, const void *bytes, size_t length,
                        const zset_settings *settings);

#endif
