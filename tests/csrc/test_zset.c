/* Tests of zset.h: both encodings against a sorted array, with limits so low that every set is
 * converted while it grows; then what the model does not reach. */
#include "zset.h"

#include "alloc.h"
#include "check.h"
#include "skiplist.h"

#include <math.h>

#define MEMBERS 60
#define TEXT_MAX 24

typedef struct item {
    double score;
    size_t length;
    char text[TEXT_MAX];
} item;

typedef struct model {
    item items[MEMBERS];
    size_t count;
} model;

static collection_limits limits;
static zset_settings settings;

static void settings_make(check_run *run, size_t entries, size_t value)
{
    hash_seed seed;
    for (size_t index = 0; index < CHECK_LENGTH(seed.word); index++)
        seed.word[index] = check_random(run);
    limits.zset_entries = entries;
    limits.zset_value = value;
    zset_settings_init(&settings, &limits, &seed);
}

static slice text_of(const char *text)
{
    return (slice){text, strlen(text)};
}

static entry *zset_made(void)
{
    return zset_new(text_of("key"), ENTRY_NO_DUE, 0, 0, &settings);
}

static void zset_drop(entry *e)
{
    zset_free(e);
    entry_free(e);
}

static bool is_packed(const entry *e)
{
    return entry_get_encoding(e) == ENTRY_LISTPACK;
}

/* ---- the model ---- */

static int order_of(const item *a, const item *b)
{
    if (a->score != b->score)
        return a->score < b->score ? -1 : 1;
    return skiplist_member_compare((slice){a->text, a->length}, (slice){b->text, b->length});
}

static size_t model_find(const model *of, slice member)
{
    size_t at = 0;
    while (at < of->count && (of->items[at].length != member.length
                              || memcmp(of->items[at].text, member.data, member.length) != 0))
        at++;
    return at;
}

static void model_take(model *from, size_t at, size_t count)
{
    memmove(from->items + at, from->items + at + count,
            (from->count - at - count) * sizeof(item));
    from->count -= count;
}

static void model_put(model *in, slice member, double score)
{
    item made = {.score = score, .length = member.length};
    size_t at = in->count++;
    memcpy(made.text, member.data, member.length);
    for (; at > 0 && order_of(&in->items[at - 1], &made) > 0; at--)
        in->items[at] = in->items[at - 1];
    in->items[at] = made;
}

/* Half of the members are numbers, which a listpack stores in another form. */
static slice draw_member(check_run *run, char *room)
{
    uint32_t number = (uint32_t)check_random_below(run, MEMBERS - 2);
    const char *format = number % 2 ? "%u" : number % 3 ? "m%u" : "a longer member %u";
    return (slice){room, (size_t)snprintf(room, TEXT_MAX, format, number)};
}

static double draw_score(check_run *run)
{
    static const double special[] = {INFINITY, -INFINITY, 0.1, 1e300, -2.5, 4611686018427387904.0,
                                     9007199254740993.0};
    if (check_chance(run, 20))
        return special[check_random_below(run, CHECK_LENGTH(special))];
    return (double)check_random_below(run, 12) - 4;
}

static void check_equal(const entry *e, const model *with, zset_span span, bool reverse)
{
    zset_iterator iterator;
    slice member;
    double score;
    zset_iterate_span(&iterator, e, span, reverse);
    for (size_t i = 0; i < span.count; i++) {
        const item *expected = &with->items[span.first + (reverse ? span.count - 1 - i : i)];
        CHECK(zset_next(&iterator, &member, &score));
        CHECK_BYTES(member.data, member.length, expected->text, expected->length);
        CHECK(score == expected->score);
    }
    CHECK(!zset_next(&iterator, &member, &score));
}

