/* Tests of lzf: streams made by a real server, an oracle that writes one byte at a time, round
 * trips of many kinds of data, and malformed streams in exactly sized buffers. */
#include "lzf.h"

#include "check.h"

/* Copies what a test hands over into a block of its exact size, so that the address checker sees
 * the first byte read or written outside. */
static unsigned char *exact_copy(const void *bytes, size_t length)
{
    unsigned char *copy = malloc(length > 0 ? length : 1);

    CHECK(copy != NULL);
    if (length > 0)
        memcpy(copy, bytes, length);
    return copy;
}

/* The format read naively: every byte put singly, every bound asked for each byte. */
static size_t naive_decompress(const unsigned char *in, size_t in_length, unsigned char *out,
                               size_t out_length)
{
    size_t from = 0, to = 0;

    while (from < in_length) {
        size_t control = in[from++], length = (control >> 5) + 2;

        if (control < 32) {
            for (size_t i = 0; i <= control; i++) {
                if (from >= in_length || to >= out_length)
                    return 0;
                out[to++] = in[from++];
            }
            continue;
        }
        if (length == 9) {
            if (from >= in_length)
                return 0;
            length += in[from++];
        }
        if (from >= in_length)
            return 0;
        size_t distance = (control & 31) * 256 + in[from++] + 1;
        for (size_t i = 0; i < length; i++) {
            if (distance > to || to >= out_length)
                return 0;
            out[to] = out[to - distance];
            to++;
        }
    }
    return to == out_length ? to : 0;
}

static void check_expands(const void *stream, size_t stream_length, const void *expected,
                          size_t length)
{
    unsigned char *in = exact_copy(stream, stream_length);
    unsigned char *out = malloc(length > 0 ? length : 1);

    CHECK(out != NULL);
    CHECK_INT(lzf_decompress(in, stream_length, out, length), length);
    CHECK_BYTES(out, length, expected, length);
    free(in);
    free(out);
}

/* Taken out of replies to DUMP of Redis 7.0. */
static void test_streams_of_a_real_server_expand(check_run *run)
{
    static const char letters[] = "\x01\x61\x61\xe0\x57\x00\x01\x61\x61";
    static const char words[] = "\x0e"
                                "fastredis and f\xe0\x0b\x0d\x01is";
    static const char counting[] =
        "\x1f\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14"
        "\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x1f\x20\x21\x22\x23\x24\x25\x26\x27\x28\x29"
        "\x2a\x2b\x2c\x2d\x2e\x2f\x30\x31\x32\x33\x34\x35\x36\x37\x38\x39\x3a\x3b\x3c\x3d\x3e\x3f"
        "\x00\x00\xe0\xff\x3f\xe1\xff\x3f\xe2\xff\x3f\xe3\xff\x3f\xe4\x94\x3f\x01\x3e\x3f";
    static const char sentence[] = "fastredis and fastredis and fastredis";
    char repeated[100], sixty_four[1280];

    (void)run;
    memset(repeated, 'a', sizeof repeated);
    for (size_t i = 0; i < sizeof sixty_four; i++)
        sixty_four[i] = (char)(i % 64);
    check_expands(letters, sizeof letters - 1, repeated, sizeof repeated);
    check_expands(words, sizeof words - 1, sentence, sizeof sentence - 1);
    check_expands(counting, sizeof counting - 1, sixty_four, sizeof sixty_four);
}

static void test_malformed_streams_are_refused(check_run *run)
{
    static const struct {
        const char *bytes;
        size_t length, out_length;
    } malformed[] = {
        {"\x00", 1, 1},                   /* a literal that is not there */
        {"\x02xy", 3, 3},                 /* one literal too few */
        {"\x01xy", 3, 1},                 /* more literals than room */
        {"\x01xy", 3, 3},                 /* fewer bytes than said */
        {"\x20", 1, 3},                   /* a copy without its distance */
        {"\x20\x00", 2, 3},               /* a copy before any byte */
        {"\x00x\x20\x01", 4, 4},          /* from before the start */
        {"\x00x\x20\x00", 4, 3},          /* more copied than room */
        {"\x00x\xe0", 3, 10},             /* a long copy without its length */
        {"\x00x\xe0\x00", 4, 10},         /* a long copy without its distance */
        {"\x00x\xe0\xff\x00", 5, 264},    /* one byte too long */
        {"\x00x\x3f\xff", 4, 4},          /* the greatest distance */
        {"", 0, 1},
    };

    (void)run;
    for (size_t i = 0; i < CHECK_LENGTH(malformed); i++) {
        unsigned char *in = exact_copy(malformed[i].bytes, malformed[i].length);
        unsigned char *out = malloc(malformed[i].out_length);

        CHECK(out != NULL);
        CHECK_INT(lzf_decompress(in, malformed[i].length, out, malformed[i].out_length), 0);
        free(in);
        free(out);
    }
    char repeated[265];
    check_expands("\x00x\xe0\xff\x00", 5, memset(repeated, 'x', sizeof repeated), 265);
}

