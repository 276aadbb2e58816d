/* Implementation of list.h. */
#include "list.h"

/* ---- listpacks with room ---- */

size_t list_pack_capacity(size_t bytes)
{
    if (bytes <= 64)
        return (bytes + 7) & ~(size_t)7;
    size_t step = (size_t)1 << (63 - __builtin_clzll(bytes - 1) - 3);
    return (bytes + step - 1) & ~(step - 1);
}

/* A block for a listpack that is about to have `bytes`. */
static listpack *pack_resize(entry *e, size_t bytes)
{
    listpack *lp = list_pack(e);
    size_t old = list_pack_capacity(listpack_bytes(lp)), capacity = list_pack_capacity(bytes);
    if (UNLIKELY(old != capacity)) {
        lp = alloc_resize(lp, old, capacity);
        entry_set_pointer(e, lp);
    }
    return lp;
}

static void pack_insert(entry *e, size_t offset, slice value)
{
    listpack *lp = list_pack(e);
    size_t bytes = listpack_bytes(lp);
    lp = pack_resize(e, bytes + listpack_encoded_bytes(value));
    listpack_insert_in_place(lp, offset == bytes - 1 ? NULL : lp + offset, value, NULL);
}

/* Take elements out at an offset; returns the listpack, which may have moved. */
static listpack *pack_remove(entry *e, size_t offset, size_t count)
{
    listpack *lp = list_pack(e);
    listpack_position at = lp + offset;
    size_t old = list_pack_capacity(listpack_bytes(lp)), capacity;
    listpack_remove_in_place(lp, &at, count);
    capacity = list_pack_capacity(listpack_bytes(lp));
    if (UNLIKELY(old != capacity)) {
        lp = alloc_resize(lp, old, capacity);
        entry_set_pointer(e, lp);
    }
    return lp;
}

/* ---- whole lists ---- */

entry *list_new(slice key, int64_t due_ms)
{
    entry *e = entry_new(ENTRY_LIST, ENTRY_LISTPACK, key, due_ms, 0);
    listpack *lp = alloc_new(list_pack_capacity(LISTPACK_EMPTY_BYTES));
    listpack_init_in_place(lp);
    entry_set_pointer(e, lp);
    return e;
}

/* The only node of a quicklist becomes the listpack of the entry. */
static void into_pack(entry *e, quicklist *list)
{
    size_t capacity;
    listpack *lp = quicklist_into_listpack(list, &capacity);
    lp = alloc_resize(lp, capacity, list_pack_capacity(listpack_bytes(lp)));
    entry_set_encoding(e, ENTRY_LISTPACK);
    entry_set_pointer(e, lp);
}

static bool fits_pack(const quicklist *list, size_t divisor, const collection_limits *limits)
{
    return list->nodes == 1 && !list->head->is_plain
           && quicklist_fits(limits->list_size, divisor,
                             listpack_bytes(quicklist_node_listpack(list->head)), list->count);
}

entry *list_new_of(slice key, int64_t due_ms, quicklist *list, const collection_limits *limits)
{
    entry *e = entry_new(ENTRY_LIST, ENTRY_QUICKLIST, key, due_ms, 0);
    if (fits_pack(list, 1, limits))
        into_pack(e, list);
    else
        entry_set_pointer(e, list);
    return e;
}

void list_free(entry *e)
{
    if (list_is_packed(e))
        alloc_free(list_pack(e), list_pack_capacity(listpack_bytes(list_pack(e))));
    else
        quicklist_free_some(list_quick(e), SIZE_MAX);
}

void list_own(entry *copy)
{
    if (list_is_packed(copy)) {
        const listpack *lp = list_pack(copy);
        listpack *own = alloc_new(list_pack_capacity(listpack_bytes(lp)));
        memcpy(own, lp, listpack_bytes(lp));
        entry_set_pointer(copy, own);
    } else {
        entry_set_pointer(copy, quicklist_copy(list_quick(copy)));
    }
}

size_t list_length(const entry *e)
{
    return list_is_packed(e) ? listpack_count(list_pack(e)) : list_quick(e)->count;
}

size_t list_bytes(const entry *e)
{
    if (list_is_packed(e))
        return alloc_usable(list_pack_capacity(listpack_bytes(list_pack(e))));
    return list_quick(e)->bytes;
}

/* ---- conversions ---- */

static void into_quick(entry *e, const collection_limits *limits)
{
    listpack *lp = list_pack(e);
    size_t capacity = list_pack_capacity(listpack_bytes(lp));
    quicklist *list = quicklist_new(limits->list_size, limits->list_compress_depth);
    if (listpack_count(lp) > 0)
        quicklist_take_listpack(list, lp, capacity);
    else
        alloc_free(lp, capacity);
    entry_set_encoding(e, ENTRY_QUICKLIST);
    entry_set_pointer(e, list);
}

void list_expect(entry *e, size_t bytes, size_t count, const collection_limits *limits)
{
    if (!list_is_packed(e)) {
        list_quick(e)->large_from = limits->list_node_max;
        return;
    }
    const listpack *lp = list_pack(e);
    if (UNLIKELY(quicklist_exceeds(limits->list_size, listpack_bytes(lp) + bytes,
                                   listpack_count(lp) + count))) {
        into_quick(e, limits);
        list_quick(e)->large_from = limits->list_node_max;
    }
}

void list_shrink(entry *e, const collection_limits *limits)
{
    if (!list_is_packed(e) && UNLIKELY(fits_pack(list_quick(e), 2, limits)))
        into_pack(e, list_quick(e));
}

/* ---- ends ---- */

