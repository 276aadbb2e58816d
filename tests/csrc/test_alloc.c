/* Tests of alloc.h. The model keeps every live block with its size and a pattern that fills all of
 * its usable bytes: blocks that overlap, or that the allocator writes into, show as a broken
 * pattern. Tests of slabs themselves have no meaning where every block comes from malloc. */
#include "alloc.h"
#include "check.h"

#include <pthread.h>

#define UNIT ALLOC_SLAB_BYTES

typedef enum block_kind { BLOCK_NONE, BLOCK_SMALL, BLOCK_PAGES } block_kind;

typedef struct model_block {
    unsigned char *bytes;
    size_t size;
    block_kind kind;
    unsigned char pattern;
} model_block;

static size_t pages_counted(size_t size)
{
    return size == 0 ? UNIT : (size + UNIT - 1) / UNIT * UNIT;
}

static size_t block_counted(const model_block *block)
{
    if (block->kind == BLOCK_PAGES)
        return pages_counted(block->size);
    return block->kind == BLOCK_NONE ? 0 : alloc_usable(block->size);
}

static void block_fill(model_block *block, unsigned char pattern)
{
    block->pattern = pattern;
    memset(block->bytes, pattern, block_counted(block));
}

static void check_filled(const unsigned char *bytes, size_t length, unsigned char pattern)
{
    if (length == 0)
        return;
    CHECK_INT(bytes[0], pattern);
    CHECK(length == 1 || memcmp(bytes, bytes + 1, length - 1) == 0);
}

/* Sizes as a server has them: mostly small, around the limit of the slabs, and some large. */
static size_t random_size(check_run *run)
{
    switch (check_random_below(run, 10)) {
    case 0:
        return check_random_below(run, 3);
    case 1:
        return ALLOC_SLAB_LIMIT - 20 + check_random_below(run, 40);
    case 2:
        return check_random_below(run, 20000);
    case 3:
        return 8 * (1 + check_random_below(run, ALLOC_CLASSES));
    default:
        return 16 + check_random_below(run, 120);
    }
}

static void block_create(check_run *run, model_block *block)
{
    if (check_random_below(run, 200) == 0) {
        size_t most = check_random_below(run, 20) == 0 ? 90 * UNIT : 5 * UNIT;
        block->kind = BLOCK_PAGES;
        block->size = check_random_below(run, most);
        block->bytes = alloc_pages(block->size);
        CHECK_INT((uintptr_t)block->bytes % UNIT, 0);
        check_filled(block->bytes, pages_counted(block->size), 0);
    } else {
        block->kind = BLOCK_SMALL;
        block->size = random_size(run);
        block->bytes = alloc_new(block->size);
        CHECK_INT((uintptr_t)block->bytes % 8, 0);
    }
    CHECK_INT((uintptr_t)block->bytes >> 48, 0);
    block_fill(block, (unsigned char)check_random(run));
}

static void block_destroy(check_run *run, model_block *block)
{
    check_filled(block->bytes, block_counted(block), block->pattern);
    if (block->kind == BLOCK_PAGES) {
        alloc_pages_free(block->bytes, block->size);
    } else if (block->size > ALLOC_SLAB_LIMIT && check_chance(run, 30)) {
        alloc_detach(block->bytes, block->size);
        alloc_free_detached(block->bytes);
    } else {
        alloc_free(block->bytes, block->size);
    }
    block->kind = BLOCK_NONE;
}

static void block_resize(check_run *run, model_block *block)
{
    size_t slightly_more = block->size + check_random_below(run, 9);
    size_t size = check_chance(run, 50) ? random_size(run) : slightly_more;
    size_t kept = alloc_usable(block->size), usable = alloc_usable(size);
    unsigned char *before = block->bytes;
    size_t certain = block->size < size ? block->size : size;
    block->bytes = alloc_resize(block->bytes, block->size, size);
    if (kept == usable)
        CHECK_POINTER(block->bytes, before);
    check_filled(block->bytes, certain, block->pattern);
    block->size = size;
    block_fill(block, (unsigned char)check_random(run));
}

