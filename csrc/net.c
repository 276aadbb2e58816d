/* net: sockets and the poller; see net.h. */
#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum { SEND_PIECES = 64, EVENTS_MAX = 256 };

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* SO_NOSIGPIPE is set on the socket instead */
#endif

/* ---- poller ---- */

#if defined(__linux__)

#include <sys/epoll.h>
#include <sys/timerfd.h>

bool net_poller_open(net_poller *poller) {
    poller->timer_rang = false;
    poller->fd = epoll_create1(EPOLL_CLOEXEC);
    if (poller->fd < 0) return false;
    poller->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (poller->timer >= 0 &&
        net_poller_watch(poller, poller->timer, poller, 0, NET_READABLE | NET_LEVEL))
        return true;
    int reason = errno;
    net_poller_close(poller);
    errno = reason;
    return false;
}

void net_poller_close(net_poller *poller) {
    if (poller->timer >= 0) close(poller->timer);
    if (poller->fd >= 0) close(poller->fd);
    poller->fd = poller->timer = -1;
}

static uint32_t epoll_events_of(uint32_t wanted) {
    uint32_t events = wanted & NET_LEVEL ? 0 : EPOLLET;
    /* Bytes and the end of the stream can come as one event, which then has to say so: whoever
     * reads only the bytes would wait for another one in vain. */
    if (wanted & NET_READABLE) events |= EPOLLIN | EPOLLRDHUP;
    if (wanted & NET_WRITABLE) events |= EPOLLOUT;
    if (wanted & NET_HANGUP) events |= EPOLLRDHUP;
    return events;
}

void net_poller_tell_again(net_poller *poller, int fd, void *data, uint32_t wanted) {
    struct epoll_event event = {.events = epoll_events_of(wanted), .data.ptr = data};
    epoll_ctl(poller->fd, EPOLL_CTL_MOD, fd, &event);
}

bool net_poller_watch(net_poller *poller, int fd, void *data, uint32_t before, uint32_t wanted) {
    struct epoll_event event = {.events = epoll_events_of(wanted), .data.ptr = data};
    if (before == wanted) return true;
    int change = !wanted ? EPOLL_CTL_DEL : before ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    return epoll_ctl(poller->fd, change, fd, &event) == 0;
}

int net_poller_collect(net_poller *poller, net_event *events, int capacity, int wait_ms) {
    struct epoll_event ready[EVENTS_MAX];
    int kept = 0;
    int count = epoll_wait(poller->fd, ready, capacity < EVENTS_MAX ? capacity : EVENTS_MAX,
                           wait_ms);
    for (int i = 0; i < count; i++) {
        if (ready[i].data.ptr == poller) {
            uint64_t times; /* nothing to read: it was set anew in the meantime */
            if (read(poller->timer, &times, sizeof times) > 0) poller->timer_rang = true;
            continue;
        }
        uint32_t what = 0;
        if (ready[i].events & EPOLLIN) what |= NET_READABLE;
        if (ready[i].events & EPOLLOUT) what |= NET_WRITABLE;
        if (ready[i].events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) what |= NET_HANGUP;
        events[kept++] = (net_event){ready[i].data.ptr, what};
    }
    return kept;
}

void net_timer_set(net_poller *poller, int64_t delay_us) {
    struct itimerspec when = {0};
    if (delay_us >= 0) {
        if (delay_us == 0) delay_us = 1; /* zero would disarm */
        when.it_value.tv_sec = delay_us / 1000000;
        when.it_value.tv_nsec = delay_us % 1000000 * 1000;
    }
    timerfd_settime(poller->timer, 0, &when, NULL);
}

#else

#include <sys/event.h>
#include <sys/time.h>

bool net_poller_open(net_poller *poller) {
    poller->timer_rang = false;
    poller->timer = -1;
    poller->fd = kqueue();
    if (poller->fd >= 0) fcntl(poller->fd, F_SETFD, FD_CLOEXEC);
    return poller->fd >= 0;
}

