"""Clients that break rules, hang, flood or vanish: others are served, nothing is lost or kept.

Each test tells of one way to hurt a server of one thread whose sockets are watched edge-triggered:
a wake-up that is not asked for again is lost for good, and a loop without bound is everybody's.
"""

from __future__ import annotations

import os
import resource
import socket
import struct
import threading
import time
from functools import partial

import pytest

from support.timing import in_a_quiet_moment
from support.wire import READ_SIZE, TIME_SCALE, Client, encode_command, eventually

MEGABYTE = 1 << 20
PING = encode_command("PING")
fastredis_only = pytest.mark.target("fastredis", reason="a bound of this design")


def slowest_ping(client: Client, duration_s: float, pause_s: float = 0.002) -> float:
    """Seconds of the slowest round trip within the duration."""
    slowest = 0.0
    end = time.monotonic() + duration_s
    while time.monotonic() < end:
        started = time.monotonic()
        client.expect_alive()
        slowest = max(slowest, time.monotonic() - started)
        time.sleep(pause_s)
    return slowest


def check_ping(client: Client, duration_s: float, below_s: float) -> None:
    assert slowest_ping(client, duration_s) < below_s


def send_all(client: Client, data: bytes) -> threading.Thread:
    """Sends in the background what the server may take its time to read."""
    def run() -> None:
        try:
            client.socket.sendall(data)
        except OSError:
            pass

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def receive_count(client: Client, count: int) -> int:
    """Receives until `count` bytes have come, or the end; their number."""
    received = 0
    buffer = bytearray(1 << 20)
    while received < count:
        size = client.socket.recv_into(buffer, min(len(buffer), count - received))
        if size == 0:
            break
        received += size
    return received


# ---- wake-ups ----

def test_reader_that_catches_up_at_any_moment_is_never_forgotten(server):
    """A session held because its replies were not read was forgotten when the socket took all the
    rest between the moment it was held and the end of the batch."""
    server.client().ok("SET", "k", bytes(9000))
    for turn in range(12):
        client = server.client(timeout_s=20 * TIME_SCALE)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768 << turn % 6)
        count = 1500
        sender = send_all(client, encode_command("GET", "k") * count)
        assert receive_count(client, count * 9009) == count * 9009
        sender.join(10)
        client.expect_alive()
        client.close()


def test_end_of_stream_behind_many_tiny_commands_drops_none_of_them(server):
    """More commands than one batch takes, then a half-close: the rest ran into the close."""
    client = server.client(timeout_s=20 * TIME_SCALE)
    count = 60_000
    client.send(b"X\n" * count + b"ECHO end\n")
    client.socket.shutdown(socket.SHUT_WR)
    rest = client.read_until_closed(20)
    assert rest.count(b"-ERR unknown command") == count
    assert rest.endswith(b"$3\r\nend\r\n")


def test_end_of_stream_behind_refused_commands_drops_none_of_them(fresh_server):
    """Before AUTH one command runs at a time; the end of the stream must wait for the others."""
    server = fresh_server("--requirepass", "secret")
    client = Client.connect(server.host, server.port)
    client.send(PING * 200 + encode_command("AUTH", "secret") + encode_command("SET", "k", "v")
                + PING)
    client.socket.shutdown(socket.SHUT_WR)
    rest = client.read_until_closed(10)
    assert rest.count(b"-NOAUTH") == 200
    assert rest.endswith(b"+OK\r\n+OK\r\n+PONG\r\n")


def test_blocked_client_that_vanishes_with_input_behind_is_noticed(server):
    watcher = server.client()
    before = len(watcher.call("CLIENT", "LIST").splitlines())
    for how in ("close", "reset", "half"):
        client = server.client()
        client.send(encode_command("WAIT", "1", "0") + encode_command("SET", how, "ran"))
        eventually(lambda: b"blocked_clients:1" in watcher.call("INFO", "clients"))
        if how == "half":
            client.socket.shutdown(socket.SHUT_WR)
        else:
            if how == "reset":
                client.socket.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        eventually(lambda: b"blocked_clients:0" in watcher.call("INFO", "clients"), what=how)
        eventually(lambda: len(watcher.call("CLIENT", "LIST").splitlines()) == before, what=how)
        assert watcher.call("EXISTS", how) == 0


