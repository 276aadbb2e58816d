/* rdb_format: writing and reading of lengths, strings and payloads; see the header. */
#include "rdb_format.h"

#include "alloc.h"
#include "checked.h"
#include "crc64.h"
#include "lzf.h"

enum {
    LENGTH_BYTES_MAX = 9,
    WRITER_START = 64,
    MARK_14_BITS = 0x40,
    MARK_32_BITS = 0x80,
    MARK_64_BITS = 0x81,
    MARK_SPECIAL = 0xc0,
    SPECIAL_INT8 = 0xc0,
    SPECIAL_INT16 = 0xc1,
    SPECIAL_INT32 = 0xc2,
    SPECIAL_LZF = 0xc3,
};

/* ---- writing ---- */

void rdb_writer_init(rdb_writer *writer) {
    *writer = (rdb_writer){0};
}

void rdb_writer_free(rdb_writer *writer) {
    if (writer->data) alloc_free(writer->data, writer->capacity);
    rdb_writer_init(writer);
}

/* Room for `more` bytes at the end. */
static char *writer_room(rdb_writer *writer, size_t more) {
    size_t needed = size_add_or_die(writer->length, more);
    if (needed > writer->capacity) {
        size_t capacity = writer->capacity + writer->capacity / 2;
        if (capacity < WRITER_START) capacity = WRITER_START;
        if (capacity < needed) capacity = needed;
        writer->data = writer->data ? alloc_resize(writer->data, writer->capacity, capacity)
                                    : alloc_new(capacity);
        writer->capacity = capacity;
    }
    return writer->data + writer->length;
}

void rdb_write_bytes(rdb_writer *writer, const void *bytes, size_t length) {
    char *room = writer_room(writer, length);
    if (length) memcpy(room, bytes, length);
    writer->length += length;
}

void rdb_write_byte(rdb_writer *writer, uint8_t byte) {
    rdb_write_bytes(writer, &byte, 1);
}