void net_poller_close(net_poller *poller) {
    if (poller->fd >= 0) close(poller->fd);
    poller->fd = -1;
}

static bool filter_set(net_poller *poller, int fd, int16_t filter, uint16_t flags,
                       uint32_t filter_flags, void *data) {
    struct kevent change;
    EV_SET(&change, (uintptr_t)fd, filter, flags, filter_flags, filter_flags ? INT32_MAX : 0, data);
    return kevent(poller->fd, &change, 1, NULL, 0, NULL) == 0;
}

/* How the read filter is set: bytes to read, or the end of the stream alone, which is told although
 * fewer bytes wait than any socket holds. Edge-triggered, lest a full buffer ring without end. */
static bool read_filter_set(net_poller *poller, int fd, uint32_t wanted, void *data) {
    if (wanted & NET_READABLE)
        return filter_set(poller, fd, EVFILT_READ, EV_ADD, 0, data);
    if (wanted & NET_HANGUP)
        return filter_set(poller, fd, EVFILT_READ, EV_ADD | EV_CLEAR, NOTE_LOWAT, data);
    return filter_set(poller, fd, EVFILT_READ, EV_DELETE, 0, data);
}

bool net_poller_watch(net_poller *poller, int fd, void *data, uint32_t before, uint32_t wanted) {
    uint32_t reading = NET_READABLE | NET_HANGUP;
    bool done = true;
    if ((before ^ wanted) & reading) {
        /* A filter that is added again keeps some of its old flags: take it out first. */
        if (before & reading && wanted & reading)
            filter_set(poller, fd, EVFILT_READ, EV_DELETE, 0, data);
        done &= read_filter_set(poller, fd, wanted, data);
    }
    if ((before ^ wanted) & NET_WRITABLE)
        done &= filter_set(poller, fd, EVFILT_WRITE, wanted & NET_WRITABLE ? EV_ADD : EV_DELETE, 0,
                           data);
    return done;
}

/* Level-triggered here: what is left is told again by itself. */
void net_poller_tell_again(net_poller *poller, int fd, void *data, uint32_t wanted) {
    (void)poller, (void)fd, (void)data, (void)wanted;
}

int net_poller_collect(net_poller *poller, net_event *events, int capacity, int wait_ms) {
    struct kevent ready[EVENTS_MAX];
    struct timespec now = {0, wait_ms * 1000000L};
    int kept = 0;
    int count = kevent(poller->fd, NULL, 0, ready, capacity < EVENTS_MAX ? capacity : EVENTS_MAX,
                       &now);
    for (int i = 0; i < count; i++) {
        if (ready[i].filter == EVFILT_TIMER) {
            poller->timer_rang = true;
            continue;
        }
        uint32_t what = ready[i].filter == EVFILT_WRITE ? NET_WRITABLE
                        : ready[i].flags & EV_CLEAR     ? 0
                                                        : NET_READABLE;
        if (ready[i].flags & (EV_EOF | EV_ERROR)) what |= NET_HANGUP;
        if (!what) continue;
        events[kept++] = (net_event){ready[i].udata, what};
    }
    return kept;
}

void net_timer_set(net_poller *poller, int64_t delay_us) {
    struct kevent change;
    if (delay_us < 0) {
        EV_SET(&change, 1, EVFILT_TIMER, EV_DELETE, 0, 0, NULL);
    } else {
        EV_SET(&change, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, NOTE_USECONDS,
               delay_us ? delay_us : 1, NULL);
    }
    kevent(poller->fd, &change, 1, NULL, 0, NULL);
}

#endif

