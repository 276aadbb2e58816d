/* Implementation of set.h. */
#include "set.h"

#include "checked.h"

typedef struct set_table {
    hashtable table;
    size_t member_bytes; /* of all blocks, as the allocator counts */
} set_table;

enum {
    MEMBER_LONG = 255,         /* in the first byte: the length is in the next four */
    SAMPLE_BY_WALK = 3,        /* from a third of the members on, walk them all once */
    INTSET_ENTRIES_MAX = 1 << 30,
    REBUILD_FROM = 8,          /* members popped at once from which a small set is written anew */
    REBUILD_SHARE = 5,         /* ... and a table: popped for each that stays */
};

/* ---- members of a table ---- */

static ALWAYS_INLINE size_t member_size(size_t length)
{
    return length < MEMBER_LONG ? 1 + length : size_add_or_die(length, 5);
}

static inline slice member_text(const uint8_t *member)
{
    if (LIKELY(member[0] != MEMBER_LONG))
        return (slice){(const char *)member + 1, member[0]};
    return (slice){(const char *)member + 5, load_u32(member + 1)};
}

static const void *member_key(const void *element, size_t *length)
{
    slice text = member_text(element);
    *length = text.length;
    return text.data;
}

static ALWAYS_INLINE void member_write(uint8_t *at, slice text)
{
    if (LIKELY(text.length < MEMBER_LONG)) {
        *at++ = (uint8_t)text.length;
    } else {
        if (text.length > UINT32_MAX)
            fatal("A member of %zu bytes", text.length);
        *at++ = MEMBER_LONG;
        store_u32(at, (uint32_t)text.length);
        at += 4;
    }
    if (text.length > 0)
        memcpy(at, text.data, text.length);
}

static uint8_t *member_new(slice text)
{
    uint8_t *member = alloc_new(member_size(text.length));
    member_write(member, text);
    return member;
}

static void member_free(set_table *set, uint8_t *member)
{
    size_t bytes = member_size(member_text(member).length);
    set->member_bytes -= alloc_usable(bytes);
    alloc_free(member, bytes);
}

static void member_drained(void *context, void *element)
{
    member_free(context, element);
}

/* ---- tables ---- */

static set_table *table_new(const hashtable_type *type)
{
    set_table *set = alloc_new(sizeof *set);
    hashtable_init(&set->table, type);
    set->member_bytes = 0;
    return set;
}

static void table_insert(set_table *set, slice text, uint64_t hash)
{
    hashtable_insert(&set->table, member_new(text), hash);
    set->member_bytes += alloc_usable(member_size(text.length));
}

static bool table_add(set_table *set, slice text)
{
    uint64_t hash = hashtable_hash(&set->table, text.data, text.length);
    if (hashtable_find(&set->table, text.data, text.length, hash) != NULL)
        return false;
    table_insert(set, text, hash);
    return true;
}

static bool table_remove(set_table *set, slice text)
{
    hashtable_position position;
    uint64_t hash = hashtable_hash(&set->table, text.data, text.length);
    void *member = hashtable_locate(&set->table, text.data, text.length, hash, &position);
    if (member == NULL)
        return false;
    hashtable_remove(&set->table, &position);
    member_free(set, member);
    return true;
}

static void table_free(set_table *set)
{
    hashtable_drain(&set->table, SIZE_MAX, member_drained, set);
    hashtable_free(&set->table);
    alloc_free(set, sizeof *set);
}

static inline set_table *table_of(const entry *e)
{
    return entry_pointer(e);
}

const hashtable *set_get_table(const entry *e)
{
    return entry_get_encoding(e) == ENTRY_HASHTABLE ? &table_of(e)->table : NULL;
}

slice set_element_member(const void *element)
{
    return member_text(element);
}

size_t set_element_bytes(slice member)
{
    return member_size(member.length);
}

void set_element_write(uint8_t *to, slice member)
{
    member_write(to, member);
}

/* ---- making and converting ---- */

void set_settings_init(set_settings *settings, const collection_limits *limits,
                       const hash_seed *seed)
{
    settings->limits = limits;
    settings->table.key = member_key;
    settings->table.seed = *seed;
}

