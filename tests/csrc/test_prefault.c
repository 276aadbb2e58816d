/* Tests of prefault: pieces are zeroed, aligned and apart; the allocator lives on them. */
#include "prefault.h"

#include "alloc.h"
#include "check.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__linux__) && !defined(FASTREDIS_ALLOC_LIBC)

static void test_nothing_is_ready_before_the_start(check_run *run)
{
    (void)run;
    CHECK(prefault_take() == NULL);
    CHECK(!prefault_wait());
}

static void test_pieces_are_zeroed_aligned_and_apart(check_run *run)
{
    char *pieces[4];

    (void)run;
    prefault_start();
    for (size_t i = 0; i < CHECK_LENGTH(pieces); i++) {
        CHECK(prefault_wait());
        pieces[i] = prefault_take();
        CHECK(pieces[i] != NULL);
        CHECK_INT((uintptr_t)pieces[i] % PREFAULT_BYTES, 0);
        for (size_t at = 0; at < PREFAULT_BYTES; at += 512)
            CHECK_INT(pieces[i][at], 0);
        memset(pieces[i], (int)i + 1, PREFAULT_BYTES);
    }
    for (size_t i = 0; i < CHECK_LENGTH(pieces); i++) {
        CHECK_INT(pieces[i][0], i + 1);
        CHECK_INT(pieces[i][PREFAULT_BYTES - 1], i + 1);
        CHECK(munmap(pieces[i], PREFAULT_BYTES) == 0);
    }
}

static void test_a_forked_child_takes_nothing(check_run *run)
{
    int status;

    (void)run;
    prefault_start();
    CHECK(prefault_wait());
    pid_t child = fork();
    if (child == 0)
        _exit(prefault_take() == NULL ? 0 : 1);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_it_starts_again_after_a_stop(check_run *run)
{
    (void)run;
    prefault_start();
    prefault_stop();
    CHECK(prefault_take() == NULL);
    prefault_start();
    CHECK(prefault_wait());
}

enum { BLOCKS = 800000, BLOCK_BYTES = 100 };

static void test_the_allocator_lives_on_prepared_arenas(check_run *run)
{
    static char *blocks[BLOCKS];
    size_t before = alloc_used_bytes();

    (void)run;
    alloc_prepare_arenas(true);
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = alloc_new(BLOCK_BYTES);
        memset(blocks[i], (int)(i % 251), BLOCK_BYTES);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        CHECK_INT((unsigned char)blocks[i][BLOCK_BYTES - 1], i % 251);
        alloc_free(blocks[i], BLOCK_BYTES);
    }
    alloc_prepare_arenas(false);
    CHECK_INT(alloc_used_bytes(), before);
    alloc_trim();
    CHECK_INT(alloc_reserve_bytes(), 0);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_nothing_is_ready_before_the_start),
        CHECK_TEST(test_pieces_are_zeroed_aligned_and_apart),
        CHECK_TEST(test_a_forked_child_takes_nothing),
        CHECK_TEST(test_it_starts_again_after_a_stop),
        CHECK_TEST(test_the_allocator_lives_on_prepared_arenas),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}

#else

static void test_nothing_is_ever_ready(check_run *run)
{
    (void)run;
    prefault_start();
    CHECK(prefault_take() == NULL);
    CHECK(!prefault_wait());
    prefault_stop();
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {CHECK_TEST(test_nothing_is_ever_ready)};
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}

#endif
