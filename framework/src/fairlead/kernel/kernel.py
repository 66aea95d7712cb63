"""`Kernel`: the façade that a bot embeds: its life, and the one place where the parts are put together.

What it can be asked is in `readings`, what an operator may tell it in `operator_commands`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

from fairlead.domain.closings import CLOSING_PREFIX
from fairlead.domain.identifiers import to_name
from fairlead.errors import NotRunning, WrongThread
from fairlead.kernel.commands import Commands
from fairlead.kernel.component_view import ComponentView
from fairlead.kernel.composition import Given, GivenParts, compose
from fairlead.kernel.configuration import read_configuration
from fairlead.kernel.control.parts import control_parts, kill_switch_parts
from fairlead.kernel.logs import EventLog
from fairlead.kernel.loop_watch import loop_watch_parts
from fairlead.kernel.operator_commands import OperatorCommands
from fairlead.kernel.parts import Parts
from fairlead.kernel.plugged_parts import plugged_parts
from fairlead.kernel.results import StopReport
from fairlead.kernel.session import Session
from fairlead.kernel.settings import KernelSettings
from fairlead.kernel.snapshots import snapshot_part
from fairlead.kernel.system_clock import SystemClock
from fairlead.kernel.system_ids import SystemIds
from fairlead.kernel.winding_down import wind_down
from fairlead.plugins.redaction import REDACTION
from fairlead.ports.clock import Clock
from fairlead.ports.ids import Ids


class Kernel(OperatorCommands):
    """One kernel: one account, one exchange client, one store. Several may live in one process.

    ::

        async with Kernel(settings, plugins=[paper, sql_store, risk_hooks]) as kernel:
            bot = kernel.session(owner="my-bot")
            result = await bot.execute(Proposal.buy("BTC/USDT", quantity="0.01"))

    A plugin is an object with hooks or the name of an installed one; *exchange*, *store* and *checks*
    may also be passed as they are; *pacing* replaces the exchange client's own model of its rate limits.
    *tables* holds the plugins' configuration tables by name.

    It belongs to the loop and thread that started it. There is no global state and no signal
    handler. Raises `ConfigurationRefused` when a part is missing: there is no implicit paper mode,
    and running without any risk check needs ``allow_unchecked=True`` in the settings.
    """

    def __init__(
        self,
        settings: KernelSettings,
        plugins: Sequence[object] = (),
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        logger: logging.Logger | None = None,
        **given: Unpack[GivenParts],
    ) -> None:
        clock, ids = clock or SystemClock(), ids or SystemIds()
        self._logger = logger or logging.getLogger("fairlead")
        self._logger.addFilter(REDACTION)
        ingredients = compose(settings, Given(plugins=plugins, **given), clock, ids, self._logger)
        parts = Parts(ingredients)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        super().__init__(parts, Commands(parts, self.check_usable), ids)
        parts.add_before_reconciler(kill_switch_parts(parts))
        parts.add_before_reconciler(plugged_parts(ingredients, parts, ComponentView(self)))
        parts.components += (snapshot_part(parts), *loop_watch_parts(parts), *control_parts(self, parts))
        if settings.log_events:
            self.events.subscribe(EventLog(self._logger, settings.account))

    @classmethod
    def from_config(
        cls,
        source: str | Path | Mapping[str, Any],
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        logger: logging.Logger | None = None,
    ) -> Self:
        """Return a kernel as ``fairlead.toml`` describes it, or the same structure as a mapping.

        Raises `ConfigurationRefused` that lists every complaint about the file and the kernel's settings,
        or all about a plugin's; nothing is opened or connected before `start`.
        """
        configuration = read_configuration(source)
        return cls(
            configuration.settings,
            plugins=tuple(configuration.tables),
            clock=clock,
            ids=ids,
            logger=logger,
            tables=configuration.tables,
            folder=configuration.folder,
            digest=configuration.digest,
        )

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Lock, replay, connect, reconcile, enable.

        Raises what stands against it, and then leaves nothing running.
        """
        if self._loop is not None:
            raise NotRunning("The kernel was started already.", fix="Make a new one.")
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        await self._parts.start()

    async def stop(self) -> StopReport | None:
        """Do what ``on_stop`` says, then stop in reverse order; return what was done and what is left.

        Effects under way end, what is known is recorded, the store is given back. Nothing is returned by
        a kernel that was not running.
        """
        if self._loop is None:
            return None
        report = None
        if self._parts.running and self._parts.failure is None and not self.commands.is_stopping:
            flatten_id = CLOSING_PREFIX + self.new_client_order_id()
            report = await wind_down(self._parts, self.commands, flatten_id, self._logger)
        await self._parts.stop()
        return report

    def session(self, *, owner: str, hedging: bool = False) -> Session:
        """Return an owner's commands; with *hedging* a proposal that names no position has its own."""
        return Session(self, to_name(owner, "owner"), hedging=hedging)

    def check_usable(self) -> None:
        """Raise unless the kernel runs, and in this thread and loop."""
        if self._loop is None or not self._parts.running:
            raise NotRunning(
                "The kernel is not running.", not_done="Nothing was done.", fix="Start it first."
            )
        if threading.get_ident() != self._thread or asyncio.get_running_loop() is not self._loop:
            raise WrongThread(
                "The kernel belongs to another thread or event loop.",
                not_done="Nothing was done.",
                fix="Call it from the loop that started it.",
            )
