# statistics: what Python reads of the engine's counters, as plain dicts and lists.
#
# Everything here is for INFO, MEMORY, LATENCY and exporters: O(sessions) or O(commands) at most,
# tens of microseconds, and never a look at the data set beyond fixed samples.

cdef extern from *:
    """
    #ifdef __GNUC__
    #define COMPILER_MAJOR __GNUC__
    #define COMPILER_MINOR __GNUC_MINOR__
    #define COMPILER_PATCH __GNUC_PATCHLEVEL__
    #else
    #define COMPILER_MAJOR 0
    #define COMPILER_MINOR 0
    #define COMPILER_PATCH 0
    #endif
    """
    int COMPILER_MAJOR, COMPILER_MINOR, COMPILER_PATCH

cdef enum:
    TTL_SAMPLES = 256            # keys that the mean time to live of a database is taken from


def read_counters() -> dict:
    """The counters that CONFIG RESETSTAT sets to zero, times in microseconds, and the rates of
    the last 1.6 seconds (`*_per_second`, `loop_mean_us`). `exceeded_us` is time above maxmemory
    that is over, `exceeded_now_us` how long memory has been above it."""
    cdef double per_us = clock_ticks_per_us()
    cdef uint64_t command_ticks = 0
    cdef int i
    for i in range(row_count):
        command_ticks += rows[i].ticks
    counters = dict(state.stats)
    counters["loop_us"] = int(counters.pop("loop_ticks") / per_us)
    counters["command_us"] = int(command_ticks / per_us)
    counters["exceeded_now_us"] = (
        clock_monotonic_us() - state.exceeded_since_us if state.exceeded_since_us else 0)
    counters["commands_per_second"] = meter_rate(METER_COMMANDS)
    counters["net_in_per_second"] = meter_rate(METER_NET_IN)
    counters["net_out_per_second"] = meter_rate(METER_NET_OUT)
    counters["loop_cycles_per_second"] = meter_rate(METER_LOOP_CYCLES)
    counters["loop_mean_us"] = meter_rate(METER_LOOP_TICKS) / per_us
    return counters


def read_clients() -> dict:
    """Numbers of clients by what they do, and memory: `bytes` as maxmemory-clients counts it,
    `own_bytes` without the values in their outputs, which the data set may hold as well."""
    cdef const Session *s = state.sessions
    cdef size_t bytes = 0, own = 0, input_max = 0, output_max = 0
    cdef uint64_t connected = 0, paused = 0
    cdef uint32_t left = state.session_count
    while left:
        bytes += client_bytes(s)
        own += session_bytes(s)
        paused += (s.flags & SESSION_HELD_BY_PAUSE) != 0
        if not (s.flags & SESSION_INTERNAL):
            connected += 1
            input_max = max(input_max, s.pending_capacity)
            output_max = max(output_max, reply_bytes(&s.out))
        s = s.next
        left -= 1
    return {
        "connected": connected, "blocked": state.blocked_count + paused, "bytes": bytes,
        "own_bytes": own,
        "watching": state.watching_count, "watched_keys": state.watched_count,
        "waited_keys": state.waited_count, "waited_keys_on_loss": state.waited_loss_count,
        "timeouts": expiry_heap_count(&state.timeouts),
        "input_max_bytes": input_max, "output_max_bytes": output_max,
    }


def read_memory() -> dict:
    """Bytes of the allocator: `used` is the exact sum of all blocks, `reserve` are empty slabs
    that are kept. `graves` are values that wait to be freed."""
    return {
        "used": alloc_used_bytes(), "peak": alloc_peak_bytes(), "mapped": alloc_mapped_bytes(),
        "reserve": alloc_reserve_bytes(), "graves": state.graves_waiting,
    }