static void test_blocks_keep_their_bytes_and_are_counted_exactly(check_run *run)
{
    enum { BLOCKS = 4000 };
    static model_block blocks[BLOCKS];
    size_t used_before = alloc_used_bytes(), used = used_before;
    alloc_reset_peak();
    size_t peak = used;
    uint64_t iterations = check_iterations(run, 200000);
    unsigned create_percent = 60;
    for (uint64_t step = 0; step < iterations; step++) {
        if (step % 10000 == 0) /* tides: fills, drains, and fills again */
            create_percent = 20 + 20 * (unsigned)check_random_below(run, 4);
        model_block *block = &blocks[check_random_below(run, BLOCKS)];
        used -= block_counted(block);
        if (block->kind == BLOCK_NONE) {
            if (check_chance(run, create_percent))
                block_create(run, block);
        } else if (block->kind == BLOCK_SMALL && check_chance(run, 30)) {
            size_t unchanged = used + block_counted(block);
            block_resize(run, block);
            if (alloc_peak_bytes() > peak) /* both blocks exist while one is copied */
                CHECK(alloc_peak_bytes() <= unchanged + block_counted(block));
            peak = alloc_peak_bytes();
        } else if (!check_chance(run, create_percent)) {
            block_destroy(run, block);
        }
        used += block_counted(block);
        peak = used > peak ? used : peak;
        CHECK_INT(alloc_used_bytes(), used);
        CHECK_INT(alloc_peak_bytes(), peak);
        if (check_random_below(run, 2000) == 0)
            alloc_trim();
        if (check_random_below(run, 500) == 0)
            alloc_purge();
    }
    for (size_t index = 0; index < BLOCKS; index++)
        if (blocks[index].kind != BLOCK_NONE)
            block_destroy(run, &blocks[index]);
    CHECK_INT(alloc_used_bytes(), used_before);
}

static void test_usable_size_is_enough_and_not_much_more(check_run *run)
{
    (void)run;
    CHECK_INT(alloc_usable(0), alloc_usable(1));
    for (size_t size = 1; size < 5000; size++) {
        CHECK(alloc_usable(size) >= size);
        CHECK(alloc_usable(size) >= alloc_usable(size - 1));
        CHECK_INT(alloc_usable(alloc_usable(size)), alloc_usable(size));
        CHECK(alloc_usable(size) - size < (size <= ALLOC_SLAB_LIMIT ? 8 : 16));
    }
}

static void test_nothing_can_be_freed_and_resized(check_run *run)
{
    (void)run;
    size_t used = alloc_used_bytes();
    alloc_free(NULL, 0);
    alloc_pages_free(NULL, 0);
    void *block = alloc_resize(NULL, 0, 100);
    CHECK_INT(alloc_used_bytes(), used + alloc_usable(100));
    block = alloc_resize(block, 100, 0);
    CHECK_INT(alloc_used_bytes(), used + alloc_usable(0));
    alloc_free(block, 0);
    void *first = alloc_new(0), *second = alloc_new(0);
    CHECK(first != second);
    alloc_free(first, 0);
    alloc_free(second, 0);
    CHECK_INT(alloc_used_bytes(), used);
}

static void test_peak_is_the_highest_since_the_reset(check_run *run)
{
    (void)run;
    alloc_reset_peak();
    size_t start = alloc_used_bytes();
    CHECK_INT(alloc_peak_bytes(), start);
    size_t sizes[] = {64, 5000, UNIT};
    for (size_t index = 0; index < CHECK_LENGTH(sizes); index++) {
        bool pages = sizes[index] == UNIT;
        void *block = pages ? alloc_pages(UNIT) : alloc_new(sizes[index]);
        size_t peak = start + (pages ? UNIT : alloc_usable(sizes[index]));
        CHECK_INT(alloc_peak_bytes(), peak);
        pages ? alloc_pages_free(block, UNIT) : alloc_free(block, sizes[index]);
        CHECK_INT(alloc_peak_bytes(), peak);
        alloc_reset_peak();
        CHECK_INT(alloc_peak_bytes(), start);
    }
}

