"""Bytes and text: what comes in goes out again, and only ASCII letters have two cases."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastredis.server import text
from support.wire import Client

KELVIN = "\N{KELVIN SIGN}"


@given(st.binary(max_size=40))
def test_any_bytes_come_back_from_text(data: bytes):
    assert text.encode(text.decode(data)) == data == text.encode_any(text.decode(data))
    assert text.from_system(os.fsdecode(data)) == text.decode(data)


@given(st.text(max_size=20))
def test_text_for_people_has_no_lone_surrogate(given_text: str):
    text.printable(given_text).encode("utf-8")
    assert text.printable(text.decode(b"caf\xc3\xa9\xff")) == "caf\xe9\\xff"


@given(st.binary(max_size=40))
def test_case_is_folded_as_that_of_bytes(data: bytes):
    assert text.encode(text.fold(text.decode(data))) == data.lower()


def test_a_deleted_directory_leaves_paths_as_they_are(tmp_path):
    before = os.getcwd()
    try:
        gone = tmp_path / "gone"
        gone.mkdir()
        os.chdir(gone)
        assert text.absolute("a/../b") == f"{gone}/b" and text.absolute("/c") == "/c"
        gone.rmdir()
        assert text.working_directory() == "" and text.absolute("b") == "b"
    finally:
        os.chdir(before)


@pytest.mark.parametrize("command", [
    ["CONFIG", "SET", f"tcp-{KELVIN}eepalive", "5"],
    ["CONFIG", "SET", "maxmemory-policy", f"all{KELVIN}eys-lru"],
    ["CONFIG", "SET", "client-output-buffer-limit", f"\N{LATIN SMALL LETTER LONG S}lave 1 2 3"],
    ["CONFIG", "SET", "latency-tracking-info-percentiles", "\N{LATIN SMALL LETTER DOTLESS I}nf"],
])
def test_a_kelvin_sign_is_no_k_where_something_is_set(client: Client, command: list):
    reply = client.raw(*command)
    assert reply.startswith(b"-ERR ") and b"internal" not in reply


@pytest.mark.parametrize("command", [
    ["CONFIG", "GET", f"tcp-bac{KELVIN}log"], ["CONFIG", "GET", f"tcp-bac{KELVIN}lo*"],
])
def test_a_kelvin_sign_is_no_k_where_something_is_looked_up(client: Client, command: list):
    assert client.raw(*command) == b"*0\r\n"


def test_a_kelvin_sign_is_no_k_in_names_of_sections_and_commands(client: Client):
    assert client.call("INFO", f"{KELVIN}eyspace") == b""
    client.ok("EXISTS", "k")
    client.ok("CLIENT", "ID")
    assert client.call("LATENCY", "HISTOGRAM", f"{KELVIN}eys") == []
