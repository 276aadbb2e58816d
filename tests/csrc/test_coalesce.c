/* Tests of coalesce.h. The oracle is the history of all turns, searched from end to end. */
#include "check.h"
#include "coalesce.h"

#include <stdlib.h>

enum { TICKS_PER_US = 1000, CLIENTS = 700, CAPACITY = 64, HISTORY = 200000 };

typedef struct client {
    uint64_t turn;
} client;

/* Turns at a steady pace, and everything that the oracle needs to know of them. */
typedef struct scene {
    coalesce turns;
    client clients[CLIENTS];
    int history[HISTORY]; /* who had the turn; -1: a client that has left since */
    int length;
    uint64_t now;
} scene;

static scene *scene_new(void)
{
    scene *s = calloc(1, sizeof *s);
    CHECK(s != NULL);
    coalesce_init(&s->turns, TICKS_PER_US);
    return s;
}

static void take_turn(scene *s, int who, int gap_us)
{
    s->now += (uint64_t)gap_us * TICKS_PER_US;
    coalesce_turn(&s->turns, &s->clients[who], &s->clients[who].turn, s->now);
    CHECK(s->length < HISTORY);
    s->history[s->length++] = who;
}

/* `rounds` of the clients 0 .. count - 1 in order. */
static void take_rounds(scene *s, int count, int rounds, int gap_us)
{
    for (int round = 0; round < rounds; round++)
        for (int who = 0; who < count; who++)
            take_turn(s, who, gap_us);
}

static int chosen_of(const scene *s, int *chosen)
{
    void *found[CAPACITY];
    int count = coalesce_choose(&s->turns, found, CAPACITY);
    for (int i = 0; i < count; i++)
        chosen[i] = (int)((client *)found[i] - s->clients);
    return count;
}

/* Where this client had its last turn, or -1. */
static int last_turn_of(const scene *s, int who)
{
    for (int at = s->length; at-- > 0;)
        if (s->history[at] == who)
            return at;
    return -1;
}

/* What should be chosen: every K-th of the clients whose latest turn is in the window. */
static int expected_of(const scene *s, int *expected)
{
    int clients = (int)(s->turns.distance_16 / 16), count = 0, skipped = 0;
    if (!coalesce_is_due(&s->turns))
        return 0;
    int wished = clients / 6 < COALESCE_REQUESTS ? clients / 6 : COALESCE_REQUESTS;
    for (int at = s->length - 2 * clients; at < s->length && count < CAPACITY; at++) {
        if (at < 0 || s->history[at] < 0 || last_turn_of(s, s->history[at]) != at)
            continue;
        if (++skipped == wished) {
            expected[count++] = s->history[at];
            skipped = 0;
        }
    }
    return count;
}

static void check_choice(const scene *s)
{
    int chosen[CAPACITY], expected[CAPACITY];
    int count = chosen_of(s, chosen), expected_count = expected_of(s, expected);
    CHECK_INT(count, expected_count);
    for (int i = 0; i < count; i++)
        CHECK_INT(chosen[i], expected[i]);
}

static void test_without_turns_nobody_is_chosen(check_run *run)
{
    (void)run;
    scene *s = scene_new();
    int chosen[CAPACITY];
    CHECK(!coalesce_is_due(&s->turns));
    CHECK_INT(chosen_of(s, chosen), 0);
    free(s);
}

static void test_of_clients_in_order_the_eighth_to_come_is_the_first_chosen(check_run *run)
{
    (void)run;
    scene *s = scene_new();
    int chosen[CAPACITY];
    take_rounds(s, 50, 20, 10);
    CHECK_INT(s->turns.distance_16 / 16, 50);
    CHECK_INT(chosen_of(s, chosen), 6);
    for (int i = 0; i < 6; i++)
        CHECK_INT(chosen[i], 8 * i + 7);
    check_choice(s);
    free(s);
}

static void test_few_clients_are_not_held_up(check_run *run)
{
    (void)run;
    static const struct {
        int clients, first;
    } cases[] = {{1, -1}, {11, -1}, {12, 1}, {17, 1}, {18, 2}, {47, 6}, {48, 7}, {500, 7}};
    for (size_t i = 0; i < CHECK_LENGTH(cases); i++) {
        scene *s = scene_new();
        int chosen[CAPACITY];
        take_rounds(s, cases[i].clients, 20000 / cases[i].clients, 10);
        int count = chosen_of(s, chosen);
        CHECK_INT(count ? chosen[0] : -1, cases[i].first);
        check_choice(s);
        free(s);
    }
}

static void test_too_many_clients_are_not_watched(check_run *run)
{
    (void)run;
    scene *s = scene_new();
    take_rounds(s, 600, 20, 10);
    CHECK(!coalesce_is_due(&s->turns));
    free(s);
}

static void test_slow_turns_are_served_at_once(check_run *run)
{
    (void)run;
    scene *s = scene_new();
    take_rounds(s, 50, 20, COALESCE_GAP_US + 1);
    CHECK(!coalesce_is_due(&s->turns));
    take_rounds(s, 50, 4, COALESCE_GAP_US);
    CHECK(coalesce_is_due(&s->turns));
    free(s);
}

static void test_after_a_pause_the_pace_is_measured_anew(check_run *run)
{
    (void)run;
    scene *s = scene_new();
    take_rounds(s, 50, 20, 10);
    take_turn(s, 3, COALESCE_QUIET_US);
    CHECK(coalesce_is_due(&s->turns));
    take_turn(s, 3, COALESCE_QUIET_US + 1);
    CHECK(!coalesce_is_due(&s->turns));
    take_rounds(s, 50, 1, 10);
    CHECK(!coalesce_is_due(&s->turns));
    take_rounds(s, 50, 1, 10);
    CHECK(coalesce_is_due(&s->turns));
    free(s);
}

