/* entry: one key with its value, its due time and its access clock, in one allocation.
 *
 * Why one block: a lookup then costs one cache miss after the bucket's, and a small string with a
 * 16-byte key and a 32-byte value takes 54 bytes (a 56-byte block) instead of the three blocks and
 * 100 bytes of a key, an object and a value each on its own.
 *
 *   0      1      4                            (with a due time)        key length  value length
 *   +------+------+ +-------+----------+------------+ +-------------+ +--------------+-----+-----+
 *   | kind | clock| | due 6 | heap 4   | [exact 8]  | | 1 or 5      | | 1 or 3       | key |value|
 *   +------+------+ +-------+----------+------------+ +-------------+ +--------------+-----+-----+
 *
 *   kind        bits 0-2 type, bit 3 has a due time, bits 4-7 encoding
 *   clock       24 bits for eviction and OBJECT IDLETIME/FREQ; meaning belongs to the engine
 *   due         milliseconds since the epoch, 48 bits; all ones: the exact 64 bits follow `heap`
 *   heap        position in the expiry heap
 *   key length  one byte, or 255 and four bytes
 *   value       ENTRY_EMBSTR, ENTRY_RAW: the bytes, behind their length (one byte, or 255 and two)
 *               ENTRY_INT: the number, 8 bytes      all others: a pointer, 8 bytes
 *               (no value length where its size is fixed)
 *
 * A string above ENTRY_INLINE_MAX lives in a blob of its own: growing it needs spare room, and
 * sending it needs a reference that outlives the key.
 *
 *   blob: references 8 | length 8 | capacity 8 | bytes ...       (24-byte header, libc block)
 *
 * Invariants: the fields decide the size, so nothing stores it; whoever changes type, encoding, due
 * or value length in place keeps alloc_usable(entry_size) the same, or builds a new entry. A key is
 * shorter than 4 GB (asserted): whoever lets clients send longer arguments refuses them as keys.
 *
 * Complexity: every call O(1) but for copies of the bytes. Ownership: an entry owns its inline
 * value and one reference of its blob; collections behind a pointer are freed by their family. A
 * call that "takes" an entry may free it: the table and the heap must then hear of the successor.
 */
#ifndef FASTREDIS_ENTRY_H
#define FASTREDIS_ENTRY_H

#include "alloc.h"
#include "common.h"

typedef enum entry_type {
    ENTRY_STRING = 0,
    ENTRY_LIST = 1,
    ENTRY_SET = 2,
    ENTRY_ZSET = 3,
    ENTRY_HASH = 4,
    ENTRY_STREAM = 5,
} entry_type;

typedef enum entry_encoding {
    ENTRY_INT = 0,    /* string: a signed 64-bit number */
    ENTRY_EMBSTR = 1, /* string: bytes inline, as it was set */
    ENTRY_RAW = 2,    /* string: bytes inline, changed since */
    ENTRY_BLOB = 3,   /* string: bytes in a blob */
    ENTRY_LISTPACK = 4,
    ENTRY_QUICKLIST = 5,
    ENTRY_INTSET = 6,
    ENTRY_HASHTABLE = 7,
    ENTRY_SKIPLIST = 8,
    ENTRY_STREAM_TREE = 9,
    /* hash: the two whose fields may have due times; the last, see entry_has_field_dues */
    ENTRY_LISTPACK_EX = 10,
    ENTRY_HASHTABLE_EX = 11,
} entry_encoding;

enum {
    ENTRY_DUE = 1 << 3,          /* in `kind` */
    ENTRY_INLINE_MAX = 960,      /* longest inline value; block sizes end at 1 KB */
    ENTRY_KEY_MAX = 1 << 29,     /* longest key that the layout is made for; see below */
};
#define ENTRY_NO_DUE (-1)
#define ENTRY_DUE_EXACT UINT64_C(0xffffffffffff)

typedef uint8_t entry; /* always handled by address; the layout is above */

typedef struct blob {
    uint64_t references;
    uint64_t length;
    uint64_t capacity;
    char data[];
} blob;
static_assert(sizeof(blob) == 24, "blob header");

/* ---- reading ---- */

static inline entry_type entry_get_type(const entry *e) { return (entry_type)(e[0] & 7); }
static inline entry_encoding entry_get_encoding(const entry *e) {
    return (entry_encoding)(e[0] >> 4);
}
static inline bool entry_has_field_dues(const entry *e) {
    return e[0] >= ENTRY_LISTPACK_EX << 4;
}
static inline bool entry_has_due(const entry *e) { return e[0] & ENTRY_DUE; }

static inline uint32_t entry_clock(const entry *e) { return load_u32(e) >> 8; }
static inline void entry_set_clock(entry *e, uint32_t clock) {
    store_u32(e, (load_u32(e) & 0xff) | clock << 8);
}

