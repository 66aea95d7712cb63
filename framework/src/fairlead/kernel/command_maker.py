"""From what a caller says to an input for the door: everything is checked before anything is recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Protocol, TypedDict

import msgspec

from fairlead.domain.account import CORRECTION_PREFIX
from fairlead.domain.changes import CHANGE_PREFIX, ChangeKind
from fairlead.domain.closings import CLOSING_PREFIX
from fairlead.domain.episodes import EpisodeKey
from fairlead.domain.identifiers import (
    excerpt_of,
    to_client_order_id,
    to_key,
    to_line,
    to_name,
    to_symbol,
    venue_text,
)
from fairlead.domain.instruments import Instrument, to_asset
from fairlead.domain.numbers import EXACT, Number, to_decimal, to_positive
from fairlead.domain.orders import Order
from fairlead.domain.reconciliation import BalanceEntry
from fairlead.domain.remarks import to_annotation
from fairlead.domain.requests import PacingPolicy
from fairlead.errors import InvalidInput, UnknownName
from fairlead.kernel.core.account_inputs import AcceptBalance
from fairlead.kernel.core.change_inputs import ChangeOrder
from fairlead.kernel.core.inputs import AcceptDrift, CancelAll, ClosePosition, Flatten, Wish
from fairlead.kernel.core.position_inputs import Annotate
from fairlead.kernel.settings import to_pacing_policy
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND


class CloseWishes(TypedDict, total=False):
    """The optional arguments of `Session.close_position`."""

    limit_price: Number | None
    cancel_entries: bool
    position_id: str | None
    idempotency_key: str | None


class ChangeWishes(TypedDict, total=False):
    """The optional arguments of `Session.modify_order` and `Session.replace_order`; one of them is due.

    *quantity* is the whole of the order, what was filled included.
    """

    quantity: Number | None
    limit_price: Number | None
    trigger_price: Number | None
    idempotency_key: str | None
    pacing: PacingPolicy | str | None
    wait_max_ms: int | None


class Saying(TypedDict, total=False):
    """What `Session.annotate` may be given: see `fairlead.domain.remarks` for shapes and sizes."""

    note: str | None
    add_tags: Sequence[str]
    remove_tags: Sequence[str]
    metadata: Mapping[str, str] | None
    remove_metadata: Sequence[str]
    idempotency_key: str | None


_SAYINGS = frozenset(Saying.__annotations__)
_KNOWN = frozenset(CloseWishes.__annotations__)
_CHANGES = frozenset(ChangeWishes.__annotations__)


class CommandSource(Protocol):
    """What a command is made from: the venue's rules, and an id for what is new."""

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """Return the venue's rules by symbol."""

    def new_client_order_id(self) -> str:
        """Return a fresh client order id of this account."""


