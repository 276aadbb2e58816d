/* Implementation of ziplist.h. */
#include "ziplist.h"

enum {
    END_MARK = 0xff,
    LONG_LENGTH = 0xfe,
    COUNT_UNKNOWN = 65535,
    ZIPMAP_COUNT_UNKNOWN = 254,
    INT_16 = 0xc0,
    INT_32 = 0xd0,
    INT_64 = 0xe0,
    INT_24 = 0xf0,
    INT_8 = 0xfe,
    SMALL_FIRST = 0xf1,
    SMALL_LAST = 0xfd,
};

/* ---- ziplist ---- */

/* An entry taken apart. */
typedef struct parsed {
    size_t before; /* bytes of the entry before, as it claims */
    size_t bytes;  /* of the whole entry */
    slice text;    /* data NULL: a number */
    int64_t number;
} parsed;

static inline uint32_t big_endian_32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline size_t number_bytes(uint8_t first)
{
    switch (first) {
    case INT_8:
        return 1;
    case INT_16:
        return 2;
    case INT_24:
        return 3;
    case INT_32:
        return 4;
    case INT_64:
        return 8;
    default:
        return 0;
    }
}

static int64_t read_number(uint8_t first, const uint8_t *at)
{
    switch (first) {
    case INT_8:
        return (int8_t)at[0];
    case INT_16:
        return (int16_t)load_u16(at);
    case INT_24:
        return (int32_t)((uint32_t)load_u16(at) << 8 | (uint32_t)at[2] << 24) >> 8;
    case INT_32:
        return (int32_t)load_u32(at);
    case INT_64:
        return (int64_t)load_u64(at);
    default:
        return first - SMALL_FIRST;
    }
}

/* The length of a text entry: *head is the number of bytes that say it. False: too few bytes. */
static bool text_length(const uint8_t *at, size_t left, size_t *head, size_t *length)
{
    switch (at[0] >> 6) {
    case 0:
        *head = 1;
        *length = at[0] & 63;
        return true;
    case 1:
        *head = 2;
        *length = left >= 2 ? (size_t)(at[0] & 63) << 8 | at[1] : 0;
        return left >= 2;
    default:
        *head = 5;
        *length = left >= 5 ? big_endian_32(at + 1) : 0;
        return left >= 5;
    }
}

/* Take the entry apart that begins at `at`, with `left` bytes to the end mark. */
static bool parse(const uint8_t *at, size_t left, parsed *entry)
{
    size_t head, length, start = 1;
    entry->before = at[0];
    if (at[0] >= LONG_LENGTH) {
        if (at[0] == END_MARK || left < 6)
            return false;
        entry->before = load_u32(at + 1);
        start = 5;
    }
    if (left <= start)
        return false;
    at += start;
    left -= start;
    uint8_t first = at[0];
    if (first < INT_16) {
        if (!text_length(at, left, &head, &length) || left - head < length)
            return false;
        entry->text = (slice){(const char *)at + head, length};
        entry->bytes = start + head + length;
        return true;
    }
    length = number_bytes(first);
    if ((length == 0 && (first < SMALL_FIRST || first > SMALL_LAST)) || left - 1 < length)
        return false;
    entry->text = (slice){NULL, 0};
    entry->number = read_number(first, at + 1);
    entry->bytes = start + 1 + length;
    return true;
}

bool ziplist_open(ziplist_reader *reader, const void *bytes, size_t length, size_t *count)
{
    const uint8_t *list = bytes;
    size_t at = ZIPLIST_HEADER_BYTES, tail = ZIPLIST_HEADER_BYTES, before = 0, found = 0;
    if (length < ZIPLIST_EMPTY_BYTES || load_u32(list) != length || list[length - 1] != END_MARK)
        return false;
    for (parsed entry; at < length - 1; found++) {
        if (!parse(list + at, length - 1 - at, &entry) || entry.before != before)
            return false;
        before = entry.bytes;
        tail = at;
        at += entry.bytes;
    }
    size_t claimed = load_u16(list + 8);
    if (load_u32(list + 4) != tail || (claimed != COUNT_UNKNOWN && claimed != found))
        return false;
    reader->at = list + ZIPLIST_HEADER_BYTES;
    if (count != NULL)
        *count = found;
    return true;
}

bool ziplist_next(ziplist_reader *reader, slice *text)
{
    parsed entry;
    if (*reader->at == END_MARK)
        return false;
    parse(reader->at, SIZE_MAX, &entry);
    reader->at += entry.bytes;
    *text = entry.text;
    if (entry.text.data == NULL) {
        text->data = reader->digits;
        text->length = number_format_int64(reader->digits, entry.number);
    }
    return true;
}

/* ---- zipmap ---- */

/* Read a length at *at, of which *left bytes may be read; both move behind it. */
static bool map_length(const uint8_t **at, size_t *left, size_t *length)
{
    size_t head = 1;
    if (*left < 1 || **at == END_MARK)
        return false;
    *length = **at;
    if (**at == LONG_LENGTH) {
        head = 5;
        if (*left < head)
            return false;
        *length = load_u32(*at + 1);
    }
    *at += head;
    *left -= head;
    return true;
}

/* Read a field and its value at *at; both move behind them. */
static bool map_pair(const uint8_t **at, size_t *left, slice *field, slice *value)
{
    if (!map_length(at, left, &field->length) || *left < field->length)
        return false;
    field->data = (const char *)*at;
    *at += field->length;
    *left -= field->length;
    if (!map_length(at, left, &value->length) || *left < 1)
        return false;
    size_t unused = **at;
    *at += 1;
    *left -= 1;
    if (*left < value->length || *left - value->length < unused)
        return false;
    value->data = (const char *)*at;
    *at += value->length + unused;
    *left -= value->length + unused;
    return true;
}

bool zipmap_open(zipmap_reader *reader, const void *bytes, size_t length, size_t *count)
{
    const uint8_t *map = bytes, *at = map + 1;
    size_t found = 0, left;
    slice field, value;
    if (length < 2 || map[length - 1] != END_MARK)
        return false;
    for (left = length - 2; left > 0; found++)
        if (!map_pair(&at, &left, &field, &value))
            return false;
    if (map[0] < ZIPMAP_COUNT_UNKNOWN && map[0] != found)
        return false;
    reader->at = map + 1;
    if (count != NULL)
        *count = found;
    return true;
}

bool zipmap_next(zipmap_reader *reader, slice *field, slice *value)
{
    size_t left = SIZE_MAX;
    return *reader->at != END_MARK && map_pair(&reader->at, &left, field, value);
}
