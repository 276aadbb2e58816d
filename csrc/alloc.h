/* alloc.h - where every byte of the data set comes from.
 *
 * An in-memory server is millions of blocks of 16 to 200 bytes. A general allocator spends 8 bytes
 * of header and up to 25 % of rounding on each, and cannot say how much it has handed out. Here
 * the caller states the size again when it frees, so blocks need no header, classes can be 8 bytes
 * apart, and the sum of all blocks is known exactly at every moment.
 *
 *   sizes 1 .. 1024   slabs: 128 classes, 8 bytes apart, one class a slab
 *   sizes above       the C library, with a counter in front
 *   whole pages       alloc_pages: 64 KB units, zeroed, for segments of hash tables
 *
 * Layout. Memory comes from the system in ARENAS of 4 MB, aligned to 4 MB, cut in 64 SLABS of
 * 64 KB. Slab 0 holds the 64-byte descriptors of the others, not the slabs themselves: descriptors
 * at the head of each slab would all be a multiple of 64 KB apart and fight for the same few sets
 * of the caches. For the same reason the table of descriptors begins at an offset inside slab 0
 * that differs from arena to arena (its "colour", bits 22..25 of the address):
 *
 *   4 MB-aligned
 *   |
 *   v slab 0 (only one page of it is ever touched)           slab 1        slab 2         slab 63
 *   +---------------------------------------------------+-------------+-------------+ - - +------+
 *   | untouched | arena | desc 1 | desc 2 | ... desc 63 | b b b b b.. | B  B  B ... |     |      |
 *   +---------------------------------------------------+-------------+-------------+ - - +------+
 *               ^ colour * 4 KB                                ^
 *               descriptor of an address = arena + ((address >> 16) & 1023) * 64
 *
 *   one slab:  | block | block | freed | block | freed | carved, never used | untouched pages ... |
 *                                 |  ^             |
 *         descriptor.free --------+--+-------------+  linked through the first 8 bytes
 *
 * A slab's blocks are carved from its start a page at a time, so memory that is not needed is not
 * touched, and 128 classes in use cost 128 pages, not 128 slabs.
 *
 * Which slab serves. Each class has one current slab: alloc_new pops its free list and does
 * nothing else. When it is exhausted, the next one is taken from the fullest quarter that has any
 * (fullest first: sparse slabs are left to drain and go back), the longest waiting of those
 * (it has gathered the most freed blocks). A free pushes the block on its own slab's list; a
 * comparison with `event_at` finds the rare moments when the slab has to change lists: full no
 * more, down a quarter, or empty.
 *
 * Empty slabs go back to their arena, where they are taken first for the next need. 4 MB of such
 * memory stay resident; what is above goes to the system 1 MB at a time, when the server's timer
 * calls alloc_purge, so that a FLUSHALL shrinks the process without a long stall. (Only beyond
 * 64 MB does a free purge by itself.) Arenas without a single slab in use are unmapped then.
 *
 * Invariants
 *   - used <= capacity; the free list has carved - used blocks; those beyond are untouched.
 *   - a slab is exactly one of: current of its class, full (in no list), in the list of its
 *     quarter, or free in its arena's bitmap.
 *   - the clean free slabs of an arena read as zero; the dirty ones hold anything.
 *   - every address handed out is below 2^48: entries and buckets pack pointers in 48 bits.
 *
 * Complexity: new, free, and resize without a change of class are O(1); resize with one copies;
 * pages are O(1) plus the zeroing.
 *
 * Measured beside glibc's malloc (EPYC, VM, blocks of 72 bytes, ns): new and free of the same block
 * 4 (10); a million new blocks 35-42 each, nearly all page faults (53); free 100 and take 100 out
 * of a million 42 (80); free a million in random order 14 each (75). Resident: 72.2 bytes a block
 * (80.3).
 *
 * Ownership: whoever calls alloc_new or alloc_pages owns the block until it passes it, with the
 * size that it asked for, to alloc_free or alloc_pages_free. There is no allocation failure to
 * handle: without memory the process ends with a message (maxmemory is the recoverable path).
 *
 * Threads: one thread only, except alloc_free_detached. The state below is global: the count
 * must be one, whoever asks. (Beside it csrc has the queue of lazyfree, the worker of
 * prefault, and what clock has measured once.)
 *
 * Disadvantages: blocks cannot move, so a data set that shrinks at random keeps sparse slabs until
 * they are reused or drained; 8-byte alignment is not enough for SSE types; a wrong size at free
 * corrupts (found by the builds below).
 *
 * Build switches: FASTREDIS_ALLOC_LIBC takes every block from malloc in its exact size, with the
 * same counters: for address- and leak-checking builds. FASTREDIS_DEBUG checks each sized free
 * against the slab's class, or, with FASTREDIS_ALLOC_LIBC, against a header before the block.
 */
