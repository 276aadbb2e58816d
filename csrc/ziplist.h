/* ziplist: readers of two retired formats, as RDB files of older servers hold them.
 *
 * Redis before 7.0 kept short lists, hashes and sorted sets in ziplists, before 2.6 short hashes in
 * zipmaps. Nothing here writes them: a loader reads the elements one by one and builds today's
 * form.
 *
 *   ziplist   bytes 32 | tail 32 | count 16 | entry | entry | ... | FF            low byte first
 *     bytes   of the whole, tail: offset of the last entry (of FF where there is none)
 *     count   entries; 65535: not known
 *
 *     entry   bytes of the entry before: 1 byte below 254, or FE and 32 bits
 *             00llllll  text              01llllll l  text, 14 bits, high byte first
 *             10______ llll  text, 32 bits, high byte first
 *             C0 xx | D0 xxxx | E0 xxxxxxxx | F0 xxx | FE x    signed 16, 32, 64, 24, 8 bits
 *             F1 .. FD  number 0 .. 12
 *
 *   zipmap    count 8 | length | field | length | free 8 | value | `free` bytes | ... | FF
 *     count   pairs; 254 and 255: not known
 *     length  1 byte below 254, or FE and 32 bits, low byte first
 *
 * Reading trusts nothing: the open calls look at every byte once, O(bytes); what they accept is
 * then handed out without further checks. Nothing is allocated. Ownership: readers and what they
 * hand out borrow the bytes.
 */
#ifndef FASTREDIS_ZIPLIST_H
#define FASTREDIS_ZIPLIST_H

#include "common.h"
#include "number.h"

enum {
    ZIPLIST_HEADER_BYTES = 10,
    ZIPLIST_EMPTY_BYTES = 11,
};

typedef struct ziplist_reader {
    const uint8_t *at; /* the next element */
    char digits[NUMBER_INT64_MAX_LENGTH];
} ziplist_reader;

/* Whether the bytes are one whole, well-formed ziplist; then the reader stands before its first
 * element, and *count (may be NULL) is their number. */
bool ziplist_open(ziplist_reader *reader, const void *bytes, size_t length, size_t *count);
/* The next element as text, good until the next call; false: there is none. */
bool ziplist_next(ziplist_reader *reader, slice *text);

typedef struct zipmap_reader {
    const uint8_t *at;
} zipmap_reader;

/* The same for a zipmap; *count is the number of pairs. */
bool zipmap_open(zipmap_reader *reader, const void *bytes, size_t length, size_t *count);
bool zipmap_next(zipmap_reader *reader, slice *field, slice *value);

#endif
