# settings: what the configuration changes in the engine and at the edge: bounds, thresholds,
# permissions, and who we say that we are; and the patterns of CONFIG GET.

def set_limits(
    *,
    bulk_max_bytes: int,
    query_buffer_max_bytes: int,
    output_hard_bytes: int,
    output_soft_bytes: int,
    output_soft_seconds: int,
    memory_max_bytes: int,
    clients_bytes_max: int,
    clients_max: int,
    idle_timeout_seconds: int,
    keepalive_seconds: int,
    protected: bool,
) -> None:
    """Apply the bounds of the configuration; all of them, since they are cheap to set.

    `protected`: clients of other machines are refused while no password is set.
    """
    # The length of a key is kept in 32 bits.
    state.limits.bulk_max = min(bulk_max_bytes, UINT32_MAX)
    clients_limit(clients_bytes_max, query_buffer_max_bytes)
    state.limits.output_hard = output_hard_bytes
    state.limits.output_soft = output_soft_bytes
    state.limits.output_soft_ms = output_soft_seconds * 1000
    state.limits.memory_max = memory_max_bytes
    if memory_max_bytes == 0:
        exceeded_end()
    expire_schedule(state.now_ms)  # a lower maximum takes effect without a command
    edge.limits.clients_max = clients_max
    edge.limits.keepalive_s = keepalive_seconds
    edge.limits.protected_mode = protected
    edge.idle_timeout_ms = <int64_t>idle_timeout_seconds * 1000


def use_huge_pages(*, everywhere: bool, prepared: bool) -> None:
    """Back memory that is mapped from now on with huge pages (Linux): fewer misses of the
    translation cache at random access. `prepared`: what a helper thread can touch ahead of need;
    `everywhere`: all of it, with a stall at each first touch."""
    alloc_use_huge_pages(everywhere)
    alloc_prepare_arenas(prepared)


def coalesce_wakeups(enabled: bool) -> None:
    """Whether to sleep, while clients of this machine send quickly, until several have sent."""
    edge.coalesces = enabled


def set_eviction(*, policy: str, samples: int, lfu_log_factor: int,
                 lfu_decay_minutes: int) -> None:
    """What leaves when memory is full: a maxmemory-policy by name, and how it is found."""
    ranks = {"lru": EVICT_LRU, "lfu": EVICT_LFU, "random": EVICT_RANDOM, "ttl": EVICT_TTL}
    state.eviction.rank = ranks.get(policy.rpartition("-")[2], EVICT_NONE)
    state.eviction.volatile_only = policy.startswith("volatile-")
    state.eviction.samples = samples
    memset(state.eviction.pool, 0, sizeof(state.eviction.pool))
    state.lfu = state.eviction.rank == EVICT_LFU
    state.lfu_log_factor = lfu_log_factor
    state.lfu_decay_minutes = lfu_decay_minutes


def set_packing(*, hash_entries: int, hash_value_bytes: int, set_intset_entries: int,
                set_entries: int, set_value_bytes: int, zset_entries: int, zset_value_bytes: int,
                stream_bytes: int, stream_entries: int, hyperloglog_sparse_bytes: int,
                list_size: int, list_compress_depth: int) -> None:
    """How long collections stay in their compact encodings; the names of csrc/packing.h."""
    cdef collection_limits *limits = &state.limits.packing
    limits.hash_entries = hash_entries
    limits.hash_value = hash_value_bytes
    limits.set_intset_entries = set_intset_entries
    limits.set_entries = set_entries
    limits.set_value = set_value_bytes
    limits.zset_entries = zset_entries
    limits.zset_value = zset_value_bytes
    limits.stream_bytes = stream_bytes
    limits.stream_entries = stream_entries
    limits.hyperloglog_sparse_bytes = hyperloglog_sparse_bytes
    limits.list_size = list_size
    limits.list_compress_depth = list_compress_depth


def set_observation(
    *,
    slowlog_us: int,
    slowlog_length: int,
    latency_ms: int,
    latency_tracking: bool,
) -> None:
    """What is recorded of commands.

    Commands of at least `slowlog_us` (negative: none) are kept in the slow log, the last
    `slowlog_length` of them; `latency_ms` is the threshold of the latency monitor, 0: off.
    """
    slow_limits(slowlog_us, slowlog_length, latency_ms)
    state.limits.latency_tracking = latency_tracking


def set_permissions(*, debug: str, module: str) -> None:
    """Who may use DEBUG and MODULE: "no", "local" or "yes"."""
    permissions = {"no": PERMIT_NONE, "local": PERMIT_LOCAL, "yes": PERMIT_ALL}
    state.limits.debug_command = permissions[debug]
    state.limits.module_command = permissions[module]


def set_password(password: bytes) -> None:
    """Set the password of user `default` (any bytes); empty: everybody is let in.

    Sessions that are logged in stay so. New ones have to log in from now on.
    """
    cdef const char *data = password
    if state.password != NULL:
        memset(state.password, 0, state.password_length)
        alloc_free(state.password, state.password_length)
        state.password = NULL
    state.password_length = len(password)
    state.password_required = state.password_length != 0
    if state.password_required:
        state.password = <char *>alloc_new(state.password_length)
        memcpy(state.password, data, state.password_length)


def matching_names(pattern: bytes, names: tuple) -> list:
    """The positions of the names that a glob matches, with case: O(pattern + names), however
    hostile the pattern. Raises ValueError for a name longer than 64 bytes."""
    cdef char short_pattern[GLOB_SHORT_BYTES]
    cdef bytes name
    cdef size_t length = glob_shorten(pattern, len(pattern), short_pattern)
    cdef list found = []
    for position, name in enumerate(names):
        if len(name) > GLOB_SHORT_TEXT_MAX:
            raise ValueError(name)
        if length != SIZE_MAX and glob_match(short_pattern, length, name, len(name), False):
            found.append(position)
    return found


def set_reported_version(version: str) -> None:
    """What HELLO says as the version; libraries parse it, so only digits and dots are taken.

    Raises ValueError for another text or one of 32 characters and more.
    """
    cdef bytes data = version.encode()
    if not data or len(data) >= VERSION_BYTES or data.strip(b"0123456789."):
        raise ValueError(f"not a version of digits and dots: {version!r}")
    memcpy(state.version, <const char *>data, len(data) + 1)


def rename_command(name: bytes, to: bytes) -> None:
    """Let a top-level command answer to another name, in any case of its letters; empty: to none.

    Raises KeyError where there is no command of that name, ValueError where the new name is taken.
    To be called before there is a session.
    """
    cdef Row *found = table_find(name, len(name))
    cdef Row *taken = table_find(to, len(to))
    if found == NULL:
        raise KeyError(name)
    if taken != NULL and taken != found:
        raise ValueError(to)
    row_rename(found, _keep(to.lower()), len(to))
