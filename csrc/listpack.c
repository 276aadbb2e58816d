/* Implementation of listpack.h.
 *
 * Nearly every element of a real listpack is a text below 64 bytes or a small number, so one table
 * of the 256 first bytes gives the whole size of an element; only where it says 0 are lengths read.
 * A step is then one load that does not depend on the kind, and find compares one byte first: the
 * header byte of the text that is looked for holds its length.
 *
 * Every change is one splice: `old_bytes` at an offset make way for `new_bytes`. Where the block
 * stays the same the tail is moved once; where the size class changes, both halves are copied
 * straight to their place in the new block.
 */
#include "listpack.h"

#include "checked.h"
#include "listpack_cursor.h"

enum {
    END_MARK = 0xff,
    TEXT_6 = 0x80,  /* 10llllll */
    INT_13 = 0xc0,  /* 110xxxxx */
    TEXT_12 = 0xe0, /* 1110llll */
    TEXT_32 = 0xf0,
    INT_16 = 0xf1,
    INT_24 = 0xf2,
    INT_32 = 0xf3,
    INT_64 = 0xf4,
    TEXT_6_MAX = 63,
    TEXT_12_MAX = 4095,
};

#define EIGHT(n) (n), (n) + 1, (n) + 2, (n) + 3, (n) + 4, (n) + 5, (n) + 6, (n) + 7

/* Bytes of the element that begins with this byte, back length included; 0: its length is read. */
static const uint8_t element_sizes[256] = {
    [0x00 ... 0x7f] = 2,
    /* the header, 0 to 63 bytes of text, the back length */
    [0x80] = EIGHT(2), EIGHT(10), EIGHT(18), EIGHT(26), EIGHT(34), EIGHT(42), EIGHT(50), EIGHT(58),
    [0xc0 ... 0xdf] = 3,
    [INT_16] = 4,
    [INT_24] = 5,
    [INT_32] = 6,
    [INT_64] = 10,
};

static_assert(TEXT_6_MAX + 2 < 128, "a short text has one byte of back length");

/* An element about to be written. */
typedef struct element_plan {
    slice body;           /* text behind the head; empty for a number */
    size_t bytes;         /* the whole element */
    uint8_t head[9];      /* encoding byte and what follows it, a number whole */
    uint8_t head_length;
    uint8_t back_length;
    bool is_number;
    int64_t number;
} element_plan;

/* ---- bytes of one element ---- */

static inline void write_back_length(uint8_t *to, size_t data_bytes, size_t length)
{
    for (size_t index = length; index > 0; index--) {
        to[index - 1] = (uint8_t)((data_bytes & 127) | (index > 1 ? 128 : 0));
        data_bytes >>= 7;
    }
}

static inline bool is_text(uint8_t first)
{
    return (first & 0xc0) == TEXT_6 || (first & 0xf0) == TEXT_12 || first == TEXT_32;
}

static inline slice text_at(const uint8_t *at)
{
    uint8_t first = at[0];
    if (LIKELY((first & 0xc0) == TEXT_6))
        return (slice){(const char *)at + 1, first & TEXT_6_MAX};
    if ((first & 0xf0) == TEXT_12)
        return (slice){(const char *)at + 2, (size_t)(first & 15) << 8 | at[1]};
    return (slice){(const char *)at + 5, load_u32(at + 1)};
}

static inline int64_t number_at(const uint8_t *at)
{
    uint8_t first = at[0];
    if (first < 0x80)
        return first;
    if ((first & 0xe0) == INT_13)
        return (int64_t)(((uint64_t)(first & 31) << 8 | at[1]) << 51) >> 51;
    switch (first) {
    case INT_16:
        return (int16_t)load_u16(at + 1);
    case INT_24:
        return (int32_t)((uint32_t)load_u16(at + 1) << 8 | (uint32_t)at[3] << 24) >> 8;
    case INT_32:
        return (int32_t)load_u32(at + 1);
    default:
        return (int64_t)load_u64(at + 1);
    }
}