static void put_big_endian(uint8_t *out, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) out[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

/* Returns how many bytes it wrote: at most LENGTH_BYTES_MAX. */
static size_t put_length(uint8_t *out, uint64_t length) {
    if (length < 1 << 6) {
        out[0] = (uint8_t)length;
        return 1;
    }
    if (length < 1 << 14) {
        put_big_endian(out, length | MARK_14_BITS << 8, 2);
        return 2;
    }
    bool wide = length > UINT32_MAX;
    out[0] = wide ? MARK_64_BITS : MARK_32_BITS;
    put_big_endian(out + 1, length, wide ? 8 : 4);
    return wide ? 9 : 5;
}

void rdb_write_length(rdb_writer *writer, uint64_t length) {
    writer->length += put_length((uint8_t *)writer_room(writer, LENGTH_BYTES_MAX), length);
}

/* Write a number of 32 bits in its special form; false where it needs more. */
static bool write_small_number(rdb_writer *writer, int64_t number) {
    uint8_t *room = (uint8_t *)writer_room(writer, 5);
    if (number >= INT8_MIN && number <= INT8_MAX) {
        room[0] = SPECIAL_INT8;
        room[1] = (uint8_t)number;
        writer->length += 2;
    } else if (number >= INT16_MIN && number <= INT16_MAX) {
        room[0] = SPECIAL_INT16;
        store_u16(room + 1, (uint16_t)number);
        writer->length += 3;
    } else if (number >= INT32_MIN && number <= INT32_MAX) {
        room[0] = SPECIAL_INT32;
        store_u32(room + 1, (uint32_t)number);
        writer->length += 5;
    } else {
        return false;
    }
    return true;
}

/* Write a text compressed; false where that would not be shorter. The stream is made behind room
 * for the largest head and then moved up to the real one. */
static bool write_compressed(rdb_writer *writer, const void *text, size_t length) {
    enum { HEAD_MAX = 1 + 2 * LENGTH_BYTES_MAX };
    /* Four bytes are the least that the head costs more than that of a plain string. */
    size_t worth = length - 4;
    char *room = writer_room(writer, size_add_or_die(HEAD_MAX, worth));
    size_t compressed = lzf_compress(text, length, room + HEAD_MAX, worth);
    uint8_t head[HEAD_MAX];
    size_t used = 1;
    if (!compressed) return false;
    head[0] = SPECIAL_LZF;
    used += put_length(head + used, compressed);
    used += put_length(head + used, length);
    memmove(room + used, room + HEAD_MAX, compressed);
    memcpy(room, head, used);
    writer->length += used + compressed;
    return true;
}

void rdb_write_string(rdb_writer *writer, const void *text, size_t length) {
    int64_t number;
    if (length <= 11 && number_parse_int64(text, length, &number)
        && write_small_number(writer, number))
        return;
    if (length >= RDB_COMPRESS_MIN && write_compressed(writer, text, length)) return;
    rdb_write_length(writer, length);
    rdb_write_bytes(writer, text, length);
}

void rdb_write_compressed(rdb_writer *writer, const void *stream, size_t stream_length,
                          size_t length)
{
    rdb_write_byte(writer, SPECIAL_LZF);
    rdb_write_length(writer, stream_length);
    rdb_write_length(writer, length);
    rdb_write_bytes(writer, stream, stream_length);
}

void rdb_write_number(rdb_writer *writer, int64_t number) {
    char digits[NUMBER_INT64_MAX_LENGTH];
    if (write_small_number(writer, number)) return;
    size_t length = number_format_int64(digits, number);
    rdb_write_length(writer, length);
    rdb_write_bytes(writer, digits, length);
}

void rdb_write_footer(rdb_writer *writer) {
    rdb_write_footer_of(writer, RDB_VERSION_WRITTEN);
}

void rdb_write_footer_of(rdb_writer *writer, uint16_t version) {
    char *room = writer_room(writer, RDB_FOOTER_BYTES);
    store_u16(room, version);
    store_u64(room + 2, crc64(0, writer->data, writer->length + 2));
    writer->length += RDB_FOOTER_BYTES;
}

/* ---- reading ---- */

bool rdb_open_payload(rdb_reader *reader, const void *payload, size_t length) {
    if (length < RDB_FOOTER_BYTES) return false;
    const uint8_t *footer = (const uint8_t *)payload + length - RDB_FOOTER_BYTES;
    uint16_t version = load_u16(footer);
    if (version > RDB_VERSION_READ_MAX && version != RDB_VERSION_VALKEY) return false;
    if (load_u64(footer + 2) != crc64(0, payload, length - 8)) return false;
    reader->at = payload;
    reader->end = footer;
    reader->version = version;
    return true;
}

static size_t left(const rdb_reader *reader) {
    return (size_t)(reader->end - reader->at);
}

bool rdb_read_byte(rdb_reader *reader, uint8_t *byte) {
    if (!left(reader)) return false;
    *byte = *reader->at++;
    return true;
}

static bool read_big_endian(rdb_reader *reader, size_t bytes, uint64_t *value) {
    if (left(reader) < bytes) return false;
    while (bytes-- > 0) *value = *value << 8 | *reader->at++;
    return true;
}

bool rdb_read_length(rdb_reader *reader, uint64_t *length) {
    uint8_t first;
    if (!rdb_read_byte(reader, &first)) return false;
    *length = 0;
    if (first == MARK_32_BITS) return read_big_endian(reader, 4, length);
    if (first == MARK_64_BITS) return read_big_endian(reader, 8, length);
    if (first >= MARK_32_BITS) return false;
    *length = first & 0x3f;
    return first < MARK_14_BITS || read_big_endian(reader, 1, length);
}

/* The bytes of a string of `length`, borrowed. */
static bool read_bytes(rdb_reader *reader, uint64_t length, rdb_string *string) {
    if (length > left(reader)) return false;
    string->bytes = (const char *)reader->at;
    string->bytes_length = (size_t)length;
    reader->at += length;
    return true;
}

static bool read_number(rdb_reader *reader, size_t bytes, rdb_string *string) {
    char digits[NUMBER_INT64_MAX_LENGTH];
    const uint8_t *at = reader->at;
    if (left(reader) < bytes) return false;
    string->number = bytes == 1   ? (int8_t)*at
                     : bytes == 2 ? (int16_t)load_u16(at)
                                  : (int32_t)load_u32(at);
    string->form = RDB_STRING_NUMBER;
    string->length = number_format_int64(digits, string->number);
    reader->at += bytes;
    return true;
}

static bool read_compressed(rdb_reader *reader, rdb_string *string) {
    uint64_t compressed, length;
    if (!rdb_read_length(reader, &compressed) || !rdb_read_length(reader, &length)) return false;
    if (!read_bytes(reader, compressed, string)) return false;
    /* `compressed` is now known to be real, so the product cannot wrap. */
    if (length > compressed * RDB_EXPANSION_MAX) return false;
    string->form = RDB_STRING_COMPRESSED;
    string->length = (size_t)length;
    return true;
}

bool rdb_read_string(rdb_reader *reader, rdb_string *string) {
    uint64_t length;
    *string = (rdb_string){0};
    if (!left(reader)) return false;
    uint8_t first = *reader->at;
    if (first >= MARK_SPECIAL) {
        reader->at++;
        size_t number_bytes = (size_t)1 << (first & 3);
        if (first <= SPECIAL_INT32) return read_number(reader, number_bytes, string);
        return first == SPECIAL_LZF && read_compressed(reader, string);
    }
    if (!rdb_read_length(reader, &length) || !read_bytes(reader, length, string)) return false;
    string->length = string->bytes_length;
    return true;
}

bool rdb_string_copy(const rdb_string *string, char *out) {
    char digits[NUMBER_INT64_MAX_LENGTH];
    if (string->form == RDB_STRING_COMPRESSED) {
        if (!string->length) return !string->bytes_length;
        return lzf_decompress(string->bytes, string->bytes_length, out, string->length) != 0;
    }
    if (string->form == RDB_STRING_NUMBER) {
        number_format_int64(digits, string->number);
        memcpy(out, digits, string->length);
    } else if (string->length) {
        memcpy(out, string->bytes, string->length);
    }
    return true;
}

void rdb_scratch_free(rdb_scratch *scratch)
{
    alloc_free(scratch->block, scratch->capacity);
    rdb_scratch_init(scratch);
}

bool rdb_scratch_read(rdb_scratch *scratch, rdb_reader *reader, slice *text)
{
    rdb_string string;
    if (!rdb_read_string(reader, &string))
        return false;
    if (string.form == RDB_STRING_TEXT) {
        *text = (slice){string.bytes, string.length};
        return true;
    }
    if (string.length > scratch->capacity) {
        rdb_scratch_free(scratch);
        scratch->block = alloc_new(string.length);
        scratch->capacity = string.length;
    }
    *text = (slice){scratch->block, string.length};
    return rdb_string_copy(&string, scratch->block);
}
