/* Tests of resp.h. Streams are built from known commands, so that the oracle is the list they were
 * built from; each call gets the bytes that have arrived in a fresh block of exactly their size, so
 * that the address checker sees a look beyond the end, and the parser cannot rely on an address. */
#include "alloc.h"
#include "check.h"
#include "resp.h"

#include <time.h>

enum { STREAM_MAX = 1 << 17, COMMANDS_MAX = 64, ARGUMENTS_MAX = 512, ENDS_MAX = 256 };

/* A stream and what is in it. */
typedef struct stream {
    char bytes[STREAM_MAX];
    size_t length;
    char text[STREAM_MAX]; /* of the arguments, one behind the other */
    size_t text_length;
    struct {
        size_t offset, length;
    } arguments[ARGUMENTS_MAX];
    size_t argument_count;
    struct {
        size_t first, count;
    } commands[COMMANDS_MAX];
    size_t command_count;
    size_t ends[ENDS_MAX]; /* where the parser may stop: behind commands, empty lines and arrays */
    size_t end_count;
} stream;

static const resp_limits usual_limits = {.bulk_max = 512 << 20};

static void append(stream *to, const void *bytes, size_t length)
{
    CHECK(to->length + length <= STREAM_MAX);
    memcpy(to->bytes + to->length, bytes, length);
    to->length += length;
}

static void append_text(stream *to, const char *text)
{
    append(to, text, strlen(text));
}

static void end_here(stream *to)
{
    CHECK(to->end_count < ENDS_MAX);
    to->ends[to->end_count++] = to->length;
}

static void add_argument(stream *to, const void *bytes, size_t length)
{
    CHECK(to->argument_count < ARGUMENTS_MAX && to->text_length + length <= STREAM_MAX);
    memcpy(to->text + to->text_length, bytes, length);
    to->arguments[to->argument_count].offset = to->text_length;
    to->arguments[to->argument_count++].length = length;
    to->text_length += length;
}

static void begin_command(stream *to)
{
    CHECK(to->command_count < COMMANDS_MAX);
    to->commands[to->command_count].first = to->argument_count;
}

static void end_command(stream *to)
{
    size_t first = to->commands[to->command_count].first;
    to->commands[to->command_count++].count = to->argument_count - first;
    end_here(to);
}

/* ---- random streams ---- */

static void add_array_command(check_run *run, stream *to)
{
    char header[32], bytes[300];
    size_t count = 1 + check_random_below(run, check_chance(run, 10) ? 30 : 5);
    begin_command(to);
    append(to, header, (size_t)snprintf(header, sizeof header, "*%zu\r\n", count));
    while (count-- > 0) {
        size_t length = check_random_below(run, check_chance(run, 5) ? sizeof bytes : 20);
        check_random_bytes(run, bytes, length);
        if (check_chance(run, 30))
            for (size_t at = 0; at < length; at++)
                bytes[at] = "\r\n$*\"' "[(unsigned char)bytes[at] % 7]; /* looks like protocol */
        append(to, header, (size_t)snprintf(header, sizeof header, "$%zu\r\n", length));
        append(to, bytes, length);
        append(to, "\r\n", 2);
        add_argument(to, bytes, length);
    }
    end_command(to);
}

static void append_double_quoted(check_run *run, stream *to, const unsigned char *bytes,
                                 size_t length)
{
    static const char named[] = "\n\r\t\b\a", letters[] = "nrtba";
    append_text(to, "\"");
    for (size_t at = 0; at < length; at++) {
        char escaped[8];
        const char *name = bytes[at] ? strchr(named, bytes[at]) : NULL;
        if (name && check_chance(run, 50))
            append(to, escaped, (size_t)snprintf(escaped, 8, "\\%c", letters[name - named]));
        else if (bytes[at] == '\\' || bytes[at] == '"')
            append(to, escaped, (size_t)snprintf(escaped, 8, "\\%c", bytes[at]));
        else if (bytes[at] == 0 || bytes[at] == '\n' || check_chance(run, 20))
            append(to, escaped, (size_t)snprintf(escaped, 8, check_chance(run, 50) ? "\\x%02x"
                                                                                  : "\\x%02X",
                                                 bytes[at]));
        else
            append(to, &bytes[at], 1);
    }
    append_text(to, "\"");
}

