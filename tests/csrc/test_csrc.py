"""Compiles csrc/ and every tests/csrc/test_*.c, and runs each program as one test.

Two configurations, because they find different faults:

- ``libc``: AddressSanitizer and UndefinedBehaviorSanitizer, every block from malloc in its exact
  size, leaks counted: overruns, use after free, leaks.
- ``slab``: the allocator as shipped, optimised, under UndefinedBehaviorSanitizer.

A configuration of the library is compiled once a session, file by file; a test program links it. A
new ``test_*.c`` is picked up by itself. The C programs take a seed and a number of iterations:
``FASTREDIS_TEST_SEED`` and ``FASTREDIS_TEST_ITERATIONS`` pass them on.

``CC`` names the compiler. Where it has no sanitizers the tests are skipped with a message, and fail
when ``CI`` is set.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from support.programs import missing

ROOT = Path(__file__).resolve().parents[2]
CSRC = ROOT / "csrc"
PROGRAMS = sorted(Path(__file__).parent.glob("test_*.c"))
RUN_TIMEOUT_S = 120
COMPILE_TIMEOUT_S = 120

COMMON_FLAGS = (
    "-std=gnu11",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-g",
    "-fno-omit-frame-pointer",
    "-fno-sanitize-recover=all",
    f"-I{CSRC}",
    f"-I{ROOT / 'tests' / 'csrc'}",
)
CONFIGURATIONS: dict[str, tuple[str, ...]] = {
    "libc": (
        "-O1",
        "-fsanitize=address,undefined",
        "-DFASTREDIS_ALLOC_LIBC",
        "-DFASTREDIS_DEBUG",
    ),
    "slab": ("-O2", "-fsanitize=undefined"),
}


def compiler() -> list[str]:
    """The C compiler as a command: ``$CC``, which may carry flags, or ``cc``."""
    return shlex.split(os.environ.get("CC") or "cc")


def compile_c(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs the compiler and returns what it said, whether or not it succeeded."""
    environment = {**os.environ, "LD_PRELOAD": ""}
    return subprocess.run(
        [*compiler(), *arguments], capture_output=True, text=True, timeout=COMPILE_TIMEOUT_S,
        env=environment,
    )


class Build:
    """The library in one configuration: objects in a directory of the session."""

    def __init__(self, name: str, directory: Path) -> None:
        self.flags = [*COMMON_FLAGS, *CONFIGURATIONS[name]]
        self.directory = directory
        self.unavailable = self._probe()
        self.errors = ""
        self.library = directory / "libcsrc.a"
        if not self.unavailable:
            self._compile_library()

    def _probe(self) -> str:
        """Why this configuration cannot be built here; empty when it can."""
        source = self.directory / "probe.c"
        program = self.directory / "probe"
        source.write_text("int main(void) { return 0; }\n")
        try:
            built = compile_c([*self.flags, str(source), "-o", str(program)])
        except FileNotFoundError:
            return f"no C compiler: {compiler()[0]}"
        if built.returncode != 0:
            return f"{compiler()[0]} cannot link with sanitizers: {built.stderr.strip()[-500:]}"
        ran = run_program([str(program)])
        return "" if ran.returncode == 0 else f"sanitizers do not run here: {ran.stderr[-500:]}"

    def _compile_library(self) -> None:
        """Compiles what compiles into an archive, so that a broken file fails the compile test and
        the programs that need it, not all of them."""
        objects: list[str] = []
        for source in sorted(CSRC.glob("*.c")):
            target = self.directory / f"{source.stem}.o"
            built = compile_c([*self.flags, "-c", str(source), "-o", str(target)])
            if built.returncode == 0:
                objects.append(str(target))
            else:
                self.errors += f"{source.name}:\n{built.stderr}\n"
        subprocess.run(["ar", "rcs", str(self.library), *objects], check=True)

    def link(self, program: Path) -> str:
        """Compiles one test program against the library and returns the path of the result."""
        target = self.directory / program.stem
        libraries = [str(self.library), "-lm", "-lpthread"]
        built = compile_c([*self.flags, str(program), *libraries, "-o", str(target)])
        if built.returncode != 0:
            pytest.fail(f"{program.name} does not compile:\n{built.stderr}", pytrace=False)
        return str(target)


def run_program(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs a test program with the sanitizers told to stop at the first report."""
    leaks = "detect_leaks=1:" if sys.platform.startswith("linux") else ""
    environment = {
        **os.environ,
        "ASAN_OPTIONS": leaks + "abort_on_error=1:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    }
    environment.pop("LD_PRELOAD", None)
    return subprocess.run(
        command, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, env=environment
    )


@pytest.fixture(scope="session")
def builds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Build]:
    """The configurations built so far in this session, by name."""
    return {}


@pytest.fixture
def build(
    request: pytest.FixtureRequest,
    builds: dict[str, Build],
    tmp_path_factory: pytest.TempPathFactory,
) -> Build:
    """The library in the configuration that the test asks for, compiled on first use."""
    name = request.param
    if name not in builds:
        builds[name] = Build(name, tmp_path_factory.mktemp(f"csrc-{name}"))
    return builds[name]


def test_there_are_c_tests_to_run() -> None:
    assert PROGRAMS


@pytest.mark.parametrize("build", CONFIGURATIONS, indirect=True)
def test_the_library_compiles_without_a_warning(build: Build) -> None:
    if build.unavailable:
        missing(build.unavailable)
    assert not build.errors, build.errors


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
@pytest.mark.parametrize("build", CONFIGURATIONS, indirect=True)
def test_c_program_passes_under_sanitizers(build: Build, program: Path) -> None:
    if build.unavailable:
        missing(build.unavailable)
    command = [
        build.link(program),
        os.environ.get("FASTREDIS_TEST_SEED", "1"),
        os.environ.get("FASTREDIS_TEST_ITERATIONS", "0"),
    ]
    ran = run_program(command)
    report = f"{shlex.join(command)} ended with {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
    assert ran.returncode == 0, report
    assert "ok test_" in ran.stdout, f"no test ran\n{report}"
