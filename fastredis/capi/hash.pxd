# hash.h: keyed hash of byte strings.
from libc.stdint cimport uint64_t

cdef extern from "hash.h" nogil:
    ctypedef struct hash_seed:
        uint64_t word[4]
    uint64_t hash_bytes(const hash_seed *seed, const void *data, size_t length)
