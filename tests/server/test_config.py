"""The configuration: its table against the facts, its texts against a real redis-server.

The differential tests send the same values to CONFIG SET of the real server and to `Config.set`,
and compare what comes back, byte for byte. What cannot be equal is listed here with its reason,
and nowhere else.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import pytest

from fastredis import _engine
from fastredis.server.config import Config, ConfigError
from fastredis.server.directives import ALIASES, DEPRECATED, DIRECTIVES, find
from support.server_process import ServerProcess, Target
from support.wire import Client, Error

FACTS = json.loads((Path(__file__).parents[1] / "data" / "config-redis-8.0.6.json").read_text())
# The facts were read off a server that was started with arguments for these.
STARTED_WITH = {"save": "3600 1 300 100 60 10000", "daemonize": "no", "dir": None}

# Setting these changes the machine, or needs what only the running server has.
NOT_COMPARED = {
    "activedefrag": "depends on how the real server was compiled",
    "appendonly": "starts writing files",
    "bind": "binds sockets",
    "client-query-buffer-limit": "a small one cuts the connection of this test",
    "dir": "the two have different directories; a test of its own compares it",
    "jemalloc-bg-thread": "depends on how the real server was compiled",
    "logfile": "opens a file",
    "maxclients": "the limit of open files decides",
    "oom-score-adj": "the kernel decides",
    "port": "binds sockets",
    "proto-max-bulk-len": "a small one refuses the requests of this test",
    "tls-auth-clients": "needs certificates",
    "tls-cluster": "needs certificates",
    "tls-port": "needs certificates",
    "tls-replication": "needs certificates",
}
# (directive, value) -> why 7.0 answers differently; 8.0 is what the table follows.
OTHERWISE = {
    ("maxmemory-clients", "99999999999999999999"): "read modulo 2**64 there, as -1, which is 1 %",
    ("maxmemory-clients", "9223372036854775808"): "read modulo 2**64 there, as less than -100 %",
    ("loglevel", "nothing"): "8.0 has this level",
    ("maxmemory-samples", "65"): "8.0 has an upper bound",
    ("maxmemory-samples", "150"): "8.0 has an upper bound",
    ("maxmemory-samples", "777"): "8.0 has an upper bound",
    ("maxmemory-samples", "1000"): "8.0 has an upper bound",
    ("maxmemory-samples", "2147483648"): "8.0 has an upper bound",
    ("maxmemory-samples", "-5000000000"): "8.0 has an upper bound",
    ("maxmemory-samples", "-2"): "8.0 has an upper bound",
    ("maxmemory-samples", "-1"): "8.0 has an upper bound",
    ("maxmemory-samples", "0"): "8.0 has an upper bound",
    ("maxmemory-samples", "99999999999"): "8.0 has an upper bound",
    ("maxmemory-samples", "9223372036854775807"): "8.0 has an upper bound",
    ("maxmemory-samples", "-9223372036854775808"): "8.0 has an upper bound",
}
VALUES = [
    "", "garbage", "-99999999999999999999", "-9223372036854775808", "-9223372036854775809",
    "-5000000000", "-2", "-1", "0", "1", "2", "150", "777", "1000", "99999999999",
    "9223372036854775807", "9223372036854775808", "99999999999999999999", "1k", "1kb", "1mb", "1g",
    "2GB", "5%", "101%", "-5%", "+5%", "05%", "%", "yes", "NO", "Yes", "on", "1.5", "0x10", " 1",
    "1 ", "007", "8", "+1", "-0", "1kbb", "kb", "b", "1 gb", "1 2", "\n", "a b", "é", "\x01",
]
SPECIAL: Dict[str, List[str]] = {
    "save": [
        "900 1", "900 1 300", "900 1 300 10", "0 1", "1 -1", "1 0", "  900   1  ", "abc def",
        "900 1 \n 300 1", "\t1 +5", "1 1 ", "5 -0", "900 1x", "9223372036854775807 1",
    ],
    "notify-keyspace-events": [
        "KEA", "AKE", "Kg$lshzxeA", "g$lshzxetd", "m", "n", "AKEmn", "q", "Kx", "KEg$lshzxetdmn",
        "dK", "KE$g", "Kk", "nm", "EK",
    ],
    "client-output-buffer-limit": [
        "normal 1 2 3", "normal 1 2", "NORMAL 1k 2k 3", "replica 1 2 3", "foo 1 2 3",
        "slave 5 6 7 pubsub 8 9 1", "master 1 2 3", "normal -1 2 3", "normal 1 2 x",
        "normal 1 2 -5", "normal 1 2 3 pubsub", "normal 1% 2 3", 'normal "1" 2 3', "normal 1 1 ",
        "normal   1", "normal 0 0 \t5", "normal 0 0 0 normal 1 1 1", "normal 1 1 2147483648",
    ],
    "oom-score-adj-values": [
        "1 2 3", "3 2 1", "-2000 0 2000", "-2001 0 1", "a b c", "1 2", "1 2 3 4", " 0  200 800",
        "+1 \t2 3", "1 2 ", "99999999999999999999 1 1",
    ],
    "shutdown-on-sigterm": [
        "save", "SAVE now", "nosave force", "save nosave", "default save", "now force save",
        "save foo", "force  now", " save", "default",
    ],
    "latency-tracking-info-percentiles": [
        "50", "50 99.9 abc", "-1", "101", "50.123456789", "100", "0.0", "1e1", "nan", "0x1p3",
        ".5", "5.", "+5", " 5", "inf", "1e400", "1_0", "1 ", "  ", "1e", "0x", "99.99999999",
        "0x1p5000", "0x1p-5000", "1e-400", "0e-400", "0x0.0p-9999", "-0.0", "1e-310", "infinity",
    ],
    "proc-title-template": [
        "{title}", "{foo}", "{", "{}", "}", "{title", "{title} x", " ", "{{title}", "{port}",
        "{tls-port} {config-file}", "{server-mode}", "{Title}", "x{y", "{title}{listen-addr}",
    ],
    "maxmemory-policy": ["LRU", "ALLKEYS-LRU", "noeviction allkeys-lru"],
    "appendfsync": ["always", "always  no", '"no"'],
    "cluster-announce-hostname": ["a" * 255, "a" * 256, "a.b-c", "a_b"],
    "dbfilename": ["a/b", "x.rdb", "/"],
    "unixsocketperm": ["700"],
    "maxmemory": ["01", "1t", "1p", "0k", "1" * 200, "1Gb", "17179869183g"],
    "slowlog-log-slower-than": ["-1", "-2"],
}


@pytest.fixture(scope="module")
def real(oracle_target: Target) -> Iterator[ServerProcess]:
    """A real server whose protected directives may be set."""
    server = ServerProcess(oracle_target, ["--enable-protected-configs", "yes"])
    yield server
    server.kill()
    server.remove_directory()


@pytest.fixture
def asking(real: ServerProcess) -> Iterator[Client]:
    client = real.client()
    yield client
    client.close()


@pytest.fixture(autouse=True)
def _stay_in_this_directory() -> Iterator[None]:
    before = os.getcwd()
    yield
    os.chdir(before)


def open_config() -> Config:
    return Config.load(["--enable-protected-configs", "yes"])


def answer_of(config: Config, *pairs: str) -> bytes:
    """What a client would be answered to CONFIG SET."""
    words = [pair.encode("utf-8", "surrogateescape") for pair in pairs]
    try:
        config.set(list(zip(words[::2], words[1::2])))
    except ConfigError as error:
        return b"ERR " + str(error).encode("utf-8", "surrogateescape")
    return b"OK"


def one_value(config: Config, name: str) -> bytes:
    return dict(config.get([name.encode()]))[name.encode()]


def real_names(client: Client) -> List[str]:
    flat = client.call("CONFIG", "GET", "*")
    return [name.decode() for name in flat[::2]]


# The table


def test_every_name_of_redis_8_is_a_directive_or_an_alias():
    assert set(FACTS) <= set(DIRECTIVES) | set(ALIASES)


def test_defaults_are_those_of_redis_8():
    config = Config()
    differing = {
        name: one_value(config, name).decode()
        for name, value in FACTS.items()
        if STARTED_WITH.get(name, value) not in (None, one_value(config, name).decode())
    }
    assert differing == {}


def test_defaults_are_those_of_the_real_server(oracle_target: Target, asking: Client):
    given = {"port", "bind", "dir", "save", "enable-protected-configs"}
    newer = {"loading-process-events-interval-bytes": "the default changed between 7.0 and 8.0"}
    config = Config()
    for name in real_names(asking):
        if name in given or name in newer or find(name) is None:
            continue
        assert one_value(config, name) == asking.call("CONFIG", "GET", name)[1], name


def test_only_dropped_directives_of_the_real_server_are_unknown(asking: Client):
    unknown = [name for name in real_names(asking) if find(name) is None]
    assert set(unknown) <= DEPRECATED


def test_aliases_name_rows_and_are_no_rows():
    for alias, name in ALIASES.items():
        assert alias not in DIRECTIVES and name in DIRECTIVES


def test_every_default_survives_its_own_text():
    for name, row in DIRECTIVES.items():
        text = row.show(row.default)
        if name in ("dir", "replicaof", "proc-title-template", "client-output-buffer-limit"):
            continue
        words = (text.split(" ") if text else []) if row.multi else [text]
        assert row.parse(words, row.default) == row.default, name


# CONFIG SET, side by side


def _values_for(name: str) -> List[str]:
    row = find(name)
    values = VALUES + SPECIAL.get(name, [])
    for bound in ("low", "high"):
        edge = getattr(row, bound, None)
        if edge is not None:
            values = values + [str(edge - 1), str(edge), str(edge + 1)]
    for choice in getattr(row, "choices", ()):
        values = values + [choice, choice.upper()]
    return list(dict.fromkeys(values + [
        text for value in ("", "1", "yes", "900 1", "1mb", "10%", "AKE", *values[:1])
        for text in (value + "\0", value + "\0x y", "\0" + value)]))


def test_config_set_answers_every_value_as_the_real_server_does(asking: Client):
    config = open_config()
    differing: List[Tuple[str, str, bytes, bytes]] = []
    compared = 0
    for name in real_names(asking):
        if name in NOT_COMPARED or find(name) is None:
            continue
        first = asking.call("CONFIG", "GET", name)[1]
        for value in _values_for(name):
            if (name, value) in OTHERWISE:
                continue
            theirs: bytes = asking.call("CONFIG", "SET", name, value)
            ours = answer_of(config, name, value)
            if ours == theirs == b"OK":
                theirs, ours = asking.call("CONFIG", "GET", name)[1], one_value(config, name)
            compared += 1
            if ours != theirs:
                differing.append((name, value, ours, theirs))
        answer = asking.call("CONFIG", "SET", name, first)
        if not isinstance(answer, Error):
            assert answer_of(config, name, first.decode()) == b"OK"
    # The choices of loglevel are listed in the text, and 8.0 has one more.
    differing = [one for one in differing if one[0] != "loglevel" or one[3][:4] != b"ERR "]
    assert not differing, "\n".join(map(repr, differing))
    assert compared > 8000


@pytest.mark.parametrize("pairs", [
    ["foo", "1"], ["foo\r\nbar", "1"], ["FOO", "1"], ["maxmemory", "1", "maxmemory", "2"],
    ["maxmemory", "1", "MAXMEMORY", "2"], ["maxmemory", "1mb", "foo", "x"],
    ["foo", "1", "maxmemory", "x"], ["maxmemory", "x", "foo", "1"], ["maxmemory", "5mb", "hz", "x"],
    ["maxmemory", "5mb", "tcp-backlog", "3"], ["MaxMemory", "abc"], ["TCP-Backlog", "1"],
    ["maxmemory", "abc", "HZ", "abc"], ["replicaof", "a"], ["SLAVEOF", "x"], ["user", "x"],
    ["include", "x"], ["loadmodule", "x"], ["rename-command", "a b"], ["lua-time-limit", "x"],
    ["tcp-backlog", "1", "foo", "1"], ["foo", "1", "tcp-backlog", "1"], ["foo", "1", "bar", "2"],
    ["tcp-backlog", "1", "maxmemory", "2", "maxmemory", "1"], ["slave-priority", "x"],
    ["maxmemory", "1", "maxmemory", "1", "tcp-backlog", "1"], ["Slave-Priority", "x"],
    ["slave-priority", "1", "replica-priority", "2"], ["", ""], ["", "x"],
    ["maxmemory", "1", "MaxMemory", "x"], ["dir", "/nonexistent"], ["dir", ""],
    ["dir", "/etc/passwd"], ["hz", "12", "dir", "/nonexistent"], ["hz", "x", "dir", "/nonexistent"],
    ["dir", "/nonexistent", "hz", "x"], ["hz", "1\0"], ["enable-protected-configs", "no"],
])
def test_config_set_of_several_answers_as_the_real_server_does(asking: Client, pairs: List[str]):
    config = open_config()
    ours, theirs = answer_of(config, *pairs), asking.call("CONFIG", "SET", *pairs)
    # The wire has no line ends in an error: the reply writer makes blanks of them.
    assert ours.replace(b"\r", b" ").replace(b"\n", b" ") == theirs
    asking.ok("CONFIG", "SET", "replica-priority", "100")
    assert one_value(config, "maxmemory") == b"0" and one_value(config, "hz") == b"10"


@pytest.mark.parametrize("patterns", [
    ["MAXMEMORY"], ["maxmemory", "MAXMEMORY", "maxmemory"], ["MAXMEMORY", "maxmemory"],
    ["max?emory"], ["slave-p*"], ["replica-priority", "slave-priority"], ["*priority"], ["MAXMEM*"],
    ["[mn]axmemory"], ["maxmemor[y]"], ["nosuch"], ["rename-command"], ["hz", "h*"], ["h*", "HZ"],
    ["*-limit", "client*"], ["key-load-delay"], ["key-load*"], ["*a*b*c*d*"], ["[^a-y]*"], [""],
    ["\\hz"], ["h\\z*"], ["[hz]z"], ["user"], ["save"], ["*event*"],
])
def test_config_get_finds_what_the_real_server_finds(asking: Client, patterns: List[str]):
    theirs = asking.call("CONFIG", "GET", *patterns)
    pairs = {(bytes(name), bytes(value)) for name, value in zip(theirs[::2], theirs[1::2])}
    config = Config.load(["--enable-protected-configs", "yes", "--save", ""])
    ours = config.get([pattern.encode() for pattern in patterns])
    known = {name.decode() for name in asking.call("CONFIG", "GET", "*")[::2]}
    newer = {pair for pair in ours if pair[0].decode().lower() not in known} - pairs
    dropped = {pair for pair in pairs if pair[0].decode() in DEPRECATED}
    # What 8.0 hides is still shown by 7.0.
    hidden = {pair for pair in pairs if getattr(find(pair[0].decode()), "hidden", False)}
    assert len(ours) == len(set(ours))
    assert set(ours) - newer - hidden == pairs - dropped - hidden


def test_config_set_of_protected_directives_needs_leave():
    text = "CONFIG SET failed (possibly related to argument 'dir') - can't set protected config"
    pair = [(b"dir", b"/")]
    with pytest.raises(ConfigError) as refused:
        Config().set(pair)
    assert str(refused.value) == text
    local = Config.load(["--enable-protected-configs", "local"], change_directory=False)
    with pytest.raises(ConfigError):
        local.set(pair)
    local.set(pair, is_local=True)
    assert local["dir"] == "/"


def test_a_large_amount_of_memory_stays_large():
    """redis-server computes 18014398509481984kb modulo 2**64 and gets no limit at all."""
    config = Config()
    assert answer_of(config, "maxmemory", "18014398509481984kb") == b"OK"
    assert config["maxmemory"] == 2**64 - 1


# Changing values


def test_a_refused_value_leaves_all_values_of_the_same_set_alone():
    config = Config()
    assert answer_of(config, "hz", "50", "maxmemory", "1gb", "timeout", "x").startswith(b"ERR ")
    assert (config["hz"], config["maxmemory"]) == (10, 0)


def test_a_callback_sees_all_new_values_once():
    config, seen = Config(), []
    config.on_change(("hz", "maxmemory"), lambda now: seen.append((now["hz"], now["maxmemory"])))
    assert answer_of(config, "hz", "50", "maxmemory", "1gb") == b"OK"
    assert seen == [(50, 1 << 30)]


def test_a_callback_is_not_called_when_the_value_stays():
    config, seen = Config(), []
    config.on_change("hz", lambda now: seen.append(now["hz"]))
    assert answer_of(config, "hz", "10", "timeout", "3") == b"OK"
    assert seen == []


def test_a_veto_restores_everything_and_tells_those_that_had_agreed():
    config, seen = Config(), []

    def refuse(now: Config) -> None:
        if now["port"] == 1:
            raise ConfigError("Unable to listen on this port. Check server logs.")

    config.on_change("hz", lambda now: seen.append(now["hz"]))
    config.on_change("port", refuse)
    assert answer_of(config, "hz", "50", "PORT", "1") == (
        b"ERR CONFIG SET failed (possibly related to argument 'port') - "
        b"Unable to listen on this port. Check server logs.")
    assert seen == [50, 10]
    assert (config["hz"], config["port"]) == (10, 6379)


def test_a_crash_in_a_callback_restores_everything_too():
    config = Config()

    def crash(now: Config) -> None:
        if now["hz"] == 50:
            raise RuntimeError("no")

    config.on_change("hz", crash)
    with pytest.raises(RuntimeError):
        config.set([(b"hz", b"50")])
    assert config["hz"] == 10


def test_a_callback_for_an_unknown_directive_is_a_mistake_of_the_caller():
    with pytest.raises(KeyError):
        Config().on_change("hertz", print)


def test_dir_is_changed_by_config_set_and_back_by_a_veto(tmp_path: Path):
    config = open_config()
    before = os.getcwd()

    def refuse(now: Config) -> None:
        if now["hz"] == 50:
            raise ConfigError("no")

    config.on_change("hz", refuse)
    assert answer_of(config, "dir", str(tmp_path)) == b"OK"
    assert os.getcwd() == config["dir"] == str(tmp_path)
    assert answer_of(config, "dir", before, "hz", "50").endswith(b" - no")
    assert os.getcwd() == config["dir"] == str(tmp_path)


def test_an_embedding_program_keeps_its_directory(tmp_path: Path):
    before = os.getcwd()
    config = Config.load(["--dir", str(tmp_path)], change_directory=False)
    assert config["dir"] == str(tmp_path) and os.getcwd() == before
    assert config.path_of("x.rdb") == str(tmp_path / "x.rdb")


def test_values_have_the_documented_types():
    config = Config.load(["--bind", "127.0.0.1", "::1", "--save", "60", "5", "--maxmemory-clients",
                          "5%", "--shutdown-on-sigterm", "force", "now", "--replicaof", "h", "7"])
    assert config["bind"] == ("127.0.0.1", "::1")
    assert config["save"] == ((60, 5),)
    assert config["maxmemory-clients"] == -5
    assert config["shutdown-on-sigterm"] == ("now", "force")
    assert config["replicaof"] == ("h", 7)
    assert config["unixsocketperm"] == 0
    assert config["appendonly"] is False
    assert config["latency-tracking-info-percentiles"] == (50.0, 99.0, 99.9)
    assert config["client-output-buffer-limit"]["replica"] == (256 << 20, 64 << 20, 60)
    assert config["oom-score-adj-values"] == (0, 200, 800)
    assert config["loglevel"] == "notice"
    with pytest.raises(KeyError):
        config["slave-priority"]


@pytest.mark.parametrize("text", ["7.2.4", "8.0", "7.2.4.1"])
def test_the_reported_version_is_digits_and_dots(text: str):
    config = Config()
    assert answer_of(config, "reported-redis-version", text) == b"OK"
    assert config["reported-redis-version"] == text


@pytest.mark.parametrize("text", ["", "7", "7.2.4-rc1", "7..2", ".7", "v7.2", "7.2.4.1.1", "7.2\n"])
def test_another_reported_version_is_refused(text: str):
    assert answer_of(Config(), "reported-redis-version", text).startswith(b"ERR CONFIG SET failed")


# Globs


@pytest.mark.parametrize("pattern, name, expected", [
    (b"*", b"a", True), (b"", b"", True), (b"", b"a", False), (b"a*b*c", b"aXXbYYc", True),
    (b"a*b*c", b"aXXbYY", False), (b"[a-c]x", b"bx", True), (b"[c-a]x", b"bx", True),
    (b"[^a-c]x", b"bx", False), (b"\\*", b"*", True), (b"\\*", b"a", False), (b"a?c", b"abc", True),
    (b"[a", b"a", True), (b"[]", b"]", False), (b"**a**", b"bab", True), (b"[\\]]", b"]", True),
])
def test_patterns_match_as_globs(pattern: bytes, name: bytes, expected: bool):
    assert (1 in _engine.matching_names(pattern, (b"other", name))) is expected


@pytest.mark.parametrize("pattern", [
    b"[" + b"m" * 10_000_000 + b"]axmemory", b"*[" + b"xyz" * 3_000_000 + b"m]axmemory*",
    b"*" * 10_000_000 + b"axmemory", b"[^" + b"x" * 10_000_000 + b"]axmemory",
], ids=["class", "class behind a star", "stars", "negated class"])
def test_a_pattern_of_many_megabytes_finds_its_names_at_once(pattern: bytes):
    started = time.monotonic()
    assert (b"maxmemory", b"0") in Config().get([pattern])
    assert time.monotonic() - started < 3.0


@pytest.mark.parametrize("pattern", [
    b"?" * 10_000_000, b"*" + b"a*" * 5_000_000, b"*[" + b"x" * 10_000_000, b"[]" * 5_000_000,
    b"*" * 10_000_000 + b"-no-such",
], ids=["any", "stars between", "open class", "empty classes", "stars"])
def test_a_pattern_of_many_megabytes_that_fits_nothing_is_answered_at_once(pattern: bytes):
    started = time.monotonic()
    found = [name for name, _ in Config().get([pattern])]
    assert found == [name for name in found if name.endswith(b"x")]
    assert time.monotonic() - started < 3.0


def test_many_patterns_in_one_command_are_answered_soon():
    started = time.monotonic()
    assert Config().get([b"*[%d]nothing" % i for i in range(20_000)]) == []
    assert time.monotonic() - started < 5.0


def test_a_hostile_pattern_takes_no_exponential_time():
    started = time.monotonic()
    assert _engine.matching_names(b"*a" * 30 + b"b", (b"a" * 64,)) == []
    assert time.monotonic() - started < 1.0


# CONFIG REWRITE


def test_rewrite_without_a_file_answers_as_the_real_server_does(asking: Client):
    with pytest.raises(ConfigError) as refused:
        Config().rewrite()
    assert b"ERR " + str(refused.value).encode() == asking.call("CONFIG", "REWRITE")


@pytest.mark.parametrize("amount", ["9223372036854775807", "9223372036854775808",
                                    "18446744073709551615", "99999999999999999999"])
def test_a_huge_limit_of_clients_is_the_largest_one(amount: str):
    """Deliberate difference: CONFIG SET, memory values."""
    config = Config()
    config.set([(b"maxmemory-clients", amount.encode())])
    assert config["maxmemory-clients"] == 2**63 - 1
    with pytest.raises(ConfigError, match="percentage argument must be less or equal to 100"):
        config.set([(b"maxmemory-clients", b"101%")])
