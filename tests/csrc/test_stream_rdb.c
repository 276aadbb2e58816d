/* Tests of stream_rdb: what is written is read back the same, payloads of real servers are read in
 * all their forms, and whatever is cut off or changed is refused or harmless. */
#include "stream_rdb.h"

#include "stream_groups.h"
#include "stream_support.h"

/* A stream whose every part is random: deleted entries, groups, consumers, pending entries. */
static stream *random_stream(check_run *run)
{
    collection_limits limits = {.stream_entries = 1 + check_random_below(run, 20)};
    stream *s = stream_new();
    stream_id ids[40];
    size_t count = check_random_below(run, CHECK_LENGTH(ids));
    texts entry;
    for (size_t i = 0; i < count; i++) {
        ids[i] = (stream_id){s->last_id.ms + check_random_below(run, 3), s->last_id.seq + 1};
        random_texts(run, &entry);
        stream_append(s, ids[i], entry.slices, entry.count, &limits);
    }
    for (size_t i = 0; i < count; i++)
        if (check_chance(run, 20) && stream_delete(s, ids[i]))
            stream_note_deleted(s, ids[i]);
    for (uint64_t i = check_random_below(run, 4); i > 0; i--) {
        char name[] = {'g', (char)('0' + i)};
        stream_group *group = stream_group_create(s, (slice){name, 2}, s->last_id, (int64_t)i - 2);
        for (uint64_t j = check_random_below(run, 4); j > 0; j--) {
            char digits[] = {'1', (char)('0' + j)};
            stream_consumer *consumer =
                stream_consumer_create(group, (slice){digits, 2}, (int64_t)check_random(run));
            for (size_t k = 0; k < count; k++)
                if (check_chance(run, 30))
                    stream_pending_add(group, consumer, ids[k], (int64_t)check_random(run), k);
        }
    }
    return s;
}

static stream *read_all(const void *bytes, size_t length)
{
    rdb_reader reader = {.at = bytes, .end = (const uint8_t *)bytes + length};
    uint8_t type;
    stream *s;
    if (!rdb_read_byte(&reader, &type))
        return NULL;
    s = stream_load(&reader, type);
    if (s && reader.at != reader.end) {
        free_stream(s);
        return NULL;
    }
    return s;
}

static void test_what_was_written_is_read_back_the_same(check_run *run)
{
    size_t used = alloc_used_bytes();
    for (uint64_t round = check_iterations(run, 400); round > 0; round--) {
        stream *s = random_stream(run);
        rdb_writer first, second;
        rdb_writer_init(&first);
        rdb_writer_init(&second);
        stream_save(&first, s);
        size_t bytes = stream_bytes(s);
        stream *read = read_all(first.data, first.length);
        CHECK(read);
        CHECK(stream_bytes(read) <= bytes + 64 * 40);
        stream_save(&second, read);
        CHECK_BYTES(second.data, second.length, first.data, first.length);
        for (size_t cut = 0; cut < first.length; cut += 1 + first.length / 200)
            CHECK(!read_all(first.data, cut));
        rdb_writer_free(&first);
        rdb_writer_free(&second);
        free_stream(s);
        free_stream(read);
    }
    CHECK_INT(alloc_used_bytes(), used);
}

