/* Tests of hashtable.h. The oracle is an array of elements, each of which knows whether it is in;
 * check_table walks every bucket and verifies all invariants of the header. */
#include "alloc.h"
#include "check.h"
#include "hashtable.h"

#define OVERFLOW_BYTES 32
#define KEY_MAX 40

typedef struct element {
    uint32_t number;
    uint32_t seen;
    bool present;
    uint8_t key_length;
    char key[KEY_MAX];
} element;

static const void *element_key(const void *of, size_t *length)
{
    *length = ((const element *)of)->key_length;
    return ((const element *)of)->key;
}

static hashtable_type type = {element_key, {{0}}};

static void type_seed(check_run *run)
{
    for (size_t index = 0; index < CHECK_LENGTH(type.seed.word); index++)
        type.seed.word[index] = check_random(run);
}

/* Keys of many lengths, distinct because they end in their number. */
static void element_make(check_run *run, element *made, uint32_t number)
{
    *made = (element){.number = number};
    size_t filled = check_random_below(run, KEY_MAX - 10);
    memset(made->key, 'k', filled);
    int digits = snprintf(made->key + filled, KEY_MAX - filled, "%u", number);
    made->key_length = (uint8_t)(filled + (size_t)digits);
}

static uint64_t hash_of(const element *of)
{
    return hash_bytes(&type.seed, of->key, of->key_length);
}

static void put(hashtable *table, element *which)
{
    hashtable_insert(table, which, hash_of(which));
    which->present = true;
}

static void take(hashtable *table, element *which)
{
    hashtable_position position;
    CHECK_POINTER(hashtable_locate(table, which->key, which->key_length, hash_of(which), &position),
                  which);
    hashtable_remove(table, &position);
    which->present = false;
}

static void *look(const hashtable *table, const element *which)
{
    char *key = malloc(which->key_length ? which->key_length : 1); /* sees overreads */
    memcpy(key, which->key, which->key_length);
    void *found = hashtable_find(table, key, which->key_length, hash_of(which));
    free(key);
    return found;
}

/* ---- the invariants ---- */

typedef struct walk {
    size_t elements, overflow_units, longest;
} walk;

static size_t expected_bucket(const hashtable *table, uint64_t hash)
{
    size_t level = 0;
    while ((size_t)2 << level <= table->buckets)
        level++;
    size_t index = hash % ((size_t)2 << level);
    return index < table->buckets ? index : hash % ((size_t)1 << level);
}

/* One bucket and what is linked behind it: only the last unit has holes, a linked one has at least
 * two elements, everything stands where its hash says, under its tag. */
static void check_chain(const hashtable *table, size_t bucket, const uint8_t *unit, walk *total)
{
    size_t length = 0;
    for (bool is_overflow = false; unit != NULL; is_overflow = true) {
        size_t slots = is_overflow ? HASHTABLE_OVERFLOW_SLOTS : HASHTABLE_BUCKET_SLOTS;
        const uint8_t *references = unit + 1 + slots;
        const uint8_t *next = NULL;
        size_t here = 0;
        CHECK(unit[0] <= 1);
        if (unit[0]) {
            slots--;
            next = (const uint8_t *)(uintptr_t)load_u48(references + slots * 6);
            CHECK_INT(unit[1 + slots], 0);
        }
        for (size_t slot = 0; slot < slots; slot++) {
            if (unit[1 + slot] == 0)
                continue;
            const element *held = (const element *)(uintptr_t)load_u48(references + slot * 6);
            uint64_t hash = hash_of(held);
            CHECK(held->present);
            CHECK_INT(unit[1 + slot], hash >> 56 ? hash >> 56 : 1);
            CHECK_INT(expected_bucket(table, hash), bucket);
            here++;
        }
        if (next)
            CHECK_INT(here, slots);
        if (is_overflow) {
            CHECK(here + (next != NULL) >= 2);
            total->overflow_units++;
        }
        length += here;
        unit = next;
    }
    total->elements += length;
    if (length > total->longest)
        total->longest = length;
}

