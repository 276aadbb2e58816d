/* Tests of quicklist.h. The oracle is an array of texts; after each change the list must hold the
 * same ones, read from both ends, and keep its invariants. */
#include "check.h"
#include "lzf.h"
#include "quicklist.h"

#include <stdlib.h>

enum { ELEMENTS_MAX = 600 };

typedef struct model {
    slice texts[ELEMENTS_MAX + 64];
    size_t count;
} model;

/* ---- the oracle ---- */

static slice own(slice text)
{
    char *copy = malloc(text.length ? text.length : 1);
    memcpy(copy, text.data, text.length);
    return (slice){copy, text.length};
}

static void model_insert(model *m, size_t at, slice text)
{
    memmove(m->texts + at + 1, m->texts + at, (m->count - at) * sizeof(slice));
    m->texts[at] = own(text);
    m->count++;
}

static void model_remove(model *m, size_t at, size_t count)
{
    for (size_t index = at; index < at + count; index++)
        free((void *)m->texts[index].data);
    memmove(m->texts + at, m->texts + at + count, (m->count - at - count) * sizeof(slice));
    m->count -= count;
}

static slice random_text(check_run *run, char *buffer, size_t longest)
{
    static const int64_t numbers[] = {0, 127, 128, -1, 4095, -4096, -4097, 32767, 32768, 8388608,
                                      INT32_MAX, (int64_t)INT32_MAX + 1, INT64_MIN, INT64_MAX};
    size_t length;
    if (check_chance(run, 40)) {
        int64_t number = numbers[check_random_below(run, CHECK_LENGTH(numbers))];
        return (slice){buffer, number_format_int64(buffer, number)};
    }
    length = check_random_below(run, check_chance(run, 10) ? longest : 30);
    memset(buffer, 'a' + (int)check_random_below(run, 4), length);
    return (slice){buffer, length};
}

/* ---- invariants ---- */

/* Of a list on which no cursor stands: what is compressed, and that it should be. */
static void check_place(const quicklist *list, const quicklist_node *node, size_t index)
{
    static uint8_t buffer[65536];
    size_t depth = list->depth, bytes = quicklist_node_bytes(node), stream;
    if (depth == 0 || index < depth || index + depth >= list->nodes) {
        CHECK(!node->is_compressed);
        CHECK(node->place != QUICKLIST_DEEP);
        CHECK(depth > 0 || node->place == QUICKLIST_NEW);
        CHECK(depth == 0 || list->nodes <= 2 * depth || node->place == QUICKLIST_END);
        return;
    }
    CHECK_INT(node->place, QUICKLIST_DEEP);
    if (!node->is_compressed) {
        CHECK(bytes < QUICKLIST_COMPRESS_MIN
              || lzf_compress(quicklist_node_listpack(node), bytes, buffer,
                              bytes - QUICKLIST_COMPRESS_GAIN_MIN) == 0);
        return;
    }
    CHECK(bytes >= QUICKLIST_COMPRESS_MIN);
    CHECK(node->capacity + QUICKLIST_COMPRESS_GAIN_MIN <= bytes);
    CHECK(bytes <= sizeof buffer);
    CHECK_INT(lzf_decompress(node->block, node->capacity, buffer, bytes), bytes);
    if (!node->is_plain) {
        CHECK(listpack_check(buffer, bytes));
        CHECK_INT(listpack_count(buffer), node->count);
    }
    stream = lzf_compress(buffer, bytes, buffer + bytes, sizeof buffer - bytes);
    if (bytes < sizeof buffer / 2)
        CHECK_BYTES(buffer + bytes, stream, node->block, node->capacity);
}

