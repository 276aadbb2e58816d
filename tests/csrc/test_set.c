/* Tests of set: random changes in every encoding against an array of texts, the limits at which the
 * encoding changes, random members and samples, and the counting of bytes. */
#include "set.h"

#include "check.h"

static collection_limits limits;
static set_settings settings;

static void begin(check_run *run, size_t intset_entries, size_t entries, size_t value)
{
    hash_seed seed;
    for (int index = 0; index < 4; index++)
        seed.word[index] = check_random(run);
    memset(&limits, 0, sizeof limits);
    limits.set_intset_entries = intset_entries;
    limits.set_entries = entries;
    limits.set_value = value;
    set_settings_init(&settings, &limits, &seed);
}

static slice text_of(const char *text)
{
    return (slice){text, strlen(text)};
}

static entry *set_of(const char *const *members, size_t count)
{
    entry *e = set_new(text_of("key"), ENTRY_NO_DUE, text_of(members[0]), 0, &settings);
    for (size_t index = 0; index < count; index++)
        CHECK(set_add(e, text_of(members[index]), &settings));
    return e;
}

static void drop(entry *e)
{
    set_free(e);
    entry_free(e);
}

static void add_number(entry *e, int64_t number)
{
    char digits[NUMBER_INT64_MAX_LENGTH];
    CHECK(set_add(e, (slice){digits, number_format_int64(digits, number)}, &settings));
}

static void add_text(entry *e, int number)
{
    char text[32];
    CHECK(set_add(e, (slice){text, (size_t)snprintf(text, sizeof text, "m%d", number)},
                  &settings));
}

/* ---- encodings ---- */

static void test_the_first_member_and_the_announced_count_choose_the_encoding(check_run *run)
{
    static const struct {
        const char *first;
        size_t count;
        entry_encoding encoding;
    } cases[] = {
        {"12", 1, ENTRY_INTSET}, {"12", 4, ENTRY_INTSET}, {"12", 5, ENTRY_LISTPACK},
        {"x", 1, ENTRY_LISTPACK}, {"x", 8, ENTRY_LISTPACK}, {"12", 9, ENTRY_HASHTABLE},
        {"x", 9, ENTRY_HASHTABLE}, {"", 1, ENTRY_LISTPACK}, {"01", 1, ENTRY_LISTPACK},
    };
    begin(run, 4, 8, 10);
    for (size_t index = 0; index < CHECK_LENGTH(cases); index++) {
        entry *e = set_new(text_of("key"), ENTRY_NO_DUE, text_of(cases[index].first),
                           cases[index].count, &settings);
        CHECK_INT(entry_get_encoding(e), cases[index].encoding);
        CHECK_INT(entry_get_type(e), ENTRY_SET);
        CHECK_INT(set_count(e), 0);
        drop(e);
    }
}

static void test_an_intset_becomes_a_table_when_it_passes_its_limit(check_run *run)
{
    begin(run, 4, 8, 10);
    entry *e = set_new(text_of("key"), ENTRY_NO_DUE, text_of("1"), 1, &settings);
    for (int64_t number = 0; number < 4; number++)
        add_number(e, number);
    CHECK_INT(entry_get_encoding(e), ENTRY_INTSET);
    CHECK(!set_add(e, text_of("3"), &settings));
    CHECK_INT(entry_get_encoding(e), ENTRY_INTSET);
    add_number(e, 4);
    CHECK_INT(entry_get_encoding(e), ENTRY_HASHTABLE);
    CHECK_INT(set_count(e), 5);
    CHECK(set_has(e, text_of("0")) && !set_has(e, text_of("5")));
    drop(e);
}

