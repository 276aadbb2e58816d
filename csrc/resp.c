/* resp: the request parser; see resp.h for the contract. */
#include "resp.h"

#include "alloc.h"
#include "checked.h"

enum {
    ARGUMENTS_START = 256,
    COMMANDS_START = 128,
    ARGUMENTS_KEPT_MAX = 64 * 1024, /* an array above this is given back after the batch */
    COMMANDS_KEPT_MAX = 64 * 1024,
    SHORT_BULK_MIN = 6, /* "$0", CRLF, CRLF */
};

void resp_batch_init(resp_batch *batch) {
    memset(batch, 0, sizeof *batch);
    batch->argument_capacity = ARGUMENTS_START;
    batch->command_capacity = COMMANDS_START;
    batch->arguments = alloc_new(ARGUMENTS_START * sizeof(slice));
    batch->commands = alloc_new(COMMANDS_START * sizeof(resp_command));
}

static void copies_free(resp_batch *batch) {
    while (batch->copies) {
        resp_copy *next = batch->copies->next;
        alloc_free(batch->copies, sizeof(resp_copy) + batch->copies->size);
        batch->copies = next;
    }
}

void resp_batch_free(resp_batch *batch) {
    copies_free(batch);
    alloc_free(batch->arguments, batch->argument_capacity * sizeof(slice));
    alloc_free(batch->commands, batch->command_capacity * sizeof(resp_command));
    memset(batch, 0, sizeof *batch);
}

void resp_batch_clear(resp_batch *batch) {
    batch->argument_count = 0;
    batch->command_count = 0;
    if (UNLIKELY(batch->argument_capacity > ARGUMENTS_KEPT_MAX)) {
        alloc_free(batch->arguments, batch->argument_capacity * sizeof(slice));
        batch->argument_capacity = ARGUMENTS_START;
        batch->arguments = alloc_new(ARGUMENTS_START * sizeof(slice));
    }
    if (UNLIKELY(batch->command_capacity > COMMANDS_KEPT_MAX)) {
        alloc_free(batch->commands, batch->command_capacity * sizeof(resp_command));
        batch->command_capacity = COMMANDS_START;
        batch->commands = alloc_new(COMMANDS_START * sizeof(resp_command));
    }
    if (UNLIKELY(batch->copies != NULL)) copies_free(batch);
}

void resp_parser_init(resp_parser *parser) {
    memset(parser, 0, sizeof *parser);
    parser->bulk_length = -1;
}

void resp_parser_free(resp_parser *parser) {
    if (parser->partial)
        alloc_free(parser->partial, parser->partial_capacity * sizeof(resp_span));
    resp_parser_init(parser);
}

static NOINLINE void arguments_grow(resp_batch *batch, size_t needed) {
    size_t capacity = batch->argument_capacity;
    while (capacity < needed) capacity = size_mul_or_die(capacity, 2);
    batch->arguments = alloc_resize(batch->arguments, batch->argument_capacity * sizeof(slice),
                                    size_mul_or_die(capacity, sizeof(slice)));
    batch->argument_capacity = capacity;
}

static inline void argument_push(resp_batch *batch, const char *data, size_t length) {
    if (UNLIKELY(batch->argument_count == batch->argument_capacity))
        arguments_grow(batch, batch->argument_count + 1);
    batch->arguments[batch->argument_count++] = (slice){data, length};
}

static NOINLINE void commands_grow(resp_batch *batch) {
    size_t bytes = batch->command_capacity * sizeof(resp_command);
    batch->commands = alloc_resize(batch->commands, bytes, size_mul_or_die(bytes, 2));
    batch->command_capacity *= 2;
}

static inline void command_push(resp_batch *batch, size_t first, size_t end) {
    if (UNLIKELY(batch->command_count == batch->command_capacity)) commands_grow(batch);
    batch->commands[batch->command_count++] = (resp_command){
        .first = (uint32_t)first, .count = (uint32_t)(batch->argument_count - first), .end = end};
}