static walk check_table(const hashtable *table)
{
    walk total = {0};
    size_t level_size = table->mask + 1;
    CHECK(table->buckets >= 1 && (level_size & table->mask) == 0);
    CHECK(table->buckets >= level_size && table->buckets < 2 * level_size);
    CHECK_POINTER(table->first, table->segments[0]);
    CHECK(table->segments_held <= table->directory_capacity);
    CHECK((size_t)table->first_capacity
              + (size_t)(table->segments_held - 1) * HASHTABLE_SEGMENT_BUCKETS >= table->buckets);
    for (size_t index = 0; index < table->buckets; index++) {
        const hashtable_bucket *bucket = table->segments[index / HASHTABLE_SEGMENT_BUCKETS]
                                         + index % HASHTABLE_SEGMENT_BUCKETS;
        CHECK(((uintptr_t)bucket & (index < 1024 && table->first_capacity < 1024 ? 7 : 63)) == 0);
        check_chain(table, index, (const uint8_t *)bucket, &total);
    }
    CHECK_INT(total.elements, table->count);
    CHECK_INT(total.overflow_units, table->overflow_units);
    return total;
}

static void check_load(const hashtable *table)
{
    CHECK(table->count <= table->buckets * 15 / 2);
    CHECK(table->buckets == 1 || table->count + 1 >= table->buckets * 7 / 2);
}

/* ---- one operation at a time against the oracle ---- */

static void test_table_agrees_with_an_array_of_elements(check_run *run)
{
    enum { KEYS = 3000 };
    element *elements = malloc(KEYS * sizeof *elements);
    size_t used_before = alloc_used_bytes(), present = 0;
    hashtable table;
    type_seed(run);
    hashtable_init(&table, &type);
    for (uint32_t number = 0; number < KEYS; number++)
        element_make(run, &elements[number], number);
    uint64_t steps = check_iterations(run, 60000);
    for (uint64_t step = 0; step < steps; step++) {
        unsigned add_percent = step / 8000 % 2 ? 20 : 75; /* grows and shrinks in turns */
        element *which = &elements[check_random_below(run, KEYS)];
        CHECK_POINTER(look(&table, which), which->present ? which : NULL);
        if (!which->present && check_chance(run, add_percent)) {
            put(&table, which);
            present++;
        } else if (which->present && !check_chance(run, add_percent)) {
            take(&table, which);
            present--;
        }
        CHECK_INT(table.count, present);
        check_load(&table);
        if (step % 512 == 0) {
            check_table(&table);
            CHECK_INT(hashtable_bytes(&table), alloc_used_bytes() - used_before);
        }
    }
    hashtable_free(&table);
    CHECK_INT(alloc_used_bytes(), used_before);
    free(elements);
}

static void test_a_replaced_element_is_found_by_the_same_key(check_run *run)
{
    enum { KEYS = 500 };
    element *elements = malloc(2 * KEYS * sizeof *elements);
    hashtable table;
    type_seed(run);
    hashtable_init(&table, &type);
    for (uint32_t number = 0; number < KEYS; number++) {
        element_make(run, &elements[number], number);
        put(&table, &elements[number]);
    }
    for (uint32_t number = 0; number < KEYS; number++) {
        element *old = &elements[number], *successor = &elements[KEYS + number];
        hashtable_position position;
        *successor = *old;
        hashtable_locate(&table, old->key, old->key_length, hash_of(old), &position);
        hashtable_replace(&table, &position, successor);
        old->present = false;
        CHECK_POINTER(look(&table, old), successor);
    }
    check_table(&table);
    CHECK_INT(table.count, KEYS);
    hashtable_free(&table);
    free(elements);
}

static void test_an_absent_key_leaves_no_position(check_run *run)
{
    element one;
    hashtable table;
    type_seed(run);
    hashtable_init(&table, &type);
    element_make(run, &one, 1);
    hashtable_position position = {.unit = (uint8_t *)&one};
    uint64_t hash = hashtable_hash(&table, "k", 1);
    CHECK_POINTER(hashtable_locate(&table, "k", 1, hash, &position), NULL);
    CHECK_POINTER(position.unit, NULL);
    put(&table, &one);
    position.unit = (uint8_t *)&one;
    CHECK_POINTER(hashtable_locate(&table, "", 0, hashtable_hash(&table, "", 0), &position), NULL);
    CHECK_POINTER(position.unit, NULL);
    hashtable_free(&table);
}

/* ---- growth and shrinking ---- */

static void shuffle(check_run *run, element **order, size_t count)
{
    for (size_t left = count; left > 1; left--) {
        size_t other = check_random_below(run, left);
        element *swapped = order[left - 1];
        order[left - 1] = order[other];
        order[other] = swapped;
    }
}

