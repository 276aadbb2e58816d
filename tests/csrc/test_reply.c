/* Tests of reply.h. The oracle is one array with the whole stream, blobs copied in. */
#include "alloc.h"
#include "check.h"
#include "reply.h"

#include <stdarg.h>

/* ---- the oracle ---- */

typedef struct expected {
    char *bytes;
    size_t length, capacity;
} expected;

static void expect(expected *to, const void *bytes, size_t length)
{
    if (to->length + length > to->capacity) {
        to->capacity = 2 * to->capacity + length;
        to->bytes = realloc(to->bytes, to->capacity);
    }
    if (length)
        memcpy(to->bytes + to->length, bytes, length);
    to->length += length;
}

static void expect_text(expected *to, const char *text)
{
    expect(to, text, strlen(text));
}

static __attribute__((format(printf, 2, 3))) void expect_format(expected *to, const char *format,
                                                               ...)
{
    char text[200];
    va_list values;
    va_start(values, format);
    expect(to, text, (size_t)vsnprintf(text, sizeof text, format, values));
    va_end(values);
}

/* Everything that is to be sent, gathered into one block. */
static char *stream_of(const reply *out, size_t *length)
{
    size_t most = 2 * out->reference_count + 2;
    reply_piece *pieces = malloc(most * sizeof *pieces);
    size_t count = reply_pieces(out, pieces, most), filled = 0;
    char *bytes = malloc(reply_bytes(out) + 1);
    for (size_t index = 0; index < count; index++) {
        CHECK(pieces[index].length > 0);
        memcpy(bytes + filled, pieces[index].data, pieces[index].length);
        filled += pieces[index].length;
    }
    CHECK_INT(filled, reply_bytes(out));
    *length = filled;
    free(pieces);
    return bytes;
}

static void check_stream(const reply *out, const char *bytes, size_t length)
{
    size_t actual_length, last = 0;
    char *actual = stream_of(out, &actual_length);
    CHECK_BYTES(actual, actual_length, bytes, length);
    for (uint32_t index = 0; index < out->reference_count; index++) {
        size_t offset = out->references[index].offset;
        CHECK(offset >= out->start && offset < out->length);
        CHECK(index == 0 || offset > last);
        last = offset;
    }
    free(actual);
}

/* ---- each writer ---- */

static void check_written(void (*write)(reply *out), const char *resp2, const char *resp3)
{
    for (uint8_t protocol = 2; protocol <= 3; protocol++) {
        const char *text = protocol == 2 ? resp2 : resp3 ? resp3 : resp2;
        reply out;
        reply_init(&out);
        out.protocol = protocol;
        write(&out);
        check_stream(&out, text, strlen(text));
        reply_free(&out);
    }
}

#define WRITER(name, statement) \
    static void name(reply *out) { statement; }

WRITER(write_ok, reply_ok(out))
WRITER(write_status, reply_status(out, "QUEUED"))
WRITER(write_empty_status, reply_status(out, ""))
WRITER(write_text, reply_text(out, "hello"))
WRITER(write_empty_bulk, reply_bulk(out, "", 0))
WRITER(write_nine, reply_bulk(out, "123456789", 9))
WRITER(write_ten, reply_bulk(out, "1234567890", 10))
WRITER(write_nothing, reply_raw(out, "", 0))
WRITER(write_null, reply_null(out))
WRITER(write_null_array, reply_null_array(out))
WRITER(write_true, reply_bool(out, true))
WRITER(write_false, reply_bool(out, false))
WRITER(write_array, reply_array(out, 0); reply_array(out, 12))
WRITER(write_map, reply_map(out, 3); reply_map(out, 50))
WRITER(write_set, reply_set(out, 3))
WRITER(write_push, reply_push(out, 3))
WRITER(write_half, reply_double(out, 0.5))
WRITER(write_minus_infinity, reply_double(out, -__builtin_inf()))
WRITER(write_whole_double, reply_double(out, 3))
WRITER(write_bulk_int, reply_bulk_int(out, -42))
WRITER(write_verbatim, reply_verbatim(out, "txt", "a\r\nb", 4))
WRITER(write_empty_verbatim, reply_verbatim(out, "mkd", "", 0))
WRITER(write_error, reply_error(out, "ERR a\r\nb\0c", 10))
WRITER(write_later_array, reply_write_array(out, 2))
WRITER(write_later_map, reply_write_map(out, 2))
WRITER(write_later_set, reply_write_set(out, 2))

