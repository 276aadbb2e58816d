/* Tests of sort: random items against insertion into a sorted array, scores as a real server takes
 * them, and patterns. */
#include "sort.h"

#include "check.h"

#include <math.h>

static slice text_of(const char *text)
{
    return (slice){text, strlen(text)};
}

/* ---- ranges ---- */

typedef struct plain_item {
    char text[4];
    size_t length;
    char weight[4];
    size_t weight_length; /* 4: none */
    double score;
} plain_item;

static int naive_texts(const char *a, size_t a_length, const char *b, size_t b_length,
                       bool collated)
{
    for (size_t index = 0;; index++) {
        bool a_ends = index == a_length || (collated && a[index] == 0);
        bool b_ends = index == b_length || (collated && b[index] == 0);
        if (a_ends || b_ends)
            return b_ends - a_ends;
        if (a[index] != b[index])
            return (unsigned char)a[index] < (unsigned char)b[index] ? -1 : 1;
    }
}

static int naive_compare(const plain_item *a, const plain_item *b, sort_order order)
{
    if (order.kind == SORT_BY_TEXT)
        return naive_texts(a->text, a->length, b->text, b->length, order.collated);
    if (order.kind == SORT_BY_WEIGHT) {
        if (a->weight_length == 4 || b->weight_length == 4)
            return (a->weight_length != 4) - (b->weight_length != 4);
        return naive_texts(a->weight, a->weight_length, b->weight, b->weight_length,
                           order.collated);
    }
    if (a->score != b->score)
        return a->score < b->score ? -1 : 1;
    return naive_texts(a->text, a->length, b->text, b->length, false);
}

static void random_bytes(check_run *run, char *text, size_t *length)
{
    *length = check_random_below(run, 4);
    for (size_t index = 0; index < *length; index++)
        text[index] = "ab\0\xff"[check_random_below(run, 4)];
}

/* A stable insertion into an array that is in order. */
static void naive_insert(size_t *sorted, size_t count, const plain_item *items, size_t which,
                         sort_order order)
{
    size_t place = count;
    for (; place > 0; place--) {
        int difference = naive_compare(&items[which], &items[sorted[place - 1]], order);
        if (order.descending ? difference <= 0 : difference >= 0)
            break;
        sorted[place] = sorted[place - 1];
    }
    sorted[place] = which;
}

static void test_ranges_agree_with_a_stable_insertion(check_run *run)
{
    enum { ITEMS_MAX = 600 };
    static plain_item plain[ITEMS_MAX];
    static size_t sorted[ITEMS_MAX];
    uint64_t iterations = check_iterations(run, 400);
    for (uint64_t i = 0; i < iterations; i++) {
        sort_order order = {(sort_kind)check_random_below(run, 3), check_chance(run, 50),
                            check_chance(run, 50)};
        size_t count = check_random_below(run, check_chance(run, 30) ? ITEMS_MAX : 40);
        unsigned shape = (unsigned)check_random_below(run, 4);
        sort_items items;
        sort_begin(&items);
        for (size_t index = 0; index < count; index++) {
            plain_item *item = &plain[index];
            random_bytes(run, item->text, &item->length);
            random_bytes(run, item->weight, &item->weight_length);
            if (check_chance(run, 20))
                item->weight_length = 4;
            item->score = shape == 0   ? (double)index
                          : shape == 1 ? -(double)index
                          : shape == 2 ? (double)check_random_below(run, 5)
                                       : (double)check_random_below(run, 100000);
            naive_insert(sorted, index, plain, index, order);
            sort_add(&items, sort_keep(&items, (slice){item->text, item->length}));
            if (order.kind == SORT_BY_SCORE)
                items.items[index].score = item->score;
            else if (item->weight_length != 4)
                items.items[index].weight = (slice){item->weight, item->weight_length};
            else
                items.items[index].weight = (slice){NULL, 0};
        }
        size_t start = check_random_below(run, count + 1);
        size_t wanted = check_random_below(run, count - start + 1);
        sort_range(&items, start, wanted, order);
        for (size_t index = start; index < start + wanted; index++)
            CHECK_INT(items.items[index].number, sorted[index]);
        sort_end(&items);
    }
}

