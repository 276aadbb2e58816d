/* sort: the elements that SORT puts in order, what they are ordered by, and names made of patterns.
 *
 *   items    { text, weight or score, number }  { ... }  { ... }      one array, sorted in place
 *              |        |
 *              v        v
 *   chunks   [ bytes that would not outlive the walk of the collection ... ] -> [ ... ]
 *
 * Only the wanted range is brought into order: partitions outside of it are left as they fall, so
 * that LIMIT 0 10 of n elements costs O(n), not O(n log n).
 *
 * Order: by score, equal ones by their texts; or by weight (no weight before any); or by text.
 * What is equal then keeps the order in which it came, so no two items are ever equal, and results
 * do not depend on the algorithm. Texts are compared byte by byte; collated ones, as in the C
 * locale, end at their first NUL.
 *
 * Patterns. BY and GET take the text of an element to a key or a field:
 *
 *   #            the element itself
 *   user:*       the key user:ELEMENT
 *   user:*->age  the field age of the hash user:ELEMENT
 *   user         nothing: there is no *
 *
 * Complexity: range O(n + k log k) expected for k wanted ones, O(n log n) at worst. Ownership: the
 * items own their chunks; texts and weights are borrowed unless kept by sort_keep.
 */
#ifndef FASTREDIS_SORT_H
#define FASTREDIS_SORT_H

#include "alloc.h"
#include "common.h"

typedef struct sort_item {
    slice text;
    union {
        double score;
        slice weight; /* data NULL: none */
    };
    size_t number; /* in the order of coming */
} sort_item;

typedef struct sort_chunk sort_chunk;

typedef struct sort_items {
    sort_item *items;
    size_t count;
    size_t capacity;
    sort_chunk *chunks;
} sort_items;

typedef enum sort_kind {
    SORT_BY_SCORE,
    SORT_BY_TEXT,
    SORT_BY_WEIGHT,
} sort_kind;

typedef struct sort_order {
    sort_kind kind;
    bool descending;
    bool collated; /* texts end at a NUL; not where scores are equal */
} sort_order;

void sort_begin(sort_items *items);
void sort_end(sort_items *items);

/* A copy of the bytes that lives as long as the items. */
slice sort_keep(sort_items *items, slice text);

/* Append an item; its score is 0, its weight none. The text is borrowed until sort_end. */
void sort_add(sort_items *items, slice text);

/* Bring the items that stand at `start` to `start + count` in the whole order there. Both lie
 * within the count. */
void sort_range(sort_items *items, size_t start, size_t count, sort_order order);

/* The score that a text means: a decimal number, or an infinity, up to its end or a NUL; nothing is
 * 0, and what is out of range is infinite or 0. False: it is none. */
bool sort_score(slice text, double *score);

/* ---- patterns ---- */

typedef enum sort_target {
    SORT_NOTHING,
    SORT_ELEMENT,
    SORT_KEY,
    SORT_FIELD,
} sort_target;

typedef struct sort_pattern {
    sort_target target;
    slice before, behind; /* of the *, in the name of the key */
    slice field;
} sort_pattern;

/* Borrows the text. */
sort_pattern sort_pattern_of(slice text);

/* A buffer for the names of keys, one after the other. */
typedef struct sort_name {
    char *block;
    size_t capacity;
} sort_name;

static inline void sort_name_begin(sort_name *name) { *name = (sort_name){NULL, 0}; }
void sort_name_end(sort_name *name);
/* The key that the pattern means for an element; good until the next one. */
slice sort_name_key(sort_name *name, const sort_pattern *pattern, slice element);

#endif
