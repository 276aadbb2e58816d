/* reply: writer of replies in RESP2 and RESP3, straight into a client's output buffer.
 *
 * Why one buffer and no reply objects: a reply is written once, where the socket reads it. Only
 * large string values are not copied: the buffer remembers the blob and the place where its bytes
 * belong, and the edge sends both with one gather write.
 *
 *   data         +OK\r\n$20000\r\n | \r\n:5\r\n
 *                                  ^ references[0].offset: here the blob's bytes go
 *
 * Invariants: offsets of references ascend strictly (each has at least its CRLF behind it); none is
 * below `start`. A reference that is partly sent stands at `start`. Offsets (reply_later, and the
 * argument of reply_truncate) are good until the next reply_consume. A referenced blob does not
 * change: whoever changes a value makes it its own first (blob_resize_own).
 *
 * RESP3 differs from RESP2 in these calls only:
 *
 *   call                 RESP3         RESP2
 *   reply_null           _             $-1
 *   reply_null_array     _             *-1
 *   reply_map            %n            *2n
 *   reply_set            ~n            *n
 *   reply_push           >n            *n
 *   reply_double         ,x            bulk of x
 *   reply_bool           #t #f         :1 :0
 *   reply_verbatim       =n txt:       bulk
 *
 * An error is a '-' line in both: RESP3's blob errors say no more.
 *
 * Complexity: O(bytes written). Ownership: the buffer owns its memory and one reference of each
 * blob in it; everything passed in is borrowed or copied, but where "takes" is written.
 */
#ifndef FASTREDIS_REPLY_H
#define FASTREDIS_REPLY_H

#include "common.h"
#include "entry.h"
#include "number.h"

enum {
    REPLY_BUFFER_START = 16 * 1024,
    REPLY_REFERENCE_MIN = 16 * 1024, /* values from this size on are sent by reference */
};

typedef struct reply_reference {
    size_t offset; /* in data: the blob's bytes come before the byte that stands there */
    blob *value;
    size_t from, length; /* the part of the blob */
} reply_reference;

typedef struct reply {
    char *data;
    size_t length;
    size_t capacity;
    size_t start; /* bytes of data that have been sent */
    reply_reference *references;
    uint32_t reference_count, reference_capacity;
    size_t referenced_bytes;
    uint8_t protocol; /* 2 or 3 */
} reply;

void reply_init(reply *out);
void reply_free(reply *out);
/* Forget the content, keep the buffer if it is of the usual size. */
void reply_clear(reply *out);
/* Bytes still to be sent: data and blobs. */
static inline size_t reply_bytes(const reply *out) {
    return out->length - out->start + out->referenced_bytes;
}
/* Memory that the buffer owns alone: without the blobs, which are also somebody else's. */
static inline size_t reply_memory(const reply *out) {
    return out->capacity + out->reference_capacity * sizeof(reply_reference);
}

NOINLINE void reply_grow(reply *out, size_t more);

/* Room for `more` bytes at the end. */
static ALWAYS_INLINE char *reply_room(reply *out, size_t more) {
    if (UNLIKELY(out->capacity - out->length < more)) reply_grow(out, more);
    return out->data + out->length;
}

/* Bytes as they are. `bytes` is not NULL, here and below, even where `length` is 0. */
static inline void reply_raw(reply *out, const void *bytes, size_t length) {
    if (UNLIKELY(length == 0)) return;
    memcpy(reply_room(out, length), bytes, length);
    out->length += length;
}

/* `prefix`, a number, CRLF. The number is the caller's to mean: counts are not checked. */
static inline void reply_header(reply *out, char prefix, int64_t number) {
    char *at = reply_room(out, NUMBER_INT64_MAX_LENGTH + 4), *start = at;
    *at++ = prefix;
    if ((uint64_t)number < 10)
        *at++ = (char)('0' + number);
    else
        at += number_format_int64(at, number);
    *at++ = '\r';
    *at++ = '\n';
    out->length += (size_t)(at - start);
}