/* Orders that make a quicksort quadratic, at a size at which that would be seen. */
static void test_no_order_of_the_input_is_slow(check_run *run)
{
    enum { COUNT = 200000 };
    sort_order order = {SORT_BY_SCORE, false, false};
    for (int shape = 0; shape < 5; shape++) {
        sort_items items;
        sort_begin(&items);
        for (size_t index = 0; index < COUNT; index++) {
            sort_add(&items, (slice){"", 0});
            items.items[index].score =
                shape == 0   ? (double)index
                : shape == 1 ? (double)(COUNT - index)
                : shape == 2 ? 0
                : shape == 3 ? (double)(index < COUNT / 2 ? index : COUNT - index)
                             : (double)check_random(run);
        }
        sort_range(&items, 0, COUNT, order);
        for (size_t index = 1; index < COUNT; index++)
            CHECK(items.items[index - 1].score <= items.items[index].score);
        sort_end(&items);
    }
}

static void test_kept_texts_of_all_lengths_stay_as_they_were(check_run *run)
{
    enum { TEXTS = 300 };
    static unsigned char bytes[40000];
    slice kept[TEXTS];
    sort_items items;
    check_random_bytes(run, bytes, sizeof bytes);
    sort_begin(&items);
    for (size_t index = 0; index < TEXTS; index++) {
        size_t length = check_random_below(run, check_chance(run, 10) ? sizeof bytes : 200);
        kept[index] = sort_keep(&items, (slice){(const char *)bytes, length});
    }
    for (size_t index = 0; index < TEXTS; index++)
        CHECK_BYTES(kept[index].data, kept[index].length, bytes, kept[index].length);
    sort_end(&items);
}

/* ---- scores: each of them sorted by a real server ---- */

static void test_scores_are_those_of_a_real_server(check_run *run)
{
    static const struct {
        const char *text;
        double score;
    } good[] = {
        {"1.5", 1.5}, {"-1e3", -1000}, {"inf", INFINITY}, {"-inf", -INFINITY},
        {"+inf", INFINITY}, {"infinity", INFINITY}, {"INF", INFINITY}, {"", 0},
        {"1e400", INFINITY}, {"-1e400", -INFINITY}, {"1e-400", 0}, {"-1e-400", 0}, {"+5", 5},
        {".5", 0.5}, {"5.", 5}, {"1e5000", INFINITY}, {"1e-5000", 0}, {"0e5000", 0},
        {"0.0e999999999999999999999", 0}, {"0.00001e400", INFINITY}, {"100000e-400", 0},
        {"1e99999999999999999999", INFINITY},
        {"12345678901234567890123", 12345678901234567890123.0},
        {"5e-324", 5e-324}, {"00", 0}, {"-0", 0},
    };
    static const char *const bad[] = {"nan", "-nan", " 1", "1 ", "\t1", "0x10", "0x", "-0X1p3",
                                      "1e", "1e+", "1e5000x", "1_0", "--1", "1,5", "x", "+", "-",
                                      ".", "e5", "1e400.5", "infx", "nan(123)", ".e5000"};
    double score;
    (void)run;
    for (size_t index = 0; index < CHECK_LENGTH(good); index++) {
        CHECK(sort_score(text_of(good[index].text), &score));
        CHECK(score == good[index].score);
    }
    for (size_t index = 0; index < CHECK_LENGTH(bad); index++) {
        if (sort_score(text_of(bad[index]), &score)) {
            fprintf(stderr, "\"%s\" is taken for %g\n", bad[index], score);
            CHECK(!"a score that is none");
        }
    }
    CHECK(sort_score((slice){"1\0abc", 5}, &score) && score == 1);
    CHECK(sort_score((slice){"\0", 1}, &score) && score == 0);
    CHECK(sort_score((slice){NULL, 0}, &score) && score == 0);
}

