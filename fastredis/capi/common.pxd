# common.h: the slice.
from libc.stdint cimport uint32_t, uint64_t

cdef extern from "common.h" nogil:
    ctypedef struct slice:
        const char *data
        size_t length
    ctypedef bint cbool "bool"
    void prefetch "PREFETCH"(const void *address)
    bint likely "LIKELY"(bint condition)
    bint unlikely "UNLIKELY"(bint condition)
    uint32_t load_u32(const void *source)
    uint64_t load_u64(const void *source)
    void store_u64(void *target, uint64_t value)
