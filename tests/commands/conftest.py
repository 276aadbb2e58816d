"""The fixture of dialogue tests."""

from __future__ import annotations

import pytest

from .dialogue import Dialogue


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def dialogue(request: pytest.FixtureRequest, server) -> Dialogue:
    """A dialogue with the shared server, once in each protocol."""
    return Dialogue(server, request.param)
