/* Tests of stream_id: order, neighbours, the bytes in files, and the texts that are IDs. */
#include "stream_id.h"

#include "check.h"

static void test_ids_step_over_the_border_of_a_millisecond(check_run *run)
{
    stream_id id = {7, UINT64_MAX}, last = STREAM_ID_MAX, first = STREAM_ID_MIN;
    uint8_t bytes[STREAM_ID_BYTES];
    char text[STREAM_ID_TEXT_MAX];
    (void)run;
    CHECK(stream_id_increase(&id) && id.ms == 8 && id.seq == 0);
    CHECK(stream_id_decrease(&id) && id.ms == 7 && id.seq == UINT64_MAX);
    CHECK(!stream_id_increase(&last) && last.ms == UINT64_MAX && last.seq == UINT64_MAX);
    CHECK(!stream_id_decrease(&first) && stream_id_is_zero(first));
    stream_id_store(bytes, (stream_id){0x0102030405060708, 0x1112131415161718});
    CHECK_BYTES(bytes, 16, "\1\2\3\4\5\6\7\10\x11\x12\x13\x14\x15\x16\x17\x18", 16);
    CHECK_INT(stream_id_load(bytes).seq, 0x1112131415161718);
    CHECK_BYTES(text, stream_id_format(text, last),
                "18446744073709551615-18446744073709551615", 41);
}

static slice text_of(const char *text) { return (slice){text, strlen(text)}; }

static void test_ids_are_read_from_their_texts(check_run *run)
{
    static const struct {
        const char *text;
        uint64_t ms, seq;
    } rows[] = {
        {"1-2", 1, 2}, {"7", 7, 99}, {"0-0", 0, 0}, {"-", 0, 0}, {"+", UINT64_MAX, UINT64_MAX},
        {"18446744073709551615-18446744073709551615", UINT64_MAX, UINT64_MAX},
        {"9223372036854775808-1", (uint64_t)1 << 63, 1}, {"05-03", 5, 3}, {" +5-\t3", 5, 3},
        {"5- -3", 5, UINT64_MAX - 2},
    };
    (void)run;
    for (size_t i = 0; i < CHECK_LENGTH(rows); i++) {
        stream_id id;
        CHECK(stream_id_parse(text_of(rows[i].text), 99, &id, NULL));
        CHECK_INT(id.ms, rows[i].ms);
        CHECK_INT(id.seq, rows[i].seq);
    }
}

static void test_texts_that_are_no_ids_are_refused(check_run *run)
{
    static const char *const rows[] = {
        "", "x", "1-", "-1", "1--1", "1-x", "1-2-3", "--", "+-", "1-*", "*", "$", ">", "1e3", "0x1",
        "18446744073709551616", "1-18446744073709551616", "99999999999999999999999", "1 ", "( 1",
    };
    char longest[STREAM_ID_ARGUMENT_MAX + 1];
    stream_id id;
    (void)run;
    for (size_t i = 0; i < CHECK_LENGTH(rows); i++)
        CHECK(!stream_id_parse(text_of(rows[i]), 0, &id, NULL));
    memset(longest, '0', sizeof longest);
    CHECK(stream_id_parse((slice){longest, sizeof longest - 1}, 0, &id, NULL));
    CHECK(!stream_id_parse((slice){longest, sizeof longest}, 0, &id, NULL));
}

static void test_a_sequence_may_be_left_to_the_server(check_run *run)
{
    bool generated;
    stream_id id;
    (void)run;
    CHECK(stream_id_parse(text_of("12-*"), 7, &id, &generated));
    CHECK(generated && id.ms == 12 && id.seq == 0);
    CHECK(stream_id_parse(text_of("12-3"), 7, &id, &generated));
    CHECK(!generated && id.seq == 3);
    CHECK(!stream_id_parse(text_of("12-**"), 7, &id, &generated));
    CHECK(!stream_id_parse(text_of("*-1"), 7, &id, &generated));
}

static void test_a_text_ends_at_a_nul(check_run *run)
{
    stream_id id;
    (void)run;
    CHECK(stream_id_parse((slice){"5-6\0x", 5}, 0, &id, NULL) && id.ms == 5 && id.seq == 6);
    CHECK(!stream_id_parse((slice){"\0001", 2}, 0, &id, NULL));
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_ids_step_over_the_border_of_a_millisecond),
        CHECK_TEST(test_ids_are_read_from_their_texts),
        CHECK_TEST(test_texts_that_are_no_ids_are_refused),
        CHECK_TEST(test_a_sequence_may_be_left_to_the_server),
        CHECK_TEST(test_a_text_ends_at_a_nul),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
