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
from fairlead.domain.values import Value

if TYPE_CHECKING:
    from rich.console import Console

# fixed: a program that wants another layout reads the JSON document
PIPED_WIDTH = 240
"""Columns of a table that is not written to a terminal: wide enough not to break ids and reasons."""

# fixed: a matter of layout, not of behaviour
LAST_COLUMN_MIN = 24
"""Columns that the last one needs to be worth reading."""

# fixed: a matter of layout, not of behaviour
_GAP = 3
_EDGE = 1
"""Between two columns, and more than that at the outside of a grid."""

_NOTHING = "-"

# fixed: what spreadsheets take for the beginning of a formula; tab and line breaks are escaped before
_FORMULA = ("=", "+", "-", "@", "\\t", "\\r", "\\n")


def escaped(text: str) -> str:
    """Return the text with every character that is not printable written as an escape."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


@attrs.frozen
class Shortened:
    """A text with an id in it: the whole of it, and a shorter one for tables that have no room."""

    whole: str
    short: str

    def __str__(self) -> str:
        """Return the whole of it."""
        return self.whole


def cell(value: object, *, short: bool = False) -> str:
    """Return a value as people read it in a table: decimals plain, nothing as a dash."""
    if isinstance(value, Shortened):
        return cell(value.short if short else value.whole)
    if value is None or value == "":
        return _NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return text_of(value)
    if isinstance(value, Enum):
        return escaped(str(value.value))
    if isinstance(value, list | tuple):
        return "\n".join(cell(item) for item in value) or _NOTHING
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
    names = kind.__struct_fields__ if issubclass(kind, Value) else _attributes(kind)
    if names:
        return {name: plain(getattr(value, name)) for name in names}
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _attributes(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in attrs.fields(kind)) if attrs.has(kind) else ()


def print_json(value: object) -> None:
    """Print one JSON document with sorted keys on stdout; control characters are escapes."""
    print(json.dumps(plain(value), sort_keys=True, indent=2, ensure_ascii=True))


def print_csv(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print comma-separated values on stdout: exact decimals, flags as 1 and 0, texts escaped.

    A text that a spreadsheet would take for a formula gets an apostrophe before it. Numbers, negative ones
    too, stay numbers.
    """
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_csv_cell(value) for value in row] for row in rows)


def _csv_cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return text_of(value)
    if isinstance(value, int):
        return int(value)
    text = escaped(str(value))
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> None:
    """Print a table on stdout, as wide as the terminal; only its last column is ever broken.

    Where even that does not fit, ids are shortened; then each row becomes a block of lines, so that no
    figure is cut in two.
    """
    if title:
        print_line(title)
    cells = _fitting(columns, rows)
    if cells is None:
        for row in rows:
            _print_block(columns, [cell(value) for value in row])
    else:
        _print_grid(columns, cells)


def fits(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> bool:
    """Tell whether a table, with ids shortened if need be, is no wider than the terminal."""
    return _fitting(columns, rows) is not None


def _fitting(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> list[list[str]] | None:
    """Return the cells, with whole ids where there is room, or nothing when there is none even without."""
    for short in (False, True):
        cells = [[cell(value, short=short) for value in row] for row in rows]
        widths = [max(map(_width, column)) for column in zip(columns, *cells, strict=True)]
        needed = sum(width + _GAP for width in widths[:-1]) + min(widths[-1], LAST_COLUMN_MIN) + _GAP + _EDGE
        if needed <= terminal_width():
            return cells
    return None


def _print_grid(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE)
    for index, column in enumerate(columns):
        table.add_column(Text(column), overflow="fold", no_wrap=index < len(columns) - 1)
    for row in cells:
        table.add_row(*(Text(text) for text in row))
    _console().print(table)


def print_item(mark: str, text: str) -> None:
    """Print a mark and a paragraph beside it, broken between words at the terminal's edge."""
    from textwrap import wrap

    lines = wrap(escaped(text), max(LAST_COLUMN_MIN, terminal_width() - len(mark) - 1)) or [""]
    for number, line in enumerate(lines):
        print(f"{mark if not number else ' ' * len(mark)} {line}")


def _print_block(columns: Sequence[str], row: Sequence[str]) -> None:
    """Print one row as lines; what is not there is left out, and a list stands in one line."""
    print(f"  {row[0]}")
    for column, text in zip(columns[1:], row[1:], strict=True):
        if text != _NOTHING:
            print_item(f"    {column}:", ", ".join(text.split("\n")))


def _width(text: str) -> int:
    from rich.cells import cell_len

    return max(map(cell_len, text.split("\n")))


def print_line(text: str) -> None:
    """Print one line for people on stdout."""
    print(escaped(text))


def print_note(text: str) -> None:
    """Print one line of progress or warning on stderr, so that stdout stays the result."""
    print(escaped(text), file=sys.stderr)


def terminal_width() -> int:
    """Return how many columns there are on stdout."""
    return _console().width


def cropped(text: str, width: int) -> str:
    """Return the text, escaped, or as much of its beginning as the width has room for, and "…"."""
    from rich.cells import set_cell_size

    shown = escaped(text)
    if _width(shown) <= max(0, width):
        return shown
    return set_cell_size(shown, max(0, width - 1)).rstrip() + "…"


def _console() -> Console:
    from rich.console import Console

    width = None if sys.stdout.isatty() else PIPED_WIDTH
    return Console(markup=False, highlight=False, emoji=False, width=width)
