/* number.c - the parsers and printers of number.h. */
#include "number.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common.h"

__extension__ typedef unsigned __int128 uint128;

static_assert(FLT_RADIX == 2 && DBL_MANT_DIG == 53 && DBL_MAX_EXP == 1024, "IEEE 754 doubles");

/* ---- Integers --------------------------------------------------------------------------------
 */

static ALWAYS_INLINE bool is_digit(char byte)
{
    return (unsigned char)(byte - '0') < 10;
}

bool number_parse_uint64(const char *text, size_t length, uint64_t *value)
{
    uint64_t sum = 0;

    if (length == 0 || length > 20 || (text[0] == '0' && length > 1))
        return false;
    size_t safe = length < 19 ? length : 19; /* 19 digits cannot overflow */
    for (size_t i = 0; i < safe; i++) {
        if (!is_digit(text[i]))
            return false;
        sum = sum * 10 + (uint64_t)(text[i] - '0');
    }
    if (length == 20) {
        if (!is_digit(text[19]) || __builtin_mul_overflow(sum, 10, &sum)
            || __builtin_add_overflow(sum, (uint64_t)(text[19] - '0'), &sum))
            return false;
    }
    *value = sum;
    return true;
}

bool number_parse_int64(const char *text, size_t length, int64_t *value)
{
    uint64_t magnitude;

    if (length == 0)
        return false;
    bool negative = text[0] == '-';
    if (!number_parse_uint64(text + negative, length - negative, &magnitude))
        return false;
    if (magnitude > (uint64_t)INT64_MAX + negative || (negative && magnitude == 0))
        return false;
    *value = (int64_t)(negative ? 0 - magnitude : magnitude);
    return true;
}

static const uint64_t powers_of_ten[20] = {
    UINT64_C(1), UINT64_C(10), UINT64_C(100), UINT64_C(1000), UINT64_C(10000), UINT64_C(100000),
    UINT64_C(1000000), UINT64_C(10000000), UINT64_C(100000000), UINT64_C(1000000000),
    UINT64_C(10000000000), UINT64_C(100000000000), UINT64_C(1000000000000),
    UINT64_C(10000000000000), UINT64_C(100000000000000), UINT64_C(1000000000000000),
    UINT64_C(10000000000000000), UINT64_C(100000000000000000), UINT64_C(1000000000000000000),
    UINT64_C(10000000000000000000),
};

/* 1233 / 4096 is log10(2) closely enough for 64 bits: the guess is right or one too low. */
unsigned number_digits_uint64(uint64_t value)
{
    unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);
    unsigned guess = bits * 1233 >> 12;

    return guess + (value >= powers_of_ten[guess] || guess == 0);
}

static const char digit_pairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445"
    "46474849505152535455565758596061626364656667686970717273747576777879808182838485868788899091"
    "9293949596979899";

/* Writes the `digits` digits of a value, the last at out[digits - 1]. */
static ALWAYS_INLINE void write_digits(char *out, uint64_t value, unsigned digits)
{
    while (digits >= 2) {
        memcpy(out + digits - 2, digit_pairs + value % 100 * 2, 2);
        value /= 100;
        digits -= 2;
    }
    if (digits > 0)
        out[0] = (char)('0' + value);
}

size_t number_format_uint64(char *out, uint64_t value)
{
    unsigned digits = number_digits_uint64(value);

    write_digits(out, value, digits);
    return digits;
}

size_t number_format_int64(char *out, int64_t value)
{
    if (value >= 0)
        return number_format_uint64(out, (uint64_t)value);
    out[0] = '-';
    return 1 + number_format_uint64(out + 1, 0 - (uint64_t)value);
}

/* ---- Powers of ten, 128 bits each ------------------------------------------------------------
 *
 * power_of_ten(k) is 10^k divided by a power of two so that its highest bit is bit 127, and cut
 * off below bit 0: floor(10^k * 2^(127 - floor(log2 10^k))). Exact for 0 <= k <= 55.
 *
 * Both directions are made from whole numbers, without an error to carry along: upwards 5^k grows
 * word by word; downwards 2^960 is divided by 5 again and again, and floors of floors are floors:
 * floor(floor(x / 5) / 5) = floor(x / 25). That is some 20,000 word operations at load time,
 * instead of 700 lines of hexadecimal that nobody can check by eye.
 */

