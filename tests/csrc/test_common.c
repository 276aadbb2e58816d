/* Tests of common.h and checked.h. */
#include "check.h"
#include "checked.h"

static void test_stores_are_little_endian_and_touch_only_their_bytes(check_run *run)
{
    (void)run;
    unsigned char bytes[12];
    memset(bytes, 0xee, sizeof bytes);
    store_u16(bytes + 1, 0x0201);
    CHECK_BYTES(bytes, 4, "\xee\x01\x02\xee", 4);
    memset(bytes, 0xee, sizeof bytes);
    store_u32(bytes + 1, 0x04030201);
    CHECK_BYTES(bytes, 6, "\xee\x01\x02\x03\x04\xee", 6);
    memset(bytes, 0xee, sizeof bytes);
    store_u48(bytes + 1, UINT64_C(0xffff060504030201));
    CHECK_BYTES(bytes, 8, "\xee\x01\x02\x03\x04\x05\x06\xee", 8);
    memset(bytes, 0xee, sizeof bytes);
    store_u64(bytes + 1, UINT64_C(0x0807060504030201));
    CHECK_BYTES(bytes, 10, "\xee\x01\x02\x03\x04\x05\x06\x07\x08\xee", 10);
}

static void test_loads_return_what_was_stored_at_any_alignment(check_run *run)
{
    for (uint64_t round = check_iterations(run, 10000); round > 0; round--) {
        uint64_t value = check_random(run) >> check_random_below(run, 64);
        /* Exactly as long as the value ends: a load beyond it is an overrun of the stack. */
        unsigned char bytes[16];
        store_u16(bytes + 14, (uint16_t)value);
        CHECK_INT(load_u16(bytes + 14), (uint16_t)value);
        store_u32(bytes + 12, (uint32_t)value);
        CHECK_INT(load_u32(bytes + 12), (uint32_t)value);
        store_u48(bytes + 10, value);
        CHECK_INT(load_u48(bytes + 10), value & UINT64_C(0xffffffffffff));
        size_t offset = check_random_below(run, 9);
        store_u64(bytes + offset, value);
        CHECK_INT(load_u64(bytes + offset), value);
    }
}

static void test_checked_arithmetic_reports_overflow_exactly(check_run *run)
{
    (void)run;
    size_t result;
    CHECK(!size_add(SIZE_MAX - 1, 1, &result) && result == SIZE_MAX);
    CHECK(size_add(SIZE_MAX, 1, &result));
    CHECK(!size_mul(SIZE_MAX / 3, 3, &result) && result == SIZE_MAX / 3 * 3);
    CHECK(size_mul(SIZE_MAX / 3 + 1, 3, &result));
    CHECK(!size_mul(SIZE_MAX, 0, &result) && result == 0);
    CHECK_INT(size_add_or_die(2, 3), 5);
    CHECK_INT(size_mul_or_die(2, 3), 6);
}

static void add_too_much(void *argument)
{
    (void)argument;
    (void)size_add_or_die(SIZE_MAX, 1);
}

static void multiply_too_much(void *argument)
{
    (void)argument;
    (void)size_mul_or_die(SIZE_MAX / 2, 3);
}

static void test_the_forms_that_die_abort_on_overflow(check_run *run)
{
    (void)run;
    CHECK(check_aborts(add_too_much, NULL, "Size overflow"));
    CHECK(check_aborts(multiply_too_much, NULL, "Size overflow"));
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_stores_are_little_endian_and_touch_only_their_bytes),
        CHECK_TEST(test_loads_return_what_was_stored_at_any_alignment),
        CHECK_TEST(test_checked_arithmetic_reports_overflow_exactly),
        CHECK_TEST(test_the_forms_that_die_abort_on_overflow),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
