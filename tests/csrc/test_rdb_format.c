/* Tests of rdb_format: examples made by a real server, every length and string there and back,
 * and damaged input in exactly sized blocks. */
#include "rdb_format.h"

#include "alloc.h"
#include "check.h"
#include "lzf.h"

/* Opens a copy in a block of its exact size, so that the address checker sees each byte read
 * outside. */
static unsigned char *exact_copy(const void *bytes, size_t length)
{
    unsigned char *copy = malloc(length > 0 ? length : 1);

    CHECK(copy != NULL);
    if (length > 0)
        memcpy(copy, bytes, length);
    return copy;
}

static rdb_reader reader_of(const void *bytes, size_t length)
{
    return (rdb_reader){(const uint8_t *)bytes, (const uint8_t *)bytes + length, 0};
}

static void check_written(const char *text, const char *expected, size_t expected_length)
{
    rdb_writer writer;

    rdb_writer_init(&writer);
    rdb_write_string(&writer, text, strlen(text));
    CHECK_BYTES(writer.data, writer.length, expected, expected_length);
    rdb_writer_free(&writer);
}

static void test_payload_of_a_real_server_is_reproduced(check_run *run)
{
    /* DUMP of "hello" by Redis 8.0, whose version is 12; by Valkey 9.1, whose version is 80. */
    static const char redis[] = "\x00\x05hello\x0c\x00\xa8\x04\xeb\xb6\x9f\x1e\xbe\x43";
    static const char valkey[] = "\x00\x05hello\x50\x00\xac\x58\x16\xe7\xfb\x66\x47\xfe";
    const char *payloads[] = {redis, valkey};

    (void)run;
    for (size_t i = 0; i < CHECK_LENGTH(payloads); i++) {
        rdb_reader reader;
        rdb_string string;
        uint8_t type;

        CHECK(rdb_open_payload(&reader, payloads[i], 17));
        CHECK(rdb_read_byte(&reader, &type));
        CHECK_INT(type, RDB_TYPE_STRING);
        CHECK(rdb_read_string(&reader, &string));
        CHECK_BYTES(string.bytes, string.length, "hello", 5);
        CHECK(!rdb_read_byte(&reader, &type));
    }
}

static void test_small_numbers_take_their_special_form(check_run *run)
{
    (void)run;
    check_written("0", "\xc0\x00", 2);
    check_written("-128", "\xc0\x80", 2);
    check_written("128", "\xc1\x80\x00", 3);
    check_written("-32768", "\xc1\x00\x80", 3);
    check_written("32768", "\xc2\x00\x80\x00\x00", 5);
    check_written("-2147483648", "\xc2\x00\x00\x00\x80", 5);
    check_written("2147483648", "\x0a" "2147483648", 11);
    check_written("007", "\x03" "007", 4);
    check_written("", "\x00", 1);
    check_written("aaaaaaaaaaaaaaaaaaaa", "\x14" "aaaaaaaaaaaaaaaaaaaa", 21);
}

static void test_long_runs_are_compressed_and_noise_is_not(check_run *run)
{
    char text[200];
    rdb_writer writer;

    memset(text, 'a', sizeof(text));
    rdb_writer_init(&writer);
    rdb_write_string(&writer, text, sizeof(text));
    CHECK_INT((unsigned char)writer.data[0], 0xc3);
    CHECK(writer.length < 20);
    rdb_writer_free(&writer);
    check_random_bytes(run, text, sizeof(text));
    rdb_write_string(&writer, text, sizeof(text));
    CHECK_INT(writer.length, sizeof(text) + 2);
    rdb_writer_free(&writer);
}

/* Lists keep some of their nodes as streams: a file must not show which. */
static void test_a_stream_made_before_is_written_as_the_text_would_be(check_run *run)
{
    char text[500], stream[sizeof text];
    rdb_writer whole, parts;

    rdb_writer_init(&whole);
    rdb_writer_init(&parts);
    for (size_t length = 48; length < sizeof text; length++) {
        memset(text, 'a' + (int)check_random_below(run, 26), length);
        check_random_bytes(run, text, length / 3);
        size_t stream_length = lzf_compress(text, length, stream, length - 8);
        CHECK(stream_length > 0);
        rdb_write_string(&whole, text, length);
        rdb_write_compressed(&parts, stream, stream_length, length);
    }
    CHECK_BYTES(parts.data, parts.length, whole.data, whole.length);
    rdb_writer_free(&whole);
    rdb_writer_free(&parts);
}

