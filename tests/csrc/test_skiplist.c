/* Tests of skiplist.h. The oracle is a sorted array, searched and changed in the plainest way;
 * check_list walks every node and verifies all invariants of the header. */
#include "alloc.h"
#include "check.h"
#include "skiplist.h"

#include <math.h>

#define MEMBER_MAX 400

typedef struct item {
    double score;
    size_t length;
    char member[MEMBER_MAX];
} item;

/* Sorted by score, then member. */
typedef struct model {
    item **items;
    size_t count, capacity;
} model;

static hashtable_type type = {skiplist_record_key, {{0}}};

static void type_seed(check_run *run)
{
    for (size_t index = 0; index < CHECK_LENGTH(type.seed.word); index++)
        type.seed.word[index] = check_random(run);
}

static slice member_of(const item *of)
{
    return (slice){of->member, of->length};
}

static int compare(double a_score, slice a, double b_score, slice b)
{
    if (a_score != b_score)
        return a_score < b_score ? -1 : 1;
    size_t shared = a.length < b.length ? a.length : b.length;
    int order = memcmp(a.data, b.data, shared);
    return order ? order : (a.length > b.length) - (a.length < b.length);
}

static size_t model_find(const model *of, slice member)
{
    size_t at = 0;
    while (at < of->count && compare(0, member_of(of->items[at]), 0, member) != 0)
        at++;
    return at;
}

static void model_put(model *in, double score, slice member)
{
    size_t at = in->count;
    item *made = malloc(sizeof *made);
    made->score = score;
    made->length = member.length;
    memcpy(made->member, member.data, member.length);
    if (in->count == in->capacity) {
        in->capacity = in->capacity ? in->capacity * 2 : 64;
        in->items = realloc(in->items, in->capacity * sizeof *in->items);
    }
    for (; at > 0; at--) {
        const item *before = in->items[at - 1];
        if (compare(before->score, member_of(before), score, member) < 0)
            break;
        in->items[at] = in->items[at - 1];
    }
    in->items[at] = made;
    in->count++;
}

static void model_take(model *from, size_t at, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(from->items[at + i]);
    memmove(from->items + at, from->items + at + count,
            (from->count - at - count) * sizeof *from->items);
    from->count -= count;
}

static void model_free(model *which)
{
    model_take(which, 0, which->count);
    free(which->items);
}

/* ---- the invariants ---- */

typedef struct walk {
    size_t leaves, inner_nodes, outside_bytes;
    uint64_t used_bytes;
} walk;

static size_t check_leaf(const skiplist *list, const skiplist_leaf *leaf, walk *total)
{
    uint8_t taken[SKIPLIST_LEAF_BYTES] = {0};
    uint32_t size = skiplist_leaf_size(leaf), hole_bytes = 0;
    CHECK(size == SKIPLIST_LEAF_BYTES || list->levels == 0);
    CHECK(((uintptr_t)leaf & (size - 1)) == 0);
    CHECK(leaf->count > 0 || list->levels == 0);
    CHECK(leaf->heap >= SKIPLIST_LEAF_HEAD + leaf->count * SKIPLIST_LEAF_ITEM);
    for (uint32_t i = 0; i < leaf->count; i++) {
        const skiplist_record *record = skiplist_leaf_record(leaf, i);
        slice member = skiplist_record_member(record);
        uint32_t start = skiplist_leaf_offsets(leaf)[i];
        CHECK(start >= leaf->heap && start + skiplist_record_bytes(record) <= size);
        for (uint32_t b = 0; b < skiplist_record_bytes(record); b++)
            CHECK(taken[start + b]++ == 0);
        CHECK_INT(skiplist_record_bytes(record), skiplist_record_bytes_for(member.length));
        if (record[0] == SKIPLIST_RECORD_OUTSIDE)
            total->outside_bytes += alloc_usable(sizeof(skiplist_outside) + member.length);
        skiplist_place place;
        CHECK(skiplist_find(list, member, skiplist_hash(list, member), &place));
        CHECK_POINTER(place.leaf, leaf);
        CHECK_INT(place.position, i);
        CHECK_POINTER(place.record, record);
    }
    for (uint32_t at = leaf->hole; at; at = load_u16((const uint8_t *)leaf + at)) {
        uint32_t bytes = load_u16((const uint8_t *)leaf + at + 2);
        CHECK(bytes >= SKIPLIST_RECORD_MIN && at >= leaf->heap && at + bytes <= size);
        hole_bytes += bytes;
        for (uint32_t b = 0; b < bytes; b++)
            CHECK(taken[at + b]++ == 0);
    }
    CHECK_INT(hole_bytes, leaf->hole_bytes);
    for (uint32_t b = leaf->heap; b < size; b++)
        CHECK(taken[b]);
    total->leaves++;
    total->used_bytes += skiplist_leaf_used(leaf);
    return leaf->count;
}