/* `count` elements and an array of their addresses, for random order. Freed by the caller. */
static element *elements_make(check_run *run, size_t count, element ***order)
{
    element *elements = malloc(count * sizeof *elements);
    *order = malloc(count * sizeof **order);
    for (uint32_t number = 0; number < count; number++) {
        element_make(run, &elements[number], number);
        (*order)[number] = &elements[number];
    }
    return elements;
}

static void test_table_grows_to_200000_and_shrinks_to_nothing(check_run *run)
{
    enum { KEYS = 200000 };
    element **order, *elements = elements_make(run, KEYS, &order);
    size_t used_before = alloc_used_bytes();
    hashtable table;
    type_seed(run);
    hashtable_init(&table, &type);
    for (size_t number = 0; number < KEYS; number++) {
        size_t buckets_before = table.buckets;
        put(&table, order[number]);
        CHECK(table.buckets - buckets_before <= 1);
        check_load(&table);
        if ((number & (number + 1)) == 0 || number % 50000 == 0)
            check_table(&table);
    }
    CHECK(check_table(&table).longest < 60);
    CHECK_INT(hashtable_bytes(&table), alloc_used_bytes() - used_before);
    CHECK(hashtable_bytes(&table) < KEYS * 12);
    for (size_t number = 0; number < KEYS; number++)
        CHECK_POINTER(look(&table, order[number]), order[number]);
    shuffle(run, order, KEYS);
    for (size_t left = KEYS; left-- > 0;) {
        size_t buckets_before = table.buckets;
        take(&table, order[left]);
        CHECK(buckets_before - table.buckets <= 1);
        check_load(&table);
        if (left % 50000 == 0 || (left & (left - 1)) == 0) {
            check_table(&table);
            CHECK_INT(hashtable_bytes(&table), alloc_used_bytes() - used_before);
        }
    }
    CHECK_INT(table.buckets, 1);
    hashtable_free(&table);
    CHECK_INT(alloc_used_bytes(), used_before);
    free(order);
    free(elements);
}

/* A spare segment used to be kept whatever the size, so that a table which had once passed 7,680
 * elements held 128 KB for ever: fatal for a hash that is one of a million. */
static void test_a_table_that_was_large_gives_all_its_segments_back(check_run *run)
{
    enum { KEYS = 30000 };
    element **order, *elements = elements_make(run, KEYS, &order);
    hashtable table;
    type_seed(run);
    hashtable_init(&table, &type);
    for (size_t number = 0; number < KEYS; number++)
        put(&table, order[number]);
    CHECK(table.segments_held > 3);
    for (size_t number = KEYS; number-- > 10;)
        take(&table, order[number]);
    CHECK(hashtable_bytes(&table) < 1024);
    hashtable_free(&table);
    free(order);
    free(elements);
}

/* Segments come and go with half a segment of hysteresis. */
static void test_a_count_that_swings_about_a_segment_boundary_allocates_nothing(check_run *run)
{
    enum { KEYS = 40000 };
    element **order, *elements = elements_make(run, KEYS, &order);
    hashtable table;
    type_seed(run);
    hashtable_init(&table, &type);
    size_t count = 0;
    while (table.buckets <= 3 * HASHTABLE_SEGMENT_BUCKETS)
        put(&table, order[count++]);
    CHECK_INT(table.segments_held, 4);
    while (table.buckets > 3 * HASHTABLE_SEGMENT_BUCKETS - HASHTABLE_SEGMENT_BUCKETS / 2 + 1) {
        take(&table, order[--count]);
        CHECK_INT(table.segments_held, 4);
    }
    while (table.buckets > 2 * HASHTABLE_SEGMENT_BUCKETS) {
        take(&table, order[--count]);
        CHECK(table.segments_held <= 4 && table.segments_held >= 3);
    }
    CHECK_INT(table.segments_held, 3);
    check_table(&table);
    hashtable_free(&table);
    free(order);
    free(elements);
}

/* ---- collisions ---- */

/* Elements that all fall into bucket 0 of a table of up to 2^8 buckets and share a tag, found by
 * trying numbers. */
static element *colliding_make(check_run *run, size_t count)
{
    element *elements = malloc(count * sizeof *elements);
    uint32_t number = 0;
    for (size_t found = 0; found < count; number++) {
        element_make(run, &elements[found], number);
        uint64_t hash = hash_of(&elements[found]);
        if ((hash & 255) == 0 && hash >> 56 < 4)
            found++;
    }
    return elements;
}

