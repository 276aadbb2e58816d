# crc64.h: checksum of DUMP and RDB.
from libc.stdint cimport uint64_t

cdef extern from "crc64.h" nogil:
    uint64_t crc64(uint64_t crc, const void *data, size_t length)