static zset_outcome model_add(model *with, slice member, double score, unsigned flags,
                              double *result)
{
    size_t at = model_find(with, member);
    if (at == with->count) {
        if (flags & ZSET_XX)
            return ZSET_REFUSED;
        model_put(with, member, *result = score);
        return ZSET_ADDED;
    }
    double present = with->items[at].score;
    if (flags & ZSET_NX)
        return ZSET_REFUSED;
    if (flags & ZSET_INCREMENT)
        score += present;
    if (isnan(score))
        return ZSET_NOT_A_NUMBER;
    if ((flags & ZSET_GT && score <= present) || (flags & ZSET_LT && score >= present))
        return ZSET_REFUSED;
    *result = score;
    if (score == present)
        return ZSET_UNCHANGED;
    model_take(with, at, 1);
    model_put(with, member, score);
    return ZSET_UPDATED;
}

static void step_add(check_run *run, entry *e, model *with)
{
    static const unsigned choices[] = {0, 0, 0, ZSET_NX, ZSET_XX, ZSET_GT, ZSET_LT,
                                       ZSET_INCREMENT, ZSET_INCREMENT | ZSET_GT,
                                       ZSET_XX | ZSET_GT, ZSET_XX | ZSET_LT | ZSET_INCREMENT};
    char room[TEXT_MAX];
    slice member = draw_member(run, room);
    double score = draw_score(run), result = 99, expected = 99;
    unsigned flags = choices[check_random_below(run, CHECK_LENGTH(choices))];
    zset_outcome outcome = zset_add(e, member, score, flags, &result, &settings);
    CHECK_INT(outcome, model_add(with, member, score, flags, &expected));
    CHECK(result == expected);
}

static void step_member(check_run *run, entry *e, model *with)
{
    char room[TEXT_MAX];
    slice member = draw_member(run, room);
    size_t at = model_find(with, member), rank = 99;
    bool found = at < with->count, reverse = check_chance(run, 50);
    double score = 99;
    zset_prefetch(e, member);
    zset_prefetch_member(e, member);
    CHECK_INT(zset_score(e, member, &score), found);
    CHECK(score == (found ? with->items[at].score : 99));
    CHECK_INT(zset_rank(e, member, reverse, &rank, &score), found);
    if (found)
        CHECK_INT(rank, reverse ? with->count - 1 - at : at);
    if (check_chance(run, 40)) {
        CHECK_INT(zset_remove(e, member), found);
        if (found)
            model_take(with, at, 1);
    }
}

static void step_score_span(check_run *run, entry *e, model *with)
{
    zset_score_range range = {draw_score(run), draw_score(run), check_chance(run, 30),
                              check_chance(run, 30)};
    size_t first = 0, count = 0;
    for (size_t i = 0; i < with->count; i++)
        count += zset_score_is_within(with->items[i].score, &range);
    while (first < with->count && !zset_score_is_within(with->items[first].score, &range))
        first++;
    zset_span span = zset_span_of_scores(e, &range);
    CHECK_INT(span.count, count);
    if (count == 0)
        return;
    CHECK_INT(span.first, first);
    check_equal(e, with, span, check_chance(run, 50));
    if (count > 4)
        return;
    zset_remove_span(e, span);
    model_take(with, span.first, span.count);
}

static void step_cut(check_run *run, const entry *e, const model *with)
{
    bool reverse = check_chance(run, 50);
    int64_t start = (int64_t)check_random_below(run, 80) - 40;
    int64_t stop = (int64_t)check_random_below(run, 80) - 40;
    int64_t offset = (int64_t)check_random_below(run, 12) - 1;
    int64_t count = (int64_t)check_random_below(run, 12) - 1;
    zset_span span = zset_span_of_ranks(e, start, stop, reverse);
    CHECK(span.count == 0 || span.first + span.count <= with->count);
    if (span.count && start >= 0 && !reverse)
        CHECK_INT(span.first, start);
    if (span.count && start >= 0 && reverse)
        CHECK_INT(span.first + span.count, with->count - (size_t)start);
    zset_span cut = span;
    zset_span_cut(&cut, offset, count, reverse);
    CHECK(cut.count <= span.count && (count < 0 || cut.count <= (size_t)count));
    if (offset < 0 || (size_t)offset >= span.count) {
        CHECK_INT(cut.count, 0);
    } else {
        size_t skipped = reverse ? span.first + span.count - cut.first - cut.count
                                 : cut.first - span.first;
        CHECK_INT(skipped, offset);
        CHECK(cut.count == span.count - (size_t)offset || cut.count == (size_t)count);
    }
    check_equal(e, with, cut, reverse);
}

