/* Tests of hash.h: what lookups and the resistance to prepared collisions rest on. */
#include "alloc.h"
#include "check.h"
#include "hash.h"

#define LENGTH_MAX 300

static void random_hash_seed(check_run *run, hash_seed *seed)
{
    for (size_t index = 0; index < CHECK_LENGTH(seed->word); index++)
        seed->word[index] = check_random(run);
}

/* Exact-size blocks let the address checker see a load beyond either end. */
static uint64_t hash_of_a_fresh_copy(const hash_seed *seed, const void *bytes, size_t length)
{
    char *copy = malloc(length ? length : 1);
    memcpy(copy, bytes, length);
    uint64_t hash = hash_bytes(seed, copy, length);
    free(copy);
    return hash;
}

static void test_hash_depends_on_the_bytes_and_not_on_their_address(check_run *run)
{
    unsigned char bytes[LENGTH_MAX], room[LENGTH_MAX + 16];
    hash_seed seed;
    random_hash_seed(run, &seed);
    for (size_t length = 0; length <= LENGTH_MAX; length++) {
        check_random_bytes(run, bytes, length);
        uint64_t expected = hash_of_a_fresh_copy(&seed, bytes, length);
        for (size_t shift = 0; shift < 16; shift++) {
            check_random_bytes(run, room, sizeof room);
            memcpy(room + shift, bytes, length);
            CHECK_INT(hash_bytes(&seed, room + shift, length), expected);
        }
    }
}

static void test_hash_is_little_endian_so_that_a_seeded_run_repeats_everywhere(check_run *run)
{
    (void)run;
    hash_seed seed = {{1, 2, 3, 4}};
    /* Of a short key by hand: "ab" is 0x616262, both words are folded with the seed twice. */
    uint64_t mixed = hash_fold(0x616262 ^ 1, 0 ^ 2);
    CHECK_INT(hash_bytes(&seed, "ab", 2), hash_fold(mixed ^ 3, 2 ^ 4));
    mixed = hash_fold(UINT64_C(0x3736353433323130) ^ 1, UINT64_C(0x3938373635343332) ^ 2);
    CHECK_INT(hash_bytes(&seed, "0123456789", 10), hash_fold(mixed ^ 3, 10 ^ 4));
}

static void test_each_byte_and_the_length_count(check_run *run)
{
    unsigned char bytes[LENGTH_MAX] = {0};
    hash_seed seed;
    random_hash_seed(run, &seed);
    uint64_t before = hash_bytes(&seed, bytes, 0);
    for (size_t length = 1; length <= LENGTH_MAX; length++) {
        uint64_t hash = hash_bytes(&seed, bytes, length);
        CHECK(hash != before); /* zeros alone: only the length tells them apart */
        before = hash;
        for (size_t at = 0; at < length; at++) {
            bytes[at] ^= 1;
            CHECK(hash_bytes(&seed, bytes, length) != hash);
            bytes[at] ^= 1;
        }
    }
}

static void test_each_word_of_the_seed_counts(check_run *run)
{
    static const size_t lengths[] = {0, 1, 3, 4, 7, 8, 16, 17, 33, 64, 65, 200};
    unsigned char bytes[LENGTH_MAX];
    hash_seed seed;
    check_random_bytes(run, bytes, sizeof bytes);
    random_hash_seed(run, &seed);
    for (size_t index = 0; index < CHECK_LENGTH(lengths); index++) {
        for (size_t word = 0; word < CHECK_LENGTH(seed.word); word++) {
            hash_seed other = seed;
            other.word[word] ^= UINT64_C(1) << check_random_below(run, 64);
            CHECK(hash_bytes(&seed, bytes, lengths[index])
                  != hash_bytes(&other, bytes, lengths[index]));
        }
    }
}

/* One flipped bit of the key flips each bit of the hash half of the time. With n samples a bit's
 * count has a deviation of sqrt(n) / 2; six of them are never met by chance. A key of one byte has
 * only 1024 pairs, which the samples meet again and again: what is uneven in those 1024 (16 of
 * them, 64 in 4096 samples) comes on top, and makes it sqrt(64^2 + 32^2). */
static void test_a_flipped_bit_flips_each_bit_of_the_hash_half_the_time(check_run *run)
{
    static const size_t lengths[] = {1, 2, 3, 4, 7, 8, 12, 16, 17, 24, 40, 64, 65, 96, 130};
    enum { SAMPLES = 4096 };
    hash_seed seed;
    random_hash_seed(run, &seed);
    for (size_t index = 0; index < CHECK_LENGTH(lengths); index++) {
        size_t length = lengths[index];
        unsigned flipped[64] = {0};
        unsigned bound = 6 * (length == 1 ? 72 : 32);
        for (unsigned sample = 0; sample < SAMPLES; sample++) {
            unsigned char bytes[LENGTH_MAX];
            check_random_bytes(run, bytes, length);
            uint64_t hash = hash_bytes(&seed, bytes, length);
            bytes[check_random_below(run, length)] ^= 1u << check_random_below(run, 8);
            uint64_t difference = hash ^ hash_bytes(&seed, bytes, length);
            for (unsigned bit = 0; bit < 64; bit++)
                flipped[bit] += difference >> bit & 1;
        }
        for (unsigned bit = 0; bit < 64; bit++)
            CHECK(flipped[bit] > SAMPLES / 2 - bound && flipped[bit] < SAMPLES / 2 + bound);
    }
}

static double chi_square(const unsigned *counts, size_t cells, double expected)
{
    double sum = 0;
    for (size_t cell = 0; cell < cells; cell++) {
        double difference = counts[cell] - expected;
        sum += difference * difference / expected;
    }
    return sum;
}

/* What benchmarks and applications really use as keys: a prefix and a counter. Low bits choose the
 * bucket and high ones the tag: both must be even. */
static void test_numbered_keys_spread_over_buckets_and_tags(check_run *run)
{
    enum { KEYS = 1 << 18, CELLS = 256 };
    static const char *const formats[] = {"key:%012u", "%u", "user:%u:profile:settings:of:it"};
    hash_seed seed;
    random_hash_seed(run, &seed);
    for (size_t format = 0; format < CHECK_LENGTH(formats); format++) {
        unsigned low[CELLS] = {0}, high[CELLS] = {0};
        for (unsigned number = 0; number < KEYS; number++) {
            char key[64];
            int length = snprintf(key, sizeof key, formats[format], number);
            uint64_t hash = hash_bytes(&seed, key, (size_t)length);
            low[hash % CELLS]++;
            high[hash >> 56]++;
        }
        /* 255 degrees of freedom: mean 255, deviation 22.6. */
        CHECK(chi_square(low, CELLS, (double)KEYS / CELLS) < 255 + 6 * 22.6);
        CHECK(chi_square(high, CELLS, (double)KEYS / CELLS) < 255 + 6 * 22.6);
    }
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_hash_depends_on_the_bytes_and_not_on_their_address),
        CHECK_TEST(test_hash_is_little_endian_so_that_a_seeded_run_repeats_everywhere),
        CHECK_TEST(test_each_byte_and_the_length_count),
        CHECK_TEST(test_each_word_of_the_seed_counts),
        CHECK_TEST(test_a_flipped_bit_flips_each_bit_of_the_hash_half_the_time),
        CHECK_TEST(test_numbered_keys_spread_over_buckets_and_tags),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
