/* skiplist: the levels above the leaves, and the index; see skiplist.h for the structure. */
#include "skiplist.h"

#include "alloc.h"

enum {
    LEAF_ROOM = SKIPLIST_LEAF_BYTES - SKIPLIST_LEAF_HEAD,
    GIVE_MAX = LEAF_ROOM * 9 / 10,  /* a neighbour that holds more is given nothing */
    JOIN_BELOW = LEAF_ROOM * 2 / 5, /* a leaf that holds less looks for a neighbour to join ... */
    JOINED_MAX = LEAF_ROOM * 9 / 10, /* ... in which it leaves this room */
    INNER_JOIN_BELOW = SKIPLIST_FANOUT / 4,
    INNER_JOINED_MAX = SKIPLIST_FANOUT * 3 / 4,
    POP_AHEAD = 6,
};

/* The way from a leaf to the root: [0] is the node above the leaf. */
typedef struct path {
    skiplist_leaf *leaf;
    uint32_t position;
    uint32_t index[SKIPLIST_LEVELS_MAX];
    skiplist_inner *inner[SKIPLIST_LEVELS_MAX];
} path;

/* ---- finding a way ---- */

static inline skiplist_leaf *leaf_of(const skiplist *list, const skiplist_record *record) {
    if (UNLIKELY(list->levels == 0)) return list->root;
    return (skiplist_leaf *)((uintptr_t)record & ~(uintptr_t)(SKIPLIST_LEAF_BYTES - 1));
}

static const skiplist_leaf *leftmost_leaf(const void *node, uint32_t level) {
    for (; level; level--) node = ((const skiplist_inner *)node)->children[0];
    return node;
}

/* A node remembers where it stood in its parent, so that one line of that is read, not all. What
 * has come and gone beside it since has moved it by a few places. */
static inline uint32_t child_index(const skiplist_inner *inner, const void *child) {
    uint32_t about = ((const skiplist_leaf *)child)->kind >> 2;
    for (uint32_t away = 0;; away++) {
        if (about + away < inner->count && inner->children[about + away] == child)
            return about + away;
        if (about >= away && about - away < inner->count && inner->children[about - away] == child)
            return about - away;
        assert(away < SKIPLIST_FANOUT);
    }
}

static inline void child_note(void *child, uint32_t index) {
    uint8_t *kind = &((skiplist_leaf *)child)->kind;
    if (*kind >> 2 != index) *kind = (uint8_t)((*kind & 3) | index << 2);
}

/* Sum of the first `count` of a node's counts. */
static inline size_t counts_before(const skiplist_inner *inner, uint32_t count) {
    size_t sum = 0;
    for (uint32_t i = 0; i < count; i++) sum += inner->counts[i];
    return sum;
}

/* The child in which (score, member) stands or would stand. `level`: of the children. */
static inline uint32_t child_for(const skiplist_inner *inner, uint32_t level, double score,
                                 slice member) {
    uint32_t low = skiplist_scores_below(inner->scores, inner->count, score);
    if (UNLIKELY(low < inner->count && inner->scores[low] == score)) {
        uint32_t high = skiplist_scores_not_above(inner->scores, inner->count, score);
        while (low < high) {
            uint32_t middle = (low + high) / 2;
            const skiplist_leaf *leaf = leftmost_leaf(inner->children[middle], level);
            if (skiplist_member_compare(skiplist_leaf_member(leaf, 0), member) <= 0)
                low = middle + 1;
            else
                high = middle;
        }
    }
    return low ? low - 1 : 0;
}

/* The leaf, on its way to the caches, but not yet the position in it. */
static void path_to_leaf(const skiplist *list, path *way, double score, slice member) {
    void *node = list->root;
    for (uint32_t level = list->levels; level--;) {
        skiplist_inner *inner = node;
        uint32_t index = child_for(inner, level, score, member);
        way->inner[level] = inner;
        way->index[level] = index;
        node = inner->children[index];
    }
    way->leaf = node;
    skiplist_leaf_prefetch(node);
}

