/* stream_rdb: streams as RDB files and DUMP hold them: writing one form, reading all three.
 *
 *   type     15 (Redis 5), 19 (7.0), 21 (7.2)
 *   nodes    count; each: string of 16 bytes, the master ID | string, the listpack
 *   numbers  length | last ID ms | seq
 *            from 19 on: first ID ms | seq | max deleted ID ms | seq | entries added
 *   groups   count; each:
 *            name | last ID ms | seq | from 19 on: entries read
 *            pending    count; each: 16 bytes of ID | 8 bytes delivered, ms | deliveries
 *            consumers  count; each: name | 8 bytes seen, ms | from 21 on: 8 bytes active, ms
 *                       pending count; each: 16 bytes of ID
 *
 * IDs of 16 bytes have the high byte first, times of 8 bytes the low one; the others are lengths of
 * rdb_format.h, and so are entries read: all ones is unknown.
 *
 * Reading trusts nothing: nodes are checked (stream_node_check) and have to ascend, counts have to
 * agree, each pending entry has exactly one consumer, names are unique. Nothing is allocated from a
 * count. What only feeds arithmetic (first ID, entries added, times) is taken as it comes.
 *
 * Complexity: linear, but for the names, which are sorted. Ownership: stream_load returns a new
 * stream.
 */
#ifndef FASTREDIS_STREAM_RDB_H
#define FASTREDIS_STREAM_RDB_H

#include "rdb_format.h"
#include "stream.h"

enum {
    RDB_TYPE_STREAM_1 = 15,
    RDB_TYPE_STREAM_2 = 19,
    RDB_TYPE_STREAM_3 = 21,
    RDB_VERSION_STREAM = 11, /* the first with type 21 */
};

/* Type and value. */
void stream_save(rdb_writer *writer, const stream *s);
/* The value of that type, or NULL where it is malformed. Where an old form
 * tells one time of a consumer, it counts as the other as well. */
stream *stream_load(rdb_reader *reader, uint8_t type);

#endif
