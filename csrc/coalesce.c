/* coalesce: the ring of turns and what is concluded from it; see coalesce.h. */
#include "coalesce.h"

enum {
    MEASURED_TURNS = 64,
    CLIENTS_PER_REQUEST = 6,
    PENALTY_MIN = 256,
    PENALTY_MAX = 1 << 16,
};

static_assert(COALESCE_CLIENTS_MIN / CLIENTS_PER_REQUEST >= 2, "fewer clients: nothing to gain");
static_assert(2 * COALESCE_CLIENTS_MAX <= COALESCE_RING, "the window lies within the ring");

static void **slot_of(coalesce *c, uint64_t turn)
{
    return &c->ring[turn % COALESCE_RING];
}

static bool is_remembered(const coalesce *c, uint64_t turn)
{
    return turn != 0 && c->turns - turn < COALESCE_RING;
}

void coalesce_init(coalesce *c, double ticks_per_us)
{
    *c = (coalesce){
        .gap_ticks = UINT64_MAX,
        .gap_ticks_max = (uint64_t)(COALESCE_GAP_US * ticks_per_us),
        .quiet_ticks = (uint64_t)(COALESCE_QUIET_US * ticks_per_us),
        .distance_16 = (uint64_t)COALESCE_RING * 16,
        .penalty = PENALTY_MIN,
    };
}

/* The mean gap over the last turns; forgotten where they paused. */
static void measure(coalesce *c, uint64_t ticks)
{
    if (UNLIKELY(ticks - c->last_ticks > c->quiet_ticks)) {
        c->gap_ticks = UINT64_MAX;
        c->measured_turn = c->turns;
        c->measured_ticks = ticks;
    } else if (c->turns - c->measured_turn == MEASURED_TURNS) {
        c->gap_ticks = (ticks - c->measured_ticks) / MEASURED_TURNS;
        c->measured_turn = c->turns;
        c->measured_ticks = ticks;
    }
    c->last_ticks = ticks;
}

void coalesce_turn(coalesce *c, void *client, uint64_t *turn, uint64_t ticks)
{
    uint64_t distance = COALESCE_RING;
    c->turns++;
    if (is_remembered(c, *turn)) {
        distance = c->turns - *turn;
        *slot_of(c, *turn) = NULL;
    }
    c->distance_16 += distance - c->distance_16 / 16;
    *slot_of(c, c->turns) = client;
    *turn = c->turns;
    measure(c, ticks);
}

void coalesce_leave(coalesce *c, void *client, uint64_t turn)
{
    if (is_remembered(c, turn) && *slot_of(c, turn) == client)
        *slot_of(c, turn) = NULL;
}

int coalesce_choose(const coalesce *c, void **chosen, int capacity)
{
    uint64_t clients = c->distance_16 / 16;
    uint64_t wished = clients / CLIENTS_PER_REQUEST, skipped = 0;
    uint64_t first = c->turns > 2 * clients ? c->turns - 2 * clients + 1 : 1;
    int count = 0;
    if (!coalesce_is_due(c))
        return 0;
    if (wished > COALESCE_REQUESTS)
        wished = COALESCE_REQUESTS;
    for (uint64_t turn = first; turn <= c->turns && count < capacity; turn++) {
        void *client = c->ring[turn % COALESCE_RING];
        if (client == NULL || ++skipped < wished)
            continue;
        chosen[count++] = client;
        skipped = 0;
    }
    return count;
}

void coalesce_learn(coalesce *c, bool ended_by_chosen)
{
    if (ended_by_chosen) {
        c->penalty = c->penalty / 2 > PENALTY_MIN ? c->penalty / 2 : PENALTY_MIN;
        return;
    }
    c->resume_at = c->turns + c->penalty;
    c->penalty = c->penalty * 2 < PENALTY_MAX ? c->penalty * 2 : PENALTY_MAX;
}
