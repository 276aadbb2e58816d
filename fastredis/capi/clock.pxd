# clock.h: wall clock, monotonic clock, tick counter.
from libc.stdint cimport int64_t, uint64_t

cdef extern from "clock.h" nogil:
    int64_t clock_wall_us()
    int64_t clock_monotonic_us()
    uint64_t clock_ticks()
    double clock_ticks_per_us()
