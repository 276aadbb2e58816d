/* Tests of bits: every kernel against loops over single bits, at every alignment and tail, and
 * ranges and combinations against the same oracle. Buffers have their exact size, so that the
 * address checker sees a byte read behind the end. */
#include "bits.h"

#include "check.h"

enum { LONGEST = 700, ALIGNMENTS = 33 };

static bool oracle_bit(const uint8_t *bytes, uint64_t number) {
    return bytes[number / 8] & 128 >> number % 8;
}

static uint64_t oracle_count(const uint8_t *bytes, uint64_t from, uint64_t until) {
    uint64_t total = 0;
    for (uint64_t i = from; i < until; i++) total += oracle_bit(bytes, i);
    return total;
}

static int64_t oracle_find(const uint8_t *bytes, uint64_t from, uint64_t until, bool bit) {
    for (uint64_t i = from; i < until; i++)
        if (oracle_bit(bytes, i) == bit) return (int64_t)i;
    return -1;
}

static uint8_t oracle_join(bits_operator op, uint8_t a, uint8_t b) {
    return op == BITS_AND ? a & b : op == BITS_OR ? a | b : op == BITS_XOR ? a ^ b : (uint8_t)~b;
}

/* A block that ends where its last byte does; `skew` bytes in front of the string. */
typedef struct block {
    uint8_t *start;
    uint8_t *bytes;
    size_t length;
} block;

static block block_make(size_t length, size_t skew) {
    block made = {malloc(length + skew + 1), NULL, length};
    CHECK(made.start != NULL);
    made.start = realloc(made.start, length + skew ? length + skew : 1);
    made.bytes = made.start + skew;
    return made;
}

static void block_random(check_run *run, block *b) {
    uint64_t kind = check_random_below(run, 4);
    if (kind == 0) memset(b->bytes, 0, b->length);
    if (kind == 1) memset(b->bytes, 0xff, b->length);
    if (kind == 2)
        for (size_t i = 0; i < b->length; i++) b->bytes[i] = (uint8_t)check_random(run);
    if (kind == 3) {
        uint8_t fill = check_chance(run, 50) ? 0xff : 0;
        memset(b->bytes, fill, b->length);
        if (b->length) {
            uint64_t at = check_random_below(run, b->length);
            b->bytes[at] ^= (uint8_t)(1 << check_random_below(run, 8));
        }
    }
}

static void check_count_and_skip(check_run *run, const bits_kernel *kernel) {
    for (size_t skew = 0; skew < ALIGNMENTS; skew++) {
        for (size_t length = 0; length < LONGEST; length += length < 300 ? 1 : 17) {
            block b = block_make(length, skew);
            block_random(run, &b);
            CHECK_INT(kernel->count(b.bytes, length), oracle_count(b.bytes, 0, length * 8));
            uint8_t fills[] = {0, 0xff, 'x'};
            for (size_t i = 0; i < sizeof fills; i++) {
                size_t equal = 0;
                while (equal < length && b.bytes[equal] == fills[i]) equal++;
                CHECK_INT(kernel->skip(b.bytes, length, fills[i]), equal);
            }
            free(b.start);
        }
    }
}

static void test_portable_kernel_counts_and_skips_at_every_alignment_and_tail(check_run *run) {
    check_count_and_skip(run, &bits_portable);
}

static void test_best_kernel_counts_and_skips_at_every_alignment_and_tail(check_run *run) {
    printf("kernel: %s\n", bits_best()->name);
    check_count_and_skip(run, bits_best());
}

static void check_combine(check_run *run, const bits_kernel *kernel) {
    for (size_t skew = 0; skew < ALIGNMENTS; skew++) {
        for (size_t length = 0; length < 200; length++) {
            block to = block_make(length, skew), from = block_make(length, (skew * 7) % 32);
            uint8_t expected[200];
            bits_operator op = (bits_operator)check_random_below(run, 4);
            check_random_bytes(run, to.bytes, length);
            check_random_bytes(run, from.bytes, length);
            for (size_t i = 0; i < length; i++)
                expected[i] = oracle_join(op, to.bytes[i], from.bytes[i]);
            kernel->combine(op, to.bytes, from.bytes, length);
            CHECK_BYTES(to.bytes, length, expected, length);
            kernel->combine(BITS_NOT, to.bytes, to.bytes, length); /* in place */
            for (size_t i = 0; i < length; i++) expected[i] = (uint8_t)~expected[i];
            CHECK_BYTES(to.bytes, length, expected, length);
            free(to.start);
            free(from.start);
        }
    }
}

