/* Implementation of sort.h: a quicksort that leaves alone the partitions which lie outside of the
 * wanted range; partitions that turn out badly too often are sorted by heap. */
#include "sort.h"

#include "checked.h"
#include "number.h"

#include <math.h>

enum {
    ITEMS_START = 16,
    CHUNK_BYTES = 16 * 1024,
    SMALL_PARTITION = 16,
    TEXT_COPIED_ALONE = CHUNK_BYTES / 4,
};

struct sort_chunk {
    sort_chunk *next;
    size_t used;
    size_t capacity;
    char bytes[];
};

/* ---- items ---- */

void sort_begin(sort_items *items)
{
    *items = (sort_items){NULL, 0, 0, NULL};
}

void sort_end(sort_items *items)
{
    while (items->chunks != NULL) {
        sort_chunk *chunk = items->chunks;
        items->chunks = chunk->next;
        alloc_free(chunk, sizeof *chunk + chunk->capacity);
    }
    alloc_free(items->items, items->capacity * sizeof *items->items);
    sort_begin(items);
}

/* A long text gets a chunk of its own, behind the one that is being filled. */
slice sort_keep(sort_items *items, slice text)
{
    sort_chunk *chunk = items->chunks;
    if (chunk == NULL || chunk->capacity - chunk->used < text.length) {
        bool alone = text.length > TEXT_COPIED_ALONE;
        size_t capacity = alone ? text.length : CHUNK_BYTES - sizeof *chunk;
        sort_chunk *fresh = alloc_new(size_add_or_die(sizeof *chunk, capacity));
        fresh->used = 0;
        fresh->capacity = capacity;
        if (alone && chunk != NULL) {
            fresh->next = chunk->next;
            chunk->next = fresh;
        } else {
            fresh->next = chunk;
            items->chunks = fresh;
        }
        chunk = fresh;
    }
    char *copy = chunk->bytes + chunk->used;
    if (text.length > 0)
        memcpy(copy, text.data, text.length);
    chunk->used += text.length;
    return (slice){copy, text.length};
}

void sort_add(sort_items *items, slice text)
{
    if (items->count == items->capacity) {
        size_t old = items->capacity * sizeof *items->items;
        items->capacity = items->capacity != 0 ? items->capacity * 2 : ITEMS_START;
        items->items = alloc_resize(items->items, old,
                                    size_mul_or_die(items->capacity, sizeof *items->items));
    }
    sort_item *item = &items->items[items->count];
    *item = (sort_item){.text = text, .number = items->count};
    items->count++;
}

/* ---- comparing ---- */

static int compare_bytes(slice a, slice b)
{
    size_t common = a.length < b.length ? a.length : b.length;
    int difference = common > 0 ? memcmp(a.data, b.data, common) : 0;
    return difference != 0 ? difference : (a.length > b.length) - (a.length < b.length);
}

static slice until_nul(slice text)
{
    const char *end = text.length > 0 ? memchr(text.data, 0, text.length) : NULL;
    return end != NULL ? (slice){text.data, (size_t)(end - text.data)} : text;
}

static int compare_texts(slice a, slice b, bool collated)
{
    return collated ? compare_bytes(until_nul(a), until_nul(b)) : compare_bytes(a, b);
}

static int compare_by_order(const sort_item *a, const sort_item *b, sort_order order)
{
    switch (order.kind) {
    case SORT_BY_SCORE:
        if (a->score != b->score)
            return a->score < b->score ? -1 : 1;
        return compare_bytes(a->text, b->text);
    case SORT_BY_TEXT:
        return compare_texts(a->text, b->text, order.collated);
    default:
        if (a->weight.data == NULL || b->weight.data == NULL)
            return (a->weight.data != NULL) - (b->weight.data != NULL);
        return compare_texts(a->weight, b->weight, order.collated);
    }
}

static bool is_before(const sort_item *a, const sort_item *b, sort_order order)
{
    int difference = compare_by_order(a, b, order);
    if (difference == 0)
        return a->number < b->number;
    return (difference < 0) != order.descending;
}

/* ---- sorting ---- */

static inline void swap(sort_item *a, sort_item *b)
{
    sort_item kept = *a;
    *a = *b;
    *b = kept;
}

static void insertion_sort(sort_item *items, size_t count, sort_order order)
{
    for (size_t index = 1; index < count; index++) {
        sort_item item = items[index];
        size_t place = index;
        for (; place > 0 && is_before(&item, &items[place - 1], order); place--)
            items[place] = items[place - 1];
        items[place] = item;
    }
}

static void sift_down(sort_item *items, size_t root, size_t count, sort_order order)
{
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && is_before(&items[child], &items[child + 1], order))
            child++;
        if (!is_before(&items[root], &items[child], order))
            return;
        swap(&items[root], &items[child]);
    }
}

static void heap_sort(sort_item *items, size_t count, sort_order order)
{
    for (size_t root = count / 2; root > 0; root--)
        sift_down(items, root - 1, count, order);
    for (size_t last = count; last > 1; last--) {
        swap(&items[0], &items[last - 1]);
        sift_down(items, 0, last - 1, order);
    }
}

/* The middle one of three, by value: pivots of ordered input are then good ones. */
static sort_item pivot_of(const sort_item *items, size_t count, sort_order order)
{
    const sort_item *a = &items[0], *b = &items[count / 2], *c = &items[count - 1];
    if (is_before(b, a, order)) {
        const sort_item *kept = a;
        a = b;
        b = kept;
    }
    if (!is_before(c, b, order))
        return *b;
    return is_before(c, a, order) ? *a : *c;
}

