/* listpack_cursor: walking and writing listpacks element by element, inline.
 *
 * Why beside listpack.h: a stream's entry is six elements and more, and XADD, XRANGE and XREAD do
 * nothing but write and read such runs. Here an element costs a few instructions, no call, and the
 * header of the listpack is written once an entry. The layout is drawn in listpack.h.
 *
 *   reading   const uint8_t *at = lp + LISTPACK_HEADER_BYTES;
 *             while (!listpack_ends(at)) value = listpack_take(&at);
 *   writing   at = listpack_put_text(at, text) ...; listpack_close(lp, at, elements);
 *
 * Writing knows no bounds: whoever writes has made room (listpack_text_room, LISTPACK_NUMBER_ROOM).
 * Reading trusts the bytes: what came from outside went through listpack_check.
 *
 * Complexity: O(1) an element, O(length) for a text. Nothing is allocated or owned here.
 */
#ifndef FASTREDIS_LISTPACK_CURSOR_H
#define FASTREDIS_LISTPACK_CURSOR_H

#include "listpack.h"

enum {
    LISTPACK_END = 0xff,
    LISTPACK_NUMBER_ROOM = 11, /* the most that a number takes, and one byte of slack */
};

/* ---- reading ---- */

static inline bool listpack_ends(const uint8_t *at) { return *at == LISTPACK_END; }

/* Bytes of encoding and data of the element. */
static inline size_t listpack_data_bytes(const uint8_t *at) {
    uint8_t first = *at;
    if (first < 0x80) return 1;
    if (first < 0xc0) return 1 + (size_t)(first & 63);
    if (first < 0xe0) return 2;
    if (first < 0xf0) return 2 + (((size_t)(first & 15) << 8) | at[1]);
    if (first == 0xf0) return 5 + (size_t)load_u32(at + 1);
    return first == 0xf4 ? 9 : (size_t)(first - 0xf1) + 3;
}

/* Bytes of the back length of an element with that many bytes of encoding and data. The steps from
 * two bytes on come one earlier than the bits would ask for: so do files. */
static inline size_t listpack_back_bytes(size_t data_bytes) {
    if (data_bytes < 1 << 7) return 1;
    if (data_bytes < (1 << 14) - 1) return 2;
    if (data_bytes < (1 << 21) - 1) return 3;
    return data_bytes < (1 << 28) - 1 ? 4 : 5;
}

static inline const uint8_t *listpack_behind(const uint8_t *at) {
    size_t bytes = listpack_data_bytes(at);
    return at + bytes + listpack_back_bytes(bytes);
}

/* Start of the element that ends before `at`; there is one. */
static inline const uint8_t *listpack_before(const uint8_t *at) {
    size_t bytes = 0;
    unsigned shift = 0;
    do {
        at--;
        bytes |= (size_t)(*at & 127) << shift;
        shift += 7;
    } while (*at & 128);
    return at - bytes;
}

/* The number at `at`, which is none of the 7-bit ones. */
static inline int64_t listpack_wide_number(const uint8_t *at) {
    switch (*at) {
    case 0xf1: return (int16_t)load_u16(at + 1);
    case 0xf2: return (int32_t)((uint32_t)load_u16(at + 1) << 8 | (uint32_t)at[3] << 24) >> 8;
    case 0xf3: return (int32_t)load_u32(at + 1);
    case 0xf4: return (int64_t)load_u64(at + 1);
    default: return (int16_t)((uint32_t)(at[0] << 8 | at[1]) << 3 & 0xffff) >> 3;
    }
}

/* The element, with *at moved behind it. */
static inline listpack_value listpack_take(const uint8_t **at) {
    const uint8_t *from = *at;
    uint8_t first = *from;
    listpack_value value = {NULL, 0, first};
    if (first < 0x80) {
        *at = from + 2;
        return value;
    }
    *at = listpack_behind(from);
    if (first < 0xc0) {
        value.data = (const char *)from + 1;
        value.length = first & 63;
    } else if (first >= 0xe0 && first < 0xf0) {
        value.data = (const char *)from + 2;
        value.length = (size_t)(first & 15) << 8 | from[1];
    } else if (first == 0xf0) {
        value.data = (const char *)from + 5;
        value.length = load_u32(from + 1);
    } else {
        value.number = listpack_wide_number(from);
    }
    return value;
}

/* The same where it is known to be a number. */
static inline int64_t listpack_take_number(const uint8_t **at) {
    if (LIKELY(**at < 0x80)) {
        int64_t number = **at;
        *at += 2;
        return number;
    }
    return listpack_take(at).number;
}

/* ---- writing ---- */

/* At least the bytes that the text takes as an element; hardly more where it is no number. */
static inline size_t listpack_text_room(size_t length) {
    return length + (length < 64 ? 2 : length < 4096 ? 4 : 10);
}

static inline uint8_t *listpack_put_back(uint8_t *at, size_t data_bytes) {
    size_t bytes = listpack_back_bytes(data_bytes);
    for (size_t i = bytes; i-- > 0;) {
        at[i] = (uint8_t)((data_bytes & 127) | (i ? 128 : 0));
        data_bytes >>= 7;
    }
    return at + bytes;
}

static inline uint8_t *listpack_put_number(uint8_t *at, int64_t number) {
    if (LIKELY(number >= 0 && number < 128)) {
        at[0] = (uint8_t)number;
        at[1] = 1;
        return at + 2;
    }
    if (number >= -4096 && number < 4096) {
        at[0] = (uint8_t)(0xc0 | (number >> 8 & 31));
        at[1] = (uint8_t)number;
        at[2] = 2;
        return at + 3;
    }
    unsigned bytes = number == (int16_t)number                       ? 2
                     : number >= -(1 << 23) && number < (1 << 23)    ? 3
                     : number == (int32_t)number                     ? 4
                                                                     : 8;
    at[0] = bytes == 8 ? 0xf4 : (uint8_t)(0xf1 + bytes - 2);
    for (unsigned i = 0; i < bytes; i++) at[1 + i] = (uint8_t)((uint64_t)number >> 8 * i);
    at[1 + bytes] = (uint8_t)(1 + bytes);
    return at + 2 + bytes;
}

/* Writes the text, as a number where it is one in its shortest form. */
static inline uint8_t *listpack_put_text(uint8_t *at, slice text) {
    uint8_t *start = at;
    int64_t number;
    if (text.length && text.length <= 20 && (unsigned char)text.data[0] <= '9'
        && number_parse_int64(text.data, text.length, &number))
        return listpack_put_number(at, number);
    if (text.length < 64) {
        *at++ = (uint8_t)(0x80 | text.length);
    } else if (text.length < 4096) {
        *at++ = (uint8_t)(0xe0 | text.length >> 8);
        *at++ = (uint8_t)text.length;
    } else {
        *at++ = 0xf0;
        store_u32(at, (uint32_t)text.length);
        at += 4;
    }
    if (text.length) memcpy(at, text.data, text.length);
    at += text.length;
    return listpack_put_back(at, (size_t)(at - start));
}

/* End mark and header, after `added` elements have been written; `at` is behind the last one. */
static inline void listpack_close(listpack *lp, uint8_t *at, size_t added) {
    size_t count = load_u16(lp + 4) + added;
    *at = LISTPACK_END;
    store_u32(lp, (uint32_t)(at + 1 - lp));
    store_u16(lp + 4, (uint16_t)(count < LISTPACK_COUNT_UNKNOWN ? count : LISTPACK_COUNT_UNKNOWN));
}

#endif
