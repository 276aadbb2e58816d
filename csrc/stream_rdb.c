/* stream_rdb: the forms of streams in files; see stream_rdb.h. */
#include "stream_rdb.h"

#include "lazyfree.h"
#include "stream_groups.h"

/* ---- writing ---- */

static void write_id(rdb_writer *writer, stream_id id) {
    uint8_t bytes[STREAM_ID_BYTES];
    stream_id_store(bytes, id);
    rdb_write_bytes(writer, bytes, sizeof bytes);
}

static void write_id_lengths(rdb_writer *writer, stream_id id) {
    rdb_write_length(writer, id.ms);
    rdb_write_length(writer, id.seq);
}

static void write_time(rdb_writer *writer, int64_t time_ms) {
    uint8_t bytes[8];
    store_u64(bytes, (uint64_t)time_ms);
    rdb_write_bytes(writer, bytes, sizeof bytes);
}

static void write_group(rdb_writer *writer, const stream_group *group) {
    rdb_write_string(writer, group->name.data, group->name.length);
    write_id_lengths(writer, group->last_id);
    rdb_write_length(writer, (uint64_t)group->entries_read);
    rdb_write_length(writer, group->pending.count);
    for (id_map_cursor at = id_map_begin(&group->pending); at.node; id_map_next(&at)) {
        const stream_pending *pending = id_map_value(at);
        write_id(writer, id_map_id(at));
        write_time(writer, pending->delivered_ms);
        rdb_write_length(writer, pending->deliveries);
    }
    rdb_write_length(writer, group->consumers.count);
    for (uint32_t i = 0; i < group->consumers.count; i++) {
        const stream_consumer *consumer = stream_consumer_at(group, i);
        rdb_write_string(writer, consumer->name.data, consumer->name.length);
        write_time(writer, consumer->seen_ms);
        write_time(writer, consumer->active_ms);
        rdb_write_length(writer, consumer->pending.count);
        for (id_map_cursor at = id_map_begin(&consumer->pending); at.node; id_map_next(&at))
            write_id(writer, id_map_id(at));
    }
}

void stream_save(rdb_writer *writer, const stream *s) {
    rdb_write_byte(writer, RDB_TYPE_STREAM_3);
    rdb_write_length(writer, s->nodes.count);
    for (id_map_cursor at = id_map_begin(&s->nodes); at.node; id_map_next(&at)) {
        uint8_t master[STREAM_ID_BYTES];
        stream_id_store(master, id_map_id(at));
        rdb_write_string(writer, master, sizeof master);
        rdb_write_string(writer, id_map_value(at), listpack_bytes(id_map_value(at)));
    }
    rdb_write_length(writer, s->length);
    write_id_lengths(writer, s->last_id);
    write_id_lengths(writer, s->first_id);
    write_id_lengths(writer, s->max_deleted_id);
    rdb_write_length(writer, s->entries_added);
    rdb_write_length(writer, s->groups.count);
    for (uint32_t i = 0; i < s->groups.count; i++) write_group(writer, stream_group_at(s, i));
}

/* ---- reading ---- */

static bool read_id(rdb_reader *reader, stream_id *id) {
    if (reader->end - reader->at < STREAM_ID_BYTES) return false;
    *id = stream_id_load(reader->at);
    reader->at += STREAM_ID_BYTES;
    return true;
}

static bool read_id_lengths(rdb_reader *reader, stream_id *id) {
    return rdb_read_length(reader, &id->ms) && rdb_read_length(reader, &id->seq);
}

static bool read_time(rdb_reader *reader, int64_t *time_ms) {
    if (reader->end - reader->at < 8) return false;
    *time_ms = (int64_t)load_u64(reader->at);
    reader->at += 8;
    return true;
}

/* A name as plain bytes: `name` borrows the input, or *block, which the caller frees
 * (name->length bytes) where it is not NULL. */
static bool read_name(rdb_reader *reader, slice *name, char **block) {
    rdb_string string;
    *block = NULL;
    if (!rdb_read_string(reader, &string)) return false;
    *name = (slice){string.bytes, string.length};
    if (string.form == RDB_STRING_TEXT) return true;
    *block = alloc_new(string.length);
    name->data = *block;
    if (rdb_string_copy(&string, *block)) return true;
    alloc_free(*block, string.length);
    *block = NULL;
    return false;
}

static void name_done(slice name, char *block) {
    if (block) alloc_free(block, name.length);
}

/* A listpack in a block of its own, or NULL. */
static listpack *read_listpack(rdb_reader *reader) {
    rdb_string string;
    if (!rdb_read_string(reader, &string) || string.form == RDB_STRING_NUMBER) return NULL;
    if (string.length < LISTPACK_EMPTY_BYTES || string.length > LISTPACK_BYTES_MAX) return NULL;
    listpack *lp = alloc_new(string.length);
    if (rdb_string_copy(&string, (char *)lp) && listpack_check(lp, string.length)) return lp;
    alloc_free(lp, string.length);
    return NULL;
}

