# field_table.h: the fields of a big hash.
cdef extern from "field_table.h" nogil:
    ctypedef struct field_table:
        pass
    bint field_table_free_some(field_table *table, size_t budget)
