/* Implementation of quicklist.h. */
#include "quicklist.h"

#include "checked.h"
#include "lazyfree.h"

enum {
    BLOCK_MIN = 64,
    /* A block of this much less than a power of two fills the C library's chunk exactly. */
    BLOCK_HEAD = 8,
    LISTPACK_OVERHEAD = LISTPACK_EMPTY_BYTES,
};

/* ---- limits ---- */

static size_t fill_bytes(int fill)
{
    return (size_t)4096 << (fill < -5 ? 4 : -fill - 1);
}

static size_t fill_count(int fill)
{
    return fill == 0 ? 1 : (size_t)fill;
}

bool quicklist_exceeds(int fill, size_t bytes, size_t count)
{
    if (LIKELY(fill < 0))
        return bytes > fill_bytes(fill);
    return bytes > QUICKLIST_FILL_BYTES_MAX || count > fill_count(fill);
}

bool quicklist_fits(int fill, size_t divisor, size_t bytes, size_t count)
{
    if (LIKELY(fill < 0))
        return bytes <= fill_bytes(fill) / divisor;
    return count <= fill_count(fill) / divisor;
}

static bool is_large(const quicklist *list, size_t length)
{
    if (UNLIKELY(list->large_from != 0))
        return length >= list->large_from || length >= LISTPACK_BYTES_MAX / 2;
    return length > (list->fill < 0 ? fill_bytes(list->fill) : QUICKLIST_FILL_BYTES_MAX);
}

static inline size_t node_bytes(const quicklist_node *node)
{
    return listpack_bytes(quicklist_node_listpack(node));
}

/* Whether an element that is not large may go into a node; NULL: no. */
static bool has_room(const quicklist *list, const quicklist_node *node, size_t length)
{
    if (UNLIKELY(node == NULL || node->is_plain))
        return false;
    return !quicklist_exceeds(list->fill,
                              node_bytes(node) + length + QUICKLIST_ELEMENT_ESTIMATE,
                              (size_t)node->count + 1);
}

/* ---- blocks ---- */

static uint8_t *block_new(quicklist *list, size_t capacity)
{
    list->bytes += alloc_usable(capacity);
    return alloc_new(capacity);
}

static void block_free(quicklist *list, uint8_t *block, size_t capacity)
{
    list->bytes -= alloc_usable(capacity);
    lazyfree_block(block, capacity);
}

/* Put the listpack of a node at `start` of a block of another size. */
static void block_replace(quicklist *list, quicklist_node *node, size_t capacity, size_t start)
{
    uint8_t *block = block_new(list, capacity);
    memcpy(block + start, quicklist_node_listpack(node), node_bytes(node));
    block_free(list, node->block, node->capacity);
    node->block = block;
    node->capacity = capacity;
    node->start = (uint32_t)start;
}

static void move_listpack(quicklist_node *node, size_t start)
{
    memmove(node->block + start, quicklist_node_listpack(node), node_bytes(node));
    node->start = (uint32_t)start;
}

/* Make the block as large as the listpack. */
static void trim(quicklist *list, quicklist_node *node)
{
    if (node->is_plain)
        return;
    size_t bytes = node_bytes(node);
    if (node->start != 0)
        move_listpack(node, 0);
    list->bytes -= alloc_usable(node->capacity);
    node->block = alloc_resize(node->block, node->capacity, bytes);
    node->capacity = bytes;
    list->bytes += alloc_usable(bytes);
}

static bool is_end(const quicklist_node *node)
{
    return node->previous == NULL || node->next == NULL;
}

/* After elements have left: give back what is not likely to be needed soon. */
static void slim(quicklist *list, quicklist_node *node)
{
    size_t bytes = node_bytes(node);
    if (node->capacity > (is_end(node) ? 4 * (bytes + BLOCK_MIN) : bytes + bytes / 16 + 16))
        trim(list, node);
}

