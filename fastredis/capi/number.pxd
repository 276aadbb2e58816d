# number.h: text to number and back.
from libc.stdint cimport int64_t, uint64_t

cdef extern from "number.h" nogil:
    enum:
        NUMBER_INT64_MAX_LENGTH
        NUMBER_DOUBLE_MAX_LENGTH
        NUMBER_LONG_DOUBLE_MAX_LENGTH
    bint number_parse_int64(const char *text, size_t length, int64_t *value)
    bint number_parse_uint64(const char *text, size_t length, uint64_t *value)
    unsigned int number_digits_uint64(uint64_t value)
    size_t number_format_int64(char *out, int64_t value)
    size_t number_format_uint64(char *out, uint64_t value)
    bint number_parse_double(const char *text, size_t length, double *value)
    bint number_parse_bound(const char *text, size_t length, double *value)
    size_t number_format_double(char *out, double value)
    bint number_parse_long_double(const char *text, size_t length, long double *value)
    size_t number_format_long_double(char *out, size_t capacity, long double value)
