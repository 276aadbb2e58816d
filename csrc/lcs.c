/* lcs: longest common subsequence by bit vectors; see lcs.h. */
#include "lcs.h"

#include "alloc.h"
#include "checked.h"

enum { WORD_BITS = 64 };

/* For each byte that occurs in `a`, the positions in `b` where it stands. */
typedef struct match_vectors {
    uint64_t *bits;
    size_t size;
    uint16_t number[256]; /* of the vector, from 1; 0: the byte does not occur in `a` */
} match_vectors;

/* Words of 64 columns: a row while it is computed. */
static size_t row_words(const lcs *l) { return (l->b.length - 1) / WORD_BITS + 1; }

static bool vectors_make(match_vectors *vectors, const lcs *l) {
    size_t count = 0, words = row_words(l);
    memset(vectors->number, 0, sizeof(vectors->number));
    for (size_t i = 0; i < l->a.length; i++) {
        uint8_t byte = (uint8_t)l->a.data[i];
        if (!vectors->number[byte]) vectors->number[byte] = (uint16_t)++count;
    }
    if (size_mul(count * sizeof(uint64_t), words, &vectors->size)) return false;
    vectors->bits = alloc_new(vectors->size);
    memset(vectors->bits, 0, vectors->size);
    for (size_t j = 0; j < l->b.length; j++) {
        size_t number = vectors->number[(uint8_t)l->b.data[j]];
        if (number)
            vectors->bits[(number - 1) * words + j / WORD_BITS] |= UINT64_C(1) << (j % WORD_BITS);
    }
    return true;
}

/* Turn a row into the one below it; its words are stored lowest byte first. */
static void row_step(uint64_t *row, const uint64_t *match, size_t words) {
    uint64_t carry = 0;
    for (size_t w = 0; w < words; w++) {
        uint64_t bits = load_u64(row + w), both = bits & match[w], sum;
        uint64_t over = __builtin_add_overflow(bits, both, &sum);
        over |= __builtin_add_overflow(sum, carry, &sum);
        carry = over;
        store_u64(row + w, sum | (bits & ~match[w]));
    }
}

/* Growth along a whole row: its zero bits, without those behind the end of `b`. */
static size_t row_length(const lcs *l, const uint64_t *row) {
    size_t zeros = 0, words = row_words(l), tail = l->b.length % WORD_BITS;
    for (size_t w = 0; w < words; w++) {
        uint64_t grown = ~load_u64(row + w);
        if (tail && w == words - 1) grown &= (UINT64_C(1) << tail) - 1;
        zeros += (size_t)__builtin_popcountll(grown);
    }
    return zeros;
}

bool lcs_begin(lcs *l, slice a, slice b, bool walked) {
    match_vectors vectors;
    size_t bytes;
    memset(l, 0, sizeof(*l));
    l->a = a;
    l->b = b;
    if (a.length == 0 || b.length == 0) return true;
    l->i = a.length;
    l->j = b.length;
    l->row_bytes = (b.length - 1) / 8 + 1;
    if (size_mul(a.length, l->row_bytes, &bytes) || !vectors_make(&vectors, l)) return false;
    if (walked) l->rows = alloc_new(bytes);
    size_t words = row_words(l);
    uint64_t *row = alloc_new(words * sizeof(uint64_t));
    memset(row, 0xff, words * sizeof(uint64_t));
    for (size_t i = 0; i < a.length; i++) {
        size_t number = vectors.number[(uint8_t)a.data[i]];
        row_step(row, vectors.bits + (number - 1) * words, words);
        if (walked) memcpy(l->rows + i * l->row_bytes, row, l->row_bytes);
    }
    l->length = row_length(l, row);
    alloc_free(row, words * sizeof(uint64_t));
    alloc_free(vectors.bits, vectors.size);
    return true;
}

/* Whether L(i, j) is more than L(i, j-1). */
static bool grows(const lcs *l) {
    size_t at = l->j - 1;
    return !(l->rows[(l->i - 1) * l->row_bytes + at / 8] >> (at % 8) & 1);
}

bool lcs_next(lcs *l, lcs_range *range) {
    range->length = 0;
    while (l->i && l->j) {
        if (l->a.data[l->i - 1] == l->b.data[l->j - 1]) {
            l->i--;
            l->j--;
            range->length++;
            continue;
        }
        if (range->length) break;
        if (grows(l))
            l->i--;
        else
            l->j--;
    }
    range->a_start = l->i;
    range->b_start = l->j;
    return range->length > 0;
}

void lcs_free(lcs *l) {
    if (l->rows) alloc_free(l->rows, l->a.length * l->row_bytes);
    l->rows = NULL;
}
