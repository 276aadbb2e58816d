/* Tests of glob: edges seen on real servers, a recursive oracle over a tiny alphabet, time. */
#include "glob.h"

#include <time.h>

#include "check.h"

typedef struct example {
    const char *pattern, *text;
    bool matches;
} example;

static bool match(const char *pattern, const char *text, bool ignore_case)
{
    return glob_match(pattern, strlen(pattern), text, strlen(text), ignore_case);
}

static void check_examples(const example *examples, size_t count, bool ignore_case)
{
    for (size_t i = 0; i < count; i++) {
        bool got = match(examples[i].pattern, examples[i].text, ignore_case);

        if (got != examples[i].matches)
            printf("pattern \"%s\", text \"%s\"\n", examples[i].pattern, examples[i].text);
        CHECK(got == examples[i].matches);
    }
}

static void test_each_element_matches_what_the_header_says(check_run *run)
{
    static const example examples[] = {
        {"", "", true}, {"", "a", false}, {"a", "", false}, {"abc", "abc", true},
        {"abc", "ab", false}, {"ab", "abc", false}, {"*", "a", true}, {"a*", "a", true},
        {"a*", "abc", true}, {"*c", "abc", true}, {"*b*", "abc", true}, {"*d*", "abc", false},
        {"a**", "a", true}, {"a**c", "abc", true}, {"a*b*c", "a1b2b3c", true},
        {"a*b*c", "a1b2b3cd", false}, {"?", "a", true}, {"?", "ab", false}, {"a?c", "abc", true},
        {"?*", "a", true}, {"*?", "abc", true}, {"??*", "a", false}, {"[abc]", "b", true},
        {"[abc]", "d", false}, {"[^abc]", "d", true}, {"[^abc]", "a", false},
        {"[a-c]", "b", true}, {"[a-c]", "d", false}, {"[c-a]", "b", true}, {"[^c-a]", "b", false},
        {"\\*", "*", true}, {"\\*", "a", false}, {"\\a", "a", true}, {"\\\\", "\\", true},
        {"[\\]]", "]", true}, {"[\\a-c]", "-", true}, {"[\\a-c]", "b", false},
        {"user:[0-9]*:name", "user:42:name", true}, {"h[ae]llo", "hillo", false},
    };
    (void)run;
    check_examples(examples, CHECK_LENGTH(examples), false);
}

static void test_odd_patterns_match_as_on_real_servers(check_run *run)
{
    static const example examples[] = {
        {"*", "", false}, {"**", "", false}, {"[^", "", false}, /* the empty text: see the header */
        {"[", "[", false}, {"[", "a", false}, {"[a", "a", true}, {"[ab", "b", true},
        {"[^", "a", true}, {"[^a", "b", true}, {"[^a", "a", false}, {"a[", "a[", false},
        {"[]", "]", false}, {"[]a", "a", false}, {"[^]", "a", true}, {"[^]a", "ba", true},
        {"\\", "\\", true}, {"a\\", "a\\", true}, {"[\\", "\\", true}, {"[a\\", "\\", true},
        {"[a-", "-", true}, {"[a-", "a", true}, {"[a-]", "-", false}, {"[a-]", "^", true},
        {"[a-]b", "b", true}, {"[-a]", "-", true}, {"[--a]", "-", true}, {"[a^]", "^", true},
        {"[^^]", "^", false}, {"[*]", "*", true}, {"[?]", "a", false}, {"]", "]", true},
        {"-", "-", true}, {"^a", "^a", true},
    };
    (void)run;
    check_examples(examples, CHECK_LENGTH(examples), false);
}

static void test_ignore_case_folds_ascii_letters_only(check_run *run)
{
    static const example examples[] = {
        {"MaxMemory*", "maxmemory-policy", true}, {"max[M]emory", "maxmemory", true},
        {"[A-C]", "b", true}, {"[a-c]", "B", true}, {"[^A]", "a", false}, {"\\A", "a", true},
        {"[\\A]", "a", false}, {"[\\a]", "a", true}, /* quoted inside a class: the byte itself */
        {"[a-Z]", "b", false}, {"[a-Z]", "a", false}, /* ordered to Z-a, then folded to z-a */
        {"[", "{", false}, {"@", "`", false}, {"\xc4", "\xe4", false},
    };
    (void)run;
    check_examples(examples, CHECK_LENGTH(examples), true);
    CHECK(!match("A", "a", false));
}

