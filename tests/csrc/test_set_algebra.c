/* Tests of set_algebra: random sets of numbers below 64 as bit masks, in every mix of encodings, so
 * that the operators of C are the oracle. */
#include "set_algebra.h"

#include "check.h"

enum { SETS_MAX = 9, UNIVERSE = 64 };

static collection_limits limits;
static set_settings settings;

static void begin(check_run *run)
{
    hash_seed seed;
    for (int index = 0; index < 4; index++)
        seed.word[index] = check_random(run);
    limits.set_intset_entries = limits.set_entries = 200;
    limits.set_value = 100;
    set_settings_init(&settings, &limits, &seed);
}

/* Numbers as such (an intset), or in all encodings the texts "m0" .. "m63" and the numbers mixed:
 * member n is the number n where n is even, else a text. */
static slice member_text(char *text, size_t number)
{
    int length = snprintf(text, 32, number % 2 == 0 ? "%zu" : "member:%zu", number);
    return (slice){text, (size_t)length};
}

static size_t number_of(slice member)
{
    size_t number = 0;
    for (size_t index = 0; index < member.length; index++)
        if (member.data[index] >= '0' && member.data[index] <= '9')
            number = number * 10 + (size_t)(member.data[index] - '0');
    CHECK(number < UNIVERSE);
    return number;
}

static const entry *random_set(check_run *run, uint64_t *mask)
{
    char text[32];
    uint64_t wanted = check_random(run);
    if (check_chance(run, 30))
        wanted &= check_random(run) & check_random(run) & check_random(run);
    if (check_chance(run, 30))
        wanted &= UINT64_C(0x5555555555555555); /* numbers alone */
    if (check_chance(run, 30))
        wanted |= check_random(run) | check_random(run);
    entry *e = set_new((slice){"key", 3}, ENTRY_NO_DUE, (slice){"1", 1}, 0, &settings);
    if (check_chance(run, 50))
        set_make_table(e, &settings);
    for (size_t number = 0; number < UNIVERSE; number++)
        if (wanted >> number & 1)
            CHECK(set_add(e, member_text(text, number), &settings));
    *mask = wanted;
    return e;
}

typedef struct result {
    uint64_t mask;
    size_t left; /* visits until the walk is to stop */
} result;

static bool note(void *context, slice member)
{
    result *r = context;
    size_t number = number_of(member);
    CHECK(r->left > 0);
    CHECK(!(r->mask >> number & 1));
    r->mask |= UINT64_C(1) << number;
    return --r->left > 0;
}

static void check_result(result *r, uint64_t expected, size_t limit)
{
    size_t count = (size_t)__builtin_popcountll(expected);
    CHECK_INT(r->mask & ~expected, 0);
    CHECK_INT(__builtin_popcountll(r->mask), count < limit ? count : limit);
}

static void test_results_agree_with_the_operators_on_bit_masks(check_run *run)
{
    uint64_t iterations = check_iterations(run, 1500);
    size_t before = alloc_used_bytes();
    for (uint64_t i = 0; i < iterations; i++) {
        const entry *sets[SETS_MAX], *sorted[SETS_MAX];
        uint64_t masks[SETS_MAX], all = UINT64_MAX, any = 0, others = 0;
        size_t count = 1 + check_random_below(run, SETS_MAX), own = 0;
        begin(run);
        for (size_t index = 0; index < count; index++) {
            if (index > 0 && check_chance(run, 10)) { /* the same set twice */
                size_t other = check_random_below(run, index);
                sets[index] = sets[other];
                masks[index] = masks[other];
            } else {
                sets[index] = random_set(run, &masks[index]);
                own |= (size_t)1 << index;
            }
            all &= masks[index];
            any |= masks[index];
            others |= index > 0 ? masks[index] : 0;
        }
        size_t limit = check_chance(run, 50) ? SIZE_MAX : 1 + check_random_below(run, 40);
        result united = {0, limit}, subtracted = {0, limit}, intersected = {0, limit};
        set_unite(sets, count, &settings, note, &united);
        check_result(&united, any, limit);
        set_subtract(sets, count, &settings, note, &subtracted);
        check_result(&subtracted, masks[0] & ~others, limit);
        memcpy(sorted, sets, sizeof sorted);
        set_intersect(sorted, count, &settings, note, &intersected);
        check_result(&intersected, all, limit);
        for (size_t index = 0; index < count; index++) {
            if (own >> index & 1) {
                set_free((entry *)(uintptr_t)sets[index]);
                entry_free((entry *)(uintptr_t)sets[index]);
            }
        }
        CHECK_INT(alloc_used_bytes(), before);
    }
}

/* ---- sets far larger than a batch ---- */

static entry *large_set(size_t first, size_t count)
{
    char text[32];
    entry *e = set_new((slice){"key", 3}, ENTRY_NO_DUE, (slice){"x", 1}, 0, &settings);
    for (size_t number = first; number < first + count; number++) {
        int length = snprintf(text, sizeof text, "member:%09zu", number);
        CHECK(set_add(e, (slice){text, (size_t)length}, &settings));
    }
    return e;
}

static bool count_visits(void *context, slice member)
{
    (void)member;
    ++*(size_t *)context;
    return true;
}

static void test_large_sets_are_walked_to_their_end(check_run *run)
{
    begin(run);
    entry *made[] = {large_set(0, 30000), large_set(10000, 30000), large_set(29000, 500),
                     large_set(0, 10), large_set(5, 10), large_set(100, 7)};
    const entry *sets[CHECK_LENGTH(made)];
    static const struct {
        size_t count, all, any, difference;
    } expected[] = {
        {1, 30000, 30000, 30000}, {2, 20000, 40000, 10000}, {3, 500, 40000, 10000},
        {4, 0, 40000, 9990},      {5, 0, 40000, 9985},      {6, 0, 40000, 9978},
    };
    for (size_t index = 0; index < CHECK_LENGTH(expected); index++) {
        size_t all = 0, any = 0, difference = 0, count = expected[index].count;
        memcpy(sets, made, sizeof sets);
        set_unite(sets, count, &settings, count_visits, &any);
        set_subtract(sets, count, &settings, count_visits, &difference);
        set_intersect(sets, count, &settings, count_visits, &all);
        CHECK_INT(all, expected[index].all);
        CHECK_INT(any, expected[index].any);
        CHECK_INT(difference, expected[index].difference);
    }
    for (size_t index = 0; index < CHECK_LENGTH(made); index++) {
        set_free(made[index]);
        entry_free(made[index]);
    }
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_results_agree_with_the_operators_on_bit_masks),
        CHECK_TEST(test_large_sets_are_walked_to_their_end),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
