/* hash_rdb: see hash_rdb.h. */
#include "hash_rdb.h"

#include "alloc.h"
#include "checked.h"
#include "ziplist.h"

enum {
    VERSION_TABLE = RDB_VERSION_STRINGS,
    VERSION_LISTPACK = 10, /* Redis 7.0 */
    VERSION_DUES = 12,     /* Redis 7.4 */
    STACK_SLOTS = 2048,
};
#define ALWAYS_ALIVE (-1) /* a time at which nothing is due */

/* ---- writing ---- */

static bool has_dues(const entry *e) {
    return entry_has_field_dues(e) && fields_next_due(e) != FIELD_NO_DUE;
}

static void write_64(rdb_writer *writer, int64_t number) {
    uint8_t bytes[8];
    store_u64(bytes, (uint64_t)number);
    rdb_write_bytes(writer, bytes, sizeof bytes);
}

uint16_t hash_save_version(const entry *e) {
    if (has_dues(e)) return VERSION_DUES;
    return fields_table(e) == NULL ? VERSION_LISTPACK : VERSION_TABLE;
}

static void save_table(rdb_writer *writer, const entry *e) {
    int64_t first_ms = has_dues(e) ? fields_next_due(e) : FIELD_NO_DUE;
    fields_iterator iterator;
    field_item item;
    if (first_ms == FIELD_NO_DUE) {
        rdb_write_byte(writer, RDB_TYPE_HASH);
    } else {
        rdb_write_byte(writer, RDB_TYPE_HASH_DUES);
        write_64(writer, first_ms);
    }
    rdb_write_length(writer, fields_count(e));
    fields_iterate(&iterator, e, ALWAYS_ALIVE);
    while (fields_next(&iterator, &item)) {
        if (first_ms != FIELD_NO_DUE)
            rdb_write_length(writer, item.due_ms < 0 ? 0 : (uint64_t)(item.due_ms - first_ms) + 1);
        rdb_write_string(writer, item.name.data, item.name.length);
        rdb_write_string(writer, item.value.data, item.value.length);
    }
}

/* The fields alone, of a listpack with places for due times. */
static void save_narrowed(rdb_writer *writer, const entry *e) {
    listpack *lp = listpack_new();
    fields_iterator iterator;
    field_item item;
    fields_iterate(&iterator, e, ALWAYS_ALIVE);
    while (fields_next(&iterator, &item)) {
        lp = listpack_append(lp, item.name);
        lp = listpack_append(lp, item.value);
    }
    rdb_write_byte(writer, RDB_TYPE_HASH_LISTPACK);
    rdb_write_string(writer, lp, listpack_bytes(lp));
    listpack_free(lp);
}

void hash_save(rdb_writer *writer, const entry *e) {
    const listpack *lp = fields_listpack(e);
    if (lp == NULL) {
        save_table(writer, e);
    } else if (has_dues(e)) {
        rdb_write_byte(writer, RDB_TYPE_HASH_LISTPACK_DUES);
        write_64(writer, fields_next_due(e));
        rdb_write_string(writer, lp, listpack_bytes(lp));
    } else if (entry_has_field_dues(e)) {
        save_narrowed(writer, e);
    } else {
        rdb_write_byte(writer, RDB_TYPE_HASH_LISTPACK);
        rdb_write_string(writer, lp, listpack_bytes(lp));
    }
}

/* ---- reading ---- */

/* A string of the input as text; `owned` where it had to be written out. */
typedef struct text {
    slice bytes;
    char *owned;
    char digits[NUMBER_INT64_MAX_LENGTH];
} text;

static bool read_text(rdb_reader *reader, text *read) {
    rdb_string string;
    read->owned = NULL;
    if (!rdb_read_string(reader, &string)) return false;
    if (string.form == RDB_STRING_TEXT) {
        read->bytes = (slice){string.bytes, string.length};
        return true;
    }
    char *to = read->digits;
    if (string.form == RDB_STRING_COMPRESSED) to = read->owned = alloc_new(string.length);
    read->bytes = (slice){to, string.length};
    return rdb_string_copy(&string, to);
}

static void text_free(text *read) {
    if (read->owned != NULL) alloc_free(read->owned, read->bytes.length);
}

static bool read_64(rdb_reader *reader, int64_t *number) {
    if (reader->end - reader->at < 8) return false;
    *number = (int64_t)load_u64(reader->at);
    reader->at += 8;
    return true;
}

