"""Two servers driven in step: the same commands over several connections to each.

    step = (connection, argv)
    run(steps):  neighbours on one connection go out as one pipeline, to both servers at once;
                 the replies are judged in order, and the first unexplained difference ends it

State kept per connection is what judging needs: whether it is inside MULTI, and the commands
queued there, to judge the reply of EXEC element by element. It is learned from the oracle's
replies, never assumed.

A command that makes a key live for a few milliseconds is the last of its pipeline, and the next
one waits until the key is gone. Whether the servers delete it by themselves, or leave that to the
next access, is `active_expire`. The lengths at which encodings change are `thresholds`.

Two commands are not sent as they are, outside of transactions: SCAN 0 is followed to the end of
its iteration on both sides and the keys compared as sets; before DBSIZE both sides are swept.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Set, Tuple

from support.server_process import ServerProcess
from support.wire import (
    Array, Client, ConnectionClosed, Error, ProtocolViolation, Reply, SimpleString, WireTimeout,
    encode_commands)

from .compare import Judge, Verdict
from .families.server import RESTORED_DIRECTIVES
from .thresholds import DEFAULT_THRESHOLDS, Thresholds
from .grammar import Argv, short_time_ms

Step = Tuple[int, Argv]

CONNECTIONS = 3
MAX_PIPELINE = 64
SHORT_MARGIN_MS = 2
MAX_SCAN_ROUNDS = 100_000
CLOSED = Reply(b"<connection closed>", Error(b"<connection closed>"))
SILENT = Reply(b"<no reply in time>", Error(b"<no reply in time>"))
BROKEN = Reply(b"<not RESP>", Error(b"<not RESP>"))


@dataclass(frozen=True)
class Difference:
    """A step whose replies differ. `verdict.known` is set when the list explains it."""

    index: int
    step: Step
    oracle: bytes
    target: bytes
    verdict: Verdict


class ServerGone(AssertionError):
    """A server does not answer any more, and nobody can start it again."""


@dataclass
class Address:
    """Where a server listens. `revive` starts it again after a crash and returns its port."""

    host: str
    port: int
    revive: Optional[Callable[[], int]] = None

    @classmethod
    def of(cls, server: ServerProcess) -> Address:
        """The address of a process that may be restarted."""
        def revive() -> int:
            server.kill()
            server.start()
            return server.port
        return cls(server.host, server.port, revive)

    def connect(self) -> Client:
        """A connection; a dead server is started again first."""
        try:
            return Client.connect(self.host, self.port)
        except OSError as error:
            if self.revive is None:
                raise ServerGone(f"{self.host}:{self.port}: {error}") from error
        self.port = self.revive()
        return Client.connect(self.host, self.port)


class Link:
    """One connection number: the two sockets, and what is known of its transaction."""

    def __init__(self, oracle: Client, target: Client) -> None:
        self.clients = (oracle, target)
        self.in_transaction = False
        self.queued: List[Argv] = []
        self.short_ms = 0

    def exchange(self, batch: Sequence[Argv]) -> Iterator[Tuple[Reply, Reply]]:
        """Sends the batch to both servers; yields each pair of replies."""
        data = encode_commands(batch)
        for client in self.clients:
            try:
                client.send_while_reading(data)
            except (OSError, AssertionError):
                pass
        for _ in batch:
            oracle, target = (_read(client) for client in self.clients)
            yield oracle, target

    def learn(self, argv: Argv, reply: Reply) -> None:
        """Follows the transaction by what the oracle answered."""
        name = argv[0].upper()
        if reply.raw == b"+QUEUED\r\n":
            self.queued.append(argv)
        elif name == b"MULTI" and isinstance(reply.value, SimpleString):
            self.in_transaction = True
        elif name == b"EXEC" or (name in (b"DISCARD", b"RESET")
                                 and not isinstance(reply.value, Error)):
            self.in_transaction = False
            self.queued = []
            self.short_ms = 0

    def await_short(self, argv: Argv, reply: Reply) -> None:
        """Lets the short times pass that the command, or the transaction it ends, has set."""
        short_ms = short_time_ms(argv)
        if reply.raw == b"+QUEUED\r\n":
            self.short_ms = max(self.short_ms, short_ms)
        elif argv[0].upper() == b"EXEC":
            short_ms = self.short_ms
        if short_ms and reply.raw != b"+QUEUED\r\n":
            time.sleep((short_ms + SHORT_MARGIN_MS) / 1000)

    def close(self) -> None:
        for client in self.clients:
            client.close()


def _read(client: Client) -> Reply:
    try:
        return client.read_reply()
    except WireTimeout:
        return SILENT
    except ProtocolViolation:
        return BROKEN
    except (ConnectionClosed, OSError):
        return CLOSED


class Pair:
    """An oracle and a target. Not reusable from several threads."""

    def __init__(self, oracle: Address, target: Address, judge: Judge, protocol: int) -> None:
        self._addresses = (oracle, target)
        self._judge = judge
        self._protocol = protocol
        self._admins = (oracle.connect(), target.connect())
        self.links: List[Link] = []
        self.known: Dict[str, int] = {}
        self.commands = 0
        self.active_expire = True
        self.thresholds: Thresholds = DEFAULT_THRESHOLDS

    @property
    def admins(self) -> Tuple[Client, Client]:
        """A RESP2 connection to each, apart from the ones that steps use."""
        return self._admins

    def reset(self) -> None:
        """Empty servers and new connections; raises ServerGone."""
        for link in self.links:
            link.close()
        self.links = []
        self._admins = tuple(self._emptied(admin, address)
                             for admin, address in zip(self._admins, self._addresses))
        for admin in self._admins:
            # A server that does not permit DEBUG deletes by itself.
            admin.call("DEBUG", "SET-ACTIVE-EXPIRE", str(int(self.active_expire)))
            for name, value in RESTORED_DIRECTIVES:
                admin.ok("CONFIG", "SET", name, value)
            for name, value in self.thresholds:
                admin.call("CONFIG", "SET", name, value)  # an old version may not know it
        self.links = [Link(*(self._open(address) for address in self._addresses))
                      for _ in range(CONNECTIONS)]

    @staticmethod
    def _emptied(admin: Client, address: Address) -> Client:
        try:
            admin.ok("FLUSHALL")
            return admin
        except (OSError, AssertionError):
            admin.close()
        admin = address.connect()
        admin.ok("FLUSHALL")
        return admin

    def _open(self, address: Address) -> Client:
        client = address.connect()
        if self._protocol == 3:
            client.ok("HELLO", "3")
        return client

    def close(self) -> None:
        """Closes every connection."""
        for link in self.links:
            link.close()
        for admin in self._admins:
            admin.close()

    def run(self, steps: Sequence[Step]) -> Optional[Difference]:
        """Runs the steps; the first difference that is unexplained or makes the data diverge."""
        at = 0
        while at < len(steps):
            connection, argv = steps[at]
            link = self.links[connection]
            special = _SPECIAL.get(argv[0].upper())
            if special is not None and not link.in_transaction:
                verdict = special(self, link, argv)
                found = self._note(at, steps[at], verdict)
                if found is not None:
                    return found
                at += 1
                continue
            count = _pipeline_length(steps, at, link.short_ms > 0)
            found = self._run_pipeline(steps, at, count)
            if found is not None:
                return found
            at += count
        return None

    def _run_pipeline(self, steps: Sequence[Step], at: int, count: int) -> Optional[Difference]:
        link = self.links[steps[at][0]]
        batch = [argv for _, argv in steps[at:at + count]]
        first = None
        for offset, (oracle, target) in enumerate(link.exchange(batch)):
            queued = link.queued
            link.await_short(batch[offset], oracle)
            link.learn(batch[offset], oracle)
            if first is None:
                verdict = self._judge.judge(batch[offset], queued, oracle, target)
                first = self._note(at + offset, steps[at + offset], (verdict, oracle, target))
        return first

    def _note(self, index: int, step: Step, outcome: Tuple[Verdict, Reply, Reply]
              ) -> Optional[Difference]:
        verdict, oracle, target = outcome
        self.commands += 1
        if verdict.same:
            return None
        if verdict.known is not None:
            self.known[verdict.known.name] = self.known.get(verdict.known.name, 0) + 1
            if not verdict.known.diverges:
                return None
        return Difference(index, step, oracle.raw, target.raw, verdict)

    def one(self, link: Link, argv: Argv) -> Tuple[Verdict, Reply, Reply]:
        """Runs one command alone."""
        oracle, target = next(link.exchange([argv]))
        return self._judge.judge(argv, (), oracle, target), oracle, target

    def scan(self, link: Link, argv: Argv) -> Tuple[Verdict, Reply, Reply]:
        """SCAN: the whole iteration when the cursor is 0; else only the shape is compared."""
        outcome = self.one(link, argv)
        _, oracle, target = outcome
        whole = [isinstance(reply.value, Array) and len(reply.value) == 2
                 for reply in (oracle, target)]
        if not all(whole) or argv[1] != b"0":
            return outcome
        found = [_keys_of(scan_all(client, argv, reply))
                 for client, reply in zip(link.clients, (oracle, target))]
        return self._judge.judge([b"KEYS"], (), *found), *found

    def dbsize(self, link: Link, argv: Argv) -> Tuple[Verdict, Reply, Reply]:
        """DBSIZE after both sides were swept of keys that were born expired: exact."""
        for client in link.clients:
            try:
                scan_all(client, [b"SCAN", b"0", b"COUNT", b"1000"])
            except (OSError, AssertionError):
                pass
        oracle, target = next(link.exchange([argv]))
        return Verdict(oracle.raw == target.raw), oracle, target


_SPECIAL = {b"SCAN": Pair.scan, b"DBSIZE": Pair.dbsize}
_BOUNDARIES = frozenset(_SPECIAL)


def _pipeline_length(steps: Sequence[Step], at: int, short_queued: bool) -> int:
    connection = steps[at][0]
    length = 1
    while (length < MAX_PIPELINE and at + length < len(steps)
           and steps[at + length][0] == connection
           and not _waits_behind(steps[at + length - 1][1], short_queued)
           and steps[at + length][1][0].upper() not in _BOUNDARIES):
        length += 1
    return length


def _waits_behind(argv: Argv, short_queued: bool) -> bool:
    return short_time_ms(argv) > 0 or (short_queued and argv[0].upper() == b"EXEC")


def scan_all(client: Client, argv: Argv, first: Optional[Reply] = None) -> Set[bytes]:
    """Every key that a whole SCAN iteration returns."""
    reply = first.value if first is not None else client.call(*argv)
    keys: Set[bytes] = set(reply[1])
    for _ in range(MAX_SCAN_ROUNDS):
        if reply[0] == b"0":
            return keys
        reply = client.call(argv[0], reply[0], *argv[2:])
        keys.update(reply[1])
    raise AssertionError("SCAN does not come to an end")


def _keys_of(keys: Set[bytes]) -> Reply:
    ordered = Array(sorted(keys))
    return Reply(b"keys " + repr(list(ordered)).encode(), ordered)