static void test_chains_of_one_bucket_stay_sound_through_random_removals(check_run *run)
{
    enum { KEYS = 150 };
    type_seed(run);
    element *elements = colliding_make(run, KEYS);
    uint64_t rounds = check_iterations(run, 40);
    for (uint64_t round = 0; round < rounds; round++) {
        hashtable table;
        hashtable_init(&table, &type);
        hashtable_pause_resize(&table);
        size_t most = 1 + check_random_below(run, KEYS);
        for (unsigned step = 0; step < 400; step++) {
            element *which = &elements[check_random_below(run, most)];
            if (which->present)
                take(&table, which);
            else
                put(&table, which);
            CHECK_INT(table.buckets, 1);
            check_table(&table);
        }
        for (size_t number = 0; number < KEYS; number++)
            CHECK_POINTER(look(&table, &elements[number]),
                          elements[number].present ? &elements[number] : NULL);
        for (size_t number = 0; number < KEYS; number++)
            if (elements[number].present) {
                take(&table, &elements[number]);
                check_table(&table);
            }
        CHECK_INT(table.overflow_units, 0);
        hashtable_free(&table);
    }
    free(elements);
}

static void test_one_tag_and_one_bucket_for_all_is_slow_but_right(check_run *run)
{
    enum { KEYS = 120 };
    type_seed(run);
    element *elements = colliding_make(run, KEYS);
    hashtable table;
    hashtable_init(&table, &type);
    for (size_t number = 0; number < KEYS; number++) {
        put(&table, &elements[number]); /* splits never part them */
        check_table(&table);
    }
    for (size_t number = 0; number < KEYS; number += 2)
        take(&table, &elements[number]);
    check_table(&table);
    for (size_t number = 0; number < KEYS; number++)
        CHECK_POINTER(look(&table, &elements[number]), number % 2 ? &elements[number] : NULL);
    hashtable_free(&table);
    free(elements);
}

static const uint8_t *chain_end(const hashtable *table)
{
    const uint8_t *unit = (const uint8_t *)table->first;
    for (bool is_overflow = false; unit[0]; is_overflow = true)
        unit = (const uint8_t *)(uintptr_t)load_u48(is_overflow ? unit + 5 + 18 : unit + 10 + 48);
    return unit;
}

/* From 9 elements to 10 a unit is linked; from 10 to 9 it goes, and the link's slot is an
 * element's again. */
static void test_the_last_two_of_an_overflow_unit_go_back_to_one(check_run *run)
{
    enum { KEYS = 13 };
    type_seed(run);
    for (size_t victim = 0; victim < KEYS; victim++) {
        element **order, *elements = elements_make(run, KEYS, &order);
        hashtable table;
        hashtable_init(&table, &type);
        hashtable_pause_resize(&table);
        size_t count = 0;
        for (; count < 9; count++)
            put(&table, order[count]);
        CHECK_INT(table.overflow_units, 0);
        put(&table, order[count++]);
        CHECK_INT(table.overflow_units, 1);
        CHECK(chain_end(&table) != (const uint8_t *)table.first);
        for (; count < KEYS; count++)
            put(&table, order[count]);
        CHECK_INT(table.overflow_units, 2);
        take(&table, order[victim]);
        CHECK_INT(table.overflow_units, 1);
        check_table(&table);
        for (size_t number = 0; table.count > 9; number++)
            if (order[number]->present)
                take(&table, order[number]);
        CHECK_INT(table.overflow_units, 0);
        CHECK_INT(table.first->links, 0);
        check_table(&table);
        hashtable_free(&table);
        free(order);
        free(elements);
    }
}

/* ---- visiting ---- */

static void note_seen(void *context, void *visited)
{
    ((element *)visited)->seen++;
    ++*(size_t *)context;
}

static void test_each_visits_every_element_once(check_run *run)
{
    enum { KEYS = 20000 };
    element **order, *elements = elements_make(run, KEYS, &order);
    hashtable table;
    size_t visits = 0;
    type_seed(run);
    hashtable_init(&table, &type);
    hashtable_each(&table, note_seen, &visits);
    CHECK_INT(visits, 0);
    for (size_t number = 0; number < KEYS; number += 2)
        put(&table, order[number]);
    hashtable_each(&table, note_seen, &visits);
    CHECK_INT(visits, KEYS / 2);
    for (size_t number = 0; number < KEYS; number++)
        CHECK_INT(elements[number].seen, number % 2 == 0);
    hashtable_free(&table);
    free(order);
    free(elements);
}