static void path_to(const skiplist *list, path *way, double score, slice member) {
    path_to_leaf(list, way, score, member);
    way->position = skiplist_leaf_search(way->leaf, score, member);
}

static void path_to_rank(const skiplist *list, path *way, size_t rank) {
    void *node = list->root;
    for (uint32_t level = list->levels; level--;) {
        skiplist_inner *inner = node;
        uint32_t index = 0;
        for (; rank >= inner->counts[index]; index++) rank -= inner->counts[index];
        way->inner[level] = inner;
        way->index[level] = index;
        node = inner->children[index];
    }
    way->leaf = node;
    way->position = (uint32_t)rank;
}

static void path_from(const skiplist *list, path *way, const skiplist_place *place) {
    void *node = place->leaf;
    way->leaf = place->leaf;
    way->position = place->position;
    for (uint32_t level = 0; level < list->levels; level++) {
        skiplist_inner *inner = ((skiplist_leaf *)node)->parent;
        way->inner[level] = inner;
        way->index[level] = child_index(inner, node);
        child_note(node, way->index[level]);
        node = inner;
    }
}

/* ---- what inner nodes know ---- */

static inline void path_add(const skiplist *list, const path *way, int32_t change) {
    for (uint32_t level = 0; level < list->levels; level++)
        way->inner[level]->counts[way->index[level]] += (uint32_t)change;
}

/* The node below `level` begins with another score. */
static inline void path_first(const skiplist *list, const path *way, uint32_t level, double score) {
    for (; level < list->levels; level++) {
        way->inner[level]->scores[way->index[level]] = score;
        if (way->index[level]) break;
    }
}

static uint32_t inner_total(const skiplist_inner *inner) {
    return (uint32_t)counts_before(inner, inner->count);
}

static skiplist_inner *inner_new(skiplist *list) {
    skiplist_inner *inner = alloc_new(sizeof *inner);
    inner->parent = NULL;
    inner->count = inner->kind = 0;
    list->inner_nodes++;
    return inner;
}

static void inner_free(skiplist *list, skiplist_inner *inner) {
    alloc_free(inner, sizeof *inner);
    list->inner_nodes--;
}

static void inner_put(skiplist_inner *inner, uint32_t at, void *child, double first,
                      uint32_t count) {
    uint32_t behind = inner->count - at;
    memmove(inner->scores + at + 1, inner->scores + at, behind * sizeof *inner->scores);
    memmove(inner->counts + at + 1, inner->counts + at, behind * sizeof *inner->counts);
    memmove(inner->children + at + 1, inner->children + at, behind * sizeof *inner->children);
    inner->scores[at] = first;
    inner->counts[at] = count;
    inner->children[at] = child;
    ((skiplist_leaf *)child)->parent = inner;
    child_note(child, at);
    inner->count++;
}

static void inner_cut(skiplist_inner *inner, uint32_t at) {
    uint32_t behind = --inner->count - at;
    memmove(inner->scores + at, inner->scores + at + 1, behind * sizeof *inner->scores);
    memmove(inner->counts + at, inner->counts + at + 1, behind * sizeof *inner->counts);
    memmove(inner->children + at, inner->children + at + 1, behind * sizeof *inner->children);
}

/* Append the children of `from` from `at` on to `to`. */
static void inner_move(skiplist_inner *from, uint32_t at, skiplist_inner *to) {
    uint32_t count = from->count - at;
    memcpy(to->scores + to->count, from->scores + at, count * sizeof *to->scores);
    memcpy(to->counts + to->count, from->counts + at, count * sizeof *to->counts);
    memcpy(to->children + to->count, from->children + at, count * sizeof *to->children);
    for (uint32_t i = at; i < from->count; i++) PREFETCH(from->children[i]);
    for (uint32_t i = at; i < from->count; i++) {
        ((skiplist_leaf *)from->children[i])->parent = to;
        child_note(from->children[i], to->count + i - at);
    }
    to->count = (uint8_t)(to->count + count);
    from->count = (uint8_t)at;
}

