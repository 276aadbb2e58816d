/* field_table: the fields of a big hash: found by hash, and ordered by due time where any has one.
 *
 *   field_table                                   field_volatile_table
 *   +-----------+-------+                         +-----------+-------+------+----------+
 *   | hashtable | bytes |   with due times: the   | hashtable | bytes | dues | position |
 *   +-----------+-------+   same, and behind it   +-----------+-------+------+----------+
 *        |                                             |                 |        |
 *        v elements: field (field.h)                   v                 v        in the heap of
 *                                                               expiry_heap of    hashes of the
 *                                                               the same fields   database
 *
 * The second form begins with the first, so that whatever needs no due times does not ask which it
 * is; the others are given the heap, NULL for the first form.
 *
 * Invariants: a field is in the heap if and only if it has a due time; `bytes` is the sum of
 * field_bytes over all fields.
 *
 * Complexity: as those of the hashtable, and O(log n) more where a due time changes. Ownership: the
 * table owns its fields. What is handed out is borrowed until the table changes.
 */
#ifndef FASTREDIS_FIELD_TABLE_H
#define FASTREDIS_FIELD_TABLE_H

#include "expiry_heap.h"
#include "field.h"
#include "hashtable.h"

typedef struct field_table {
    hashtable table;
    size_t bytes;
} field_table;

typedef struct field_volatile_table {
    field_table fields;
    expiry_heap dues;
    uint32_t position; /* EXPIRY_HEAP_NOWHERE: in none */
} field_volatile_table;

static_assert(offsetof(field_volatile_table, fields) == 0, "one form begins with the other");

/* New empty tables; `type` is borrowed and outlives them. */
field_table *field_table_new(const hashtable_type *type);
field_volatile_table *field_volatile_table_new(const hashtable_type *type);
/* Takes a table, returns it in the form that can hold due times, in no heap. */
field_volatile_table *field_table_widen(field_table *table);

/* A copy with fields of its own; `dues` (NULL or empty) gets those that are due at some time. */
void field_table_copy(field_table *to, expiry_heap *dues, const field_table *from);

/* Free a table with all its fields; O(n). The heap of a volatile one is freed too. */
void field_table_free(field_table *table);
void field_volatile_table_free(field_volatile_table *table);

/* For giants. Takes a volatile table, returns a plain one with the fields, which are not to be used
 * any more; O(heap's chunks). */
field_table *field_volatile_table_detach(field_volatile_table *table);
/* Free about `budget` fields; true: all are gone, and the table too. */
bool field_table_free_some(field_table *table, size_t budget);

/* Where a name stands. */
typedef struct field_place {
    hashtable_position position;
    field *found; /* NULL: nowhere */
    uint64_t hash;
} field_place;
void field_table_locate(const field_table *table, slice name, field_place *place);

/* Add a field whose name is not there; `hash` as in a place. */
void field_table_add(field_table *table, expiry_heap *dues, slice name, slice value,
                     int64_t due_ms, uint64_t hash);
/* Change the field that was located. Its place stays good. */
void field_table_set_value(field_table *table, expiry_heap *dues, field_place *place, slice value);
void field_table_set_due(field_table *table, expiry_heap *dues, field_place *place,
                         int64_t due_ms);
/* Take the field that was located out and free it. */
void field_table_remove(field_table *table, expiry_heap *dues, const field_place *place);

/* Remove up to `budget` fields that are due at `now_ms`; returns their number. */
size_t field_table_expire(field_table *table, expiry_heap *dues, int64_t now_ms, size_t budget);

/* Bytes of everything, the struct included. */
size_t field_table_bytes(const field_table *table, const expiry_heap *dues);

#endif
