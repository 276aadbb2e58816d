/* stream_id: the 128-bit ID of a stream's entry, `milliseconds-sequence`.
 *
 *   order     by ms, then by seq, both unsigned
 *   in files  16 bytes, ms then seq, high byte first: there memcmp gives the same order
 *   as text   decimal, ms '-' seq: at most STREAM_ID_TEXT_MAX bytes
 *
 * Every call O(1); nothing is allocated. A text has at most STREAM_ID_ARGUMENT_MAX bytes.
 */
#ifndef FASTREDIS_STREAM_ID_H
#define FASTREDIS_STREAM_ID_H

#include "common.h"
#include "number.h"

typedef struct stream_id {
    uint64_t ms;
    uint64_t seq;
} stream_id;
static_assert(sizeof(stream_id) == 16, "two words, as in files");

enum {
    STREAM_ID_BYTES = 16,
    STREAM_ID_TEXT_MAX = 2 * 20 + 1,
    STREAM_ID_ARGUMENT_MAX = 127,
};

#define STREAM_ID_MIN ((stream_id){0, 0})
#define STREAM_ID_MAX ((stream_id){UINT64_MAX, UINT64_MAX})

/* Negative, 0 or positive, as memcmp says it. */
static inline int stream_id_compare(stream_id a, stream_id b) {
    if (a.ms != b.ms) return a.ms < b.ms ? -1 : 1;
    if (a.seq != b.seq) return a.seq < b.seq ? -1 : 1;
    return 0;
}

static inline bool stream_id_is_zero(stream_id id) { return (id.ms | id.seq) == 0; }

/* The next ID; false, and unchanged, where there is none. */
static inline bool stream_id_increase(stream_id *id) {
    if (id->seq != UINT64_MAX) {
        id->seq++;
        return true;
    }
    if (id->ms == UINT64_MAX) return false;
    *id = (stream_id){id->ms + 1, 0};
    return true;
}

/* The one before it; false, and unchanged, where there is none. */
static inline bool stream_id_decrease(stream_id *id) {
    if (id->seq != 0) {
        id->seq--;
        return true;
    }
    if (id->ms == 0) return false;
    *id = (stream_id){id->ms - 1, UINT64_MAX};
    return true;
}

static inline void stream_id_store(uint8_t *to, stream_id id) {
    store_u64(to, __builtin_bswap64(id.ms));
    store_u64(to + 8, __builtin_bswap64(id.seq));
}

static inline stream_id stream_id_load(const uint8_t *from) {
    return (stream_id){__builtin_bswap64(load_u64(from)), __builtin_bswap64(load_u64(from + 8))};
}

/* Writes the text to `out` (STREAM_ID_TEXT_MAX bytes); returns its length. */
static inline size_t stream_id_format(char *out, stream_id id) {
    size_t length = number_format_uint64(out, id.ms);
    out[length++] = '-';
    return length + number_format_uint64(out + length, id.seq);
}

/* Reads `ms`, `ms-seq`, or `-` and `+` for the least and the greatest ID. `missing_seq` stands for
 * a sequence that is not given. `generated` (may be NULL) permits `ms-*`: then it tells whether
 * that was given, and seq is 0. Each half is read as Redis reads it: as a number of 64 bits, or
 * else in the way of C's strtoull (leading blanks, '+', zeros); and only up to a NUL. */
bool stream_id_parse(slice text, uint64_t missing_seq, stream_id *id, bool *generated);

#endif