static void test_lengths_come_back(check_run *run)
{
    static const uint64_t edges[] = {0, 63, 64, 16383, 16384, UINT32_MAX, 1ULL << 32, UINT64_MAX};
    static const size_t sizes[] = {1, 1, 2, 2, 5, 5, 9, 9};

    (void)run;
    for (size_t i = 0; i < CHECK_LENGTH(edges); i++) {
        rdb_writer writer;
        uint64_t length = 1;

        rdb_writer_init(&writer);
        rdb_write_length(&writer, edges[i]);
        CHECK_INT(writer.length, sizes[i]);
        for (size_t cut = 0; cut < writer.length; cut++) {
            unsigned char *copy = exact_copy(writer.data, cut);
            rdb_reader reader = reader_of(copy, cut);

            CHECK(!rdb_read_length(&reader, &length));
            free(copy);
        }
        rdb_reader reader = reader_of(writer.data, writer.length);
        CHECK(rdb_read_length(&reader, &length));
        CHECK(length == edges[i]);
        CHECK(reader.at == reader.end);
        rdb_writer_free(&writer);
    }
}

/* A text that is a number, a run, noise or a mixture. */
static size_t random_text(check_run *run, char *text, size_t capacity)
{
    size_t length = check_random_below(run, capacity);

    if (check_chance(run, 25)) {
        int64_t number = (int64_t)(check_random(run) >> check_random_below(run, 64));

        return number_format_int64(text, number);
    }
    for (size_t i = 0; i < length; i++)
        text[i] = (char)('a' + check_random_below(run, check_chance(run, 50) ? 2 : 26));
    return length;
}

static void test_strings_come_back_whatever_they_hold(check_run *run)
{
    char text[3000], back[3000];

    for (uint64_t i = 0; i < check_iterations(run, 3000); i++) {
        size_t length = random_text(run, text, sizeof(text));
        rdb_writer writer;
        rdb_string string;

        rdb_writer_init(&writer);
        rdb_write_string(&writer, text, length);
        CHECK(writer.length <= length + 5);
        rdb_reader reader = reader_of(writer.data, writer.length);
        CHECK(rdb_read_string(&reader, &string));
        CHECK_INT(string.length, length);
        CHECK(rdb_string_copy(&string, back));
        CHECK_BYTES(back, length, text, length);
        CHECK(reader.at == reader.end);
        rdb_writer_free(&writer);
    }
}

static void test_numbers_are_written_as_their_text(check_run *run)
{
    for (uint64_t i = 0; i < check_iterations(run, 2000); i++) {
        int64_t number = (int64_t)check_random(run) >> check_random_below(run, 64);
        char digits[NUMBER_INT64_MAX_LENGTH];
        rdb_writer by_number, by_text;

        rdb_writer_init(&by_number);
        rdb_writer_init(&by_text);
        rdb_write_number(&by_number, number);
        rdb_write_string(&by_text, digits, number_format_int64(digits, number));
        CHECK_BYTES(by_number.data, by_number.length, by_text.data, by_text.length);
        rdb_writer_free(&by_number);
        rdb_writer_free(&by_text);
    }
}

static void test_malformed_strings_are_refused(check_run *run)
{
    static const struct { const char *bytes; size_t length; } refused[] = {
        {"", 0}, {"\x05" "hell", 5}, {"\x40", 1}, {"\x40\x05" "hell", 6},
        {"\x80\xff\xff\xff\xff" "x", 6}, {"\x81\xff\xff\xff\xff\xff\xff\xff\xff" "x", 10},
        {"\x82\x00\x00\x00\x01x", 6}, {"\xc4\x05hello", 7}, {"\xff", 1}, {"\xc0", 1},
        {"\xc1\x01", 2}, {"\xc2\x01\x02\x03", 4}, {"\xc3", 1}, {"\xc3\x02", 2},
        {"\xc3\x02\x03\x00", 4}, {"\xc3\x01\x80\x7f\xff\xff\xff\x00", 8},
        {"\xc3\xc0\x01\x03\x00" "a", 6},
        {"\xc3\x81\x7f\xff\xff\xff\xff\xff\xff\xff\x01\x00", 12},
    };

    (void)run;
    for (size_t i = 0; i < CHECK_LENGTH(refused); i++) {
        unsigned char *copy = exact_copy(refused[i].bytes, refused[i].length);
        rdb_reader reader = reader_of(copy, refused[i].length);
        rdb_string string;

        CHECK(!rdb_read_string(&reader, &string));
        free(copy);
    }
}