static ALWAYS_INLINE bool is_number(slice text, int64_t *number)
{
    if (text.length == 0 || text.length > 20)
        return false;
    if ((uint8_t)(text.data[text.length - 1] - '0') > 9)
        return false;
    return number_parse_int64(text.data, text.length, number);
}

static size_t intset_limit(const collection_limits *limits)
{
    return limits->set_intset_entries < INTSET_ENTRIES_MAX ? limits->set_intset_entries
                                                           : INTSET_ENTRIES_MAX;
}

static void give(entry *e, entry_encoding encoding, void *value)
{
    entry_set_pointer(e, value);
    entry_set_encoding(e, encoding);
}

static entry *entry_with(slice key, int64_t due_ms, entry_encoding encoding, void *value)
{
    entry *e = entry_new(ENTRY_SET, encoding, key, due_ms, 0);
    entry_set_pointer(e, value);
    return e;
}

entry *set_new(slice key, int64_t due_ms, slice first, size_t count_hint,
               const set_settings *settings)
{
    int64_t number;
    if (count_hint <= intset_limit(settings->limits) && is_number(first, &number))
        return entry_with(key, due_ms, ENTRY_INTSET, intset_new());
    if (count_hint <= settings->limits->set_entries)
        return entry_with(key, due_ms, ENTRY_LISTPACK, listpack_new());
    return entry_with(key, due_ms, ENTRY_HASHTABLE, table_new(&settings->table));
}

entry *set_new_of_intset(slice key, int64_t due_ms, const void *bytes, size_t length,
                         const set_settings *settings)
{
    entry *e = entry_with(key, due_ms, ENTRY_INTSET, intset_of_bytes(bytes, length));
    if (intset_count(entry_pointer(e)) > settings->limits->set_intset_entries)
        set_make_table(e, settings);
    return e;
}

/* A table finds duplicates as it is built, so what will become one is built member by member. */
static bool table_add_listpack(set_table *set, const listpack *lp)
{
    char digits[NUMBER_INT64_MAX_LENGTH];
    const uint8_t *at = listpack_first(lp);
    for (; at != NULL; at = listpack_next(lp, at))
        if (!table_add(set, listpack_text(at, digits)))
            return false;
    return true;
}

static bool listpack_has_twins(const listpack *lp)
{
    char digits[NUMBER_INT64_MAX_LENGTH];
    const uint8_t *at = listpack_first(lp);
    while (at != NULL) {
        slice text = listpack_text(at, digits);
        at = listpack_next(lp, at);
        if (listpack_find(lp, at, text, 1) != NULL)
            return true;
    }
    return false;
}

entry *set_new_of_listpack(slice key, int64_t due_ms, const void *bytes, size_t length,
                           const set_settings *settings)
{
    if (listpack_count(bytes) <= settings->limits->set_entries)
        return listpack_has_twins(bytes)
                   ? NULL
                   : entry_with(key, due_ms, ENTRY_LISTPACK, listpack_of_bytes(bytes, length));
    set_table *set = table_new(&settings->table);
    if (!table_add_listpack(set, bytes)) {
        table_free(set);
        return NULL;
    }
    return entry_with(key, due_ms, ENTRY_HASHTABLE, set);
}

void set_make_table(entry *e, const set_settings *settings)
{
    set_iterator iterator;
    slice member;
    if (entry_get_encoding(e) == ENTRY_HASHTABLE)
        return;
    set_table *set = table_new(&settings->table);
    set_iterate(&iterator, e);
    while (set_next(&iterator, &member))
        table_insert(set, member, set_hash(settings, member));
    set_free(e);
    give(e, ENTRY_HASHTABLE, set);
}

static void intset_to_listpack(entry *e)
{
    intset *numbers = entry_pointer(e);
    listpack *lp = listpack_new();
    for (uint32_t index = 0, count = intset_count(numbers); index < count; index++)
        lp = listpack_append_number(lp, intset_at(numbers, index));
    intset_free(numbers);
    give(e, ENTRY_LISTPACK, lp);
}

