/* listpack: a short sequence of texts and numbers in one block, byte for byte as RDB stores it.
 *
 * Why: a small list, hash or sorted set costs one block and one cache miss or two, not a node for
 * each element; and saving it is a copy. The price is that every search and every change walks or
 * moves the block, so the engine keeps listpacks short (…-max-listpack-… of the configuration).
 *
 *   0           4        6
 *   +-----------+--------+---------+---------+- - -+----+
 *   | bytes 32  | count 16| element | element |     | FF |      low byte first
 *   +-----------+--------+---------+---------+- - -+----+
 *     bytes   of the whole block, header and end mark included
 *     count   elements; 65535: not known, they have to be counted (from 65535 elements on)
 *
 *   element  | encoding and data | back length |
 *     0xxxxxxx                     number 0 .. 127
 *     10llllll  text               up to 63 bytes
 *     110xxxxx xxxxxxxx            signed 13 bits, high byte first
 *     1110llll llllllll  text      up to 4095 bytes, high byte first
 *     F0 llll  text                32 bits of length, low byte first
 *     F1 xx | F2 xxx | F3 xxxx | F4 xxxxxxxx     signed 16, 24, 32, 64 bits, low byte first
 *     back length: bytes of encoding and data, in groups of 7 bits, the high group first; every
 *     byte but the first has its top bit set, so that it can be read backwards from its end:
 *     1 byte below 128, 2 below 2^14 - 1, 3 below 2^21 - 1, 4 below 2^28 - 1, else 5
 *     (where the steps are decides whether other servers accept the bytes; theirs are these)
 *
 * A text that is exactly the shortest decimal form of a 64-bit number is stored as that number, in
 * the narrowest of the encodings; reading gives back the same text.
 *
 * Invariants: the block has exactly listpack_bytes() bytes as alloc_new counts them, unless its
 * owner keeps a capacity of its own (the calls with `_in_place`). A listpack that came from outside
 * is passed to listpack_check first; every other call trusts it.
 *
 * Complexity: first, last, next, previous O(1); at O(distance); find O(bytes); insert, replace,
 * remove O(bytes behind). Ownership: calls that change "take" the listpack and return it or its
 * successor; positions and slices into it are good until the next change, so a text that is put in
 * must not be borrowed from the same listpack.
 *
 * A listpack never passes LISTPACK_BYTES_MAX: whoever lets clients choose lengths converts before.
 */
#ifndef FASTREDIS_LISTPACK_H
#define FASTREDIS_LISTPACK_H

#include "alloc.h"
#include "common.h"
#include "number.h"

enum {
    LISTPACK_HEADER_BYTES = 6,
    LISTPACK_EMPTY_BYTES = 7,
    LISTPACK_COUNT_UNKNOWN = 65535,
    LISTPACK_ELEMENT_OVERHEAD_MAX = 10, /* bytes that an element takes beside its text */
};
#define LISTPACK_BYTES_MAX ((size_t)1 << 30) /* the engine converts long before */

typedef uint8_t listpack;          /* always handled by address */
typedef uint8_t *listpack_position; /* start of an element; NULL: none */

/* An element as it stands: text (data != NULL) or number. */
typedef struct listpack_value {
    const char *data;
    size_t length;
    int64_t number;
} listpack_value;

/* ---- making ---- */

/* New empty listpack; the caller owns it. */
listpack *listpack_new(void);
void listpack_free(listpack *lp);
/* New copy of the same bytes. */
listpack *listpack_copy(const listpack *lp);
/* New copy of `length` bytes that listpack_check has accepted. */
listpack *listpack_of_bytes(const void *bytes, size_t length);

/* ---- reading ---- */

static inline size_t listpack_bytes(const listpack *lp) { return load_u32(lp); }
/* Number of elements; O(1) but where it is 65535 or more. */
size_t listpack_count(const listpack *lp);

