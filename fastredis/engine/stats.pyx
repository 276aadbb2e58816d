# stats: what is counted of commands: calls, time, its distribution; and rates over the last while.
#
# Distribution: a histogram of ticks for each command, 16 buckets a power of two, so that a bucket
# is at most 6.25 % wide. Counting is one shift, one load and one store; ticks become microseconds
# when somebody asks.
#
#   ticks  0 .. 15    16 .. 31    32, 34 .. 62    64, 68 .. 124    ...   2^40 and more
#   bucket 0 .. 15    16 .. 31    32 ..  47       48 ..  63        ...   the last one
#
# Rates: the server's cron samples a few counters ten times a second; the rate shown is the mean of
# the last 16 samples.

cdef extern from *:
    int _leading_zeros "__builtin_clzll"(unsigned long long value) nogil

cdef enum:
    LATENCY_BITS = 4             # 2^4 buckets a power of two
    LATENCY_TICKS_BITS = 40      # longer is counted in the last bucket
    LATENCY_BUCKETS = (LATENCY_TICKS_BITS - LATENCY_BITS + 1) << LATENCY_BITS


cdef inline uint32_t latency_bucket(uint64_t ticks) noexcept nogil:
    cdef uint32_t shift
    if ticks < 1 << LATENCY_BITS:
        return <uint32_t>ticks
    if unlikely(ticks >> LATENCY_TICKS_BITS):
        return LATENCY_BUCKETS - 1
    shift = 63 - LATENCY_BITS - _leading_zeros(ticks)
    return (shift << LATENCY_BITS) + <uint32_t>(ticks >> shift)


cdef uint64_t latency_bucket_top(uint32_t bucket) noexcept nogil:
    """The largest number of ticks that falls into a bucket."""
    cdef uint32_t shift
    if bucket < 1 << LATENCY_BITS:
        return bucket
    shift = (bucket >> LATENCY_BITS) - 1
    return ((<uint64_t>(bucket & ((1 << LATENCY_BITS) - 1)) + (1 << LATENCY_BITS) + 1) << shift) - 1


cdef void latency_create(Row *row) noexcept nogil:
    row.latency = <uint64_t *>alloc_new(LATENCY_BUCKETS * sizeof(uint64_t))
    memset(row.latency, 0, LATENCY_BUCKETS * sizeof(uint64_t))


cdef inline void stats_command(Row *row, uint64_t ticks) noexcept nogil:
    """Count one executed command and its duration."""
    row.calls += 1
    row.ticks += ticks
    state.stats.commands += 1
    if likely(state.limits.latency_tracking):
        if unlikely(row.latency == NULL):
            latency_create(row)
        row.latency[latency_bucket(ticks)] += 1


# ---- rates ----

cdef enum:
    METER_SAMPLE_US = 100000


cdef void _meter_add(Meter *meter, uint64_t now, uint64_t base_now, double scale) noexcept nogil:
    """A sample: growth of a counter for each unit that its base has grown."""
    cdef uint64_t base = base_now - meter.last_base
    meter.rates[state.meters.next] = (now - meter.last) * scale / base if base else 0.0
    meter.last = now
    meter.last_base = base_now


cdef void stats_sample() noexcept nogil:
    """Called by the cron, however often: takes a sample every tenth of a second."""
    cdef int64_t now_us = clock_monotonic_us()
    if now_us - state.meters.sampled_us < METER_SAMPLE_US * 9 // 10:
        return
    state.meters.sampled_us = now_us
    _meter_add(&state.meters.of[METER_COMMANDS], state.stats.commands, now_us, 1e6)
    _meter_add(&state.meters.of[METER_NET_IN], state.stats.net_in, now_us, 1e6)
    _meter_add(&state.meters.of[METER_NET_OUT], state.stats.net_out, now_us, 1e6)
    _meter_add(&state.meters.of[METER_LOOP_CYCLES], state.stats.loop_cycles, now_us, 1e6)
    _meter_add(&state.meters.of[METER_LOOP_TICKS], state.stats.loop_ticks, state.stats.loop_cycles,
               1.0)
    state.meters.next = (state.meters.next + 1) % METER_SAMPLES


cdef double meter_rate(int which) noexcept nogil:
    """Units a second; ticks a cycle for METER_LOOP_TICKS."""
    cdef double sum = 0
    cdef int i
    for i in range(METER_SAMPLES):
        sum += state.meters.of[which].rates[i]
    return sum / METER_SAMPLES


# ---- afresh ----

cdef void stats_reset() noexcept nogil:
    """What CONFIG RESETSTAT sets to zero."""
    cdef int i
    memset(&state.stats, 0, sizeof(Statistics))
    state.exceeded_since_us = 0
    state.error_code_count = 0
    for i in range(row_count):
        rows[i].calls = rows[i].ticks = rows[i].rejected = rows[i].failed = 0
        if rows[i].latency != NULL:
            memset(rows[i].latency, 0, LATENCY_BUCKETS * sizeof(uint64_t))
    memset(state.meters.of, 0, sizeof(state.meters.of))
    for i in range(METERS):
        state.meters.of[i].last_base = state.meters.sampled_us
    state.meters.of[METER_LOOP_TICKS].last_base = 0
    alloc_reset_peak()
