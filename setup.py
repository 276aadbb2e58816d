"""Build of the extensions over the static C library: the engine, and the structures by themselves.

Switches, by environment variable:
    FASTREDIS_DEBUG=1           -O0 -g, assertions, allocator checks
    FASTREDIS_SANITIZE=1        AddressSanitizer and UndefinedBehaviorSanitizer (implies ALLOC=libc)
    ALLOC=libc                  every block from malloc, for leak and address checkers
    FASTREDIS_PROFILE=1         frame pointers and symbols, for perf
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_clib import build_clib
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

ROOT = Path(__file__).resolve().parent


def switched_on(name):
    """Whether an environment switch is set to something that means yes."""
    return os.environ.get(name, "").lower() not in ("", "0", "no", "false")


DEBUG = switched_on("FASTREDIS_DEBUG")
SANITIZE = switched_on("FASTREDIS_SANITIZE")
PROFILE = switched_on("FASTREDIS_PROFILE")
LIBC_ALLOC = SANITIZE or os.environ.get("ALLOC") == "libc"

compile_args = ["-std=gnu11", "-fno-strict-aliasing", "-fvisibility=hidden", "-Wall"]
# Distances come out the same on every machine: no multiply and add in one rounding.
compile_args += ["-ffp-contract=off"]
compile_args += ["-O1"] if SANITIZE else ["-O0"] if DEBUG else ["-O2"]
if DEBUG or SANITIZE:
    compile_args += ["-g", "-UNDEBUG"]
link_args = ["-pthread", "-lm"]
if PROFILE or SANITIZE:
    compile_args += ["-g", "-fno-omit-frame-pointer"]
if SANITIZE:
    compile_args += ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
    link_args += ["-fsanitize=address,undefined"]

macros = []
if LIBC_ALLOC:
    macros.append(("FASTREDIS_ALLOC_LIBC", "1"))
if DEBUG:
    macros.append(("FASTREDIS_DEBUG", "1"))
elif not SANITIZE:
    macros.append(("NDEBUG", "1"))

c_sources = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("csrc/*.c"))
c_headers = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("csrc/*.h"))
included = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.pyx", "*/*.pyx", "capi/*.p*") for path in ROOT.glob(f"fastredis/{pattern}")
)

library = ("fastredis_core", {
    "sources": c_sources,
    "obj_deps": {"": c_headers},
    "include_dirs": ["csrc"],
    "macros": macros,
    "cflags": [*compile_args, "-fPIC"],
})

extensions = [
    Extension(
        name,
        sources=[source],
        depends=[*included, *c_headers, *c_sources] if name.endswith("_engine") else c_headers,
        include_dirs=["csrc"],
        define_macros=macros,
        extra_compile_args=[*compile_args, "-Wno-unused-function",
                            "-Wno-unused-variable", "-Wno-sign-compare"],
        extra_link_args=link_args,
    )
    for name, source in (
        ("fastredis._engine", "fastredis/_engine.pyx"),
        ("fastredis.structures", "fastredis/structures.pyx"),
    )
]


class BuildLibrary(build_clib):
    """Keeps the objects of each set of switches apart: objects are reused by their age alone."""

    def finalize_options(self):
        super().finalize_options()
        switches = ["core", *(["debug"] if DEBUG else []), *(["sanitize"] if SANITIZE else []),
                    *(["profile"] if PROFILE else []), *(["libc"] if LIBC_ALLOC else [])]
        self.build_temp = self.build_clib = os.path.join(self.build_temp, "-".join(switches))


class BuildExtension(build_ext):
    """Also builds the static library when only build_ext is asked for (editable installs)."""

    def run(self):
        self.run_command("build_clib")
        super().run()


class SourceArchive(sdist):
    """Holds the tests and benchmarks as well, whole: by default some tests go in and some not."""

    def make_distribution(self):
        self.filelist.extend(
            path.relative_to(ROOT).as_posix()
            for pattern in ("tests/**/*", "bench/**/*") for path in ROOT.glob(pattern)
            if path.is_file() and "__pycache__" not in path.parts
        )
        self.filelist.remove_duplicates()
        super().make_distribution()


setup(
    libraries=[library],
    cmdclass={"build_clib": BuildLibrary, "build_ext": BuildExtension, "sdist": SourceArchive},
    ext_modules=cythonize(
        extensions,
        include_path=["."],
        build_dir="build/cython",
        force=True,
        compiler_directives={"language_level": 3},
    ),
)
