/* hashtable: linear hashing over cache-line buckets; see hashtable.h for the layout. */
#include "hashtable.h"

#include "alloc.h"
#include "checked.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum {
    OVERFLOW_BYTES = 32,
    OVERFLOW_REFERENCES = 5, /* offset of the first reference in an overflow unit */
    BUCKET_REFERENCES = 10,  /* the same in a bucket */
    GROW_LOAD_HALVES = 15,   /* split above 7.5 elements a bucket ... */
    SHRINK_LOAD_HALVES = 7,  /* ... merge below 3.5 */
    RANDOM_SLOTS = 32,       /* depth to which chains are sampled; longer ones are very rare */
    RANDOM_TRIES_MAX = 1024, /* of as many draws each: */
    RANDOM_DRAWS = 4,        /* whose buckets are loaded side by side */
};

/* ---- units: a bucket or an overflow unit, seen alike ---- */

static inline uint32_t unit_slots(uint32_t is_overflow) {
    return is_overflow ? HASHTABLE_OVERFLOW_SLOTS : HASHTABLE_BUCKET_SLOTS;
}

static inline uint8_t *unit_reference(uint8_t *unit, uint32_t slot, uint32_t is_overflow) {
    return unit + (is_overflow ? OVERFLOW_REFERENCES : BUCKET_REFERENCES) + slot * 6;
}

/* Both layouts have two bytes before their first reference, so an eight-byte load that ends with
 * the reference stays inside the unit. */
static inline void *reference_load(const uint8_t *reference) {
    return (void *)(uintptr_t)(load_u64(reference - 2) >> 16);
}

static inline void reference_store(uint8_t *reference, const void *pointer) {
    store_u48(reference, (uint64_t)(uintptr_t)pointer);
}

static inline void *unit_element(uint8_t *unit, uint32_t slot, uint32_t is_overflow) {
    return reference_load(unit_reference(unit, slot, is_overflow));
}

static inline uint8_t *unit_next(uint8_t *unit, uint32_t is_overflow) {
    if (!unit[0]) return NULL;
    return unit_element(unit, unit_slots(is_overflow) - 1, is_overflow);
}

static inline uint8_t tag_of(uint64_t hash) {
    uint8_t tag = (uint8_t)(hash >> 56);
    return tag ? tag : 1;
}

/* Bit i set: slot i of the bucket holds `tag`. The link slot's tag is always 0. */
static inline uint32_t bucket_match(const uint8_t *unit, uint8_t tag) {
#if defined(__SSE2__)
    __m128i tags = _mm_loadu_si128((const __m128i *)(const void *)unit);
    /* Not _mm_set1_epi8: a tag that lives in memory as a byte would be loaded as four, which waits
     * until the store has left the processor (15 ns a lookup, seen with GCC 12). */
    __m128i equal = _mm_cmpeq_epi8(tags, _mm_set1_epi32((int)(tag * 0x01010101u)));
    return ((uint32_t)_mm_movemask_epi8(equal) >> 1) & ((1u << HASHTABLE_BUCKET_SLOTS) - 1);
#else
    uint32_t found = 0;
    for (uint32_t slot = 0; slot < HASHTABLE_BUCKET_SLOTS; slot++)
        found |= (uint32_t)(unit[1 + slot] == tag) << slot;
    return found;
#endif
}

static inline uint32_t unit_match(const uint8_t *unit, uint8_t tag, uint32_t is_overflow) {
    if (LIKELY(!is_overflow)) return bucket_match(unit, tag);
    uint32_t found = 0;
    for (uint32_t slot = 0; slot < HASHTABLE_OVERFLOW_SLOTS; slot++)
        found |= (uint32_t)(unit[1 + slot] == tag) << slot;
    return found;
}

/* Slots of the unit that can hold elements. */
static inline uint32_t unit_room(const uint8_t *unit, uint32_t is_overflow) {
    return unit_slots(is_overflow) - unit[0];
}

