/* hashtable: set of elements that carry their own key; linear hashing over cache-line buckets.
 *
 * Why not a table that doubles: doubling copies everything at once (a stall) or keeps two tables
 * for a while (twice the memory), and its load swings between one half and one. Linear hashing
 * grows by ONE bucket at a time: every ~7.5th insertion splits the bucket whose turn it is, and
 * nothing else moves. The load stays constant, memory follows the number of elements, the longest
 * pause is one bucket. Shrinking is the same in reverse and needs no hashing at all.
 *
 *   hash = tttttttt ................................ iiiiiiiii    t: tag, i: bucket index
 *
 *   Bucket, one cache line of 64 bytes, 9 slots:
 *     0     1 .. 9         10 .. 63
 *     +-----+--------------+---------------------------------------------+
 *     |links| 9 tags       | 9 references of 48 bits                     |
 *     +-----+--------------+---------------------------------------------+
 *   Overflow unit, 32 bytes, 4 slots (3 bytes unused):
 *     +-----+--------------+------------------------------+---+
 *     |links| 4 tags       | 4 references of 48 bits      |   |
 *     +-----+--------------+------------------------------+---+
 *
 *   A tag is eight bits of the hash, never 0; 0 marks a free slot. `links` = 1: the last slot of
 *   this unit holds no element but the address of an overflow unit. At the load kept here (7.5 a
 *   bucket; up to 15 in the last that wait for their split) 22 to 29 % of the buckets have one, and
 *   10 to 17 % of the elements stand there.
 *
 *   Addressing with level L and split S (N = 2^L + S buckets):
 *     index = hash mod 2^(L+1), or hash mod 2^L where that is not below N.
 *   Growing moves from bucket S to bucket 2^L + S what has bit L set in its hash; then S += 1.
 *
 *   Buckets live in segments of 1024 (64 KB, aligned): a directory of pointers, no copying. Below
 *   1024 buckets there is one segment whose size doubles (at most 32 KB are copied).
 *
 * Invariants: at most one element a key (the caller looks before it inserts); elements are
 * addresses below 2^48; every unit with another behind it is full, and a linked unit holds at least
 * two elements, or one and a link; unused buckets are zeroed, so that growing again needs nothing.
 *
 * Complexity: find, insert, remove O(1) expected; scan O(bucket) a call; each, next O(1); random
 * O(1) expected, four to nine draws. While resizing is paused chains grow, and all of them cost
 * O(chain).
 * Memory: 9.7 to 10.4 bytes an element beside the elements themselves, measured at 0.5 to 1 M.
 * Measured (EPYC, VM, 16-byte keys in entries, a million, ns a lookup with its hash): 10 in the
 * caches, 150 at random, 62 with bucket and element prefetched 12 and 6 lookups ahead. Inlining
 * the key of an entry instead of type->key would save 2 to 3 of them.
 *
 * Ownership: the table owns its buckets, never the elements.
 */
#ifndef FASTREDIS_HASHTABLE_H
#define FASTREDIS_HASHTABLE_H

#include "common.h"
#include "hash.h"
#include "random.h"

enum {
    HASHTABLE_BUCKET_SLOTS = 9,
    HASHTABLE_OVERFLOW_SLOTS = 4,
    HASHTABLE_SEGMENT_BUCKETS = 1024,
};

typedef struct hashtable_bucket {
    uint8_t links;
    uint8_t tags[HASHTABLE_BUCKET_SLOTS];
    uint8_t references[HASHTABLE_BUCKET_SLOTS * 6];
} hashtable_bucket;
static_assert(sizeof(hashtable_bucket) == 64, "a bucket is one cache line");

/* What a table must know of its elements: where the key is. Shared by all tables of one kind. */
typedef struct hashtable_type {
    /* Borrows the element; returns its key bytes, and their number in `length`. */
    const void *(*key)(const void *element, size_t *length);
    hash_seed seed;
} hashtable_type;

typedef struct hashtable {
    const hashtable_type *type;
    hashtable_bucket **segments; /* directory */
    hashtable_bucket *first;     /* segments[0], kept here to save a load in small tables */
    size_t count;                /* elements */
    size_t buckets;              /* N */
    size_t mask;                 /* 2^L - 1 */
    size_t grow_at;              /* split a bucket when count passes this */
    size_t shrink_at;            /* merge a bucket when count falls below this */
    size_t overflow_units;
    uint32_t directory_capacity;
    uint32_t first_capacity;     /* buckets allocated in segment 0 */
    uint32_t segments_held;
    uint32_t resize_paused;      /* while > 0 no bucket is split or merged */
} hashtable;

