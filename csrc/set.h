/* set: the set that stands behind one key, in whichever of its three encodings.
 *
 *   ENTRY_INTSET     csrc/intset.h: all members are numbers, and not too many
 *   ENTRY_LISTPACK   csrc/listpack.h: short members, and few, in the order of their coming
 *   ENTRY_HASHTABLE  csrc/hashtable.h over members of one block each:
 *
 *      entry --> set_table { hashtable, bytes of the members }
 *                               |
 *                               v
 *                   +--------+-------------+      length: one byte, or 255 and four
 *                   | length | bytes       |
 *                   +--------+-------------+
 *
 *   A million members of 16 bytes take 34 bytes each: a block of 24 and 10 of the table.
 *
 * A set starts with the encoding that fits its first member and the number of members announced. It
 * leaves the intset for a listpack when a text comes, and either for the table when it passes its
 * limit. It never goes back by itself; set_compact does for results that turned out small.
 *
 * Invariants: no member twice; the entry's encoding and pointer are changed here and nowhere else,
 * and the entry never moves. A set may become empty; the caller then removes the key.
 *
 * Complexity: has, add, remove, random O(1) in a table, O(log n) and O(n) moved in an intset, O(n)
 * in a listpack, which the limits keep short; pop and sample O(count) in a table, O(n) elsewhere.
 *
 * Ownership: the entry owns the set. A member handed out is borrowed: good until the set changes,
 * and where it may be a number, until the next call with the same iterator or digits.
 */
#ifndef FASTREDIS_SET_H
#define FASTREDIS_SET_H

#include "common.h"
#include "entry.h"
#include "hashtable.h"
#include "intset.h"
#include "listpack.h"
#include "number.h"
#include "packing.h"
#include "random.h"

/* What all sets of an engine share; lives as long as they do. */
typedef struct set_settings {
    const collection_limits *limits;
    hashtable_type table;
} set_settings;

/* Borrows the limits, copies the seed. */
void set_settings_init(set_settings *settings, const collection_limits *limits,
                       const hash_seed *seed);

/* ---- making ---- */

/* New entry of an empty set, in no keyspace yet; the caller owns it. The encoding fits `first`, the
 * member that will come first, and `count_hint` members. */
entry *set_new(slice key, int64_t due_ms, slice first, size_t count_hint,
               const set_settings *settings);

/* The same of bytes as they stand in files, which intset_check or listpack_check has accepted; NULL
 * where a listpack has a member twice. Becomes a table at once where the limits say so. */
entry *set_new_of_intset(slice key, int64_t due_ms, const void *bytes, size_t length,
                         const set_settings *settings);
entry *set_new_of_listpack(slice key, int64_t due_ms, const void *bytes, size_t length,
                           const set_settings *settings);

/* The caller is about to add as many members as this: where they alone pass the limit of the set's
 * encoding, it becomes a table at once. */
void set_expect(entry *e, size_t count_hint, const set_settings *settings);

/* Make a set of numbers, in whatever encoding, an intset where the limits allow: for results of
 * the ...STORE commands. */
void set_compact(entry *e, const set_settings *settings);

/* The encoding that a new set would end with to which the members of `e` came one by one. O(members
 * until it is a table). */
entry_encoding set_encoding_of_copy(const entry *e, const set_settings *settings);

/* Make it a table, whatever its size. */
void set_make_table(entry *e, const set_settings *settings);

/* ---- members ---- */

/* Add a member; whether it is new. May change the encoding. The bytes are copied, and may not lie
 * in this set. */
bool set_add(entry *e, slice member, const set_settings *settings);

/* Take a member out; whether it was there. `member` may lie in this set. */
bool set_remove(entry *e, slice member);

bool set_has(const entry *e, slice member);
size_t set_count(const entry *e);

/* The hash by which tables find a member, the same in all sets of one engine. */
static inline uint64_t set_hash(const set_settings *settings, slice member) {
    return hash_bytes(&settings->table.seed, member.data, member.length);
}
/* set_has with the hash at hand. */
bool set_has_hashed(const entry *e, slice member, uint64_t hash);
/* Start to load what set_has_hashed will touch: the bucket first, later the member. */
void set_prefetch(const entry *e, uint64_t hash);
void set_prefetch_member(const entry *e, uint64_t hash);

/* ---- walking ---- */

typedef struct set_iterator {
    const uint8_t *small; /* intset, or listpack; NULL: a table */
    const uint8_t *at;    /* listpack: the next member */
    uint32_t index;       /* intset: the next member's */
    bool is_listpack;
    hashtable_iterator table;
    char digits[NUMBER_INT64_MAX_LENGTH];
} set_iterator;

/* The set must not change while an iterator is used. */
void set_iterate(set_iterator *iterator, const entry *e);
/* The next member; false at the end. */
bool set_next(set_iterator *iterator, slice *member);

/* The table of a set that has one, for hashtable_scan, and the member that an element of it is. */
const hashtable *set_get_table(const entry *e);
slice set_element_member(const void *element);
/* Bytes of the element that a member would be, and to write it there: for tables of one's own. */
size_t set_element_bytes(slice member);
void set_element_write(uint8_t *to, slice member);

/* ---- at random ---- */

/* Given a member, borrowed for the time of the call; false: no more of them. */
typedef bool (*set_visit)(void *context, slice member);

/* One member of a set that is not empty, each about equally likely; `digits`:
 * NUMBER_INT64_MAX_LENGTH bytes that the member may borrow. */
slice set_random(const entry *e, random_state *random, char *digits);

/* Visit `count` different members, any such group equally likely; count <= set_count. The answer of
 * `visit` does not matter. */
void set_sample(const entry *e, size_t count, random_state *random, set_visit visit,
                void *context);

/* The same, and take them out; count < set_count. Where few of a table stay, they are written to a
 * new set, which may be a listpack. Returns what is left of the old one: to be freed in slices by
 * set_detached_step; mostly NULL. */
void *set_pop(entry *e, size_t count, random_state *random, const set_settings *settings,
              set_visit visit, void *context);

/* ---- the value as a whole ---- */

/* Bytes behind the entry's pointer, as the allocator counts them. O(1). */
size_t set_bytes(const entry *e);

/* Give a copy of an entry, which has the same pointer as its original, a set of its own. */
void set_own(entry *copy);

/* Free the set at once; the entry is left without a value. */
void set_free(entry *e);

/* To free a table in slices: take it from the entry, which is left without a value, then call the
 * step until it returns true. */
void *set_detach(entry *e);
bool set_detached_step(void *detached, size_t budget);

#endif
