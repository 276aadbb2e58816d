/* lazyfree: blocks of a megabyte and more are given back beside the main thread.
 *
 * Why: to unmap 512 MB takes the kernel 30 to 100 ms, and the server has one thread. Whoever drops
 * a giant hands it over instead, in constant time; a helper thread gives its pages back.
 *
 *   main thread                        helper
 *     alloc_detach (counters)
 *     lock, append, signal  ---------> take all, unlock
 *                                      for each: pages back a slice at a time, alloc_free_detached
 *
 * Why slices: while one system call unmaps, a page fault or a mapping of the main thread waits for
 * the same lock of the address space. After LAZYFREE_SLICE_BYTES (about half a millisecond) the
 * lock is free for a moment. The helper runs at a low priority, so that it also shares one core
 * well.
 *
 * The queue is linked through the blocks themselves: handing over allocates nothing.
 *
 * Invariants: used_bytes falls at once, resident memory soon after. What waits is bounded: above
 * LAZYFREE_WAITING_MAX the caller frees by itself, as it does where no thread can be started. The
 * helper never touches Python, takes no signals, and is started by the first block.
 *
 * Complexity: lazyfree_block O(1). Ownership: lazyfree_block takes the block.
 *
 * Threads: one thread hands over. After a fork the child has no helper and frees by itself.
 */
#ifndef FASTREDIS_LAZYFREE_H
#define FASTREDIS_LAZYFREE_H

#include "common.h"

#define LAZYFREE_MIN ((size_t)1 << 20)         /* smaller blocks are freed at once */
#define LAZYFREE_SLICE_BYTES ((size_t)4 << 20)
#define LAZYFREE_WAITING_MAX ((size_t)2 << 30)

/* Takes a block that alloc_new or alloc_resize gave for `size` bytes, as alloc_free does. */
void lazyfree_block(void *block, size_t size);

/* Bytes handed over that are not given back yet. */
size_t lazyfree_waiting_bytes(void);

/* Wait until nothing waits: for tests and for a command that promises free memory. */
void lazyfree_wait(void);

/* End the helper; what waits is left to the end of the process. Registered with atexit; after it
 * blocks are freed at once until the next fork or the end. */
void lazyfree_stop(void);

#endif