static void append_single_quoted(stream *to, unsigned char *bytes, size_t length)
{
    append_text(to, "'");
    for (size_t at = 0; at < length; at++) {
        if (bytes[at] == 0 || bytes[at] == '\n' || bytes[at] == '\\')
            bytes[at] = 's'; /* cannot be said in single quotes (a backslash not before a quote) */
        if (bytes[at] == '\'')
            append_text(to, "\\");
        append(to, &bytes[at], 1);
    }
    append_text(to, "'");
}

static void append_blanks(check_run *run, stream *to, size_t least)
{
    size_t count = least + check_random_below(run, 3);
    for (size_t at = 0; at < count; at++) /* only blank and tab end a word */
        append(to, &" \t\v\f"[check_random_below(run, at == 0 ? 2 : 4)], 1);
}

static void add_inline_command(check_run *run, stream *to)
{
    unsigned char bytes[30];
    size_t count = 1 + check_random_below(run, 5);
    begin_command(to);
    append_blanks(run, to, 0);
    while (count-- > 0) {
        size_t length = check_random_below(run, sizeof bytes), plain = 0;
        unsigned style = (unsigned)check_random_below(run, 3);
        check_random_bytes(run, bytes, length);
        /* A part without quotes, then, maybe, a quoted one that belongs to the same argument. */
        if (style == 0 || check_chance(run, 20)) {
            length += length == 0;
            plain = style == 0 ? length : check_random_below(run, length + 1);
            for (size_t at = 0; at < plain; at++)
                bytes[at] = "abcXYZ019-_\\$*:"[bytes[at] % (at == 0 ? 11 : 15)];
            append(to, bytes, plain);
        }
        if (style == 1)
            append_double_quoted(run, to, bytes + plain, length - plain);
        else if (style == 2)
            append_single_quoted(to, bytes + plain, length - plain);
        add_argument(to, bytes, length);
        append_blanks(run, to, count > 0);
    }
    append_text(to, check_chance(run, 50) ? "\r\n" : "\n");
    end_command(to);
}

static void add_nothing(check_run *run, stream *to)
{
    static const char *const nothings[] = {"\r\n", "\n", "*0\r\n", "*-1\r\n", "  \t\r\n",
                                           "*-9223372036854775808\r\n"};
    append_text(to, nothings[check_random_below(run, CHECK_LENGTH(nothings))]);
    end_here(to);
}

static void random_stream(check_run *run, stream *made, size_t commands)
{
    made->length = made->text_length = made->argument_count = 0;
    made->command_count = made->end_count = 0;
    end_here(made);
    while (made->command_count < commands) {
        unsigned kind = (unsigned)check_random_below(run, 10);
        if (kind < 6)
            add_array_command(run, made);
        else if (kind < 9)
            add_inline_command(run, made);
        else
            add_nothing(run, made);
    }
}

/* ---- feeding ---- */

typedef struct feeder {
    const stream *from;
    resp_parser parser;
    resp_batch batch;
    resp_limits limits;
    size_t start;   /* of the incomplete command */
    size_t arrived;
    size_t received; /* commands */
    resp_status status;
} feeder;

static void feeder_init(feeder *made, const stream *from)
{
    *made = (feeder){.from = from, .limits = usual_limits};
    resp_batch_init(&made->batch);
    resp_parser_init(&made->parser);
}

static void feeder_free(feeder *which)
{
    resp_parser_free(&which->parser);
    resp_batch_free(&which->batch);
}

static void check_command(const feeder *which, size_t index, size_t base)
{
    const stream *from = which->from;
    const resp_command *command = &which->batch.commands[index];
    size_t number = which->received + index;
    CHECK(number < from->command_count);
    CHECK_INT(command->count, from->commands[number].count);
    for (size_t at = 0; at < command->count; at++) {
        slice actual = which->batch.arguments[command->first + at];
        size_t expected = from->commands[number].first + at;
        CHECK_BYTES(actual.data, actual.length, from->text + from->arguments[expected].offset,
                    from->arguments[expected].length);
    }
    bool is_end = false;
    for (size_t end = 0; end < from->end_count; end++)
        is_end |= from->ends[end] == base + command->end;
    CHECK(is_end);
}