/* What a block that must hold `needed` bytes grows to: no further than its node may fill. */
static size_t grown(const quicklist *list, size_t needed)
{
    size_t most = (list->fill < 0 ? fill_bytes(list->fill) : QUICKLIST_FILL_BYTES_MAX) - BLOCK_HEAD;
    size_t capacity = needed + needed / 2 + BLOCK_MIN;
    if (capacity <= most)
        return capacity;
    return needed > most ? needed : most;
}

/* Room for `more` bytes in front of the listpack or behind it. Where it lacks, what is free goes
 * to this side for the most part; a block with less than a fifth free grows by half. So a byte is
 * moved a bounded number of times, however pushes to both ends mix. */
static void make_room(quicklist *list, quicklist_node *node, size_t more, bool in_front)
{
    size_t bytes = node_bytes(node), needed = bytes + more;
    size_t room = in_front ? node->start : node->capacity - node->start - bytes;
    if (LIKELY(room >= more))
        return;
    size_t capacity = node->capacity, start;
    if (!is_end(node)) {
        block_replace(list, node, needed, 0);
        return;
    }
    if (capacity < needed + needed / 4)
        capacity = grown(list, needed) > capacity ? grown(list, needed) : capacity;
    start = (capacity - needed) / 4;
    if (in_front)
        start = capacity - bytes - start;
    if (capacity == node->capacity)
        move_listpack(node, start);
    else
        block_replace(list, node, capacity, start);
}

/* ---- nodes ---- */

static quicklist_node *node_new(quicklist *list)
{
    quicklist_node *node = alloc_new(sizeof *node);
    memset(node, 0, sizeof *node);
    list->bytes += alloc_usable(sizeof *node);
    return node;
}

/* A node with one element that is not large, in a block with room towards an end. */
static quicklist_node *node_with(quicklist *list, slice text, size_t capacity, bool at_head)
{
    quicklist_node *node = node_new(list);
    size_t needed = LISTPACK_OVERHEAD + listpack_encoded_bytes(text);
    if (capacity < needed)
        capacity = needed;
    node->block = block_new(list, capacity);
    node->capacity = capacity;
    node->start = (uint32_t)(at_head ? capacity - needed : 0);
    listpack_init_in_place(quicklist_node_listpack(node));
    listpack_insert_in_place(quicklist_node_listpack(node), NULL, text, NULL);
    node->count = 1;
    return node;
}

static quicklist_node *node_plain(quicklist *list, slice text)
{
    quicklist_node *node = node_new(list);
    node->block = block_new(list, text.length);
    node->capacity = text.length;
    node->count = 1;
    node->is_plain = true;
    if (text.length)
        memcpy(node->block, text.data, text.length);
    return node;
}

static void node_free(quicklist *list, quicklist_node *node)
{
    block_free(list, node->block, node->capacity);
    list->bytes -= alloc_usable(sizeof *node);
    alloc_free(node, sizeof *node);
}

/* Link a node in after (or before) another; NULL: the list is empty. Its elements count from now
 * on. A node that is no end any more is trimmed. */
static void link_node(quicklist *list, quicklist_node *beside, quicklist_node *node, bool after)
{
    node->previous = after ? beside : beside != NULL ? beside->previous : NULL;
    node->next = beside == NULL ? NULL : after ? beside->next : beside;
    if (node->previous != NULL)
        node->previous->next = node;
    else
        list->head = node;
    if (node->next != NULL)
        node->next->previous = node;
    else
        list->tail = node;
    list->count += node->count;
    list->nodes++;
    if (beside != NULL && !is_end(beside))
        trim(list, beside);
}

static void unlink_node(quicklist *list, quicklist_node *node)
{
    if (node->previous != NULL)
        node->previous->next = node->next;
    else
        list->head = node->next;
    if (node->next != NULL)
        node->next->previous = node->previous;
    else
        list->tail = node->previous;
    list->count -= node->count;
    list->nodes--;
    node_free(list, node);
}

/* ---- making ---- */

quicklist *quicklist_new(int fill)
{
    quicklist *list = alloc_new(sizeof *list);
    memset(list, 0, sizeof *list);
    list->fill = fill < -5 ? -5 : fill > INT16_MAX ? INT16_MAX : fill;
    list->bytes = alloc_usable(sizeof *list);
    return list;
}

