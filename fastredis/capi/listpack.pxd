# listpack.h: texts and numbers in one block, as RDB files store them.
from libc.stdint cimport int64_t, uint8_t
from fastredis.capi.common cimport slice

cdef extern from "listpack.h" nogil:
    enum:
        LISTPACK_HEADER_BYTES
        LISTPACK_EMPTY_BYTES
        LISTPACK_ELEMENT_OVERHEAD_MAX
    const size_t LISTPACK_BYTES_MAX
    ctypedef uint8_t listpack
    ctypedef uint8_t *listpack_position
    ctypedef struct listpack_value:
        const char *data
        size_t length
        int64_t number
    listpack *listpack_new()
    void listpack_free(listpack *lp)
    listpack *listpack_copy(const listpack *lp)
    listpack *listpack_of_bytes(const void *bytes, size_t length)
    size_t listpack_bytes(const listpack *lp)
    size_t listpack_count(const listpack *lp)
    listpack_position listpack_first(const listpack *lp)
    listpack_position listpack_last(const listpack *lp)
    listpack_position listpack_next(const listpack *lp, const uint8_t *at)
    listpack_position listpack_previous(const listpack *lp, const uint8_t *at)
    listpack_position listpack_at(const listpack *lp, int64_t index)
    listpack_value listpack_get(const uint8_t *at)
    slice listpack_text(const uint8_t *at, char *digits)
    size_t listpack_element_bytes(const uint8_t *at)
    bint listpack_equals(const uint8_t *at, slice text)
    listpack_position listpack_find(const listpack *lp, const uint8_t *first, slice text,
                                    size_t step)
    listpack *listpack_insert(listpack *lp, const uint8_t *at, slice text,
                              listpack_position *placed)
    listpack *listpack_insert_number(listpack *lp, const uint8_t *at, int64_t number,
                                     listpack_position *placed)
    listpack *listpack_append(listpack *lp, slice text)
    listpack *listpack_append_number(listpack *lp, int64_t number)
    listpack *listpack_prepend(listpack *lp, slice text)
    listpack *listpack_replace(listpack *lp, listpack_position *at, slice text)
    listpack *listpack_replace_number(listpack *lp, listpack_position *at, int64_t number)
    listpack *listpack_remove(listpack *lp, listpack_position *at, size_t count)
    listpack *listpack_append_all(listpack *lp, const listpack *tail)
    size_t listpack_encoded_bytes(slice text)
    void listpack_insert_in_place(listpack *lp, const uint8_t *at, slice text,
                                  listpack_position *placed)
    void listpack_remove_in_place(listpack *lp, listpack_position *at, size_t count)
    void listpack_init_in_place(listpack *lp)
    bint listpack_check(const void *bytes, size_t length)
