/* hash_fields: the encodings of a hash and the ways between them; see hash_fields.h. */
#include "hash_fields.h"

#include "alloc.h"
#include "checked.h"

enum {
    PLAIN_STEP = 2,          /* listpack elements a field */
    VOLATILE_STEP = 3,
    NUMBER_0_BYTES = 2,      /* of the number 0 in a listpack */
    SHORT_VALUE = 128,
    DRAW_WHOLE_DIVISOR = 3,  /* drawing a third of a table notes all of it */
};

void fields_settings_init(fields_settings *settings, const collection_limits *limits,
                          const hash_seed *seed) {
    settings->limits = limits;
    settings->table.key = field_key;
    settings->table.seed = *seed;
}

/* ---- the parts behind the pointer ---- */

static inline bool is_packed(const entry *e) {
    entry_encoding encoding = entry_get_encoding(e);
    return encoding == ENTRY_LISTPACK || encoding == ENTRY_LISTPACK_EX;
}

static inline size_t packed_step(const entry *e) {
    return entry_has_field_dues(e) ? VOLATILE_STEP : PLAIN_STEP;
}

static inline listpack *packed_of(const entry *e) {
    void *pointer = entry_pointer(e);
    return entry_has_field_dues(e) ? ((packed_volatile *)pointer)->lp : pointer;
}

static inline void packed_put(entry *e, listpack *lp) {
    if (entry_has_field_dues(e))
        ((packed_volatile *)entry_pointer(e))->lp = lp;
    else
        entry_set_pointer(e, lp);
}

static inline field_table *table_of(const entry *e) { return entry_pointer(e); }

static inline expiry_heap *dues_of(const entry *e) {
    return entry_has_field_dues(e) ? &((field_volatile_table *)entry_pointer(e))->dues : NULL;
}

static inline bool is_past(int64_t due_ms, int64_t now_ms) {
    return due_ms >= 0 && due_ms <= now_ms;
}

static inline listpack_position packed_find(const listpack *lp, slice name, size_t step) {
    return listpack_find(lp, listpack_first(lp), name, step);
}

/* The due time of the field whose name stands at `at`. */
static int64_t packed_due(const listpack *lp, const uint8_t *at, size_t step) {
    if (step == PLAIN_STEP) return FIELD_NO_DUE;
    int64_t due_ms = listpack_get(listpack_next(lp, listpack_next(lp, at))).number;
    return due_ms == 0 ? FIELD_NO_DUE : due_ms;
}

static void packed_item(const listpack *lp, const uint8_t *at, int64_t due_ms, field_item *item) {
    item->name = listpack_text(at, item->digits[0]);
    item->value = listpack_text(listpack_next(lp, at), item->digits[1]);
    item->large = NULL;
    item->due_ms = due_ms;
}

static inline void table_item(const field *f, field_item *item) {
    item->name = field_name(f);
    item->value = field_value(f, &item->large);
    item->due_ms = field_due(f);
}

/* ---- making and freeing ---- */

entry *fields_new(slice key, int64_t due_ms) {
    entry *e = entry_new(ENTRY_HASH, ENTRY_LISTPACK, key, due_ms, 0);
    entry_set_pointer(e, listpack_new());
    return e;
}

static packed_volatile *packed_volatile_new(listpack *lp) {
    packed_volatile *packed = alloc_new(sizeof *packed);
    packed->lp = lp;
    packed->position = EXPIRY_HEAP_NOWHERE;
    return packed;
}

void fields_take_listpack(entry *e, listpack *lp, bool with_dues) {
    assert(entry_get_encoding(e) == ENTRY_LISTPACK && fields_count(e) == 0);
    listpack_free(entry_pointer(e));
    entry_set_pointer(e, with_dues ? (void *)packed_volatile_new(lp) : lp);
    entry_set_encoding(e, with_dues ? ENTRY_LISTPACK_EX : ENTRY_LISTPACK);
}