static inline uint32_t unit_used(const uint8_t *unit, uint32_t is_overflow) {
    uint32_t free_slots = unit_match(unit, 0, is_overflow);
    return ~free_slots & ((1u << unit_room(unit, is_overflow)) - 1);
}

static void unit_set(uint8_t *unit, uint32_t slot, uint32_t is_overflow, void *element,
                     uint8_t tag) {
    unit[1 + slot] = tag;
    reference_store(unit_reference(unit, slot, is_overflow), element);
}

/* Make room behind a full unit: its last element moves to a new overflow unit, which is
 * returned. */
static uint8_t *unit_extend(hashtable *table, uint8_t *unit, uint32_t is_overflow) {
    uint8_t *next = alloc_new(OVERFLOW_BYTES);
    uint32_t last = unit_slots(is_overflow) - 1;
    memset(next, 0, OVERFLOW_BYTES);
    unit_set(next, 0, 1, unit_element(unit, last, is_overflow), unit[1 + last]);
    unit_set(unit, last, is_overflow, next, 0);
    unit[0] = 1;
    table->overflow_units++;
    return next;
}

static void chain_put(hashtable *table, uint8_t *unit, void *element, uint8_t tag) {
    uint32_t is_overflow = 0;
    for (;;) {
        uint32_t room = unit_room(unit, is_overflow);
        uint32_t free_slots = unit_match(unit, 0, is_overflow) & ((1u << room) - 1);
        if (free_slots) {
            unit_set(unit, (uint32_t)__builtin_ctz(free_slots), is_overflow, element, tag);
            return;
        }
        uint8_t *next = unit_next(unit, is_overflow);
        unit = next ? next : unit_extend(table, unit, is_overflow);
        is_overflow = 1;
    }
}

/* Free the overflow units of a chain; the bucket itself stays, unlinked, its elements forgotten. */
static void chain_free_overflow(hashtable *table, uint8_t *bucket) {
    uint8_t *unit = unit_next(bucket, 0);
    while (unit) {
        uint8_t *next = unit_next(unit, 1);
        alloc_free(unit, OVERFLOW_BYTES);
        table->overflow_units--;
        unit = next;
    }
    memset(bucket, 0, sizeof(hashtable_bucket));
}

static size_t chain_visit(uint8_t *unit, hashtable_visit visit, void *context) {
    uint32_t is_overflow = 0;
    size_t visited = 0;
    while (unit) {
        uint8_t *next = unit_next(unit, is_overflow);
        for (uint32_t used = unit_used(unit, is_overflow); used; used &= used - 1) {
            visit(context, unit_element(unit, (uint32_t)__builtin_ctz(used), is_overflow));
            visited++;
        }
        unit = next;
        is_overflow = 1;
    }
    return visited;
}

/* ---- buckets and segments ---- */

static inline hashtable_bucket *bucket_at(const hashtable *table, size_t index) {
    return table->segments[index / HASHTABLE_SEGMENT_BUCKETS] + index % HASHTABLE_SEGMENT_BUCKETS;
}

static const size_t SEGMENT_BYTES = HASHTABLE_SEGMENT_BUCKETS * sizeof(hashtable_bucket);

static hashtable_bucket *segment_new(uint32_t buckets) {
    size_t bytes = buckets * sizeof(hashtable_bucket);
    if (buckets == HASHTABLE_SEGMENT_BUCKETS) return alloc_pages(bytes);
    hashtable_bucket *segment = alloc_new(bytes);
    memset(segment, 0, bytes);
    return segment;
}

static void segment_free(hashtable_bucket *segment, uint32_t buckets) {
    size_t bytes = buckets * sizeof(hashtable_bucket);
    if (buckets == HASHTABLE_SEGMENT_BUCKETS)
        alloc_pages_free(segment, bytes);
    else
        alloc_free(segment, bytes);
}

static void first_segment_resize(hashtable *table, uint32_t buckets) {
    hashtable_bucket *segment = segment_new(buckets);
    size_t kept = table->buckets < buckets ? table->buckets : buckets;
    memcpy(segment, table->first, kept * sizeof(hashtable_bucket));
    segment_free(table->first, table->first_capacity);
    table->first = table->segments[0] = segment;
    table->first_capacity = buckets;
}