static size_t NOINLINE long_text_bytes(const uint8_t *at)
{
    slice text = text_at(at);
    size_t data = (size_t)((const uint8_t *)text.data - at) + text.length;
    return data + listpack_back_bytes(data);
}

static ALWAYS_INLINE size_t element_bytes(const uint8_t *at)
{
    size_t bytes = element_sizes[at[0]];
    return LIKELY(bytes != 0) ? bytes : long_text_bytes(at);
}

size_t listpack_element_bytes(const uint8_t *at)
{
    return element_bytes(at);
}

/* ---- planning ---- */

static void plan_number(element_plan *plan, int64_t number)
{
    uint8_t *head = plan->head;
    plan->is_number = true;
    plan->number = number;
    plan->body = (slice){NULL, 0};
    plan->back_length = 1;
    if (number >= 0 && number <= 127) {
        head[0] = (uint8_t)number;
        plan->head_length = 1;
    } else if (number >= -4096 && number <= 4095) {
        head[0] = (uint8_t)(INT_13 | ((uint64_t)number >> 8 & 31));
        head[1] = (uint8_t)number;
        plan->head_length = 2;
    } else if (number >= INT16_MIN && number <= INT16_MAX) {
        head[0] = INT_16;
        store_u16(head + 1, (uint16_t)number);
        plan->head_length = 3;
    } else if (number >= -(1 << 23) && number < 1 << 23) {
        head[0] = INT_24;
        store_u16(head + 1, (uint16_t)number);
        head[3] = (uint8_t)((uint64_t)number >> 16);
        plan->head_length = 4;
    } else if (number >= INT32_MIN && number <= INT32_MAX) {
        head[0] = INT_32;
        store_u32(head + 1, (uint32_t)number);
        plan->head_length = 5;
    } else {
        head[0] = INT_64;
        store_u64(head + 1, (uint64_t)number);
        plan->head_length = 9;
    }
    plan->bytes = plan->head_length + 1u;
}

/* Most texts are told from numbers by their length, their first or their last byte. */
static ALWAYS_INLINE bool text_is_number(slice text, int64_t *number)
{
    if (text.length == 0 || text.length > 20)
        return false;
    uint8_t first = (uint8_t)text.data[0], last = (uint8_t)text.data[text.length - 1];
    if ((uint8_t)(last - '0') > 9 || ((uint8_t)(first - '0') > 9 && first != '-'))
        return false;
    return number_parse_int64(text.data, text.length, number);
}

static ALWAYS_INLINE void plan_text(element_plan *plan, slice text)
{
    int64_t number;
    if (text_is_number(text, &number)) {
        plan_number(plan, number);
        return;
    }
    plan->is_number = false;
    plan->body = text;
    if (LIKELY(text.length <= TEXT_6_MAX)) {
        plan->head[0] = (uint8_t)(TEXT_6 | text.length);
        plan->head_length = 1;
    } else if (text.length <= TEXT_12_MAX) {
        plan->head[0] = (uint8_t)(TEXT_12 | text.length >> 8);
        plan->head[1] = (uint8_t)text.length;
        plan->head_length = 2;
    } else {
        if (UNLIKELY(text.length >= LISTPACK_BYTES_MAX))
            fatal("A text of %zu bytes in a listpack", text.length);
        plan->head[0] = TEXT_32;
        store_u32(plan->head + 1, (uint32_t)text.length);
        plan->head_length = 5;
    }
    size_t data = plan->head_length + text.length;
    plan->back_length = (uint8_t)listpack_back_bytes(data);
    plan->bytes = data + plan->back_length;
}

static ALWAYS_INLINE void write_element(uint8_t *to, const element_plan *plan)
{
    size_t data = plan->bytes - plan->back_length;
    if (LIKELY(plan->head_length == 1))
        to[0] = plan->head[0];
    else
        memcpy(to, plan->head, plan->head_length);
    if (plan->body.length > 0)
        memcpy(to + plan->head_length, plan->body.data, plan->body.length);
    if (LIKELY(plan->back_length == 1))
        to[data] = (uint8_t)data;
    else
        write_back_length(to + data, data, plan->back_length);
}