/* At every size from nothing on, so that chains, splits and segments all occur. */
static void test_an_iterator_gives_every_element_once(check_run *run)
{
    enum { KEYS = 9000 };
    element **order, *elements = elements_make(run, KEYS, &order);
    hashtable table;
    type_seed(run);
    hashtable_init(&table, &type);
    for (size_t number = 0; number <= KEYS; number++) {
        if (number < 100 || number % 900 == 0) {
            hashtable_iterator iterator;
            size_t count = 0;
            hashtable_iterate(&iterator, &table);
            for (element *next; (next = hashtable_next(&iterator)); count++)
                next->seen++;
            CHECK_INT(count, number);
            CHECK_POINTER(hashtable_next(&iterator), NULL);
            for (size_t other = 0; other < KEYS; other++) {
                CHECK_INT(order[other]->seen, other < number);
                order[other]->seen = 0;
            }
        }
        if (number < KEYS)
            put(&table, order[number]);
    }
    hashtable_free(&table);
    free(order);
    free(elements);
}

static void test_scan_of_a_still_table_visits_every_element_once(check_run *run)
{
    enum { KEYS = 5000 };
    element **order, *elements = elements_make(run, KEYS, &order);
    hashtable table;
    type_seed(run);
    hashtable_init(&table, &type);
    for (size_t count = 0; count <= KEYS; count++) {
        if (count < 100 || count % 311 == 0) {
            uint64_t cursor = 0;
            size_t visits = 0, calls = 0;
            do {
                cursor = hashtable_scan(&table, cursor, note_seen, &visits);
                CHECK(++calls <= table.mask + 1);
            } while (cursor);
            CHECK_INT(visits, count);
            for (size_t number = 0; number < count; number++) {
                CHECK_INT(elements[number].seen, 1);
                elements[number].seen = 0;
            }
        }
        if (count < KEYS)
            put(&table, order[count]);
    }
    hashtable_free(&table);
    free(order);
    free(elements);
}

/* One scan during which the table goes from `from` to about `to` elements, of which the first
 * `stayers` are never touched. */
static void scan_while_resizing(check_run *run, element **order, size_t stayers, size_t from,
                                size_t to, size_t a_step)
{
    hashtable table;
    size_t visits = 0, calls = 0, count = 0;
    uint64_t cursor = 0;
    hashtable_init(&table, &type);
    while (count < from)
        put(&table, order[count++]);
    for (size_t number = 0; number < stayers; number++)
        order[number]->seen = 0;
    do {
        cursor = hashtable_scan(&table, cursor, note_seen, &visits);
        for (size_t change = check_random_below(run, a_step + 1); change-- > 0;) {
            if (from < to && count < to)
                put(&table, order[count++]);
            else if (from > to && count > to)
                take(&table, order[--count]);
        }
        CHECK(++calls < 1000000);
    } while (cursor);
    for (size_t number = 0; number < stayers; number++)
        CHECK(order[number]->seen >= 1);
    while (count > 0)
        order[--count]->present = false;
    hashtable_free(&table);
}

static void test_scan_misses_nothing_that_stays_while_the_table_grows_and_shrinks(check_run *run)
{
    enum { KEYS = 6000 };
    element **order, *elements = elements_make(run, KEYS, &order);
    type_seed(run);
    uint64_t rounds = check_iterations(run, 60);
    for (uint64_t round = 0; round < rounds; round++) {
        shuffle(run, order, KEYS);
        size_t stayers = 1 + check_random_below(run, 300);
        size_t small = stayers + check_random_below(run, 300);
        size_t large = small + check_random_below(run, KEYS - small);
        size_t a_step = (size_t)1 << check_random_below(run, 9);
        scan_while_resizing(run, order, stayers, small, large, a_step);
        scan_while_resizing(run, order, stayers, large, small, a_step);
    }
    free(order);
    free(elements);
}

