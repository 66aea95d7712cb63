"""Records are frozen by type and by this test: no source assigns to a field of one.

The type checker refuses every assignment that it can see (`dataclass_transform(frozen_default=True)`).
This walk looks for those that hide from it: through `setattr`, through `Any`, or in a file that is
not checked. It knows a name as a record by its annotation, by the call that made it, by `isinstance`
or by a `case`; and it knows a field as a record's when no class that may change has one of that name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import attrs
import pytest

import fairlead
from fairlead.domain.order_table import OrderEvent
from fairlead.domain.records import RECORD_CLASSES, OrderEventNoted
from fairlead.domain.verdicts import ALLOW, Allow, Deny, Lock, Verdict

SOURCES = Path(str(fairlead.__file__)).parent
_DEFINERS = {"setattr", "delattr", "object.__setattr__", "object.__delattr__"}


class Classes(NamedTuple):
    """The names of record classes, and the fields that only records have."""

    records: frozenset[str]
    fields_of_records_only: frozenset[str]


def _decorators(node: ast.ClassDef) -> set[str]:
    called = (item.func if isinstance(item, ast.Call) else item for item in node.decorator_list)
    return {ast.unparse(item) for item in called}


def _fields(node: ast.ClassDef) -> set[str]:
    return {
        item.target.id
        for item in node.body
        if isinstance(item, ast.AnnAssign)
        and isinstance(item.target, ast.Name)
        and "ClassVar" not in ast.unparse(item)
    }


def classes_in(trees: list[ast.Module]) -> Classes:
    """Find the record classes, the union named Record, and what other classes also call their own."""
    records, of_records, of_others = {"Record"}, set[str](), set[str]()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if not isinstance(node, ast.ClassDef):
            continue
        if "record" in _decorators(node):
            records.add(node.name)
            of_records |= _fields(node)
        else:
            of_others |= _fields(node)
            of_others |= {
                target.attr
                for inner in ast.walk(node)
                for target in _targets(inner)
                if isinstance(target.value, ast.Name) and target.value.id == "self"
            }
    return Classes(frozenset(records), frozenset(of_records - of_others))


def _targets(node: ast.AST) -> Iterator[ast.Attribute]:
    """Yield the attributes to which a statement assigns, also inside tuples, loops and `with`."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign | ast.Delete):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.For | ast.AsyncFor | ast.NamedExpr):
        targets = [node.target]
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        targets = [node.optional_vars]
    for target in targets:
        for part in ast.walk(target):
            if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store | ast.Del):
                yield part


def _mentions(annotation: ast.expr | None, records: frozenset[str]) -> bool:
    if annotation is None:
        return False
    text = annotation.value if isinstance(annotation, ast.Constant) else ast.unparse(annotation)
    return any(
        isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node).rpartition(".")[2] in records
        for node in ast.walk(ast.parse(str(text), mode="eval"))
    )


def _record_names(scope: ast.AST, records: frozenset[str]) -> Iterator[str]:
    """Yield the names that stand for a record somewhere in the scope."""
    for node in ast.walk(scope):
        if isinstance(node, ast.arg) and _mentions(node.annotation, records):
            yield node.arg
        elif isinstance(node, ast.AnnAssign) and _mentions(node.annotation, records):
            yield ast.unparse(node.target)
        elif isinstance(node, ast.Assign | ast.NamedExpr):
            yield from _made_here(node, records)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance":
            if _mentions(node.args[1], records):
                yield ast.unparse(node.args[0])
        elif isinstance(node, ast.Match):
            yield from _matched(node, records)


def _made_here(node: ast.Assign | ast.NamedExpr, records: frozenset[str]) -> Iterator[str]:
    if isinstance(node.value, ast.Call) and _mentions(node.value.func, records):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (ast.unparse(target) for target in targets)


def _matched(node: ast.Match, records: frozenset[str]) -> Iterator[str]:
    for pattern in (case.pattern for case in node.cases):
        parts = list(ast.walk(pattern))
        if any(isinstance(part, ast.MatchClass) and _mentions(part.cls, records) for part in parts):
            yield ast.unparse(node.subject)
            yield from (part.name for part in parts if isinstance(part, ast.MatchAs) and part.name)


