/* set_algebra: intersection, union and difference of sets, member by member, without a result set.
 *
 * Nothing is copied that need not be: each call walks its inputs and visits the members of the
 * result. Members go through in batches of 32: one table after the other is asked for all of them,
 * buckets first, then the members that may match, so that cache misses overlap:
 *
 *   walk -> [ m0 m1 ... m31 ] -> has set 1? -> [ m0 m4 ... ] -> has set 2? -> ... -> visit
 *
 *   intersection   walks the smallest set and asks the others
 *   union          walks each set and leaves out what one before it has; from the fifth set on what
 *                  has been seen is kept in a table of borrowed members
 *   difference     walks the first set and asks the others; or, where they are many or small, walks
 *                  them, notes which members of the first they hold, and walks the first once
 *
 * The tables of notes hold references to members of the inputs, about 10 bytes each; only members
 * of sets that have no table are copied, and those sets are small.
 *
 * Complexity, n = members of the smallest or first set, s = sum of all: intersection O(n * sets);
 * union O(s), difference O(min(n * sets, s)) of lookups.
 *
 * Inputs may occur twice, and may not change meanwhile: `visit` must not change them.
 */
#ifndef FASTREDIS_SET_ALGEBRA_H
#define FASTREDIS_SET_ALGEBRA_H

#include "set.h"

/* `sets`: entries of sets, none NULL; count at least 1. The array is sorted by size here, smallest
 * first; those of the other calls are not changed. */
void set_intersect(const entry **sets, size_t count, const set_settings *settings,
                   set_visit visit, void *context);

void set_unite(const entry *const *sets, size_t count, const set_settings *settings,
               set_visit visit, void *context);

/* What the first set holds and no other does. */
void set_subtract(const entry *const *sets, size_t count, const set_settings *settings,
                  set_visit visit, void *context);

#endif
