# set_algebra.h: intersection, union and difference, member by member.
from fastredis.capi.entry cimport entry
from fastredis.capi.set cimport set_settings, set_visit

cdef extern from "set_algebra.h" nogil:
    void set_intersect(const entry **sets, size_t count, const set_settings *settings,
                       set_visit visit, void *context)
    void set_unite(const entry **sets, size_t count, const set_settings *settings,
                   set_visit visit, void *context)
    void set_subtract(const entry **sets, size_t count, const set_settings *settings,
                      set_visit visit, void *context)
