/* Tests of intset: bytes that a real server has written, a sorted array as oracle for random
 * changes, the evenness of random members, and damaged bytes in blocks of their exact size. */
#include "intset.h"

#include "check.h"

static intset *set_of(const int64_t *numbers, size_t count)
{
    intset *set = intset_new();
    for (size_t index = 0; index < count; index++) {
        bool added;
        set = intset_add(set, numbers[index], &added);
        CHECK(added);
    }
    return set;
}

/* SADD and DUMP. */
static void test_each_width_has_the_bytes_of_a_real_server(check_run *run)
{
    static const struct {
        int64_t numbers[3];
        const char bytes[33];
        size_t length;
    } real[] = {
        {{1, 2, 3}, "\2\0\0\0\3\0\0\0\1\0\2\0\3\0", 14},
        {{1, -70000, 5}, "\4\0\0\0\3\0\0\0\x90\xee\xfe\xff\1\0\0\0\5\0\0\0", 20},
        {{5, 3000000000, -1},
         "\10\0\0\0\3\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\5\0\0\0\0\0\0\0\0\x5e\xd0\xb2\0\0\0",
         32},
    };
    (void)run;
    for (size_t index = 0; index < CHECK_LENGTH(real); index++) {
        intset *set = set_of(real[index].numbers, 3);
        CHECK_BYTES(set, intset_bytes(set), real[index].bytes, real[index].length);
        CHECK(intset_check(set, intset_bytes(set)));
        intset_free(set);
    }
}

static void test_the_width_follows_the_limits_of_each_size_and_never_shrinks(check_run *run)
{
    static const struct {
        int64_t number;
        uint32_t width;
    } limits[] = {
        {INT16_MAX, 2}, {INT16_MIN, 2}, {INT16_MAX + 1, 4}, {INT16_MIN - 1, 4},
        {INT32_MAX, 4}, {INT32_MIN, 4}, {INT64_C(1) << 31, 8}, {INT32_MIN - INT64_C(1), 8},
        {INT64_MAX, 8}, {INT64_MIN, 8},
    };
    (void)run;
    for (size_t index = 0; index < CHECK_LENGTH(limits); index++) {
        bool done;
        intset *set = set_of((int64_t[]){7, 9}, 2);
        CHECK(!intset_has(set, limits[index].number));
        set = intset_remove(set, limits[index].number, &done);
        CHECK(!done);
        set = intset_add(set, limits[index].number, &done);
        CHECK(done);
        CHECK_INT(intset_width(set), limits[index].width);
        CHECK(intset_has(set, limits[index].number) && intset_has(set, 7) && intset_has(set, 9));
        CHECK(intset_check(set, intset_bytes(set)));
        set = intset_remove(set, limits[index].number, &done);
        CHECK(done);
        CHECK_INT(intset_width(set), limits[index].width);
        CHECK_INT(intset_count(set), 2);
        intset_free(set);
    }
}

/* ---- random changes against a sorted array ---- */

typedef struct oracle {
    int64_t numbers[600];
    size_t count;
} oracle;

static size_t oracle_place(const oracle *o, int64_t number)
{
    size_t place = 0;
    while (place < o->count && o->numbers[place] < number)
        place++;
    return place;
}

static bool oracle_has(const oracle *o, int64_t number)
{
    size_t place = oracle_place(o, number);
    return place < o->count && o->numbers[place] == number;
}

static void oracle_toggle(oracle *o, int64_t number)
{
    size_t place = oracle_place(o, number);
    size_t behind = o->count - place;
    if (oracle_has(o, number)) {
        o->count--;
        memmove(o->numbers + place, o->numbers + place + 1, (behind - 1) * sizeof *o->numbers);
    } else {
        memmove(o->numbers + place + 1, o->numbers + place, behind * sizeof *o->numbers);
        o->numbers[place] = number;
        o->count++;
    }
}

static int64_t random_number(check_run *run, unsigned bits)
{
    if (check_chance(run, 60))
        return (int64_t)check_random_below(run, 60) - 30;
    return (int64_t)check_random(run) >> (64 - bits + check_random_below(run, bits));
}