/* Room for bucket number table->buckets. */
static void bucket_append(hashtable *table) {
    size_t index = table->buckets;
    if (index < HASHTABLE_SEGMENT_BUCKETS) {
        if (index >= table->first_capacity) first_segment_resize(table, table->first_capacity * 2);
        return;
    }
    size_t segment = index / HASHTABLE_SEGMENT_BUCKETS;
    if (segment < table->segments_held) return;
    if (segment == table->directory_capacity) {
        size_t bytes = table->directory_capacity * sizeof(void *);
        table->segments = alloc_resize(table->segments, bytes, size_mul_or_die(bytes, 2));
        table->directory_capacity *= 2;
    }
    table->segments[segment] = segment_new(HASHTABLE_SEGMENT_BUCKETS);
    table->segments_held++;
}

/* Give back what the end of the table no longer needs. A segment goes when half of the one before
 * it is unused too, so that a count that swings about a boundary costs nothing. */
static void buckets_trim(hashtable *table) {
    size_t spare = HASHTABLE_SEGMENT_BUCKETS / 2;
    size_t kept = (table->buckets - 1 + spare) / HASHTABLE_SEGMENT_BUCKETS + 1;
    while (table->segments_held > kept) {
        table->segments_held--;
        segment_free(table->segments[table->segments_held], HASHTABLE_SEGMENT_BUCKETS);
    }
    if (table->segments_held == 1 && table->first_capacity > 1 &&
        table->buckets * 4 <= table->first_capacity)
        first_segment_resize(table, table->first_capacity / 2);
}

static void thresholds_set(hashtable *table) {
    table->grow_at = table->buckets * GROW_LOAD_HALVES / 2;
    table->shrink_at = table->buckets > 1 ? table->buckets * SHRINK_LOAD_HALVES / 2 : 0;
}

/* Split the bucket whose turn it is. */
static void bucket_split(hashtable *table) {
    size_t source_index = table->buckets - table->mask - 1;
    uint64_t bit = (uint64_t)table->mask + 1;
    bucket_append(table);
    uint8_t *source = (uint8_t *)bucket_at(table, source_index);
    uint8_t *target = (uint8_t *)bucket_at(table, table->buckets);
    uint8_t *unit = source;
    hashtable_bucket old;

    /* The keys lie all over memory: start to load them all before hashing the first. */
    uint32_t is_overflow = 0;
    for (unit = source; unit; unit = unit_next(unit, is_overflow), is_overflow = 1)
        for (uint32_t used = unit_used(unit, is_overflow); used; used &= used - 1)
            PREFETCH(unit_element(unit, (uint32_t)__builtin_ctz(used), is_overflow));

    memcpy(&old, source, sizeof old);
    memset(source, 0, sizeof old);
    unit = (uint8_t *)&old;
    is_overflow = 0;
    while (unit) {
        uint8_t *next = unit_next(unit, is_overflow);
        for (uint32_t used = unit_used(unit, is_overflow); used; used &= used - 1) {
            uint32_t slot = (uint32_t)__builtin_ctz(used);
            void *element = unit_element(unit, slot, is_overflow);
            size_t length;
            const void *key = table->type->key(element, &length);
            uint64_t hash = hash_bytes(&table->type->seed, key, length);
            chain_put(table, hash & bit ? target : source, element, unit[1 + slot]);
        }
        if (is_overflow) {
            alloc_free(unit, OVERFLOW_BYTES);
            table->overflow_units--;
        }
        unit = next;
        is_overflow = 1;
    }
    table->buckets++;
    if (table->buckets == (table->mask + 1) * 2) table->mask = table->mask << 1 | 1;
    thresholds_set(table);
}

static void move_to_chain(uint8_t *unit, uint32_t is_overflow, hashtable *table, uint8_t *target) {
    for (uint32_t used = unit_used(unit, is_overflow); used; used &= used - 1) {
        uint32_t slot = (uint32_t)__builtin_ctz(used);
        chain_put(table, target, unit_element(unit, slot, is_overflow), unit[1 + slot]);
    }
}

