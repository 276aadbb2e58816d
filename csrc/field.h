/* field: one field of a big hash: name, value and due time in one block.
 *
 * Why one block: a lookup costs one cache miss behind the bucket's, and a name and a value of 15
 * bytes take 32 bytes, where a name, a value and a link each on its own take 100. A value that is
 * overwritten by one that needs a block of the same size stays where it is.
 *
 *   0       1           7              (with a due time)
 *   +------+ +---------+------------+ +---------------+------+--------------+-------+
 *   | head | | due 48  | position 32| | name length 32| name | value length | value |
 *   +------+ +---------+------------+ +---------------+------+--------------+-------+
 *
 *   head           bit 7: has a due time; below: length of the name, 127: its 32 bits follow
 *   due            milliseconds since the epoch
 *   position       in the hash's heap of due times
 *   value length   one byte up to 253; 254: 16 bits follow; 255: the value is a blob, and 8 bytes
 *                  of pointer to it follow, because it is sent by reference (see reply.h)
 *
 * Invariants: the bytes decide the size, so nothing stores it. A name is shorter than 4 GB
 * (asserted), a due time is 0 .. FIELD_DUE_MAX.
 *
 * Complexity: every call O(1) but for copies of the bytes. Ownership: a field owns its block and
 * one reference of its blob. A call that "takes" a field returns it or its successor at another
 * address: the table and the heap must then hear of it. Names and values handed out are borrowed.
 */
#ifndef FASTREDIS_FIELD_H
#define FASTREDIS_FIELD_H

#include "common.h"
#include "entry.h"

enum {
    FIELD_DUE = 1 << 7, /* in the head */
    FIELD_NAME_LONG = 127,
    FIELD_DUE_BYTES = 10,
    FIELD_VALUE_16 = 254,
    FIELD_VALUE_BLOB = 255,
    FIELD_INLINE_MAX = (16 << 10) - 1, /* longest value in the block */
};
#define FIELD_DUE_MAX ((INT64_C(1) << 48) - 2)
#define FIELD_NO_DUE (-1)

typedef uint8_t field; /* always handled by address; the layout is above */

static inline bool field_has_due(const field *f) { return f[0] & FIELD_DUE; }

static inline int64_t field_due(const field *f) {
    return field_has_due(f) ? (int64_t)load_u48(f + 1) : FIELD_NO_DUE;
}
static inline uint32_t field_position(const field *f) { return load_u32(f + 7); }

/* For expiry_heap. */
void field_moved(void *element, uint32_t position);

static inline slice field_name(const field *f) {
    const uint8_t *at = f + 1;
    size_t length = f[0] & FIELD_NAME_LONG;
    if (UNLIKELY(field_has_due(f))) at += FIELD_DUE_BYTES;
    if (UNLIKELY(length == FIELD_NAME_LONG)) {
        length = load_u32(at);
        at += 4;
    }
    return (slice){(const char *)at, length};
}

/* The bytes of the value; *large is the blob that holds them, or NULL. */
static inline slice field_value(const field *f, blob **large) {
    slice name = field_name(f);
    const uint8_t *at = (const uint8_t *)name.data + name.length;
    *large = NULL;
    if (LIKELY(*at < FIELD_VALUE_16)) return (slice){(const char *)at + 1, *at};
    if (*at == FIELD_VALUE_16) return (slice){(const char *)at + 3, load_u16(at + 1)};
    *large = (blob *)(uintptr_t)load_u64(at + 1);
    return (slice){(*large)->data, (*large)->length};
}

/* For hashtable_type.key. */
const void *field_key(const void *element, size_t *length);

/* Bytes as the allocator counts them, the blob included. */
size_t field_bytes(const field *f);

/* New field; name and value are copied. Its position in the heap is unset. */
field *field_new(slice name, slice value, int64_t due_ms);
/* The same content in a block of its own; a blob is shared: blobs of fields never change. */
field *field_copy(const field *f);
void field_free(field *f);

/* Give the field another value, in the same block where that has the right size. Takes the field.
 * `value` must not lie in it. Due time and position stay. */
field *field_set_value(field *f, slice value);
/* Give the field a due time, another, or none (FIELD_NO_DUE). Takes the field; it stays at its
 * address where it had a due time and still has one. A position is kept where both have one. */
field *field_set_due(field *f, int64_t due_ms);

#endif