class CommandMaker:
    """Makes the inputs of commands in the name of an owner, or of the operator for all owners."""

    def __init__(self, kernel: CommandSource, by: str, *, operator: bool = False) -> None:
        self._kernel = kernel
        self._by = by
        self._operator = operator

    def cancel_all(self, symbol: str | None, book: str | None, key: str | None) -> CancelAll:
        """Return the command to cancel all live orders; nothing means any."""
        where = _symbol(symbol), _book(book)
        text = _key(key)
        digest = _digest(text, "cancel_all", *where)
        return CancelAll(self._by, *where, 0, self._operator, idempotency_key=text, command_digest=digest)

    def adoption(self, venue_order_id: str, owner: str, book: str, symbol: str, note: str) -> Wish:
        """Return the wish to take an order over; no book is the owner's, no symbol is looked for."""
        name = to_name(owner, "owner")
        return Wish(
            venue_order_id=venue_text(venue_order_id, "venue_order_id"),
            owner=name,
            book=to_name(book, "book") if book else name,
            by=self._by,
            note=to_line(note, "note") if note else "",
            symbol=to_symbol(symbol, "symbol") if symbol else "",
            operator=self._operator,
        )

    def acceptance(
        self, symbol: str, at_venue: Number, book: str, price: Number | None, note: str
    ) -> AcceptDrift:
        """Return the command to book a drift; raises `UnknownName` for a symbol without rules."""
        if to_symbol(symbol, "symbol") not in self._kernel.instruments:
            raise UnknownName("symbol", symbol, tuple(sorted(self._kernel.instruments)))
        seen = to_decimal(at_venue, "at_venue")
        return AcceptDrift(
            symbol,
            to_name(book, "book"),
            seen,
            seen,
            None if price is None else to_positive(price, "price"),
            self._by,
            to_line(note, "note"),
            0,
        )

    def close_position(self, symbol: str, book: str | None, wishes: CloseWishes) -> ClosePosition:
        """Return the command to close a position.

        Raises `UnknownName` for a symbol without rules or a wish that there is not.
        """
        if not wishes.keys() <= _KNOWN:
            raise UnknownName("close_position", min(wishes.keys() - _KNOWN), tuple(sorted(_KNOWN)))
        instruments = self._kernel.instruments
        instrument = instruments.get(to_symbol(symbol, "symbol"))
        if instrument is None:
            raise UnknownName("symbol", symbol, tuple(sorted(instruments)))
        limit = wishes.get("limit_price")
        price = None if limit is None else to_positive(limit, "limit_price")
        if price is not None:
            instrument.check_price(price, "limit_price")
        key, entries = _key(wishes.get("idempotency_key")), bool(wishes.get("cancel_entries", False))
        where = _book(book) or self._by
        named = wishes.get("position_id")
        position_id = "" if named is None else to_client_order_id(named, "position_id")
        words = (symbol, where, position_id, entries, None if price is None else EXACT.normalize(price))
        return ClosePosition(
            self._new_id(),
            self._by,
            symbol,
            where,
            self._operator,
            entries,
            limit_price=price,
            idempotency_key=key,
            command_digest=_digest(key, "close_position", *words),
            position_id=position_id,
        )

    def change(self, kind: ChangeKind, order: Order, wishes: ChangeWishes) -> ChangeOrder:
        """Return the command to change an order, its new terms checked against the venue's rules.

        Raises `InvalidInput` for terms that the order has not or when none is given, `NumberRefused` for
        figures off the grid, `UnknownName` for a wish that there is not or a symbol without rules.
        """
        what = f"{kind.value}_order"
        if not wishes.keys() <= _CHANGES:
            raise UnknownName(what, min(wishes.keys() - _CHANGES), tuple(sorted(_CHANGES)))
        instruments = self._kernel.instruments
        instrument = instruments.get(order.symbol)
        if instrument is None:
            raise UnknownName("symbol", order.symbol, tuple(sorted(instruments)))
        quantity = wishes.get("quantity")
        number = None if quantity is None else to_positive(quantity, "quantity")
        if number is not None:
            instrument.check_quantity(number, "quantity")
        limit = _price(wishes.get("limit_price"), order.limit_price, "limit_price", instrument)
        trigger = _price(wishes.get("trigger_price"), order.trigger_price, "trigger_price", instrument)
        terms = (number, limit, trigger)
        if terms == (None, None, None):
            raise InvalidInput(
                what, "nothing is to change", fix="Pass quantity, limit_price or trigger_price."
            )
        key = _key(wishes.get("idempotency_key"))
        words = (order.client_order_id, *(None if each is None else EXACT.normalize(each) for each in terms))
        pacing, wait_max_ms = wishes.get("pacing"), wishes.get("wait_max_ms")
        return ChangeOrder(
            CHANGE_PREFIX + self._kernel.new_client_order_id(),
            kind,
            order.client_order_id,
            self._by,
            *terms,
            key,
            _digest(key, what, *words),
            None if pacing is None else to_pacing_policy(pacing, "pacing"),
            None if wait_max_ms is None else to_wait_ns(wait_max_ms),
        )

    def flatten(self, symbol: str | None, book: str | None, key: str | None) -> Flatten:
        """Return the command to flatten a book; an operator's that names none flattens all."""
        where = _symbol(symbol), _book(book) or ("" if self._operator else self._by)
        text = _key(key)
        digest = _digest(text, "flatten", *where)
        return Flatten(
            self._new_id(), self._by, *where, 0, self._operator, idempotency_key=text, command_digest=digest
        )

    def balance_acceptance(self, asset: str, at_venue: Number, note: str) -> AcceptBalance:
        """Return the command to book what the venue holds of an asset more or less than we derive."""
        total = to_decimal(at_venue, "at_venue")
        entry_id = CORRECTION_PREFIX + self._kernel.new_client_order_id()
        why = to_line(note, "note")
        name = to_asset(asset, "asset")
        entry = BalanceEntry(name, total, total)
        return AcceptBalance(name, total, entry, False, self._by, why, entry_id, 0)

    def annotate(self, subject: str | EpisodeKey, saying: Saying) -> Annotate:
        """Return the command to say something about an order, by its id, or about an episode.

        Raises `UnknownName` for what cannot be said, and what `to_annotation` raises.
        """
        if not saying.keys() <= _SAYINGS:
            raise UnknownName("annotate", min(saying.keys() - _SAYINGS), tuple(sorted(_SAYINGS)))
        words = {name: value for name, value in saying.items() if name != "idempotency_key"}
        wanted = to_annotation(**words)
        key = _key(saying.get("idempotency_key"))
        digest = _digest(key, "annotate", subject, wanted)
        name, episode = (subject, None) if isinstance(subject, str) else ("", subject)
        return Annotate(self._by, wanted, name, episode, 0, key, digest, self._operator)

    def _new_id(self) -> str:
        return CLOSING_PREFIX + self._kernel.new_client_order_id()


def _price(
    value: Number | None, present: Decimal | None, field: str, instrument: Instrument
) -> Decimal | None:
    """Return a price wished for; an order that has no such price cannot be given one."""
    if value is None:
        return None
    if present is None:
        raise InvalidInput(
            field, "the order has none", fix="Leave it out, or replace the order by a proposal."
        )
    price = to_positive(value, field)
    instrument.check_price(price, field)
    return price


def to_wait_ns(value: object) -> int:
    """Return the longest wait in nanoseconds; raises `InvalidInput` unless it is a count of milliseconds."""
    if type(value) is int and value >= 0:
        return value * NANOSECONDS_PER_MILLISECOND
    problem = f"{excerpt_of(value)} is not a whole number of milliseconds"
    raise InvalidInput("wait_max_ms", problem, fix="Pass 0 or more.")


def _symbol(symbol: str | None) -> str:
    return "" if symbol is None else to_symbol(symbol, "symbol")


def _book(book: str | None) -> str:
    return "" if book is None else to_name(book, "book")


def _key(key: str | None) -> str:
    return "" if key is None else to_key(key, "idempotency_key")


def _digest(key: str, *words: object) -> str:
    """Return a digest of what was wished for, by which a repeated command is recognised."""
    return sha256(msgspec.json.encode(words)).hexdigest() if key else ""