/* Undo the last split: the last bucket's elements go back to the bucket they were split from. */
static void bucket_merge(hashtable *table) {
    if (table->buckets == table->mask + 1) table->mask >>= 1;
    size_t last = table->buckets - 1;
    uint8_t *source = (uint8_t *)bucket_at(table, last);
    uint8_t *target = (uint8_t *)bucket_at(table, last - table->mask - 1);
    uint32_t is_overflow = 0;
    for (uint8_t *unit = source; unit; unit = unit_next(unit, is_overflow), is_overflow = 1)
        move_to_chain(unit, is_overflow, table, target);
    chain_free_overflow(table, source);
    table->buckets = last;
    buckets_trim(table);
    thresholds_set(table);
}

/* ---- public calls ---- */

void hashtable_init(hashtable *table, const hashtable_type *type) {
    memset(table, 0, sizeof *table);
    table->type = type;
    table->directory_capacity = 1;
    table->segments = alloc_new(sizeof(void *));
    table->first_capacity = 1;
    table->segments_held = 1;
    table->first = table->segments[0] = segment_new(1);
    table->buckets = 1;
    thresholds_set(table);
}

void hashtable_free(hashtable *table) {
    for (size_t index = 0; table->overflow_units && index < table->buckets; index++)
        chain_free_overflow(table, (uint8_t *)bucket_at(table, index));
    segment_free(table->first, table->first_capacity);
    for (uint32_t segment = 1; segment < table->segments_held; segment++)
        segment_free(table->segments[segment], HASHTABLE_SEGMENT_BUCKETS);
    alloc_free(table->segments, table->directory_capacity * sizeof(void *));
    memset(table, 0, sizeof *table);
}

/* The element with this key in one unit, or NULL. `is_overflow` is a constant at each call. */
static ALWAYS_INLINE void *unit_find(const hashtable *table, uint8_t *unit, uint32_t is_overflow,
                                     uint32_t found, slice key, uint32_t *slot_found) {
    for (; found; found &= found - 1) {
        uint32_t slot = (uint32_t)__builtin_ctz(found);
        void *element = unit_element(unit, slot, is_overflow);
        size_t length;
        const void *bytes = table->type->key(element, &length);
        if (LIKELY(length == key.length && memcmp(bytes, key.data, length) == 0)) {
            *slot_found = slot;
            return element;
        }
    }
    return NULL;
}

static NOINLINE void *overflow_find(const hashtable *table, uint8_t *bucket, uint8_t tag, slice key,
                                    hashtable_position *position) {
    uint8_t *unit = unit_next(bucket, 0);
    for (; unit; unit = unit_next(unit, 1)) {
        void *element = unit_find(table, unit, 1, unit_match(unit, tag, 1), key, &position->slot);
        if (!element) continue;
        position->unit = unit;
        position->is_overflow = 1;
        position->bucket = bucket;
        return element;
    }
    position->unit = NULL;
    return NULL;
}

void *hashtable_locate(const hashtable *table, const void *key, size_t length, uint64_t hash,
                       hashtable_position *position) {
    uint8_t *bucket = (uint8_t *)hashtable_bucket_of(table, hash);
    uint8_t tag = tag_of(hash);
    slice wanted = {key, length};
    void *element = unit_find(table, bucket, 0, bucket_match(bucket, tag), wanted, &position->slot);
    if (UNLIKELY(!element)) {
        position->unit = NULL;
        return bucket[0] ? overflow_find(table, bucket, tag, wanted, position) : NULL;
    }
    position->unit = position->bucket = bucket;
    position->is_overflow = 0;
    return element;
}

void *hashtable_find(const hashtable *table, const void *key, size_t length, uint64_t hash) {
    uint8_t *bucket = (uint8_t *)hashtable_bucket_of(table, hash);
    uint8_t tag = tag_of(hash);
    slice wanted = {key, length};
    hashtable_position position;
    void *element = unit_find(table, bucket, 0, bucket_match(bucket, tag), wanted, &position.slot);
    if (LIKELY(element) || !bucket[0]) return element;
    return overflow_find(table, bucket, tag, wanted, &position);
}

