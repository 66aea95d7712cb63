"""Typed settings: a configuration table becomes an attrs object, or an error that says where and what.

Nothing is converted behind the user's back: text is text, a whole number is an `int`, ``true`` and
``false`` are the only booleans, and money or quantity is never a float. A settings class is made of
these, enums, `Decimal`, other attrs classes, ``tuple[X, ...]``, ``frozenset[X]``, ``Mapping[str, X]``
and ``X | None``.
"""

from __future__ import annotations

import functools
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from fairlead.domain.numbers import to_decimal
from fairlead.errors import ConfigurationRefused, InvalidInput

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")
_Hook = Callable[[object, object], object]

_SPOKEN = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
    dict: "a table",
    list: "a list",
    tuple: "a list",
}
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_HERE = "value"
"""The field named by a refusal that is about the whole value; its path says more."""


def structure_settings(cls: type[T], table: Mapping[str, Any], path: str) -> T:
    """Return the settings class filled from the table.

    Raises `ConfigurationRefused` that lists every complaint with its path below *path*: unknown
    keys with the nearest known one, missing keys, values of the wrong type, floats where an exact
    number belongs, and what the class's own validators say.
    """
    from cattrs.errors import BaseValidationError

    try:
        return _converter().structure(table, cls)
    except (BaseValidationError, ValueError, TypeError) as error:
        complaints = list(_complaints(error, path))
    raise ConfigurationRefused(" ".join(complaints), not_done="Nothing was started with these settings.")


class _WrongType(ValueError):
    """A value of a type that a setting does not take; never shows the value, it may be a secret."""

    def __init__(self, value: object, expected: str) -> None:
        super().__init__(f"must be {expected}, not {_SPOKEN.get(type(value), f'a {type(value).__name__}')}")


class _Elements(ValueError):
    """What is wrong with the elements of a list: (index, error) each."""

    def __init__(self, errors: list[tuple[int, Exception]]) -> None:
        self.errors = errors
        super().__init__()


@functools.cache
def _converter() -> Converter:
    """Build the one converter, on first use: importing cattrs costs more than the rest of Fairlead."""
    from cattrs import Converter
    from cattrs.cols import is_mapping

    converter = Converter(forbid_extra_keys=True, detailed_validation=True)
    for kind in (str, int, bool):
        converter.register_structure_hook(kind, functools.partial(_exactly, kind))
    converter.register_structure_hook(float, _float)
    converter.register_structure_hook(Decimal, _decimal)
    converter.register_structure_hook(Enum, _member)
    for origin in (tuple, frozenset):
        converter.register_structure_hook_factory(
            functools.partial(_is_collection, origin), functools.partial(_elements_hook, converter, origin)
        )
    converter.register_structure_hook_factory(
        is_mapping, lambda kind: _tables_only(converter.gen_structure_mapping(kind))
    )
    converter.register_structure_hook_factory(
        attrs.has, lambda kind: _tables_only(converter.gen_structure_attrs_fromdict(kind))
    )
    return converter


def _exactly(kind: type[T], value: object, asked: object) -> object:
    if isinstance(asked, type) and issubclass(asked, Enum):  # an enum of texts is a `str`, too
        return _member(value, asked)
    if type(value) is not kind:
        raise _WrongType(value, _SPOKEN[kind])
    return value


def _float(value: object, _asked: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _WrongType(value, "a number")
    return float(value)


def _decimal(value: object, _asked: object) -> Decimal:
    return to_decimal(value, _HERE)


def _member(value: object, kind: type[Enum]) -> Enum:
    known = {member.value: member for member in kind}
    if not isinstance(value, str | int) or value not in known:
        raise _WrongType(value, "one of " + ", ".join(map(str, known))) from None
    return known[value]


def _is_collection(origin: type, kind: object) -> bool:
    return typing.get_origin(kind) is origin and typing.get_args(kind)[1:] in ((), (Ellipsis,))


def _elements_hook(converter: Converter, origin: Callable[[list[object]], object], kind: object) -> _Hook:
    element = typing.get_args(kind)[0]

    def structure(value: object, _asked: object) -> object:
        if not isinstance(value, list | tuple):
            raise _WrongType(value, "a list")
        structured: list[object] = []
        errors: list[tuple[int, Exception]] = []
        for index, item in enumerate(value):
            try:
                structured.append(converter.structure(item, element))
            except (ValueError, TypeError, ExceptionGroup) as error:
                errors.append((index, error))
        if errors:
            raise _Elements(errors)
        return origin(structured)

    return structure


def _tables_only(inner: Callable[[Any, Any], T]) -> Callable[[object, object], T]:
    def structure(value: object, asked: object) -> T:
        if not isinstance(value, Mapping):
            raise _WrongType(value, "a table")
        return inner(value, asked)

    return structure


def _complaints(error: Exception, path: str) -> Iterator[str]:
    from cattrs.errors import BaseValidationError, ForbiddenExtraKeysError

    if isinstance(error, BaseValidationError):
        for inner in error.exceptions:
            yield from _complaints(inner, path + _step(inner))
    elif isinstance(error, _Elements):
        for index, inner in error.errors:
            yield from _complaints(inner, f"{path}[{index}]")
    elif isinstance(error, ForbiddenExtraKeysError):
        import difflib  # only a mistake needs it

        known = [field.name for field in attrs.fields(error.cl)]
        for key in sorted(error.extra_fields):
            nearest = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(known) or 'none'}."
            yield f"{path}{_key(key)}: unknown key; {hint}"
    elif isinstance(error, KeyError):
        yield f"{path}: is missing."
    elif isinstance(error, InvalidInput):
        field = "" if error.field == _HERE else f".{error.field}"
        yield " ".join(filter(None, (f"{path}{field}: {error.problem}.", error.fix)))
    else:
        yield f"{path}: {error}."


def _step(error: Exception) -> str:
    """Return the part of the path that cattrs noted on an error inside a table."""
    from cattrs.errors import AttributeValidationNote, IterableValidationNote

    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            return _key(note.name)
        if isinstance(note, IterableValidationNote):
            return _key(str(note.index))
    return ""


def _key(key: str) -> str:
    """Write a key as TOML does."""
    if _BARE_KEY.fullmatch(key):
        return f".{key}"
    escaped = key.encode("unicode_escape").decode().replace('"', '\\"')
    return f'."{escaped}"'