/* Everything that a client can ask of a stream. */
static void use(stream *s)
{
    collection_limits limits = {.stream_entries = 100, .stream_bytes = 4096};
    slice entry[] = {{"f", 1}, {"v", 1}};
    listpack_value field, value;
    stream_iterator iterator;
    uint64_t entries = 0;
    stream_id id = s->last_id;
    int64_t lag;
    for (int reverse = 0; reverse < 2; reverse++) {
        stream_iterate(&iterator, s, STREAM_ID_MIN, STREAM_ID_MAX, reverse);
        for (; stream_next(&iterator); entries++)
            while (stream_walk_field(&iterator.walk, &field, &value))
                continue;
    }
    CHECK_INT(entries, 2 * s->length);
    for (uint32_t i = 0; i < s->groups.count; i++) {
        stream_group *group = stream_group_at(s, i);
        stream_group_lag(s, group, &lag);
        for (id_map_cursor at = id_map_begin(&group->pending); at.node; id_map_next(&at))
            CHECK(((stream_pending *)id_map_value(at))->consumer->name.data);
        if (group->consumers.count)
            stream_consumer_remove(group, stream_consumer_at(group, 0));
        while (group->pending.count)
            CHECK(stream_pending_remove(group, id_map_id(id_map_begin(&group->pending))));
    }
    stream_radix_nodes(s);
    if (stream_id_increase(&id))
        CHECK_INT(stream_append(s, id, entry, 2, &limits), STREAM_DONE);
    if (stream_edge(s, true, &id) && stream_delete(s, id))
        stream_note_deleted(s, id);
    stream_trim trim = {.by_length = true, .max_length = 1};
    stream_trim_to(s, &trim);
}

static void test_damaged_streams_are_refused_or_harmless(check_run *run)
{
    size_t used = alloc_used_bytes(), accepted = 0;
    rdb_writer writer;
    rdb_writer_init(&writer);
    for (uint64_t round = check_iterations(run, 25000); round > 0; round--) {
        if (round % 40 == 0 || !writer.length) {
            stream *s = random_stream(run);
            rdb_writer_free(&writer);
            stream_save(&writer, s);
            free_stream(s);
        }
        char *copy = malloc(writer.length);
        memcpy(copy, writer.data, writer.length);
        if (check_chance(run, 30))
            copy[0] = check_chance(run, 50) ? RDB_TYPE_STREAM_1 : RDB_TYPE_STREAM_2;
        for (uint64_t hits = 1 + check_random_below(run, 3); hits > 0; hits--) {
            char *at = &copy[check_random_below(run, writer.length)];
            *at = check_chance(run, 50) ? (char)check_random(run)
                                        : (char)(*at ^ 1 << check_random_below(run, 8));
        }
        stream *read = read_all(copy, writer.length);
        if (read) {
            accepted++;
            use(read);
            free_stream(read);
        }
        free(copy);
    }
    rdb_writer_free(&writer);
    CHECK(accepted > 100);
    CHECK_INT(alloc_used_bytes(), used);
}

/* One entry, one group `grp` with consumer `alice`, who has that entry pending. The numbers behind
 * the nodes differ by type. */
static const char NODES[] =
    "\x01\x10\0\0\0\0\0\0\x03\xe8\0\0\0\0\0\0\0\x01\x1d\x1d\0\0\0\x0a\0"
    "\x01\x01\0\x01\x01\x01\x81" "f\x02\0\x01\x02\x01\0\x01\0\x01\x81v\x02\x04\x01\xff"
    "\x01\x43\xe8\x01";
static const char PENDING[] = "\x01\0\0\0\0\0\0\x03\xe8\0\0\0\0\0\0\0\x01"
                              "\x56\xff\x5c\xf9\xa1\x01\0\0\x02";
static const char CONSUMER[] = "\x05" "alice\x56\xff\x5c\xf9\xa1\x01\0\0";
static const char OWNED[] = "\x01\0\0\0\0\0\0\x03\xe8\0\0\0\0\0\0\0\x01";
static const char NAME[] = "\x03grp\x43\xe8\x01";
static const char NUMBERS[] = "\x43\xe8\x01\0\0\x01";
static const char ACTIVE[] = "\xff\xff\xff\xff\xff\xff\xff\xff";

#define PUT(writer, text) rdb_write_bytes(writer, text, sizeof(text) - 1)

