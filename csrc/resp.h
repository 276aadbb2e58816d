/* resp: parser of requests (RESP arrays and inline commands). Sans-IO.
 *
 * Why a batch and not a command at a time: with all the commands of a read buffer known, the
 * engine can start the loads of every key before it executes the first, which is the largest
 * saving of the whole server. Why offsets are remembered: a command that arrives in a thousand
 * pieces is parsed once, each byte looked at once.
 *
 *   data   *3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*2\r\n$3\r\nGE
 *          |<------------- command 0 ------------>||<------ command 1 ------>||<- incomplete ->
 *                                                                             ^ consumed
 *   batch  arguments  [SET][k][v][GET][k]          slices of data, nothing is copied
 *          commands   {first 0, count 3, end} {first 3, count 2, end}
 *
 * Contract with the caller: the incomplete command stays, and the next call's data begins with its
 * first byte (`consumed` of the last call), at whatever address, with more bytes behind. The parser
 * keeps what it already knows of it. Data is never written to, so commands that were parsed but not
 * executed can be parsed again (with a fresh parser, from the first byte of one): quoted inline
 * arguments are unescaped into copies that the batch holds until it is cleared.
 *
 *   split call               position      remaining   bulk_length   partial
 *   *2\r\n$3\r\nGET\r\n$1      13            1           -1            [GET]
 *   ...$1\r\n                17            1           1             [GET]
 *   ...k\r\n                 0             0           -1            []         command 1 is whole
 *
 * Invariants: nothing is allocated from a count that a client merely claims; memory follows the
 * bytes that have arrived. After an error the stream is dead: the caller answers and closes; the
 * commands that were whole before it stay in the batch, of the broken one nothing does.
 *
 * Complexity: O(bytes), whatever the splits; only a count line or a bulk header that does not end
 * is searched again by each call, up to RESP_LINE_MAX. Ownership: the batch owns its arrays and the
 * copies, the parser its list of partial arguments; other argument bytes are borrowed from data.
 */
#ifndef FASTREDIS_RESP_H
#define FASTREDIS_RESP_H

#include "common.h"

typedef enum resp_status {
    RESP_OK = 0,
    RESP_ERROR_INLINE_TOO_BIG,
    RESP_ERROR_UNBALANCED_QUOTES,
    RESP_ERROR_COUNT_TOO_BIG,    /* the line of '*' does not end */
    RESP_ERROR_COUNT_INVALID,
    RESP_ERROR_COUNT_UNAUTHENTICATED,
    RESP_ERROR_BULK_TOO_BIG,     /* the line of '$' does not end */
    RESP_ERROR_BULK_EXPECTED,    /* resp_parser.unexpected holds the byte that came instead */
    RESP_ERROR_BULK_INVALID,
    RESP_ERROR_BULK_UNAUTHENTICATED,
    RESP_ERROR_BULK_UNTERMINATED, /* no CRLF behind the bytes */
} resp_status;

typedef struct resp_limits {
    int64_t bulk_max;       /* proto-max-bulk-len */
    bool unauthenticated;   /* a client that has yet to log in may send little */
} resp_limits;

enum {
    RESP_LINE_MAX = 64 * 1024,           /* inline commands and count lines */
    RESP_UNAUTHENTICATED_COUNT_MAX = 10,
    RESP_UNAUTHENTICATED_BULK_MAX = 16384,
};

typedef struct resp_command {
    uint32_t first;  /* index of the first argument in the batch */
    uint32_t count;
    size_t end;      /* offset in data, one past the last byte of the command */
    uint64_t hash;   /* the caller's: hash of the first key, while the batch lives */
    const void *row; /* the caller's: command table row */
} resp_command;

/* Unescaped arguments of one quoted line. */
typedef struct resp_copy {
    struct resp_copy *next;
    size_t size;
    char data[];
} resp_copy;

typedef struct resp_batch {
    slice *arguments;
    size_t argument_count, argument_capacity;
    resp_command *commands;
    uint32_t command_count, command_capacity;
    resp_copy *copies;
} resp_batch;

typedef struct resp_span {
    size_t offset, length; /* from the first byte of the incomplete command */
} resp_span;

typedef struct resp_parser {
    size_t position;     /* bytes of the incomplete command already parsed (or searched) */
    int64_t remaining;   /* arguments still to come; 0 between commands */
    int64_t bulk_length; /* of the argument whose header has been read; -1: header to come */
    resp_span *partial;
    uint32_t partial_count, partial_capacity;
    uint8_t unexpected; /* after RESP_ERROR_BULK_EXPECTED */
} resp_parser;

void resp_batch_init(resp_batch *batch);
void resp_batch_free(resp_batch *batch);
/* Forget the commands; arrays that a rare giant made are given back. */
void resp_batch_clear(resp_batch *batch);

void resp_parser_init(resp_parser *parser);
/* Forget the incomplete command. The parser is then as after init and may go on being used. */
void resp_parser_free(resp_parser *parser);
/* Bytes of its list of partial arguments: the memory that it owns. */
static inline size_t resp_parser_bytes(const resp_parser *parser) {
    return parser->partial_capacity * sizeof(resp_span);
}

/* Append up to `commands_max` whole commands of data to the batch. `consumed` = bytes of whole
 * commands (empty lines and empty arrays included), counted before an error too: commands that
 * were whole before it are in the batch. */
resp_status resp_parse(resp_parser *parser, resp_batch *batch, const char *data, size_t length,
                       const resp_limits *limits, uint32_t commands_max, size_t *consumed);

/* How many bytes the incomplete command needs at least, counted from its first byte, as far as it
 * is known (header of a large argument read); 0 where nothing is known. Never trusted for
 * allocation beyond what has arrived, only for choosing where to read to. */
size_t resp_parser_wants(const resp_parser *parser);

/* Split a line in the manner of a shell: blanks, "double quotes" with \xHH \n \r \t \b \a, 'single
 * quotes' with \'. Appends to the batch's arguments: slices of the line, or of
 * a copy where there are quotes. False: unbalanced; then nothing is appended. */
bool resp_split_line(resp_batch *batch, const char *line, size_t length);

#endif
