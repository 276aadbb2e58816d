# sort.h: what SORT puts in order, and the patterns of BY and GET.
from fastredis.capi.common cimport slice

cdef extern from "sort.h" nogil:
    ctypedef struct sort_item:
        slice text
        double score
        slice weight
    ctypedef struct sort_items:
        sort_item *items
        size_t count
    ctypedef enum sort_kind:
        SORT_BY_SCORE
        SORT_BY_TEXT
        SORT_BY_WEIGHT
    ctypedef struct sort_order:
        sort_kind kind
        bint descending
        bint collated
    void sort_begin(sort_items *items)
    void sort_end(sort_items *items)
    slice sort_keep(sort_items *items, slice text)
    void sort_add(sort_items *items, slice text)
    void sort_range(sort_items *items, size_t start, size_t count, sort_order order)
    bint sort_score(slice text, double *score)
    ctypedef enum sort_target:
        SORT_NOTHING
        SORT_ELEMENT
        SORT_KEY
        SORT_FIELD
    ctypedef struct sort_pattern:
        sort_target target
        slice field
    sort_pattern sort_pattern_of(slice text)
    ctypedef struct sort_name:
        size_t capacity
    void sort_name_begin(sort_name *name)
    void sort_name_end(sort_name *name)
    slice sort_name_key(sort_name *name, const sort_pattern *pattern, slice element)
