# field.h: one field of a big hash in one block.
from libc.stdint cimport int64_t, uint8_t
from fastredis.capi.common cimport slice
from fastredis.capi.entry cimport blob

cdef extern from "field.h" nogil:
    enum:
        FIELD_NO_DUE
    const int64_t FIELD_DUE_MAX
    ctypedef uint8_t field
    int64_t field_due(const field *f)
    slice field_name(const field *f)
    slice field_value(const field *f, blob **large)
