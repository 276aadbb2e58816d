"""COMMAND DOCS: the documentation table against the facts, and the reply on the wire."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from fastredis.server.command_docs import (
    ARGUMENT_FIELDS, DATA_FOLDER, ENTRY_FIELDS, GROUP_OF_FILE, command_docs, documentation_table)
from fastredis.server.replies import ReplySet, Status
from support.own_commands import OWN_COMMANDS
from support.wire import Array, Bulk, Map, Set, SimpleString

FACTS_FOLDER = Path(__file__).parent.parent / "data"

newer_shape = pytest.mark.target(
    "fastredis", "redis>=7.2", "valkey", reason="Redis 7.0 sends no display_text")

IFEQ = {"name": "comparison-value", "type": "string", "token": "IFEQ", "since": "8.1.0"}
"""Valkey's condition of SET, the one argument that we add to Redis's grammar."""

VERSION = re.compile(r"\d+\.\d+\.\d+")


def everything(_name: str) -> bool:
    return True


def facts() -> Dict[str, Dict[str, Any]]:
    """What Redis has, and what Valkey has beside it, subcommands merged likewise."""
    redis, valkey = (json.loads((FACTS_FOLDER / f"commands-{name}.json").read_text())
                     for name in ("redis-8.0.6", "valkey-9.1.2"))
    for name, entry in valkey.items():
        mine = redis.setdefault(name, entry)
        for part, subcommand in entry.get("subcommands", {}).items():
            mine["subcommands"].setdefault(part, subcommand)
    for argument in redis["set"]["arguments"]:
        if argument["name"] == "condition":
            argument["arguments"].append(IFEQ)
    return redis


def flattened(table: Dict[str, Dict[str, Any]]) -> Iterator[Tuple[str, Dict[str, Any]]]:
    """Every entry with its full name, subcommands included."""
    for name, entry in table.items():
        yield name, entry
        for part, subcommand in entry.get("subcommands", {}).items():
            yield f"{name}|{part}", subcommand


def test_the_table_describes_exactly_the_commands_of_the_facts_and_our_own():
    wanted = {*dict(flattened(facts())), *OWN_COMMANDS}
    assert sorted(dict(flattened(documentation_table()))) == sorted(wanted)


@pytest.mark.parametrize("field", ("since", "arguments", "tips"))
def test_the_table_equals_the_facts(field):
    wanted = dict(flattened(facts()))
    for name, entry in flattened(documentation_table()):
        if name in OWN_COMMANDS:
            continue
        assert entry.get(field, []) == (wanted[name].get(field) or []), name


def test_a_file_holds_the_commands_of_its_group():
    groups = {name: entry["group"] for name, entry in flattened(facts())}
    for name, entry in documentation_table().items():
        if name in OWN_COMMANDS:
            continue
        assert entry["group"] == groups[name], name
        for part in entry.get("subcommands", {}):
            assert groups.get(f"{name}|{part}", entry["group"]) == entry["group"]


def test_every_file_of_the_table_is_read_and_sorted_by_name():
    for family in GROUP_OF_FILE:
        table = json.loads((DATA_FOLDER / f"{family}.json").read_text(encoding="utf-8"))
        assert list(table) == sorted(table)
        for entry in table.values():
            assert list(entry.get("subcommands", {})) == sorted(entry.get("subcommands", {}))


def test_every_entry_has_a_short_summary_in_one_line():
    for name, entry in flattened(documentation_table()):
        summary = entry["summary"]
        assert 5 < len(summary) <= 100 and summary.isprintable(), name
        assert summary[0].isupper() and not summary.endswith("."), name


def test_entries_hold_known_fields_only_and_deprecated_ones_say_since_when():
    for name, entry in flattened(documentation_table()):
        assert set(entry) <= {*ENTRY_FIELDS, "tips"}, name
        assert set(entry.get("doc_flags", ())) <= {"deprecated", "syscmd"}, name
        deprecated = "deprecated" in entry.get("doc_flags", ())
        assert deprecated == ("deprecated_since" in entry) == ("replaced_by" in entry), name
        for version, change in entry.get("history", ()):
            assert VERSION.fullmatch(version) and change, name


def test_names_are_found_in_any_case_and_answered_in_lower_case():
    reply = command_docs(["GET", "Client|Kill"], everything)
    assert list(reply) == ["get", "client|kill"]
    assert reply["client|kill"]["group"] == "connection"


def test_unknown_names_are_left_out():
    assert command_docs(["nosuch", "client|nosuch", "config|get|x", "get|x", ""], everything) == {}


def test_only_available_commands_are_answered():
    available = {"get", "client", "client|id"}
    assert list(command_docs(None, available)) == ["client", "get"]
    assert list(command_docs(["set", "get", "client|kill"], available)) == ["get"]
    assert list(command_docs(["client"], available)["client"]["subcommands"]) == ["client|id"]


def test_a_container_without_available_subcommands_has_no_such_field():
    assert "subcommands" not in command_docs(["object"], {"object"})["object"]


def test_all_available_commands_are_answered_in_order_of_their_names():
    reply = command_docs(None, everything)
    assert list(reply) == sorted(documentation_table())


def test_a_reply_belongs_to_its_caller():
    before = command_docs(["set"], everything)
    changed = command_docs(["set"], everything)
    changed["set"]["arguments"][0]["name"] = "changed"
    changed["set"]["arguments"].clear()
    assert command_docs(["set"], everything) == before


def test_flags_are_sets_of_status_and_keep_their_order():
    arguments = command_docs(["sort"], everything)["sort"]["arguments"]
    flags = next(item["flags"] for item in arguments if item["name"] == "get-pattern")
    assert type(flags) is ReplySet
    assert list(flags) == ["optional", "multiple", "multiple_token"]
    assert all(type(flag) is Status for flag in flags)


def test_history_is_an_ordered_set_of_pairs():
    history = command_docs(["set"], everything)["set"]["history"]
    assert type(history) is ReplySet
    assert [version for version, _change in history] == ["2.6.12", "6.0.0", "6.2.0", "7.0.0",
                                                        "8.1.0"]


class DocsReader:
    """Checks the wire types of a COMMAND DOCS reply while turning it into plain values."""

    def __init__(self, protocol: int) -> None:
        self.protocol = protocol

    def pairs(self, value: Any) -> List[Tuple[str, Any]]:
        """A map: RESP3 has a type for it, RESP2 a flat array."""
        if self.protocol == 3:
            assert type(value) is Map, value
            pairs = list(value)
        else:
            assert type(value) is Array and len(value) % 2 == 0, value
            pairs = list(zip(value[::2], value[1::2]))
        assert all(type(key) is Bulk for key, _item in pairs), value
        return [(key.decode(), item) for key, item in pairs]

    def set_of(self, value: Any, item_type: type) -> List[Any]:
        """A non-empty set of `item_type`."""
        assert type(value) is (Set if self.protocol == 3 else Array), value
        assert value and all(type(item) is item_type for item in value), value
        return list(value)

    def ordered(self, value: Any, fields: Tuple[str, ...]) -> Dict[str, Any]:
        """A map whose keys are some of `fields`, in that order."""
        pairs = self.pairs(value)
        names = [key for key, _item in pairs]
        assert names == [field for field in fields if field in names], names
        return dict(pairs)

    def argument(self, value: Any) -> None:
        """An argument and those inside it."""
        made = self.ordered(value, ARGUMENT_FIELDS)
        assert type(made["name"]) is Bulk and type(made["type"]) is Bulk
        assert ("display_text" in made) == (made["type"] not in (b"oneof", b"block"))
        assert type(made.get("key_spec_index", 0)) is int
        for field in ("display_text", "token", "summary", "since", "deprecated_since"):
            assert type(made.get(field, Bulk())) is Bulk
        if "flags" in made:
            flags = self.set_of(made["flags"], SimpleString)
            assert set(flags) <= {b"optional", b"multiple", b"multiple_token"}
        self.arguments(made)

    def arguments(self, made: Dict[str, Any]) -> None:
        """The field "arguments", in both protocols a plain array."""
        if "arguments" in made:
            assert type(made["arguments"]) is Array and made["arguments"]
            for argument in made["arguments"]:
                self.argument(argument)

    def entry(self, name: str, value: Any) -> Dict[str, Any]:
        """A command's entry, with its subcommands."""
        made = self.ordered(value, ENTRY_FIELDS)
        for field in ("summary", "since", "group"):
            assert type(made[field]) is Bulk, name
        for field in ("complexity", "deprecated_since", "replaced_by"):
            assert type(made.get(field, Bulk())) is Bulk, name
        if "doc_flags" in made:
            self.set_of(made["doc_flags"], SimpleString)
        if "history" in made:
            for change in self.set_of(made["history"], Array):
                assert [type(part) for part in change] == [Bulk, Bulk]
        self.arguments(made)
        if "subcommands" in made:
            for full_name, subcommand in self.pairs(made["subcommands"]):
                assert full_name.startswith(f"{name}|")
                self.entry(full_name, subcommand)
        return made


