/* common.h - what every file of csrc/ takes for granted.
 *
 * Compiler hints, the slice, loads and stores of little-endian integers at any address, and the
 * one way to give up. It includes nothing of the project, so every other header may include it.
 *
 * slice: bytes that somebody else owns. It is passed by value (two registers), has no
 * terminating zero and may hold zeros. It is good for as long as its owner says.
 *
 *      slice { data, length }
 *               |
 *               v
 *      ... [ b0 b1 b2 ... b(length-1) ] ...      a read buffer, an entry, a literal
 *
 * load_uN / store_uN read and write N bits, lowest byte first, at an address of any alignment.
 * They compile to one plain move on x86-64 and arm64 (two for 48 bits). u48 is the width of a
 * user-space pointer and of a time in milliseconds (8,900 years), hence its frequency here.
 */
#ifndef FASTREDIS_COMMON_H
#define FASTREDIS_COMMON_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if !defined(__GNUC__)
#error "csrc needs GCC or Clang: it uses their builtins and attributes"
#endif

#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* Asks for the cache line of `address` in all levels, to be read soon. Never faults. */
#define PREFETCH(address) __builtin_prefetch((address), 0, 3)

#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
#define COLD __attribute__((cold))

static_assert(sizeof(void *) == 8, "entries and hash buckets pack 48-bit pointers");

/* Borrowed bytes. `data` may be NULL only where `length` is 0. */
typedef struct slice {
    const char *data;
    size_t length;
} slice;

static_assert(sizeof(slice) == 16, "a slice travels in two registers");

/* Prints the message and a line end to stderr, then aborts. For broken invariants and for memory
 * that the system does not give; never for anything that a client can cause. */
_Noreturn void fatal(const char *format, ...) __attribute__((cold, format(printf, 1, 2)));

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LITTLE_ENDIAN_16(value) __builtin_bswap16(value)
#define LITTLE_ENDIAN_32(value) __builtin_bswap32(value)
#define LITTLE_ENDIAN_64(value) __builtin_bswap64(value)
#else
#define LITTLE_ENDIAN_16(value) (value)
#define LITTLE_ENDIAN_32(value) (value)
#define LITTLE_ENDIAN_64(value) (value)
#endif

static ALWAYS_INLINE uint16_t load_u16(const void *from)
{
    uint16_t value;
    memcpy(&value, from, sizeof value);
    return LITTLE_ENDIAN_16(value);
}

static ALWAYS_INLINE uint32_t load_u32(const void *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return LITTLE_ENDIAN_32(value);
}

static ALWAYS_INLINE uint64_t load_u64(const void *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return LITTLE_ENDIAN_64(value);
}

/* Touches exactly six bytes: the last field of a structure may be read with it. */
static ALWAYS_INLINE uint64_t load_u48(const void *from)
{
    return load_u32(from) | (uint64_t)load_u16((const char *)from + 4) << 32;
}

static ALWAYS_INLINE void store_u16(void *to, uint16_t value)
{
    value = LITTLE_ENDIAN_16(value);
    memcpy(to, &value, sizeof value);
}

static ALWAYS_INLINE void store_u32(void *to, uint32_t value)
{
    value = LITTLE_ENDIAN_32(value);
    memcpy(to, &value, sizeof value);
}

static ALWAYS_INLINE void store_u64(void *to, uint64_t value)
{
    value = LITTLE_ENDIAN_64(value);
    memcpy(to, &value, sizeof value);
}

/* Writes exactly six bytes; the upper sixteen bits of `value` are dropped. */
static ALWAYS_INLINE void store_u48(void *to, uint64_t value)
{
    store_u32(to, (uint32_t)value);
    store_u16((char *)to + 4, (uint16_t)(value >> 32));
}

#endif
