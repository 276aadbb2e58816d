"""The README's examples, as they stand there: what a reader pastes must work."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", README, re.M | re.S)
COMMANDS = re.findall(r"^```sh\n(.*?)^```$", README, re.M | re.S)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
@pytest.mark.target("fastredis", reason="examples of this project")
def test_example_runs_as_pasted(number: int, request):
    code = EXAMPLES[number]
    if "port=6379" in code:
        server = request.getfixturevalue("fresh_server")()
        code = code.replace("port=6379", f"port={server.port}")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_two_commands_are_one_line_each_and_name_what_exists():
    start, test = COMMANDS[0].strip(), COMMANDS[1].strip()
    assert "\n" not in start and "\n" not in test
    assert shlex.split(start)[-1].endswith("fastredis-server")
    assert 'fastredis-server = "fastredis.cli:main"' in (ROOT / "pyproject.toml").read_text()
    assert "-m pytest" in test


def test_every_path_that_the_readme_names_exists():
    words = re.findall(r"\]\(([^)h][^)]*)\)", README)
    words += re.findall(r"`((?:csrc|fastredis|tests|bench)/[\w./]*)`", README)
    assert words
    missing = [word for word in words if not (ROOT / word).exists()]
    assert not missing


def test_every_bench_command_that_the_readme_names_exists():
    for path in re.findall(r"python (bench/\w+\.py)", README):
        assert (ROOT / path).exists(), path