void fields_own(entry *copy) {
    if (is_packed(copy)) {
        listpack *lp = listpack_copy(packed_of(copy));
        entry_set_pointer(copy, entry_has_field_dues(copy) ? (void *)packed_volatile_new(lp) : lp);
        return;
    }
    const field_table *from = table_of(copy);
    if (!entry_has_field_dues(copy)) {
        field_table *to = field_table_new(from->table.type);
        field_table_copy(to, NULL, from);
        entry_set_pointer(copy, to);
        return;
    }
    field_volatile_table *to = field_volatile_table_new(from->table.type);
    field_table_copy(&to->fields, &to->dues, from);
    entry_set_pointer(copy, to);
}

void fields_free(entry *e) {
    void *pointer = entry_pointer(e);
    switch (entry_get_encoding(e)) {
    case ENTRY_LISTPACK:
        listpack_free(pointer);
        break;
    case ENTRY_LISTPACK_EX:
        listpack_free(packed_of(e));
        alloc_free(pointer, sizeof(packed_volatile));
        break;
    case ENTRY_HASHTABLE:
        field_table_free(pointer);
        break;
    default:
        field_volatile_table_free(pointer);
    }
}

bool fields_is_big(const entry *e) {
    return !is_packed(e) && table_of(e)->table.count > FIELDS_BIG;
}

field_table *fields_detach(entry *e) {
    if (!entry_has_field_dues(e)) return table_of(e);
    return field_volatile_table_detach(entry_pointer(e));
}

/* ---- conversions ---- */

static void packed_to_table(entry *e, const fields_settings *settings) {
    bool has_dues = entry_has_field_dues(e);
    listpack *lp = packed_of(e);
    size_t step = packed_step(e);
    field_table *table = field_table_new(&settings->table);
    field_volatile_table *wide = has_dues ? field_table_widen(table) : NULL;
    if (wide != NULL) table = &wide->fields;
    for (const uint8_t *at = listpack_first(lp); at != NULL;) {
        field_item item;
        packed_item(lp, at, packed_due(lp, at, step), &item);
        uint64_t hash = hashtable_hash(&table->table, item.name.data, item.name.length);
        field_table_add(table, wide == NULL ? NULL : &wide->dues, item.name, item.value,
                        item.due_ms, hash);
        for (size_t each = 0; each < step; each++) at = listpack_next(lp, at);
    }
    listpack_free(lp);
    if (wide != NULL) {
        packed_volatile *packed = entry_pointer(e);
        wide->position = packed->position;
        alloc_free(packed, sizeof *packed);
    }
    entry_set_pointer(e, table);
    entry_set_encoding(e, has_dues ? ENTRY_HASHTABLE_EX : ENTRY_HASHTABLE);
}

void fields_expect(entry *e, size_t count, size_t longest, const fields_settings *settings) {
    const collection_limits *limits = settings->limits;
    if (!is_packed(e)) return;
    if (count > limits->hash_entries || longest > limits->hash_value ||
        longest > LISTPACK_BYTES_MAX || listpack_bytes(packed_of(e)) > LISTPACK_BYTES_MAX / 2)
        packed_to_table(e, settings);
}

/* The same fields with a place for a due time each. */
static listpack *packed_widened(const listpack *from) {
    size_t fields = listpack_count(from) / PLAIN_STEP;
    size_t bytes = listpack_bytes(from) + fields * NUMBER_0_BYTES;
    listpack *lp = alloc_new(bytes);
    slice none = {"0", 1};
    char digits[NUMBER_INT64_MAX_LENGTH];
    listpack_init_in_place(lp);
    for (const uint8_t *at = listpack_first(from); at != NULL; at = listpack_next(from, at)) {
        listpack_insert_in_place(lp, NULL, listpack_text(at, digits), NULL);
        at = listpack_next(from, at);
        listpack_insert_in_place(lp, NULL, listpack_text(at, digits), NULL);
        listpack_insert_in_place(lp, NULL, none, NULL);
    }
    assert(listpack_bytes(lp) == bytes);
    return lp;
}