#ifndef FASTREDIS_ALLOC_H
#define FASTREDIS_ALLOC_H

#include "common.h"

#define ALLOC_SLAB_LIMIT ((size_t)1024)      /* the largest block that lives in a slab */
#define ALLOC_CLASSES 128                    /* ALLOC_SLAB_LIMIT / 8 */
#define ALLOC_SLAB_BYTES ((size_t)64 << 10)  /* also the unit of alloc_pages */
#define ALLOC_ARENA_BYTES ((size_t)4 << 20)

/* The descriptor of a slab: one cache line. Private to the allocator; here for the fast paths. */
typedef struct alloc_slab {
    void *free;              /* first free carved block, linked through the blocks */
    uint16_t used;           /* blocks in callers' hands */
    uint16_t event_at;       /* a free that brings `used` to this number is a change of list */
    uint16_t carved;         /* blocks that have ever been on the free list */
    uint16_t capacity;       /* blocks in the slab */
    uint16_t block_bytes;
    uint8_t class_index;     /* block_bytes / 8 - 1 */
    uint8_t quarter;         /* the list that it is in, 0..3, or one of the states of alloc.c */
    char *start;             /* of the slab's 64 KB */
    struct alloc_slab *next; /* in the list of its quarter */
    struct alloc_slab *previous;
} __attribute__((aligned(64))) alloc_slab;

static_assert(sizeof(alloc_slab) == 64, "a descriptor is one cache line");
static_assert(ALLOC_CLASSES * 8 == ALLOC_SLAB_LIMIT, "classes are 8 bytes apart");
static_assert(ALLOC_SLAB_BYTES / 8 < UINT16_MAX, "block counts fit 16 bits");
static_assert(ALLOC_ARENA_BYTES / ALLOC_SLAB_BYTES == 64, "a bitmap of slabs is one word");

typedef struct alloc_state_type {
    size_t used_bytes;
    size_t peak_bytes;
    alloc_slab *current[ALLOC_CLASSES]; /* never NULL: a slab without blocks stands for none */
} alloc_state_type;

extern alloc_state_type alloc_state __attribute__((visibility("hidden")));

/* Out-of-line halves of the functions below; not for callers. */
void *alloc_new_slow(size_t size) __attribute__((returns_nonnull));
void alloc_free_slow(void *block, size_t size);
void alloc_slab_event(alloc_slab *slab);
void alloc_check_block(const void *block, size_t size);

/* The bytes that a block of `size` really has, all of which may be used, and by which it is
 * counted. Exactly `size` under FASTREDIS_ALLOC_LIBC, so that overruns are seen. */
static ALWAYS_INLINE size_t alloc_usable(size_t size)
{
    if (UNLIKELY(size == 0))
        size = 1;
#ifdef FASTREDIS_ALLOC_LIBC
    return size;
#else
    if (size <= ALLOC_SLAB_LIMIT)
        return (size + 7) & ~(size_t)7;
    return ((size + 23) & ~(size_t)15) - 8; /* glibc: units of 16 bytes, less 8 for its header */
#endif
}

/* Where the descriptor of the slab that holds this address is. Only for addresses in slabs. */
static ALWAYS_INLINE alloc_slab *alloc_slab_of(const void *address)
{
    uintptr_t bits = (uintptr_t)address;
    return (alloc_slab *)((bits & ~(uintptr_t)(ALLOC_ARENA_BYTES - 1)) + ((bits >> 10) & 0xFFC0));
}

/* Returns a new block of at least `size` bytes (0 counts as 1), aligned to 8, contents undefined.
 * Never NULL. The caller owns it. */
