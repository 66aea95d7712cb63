"""What the exposure check remembers: which positions are open, and what orders may still add to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from fairlead.ports.numbers import ONE, ZERO
from fairlead.ports.risk import (
    ChangeKind,
    ChangeRequested,
    Contract,
    Fact,
    ModifyRejected,
    OrderAdopted,
    OrderEnded,
    OrderFilled,
    OrderInitialized,
    OrderSide,
    OrderUpdated,
    PositionMoved,
    PositionsSnapshotted,
    RiskView,
    Terms,
)
from fairlead_riskhooks.exact import minus, plus
from fairlead_riskhooks.stored import dump, load

CLOSED_MAX = 256  # fixed: one that is forgotten is kept as open and counts nothing, for it holds nothing

Key = tuple[str, str, str]
"""What a position is found by: symbol, book, and the id of a hedging position."""


class Asked(msgspec.Struct, frozen=True):
    """How much an order is for, filled or not, and its price; nothing for a market order without one."""

    quantity: Decimal
    price: Decimal | None


class OpeningOrder(msgspec.Struct):
    """A live order that may add exposure; *wish* is a change that the venue has not confirmed."""

    key: Key
    buys: bool
    asked: Asked
    filled: Decimal = ZERO
    wish: Asked | None = None
    multiplier: Decimal = ONE
    inverse: bool = False

    def leaves(self) -> list[Asked]:
        """Return what may still be filled and at what price, by its terms and by those wished for."""
        terms = [self.asked] if self.wish is None else [self.asked, self.wish]
        return [Asked(max(ZERO, minus(each.quantity, self.filled)), each.price) for each in terms]


class ExposureBook(msgspec.Struct):
    """Keys of positions that were opened and not closed, and orders by client order id.

    *closed* are positions that were closed since snapshots of positions were written last: those may still
    show them as open.
    """

    positions: list[Key] = []
    orders: dict[str, OpeningOrder] = {}
    closed: list[Key] = []


EMPTY = dump(ExposureBook())


def fold_exposure(value: str, fact: Fact) -> str:
    """Return the book after the fact, as text."""
    fold = _FOLDS.get(type(fact))
    if fold is None:
        return value
    book = load(value, ExposureBook)
    fold(book, fact)
    return dump(book)


def unknown_of(keys: Iterable[Key], symbol: str | None, book: ExposureBook, view: RiskView) -> str:
    """Return what the view counts and the book does not hold, in a few words; nothing when it holds all."""
    seen = 0
    for key in keys:
        position = view.position(*key)
        if position is None or not position.is_exposed:
            continue
        seen += 1
        known = sum(order.key == key for order in book.orders.values())
        if position.pending_openings > known:
            return f"{position.pending_openings - known} live orders of {key[0]}"
    missing = view.exposed_positions(symbol) - seen
    return f"{missing} positions" if missing > 0 else ""


def terms_of_contract(contract: Contract | None) -> tuple[Decimal, bool]:
    """Return the multiplier, and whether the contract is inverse; spot counts as one."""
    return (ONE, False) if contract is None else (contract.multiplier, contract.inverse)


def _order_began(book: ExposureBook, fact: OrderInitialized) -> None:
    if fact.approved and not fact.reduces:
        price = fact.limit_price or fact.trigger_price or fact.reference_price
        _add(book, fact, fact.position_id, price)


def _order_adopted(book: ExposureBook, fact: OrderAdopted) -> None:
    if not fact.reduces:
        _add(book, fact, "", fact.limit_price or fact.trigger_price)


def _add(
    book: ExposureBook, fact: OrderInitialized | OrderAdopted, position_id: str, price: Decimal | None
) -> None:
    multiplier, inverse = terms_of_contract(fact.contract)
    book.orders[fact.client_order_id] = OpeningOrder(
        (fact.symbol, fact.book, position_id),
        fact.side is OrderSide.BUY,
        Asked(fact.quantity, price),
        multiplier=multiplier,
        inverse=inverse,
    )


def _order_filled(book: ExposureBook, fact: OrderFilled) -> None:
    order = book.orders.get(fact.client_order_id)
    if order is not None:
        order.filled = plus(order.filled, fact.quantity)


def _order_ended(book: ExposureBook, fact: OrderEnded) -> None:
    book.orders.pop(fact.order.client_order_id, None)


def _change_requested(book: ExposureBook, fact: ChangeRequested) -> None:
    order = book.orders.get(fact.client_order_id)
    if order is not None and fact.change is ChangeKind.MODIFY:
        order.wish = _changed(order, fact.terms)


def _order_updated(book: ExposureBook, fact: OrderUpdated) -> None:
    order = book.orders.get(fact.client_order_id)
    if order is not None:
        order.asked = _changed(order, fact.terms)
        if fact.change_id:  # the venue may change an order unasked, while the wish is still under way
            order.wish = None


def _modify_rejected(book: ExposureBook, fact: ModifyRejected) -> None:
    order = book.orders.get(fact.client_order_id)
    if order is not None:
        order.wish = None


def _changed(order: OpeningOrder, terms: Terms) -> Asked:
    return Asked(terms.quantity, terms.limit_price or terms.trigger_price or order.asked.price)


def _position_moved(book: ExposureBook, fact: PositionMoved) -> None:
    position = fact.position
    key = (position.symbol, position.book, position.position_id)
    for keys in (book.positions, book.closed):
        if key in keys:
            keys.remove(key)
    if position.quantity != ZERO:
        book.positions.append(key)
    else:
        book.closed = [*book.closed, key][-CLOSED_MAX:]


def _positions_snapshotted(book: ExposureBook, fact: PositionsSnapshotted) -> None:
    """Learn of positions that were opened before this check was switched on."""
    for each in fact.snapshots:
        key = (each.symbol, each.book, each.position_id)
        if key not in book.positions and key not in book.closed:
            book.positions.append(key)
    book.closed.clear()


_FOLDS: Mapping[type, Callable[[ExposureBook, Any], None]] = {
    OrderInitialized: _order_began,
    OrderAdopted: _order_adopted,
    OrderFilled: _order_filled,
    OrderEnded: _order_ended,
    ChangeRequested: _change_requested,
    OrderUpdated: _order_updated,
    ModifyRejected: _modify_rejected,
    PositionMoved: _position_moved,
    PositionsSnapshotted: _positions_snapshotted,
}
