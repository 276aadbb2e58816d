/* Tests of number: forms seen on real servers, and libc as the oracle of random values. */
#include "number.h"

#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>

#include "check.h"

/* A text in a block of its exact size, without a NUL: a byte read beyond it is seen. */
static char *exact_copy(const char *text, size_t length)
{
    char *copy = malloc(length > 0 ? length : 1);

    CHECK(copy != NULL);
    if (length > 0)
        memcpy(copy, text, length);
    return copy;
}

static bool parse_double(const char *text, size_t length, double *value)
{
    char *copy = exact_copy(text, length);
    bool accepted = number_parse_double(copy, length, value);

    free(copy);
    return accepted;
}

/* -- Integers -- */

static void test_integers_are_accepted_only_as_they_are_written(check_run *run)
{
    static const char *const refused[] = {
        "", "-", "+", "+1", "-0", "00", "01", "-01", " 1", "1 ", "1.0", "1e3", "0x10", "a", "1a",
        "--1", "9223372036854775808", "-9223372036854775809", "18446744073709551616",
        "99999999999999999999", "100000000000000000000", "1844674407370955161600000",
        "-18446744073709551615", "/", ":", "1:", "1/",
    };
    static const struct {
        const char *text;
        int64_t value;
    } accepted[] = {
        {"0", 0}, {"1", 1}, {"-1", -1}, {"9", 9}, {"10", 10}, {"-10", -10},
        {"9223372036854775807", INT64_MAX}, {"-9223372036854775808", INT64_MIN},
        {"1000000000000000000", INT64_C(1000000000000000000)},
    };
    int64_t value = 77;

    (void)run;
    for (size_t i = 0; i < CHECK_LENGTH(refused); i++) {
        CHECK(!number_parse_int64(refused[i], strlen(refused[i]), &value));
        CHECK_INT(value, 77);
    }
    CHECK(!number_parse_int64("1\0", 2, &value));
    CHECK(!number_parse_int64(NULL, 0, &value));
    for (size_t i = 0; i < CHECK_LENGTH(accepted); i++) {
        CHECK(number_parse_int64(accepted[i].text, strlen(accepted[i].text), &value));
        CHECK_INT(value, accepted[i].value);
    }
}

static void test_unsigned_integers_reach_two_to_the_64(check_run *run)
{
    uint64_t value = 77;

    (void)run;
    CHECK(number_parse_uint64("18446744073709551615", 20, &value) && value == UINT64_MAX);
    value = 77;
    CHECK(!number_parse_uint64("18446744073709551616", 20, &value));
    CHECK(!number_parse_uint64("18446744073709551620", 20, &value));
    CHECK(!number_parse_uint64("99999999999999999999", 20, &value));
    CHECK(!number_parse_uint64("-1", 2, &value));
    CHECK(!number_parse_uint64("00", 2, &value));
    CHECK(!number_parse_uint64("", 0, &value));
    CHECK(value == 77);
    CHECK(number_parse_uint64("0", 1, &value) && value == 0);
}

static void test_digits_are_counted_right_around_every_power_of_ten(check_run *run)
{
    uint64_t power = 1;

    (void)run;
    CHECK_INT(number_digits_uint64(0), 1);
    CHECK_INT(number_digits_uint64(UINT64_MAX), 20);
    for (unsigned digits = 1; digits <= 20; digits++, power *= 10) {
        CHECK_INT(number_digits_uint64(power), digits);
        if (digits > 1)
            CHECK_INT(number_digits_uint64(power - 1), digits - 1);
    }
}

/* Random numbers of every magnitude; texts of few letters, accepted exactly when printing what
 * strtoll read gives them back. */