/* More bytes have arrived: parse what the parser has not consumed, from a fresh block. */
static void feed(feeder *which, size_t arrived, uint32_t commands_max)
{
    size_t length = arrived - which->start, consumed;
    char *data = malloc(length ? length : 1);
    memcpy(data, which->from->bytes + which->start, length);
    which->arrived = arrived;
    which->status = resp_parse(&which->parser, &which->batch, data, length, &which->limits,
                               commands_max, &consumed);
    CHECK(memcmp(data, which->from->bytes + which->start, length) == 0);
    CHECK(consumed <= length && which->batch.command_count <= commands_max);
    for (size_t index = 0; index < which->batch.command_count; index++)
        check_command(which, index, which->start);
    which->received += which->batch.command_count;
    which->start += consumed;
    resp_batch_clear(&which->batch);
    free(data);
}

static size_t last_end(const stream *from, size_t arrived)
{
    size_t last = 0;
    for (size_t end = 0; end < from->end_count; end++)
        if (from->ends[end] <= arrived)
            last = from->ends[end];
    return last;
}

static void feed_all(feeder *which, size_t arrived)
{
    feed(which, arrived, UINT32_MAX);
    CHECK_INT(which->status, RESP_OK);
    CHECK_INT(which->start, last_end(which->from, arrived));
}

static void check_all_received(const feeder *which)
{
    CHECK_INT(which->received, which->from->command_count);
    CHECK_INT(which->start, which->from->length);
    CHECK_INT(which->parser.remaining, 0);
    CHECK_POINTER(which->parser.partial, NULL);
}

static void test_commands_are_the_same_however_the_stream_is_split(check_run *run)
{
    stream *from = malloc(sizeof *from);
    size_t used_before = alloc_used_bytes();
    uint64_t rounds = check_iterations(run, 60);
    for (uint64_t round = 0; round < rounds; round++) {
        random_stream(run, from, 1 + check_random_below(run, 6));
        for (size_t split = 0; split <= from->length; split++) { /* in two, at every byte */
            feeder which;
            feeder_init(&which, from);
            feed_all(&which, split);
            feed_all(&which, from->length);
            check_all_received(&which);
            feeder_free(&which);
        }
        for (size_t step = 1; step < 40; step = step * 2 + 1) { /* in pieces of each size */
            feeder which;
            feeder_init(&which, from);
            for (size_t arrived = step; arrived < from->length; arrived += step)
                feed_all(&which, arrived);
            feed_all(&which, from->length);
            check_all_received(&which);
            feeder_free(&which);
        }
    }
    CHECK_INT(alloc_used_bytes(), used_before);
    free(from);
}

static void test_commands_are_the_same_in_random_pieces_and_bounded_batches(check_run *run)
{
    stream *from = malloc(sizeof *from);
    uint64_t rounds = check_iterations(run, 600);
    for (uint64_t round = 0; round < rounds; round++) {
        feeder which;
        random_stream(run, from, 1 + check_random_below(run, 30));
        feeder_init(&which, from);
        while (which.start < from->length) {
            size_t left = from->length - which.arrived;
            size_t piece = check_chance(run, 20) ? left : check_random_below(run, left + 1) / 4;
            size_t received = which.received, start = which.start;
            uint32_t most = (uint32_t)check_random_below(run, 4);
            feed(&which, which.arrived + piece, most);
            CHECK_INT(which.status, RESP_OK);
            CHECK(most > 0 || which.start == start);
            if (which.received - received < most)
                CHECK_INT(which.start, last_end(from, which.arrived));
        }
        check_all_received(&which);
        feeder_free(&which);
    }
    free(from);
}

/* Quoted arguments used to be unescaped in place. Commands that wait behind one that suspends their
 * session are parsed again later, and the second time `"a b"` read `a b b"`. */
static void test_a_quoted_line_can_be_parsed_again(check_run *run)
{
    (void)run;
    static const char line[] = "SET key \"a \\x41 b\" 'it\\'s'\r\n";
    char *data = malloc(sizeof line - 1);
    memcpy(data, line, sizeof line - 1);
    for (unsigned time = 0; time < 2; time++) {
        resp_batch batch;
        resp_parser parser;
        size_t consumed;
        resp_batch_init(&batch);
        resp_parser_init(&parser);
        CHECK_INT(resp_parse(&parser, &batch, data, sizeof line - 1, &usual_limits, 10, &consumed),
                  RESP_OK);
        CHECK_INT(consumed, sizeof line - 1);
        CHECK_INT(batch.argument_count, 4);
        CHECK_BYTES(batch.arguments[2].data, batch.arguments[2].length, "a A b", 5);
        CHECK_BYTES(batch.arguments[3].data, batch.arguments[3].length, "it's", 4);
        resp_batch_free(&batch);
    }
    free(data);
}

