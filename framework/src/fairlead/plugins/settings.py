"""Typed settings: a configuration table becomes an attrs object, or an error that says where and what.

Nothing is converted behind the user's back: text is text, a whole number is an `int`, ``true`` and
``false`` are the only booleans, and money or quantity is never a float. A settings class is made of
these, enums, `Decimal`, `Path` (or ``str | Path``), other attrs classes, ``tuple[X, ...]``,
``Sequence[X]``, ``list[X]``, ``frozenset[X]``, ``Mapping[K, X]`` with texts or an enum as keys, and
``X | None``. `Secret` is read from where ``{"$env" = ...}`` or ``{"$file" = ...}`` points. An object that
already is of the class is taken as it is.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from fairlead.domain.numbers import to_decimal
from fairlead.errors import ConfigurationRefused
from fairlead.plugins.secrets import Secret, secret_of
from fairlead.plugins.settings_complaints import (
    Parts,
    UnknownChoice,
    UnknownKey,
    WrongType,
    complaints_of,
    key_step,
    spoken,
)

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")
_Hook = Callable[[object, object], object]
_COLLECTIONS: tuple[tuple[type, Callable[[list[object]], object]], ...] = (
    (tuple, tuple),
    (typing.cast("type", Sequence), tuple),
    (list, list),
    (frozenset, frozenset),
)


def structure_settings(cls: type[T], table: Mapping[str, Any], path: str) -> T:
    """Return the settings class filled from the table.

    Raises `ConfigurationRefused` that lists every complaint with its path below *path*: unknown
    keys with the nearest known one, missing keys (with the ``example`` in the field's metadata, if
    it has one), values of the wrong type, floats where an exact number belongs, and what the class's
    own checks say: best as `SettingRefused` or `InvalidInput`, which name the field.
    """
    from cattrs.errors import BaseValidationError

    try:
        return _converter().structure(table, cls)
    except (BaseValidationError, ValueError, TypeError) as error:
        complaints = list(complaints_of(error, path))
    raise ConfigurationRefused(" ".join(complaints), not_done="Nothing was started with these settings.")


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
    converter.register_structure_hook(Secret, secret_of)
    converter.register_structure_hook(Path, lambda value, _asked: Path(_path_or_text(value, _asked)))
    converter.register_structure_hook_func(lambda kind: kind == str | Path, _path_or_text)
    for origin, build in _COLLECTIONS:
        converter.register_structure_hook_factory(
            functools.partial(_is_collection, origin), functools.partial(_elements_hook, converter, build)
        )
    converter.register_structure_hook_factory(is_mapping, functools.partial(_mapping_hook, converter))
    converter.register_structure_hook_factory(attrs.has, functools.partial(_record_hook, converter))
    return converter


def _exactly(kind: type[T], value: object, asked: object) -> object:
    if isinstance(asked, type) and issubclass(asked, Enum):  # an enum of texts is a `str`, too
        return _member(value, asked)
    if type(value) is not kind:
        raise WrongType(value, spoken(kind))
    return value


def _float(value: object, _asked: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongType(value, "a number")
    return float(value)


def _decimal(value: object, _asked: object) -> Decimal:
    return to_decimal(value, "value")  # the path says which


def _path_or_text(value: object, _asked: object) -> str | Path:
    if not isinstance(value, str | Path):
        raise WrongType(value, "the path of a file as text")
    return value


def _member(value: object, kind: type[Enum]) -> Enum:
    if isinstance(value, kind):
        return value
    known = _values_of(kind)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise WrongType(value, "one of " + ", ".join(map(str, known)))
    if value not in known:
        raise UnknownChoice(value, known)
    return known[value]


def _values_of(kind: type[Enum]) -> dict[object, Enum]:
    return {member.value: member for member in kind}


def _is_collection(origin: type, kind: object) -> bool:
    return typing.get_origin(kind) is origin and typing.get_args(kind)[1:] in ((), (Ellipsis,))


def _elements_hook(converter: Converter, build: Callable[[list[object]], object], kind: object) -> _Hook:
    element = typing.get_args(kind)[0]

    def structure(value: object, _asked: object) -> object:
        if not isinstance(value, list | tuple):
            raise WrongType(value, "a list")
        structured: list[object] = []
        errors: list[tuple[str, Exception]] = []
        for index, item in enumerate(value):
            try:
                structured.append(converter.structure(item, element))
            except (ValueError, TypeError, ExceptionGroup) as error:
                errors.append((f"[{index}]", error))
        if errors:
            raise Parts(errors)
        return build(structured)

    return structure


def _mapping_hook(converter: Converter, kind: object) -> _Hook:
    key_kind, value_kind = typing.get_args(kind) or (str, Any)

    def structure(value: object, _asked: object) -> object:
        if not isinstance(value, Mapping):
            raise WrongType(value, "a table")
        structured: dict[object, object] = {}
        errors: list[tuple[str, Exception]] = []
        for key, item in value.items():
            try:
                structured[_map_key(converter, key, key_kind)] = converter.structure(item, value_kind)
            except (ValueError, TypeError, ExceptionGroup) as error:
                errors.append((key_step(key), error))
        if errors:
            raise Parts(errors)
        return structured

    return structure


def _map_key(converter: Converter, key: object, kind: Any) -> object:  # noqa: ANN401 - any annotation
    is_enum = isinstance(kind, type) and issubclass(kind, Enum)
    if is_enum and not isinstance(key, kind) and key not in _values_of(kind):
        raise UnknownKey(str(key), _values_of(kind))
    return converter.structure(key, kind)


def _record_hook(converter: Converter, kind: Any) -> _Hook:  # noqa: ANN401 - any attrs class
    from_table = converter.gen_structure_attrs_fromdict(kind)
    own = typing.get_origin(kind) or kind

    def structure(value: object, asked: Any) -> object:  # noqa: ANN401 - what cattrs passes
        if isinstance(value, own):
            return value
        if not isinstance(value, Mapping):
            raise WrongType(value, "a table")
        return from_table(value, asked)

    return structure
