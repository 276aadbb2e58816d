/* prefault: the memory of the next arena, backed by huge pages before it is needed.
 *
 * Why: a lookup at random in a big keyspace misses the translation cache, twice for each key, and
 * under a hypervisor each miss walks two page tables. Huge pages take those misses away, but the
 * first touch of one clears 2 MB: 0.1 ms on a plain machine, and up to 15 ms in a virtual one whose
 * host has to find the memory. So a helper thread does the touching, one arena ahead.
 *
 *   main thread                               helper
 *     prefault_take: exchange ready, NULL       waits for `wanted`
 *        |  a piece: post `wanted` -----------> map 8 MB, cut 4 MB to size, touch each huge page
 *        v  none yet: the caller maps           ready = piece
 *           ordinary pages, nothing waits
 *
 * A fault holds the lock of its own mapping alone, once that mapping has had a first fault; the
 * helper takes that one on an ordinary page beside the piece, so that no call of the main thread
 * that maps memory waits for a huge page to be cleared.
 *
 * After a fork Linux (5.8 and later) copies 4 KB of a huge page that is written to, not all of it.
 *
 * Where the kernel has no huge pages to give, the piece is backed by small ones: as good as before.
 * Elsewhere than on Linux, and in builds that take every block from the C library, nothing is ever
 * ready.
 *
 * Invariants: at most one piece is ready or being made, so that at most 4 MB are resident ahead of
 * need. The helper never touches Python and takes no signals. A forked child takes nothing.
 *
 * Complexity: take O(1), no system call but the wake-up. Ownership: the caller of prefault_take
 * owns the piece, as from mmap; one that is ready at the end goes with the process.
 */
#ifndef FASTREDIS_PREFAULT_H
#define FASTREDIS_PREFAULT_H

#include "common.h"

#define PREFAULT_BYTES ((size_t)4 << 20) /* and the alignment of a piece */

/* Start the helper, unless it runs, and let it make the first piece. */
void prefault_start(void);

/* A new piece of zeros, or NULL where none is ready. */
void *prefault_take(void);

/* Wait until a piece is ready; false where none ever will be. For tests. */
bool prefault_wait(void);

/* End the helper. Registered with atexit. */
void prefault_stop(void);

#endif
