"""One server for many tests, made as good as new between them.

Starting a server costs tens of milliseconds, emptying one costs less than two. `reset` undoes
what a test can leave behind: data in every database, paused or blocked or subscribed clients,
changed directives, statistics, scripts, a switched-off expiry cycle. A server that died is
started again, so that one crash fails one test, and the crash itself is reported.

Commands that the target does not know are skipped: a reset must work against every target.
"""

from __future__ import annotations

from typing import Dict, List, Optional

from support.server_process import ServerProcess, Target
from support.wire import Array, Client, Error, Map

SHARED_ARGS = ("--enable-debug-command", "yes")
UNSETTABLE = frozenset((b"rdb-key-save-delay", b"replicaof", b"slaveof"))


class SharedServer:
    """A ServerProcess that is reset, not restarted, between tests."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.server: Optional[ServerProcess] = None
        self._admin: Optional[Client] = None
        self._baseline: Dict[bytes, bytes] = {}

    def get(self) -> ServerProcess:
        """The server, running and clean."""
        if self.server is not None and self.server.is_alive():
            try:
                self._reset()
                return self.server
            except (OSError, AssertionError):
                self.server.kill()
        if self.server is not None:
            self.server.remove_directory()
        self.server = ServerProcess(self._target, SHARED_ARGS)
        self._admin = Client.connect(self.server.host, self.server.port)
        self._baseline = self._config()
        return self.server

    def stop(self) -> None:
        """Stops the server, if it was ever started."""
        if self._admin is not None:
            self._admin.close()
        if self.server is not None:
            self.server.stop()
            self.server.remove_directory()

    def _config(self) -> Dict[bytes, bytes]:
        answer = self._admin.call("CONFIG", "GET", "*")
        if isinstance(answer, Map):
            return answer.to_dict()
        if not isinstance(answer, Array):
            return {}
        return dict(zip(answer[::2], answer[1::2]))

    def _reset(self) -> None:
        admin = self._admin
        self.server.close_clients()
        commands: List[List[bytes]] = [
            [b"CLIENT", b"UNPAUSE"],
            [b"CLIENT", b"KILL", b"TYPE", b"normal", b"SKIPME", b"yes"],
            [b"CLIENT", b"KILL", b"TYPE", b"pubsub", b"SKIPME", b"yes"],
            [b"DEBUG", b"SET-ACTIVE-EXPIRE", b"1"],
            [b"FLUSHALL"],
            [b"SCRIPT", b"FLUSH", b"SYNC"],
            [b"FUNCTION", b"FLUSH", b"SYNC"],
            [b"SLOWLOG", b"RESET"],
            [b"LATENCY", b"RESET"],
            [b"ACL", b"LOG", b"RESET"],
        ]
        answers = admin.pipeline(commands)
        assert answers[4] == b"OK", f"FLUSHALL between tests failed: {answers[4]!r}"
        self._restore_config()
        admin.call("CONFIG", "RESETSTAT")

    def _restore_config(self) -> None:
        now = self._config()
        changed = {name: self._baseline[name] for name in now
                   if name in self._baseline and now[name] != self._baseline[name]
                   and name not in UNSETTABLE}
        for name, value in changed.items():
            answer = self._admin.call("CONFIG", "SET", name, value)
            assert not isinstance(answer, Error), f"CONFIG SET {name!r} back failed: {answer!r}"
