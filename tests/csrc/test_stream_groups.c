/* Tests of stream_groups: names in order, pending entries in two maps at once beside a plain
 * array, counting what was read, and that every byte is counted and given back. */
#include "stream_groups.h"

#include "stream_support.h"

enum { CONSUMERS = 6, PENDING_MAX = 2000 };

static const collection_limits LIMITS = {.stream_entries = 100};

static slice name_of(const char *text) { return (slice){text, strlen(text)}; }

static void add(stream *s, uint64_t ms)
{
    slice entry[] = {{"f", 1}, {"v", 1}};
    CHECK_INT(stream_append(s, (stream_id){ms, 0}, entry, 2, &LIMITS), STREAM_DONE);
}

static void delete(stream *s, uint64_t ms)
{
    CHECK(stream_delete(s, (stream_id){ms, 0}));
    stream_note_deleted(s, (stream_id){ms, 0});
}

static void test_groups_stand_in_the_order_of_their_names(check_run *run)
{
    static const char *const names[] = {"b", "", "abc", "ab", "z", "\xff", "a"};
    static const char *const sorted[] = {"", "a", "ab", "abc", "b", "z", "\xff"};
    size_t used = alloc_used_bytes();
    stream *s = stream_new();
    (void)run;
    for (size_t i = 0; i < CHECK_LENGTH(names); i++) {
        CHECK(!stream_group_find(s, name_of(names[i])));
        CHECK(stream_group_create(s, name_of(names[i]), (stream_id){i, 0}, 7));
        CHECK(!stream_group_create(s, name_of(names[i]), STREAM_ID_MIN, 7));
        CHECK_INT(stream_group_find(s, name_of(names[i]))->last_id.ms, i);
    }
    for (uint32_t i = 0; i < s->groups.count; i++)
        CHECK_BYTES(stream_group_at(s, i)->name.data, stream_group_at(s, i)->name.length,
                    sorted[i], strlen(sorted[i]));
    for (size_t i = 0; i < CHECK_LENGTH(names); i++) {
        stream_group *group = stream_group_find(s, name_of(names[i]));
        stream_group_detach(s, group);
        CHECK(stream_group_free_some(group, 1));
        CHECK(!stream_group_find(s, name_of(names[i])));
    }
    CHECK_INT(s->groups.count, 0);
    free_stream(s);
    CHECK_INT(alloc_used_bytes(), used);
}

static void test_names_that_come_unsorted_are_sorted_once_and_checked(check_run *run)
{
    char text[16];
    stream *s = stream_new();
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "%d", 999 - i);
        stream_group_append(s, name_of(text), STREAM_ID_MIN, 0);
    }
    CHECK(name_list_sort(&s->groups));
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "%d", i);
        CHECK(stream_group_find(s, name_of(text)));
    }
    snprintf(text, sizeof text, "%d", (int)check_random_below(run, 1000));
    stream_group_append(s, name_of(text), STREAM_ID_MIN, 0);
    CHECK(!name_list_sort(&s->groups));
    free_stream(s);
}

/* ---- pending entries ---- */

static struct {
    stream_id id;
    int owner;
    uint64_t deliveries;
} model[PENDING_MAX];
static size_t model_count;

static size_t model_find(stream_id id)
{
    size_t at = 0;
    while (at < model_count && stream_id_compare(model[at].id, id) != 0)
        at++;
    return at;
}

static stream_consumer *consumer_number(const stream_group *group, int number)
{
    char name = (char)('a' + number);
    return stream_consumer_find(group, (slice){&name, 1});
}

static void check_pending(const stream_group *group)
{
    size_t owned = 0;
    CHECK_INT(group->pending.count, model_count);
    for (size_t i = 0; i < model_count; i++) {
        const stream_pending *pending = stream_pending_find(group, model[i].id);
        CHECK(pending);
        CHECK_POINTER(pending->consumer, consumer_number(group, model[i].owner));
        CHECK_INT(pending->deliveries, model[i].deliveries);
        void **place = id_map_find(&pending->consumer->pending, model[i].id);
        CHECK(place && *place == pending);
    }
    for (uint32_t i = 0; i < group->consumers.count; i++)
        owned += stream_consumer_at(group, i)->pending.count;
    CHECK_INT(owned, model_count);
}

static void forget_consumer(check_run *run, stream_group *group)
{
    int number = (int)check_random_below(run, CONSUMERS);
    char name = (char)('a' + number);
    stream_consumer_remove(group, consumer_number(group, number));
    CHECK(!consumer_number(group, number));
    CHECK(stream_consumer_create(group, (slice){&name, 1}, 5));
    CHECK(!stream_consumer_create(group, (slice){&name, 1}, 5));
    CHECK_INT(consumer_number(group, number)->active_ms, -1);
    for (size_t at = 0; at < model_count;)
        if (model[at].owner == number)
            model[at] = model[--model_count];
        else
            at++;
}

static void change_pending(check_run *run, stream_group *group)
{
    stream_id id = {check_random_below(run, 300), check_random_below(run, 4)};
    int owner = (int)check_random_below(run, CONSUMERS);
    size_t at = model_find(id);
    if (check_chance(run, 55) && model_count < PENDING_MAX) {
        stream_pending *pending =
            stream_pending_add(group, consumer_number(group, owner), id, 9, id.ms);
        CHECK((pending == NULL) == (at < model_count));
        if (pending) {
            model[model_count].id = id;
            model[model_count].owner = owner;
            model[model_count++].deliveries = id.ms;
        } else {
            stream_pending_give(stream_pending_find(group, id), id, consumer_number(group, owner));
            model[at].owner = owner;
        }
    } else {
        CHECK_INT(stream_pending_remove(group, id), at < model_count);
        if (at < model_count)
            model[at] = model[--model_count];
    }
}