static void test_random_integers_agree_with_libc(check_run *run)
{
    uint64_t iterations = check_iterations(run, 200000), accepted = 0;

    for (uint64_t i = 0; i < iterations; i++) {
        uint64_t bits = check_random(run) >> check_random_below(run, 64);
        int64_t value = check_chance(run, 50) ? (int64_t)bits : -(int64_t)(bits >> 1), parsed;
        char expected[64], got[NUMBER_INT64_MAX_LENGTH];
        int length = snprintf(expected, sizeof expected, "%" PRId64, value);

        CHECK_BYTES(got, number_format_int64(got, value), expected, (size_t)length);
        CHECK(number_parse_int64(expected, (size_t)length, &parsed) && parsed == value);
        length = snprintf(expected, sizeof expected, "%" PRIu64, bits);
        CHECK_BYTES(got, number_format_uint64(got, bits), expected, (size_t)length);
        CHECK_INT(number_digits_uint64(bits), length);

        size_t letters = check_random_below(run, 23);
        for (size_t at = 0; at < letters; at++)
            expected[at] = "0123456789-"[check_random_below(run, at == 0 ? 11 : 10)];
        if (check_chance(run, 5) && letters > 0)
            expected[check_random_below(run, letters)] = (char)check_random(run);
        expected[letters] = '\0';
        char again[64];
        snprintf(again, sizeof again, "%lld", strtoll(expected, NULL, 10));
        bool right = strlen(expected) == letters && strcmp(again, expected) == 0;
        char *copy = exact_copy(expected, letters);
        CHECK(number_parse_int64(copy, letters, &parsed) == right);
        if (right)
            CHECK_INT(parsed, strtoll(expected, NULL, 10));
        free(copy);
        accepted += right;
    }
    CHECK(accepted > iterations / 4);
}

/* -- Doubles -- */

static void test_float_arguments_are_accepted_as_real_servers_do(check_run *run)
{
    static const struct {
        const char *text;
        double value;
    } accepted[] = {
        {"0", 0}, {"00012", 12}, {".5", 0.5}, {"5.", 5}, {"+5", 5}, {"+.5e3", 500}, {"1e5", 1e5},
        {"1E5", 1e5}, {"inf", HUGE_VAL}, {"+inf", HUGE_VAL}, {"-inf", -HUGE_VAL},
        {"Infinity", HUGE_VAL}, {"-INFINITY", -HUGE_VAL}, {"0x10", 16}, {"0x1p3", 8},
        {"-0x1.8p1", -3}, {"+0X1P2", 4}, {"0x.8", 0.5}, {"0x1.", 1}, {"4.9e-324", 0x1p-1074},
        {"1e-310", 1e-310}, {"0e99999999999", 0}, {"0e-99999999999999999999999", 0},
        {"1.7976931348623157e308", DBL_MAX}, {"1.7976931348623158e308", DBL_MAX},
        {"0x0p999999", 0}, {"-12.50", -12.5}, {"1e23", 1e23}, {"8.98846567431158e307", 0x1p1023},
    };
    static const char *const refused[] = {
        "", "+", "-", ".", "nan", "NaN", "-nan", "nan(1)", "infi", "infinit", "infinityx", "i",
        " 1", "1 ", "\t1", "1\n", "1e", "1e+", "e5", ".e5", "1e5.0", "1e400", "-1e400", "1e-400",
        "2e-324", "1.7976931348623159e308", "1d5", "1,5", "1_0", "0b1", "0x", "0xg", "0x.", "0xp1",
        "0x1p", "0x1p+", "0x1p1025", "0x1p-1080", "--1", "+-1", "1.0.0", "0x1.2.3", "1e99999",
        "1e9999999999999999999999", "1e-9999999999999999999999", "1f", "0x1e+1", "\xa0.1",
    };
    double value = 77;

    (void)run;
    for (size_t i = 0; i < CHECK_LENGTH(accepted); i++) {
        CHECK(parse_double(accepted[i].text, strlen(accepted[i].text), &value));
        CHECK(value == accepted[i].value);
    }
    value = 77;
    for (size_t i = 0; i < CHECK_LENGTH(refused); i++) {
        bool got = parse_double(refused[i], strlen(refused[i]), &value);

        if (got)
            printf("accepted \"%s\"\n", refused[i]);
        CHECK(!got && value == 77);
    }
    CHECK(!parse_double("1\0", 2, &value) && !parse_double("1\0002", 3, &value));
    CHECK(!parse_double("\0001", 2, &value) && !number_parse_double(NULL, 0, &value));
    CHECK(parse_double("-0", 2, &value) && value == 0 && signbit(value));
    CHECK(parse_double("-0.0e5", 6, &value) && value == 0 && signbit(value));
}

