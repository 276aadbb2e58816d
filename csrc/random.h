/*
 * random: a small fast generator for sampling, level choice and shuffles, and the system's entropy.
 *
 * The generator is xoshiro256++ (Blackman and Vigna, 2019): 256 bits of state, period 2^256 - 1,
 * about a nanosecond a number. A state is a plain value that its owner keeps and passes: there is
 * no hidden global, so that a run with a fixed seed is reproducible, and two threads with a state
 * each never meet. It is NOT for secrets: whatever an outsider must not guess (hash seeds,
 * replication ids, ACL passwords) comes from random_system.
 */
#ifndef FASTREDIS_RANDOM_H
#define FASTREDIS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct random_state {
    uint64_t s[4]; /* never all zero once seeded */
} random_state;

_Static_assert(sizeof(random_state) == 32, "random_state is four words");

/* Fills a state from one number. Equal seeds give equal sequences on every platform; 0 is fine. */
void random_seed(random_state *state, uint64_t seed);

/* The next 64 random bits. */
static inline uint64_t random_next(random_state *state)
{
    uint64_t *s = state->s;
    uint64_t sum = s[0] + s[3];
    uint64_t result = ((sum << 23) | (sum >> 41)) + s[0];
    uint64_t shifted = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return result;
}

/* A number in [0, bound), each equally likely; 0 when bound is 0. Almost always one step. */
uint64_t random_below(random_state *state, uint64_t bound);

/* A double in [0, 1): one of the 2^53 multiples of 2^-53, each equally likely. */
double random_unit(random_state *state);

/* Fills `out` with entropy of the operating system, fit for secrets. Blocks only while a booting
 * machine has none yet; aborts the process with a message if the system has no source at all,
 * because going on with guessable secrets would be worse. */
void random_system(void *out, size_t length);

#endif
