"""The trading state and its table: which commands pass in which state."""

from __future__ import annotations

from enum import StrEnum

from fairlead.domain.identifiers import excerpt_of
from fairlead.errors import UnknownName


class TradingState(StrEnum):
    """Whether new exposure may be taken; journaled with its reason."""

    DISABLED = "disabled"
    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"


class CommandKind(StrEnum):
    """The kinds of command the table decides about, by what they do to exposure; see `MEANING`."""

    INCREASE = "increase"
    REDUCE = "reduce"
    CANCEL = "cancel"
    MODIFY = "modify"
    SHRINK = "shrink"


MEANING: dict[CommandKind, str] = {
    CommandKind.INCREASE: "an order that may add exposure",
    CommandKind.REDUCE: "an order, or a change of one, that the kernel finds to reduce, protective or not",
    CommandKind.CANCEL: "a cancel",
    CommandKind.MODIFY: "a change of an order that adds exposure and is no shrink",
    CommandKind.SHRINK: "a change of such an order that raises neither its quantity nor a price",
}

PASSES: dict[tuple[TradingState, CommandKind], bool] = {
    (TradingState.DISABLED, CommandKind.INCREASE): False,
    (TradingState.DISABLED, CommandKind.REDUCE): True,
    (TradingState.DISABLED, CommandKind.CANCEL): True,
    (TradingState.DISABLED, CommandKind.MODIFY): False,
    (TradingState.DISABLED, CommandKind.SHRINK): False,
    (TradingState.ACTIVE, CommandKind.INCREASE): True,
    (TradingState.ACTIVE, CommandKind.REDUCE): True,
    (TradingState.ACTIVE, CommandKind.CANCEL): True,
    (TradingState.ACTIVE, CommandKind.MODIFY): True,
    (TradingState.ACTIVE, CommandKind.SHRINK): True,
    (TradingState.REDUCING, CommandKind.INCREASE): False,
    (TradingState.REDUCING, CommandKind.REDUCE): True,
    (TradingState.REDUCING, CommandKind.CANCEL): True,
    (TradingState.REDUCING, CommandKind.MODIFY): False,
    (TradingState.REDUCING, CommandKind.SHRINK): True,
    (TradingState.HALTED, CommandKind.INCREASE): False,
    (TradingState.HALTED, CommandKind.REDUCE): True,
    (TradingState.HALTED, CommandKind.CANCEL): True,
    (TradingState.HALTED, CommandKind.MODIFY): False,
    (TradingState.HALTED, CommandKind.SHRINK): False,
}


def passes(state: TradingState, command: CommandKind) -> bool:
    """Tell whether a command of this kind passes in this state."""
    return PASSES[state, command]


def to_trading_state(value: object) -> TradingState:
    """Return the trading state; raises `UnknownName` for anything else."""
    if isinstance(value, str) and value in set(TradingState):
        return TradingState(value)
    raise UnknownName("state", excerpt_of(value), tuple(TradingState))