void fields_allow_dues(entry *e) {
    if (entry_has_field_dues(e)) return;
    if (is_packed(e)) {
        listpack *plain = entry_pointer(e);
        entry_set_pointer(e, packed_volatile_new(packed_widened(plain)));
        entry_set_encoding(e, ENTRY_LISTPACK_EX);
        listpack_free(plain);
    } else {
        entry_set_pointer(e, field_table_widen(table_of(e)));
        entry_set_encoding(e, ENTRY_HASHTABLE_EX);
    }
}

/* ---- reading ---- */

size_t fields_count(const entry *e) {
    if (is_packed(e)) return listpack_count(packed_of(e)) / packed_step(e);
    return table_of(e)->table.count;
}

/* Fields at the front that are due, at most `most`. */
static size_t packed_count_due(const listpack *lp, int64_t now_ms, size_t most) {
    size_t count = 0;
    for (const uint8_t *at = listpack_first(lp); at != NULL && count < most; count++) {
        if (!is_past(packed_due(lp, at, VOLATILE_STEP), now_ms)) break;
        for (size_t each = 0; each < VOLATILE_STEP; each++) at = listpack_next(lp, at);
    }
    return count;
}

static size_t count_due(const entry *e, int64_t now_ms) {
    if (!entry_has_field_dues(e)) return 0;
    if (is_packed(e)) return packed_count_due(packed_of(e), now_ms, SIZE_MAX);
    return expiry_heap_count_due(dues_of(e), now_ms);
}

size_t fields_count_alive(const entry *e, int64_t now_ms) {
    return fields_count(e) - count_due(e, now_ms);
}

bool fields_find(const entry *e, slice name, int64_t now_ms, field_item *item) {
    if (is_packed(e)) {
        const listpack *lp = packed_of(e);
        size_t step = packed_step(e);
        const uint8_t *at = packed_find(lp, name, step);
        if (at == NULL) return false;
        packed_item(lp, at, packed_due(lp, at, step), item);
    } else {
        const hashtable *table = &table_of(e)->table;
        const field *f = hashtable_find(table, name.data, name.length,
                                        hashtable_hash(table, name.data, name.length));
        if (f == NULL) return false;
        table_item(f, item);
    }
    return !is_past(item->due_ms, now_ms);
}

bool fields_get(const entry *e, slice name, int64_t now_ms, slice *value, char *digits) {
    field_item item;
    if (!fields_find(e, name, now_ms, &item)) return false;
    *value = item.value;
    if (item.value.data == item.digits[1]) {
        memcpy(digits, item.digits[1], item.value.length);
        value->data = digits;
    }
    return true;
}

void fields_prefetch(const entry *e, slice name) {
    if (is_packed(e)) {
        if (!entry_has_field_dues(e)) PREFETCH(entry_pointer(e));
        return;
    }
    const hashtable *table = &table_of(e)->table;
    hashtable_prefetch_bucket(table, hashtable_hash(table, name.data, name.length));
}

void fields_prefetch_field(const entry *e, slice name) {
    if (is_packed(e)) return;
    const hashtable *table = &table_of(e)->table;
    hashtable_prefetch_element(table, hashtable_hash(table, name.data, name.length));
}

void fields_iterate(fields_iterator *iterator, const entry *e, int64_t now_ms) {
    iterator->now_ms = now_ms;
    iterator->has_dues = entry_has_field_dues(e);
    iterator->lp = NULL;
    if (is_packed(e)) {
        iterator->lp = packed_of(e);
        iterator->at = listpack_first(iterator->lp);
    } else {
        hashtable_iterate(&iterator->table, &table_of(e)->table);
    }
}

