"""Public values as dictionaries and JSON, and back, without losing a digit.

A value becomes a dictionary of its fields with its class under ``"type"``; decimals are text,
enumerations their words, tuples lists. Reading back runs the same checks as making the value.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import Enum
from functools import cache
from importlib import import_module

import attrs
import msgspec

from fairlead.domain.identifiers import excerpt_of
from fairlead.domain.numbers import text_of
from fairlead.errors import InvalidInput, UnknownName

TYPE = "type"
HOMES = ("fairlead", "fairlead.ports.exchange", "fairlead.domain.events", "fairlead.domain.records")
"""Modules whose values can be written; so can every value that is a part of one of them."""

NOT_VALUES = frozenset({"ExchangeCapabilities"})
"""Holds a pacing model, which is code."""

# fixed: longer than any number that would be taken
_DIGITS_MAX = 200
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII)


def to_dict(value: object) -> dict[str, object]:
    """Return a public value as a dictionary of plain data. Raises `InvalidInput` for anything else."""
    kind: type = type(value)
    if _classes().get(kind.__name__) is not kind:
        raise InvalidInput("value", f"a {kind.__name__} is no public value", fix="Pass a view, say.")
    return typing.cast("dict[str, object]", _plain(value))


def to_json(value: object) -> str:
    """Return a public value as JSON. Raises `InvalidInput` for anything else."""
    return msgspec.json.encode(to_dict(value)).decode()


def from_dict(plain: Mapping[str, object]) -> object:
    """Return the value that `to_dict` wrote.

    Raises `InvalidInput`, or a more special error of its kind, with the field, for data that is none.
    """
    return _read_value(_class_of(plain, "value"), plain, "value")


def from_json(text: str | bytes) -> object:
    """Return the value that `to_json` wrote; raises `InvalidInput` for text that is none."""
    try:
        plain = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise InvalidInput("value", f"no JSON: {error}", fix="Pass what to_json returned.") from None
    return from_dict(plain)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return text_of(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    kind: type = type(value)
    fields = _fields(kind)
    if fields:
        return {TYPE: kind.__name__, **{name: _plain(getattr(value, name)) for name in fields}}
    return value


def _read_value(cls: type, plain: Mapping[str, object], path: str) -> object:
    hints = _fields(cls)
    unknown = sorted(plain.keys() - hints.keys() - {TYPE})
    if unknown:
        raise UnknownName(path, unknown[0], tuple(hints))
    arguments = {name: _read(hints[name], plain[name], f"{path}.{name}") for name in hints if name in plain}
    try:
        return cls(**arguments)
    except TypeError as error:
        problem = f"is no {cls.__name__}: {error}"
        raise InvalidInput(path, problem, fix="Pass every field that has no default.") from None


def _read(hint: typing.Any, plain: object, path: str) -> object:  # noqa: ANN401 - a hint has no type
    origin, choices = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _read_one_of(choices, plain, path)
    if origin in (tuple, Sequence):
        return _read_items(choices, plain, path)
    if isinstance(hint, type) and _fields(hint):
        cls = _class_of(plain, path)
        if cls is not hint:
            raise _misfit(plain, hint, path)
        return _read_value(cls, typing.cast("Mapping[str, object]", plain), path)
    return _read_scalar(hint, plain, path)


def _read_one_of(choices: Sequence[typing.Any], plain: object, path: str) -> object:
    if plain is None and types.NoneType in choices:
        return None
    if isinstance(plain, Mapping):
        cls = _class_of(plain, path)
        return _read(cls if cls in choices else choices[0], plain, path)
    return _read(next(choice for choice in choices if choice is not types.NoneType), plain, path)


def _read_items(hints: Sequence[typing.Any], plain: object, path: str) -> object:
    if not isinstance(plain, list | tuple):
        raise _misfit(plain, list, path)
    if len(hints) > 1 and hints[-1] is not Ellipsis:
        if len(plain) != len(hints):
            raise InvalidInput(path, f"{len(plain)} items, not {len(hints)}", fix="Pass what was written.")
        pairs = zip(hints, plain, strict=True)
        return tuple(_read(hint, item, f"{path}.{place}") for place, (hint, item) in enumerate(pairs))
    return tuple(_read(hints[0], item, f"{path}.{place}") for place, item in enumerate(plain))


def _read_scalar(hint: type, plain: object, path: str) -> object:
    if issubclass(hint, Enum):
        try:
            return hint(plain)
        except ValueError:
            raise _misfit(plain, hint, path) from None
    if hint is Decimal:
        if isinstance(plain, str) and len(plain) <= _DIGITS_MAX and _NUMBER.fullmatch(plain):
            return Decimal(plain)
        raise _misfit(plain, hint, path)
    if type(plain) is not hint:
        raise _misfit(plain, hint, path)
    return plain


def _misfit(plain: object, hint: type, path: str) -> InvalidInput:
    return InvalidInput(path, f"{excerpt_of(plain)} is no {hint.__name__}", fix="Pass what was written.")


def _class_of(plain: object, path: str) -> type:
    if not isinstance(plain, Mapping):
        raise InvalidInput(path, f"{excerpt_of(plain)} is no dictionary", fix="Pass what to_dict returned.")
    name = plain.get(TYPE)
    cls = _classes().get(name) if isinstance(name, str) else None
    if cls is None:
        raise UnknownName(f"{path}.{TYPE}", str(name), tuple(sorted(_classes())))
    return cls


@cache
def _classes() -> Mapping[str, type]:
    """Return every class that can be written, by its name."""
    found: dict[str, type] = {}
    waiting: list[typing.Any] = []
    for home in HOMES:
        module = import_module(home)
        names = getattr(module, "__all__", None) or vars(module)
        waiting.extend(getattr(module, name) for name in names if name not in NOT_VALUES)
    while waiting:
        hint = waiting.pop()
        waiting.extend(typing.get_args(hint))
        if isinstance(hint, type) and hint.__name__ not in found and _fields(hint):
            found[hint.__name__] = hint
            waiting.extend(_fields(hint).values())
    return found


@cache
def _fields(cls: type) -> Mapping[str, typing.Any]:
    """Return a value's fields with their types; nothing for what is no value of ours."""
    if not getattr(cls, "__module__", "").startswith("fairlead."):
        return {}
    if issubclass(cls, msgspec.Struct):
        names = cls.__struct_fields__
    elif attrs.has(cls):
        names = tuple(field.name for field in attrs.fields(cls) if not field.name.startswith("_"))
    else:
        return {}
    hints = typing.get_type_hints(cls)
    return {name: hints[name] for name in names}
