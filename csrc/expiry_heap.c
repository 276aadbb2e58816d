/* expiry_heap.c - sifting in a chunked array. See expiry_heap.h for the layout.
 *
 * Nodes are moved into a hole rather than swapped: one write and one call of `move` a level.
 */
#include "expiry_heap.h"

#include "alloc.h"
#include "checked.h"

#define ARITY 8
#define OFFSET (ARITY - 1) /* slot of the root: groups of children begin at multiples of ARITY */
#define CHUNK_SLOTS EXPIRY_HEAP_CHUNK_NODES
#define CHUNK_BYTES ((size_t)CHUNK_SLOTS * EXPIRY_HEAP_NODE_BYTES)
#define FIRST_ROOM 16
#define MASK_48 ((UINT64_C(1) << 48) - 1)

static_assert(CHUNK_SLOTS % ARITY == 0, "a group of children lies in one chunk");
static_assert(FIRST_ROOM > OFFSET, "the smallest heap has room for a root");

static ALWAYS_INLINE char *node_at(const expiry_heap *heap, uint64_t slot)
{
    return heap->chunks[slot / CHUNK_SLOTS] + slot % CHUNK_SLOTS * EXPIRY_HEAP_NODE_BYTES;
}

static ALWAYS_INLINE char *node_of(const expiry_heap *heap, uint32_t position)
{
    assert(position < heap->count);
    return node_at(heap, (uint64_t)position + OFFSET);
}

/* Both halves are read as eight bytes inside the node's twelve. */
static ALWAYS_INLINE uint64_t node_due(const char *node)
{
    return load_u64(node) & MASK_48;
}

static ALWAYS_INLINE void *node_element(const char *node)
{
    return (void *)(uintptr_t)(load_u64(node + 4) >> 16);
}

static ALWAYS_INLINE void node_store(char *node, uint64_t due, const void *element)
{
    uint64_t address = (uint64_t)(uintptr_t)element;
    store_u64(node, due | address << 48);
    store_u32(node + 8, (uint32_t)(address >> 16));
}

static uint64_t due_clamped(int64_t due_ms)
{
    if (due_ms < 0)
        return 0;
    return due_ms > EXPIRY_HEAP_DUE_MAX ? (uint64_t)EXPIRY_HEAP_DUE_MAX : (uint64_t)due_ms;
}

/* ---- room -------------------------------------------------------------------------------- */

void expiry_heap_init(expiry_heap *heap, expiry_heap_move move)
{
    memset(heap, 0, sizeof *heap);
    heap->move = move;
}

void expiry_heap_clear(expiry_heap *heap)
{
    for (uint32_t index = 0; index < heap->chunk_count; index++)
        alloc_free(heap->chunks[index],
                   index == 0 ? (size_t)heap->first_room * EXPIRY_HEAP_NODE_BYTES : CHUNK_BYTES);
    alloc_free(heap->chunks, heap->directory_room * sizeof(char *));
    expiry_heap_init(heap, heap->move);
}

void expiry_heap_free(expiry_heap *heap)
{
    expiry_heap_clear(heap);
}

static void directory_resize(expiry_heap *heap, uint32_t room)
{
    heap->chunks = alloc_resize(heap->chunks, heap->directory_room * sizeof(char *),
                                room * sizeof(char *));
    heap->directory_room = room;
}

static void first_resize(expiry_heap *heap, uint32_t room)
{
    heap->chunks[0] = alloc_resize(heap->chunks[0],
                                   (size_t)heap->first_room * EXPIRY_HEAP_NODE_BYTES,
                                   (size_t)room * EXPIRY_HEAP_NODE_BYTES);
    heap->first_room = room;
}

/* Makes the slot after the last one in use exist. */
static NOINLINE void grow(expiry_heap *heap)
{
    if (heap->chunk_count == 1 && heap->first_room < CHUNK_SLOTS) {
        first_resize(heap, heap->first_room * 2);
        return;
    }
    if (heap->chunk_count == heap->directory_room)
        directory_resize(heap, heap->directory_room + heap->directory_room / 2 + 1);
    if (heap->chunk_count == 0) {
        heap->chunks[0] = NULL;
        first_resize(heap, FIRST_ROOM);
    } else {
        heap->chunks[heap->chunk_count] = alloc_new(CHUNK_BYTES);
    }
    heap->chunk_count++;
}

static uint64_t slots_room(const expiry_heap *heap)
{
    if (heap->chunk_count <= 1)
        return heap->first_room;
    return (uint64_t)heap->chunk_count * CHUNK_SLOTS;
}

/* Called after the count fell: releases the last chunk when it is empty and the one before it half
 * empty, and halves a small heap's only chunk when it is three quarters empty. */
static void shrink(expiry_heap *heap)
{
    uint64_t slots = (uint64_t)heap->count + OFFSET;
    if (heap->chunk_count > 1) {
        if (slots + CHUNK_SLOTS + CHUNK_SLOTS / 2 > slots_room(heap))
            return;
        alloc_free(heap->chunks[--heap->chunk_count], CHUNK_BYTES);
        if (heap->directory_room > 4 && heap->chunk_count < heap->directory_room / 4)
            directory_resize(heap, heap->directory_room / 2);
    } else if (heap->first_room > FIRST_ROOM && slots < heap->first_room / 4) {
        first_resize(heap, heap->first_room / 2);
    }
}

/* ---- sifting ----------------------------------------------------------------------------- */

static ALWAYS_INLINE void settle(expiry_heap *heap, uint32_t position, uint64_t due, void *element)
{
    node_store(node_of(heap, position), due, element);
    heap->move(element, position);
}