static bool read_node(rdb_reader *reader, stream *s, stream_id *last) {
    uint8_t bytes[STREAM_ID_BYTES];
    rdb_string string;
    stream_counts counts;
    if (!rdb_read_string(reader, &string) || string.length != STREAM_ID_BYTES) return false;
    if (!rdb_string_copy(&string, (char *)bytes)) return false;
    stream_id master = stream_id_load(bytes);
    if (s->nodes.count && stream_id_compare(master, *last) <= 0) return false;
    listpack *lp = read_listpack(reader);
    if (!lp) return false;
    if (!stream_node_check(lp, master, &counts, last)) {
        lazyfree_block(lp, listpack_bytes(lp));
        return false;
    }
    stream_add_node(s, master, lp);
    s->length += counts.live;
    return true;
}

static bool read_nodes(rdb_reader *reader, stream *s, stream_id *last) {
    uint64_t count;
    if (!rdb_read_length(reader, &count)) return false;
    for (; count > 0; count--)
        if (!read_node(reader, s, last)) return false;
    return true;
}

static bool read_numbers(rdb_reader *reader, stream *s, uint8_t type, stream_id last) {
    uint64_t length;
    if (!rdb_read_length(reader, &length) || length != s->length) return false;
    if (!read_id_lengths(reader, &s->last_id) || stream_id_compare(last, s->last_id) > 0)
        return false;
    if (type >= RDB_TYPE_STREAM_2)
        return read_id_lengths(reader, &s->first_id) && read_id_lengths(reader, &s->max_deleted_id)
               && rdb_read_length(reader, &s->entries_added);
    s->entries_added = length;
    stream_edge(s, true, &s->first_id);
    return true;
}

/* Pending entries of the group, which have no consumer yet. */
static bool read_pending(rdb_reader *reader, stream_group *group) {
    uint64_t count, deliveries;
    stream_id id;
    int64_t delivered_ms;
    if (!rdb_read_length(reader, &count)) return false;
    for (; count > 0; count--) {
        if (!read_id(reader, &id) || !read_time(reader, &delivered_ms)) return false;
        if (!rdb_read_length(reader, &deliveries)) return false;
        if (!stream_pending_add(group, NULL, id, delivered_ms, deliveries)) return false;
    }
    return true;
}

/* What is pending for the consumer: each ID stands in the group, and no one else has it. */
static bool read_consumer_pending(rdb_reader *reader, stream_group *group,
                                  stream_consumer *consumer, uint64_t *owned) {
    uint64_t count;
    stream_id id;
    if (!rdb_read_length(reader, &count)) return false;
    for (; count > 0; count--) {
        if (!read_id(reader, &id)) return false;
        stream_pending *pending = stream_pending_find(group, id);
        if (!pending || pending->consumer) return false;
        pending->consumer = consumer;
        id_map_add(&consumer->pending, id, pending);
        ++*owned;
    }
    return true;
}

static bool read_consumer(rdb_reader *reader, uint8_t type, stream_group *group, uint64_t *owned) {
    slice name;
    char *block;
    int64_t seen_ms, active_ms;
    if (!read_name(reader, &name, &block)) return false;
    bool good = read_time(reader, &seen_ms);
    active_ms = seen_ms;
    if (good && type >= RDB_TYPE_STREAM_3) good = read_time(reader, &active_ms);
    stream_consumer *consumer = good ? stream_consumer_append(group, name, seen_ms) : NULL;
    name_done(name, block);
    if (!good) return false;
    consumer->active_ms = active_ms;
    return read_consumer_pending(reader, group, consumer, owned);
}

static bool read_consumers(rdb_reader *reader, uint8_t type, stream_group *group) {
    uint64_t count, owned = 0;
    if (!rdb_read_length(reader, &count)) return false;
    for (; count > 0; count--)
        if (!read_consumer(reader, type, group, &owned)) return false;
    return owned == group->pending.count && name_list_sort(&group->consumers);
}

static bool read_group(rdb_reader *reader, uint8_t type, stream *s) {
    slice name;
    char *block;
    stream_id last_id;
    uint64_t entries_read = (uint64_t)STREAM_READ_UNKNOWN;
    if (!read_name(reader, &name, &block)) return false;
    bool good = read_id_lengths(reader, &last_id);
    if (good && type >= RDB_TYPE_STREAM_2) good = rdb_read_length(reader, &entries_read);
    stream_group *group =
        good ? stream_group_append(s, name, last_id, (int64_t)entries_read) : NULL;
    name_done(name, block);
    if (!good) return false;
    if (type < RDB_TYPE_STREAM_2) group->entries_read = stream_estimate_read(s, last_id);
    return read_pending(reader, group) && read_consumers(reader, type, group);
}

static bool read_groups(rdb_reader *reader, uint8_t type, stream *s) {
    uint64_t count;
    if (!rdb_read_length(reader, &count)) return false;
    for (; count > 0; count--)
        if (!read_group(reader, type, s)) return false;
    return name_list_sort(&s->groups);
}

stream *stream_load(rdb_reader *reader, uint8_t type) {
    stream *s = stream_new();
    stream_id last = STREAM_ID_MIN;
    if (read_nodes(reader, s, &last) && read_numbers(reader, s, type, last)
        && read_groups(reader, type, s))
        return s;
    while (!stream_free_some(s, SIZE_MAX)) continue;
    return NULL;
}