static void test_pages_are_zeroed_again_after_use(check_run *run)
{
    size_t used = alloc_used_bytes();
    for (int round = 0; round < 60; round++) {
        size_t size = (1 + check_random_below(run, 70)) * UNIT - check_random_below(run, 100);
        unsigned char *pages = alloc_pages(size);
        check_filled(pages, pages_counted(size), 0);
        memset(pages, 0xa5, pages_counted(size));
        alloc_pages_free(pages, size);
        if (round % 7 == 0)
            alloc_purge();
    }
    CHECK_INT(alloc_used_bytes(), used);
}

static void test_a_zeroed_block_reads_as_zero_after_use_by_others(check_run *run)
{
    size_t used = alloc_used_bytes();
    for (int round = 0; round < 400; round++) {
        size_t size = check_random_below(run, round % 10 == 0 ? 300000 : 2000);
        unsigned char *block = alloc_new_zeroed(size);
        check_filled(block, size, 0);
        memset(block, 0xa5, size);
        alloc_free(block, size);
    }
    CHECK_INT(alloc_used_bytes(), used);
}

static void *free_in_thread(void *block)
{
    alloc_free_detached(block);
    return NULL;
}

static void test_a_detached_block_may_be_freed_by_another_thread(check_run *run)
{
    (void)run;
    size_t used = alloc_used_bytes();
    for (int round = 0; round < 20; round++) {
        size_t size = (size_t)2000 << (round % 8);
        char *block = alloc_new(size);
        memset(block, 1, size);
        alloc_detach(block, size);
        CHECK_INT(alloc_used_bytes(), used);
        pthread_t thread;
        CHECK_INT(pthread_create(&thread, NULL, free_in_thread, block), 0);
        CHECK_INT(pthread_join(thread, NULL), 0);
    }
}

static void detach_small(void *argument)
{
    alloc_detach(argument, 64);
}

static void ask_for_all_pages(void *argument)
{
    (void)argument;
    void *volatile pages = alloc_pages(SIZE_MAX - 3);
    (void)pages;
}

static void test_what_cannot_go_on_aborts(check_run *run)
{
    (void)run;
    void *block = alloc_new(64);
    CHECK(check_aborts(detach_small, block, "main thread"));
    alloc_free(block, 64);
    CHECK(check_aborts(ask_for_all_pages, NULL, "Out of memory allocating"));
}

#ifdef FASTREDIS_ALLOC_LIBC

#ifdef FASTREDIS_DEBUG
static void free_with_wrong_size(void *argument)
{
    alloc_free(argument, 65);
}

static void test_a_free_with_a_wrong_size_is_found(check_run *run)
{
    (void)run;
    void *block = alloc_new(64);
    CHECK(check_aborts(free_with_wrong_size, block, "is said to have 65"));
    alloc_free(block, 64);
}
#endif

#else

static void *new_blocks(void **blocks, size_t count, size_t size)
{
    for (size_t index = 0; index < count; index++)
        blocks[index] = alloc_new(size);
    return blocks;
}

static void free_blocks(void **blocks, size_t count, size_t size)
{
    for (size_t index = 0; index < count; index++)
        alloc_free(blocks[index], size);
}

/* Counted over the page tables: the quick figure of statm is off by what each core has not yet
 * reported. 0 where the system has no such file; the checks then hold trivially. */
static size_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    size_t resident_kb = 0;
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "Rss: %zu kB", &resident_kb) == 1)
            break;
    fclose(file);
    return resident_kb * 1024;
}

/* Less than 2 % of a slab is lost at its end. */
static void test_every_class_fills_its_slabs(check_run *run)
{
    (void)run;
    for (size_t size = 8; size <= ALLOC_SLAB_LIMIT; size += 8) {
        void *block = alloc_new(size);
        const alloc_slab *slab = alloc_slab_of(block);
        CHECK_INT(slab->block_bytes, size);
        CHECK((size_t)slab->capacity * size * 100 >= UNIT * 98);
        CHECK((size_t)slab->capacity * size <= UNIT);
        alloc_check_block(block, size);
        alloc_free(block, size);
    }
    alloc_trim();
}

