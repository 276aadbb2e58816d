# list.h, quicklist.h: the list behind one key, whichever its encoding.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from fastredis.capi.common cimport slice
from fastredis.capi.entry cimport entry
from fastredis.capi.packing cimport collection_limits

cdef extern from "quicklist.h" nogil:
    ctypedef struct quicklist_node:
        quicklist_node *next
        uint8_t *block
        size_t capacity
        uint32_t raw_bytes
        uint32_t count
        bint is_plain
        bint is_compressed
    ctypedef struct quicklist:
        quicklist_node *head
        size_t count
        size_t bytes
        uint32_t nodes
        size_t large_from
        int fill
        uint16_t depth
    quicklist *quicklist_new(int fill, int depth)
    bint quicklist_free_some(quicklist *list, size_t budget)
    void quicklist_take_listpack(quicklist *list, uint8_t *block, size_t capacity)
    void quicklist_append_plain(quicklist *list, slice text)
    void quicklist_extend(quicklist *list, slice text, bint in_new_node)
    uint8_t *quicklist_node_listpack(const quicklist_node *node)
    size_t quicklist_node_bytes(const quicklist_node *node)
    void quicklist_push(quicklist *list, slice text, bint at_head)

cdef extern from "list.h" nogil:
    entry *list_new(slice key, int64_t due_ms)
    entry *list_new_of(slice key, int64_t due_ms, quicklist *list, const collection_limits *limits)
    void list_free(entry *e)
    void list_own(entry *copy)
    size_t list_length(const entry *e)
    size_t list_bytes(const entry *e)
    bint list_is_packed(const entry *e)
    uint8_t *list_pack(const entry *e)
    quicklist *list_quick(const entry *e)
    void list_expect(entry *e, size_t bytes, size_t count, const collection_limits *limits)
    void list_shrink(entry *e, const collection_limits *limits)
    void list_push(entry *e, slice value, bint at_head, const collection_limits *limits)
    void list_put(entry *e, slice value, bint at_head)
    slice list_end(const entry *e, bint at_head, char *digits)
    void list_pop(entry *e, bint at_head)
    ctypedef struct list_iterator:
        bint backward
    bint list_iterate(list_iterator *iterator, const entry *e, bint from_tail)
    bint list_iterate_at(list_iterator *iterator, const entry *e, int64_t index, bint backward)
    bint list_step(list_iterator *iterator)
    slice list_value(list_iterator *iterator)
    bint list_matches(const list_iterator *iterator, slice text)
    bint list_next(list_iterator *iterator, slice *value)
    bint list_remove(list_iterator *iterator, entry *e)
    void list_leave(list_iterator *iterator)
    void list_replace(list_iterator *iterator, entry *e, slice value)
    void list_insert(list_iterator *iterator, entry *e, slice value, bint after)
    void list_remove_range(entry *e, size_t start, size_t count)
