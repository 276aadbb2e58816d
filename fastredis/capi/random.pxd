# random.h: reproducible and system randomness.
from libc.stdint cimport uint64_t

cdef extern from "random.h" nogil:
    ctypedef struct random_state:
        uint64_t s[4]
    void random_seed(random_state *state, uint64_t seed)
    uint64_t random_next(random_state *state)
    uint64_t random_below(random_state *state, uint64_t bound)
    double random_unit(random_state *state)
    void random_system(void *out, size_t length)