enum {
    POWER_MIN = -342, /* 10^-343 with the largest 64-bit integer is below every double */
    POWER_MAX = 324,  /* what the smallest double needs to be printed */
    POWER_EXACT_MAX = 55,
    WORDS = 16
};

typedef struct power {
    uint64_t high, low;
} power;

static power powers[POWER_MAX - POWER_MIN + 1];

/* The 128 bits from the highest set one down; words[0] is the lowest of WORDS words. */
static power leading_bits(const uint64_t *words)
{
    int top = WORDS - 1;

    while (words[top] == 0)
        top--;
    uint64_t first = words[top];
    uint64_t second = top >= 1 ? words[top - 1] : 0;
    uint64_t third = top >= 2 ? words[top - 2] : 0;
    int shift = __builtin_clzll(first);

    if (shift == 0)
        return (power){first, second};
    return (power){first << shift | second >> (64 - shift),
                   second << shift | third >> (64 - shift)};
}

__attribute__((constructor)) static void make_powers(void)
{
    uint64_t words[WORDS] = {1};

    for (int k = 0; k <= POWER_MAX; k++) {
        uint128 carry = 0;

        powers[k - POWER_MIN] = leading_bits(words);
        for (int i = 0; i < WORDS; i++) {
            carry += (uint128)words[i] * 5;
            words[i] = (uint64_t)carry;
            carry >>= 64;
        }
    }
    memset(words, 0, sizeof words);
    words[WORDS - 1] = 1; /* 2^960: 5^-342 still has more than 128 bits of it */
    for (int k = -1; k >= POWER_MIN; k--) {
        uint128 rest = 0;

        for (int i = WORDS - 1; i >= 0; i--) {
            rest = rest << 64 | words[i];
            words[i] = (uint64_t)(rest / 5);
            rest %= 5;
        }
        powers[k - POWER_MIN] = leading_bits(words);
    }
}

/* Floors of logarithms for |exponent| <= 1233; >> of a negative number rounds down here. */
static ALWAYS_INLINE int floor_log2_of_power_of_10(int exponent)
{
    return (exponent * 1741647) >> 19;
}

static ALWAYS_INLINE int floor_log10_of_power_of_2(int exponent)
{
    return (exponent * 1262611) >> 22;
}

/* floor(log10(3/4 * 2^exponent)) */
static ALWAYS_INLINE int floor_log10_of_three_quarters(int exponent)
{
    return (exponent * 1262611 - 524031) >> 22;
}

