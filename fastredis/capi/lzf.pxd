# lzf.h: compression of RDB strings.
cdef extern from "lzf.h" nogil:
    size_t lzf_compress(const void *source, size_t source_length, void *out, size_t out_capacity)
    size_t lzf_decompress(const void *source, size_t source_length, void *out, size_t out_length)
