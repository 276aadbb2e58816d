/* stream: nodes, appending, deleting, trimming and walking; see stream.h. Groups: stream_groups. */
#include "stream.h"

#include "checked.h"
#include "lazyfree.h"
#include "stream_groups.h"

enum {
    TAIL_AHEAD = 4096, /* up to this size a growing tail doubles */
    BIG_FROM = 64,
    NODE_BYTES_MAX = 1 << 30,
    RADIX_DEPTH = STREAM_ID_BYTES,
};

/* ---- the whole ---- */

stream *stream_new(void) {
    stream *s = alloc_new(sizeof(stream));
    *s = (stream){0};
    return s;
}

static listpack *block_copy(const listpack *lp) {
    listpack *copy = alloc_new(listpack_bytes(lp));
    memcpy(copy, lp, listpack_bytes(lp));
    return copy;
}

void stream_add_node(stream *s, stream_id master, listpack *lp) {
    id_map_add(&s->nodes, master, lp);
    s->tail_capacity = listpack_bytes(lp);
    s->node_bytes += alloc_usable(s->tail_capacity);
}

stream *stream_copy(const stream *s) {
    stream *copy = stream_new();
    for (id_map_cursor at = id_map_begin(&s->nodes); at.node; id_map_next(&at))
        stream_add_node(copy, id_map_id(at), block_copy(id_map_value(at)));
    copy->length = s->length;
    copy->last_id = s->last_id;
    copy->first_id = s->first_id;
    copy->max_deleted_id = s->max_deleted_id;
    copy->entries_added = s->entries_added;
    stream_groups_copy(copy, s);
    return copy;
}

bool stream_is_big(const stream *s) {
    uint64_t count = s->nodes.count;
    for (uint32_t i = 0; i < s->groups.count && count < BIG_FROM; i++)
        count += 1 + stream_group_weight(s->groups.items[i]);
    return count >= BIG_FROM;
}

/* For id_map_take_some; the last node's block is gone already. */
static void free_node(void *lp, void *unused) {
    (void)unused;
    lazyfree_block(lp, listpack_bytes(lp));
}

static void free_tail(stream *s) {
    void *lp = NULL;
    stream_id id = id_map_id(id_map_end(&s->nodes));
    id_map_remove(&s->nodes, id, &lp);
    lazyfree_block(lp, s->tail_capacity);
    s->tail_capacity = 0;
}

bool stream_free_some(stream *s, size_t budget) {
    if (s->tail_capacity) free_tail(s);
    if (!id_map_take_some(&s->nodes, budget, free_node, NULL)) return false;
    while (s->groups.count) {
        stream_group *group = s->groups.items[s->groups.count - 1];
        if (!stream_group_free_some(group, budget)) return false;
        s->groups.count--;
    }
    name_list_free(&s->groups);
    alloc_free(s, sizeof(stream));
    return true;
}

size_t stream_bytes(const stream *s) {
    return alloc_usable(sizeof(stream)) + s->nodes.bytes + s->node_bytes + stream_groups_bytes(s);
}

/* ---- blocks of nodes ---- */

static bool is_tail(const stream *s, id_map_cursor at) {
    return at.node == s->nodes.last && at.index + 1 == at.node->count;
}

/* Give the tail another capacity. */
static listpack *resize_tail(stream *s, listpack *lp, size_t capacity) {
    if (capacity == s->tail_capacity) return lp;
    s->node_bytes -= alloc_usable(s->tail_capacity);
    lp = alloc_resize(lp, s->tail_capacity, capacity);
    s->node_bytes += alloc_usable(capacity);
    s->tail_capacity = capacity;
    *id_map_last_value(&s->nodes) = lp;
    return lp;
}

/* Remove a node; the one before the tail becomes the tail as it is. */
static void remove_node(stream *s, id_map_cursor at) {
    listpack *lp = id_map_value(at);
    bool tail = is_tail(s, at);
    size_t size = tail ? s->tail_capacity : listpack_bytes(lp);
    id_map_remove(&s->nodes, id_map_id(at), NULL);
    s->node_bytes -= alloc_usable(size);
    lazyfree_block(lp, size);
    if (!tail) return;
    s->tail_capacity = s->nodes.count ? listpack_bytes(*id_map_last_value(&s->nodes)) : 0;
}

/* Write other counts into a node, whose block may become another one. */
static void set_counts(stream *s, id_map_cursor at, stream_counts counts) {
    listpack *lp = id_map_value(at);
    size_t old = listpack_bytes(lp);
    if (stream_node_counts_fit(lp, counts)) {
        stream_node_set_counts(lp, counts);
        return;
    }
    if (is_tail(s, at)) {
        if (s->tail_capacity - old < STREAM_COUNTS_ROOM)
            lp = resize_tail(s, lp, old + STREAM_COUNTS_ROOM);
        stream_node_set_counts(lp, counts);
        return;
    }
    lp = alloc_resize(lp, old, old + STREAM_COUNTS_ROOM);
    stream_node_set_counts(lp, counts);
    size_t size = listpack_bytes(lp);
    lp = alloc_resize(lp, old + STREAM_COUNTS_ROOM, size);
    s->node_bytes += alloc_usable(size) - alloc_usable(old);
    at.node->items[at.index].value = lp;
}