static size_t check_node(const skiplist *list, const void *node, uint32_t level, walk *total)
{
    if (level == 0)
        return check_leaf(list, node, total);
    const skiplist_inner *inner = node;
    size_t count = 0;
    CHECK(inner->count >= 1 && inner->count <= SKIPLIST_FANOUT);
    CHECK(inner->count >= 2 || node != list->root);
    for (uint32_t i = 0; i < inner->count; i++) {
        const void *first = inner->children[i];
        CHECK_POINTER(((const skiplist_leaf *)inner->children[i])->parent, inner);
        for (uint32_t below = level - 1; below; below--)
            first = ((const skiplist_inner *)first)->children[0];
        CHECK(((const skiplist_leaf *)first)->scores[0] == inner->scores[i]);
        CHECK_INT(inner->counts[i], check_node(list, inner->children[i], level - 1, total));
        count += inner->counts[i];
    }
    total->inner_nodes++;
    return count;
}

static walk check_list(const skiplist *list)
{
    walk total = {0};
    CHECK_POINTER(((const skiplist_leaf *)list->root)->parent, NULL);
    CHECK_INT(check_node(list, list->root, list->levels, &total), skiplist_count(list));
    CHECK_INT(total.leaves, list->leaves);
    CHECK_INT(total.inner_nodes, list->inner_nodes);
    CHECK_INT(total.outside_bytes, list->outside_bytes);
    return total;
}

static void check_equal(const skiplist *list, const model *with)
{
    skiplist_cursor at = skiplist_first(list);
    CHECK_INT(skiplist_count(list), with->count);
    for (size_t i = 0; i < with->count; i++, skiplist_forward(&at)) {
        slice member = skiplist_cursor_member(&at);
        CHECK_BYTES(member.data, member.length, with->items[i]->member, with->items[i]->length);
        double score = skiplist_cursor_score(&at);
        CHECK(memcmp(&score, &with->items[i]->score, sizeof score) == 0);
    }
    CHECK_POINTER(at.leaf, NULL);
    at = skiplist_last(list);
    for (size_t i = with->count; i-- > 0; skiplist_backward(&at)) {
        slice member = skiplist_cursor_member(&at);
        CHECK_BYTES(member.data, member.length, with->items[i]->member, with->items[i]->length);
    }
    CHECK_POINTER(at.leaf, NULL);
}

/* ---- drawing ---- */

typedef struct draws {
    uint32_t members;     /* how many different ones there are */
    uint32_t scores;      /* the same; few: many ties */
    uint32_t length_max;
} draws;

static double draw_score(check_run *run, const draws *from)
{
    static const double special[] = {0.0, -0.0, INFINITY, -INFINITY, 1e308, -1e308, 5e-324};
    if (check_chance(run, 3))
        return special[check_random_below(run, CHECK_LENGTH(special))];
    return (double)check_random_below(run, from->scores) / 4 - from->scores / 16.0;
}

/* The member of a number: its length depends on the number too, so that it is always the same. */
static slice draw_member(check_run *run, const draws *from, char *room)
{
    uint32_t number = (uint32_t)check_random_below(run, from->members);
    if (number == 0)
        return (slice){room, 0};
    uint32_t length = number * UINT32_C(2654435761) >> 8;
    length = number % 8 ? length % (from->length_max < 24 ? from->length_max : 24)
                        : length % from->length_max;
    int digits = snprintf(room, MEMBER_MAX, "%u", number);
    if (length <= (uint32_t)digits)
        return (slice){room, (size_t)digits};
    memmove(room + length - (uint32_t)digits, room, (size_t)digits);
    memset(room, 'm', length - (uint32_t)digits);
    return (slice){room, length};
}

