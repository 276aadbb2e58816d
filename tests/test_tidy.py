"""What the house rules say and a program can check.

Lengths are ratchets: the lists of exceptions name files and functions with their present length,
and a test fails when one of them grows, or when an entry is no longer needed.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINE_MAX = 100
FILE_MAX = {".c": 1000, ".h": 1000, ".pyx": 1000, ".py": 600}
FUNCTION_MAX = 70
PYX_TOTAL_MAX = 20_000  # a build of the extension takes about half a minute
TOP_LEVEL = {
    "pyproject.toml", "setup.py", "README.md", "LICENSE", "fastredis", "csrc", "tests", "bench",
}
# Longer than the rule says, with the length that they must not pass.
LONG_FUNCTIONS: dict[str, int] = {}
LONG_FILES: dict[str, int] = {}

CODE = sorted(
    path for folder in ("csrc", "fastredis", "tests", "bench")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (*FILE_MAX, ".pxd", ".pyi") and "__pycache__" not in path.parts
)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines()


def tracked_files() -> list[str]:
    listing = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listing.returncode:
        pytest.skip("not a git checkout")
    return listing.stdout.split("\n")[:-1]


def function_lengths(path: Path) -> dict[str, int]:
    """Lengths of the functions of a file by name, in lines, docstrings and comments included."""
    lines = lines_of(path)
    found: dict[str, int] = {}
    if path.suffix in (".c", ".h"):
        start = None
        for number, line in enumerate(lines):
            if line == "{" or (re.match(r"^\w.*\)\s*\{$", line)):
                start = number
            elif line.startswith("}") and start is not None:
                head = lines[start] if lines[start] != "{" else lines[start - 1]
                found[f"{name_of(path)}: {head.strip()[:60]}"] = number - start + 1
                start = None
        return found
    pattern = re.compile(r"^(\s*)(async def|def|cdef|cpdef)\s.*?(\w+)\(")
    open_at: list[tuple[int, str, int]] = []
    last_code = 0
    for number, line in enumerate([*lines, "end"]):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        indent = len(line) - len(line.lstrip())
        while open_at and indent <= open_at[-1][0] and not line.lstrip().startswith(")"):
            depth, name, begin = open_at.pop()
            found[f"{name_of(path)}: {name}"] = last_code - begin + 1
        match = pattern.match(line)
        if match and (match[2] != "cdef" or ")" not in line or line.rstrip().endswith(":")):
            open_at.append((indent, match[3], number))
        last_code = number
    return found


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_lines_are_at_most_a_hundred_columns_and_have_no_blanks_at_their_end(path):
    for number, line in enumerate(lines_of(path), 1):
        assert len(line) <= LINE_MAX, f"{name_of(path)}:{number} has {len(line)} columns"
        assert line == line.rstrip(), f"{name_of(path)}:{number} ends in blanks"
    assert path.read_bytes().endswith(b"\n"), f"{name_of(path)} ends within a line"


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_files_are_short_enough_to_read(path):
    if path.suffix not in FILE_MAX:
        return
    length = len(lines_of(path))
    limit = LONG_FILES.get(name_of(path), FILE_MAX[path.suffix])
    assert length <= limit, f"{name_of(path)} has {length} lines, at most {limit}"


def test_functions_are_short_enough_to_read():
    lengths = {}
    for path in CODE:
        if path.suffix in (".c", ".h", ".pyx", ".py"):
            lengths.update(function_lengths(path))
    long = {
        name: length for name, length in lengths.items()
        if length > LONG_FUNCTIONS.get(name, FUNCTION_MAX)
    }
    assert not long
    settled = [name for name in LONG_FUNCTIONS if lengths.get(name, 0) <= FUNCTION_MAX]
    assert not settled, "take these out of LONG_FUNCTIONS"


def test_files_open_with_what_they_are():
    for path in CODE:
        first = lines_of(path)[:1]
        if not first:
            continue
        opening = {
            ".c": ("/*",), ".h": ("/*",), ".pyx": ("#", '"""'), ".pxd": ("#", '"""'),
            ".py": ('"""', "#!"), ".pyi": ('"""', "#"),
        }[path.suffix]
        assert first[0].startswith(opening), f"{name_of(path)} does not say what it is"


def test_the_extension_stays_of_a_size_that_compiles_quickly():
    total = sum(len(lines_of(path)) for path in CODE if path.suffix == ".pyx")
    assert total <= PYX_TOTAL_MAX


def test_the_top_level_holds_only_what_belongs_there():
    top = {name.split("/")[0] for name in tracked_files()}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL


def test_the_c_library_knows_neither_python_nor_clients_nor_commands():
    forbidden = re.compile(r"Python\.h|PyObject|\bcommand table\b.*include|fastredis/")
    for path in CODE:
        if path.parts[-2] == "csrc":
            for number, line in enumerate(lines_of(path), 1):
                if line.startswith("#include"):
                    assert not forbidden.search(line), f"{name_of(path)}:{number}"


def test_engine_and_commands_hold_no_python_object():
    """Every function of these layers is nogil; only registration at import may use Python."""
    allowed = {"fastredis/engine/table.pyx"}
    for path in CODE:
        if path.suffix != ".pyx" or path.parts[-2] not in ("engine", "commands"):
            continue
        for number, line in enumerate(lines_of(path), 1):
            where = f"{name_of(path)}:{number}"
            assert not re.match(r"\s*(def|cpdef|class|cdef class)\s", line), where
            assert "with gil" not in line, where
            if name_of(path) in allowed:
                continue
            if re.match(r"cdef (inline )?[\w ]+\**\w+\(.*:$", line):
                assert "nogil" in line, where


def test_each_layer_has_one_mutable_global():
    """`state` and `edge`. Tables that are filled while the module is imported do not count: nothing
    changes them; nor what Python registers once, or a signal handler has to find."""
    tables = {
        "rows", "row_count", "name_slots", "flag_bits", "acl_name_count", "flag_name_count",
        "_kept_texts", "_flag_bits", "unknown_row", "values",
    }
    registered = {
        "_python_handlers", "_on_unexpected", "_Status", "_embedding", "_migration_carrier",
        "stop_asked", "on_sigint", "on_sigterm",
    }
    declared = re.compile(r"^cdef (?!enum|struct|extern|inline|class)[\w ]+?[ *]+(\w+)(\[\w+\])*"
                          r"( = .*)?(  #.*)?$")
    found = {
        f"{name_of(path)}: {match[1]}"
        for folder in ("engine", "commands", "server")
        for path in (ROOT / "fastredis" / folder).glob("*.pyx")
        if path.name not in ("state.pyx", "edge_state.pyx") for line in lines_of(path)
        if (match := declared.match(line)) and match[1] not in tables | registered
        and not match[1].isupper()
    }
    assert not found


def test_every_error_text_stands_in_one_file():
    text = re.compile(r'b"-?(ERR|WRONGTYPE|NOAUTH|WRONGPASS|EXECABORT|BUSYKEY|OOM|NOPERM|NOPROTO) ')
    for path in CODE:
        if path.suffix == ".pyx" and path.name != "status.pyx":
            for number, line in enumerate(lines_of(path), 1):
                assert not text.search(line), f"{name_of(path)}:{number} holds an error text"


def test_every_part_is_included_in_the_extension_once():
    root = (ROOT / "fastredis" / "_engine.pyx").read_text()
    included = re.findall(r'^include "(.+)"$', root, re.M)
    assert len(included) == len(set(included))
    parts = {
        path.relative_to(ROOT / "fastredis").as_posix() for path in CODE
        if path.suffix == ".pyx" and path.parent != ROOT / "fastredis"
    }
    assert parts == set(included)


def test_every_c_file_has_a_header_and_a_test():
    for path in (ROOT / "csrc").glob("*.c"):
        assert path.with_suffix(".h").exists(), name_of(path)
        assert (ROOT / "tests" / "csrc" / f"test_{path.name}").exists(), f"no test of {path.name}"


def test_no_mark_of_a_merge_is_left():
    for path in CODE:
        for number, line in enumerate(lines_of(path), 1):
            assert not re.match(r"(<{7}|>{7}) ", line), f"{name_of(path)}:{number}"


def test_nothing_is_left_for_later():
    words = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    for path in CODE:
        if path == Path(__file__):
            continue
        for number, line in enumerate(lines_of(path), 1):
            assert not words.search(line), f"{name_of(path)}:{number}"
