/* stream_support.h - what the tests of streams share: random entries, and reading them back. */
#ifndef FASTREDIS_TESTS_STREAM_SUPPORT_H
#define FASTREDIS_TESTS_STREAM_SUPPORT_H

#include "stream.h"

#include "check.h"

enum { TEXTS_MAX = 8, TEXT_BYTES = 200 };

/* Fields and values of one entry, in memory of their own. */
typedef struct texts {
    size_t count;
    slice slices[TEXTS_MAX];
    char bytes[TEXTS_MAX][TEXT_BYTES];
} texts;

static inline void random_text(check_run *run, texts *made, size_t index)
{
    static const char *const numbers[] = {
        "0", "127", "128", "-1", "-4096", "-4097", "4095", "4096", "32767", "-32769", "8388607",
        "-8388609", "2147483648", "-9223372036854775808", "9223372036854775807", "01", "-0", "",
        "9223372036854775808",
    };
    static const size_t lengths[] = {1, 5, 63, 64, 127, 130, TEXT_BYTES};
    char *bytes = made->bytes[index];
    size_t length;
    if (check_chance(run, 50)) {
        const char *number = numbers[check_random_below(run, CHECK_LENGTH(numbers))];
        length = strlen(number);
        memcpy(bytes, number, length);
    } else {
        length = lengths[check_random_below(run, CHECK_LENGTH(lengths))];
        check_random_bytes(run, bytes, length);
    }
    made->slices[index] = (slice){bytes, length};
}

/* Mostly two values under the fields `a` and `b`, sometimes other fields. */
static inline void random_texts(check_run *run, texts *made)
{
    bool usual = check_chance(run, 70);
    made->count = usual ? 4 : 2 * (1 + check_random_below(run, TEXTS_MAX / 2));
    for (size_t i = 0; i < made->count; i++) {
        random_text(run, made, i);
        if (usual && i % 2 == 0) {
            made->bytes[i][0] = i ? 'b' : 'a';
            made->slices[i].length = 1;
        }
    }
}

static inline void check_value(listpack_value value, slice expected)
{
    char digits[NUMBER_INT64_MAX_LENGTH];
    if (value.data)
        CHECK_BYTES(value.data, value.length, expected.data, expected.length);
    else
        CHECK_BYTES(digits, number_format_int64(digits, value.number), expected.data,
                    expected.length);
}

/* The entry that the walk stands at has these fields and values. */
static inline void check_entry_is(stream_walk *walk, const texts *expected)
{
    listpack_value field, value;
    CHECK_INT(walk->field_count * 2, expected->count);
    for (size_t i = 0; i < expected->count; i += 2) {
        CHECK(stream_walk_field(walk, &field, &value));
        check_value(field, expected->slices[i]);
        check_value(value, expected->slices[i + 1]);
    }
    CHECK(!stream_walk_field(walk, &field, &value));
}

static inline void free_stream(stream *s)
{
    while (!stream_free_some(s, 7))
        continue;
}

#endif
