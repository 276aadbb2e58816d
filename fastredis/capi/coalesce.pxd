# coalesce.h: whose next request to sleep for.
from libc.stdint cimport uint64_t

cdef extern from "coalesce.h" nogil:
    ctypedef struct coalesce:
        pass
    void coalesce_init(coalesce *c, double ticks_per_us)
    void coalesce_turn(coalesce *c, void *client, uint64_t *turn, uint64_t ticks)
    void coalesce_leave(coalesce *c, void *client, uint64_t turn)
    bint coalesce_is_due(const coalesce *c)
    int coalesce_choose(const coalesce *c, void **chosen, int capacity)
    void coalesce_learn(coalesce *c, bint ended_by_chosen)
