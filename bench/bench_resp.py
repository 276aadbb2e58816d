"""The parser of requests, beside hiredis's reader on the same bytes.

    python -m pytest bench/bench_resp.py --benchmark-only

A row is 64 KB of one shape of traffic, parsed to lists of bytes. An array of bulk strings is the
same bytes whether it is a command or a reply, so both read it; hiredis must expect any reply at
each place, and does not know inline commands. Both build the same Python objects, which is most of
the time: the engine itself builds none.
"""

from __future__ import annotations

import pytest

structures = pytest.importorskip("fastredis.structures")
hiredis = pytest.importorskip("hiredis")

STREAM_BYTES = 64 * 1024


def encoded(*arguments: bytes) -> bytes:
    parts = [b"*%d\r\n" % len(arguments)]
    parts += [b"$%d\r\n%s\r\n" % (len(argument), argument) for argument in arguments]
    return b"".join(parts)


def repeated(command: bytes) -> bytes:
    return command * max(1, STREAM_BYTES // len(command))


SHAPES = {
    "PING": repeated(encoded(b"PING")),
    "GET": repeated(encoded(b"GET", b"key:000000000001")),
    "SET 32 bytes": repeated(encoded(b"SET", b"key:000000000001", b"x" * 32)),
    "SET 4 KB": repeated(encoded(b"SET", b"key:000000000001", b"x" * 4096)),
    "MSET of 10": repeated(encoded(
        b"MSET", *(part for number in range(10)
                   for part in (b"key:%012d" % number, b"x" * 32)))),
    "ZADD": repeated(encoded(b"ZADD", b"board", b"1234.5", b"member:000000000001")),
    "one of 5,000 arguments": encoded(b"DEL", *(b"k:%06d" % number for number in range(5000))),
}
PIECE_BYTES = {"whole": STREAM_BYTES * 4, "pieces of 1,460 bytes": 1460, "pieces of 16": 16}


def parse_ours(pieces: list[bytes]) -> int:
    parser = structures.RespParser()
    commands: list[list[bytes]] = []
    for piece in pieces:
        commands += parser.feed(piece)
    return len(commands)


def parse_hiredis(pieces: list[bytes]) -> int:
    reader = hiredis.Reader()
    commands: list[list[bytes]] = []
    for piece in pieces:
        reader.feed(piece)
        while (command := reader.gets()) is not False:
            commands.append(command)
    return len(commands)


PARSERS = {"fastredis": parse_ours, "hiredis": parse_hiredis}


def bench_stream(benchmark, parse, stream: bytes, piece_bytes: int) -> None:
    pieces = [stream[start:start + piece_bytes] for start in range(0, len(stream), piece_bytes)]
    expected = parse_hiredis([stream])
    assert benchmark(parse, pieces) == expected
    benchmark.extra_info["commands"] = expected
    benchmark.extra_info["bytes"] = len(stream)


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_whole(benchmark, shape, parser):
    benchmark.group = f"parse {shape}"
    bench_stream(benchmark, PARSERS[parser], SHAPES[shape], PIECE_BYTES["whole"])


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("cut", [cut for cut in PIECE_BYTES if cut != "whole"])
@pytest.mark.parametrize("shape", ["SET 32 bytes", "SET 4 KB", "one of 5,000 arguments"])
def test_cut(benchmark, shape, cut, parser):
    benchmark.group = f"parse {shape} in {cut}"
    bench_stream(benchmark, PARSERS[parser], SHAPES[shape], PIECE_BYTES[cut])


@pytest.mark.benchmark(group="parse inline commands")
@pytest.mark.parametrize("line", [b"SET key value\r\n", b"SET key \"a \\x41 value\"\r\n"])
def test_inline(benchmark, line):
    assert benchmark(parse_ours, [repeated(line)]) == len(repeated(line)) // len(line)
