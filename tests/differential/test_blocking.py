"""Several clients that wait for lists, and others that feed them: who is served what, and when.

The same steps go to a real server and to the server under test. A step is one burst of commands
on one connection that does not wait; after it, each connection that waited is looked at on both
sides: either it waits on both, or it has been answered the same on both. Whether it waits, the
server says itself (CLIENT LIST), so nothing here depends on time.

Servers before 7.2 hand an element over instead of running the command again; what differs by that
(another type on the way, several keys that become ready at once) is not drawn then.
"""

from __future__ import annotations

import random
import select
from typing import Callable, List, Optional, Sequence, Tuple

import pytest

from support.seeds import drawn_seed
from support.wire import Client, encode_commands, eventually

from .grammar import Argv
from .runner import show_command

STEPS = 1500
LINKS = 6
KEYS = [b"a", b"b", b"c", b"d"]
SIDES = [b"LEFT", b"RIGHT"]
BLOCKING = frozenset((b"BLPOP", b"BRPOP", b"BLMOVE", b"BRPOPLPUSH", b"BLMPOP"))

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.target("fastredis", "redis>=7.2", reason="compared with a real server")]


class Link:
    """One connection to each of the two servers."""

    def __init__(self, open_pair: Callable[[], Tuple[Client, Client]]) -> None:
        self.clients = open_pair()
        self.ids = [client.call("CLIENT", "ID") for client in self.clients]
        self.waits = False

    def read(self) -> List[bytes]:
        """One reply of each side."""
        return [client.read_raw() for client in self.clients]

    def close(self) -> None:
        for client in self.clients:
            client.close()


class Crowd:
    """Connections in step, and what has been done with them.

    blocking   commands that may wait
    reads      what compares the keys, the key standing where b"KEY" stands
    """

    blocking = BLOCKING
    reads: Sequence[Argv] = ([b"TYPE", b"KEY"], [b"LRANGE", b"KEY", b"0", b"-1"])

    def __init__(self, servers: Sequence, protocol: int) -> None:
        self._open = lambda: tuple(server.client(protocol) for server in servers)
        self._admins = tuple(server.client() for server in servers)
        self.links = [Link(self._open) for _ in range(LINKS)]
        self.history: List[str] = []

    def free(self) -> List[int]:
        """The connections that do not wait."""
        return [number for number, link in enumerate(self.links) if not link.waits]

    def send(self, number: int, commands: List[Argv]) -> None:
        """Sends commands, of which only the last may wait, and looks at everybody."""
        self.history.append(f"conn{number}> " + " ; ".join(map(show_command, commands)))
        link = self.links[number]
        for client in link.clients:
            client.send(encode_commands(commands))
        for command in commands[:-1]:
            self._compare(number, command, link.read())
        if commands[-1][0] in self.blocking:
            link.waits = True
            # Both have taken the command in when their admin connections are answered below.
            for admin, client, identity in zip(self._admins, link.clients, link.ids):
                eventually(lambda: self._has_taken(admin, client, identity), what="the command")
        else:
            self._compare(number, commands[-1], link.read())
        self._look()

    def _has_taken(self, admin: Client, client: Client, identity: int) -> bool:
        """Whether the server has read the command: it waits, or has answered."""
        return (self._waits(admin, identity) or client.reader.pending
                or select.select([client.socket], [], [], 0)[0])

    @staticmethod
    def _waits(admin: Client, identity: int) -> bool:
        line = bytes(admin.ok("CLIENT", "LIST", "ID", str(identity)))
        return b" flags=b " in line

    def _look(self) -> None:
        for number, link in enumerate(self.links):
            if not link.waits:
                continue
            waiting = [self._waits(admin, identity)
                       for admin, identity in zip(self._admins, link.ids)]
            assert waiting[0] == waiting[1], self._story(f"conn{number} waits: {waiting}")
            if not waiting[0]:
                link.waits = False
                self._compare(number, [b"(what it waited for)"], link.read())

    def _compare(self, number: int, command: Argv, replies: List[bytes]) -> None:
        assert replies[0] == replies[1], self._story(
            f"conn{number}, {show_command(command)}: {replies[0]!r} and {replies[1]!r}")

    def _story(self, what: str) -> str:
        return "\n".join([*self.history[-60:], what])

    def unblock(self, number: int, how: List[bytes]) -> None:
        """CLIENT UNBLOCK, whether it waits or not."""
        self.history.append(f"unblock conn{number} {how}")
        replies = [admin.raw("CLIENT", "UNBLOCK", str(identity), *how)
                   for admin, identity in zip(self._admins, self.links[number].ids)]
        self._compare(number, [b"CLIENT", b"UNBLOCK"], replies)
        self._look()

    def replace(self, number: int) -> None:
        """The connection goes, waiting or not; another comes in its place."""
        self.history.append(f"close conn{number}")
        link = self.links[number]
        link.close()
        for admin, identity in zip(self._admins, link.ids):
            eventually(lambda: admin.call("CLIENT", "LIST", "ID", str(identity)) == b"",
                       what="the close")
        self.links[number] = Link(self._open)

    def data(self) -> None:
        """Compares what the keys hold."""
        for key in KEYS + [b"spare"]:
            for template in self.reads:
                command = [key if arg == b"KEY" else arg for arg in template]
                self._compare(-1, command, [admin.raw(*command) for admin in self._admins])


