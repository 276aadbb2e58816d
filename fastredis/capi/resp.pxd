# resp.h: the request parser.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from fastredis.capi.common cimport slice

cdef extern from "resp.h" nogil:
    ctypedef enum resp_status:
        RESP_OK
        RESP_ERROR_INLINE_TOO_BIG
        RESP_ERROR_UNBALANCED_QUOTES
        RESP_ERROR_COUNT_TOO_BIG
        RESP_ERROR_COUNT_INVALID
        RESP_ERROR_COUNT_UNAUTHENTICATED
        RESP_ERROR_BULK_TOO_BIG
        RESP_ERROR_BULK_EXPECTED
        RESP_ERROR_BULK_INVALID
        RESP_ERROR_BULK_UNAUTHENTICATED
        RESP_ERROR_BULK_UNTERMINATED
    ctypedef struct resp_limits:
        int64_t bulk_max
        bint unauthenticated
    ctypedef struct resp_command:
        uint32_t first
        uint32_t count
        size_t end
        uint64_t hash
        const void *row
    ctypedef struct resp_batch:
        slice *arguments
        size_t argument_count
        resp_command *commands
        uint32_t command_count
    ctypedef struct resp_parser:
        size_t position
        int64_t remaining
        int64_t bulk_length
        uint32_t partial_count, partial_capacity
        uint8_t unexpected
    void resp_batch_init(resp_batch *batch)
    void resp_batch_free(resp_batch *batch)
    void resp_batch_clear(resp_batch *batch)
    void resp_parser_init(resp_parser *parser)
    void resp_parser_free(resp_parser *parser)
    size_t resp_parser_bytes(const resp_parser *parser)
    resp_status resp_parse(resp_parser *parser, resp_batch *batch, const char *data, size_t length,
                           const resp_limits *limits, uint32_t commands_max, size_t *consumed)
    size_t resp_parser_wants(const resp_parser *parser)
    bint resp_split_line(resp_batch *batch, const char *line, size_t length)
