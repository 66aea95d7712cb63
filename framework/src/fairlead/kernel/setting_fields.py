"""The shapes that kernel settings have: what each takes, and what is said about anything else."""

from __future__ import annotations

import attrs

from fairlead.errors import SettingRefused


def _positive_integer(_instance: object, attribute: attrs.Attribute[int], value: object) -> None:
    if type(value) is not int or value <= 0:
        raise SettingRefused(
            f"kernel.{attribute.name}",
            f"{value!r} is not a whole number above zero",
            fix=f"Leave it out for the default, {attribute.default}.",
        )


def _not_negative(_instance: object, attribute: attrs.Attribute[int], value: object) -> None:
    if type(value) is not int or value < 0:
        problem = f"{value!r} is not a whole number, 0 or more"
        raise SettingRefused(
            f"kernel.{attribute.name}", problem, fix=f"Leave it out for {attribute.default}."
        )


def _is_flag(_instance: object, attribute: attrs.Attribute[bool], value: object) -> None:
    if type(value) is not bool:
        raise SettingRefused(f"kernel.{attribute.name}", f"{value!r} is not true or false")


def _is_path(_instance: object, attribute: attrs.Attribute[str], value: object) -> None:
    if not isinstance(value, str) or "\0" in value:
        raise SettingRefused(
            f"kernel.{attribute.name}",
            f"{value!r} is not the path of a file",
            fix="Pass a path as text, or leave it out.",
        )


def limit(default: int, meaning: str) -> int:
    """Return a field for a whole number above zero."""
    return attrs.field(default=default, validator=_positive_integer, metadata={"doc": meaning})


def limit_or_zero(default: int, meaning: str) -> int:
    """Return a field for a whole number that may be 0; *meaning* says what 0 does."""
    return attrs.field(default=default, validator=_not_negative, metadata={"doc": meaning})


def flag(meaning: str) -> bool:
    """Return a field for a truth value, false by default."""
    return attrs.field(default=False, validator=_is_flag, metadata={"doc": meaning})


def path(meaning: str) -> str:
    """Return a field for the path of a file; empty by default."""
    return attrs.field(default="", validator=_is_path, metadata={"doc": meaning})
