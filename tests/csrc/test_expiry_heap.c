/* Tests of expiry_heap.h. The oracle is an array of elements that is searched from end to end. */
#include "alloc.h"
#include "check.h"
#include "expiry_heap.h"

#define MOVES_AT_MOST 12

typedef struct volatile_key {
    int64_t due_ms; /* as the heap must see it: clamped */
    uint32_t position;
    bool present;
} volatile_key;

static uint64_t moves;

static void key_moved(void *element, uint32_t position)
{
    ((volatile_key *)element)->position = position;
    moves++;
}

static int64_t clamped(int64_t due_ms)
{
    return due_ms < 0 ? 0 : due_ms > EXPIRY_HEAP_DUE_MAX ? EXPIRY_HEAP_DUE_MAX : due_ms;
}

/* Due times that collide, that are far apart, and that must be clamped. */
static int64_t random_due(check_run *run)
{
    switch (check_random_below(run, 8)) {
    case 0:
        return (int64_t)check_random(run);
    case 1:
        return EXPIRY_HEAP_DUE_MAX - 2 + (int64_t)check_random_below(run, 5);
    case 2:
        return (int64_t)check_random_below(run, 5) - 2;
    case 3:
        return 1700000000000 + (int64_t)check_random_below(run, 10);
    default:
        return 1700000000000 + (int64_t)check_random_below(run, 1000000);
    }
}

static void add_key(expiry_heap *heap, volatile_key *key, int64_t due_ms)
{
    key->due_ms = clamped(due_ms);
    key->present = true;
    key->position = EXPIRY_HEAP_NOWHERE;
    expiry_heap_add(heap, key, due_ms);
}

static void check_against_oracle(const expiry_heap *heap, volatile_key **keys, size_t key_count)
{
    size_t present = 0;
    int64_t least = INT64_MAX;
    for (size_t index = 0; index < key_count; index++) {
        const volatile_key *key = keys[index];
        if (!key->present)
            continue;
        present++;
        if (key->due_ms < least)
            least = key->due_ms;
        CHECK(key->position < expiry_heap_count(heap));
        CHECK_POINTER(expiry_heap_element(heap, key->position), key);
        CHECK_INT(expiry_heap_due(heap, key->position), key->due_ms);
    }
    CHECK_INT(expiry_heap_count(heap), present);
    void *element = NULL;
    int64_t due_ms = -1;
    CHECK_INT(expiry_heap_first(heap, &element, &due_ms), present != 0);
    if (present == 0) {
        CHECK_POINTER(element, NULL);
        CHECK_INT(due_ms, -1);
        return;
    }
    CHECK_INT(due_ms, least);
    CHECK_INT(((volatile_key *)element)->due_ms, least);
    CHECK_INT(((volatile_key *)element)->position, 0);
}

/* One random operation on one random key. */
static void random_step(check_run *run, expiry_heap *heap, volatile_key **key, unsigned add_percent)
{
    moves = 0;
    if (!(*key)->present) {
        if (check_chance(run, add_percent)) {
            add_key(heap, *key, random_due(run));
            CHECK(moves >= 1 && moves <= MOVES_AT_MOST);
        }
        return;
    }
    unsigned action = (unsigned)check_random_below(run, 4);
    if (action < 2) {
        int64_t due_ms = random_due(run);
        (*key)->due_ms = clamped(due_ms);
        expiry_heap_update(heap, (*key)->position, due_ms);
        CHECK(moves >= 1 && moves <= MOVES_AT_MOST);
    } else if (action == 2) {
        volatile_key *moved = alloc_new(sizeof *moved);
        *moved = **key;
        expiry_heap_replace(heap, moved->position, moved);
        alloc_free(*key, sizeof **key);
        *key = moved;
        CHECK_INT(moves, 0);
    } else if (!check_chance(run, add_percent)) {
        uint32_t position = (*key)->position;
        expiry_heap_remove(heap, position);
        CHECK_INT((*key)->position, position);
        (*key)->present = false;
        CHECK(moves <= MOVES_AT_MOST);
    }
}

