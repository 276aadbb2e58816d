# ziplist.h: readers of the ziplists and zipmaps of old RDB files.
from libc.stdint cimport uint8_t
from fastredis.capi.common cimport slice

cdef extern from "ziplist.h" nogil:
    ctypedef struct ziplist_reader:
        const uint8_t *at
    bint ziplist_open(ziplist_reader *reader, const void *bytes, size_t length, size_t *count)
    bint ziplist_next(ziplist_reader *reader, slice *text)
    ctypedef struct zipmap_reader:
        const uint8_t *at
    bint zipmap_open(zipmap_reader *reader, const void *bytes, size_t length, size_t *count)
    bint zipmap_next(zipmap_reader *reader, slice *field, slice *value)
