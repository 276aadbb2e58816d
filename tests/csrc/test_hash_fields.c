/* Tests of hash_fields.h. The oracle is an array of few names, each with a value and a due time or
 * none; thresholds are so low that every conversion happens. */
#include "alloc.h"
#include "check.h"
#include "hash_fields.h"

#define NAMES 24
#define VALUE_MAX_BYTES 20000

typedef struct model_field {
    char name[80];
    size_t name_length;
    bool there;
    char value[VALUE_MAX_BYTES];
    size_t value_length;
    int64_t due_ms;
} model_field;

typedef struct model {
    model_field fields[NAMES];
    int64_t now_ms;
} model;

static model oracle;
static collection_limits limits;
static fields_settings settings;

static void settings_make(check_run *run, size_t entries, size_t value)
{
    hash_seed seed;
    for (int word = 0; word < 4; word++)
        seed.word[word] = check_random(run);
    limits.hash_entries = entries;
    limits.hash_value = value;
    fields_settings_init(&settings, &limits, &seed);
}

static void model_make(void)
{
    memset(&oracle, 0, sizeof oracle);
    oracle.now_ms = 1700000000000;
    for (int index = 0; index < NAMES; index++) {
        model_field *each = &oracle.fields[index];
        int length;
        if (index % 3 == 0)
            length = snprintf(each->name, sizeof each->name, "%d", index * 1000 - 7000);
        else
            length = snprintf(each->name, sizeof each->name, "field%d%.*s", index, index % 3 * 20,
                              "........................................");
        each->name_length = (size_t)length;
    }
}

static slice name_of(const model_field *each)
{
    return (slice){each->name, each->name_length};
}

static bool is_gone(const model_field *each)
{
    return !each->there || (each->due_ms >= 0 && each->due_ms <= oracle.now_ms);
}

static void value_draw(check_run *run, model_field *each)
{
    if (check_chance(run, 40)) {
        int64_t number = (int64_t)(check_random(run) >> check_random_below(run, 64));
        each->value_length = number_format_int64(each->value, number);
        return;
    }
    each->value_length = check_chance(run, 95) ? check_random_below(run, 40)
                                               : check_random_below(run, VALUE_MAX_BYTES);
    check_random_bytes(run, each->value, each->value_length);
}

static size_t model_count(bool alive_only)
{
    size_t count = 0;
    for (int index = 0; index < NAMES; index++)
        count += alive_only ? !is_gone(&oracle.fields[index]) : oracle.fields[index].there;
    return count;
}

static model_field *model_find(slice name)
{
    for (int index = 0; index < NAMES; index++) {
        slice each = name_of(&oracle.fields[index]);
        if (each.length == name.length && memcmp(each.data, name.data, name.length) == 0)
            return &oracle.fields[index];
    }
    return NULL;
}

static void check_item(const field_item *item)
{
    const model_field *expected = model_find(item->name);
    CHECK(expected != NULL && !is_gone(expected));
    CHECK_BYTES(item->value.data, item->value.length, expected->value, expected->value_length);
    CHECK_INT(item->due_ms, expected->due_ms);
    if (item->large != NULL)
        CHECK_POINTER(item->value.data, item->large->data);
}