def test_malformed_command_behind_a_wait_is_told_as_without_it(server):
    """The parser stood in the middle of the broken command when it was parsed again."""
    broken = b"*2\r\n$3\r\nGET\r\n:5\r\n"
    plain = server.client()
    plain.send(broken)
    expected = plain.read_until_closed()
    assert expected == b"-ERR Protocol error: expected '$', got ':'\r\n"
    client = server.client()
    client.send(encode_command("WAIT", "1", "30") + broken)
    assert client.read_until_closed() == b":0\r\n" + expected


def test_pause_and_unread_output_together_lose_nothing(server):
    other = server.client()
    other.ok("SET", "k", bytes(50_000))
    client = server.client(timeout_s=20 * TIME_SCALE)
    sender = send_all(client, (encode_command("GET", "k") + encode_command("INCR", "n")) * 400)
    time.sleep(0.1)
    other.ok("CLIENT", "PAUSE", "150", "WRITE")
    total = sum(len(b"$50000\r\n") + 50_000 + 2 + len(b":%d\r\n" % n) for n in range(1, 401))
    assert receive_count(client, total) == total
    sender.join(5)
    assert other.call("GET", "n") == b"400"


# ---- who frees whom ----

def test_clients_that_kill_each_other_in_one_batch_leave_a_sound_server(fresh_server):
    """KILL of sessions whose commands stand later in the same batch, earlier, or inside EXEC."""
    server = fresh_server()
    watcher = server.client()
    for _ in range(30):
        clients = [server.client() for _ in range(8)]
        ids = [client.ok("CLIENT", "ID") for client in clients]
        for number, client in enumerate(clients):
            victims = b"".join(encode_command("CLIENT", "KILL", "ID", str(identifier))
                               for identifier in ids if identifier != ids[number])
            client.socket.settimeout(5)
            client.socket.sendall(encode_command("MULTI") + encode_command("SET", "a", "b")
                                  + victims + encode_command("EXEC") + PING * 50)
        for client in clients:
            try:
                while client.socket.recv(READ_SIZE) and b"PONG" not in client.reader.pending:
                    break
            except OSError:
                pass
            client.close()
        watcher.expect_alive()
    eventually(lambda: len(watcher.call("CLIENT", "LIST").splitlines()) == 1)


def test_mass_kill_of_waiting_clients_with_kept_input(fresh_server):
    server = fresh_server()
    killer = server.client()
    clients = [server.client() for _ in range(200)]
    for client in clients:
        client.send(encode_command("WAIT", "1", "0") + PING * 20)
    eventually(lambda: b"blocked_clients:200" in killer.call("INFO", "clients"))
    assert killer.call("CLIENT", "KILL", "TYPE", "normal") == 200
    for client in clients:
        client.expect_closed()
    assert b"blocked_clients:0" in killer.call("INFO", "clients")


def test_transaction_killed_while_it_is_queued_frees_its_queue(server):
    killer = server.client()
    for _ in range(20):
        client = server.client()
        identifier = client.ok("CLIENT", "ID")
        client.ok("WATCH", "w")
        client.ok("MULTI")
        client.pipeline([("SET", "k", bytes(100_000))] * 5)
        assert killer.call("CLIENT", "KILL", "ID", str(identifier)) == 1
        client.expect_closed()
    assert killer.call("SET", "w", "1") == b"OK"


# ---- floods ----

def test_endless_pipeline_of_one_client_does_not_keep_others_waiting(server):
    flood, other = server.client(), server.client()
    stop = threading.Event()

    def drain() -> None:
        try:
            while not stop.is_set() and flood.socket.recv(1 << 20):
                pass
        except OSError:
            pass

    def push() -> None:
        try:
            while not stop.is_set():
                flood.socket.sendall(PING * 5000)
        except OSError:
            pass

    threads = [threading.Thread(target=run, daemon=True) for run in (drain, push)]
    for thread in threads:
        thread.start()
    try:
        assert slowest_ping(other, 1.0) < 0.25 * TIME_SCALE
    finally:
        stop.set()
        flood.close()
        for thread in threads:
            thread.join(5)


