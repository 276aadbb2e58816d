"""Real clients against the server: redis-py in all its forms, redis-cli, redis-benchmark.

redis-py decides by itself whether to parse with hiredis; here both parsers are named, so that a
run covers both wherever hiredis is installed.
"""

from __future__ import annotations

import asyncio
import subprocess
from typing import Any, Awaitable, Callable

import pytest
import redis
import redis.asyncio
from redis._parsers import _AsyncRESP2Parser, _RESP2Parser
from redis._parsers.hiredis import _AsyncHiredisParser, _HiredisParser
from redis.backoff import NoBackoff
from redis.retry import Retry

from support.programs import program
from support.wire import TIME_SCALE

try:
    import hiredis  # noqa: F401
    PARSERS = ["hiredis", "python"]
except ImportError:
    PARSERS = ["python"]

TIMEOUT_S = 15 * TIME_SCALE
SYNC_PARSERS = {"hiredis": _HiredisParser, "python": _RESP2Parser}
ASYNC_PARSERS = {"hiredis": _AsyncHiredisParser, "python": _AsyncRESP2Parser}

forms = pytest.mark.parametrize("parser", PARSERS)
protocols = pytest.mark.parametrize("protocol", [2, 3])
modes = pytest.mark.parametrize("transaction", [True, False], ids=["transaction", "plain"])


