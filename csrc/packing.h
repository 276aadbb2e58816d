/* packing.h - how long a collection may stay in its compact encoding: the configuration's
 * thresholds, as the files of the types read them.
 *
 *   hash, sorted set     a listpack up to *_entries elements, none longer than *_value bytes
 *   set                  an intset up to set_intset_entries, else a listpack as above
 *   list                 list_size >= 0: elements a node; -1 .. -5: 4, 8, 16, 32, 64 KB a node
 *   stream               a node holds up to stream_entries entries and stream_bytes; 0: no limit
 *
 * Changing a limit converts nothing: it counts from the next write of a key on.
 */
#ifndef FASTREDIS_PACKING_H
#define FASTREDIS_PACKING_H

#include "common.h"

typedef struct collection_limits {
    size_t hash_entries;
    size_t hash_value;
    size_t set_intset_entries;
    size_t set_entries;
    size_t set_value;
    size_t zset_entries;
    size_t zset_value;
    size_t stream_bytes;
    size_t stream_entries;
    size_t hyperloglog_sparse_bytes;
    size_t list_node_max; /* DEBUG QUICKLIST-PACKED-THRESHOLD: larger ones stand alone; 0: usual */
    int list_size;
    int list_compress_depth; /* nodes at either end that are never compressed; 0: none is */
} collection_limits;

#endif
