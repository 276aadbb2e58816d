/* Tests of hash_rdb.h: payloads of real servers, hashes that are saved and loaded again in every
 * form, and damaged ones, which may be refused or read as something else, but never beyond the
 * bytes. */
#include "hash_rdb.h"

#include "alloc.h"
#include "check.h"

#define FIRST_MS INT64_C(1795187009915)

static collection_limits limits;
static fields_settings settings;

static void settings_make(check_run *run, size_t entries)
{
    hash_seed seed;
    for (int word = 0; word < 4; word++)
        seed.word[word] = check_random(run);
    limits.hash_entries = entries;
    limits.hash_value = 64;
    fields_settings_init(&settings, &limits, &seed);
}

static slice text_of(const char *text)
{
    return (slice){text, strlen(text)};
}

static entry *load(const char *payload, size_t length)
{
    rdb_reader reader;
    uint8_t type;
    if (!rdb_open_payload(&reader, payload, length) || !rdb_read_byte(&reader, &type))
        return NULL;
    return hash_load(&reader, type, text_of("key"), ENTRY_NO_DUE, &settings);
}

/* A body, signed. */
static entry *load_body(const char *body, size_t length, uint16_t version)
{
    rdb_writer writer;
    rdb_writer_init(&writer);
    rdb_write_bytes(&writer, body, length);
    rdb_write_footer_of(&writer, version);
    entry *e = load(writer.data, writer.length);
    rdb_writer_free(&writer);
    return e;
}

static void drop(entry *e)
{
    fields_free(e);
    entry_free(e);
}

static void check_field(const entry *e, const char *name, const char *value, int64_t due_ms)
{
    field_item item;
    CHECK(fields_find(e, text_of(name), -1, &item));
    CHECK_BYTES(item.value.data, item.value.length, value, strlen(value));
    CHECK_INT(item.due_ms, due_ms);
}

/* ---- what real servers write ---- */

typedef struct real_payload {
    const char *body;
    size_t length;
    uint16_t version;
    entry_encoding encoding;
    int64_t due_of_a, due_of_b;
} real_payload;

#define BODY(text) text, sizeof text - 1
#define PLAIN FIELD_NO_DUE, FIELD_NO_DUE

/* All hold a: 1, b: 2. */
static const real_payload real_payloads[] = {
    {BODY("\x04\x02\x01" "b\xc0\x02\x01" "a\xc0\x01"), 12, ENTRY_LISTPACK, PLAIN},
    {BODY("\x09\x0c\x02\x01" "a\x01\x00" "1\x01" "b\x01\x00" "2\xff"), 6, ENTRY_LISTPACK, PLAIN},
    {BODY("\x0d\x15\x15\x00\x00\x00\x12\x00\x00\x00\x04\x00\x00\x01" "a\x03\xf2\x02\x01" "b\x03\xf3"
          "\xff"), 9, ENTRY_LISTPACK, PLAIN},
    {BODY("\x10\x11\x11\x00\x00\x00\x04\x00\x81" "a\x02\x01\x01\x81" "b\x02\x02\x01\xff"), 10,
     ENTRY_LISTPACK, PLAIN},
    {BODY("\x16\x02\x81\x00\x00\x01\xa1\xf9\x7b\xe9\x7b\x01" "a\x01" "1\x00\x01" "b\x01" "2"), 12,
     ENTRY_LISTPACK_EX, FIRST_MS, FIELD_NO_DUE},
    {BODY("\x16\x02\x01" "a\xc0\x01\x7b\xe9\x7b\xf9\xa1\x01\x00\x00\x01" "b\xc0\x02"
          "\xff\xff\xff\xff\xff\xff\xff\xff"), 80, ENTRY_LISTPACK_EX, FIRST_MS, FIELD_NO_DUE},
    {BODY("\x17\x1d\x1d\x00\x00\x00\x06\x00\x81" "a\x02\x01\x01\xf4\x7b\xe9\x7b\xf9\xa1\x01\x00\x00"
          "\x09\x81" "b\x02\x02\x01\x00\x01\xff"), 12, ENTRY_LISTPACK_EX, FIRST_MS, FIELD_NO_DUE},
    {BODY("\x18\x7b\xe9\x7b\xf9\xa1\x01\x00\x00\x02\x41\xf5\x01" "b\xc0\x02\x01\x01"
          "a\xc0\x01"), 12, ENTRY_LISTPACK_EX, FIRST_MS, FIRST_MS + 500},
    {BODY("\x19\x7b\xe9\x7b\xf9\xa1\x01\x00\x00\x1d\x1d\x00\x00\x00\x06\x00\x81" "a\x02\x01\x01"
          "\xf4\x7b\xe9\x7b\xf9\xa1\x01\x00\x00\x09\x81" "b\x02\x02\x01\x00\x01\xff"), 12,
     ENTRY_LISTPACK_EX, FIRST_MS, FIELD_NO_DUE},
    /* In another order than that of the due times, which no server writes: it is put right. */
    {BODY("\x19\x7b\xe9\x7b\xf9\xa1\x01\x00\x00\x1d\x1d\x00\x00\x00\x06\x00\x81" "b\x02\x02\x01"
          "\x00\x01\x81" "a\x02\x01\x01\xf4\x7b\xe9\x7b\xf9\xa1\x01\x00\x00\x09\xff"), 12,
     ENTRY_LISTPACK_EX, FIRST_MS, FIELD_NO_DUE},
};

