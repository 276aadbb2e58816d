/* list: the value of a list key: a listpack while it is short, then a quicklist.
 *
 *   entry --pointer--> listpack block                        ENTRY_LISTPACK
 *                      (room behind it: see below)
 *         --pointer--> quicklist --> nodes                   ENTRY_QUICKLIST
 *
 * Conversions, all decided by list-max-listpack-size (limits->list_size):
 *
 *   listpack -> quicklist    before a write, where listpack and texts to add together exceed a
 *                            node: list_expect. Also where the write then fails, as LINSERT may.
 *   quicklist -> listpack    after a removal or LSET, where one node is left that is not plain and
 *                            not above half of a node: list_shrink; after loading, where it is not
 *                            above a whole node: list_settle.
 *
 * How many nodes of a quicklist stay uncompressed at either end (limits->list_compress_depth) is
 * fixed when it is made: by a conversion, by loading, or as its original's when it is copied.
 *
 * A listpack's block is larger than the listpack by up to an eighth, in steps that its length alone
 * decides (list_pack_capacity): pushes then mostly write in place, and nothing is stored.
 *
 * Invariants: a list that stands in a database is not empty. The block of a listpack has exactly
 * list_pack_capacity(listpack_bytes) bytes.
 *
 * Complexity: push, pop O(1) amortized (a listpack: O(bytes)); length, bytes O(1); at, seek as in
 * quicklist.h. Ownership: the entry owns the value. Texts that are handed out borrow the list and
 * are good until its next change; a text that is put in must not be borrowed from the same list.
 */
#ifndef FASTREDIS_LIST_H
#define FASTREDIS_LIST_H

#include "common.h"
#include "entry.h"
#include "packing.h"
#include "quicklist.h"

size_t list_pack_capacity(size_t bytes);

/* ---- whole lists ---- */

/* New entry with an empty list, in no database. */
entry *list_new(slice key, int64_t due_ms);
/* New entry that takes a quicklist, which becomes a listpack where it is short enough. */
entry *list_new_of(slice key, int64_t due_ms, quicklist *list, const collection_limits *limits);
/* Free the value (not the entry). */
void list_free(entry *e);
/* Give a copied entry, whose pointer is the original's, a value of its own. */
void list_own(entry *copy);
size_t list_length(const entry *e);
/* Bytes allocated behind the pointer. */
size_t list_bytes(const entry *e);

static inline bool list_is_packed(const entry *e)
{
    return entry_get_encoding(e) == ENTRY_LISTPACK;
}
static inline listpack *list_pack(const entry *e) { return entry_pointer(e); }
static inline quicklist *list_quick(const entry *e) { return entry_pointer(e); }

/* ---- conversions ---- */

/* Texts of together so many bytes are to be added. */
void list_expect(entry *e, size_t bytes, size_t count, const collection_limits *limits);
/* Elements have been removed or replaced; the list is not empty. */
void list_shrink(entry *e, const collection_limits *limits);

/* ---- ends ---- */

void list_push(entry *e, slice value, bool at_head, const collection_limits *limits);
/* The same for a value that list_expect has been told of. */
void list_put(entry *e, slice value, bool at_head);
/* The element at an end; the list is not empty. `digits`: NUMBER_INT64_MAX_LENGTH bytes. */
slice list_end(const entry *e, bool at_head, char *digits);
/* Drop it; the caller goes on with list_shrink or removes the key. */
void list_pop(entry *e, bool at_head);

/* ---- walking ----
 *
 * A walk ends with list_leave, but for those that end where the iterator becomes void: at the end
 * of the list, and with list_replace and list_insert. */

typedef struct list_iterator {
    const entry *e;
    const listpack *lp; /* NULL: a quicklist */
    uint8_t *at;
    quicklist_cursor cursor;
    bool backward;
    bool is_ahead; /* stands on the element that the next step is to reach */
    char digits[NUMBER_INT64_MAX_LENGTH];
} list_iterator;

/* Before the first element (or behind the last). False: the list is empty. */
bool list_iterate(list_iterator *iterator, const entry *e, bool from_tail);
/* So that the next step reaches `index` (negative: from the end). False: there is none. */
bool list_iterate_at(list_iterator *iterator, const entry *e, int64_t index, bool backward);
/* To the next element; false at the end. */
bool list_step(list_iterator *iterator);
/* The element stood on: its text, good until the next step; whether it equals a text. */
slice list_value(list_iterator *iterator);
bool list_matches(const list_iterator *iterator, slice text);
/* list_step and list_value. */
bool list_next(list_iterator *iterator, slice *value);
/* Take out the element stood on; the next step reaches its neighbour. False: it was the last one
 * in this direction. The caller goes on with list_shrink or removes the key. */
bool list_remove(list_iterator *iterator, entry *e);
/* Break a walk off; does nothing where the iterator is void. */
void list_leave(list_iterator *iterator);

/* ---- anywhere ---- */

/* Put a value in the place of the element stood on. The iterator is void. */
void list_replace(list_iterator *iterator, entry *e, slice value);
/* Insert before or after the element stood on. The iterator is void. */
void list_insert(list_iterator *iterator, entry *e, slice value, bool after);
/* Take `count` elements out from `start` on; both lie within the list, and one is left. */
void list_remove_range(entry *e, size_t start, size_t count);

#endif
