/* glob.c - the matcher of glob.h: one pass with a single place to go back to. */
#include "glob.h"

#include "common.h"

/* ASCII only, whatever the locale: names of keys are bytes, not text. */
static ALWAYS_INLINE unsigned char fold(unsigned char byte, bool ignore_case)
{
    return ignore_case && byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte + ('a' - 'A')) : byte;
}

/* The ends of a range are ordered before they are folded, as the servers do: without case,
 * [a-Z] is the empty range z..a. */
static bool range_holds(unsigned char first, unsigned char last, unsigned char byte,
                        bool ignore_case)
{
    unsigned char low = first < last ? first : last;
    unsigned char high = first < last ? last : first;

    return byte >= fold(low, ignore_case) && byte <= fold(high, ignore_case);
}

/* Matches the byte against the class whose '[' stands before `at`. Returns whether it is accepted,
 * and in *next the place behind the class. A quoted byte stands for itself alone, case or not. */
static bool class_accepts(const unsigned char *pattern, size_t length, size_t at,
                          unsigned char byte, bool ignore_case, size_t *next)
{
    bool negated = at < length && pattern[at] == '^';
    bool found = false;
    unsigned char folded = fold(byte, ignore_case);

    at += negated;
    while (at < length && pattern[at] != ']') {
        size_t left = length - at;

        if (pattern[at] == '\\' && left >= 2) {
            found |= pattern[at + 1] == byte;
            at += 2;
        } else if (left >= 3 && pattern[at + 1] == '-') {
            found |= range_holds(pattern[at], pattern[at + 2], folded, ignore_case);
            at += 3;
        } else {
            found |= fold(pattern[at], ignore_case) == folded;
            at++;
        }
    }
    *next = at < length ? at + 1 : length;
    return found != negated;
}

/* Matches one byte against the element at `at`, which is not a star. */
static ALWAYS_INLINE bool element_accepts(const unsigned char *pattern, size_t length, size_t at,
                                          unsigned char byte, bool ignore_case, size_t *next)
{
    switch (pattern[at]) {
    case '?':
        *next = at + 1;
        return true;
    case '[':
        return class_accepts(pattern, length, at + 1, byte, ignore_case, next);
    case '\\':
        if (length - at >= 2)
            at++;
        break;
    default:
        break;
    }
    *next = at + 1;
    return fold(pattern[at], ignore_case) == fold(byte, ignore_case);
}

bool glob_match(const char *pattern, size_t pattern_length, const char *text, size_t text_length,
                bool ignore_case)
{
    const unsigned char *elements = (const unsigned char *)pattern;
    const unsigned char *bytes = (const unsigned char *)text;
    size_t at = 0, next = 0, position = 0;
    size_t resume_at = 0, resume_position = 0; /* behind the last star; 0: no star yet */

    if (text_length == 0)
        return pattern_length == 0; /* not even "*": see the header */
    while (position < text_length) {
        if (at < pattern_length) {
            if (elements[at] == '*') {
                resume_at = ++at;
                resume_position = position;
                if (at == pattern_length)
                    return true;
                continue;
            }
            if (element_accepts(elements, pattern_length, at, bytes[position], ignore_case,
                                &next)) {
                at = next;
                position++;
                continue;
            }
        }
        if (resume_at == 0)
            return false;
        at = resume_at;
        position = ++resume_position; /* the star eats one byte more */
    }
    while (at < pattern_length && elements[at] == '*')
        at++;
    return at == pattern_length;
}

/* Puts the bytes of the class whose '[' stands before `at` into `set`; returns the place behind it.
 * The same grammar as class_accepts, read once for all bytes. */
static size_t class_read(const unsigned char *pattern, size_t length, size_t at, bool set[256])
{
    bool negated = at < length && pattern[at] == '^';

    memset(set, negated, 256);
    at += negated;
    while (at < length && pattern[at] != ']') {
        size_t left = length - at;

        if (pattern[at] == '\\' && left >= 2) {
            set[pattern[at + 1]] = !negated;
            at += 2;
        } else if (left >= 3 && pattern[at + 1] == '-') {
            unsigned char first = pattern[at], last = pattern[at + 2];
            size_t low = first < last ? first : last, high = first < last ? last : first;

            memset(set + low, !negated, high - low + 1);
            at += 3;
        } else {
            set[pattern[at++]] = !negated;
        }
    }
    return at < length ? at + 1 : length;
}

static size_t class_write(const bool set[256], char *out)
{
    size_t length = 0;

    out[length++] = '[';
    for (size_t byte = 0; byte < 256; byte++) {
        if (!set[byte])
            continue;
        out[length++] = '\\';
        out[length++] = (char)byte;
    }
    out[length++] = ']';
    return length;
}

size_t glob_shorten(const char *pattern, size_t pattern_length, char *out)
{
    const unsigned char *elements = (const unsigned char *)pattern;
    size_t at = 0, length = 0, count = 0;
    bool set[256];

    while (at < pattern_length) {
        if (elements[at] == '*') {
            while (at < pattern_length && elements[at] == '*')
                at++;
            out[length++] = '*';
            continue;
        }
        if (++count > GLOB_SHORT_TEXT_MAX)
            return SIZE_MAX; /* each element but the star takes a byte of the text */
        if (elements[at] == '[') {
            at = class_read(elements, pattern_length, at + 1, set);
            length += class_write(set, out + length);
            continue;
        }
        if (elements[at] == '\\' && pattern_length - at >= 2)
            out[length++] = pattern[at++];
        out[length++] = pattern[at++];
    }
    return length;
}

bool glob_is_literal(const char *pattern, size_t pattern_length)
{
    for (size_t i = 0; i < pattern_length; i++)
        if (pattern[i] == '*' || pattern[i] == '?' || pattern[i] == '[' || pattern[i] == '\\')
            return false;
    return true;
}

bool glob_matches_all(const char *pattern, size_t pattern_length)
{
    return pattern_length == 1 && pattern[0] == '*';
}