bool quicklist_free_some(quicklist *list, size_t budget)
{
    for (size_t freed = 0; list->head != NULL;) {
        if (freed >= budget)
            return false;
        freed += list->head->count;
        unlink_node(list, list->head);
    }
    alloc_free(list, sizeof *list);
    return true;
}

void quicklist_take_listpack(quicklist *list, uint8_t *block, size_t capacity)
{
    quicklist_node *node = node_new(list);
    node->block = block;
    node->capacity = capacity;
    node->count = (uint32_t)listpack_count(block);
    list->bytes += alloc_usable(capacity);
    link_node(list, list->tail, node, true);
}

void quicklist_append_plain(quicklist *list, slice text)
{
    link_node(list, list->tail, node_plain(list, text), true);
}

void quicklist_extend(quicklist *list, slice text, bool in_new_node)
{
    quicklist_node *node = list->tail;
    if (in_new_node || node == NULL || node_bytes(node) + text.length > LISTPACK_BYTES_MAX / 2) {
        link_node(list, node, node_with(list, text, BLOCK_MIN, false), true);
        return;
    }
    size_t needed = node_bytes(node) + listpack_encoded_bytes(text);
    if (needed > node->capacity)
        block_replace(list, node, needed + needed / 2, 0);
    listpack_insert_in_place(node->block, NULL, text, NULL);
    node->count++;
    list->count++;
}

quicklist *quicklist_copy(const quicklist *list)
{
    quicklist *copy = quicklist_new(list->fill);
    for (const quicklist_node *node = list->head; node != NULL; node = node->next) {
        if (node->is_plain) {
            quicklist_append_plain(copy, (slice){(const char *)node->block, node->capacity});
        } else {
            const listpack *lp = quicklist_node_listpack(node);
            quicklist_take_listpack(copy, listpack_copy(lp), listpack_bytes(lp));
        }
    }
    return copy;
}

listpack *quicklist_into_listpack(quicklist *list, size_t *capacity)
{
    quicklist_node *node = list->head;
    if (node->start != 0)
        move_listpack(node, 0);
    listpack *lp = node->block;
    *capacity = node->capacity;
    alloc_free(node, sizeof *node);
    alloc_free(list, sizeof *list);
    return lp;
}

/* ---- ends ---- */

/* What to allocate for a new end beside a node that is full. */
static size_t ahead(const quicklist *list, const quicklist_node *full)
{
    if (full == NULL || full->is_plain)
        return BLOCK_MIN;
    if (list->fill < 0)
        return fill_bytes(list->fill) - BLOCK_HEAD;
    return node_bytes(full) + BLOCK_HEAD;
}

void quicklist_push(quicklist *list, slice text, bool at_head)
{
    quicklist_node *node = at_head ? list->head : list->tail;
    if (UNLIKELY(is_large(list, text.length))) {
        link_node(list, node, node_plain(list, text), !at_head);
        return;
    }
    if (UNLIKELY(!has_room(list, node, text.length))) {
        link_node(list, node, node_with(list, text, ahead(list, node), at_head), !at_head);
        return;
    }
    size_t room = at_head ? node->start : node->capacity - node->start - node_bytes(node);
    if (UNLIKELY(room < text.length + LISTPACK_ELEMENT_OVERHEAD_MAX))
        make_room(list, node, listpack_encoded_bytes(text), at_head);
    listpack *lp = quicklist_node_listpack(node);
    if (at_head)
        node->start = (uint32_t)(listpack_prepend_in_place(lp, text) - node->block);
    else
        listpack_insert_in_place(lp, NULL, text, NULL);
    node->count++;
    list->count++;
}

slice quicklist_end(const quicklist *list, bool at_head, char *digits)
{
    const quicklist_node *node = at_head ? list->head : list->tail;
    if (UNLIKELY(node->is_plain))
        return (slice){(const char *)node->block, node->capacity};
    const listpack *lp = quicklist_node_listpack(node);
    return listpack_text(at_head ? listpack_first(lp) : listpack_last(lp), digits);
}

