/* Tests of listpack: bytes that a real server has written, an array of texts as oracle for random
 * sequences of changes, and damaged bytes in blocks of their exact size. */
#include "listpack.h"

#include "check.h"
#include "listpack_cursor.h"

static slice text_of(const char *text)
{
    return (slice){text, strlen(text)};
}

static void check_text(const uint8_t *at, slice expected)
{
    char digits[NUMBER_INT64_MAX_LENGTH];
    CHECK(at != NULL);
    slice text = listpack_text(at, digits);
    CHECK_BYTES(text.data, text.length, expected.data, expected.length);
    CHECK(listpack_equals(at, expected));
}

/* ---- bytes of a real server: HSET h TEXT ! and DUMP ---- */

typedef struct encoded_text {
    const char *text;
    const char *bytes; /* of the whole listpack, in hexadecimal */
} encoded_text;

static const encoded_text real_bytes[] = {
    {"0", "0c00000002000001812102ff"},
    {"127", "0c00000002007f01812102ff"},
    {"128", "0d0000000200c08002812102ff"},
    {"-1", "0d0000000200dfff02812102ff"},
    {"4095", "0d0000000200cfff02812102ff"},
    {"-4096", "0d0000000200d00002812102ff"},
    {"4096", "0e0000000200f1001003812102ff"},
    {"-4097", "0e0000000200f1ffef03812102ff"},
    {"32767", "0e0000000200f1ff7f03812102ff"},
    {"-32768", "0e0000000200f1008003812102ff"},
    {"32768", "0f0000000200f200800004812102ff"},
    {"8388607", "0f0000000200f2ffff7f04812102ff"},
    {"-8388608", "0f0000000200f200008004812102ff"},
    {"8388608", "100000000200f30000800005812102ff"},
    {"2147483647", "100000000200f3ffffff7f05812102ff"},
    {"-2147483648", "100000000200f30000008005812102ff"},
    {"2147483648", "140000000200f4000000800000000009812102ff"},
    {"9223372036854775807", "140000000200f4ffffffffffffff7f09812102ff"},
    {"-9223372036854775808", "140000000200f4000000000000008009812102ff"},
    {"9223372036854775808",
     "1f0000000200933932323333373230333638353437373538303814812102ff"},
    {"-0", "0e0000000200822d3003812102ff"},
    {"01", "0e000000020082303103812102ff"},
    {"+1", "0e0000000200822b3103812102ff"},
    {"", "0c00000002008001812102ff"},
    {"a", "0d0000000200816102812102ff"},
};

static size_t from_hexadecimal(const char *hexadecimal, uint8_t *out)
{
    size_t length = strlen(hexadecimal) / 2;
    for (size_t index = 0; index < length; index++) {
        unsigned byte;
        CHECK(sscanf(hexadecimal + 2 * index, "%2x", &byte) == 1);
        out[index] = (uint8_t)byte;
    }
    return length;
}

static void test_texts_and_numbers_have_the_bytes_of_a_real_server(check_run *run)
{
    (void)run;
    for (size_t index = 0; index < CHECK_LENGTH(real_bytes); index++) {
        uint8_t expected[64];
        size_t length = from_hexadecimal(real_bytes[index].bytes, expected);
        slice text = text_of(real_bytes[index].text);
        listpack *lp = listpack_append(listpack_new(), text);
        lp = listpack_append(lp, text_of("!"));
        CHECK_BYTES(lp, listpack_bytes(lp), expected, length);
        CHECK(listpack_check(lp, length));
        check_text(listpack_first(lp), text);
        check_text(listpack_last(lp), text_of("!"));
        CHECK_POINTER(listpack_previous(lp, listpack_last(lp)), listpack_first(lp));
        CHECK_POINTER(listpack_find(lp, listpack_first(lp), text, 1), listpack_first(lp));
        CHECK_INT(listpack_element_bytes(listpack_first(lp)), listpack_encoded_bytes(text));
        listpack_free(lp);
    }
}

/* The last element is `text`: the cursor walks over it to the end, and writes the same bytes. */
static void check_cursor(const listpack *lp, slice text)
{
    const uint8_t *last = listpack_last(lp), *at = last;
    listpack_value value = listpack_take(&at);
    CHECK_BYTES(value.data, value.length, text.data, text.length);
    CHECK(listpack_ends(at));
    CHECK_POINTER(listpack_before(at), last);
    uint8_t *written = malloc(listpack_text_room(text.length));
    CHECK(written != NULL);
    uint8_t *end = listpack_put_text(written, text);
    CHECK_BYTES(written, (size_t)(end - written), last, (size_t)(at - last));
    free(written);
}

