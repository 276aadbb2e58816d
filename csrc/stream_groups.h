/* stream_groups: consumer groups of a stream: who has been given which entry, and when.
 *
 *   stream.groups --sorted by name--> group --- last_id, entries_read
 *                                       |------ pending: id_map of ID -> stream_pending ---.
 *                                       `------ consumers --sorted by name--> consumer     |
 *                                                                               | ^        |
 *                                          pending: id_map of ID -> the same <--' `--------'
 *
 * Why sorted arrays of names: a group has a handful of consumers; a lookup is a binary search, a
 * listing is in the order that clients expect, and one costs 8 bytes. A new name moves the pointers
 * behind it: with 100,000 names that is 20 microseconds. A file's names are sorted once
 * (name_list_sort), so that a hostile order costs nothing.
 *
 * entries_read is how many entries of all that were ever added the group is past, where that can be
 * told: deleted ones make a gap in the numbering. STREAM_READ_UNKNOWN: it cannot.
 *
 * Invariants: each pending entry stands in the map of its group and in that of its consumer, under
 * one ID; names are unique; entries that are pending may be deleted in the stream.
 *
 * Complexity: find O(log n); create, remove a name O(n) of pointers; pending entries O(log n).
 * Ownership: the stream owns groups, a group its consumers and pending entries. A group or consumer
 * stays at its address until it is destroyed. A list that is big is taken out (_detach) and freed
 * in slices by the engine.
 */
#ifndef FASTREDIS_STREAM_GROUPS_H
#define FASTREDIS_STREAM_GROUPS_H

#include "stream.h"

#define STREAM_READ_UNKNOWN INT64_C(-1)

typedef struct stream_consumer {
    slice name; /* points behind the structure */
    int64_t seen_ms;   /* last attempt */
    int64_t active_ms; /* last that gave or claimed an entry; -1: none yet */
    id_map pending;
} stream_consumer;

typedef struct stream_group {
    slice name; /* points behind the structure */
    stream_id last_id;
    int64_t entries_read;
    id_map pending;
    name_list consumers;
} stream_group;
static_assert(offsetof(stream_group, name) == 0 && offsetof(stream_consumer, name) == 0,
              "a name_list holds what begins with its name");

typedef struct stream_pending {
    stream_consumer *consumer;
    int64_t delivered_ms;
    uint64_t deliveries;
} stream_pending;

/* ---- groups ---- */

stream_group *stream_group_find(const stream *s, slice name);
/* New group, or NULL where there is one of this name. */
stream_group *stream_group_create(stream *s, slice name, stream_id last_id, int64_t entries_read);
/* Take a group out of the stream; the caller frees it (stream_group_free_some). */
void stream_group_detach(stream *s, stream_group *group);
/* Takes the group apart, about `budget` pending entries a call; true: all is gone. */
bool stream_group_free_some(stream_group *group, size_t budget);
/* Consumers and pending entries together. */
uint64_t stream_group_weight(const stream_group *group);

static inline stream_group *stream_group_at(const stream *s, uint32_t index) {
    return s->groups.items[index];
}

/* ---- counting what a group has read ---- */

/* Whether deleted entries may lie at or behind `start`. */
bool stream_has_gaps_from(const stream *s, stream_id start);
/* How many entries were ever added up to and with this ID, or STREAM_READ_UNKNOWN. */
int64_t stream_estimate_read(const stream *s, stream_id id);
/* Entries that the group has not read; false: it cannot be told. */
bool stream_group_lag(const stream *s, const stream_group *group, int64_t *lag);
/* The group is given the entry `id`, which lies behind last_id. */
void stream_group_advance(const stream *s, stream_group *group, stream_id id);

/* ---- consumers ---- */

stream_consumer *stream_consumer_find(const stream_group *group, slice name);
/* New consumer, or NULL where there is one of this name. */
stream_consumer *stream_consumer_create(stream_group *group, slice name, int64_t now_ms);
/* Frees it and what is pending for it. O(pending log pending). */
void stream_consumer_remove(stream_group *group, stream_consumer *consumer);

static inline stream_consumer *stream_consumer_at(const stream_group *group, uint32_t index) {
    return group->consumers.items[index];
}

/* ---- pending entries ---- */

static inline stream_pending *stream_pending_find(const stream_group *group, stream_id id) {
    void **place = id_map_find(&group->pending, id);
    return place ? *place : NULL;
}
/* New pending entry, or NULL where the ID is pending already. */
stream_pending *stream_pending_add(stream_group *group, stream_consumer *consumer, stream_id id,
                                   int64_t delivered_ms, uint64_t deliveries);
/* Move it to another consumer. */
void stream_pending_give(stream_pending *pending, stream_id id, stream_consumer *consumer);
/* True where it was pending. */
bool stream_pending_remove(stream_group *group, stream_id id);

/* ---- for stream.c and stream_rdb.c ---- */

void stream_groups_copy(stream *to, const stream *from);
size_t stream_groups_bytes(const stream *s);

/* Append without looking at the order; name_list_sort must follow. */
stream_group *stream_group_append(stream *s, slice name, stream_id last_id, int64_t entries_read);
stream_consumer *stream_consumer_append(stream_group *group, slice name, int64_t seen_ms);
/* False where two names are equal. O(n log n). */
bool name_list_sort(name_list *list);
void name_list_free(name_list *list);

#endif
