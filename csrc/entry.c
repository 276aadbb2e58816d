/* entry: building and rebuilding of key blocks, and blobs; see entry.h for the layout. */
#include "entry.h"

#include "checked.h"
#include "lazyfree.h"

enum { BLOB_AHEAD_MAX = 1 << 20 };

const void *entry_key(const void *e, size_t *length) {
    const uint8_t *at = (const uint8_t *)e + entry_head(e);
    size_t key_length = *at++;
    if (UNLIKELY(key_length == 255)) {
        key_length = load_u32(at);
        at += 4;
    }
    if (entry_is_inline(e)) at += *at == 255 ? 3 : 1;
    *length = key_length;
    return at;
}

static size_t head_size(int64_t due_ms) {
    if (due_ms < 0) return 4;
    return (uint64_t)due_ms >= ENTRY_DUE_EXACT ? 22 : 14;
}

size_t entry_size_for(int64_t due_ms, size_t key_length, entry_encoding encoding,
                      size_t value_length) {
    size_t size = head_size(due_ms) + (key_length < 255 ? 1 : 5) + key_length;
    if (encoding == ENTRY_EMBSTR || encoding == ENTRY_RAW)
        return size + (value_length < 255 ? 1 : 3) + value_length;
    return size + 8;
}

size_t entry_size(const entry *e) {
    entry_view view = entry_look(e);
    return (size_t)(view.value - e) + view.value_length;
}

static void write_due(entry *e, int64_t due_ms) {
    if (due_ms < 0) return;
    if ((uint64_t)due_ms >= ENTRY_DUE_EXACT) {
        store_u48(e + 4, ENTRY_DUE_EXACT);
        store_u64(e + 14, (uint64_t)due_ms);
    } else {
        store_u48(e + 4, (uint64_t)due_ms);
    }
}

/* Write every field but clock and value; returns where the key goes. */
static uint8_t *write_head(entry *e, entry_type type, entry_encoding encoding, int64_t due_ms,
                           size_t key_length, size_t value_length) {
    e[0] = (uint8_t)(type | (due_ms >= 0 ? ENTRY_DUE : 0) | (unsigned)encoding << 4);
    write_due(e, due_ms);
    uint8_t *at = e + head_size(due_ms);
    if (key_length < 255) {
        *at++ = (uint8_t)key_length;
    } else {
        *at++ = 255;
        store_u32(at, (uint32_t)key_length);
        at += 4;
    }
    if (encoding == ENTRY_EMBSTR || encoding == ENTRY_RAW) {
        assert(value_length <= ENTRY_INLINE_MAX);
        if (value_length < 255) {
            *at++ = (uint8_t)value_length;
        } else {
            *at++ = 255;
            store_u16(at, (uint16_t)value_length);
            at += 2;
        }
    }
    return at;
}

entry *entry_new(entry_type type, entry_encoding encoding, slice key, int64_t due_ms,
                 size_t value_length) {
    assert(key.length <= UINT32_MAX);
    entry *e = alloc_new(entry_size_for(due_ms, key.length, encoding, value_length));
    uint8_t *at = write_head(e, type, encoding, due_ms, key.length, value_length);
    if (LIKELY(key.length)) memcpy(at, key.data, key.length); /* an empty slice may be NULL */
    entry_set_clock(e, 0);
    if (due_ms >= 0) entry_set_heap_position(e, UINT32_MAX);
    return e;
}

void entry_free(entry *e) { alloc_free(e, entry_size(e)); }

/* An entry of the given measures with the key, clock and heap position of `e`. */
static entry *successor(const entry *e, entry_type type, entry_encoding encoding, int64_t due_ms,
                        size_t value_length) {
    entry_view view = entry_look(e);
    slice key = {(const char *)view.key, view.key_length};
    entry *made = entry_new(type, encoding, key, due_ms, value_length);
    entry_set_clock(made, entry_clock(e));
    if (due_ms >= 0 && entry_has_due(e)) entry_set_heap_position(made, entry_heap_position(e));
    return made;
}

