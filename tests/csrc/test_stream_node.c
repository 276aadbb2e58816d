/* Tests of stream_node: entries written and walked in both directions, marks, counts that change
 * their width, and bytes from outside. */
#include "stream_node.h"

#include "stream_support.h"

enum { ENTRIES = 300, NODE_ROOM = 1 << 19 };

static texts written[ENTRIES];
static stream_id ids[ENTRIES];
static uint8_t node[NODE_ROOM];

/* A node of `count` random entries. */
static stream_id fill_node(check_run *run, size_t count)
{
    stream_id master = {check_random(run) >> 1, check_random(run) >> 1};
    stream_id id = master;
    for (size_t i = 0; i < count; i++) {
        size_t room;
        random_texts(run, &written[i]);
        CHECK(stream_node_room(written[i].slices, written[i].count, &room));
        if (i == 0)
            stream_node_start(node, written[0].slices, written[0].count);
        size_t before = listpack_bytes(node);
        CHECK(before + room < sizeof node);
        ids[i] = id;
        stream_node_append(node, master, id, written[i].slices, written[i].count);
        CHECK(listpack_bytes(node) <= before + room);
        id.ms += check_random_below(run, 3) ? 0 : check_random(run) >> 34;
        id.seq += 1 + (check_chance(run, 50) ? 0 : check_random(run) >> 40);
    }
    return master;
}

static void test_what_was_appended_is_walked_both_ways(check_run *run)
{
    for (uint64_t round = check_iterations(run, 60); round > 0; round--) {
        size_t count = 1 + check_random_below(run, ENTRIES), i = 0;
        stream_id master = fill_node(run, count), last;
        stream_counts counts;
        stream_walk walk;
        CHECK(listpack_check(node, listpack_bytes(node)));
        CHECK(stream_node_check(node, master, &counts, &last));
        CHECK_INT(counts.live, count);
        CHECK_INT(stream_id_compare(last, ids[count - 1]), 0);
        stream_walk_begin(&walk, node, master);
        for (; stream_walk_next(&walk); i++) {
            CHECK_INT(stream_id_compare(walk.id, ids[i]), 0);
            CHECK(!walk.deleted);
            if (check_chance(run, 50)) /* the next one is found with and without reading this */
                check_entry_is(&walk, &written[i]);
        }
        CHECK_INT(i, count);
        stream_walk_begin(&walk, node, master);
        while (stream_walk_previous(&walk)) {
            CHECK_INT(stream_id_compare(walk.id, ids[--i]), 0);
            check_entry_is(&walk, &written[i]);
        }
        CHECK_INT(i, 0);
    }
}

static void test_fields_of_the_master_are_not_repeated(check_run *run)
{
    slice same[] = {{"name", 4}, {"x", 1}, {"7", 1}, {"y", 1}};
    slice other[] = {{"name", 4}, {"x", 1}, {"8", 1}, {"y", 1}};
    stream_walk walk;
    (void)run;
    stream_node_start(node, same, 4);
    stream_node_append(node, (stream_id){5, 1}, (stream_id){5, 1}, same, 4);
    size_t before = listpack_bytes(node);
    stream_node_append(node, (stream_id){5, 1}, (stream_id){6, 0}, same, 4);
    CHECK_INT(listpack_bytes(node) - before, 2 + 2 + 3 + 3 + 3 + 2);
    stream_node_append(node, (stream_id){5, 1}, (stream_id){7, 0}, other, 4);
    stream_walk_begin(&walk, node, (stream_id){5, 1});
    CHECK(stream_walk_next(&walk) && walk.same_fields);
    CHECK(stream_walk_next(&walk) && walk.same_fields);
    CHECK(stream_walk_next(&walk) && !walk.same_fields && walk.id.ms == 7 && walk.id.seq == 0);
}

static void test_counts_change_their_width_and_nothing_else(check_run *run)
{
    static const uint64_t numbers[] = {0, 1, 127, 128, 4095, 4096, 40000, 1 << 20};
    stream_id master = fill_node(run, 5);
    stream_walk walk;
    for (int round = 0; round < 200; round++) {
        stream_counts counts = {numbers[check_random_below(run, CHECK_LENGTH(numbers))],
                                numbers[check_random_below(run, CHECK_LENGTH(numbers))]};
        stream_node_set_counts(node, counts);
        CHECK_INT(stream_node_counts(node).live, counts.live);
        CHECK_INT(stream_node_counts(node).deleted, counts.deleted);
        CHECK(listpack_check(node, listpack_bytes(node)));
        stream_walk_begin(&walk, node, master);
        for (size_t i = 0; i < 5; i++) {
            CHECK(stream_walk_next(&walk));
            check_entry_is(&walk, &written[i]);
        }
    }
}