/* Add a field to the hash that is being built; false where its name is there already. */
static bool build(entry *e, slice name, slice value, int64_t due_ms,
                  const fields_settings *settings) {
    if (!fields_set(e, name, value, false, ALWAYS_ALIVE, settings)) return false;
    if (due_ms == FIELD_NO_DUE) return true;
    fields_allow_dues(e);
    fields_set_due(e, name, due_ms);
    return true;
}

/* How the due times of a counted form stand. */
typedef struct due_form {
    uint8_t rdb_type;
    bool is_valkey;
    int64_t first_ms;
} due_form;

static bool read_due(rdb_reader *reader, const due_form *form, int64_t *due_ms) {
    uint64_t behind;
    *due_ms = FIELD_NO_DUE;
    if (form->rdb_type == RDB_TYPE_HASH) return true;
    if (form->is_valkey) {
        if (!read_64(reader, due_ms)) return false;
        return *due_ms >= FIELD_NO_DUE && *due_ms <= FIELD_DUE_MAX;
    }
    if (!rdb_read_length(reader, &behind) || behind > (uint64_t)FIELD_DUE_MAX) return false;
    if (behind == 0) return true;
    *due_ms = (int64_t)behind;
    if (form->rdb_type == RDB_TYPE_HASH_DUES) *due_ms += form->first_ms - 1;
    return *due_ms <= FIELD_DUE_MAX;
}

static bool read_field(rdb_reader *reader, const due_form *form, entry *e,
                       const fields_settings *settings) {
    int64_t due_ms = FIELD_NO_DUE;
    text name, value;
    bool fine;
    if (!form->is_valkey && !read_due(reader, form, &due_ms)) return false;
    fine = read_text(reader, &name);
    if (fine) {
        fine = read_text(reader, &value) && (!form->is_valkey || read_due(reader, form, &due_ms));
        fine = fine && build(e, name.bytes, value.bytes, due_ms, settings);
        text_free(&value);
    }
    text_free(&name);
    return fine;
}

static bool load_counted(rdb_reader *reader, uint8_t rdb_type, entry *e,
                         const fields_settings *settings) {
    due_form form = {rdb_type, rdb_type == RDB_TYPE_HASH_DUES_OLD &&
                                   reader->version == RDB_VERSION_VALKEY, 0};
    uint64_t count;
    if (rdb_type == RDB_TYPE_HASH_DUES) {
        if (!read_64(reader, &form.first_ms)) return false;
        if (form.first_ms < 0 || form.first_ms > FIELD_DUE_MAX) return false;
    }
    if (!rdb_read_length(reader, &count)) return false;
    /* A name and a value take at least a byte each. */
    if (count > (uint64_t)(reader->end - reader->at) / 2) return false;
    fields_expect(e, count, 0, settings);
    for (uint64_t each = 0; each < count; each++)
        if (!read_field(reader, &form, e, settings)) return false;
    return true;
}

/* ---- one string ---- */

static bool load_ziplist(slice bytes, entry *e, const fields_settings *settings) {
    ziplist_reader reader, value_reader;
    slice name, value;
    if (!ziplist_open(&reader, bytes.data, bytes.length, NULL)) return false;
    while (ziplist_next(&reader, &name)) {
        value_reader = reader; /* has digits of its own: both texts may be numbers */
        if (!ziplist_next(&value_reader, &value)) return false;
        if (!build(e, name, value, FIELD_NO_DUE, settings)) return false;
        reader.at = value_reader.at;
    }
    return true;
}

static bool load_zipmap(slice bytes, entry *e, const fields_settings *settings) {
    zipmap_reader reader;
    slice name, value;
    size_t count;
    if (!zipmap_open(&reader, bytes.data, bytes.length, &count)) return false;
    while (zipmap_next(&reader, &name, &value))
        if (!build(e, name, value, FIELD_NO_DUE, settings)) return false;
    return true;
}

static bool build_from_listpack(const listpack *lp, size_t step, entry *e,
                                const fields_settings *settings) {
    for (const uint8_t *at = listpack_first(lp); at != NULL;) {
        char digits[2][NUMBER_INT64_MAX_LENGTH];
        int64_t due_ms = FIELD_NO_DUE;
        const uint8_t *value = listpack_next(lp, at);
        const uint8_t *next = listpack_next(lp, value);
        if (step == 3) {
            listpack_value due = listpack_get(next);
            if (due.data != NULL || due.number < 0 || due.number > FIELD_DUE_MAX) return false;
            if (due.number != 0) due_ms = due.number;
            next = listpack_next(lp, next);
        }
        if (!build(e, listpack_text(at, digits[0]), listpack_text(value, digits[1]), due_ms,
                   settings))
            return false;
        at = next;
    }
    return true;
}