static void visit_count(void *context, slice member, double score)
{
    model *with = context;
    size_t at = model_find(with, member);
    CHECK(at < with->count && with->items[at].score == score);
    model_take(with, at, 1);
}

static void check_scan(const entry *e, const model *with)
{
    model left = *with;
    uint64_t cursor = 0;
    do
        cursor = zset_scan(e, cursor, visit_count, &left);
    while (cursor);
    CHECK_INT(left.count, 0);
}

static void run_model(check_run *run, uint64_t steps)
{
    model with = {.count = 0};
    entry *e = zset_made();
    for (uint64_t step = 0; step < steps; step++) {
        uint64_t kind = check_random_below(run, 100);
        if (kind < 50)
            step_add(run, e, &with);
        else if (kind < 70)
            step_member(run, e, &with);
        else if (kind < 85)
            step_score_span(run, e, &with);
        else
            step_cut(run, e, &with);
        CHECK_INT(zset_count(e), with.count);
        CHECK_INT(alloc_used_bytes(), zset_bytes(e) + alloc_usable(entry_size(e)));
        if (step % 20 == 0) {
            check_equal(e, &with, (zset_span){0, with.count}, false);
            check_scan(e, &with);
        }
        if (step % 50 == 0)
            zset_compact(e, &settings);
        if (step % 200 == 0) {
            entry *copy = entry_rename(e, text_of("copy"));
            zset_own(copy);
            check_equal(copy, &with, (zset_span){0, with.count}, true);
            zset_drop(copy);
        }
    }
    zset_drop(e);
    CHECK_INT(alloc_used_bytes(), 0);
}

static void test_both_encodings_agree_with_a_sorted_array(check_run *run)
{
    static const size_t entries[] = {0, 3, 10, 20, 1000};
    for (size_t i = 0; i < CHECK_LENGTH(entries); i++) {
        settings_make(run, entries[i], 64);
        run_model(run, check_iterations(run, 3000));
    }
    settings_make(run, 1000, 6);
    run_model(run, check_iterations(run, 3000));
}

/* ---- encodings ---- */

static void test_a_listpack_becomes_a_skiplist_beyond_its_limits(check_run *run)
{
    settings_make(run, 2, 4);
    entry *e = zset_made();
    CHECK_INT(entry_get_type(e), ENTRY_ZSET);
    zset_add(e, text_of("four"), 1, 0, NULL, &settings);
    zset_add(e, text_of("b"), 2, 0, NULL, &settings);
    zset_add(e, text_of("c"), 2, ZSET_XX, NULL, &settings);
    CHECK(is_packed(e));
    zset_add(e, text_of("c"), 3, 0, NULL, &settings);
    CHECK(!is_packed(e));
    zset_remove(e, text_of("c"));
    CHECK(!is_packed(e));
    zset_compact(e, &settings);
    CHECK(is_packed(e));
    zset_expect(e, 2, 4, &settings);
    CHECK(is_packed(e));
    zset_expect(e, 3, 0, &settings);
    CHECK(!is_packed(e));
    zset_drop(e);

    e = zset_made();
    zset_add(e, text_of("fives"), 1, 0, NULL, &settings);
    CHECK(!is_packed(e));
    zset_compact(e, &settings);
    CHECK(!is_packed(e));
    zset_drop(e);

    e = zset_new(text_of("key"), ENTRY_NO_DUE, 3, 0, &settings);
    CHECK(!is_packed(e));
    zset_drop(e);
    settings_make(run, 0, 64);
    e = zset_made();
    CHECK(!is_packed(e));
    zset_drop(e);
    CHECK_INT(alloc_used_bytes(), 0);
}

