/* Tests of stream: a random life of appends, deletions and trims beside a plain array, with every
 * limit of nodes; ranges in both directions; copies; and that every byte is counted. */
#include "stream.h"

#include "stream_support.h"

enum { MODEL_MAX = 4000, RADIX_MAX = 600 };

typedef struct model_entry {
    stream_id id;
    texts texts;
} model_entry;

static model_entry model[MODEL_MAX];
static size_t model_count;

static size_t model_place(stream_id id)
{
    size_t at = 0;
    while (at < model_count && stream_id_compare(model[at].id, id) < 0)
        at++;
    return at;
}

static void model_cut(size_t at, size_t count)
{
    memmove(model + at, model + at + count, (model_count - at - count) * sizeof model[0]);
    model_count -= count;
    for (size_t i = at; i < model_count; i++)
        for (size_t j = 0; j < model[i].texts.count; j++)
            model[i].texts.slices[j].data = model[i].texts.bytes[j];
}

static void check_range(const stream *s, stream_id start, stream_id end, bool reverse)
{
    stream_iterator iterator;
    size_t first = model_place(start), behind = model_place(end);
    behind += behind < model_count && stream_id_compare(model[behind].id, end) == 0;
    stream_iterate(&iterator, s, start, end, reverse);
    for (size_t i = first; i < behind; i++) {
        const model_entry *expected = &model[reverse ? behind - 1 - (i - first) : i];
        CHECK(stream_next(&iterator));
        CHECK_INT(stream_id_compare(iterator.walk.id, expected->id), 0);
        check_entry_is(&iterator.walk, &expected->texts);
    }
    CHECK(!stream_next(&iterator));
    CHECK(!stream_next(&iterator)); /* it stays at its end */
}

static void check_whole(const stream *s, size_t used_before)
{
    stream_id edge;
    CHECK_INT(s->length, model_count);
    CHECK_INT(stream_bytes(s), alloc_used_bytes() - used_before);
    check_range(s, STREAM_ID_MIN, STREAM_ID_MAX, false);
    check_range(s, STREAM_ID_MIN, STREAM_ID_MAX, true);
    CHECK(stream_edge(s, true, &edge) == (model_count > 0));
    if (model_count) {
        CHECK_INT(stream_id_compare(s->first_id, model[0].id), 0);
        CHECK(stream_edge(s, false, &edge));
        CHECK_INT(stream_id_compare(edge, model[model_count - 1].id), 0);
    } else {
        CHECK(stream_id_is_zero(s->first_id));
    }
}

static stream_id random_model_id(check_run *run, stream_id last)
{
    if (model_count && check_chance(run, 70))
        return model[check_random_below(run, model_count)].id;
    return (stream_id){check_random_below(run, last.ms + 2), check_random_below(run, 4)};
}

static void append_one(check_run *run, stream *s, const collection_limits *limits)
{
    stream_id id = s->last_id;
    model_entry *entry = &model[model_count];
    id.ms += check_random_below(run, 3) == 0 ? 0 : check_random_below(run, 300);
    id.seq = id.ms == s->last_id.ms ? id.seq + 1 + check_random_below(run, 200) : 0;
    random_texts(run, &entry->texts);
    CHECK_INT(stream_append(s, s->last_id, entry->texts.slices, entry->texts.count, limits),
              STREAM_NOT_ABOVE);
    CHECK_INT(stream_append(s, id, entry->texts.slices, entry->texts.count, limits), STREAM_DONE);
    CHECK_INT(stream_id_compare(s->last_id, id), 0);
    entry->id = id;
    model_count++;
}

static void delete_one(check_run *run, stream *s)
{
    stream_id id = random_model_id(run, s->last_id);
    size_t at = model_place(id);
    bool there = at < model_count && stream_id_compare(model[at].id, id) == 0;
    CHECK_INT(stream_has(s, id), there);
    CHECK_INT(stream_delete(s, id), there);
    if (!there)
        return;
    stream_note_deleted(s, id);
    model_cut(at, 1);
    CHECK(stream_id_compare(s->max_deleted_id, id) >= 0);
    CHECK(!stream_has(s, id));
}

static void trim_some(check_run *run, stream *s)
{
    stream_trim trim = {
        .by_length = check_chance(run, 50),
        .approximate = check_chance(run, 50),
        .max_length = check_random_below(run, model_count + 10),
        .min_id = random_model_id(run, s->last_id),
    };
    if (trim.approximate && check_chance(run, 50))
        trim.limit = check_random_below(run, 50);
    size_t exact = trim.by_length
                       ? (model_count > trim.max_length ? model_count - trim.max_length : 0)
                       : model_place(trim.min_id);
    uint64_t removed = stream_trim_to(s, &trim);
    if (trim.approximate) {
        CHECK(removed <= exact);
        CHECK(!trim.limit || removed <= trim.limit);
    } else {
        CHECK_INT(removed, exact);
    }
    model_cut(0, removed);
}

static void live(check_run *run, const collection_limits *limits, uint64_t steps)
{
    size_t used = alloc_used_bytes();
    stream *s = stream_new();
    uint64_t added = 0;
    model_count = 0;
    for (uint64_t step = 0; step < steps; step++) {
        uint64_t kind = check_random_below(run, 100);
        if (kind < 60 && model_count < MODEL_MAX) {
            append_one(run, s, limits);
            added++;
        } else if (kind < 95) {
            delete_one(run, s);
        } else if (kind < 97) {
            trim_some(run, s);
        } else {
            stream_id start = random_model_id(run, s->last_id);
            check_range(s, start, random_model_id(run, s->last_id), check_chance(run, 50));
        }
        CHECK_INT(s->entries_added, added);
        if (step % 199 == 0)
            check_whole(s, used);
    }
    check_whole(s, used);
    size_t one = alloc_used_bytes();
    stream *copy = stream_copy(s);
    free_stream(s);
    check_whole(copy, used);
    CHECK(alloc_used_bytes() <= one);
    free_stream(copy);
    CHECK_INT(alloc_used_bytes(), used);
}

