/* checked.h - arithmetic on sizes that cannot wrap unnoticed.
 *
 * A size that wraps becomes a short block and a long write. Every sum and product that ends in an
 * allocation or a copy and that contains a number from outside goes through here:
 *
 *      if (size_mul(count, item_size, &bytes))     a client or a file may cause it: return a status
 *          return false;
 *      bytes = size_add_or_die(length, header);    only a bug of ours could cause it
 *
 * The boolean forms return true on OVERFLOW, as the compiler's builtins do; *result then holds the
 * wrapped value and must not be used. All are one instruction and a jump on the carry flag.
 */
#ifndef FASTREDIS_CHECKED_H
#define FASTREDIS_CHECKED_H

#include "common.h"

/* *result = a + b; true if that overflows. */
static ALWAYS_INLINE __attribute__((warn_unused_result)) bool
size_add(size_t a, size_t b, size_t *result)
{
    return __builtin_add_overflow(a, b, result);
}

/* *result = a * b; true if that overflows. */
static ALWAYS_INLINE __attribute__((warn_unused_result)) bool
size_mul(size_t a, size_t b, size_t *result)
{
    return __builtin_mul_overflow(a, b, result);
}

static ALWAYS_INLINE size_t size_add_or_die(size_t a, size_t b)
{
    size_t result;
    if (UNLIKELY(size_add(a, b, &result)))
        fatal("Size overflow: %zu + %zu", a, b);
    return result;
}

static ALWAYS_INLINE size_t size_mul_or_die(size_t a, size_t b)
{
    size_t result;
    if (UNLIKELY(size_mul(a, b, &result)))
        fatal("Size overflow: %zu * %zu", a, b);
    return result;
}

#endif
