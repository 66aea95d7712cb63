"""What is wrong with a settings table, one sentence per complaint, each with its path."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import attrs

from fairlead.errors import FairleadError, InvalidInput, SettingRefused

_SPOKEN = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
    dict: "a table",
    list: "a list",
    tuple: "a list",
}
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_NAMED_BY_ATTRS = re.compile(r"'(\w+)' (.+)", re.DOTALL)
"""How the validators of attrs begin: with the name of the field in quotes."""


class WrongType(ValueError):
    """A value of a type that a setting does not take; never shows the value, it may be a secret."""

    def __init__(self, value: object, expected: str) -> None:
        super().__init__(f"must be {expected}, not {_SPOKEN.get(type(value), f'a {type(value).__name__}')}")


class UnknownChoice(ValueError):
    """A text or number that is none of those known; suggests the nearest and never shows the value."""

    def __init__(self, value: object, known: Iterable[object]) -> None:
        names = [str(name) for name in known]
        near = _nearest(str(value), names)
        hint = f"; did you mean {near}?" if near else "."
        super().__init__(f"must be one of {', '.join(names)}{hint}")


class UnknownKey(ValueError):
    """A key that the table does not have; suggests the nearest."""

    def __init__(self, key: str, known: Iterable[object]) -> None:
        names = [str(name) for name in known]
        near = _nearest(key, names)
        hint = f"did you mean {near}?" if near else f"known are {', '.join(names) or 'none'}."
        super().__init__(f"unknown key; {hint}")


class Parts(ValueError):
    """What is wrong inside a list or a mapping: (step of the path, error) each."""

    def __init__(self, errors: list[tuple[str, Exception]]) -> None:
        self.errors = errors
        super().__init__()


def spoken(kind: type) -> str:
    """Return what a user calls a value of the type."""
    return _SPOKEN[kind]


def key_step(key: object) -> str:
    """Return a key as a step of a path, written as TOML does."""
    text = str(key)
    if _BARE_KEY.fullmatch(text):
        return f".{text}"
    escaped = text.encode("unicode_escape").decode().replace('"', '\\"')
    return f'."{escaped}"'


def complaints_of(error: Exception, path: str, kind: type | None = None) -> Iterator[str]:
    """Return every complaint in the error, each with its path.

    *kind* is the settings class whose own checks raised it, and None where a value could not be read.
    """
    from cattrs.errors import BaseValidationError, ForbiddenExtraKeysError

    if isinstance(error, BaseValidationError):
        for inner in error.exceptions:
            yield from _complaints_inside(inner, path, error.cl)
    elif isinstance(error, Parts):
        for step, inner in error.errors:
            yield from complaints_of(inner, path + step)
    elif isinstance(error, ForbiddenExtraKeysError):
        known = [field.name for field in attrs.fields(error.cl) if field.init]
        for key in sorted(map(str, error.extra_fields)):
            yield f"{path}{key_step(key)}: {UnknownKey(key, known)}"
    elif isinstance(error, InvalidInput | SettingRefused):
        field = _field_below(error.field, kind)
        yield " ".join(filter(None, (f"{path}{field}: {_sentence(error.problem)}", error.fix)))
    elif isinstance(error, FairleadError):
        yield " ".join(filter(None, (f"{path}: {_sentence(error.what)}", error.fix)))
    else:
        field, problem = _told_by_attrs(error, kind)
        yield f"{path}{field}: {_sentence(problem)}"


def _complaints_inside(error: Exception, path: str, kind: type) -> Iterator[str]:
    """Return the complaints of one error in a table: of a field if cattrs noted one, else of the class."""
    from cattrs.errors import AttributeValidationNote

    names = [
        note.name for note in getattr(error, "__notes__", ()) if isinstance(note, AttributeValidationNote)
    ]
    if not names:
        yield from complaints_of(error, path, kind)
    elif isinstance(error, KeyError):
        example = attrs.fields_dict(kind)[names[0]].metadata.get("example")
        hint = f" Write, for example, {names[0]} = {example}." if example else ""
        yield f"{path}{key_step(names[0])}: is missing.{hint}"
    else:
        yield from complaints_of(error, path + key_step(names[0]))


def _field_below(field: str, kind: type | None) -> str:
    """Return the refused field as a step, without the owner's name that it may begin with."""
    if kind is None:
        return ""  # the path is that of the value itself
    known = attrs.fields_dict(kind)
    head, _, rest = field.partition(".")
    if head not in known and rest.partition(".")[0] in known:
        return f".{rest}"
    return f".{field}"


def _told_by_attrs(error: Exception, kind: type | None) -> tuple[str, str]:
    """Return field, as a step, and problem of what a validator of attrs or any other check raised."""
    text = str(error.args[0]) if error.args else type(error).__name__
    named = _NAMED_BY_ATTRS.fullmatch(text)
    if kind is not None and named and named[1] in attrs.fields_dict(kind):
        return f".{named[1]}", named[2]
    return "", text


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?")) else f"{text}."


def _nearest(name: str, known: list[str]) -> str:
    import difflib  # only a mistake needs it

    return next(iter(difflib.get_close_matches(name, known, n=1)), "")