static void partial_push(resp_parser *parser, size_t offset, size_t length) {
    if (parser->partial_count == parser->partial_capacity) {
        uint32_t capacity = parser->partial_capacity ? parser->partial_capacity * 2 : 8;
        parser->partial = alloc_resize(parser->partial,
                                       parser->partial_capacity * sizeof(resp_span),
                                       capacity * sizeof(resp_span));
        parser->partial_capacity = capacity;
    }
    parser->partial[parser->partial_count++] = (resp_span){offset, length};
}

/* ---- inline commands ---- */

static inline bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* What ends a word that is not quoted: vertical tab and form feed are blanks between words only. */
static inline bool ends_word(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* The character that stands behind a backslash in double quotes. */
static char unescape(char c) {
    switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    default: return c;
    }
}

/* Unescape the inside of a quoted part to *to; returns the address behind the closing quote, or
 * NULL where the quote does not close or is not followed by a blank. */
static const char *copy_quoted(const char *from, const char *end, char quote, char **to) {
    char *out = *to;
    while (from < end && *from != quote) {
        if (quote == '"' && *from == '\\' && end - from >= 4 && from[1] == 'x' &&
            hex_digit(from[2]) >= 0 && hex_digit(from[3]) >= 0) {
            *out++ = (char)(hex_digit(from[2]) << 4 | hex_digit(from[3]));
            from += 4;
        } else if (quote == '"' && *from == '\\' && end - from >= 2) {
            *out++ = unescape(from[1]);
            from += 2;
        } else if (quote == '\'' && *from == '\\' && end - from >= 2 && from[1] == '\'') {
            *out++ = '\'';
            from += 2;
        } else {
            *out++ = *from++;
        }
    }
    *to = out;
    if (from == end) return NULL;
    from++;
    return from == end || is_blank(*from) ? from : NULL;
}

/* Room for `size` bytes that live as long as the batch's commands. */
static char *copy_room(resp_batch *batch, size_t size) {
    resp_copy *copy = alloc_new(size_add_or_die(sizeof(resp_copy), size));
    *copy = (resp_copy){batch->copies, size};
    batch->copies = copy;
    return copy->data;
}

bool resp_split_line(resp_batch *batch, const char *line, size_t length) {
    size_t first = batch->argument_count;
    const char *from = line;
    const char *end = line + length;
    char *room = NULL; /* for what is left of the line, unescaped */
    for (;;) {
        while (from < end && is_blank(*from)) from++;
        if (from == end) return true;
        const char *start = from;
        while (from < end && !ends_word(*from) && *from != '"' && *from != '\'') from++;
        size_t plain = (size_t)(from - start);
        if (from == end || ends_word(*from)) {
            argument_push(batch, start, plain);
            continue;
        }
        if (!room) room = copy_room(batch, (size_t)(end - start));
        char *argument = room;
        memcpy(room, start, plain);
        room += plain;
        from = copy_quoted(from + 1, end, *from, &room);
        if (!from) {
            batch->argument_count = first;
            return false;
        }
        argument_push(batch, argument, (size_t)(room - argument));
    }
}

/* *consumed is advanced over the line where it is whole. */
static resp_status parse_inline(resp_parser *parser, resp_batch *batch, const char *data,
                                size_t length, size_t *consumed) {
    const char *line = data + *consumed;
    size_t available = length - *consumed;
    const char *newline = memchr(line + parser->position, '\n', available - parser->position);
    if (!newline) {
        parser->position = available;
        return available > RESP_LINE_MAX ? RESP_ERROR_INLINE_TOO_BIG : RESP_OK;
    }
    size_t line_length = (size_t)(newline - line);
    if (line_length > 0 && newline[-1] == '\r') line_length--;
    size_t first = batch->argument_count;
    parser->position = 0;
    if (!resp_split_line(batch, line, line_length)) return RESP_ERROR_UNBALANCED_QUOTES;
    *consumed = (size_t)(newline + 1 - data);
    if (batch->argument_count > first) command_push(batch, first, *consumed);
    return RESP_OK;
}

/* ---- arrays of bulk strings ---- */

/* The number of a count line whose first digit is at `at`. Returns the address behind its CRLF, or
 * NULL: the line is not whole. *valid tells whether it is a number (strict: no '+', no leading
 * zero, no overflow). */
