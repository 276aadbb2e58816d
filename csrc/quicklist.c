/* Implementation of quicklist.h. */
#include "quicklist.h"

#include "checked.h"
#include "lazyfree.h"
#include "lzf.h"

enum {
    BLOCK_MIN = 64,
    /* A block of this much less than a power of two fills the C library's chunk exactly. */
    BLOCK_HEAD = 8,
    LISTPACK_OVERHEAD = LISTPACK_EMPTY_BYTES,
    /* No change opens, or pushes out of an end, a node that is further away than this. */
    CHANGE_REACH = 3,
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

/* Of a node with a listpack that is not compressed. */
static inline size_t node_bytes(const quicklist_node *node)
{
    return listpack_bytes(quicklist_node_listpack(node));
}

/* Whether an element that is not large may go into a node of so many bytes. */
static inline bool has_room_of(const quicklist *list, const quicklist_node *node, size_t bytes,
                               size_t length)
{
    return !quicklist_exceeds(list->fill, bytes + length + QUICKLIST_ELEMENT_ESTIMATE,
                              (size_t)node->count + 1);
}

/* Whether it may go into a node; NULL: no. */
static bool has_room(const quicklist *list, const quicklist_node *node, size_t length)
{
    if (node == NULL || node->is_plain)
        return false;
    return has_room_of(list, node, quicklist_node_bytes(node), length);
}

/* The same for the first or last node, which is never compressed. */
static inline bool end_has_room(const quicklist *list, const quicklist_node *node, size_t length)
{
    if (UNLIKELY(node == NULL || node->is_plain))
        return false;
    return has_room_of(list, node, node_bytes(node), length);
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
    if (node->is_plain || node->is_compressed)
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
    list->deep -= node->place == QUICKLIST_DEEP;
    node_free(list, node);
}

/* ---- compression ---- */

static void set_place(quicklist *list, quicklist_node *node, uint8_t place)
{
    list->deep += (uint32_t)(place == QUICKLIST_DEEP) - (uint32_t)(node->place == QUICKLIST_DEEP);
    node->place = place;
}

/* Write what a compressed node holds to `out` (node->raw_bytes). */
static void expand(const quicklist_node *node, uint8_t *out)
{
    if (UNLIKELY(lzf_decompress(node->block, node->capacity, out, node->raw_bytes) == 0))
        fatal("A compressed node of a list is damaged: %u bytes", node->raw_bytes);
}

/* Give a compressed node the block with what it holds. */
static void take_expanded(quicklist *list, quicklist_node *node, uint8_t *block, size_t capacity)
{
    block_free(list, node->block, node->capacity);
    list->bytes += alloc_usable(capacity);
    node->block = block;
    node->capacity = capacity;
    node->start = 0;
    node->is_compressed = false;
}

/* Before a node is changed: it is expanded, and settled anew after the change. */
static void open_node(quicklist *list, quicklist_node *node)
{
    if (UNLIKELY(node->is_compressed)) {
        size_t bytes = node->raw_bytes;
        uint8_t *block = alloc_new(bytes);
        expand(node, block);
        take_expanded(list, node, block, bytes);
    }
    set_place(list, node, QUICKLIST_NEW);
}

/* Compress a node where it pays. The stream is made in a block of its own, so that what stays is
 * of its exact size and leaves no gap in the heap. */
static void compress_node(quicklist *list, quicklist_node *node)
{
    size_t bytes = quicklist_node_bytes(node), worth, length;
    set_place(list, node, QUICKLIST_DEEP);
    if (bytes < QUICKLIST_COMPRESS_MIN || bytes > UINT32_MAX)
        return;
    worth = bytes - QUICKLIST_COMPRESS_GAIN_MIN;
    uint8_t *buffer = alloc_new(worth);
    length = lzf_compress(quicklist_node_listpack(node), bytes, buffer, worth);
    if (length != 0) {
        block_free(list, node->block, node->capacity);
        node->block = block_new(list, length);
        memcpy(node->block, buffer, length);
        node->capacity = length;
        node->raw_bytes = (uint32_t)bytes;
        node->is_compressed = true;
    }
    lazyfree_block(buffer, worth);
}

/* Compress those of a node and some behind (or before) it that lie in the deep and are not settled
 * yet; not the node `end` and what is behind it. */
static void compress_some(quicklist *list, quicklist_node *node, const quicklist_node *end,
                          bool backward)
{
    for (int left = CHANGE_REACH; left > 0 && node != NULL && node != end; left--) {
        if (node->place == QUICKLIST_NEW)
            compress_node(list, node);
        node = backward ? node->previous : node->next;
    }
}

static NOINLINE void settle_compressing(quicklist *list, quicklist_node *changed)
{
    quicklist_node *first = list->head, *last = list->tail;
    if (list->nodes <= 2 * (uint32_t)list->depth) {
        for (; list->deep > 0; first = first->next)
            open_node(list, first);
        return;
    }
    for (uint16_t left = list->depth; left > 0; left--) {
        if (first->place != QUICKLIST_END) {
            open_node(list, first);
            first->place = QUICKLIST_END;
        }
        if (last->place != QUICKLIST_END) {
            open_node(list, last);
            last->place = QUICKLIST_END;
        }
        first = first->next;
        last = last->previous;
    }
    /* What has been pushed out of the ends. */
    quicklist_node *head_end = first->previous, *tail_end = last->next, *node = first;
    for (int left = CHANGE_REACH; left > 0 && node != tail_end; left--, node = node->next)
        if (node->place == QUICKLIST_END)
            node->place = QUICKLIST_NEW;
    node = last;
    for (int left = CHANGE_REACH; left > 0 && node != head_end; left--, node = node->previous)
        if (node->place == QUICKLIST_END)
            node->place = QUICKLIST_NEW;
    compress_some(list, first, tail_end, false);
    compress_some(list, last, head_end, true);
    compress_some(list, changed, NULL, false);
    compress_some(list, changed, NULL, true);
}

/* After each change of nodes: the ends are expanded, and what lies in the deep is compressed: what
 * has been pushed out of the ends, and what is not settled around `changed` (NULL: nothing). */
static inline void settle(quicklist *list, quicklist_node *changed)
{
    if (UNLIKELY(list->depth != 0))
        settle_compressing(list, changed);
}

/* ---- making ---- */

quicklist *quicklist_new(int fill, int depth)
{
    quicklist *list = alloc_new(sizeof *list);
    memset(list, 0, sizeof *list);
    list->fill = fill < -5 ? -5 : fill > INT16_MAX ? INT16_MAX : fill;
    list->depth = (uint16_t)(depth < 0 ? 0 : depth > UINT16_MAX ? UINT16_MAX : depth);
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
    settle(list, NULL);
}

void quicklist_append_plain(quicklist *list, slice text)
{
    link_node(list, list->tail, node_plain(list, text), true);
    settle(list, NULL);
}

void quicklist_extend(quicklist *list, slice text, bool in_new_node)
{
    quicklist_node *node = list->tail;
    if (in_new_node || node == NULL || node_bytes(node) + text.length > LISTPACK_BYTES_MAX / 2) {
        link_node(list, node, node_with(list, text, BLOCK_MIN, false), true);
        settle(list, NULL);
        return;
    }
    size_t needed = node_bytes(node) + listpack_encoded_bytes(text);
    if (needed > node->capacity)
        block_replace(list, node, needed + needed / 2, 0);
    listpack_insert_in_place(node->block, NULL, text, NULL);
    node->count++;
    list->count++;
}

/* New node with the same content, in no list yet; its block has no room. */
static quicklist_node *node_copy(quicklist *list, const quicklist_node *node)
{
    quicklist_node *copy = node_new(list);
    const uint8_t *content = node->is_compressed ? node->block : quicklist_node_listpack(node);
    copy->capacity = node->is_compressed ? node->capacity : quicklist_node_bytes(node);
    copy->block = block_new(list, copy->capacity);
    if (copy->capacity)
        memcpy(copy->block, content, copy->capacity);
    copy->count = node->count;
    copy->is_plain = node->is_plain;
    copy->is_compressed = node->is_compressed;
    if (node->is_compressed)
        copy->raw_bytes = node->raw_bytes;
    set_place(list, copy, node->place);
    return copy;
}

quicklist *quicklist_copy(const quicklist *list)
{
    quicklist *copy = quicklist_new(list->fill, list->depth);
    for (const quicklist_node *node = list->head; node != NULL; node = node->next)
        link_node(copy, copy->tail, node_copy(copy, node), true);
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
        settle(list, NULL);
        return;
    }
    if (UNLIKELY(!end_has_room(list, node, text.length))) {
        link_node(list, node, node_with(list, text, ahead(list, node), at_head), !at_head);
        settle(list, NULL);
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
        settle(list, NULL);
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

/* The node that holds the element at *index, which becomes its number in the node, from whichever
 * end is nearer; NULL: there is none. */
static quicklist_node *find(const quicklist *list, int64_t *index)
{
    int64_t count = (int64_t)list->count, left = *index;
    quicklist_node *node;
    if (left < 0)
        left += count;
    if (left < 0 || left >= count)
        return NULL;
    if (left <= count / 2) {
        for (node = list->head; left >= node->count; node = node->next)
            left -= node->count;
    } else {
        left -= count;
        for (node = list->tail; -left > node->count; node = node->previous)
            left += node->count;
    }
    *index = left;
    return node;
}

static void drop_expanded(quicklist_cursor *cursor)
{
    if (cursor->expanded != NULL)
        lazyfree_block(cursor->expanded, cursor->expanded_capacity);
    cursor->expanded = NULL;
}

/* What a compressed node holds, in the cursor's own block. */
static NOINLINE listpack *expanded(quicklist_cursor *cursor, const quicklist_node *node)
{
    if (cursor->expanded == NULL || cursor->expanded_capacity < node->raw_bytes) {
        drop_expanded(cursor);
        cursor->expanded_capacity = node->raw_bytes;
        cursor->expanded = alloc_new(node->raw_bytes);
    }
    expand(node, cursor->expanded);
    return cursor->expanded;
}

static void point(quicklist_cursor *cursor, quicklist_node *node, int64_t offset)
{
    cursor->node = node;
    cursor->lp = UNLIKELY(node->is_compressed) ? expanded(cursor, node)
                                               : quicklist_node_listpack(node);
    cursor->at = node->is_plain ? cursor->lp : listpack_at(cursor->lp, offset);
    cursor->offset = (uint32_t)(offset < 0 ? (int64_t)node->count + offset : offset);
}

bool quicklist_seek(quicklist_cursor *cursor, const quicklist *list, int64_t index)
{
    quicklist_node *node = find(list, &index);
    *cursor = (quicklist_cursor){.list = (quicklist *)list};
    if (node == NULL)
        return false;
    point(cursor, node, index);
    return true;
}

void quicklist_leave_slow(quicklist_cursor *cursor)
{
    drop_expanded(cursor);
    if (cursor->has_changed)
        settle(cursor->list, cursor->node);
    cursor->has_changed = false;
    cursor->node = NULL;
}

/* To the first (or last) element of a node; NULL: there is none. */
static bool point_to(quicklist_cursor *cursor, quicklist_node *node, bool backward)
{
    if (node == NULL) {
        quicklist_leave(cursor);
        return false;
    }
    point(cursor, node, backward ? -1 : 0);
    return true;
}

static bool point_beside(quicklist_cursor *cursor, bool backward)
{
    quicklist_node *node = cursor->node;
    if (UNLIKELY(cursor->has_changed)) {
        settle(cursor->list, node);
        cursor->has_changed = false;
    }
    return point_to(cursor, backward ? node->previous : node->next, backward);
}

bool quicklist_step(quicklist_cursor *cursor, bool backward)
{
    quicklist_node *node = cursor->node;
    if (UNLIKELY(cursor->offset == (backward ? 0 : node->count - 1)))
        return point_beside(cursor, backward);
    if (backward) {
        cursor->at = listpack_previous(cursor->lp, cursor->at);
        cursor->offset--;
    } else {
        cursor->at = listpack_next(cursor->lp, cursor->at);
        cursor->offset++;
    }
    return true;
}

slice quicklist_text(const quicklist_cursor *cursor, char *digits)
{
    const quicklist_node *node = cursor->node;
    if (UNLIKELY(node->is_plain))
        return (slice){(const char *)cursor->at, quicklist_node_bytes(node)};
    return listpack_text(cursor->at, digits);
}

bool quicklist_equals(const quicklist_cursor *cursor, slice text)
{
    const quicklist_node *node = cursor->node;
    if (UNLIKELY(node->is_plain))
        return quicklist_node_bytes(node) == text.length
               && memcmp(cursor->at, text.data, text.length) == 0;
    return listpack_equals(cursor->at, text);
}

/* ---- changing nodes ---- */

/* Before the node is changed on which a cursor stands: it takes the cursor's block, if it is
 * compressed, so that the cursor's place stays valid. */
static void open_here(quicklist_cursor *cursor)
{
    quicklist_node *node = cursor->node;
    if (UNLIKELY(node->is_compressed)) {
        take_expanded(cursor->list, node, cursor->expanded, cursor->expanded_capacity);
        cursor->expanded = NULL;
    }
    open_node(cursor->list, node);
}

/* After a change that leaves the cursor void. */
static void finish(quicklist_cursor *cursor, quicklist_node *changed)
{
    drop_expanded(cursor);
    cursor->has_changed = false;
    cursor->node = NULL;
    settle(cursor->list, changed);
}

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
    open_node(list, first);
    open_node(list, second);
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
    size_t bytes = quicklist_node_bytes(a) + quicklist_node_bytes(b) - LISTPACK_OVERHEAD;
    return !quicklist_exceeds(list->fill, bytes, (size_t)a->count + b->count);
}

/* After a split: merge what fits around a node, in the order in which it is observed elsewhere.
 * Returns the node that holds its elements then. */
static quicklist_node *merge_around(quicklist *list, quicklist_node *center)
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
    return center;
}