static void test_batches_of_several_sessions_share_one_array(check_run *run)
{
    enum { SESSIONS = 40 };
    stream *streams = malloc(SESSIONS * sizeof *streams);
    char *data[SESSIONS];
    uint32_t first[SESSIONS + 1];
    resp_batch batch;
    resp_batch_init(&batch);
    for (size_t index = 0; index < SESSIONS; index++) {
        resp_parser parser;
        size_t consumed;
        random_stream(run, &streams[index], 1 + check_random_below(run, 20));
        data[index] = malloc(streams[index].length);
        memcpy(data[index], streams[index].bytes, streams[index].length);
        first[index] = batch.command_count;
        resp_parser_init(&parser);
        CHECK_INT(resp_parse(&parser, &batch, data[index], streams[index].length, &usual_limits,
                             1000, &consumed), RESP_OK);
    }
    first[SESSIONS] = batch.command_count;
    for (size_t index = 0; index < SESSIONS; index++) {
        CHECK_INT(first[index + 1] - first[index], streams[index].command_count);
        for (uint32_t number = first[index]; number < first[index + 1]; number++) {
            const resp_command *command = &batch.commands[number];
            size_t expected = streams[index].commands[number - first[index]].first;
            for (size_t at = 0; at < command->count; at++, expected++)
                CHECK_BYTES(batch.arguments[command->first + at].data,
                            batch.arguments[command->first + at].length,
                            streams[index].text + streams[index].arguments[expected].offset,
                            streams[index].arguments[expected].length);
        }
        free(data[index]);
    }
    resp_batch_free(&batch);
    free(streams);
}

/* ---- errors ---- */

typedef struct mistake {
    const char *bytes;
    resp_status status;
    char unexpected;
} mistake;

static const mistake mistakes[] = {
    {"*x\r\n", RESP_ERROR_COUNT_INVALID, 0},
    {"*\r\n", RESP_ERROR_COUNT_INVALID, 0},
    {"*+1\r\n", RESP_ERROR_COUNT_INVALID, 0},
    {"* 1\r\n", RESP_ERROR_COUNT_INVALID, 0},
    {"*1 \r\n", RESP_ERROR_COUNT_INVALID, 0},
    {"*01\r\n", RESP_ERROR_COUNT_INVALID, 0},
    {"*-0\r\n", RESP_ERROR_COUNT_INVALID, 0},
    {"*-\r\n", RESP_ERROR_COUNT_INVALID, 0},
    {"*2147483648\r\n", RESP_ERROR_COUNT_INVALID, 0},
    {"*9223372036854775807\r\n", RESP_ERROR_COUNT_INVALID, 0},
    {"*9223372036854775808\r\n", RESP_ERROR_COUNT_INVALID, 0},
    {"*-9223372036854775809\r\n", RESP_ERROR_COUNT_INVALID, 0},
    {"*18446744073709551617\r\n", RESP_ERROR_COUNT_INVALID, 0},
    {"*99999999999999999999999999\r\n", RESP_ERROR_COUNT_INVALID, 0},
    {"*1\r\n:5\r\n", RESP_ERROR_BULK_EXPECTED, ':'},
    {"*1\r\n\r\n", RESP_ERROR_BULK_EXPECTED, '\r'},
    {"*3\r\n$3\r\nSET\r\n$1\r\nk\r\nGET k\r\n", RESP_ERROR_BULK_EXPECTED, 'G'},
    {"*2\r\n$1\r\na\r\n*1\r\n", RESP_ERROR_BULK_EXPECTED, '*'},
    {"*1\r\n$\r\n", RESP_ERROR_BULK_INVALID, 0},
    {"*1\r\n$-1\r\n", RESP_ERROR_BULK_INVALID, 0},
    {"*1\r\n$-0\r\n", RESP_ERROR_BULK_INVALID, 0},
    {"*1\r\n$+3\r\n", RESP_ERROR_BULK_INVALID, 0},
    {"*1\r\n$03\r\n", RESP_ERROR_BULK_INVALID, 0},
    {"*1\r\n$3x\r\n", RESP_ERROR_BULK_INVALID, 0},
    {"*2\r\n$1\r\na\r\n$536870913\r\n", RESP_ERROR_BULK_INVALID, 0},
    {"*1\r\n$9223372036854775807\r\n", RESP_ERROR_BULK_INVALID, 0},
    {"*1\r\n$18446744073709551616\r\n", RESP_ERROR_BULK_INVALID, 0},
    {"*1\r\n$3\r\nabcd\r\n", RESP_ERROR_BULK_UNTERMINATED, 0},
    {"*1\r\n$3\r\nabc\n\r", RESP_ERROR_BULK_UNTERMINATED, 0},
    {"*1\r\n$0\r\nab", RESP_ERROR_BULK_UNTERMINATED, 0},
    {"*2\r\n$3\r\nabc\r\n$1\r\nx\rx", RESP_ERROR_BULK_UNTERMINATED, 0},
    {"SET k \"v\n", RESP_ERROR_UNBALANCED_QUOTES, 0},
    {"SET k 'v\r\n", RESP_ERROR_UNBALANCED_QUOTES, 0},
    {"SET k \"v\"x\r\n", RESP_ERROR_UNBALANCED_QUOTES, 0},
    {"SET k 'v''w'\r\n", RESP_ERROR_UNBALANCED_QUOTES, 0},
    {"SET k \"v\\\"\r\n", RESP_ERROR_UNBALANCED_QUOTES, 0},
    {"\"a\" \"b\" \"\r\n", RESP_ERROR_UNBALANCED_QUOTES, 0},
};