static void test_minus_zero_loses_its_sign_in_a_listpack_alone(check_run *run)
{
    double score = 1;
    settings_make(run, 1, 64);
    entry *e = zset_made();
    zset_add(e, text_of("a"), -0.0, 0, NULL, &settings);
    CHECK(zset_score(e, text_of("a"), &score));
    CHECK(score == 0 && !signbit(score));
    zset_add(e, text_of("b"), -0.0, 0, NULL, &settings);
    CHECK(zset_score(e, text_of("b"), &score));
    CHECK(score == 0 && signbit(score));
    CHECK_INT(zset_add(e, text_of("b"), 0.0, 0, NULL, &settings), ZSET_UNCHANGED);
    zset_drop(e);
}

/* ---- lexical spans ---- */

static zset_lex_bound draw_bound(check_run *run, char *room)
{
    zset_lex_bound bound = {draw_member(run, room), ZSET_LEX_INCLUSIVE};
    bound.kind = (zset_lex_kind)check_random_below(run, 4);
    return bound;
}

static void test_lexical_spans_hold_the_members_within(check_run *run)
{
    for (size_t entries = 0; entries <= 1000; entries += 1000) {
        model with = {.count = 0};
        char room[2][TEXT_MAX];
        settings_make(run, entries, 64);
        entry *e = zset_made();
        for (int i = 0; i < 100; i++) {
            slice member = draw_member(run, room[0]);
            if (zset_add(e, member, 5, 0, NULL, &settings) == ZSET_ADDED)
                model_put(&with, member, 5);
        }
        for (int i = 0; i < 2000; i++) {
            zset_lex_range range = {draw_bound(run, room[0]), draw_bound(run, room[1])};
            size_t count = 0;
            for (size_t at = 0; at < with.count; at++)
                count += zset_lex_is_within((slice){with.items[at].text, with.items[at].length},
                                            &range);
            zset_span span = zset_span_of_lex(e, &range);
            CHECK_INT(span.count, count);
            for (size_t at = span.first; at < span.first + count; at++)
                CHECK(zset_lex_is_within((slice){with.items[at].text, with.items[at].length},
                                         &range));
        }
        zset_drop(e);
    }
}

/* ---- freeing, drawing ---- */

static entry *zset_of_many(size_t count)
{
    char room[TEXT_MAX];
    entry *e = zset_made();
    for (size_t i = 0; i < count; i++) {
        slice member = {room, (size_t)snprintf(room, sizeof room, "m%zu", i)};
        zset_add(e, member, (double)(i % 100), 0, NULL, &settings);
    }
    return e;
}

static void test_a_big_set_is_freed_in_slices_and_a_small_one_at_once(check_run *run)
{
    settings_make(run, 10, 64);
    static const size_t counts[] = {5, 50};
    for (size_t i = 0; i < CHECK_LENGTH(counts); i++) {
        entry *e = zset_of_many(counts[i]);
        CHECK_POINTER(zset_detach(e), NULL);
        entry_free(e);
        CHECK_INT(alloc_used_bytes(), 0);
    }
    entry *e = zset_of_many(10000);
    void *rest = zset_detach(e);
    entry_free(e);
    int steps = 1;
    while (!zset_detached_step(rest, 64))
        steps++;
    CHECK(steps > 100);
    CHECK_INT(alloc_used_bytes(), 0);
}

static void test_random_members_are_of_the_set(check_run *run)
{
    char digits[NUMBER_INT64_MAX_LENGTH];
    random_state random;
    settings_make(run, 10, 64);
    random_seed(&random, run->seed);
    for (size_t count = 1; count <= 1000; count *= 10) {
        entry *e = zset_of_many(count);
        slice member;
        double score, same;
        for (int i = 0; i < 50; i++) {
            zset_random(e, &random, digits, &member, &score);
            CHECK(zset_score(e, member, &same) && score == same);
        }
        zset_drop(e);
    }
}

/* ---- listpacks from outside ---- */

