"""The engine as Python objects, without a socket: what its sessions outlive."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.target("fastredis", reason="an interface of Python")

CLOSED_EDGE = """
from fastredis import _engine
_engine.create_engine()
session = _engine.EmbeddedSession()
edge = _engine.Edge()
session.feed(b"SET k v\\r\\n")
edge.close()
assert session.feed(b"GET k\\r\\n") == b"$1\\r\\nv\\r\\n"
del session
assert _engine.EmbeddedSession().feed(b"DBSIZE\\r\\n") == b":1\\r\\n"
"""


def test_a_session_without_a_socket_outlives_the_close_of_the_edge() -> None:
    """The edge used to close and free every session, those of Python objects too."""
    done = subprocess.run([sys.executable, "-c", CLOSED_EDGE], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
