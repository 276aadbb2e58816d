# stats: counters that are more than one addition.

cdef enum:
    LATENCY_BUCKETS = 32         # bucket b counts commands of [2^(b-1), 2^b) microseconds


cdef inline void stats_command(Row *row, uint64_t ticks) noexcept nogil:
    """Count one executed command and its duration."""
    row.calls += 1
    row.ticks += ticks
    state.stats.commands += 1


cdef void stats_reset() noexcept nogil:
    """What CONFIG RESETSTAT sets to zero."""
    global error_code_count
    memset(&state.stats, 0, sizeof(Statistics))
    error_code_count = 0
    cdef int i
    for i in range(row_count):
        rows[i].calls = rows[i].ticks = rows[i].rejected = rows[i].failed = 0
        if rows[i].latency != NULL:
            memset(rows[i].latency, 0, LATENCY_BUCKETS * sizeof(uint64_t))
    alloc_reset_peak()
