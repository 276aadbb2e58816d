/* Tests of lazyfree: counters fall at once, memory soon, the queue is bounded, a fork is survived.
 * With -fsanitize=thread they show that the queue has no data race. */
#include "lazyfree.h"

#include "alloc.h"
#include "check.h"

#include <pthread.h>
#include <unistd.h>

#define MEGABYTE ((size_t)1 << 20)

static char *filled(size_t size)
{
    char *block = alloc_new(size);

    memset(block, 'x', size);
    return block;
}

static size_t resident_bytes(void)
{
    unsigned long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (!file)
        return 0;
    CHECK(fscanf(file, "%lu %lu", &total, &resident) == 2);
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void test_small_blocks_are_freed_at_once(check_run *run)
{
    size_t before = alloc_used_bytes();

    (void)run;
    lazyfree_block(filled(100), 100);
    lazyfree_block(filled(LAZYFREE_MIN - 1), LAZYFREE_MIN - 1);
    CHECK_INT(alloc_used_bytes(), before);
    CHECK_INT(lazyfree_waiting_bytes(), 0);
}

static void test_giants_leave_the_count_at_once_and_memory_soon(check_run *run)
{
    size_t before = alloc_used_bytes(), resident = resident_bytes();
    char *block = filled(64 * MEGABYTE);

    (void)run;
    CHECK(alloc_used_bytes() >= before + 64 * MEGABYTE);
    lazyfree_block(block, 64 * MEGABYTE);
    CHECK_INT(alloc_used_bytes(), before);
    lazyfree_wait();
    CHECK_INT(lazyfree_waiting_bytes(), 0);
#if defined(__linux__) && !defined(FASTREDIS_ALLOC_LIBC)
    CHECK(resident_bytes() < resident + 8 * MEGABYTE);
#else
    (void)resident;
#endif
}

/* Blocks of every alignment to pages, so that the ends of what is discarded are tried: what stands
 * before and behind a block must stay as it is. */
static void test_neighbours_of_a_freed_giant_keep_their_bytes(check_run *run)
{
    enum { NEIGHBOURS = 40 };
    char *blocks[NEIGHBOURS];
    size_t sizes[NEIGHBOURS];

    for (int i = 0; i < NEIGHBOURS; i++) {
        sizes[i] = (i % 2 ? LAZYFREE_MIN : 2000) + check_random(run) % 9000;
        blocks[i] = filled(sizes[i]);
    }
    for (int i = 1; i < NEIGHBOURS; i += 2)
        lazyfree_block(blocks[i], sizes[i]);
    lazyfree_wait();
    for (int i = 0; i < NEIGHBOURS; i += 2) {
        for (size_t at = 0; at < sizes[i]; at++)
            CHECK(blocks[i][at] == 'x');
        alloc_free(blocks[i], sizes[i]);
    }
}

static void test_thousands_of_giants_pass_through(check_run *run)
{
    size_t before = alloc_used_bytes();
    uint64_t rounds = run->iterations ? run->iterations : 2000;

    for (uint64_t i = 0; i < rounds; i++) {
        size_t size = LAZYFREE_MIN + check_random(run) % MEGABYTE;
        char *block = alloc_new(size);
        block[0] = block[size - 1] = 'y';
        lazyfree_block(block, size);
        CHECK(lazyfree_waiting_bytes() <= LAZYFREE_WAITING_MAX);
    }
    lazyfree_wait();
    CHECK_INT(alloc_used_bytes(), before);
}

static void test_block_beyond_the_bound_is_freed_by_the_caller(check_run *run)
{
    size_t before = alloc_used_bytes();
    size_t size = LAZYFREE_WAITING_MAX + 1;

    (void)run;
    lazyfree_block(alloc_new(size), size); /* never touched: costs address space alone */
    CHECK_INT(lazyfree_waiting_bytes(), 0);
    CHECK_INT(alloc_used_bytes(), before);
}

static void test_child_of_a_fork_frees_by_itself(check_run *run)
{
    int status = 0;

    (void)run;
    lazyfree_block(filled(2 * MEGABYTE), 2 * MEGABYTE);
    lazyfree_wait();
    char *block = filled(2 * MEGABYTE);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        size_t before = alloc_used_bytes();
        lazyfree_block(block, 2 * MEGABYTE);
        lazyfree_wait();
        lazyfree_stop();
        _exit(alloc_used_bytes() < before ? 0 : 1);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    lazyfree_block(block, 2 * MEGABYTE);
}

static void test_after_the_stop_blocks_are_freed_at_once(check_run *run)
{
    size_t before = alloc_used_bytes();

    (void)run;
    lazyfree_wait();
    lazyfree_stop();
    lazyfree_stop();
    lazyfree_block(filled(4 * MEGABYTE), 4 * MEGABYTE);
    CHECK_INT(alloc_used_bytes(), before);
    CHECK_INT(lazyfree_waiting_bytes(), 0);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_small_blocks_are_freed_at_once),
        CHECK_TEST(test_giants_leave_the_count_at_once_and_memory_soon),
        CHECK_TEST(test_neighbours_of_a_freed_giant_keep_their_bytes),
        CHECK_TEST(test_thousands_of_giants_pass_through),
        CHECK_TEST(test_block_beyond_the_bound_is_freed_by_the_caller),
        CHECK_TEST(test_child_of_a_fork_frees_by_itself),
        CHECK_TEST(test_after_the_stop_blocks_are_freed_at_once),
    };

    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
