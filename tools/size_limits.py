"""Size limits: a module and a function that can be read in one go.

Modules have at most 400 lines (test modules 600), functions at most 40, docstring included. Up to 70 lines
are allowed to a function that `tools/size_limits.toml` names with its reason; nothing is allowed beyond. Test
functions have no limit.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tools.sources import (
    BENCHMARKS,
    EXAMPLES,
    FRAMEWORK,
    PLUGINS,
    ROOT,
    TESTS,
    TOOLS,
    Finding,
    Module,
    modules,
    report,
)

SOURCE_TREES = (FRAMEWORK, PLUGINS, TOOLS, EXAMPLES, BENCHMARKS)
TEST_TREES = (TESTS,)
ALLOW_LIST = "tools/size_limits.toml"

MODULE_LINES = 400
TEST_MODULE_LINES = 600
FUNCTION_LINES = 40
ALLOWED_FUNCTION_LINES = 70


class Function(NamedTuple):
    """A function with its name in the module (`Class.method`) and its length."""

    name: str
    line: int
    length: int


def check(root: Path) -> list[Finding]:
    """Return every module and function over its limit, and every allowance that is of no use."""
    allowed = read_allow_list(root)
    findings: list[Finding] = []
    used: set[str] = set()
    for module in modules(root, SOURCE_TREES):
        findings += check_module_length(module, MODULE_LINES)
        for function in functions(module.tree):
            key = f"{module.path}::{function.name}"
            if function.length > FUNCTION_LINES and key in allowed:
                used.add(key)
            findings += check_function(module.path, function, is_allowed=key in allowed)
    for module in modules(root, TEST_TREES):
        findings += check_module_length(module, TEST_MODULE_LINES)
    findings += [
        Finding(ALLOW_LIST, 1, f"{key} needs no allowance any more") for key in allowed if key not in used
    ]
    return findings


def read_allow_list(root: Path) -> dict[str, str]:
    """Return function -> reason; an empty reason raises `ValueError`."""
    content = tomllib.loads((root / ALLOW_LIST).read_text(encoding="utf-8"))
    reasons: dict[str, str] = content.get("functions", {})
    for key, reason in reasons.items():
        if not reason.strip():
            message = f"{ALLOW_LIST}: {key} has no reason"
            raise ValueError(message)
    return reasons


def check_module_length(module: Module, limit: int) -> list[Finding]:
    """Return a finding when the module has more lines than the limit."""
    length = len(module.text.splitlines())
    if length <= limit:
        return []
    return [Finding(module.path, 1, f"module has {length} lines, the limit is {limit}; split it by concept")]


def check_function(path: str, function: Function, *, is_allowed: bool) -> list[Finding]:
    """Return a finding when the function is longer than it may be."""
    limit = ALLOWED_FUNCTION_LINES if is_allowed else FUNCTION_LINES
    if function.length <= limit:
        return []
    return [
        Finding(path, function.line, f"{function.name} has {function.length} lines, the limit is {limit}")
    ]


def functions(tree: ast.AST, prefix: str = "") -> Iterator[Function]:
    """Yield every function, methods and inner ones included, as `Class.method` or `outer.inner`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            last_line = node.end_lineno or node.lineno
            yield Function(f"{prefix}{node.name}", node.lineno, last_line - node.lineno + 1)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from functions(node, f"{prefix}{node.name}.")
        else:
            yield from functions(node, prefix)


def main() -> int:
    """Check the repository; return the exit code."""
    return report("size limits", check(ROOT))


if __name__ == "__main__":
    sys.exit(main())