/* ---- appending ---- */

/* Whether the tail takes one more entry whose texts have `text` bytes. */
static bool tail_takes(const listpack *lp, size_t text, const collection_limits *limits) {
    uint64_t most = limits->stream_bytes;
    if (most == 0 || most > NODE_BYTES_MAX) most = NODE_BYTES_MAX;
    if (listpack_bytes(lp) + text >= most) return false;
    if (!limits->stream_entries) return true;
    stream_counts counts = stream_node_counts(lp);
    return counts.live + counts.deleted < limits->stream_entries;
}

static listpack *tail_with_room(stream *s, listpack *lp, size_t room) {
    size_t bytes = listpack_bytes(lp), needed = bytes + room;
    if (LIKELY(needed <= s->tail_capacity)) return lp;
    return resize_tail(s, lp, needed + (bytes < TAIL_AHEAD ? bytes : TAIL_AHEAD + bytes / 8));
}

/* The tail grows no more: it goes to a block of its exact size. Cutting its block off instead would
 * leave a gap behind each node, too small for the next one (8 % of all, at 3 million entries). */
static void seal_tail(stream *s) {
    listpack *grown = *id_map_last_value(&s->nodes);
    size_t bytes = listpack_bytes(grown), capacity = s->tail_capacity;
    if (bytes == capacity) return;
    listpack *sealed = alloc_new(bytes);
    memcpy(sealed, grown, bytes);
    lazyfree_block(grown, capacity);
    s->node_bytes += alloc_usable(bytes) - alloc_usable(capacity);
    s->tail_capacity = bytes;
    *id_map_last_value(&s->nodes) = sealed;
}

static listpack *new_tail(stream *s, stream_id id, const slice *texts, size_t count, size_t room) {
    if (s->nodes.count) seal_tail(s);
    listpack *lp = alloc_new(room);
    stream_node_start(lp, texts, count);
    id_map_add(&s->nodes, id, lp);
    s->tail_capacity = room;
    s->node_bytes += alloc_usable(room);
    return lp;
}

stream_status stream_append(stream *s, stream_id id, const slice *texts, size_t count,
                            const collection_limits *limits) {
    size_t room, text = 0;
    listpack *lp = NULL;
    stream_id master = id;
    if (stream_id_compare(id, s->last_id) <= 0) return STREAM_NOT_ABOVE;
    if (UNLIKELY(!stream_node_room(texts, count, &room))) return STREAM_TOO_LARGE;
    for (size_t i = 0; i < count; i++) text += texts[i].length;
    if (s->nodes.count && tail_takes(*id_map_last_value(&s->nodes), text, limits)) {
        lp = tail_with_room(s, *id_map_last_value(&s->nodes), room);
        master = id_map_id(id_map_end(&s->nodes));
    } else {
        lp = new_tail(s, id, texts, count, room);
    }
    stream_node_append(lp, master, id, texts, count);
    s->entries_added++;
    s->last_id = id;
    if (s->length++ == 0) s->first_id = id;
    return STREAM_DONE;
}

/* ---- ranges ---- */

static void enter_node(stream_iterator *iterator) {
    if (iterator->node.node)
        stream_walk_begin(&iterator->walk, id_map_value(iterator->node),
                          id_map_id(iterator->node));
}

void stream_iterate(stream_iterator *iterator, const stream *s, stream_id start, stream_id end,
                    bool reverse) {
    iterator->s = s;
    iterator->start = start;
    iterator->end = end;
    iterator->reverse = reverse;
    iterator->node = id_map_at_most(&s->nodes, reverse ? end : start);
    if (!iterator->node.node && !reverse) iterator->node = id_map_begin(&s->nodes);
    enter_node(iterator);
}

static bool next_forward(stream_iterator *iterator) {
    stream_walk *walk = &iterator->walk;
    while (iterator->node.node) {
        while (stream_walk_next(walk)) {
            if (stream_id_compare(walk->id, iterator->end) > 0) {
                iterator->node.node = NULL;
                return false;
            }
            if (!walk->deleted && stream_id_compare(walk->id, iterator->start) >= 0) return true;
        }
        id_map_next(&iterator->node);
        enter_node(iterator);
    }
    return false;
}

static bool next_backward(stream_iterator *iterator) {
    stream_walk *walk = &iterator->walk;
    while (iterator->node.node) {
        while (stream_walk_previous(walk)) {
            if (stream_id_compare(walk->id, iterator->start) < 0) {
                iterator->node.node = NULL;
                return false;
            }
            if (!walk->deleted && stream_id_compare(walk->id, iterator->end) <= 0) return true;
        }
        id_map_previous(&iterator->node);
        enter_node(iterator);
    }
    return false;
}

bool stream_next(stream_iterator *iterator) {
    return iterator->reverse ? next_backward(iterator) : next_forward(iterator);
}