static void test_a_text_among_numbers_makes_a_listpack_where_all_fits(check_run *run)
{
    static const struct {
        const char *text;
        int64_t number;
        int count;
        entry_encoding encoding;
    } cases[] = {
        {"x", 1, 3, ENTRY_LISTPACK},
        {"1234567890", 1, 3, ENTRY_INTSET},
        {"x234567890", 1, 3, ENTRY_LISTPACK},
        {"x2345678901", 1, 3, ENTRY_HASHTABLE}, /* too long */
        {"x", 12345678901, 1, ENTRY_HASHTABLE}, /* a number's digits are too many */
        {"x", 1, 8, ENTRY_HASHTABLE},           /* one too many */
        {"x", 1, 7, ENTRY_LISTPACK},
    };
    begin(run, 20, 8, 10);
    for (size_t index = 0; index < CHECK_LENGTH(cases); index++) {
        entry *e = set_new(text_of("key"), ENTRY_NO_DUE, text_of("1"), 1, &settings);
        for (int number = 0; number < cases[index].count; number++)
            add_number(e, cases[index].number + number);
        CHECK(set_add(e, text_of(cases[index].text), &settings));
        CHECK_INT(entry_get_encoding(e), cases[index].encoding);
        CHECK_INT(set_count(e), cases[index].count + 1);
        drop(e);
    }
}

static void test_a_listpack_becomes_a_table_at_its_limits_and_stays_one(check_run *run)
{
    begin(run, 4, 3, 10);
    entry *e = set_of((const char *const[]){"a", "b", "c"}, 3);
    CHECK_INT(entry_get_encoding(e), ENTRY_LISTPACK);
    CHECK(set_add(e, text_of("d"), &settings));
    CHECK_INT(entry_get_encoding(e), ENTRY_HASHTABLE);
    CHECK(set_remove(e, text_of("d")) && set_remove(e, text_of("c")));
    CHECK_INT(entry_get_encoding(e), ENTRY_HASHTABLE);
    drop(e);
    e = set_of((const char *const[]){"a"}, 1);
    CHECK(set_add(e, text_of("12345678901"), &settings));
    CHECK_INT(entry_get_encoding(e), ENTRY_HASHTABLE);
    drop(e);
    e = set_of((const char *const[]){"a"}, 1);
    set_expect(e, 3, &settings);
    CHECK_INT(entry_get_encoding(e), ENTRY_LISTPACK);
    set_expect(e, 4, &settings);
    CHECK_INT(entry_get_encoding(e), ENTRY_HASHTABLE);
    CHECK(set_has(e, text_of("a")));
    drop(e);
}

static void test_compacting_makes_an_intset_of_numbers_alone(check_run *run)
{
    begin(run, 4, 8, 10);
    entry *e = set_of((const char *const[]){"a", "1", "2"}, 3);
    set_compact(e, &settings);
    CHECK_INT(entry_get_encoding(e), ENTRY_LISTPACK);
    CHECK(set_remove(e, text_of("a")));
    set_compact(e, &settings);
    CHECK_INT(entry_get_encoding(e), ENTRY_INTSET);
    CHECK(set_has(e, text_of("1")) && set_has(e, text_of("2")) && set_count(e) == 2);
    set_make_table(e, &settings);
    set_compact(e, &settings);
    CHECK_INT(entry_get_encoding(e), ENTRY_INTSET);
    for (int64_t number = 10; number < 14; number++)
        add_number(e, number);
    set_compact(e, &settings); /* six are too many */
    CHECK_INT(entry_get_encoding(e), ENTRY_HASHTABLE);
    drop(e);
}

static void test_the_encoding_of_a_copy_is_what_adding_one_by_one_makes(check_run *run)
{
    uint64_t iterations = check_iterations(run, 2000);
    for (uint64_t i = 0; i < iterations; i++) {
        begin(run, check_random_below(run, 8), check_random_below(run, 8),
              1 + check_random_below(run, 4));
        entry *e = set_new(text_of("key"), ENTRY_NO_DUE, text_of("1"), 0, &settings);
        for (size_t count = check_random_below(run, 14); count > 0; count--) {
            char text[32];
            int length = snprintf(text, sizeof text, check_chance(run, 70) ? "%d" : "x%d",
                                  (int)check_random_below(run, 20000));
            set_add(e, (slice){text, (size_t)length}, &settings);
        }
        entry *copy = set_new(text_of("copy"), ENTRY_NO_DUE, text_of("1"), 0, &settings);
        set_iterator iterator;
        slice member;
        set_iterate(&iterator, e);
        while (set_next(&iterator, &member))
            set_add(copy, member, &settings);
        CHECK_INT(set_encoding_of_copy(e, &settings), entry_get_encoding(copy));
        drop(copy);
        drop(e);
    }
}