def run_program(name: str, server, *args: str, stdin: str = "") -> str:
    """Runs redis-cli or redis-benchmark against the server; its output, after exit code 0."""
    done = subprocess.run(
        [program(name), "-h", server.host, "-p", str(server.port), *args], input=stdin,
        capture_output=True, text=True, timeout=50 * TIME_SCALE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.strip() == "", done.stderr
    return done.stdout


def sync_client(server, parser: str, protocol: int, **options: Any) -> redis.Redis:
    pool = redis.ConnectionPool(host=server.host, port=server.port, protocol=protocol,
                                parser_class=SYNC_PARSERS[parser],
                                socket_timeout=TIMEOUT_S, **options)
    return redis.Redis(connection_pool=pool)


def run_async(server, parser: str, protocol: int,
              body: Callable[[redis.asyncio.Redis], Awaitable[None]], **options: Any) -> None:
    """Runs `body` with an asyncio client in an event loop of its own."""
    async def main() -> None:
        pool = redis.asyncio.ConnectionPool(
            host=server.host, port=server.port, protocol=protocol,
            parser_class=ASYNC_PARSERS[parser], socket_timeout=TIMEOUT_S, **options)
        connection = redis.asyncio.Redis(connection_pool=pool)
        try:
            await body(connection)
        finally:
            await connection.aclose()
            await pool.disconnect()
    asyncio.run(main())


@forms
@protocols
def test_redis_py_reads_and_writes(server, parser, protocol):
    with sync_client(server, parser, protocol) as r:
        assert r.ping() is True
        assert r.set("k", b"\x00\xff\r\n") is True
        assert r.get("k") == b"\x00\xff\r\n"
        assert r.get("missing") is None
        assert r.set("k", "x", nx=True) is None
        assert r.incrby("n", 5) == 5 and r.incrbyfloat("n", 0.5) == 5.5
        assert r.mset({"a": "1", "b": "2"}) is True
        assert r.mget("a", "missing", "b") == [b"1", None, b"2"]
        assert r.exists("a", "b", "a") == 3
        assert r.expire("a", 100) is True and 0 < r.ttl("a") <= 100
        assert sorted(r.scan_iter()) == [b"a", b"b", b"k", b"n"]
        assert r.type("a") == b"string"
        assert r.delete("a", "b", "k", "n") == 4
        with pytest.raises(redis.ResponseError, match="unknown command 'NOSUCH'"):
            r.execute_command("NOSUCH", "x")
        with pytest.raises(redis.ResponseError, match="not an integer"):
            r.set("k", "x")
            r.incr("k")


@forms
@protocols
def test_redis_py_decodes_responses(server, parser, protocol):
    with sync_client(server, parser, protocol, decode_responses=True) as r:
        r.set("schlüssel", "größe €")
        assert r.get("schlüssel") == "größe €"
        assert r.keys("schl*") == ["schlüssel"]
        assert r.config_get("maxclients") == {"maxclients": "10000"}


@forms
@protocols
@modes
def test_redis_py_pipeline(server, parser, protocol, transaction):
    with sync_client(server, parser, protocol) as r, r.pipeline(transaction=transaction) as pipe:
        for number in range(1000):
            pipe.set(f"k{number}", number).get(f"k{number}").incr("n")
        replies = pipe.execute()
        assert replies[0::3] == [True] * 1000
        assert replies[1::3] == [b"%d" % number for number in range(1000)]
        assert replies[2::3] == list(range(1, 1001))


@forms
@protocols
@modes
def test_redis_py_pipeline_reports_the_error_of_its_command(server, parser, protocol, transaction):
    with sync_client(server, parser, protocol) as r:
        r.set("text", "x")
        with r.pipeline(transaction=transaction) as pipe:
            pipe.set("a", "1").incr("text").set("b", "2")
            replies = pipe.execute(raise_on_error=False)
        assert [replies[0], replies[2]] == [True, True]
        assert isinstance(replies[1], redis.ResponseError)
        assert r.mget("a", "b") == [b"1", b"2"]


@forms
@protocols
def test_redis_py_pipeline_with_a_queueing_error_runs_nothing(server, parser, protocol):
    with sync_client(server, parser, protocol) as r, r.pipeline(transaction=True) as pipe:
        pipe.set("a", "1").execute_command("GET")
        with pytest.raises(redis.ResponseError, match="wrong number of arguments"):
            pipe.execute()
        assert r.exists("a") == 0


@forms
@protocols
def test_redis_py_watch_notices_the_change_of_another(server, parser, protocol):
    with sync_client(server, parser, protocol) as r, r.pipeline() as pipe:
        pipe.watch("k")
        r.set("k", "changed")
        pipe.multi()
        pipe.set("k", "mine")
        with pytest.raises(redis.WatchError):
            pipe.execute()
        assert r.get("k") == b"changed"


@forms
@protocols
def test_redis_py_transaction_helper_sees_what_it_watches(server, parser, protocol):
    with sync_client(server, parser, protocol) as r:
        def double(pipe: redis.client.Pipeline) -> None:
            current = int(pipe.get("n") or 1)
            pipe.multi()
            pipe.set("n", current * 2)

        for _ in range(5):
            assert r.transaction(double, "n") == [True]
        assert r.get("n") == b"32"


@forms
@protocols
def test_redis_py_connection_commands(server, parser, protocol):
    with sync_client(server, parser, protocol, client_name="me") as r:
        assert r.client_getname() in ("me", b"me")
        assert r.client_id() > 0
        assert any(entry["name"] == "me" for entry in r.client_list())
        info = r.info()
        assert info["tcp_port"] == server.port and info["redis_version"]
        assert r.command_count() > 50
        assert r.time()[0] > 1_600_000_000
        assert r.dbsize() == 0 and r.flushall() is True


def test_redis_py_logs_in_with_a_password(fresh_server):
    server = fresh_server("--requirepass", "pw")
    for protocol in (2, 3):
        options = {"host": server.host, "port": server.port, "protocol": protocol,
                   "retry": Retry(NoBackoff(), 0)}
        with redis.Redis(password="pw", **options) as r:
            assert r.ping() is True
        with redis.Redis(username="default", password="pw", **options) as r:
            assert r.ping() is True
        with redis.Redis(password="wrong", **options) as r, pytest.raises(
                redis.AuthenticationError):
            r.ping()
        with redis.Redis(**options) as r, pytest.raises(redis.AuthenticationError):
            r.ping()


def test_redis_py_over_a_unix_socket_and_in_another_database(fresh_server, target):
    path = fresh_server().unix_path
    fresh_server("--unixsocket", target.sees(path))
    with redis.Redis(unix_socket_path=path, db=5) as r:
        assert r.set("k", "v") is True
    with redis.Redis.from_url(f"unix://{path}?db=5") as r:
        assert r.get("k") == b"v"


def test_redis_py_default_handshake_with_its_defaults(server):
    with redis.Redis(server.host, server.port) as r:
        assert r.set("k", "v") is True and r.get("k") == b"v"


@forms
@protocols
@modes
def test_redis_py_asyncio_pipeline(server, parser, protocol, transaction):
    async def body(r: redis.asyncio.Redis) -> None:
        async with r.pipeline(transaction=transaction) as pipe:
            for number in range(500):
                pipe.set(f"k{number}", number)
                pipe.get(f"k{number}")
            replies = await pipe.execute()
        assert replies[1::2] == [b"%d" % number for number in range(500)]
        assert await r.get("missing") is None
    run_async(server, parser, protocol, body)


@forms
@protocols
def test_redis_py_asyncio_with_many_tasks(server, parser, protocol):
    async def body(r: redis.asyncio.Redis) -> None:
        async def work(number: int) -> str:
            await r.set(f"k{number}", f"välue {number}")
            await r.incr("n")
            return await r.get(f"k{number}")
        values = await asyncio.gather(*(work(number) for number in range(100)))
        assert values == [f"välue {number}" for number in range(100)]
        assert await r.get("n") == "100"
    run_async(server, parser, protocol, body, decode_responses=True)


@forms
@protocols
def test_redis_py_asyncio_watch(server, parser, protocol):
    async def body(r: redis.asyncio.Redis) -> None:
        async with r.pipeline() as pipe:
            await pipe.watch("k")
            await r.set("k", "changed")
            pipe.multi()
            pipe.set("k", "mine")
            with pytest.raises(redis.WatchError):
                await pipe.execute()
    run_async(server, parser, protocol, body)


@forms
def test_redis_py_carries_large_values(server, parser):
    value = bytes(range(256)) * 40_000
    with sync_client(server, parser, 3) as r:
        r.set("big", value)
        assert r.get("big") == value and r.strlen("big") == len(value)


@pytest.mark.parametrize("arguments, answer", [
    (["SET", "k", "v"], "OK\n"), (["GET", "missing"], "\n"), (["INCR", "n"], "1\n"),
    (["--no-raw", "GET", "missing"], "(nil)\n"), (["--no-raw", "INCR", "n"], "(integer) 1\n"),
    (["--no-raw", "MGET", "a", "b"], "1) (nil)\n2) (nil)\n"), (["ECHO", "a b"], "a b\n"),
    (["-3", "--no-raw", "CONFIG", "GET", "maxclients"], '1# "maxclients" => "10000"\n'),
    (["-n", "3", "--csv", "MGET", "a", "b"], "NULL,NULL\n"),
    (["-r", "3", "INCR", "n"], "1\n2\n3\n"),
])
def test_redis_cli_prints_replies(server, arguments, answer):
    assert run_program("redis-cli", server, *arguments) == answer


def test_redis_cli_runs_lines_from_its_input(server):
    lines = "SET 'a key' \"line\\nbreak\"\nMULTI\nGET 'a key'\nINCR n\nEXEC\nNOSUCH x\nHELLO 3\n"
    output = run_program("redis-cli", server, stdin=lines)
    assert output.startswith("OK\nOK\nQUEUED\nQUEUED\nline\nbreak\n1\n")
    assert "ERR unknown command 'NOSUCH', with args beginning with: 'x'" in output
    assert "proto 3" in output


def test_redis_cli_reads_the_documentation_of_commands(server):
    for option in ("-2", "-3"):
        assert "summary" in run_program("redis-cli", server, option, "COMMAND", "DOCS", "get")


def test_redis_cli_inserts_in_mass(server, client):
    commands = "".join(f"SET key:{number} value:{number}\r\n" for number in range(5000))
    output = run_program("redis-cli", server, "--pipe", stdin=commands)
    assert "errors: 0, replies: 5000" in output
    assert client.call("DBSIZE") == 5000


def test_redis_cli_walks_all_keys(server, client):
    client.pipeline([("SET", f"k:{number}", "v") for number in range(3000)])
    keys = run_program("redis-cli", server, "--scan", "--pattern", "k:*").split()
    assert sorted(keys) == sorted(f"k:{number}" for number in range(3000))


@pytest.mark.parametrize("depth", [1, 16, 64])
def test_redis_benchmark_completes(server, depth):
    output = run_program("redis-benchmark", server, "-t", "ping,set,get,incr,mset", "-n", "3000",
                         "-r", "1000", "-c", "20", "-P", str(depth), "-d", "32", "--csv")
    rows = [line.split(",")[0].strip('"') for line in output.splitlines()[1:]]
    assert rows == ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"]


def test_redis_benchmark_runs_a_command_of_choice_in_resp3(server):
    output = run_program("redis-benchmark", server, "-3", "-n", "2000", "-r", "100", "-q",
                         "GETRANGE", "key:__rand_int__", "0", "-1")
    assert "requests per second" in output


def test_an_unknown_subcommand_counts_for_no_command(client):
    client.ok("CONFIG", "RESETSTAT")
    for words in (("NOSUCH",), ("CLIENT", "NOSUCH"), ("CONFIG", "NOSUCH", "x")):
        assert bytes(client.call(*words)).startswith(b"ERR unknown ")
    counted = client.call("INFO", "commandstats")
    assert b"cmdstat_client:" not in counted and b"cmdstat_config:" not in counted


def test_after_an_unknown_command_the_list_names_none(client, connect):
    other = connect()
    number = str(other.call("CLIENT", "ID"))
    for words in (("NOSUCH",), ("CLIENT", "NOSUCH"), ("CONFIG", "NOSUCH", "x")):
        other.call("GET", "k")
        assert b" cmd=get " in client.call("CLIENT", "LIST", "ID", number)
        other.call(*words)
        assert b" cmd=NULL " in client.call("CLIENT", "LIST", "ID", number)
