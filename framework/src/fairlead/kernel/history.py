"""History: orders and episodes by owner, time, tag and note, read from the store.

What is read is what is durable, so it holds everything that a bot has been told by then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypedDict, TypeVar

from msgspec.structs import replace

from fairlead.domain.episodes import EpisodeView
from fairlead.domain.identifiers import excerpt_of, to_line, to_name, to_symbol
from fairlead.domain.numbers import to_time_ns
from fairlead.domain.orders import OrderView, view_of
from fairlead.domain.remarks import as_in_text
from fairlead.domain.snapshots import PositionSnapshot
from fairlead.errors import InvalidInput, UnknownName
from fairlead.kernel.journal.episode_rows import view_from_row
from fairlead.kernel.journal.rows import order_from_row
from fairlead.ports.searches import Search
from fairlead.ports.store import Scalar

# fixed: whoever asks says how many, and pages on; this bounds what one question may cost
HISTORY_DEFAULT = 100
HISTORY_MAX = 10_000
"""How many items one question about history answers with, at most and unless it says otherwise."""

_T = TypeVar("_T")
Rows = Sequence[Mapping[str, Scalar]]


class Searchable(Protocol):
    """What history needs of a store or of a reader of one."""

    async def search(self, table: str, wanted: Search) -> Rows:
        """Return the table's rows that are wanted."""


class Filters(TypedDict, total=False):
    """What a question about history may ask for; what is left out does not narrow.

    *tag* is one whole tag, *note* a part of the note, literally and with its case. *since_ns* is the first
    nanosecond UTC that is wanted and *until_ns* the first that is not: of an order's creation, of an
    episode's beginning. *limit* is how many are wanted, the newest: 100 unless it is said, 10,000 at most.
    """

    symbol: str | None
    book: str | None
    position_id: str | None
    owner: str | None
    tag: str | None
    note: str | None
    since_ns: int | None
    until_ns: int | None
    limit: int


_KNOWN = frozenset(Filters.__annotations__)
_COLUMNS: dict[str, Callable[[object, str], str]] = {
    "symbol": to_symbol,
    "book": to_name,
    "owner": to_name,
    "position_id": lambda value, field: "" if value == "" else to_name(value, field),
}


def search_of(filters: Filters, time: str) -> Search:
    """Return the search for rows whose *time* column and other columns are as the filters say.

    Raises `UnknownName` for a filter that there is not, and `TextRefused`, `NumberRefused` or
    `InvalidInput` for a value of the wrong shape.
    """
    if not filters.keys() <= _KNOWN:
        raise UnknownName("filter", min(filters.keys() - _KNOWN), tuple(sorted(_KNOWN)))
    given = {name: value for name, value in filters.items() if value is not None}
    equal = tuple((name, to(given[name], name)) for name, to in _COLUMNS.items() if name in given)
    parts: list[tuple[str, str]] = []
    if "tag" in given:
        parts.append(("tags", as_in_text(to_name(given["tag"], "tag"))))
    if "note" in given:
        parts.append(("note", to_line(given["note"], "note")))
    since, until = (
        (time, to_time_ns(given[name], name)) if name in given else None for name in ("since_ns", "until_ns")
    )
    return Search(equal, tuple(parts), since, until, time, _to_limit(given.get("limit", HISTORY_DEFAULT)))


def _to_limit(value: object) -> int:
    if type(value) is int and 0 < value <= HISTORY_MAX:
        return value
    problem = f"{value if type(value) is int else excerpt_of(value)} is no number from 1 to {HISTORY_MAX}"
    raise InvalidInput("limit", problem, fix="Ask in pages, with until_ns at the oldest you have.")


async def found_episodes(reader: Searchable, wanted: Search) -> tuple[EpisodeView, ...]:
    """Return the episodes that are wanted, with the ids of their orders and fills."""
    views = [view_from_row(row) for row in await reader.search("episodes", wanted)]
    fills = await _fills_of(reader, views)
    return tuple(_with_fills(view, fills[_position(view)]) for view in views)


async def _fills_of(reader: Searchable, views: list[EpisodeView]) -> dict[tuple[str, str, str], Rows]:
    """Return the rows of fills of every position, from its first wanted episode to its last."""
    numbers: dict[tuple[str, str, str], list[int]] = {}
    for view in views:
        numbers.setdefault(_position(view), []).append(view.number)
    found: dict[tuple[str, str, str], Rows] = {}
    for key, wanted in numbers.items():
        equal = tuple(zip(("symbol", "book", "position_id"), key, strict=True))
        last = max(wanted) + 1  # a fill that flipped the position stands with the episode it began
        search = Search(equal, since=("episode", min(wanted)), before=("episode", last + 1))
        found[key] = sorted(await reader.search("fills", search), key=_order_booked)
    return found


def _with_fills(view: EpisodeView, rows: Rows) -> EpisodeView:
    own = [row for row in rows if row["episode"] == view.number or _ends_here(row, view.number)]
    fills = tuple((str(row["client_order_id"]), str(row["trade_id"])) for row in own)
    return replace(view, order_ids=tuple(dict.fromkeys(name for name, _ in fills)), fills=fills)


def _ends_here(row: Mapping[str, Scalar], number: int) -> bool:
    return bool(row["flipped"]) and row["episode"] == number + 1


def _order_booked(row: Mapping[str, Any]) -> int:
    sequence: int = row["sequence"]
    return sequence


def _position(view: EpisodeView) -> tuple[str, str, str]:
    return view.symbol, view.book, view.position_id


async def found_orders(reader: Searchable, wanted: Search) -> tuple[OrderView, ...]:
    """Return the orders that are wanted."""
    return tuple(view_of(order_from_row(row, ())) for row in await reader.search("orders", wanted))


async def found_snapshots(reader: Searchable, wanted: Search) -> tuple[PositionSnapshot, ...]:
    """Return the snapshots that are wanted."""
    rows = await reader.search("position_snapshots", wanted)
    names = PositionSnapshot.__struct_fields__
    return tuple(PositionSnapshot(*(row[name] for name in names)) for row in rows)  # type: ignore[arg-type]  # rows hold what the columns say


class History:
    """The questions about history, of one kernel; *read* carries a reading out under its time limit."""

    def __init__(
        self, reader: Searchable, read: Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]
    ) -> None:
        self._reader = reader
        self._read = read

    async def episodes(self, filters: Filters) -> tuple[EpisodeView, ...]:
        """Return episodes, the newest first, open ones among them."""
        wanted = search_of(filters, "opened_ns")
        return await self._answer(lambda: found_episodes(self._reader, wanted))

    async def orders(self, filters: Filters) -> tuple[OrderView, ...]:
        """Return orders, the newest first."""
        wanted = search_of(filters, "created_ns")
        return await self._answer(lambda: found_orders(self._reader, wanted))

    async def snapshots(self, filters: Filters) -> tuple[PositionSnapshot, ...]:
        """Return snapshots of positions, the newest first; they have no owner, tag or note to ask by."""
        wanted = search_of(filters, "ts_ns")
        return await self._answer(lambda: found_snapshots(self._reader, wanted))

    async def _answer(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        found: list[_T] = []

        async def reading() -> None:
            found[:] = [await ask()]

        await self._read(reading)
        return found[0]