void quicklist_pop(quicklist *list, bool at_head)
{
    quicklist_node *node = at_head ? list->head : list->tail;
    if (node->count == 1) {
        unlink_node(list, node);
        return;
    }
    listpack *lp = quicklist_node_listpack(node);
    if (at_head) {
        node->start = (uint32_t)(listpack_drop_first_in_place(lp) - node->block);
    } else {
        listpack_position last = listpack_last(lp);
        listpack_remove_in_place(lp, &last, 1);
    }
    node->count--;
    list->count--;
    if (UNLIKELY(node->capacity > 4 * (node_bytes(node) + BLOCK_MIN)))
        trim(list, node);
}

/* ---- finding ---- */

static void point(quicklist_cursor *cursor, quicklist_node *node, int64_t offset)
{
    cursor->node = node;
    cursor->at = node->is_plain ? NULL : listpack_at(quicklist_node_listpack(node), offset);
    cursor->offset = (uint32_t)(offset < 0 ? (int64_t)node->count + offset : offset);
}

bool quicklist_seek(quicklist_cursor *cursor, const quicklist *list, int64_t index)
{
    int64_t count = (int64_t)list->count;
    quicklist_node *node;
    cursor->list = (quicklist *)list;
    cursor->node = NULL;
    if (index < 0)
        index += count;
    if (index < 0 || index >= count)
        return false;
    if (index <= count / 2) {
        for (node = list->head; index >= node->count; node = node->next)
            index -= node->count;
        point(cursor, node, index);
    } else {
        index -= count;
        for (node = list->tail; -index > node->count; node = node->previous)
            index += node->count;
        point(cursor, node, index);
    }
    return true;
}

static bool point_beside(quicklist_cursor *cursor, bool backward)
{
    quicklist_node *node = backward ? cursor->node->previous : cursor->node->next;
    if (node == NULL) {
        cursor->node = NULL;
        return false;
    }
    point(cursor, node, backward ? -1 : 0);
    return true;
}

bool quicklist_step(quicklist_cursor *cursor, bool backward)
{
    quicklist_node *node = cursor->node;
    if (UNLIKELY(cursor->offset == (backward ? 0 : node->count - 1)))
        return point_beside(cursor, backward);
    const listpack *lp = quicklist_node_listpack(node);
    if (backward) {
        cursor->at = listpack_previous(lp, cursor->at);
        cursor->offset--;
    } else {
        cursor->at = listpack_next(lp, cursor->at);
        cursor->offset++;
    }
    return true;
}

slice quicklist_text(const quicklist_cursor *cursor, char *digits)
{
    const quicklist_node *node = cursor->node;
    if (UNLIKELY(node->is_plain))
        return (slice){(const char *)node->block, node->capacity};
    return listpack_text(cursor->at, digits);
}

bool quicklist_equals(const quicklist_cursor *cursor, slice text)
{
    const quicklist_node *node = cursor->node;
    if (UNLIKELY(node->is_plain))
        return node->capacity == text.length && memcmp(node->block, text.data, text.length) == 0;
    return listpack_equals(cursor->at, text);
}

/* ---- changing nodes ---- */

/* Insert before the element at `at` (NULL: at the end) of a node that has room by its limits. */
static void node_insert(quicklist *list, quicklist_node *node, const uint8_t *at, slice text)
{
    size_t offset = at != NULL ? (size_t)(at - quicklist_node_listpack(node)) : 0;
    make_room(list, node, listpack_encoded_bytes(text), false);
    listpack *lp = quicklist_node_listpack(node);
    listpack_insert_in_place(lp, at != NULL ? lp + offset : NULL, text, NULL);
    node->count++;
    list->count++;
}

static void node_prepend(quicklist *list, quicklist_node *node, slice text)
{
    node_insert(list, node, listpack_first(quicklist_node_listpack(node)), text);
}

/* Take `count` elements (not all) out of a node, from `at` on. */
static void node_cut(quicklist *list, quicklist_node *node, uint8_t *at, size_t count)
{
    listpack_remove_in_place(quicklist_node_listpack(node), &at, count);
    node->count -= (uint32_t)count;
    list->count -= count;
    slim(list, node);
}

