"""Every number that a user may want to change is a setting; one that is fixed says why.

    python -m tools.number_rule

A number that is written down in what we ship, as a constant, as the default of a parameter or inside a
function, carries its reason on its line or on the comment line above it:

    CALM_PASSES = 4  # fixed: how asyncio hands tasks on; nothing that a user sees depends on it

Settings classes are the other place for numbers: each of their fields has a name, a unit, a default and a
line in the reference, which `tools.configuration_page` sees to. A reason on a line of its own holds for all
lines up to the next empty one. Zero, one, two, and in a calculation a power of ten need none; nor do how many
of one unit of time make another, the digits of a decimal context, a date, and a place in a sequence.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from tools.sources import FRAMEWORK, PLUGINS, ROOT, Finding, Module, check_trees, report

TREES = (FRAMEWORK, PLUGINS)
# Tools for tests and a demo: nothing of them runs in a user's kernel.
ELSEWHERE = ("fairlead/testing/", "fairlead/cli/demo/")

EXCUSE = re.compile(r"#\s*fixed:\s*\S+(\s+\S+){2,}")
ADVICE = "make it a setting, or give the reason: # fixed: ..."

# Their numbers are digits or days, and what they are for stands beside them.
_SPEAKING_CALLS = frozenset({"Context", "datetime"})
_PLAIN = frozenset({0, 1, 2})
_CONVERSION = re.compile(r"_?([A-Z]+SECONDS|SECONDS|NS)_PER_[A-Z]+")
_SETTINGS = re.compile(r"\w*(Settings|Limits|Plan)")


def check_module(module: Module) -> list[Finding]:
    """Return every number in one module that is no setting and gives no reason."""
    if any(part in module.path for part in ELSEWHERE):
        return []
    excused = _excused_lines(module.text)
    return [
        Finding(module.path, line, f"{text} is a number without a reason; {ADVICE}")
        for line, text in sorted(set(_numbers(module.tree)))
        if line not in excused
    ]


def _numbers(node: ast.AST, *, is_named: bool = False) -> Iterator[tuple[int, str]]:
    """Yield line and text of every number below the node that must explain itself.

    *is_named* says that the node is the value of a name: there a power of ten is a limit like any other.
    """
    found = _figure(node)
    if found is not None:
        if abs(found) not in _PLAIN and (is_named or not _is_power_of_ten(found)):
            yield node.lineno, ast.unparse(node)  # type: ignore[attr-defined]  # only expressions are figures
        return
    if _speaks_for_itself(node):
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(node, ast.Subscript) and child is node.slice:  # a place in a sequence
            continue
        named = isinstance(node, ast.Assign | ast.AnnAssign) and child is node.value
        yield from _numbers(child, is_named=named)


def _speaks_for_itself(node: ast.AST) -> bool:
    """Tell whether numbers below the node are explained by what stands around them."""
    if isinstance(node, ast.ClassDef):
        return _is_settings(node) or _is_enumeration(node)
    if isinstance(node, ast.Assign):
        return any(_is_conversion(target) for target in node.targets)
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in _SPEAKING_CALLS
    if isinstance(node, ast.BinOp) and isinstance(
        node.op, ast.Mult
    ):  # as many of the same as there are cells
        return isinstance(node.left, ast.Tuple | ast.List)
    return isinstance(node, ast.JoinedStr)  # the width of a column


def _figure(node: ast.AST) -> Decimal | None:
    """Return the number that an expression writes down, also as text for a decimal; else nothing."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return Decimal(node.value)  # type: ignore[arg-type]  # the line above says so
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Decimal":
        text = node.args[0] if node.args else None
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            try:
                return Decimal(text.value)
            except InvalidOperation:
                return None
    return None


def _is_power_of_ten(figure: Decimal) -> bool:
    """Tell whether it only moves the point: 10, 1_000, a thousandth."""
    return figure.is_finite() and figure > 0 and figure.normalize().as_tuple().digits == (1,)


def _is_conversion(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and _CONVERSION.fullmatch(target.id) is not None


def _is_settings(node: ast.ClassDef) -> bool:
    return _SETTINGS.fullmatch(node.name) is not None


def _is_enumeration(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base).endswith(("Enum", "Flag")) for base in node.bases)


def _excused_lines(text: str) -> set[int]:
    """Return the lines that an excuse covers: its own, and up to the next empty one when it stands alone."""
    lines = text.splitlines()
    excused: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and EXCUSE.match(token.string):
            line = token.start[0]
            excused.add(line)
            while token.line.strip() == token.string and line < len(lines) and lines[line].strip():
                line += 1
                excused.add(line)
    return excused


def main() -> int:
    """Check what we ship; return the exit code."""
    return report("numbers", check_trees(ROOT, TREES, check_module))


if __name__ == "__main__":
    sys.exit(main())