static void test_heap_agrees_with_a_searched_array(check_run *run)
{
    enum { KEYS = 700 };
    volatile_key *keys[KEYS];
    size_t used_before = alloc_used_bytes();
    for (size_t index = 0; index < KEYS; index++) {
        keys[index] = alloc_new(sizeof(volatile_key));
        memset(keys[index], 0, sizeof(volatile_key));
    }
    size_t used_by_keys = alloc_used_bytes();
    expiry_heap heap;
    expiry_heap_init(&heap, key_moved);
    uint64_t iterations = check_iterations(run, 300000);
    size_t span = KEYS;
    unsigned add_percent = 50;
    for (uint64_t step = 0; step < iterations; step++) {
        if (step % 3000 == 0) { /* another size and another balance of additions and removals */
            span = check_chance(run, 50) ? KEYS : 1 + check_random_below(run, 40);
            add_percent = 10 + 20 * (unsigned)check_random_below(run, 5);
        }
        random_step(run, &heap, &keys[check_random_below(run, span)], add_percent);
        CHECK_INT(alloc_used_bytes(), used_by_keys + expiry_heap_bytes(&heap));
        if (step % 32 == 0)
            check_against_oracle(&heap, keys, KEYS);
        if (check_random_below(run, 20000) == 0) {
            expiry_heap_clear(&heap);
            for (size_t index = 0; index < KEYS; index++)
                keys[index]->present = false;
        }
    }
    check_against_oracle(&heap, keys, KEYS);
    expiry_heap_free(&heap);
    CHECK_INT(alloc_used_bytes(), used_by_keys);
    for (size_t index = 0; index < KEYS; index++)
        alloc_free(keys[index], sizeof(volatile_key));
    CHECK_INT(alloc_used_bytes(), used_before);
}

