/* Implementation of set_algebra.h. */
#include "set_algebra.h"

#include "checked.h"

#include <stdlib.h>

enum {
    BATCH = 32,
    UNITE_BY_ASKING = 4, /* sets up to which a union keeps no notes */
};

/* ---- batches ---- */

typedef struct batch {
    size_t count;
    slice members[BATCH];
    uint64_t hashes[BATCH];
    char digits[BATCH][NUMBER_INT64_MAX_LENGTH];
} batch;

/* The next members of a walk, with their hashes; false: there are no more. */
static bool batch_fill(batch *b, set_iterator *iterator, const set_settings *settings)
{
    slice member;
    b->count = 0;
    while (b->count < BATCH && set_next(iterator, &member)) {
        if (member.data == iterator->digits) {
            memcpy(b->digits[b->count], member.data, member.length);
            member.data = b->digits[b->count];
        }
        b->members[b->count] = member;
        b->hashes[b->count] = set_hash(settings, member);
        b->count++;
    }
    return b->count > 0;
}

/* Keep the members that `set` has, or those that it has not. */
static void batch_filter(batch *b, const entry *set, bool wanted)
{
    size_t kept = 0;
    for (size_t index = 0; index < b->count; index++)
        set_prefetch(set, b->hashes[index]);
    for (size_t index = 0; index < b->count; index++)
        set_prefetch_member(set, b->hashes[index]);
    for (size_t index = 0; index < b->count; index++) {
        if (set_has_hashed(set, b->members[index], b->hashes[index]) != wanted)
            continue;
        if (kept != index) {
            b->members[kept] = b->members[index];
            b->hashes[kept] = b->hashes[index];
        }
        kept++;
    }
    b->count = kept;
}

static bool batch_visit(const batch *b, set_visit visit, void *context)
{
    for (size_t index = 0; index < b->count; index++)
        if (!visit(context, b->members[index]))
            return false;
    return true;
}

/* ---- notes: a table of members that borrows them where it can ---- */

typedef struct copied_member {
    struct copied_member *next;
    uint8_t element[];
} copied_member;

typedef struct notes {
    hashtable table;
    copied_member *copies;
} notes;

static void notes_init(notes *n, const set_settings *settings)
{
    hashtable_init(&n->table, &settings->table);
    n->copies = NULL;
}

static void notes_free(notes *n)
{
    while (n->copies != NULL) {
        copied_member *copy = n->copies;
        size_t bytes = set_element_bytes(set_element_member(copy->element));
        n->copies = copy->next;
        alloc_free(copy, size_add_or_die(sizeof *copy, bytes));
    }
    hashtable_free(&n->table);
}

static bool notes_has(const notes *n, slice member, uint64_t hash)
{
    return hashtable_find(&n->table, member.data, member.length, hash) != NULL;
}

/* Note a member that is not there; `element` is the one of a table that holds it, or NULL. */
static void notes_add(notes *n, void *element, slice member, uint64_t hash)
{
    if (element == NULL) {
        size_t bytes = set_element_bytes(member);
        copied_member *copy = alloc_new(size_add_or_die(sizeof *copy, bytes));
        set_element_write(copy->element, member);
        copy->next = n->copies;
        n->copies = copy;
        element = copy->element;
    }
    hashtable_insert(&n->table, element, hash);
}

static void notes_prefetch(const notes *n, const batch *b)
{
    for (size_t index = 0; index < b->count; index++)
        hashtable_prefetch_bucket(&n->table, b->hashes[index]);
    for (size_t index = 0; index < b->count; index++)
        hashtable_prefetch_element(&n->table, b->hashes[index]);
}

/* The element that a set's table holds a member in; NULL: it has no table. */
static void *element_of(const entry *set, slice member, uint64_t hash)
{
    const hashtable *table = set_get_table(set);
    return table == NULL ? NULL : hashtable_find(table, member.data, member.length, hash);
}

/* ---- intersection ---- */

static int by_count(const void *a, const void *b)
{
    size_t count_a = set_count(*(const entry *const *)a);
    size_t count_b = set_count(*(const entry *const *)b);
    return (count_a > count_b) - (count_a < count_b);
}

