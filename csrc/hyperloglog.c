/* hyperloglog: registers, runs and estimates; see hyperloglog.h. */
#include "hyperloglog.h"

#include "alloc.h"

#include <math.h>

#if defined(__x86_64__)
#define HAS_AVX2_KERNEL 1
#include <immintrin.h>
#endif

enum {
    INDEX_BITS = 14,
    RANK_BITS = 64 - INDEX_BITS, /* bits of the hash that make the rank */
    ZEROS_SHORT_MAX = 64,
    EQUAL_MAX = 4,
    RUN_BYTES_MAX = 5, /* what takes the place of one run: 14 bits, a value, 14 bits */
    JOIN_LOOKS = 5,
    CACHE_AT = 8,
    ENCODING_AT = 4,
};

/* ---- elements ---- */

/* MurmurHash64A (Austin Appleby, public domain), with the seed that all servers share. */
static uint64_t element_hash(const uint8_t *bytes, size_t length) {
    const uint64_t factor = UINT64_C(0xc6a4a7935bd1e995);
    uint64_t hash = UINT64_C(0xadc83b19) ^ (length * factor);
    size_t at = 0;
    for (; length - at >= 8; at += 8) {
        uint64_t word = load_u64(bytes + at) * factor;
        word = (word ^ word >> 47) * factor;
        hash = (hash ^ word) * factor;
    }
    if (at < length) {
        uint8_t tail[8] = {0};
        memcpy(tail, bytes + at, length - at);
        hash = (hash ^ load_u64(tail)) * factor;
    }
    hash = (hash ^ hash >> 47) * factor;
    return hash ^ hash >> 47;
}

hll_place hll_place_of(slice element) {
    uint64_t hash = element_hash((const uint8_t *)element.data, element.length);
    uint64_t behind = hash >> INDEX_BITS | UINT64_C(1) << RANK_BITS; /* ends the count of zeros */
    hll_place place = {
        .index = (uint32_t)(hash & (HLL_REGISTERS - 1)),
        .rank = (uint32_t)__builtin_ctzll(behind) + 1,
    };
    return place;
}

/* ---- portable kernel: eight registers are six bytes ---- */

static ALWAYS_INLINE uint64_t spread(uint64_t packed) {
    packed = (packed & 0xffffff) | (packed << 8 & UINT64_C(0x00ffffff00000000));
    packed = (packed & UINT64_C(0x00000fff00000fff)) |
             (packed << 4 & UINT64_C(0x0fff00000fff0000));
    return (packed & UINT64_C(0x003f003f003f003f)) |
           (packed << 2 & UINT64_C(0x3f003f003f003f00));
}

static ALWAYS_INLINE uint64_t gather(uint64_t bytes) {
    bytes = (bytes & UINT64_C(0x003f003f003f003f)) | (bytes >> 2 & UINT64_C(0x0fc00fc00fc00fc0));
    bytes = (bytes & UINT64_C(0x00000fff00000fff)) | (bytes >> 4 & UINT64_C(0x00fff00000fff000));
    return (bytes & 0xffffff) | (bytes >> 8 & UINT64_C(0xffffff000000));
}

static void merge_groups(uint8_t *registers, const uint8_t *packed, size_t groups) {
    for (size_t group = 0; group < groups; group++) {
        uint8_t unpacked[8];
        store_u64(unpacked, spread(load_u48(packed + group * 6)));
        for (size_t i = 0; i < 8; i++) {
            uint8_t old = registers[group * 8 + i];
            registers[group * 8 + i] = old > unpacked[i] ? old : unpacked[i];
        }
    }
}

static void pack_groups(uint8_t *packed, const uint8_t *registers, size_t groups) {
    for (size_t group = 0; group < groups; group++)
        store_u48(packed + group * 6, gather(load_u64(registers + group * 8)));
}

static void portable_merge(uint8_t *registers, const uint8_t *packed) {
    merge_groups(registers, packed, HLL_REGISTERS / 8);
}

static void portable_pack(uint8_t *packed, const uint8_t *registers) {
    pack_groups(packed, registers, HLL_REGISTERS / 8);
}

