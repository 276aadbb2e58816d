/*
 * rdb_format: the byte format of values in RDB files and DUMP payloads: lengths, strings, footer.
 *
 *   length    00pppppp                      0 .. 63
 *             01pppppp p                    14 bits, high byte first
 *             10000000 pppp                 32 bits, high byte first
 *             10000001 pppppppp             64 bits, high byte first
 *             11kkkkkk                      no length: a string in the special form k, see below
 *   string    length, bytes
 *             c0 p | c1 pp | c2 pppp        the decimal text of a signed number, low byte first
 *             c3 length length bytes        LZF: compressed length, length of the text, stream
 *   payload   type, value ..., version (16 bits), CRC-64 of all before it; both low byte first
 *
 * Writing: always the shortest form. A text that is exactly a number of 32 bits becomes one, and a
 * text over 20 bytes is compressed where that is shorter.
 *
 * Reading trusts nothing: a reader never passes its end, whatever a length claims, and hands out
 * strings as they stand in the input (rdb_string), so that nothing is allocated for bytes that
 * have not come. A compressed string may claim at most what its bytes can expand to (3 bytes of
 * LZF give 264), which bounds what a caller allocates for it to 88 times the input. Every form of
 * a length is taken, also the longer ones that no server writes.
 *
 * Complexity: linear in the bytes. Ownership: a writer owns its buffer; a reader and the strings it
 * hands out borrow the input.
 *
 * Disadvantage: a whole value is built in memory before it is sent, so a DUMP of a value of n bytes
 * needs up to 2n for the time of the call.
 */
#ifndef FASTREDIS_RDB_FORMAT_H
#define FASTREDIS_RDB_FORMAT_H

#include "common.h"
#include "number.h"

enum {
    RDB_VERSION_STRINGS = 6,   /* the first with payloads: strings are the same in all */
    RDB_VERSION_WRITTEN = 11,  /* what Redis 7.2 reads */
    RDB_VERSION_READ_MAX = 12, /* Redis 8.0 */
    RDB_VERSION_VALKEY = 80,   /* Valkey 9 */
    RDB_FOOTER_BYTES = 10,
    RDB_COMPRESS_MIN = 21, /* shorter texts are never compressed */
    RDB_EXPANSION_MAX = 88,
};

typedef enum rdb_type {
    RDB_TYPE_STRING = 0,
} rdb_type;

/* ---- writing ---- */

typedef struct rdb_writer {
    char *data;
    size_t length;
    size_t capacity;
} rdb_writer;

void rdb_writer_init(rdb_writer *writer);
void rdb_writer_free(rdb_writer *writer);

void rdb_write_bytes(rdb_writer *writer, const void *bytes, size_t length);
void rdb_write_byte(rdb_writer *writer, uint8_t byte);
void rdb_write_length(rdb_writer *writer, uint64_t length);
/* The text, as a number or compressed where that is shorter. */
void rdb_write_string(rdb_writer *writer, const void *text, size_t length);
/* A text of `length` bytes by its LZF stream, as rdb_write_string does where that is shorter. */
void rdb_write_compressed(rdb_writer *writer, const void *stream, size_t stream_length,
                          size_t length);
/* The decimal text of a number. */
void rdb_write_number(rdb_writer *writer, int64_t number);
/* Version and checksum behind all that has been written: the payload is complete. */
void rdb_write_footer(rdb_writer *writer);
/* The same with the version of the oldest reader that knows the forms used, for older servers. */
void rdb_write_footer_of(rdb_writer *writer, uint16_t version);

/* ---- reading ---- */

typedef struct rdb_reader {
    const uint8_t *at;
    const uint8_t *end;
    uint16_t version; /* of the payload or file: one type stands for different things */
} rdb_reader;

typedef enum rdb_string_form {
    RDB_STRING_TEXT,
    RDB_STRING_NUMBER,
    RDB_STRING_COMPRESSED,
} rdb_string_form;

/* A string as it stands in the input. */
typedef struct rdb_string {
    rdb_string_form form;
    const char *bytes;   /* text, or compressed stream; borrowed */
    size_t bytes_length;
    size_t length;       /* of the text */
    int64_t number;
} rdb_string;

/* Whether a payload is signed rightly and of a version that is read here. On true the reader holds
 * what lies before the footer. */
bool rdb_open_payload(rdb_reader *reader, const void *payload, size_t length);

/* All return false where the input is malformed or ends too early. */
bool rdb_read_byte(rdb_reader *reader, uint8_t *byte);
bool rdb_read_length(rdb_reader *reader, uint64_t *length);
bool rdb_read_string(rdb_reader *reader, rdb_string *string);
/* Write the text to `out` (string->length bytes). False where a compressed stream is malformed. */
bool rdb_string_copy(const rdb_string *string, char *out);

/* A buffer for the strings of a value one after the other. */
typedef struct rdb_scratch {
    char *block;
    size_t capacity;
} rdb_scratch;

static inline void rdb_scratch_init(rdb_scratch *scratch) { *scratch = (rdb_scratch){NULL, 0}; }
void rdb_scratch_free(rdb_scratch *scratch);
/* The next string as text, borrowed of the input or of the scratch: good until the next one. */
bool rdb_scratch_read(rdb_scratch *scratch, rdb_reader *reader, slice *text);

#endif