void set_expect(entry *e, size_t count_hint, const set_settings *settings)
{
    entry_encoding encoding = entry_get_encoding(e);
    if ((encoding == ENTRY_LISTPACK && count_hint > settings->limits->set_entries)
        || (encoding == ENTRY_INTSET && count_hint > settings->limits->set_intset_entries))
        set_make_table(e, settings);
}

void set_compact(entry *e, const set_settings *settings)
{
    set_iterator iterator;
    slice member;
    int64_t number;
    bool added;
    if (entry_get_encoding(e) == ENTRY_INTSET || set_count(e) > intset_limit(settings->limits))
        return;
    intset *numbers = intset_new();
    set_iterate(&iterator, e);
    while (set_next(&iterator, &member)) {
        if (!is_number(member, &number)) {
            intset_free(numbers);
            return;
        }
        numbers = intset_add(numbers, number, &added);
    }
    set_free(e);
    give(e, ENTRY_INTSET, numbers);
}

/* ---- adding and removing ---- */

/* Whether one more text of this length may stand in a listpack of `count` elements and `bytes`. */
static bool fits_listpack(size_t count, size_t bytes, size_t length,
                          const collection_limits *limits)
{
    return count < limits->set_entries && length <= limits->set_value
           && bytes + length + LISTPACK_ELEMENT_OVERHEAD_MAX < LISTPACK_BYTES_MAX;
}

/* Whether a text may join `count` numbers, the longest of so many digits, in a listpack. */
static bool numbers_fit_listpack(size_t count, size_t longest, size_t length,
                                 const collection_limits *limits)
{
    size_t bytes = count * (longest + LISTPACK_ELEMENT_OVERHEAD_MAX);
    return longest <= limits->set_value && fits_listpack(count, bytes, length, limits);
}

/* The first text among numbers. */
static NOINLINE void intset_add_text(entry *e, slice member, const set_settings *settings)
{
    const intset *numbers = entry_pointer(e);
    uint32_t count = intset_count(numbers);
    size_t longest = 0;
    char digits[NUMBER_INT64_MAX_LENGTH];
    if (count > 0) { /* the longest number stands at either end */
        size_t first = number_format_int64(digits, intset_at(numbers, 0));
        longest = number_format_int64(digits, intset_at(numbers, count - 1));
        longest = first > longest ? first : longest;
    }
    if (numbers_fit_listpack(count, longest, member.length, settings->limits)) {
        intset_to_listpack(e);
        entry_set_pointer(e, listpack_append(entry_pointer(e), member));
    } else {
        set_make_table(e, settings);
        table_insert(table_of(e), member, set_hash(settings, member));
    }
}

static bool intset_add_member(entry *e, slice member, const set_settings *settings)
{
    int64_t number;
    bool added;
    if (!is_number(member, &number)) {
        intset_add_text(e, member, settings);
        return true;
    }
    intset *numbers = intset_add(entry_pointer(e), number, &added);
    entry_set_pointer(e, numbers);
    if (added && intset_count(numbers) > intset_limit(settings->limits))
        set_make_table(e, settings);
    return added;
}

static bool listpack_add_member(entry *e, slice member, const set_settings *settings)
{
    listpack *lp = entry_pointer(e);
    if (listpack_find(lp, listpack_first(lp), member, 1) != NULL)
        return false;
    if (fits_listpack(listpack_count(lp), listpack_bytes(lp), member.length, settings->limits)) {
        entry_set_pointer(e, listpack_append(lp, member));
    } else {
        set_make_table(e, settings);
        table_insert(table_of(e), member, set_hash(settings, member));
    }
    return true;
}

bool set_add(entry *e, slice member, const set_settings *settings)
{
    entry_encoding encoding = entry_get_encoding(e);
    if (LIKELY(encoding == ENTRY_HASHTABLE))
        return table_add(table_of(e), member);
    return encoding == ENTRY_INTSET ? intset_add_member(e, member, settings)
                                    : listpack_add_member(e, member, settings);
}