/* ---- bytes of files ---- */

static void test_an_intset_of_a_file_becomes_a_table_above_the_limit(check_run *run)
{
    intset *numbers = intset_new();
    bool added;
    for (int64_t number = 0; number < 5; number++)
        numbers = intset_add(numbers, number, &added);
    for (size_t limit = 4; limit <= 5; limit++) {
        begin(run, limit, 8, 10);
        entry *e = set_new_of_intset(text_of("key"), ENTRY_NO_DUE, numbers,
                                     intset_bytes(numbers), &settings);
        CHECK_INT(entry_get_encoding(e), limit == 5 ? ENTRY_INTSET : ENTRY_HASHTABLE);
        CHECK_INT(set_count(e), 5);
        drop(e);
    }
    intset_free(numbers);
}

static void test_a_listpack_of_a_file_may_not_have_a_member_twice(check_run *run)
{
    for (size_t limit = 2; limit <= 4; limit++) {
        listpack *lp = listpack_append(listpack_new(), text_of("a"));
        lp = listpack_append(listpack_append(lp, text_of("12")), text_of("c"));
        begin(run, 4, limit, 10);
        entry *e = set_new_of_listpack(text_of("key"), ENTRY_NO_DUE, lp, listpack_bytes(lp),
                                       &settings);
        CHECK(e != NULL);
        CHECK_INT(entry_get_encoding(e), limit > 2 ? ENTRY_LISTPACK : ENTRY_HASHTABLE);
        CHECK(set_count(e) == 3 && set_has(e, text_of("12")));
        drop(e);
        lp = listpack_append(lp, text_of(check_chance(run, 50) ? "12" : "a"));
        CHECK_POINTER(set_new_of_listpack(text_of("key"), ENTRY_NO_DUE, lp, listpack_bytes(lp),
                                          &settings),
                      NULL);
        listpack_free(lp);
    }
}

/* ---- random changes against an array ---- */

typedef struct oracle {
    char texts[400][304];
    size_t lengths[400];
    size_t count;
} oracle;

static size_t oracle_find(const oracle *o, slice text)
{
    size_t index = 0;
    while (index < o->count
           && (o->lengths[index] != text.length
               || memcmp(o->texts[index], text.data, text.length) != 0))
        index++;
    return index;
}

static void oracle_take(oracle *o, slice text)
{
    size_t index = oracle_find(o, text);
    CHECK(index < o->count);
    o->count--;
    memmove(o->texts[index], o->texts[o->count], sizeof o->texts[0]);
    o->lengths[index] = o->lengths[o->count];
}

static slice random_member(check_run *run, char *buffer)
{
    size_t length = check_random_below(run, 40) == 0 ? 250 + check_random_below(run, 50) : 3;
    if (check_chance(run, 50))
        return (slice){buffer, number_format_int64(
                                   buffer, (int64_t)check_random_below(run, 200) - 100)};
    memset(buffer, 'x', length);
    buffer[0] = (char)check_random_below(run, 8);
    buffer[length - 1] = (char)check_random_below(run, 8);
    return (slice){buffer, length};
}

static bool take_from_oracle(void *context, slice member)
{
    oracle_take(context, member);
    return false; /* which must not matter */
}

static void check_same(const entry *e, const oracle *o)
{
    set_iterator iterator;
    slice member;
    bool seen[400] = {false};
    size_t count = 0;
    CHECK_INT(set_count(e), o->count);
    set_iterate(&iterator, e);
    for (; set_next(&iterator, &member); count++) {
        size_t index = oracle_find(o, member);
        CHECK(index < o->count && !seen[index]);
        seen[index] = true;
        CHECK(set_has(e, member));
        CHECK(set_has_hashed(e, member, set_hash(&settings, member)));
    }
    CHECK_INT(count, o->count);
}

