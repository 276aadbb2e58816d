# reply.h: the writer of replies.
from libc.stdint cimport int64_t, uint8_t, uint32_t
from fastredis.capi.entry cimport blob

cdef extern from "reply.h" nogil:
    enum:
        REPLY_BUFFER_START
        REPLY_REFERENCE_MIN
    ctypedef struct reply:
        char *data
        size_t length
        size_t capacity
        uint32_t reference_count
        size_t referenced_bytes
        uint8_t protocol
    ctypedef struct reply_piece:
        const char *data
        size_t length
    ctypedef void (*reply_writer)(reply *out, int64_t count) noexcept nogil
    void reply_init(reply *out)
    void reply_free(reply *out)
    void reply_clear(reply *out)
    size_t reply_bytes(const reply *out)
    size_t reply_memory(const reply *out)
    char *reply_room(reply *out, size_t more)
    void reply_raw(reply *out, const void *data, size_t length)
    void reply_header(reply *out, char prefix, int64_t number)
    void reply_ok(reply *out)
    void reply_int(reply *out, int64_t number)
    void reply_bulk(reply *out, const void *data, size_t length)
    void reply_null(reply *out)
    void reply_null_array(reply *out)
    void reply_array(reply *out, int64_t count)
    void reply_map(reply *out, int64_t pairs)
    void reply_set(reply *out, int64_t count)
    void reply_push(reply *out, int64_t count)
    void reply_bool(reply *out, bint value)
    void reply_status(reply *out, const char *text)
    void reply_text(reply *out, const char *text)
    void reply_bulk_int(reply *out, int64_t number)
    void reply_double(reply *out, double value)
    void reply_verbatim(reply *out, const char *format, const void *data, size_t length)
    void reply_error(reply *out, const char *text, size_t length)
    void reply_blob(reply *out, blob *value, size_t start, size_t length)
    size_t reply_later(const reply *out)
    void reply_insert(reply *out, size_t place, reply_writer write, int64_t count)
    void reply_truncate(reply *out, size_t place)
    void reply_consume(reply *out, size_t sent)
    size_t reply_pieces(const reply *out, reply_piece *pieces, size_t capacity)
    void reply_write_array(reply *out, int64_t count)
    void reply_write_map(reply *out, int64_t pairs)
    void reply_write_set(reply *out, int64_t count)
