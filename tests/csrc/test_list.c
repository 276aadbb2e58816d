/* Tests of list.h: the same changes to a list and to an array of texts, with limits that make the
 * list change its encoding again and again, and the rules of each conversion. */
#include "check.h"
#include "list.h"

#include <stdlib.h>

enum { ELEMENTS_MAX = 80 };

static const slice KEY = {"key", 3};

typedef struct model {
    char texts[ELEMENTS_MAX + 2][48];
    size_t lengths[ELEMENTS_MAX + 2];
    size_t count;
} model;

static void model_insert(model *m, size_t at, slice text)
{
    memmove(m->texts + at + 1, m->texts + at, (m->count - at) * sizeof m->texts[0]);
    memmove(m->lengths + at + 1, m->lengths + at, (m->count - at) * sizeof m->lengths[0]);
    memcpy(m->texts[at], text.data, text.length);
    m->lengths[at] = text.length;
    m->count++;
}

static void model_remove(model *m, size_t at, size_t count)
{
    size_t behind = m->count - at - count;
    memmove(m->texts + at, m->texts + at + count, behind * sizeof m->texts[0]);
    memmove(m->lengths + at, m->lengths + at + count, behind * sizeof m->lengths[0]);
    m->count -= count;
}

static slice random_text(check_run *run, char *buffer)
{
    if (check_chance(run, 40)) {
        int64_t number = (int64_t)check_random(run) >> check_random_below(run, 64);
        return (slice){buffer, number_format_int64(buffer, number)};
    }
    size_t length = check_random_below(run, 40);
    memset(buffer, 'a' + (int)check_random_below(run, 3), length);
    return (slice){buffer, length};
}

static void check_against(const entry *e, const model *m)
{
    list_iterator iterator;
    slice text;
    CHECK_INT(list_length(e), m->count);
    for (int backward = 0; backward < 2; backward++) {
        CHECK_INT(list_iterate(&iterator, e, backward), m->count > 0);
        for (size_t index = 0; index < m->count; index++) {
            size_t at = backward ? m->count - 1 - index : index;
            CHECK(list_next(&iterator, &text));
            CHECK_BYTES(text.data, text.length, m->texts[at], m->lengths[at]);
            CHECK(list_matches(&iterator, (slice){m->texts[at], m->lengths[at]}));
        }
        CHECK(!list_step(&iterator));
    }
    if (m->count > 0 && list_iterate_at(&iterator, e, (int64_t)m->count / 2, true))
        list_leave(&iterator);
    CHECK(list_bytes(e) > 0);
}

static void change_ends(check_run *run, entry *e, model *m, slice text,
                        const collection_limits *limits)
{
    char digits[NUMBER_INT64_MAX_LENGTH];
    bool at_head = check_chance(run, 50);
    if (m->count < 2 || (check_chance(run, 55) && m->count < ELEMENTS_MAX)) {
        list_push(e, text, at_head, limits);
        model_insert(m, at_head ? 0 : m->count, text);
        return;
    }
    size_t at = at_head ? 0 : m->count - 1;
    slice end = list_end(e, at_head, digits);
    CHECK_BYTES(end.data, end.length, m->texts[at], m->lengths[at]);
    list_pop(e, at_head);
    model_remove(m, at, 1);
    list_shrink(e, limits);
}

static void change_inside(check_run *run, entry *e, model *m, slice text,
                          const collection_limits *limits)
{
    list_iterator iterator;
    size_t at = check_random_below(run, m->count);
    bool flag = check_chance(run, 50);
    list_expect(e, text.length, 1, limits);
    CHECK(list_iterate_at(&iterator, e, (int64_t)at, flag));
    CHECK(list_step(&iterator));
    if (check_chance(run, 50) && m->count < ELEMENTS_MAX) {
        list_insert(&iterator, e, text, flag);
        model_insert(m, at + flag, text);
    } else {
        list_replace(&iterator, e, text);
        model_remove(m, at, 1);
        model_insert(m, at, text);
        list_shrink(e, limits);
    }
}

/* Remove elements on one walk, and a range; one element always stays. */
static void change_many(check_run *run, entry *e, model *m, const collection_limits *limits)
{
    list_iterator iterator;
    bool backward = check_chance(run, 50);
    size_t index = backward ? m->count : (size_t)-1;
    list_iterate(&iterator, e, backward);
    while (m->count > 1 && list_step(&iterator)) {
        index += backward ? (size_t)-1 : 1;
        CHECK(list_matches(&iterator, (slice){m->texts[index], m->lengths[index]}));
        if (check_chance(run, 30)) {
            CHECK_INT(list_remove(&iterator, e), backward ? index > 0 : index + 1 < m->count);
            model_remove(m, index, 1);
            index -= !backward;
        }
    }
    list_leave(&iterator);
    size_t start = check_random_below(run, m->count);
    size_t count = check_random_below(run, m->count - start + (start > 0));
    list_remove_range(e, start, count);
    model_remove(m, start, count);
    list_shrink(e, limits);
}

