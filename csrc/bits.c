/* bits: kernels over long strings of bits; see bits.h. */
#include "bits.h"

#if defined(__x86_64__)
#define HAS_AVX2_KERNEL 1
#include <immintrin.h>
#endif

/* ---- portable ---- */

/* Ones of each byte of a word, in that byte. */
static ALWAYS_INLINE uint64_t byte_counts(uint64_t word) {
    word -= word >> 1 & UINT64_C(0x5555555555555555);
    word = (word & UINT64_C(0x3333333333333333)) + (word >> 2 & UINT64_C(0x3333333333333333));
    return (word + (word >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
}

static ALWAYS_INLINE uint64_t sum_of_bytes(uint64_t word) {
    word = (word & UINT64_C(0x00ff00ff00ff00ff)) + (word >> 8 & UINT64_C(0x00ff00ff00ff00ff));
    return word * UINT64_C(0x0001000100010001) >> 48;
}

static ALWAYS_INLINE uint64_t ones_of(uint64_t word) {
#if defined(__aarch64__) || defined(__POPCNT__)
    return (uint64_t)__builtin_popcountll(word);
#else
    return sum_of_bytes(byte_counts(word));
#endif
}

static uint64_t portable_count(const uint8_t *bytes, size_t length) {
    enum { GROUP = 16 }; /* words whose counts fit together into bytes: 16 * 8 < 256 */
    uint64_t total = 0;
    size_t at = 0;
    for (; length - at >= GROUP * 8; at += GROUP * 8) {
        uint64_t counts = 0;
        for (size_t i = 0; i < GROUP; i++) counts += byte_counts(load_u64(bytes + at + i * 8));
        total += sum_of_bytes(counts);
    }
    for (; length - at >= 8; at += 8) total += ones_of(load_u64(bytes + at));
    for (; at < length; at++) total += ones_of(bytes[at]);
    return total;
}

static size_t portable_skip(const uint8_t *bytes, size_t length, uint8_t fill) {
    uint64_t pattern = fill * UINT64_C(0x0101010101010101);
    size_t at = 0;
    for (; length - at >= 32; at += 32) {
        uint64_t differ = load_u64(bytes + at) ^ pattern;
        differ |= load_u64(bytes + at + 8) ^ pattern;
        differ |= load_u64(bytes + at + 16) ^ pattern;
        differ |= load_u64(bytes + at + 24) ^ pattern;
        if (differ) break;
    }
    for (; length - at >= 8; at += 8) {
        uint64_t differ = load_u64(bytes + at) ^ pattern;
        if (differ) return at + (size_t)__builtin_ctzll(differ) / 8;
    }
    while (at < length && bytes[at] == fill) at++;
    return at;
}

/* The loop over words and the one over the bytes that are left, for an expression of a and b. */
#define COMBINE_LOOPS(expression)                       \
    do {                                                \
        size_t at = 0;                                  \
        for (; length - at >= 8; at += 8) {             \
            uint64_t a = load_u64(to + at);             \
            uint64_t b = load_u64(from + at);           \
            (void)a;                                    \
            store_u64(to + at, (expression));           \
        }                                               \
        for (; at < length; at++) {                     \
            uint8_t a = to[at], b = from[at];           \
            (void)a;                                    \
            to[at] = (uint8_t)(expression);             \
        }                                               \
    } while (0)

static void portable_combine(bits_operator op, uint8_t *to, const uint8_t *from, size_t length) {
    switch (op) {
    case BITS_AND: COMBINE_LOOPS(a & b); break;
    case BITS_OR: COMBINE_LOOPS(a | b); break;
    case BITS_XOR: COMBINE_LOOPS(a ^ b); break;
    case BITS_NOT: COMBINE_LOOPS(~b); break;
    }
}

const bits_kernel bits_portable = {
    "portable", portable_count, portable_skip, portable_combine,
};

/* ---- AVX2 ---- */

#ifdef HAS_AVX2_KERNEL
#define AVX2 __attribute__((target("avx2")))

static AVX2 ALWAYS_INLINE __m256i load_256(const uint8_t *from) {
    return _mm256_loadu_si256((const __m256i *)from);
}

/* Ones of each byte: each half of a byte looks its count up in a table of 16 (Mula, Kurz, Lemire,
 * "Faster population counts using AVX2 instructions", 2018). */
static AVX2 ALWAYS_INLINE __m256i byte_counts_256(__m256i bytes) {
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
                                           0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(15);
    __m256i halves = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), low);
    return _mm256_add_epi8(_mm256_shuffle_epi8(table, _mm256_and_si256(bytes, low)),
                           _mm256_shuffle_epi8(table, halves));
}

static AVX2 uint64_t avx2_count(const uint8_t *bytes, size_t length) {
    enum { GROUP = 16 }; /* vectors whose counts fit together into bytes */
    __m256i total = _mm256_setzero_si256();
    size_t at = 0;
    for (; length - at >= GROUP * 32; at += GROUP * 32) {
        __m256i counts = _mm256_setzero_si256();
        for (size_t i = 0; i < GROUP; i++)
            counts = _mm256_add_epi8(counts, byte_counts_256(load_256(bytes + at + i * 32)));
        total = _mm256_add_epi64(total, _mm256_sad_epu8(counts, _mm256_setzero_si256()));
    }
    for (; length - at >= 32; at += 32) {
        __m256i counts = byte_counts_256(load_256(bytes + at));
        total = _mm256_add_epi64(total, _mm256_sad_epu8(counts, _mm256_setzero_si256()));
    }
    uint64_t sums[4];
    _mm256_storeu_si256((__m256i *)sums, total);
    return sums[0] + sums[1] + sums[2] + sums[3] + portable_count(bytes + at, length - at);
}