/* Split a node behind (or before) an element, which stays; returns a new node with the other part,
 * in no list yet. Both parts have elements. */
static quicklist_node *split(quicklist *list, quicklist_node *node, uint32_t offset, bool after)
{
    const listpack *lp = quicklist_node_listpack(node);
    quicklist_node *other = node_new(list);
    size_t bytes = listpack_bytes(lp), first = after ? offset + 1 : offset;
    uint8_t *at = listpack_at(lp, (int64_t)first);
    size_t cut = (size_t)(at - lp); /* of the elements before the border, header included */
    size_t other_bytes = after ? bytes - cut + LISTPACK_HEADER_BYTES : cut + 1;
    other->capacity = other_bytes;
    other->block = block_new(list, other_bytes);
    listpack_init_in_place(other->block);
    if (after)
        memcpy(other->block + LISTPACK_HEADER_BYTES, at, bytes - cut);
    else
        memcpy(other->block + LISTPACK_HEADER_BYTES, lp + LISTPACK_HEADER_BYTES,
               cut - LISTPACK_HEADER_BYTES);
    other->block[other_bytes - 1] = 0xff;
    other->count = after ? node->count - (uint32_t)first : (uint32_t)first;
    listpack_set_header(other->block, other_bytes, other->count);
    if (after)
        node_cut(list, node, at, node->count - first);
    else
        node_cut(list, node, listpack_first(lp), first);
    return other;
}

/* Append the second of two neighbours to the first; the second is gone. */
static void merge(quicklist *list, quicklist_node *first, quicklist_node *second)
{
    const listpack *tail = quicklist_node_listpack(second);
    size_t count = second->count;
    make_room(list, first, listpack_bytes(tail) - LISTPACK_OVERHEAD, false);
    listpack_append_all_in_place(quicklist_node_listpack(first), tail);
    first->count += (uint32_t)count;
    list->count += count;
    unlink_node(list, second);
}

static bool may_merge(const quicklist *list, const quicklist_node *a, const quicklist_node *b)
{
    if (a == NULL || b == NULL || a->is_plain || b->is_plain)
        return false;
    return !quicklist_exceeds(list->fill, node_bytes(a) + node_bytes(b) - LISTPACK_OVERHEAD,
                              (size_t)a->count + b->count);
}

/* After a split: merge what fits around a node, in the order in which it is observed elsewhere. */
static void merge_around(quicklist *list, quicklist_node *center)
{
    quicklist_node *previous = center->previous, *next = center->next;
    if (previous != NULL && may_merge(list, previous->previous, previous))
        merge(list, previous->previous, previous);
    if (next != NULL && may_merge(list, next, next->next))
        merge(list, next, next->next);
    if (may_merge(list, center->previous, center)) {
        center = center->previous;
        merge(list, center, center->next);
    }
    if (may_merge(list, center, center->next))
        merge(list, center, center->next);
}

/* ---- changing anywhere ---- */

static void insert_large(quicklist_cursor *cursor, slice text, bool after, bool at_border)
{
    quicklist *list = cursor->list;
    quicklist_node *node = cursor->node, *plain = node_plain(list, text), *other = NULL;
    if (!at_border)
        other = split(list, node, cursor->offset, after);
    link_node(list, node, plain, after);
    if (other != NULL)
        link_node(list, plain, other, after);
}