static void test_bounds_saturate_and_end_at_a_nul(check_run *run)
{
    static const struct {
        const char *text;
        double value;
    } accepted[] = {
        {"", 0}, {"0", 0}, {"-0", 0}, {"1.5", 1.5}, {"+1.5", 1.5}, {".5", 0.5}, {"5.", 5},
        {"-1e5", -1e5}, {"inf", HUGE_VAL}, {"-Infinity", -HUGE_VAL}, {"+inf", HUGE_VAL},
        {"1e400", HUGE_VAL}, {"-1e400", -HUGE_VAL}, {"1e-400", 0}, {"2e-324", 0},
        {"5e-324", 0x1p-1074}, {"1e9999999999999999999999", HUGE_VAL},
        {"1e-9999999999999999999999", 0}, {"1.7976931348623159e308", HUGE_VAL},
        {"0.0000000000000000000000000000000000000001e-300", 0},
        {"100000000000000000000000000000000000000000e290", HUGE_VAL},
    };
    static const char *const refused[] = {
        "nan", "-nan", "x", " 1", "1 ", "\t1", "0x1", "0x", "1e", "1e+", "+", "-", ".", "(1",
        "++1", "1,5", "1_0", "infi",
    };
    double value = 77;

    (void)run;
    for (size_t i = 0; i < CHECK_LENGTH(accepted); i++) {
        CHECK(number_parse_bound(accepted[i].text, strlen(accepted[i].text), &value));
        CHECK(value == accepted[i].value);
    }
    value = 77;
    for (size_t i = 0; i < CHECK_LENGTH(refused); i++)
        CHECK(!number_parse_bound(refused[i], strlen(refused[i]), &value) && value == 77);
    CHECK(number_parse_bound("1.5\0x", 5, &value) && value == 1.5);
    CHECK(number_parse_bound("\0x", 2, &value) && value == 0);
    CHECK(!number_parse_bound("x\0001", 3, &value));
    CHECK(number_parse_bound("-0", 2, &value) && value == 0 && signbit(value));
}

/* The exact middle of two doubles goes to the even one, and one digit more, however far behind,
 * goes up: 2^53 + 1 is such a middle, and so is half of the smallest double. */
static void test_ties_are_broken_by_digits_however_far(check_run *run)
{
    enum { ZEROS = 100000 };
    char *text = malloc(ZEROS + 64);
    double value;

    (void)run;
    CHECK(text != NULL);
    CHECK(parse_double("9007199254740993", 16, &value) && value == 0x1p53);
    CHECK(parse_double("9007199254740995", 16, &value) && value == 0x1p53 + 4);
    memcpy(text, "9007199254740993.", 17);
    memset(text + 17, '0', ZEROS);
    CHECK(parse_double(text, 17 + ZEROS, &value) && value == 0x1p53);
    text[16 + ZEROS] = '1';
    CHECK(parse_double(text, 17 + ZEROS, &value) && value == 0x1p53 + 2);

    int length = snprintf(text, ZEROS, "%.1100f", 0x1p-1074); /* every digit of it */
    CHECK(parse_double(text, (size_t)length, &value) && value == 0x1p-1074);
    length = snprintf(text, ZEROS, "0x0.%0*d8p-1072", ZEROS / 2, 0);
    CHECK(!parse_double(text, (size_t)length, &value));
    length = snprintf(text, ZEROS, "0x10000000000000%0*d1p-%d", 1000, 0, 4000);
    CHECK(parse_double(text, (size_t)length, &value) && value == ldexp(1, 52 + 4004 - 4000));
    CHECK(parse_double("0x1fffffffffffff", 16, &value) && value == 0x1p53 - 1);
    CHECK(parse_double("0x20000000000001", 16, &value) && value == 0x1p53);
    CHECK(parse_double("0x20000000000001.00000000000000000000000000001", 46, &value)
          && value == 0x1p53 + 2);

    memset(text, '0', ZEROS); /* zeros in front do not use up the digits that count */
    memcpy(text + ZEROS, "12345.678", 9);
    CHECK(parse_double(text, ZEROS + 9, &value) && value == 12345.678);
    text[1] = '.';
    CHECK(!parse_double(text, ZEROS + 9, &value)); /* a second point */
    CHECK(!parse_double(text, ZEROS + 5, &value)); /* 1e-99998 */
    memcpy(text + ZEROS, "125e100000", 10);
    CHECK(parse_double(text, ZEROS + 10, &value) && value == 12.5);
    free(text);
}

static void check_format(double value, const char *expected)
{
    char *out = malloc(NUMBER_DOUBLE_MAX_LENGTH);

    CHECK(out != NULL);
    size_t length = number_format_double(out, value);
    CHECK_BYTES(out, length, expected, strlen(expected));
    free(out);
}