@pytest.mark.memory_bound
def test_flood_before_auth_is_neither_kept_nor_quadratic(fresh_server):
    """One command a batch is executed before AUTH; what came behind was kept, and moved for each
    of them: a gigabyte of memory and every moment of the processor."""
    server = fresh_server("--requirepass", "secret")
    other = Client.connect(server.host, server.port)
    other.ok("AUTH", "secret")
    before = server.rss_bytes()
    flood = Client.connect(server.host, server.port)
    sender = send_all(flood, PING * 2_000_000)
    time.sleep(0.2)
    assert slowest_ping(other, 1.5) < 0.25 * TIME_SCALE
    assert server.rss_bytes() - before < 8 * MEGABYTE
    flood.socket.shutdown(socket.SHUT_RDWR)
    flood.close()
    sender.join(5)
    other.close()


@pytest.mark.memory_bound
def test_huge_claimed_lengths_allocate_nothing(fresh_server):
    server = fresh_server()
    other = server.client()
    other.expect_alive()
    before = server.rss_bytes()
    clients = [server.client() for _ in range(100)]
    for number, client in enumerate(clients):
        client.send((b"*1048576\r\n", b"*2\r\n$3\r\nGET\r\n$536870912\r\n",
                     b"*1000000\r\n$536870912\r\nabc", b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n"
                     b"$500000000\r\n" + bytes(1000))[number % 4])
    other.expect_alive()
    time.sleep(0.1)
    assert server.rss_bytes() - before < 12 * MEGABYTE
    other.expect_alive()


@pytest.mark.memory_bound
def test_byte_a_second_senders_cost_little(fresh_server):
    """A thousand clients that send their request a byte at a time."""
    server = fresh_server()
    other = server.client()
    before = server.rss_bytes()
    clients = [server.client() for _ in range(1000)]
    request = encode_command("SET", "k", "v" * 10)
    for at in range(len(request)):
        for client in clients:
            client.socket.send(request[at:at + 1])
        other.expect_alive()
        if at == len(request) - 2:
            assert (server.rss_bytes() - before) / len(clients) < 24 * 1024
    for client in clients:
        assert client.read_raw() == b"+OK\r\n"


def test_transaction_queue_counts_against_the_query_buffer_limit(fresh_server):
    """MULTI kept what it queued beside the buffer that is bounded."""
    server = fresh_server("--client-query-buffer-limit", "1mb")
    client, other = server.client(), server.client()
    client.ok("MULTI")
    with pytest.raises((OSError, AssertionError)):
        for _ in range(200):
            client.call("SET", "k", bytes(20_000))
    other.expect_alive()
    assert other.call("EXISTS", "k") == 0


def test_binary_garbage_never_stops_the_server(server):
    other = server.client()
    letters = b"*$\r\n\"'\\x0123 GETSET\0\xff:-+"
    state = 12345
    for _ in range(150):
        data = bytearray()
        for _ in range(1500):
            state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
            data.append(letters[(state >> 33) % len(letters)])
        with Client.connect(server.host, server.port) as client:
            client.socket.sendall(bytes(data))
            client.socket.shutdown(socket.SHUT_WR)
            client.read_until_closed(5)
    other.expect_alive()


# ---- big values ----

@fastredis_only
@pytest.mark.memory_bound
@pytest.mark.timeout(120 * TIME_SCALE)
def test_giant_value_is_sent_to_fast_readers_without_holding_others(fresh_server):
    """A reader that keeps up with the server got all of 200 MB in one go: others waited."""
    server = fresh_server()
    other = server.client()
    size = 200 * MEGABYTE
    server.client(timeout_s=30 * TIME_SCALE).ok("SET", "big", bytes(size))
    reader = server.client(timeout_s=30 * TIME_SCALE)

    def check() -> None:
        received: list[int] = []
        thread = threading.Thread(
            target=lambda: received.append(receive_count(reader, (size + 14) * 3)), daemon=True)
        thread.start()
        reader.send(encode_command("GET", "big") * 3)
        slowest = 0.0
        while thread.is_alive():
            slowest = max(slowest, slowest_ping(other, 0.02))
        assert received == [(size + 14) * 3]
        assert slowest < 0.1 * TIME_SCALE

    in_a_quiet_moment(check)