static void test_every_form_of_real_servers_is_read(check_run *run)
{
    for (size_t entries = 512; entries != 0; entries = entries == 512 ? 1 : 0) {
        settings_make(run, entries);
        for (size_t index = 0; index < CHECK_LENGTH(real_payloads); index++) {
            const real_payload *each = &real_payloads[index];
            entry *e = load_body(each->body, each->length, each->version);
            CHECK(e != NULL);
            CHECK_INT(fields_count(e), 2);
            check_field(e, "a", "1", each->due_of_a);
            check_field(e, "b", "2", each->due_of_b);
            bool has_dues = each->encoding == ENTRY_LISTPACK_EX;
            CHECK_INT(entry_get_encoding(e), entries == 512 ? each->encoding
                                             : has_dues     ? ENTRY_HASHTABLE_EX
                                                            : ENTRY_HASHTABLE);
            if (has_dues)
                CHECK_INT(fields_next_due(e), FIRST_MS);
            drop(e);
        }
    }
}

static void test_no_form_is_read_that_is_cut(check_run *run)
{
    settings_make(run, 512);
    for (size_t index = 0; index < CHECK_LENGTH(real_payloads); index++)
        for (size_t length = 1; length < real_payloads[index].length; length++)
            CHECK(load_body(real_payloads[index].body, length, real_payloads[index].version)
                  == NULL);
}

static void test_payloads_that_no_server_writes_are_refused(check_run *run)
{
    static const struct {
        const char *body;
        size_t length;
    } bad[] = {
        {BODY("\x04\x00")},                                              /* no field */
        {BODY("\x04\x02\x01" "a\x01" "1\x01" "a\x01" "2")},              /* a name twice */
        {BODY("\x04\x81\xff\xff\xff\xff\xff\xff\xff\xff")},              /* more than can be */
        {BODY("\x10\x07\x07\x00\x00\x00\x00\x00\xff")},                  /* no field */
        {BODY("\x10\x0a\x0a\x00\x00\x00\x01\x00\x81" "a\x02\xff")},      /* half a field */
        {BODY("\x10\x11\x11\x00\x00\x00\x04\x00\x81" "a\x02\x01\x01\x81" "a\x02\x02\x01\xff")},
        {BODY("\x18\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01\x01" "a\x01" "1")}, /* before 1970 */
        {BODY("\x18\xff\xff\xff\xff\xff\xff\x00\x00\x01\x01\x01" "a\x01" "1")}, /* too late */
        {BODY("\x19\x00\x00\x00\x00\x00\x00\x00\x00\x07\x07\x00\x00\x00\x00\x00\xff")},
        /* A due time that is a text, and one below zero. */
        {BODY("\x17\x0f\x0f\x00\x00\x00\x03\x00\x81" "a\x02\x01\x01\x81" "x\x02\xff")},
        {BODY("\x17\x0f\x0f\x00\x00\x00\x03\x00\x81" "a\x02\x01\x01\xdf\xff\x02\xff")},
    };
    settings_make(run, 512);
    for (size_t index = 0; index < CHECK_LENGTH(bad); index++)
        CHECK(load_body(bad[index].body, bad[index].length, 12) == NULL);
}

/* ---- there and back ---- */

