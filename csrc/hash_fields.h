/* hash_fields: the hash that stands behind one key, in whichever of its encodings.
 *
 *   ENTRY_LISTPACK       name, value, name, value ...: short hashes, one block
 *   ENTRY_LISTPACK_EX    name, value, due, name, value, due ...: the same with due times
 *   ENTRY_HASHTABLE      field_table.h
 *   ENTRY_HASHTABLE_EX   the same with due times
 *
 *   entry -> listpack
 *   entry -> packed_volatile { listpack *, position in the heap of hashes of the database }
 *   entry -> field_table     entry -> field_volatile_table (which holds a position too)
 *
 * The two listpacks have the bytes that RDB files hold. In that with due times 0 stands for none;
 * fields are ordered by due time, those without behind the others: what is due is in front.
 *
 * A hash leaves the listpacks when a field is added to hash_entries of them, or one of more than
 * hash_value bytes is set, or as soon as a caller announces as many (fields_expect). It is able to
 * hold due times from the first try to set one on (fields_allow_dues). Neither is ever undone.
 *
 * Due times. A field is gone when it is due, whatever has been freed: calls with `now_ms` do not
 * see it, and count those that they do see. The owner of the keyspace keeps a heap of the entries
 * of hashes by fields_next_due; where in it an entry stands is kept here (fields_position), because
 * an entry may move and a hash may change its encoding.
 *
 * Invariants: the entry's encoding and pointer are changed here and nowhere else, and the entry
 * never moves. A hash may become empty; the caller then removes the key.
 *
 * Complexity, n fields; a listpack is walked instead, which its limits keep short: find, set,
 * remove O(1), and O(log n) where a field has a due time; next_due O(1); expire O(log n) a field;
 * count_alive O(1 + fields due); iteration O(1) a step; count, bytes O(1).
 *
 * Ownership: the entry owns the hash. Names and values handed out are borrowed: good until the hash
 * changes, and in a listpack, where they may be stored as numbers, as long as the item that holds
 * their digits.
 */
#ifndef FASTREDIS_HASH_FIELDS_H
#define FASTREDIS_HASH_FIELDS_H

#include "field_table.h"
#include "listpack.h"
#include "number.h"
#include "packing.h"
#include "random.h"

/* What all hashes of an engine share; lives as long as they do. */
typedef struct fields_settings {
    const collection_limits *limits;
    hashtable_type table;
} fields_settings;

/* Borrows the limits, copies the seed. */
void fields_settings_init(fields_settings *settings, const collection_limits *limits,
                          const hash_seed *seed);

typedef struct packed_volatile {
    listpack *lp;
    uint32_t position; /* EXPIRY_HEAP_NOWHERE: in none */
} packed_volatile;

/* A field as it is handed out. */
typedef struct field_item {
    slice name, value;
    blob *large;    /* that holds the value; NULL: none does */
    int64_t due_ms; /* or FIELD_NO_DUE */
    char digits[2][NUMBER_INT64_MAX_LENGTH];
} field_item;

/* ---- making and freeing ---- */

/* New entry of an empty hash, in no keyspace yet; the caller owns it. */
entry *fields_new(slice key, int64_t due_ms);

/* Put a listpack in the place of the empty one of a new hash; takes it. It must be what this hash
 * would hold: names differ, elements in their shortest form, within the limits, dues in order. */
void fields_take_listpack(entry *e, listpack *lp, bool with_dues);

/* Give a fresh copy of an entry a hash of its own, in no heap. O(n). */
void fields_own(entry *copy);

/* Free what stands behind the entry; O(n). */
void fields_free(entry *e);

enum { FIELDS_BIG = 64 };
/* Whether to free it takes long enough to do it in slices: then take it out of the entry, and call
 * field_table_free_some with it until that says true. */
bool fields_is_big(const entry *e);
field_table *fields_detach(entry *e);

/* ---- reading ---- */

/* Fields, those included that are due and not yet removed. */
size_t fields_count(const entry *e);
size_t fields_count_alive(const entry *e, int64_t now_ms);

/* Whether the field is there; fills the item. */
bool fields_find(const entry *e, slice name, int64_t now_ms, field_item *item);
/* The same for callers that want the value alone; `digits` has NUMBER_INT64_MAX_LENGTH bytes. */
bool fields_get(const entry *e, slice name, int64_t now_ms, slice *value, char *digits);

/* For commands with many fields: start to load what a later call with the name will touch. The
 * first a few fields ahead, the second fewer. Of a listpack the first asks for the beginning. */
void fields_prefetch(const entry *e, slice name);
void fields_prefetch_field(const entry *e, slice name);

/* All fields that are alive, in the order in which they stand. The hash must not change. */
typedef struct fields_iterator {
    const listpack *lp;
    const uint8_t *at;
    bool has_dues;
    int64_t now_ms;
    hashtable_iterator table;
} fields_iterator;
void fields_iterate(fields_iterator *iterator, const entry *e, int64_t now_ms);
bool fields_next(fields_iterator *iterator, field_item *item);

/* The table of fields (field.h), for scans; NULL: the hash is a listpack. */
const hashtable *fields_table(const entry *e);
/* The listpack, for files; NULL: the hash is a table. */
const listpack *fields_listpack(const entry *e);

/* Fields at random, each equally likely: the same field again and again, or each at most once.
 * Drawing from a listpack, or much from a table, first notes where all fields stand: 8 n bytes. */
typedef struct fields_draw {
    const entry *e;
    int64_t now_ms;
    bool distinct;
    const uint8_t **all; /* fields, or elements of the listpack; NULL: drawn from the table */
    size_t alive, left, capacity;
    const field **seen;  /* open addressing; NULL: `all` is shuffled instead */
    size_t seen_mask;
} fields_draw;
/* Up to `count` fields (where `distinct`; else any number) are going to be drawn. */
void fields_draw_begin(fields_draw *draw, const entry *e, int64_t now_ms, size_t count,
                       bool distinct);
/* False where no field is left. */
bool fields_draw_next(fields_draw *draw, random_state *random, field_item *item);
void fields_draw_end(fields_draw *draw);

/* Bytes behind the entry's pointer, as the allocator counts. */
size_t fields_bytes(const entry *e);

/* ---- changing ---- */

/* The caller is about to set as many fields as this, the longest name or value of so many bytes: a
 * listpack that either goes beyond the limits becomes a table at once, even if the fields are there
 * already. */
void fields_expect(entry *e, size_t count, size_t longest, const fields_settings *settings);

/* Set a field; true where it was not there. Its due time goes, unless `keep_due`. Name and value
 * are copied, and may not lie in this hash. */
bool fields_set(entry *e, slice name, slice value, bool keep_due, int64_t now_ms,
                const fields_settings *settings);

/* Take a field out; whether it was there. */
bool fields_remove(entry *e, slice name, int64_t now_ms);

/* ---- due times ---- */

/* Turn the hash into one whose fields can have due times; it is then in no heap. */
void fields_allow_dues(entry *e);

/* For the calls below the hash is one of those. */

/* Give a field that is there a due time (0 .. FIELD_DUE_MAX), or none (FIELD_NO_DUE). */
void fields_set_due(entry *e, slice name, int64_t due_ms);

/* The earliest due time, or FIELD_NO_DUE. */
int64_t fields_next_due(const entry *e);

/* Remove up to `budget` fields that are due; returns their number. */
size_t fields_expire(entry *e, int64_t now_ms, size_t budget);

uint32_t fields_position(const entry *e);
/* For expiry_heap, too. */
void fields_set_position(void *e, uint32_t position);

#endif