size_t listpack_encoded_bytes(slice text)
{
    element_plan plan;
    plan_text(&plan, text);
    return plan.bytes;
}

/* ---- making ---- */

void listpack_init_in_place(listpack *lp)
{
    store_u32(lp, LISTPACK_EMPTY_BYTES);
    store_u16(lp + 4, 0);
    lp[LISTPACK_HEADER_BYTES] = END_MARK;
}

listpack *listpack_new(void)
{
    listpack *lp = alloc_new(LISTPACK_EMPTY_BYTES);
    listpack_init_in_place(lp);
    return lp;
}

void listpack_free(listpack *lp)
{
    alloc_free(lp, listpack_bytes(lp));
}

listpack *listpack_of_bytes(const void *bytes, size_t length)
{
    listpack *lp = alloc_new(length);
    memcpy(lp, bytes, length);
    return lp;
}

listpack *listpack_copy(const listpack *lp)
{
    return listpack_of_bytes(lp, listpack_bytes(lp));
}

/* ---- reading ---- */

static inline const uint8_t *end_of(const listpack *lp)
{
    return lp + listpack_bytes(lp) - 1;
}

size_t listpack_count(const listpack *lp)
{
    size_t count = load_u16(lp + 4);
    if (LIKELY(count != LISTPACK_COUNT_UNKNOWN))
        return count;
    count = 0;
    for (const uint8_t *at = lp + LISTPACK_HEADER_BYTES; *at != END_MARK; at += element_bytes(at))
        count++;
    return count;
}

listpack_position listpack_first(const listpack *lp)
{
    const uint8_t *at = lp + LISTPACK_HEADER_BYTES;
    return *at == END_MARK ? NULL : (listpack_position)at;
}

/* The element that ends before `end`: its back length is read from its last byte on. */
static inline const uint8_t *element_before(const uint8_t *end)
{
    uint8_t byte = end[-1];
    if (LIKELY(byte < 128))
        return end - 1 - byte;
    size_t data = byte & 127, length = 1;
    for (unsigned shift = 7; byte >= 128; shift += 7) {
        byte = end[-1 - (ptrdiff_t)length++];
        data |= (size_t)(byte & 127) << shift;
    }
    return end - length - data;
}

listpack_position listpack_last(const listpack *lp)
{
    if (lp[LISTPACK_HEADER_BYTES] == END_MARK)
        return NULL;
    return (listpack_position)element_before(end_of(lp));
}

listpack_position listpack_next(const listpack *lp, const uint8_t *at)
{
    (void)lp;
    at += element_bytes(at);
    return *at == END_MARK ? NULL : (listpack_position)at;
}

listpack_position listpack_previous(const listpack *lp, const uint8_t *at)
{
    if (at == lp + LISTPACK_HEADER_BYTES)
        return NULL;
    return (listpack_position)element_before(at);
}

listpack_position listpack_at(const listpack *lp, int64_t index)
{
    int64_t count = load_u16(lp + 4);
    if (LIKELY(count != LISTPACK_COUNT_UNKNOWN)) {
        if (index >= count || index < -count)
            return NULL;
        if (index > count / 2) /* the shorter way */
            index -= count;
        else if (index < -(count / 2) - 1)
            index += count;
    }
    if (index >= 0) {
        const uint8_t *at = lp + LISTPACK_HEADER_BYTES;
        while (*at != END_MARK && index-- > 0)
            at += element_bytes(at);
        return *at == END_MARK ? NULL : (listpack_position)at;
    }
    const uint8_t *first = lp + LISTPACK_HEADER_BYTES, *at = end_of(lp);
    for (; index < 0; index++) {
        if (at == first)
            return NULL;
        at = element_before(at);
    }
    return (listpack_position)at;
}

listpack_value listpack_get(const uint8_t *at)
{
    if (is_text(*at)) {
        slice text = text_at(at);
        return (listpack_value){text.data, text.length, 0};
    }
    return (listpack_value){NULL, 0, number_at(at)};
}

slice listpack_text(const uint8_t *at, char *digits)
{
    if (is_text(*at))
        return text_at(at);
    return (slice){digits, number_format_int64(digits, number_at(at))};
}