static void test_portable_kernel_combines_at_every_alignment_and_tail(check_run *run) {
    check_combine(run, &bits_portable);
}

static void test_best_kernel_combines_at_every_alignment_and_tail(check_run *run) {
    check_combine(run, bits_best());
}

static void test_ranges_of_bits_are_counted_and_searched_like_single_bits(check_run *run) {
    uint64_t rounds = check_iterations(run, 20000);
    for (uint64_t round = 0; round < rounds; round++) {
        block b = block_make(1 + check_random_below(run, round % 10 ? 12 : LONGEST), round % 8);
        block_random(run, &b);
        uint64_t from = check_random_below(run, b.length * 8 + 1);
        uint64_t until = from + check_random_below(run, b.length * 8 - from + 1);
        CHECK_INT(bits_count_range(b.bytes, from, until), oracle_count(b.bytes, from, until));
        CHECK_INT(bits_find(b.bytes, from, until, true), oracle_find(b.bytes, from, until, true));
        CHECK_INT(bits_find(b.bytes, from, until, false),
                  oracle_find(b.bytes, from, until, false));
        free(b.start);
    }
}

static void test_an_empty_range_has_no_bits(check_run *run) {
    uint8_t byte = 0xff;
    (void)run;
    CHECK_INT(bits_count(&byte, 0), 0);
    CHECK_INT(bits_count_range(&byte, 3, 3), 0);
    CHECK_INT(bits_find(&byte, 3, 3, true), -1);
    CHECK_INT(bits_find(&byte, 0, 8, false), -1);
}

/* Strings of several lengths, shorter and longer than a block. */
static void check_strings(check_run *run, size_t longest) {
    slice sources[5];
    block blocks[5];
    size_t count = 1 + check_random_below(run, 5), length = 0;
    bits_operator op = (bits_operator)check_random_below(run, 4);
    if (op == BITS_NOT) count = 1;
    for (size_t i = 0; i < count; i++) {
        blocks[i] = block_make(check_random_below(run, longest + 1), i);
        check_random_bytes(run, blocks[i].bytes, blocks[i].length);
        sources[i] = (slice){(const char *)blocks[i].bytes, blocks[i].length};
        if (check_chance(run, 10)) sources[i] = (slice){NULL, 0};
        if (sources[i].length > length) length = sources[i].length;
    }
    uint8_t *result = malloc(length + 1), *expected = malloc(length + 1);
    for (size_t at = 0; at < length; at++) {
        for (size_t i = 0; i < count; i++) {
            uint8_t byte = at < sources[i].length ? (uint8_t)sources[i].data[at] : 0;
            if (i == 0) expected[at] = op == BITS_NOT ? (uint8_t)~byte : byte;
            else expected[at] = oracle_join(op, expected[at], byte);
        }
    }
    bits_combine(op, result, length, sources, count);
    CHECK_BYTES(result, length, expected, length);
    for (size_t i = 0; i < count; i++) free(blocks[i].start);
    free(result);
    free(expected);
}

static void test_strings_of_different_lengths_go_on_in_zeros(check_run *run) {
    uint64_t rounds = check_iterations(run, 2000);
    for (uint64_t round = 0; round < rounds; round++)
        check_strings(run, round % 50 ? 100 : BITS_BLOCK_BYTES * 3);
}

int main(int count, char **arguments) {
    static const check_test tests[] = {
        CHECK_TEST(test_portable_kernel_counts_and_skips_at_every_alignment_and_tail),
        CHECK_TEST(test_best_kernel_counts_and_skips_at_every_alignment_and_tail),
        CHECK_TEST(test_portable_kernel_combines_at_every_alignment_and_tail),
        CHECK_TEST(test_best_kernel_combines_at_every_alignment_and_tail),
        CHECK_TEST(test_ranges_of_bits_are_counted_and_searched_like_single_bits),
        CHECK_TEST(test_an_empty_range_has_no_bits),
        CHECK_TEST(test_strings_of_different_lengths_go_on_in_zeros),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
