"""No bare or broad `except` but where faults of others are isolated or tasks are supervised.

Such a place says so, on the line itself or on the comment line above it:

    except Exception as error:  # isolation point: a plugin's fault costs the plugin, not the order
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator

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
    check_trees,
    dotted,
    report,
)

TREES = (FRAMEWORK, PLUGINS, TESTS, EXAMPLES, BENCHMARKS, TOOLS)
BROAD = frozenset({"Exception", "BaseException", "builtins.Exception", "builtins.BaseException"})
# A word is no reason: three are the least that can be one.
EXCUSE = re.compile(r"#\s*(isolation|supervision) point:\s*\S+(\s+\S+){2,}")


def check_module(module: Module) -> list[Finding]:
    """Return every unexcused broad handler in one module."""
    excused = _excused_lines(module.text)
    return [
        Finding(module.path, line, f"{what}; name the errors, or give the reason: # isolation point: ...")
        for line, what in _broad_handlers(module.tree)
        if line not in excused
    ]


def _broad_handlers(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            if node.type is None:
                yield node.lineno, "bare except"
            elif _is_broad(node.type):
                yield node.lineno, f"except {ast.unparse(node.type)}"
        elif isinstance(node, ast.Call) and _is_suppress(node) and any(map(_is_broad, node.args)):
            yield node.lineno, ast.unparse(node)


def _is_suppress(call: ast.Call) -> bool:
    return (dotted(call.func) or "").rpartition(".")[2] == "suppress"


def _is_broad(kind: ast.expr) -> bool:
    if isinstance(kind, ast.Tuple):
        return any(_is_broad(element) for element in kind.elts)
    return dotted(kind) in BROAD


def _excused_lines(text: str) -> set[int]:
    """Return the lines that an excuse covers: its own, and the next one when it stands alone."""
    excused: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and EXCUSE.match(token.string):
            line = token.start[0]
            stands_alone = token.line[: token.start[1]].strip() == ""
            excused.add(line + 1 if stands_alone else line)
    return excused


def main() -> int:
    """Check the repository; return the exit code."""
    return report("broad except", check_trees(ROOT, TREES, check_module))


if __name__ == "__main__":
    sys.exit(main())