/* ---- changing anywhere ---- */

static void insert_large(quicklist_cursor *cursor, slice text, bool after, bool at_border)
{
    quicklist *list = cursor->list;
    quicklist_node *node = cursor->node, *plain = node_plain(list, text), *other = NULL;
    if (!at_border) {
        open_here(cursor);
        other = split(list, node, cursor->offset, after);
    }
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
        open_here(cursor);
        node_insert(list, node, after ? listpack_next(cursor->lp, cursor->at) : cursor->at, text);
    } else if (at_border && has_room(list, beside, text.length)) {
        open_node(list, beside);
        if (after)
            node_prepend(list, beside, text);
        else
            node_insert(list, beside, NULL, text);
    } else if (at_border) {
        link_node(list, node, node_with(list, text, 0, false), after);
    } else {
        open_here(cursor);
        quicklist_node *other = split(list, node, cursor->offset, after);
        link_node(list, node, other, after);
        if (after)
            node_prepend(list, other, text);
        else
            node_insert(list, other, NULL, text);
        node = merge_around(list, node);
    }
    finish(cursor, node);
}

/* An element that fits into no listpack, or a listpack that would pass its bounds: the node is
 * split there, and the element stands alone. Returns where that is. */
static quicklist_node *replace_apart(quicklist_cursor *cursor, slice text)
{
    quicklist *list = cursor->list;
    quicklist_node *node = cursor->node, *other = NULL, *made;
    open_here(cursor);
    if (cursor->offset != node->count - 1)
        other = split(list, node, cursor->offset, true);
    made = is_large(list, text.length) ? node_plain(list, text)
                                       : node_with(list, text, 0, false);
    link_node(list, node, made, true);
    if (other != NULL)
        link_node(list, made, other, true);
    if (node->count == 1) {
        unlink_node(list, node);
        return made;
    }
    node_cut(list, node, listpack_last(quicklist_node_listpack(node)), 1);
    return merge_around(list, made);
}

