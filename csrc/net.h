/* net: the few system calls of the edge, alike on Linux (epoll, timerfd) and kqueue systems.
 *
 * Why a poller of our own inside uvloop: uvloop watches ONE descriptor, the poller's; when it is
 * ready, one call without the GIL drains every socket. A callback, a Python object and a
 * transport a read are saved, about 1 microsecond a request.
 *
 * Invariants: sockets are non-blocking and close on exec; no call raises SIGPIPE; EINTR is retried.
 * Complexity: O(1) beside the kernel. Ownership: descriptors belong to the caller.
 */
#ifndef FASTREDIS_NET_H
#define FASTREDIS_NET_H

#include <sys/types.h>

#include "common.h"
#include "reply.h"

enum {
    NET_READABLE = 1,
    NET_WRITABLE = 2,
    NET_HANGUP = 4, /* the peer is gone, or (where asked for) sends no more */
    NET_LEVEL = 8,  /* only asked for, never told */
    NET_WAIT_MAX = 64,
};

typedef struct net_event {
    void *data;
    uint32_t what;
} net_event;

typedef struct net_interest {
    int fd;
    uint32_t wanted;
} net_interest;

typedef struct net_poller {
    int fd;
    int timer; /* descriptor on Linux, else unused */
    bool timer_rang;
} net_poller;

/* Opens a poller with one timer. False: errno; nothing is open then. */
bool net_poller_open(net_poller *poller);
/* Closing it forgets what it watches; closing it twice does nothing. */
void net_poller_close(net_poller *poller);

/* Watch `fd` for `wanted` (0: forget it), so far watched for `before`. `data` comes back with its
 * events, is never the poller's own address, and stays the same while `fd` is watched. A peer that
 * is gone is always told while anything is wanted; NET_HANGUP in `wanted` asks for one that has
 * ended its side only, too; NET_LEVEL (listening sockets) for being told until nothing is left.
 * False: errno. */
bool net_poller_watch(net_poller *poller, int fd, void *data, uint32_t before, uint32_t wanted);

/* An event is told once for each arrival (edge-triggered where the system can), which saves the
 * kernel a second look at every socket: whoever leaves bytes unread asks to be told again. */
void net_poller_tell_again(net_poller *poller, int fd, void *data, uint32_t wanted);

/* Up to `capacity` events; waits up to `wait_ms` (below 1,000) for the first. The timer is told in
 * poller->timer_rang, which the caller clears. 0 as well where a signal came. */
int net_poller_collect(net_poller *poller, net_event *events, int capacity, int wait_ms);

/* Sleep until one of `count` sockets (at most NET_WAIT_MAX) is ready for what it is wanted for, or
 * the timer is due, where it has a descriptor; at most `wait_ms`. Consumes nothing: the events come
 * with the next collect. False: the time was up. */
bool net_wait_any(const net_poller *poller, const net_interest *any, int count, int wait_ms);

/* Ring once in `delay_us` microseconds; replaces the last setting. Negative: never. */
void net_timer_set(net_poller *poller, int64_t delay_us);

/* Accept one connection: the descriptor, or -1 (errno; EAGAIN: none waits). */
int net_accept(int listener);

/* TCP_NODELAY, and keep-alive probes after `keepalive_s` idle seconds (0: none). */
void net_tune(int fd, int keepalive_s);

/* Printed address of the peer or of our end: "127.0.0.1:80", "[::1]:80", "/path:0" (both ends of a
 * unix socket), "?:0" for a peer that has gone. Always ends in a zero byte. */
void net_peer_text(int fd, char *text, size_t capacity);
void net_local_text(int fd, char *text, size_t capacity);
bool net_peer_is_local(int fd); /* loopback or unix socket */

/* Bytes received; 0: the peer has ended; -1: errno (EAGAIN: nothing now). */
ssize_t net_receive(int fd, void *buffer, size_t capacity);

/* Send what is in `out`, at most `most` bytes, with one call: a reader that keeps up would keep the
 * kernel busy with a giant for as long as it lasts. Bytes sent, or -1: errno. Does not consume. */
ssize_t net_send_reply(int fd, const reply *out, size_t most);
ssize_t net_send(int fd, const void *data, size_t length);

void net_close(int fd);

#endif