/* A new root above the present one. */
static skiplist_inner *root_raise(skiplist *list, double first, uint32_t count) {
    if (UNLIKELY(list->levels == SKIPLIST_LEVELS_MAX)) fatal("A sorted set is too large");
    skiplist_inner *root = inner_new(list);
    inner_put(root, 0, list->root, first, count);
    list->root = root;
    list->levels++;
    return root;
}

/* Put a node into an inner node, which is split, and the one above it, as far as they are full. */
static void child_insert(skiplist *list, skiplist_inner *inner, uint32_t at, void *child,
                         double first, uint32_t count) {
    while (inner->count == SKIPLIST_FANOUT) {
        uint32_t kept = at == inner->count ? inner->count : inner->count / 2u;
        skiplist_inner *right = inner_new(list);
        inner_move(inner, kept, right);
        if (at > kept || inner->count == SKIPLIST_FANOUT)
            inner_put(right, at - kept, child, first, count);
        else
            inner_put(inner, at, child, first, count);
        skiplist_inner *above = inner->parent;
        if (!above) above = root_raise(list, inner->scores[0], 0);
        uint32_t index = child_index(above, inner);
        above->counts[index] = inner_total(inner);
        child = right;
        first = right->scores[0];
        count = inner_total(right);
        at = index + 1;
        inner = above;
    }
    inner_put(inner, at, child, first, count);
}

/* Two neighbours of which one has become sparse become one; then the path leads to the right one,
 * which is no more and has yet to be cut. */
static bool inner_join(skiplist *list, path *way, uint32_t level) {
    skiplist_inner *above = way->inner[level + 1];
    uint32_t index = way->index[level + 1];
    for (int side = 0; side < 2; side++) {
        uint32_t right_index = index + (uint32_t)side;
        if (right_index == 0 || right_index == above->count) continue;
        skiplist_inner *left = above->children[right_index - 1];
        skiplist_inner *right = above->children[right_index];
        if (left->count + right->count > INNER_JOINED_MAX) continue;
        inner_move(right, 0, left);
        above->counts[right_index - 1] += above->counts[right_index];
        inner_free(list, right);
        way->index[level + 1] = right_index;
        return true;
    }
    return false;
}

/* Cut the lowest node of the path, which is freed already, out of the node above it. */
static void child_remove(skiplist *list, path *way) {
    for (uint32_t level = 0;; level++) {
        skiplist_inner *inner = way->inner[level];
        inner_cut(inner, way->index[level]);
        if (inner->count == 0) {
            inner_free(list, inner);
            continue;
        }
        if (way->index[level] == 0) path_first(list, way, level + 1, inner->scores[0]);
        if (inner->count >= INNER_JOIN_BELOW || level + 1 == list->levels) break;
        if (!inner_join(list, way, level)) break;
    }
    while (list->levels && ((skiplist_inner *)list->root)->count == 1) {
        skiplist_inner *root = list->root;
        list->root = root->children[0];
        ((skiplist_leaf *)list->root)->parent = NULL;
        list->levels--;
        inner_free(list, root);
    }
}

/* ---- filling of leaves ---- */

static skiplist_leaf *leaf_new(skiplist *list) {
    list->leaves++;
    return skiplist_leaf_new(SKIPLIST_LEAF_BYTES);
}

static void leaf_free(skiplist *list, skiplist_leaf *leaf) {
    list->leaves--;
    skiplist_leaf_free(leaf);
}

/* How many records from one end of a leaf take about so many bytes, and no more than `room`; never
 * all of them. */
static uint32_t records_for(const skiplist_leaf *leaf, uint32_t bytes, uint32_t room,
                            bool from_end) {
    uint32_t taken = 0, count = 0;
    while (count + 1u < leaf->count && taken < bytes) {
        uint32_t position = from_end ? leaf->count - 1u - count : count;
        taken += SKIPLIST_LEAF_ITEM + skiplist_record_bytes(skiplist_leaf_record(leaf, position));
        if (taken > room) break;
        count++;
    }
    return count;
}