static void check_nodes(const quicklist *list)
{
    size_t count = 0, nodes = 0, deep = 0, bytes = alloc_usable(sizeof *list);
    const quicklist_node *before = NULL;
    for (const quicklist_node *node = list->head; node != NULL; node = node->next) {
        CHECK_POINTER(node->previous, before);
        CHECK(node->count > 0);
        if (node->is_plain) {
            CHECK_INT(node->count, 1);
        } else if (!node->is_compressed) {
            const listpack *lp = quicklist_node_listpack(node);
            CHECK(node->start + listpack_bytes(lp) <= node->capacity);
            CHECK(listpack_check(lp, listpack_bytes(lp)));
            CHECK_INT(listpack_count(lp), node->count);
        }
        check_place(list, node, nodes);
        deep += node->place == QUICKLIST_DEEP;
        bytes += alloc_usable(node->capacity) + alloc_usable(sizeof *node);
        count += node->count;
        nodes++;
        before = node;
    }
    CHECK_POINTER(list->tail, before);
    CHECK_INT(list->count, count);
    CHECK_INT(list->nodes, nodes);
    CHECK_INT(list->deep, deep);
    CHECK_INT(list->bytes, bytes);
}

static void check_against(const quicklist *list, const model *m)
{
    quicklist_cursor cursor;
    char digits[NUMBER_INT64_MAX_LENGTH];
    check_nodes(list);
    CHECK_INT(list->count, m->count);
    for (int backward = 0; backward < 2; backward++) {
        bool found = quicklist_seek(&cursor, list, backward ? -1 : 0);
        for (size_t index = 0; index < m->count; index++) {
            slice expected = m->texts[backward ? m->count - 1 - index : index];
            CHECK(found);
            slice text = quicklist_text(&cursor, digits);
            CHECK_BYTES(text.data, text.length, expected.data, expected.length);
            CHECK(quicklist_equals(&cursor, expected));
            found = quicklist_step(&cursor, backward);
        }
        CHECK(!found);
    }
}

/* ---- changes ---- */

static void change_ends(check_run *run, quicklist *list, model *m, slice text)
{
    char digits[NUMBER_INT64_MAX_LENGTH];
    bool at_head = check_chance(run, 50);
    if (check_chance(run, 60) && m->count < ELEMENTS_MAX) {
        quicklist_push(list, text, at_head);
        model_insert(m, at_head ? 0 : m->count, text);
    } else if (m->count > 0) {
        slice expected = m->texts[at_head ? 0 : m->count - 1];
        slice end = quicklist_end(list, at_head, digits);
        CHECK_BYTES(end.data, end.length, expected.data, expected.length);
        quicklist_pop(list, at_head);
        model_remove(m, at_head ? 0 : m->count - 1, 1);
    }
}

static void change_inside(check_run *run, quicklist *list, model *m, slice text)
{
    quicklist_cursor cursor;
    size_t at = check_random_below(run, m->count);
    bool flag = check_chance(run, 50);
    CHECK(quicklist_seek(&cursor, list, flag ? (int64_t)at : (int64_t)at - (int64_t)m->count));
    switch (check_random_below(run, 3)) {
    case 0:
        quicklist_insert(&cursor, text, flag);
        model_insert(m, at + flag, text);
        break;
    case 1:
        quicklist_replace(&cursor, text);
        model_remove(m, at, 1);
        model_insert(m, at, text);
        break;
    default:
        CHECK_INT(quicklist_remove(&cursor, flag), flag ? at > 0 : at + 1 < m->count);
        model_remove(m, at, 1);
        if (cursor.node != NULL) {
            slice expected = m->texts[flag ? at - 1 : at];
            CHECK(quicklist_equals(&cursor, expected));
        }
        quicklist_leave(&cursor);
    }
}

/* Remove several on one walk, as LREM does. */
static void change_many(check_run *run, quicklist *list, model *m)
{
    quicklist_cursor cursor;
    bool backward = check_chance(run, 50), found;
    size_t at = backward ? m->count - 1 : 0;
    found = quicklist_seek(&cursor, list, backward ? -1 : 0);
    while (found) {
        if (check_chance(run, 10)) {
            found = quicklist_remove(&cursor, backward);
            model_remove(m, at, 1);
            at -= backward;
        } else {
            found = quicklist_step(&cursor, backward);
            at += backward ? (size_t)-1 : 1;
        }
        if (found && check_chance(run, 1))
            break;
    }
    quicklist_leave(&cursor);
}