/* ---- patterns ---- */

static void check_pattern(slice text, sort_target target, const char *key, slice field)
{
    sort_pattern pattern = sort_pattern_of(text);
    sort_name name;
    CHECK_INT(pattern.target, target);
    if (target == SORT_NOTHING || target == SORT_ELEMENT)
        return;
    sort_name_begin(&name);
    slice made = sort_name_key(&name, &pattern, text_of("EL"));
    CHECK_BYTES(made.data, made.length, key, strlen(key));
    made = sort_name_key(&name, &pattern, (slice){NULL, 0});
    CHECK_INT(made.length, strlen(key) - 2);
    CHECK_BYTES(pattern.field.data, pattern.field.length, field.data, field.length);
    sort_name_end(&name);
}

static void test_patterns_name_keys_and_fields(check_run *run)
{
    static const struct {
        const char *text;
        sort_target target;
        const char *key, *field;
    } patterns[] = {
        {"#", SORT_ELEMENT, "", ""}, {"##", SORT_NOTHING, "", ""}, {"", SORT_NOTHING, "", ""},
        {"nosort", SORT_NOTHING, "", ""}, {"a->b", SORT_NOTHING, "", ""}, {"*", SORT_KEY, "EL", ""},
        {"w_*", SORT_KEY, "w_EL", ""}, {"*_w", SORT_KEY, "EL_w", ""},
        {"a*b*c", SORT_KEY, "aELb*c", ""}, {"#*", SORT_KEY, "#EL", ""},
        {"h_*->f", SORT_FIELD, "h_EL", "f"}, {"h_*x->f->g", SORT_FIELD, "h_ELx", "f->g"},
        {"h_*->", SORT_KEY, "h_EL->", ""}, {"->*", SORT_KEY, "->EL", ""},
        {"->*->f", SORT_FIELD, "->EL", "f"}, {"*->->", SORT_FIELD, "EL", "->"},
    };
    (void)run;
    for (size_t index = 0; index < CHECK_LENGTH(patterns); index++)
        check_pattern(text_of(patterns[index].text), patterns[index].target, patterns[index].key,
                      text_of(patterns[index].field));
}

/* A NUL ends what is looked at for * and ->, not what becomes of it. */
static void test_patterns_are_read_up_to_a_nul_and_used_whole(check_run *run)
{
    sort_name name;
    sort_pattern pattern = sort_pattern_of((slice){"x*\0y", 4});
    (void)run;
    sort_name_begin(&name);
    slice key = sort_name_key(&name, &pattern, text_of("a"));
    CHECK_BYTES(key.data, key.length, "xa\0y", 4);
    sort_name_end(&name);
    CHECK_INT(sort_pattern_of((slice){"a\0*", 3}).target, SORT_NOTHING);
    CHECK_INT(sort_pattern_of((slice){"#\0", 2}).target, SORT_ELEMENT);
    CHECK_INT(sort_pattern_of((slice){"h*->\0f", 6}).target, SORT_KEY);
    CHECK_INT(sort_pattern_of((slice){"h*\0->f", 6}).target, SORT_KEY);
    pattern = sort_pattern_of((slice){"h*->f\0g", 7});
    CHECK_BYTES(pattern.field.data, pattern.field.length, "f\0g", 3);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_ranges_agree_with_a_stable_insertion),
        CHECK_TEST(test_no_order_of_the_input_is_slow),
        CHECK_TEST(test_kept_texts_of_all_lengths_stay_as_they_were),
        CHECK_TEST(test_scores_are_those_of_a_real_server),
        CHECK_TEST(test_patterns_name_keys_and_fields),
        CHECK_TEST(test_patterns_are_read_up_to_a_nul_and_used_whole),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
