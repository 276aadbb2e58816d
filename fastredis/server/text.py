"""Bytes and text: the one rule by which bytes from outside become `str`, and bytes again.

    config file, CONFIG SET, INFO ...   --decode()-->        str --encode()--> clients, files, log,
    command line, working directory     --from_system()-->                     names for the kernel

Redis takes passwords, names and paths as the bytes that they are. Here they are `str`, decoded as
UTF-8 with surrogateescape, which any bytes survive; what Python itself would do depends on the
locale, and in another one than UTF-8 the two do not meet: a password is then not the one that was
configured, and a file gets another name. So whatever is named to the operating system goes through
`encode()`, and what Python has decoded already goes through `from_system()`.

Case is folded for the letters of ASCII only, as C does it in the locale "C"; `str.lower()` makes
a `k` of the Kelvin sign.

All calls are linear in the length of the text.
"""

from __future__ import annotations

import os

_FOLDED = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def decode(data: bytes) -> str:
    """Text that gives back the same bytes, whatever they are."""
    return data.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """The bytes of text made by `decode`."""
    return text.encode("utf-8", "surrogateescape")


def from_system(text: str) -> str:
    """Text that Python decoded in the locale (an argument, say), as `decode` has it."""
    return decode(os.fsencode(text))


def encode_any(text: str) -> bytes:
    """The bytes of any text; escapes stand for what `decode` does not make."""
    try:
        return encode(text)
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def printable(text: str) -> str:
    """Text without lone surrogates: bytes that are no UTF-8 become escapes."""
    return encode_any(text).decode("utf-8", "backslashreplace")


def fold(text: str) -> str:
    """Text with the letters A to Z in lower case, and nothing else changed."""
    return text.lower() if text.isascii() else text.translate(_FOLDED)


def working_directory() -> str:
    """The directory of the process; empty where it has been deleted."""
    try:
        return decode(os.getcwdb())
    except OSError:
        return ""


def absolute(path: str) -> str:
    """The absolute path of a file; the path itself where the working directory was deleted."""
    directory = "" if path.startswith("/") else working_directory()
    return os.path.normpath(os.path.join(directory, path))