void set_intersect(const entry **sets, size_t count, const set_settings *settings,
                   set_visit visit, void *context)
{
    set_iterator iterator;
    batch b;
    qsort(sets, count, sizeof *sets, by_count);
    set_iterate(&iterator, sets[0]);
    while (batch_fill(&b, &iterator, settings)) {
        for (size_t other = 1; other < count && b.count > 0; other++)
            batch_filter(&b, sets[other], true);
        if (!batch_visit(&b, visit, context))
            return;
    }
}

/* ---- union ---- */

static void unite_by_asking(const entry *const *sets, size_t count, const set_settings *settings,
                            set_visit visit, void *context)
{
    set_iterator iterator;
    batch b;
    for (size_t index = 0; index < count; index++) {
        set_iterate(&iterator, sets[index]);
        while (batch_fill(&b, &iterator, settings)) {
            for (size_t before = 0; before < index && b.count > 0; before++)
                batch_filter(&b, sets[before], false);
            if (!batch_visit(&b, visit, context))
                return;
        }
    }
}

void set_unite(const entry *const *sets, size_t count, const set_settings *settings,
               set_visit visit, void *context)
{
    set_iterator iterator;
    batch b;
    notes seen;
    bool more = true;
    if (count <= UNITE_BY_ASKING) {
        unite_by_asking(sets, count, settings, visit, context);
        return;
    }
    notes_init(&seen, settings);
    for (size_t index = 0; index < count && more; index++) {
        set_iterate(&iterator, sets[index]);
        while (more && batch_fill(&b, &iterator, settings)) {
            notes_prefetch(&seen, &b);
            for (size_t at = 0; at < b.count && more; at++) {
                slice member = b.members[at];
                if (notes_has(&seen, member, b.hashes[at]))
                    continue;
                if (index < count - 1)
                    notes_add(&seen, element_of(sets[index], member, b.hashes[at]), member,
                              b.hashes[at]);
                more = visit(context, member);
            }
        }
    }
    notes_free(&seen);
}

/* ---- difference ---- */

/* Note the members of the first set that the others hold; false: all of them are held. */
static bool note_held(notes *held, const entry *const *sets, size_t count,
                      const set_settings *settings)
{
    size_t first_count = set_count(sets[0]);
    for (size_t index = 1; index < count; index++) {
        set_iterator iterator;
        batch b;
        set_iterate(&iterator, sets[index]);
        while (batch_fill(&b, &iterator, settings)) {
            batch_filter(&b, sets[0], true);
            notes_prefetch(held, &b);
            for (size_t at = 0; at < b.count; at++)
                if (!notes_has(held, b.members[at], b.hashes[at]))
                    notes_add(held, element_of(sets[0], b.members[at], b.hashes[at]),
                              b.members[at], b.hashes[at]);
            if (held->table.count == first_count)
                return false;
        }
    }
    return true;
}

static void subtract_by_notes(const entry *const *sets, size_t count,
                              const set_settings *settings, set_visit visit, void *context)
{
    set_iterator iterator;
    batch b;
    notes held;
    bool more;
    notes_init(&held, settings);
    more = note_held(&held, sets, count, settings);
    set_iterate(&iterator, sets[0]);
    while (more && batch_fill(&b, &iterator, settings)) {
        notes_prefetch(&held, &b);
        for (size_t at = 0; at < b.count && more; at++)
            if (!notes_has(&held, b.members[at], b.hashes[at]))
                more = visit(context, b.members[at]);
    }
    notes_free(&held);
}

void set_subtract(const entry *const *sets, size_t count, const set_settings *settings,
                  set_visit visit, void *context)
{
    set_iterator iterator;
    batch b;
    size_t asked = 0, walked = 0, first_count = set_count(sets[0]);
    for (size_t other = 1; other < count; other++) {
        asked += first_count;
        walked += 2 * set_count(sets[other]); /* each is looked up twice */
    }
    if (asked > first_count + walked) {
        subtract_by_notes(sets, count, settings, visit, context);
        return;
    }
    set_iterate(&iterator, sets[0]);
    while (batch_fill(&b, &iterator, settings)) {
        for (size_t other = 1; other < count && b.count > 0; other++)
            batch_filter(&b, sets[other], false);
        if (!batch_visit(&b, visit, context))
            return;
    }
}