static void test_doubles_are_written_in_the_form_of_replies(check_run *run)
{
    (void)run;
    check_format(0, "0");
    check_format(-0.0, "-0");
    check_format(3, "3");
    check_format(-7, "-7");
    check_format(1e15, "1000000000000000");
    check_format(1e18, "1000000000000000000");
    check_format(1234567890123456789.0, "1234567890123456768");
    check_format(-0x1p62, "-4611686018427387904");
    check_format(0x1p62 + 1024, "4611686018427389000");
    check_format(5e18, "5e+18");
    check_format(9223372036854775807.0, "9223372036854776000");
    check_format(12345e19, "1.2345e+23");
    check_format(12300000000000001048576.0, "1.23e+22");
    check_format(900719925474099331072.0, "900719925474099300000");
    check_format(1e19, "1e+19");
    check_format(-1.5e20, "-1.5e+20");
    check_format(1e23, "1e+23");
    check_format(1.7976931348623157e308, "1.7976931348623157e+308");
    check_format(5e-324, "5e-324");
    check_format(2.2250738585072014e-308, "2.2250738585072014e-308");
    check_format(-2.2250738585072014e-308, "-2.2250738585072014e-308");
    check_format(0.1, "0.1");
    check_format(0.1 + 0.2, "0.30000000000000004");
    check_format(3.0e-5, "0.00003");
    check_format(1e-6, "0.000001");
    check_format(1e-7, "1e-7");
    check_format(1.5e-5, "0.000015");
    check_format(1.5e-6, "1.5e-6");
    check_format(1.2345678e-5, "1.2345678e-5");
    check_format(0.000123456789012, "1.23456789012e-4");
    check_format(0.00123456789012, "0.00123456789012");
    check_format(0.0095, "0.0095");
    check_format(-1234.5678, "-1234.5678");
    check_format(123456789.125, "123456789.125");
    check_format(9007199254740993.0 / 2, "4503599627370496");
    check_format(4503599627370495.5, "4503599627370495.5");
    check_format(HUGE_VAL, "inf");
    check_format(-HUGE_VAL, "-inf");
    check_format(NAN, "nan");
    check_format(-NAN, "nan");
}

static double random_double(check_run *run)
{
    uint64_t bits = check_random(run);
    double value;

    switch (check_random_below(run, 6)) {
    case 0: /* the powers of two, where the interval is lopsided */
        bits &= UINT64_C(0xfff0000000000000);
        break;
    case 1: /* the smallest numbers, subnormal ones included */
        bits = (bits & UINT64_C(0x803fffffffffffff)) >> check_random_below(run, 54);
        break;
    case 2: /* what people write */
        return (double)(int64_t)(bits >> check_random_below(run, 63))
             / pow(10, (double)check_random_below(run, 12));
    case 3:
        return ldexp((double)(bits >> 11), (int)check_random_below(run, 140) - 100);
    default:
        break;
    }
    memcpy(&value, &bits, sizeof value);
    return isnan(value) || isinf(value) ? 0.5 : value;
}

/* The significant digits of a text, without zeros before and after. */
static size_t significant(const char *text, size_t length, char *digits)
{
    size_t count = 0;

    for (size_t i = 0; i < length && text[i] != 'e'; i++)
        if (text[i] >= '0' && text[i] <= '9' && (count > 0 || text[i] != '0'))
            digits[count++] = text[i];
    while (count > 0 && digits[count - 1] == '0')
        count--;
    return count;
}

/* The oracle: the fewest digits with which printf writes what strtod reads back. Below a power of
 * two the interval is half as wide, so that digits farther off, on the wider side, may be as short
 * or shorter; and integers are written in full. */
