/* Tests of random: the published sequence, fairness within wide statistical bounds, entropy. */
#include "random.h"

#include <math.h>

#include "check.h"

/* Worked by hand from the definition of xoshiro256++ with the state 1, 2, 3, 4: the first result is
 * rotl(1 + 4, 23) + 1. */
static void test_sequence_is_that_of_xoshiro256_plus_plus(check_run *run)
{
    static const uint64_t expected[] = {
        UINT64_C(41943041), UINT64_C(58720359), UINT64_C(3588806011781223),
        UINT64_C(3591011842654386), UINT64_C(9228616714210784205), UINT64_C(9973669472204895162),
    };
    random_state state = {{1, 2, 3, 4}};

    (void)run;
    for (size_t i = 0; i < CHECK_LENGTH(expected); i++)
        CHECK(random_next(&state) == expected[i]);
}

static void test_equal_seeds_give_equal_sequences(check_run *run)
{
    random_state a, b, c;
    int differences = 0;

    random_seed(&a, run->seed);
    random_seed(&b, run->seed);
    random_seed(&c, run->seed + 1);
    for (int i = 0; i < 1000; i++) {
        uint64_t value = random_next(&a);

        CHECK(value == random_next(&b));
        differences += value != random_next(&c);
    }
    CHECK(differences >= 999);
    random_seed(&a, 0);
    CHECK(a.s[0] | a.s[1] | a.s[2] | a.s[3]);
    CHECK(a.s[0] == UINT64_C(0xe220a8397b1dcdaf)); /* the first number of splitmix64 from 0 */
}

static void test_numbers_below_a_bound_are_equally_likely(check_run *run)
{
    static const uint64_t bounds[] = {1, 2, 3, 7, 10, 100};
    uint64_t draws = check_iterations(run, 200000);
    random_state state;

    random_seed(&state, run->seed);
    for (size_t b = 0; b < CHECK_LENGTH(bounds); b++) {
        uint64_t counts[100] = {0}, bound = bounds[b];
        double expected = (double)draws / (double)bound;

        for (uint64_t i = 0; i < draws; i++) {
            uint64_t value = random_below(&state, bound);

            CHECK(value < bound);
            counts[value]++;
        }
        for (uint64_t value = 0; value < bound; value++) /* seven standard deviations */
            CHECK(fabs((double)counts[value] - expected) <= 7 * sqrt(expected) + 1);
    }
    CHECK_INT(random_below(&state, 0), 0);
}

/* With a bound of 3 * 2^62, taking the high half of the product without redrawing would hit every
 * third number twice as often. */
static void test_huge_bounds_are_unbiased_too(check_run *run)
{
    uint64_t bound = UINT64_C(3) << 62, residues[3] = {0}, draws = check_iterations(run, 90000);
    random_state state;

    random_seed(&state, run->seed);
    for (uint64_t i = 0; i < draws; i++) {
        uint64_t value = random_below(&state, bound);

        CHECK(value < bound);
        residues[value % 3]++;
    }
    for (int i = 0; i < 3; i++)
        CHECK(fabs((double)residues[i] - (double)draws / 3) <= 7 * sqrt((double)draws / 3) + 1);
    for (int i = 0; i < 1000; i++)
        CHECK(random_below(&state, UINT64_MAX) < UINT64_MAX);
}

static void test_unit_stays_below_one_and_averages_one_half(check_run *run)
{
    uint64_t draws = 1000 + check_iterations(run, 200000);
    double sum = 0, smallest = 1, largest = 0;
    random_state state;

    random_seed(&state, run->seed);
    for (uint64_t i = 0; i < draws; i++) {
        double value = random_unit(&state);

        CHECK(value >= 0 && value < 1);
        CHECK(value * 0x1p53 == floor(value * 0x1p53));
        sum += value;
        smallest = value < smallest ? value : smallest;
        largest = value > largest ? value : largest;
    }
    CHECK(fabs(sum / (double)draws - 0.5) < 3 / sqrt((double)draws));
    CHECK(smallest < 0.5 && largest > 0.5);
}

static void test_system_entropy_fills_every_byte(check_run *run)
{
    enum { LENGTH = 300 };
    unsigned char together[LENGTH] = {0};

    (void)run;
    for (int round = 0; round < 16; round++) { /* a byte stays 0 with a chance of 2^-128 */
        unsigned char *out = calloc(1, LENGTH);

        CHECK(out != NULL);
        random_system(out, LENGTH);
        for (size_t i = 0; i < LENGTH; i++)
            together[i] |= out[i];
        free(out);
    }
    for (size_t i = 0; i < LENGTH; i++)
        CHECK(together[i] != 0);
    uint64_t a = 0, b = 0;
    random_system(&a, sizeof a);
    random_system(&b, sizeof b);
    CHECK(a != b);
    random_system(NULL, 0);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_sequence_is_that_of_xoshiro256_plus_plus),
        CHECK_TEST(test_equal_seeds_give_equal_sequences),
        CHECK_TEST(test_numbers_below_a_bound_are_equally_likely),
        CHECK_TEST(test_huge_bounds_are_unbiased_too),
        CHECK_TEST(test_unit_stays_below_one_and_averages_one_half),
        CHECK_TEST(test_system_entropy_fills_every_byte),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
