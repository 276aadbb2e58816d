# intset.h: a small set of numbers in one sorted array.
from libc.stdint cimport int64_t, uint8_t, uint32_t
from fastredis.capi.common cimport cbool
from fastredis.capi.random cimport random_state

cdef extern from "intset.h" nogil:
    ctypedef uint8_t intset
    intset *intset_new()
    void intset_free(intset *members)
    intset *intset_copy(const intset *members)
    intset *intset_of_bytes(const void *bytes, size_t length)
    uint32_t intset_width(const intset *members)
    uint32_t intset_count(const intset *members)
    size_t intset_bytes(const intset *members)
    int64_t intset_at(const intset *members, uint32_t index)
    bint intset_has(const intset *members, int64_t number)
    int64_t intset_random(const intset *members, random_state *random)
    intset *intset_add(intset *members, int64_t number, cbool *added)
    intset *intset_remove(intset *members, int64_t number, cbool *removed)
    bint intset_check(const void *bytes, size_t length)
