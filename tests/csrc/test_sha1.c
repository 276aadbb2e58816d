/* Tests of sha1: the published examples, every length around the ends of blocks, and messages that
 * come in pieces. The digests of the lengths were computed by another program (hashlib). */
#include "sha1.h"

#include "check.h"

static void check_digest(const void *bytes, size_t length, const char *expected) {
    uint8_t digest[SHA1_BYTES];
    char hex[2 * SHA1_BYTES];
    sha1_of(bytes, length, digest);
    sha1_hex(digest, hex);
    CHECK_BYTES(hex, sizeof hex, expected, strlen(expected));
}

static void test_published_examples(check_run *run) {
    (void)run;
    check_digest("", 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    check_digest("abc", 3, "a9993e364706816aba3e25717850c26c9cd0d89d");
    check_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
                 "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    char *million = malloc(1000000);
    memset(million, 'a', 1000000);
    check_digest(million, 1000000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    free(million);
}

/* The digests of "a", "aa", ... up to 200 bytes, added up by hashing them in turn. */
static void test_every_length_around_the_ends_of_blocks(check_run *run) {
    char text[200];
    uint8_t digest[SHA1_BYTES];
    char hex[2 * SHA1_BYTES];
    sha1 all;
    (void)run;
    memset(text, 'a', sizeof text);
    sha1_begin(&all);
    for (size_t length = 0; length <= sizeof text; length++) {
        sha1_of(text, length, digest);
        sha1_add(&all, digest, sizeof digest);
    }
    sha1_end(&all, digest);
    sha1_hex(digest, hex);
    CHECK_BYTES(hex, sizeof hex, "f6f332e8f89c35ee3df74d34ef8fda777d9647b9", 40);
}

static void test_pieces_make_the_digest_of_the_whole(check_run *run) {
    for (int round = 0; round < 2000; round++) {
        uint8_t bytes[400], whole[SHA1_BYTES], pieces[SHA1_BYTES];
        size_t length = check_random_below(run, sizeof bytes), at = 0;
        sha1 hash;
        check_random_bytes(run, bytes, length);
        sha1_of(bytes, length, whole);
        sha1_begin(&hash);
        while (at < length) {
            size_t piece = check_random_below(run, round % 2 ? 20 : 150);
            if (piece > length - at) piece = length - at;
            sha1_add(&hash, bytes + at, piece);
            at += piece;
        }
        sha1_end(&hash, pieces);
        CHECK_BYTES(pieces, sizeof pieces, whole, sizeof whole);
    }
}

int main(int count, char **arguments) {
    static const check_test tests[] = {
        CHECK_TEST(test_published_examples),
        CHECK_TEST(test_every_length_around_the_ends_of_blocks),
        CHECK_TEST(test_pieces_make_the_digest_of_the_whole),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