/* Headers and back lengths at the borders, observed in the same way. */
static void test_long_texts_have_the_headers_of_a_real_server(check_run *run)
{
    static const struct {
        size_t length;
        const char *head, *back;
    } borders[] = {
        {63, "bf", "40"},
        {64, "e040", "42"},
        {125, "e07d", "7f"},
        {126, "e07e", "0180"},
        {4095, "efff", "2081"},
        {4096, "f000100000", "2085"},
        {16377, "f0f93f0000", "7ffe"},
        {16378, "f0fa3f0000", "00ffff"},
        {16379, "f0fb3f0000", "018080"},
        {2097146, "f0faff1f00", "00ffffff"},
        {2097147, "f0fbff1f00", "01808080"},
    };
    (void)run;
    for (size_t index = 0; index < CHECK_LENGTH(borders); index++) {
        uint8_t head[8], back[8];
        size_t length = borders[index].length;
        size_t head_length = from_hexadecimal(borders[index].head, head);
        size_t back_length = from_hexadecimal(borders[index].back, back);
        char *text = malloc(length);
        CHECK(text != NULL);
        memset(text, 'x', length);
        listpack *lp = listpack_append(listpack_new(), text_of("before"));
        lp = listpack_append(lp, (slice){text, length});
        uint8_t *at = listpack_last(lp);
        CHECK_INT(listpack_element_bytes(at), head_length + length + back_length);
        CHECK_BYTES(at, head_length, head, head_length);
        CHECK_BYTES(at + head_length + length, back_length, back, back_length);
        check_text(at, (slice){text, length});
        check_text(listpack_previous(lp, at), text_of("before"));
        CHECK_POINTER(listpack_find(lp, listpack_first(lp), (slice){text, length}, 1), at);
        CHECK(listpack_check(lp, listpack_bytes(lp)));
        check_cursor(lp, (slice){text, length});
        listpack_free(lp);
        free(text);
    }
}

static void test_an_empty_listpack_has_no_positions(check_run *run)
{
    listpack *lp = listpack_new();
    (void)run;
    CHECK_BYTES(lp, listpack_bytes(lp), "\7\0\0\0\0\0\xff", 7);
    CHECK_INT(listpack_count(lp), 0);
    CHECK_POINTER(listpack_first(lp), NULL);
    CHECK_POINTER(listpack_last(lp), NULL);
    CHECK_POINTER(listpack_at(lp, 0), NULL);
    CHECK_POINTER(listpack_at(lp, -1), NULL);
    CHECK_POINTER(listpack_find(lp, listpack_first(lp), text_of("a"), 1), NULL);
    listpack_free(lp);
}

static void test_find_looks_at_each_step_th_element_only(check_run *run)
{
    static const char *const words[] = {"field", "7", "7", "field", "other", "x"};
    listpack *lp = listpack_new();
    (void)run;
    for (size_t index = 0; index < CHECK_LENGTH(words); index++)
        lp = listpack_append(lp, text_of(words[index]));
    uint8_t *first = listpack_first(lp), *second = listpack_next(lp, first);
    CHECK_POINTER(listpack_find(lp, first, text_of("field"), 2), first);
    CHECK_POINTER(listpack_find(lp, first, text_of("7"), 2), listpack_at(lp, 2));
    CHECK_POINTER(listpack_find(lp, first, text_of("7"), 1), second);
    CHECK_POINTER(listpack_find(lp, second, text_of("field"), 2), listpack_at(lp, 3));
    CHECK_POINTER(listpack_find(lp, first, text_of("x"), 2), NULL);
    CHECK_POINTER(listpack_find(lp, first, text_of("other"), 4), listpack_at(lp, 4));
    CHECK_POINTER(listpack_find(lp, first, text_of("fiel"), 1), NULL);
    CHECK_POINTER(listpack_find(lp, first, (slice){NULL, 0}, 1), NULL);
    listpack_free(lp);
}