static ALWAYS_INLINE double double_of_bits(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static ALWAYS_INLINE uint64_t bits_of_double(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* ---- Text to float: the grammar --------------------------------------------------------------
 */

enum {
    MANTISSA_DIGITS = 19, /* decimal digits that always fit in 64 bits */

    /* No double (long double) lies so close to the middle of two others that more digits than
     * these, and whether any follows, could change the rounding. */
    DOUBLE_DIGITS = 800,
    LONG_DOUBLE_DIGITS = 12000,

    /* A leading digit at a power of ten beyond this cannot give a finite long double other than
     * zero; of two, in a hexadecimal text, beyond four times this. */
    EXPONENT_LIMIT = 6000
};

/* A text that obeys the grammar, taken apart. Its value is
 *
 *      mantissa * 10^exponent                 decimal; `truncated` when digits were left out
 *      significant digits * 2^exponent        hexadecimal; mantissa tells only whether it is zero
 */
typedef struct scanned {
    uint64_t mantissa;
    int64_t exponent;
    const char *digits; /* from the first significant digit; may contain the point */
    const char *digits_end;
    bool negative, infinite, hexadecimal, truncated;
} scanned;

static ALWAYS_INLINE int hex_digit(char byte)
{
    if (is_digit(byte))
        return byte - '0';
    byte = (char)(byte | 0x20);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static bool equals_ignoring_case(const char *text, size_t length, const char *lower)
{
    if (length != strlen(lower))
        return false;
    for (size_t i = 0; i < length; i++)
        if ((text[i] | 0x20) != lower[i])
            return false;
    return true;
}

/* [+-]digits up to the end of the text, added to *exponent. Saturates far beyond what the digits
 * before it could make up for. */
static bool scan_exponent(const char *at, const char *end, int64_t *exponent)
{
    bool negative = at < end && *at == '-';
    int64_t sum = 0;

    if (at < end && (*at == '-' || *at == '+'))
        at++;
    if (at == end)
        return false;
    for (; at < end; at++) {
        if (!is_digit(*at))
            return false;
        if (sum < INT64_C(1) << 56)
            sum = sum * 10 + (*at - '0');
    }
    *exponent += negative ? -sum : sum;
    return true;
}

static bool scan_decimal(const char *at, const char *end, scanned *number)
{
    uint64_t mantissa = 0;
    int64_t exponent = 0;
    int kept = 0;
    bool any = false, point = false;

    for (; at < end; at++) {
        if (is_digit(*at)) {
            any = true;
            if (kept == 0 && *at != '0')
                number->digits = at;
            if (kept < MANTISSA_DIGITS) {
                mantissa = mantissa * 10 + (uint64_t)(*at - '0');
                kept += mantissa != 0;
                exponent -= point;
            } else {
                number->truncated |= *at != '0';
                exponent += !point;
            }
        } else if (*at == '.' && !point) {
            point = true;
        } else {
            break;
        }
    }
    number->digits_end = at;
    number->mantissa = mantissa;
    number->exponent = exponent;
    if (!any || at == end)
        return any;
    return (*at | 0x20) == 'e' && scan_exponent(at + 1, end, &number->exponent);
}

/* Behind "0x". The exponent counts from behind the last digit, as scan_decimal's would if it kept
 * all digits: `truncated` is not used. */
static bool scan_hexadecimal(const char *at, const char *end, scanned *number)
{
    int64_t exponent = 0;
    bool any = false, point = false;

    number->hexadecimal = true;
    for (; at < end; at++) {
        int digit = hex_digit(*at);

        if (digit >= 0) {
            any = true;
            if (number->mantissa == 0 && digit != 0)
                number->digits = at;
            number->mantissa |= (uint64_t)digit;
            exponent -= point ? 4 : 0;
        } else if (*at == '.' && !point) {
            point = true;
        } else {
            break;
        }
    }
    number->digits_end = at;
    number->exponent = exponent;
    if (!any || at == end)
        return any;
    return (*at | 0x20) == 'p' && scan_exponent(at + 1, end, &number->exponent);
}

static bool scan(const char *text, size_t length, scanned *number)
{
    *number = (scanned){0};
    if (length == 0)
        return false;
    const char *end = text + length;
    if (*text == '-' || *text == '+') {
        number->negative = *text == '-';
        text++;
    }
    size_t left = (size_t)(end - text);
    if (left == 0)
        return false;
    if ((*text | 0x20) == 'i') {
        number->infinite = true;
        return equals_ignoring_case(text, left, "inf")
            || equals_ignoring_case(text, left, "infinity");
    }
    if (left > 2 && text[0] == '0' && (text[1] | 0x20) == 'x')
        return scan_hexadecimal(text + 2, end, number);
    return scan_decimal(text, end, number);
}

/* ---- Text to float: the hard cases -----------------------------------------------------------
 */

/*
 * Writes a number that is not zero as text for strtod: bare digits and an exponent. There is no
 * point in it, so the locale cannot change its meaning, and its length is bounded whatever the
 * length of the original: beyond `digits_max` digits only "is any of them not 0" matters, and a
 * final 1 says so. `out` has room for digits_max + 32 bytes. Returns false when the value is
 * certainly infinite or zero in every format.
 */
static bool canonical_text(const scanned *number, size_t digits_max, char *out)
{
    size_t kept = 0, dropped = 0;
    bool sticky = false;
    int64_t shift = number->hexadecimal ? 4 : 1, exponent = number->exponent;
    char *at = out;

    if (number->hexadecimal) {
        *at++ = '0';
        *at++ = 'x';
    }
    for (const char *digit = number->digits; digit < number->digits_end; digit++) {
        if (*digit == '.')
            continue;
        if (kept < digits_max) {
            *at++ = *digit;
            kept++;
        } else {
            sticky |= *digit != '0';
            dropped++;
        }
    }
    /* scan_decimal counted its exponent from behind the 19th digit, not from behind the last. */
    if (!number->hexadecimal && kept + dropped > MANTISSA_DIGITS)
        exponent -= (int64_t)(kept + dropped - MANTISSA_DIGITS);
    exponent += shift * (int64_t)dropped;
    if (sticky) {
        *at++ = '1';
        kept++;
        exponent -= shift;
    }
    int64_t magnitude = exponent + shift * (int64_t)kept;
    if (magnitude > shift * EXPONENT_LIMIT || magnitude < -shift * EXPONENT_LIMIT)
        return false;
    *at++ = number->hexadecimal ? 'p' : 'e';
    at += number_format_int64(at, exponent);
    *at = '\0';
    return true;
}

static COLD NOINLINE bool slow_double(const scanned *number, double *value)
{
    char text[DOUBLE_DIGITS + 32];
    int saved_errno = errno;

    if (!canonical_text(number, DOUBLE_DIGITS, text))
        return false;
    *value = strtod(text, NULL);
    errno = saved_errno;
    return *value != 0 && !isinf(*value);
}

/* ---- Text to float: the usual cases ----------------------------------------------------------
 */

/* Clinger: an integer and a power of ten that are both exact doubles need one operation, and the
 * processor rounds that correctly. */
static ALWAYS_INLINE bool clinger_double(uint64_t mantissa, int64_t exponent, double *value)
{
    static const double exact[23] = {
        1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
    };

    if (FLT_EVAL_METHOD != 0 || mantissa > UINT64_C(1) << 53 || exponent < -22 || exponent > 22)
        return false;
    *value = exponent < 0 ? (double)mantissa / exact[-exponent]
                          : (double)mantissa * exact[exponent];
    return true;
}

/*
 * Lemire: the bits of mantissa * 10^exponent from a 192-bit product. The table is cut off, so the
 * true product P lies in [low, low + mantissa], in units of the lowest bit; a result is given only
 * if every number of that interval rounds to it. Otherwise, and where the result would be
 * subnormal or infinite, returns false (about once in 10^4 texts of random digits).
 */
static bool lemire_double(uint64_t mantissa, int64_t exponent, double *value)
{
    if (exponent < POWER_MIN || exponent > 308)
        return false;

    int shift = __builtin_clzll(mantissa);
    power ten = powers[exponent - POWER_MIN];
    uint64_t factor = mantissa << shift;
    uint128 below = (uint128)factor * ten.low;
    uint128 above = (uint128)factor * ten.high + (uint64_t)(below >> 64);
    uint64_t top = (uint64_t)(above >> 64), middle = (uint64_t)above, low = (uint64_t)below;
    bool exact = exponent >= 0 && exponent <= POWER_EXACT_MAX;

    /* The top word holds 63 or 64 bits: 53 of the result, one that decides, and a remainder. */
    int drop = top >> 63 ? 11 : 10;
    uint64_t half = UINT64_C(1) << (drop - 1);
    uint64_t rest = top & (2 * half - 1);
    uint64_t significand = top >> drop;

    if (!exact && middle == UINT64_MAX)
        return false; /* what was cut off might carry into the top word */
    if (rest > half || (rest == half && (middle | low) != 0)) {
        significand++;
    } else if (rest == half) {
        if (!exact)
            return false; /* a tie as far as one can see */
        significand += significand & 1;
    }

    /* The product is top * 2^128 in units of 2^(log2(10^e) - 127 - shift). */
    int binary = floor_log2_of_power_of_10((int)exponent) + 1 - shift + drop;
    if (significand >> 53) {
        significand >>= 1;
        binary++;
    }
    int biased = binary + 1075;
    if (biased < 1 || biased > 2046)
        return false;
    *value = double_of_bits((significand & ((UINT64_C(1) << 52) - 1)) | (uint64_t)biased << 52);
    return true;
}

/* The value without its sign; false where it is too big to be finite, or would become zero. */
static bool magnitude_of(const scanned *number, double *magnitude)
{
    double neighbour;

    if (number->infinite) {
        *magnitude = HUGE_VAL;
        return true;
    }
    if (number->mantissa == 0) {
        *magnitude = 0;
        return true;
    }
    if (!number->hexadecimal && !number->truncated) {
        if (clinger_double(number->mantissa, number->exponent, magnitude)
            || lemire_double(number->mantissa, number->exponent, magnitude))
            return true;
    } else if (!number->hexadecimal) { /* it lies between two mantissas: do both agree? */
        if (lemire_double(number->mantissa, number->exponent, magnitude)
            && lemire_double(number->mantissa + 1, number->exponent, &neighbour)
            && *magnitude == neighbour)
            return true;
    }
    return slow_double(number, magnitude);
}

bool number_parse_double(const char *text, size_t length, double *value)
{
    scanned number;
    double magnitude;

    if (!scan(text, length, &number) || !magnitude_of(&number, &magnitude))
        return false;
    *value = number.negative ? -magnitude : magnitude;
    return true;
}

bool number_parse_bound(const char *text, size_t length, double *value)
{
    const char *end = length != 0 ? memchr(text, 0, length) : NULL;
    scanned number;
    double magnitude;

    if (end != NULL)
        length = (size_t)(end - text);
    if (length == 0) {
        *value = 0;
        return true;
    }
    if (!scan(text, length, &number) || number.hexadecimal)
        return false;
    /* Beyond the range of doubles the sign of the exponent tells on which side. */
    if (!magnitude_of(&number, &magnitude))
        magnitude = number.exponent > 0 ? HUGE_VAL : 0;
    *value = number.negative ? -magnitude : magnitude;
    return true;
}

#if LDBL_MANT_DIG >= 64
static COLD NOINLINE bool slow_long_double(const scanned *number, long double *value)
{
    char text[LONG_DOUBLE_DIGITS + 32];
    int saved_errno = errno;

    if (!canonical_text(number, LONG_DOUBLE_DIGITS, text))
        return false;
    *value = strtold(text, NULL);
    errno = saved_errno;
    return *value != 0 && !isinf(*value);
}

static bool clinger_long_double(uint64_t mantissa, int64_t exponent, long double *value)
{
    static const long double exact[28] = {
        1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,  1e7L,  1e8L,  1e9L,
        1e10L, 1e11L, 1e12L, 1e13L, 1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L,
        1e20L, 1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L,
    };

    if (exponent < -27 || exponent > 27)
        return false;
    *value = exponent < 0 ? (long double)mantissa / exact[-exponent]
                          : (long double)mantissa * exact[exponent];
    return true;
}

bool number_parse_long_double(const char *text, size_t length, long double *value)
{
    scanned number;
    long double magnitude = 0;

    if (length > NUMBER_LONG_DOUBLE_TEXT_MAX || !scan(text, length, &number))
        return false;
    if (number.infinite) {
        magnitude = HUGE_VALL;
    } else if (number.mantissa != 0) {
        bool done = !number.hexadecimal && !number.truncated
            && clinger_long_double(number.mantissa, number.exponent, &magnitude);

        if (!done && !slow_long_double(&number, &magnitude))
            return false;
    }
    *value = number.negative ? -magnitude : magnitude;
    return true;
}
#else
/* long double is double (macOS on arm64). */
bool number_parse_long_double(const char *text, size_t length, long double *value)
{
    double narrow;

    if (length > NUMBER_LONG_DOUBLE_TEXT_MAX || !number_parse_double(text, length, &narrow))
        return false;
    *value = narrow;
    return true;
}
#endif

/* ---- Double to text --------------------------------------------------------------------------
 */

typedef struct decimal {
    uint64_t digits;
    int exponent;
} decimal;

/* The 64 bits above bit 128 of a product, with the last set if anything below them is: enough to
 * tell less, equal and greater. The table is cut off by less than one unit, hence "> 1". */
static ALWAYS_INLINE uint64_t round_to_odd(power ten, uint64_t factor)
{
    uint128 below = (uint128)ten.low * factor;
    uint128 above = (uint128)ten.high * factor + (uint64_t)(below >> 64);

    return (uint64_t)(above >> 64) | ((uint64_t)above > 1);
}

/*
 * Schubfach: the double significand * 2^binary lies in an interval of reals that read back as it.
 * k is chosen so that a step of 10^k is no wider, one of 10^(k+1) no narrower than the interval:
 * the shortest text is then one of two multiples of 10^(k+1), if inside, or else of 10^k. All
 * comparisons are made at four times the scale, where the bounds of the interval are integers.
 */
static decimal shortest(uint64_t significand, int binary, bool lower_is_closer)
{
    uint64_t odd = significand & 1; /* the bounds themselves read back only to an even one */
    int k = lower_is_closer ? floor_log10_of_three_quarters(binary)
                            : floor_log10_of_power_of_2(binary);
    int shift = binary + floor_log2_of_power_of_10(-k) + 1;
    power ten = powers[-k - POWER_MIN];

    if (-k < 0 || -k > POWER_EXACT_MAX) { /* the algorithm wants its table rounded up */
        ten.low++;
        ten.high += ten.low == 0;
    }
    uint64_t lower = round_to_odd(ten, (4 * significand - 2 + lower_is_closer) << shift) + odd;
    uint64_t value = round_to_odd(ten, (4 * significand) << shift);
    uint64_t upper = round_to_odd(ten, (4 * significand + 2) << shift) - odd;
    uint64_t digits = value / 4;

    if (digits >= 10) {
        uint64_t coarse = digits / 10;
        bool down_inside = lower <= 40 * coarse;
        bool up_inside = 40 * coarse + 40 <= upper;

        if (down_inside != up_inside)
            return (decimal){coarse + up_inside, k + 1};
    }
    bool down_inside = lower <= 4 * digits;
    bool up_inside = 4 * digits + 4 <= upper;
    if (down_inside != up_inside)
        return (decimal){digits + up_inside, k};
    uint64_t middle = 4 * digits + 2;
    bool round_up = value > middle || (value == middle && (digits & 1));
    return (decimal){digits + round_up, k};
}

/*
 * Lays out digits * 10^exponent, as the servers' replies do:
 *
 *      12300        whole, when fewer than 7 zeros have to be added
 *      12.3 0.0012  with a point, when at most 6 decimals, or near 1
 *      1.23e+45     otherwise; at least one digit of exponent, always with a sign
 */
static size_t lay_out(char *out, decimal number)
{
    while (number.digits % 10 == 0) {
        number.digits /= 10;
        number.exponent++;
    }
    unsigned count = number_digits_uint64(number.digits);
    int exponent = number.exponent, scientific = exponent + (int)count - 1;
    unsigned size = (unsigned)(scientific < 0 ? -scientific : scientific);

    if (exponent >= 0 && size < count + 7) {
        write_digits(out, number.digits, count);
        memset(out + count, '0', (size_t)exponent);
        return count + (size_t)exponent;
    }
    if (exponent < 0 && (exponent > -7 || size < 4)) {
        if (scientific < 0) {
            unsigned zeros = (unsigned)-scientific;

            memset(out, '0', zeros + 1);
            out[1] = '.';
            write_digits(out + 1 + zeros, number.digits, count);
            return 1 + zeros + count;
        }
        unsigned whole = (unsigned)scientific + 1;
        write_digits(out + 1, number.digits, count);
        memmove(out, out + 1, whole);
        out[whole] = '.';
        return count + 1;
    }
    write_digits(out + 1, number.digits, count);
    out[0] = out[1];
    out[1] = '.';
    size_t length = count > 1 ? count + 1 : 1;
    out[length++] = 'e';
    out[length++] = scientific < 0 ? '-' : '+';
    return length + number_format_uint64(out + length, size);
}

static size_t put_text(char *out, const char *text)
{
    size_t length = strlen(text);

    memcpy(out, text, length);
    return length;
}

/* The shortest decimal of a double that is finite and not 0, without its sign. */
static decimal shortest_of(uint64_t bits)
{
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    int biased = (int)(bits >> 52 & 0x7ff);

    if (biased == 0)
        return shortest(fraction, -1074, false);
    return shortest(fraction | UINT64_C(1) << 52, biased - 1075, fraction == 0 && biased > 1);
}

size_t number_format_double(char *out, double value)
{
    uint64_t bits = bits_of_double(value);
    size_t sign = bits >> 63;

    /* Integers to 2^62 are written out in full, the digits beyond 2^53 included. */
    if (value >= -0x1p62 && value <= 0x1p62 && value == (double)(int64_t)value) {
        if (value == 0)
            return put_text(out, sign ? "-0" : "0");
        return number_format_int64(out, (int64_t)value);
    }
    if (isnan(value))
        return put_text(out, "nan");
    if (isinf(value))
        return put_text(out, sign ? "-inf" : "inf");
    if (sign)
        *out++ = '-';
    return sign + lay_out(out, shortest_of(bits));
}

/* ---- Long double to text ---------------------------------------------------------------------
 */

enum { DECIMALS = 17 };

/* Writes whole.fraction, the fraction in units of 10^-17, without what is not needed. */
static size_t write_fixed(char *out, bool negative, uint64_t whole, uint64_t fraction)
{
    size_t length = 0;
    unsigned decimals = DECIMALS;

    if (negative && (whole | fraction) != 0)
        out[length++] = '-';
    length += number_format_uint64(out + length, whole);
    if (fraction == 0)
        return length;
    out[length++] = '.';
    while (fraction % 10 == 0) {
        fraction /= 10;
        decimals--;
    }
    write_digits(out + length, fraction, decimals);
    return length + decimals;
}

#if LDBL_MANT_DIG == DBL_MANT_DIG
/* The exact value of the double next to 10.6 has 17 decimals that no one wrote, and that are not
 * there where long double is wider: the shortest decimal is nearer to what others print. */
static size_t format_fraction(char *out, double value)
{
    decimal number = shortest_of(bits_of_double(value));
    int excess = -number.exponent - DECIMALS;

    if (excess > DECIMALS)
        return put_text(out, "0");
    if (excess > 0) {
        uint64_t unit = powers_of_ten[excess], rest = number.digits % unit;

        number.digits /= unit;
        number.digits += rest > unit / 2 || (rest == unit / 2 && (number.digits & 1));
        excess = 0;
    }
    uint128 scaled = (uint128)number.digits * powers_of_ten[-excess];
    return write_fixed(out, value < 0, (uint64_t)(scaled / powers_of_ten[DECIMALS]),
                       (uint64_t)(scaled % powers_of_ten[DECIMALS]));
}
#endif

/* Splits mantissa * 2^-shift and rounds its fraction to 17 decimals; the product of 64 bits and
 * 10^17 has at most 121. */
static size_t format_mantissa(char *out, bool negative, uint64_t mantissa, int shift)
{
    uint64_t whole = shift < 64 ? mantissa >> shift : 0;
    uint64_t part = shift < 64 ? mantissa - (whole << shift) : mantissa;
    uint128 product = (uint128)part * powers_of_ten[DECIMALS];
    uint64_t fraction = 0;

    if (shift > 0 && shift < 128) {
        uint128 half = (uint128)1 << (shift - 1);
        uint128 rest = product & (2 * half - 1);

        fraction = (uint64_t)(product >> shift);
        fraction += rest > half || (rest == half && (fraction & 1));
    }
    if (fraction == powers_of_ten[DECIMALS]) {
        fraction = 0;
        whole++;
    }
    return write_fixed(out, negative, whole, fraction);
}

/* Through printf, for what has more than 64 bits or is 2^64 and above. printf writes the decimal
 * point of the locale, of any length; the digits around it are taken by position. */
static COLD size_t format_through_printf(char *out, long double value)
{
    char text[NUMBER_LONG_DOUBLE_MAX_LENGTH + 32];
    int printed = snprintf(text, sizeof text, "%.*Lf", DECIMALS, value);
    size_t whole = value < 0;
    size_t decimals = DECIMALS;

    if (printed < 0 || (size_t)printed >= sizeof text)
        fatal("a long double of %d characters", printed);
    const char *fraction = text + printed - DECIMALS;
    while (is_digit(text[whole]) && text + whole < fraction)
        whole++;
    while (decimals > 0 && fraction[decimals - 1] == '0')
        decimals--;
    memcpy(out, text, whole);
    if (decimals == 0)
        return whole == 2 && memcmp(out, "-0", 2) == 0 ? put_text(out, "0") : whole;
    out[whole] = '.';
    memcpy(out + whole + 1, fraction, decimals);
    return whole + 1 + decimals;
}

size_t number_format_long_double(char *out, size_t capacity, long double value)
{
    char text[NUMBER_LONG_DOUBLE_MAX_LENGTH];
    size_t length;

    if (isnan(value)) {
        length = put_text(text, "nan");
    } else if (isinf(value)) {
        length = put_text(text, value < 0 ? "-inf" : "inf");
#if LDBL_MANT_DIG == DBL_MANT_DIG
    } else if (value != floor(value)) {
        length = format_fraction(text, value);
#endif
    } else {
        int exponent;
        long double scaled = ldexpl(frexpl(value < 0 ? -value : value, &exponent), 64);
        uint64_t mantissa = (uint64_t)scaled;

        if (exponent <= 64 && (long double)mantissa == scaled)
            length = format_mantissa(text, value < 0, mantissa, 64 - exponent);
        else
            length = format_through_printf(text, value);
    }
    if (length > capacity)
        return 0;
    memcpy(out, text, length);
    return length;
}
