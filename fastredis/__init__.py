"""fastredis: a Redis-compatible in-memory server for Python people."""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["__version__"]
