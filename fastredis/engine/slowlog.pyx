# slowlog: the last commands that took long, with the beginnings of their arguments.
#
#   newest <--> ... <--> oldest          one block a command: header | slices | bytes of all texts
#
# call_execute compares a command's ticks with one number, `limits.slow_ticks`: that is all a fast
# command pays. It is the lower of the thresholds of the slow log and of the latency monitor.
#
# At most 32 arguments of 128 bytes are kept of a command, and never a password.
#
# Ownership: the log owns its blocks; slowlog-max-len bounds their number. A shorter one
# takes effect with the next entry, so that 0, which stops the log, leaves what it holds to be read.

cdef enum:
    SLOWLOG_ARGUMENTS_MAX = 32
    SLOWLOG_ARGUMENT_BYTES = 128
    SLOWLOG_TAIL_BYTES = 48      # room for "... (N more bytes)"


cdef void slow_limits(int64_t slowlog_us, int64_t length, int64_t latency_ms) noexcept nogil:
    """Set the thresholds; slowlog_us negative: no log; latency_ms 0: no latency monitor. What is
    beyond a shorter length goes with the next entry."""
    cdef double per_us = clock_ticks_per_us()
    state.limits.slowlog_ticks = state.limits.latency_ticks = UINT64_MAX
    if 0 <= slowlog_us < INT64_MAX // 10000:
        state.limits.slowlog_ticks = <uint64_t>(slowlog_us * per_us)
    if 0 < latency_ms < INT64_MAX // 10000000:
        state.limits.latency_ticks = <uint64_t>(latency_ms * 1000 * per_us)
    state.limits.slow_ticks = min(state.limits.slowlog_ticks, state.limits.latency_ticks)
    state.limits.latency_ms = latency_ms
    state.limits.slowlog_length = length


cdef void slow_command(Call *call, uint64_t ticks) noexcept nogil:
    """A command has taken as long as one of the thresholds."""
    cdef int64_t duration_us = <int64_t>(ticks / clock_ticks_per_us())
    cdef const char *event = b"command"
    if call.row.flags & COMMAND_FAST:
        event = b"fast-command"
    if ticks >= state.limits.latency_ticks:
        latency_sample(event, duration_us)
    if (ticks >= state.limits.slowlog_ticks and state.limits.slowlog_length
            and not (call.row.flags & COMMAND_SKIP_SLOWLOG)):
        slowlog_add(call, duration_us)


# ---- what is kept of an argument ----

cdef bint _names_secret(slice name) noexcept nogil:
    """Whether a directive's value is a password."""
    return (slice_is(name, b"REQUIREPASS") or slice_is(name, b"MASTERAUTH")
            or slice_is(name, b"MASTERUSER") or slice_is(name, b"TLS-KEY-FILE-PASS")
            or slice_is(name, b"TLS-CLIENT-KEY-FILE-PASS"))


cdef bint _is_secret(Call *call, int at) noexcept nogil:
    """Whether an argument may be a password, or names whose it is."""
    cdef const char *name = call.row.name
    cdef int i
    if strcmp(name, b"auth") == 0:
        return at >= 1
    if strcmp(name, b"acl|setuser") == 0:
        return at >= 2
    if strcmp(name, b"config|set") == 0:
        return at >= 3 and at % 2 == 1 and _names_secret(call.argv[at - 1])
    if strcmp(name, b"hello") != 0 and strcmp(name, b"migrate") != 0:
        return False
    for i in range(2, at):
        if slice_is(call.argv[i], b"AUTH") or slice_is(call.argv[i], b"AUTH2"):
            # HELLO ... AUTH user password, MIGRATE ... AUTH password | AUTH2 user password
            return at <= i + 2 - (name[0] == c'm' and call.argv[i].length == 4)
    return False


cdef size_t _put(char *out, const char *text, size_t length) noexcept nogil:
    if length:
        memcpy(out, text, length)
    return length


cdef size_t _kept_argument(Call *call, int at, char *out) noexcept nogil:
    """Write what is kept of an argument; its length."""
    cdef slice argument = call.argv[at]
    if at == SLOWLOG_ARGUMENTS_MAX - 1 and call.argc > SLOWLOG_ARGUMENTS_MAX:
        return snprintf(out, SLOWLOG_TAIL_BYTES, b"... (%d more arguments)",
                        call.argc - SLOWLOG_ARGUMENTS_MAX + 1)
    if _is_secret(call, at):
        return _put(out, b"(redacted)", 10)
    if argument.length <= SLOWLOG_ARGUMENT_BYTES:
        return _put(out, argument.data, argument.length)
    memcpy(out, argument.data, SLOWLOG_ARGUMENT_BYTES)
    return SLOWLOG_ARGUMENT_BYTES + snprintf(
        out + SLOWLOG_ARGUMENT_BYTES, SLOWLOG_TAIL_BYTES, b"... (%lu more bytes)",
        <unsigned long>(argument.length - SLOWLOG_ARGUMENT_BYTES))


cdef inline slice _text_or_empty(const char *text) noexcept nogil:
    cdef slice none
    if text != NULL:
        return slice_of_text(text)
    none.data = NULL
    none.length = 0
    return none


cdef slice _keep_text(char **at, slice text) noexcept nogil:
    """Copy a text behind what is written already."""
    cdef slice kept
    kept.data = at[0]
    kept.length = _put(at[0], text.data, text.length)
    at[0] += text.length
    return kept


# ---- the log ----

cdef void slowlog_add(Call *call, int64_t duration_us) noexcept nogil:
    cdef char texts[SLOWLOG_ARGUMENTS_MAX * (SLOWLOG_ARGUMENT_BYTES + SLOWLOG_TAIL_BYTES)]
    cdef slice kept[SLOWLOG_ARGUMENTS_MAX]
    cdef int argc = min(call.argc, SLOWLOG_ARGUMENTS_MAX), i
    cdef slice peer = _text_or_empty(call.session.peer), name = _text_or_empty(call.session.name)
    cdef size_t used = 0, size
    cdef SlowCommand *made
    cdef char *at
    for i in range(argc):
        kept[i].data = texts + used
        kept[i].length = _kept_argument(call, i, texts + used)
        used += kept[i].length
    size = sizeof(SlowCommand) + argc * sizeof(slice) + used + peer.length + name.length
    made = <SlowCommand *>alloc_new(size)
    made.block_bytes = size
    made.id = state.slowlog.next_id
    made.second = state.now_ms // 1000
    made.duration_us = duration_us
    made.argc = argc
    at = <char *>&made.argv[argc]
    for i in range(argc):
        made.argv[i] = _keep_text(&at, kept[i])
    made.peer = _keep_text(&at, peer)
    made.name = _keep_text(&at, name)
    state.slowlog.next_id += 1
    made.newer = NULL
    made.older = state.slowlog.newest
    if state.slowlog.newest != NULL:
        state.slowlog.newest.newer = made
    else:
        state.slowlog.oldest = made
    state.slowlog.newest = made
    state.slowlog.count += 1
    slowlog_trim(state.limits.slowlog_length)


cdef void slowlog_trim(int64_t length) noexcept nogil:
    """Drop the oldest beyond `length`."""
    cdef SlowCommand *gone
    while state.slowlog.count > length:
        gone = state.slowlog.oldest
        state.slowlog.oldest = gone.newer
        if gone.newer != NULL:
            gone.newer.older = NULL
        else:
            state.slowlog.newest = NULL
        state.slowlog.count -= 1
        alloc_free(gone, gone.block_bytes)


cdef void slowlog_reset() noexcept nogil:
    slowlog_trim(0)