static inline const char *count_line(const char *at, const char *end, int64_t *number,
                                     bool *valid) {
    const char *start = at;
    uint64_t value = 0;
    bool negative = at < end && *at == '-';
    at += negative;
    const char *digits = at;
    while (at < end && (uint8_t)(*at - '0') <= 9 && at - digits < 19)
        value = value * 10 + (uint64_t)(*at++ - '0');
    if (UNLIKELY(at >= end || *at != '\r')) {
        at = memchr(start, '\r', (size_t)(end - start));
        if (!at || end - at < 2) return NULL;
        *valid = false;
        return at + 2;
    }
    if (UNLIKELY(end - at < 2)) return NULL;
    *valid = at > digits && value <= (uint64_t)INT64_MAX + negative &&
             (*digits != '0' || (at == digits + 1 && !negative));
    *number = (int64_t)(negative ? 0 - value : value);
    return at + 2;
}

static resp_status count_check(int64_t count, bool valid, const resp_limits *limits) {
    if (!valid || count > INT32_MAX) return RESP_ERROR_COUNT_INVALID;
    if (limits->unauthenticated && count > RESP_UNAUTHENTICATED_COUNT_MAX)
        return RESP_ERROR_COUNT_UNAUTHENTICATED;
    return RESP_OK;
}

static resp_status bulk_check(int64_t size, bool valid, const resp_limits *limits) {
    if (!valid || size < 0 || size > limits->bulk_max) return RESP_ERROR_BULK_INVALID;
    if (limits->unauthenticated && size > RESP_UNAUTHENTICATED_BULK_MAX)
        return RESP_ERROR_BULK_UNAUTHENTICATED;
    return RESP_OK;
}

/* What stands at `at` does not begin with '$': an error as soon as its line is there. */
static COLD resp_status bulk_unexpected(resp_parser *parser, const char *at, const char *end) {
    const char *line_end = memchr(at, '\r', (size_t)(end - at));
    if (!line_end || end - line_end < 2)
        return end - at > RESP_LINE_MAX && !line_end ? RESP_ERROR_BULK_TOO_BIG : RESP_OK;
    parser->unexpected = (uint8_t)*at;
    return RESP_ERROR_BULK_EXPECTED;
}

/* One argument beginning at *at (its header, or its bytes where parser->bulk_length is known).
 * On RESP_OK with *whole, `out` is it and *at stands behind it; without, it is not all there. */
static inline resp_status parse_bulk(resp_parser *parser, const char **at, const char *end,
                                     const resp_limits *limits, slice *out, bool *whole) {
    *whole = false;
    if (parser->bulk_length < 0) {
        bool valid;
        int64_t size = 0;
        if (*at == end) return RESP_OK;
        if (UNLIKELY(**at != '$')) return bulk_unexpected(parser, *at, end);
        const char *next = count_line(*at + 1, end, &size, &valid);
        if (UNLIKELY(!next))
            return end - *at > RESP_LINE_MAX ? RESP_ERROR_BULK_TOO_BIG : RESP_OK;
        resp_status status = bulk_check(size, valid, limits);
        if (UNLIKELY(status)) return status;
        parser->bulk_length = size;
        *at = next;
    }
    size_t size = (size_t)parser->bulk_length;
    if ((size_t)(end - *at) < size + 2) return RESP_OK;
    if (UNLIKELY((*at)[size] != '\r' || (*at)[size + 1] != '\n'))
        return RESP_ERROR_BULK_UNTERMINATED;
    *out = (slice){*at, size};
    *at += size + 2;
    parser->bulk_length = -1;
    *whole = true;
    return RESP_OK;
}

/* Go on with the command that earlier calls have left incomplete. */
static resp_status parse_resumed(resp_parser *parser, resp_batch *batch, const char *data,
                                 size_t length, const resp_limits *limits, size_t *consumed) {
    const char *start = data + *consumed;
    const char *at = start + parser->position;
    const char *end = data + length;
    while (parser->remaining) {
        slice argument;
        bool whole;
        resp_status status = parse_bulk(parser, &at, end, limits, &argument, &whole);
        parser->position = (size_t)(at - start);
        if (status || !whole) return status;
        partial_push(parser, (size_t)(argument.data - start), argument.length);
        parser->remaining--;
    }
    size_t first = batch->argument_count;
    if (first + parser->partial_count > batch->argument_capacity)
        arguments_grow(batch, first + parser->partial_count);
    for (uint32_t i = 0; i < parser->partial_count; i++)
        argument_push(batch, start + parser->partial[i].offset, parser->partial[i].length);
    *consumed = (size_t)(at - data);
    command_push(batch, first, *consumed);
    resp_parser_free(parser);
    return RESP_OK;
}

