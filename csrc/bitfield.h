/* bitfield: small integers at any bit of a string, as BITFIELD reads and writes them.
 *
 * A field is `width` bits from bit number `offset` on, the highest bit first, as SETBIT numbers
 * them. 64 bits at any offset touch at most nine bytes:
 *
 *     byte   offset/8        +1              ...             +8
 *           |. . . x x x x x|x x x x x x x x| ...           |x x x . . . . .|
 *                  ^ offset & 7                                   ^ offset + width - 1
 *
 * Bits behind the end of the string read as zeros; writing needs them to be there.
 *
 *   signed     two's complement, 1 to 64 bits      unsigned   1 to 63 bits: every value, and every
 *                                                             result, is an int64 in the protocol
 *   overflow   WRAP   modulo 2^width
 *              SAT    the nearest value that fits
 *              FAIL   nothing is done
 *
 * Why 128-bit sums: a field of 64 bits and an increment of 64 bits need 65; the compiler has such
 * numbers, and no case needs a branch of its own.
 *
 * Complexity: O(1). Ownership: bytes are borrowed.
 */
#ifndef FASTREDIS_BITFIELD_H
#define FASTREDIS_BITFIELD_H

#include "common.h"

typedef struct bitfield_type {
    bool is_signed;
    uint8_t width; /* 1 to 64 signed, 1 to 63 unsigned */
} bitfield_type;

typedef enum bitfield_overflow {
    BITFIELD_WRAP,
    BITFIELD_SAT,
    BITFIELD_FAIL,
} bitfield_overflow;

/* Read a type's name: 'i' or 'u' and a width in strict decimal. False where it is none. */
bool bitfield_parse_type(slice name, bitfield_type *type);

int64_t bitfield_get(const void *bytes, size_t length, uint64_t offset, bitfield_type type);

/* Write the low bits of `value`; the string holds all bits of the field. */
void bitfield_set(void *bytes, uint64_t offset, bitfield_type type, int64_t value);

/* What writing `value` into a field means. For an unsigned field a negative value counts as one
 * that is too large. False: it does not fit, and the overflow is FAIL.
 * Redis computes how far a value is below the upper bound in 64 bits: where that overflows (it is
 * more than INT64_MAX below), SAT gives the upper bound, not the lower. So it is here, because the
 * same command must leave the same bytes on a replica of either kind. */
bool bitfield_fit(bitfield_type type, bitfield_overflow overflow, int64_t value, int64_t *result);

/* The same for a field's value plus an increment. */
bool bitfield_add(bitfield_type type, bitfield_overflow overflow, int64_t value, int64_t increment,
                  int64_t *result);

#endif
