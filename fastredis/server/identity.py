"""What tells this build from others; asked by `-v`, which loads next to nothing, and by INFO."""

from __future__ import annotations


def build_id() -> str:
    """Sixteen hexadecimal digits that differ between versions of fastredis and of Python."""
    import sys
    import zlib

    from fastredis import __version__

    name = f"{__version__} {sys.version}".encode()
    return f"{zlib.crc32(name):08x}{zlib.crc32(name[::-1]):08x}"