static inline int64_t entry_due(const entry *e) {
    if (!entry_has_due(e)) return ENTRY_NO_DUE;
    uint64_t due = load_u48(e + 4);
    return due == ENTRY_DUE_EXACT ? (int64_t)load_u64(e + 14) : (int64_t)due;
}
static inline uint32_t entry_heap_position(const entry *e) { return load_u32(e + 10); }
static inline void entry_set_heap_position(entry *e, uint32_t position) {
    store_u32(e + 10, position);
}

/* Bytes before the key length. */
static inline size_t entry_head(const entry *e) {
    if (LIKELY(!entry_has_due(e))) return 4;
    return load_u48(e + 4) == ENTRY_DUE_EXACT ? 22 : 14;
}
static inline bool entry_is_inline(const entry *e) {
    uint32_t encoding = e[0] >> 4;
    return encoding == ENTRY_EMBSTR || encoding == ENTRY_RAW;
}

/* All the offsets in one pass. */
typedef struct entry_view {
    size_t key_length;
    size_t value_length; /* inline bytes; 8 for a number or a pointer */
    uint8_t *key;
    uint8_t *value;
} entry_view;

static inline entry_view entry_look(const entry *e) {
    entry_view view;
    const uint8_t *at = e + entry_head(e);
    view.key_length = *at++;
    if (UNLIKELY(view.key_length == 255)) {
        view.key_length = load_u32(at);
        at += 4;
    }
    view.value_length = 8;
    if (entry_is_inline(e)) {
        view.value_length = *at++;
        if (view.value_length == 255) {
            view.value_length = load_u16(at);
            at += 2;
        }
    }
    view.key = (uint8_t *)at;
    view.value = (uint8_t *)at + view.key_length;
    return view;
}

/* For hashtable_type.key: borrowed key bytes. */
const void *entry_key(const void *e, size_t *length);

static inline int64_t entry_number(const entry *e) {
    return (int64_t)load_u64(entry_look(e).value);
}
static inline void entry_set_number(entry *e, int64_t number) {
    store_u64(entry_look(e).value, (uint64_t)number);
}
static inline void *entry_pointer(const entry *e) {
    return (void *)(uintptr_t)load_u64(entry_look(e).value);
}
static inline void entry_set_pointer(entry *e, const void *pointer) {
    store_u64(entry_look(e).value, (uint64_t)(uintptr_t)pointer);
}
static inline blob *entry_blob(const entry *e) { return entry_pointer(e); }

/* For collections, which all are one pointer wide: the entry stays where it is. */
static inline void entry_set_encoding(entry *e, entry_encoding encoding) {
    e[0] = (uint8_t)((e[0] & 15) | (unsigned)encoding << 4);
}

/* Bytes asked of the allocator for this entry (a blob or collection behind it not counted). */
size_t entry_size(const entry *e);

/* Bytes that an entry of these measures would need. */
size_t entry_size_for(int64_t due_ms, size_t key_length, entry_encoding encoding,
                      size_t value_length);

/* ---- making and changing ---- */

/* New entry; key is copied, the value is left for the caller to fill (see entry_look).
 * `value_length` counts for inline encodings only. due_ms: ENTRY_NO_DUE, or >= 0. The clock is 0,
 * the heap position UINT32_MAX. */
entry *entry_new(entry_type type, entry_encoding encoding, slice key, int64_t due_ms,
                 size_t value_length);

/* Free the block alone: neither blob nor collection. */
void entry_free(entry *e);

/* Change the due time. Takes the entry, returns it or its successor at another address; the heap
 * position is carried over where both have one, else it is unset. */
entry *entry_set_due(entry *e, int64_t due_ms);

/* Give the entry an inline value of another length, undefined content; type becomes string.
 * Takes the entry, returns it or its successor. The old value's bytes are lost. */
entry *entry_set_inline(entry *e, entry_encoding encoding, size_t value_length);

/* Make the value 8 bytes wide (number or pointer), undefined content. Takes, returns successor. */
entry *entry_set_wide(entry *e, entry_type type, entry_encoding encoding);

/* Copy under another key: clock, due time and value; pointers are copied as they are. The heap
 * position is unset. Borrows `e`. */
entry *entry_rename(const entry *e, slice key);

/* ---- blobs ---- */

/* New blob of one reference; `length` bytes of undefined content, room for `capacity`. */
blob *blob_new(size_t length, size_t capacity);
/* New blob of `length` zeros, of which the untouched pages need no memory. */
blob *blob_zeros(size_t length);
blob *blob_of(const void *data, size_t length);
static inline blob *blob_share(blob *b) {
    b->references++;
    return b;
}
/* Drop one reference. The last one of a giant is dropped in constant time (lazyfree.h). */
void blob_release(blob *b);
/* A blob that only the caller holds, of `length` bytes: the old content as far as it fits, zeros
 * behind it. Takes one reference of `b`, returns one. Grows by doubling, at most 1 MB ahead. */
blob *blob_resize_own(blob *b, size_t length);
size_t blob_bytes(const blob *b);

#endif
