"""The command table as clients see it, held against recorded facts of real servers.

The facts (tests/data/commands-*.json, one command a line) were recorded from Redis 8.0.6 and
Valkey 9.1.2: arity, flags, positions of keys, ACL categories, tips, key specs, argument grammar.
Of a key spec's free-text note they only say that there is one: notes are each server's own words.

fastredis is compared with Redis, and with Valkey for what Redis does not have. A real server as
target is compared with its own facts, which shows that these tests read replies correctly.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from support.own_commands import OWN_COMMANDS
from support.server_process import Target
from support.wire import NULL, NULL_BULK, Array, Bulk, Client, Map, Set, SimpleString

pytestmark = pytest.mark.target(
    "fastredis", "redis>=8.0", "valkey>=9.1", reason="the facts are those of newer servers")

DATA = Path(__file__).parent.parent / "data"

REQUIRED_GROUPS = ("string", "generic", "transactions", "bitmap", "hyperloglog")
"""Every command of these groups is there, except those of NOT_YET."""

REQUIRED_OF_REDIS = """
    auth echo hello ping quit reset select
    client client|getname client|help client|id client|info client|kill client|list
    client|no-evict client|no-touch client|pause client|reply client|setinfo client|setname
    client|unpause
    command command|count command|docs command|getkeys command|getkeysandflags command|help
    command|info command|list
    config config|get config|help config|resetstat config|rewrite config|set
    dbsize debug flushall flushdb info lolwut memory memory|usage shutdown swapdb time
""".split()
"""Commands of other groups that are there as well."""

REQUIRED_OF_VALKEY = ("delifeq", "msetex")

NOT_YET: Dict[str, str] = {}
"""Commands of the required groups that may still be missing, each with its reason."""

DIFFERENCES: Dict[Tuple[str, str], Tuple[Any, str]] = {}
"""(command, field) -> (our value, reason): where fastredis differs from the facts on purpose."""

FIELDS = ("name", "arity", "flags", "first_key", "last_key", "step", "acl_categories", "tips",
          "key_specs", "subcommands")
"""The ten fields of a COMMAND INFO entry, in order."""


def load_facts(server_name: str) -> Dict[str, Dict[str, Any]]:
    """Facts by full command name; a container's "subcommands" are full names, sorted."""
    facts = {}
    for name, entry in json.loads((DATA / f"commands-{server_name}.json").read_text()).items():
        subcommands = entry.pop("subcommands", {})
        for part, subcommand in subcommands.items():
            facts[f"{name}|{part}"] = {**subcommand, "subcommands": []}
        entry["subcommands"] = sorted(f"{name}|{part}" for part in subcommands)
        facts[name] = entry
    return facts


REDIS_FACTS = load_facts("redis-8.0.6")
VALKEY_FACTS = load_facts("valkey-9.1.2")


def facts_for(target: Target) -> Dict[str, Dict[str, Any]]:
    """What the server under test is to be compared with."""
    if target.name == "valkey":
        return VALKEY_FACTS
    return {**VALKEY_FACTS, **REDIS_FACTS} if target.is_fastredis else REDIS_FACTS


