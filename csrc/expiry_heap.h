/* expiry_heap.h - which key is due next, exactly.
 *
 * Keys that expire stand in a minimum heap by due time, so the server can sleep until the first one
 * is due and remove it in that millisecond. (Sampling at random, the usual way, finds a key the
 * later the more keys there are that are not due.) An element knows its own position in the heap,
 * so a change of its due time or its deletion costs O(log n) and no search.
 *
 * A node is 12 bytes. That is all a volatile key costs here:
 *
 *      byte 0            6            12
 *           +------------+------------+      due: milliseconds since 1970, clamped to 48 bits
 *           | due, 48 bit| element, 48|      element: address, below 2^48
 *           +------------+------------+      both lowest byte first
 *
 * The heap is 8-ary: the children of position p are 8p + 1 ... 8p + 8. Against two children it has
 * a third of the levels, and levels are what costs: each level of a sift writes the new position
 * into an element somewhere in memory. The 8 children of a node are 96 bytes beside each other:
 *
 *      slot   0 ... 6 | 7    | 8 ... 15       | 16 ... 23       | 24 ... 31      |     slot = p + 7
 *             unused  | root | its 8 children | children of p=1 | children of p=2| ...
 *
 * Slots are in chunks of 4,096 (48 KB) behind a directory. A heap that grows never moves what it
 * holds and never doubles; groups of children do not cross chunks. Only the first chunk begins
 * small (16 slots) and doubles up to 48 KB: a hash with three volatile fields has a heap too.
 *
 *      directory -> [chunk 0] [chunk 1] ... [chunk k]     an empty last chunk is kept until the one
 *                     48 KB     48 KB         48 KB       before it is half empty: a count that
 *                                                         swings about a boundary costs nothing
 *
 * Invariants
 *   - due(parent) <= due(child) for every node.
 *   - `move` has told every element its present position, and no element a wrong one.
 *   - slots 7 .. count + 6 are in use, and chunks cover them with at most a chunk and a half to
 *     spare.
 *
 * Complexity: first O(1); add O(1) when due times come in increasing order, else O(log8 n); update
 * and remove O(log8 n) moves, each with a look at up to 8 children; clear O(chunks). An operation
 * calls `move` at most 12 times (8^11 > 2^32).
 *
 * Measured with a million elements of 72 bytes at random addresses (EPYC, VM; binary heap beside
 * it), ns: add of increasing dues 35 (35), of random dues 36 (55), random update 150 (350), removal
 * of the first 170 (525), of which most is memory latency: the elements hear where they stand.
 *
 * Ownership: the heap owns its chunks, never the elements. An element must be removed before it is
 * freed, and replaced when it is reallocated. Equal due times leave in any order.
 *
 * Disadvantages: no ordered iteration; removing the first costs more than in a timer wheel, which
 * in turn would be exact only to its tick and move far dates again and again.
 */
#ifndef FASTREDIS_EXPIRY_HEAP_H
#define FASTREDIS_EXPIRY_HEAP_H

#include "common.h"

#define EXPIRY_HEAP_NODE_BYTES 12
#define EXPIRY_HEAP_CHUNK_NODES 4096

/* No position is ever this: elements may use it for "in no heap". Also the most elements. */
#define EXPIRY_HEAP_NOWHERE UINT32_MAX

/* The latest due time that the heap tells apart (in the year 10889); later ones count as this. */
#define EXPIRY_HEAP_DUE_MAX ((INT64_C(1) << 48) - 1)

/* Tells the element where it stands now. Must only store it: the heap is mid-change. */
typedef void (*expiry_heap_move)(void *element, uint32_t position);

/* Public so that it can be embedded; the fields are private. */
typedef struct expiry_heap {
    char **chunks;
    expiry_heap_move move;
    uint32_t count;
    uint32_t chunk_count;    /* chunks that exist */
    uint32_t directory_room; /* entries of `chunks` */
    uint32_t first_room;     /* slots of chunk 0: a power of two up to a whole chunk */
} expiry_heap;

static_assert(sizeof(expiry_heap) == 32, "embedded in every hash that has volatile fields");

/* An empty heap; allocates nothing. */
void expiry_heap_init(expiry_heap *heap, expiry_heap_move move);

/* Frees the chunks and leaves an empty heap. Elements are not touched or told. O(chunks). */
void expiry_heap_clear(expiry_heap *heap);

/* The same; the heap may be forgotten afterwards. */
void expiry_heap_free(expiry_heap *heap);

/* Borrows `element` (not NULL) until it is removed, and tells it its position. A negative due time
 * counts as 0. Ends the process at 2^32 - 1 elements. */
void expiry_heap_add(expiry_heap *heap, void *element, int64_t due_ms);

/* Gives the element at `position` a new due time. */
void expiry_heap_update(expiry_heap *heap, uint32_t position, int64_t due_ms);

/* The element at `position` now lives at another address. Nothing moves; `move` is not called:
 * the copy knows its position already. */
void expiry_heap_replace(expiry_heap *heap, uint32_t position, void *element);

/* Takes the element at `position` out. It is not told; others that move are. */
void expiry_heap_remove(expiry_heap *heap, uint32_t position);

/* The element that is due first and its due time as clamped. False when the heap is empty; then
 * nothing is stored. Both out-parameters may be NULL. */
bool expiry_heap_first(const expiry_heap *heap, void **element, int64_t *due_ms);

/* What stands at `position` (below the count). */
void *expiry_heap_element(const expiry_heap *heap, uint32_t position);
int64_t expiry_heap_due(const expiry_heap *heap, uint32_t position);

static ALWAYS_INLINE size_t expiry_heap_count(const expiry_heap *heap)
{
    return heap->count;
}

/* How many elements are due at `now_ms`: they are the top of the heap. O(their number). */
size_t expiry_heap_count_due(const expiry_heap *heap, int64_t now_ms);

/* Bytes allocated for the heap, without the struct itself. */
size_t expiry_heap_bytes(const expiry_heap *heap);

#endif
