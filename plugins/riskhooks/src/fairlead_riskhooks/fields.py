"""Converters and validators that the settings of several checks share."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs

from fairlead.errors import SettingRefused
from fairlead.ports.numbers import to_decimal, to_positive


def to_number(value: object) -> Decimal | None:
    """Return an exact number, or nothing where nothing is set."""
    return None if value is None else to_decimal(value, "limit")


def to_limit(value: object) -> Decimal:
    """Return an exact number."""
    return to_decimal(value, "limit")


def is_positive(_: object, field: attrs.Attribute[Any], value: Decimal | None) -> None:
    """Refuse zero and below."""
    if value is not None:
        to_positive(value, field.name)


def is_count(_: object, field: attrs.Attribute[Any], value: object) -> None:
    """Refuse what is no whole number of at least 1."""
    if value is not None and (type(value) is not int or value < 1):
        raise SettingRefused(field.name, "is no whole number of at least 1", fix="Give one, or leave it out.")


def check_one_given(settings: object, *names: str) -> None:
    """Raise `SettingRefused` when none of these is set: a check without a limit protects nobody."""
    if all(getattr(settings, name) is None for name in names):
        raise SettingRefused(names[0], f"none of {', '.join(names)} is set", fix="Give at least one.")