static void test_idle_clients_are_not_waited_for(check_run *run)
{
    (void)run;
    scene *s = scene_new();
    int chosen[CAPACITY];
    take_rounds(s, 100, 10, 10);
    for (int round = 0; round < 20; round++)
        for (int who = 60; who < 100; who++)
            take_turn(s, who, 10);
    int count = chosen_of(s, chosen);
    CHECK(count > 0);
    for (int i = 0; i < count; i++)
        CHECK(chosen[i] >= 60);
    free(s);
}

static void test_who_connects_for_one_request_stops_it(check_run *run)
{
    (void)run;
    scene *s = scene_new();
    take_rounds(s, 50, 20, 10);
    for (int who = 50; who < CLIENTS; who++)
        take_turn(s, who, 10);
    CHECK(!coalesce_is_due(&s->turns));
    free(s);
}

static void test_who_leaves_is_chosen_no_more(check_run *run)
{
    (void)run;
    scene *s = scene_new();
    int chosen[CAPACITY];
    take_rounds(s, 50, 20, 10);
    for (int who = 0; who < 16; who++)
        coalesce_leave(&s->turns, &s->clients[who], s->clients[who].turn);
    CHECK(chosen_of(s, chosen) > 0);
    CHECK_INT(chosen[0], 23);
    coalesce_leave(&s->turns, &s->clients[600], 0); /* never had one */
    free(s);
}

/* A client whose turn has left the ring must not wipe the one that has its place now. */
static void test_leaving_late_wipes_nobody_else(check_run *run)
{
    (void)run;
    scene *s = scene_new();
    take_turn(s, 600, 10);
    uint64_t then = s->clients[600].turn;
    take_rounds(s, 50, 2 * COALESCE_RING / 50, 10);
    coalesce_leave(&s->turns, &s->clients[600], then);
    check_choice(s);
    free(s);
}

static void test_a_mistake_stops_it_for_twice_as_long_each_time(check_run *run)
{
    (void)run;
    scene *s = scene_new();
    take_rounds(s, 50, 20, 10);
    for (int penalty = 256; penalty <= 2048; penalty *= 2) {
        coalesce_learn(&s->turns, false);
        for (int i = 0; i < penalty; i++) {
            CHECK(!coalesce_is_due(&s->turns));
            take_turn(s, i % 50, 10);
        }
        CHECK(coalesce_is_due(&s->turns));
    }
    coalesce_learn(&s->turns, true);
    coalesce_learn(&s->turns, false);
    CHECK_INT(s->turns.resume_at - s->turns.turns, 2048);
    for (int i = 0; i < 20; i++)
        coalesce_learn(&s->turns, true);
    coalesce_learn(&s->turns, false);
    CHECK_INT(s->turns.resume_at - s->turns.turns, 256);
    for (int i = 0; i < 40; i++)
        coalesce_learn(&s->turns, false);
    CHECK_INT(s->turns.resume_at - s->turns.turns, 65536);
    free(s);
}

static void test_the_capacity_is_kept(check_run *run)
{
    (void)run;
    scene *s = scene_new();
    void *chosen[3] = {NULL, NULL, &s->now};
    take_rounds(s, 500, 20, 10);
    CHECK_INT(coalesce_choose(&s->turns, chosen, 2), 2);
    CHECK_POINTER(chosen[2], &s->now);
    free(s);
}

static void test_random_turns_against_the_oracle(check_run *run)
{
    uint64_t scenes = check_iterations(run, 30);
    for (uint64_t n = 0; n < scenes; n++) {
        scene *s = scene_new();
        int active = 1 + (int)check_random_below(run, CLIENTS);
        for (int step = 0; step < 3000; step++) {
            if (check_random_below(run, 500) == 0)
                active = 1 + (int)check_random_below(run, CLIENTS);
            int who = (int)check_random_below(run, (uint64_t)active);
            if (check_random_below(run, 100) == 0) {
                coalesce_leave(&s->turns, &s->clients[who], s->clients[who].turn);
                s->clients[who].turn = 0; /* its place is taken by a new one */
                for (int at = 0; at < s->length; at++)
                    if (s->history[at] == who)
                        s->history[at] = -1;
            }
            take_turn(s, who, check_chance(run, 1) ? 100 : (int)check_random_below(run, 12));
            if (check_random_below(run, 20) == 0)
                check_choice(s);
            if (check_random_below(run, 400) == 0)
                coalesce_learn(&s->turns, check_chance(run, 70));
        }
        free(s);
    }
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_without_turns_nobody_is_chosen),
        CHECK_TEST(test_of_clients_in_order_the_eighth_to_come_is_the_first_chosen),
        CHECK_TEST(test_few_clients_are_not_held_up),
        CHECK_TEST(test_too_many_clients_are_not_watched),
        CHECK_TEST(test_slow_turns_are_served_at_once),
        CHECK_TEST(test_after_a_pause_the_pace_is_measured_anew),
        CHECK_TEST(test_idle_clients_are_not_waited_for),
        CHECK_TEST(test_who_connects_for_one_request_stops_it),
        CHECK_TEST(test_who_leaves_is_chosen_no_more),
        CHECK_TEST(test_leaving_late_wipes_nobody_else),
        CHECK_TEST(test_a_mistake_stops_it_for_twice_as_long_each_time),
        CHECK_TEST(test_the_capacity_is_kept),
        CHECK_TEST(test_random_turns_against_the_oracle),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