def _scopes(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield every function, and the module less its functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
    outside = [
        node
        for node in tree.body
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    yield ast.Module(outside, [])


def breaches(path: str, tree: ast.Module, classes: Classes) -> list[str]:
    """Return every line that may change a record."""
    found = set()
    for scope in _scopes(tree):
        names = set(_record_names(scope, classes.records))
        for node in ast.walk(scope):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in _DEFINERS:
                found.add(f"{path}:{node.lineno}: {ast.unparse(node)}")
            for target in _targets(node):
                owner = ast.unparse(target.value)
                if owner in names or (owner != "self" and target.attr in classes.fields_of_records_only):
                    found.add(f"{path}:{target.lineno}: {owner}.{target.attr}")
    return sorted(found)


def _trees() -> dict[str, ast.Module]:
    paths = [
        path for room in ("domain", "kernel", "ports") for path in sorted((SOURCES / room).glob("**/*.py"))
    ]
    return {
        path.relative_to(SOURCES).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in paths
    }


def test_no_source_assigns_to_a_field_of_a_record() -> None:
    """In domain, kernel and ports nothing sets, deletes or redefines a field of a record."""
    trees = _trees()
    classes = classes_in(list(trees.values()))
    assert {kind.__name__ for kind in RECORD_CLASSES} | {"Verdict", "Record"} <= classes.records
    assert [breach for path, tree in trees.items() for breach in breaches(path, tree, classes)] == []


_KINDS = """
@record
class Fill:
    KIND: ClassVar[str] = "fill"
    quantity: Decimal
    verdicts: tuple[str, ...]

@attrs.define
class Order:
    quantity: Decimal
"""

HIDDEN = {
    "a parameter": "def f(given: Fill) -> None:\n    given.quantity = 1",
    "a parameter in quotes": "def f(given: 'domain.Fill | None') -> None:\n    given.quantity = 1",
    "a parameter of the union": "def f(given: Record) -> None:\n    given.quantity = 1",
    "a variable": "def f() -> None:\n    given: Fill = make()\n    given.quantity = 1",
    "made here": "def f() -> None:\n    given = records.Fill(1)\n    given.quantity = 1",
    "made in passing": "def f() -> None:\n    g(given := Fill(1))\n    given.quantity = 1",
    "by isinstance": "def f(x: object) -> None:\n    if isinstance(x, Order | Fill):\n        x.quantity = 1",
    "by a case": "def f(x: Any) -> None:\n    match x:\n        case Fill():\n            x.quantity = 1",
    "by a named case": "def f(x):\n    match x:\n        case Fill() as y:\n            y.quantity = 1",
    "added to": "def f(given: Fill) -> None:\n    given.quantity += 1",
    "deleted": "def f(given: Fill) -> None:\n    del given.quantity",
    "in a tuple": "def f(given: Fill) -> None:\n    a, given.quantity = 1, 2",
    "in a loop": "def f(given: Fill) -> None:\n    for given.quantity in (1, 2):\n        pass",
    "in a with": "def f(given: Fill) -> None:\n    with lock as given.quantity:\n        pass",
    "by a field that only records have": "def f(given: Any) -> None:\n    given.verdicts = ()",
    "by setattr": "def f(given: Any) -> None:\n    setattr(given, 'quantity', 1)",
    "past the guard": "def f(given: Any) -> None:\n    object.__setattr__(given, 'quantity', 1)",
    "in an async function": "async def f(given: Fill) -> None:\n    given.quantity = 1",
    "in a method": "class A:\n    def f(self, given: Fill) -> None:\n        given.quantity = 1",
    "at the top": "given = Fill(1)\ngiven.quantity = 2",
}


@pytest.mark.parametrize("code", HIDDEN.values(), ids=HIDDEN.keys())
def test_the_walk_finds_a_planted_assignment(code: str) -> None:
    """Each way to change a record that the walk claims to see is seen."""
    kinds, planted = ast.parse(_KINDS), ast.parse(code)
    assert breaches("planted.py", planted, classes_in([kinds, planted]))


def test_the_walk_leaves_others_alone() -> None:
    """Assigning to what may change is no breach, even where a record has a field of the same name."""
    code = ast.parse(
        "def f(order: Order, fill: Fill) -> None:\n    order.quantity = fill.quantity\n    x = Order(1)"
    )
    assert breaches("clean.py", code, classes_in([ast.parse(_KINDS), code])) == []


@pytest.mark.parametrize("kind", RECORD_CLASSES, ids=lambda kind: kind.__name__)
def test_records_are_slotted_named_and_versioned(kind: type) -> None:
    """A record takes no new attributes, compares by value, and has a kind of its own and a version."""
    assert "__dict__" not in dir(kind)
    assert kind.__hash__ is None, "a record may be changed by force, so it must not be a key"
    assert [each.KIND for each in RECORD_CLASSES].count(vars(kind)["KIND"]) == 1
    assert vars(kind)["VERSION"] >= 1


def test_equal_records_are_equal() -> None:
    """Two records of the same figures are equal, and one figure makes the difference."""
    first = OrderEventNoted("0" * 32, OrderEvent.CANCELED, "stream")
    assert first == OrderEventNoted("0" * 32, OrderEvent.CANCELED, "stream")
    assert first != OrderEventNoted("0" * 32, OrderEvent.CANCELED, "history")


def test_the_answers_of_a_check_are_frozen() -> None:
    """A check's answer cannot be changed after it was given; a verdict has its defaults."""
    assert Allow() == ALLOW
    for answer in (Deny("MINIMUM", "Too small."), Lock("*", None, 1, "LOSS", "Too much lost.")):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            answer.code = "OTHER"  # type: ignore[misc]
    assert Verdict("minimum", "1", allowed=True) == Verdict("minimum", "1", True, "", "", ())