/* Even a full leaf out with the emptier neighbour under the same node; false: none has room. */
static bool leaf_give(skiplist *list, const path *way) {
    skiplist_leaf *leaf = way->leaf, *to = NULL;
    skiplist_inner *above = way->inner[0];
    uint32_t index = way->index[0], used = GIVE_MAX + 1;
    bool rightwards = false;
    for (int side = 0; side < 2; side++) {
        if (index + (uint32_t)side == 0 || index + (uint32_t)side == above->count) continue;
        skiplist_leaf *beside = above->children[side ? index + 1 : index - 1];
        if (skiplist_leaf_used(beside) >= used) continue;
        used = skiplist_leaf_used(beside);
        to = beside;
        rightwards = side;
    }
    if (!to) return false;
    uint32_t bytes = (skiplist_leaf_used(leaf) - used) / 2;
    uint32_t count = records_for(leaf, bytes, LEAF_ROOM - used, rightwards);
    if (count == 0) return false;
    if (rightwards) {
        skiplist_leaf_move(leaf, leaf->count - count, count, to, 0, &list->index);
        above->scores[index + 1] = to->scores[0];
    } else {
        skiplist_leaf_move(leaf, 0, count, to, to->count, &list->index);
        above->scores[index] = leaf->scores[0];
    }
    above->counts[index] = leaf->count;
    above->counts[rightwards ? index + 1 : index - 1] = to->count;
    return true;
}

static bool is_at_end(const skiplist *list, const path *way) {
    if (way->position != way->leaf->count) return false;
    for (uint32_t level = 0; level < list->levels; level++)
        if (way->index[level] + 1u != way->inner[level]->count) return false;
    return true;
}

static bool is_at_start(const skiplist *list, const path *way) {
    if (way->position != 0) return false;
    for (uint32_t level = 0; level < list->levels; level++)
        if (way->index[level]) return false;
    return true;
}

/* Split a full leaf: in halves, or, where members come in order, off its last or first record, from
 * which the new leaf then grows. */
static void leaf_split(skiplist *list, const path *way) {
    skiplist_leaf *leaf = way->leaf, *made = leaf_new(list);
    bool to_left = is_at_start(list, way);
    uint32_t count = 1;
    if (!to_left && !is_at_end(list, way))
        count = records_for(leaf, skiplist_leaf_used(leaf) / 2, LEAF_ROOM, true);
    skiplist_inner *above = leaf->parent;
    if (!above) above = root_raise(list, leaf->scores[0], leaf->count);
    uint32_t index = child_index(above, leaf);
    skiplist_leaf_move(leaf, to_left ? 0 : leaf->count - count, count, made, 0, &list->index);
    above->counts[index] = leaf->count;
    above->scores[index] = leaf->scores[0];
    child_insert(list, above, to_left ? index : index + 1, made, made->scores[0], count);
}

/* A list that is one small leaf gets one of twice the size. */
static void leaf_grow(skiplist *list) {
    skiplist_leaf *leaf = list->root;
    skiplist_leaf *larger = skiplist_leaf_new(skiplist_leaf_size(leaf) * 2);
    skiplist_leaf_move(leaf, 0, leaf->count, larger, 0, &list->index);
    skiplist_leaf_free(leaf);
    list->root = larger;
}

/* Make room where the path ends; it is void then. */
static NOINLINE void room_make(skiplist *list, const path *way, bool may_give) {
    if (skiplist_leaf_size(way->leaf) < SKIPLIST_LEAF_BYTES) {
        leaf_grow(list);
        return;
    }
    if (may_give && list->levels && !is_at_end(list, way) && !is_at_start(list, way) &&
        leaf_give(list, way))
        return;
    leaf_split(list, way);
}