bool hashtable_locate_element(const hashtable *table, const void *element, uint64_t hash,
                              hashtable_position *position) {
    uint8_t *unit = (uint8_t *)hashtable_bucket_of(table, hash);
    uint8_t tag = tag_of(hash);
    uint32_t is_overflow = 0;
    position->bucket = unit;
    for (; unit; unit = unit_next(unit, is_overflow), is_overflow = 1) {
        for (uint32_t found = unit_match(unit, tag, is_overflow); found; found &= found - 1) {
            uint32_t slot = (uint32_t)__builtin_ctz(found);
            if (unit_element(unit, slot, is_overflow) != element) continue;
            position->unit = unit;
            position->slot = slot;
            position->is_overflow = is_overflow;
            return true;
        }
    }
    position->unit = NULL;
    return false;
}

/* One split keeps up with one insert; the second makes up for what a pause has left undone. */
static NOINLINE void buckets_grow(hashtable *table) {
    if (table->resize_paused) return;
    bucket_split(table);
    if (table->count >= table->grow_at) bucket_split(table);
}

static NOINLINE void buckets_shrink(hashtable *table) {
    if (table->resize_paused) return;
    bucket_merge(table);
    if (table->count < table->shrink_at) bucket_merge(table);
}

void hashtable_insert(hashtable *table, void *element, uint64_t hash) {
    if (UNLIKELY(table->count >= table->grow_at)) buckets_grow(table);
    chain_put(table, (uint8_t *)hashtable_bucket_of(table, hash), element, tag_of(hash));
    table->count++;
}

void hashtable_replace(hashtable *table, const hashtable_position *position, void *element) {
    (void)table;
    reference_store(unit_reference(position->unit, position->slot, position->is_overflow), element);
}

/* Fill the hole at `position` from the end of the chain, so that linked units are never empty. */
static void chain_close_hole(hashtable *table, const hashtable_position *position) {
    uint8_t *bucket = position->bucket, *before = bucket, *last = bucket;
    uint32_t before_overflow = 0, is_overflow = 0;
    for (uint8_t *next; (next = unit_next(last, is_overflow)); is_overflow = 1) {
        before = last;
        before_overflow = is_overflow;
        last = next;
    }
    position->unit[1 + position->slot] = 0;
    if (last == bucket) return;
    uint32_t used = unit_used(last, 1);
    if (last != position->unit) {
        uint32_t slot = (uint32_t)__builtin_ctz(used);
        unit_set(position->unit, position->slot, position->is_overflow,
                 unit_element(last, slot, 1), last[1 + slot]);
        last[1 + slot] = 0;
        used &= used - 1;
    }
    if (used & (used - 1)) return; /* two or more left */
    uint32_t link = unit_slots(before_overflow) - 1;
    if (used) {
        /* One element left: it takes the slot of the link. */
        uint32_t slot = (uint32_t)__builtin_ctz(used);
        before[0] = 0;
        unit_set(before, link, before_overflow, unit_element(last, slot, 1), last[1 + slot]);
    } else {
        before[0] = 0;
        before[1 + link] = 0;
    }
    alloc_free(last, OVERFLOW_BYTES);
    table->overflow_units--;
}

void hashtable_remove(hashtable *table, const hashtable_position *position) {
    chain_close_hole(table, position);
    table->count--;
    if (UNLIKELY(table->count < table->shrink_at)) buckets_shrink(table);
}

static inline void element_prefetch(const char *element) {
    PREFETCH(element);
    PREFETCH(element + 48);
}

bool hashtable_prefetch_element(const hashtable *table, uint64_t hash) {
    uint8_t *unit = (uint8_t *)hashtable_bucket_of(table, hash);
    uint32_t found = bucket_match(unit, tag_of(hash));
    if (UNLIKELY(!found)) {
        if (unit[0]) PREFETCH(unit_next(unit, 0));
        return unit[0];
    }
    for (; found; found &= found - 1)
        element_prefetch(unit_element(unit, (uint32_t)__builtin_ctz(found), 0));
    return false;
}

