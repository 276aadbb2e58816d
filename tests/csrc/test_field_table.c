/* Tests of field_table.h: a table with due times against a plain array of them, the two forms, and
 * what they count. */
#include "field_table.h"

#include "alloc.h"
#include "check.h"

#define FIELDS 300

static hashtable_type type = {field_key, {{0}}};

static void type_make(check_run *run)
{
    for (int word = 0; word < 4; word++)
        type.seed.word[word] = check_random(run);
}

static slice name_of(int index, char *to)
{
    return (slice){to, (size_t)snprintf(to, 32, "field:%d", index)};
}

/* Every field that has a due time stands in the heap where it says it does. */
static void check_heap(const field_table *table, const expiry_heap *dues)
{
    hashtable_iterator iterator;
    const field *each;
    size_t with_due = 0, bytes = 0;
    hashtable_iterate(&iterator, &table->table);
    while ((each = hashtable_next(&iterator)) != NULL) {
        bytes += field_bytes(each);
        if (!field_has_due(each))
            continue;
        with_due++;
        CHECK_POINTER(expiry_heap_element(dues, field_position(each)), each);
        CHECK_INT(expiry_heap_due(dues, field_position(each)), field_due(each));
    }
    CHECK_INT(with_due, expiry_heap_count(dues));
    CHECK_INT(bytes, table->bytes);
}

static void test_fields_and_heap_agree_through_random_changes(check_run *run)
{
    uint64_t iterations = check_iterations(run, 20000);
    int64_t due_of[FIELDS], now_ms = 1000;
    bool there[FIELDS] = {false};
    size_t before = alloc_used_bytes();
    type_make(run);
    field_volatile_table *wide = field_volatile_table_new(&type);
    field_table *table = &wide->fields;
    for (uint64_t step = 0; step < iterations; step++) {
        char name_bytes[32], value[400];
        int index = (int)check_random_below(run, FIELDS);
        slice name = name_of(index, name_bytes);
        slice text = {value, check_random_below(run, sizeof value)};
        uint64_t what = check_random_below(run, 100);
        int64_t due_ms = check_chance(run, 40) ? FIELD_NO_DUE
                                               : now_ms + (int64_t)check_random_below(run, 200);
        field_place place;
        check_random_bytes(run, value, text.length);
        field_table_locate(table, name, &place);
        CHECK_INT(place.found != NULL, there[index]);
        if (what >= 90) {
            size_t due = expiry_heap_count_due(&wide->dues, now_ms += 3), expected = 0;
            for (int each = 0; each < FIELDS; each++)
                expected += there[each] && due_of[each] >= 0 && due_of[each] <= now_ms;
            CHECK_INT(due, expected);
            CHECK_INT(field_table_expire(table, &wide->dues, now_ms, SIZE_MAX), due);
            for (int each = 0; each < FIELDS; each++)
                there[each] = there[each] && (due_of[each] < 0 || due_of[each] > now_ms);
        } else if (place.found == NULL) {
            field_table_add(table, &wide->dues, name, text, due_ms, place.hash);
            there[index] = true;
            due_of[index] = due_ms;
        } else if (what < 30) {
            field_table_set_value(table, &wide->dues, &place, text);
            blob *large;
            slice stored = field_value(place.found, &large);
            CHECK_BYTES(stored.data, stored.length, text.data, text.length);
            CHECK_INT(field_due(place.found), due_of[index]);
        } else if (what < 60) {
            field_table_set_due(table, &wide->dues, &place, due_ms);
            due_of[index] = due_ms;
            CHECK_INT(field_due(place.found), due_ms);
        } else {
            field_table_remove(table, &wide->dues, &place);
            there[index] = false;
        }
        if (step % 50 == 0)
            check_heap(table, &wide->dues);
        CHECK_INT(alloc_used_bytes() - before, field_table_bytes(table, &wide->dues));
    }
    field_volatile_table *copy = field_volatile_table_new(&type);
    field_table_copy(&copy->fields, &copy->dues, table);
    check_heap(&copy->fields, &copy->dues);
    CHECK_INT(copy->fields.table.count, table->table.count);
    field_volatile_table_free(copy);
    field_volatile_table_free(wide);
    CHECK_INT(alloc_used_bytes(), before);
}

static void test_a_table_is_widened_and_taken_apart(check_run *run)
{
    size_t before = alloc_used_bytes();
    char name_bytes[32];
    type_make(run);
    field_table *plain = field_table_new(&type);
    for (int index = 0; index < FIELDS; index++) {
        field_place place;
        field_table_locate(plain, name_of(index, name_bytes), &place);
        CHECK(place.found == NULL);
        field_table_add(plain, NULL, name_of(index, name_bytes), (slice){"v", 1}, FIELD_NO_DUE,
                        place.hash);
    }
    CHECK_INT(alloc_used_bytes() - before, field_table_bytes(plain, NULL));
    field_volatile_table *wide = field_table_widen(plain);
    CHECK_INT(wide->position, EXPIRY_HEAP_NOWHERE);
    CHECK_INT(alloc_used_bytes() - before, field_table_bytes(&wide->fields, &wide->dues));
    for (int index = 0; index < FIELDS; index++) {
        field_place place;
        field_table_locate(&wide->fields, name_of(index, name_bytes), &place);
        CHECK(place.found != NULL);
        field_table_set_due(&wide->fields, &wide->dues, &place, index);
    }
    check_heap(&wide->fields, &wide->dues);
    plain = field_volatile_table_detach(wide);
    int steps = 1;
    while (!field_table_free_some(plain, 10))
        steps++;
    CHECK(steps > 10 && steps <= FIELDS);
    CHECK_INT(alloc_used_bytes(), before);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_fields_and_heap_agree_through_random_changes),
        CHECK_TEST(test_a_table_is_widened_and_taken_apart),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
