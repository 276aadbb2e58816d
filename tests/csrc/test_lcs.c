/* Tests of lcs: the textbook table as oracle for length and walk, on strings that cross words. */
#include "lcs.h"

#include "alloc.h"

#include "check.h"

enum { LONGEST = 200 };

/* The table itself: L(i, j) for the first i bytes of a and j bytes of b. */
static uint32_t oracle[LONGEST + 1][LONGEST + 1];

static void oracle_fill(slice a, slice b)
{
    memset(oracle, 0, sizeof(oracle));
    for (size_t i = 1; i <= a.length; i++)
        for (size_t j = 1; j <= b.length; j++) {
            uint32_t up = oracle[i - 1][j], left = oracle[i][j - 1];

            if (a.data[i - 1] == b.data[j - 1])
                oracle[i][j] = oracle[i - 1][j - 1] + 1;
            else
                oracle[i][j] = up > left ? up : left;
        }
}

/* One step of the walk as clients see it: equal bytes match, else up only where that is longer. */
static bool oracle_step(slice a, slice b, size_t *i, size_t *j)
{
    if (a.data[*i - 1] == b.data[*j - 1]) {
        (*i)--;
        (*j)--;
        return true;
    }
    if (oracle[*i - 1][*j] > oracle[*i][*j - 1])
        (*i)--;
    else
        (*j)--;
    return false;
}

static void check_against_oracle(slice a, slice b)
{
    size_t i = a.length, j = b.length, total = 0;
    lcs walked, counted;
    lcs_range range;

    oracle_fill(a, b);
    CHECK(lcs_begin(&counted, a, b, false));
    CHECK_INT(counted.length, oracle[a.length][b.length]);
    lcs_free(&counted);
    CHECK(lcs_begin(&walked, a, b, true));
    CHECK_INT(walked.length, oracle[a.length][b.length]);
    while (lcs_next(&walked, &range)) {
        for (size_t k = range.length; k > 0; k--) {
            while (!oracle_step(a, b, &i, &j))
                continue;
            CHECK_INT(i, range.a_start + k - 1);
            CHECK_INT(j, range.b_start + k - 1);
        }
        CHECK(i == 0 || j == 0 || a.data[i - 1] != b.data[j - 1]);
        total += range.length;
    }
    CHECK_INT(total, walked.length);
    lcs_free(&walked);
}

static slice text(const char *bytes)
{
    return (slice){bytes, strlen(bytes)};
}

static void test_empty_strings_have_nothing_in_common(check_run *run)
{
    lcs_range range;
    lcs l;

    (void)run;
    for (int side = 0; side < 3; side++) {
        CHECK(lcs_begin(&l, text(side == 1 ? "abc" : ""), text(side == 2 ? "abc" : ""), true));
        CHECK_INT(l.length, 0);
        CHECK(!lcs_next(&l, &range));
        lcs_free(&l);
    }
}

static void test_matches_come_from_the_end(check_run *run)
{
    lcs_range range;
    lcs l;

    (void)run;
    CHECK(lcs_begin(&l, text("ohmytext"), text("mynewtext"), true));
    CHECK_INT(l.length, 6);
    CHECK(lcs_next(&l, &range));
    CHECK_INT(range.a_start, 4);
    CHECK_INT(range.b_start, 5);
    CHECK_INT(range.length, 4);
    CHECK(lcs_next(&l, &range));
    CHECK_INT(range.a_start, 2);
    CHECK_INT(range.b_start, 0);
    CHECK_INT(range.length, 2);
    CHECK(!lcs_next(&l, &range));
    lcs_free(&l);
}

static void test_random_strings_agree_with_the_table(check_run *run)
{
    uint64_t rounds = check_iterations(run, 400);
    char a[LONGEST], b[LONGEST];

    for (uint64_t round = 0; round < rounds; round++) {
        size_t alphabet = 1 + check_random(run) % (round % 8 ? 4 : 255);
        slice first = {a, check_random(run) % (LONGEST + 1)};
        slice second = {b, check_random(run) % (LONGEST + 1)};

        for (size_t i = 0; i < LONGEST; i++) {
            a[i] = (char)(check_random(run) % alphabet);
            b[i] = (char)(check_random(run) % alphabet);
        }
        check_against_oracle(first, second);
    }
}

static void test_lengths_around_a_word_keep_the_bits_behind_the_end_out(check_run *run)
{
    char a[LONGEST], b[LONGEST];

    (void)run;
    memset(a, 'x', sizeof(a));
    memset(b, 'x', sizeof(b));
    for (size_t length = 62; length <= 130; length++) {
        check_against_oracle((slice){a, length}, (slice){b, length});
        check_against_oracle((slice){a, 1}, (slice){b, length});
        check_against_oracle((slice){a, length}, (slice){b, 1});
    }
}

static void test_all_memory_is_given_back(check_run *run)
{
    size_t before = alloc_used_bytes();

    test_random_strings_agree_with_the_table(run);
    CHECK_INT(alloc_used_bytes(), before);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_empty_strings_have_nothing_in_common),
        CHECK_TEST(test_matches_come_from_the_end),
        CHECK_TEST(test_random_strings_agree_with_the_table),
        CHECK_TEST(test_lengths_around_a_word_keep_the_bits_behind_the_end_out),
        CHECK_TEST(test_all_memory_is_given_back),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
