/* id_map: the B+ tree of id_map.h. */
#include "id_map.h"

enum { JOIN_BELOW = ID_MAP_NODE_ITEMS / 4, JOIN_MOST = ID_MAP_NODE_ITEMS * 3 / 4 };

/* The way from the root to a leaf: in each node the item that was followed. */
typedef struct way {
    id_map_node *node[ID_MAP_DEPTH_MAX];
    uint32_t index[ID_MAP_DEPTH_MAX];
} way;

static size_t node_bytes(uint32_t capacity) {
    return sizeof(id_map_node) + capacity * sizeof(id_map_item);
}

static id_map_node *node_new(id_map *map, uint32_t level, uint32_t capacity) {
    id_map_node *node = alloc_new(node_bytes(capacity));
    node->count = 0;
    node->capacity = (uint16_t)capacity;
    node->level = level;
    node->previous = node->next = NULL;
    map->bytes += alloc_usable(node_bytes(capacity));
    return node;
}

static void node_free(id_map *map, id_map_node *node) {
    map->bytes -= alloc_usable(node_bytes(node->capacity));
    alloc_free(node, node_bytes(node->capacity));
}

/* Free a node, and those below it down to `level`. */
static void free_below(id_map *map, id_map_node *node, uint32_t level) {
    for (uint32_t i = 0; node->level > level && i < node->count; i++)
        free_below(map, node->items[i].value, level);
    node_free(map, node);
}

void id_map_free(id_map *map) {
    if (map->root) free_below(map, map->root, 0);
    id_map_init(map);
}

