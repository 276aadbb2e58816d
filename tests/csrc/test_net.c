/* Tests of net.h over real sockets of the loopback interface and socket pairs. */
#include "alloc.h"
#include "check.h"
#include "clock.h"
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { SOON_MS = 500, EVENTS = 16 };

/* Exactly one event, told within half a second: what it says. */
static uint32_t one_event(net_poller *poller, void *data)
{
    net_event events[EVENTS];
    int count = 0;
    for (int64_t until_us = clock_monotonic_us() + SOON_MS * 1000;
         count == 0 && clock_monotonic_us() < until_us;)
        count = net_poller_collect(poller, events, EVENTS, 20);
    CHECK_INT(count, 1);
    CHECK_POINTER(events[0].data, data);
    return events[0].what;
}

static int events_now(net_poller *poller)
{
    net_event events[EVENTS];
    return net_poller_collect(poller, events, EVENTS, 0);
}

static bool is_cloexec(int fd)
{
    return fcntl(fd, F_GETFD) & FD_CLOEXEC;
}

static bool is_nonblocking(int fd)
{
    return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

static void socket_pair(int ends[2])
{
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
}

/* A listening socket; `address` gets where it listens. */
static int listener_open(int family, struct sockaddr_storage *address, socklen_t *length)
{
    int fd = socket(family, SOCK_STREAM, 0);
    if (fd < 0)
        return -1;
    memset(address, 0, sizeof *address);
    address->ss_family = (sa_family_t)family;
    *length = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    if (family == AF_INET)
        ((struct sockaddr_in *)(void *)address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        ((struct sockaddr_in6 *)(void *)address)->sin6_addr = in6addr_loopback;
    if (bind(fd, (struct sockaddr *)address, *length) != 0 || listen(fd, 8) != 0) {
        close(fd);
        return -1;
    }
    CHECK(getsockname(fd, (struct sockaddr *)address, length) == 0);
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    return fd;
}

static int client_open(const struct sockaddr_storage *address, socklen_t length)
{
    int fd = socket(address->ss_family, SOCK_STREAM, 0);
    CHECK(connect(fd, (const struct sockaddr *)address, length) == 0);
    return fd;
}

/* ---- poller ---- */

static void test_a_poller_tells_what_a_socket_is_ready_for(check_run *run)
{
    int ends[2], mark;
    net_poller poller;
    (void)run;
    socket_pair(ends);
    CHECK(net_poller_open(&poller));
    CHECK(is_cloexec(poller.fd));
    CHECK(net_poller_watch(&poller, ends[0], &mark, 0, NET_READABLE));
    CHECK_INT(events_now(&poller), 0);
    CHECK(write(ends[1], "a", 1) == 1);
    CHECK_INT(one_event(&poller, &mark), NET_READABLE);
    char byte;
    CHECK_INT(net_receive(ends[0], &byte, 1), 1);
    CHECK(net_poller_watch(&poller, ends[0], &mark, NET_READABLE, NET_READABLE | NET_WRITABLE));
    CHECK_INT(one_event(&poller, &mark), NET_WRITABLE);
    CHECK(net_poller_watch(&poller, ends[0], &mark, NET_READABLE | NET_WRITABLE, 0));
    CHECK(write(ends[1], "a", 1) == 1);
    CHECK_INT(events_now(&poller), 0);
    CHECK(net_poller_watch(&poller, ends[0], &mark, 0, NET_READABLE)); /* watched anew: told anew */
    CHECK_INT(one_event(&poller, &mark), NET_READABLE);
    CHECK(net_poller_watch(&poller, ends[0], &mark, NET_READABLE, NET_READABLE));
    CHECK(!net_poller_watch(&poller, -1, &mark, 0, NET_READABLE));
    CHECK_INT(errno, EBADF);
    net_poller_close(&poller);
    net_poller_close(&poller);
    close(ends[0]);
    close(ends[1]);
}

static void test_what_is_left_unread_is_told_again_when_asked_for(check_run *run)
{
    int ends[2], mark;
    net_poller poller;
    (void)run;
    socket_pair(ends);
    CHECK(net_poller_open(&poller));
    CHECK(net_poller_watch(&poller, ends[0], &mark, 0, NET_READABLE));
    CHECK(write(ends[1], "abc", 3) == 3);
    for (unsigned time = 0; time < 3; time++) {
        char byte;
        CHECK_INT(one_event(&poller, &mark), NET_READABLE);
        CHECK_INT(net_receive(ends[0], &byte, 1), 1);
        net_poller_tell_again(&poller, ends[0], &mark, NET_READABLE);
    }
    CHECK_INT(events_now(&poller), 0); /* nothing is left */
    CHECK(write(ends[1], "d", 1) == 1);
    CHECK_INT(one_event(&poller, &mark), NET_READABLE);
    net_poller_close(&poller);
    close(ends[0]);
    close(ends[1]);
}

static void test_level_is_told_until_nothing_is_left(check_run *run)
{
    int ends[2], mark;
    net_poller poller;
    (void)run;
    socket_pair(ends);
    CHECK(net_poller_open(&poller));
    CHECK(net_poller_watch(&poller, ends[0], &mark, 0, NET_READABLE | NET_LEVEL));
    CHECK(write(ends[1], "a", 1) == 1);
    for (unsigned time = 0; time < 3; time++)
        CHECK_INT(one_event(&poller, &mark), NET_READABLE);
    char byte;
    CHECK_INT(net_receive(ends[0], &byte, 1), 1);
    CHECK_INT(events_now(&poller), 0);
    net_poller_close(&poller);
    close(ends[0]);
    close(ends[1]);
}

static void test_a_peer_that_ends_its_side_hangs_up_where_asked_for(check_run *run)
{
    int ends[2], mark;
    net_poller poller;
    (void)run;
    socket_pair(ends);
    CHECK(net_poller_open(&poller));
    CHECK(net_poller_watch(&poller, ends[0], &mark, 0, NET_HANGUP));
    CHECK(write(ends[1], "a", 1) == 1);
    CHECK_INT(events_now(&poller), 0); /* bytes alone are not asked for */
    CHECK(shutdown(ends[1], SHUT_WR) == 0);
    CHECK_INT(one_event(&poller, &mark), NET_HANGUP);
    CHECK(net_poller_watch(&poller, ends[0], &mark, NET_HANGUP, NET_WRITABLE));
    CHECK_INT(one_event(&poller, &mark), NET_WRITABLE);
    close(ends[1]);
    CHECK(one_event(&poller, &mark) & NET_HANGUP);
    net_poller_close(&poller);
    close(ends[0]);
}

static void test_more_sockets_than_asked_for_come_in_turns(check_run *run)
{
    enum { PAIRS = 40 };
    int ends[PAIRS][2];
    bool told[PAIRS] = {false};
    net_poller poller;
    net_event events[7];
    (void)run;
    CHECK(net_poller_open(&poller));
    for (size_t index = 0; index < PAIRS; index++) {
        socket_pair(ends[index]);
        CHECK(net_poller_watch(&poller, ends[index][0], &told[index], 0, NET_READABLE));
        CHECK(write(ends[index][1], "a", 1) == 1);
    }
    int count, total = 0;
    while ((count = net_poller_collect(&poller, events, 7, 0)) > 0)
        for (int index = 0; index < count; index++, total++)
            *(bool *)events[index].data = true;
    CHECK_INT(total, PAIRS);
    for (size_t index = 0; index < PAIRS; index++) {
        CHECK(told[index]);
        close(ends[index][0]);
        close(ends[index][1]);
    }
    net_poller_close(&poller);
}

/* ---- timer ---- */

static bool rings_within(net_poller *poller, int64_t within_us)
{
    for (int64_t until_us = clock_monotonic_us() + within_us; !poller->timer_rang;) {
        if (clock_monotonic_us() >= until_us)
            return false;
        CHECK_INT(net_poller_collect(poller, &(net_event){NULL, 0}, 1, 1), 0);
    }
    poller->timer_rang = false;
    return true;
}

static void test_the_timer_rings_once_and_not_too_early(check_run *run)
{
    net_poller poller;
    (void)run;
    CHECK(net_poller_open(&poller));
    CHECK(!rings_within(&poller, 5000)); /* not set yet */
    int64_t start_us = clock_monotonic_us();
    net_timer_set(&poller, 20000);
    CHECK(rings_within(&poller, 5000000));
    CHECK(clock_monotonic_us() - start_us >= 20000);
    CHECK(!rings_within(&poller, 30000));
    net_timer_set(&poller, 0);
    CHECK(rings_within(&poller, 5000000));
    net_timer_set(&poller, 5000);
    net_timer_set(&poller, INT64_C(3600000000)); /* the last setting counts */
    CHECK(!rings_within(&poller, 20000));
    net_timer_set(&poller, 5000);
    net_timer_set(&poller, -1);
    CHECK(!rings_within(&poller, 20000));
    net_timer_set(&poller, 1000);
    CHECK(rings_within(&poller, 5000000));
    net_poller_close(&poller);
}

static void test_the_poller_itself_is_readable_while_something_is_ready(check_run *run)
{
    int ends[2], mark;
    net_poller inner, outer;
    (void)run;
    socket_pair(ends);
    CHECK(net_poller_open(&inner) && net_poller_open(&outer));
    CHECK(net_poller_watch(&outer, inner.fd, &inner, 0, NET_READABLE | NET_LEVEL));
    CHECK(net_poller_watch(&inner, ends[0], &mark, 0, NET_READABLE));
    CHECK_INT(events_now(&outer), 0);
    CHECK(write(ends[1], "a", 1) == 1);
    CHECK_INT(one_event(&outer, &inner), NET_READABLE);
    CHECK_INT(one_event(&inner, &mark), NET_READABLE);
    CHECK_INT(events_now(&outer), 0);
    net_timer_set(&inner, 1000);
    CHECK_INT(one_event(&outer, &inner), NET_READABLE);
    CHECK_INT(net_poller_collect(&inner, &(net_event){NULL, 0}, 1, 0), 0);
    CHECK(inner.timer_rang);
    net_poller_close(&inner);
    net_poller_close(&outer);
    close(ends[0]);
    close(ends[1]);
}

/* Without descriptors nothing may stay open behind the failure. */
static void test_a_poller_that_cannot_open_leaves_nothing_open(check_run *run)
{
    struct rlimit before, few;
    (void)run;
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    int next = open("/dev/null", O_RDONLY);
    CHECK(next >= 0);
    close(next);
    for (int more = 0; more < 2; more++) {
        net_poller poller;
        few = before;
        few.rlim_cur = (rlim_t)(next + more);
        CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
        CHECK(!net_poller_open(&poller));
        CHECK_INT(errno, EMFILE);
        CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
        int again = open("/dev/null", O_RDONLY);
        CHECK_INT(again, next);
        close(again);
    }
}

/* ---- connections ---- */

static void test_accepted_sockets_do_not_block_and_do_not_leak_into_children(check_run *run)
{
    struct sockaddr_storage address;
    socklen_t length;
    int listener = listener_open(AF_INET, &address, &length), mark;
    net_poller poller;
    (void)run;
    CHECK(listener >= 0);
    CHECK_INT(net_accept(listener), -1);
    CHECK(errno == EAGAIN || errno == EWOULDBLOCK);
    CHECK(net_poller_open(&poller));
    CHECK(net_poller_watch(&poller, listener, &mark, 0, NET_READABLE | NET_LEVEL));
    int client = client_open(&address, length);
    CHECK_INT(one_event(&poller, &mark), NET_READABLE);
    int accepted = net_accept(listener);
    CHECK(accepted >= 0);
    CHECK(is_nonblocking(accepted) && is_cloexec(accepted));
    char byte;
    CHECK_INT(net_receive(accepted, &byte, 1), -1);
    CHECK(errno == EAGAIN || errno == EWOULDBLOCK);
    CHECK(write(client, "x", 1) == 1);
    CHECK(net_poller_watch(&poller, accepted, &byte, 0, NET_READABLE));
    CHECK_INT(one_event(&poller, &byte), NET_READABLE);
    CHECK_INT(net_receive(accepted, &byte, 1), 1);
    close(client);
    CHECK(one_event(&poller, &byte) & NET_READABLE);
    CHECK_INT(net_receive(accepted, &byte, 1), 0);
    net_close(accepted);
    net_poller_close(&poller);
    close(listener);
}

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t length = sizeof value;
    CHECK(getsockopt(fd, level, name, &value, &length) == 0);
    return value;
}

static void test_tuning_sets_no_delay_and_keep_alive(check_run *run)
{
    (void)run;
    for (int keepalive_s = 0; keepalive_s <= 300; keepalive_s += keepalive_s ? 299 : 1) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        net_tune(fd, keepalive_s);
        CHECK(option_of(fd, IPPROTO_TCP, TCP_NODELAY));
        CHECK_INT(option_of(fd, SOL_SOCKET, SO_KEEPALIVE) != 0, keepalive_s > 0);
#if defined(TCP_KEEPIDLE)
        if (keepalive_s > 0) {
            CHECK_INT(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), keepalive_s);
            CHECK_INT(option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), keepalive_s == 1 ? 1 : 100);
            CHECK_INT(option_of(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
        }
#endif
        close(fd);
    }
}