/* Clients may send any number as a cursor. */
static void test_scan_ends_from_any_cursor(check_run *run)
{
    enum { KEYS = 700 };
    element **order, *elements = elements_make(run, KEYS, &order);
    hashtable table;
    type_seed(run);
    hashtable_init(&table, &type);
    for (size_t number = 0; number < KEYS; number++)
        put(&table, order[number]);
    for (unsigned round = 0; round < 100; round++) {
        uint64_t cursor = check_random(run);
        size_t visits = 0, calls = 0;
        do {
            cursor = hashtable_scan(&table, cursor, note_seen, &visits);
            CHECK(++calls <= table.mask + 1);
        } while (cursor);
    }
    hashtable_free(&table);
    free(order);
    free(elements);
}

/* ---- random ---- */

/* Chi-square of `draws` draws over the first `count` elements, in deviations above its mean. */
static double draw_skew(hashtable *table, random_state *random, element *elements, size_t count,
                        size_t draws)
{
    double expected = (double)draws / (double)count, sum = 0;
    for (size_t number = 0; number < count; number++)
        elements[number].seen = 0;
    for (size_t draw = 0; draw < draws; draw++)
        ((element *)hashtable_random(table, random))->seen++;
    for (size_t number = 0; number < count; number++) {
        double difference = elements[number].seen - expected;
        sum += difference * difference / expected;
    }
    double freedom = (double)count - 1;
    return count == 1 ? 0 : (sum - freedom) / __builtin_sqrt(2 * freedom);
}

static void test_random_draws_each_element_alike(check_run *run)
{
    static const size_t counts[] = {1, 2, 7, 8, 9, 10, 30, 100, 1000, 7000};
    element **order, *elements = elements_make(run, 7000, &order);
    random_state random;
    type_seed(run);
    random_seed(&random, check_random(run));
    for (size_t index = 0; index < CHECK_LENGTH(counts); index++) {
        hashtable table;
        hashtable_init(&table, &type);
        CHECK_POINTER(hashtable_random(&table, &random), NULL);
        for (size_t number = 0; number < counts[index]; number++)
            put(&table, order[number]);
        CHECK(draw_skew(&table, &random, elements, counts[index], 40 * counts[index]) < 6);
        hashtable_free(&table);
    }
    free(order);
    free(elements);
}

/* Only the first 32 of a chain used to be drawn from: what stood behind was never returned. */
static void test_random_reaches_the_end_of_the_longest_chain(check_run *run)
{
    enum { KEYS = 1000 };
    element **order, *elements = elements_make(run, KEYS, &order);
    hashtable table;
    random_state random;
    type_seed(run);
    random_seed(&random, check_random(run));
    hashtable_init(&table, &type);
    hashtable_pause_resize(&table);
    for (size_t number = 0; number < KEYS; number++)
        put(&table, order[number]);
    CHECK_INT(check_table(&table).longest, KEYS);
    CHECK(draw_skew(&table, &random, elements, KEYS, 40 * KEYS) < 6);
    hashtable_free(&table);

    for (size_t number = 0; number < KEYS; number++)
        order[number]->present = false;
    element *colliding = colliding_make(run, 60); /* one long chain among 256 empty buckets */
    hashtable_init(&table, &type);
    for (size_t number = 0; number < KEYS; number++)
        put(&table, order[number]);
    for (size_t number = 0; number < 60; number++)
        put(&table, &colliding[number]);
    CHECK(check_table(&table).longest >= 60);
    for (unsigned draw = 0; draw < 100000; draw++)
        ((element *)hashtable_random(&table, &random))->seen++;
    for (size_t number = 0; number < 60; number++)
        CHECK(colliding[number].seen > 0);
    hashtable_free(&table);
    free(colliding);
    free(order);
    free(elements);
}

static void test_random_finds_the_only_element_of_a_table_held_large(check_run *run)
{
    enum { KEYS = 50000 };
    element **order, *elements = elements_make(run, KEYS, &order);
    hashtable table;
    random_state random;
    type_seed(run);
    random_seed(&random, check_random(run));
    hashtable_init(&table, &type);
    for (size_t number = 0; number < KEYS; number++)
        put(&table, order[number]);
    hashtable_pause_resize(&table);
    for (size_t number = 1; number < KEYS; number++)
        take(&table, order[number]);
    CHECK_POINTER(hashtable_random(&table, &random), order[0]);
    take(&table, order[0]);
    CHECK_POINTER(hashtable_random(&table, &random), NULL);
    hashtable_free(&table);
    free(order);
    free(elements);
}

