"""Where our Python lies, and what a house rule reports."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent

FRAMEWORK = "framework/src"
PLUGINS = "plugins/*/src"
TESTS = "tests"
EXAMPLES = "examples"
BENCHMARKS = "benchmarks"
TOOLS = "tools"


class Finding(NamedTuple):
    """One breach of a rule: where it is and what to do about it."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class Module(NamedTuple):
    """One Python file, read once: its path from the root, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module


def module(path: str, text: str) -> Module:
    """Parse a module; a syntax error is raised as it is, for nothing can be said about such a file."""
    return Module(path, text, ast.parse(text, filename=path))


def modules(root: Path, trees: Sequence[str]) -> Iterator[Module]:
    """Yield every Python file of the trees (globs from the root), in order of path.

    A tree that matches no folder raises `FileNotFoundError`: no rule passes because it looked at nothing.
    """
    for tree in trees:
        folders = sorted(root.glob(tree))
        if not folders:
            message = f"no folder matches {tree!r} below {root}"
            raise FileNotFoundError(message)
        for folder in folders:
            for file in sorted(folder.rglob("*.py")):
                yield module(file.relative_to(root).as_posix(), file.read_text(encoding="utf-8"))


def check_trees(root: Path, trees: Sequence[str], rule: Callable[[Module], list[Finding]]) -> list[Finding]:
    """Apply a rule to every module of the trees."""
    return [finding for each in modules(root, trees) for finding in rule(each)]


def report(rule: str, findings: Sequence[Finding]) -> int:
    """Print the findings, or that there are none, and return the exit code."""
    for finding in findings:
        print(finding)
    print(f"{rule}: {len(findings)} finding(s)" if findings else f"{rule}: kept")
    return 1 if findings else 0


def dotted(node: ast.expr) -> str | None:
    """Return `a.b.c` for a chain of names, or None for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return None if base is None else f"{base}.{node.attr}"
    return None
