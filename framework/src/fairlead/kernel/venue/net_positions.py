"""Net positions: what the venue holds of each symbol against the sum of our books.

A trade between two readings must not look like drift. So what differs is asked again after a pause, with
the history read in between, and is believed only when the difference is the same as before and the history
tells of nothing that moved it meanwhile: two trades of one size, each just before a reading, differ alike.
What the venue holds as our books were when it was asked, or are by now, is no difference: its answer and its
stream overtake each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any, cast

from fairlead.domain.contracts import contract_of
from fairlead.domain.numbers import ZERO, subtract, to_decimal, to_positive
from fairlead.domain.requests import RequestKind
from fairlead.errors import ExchangeFault, NumberRefused
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.decide.drift import is_drift, net_of
from fairlead.kernel.engine.engine import Engine
from fairlead.kernel.venue.admission import Admission
from fairlead.ports.clock import Clock
from fairlead.ports.exchange import ExchangeClient, PositionKeeper, VenuePosition

LOOKS_MAX = 3  # fixed: a difference that stood through so many more looks is none of trades on their way
"""How often what differs is asked for again, while something moves with every look."""

Drift = tuple[str, Decimal, Decimal]
"""Symbol, the sum of our books, the venue's net."""


class NetPositions:
    """Compares, where the venue keeps positions. *read_fills* brings the history in, and tells how many."""

    def __init__(
        self,
        client: ExchangeClient,
        clock: Clock,
        engine: Engine,
        admission: Admission,
        read_fills: Callable[[], Awaitable[int]],
    ) -> None:
        self._client = client
        self._clock = clock
        self._engine = engine
        self._admission = admission
        self._read_fills = read_fills
        self._pausing: dict[asyncio.Task[Any], None] = {}

    @property
    def pausing(self) -> frozenset[asyncio.Task[Any]]:
        """Return the tasks that wait to look a second time, and for nothing else."""
        return frozenset(self._pausing)

    @property
    def are_kept(self) -> bool:
        """Tell whether the venue keeps positions."""
        return self._client.capabilities.positions

    async def read(self) -> dict[str, VenuePosition]:
        """Return the venue's net positions by symbol; raises `ExchangeFault` for what is none."""
        await self._admission.admit(RequestKind.POSITIONS)
        keeper = cast("PositionKeeper", self._client)  # its capabilities say that it is one
        told = await self._admission.answer(RequestKind.POSITIONS, keeper.positions())
        problem = positions_problem(told)
        if problem:
            raise ExchangeFault(f"The venue's positions prove nothing: {problem}.")
        return {each.symbol: each for each in told}

    async def compare(self) -> tuple[list[Drift], int]:
        """Return what drifted, as far as it is certain, and how many fills were booked meanwhile."""
        if not self.are_kept:
            return [], 0
        found = await self._differences()
        booked = looks = 0
        while found and looks < LOOKS_MAX:
            looks += 1
            await self._pause()
            booked += await self._read_fills()
            again = await self._differences()
            standing = {(symbol, subtract(at_venue, ours)) for symbol, ours, at_venue in found}
            found = [each for each in again if (each[0], subtract(each[2], each[1])) in standing]
            booked += await self._read_fills()
            if all(net_of(self._engine.state, symbol) == ours for symbol, ours, _ in found):
                break
        return [each for each in found if self._differs(each[0], each[2])], booked

    async def _differences(self) -> list[Drift]:
        held = _held_contracts(self._engine.state)
        before = {symbol: net_of(self._engine.state, symbol) for symbol in held}
        told = await self.read()
        found: list[Drift] = []
        for symbol in sorted({*told, *_held_contracts(self._engine.state)}):
            at_venue = told[symbol].quantity if symbol in told else ZERO
            if self._differs(symbol, at_venue) and before.get(symbol, ZERO) != at_venue:
                found.append((symbol, net_of(self._engine.state, symbol), at_venue))
        return found

    def _differs(self, symbol: str, at_venue: Decimal) -> bool:
        state, steps = self._engine.state, self._engine.rules.settings.drift_tolerance_steps
        return is_drift(net_of(state, symbol), at_venue, state.instruments.get(symbol), steps)

    async def _pause(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # a coroutine runs in a task; narrows the type
        self._pausing[task] = None
        try:
            await self._clock.sleep_ns(self._engine.rules.look_up_interval_ns)
        finally:
            del self._pausing[task]


def _held_contracts(state: EngineState) -> set[str]:
    """Return the symbols of contracts of which our books hold any; spot is no position at a venue."""
    held = set()
    for (symbol, _, _), position in state.positions.items():
        instrument = state.instruments.get(symbol)
        contract = position.contract if instrument is None else contract_of(instrument)
        if position.quantity and contract is not None:
            held.add(symbol)
    return held


def positions_problem(told: object) -> str:
    """Say why what a client answered cannot be positions, or nothing."""
    if not isinstance(told, Sequence):
        return f"the client answered a {type(told).__name__}"
    names: set[str] = set()
    for each in told:
        if type(each) is not VenuePosition or type(each.symbol) is not str or each.symbol in names:
            return "one of them is no position, or names its symbol twice"
        names.add(each.symbol)
        if type(each.quantity) is not Decimal or type(each.average_price) not in (Decimal, type(None)):
            return "a figure is no Decimal"
        try:
            to_decimal(each.quantity, "quantity")
            if each.average_price is not None:
                to_positive(each.average_price, "average_price")
        except NumberRefused as refusal:
            return refusal.what
    return ""
