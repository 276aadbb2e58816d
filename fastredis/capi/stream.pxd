# stream_id.h, id_map.h, stream_node.h, stream.h, stream_groups.h, stream_rdb.h: streams.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from fastredis.capi.common cimport slice
from fastredis.capi.entry cimport entry
from fastredis.capi.listpack cimport listpack_value
from fastredis.capi.packing cimport collection_limits
from fastredis.capi.rdb_format cimport rdb_reader, rdb_writer

cdef extern from "stream_id.h" nogil:
    ctypedef bint c_bool "bool"
    enum:
        STREAM_ID_TEXT_MAX
    ctypedef struct stream_id:
        uint64_t ms
        uint64_t seq
    stream_id STREAM_ID_MIN
    stream_id STREAM_ID_MAX
    int stream_id_compare(stream_id a, stream_id b)
    bint stream_id_is_zero(stream_id id)
    bint stream_id_increase(stream_id *id)
    bint stream_id_decrease(stream_id *id)
    size_t stream_id_format(char *out, stream_id id)
    bint stream_id_parse(slice text, uint64_t missing_seq, stream_id *id, c_bool *generated)

cdef extern from "id_map.h" nogil:
    ctypedef struct id_map_node
    ctypedef struct id_map:
        uint64_t count
    ctypedef struct id_map_cursor:
        id_map_node *node
    stream_id id_map_id(id_map_cursor at)
    void *id_map_value(id_map_cursor at)
    id_map_cursor id_map_begin(const id_map *map)
    id_map_cursor id_map_end(const id_map *map)
    id_map_cursor id_map_at_least(const id_map *map, stream_id id)
    void id_map_next(id_map_cursor *at)

cdef extern from "stream_node.h" nogil:
    ctypedef struct stream_walk:
        stream_id id
        uint64_t field_count
    bint stream_walk_field(stream_walk *walk, listpack_value *field, listpack_value *value)

cdef extern from "stream.h" nogil:
    ctypedef struct name_list:
        uint32_t count
    ctypedef struct stream:
        id_map nodes
        uint64_t length
        stream_id last_id
        stream_id first_id
        stream_id max_deleted_id
        uint64_t entries_added
        name_list groups
    ctypedef enum stream_status:
        STREAM_DONE
        STREAM_NOT_ABOVE
        STREAM_TOO_LARGE
    ctypedef struct stream_trim:
        bint by_length
        bint approximate
        uint64_t max_length
        stream_id min_id
        uint64_t limit
    ctypedef struct stream_iterator:
        stream_walk walk
    stream *stream_of(const entry *e)
    stream *stream_new()
    stream *stream_copy(const stream *s)
    bint stream_is_big(const stream *s)
    bint stream_free_some(stream *s, size_t budget)
    size_t stream_bytes(const stream *s)
    stream_status stream_append(stream *s, stream_id id, const slice *texts, size_t count,
                                const collection_limits *limits)
    bint stream_delete(stream *s, stream_id id)
    void stream_note_deleted(stream *s, stream_id greatest)
    bint stream_has(const stream *s, stream_id id)
    bint stream_edge(const stream *s, bint first, stream_id *id)
    uint64_t stream_trim_to(stream *s, const stream_trim *trim)
    uint64_t stream_radix_nodes(const stream *s)
    void stream_iterate(stream_iterator *iterator, const stream *s, stream_id start, stream_id end,
                        bint reverse)
    bint stream_next(stream_iterator *iterator)

cdef extern from "stream_groups.h" nogil:
    const int64_t STREAM_READ_UNKNOWN
    ctypedef struct stream_consumer:
        slice name
        int64_t seen_ms
        int64_t active_ms
        id_map pending
    ctypedef struct stream_group:
        slice name
        stream_id last_id
        int64_t entries_read
        id_map pending
        name_list consumers
    ctypedef struct stream_pending:
        stream_consumer *consumer
        int64_t delivered_ms
        uint64_t deliveries
    stream_group *stream_group_find(const stream *s, slice name)
    stream_group *stream_group_create(stream *s, slice name, stream_id last_id,
                                      int64_t entries_read)
    void stream_group_detach(stream *s, stream_group *group)
    bint stream_group_free_some(stream_group *group, size_t budget)
    uint64_t stream_group_weight(const stream_group *group)
    stream_group *stream_group_at(const stream *s, uint32_t index)
    bint stream_group_lag(const stream *s, const stream_group *group, int64_t *lag)
    void stream_group_advance(const stream *s, stream_group *group, stream_id id)
    stream_consumer *stream_consumer_find(const stream_group *group, slice name)
    stream_consumer *stream_consumer_create(stream_group *group, slice name, int64_t now_ms)
    void stream_consumer_remove(stream_group *group, stream_consumer *consumer)
    stream_consumer *stream_consumer_at(const stream_group *group, uint32_t index)
    stream_pending *stream_pending_find(const stream_group *group, stream_id id)
    stream_pending *stream_pending_add(stream_group *group, stream_consumer *consumer,
                                       stream_id id, int64_t delivered_ms, uint64_t deliveries)
    void stream_pending_give(stream_pending *pending, stream_id id, stream_consumer *consumer)
    bint stream_pending_remove(stream_group *group, stream_id id)

cdef extern from "stream_rdb.h" nogil:
    enum:
        RDB_TYPE_STREAM_1
        RDB_TYPE_STREAM_2
        RDB_TYPE_STREAM_3
        RDB_VERSION_STREAM
    void stream_save(rdb_writer *writer, const stream *s)
    stream *stream_load(rdb_reader *reader, uint8_t type)