/* Put what is before the pivot in front; how many these are. The pivot is one of the items. */
static size_t partition(sort_item *items, size_t count, sort_order order)
{
    sort_item pivot = pivot_of(items, count, order);
    size_t low = 0, high = count - 1;
    for (;; low++, high--) {
        while (is_before(&items[low], &pivot, order))
            low++;
        while (is_before(&pivot, &items[high], order))
            high--;
        if (low >= high)
            return low;
        swap(&items[low], &items[high]);
    }
}

/* Items that stand from `first` on; those that belong to [start, end) are wanted in order. */
static void sort_part(sort_item *items, size_t first, size_t count, size_t start, size_t end,
                      unsigned depth, sort_order order)
{
    while (count > 1 && first < end && first + count > start) {
        if (count <= SMALL_PARTITION) {
            insertion_sort(items + first, count, order);
            return;
        }
        if (depth-- == 0) {
            heap_sort(items + first, count, order);
            return;
        }
        size_t front = partition(items + first, count, order);
        sort_part(items, first, front, start, end, depth, order);
        first += front;
        count -= front;
    }
}

void sort_range(sort_items *items, size_t start, size_t count, sort_order order)
{
    unsigned depth = 2 * (64 - (unsigned)__builtin_clzll(items->count | 1));
    sort_part(items->items, 0, items->count, start, start + count, depth, order);
}

/* ---- scores ---- */

static size_t skip_digits(slice text, size_t at)
{
    while (at < text.length && (uint8_t)(text.data[at] - '0') <= 9)
        at++;
    return at;
}

/* A decimal number that number_parse_double refuses is out of range, one way or the other: whether
 * its first digit that counts stands above or below one tells which. */
static bool score_out_of_range(slice text, double *score)
{
    bool negative = text.data[0] == '-';
    size_t first = negative || text.data[0] == '+', whole = skip_digits(text, first);
    size_t end = whole < text.length && text.data[whole] == '.' ? skip_digits(text, whole + 1)
                                                                : whole;
    size_t leading = first;
    long exponent = 0;
    if (end - first - (end > whole) == 0)
        return false;
    if (end < text.length) {
        size_t at = end + 1;
        if ((text.data[end] | 32) != 'e' || at == text.length)
            return false;
        bool down = text.data[at] == '-';
        at += down || text.data[at] == '+';
        if (at == text.length || skip_digits(text, at) != text.length)
            return false;
        for (; at < text.length; at++)
            exponent = exponent < 1000000000 ? exponent * 10 + (text.data[at] - '0') : exponent;
        exponent = down ? -exponent : exponent;
    }
    while (leading < end && (text.data[leading] == '0' || text.data[leading] == '.'))
        leading++;
    exponent += (long)whole - (long)leading;
    *score = leading < end && exponent > 0 ? INFINITY : 0;
    *score = negative ? -*score : *score;
    return true;
}

bool sort_score(slice text, double *score)
{
    text = until_nul(text);
    if (text.length == 0) {
        *score = 0;
        return true;
    }
    size_t digits = text.data[0] == '-' || text.data[0] == '+';
    if (digits + 1 < text.length && (text.data[digits + 1] | 32) == 'x')
        return false; /* number_parse_double would take it */
    return number_parse_double(text.data, text.length, score) || score_out_of_range(text, score);
}

/* ---- patterns ---- */

sort_pattern sort_pattern_of(slice text)
{
    sort_pattern pattern = {SORT_NOTHING, {NULL, 0}, {NULL, 0}, {NULL, 0}};
    slice shown = until_nul(text);
    if (shown.length == 1 && shown.data[0] == '#') {
        pattern.target = SORT_ELEMENT;
        return pattern;
    }
    const char *star = shown.length > 0 ? memchr(shown.data, '*', shown.length) : NULL;
    if (star == NULL)
        return pattern;
    const char *end = text.data + text.length;
    pattern.target = SORT_KEY;
    pattern.before = (slice){text.data, (size_t)(star - text.data)};
    for (const char *at = star + 1; at + 2 < shown.data + shown.length; at++) {
        if (at[0] == '-' && at[1] == '>') {
            pattern.target = SORT_FIELD;
            pattern.field = (slice){at + 2, (size_t)(end - at - 2)};
            end = at;
            break;
        }
    }
    pattern.behind = (slice){star + 1, (size_t)(end - star - 1)};
    return pattern;
}

void sort_name_end(sort_name *name)
{
    alloc_free(name->block, name->capacity);
    sort_name_begin(name);
}

slice sort_name_key(sort_name *name, const sort_pattern *pattern, slice element)
{
    size_t length = size_add_or_die(pattern->before.length + pattern->behind.length,
                                    element.length);
    if (length > name->capacity) {
        size_t capacity = size_mul_or_die(length, 2);
        alloc_free(name->block, name->capacity);
        name->block = alloc_new(capacity);
        name->capacity = capacity;
    }
    char *at = name->block;
    if (pattern->before.length > 0)
        memcpy(at, pattern->before.data, pattern->before.length);
    at += pattern->before.length;
    if (element.length > 0)
        memcpy(at, element.data, element.length);
    at += element.length;
    if (pattern->behind.length > 0)
        memcpy(at, pattern->behind.data, pattern->behind.length);
    return (slice){length > 0 ? name->block : "", length};
}