/* ---- pause and drain ---- */

static void test_nothing_moves_while_resize_is_paused_and_all_is_made_up_for_later(check_run *run)
{
    enum { KEYS = 6000 };
    element **order, *elements = elements_make(run, 2 * KEYS, &order);
    hashtable table;
    type_seed(run);
    hashtable_init(&table, &type);
    hashtable_pause_resize(&table);
    hashtable_pause_resize(&table);
    for (size_t number = 0; number < 500; number++)
        put(&table, order[number]);
    hashtable_resume_resize(&table);
    put(&table, order[500]);
    CHECK_INT(table.buckets, 1);
    hashtable_resume_resize(&table);
    for (size_t number = 501; number < 700; number++)
        put(&table, order[number]);
    check_table(&table);
    check_load(&table); /* two splits an insert: caught up long ago */
    for (size_t number = 700; number < KEYS; number++)
        put(&table, order[number]);
    hashtable_pause_resize(&table);
    size_t buckets = table.buckets;
    for (size_t number = 400; number < KEYS; number++)
        take(&table, order[number]);
    CHECK_INT(table.buckets, buckets);
    check_table(&table);
    hashtable_resume_resize(&table);
    for (size_t number = 0; number < 399; number++)
        take(&table, order[number]);
    CHECK(table.buckets <= buckets - 2 * 399 || table.buckets == 1);
    check_table(&table);
    hashtable_free(&table);
    free(order);
    free(elements);
}

static void element_left(void *context, void *visited)
{
    CHECK(((element *)visited)->present);
    ((element *)visited)->present = false;
    memset(((element *)visited)->key, 0xee, KEY_MAX); /* as good as freed: its key is not read */
    ++*(size_t *)context;
}

static void test_drain_takes_everything_in_steps_of_its_budget(check_run *run)
{
    static const size_t counts[] = {0, 1, 9, 10, 200, 7680, 30000}, budgets[] = {1, 10, 1000};
    for (size_t index = 0; index < CHECK_LENGTH(counts) * CHECK_LENGTH(budgets); index++) {
        size_t count = counts[index / CHECK_LENGTH(budgets)];
        size_t budget = budgets[index % CHECK_LENGTH(budgets)];
        element **order, *elements = elements_make(run, count ? count : 1, &order);
        size_t used_before = alloc_used_bytes(), visits = 0, visited_before;
        hashtable table;
        type_seed(run);
        hashtable_init(&table, &type);
        size_t used_empty = alloc_used_bytes();
        for (size_t number = 0; number < count; number++)
            put(&table, order[number]);
        hashtable_pause_resize(&table);
        bool done;
        do {
            visited_before = visits;
            done = hashtable_drain(&table, budget, element_left, &visits);
            CHECK(visits - visited_before <= budget + 60);
            CHECK_INT(hashtable_bytes(&table), alloc_used_bytes() - used_before);
            CHECK(done || table.count == count - visits);
        } while (!done);
        CHECK_INT(visits, count);
        CHECK_INT(table.count, 0);
        CHECK_INT(table.resize_paused, 1);
        CHECK_INT(alloc_used_bytes(), used_empty);
        element_make(run, order[0], 7);
        put(&table, order[0]); /* as after init */
        CHECK_POINTER(look(&table, order[0]), order[0]);
        hashtable_free(&table);
        CHECK_INT(alloc_used_bytes(), used_before);
        free(order);
        free(elements);
    }
}

static void test_a_table_that_is_half_drained_still_finds_the_rest(check_run *run)
{
    enum { KEYS = 20000 };
    element **order, *elements = elements_make(run, KEYS, &order);
    hashtable table;
    size_t visits = 0;
    type_seed(run);
    hashtable_init(&table, &type);
    for (size_t number = 0; number < KEYS; number++)
        put(&table, order[number]);
    for (unsigned step = 0; step < 25; step++) {
        CHECK(!hashtable_drain(&table, 500, element_left, &visits));
        check_table(&table);
    }
    size_t found = 0;
    for (size_t number = 0; number < KEYS; number++)
        if (order[number]->present) {
            CHECK_POINTER(look(&table, order[number]), order[number]);
            take(&table, order[number]);
            found++;
        }
    CHECK_INT(found, KEYS - visits);
    CHECK_INT(table.count, 0);
    hashtable_free(&table);
    free(order);
    free(elements);
}

