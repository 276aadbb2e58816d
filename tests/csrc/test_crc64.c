/* Tests of crc64: the published check value, a checksum made by a real server, a bitwise oracle. */
#include "crc64.h"

#include "check.h"

static void test_check_value_is_that_of_the_jones_polynomial(check_run *run)
{
    (void)run;
    CHECK(crc64(0, "123456789", 9) == UINT64_C(0xe9c6d914c4b8d9ca));
    CHECK(crc64(0, NULL, 0) == 0);
    CHECK(crc64(42, "", 0) == 42);
}

/* DUMP of a string of 100 letters a, as Redis 7.0 replies it: the last eight bytes are the sum. */
static void test_checksum_of_a_real_dump_payload_is_accepted(check_run *run)
{
    static const unsigned char payload[] = {
        0x00, 0xc3, 0x09, 0x40, 0x64, 0x01, 0x61, 0x61, 0xe0, 0x57, 0x00, 0x01,
        0x61, 0x61, 0x0a, 0x00, 0xe8, 0xa3, 0xb5, 0x07, 0xb0, 0x6d, 0xf2, 0x71,
    };
    size_t covered = sizeof payload - 8;

    (void)run;
    CHECK(crc64(0, payload, covered) == load_u64(payload + covered));
}

/* One bit at a time, from the polynomial as it is usually written, with explicit reflection. */
static uint64_t reflect(uint64_t bits, int width)
{
    uint64_t result = 0;

    for (int i = 0; i < width; i++)
        result |= (bits >> i & 1) << (width - 1 - i);
    return result;
}

static uint64_t naive_crc64(uint64_t crc, const unsigned char *data, size_t length)
{
    crc = reflect(crc, 64);
    for (size_t i = 0; i < length; i++) {
        crc ^= reflect(data[i], 8) << 56;
        for (int bit = 0; bit < 8; bit++)
            crc = crc << 1 ^ (crc >> 63 ? UINT64_C(0xad93d23594c935a9) : 0);
    }
    return reflect(crc, 64);
}

static void test_random_data_agrees_with_a_bitwise_oracle(check_run *run)
{
    uint64_t iterations = check_iterations(run, 20000);

    for (uint64_t i = 0; i < iterations; i++) {
        size_t length = check_random_below(run, 80), offset = check_random_below(run, 8);
        unsigned char *data = malloc(offset + length + 1);
        uint64_t before = check_chance(run, 50) ? 0 : check_random(run);

        CHECK(data != NULL);
        check_random_bytes(run, data, offset + length);
        CHECK(crc64(before, data + offset, length) == naive_crc64(before, data + offset, length));
        free(data);
    }
}

static void test_parts_give_the_checksum_of_the_whole(check_run *run)
{
    unsigned char data[1000];

    check_random_bytes(run, data, sizeof data);
    uint64_t whole = crc64(0, data, sizeof data);
    CHECK(whole == naive_crc64(0, data, sizeof data));
    for (size_t cut = 0; cut <= sizeof data; cut++)
        CHECK(crc64(crc64(0, data, cut), data + cut, sizeof data - cut) == whole);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_check_value_is_that_of_the_jones_polynomial),
        CHECK_TEST(test_checksum_of_a_real_dump_payload_is_accepted),
        CHECK_TEST(test_random_data_agrees_with_a_bitwise_oracle),
        CHECK_TEST(test_parts_give_the_checksum_of_the_whole),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
