# bits.h: counting, finding and combining long strings of bits.
from libc.stdint cimport int64_t, uint64_t
from fastredis.capi.common cimport slice

cdef extern from "bits.h" nogil:
    ctypedef enum bits_operator:
        BITS_AND
        BITS_OR
        BITS_XOR
        BITS_NOT
    uint64_t bits_count_range(const void *bytes, uint64_t start, uint64_t until)
    int64_t bits_find(const void *bytes, uint64_t start, uint64_t until, bint bit)
    void bits_combine(bits_operator op, void *to, size_t length, const slice *sources,
                      size_t count)