class InfoReader:
    """Turns COMMAND INFO entries into the form of the facts, checking every wire type.

    RESP3 sends sets and maps where RESP2 sends arrays, and that is all the difference; but the
    subcommands of a container are an array in RESP3 too.
    """

    def __init__(self, protocol: int, target: Target) -> None:
        self.protocol = protocol
        self.set_type = Set if protocol == 3 else Array
        self.type_of_no_subcommands = Array if target.name == "valkey" else self.set_type

    def items(self, value: Any, item_type: type) -> List[Any]:
        """The elements of a set, whose types must be `item_type`."""
        assert type(value) is self.set_type, value
        assert all(type(item) is item_type for item in value), value
        return list(value)

    def texts(self, value: Any, item_type: type) -> List[str]:
        """The elements of a set of text."""
        return [item.decode() for item in self.items(value, item_type)]

    def pairs(self, value: Any) -> Dict[str, Any]:
        """A map: its keys are bulk strings."""
        if self.protocol == 3:
            assert type(value) is Map, value
            pairs = value
        else:
            assert type(value) is Array, value
            pairs = list(zip(value[::2], value[1::2]))
            assert len(pairs) * 2 == len(value), value
        assert all(type(key) is Bulk for key, _ in pairs), value
        return {key.decode(): item for key, item in pairs}

    def search(self, value: Any) -> Dict[str, Any]:
        """begin_search or find_keys of a key spec."""
        step = self.pairs(value)
        assert list(step) == ["type", "spec"] and type(step["type"]) is Bulk, value
        spec = {key: item if type(item) is int else item.decode()
                for key, item in self.pairs(step["spec"]).items()}
        return {"type": step["type"].decode(), "spec": spec}

    def key_spec(self, value: Any) -> Dict[str, Any]:
        """A key spec in the form of the facts; of notes it keeps only that there are some."""
        spec = self.pairs(value)
        order = [key for key in ("notes", "flags", "begin_search", "find_keys") if key in spec]
        assert list(spec) == order, value
        made: Dict[str, Any] = {}
        if "notes" in spec:
            assert type(spec["notes"]) is Bulk and spec["notes"], value
            made["notes"] = True
        made["flags"] = self.texts(spec["flags"], SimpleString)
        made["begin_search"] = self.search(spec["begin_search"])
        made["find_keys"] = self.search(spec["find_keys"])
        return made

    def subcommands(self, value: Any) -> Dict[str, Any]:
        """Raw entries by full name. Where there is none, Redis sends RESP3 an empty set."""
        assert type(value) is (Array if value else self.type_of_no_subcommands), value
        assert all(type(item) is Array for item in value), value
        return {item[0].decode(): item for item in value}

    def entry(self, value: Any) -> Dict[str, Any]:
        """One entry by field name; its subcommands as raw entries by full name."""
        assert type(value) is Array and len(value) == len(FIELDS), value
        made = dict(zip(FIELDS, value))
        assert type(made["name"]) is Bulk, value
        for field in ("arity", "first_key", "last_key", "step"):
            assert type(made[field]) is int, value
        made["name"] = made["name"].decode()
        made["flags"] = self.texts(made["flags"], SimpleString)
        made["acl_categories"] = self.texts(made["acl_categories"], SimpleString)
        made["tips"] = self.texts(made["tips"], Bulk)
        specs = self.items(made["key_specs"], Map if self.protocol == 3 else Array)
        made["key_specs"] = [self.key_spec(spec) for spec in specs]
        made["subcommands"] = self.subcommands(made["subcommands"])
        return made


def known_names(client: Client) -> List[str]:
    """Full names of all commands and subcommands of the server under test."""
    names = client.ok("COMMAND", "LIST")
    return sorted(name.decode() for name in names)


def core_names(client: Client, target: Target) -> List[str]:
    """The same without what loaded modules add (Redis 8 comes with one)."""
    if target.is_fastredis:
        return known_names(client)
    infos = client.ok("COMMAND", "INFO", *known_names(client))
    return sorted(info[0].decode() for info in infos if b"module" not in info[2])


def differences(reader: InfoReader, value: Any, name: str, facts: Dict[str, Any],
                target: Target) -> Iterator[str]:
    """Each field in which an entry differs from the facts without being in DIFFERENCES."""
    entry = reader.entry(value)
    if entry["name"] != name:
        yield f"{name}: answered as {entry['name']}"
    for field in FIELDS[1:-1]:
        wanted = facts[field]
        if target.is_fastredis and (name, field) in DIFFERENCES:
            wanted = DIFFERENCES[name, field][0]
        if entry[field] != wanted:
            yield f"{name} {field}: {entry[field]!r}, facts say {wanted!r}"


@pytest.mark.parametrize("protocol", (2, 3))
def test_every_known_command_equals_the_facts(connect, target, protocol):
    client, facts, reader = connect(protocol), facts_for(target), InfoReader(protocol, target)
    found = []
    for name in core_names(client, target):
        if name in facts:
            value = client.ok("COMMAND", "INFO", name)[0]
            found.extend(differences(reader, value, name, facts[name], target))
        elif not (target.is_fastredis and name in OWN_COMMANDS):
            found.append(f"{name}: in no facts, and not in OWN_COMMANDS")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("protocol", (2, 3))