/* Records have gone from the leaf of the path, from `position` on; counts are right. */
static void leaf_settle(skiplist *list, path *way) {
    skiplist_leaf *leaf = way->leaf;
    if (list->levels == 0) return;
    if (UNLIKELY(leaf->count == 0)) {
        leaf_free(list, leaf);
        child_remove(list, way);
        return;
    }
    if (way->position == 0) path_first(list, way, 0, leaf->scores[0]);
    uint32_t used = skiplist_leaf_used(leaf);
    if (LIKELY(used >= JOIN_BELOW)) return;
    skiplist_inner *above = way->inner[0];
    uint32_t index = way->index[0];
    for (int side = 0; side < 2; side++) {
        if (index + (uint32_t)side == 0 || index + (uint32_t)side == above->count) continue;
        uint32_t beside = side ? index + 1 : index - 1;
        skiplist_leaf *to = above->children[beside];
        if (skiplist_leaf_used(to) + used > JOINED_MAX) continue;
        skiplist_leaf_move(leaf, 0, leaf->count, to, side ? 0 : to->count, &list->index);
        above->counts[beside] = to->count;
        above->scores[beside] = to->scores[0];
        leaf_free(list, leaf);
        child_remove(list, way);
        return;
    }
}

/* ---- the list ---- */

skiplist *skiplist_new(const hashtable_type *type) {
    skiplist *list = alloc_new(sizeof *list);
    memset(list, 0, sizeof *list);
    hashtable_init(&list->index, type);
    list->root = skiplist_leaf_new(SKIPLIST_LEAF_MIN_BYTES);
    list->leaves = 1;
    return list;
}

static void visit_nothing(void *context, void *element) {
    (void)context;
    (void)element;
}

/* Free the last leaf, and the nodes that it leaves without a child. Returns how many members. */
static uint32_t last_leaf_free(skiplist *list) {
    void *node = list->root;
    for (uint32_t level = list->levels; level; level--) {
        skiplist_inner *inner = node;
        node = inner->children[inner->count - 1];
    }
    skiplist_leaf *leaf = node;
    uint32_t count = leaf->count;
    for (uint32_t i = 0; list->outside_bytes && i < count; i++)
        list->outside_bytes -= skiplist_record_release(skiplist_leaf_record(leaf, i));
    skiplist_inner *above = leaf->parent;
    leaf_free(list, leaf);
    while (above && --above->count == 0) {
        skiplist_inner *emptied = above;
        above = above->parent;
        inner_free(list, emptied);
    }
    if (!above) list->root = NULL;
    return count;
}

bool skiplist_free_some(skiplist *list, size_t budget) {
    while (list->root) {
        if (budget == 0) return false;
        uint32_t freed = last_leaf_free(list) + 1;
        budget -= freed < budget ? freed : budget;
    }
    if (!hashtable_drain(&list->index, budget, visit_nothing, NULL)) return false;
    hashtable_free(&list->index);
    alloc_free(list, sizeof *list);
    return true;
}

void skiplist_free(skiplist *list) {
    while (!skiplist_free_some(list, SIZE_MAX)) continue;
}

skiplist *skiplist_copy(const skiplist *list) {
    skiplist *copy = skiplist_new(list->index.type);
    for (skiplist_cursor at = skiplist_first(list); at.leaf; skiplist_forward(&at)) {
        slice member = skiplist_cursor_member(&at);
        skiplist_insert(copy, member, skiplist_hash(copy, member), skiplist_cursor_score(&at));
    }
    return copy;
}

size_t skiplist_bytes(const skiplist *list) {
    size_t leaf_bytes = skiplist_leaf_block_bytes(SKIPLIST_LEAF_BYTES);
    if (list->levels == 0) leaf_bytes = skiplist_leaf_block_bytes(skiplist_leaf_size(list->root));
    return alloc_usable(sizeof *list) + hashtable_bytes(&list->index) + list->outside_bytes +
           list->leaves * leaf_bytes + list->inner_nodes * alloc_usable(sizeof(skiplist_inner));
}

/* ---- members ---- */

bool skiplist_find(const skiplist *list, slice member, uint64_t hash, skiplist_place *place) {
    skiplist_record *record =
        hashtable_locate(&list->index, member.data, member.length, hash, &place->slot);
    if (!record) return false;
    place->record = record;
    place->leaf = leaf_of(list, record);
    place->position = skiplist_leaf_position(place->leaf, record);
    return true;
}