static slice draw_text(check_run *run, char *to)
{
    if (check_chance(run, 40)) {
        int64_t number = (int64_t)(check_random(run) >> check_random_below(run, 64));
        return (slice){to, number_format_int64(to, number)};
    }
    size_t length = check_random_below(run, check_chance(run, 90) ? 30 : 300);
    check_random_bytes(run, to, length);
    if (check_chance(run, 20))
        memset(to, 'x', length); /* to be compressed */
    return (slice){to, length};
}

static entry *draw_hash(check_run *run)
{
    entry *e = fields_new(text_of("key"), ENTRY_NO_DUE);
    bool with_dues = check_chance(run, 50);
    for (uint64_t left = 1 + check_random_below(run, 20); left > 0; left--) {
        char name_bytes[300], value_bytes[300];
        slice name = draw_text(run, name_bytes), value = draw_text(run, value_bytes);
        fields_set(e, name, value, false, -1, &settings);
        if (with_dues)
            fields_allow_dues(e);
        if (with_dues && check_chance(run, 50)) {
            uint64_t due_ms = check_random(run) >> (16 + check_random_below(run, 30));
            fields_set_due(e, name, (int64_t)due_ms % FIELD_DUE_MAX + 1);
        }
    }
    return e;
}

static void check_equal(const entry *e, const entry *other)
{
    fields_iterator iterator;
    field_item item, found;
    CHECK_INT(fields_count(e), fields_count(other));
    fields_iterate(&iterator, e, -1);
    while (fields_next(&iterator, &item)) {
        CHECK(fields_find(other, item.name, -1, &found));
        CHECK_BYTES(found.value.data, found.value.length, item.value.data, item.value.length);
        CHECK_INT(found.due_ms, item.due_ms);
    }
}

/* What has been read of damaged bytes is a hash like any other. */
static void use(check_run *run, entry *e)
{
    fields_draw draw;
    random_state random;
    field_item item;
    CHECK_INT(fields_bytes(e) > 0, true);
    fields_draw_begin(&draw, e, FIRST_MS, 10, check_chance(run, 50));
    random_seed(&random, 1);
    while (fields_draw_next(&draw, &random, &item))
        CHECK(fields_find(e, item.name, FIRST_MS, &item));
    fields_draw_end(&draw);
    fields_allow_dues(e);
    fields_set(e, text_of("new"), text_of("v"), false, FIRST_MS, &settings);
    fields_set_due(e, text_of("new"), 1);
    CHECK(fields_expire(e, FIRST_MS, SIZE_MAX) >= 1);
}

static void damage(check_run *run, rdb_writer *writer)
{
    size_t body = writer->length - RDB_FOOTER_BYTES;
    for (uint64_t flips = 1 + check_random_below(run, 3); flips > 0; flips--) {
        size_t at = check_chance(run, 90) ? 1 + check_random_below(run, body - 1) : 0;
        writer->data[at] ^= (char)(1 << check_random_below(run, 8));
    }
    writer->length = check_chance(run, 20) ? 1 + check_random_below(run, body) : body;
    rdb_write_footer_of(writer, check_chance(run, 10) ? RDB_VERSION_VALKEY : 12);
}

static void test_saved_hashes_come_back_and_damaged_ones_do_no_harm(check_run *run)
{
    uint64_t iterations = check_iterations(run, 20000);
    size_t before = alloc_used_bytes();
    for (uint64_t step = 0; step < iterations; step++) {
        rdb_writer writer;
        settings_make(run, check_chance(run, 50) ? 512 : 6);
        entry *e = draw_hash(run);
        rdb_writer_init(&writer);
        hash_save(&writer, e);
        bool has_dues = entry_has_field_dues(e) && fields_next_due(e) != FIELD_NO_DUE;
        CHECK_INT(hash_save_version(e) == 12, has_dues);
        rdb_write_footer_of(&writer, hash_save_version(e));
        entry *again = load(writer.data, writer.length);
        CHECK(again != NULL);
        check_equal(e, again);
        drop(again);
        drop(e);
        damage(run, &writer);
        again = load(writer.data, writer.length);
        if (again != NULL) {
            use(run, again);
            drop(again);
        }
        rdb_writer_free(&writer);
        CHECK_INT(alloc_used_bytes(), before);
    }
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_every_form_of_real_servers_is_read),
        CHECK_TEST(test_no_form_is_read_that_is_cut),
        CHECK_TEST(test_payloads_that_no_server_writes_are_refused),
        CHECK_TEST(test_saved_hashes_come_back_and_damaged_ones_do_no_harm),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
