/* Tests of bitfield: reading and writing against loops over single bits, overflow against sums in
 * numbers that are wide enough. */
#include "bitfield.h"

#include "check.h"

enum { STRING_BYTES = 24 };

static bool oracle_bit(const uint8_t *bytes, size_t length, uint64_t number) {
    return number / 8 < length && (bytes[number / 8] & 128 >> number % 8);
}

static int64_t oracle_get(const uint8_t *bytes, size_t length, uint64_t offset,
                          bitfield_type type) {
    uint64_t bits = 0;
    for (unsigned i = 0; i < type.width; i++)
        bits = bits << 1 | oracle_bit(bytes, length, offset + i);
    if (type.is_signed && type.width < 64 && bits >> (type.width - 1))
        bits |= ~UINT64_C(0) << type.width;
    return (int64_t)bits;
}

static bitfield_type random_type(check_run *run) {
    bitfield_type type;
    type.is_signed = check_chance(run, 50);
    type.width = (uint8_t)(1 + check_random_below(run, type.is_signed ? 64 : 63));
    return type;
}

static void test_fields_are_read_at_every_bit_and_behind_the_end(check_run *run) {
    uint64_t rounds = check_iterations(run, 200000);
    for (uint64_t round = 0; round < rounds; round++) {
        size_t length = check_random_below(run, STRING_BYTES + 1);
        uint8_t *bytes = malloc(length ? length : 1); /* exact: overruns are seen */
        check_random_bytes(run, bytes, length);
        uint64_t offset = check_random_below(run, STRING_BYTES * 8 + 100);
        bitfield_type type = random_type(run);
        CHECK_INT(bitfield_get(bytes, length, offset, type),
                  oracle_get(bytes, length, offset, type));
        free(bytes);
    }
}

static void test_far_offsets_read_as_zero(check_run *run) {
    (void)run;
    CHECK_INT(bitfield_get("\xff", 1, UINT64_C(1) << 40, (bitfield_type){true, 64}), 0);
}

static void test_fields_are_written_without_touching_their_neighbours(check_run *run) {
    uint64_t rounds = check_iterations(run, 200000);
    for (uint64_t round = 0; round < rounds; round++) {
        uint8_t *bytes = malloc(STRING_BYTES), expected[STRING_BYTES];
        check_random_bytes(run, bytes, STRING_BYTES);
        memcpy(expected, bytes, STRING_BYTES);
        bitfield_type type = random_type(run);
        uint64_t offset = check_random_below(run, STRING_BYTES * 8 - type.width + 1);
        int64_t value = (int64_t)check_random(run);
        for (unsigned i = 0; i < type.width; i++) {
            uint64_t number = offset + type.width - 1 - i;
            uint8_t mask = (uint8_t)(128 >> number % 8);
            expected[number / 8] &= (uint8_t)~mask;
            if ((uint64_t)value >> i & 1) expected[number / 8] |= mask;
        }
        bitfield_set(bytes, offset, type, value);
        CHECK_BYTES(bytes, STRING_BYTES, expected, STRING_BYTES);
        free(bytes);
    }
}

static int64_t edge_number(check_run *run) {
    static const int64_t edges[] = {0, 1, -1, INT64_MAX, INT64_MIN, INT64_MAX - 1, INT64_MIN + 1};
    if (check_chance(run, 30)) return edges[check_random_below(run, CHECK_LENGTH(edges))];
    int64_t number = (int64_t)(check_random(run) >> check_random_below(run, 64));
    return check_chance(run, 50) ? number : -number;
}

/* A value that a field of the type can hold. */
static int64_t edge_value(check_run *run, bitfield_type type) {
    uint8_t bytes[8];
    store_u64(bytes, check_chance(run, 20)   ? 0
                     : check_chance(run, 20) ? ~UINT64_C(0)
                                             : check_random(run));
    return bitfield_get(bytes, 8, 0, type);
}

static void check_outcome(bitfield_type type, bitfield_overflow overflow, __int128 number,
                          bool fits, int64_t result) {
    __int128 span = (__int128)1 << type.width;
    __int128 least = type.is_signed ? -(span / 2) : 0, most = least + span - 1;
    if (number >= least && number <= most) {
        CHECK(fits && result == number);
    } else if (overflow == BITFIELD_FAIL) {
        CHECK(!fits);
    } else if (overflow == BITFIELD_SAT) {
        CHECK(fits && result == (number < least ? least : most));
    } else {
        __int128 wrapped = (number - least) % span;
        if (wrapped < 0) wrapped += span;
        CHECK(fits && result == wrapped + least);
    }
}

/* What Redis takes for an overflow at the other end; see bitfield_fit. */
static bool is_too_far_below(bitfield_type type, __int128 number) {
    __int128 most = ((__int128)1 << (type.width - 1)) - 1;
    return type.is_signed && type.width < 64 && most - number > INT64_MAX;
}

static void test_overflow_wraps_saturates_or_fails(check_run *run) {
    uint64_t rounds = check_iterations(run, 300000);
    for (uint64_t round = 0; round < rounds; round++) {
        bitfield_type type = random_type(run);
        bitfield_overflow overflow = (bitfield_overflow)check_random_below(run, 3);
        int64_t value = edge_value(run, type), increment = edge_number(run), result = 0;
        bool fits = bitfield_add(type, overflow, value, increment, &result);
        check_outcome(type, overflow, (__int128)value + increment, fits, result);
        __int128 number = type.is_signed ? (__int128)increment : (__int128)(uint64_t)increment;
        fits = bitfield_fit(type, overflow, increment, &result);
        if (overflow == BITFIELD_SAT && is_too_far_below(type, number)) {
            CHECK_INT(result, INT64_MAX >> (64 - type.width));
            continue;
        }
        check_outcome(type, overflow, number, fits, result);
    }
}

static void test_types_are_read_strictly(check_run *run) {
    static const char *bad[] = {"", "i", "u", "8", "x8", "I8", "U8", "i0", "u0", "i65", "u64",
                                "u08", "i+8", "i-8", "u8 ", " u8", "u8.0", "u99999999999999999999"};
    bitfield_type type;
    (void)run;
    for (size_t i = 0; i < CHECK_LENGTH(bad); i++)
        CHECK(!bitfield_parse_type((slice){bad[i], strlen(bad[i])}, &type));
    CHECK(!bitfield_parse_type((slice){"u8\0", 3}, &type));
    CHECK(bitfield_parse_type((slice){"i64", 3}, &type) && type.is_signed && type.width == 64);
    CHECK(bitfield_parse_type((slice){"u63", 3}, &type) && !type.is_signed && type.width == 63);
    CHECK(bitfield_parse_type((slice){"u1", 2}, &type) && !type.is_signed && type.width == 1);
}

int main(int count, char **arguments) {
    static const check_test tests[] = {
        CHECK_TEST(test_fields_are_read_at_every_bit_and_behind_the_end),
        CHECK_TEST(test_far_offsets_read_as_zero),
        CHECK_TEST(test_fields_are_written_without_touching_their_neighbours),
        CHECK_TEST(test_overflow_wraps_saturates_or_fails),
        CHECK_TEST(test_types_are_read_strictly),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