static AVX2 size_t avx2_skip(const uint8_t *bytes, size_t length, uint8_t fill) {
    const __m256i pattern = _mm256_set1_epi8((char)fill);
    size_t at = 0;
    for (; length - at >= 128; at += 128) {
        __m256i differ = _mm256_xor_si256(load_256(bytes + at), pattern);
        for (size_t i = 32; i < 128; i += 32) {
            __m256i more = _mm256_xor_si256(load_256(bytes + at + i), pattern);
            differ = _mm256_or_si256(differ, more);
        }
        if (!_mm256_testz_si256(differ, differ)) break;
    }
    for (; length - at >= 32; at += 32) {
        __m256i equal = _mm256_cmpeq_epi8(load_256(bytes + at), pattern);
        uint32_t unequal = ~(uint32_t)_mm256_movemask_epi8(equal);
        if (unequal) return at + (size_t)__builtin_ctz(unequal);
    }
    return at + portable_skip(bytes + at, length - at, fill);
}

#define COMBINE_256(expression)                                         \
    for (; length - at >= 32; at += 32) {                               \
        __m256i a = load_256(to + at), b = load_256(from + at);         \
        (void)a;                                                        \
        _mm256_storeu_si256((__m256i *)(to + at), (expression));        \
    }

static AVX2 void avx2_combine(bits_operator op, uint8_t *to, const uint8_t *from, size_t length) {
    const __m256i ones = _mm256_set1_epi8((char)0xff);
    size_t at = 0;
    switch (op) {
    case BITS_AND: COMBINE_256(_mm256_and_si256(a, b)); break;
    case BITS_OR: COMBINE_256(_mm256_or_si256(a, b)); break;
    case BITS_XOR: COMBINE_256(_mm256_xor_si256(a, b)); break;
    case BITS_NOT: COMBINE_256(_mm256_xor_si256(b, ones)); break;
    }
    portable_combine(op, to + at, from + at, length - at);
}

static const bits_kernel avx2_kernel = {"avx2", avx2_count, avx2_skip, avx2_combine};
#endif

const bits_kernel *bits_best(void) {
#ifdef HAS_AVX2_KERNEL
    if (__builtin_cpu_supports("avx2")) return &avx2_kernel;
#endif
    return &bits_portable;
}

/* ---- whole strings ---- */

uint64_t bits_count(const void *bytes, size_t length) {
    return bits_best()->count(bytes, length);
}

uint64_t bits_count_range(const void *bytes, uint64_t from, uint64_t until) {
    const uint8_t *at = bytes;
    if (from >= until) return 0;
    uint64_t first = from / 8, last = (until - 1) / 8;
    uint8_t head = (uint8_t)(0xff >> (from & 7));
    uint8_t tail = (uint8_t)(0xff << (7 - ((until - 1) & 7)));
    if (first == last) return ones_of(at[first] & head & tail);
    return ones_of(at[first] & head) + ones_of(at[last] & tail) +
           bits_count(at + first + 1, last - first - 1);
}

static ALWAYS_INLINE bool bit_at(const uint8_t *bytes, uint64_t number) {
    return bytes[number / 8] >> (7 - (number & 7)) & 1;
}

int64_t bits_find(const void *bytes, uint64_t from, uint64_t until, bool bit) {
    const uint8_t *start = bytes;
    for (; from < until && from & 7; from++)
        if (bit_at(start, from) == bit) return (int64_t)from;
    if (until - from >= 8 && from < until) {
        size_t whole = (until - from) / 8;
        const uint8_t *at = start + from / 8;
        size_t skipped = bits_best()->skip(at, whole, bit ? 0x00 : 0xff);
        from += skipped * 8;
        if (skipped < whole) {
            uint32_t byte = bit ? at[skipped] : (uint8_t)~at[skipped];
            return (int64_t)from + __builtin_clz(byte) - 24;
        }
    }
    for (; from < until; from++)
        if (bit_at(start, from) == bit) return (int64_t)from;
    return -1;
}

/* The part of a string that lies in a block of at most `size` bytes at `at`. */
static slice part_in_block(slice string, size_t at, size_t size) {
    slice part = {string.data, 0};
    if (string.length > at) {
        part.data = string.data + at;
        part.length = string.length - at < size ? string.length - at : size;
    }
    return part;
}

void bits_combine(bits_operator op, void *to, size_t length, const slice *sources, size_t count) {
    const bits_kernel *kernel = bits_best();
    for (size_t at = 0; at < length; at += BITS_BLOCK_BYTES) {
        uint8_t *block = (uint8_t *)to + at;
        size_t size = length - at < BITS_BLOCK_BYTES ? length - at : BITS_BLOCK_BYTES;
        slice part = part_in_block(sources[0], at, size);
        if (part.length) memcpy(block, part.data, part.length);
        memset(block + part.length, 0, size - part.length);
        if (op == BITS_NOT) kernel->combine(op, block, block, size);
        for (size_t i = 1; i < count; i++) {
            part = part_in_block(sources[i], at, size);
            kernel->combine(op, block, (const uint8_t *)part.data, part.length);
            if (op == BITS_AND) memset(block + part.length, 0, size - part.length);
        }
    }
}