size_t skiplist_place_rank(const skiplist *list, const skiplist_place *place) {
    const void *node = place->leaf;
    size_t rank = place->position;
    for (uint32_t level = 0; level < list->levels; level++) {
        const skiplist_inner *inner = ((const skiplist_leaf *)node)->parent;
        rank += counts_before(inner, child_index(inner, node));
        node = inner;
    }
    return rank;
}

/* Make a record of so many bytes known at the end of a path, where there is room for it. Returns
 * where it is to be written. */
static skiplist_record *record_reserve(skiplist *list, path *way, double score, uint32_t bytes) {
    path_add(list, way, 1);
    if (way->position == 0) path_first(list, way, 0, score);
    return skiplist_leaf_reserve(way->leaf, &list->index, way->position, score, bytes);
}

/* Find the place of a member that is to come, and make room there. */
static skiplist_record *record_place(skiplist *list, slice member, double score, uint32_t bytes) {
    path way;
    path_to(list, &way, score, member);
    for (bool may_give = true; UNLIKELY(!skiplist_leaf_has_room(way.leaf, bytes));
         may_give = false) {
        room_make(list, &way, may_give);
        path_to(list, &way, score, member);
    }
    return record_reserve(list, &way, score, bytes);
}

void skiplist_insert(skiplist *list, slice member, uint64_t hash, double score) {
    uint32_t bytes = skiplist_record_bytes_for(member.length);
    skiplist_record *record = record_place(list, member, score, bytes);
    list->outside_bytes += skiplist_record_write(record, member);
    hashtable_insert(&list->index, record, hash);
}

/* Whether the leaf is still the right one for a record of it that gets another score, and `to` is
 * then its position. Where that is the leaf's first or last, the neighbour beyond decides; it is
 * only asked where the node above knows the answer. */
static bool stays_in_leaf(const skiplist *list, const skiplist_place *place, slice member,
                          double score, uint32_t *to) {
    const skiplist_leaf *leaf = place->leaf;
    bool rises = score > leaf->scores[place->position];
    if (list->levels) {
        if (!rises && score < leaf->scores[0]) return false;
        if (rises && score >= leaf->scores[leaf->count - 1]) {
            const skiplist_inner *above = leaf->parent;
            uint32_t next = child_index(above, leaf) + 1;
            if (next == above->count || above->scores[next] <= score) return false;
        }
    }
    *to = skiplist_leaf_search(leaf, score, member) - rises;
    return rises || *to > 0 || list->levels == 0;
}

/* Take the record of a place, of which `copy` holds the bytes, from its leaf to another. The way to
 * the new place is found first: its leaf comes while the old one is put in order. */
static void record_carry(skiplist *list, skiplist_place *place, slice member, double score,
                         const uint8_t *copy, uint32_t bytes) {
    path from, to;
    path_to_leaf(list, &to, score, member);
    path_from(list, &from, place);
    /* The address of the record may soon be another one's: the index must not know it as ours. */
    hashtable_replace(&list->index, &place->slot, list);
    path_add(list, &from, -1);
    skiplist_leaf_drop(from.leaf, from.position, 1);
    bool at_once = to.leaf != from.leaf && skiplist_leaf_has_room(to.leaf, bytes);
    if (UNLIKELY(!at_once)) leaf_settle(list, &from);
    skiplist_record *record;
    if (LIKELY(at_once)) {
        to.position = skiplist_leaf_search(to.leaf, score, member);
        record = record_reserve(list, &to, score, bytes);
    } else {
        record = record_place(list, member, score, bytes);
    }
    memcpy(record, copy, bytes);
    hashtable_replace(&list->index, &place->slot, record);
    if (LIKELY(at_once)) leaf_settle(list, &from);
}