/* A number is compared by value and a text by its bytes, in whatever width a stranger stored it. */
static ALWAYS_INLINE bool element_equals(const uint8_t *at, slice text, bool is_number,
                                         int64_t number)
{
    if (is_text(*at)) {
        slice stored = text_at(at);
        return stored.length == text.length && memcmp(stored.data, text.data, text.length) == 0;
    }
    return is_number && number_at(at) == number;
}

bool listpack_equals(const uint8_t *at, slice text)
{
    int64_t number = 0;
    if (is_text(*at)) {
        slice stored = text_at(at);
        return stored.length == text.length
               && (text.length == 0 || memcmp(stored.data, text.data, text.length) == 0);
    }
    return text_is_number(text, &number) && number_at(at) == number;
}

static ALWAYS_INLINE const uint8_t *skip(const uint8_t *at, size_t step)
{
    for (; step > 0 && *at != END_MARK; step--)
        at += element_bytes(at);
    return at;
}

/* Texts of 1 to 63 bytes: equal length is an equal first byte, unless a stranger stored the text
 * with a longer header. */
static ALWAYS_INLINE listpack_position find_short(const uint8_t *at, slice text, size_t step)
{
    uint8_t head = (uint8_t)(TEXT_6 | text.length);
    char first = text.data[0];
    for (; *at != END_MARK; at = skip(at, step)) {
        if (*at == head) {
            if ((char)at[1] == first && memcmp(at + 1, text.data, text.length) == 0)
                return (listpack_position)at;
        } else if (UNLIKELY(*at >= TEXT_12 && *at <= TEXT_32)
                   && element_equals(at, text, false, 0)) {
            return (listpack_position)at;
        }
    }
    return NULL;
}

listpack_position listpack_find(const listpack *lp, const uint8_t *from, slice text, size_t step)
{
    int64_t number = 0;
    (void)lp;
    if (from == NULL)
        return NULL;
    bool is_number = text_is_number(text, &number);
    if (!is_number && text.length > 0 && text.length <= TEXT_6_MAX) {
        if (step == 1)
            return find_short(from, text, 1);
        if (step == 2)
            return find_short(from, text, 2);
    }
    if (text.data == NULL)
        text.data = "";
    for (const uint8_t *at = from; *at != END_MARK; at = skip(at, step))
        if (element_equals(at, text, is_number, number))
            return (listpack_position)at;
    return NULL;
}

/* ---- changing ---- */

static inline void count_add(listpack *lp, int64_t change)
{
    int64_t count = load_u16(lp + 4);
    if (count == LISTPACK_COUNT_UNKNOWN)
        return;
    count += change;
    store_u16(lp + 4, (uint16_t)(count < LISTPACK_COUNT_UNKNOWN ? count : LISTPACK_COUNT_UNKNOWN));
}

/* Make `old_bytes` at `offset` a gap of `new_bytes`, in the same block or in a new one. */
static listpack *splice(listpack *lp, size_t offset, size_t old_bytes, size_t new_bytes)
{
    size_t total = listpack_bytes(lp), tail = total - offset - old_bytes;
    size_t new_total = size_add_or_die(total - old_bytes, new_bytes);
    uint8_t *behind = lp + offset + old_bytes;
    if (UNLIKELY(new_total > LISTPACK_BYTES_MAX))
        fatal("A listpack of %zu bytes", new_total);
    if (alloc_usable(total) == alloc_usable(new_total)) {
        memmove(lp + offset + new_bytes, behind, tail);
    } else if (total > ALLOC_SLAB_LIMIT && new_total > ALLOC_SLAB_LIMIT) {
        if (new_total > total)
            lp = alloc_resize(lp, total, new_total);
        memmove(lp + offset + new_bytes, lp + offset + old_bytes, tail);
        if (new_total < total)
            lp = alloc_resize(lp, total, new_total);
    } else {
        listpack *fresh = alloc_new(new_total);
        memcpy(fresh, lp, offset);
        memcpy(fresh + offset + new_bytes, behind, tail);
        alloc_free(lp, total);
        lp = fresh;
    }
    store_u32(lp, (uint32_t)new_total);
    return lp;
}

