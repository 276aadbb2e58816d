# common.h: the slice.
cdef extern from "common.h" nogil:
    ctypedef struct slice:
        const char *data
        size_t length
    ctypedef bint cbool "bool"
    void prefetch "PREFETCH"(const void *address)
    bint likely "LIKELY"(bint condition)
    bint unlikely "UNLIKELY"(bint condition)