static void test_random_doubles_are_shortest_and_read_back(check_run *run)
{
    uint64_t iterations = check_iterations(run, 200000);

    for (uint64_t i = 0; i < iterations; i++) {
        double value = random_double(run), parsed;
        char text[NUMBER_DOUBLE_MAX_LENGTH + 1], printed[64], digits[64], expected[64];
        size_t length = number_format_double(text, value);
        int precision = 0, exponent;

        CHECK(length <= NUMBER_DOUBLE_MAX_LENGTH);
        text[length] = '\0';
        parsed = strtod(text, NULL);
        if (memcmp(&parsed, &value, sizeof value) != 0)
            printf("%.17g was written as %s\n", value, text);
        CHECK(memcmp(&parsed, &value, sizeof value) == 0);
        if (i % 4 != 0 || value == floor(value)) /* the oracle is slow */
            continue;
        do {
            snprintf(printed, sizeof printed, "%.*e", precision, value);
        } while (strtod(printed, NULL) != value && precision++ < 17);
        size_t count = significant(text, length, digits);
        size_t fewest = significant(printed, strlen(printed), expected);
        if (fabs(frexp(value, &exponent)) == 0.5)
            CHECK(count <= fewest);
        else
            CHECK_BYTES(digits, count, expected, fewest);
    }
}

/* strtod decides what is read; the grammar's differences from it (spaces, nan, what is left over,
 * what is out of range) are written down here a second time. */
static bool naive_parse(const char *text, size_t length, double *value)
{
    char *end;

    if (length == 0 || strlen(text) != length || strchr(" \t\n\v\f\r", text[0]) != NULL)
        return false;
    errno = 0;
    *value = strtod(text, &end);
    if (end != text + length || isnan(*value))
        return false;
    return !(errno == ERANGE && (isinf(*value) || *value == 0));
}

static size_t random_float_text(check_run *run, char *text, size_t room)
{
    static const char letters[] = "0123456789.eE+-xXpPinfINFTYaAn ";
    double value = random_double(run);
    int length;

    switch (check_random_below(run, 6)) {
    case 0:
        length = (int)check_random_below(run, 7);
        for (int i = 0; i < length; i++)
            text[i] = letters[check_random_below(run, sizeof letters - 1)];
        break;
    case 1:
        length = snprintf(text, room, "%.*e", (int)check_random_below(run, 30), value);
        break;
    case 2:
        length = snprintf(text, room, "%a", value);
        break;
    case 3: /* digits of any number and an exponent near the ends of the range */
        length = snprintf(text, room, "%" PRIu64 "%.*se%d", check_random(run),
                          (int)check_random_below(run, 30), "314159265358979323846264338327",
                          (int)check_random_below(run, 720) - 370);
        break;
    case 4: /* exact expansions, longer than the fast paths hold */
        value = ldexp((double)(check_random(run) >> 12), (int)check_random_below(run, 60) - 40);
        length = snprintf(text, room, "%.70f", value);
        break;
    default:
        length = snprintf(text, room, "%.*f", (int)check_random_below(run, 20),
                          fabs(value) < 1e30 ? value : 1.25);
        break;
    }
    if (length > 0 && check_chance(run, 20))
        text[check_random_below(run, (uint64_t)length)] =
            letters[check_random_below(run, sizeof letters - 1)];
    text[length] = '\0';
    return (size_t)length;
}

static void test_random_texts_are_read_as_strtod_reads_them(check_run *run)
{
    uint64_t iterations = check_iterations(run, 200000), accepted = 0;

    for (uint64_t i = 0; i < iterations; i++) {
        char text[600];
        size_t length = random_float_text(run, text, sizeof text);
        double expected = 0, got = 0;
        bool right = naive_parse(text, length, &expected);

        if (parse_double(text, length, &got) != right || (right && got != expected))
            printf("\"%s\" gave %.17g, not %.17g\n", text, got, expected);
        CHECK(parse_double(text, length, &got) == right);
        CHECK(!right || memcmp(&got, &expected, sizeof got) == 0);
        accepted += right;
    }
    CHECK(accepted > iterations / 2 && accepted < iterations);
}

/* A significand of 53 bits and a half more, as exact text: middles that the fast paths must not
 * decide by what they cut off. */
static void test_middles_between_doubles_go_to_the_even_one(check_run *run)
{
    uint64_t iterations = check_iterations(run, 20000);

    for (uint64_t i = 0; i < iterations; i++) {
        uint64_t significand = check_random(run) >> 11 | UINT64_C(1) << 52;
        int exponent = (int)check_random_below(run, 126) - 65; /* at most 60: whole has 114 bits */
        char text[300];
        double expected = ldexp((double)(significand + (significand & 1)), exponent), got;
        __extension__ unsigned __int128 whole = 2 * (unsigned __int128)significand + 1;
        char digits[64];
        size_t length = 0;

        if (exponent >= 1) {
            whole <<= exponent - 1;
            do {
                digits[length++] = (char)('0' + (int)(whole % 10));
            } while ((whole /= 10) != 0);
            for (size_t at = 0; at < length; at++)
                text[at] = digits[length - 1 - at];
        } else { /* significand.5 * 2^exponent, through hexadecimal */
            length = (size_t)snprintf(text, sizeof text, "0x%" PRIx64 "p%d", (uint64_t)whole,
                                      exponent - 1);
        }
        CHECK(parse_double(text, length, &got) && got == expected);
    }
}

