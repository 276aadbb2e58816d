/* stream_node: up to about a hundred entries of a stream in one listpack, as RDB files hold them.
 *
 *   master    live | deleted | n | field 1 ... field n | 0
 *   entry     flags | ms | seq | value 1 ... value n | back             flags 2: same fields
 *             flags | ms | seq | m | field 1 | value 1 ... value m | back           0: its own
 *
 *   live, deleted   entries of each kind;  n  fields of the first entry, which later ones mostly
 *                   share and then do not repeat
 *   flags           1: deleted (a mark; the bytes stay), 2: the fields are those of the master
 *   ms, seq         of the entry's ID, less those of the master ID under which the node is filed
 *   back            elements of the entry before this one, so that it can be walked backwards
 *
 * Two fields of small values take 16 bytes an entry at most where a node of a tree for each takes
 * a hundred. The price: a search in a node walks it, so nodes are kept short.
 *
 * Invariants: IDs of a node ascend, none is below the master ID; live + deleted are the entries
 * that are there; every flag is one byte. stream_node_check establishes all of that.
 *
 * Complexity: stream_walk_next and _previous O(fields); append O(fields + bytes); the counts O(1)
 * but where their width changes. Ownership: nothing is allocated here; the caller owns the listpack
 * and has made room. A walk borrows it and is good until its bytes move.
 */
#ifndef FASTREDIS_STREAM_NODE_H
#define FASTREDIS_STREAM_NODE_H

#include "listpack_cursor.h"
#include "stream_id.h"

enum {
    STREAM_ENTRY_DELETED = 1,
    STREAM_ENTRY_SAME_FIELDS = 2,
    STREAM_COUNTS_ROOM = 2 * LISTPACK_NUMBER_ROOM,
};

typedef struct stream_counts {
    uint64_t live, deleted;
} stream_counts;

/* ---- walking ---- */

/* One node, and the entry in it that the walk stands at. */
typedef struct stream_walk {
    stream_id master;
    listpack *lp;
    uint8_t *first;               /* the first entry, or the end mark */
    const uint8_t *master_fields;
    uint64_t master_count;
    stream_id id;                 /* of the entry; from here on after a true answer only */
    uint64_t field_count;
    uint64_t fields_left;         /* not read yet */
    uint8_t *start;               /* its flags; NULL: before the first, or behind the last entry */
    const uint8_t *at;            /* its next value, or field and value */
    const uint8_t *master_at;     /* the field of that value, where the fields are the master's */
    bool deleted;
    bool same_fields;
} stream_walk;

void stream_walk_begin(stream_walk *walk, listpack *lp, stream_id master);
/* To the first or the next entry, deleted or not; false: there is none. */
bool stream_walk_next(stream_walk *walk);
/* To the entry before; before the first entry was asked for: to the last one. */
bool stream_walk_previous(stream_walk *walk);
/* The next field and value of the entry; false: no more. */
static inline bool stream_walk_field(stream_walk *walk, listpack_value *field,
                                     listpack_value *value) {
    if (!walk->fields_left) return false;
    walk->fields_left--;
    *field = listpack_take(walk->same_fields ? &walk->master_at : &walk->at);
    *value = listpack_take(&walk->at);
    return true;
}
/* Mark the entry as deleted; the counts are the caller's to change. */
static inline void stream_walk_mark(stream_walk *walk) {
    *walk->start |= STREAM_ENTRY_DELETED;
    walk->deleted = true;
}

/* ---- changing ---- */

stream_counts stream_node_counts(const listpack *lp);
/* Whether other counts take the same bytes: one for each. */
static inline bool stream_node_counts_fit(const listpack *lp, stream_counts counts) {
    const uint8_t *at = lp + LISTPACK_HEADER_BYTES;
    return ((at[0] | at[2]) & 128) == 0 && counts.live < 128 && counts.deleted < 128;
}
/* There is room for STREAM_COUNTS_ROOM more bytes behind the listpack. Ends walks. */
void stream_node_set_counts(listpack *lp, stream_counts counts);

/* At least the bytes that an entry of fields and values by turns (`count` texts) takes, its share
 * of a new node included; false where it is too large to be stored. */
bool stream_node_room(const slice *texts, size_t count, size_t *bytes);
/* A new node without entries, whose fields are those of `texts`. */
void stream_node_start(listpack *lp, const slice *texts, size_t count);
void stream_node_append(listpack *lp, stream_id master, stream_id id, const slice *texts,
                        size_t count);

/* ---- bytes from outside ---- */

/* Whether a listpack (one that listpack_check has accepted) is a node; *last is then the greatest
 * ID in it. A node without a live entry is one. */
bool stream_node_check(listpack *lp, stream_id master, stream_counts *counts, stream_id *last);

#endif
