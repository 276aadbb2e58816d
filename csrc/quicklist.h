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
 * Compression (`depth`, fixed when the list is made; 0: none). So many nodes at either end stay as
 * they are; those between, the deep ones, are LZF streams where that pays: from 48 bytes on, where
 * 8 are saved.
 *
 *   depth 1     head                                                          tail
 *              +-----+      +------+      +------------+      +------+      +-----+
 *              | END | <--> | DEEP | <--> |    DEEP    | <--> | DEEP | <--> | END |
 *              +-----+      +------+      +------------+      +------+      +-----+
 *                 |            |                |                |             |
 *                 v            v                v                v             v
 *             [...LLLLL]   LZF stream   [LLLLL] (does not pay)   LZF stream   [LLLL...]
 *
 * So the ends need no look at the depth: pushes and pops within a node do the same as ever. Each
 * change of the chain settles it: what has come to an end is expanded, what has left one is
 * compressed, and so is what a change inside has opened (place NEW until then). A cursor reads a
 * compressed node from a copy of its own, so that reading changes nothing (a forked child reads
 * too) and costs no compression; a change through the cursor gives that copy to the node.
 *
 * Why not one expanded node kept in the list: each list that was once read would then keep 8 KB,
 * and a const list would not be one.
 *
 * Invariants: no empty node; count is the sum of the nodes' counts; bytes the sum of all blocks and
 * nodes as allocated. A plain node has count 1. Where depth is not 0: a node up to depth from an
 * end is not compressed; if there are more, those at an end have place END and the others, but the
 * one that a cursor changes, DEEP. Where it is 0, all are NEW.
 *
 * Complexity: push, pop, end O(1), and O(depth) where a node comes or goes; seek O(nodes + elements
 * of a node), from the nearer end; step O(1); insert, replace, remove O(bytes of a node + depth).
 * Measured, a million elements of 14 bytes: 16.1 bytes an element.
 *
 * Ownership: the list owns nodes and blocks. Texts handed out borrow a block of the list or of the
 * cursor and are good until the next change or step of that cursor; a text that is put in must not
 * be borrowed from the same list. Cursors are good until the next change but the one that they
 * make themselves. A cursor that stands on an element is given up with quicklist_leave, or by a
 * change that makes it void.
 */
#ifndef FASTREDIS_QUICKLIST_H
#define FASTREDIS_QUICKLIST_H

#include "alloc.h"
#include "common.h"
#include "listpack.h"

enum {
    QUICKLIST_FILL_BYTES_MAX = 8192, /* of a node that is limited by its number of elements */
    QUICKLIST_ELEMENT_ESTIMATE = 8,
    QUICKLIST_COMPRESS_MIN = 48,     /* bytes: smaller nodes are left alone */
    QUICKLIST_COMPRESS_GAIN_MIN = 8, /* bytes that it must save */
};

/* Where a node of a list with a depth was last found to be. */
enum {
    QUICKLIST_NEW,  /* made or opened for a change, and not settled since */
    QUICKLIST_END,  /* up to depth from an end */
    QUICKLIST_DEEP, /* compressed where it pays */
};

typedef struct quicklist_node {
    struct quicklist_node *previous;
    struct quicklist_node *next;
    uint8_t *block;
    size_t capacity; /* of the block: the length of a big element or of an LZF stream */
    union {
        uint32_t start;     /* of the listpack in the block; of a plain node 0 */
        uint32_t raw_bytes; /* of a compressed node: what its stream expands to */
    };
    uint32_t count;
    bool is_plain;
    bool is_compressed;
    uint8_t place;
} quicklist_node;
static_assert(sizeof(quicklist_node) == 48, "a node beside its block");

typedef struct quicklist {
    quicklist_node *head;
    quicklist_node *tail;
    size_t count;      /* elements */
    size_t bytes;      /* allocated, this header included */
    size_t large_from; /* 0: by `fill`; else elements of this length and more stand alone */
    uint32_t nodes;
    uint32_t deep; /* nodes with place DEEP */
    int fill;
    uint16_t depth;
} quicklist;

/* An element; node NULL: none. */
typedef struct quicklist_cursor {
    quicklist *list;
    quicklist_node *node;
    listpack *lp;      /* the node's, or the copy of it; of a plain node its text */
    uint8_t *at;       /* in it */
    uint8_t *expanded; /* the cursor's block for what compressed nodes hold; NULL: none yet */
    size_t expanded_capacity;
    uint32_t offset;   /* number of the element in its node */
    bool has_changed;  /* the node, which is to be settled when the cursor leaves it */
} quicklist_cursor;

/* Whether a listpack of so many bytes and elements is more than `fill` allows. */
bool quicklist_exceeds(int fill, size_t bytes, size_t count);
/* The same with limits that are divided by `divisor`, as a list must fit that is to become a
 * listpack again. Here the number of elements alone counts where `fill` is not negative. */
bool quicklist_fits(int fill, size_t divisor, size_t bytes, size_t count);

/* ---- making ---- */

/* New empty list; the caller owns it. */
quicklist *quicklist_new(int fill, int depth);
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

/* Of a node that is not compressed. */
static inline listpack *quicklist_node_listpack(const quicklist_node *node)
{
    return node->block + node->start;
}

/* What a node holds: the listpack or the big element, uncompressed. */
static inline size_t quicklist_node_bytes(const quicklist_node *node)
{
    if (node->is_compressed)
        return node->raw_bytes;
    return node->is_plain ? node->capacity : listpack_bytes(quicklist_node_listpack(node));
}

/* ---- ends ---- */

void quicklist_push(quicklist *list, slice text, bool at_head);
/* The element at an end of a list that is not empty. Numbers are written to `digits`
 * (NUMBER_INT64_MAX_LENGTH bytes). */
slice quicklist_end(const quicklist *list, bool at_head, char *digits);
void quicklist_pop(quicklist *list, bool at_head);

/* ---- anywhere ---- */

/* The element at `index`; negative: from the end. False where there is none. The cursor must not
 * stand on an element yet. */
bool quicklist_seek(quicklist_cursor *cursor, const quicklist *list, int64_t index);
/* To the neighbour; false at the end, where the cursor is void. */
bool quicklist_step(quicklist_cursor *cursor, bool backward);
slice quicklist_text(const quicklist_cursor *cursor, char *digits);
bool quicklist_equals(const quicklist_cursor *cursor, slice text);

void quicklist_leave_slow(quicklist_cursor *cursor); /* out-of-line half; not for callers */
/* Give up the place; the cursor is void. Does nothing to one that is void. */
static inline void quicklist_leave(quicklist_cursor *cursor)
{
    if (UNLIKELY(cursor->expanded != NULL || cursor->has_changed))
        quicklist_leave_slow(cursor);
    cursor->node = NULL;
}

/* The cursor is void after these two. */
void quicklist_insert(quicklist_cursor *cursor, slice text, bool after);
void quicklist_replace(quicklist_cursor *cursor, slice text);
/* Take the element out; the cursor goes to its neighbour, in either direction. False where there is
 * none: then the cursor is void. */
bool quicklist_remove(quicklist_cursor *cursor, bool backward);
/* Take `count` elements out from `start` on; both lie within the list. */
void quicklist_remove_range(quicklist *list, size_t start, size_t count);

#endif