static ALWAYS_INLINE listpack *insert_plan(listpack *lp, const uint8_t *at,
                                           const element_plan *plan, listpack_position *placed)
{
    size_t offset = at != NULL ? (size_t)(at - lp) : listpack_bytes(lp) - 1;
    lp = splice(lp, offset, 0, plan->bytes);
    write_element(lp + offset, plan);
    count_add(lp, 1);
    if (placed != NULL)
        *placed = lp + offset;
    return lp;
}

listpack *listpack_insert(listpack *lp, const uint8_t *at, slice text, listpack_position *placed)
{
    element_plan plan;
    plan_text(&plan, text);
    return insert_plan(lp, at, &plan, placed);
}

listpack *listpack_insert_number(listpack *lp, const uint8_t *at, int64_t number,
                                 listpack_position *placed)
{
    element_plan plan;
    plan_number(&plan, number);
    return insert_plan(lp, at, &plan, placed);
}

static listpack *replace_plan(listpack *lp, listpack_position *at, const element_plan *plan)
{
    size_t offset = (size_t)(*at - lp), old_bytes = element_bytes(*at);
    if (old_bytes != plan->bytes)
        lp = splice(lp, offset, old_bytes, plan->bytes);
    write_element(lp + offset, plan);
    *at = lp + offset;
    return lp;
}

listpack *listpack_replace(listpack *lp, listpack_position *at, slice text)
{
    element_plan plan;
    plan_text(&plan, text);
    return replace_plan(lp, at, &plan);
}

listpack *listpack_replace_number(listpack *lp, listpack_position *at, int64_t number)
{
    element_plan plan;
    plan_number(&plan, number);
    return replace_plan(lp, at, &plan);
}

/* Bytes of up to `*count` elements from `at` on; *count is then how many there are. */
static size_t run_bytes(const uint8_t *at, size_t *count)
{
    const uint8_t *behind = at;
    size_t found = 0;
    for (; found < *count && *behind != END_MARK; found++)
        behind += element_bytes(behind);
    *count = found;
    return (size_t)(behind - at);
}

listpack *listpack_remove(listpack *lp, listpack_position *at, size_t count)
{
    size_t offset = (size_t)(*at - lp), bytes = run_bytes(*at, &count);
    lp = splice(lp, offset, bytes, 0);
    count_add(lp, -(int64_t)count);
    *at = lp[offset] == END_MARK ? NULL : lp + offset;
    return lp;
}

listpack *listpack_append_all(listpack *lp, const listpack *tail)
{
    size_t offset = listpack_bytes(lp) - 1;
    size_t bytes = listpack_bytes(tail) - LISTPACK_EMPTY_BYTES;
    int64_t count = load_u16(tail + 4);
    lp = splice(lp, offset, 0, bytes);
    memcpy(lp + offset, tail + LISTPACK_HEADER_BYTES, bytes);
    count_add(lp, count);
    return lp;
}

/* ---- changing in place ---- */

void listpack_insert_in_place(listpack *lp, const uint8_t *at, slice text,
                              listpack_position *placed)
{
    element_plan plan;
    size_t total = listpack_bytes(lp);
    size_t offset = at != NULL ? (size_t)(at - lp) : total - 1;
    plan_text(&plan, text);
    if (LIKELY(offset == total - 1))
        lp[total + plan.bytes - 1] = END_MARK;
    else
        memmove(lp + offset + plan.bytes, lp + offset, total - offset);
    store_u32(lp, (uint32_t)(total + plan.bytes));
    write_element(lp + offset, &plan);
    count_add(lp, 1);
    if (placed != NULL)
        *placed = lp + offset;
}

void listpack_remove_in_place(listpack *lp, listpack_position *at, size_t count)
{
    size_t total = listpack_bytes(lp), offset = (size_t)(*at - lp);
    size_t bytes = run_bytes(*at, &count);
    memmove(lp + offset, lp + offset + bytes, total - offset - bytes);
    store_u32(lp, (uint32_t)(total - bytes));
    count_add(lp, -(int64_t)count);
    *at = lp[offset] == END_MARK ? NULL : lp + offset;
}