static void check_addresses(int family, const char *host)
{
    struct sockaddr_storage address;
    socklen_t length;
    char text[128], expected[128];
    int listener = listener_open(family, &address, &length);
    if (listener < 0) {
        CHECK(family == AF_INET6); /* a machine without IPv6 */
        return;
    }
    int client = client_open(&address, length), accepted = net_accept(listener);
    struct sockaddr_in6 ours;
    socklen_t ours_length = sizeof ours;
    CHECK(getsockname(client, (struct sockaddr *)&ours, &ours_length) == 0);
    snprintf(expected, sizeof expected, "%s:%u", host, ntohs(ours.sin6_port));
    net_peer_text(accepted, text, sizeof text);
    CHECK_STRING(text, expected);
    net_local_text(client, text, sizeof text);
    CHECK_STRING(text, expected);
    snprintf(expected, sizeof expected, "%s:%u", host,
             ntohs(((struct sockaddr_in *)(void *)&address)->sin_port));
    net_local_text(accepted, text, sizeof text);
    CHECK_STRING(text, expected);
    net_peer_text(client, text, 6);
    CHECK_INT(strlen(text), 5);
    CHECK(net_peer_is_local(accepted));
    net_close(accepted);
    close(client);
    close(listener);
}

static void test_addresses_are_printed_with_their_port(check_run *run)
{
    (void)run;
    check_addresses(AF_INET, "127.0.0.1");
    check_addresses(AF_INET6, "[::1]");
}

