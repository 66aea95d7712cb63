"""The operator's machine: a home folder, the stand-in for systemd, and everything that goes wrong there."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from decimal import Decimal
from pathlib import Path

from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND
from fairlead.ports.exchange import OrderSide, OrderType, SubmitRequest, TimeInForce
from fairlead_paper.client import PaperClient
from fairlead_paper.plugin import paper_client
from fairlead_paper.settings import Mode, PaperSettings
from tests.e2e.kill.arena import Deaf
from tests.e2e.operate.guide import PATIENCE_NS, GuideBroken, Shell, run_block, steps

ROOT = Path(__file__).resolve().parents[3]
PAGES = ROOT / "docs/how-to/operate"
SUPERVISOR = Path(__file__).with_name("supervisor.py")
LOOK_NS = 50 * NANOSECONDS_PER_MILLISECOND
BY_HAND = "by-hand"
TOKEN = "only-on-this-machine"  # noqa: S105 - the guide's own, of a simulation
KEEPS_POSITIONS = """
from decimal import Decimal

import attrs
from fairlead.ports.exchange import VenuePosition
from fairlead_paper.client import PaperClient

make = PaperClient.__init__


def made(self, link, clock, capabilities, **others):
    make(self, link, clock, attrs.evolve(capabilities, positions=True), **others)


async def positions(self):
    return (VenuePosition("BTC/USDT", Decimal("0.5")),)


PaperClient.__init__, PaperClient.positions = made, positions
"""
"""What Python reads before the bot's own program: the paper venue keeps no positions by itself."""


