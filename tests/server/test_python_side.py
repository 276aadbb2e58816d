"""Commands that are answered in Python, and the callbacks around them, without a server.

Each test runs in a process of its own: what is bound to a command stays bound.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("fastredis._engine")
pytestmark = pytest.mark.target("fastredis", reason="calls the engine")

BEGIN = """
from fastredis import _engine

def fails(*arguments):
    raise RuntimeError("meant")

_engine.create_engine()
session = _engine.EmbeddedSession()
"""


def run(program: str) -> subprocess.CompletedProcess:
    """Runs a program that has an engine and a session."""
    done = subprocess.run([sys.executable, "-c", BEGIN + textwrap.dedent(program)],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done


def test_an_exception_of_a_handler_becomes_an_error_and_is_told():
    done = run("""
        told = []
        _engine.on_unexpected_error(told.append)
        _engine.bind_command("config|get", fails)
        print(session.feed(b"CONFIG GET x\\r\\nPING\\r\\n"), told)
        """)
    assert done.stdout == (
        r"""b"-ERR internal error in config|get: RuntimeError('meant')\r\n+PONG\r\n" """
        "[RuntimeError('meant')]\n")


def test_a_client_gets_its_error_though_the_callback_fails_as_well():
    done = run("""
        _engine.on_unexpected_error(fails)
        _engine.bind_command("config|get", fails)
        print(session.feed(b"CONFIG GET x\\r\\nPING\\r\\n").decode())
        """)
    assert done.stdout.splitlines() == [
        "-ERR internal error in config|get: RuntimeError('meant')", "+PONG", ""]
    assert "RuntimeError: meant" in done.stderr


def test_a_transfer_that_has_failed_is_finished_for_whoever_kept_it():
    done = run("""
        from fastredis.server import migrate
        kept = []

        def keep_and_fail(transfer):
            kept.append(transfer)
            fails()

        migrate.carry = keep_and_fail
        print(session.feed(b"SET k v\\r\\nMIGRATE 127.0.0.1 1 k 0 100\\r\\n").decode())
        try:
            kept[0].finish()
        except ValueError as error:
            print(error)
        """)
    assert done.stdout.splitlines() == [
        "+OK", "-IOERR error or timeout reading to target instance", "",
        "the transfer is finished"]
