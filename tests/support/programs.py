"""Programs that tests run, and what becomes of a test without them."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def missing(reason: str) -> NoReturn:
    """Skips the test for want of a tool, or fails it where every tool must be present."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def program(name: str) -> str:
    """The path of a program; a test without it is skipped, in CI fails."""
    path = shutil.which(name)
    if path is None:
        missing(f"{name} is not installed")
    return path
