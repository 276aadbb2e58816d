/* clock: rate of the tick counter; see clock.h. */
#include "clock.h"

double clock_ticks_per_us(void) {
    static double rate;
    if (rate > 0) return rate;
#if defined(__aarch64__)
    uint64_t frequency_hz;
    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(frequency_hz));
    rate = (double)frequency_hz / 1e6;
#elif defined(__x86_64__)
    int64_t start_us = clock_monotonic_us(), now_us;
    uint64_t start = clock_ticks();
    do
        now_us = clock_monotonic_us();
    while (now_us - start_us < 1000);
    rate = (double)(clock_ticks() - start) / (double)(now_us - start_us);
#else
    rate = 1000;
#endif
    return rate;
}