/* Replace a plain node; returns what stands in its place. */
static quicklist_node *replace_plain(quicklist_cursor *cursor, slice text)
{
    quicklist *list = cursor->list;
    quicklist_node *node = cursor->node, *next;
    if (is_large(list, text.length))
        link_node(list, node, node_plain(list, text), true);
    else
        quicklist_insert(cursor, text, true);
    next = node->next;
    unlink_node(list, node);
    return next;
}

void quicklist_replace(quicklist_cursor *cursor, slice text)
{
    quicklist *list = cursor->list;
    quicklist_node *node = cursor->node;
    if (UNLIKELY(node->is_plain)) {
        node = replace_plain(cursor, text);
    } else if (UNLIKELY(is_large(list, text.length)
                        || quicklist_node_bytes(node) + text.length > LISTPACK_BYTES_MAX / 2)) {
        node = replace_apart(cursor, text);
    } else {
        open_here(cursor);
        size_t offset = (size_t)(cursor->at - quicklist_node_listpack(node));
        size_t old = listpack_element_bytes(cursor->at), made = listpack_encoded_bytes(text);
        if (made > old)
            make_room(list, node, made - old, false);
        listpack_replace_in_place(quicklist_node_listpack(node),
                                  quicklist_node_listpack(node) + offset, text);
        slim(list, node);
    }
    finish(cursor, node);
}

