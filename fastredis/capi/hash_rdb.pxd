# hash_rdb.h: hashes as RDB files and DUMP hold them.
from libc.stdint cimport int64_t, uint8_t, uint16_t
from fastredis.capi.common cimport slice
from fastredis.capi.entry cimport entry
from fastredis.capi.hash_fields cimport fields_settings
from fastredis.capi.rdb_format cimport rdb_reader, rdb_writer

cdef extern from "hash_rdb.h" nogil:
    enum:
        RDB_TYPE_HASH
        RDB_TYPE_HASH_ZIPMAP
        RDB_TYPE_HASH_ZIPLIST
        RDB_TYPE_HASH_LISTPACK
        RDB_TYPE_HASH_DUES_OLD
        RDB_TYPE_HASH_LISTPACK_DUES_OLD
        RDB_TYPE_HASH_DUES
        RDB_TYPE_HASH_LISTPACK_DUES
    void hash_save(rdb_writer *writer, const entry *e)
    uint16_t hash_save_version(const entry *e)
    entry *hash_load(rdb_reader *reader, uint8_t rdb_type, slice key, int64_t due_ms,
                     const fields_settings *settings)
