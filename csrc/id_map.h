/* id_map: an ordered map from stream IDs to pointers: listpacks of a stream, pending entries.
 *
 * Why a B+ tree and not the radix tree of listpacks that the literature suggests: IDs grow, so the
 * map is nearly always appended to at its end and trimmed at its start, and walked in between. A
 * radix tree visits up to 16 bytes of the ID at each of these, spends a node for each branch of
 * the bytes, and an iterator has to climb. Here an item is 24 bytes in a fat leaf, both ends are
 * known, neighbours lie side by side, and all the keys of a leaf are compared in cache.
 *
 *   node      count 16 | capacity 16 | level 32 | previous 64 | next 64 | items ...
 *   item      id 128 | value 64            level 0: the caller's pointer
 *                                          above:   a node; id is a lower bound of its IDs
 *
 *              [ -  20  40 ]                the first bound of a node is never looked at
 *             /     |      \
 *     [1 5 9] <> [20 31] <> [40 41 42 43]   leaves are linked; `first` and `last` are known
 *
 * A leaf at the end is split so that it stays full and the new one starts with one item: after a
 * million appends the leaves are full (24.6 bytes an item). A map that fits one leaf grows it by
 * doubling from 4 items, so that a consumer with one pending entry costs 120 bytes.
 *
 * Invariants: no node is empty but for the map without any; all leaves have level 0; two
 * neighbours under one parent, one of which falls below a quarter, are joined where they fit.
 *
 * Complexity: append amortized O(1); find, add, remove, seek O(log n); a step of a cursor O(1);
 * id_map_take_some O(budget). Ownership: the map owns its nodes, never what the values point to.
 *
 * Disadvantage: items move, so a slot or a cursor is good only until the next add or remove.
 */
#ifndef FASTREDIS_ID_MAP_H
#define FASTREDIS_ID_MAP_H

#include "alloc.h"
#include "stream_id.h"

enum {
    ID_MAP_NODE_ITEMS = 41, /* 1008 bytes: the largest node that is a slab's block */
    ID_MAP_FIRST_ITEMS = 4,
    ID_MAP_DEPTH_MAX = 24,
};

typedef struct id_map_item {
    stream_id id;
    void *value;
} id_map_item;

typedef struct id_map_node {
    uint16_t count;
    uint16_t capacity;
    uint32_t level;
    struct id_map_node *previous, *next; /* of leaves */
    id_map_item items[];
} id_map_node;
static_assert(sizeof(id_map_item) == 24 && sizeof(id_map_node) == 24, "see the layout");
static_assert(24 + 24 * ID_MAP_NODE_ITEMS <= ALLOC_SLAB_LIMIT, "a node is a slab's block");

typedef struct id_map {
    id_map_node *root; /* NULL: empty */
    id_map_node *first, *last;
    uint64_t count;
    size_t bytes; /* of all nodes, as the allocator counts them */
} id_map;

/* A place among the items; `node` NULL: behind the end, or before the start. */
typedef struct id_map_cursor {
    id_map_node *node;
    uint32_t index;
} id_map_cursor;

static inline void id_map_init(id_map *map) { *map = (id_map){0}; }
/* Frees the nodes, not what the values point to. O(n): big maps go by id_map_take_some. */
void id_map_free(id_map *map);

/* The value's place, or NULL. */
void **id_map_find(const id_map *map, stream_id id);
/* False, and nothing changed, where the ID is there already. */
bool id_map_add(id_map *map, stream_id id, void *value);
/* True where the ID was there; its value goes to *value (may be NULL). */
bool id_map_remove(id_map *map, stream_id id, void **value);
/* The place of the last value; the map is not empty. */
static inline void **id_map_last_value(const id_map *map) {
    return &map->last->items[map->last->count - 1].value;
}

/* Empties the map from its start, handing each value to `take`, and stops after about `budget` of
 * them; true: the map is empty. Nothing but this call may follow until it is. */
typedef void (*id_map_taker)(void *value, void *context);
bool id_map_take_some(id_map *map, size_t budget, id_map_taker take, void *context);

/* ---- walking ---- */

static inline stream_id id_map_id(id_map_cursor at) { return at.node->items[at.index].id; }
static inline void *id_map_value(id_map_cursor at) { return at.node->items[at.index].value; }

static inline id_map_cursor id_map_begin(const id_map *map) {
    return (id_map_cursor){map->first, 0};
}
static inline id_map_cursor id_map_end(const id_map *map) {
    return (id_map_cursor){map->last, map->last ? map->last->count - 1u : 0};
}
/* The first item whose ID is not below `id`. */
id_map_cursor id_map_at_least(const id_map *map, stream_id id);
/* The last item whose ID is not above `id`. */
id_map_cursor id_map_at_most(const id_map *map, stream_id id);

static inline void id_map_next(id_map_cursor *at) {
    if (++at->index < at->node->count) return;
    *at = (id_map_cursor){at->node->next, 0};
}
static inline void id_map_previous(id_map_cursor *at) {
    if (at->index-- > 0) return;
    id_map_node *node = at->node->previous;
    *at = (id_map_cursor){node, node ? node->count - 1u : 0};
}

#endif