/* The commands before the mistake all arrive, none of it does, and `consumed` stops before it,
 * whatever has arrived when it is noticed. */
static void test_each_mistake_is_told_behind_what_was_right(check_run *run)
{
    stream *from = malloc(sizeof *from);
    for (size_t index = 0; index < CHECK_LENGTH(mistakes); index++) {
        random_stream(run, from, check_random_below(run, 4));
        size_t right = from->length;
        append_text(from, mistakes[index].bytes);
        for (size_t split = 0; split <= from->length; split++) {
            feeder which;
            feeder_init(&which, from);
            feed(&which, split, UINT32_MAX);
            if (which.status == RESP_OK)
                feed(&which, from->length, UINT32_MAX);
            CHECK_INT(which.status, mistakes[index].status);
            CHECK_INT(which.received, from->command_count);
            CHECK_INT(which.start, right);
            if (which.status == RESP_ERROR_BULK_EXPECTED)
                CHECK_INT(which.parser.unexpected, mistakes[index].unexpected);
            feeder_free(&which);
        }
        feeder bytewise;
        feeder_init(&bytewise, from);
        for (size_t arrived = 1; bytewise.status == RESP_OK && arrived <= from->length; arrived++)
            feed(&bytewise, arrived, UINT32_MAX);
        CHECK_INT(bytewise.status, mistakes[index].status);
        CHECK_INT(bytewise.start, right);
        feeder_free(&bytewise);
    }
    free(from);
}

static resp_status parse_once(const char *bytes, size_t length, const resp_limits *limits)
{
    resp_batch batch;
    resp_parser parser;
    size_t consumed;
    char *data = malloc(length ? length : 1);
    memcpy(data, bytes, length);
    resp_batch_init(&batch);
    resp_parser_init(&parser);
    resp_status status = resp_parse(&parser, &batch, data, length, limits, 1000, &consumed);
    resp_parser_free(&parser);
    resp_batch_free(&batch);
    free(data);
    return status;
}

static resp_status parse_text(const char *text, const resp_limits *limits)
{
    return parse_once(text, strlen(text), limits);
}

static void test_limits_are_exact(check_run *run)
{
    (void)run;
    resp_limits small = {.bulk_max = 100}, all = {.bulk_max = INT64_MAX};
    resp_limits stranger = {.bulk_max = 1 << 20, .unauthenticated = true};
    CHECK_INT(parse_text("*1\r\n$100\r\n", &small), RESP_OK);
    CHECK_INT(parse_text("*1\r\n$101\r\n", &small), RESP_ERROR_BULK_INVALID);
    CHECK_INT(parse_text("*1\r\n$9223372036854775807\r\nx", &all), RESP_OK);
    CHECK_INT(parse_text("*2147483647\r\n$1\r\nx\r\n", &all), RESP_OK);
    CHECK_INT(parse_text("*10\r\n", &stranger), RESP_OK);
    CHECK_INT(parse_text("*11\r\n", &stranger), RESP_ERROR_COUNT_UNAUTHENTICATED);
    CHECK_INT(parse_text("*1\r\n$16384\r\n", &stranger), RESP_OK);
    CHECK_INT(parse_text("*1\r\n$16385\r\n", &stranger), RESP_ERROR_BULK_UNAUTHENTICATED);
    CHECK_INT(parse_text("*1\r\n$1048577\r\n", &stranger), RESP_ERROR_BULK_INVALID);
}