void skiplist_move(skiplist *list, skiplist_place *place, slice member, double score) {
    uint8_t copy[SKIPLIST_INLINE_MAX + 1];
    uint32_t to;
    if (!stays_in_leaf(list, place, member, score, &to)) {
        uint32_t bytes = skiplist_record_bytes(place->record);
        memcpy(copy, place->record, bytes);
        record_carry(list, place, member, score, copy, bytes);
        return;
    }
    skiplist_leaf_shift(place->leaf, place->position, to, score);
    if (place->position == 0 && list->levels) {
        path way;
        path_from(list, &way, place);
        path_first(list, &way, 0, place->leaf->scores[0]);
    }
}

void skiplist_remove(skiplist *list, skiplist_place *place) {
    path way;
    path_from(list, &way, place);
    hashtable_remove(&list->index, &place->slot);
    list->outside_bytes -= skiplist_record_release(place->record);
    path_add(list, &way, -1);
    skiplist_leaf_drop(way.leaf, way.position, 1);
    leaf_settle(list, &way);
}

void skiplist_prefetch_member(const skiplist *list, uint64_t hash) {
    const skiplist_record *record = hashtable_likely(&list->index, hash);
    if (!record) {
        hashtable_prefetch_element(&list->index, hash); /* it may stand behind the bucket */
        return;
    }
    PREFETCH(record);
    PREFETCH(record + 24); /* it may lie across two lines */
    skiplist_leaf_prefetch(leaf_of(list, record));
}

/* ---- order ---- */

size_t skiplist_count_below(const skiplist *list, double score, bool or_equal) {
    uint32_t (*count_of)(const double *, uint32_t, double) =
        or_equal ? skiplist_scores_not_above : skiplist_scores_below;
    const void *node = list->root;
    size_t before = 0;
    for (uint32_t level = list->levels; level; level--) {
        const skiplist_inner *inner = node;
        uint32_t index = count_of(inner->scores, inner->count, score);
        if (index) index--;
        before += counts_before(inner, index);
        node = inner->children[index];
    }
    const skiplist_leaf *leaf = node;
    return before + count_of(leaf->scores, leaf->count, score);
}

size_t skiplist_count_before(const skiplist *list, slice member, bool or_equal) {
    const void *node = list->root;
    size_t before = 0;
    uint32_t low, high;
    for (uint32_t level = list->levels; level--;) {
        const skiplist_inner *inner = node;
        for (low = 0, high = inner->count; low < high;) {
            uint32_t middle = (low + high) / 2;
            const skiplist_leaf *leaf = leftmost_leaf(inner->children[middle], level);
            int order = skiplist_member_compare(skiplist_leaf_member(leaf, 0), member);
            if (order < 0 || (or_equal && order == 0)) low = middle + 1;
            else high = middle;
        }
        if (low) low--;
        before += counts_before(inner, low);
        node = inner->children[low];
    }
    const skiplist_leaf *leaf = node;
    for (low = 0, high = leaf->count; low < high;) {
        uint32_t middle = (low + high) / 2;
        int order = skiplist_member_compare(skiplist_leaf_member(leaf, middle), member);
        if (order < 0 || (or_equal && order == 0)) low = middle + 1;
        else high = middle;
    }
    return before + low;
}

skiplist_cursor skiplist_at(const skiplist *list, size_t rank) {
    path way;
    assert(rank < skiplist_count(list));
    path_to_rank(list, &way, rank);
    return (skiplist_cursor){way.leaf, way.position};
}

skiplist_cursor skiplist_first(const skiplist *list) {
    const skiplist_leaf *leaf = leftmost_leaf(list->root, list->levels);
    return (skiplist_cursor){leaf->count ? leaf : NULL, 0};
}

skiplist_cursor skiplist_last(const skiplist *list) {
    if (skiplist_count(list) == 0) return (skiplist_cursor){NULL, 0};
    return skiplist_at(list, skiplist_count(list) - 1);
}

