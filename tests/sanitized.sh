#!/usr/bin/env bash
# The whole suite under AddressSanitizer and UndefinedBehaviorSanitizer, in one command:
#
#     bash tests/sanitized.sh [arguments of pytest]
#
# The sources are copied to build/sanitized/tree and built there, so the normal build stays as it
# is; a second run builds only what has changed. The interpreter is $PYTHON, or else the first of
# .venv/bin/python and python3 that holds the test packages, or else a virtual environment that is
# made under build/sanitized. The compiler is $CC, or else gcc; it must be a GCC, since its shared
# runtimes are loaded before the interpreter.
#
# What counts as a failure
#   - every report. The process that causes one ends at once; reports go to files, and the test
#     during which one appears fails with its text, whatever process it came from: a server, a
#     daemon that has left its parent, pytest itself. A report after the last test fails the run.
#   - a byte that is not given back: the allocator counts exactly (ALLOC=libc, every block on its
#     own), and tests/engine/test_leaks.py holds the count against itself. The leak detector of
#     the sanitizer is for the C tests: here it would list the interpreter, and take references
#     that are packed in 48 bits for leaks.
#
# What it finds beside the obvious: a server that uses its stack after return, a size that differs
# between alloc_new and alloc_free (FASTREDIS_DEBUG), and code that only a fault reaches.
#
# FASTREDIS_TEST_TIME_SCALE (default 4) multiplies the timeouts of the harness.
# FASTREDIS_DIFFERENTIAL_COMMANDS (default 40000), FASTREDIS_TEST_SEED and FASTREDIS_TEST_ITERATIONS
# make the random tests longer. On two cores the whole takes about six minutes, the build included.
set -euo pipefail
cd "$(dirname "$0")/.."
work="$PWD/build/sanitized"
tree="$work/tree"
reports="$work/reports"

holds_packages() {
    "$1" -c 'import Cython, hiredis, hypothesis, pytest, pytest_benchmark, pytest_timeout, redis
import setuptools, uvloop' 2>/dev/null
}

# The real path of an interpreter: a wrapper script would be run under the sanitizers too.
find_python() {
    local candidate
    for candidate in ${PYTHON:-.venv/bin/python python3}; do
        if command -v "$candidate" >/dev/null && holds_packages "$candidate"; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    if ! [ -x "$work/venv/bin/python" ] || ! holds_packages "$work/venv/bin/python"; then
        "${PYTHON:-python3}" -m venv "$work/venv" >&2
        sed -n '/^requires = \|^dependencies = /p; /^test = \[/,/^\]/p' pyproject.toml \
            | grep -o '"[^"]*"' | tr -d '"' | xargs "$work/venv/bin/python" -m pip install -q >&2
    fi
    echo "$work/venv/bin/python"
}

copy_tree() {
    mkdir -p "$tree"
    find "$tree" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
    tar -c --exclude='*.so' --exclude=__pycache__ --exclude='*.egg-info' \
        pyproject.toml setup.py README.md LICENSE .ci .github csrc fastredis tests bench \
        | tar -x -C "$tree"
}

# Sources, switches and interpreter: what a build is good for.
fingerprint() {
    echo "$python $CC $FASTREDIS_SANITIZE $FASTREDIS_DEBUG"
    find setup.py csrc fastredis -type f \( -name '*.py' -o -name '*.[ch]' -o -name '*.p*x*' \) \
        | LC_ALL=C sort | xargs cksum
}

export CC="${CC:-gcc}"
runtimes=""
for name in libasan.so libubsan.so; do
    runtime="$($CC -print-file-name=$name)"
    [ -e "$runtime" ] || { echo "$CC has no $name: tests/sanitized.sh needs a GCC" >&2; exit 1; }
    runtimes+="$runtime "
done
mkdir -p "$work"
python="$(find_python)"
export FASTREDIS_SANITIZE=1 FASTREDIS_DEBUG=1
copy_tree
cd "$tree"
wanted="$(fingerprint)"
if [ "$wanted" != "$(cat "$work/fingerprint" 2>/dev/null)" ]; then
    rm -rf "$work/built" "$work/fingerprint"
    "$python" setup.py -q build_ext --inplace > "$work/build.log" 2>&1 \
        || { cat "$work/build.log" >&2; exit 1; }
    mkdir -p "$work/built"
    cp fastredis/*.so "$work/built/"
    echo "$wanted" > "$work/fingerprint"
fi
cp "$work"/built/*.so fastredis/

rm -rf "$reports"
mkdir -p "$reports"
export FASTREDIS_TEST_SANITIZED=1
export FASTREDIS_TEST_TIME_SCALE="${FASTREDIS_TEST_TIME_SCALE:-4}"
export FASTREDIS_TEST_REPORTS="$reports"
export FASTREDIS_DIFFERENTIAL_COMMANDS="${FASTREDIS_DIFFERENTIAL_COMMANDS:-40000}"
export PYTHONMALLOC=malloc
log="log_path=$reports/report"
export ASAN_OPTIONS="$log:detect_leaks=0:abort_on_error=1:handle_abort=1:strict_string_checks=1"
ASAN_OPTIONS+=":detect_stack_use_after_return=1:check_initialization_order=1"
export UBSAN_OPTIONS="$log:halt_on_error=1:print_stacktrace=1"

status=0
LD_PRELOAD="$runtimes" "$python" -m pytest -p no:cacheprovider "$@" || status=$?
for report in "$reports"/report.*; do
    [ -e "$report" ] || continue
    echo "A report that no test was given:" >&2
    cat "$report" >&2
    status=1
done
exit "$status"
