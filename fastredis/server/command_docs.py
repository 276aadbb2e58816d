"""COMMAND DOCS: what each command does, since when, and the grammar of its arguments.

The answers come from the documentation table, `fastredis/data/*.json`: one file a family of
commands, one entry a command, so that whoever adds a command touches one obvious place. The
engine's command table is not asked for any of it, and knows none of it: text and grammar would
be dead weight in native code, as only tools ask (redis-cli, once, when it starts). Which commands
exist is the engine's knowledge alone; the table may describe more than the server has.

    strings.json   {"append": ENTRY, "decr": ENTRY, ...}

    ENTRY      summary, since, then where there is one: complexity, doc_flags, deprecated_since,
               replaced_by, history [[version, change], ...], arguments [ARGUMENT, ...],
               tips [text, ...], subcommands {name without its container: ENTRY, ...}
    ARGUMENT   name, type, then where there is one: display_text, key_spec_index, token, summary,
               since, deprecated_since, flags, arguments

Two things are left out of the files because they follow from the rest: the group, which is the
same for a whole file (GROUP_OF_FILE), and display_text where it is the argument's name. `tips`
are part of COMMAND INFO, not of this reply; they stand in the table for its readers, and a test
holds them equal to what the engine says.

Invariants: fields are sent in the order of ENTRY_FIELDS and ARGUMENT_FIELDS, whatever the order
in the files; the table is never changed after it is read, nor handed out, so a reply belongs to
its caller.

Complexity: the first call reads all files, about 2.5 ms and 0.8 MB, which then stay; a server
that nobody asks pays nothing. A call is linear in the size of its reply.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Collection, Iterable

from fastredis.server.replies import ReplySet, Status

DATA_FOLDER = Path(__file__).resolve().parent.parent / "data"

GROUP_OF_FILE = {
    "bits": "bitmap",
    "cluster": "cluster",
    "connection": "connection",
    "geo": "geo",
    "hashes": "hash",
    "hyperloglog": "hyperloglog",
    "keys": "generic",
    "lists": "list",
    "pubsub": "pubsub",
    "scripting": "scripting",
    "server": "server",
    "sets": "set",
    "sorted_sets": "sorted-set",
    "streams": "stream",
    "strings": "string",
    "transactions": "transactions",
}
"""The families of the table, and the group that COMMAND DOCS names for each."""

ENTRY_FIELDS = (
    "summary", "since", "group", "complexity", "doc_flags", "deprecated_since", "replaced_by",
    "history", "arguments", "subcommands")

ARGUMENT_FIELDS = (
    "name", "type", "display_text", "key_spec_index", "token", "summary", "since",
    "deprecated_since", "flags", "arguments")

TYPES_WITHOUT_DISPLAY_TEXT = frozenset(("oneof", "block"))
"""An argument that only holds others is not shown by itself."""


@lru_cache(maxsize=1)
def documentation_table() -> dict[str, dict[str, Any]]:
    """The entries of all families by command name, lower case, each with its group.

    Subcommands stay inside their container. The result is shared: read it, do not change it.
    """
    table: dict[str, dict[str, Any]] = {}
    for family, group in GROUP_OF_FILE.items():
        text = (DATA_FOLDER / f"{family}.json").read_text(encoding="utf-8")
        for name, entry in json.loads(text).items():
            entry["group"] = group
            table[name] = entry
    return table


def command_docs(names: Iterable[str] | None,
                 available: Callable[[str], bool] | Collection[str]) -> dict[str, Any]:
    """The reply of COMMAND DOCS, ready to be encoded: full command names and what they mean.

    `names` are the commands asked for, in any case, subcommands as "client|kill"; None asks for
    all. `available` says which commands the server has, by full lower-case name: a set of names
    or a function. Names that the server has not, or the table does not describe, are left out.
    A name given twice is answered once, as a map needs.
    """
    has = available if callable(available) else available.__contains__
    table = documentation_table()
    reply = {}
    for name in sorted(table) if names is None else names:
        name = name.lower()
        entry = _find(table, name)
        if entry is not None and has(name):
            reply[name] = _entry_reply(name, entry, has)
    return reply


def _find(table: dict[str, dict[str, Any]], name: str) -> dict[str, Any] | None:
    """The entry of a command or, with its group, of a subcommand "container|name"."""
    container, bar, subcommand = name.partition("|")
    entry = table.get(container)
    if entry is None or not bar:
        return entry
    found = entry.get("subcommands", {}).get(subcommand)
    return None if found is None else {**found, "group": entry["group"]}


def _entry_reply(name: str, entry: dict[str, Any], has: Callable[[str], bool]) -> dict[str, Any]:
    """One command's part of the reply; of its subcommands, those that the server has."""
    made = dict(entry)
    if "doc_flags" in entry:
        made["doc_flags"] = ReplySet(map(Status, entry["doc_flags"]))
    if "history" in entry:
        made["history"] = ReplySet(map(tuple, entry["history"]))
    if "arguments" in entry:
        made["arguments"] = [_argument_reply(argument) for argument in entry["arguments"]]
    made["subcommands"] = {
        full_name: _entry_reply(full_name, {**subcommand, "group": entry["group"]}, has)
        for full_name, subcommand in (
            (f"{name}|{part}", subcommand)
            for part, subcommand in entry.get("subcommands", {}).items())
        if has(full_name)}
    if not made["subcommands"]:
        del made["subcommands"]
    return {field: made[field] for field in ENTRY_FIELDS if field in made}


def _argument_reply(argument: dict[str, Any]) -> dict[str, Any]:
    """One argument of the grammar, with those inside it."""
    made = dict(argument)
    if argument["type"] not in TYPES_WITHOUT_DISPLAY_TEXT:
        made.setdefault("display_text", argument["name"])
    if "flags" in argument:
        made["flags"] = ReplySet(map(Status, argument["flags"]))
    if "arguments" in argument:
        made["arguments"] = [_argument_reply(inner) for inner in argument["arguments"]]
    return {field: made[field] for field in ARGUMENT_FIELDS if field in made}
