# edge_state: what the edge keeps between two calls: the one mutable global of this layer beside the
# objects that Python has registered (hooks.pyx). The engine's `state` knows nothing of sockets.
#
#   edge --- poller, listeners[]                  sockets (edge.pyx)
#     |----- read_buffer [ session | session | ... | free ]   input of the batch that is collected
#     |----- turns: which clients of this machine were served last (csrc/coalesce.h)
#     |----- unsent: list of sessions whose replies wait for the GIL (connection.pyx)
#     '----- limits, idle_timeout_ms              what the configuration says (settings.pyx)

from fastredis.capi.coalesce cimport *
from fastredis.capi.net cimport *

cdef enum:
    LISTENERS_MAX = 64

ctypedef struct Listener:
    int fd
    bint is_unix
    bint paused                  # out of descriptors: tried again by the cron

ctypedef struct EdgeLimits:
    int64_t clients_max
    int keepalive_s
    bint protected_mode          # and neither password nor explicit bind

ctypedef struct EdgeState:
    net_poller poller
    char *read_buffer
    size_t read_used
    Listener listeners[LISTENERS_MAX]
    int listener_count
    int64_t timer_set_for_ms
    EdgeLimits limits
    int64_t idle_timeout_ms      # of clients; 0: none
    bint is_interrupted          # by Edge.interrupt, for good
    bint loop_is_shared          # uvloop serves connections of its own
    bint coalesces               # one wake-up for several requests, where they come quickly
    coalesce turns               # of the clients on this machine
    uint64_t cycle_ticks         # when the events that are being handled were collected
    Session *unsent              # sessions of connections with replies to write

cdef EdgeState edge
edge.timer_set_for_ms = NEVER_MS
edge.limits.clients_max = 10000
