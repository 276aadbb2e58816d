/* stream: the value of a stream key: an append-only log of entries, with consumer groups.
 *
 *   entry of the key --pointer--> stream --- nodes: id_map of master ID -> listpack (stream_node.h)
 *                                   |          [1-1][90-4][170-0] ... [980-7 tail, with room]
 *                                   |--- counters: length, last, first, max deleted ID, added
 *                                   `--- groups: sorted by name (stream_groups.h)
 *
 * Why: nodes are what RDB files store, so saving is a copy; the map finds one by ID in O(log n),
 * and appends at its end in O(1) (id_map.h says why it is no radix tree). Only the last node grows:
 * its block has a capacity, so that an append is a write behind the end and seldom an allocation;
 * when the next node begins it is cut to its exact size. A million entries of two small fields take
 * a quarter of a byte each beside their bytes.
 *
 * Deleting marks an entry in its node; the node goes when its last live entry does. Space of marked
 * entries comes back only then, as in Redis (payloads of both are equal byte for byte).
 *
 * Invariants: IDs ascend over all nodes, marked entries included; the sum of live entries is
 * `length`; no ID is above last_id; first_id is that of the first live entry, or 0-0;
 * tail_capacity is the size of the last node's block, every other block has listpack_bytes().
 *
 * Complexity: append amortized O(fields); a seek O(log n + entries of a node); trim O(nodes removed
 * + entries marked); stream_bytes O(groups and consumers). Ownership: the entry owns the stream,
 * the stream everything below. What iterators hand out is good until the stream changes.
 */
#ifndef FASTREDIS_STREAM_H
#define FASTREDIS_STREAM_H

#include "entry.h"
#include "id_map.h"
#include "packing.h"
#include "stream_node.h"

/* Pointers to what begins with its name as a slice, sorted by that. */
typedef struct name_list {
    void **items;
    uint32_t count, capacity;
} name_list;

typedef struct stream {
    id_map nodes;
    uint64_t length;       /* live entries */
    stream_id last_id;     /* the greatest ever, or what XSETID has said */
    stream_id first_id;    /* of the first live entry; 0-0 where there is none */
    stream_id max_deleted_id;
    uint64_t entries_added; /* ever, or what XSETID has said */
    size_t node_bytes;     /* of all blocks of nodes, as the allocator counts them */
    size_t tail_capacity;
    name_list groups;
} stream;

static inline stream *stream_of(const entry *e) { return entry_pointer(e); }

/* New empty stream; the caller owns it. */
stream *stream_new(void);
/* New copy of everything. */
stream *stream_copy(const stream *s);
/* Whether stream_free_some would take more than a moment. */
bool stream_is_big(const stream *s);
/* Takes the stream apart, about `budget` nodes or pending entries a call; true: all is gone. */
bool stream_free_some(stream *s, size_t budget);
size_t stream_bytes(const stream *s);

/* ---- entries ---- */

typedef enum stream_status {
    STREAM_DONE,
    STREAM_NOT_ABOVE, /* the ID is not above last_id */
    STREAM_TOO_LARGE, /* the texts together */
} stream_status;

/* Append an entry of fields and values by turns. */
stream_status stream_append(stream *s, stream_id id, const slice *texts, size_t count,
                            const collection_limits *limits);
/* Mark an entry as deleted; true where there was a live one. stream_note_deleted must follow:
 * until then first_id may be 0-0. */
bool stream_delete(stream *s, stream_id id);
/* After one or more stream_delete: the greatest ID of those. */
void stream_note_deleted(stream *s, stream_id greatest);

/* Whether a live entry has this ID. */
bool stream_has(const stream *s, stream_id id);
/* ID of the first or last live entry; false: there is none. */
bool stream_edge(const stream *s, bool first, stream_id *id);

typedef struct stream_trim {
    bool by_length;       /* down to max_length entries; else away with what is below min_id */
    bool approximate;     /* whole nodes alone, about `limit` entries at most (0: no limit) */
    uint64_t max_length;
    stream_id min_id;
    uint64_t limit;
} stream_trim;

/* Returns the number of entries removed. */
uint64_t stream_trim_to(stream *s, const stream_trim *trim);

/* Nodes that a compressed radix tree over the master IDs would have, its root included: what
 * XINFO STREAM tells. O(nodes). */
uint64_t stream_radix_nodes(const stream *s);

/* ---- ranges ---- */

typedef struct stream_iterator {
    const stream *s;
    id_map_cursor node;
    stream_id start, end;
    bool reverse;
    stream_walk walk; /* after a true answer: walk.id, stream_walk_field(&walk, ...) */
} stream_iterator;

/* All live entries of start <= ID <= end, in order or in reverse. */
void stream_iterate(stream_iterator *iterator, const stream *s, stream_id start, stream_id end,
                    bool reverse);
bool stream_next(stream_iterator *iterator);

/* ---- for stream_rdb ---- */

/* Append a whole node (takes the block of listpack_bytes bytes), whose master ID is above all. */
void stream_add_node(stream *s, stream_id master, listpack *lp);

#endif
