# lcs.h: longest common subsequence.
from fastredis.capi.common cimport slice

cdef extern from "lcs.h" nogil:
    ctypedef struct lcs:
        size_t length
    ctypedef struct lcs_range:
        size_t a_start
        size_t b_start
        size_t length
    bint lcs_begin(lcs *l, slice a, slice b, bint walked)
    bint lcs_next(lcs *l, lcs_range *range)
    void lcs_free(lcs *l)
