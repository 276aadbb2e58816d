# hyperloglog.h: counting different elements in little memory.
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from fastredis.capi.common cimport slice

cdef extern from "hyperloglog.h" nogil:
    enum:
        HLL_REGISTERS
        HLL_HEADER_BYTES
        HLL_DENSE_BYTES
    ctypedef enum hll_encoding:
        HLL_DENSE
        HLL_SPARSE
    ctypedef enum hll_status:
        HLL_UNCHANGED
        HLL_CHANGED
        HLL_MALFORMED
    ctypedef struct hll_kernel:
        const char *name
    ctypedef struct hll_place:
        uint32_t index
        uint32_t rank
    ctypedef struct hll_draft:
        const uint8_t *bytes
        size_t length
        uint8_t *own
    ctypedef struct hll_run:
        uint32_t length
        uint8_t rank
        uint8_t bytes
    const hll_kernel hll_portable
    const hll_kernel *hll_best()
    hll_place hll_place_of(slice element)
    bint hll_is_value(slice value)
    hll_encoding hll_get_encoding(slice value)
    bint hll_cached(slice value, uint64_t *count)
    void hll_set_cached(void *value, uint64_t count)
    void hll_forget_cached(void *value)
    bint hll_merge(const hll_kernel *kernel, uint8_t *registers, slice value)
    uint64_t hll_estimate(const uint8_t *registers)
    bint hll_count(const hll_kernel *kernel, slice value, uint64_t *count)
    bint hll_dense_raise(void *value, hll_place place)
    unsigned hll_dense_get(const void *value, uint32_t index)
    void hll_dense_fill(const hll_kernel *kernel, void *value, const uint8_t *registers)
    void hll_draft_open(hll_draft *draft, slice value)
    void hll_draft_new(hll_draft *draft)
    void hll_draft_close(hll_draft *draft)
    hll_status hll_draft_raise(hll_draft *draft, hll_place place, size_t sparse_max)
    bint hll_draft_to_dense(hll_draft *draft)
    uint8_t *hll_draft_own(hll_draft *draft)
    bint hll_next_run(slice *rest, hll_run *run)
    bint hll_self_test()