/* Everything that can be read of the hash. */
static void check_hash(const entry *e)
{
    fields_iterator iterator;
    field_item item;
    size_t seen = 0;
    int64_t next_ms = INT64_MAX, before_ms = 0;
    CHECK_INT(fields_count(e), model_count(false));
    CHECK_INT(fields_count_alive(e, oracle.now_ms), model_count(true));
    for (int index = 0; index < NAMES; index++) {
        const model_field *each = &oracle.fields[index];
        char digits[NUMBER_INT64_MAX_LENGTH];
        slice value;
        bool there = fields_get(e, name_of(each), oracle.now_ms, &value, digits);
        CHECK_INT(there, !is_gone(each));
        if (there)
            CHECK_BYTES(value.data, value.length, each->value, each->value_length);
        if (each->there && each->due_ms >= 0 && each->due_ms < next_ms)
            next_ms = each->due_ms;
    }
    if (entry_has_field_dues(e))
        CHECK_INT(fields_next_due(e), next_ms == INT64_MAX ? FIELD_NO_DUE : next_ms);
    fields_iterate(&iterator, e, oracle.now_ms);
    for (; fields_next(&iterator, &item); seen++) {
        check_item(&item);
        if (fields_listpack(e) == NULL)
            continue;
        int64_t due_ms = item.due_ms < 0 ? INT64_MAX : item.due_ms;
        CHECK(due_ms >= before_ms);
        before_ms = due_ms;
    }
    CHECK_INT(seen, model_count(true));
    if (fields_listpack(e) != NULL)
        CHECK(listpack_check(fields_listpack(e), listpack_bytes(fields_listpack(e))));
}

static void check_draws(check_run *run, const entry *e)
{
    random_state random;
    fields_draw draw;
    field_item item;
    bool drawn[NAMES] = {false};
    size_t wanted = check_random_below(run, NAMES + 3), alive = model_count(true), got = 0;
    bool distinct = check_chance(run, 50);
    random_seed(&random, check_random(run));
    fields_draw_begin(&draw, e, oracle.now_ms, wanted, distinct);
    for (; fields_draw_next(&draw, &random, &item); got++) {
        check_item(&item);
        size_t index = (size_t)(model_find(item.name) - oracle.fields);
        CHECK(!distinct || !drawn[index]);
        drawn[index] = true;
    }
    fields_draw_end(&draw);
    CHECK_INT(got, alive == 0 ? 0 : distinct && wanted > alive ? alive : wanted);
}

static void drop(entry *e)
{
    fields_free(e);
    entry_free(e);
}

/* ---- the fuzz ---- */

static void change_due(check_run *run, entry *e, model_field *each)
{
    fields_allow_dues(e);
    if (is_gone(each))
        return;
    each->due_ms = check_chance(run, 25) ? FIELD_NO_DUE
                                         : oracle.now_ms - 3 + (int64_t)check_random_below(run, 40);
    fields_set_due(e, name_of(each), each->due_ms);
}

static void expire(check_run *run, entry *e)
{
    size_t budget = check_random_below(run, 6), due = model_count(false) - model_count(true);
    oracle.now_ms += (int64_t)check_random_below(run, 8);
    due = model_count(false) - model_count(true);
    if (!entry_has_field_dues(e))
        return;
    CHECK_INT(fields_expire(e, oracle.now_ms, budget), due < budget ? due : budget);
    /* Which of them have gone is told by what is still counted. */
    for (int index = 0; index < NAMES; index++) {
        model_field *each = &oracle.fields[index];
        field_item item;
        if (each->there && is_gone(each))
            each->there = fields_find(e, name_of(each), each->due_ms - 1, &item);
    }
}

static entry *fuzz_step(check_run *run, entry *e)
{
    model_field *each = &oracle.fields[check_random_below(run, NAMES)];
    uint64_t what = check_random_below(run, 100);
    if (what < 40) {
        bool keep = check_chance(run, 30), was_gone = is_gone(each);
        value_draw(run, each);
        if (was_gone || !keep)
            each->due_ms = FIELD_NO_DUE;
        each->there = true;
        CHECK_INT(fields_set(e, name_of(each), (slice){each->value, each->value_length}, keep,
                             oracle.now_ms, &settings), was_gone);
    } else if (what < 60) {
        CHECK_INT(fields_remove(e, name_of(each), oracle.now_ms), !is_gone(each));
        each->there = false;
    } else if (what < 80) {
        change_due(run, e, each);
    } else if (what < 90) {
        expire(run, e);
    } else if (what < 92) {
        entry *copy = entry_rename(e, (slice){"copy", 4});
        fields_own(copy);
        if (entry_has_field_dues(copy))
            CHECK_INT(fields_position(copy), EXPIRY_HEAP_NOWHERE);
        drop(e);
        return copy;
    } else if (what < 94) {
        fields_expect(e, check_random_below(run, 8), 0, &settings);
    } else {
        check_draws(run, e);
    }
    return e;
}

