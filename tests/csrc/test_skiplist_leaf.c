/* Tests of skiplist_leaf.h: one leaf with its index against an array, where members of all lengths
 * come and go until holes have to be filled or moved together. The whole list: test_skiplist.c. */
#include "skiplist_leaf.h"

#include "alloc.h"
#include "check.h"

#include <math.h>

static hashtable_type type = {skiplist_record_key, {{11, 23, 47, 95}}};

typedef struct held {
    double score;
    char text[32];
    uint32_t length;
} held;

static slice member_of(const held *of)
{
    return (slice){of->text, of->length};
}

static uint64_t hash_of(slice member)
{
    return hash_bytes(&type.seed, member.data, member.length);
}

static void put(skiplist_leaf *leaf, hashtable *index, slice member, double score)
{
    uint32_t bytes = skiplist_record_bytes_for(member.length);
    uint32_t position = skiplist_leaf_search(leaf, score, member);
    skiplist_record *record = skiplist_leaf_reserve(leaf, index, position, score, bytes);
    CHECK_INT(skiplist_record_write(record, member), 0);
    hashtable_insert(index, record, hash_of(member));
}

static void take(skiplist_leaf *leaf, hashtable *index, uint32_t position)
{
    hashtable_position slot;
    slice member = skiplist_leaf_member(leaf, position);
    CHECK(hashtable_locate(index, member.data, member.length, hash_of(member), &slot) != NULL);
    hashtable_remove(index, &slot);
    skiplist_leaf_drop(leaf, position, 1);
}

static void check_holds(const skiplist_leaf *leaf, const hashtable *index, const held *expected,
                        uint32_t count)
{
    CHECK_INT(leaf->count, count);
    for (uint32_t i = 0; i < count; i++) {
        slice member = skiplist_leaf_member(leaf, i);
        CHECK_BYTES(member.data, member.length, expected[i].text, expected[i].length);
        CHECK(leaf->scores[i] == expected[i].score);
        skiplist_record *record = skiplist_leaf_record(leaf, i);
        CHECK_POINTER(hashtable_find(index, member.data, member.length, hash_of(member)), record);
        CHECK_INT(skiplist_leaf_position(leaf, record), i);
        CHECK_INT(skiplist_leaf_search(leaf, leaf->scores[i], member), i);
    }
}

static uint32_t model_put(held *model, uint32_t count, const held *made)
{
    uint32_t at = count;
    for (; at > 0; at--) {
        const held *before = &model[at - 1];
        if (before->score < made->score
            || (before->score == made->score
                && skiplist_member_compare(member_of(before), member_of(made)) < 0))
            break;
        model[at] = model[at - 1];
    }
    model[at] = *made;
    return count + 1;
}

static void test_records_of_all_lengths_come_and_go(check_run *run)
{
    for (uint32_t size = SKIPLIST_LEAF_MIN_BYTES; size <= SKIPLIST_LEAF_BYTES; size *= 2) {
        held model[SKIPLIST_LEAF_RECORDS_MAX];
        uint32_t count = 0, number = 0;
        hashtable index;
        skiplist_leaf *leaf = skiplist_leaf_new(size);
        hashtable_init(&index, &type);
        for (uint64_t step = 0; step < check_iterations(run, 5000); step++) {
            held made = {.score = (double)check_random_below(run, 9)};
            made.length = (uint32_t)snprintf(made.text, sizeof made.text, "%u-%.*s", number++,
                                             (int)check_random_below(run, 20),
                                             "abcdefghijklmnopqrst");
            if (skiplist_leaf_has_room(leaf, skiplist_record_bytes_for(made.length))
                && check_chance(run, 70)) {
                put(leaf, &index, member_of(&made), made.score);
                count = model_put(model, count, &made);
            } else if (count) {
                uint32_t position = (uint32_t)check_random_below(run, count);
                take(leaf, &index, position);
                count--;
                memmove(model + position, model + position + 1, (count - position) * sizeof *model);
            }
            check_holds(leaf, &index, model, count);
        }
        CHECK(count > 0);
        skiplist_leaf_free(leaf);
        hashtable_free(&index);
        CHECK_INT(alloc_used_bytes(), 0);
    }
}