/* ---- one step of the model test ---- */

static void step_set(check_run *run, skiplist *list, model *with, const draws *from)
{
    char room[MEMBER_MAX];
    slice member = draw_member(run, from, room);
    char *exact = malloc(member.length + 1);
    double score = draw_score(run, from);
    skiplist_place place;
    memcpy(exact, member.data, member.length); /* sees overreads */
    member.data = exact;
    size_t at = model_find(with, member);
    bool found = skiplist_find(list, member, skiplist_hash(list, member), &place);
    CHECK_INT(found, at < with->count);
    if (!found) {
        skiplist_insert(list, member, skiplist_hash(list, member), score);
        model_put(with, score, member);
    } else {
        CHECK(skiplist_place_score(&place) == with->items[at]->score);
        CHECK_INT(skiplist_place_rank(list, &place), at);
        if (check_chance(run, 50))
            score = with->items[at]->score + (double)check_random_below(run, 5) - 2;
        if (score != with->items[at]->score && score == score) {
            skiplist_move(list, &place, member, score);
            model_take(with, at, 1);
            model_put(with, score, member);
        }
    }
    free(exact);
}

static void step_remove(check_run *run, skiplist *list, model *with, const draws *from)
{
    char room[MEMBER_MAX];
    slice member = draw_member(run, from, room);
    skiplist_place place;
    size_t at = model_find(with, member);
    CHECK_INT(skiplist_find(list, member, skiplist_hash(list, member), &place), at < with->count);
    if (at == with->count)
        return;
    skiplist_remove(list, &place);
    model_take(with, at, 1);
}

static void step_remove_run(check_run *run, skiplist *list, model *with)
{
    size_t rank = check_random_below(run, with->count + 1);
    size_t most = with->count - rank;
    size_t count = check_random_below(run, (check_chance(run, 95) && most > 40 ? 40 : most) + 1);
    skiplist_remove_run(list, rank, count);
    model_take(with, rank, count);
}

static void step_look(check_run *run, const skiplist *list, const model *with, const draws *from)
{
    double score = draw_score(run, from);
    size_t below = 0, not_above = 0;
    for (size_t i = 0; i < with->count; i++) {
        below += with->items[i]->score < score;
        not_above += with->items[i]->score <= score;
    }
    CHECK_INT(skiplist_count_below(list, score, false), below);
    CHECK_INT(skiplist_count_below(list, score, true), not_above);
    if (with->count == 0)
        return;
    size_t rank = check_random_below(run, with->count);
    skiplist_cursor at = skiplist_at(list, rank);
    slice member = skiplist_cursor_member(&at);
    CHECK_BYTES(member.data, member.length, with->items[rank]->member, with->items[rank]->length);
}

static void run_model(check_run *run, const draws *from, size_t size, uint64_t steps)
{
    model with = {0};
    skiplist *list = skiplist_new(&type);
    for (uint64_t step = 0; step < steps; step++) {
        bool shrinking = with.count > size || (step / 3000) % 3 == 2;
        uint64_t kind = check_random_below(run, 100);
        if (kind < (shrinking ? 30 : 75))
            step_set(run, list, &with, from);
        else if (kind < 90)
            step_remove(run, list, &with, from);
        else if (kind < 98 || !shrinking)
            step_look(run, list, &with, from);
        else
            step_remove_run(run, list, &with);
        if (step % 500 == 0) {
            check_list(list);
            check_equal(list, &with);
        }
    }
    check_list(list);
    check_equal(list, &with);
    skiplist *copy = skiplist_copy(list);
    skiplist_free(list);
    check_list(copy);
    check_equal(copy, &with);
    skiplist_remove_run(copy, 0, with.count);
    check_list(copy);
    CHECK_INT(skiplist_count(copy), 0);
    CHECK_POINTER(skiplist_first(copy).leaf, NULL);
    CHECK_POINTER(skiplist_last(copy).leaf, NULL);
    skiplist_free(copy);
    model_free(&with);
    CHECK_INT(alloc_used_bytes(), 0);
}