static entry *of_pairs(const char *const *texts, size_t count)
{
    listpack *lp = listpack_new();
    for (size_t i = 0; i < count; i++)
        lp = listpack_append(lp, text_of(texts[i]));
    size_t length = listpack_bytes(lp);
    char *exact = malloc(length);
    memcpy(exact, lp, length);
    listpack_free(lp);
    entry *e = zset_of_listpack(text_of("key"), ENTRY_NO_DUE, exact, length, &settings);
    free(exact);
    return e;
}

#define OF_PAIRS(...) \
    of_pairs((const char *const[]){__VA_ARGS__}, \
             sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void test_a_listpack_from_outside_is_taken_only_where_it_is_a_set(check_run *run)
{
    settings_make(run, 4, 64);
    CHECK_POINTER(of_pairs(NULL, 0), NULL);
    CHECK_POINTER(OF_PAIRS("a"), NULL);
    CHECK_POINTER(OF_PAIRS("a", "1", "b"), NULL);
    CHECK_POINTER(OF_PAIRS("a", "x"), NULL);
    CHECK_POINTER(OF_PAIRS("a", "nan"), NULL);
    CHECK_POINTER(OF_PAIRS("a", ""), NULL);
    CHECK_POINTER(OF_PAIRS("a", "2", "b", "1"), NULL);
    CHECK_POINTER(OF_PAIRS("b", "1", "a", "1"), NULL);
    CHECK_POINTER(OF_PAIRS("a", "1", "a", "1"), NULL);
    CHECK_POINTER(OF_PAIRS("a", "1", "b", "1", "a", "2"), NULL);
    CHECK_POINTER(OF_PAIRS("7", "1", "b", "1", "7", "2"), NULL);
    entry *e = OF_PAIRS("z", "-inf", "b", "1", "c", "1.5", "d", "1.5");
    CHECK(e && is_packed(e));
    CHECK_INT(zset_count(e), 4);
    zset_drop(e);
    e = OF_PAIRS("a", "1", "b", "2", "c", "3", "d", "4", "e", "5");
    CHECK(e && !is_packed(e));
    zset_drop(e);
    CHECK_POINTER(zset_of_listpack(text_of("key"), ENTRY_NO_DUE, "\7\0\0\0\0\0", 6, &settings),
                  NULL);
    CHECK_INT(alloc_used_bytes(), 0);
}

static void test_a_long_listpack_from_outside_is_checked_as_a_whole(check_run *run)
{
    char room[TEXT_MAX];
    settings_make(run, 2000, 64);
    for (int duplicate = 0; duplicate < 2; duplicate++) {
        listpack *lp = listpack_new();
        for (int i = 0; i < 1000; i++) {
            int number = duplicate && i == 999 ? 3 : i;
            slice member = {room, (size_t)snprintf(room, sizeof room, "m%d", number)};
            lp = listpack_append_number(listpack_append(lp, member), i);
        }
        entry *e = zset_of_listpack(text_of("key"), ENTRY_NO_DUE, lp, listpack_bytes(lp),
                                    &settings);
        CHECK_INT(e == NULL, duplicate);
        if (e) {
            CHECK(is_packed(e));
            CHECK_INT(zset_count(e), 1000);
            zset_drop(e);
        }
        listpack_free(lp);
    }
    CHECK_INT(alloc_used_bytes(), 0);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_both_encodings_agree_with_a_sorted_array),
        CHECK_TEST(test_a_listpack_becomes_a_skiplist_beyond_its_limits),
        CHECK_TEST(test_minus_zero_loses_its_sign_in_a_listpack_alone),
        CHECK_TEST(test_lexical_spans_hold_the_members_within),
        CHECK_TEST(test_a_big_set_is_freed_in_slices_and_a_small_one_at_once),
        CHECK_TEST(test_random_members_are_of_the_set),
        CHECK_TEST(test_a_listpack_from_outside_is_taken_only_where_it_is_a_set),
        CHECK_TEST(test_a_long_listpack_from_outside_is_checked_as_a_whole),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