static void write_form(rdb_writer *writer, uint8_t type, unsigned groups, unsigned consumers,
                       unsigned owned)
{
    rdb_writer_init(writer);
    rdb_write_byte(writer, type);
    PUT(writer, NODES);
    if (type >= RDB_TYPE_STREAM_2)
        PUT(writer, NUMBERS);
    rdb_write_length(writer, groups);
    for (unsigned i = 0; i < groups; i++) {
        PUT(writer, NAME);
        if (type >= RDB_TYPE_STREAM_2)
            rdb_write_length(writer, UINT64_MAX);
        PUT(writer, PENDING);
        rdb_write_length(writer, consumers);
        for (unsigned j = 0; j < consumers; j++) {
            PUT(writer, CONSUMER);
            if (type >= RDB_TYPE_STREAM_3)
                PUT(writer, ACTIVE);
            if (j < owned)
                PUT(writer, OWNED);
            else
                rdb_write_length(writer, 0);
        }
    }
}

static void test_every_form_that_servers_have_written_is_read(check_run *run)
{
    static const uint8_t types[] = {RDB_TYPE_STREAM_1, RDB_TYPE_STREAM_2, RDB_TYPE_STREAM_3};
    (void)run;
    for (size_t i = 0; i < CHECK_LENGTH(types); i++) {
        rdb_writer writer;
        write_form(&writer, types[i], 1, 1, 1);
        stream *s = read_all(writer.data, writer.length);
        CHECK(s);
        CHECK(s->length == 1 && s->entries_added == 1 && s->first_id.ms == 1000);
        stream_group *group = stream_group_find(s, (slice){"grp", 3});
        stream_consumer *consumer = stream_consumer_find(group, (slice){"alice", 5});
        CHECK_INT(group->entries_read, i == 0 ? 1 : STREAM_READ_UNKNOWN);
        CHECK_INT(consumer->seen_ms, INT64_C(0x1a1f95cff56));
        CHECK_INT(consumer->active_ms, i == 2 ? -1 : consumer->seen_ms);
        CHECK_INT(consumer->pending.count, 1);
        CHECK_INT(stream_pending_find(group, (stream_id){1000, 1})->deliveries, 2);
        free_stream(s);
        rdb_writer_free(&writer);
    }
}

static void test_streams_that_contradict_themselves_are_refused(check_run *run)
{
    static const struct {
        unsigned groups, consumers, owned;
    } rows[] = {
        {1, 0, 0}, /* nobody has the pending entry */
        {1, 1, 0}, {1, 2, 1}, /* two of one name */
        {1, 2, 2}, /* two have it */
        {2, 1, 1}, /* two groups of one name */
    };
    (void)run;
    for (size_t i = 0; i < CHECK_LENGTH(rows); i++) {
        rdb_writer writer;
        write_form(&writer, RDB_TYPE_STREAM_3, rows[i].groups, rows[i].consumers, rows[i].owned);
        CHECK(!read_all(writer.data, writer.length));
        rdb_writer_free(&writer);
    }
}

/* Claims of 2^64 - 1 nodes, groups, pending entries, consumers: nothing is allocated for them. */
static void test_claimed_counts_allocate_nothing(check_run *run)
{
    static const char *const heads[] = {"", "\x01\x10\0\0\0\0\0\0\x03\xe8\0\0\0\0\0\0\0\x01"};
    static const size_t lengths[] = {0, 18};
    (void)run;
    for (size_t i = 0; i < CHECK_LENGTH(heads); i++) {
        rdb_writer writer;
        alloc_reset_peak();
        rdb_writer_init(&writer);
        rdb_write_byte(&writer, RDB_TYPE_STREAM_3);
        rdb_write_bytes(&writer, heads[i], lengths[i]);
        rdb_write_length(&writer, UINT64_MAX);
        CHECK(!read_all(writer.data, writer.length));
        rdb_writer_free(&writer);
        CHECK(alloc_peak_bytes() < alloc_used_bytes() + 4096);
    }
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_what_was_written_is_read_back_the_same),
        CHECK_TEST(test_damaged_streams_are_refused_or_harmless),
        CHECK_TEST(test_every_form_that_servers_have_written_is_read),
        CHECK_TEST(test_streams_that_contradict_themselves_are_refused),
        CHECK_TEST(test_claimed_counts_allocate_nothing),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
