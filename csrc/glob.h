/*
 * glob: the pattern language of KEYS, SCAN MATCH, PSUBSCRIBE, CONFIG GET and ACL.
 *
 *   *        any bytes, none included          [abc]   one of these bytes
 *   ?        any one byte                      [^abc]  one byte that is none of these
 *   \x       the byte x                        [a-c]   a byte in the range; [c-a] is the same
 *   other    itself                            [\]x]   inside a class a backslash quotes too
 *
 * Edges, as real servers behave: a class that is never closed ends with the pattern and works
 * with the bytes it has; "[]" and "[^]" are classes of no byte (they match nothing, and any byte);
 * only '^' directly after '[' negates; a backslash that ends the pattern is itself; a range takes
 * any byte as its end, so "[a-]" is the range from 'a' to ']' in a class that is never closed.
 * The empty text is matched by the empty pattern alone, not by stars: PSUBSCRIBE * does not hear
 * the channel "", and KEYS ** does not list the key "". KEYS * does, because the commands that
 * walk keys or elements treat the one pattern "*" as "no filter": see glob_matches_all.
 *
 * Why no recursion: every element but the star eats exactly one byte, so when a match fails only
 * the last star has to be moved by one byte, never an earlier one. That keeps one resume point
 * instead of a stack, and bounds the time by pattern_length * text_length: no pattern that a
 * client can send is exponential. Bytes are compared as bytes, NUL and UTF-8 included.
 *
 * Nothing is allocated; pattern and text are borrowed for the call.
 */
#ifndef FASTREDIS_GLOB_H
#define FASTREDIS_GLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GLOB_SHORT_TEXT_MAX = 64,
    /* A star before each element, and one behind; an element is at most a class of quoted bytes. */
    GLOB_SHORT_BYTES = GLOB_SHORT_TEXT_MAX * (1 + 2 + 2 * 256) + 1,
};

/* Whether the pattern matches the whole text. `ignore_case` folds ASCII letters, save those that a
 * backslash quotes inside a class; a range is put in order before its ends are folded. */
bool glob_match(const char *pattern, size_t pattern_length, const char *text, size_t text_length,
                bool ignore_case);

/* Whether a pattern has no special byte, so that it matches only the text equal to itself:
 * callers then look up one key instead of walking all. O(pattern_length). */
bool glob_is_literal(const char *pattern, size_t pattern_length);

/* A short pattern that matches the same texts of at most GLOB_SHORT_TEXT_MAX bytes, with case: for
 * a pattern that is matched with many short texts, however long a client made it. A run of stars
 * becomes one, a class holds each byte once. Fills `out`, of GLOB_SHORT_BYTES, and returns its
 * length; SIZE_MAX: no such text matches. O(pattern_length). */
size_t glob_shorten(const char *pattern, size_t pattern_length, char *out);

/* Whether a pattern is exactly "*", which KEYS and the SCAN family take for "no filter": it then
 * lists the empty name too, which no star matches. */
bool glob_matches_all(const char *pattern, size_t pattern_length);

#endif
