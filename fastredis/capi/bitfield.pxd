# bitfield.h: small integers at any bit of a string.
from libc.stdint cimport int64_t, uint8_t, uint64_t
from fastredis.capi.common cimport slice

cdef extern from "bitfield.h" nogil:
    ctypedef struct bitfield_type:
        bint is_signed
        uint8_t width
    ctypedef enum bitfield_overflow:
        BITFIELD_WRAP
        BITFIELD_SAT
        BITFIELD_FAIL
    bint bitfield_parse_type(slice name, bitfield_type *type)
    int64_t bitfield_get(const void *bytes, size_t length, uint64_t offset, bitfield_type type)
    void bitfield_set(void *bytes, uint64_t offset, bitfield_type type, int64_t value)
    bint bitfield_fit(bitfield_type type, bitfield_overflow overflow, int64_t value,
                      int64_t *result)
    bint bitfield_add(bitfield_type type, bitfield_overflow overflow, int64_t value,
                      int64_t increment, int64_t *result)