static void test_each_writer_in_both_protocols(check_run *run)
{
    (void)run;
    check_written(write_ok, "+OK\r\n", NULL);
    check_written(write_status, "+QUEUED\r\n", NULL);
    check_written(write_empty_status, "+\r\n", NULL);
    check_written(write_text, "$5\r\nhello\r\n", NULL);
    check_written(write_empty_bulk, "$0\r\n\r\n", NULL);
    check_written(write_nine, "$9\r\n123456789\r\n", NULL);
    check_written(write_ten, "$10\r\n1234567890\r\n", NULL);
    check_written(write_nothing, "", NULL);
    check_written(write_null, "$-1\r\n", "_\r\n");
    check_written(write_null_array, "*-1\r\n", "_\r\n");
    check_written(write_true, ":1\r\n", "#t\r\n");
    check_written(write_false, ":0\r\n", "#f\r\n");
    check_written(write_array, "*0\r\n*12\r\n", NULL);
    check_written(write_map, "*6\r\n*100\r\n", "%3\r\n%50\r\n");
    check_written(write_set, "*3\r\n", "~3\r\n");
    check_written(write_push, "*3\r\n", ">3\r\n");
    check_written(write_half, "$3\r\n0.5\r\n", ",0.5\r\n");
    check_written(write_minus_infinity, "$4\r\n-inf\r\n", ",-inf\r\n");
    check_written(write_whole_double, "$1\r\n3\r\n", ",3\r\n");
    check_written(write_bulk_int, "$3\r\n-42\r\n", NULL);
    check_written(write_verbatim, "$4\r\na\r\nb\r\n", "=8\r\ntxt:a\r\nb\r\n");
    check_written(write_empty_verbatim, "$0\r\n\r\n", "=4\r\nmkd:\r\n");
    check_written(write_error, "-ERR a  b c\r\n", NULL);
    check_written(write_later_array, "*2\r\n", NULL);
    check_written(write_later_map, "*4\r\n", "%2\r\n");
    check_written(write_later_set, "*2\r\n", "~2\r\n");
}

static void test_every_integer_is_written_in_full(check_run *run)
{
    reply out;
    expected text = {0};
    reply_init(&out);
    for (unsigned index = 0; index < 5000; index++) {
        int64_t number = index < 130 ? (int64_t)index - 65
                         : index == 130 ? INT64_MIN : index == 131 ? INT64_MAX
                         : (int64_t)(check_random(run) >> check_random_below(run, 64));
        reply_int(&out, number);
        expect_format(&text, ":%" PRId64 "\r\n", number);
        reply_bulk_int(&out, number);
        expect_format(&text, "$%d\r\n%" PRId64 "\r\n", snprintf(NULL, 0, "%" PRId64, number),
                      number);
    }
    check_stream(&out, text.bytes, text.length);
    reply_free(&out);
    free(text.bytes);
}

static void test_bulks_of_all_lengths_grow_the_buffer_right(check_run *run)
{
    char *bytes = malloc(70000);
    check_random_bytes(run, bytes, 70000);
    reply out;
    expected text = {0};
    reply_init(&out);
    for (size_t length = 0; length <= 70000; length += length < 300 ? 1 : 7919) {
        reply_bulk(&out, bytes, length);
        expect_format(&text, "$%zu\r\n", length);
        expect(&text, bytes, length);
        expect_text(&text, "\r\n");
        CHECK(out.capacity <= 2 * out.length + 100 || out.capacity == REPLY_BUFFER_START);
    }
    check_stream(&out, text.bytes, text.length);
    reply_free(&out);
    free(text.bytes);
    free(bytes);
}

/* ---- references ---- */

static void test_a_blob_is_referenced_from_16_kb_on(check_run *run)
{
    (void)run;
    blob *value = blob_new(REPLY_REFERENCE_MIN + 10, 0);
    memset(value->data, 'v', value->length);
    reply out;
    reply_init(&out);
    reply_blob(&out, value, 3, REPLY_REFERENCE_MIN - 1);
    CHECK_INT(out.reference_count, 0);
    CHECK_INT(value->references, 1);
    reply_clear(&out);
    reply_blob(&out, value, 10, REPLY_REFERENCE_MIN);
    CHECK_INT(out.reference_count, 1);
    CHECK_INT(value->references, 2);
    CHECK_INT(reply_bytes(&out), 8 + REPLY_REFERENCE_MIN + 2);
    CHECK(out.length < 20);
    blob_release(value); /* the key is deleted: the reply keeps the value */
    char *bytes = malloc(REPLY_REFERENCE_MIN + 10);
    memcpy(bytes, "$16384\r\n", 8);
    memset(bytes + 8, 'v', REPLY_REFERENCE_MIN);
    memcpy(bytes + 8 + REPLY_REFERENCE_MIN, "\r\n", 2);
    check_stream(&out, bytes, REPLY_REFERENCE_MIN + 10);
    free(bytes);
    reply_free(&out);
}