cdef int64_t mean_ttl_ms(const Database *db) noexcept nogil:
    """Mean time to live of the keys that have one; of evenly spread ones where there are many."""
    cdef size_t count = expiry_heap_count(&db.expires), samples = min(count, TTL_SAMPLES), i
    cdef int64_t left_ms, sum = 0
    if count == 0:
        return 0
    for i in range(samples):
        left_ms = expiry_heap_due(&db.expires, <uint32_t>(i * count // samples)) - state.now_ms
        sum += max(0, min(left_ms, <int64_t>1 << 53))
    return sum // <int64_t>samples


cdef double stale_keys(const Database *db) noexcept nogil:
    """About how many keys are due and not yet deleted, from evenly spread ones."""
    cdef size_t count = expiry_heap_count(&db.expires), samples = min(count, TTL_SAMPLES), i
    cdef size_t due = 0
    for i in range(samples):
        due += expiry_heap_due(&db.expires, <uint32_t>(i * count // samples)) <= state.now_ms
    return <double>count * due / samples if samples else 0.0


def read_stale_percent() -> float:
    """Of the keys with a time to live, the share that is due and not yet deleted."""
    cdef double stale = 0
    cdef size_t total = 0
    cdef int i
    for i in range(state.database_count):
        stale += stale_keys(&state.databases[i])
        total += expiry_heap_count(&state.databases[i].expires)
    return 100 * stale / total if total else 0.0


def read_databases() -> list:
    """The databases that hold keys, as dicts; bytes are those of the tables, not of the keys."""
    cdef Database *db
    found = []
    for i in range(state.database_count):
        db = &state.databases[i]
        if db.keys.count:
            found.append({
                "id": i, "keys": db.keys.count, "expires": expiry_heap_count(&db.expires),
                "mean_ttl_ms": mean_ttl_ms(db), "table_bytes": hashtable_bytes(&db.keys),
                "expires_bytes": (expiry_heap_bytes(&db.expires)
                                  + expiry_heap_bytes(&db.field_expires)),
                "field_expires": expiry_heap_count(&db.field_expires),
            })
    return found


# ---- sizes of values ----

cdef enum:
    SIZED_TYPES = <int>ENTRY_HASH + 1    # streams have none, as in Redis
    SIZE_BINS = 65               # of 0, of 1, of 2 and 3, of 4 to 7 ...

ctypedef struct SizeCounts:
    uint64_t of[SIZED_TYPES][SIZE_BINS]


cdef size_t value_size(const entry *e) noexcept nogil:
    """Bytes of a string, else the number of elements."""
    cdef entry_type type = entry_get_type(e)
    if type == ENTRY_STRING:
        return string_length(e)
    if type == ENTRY_LIST:
        return list_length(e)
    if type == ENTRY_SET:
        return set_count(e)
    if type == ENTRY_ZSET:
        return zset_count(e)
    return fields_count_alive(e, state.now_ms)


cdef void _size_visit(void *context, void *element) noexcept nogil:
    cdef const entry *e = <const entry *>element
    cdef size_t size
    if <int>entry_get_type(e) < SIZED_TYPES:
        size = value_size(e)
        (<SizeCounts *>context).of[<int>entry_get_type(e)][64 - _leading_zeros(size) if size
                                                           else 0] += 1


def read_key_sizes(database: int) -> list:
    """How many values of a database have which size, by type (strings, lists, sets, sorted sets,
    hashes): dicts from the power of two at or below the size, or 0, to their number. Looks at
    every key."""
    cdef SizeCounts counts
    cdef Database *db = &state.databases[<int>database]
    memset(&counts, 0, sizeof(counts))
    with nogil:
        hashtable_each(&db.keys, _size_visit, &counts)
    return [
        {1 << (bin - 1) if bin else 0: counts.of[type][bin]
         for bin in range(SIZE_BINS) if counts.of[type][bin]}
        for type in range(SIZED_TYPES)
    ]


def read_changes() -> int:
    """Changes since the last save."""
    return state.dirty


def read_errors() -> list:
    """(code, count) of the errors that were sent, in alphabetical order."""
    return sorted((state.error_codes[i].code.decode("utf-8", "replace"), state.error_codes[i].count)
                  for i in range(state.error_code_count))


def read_commands() -> list:
    """(name, calls, microseconds, rejected, failed) of commands that were called or refused."""
    cdef double per_us = clock_ticks_per_us()
    return [
        (rows[i].name.decode(), rows[i].calls, rows[i].ticks / per_us, rows[i].rejected,
         rows[i].failed)
        for i in range(row_count)
        if rows[i].calls or rows[i].rejected or rows[i].failed
    ]


cdef double _latency_percentile(const Row *of, uint64_t total, double percentile) noexcept nogil:
    """Ticks that this share of the calls did not exceed."""
    cdef double wanted = total * percentile / 100
    cdef uint64_t seen = 0
    cdef uint32_t bucket
    for bucket in range(LATENCY_BUCKETS):
        seen += of.latency[bucket]
        if seen and seen >= wanted:
            return latency_bucket_top(bucket)
    return 0


cdef uint64_t _latency_total(const Row *of) noexcept nogil:
    cdef uint64_t total = 0
    cdef uint32_t bucket
    if of.latency != NULL:
        for bucket in range(LATENCY_BUCKETS):
            total += of.latency[bucket]
    return total


def read_percentiles(percentiles) -> list:
    """(name, [microseconds, ...]) of the commands that were timed, one value a percentile."""
    cdef double per_us = clock_ticks_per_us()
    cdef uint64_t total
    found = []
    for i in range(row_count):
        total = _latency_total(rows[i])
        if total:
            found.append((rows[i].name.decode(), [
                _latency_percentile(rows[i], total, percentile) / per_us
                for percentile in percentiles]))
    return found


def read_histograms() -> list:
    """(name, calls, {microseconds: calls that took no longer}) of the commands that were timed.

    The bounds are powers of two, and only those are listed at which the number grows.
    """
    cdef double per_us = clock_ticks_per_us()
    cdef uint64_t total, seen, before
    cdef uint32_t bucket
    cdef int64_t bound
    found = []
    for i in range(row_count):
        total = _latency_total(rows[i])
        if not total:
            continue
        counts = {}
        seen = before = 0
        bound = 1
        for bucket in range(LATENCY_BUCKETS):
            while latency_bucket_top(bucket) > bound * per_us:
                if seen != before:
                    counts[bound] = seen
                    before = seen
                bound *= 2
            seen += rows[i].latency[bucket]
        if seen != before:
            counts[bound] = seen
        found.append((rows[i].name.decode(), total, counts))
    return found


def read_latency_events() -> list:
    """(name, worst_ms, [(second, worst_ms), ...]) of the latency monitor, oldest sample first."""
    cdef LatencyEvent *event
    cdef LatencySample *sample
    found = []
    for i in range(state.latency.count):
        event = &state.latency.events[i]
        samples = []
        for j in range(LATENCY_SAMPLES):
            sample = &event.samples[(event.next + j) % LATENCY_SAMPLES]
            if sample.second:
                samples.append((sample.second, sample.worst_ms))
        found.append((event.name.decode(), event.worst_ms, samples))
    return found


def command_names() -> frozenset:
    """The full names of all commands that can be called: "get", "config|set"."""
    return frozenset(rows[i].name.decode() for i in range(row_count) if row_is_reachable(rows[i]))


def command_full_name(typed: bytes) -> str | None:
    """The name in the table of what a client would call so, in any case; None: there is none."""
    cdef const Row *found = table_find_full(slice_of(<const char *>typed, len(typed)))
    return None if found == NULL else found.name.decode()


def reset_statistics() -> None:
    """CONFIG RESETSTAT. Refused passwords are counted on, as by Redis: who guesses them may not
    hide it."""
    cdef uint64_t refused = state.stats.auth_failures
    stats_reset()
    state.stats.auth_failures = refused


def compiler_version() -> str:
    """The version of GCC that the extension was compiled by, or that its compiler stands for."""
    return f"{COMPILER_MAJOR}.{COMPILER_MINOR}.{COMPILER_PATCH}"


# ---- the client whose command runs ----

def caller_is_local() -> bool:
    """Whether the client whose command runs is on this machine."""
    return state.current != NULL and session_is_local(state.current)


def close_caller() -> None:
    """Close the connection whose command runs, without an answer."""
    if state.current != NULL:
        state.current.flags |= SESSION_CLOSE_NOW