/* Where an element stands; valid until the next insert or remove on the same table. */
typedef struct hashtable_position {
    uint8_t *unit;   /* bucket or overflow unit; NULL: not found */
    uint32_t slot;
    uint32_t is_overflow;
    uint8_t *bucket; /* that the chain of the unit begins with */
} hashtable_position;

typedef void (*hashtable_visit)(void *context, void *element);

/* Make an empty table; `type` is borrowed and must outlive it. Allocates one bucket. */
void hashtable_init(hashtable *table, const hashtable_type *type);

/* Free the buckets; the elements are the caller's affair. */
void hashtable_free(hashtable *table);

static inline uint64_t hashtable_hash(const hashtable *table, const void *key, size_t length) {
    return hash_bytes(&table->type->seed, key, length);
}

/* Borrowed element with this key, or NULL. `hash` is hashtable_hash of the key. */
void *hashtable_find(const hashtable *table, const void *key, size_t length, uint64_t hash);

/* The same, and where it stands, for the calls that follow. */
void *hashtable_locate(const hashtable *table, const void *key, size_t length, uint64_t hash,
                       hashtable_position *position);

/* Where an element stands that is known to be in the table; its key is not read, only its address
 * compared. False where it is not there. */
bool hashtable_locate_element(const hashtable *table, const void *element, uint64_t hash,
                              hashtable_position *position);

/* Add an element whose key is not in the table. May split one bucket (two after a pause). */
void hashtable_insert(hashtable *table, void *element, uint64_t hash);

/* Put another element with the same key in the place of the one that stands at `position`. */
void hashtable_replace(hashtable *table, const hashtable_position *position, void *element);

/* Take out the element at `position`. May merge two buckets (four after a pause). */
void hashtable_remove(hashtable *table, const hashtable_position *position);

/* Start to load the bucket of `hash`; then, once it has arrived, the elements it may mean. */
static inline hashtable_bucket *hashtable_bucket_of(const hashtable *table, uint64_t hash) {
    size_t index = hash & (table->mask << 1 | 1);
    if (index >= table->buckets) index = hash & table->mask;
    if (index < HASHTABLE_SEGMENT_BUCKETS) return table->first + index;
    return table->segments[index / HASHTABLE_SEGMENT_BUCKETS] + index % HASHTABLE_SEGMENT_BUCKETS;
}
static inline void hashtable_prefetch_bucket(const hashtable *table, uint64_t hash) {
    PREFETCH(hashtable_bucket_of(table, hash));
}
/* True where the element, if it is there at all, most likely stands behind the bucket: one in
 * eight does. Its overflow unit is on its way then; hashtable_prefetch_overflow, a while later,
 * goes on. */
bool hashtable_prefetch_element(const hashtable *table, uint64_t hash);
void hashtable_prefetch_overflow(const hashtable *table, uint64_t hash);
/* For owners who fetch more than that: the element that `hash` most likely means, or NULL. Reads
 * the bucket and nothing else. */
void *hashtable_likely(const hashtable *table, uint64_t hash);

/* Visit all elements of the address that `cursor` names and return the next cursor; 0 begins and
 * ends. Every element that is in the table from the first call to the last is visited at least
 * once, however the table grows or shrinks between the calls. `visit` must not change the table. */
uint64_t hashtable_scan(const hashtable *table, uint64_t cursor, hashtable_visit visit,
                        void *context);

/* Visit every element once. `visit` must not change the table. */
void hashtable_each(const hashtable *table, hashtable_visit visit, void *context);

/* Elements one by one, each once; the table must not change meanwhile. Loads ahead. */
typedef struct hashtable_iterator {
    const hashtable *table;
    size_t next_bucket;
    uint8_t *unit;
    uint32_t used; /* slots of the unit that are still to come */
    uint32_t is_overflow;
} hashtable_iterator;
void hashtable_iterate(hashtable_iterator *iterator, const hashtable *table);
/* The next element, borrowed; NULL at the end. */
void *hashtable_next(hashtable_iterator *iterator);

/* Borrowed element, each about equally likely; NULL where the table is empty. */
void *hashtable_random(const hashtable *table, random_state *random);

/* Take the table apart from its end: visit and forget up to `budget` elements (whole buckets, so
 * a few more). True when nothing is left; then the table is empty as after init. */
bool hashtable_drain(hashtable *table, size_t budget, hashtable_visit visit, void *context);

/* Nothing is split or merged until the matching resume. Calls nest. */
void hashtable_pause_resize(hashtable *table);
void hashtable_resume_resize(hashtable *table);

/* Bytes of buckets, overflow units and directory, as the allocator counts them. O(1). */
size_t hashtable_bytes(const hashtable *table);

#endif
