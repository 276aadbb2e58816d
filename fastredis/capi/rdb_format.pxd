# rdb_format.h: values as RDB files and DUMP hold them.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t
from fastredis.capi.common cimport slice

cdef extern from "rdb_format.h" nogil:
    enum:
        RDB_VERSION_STRINGS
        RDB_VERSION_WRITTEN
        RDB_FOOTER_BYTES
    ctypedef enum rdb_type:
        RDB_TYPE_STRING
    ctypedef enum rdb_string_form:
        RDB_STRING_TEXT
        RDB_STRING_NUMBER
        RDB_STRING_COMPRESSED
    ctypedef struct rdb_writer:
        char *data
        size_t length
    ctypedef struct rdb_reader:
        const uint8_t *at
        const uint8_t *end
    ctypedef struct rdb_string:
        rdb_string_form form
        const char *bytes
        size_t bytes_length
        size_t length
        int64_t number
    void rdb_writer_init(rdb_writer *writer)
    void rdb_writer_free(rdb_writer *writer)
    void rdb_write_bytes(rdb_writer *writer, const void *data, size_t length)
    void rdb_write_byte(rdb_writer *writer, uint8_t byte)
    void rdb_write_length(rdb_writer *writer, uint64_t length)
    void rdb_write_string(rdb_writer *writer, const void *text, size_t length)
    void rdb_write_compressed(rdb_writer *writer, const void *stream, size_t stream_length,
                              size_t length)
    void rdb_write_number(rdb_writer *writer, int64_t number)
    void rdb_write_footer(rdb_writer *writer)
    void rdb_write_footer_of(rdb_writer *writer, uint16_t version)
    bint rdb_open_payload(rdb_reader *reader, const void *payload, size_t length)
    bint rdb_read_byte(rdb_reader *reader, uint8_t *byte)
    bint rdb_read_length(rdb_reader *reader, uint64_t *length)
    bint rdb_read_string(rdb_reader *reader, rdb_string *string)
    ctypedef struct rdb_scratch:
        size_t capacity
    void rdb_scratch_init(rdb_scratch *scratch)
    void rdb_scratch_free(rdb_scratch *scratch)
    bint rdb_scratch_read(rdb_scratch *scratch, rdb_reader *reader, slice *text)
    bint rdb_string_copy(const rdb_string *string, char *out)