static void test_records_move_to_another_leaf_and_the_index_follows(check_run *run)
{
    for (int round = 0; round < 200; round++) {
        held model[2][SKIPLIST_LEAF_RECORDS_MAX];
        uint32_t counts[2] = {0, 0}, number = 0;
        skiplist_leaf *leaves[2];
        hashtable index;
        hashtable_init(&index, &type);
        for (int side = 0; side < 2; side++) {
            leaves[side] = skiplist_leaf_new(SKIPLIST_LEAF_BYTES);
            uint32_t wanted = (uint32_t)check_random_below(run, 15) + 5;
            for (uint32_t i = 0; i < wanted; i++) {
                held made = {.score = (double)(side * 100 + (int)check_random_below(run, 50))};
                made.length = (uint32_t)snprintf(made.text, sizeof made.text, "m%0*u",
                                                 1 + (int)check_random_below(run, 9), number++);
                put(leaves[side], &index, member_of(&made), made.score);
                counts[side] = model_put(model[side], counts[side], &made);
            }
        }
        uint32_t moved = (uint32_t)check_random_below(run, counts[0]) + 1;
        skiplist_leaf_move(leaves[0], counts[0] - moved, moved, leaves[1], 0, &index);
        memmove(model[1] + moved, model[1], counts[1] * sizeof(held));
        memcpy(model[1], model[0] + counts[0] - moved, moved * sizeof(held));
        check_holds(leaves[0], &index, model[0], counts[0] - moved);
        check_holds(leaves[1], &index, model[1], counts[1] + moved);
        for (int side = 0; side < 2; side++)
            skiplist_leaf_free(leaves[side]);
        hashtable_free(&index);
    }
    CHECK_INT(alloc_used_bytes(), 0);
}

static void test_scores_are_counted_as_one_by_one(check_run *run)
{
    double scores[60];
    for (int round = 0; round < 2000; round++) {
        uint32_t count = (uint32_t)check_random_below(run, 60), below = 0, not_above = 0;
        double score = (double)check_random_below(run, 30) - 15;
        for (uint32_t i = 0; i < count; i++) {
            double step = check_chance(run, 5) ? INFINITY : (double)check_random_below(run, 3);
            scores[i] = i ? scores[i - 1] + step : -14;
            below += scores[i] < score;
            not_above += scores[i] <= score;
        }
        CHECK_INT(skiplist_scores_below(scores, count, score), below);
        CHECK_INT(skiplist_scores_not_above(scores, count, score), not_above);
    }
}

static void test_the_order_of_members_is_that_of_their_bytes(check_run *run)
{
    (void)run;
    static const char *const ascending[] = {"", "a", "a\x01", "aa", "ab", "b", "\x80", "\xff"};
    for (size_t i = 0; i < CHECK_LENGTH(ascending); i++)
        for (size_t j = 0; j < CHECK_LENGTH(ascending); j++) {
            int order = skiplist_member_compare((slice){ascending[i], strlen(ascending[i])},
                                                (slice){ascending[j], strlen(ascending[j])});
            CHECK_INT((order > 0) - (order < 0), (i > j) - (i < j));
        }
}

static void test_a_shift_reorders_scores_and_records_alike(check_run *run)
{
    hashtable index;
    skiplist_leaf *leaf = skiplist_leaf_new(SKIPLIST_LEAF_BYTES);
    held model[20];
    hashtable_init(&index, &type);
    for (uint32_t i = 0; i < 20; i++) {
        held made = {.score = i * 10.0};
        made.length = (uint32_t)snprintf(made.text, sizeof made.text, "m%u", i);
        put(leaf, &index, member_of(&made), made.score);
        model[i] = made;
    }
    for (int round = 0; round < 500; round++) {
        uint32_t from = (uint32_t)check_random_below(run, 20);
        held moved = model[from];
        moved.score = (double)check_random_below(run, 200) + 0.5;
        memmove(model + from, model + from + 1, (19 - from) * sizeof *model);
        uint32_t count = model_put(model, 19, &moved);
        uint32_t to = 0;
        while (memcmp(model[to].text, moved.text, sizeof moved.text) != 0)
            to++;
        skiplist_leaf_shift(leaf, from, to, moved.score);
        check_holds(leaf, &index, model, count);
    }
    skiplist_leaf_free(leaf);
    hashtable_free(&index);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_records_of_all_lengths_come_and_go),
        CHECK_TEST(test_records_move_to_another_leaf_and_the_index_follows),
        CHECK_TEST(test_scores_are_counted_as_one_by_one),
        CHECK_TEST(test_the_order_of_members_is_that_of_their_bytes),
        CHECK_TEST(test_a_shift_reorders_scores_and_records_alike),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