static void test_random_changes_agree_with_a_sorted_array(check_run *run)
{
    uint64_t iterations = check_iterations(run, 600);
    for (uint64_t i = 0; i < iterations; i++) {
        static const unsigned widths[] = {15, 16, 17, 32, 33, 64};
        unsigned bits = widths[check_random_below(run, CHECK_LENGTH(widths))];
        intset *set = intset_new();
        oracle o = {.count = 0};
        for (size_t changes = check_random_below(run, 500); changes > 0; changes--) {
            int64_t number = random_number(run, bits);
            bool expected = oracle_has(&o, number), done = false;
            CHECK_INT(intset_has(set, number), expected);
            if (check_chance(run, 60)) {
                set = intset_add(set, number, &done);
                CHECK_INT(done, !expected);
            } else {
                set = intset_remove(set, number, &done);
                CHECK_INT(done, expected);
            }
            if (done)
                oracle_toggle(&o, number);
        }
        CHECK_INT(intset_count(set), o.count);
        for (size_t index = 0; index < o.count; index++)
            CHECK_INT(intset_at(set, (uint32_t)index), o.numbers[index]);
        CHECK(intset_check(set, intset_bytes(set)));
        intset *copy = intset_copy(set);
        CHECK_BYTES(copy, intset_bytes(copy), set, intset_bytes(set));
        intset_free(copy);
        intset_free(set);
    }
}

static void test_random_members_come_about_equally_often(check_run *run)
{
    enum { MEMBERS = 10, DRAWS = 100000 };
    random_state random;
    uint32_t drawn[MEMBERS] = {0};
    int64_t numbers[MEMBERS];
    for (int index = 0; index < MEMBERS; index++)
        numbers[index] = 1000 * index;
    intset *set = set_of(numbers, MEMBERS);
    random_seed(&random, run->seed);
    for (int draw = 0; draw < DRAWS; draw++)
        drawn[intset_random(set, &random) / 1000]++;
    for (int index = 0; index < MEMBERS; index++) /* six standard deviations: 6 * 95 */
        CHECK(drawn[index] > DRAWS / MEMBERS - 570 && drawn[index] < DRAWS / MEMBERS + 570);
    intset_free(set);
}

/* ---- bytes from outside ---- */

static bool naive_check(const uint8_t *bytes, size_t length)
{
    if (length < INTSET_HEADER_BYTES)
        return false;
    uint64_t width = load_u32(bytes), count = load_u32(bytes + 4);
    if ((width != 2 && width != 4 && width != 8) || INTSET_HEADER_BYTES + width * count != length)
        return false;
    for (uint64_t index = 1; index < count; index++)
        if (intset_at(bytes, (uint32_t)index - 1) >= intset_at(bytes, (uint32_t)index))
            return false;
    return true;
}

static void test_damaged_bytes_are_judged_as_a_naive_reader_judges_them(check_run *run)
{
    uint64_t iterations = check_iterations(run, 50000), accepted = 0, refused = 0;
    for (uint64_t i = 0; i < iterations; i++) {
        intset *set = intset_new();
        for (size_t count = check_random_below(run, 6); count > 0; count--) {
            bool added;
            set = intset_add(set, random_number(run, 64), &added);
        }
        size_t length = intset_bytes(set);
        if (check_chance(run, 90))
            set[check_random_below(run, check_chance(run, 50) ? 8 : length)]
                ^= 1 << check_random_below(run, 8);
        size_t cut = check_chance(run, 10) ? check_random_below(run, length) : length;
        uint8_t *exact = malloc(cut > 0 ? cut : 1);
        CHECK(exact != NULL);
        memcpy(exact, set, cut);
        bool expected = naive_check(exact, cut);
        CHECK_INT(intset_check(exact, cut), expected);
        accepted += expected;
        refused += !expected;
        free(exact);
        alloc_free(set, length);
    }
    CHECK(accepted > iterations / 20 && refused > iterations / 20);
}

/* A count of 2^30 numbers of 8 bytes must not wrap to a short length. */
static void test_counts_that_would_wrap_are_refused(check_run *run)
{
    static const uint8_t bytes[16] = {8, 0, 0, 0, 1, 0, 0, 0x20};
    (void)run;
    CHECK(!intset_check(bytes, sizeof bytes));
    CHECK(!intset_check("\2\0\0\0\0\0\0", 7));
    CHECK(intset_check("\2\0\0\0\0\0\0\0", 8));
    CHECK(!intset_check("\3\0\0\0\0\0\0\0", 8));
    CHECK(!intset_check("\2\0\0\0\2\0\0\0\1\0\1\0", 12));
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_each_width_has_the_bytes_of_a_real_server),
        CHECK_TEST(test_the_width_follows_the_limits_of_each_size_and_never_shrinks),
        CHECK_TEST(test_random_changes_agree_with_a_sorted_array),
        CHECK_TEST(test_random_members_come_about_equally_often),
        CHECK_TEST(test_damaged_bytes_are_judged_as_a_naive_reader_judges_them),
        CHECK_TEST(test_counts_that_would_wrap_are_refused),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