static void test_random_changes_leave_what_an_array_would_hold(check_run *run)
{
    static const int sizes[] = {-1, 0, 1, 4, 8, 32};
    static model m;
    char buffer[64];
    size_t packed = 0, quick = 0;
    for (size_t index = 0; index < 3 * CHECK_LENGTH(sizes); index++) {
        collection_limits limits = {.list_size = sizes[index % CHECK_LENGTH(sizes)],
                                    .list_node_max = index % 2 ? 30 : 0};
        entry *e = list_new(KEY, ENTRY_NO_DUE);
        for (uint64_t round = check_iterations(run, 3000); round > 0; round--) {
            /* Counts for the quicklists that are made from now on. */
            limits.list_compress_depth = (int)((round / 100 + index) % 3);
            slice text = random_text(run, buffer);
            unsigned draw = (unsigned)check_random_below(run, 100);
            if (draw < 60 || m.count == 0)
                change_ends(run, e, &m, text, &limits);
            else if (draw < 95)
                change_inside(run, e, &m, text, &limits);
            else
                change_many(run, e, &m, &limits);
            check_against(e, &m);
            list_is_packed(e) ? packed++ : quick++;
        }
        entry *copy = entry_rename(e, KEY);
        list_own(copy);
        list_free(e);
        entry_free(e);
        check_against(copy, &m);
        list_free(copy);
        entry_free(copy);
        m.count = 0;
    }
    CHECK(check_iterations(run, 3000) < 1000 || (packed > 1000 && quick > 1000));
}

static void push_many(entry *e, size_t count, size_t length, const collection_limits *limits)
{
    char text[8200];
    memset(text, 'x', sizeof text);
    for (size_t index = 0; index < count; index++)
        list_push(e, (slice){text, length}, false, limits);
}

static void drop(entry *e)
{
    list_free(e);
    entry_free(e);
}

static void test_a_list_that_passes_the_limit_becomes_a_quicklist(check_run *run)
{
    collection_limits limits = {.list_size = 4};
    entry *e = list_new(KEY, ENTRY_NO_DUE);
    (void)run;
    push_many(e, 4, 1, &limits);
    CHECK(list_is_packed(e));
    push_many(e, 1, 1, &limits);
    CHECK(!list_is_packed(e));
    CHECK_INT(list_quick(e)->nodes, 2);
    drop(e);
    limits.list_size = -1;
    e = list_new(KEY, ENTRY_NO_DUE);
    push_many(e, 1, 4096 - 7, &limits);
    CHECK(list_is_packed(e)); /* the text alone is counted, not what encodes it */
    push_many(e, 1, 1, &limits);
    CHECK(!list_is_packed(e));
    drop(e);
}

static void test_a_list_becomes_a_listpack_again_at_half_of_the_limit(check_run *run)
{
    collection_limits limits = {.list_size = 8};
    entry *e = list_new(KEY, ENTRY_NO_DUE);
    (void)run;
    push_many(e, 9, 1, &limits);
    while (list_length(e) > 5) {
        list_pop(e, false);
        list_shrink(e, &limits);
        CHECK(!list_is_packed(e));
    }
    list_pop(e, false);
    list_shrink(e, &limits);
    CHECK(list_is_packed(e));
    drop(e);
}

static void test_a_loaded_list_is_a_listpack_up_to_the_whole_limit(check_run *run)
{
    collection_limits limits = {.list_size = 4};
    (void)run;
    for (size_t count = 1; count < 10; count++) {
        quicklist *list = quicklist_new(4, 0);
        for (size_t index = 0; index < count; index++)
            quicklist_push(list, (slice){"x", 1}, false);
        entry *e = list_new_of(KEY, ENTRY_NO_DUE, list, &limits);
        CHECK_INT(list_is_packed(e), count <= 4);
        CHECK_INT(list_length(e), count);
        drop(e);
    }
}

static void test_the_room_of_a_listpack_is_at_most_an_eighth(check_run *run)
{
    (void)run;
    for (size_t bytes = 1; bytes < 70000; bytes++) {
        size_t capacity = list_pack_capacity(bytes);
        CHECK(capacity >= bytes && capacity <= bytes + bytes / 8 + 8);
        CHECK_INT(list_pack_capacity(capacity), capacity);
    }
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_a_list_that_passes_the_limit_becomes_a_quicklist),
        CHECK_TEST(test_a_list_becomes_a_listpack_again_at_half_of_the_limit),
        CHECK_TEST(test_a_loaded_list_is_a_listpack_up_to_the_whole_limit),
        CHECK_TEST(test_the_room_of_a_listpack_is_at_most_an_eighth),
        CHECK_TEST(test_random_changes_leave_what_an_array_would_hold),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