const hll_kernel hll_portable = {"portable", portable_merge, portable_pack};

/* ---- AVX2 kernel: 32 registers are 24 bytes, three for every four ---- */

#ifdef HAS_AVX2_KERNEL
#define AVX2 __attribute__((target("avx2")))
enum { VECTORS = HLL_REGISTERS / 32 };

/* Loads and stores reach some bytes beyond their 24, so the last vector is left to the groups. */

static AVX2 void avx2_merge(uint8_t *registers, const uint8_t *packed) {
    const __m256i halves = _mm256_setr_epi32(0, 1, 2, 3, 3, 4, 5, 6);
    const __m256i threes = _mm256_setr_epi8(
        0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1,
        0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
    for (size_t i = 0; i < VECTORS - 1; i++) {
        __m256i x = _mm256_loadu_si256((const __m256i *)(packed + i * 24));
        x = _mm256_shuffle_epi8(_mm256_permutevar8x32_epi32(x, halves), threes);
        __m256i r0 = _mm256_and_si256(x, _mm256_set1_epi32(0x3f));
        __m256i r1 = _mm256_slli_epi32(_mm256_and_si256(x, _mm256_set1_epi32(0xfc0)), 2);
        __m256i r2 = _mm256_slli_epi32(_mm256_and_si256(x, _mm256_set1_epi32(0x3f000)), 4);
        __m256i r3 = _mm256_slli_epi32(_mm256_and_si256(x, _mm256_set1_epi32(0xfc0000)), 6);
        x = _mm256_or_si256(_mm256_or_si256(r0, r1), _mm256_or_si256(r2, r3));
        __m256i *to = (__m256i *)(registers + i * 32);
        _mm256_storeu_si256(to, _mm256_max_epu8(x, _mm256_loadu_si256(to)));
    }
    merge_groups(registers + HLL_REGISTERS - 32, packed + HLL_PACKED_BYTES - 24, 4);
}

static AVX2 void avx2_pack(uint8_t *packed, const uint8_t *registers) {
    const __m256i close = _mm256_setr_epi8(
        0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1,
        0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
    for (size_t i = 0; i < VECTORS - 1; i++) {
        __m256i x = _mm256_loadu_si256((const __m256i *)(registers + i * 32));
        __m256i r0 = _mm256_and_si256(x, _mm256_set1_epi32(0x3f));
        __m256i r1 = _mm256_srli_epi32(_mm256_and_si256(x, _mm256_set1_epi32(0x3f00)), 2);
        __m256i r2 = _mm256_srli_epi32(_mm256_and_si256(x, _mm256_set1_epi32(0x3f0000)), 4);
        __m256i r3 = _mm256_srli_epi32(_mm256_and_si256(x, _mm256_set1_epi32(0x3f000000)), 6);
        x = _mm256_or_si256(_mm256_or_si256(r0, r1), _mm256_or_si256(r2, r3));
        x = _mm256_shuffle_epi8(x, close);
        uint8_t *to = packed + i * 24;
        _mm_storeu_si128((__m128i *)to, _mm256_castsi256_si128(x));
        _mm_storeu_si128((__m128i *)(to + 12), _mm256_extracti128_si256(x, 1));
    }
    pack_groups(packed + HLL_PACKED_BYTES - 24, registers + HLL_REGISTERS - 32, 4);
}

static const hll_kernel avx2_kernel = {"avx2", avx2_merge, avx2_pack};
#endif

const hll_kernel *hll_best(void) {
#ifdef HAS_AVX2_KERNEL
    if (__builtin_cpu_supports("avx2")) return &avx2_kernel;
#endif
    return &hll_portable;
}

/* ---- the header ---- */

bool hll_is_value(slice value) {
    if (value.length < HLL_HEADER_BYTES || memcmp(value.data, "HYLL", 4) != 0) return false;
    if (value.data[ENCODING_AT] == HLL_DENSE) return value.length == HLL_DENSE_BYTES;
    return value.data[ENCODING_AT] == HLL_SPARSE;
}

bool hll_cached(slice value, uint64_t *count) {
    *count = load_u64(value.data + CACHE_AT);
    return !(*count >> 63);
}

void hll_set_cached(void *value, uint64_t count) { store_u64((uint8_t *)value + CACHE_AT, count); }

void hll_forget_cached(void *value) { ((uint8_t *)value)[CACHE_AT + 7] |= 0x80; }

static void header_write(uint8_t *value, hll_encoding encoding) {
    memset(value, 0, HLL_HEADER_BYTES);
    memcpy(value, "HYLL", 4);
    value[ENCODING_AT] = (uint8_t)encoding;
}

/* ---- dense ---- */

/* The two bytes that hold a register; the last register ends in the last byte alone. */
static ALWAYS_INLINE uint32_t window_of(const uint8_t *packed, size_t at) {
    return packed[at] | (at + 1 < HLL_PACKED_BYTES ? (uint32_t)packed[at + 1] << 8 : 0);
}

unsigned hll_dense_get(const void *value, uint32_t index) {
    const uint8_t *packed = (const uint8_t *)value + HLL_HEADER_BYTES;
    return window_of(packed, index * 6 / 8) >> (index * 6 & 7) & 0x3f;
}

bool hll_dense_raise(void *value, hll_place place) {
    uint8_t *packed = (uint8_t *)value + HLL_HEADER_BYTES;
    size_t at = place.index * 6 / 8;
    unsigned shift = place.index * 6 & 7;
    uint32_t window = window_of(packed, at);
    if ((window >> shift & 0x3f) >= place.rank) return false;
    window = (window & ~(0x3fu << shift)) | place.rank << shift;
    packed[at] = (uint8_t)window;
    if (at + 1 < HLL_PACKED_BYTES) packed[at + 1] = (uint8_t)(window >> 8);
    return true;
}

void hll_dense_fill(const hll_kernel *kernel, void *value,
                    const uint8_t registers[HLL_REGISTERS]) {
    kernel->pack((uint8_t *)value + HLL_HEADER_BYTES, registers);
}

/* ---- runs ---- */

static ALWAYS_INLINE hll_run run_at(const uint8_t *at, const uint8_t *end) {
    hll_run run = {.bytes = 1};
    if (*at & 0x80) {
        run.length = (*at & 3u) + 1;
        run.rank = (uint8_t)((*at >> 2 & 0x1f) + 1);
    } else if (*at & 0x40) {
        run.length = ((*at & 0x3fu) << 8 | (at + 1 < end ? at[1] : 0u)) + 1;
        run.bytes = 2;
    } else {
        run.length = *at + 1u;
    }
    return run;
}

bool hll_next_run(slice *rest, hll_run *run) {
    const uint8_t *at = (const uint8_t *)rest->data;
    if (rest->length == 0) return false;
    *run = run_at(at, at + rest->length);
    size_t taken = run->bytes < rest->length ? run->bytes : rest->length;
    rest->data += taken;
    rest->length -= taken;
    return true;
}

static ALWAYS_INLINE uint8_t equal_run(unsigned rank, uint32_t length) {
    return (uint8_t)(0x80 | (rank - 1) << 2 | (length - 1));
}

static size_t zeros_write(uint8_t *to, uint32_t length) {
    if (length <= ZEROS_SHORT_MAX) {
        *to = (uint8_t)(length - 1);
        return 1;
    }
    to[0] = (uint8_t)(0x40 | (length - 1) >> 8);
    to[1] = (uint8_t)(length - 1);
    return 2;
}

static bool sparse_merge(uint8_t *registers, slice value) {
    const uint8_t *at = (const uint8_t *)value.data + HLL_HEADER_BYTES;
    const uint8_t *end = (const uint8_t *)value.data + value.length;
    uint32_t index = 0;
    while (at < end) {
        hll_run run = run_at(at, end);
        if (run.bytes > end - at || run.length > HLL_REGISTERS - index) return false;
        if (run.rank)
            for (uint32_t i = 0; i < run.length; i++)
                if (registers[index + i] < run.rank) registers[index + i] = run.rank;
        index += run.length;
        at += run.bytes;
    }
    return index == HLL_REGISTERS;
}

/* ---- counting ---- */

bool hll_merge(const hll_kernel *kernel, uint8_t registers[HLL_REGISTERS], slice value) {
    if (hll_get_encoding(value) == HLL_SPARSE) return sparse_merge(registers, value);
    kernel->merge(registers, (const uint8_t *)value.data + HLL_HEADER_BYTES);
    return true;
}

/* Ertl's sigma: what the registers that are still 0 tell. */
static double sigma(double x) {
    if (x == 1.0) return INFINITY;
    double weight = 1.0, sum = x, before;
    do {
        x *= x;
        before = sum;
        sum += x * weight;
        weight += weight;
    } while (sum != before);
    return sum;
}

/* Ertl's tau: what the registers at the highest rank tell. */
static double tau(double x) {
    if (x == 0.0 || x == 1.0) return 0.0;
    double weight = 1.0, sum = 1.0 - x, before;
    do {
        x = sqrt(x);
        before = sum;
        weight *= 0.5;
        sum -= (1.0 - x) * (1.0 - x) * weight;
    } while (sum != before);
    return sum / 3.0;
}

/* How often each rank occurs. Neighbours are counted in tables of their own: otherwise equal ones,
 * which are the rule, would wait for each other's increment. */
static void count_ranks(uint32_t counts[64], const uint8_t registers[HLL_REGISTERS]) {
    uint32_t tables[4][64] = {{0}};
    for (size_t i = 0; i < HLL_REGISTERS; i += 8) {
        uint64_t eight = load_u64(registers + i);
        tables[0][eight & 63]++;
        tables[1][eight >> 8 & 63]++;
        tables[2][eight >> 16 & 63]++;
        tables[3][eight >> 24 & 63]++;
        tables[0][eight >> 32 & 63]++;
        tables[1][eight >> 40 & 63]++;
        tables[2][eight >> 48 & 63]++;
        tables[3][eight >> 56 & 63]++;
    }
    for (size_t rank = 0; rank < 64; rank++)
        counts[rank] = tables[0][rank] + tables[1][rank] + tables[2][rank] + tables[3][rank];
}

uint64_t hll_estimate(const uint8_t registers[HLL_REGISTERS]) {
    const double m = HLL_REGISTERS, alpha = 0.721347520444481703680; /* 1 / (2 ln 2) */
    uint32_t counts[64];
    count_ranks(counts, registers);
    double z = m * tau((m - counts[HLL_RANK_MAX]) / m);
    for (size_t rank = HLL_RANK_MAX - 1; rank >= 1; rank--) {
        z += counts[rank];
        z *= 0.5;
    }
    z += m * sigma(counts[0] / m);
    double estimate = alpha * m * m / z;
    /* Ranks that no hash gives leave nothing to divide by; others answer the same number. */
    return estimate < 0x1p63 ? (uint64_t)llround(estimate) : UINT64_C(1) << 63;
}

bool hll_count(const hll_kernel *kernel, slice value, uint64_t *count) {
    uint8_t registers[HLL_REGISTERS] = {0};
    if (!hll_merge(kernel, registers, value)) return false;
    *count = hll_estimate(registers);
    return true;
}

/* ---- drafts ---- */

static void draft_restart(hll_draft *draft) {
    draft->resume = HLL_HEADER_BYTES;
    draft->first = 0;
    draft->before = 0;
}

void hll_draft_open(hll_draft *draft, slice value) {
    draft->bytes = (const uint8_t *)value.data;
    draft->length = value.length;
    draft->own = NULL;
    draft->capacity = 0;
    draft_restart(draft);
}

/* Make room for `capacity` bytes of its own. */
static uint8_t *draft_reserve(hll_draft *draft, size_t capacity) {
    if (draft->own != NULL && capacity <= draft->capacity) return draft->own;
    capacity += capacity / 2;
    uint8_t *own = alloc_new(capacity);
    memcpy(own, draft->bytes, draft->length);
    if (draft->own != NULL) alloc_free(draft->own, draft->capacity);
    draft->own = own;
    draft->bytes = own;
    draft->capacity = capacity;
    return own;
}

uint8_t *hll_draft_own(hll_draft *draft) { return draft_reserve(draft, draft->length); }

void hll_draft_new(hll_draft *draft) {
    uint8_t empty[HLL_HEADER_BYTES + 2];
    header_write(empty, HLL_SPARSE);
    zeros_write(empty + HLL_HEADER_BYTES, HLL_REGISTERS);
    hll_draft_open(draft, (slice){(const char *)empty, sizeof empty});
    hll_draft_own(draft);
}

void hll_draft_close(hll_draft *draft) {
    if (draft->own != NULL) alloc_free(draft->own, draft->capacity);
}

bool hll_draft_to_dense(hll_draft *draft) {
    uint8_t registers[HLL_REGISTERS] = {0};
    slice value = {(const char *)draft->bytes, draft->length};
    if (hll_get_encoding(value) == HLL_DENSE) return true;
    if (!sparse_merge(registers, value)) return false;
    uint8_t *dense = alloc_new(HLL_DENSE_BYTES);
    memcpy(dense, draft->bytes, HLL_HEADER_BYTES); /* the cached count is still right */
    dense[ENCODING_AT] = HLL_DENSE;
    hll_dense_fill(hll_best(), dense, registers);
    hll_draft_close(draft);
    draft->own = dense;
    draft->bytes = dense;
    draft->length = draft->capacity = HLL_DENSE_BYTES;
    return true;
}

static hll_status raise_in_dense(hll_draft *draft, hll_place place) {
    if (hll_dense_get(draft->bytes, place.index) >= place.rank) return HLL_UNCHANGED;
    hll_dense_raise(hll_draft_own(draft), place);
    return HLL_CHANGED;
}

static hll_status raise_as_dense(hll_draft *draft, hll_place place) {
    if (!hll_draft_to_dense(draft)) return HLL_MALFORMED;
    return raise_in_dense(draft, place);
}

/* Where a register is found: its run and the one before that. */
typedef struct run_place {
    size_t at, before; /* before: 0 where there is none */
    uint32_t first;    /* register of the run */
    hll_run run;
} run_place;

/* False: the runs end before the register. */
static bool run_find(hll_draft *draft, uint32_t index, run_place *found) {
    const uint8_t *end = draft->bytes + draft->length;
    if (index < draft->first) draft_restart(draft);
    size_t at = draft->resume, before = draft->before;
    uint32_t first = draft->first;
    while (at < draft->length) {
        hll_run run = run_at(draft->bytes + at, end);
        if (run.bytes > draft->length - at) return false;
        if (index - first < run.length) {
            *found = (run_place){at, before, first, run};
            return true;
        }
        draft->before = before;
        draft->resume = before = at;
        draft->first = first;
        at += run.bytes;
        first += run.length;
    }
    return false;
}

/* The runs that take the place of one in which a register is raised. */
static size_t split_run(uint8_t *to, const run_place *found, hll_place place) {
    uint32_t in_front = place.index - found->first;
    uint32_t behind = found->run.length - in_front - 1;
    size_t length = 0;
    if (in_front && found->run.rank) to[length++] = equal_run(found->run.rank, in_front);
    else if (in_front) length += zeros_write(to + length, in_front);
    to[length++] = equal_run(place.rank, 1);
    if (behind && found->run.rank) to[length++] = equal_run(found->run.rank, behind);
    else if (behind) length += zeros_write(to + length, behind);
    return length;
}

/* Join equal neighbours among the next runs from `at` on. */
static void join_runs(hll_draft *draft, size_t at) {
    uint8_t *bytes = draft->own;
    for (int looks = 0; looks < JOIN_LOOKS && at < draft->length; looks++) {
        hll_run run = run_at(bytes + at, bytes + draft->length);
        if (run.rank && at + 1 < draft->length && bytes[at + 1] & 0x80) {
            hll_run next = run_at(bytes + at + 1, bytes + draft->length);
            if (next.rank == run.rank && run.length + next.length <= EQUAL_MAX) {
                bytes[at + 1] = equal_run(run.rank, run.length + next.length);
                memmove(bytes + at, bytes + at + 1, draft->length - at - 1);
                draft->length--;
                continue; /* the same place again: a third one may be equal */
            }
        }
        at += run.bytes;
    }
}

hll_status hll_draft_raise(hll_draft *draft, hll_place place, size_t sparse_max) {
    uint8_t runs[RUN_BYTES_MAX];
    run_place found;
    if (draft->bytes[ENCODING_AT] == HLL_DENSE) return raise_in_dense(draft, place);
    if (place.rank > HLL_SPARSE_RANK_MAX) return raise_as_dense(draft, place);
    if (!run_find(draft, place.index, &found)) return HLL_MALFORMED;
    if (found.run.rank >= place.rank) return HLL_UNCHANGED;
    size_t size = split_run(runs, &found, place);
    size_t behind = found.at + found.run.bytes;
    if (size > found.run.bytes && draft->length + size - found.run.bytes > sparse_max)
        return raise_as_dense(draft, place);
    uint8_t *bytes = draft_reserve(draft, draft->length + RUN_BYTES_MAX);
    memmove(bytes + found.at + size, bytes + behind, draft->length - behind);
    memcpy(bytes + found.at, runs, size);
    draft->length += size - found.run.bytes;
    join_runs(draft, found.before ? found.before : HLL_HEADER_BYTES);
    /* The run before stays where it is, whatever was joined to it; this one may be gone. */
    if (draft->resume == found.at) draft_restart(draft);
    hll_forget_cached(bytes);
    return HLL_CHANGED;
}

/* ---- self test ---- */

static hll_place numbered_place(uint64_t number) {
    return hll_place_of((slice){(const char *)&number, sizeof number});
}

/* Registers of both encodings and of an array must agree, and so must both kernels. */
static bool test_registers(void) {
    uint8_t registers[HLL_REGISTERS] = {0}, packed[2][HLL_PACKED_BYTES], merged[HLL_REGISTERS];
    hll_draft sparse, dense;
    hll_draft_new(&sparse);
    hll_draft_new(&dense);
    bool equal = hll_draft_to_dense(&dense);
    for (uint64_t number = 0; number < 20000; number++) {
        hll_place place = numbered_place(number);
        if (registers[place.index] < place.rank) registers[place.index] = (uint8_t)place.rank;
        hll_draft_raise(&dense, place, 0);
        if (number < 5000) hll_draft_raise(&sparse, place, SIZE_MAX);
        if (number == 4999) {
            memset(merged, 0, sizeof merged);
            slice value = {(const char *)sparse.bytes, sparse.length};
            equal = equal && hll_merge(&hll_portable, merged, value) &&
                    memcmp(merged, registers, HLL_REGISTERS) == 0;
        }
    }
    hll_portable.pack(packed[0], registers);
    hll_best()->pack(packed[1], registers);
    memset(merged, 0, sizeof merged);
    hll_best()->merge(merged, packed[0]);
    equal = equal && memcmp(packed[0], packed[1], HLL_PACKED_BYTES) == 0 &&
            memcmp(packed[0], dense.bytes + HLL_HEADER_BYTES, HLL_PACKED_BYTES) == 0 &&
            memcmp(merged, registers, HLL_REGISTERS) == 0;
    hll_draft_close(&sparse);
    hll_draft_close(&dense);
    return equal;
}

/* Five standard errors (of 1.04 / sqrt(16384)) are hardly ever exceeded; small counts are exact but
 * for collisions. */
static bool test_estimates(void) {
    uint8_t registers[HLL_REGISTERS] = {0};
    uint64_t checked = 1;
    for (uint64_t number = 0; number < 1000000; number++) {
        hll_place place = numbered_place(number);
        if (registers[place.index] < place.rank) registers[place.index] = (uint8_t)place.rank;
        if (number + 1 != checked) continue;
        double error = fabs((double)hll_estimate(registers) - (double)checked);
        if (error > 2 + (double)checked * 5 * 0.008125) return false;
        checked *= 10;
    }
    return true;
}

bool hll_self_test(void) { return test_registers() && test_estimates(); }
