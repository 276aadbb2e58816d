# latency: the latency monitor: the worst delay of each second, for each kind of event.
#
#   events[] --- "command"       ring of 160 samples (second, worst milliseconds), all time maximum
#            |-- "fast-command"  ...
#            `-- "expire-cycle"
#
# An event kind exists from its first sample to LATENCY RESET. Nothing is recorded while the
# threshold (latency-monitor-threshold) is 0. Memory: 2.5 KB an event kind, fixed.

cdef LatencyEvent *latency_event_of(const char *name) noexcept nogil:
    """The event of that name, made where it is new; NULL where there are too many."""
    cdef LatencyEvent *event
    cdef int i
    for i in range(state.latency.count):
        if strcmp(state.latency.events[i].name, name) == 0:
            return &state.latency.events[i]
    if state.latency.count == LATENCY_EVENTS_MAX:
        return NULL
    event = &state.latency.events[state.latency.count]
    state.latency.count += 1
    memset(event, 0, sizeof(LatencyEvent))
    event.name = name
    return event


cdef void latency_sample(const char *name, int64_t duration_us) noexcept nogil:
    """Record a delay, if it is as long as the threshold."""
    cdef int64_t duration_ms = duration_us // 1000
    cdef int64_t second = state.now_ms // 1000
    cdef LatencyEvent *event
    cdef LatencySample *last
    if state.limits.latency_ms == 0 or duration_ms < state.limits.latency_ms:
        return
    event = latency_event_of(name)
    if event == NULL:
        return
    event.worst_ms = max(event.worst_ms, duration_ms)
    last = &event.samples[(event.next + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES]
    if last.second == second:
        last.worst_ms = max(last.worst_ms, duration_ms)
        return
    event.samples[event.next].second = second
    event.samples[event.next].worst_ms = duration_ms
    event.next = (event.next + 1) % LATENCY_SAMPLES


cdef bint latency_forget(slice name) noexcept nogil:
    """Drop an event kind; False where there is none of that name."""
    cdef int i
    for i in range(state.latency.count):
        if slice_equal(name, slice_of_text(state.latency.events[i].name)):
            state.latency.count -= 1
            state.latency.events[i] = state.latency.events[state.latency.count]
            return True
    return False


cdef inline slice slice_of_text(const char *text) noexcept nogil:
    cdef slice made
    made.data = text
    made.length = strlen(text)
    return made