/* Fills the hole at `position` with (due, element), moving later parents down into it. */
static void sift_up(expiry_heap *heap, uint32_t position, uint64_t due, void *element)
{
    while (position != 0) {
        uint32_t parent = (position - 1) / ARITY;
        const char *node = node_of(heap, parent);
        uint64_t parent_due = node_due(node);
        if (parent_due <= due)
            break;
        settle(heap, position, parent_due, node_element(node));
        position = parent;
    }
    settle(heap, position, due, element);
}

/* Asks for all children of all children of a node, 12 cache lines that mostly lie side by side,
 * while its children are being compared: without, each level waits for memory anew. (A group that
 * continues in another chunk is asked for in part; a prefetch may have any address.) */
static ALWAYS_INLINE void prefetch_grandchildren(const expiry_heap *heap, uint64_t child)
{
    uint64_t first = child * ARITY + 1;
    if (first + ARITY * ARITY > heap->count)
        return;
    uintptr_t lines = (uintptr_t)node_of(heap, (uint32_t)first);
    for (unsigned offset = 0; offset < ARITY * ARITY * EXPIRY_HEAP_NODE_BYTES; offset += 64)
        PREFETCH((const char *)(lines + offset));
}

/* Fills the hole at `position` with (due, element), moving earlier children up into it. */
static void sift_down(expiry_heap *heap, uint32_t position, uint64_t due, void *element)
{
    uint32_t count = heap->count;
    for (;;) {
        uint64_t child = (uint64_t)position * ARITY + 1;
        if (child >= count)
            break;
        prefetch_grandchildren(heap, child);
        const char *node = node_of(heap, (uint32_t)child);
        uint32_t children = count - child < ARITY ? (uint32_t)(count - child) : ARITY;
        uint64_t least = node_due(node);
        uint32_t which = 0;
        for (uint32_t index = 1; index < children; index++) {
            uint64_t child_due = node_due(node + index * EXPIRY_HEAP_NODE_BYTES);
            which = child_due < least ? index : which;
            least = child_due < least ? child_due : least;
        }
        if (least >= due)
            break;
        settle(heap, position, least, node_element(node + which * EXPIRY_HEAP_NODE_BYTES));
        position = (uint32_t)child + which;
    }
    settle(heap, position, due, element);
}

/* Fills the hole in whichever direction (due, element) has to go. */
static void sift(expiry_heap *heap, uint32_t position, uint64_t due, void *element)
{
    if (position != 0 && node_due(node_of(heap, (position - 1) / ARITY)) > due)
        sift_up(heap, position, due, element);
    else
        sift_down(heap, position, due, element);
}

/* ---- operations -------------------------------------------------------------------------- */

void expiry_heap_add(expiry_heap *heap, void *element, int64_t due_ms)
{
    if (UNLIKELY(heap->count == EXPIRY_HEAP_NOWHERE))
        fatal("More than %u elements in one expiry heap", EXPIRY_HEAP_NOWHERE);
    if (UNLIKELY((uint64_t)heap->count + OFFSET >= slots_room(heap)))
        grow(heap);
    sift_up(heap, heap->count++, due_clamped(due_ms), element);
}

void expiry_heap_update(expiry_heap *heap, uint32_t position, int64_t due_ms)
{
    sift(heap, position, due_clamped(due_ms), node_element(node_of(heap, position)));
}

void expiry_heap_replace(expiry_heap *heap, uint32_t position, void *element)
{
    char *node = node_of(heap, position);
    node_store(node, node_due(node), element);
}

void expiry_heap_remove(expiry_heap *heap, uint32_t position)
{
    assert(position < heap->count);
    const char *last = node_of(heap, heap->count - 1);
    heap->count--;
    if (position != heap->count)
        sift(heap, position, node_due(last), node_element(last));
    shrink(heap);
}

bool expiry_heap_first(const expiry_heap *heap, void **element, int64_t *due_ms)
{
    if (heap->count == 0)
        return false;
    const char *node = node_of(heap, 0);
    if (element != NULL)
        *element = node_element(node);
    if (due_ms != NULL)
        *due_ms = (int64_t)node_due(node);
    return true;
}

void *expiry_heap_element(const expiry_heap *heap, uint32_t position)
{
    return node_element(node_of(heap, position));
}

int64_t expiry_heap_due(const expiry_heap *heap, uint32_t position)
{
    return (int64_t)node_due(node_of(heap, position));
}

/* Of the node at `position` and all below it. The depth of the recursion is that of the heap. */
static size_t count_due_below(const expiry_heap *heap, uint64_t position, int64_t now_ms)
{
    if (position >= heap->count || expiry_heap_due(heap, (uint32_t)position) > now_ms)
        return 0;
    size_t count = 1;
    for (unsigned child = 1; child <= ARITY; child++)
        count += count_due_below(heap, position * ARITY + child, now_ms);
    return count;
}

size_t expiry_heap_count_due(const expiry_heap *heap, int64_t now_ms)
{
    return count_due_below(heap, 0, now_ms);
}

size_t expiry_heap_bytes(const expiry_heap *heap)
{
    if (heap->chunk_count == 0)
        return alloc_usable(heap->directory_room * sizeof(char *)) * (heap->directory_room != 0);
    return alloc_usable(heap->directory_room * sizeof(char *))
           + alloc_usable((size_t)heap->first_room * EXPIRY_HEAP_NODE_BYTES)
           + (heap->chunk_count - 1) * alloc_usable(CHUNK_BYTES);
}