static void change_once(check_run *run, random_state *random, entry *e, oracle *o)
{
    char buffer[304];
    slice member = random_member(run, buffer);
    bool there = oracle_find(o, member) < o->count;
    size_t pops;
    CHECK_INT(set_has(e, member), there);
    switch (check_random_below(run, 20)) {
    case 0:
        if (o->count > 1) {
            pops = check_random_below(run, o->count);
            void *rest = set_pop(e, pops, random, &settings, take_from_oracle, o);
            while (rest != NULL && !set_detached_step(rest, 1 + check_random_below(run, 20)))
                continue;
            check_same(e, o);
        }
        break;
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
        CHECK_INT(set_remove(e, member), there);
        if (there)
            oracle_take(o, member);
        break;
    default:
        if (o->count == 390)
            break;
        CHECK_INT(set_add(e, member, &settings), !there);
        if (there)
            break;
        memcpy(o->texts[o->count], member.data, member.length);
        o->lengths[o->count++] = member.length;
    }
}

static void test_random_changes_agree_with_an_array_of_texts(check_run *run)
{
    uint64_t iterations = check_iterations(run, 150);
    size_t before = alloc_used_bytes();
    random_state random;
    random_seed(&random, run->seed);
    oracle *o = malloc(sizeof *o);
    CHECK(o != NULL);
    for (uint64_t i = 0; i < iterations; i++) {
        char buffer[304];
        begin(run, check_random_below(run, 60), check_random_below(run, 60), 20);
        o->count = 0;
        entry *e = set_new(text_of("key"), ENTRY_NO_DUE, random_member(run, buffer), 0, &settings);
        for (size_t changes = check_random_below(run, 600); changes > 0; changes--)
            change_once(run, &random, e, o);
        check_same(e, o);
        entry *copy = entry_rename(e, text_of("copy"));
        set_own(copy);
        check_same(copy, o);
        CHECK(set_bytes(copy) > 0);
        drop(copy);
        check_same(e, o);
        drop(e);
        CHECK_INT(alloc_used_bytes(), before);
    }
    free(o);
}

static void test_bytes_are_those_that_the_allocator_counts(check_run *run)
{
    begin(run, 16, 16, 10);
    size_t before = alloc_used_bytes();
    entry *e = set_new(text_of("key"), ENTRY_NO_DUE, text_of("1"), 0, &settings);
    size_t entry_bytes = alloc_usable(entry_size(e));
    for (int number = 0; number < 300; number++) {
        if (number < 10)
            add_number(e, number * 1000000);
        else
            add_text(e, number);
        CHECK_INT(set_bytes(e), alloc_used_bytes() - before - entry_bytes);
    }
    CHECK_INT(entry_get_encoding(e), ENTRY_HASHTABLE);
    drop(e);
    CHECK_INT(alloc_used_bytes(), before);
}

/* ---- at random ---- */

typedef struct tally {
    const entry *set;
    uint32_t drawn[60];
    size_t count;
    uint64_t last_mask; /* members of this sample */
} tally;

static bool note_drawn(void *context, slice member)
{
    tally *t = context;
    int64_t number;
    bool is_text = member.data[0] == 'm';
    CHECK(number_parse_int64(member.data + is_text, member.length - is_text, &number));
    CHECK(!(t->last_mask >> number & 1));
    t->last_mask |= UINT64_C(1) << number;
    t->drawn[number]++;
    t->count++;
    return true;
}