static void test_a_compressed_string_may_not_claim_more_than_its_bytes_give(check_run *run)
{
    /* Two bytes: a literal 'a'; honest claim 1, then wrong ones. */
    static const uint8_t claims[] = {1, 0, 2, 63};
    char out[64];

    (void)run;
    for (size_t i = 0; i < CHECK_LENGTH(claims); i++) {
        char bytes[] = {(char)0xc3, 2, (char)claims[i], 0, 'a'};
        rdb_reader reader = reader_of(bytes, sizeof(bytes));
        rdb_string string;

        CHECK(rdb_read_string(&reader, &string));
        CHECK(rdb_string_copy(&string, out) == (claims[i] == 1));
    }
}

static void test_damaged_payloads_are_refused(check_run *run)
{
    char text[600];

    for (uint64_t i = 0; i < check_iterations(run, 300); i++) {
        rdb_writer writer;
        rdb_reader reader;

        rdb_writer_init(&writer);
        rdb_write_byte(&writer, RDB_TYPE_STRING);
        rdb_write_string(&writer, text, random_text(run, text, sizeof(text)));
        rdb_write_footer(&writer);
        CHECK(rdb_open_payload(&reader, writer.data, writer.length));
        CHECK_INT(reader.end - reader.at, writer.length - RDB_FOOTER_BYTES);
        size_t cut = check_random_below(run, writer.length);
        unsigned char *copy = exact_copy(writer.data, cut);
        CHECK(!rdb_open_payload(&reader, copy, cut));
        free(copy);
        writer.data[check_random_below(run, writer.length)] ^=
            (char)(1 << check_random_below(run, 8));
        CHECK(!rdb_open_payload(&reader, writer.data, writer.length));
        rdb_writer_free(&writer);
    }
}

static void test_random_bytes_never_read_outside(check_run *run)
{
    for (uint64_t i = 0; i < check_iterations(run, 20000); i++) {
        char bytes[40];
        size_t length = check_random_below(run, sizeof(bytes));
        rdb_string string;

        check_random_bytes(run, bytes, length);
        if (length && check_chance(run, 60))
            bytes[0] = (char)(0xc0 + check_random_below(run, 5));
        unsigned char *copy = exact_copy(bytes, length);
        rdb_reader reader = reader_of(copy, length);
        while (rdb_read_string(&reader, &string)) {
            CHECK(string.length <= length * RDB_EXPANSION_MAX);
            char *out = malloc(string.length + 1);
            rdb_string_copy(&string, out);
            free(out);
        }
        CHECK(reader.at <= reader.end);
        free(copy);
    }
}

/* One scratch serves texts, numbers and compressed strings of growing and shrinking lengths. */
static void test_a_scratch_reads_strings_of_every_form_one_after_the_other(check_run *run)
{
    enum { STRINGS = 60 };
    static char texts[STRINGS][3000];
    size_t lengths[STRINGS];
    rdb_writer writer;
    rdb_scratch scratch;
    slice text;
    rdb_writer_init(&writer);
    for (size_t i = 0; i < STRINGS; i++) {
        lengths[i] = check_random_below(run, sizeof texts[i]);
        if (i % 3 == 0)
            lengths[i] = number_format_int64(texts[i], (int32_t)check_random(run));
        else if (i % 3 == 1)
            memset(texts[i], 'a' + (int)(i % 20), lengths[i]);
        else
            check_random_bytes(run, texts[i], lengths[i]);
        rdb_write_string(&writer, texts[i], lengths[i]);
    }
    unsigned char *copy = exact_copy(writer.data, writer.length);
    rdb_reader reader = reader_of(copy, writer.length);
    rdb_scratch_init(&scratch);
    for (size_t i = 0; i < STRINGS; i++) {
        CHECK(rdb_scratch_read(&scratch, &reader, &text));
        CHECK_BYTES(text.data, text.length, texts[i], lengths[i]);
    }
    CHECK(!rdb_scratch_read(&scratch, &reader, &text));
    rdb_scratch_free(&scratch);
    rdb_scratch_free(&scratch);
    free(copy);
    rdb_writer_free(&writer);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_payload_of_a_real_server_is_reproduced),
        CHECK_TEST(test_small_numbers_take_their_special_form),
        CHECK_TEST(test_long_runs_are_compressed_and_noise_is_not),
        CHECK_TEST(test_a_stream_made_before_is_written_as_the_text_would_be),
        CHECK_TEST(test_lengths_come_back),
        CHECK_TEST(test_strings_come_back_whatever_they_hold),
        CHECK_TEST(test_numbers_are_written_as_their_text),
        CHECK_TEST(test_malformed_strings_are_refused),
        CHECK_TEST(test_a_compressed_string_may_not_claim_more_than_its_bytes_give),
        CHECK_TEST(test_damaged_payloads_are_refused),
        CHECK_TEST(test_random_bytes_never_read_outside),
        CHECK_TEST(test_a_scratch_reads_strings_of_every_form_one_after_the_other),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
