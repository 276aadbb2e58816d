# server: commands about the server: TIME, ROLE, SLOWLOG, LATENCY, MEMORY, MODULE; and the rows of
# those that are answered in Python (server/python_handlers.py): INFO, CONFIG, LOLWUT, SHUTDOWN ...
#
# Native are the ones that read the engine alone; what prints for people, or follows the
# configuration, is Python. DEBUG has a file of its own.

from libc.stdlib cimport strtod


cdef void cmd_time(Call *call) noexcept nogil:
    cdef int64_t now_us = state.now_us if call.session.flags & SESSION_IN_EXEC else clock_wall_us()
    reply_array(call.out, 2)
    reply_bulk_int(call.out, now_us // 1000000)
    reply_bulk_int(call.out, now_us % 1000000)


cdef void cmd_role(Call *call) noexcept nogil:
    reply_array(call.out, 3)
    reply_text(call.out, b"master")
    reply_int(call.out, 0)
    reply_array(call.out, 0)


# ---- SLOWLOG ----

cdef enum:
    SLOWLOG_GET_DEFAULT = 10


cdef void _reply_slow_command(reply *out, const SlowCommand *slow) noexcept nogil:
    cdef int i
    reply_array(out, 6)
    reply_int(out, slow.id)
    reply_int(out, slow.second)
    reply_int(out, slow.duration_us)
    reply_array(out, slow.argc)
    for i in range(slow.argc):
        reply_bulk(out, slow.argv[i].data, slow.argv[i].length)
    reply_bulk(out, slow.peer.data, slow.peer.length)
    reply_bulk(out, slow.name.data, slow.name.length)


cdef void cmd_slowlog_get(Call *call) noexcept nogil:
    cdef int64_t count = SLOWLOG_GET_DEFAULT
    cdef const SlowCommand *slow = state.slowlog.newest
    if call.argc > 3:
        error_subcommand_arguments(call)
        return
    if call.argc == 3 and not (
            number_parse_int64(call.argv[2].data, call.argv[2].length, &count) and count >= -1):
        error_reply(call, ERROR_SLOWLOG_COUNT)
        return
    if count == -1 or count > state.slowlog.count:
        count = state.slowlog.count
    reply_array(call.out, count)
    while count:
        _reply_slow_command(call.out, slow)
        slow = slow.older
        count -= 1


cdef void cmd_slowlog_len(Call *call) noexcept nogil:
    reply_int(call.out, state.slowlog.count)


cdef void cmd_slowlog_reset(Call *call) noexcept nogil:
    slowlog_reset()
    reply_ok(call.out)


# ---- LATENCY RESET, LATEST, HISTORY ----

cdef void cmd_latency_reset(Call *call) noexcept nogil:
    cdef int64_t count = 0
    cdef int i
    if call.argc == 2:
        count = state.latency.count
        state.latency.count = 0
    for i in range(2, call.argc):
        count += latency_forget(call.argv[i])
    reply_int(call.out, count)


cdef void cmd_latency_latest(Call *call) noexcept nogil:
    cdef LatencyEvent *event
    cdef LatencySample *last
    cdef int i
    reply_array(call.out, state.latency.count)
    for i in range(state.latency.count):
        event = &state.latency.events[i]
        last = &event.samples[(event.next + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES]
        reply_array(call.out, 4)
        reply_text(call.out, event.name)
        reply_int(call.out, last.second)
        reply_int(call.out, last.worst_ms)
        reply_int(call.out, event.worst_ms)


cdef void cmd_latency_history(Call *call) noexcept nogil:
    cdef LatencyEvent *event = NULL
    cdef LatencySample *sample
    cdef size_t place = reply_later(call.out)
    cdef int64_t count = 0
    cdef int i
    for i in range(state.latency.count):
        if slice_equal(call.argv[2], slice_of_text(state.latency.events[i].name)):
            event = &state.latency.events[i]
    if event != NULL:
        for i in range(LATENCY_SAMPLES):
            sample = &event.samples[(event.next + i) % LATENCY_SAMPLES]
            if sample.second:
                reply_array(call.out, 2)
                reply_int(call.out, sample.second)
                reply_int(call.out, sample.worst_ms)
                count += 1
    reply_insert(call.out, place, reply_write_array, count)


# ---- MEMORY ----

cdef size_t entry_total_bytes(const Database *db, const entry *e) noexcept nogil:
    """A key with its value, its part of the table, and its place in the expiry heap."""
    cdef size_t total = alloc_usable(entry_size(e)) + value_bytes(e)
    total += hashtable_bytes(&db.keys) // max(db.keys.count, 1)
    if entry_has_due(e):
        total += expiry_heap_bytes(&db.expires) // max(expiry_heap_count(&db.expires), 1)
    return total


cdef void cmd_memory_usage(Call *call) noexcept nogil:
    """Exact, so SAMPLES is checked and changes nothing. Neither touches nor expires the key."""
    cdef Args args = args_from(call, 3)
    cdef slice value
    cdef int64_t samples
    cdef entry *e
    while args_left(&args):
        if not args_option_with(&args, b"SAMPLES", &value):
            error_reply(call, ERROR_SYNTAX)
            return
        if not int_or_reply(call, value, &samples):
            return
        if samples < 0:
            error_reply(call, ERROR_SYNTAX)
            return
    e = <entry *>hashtable_find(&call.database.keys, call.argv[2].data, call.argv[2].length,
                                key_hash(call, call.argv[2]))
    if e == NULL:
        reply_null(call.out)
    else:
        reply_int(call.out, entry_total_bytes(call.database, e))


cdef void cmd_memory_purge(Call *call) noexcept nogil:
    alloc_trim()
    reply_ok(call.out)


# ---- MODULE: there are none, and none can be loaded ----

cdef void cmd_module_list(Call *call) noexcept nogil:
    reply_array(call.out, 0)


cdef void cmd_module_load(Call *call) noexcept nogil:
    error_reply(call, ERROR_MODULE_LOAD)


cdef void cmd_module_unload(Call *call) noexcept nogil:
    error_reply(call, ERROR_MODULE_UNLOAD)


# ---- HELP ----

cdef void cmd_config_help(Call *call) noexcept nogil:
    help_reply(
        call,
        b"GET <pattern> [<pattern> ...]\n"
        b"    Show the directives that match a pattern, and their values.\n"
        b"SET <directive> <value> [<directive> <value> ...]\n"
        b"    Change directives, all or none of them.\n"
        b"RESETSTAT\n"
        b"    Begin to count afresh what INFO shows.\n"
        b"REWRITE\n"
        b"    Write the values in use to the configuration file.\n")


cdef void cmd_slowlog_help(Call *call) noexcept nogil:
    help_reply(
        call,
        b"GET [<count>]\n"
        b"    Show the last slow commands (default 10, -1 for all), newest first. Each has:\n"
        b"    id, time, duration in microseconds, arguments, address and name of the client.\n"
        b"LEN\n"
        b"    How many there are.\n"
        b"RESET\n"
        b"    Forget them.\n")


cdef void cmd_latency_help(Call *call) noexcept nogil:
    help_reply(
        call,
        b"DOCTOR\n"
        b"    Say in words what the latency monitor has seen.\n"
        b"GRAPH <event>\n"
        b"    Draw the delays of an event.\n"
        b"HISTOGRAM [<command> ...]\n"
        b"    Show how long commands took: how many took no longer than each power of two of\n"
        b"    microseconds.\n"
        b"HISTORY <event>\n"
        b"    Show time and length of the delays of an event.\n"
        b"LATEST\n"
        b"    Show the last and the longest delay of every event.\n"
        b"RESET [<event> ...]\n"
        b"    Forget the delays of these events, or of all.\n")


cdef void cmd_memory_help(Call *call) noexcept nogil:
    help_reply(
        call,
        b"DOCTOR\n"
        b"    Say in words what stands out in the use of memory.\n"
        b"MALLOC-STATS\n"
        b"    Show the figures of the allocator.\n"
        b"PURGE\n"
        b"    Give unused memory back to the system.\n"
        b"STATS\n"
        b"    Show what memory is used for.\n"
        b"USAGE <key> [SAMPLES <count>]\n"
        b"    Show the bytes that a key takes with its value. The figure is exact, so the\n"
        b"    number of samples changes nothing.\n")


cdef void cmd_module_help(Call *call) noexcept nogil:
    help_reply(
        call,
        b"LIST\n"
        b"    Show the loaded modules: always none.\n"
        b"LOAD <path> [<arg> ...]\n"
        b"    Refused: fastredis is extended in Python, not by modules.\n"
        b"LOADEX <path> [CONFIG <name> <value> ...] [ARGS <arg> ...]\n"
        b"    Refused, as LOAD.\n"
        b"UNLOAD <name>\n"
        b"    Refused, as there are none.\n")


row(b"time", 1, b"loading stale fast", b"server", b"", b"", b"nondeterministic_output", cmd_time)
row(b"role", 1, b"noscript loading stale fast", b"server", b"+admin +dangerous", b"", b"",
    cmd_role)
row(b"info", -1, b"loading stale", b"server", b"+dangerous", b"",
    b"nondeterministic_output|request_policy:all_shards|response_policy:special", NULL)
row(b"lolwut", -1, b"readonly fast", b"server", b"", b"", b"", NULL)
row(b"shutdown", -1, b"admin noscript loading stale no_multi allow_busy", b"server", b"", b"", b"",
    NULL)

row(b"config", -2, b"", b"server", b"", b"", b"", NULL)
row(b"config|get", -3, b"admin noscript loading stale", b"server", b"", b"", b"", NULL)
row(b"config|help", 2, b"loading stale", b"server", b"", b"", b"", cmd_config_help)
row(b"config|resetstat", 2, b"admin noscript loading stale", b"server", b"", b"",
    b"request_policy:all_nodes|response_policy:all_succeeded", NULL)
row(b"config|rewrite", 2, b"admin noscript loading stale", b"server", b"", b"",
    b"request_policy:all_nodes|response_policy:all_succeeded", NULL)
row(b"config|set", -4, b"admin noscript loading stale", b"server", b"", b"",
    b"request_policy:all_nodes|response_policy:all_succeeded", NULL)

row(b"slowlog", -2, b"", b"server", b"", b"", b"", NULL)
row(b"slowlog|get", -2, b"admin loading stale", b"server", b"", b"",
    b"request_policy:all_nodes|nondeterministic_output", cmd_slowlog_get)
row(b"slowlog|help", 2, b"loading stale", b"server", b"", b"", b"", cmd_slowlog_help)
row(b"slowlog|len", 2, b"admin loading stale", b"server", b"", b"",
    b"request_policy:all_nodes|response_policy:agg_sum|nondeterministic_output", cmd_slowlog_len)
row(b"slowlog|reset", 2, b"admin loading stale", b"server", b"", b"",
    b"request_policy:all_nodes|response_policy:all_succeeded", cmd_slowlog_reset)

row(b"latency", -2, b"", b"server", b"", b"", b"", NULL)
row(b"latency|doctor", 2, b"admin noscript loading stale", b"server", b"", b"",
    b"nondeterministic_output|request_policy:all_nodes|response_policy:special", NULL)
row(b"latency|graph", 3, b"admin noscript loading stale", b"server", b"", b"",
    b"nondeterministic_output|request_policy:all_nodes|response_policy:special", NULL)
row(b"latency|help", 2, b"loading stale", b"server", b"", b"", b"", cmd_latency_help)
row(b"latency|histogram", -2, b"admin noscript loading stale", b"server", b"", b"",
    b"nondeterministic_output|request_policy:all_nodes|response_policy:special", NULL)
row(b"latency|history", 3, b"admin noscript loading stale", b"server", b"", b"",
    b"nondeterministic_output|request_policy:all_nodes|response_policy:special",
    cmd_latency_history)
row(b"latency|latest", 2, b"admin noscript loading stale", b"server", b"", b"",
    b"nondeterministic_output|request_policy:all_nodes|response_policy:special",
    cmd_latency_latest)
row(b"latency|reset", -2, b"admin noscript loading stale", b"server", b"", b"",
    b"request_policy:all_nodes|response_policy:agg_sum", cmd_latency_reset)

row(b"memory", -2, b"", b"server", b"", b"", b"", NULL)
row(b"memory|doctor", 2, b"", b"server", b"", b"",
    b"nondeterministic_output|request_policy:all_shards|response_policy:special", NULL)
row(b"memory|help", 2, b"loading stale", b"server", b"", b"", b"", cmd_memory_help)
row(b"memory|malloc-stats", 2, b"", b"server", b"", b"",
    b"nondeterministic_output|request_policy:all_shards|response_policy:special", NULL)
row(b"memory|purge", 2, b"", b"server", b"", b"",
    b"request_policy:all_shards|response_policy:all_succeeded", cmd_memory_purge)
row(b"memory|stats", 2, b"", b"server", b"", b"",
    b"nondeterministic_output|request_policy:all_shards|response_policy:special", NULL)
row(b"memory|usage", -3, b"readonly", b"server", b"", b"RO index:2 range:0,1,0", b"",
    cmd_memory_usage)

row(b"module", -2, b"", b"server", b"", b"", b"", NULL)
row(b"module|help", 2, b"loading stale", b"server", b"", b"", b"", cmd_module_help)
row(b"module|list", 2, b"admin noscript", b"server", b"", b"", b"nondeterministic_output_order",
    cmd_module_list)
row(b"module|load", -3, b"admin noscript no_async_loading protected", b"server", b"", b"", b"",
    cmd_module_load)
row(b"module|loadex", -3, b"admin noscript no_async_loading protected", b"server", b"", b"", b"",
    cmd_module_load)
row(b"module|unload", 3, b"admin noscript no_async_loading protected", b"server", b"", b"", b"",
    cmd_module_unload)