static void test_pending_entries_agree_with_an_array(check_run *run)
{
    size_t used = alloc_used_bytes();
    stream *s = stream_new();
    stream_group *group = stream_group_create(s, name_of("g"), STREAM_ID_MIN, 0);
    model_count = 0;
    for (int i = 0; i < CONSUMERS; i++) {
        char name = (char)('a' + i);
        CHECK(stream_consumer_create(group, (slice){&name, 1}, 5));
    }
    for (uint64_t step = check_iterations(run, 20000); step > 0; step--) {
        if (step % 500 == 0)
            forget_consumer(run, group);
        change_pending(run, group);
        if (step % 250 == 0) {
            check_pending(group);
            CHECK_INT(stream_bytes(s), alloc_used_bytes() - used);
        }
    }
    stream *copy = stream_copy(s);
    free_stream(s);
    check_pending(stream_group_at(copy, 0));
    CHECK_INT(stream_bytes(copy), alloc_used_bytes() - used);
    CHECK(stream_is_big(copy));
    free_stream(copy);
    CHECK_INT(alloc_used_bytes(), used);
}

/* ---- what a group has read ---- */

static int64_t lag_of(const stream *s, uint64_t last_ms, int64_t entries_read)
{
    stream_group group = {.last_id = {last_ms, 0}, .entries_read = entries_read};
    int64_t lag;
    return stream_group_lag(s, &group, &lag) ? lag : -1;
}

static void test_the_lag_is_told_where_it_can_be(check_run *run)
{
    stream *s = stream_new();
    (void)run;
    CHECK_INT(lag_of(s, 0, STREAM_READ_UNKNOWN), 0);
    for (uint64_t i = 1; i <= 10; i++)
        add(s, i);
    CHECK_INT(lag_of(s, 0, STREAM_READ_UNKNOWN), 10);
    CHECK_INT(lag_of(s, 1, STREAM_READ_UNKNOWN), 9);
    CHECK_INT(lag_of(s, 5, STREAM_READ_UNKNOWN), -1); /* in the middle: only a counter knows */
    CHECK_INT(lag_of(s, 5, 5), 5);
    CHECK_INT(lag_of(s, 10, STREAM_READ_UNKNOWN), 0);
    delete(s, 7);
    CHECK_INT(lag_of(s, 5, 5), -1); /* one of the next ones is gone */
    CHECK_INT(lag_of(s, 8, 8), 2);
    CHECK_INT(lag_of(s, 0, STREAM_READ_UNKNOWN), -1);
    stream_trim trim = {.by_length = true, .max_length = 2};
    CHECK_INT(stream_trim_to(s, &trim), 7);
    CHECK_INT(lag_of(s, 3, 3), 2); /* the gap was trimmed as well: what is left is the lag */
    trim.max_length = 0;
    stream_trim_to(s, &trim);
    CHECK_INT(lag_of(s, 3, 3), 0);
    free_stream(s);
}

static void test_a_group_counts_on_and_estimates_behind_a_gap(check_run *run)
{
    stream *s = stream_new();
    stream_group *group;
    (void)run;
    for (uint64_t i = 1; i <= 6; i++)
        add(s, i);
    group = stream_group_create(s, name_of("g"), STREAM_ID_MIN, STREAM_READ_UNKNOWN);
    stream_group_advance(s, group, (stream_id){1, 0});
    CHECK_INT(group->entries_read, 1);
    stream_group_advance(s, group, (stream_id){2, 0});
    CHECK_INT(group->entries_read, 2);
    delete(s, 4);
    stream_group_advance(s, group, (stream_id){3, 0});
    CHECK_INT(group->entries_read, STREAM_READ_UNKNOWN);
    stream_group_advance(s, group, (stream_id){6, 0});
    CHECK_INT(group->entries_read, 6);
    free_stream(s);
}

static void test_a_big_group_is_freed_in_slices(check_run *run)
{
    size_t used = alloc_used_bytes(), slices = 1;
    stream *s = stream_new();
    stream_group *group = stream_group_create(s, name_of("g"), STREAM_ID_MIN, 0);
    (void)run;
    for (int i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof name, "c%d", i);
        stream_consumer *consumer = stream_consumer_create(group, name_of(name), 0);
        for (uint64_t j = 0; j < 10; j++)
            CHECK(stream_pending_add(group, consumer, (stream_id){(uint64_t)i, j}, 0, 1));
    }
    CHECK_INT(stream_group_weight(group), 3300);
    stream_group_detach(s, group);
    while (!stream_group_free_some(group, 100))
        slices++;
    CHECK(slices > 20);
    free_stream(s);
    CHECK_INT(alloc_used_bytes(), used);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_groups_stand_in_the_order_of_their_names),
        CHECK_TEST(test_names_that_come_unsorted_are_sorted_once_and_checked),
        CHECK_TEST(test_pending_entries_agree_with_an_array),
        CHECK_TEST(test_the_lag_is_told_where_it_can_be),
        CHECK_TEST(test_a_group_counts_on_and_estimates_behind_a_gap),
        CHECK_TEST(test_a_big_group_is_freed_in_slices),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
