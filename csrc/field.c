/* field: building and rebuilding of field blocks; see field.h for the layout. */
#include "field.h"

#include "checked.h"

enum { BLOB_PART = 1 + 8 };

void field_moved(void *element, uint32_t position) { store_u32((uint8_t *)element + 7, position); }

const void *field_key(const void *element, size_t *length) {
    slice name = field_name(element);
    *length = name.length;
    return name.data;
}

/* Bytes before the name. */
static size_t head_size(size_t name_length, int64_t due_ms) {
    return 1 + (due_ms >= 0 ? FIELD_DUE_BYTES : 0) + (name_length >= FIELD_NAME_LONG ? 4 : 0);
}

/* Bytes behind the name. */
static size_t tail_size(size_t value_length) {
    if (value_length > FIELD_INLINE_MAX) return BLOB_PART;
    return value_length + (value_length < FIELD_VALUE_16 ? 1 : 3);
}

static size_t size_of(const field *f) {
    blob *large;
    slice name = field_name(f), value = field_value(f, &large);
    return (size_t)(name.data - (const char *)f) + name.length + tail_size(value.length);
}

static uint8_t *tail_of(const field *f) {
    slice name = field_name(f);
    return (uint8_t *)name.data + name.length;
}

static field *block_new(slice name, int64_t due_ms, size_t tail_bytes) {
    assert(name.length <= UINT32_MAX && due_ms <= FIELD_DUE_MAX);
    size_t head = head_size(name.length, due_ms);
    field *f = alloc_new(size_add_or_die(size_add_or_die(head, name.length), tail_bytes));
    bool is_long = name.length >= FIELD_NAME_LONG;
    f[0] = (uint8_t)((due_ms >= 0 ? FIELD_DUE : 0) | (is_long ? FIELD_NAME_LONG : name.length));
    if (due_ms >= 0) {
        store_u48(f + 1, (uint64_t)due_ms);
        store_u32(f + 7, UINT32_MAX);
    }
    if (is_long) store_u32(f + head - 4, (uint32_t)name.length);
    if (LIKELY(name.length)) memcpy(f + head, name.data, name.length); /* empty ones may be NULL */
    return f;
}

static void tail_write(uint8_t *at, slice value) {
    if (LIKELY(value.length < FIELD_VALUE_16)) {
        *at++ = (uint8_t)value.length;
    } else if (value.length <= FIELD_INLINE_MAX) {
        *at = FIELD_VALUE_16;
        store_u16(at + 1, (uint16_t)value.length);
        at += 3;
    } else {
        *at = FIELD_VALUE_BLOB;
        store_u64(at + 1, (uint64_t)(uintptr_t)blob_of(value.data, value.length));
        return;
    }
    if (LIKELY(value.length)) memcpy(at, value.data, value.length);
}

static void tail_drop(const field *f) {
    blob *large;
    field_value(f, &large);
    if (UNLIKELY(large != NULL)) blob_release(large);
}

size_t field_bytes(const field *f) {
    blob *large;
    field_value(f, &large);
    return alloc_usable(size_of(f)) + (large == NULL ? 0 : blob_bytes(large));
}

field *field_new(slice name, slice value, int64_t due_ms) {
    field *f = block_new(name, due_ms, tail_size(value.length));
    tail_write(tail_of(f), value);
    return f;
}

field *field_copy(const field *f) {
    blob *large;
    size_t size = size_of(f);
    field *copy = alloc_new(size);
    memcpy(copy, f, size);
    field_value(f, &large);
    if (large != NULL) blob_share(large);
    return copy;
}

void field_free(field *f) {
    size_t size = size_of(f);
    tail_drop(f);
    alloc_free(f, size);
}

field *field_set_value(field *f, slice value) {
    size_t size = size_of(f);
    uint8_t *tail = tail_of(f);
    size_t head = (size_t)(tail - f);
    size_t new_size = head + tail_size(value.length);
    tail_drop(f);
    if (LIKELY(alloc_usable(new_size) == alloc_usable(size))) {
        tail_write(tail, value);
        return f;
    }
    field *made = alloc_new(new_size);
    memcpy(made, f, head);
    tail_write(made + head, value);
    alloc_free(f, size);
    return made;
}

field *field_set_due(field *f, int64_t due_ms) {
    if (field_has_due(f) && due_ms >= 0) {
        store_u48(f + 1, (uint64_t)due_ms);
        return f;
    }
    if (!field_has_due(f) && due_ms < 0) return f;
    size_t size = size_of(f);
    uint8_t *tail = tail_of(f);
    size_t tail_bytes = size - (size_t)(tail - f);
    field *made = block_new(field_name(f), due_ms, tail_bytes);
    memcpy(tail_of(made), tail, tail_bytes);
    alloc_free(f, size);
    return made;
}
