"""Log lines: Redis's format, levels, files that are moved away, and the standard logging module."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest

from fastredis.server import logs
from fastredis.server.config import Config
from support.server_process import ServerProcess, Target

LINE = re.compile(r"(\d+):([MSCX]) (\d\d \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3}) ([.*#-]) (.*)")


@pytest.fixture(autouse=True)
def _leave_no_handlers() -> Iterator[None]:
    yield
    for handler in list(logs.logger.handlers):
        logs.logger.removeHandler(handler)
        handler.close()
    logs.logger.propagate = True
    logs.logger.setLevel(logging.NOTSET)


def configured(tmp_path: Path, *arguments: str) -> Config:
    config = Config.load(["--dir", str(tmp_path), "--logfile", "a.log", *arguments],
                         change_directory=False)
    logs.configure(config)
    return config


def lines_of(path: Path) -> list:
    return [LINE.fullmatch(line).groups() for line in path.read_text().splitlines()]


def test_lines_look_like_those_of_the_real_server(oracle_target: Target, tmp_path: Path):
    server = ServerProcess(oracle_target)
    server.kill()
    real = [LINE.fullmatch(line) for line in server.output().splitlines() if "oO0" in line]
    server.remove_directory()
    configured(tmp_path)
    logs.notice("hello")
    ours = LINE.fullmatch((tmp_path / "a.log").read_text().rstrip("\n"))
    assert real and all(real) and ours
    assert ours[1] == str(os.getpid())
    assert real[0][3].split(" ")[:3] == ours[3].split(" ")[:3]


@pytest.mark.parametrize("level, expected", [
    ("debug", ".-*#"), ("verbose", "-*#"), ("notice", "*#"), ("warning", "#"), ("nothing", ""),
])
def test_each_level_shows_itself_and_what_is_above(tmp_path: Path, level: str, expected: str):
    configured(tmp_path, "--loglevel", level)
    logs.debug("a")
    logs.verbose("b")
    logs.notice("c")
    logs.warning("d")
    path = tmp_path / "a.log"
    assert "".join(line[3] for line in lines_of(path)) == expected


def test_the_level_follows_config_set(tmp_path: Path):
    config = configured(tmp_path)
    logs.debug("unseen")
    config.set([(b"loglevel", b"debug")])
    logs.debug("seen")
    assert [line[4] for line in lines_of(tmp_path / "a.log")] == ["seen"]


def test_the_role_is_c_until_the_server_says_otherwise(tmp_path: Path):
    configured(tmp_path)
    logs.notice("starting")
    logs.set_role("M")
    logs.notice("primary")
    logs.set_role("S")
    logs.notice("replica")
    assert [line[1] for line in lines_of(tmp_path / "a.log")] == ["C", "M", "S"]


def test_a_forked_child_logs_as_a_child_with_its_own_pid(tmp_path: Path):
    configured(tmp_path)
    logs.set_role("M")
    child = os.fork()
    if child == 0:
        logs.notice("child")
        os._exit(0)
    os.waitpid(child, 0)
    logs.notice("parent")
    lines = lines_of(tmp_path / "a.log")
    assert [(line[0], line[1]) for line in lines] == [(str(child), "C"), (str(os.getpid()), "M")]


def test_a_log_file_that_was_moved_away_is_replaced(tmp_path: Path):
    configured(tmp_path)
    logs.notice("one")
    (tmp_path / "a.log").rename(tmp_path / "a.log.1")
    logs.notice("two")
    assert [line[4] for line in lines_of(tmp_path / "a.log.1")] == ["one"]
    assert [line[4] for line in lines_of(tmp_path / "a.log")] == ["two"]


def test_a_log_that_cannot_be_written_loses_lines_and_nothing_else(tmp_path: Path):
    configured(tmp_path)
    (tmp_path / "a.log").unlink()
    (tmp_path / "a.log").mkdir()
    logs.warning("lost")
    (tmp_path / "a.log").rmdir()
    logs.warning("kept")
    assert [line[4] for line in lines_of(tmp_path / "a.log")] == ["kept"]


def test_an_existing_log_is_appended_to(tmp_path: Path):
    (tmp_path / "a.log").write_text("before\n")
    configured(tmp_path)
    logs.notice("after")
    assert (tmp_path / "a.log").read_text().startswith("before\n")


def test_configuring_again_does_not_double_the_lines(tmp_path: Path):
    configured(tmp_path)
    configured(tmp_path)
    logs.notice("once")
    assert len(lines_of(tmp_path / "a.log")) == 1


def test_without_a_log_file_lines_go_to_standard_output(capfd: pytest.CaptureFixture):
    logs.configure(Config())
    logs.notice("%s of %d", "two", 2)
    out, error = capfd.readouterr()
    assert LINE.fullmatch(out.rstrip("\n"))[5] == "two of 2" and error == ""


def test_a_percent_sign_in_a_message_without_arguments_is_text(tmp_path: Path):
    configured(tmp_path)
    logs.notice("100% of %s")
    assert lines_of(tmp_path / "a.log")[0][4] == "100% of %s"


def test_any_bytes_in_a_message_are_written_as_they_are(tmp_path: Path):
    configured(tmp_path)
    logs.notice(b"\xff\xc3\xa9".decode("utf-8", "surrogateescape"))
    assert (tmp_path / "a.log").read_bytes().endswith(b"* \xff\xc3\xa9\n")


def test_a_traceback_follows_its_line(tmp_path: Path):
    configured(tmp_path)
    try:
        raise KeyError("x")
    except KeyError:
        logs.logger.exception("failed")
    text = (tmp_path / "a.log").read_text()
    assert text.splitlines()[0].endswith(" # failed") and "KeyError: 'x'" in text


def test_an_embedding_program_receives_plain_records(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logs.VERBOSE, logger="fastredis"):
        logs.verbose("seen")
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [("VERBOSE", "seen")]


def test_syslog_gets_messages_with_ident_facility_and_priority(tmp_path: Path, monkeypatch):
    import syslog

    calls = []
    monkeypatch.setattr(syslog, "openlog", lambda *args: calls.append(args))
    monkeypatch.setattr(syslog, "syslog", lambda *args: calls.append(args))
    configured(tmp_path, "--syslog-enabled", "yes", "--syslog-ident", "me", "--syslog-facility",
               "local3", "--loglevel", "debug")
    logs.debug("a")
    logs.verbose("b")
    logs.notice("c")
    logs.warning("d")
    assert calls[0][0] == "me" and calls[0][2] == syslog.LOG_LOCAL3
    assert calls[1:] == [(syslog.LOG_DEBUG, "a"), (syslog.LOG_INFO, "b"),
                         (syslog.LOG_NOTICE, "c"), (syslog.LOG_WARNING, "d")]
    assert len(lines_of(tmp_path / "a.log")) == 4


def test_month_names_do_not_depend_on_the_locale():
    formatter = logs.RedisFormatter()
    record = logging.LogRecord("fastredis", logging.INFO, "", 0, "x", None, None)
    record.created = 1_700_000_000.9996
    assert re.search(r"\d\d Nov 2023 \d\d:\d\d:\d\d\.999 \* x$", formatter.format(record))


def test_logging_alone_loads_neither_syslog_nor_the_engine():
    code = ("import sys, fastredis.server.logs; "
            "print('syslog' in sys.modules or 'fastredis._engine' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=Path(__file__).parents[2])
    assert done.stdout == "False\n"


def test_text_that_stands_for_no_bytes_is_logged_with_escapes(tmp_path: Path):
    configured(tmp_path)
    logs.notice("\ud800 \udcff")
    assert (tmp_path / "a.log").read_bytes().endswith(b"* \\ud800 \\udcff\n")


def test_syslog_gets_escapes_for_bytes_that_are_no_text(tmp_path: Path, monkeypatch):
    """An ident of other bytes than UTF-8 stopped the start."""
    import syslog

    calls = []
    monkeypatch.setattr(syslog, "syslog", lambda *args: calls.append(args))
    configured(tmp_path, "--syslog-enabled", "yes", "--syslog-ident", "\udcff")
    logs.notice("caf\xe9 \udcff\ud800")
    assert calls == [(syslog.LOG_NOTICE, "caf\xe9 \\udcff\\ud800")]
    calls.clear()
    logs.notice("caf\xe9 \udcff")
    assert calls == [(syslog.LOG_NOTICE, "caf\xe9 \\xff")]
