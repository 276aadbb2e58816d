/* check.h - what the C tests of csrc/ share: checks that abort with both values, a seeded random
 * generator, and the table of tests that a program runs.
 *
 *      static void test_empty_heap_has_no_first(check_run *run) { CHECK(...); CHECK_INT(a, b); }
 *      int main(int count, char **arguments)
 *      {
 *          static const check_test tests[] = {CHECK_TEST(test_empty_heap_has_no_first)};
 *          return check_main(count, arguments, tests, CHECK_LENGTH(tests));
 *      }
 *
 * A program takes a seed and a number of iterations (both optional, in this order), prints the seed
 * when a check fails, and ends with SIGABRT at the first failure, so that a sanitizer or a debugger
 * shows the stack. Each test gets a fresh generator: the order of tests does not matter.
 */
#ifndef FASTREDIS_TESTS_CHECK_H
#define FASTREDIS_TESTS_CHECK_H

#include "common.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a test is given. */
typedef struct check_run {
    uint64_t seed;       /* argument 1; the generator starts from it */
    uint64_t iterations; /* argument 2; 0: the test's own default */
    uint64_t state;      /* of the generator */
} check_run;

typedef struct check_test {
    const char *name;
    void (*function)(check_run *run);
} check_test;

#define CHECK_TEST(function) {#function, function}
#define CHECK_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static struct {
    const char *name;
    uint64_t seed;
} check_running __attribute__((unused));

static _Noreturn __attribute__((unused)) void
check_fail(const char *file, int line, const char *expression)
{
    fflush(stdout);
    fprintf(stderr, "%s:%d: %s failed in %s (seed %" PRIu64 ")\n", file, line, expression,
            check_running.name, check_running.seed);
    abort();
}

#define CHECK(condition) ((condition) ? (void)0 : check_fail(__FILE__, __LINE__, #condition))

/* Equality of integers (as int64_t), of pointers, and of runs of bytes; shows both when unequal. */
#define CHECK_INT(actual, expected) \
    check_int((int64_t)(actual), (int64_t)(expected), __FILE__, __LINE__, #actual " == " #expected)
#define CHECK_POINTER(actual, expected) \
    check_int((int64_t)(intptr_t)(actual), (int64_t)(intptr_t)(expected), __FILE__, __LINE__, \
              #actual " == " #expected)
#define CHECK_BYTES(actual, actual_length, expected, expected_length) \
    check_bytes((actual), (actual_length), (expected), (expected_length), __FILE__, __LINE__, \
                #actual " == " #expected)
#define CHECK_STRING(actual, expected) \
    CHECK_BYTES(actual, strlen(actual), expected, strlen(expected))

static inline void
check_int(int64_t actual, int64_t expected, const char *file, int line, const char *expression)
{
    if (actual == expected)
        return;
    fprintf(stderr, "got %" PRId64 " (0x%" PRIx64 "), expected %" PRId64 " (0x%" PRIx64 ")\n",
            actual, (uint64_t)actual, expected, (uint64_t)expected);
    check_fail(file, line, expression);
}

static inline void check_print_bytes(const char *label, const void *bytes, size_t length)
{
    fprintf(stderr, "%s (%zu bytes) \"", label, length);
    for (size_t index = 0; index < length && index < 400; index++) {
        unsigned char byte = ((const unsigned char *)bytes)[index];
        if (byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\')
            fputc(byte, stderr);
        else
            fprintf(stderr, "\\x%02x", byte);
    }
    fprintf(stderr, length > 400 ? "\"...\n" : "\"\n");
}

static inline void check_bytes(const void *actual, size_t actual_length, const void *expected,
                               size_t expected_length, const char *file, int line,
                               const char *expression)
{
    if (actual_length == expected_length
        && (actual_length == 0 || memcmp(actual, expected, actual_length) == 0))
        return;
    check_print_bytes("got     ", actual, actual_length);
    check_print_bytes("expected", expected, expected_length);
    check_fail(file, line, expression);
}

/* 64 random bits: a Weyl sequence whose terms are scrambled by two multiplications. */
static inline uint64_t check_random(check_run *run)
{
    uint64_t bits = run->state += UINT64_C(0x9e3779b97f4a7c15);
    bits = (bits ^ bits >> 32) * UINT64_C(0xd6e8feb86659fd93);
    bits = (bits ^ bits >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return bits ^ bits >> 32;
}

/* A number in [0, bound); bound > 0. */
static inline uint64_t check_random_below(check_run *run, uint64_t bound)
{
    return (uint64_t)((unsigned __int128)check_random(run) * bound >> 64);
}

static inline bool check_chance(check_run *run, unsigned percent)
{
    return check_random_below(run, 100) < percent;
}

static inline void check_random_bytes(check_run *run, void *to, size_t length)
{
    for (size_t index = 0; index < length; index++)
        ((unsigned char *)to)[index] = (unsigned char)check_random(run);
}

/* The iterations to run: what the command line says, else the test's default. */
static inline uint64_t check_iterations(const check_run *run, uint64_t fallback)
{
    return run->iterations != 0 ? run->iterations : fallback;
}

/* Whether `function(argument)` ends its process with SIGABRT, as fatal() does, and has said `text`
 * on stderr before (any abort will do if `text` is NULL). Runs it in a child. */
static inline bool
check_aborts(void (*function)(void *argument), void *argument, const char *text)
{
    int ends[2], status;
    fflush(NULL);
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        function(argument);
        _exit(0);
    }
    close(ends[1]);
    char said[4096];
    size_t length = 0;
    for (ssize_t count = 1; count > 0;) { /* reads on when full, or the child would block */
        char more[512];
        count = read(ends[0], more, sizeof more);
        for (ssize_t index = 0; index < count && length + 1 < sizeof said; index++)
            said[length++] = more[index];
    }
    said[length] = 0;
    close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT
        && (text == NULL || strstr(said, text) != NULL))
        return true;
    fprintf(stderr, "expected an abort with \"%s\", got status %d and: %s\n",
            text != NULL ? text : "", status, said);
    return false;
}

static inline int
check_main(int argument_count, char **arguments, const check_test *tests, size_t test_count)
{
    uint64_t seed = argument_count > 1 ? strtoull(arguments[1], NULL, 10) : 1;
    uint64_t iterations = argument_count > 2 ? strtoull(arguments[2], NULL, 10) : 0;
    for (size_t index = 0; index < test_count; index++) {
        check_run run = {seed, iterations, seed};
        check_running.name = tests[index].name;
        check_running.seed = seed;
        tests[index].function(&run);
        printf("ok %s\n", tests[index].name);
        fflush(stdout);
    }
    return 0;
}

#endif