entry_encoding set_encoding_of_copy(const entry *e, const set_settings *settings)
{
    const collection_limits *limits = settings->limits;
    entry_encoding encoding = ENTRY_INTSET;
    set_iterator iterator;
    size_t count = 0, bytes = 0, longest = 0;
    slice member;
    set_iterate(&iterator, e);
    for (; encoding != ENTRY_HASHTABLE && set_next(&iterator, &member); count++) {
        int64_t number;
        longest = member.length > longest ? member.length : longest;
        if (encoding == ENTRY_INTSET && is_number(member, &number))
            encoding = count < intset_limit(limits) ? ENTRY_INTSET : ENTRY_HASHTABLE;
        else if (encoding == ENTRY_INTSET)
            encoding = numbers_fit_listpack(count, longest, member.length, limits)
                           ? ENTRY_LISTPACK
                           : ENTRY_HASHTABLE;
        else if (!fits_listpack(count, bytes, member.length, limits))
            encoding = ENTRY_HASHTABLE;
        bytes += member.length + LISTPACK_ELEMENT_OVERHEAD_MAX;
    }
    return encoding;
}

bool set_remove(entry *e, slice member)
{
    entry_encoding encoding = entry_get_encoding(e);
    int64_t number;
    bool removed;
    if (LIKELY(encoding == ENTRY_HASHTABLE))
        return table_remove(table_of(e), member);
    if (encoding == ENTRY_INTSET) {
        if (!is_number(member, &number))
            return false;
        entry_set_pointer(e, intset_remove(entry_pointer(e), number, &removed));
        return removed;
    }
    listpack *lp = entry_pointer(e);
    listpack_position at = listpack_find(lp, listpack_first(lp), member, 1);
    if (at == NULL)
        return false;
    entry_set_pointer(e, listpack_remove(lp, &at, 1));
    return true;
}

/* ---- asking ---- */

static bool small_has(const entry *e, slice member)
{
    int64_t number;
    if (entry_get_encoding(e) == ENTRY_INTSET)
        return is_number(member, &number) && intset_has(entry_pointer(e), number);
    const listpack *lp = entry_pointer(e);
    return listpack_find(lp, listpack_first(lp), member, 1) != NULL;
}

bool set_has_hashed(const entry *e, slice member, uint64_t hash)
{
    if (entry_get_encoding(e) != ENTRY_HASHTABLE)
        return small_has(e, member);
    return hashtable_find(&table_of(e)->table, member.data, member.length, hash) != NULL;
}

bool set_has(const entry *e, slice member)
{
    if (entry_get_encoding(e) != ENTRY_HASHTABLE)
        return small_has(e, member);
    const hashtable *table = &table_of(e)->table;
    uint64_t hash = hashtable_hash(table, member.data, member.length);
    return hashtable_find(table, member.data, member.length, hash) != NULL;
}

void set_prefetch(const entry *e, uint64_t hash)
{
    if (entry_get_encoding(e) == ENTRY_HASHTABLE)
        hashtable_prefetch_bucket(&table_of(e)->table, hash);
}

void set_prefetch_member(const entry *e, uint64_t hash)
{
    if (entry_get_encoding(e) == ENTRY_HASHTABLE)
        hashtable_prefetch_element(&table_of(e)->table, hash);
}

size_t set_count(const entry *e)
{
    switch (entry_get_encoding(e)) {
    case ENTRY_HASHTABLE:
        return table_of(e)->table.count;
    case ENTRY_INTSET:
        return intset_count(entry_pointer(e));
    default:
        return listpack_count(entry_pointer(e));
    }
}

/* ---- walking ---- */

void set_iterate(set_iterator *iterator, const entry *e)
{
    entry_encoding encoding = entry_get_encoding(e);
    iterator->small = NULL;
    if (encoding == ENTRY_HASHTABLE) {
        hashtable_iterate(&iterator->table, &table_of(e)->table);
        return;
    }
    iterator->small = entry_pointer(e);
    iterator->is_listpack = encoding == ENTRY_LISTPACK;
    iterator->index = 0;
    iterator->at = iterator->is_listpack ? listpack_first(iterator->small) : NULL;
}