/* -- Long doubles: INCRBYFLOAT -- */

static void check_long_double(const char *text, const char *expected)
{
    char *copy = exact_copy(text, strlen(text)), out[NUMBER_LONG_DOUBLE_MAX_LENGTH];
    long double value;

    CHECK(number_parse_long_double(copy, strlen(text), &value));
    CHECK_BYTES(out, number_format_long_double(out, sizeof out, value), expected, strlen(expected));
    free(copy);
}

static void test_long_doubles_of_many_digits_are_refused(check_run *run)
{
    char *text = malloc(NUMBER_LONG_DOUBLE_TEXT_MAX + 1);
    long double value = 0;

    (void)run;
    memset(text, '0', NUMBER_LONG_DOUBLE_TEXT_MAX + 1);
    text[NUMBER_LONG_DOUBLE_TEXT_MAX - 1] = '7';
    CHECK(number_parse_long_double(text, NUMBER_LONG_DOUBLE_TEXT_MAX, &value) && value == 7);
    CHECK(!number_parse_long_double(text, NUMBER_LONG_DOUBLE_TEXT_MAX + 1, &value));
    free(text);
}

static void test_incrbyfloat_forms_are_those_of_real_servers(check_run *run)
{
    char out[NUMBER_LONG_DOUBLE_MAX_LENGTH];
    long double value = 77;

    (void)run;
    check_long_double("5.0e3", "5000");
    check_long_double("-0", "0");
    check_long_double("0", "0");
    check_long_double("3.0e-5", "0.00003");
    check_long_double("-4e-18", "0");
    check_long_double("-6e-18", "-0.00000000000000001");
    check_long_double("10.50", "10.5");
    check_long_double("1e20", "100000000000000000000");
    check_long_double("18446744073709551616", "18446744073709551616");
    check_long_double("-9223372036854775808", "-9223372036854775808");
    check_long_double("0.99999999999999999999999", "1");
    check_long_double("inf", "inf");
    check_long_double("-Infinity", "-inf");
    check_long_double("0x1p70", "1180591620717411303424");
    check_long_double("0.1", "0.1");
    check_long_double("-10.6", "-10.6");
    check_long_double("0.000123456789", "0.000123456789");
    check_long_double("1.23456789e-12", "0.00000000000123457");
#if LDBL_MANT_DIG == 64
    check_long_double("5e-400", "0");
    check_long_double("1e100",
                      "9999999999999999999669353532207342619498699019828496079271391541752018669482"
                      "644324418977840117055488");
    check_long_double("123456789.123456789123456789", "123456789.12345678912242875");
    check_long_double("-18446744073709551615.5", "-18446744073709551616");
    check_long_double("18446744073709551615", "18446744073709551615");
    check_long_double("1.5e-17", "0.00000000000000002");
    check_long_double("2.5e-17", "0.00000000000000002");
    CHECK(number_parse_long_double("1e-4940", 7, &value)); /* subnormal, not zero */
    value = 77;
    CHECK(!number_parse_long_double("1e-4960", 7, &value));
    CHECK(!number_parse_long_double("1e4933", 6, &value));
    CHECK_INT(number_format_long_double(out, sizeof out, LDBL_MAX), 4933);
    CHECK_INT(number_format_long_double(out, sizeof out, -LDBL_MAX), 4934);
#endif
    CHECK(value == 77);
    CHECK(!number_parse_long_double("nan", 3, &value) && !number_parse_long_double("", 0, &value));
    CHECK(!number_parse_long_double("1 ", 2, &value) && !number_parse_long_double(NULL, 0, &value));
    CHECK(!number_parse_long_double("1e5000", 6, &value));
    CHECK(!number_parse_long_double("1e-5000", 7, &value) && value == 77);
    CHECK_INT(number_format_long_double(out, 3, 12345), 0);
    CHECK_INT(number_format_long_double(out, 5, 12345), 5);
    CHECK_BYTES(out, number_format_long_double(out, sizeof out, (long double)NAN), "nan", 3);
}