bool net_wait_any(const net_poller *poller, const net_interest *any, int count, int wait_ms) {
    struct pollfd wanted[NET_WAIT_MAX + 1] = {{.fd = poller->timer, .events = POLLIN}};
    for (int i = 0; i < count; i++) {
        wanted[i + 1].fd = any[i].fd;
        wanted[i + 1].events = (any[i].wanted & NET_READABLE ? POLLIN : 0) |
                               (any[i].wanted & NET_WRITABLE ? POLLOUT : 0);
    }
    return poll(wanted, (nfds_t)count + 1, wait_ms) != 0; /* a negative descriptor is ignored */
}

/* ---- sockets ---- */

int net_accept(int listener) {
    int fd;
    do {
#if defined(__linux__)
        fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
        fd = accept(listener, NULL, NULL);
#endif
    } while (fd < 0 && errno == EINTR);
#if !defined(__linux__)
    if (fd >= 0) {
        int on = 1;
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
    }
#endif
    return fd;
}

void net_tune(int fd, int keepalive_s) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (keepalive_s <= 0) return;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
#if defined(TCP_KEEPIDLE)
    int between_s = keepalive_s / 3 > 0 ? keepalive_s / 3 : 1, probes = 3;
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &keepalive_s, sizeof keepalive_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between_s, sizeof between_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
#elif defined(TCP_KEEPALIVE)
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPALIVE, &keepalive_s, sizeof keepalive_s);
#endif
}

static void address_text(const struct sockaddr_storage *address, const char *unix_path, char *text,
                         size_t capacity) {
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)address;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(text, capacity, "%s:%u", host, ntohs(v4->sin_port));
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)address;
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(text, capacity, "[%s]:%u", host, ntohs(v6->sin6_port));
    } else if (address->ss_family == AF_UNIX) {
        snprintf(text, capacity, "%s:0", unix_path);
    } else {
        snprintf(text, capacity, "?:0");
    }
}

void net_local_text(int fd, char *text, size_t capacity) {
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    getsockname(fd, (struct sockaddr *)&address, &length);
    const struct sockaddr_un *local = (const void *)&address;
    address_text(&address, local->sun_path, text, capacity);
}

void net_peer_text(int fd, char *text, size_t capacity) {
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    if (getpeername(fd, (struct sockaddr *)&address, &length) != 0)
        address.ss_family = AF_UNSPEC; /* it has gone already */
    if (address.ss_family == AF_UNIX)
        net_local_text(fd, text, capacity); /* a unix client has no name: the server's path */
    else
        address_text(&address, "", text, capacity);
}

bool net_peer_is_local(int fd) {
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    if (getpeername(fd, (struct sockaddr *)&address, &length) != 0) return false;
    if (address.ss_family == AF_UNIX) return true;
    if (address.ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)&address)->sin_addr.s_addr) >> 24 ==
               127;
    if (address.ss_family != AF_INET6) return false;
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)&address)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == 127);
}

ssize_t net_receive(int fd, void *buffer, size_t capacity) {
    ssize_t received;
    do
        received = recv(fd, buffer, capacity, 0);
    while (received < 0 && errno == EINTR);
    return received;
}

ssize_t net_send(int fd, const void *data, size_t length) {
    ssize_t sent;
    do
        sent = send(fd, data, length, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent;
}

ssize_t net_send_reply(int fd, const reply *out, size_t most) {
    if (!out->reference_count) {
        size_t length = out->length - out->start;
        return net_send(fd, out->data + out->start, length < most ? length : most);
    }
    reply_piece pieces[SEND_PIECES];
    struct iovec vector[SEND_PIECES];
    size_t count = reply_pieces(out, pieces, SEND_PIECES), used = 0;
    for (; used < count && most; used++) {
        size_t length = pieces[used].length < most ? pieces[used].length : most;
        vector[used] = (struct iovec){(void *)pieces[used].data, length};
        most -= length;
    }
    struct msghdr message = {.msg_iov = vector, .msg_iovlen = used};
    ssize_t sent;
    do
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent;
}

void net_close(int fd) { close(fd); }