/* A reply with blobs first, last, side by side and between other replies. */
static void write_mixture(check_run *run, reply *out, expected *text, unsigned replies)
{
    char bytes[100];
    while (replies-- > 0) {
        size_t length = check_random_below(run, sizeof bytes);
        if (check_chance(run, 50)) {
            check_random_bytes(run, bytes, length);
            reply_bulk(out, bytes, length);
            expect_format(text, "$%zu\r\n", length);
            expect(text, bytes, length);
            expect_text(text, "\r\n");
            continue;
        }
        size_t from = check_random_below(run, 50);
        length += REPLY_REFERENCE_MIN;
        blob *value = blob_new(from + length + check_random_below(run, 5), 0);
        check_random_bytes(run, value->data, value->length);
        reply_blob(out, value, from, length);
        expect_format(text, "$%zu\r\n", length);
        expect(text, value->data + from, length);
        expect_text(text, "\r\n");
        blob_release(value);
    }
}

/* A bulk, two blobs side by side, a number: sent up to each byte, then the rest is compared. */
static void test_any_number_of_bytes_may_be_sent(check_run *run)
{
    size_t used_before = alloc_used_bytes();
    blob *value = blob_new(REPLY_REFERENCE_MIN + 100, 0);
    expected text = {0};
    check_random_bytes(run, value->data, value->length);
    expect_text(&text, "$3\r\nabc\r\n$16384\r\n");
    expect(&text, value->data, REPLY_REFERENCE_MIN);
    expect_text(&text, "\r\n$16400\r\n");
    expect(&text, value->data + 84, REPLY_REFERENCE_MIN + 16);
    expect_text(&text, "\r\n:12\r\n");
    for (size_t sent = 0; sent <= text.length; sent++) {
        reply out;
        reply_init(&out);
        reply_bulk(&out, "abc", 3);
        reply_blob(&out, value, 0, REPLY_REFERENCE_MIN);
        reply_blob(&out, value, 84, REPLY_REFERENCE_MIN + 16);
        reply_int(&out, 12);
        reply_consume(&out, sent);
        CHECK_INT(value->references, 1 + out.reference_count);
        check_stream(&out, text.bytes + sent, text.length - sent);
        reply_free(&out);
    }
    CHECK_INT(value->references, 1);
    blob_release(value);
    free(text.bytes);
    CHECK_INT(alloc_used_bytes(), used_before);
}

static void test_stream_stays_right_while_it_is_written_and_sent_in_turns(check_run *run)
{
    size_t used_before = alloc_used_bytes();
    uint64_t rounds = check_iterations(run, 60);
    for (uint64_t round = 0; round < rounds; round++) {
        reply out;
        expected text = {0};
        size_t sent = 0;
        reply_init(&out);
        for (unsigned step = 0; step < 40; step++) {
            write_mixture(run, &out, &text, (unsigned)check_random_below(run, 3));
            size_t left = text.length - sent;
            size_t piece = check_chance(run, 20) ? left : check_random_below(run, left + 1);
            if (check_chance(run, 30))
                piece = piece < 5 ? piece : check_random_below(run, 5);
            reply_consume(&out, piece);
            sent += piece;
            check_stream(&out, text.bytes + sent, text.length - sent);
            /* What is sent takes no room for long. */
            CHECK(out.start <= out.length / 2);
        }
        reply_free(&out);
        free(text.bytes);
    }
    CHECK_INT(alloc_used_bytes(), used_before);
}

static void test_pieces_come_in_bounded_numbers(check_run *run)
{
    for (size_t most = 2; most < 12; most++) {
        reply out;
        expected text = {0};
        size_t sent = 0;
        reply_init(&out);
        write_mixture(run, &out, &text, 12);
        while (reply_bytes(&out)) {
            reply_piece pieces[12];
            size_t count = reply_pieces(&out, pieces, most), length = 0;
            CHECK(count >= 1 && count <= most);
            for (size_t index = 0; index < count; index++) {
                CHECK_BYTES(pieces[index].data, pieces[index].length, text.bytes + sent + length,
                            pieces[index].length);
                length += pieces[index].length;
            }
            reply_consume(&out, length);
            sent += length;
        }
        CHECK_INT(sent, text.length);
        reply_free(&out);
        free(text.bytes);
    }
}

/* ---- insert, truncate, clear ---- */