static void test_a_unix_client_has_the_path_of_the_server(check_run *run)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[128], expected[128];
    (void)run;
    snprintf(address.sun_path, sizeof address.sun_path, "/tmp/test_net.%d", (int)getpid());
    unlink(address.sun_path);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(listener, 1) == 0);
    CHECK(connect(client, (struct sockaddr *)&address, sizeof address) == 0);
    int accepted = net_accept(listener);
    snprintf(expected, sizeof expected, "%s:0", address.sun_path);
    net_peer_text(accepted, text, sizeof text);
    CHECK_STRING(text, expected);
    net_local_text(accepted, text, sizeof text);
    CHECK_STRING(text, expected);
    CHECK(net_peer_is_local(accepted));
    net_close(accepted);
    close(client);
    close(listener);
    unlink(address.sun_path);
}

/* The address of our own end used to be printed as the peer's. */
static void test_a_peer_that_has_gone_has_no_address(check_run *run)
{
    struct sockaddr_storage address;
    socklen_t length;
    char text[128];
    int listener = listener_open(AF_INET, &address, &length);
    int client = client_open(&address, length), accepted = net_accept(listener);
    struct linger at_once = {1, 0};
    (void)run;
    CHECK(setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    close(client);
    char byte;
    while (net_receive(accepted, &byte, 1) < 0 && errno == EAGAIN)
        usleep(1000);
    net_peer_text(accepted, text, sizeof text);
    CHECK_STRING(text, "?:0");
    CHECK(!net_peer_is_local(accepted));
    net_close(accepted);
    close(listener);
}

/* ---- sending ---- */

static void test_sending_to_a_closed_peer_is_an_error_and_no_signal(check_run *run)
{
    int ends[2];
    (void)run;
    socket_pair(ends);
    close(ends[1]);
    CHECK_INT(net_send(ends[0], "x", 1), -1);
    CHECK_INT(errno, EPIPE);
    close(ends[0]);
}

static void test_a_reply_with_blobs_is_sent_in_order_whatever_the_socket_takes(check_run *run)
{
    int ends[2], small = 20000;
    socket_pair(ends);
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    reply out;
    reply_init(&out);
    size_t length = 0, filled = 0, received = 0;
    for (unsigned index = 0; index < 100; index++) { /* more pieces than one call sends */
        blob *value = blob_new(REPLY_REFERENCE_MIN + check_random_below(run, 20000), 0);
        check_random_bytes(run, value->data, value->length);
        reply_int(&out, index);
        reply_blob(&out, value, 0, value->length);
        blob_release(value);
    }
    length = reply_bytes(&out);
    char *expected = malloc(length), *actual = malloc(length);
    reply_piece pieces[256];
    size_t count = reply_pieces(&out, pieces, 256);
    for (size_t index = 0; index < count; filled += pieces[index++].length)
        memcpy(expected + filled, pieces[index].data, pieces[index].length);
    CHECK_INT(filled, length);
    while (received < length) {
        ssize_t sent = reply_bytes(&out) ? net_send_reply(ends[0], &out, SIZE_MAX) : 0;
        CHECK(sent >= 0 || errno == EAGAIN);
        if (sent > 0)
            reply_consume(&out, (size_t)sent);
        ssize_t got = recv(ends[1], actual + received, check_random_below(run, 50000) + 1, 0);
        CHECK(got > 0);
        received += (size_t)got;
    }
    CHECK_INT(reply_bytes(&out), 0);
    CHECK_BYTES(actual, received, expected, length);
    reply_free(&out);
    free(expected);
    free(actual);
    close(ends[0]);
    close(ends[1]);
}

static void test_sleeping_for_a_few_sockets_ends_with_one_of_them_or_the_timer(check_run *run)
{
    (void)run;
    int first[2], second[2];
    net_poller poller;
    socket_pair(first);
    socket_pair(second);
    CHECK(net_poller_open(&poller));
    net_interest both[] = {{first[0], NET_READABLE}, {second[0], NET_READABLE}};
    CHECK(!net_wait_any(&poller, both, 2, 1));
    CHECK(write(second[1], "x", 1) == 1);
    CHECK(net_wait_any(&poller, both, 2, SOON_MS));
    CHECK(!net_wait_any(&poller, both, 1, 1)); /* of the first alone */
    both[0].wanted = NET_WRITABLE;
    CHECK(net_wait_any(&poller, both, 1, SOON_MS));
    both[0].wanted = 0;
    CHECK(!net_wait_any(&poller, both, 1, 1));
    close(first[1]); /* a peer that is gone is always told */
    CHECK(net_wait_any(&poller, both, 1, SOON_MS));
    if (poller.timer >= 0) {
        CHECK(!net_wait_any(&poller, NULL, 0, 1));
        net_timer_set(&poller, 1000);
        CHECK(net_wait_any(&poller, NULL, 0, SOON_MS));
    }
    net_poller_close(&poller);
    close(first[0]);
    close(second[0]);
    close(second[1]);
}

int main(int count, char **arguments)
{
    static const check_test tests[] = {
        CHECK_TEST(test_a_poller_tells_what_a_socket_is_ready_for),
        CHECK_TEST(test_what_is_left_unread_is_told_again_when_asked_for),
        CHECK_TEST(test_level_is_told_until_nothing_is_left),
        CHECK_TEST(test_a_peer_that_ends_its_side_hangs_up_where_asked_for),
        CHECK_TEST(test_more_sockets_than_asked_for_come_in_turns),
        CHECK_TEST(test_the_timer_rings_once_and_not_too_early),
        CHECK_TEST(test_the_poller_itself_is_readable_while_something_is_ready),
        CHECK_TEST(test_a_poller_that_cannot_open_leaves_nothing_open),
        CHECK_TEST(test_accepted_sockets_do_not_block_and_do_not_leak_into_children),
        CHECK_TEST(test_tuning_sets_no_delay_and_keep_alive),
        CHECK_TEST(test_addresses_are_printed_with_their_port),
        CHECK_TEST(test_a_unix_client_has_the_path_of_the_server),
        CHECK_TEST(test_a_peer_that_has_gone_has_no_address),
        CHECK_TEST(test_sending_to_a_closed_peer_is_an_error_and_no_signal),
        CHECK_TEST(test_sleeping_for_a_few_sockets_ends_with_one_of_them_or_the_timer),
        CHECK_TEST(test_a_reply_with_blobs_is_sent_in_order_whatever_the_socket_takes),
    };
    return check_main(count, arguments, tests, CHECK_LENGTH(tests));
}