static void test_random_long_doubles_agree_with_libc(check_run *run)
{
    uint64_t iterations = check_iterations(run, 50000);

    for (uint64_t i = 0; i < iterations; i++) {
        char text[600], expected[NUMBER_LONG_DOUBLE_MAX_LENGTH + 32];
        char got[NUMBER_LONG_DOUBLE_MAX_LENGTH];
        size_t length = random_float_text(run, text, sizeof text);
        char *end, *copy = exact_copy(text, length);
        long double value = 0, right = 0;

        errno = 0;
        if (length > 0 && text[0] != ' ')
            right = strtold(text, &end);
        bool accept = length > 0 && text[0] != ' ' && end == text + length && !isnan(right)
            && !(errno == ERANGE && (isinf(right) || right == 0));
        CHECK(number_parse_long_double(copy, length, &value) == accept);
        free(copy);
        if (!accept)
            continue;
        CHECK(value == right && !signbit(value) == !signbit(right));
        if (isinf(value))
            continue;
        if (check_chance(run, 50))
            value = ldexpl(value, (int)check_random_below(run, 100) - 70);
#if LDBL_MANT_DIG == DBL_MANT_DIG
        if (value != floor(value)) { /* the shortest form instead; 17 decimals tell all above 1 */
            size_t written = number_format_long_double(got, sizeof got - 1, value);

            got[written] = '\0';
            CHECK(fabs(value) < 1 ? fabs(strtod(got, NULL) - value) <= 0.51e-17
                                        + fabs(value) * DBL_EPSILON
                                  : strtod(got, NULL) == value);
            continue;
        }
#endif
        int printed = snprintf(expected, sizeof expected, "%.17Lf", value);
        while (expected[printed - 1] == '0')
            printed--;
        printed -= expected[printed - 1] == '.';
        if (printed == 2 && memcmp(expected, "-0", 2) == 0)
            memcpy(expected, "0", (size_t)(printed = 1));
        if (printed > (int)sizeof got)
            continue;
        CHECK_BYTES(got, number_format_long_double(got, sizeof got, value), expected,
                    (size_t)printed);
    }
}

/* An embedding program may have chosen a decimal comma. */
static void test_the_locale_changes_nothing(check_run *run)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8"};
    const char *chosen = NULL;
    double value;

    (void)run;
    for (size_t i = 0; i < CHECK_LENGTH(names) && chosen == NULL; i++)
        chosen = setlocale(LC_ALL, names[i]);
    if (chosen == NULL)
        printf("note: this system has no locale with a decimal comma; checked in C alone\n");
    check_format(1234.5, "1234.5");
    CHECK(parse_double("1234.5", 6, &value) && value == 1234.5);
    CHECK(!parse_double("1234,5", 6, &value));
    CHECK(parse_double("0x1.8p1", 7, &value) && value == 3);
    CHECK(parse_double("1.00000000000000011102230246251565404", 37, &value) && value == 1);
    check_long_double("0.1", "0.1");
    check_long_double("0x1p90", "1237940039285380274899124224");
    setlocale(LC_ALL, "C");
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_integers_are_accepted_only_as_they_are_written),
        CHECK_TEST(test_unsigned_integers_reach_two_to_the_64),
        CHECK_TEST(test_digits_are_counted_right_around_every_power_of_ten),
        CHECK_TEST(test_random_integers_agree_with_libc),
        CHECK_TEST(test_float_arguments_are_accepted_as_real_servers_do),
        CHECK_TEST(test_bounds_saturate_and_end_at_a_nul),
        CHECK_TEST(test_ties_are_broken_by_digits_however_far),
        CHECK_TEST(test_doubles_are_written_in_the_form_of_replies),
        CHECK_TEST(test_random_doubles_are_shortest_and_read_back),
        CHECK_TEST(test_random_texts_are_read_as_strtod_reads_them),
        CHECK_TEST(test_middles_between_doubles_go_to_the_even_one),
        CHECK_TEST(test_long_doubles_of_many_digits_are_refused),
        CHECK_TEST(test_incrbyfloat_forms_are_those_of_real_servers),
        CHECK_TEST(test_random_long_doubles_agree_with_libc),
        CHECK_TEST(test_the_locale_changes_nothing),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
