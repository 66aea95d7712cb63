"""How commands print: tables for people, JSON for programs, and nothing that a terminal obeys.

Text may come from a venue, a plugin or a file. Whatever is not printable is written as an escape,
and rich's markup is off, so ``[/red]`` stays what it is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING

import attrs

from fairlead.domain.numbers import text_of

if TYPE_CHECKING:
    from rich.console import Console

PIPED_WIDTH = 240
"""Columns of a table that is not written to a terminal: wide enough not to break ids and reasons."""


def escaped(text: str) -> str:
    """Return the text with every character that is not printable written as an escape."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def cell(value: object) -> str:
    """Return a value as people read it in a table: decimals plain, nothing as a dash."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return text_of(value)
    if isinstance(value, Enum):
        return escaped(str(value.value))
    if isinstance(value, list | tuple):
        return "\n".join(cell(item) for item in value) or "-"
    return escaped(str(value))


def plain(value: object) -> object:
    """Return a value as JSON can hold it: decimals and bytes as text, records as objects.

    Raises `TypeError` for what has no agreed form, floats among them.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, str | int):
        return value
    if isinstance(value, Decimal):
        return text_of(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    kind: type = type(value)
    if attrs.has(kind):
        return {field.name: plain(getattr(value, field.name)) for field in attrs.fields(kind)}
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def print_json(value: object) -> None:
    """Print one JSON document with sorted keys on stdout; control characters are escapes."""
    print(json.dumps(plain(value), sort_keys=True, indent=2, ensure_ascii=True))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> None:
    """Print a table on stdout, as wide as the terminal; the first column is never broken."""
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(escaped(title)) if title else None, title_justify="left", box=SIMPLE)
    for index, column in enumerate(columns):
        table.add_column(Text(column), overflow="fold", no_wrap=index == 0)
    for row in rows:
        table.add_row(*(Text(cell(value)) for value in row))
    _console().print(table)


def print_line(text: str) -> None:
    """Print one line for people on stdout."""
    print(escaped(text))


def print_note(text: str) -> None:
    """Print one line of progress or warning on stderr, so that stdout stays the result."""
    print(escaped(text), file=sys.stderr)


def _console() -> Console:
    from rich.console import Console

    width = None if sys.stdout.isatty() else PIPED_WIDTH
    return Console(markup=False, highlight=False, emoji=False, width=width)