/* How many items of the node have an ID not above `id`; those before `from` are known to. */
static uint32_t not_above(const id_map_node *node, uint32_t from, stream_id id) {
    uint32_t low = from, high = node->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (stream_id_compare(node->items[middle].id, id) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The leaf where the ID stands or would stand. */
static id_map_node *leaf_of(const id_map *map, stream_id id) {
    id_map_node *node = map->root;
    while (node->level) node = node->items[not_above(node, 1, id) - 1].value;
    return node;
}

/* The same, and the way to it. In the leaf, the index of the last item not above `id`, plus one. */
static id_map_node *leaf_on_way(const id_map *map, stream_id id, way *taken) {
    id_map_node *node = map->root;
    assert(node->level < ID_MAP_DEPTH_MAX);
    for (; node->level; node = node->items[taken->index[node->level]].value) {
        taken->node[node->level] = node;
        taken->index[node->level] = not_above(node, 1, id) - 1;
    }
    taken->node[0] = node;
    taken->index[0] = not_above(node, 0, id);
    return node;
}

void **id_map_find(const id_map *map, stream_id id) {
    if (!map->root) return NULL;
    id_map_node *leaf = leaf_of(map, id);
    uint32_t index = not_above(leaf, 0, id);
    if (!index || stream_id_compare(leaf->items[index - 1].id, id) != 0) return NULL;
    return &leaf->items[index - 1].value;
}

id_map_cursor id_map_at_most(const id_map *map, stream_id id) {
    if (!map->root) return (id_map_cursor){0};
    id_map_node *leaf = leaf_of(map, id);
    uint32_t index = not_above(leaf, 0, id);
    id_map_cursor at = {leaf, index};
    id_map_previous(&at);
    return at;
}

id_map_cursor id_map_at_least(const id_map *map, stream_id id) {
    id_map_cursor at = id_map_at_most(map, id);
    if (!at.node) return id_map_begin(map);
    if (stream_id_compare(id_map_id(at), id) != 0) id_map_next(&at);
    return at;
}

/* ---- adding ---- */

static void put_item(id_map_node *node, uint32_t index, stream_id id, void *value) {
    memmove(node->items + index + 1, node->items + index,
            (node->count - index) * sizeof(id_map_item));
    node->items[index] = (id_map_item){id, value};
    node->count++;
}

/* The only leaf, with room for more or for fewer. */
static void resize_only_leaf(id_map *map, uint32_t capacity) {
    id_map_node *leaf = map->root;
    if (capacity > ID_MAP_NODE_ITEMS) capacity = ID_MAP_NODE_ITEMS;
    map->bytes -= alloc_usable(node_bytes(leaf->capacity));
    leaf = alloc_resize(leaf, node_bytes(leaf->capacity), node_bytes(capacity));
    leaf->capacity = (uint16_t)capacity;
    map->bytes += alloc_usable(node_bytes(capacity));
    map->root = map->first = map->last = leaf;
}

static void link_behind(id_map *map, id_map_node *leaf, id_map_node *made) {
    made->previous = leaf;
    made->next = leaf->next;
    if (leaf->next)
        leaf->next->previous = made;
    else
        map->last = made;
    leaf->next = made;
}

/* Put an item into a full node at `index`; returns the new node behind it. A node at the right end
 * of its level that is appended to stays full. */
static id_map_node *split_and_put(id_map *map, id_map_node *node, uint32_t index, bool at_end,
                                  stream_id id, void *value) {
    id_map_node *made = node_new(map, node->level, ID_MAP_NODE_ITEMS);
    uint32_t kept = at_end && index == node->count ? node->count : node->count / 2u;
    uint32_t moved = node->count - kept;
    memcpy(made->items, node->items + kept, moved * sizeof(id_map_item));
    made->count = (uint16_t)moved;
    node->count = (uint16_t)kept;
    if (index > kept || !moved)
        put_item(made, index - kept, id, value);
    else
        put_item(node, index, id, value);
    if (!node->level) link_behind(map, node, made);
    return made;
}

static void raise_root(id_map *map, id_map_node *made) {
    id_map_node *old = map->root;
    map->root = node_new(map, old->level + 1, ID_MAP_NODE_ITEMS);
    put_item(map->root, 0, old->items[0].id, old);
    put_item(map->root, 1, made->items[0].id, made);
}

bool id_map_add(id_map *map, stream_id id, void *value) {
    way taken;
    if (UNLIKELY(!map->root))
        map->root = map->first = map->last = node_new(map, 0, ID_MAP_FIRST_ITEMS);
    id_map_node *node = map->last;
    if (LIKELY(node->count && node->count < node->capacity
               && stream_id_compare(node->items[node->count - 1].id, id) < 0)) {
        put_item(node, node->count, id, value);
        map->count++;
        return true;
    }
    node = leaf_on_way(map, id, &taken);
    uint32_t index = taken.index[0];
    if (index && stream_id_compare(node->items[index - 1].id, id) == 0) return false;
    map->count++;
    if (node == map->root && node->count == node->capacity && node->capacity < ID_MAP_NODE_ITEMS) {
        resize_only_leaf(map, node->capacity * 2u);
        node = map->root;
    }
    bool at_end = node == map->last;
    for (uint32_t level = 0;; level++) {
        if (node->count < node->capacity) {
            put_item(node, index, id, value);
            return true;
        }
        id_map_node *made = split_and_put(map, node, index, at_end, id, value);
        if (node == map->root) {
            raise_root(map, made);
            return true;
        }
        id = made->items[0].id;
        value = made;
        node = taken.node[level + 1];
        index = taken.index[level + 1] + 1;
    }
}

/* ---- removing ---- */

static void cut_item(id_map_node *node, uint32_t index) {
    node->count--;
    memmove(node->items + index, node->items + index + 1,
            (node->count - index) * sizeof(id_map_item));
}

static void unlink_leaf(id_map *map, id_map_node *leaf) {
    if (leaf->previous)
        leaf->previous->next = leaf->next;
    else
        map->first = leaf->next;
    if (leaf->next)
        leaf->next->previous = leaf->previous;
    else
        map->last = leaf->previous;
}

/* Join the node at `index` of `parent` with the neighbour behind it, where both fit one node. */
static bool join_with_next(id_map *map, id_map_node *parent, uint32_t index) {
    if (index + 1 >= parent->count) return false;
    id_map_node *node = parent->items[index].value, *next = parent->items[index + 1].value;
    if (node->count + next->count > JOIN_MOST) return false;
    memcpy(node->items + node->count, next->items, next->count * sizeof(id_map_item));
    /* The first bound of a node is never kept up to date: here it becomes one that is looked at. */
    node->items[node->count].id = node->level ? parent->items[index + 1].id : next->items[0].id;
    node->count = (uint16_t)(node->count + next->count);
    if (!next->level) unlink_leaf(map, next);
    node_free(map, next);
    cut_item(parent, index + 1);
    return true;
}

bool id_map_remove(id_map *map, stream_id id, void **value) {
    way taken;
    if (!map->root) return false;
    id_map_node *node = leaf_on_way(map, id, &taken);
    uint32_t index = taken.index[0];
    if (!index || stream_id_compare(node->items[index - 1].id, id) != 0) return false;
    if (value) *value = node->items[index - 1].value;
    cut_item(node, index - 1);
    map->count--;
    while (node->count < JOIN_BELOW && node != map->root) {
        id_map_node *parent = taken.node[node->level + 1];
        uint32_t at = taken.index[node->level + 1];
        if (!node->count) {
            if (!node->level) unlink_leaf(map, node);
            node_free(map, node);
            cut_item(parent, at);
        } else if (!join_with_next(map, parent, at)
                   && !(at && join_with_next(map, parent, at - 1))) {
            break;
        }
        node = parent;
    }
    while (map->root->level && map->root->count == 1) {
        id_map_node *old = map->root;
        map->root = old->items[0].value;
        node_free(map, old);
    }
    if (!map->root->count)
        id_map_free(map);
    else if (!map->root->level && map->root->capacity > ID_MAP_FIRST_ITEMS
             && map->root->count <= map->root->capacity / 4u)
        resize_only_leaf(map, map->root->capacity / 2u);
    return true;
}

bool id_map_take_some(id_map *map, size_t budget, id_map_taker take, void *context) {
    size_t done = 0;
    if (map->root && map->root->level) free_below(map, map->root, 1);
    map->root = NULL; /* from here on the leaves are a list */
    while (map->first && done < budget) {
        id_map_node *leaf = map->first;
        for (uint32_t i = 0; i < leaf->count; i++) take(leaf->items[i].value, context);
        done += leaf->count;
        map->first = leaf->next;
        node_free(map, leaf);
    }
    if (map->first) return false;
    id_map_init(map);
    return true;
}