void list_put(entry *e, slice value, bool at_head)
{
    if (LIKELY(!list_is_packed(e)))
        quicklist_push(list_quick(e), value, at_head);
    else
        pack_insert(e, at_head ? LISTPACK_HEADER_BYTES : listpack_bytes(list_pack(e)) - 1, value);
}

void list_push(entry *e, slice value, bool at_head, const collection_limits *limits)
{
    list_expect(e, value.length, 1, limits);
    list_put(e, value, at_head);
}

slice list_end(const entry *e, bool at_head, char *digits)
{
    if (LIKELY(!list_is_packed(e)))
        return quicklist_end(list_quick(e), at_head, digits);
    const listpack *lp = list_pack(e);
    return listpack_text(at_head ? listpack_first(lp) : listpack_last(lp), digits);
}

void list_pop(entry *e, bool at_head)
{
    if (LIKELY(!list_is_packed(e))) {
        quicklist_pop(list_quick(e), at_head);
        return;
    }
    const listpack *lp = list_pack(e);
    pack_remove(e, (size_t)((at_head ? listpack_first(lp) : listpack_last(lp)) - lp), 1);
}

/* ---- walking ---- */

bool list_iterate_at(list_iterator *iterator, const entry *e, int64_t index, bool backward)
{
    iterator->e = e;
    iterator->backward = backward;
    if (list_is_packed(e)) {
        iterator->lp = list_pack(e);
        iterator->at = listpack_at(iterator->lp, index);
        iterator->is_ahead = iterator->at != NULL;
    } else {
        iterator->lp = NULL;
        iterator->is_ahead = quicklist_seek(&iterator->cursor, list_quick(e), index);
    }
    return iterator->is_ahead;
}

bool list_iterate(list_iterator *iterator, const entry *e, bool from_tail)
{
    return list_iterate_at(iterator, e, from_tail ? -1 : 0, from_tail);
}

bool list_step(list_iterator *iterator)
{
    if (UNLIKELY(iterator->is_ahead)) {
        iterator->is_ahead = false;
        return true;
    }
    if (iterator->lp == NULL) {
        if (UNLIKELY(iterator->cursor.node == NULL))
            return false;
        return quicklist_step(&iterator->cursor, iterator->backward);
    }
    if (UNLIKELY(iterator->at == NULL))
        return false;
    iterator->at = iterator->backward ? listpack_previous(iterator->lp, iterator->at)
                                      : listpack_next(iterator->lp, iterator->at);
    return iterator->at != NULL;
}

slice list_value(list_iterator *iterator)
{
    if (iterator->lp == NULL)
        return quicklist_text(&iterator->cursor, iterator->digits);
    return listpack_text(iterator->at, iterator->digits);
}

bool list_matches(const list_iterator *iterator, slice text)
{
    if (iterator->lp == NULL)
        return quicklist_equals(&iterator->cursor, text);
    return listpack_equals(iterator->at, text);
}

void list_leave(list_iterator *iterator)
{
    if (iterator->lp == NULL)
        quicklist_leave(&iterator->cursor);
}

bool list_next(list_iterator *iterator, slice *value)
{
    if (!list_step(iterator))
        return false;
    *value = list_value(iterator);
    return true;
}

bool list_remove(list_iterator *iterator, entry *e)
{
    if (iterator->lp == NULL) {
        iterator->is_ahead = quicklist_remove(&iterator->cursor, iterator->backward);
        return iterator->is_ahead;
    }
    size_t offset = (size_t)(iterator->at - iterator->lp);
    const listpack *lp = iterator->lp = pack_remove(e, offset, 1);
    bool at_end = offset == listpack_bytes(lp) - 1;
    iterator->at = (uint8_t *)lp + offset;
    if (iterator->backward)
        iterator->at = listpack_previous(lp, iterator->at);
    else if (at_end)
        iterator->at = NULL;
    iterator->is_ahead = iterator->at != NULL;
    return iterator->is_ahead;
}

/* ---- anywhere ---- */

void list_replace(list_iterator *iterator, entry *e, slice value)
{
    if (iterator->lp == NULL) {
        quicklist_replace(&iterator->cursor, value);
        return;
    }
    const listpack *old = iterator->lp;
    size_t offset = (size_t)(iterator->at - old), bytes = listpack_bytes(old);
    size_t old_capacity = list_pack_capacity(bytes);
    size_t new_bytes = bytes - listpack_element_bytes(iterator->at) + listpack_encoded_bytes(value);
    size_t capacity = list_pack_capacity(new_bytes);
    listpack *lp = (listpack *)old;
    if (capacity > old_capacity)
        lp = alloc_resize(lp, old_capacity, capacity);
    listpack_replace_in_place(lp, lp + offset, value);
    if (capacity < old_capacity)
        lp = alloc_resize(lp, old_capacity, capacity);
    entry_set_pointer(e, lp);
}

void list_insert(list_iterator *iterator, entry *e, slice value, bool after)
{
    if (iterator->lp == NULL) {
        quicklist_insert(&iterator->cursor, value, after);
        return;
    }
    size_t offset = (size_t)(iterator->at - iterator->lp);
    if (after)
        offset += listpack_element_bytes(iterator->at);
    pack_insert(e, offset, value);
}

void list_remove_range(entry *e, size_t start, size_t count)
{
    if (count == 0)
        return;
    if (!list_is_packed(e)) {
        quicklist_remove_range(list_quick(e), start, count);
        return;
    }
    const listpack *lp = list_pack(e);
    pack_remove(e, (size_t)(listpack_at(lp, (int64_t)start) - lp), count);
}
