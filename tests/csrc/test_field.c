/* Tests of field.h: the layout at every edge of its lengths, and changes in place and in a new
 * block. The allocator's debugging build sees each free with a size that is not the block's. */
#include "alloc.h"
#include "check.h"
#include "field.h"

#define NAME_MAX_BYTES 70000
#define VALUE_MAX_BYTES 40000

static char name_bytes[NAME_MAX_BYTES], value_bytes[VALUE_MAX_BYTES];

static const size_t name_lengths[] = {0, 1, 15, 126, 127, 128, 255, 1000, NAME_MAX_BYTES};
static const size_t value_lengths[] = {0, 1, 15, 253, 254, 255, 256, 1000, FIELD_INLINE_MAX,
                                       FIELD_INLINE_MAX + 1, VALUE_MAX_BYTES};
static const int64_t dues[] = {FIELD_NO_DUE, 0, 1, 1700000000000, FIELD_DUE_MAX};

static void check_field(const field *f, slice name, slice value, int64_t due_ms)
{
    blob *large;
    slice actual_name = field_name(f), actual_value = field_value(f, &large);
    size_t key_length;
    const void *key = field_key(f, &key_length);
    CHECK_BYTES(actual_name.data, actual_name.length, name.data, name.length);
    CHECK_BYTES(actual_value.data, actual_value.length, value.data, value.length);
    CHECK_BYTES(key, key_length, name.data, name.length);
    CHECK_INT(field_has_due(f), due_ms >= 0);
    CHECK_INT(field_due(f), due_ms);
    CHECK_INT(large != NULL, value.length > FIELD_INLINE_MAX);
    size_t size = 1 + name.length + (name.length >= 127 ? 4 : 0) + (due_ms >= 0 ? 10 : 0);
    if (large != NULL)
        CHECK_INT(field_bytes(f), alloc_usable(size + 9) + blob_bytes(large));
    else
        CHECK_INT(field_bytes(f), alloc_usable(size + value.length + (value.length < 254 ? 1 : 3)));
}

static void test_every_layout_gives_back_what_was_put_in(check_run *run)
{
    check_random_bytes(run, name_bytes, sizeof name_bytes);
    check_random_bytes(run, value_bytes, sizeof value_bytes);
    for (size_t n = 0; n < CHECK_LENGTH(name_lengths); n++) {
        for (size_t v = 0; v < CHECK_LENGTH(value_lengths); v++) {
            for (size_t d = 0; d < CHECK_LENGTH(dues); d++) {
                slice name = {name_bytes, name_lengths[n]}, value = {value_bytes, value_lengths[v]};
                size_t before = alloc_used_bytes();
                field *f = field_new(name, value, dues[d]);
                check_field(f, name, value, dues[d]);
                CHECK_INT(alloc_used_bytes() - before, field_bytes(f));
                field_free(f);
                CHECK_INT(alloc_used_bytes(), before);
            }
        }
    }
}

static void test_changes_of_value_and_due_keep_the_rest(check_run *run)
{
    uint64_t iterations = check_iterations(run, 20000);
    check_random_bytes(run, name_bytes, sizeof name_bytes);
    check_random_bytes(run, value_bytes, sizeof value_bytes);
    size_t before = alloc_used_bytes();
    slice name = {name_bytes, 15}, value = {value_bytes, 15};
    int64_t due_ms = FIELD_NO_DUE;
    uint32_t position = UINT32_MAX;
    field *f = field_new(name, value, due_ms);
    for (uint64_t step = 0; step < iterations; step++) {
        if (check_chance(run, 2)) {
            name.length = name_lengths[check_random_below(run, CHECK_LENGTH(name_lengths))];
            field_free(f);
            f = field_new(name, value, due_ms);
            position = UINT32_MAX;
        } else if (check_chance(run, 50)) {
            value.length = check_chance(run, 70)
                               ? check_random_below(run, 300)
                               : value_lengths[check_random_below(run,
                                                                  CHECK_LENGTH(value_lengths))];
            value.data = value_bytes + check_random_below(run, VALUE_MAX_BYTES - value.length + 1);
            f = field_set_value(f, value);
        } else {
            int64_t old_ms = due_ms;
            due_ms = dues[check_random_below(run, CHECK_LENGTH(dues))];
            const field *address = f;
            f = field_set_due(f, due_ms);
            if (old_ms >= 0 && due_ms >= 0)
                CHECK_POINTER(f, address);
            if (old_ms < 0)
                position = UINT32_MAX;
        }
        if (due_ms >= 0) {
            CHECK_INT(field_position(f), position);
            position = (uint32_t)check_random(run);
            field_moved(f, position);
        }
        check_field(f, name, value, due_ms);
        CHECK_INT(alloc_used_bytes() - before, field_bytes(f));
    }
    field_free(f);
    CHECK_INT(alloc_used_bytes(), before);
}

static void test_a_value_of_the_same_class_stays_in_its_block(check_run *run)
{
    (void)run;
    slice name = {"element:0123456", 15};
    field *f = field_new(name, (slice){"0123456789abcde", 15}, FIELD_NO_DUE);
    field *same = field_set_value(f, (slice){"ABCDE0123456789", 15});
    CHECK_POINTER(same, f);
    check_field(f, name, (slice){"ABCDE0123456789", 15}, FIELD_NO_DUE);
    CHECK_INT(field_bytes(f), 32);
    field_free(f);
}

static void test_copies_share_a_large_value(check_run *run)
{
    check_random_bytes(run, value_bytes, sizeof value_bytes);
    slice name = {"n", 1}, value = {value_bytes, VALUE_MAX_BYTES};
    blob *large, *shared;
    field *f = field_new(name, value, 5);
    field *copy = field_copy(f);
    field_value(f, &large);
    field_value(copy, &shared);
    CHECK_POINTER(large, shared);
    f = field_set_value(f, (slice){"x", 1});
    check_field(copy, name, value, 5);
    field_free(f);
    check_field(copy, name, value, 5);
    field_free(copy);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_every_layout_gives_back_what_was_put_in),
        CHECK_TEST(test_changes_of_value_and_due_keep_the_rest),
        CHECK_TEST(test_a_value_of_the_same_class_stays_in_its_block),
        CHECK_TEST(test_copies_share_a_large_value),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
