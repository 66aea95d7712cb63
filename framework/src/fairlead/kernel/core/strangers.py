"""Whose an order is that the venue speaks of, and what it is called here.

An order that the kernel sent carries our client order id. One that was taken over has an id made from the
venue's own (`adopted_order_id`), so reports about it find it without anything being remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from msgspec.structs import replace

from fairlead.domain.identifiers import adopted_order_id, is_client_order_id_of
from fairlead.kernel.core.state import EngineState
from fairlead.ports.exchange import FillReport, LookUp, OrderReport

ADOPTION = "adoption"
"""The source of the evidence with which an order is taken over; it is no news when that is refused."""

_Report = TypeVar("_Report", OrderReport, FillReport)


def is_ours(client_order_id: str, account_tag: str) -> bool:
    """Tell whether an id under which the venue knows an order is one that a kernel of the account drew."""
    return is_client_order_id_of(client_order_id, account_tag)


def our_name(client_order_id: str, venue_order_id: str, symbol: str, account_tag: str) -> str:
    """Return what we call the order if we hold it; empty when nothing names it."""
    if is_ours(client_order_id, account_tag) or not venue_order_id:
        return client_order_id
    return adopted_order_id(account_tag, symbol, venue_order_id)


def name_in(state: EngineState, report: OrderReport | FillReport) -> str:
    """Return under which id the state holds the order of a readable report, if it does."""
    name = report.client_order_id
    if name in state.orders or not state.adopts:
        return name
    return our_name(name, report.venue_order_id, report.symbol, state.account_tag)


def name_of_report(report: object, account_tag: str) -> str:
    """Return our id of the order of a report, whatever came from outside; empty for what names none."""
    if type(report) is not OrderReport and type(report) is not FillReport:
        return ""
    parts = report.client_order_id, report.venue_order_id, report.symbol
    return our_name(*parts, account_tag) if all(type(part) is str for part in parts) else ""


def renamed(result: object, venue_order_id: str, name: str) -> object:
    """Return what a client found about the venue's order, with our id of it; anything else as it is."""
    if type(result) is not LookUp or not isinstance(result.fills, Sequence):
        return result
    report = result.report
    if type(report) is OrderReport:
        report = _renamed(report, venue_order_id, name)
    fills = [
        _renamed(fill, venue_order_id, name) if type(fill) is FillReport else fill for fill in result.fills
    ]
    return LookUp(report, fills, result.complete)


def _renamed(report: _Report, venue_order_id: str, name: str) -> _Report:
    return replace(report, client_order_id=name) if report.venue_order_id == venue_order_id else report
