"""The faults that are made: for one node of the syntax tree, what stands there instead."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
# How much of the text a mutant shows.
WIDTH = 70
# Calls that copy a record with some fields changed: each field may be forgotten.
COPIES = frozenset({"evolve", "replace", "_replace"})


class Replacement(NamedTuple):
    """A node, and the words for what it is now."""

    node: ast.AST
    what: str


def replacements(node: ast.AST, holder: ast.AST, field: str) -> Iterator[Replacement]:
    """Yield each fault for *node*, which stands in *field* of *holder*."""
    if isinstance(node, ast.expr) and field in {"test", "ifs", "guard"}:
        yield from _conditions(node, is_loop=isinstance(holder, ast.While))
    match node:
        case ast.cmpop():
            yield from _operator(node, COMPARISONS)
        case ast.operator():
            yield from _operator(node, ARITHMETIC)
        case ast.And() | ast.Or():
            other = ast.Or() if isinstance(node, ast.And) else ast.And()
            yield Replacement(other, f"`{_word(node)}` becomes `{_word(other)}`")
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield Replacement(node.operand, f"`{_text(node)}` loses its first operator")
        case ast.Constant():
            yield from _constant(node)
        case ast.Call():
            yield from _call(node)
        case ast.match_case(guard=None):
            never = ast.match_case(node.pattern, ast.Constant(value=False), node.body)
            yield Replacement(never, f"`case {_text(node.pattern)}` is never taken")
        case ast.stmt():
            yield from _statement(node)


def _conditions(node: ast.expr, *, is_loop: bool) -> Iterator[Replacement]:
    if isinstance(node, ast.Constant):
        return
    for value in (False,) if is_loop else (True, False):
        yield Replacement(ast.Constant(value=value), f"the condition `{_text(node)}` is always {value}")


def _operator(node: ast.AST, table: dict[type, type]) -> Iterator[Replacement]:
    other = table.get(type(node))
    if other is not None:
        yield Replacement(other(), f"`{_word(node)}` becomes `{_word(other())}`")


def _constant(node: ast.Constant) -> Iterator[Replacement]:
    value = node.value
    changed: object
    if isinstance(value, bool):
        changed = not value
    elif isinstance(value, int):
        changed = value + 1
    elif isinstance(value, str) and not any(character.isspace() for character in value):
        changed = f"{value}?"
    else:
        return
    yield Replacement(ast.Constant(value=changed), f"`{value!r}` becomes `{changed!r}`")


def _call(node: ast.Call) -> Iterator[Replacement]:
    if isinstance(node.func, ast.Name) and node.func.id in NAMES:
        name = NAMES[node.func.id]
        call = ast.Call(ast.Name(name, ast.Load()), node.args, node.keywords)
        yield Replacement(call, f"`{node.func.id}` becomes `{name}`")
    if getattr(node.func, "attr", getattr(node.func, "id", "")) not in COPIES:
        return
    for forgotten in node.keywords:
        if forgotten.arg is not None:
            kept = [keyword for keyword in node.keywords if keyword is not forgotten]
            call = ast.Call(node.func, node.args, kept)
            yield Replacement(call, f"`{_text(node.func)}` forgets `{forgotten.arg}`")


def _statement(node: ast.stmt) -> Iterator[Replacement]:
    match node:
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield Replacement(ast.Return(ast.Constant(value=None)), f"`{_text(node)}` returns nothing")
        case ast.Continue():
            yield Replacement(ast.Break(), "`continue` becomes `break`")
        case ast.Break():
            yield Replacement(ast.Continue(), "`break` becomes `continue`")
        case ast.Raise() | ast.AugAssign() | ast.Delete():
            yield Replacement(ast.Pass(), f"`{_text(node)}` is left out")
        case ast.Expr(value=value) if not isinstance(value, ast.Constant):
            yield Replacement(ast.Pass(), f"`{_text(node)}` is left out")
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield Replacement(ast.Pass(), f"`{_text(node)}` is left out")
        case _:
            return


def _word(node: ast.AST) -> str:
    """Return how an operator is written."""
    if isinstance(node, ast.boolop):
        return "and" if isinstance(node, ast.And) else "or"
    left, right = ast.Name("a", ast.Load()), ast.Name("b", ast.Load())
    whole = ast.Compare(left, [node], [right]) if isinstance(node, ast.cmpop) else None
    if isinstance(node, ast.operator):
        return ast.unparse(ast.BinOp(left, node, right))[2:-2]
    assert whole is not None
    return ast.unparse(whole)[2:-2]


def _text(node: ast.AST) -> str:
    """Return the node as one line of at most 70 characters."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