class Site:
    """A machine on which the guide is followed, page by page. Public methods are what can happen there."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._bot = home / "bot"
        self._clock = SystemClock()
        self._customize = home / ".site/sitecustomize.py"
        self._earlier = 0
        self._prepare()

    def _prepare(self) -> None:
        """Put there what the guide asks for: an installed Fairlead, and systemd."""
        self._bot.mkdir()
        (self._bot / ".venv").symlink_to(sys.prefix)
        tools = self._home / ".tools"
        tools.mkdir()
        for name in ("systemctl", "journalctl"):
            (tools / name).write_text(f'#!/bin/sh\nexec {sys.executable} {SUPERVISOR} {name} "$@"\n')
            (tools / name).chmod(0o755)
        self._environment = {
            "HOME": str(self._home),
            "PATH": f"{tools}:{os.environ['PATH']}",
            "PYTHONPATH": f"{self._home / '.site'}:{ROOT}",
            "COLUMNS": "200",
            "LANG": "C.UTF-8",
        }

    async def follow(self, page: str) -> None:
        """Do what a page says, from its first line to its last, in one shell."""
        shell = await Shell.open(self._home, self._environment)
        try:
            for step in steps((PAGES / page).read_text(encoding="utf-8")):
                if step.kind == "write":
                    path = self._home / step.value
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(f"{step.text}\n", encoding="utf-8")
                elif step.kind == "happens":
                    await getattr(self, step.value)()
                else:
                    await run_block(shell, step, page)
        finally:
            await shell.close()

    async def leave(self) -> None:
        """Stop everything that was started."""
        shell = await Shell.open(self._home, self._environment)
        await shell.run("systemctl --user stop my-bot paper-venue")
        await shell.close()

    def log(self) -> str:
        """Return what the bot and the venue said, for a test that fails."""
        logs = sorted((self._home / ".units").glob("*.log"))
        return "\n".join(f"--- {path.name}\n{path.read_text(errors='replace')[-3_000:]}" for path in logs)

    # -- what happens ----------------------------------------------------------------------------------------

    async def an_order_works(self) -> None:
        """The bot has an order at the venue."""
        await self._until("SELECT count(*) FROM orders WHERE live AND state = 'working'", 1)

    async def another_order_works(self) -> None:
        """The bot's order ends, and the bot has made another."""
        count = self._count("SELECT count(*) FROM orders")
        await self._cancel_at_the_venue()
        await self._until("SELECT count(*) FROM orders", count + 1)
        await self.an_order_works()

    async def no_order_is_live(self) -> None:
        """The bot's orders have ended."""
        await self._until("SELECT count(*) FROM orders WHERE live", 0)

    async def the_venue_is_silent(self) -> None:
        """The kernel reduces trading because the venue goes unheard."""
        await self._until("SELECT count(*) FROM settings WHERE value LIKE 'the venue goes unheard%'", 1)

    async def trading_goes_on(self) -> None:
        """The kernel trades again."""
        await self._until(
            "SELECT count(*) FROM settings WHERE name = 'trading_state' AND value = 'active'", 1
        )

    async def an_order_is_missing(self) -> None:
        """The kernel has noticed that the venue does not know one of its orders."""
        await self._until("SELECT count(*) FROM settings WHERE value LIKE 'missing_at_venue%'", 1)

    async def the_switch_is_seen(self) -> None:
        """The kernel has halted."""
        await self._until(
            "SELECT count(*) FROM settings WHERE name = 'trading_state' AND value = 'halted'", 1
        )

    async def the_venue_goes_away(self) -> None:
        """The exchange cannot be reached."""
        await self._told("systemctl --user stop paper-venue")

    async def the_venue_comes_back(self) -> None:
        """The exchange can be reached again."""
        await self._told("systemctl --user start paper-venue")

    async def an_order_hangs(self) -> None:
        """The bot sends a new order, and the exchange takes it and says nothing."""
        bot, venue = self._pid("my-bot"), self._pid("paper-venue")
        os.kill(bot, signal.SIGSTOP)  # so that it hears of the cancel when the venue hangs already
        await self._cancel_at_the_venue()
        os.kill(venue, signal.SIGSTOP)
        os.kill(bot, signal.SIGCONT)
        await self._until("SELECT count(*) FROM orders WHERE live AND state = 'unresolved'", 1)

    async def the_venue_wakes(self) -> None:
        """The exchange goes on."""
        os.kill(self._pid("paper-venue"), signal.SIGCONT)

    async def the_venue_loses_the_orders(self) -> None:
        """The exchange comes back from an outage without its open orders."""
        await self.the_venue_goes_away()
        with closing(sqlite3.connect(self._bot / "venue.sqlite")) as venue, venue:
            venue.execute("DELETE FROM orders WHERE status = 'live'")
            venue.execute("UPDATE balances SET locked = '0'")
        await self.the_venue_comes_back()

    async def somebody_orders_by_hand(self) -> None:
        """An order of the account is placed that no kernel sent."""
        deadline_ns = self._clock.wall_ns() + 60 * NANOSECONDS_PER_SECOND
        request = SubmitRequest(
            BY_HAND,
            "BTC/USDT",
            OrderSide.BUY,
            OrderType.LIMIT,
            TimeInForce.GTC,
            Decimal("0.02"),
            Decimal(90_000),
            False,
            deadline_ns,
        )
        async with self._at_the_venue() as client:
            answer = await client.submit(request)
        if not answer.venue_order_id:
            raise GuideBroken(f"the venue took no order: {answer}")

    async def the_venue_keeps_positions(self) -> None:
        """The exchange is one that keeps positions, and says that it holds what nobody here traded."""
        self._customize.parent.mkdir()
        self._customize.write_text(KEEPS_POSITIONS, encoding="utf-8")
        await self._told("systemctl --user restart my-bot")
        await self.the_switch_is_seen()

    async def the_venue_keeps_no_positions(self) -> None:
        """The exchange is the one from before."""
        self._customize.unlink()
        await self._told("systemctl --user restart my-bot")

    async def the_process_is_killed(self) -> None:
        """The bot's process ends as by a power cut."""
        self._earlier = self._pid("my-bot")
        os.kill(self._earlier, signal.SIGKILL)

    async def it_runs_again(self) -> None:
        """The supervisor has started it anew."""
        async with self._clock.timeout_ns(PATIENCE_NS):
            while self._pid("my-bot") == self._earlier or await self._state("my-bot") != "active":
                await self._clock.sleep_ns(LOOK_NS)

    async def the_bot_is_stopped(self) -> None:
        """The bot does not run."""
        await self._told("systemctl --user stop my-bot")

    async def the_disk_is_full(self) -> None:
        """No file of the bot's process may grow any more, and it has something to write."""
        self._earlier = self._pid("my-bot")
        resource.prlimit(self._earlier, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        await self._cancel_at_the_venue()

    async def the_disk_rots(self) -> None:
        """The disk gives back something else than was written, in the middle of the bot's database."""
        path = self._bot / "bot.sqlite"
        content = bytearray(path.read_bytes())
        quarter = len(content) // 4
        content[quarter:-quarter] = b"\xa5" * (len(content) - 2 * quarter)
        path.write_bytes(content)

    async def the_disk_is_lost(self) -> None:
        """Nothing of the bot's database is left."""
        for path in self._bot.glob("bot.sqlite*"):
            path.unlink()

    async def the_backups_are_lost(self) -> None:
        """Nor of its backups."""
        shutil.rmtree(self._home / "backup")

    # -- inside ----------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _at_the_venue(self) -> AsyncIterator[PaperClient]:
        """Be somebody else who has the account's keys."""
        os.environ["FAIRLEAD_PAPER_TOKEN"] = TOKEN
        settings = PaperSettings(mode=Mode.PROCESS, address=f"unix:{self._bot / 'venue.sock'}")
        client = paper_client(settings, self._clock)
        await client.connect(Deaf())
        try:
            yield client
        finally:
            await client.disconnect()

    async def _cancel_at_the_venue(self) -> None:
        async with self._at_the_venue() as client:
            for order in await client.open_orders():
                await client.cancel("", order.venue_order_id, order.symbol)

    async def _until(self, query: str, least: int) -> None:
        """Wait until a count in the bot's database is what it must be: none at all, or so many at least."""
        async with self._clock.timeout_ns(PATIENCE_NS):
            while (count := self._count(query)) < least or (count and not least):
                await self._clock.sleep_ns(LOOK_NS)

    def _count(self, query: str) -> int:
        with closing(sqlite3.connect(f"file:{self._bot / 'bot.sqlite'}?mode=ro", uri=True)) as reading:
            count: int = reading.execute(query).fetchone()[0]
        return count

    async def _told(self, command: str) -> str:
        shell = await Shell.open(self._home, self._environment)
        try:
            code, said = await shell.run(command)
        finally:
            await shell.close()
        if code:
            raise GuideBroken(f"{command} ended with {code}: {said}")
        return said.strip()

    async def _state(self, unit: str) -> str:
        return await self._told(f"systemctl --user is-active {unit}")

    def _pid(self, unit: str) -> int:
        return int((self._home / ".units" / f"{unit}.pid").read_text())