static void change_once(check_run *run, quicklist *list, model *m, char *buffer, size_t longest)
{
    slice text = random_text(run, buffer, longest);
    unsigned draw = (unsigned)check_random_below(run, 100);
    if (draw < 55 || m->count == 0 || m->count >= ELEMENTS_MAX) {
        change_ends(run, list, m, text);
    } else if (draw < 95) {
        change_inside(run, list, m, text);
    } else if (draw < 98) {
        size_t start = check_random_below(run, m->count);
        size_t count = check_random_below(run, m->count - start + 1);
        if (check_chance(run, 50) && count > 5)
            count = 5;
        quicklist_remove_range(list, start, count);
        model_remove(m, start, count);
    } else {
        change_many(run, list, m);
    }
}

/* Random changes to a list of this shape, which is copied in the end. */
static void change_at_random(check_run *run, int fill, int depth, size_t large_from)
{
    static model m;
    static char buffer[20000];
    quicklist *list = quicklist_new(fill, depth);
    list->large_from = large_from;
    for (uint64_t round = check_iterations(run, 1500); round > 0; round--) {
        change_once(run, list, &m, buffer, fill < 0 ? 9000 : 400);
        check_nodes(list);
        if (round % 16 == 0)
            check_against(list, &m);
    }
    check_against(list, &m);
    quicklist *copy = quicklist_copy(list);
    CHECK_INT(copy->depth, list->depth);
    CHECK_INT(copy->deep, list->deep);
    check_against(copy, &m);
    for (uint64_t round = check_iterations(run, 100); round > 0; round--)
        change_once(run, copy, &m, buffer, 400);
    check_against(copy, &m);
    while (!quicklist_free_some(copy, 10))
        CHECK(copy->count > 0);
    CHECK(quicklist_free_some(list, SIZE_MAX));
    model_remove(&m, 0, m.count);
}

static void test_random_changes_leave_what_an_array_would_hold(check_run *run)
{
    static const int fills[] = {-1, -2, 0, 1, 3, 16, 128, -5};
    for (size_t index = 0; index < CHECK_LENGTH(fills); index++)
        change_at_random(run, fills[index], 0, index % 2 ? 25 : 0);
}

static void test_random_changes_of_compressed_lists_do_too(check_run *run)
{
    static const int fills[] = {-1, 0, 1, 2, 3, 5, 16, 128};
    static const int depths[] = {1, 2, 3, 20};
    for (size_t index = 0; index < CHECK_LENGTH(fills); index++)
        for (size_t depth = 0; depth < CHECK_LENGTH(depths); depth++)
            change_at_random(run, fills[index], depths[depth], (index + depth) % 2 ? 25 : 0);
}

/* ---- single rules ---- */

static quicklist *list_of(int fill, int depth, size_t count, size_t length)
{
    quicklist *list = quicklist_new(fill, depth);
    char text[16384];
    memset(text, 'x', sizeof text);
    for (size_t index = 0; index < count; index++)
        quicklist_push(list, (slice){text, length}, false);
    return list;
}

static void test_a_node_holds_as_many_elements_or_bytes_as_fill_says(check_run *run)
{
    (void)run;
    quicklist *list = list_of(3, 0, 7, 5);
    CHECK_INT(list->nodes, 3);
    CHECK_INT(list->tail->count, 1);
    quicklist_free_some(list, SIZE_MAX);
    list = list_of(0, 0, 2, 5);
    CHECK_INT(list->nodes, 2);
    quicklist_free_some(list, SIZE_MAX);
    list = list_of(-2, 0, 512, 14); /* 511 elements of 16 bytes, and 7 */
    CHECK_INT(list->nodes, 2);
    CHECK_INT(list->head->count, 511);
    quicklist_free_some(list, SIZE_MAX);
    list = list_of(128, 0, 2, 8000); /* by bytes as well */
    CHECK_INT(list->nodes, 2);
    CHECK(!list->head->is_plain);
    quicklist_free_some(list, SIZE_MAX);
    list = list_of(128, 0, 1, 8193);
    CHECK(list->head->is_plain);
    quicklist_free_some(list, SIZE_MAX);
}