listpack_position listpack_first(const listpack *lp);
listpack_position listpack_last(const listpack *lp);
/* The neighbour, or NULL at the end of the listpack. */
listpack_position listpack_next(const listpack *lp, const uint8_t *at);
listpack_position listpack_previous(const listpack *lp, const uint8_t *at);
/* The element at `index` (negative: from the end, -1 is the last), or NULL. */
listpack_position listpack_at(const listpack *lp, int64_t index);

/* What stands there; a text borrows the listpack. */
listpack_value listpack_get(const uint8_t *at);
/* The same as text: a number is written to `digits` (NUMBER_INT64_MAX_LENGTH bytes). */
slice listpack_text(const uint8_t *at, char *digits);
/* Bytes that the element takes in the listpack. */
size_t listpack_element_bytes(const uint8_t *at);

/* Whether the element's text equals `text`. Comparing many with one text: see listpack_find. */
bool listpack_equals(const uint8_t *at, slice text);
/* The first of the elements at `from`, and each `step` behind it, whose text equals `text`; NULL:
 * none. (step 2: the fields of a hash, the members of a sorted set.) `from` NULL is allowed. */
listpack_position listpack_find(const listpack *lp, const uint8_t *from, slice text, size_t step);

/* ---- changing ---- */

/* Insert before `at`, or at the end where `at` is NULL. On return *placed (may be NULL) is the new
 * element. Takes lp, returns its successor. */
listpack *listpack_insert(listpack *lp, const uint8_t *at, slice text,
                          listpack_position *placed);
listpack *listpack_insert_number(listpack *lp, const uint8_t *at, int64_t number,
                                 listpack_position *placed);
static inline listpack *listpack_append(listpack *lp, slice text) {
    return listpack_insert(lp, NULL, text, NULL);
}
static inline listpack *listpack_append_number(listpack *lp, int64_t number) {
    return listpack_insert_number(lp, NULL, number, NULL);
}
static inline listpack *listpack_prepend(listpack *lp, slice text) {
    return listpack_insert(lp, listpack_first(lp), text, NULL);
}

/* Put another value in the place of the element; *at is then its new position. */
listpack *listpack_replace(listpack *lp, listpack_position *at, slice text);
listpack *listpack_replace_number(listpack *lp, listpack_position *at, int64_t number);

/* Take `count` elements out from `*at` on (fewer where there are not so many); *at is then the one
 * behind them, or NULL. */
listpack *listpack_remove(listpack *lp, listpack_position *at, size_t count);

/* Append all elements of `tail` (borrowed). */
listpack *listpack_append_all(listpack *lp, const listpack *tail);

/* ---- changing in place, for owners that keep a capacity ---- */

/* Bytes that `text` will take as an element. */
size_t listpack_encoded_bytes(slice text);
/* The room behind the listpack suffices for listpack_encoded_bytes(text). */
void listpack_insert_in_place(listpack *lp, const uint8_t *at, slice text,
                              listpack_position *placed);
void listpack_remove_in_place(listpack *lp, listpack_position *at, size_t count);
/* The room suffices for what the new element is longer than the old one at `at`. */
void listpack_replace_in_place(listpack *lp, uint8_t *at, slice text);
/* The room suffices for the elements of `tail`. */
void listpack_append_all_in_place(listpack *lp, const listpack *tail);
/* The room in FRONT of the listpack suffices for the element. Returns the new start. */
listpack *listpack_prepend_in_place(listpack *lp, slice text);
/* Take out the first element; it becomes room in front. Returns the new start. */
listpack *listpack_drop_first_in_place(listpack *lp);
/* Write the header over elements and end mark that stand there already. */
void listpack_set_header(listpack *lp, size_t bytes, size_t count);
/* An empty listpack written to a block of at least LISTPACK_EMPTY_BYTES. */
void listpack_init_in_place(listpack *lp);

/* ---- bytes from outside ---- */

/* Whether the bytes are one whole, well-formed listpack: lengths, back lengths, count, end mark,
 * nothing behind it. O(bytes). */
bool listpack_check(const void *bytes, size_t length);

#endif