bool stream_edge(const stream *s, bool first, stream_id *id) {
    stream_iterator iterator;
    stream_iterate(&iterator, s, STREAM_ID_MIN, STREAM_ID_MAX, !first);
    if (!stream_next(&iterator)) return false;
    *id = iterator.walk.id;
    return true;
}

bool stream_has(const stream *s, stream_id id) {
    stream_iterator iterator;
    stream_iterate(&iterator, s, id, id, false);
    return stream_next(&iterator);
}

/* ---- deleting ---- */

bool stream_delete(stream *s, stream_id id) {
    stream_iterator iterator;
    stream_iterate(&iterator, s, id, id, false);
    if (!stream_next(&iterator)) return false;
    stream_counts counts = stream_node_counts(iterator.walk.lp);
    s->length--;
    if (stream_id_compare(id, s->first_id) == 0) s->first_id = STREAM_ID_MIN;
    if (counts.live == 1) {
        remove_node(s, iterator.node);
        return true;
    }
    stream_walk_mark(&iterator.walk);
    set_counts(s, iterator.node, (stream_counts){counts.live - 1, counts.deleted + 1});
    return true;
}

/* first_id after the removal of entries. */
static void find_first(stream *s) {
    if (!s->length || !stream_edge(s, true, &s->first_id)) s->first_id = STREAM_ID_MIN;
}

void stream_note_deleted(stream *s, stream_id greatest) {
    if (stream_id_compare(greatest, s->max_deleted_id) > 0) s->max_deleted_id = greatest;
    if (stream_id_is_zero(s->first_id)) find_first(s);
}

/* Whether every entry of the node has to go. */
static bool trims_whole(const stream *s, const stream_trim *trim, id_map_cursor at,
                        uint64_t live) {
    stream_walk walk;
    if (trim->by_length) return s->length - live >= trim->max_length;
    stream_walk_begin(&walk, id_map_value(at), id_map_id(at));
    return stream_walk_previous(&walk) && stream_id_compare(walk.id, trim->min_id) < 0;
}

/* Mark what has to go from the start of a node; returns how many. first_id is then that of the
 * first entry that stays, or 0-0 where it is not in this node. */
static uint64_t trim_part(stream *s, const stream_trim *trim, id_map_cursor at,
                          stream_counts counts) {
    stream_walk walk;
    uint64_t marked = 0;
    s->first_id = STREAM_ID_MIN;
    stream_walk_begin(&walk, id_map_value(at), id_map_id(at));
    while (stream_walk_next(&walk)) {
        bool enough = trim->by_length ? s->length <= trim->max_length
                                      : stream_id_compare(walk.id, trim->min_id) >= 0;
        if (walk.deleted) continue;
        if (enough) {
            s->first_id = walk.id;
            break;
        }
        stream_walk_mark(&walk);
        marked++;
        s->length--;
    }
    if (marked)
        set_counts(s, at, (stream_counts){counts.live - marked, counts.deleted + marked});
    return marked;
}

uint64_t stream_trim_to(stream *s, const stream_trim *trim) {
    uint64_t removed = 0;
    while (s->nodes.count) {
        id_map_cursor at = id_map_begin(&s->nodes);
        stream_counts counts = stream_node_counts(id_map_value(at));
        if (trim->by_length && s->length <= trim->max_length) break;
        if (trim->limit && removed + counts.live > trim->limit) break;
        if (trims_whole(s, trim, at, counts.live)) {
            remove_node(s, at);
            s->length -= counts.live;
            removed += counts.live;
            s->first_id = STREAM_ID_MIN;
            continue;
        }
        if (!trim->approximate) removed += trim_part(s, trim, at, counts);
        break;
    }
    if (stream_id_is_zero(s->first_id)) find_first(s);
    return removed;
}

/* ---- what a radix tree would look like ---- */

/* Bytes that both IDs begin with. */
static int common_bytes(stream_id a, stream_id b) {
    if (a.ms != b.ms) return __builtin_clzll(a.ms ^ b.ms) / 8;
    return a.seq == b.seq ? RADIX_DEPTH : 8 + __builtin_clzll(a.seq ^ b.seq) / 8;
}

/* Branches of the tree stand where neighbours part; the open ones are kept on a stack, deepest
 * last. Between a branch and the one above it (or the root, or a leaf below) a chain of bytes, if
 * any, is one node. */
uint64_t stream_radix_nodes(const stream *s) {
    int open[RADIX_DEPTH + 1], depth = 0;
    uint64_t nodes = s->nodes.count ? 0 : 1;
    int before = -1;
    for (id_map_cursor at = id_map_begin(&s->nodes); at.node;) {
        stream_id id = id_map_id(at);
        id_map_next(&at);
        int behind = at.node ? common_bytes(id, id_map_id(at)) : -1;
        int parent = before > behind ? before : behind;
        nodes += 1 + (parent + 1 < RADIX_DEPTH);
        while (depth && open[depth - 1] > behind) {
            int branch = open[--depth];
            int above = depth && open[depth - 1] > behind ? open[depth - 1] : behind;
            nodes += 1 + (branch > above + 1);
        }
        if (behind >= 0 && (!depth || open[depth - 1] < behind)) open[depth++] = behind;
        before = behind;
    }
    return nodes;
}