class Drawer:
    """Draws bursts. `old`: the oracle hands elements over."""

    def __init__(self, rng: random.Random, old: bool) -> None:
        self._rng = rng
        self._old = old
        self._value = 0

    def key(self) -> bytes:
        """A key that others use too."""
        return self._rng.choice(KEYS)

    def values(self) -> List[bytes]:
        """Values that never come twice, so that each can be traced."""
        count = self._rng.choice([1, 1, 1, 2, 3, 5])
        self._value += count
        return [b"v%d" % (self._value - count + 1 + number) for number in range(count)]

    def wait(self) -> Argv:
        """A command that waits without limit."""
        rng, key = self._rng, self.key
        kind = rng.choice([0, 2, 3] if self._old else [0, 1, 2, 3, 4])
        if kind == 0:
            return [rng.choice([b"BLPOP", b"BRPOP"]), key(), b"0"]
        if kind == 1:
            keys = [key() for _ in range(rng.randint(2, 4))]
            return [rng.choice([b"BLPOP", b"BRPOP"]), *keys, b"0"]
        if kind == 2:
            return [b"BLMOVE", key(), key(), rng.choice(SIDES), rng.choice(SIDES), b"0"]
        if kind == 3:
            return [b"BRPOPLPUSH", key(), key(), b"0"]
        return [b"BLMPOP", b"0", b"2", key(), key(), rng.choice(SIDES), b"COUNT",
                rng.choice([b"1", b"2", b"9"])]

    def write(self, key: bytes) -> Argv:
        """A command that may feed who waits for the key."""
        rng = self._rng
        commands = [
            [b"RPUSH", key, *self.values()], [b"LPUSH", key, *self.values()],
            [b"RPUSH", key, *self.values()], [b"LPUSHX", key, *self.values()],
            [b"RPUSH", b"spare", *self.values()], [b"RENAME", b"spare", key],
            [b"COPY", b"spare", key], [b"LMOVE", b"spare", key, b"LEFT", b"RIGHT"],
            [b"DEL", key], [b"LPOP", key], [b"LTRIM", key, b"0", b"1"],
            [b"LREM", key, b"0", b"none"]]
        if not self._old:
            commands += [[b"SET", key, b"text"], [b"SADD", key, b"member"]]
        return rng.choice(commands)

    def burst(self) -> List[Argv]:
        """What one connection sends."""
        rng = self._rng
        where = rng.random()
        if where < 0.45:
            return [self.wait()]
        if where < 0.8:
            return [self.write(self.key())]
        if where < 0.9:
            return [self.write(self.key()) for _ in range(rng.randint(2, 4))]
        key = self.key()
        inner = [self.write(key if self._old else self.key()) for _ in range(rng.randint(1, 4))]
        if rng.random() < 0.3:
            inner.insert(rng.randrange(len(inner) + 1), self.wait())
        return [[b"MULTI"], *inner, [b"EXEC"]]


def play(crowd: Crowd, drawer: Drawer, rng: random.Random) -> None:
    """One step."""
    where = rng.random()
    waiting: List[int] = [number for number in range(LINKS) if number not in crowd.free()]
    free: Optional[int] = rng.choice(crowd.free()) if crowd.free() else None
    if where < 0.04 or free is None:
        crowd.unblock(rng.choice(waiting or [0]), rng.choice([[], [b"TIMEOUT"], [b"ERROR"]]))
    elif where < 0.06:
        crowd.replace(rng.randrange(LINKS))
    else:
        crowd.send(free, drawer.burst())


@pytest.mark.parametrize("protocol", [2, 3], ids=["resp2", "resp3"])
def test_the_same_clients_are_served_the_same(server, oracle, protocol: int) -> None:
    seed = drawn_seed()
    rng = random.Random(seed)
    old = oracle.target.version < (7, 2)
    crowd = Crowd((oracle, server), protocol)
    crowd.history.append(f"seed {seed}")
    drawer = Drawer(rng, old)
    for number in range(STEPS):
        play(crowd, drawer, rng)
        if number % 50 == 0:
            crowd.data()
    crowd.data()
