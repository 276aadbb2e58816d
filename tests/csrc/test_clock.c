/* Tests of clock.h, beside the system's own clocks. */
#include "check.h"
#include "clock.h"

static int64_t now_us(clockid_t clock)
{
    struct timespec now;
    CHECK(clock_gettime(clock, &now) == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void test_clocks_read_between_two_readings_of_the_system(check_run *run)
{
    (void)run;
    for (unsigned time = 0; time < 1000; time++) {
        int64_t before = now_us(CLOCK_REALTIME), read = clock_wall_us();
        CHECK(read >= before && read <= now_us(CLOCK_REALTIME));
        before = now_us(CLOCK_MONOTONIC);
        read = clock_monotonic_us();
        CHECK(read >= before && read <= now_us(CLOCK_MONOTONIC));
    }
}

static void test_microseconds_are_since_the_epoch(check_run *run)
{
    (void)run;
    CHECK(clock_wall_us() > INT64_C(1577836800) * 1000000); /* 2020 */
    CHECK(clock_wall_us() < INT64_C(7258118400) * 1000000); /* 2200 */
}

/* The rate is measured in a millisecond: within half a per cent, on a loaded machine too. */
static void test_ticks_and_their_rate_measure_time(check_run *run)
{
    (void)run;
    double rate = clock_ticks_per_us();
    CHECK(rate > 0);
    bool agreed = false;
    for (unsigned tries = 0; tries < 20 && !agreed; tries++) { /* we may be interrupted, too */
        int64_t start_us = clock_monotonic_us();
        uint64_t start = clock_ticks();
        while (clock_monotonic_us() - start_us < 5000) {
        }
        double told_us = (double)(clock_ticks() - start) / rate;
        double passed_us = (double)(clock_monotonic_us() - start_us);
        agreed = told_us > passed_us * 0.995 && told_us < passed_us * 1.005;
    }
    CHECK(agreed);
}

static void test_the_rate_is_measured_once(check_run *run)
{
    (void)run;
    double rate = clock_ticks_per_us();
    int64_t start_us = clock_monotonic_us();
    for (unsigned time = 0; time < 1000; time++)
        CHECK(clock_ticks_per_us() == rate);
    CHECK(clock_monotonic_us() - start_us < 500000);
}

static void test_ticks_do_not_run_backwards(check_run *run)
{
    (void)run;
    uint64_t last = clock_ticks();
    for (unsigned time = 0; time < 100000; time++) {
        uint64_t now = clock_ticks();
        CHECK((int64_t)(now - last) >= 0);
        last = now;
    }
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_clocks_read_between_two_readings_of_the_system),
        CHECK_TEST(test_microseconds_are_since_the_epoch),
        CHECK_TEST(test_ticks_and_their_rate_measure_time),
        CHECK_TEST(test_the_rate_is_measured_once),
        CHECK_TEST(test_ticks_do_not_run_backwards),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