static void test_bytes_are_compared_as_bytes(check_run *run)
{
    (void)run;
    CHECK(glob_match("a\0b", 3, "a\0b", 3, false));
    CHECK(!glob_match("a\0b", 3, "a\0c", 3, false));
    CHECK(glob_match("*\0", 2, "xy\0", 3, false));
    CHECK(glob_match("[\x80-\xff]", 5, "\xe9", 1, false));
    CHECK(!glob_match("[\x80-\xff]", 5, "a", 1, false));
    CHECK(glob_match(NULL, 0, NULL, 0, false));
    CHECK(!glob_match("*", 1, NULL, 0, false));
}

static void test_literal_patterns_are_recognised(check_run *run)
{
    static const char *const special[] = {"*", "a?", "[", "x\\", "key*", "a[b]"};

    (void)run;
    CHECK(glob_is_literal("", 0));
    CHECK(glob_is_literal("user:1]^-", 9));
    for (size_t i = 0; i < CHECK_LENGTH(special); i++)
        CHECK(!glob_is_literal(special[i], strlen(special[i])));
    CHECK(glob_matches_all("*", 1));
    CHECK(!glob_matches_all("**", 2));
    CHECK(!glob_matches_all("", 0));
    CHECK(!glob_matches_all("?", 1));
}

/* The oracle is recursive and works with sets: an element becomes the 256 bytes that it takes. */
static size_t naive_element(const char *pattern, size_t length, bool *takes)
{
    memset(takes, 0, 256);
    if (pattern[0] == '?') {
        memset(takes, 1, 256);
        return 1;
    }
    if (pattern[0] == '\\' && length > 1) {
        takes[(unsigned char)pattern[1]] = true;
        return 2;
    }
    if (pattern[0] != '[') {
        takes[(unsigned char)pattern[0]] = true;
        return 1;
    }
    size_t i = 1;
    bool inverse = length > 1 && pattern[1] == '^';
    if (inverse)
        i++;
    for (; i < length && pattern[i] != ']'; i++) {
        if (pattern[i] == '\\' && i + 1 < length) {
            takes[(unsigned char)pattern[++i]] = true;
        } else if (i + 2 < length && pattern[i + 1] == '-') {
            int from = (unsigned char)pattern[i], to = (unsigned char)pattern[i + 2];

            for (int step = from < to ? 1 : -1;; from += step) {
                takes[from] = true;
                if (from == to)
                    break;
            }
            i += 2;
        } else {
            takes[(unsigned char)pattern[i]] = true;
        }
    }
    for (int byte = 0; byte < 256 && inverse; byte++)
        takes[byte] = !takes[byte];
    return i < length ? i + 1 : length;
}

static bool naive_match(const char *pattern, size_t pattern_length, const char *text,
                        size_t text_length)
{
    bool takes[256];

    if (pattern_length == 0)
        return text_length == 0;
    if (pattern[0] == '*')
        return naive_match(pattern + 1, pattern_length - 1, text, text_length)
            || (text_length > 0 && naive_match(pattern, pattern_length, text + 1, text_length - 1));
    size_t used = naive_element(pattern, pattern_length, takes);
    return text_length > 0 && takes[(unsigned char)text[0]]
        && naive_match(pattern + used, pattern_length - used, text + 1, text_length - 1);
}

/* The short form of a pattern answers as the pattern itself. */
static void check_short(const char *pattern, size_t pattern_length, const char *text,
                        size_t text_length, bool expected)
{
    static char out[GLOB_SHORT_BYTES];
    size_t length = glob_shorten(pattern, pattern_length, out);

    CHECK(length != SIZE_MAX);
    CHECK(glob_match(out, length, text, text_length, false) == expected);
}