static bool packed_next(fields_iterator *iterator, field_item *item) {
    const listpack *lp = iterator->lp;
    while (iterator->at != NULL) {
        const uint8_t *value = listpack_next(lp, iterator->at);
        const uint8_t *next = listpack_next(lp, value);
        item->due_ms = FIELD_NO_DUE;
        if (iterator->has_dues) {
            int64_t due_ms = listpack_get(next).number;
            if (due_ms != 0) item->due_ms = due_ms;
            next = listpack_next(lp, next);
        }
        item->name = listpack_text(iterator->at, item->digits[0]);
        item->value = listpack_text(value, item->digits[1]);
        item->large = NULL;
        iterator->at = next;
        if (!is_past(item->due_ms, iterator->now_ms)) return true;
    }
    return false;
}

bool fields_next(fields_iterator *iterator, field_item *item) {
    if (iterator->lp != NULL) return packed_next(iterator, item);
    for (;;) {
        const field *f = hashtable_next(&iterator->table);
        if (f == NULL) return false;
        table_item(f, item);
        if (!is_past(item->due_ms, iterator->now_ms)) return true;
    }
}

const hashtable *fields_table(const entry *e) {
    return is_packed(e) ? NULL : &table_of(e)->table;
}

const listpack *fields_listpack(const entry *e) { return is_packed(e) ? packed_of(e) : NULL; }

size_t fields_bytes(const entry *e) {
    if (!is_packed(e)) return field_table_bytes(table_of(e), dues_of(e));
    size_t bytes = alloc_usable(listpack_bytes(packed_of(e)));
    return bytes + (entry_has_field_dues(e) ? alloc_usable(sizeof(packed_volatile)) : 0);
}

/* ---- drawing ---- */

static void draw_note_all(fields_draw *draw) {
    const entry *e = draw->e;
    size_t noted = 0;
    draw->capacity = draw->alive;
    draw->all = alloc_new(size_mul_or_die(draw->capacity, sizeof *draw->all));
    if (is_packed(e)) {
        const listpack *lp = packed_of(e);
        size_t step = packed_step(e);
        for (const uint8_t *at = listpack_first(lp); at != NULL;) {
            if (!is_past(packed_due(lp, at, step), draw->now_ms)) draw->all[noted++] = at;
            for (size_t each = 0; each < step; each++) at = listpack_next(lp, at);
        }
    } else {
        hashtable_iterator iterator;
        const field *f;
        hashtable_iterate(&iterator, &table_of(e)->table);
        while ((f = hashtable_next(&iterator)) != NULL)
            if (!is_past(field_due(f), draw->now_ms)) draw->all[noted++] = f;
    }
    assert(noted == draw->alive);
}

void fields_draw_begin(fields_draw *draw, const entry *e, int64_t now_ms, size_t count,
                       bool distinct) {
    size_t due = count_due(e, now_ms);
    memset(draw, 0, sizeof *draw);
    draw->e = e;
    draw->now_ms = now_ms;
    draw->distinct = distinct;
    draw->alive = fields_count(e) - due;
    draw->left = distinct && count > draw->alive ? draw->alive : count;
    if (draw->left == 0 || draw->alive == 0) {
        draw->left = 0;
        return;
    }
    if (is_packed(e) || due > 0 || (distinct && draw->left > draw->alive / DRAW_WHOLE_DIVISOR)) {
        draw_note_all(draw);
    } else if (distinct) {
        size_t slots = 4;
        while (slots < draw->left * 2) slots *= 2;
        draw->seen_mask = slots - 1;
        draw->seen = alloc_new(slots * sizeof *draw->seen);
        memset(draw->seen, 0, slots * sizeof *draw->seen);
    }
}