void hashtable_prefetch_overflow(const hashtable *table, uint64_t hash) {
    uint8_t *unit = unit_next((uint8_t *)hashtable_bucket_of(table, hash), 0);
    uint32_t found = unit ? unit_match(unit, tag_of(hash), 1) : 0;
    for (; found; found &= found - 1)
        element_prefetch(unit_element(unit, (uint32_t)__builtin_ctz(found), 1));
}

void *hashtable_likely(const hashtable *table, uint64_t hash) {
    uint8_t *unit = (uint8_t *)hashtable_bucket_of(table, hash);
    uint32_t found = bucket_match(unit, tag_of(hash));
    return found ? unit_element(unit, (uint32_t)__builtin_ctz(found), 0) : NULL;
}

static uint64_t bits_reverse(uint64_t value) {
    value = __builtin_bswap64(value);
    value = (value & 0x0f0f0f0f0f0f0f0fu) << 4 | (value >> 4 & 0x0f0f0f0f0f0f0f0fu);
    value = (value & 0x3333333333333333u) << 2 | (value >> 2 & 0x3333333333333333u);
    return (value & 0x5555555555555555u) << 1 | (value >> 1 & 0x5555555555555555u);
}

/* The cursor counts in reversed bits: the addresses that a bucket splits into follow each other,
 * so a change of level between two calls neither skips nor forgets an address. */
uint64_t hashtable_scan(const hashtable *table, uint64_t cursor, hashtable_visit visit,
                        void *context) {
    size_t index = cursor & table->mask;
    chain_visit((uint8_t *)bucket_at(table, index), visit, context);
    size_t twin = index + table->mask + 1;
    if (twin < table->buckets) chain_visit((uint8_t *)bucket_at(table, twin), visit, context);
    cursor |= ~(uint64_t)table->mask;
    return bits_reverse(bits_reverse(cursor) + 1);
}

void hashtable_each(const hashtable *table, hashtable_visit visit, void *context) {
    for (size_t index = 0; index < table->buckets; index++)
        chain_visit((uint8_t *)bucket_at(table, index), visit, context);
}

void hashtable_iterate(hashtable_iterator *iterator, const hashtable *table) {
    *iterator = (hashtable_iterator){.table = table};
}

/* Buckets lie side by side and need no help, but their elements are all over memory: those of the
 * bucket after the next are asked for when the next one's turn comes. */
static NOINLINE bool iterator_advance(hashtable_iterator *iterator) {
    const hashtable *table = iterator->table;
    do {
        uint8_t *unit = NULL;
        if (iterator->unit) unit = unit_next(iterator->unit, iterator->is_overflow);
        iterator->is_overflow = unit != NULL;
        if (!unit) {
            if (iterator->next_bucket >= table->buckets) return false;
            unit = (uint8_t *)bucket_at(table, iterator->next_bucket++);
            if (iterator->next_bucket + 1 < table->buckets) {
                uint8_t *ahead = (uint8_t *)bucket_at(table, iterator->next_bucket + 1);
                for (uint32_t used = unit_used(ahead, 0); used; used &= used - 1)
                    PREFETCH(unit_element(ahead, (uint32_t)__builtin_ctz(used), 0));
            }
        }
        iterator->unit = unit;
        iterator->used = unit_used(unit, iterator->is_overflow);
    } while (!iterator->used);
    return true;
}

void *hashtable_next(hashtable_iterator *iterator) {
    if (!iterator->used && !iterator_advance(iterator)) return NULL;
    uint32_t slot = (uint32_t)__builtin_ctz(iterator->used);
    iterator->used &= iterator->used - 1;
    return unit_element(iterator->unit, slot, iterator->is_overflow);
}

