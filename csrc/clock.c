/* clock: rate of the tick counter; see clock.h. */
#include "clock.h"

#if defined(__x86_64__)

enum { MEASURE_NS = 1000000, READING_TRIES = 8 };

/* Both clocks at one moment. */
typedef struct reading {
    int64_t ns;
    uint64_t ticks;
} reading;

/* An interrupt between two clocks would tell a wrong rate for as long as the process lives: of
 * several readings of the system's clock the one that took the fewest ticks counts. */
static reading reading_take(void) {
    reading best = {0, 0};
    uint64_t shortest = UINT64_MAX;
    for (int tries = 0; tries < READING_TRIES; tries++) {
        struct timespec now;
        uint64_t before = clock_ticks();
        clock_gettime(CLOCK_MONOTONIC, &now);
        uint64_t taken = clock_ticks() - before;
        if (taken >= shortest) continue;
        shortest = taken;
        best.ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
        best.ticks = before + taken / 2;
    }
    return best;
}

#endif

double clock_ticks_per_us(void) {
    static double rate;
    if (rate > 0) return rate;
#if defined(__aarch64__)
    uint64_t frequency_hz;
    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(frequency_hz));
    rate = (double)frequency_hz / 1e6;
#elif defined(__x86_64__)
    reading first = reading_take(), last;
    do
        last = reading_take();
    while (last.ns - first.ns < MEASURE_NS);
    rate = (double)(last.ticks - first.ticks) / ((double)(last.ns - first.ns) / 1000);
#else
    rate = 1000;
#endif
    return rate;
}