static int compare_dues(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* Enough for several chunks: growth and shrinking across chunk boundaries, and prefetched rows. */
static void test_elements_leave_in_order_of_due_time_across_chunks(check_run *run)
{
    enum { KEYS = 5 * EXPIRY_HEAP_CHUNK_NODES + 3 };
    volatile_key *keys = alloc_new(KEYS * sizeof *keys);
    int64_t *dues = alloc_new(KEYS * sizeof *dues);
    expiry_heap heap;
    expiry_heap_init(&heap, key_moved);
    for (int pass = 0; pass < 3; pass++) {
        for (size_t index = 0; index < KEYS; index++) {
            int64_t due_ms = pass == 0   ? (int64_t)index
                             : pass == 1 ? (int64_t)(KEYS - index)
                                         : random_due(run);
            add_key(&heap, &keys[index], due_ms);
            dues[index] = keys[index].due_ms;
        }
        CHECK_INT(heap.chunk_count, 6);
        qsort(dues, KEYS, sizeof *dues, compare_dues);
        for (size_t index = 0; index < KEYS; index++) {
            void *element;
            int64_t due_ms;
            CHECK(expiry_heap_first(&heap, &element, &due_ms));
            CHECK_INT(due_ms, dues[index]);
            CHECK_INT(((volatile_key *)element)->due_ms, due_ms);
            expiry_heap_remove(&heap, 0);
        }
        CHECK(!expiry_heap_first(&heap, NULL, NULL));
        CHECK(expiry_heap_bytes(&heap) < 1024);
    }
    expiry_heap_free(&heap);
    alloc_free(dues, KEYS * sizeof *dues);
    alloc_free(keys, KEYS * sizeof *keys);
}

static void test_an_empty_heap_owns_nothing_and_can_be_cleared(check_run *run)
{
    (void)run;
    size_t used_before = alloc_used_bytes();
    expiry_heap heap;
    expiry_heap_init(&heap, key_moved);
    CHECK_INT(alloc_used_bytes(), used_before);
    CHECK_INT(expiry_heap_bytes(&heap), 0);
    CHECK_INT(expiry_heap_count(&heap), 0);
    CHECK(!expiry_heap_first(&heap, NULL, NULL));
    expiry_heap_clear(&heap);
    expiry_heap_free(&heap);
    CHECK_INT(alloc_used_bytes(), used_before);
}

static void test_a_small_heap_takes_little_memory(check_run *run)
{
    (void)run;
    volatile_key keys[3];
    expiry_heap heap;
    expiry_heap_init(&heap, key_moved);
    for (size_t index = 0; index < 3; index++)
        add_key(&heap, &keys[index], 10 - (int64_t)index);
    CHECK(expiry_heap_bytes(&heap) <= 208);
    CHECK_INT(keys[2].position, 0);
    expiry_heap_free(&heap);
}

static void test_twelve_bytes_an_element_in_a_large_heap(check_run *run)
{
    (void)run;
    enum { KEYS = 40 * EXPIRY_HEAP_CHUNK_NODES };
    volatile_key key;
    expiry_heap heap;
    expiry_heap_init(&heap, key_moved);
    for (size_t index = 0; index < KEYS; index++)
        expiry_heap_add(&heap, &key, (int64_t)index);
    size_t chunk_bytes = EXPIRY_HEAP_CHUNK_NODES * EXPIRY_HEAP_NODE_BYTES;
    CHECK(expiry_heap_bytes(&heap) <= KEYS * 12 + chunk_bytes + 1024);
    expiry_heap_clear(&heap);
    CHECK_INT(expiry_heap_bytes(&heap), 0);
}

/* A count that swings about the end of a chunk must not allocate and free one each time. */
static void test_swinging_about_a_chunk_boundary_does_not_allocate(check_run *run)
{
    (void)run;
    volatile_key key;
    expiry_heap heap;
    expiry_heap_init(&heap, key_moved);
    while (heap.chunk_count < 3)
        expiry_heap_add(&heap, &key, 5);
    size_t used = alloc_used_bytes();
    for (int round = 0; round < 20; round++) {
        for (int index = 0; index < 10; index++)
            expiry_heap_remove(&heap, 0);
        CHECK_INT(alloc_used_bytes(), used);
        for (int index = 0; index < 10; index++)
            expiry_heap_add(&heap, &key, 5);
        CHECK_INT(alloc_used_bytes(), used);
    }
    while (expiry_heap_count(&heap) > EXPIRY_HEAP_CHUNK_NODES * 3 / 4)
        expiry_heap_remove(&heap, (uint32_t)expiry_heap_count(&heap) - 1);
    CHECK_INT(heap.chunk_count, 2);
    while (expiry_heap_count(&heap) > EXPIRY_HEAP_CHUNK_NODES / 3)
        expiry_heap_remove(&heap, (uint32_t)expiry_heap_count(&heap) - 1);
    CHECK_INT(heap.chunk_count, 1);
    expiry_heap_free(&heap);
}

static void add_to_full_heap(void *argument)
{
    volatile_key key;
    expiry_heap *heap = argument;
    heap->count = EXPIRY_HEAP_NOWHERE;
    expiry_heap_add(heap, &key, 1);
}

static void test_the_position_that_means_nowhere_is_never_given(check_run *run)
{
    (void)run;
    expiry_heap heap;
    expiry_heap_init(&heap, key_moved);
    CHECK(check_aborts(add_to_full_heap, &heap, "More than"));
    expiry_heap_free(&heap);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_heap_agrees_with_a_searched_array),
        CHECK_TEST(test_elements_leave_in_order_of_due_time_across_chunks),
        CHECK_TEST(test_an_empty_heap_owns_nothing_and_can_be_cleared),
        CHECK_TEST(test_a_small_heap_takes_little_memory),
        CHECK_TEST(test_twelve_bytes_an_element_in_a_large_heap),
        CHECK_TEST(test_swinging_about_a_chunk_boundary_does_not_allocate),
        CHECK_TEST(test_the_position_that_means_nowhere_is_never_given),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
