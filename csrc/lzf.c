/* lzf.c - the compressor and the decompressor of lzf.h. */
#include "lzf.h"

#include "common.h"

enum {
    LITERAL_RUN_MAX = 32,
    COPY_MAX = 264,    /* 2 + 7 + 255 */
    LOOK_AHEAD = 4,    /* bytes that must be left where three are looked up */
    DISTANCE_MAX = 8192,
    LONG_COPY = 7,     /* the value of the three length bits that announces a length byte */
    SLOT_BITS_MIN = 8,
    SLOT_BITS_MAX = 13 /* 32 KB of stack; a distance reaches no farther than that many bytes */
};

/* Where the compressor writes; `left` counts down so that one comparison bounds each step. */
typedef struct sink {
    unsigned char *at;
    size_t left;
} sink;

/* Three bytes as a number; reads a fourth, because one load is faster than three. */
static ALWAYS_INLINE uint32_t three_at(const unsigned char *at)
{
    return load_u32(at) << 8;
}

static ALWAYS_INLINE uint32_t slot_of(uint32_t three, unsigned slot_bits)
{
    return (three * UINT32_C(0x9e3779b1)) >> (32 - slot_bits);
}

/* Small inputs use a small table: clearing 32 KB would cost more than compressing them. */
static unsigned slot_bits_for(size_t length)
{
    unsigned bits = SLOT_BITS_MIN;

    while (bits < SLOT_BITS_MAX && (size_t)1 << bits < length)
        bits++;
    return bits;
}

static bool put_literals(sink *out, const unsigned char *from, size_t count)
{
    while (count > 0) {
        size_t run = count < LITERAL_RUN_MAX ? count : LITERAL_RUN_MAX;

        if (out->left < run + 1)
            return false;
        *out->at++ = (unsigned char)(run - 1);
        memcpy(out->at, from, run);
        out->at += run;
        out->left -= run + 1;
        from += run;
        count -= run;
    }
    return true;
}

static bool put_copy(sink *out, size_t distance, size_t length)
{
    size_t offset = distance - 1;
    size_t code = length - 2;
    size_t size = code < LONG_COPY ? 2 : 3;

    if (out->left < size)
        return false;
    if (code < LONG_COPY) {
        *out->at++ = (unsigned char)(code << 5 | offset >> 8);
    } else {
        *out->at++ = (unsigned char)(LONG_COPY << 5 | offset >> 8);
        *out->at++ = (unsigned char)(code - LONG_COPY);
    }
    *out->at++ = (unsigned char)(offset & 0xff);
    out->left -= size;
    return true;
}

/* How many bytes at `a` and `b` are equal, at most `limit`; a < b, and b + limit is readable. */
static size_t common_length(const unsigned char *a, const unsigned char *b, size_t limit)
{
    size_t length = 0;

    while (length + 8 <= limit) {
        uint64_t difference = load_u64(a + length) ^ load_u64(b + length);

        if (difference != 0)
            return length + (size_t)__builtin_ctzll(difference) / 8;
        length += 8;
    }
    while (length < limit && a[length] == b[length])
        length++;
    return length;
}

size_t lzf_compress(const void *in, size_t in_length, void *out, size_t out_capacity)
{
    const unsigned char *bytes = in;
    uint32_t last_at[1 << SLOT_BITS_MAX]; /* the last position that hashed to a slot, or 0 */
    unsigned slot_bits = slot_bits_for(in_length);
    size_t position = 0, literals_from = 0;
    sink sink = {out, 0};

    if (in_length < LOOK_AHEAD || in_length > UINT32_MAX)
        return 0;
    sink.left = out_capacity < in_length - 1 ? out_capacity : in_length - 1;
    size_t room = sink.left;
    memset(last_at, 0, sizeof last_at[0] << slot_bits);

    while (in_length - position >= LOOK_AHEAD) {
        uint32_t three = three_at(bytes + position);
        uint32_t slot = slot_of(three, slot_bits);
        size_t candidate = last_at[slot];
        size_t distance = position - candidate; /* 0 at the start, where nothing lies before */

        last_at[slot] = (uint32_t)position;
        if (three_at(bytes + candidate) != three || distance - 1 >= DISTANCE_MAX) {
            position++;
            if (position - literals_from >= sink.left)
                return 0; /* even as literals, what is pending would not fit */
            continue;
        }
        size_t left = in_length - position;
        size_t length = common_length(bytes + candidate, bytes + position,
                                      left < COPY_MAX ? left : COPY_MAX);
        if (!put_literals(&sink, bytes + literals_from, position - literals_from)
            || !put_copy(&sink, distance, length))
            return 0;
        /* Remember the last places of the copy as well: what repeats often goes on repeating. */
        size_t end = position + length;
        for (size_t at = end - 2; at < end && in_length - at >= LOOK_AHEAD; at++)
            last_at[slot_of(three_at(bytes + at), slot_bits)] = (uint32_t)at;
        position = literals_from = end;
    }
    if (!put_literals(&sink, bytes + literals_from, in_length - literals_from))
        return 0;
    return room - sink.left;
}

/* Copies forward, so that a byte just written is copied again when the two places overlap. */
static void copy_back(unsigned char *to, size_t distance, size_t length)
{
    const unsigned char *from = to - distance;

    if (distance >= length) {
        memcpy(to, from, length);
    } else if (distance == 1) {
        memset(to, *from, length);
    } else {
        for (size_t i = 0; i < length; i++)
            to[i] = from[i];
    }
}

size_t lzf_decompress(const void *in, size_t in_length, void *out, size_t out_length)
{
    const unsigned char *at = in;
    unsigned char *to = out;
    size_t in_left = in_length, out_left = out_length;

    while (in_left > 0) {
        size_t control = *at++;
        size_t length, distance;

        in_left--;
        if (control < LITERAL_RUN_MAX) {
            length = control + 1;
            if (length > in_left || length > out_left)
                return 0;
            memcpy(to, at, length);
            at += length;
            in_left -= length;
        } else {
            length = control >> 5;
            if (in_left < (length == LONG_COPY ? 2u : 1u))
                return 0;
            if (length == LONG_COPY) {
                length += *at++;
                in_left--;
            }
            length += 2;
            distance = ((control & 0x1f) << 8 | *at++) + 1;
            in_left--;
            if (distance > out_length - out_left || length > out_left)
                return 0;
            copy_back(to, distance, length);
        }
        to += length;
        out_left -= length;
    }
    return out_left == 0 ? out_length : 0;
}
