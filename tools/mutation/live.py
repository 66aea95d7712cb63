"""A mutant put into the running program: the code of its function, wherever that function is held."""

from __future__ import annotations

import ast
import functools
import gc
import types
from collections import defaultdict
from collections.abc import Iterator

from tools.mutation.mutants import Mutant


class Unplaceable(Exception):
    """No live function is the mutant's, or the mutant does not compile: it was not tested."""


Key = tuple[str, str, int]


class LiveFunctions:
    """Every function that exists now, by file, name and first line."""

    def __init__(self) -> None:
        """Look at everything that lives; what is made later is not known."""
        self._functions: dict[Key, list[types.FunctionType]] = defaultdict(list)
        self._caches = []
        for each in gc.get_objects():
            if isinstance(each, types.FunctionType):
                self._functions[_key(each.__code__)].append(each)
            elif isinstance(each, functools._lru_cache_wrapper):  # noqa: SLF001 - its only name
                self._caches.append(each)

    def plant(self, file: str, mutant: Mutant, tree: ast.Module) -> None:
        """Give the mutant's function, and what was made inside it, the code of the mutated *tree*.

        Meant for a forked process: nothing puts the sound code back. Raises `Unplaceable`.
        """
        wanted = (file, mutant.function, mutant.function_line)
        if wanted not in self._functions:
            raise Unplaceable(f"no function {mutant.function} of line {mutant.function_line} lives")
        codes = {_key(code): code for code in _codes(_compiled(tree, file))}
        names = {key for key in codes if key == wanted or key[1].startswith(f"{mutant.function}.<locals>.")}
        for key in names:
            for function in self._functions.get(key, ()):
                _give(function, codes[key], tree, mutant)
        for cache in self._caches:
            cache.cache_clear()


def is_the_same(sound: ast.Module, mutated: ast.Module, file: str) -> bool:
    """Tell whether the mutant compiles to the very code of the sound module: no program could tell."""
    return _compiled(sound, file) == _compiled(mutated, file)


def _compiled(tree: ast.Module, file: str) -> types.CodeType:
    try:
        return compile(tree, file, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, TypeError) as error:
        raise Unplaceable(f"does not compile: {error}") from error


def _give(function: types.FunctionType, code: types.CodeType, tree: ast.Module, mutant: Mutant) -> None:
    freed = function.__code__.co_freevars
    if set(freed) != set(code.co_freevars):
        # The fault dropped the last use of a name of outside: named where it is never run, it stays bound.
        code = _with_names(tree, code, [name for name in freed if name not in code.co_freevars])
    try:
        function.__code__ = code
    except ValueError as error:
        raise Unplaceable(f"{mutant.function} has other names of outside: {error}") from error


def _with_names(tree: ast.Module, code: types.CodeType, names: list[str]) -> types.CodeType:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            if first == code.co_firstlineno and node.name == code.co_name:
                uses: list[ast.stmt] = [ast.Expr(ast.Name(name, ast.Load())) for name in names]
                node.body.insert(0, ast.If(ast.Constant(value=False), uses, []))
    ast.fix_missing_locations(tree)
    wanted = _key(code)
    return next(each for each in _codes(_compiled(tree, code.co_filename)) if _key(each) == wanted)


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield from _codes(each)


def _key(code: types.CodeType) -> Key:
    return code.co_filename, code.co_qualname, code.co_firstlineno