static ALWAYS_INLINE __attribute__((returns_nonnull, warn_unused_result)) void *
alloc_new(size_t size)
{
#ifndef FASTREDIS_ALLOC_LIBC
    size_t class_index = (size - 1) >> 3;
    if (LIKELY(class_index < ALLOC_CLASSES)) {
        alloc_slab *slab = alloc_state.current[class_index];
        void *block = slab->free;
        if (LIKELY(block != NULL)) {
            void *next;
            memcpy(&next, block, sizeof next);
            slab->free = next;
            slab->used++;
            size_t used_bytes = alloc_state.used_bytes + (class_index + 1) * 8;
            alloc_state.used_bytes = used_bytes;
            if (used_bytes > alloc_state.peak_bytes)
                alloc_state.peak_bytes = used_bytes;
            return block;
        }
    }
#endif
    return alloc_new_slow(size);
}

/* The same, reading as zero. Of a block of many pages those that are never touched stay unbacked:
 * a client can ask for 512 MB of zeros in one short command. */
void *alloc_new_zeroed(size_t size) __attribute__((returns_nonnull, warn_unused_result));

/* Takes the block back. `size` is what alloc_new or alloc_resize was last given for it (any number
 * with the same alloc_usable will do). (NULL, 0) is allowed and does nothing. */
static ALWAYS_INLINE void alloc_free(void *block, size_t size)
{
#ifndef FASTREDIS_ALLOC_LIBC
    size_t class_index = (size - 1) >> 3;
    if (LIKELY(class_index < ALLOC_CLASSES)) {
#ifdef FASTREDIS_DEBUG
        alloc_check_block(block, size);
#endif
        alloc_slab *slab = alloc_slab_of(block);
        memcpy(block, &slab->free, sizeof slab->free);
        slab->free = block;
        alloc_state.used_bytes -= (class_index + 1) * 8;
        if (UNLIKELY(--slab->used == slab->event_at))
            alloc_slab_event(slab);
        return;
    }
#endif
    alloc_free_slow(block, size);
}

/* Takes a block of `old_size` and returns one of `new_size` with the same first bytes: the same
 * one when alloc_usable of both sizes is equal. (NULL, 0, n) is alloc_new(n). */
void *alloc_resize(void *block, size_t old_size, size_t new_size)
    __attribute__((returns_nonnull, warn_unused_result));

/* Takes a block of more than ALLOC_SLAB_LIMIT bytes out of the counts, so that any thread may pass
 * it to alloc_free_detached: how big values are freed beside the main thread. */
void alloc_detach(void *block, size_t size);

/* Frees a detached block. The one function here that any thread may call. */
void alloc_free_detached(void *block);

/* Returns new zeroed memory of `size` bytes rounded up to 64 KB, aligned to 64 KB. Pages that are
 * never touched stay unbacked (unless huge pages are on). The caller owns it. */
void *alloc_pages(size_t size) __attribute__((returns_nonnull, warn_unused_result));

/* Takes pages back; `size` as given to alloc_pages. (NULL, 0) does nothing. */
void alloc_pages_free(void *pages, size_t size);

/* Sum of alloc_usable over all blocks that exist, and of the pages in their 64 KB units. */
static ALWAYS_INLINE size_t alloc_used_bytes(void)
{
    return alloc_state.used_bytes;
}

/* The largest that alloc_used_bytes has been since the start or the last reset. */
static ALWAYS_INLINE size_t alloc_peak_bytes(void)
{
    return alloc_state.peak_bytes;
}

static ALWAYS_INLINE void alloc_reset_peak(void)
{
    alloc_state.peak_bytes = alloc_state.used_bytes;
}

/* Address space of the arenas and of large alloc_pages; what the C library maps is not known. */
size_t alloc_mapped_bytes(void);

/* Part of alloc_mapped_bytes that nobody uses and that is still resident: empty slabs. */
size_t alloc_reserve_bytes(void);

/* Gives at most 1 MB of empty slabs beyond the reserve of 4 MB back to the system, in about 0.1 ms.
 * True: there is more. For the server's timer. */
bool alloc_purge(void);

/* Gives all empty slabs back at once, the reserve included, and asks the C library to do the same.
 * Up to 0.1 ms a MB: after a command that asks for it, not for the timer. */
void alloc_trim(void);

/* Whether memory mapped from now on is backed by huge pages (Linux; elsewhere nothing happens).
 * Off at the start: random access gets 5 to 12 % faster (1 to 5 M blocks of 72 bytes), but a write
 * after a fork copies 2 MB, not 4 KB. */
void alloc_use_huge_pages(bool enabled);

/* Whether arenas beyond the first 16 MB come from a helper thread that has backed them with huge
 * pages ahead of need (prefault.h): the same gain without the stalls of a first touch. */
void alloc_prepare_arenas(bool enabled);

#endif
