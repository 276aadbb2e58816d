/* field_table: see field_table.h. */
#include "field_table.h"

#include "alloc.h"

field_table *field_table_new(const hashtable_type *type) {
    field_table *table = alloc_new(sizeof *table);
    hashtable_init(&table->table, type);
    table->bytes = 0;
    return table;
}

static void volatile_init(field_volatile_table *table) {
    expiry_heap_init(&table->dues, field_moved);
    table->position = EXPIRY_HEAP_NOWHERE;
}

field_volatile_table *field_volatile_table_new(const hashtable_type *type) {
    return field_table_widen(field_table_new(type));
}

field_volatile_table *field_table_widen(field_table *table) {
    field_volatile_table *wide = alloc_resize(table, sizeof *table, sizeof *wide);
    volatile_init(wide);
    return wide;
}

void field_table_copy(field_table *to, expiry_heap *dues, const field_table *from) {
    hashtable_iterator iterator;
    const field *each;
    hashtable_iterate(&iterator, &from->table);
    while ((each = hashtable_next(&iterator)) != NULL) {
        field *copy = field_copy(each);
        slice name = field_name(copy);
        hashtable_insert(&to->table, copy, hashtable_hash(&to->table, name.data, name.length));
        if (field_has_due(copy)) expiry_heap_add(dues, copy, field_due(copy));
    }
    to->bytes = from->bytes;
}

/* ---- freeing ---- */

static void free_visit(void *context, void *element) {
    (void)context;
    field_free(element);
}

bool field_table_free_some(field_table *table, size_t budget) {
    if (!hashtable_drain(&table->table, budget, free_visit, NULL)) return false;
    hashtable_free(&table->table);
    alloc_free(table, sizeof *table);
    return true;
}

void field_table_free(field_table *table) { field_table_free_some(table, SIZE_MAX); }

field_table *field_volatile_table_detach(field_volatile_table *table) {
    expiry_heap_free(&table->dues);
    return alloc_resize(table, sizeof *table, sizeof(field_table));
}

void field_volatile_table_free(field_volatile_table *table) {
    field_table_free(field_volatile_table_detach(table));
}

/* ---- fields ---- */

void field_table_locate(const field_table *table, slice name, field_place *place) {
    place->hash = hashtable_hash(&table->table, name.data, name.length);
    place->found = hashtable_locate(&table->table, name.data, name.length, place->hash,
                                    &place->position);
}

void field_table_add(field_table *table, expiry_heap *dues, slice name, slice value,
                     int64_t due_ms, uint64_t hash) {
    field *f = field_new(name, value, due_ms);
    hashtable_insert(&table->table, f, hash);
    table->bytes += field_bytes(f);
    if (due_ms >= 0) expiry_heap_add(dues, f, due_ms);
}

/* The located field has become `made`. */
static void place_moved(field_table *table, field_place *place, field *made) {
    if (made == place->found) return;
    hashtable_replace(&table->table, &place->position, made);
    place->found = made;
}

void field_table_set_value(field_table *table, expiry_heap *dues, field_place *place,
                           slice value) {
    field *before = place->found;
    table->bytes -= field_bytes(before);
    place_moved(table, place, field_set_value(before, value));
    table->bytes += field_bytes(place->found);
    if (place->found != before && field_has_due(place->found))
        expiry_heap_replace(dues, field_position(place->found), place->found);
}

void field_table_set_due(field_table *table, expiry_heap *dues, field_place *place,
                         int64_t due_ms) {
    field *before = place->found;
    if (field_has_due(before) && due_ms >= 0) {
        field_set_due(before, due_ms);
        expiry_heap_update(dues, field_position(before), due_ms);
        return;
    }
    if (!field_has_due(before) && due_ms < 0) return;
    if (field_has_due(before)) expiry_heap_remove(dues, field_position(before));
    table->bytes -= field_bytes(before);
    place_moved(table, place, field_set_due(before, due_ms));
    table->bytes += field_bytes(place->found);
    if (due_ms >= 0) expiry_heap_add(dues, place->found, due_ms);
}

void field_table_remove(field_table *table, expiry_heap *dues, const field_place *place) {
    if (field_has_due(place->found)) expiry_heap_remove(dues, field_position(place->found));
    hashtable_remove(&table->table, &place->position);
    table->bytes -= field_bytes(place->found);
    field_free(place->found);
}

/* ---- due times ---- */

size_t field_table_expire(field_table *table, expiry_heap *dues, int64_t now_ms, size_t budget) {
    size_t removed = 0;
    int64_t due_ms;
    void *first;
    for (; removed < budget; removed++) {
        if (!expiry_heap_first(dues, &first, &due_ms) || due_ms > now_ms) break;
        field_place place;
        field_table_locate(table, field_name(first), &place);
        field_table_remove(table, dues, &place);
    }
    return removed;
}

size_t field_table_bytes(const field_table *table, const expiry_heap *dues) {
    size_t bytes = table->bytes + hashtable_bytes(&table->table);
    if (dues == NULL) return bytes + alloc_usable(sizeof(field_table));
    return bytes + alloc_usable(sizeof(field_volatile_table)) + expiry_heap_bytes(dues);
}
