/* stream_node: entries of a stream in a listpack; the layout is in stream_node.h. */
#include "stream_node.h"

#include "checked.h"

enum {
    ENTRY_HEAD = 3,      /* flags, ms, seq */
    ENTRY_EXTRA = 4,     /* the same and the number of fields */
    MASTER_NUMBERS = 4,  /* live, deleted, n, 0 */
    MASTER_NOT_FIELDS_MAX = MASTER_NUMBERS * LISTPACK_NUMBER_ROOM,
    ENTRY_NOT_FIELDS_MAX = (ENTRY_EXTRA + 1) * LISTPACK_NUMBER_ROOM,
};

/* ---- walking ---- */

void stream_walk_begin(stream_walk *walk, listpack *lp, stream_id master) {
    const uint8_t *at = lp + LISTPACK_HEADER_BYTES;
    walk->lp = lp;
    walk->master = master;
    listpack_take_number(&at);
    listpack_take_number(&at);
    walk->master_count = (uint64_t)listpack_take_number(&at);
    walk->master_fields = at;
    for (uint64_t i = 0; i < walk->master_count; i++) at = listpack_behind(at);
    walk->first = (uint8_t *)listpack_behind(at);
    walk->start = NULL;
}

static void read_head(stream_walk *walk, uint8_t *start) {
    const uint8_t *at = start;
    int64_t flags = listpack_take_number(&at);
    walk->start = start;
    walk->deleted = flags & STREAM_ENTRY_DELETED;
    walk->same_fields = flags & STREAM_ENTRY_SAME_FIELDS;
    walk->id.ms = walk->master.ms + (uint64_t)listpack_take_number(&at);
    walk->id.seq = walk->master.seq + (uint64_t)listpack_take_number(&at);
    walk->field_count = walk->master_count;
    if (walk->same_fields)
        walk->master_at = walk->master_fields;
    else
        walk->field_count = (uint64_t)listpack_take_number(&at);
    walk->fields_left = walk->field_count;
    walk->at = at;
}

bool stream_walk_next(stream_walk *walk) {
    uint8_t *next = walk->first;
    if (LIKELY(walk->start != NULL)) {
        const uint8_t *at = walk->at;
        for (uint64_t i = walk->fields_left << !walk->same_fields; i > 0; i--)
            at = listpack_behind(at);
        next = (uint8_t *)listpack_behind(at);
    }
    if (listpack_ends(next)) {
        walk->start = NULL;
        return false;
    }
    read_head(walk, next);
    return true;
}

bool stream_walk_previous(stream_walk *walk) {
    const uint8_t *at = walk->start ? walk->start : walk->lp + listpack_bytes(walk->lp) - 1;
    if (at == walk->first) {
        walk->start = NULL;
        return false;
    }
    at = listpack_before(at);
    const uint8_t *back = at;
    for (int64_t count = listpack_take_number(&back); count > 0; count--)
        at = listpack_before(at);
    read_head(walk, (uint8_t *)at);
    return true;
}

/* ---- changing ---- */

stream_counts stream_node_counts(const listpack *lp) {
    const uint8_t *at = lp + LISTPACK_HEADER_BYTES;
    stream_counts counts;
    counts.live = (uint64_t)listpack_take_number(&at);
    counts.deleted = (uint64_t)listpack_take_number(&at);
    return counts;
}

void stream_node_set_counts(listpack *lp, stream_counts counts) {
    uint8_t numbers[STREAM_COUNTS_ROOM];
    uint8_t *old = lp + LISTPACK_HEADER_BYTES, *at = numbers;
    const uint8_t *behind = listpack_behind(listpack_behind(old));
    at = listpack_put_number(at, (int64_t)counts.live);
    at = listpack_put_number(at, (int64_t)counts.deleted);
    size_t size = (size_t)(at - numbers), bytes = listpack_bytes(lp);
    if (UNLIKELY((size_t)(behind - old) != size)) {
        memmove(old + size, behind, (size_t)(lp + bytes - behind));
        store_u32(lp, (uint32_t)(bytes - (size_t)(behind - old) + size));
    }
    memcpy(old, numbers, size);
}

bool stream_node_room(const slice *texts, size_t count, size_t *bytes) {
    size_t total = LISTPACK_EMPTY_BYTES + MASTER_NOT_FIELDS_MAX + ENTRY_NOT_FIELDS_MAX;
    for (size_t i = 0; i < count; i++) {
        if (texts[i].length > LISTPACK_BYTES_MAX) return false;
        size_t room = listpack_text_room(texts[i].length);
        /* A field may stand in the entry and in the master. */
        if (size_add(total, i % 2 ? room : 2 * room, &total)) return false;
    }
    *bytes = total;
    return total <= LISTPACK_BYTES_MAX;
}