static void test_a_full_node_is_split_where_an_element_is_inserted(check_run *run)
{
    quicklist_cursor cursor;
    (void)run;
    quicklist *list = list_of(4, 0, 8, 2);
    CHECK(quicklist_seek(&cursor, list, 1));
    quicklist_insert(&cursor, (slice){"new", 3}, true);
    CHECK_INT(list->nodes, 3);
    CHECK_INT(list->head->count, 2);
    CHECK_INT(list->head->next->count, 3);
    CHECK_INT(list->tail->count, 4);
    check_nodes(list);
    quicklist_free_some(list, SIZE_MAX);
}

static size_t compressed_nodes(const quicklist *list)
{
    size_t compressed = 0;
    for (const quicklist_node *node = list->head; node != NULL; node = node->next)
        compressed += node->is_compressed;
    return compressed;
}

static void test_nodes_deeper_than_depth_are_compressed(check_run *run)
{
    (void)run;
    for (int depth = 0; depth < 6; depth++) {
        quicklist *list = list_of(4, depth, 40, 30);
        CHECK_INT(list->nodes, 10);
        CHECK_INT(compressed_nodes(list), depth == 0 || depth > 5 ? 0 : 10 - 2 * depth);
        for (; list->count > 0; quicklist_pop(list, depth % 2))
            check_nodes(list);
        CHECK_INT(list->bytes, alloc_usable(sizeof *list));
        quicklist_free_some(list, SIZE_MAX);
    }
}

static void test_nodes_are_compressed_only_where_it_pays(check_run *run)
{
    char noise[200];
    for (size_t index = 0; index < sizeof noise; index++)
        noise[index] = (char)check_random(run);
    /* Of one element and its 9 bytes of listpack: 47 and 48 bytes. */
    for (size_t length = 38; length < 40; length++) {
        quicklist *list = list_of(1, 1, 5, length);
        CHECK_INT(quicklist_node_bytes(list->head), length + 9);
        CHECK_INT(compressed_nodes(list), length + 9 < QUICKLIST_COMPRESS_MIN ? 0 : 3);
        check_nodes(list);
        quicklist_free_some(list, SIZE_MAX);
    }
    quicklist *list = quicklist_new(1, 1);
    for (size_t index = 0; index < 9; index++)
        quicklist_push(list, (slice){noise, sizeof noise}, index % 2);
    CHECK_INT(compressed_nodes(list), 0);
    CHECK_INT(list->deep, 7);
    check_nodes(list);
    quicklist_free_some(list, SIZE_MAX);
}

/* A node that did not pay is tried again after it has been at an end and was filled there. */
static void test_a_node_is_tried_again_each_time_it_leaves_an_end(check_run *run)
{
    quicklist *list = list_of(2, 1, 6, 3);
    (void)run;
    CHECK_INT(list->deep, 1);
    CHECK_INT(compressed_nodes(list), 0);
    for (size_t left = 3; left > 0; left--)
        quicklist_pop(list, false);
    CHECK_INT(list->nodes, 2);
    for (size_t more = 5; more > 0; more--)
        quicklist_push(list, (slice){"as long as it takes, as long as it takes", 40}, false);
    CHECK_INT(list->nodes, 4);
    CHECK_INT(compressed_nodes(list), 2);
    check_nodes(list);
    quicklist_free_some(list, SIZE_MAX);
}

static void test_big_elements_are_compressed_too(check_run *run)
{
    quicklist_cursor cursor;
    quicklist *list = list_of(-1, 1, 7, 9000);
    (void)run;
    CHECK(list->head->is_plain);
    CHECK_INT(compressed_nodes(list), 5);
    CHECK(list->bytes < 3 * 9000);
    CHECK(quicklist_seek(&cursor, list, 3));
    CHECK_INT(quicklist_text(&cursor, NULL).length, 9000);
    quicklist_replace(&cursor, (slice){"short", 5});
    CHECK(quicklist_seek(&cursor, list, 3));
    CHECK(quicklist_equals(&cursor, (slice){"short", 5}));
    quicklist_leave(&cursor);
    check_nodes(list);
    quicklist_free_some(list, SIZE_MAX);
}

