# net.h: sockets and the poller.
from libc.stdint cimport int64_t, uint32_t
from fastredis.capi.reply cimport reply

cdef extern from "net.h" nogil:
    enum:
        NET_READABLE
        NET_WRITABLE
        NET_HANGUP
        NET_LEVEL
        NET_WAIT_MAX
    ctypedef struct net_event:
        void *data
        uint32_t what
    ctypedef struct net_interest:
        int fd
        uint32_t wanted
    ctypedef struct net_poller:
        int fd
        bint timer_rang
    bint net_poller_open(net_poller *poller)
    void net_poller_close(net_poller *poller)
    bint net_poller_watch(net_poller *poller, int fd, void *data, uint32_t before, uint32_t wanted)
    void net_poller_tell_again(net_poller *poller, int fd, void *data, uint32_t wanted)
    int net_poller_collect(net_poller *poller, net_event *events, int capacity, int wait_ms)
    bint net_wait_any(const net_poller *poller, const net_interest *any, int count, int wait_ms)
    void net_timer_set(net_poller *poller, int64_t delay_us)
    int net_accept(int listener)
    void net_tune(int fd, int keepalive_s)
    void net_peer_text(int fd, char *text, size_t capacity)
    void net_local_text(int fd, char *text, size_t capacity)
    bint net_peer_is_local(int fd)
    ssize_t net_receive(int fd, void *buffer, size_t capacity)
    ssize_t net_send_reply(int fd, const reply *out, size_t most)
    ssize_t net_send(int fd, const void *data, size_t length)
    void net_close(int fd)