void quicklist_insert(quicklist_cursor *cursor, slice text, bool after)
{
    quicklist *list = cursor->list;
    quicklist_node *node = cursor->node;
    bool at_border = cursor->offset == (after ? node->count - 1 : 0);
    quicklist_node *beside = after ? node->next : node->previous;
    if (UNLIKELY(is_large(list, text.length))) {
        insert_large(cursor, text, after, at_border);
    } else if (has_room(list, node, text.length)) {
        const listpack *lp = quicklist_node_listpack(node);
        node_insert(list, node, after ? listpack_next(lp, cursor->at) : cursor->at, text);
    } else if (at_border && has_room(list, beside, text.length)) {
        if (after)
            node_prepend(list, beside, text);
        else
            node_insert(list, beside, NULL, text);
    } else if (at_border) {
        link_node(list, node, node_with(list, text, 0, false), after);
    } else {
        quicklist_node *other = split(list, node, cursor->offset, after);
        link_node(list, node, other, after);
        if (after)
            node_prepend(list, other, text);
        else
            node_insert(list, other, NULL, text);
        merge_around(list, node);
    }
    cursor->node = NULL;
}

/* An element that fits into no listpack, or a listpack that would pass its bounds: the node is
 * split there, and the element stands alone. */
static void replace_apart(quicklist_cursor *cursor, slice text)
{
    quicklist *list = cursor->list;
    quicklist_node *node = cursor->node, *other = NULL, *made;
    if (cursor->offset != node->count - 1)
        other = split(list, node, cursor->offset, true);
    made = is_large(list, text.length) ? node_plain(list, text)
                                       : node_with(list, text, 0, false);
    link_node(list, node, made, true);
    if (other != NULL)
        link_node(list, made, other, true);
    if (node->count == 1) {
        unlink_node(list, node);
        return;
    }
    node_cut(list, node, listpack_last(quicklist_node_listpack(node)), 1);
    merge_around(list, made);
}

static void replace_plain(quicklist_cursor *cursor, slice text)
{
    quicklist *list = cursor->list;
    quicklist_node *node = cursor->node;
    if (is_large(list, text.length)) {
        quicklist_node *made = node_plain(list, text);
        link_node(list, node, made, true);
    } else {
        quicklist_insert(cursor, text, true);
    }
    unlink_node(list, node);
}

void quicklist_replace(quicklist_cursor *cursor, slice text)
{
    quicklist *list = cursor->list;
    quicklist_node *node = cursor->node;
    if (UNLIKELY(node->is_plain)) {
        replace_plain(cursor, text);
    } else if (UNLIKELY(is_large(list, text.length)
                        || node_bytes(node) + text.length > LISTPACK_BYTES_MAX / 2)) {
        replace_apart(cursor, text);
    } else {
        size_t offset = (size_t)(cursor->at - quicklist_node_listpack(node));
        size_t old = listpack_element_bytes(cursor->at), made = listpack_encoded_bytes(text);
        if (made > old)
            make_room(list, node, made - old, false);
        listpack_replace_in_place(quicklist_node_listpack(node),
                                  quicklist_node_listpack(node) + offset, text);
        slim(list, node);
    }
    cursor->node = NULL;
}

bool quicklist_remove(quicklist_cursor *cursor, bool backward)
{
    quicklist *list = cursor->list;
    quicklist_node *node = cursor->node;
    uint32_t offset = cursor->offset;
    if (node->count == 1) {
        bool found = point_beside(cursor, backward);
        unlink_node(list, node);
        return found;
    }
    size_t place = (size_t)(cursor->at - quicklist_node_listpack(node));
    node_cut(list, node, cursor->at, 1);
    if (backward ? offset == 0 : offset == node->count)
        return point_beside(cursor, backward);
    const listpack *lp = quicklist_node_listpack(node);
    cursor->at = (uint8_t *)lp + place;
    if (backward) {
        cursor->at = listpack_previous(lp, cursor->at);
        cursor->offset--;
    }
    return true;
}

void quicklist_remove_range(quicklist *list, size_t start, size_t count)
{
    quicklist_cursor cursor;
    if (count == 0 || !quicklist_seek(&cursor, list, (int64_t)start))
        return;
    quicklist_node *node = cursor.node;
    for (uint32_t offset = cursor.offset; count > 0; offset = 0) {
        quicklist_node *next = node->next;
        size_t here = node->count - offset < count ? node->count - offset : count;
        count -= here;
        if (here == node->count)
            unlink_node(list, node);
        else
            node_cut(list, node, listpack_at(quicklist_node_listpack(node), offset), here);
        node = next;
    }
}