/* A stranger may store a number wider than need be, or a number as text: it still is what it is. */
static void test_what_a_stranger_stored_wider_is_found_all_the_same(check_run *run)
{
    static const uint8_t bytes[] = {
        0x1d, 0, 0, 0, 5, 0,
        0xf4, 5, 0, 0, 0, 0, 0, 0, 0, 9,    /* 5 in 64 bits */
        0x81, '7', 2,                       /* 7 as text */
        0xe0, 1, 'a', 3,                    /* a text with a longer header */
        0xf1, 0xff, 0xff, 3,                /* -1 in 16 bits */
        0x80, 1,
        0xff,
    };
    listpack *lp = listpack_of_bytes(bytes, sizeof bytes);
    (void)run;
    lp[0] = sizeof bytes;
    CHECK(listpack_check(lp, sizeof bytes));
    static const char *const texts[] = {"5", "7", "a", "-1", ""};
    for (int64_t index = 0; index < 5; index++) {
        slice text = text_of(texts[index]);
        check_text(listpack_at(lp, index), text);
        CHECK_POINTER(listpack_find(lp, listpack_first(lp), text, 1), listpack_at(lp, index));
    }
    listpack_free(lp);
}

/* The count has 16 bits: from 65535 on it is not known, and elements are counted. */
static void test_counts_beyond_sixteen_bits_are_walked(check_run *run)
{
    listpack *lp = listpack_new(), *more = listpack_new();
    (void)run;
    for (int index = 0; index < 3; index++)
        more = listpack_append_number(more, index);
    for (int doubled = 0; doubled < 15; doubled++) { /* 1, 3, 7 ... 32767 elements */
        listpack *same = listpack_copy(lp);
        lp = listpack_append_number(listpack_append_all(lp, same), 0);
        listpack_free(same);
    }
    listpack_position at = listpack_first(lp);
    lp = listpack_remove(lp, &at, 1);
    listpack *same = listpack_copy(lp);
    lp = listpack_append_number(listpack_append_all(lp, same), 0);
    listpack_free(same);
    CHECK_INT(load_u16(lp + 4), 65533);
    lp = listpack_append_number(lp, 1);
    CHECK_INT(listpack_count(lp), 65534);
    lp = listpack_append_number(lp, 2);
    CHECK_INT(load_u16(lp + 4), LISTPACK_COUNT_UNKNOWN);
    CHECK_INT(listpack_count(lp), 65535);
    lp = listpack_append_all(lp, more);
    CHECK_INT(listpack_count(lp), 65538);
    check_text(listpack_at(lp, -4), text_of("2"));
    check_text(listpack_at(lp, 65535), text_of("0"));
    CHECK_POINTER(listpack_at(lp, 65538), NULL);
    CHECK_POINTER(listpack_at(lp, -65539), NULL);
    check_text(listpack_at(lp, -65538), text_of("0"));
    CHECK(listpack_check(lp, listpack_bytes(lp)));
    at = listpack_first(lp);
    lp = listpack_remove(lp, &at, 65000);
    CHECK_INT(listpack_count(lp), 538);
    CHECK(listpack_check(lp, listpack_bytes(lp)));
    listpack_free(lp);
    listpack_free(more);
}

/* ---- random changes against an array of texts ---- */

typedef struct oracle {
    char *texts[400];
    size_t lengths[400];
    size_t count;
} oracle;

static slice oracle_at(const oracle *o, size_t index)
{
    return (slice){o->texts[index], o->lengths[index]};
}

static void oracle_insert(oracle *o, size_t index, slice text)
{
    memmove(o->texts + index + 1, o->texts + index, (o->count - index) * sizeof *o->texts);
    memmove(o->lengths + index + 1, o->lengths + index, (o->count - index) * sizeof *o->lengths);
    o->texts[index] = malloc(text.length + 1);
    CHECK(o->texts[index] != NULL);
    memcpy(o->texts[index], text.data, text.length);
    o->lengths[index] = text.length;
    o->count++;
}

static void oracle_remove(oracle *o, size_t index, size_t count)
{
    for (size_t i = index; i < index + count; i++)
        free(o->texts[i]);
    o->count -= count;
    size_t behind = o->count - index;
    memmove(o->texts + index, o->texts + index + count, behind * sizeof *o->texts);
    memmove(o->lengths + index, o->lengths + index + count, behind * sizeof *o->lengths);
}