static void test_prefetching_is_allowed_at_any_time(check_run *run)
{
    enum { KEYS = 3000 };
    element **order, *elements = elements_make(run, KEYS, &order);
    hashtable table;
    type_seed(run);
    hashtable_init(&table, &type);
    for (size_t number = 0; number < KEYS; number++) {
        hashtable_prefetch_bucket(&table, hash_of(order[number]));
        if (hashtable_prefetch_element(&table, hash_of(order[number])))
            hashtable_prefetch_overflow(&table, hash_of(order[number]));
        uint64_t absent = check_random(run);
        hashtable_prefetch_element(&table, absent);
        hashtable_prefetch_overflow(&table, absent);
        put(&table, order[number]);
        hashtable_prefetch_element(&table, hash_of(order[number]));
    }
    hashtable_free(&table);
    free(order);
    free(elements);
}

/* For owners whose elements move: the key at the old address may be gone already. */
static void test_an_element_is_located_by_its_address_without_its_key(check_run *run)
{
    enum { COUNT = 3000 };
    static element elements[COUNT], moved[COUNT];
    static uint64_t hashes[COUNT];
    hashtable table;
    hashtable_position position;
    uint32_t likely_right = 0;
    type_seed(run);
    hashtable_init(&table, &type);
    for (uint32_t number = 0; number < COUNT; number++) {
        element_make(run, &elements[number], number);
        hashes[number] = hash_of(&elements[number]);
        put(&table, &elements[number]);
    }
    for (uint32_t number = 0; number < COUNT; number++) {
        moved[number] = elements[number];
        memset(&elements[number], 0, sizeof elements[number]);
        CHECK(!hashtable_locate_element(&table, &moved[number], hashes[number], &position));
        CHECK_POINTER(position.unit, NULL);
        CHECK(hashtable_locate_element(&table, &elements[number], hashes[number], &position));
        hashtable_replace(&table, &position, &moved[number]);
    }
    check_table(&table);
    for (uint32_t number = 0; number < COUNT; number++) {
        CHECK_POINTER(look(&table, &moved[number]), &moved[number]);
        const void *likely = hashtable_likely(&table, hashes[number]);
        likely_right += likely == &moved[number];
        CHECK(hashtable_locate_element(&table, &moved[number], hashes[number], &position));
        CHECK(likely != NULL || position.is_overflow);
        hashtable_remove(&table, &position);
    }
    CHECK_INT(table.count, 0);
    CHECK(likely_right > COUNT * 3 / 4);
    hashtable_free(&table);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_table_agrees_with_an_array_of_elements),
        CHECK_TEST(test_a_replaced_element_is_found_by_the_same_key),
        CHECK_TEST(test_an_absent_key_leaves_no_position),
        CHECK_TEST(test_table_grows_to_200000_and_shrinks_to_nothing),
        CHECK_TEST(test_a_table_that_was_large_gives_all_its_segments_back),
        CHECK_TEST(test_a_count_that_swings_about_a_segment_boundary_allocates_nothing),
        CHECK_TEST(test_chains_of_one_bucket_stay_sound_through_random_removals),
        CHECK_TEST(test_one_tag_and_one_bucket_for_all_is_slow_but_right),
        CHECK_TEST(test_the_last_two_of_an_overflow_unit_go_back_to_one),
        CHECK_TEST(test_each_visits_every_element_once),
        CHECK_TEST(test_an_iterator_gives_every_element_once),
        CHECK_TEST(test_scan_of_a_still_table_visits_every_element_once),
        CHECK_TEST(test_scan_misses_nothing_that_stays_while_the_table_grows_and_shrinks),
        CHECK_TEST(test_scan_ends_from_any_cursor),
        CHECK_TEST(test_random_draws_each_element_alike),
        CHECK_TEST(test_random_reaches_the_end_of_the_longest_chain),
        CHECK_TEST(test_random_finds_the_only_element_of_a_table_held_large),
        CHECK_TEST(test_nothing_moves_while_resize_is_paused_and_all_is_made_up_for_later),
        CHECK_TEST(test_drain_takes_everything_in_steps_of_its_budget),
        CHECK_TEST(test_a_table_that_is_half_drained_still_finds_the_rest),
        CHECK_TEST(test_prefetching_is_allowed_at_any_time),
        CHECK_TEST(test_an_element_is_located_by_its_address_without_its_key),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