static void test_a_header_is_inserted_before_elements_and_their_blobs(check_run *run)
{
    static const struct {
        reply_writer write;
        const char *resp2, *resp3;
        unsigned factor;
    } writers[] = {
        {reply_write_array, "*", "*", 1}, {reply_write_map, "*", "%", 2},
        {reply_write_set, "*", "~", 1},
    };
    uint64_t rounds = check_iterations(run, 200);
    for (uint64_t round = 0; round < rounds; round++) {
        size_t which = check_random_below(run, CHECK_LENGTH(writers));
        int64_t count = (int64_t)(check_random(run) >> (2 + check_random_below(run, 62)));
        reply out;
        expected before = {0}, behind = {0};
        reply_init(&out);
        out.protocol = check_chance(run, 50) ? 3 : 2;
        write_mixture(run, &out, &before, (unsigned)check_random_below(run, 3));
        size_t place = reply_later(&out);
        write_mixture(run, &out, &behind, (unsigned)check_random_below(run, 4));
        reply_insert(&out, place, writers[which].write, count);
        if (out.protocol == 3)
            expect_format(&before, "%s%" PRId64 "\r\n", writers[which].resp3, count);
        else
            expect_format(&before, "%s%" PRId64 "\r\n", writers[which].resp2,
                          count * writers[which].factor);
        expect(&before, behind.bytes, behind.length);
        write_mixture(run, &out, &before, 1);
        check_stream(&out, before.bytes, before.length);
        reply_free(&out);
        free(before.bytes);
        free(behind.bytes);
    }
}

static void test_truncate_forgets_blobs_too(check_run *run)
{
    size_t used_before = alloc_used_bytes();
    uint64_t rounds = check_iterations(run, 200);
    for (uint64_t round = 0; round < rounds; round++) {
        reply out;
        expected kept = {0}, forgotten = {0};
        reply_init(&out);
        write_mixture(run, &out, &kept, (unsigned)check_random_below(run, 3));
        size_t sent = check_random_below(run, kept.length + 1);
        reply_consume(&out, sent);
        size_t place = reply_later(&out), bytes = reply_bytes(&out);
        write_mixture(run, &out, &forgotten, (unsigned)check_random_below(run, 4));
        reply_truncate(&out, place);
        CHECK_INT(reply_bytes(&out), bytes);
        write_mixture(run, &out, &kept, 1);
        check_stream(&out, kept.bytes + sent, kept.length - sent);
        reply_free(&out);
        free(kept.bytes);
        free(forgotten.bytes);
    }
    CHECK_INT(alloc_used_bytes(), used_before);
}

static void test_clear_keeps_a_usual_buffer_and_gives_a_large_one_back(check_run *run)
{
    (void)run;
    size_t used_before = alloc_used_bytes();
    char *large = calloc(1, 100000);
    reply out;
    reply_init(&out);
    out.protocol = 3;
    reply_ok(&out);
    const char *data = out.data;
    reply_clear(&out);
    CHECK_INT(reply_bytes(&out), 0);
    reply_ok(&out);
    CHECK_POINTER(out.data, data);
    reply_raw(&out, large, 100000);
    reply_clear(&out);
    CHECK_INT(alloc_used_bytes(), used_before);
    reply_null(&out); /* it may go on being used, in the protocol that it had */
    check_stream(&out, "_\r\n", 3);
    reply_consume(&out, 3);
    reply_consume(&out, 0);
    CHECK_INT(reply_bytes(&out), 0);
    reply_free(&out);
    reply_free(&out);
    CHECK_INT(alloc_used_bytes(), used_before);
    free(large);
}

static void test_a_slow_reader_is_served_in_linear_time(check_run *run)
{
    enum { BYTES = 4 << 20 };
    (void)run;
    char *large = malloc(BYTES);
    for (size_t at = 0; at < BYTES; at++)
        large[at] = (char)(at * 7 >> 3);
    reply out;
    reply_init(&out);
    reply_raw(&out, large, BYTES);
    for (size_t sent = 0; sent < BYTES; sent += 64) { /* quadratic would move 137 GB */
        CHECK(memcmp(out.data + out.start, large + sent, 64) == 0);
        reply_consume(&out, 64);
    }
    CHECK_INT(reply_bytes(&out), 0);
    reply_free(&out);
    free(large);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_each_writer_in_both_protocols),
        CHECK_TEST(test_every_integer_is_written_in_full),
        CHECK_TEST(test_bulks_of_all_lengths_grow_the_buffer_right),
        CHECK_TEST(test_a_blob_is_referenced_from_16_kb_on),
        CHECK_TEST(test_any_number_of_bytes_may_be_sent),
        CHECK_TEST(test_stream_stays_right_while_it_is_written_and_sent_in_turns),
        CHECK_TEST(test_pieces_come_in_bounded_numbers),
        CHECK_TEST(test_a_header_is_inserted_before_elements_and_their_blobs),
        CHECK_TEST(test_truncate_forgets_blobs_too),
        CHECK_TEST(test_clear_keeps_a_usual_buffer_and_gives_a_large_one_back),
        CHECK_TEST(test_a_slow_reader_is_served_in_linear_time),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