def test_a_container_holds_exactly_the_entries_of_its_subcommands(connect, target, protocol):
    client, reader = connect(protocol), InfoReader(protocol, target)
    names = known_names(client)
    for name in names:
        nested = reader.entry(client.ok("COMMAND", "INFO", name)[0])["subcommands"]
        assert sorted(nested) == [full for full in names if full.startswith(f"{name}|")]
        for full_name, entry in nested.items():
            assert client.ok("COMMAND", "INFO", full_name) == [entry]


def test_containers_hold_subcommands_of_the_facts_only(client, target):
    names, facts = core_names(client, target), facts_for(target)
    for name in names:
        wanted = facts.get(name, {"subcommands": []})["subcommands"]
        found = [full for full in names if full.startswith(f"{name}|")]
        assert set(found) <= set(wanted) | set(OWN_COMMANDS)
        if not target.is_fastredis:
            assert found == wanted


@pytest.mark.parametrize("group", REQUIRED_GROUPS)
def test_all_commands_of_a_required_group_are_known(client, target, group):
    names = known_names(client)
    wanted = [name for name, entry in REDIS_FACTS.items() if entry["group"] == group]
    assert wanted
    assert [name for name in wanted if name not in names and name not in NOT_YET] == []


def test_required_commands_of_other_groups_are_known(client, target):
    names = known_names(client)
    assert [name for name in REQUIRED_OF_REDIS if name not in names] == []


@pytest.mark.target("fastredis", "valkey>=9.1", reason="Redis does not have Valkey's commands")
def test_commands_that_valkey_adds_are_known(client):
    names = known_names(client)
    assert [name for name in REQUIRED_OF_VALKEY if name not in names] == []


def test_the_lists_of_this_file_name_real_commands():
    for name in (*REQUIRED_OF_REDIS, *NOT_YET):
        assert name in REDIS_FACTS
    for name in REQUIRED_OF_VALKEY:
        assert name in VALKEY_FACTS and name not in REDIS_FACTS
    for name, _field in DIFFERENCES:
        assert name in REDIS_FACTS or name in VALKEY_FACTS
    for name in OWN_COMMANDS:
        assert name not in REDIS_FACTS and name not in VALKEY_FACTS


@pytest.mark.target("fastredis", reason="the tests are about our own commands")
def test_every_command_is_sent_by_a_test(client):
    tests = Path(__file__).parent.parent
    text = "\n".join(path.read_text() for folder in ("commands", "server", "wire")
                     for path in sorted((tests / folder).glob("test_*.py"))
                     if path != Path(__file__))
    known = known_names(client)
    entries = client.ok("COMMAND", "INFO", *known)
    # Containers have no handler; their HELP is sent by test_helps_are_lists_of_lines.
    names = [name for name, entry in zip(known, entries)
             if not entry[9] and not name.endswith("|help")]
    assert names
    unsent = [name for name in names
              if not re.search(r"\b" + name.replace("|", r"\W+") + r"\b", text, re.IGNORECASE)]
    assert unsent == []


@pytest.mark.target("fastredis", reason="only our own table can be ahead of its lists")
def test_what_is_listed_as_missing_is_missing(client):
    names = known_names(client)
    assert [name for name in NOT_YET if name in names] == []


def test_command_without_arguments_describes_each_top_level_command_once(client):
    entries = client.ok("COMMAND")
    names = sorted(entry[0].decode() for entry in entries)
    assert names == [name for name in known_names(client) if "|" not in name]
    assert client.ok("COMMAND", "COUNT") == len(names)
    assert sorted(client.ok("COMMAND", "INFO")) == sorted(entries)


@pytest.mark.parametrize("protocol, null", ((2, NULL_BULK), (3, NULL)))
def test_command_info_answers_null_for_each_unknown_name(connect, protocol, null):
    answers = connect(protocol).ok(
        "COMMAND", "INFO", "nosuch", "get", "client|nosuch", "config|get|x", "GET")
    assert [answers[index] for index in (0, 2, 3)] == [null] * 3
    assert answers[1] == answers[4] and answers[1][0] == b"get"


def test_command_info_finds_subcommands_in_any_case(client):
    lower, upper = client.ok("COMMAND", "INFO", "client|kill", "CLIENT|KILL")
    assert lower == upper and lower[0] == b"client|kill"


def test_every_known_command_is_documented(client, target):
    documented = client.ok("COMMAND", "DOCS", *core_names(client, target))
    assert sorted(name.decode() for name in documented[::2]) == core_names(client, target)