bool set_next(set_iterator *iterator, slice *member)
{
    if (LIKELY(iterator->small == NULL)) {
        const void *element = hashtable_next(&iterator->table);
        if (element == NULL)
            return false;
        *member = member_text(element);
        return true;
    }
    if (iterator->is_listpack) {
        if (iterator->at == NULL)
            return false;
        *member = listpack_text(iterator->at, iterator->digits);
        iterator->at = listpack_next(iterator->small, iterator->at);
        return true;
    }
    if (iterator->index >= intset_count(iterator->small))
        return false;
    int64_t number = intset_at(iterator->small, iterator->index++);
    *member = (slice){iterator->digits, number_format_int64(iterator->digits, number)};
    return true;
}

/* ---- at random ---- */

/* The member at an index of a set that has no table. */
static slice small_at(const entry *e, size_t index, char *digits)
{
    if (entry_get_encoding(e) == ENTRY_LISTPACK)
        return listpack_text(listpack_at(entry_pointer(e), (int64_t)index), digits);
    int64_t number = intset_at(entry_pointer(e), (uint32_t)index);
    return (slice){digits, number_format_int64(digits, number)};
}

slice set_random(const entry *e, random_state *random, char *digits)
{
    if (entry_get_encoding(e) == ENTRY_HASHTABLE)
        return member_text(hashtable_random(&table_of(e)->table, random));
    return small_at(e, random_below(random, set_count(e)), digits);
}

/* Whether the next of `left` candidates is among the `wanted` (Knuth's algorithm S). */
static inline bool chosen(random_state *random, size_t left, size_t wanted)
{
    return wanted > 0 && random_below(random, left) < wanted;
}

/* Draw until enough different ones have come; at most a third are wanted, so that two of three
 * draws are new. What has come is remembered by address. */
static void sample_by_draws(const set_table *set, size_t count, random_state *random,
                            set_visit visit, void *context)
{
    hashtable drawn;
    hashtable_init(&drawn, set->table.type);
    while (drawn.count < count) {
        void *element = hashtable_random(&set->table, random);
        slice member = member_text(element);
        uint64_t hash = hashtable_hash(&drawn, member.data, member.length);
        if (hashtable_find(&drawn, member.data, member.length, hash) != NULL)
            continue;
        hashtable_insert(&drawn, element, hash);
        visit(context, member);
    }
    hashtable_free(&drawn);
}

void set_sample(const entry *e, size_t count, random_state *random, set_visit visit,
                void *context)
{
    size_t left = set_count(e);
    if (entry_get_encoding(e) == ENTRY_HASHTABLE && count < left / SAMPLE_BY_WALK) {
        sample_by_draws(table_of(e), count, random, visit, context);
        return;
    }
    set_iterator iterator;
    slice member;
    set_iterate(&iterator, e);
    for (; count > 0 && set_next(&iterator, &member); left--) {
        if (chosen(random, left, count)) {
            visit(context, member);
            count--;
        }
    }
}

static void table_pop(set_table *set, size_t count, random_state *random, set_visit visit,
                      void *context)
{
    for (; count > 0; count--) {
        slice member = member_text(hashtable_random(&set->table, random));
        visit(context, member);
        table_remove(set, member);
    }
}

/* One walk: a member is either visited or written to the successor, as below. */
static void *table_pop_most(entry *e, size_t count, random_state *random,
                            const set_settings *settings, set_visit visit, void *context)
{
    set_table *old = table_of(e);
    hashtable_iterator iterator;
    size_t left = old->table.count;
    give(e, ENTRY_LISTPACK, listpack_new());
    hashtable_iterate(&iterator, &old->table);
    for (; left > 0; left--) {
        slice member = member_text(hashtable_next(&iterator));
        if (chosen(random, left, count)) {
            visit(context, member);
            count--;
        } else {
            set_add(e, member, settings);
        }
    }
    return old;
}

static void intset_pop(entry *e, size_t count, random_state *random, set_visit visit,
                       void *context)
{
    intset *numbers = entry_pointer(e), *kept = intset_new();
    char digits[NUMBER_INT64_MAX_LENGTH];
    for (uint32_t index = 0, total = intset_count(numbers); index < total; index++) {
        int64_t number = intset_at(numbers, index);
        bool added;
        if (chosen(random, total - index, count)) {
            visit(context, (slice){digits, number_format_int64(digits, number)});
            count--;
        } else {
            kept = intset_add(kept, number, &added);
        }
    }
    intset_free(numbers);
    entry_set_pointer(e, kept);
}