static void test_a_marked_entry_is_still_walked(check_run *run)
{
    stream_id master = fill_node(run, 3), last;
    stream_counts counts;
    stream_walk walk;
    stream_walk_begin(&walk, node, master);
    CHECK(stream_walk_next(&walk) && stream_walk_next(&walk));
    stream_walk_mark(&walk);
    CHECK(!stream_node_check(node, master, &counts, &last)); /* the counts do not tell it yet */
    stream_node_set_counts(node, (stream_counts){2, 1});
    CHECK(stream_node_check(node, master, &counts, &last));
    CHECK(counts.live == 2 && counts.deleted == 1);
    stream_walk_begin(&walk, node, master);
    CHECK(stream_walk_next(&walk) && !walk.deleted);
    CHECK(stream_walk_next(&walk) && walk.deleted);
    CHECK(stream_walk_next(&walk) && !walk.deleted);
}

static void test_ids_must_ascend_in_a_node_from_outside(check_run *run)
{
    slice entry[] = {{"f", 1}, {"v", 1}};
    stream_id last, master = {10, 5};
    stream_counts counts;
    (void)run;
    stream_node_start(node, entry, 2);
    CHECK(!stream_node_check(node, master, &counts, &last)); /* a node has an entry */
    stream_node_append(node, master, (stream_id){10, 6}, entry, 2);
    CHECK(stream_node_check(node, master, &counts, &last));
    CHECK(!stream_node_check(node, (stream_id){UINT64_MAX, UINT64_MAX}, &counts, &last));
    stream_node_append(node, master, (stream_id){10, 6}, entry, 2);
    CHECK(!stream_node_check(node, master, &counts, &last));
    stream_node_start(node, entry, 2);
    stream_node_append(node, master, (stream_id){10, 4}, entry, 2);
    CHECK(!stream_node_check(node, master, &counts, &last));
}

static void test_too_many_bytes_are_refused(check_run *run)
{
    slice huge[] = {{"f", 1}, {"v", (size_t)1 << 30}};
    slice wraps[] = {{"f", SIZE_MAX - 8}, {"v", SIZE_MAX - 8}};
    size_t room;
    (void)run;
    CHECK(!stream_node_room(huge, 2, &room));
    CHECK(!stream_node_room(wraps, 2, &room));
    huge[1].length = (size_t)1 << 29;
    CHECK(stream_node_room(huge, 2, &room));
    CHECK(room > (size_t)1 << 29);
}

/* Whatever bytes of a node are changed: it is refused, or it can be walked. */
static void test_damaged_nodes_are_refused_or_harmless(check_run *run)
{
    uint64_t accepted = 0;
    for (uint64_t round = check_iterations(run, 30000); round > 0; round--) {
        stream_counts counts;
        stream_id last, master = {7, 7};
        stream_walk walk;
        listpack_value field, value;
        uint64_t entries = 0;
        if (round % 50 == 0)
            master = fill_node(run, 1 + check_random_below(run, 6));
        size_t bytes = listpack_bytes(node);
        uint8_t *copy = malloc(bytes);
        memcpy(copy, node, bytes);
        for (uint64_t hits = 1 + check_random_below(run, 3); hits > 0; hits--)
            copy[check_random_below(run, bytes)] = (uint8_t)check_random(run);
        if (listpack_check(copy, bytes) && stream_node_check(copy, master, &counts, &last)) {
            accepted++;
            stream_walk_begin(&walk, copy, master);
            for (; stream_walk_next(&walk); entries++)
                while (stream_walk_field(&walk, &field, &value))
                    continue;
            CHECK_INT(entries, counts.live + counts.deleted);
            stream_walk_begin(&walk, copy, master);
            while (stream_walk_previous(&walk))
                entries--;
            CHECK_INT(entries, 0);
        }
        free(copy);
    }
    CHECK(accepted > 0);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_what_was_appended_is_walked_both_ways),
        CHECK_TEST(test_fields_of_the_master_are_not_repeated),
        CHECK_TEST(test_counts_change_their_width_and_nothing_else),
        CHECK_TEST(test_a_marked_entry_is_still_walked),
        CHECK_TEST(test_ids_must_ascend_in_a_node_from_outside),
        CHECK_TEST(test_too_many_bytes_are_refused),
        CHECK_TEST(test_damaged_nodes_are_refused_or_harmless),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