static inline void reply_ok(reply *out) { reply_raw(out, "+OK\r\n", 5); }
static inline void reply_int(reply *out, int64_t number) { reply_header(out, ':', number); }

static inline void reply_bulk(reply *out, const void *bytes, size_t length) {
    char *at = reply_room(out, length + NUMBER_INT64_MAX_LENGTH + 6), *start = at;
    *at++ = '$';
    if (length < 10)
        *at++ = (char)('0' + length);
    else
        at += number_format_int64(at, (int64_t)length);
    *at++ = '\r';
    *at++ = '\n';
    memcpy(at, bytes, length);
    at += length;
    *at++ = '\r';
    *at++ = '\n';
    out->length += (size_t)(at - start);
}

static inline void reply_null(reply *out) {
    if (out->protocol == 3)
        reply_raw(out, "_\r\n", 3);
    else
        reply_raw(out, "$-1\r\n", 5);
}

static inline void reply_null_array(reply *out) {
    if (out->protocol == 3)
        reply_raw(out, "_\r\n", 3);
    else
        reply_raw(out, "*-1\r\n", 5);
}

static inline void reply_array(reply *out, int64_t count) { reply_header(out, '*', count); }
static inline void reply_map(reply *out, int64_t pairs) {
    if (out->protocol == 3)
        reply_header(out, '%', pairs);
    else
        reply_header(out, '*', pairs * 2);
}
static inline void reply_set(reply *out, int64_t count) {
    reply_header(out, out->protocol == 3 ? '~' : '*', count);
}
static inline void reply_push(reply *out, int64_t count) {
    reply_header(out, out->protocol == 3 ? '>' : '*', count);
}

static inline void reply_bool(reply *out, bool value) {
    if (out->protocol == 3)
        reply_raw(out, value ? "#t\r\n" : "#f\r\n", 4);
    else
        reply_header(out, ':', value);
}

/* Zero-terminated text. */
void reply_status(reply *out, const char *text);
void reply_text(reply *out, const char *text); /* as a bulk string */
/* Bulk string of a number's decimal text. */
void reply_bulk_int(reply *out, int64_t number);
void reply_double(reply *out, double value);
/* `format` is three letters, such as "txt". */
void reply_verbatim(reply *out, const char *format, const void *bytes, size_t length);

/* Error line: '-', the text with CR, LF and NUL replaced by blanks, CRLF. The text begins with its
 * code ("ERR ..."). */
void reply_error(reply *out, const char *text, size_t length);

/* Bulk string of a part of a blob (which ends within its length); by reference where it is large:
 * the buffer then holds one more reference of the blob. */
void reply_blob(reply *out, blob *value, size_t from, size_t length);

/* A header whose count is known only behind the elements: remember the place, write them, insert
 * it (the elements are moved once). */
static inline size_t reply_later(const reply *out) { return out->length; }
typedef void (*reply_writer)(reply *out, int64_t count);
void reply_insert(reply *out, size_t place, reply_writer write, int64_t count);

/* Forget everything from `place` on (blobs too): a place that reply_later has told. */
void reply_truncate(reply *out, size_t place);

/* Forget the first `sent` bytes, at most reply_bytes, of the stream of data and blobs. Amortized
 * O(sent): what is left is moved to the front only when it is the smaller part. */
void reply_consume(reply *out, size_t sent);

/* Fill up to `capacity` (at least 2) pieces of what is to be sent, in order; returns their number,
 * 0 only where nothing is to be sent. They are good until the next change of the buffer. */
typedef struct reply_piece {
    const char *data;
    size_t length;
} reply_piece;
size_t reply_pieces(const reply *out, reply_piece *pieces, size_t capacity);

/* The header calls as functions with an address, for reply_insert. */
void reply_write_array(reply *out, int64_t count);
void reply_write_map(reply *out, int64_t pairs);
void reply_write_set(reply *out, int64_t count);

#endif
