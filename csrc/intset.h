/* intset: a small set of numbers in one sorted array, byte for byte as RDB files store it.
 *
 *   0            4          8
 *   +------------+----------+--------+--------+- - -
 *   | width 32   | count 32 | number | number |            low byte first, ascending
 *   +------------+----------+--------+--------+- - -
 *     width: 2, 4 or 8 bytes a number: the narrowest that holds all that were ever in the set
 *
 * Why: 2 to 8 bytes a member, found by binary search in one or two cache lines.
 *
 * Invariants: strictly ascending; the block has exactly intset_bytes() bytes. An intset from
 * outside goes through intset_check first; every other call trusts it.
 *
 * Complexity: find O(log n); add and remove O(n) bytes moved; at, random O(1). Ownership: calls
 * that change take the intset and return it or its successor.
 */
#ifndef FASTREDIS_INTSET_H
#define FASTREDIS_INTSET_H

#include "alloc.h"
#include "common.h"
#include "random.h"

enum { INTSET_HEADER_BYTES = 8 };

typedef uint8_t intset; /* always handled by address */

intset *intset_new(void);
void intset_free(intset *set);
intset *intset_copy(const intset *set);
/* New copy of bytes that intset_check has accepted. */
intset *intset_of_bytes(const void *bytes, size_t length);

static inline uint32_t intset_width(const intset *set) { return load_u32(set); }
static inline uint32_t intset_count(const intset *set) { return load_u32(set + 4); }
static inline size_t intset_bytes(const intset *set) {
    return INTSET_HEADER_BYTES + (size_t)intset_count(set) * intset_width(set);
}

/* The number at `index` (below the count), in ascending order. */
int64_t intset_at(const intset *set, uint32_t index);
bool intset_has(const intset *set, int64_t number);
/* Any member, each equally likely; the set is not empty. */
int64_t intset_random(const intset *set, random_state *random);

/* *added tells whether it was new. */
intset *intset_add(intset *set, int64_t number, bool *added);
/* *removed tells whether it was there. */
intset *intset_remove(intset *set, int64_t number, bool *removed);

/* Whether the bytes are one whole, well-formed intset: width, count, order. */
bool intset_check(const void *bytes, size_t length);

#endif
