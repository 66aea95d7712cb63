"""Every mutant of a module: which node, in which function, and the lines whose tests are asked."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import NamedTuple

from tools.mutation.replacements import replacements
from tools.sources import dotted

# What stands in these fields of a node is not run, or only when the module is read.
NOT_RUN = frozenset({"annotation", "returns", "decorator_list", "bases", "type_params"})
# Words for people, in every call; tests compare none of them on purpose.
WORDS = frozenset({"not_done", "fix", "detail"})
FOR_PEOPLE = frozenset({"__repr__", "__str__"})
LOGS = frozenset({"_log", "_logger", "log", "logger", "LOG", "LOGGER"})
FOR_TYPES = frozenset({"cast", "TypeVar", "NewType", "ParamSpec", "Literal"})
FOR_READERS = frozenset({"__all__", "__slots__"})


class Mutant(NamedTuple):
    """One fault: its place among those of the module, where it is, and what it is.

    *function* is the outermost function it lies in, empty where the module itself is: such a mutant can only
    be seen by a process that reads the module anew. *first* and *last* are the lines that must be run.
    """

    number: int
    path: str
    function: str
    function_line: int
    line: int
    first: int
    last: int
    what: str

    @property
    def key(self) -> str:
        """Return what tells it from others of the same text."""
        return f"{self.path}:{self.line}:{self.number}"


class Edit(NamedTuple):
    """A mutant with the node to put in and the place to put it."""

    mutant: Mutant
    holder: ast.AST
    field: str
    place: int | None
    node: ast.AST


class _Here(NamedTuple):
    """Where the walk is: the name around, the outermost function, and the statement's lines."""

    names: str = ""
    function: str = ""
    function_line: int = 0
    first: int = 0
    last: int = 0
    is_words: bool = False


class Faults:
    """The mutants of one module, and its text with one of them."""

    def __init__(self, path: str, text: str) -> None:
        """Find every mutant; a syntax error is raised as it is."""
        self.path = path
        self.tree = ast.parse(text, filename=path)
        self._edits: list[Edit] = []
        self._walk(self.tree, _Here())

    @property
    def mutants(self) -> list[Mutant]:
        """Return them in the order of the text."""
        return [edit.mutant for edit in self._edits]

    def mutated(self, number: int) -> ast.Module:
        """Return a tree of its own with this one fault."""
        edit = self._edits[number]
        original = self._get(edit)
        self._set(edit, edit.node)
        try:
            return ast.fix_missing_locations(copy.deepcopy(self.tree))
        finally:
            self._set(edit, original)

    @staticmethod
    def _get(edit: Edit) -> ast.AST:
        held = getattr(edit.holder, edit.field)
        node: ast.AST = held if edit.place is None else held[edit.place]
        return node

    @staticmethod
    def _set(edit: Edit, node: ast.AST) -> None:
        if edit.place is None:
            setattr(edit.holder, edit.field, node)
        else:
            getattr(edit.holder, edit.field)[edit.place] = node

    def _walk(self, holder: ast.AST, here: _Here) -> None:
        for field, place, node in _children(holder):
            inner = _inside(node, holder, field, here)
            if inner is None:
                continue
            if not (inner.is_words and isinstance(node, ast.Constant)):
                for new, what in replacements(node, holder, field):
                    self._add(holder, field, place, node, new, what, inner)
            self._walk(node, _entered(node, inner))

    def _add(
        self,
        holder: ast.AST,
        field: str,
        place: int | None,
        node: ast.AST,
        new: ast.AST,
        what: str,
        here: _Here,
    ) -> None:
        line = getattr(node, "lineno", getattr(holder, "lineno", here.first))
        if isinstance(new, ast.expr | ast.stmt):
            # Places in the text stay, so that functions are found by their first line.
            new = copy.copy(new)
            ast.copy_location(new, node)
        mutant = Mutant(
            len(self._edits), self.path, here.function, here.function_line, line, here.first, here.last, what
        )
        self._edits.append(Edit(mutant, holder, field, place, new))


def _children(holder: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    for field, value in ast.iter_fields(holder):
        if isinstance(value, ast.AST):
            yield field, None, value
        elif isinstance(value, list):
            for place, each in enumerate(value):
                if isinstance(each, ast.AST):
                    yield field, place, each


def _inside(node: ast.AST, holder: ast.AST, field: str, here: _Here) -> _Here | None:
    """Return where *node* is, or nothing where no fault is made."""
    if field in NOT_RUN or _is_left_out(node, holder):
        return None
    if isinstance(node, ast.BitOr) and isinstance(holder, ast.BinOp) and _is_type(holder.left):
        return None
    if field in {"defaults", "kw_defaults"}:
        here = here._replace(function="")
    if isinstance(node, ast.stmt):
        body = getattr(node, "body", None)
        last = body[0].lineno - 1 if isinstance(body, list) and body else (node.end_lineno or node.lineno)
        here = here._replace(first=node.lineno, last=max(last, node.lineno))
    if isinstance(node, ast.match_case):
        here = here._replace(first=node.pattern.lineno, last=node.pattern.end_lineno or node.pattern.lineno)
    return here


def _entered(node: ast.AST, here: _Here) -> _Here:
    """Return where the children of *node* are."""
    if isinstance(node, ast.Raise | ast.JoinedStr) or (isinstance(node, ast.keyword) and node.arg in WORDS):
        return here._replace(is_words=True)
    if isinstance(node, ast.ClassDef):
        return here._replace(names=f"{here.names}{node.name}.")
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not here.function:
        line = min([node.lineno, *(each.lineno for each in node.decorator_list)])
        return here._replace(function=f"{here.names}{node.name}", function_line=line)
    return here


def _is_left_out(node: ast.AST, holder: ast.AST) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Assert() | ast.Pass():
            return True
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Expr(value=ast.Call(func=func)) if (dotted(func) or "").split(".")[0] in LOGS:
            return True
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return name in FOR_PEOPLE or any(
                dotted(each) in {"overload", "abstractmethod"} for each in node.decorator_list
            )
        case ast.ClassDef(bases=bases):
            return any(dotted(base) == "Protocol" for base in bases)
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Assign(targets=[ast.Name(id=name)]) if name in FOR_READERS:
            return True
        case ast.Call(func=func) if (dotted(func) or "").split(".")[-1] in FOR_TYPES - {"cast"}:
            return True
        case ast.Constant():
            return isinstance(holder, ast.Call) and (dotted(holder.func) or "") == "cast"
        case _:
            return False


def _is_type(node: ast.AST) -> bool:
    """Tell whether this is written like a type, so that `|` joins types."""
    if isinstance(node, ast.BinOp):
        return _is_type(node.left)
    if isinstance(node, ast.Subscript):
        return _is_type(node.value)
    name = (dotted(node) or "").split(".")[-1] if isinstance(node, ast.expr) else ""
    return name in {"str", "int", "bool", "bytes", "float"} or (name[:1].isupper() and not name.isupper())