static void test_a_list_agrees_with_a_sorted_array(check_run *run)
{
    type_seed(run);
    run_model(run, &(draws){3000, 4000, 300}, 1500, check_iterations(run, 12000));
}

static void test_many_equal_scores_are_ordered_by_member(check_run *run)
{
    type_seed(run);
    run_model(run, &(draws){3000, 3, 24}, 1500, check_iterations(run, 12000));
}

static void test_a_small_list_agrees_with_a_sorted_array(check_run *run)
{
    type_seed(run);
    for (int round = 0; round < 20; round++)
        run_model(run, &(draws){40, 20, 400}, 20, check_iterations(run, 600));
}

static void test_long_members_stand_outside_their_leaf(check_run *run)
{
    char text[MEMBER_MAX];
    type_seed(run);
    skiplist *list = skiplist_new(&type);
    memset(text, 'x', sizeof text);
    for (size_t length = 230; length < 260; length++) {
        slice member = {text, length};
        skiplist_insert(list, member, skiplist_hash(list, member), (double)length);
    }
    walk total = check_list(list);
    CHECK(total.outside_bytes > 0);
    CHECK_INT(skiplist_count_before(list, (slice){text, 240}, false), 10);
    skiplist_free(list);
    CHECK_INT(alloc_used_bytes(), 0);
}

/* ---- order ---- */

static void test_members_count_before_a_text_when_scores_are_equal(check_run *run)
{
    model with = {0};
    draws from = {4000, 1, 20};
    char room[MEMBER_MAX];
    type_seed(run);
    skiplist *list = skiplist_new(&type);
    for (int i = 0; i < 2000; i++) {
        slice member = draw_member(run, &from, room);
        skiplist_place place;
        if (skiplist_find(list, member, skiplist_hash(list, member), &place))
            continue;
        skiplist_insert(list, member, skiplist_hash(list, member), 7);
        model_put(&with, 7, member);
    }
    for (int i = 0; i < 500; i++) {
        slice text = draw_member(run, &from, room);
        size_t before = 0, not_behind = 0;
        for (size_t at = 0; at < with.count; at++) {
            int order = compare(0, member_of(with.items[at]), 0, text);
            before += order < 0;
            not_behind += order <= 0;
        }
        CHECK_INT(skiplist_count_before(list, text, false), before);
        CHECK_INT(skiplist_count_before(list, text, true), not_behind);
    }
    skiplist_free(list);
    model_free(&with);
}

static void fill_in_order(skiplist *list, uint32_t count, bool descending)
{
    char text[16];
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = descending ? count - i : i;
        slice member = {text, (size_t)snprintf(text, sizeof text, "m:%012u", number)};
        skiplist_insert(list, member, skiplist_hash(list, member), number);
    }
}

static void test_members_in_order_fill_their_leaves(check_run *run)
{
    type_seed(run);
    for (int descending = 0; descending < 2; descending++) {
        skiplist *list = skiplist_new(&type);
        fill_in_order(list, 20000, descending);
        walk total = check_list(list);
        CHECK(total.used_bytes >= total.leaves * (SKIPLIST_LEAF_BYTES - 64));
        skiplist_free(list);
    }
}

static void test_members_at_random_fill_three_quarters_of_their_leaves(check_run *run)
{
    char text[16];
    type_seed(run);
    skiplist *list = skiplist_new(&type);
    for (uint32_t i = 0; i < 20000; i++) {
        slice member = {text, (size_t)snprintf(text, sizeof text, "m:%012u", i)};
        skiplist_insert(list, member, skiplist_hash(list, member), (double)check_random(run));
    }
    walk total = check_list(list);
    CHECK(total.used_bytes >= total.leaves * SKIPLIST_LEAF_BYTES * 3 / 4);
    skiplist_free(list);
}

