"""The risk port: what a risk check implements, and the facts that checks most often fold."""

from __future__ import annotations

from typing import Protocol

from fairlead.domain.change_records import ChangeRequested, ModifyRejected, OrderUpdated
from fairlead.domain.changes import ChangeKind, Terms
from fairlead.domain.contracts import Contract
from fairlead.domain.episodes import EpisodeView
from fairlead.domain.facts import EpisodeBegan, EpisodeEnded, Fact, OrderEnded, PositionMoved
from fairlead.domain.marks import Mark, mark
from fairlead.domain.money import Converted, NoRate
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.orders import OrderView, PositionView
from fairlead.domain.prices import Price
from fairlead.domain.reconcile_records import OrderAdopted
from fairlead.domain.records import (
    AttemptStarted,
    LockPlaced,
    OrderFilled,
    OrderInitialized,
    PositionsSnapshotted,
    Record,
    TradingDayBegan,
)
from fairlead.domain.verdicts import ALLOW, Allow, Deny, Judgement, Lock, RiskRequest, RiskView

__all__ = [
    "ALLOW",
    "Allow",
    "AttemptStarted",
    "ChangeKind",
    "ChangeRequested",
    "Contract",
    "Converted",
    "Deny",
    "EpisodeBegan",
    "EpisodeEnded",
    "EpisodeView",
    "Fact",
    "Judgement",
    "Lock",
    "LockPlaced",
    "Mark",
    "ModifyRejected",
    "NoRate",
    "OrderAdopted",
    "OrderEnded",
    "OrderFilled",
    "OrderInitialized",
    "OrderSide",
    "OrderUpdated",
    "OrderView",
    "PositionMoved",
    "PositionView",
    "PositionsSnapshotted",
    "Price",
    "Record",
    "RiskCheck",
    "RiskRequest",
    "RiskView",
    "Terms",
    "TradingDayBegan",
    "mark",
]


class RiskCheck(Protocol):
    """A pure, synchronous judge of new exposure.

    The kernel keeps the check's value (plain text, so that it can be journaled and read), hands it
    facts in journal order, and asks it about each order that adds exposure. A check that raises,
    answers anything but a `Judgement`, or takes longer than its budget denies. Cancels and
    reductions are never asked about.

    A check that keeps no value may say so with a class attribute ``stateless = True``; the kernel then
    does not hand it facts.

    A check with limits may tell them with an attribute ``limits``, a mapping of names to numbers, in which
    lower is stricter. They are recorded at each start; a kernel that finds one lowered, or new, while it has
    open orders starts HALTED until an operator has looked. A live kernel needs a check that tells one.
    """

    @property
    def name(self) -> str:
        """Return what the journal calls the check; shaped like a plugin's name, and never changing."""

    @property
    def version(self) -> str:
        """Return the version that the journal notes with each verdict."""

    def initial(self) -> str:
        """Return the value before any fact; the empty string when the check keeps none."""

    def fold(self, value: str, fact: Fact) -> str:
        """Return the value after the fact; the same object when it does not matter to this check.

        Facts are the journal records, in their order, and after each what follows from it: see
        `fairlead.domain.facts` and ``docs/reference/risk-facts.md``.
        """

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:
        """Answer about one order, from its arguments alone."""