entry *entry_set_due(entry *e, int64_t due_ms) {
    if (entry_has_due(e) && head_size(due_ms) == entry_head(e)) {
        write_due(e, due_ms);
        return e;
    }
    if (!entry_has_due(e) && due_ms < 0) return e;
    entry_view view = entry_look(e);
    size_t inline_length = entry_is_inline(e) ? view.value_length : 0;
    entry *made = successor(e, entry_get_type(e), entry_get_encoding(e), due_ms, inline_length);
    memcpy(entry_look(made).value, view.value, view.value_length);
    entry_free(e);
    return made;
}

static entry *set_shape(entry *e, entry_type type, entry_encoding encoding, size_t value_length) {
    int64_t due_ms = entry_due(e);
    entry_view view = entry_look(e);
    size_t size = entry_size_for(due_ms, view.key_length, encoding, value_length);
    if (alloc_usable(size) == alloc_usable(entry_size(e)) && size <= 1024) {
        /* Same block: the key may have to move by the difference in length fields. */
        uint8_t *old_key = view.key;
        uint8_t *new_key = e + (size - (encoding == ENTRY_EMBSTR || encoding == ENTRY_RAW
                                            ? value_length : 8) - view.key_length);
        if (new_key != old_key) memmove(new_key, old_key, view.key_length);
        uint32_t clock = entry_clock(e);
        write_head(e, type, encoding, due_ms, view.key_length, value_length);
        entry_set_clock(e, clock);
        return e;
    }
    entry *made = successor(e, type, encoding, due_ms, value_length);
    entry_free(e);
    return made;
}

entry *entry_set_inline(entry *e, entry_encoding encoding, size_t value_length) {
    return set_shape(e, ENTRY_STRING, encoding, value_length);
}

entry *entry_set_wide(entry *e, entry_type type, entry_encoding encoding) {
    return set_shape(e, type, encoding, 0);
}

entry *entry_rename(const entry *e, slice key) {
    entry_view view = entry_look(e);
    size_t inline_length = entry_is_inline(e) ? view.value_length : 0;
    entry *made = entry_new(entry_get_type(e), entry_get_encoding(e), key, entry_due(e),
                            inline_length);
    entry_set_clock(made, entry_clock(e));
    memcpy(entry_look(made).value, view.value, view.value_length);
    return made;
}

/* ---- blobs ---- */

blob *blob_new(size_t length, size_t capacity) {
    if (capacity < length) capacity = length;
    blob *b = alloc_new(size_add_or_die(sizeof(blob), capacity));
    b->references = 1;
    b->length = length;
    b->capacity = capacity;
    return b;
}

blob *blob_zeros(size_t length) {
    blob *b = alloc_new_zeroed(size_add_or_die(sizeof(blob), length));
    b->references = 1;
    b->length = length;
    b->capacity = length;
    return b;
}

blob *blob_of(const void *data, size_t length) {
    blob *b = blob_new(length, length);
    if (length) memcpy(b->data, data, length);
    return b;
}

void blob_release(blob *b) {
    if (--b->references == 0) lazyfree_block(b, sizeof(blob) + b->capacity);
}

blob *blob_resize_own(blob *b, size_t length) {
    size_t capacity = b->capacity;
    if (length > capacity)
        capacity = length < BLOB_AHEAD_MAX ? length * 2 : length + BLOB_AHEAD_MAX;
    if (length > b->capacity && length - b->length >= b->length + BLOB_AHEAD_MAX) {
        /* Mostly zeros: not one of them is written. */
        blob *own = blob_zeros(capacity);
        own->length = length;
        memcpy(own->data, b->data, b->length);
        blob_release(b);
        return own;
    }
    if (b->references > 1) {
        blob *own = blob_new(length, capacity);
        size_t kept = b->length < length ? b->length : length;
        memcpy(own->data, b->data, kept);
        memset(own->data + kept, 0, length - kept);
        blob_release(b);
        return own;
    }
    if (capacity != b->capacity) {
        b = alloc_resize(b, sizeof(blob) + b->capacity, sizeof(blob) + capacity);
        b->capacity = capacity;
    }
    if (length > b->length) memset(b->data + b->length, 0, length - b->length);
    b->length = length;
    return b;
}

size_t blob_bytes(const blob *b) { return alloc_usable(sizeof(blob) + b->capacity); }