/* Every member is in a sample about equally often: within six standard deviations. */
static void check_even(check_run *run, const entry *e, size_t members, size_t sample)
{
    enum { ROUNDS = 20000 };
    tally t = {.set = e};
    random_state random;
    random_seed(&random, run->seed);
    for (int round = 0; round < ROUNDS; round++) {
        t.last_mask = 0;
        t.count = 0;
        set_sample(e, sample, &random, note_drawn, &t);
        CHECK_INT(t.count, sample);
    }
    double share = (double)sample / (double)members, expected = ROUNDS * share;
    double six = 6 * __builtin_sqrt(ROUNDS * share * (1 - share));
    for (size_t index = 0; index < members; index++)
        CHECK(t.drawn[index] > expected - six && t.drawn[index] < expected + six);
}

static void test_samples_are_even_and_hold_nothing_twice(check_run *run)
{
    static const size_t samples[] = {1, 5, 30, 49};
    for (int kind = 0; kind < 3; kind++) {
        begin(run, kind == 0 ? 60 : 0, kind == 1 ? 60 : 0, 10);
        entry *e = set_new(text_of("key"), ENTRY_NO_DUE, text_of(kind == 0 ? "1" : "m"), 0,
                           &settings);
        for (int number = 0; number < 50; number++) {
            if (kind == 0)
                add_number(e, number);
            else
                add_text(e, number);
        }
        static const entry_encoding encodings[] = {ENTRY_INTSET, ENTRY_LISTPACK, ENTRY_HASHTABLE};
        CHECK_INT(entry_get_encoding(e), encodings[kind]);
        for (size_t index = 0; index < CHECK_LENGTH(samples); index++)
            check_even(run, e, 50, samples[index]);
        random_state random;
        char digits[NUMBER_INT64_MAX_LENGTH];
        random_seed(&random, run->seed);
        for (int draw = 0; draw < 100; draw++)
            CHECK(set_has(e, set_random(e, &random, digits)));
        drop(e);
    }
}

static bool count_visits(void *context, slice member)
{
    (void)member;
    ++*(size_t *)context;
    return true;
}

static void test_popping_nearly_all_leaves_a_small_set_and_the_rest_to_be_freed(check_run *run)
{
    size_t before = alloc_used_bytes(), visits = 0;
    random_state random;
    random_seed(&random, run->seed);
    begin(run, 16, 16, 10);
    entry *e = set_new(text_of("key"), ENTRY_NO_DUE, text_of("m"), 0, &settings);
    for (int number = 0; number < 5000; number++)
        add_text(e, number);
    CHECK_POINTER(set_pop(e, 1000, &random, &settings, count_visits, &visits), NULL);
    CHECK_INT(visits, 1000);
    CHECK_INT(set_count(e), 4000);
    void *rest = set_pop(e, 3990, &random, &settings, count_visits, &visits);
    CHECK(rest != NULL);
    CHECK_INT(visits, 4990);
    CHECK_INT(set_count(e), 10);
    CHECK_INT(entry_get_encoding(e), ENTRY_LISTPACK);
    size_t steps = 0;
    while (!set_detached_step(rest, 64))
        steps++;
    CHECK(steps > 30);
    drop(e);
    CHECK_INT(alloc_used_bytes(), before);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_the_first_member_and_the_announced_count_choose_the_encoding),
        CHECK_TEST(test_an_intset_becomes_a_table_when_it_passes_its_limit),
        CHECK_TEST(test_a_text_among_numbers_makes_a_listpack_where_all_fits),
        CHECK_TEST(test_a_listpack_becomes_a_table_at_its_limits_and_stays_one),
        CHECK_TEST(test_compacting_makes_an_intset_of_numbers_alone),
        CHECK_TEST(test_the_encoding_of_a_copy_is_what_adding_one_by_one_makes),
        CHECK_TEST(test_an_intset_of_a_file_becomes_a_table_above_the_limit),
        CHECK_TEST(test_a_listpack_of_a_file_may_not_have_a_member_twice),
        CHECK_TEST(test_random_changes_agree_with_an_array_of_texts),
        CHECK_TEST(test_bytes_are_those_that_the_allocator_counts),
        CHECK_TEST(test_samples_are_even_and_hold_nothing_twice),
        CHECK_TEST(test_popping_nearly_all_leaves_a_small_set_and_the_rest_to_be_freed),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