static void test_lines_that_do_not_end_are_cut_off_at_64_kb(check_run *run)
{
    static const struct {
        const char *start;
        resp_status status;
    } lines[] = {
        {"GET ", RESP_ERROR_INLINE_TOO_BIG},
        {"*", RESP_ERROR_COUNT_TOO_BIG},
        {"*1\r\n$", RESP_ERROR_BULK_TOO_BIG},
    };
    size_t most = RESP_LINE_MAX;
    char *bytes = malloc(most + 10);
    (void)run;
    for (size_t index = 0; index < CHECK_LENGTH(lines); index++) {
        size_t skipped = index == 2 ? 4 : 0; /* the count line is not part of the header's */
        memset(bytes, '1', most + 10);
        memcpy(bytes, lines[index].start, strlen(lines[index].start));
        CHECK_INT(parse_once(bytes, most + skipped, &usual_limits), RESP_OK);
        CHECK_INT(parse_once(bytes, most + skipped + 1, &usual_limits), lines[index].status);
    }
    memset(bytes, 'x', most + 9); /* a line that does end may be as long as the caller reads */
    bytes[most + 9] = '\n';
    CHECK_INT(parse_once(bytes, most + 10, &usual_limits), RESP_OK);
    free(bytes);
}

/* ---- costs ---- */

static char *giant_command(size_t arguments, size_t *length)
{
    char *bytes = malloc(arguments * 16 + 32);
    size_t at = (size_t)sprintf(bytes, "*%zu\r\n", arguments);
    for (size_t number = 0; number < arguments; number++)
        at += (size_t)sprintf(bytes + at, "$6\r\n%06zu\r\n", number);
    *length = at;
    return bytes;
}

static void check_giant(const resp_batch *batch, size_t arguments)
{
    CHECK_INT(batch->command_count, 1);
    CHECK_INT(batch->commands[0].count, arguments);
    for (size_t number = 0; number < arguments; number++) {
        char expected[32];
        CHECK(batch->arguments[number].length == 6);
        snprintf(expected, sizeof expected, "%06zu", number);
        CHECK(memcmp(batch->arguments[number].data, expected, 6) == 0);
    }
}

/* 100,000 arguments in 200,000 pieces: were each piece to look at all that has arrived, this would
 * read 120 GB. */
static void test_a_giant_command_in_small_pieces_costs_no_more_than_its_bytes(check_run *run)
{
    enum { ARGUMENTS = 100000 };
    size_t length, consumed = 0, used_before = alloc_used_bytes();
    char *bytes = giant_command(ARGUMENTS, &length);
    resp_batch batch;
    resp_parser parser;
    clock_t start = clock();
    resp_batch_init(&batch);
    resp_parser_init(&parser);
    for (size_t arrived = 0; arrived < length;) {
        CHECK_INT(consumed, 0);
        arrived += 1 + check_random_below(run, 11);
        arrived = arrived < length ? arrived : length;
        CHECK_INT(resp_parse(&parser, &batch, bytes, arrived, &usual_limits, 10, &consumed),
                  RESP_OK);
        /* Memory follows what has arrived, not the 100,000 claimed. */
        CHECK(arrived == length || alloc_used_bytes() - used_before < 16384 + 4 * arrived);
    }
    CHECK_INT(consumed, length);
    CHECK((clock() - start) / CLOCKS_PER_SEC < 10);
    check_giant(&batch, ARGUMENTS);
    resp_batch_clear(&batch);
    CHECK(alloc_used_bytes() - used_before < 32768);
    resp_batch_free(&batch);
    CHECK_INT(alloc_used_bytes(), used_before);
    free(bytes);
}

