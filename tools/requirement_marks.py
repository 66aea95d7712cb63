"""Finds `@pytest.mark.requirement("ID", ...)` in the tests, without importing them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tools.sources import TESTS, Module, dotted, modules

MARK = "pytest.mark.requirement"


class Proof(NamedTuple):
    """A mark: the row it cites and the test that carries it; or what is wrong with the mark."""

    identifier: str
    test: str
    path: str
    line: int
    problem: str = ""


def proofs(root: Path) -> list[Proof]:
    """Return every mark in tests/, in order of path and line."""
    return [proof for module in modules(root, (TESTS,)) for proof in proofs_in(module)]


def proofs_in(module: Module) -> list[Proof]:
    """Return the marks of one module: on functions, on classes and in `pytestmark`."""
    return sorted(_in_body(module.tree.body, module.path, module.path), key=lambda proof: proof.line)


def _in_body(body: list[ast.stmt], owner: str, path: str) -> Iterator[Proof]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            name = f"{owner}::{node.name}"
            for decorator in node.decorator_list:
                yield from _marks(decorator, name, path, is_test=node.name.startswith("Test"))
            yield from _in_body(node.body, name, path)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                yield from _marks(
                    decorator, f"{owner}::{node.name}", path, is_test=node.name.startswith("test")
                )
        elif isinstance(node, ast.Assign) and any(dotted(target) == "pytestmark" for target in node.targets):
            yield from _marks(node.value, owner, path, is_test=True)


def _marks(decoration: ast.expr, owner: str, path: str, *, is_test: bool) -> Iterator[Proof]:
    """Yield the marks inside a decoration, also those of a `pytest.param`."""
    for node in ast.walk(decoration):
        if not (isinstance(node, ast.Call) and dotted(node.func) == MARK):
            continue
        if not is_test:
            yield Proof("", owner, path, node.lineno, "is marked but pytest does not collect it")
            continue
        if not node.args or node.keywords:
            yield Proof("", owner, path, node.lineno, "has a requirement mark without an id")
        for argument in node.args:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield Proof(argument.value, owner, path, argument.lineno)
            else:
                yield Proof(
                    "", owner, path, argument.lineno, "cites a row by something else than its id in quotes"
                )
