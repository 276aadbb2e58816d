/* clock: the three clocks of the server.
 *
 *   wall        microseconds since the epoch; keys expire by it
 *   monotonic   microseconds since some start; timeouts and delays are measured by it
 *   ticks       the processor's counter, for the duration of single commands: reading it costs
 *               5-10 ns where the system's clock costs 20-40. Its rate is measured once.
 *
 * Complexity: O(1); clock_ticks_per_us waits about a millisecond in its first call only.
 */
#ifndef FASTREDIS_CLOCK_H
#define FASTREDIS_CLOCK_H

#include <time.h>

#include "common.h"

static inline int64_t clock_read_us(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
static inline int64_t clock_wall_us(void) { return clock_read_us(CLOCK_REALTIME); }
static inline int64_t clock_monotonic_us(void) { return clock_read_us(CLOCK_MONOTONIC); }

static inline uint64_t clock_ticks(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
#endif
}

/* Ticks in a microsecond. */
double clock_ticks_per_us(void);

#endif