/* Whether this server could have written it: short enough, the shortest form of each element, dues
 * in range and in order. Names may still come twice. */
static bool is_own_form(const listpack *lp, size_t step, const fields_settings *settings) {
    const collection_limits *limits = settings->limits;
    int64_t before_ms = 0;
    size_t index = 0;
    if (listpack_count(lp) / step > limits->hash_entries) return false;
    for (const uint8_t *at = listpack_first(lp); at != NULL; at = listpack_next(lp, at), index++) {
        char digits[NUMBER_INT64_MAX_LENGTH];
        slice element = listpack_text(at, digits);
        if (listpack_encoded_bytes(element) != listpack_element_bytes(at)) return false;
        if (index % step < 2) {
            if (element.length > limits->hash_value) return false;
            continue;
        }
        listpack_value due = listpack_get(at);
        if (due.data != NULL || due.number < 0 || due.number > FIELD_DUE_MAX) return false;
        int64_t due_ms = due.number == 0 ? INT64_MAX : due.number;
        if (due_ms < before_ms) return false;
        before_ms = due_ms;
    }
    return true;
}

/* Whether all names differ; elements in their shortest form are equal only if their bytes are. */
static bool is_distinct(const listpack *lp, size_t step, const hash_seed *seed) {
    uint32_t few[STACK_SLOTS], *slots = few;
    size_t fields = listpack_count(lp) / step, room = 16;
    bool distinct = true;
    while (room < fields * 2) room *= 2;
    if (room > STACK_SLOTS) slots = alloc_new(size_mul_or_die(room, sizeof *slots));
    memset(slots, 0, room * sizeof *slots);
    for (const uint8_t *at = listpack_first(lp); at != NULL && distinct;) {
        size_t bytes = listpack_element_bytes(at);
        uint64_t slot = hash_bytes(seed, at, bytes);
        for (; distinct && slots[slot & (room - 1)] != 0; slot++) {
            const uint8_t *other = lp + slots[slot & (room - 1)];
            distinct = listpack_element_bytes(other) != bytes || memcmp(at, other, bytes) != 0;
        }
        slots[slot & (room - 1)] = (uint32_t)(at - lp);
        for (size_t each = 0; each < step; each++) at = listpack_next(lp, at);
    }
    if (slots != few) alloc_free(slots, room * sizeof *slots);
    return distinct;
}

/* Takes nothing over but a whole listpack of its own kind; else fills the empty hash. */
static bool load_listpack(slice bytes, size_t step, entry *e, const fields_settings *settings) {
    if (!listpack_check(bytes.data, bytes.length)) return false;
    const listpack *from = (const listpack *)bytes.data;
    if (listpack_count(from) % step != 0) return false;
    if (!is_own_form(from, step, settings))
        return build_from_listpack(from, step, e, settings);
    if (!is_distinct(from, step, &settings->table.seed)) return false;
    fields_take_listpack(e, listpack_of_bytes(from, bytes.length), step == 3);
    return true;
}

static bool load_string(rdb_reader *reader, uint8_t rdb_type, entry *e,
                        const fields_settings *settings) {
    int64_t first_ms;
    text read;
    bool fine;
    if (rdb_type == RDB_TYPE_HASH_LISTPACK_DUES && !read_64(reader, &first_ms)) return false;
    fine = read_text(reader, &read);
    if (fine && rdb_type == RDB_TYPE_HASH_ZIPLIST)
        fine = load_ziplist(read.bytes, e, settings);
    else if (fine && rdb_type == RDB_TYPE_HASH_ZIPMAP)
        fine = load_zipmap(read.bytes, e, settings);
    else if (fine)
        fine = load_listpack(read.bytes, rdb_type == RDB_TYPE_HASH_LISTPACK ? 2 : 3, e, settings);
    text_free(&read);
    return fine;
}

entry *hash_load(rdb_reader *reader, uint8_t rdb_type, slice key, int64_t due_ms,
                 const fields_settings *settings) {
    entry *e = fields_new(key, due_ms);
    bool counted = rdb_type == RDB_TYPE_HASH || rdb_type == RDB_TYPE_HASH_DUES_OLD ||
                   rdb_type == RDB_TYPE_HASH_DUES;
    bool fine = counted ? load_counted(reader, rdb_type, e, settings)
                        : load_string(reader, rdb_type, e, settings);
    if (fine && fields_count(e) > 0) return e;
    fields_free(e);
    entry_free(e);
    return NULL;
}
