/* Tests of ziplist.h: whole examples, random lists from a writer of our own, and mutations, which
 * may be refused or read as something else, but never beyond the bytes. */
#include "check.h"
#include "ziplist.h"

#include <stdlib.h>

enum { TEXTS_MAX = 40, TEXT_MAX = 400 };

typedef struct written {
    uint8_t bytes[TEXTS_MAX * (TEXT_MAX + 16) + 16];
    size_t length;
    size_t count;
    char texts[TEXTS_MAX][TEXT_MAX];
    size_t lengths[TEXTS_MAX];
} written;

/* ---- a writer ---- */

static size_t write_before(check_run *run, uint8_t *at, size_t before)
{
    if (before < 254 && !check_chance(run, 10)) {
        at[0] = (uint8_t)before;
        return 1;
    }
    at[0] = 254; /* also where one byte would do: so some servers left it */
    store_u32(at + 1, (uint32_t)before);
    return 5;
}

static size_t write_text(check_run *run, uint8_t *at, const char *text, size_t length)
{
    size_t head;
    if (length < 64 && !check_chance(run, 10)) {
        at[0] = (uint8_t)length;
        head = 1;
    } else if (length < 16384 && !check_chance(run, 10)) {
        at[0] = (uint8_t)(0x40 | length >> 8);
        at[1] = (uint8_t)length;
        head = 2;
    } else {
        uint8_t all[5] = {0x80, (uint8_t)(length >> 24), (uint8_t)(length >> 16),
                          (uint8_t)(length >> 8), (uint8_t)length};
        memcpy(at, all, head = 5);
    }
    memcpy(at + head, text, length);
    return head + length;
}

static size_t write_number(uint8_t *at, int64_t number)
{
    if (number >= 0 && number <= 12) {
        at[0] = (uint8_t)(0xf1 + number);
        return 1;
    }
    if (number >= INT8_MIN && number <= INT8_MAX) {
        at[0] = 0xfe;
        at[1] = (uint8_t)number;
        return 2;
    }
    if (number >= INT16_MIN && number <= INT16_MAX) {
        at[0] = 0xc0;
        store_u16(at + 1, (uint16_t)number);
        return 3;
    }
    if (number >= -(1 << 23) && number < 1 << 23) {
        at[0] = 0xf0;
        store_u16(at + 1, (uint16_t)number);
        at[3] = (uint8_t)((uint64_t)number >> 16);
        return 4;
    }
    if (number >= INT32_MIN && number <= INT32_MAX) {
        at[0] = 0xd0;
        store_u32(at + 1, (uint32_t)number);
        return 5;
    }
    at[0] = 0xe0;
    store_u64(at + 1, (uint64_t)number);
    return 9;
}

static void write_list(check_run *run, written *list)
{
    size_t at = ZIPLIST_HEADER_BYTES, tail = at, before = 0;
    list->count = check_random_below(run, TEXTS_MAX);
    for (size_t index = 0; index < list->count; index++) {
        size_t size = write_before(run, list->bytes + at, before);
        if (check_chance(run, 50)) {
            int64_t number = (int64_t)check_random(run) >> check_random_below(run, 64);
            list->lengths[index] = number_format_int64(list->texts[index], number);
            size += write_number(list->bytes + at + size, number);
        } else {
            size_t length = check_random_below(run, check_chance(run, 30) ? TEXT_MAX : 20);
            check_random_bytes(run, list->texts[index], length);
            list->lengths[index] = length;
            size += write_text(run, list->bytes + at + size, list->texts[index], length);
        }
        tail = at;
        at += size;
        before = size;
    }
    list->bytes[at] = 0xff;
    list->length = at + 1;
    store_u32(list->bytes, (uint32_t)list->length);
    store_u32(list->bytes + 4, (uint32_t)tail);
    store_u16(list->bytes + 8, check_chance(run, 10) ? 65535 : (uint16_t)list->count);
}

/* ---- ziplists ---- */

static void test_the_numbers_and_texts_of_a_file_are_read(check_run *run)
{
    static const uint8_t bytes[] = {
        31, 0, 0, 0, 25, 0, 0, 0, 6, 0,      /* 31 bytes, the last entry at 25, 6 entries */
        0, 0xf1, 2, 0xfd, 2, 0xfe, 0x80,     /* 0, 12, -128 */
        3, 2, 'h', 'i', 4, 0xc0, 0x00, 0x80, /* "hi", -32768 */
        4, 0xf0, 0xff, 0xff, 0x7f, 0xff,     /* 8388607 */
    };
    static const char *expected[] = {"0", "12", "-128", "hi", "-32768", "8388607"};
    uint8_t changed[sizeof bytes];
    ziplist_reader reader;
    size_t count;
    slice text;
    (void)run;
    CHECK(ziplist_open(&reader, bytes, sizeof bytes, &count));
    CHECK_INT(count, 6);
    for (size_t index = 0; index < 6; index++) {
        CHECK(ziplist_next(&reader, &text));
        CHECK_BYTES(text.data, text.length, expected[index], strlen(expected[index]));
    }
    CHECK(!ziplist_next(&reader, &text));
    static const uint8_t must_hold[] = {0, 4, 8, 10, 12, 14, 17, 18, 21, 25, 26, 30};
    for (size_t index = 0; index < sizeof must_hold; index++) {
        memcpy(changed, bytes, sizeof bytes);
        changed[must_hold[index]] ^= 1;
        CHECK(!ziplist_open(&reader, changed, sizeof changed, &count));
    }
}