/* The n-th element of a chain, or NULL where it has no more than n. */
static void *chain_nth(uint8_t *unit, uint64_t n) {
    uint32_t is_overflow = 0;
    while (unit) {
        uint32_t used = unit_used(unit, is_overflow);
        uint32_t here = (uint32_t)__builtin_popcount(used);
        if (n < here) {
            while (n--) used &= used - 1;
            return unit_element(unit, (uint32_t)__builtin_ctz(used), is_overflow);
        }
        n -= here;
        unit = unit_next(unit, is_overflow);
        is_overflow = 1;
    }
    return NULL;
}

static size_t chain_length(uint8_t *unit) {
    uint32_t is_overflow = 0;
    size_t length = 0;
    for (; unit; unit = unit_next(unit, is_overflow), is_overflow = 1)
        length += (size_t)__builtin_popcount(unit_used(unit, is_overflow));
    return length;
}

/* Bucket and rank are drawn together, and drawn again where nothing stands: each element has the
 * same chance, whatever the length of its chain. An element beyond the depth drawn from (one table
 * of a million in a few has one) shares the chance of its chain instead. The load is at least 3.5
 * but after a pause, and while one bucket is left, so the loop is short; the walk behind it bounds
 * it. */
void *hashtable_random(const hashtable *table, random_state *random) {
    if (table->count == 0) return NULL;
    uint64_t depth = RANDOM_SLOTS;
    if (UNLIKELY(table->count > table->grow_at)) depth += 2 * (table->count / table->buckets);
    for (int tries = 0; tries < RANDOM_TRIES_MAX; tries++) {
        uint8_t *buckets[RANDOM_DRAWS];
        uint64_t ranks[RANDOM_DRAWS];
        for (int draw = 0; draw < RANDOM_DRAWS; draw++) {
            uint64_t drawn = random_below(random, table->buckets * depth);
            buckets[draw] = (uint8_t *)bucket_at(table, drawn / depth);
            ranks[draw] = drawn % depth;
            PREFETCH(buckets[draw]);
        }
        for (int draw = 0; draw < RANDOM_DRAWS; draw++) {
            uint8_t *bucket = buckets[draw];
            void *element = chain_nth(bucket, ranks[draw]);
            if (!element) continue;
            if (UNLIKELY(bucket[0])) {
                size_t length = chain_length(bucket);
                if (UNLIKELY(length > depth))
                    return chain_nth(bucket, random_below(random, length));
            }
            return element;
        }
    }
    size_t start = random_below(random, table->buckets);
    for (size_t step = 0;; step++) {
        uint8_t *bucket = (uint8_t *)bucket_at(table, (start + step) % table->buckets);
        size_t length = chain_length(bucket);
        if (length) return chain_nth(bucket, random_below(random, length));
    }
}

bool hashtable_drain(hashtable *table, size_t budget, hashtable_visit visit, void *context) {
    size_t done = 0;
    while (table->count) {
        if (done >= budget) return false;
        uint8_t *bucket = (uint8_t *)bucket_at(table, table->buckets - 1);
        size_t visited = chain_visit(bucket, visit, context);
        chain_free_overflow(table, bucket);
        table->count -= visited;
        done += visited + 1;
        if (table->buckets == 1) break;
        if (table->buckets == table->mask + 1) table->mask >>= 1;
        table->buckets--;
        buckets_trim(table);
        thresholds_set(table);
    }
    const hashtable_type *type = table->type;
    uint32_t paused = table->resize_paused;
    hashtable_free(table);
    hashtable_init(table, type);
    table->resize_paused = paused;
    return true;
}

void hashtable_pause_resize(hashtable *table) { table->resize_paused++; }

void hashtable_resume_resize(hashtable *table) {
    assert(table->resize_paused > 0);
    table->resize_paused--;
}

size_t hashtable_bytes(const hashtable *table) {
    size_t bytes = (table->segments_held - 1) * SEGMENT_BYTES;
    bytes += table->first_capacity == HASHTABLE_SEGMENT_BUCKETS
                 ? SEGMENT_BYTES
                 : alloc_usable(table->first_capacity * sizeof(hashtable_bucket));
    return bytes + table->overflow_units * alloc_usable(OVERFLOW_BYTES) +
           alloc_usable(table->directory_capacity * sizeof(void *));
}