/* Small numbers, numbers of any width, almost numbers, short and long texts. */
static slice random_text(check_run *run, char *buffer)
{
    size_t length = 0;
    switch (check_random_below(run, 8)) {
    case 0:
        length = number_format_int64(buffer, (int64_t)check_random_below(run, 20) - 5);
        break;
    case 1:
    case 2:
        length = number_format_int64(
            buffer, (int64_t)check_random(run) >> check_random_below(run, 64));
        break;
    case 3:
        length = number_format_uint64(buffer, check_random(run));
        buffer[check_random_below(run, length)] = "-0+ 9a"[check_random_below(run, 6)];
        break;
    case 4:
        length = check_random_below(run, 40) == 0 ? check_random_below(run, 20000)
                                                  : check_random_below(run, 300);
        check_random_bytes(run, buffer, length);
        break;
    default:
        length = check_random_below(run, 4);
        for (size_t index = 0; index < length; index++)
            buffer[index] = "ab"[check_random_below(run, 2)];
    }
    return (slice){buffer, length};
}

static void check_same(check_run *run, const listpack *lp, const oracle *o)
{
    CHECK(listpack_check(lp, listpack_bytes(lp)));
    CHECK_INT(listpack_count(lp), o->count);
    const uint8_t *at = listpack_first(lp);
    for (size_t index = 0; index < o->count; index++, at = listpack_next(lp, at)) {
        check_text(at, oracle_at(o, index));
        CHECK_POINTER(listpack_at(lp, (int64_t)index), at);
        CHECK_POINTER(listpack_at(lp, (int64_t)index - (int64_t)o->count), at);
    }
    CHECK_POINTER(at, NULL);
    at = listpack_last(lp);
    for (size_t index = o->count; index > 0; index--, at = listpack_previous(lp, at))
        check_text(at, oracle_at(o, index - 1));
    CHECK_POINTER(at, NULL);
    char buffer[20100];
    slice wanted = random_text(run, buffer);
    size_t step = 1 + check_random_below(run, 3), from = 0;
    if (o->count > 0)
        from = check_random_below(run, o->count);
    size_t expected = from;
    while (expected < o->count
           && (o->lengths[expected] != wanted.length
               || memcmp(o->texts[expected], wanted.data, wanted.length) != 0))
        expected += step;
    const uint8_t *found = listpack_find(lp, listpack_at(lp, (int64_t)from), wanted, step);
    CHECK_POINTER(found, expected < o->count ? listpack_at(lp, (int64_t)expected) : NULL);
}

static listpack *change_once(check_run *run, listpack *lp, oracle *o, char *buffer)
{
    size_t index = check_random_below(run, o->count + 1), count;
    listpack_position at = index < o->count ? listpack_at(lp, (int64_t)index) : NULL, placed;
    slice text = random_text(run, buffer);
    int64_t number;
    bool is_number = number_parse_int64(text.data, text.length, &number);
    switch (check_random_below(run, o->count > 30 ? 6 : 4)) {
    case 0:
    case 1:
        lp = is_number && check_chance(run, 50) ? listpack_insert_number(lp, at, number, &placed)
                                                : listpack_insert(lp, at, text, &placed);
        oracle_insert(o, index, text);
        check_text(placed, text);
        break;
    case 2:
        if (at == NULL)
            break;
        lp = is_number && check_chance(run, 50) ? listpack_replace_number(lp, &at, number)
                                                : listpack_replace(lp, &at, text);
        oracle_remove(o, index, 1);
        oracle_insert(o, index, text);
        check_text(at, text);
        break;
    case 3:
        if (check_chance(run, 50)) {
            lp = listpack_prepend(lp, text);
            oracle_insert(o, 0, text);
        } else {
            lp = is_number ? listpack_append_number(lp, number) : listpack_append(lp, text);
            oracle_insert(o, o->count, text);
        }
        break;
    default:
        if (at == NULL)
            break;
        count = 1 + check_random_below(run, 6);
        lp = listpack_remove(lp, &at, count);
        oracle_remove(o, index, count < o->count - index ? count : o->count - index);
        CHECK_POINTER(at, index < o->count ? listpack_at(lp, (int64_t)index) : NULL);
    }
    return lp;
}

