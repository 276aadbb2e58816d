"""Several clients that wait for entries of streams, alone and in groups: as test_blocking.py does
for lists, whose crowd this is.

Servers before 7.2 serve who waits by another way: what differs by that (keys and groups that go
while somebody waits for them, several streams of one command) is not drawn then.
"""

from __future__ import annotations

import random
from typing import List, Sequence

import pytest

from support.seeds import drawn_seed

from .grammar import Argv
from .test_blocking import KEYS, STEPS, Crowd, play

GROUPS = [b"g", b"h"]
CONSUMERS = [b"a", b"b", b"c"]

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.target("fastredis", "redis>=8.0", reason="compared with a real server")]


class StreamCrowd(Crowd):
    """Clients that wait for streams."""

    blocking = frozenset((b"XREAD", b"XREADGROUP"))
    reads: Sequence[Argv] = (
        [b"TYPE", b"KEY"], [b"XRANGE", b"KEY", b"-", b"+"], [b"XPENDING", b"KEY", b"g"],
        [b"XPENDING", b"KEY", b"h"])


class StreamDrawer:
    """Draws bursts. `old`: the oracle does not run commands again."""

    def __init__(self, rng: random.Random, old: bool) -> None:
        self._rng = rng
        self._old = old
        self._value = 0

    def key(self) -> bytes:
        """A key that others use too."""
        return self._rng.choice(KEYS)

    def streams(self, *ids: bytes) -> Argv:
        """STREAMS with one or more keys."""
        count = 1 if self._old else self._rng.choice([1, 1, 1, 2, 3])
        return [b"STREAMS", *[self.key() for _ in range(count)],
                *[self._rng.choice(ids) for _ in range(count)]]

    def wait(self) -> Argv:
        """A command that waits without limit."""
        rng = self._rng
        counted = rng.choice([[], [], [b"COUNT", b"1"], [b"COUNT", b"2"]])
        if rng.random() < 0.4:
            ids = [b"$", b"$", b"40-5", b"9"] if self._old else [b"$", b"$", b"40-5", b"9", b"+"]
            return [b"XREAD", b"BLOCK", b"0", *counted, *self.streams(*ids)]
        return [b"XREADGROUP", b"GROUP", rng.choice(GROUPS), rng.choice(CONSUMERS), b"BLOCK", b"0",
                *counted, *rng.choice([[], [], [b"NOACK"]]), *self.streams(b">")]

    def write(self, key: bytes) -> Argv:
        """A command that may feed who waits for the key."""
        rng = self._rng
        self._value += 1
        added = [b"40-*", b"f", b"v%d" % self._value]
        commands: List[Argv] = [
            [b"XADD", key, *added], [b"XADD", key, *added], [b"XADD", key, *added],
            [b"XADD", key, b"MAXLEN", b"3", *added], [b"XADD", key, b"NOMKSTREAM", *added],
            [b"XDEL", key, b"40-%d" % rng.randint(0, 9)], [b"XTRIM", key, b"MAXLEN", b"2"],
            [b"XGROUP", b"CREATE", key, rng.choice(GROUPS), rng.choice([b"0", b"$"]), b"MKSTREAM"],
            [b"XGROUP", b"CREATE", key, rng.choice(GROUPS), b"$", b"MKSTREAM"],
            [b"XGROUP", b"SETID", key, rng.choice(GROUPS), rng.choice([b"0", b"$"])],
            [b"XACK", key, rng.choice(GROUPS), b"40-%d" % rng.randint(0, 9)]]
        if not self._old:
            commands += [
                [b"XADD", key, b"MAXLEN", b"0", *added], [b"XADD", b"spare", *added],
                [b"DEL", key], [b"RENAME", b"spare", key], [b"COPY", b"spare", key, b"REPLACE"],
                [b"SET", key, b"text"], [b"XGROUP", b"DESTROY", key, rng.choice(GROUPS)],
                [b"XCLAIM", key, rng.choice(GROUPS), b"a", b"0", b"40-1", b"40-2", b"FORCE"]]
        return rng.choice(commands)

    def burst(self) -> List[Argv]:
        """What one connection sends."""
        rng = self._rng
        where = rng.random()
        if where < 0.4:
            return [self.wait()]
        if where < 0.85 or self._old:
            return [self.write(self.key())]
        inner = [self.write(self.key()) for _ in range(rng.randint(1, 4))]
        if where < 0.92:
            return inner
        if rng.random() < 0.3:
            inner.insert(rng.randrange(len(inner) + 1), self.wait())
        return [[b"MULTI"], *inner, [b"EXEC"]]


@pytest.mark.parametrize("protocol", [2, 3], ids=["resp2", "resp3"])
def test_the_same_readers_are_served_the_same(server, oracle, protocol: int) -> None:
    seed = drawn_seed()
    rng = random.Random(seed)
    crowd = StreamCrowd((oracle, server), protocol)
    crowd.history.append(f"seed {seed}")
    drawer = StreamDrawer(rng, oracle.target.version < (7, 2))
    for number in range(STEPS):
        play(crowd, drawer, rng)
        if number % 50 == 0:
            crowd.data()
    crowd.data()
