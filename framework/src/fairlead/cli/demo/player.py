"""Playing the tape: replay time, the venue's trades, the bot's decisions, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fairlead.cli.demo.bot import MEMORY, Bot, Tick
from fairlead.cli.demo.tape import TapeVenue, ticks_of
from fairlead.errors import InvariantBroken
from fairlead.kernel.kernel import Kernel
from fairlead.kernel.replay_clock import ReplayClock
from fairlead.ports.clock import NANOSECONDS_PER_SECOND

PATIENCE_NS = 24 * 3_600 * NANOSECONDS_PER_SECOND
"""How long after the tape the last orders may take to end."""


class Player:
    """Plays the tape to a kernel and a bot, from where the venue stands.

    The tape does not wait for the bot: while it waits for an answer, time and trades go on, and it finds
    them in its queue. *on_trade* is told each index before the bot decides on it; *is_settled* tells whether
    nothing is under way that the tape has to wait for.
    """

    def __init__(
        self,
        kernel: Kernel,
        venue: TapeVenue,
        clock: ReplayClock,
        bot: Bot,
        on_trade: Callable[[int], None],
        is_settled: Callable[[], bool],
    ) -> None:
        self._kernel = kernel
        self._venue = venue
        self._clock = clock
        self._bot = bot
        self._on_trade = on_trade
        self._is_settled = is_settled
        self._ticks: asyncio.Queue[Tick | None] = asyncio.Queue()

    async def play(self, end: int) -> None:
        """Play up to that index, let the bot finish, and wait until no order is open any more."""
        state = await self._venue.venue_state()
        position, next_ns = state.position, state.next_ns
        deciding = asyncio.get_running_loop().create_task(self._decide())
        await self._look_back(position)
        while next_ns and position < end:
            await self._clock.advance_to(next_ns, self._is_settled)
            played = await self._venue.advance(1, at=position)
            self._hear(ticks_of(played))
            position, next_ns = played.position, played.next_ns
            await self._clock.settle(self._is_settled)
            if deciding.done():
                break
        self._ticks.put_nowait(None)
        await self._until_over(deciding)
        deciding.result()

    async def _look_back(self, position: int) -> None:
        """Teach the bot what happened before it began, and let it decide again on the last trade."""
        if not position:
            return
        start = max(0, position - MEMORY)
        *before, last = ticks_of(await self._venue.read_trades(start, position - start))
        for tick in before:
            self._bot.learn(tick)
        self._hear([last])
        await self._clock.settle(self._is_settled)

    def _hear(self, ticks: list[Tick]) -> None:
        for tick in ticks:
            self._on_trade(tick.index)
            self._ticks.put_nowait(tick)

    async def _decide(self) -> None:
        while (tick := await self._ticks.get()) is not None:
            await self._bot.on_trade(tick)
        await self._bot.finish()

    async def _until_over(self, deciding: asyncio.Task[None]) -> None:
        latest_ns = self._clock.wall_ns() + PATIENCE_NS
        while True:
            await self._clock.settle(self._is_settled)
            is_over = deciding.done() and not self._kernel.orders(live_only=True)
            if is_over and self._kernel.is_settled():
                return
            due_ns = self._clock.next_due_ns
            if due_ns is None or due_ns > latest_ns:
                raise InvariantBroken("An order is open, and nothing is left that could end it.")
            await self._clock.advance_to(due_ns, self._is_settled)
