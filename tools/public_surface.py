"""Plugins import the public surface of the framework and nothing else of it.

What is public is a short list, so that the kernel can be rebuilt behind it without breaking a plugin. An
import contract can only forbid what it names; this rule allows what it names.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.sources import FRAMEWORK, PLUGINS, ROOT, Finding, Module, check_trees, report

TREES = (PLUGINS,)
PACKAGE = "fairlead"
# Each with everything below it, except the package itself: of that only the names it exports.
PUBLIC = ("fairlead.errors", "fairlead.hookspecs", "fairlead.ports", "fairlead.testing")


def check_module(module: Module, rooms: frozenset[str]) -> list[Finding]:
    """Return every import of the framework's insides; `rooms` are the submodules of the package."""
    return [
        Finding(module.path, line, f"{name} is not public; a plugin may import fairlead, {', '.join(PUBLIC)}")
        for line, name in _imports(module.tree, rooms)
        if not _is_public(name)
    ]


def rooms_of_framework(root: Path) -> frozenset[str]:
    """Return the names directly below the package that are modules or packages."""
    package = root / FRAMEWORK / PACKAGE
    return frozenset(
        entry.stem
        for entry in package.iterdir()
        if entry.suffix == ".py" or (entry / "__init__.py").is_file()
    )


def _imports(tree: ast.Module, rooms: frozenset[str]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                is_room = node.module == PACKAGE and alias.name in rooms
                yield node.lineno, f"{node.module}.{alias.name}" if is_room else node.module


def _is_public(name: str) -> bool:
    if name != PACKAGE and not name.startswith(f"{PACKAGE}."):
        return True
    return name == PACKAGE or any(name == room or name.startswith(f"{room}.") for room in PUBLIC)


def main() -> int:
    """Check the repository; return the exit code."""
    rooms = rooms_of_framework(ROOT)
    return report("public surface", check_trees(ROOT, TREES, lambda module: check_module(module, rooms)))


if __name__ == "__main__":
    sys.exit(main())