static void listpack_pop(entry *e, size_t count, random_state *random, set_visit visit,
                         void *context)
{
    listpack *lp = entry_pointer(e), *kept = listpack_new();
    char digits[NUMBER_INT64_MAX_LENGTH];
    size_t left = listpack_count(lp);
    for (const uint8_t *at = listpack_first(lp); at != NULL; at = listpack_next(lp, at), left--) {
        slice member = listpack_text(at, digits);
        if (chosen(random, left, count)) {
            visit(context, member);
            count--;
        } else {
            kept = listpack_append(kept, member);
        }
    }
    listpack_free(lp);
    entry_set_pointer(e, kept);
}

static void small_pop(entry *e, random_state *random, set_visit visit, void *context)
{
    char digits[NUMBER_INT64_MAX_LENGTH];
    size_t index = random_below(random, set_count(e));
    slice member = small_at(e, index, digits);
    visit(context, member);
    if (entry_get_encoding(e) == ENTRY_LISTPACK) {
        listpack_position at = listpack_at(entry_pointer(e), (int64_t)index);
        entry_set_pointer(e, listpack_remove(entry_pointer(e), &at, 1));
    } else {
        bool removed;
        int64_t number = intset_at(entry_pointer(e), (uint32_t)index);
        entry_set_pointer(e, intset_remove(entry_pointer(e), number, &removed));
    }
}

void *set_pop(entry *e, size_t count, random_state *random, const set_settings *settings,
              set_visit visit, void *context)
{
    entry_encoding encoding = entry_get_encoding(e);
    if (encoding == ENTRY_HASHTABLE) {
        if (count / REBUILD_SHARE >= set_count(e) - count)
            return table_pop_most(e, count, random, settings, visit, context);
        table_pop(table_of(e), count, random, visit, context);
    } else if (count < REBUILD_FROM) {
        for (; count > 0; count--)
            small_pop(e, random, visit, context);
    } else if (encoding == ENTRY_INTSET) {
        intset_pop(e, count, random, visit, context);
    } else {
        listpack_pop(e, count, random, visit, context);
    }
    return NULL;
}

/* ---- the value as a whole ---- */

size_t set_bytes(const entry *e)
{
    switch (entry_get_encoding(e)) {
    case ENTRY_HASHTABLE:
        return alloc_usable(sizeof(set_table)) + hashtable_bytes(&table_of(e)->table)
               + table_of(e)->member_bytes;
    case ENTRY_INTSET:
        return alloc_usable(intset_bytes(entry_pointer(e)));
    default:
        return alloc_usable(listpack_bytes(entry_pointer(e)));
    }
}

void set_own(entry *copy)
{
    const void *value = entry_pointer(copy);
    entry_encoding encoding = entry_get_encoding(copy);
    if (encoding == ENTRY_INTSET) {
        entry_set_pointer(copy, intset_copy(value));
    } else if (encoding == ENTRY_LISTPACK) {
        entry_set_pointer(copy, listpack_copy(value));
    } else {
        const set_table *original = value;
        set_table *set = table_new(original->table.type);
        hashtable_iterator iterator;
        hashtable_iterate(&iterator, &original->table);
        for (const void *element; (element = hashtable_next(&iterator)) != NULL;) {
            slice member = member_text(element);
            table_insert(set, member, hashtable_hash(&set->table, member.data, member.length));
        }
        entry_set_pointer(copy, set);
    }
}

void set_free(entry *e)
{
    entry_encoding encoding = entry_get_encoding(e);
    if (encoding == ENTRY_INTSET)
        intset_free(entry_pointer(e));
    else if (encoding == ENTRY_LISTPACK)
        listpack_free(entry_pointer(e));
    else
        table_free(entry_pointer(e));
    entry_set_pointer(e, NULL);
}

void *set_detach(entry *e)
{
    set_table *set = table_of(e);
    entry_set_pointer(e, NULL);
    return set;
}

bool set_detached_step(void *detached, size_t budget)
{
    set_table *set = detached;
    if (!hashtable_drain(&set->table, budget, member_drained, set))
        return false;
    table_free(set);
    return true;
}
