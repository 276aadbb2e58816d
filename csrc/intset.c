/* Implementation of intset.h. The width is a switch around each access, not a template: a set that
 * is small enough to be an intset is searched in nine steps. */
#include "intset.h"

#include "checked.h"

static ALWAYS_INLINE int64_t load_number(const intset *set, uint32_t width, uint32_t index)
{
    const uint8_t *at = set + INTSET_HEADER_BYTES + (size_t)index * width;
    if (width == 2)
        return (int16_t)load_u16(at);
    return width == 4 ? (int32_t)load_u32(at) : (int64_t)load_u64(at);
}

static ALWAYS_INLINE void store_number(intset *set, uint32_t width, uint32_t index, int64_t number)
{
    uint8_t *at = set + INTSET_HEADER_BYTES + (size_t)index * width;
    if (width == 2)
        store_u16(at, (uint16_t)number);
    else if (width == 4)
        store_u32(at, (uint32_t)number);
    else
        store_u64(at, (uint64_t)number);
}

static inline uint32_t width_of(int64_t number)
{
    if (number >= INT16_MIN && number <= INT16_MAX)
        return 2;
    return number >= INT32_MIN && number <= INT32_MAX ? 4 : 8;
}

/* Whether the number is in the set, and its place: where it is, or where it would have to be. */
static bool locate(const intset *set, int64_t number, uint32_t *place)
{
    uint32_t width = intset_width(set), low = 0, high = intset_count(set);
    if (high > 0 && load_number(set, width, high - 1) < number) { /* ascending ids */
        *place = high;
        return false;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (load_number(set, width, middle) < number)
            low = middle + 1;
        else
            high = middle;
    }
    *place = low;
    return low < intset_count(set) && load_number(set, width, low) == number;
}

intset *intset_new(void)
{
    intset *set = alloc_new(INTSET_HEADER_BYTES);
    store_u32(set, 2);
    store_u32(set + 4, 0);
    return set;
}

void intset_free(intset *set)
{
    alloc_free(set, intset_bytes(set));
}

intset *intset_of_bytes(const void *bytes, size_t length)
{
    intset *set = alloc_new(length);
    memcpy(set, bytes, length);
    return set;
}

intset *intset_copy(const intset *set)
{
    return intset_of_bytes(set, intset_bytes(set));
}

int64_t intset_at(const intset *set, uint32_t index)
{
    return load_number(set, intset_width(set), index);
}

bool intset_has(const intset *set, int64_t number)
{
    uint32_t place;
    return width_of(number) <= intset_width(set) && locate(set, number, &place);
}

int64_t intset_random(const intset *set, random_state *random)
{
    return intset_at(set, (uint32_t)random_below(random, intset_count(set)));
}

/* The same numbers in a wider array, with `number` before or behind them: too wide for the old
 * width, it lies outside of its range. */
static intset *widened(intset *set, int64_t number)
{
    uint32_t old_width = intset_width(set), width = width_of(number), count = intset_count(set);
    uint32_t shift = number < 0;
    size_t numbers = size_mul_or_die((size_t)count + 1, width);
    intset *wide = alloc_new(size_add_or_die(numbers, INTSET_HEADER_BYTES));
    store_u32(wide, width);
    store_u32(wide + 4, count + 1);
    for (uint32_t index = 0; index < count; index++)
        store_number(wide, width, index + shift, load_number(set, old_width, index));
    store_number(wide, width, shift ? 0 : count, number);
    intset_free(set);
    return wide;
}

intset *intset_add(intset *set, int64_t number, bool *added)
{
    uint32_t place, width = intset_width(set), count = intset_count(set);
    if (UNLIKELY(width_of(number) > width)) {
        *added = true;
        return widened(set, number);
    }
    *added = !locate(set, number, &place);
    if (!*added)
        return set;
    if (UNLIKELY(count == UINT32_MAX))
        fatal("An intset of more than %u numbers", count);
    size_t bytes = intset_bytes(set);
    set = alloc_resize(set, bytes, size_add_or_die(bytes, width));
    uint8_t *at = set + INTSET_HEADER_BYTES + (size_t)place * width;
    memmove(at + width, at, (size_t)(count - place) * width);
    store_number(set, width, place, number);
    store_u32(set + 4, count + 1);
    return set;
}

intset *intset_remove(intset *set, int64_t number, bool *removed)
{
    uint32_t place, width = intset_width(set), count = intset_count(set);
    *removed = width_of(number) <= width && locate(set, number, &place);
    if (!*removed)
        return set;
    size_t bytes = intset_bytes(set);
    uint8_t *at = set + INTSET_HEADER_BYTES + (size_t)place * width;
    memmove(at, at + width, (size_t)(count - place - 1) * width);
    store_u32(set + 4, count - 1);
    return alloc_resize(set, bytes, bytes - width);
}

bool intset_check(const void *bytes, size_t length)
{
    const intset *set = bytes;
    if (length < INTSET_HEADER_BYTES)
        return false;
    uint32_t width = intset_width(set), count = intset_count(set);
    if ((width != 2 && width != 4 && width != 8)
        || (length - INTSET_HEADER_BYTES) / width != count || intset_bytes(set) != length)
        return false;
    for (uint32_t index = 1; index < count; index++)
        if (intset_at(set, index - 1) >= intset_at(set, index))
            return false;
    return true;
}