static void test_slabs_are_filled_fullest_first(check_run *run)
{
    (void)run;
    enum { SLABS = 6, SIZE = 104 };
    size_t capacity = UNIT / SIZE, total = capacity * SLABS;
    void **blocks = new_blocks(alloc_new(total * sizeof(void *)), total, SIZE);
    for (size_t slab = 1; slab < SLABS; slab++)
        CHECK(alloc_slab_of(blocks[slab * capacity]) != alloc_slab_of(blocks[slab * capacity - 1]));
    /* Slab 0 keeps one block, slab 1 half, slab 2 all but one: 2, then 1, then 0 must be used. */
    free_blocks(blocks + 1, capacity - 1, SIZE);
    free_blocks(blocks + capacity, capacity / 2, SIZE);
    alloc_free(blocks[2 * capacity + 7], SIZE);
    void *extra = alloc_new(SIZE);
    CHECK_POINTER(extra, blocks[2 * capacity + 7]);
    const alloc_slab *half_full = alloc_slab_of(blocks[2 * capacity - 1]);
    for (size_t index = 0; index < capacity / 2; index++) {
        blocks[capacity + index] = alloc_new(SIZE);
        CHECK_POINTER(alloc_slab_of(blocks[capacity + index]), half_full);
    }
    for (size_t index = 1; index < capacity; index++) {
        blocks[index] = alloc_new(SIZE);
        CHECK_POINTER(alloc_slab_of(blocks[index]), alloc_slab_of(blocks[0]));
    }
    free_blocks(blocks, total, SIZE);
    alloc_free(blocks, total * sizeof(void *));
}

static void test_empty_arenas_go_back_to_the_system(check_run *run)
{
    enum { BLOCKS = 500000, SIZE = 72 };
    alloc_trim();
    size_t mapped_before = alloc_mapped_bytes(), resident_before = resident_bytes();
    void **blocks = alloc_new(BLOCKS * sizeof(void *));
    new_blocks(blocks, BLOCKS, SIZE);
    size_t needed = (size_t)BLOCKS * SIZE, mapped = alloc_mapped_bytes() - mapped_before;
    CHECK(mapped >= needed - ALLOC_ARENA_BYTES); /* one arena was there, empty */
    CHECK(mapped <= needed * 104 / 100 + ALLOC_ARENA_BYTES);
    for (size_t index = BLOCKS - 1; index > 0; index--) {
        size_t other = check_random_below(run, index + 1);
        void *swapped = blocks[index];
        blocks[index] = blocks[other];
        blocks[other] = swapped;
    }
    free_blocks(blocks, BLOCKS, SIZE);
    CHECK(alloc_reserve_bytes() >= needed * 9 / 10); /* a free alone does not wait for the system */
    size_t reserve = alloc_reserve_bytes();
    while (alloc_purge()) {
        CHECK(reserve - alloc_reserve_bytes() <= (size_t)1 << 20);
        CHECK(reserve > alloc_reserve_bytes());
        reserve = alloc_reserve_bytes();
    }
    CHECK(alloc_reserve_bytes() <= (size_t)4 << 20);
    alloc_free(blocks, BLOCKS * sizeof(void *));
    alloc_trim();
    CHECK_INT(alloc_reserve_bytes(), 0);
    CHECK(alloc_mapped_bytes() <= mapped_before + 2 * ALLOC_ARENA_BYTES);
    CHECK(resident_bytes() <= resident_before + ((size_t)2 << 20));
}

/* Without anybody calling alloc_purge, what is kept is bounded all the same. */
static void test_the_reserve_is_bounded_without_a_timer(check_run *run)
{
    (void)run;
    enum { PAGES = 2000 };
    static void *pages[PAGES];
    for (size_t index = 0; index < PAGES; index++)
        pages[index] = alloc_pages(1);
    for (size_t index = 0; index < PAGES; index++)
        alloc_pages_free(pages[index], 1);
    CHECK(alloc_reserve_bytes() <= (size_t)64 << 20);
    alloc_trim();
    CHECK_INT(alloc_reserve_bytes(), 0);
}

