/* bitfield: small integers at any bit of a string; see bitfield.h. */
#include "bitfield.h"

#include "number.h"

typedef __int128 wide;

bool bitfield_parse_type(slice name, bitfield_type *type) {
    int64_t width;
    if (name.length < 2 || (name.data[0] != 'i' && name.data[0] != 'u')) return false;
    type->is_signed = name.data[0] == 'i';
    if (!number_parse_int64(name.data + 1, name.length - 1, &width)) return false;
    if (width < 1 || width > (type->is_signed ? 64 : 63)) return false;
    type->width = (uint8_t)width;
    return true;
}

/* The low `width` bits of a number as the field shows them. */
static int64_t field_value(bitfield_type type, uint64_t bits) {
    unsigned above = 64u - type.width;
    if (type.is_signed) return (int64_t)(bits << above) >> above;
    return (int64_t)(bits << above >> above);
}

/* How many of the field's bytes, the first included, the string has; at most nine. */
static size_t bytes_there(size_t length, uint64_t offset, bitfield_type type) {
    uint64_t first = offset / 8, last = (offset + type.width - 1) / 8;
    if (first >= length) return 0;
    return (size_t)(last < length ? last - first + 1 : length - first);
}

int64_t bitfield_get(const void *bytes, size_t length, uint64_t offset, bitfield_type type) {
    uint8_t window[9] = {0};
    size_t there = bytes_there(length, offset, type);
    unsigned shift = offset & 7;
    uint64_t bits;
    if (there) memcpy(window, (const uint8_t *)bytes + offset / 8, there);
    memcpy(&bits, window, 8);
    bits = __builtin_bswap64(LITTLE_ENDIAN_64(bits));
    if (shift) bits = bits << shift | window[8] >> (8 - shift);
    return field_value(type, bits >> (64 - type.width));
}

void bitfield_set(void *bytes, uint64_t offset, bitfield_type type, int64_t value) {
    uint8_t *at = (uint8_t *)bytes + offset / 8;
    unsigned left = type.width, skipped = offset & 7;
    while (left) { /* a byte a turn, the highest bits first */
        unsigned count = 8 - skipped < left ? 8 - skipped : left;
        unsigned behind = 8 - skipped - count;
        uint8_t mask = (uint8_t)((0xffu >> (8 - count)) << behind);
        uint8_t bits = (uint8_t)((uint64_t)value >> (left - count) << behind);
        *at = (uint8_t)((*at & ~mask) | (bits & mask));
        at++;
        left -= count;
        skipped = 0;
    }
}

/* A number of any size brought into the field. */
static bool fit(bitfield_type type, bitfield_overflow overflow, wide number, int64_t *result) {
    wide limit = (wide)1 << (type.is_signed ? type.width - 1 : type.width);
    wide least = type.is_signed ? -limit : 0;
    if (number >= least && number < limit) {
        *result = (int64_t)number;
        return true;
    }
    if (overflow == BITFIELD_FAIL) return false;
    if (overflow == BITFIELD_SAT)
        *result = (int64_t)(number < least ? least : limit - 1);
    else
        *result = field_value(type, (uint64_t)number);
    return true;
}

bool bitfield_fit(bitfield_type type, bitfield_overflow overflow, int64_t value, int64_t *result) {
    wide number = type.is_signed ? (wide)value : (wide)(uint64_t)value;
    if (type.is_signed && overflow == BITFIELD_SAT) {
        int64_t most = (int64_t)(((uint64_t)1 << (type.width - 1)) - 1);
        if (most - number > INT64_MAX && type.width < 64) number = most;
    }
    return fit(type, overflow, number, result);
}

bool bitfield_add(bitfield_type type, bitfield_overflow overflow, int64_t value, int64_t increment,
                  int64_t *result) {
    return fit(type, overflow, (wide)value + increment, result);
}