void stream_node_start(listpack *lp, const slice *texts, size_t count) {
    uint8_t *at = lp + LISTPACK_HEADER_BYTES;
    store_u16(lp + 4, 0);
    at = listpack_put_number(at, 0);
    at = listpack_put_number(at, 0);
    at = listpack_put_number(at, (int64_t)(count / 2));
    for (size_t i = 0; i < count; i += 2) at = listpack_put_text(at, texts[i]);
    at = listpack_put_number(at, 0);
    listpack_close(lp, at, MASTER_NUMBERS + count / 2);
}

static bool same_text(listpack_value value, slice text) {
    char digits[NUMBER_INT64_MAX_LENGTH];
    if (value.data)
        return value.length == text.length && memcmp(value.data, text.data, text.length) == 0;
    size_t length = number_format_int64(digits, value.number);
    return length == text.length && memcmp(digits, text.data, length) == 0;
}

/* Whether the fields are those of the master, in its order. */
static bool are_master_fields(const listpack *lp, const slice *texts, size_t count) {
    const uint8_t *at = lp + LISTPACK_HEADER_BYTES;
    listpack_take_number(&at);
    listpack_take_number(&at);
    if ((uint64_t)listpack_take_number(&at) != count / 2) return false;
    for (size_t i = 0; i < count; i += 2)
        if (!same_text(listpack_take(&at), texts[i])) return false;
    return true;
}

void stream_node_append(listpack *lp, stream_id master, stream_id id, const slice *texts,
                        size_t count) {
    bool same = are_master_fields(lp, texts, count);
    uint8_t *at = lp + listpack_bytes(lp) - 1;
    size_t fields = count / 2, elements = same ? ENTRY_HEAD + fields : ENTRY_EXTRA + count;
    at = listpack_put_number(at, same ? STREAM_ENTRY_SAME_FIELDS : 0);
    at = listpack_put_number(at, (int64_t)(id.ms - master.ms));
    at = listpack_put_number(at, (int64_t)(id.seq - master.seq));
    if (!same) at = listpack_put_number(at, (int64_t)fields);
    for (size_t i = same; i < count; i += 1 + same) at = listpack_put_text(at, texts[i]);
    at = listpack_put_number(at, (int64_t)elements);
    listpack_close(lp, at, elements + 1);
    stream_counts counts = stream_node_counts(lp);
    counts.live++;
    stream_node_set_counts(lp, counts);
}

/* ---- bytes from outside ---- */

/* The number at *at, not below 0, with *at moved behind it. */
static bool check_count(const uint8_t **at, uint64_t *count) {
    if (listpack_ends(*at)) return false;
    listpack_value value = listpack_take(at);
    *count = (uint64_t)value.number;
    return !value.data && value.number >= 0;
}

static bool check_number(const uint8_t **at) {
    return !listpack_ends(*at) && !listpack_take(at).data;
}

/* Moves behind `count` elements; false where there are fewer. */
static bool check_skip(const uint8_t **at, uint64_t count) {
    for (; count > 0; count--) {
        if (listpack_ends(*at)) return false;
        *at = listpack_behind(*at);
    }
    return true;
}

/* Whether an entry stands at *at, with *at moved behind it. */
static bool check_entry(const uint8_t **at, uint64_t master_count, bool *deleted) {
    const uint8_t flags = **at;
    uint64_t count = master_count, elements, back;
    if (flags > (STREAM_ENTRY_DELETED | STREAM_ENTRY_SAME_FIELDS)) return false;
    *at = listpack_behind(*at);
    if (!check_number(at) || !check_number(at)) return false;
    if (flags & STREAM_ENTRY_SAME_FIELDS) {
        elements = count;
    } else {
        if (!check_count(at, &count) || count > UINT32_MAX) return false;
        elements = 2 * count;
    }
    if (!check_skip(at, elements) || !check_count(at, &back)) return false;
    *deleted = flags & STREAM_ENTRY_DELETED;
    return back == elements + (flags & STREAM_ENTRY_SAME_FIELDS ? ENTRY_HEAD : ENTRY_EXTRA);
}

static bool check_ids(listpack *lp, stream_id master, stream_id *last) {
    stream_walk walk;
    bool any = false;
    stream_walk_begin(&walk, lp, master);
    while (stream_walk_next(&walk)) {
        int order = stream_id_compare(walk.id, any ? *last : master);
        if (order < 0 || (any && order == 0)) return false;
        *last = walk.id;
        any = true;
    }
    return any;
}

bool stream_node_check(listpack *lp, stream_id master, stream_counts *counts, stream_id *last) {
    const uint8_t *at = lp + LISTPACK_HEADER_BYTES;
    stream_counts found = {0, 0};
    uint64_t fields, zero;
    if (!check_count(&at, &counts->live) || !check_count(&at, &counts->deleted)) return false;
    if (!check_count(&at, &fields) || fields > UINT32_MAX || !check_skip(&at, fields)) return false;
    if (!check_count(&at, &zero) || zero) return false;
    while (!listpack_ends(at)) {
        bool deleted;
        if (!check_entry(&at, fields, &deleted)) return false;
        found.live += !deleted;
        found.deleted += deleted;
    }
    if (found.live != counts->live || found.deleted != counts->deleted) return false;
    return check_ids(lp, master, last);
}