static void test_a_list_that_empties_gives_its_nodes_back(check_run *run)
{
    type_seed(run);
    skiplist *list = skiplist_new(&type);
    fill_in_order(list, 30000, false);
    while (skiplist_count(list) > 30) {
        size_t count = skiplist_count(list);
        skiplist_remove_run(list, check_random_below(run, count), 1);
        if (count % 2000 == 0) {
            walk total = check_list(list);
            CHECK(total.leaves <= 2 + count / 6);
        }
    }
    CHECK(check_list(list).leaves <= 6);
    skiplist_remove_run(list, 0, 30);
    CHECK_INT(check_list(list).leaves, 1);
    skiplist_free(list);
    CHECK_INT(alloc_used_bytes(), 0);
}

static void test_a_list_is_freed_a_slice_at_a_time(check_run *run)
{
    char text[MEMBER_MAX];
    type_seed(run);
    skiplist *list = skiplist_new(&type);
    fill_in_order(list, 20000, false);
    memset(text, 'y', sizeof text);
    slice long_member = {text, sizeof text};
    skiplist_insert(list, long_member, skiplist_hash(list, long_member), 5.5);
    size_t steps = 1, before = alloc_used_bytes();
    CHECK_INT(skiplist_bytes(list), before);
    for (; !skiplist_free_some(list, 64); steps++) {
        CHECK(before - alloc_used_bytes() <= 96 * 1024); /* a segment of buckets is 64 KB */
        before = alloc_used_bytes();
    }
    CHECK(steps > 400);
    CHECK_INT(alloc_used_bytes(), 0);
}

static void note_visit(void *context, slice member, double score)
{
    uint8_t *seen = context;
    char text[16];
    CHECK(member.length < sizeof text);
    memcpy(text, member.data, member.length);
    text[member.length] = 0;
    CHECK_INT(strtoul(text + 2, NULL, 10), (uint32_t)score);
    seen[(uint32_t)score]++;
}

static void test_a_scan_visits_all_members_while_the_list_grows(check_run *run)
{
    static uint8_t seen[6000];
    char text[16];
    uint64_t cursor = 0;
    uint32_t next = 3000;
    type_seed(run);
    memset(seen, 0, sizeof seen);
    skiplist *list = skiplist_new(&type);
    fill_in_order(list, next, false);
    do {
        cursor = skiplist_scan(list, cursor, note_visit, seen);
        for (int i = 0; i < 3 && next < CHECK_LENGTH(seen); i++, next++) {
            slice member = {text, (size_t)snprintf(text, sizeof text, "m:%012u", next)};
            skiplist_insert(list, member, skiplist_hash(list, member), next);
        }
    } while (cursor);
    for (uint32_t i = 0; i < 3000; i++)
        CHECK(seen[i]);
    skiplist_free(list);
}

static void test_random_members_are_about_equally_likely(check_run *run)
{
    static uint32_t drawn[1000];
    random_state random;
    type_seed(run);
    memset(drawn, 0, sizeof drawn);
    random_seed(&random, run->seed);
    skiplist *list = skiplist_new(&type);
    fill_in_order(list, 1000, false);
    for (int i = 0; i < 100000; i++) {
        skiplist_cursor at = skiplist_random(list, &random);
        drawn[(uint32_t)skiplist_cursor_score(&at)]++;
    }
    for (uint32_t i = 0; i < 1000; i++)
        CHECK(drawn[i] > 40 && drawn[i] < 180);
    skiplist_free(list);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_a_list_agrees_with_a_sorted_array),
        CHECK_TEST(test_many_equal_scores_are_ordered_by_member),
        CHECK_TEST(test_a_small_list_agrees_with_a_sorted_array),
        CHECK_TEST(test_long_members_stand_outside_their_leaf),
        CHECK_TEST(test_members_count_before_a_text_when_scores_are_equal),
        CHECK_TEST(test_members_in_order_fill_their_leaves),
        CHECK_TEST(test_members_at_random_fill_three_quarters_of_their_leaves),
        CHECK_TEST(test_a_list_that_empties_gives_its_nodes_back),
        CHECK_TEST(test_a_list_is_freed_a_slice_at_a_time),
        CHECK_TEST(test_a_scan_visits_all_members_while_the_list_grows),
        CHECK_TEST(test_random_members_are_about_equally_likely),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