static void test_random_patterns_agree_with_a_recursive_oracle(check_run *run)
{
    static const char alphabet[] = "ab[]^-*?\\";
    uint64_t matched = 0, iterations = check_iterations(run, 300000);

    for (uint64_t i = 0; i < iterations; i++) {
        char pattern[9], text[7];
        size_t pattern_length = check_random_below(run, sizeof pattern + 1);
        size_t text_length = 1 + check_random_below(run, sizeof text);
        size_t letters = check_chance(run, 50) ? 2 : sizeof alphabet - 1;

        for (size_t at = 0; at < pattern_length; at++)
            pattern[at] = alphabet[check_random_below(run, sizeof alphabet - 1)];
        for (size_t at = 0; at < text_length; at++)
            text[at] = alphabet[check_random_below(run, letters)];
        bool expected = naive_match(pattern, pattern_length, text, text_length);
        bool got = glob_match(pattern, pattern_length, text, text_length, false);
        if (got != expected)
            printf("pattern \"%.*s\", text \"%.*s\"\n", (int)pattern_length, pattern,
                   (int)text_length, text);
        CHECK(got == expected);
        check_short(pattern, pattern_length, text, text_length, got);
        if (glob_is_literal(pattern, pattern_length))
            CHECK(got == (pattern_length == text_length
                          && memcmp(pattern, text, text_length) == 0));
        matched += got;
    }
    CHECK(matched > iterations / 100); /* else the test would compare only refusals */
}

/* CONFIG GET with a class of ten megabytes once took minutes: each directive read it again. */
static void test_long_patterns_become_short_ones(check_run *run)
{
    enum { BYTES = 10000000 };
    char *pattern = malloc(BYTES), *out = malloc(GLOB_SHORT_BYTES);

    (void)run;
    CHECK(pattern != NULL && out != NULL);
    memset(pattern, '*', BYTES);
    CHECK(glob_shorten(pattern, BYTES, out) == 1 && out[0] == '*');
    memset(pattern, 'a', BYTES);
    CHECK(glob_shorten(pattern, BYTES, out) == SIZE_MAX);
    CHECK(glob_shorten(pattern, GLOB_SHORT_TEXT_MAX, out) == GLOB_SHORT_TEXT_MAX);
    pattern[0] = '[';
    CHECK(glob_shorten(pattern, BYTES, out) == 4 && memcmp(out, "[\\a]", 4) == 0);
    pattern[1] = '^';
    CHECK(glob_shorten(pattern, BYTES, out) == 2 + 2 * 255);
    for (size_t at = 0; at < GLOB_SHORT_TEXT_MAX; at++)
        memcpy(pattern + 5 * at, "*[^]*", 5); /* the longest there is */
    CHECK(glob_shorten(pattern, 5 * GLOB_SHORT_TEXT_MAX, out) == GLOB_SHORT_BYTES);
    free(pattern);
    free(out);
}

/* A recursive matcher needs more than the age of the universe for this pattern. */
static void test_many_stars_cost_no_more_than_pattern_times_text(check_run *run)
{
    enum { STARS = 2000, LETTERS = 20000 };
    char *pattern = malloc(2 * STARS + 1), *text = malloc(LETTERS);
    clock_t start = clock();

    (void)run;
    CHECK(pattern != NULL && text != NULL);
    for (size_t i = 0; i < STARS; i++)
        memcpy(pattern + 2 * i, "*a", 2);
    pattern[2 * STARS] = 'b';
    memset(text, 'a', LETTERS);
    CHECK(!glob_match(pattern, 2 * STARS + 1, text, LETTERS, false));
    CHECK(glob_match(pattern, 2 * STARS, text, LETTERS, false));
    memset(pattern, 'a', 2 * STARS); /* every place of the text fails at the pattern's last byte */
    pattern[0] = '*';
    CHECK(!glob_match(pattern, 2 * STARS + 1, text, LETTERS, false));
    CHECK((clock() - start) / CLOCKS_PER_SEC < 10);
    free(pattern);
    free(text);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_each_element_matches_what_the_header_says),
        CHECK_TEST(test_odd_patterns_match_as_on_real_servers),
        CHECK_TEST(test_ignore_case_folds_ascii_letters_only),
        CHECK_TEST(test_bytes_are_compared_as_bytes),
        CHECK_TEST(test_literal_patterns_are_recognised),
        CHECK_TEST(test_random_patterns_agree_with_a_recursive_oracle),
        CHECK_TEST(test_long_patterns_become_short_ones),
        CHECK_TEST(test_many_stars_cost_no_more_than_pattern_times_text),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