@fastredis_only
@pytest.mark.memory_bound
@pytest.mark.timeout(120 * TIME_SCALE)
def test_value_of_512_mb_costs_linear_time_and_gives_its_memory_back(fresh_server):
    server = fresh_server()
    other, client = server.client(), server.client(timeout_s=60 * TIME_SCALE)
    other.expect_alive()
    before = server.rss_bytes()
    size = 512 * MEGABYTE
    started = time.monotonic()
    client.ok("SET", "big", bytes(size))
    set_s = time.monotonic() - started
    assert set_s < 20 * TIME_SCALE
    assert client.call("STRLEN", "big") == size
    assert client.call("GETRANGE", "big", "-3", "-1") == bytes(3)
    client.send(encode_command("GET", "big"))
    assert receive_count(client, size + 14) == size + 14
    client.ok("DEL", "big")
    eventually(lambda: server.rss_bytes() - before < 24 * MEGABYTE, 10, "memory back")
    client.ok("SET", "part", bytes(32 * MEGABYTE))
    for _ in range(15):
        client.ok("APPEND", "part", bytes(32 * MEGABYTE))
    assert client.call("STRLEN", "part") == size
    client.ok("SETRANGE", "part", "10", "x")
    client.ok("DEL", "part")
    eventually(lambda: server.rss_bytes() - before < 24 * MEGABYTE, 10, "memory back")


@fastredis_only
@pytest.mark.memory_bound
@pytest.mark.timeout(120 * TIME_SCALE)
def test_giant_value_is_dropped_without_a_stall(fresh_server):
    """To unmap 512 MB takes 30 to 100 ms: that is a helper thread's work, whoever drops it."""
    server = fresh_server()
    other, client = server.client(), server.client(timeout_s=60 * TIME_SCALE)

    def check(drop) -> None:
        client.ok("SET", "big", bytes(400 * MEGABYTE))
        time.sleep(0.3)  # what the request itself took is given back
        started = time.monotonic()
        client.ok(*drop)
        took = time.monotonic() - started
        slowest = slowest_ping(other, 0.3, 0.0)
        assert took < 0.02 * TIME_SCALE, drop
        assert slowest < 0.03 * TIME_SCALE, drop

    for drop in (("DEL", "big"), ("UNLINK", "big"), ("SET", "big", "small"),
                 ("PEXPIRE", "big", "1"), ("FLUSHALL",)):
        in_a_quiet_moment(partial(check, drop))


# ---- many connections, few descriptors ----

@pytest.mark.memory_bound
@pytest.mark.timeout(120 * TIME_SCALE)
def test_ten_thousand_idle_connections_cost_bounded_memory(fresh_server, target):
    """Each has sent a command: 4.6 KB resident for each, and 0.5 KB after two idle seconds."""
    count = 10_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count + 200:
        pytest.skip(f"only {hard} files may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 200), hard))
    clients = []
    try:
        server = fresh_server("--maxclients", str(count + 100))
        other = server.client()
        before = server.rss_bytes()
        for number in range(count):
            sock = socket.socket()
            sock.bind((f"127.0.{number // 5000 + 1}.1", 0))
            sock.connect((server.host, server.port))
            sock.sendall(PING)
            clients.append(sock)
        for sock in clients:
            assert sock.recv(7) == b"+PONG\r\n"
        assert (server.rss_bytes() - before) / count < 24 * 1024
        in_a_quiet_moment(lambda: check_ping(other, 0.5, 0.1 * TIME_SCALE))
        if target.is_fastredis:
            eventually(lambda: (server.rss_bytes() - before) / count < 8 * 1024, 6,
                       "output buffers of idle clients given back")
    finally:
        for sock in clients:
            sock.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    other.expect_alive()


@fastredis_only
def test_listener_that_ran_out_of_descriptors_accepts_again(fresh_server):
    """It went on only when another client left: with none left to leave, never."""
    server = fresh_server()
    other = server.client()
    limits = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    used = len(os.listdir(f"/proc/{server.pid}/fd"))
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (used, limits[1]))
    late = socket.create_connection((server.host, server.port))
    late.sendall(PING)
    late.settimeout(0.2)
    with pytest.raises(socket.timeout):
        late.recv(7)
    other.expect_alive()
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, limits)
    late.settimeout(5 * TIME_SCALE)
    assert late.recv(7) == b"+PONG\r\n"
    late.close()


def test_storm_of_connections_that_leave_at_once_is_survived(fresh_server):
    server = fresh_server()
    other = server.client()
    for _ in range(1500):
        sock = socket.create_connection((server.host, server.port))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    assert slowest_ping(other, 0.2) < 0.2 * TIME_SCALE
    eventually(lambda: len(other.call("CLIENT", "LIST").splitlines()) == 1)
