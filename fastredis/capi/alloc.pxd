# alloc.h: sized blocks with an exact count.
from libc.stdint cimport uint32_t

cdef extern from "alloc.h" nogil:
    void *alloc_new(size_t size)
    void alloc_free(void *block, size_t size)
    void *alloc_resize(void *block, size_t old_size, size_t new_size)
    size_t alloc_usable(size_t size)
    void *alloc_new_zeroed(size_t size)
    size_t alloc_used_bytes()
    size_t alloc_peak_bytes()
    void alloc_reset_peak()
    size_t alloc_mapped_bytes()
    size_t alloc_reserve_bytes()
    void alloc_trim()
    bint alloc_purge()
    void alloc_use_huge_pages(bint enabled)
    void alloc_prepare_arenas(bint enabled)
    void alloc_detach(void *block, size_t size)
    void alloc_free_detached(void *block)