static void test_a_giant_command_may_move_between_any_two_pieces(check_run *run)
{
    enum { ARGUMENTS = 3000 };
    size_t length, consumed = 0;
    char *bytes = giant_command(ARGUMENTS, &length), *data = NULL;
    resp_batch batch;
    resp_parser parser;
    resp_batch_init(&batch);
    resp_parser_init(&parser);
    for (size_t arrived = 0; arrived < length;) {
        arrived += 1 + check_random_below(run, 100);
        arrived = arrived < length ? arrived : length;
        free(data);
        data = malloc(arrived);
        memcpy(data, bytes, arrived);
        CHECK_INT(resp_parse(&parser, &batch, data, arrived, &usual_limits, 10, &consumed),
                  RESP_OK);
    }
    check_giant(&batch, ARGUMENTS);
    resp_batch_free(&batch);
    free(data);
    free(bytes);
}

static void test_nothing_is_allocated_from_a_claimed_count(check_run *run)
{
    (void)run;
    size_t used_before = alloc_used_bytes(), consumed;
    static const char claim[] = "*2147483647\r\n$500000000\r\nx";
    resp_batch batch;
    resp_parser parser;
    resp_batch_init(&batch);
    resp_parser_init(&parser);
    CHECK_INT(resp_parse(&parser, &batch, claim, sizeof claim - 1, &usual_limits, 10, &consumed),
              RESP_OK);
    CHECK_INT(consumed, 0);
    CHECK(alloc_used_bytes() - used_before < 16384);
    CHECK_INT(resp_parser_wants(&parser), 13 + 12 + 500000000 + 2);
    resp_parser_free(&parser);
    CHECK_INT(resp_parser_wants(&parser), 0);
    resp_batch_free(&batch);
}

static void test_the_parser_tells_what_the_command_wants_at_least(check_run *run)
{
    static const struct {
        const char *arrived;
        size_t wants;
    } cases[] = {
        {"", 0}, {"*2\r\n", 0}, {"*2\r\n$3\r", 0}, {"*2\r\n$3\r\n", 13}, {"*2\r\n$3\r\nGE", 13},
        {"*2\r\n$3\r\nGET\r\n$100", 0}, {"*2\r\n$3\r\nGET\r\n$100\r\nab", 121}, {"GET k", 0},
    };
    (void)run;
    for (size_t index = 0; index < CHECK_LENGTH(cases); index++) {
        resp_batch batch;
        resp_parser parser;
        size_t consumed;
        resp_batch_init(&batch);
        resp_parser_init(&parser);
        resp_parse(&parser, &batch, cases[index].arrived, strlen(cases[index].arrived),
                   &usual_limits, 10, &consumed);
        CHECK_INT(resp_parser_wants(&parser), cases[index].wants);
        resp_parser_free(&parser);
        resp_batch_free(&batch);
    }
}

/* ---- lines ---- */

static void test_a_line_is_split_as_a_shell_would(check_run *run)
{
    static const struct {
        const char *line;
        const char *arguments; /* each behind its length in one digit */
    } cases[] = {
        {"", ""}, {"   ", ""}, {"a", "1a"}, {" a  b\tc ", "1a1b1c"},
        {"\"\"", "0"}, {"'' \"\"", "00"}, {"a\"b c\"", "4ab c"}, {"a'b'", "2ab"},
        {"\"\\x41\\x5A\\x5a\"", "3AZZ"}, {"\"\\x4\"", "2x4"}, {"\"\\xg1\"", "3xg1"},
        {"'\\x41'", "4\\x41"}, {"'\\n'", "2\\n"}, {"'a\\'b'", "3a'b"}, {"\"a\\'b\"", "3a'b"},
        {"\"\\\"\\\\\\q\"", "3\"\\q"}, {"\"'\" '\"'", "1'1\""}, {"a\\b", "3a\\b"}, {"\\", "1\\"},
        {"\"\\t\\r\\n\\b\\a\"", "5\t\r\n\b\a"},
    };
    (void)run;
    for (size_t index = 0; index < CHECK_LENGTH(cases); index++) {
        size_t length = strlen(cases[index].line);
        char *line = malloc(length ? length : 1);
        resp_batch batch;
        memcpy(line, cases[index].line, length);
        resp_batch_init(&batch);
        CHECK(resp_split_line(&batch, line, length));
        const char *expected = cases[index].arguments;
        for (size_t at = 0; at < batch.argument_count; at++) {
            size_t expected_length = (size_t)(*expected++ - '0');
            CHECK_BYTES(batch.arguments[at].data, batch.arguments[at].length, expected,
                        expected_length);
            expected += expected_length;
        }
        CHECK_INT(*expected, 0);
        resp_batch_free(&batch);
        free(line);
    }
}