/* Whether the field is seen for the first time; it is then remembered. */
static bool draw_is_new(fields_draw *draw, const field *f) {
    size_t slot = (size_t)(((uint64_t)(uintptr_t)f * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
    for (;; slot++) {
        const field **at = &draw->seen[slot & draw->seen_mask];
        if (*at == f) return false;
        if (*at == NULL) {
            *at = f;
            return true;
        }
    }
}

bool fields_draw_next(fields_draw *draw, random_state *random, field_item *item) {
    const uint8_t *drawn;
    if (draw->left == 0) return false;
    draw->left--;
    if (draw->all != NULL) {
        size_t index = random_below(random, draw->alive);
        drawn = draw->all[index];
        if (draw->distinct) draw->all[index] = draw->all[--draw->alive];
    } else {
        const hashtable *table = &table_of(draw->e)->table;
        do drawn = hashtable_random(table, random);
        while (draw->seen != NULL && !draw_is_new(draw, drawn));
    }
    if (is_packed(draw->e)) {
        const listpack *lp = packed_of(draw->e);
        packed_item(lp, drawn, packed_due(lp, drawn, packed_step(draw->e)), item);
    } else {
        table_item(drawn, item);
    }
    return true;
}

void fields_draw_end(fields_draw *draw) {
    if (draw->all != NULL) alloc_free(draw->all, draw->capacity * sizeof *draw->all);
    if (draw->seen != NULL) alloc_free(draw->seen, (draw->seen_mask + 1) * sizeof *draw->seen);
}

/* ---- changing ---- */

/* Insert a field before the element at `at`, or at the end (NULL). */
static listpack *packed_insert(listpack *lp, const uint8_t *at, slice name, slice value,
                               int64_t due_ms, size_t step) {
    listpack_position placed;
    bool at_end = at == NULL;
    lp = listpack_insert(lp, at, name, &placed);
    lp = listpack_insert(lp, at_end ? NULL : listpack_next(lp, placed), value, &placed);
    if (step == PLAIN_STEP) return lp;
    return listpack_insert_number(lp, at_end ? NULL : listpack_next(lp, placed),
                                  due_ms < 0 ? 0 : due_ms, NULL);
}

static bool packed_set(entry *e, slice name, slice value, bool keep_due, int64_t now_ms) {
    listpack *lp = packed_of(e);
    size_t step = packed_step(e);
    listpack_position at = packed_find(lp, name, step);
    if (at == NULL) {
        packed_put(e, packed_insert(lp, NULL, name, value, FIELD_NO_DUE, step));
        return true;
    }
    int64_t due_ms = packed_due(lp, at, step);
    bool was_gone = is_past(due_ms, now_ms);
    if (due_ms >= 0 && (was_gone || !keep_due)) {
        lp = listpack_remove(lp, &at, VOLATILE_STEP);
        lp = packed_insert(lp, NULL, name, value, FIELD_NO_DUE, VOLATILE_STEP);
    } else {
        listpack_position value_at = listpack_next(lp, at);
        lp = listpack_replace(lp, &value_at, value);
    }
    packed_put(e, lp);
    return was_gone;
}

static bool table_set(entry *e, slice name, slice value, bool keep_due, int64_t now_ms) {
    field_table *table = table_of(e);
    expiry_heap *dues = dues_of(e);
    field_place place;
    field_table_locate(table, name, &place);
    if (place.found == NULL) {
        field_table_add(table, dues, name, value, FIELD_NO_DUE, place.hash);
        return true;
    }
    bool was_gone = false;
    if (UNLIKELY(field_has_due(place.found))) {
        was_gone = is_past(field_due(place.found), now_ms);
        if (was_gone || !keep_due) field_table_set_due(table, dues, &place, FIELD_NO_DUE);
    }
    field_table_set_value(table, dues, &place, value);
    return was_gone;
}

bool fields_set(entry *e, slice name, slice value, bool keep_due, int64_t now_ms,
                const fields_settings *settings) {
    if (is_packed(e)) {
        fields_expect(e, 1, name.length > value.length ? name.length : value.length, settings);
        if (is_packed(e)) {
            bool is_new = packed_set(e, name, value, keep_due, now_ms);
            if (fields_count(e) > settings->limits->hash_entries)
                packed_to_table(e, settings);
            return is_new;
        }
    }
    return table_set(e, name, value, keep_due, now_ms);
}

bool fields_remove(entry *e, slice name, int64_t now_ms) {
    if (is_packed(e)) {
        listpack *lp = packed_of(e);
        size_t step = packed_step(e);
        listpack_position at = packed_find(lp, name, step);
        if (at == NULL) return false;
        bool was_gone = is_past(packed_due(lp, at, step), now_ms);
        packed_put(e, listpack_remove(lp, &at, step));
        return !was_gone;
    }
    field_place place;
    field_table_locate(table_of(e), name, &place);
    if (place.found == NULL) return false;
    bool was_gone = is_past(field_due(place.found), now_ms);
    field_table_remove(table_of(e), dues_of(e), &place);
    return !was_gone;
}

/* ---- due times ---- */

/* Where a field with this due time goes: before those that are due then or later, or never. */
static listpack_position packed_place(const listpack *lp, int64_t due_ms) {
    if (due_ms < 0) return NULL;
    listpack_position at = listpack_first(lp);
    while (at != NULL) {
        int64_t other_ms = packed_due(lp, at, VOLATILE_STEP);
        if (other_ms < 0 || other_ms >= due_ms) return at;
        for (size_t each = 0; each < VOLATILE_STEP; each++) at = listpack_next(lp, at);
    }
    return NULL;
}

static void packed_set_due(entry *e, slice name, int64_t due_ms) {
    char digits[NUMBER_INT64_MAX_LENGTH], short_value[SHORT_VALUE];
    listpack *lp = packed_of(e);
    listpack_position at = packed_find(lp, name, VOLATILE_STEP);
    slice value = listpack_text(listpack_next(lp, at), digits);
    char *copy = value.length > SHORT_VALUE ? alloc_new(value.length) : short_value;
    memcpy(copy, value.data, value.length);
    lp = listpack_remove(lp, &at, VOLATILE_STEP);
    lp = packed_insert(lp, packed_place(lp, due_ms), name, (slice){copy, value.length}, due_ms,
                       VOLATILE_STEP);
    if (copy != short_value) alloc_free(copy, value.length);
    packed_put(e, lp);
}

void fields_set_due(entry *e, slice name, int64_t due_ms) {
    assert(entry_has_field_dues(e));
    if (is_packed(e)) {
        packed_set_due(e, name, due_ms);
        return;
    }
    field_place place;
    field_table_locate(table_of(e), name, &place);
    field_table_set_due(table_of(e), dues_of(e), &place, due_ms);
}

int64_t fields_next_due(const entry *e) {
    assert(entry_has_field_dues(e));
    int64_t due_ms = FIELD_NO_DUE;
    if (is_packed(e)) {
        const listpack *lp = packed_of(e);
        const uint8_t *first = listpack_first(lp);
        return first == NULL ? FIELD_NO_DUE : packed_due(lp, first, VOLATILE_STEP);
    }
    expiry_heap_first(dues_of(e), NULL, &due_ms);
    return due_ms;
}

size_t fields_expire(entry *e, int64_t now_ms, size_t budget) {
    assert(entry_has_field_dues(e));
    if (!is_packed(e)) return field_table_expire(table_of(e), dues_of(e), now_ms, budget);
    listpack *lp = packed_of(e);
    size_t due = packed_count_due(lp, now_ms, budget);
    if (due == 0) return 0;
    listpack_position first = listpack_first(lp);
    packed_put(e, listpack_remove(lp, &first, due * VOLATILE_STEP));
    return due;
}

static uint32_t *position_of(const entry *e) {
    if (is_packed(e)) return &((packed_volatile *)entry_pointer(e))->position;
    return &((field_volatile_table *)entry_pointer(e))->position;
}

uint32_t fields_position(const entry *e) { return *position_of(e); }

void fields_set_position(void *e, uint32_t position) { *position_of(e) = position; }