@newer_shape
@pytest.mark.parametrize("protocol", (2, 3))
def test_the_reply_has_the_shape_that_clients_parse(connect, protocol):
    client, reader = connect(protocol), DocsReader(protocol)
    documented = reader.pairs(client.ok("COMMAND", "DOCS"))
    for name, value in documented:
        if b"module" not in client.ok("COMMAND", "INFO", name)[0][2]:
            reader.entry(name, value)
    names = [name for name, _value in documented]
    assert sorted(names) == sorted(
        name.decode() for name in client.ok("COMMAND", "LIST") if b"|" not in name)


@newer_shape
@pytest.mark.parametrize("protocol", (2, 3))
def test_the_reply_holds_what_is_asked_for_and_nothing_else(connect, protocol):
    client, reader = connect(protocol), DocsReader(protocol)
    reply = reader.pairs(client.ok("COMMAND", "DOCS", "nosuch", "GET", "client|kill"))
    assert [name for name, _value in reply] == ["get", "client|kill"]
    assert reader.entry("get", reply[0][1])["group"] == b"string"
    assert reader.pairs(client.ok("COMMAND", "DOCS", "nosuch")) == []


@pytest.mark.parametrize("protocol_option", ([], ["-3"]))
@pytest.mark.parametrize("words, grammar", (
    (["get"], r"GET\S* \S*key"),
    (["set"], r"SET\S* \S*key value \[NX\|XX.*\[GET\] \[EX seconds\|PX milliseconds"),
    (["client", "pause"], r"CLIENT PAUSE\S* \S*timeout \[WRITE\|ALL\]"),
    (["del"], r"DEL\S* \S*key \[key \.\.\.\]"),
))
def test_redis_cli_shows_help_made_from_the_reply(server, words, grammar, protocol_option):
    if shutil.which("redis-cli") is None:
        pytest.skip("redis-cli is not installed")
    answer = subprocess.run(
        ["redis-cli", "-h", server.host, "-p", str(server.port), *protocol_option, "help", *words],
        capture_output=True, text=True, timeout=20, check=True)
    assert re.search(grammar, answer.stdout), answer.stdout
    assert "summary:" in answer.stdout and answer.stderr == ""