/* The argument at `at` where it is short and whole, as nearly all are; NULL where parse_bulk is to
 * tell what it is. Returns the address behind it. */
static ALWAYS_INLINE const char *short_bulk(const char *at, const char *end, slice *out) {
    if (end - at < SHORT_BULK_MIN || at[0] != '$') return NULL;
    size_t size = (uint8_t)(at[1] - '0');
    if (size > 9) return NULL;
    if (at[2] != '\r') {
        size_t second = (uint8_t)(at[2] - '0');
        if (second > 9 || size == 0 || at[3] != '\r') return NULL;
        size = size * 10 + second;
        at++;
    }
    at += 4;
    if ((size_t)(end - at) < size + 2 || at[size] != '\r' || at[size + 1] != '\n') return NULL;
    *out = (slice){at, size};
    return at + size + 2;
}

/* A command from its '*'. Where it is not whole, what is known of it goes to the parser. */
static resp_status parse_array(resp_parser *parser, resp_batch *batch, const char *data,
                               size_t length, const resp_limits *limits, size_t *consumed) {
    const char *start = data + *consumed;
    const char *end = data + length;
    int64_t count = 0;
    bool valid;
    const char *at = count_line(start + 1, end, &count, &valid);
    if (UNLIKELY(!at))
        return end - start > RESP_LINE_MAX ? RESP_ERROR_COUNT_TOO_BIG : RESP_OK;
    resp_status status = count_check(count, valid, limits);
    if (UNLIKELY(status)) return status;
    if (UNLIKELY(count <= 0)) {
        *consumed = (size_t)(at - data);
        return RESP_OK;
    }
    size_t first = batch->argument_count;
    for (parser->remaining = count; parser->remaining; parser->remaining--) {
        slice argument;
        const char *behind = short_bulk(at, end, &argument);
        if (LIKELY(behind != NULL)) {
            argument_push(batch, argument.data, argument.length);
            at = behind;
            continue;
        }
        bool whole;
        status = parse_bulk(parser, &at, end, limits, &argument, &whole);
        if (UNLIKELY(status)) return status;
        if (UNLIKELY(!whole)) {
            for (size_t i = first; i < batch->argument_count; i++)
                partial_push(parser, (size_t)(batch->arguments[i].data - start),
                             batch->arguments[i].length);
            batch->argument_count = first;
            parser->position = (size_t)(at - start);
            return RESP_OK;
        }
        argument_push(batch, argument.data, argument.length);
    }
    *consumed = (size_t)(at - data);
    command_push(batch, first, *consumed);
    return RESP_OK;
}

resp_status resp_parse(resp_parser *parser, resp_batch *batch, const char *data, size_t length,
                       const resp_limits *limits, uint32_t commands_max, size_t *consumed) {
    uint32_t commands_before = batch->command_count;
    *consumed = 0;
    while (*consumed < length && batch->command_count - commands_before < commands_max) {
        size_t before = *consumed;
        size_t arguments = batch->argument_count;
        resp_status status;
        if (parser->remaining)
            status = parse_resumed(parser, batch, data, length, limits, consumed);
        else if (data[before] == '*')
            status = parse_array(parser, batch, data, length, limits, consumed);
        else
            status = parse_inline(parser, batch, data, length, consumed);
        if (UNLIKELY(status)) {
            batch->argument_count = arguments;
            return status;
        }
        if (*consumed == before) break;
    }
    return RESP_OK;
}

size_t resp_parser_wants(const resp_parser *parser) {
    if (parser->bulk_length < 0) return 0;
    return parser->position + (size_t)parser->bulk_length + 2;
}
