# glob.h: patterns of KEYS, SCAN and CONFIG GET.
cdef extern from "glob.h" nogil:
    bint glob_match(const char *pattern, size_t pattern_length, const char *text,
                    size_t text_length, bint ignore_case)
    bint glob_is_literal(const char *pattern, size_t pattern_length)
    bint glob_matches_all(const char *pattern, size_t pattern_length)
