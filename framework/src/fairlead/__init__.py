"""Fairlead: an execution kernel that trading bots embed.

The public surface is what this module exports, `fairlead.errors`, `fairlead.hookspecs`,
`fairlead.ports` and `fairlead.testing`. Everything is loaded on first use, so importing costs little.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairlead.domain.account import AdjustmentKind, BalanceView
    from fairlead.domain.changes import ChangeCode, ChangeResult, Terms
    from fairlead.domain.closings import CloseCode, CloseResult
    from fairlead.domain.episodes import EpisodeView
    from fairlead.domain.instruments import Instrument
    from fairlead.domain.money import Conversion
    from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
    from fairlead.domain.orders import OrderStatus, OrderView, PositionView
    from fairlead.domain.prices import Price, Quote, Trade
    from fairlead.domain.proposals import Proposal
    from fairlead.domain.reconciliation import PositionEntry, ReconcileEntry, ReconcileReport
    from fairlead.domain.trading_days import TradingDay
    from fairlead.domain.trading_state import TradingState
    from fairlead.kernel.blocking import BlockingKernel, BlockingResult, BlockingSession, BlockingStream
    from fairlead.kernel.kernel import Kernel
    from fairlead.kernel.logs import LogFormat, log_handler
    from fairlead.kernel.results import CommandResult, ExecutionResult, FlattenResult, StopReport
    from fairlead.kernel.serialisation import from_dict, from_json, to_dict, to_json
    from fairlead.kernel.session import Session
    from fairlead.kernel.settings import KernelSettings
    from fairlead.kernel.tool_context import tool_context

__version__ = "0.1.0"

_HOMES = {
    "AdjustmentKind": "fairlead.domain.account",
    "BalanceView": "fairlead.domain.account",
    "BlockingKernel": "fairlead.kernel.blocking",
    "BlockingResult": "fairlead.kernel.blocking",
    "BlockingSession": "fairlead.kernel.blocking",
    "BlockingStream": "fairlead.kernel.blocking",
    "ChangeCode": "fairlead.domain.changes",
    "ChangeResult": "fairlead.domain.changes",
    "CloseCode": "fairlead.domain.closings",
    "CloseResult": "fairlead.domain.closings",
    "CommandResult": "fairlead.kernel.results",
    "Conversion": "fairlead.domain.money",
    "EpisodeView": "fairlead.domain.episodes",
    "ExecutionResult": "fairlead.kernel.results",
    "FlattenResult": "fairlead.kernel.results",
    "Instrument": "fairlead.domain.instruments",
    "Kernel": "fairlead.kernel.kernel",
    "KernelSettings": "fairlead.kernel.settings",
    "LogFormat": "fairlead.kernel.logs",
    "log_handler": "fairlead.kernel.logs",
    "OrderSide": "fairlead.domain.order_kinds",
    "OrderStatus": "fairlead.domain.orders",
    "OrderType": "fairlead.domain.order_kinds",
    "OrderView": "fairlead.domain.orders",
    "PositionView": "fairlead.domain.orders",
    "Price": "fairlead.domain.prices",
    "Proposal": "fairlead.domain.proposals",
    "Quote": "fairlead.domain.prices",
    "PositionEntry": "fairlead.domain.reconciliation",
    "ReconcileEntry": "fairlead.domain.reconciliation",
    "ReconcileReport": "fairlead.domain.reconciliation",
    "Session": "fairlead.kernel.session",
    "TimeInForce": "fairlead.domain.order_kinds",
    "StopReport": "fairlead.kernel.results",
    "Terms": "fairlead.domain.changes",
    "Trade": "fairlead.domain.prices",
    "TradingDay": "fairlead.domain.trading_days",
    "TradingState": "fairlead.domain.trading_state",
    "tool_context": "fairlead.kernel.tool_context",
    "to_json": "fairlead.kernel.serialisation",
    "to_dict": "fairlead.kernel.serialisation",
    "from_json": "fairlead.kernel.serialisation",
    "from_dict": "fairlead.kernel.serialisation",
}

__all__ = [
    "AdjustmentKind",
    "BalanceView",
    "BlockingKernel",
    "BlockingResult",
    "BlockingSession",
    "BlockingStream",
    "ChangeCode",
    "ChangeResult",
    "CloseCode",
    "CloseResult",
    "CommandResult",
    "Conversion",
    "EpisodeView",
    "ExecutionResult",
    "FlattenResult",
    "Instrument",
    "Kernel",
    "KernelSettings",
    "LogFormat",
    "OrderSide",
    "OrderStatus",
    "OrderType",
    "OrderView",
    "PositionEntry",
    "PositionView",
    "Price",
    "Proposal",
    "Quote",
    "ReconcileEntry",
    "ReconcileReport",
    "Session",
    "StopReport",
    "Terms",
    "TimeInForce",
    "Trade",
    "TradingDay",
    "TradingState",
    "__version__",
    "from_dict",
    "from_json",
    "log_handler",
    "to_dict",
    "to_json",
    "tool_context",
]


if not TYPE_CHECKING:  # a checker would take every misspelt name for one that is there

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(home), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