void listpack_set_header(listpack *lp, size_t bytes, size_t count)
{
    store_u32(lp, (uint32_t)bytes);
    store_u16(lp + 4, (uint16_t)(count < LISTPACK_COUNT_UNKNOWN ? count : LISTPACK_COUNT_UNKNOWN));
}

void listpack_replace_in_place(listpack *lp, uint8_t *at, slice text)
{
    element_plan plan;
    size_t total = listpack_bytes(lp), old_bytes = element_bytes(at);
    uint8_t *behind = at + old_bytes;
    plan_text(&plan, text);
    memmove(at + plan.bytes, behind, (size_t)(lp + total - behind));
    store_u32(lp, (uint32_t)(total - old_bytes + plan.bytes));
    write_element(at, &plan);
}

void listpack_append_all_in_place(listpack *lp, const listpack *tail)
{
    size_t total = listpack_bytes(lp), bytes = listpack_bytes(tail) - LISTPACK_EMPTY_BYTES;
    memcpy(lp + total - 1, tail + LISTPACK_HEADER_BYTES, bytes + 1);
    store_u32(lp, (uint32_t)(total + bytes));
    count_add(lp, load_u16(tail + 4));
}

listpack *listpack_prepend_in_place(listpack *lp, slice text)
{
    element_plan plan;
    size_t total = listpack_bytes(lp);
    uint16_t count = load_u16(lp + 4);
    plan_text(&plan, text);
    lp -= plan.bytes;
    store_u32(lp, (uint32_t)(total + plan.bytes));
    store_u16(lp + 4, count);
    count_add(lp, 1);
    write_element(lp + LISTPACK_HEADER_BYTES, &plan);
    return lp;
}

listpack *listpack_drop_first_in_place(listpack *lp)
{
    size_t total = listpack_bytes(lp), bytes = element_bytes(lp + LISTPACK_HEADER_BYTES);
    uint16_t count = load_u16(lp + 4);
    lp += bytes;
    store_u32(lp, (uint32_t)(total - bytes));
    store_u16(lp + 4, count);
    count_add(lp, -1);
    return lp;
}

/* ---- bytes from outside ---- */

/* Bytes of encoding and data of the element at `at`, of which `left` can be read; 0: malformed. */
static size_t checked_data_bytes(const uint8_t *at, size_t left)
{
    uint8_t first = at[0];
    if (first < 0x80)
        return 1;
    if (first < INT_13)
        return 1 + (size_t)(first & TEXT_6_MAX);
    if (first < TEXT_12)
        return 2;
    if (first < TEXT_32)
        return left < 2 ? 0 : 2 + ((size_t)(first & 15) << 8 | at[1]);
    switch (first) {
    case TEXT_32:
        return left < 5 ? 0 : 5 + (size_t)load_u32(at + 1);
    case INT_16:
        return 3;
    case INT_24:
        return 4;
    case INT_32:
        return 5;
    case INT_64:
        return 9;
    default:
        return 0;
    }
}

bool listpack_check(const void *bytes, size_t length)
{
    const uint8_t *lp = bytes;
    if (length < LISTPACK_EMPTY_BYTES || length > LISTPACK_BYTES_MAX || load_u32(lp) != length
        || lp[length - 1] != END_MARK)
        return false;
    size_t at = LISTPACK_HEADER_BYTES, end = length - 1, count = 0;
    for (; at < end; count++) {
        size_t left = end - at, data = checked_data_bytes(lp + at, left);
        size_t back = listpack_back_bytes(data);
        uint8_t expected[5];
        if (data == 0 || data + back > left)
            return false;
        write_back_length(expected, data, back);
        if (memcmp(lp + at + data, expected, back) != 0)
            return false;
        at += data + back;
    }
    size_t claimed = load_u16(lp + 4);
    return claimed == LISTPACK_COUNT_UNKNOWN || claimed == count;
}