static void test_random_changes_agree_with_an_array_of_texts(check_run *run)
{
    uint64_t iterations = check_iterations(run, 300);
    for (uint64_t i = 0; i < iterations; i++) {
        listpack *lp = listpack_new();
        oracle o = {.count = 0};
        char buffer[20100];
        for (size_t changes = check_random_below(run, 120); changes > 0; changes--) {
            lp = change_once(run, lp, &o, buffer);
            if (check_chance(run, 10))
                check_same(run, lp, &o);
        }
        check_same(run, lp, &o);
        listpack *copy = listpack_copy(lp);
        copy = listpack_append_all(copy, lp);
        CHECK_INT(listpack_count(copy), 2 * o.count);
        CHECK(listpack_check(copy, listpack_bytes(copy)));
        if (o.count > 0) {
            listpack_position at = listpack_at(copy, (int64_t)o.count);
            copy = listpack_remove(copy, &at, SIZE_MAX);
            CHECK_POINTER(at, NULL);
            CHECK_BYTES(copy, listpack_bytes(copy), lp, listpack_bytes(lp));
        }
        listpack_free(copy);
        listpack_free(lp);
        oracle_remove(&o, 0, o.count);
    }
}

static void test_changes_in_place_make_the_same_bytes(check_run *run)
{
    uint64_t iterations = check_iterations(run, 300);
    for (uint64_t i = 0; i < iterations; i++) {
        listpack *lp = listpack_new();
        size_t capacity = 60000;
        uint8_t *block = malloc(capacity);
        CHECK(block != NULL);
        listpack_init_in_place(block);
        for (size_t changes = check_random_below(run, 60); changes > 0; changes--) {
            char buffer[20100];
            slice text = random_text(run, buffer);
            size_t count = listpack_count(lp);
            int64_t index = (int64_t)check_random_below(run, count + 1);
            listpack_position at = listpack_at(lp, index), placed = NULL;
            listpack_position in_block = listpack_at(block, index);
            if (at != NULL && check_chance(run, 40)) {
                size_t gone = 1 + check_random_below(run, 3);
                lp = listpack_remove(lp, &at, gone);
                listpack_remove_in_place(block, &in_block, gone);
                CHECK_INT(in_block == NULL, at == NULL);
                CHECK(at == NULL || in_block - block == at - lp);
            } else if (listpack_bytes(block) + listpack_encoded_bytes(text) <= capacity) {
                lp = listpack_insert(lp, at, text, NULL);
                listpack_insert_in_place(block, in_block, text, &placed);
                check_text(placed, text);
            }
            CHECK_BYTES(block, listpack_bytes(block), lp, listpack_bytes(lp));
        }
        free(block);
        listpack_free(lp);
    }
}

/* The calls of owners with room in front as well: the listpack wanders through its block. */
static void test_changes_at_the_front_in_place_make_the_same_bytes(check_run *run)
{
    enum { CAPACITY = 1 << 20 };
    uint8_t *block = malloc(CAPACITY);
    CHECK(block != NULL);
    for (uint64_t i = check_iterations(run, 200); i > 0; i--) {
        listpack *lp = listpack_new(), *wandering = block + CAPACITY / 2;
        listpack_init_in_place(wandering);
        for (size_t changes = check_random_below(run, 20); changes > 0; changes--) {
            char buffer[20100];
            slice text = random_text(run, buffer);
            listpack_position first = listpack_first(lp);
            unsigned draw = (unsigned)check_random_below(run, 4);
            if (first == NULL || draw == 0) {
                lp = listpack_prepend(lp, text);
                wandering = listpack_prepend_in_place(wandering, text);
            } else if (draw == 1) {
                lp = listpack_remove(lp, &first, 1);
                wandering = listpack_drop_first_in_place(wandering);
            } else if (draw == 2) {
                size_t offset = (size_t)(listpack_last(lp) - lp);
                listpack_position last = lp + offset;
                lp = listpack_replace(lp, &last, text);
                listpack_replace_in_place(wandering, wandering + offset, text);
            } else if (listpack_bytes(lp) < 20000) {
                listpack *twice = listpack_copy(lp);
                lp = listpack_append_all(lp, twice);
                listpack_append_all_in_place(wandering, twice);
                listpack_free(twice);
            }
            CHECK_BYTES(wandering, listpack_bytes(wandering), lp, listpack_bytes(lp));
        }
        listpack_set_header(wandering, listpack_bytes(lp), listpack_count(lp));
        CHECK_BYTES(wandering, listpack_bytes(wandering), lp, listpack_bytes(lp));
        listpack_free(lp);
    }
    free(block);
}

/* ---- bytes from outside ---- */

/* Whatever listpack_check accepts can be walked both ways without leaving the block, and counts as
 * it says. */