static void test_what_does_not_shrink_is_refused(check_run *run)
{
    unsigned char bytes[300], out[400];

    for (size_t length = 0; length < 8; length++)
        CHECK_INT(lzf_compress("abcdefgh", length, out, sizeof out), 0);
    CHECK_INT(lzf_compress(NULL, 0, out, sizeof out), 0);
    check_random_bytes(run, bytes, sizeof bytes);
    CHECK_INT(lzf_compress(bytes, sizeof bytes, out, sizeof out), 0);
    memset(bytes, 0, sizeof bytes);
    size_t length = lzf_compress(bytes, sizeof bytes, out, sizeof out);
    CHECK(length > 0 && length < 16);
    for (size_t capacity = 0; capacity < length; capacity++) {
        unsigned char *exact = malloc(capacity > 0 ? capacity : 1);

        CHECK(exact != NULL);
        CHECK_INT(lzf_compress(bytes, sizeof bytes, exact, capacity), 0);
        free(exact);
    }
    CHECK_INT(lzf_compress(bytes, sizeof bytes, out, length), length);
}

/* Words of a small dictionary, runs, far repeats and noise, so that each kind of run is met. */
static void make_data(check_run *run, unsigned char *data, size_t length)
{
    unsigned kinds = (unsigned)check_random_below(run, 15) + 1;
    size_t at = 0;

    while (at < length) {
        size_t piece = 1 + check_random_below(run, check_chance(run, 20) ? 600 : 20);
        unsigned kind = (unsigned)check_random_below(run, 4);
        size_t back = check_chance(run, 50) ? 50 : 8180 + check_random_below(run, 20);

        if (piece > length - at)
            piece = length - at;
        if (!(kinds >> kind & 1))
            continue;
        for (size_t i = 0; i < piece; i++, at++) {
            if (kind == 0)
                data[at] = (unsigned char)check_random(run);
            else if (kind == 1)
                data[at] = i == 0 || at == 0 ? (unsigned char)check_random(run) : data[at - 1];
            else if (kind == 2)
                data[at] = (unsigned char)('a' + check_random_below(run, 3));
            else
                data[at] = at < back ? 'x' : data[at - back];
        }
    }
}

static void test_round_trips_agree_with_a_naive_reader(check_run *run)
{
    uint64_t iterations = check_iterations(run, 1500), shrunk = 0;

    for (uint64_t i = 0; i < iterations; i++) {
        size_t length = 1 + check_random_below(run, check_chance(run, 5) ? 100000 : 2000);
        unsigned char *data = malloc(length), *naive = malloc(length);

        CHECK(data != NULL && naive != NULL);
        make_data(run, data, length);
        size_t capacity = check_random_below(run, length + 10);
        unsigned char *packed = malloc(capacity + 1);
        CHECK(packed != NULL);
        packed[capacity] = 0xa5;
        size_t packed_length = lzf_compress(data, length, packed, capacity);
        CHECK(packed_length <= capacity && packed[capacity] == 0xa5);
        if (packed_length > 0) {
            CHECK(packed_length < length);
            CHECK_INT(naive_decompress(packed, packed_length, naive, length), length);
            CHECK_BYTES(naive, length, data, length);
            check_expands(packed, packed_length, data, length);
            shrunk++;
        }
        free(packed);
        free(naive);
        free(data);
    }
    CHECK(shrunk > iterations / 10);
}

/* Streams of plausible runs and damaged real ones: accepted exactly when the naive reader accepts,
 * with the same bytes, and never outside of either buffer. */
static void test_random_and_damaged_streams_agree_with_a_naive_reader(check_run *run)
{
    uint64_t iterations = check_iterations(run, 100000), accepted = 0;

    for (uint64_t i = 0; i < iterations; i++) {
        unsigned char stream[256], data[200], naive[300];
        size_t length = check_random_below(run, 24), out_length = check_random_below(run, 300);

        if (check_chance(run, 50)) {
            make_data(run, data, sizeof data);
            size_t packed = lzf_compress(data, sizeof data, stream, sizeof stream);
            if (packed > 0) {
                length = packed;
                out_length = sizeof data;
            }
            if (packed > 0 && check_chance(run, 80))
                stream[check_random_below(run, length)] ^= 1 << check_random_below(run, 8);
        } else {
            check_random_bytes(run, stream, length);
            for (size_t at = 0; at < length; at++)
                if (check_chance(run, 60))
                    stream[at] &= 0x27;
        }
        if (check_chance(run, 20) && length > 0)
            length -= check_random_below(run, length);
        if (check_chance(run, 60)) { /* a length that fits, if there is one */
            for (size_t fits = 0; fits < sizeof naive; fits++)
                if (naive_decompress(stream, length, naive, fits) == fits)
                    out_length = fits;
        }
        unsigned char *in = exact_copy(stream, length);
        unsigned char *out = malloc(out_length > 0 ? out_length : 1);
        CHECK(out != NULL);
        size_t expected = naive_decompress(stream, length, naive, out_length);
        CHECK_INT(lzf_decompress(in, length, out, out_length), expected);
        if (expected > 0)
            CHECK_BYTES(out, expected, naive, expected);
        accepted += expected > 0;
        free(in);
        free(out);
    }
    CHECK(accepted > iterations / 20 && accepted < iterations);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_streams_of_a_real_server_expand),
        CHECK_TEST(test_malformed_streams_are_refused),
        CHECK_TEST(test_what_does_not_shrink_is_refused),
        CHECK_TEST(test_round_trips_agree_with_a_naive_reader),
        CHECK_TEST(test_random_and_damaged_streams_agree_with_a_naive_reader),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