static void test_a_class_in_use_costs_a_page_not_a_slab(check_run *run)
{
    (void)run;
    static void *blocks[ALLOC_CLASSES];
    alloc_trim();
    size_t resident_before = resident_bytes();
    for (size_t index = 0; index < ALLOC_CLASSES; index++)
        blocks[index] = alloc_new(8 * index + 8);
    CHECK(resident_bytes() - resident_before <= (size_t)3 << 19);
    for (size_t index = 0; index < ALLOC_CLASSES; index++)
        alloc_free(blocks[index], 8 * index + 8);
    alloc_trim();
}

static void test_zeros_that_are_not_touched_need_no_memory(check_run *run)
{
    (void)run;
    size_t size = (size_t)256 << 20, resident_before = resident_bytes();
    char *block = alloc_new_zeroed(size);
    block[size - 1] = 1;
    CHECK(block[0] == 0 && block[size / 2] == 0);
    CHECK(resident_bytes() <= resident_before + ((size_t)1 << 20));
    alloc_free(block, size);
}

static void test_huge_pages_change_nothing_but_the_backing(check_run *run)
{
    alloc_use_huge_pages(true);
    test_pages_are_zeroed_again_after_use(run);
    test_empty_arenas_go_back_to_the_system(run);
    alloc_use_huge_pages(false);
}

static void ask_for_everything(void *argument)
{
    (void)argument;
    void *volatile block = alloc_new(SIZE_MAX / 2);
    (void)block;
}

static void ask_for_more_than_everything(void *argument)
{
    (void)argument;
    void *volatile block = alloc_new(SIZE_MAX - 3);
    (void)block;
}

/* Not where a sanitizer's malloc ends the process in its own way. */
static void test_a_block_that_the_system_does_not_give_aborts(check_run *run)
{
    (void)run;
    CHECK(check_aborts(ask_for_everything, NULL, "Out of memory allocating"));
    CHECK(check_aborts(ask_for_more_than_everything, NULL, "Out of memory allocating"));
}

static void check_with_wrong_size(void *argument)
{
    alloc_check_block(argument, 72);
}

static void check_inside_block(void *argument)
{
    alloc_check_block((char *)argument + 8, 64);
}

static void free_pages_twice(void *argument)
{
    alloc_pages_free(argument, UNIT);
    alloc_pages_free(argument, UNIT);
}

static void test_wrong_frees_are_found(check_run *run)
{
    (void)run;
    void *block = alloc_new(64), *pages = alloc_pages(UNIT);
    CHECK(check_aborts(check_with_wrong_size, block, "is no block of 72 bytes"));
    CHECK(check_aborts(check_inside_block, block, "is no block of 64 bytes"));
    CHECK(check_aborts(free_pages_twice, pages, "is freed twice"));
    alloc_free(block, 64);
    alloc_pages_free(pages, UNIT);
}

#endif

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_blocks_keep_their_bytes_and_are_counted_exactly),
        CHECK_TEST(test_usable_size_is_enough_and_not_much_more),
        CHECK_TEST(test_nothing_can_be_freed_and_resized),
        CHECK_TEST(test_peak_is_the_highest_since_the_reset),
        CHECK_TEST(test_pages_are_zeroed_again_after_use),
        CHECK_TEST(test_a_zeroed_block_reads_as_zero_after_use_by_others),
        CHECK_TEST(test_a_detached_block_may_be_freed_by_another_thread),
        CHECK_TEST(test_what_cannot_go_on_aborts),
#ifdef FASTREDIS_ALLOC_LIBC
#ifdef FASTREDIS_DEBUG
        CHECK_TEST(test_a_free_with_a_wrong_size_is_found),
#endif
#else
        CHECK_TEST(test_every_class_fills_its_slabs),
        CHECK_TEST(test_slabs_are_filled_fullest_first),
        CHECK_TEST(test_empty_arenas_go_back_to_the_system),
        CHECK_TEST(test_the_reserve_is_bounded_without_a_timer),
        CHECK_TEST(test_a_class_in_use_costs_a_page_not_a_slab),
        CHECK_TEST(test_zeros_that_are_not_touched_need_no_memory),
        CHECK_TEST(test_huge_pages_change_nothing_but_the_backing),
        CHECK_TEST(test_a_block_that_the_system_does_not_give_aborts),
        CHECK_TEST(test_wrong_frees_are_found),
#endif
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