static void test_reading_changes_nothing(check_run *run)
{
    quicklist *list = list_of(4, 1, 40, 30);
    const quicklist_node *node = list->head->next;
    const uint8_t *block = node->block;
    size_t bytes = list->bytes, used;
    quicklist_cursor cursor;
    (void)run;
    used = alloc_state.used_bytes;
    for (int64_t index = -40; index < 40; index++) {
        CHECK(quicklist_seek(&cursor, list, index));
        CHECK_INT(quicklist_text(&cursor, NULL).length, 30);
        while (quicklist_step(&cursor, index % 2) && check_chance(run, 90))
            CHECK_INT(quicklist_text(&cursor, NULL).length, 30);
        quicklist_leave(&cursor);
        CHECK_INT(alloc_state.used_bytes, used);
    }
    CHECK_POINTER(node->block, block);
    CHECK_INT(list->bytes, bytes);
    check_nodes(list);
    quicklist_free_some(list, SIZE_MAX);
}

static void test_a_million_elements_of_14_bytes_cost_little_more_than_16_bytes_each(check_run *run)
{
    (void)run;
    for (int at_head = 0; at_head < 2; at_head++) {
        quicklist *list = quicklist_new(-2, 0);
        for (size_t index = 0; index < 1000000; index++)
            quicklist_push(list, (slice){"fourteen bytes", 14}, at_head);
        CHECK(list->bytes < 16200000);
        check_nodes(list);
        CHECK(quicklist_free_some(list, SIZE_MAX));
    }
}

static void test_a_queue_that_wanders_through_its_block_stays_small(check_run *run)
{
    quicklist *list = list_of(-2, 0, 40, 14);
    (void)run;
    for (size_t round = 0; round < 20000; round++) {
        quicklist_push(list, (slice){"fourteen bytes", 14}, round % 2000 < 1000);
        quicklist_pop(list, round % 2000 >= 1000);
        CHECK(list->bytes < 4096);
        CHECK_INT(list->nodes, 1);
    }
    check_nodes(list);
    quicklist_free_some(list, SIZE_MAX);
}

static void test_extending_keeps_the_nodes_of_a_file_as_they_were(check_run *run)
{
    char digits[NUMBER_INT64_MAX_LENGTH];
    (void)run;
    quicklist *list = quicklist_new(2, 0);
    for (int64_t number = 0; number < 3000; number++) {
        size_t length = number_format_int64(digits, number);
        quicklist_extend(list, (slice){digits, length}, number % 1000 == 0);
    }
    CHECK_INT(list->nodes, 3);
    CHECK_INT(list->head->count, 1000);
    check_nodes(list);
    slice last = quicklist_end(list, false, digits);
    CHECK_BYTES(last.data, last.length, "2999", 4);
    quicklist_free_some(list, SIZE_MAX);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_a_node_holds_as_many_elements_or_bytes_as_fill_says),
        CHECK_TEST(test_a_full_node_is_split_where_an_element_is_inserted),
        CHECK_TEST(test_a_million_elements_of_14_bytes_cost_little_more_than_16_bytes_each),
        CHECK_TEST(test_a_queue_that_wanders_through_its_block_stays_small),
        CHECK_TEST(test_extending_keeps_the_nodes_of_a_file_as_they_were),
        CHECK_TEST(test_nodes_deeper_than_depth_are_compressed),
        CHECK_TEST(test_nodes_are_compressed_only_where_it_pays),
        CHECK_TEST(test_a_node_is_tried_again_each_time_it_leaves_an_end),
        CHECK_TEST(test_big_elements_are_compressed_too),
        CHECK_TEST(test_reading_changes_nothing),
        CHECK_TEST(test_random_changes_leave_what_an_array_would_hold),
        CHECK_TEST(test_random_changes_of_compressed_lists_do_too),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
