# glob.h: patterns of KEYS, SCAN and CONFIG GET.
cdef extern from "glob.h" nogil:
    enum:
        GLOB_SHORT_TEXT_MAX
        GLOB_SHORT_BYTES
    bint glob_match(const char *pattern, size_t pattern_length, const char *text,
                    size_t text_length, bint ignore_case)
    size_t glob_shorten(const char *pattern, size_t pattern_length, char *out)
    bint glob_is_literal(const char *pattern, size_t pattern_length)
    bint glob_matches_all(const char *pattern, size_t pattern_length)