static void test_fuzz_against_a_naive_hash(check_run *run)
{
    uint64_t iterations = check_iterations(run, 12000);
    size_t before = alloc_used_bytes();
    entry *e = NULL;
    for (uint64_t step = 0; step < iterations; step++) {
        if (step % 400 == 0) {
            if (e != NULL)
                drop(e);
            CHECK_INT(alloc_used_bytes(), before);
            settings_make(run, step % 1200 == 0 ? 1000 : 6 + check_random_below(run, 12),
                          check_chance(run, 50) ? 100000 : 45);
            model_make();
            e = fields_new((slice){"key", 3}, ENTRY_NO_DUE);
        }
        e = fuzz_step(run, e);
        check_hash(e);
        CHECK_INT(alloc_used_bytes() - before, fields_bytes(e) + alloc_usable(entry_size(e)));
    }
    drop(e);
    CHECK_INT(alloc_used_bytes(), before);
}

static void test_a_position_outlives_changes_of_encoding(check_run *run)
{
    settings_make(run, 4, 64);
    model_make();
    entry *e = fields_new((slice){"key", 3}, ENTRY_NO_DUE);
    fields_allow_dues(e);
    CHECK_INT(fields_position(e), EXPIRY_HEAP_NOWHERE);
    fields_set_position(e, 77);
    for (int index = 0; index < 10; index++)
        fields_set(e, name_of(&oracle.fields[index]), (slice){"v", 1}, false, 0, &settings);
    CHECK_INT(entry_get_encoding(e), ENTRY_HASHTABLE_EX);
    CHECK_INT(fields_position(e), 77);
    drop(e);
}

static void test_a_big_hash_is_freed_in_slices(check_run *run)
{
    size_t before = alloc_used_bytes();
    char name[32];
    settings_make(run, 512, 64);
    for (int with_dues = 0; with_dues < 2; with_dues++) {
        entry *e = fields_new((slice){"key", 3}, ENTRY_NO_DUE);
        if (with_dues)
            fields_allow_dues(e);
        for (int index = 0; index < 20000; index++) {
            slice field = {name, (size_t)snprintf(name, sizeof name, "element:%07d", index)};
            fields_set(e, field, field, false, 0, &settings);
            if (with_dues)
                fields_set_due(e, field, 1700000000000 + index % 50);
        }
        CHECK_INT(alloc_used_bytes() - before, fields_bytes(e) + alloc_usable(entry_size(e)));
        CHECK(fields_is_big(e));
        field_table *rest = fields_detach(e);
        entry_free(e);
        int steps = 1;
        while (!field_table_free_some(rest, 100))
            steps++;
        CHECK(steps > 100);
        CHECK_INT(alloc_used_bytes(), before);
    }
}

static void test_a_million_fields_of_15_and_15_bytes_take_48_bytes_each(check_run *run)
{
#ifndef FASTREDIS_ALLOC_LIBC
    char name[32];
    settings_make(run, 512, 64);
    entry *e = fields_new((slice){"key", 3}, ENTRY_NO_DUE);
    for (int index = 0; index < 1000000; index++) {
        slice field = {name, (size_t)snprintf(name, sizeof name, "element:%07d", index)};
        fields_set(e, field, field, false, 0, &settings);
    }
    CHECK(fields_bytes(e) / 1000000 < 48);
    drop(e);
#else
    (void)run;
#endif
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_fuzz_against_a_naive_hash),
        CHECK_TEST(test_a_position_outlives_changes_of_encoding),
        CHECK_TEST(test_a_big_hash_is_freed_in_slices),
        CHECK_TEST(test_a_million_fields_of_15_and_15_bytes_take_48_bytes_each),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