static void walk_accepted(const listpack *lp, size_t length)
{
    char digits[NUMBER_INT64_MAX_LENGTH];
    size_t count = 0, back = 0;
    for (const uint8_t *at = listpack_first(lp); at != NULL; at = listpack_next(lp, at)) {
        slice text = listpack_text(at, digits);
        CHECK(listpack_equals(at, text));
        CHECK(text.length < length || text.data == digits);
        count++;
    }
    for (const uint8_t *at = listpack_last(lp); at != NULL; at = listpack_previous(lp, at))
        back++;
    CHECK_INT(count, back);
    CHECK_INT(listpack_count(lp), count);
}

static void test_damaged_bytes_are_refused_or_can_be_walked(check_run *run)
{
    uint64_t iterations = check_iterations(run, 30000), accepted = 0, refused = 0;
    for (uint64_t i = 0; i < iterations; i++) {
        listpack *lp = listpack_new();
        char buffer[20100];
        for (size_t count = check_random_below(run, 8); count > 0; count--)
            lp = listpack_append(lp, random_text(run, buffer));
        size_t length = listpack_bytes(lp);
        uint8_t *bytes = malloc(length + 8);
        CHECK(bytes != NULL);
        memcpy(bytes, lp, length);
        memset(bytes + length, 0xff, 8);
        if (check_chance(run, 90))
            for (size_t damage = 1 + check_random_below(run, 3); damage > 0; damage--)
                bytes[check_random_below(run, length)] ^= 1 << check_random_below(run, 8);
        if (check_chance(run, 10))
            length = check_random_below(run, length + 8);
        uint8_t *exact = malloc(length > 0 ? length : 1);
        CHECK(exact != NULL);
        memcpy(exact, bytes, length);
        if (listpack_check(exact, length)) {
            walk_accepted(exact, length);
            accepted++;
        } else {
            refused++;
        }
        free(exact);
        free(bytes);
        listpack_free(lp);
    }
    CHECK(accepted > iterations / 20 && refused > iterations / 20);
}

static void test_each_kind_of_damage_is_refused(check_run *run)
{
    static const struct {
        const char *story, *bytes;
    } damaged[] = {
        {"whole", "0d0000000200c08002812102ff"},
        {"too short for a header", "070000000000"},
        {"total is not the length", "0e0000000200c08002812102ff"},
        {"no end mark", "0d0000000200c0800281210200"},
        {"count too high", "0d0000000300c08002812102ff"},
        {"count too low", "0d0000000100c08002812102ff"},
        {"back length wrong", "0d0000000200c08003812102ff"},
        {"back length in more bytes than need be", "0e0000000200c0800082812102ff"},
        {"reserved encoding", "0d0000000200f58002812102ff"},
        {"end mark too early", "0d0000000200ff8002812102ff"},
        {"text reaches over the end", "0d0000000200c08002872102ff"},
        {"32-bit length reaches over the end", "0f0000000100f0ffffffff21212102ff"},
        {"number reaches over the end", "0a0000000100f40909ff"},
    };
    (void)run;
    for (size_t index = 0; index < CHECK_LENGTH(damaged); index++) {
        uint8_t bytes[64];
        size_t length = from_hexadecimal(damaged[index].bytes, bytes);
        uint8_t *exact = malloc(length);
        CHECK(exact != NULL);
        memcpy(exact, bytes, length);
        if (listpack_check(exact, length) != (index == 0)) {
            fprintf(stderr, "%s\n", damaged[index].story);
            CHECK(!"accepted what is damaged, or refused what is whole");
        }
        free(exact);
    }
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_texts_and_numbers_have_the_bytes_of_a_real_server),
        CHECK_TEST(test_long_texts_have_the_headers_of_a_real_server),
        CHECK_TEST(test_an_empty_listpack_has_no_positions),
        CHECK_TEST(test_find_looks_at_each_step_th_element_only),
        CHECK_TEST(test_what_a_stranger_stored_wider_is_found_all_the_same),
        CHECK_TEST(test_counts_beyond_sixteen_bits_are_walked),
        CHECK_TEST(test_random_changes_agree_with_an_array_of_texts),
        CHECK_TEST(test_changes_in_place_make_the_same_bytes),
        CHECK_TEST(test_changes_at_the_front_in_place_make_the_same_bytes),
        CHECK_TEST(test_damaged_bytes_are_refused_or_can_be_walked),
        CHECK_TEST(test_each_kind_of_damage_is_refused),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
