/*
 * number: text to number and number to text, exactly as the protocol's clients see it.
 *
 * Why not strtoll, strtod and printf: they skip spaces, accept forms that the protocol refuses,
 * need a NUL at the end, follow the locale of the process (an embedding Python program may have
 * set a decimal comma), and cost ten times as much. Arguments here are slices of a read buffer:
 * pointer and length, no NUL, any bytes inside.
 *
 *   integers          [-]digits     no '+', no spaces, no leading zero, no "-0", no overflow
 *   floats            [+-](digits[.digits]|.digits)[e[+-]digits]
 *                     [+-]0x(hex[.hex]|.hex)[p[+-]digits]
 *                     [+-](inf|infinity), letters of any case
 *   refused           nan, spaces, empty text, NUL or any other byte before or after,
 *                     what is too big to be finite, what is not zero but would become zero
 *
 * Every conversion rounds correctly (to nearest, ties to even), whatever the length of the text:
 *
 *   text -> double    integer mantissa and power of ten in 64 bits: one exact multiplication or
 *                     division (Clinger 1990); else a 128-bit product with a power of five
 *                     (Lemire, "Number parsing at a gigabyte per second", 2021); else libc's
 *                     strtod on a canonical text without a decimal point, at most 800 digits
 *   double -> text    integers directly; else the shortest digits that read back the same, and of
 *                     these the nearest (Giulietti, "The Schubfach way to render doubles", 2021)
 *   long double       the INCRBYFLOAT family: as wide as the platform's long double (80 bits on
 *                     x86-64, 128 on arm64 Linux; on arm64 macOS it is a double, and fractions are
 *                     then written in their shortest form, which is nearest to what others write)
 *
 * No call allocates, keeps a pointer, or depends on the locale. All are safe in any thread; the
 * table of powers of ten is made when the library is loaded and never changes afterwards.
 * Cost: linear in the length of the text; formatting is constant except for huge long doubles.
 */
#ifndef FASTREDIS_NUMBER_H
#define FASTREDIS_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that the longest results need: "-9223372036854775808" and "18446744073709551615" have 20;
 * "-1.2345678901234567e-308" has 24. No function writes a NUL. */
#define NUMBER_INT64_MAX_LENGTH 21
#define NUMBER_DOUBLE_MAX_LENGTH 32

/* The longest result of number_format_long_double: sign, 4933 digits, point, 17 decimals. */
#define NUMBER_LONG_DOUBLE_MAX_LENGTH 5000

/*
 * Reads a whole text as an integer. Returns false, and leaves *value alone, when any byte does
 * not belong or the value does not fit. Accepts exactly the texts that number_format_* writes, so
 * a string value may be stored as an integer and given back without a change of a byte.
 */
bool number_parse_int64(const char *text, size_t length, int64_t *value);
bool number_parse_uint64(const char *text, size_t length, uint64_t *value);

/* Decimal digits of a value: 1 for 0, 20 for UINT64_MAX. Constant time. */
unsigned number_digits_uint64(uint64_t value);

/* Writes a value in decimal to `out` (NUMBER_INT64_MAX_LENGTH bytes suffice for any value; only
 * as many as returned are touched). Returns the length. */
size_t number_format_int64(char *out, int64_t value);
size_t number_format_uint64(char *out, uint64_t value);

/* Reads a whole text as a float argument (grammar above). Returns false, and leaves *value alone,
 * when it is refused. Infinity is accepted only when spelled; -0 keeps its sign. */
bool number_parse_double(const char *text, size_t length, double *value);

/* Reads a bound of a range of scores, with which servers are laxer and stricter: nothing
 * hexadecimal, but the text may end at a NUL with anything behind it, nothing at all is 0, and what
 * is too big or too small for a double becomes infinity or zero. */
bool number_parse_bound(const char *text, size_t length, double *value);

/*
 * Writes the shortest text that reads back as the same double. Returns the length, at most
 * NUMBER_DOUBLE_MAX_LENGTH; `out` must have that room. The form is that of replies:
 *
 *   3   -7   0   -0   0.1   1500000   1e+20   1.5e-7   1.7976931348623157e+308   inf   -inf   nan
 */
size_t number_format_double(char *out, double value);

/* As number_parse_double, with the range and precision of the platform's long double; longer texts
 * are refused, as other servers do. */
#define NUMBER_LONG_DOUBLE_TEXT_MAX 5119
bool number_parse_long_double(const char *text, size_t length, long double *value);

/*
 * Writes a value as INCRBYFLOAT replies it: never an exponent, at most 17 decimals (rounded),
 * trailing zeros and a trailing point cut, "0" for what rounds to zero. NaN and infinities give
 * "nan", "inf", "-inf". Returns the length, or 0 when `capacity` is too small, with `out`
 * untouched beyond `capacity`; NUMBER_LONG_DOUBLE_MAX_LENGTH is enough for every value.
 */
size_t number_format_long_double(char *out, size_t capacity, long double value);

#endif