static void test_an_empty_ziplist_has_no_element(check_run *run)
{
    static const uint8_t bytes[] = {11, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0xff};
    ziplist_reader reader;
    size_t count = 1;
    slice text;
    (void)run;
    CHECK(ziplist_open(&reader, bytes, sizeof bytes, &count));
    CHECK_INT(count, 0);
    CHECK(!ziplist_next(&reader, &text));
    CHECK(!ziplist_open(&reader, bytes, sizeof bytes - 1, NULL));
    CHECK(!ziplist_open(&reader, bytes, 0, NULL));
}

static void test_random_ziplists_are_read_as_they_were_written(check_run *run)
{
    static written list;
    for (uint64_t round = check_iterations(run, 3000); round > 0; round--) {
        ziplist_reader reader;
        size_t count;
        slice text;
        write_list(run, &list);
        CHECK(ziplist_open(&reader, list.bytes, list.length, &count));
        CHECK_INT(count, list.count);
        for (size_t index = 0; index < list.count; index++) {
            CHECK(ziplist_next(&reader, &text));
            CHECK_BYTES(text.data, text.length, list.texts[index], list.lengths[index]);
        }
        CHECK(!ziplist_next(&reader, &text));
    }
}

/* Read whatever is accepted; a copy of the exact size lets a sanitizer see each step too far. */
static size_t read_all(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = malloc(length ? length : 1);
    ziplist_reader reader;
    size_t count = 0, read = 0;
    slice text;
    memcpy(copy, bytes, length);
    if (ziplist_open(&reader, copy, length, &count)) {
        while (ziplist_next(&reader, &text)) {
            CHECK(text.data == reader.digits
                  || ((const uint8_t *)text.data >= copy
                      && (const uint8_t *)text.data + text.length < copy + length));
            read++;
        }
        CHECK_INT(read, count);
    }
    free(copy);
    return read;
}

static void test_mutated_ziplists_are_refused_or_read_within_their_bytes(check_run *run)
{
    static written list;
    for (uint64_t round = check_iterations(run, 20000); round > 0; round--) {
        if (round % 8 == 0 || list.length == 0)
            write_list(run, &list);
        uint8_t *bytes = malloc(list.length);
        size_t length = list.length;
        memcpy(bytes, list.bytes, length);
        for (size_t changes = check_random_below(run, 4); changes > 0; changes--)
            bytes[check_random_below(run, length)] = (uint8_t)check_random(run);
        if (check_chance(run, 30)) {
            length = check_random_below(run, length + 1);
            if (length >= 4)
                store_u32(bytes, (uint32_t)length);
            if (length > 0)
                bytes[length - 1] = 0xff;
        }
        read_all(bytes, length);
        free(bytes);
    }
}

/* ---- zipmaps ---- */

static void test_the_pairs_of_a_zipmap_are_read(check_run *run)
{
    static const uint8_t bytes[] = {2, 3, 'f', 'o', 'o', 3, 0, 'b', 'a', 'r',
                                    5, 'h', 'e', 'l', 'l', 'o', 2, 2, 'w', 'o', 'x', 'x', 0xff};
    zipmap_reader reader;
    size_t count;
    slice field, value;
    (void)run;
    CHECK(zipmap_open(&reader, bytes, sizeof bytes, &count));
    CHECK_INT(count, 2);
    CHECK(zipmap_next(&reader, &field, &value));
    CHECK_BYTES(field.data, field.length, "foo", 3);
    CHECK_BYTES(value.data, value.length, "bar", 3);
    CHECK(zipmap_next(&reader, &field, &value));
    CHECK_BYTES(field.data, field.length, "hello", 5);
    CHECK_BYTES(value.data, value.length, "wo", 2);
    CHECK(!zipmap_next(&reader, &field, &value));
}

static void test_zipmaps_that_are_not_whole_are_refused(check_run *run)
{
    static const uint8_t bytes[] = {1, 3, 'f', 'o', 'o', 3, 0, 'b', 'a', 'r', 0xff};
    static const uint8_t empty[] = {0, 0xff};
    zipmap_reader reader;
    size_t count;
    slice field, value;
    (void)run;
    CHECK(zipmap_open(&reader, empty, sizeof empty, &count));
    CHECK_INT(count, 0);
    for (size_t length = 0; length < sizeof bytes; length++) {
        uint8_t *cut = malloc(length ? length : 1);
        memcpy(cut, bytes, length);
        CHECK(!zipmap_open(&reader, cut, length, &count));
        if (length > 0) {
            cut[length - 1] = 0xff;
            CHECK(!zipmap_open(&reader, cut, length, &count));
        }
        free(cut);
    }
    for (uint64_t round = check_iterations(run, 20000); round > 0; round--) {
        uint8_t *copy = malloc(sizeof bytes);
        memcpy(copy, bytes, sizeof bytes);
        for (size_t changes = 1 + check_random_below(run, 3); changes > 0; changes--)
            copy[check_random_below(run, sizeof bytes)] = (uint8_t)check_random(run);
        if (zipmap_open(&reader, copy, sizeof bytes, &count)) {
            for (; count > 0; count--)
                CHECK(zipmap_next(&reader, &field, &value));
            CHECK(!zipmap_next(&reader, &field, &value));
        }
        free(copy);
    }
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_the_numbers_and_texts_of_a_file_are_read),
        CHECK_TEST(test_an_empty_ziplist_has_no_element),
        CHECK_TEST(test_random_ziplists_are_read_as_they_were_written),
        CHECK_TEST(test_mutated_ziplists_are_refused_or_read_within_their_bytes),
        CHECK_TEST(test_the_pairs_of_a_zipmap_are_read),
        CHECK_TEST(test_zipmaps_that_are_not_whole_are_refused),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
