# packing.h: thresholds of the compact encodings.
cdef extern from "packing.h" nogil:
    ctypedef struct collection_limits:
        size_t hash_entries
        size_t hash_value
        size_t set_intset_entries
        size_t set_entries
        size_t set_value
        size_t zset_entries
        size_t zset_value
        size_t stream_bytes
        size_t stream_entries
        size_t hyperloglog_sparse_bytes
        size_t list_node_max
        int list_size
        int list_compress_depth
