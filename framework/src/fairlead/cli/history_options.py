"""The options by which commands ask for a part of the history."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fairlead.kernel.history import Filters

SymbolOption = Annotated[str | None, typer.Option("--symbol", help="Only of this symbol.")]
BookOption = Annotated[str | None, typer.Option("--book", help="Only of this book.")]
OwnerOption = Annotated[str | None, typer.Option("--owner", help="Only of this owner.")]
TagOption = Annotated[str | None, typer.Option("--tag", help="Only with this tag.")]
NoteOption = Annotated[str | None, typer.Option("--note", help="Only with this in the note; case counts.")]
SinceOption = Annotated[
    str | None,
    typer.Option("--since", help="From this time on, such as 2026-11-26T08:00; UTC unless said."),
]
UntilOption = Annotated[str | None, typer.Option("--until", help="Before this time.")]

_NANOSECONDS_PER_MICROSECOND = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def filters_of(
    symbol: str | None,
    book: str | None,
    owner: str | None,
    tag: str | None,
    note: str | None,
    since: str | None,
    until: str | None,
) -> Filters:
    """Return the filters that were given."""
    filters: Filters = {}
    if symbol is not None:
        filters["symbol"] = symbol
    if book is not None:
        filters["book"] = book
    if owner is not None:
        filters["owner"] = owner
    if tag is not None:
        filters["tag"] = tag
    if note is not None:
        filters["note"] = note
    since_ns, until_ns = bounds_of(since, until)
    if since_ns is not None:
        filters["since_ns"] = since_ns
    if until_ns is not None:
        filters["until_ns"] = until_ns
    return filters


def bounds_of(since: str | None, until: str | None) -> tuple[int | None, int | None]:
    """Return both moments in nanoseconds UTC, nothing for one that was not given; see `time_ns_of`."""
    return (
        None if since is None else time_ns_of(since, "--since"),
        None if until is None else time_ns_of(until, "--until"),
    )


def time_ns_of(text: str, option: str) -> int:
    """Return a moment in nanoseconds UTC, exactly; raises `typer.BadParameter` for text that is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("write it like 2026-11-26T08:00", param_hint=option) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - _EPOCH
    # fixed: a day has so many seconds
    microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return microseconds * _NANOSECONDS_PER_MICROSECOND
