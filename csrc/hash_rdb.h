/* hash_rdb: hashes as RDB files and DUMP payloads hold them (rdb_format.h).
 *
 *    4   count, then name and value of each field                             written for a table
 *    9   a zipmap as one string (ziplist.h)                                   before Redis 2.6
 *   13   a ziplist as one string                                              before Redis 7.0
 *   16   a listpack as one string                                             written
 *   22   count, then due, name and value of each; due is a length, 0: none    Redis 7.4 RC
 *   22   count, then name, value and due of each; due is 64 bits, -1: none    Valkey 9 (version 80)
 *   23   a listpack of name, value and due as one string                      Redis 7.4 RC
 *   24   earliest due (64 bits), count, then due, name and value of each;
 *        due is a length: 0 for none, else 1 + what it lies behind the
 *        earliest                                                             written with dues
 *   25   earliest due, a listpack of name, value and due as one string        written with dues
 *
 * 64-bit numbers stand low byte first. A hash that could have due times and has none is written as
 * one that cannot, so that older servers read it.
 *
 * Reading trusts nothing: names that come twice, halves of fields, due times out of range and empty
 * hashes are malformed. A listpack is taken over as it is where it is what this server would have
 * written and within the limits; else the hash is built anew, field by field.
 *
 * Complexity: O(bytes). Ownership: borrows what it reads and writes.
 */
#ifndef FASTREDIS_HASH_RDB_H
#define FASTREDIS_HASH_RDB_H

#include "hash_fields.h"
#include "rdb_format.h"

enum {
    RDB_TYPE_HASH = 4,
    RDB_TYPE_HASH_ZIPMAP = 9,
    RDB_TYPE_HASH_ZIPLIST = 13,
    RDB_TYPE_HASH_LISTPACK = 16,
    RDB_TYPE_HASH_DUES_OLD = 22,
    RDB_TYPE_HASH_LISTPACK_DUES_OLD = 23,
    RDB_TYPE_HASH_DUES = 24,
    RDB_TYPE_HASH_LISTPACK_DUES = 25,
};

/* Append type and value. */
void hash_save(rdb_writer *writer, const entry *e);

/* The oldest version that has the form in which hash_save writes it. */
uint16_t hash_save_version(const entry *e);

/* New entry of a key, in no keyspace, from what stands behind the type; NULL: malformed. */
entry *hash_load(rdb_reader *reader, uint8_t rdb_type, slice key, int64_t due_ms,
                 const fields_settings *settings);

#endif