bool quicklist_remove(quicklist_cursor *cursor, bool backward)
{
    quicklist *list = cursor->list;
    quicklist_node *node = cursor->node;
    uint32_t offset = cursor->offset;
    if (node->count == 1) {
        quicklist_node *beside = backward ? node->previous : node->next;
        cursor->has_changed = false;
        unlink_node(list, node);
        settle(list, NULL);
        return point_to(cursor, beside, backward);
    }
    open_here(cursor);
    size_t place = (size_t)(cursor->at - quicklist_node_listpack(node));
    node_cut(list, node, cursor->at, 1);
    cursor->has_changed = true;
    if (backward ? offset == 0 : offset == node->count)
        return point_beside(cursor, backward);
    cursor->lp = quicklist_node_listpack(node);
    cursor->at = cursor->lp + place;
    if (backward) {
        cursor->at = listpack_previous(cursor->lp, cursor->at);
        cursor->offset--;
    }
    return true;
}

void quicklist_remove_range(quicklist *list, size_t start, size_t count)
{
    int64_t first = (int64_t)start;
    quicklist_node *node = find(list, &first), *changed = NULL;
    if (count == 0 || node == NULL)
        return;
    uint32_t offset = (uint32_t)(first < 0 ? first + node->count : first);
    for (; count > 0; offset = 0) {
        quicklist_node *next = node->next;
        size_t here = node->count - offset < count ? node->count - offset : count;
        count -= here;
        if (here == node->count) {
            unlink_node(list, node);
        } else {
            open_node(list, node);
            node_cut(list, node, listpack_at(quicklist_node_listpack(node), offset), here);
            changed = node;
        }
        node = next;
    }
    settle(list, changed);
}
