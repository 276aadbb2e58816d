"""The typed surface of the extensions says what the extensions have: no name more, no name less,
and the same parameters."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "fastredis"
# Names that exist for type checkers alone.
TYPES_ONLY = {
    "_engine": {"Reply", "Handler", "Buffer", "ClientNumbers", "MemoryNumbers", "DatabaseNumbers"},
    "structures": {"Buffer", "HashTableStats", "ExpiryHeapStats", "SkipListStats"},
}


def stub_of(name: str) -> ast.Module:
    return ast.parse((PACKAGE / f"{name}.pyi").read_text())


def names_of(body: list[ast.stmt]) -> set[str]:
    """The public names that a stub, or a class in it, declares."""
    found: set[str] = set()
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
        elif isinstance(node, ast.Assign):
            found.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.If):
            found |= names_of(node.body) | names_of(node.orelse)
    return {name for name in found if not name.startswith("_")}


def parameters_of(node: ast.FunctionDef) -> list[str]:
    arguments = node.args
    return [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def functions_of(name: str) -> list[tuple[str, object, ast.FunctionDef]]:
    """Every function and public method of a stub, with the real one."""
    module = importlib.import_module(f"fastredis.{name}")
    found: list[tuple[str, object, ast.FunctionDef]] = []
    for node in stub_of(name).body:
        if isinstance(node, ast.FunctionDef):
            found.append((node.name, getattr(module, node.name), node))
        elif isinstance(node, ast.ClassDef) and node.name not in TYPES_ONLY[name]:
            owner = getattr(module, node.name)
            found += [
                (f"{node.name}.{method.name}", getattr(owner, method.name), method)
                for method in node.body
                if isinstance(method, ast.FunctionDef) and not method.name.startswith("_")
                and not method.decorator_list
            ]
    return found


@pytest.mark.parametrize("name", TYPES_ONLY)
def test_the_stub_declares_exactly_the_public_names(name):
    module = importlib.import_module(f"fastredis.{name}")
    real = {each for each in dir(module) if not each.startswith("_")}
    real -= {each for each in real if inspect.ismodule(getattr(module, each))}
    real -= {"annotations", "cython"}
    assert names_of(stub_of(name).body) - TYPES_ONLY[name] == real


@pytest.mark.parametrize("name", TYPES_ONLY)
def test_classes_have_exactly_the_public_methods_that_the_stub_declares(name):
    module = importlib.import_module(f"fastredis.{name}")
    for node in stub_of(name).body:
        if isinstance(node, ast.ClassDef) and node.name not in TYPES_ONLY[name]:
            owner = getattr(module, node.name)
            inherited = dir(owner.__mro__[1])
            real = {each for each in dir(owner) if not each.startswith("_")} - set(inherited)
            declared = names_of(node.body)
            assert declared - {"commands"} == real, node.name  # an attribute of instances


@pytest.mark.parametrize("name", TYPES_ONLY)
def test_functions_have_the_parameters_that_the_stub_declares(name):
    functions = functions_of(name)
    assert functions
    for label, real, declared in functions:
        assert list(inspect.signature(real).parameters) == parameters_of(declared), label


@pytest.mark.parametrize("name", TYPES_ONLY)
def test_public_functions_have_a_docstring(name):
    for label, real, _ in functions_of(name):
        written = (real.__doc__ or "").partition("\n")[2]  # behind the embedded signature
        assert written.strip(), label
