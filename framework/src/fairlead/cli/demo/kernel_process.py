"""The process that is killed: kernel, bot and tape player.

It knows what its command line says and what stands in the two files, and nothing else. It talks to its
parent in lines of JSON on stdout.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO, cast

from fairlead.cli.demo.bot import OWNER, Bot
from fairlead.cli.demo.hold import HoldingClient, as_client
from fairlead.cli.demo.player import Player
from fairlead.cli.demo.settings import ACCOUNT, KernelProcessSettings, Moment, kernel_settings
from fairlead.cli.demo.tape import TapeVenue
from fairlead.cli.demo.webhook import DemoNotifiers, webhook_table
from fairlead.cli.exit_codes import ExitCode
from fairlead.domain.proposals import Proposal
from fairlead.errors import FairleadError, InvalidInput
from fairlead.hookspecs import PluginContext
from fairlead.kernel.kernel import Kernel
from fairlead.kernel.replay_clock import ReplayClock
from fairlead.kernel.results import ExecutionResult
from fairlead.kernel.session import Session
from fairlead.kernel.system_ids import SystemIds
from fairlead.plugins.manager import PluginManager
from fairlead.ports.exchange import ExchangeClient, Report

Tell = Callable[[Mapping[str, object]], None]


class Deaf:
    """A sink for a connection that only asks how the venue stands."""

    def put(self, report: Report) -> None:
        """Drop it: the kernel will read the history."""

    def disconnected(self, reason: str) -> None:
        """Nothing follows from it."""

    def reconnected(self) -> None:
        """Nothing follows from it."""


class Acknowledgements:
    """Writes down, outside the kernel's store, which intents `execute` has answered."""

    def __init__(self, session: Session, file: TextIO) -> None:
        self._session = session
        self._file = file

    async def execute(self, proposal: Proposal, key: str) -> ExecutionResult | None:
        """Execute; nothing when the same decision was made before the kill with other figures."""
        try:
            result = await self._session.execute(proposal, idempotency_key=key)
        except InvalidInput as refusal:
            if refusal.field != "idempotency_key":
                raise
            return None
        self._file.write(f"{result.client_order_id}\n")
        self._file.flush()
        return result


async def run(settings: KernelProcessSettings, tell: Tell) -> None:
    """Start the kernel on the files, play the tape to its end, and stop."""
    tables = settings.tables()
    clock = ReplayClock(0)
    client = _exchange(tables.pop("paper"), clock)
    venue = cast("TapeVenue", client)
    await client.connect(Deaf())
    await clock.advance_to((await venue.venue_state()).now_ns, lambda: True)
    clock.on_move = venue.move_time
    holding = HoldingClient(
        client, settings.hold.moment if settings.hold else Moment.BEFORE_SEND, _held(tell)
    )
    hooks = DemoNotifiers(_webhook_table(settings), lambda verdict: tell({"notice": verdict.value}))
    plugins = [*tables, hooks]
    kernel = Kernel(kernel_settings(), plugins, clock=clock, exchange=as_client(holding), tables=tables)

    def is_settled() -> bool:
        return not hooks.are_busy and kernel.is_settled(clock.waiting_tasks)

    await clock.run(kernel.start(), is_settled)
    tell({"started": kernel.sequence})
    hold_at = settings.hold.at_trade if settings.hold else sys.maxsize

    def on_trade(index: int) -> None:
        tell({"trade": index})
        if index >= hold_at:
            holding.arm()

    with _appended(settings.acknowledgements) as file:
        bot = Bot(kernel, Acknowledgements(kernel.session(owner=OWNER), file).execute)
        await Player(kernel, venue, clock, bot, on_trade, is_settled).play(settings.trades)
    await hooks.quiet()
    state = await venue.venue_state()
    trading = {"state": kernel.trading_state.value, "reason": kernel.trading_reason}
    await kernel.stop()
    tell({"done": {"position": state.position, "faults": dict(state.faults), "trading": trading}})


def _webhook_table(settings: KernelProcessSettings) -> Mapping[str, Any] | None:
    return None if settings.webhook_port is None else webhook_table(settings.webhook_port)


def _exchange(table: Mapping[str, Any], clock: ReplayClock) -> ExchangeClient:
    """Return the venue's client: found by its plugin's name, because the demo also drives its tape."""
    manager = PluginManager(tables={"paper": table})
    manager.load(["paper"])
    logger = logging.getLogger("fairlead.demo")
    (client,) = manager.exchanges(PluginContext(ACCOUNT, clock, SystemIds(), {}, logger))
    return client


def _appended(path: str) -> TextIO:
    return Path(path).open("a", encoding="ascii")


def _held(tell: Tell) -> Callable[[str], None]:
    return lambda client_order_id: tell({"holding": client_order_id})


def main() -> int:
    """Run with the settings of the first argument; return the exit code."""

    def tell(line: Mapping[str, object]) -> None:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    try:
        asyncio.run(run(KernelProcessSettings.of_text(sys.argv[1]), tell))
    except FairleadError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return ExitCode.REFUSED
    return ExitCode.OK


if __name__ == "__main__":
    sys.exit(main())
