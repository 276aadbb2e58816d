/* Tests of id_map: against a sorted array as oracle, in every mixture of appends, inserts at
 * random places, trims and removals; and that it gives all its memory back. */
#include "id_map.h"

#include "check.h"

enum { ORACLE_MAX = 20000 };

static struct {
    stream_id id;
    void *value;
} oracle[ORACLE_MAX];
static size_t oracle_count;

static size_t oracle_place(stream_id id, bool *found)
{
    size_t low = 0, high = oracle_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (stream_id_compare(oracle[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = low < oracle_count && stream_id_compare(oracle[low].id, id) == 0;
    return low;
}

static bool oracle_add(stream_id id, void *value)
{
    bool found;
    size_t at = oracle_place(id, &found);
    if (found)
        return false;
    memmove(oracle + at + 1, oracle + at, (oracle_count - at) * sizeof(oracle[0]));
    oracle[at].id = id;
    oracle[at].value = value;
    oracle_count++;
    return true;
}

static bool oracle_remove(stream_id id, void **value)
{
    bool found;
    size_t at = oracle_place(id, &found);
    if (!found)
        return false;
    *value = oracle[at].value;
    memmove(oracle + at, oracle + at + 1, (oracle_count - at - 1) * sizeof(oracle[0]));
    oracle_count--;
    return true;
}

static size_t count_nodes(const id_map_node *node, uint32_t level, bool is_root)
{
    size_t bytes = alloc_usable(24 + 24 * (size_t)node->capacity);
    CHECK_INT(node->level, level);
    CHECK(node->count > 0 && node->count <= node->capacity);
    CHECK(is_root || node->capacity == ID_MAP_NODE_ITEMS);
    for (uint32_t i = 0; level && i < node->count; i++)
        bytes += count_nodes(node->items[i].value, level - 1, false);
    return bytes;
}

static void check_whole(const id_map *map)
{
    size_t at = 0;
    CHECK_INT(map->count, oracle_count);
    CHECK((map->root == NULL) == (oracle_count == 0));
    CHECK_INT(map->bytes, map->root ? count_nodes(map->root, map->root->level, true) : 0);
    for (id_map_cursor c = id_map_begin(map); c.node; id_map_next(&c), at++) {
        CHECK_INT(stream_id_compare(id_map_id(c), oracle[at].id), 0);
        CHECK_POINTER(id_map_value(c), oracle[at].value);
    }
    CHECK_INT(at, oracle_count);
    for (id_map_cursor c = id_map_end(map); c.node; id_map_previous(&c))
        CHECK_INT(stream_id_compare(id_map_id(c), oracle[--at].id), 0);
    CHECK_INT(at, 0);
}

static void check_seeks(const id_map *map, stream_id id)
{
    bool found;
    size_t at = oracle_place(id, &found);
    id_map_cursor least = id_map_at_least(map, id), most = id_map_at_most(map, id);
    void **place = id_map_find(map, id);
    CHECK((place != NULL) == found);
    if (found)
        CHECK_POINTER(*place, oracle[at].value);
    CHECK((least.node != NULL) == (at < oracle_count));
    if (least.node)
        CHECK_INT(stream_id_compare(id_map_id(least), oracle[at].id), 0);
    size_t behind = at + found;
    CHECK((most.node != NULL) == (behind > 0));
    if (most.node)
        CHECK_INT(stream_id_compare(id_map_id(most), oracle[behind - 1].id), 0);
}

static stream_id random_id(check_run *run, uint64_t span)
{
    return (stream_id){check_random_below(run, span), check_random_below(run, 3)};
}

/* What mostly happens changes every few thousand steps, so that the tree grows and shrinks. */
static void test_the_map_agrees_with_a_sorted_array(check_run *run)
{
    uint64_t steps = check_iterations(run, 120000);
    size_t used = alloc_used_bytes();
    uint64_t next_ms = 1;
    id_map map;
    id_map_init(&map);
    oracle_count = 0;
    for (uint64_t step = 0, mode = 0; step < steps; step++) {
        void *value = (void *)(uintptr_t)(step + 1), *taken = NULL, *expected = NULL;
        if (step % 4000 == 0)
            mode = check_random_below(run, 5);
        stream_id id = random_id(run, 4000);
        uint64_t kind = check_random_below(run, 100);
        bool grow = oracle_count < ORACLE_MAX - 1 && kind < (mode < 3 ? 70 : 20);
        if (grow && mode == 0) {
            id = (stream_id){5000 + next_ms++, 0};
            CHECK_INT(id_map_add(&map, id, value), oracle_add(id, value));
        } else if (grow) {
            CHECK_INT(id_map_add(&map, id, value), oracle_add(id, value));
        } else {
            if (oracle_count && (mode == 4 || check_chance(run, 60)))
                id = mode == 4 && check_chance(run, 80)
                         ? oracle[0].id
                         : oracle[check_random_below(run, oracle_count)].id;
            bool removed = oracle_remove(id, &expected);
            CHECK_INT(id_map_remove(&map, id, &taken), removed);
            CHECK_POINTER(taken, expected);
        }
        check_seeks(&map, random_id(run, 9000));
        if (step % 997 == 0)
            check_whole(&map);
    }
    check_whole(&map);
    id_map_free(&map);
    CHECK_INT(alloc_used_bytes(), used);
}

static void test_appended_leaves_stay_full(check_run *run)
{
    id_map map;
    (void)run;
    id_map_init(&map);
    for (uint64_t i = 0; i < 100000; i++)
        CHECK(id_map_add(&map, (stream_id){i, i}, &map));
    CHECK(map.bytes < 100000 * 26);
    CHECK_POINTER(*id_map_last_value(&map), &map);
    id_map_free(&map);
}

static void test_a_map_of_one_item_is_small(check_run *run)
{
    id_map map;
    (void)run;
    id_map_init(&map);
    id_map_add(&map, (stream_id){1, 1}, NULL);
    CHECK(map.bytes <= 120);
    for (uint64_t i = 2; i <= ID_MAP_NODE_ITEMS; i++)
        id_map_add(&map, (stream_id){i, 1}, NULL);
    CHECK(map.bytes >= 1000);
    for (uint64_t i = 2; i <= ID_MAP_NODE_ITEMS; i++)
        CHECK(id_map_remove(&map, (stream_id){i, 1}, NULL));
    CHECK(map.bytes <= 240);
    id_map_free(&map);
}

static void count_taken(void *value, void *context)
{
    *(size_t *)context += (size_t)(uintptr_t)value;
}

static void test_a_map_can_be_taken_apart_in_slices(check_run *run)
{
    size_t used = alloc_used_bytes(), sum = 0, slices = 0;
    id_map map;
    id_map_init(&map);
    for (uint64_t i = 0; i < 5000; i++)
        id_map_add(&map, random_id(run, 1 << 20), (void *)(uintptr_t)1);
    size_t count = map.count;
    while (!id_map_take_some(&map, 100, count_taken, &sum))
        slices++;
    CHECK_INT(sum, count);
    CHECK(slices >= count / 150);
    CHECK_INT(alloc_used_bytes(), used);
    CHECK(id_map_take_some(&map, 1, count_taken, &sum));
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_the_map_agrees_with_a_sorted_array),
        CHECK_TEST(test_appended_leaves_stay_full),
        CHECK_TEST(test_a_map_of_one_item_is_small),
        CHECK_TEST(test_a_map_can_be_taken_apart_in_slices),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
