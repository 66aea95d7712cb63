"""Plugins import the public surface of the framework and nothing else of it, and never each other.

What is public is a short list, so that the kernel can be rebuilt behind it without breaking a plugin. An
import contract can only forbid what it names; this rule allows what it names. It covers
the examples too, which are not installed where contracts are checked: authors copy from them.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from tools.sources import EXAMPLES, FRAMEWORK, PLUGINS, ROOT, Finding, Module, check_trees, modules, report

TREES = (PLUGINS, f"{EXAMPLES}/*/src")
PACKAGE = "fairlead"
# Each with everything below it, except the package itself: of that only the names it exports.
PUBLIC = ("fairlead.errors", "fairlead.hookspecs", "fairlead.ports", "fairlead.testing")


def check_module(module: Module, rooms: frozenset[str], packages: frozenset[str]) -> list[Finding]:
    """Return every import of the framework's insides and of another distribution.

    `rooms` are the submodules of the framework's package, `packages` those of all plugins and examples.
    """
    findings = []
    others = packages - {_package_of(module.path)}
    for line, name in _imports(module.tree, rooms):
        if not _is_public(name):
            allowed = f"a plugin may import fairlead, {', '.join(PUBLIC)}"
            findings.append(Finding(module.path, line, f"{name} is not public; {allowed}"))
        elif name.partition(".")[0] in others:
            findings.append(
                Finding(module.path, line, f"{name} is another distribution's; share through ports")
            )
    return findings


def packages_of(root: Path, trees: Sequence[str] = TREES) -> frozenset[str]:
    """Return the names of the packages that lie directly in the trees."""
    return frozenset(_package_of(each.path) for each in modules(root, trees))


def _package_of(path: str) -> str:
    return PurePosixPath(path.partition("/src/")[2]).parts[0].removesuffix(".py")


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
    rooms, packages = rooms_of_framework(ROOT), packages_of(ROOT)
    return report(
        "public surface", check_trees(ROOT, TREES, lambda module: check_module(module, rooms, packages))
    )


if __name__ == "__main__":
    sys.exit(main())
