"""Clients of redis-py on the server under test."""

from __future__ import annotations

from typing import Callable, Iterator

import pytest
import redis
import redis.asyncio


@pytest.fixture
def db(server) -> Iterator[redis.Redis]:
    """A client that speaks text."""
    with redis.Redis(host=server.host, port=server.port, decode_responses=True) as client:
        yield client


@pytest.fixture
def open_async(server) -> Callable[[], redis.asyncio.Redis]:
    """Opens asyncio clients; called inside of the loop that uses them."""
    def open_client() -> redis.asyncio.Redis:
        return redis.asyncio.Redis(host=server.host, port=server.port, decode_responses=True)
    return open_client
