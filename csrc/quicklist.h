/* quicklist: a long list as a chain of listpacks.
 *
 * Why: a node for each element costs 40 bytes and a cache miss an element; one listpack of a
 * million elements moves megabytes at each push. A chain of listpacks of some kilobytes has
 * neither cost, and RDB files store it node by node.
 *
 *   head                                                     tail
 *   +------+      +------+      +-----------+      +------+
 *   | node | <--> | node | <--> |   node    | <--> | node |
 *   +------+      +------+      +-----------+      +------+
 *      |             |                |               |
 *      v             v                v               v
 *   [.......LLLL] [LLLLLLLLLL]   one big element   [LLLLLL.....]       L: listpack, .: free room
 *    ^ start = 7   exact          as it is
 *
 * Ends. The listpack of an end node lies anywhere in its block, so that pushes and pops at either
 * end write one element and the header, and move nothing: a push to the head grows to the front.
 * Blocks of ends are allocated ahead (a whole node's worth behind a full node); when another node
 * comes between it and the end, a node is trimmed to its exact size.
 *
 * How much a node holds (`fill`, fixed when the list is made): at least 0: so many elements, and
 * 8 KB; -1 .. -5: 4, 8, 16, 32, 64 KB. An element that is larger than a node may be has a node of
 * its own, uncoded ("plain"). Where nodes are split and merged is visible to clients through OBJECT
 * ENCODING (a list of one short node becomes a listpack again) and in DUMP, so it follows what
 * Redis is seen to do, including the estimate of 8 bytes for what an element adds to its text.
 *
 * Invariants: no empty node; count is the sum of the nodes' counts; bytes the sum of all blocks and
 * nodes as allocated. A plain node has count 1.
 *
 * Complexity: push, pop, end O(1); seek O(nodes + elements of a node), from the nearer end; step
 * O(1); insert, replace, remove O(bytes of a node). Measured, a million elements of 14 bytes: 16.1
 * bytes an element.
 *
 * Ownership: the list owns nodes and blocks. Texts handed out borrow a block and are good until the
 * next change; a text that is put in must not be borrowed from the same list. Cursors are good
 * until the next change but the one that they make themselves.
 */
#ifndef FASTREDIS_QUICKLIST_H
#define FASTREDIS_QUICKLIST_H

#include "alloc.h"
#include "common.h"
#include "listpack.h"

enum {
    QUICKLIST_FILL_BYTES_MAX = 8192, /* of a node that is limited by its number of elements */
    QUICKLIST_ELEMENT_ESTIMATE = 8,
};

typedef struct quicklist_node {
    struct quicklist_node *previous;
    struct quicklist_node *next;
    uint8_t *block;
    size_t capacity; /* of the block; of a plain node its length */
    uint32_t start;  /* of the listpack in the block */
    uint32_t count;
    bool is_plain;
} quicklist_node;
static_assert(sizeof(quicklist_node) == 48, "a node beside its block");

typedef struct quicklist {
    quicklist_node *head;
    quicklist_node *tail;
    size_t count;      /* elements */
    size_t bytes;      /* allocated, this header included */
    size_t large_from; /* 0: by `fill`; else elements of this length and more stand alone */
    uint32_t nodes;
    int fill;
} quicklist;

/* An element; node NULL: none. */
typedef struct quicklist_cursor {
    quicklist *list;
    quicklist_node *node;
    uint8_t *at;     /* in a listpack */
    uint32_t offset; /* number of the element in its node */
} quicklist_cursor;

/* Whether a listpack of so many bytes and elements is more than `fill` allows. */
bool quicklist_exceeds(int fill, size_t bytes, size_t count);
/* The same with limits that are divided by `divisor`, as a list must fit that is to become a
 * listpack again. Here the number of elements alone counts where `fill` is not negative. */
bool quicklist_fits(int fill, size_t divisor, size_t bytes, size_t count);

/* ---- making ---- */

/* New empty list; the caller owns it. */
quicklist *quicklist_new(int fill);
/* Free about `budget` elements; true: all are gone, and the list itself. */
bool quicklist_free_some(quicklist *list, size_t budget);
/* New deep copy. */
quicklist *quicklist_copy(const quicklist *list);

/* Append a node; takes the block of `capacity` bytes that begins with the listpack. */
void quicklist_take_listpack(quicklist *list, uint8_t *block, size_t capacity);
/* Append a node with a copy of a big element. */
void quicklist_append_plain(quicklist *list, slice text);
/* Append an element to the last node, however full it is (up to LISTPACK_BYTES_MAX), or to a new
 * one: for files whose nodes are to stay as they are. */
void quicklist_extend(quicklist *list, slice text, bool in_new_node);
/* The listpack of the only node: the caller owns the block of *capacity bytes that begins with it,
 * and the list is gone. */
listpack *quicklist_into_listpack(quicklist *list, size_t *capacity);

static inline listpack *quicklist_node_listpack(const quicklist_node *node)
{
    return node->block + node->start;
}

/* ---- ends ---- */

void quicklist_push(quicklist *list, slice text, bool at_head);
/* The element at an end of a list that is not empty. Numbers are written to `digits`
 * (NUMBER_INT64_MAX_LENGTH bytes). */
slice quicklist_end(const quicklist *list, bool at_head, char *digits);
void quicklist_pop(quicklist *list, bool at_head);

/* ---- anywhere ---- */

/* The element at `index`; negative: from the end. False where there is none. */
bool quicklist_seek(quicklist_cursor *cursor, const quicklist *list, int64_t index);
/* To the neighbour; false at the end. */
bool quicklist_step(quicklist_cursor *cursor, bool backward);
slice quicklist_text(const quicklist_cursor *cursor, char *digits);
bool quicklist_equals(const quicklist_cursor *cursor, slice text);

/* The cursor is void after these two. */
void quicklist_insert(quicklist_cursor *cursor, slice text, bool after);
void quicklist_replace(quicklist_cursor *cursor, slice text);
/* Take the element out; the cursor goes to its neighbour, in either direction. False where there is
 * none: then the cursor is void. */
bool quicklist_remove(quicklist_cursor *cursor, bool backward);
/* Take `count` elements out from `start` on; both lie within the list. */
void quicklist_remove_range(quicklist *list, size_t start, size_t count);

#endif