static void test_a_line_with_unbalanced_quotes_adds_nothing(check_run *run)
{
    static const char *const lines[] = {"\"", "'", "a \"b", "a 'b", "\"a\"b", "'a'\"b\"", "\"\\\"",
                                        "'\\'", "x y \"\\x4"};
    (void)run;
    for (size_t index = 0; index < CHECK_LENGTH(lines); index++) {
        resp_batch batch;
        resp_batch_init(&batch);
        CHECK(resp_split_line(&batch, "one", 3));
        CHECK(!resp_split_line(&batch, lines[index], strlen(lines[index])));
        CHECK_INT(batch.argument_count, 1);
        resp_batch_free(&batch);
    }
}

static void test_zero_bytes_and_rare_blanks_inside_a_word_belong_to_it(check_run *run)
{
    (void)run;
    resp_batch batch;
    resp_batch_init(&batch);
    CHECK(resp_split_line(&batch, "\v\fa\vb \v\fc\0d", 11));
    CHECK_INT(batch.argument_count, 2);
    CHECK_BYTES(batch.arguments[0].data, batch.arguments[0].length, "a\vb", 3);
    CHECK_BYTES(batch.arguments[1].data, batch.arguments[1].length, "c\0d", 3);
    resp_batch_free(&batch);
}

/* Anything at all: no crash, no overread, no progress beyond what arrived. */
static void test_garbage_ends_in_an_error_or_waits(check_run *run)
{
    static const char alphabet[] = "*$\r\n0123-\"'\\x ab\0:";
    uint64_t rounds = check_iterations(run, 20000);
    for (uint64_t round = 0; round < rounds; round++) {
        char bytes[64];
        size_t length = check_random_below(run, sizeof bytes), start = 0, arrived = 0;
        resp_batch batch;
        resp_parser parser;
        for (size_t at = 0; at < length; at++)
            bytes[at] = alphabet[check_random_below(run, sizeof alphabet - 1)];
        resp_batch_init(&batch);
        resp_parser_init(&parser);
        while (arrived < length) {
            size_t consumed;
            arrived += 1 + check_random_below(run, length - arrived);
            char *data = malloc(arrived - start + 1);
            memcpy(data, bytes + start, arrived - start);
            resp_status status = resp_parse(&parser, &batch, data, arrived - start, &usual_limits,
                                            1000, &consumed);
            CHECK(consumed <= arrived - start);
            start += consumed;
            for (uint32_t index = 0; index < batch.command_count; index++)
                CHECK(batch.commands[index].count > 0);
            resp_batch_clear(&batch);
            free(data);
            if (status != RESP_OK)
                break;
        }
        resp_parser_free(&parser);
        resp_batch_free(&batch);
    }
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_commands_are_the_same_however_the_stream_is_split),
        CHECK_TEST(test_commands_are_the_same_in_random_pieces_and_bounded_batches),
        CHECK_TEST(test_a_quoted_line_can_be_parsed_again),
        CHECK_TEST(test_batches_of_several_sessions_share_one_array),
        CHECK_TEST(test_each_mistake_is_told_behind_what_was_right),
        CHECK_TEST(test_limits_are_exact),
        CHECK_TEST(test_lines_that_do_not_end_are_cut_off_at_64_kb),
        CHECK_TEST(test_a_giant_command_in_small_pieces_costs_no_more_than_its_bytes),
        CHECK_TEST(test_a_giant_command_may_move_between_any_two_pieces),
        CHECK_TEST(test_nothing_is_allocated_from_a_claimed_count),
        CHECK_TEST(test_the_parser_tells_what_the_command_wants_at_least),
        CHECK_TEST(test_a_line_is_split_as_a_shell_would),
        CHECK_TEST(test_a_line_with_unbalanced_quotes_adds_nothing),
        CHECK_TEST(test_zero_bytes_and_rare_blanks_inside_a_word_belong_to_it),
        CHECK_TEST(test_garbage_ends_in_an_error_or_waits),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
