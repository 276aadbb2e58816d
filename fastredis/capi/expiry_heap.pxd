# expiry_heap.h: elements by due time.
from libc.stdint cimport int64_t, uint32_t

cdef extern from "expiry_heap.h" nogil:
    ctypedef void (*expiry_heap_move)(void *element, uint32_t position) noexcept nogil
    ctypedef struct expiry_heap:
        uint32_t count
    enum: EXPIRY_HEAP_NOWHERE
    void expiry_heap_init(expiry_heap *heap, expiry_heap_move move)
    void expiry_heap_clear(expiry_heap *heap)
    void expiry_heap_free(expiry_heap *heap)
    void expiry_heap_add(expiry_heap *heap, void *element, int64_t due_ms)
    void expiry_heap_update(expiry_heap *heap, uint32_t position, int64_t due_ms)
    void expiry_heap_replace(expiry_heap *heap, uint32_t position, void *element)
    void expiry_heap_remove(expiry_heap *heap, uint32_t position)
    bint expiry_heap_first(const expiry_heap *heap, void **element, int64_t *due_ms)
    size_t expiry_heap_count(const expiry_heap *heap)
    size_t expiry_heap_count_due(const expiry_heap *heap, int64_t now_ms)
    size_t expiry_heap_bytes(const expiry_heap *heap)
    void *expiry_heap_element(const expiry_heap *heap, uint32_t position)
    int64_t expiry_heap_due(const expiry_heap *heap, uint32_t position)