const skiplist_leaf *skiplist_leaf_beside(const skiplist_leaf *leaf, bool before) {
    const void *node = leaf;
    for (uint32_t level = 0;; level++) {
        const skiplist_inner *inner = ((const skiplist_leaf *)node)->parent;
        if (!inner) return NULL;
        uint32_t index = child_index(inner, node);
        if (before ? index > 0 : index + 1u < inner->count) {
            index = before ? index - 1 : index + 1;
            node = inner->children[index];
            if (level == 0 && index && index + 1u < inner->count)
                skiplist_leaf_prefetch(inner->children[before ? index - 1 : index + 1]);
            for (; level; level--) {
                inner = node;
                node = inner->children[before ? inner->count - 1 : 0];
            }
            return node;
        }
        node = inner;
    }
}

/* Take records out of the index and free what they hold; the leaf keeps them. */
static void records_forget(skiplist *list, const skiplist_leaf *leaf, uint32_t position,
                           uint32_t count) {
    uint64_t hashes[SKIPLIST_LEAF_RECORDS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        hashes[i] = skiplist_hash(list, skiplist_leaf_member(leaf, position + i));
        hashtable_prefetch_bucket(&list->index, hashes[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        hashtable_position slot;
        skiplist_record *record = skiplist_leaf_record(leaf, position + i);
        bool found = hashtable_locate_element(&list->index, record, hashes[i], &slot);
        assert(found);
        (void)found;
        hashtable_remove(&list->index, &slot);
        list->outside_bytes -= skiplist_record_release(record);
    }
}

/* Who pops from one end will soon take what stands a few records further: its bucket is fetched. */
static void pop_prefetch(const skiplist *list, const path *way, uint32_t count, bool from_end) {
    const skiplist_leaf *leaf = way->leaf;
    uint32_t left = leaf->count - count, ahead = POP_AHEAD;
    if (list->levels && left <= ahead) {
        const skiplist_inner *above = way->inner[0];
        uint32_t index = way->index[0];
        if (from_end ? index == 0 : index + 1u == above->count) return;
        ahead -= left;
        leaf = above->children[from_end ? index - 1 : index + 1];
        left = leaf->count;
        count = 0;
    }
    if (ahead > left || ahead == 0) return;
    uint32_t position = from_end ? left - ahead : count + ahead - 1;
    skiplist_prefetch(list, skiplist_hash(list, skiplist_leaf_member(leaf, position)));
    if (left == 2 * POP_AHEAD && list->levels) {
        const skiplist_leaf *beside = skiplist_leaf_beside(leaf, from_end);
        if (beside) skiplist_leaf_prefetch(beside);
    }
}

void skiplist_remove_run(skiplist *list, size_t rank, size_t count) {
    assert(rank <= skiplist_count(list) && count <= skiplist_count(list) - rank);
    bool from_end = rank && rank + count == skiplist_count(list);
    while (count) {
        path way;
        path_to_rank(list, &way, rank);
        size_t here = way.leaf->count - way.position;
        if (here > count) here = count;
        if (rank == 0 || from_end) pop_prefetch(list, &way, (uint32_t)here, from_end);
        records_forget(list, way.leaf, way.position, (uint32_t)here);
        path_add(list, &way, -(int32_t)here);
        skiplist_leaf_drop(way.leaf, way.position, (uint32_t)here);
        leaf_settle(list, &way);
        count -= here;
    }
}

/* ---- without order ---- */

skiplist_cursor skiplist_random(const skiplist *list, random_state *random) {
    return skiplist_at(list, random_below(random, skiplist_count(list)));
}

typedef struct scanning {
    const skiplist *list;
    skiplist_visit visit;
    void *context;
} scanning;

static void scan_visit(void *context, void *element) {
    const scanning *scan = context;
    const skiplist_record *record = element;
    const skiplist_leaf *leaf = leaf_of(scan->list, record);
    scan->visit(scan->context, skiplist_record_member(record),
                leaf->scores[skiplist_leaf_position(leaf, record)]);
}

uint64_t skiplist_scan(const skiplist *list, uint64_t cursor, skiplist_visit visit, void *context) {
    scanning scan = {list, visit, context};
    return hashtable_scan(&list->index, cursor, scan_visit, &scan);
}