static void test_a_stream_agrees_with_an_array(check_run *run)
{
    static const collection_limits limits[] = {
        {.stream_bytes = 4096, .stream_entries = 100},
        {.stream_bytes = 0, .stream_entries = 3},
        {.stream_bytes = 100, .stream_entries = 0},
        {.stream_bytes = 0, .stream_entries = 200},
        {.stream_bytes = 1, .stream_entries = 1},
        {.stream_bytes = 0, .stream_entries = 0},
    };
    for (size_t i = 0; i < CHECK_LENGTH(limits); i++)
        live(run, &limits[i], check_iterations(run, 3000));
}

static void test_a_full_node_has_exactly_its_bytes(check_run *run)
{
    collection_limits limits = {.stream_bytes = 4096, .stream_entries = 100};
    slice entry[] = {{"field", 5}, {"value", 5}};
    stream *s = stream_new();
    (void)run;
    for (uint64_t i = 1; i <= 1000; i++)
        stream_append(s, (stream_id){i, 0}, entry, 2, &limits);
    CHECK_INT(s->nodes.count, 10);
    size_t bytes = 0, tail = 0;
    for (id_map_cursor at = id_map_begin(&s->nodes); at.node; id_map_next(&at)) {
        tail = listpack_bytes(id_map_value(at));
        bytes += alloc_usable(tail);
    }
    CHECK_INT(s->node_bytes, bytes - alloc_usable(tail) + alloc_usable(s->tail_capacity));
    free_stream(s);
}

/* The tail was cut to its size and then becomes the tail again: it has to grow anew. */
static void test_appending_goes_on_after_the_tail_is_deleted(check_run *run)
{
    collection_limits limits = {.stream_bytes = 0, .stream_entries = 4};
    slice entry[] = {{"f", 1}, {"v", 1}};
    size_t used = alloc_used_bytes();
    stream *s = stream_new();
    (void)run;
    for (uint64_t i = 1; i <= 5; i++)
        stream_append(s, (stream_id){i, 0}, entry, 2, &limits);
    CHECK(stream_delete(s, (stream_id){5, 0}));
    stream_note_deleted(s, (stream_id){5, 0});
    CHECK_INT(s->nodes.count, 1);
    limits.stream_entries = 50;
    for (uint64_t i = 6; i <= 40; i++)
        CHECK_INT(stream_append(s, (stream_id){i, 0}, entry, 2, &limits), STREAM_DONE);
    CHECK_INT(s->nodes.count, 1);
    CHECK_INT(s->length, 39);
    CHECK_INT(stream_bytes(s), alloc_used_bytes() - used);
    free_stream(s);
}

/* A trie that is made byte by byte, and its chains joined: what stream_radix_nodes computes. */
static uint64_t naive_radix(uint8_t (*keys)[STREAM_ID_BYTES], size_t count, size_t depth)
{
    size_t same = depth, groups = 0;
    uint64_t nodes = 1;
    if (count == 1)
        return depth < STREAM_ID_BYTES ? 2 : 1;
    while (keys[0][same] == keys[count - 1][same])
        same++;
    if (same > depth)
        nodes++;
    for (size_t first = 0; first < count; groups++) {
        size_t behind = first;
        while (behind < count && keys[behind][same] == keys[first][same])
            behind++;
        nodes += naive_radix(keys + first, behind - first, same + 1);
        first = behind;
    }
    CHECK(groups > 1);
    return nodes;
}

static void test_the_radix_tree_is_counted_right(check_run *run)
{
    static uint8_t keys[RADIX_MAX][STREAM_ID_BYTES];
    collection_limits limits = {.stream_entries = 1};
    slice entry[] = {{"f", 1}, {"v", 1}};
    for (uint64_t round = check_iterations(run, 300); round > 0; round--) {
        stream *s = stream_new();
        size_t count = check_random_below(run, RADIX_MAX);
        unsigned shift = (unsigned)check_random_below(run, 50);
        CHECK_INT(stream_radix_nodes(s), 1);
        for (size_t i = 0; i < count; i++) {
            stream_id id = s->last_id;
            if (check_chance(run, 30))
                id = (stream_id){id.ms + (check_random_below(run, 300) << shift) + 1, 0};
            id.seq += 1 + (check_random_below(run, 300) << check_random_below(run, 30));
            stream_append(s, id, entry, 2, &limits);
            stream_id_store(keys[i], id);
        }
        if (count)
            CHECK_INT(stream_radix_nodes(s), naive_radix(keys, count, 0));
        free_stream(s);
    }
}

static void test_a_big_stream_is_told_from_a_small_one(check_run *run)
{
    collection_limits limits = {.stream_entries = 1};
    slice entry[] = {{"f", 1}, {"v", 1}};
    stream *s = stream_new();
    (void)run;
    CHECK(!stream_is_big(s));
    for (uint64_t i = 1; i <= 500; i++)
        stream_append(s, (stream_id){i, 0}, entry, 2, &limits);
    CHECK(stream_is_big(s));
    size_t slices = 1;
    while (!stream_free_some(s, 50))
        slices++;
    CHECK(slices >= 5);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_a_stream_agrees_with_an_array),
        CHECK_TEST(test_a_full_node_has_exactly_its_bytes),
        CHECK_TEST(test_appending_goes_on_after_the_tail_is_deleted),
        CHECK_TEST(test_the_radix_tree_is_counted_right),
        CHECK_TEST(test_a_big_stream_is_told_from_a_small_one),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
