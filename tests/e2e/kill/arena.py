"""The parent: runs venue, market and trader as processes, kills them and judges their files.

It is also the receiver that the trader's webhooks tell, and fails now and then.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import attrs

import fairlead.cli.demo.checker
from fairlead.errors import ExchangeFault
from fairlead.kernel.journal.verify import verify_journal
from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND
from fairlead.ports.exchange import Report
from fairlead.testing.seed_streams import SeedStreams
from fairlead_paper.client import PaperClient
from fairlead_paper.plugin import paper_client
from fairlead_paper.settings import Mode, PaperSettings
from fairlead_sqlstore.store import SqlStore
from tests.e2e.kill.database import count_orders
from tests.e2e.kill.labels import DURING_START
from tests.e2e.kill.tape import write_tape
from tests.e2e.kill.trader import NOTIFIER, SECRET_VARIABLE
from tests.e2e.webhooks.failing_receiver import Told, receiving
from tests.e2e.webhooks.owed import deliveries_by_state, misheard, owed_by

ROOT = Path(__file__).resolve().parents[3]
TRADER = Path(__file__).with_name("trader.py")
CHECKER = Path(fairlead.cli.demo.checker.__file__)
PATIENCE_NS = 60 * NANOSECONDS_PER_SECOND
"""A guard against a child that never answers; nothing is concluded from how long something took."""

FAILING_PERCENT = 3
"""So many requests of a webhook are answered badly, in one of ten ways."""

LOOKS_MAX = 20
LOOK_PAUSE_NS = 250 * NANOSECONDS_PER_MILLISECOND
MARKET_PAUSE_NS = 15 * NANOSECONDS_PER_MILLISECOND
TOKEN = "only-for-this-test"  # noqa: S105 - it protects a venue that lives for one test
SECRET = "whsec_" + b64encode(bytes(range(32))).decode("ascii")
KILLED = -signal.SIGKILL


class Broken(AssertionError):
    """A process did not do what it was there for."""


@attrs.define
class Round:
    """How one kill went. *in_flight* orders and changes had no answer, *live* orders were open, by then."""

    kind: str
    in_flight: int
    live: int


class Deaf:
    """A sink that needs no reports."""

    def put(self, report: Report) -> None:
        """Hear nothing."""

    def disconnected(self, reason: str) -> None:
        """Hear nothing."""

    def reconnected(self) -> None:
        """Hear nothing."""


class Arena:
    """One venue, one trader's files, and whoever is alive at the moment."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.database = folder / "kernel.sqlite"
        self.venue_file = folder / "venue.sqlite"
        self.acknowledgements = folder / "acknowledgements"
        self.acknowledgements.touch()
        self.rounds: list[Round] = []
        self.venue_kills = 0
        self._folder = folder
        streams = SeedStreams(seed)
        self.stream = streams.of("kills")
        self.told = Told(SECRET, streams.of("failing").randrange, failing_percent=FAILING_PERCENT)
        self._receiver = AsyncExitStack()
        self._clock = SystemClock()
        self._venue: Process | None = None
        self._processes: list[Process] = []
        self._is_own_file: bool | None = None
        self.address = f"unix:{folder / 'venue.socket'}"
        self._tape = folder / "tape.csv"
        self._market: PaperClient | None = None
        self._environment = {
            **os.environ,
            "FAIRLEAD_PAPER_TOKEN": TOKEN,
            SECRET_VARIABLE: SECRET,
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
        }
        write_tape(self._tape)

    # -- the venue -------------------------------------------------------------------------------------------

    async def open_venue(self) -> None:
        """Start the venue's process on its file, with a market of our own beside it."""
        options = ["--listen", self.address, "--file", str(self.venue_file), "--tape", str(self._tape)]
        options += ["--balance", "USDT=1000000", "--balance", "BTC=10"]
        self._venue = await self._spawn("-m", "fairlead_paper", "serve", *options)
        await self.heard(self._venue)
        os.environ["FAIRLEAD_PAPER_TOKEN"] = TOKEN
        settings = PaperSettings(mode=Mode.PROCESS, address=self.address, price_source=False)
        self._market = paper_client(settings, self._clock)
        await self._market.connect(Deaf())
        await self._market.advance(1)

    async def kill_venue(self) -> None:
        """Kill the venue's process."""
        self.venue_kills += 1
        await self._end(self._venue, signal.SIGKILL)
        if self._market is not None:
            await self._market.disconnect()

    async def open(self) -> None:
        """Begin: the receiver, then the venue."""
        await self._receiver.enter_async_context(receiving(self.told))
        await self.open_venue()

    async def close(self) -> None:
        """End: the venue in peace, then whoever is still alive since something broke, then the receiver."""
        await self.close_venue()
        for process in self._processes:
            await self._end(process, signal.SIGKILL)
        await self._receiver.aclose()

    async def close_venue(self) -> None:
        """End the venue in peace."""
        if self._market is not None:
            await self._market.disconnect()
        await self._end(self._venue, signal.SIGTERM)

    @asynccontextmanager
    async def market(self, pause_ns: int = MARKET_PAUSE_NS) -> AsyncIterator[None]:
        """Let the public trade while the block runs, and a little longer: the market waits for nobody."""

        async def trade_on() -> None:
            with suppress(ExchangeFault):  # the venue was killed
                while self._market is not None:
                    await self._market.advance(1)
                    await self._clock.sleep_ns(pause_ns)

        trading = asyncio.get_running_loop().create_task(trade_on())
        try:
            yield
        finally:
            trading.cancel()
            await asyncio.wait((trading,))
            if self._market is not None:
                with suppress(ExchangeFault):
                    await self._market.advance(3)

    # -- the trader ------------------------------------------------------------------------------------------

    async def start_trader(self, **options: Any) -> Process:  # noqa: ANN401 - what its JSON can say
        """Start a trader on the files."""
        if self._is_own_file is None:
            self._is_own_file = not self.database.exists()
        told = {
            "database": str(self.database),
            "address": self.address,
            "acknowledgements": str(self.acknowledgements),
            "receiver": self.told.port,
            **options,
        }
        return await self._spawn(str(TRADER), json.dumps(told))

    async def converged(self, trader: Process) -> None:
        """Wait until the trader has made sense of what it found."""
        line = await self.heard(trader)
        if line != "converged":
            raise Broken(f"the trader said {line!r}")

    async def tell(self, trader: Process, word: str) -> None:
        """Say one word to the trader, who may be dead already."""
        assert trader.stdin is not None
        trader.stdin.write(f"{word}\n".encode())
        with suppress(OSError):
            await trader.stdin.drain()

    async def acknowledged(self, count: int) -> None:
        """Wait until so many intents were acknowledged."""
        async with self._clock.timeout_ns(PATIENCE_NS):
            while self.acknowledgements.read_bytes().count(b"\n") < count:
                await self._clock.sleep_ns(MARKET_PAUSE_NS)

    async def death_of(self, trader: Process, kind: str) -> Round:
        """Wait for the trader's death, see that it was a kill, and note what was in flight."""
        async with self._clock.timeout_ns(PATIENCE_NS):
            code = await trader.wait()
        if code != KILLED:
            raise Broken(f"{kind}: the trader was to be killed and ended with {code}: {self._complaints()}")
        in_flight, live = count_orders(self.database)
        self.rounds.append(Round(kind, in_flight, live))
        return self.rounds[-1]

    # -- rounds ----------------------------------------------------------------------------------------------

    async def random_round(self, *, venue_too: bool) -> None:
        """Kill the trader at some instant: while it starts, converges or trades. Maybe the venue as well."""
        trader = await self.start_trader()
        if self.stream.random() < 0.2:
            await self._some_time(900)
            await self.kill(trader, "random, from the start")
            return
        await self.converged(trader)
        await self.check()
        async with self.market():
            await self.tell(trader, "go")
            await self._some_time(400)
            if venue_too:
                await self.kill_venue()
                await self._some_time(150)
            await self.kill(trader, "random, with the venue" if venue_too else "random")
        if venue_too:
            await self.open_venue()

    async def labelled_round(self, label: str, nth: int) -> None:
        """Let the trader kill itself the nth time it comes to that place.

        It may come there while it converges: a replacement of its earlier life is sent then.
        """
        trader = await self.start_trader(label=label, nth=nth)
        if label != DURING_START and await self._said(trader) == "converged":
            await self.check()
            async with self.market():
                await self.tell(trader, "go")
                await self.death_of(trader, label)
        else:
            await self.death_of(trader, label)

    @property
    def venue_process(self) -> int:
        """Return the id of the venue's process."""
        assert self._venue is not None
        return self._venue.pid

    async def last_round(self) -> dict[str, Any]:
        """Let a trader converge, cancel what is open and stop; return what the checker then says."""
        trader = await self.start_trader()
        await self.converged(trader)
        await self.finish(trader)
        await self.verify()
        return await self.check()

    async def verify(self) -> None:
        """Demand that the journal's records give the rows that stand in the file."""
        async with SqlStore.reader(self.database) as reader:
            verified = await verify_journal(reader)
        if not verified.ok:
            raise Broken("\n".join(verified.problems))

    async def finish(self, trader: Process) -> None:
        """Have the trader cancel what is open, tell all that it owes, and stop; judge what was told."""
        await self.tell(trader, "finish")
        line = await self.heard(trader)
        if line != "finished":
            raise Broken(f"the trader said {line!r}: {self._complaints()}")
        try:
            async with self._clock.timeout_ns(PATIENCE_NS):
                await self._all_told()
        except TimeoutError:
            raise Broken(f"not told: {sorted(self.untold())}") from None
        await self.tell(trader, "stop")
        async with self._clock.timeout_ns(PATIENCE_NS):
            code = await trader.wait()
        if code:
            raise Broken(f"the last trader ended with {code}: {self._complaints()}")
        problems = misheard(self.told, owed_by(self.database))
        if problems or "dead" in deliveries_by_state(self.database, NOTIFIER):
            raise Broken("\n".join([*problems, str(deliveries_by_state(self.database, NOTIFIER))]))

    async def _all_told(self) -> None:
        """Wait until nothing is owed; the files are long by now, and not read with every notice."""
        while missing := self.untold():
            with suppress(TimeoutError):
                async with self._clock.timeout_ns(LOOK_PAUSE_NS):
                    while missing - self.told.first.keys():
                        self.told.more.clear()
                        await self.told.more.wait()

    def untold(self) -> set[str]:
        """Return what is owed and was not told.

        What was noted before the receiver was known is not owed; traders on a file of their own traded no
        earlier than that.
        """
        since = min((sequence for _, sequence in self.told.first.values()), default=0)
        owed = owed_by(self.database)
        orders = set(self.acknowledgements.read_text("ascii").split()) if self._is_own_file else set()
        due = {name for name, (subject, sequence) in owed.items() if sequence >= since or subject in orders}
        return due - set(self.told.first)

    async def check(self) -> dict[str, Any]:
        """Judge the files by the independent checker, and return its report.

        A trader that has converged may go on to close a position, as its life before was about to: a fill
        that is missing at first may be on its way and is looked for again. One that stays missing is lost.
        """
        report, is_sound = await self._look()
        looks = 1
        while not is_sound and not report["duplicated"] and looks < LOOKS_MAX:
            await self._clock.sleep_ns(LOOK_PAUSE_NS)
            report, is_sound = await self._look()
            looks += 1
        if not is_sound:
            raise Broken(f"after {len(self.rounds)} kills: {json.dumps(report, indent=2)}")
        return report

    async def _look(self) -> tuple[dict[str, Any], bool]:
        """Return what the checker reports now, and whether all is as it should be."""
        checker = await self._spawn(
            str(CHECKER), str(self.database), str(self.venue_file), str(self.acknowledgements)
        )
        said, _ = await checker.communicate()
        report: dict[str, Any] = json.loads(said)
        is_bad = checker.returncode or report["lost"] or report["duplicated"] or not report["cash_reconciled"]
        return report, not is_bad

    async def child_says(self, *arguments: str) -> dict[str, Any]:
        """Run a script to its end and return the JSON object that it printed."""
        child = await self._spawn(*arguments)
        async with self._clock.timeout_ns(PATIENCE_NS):
            said, _ = await child.communicate()
        if child.returncode:
            raise Broken(f"{arguments[0]} ended with {child.returncode}: {self._complaints()}")
        told: dict[str, Any] = json.loads(said)
        return told

    # -- processes -------------------------------------------------------------------------------------------

    async def _spawn(self, *arguments: str) -> Process:
        with (self._folder / "complaints").open("ab") as complaints:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                stdin=PIPE,
                stdout=PIPE,
                stderr=complaints,
                env=self._environment,
                cwd=self._folder,
            )
        self._processes = [each for each in self._processes if each.returncode is None]
        self._processes.append(process)
        return process

    async def heard(self, process: Process) -> str:
        """Return the next line that the process says."""
        line = await self._said(process)
        if not line:
            raise Broken(f"a process ended with {await process.wait()}: {self._complaints()}")
        return line

    async def _said(self, process: Process) -> str:
        """Return the next line that the process says, and nothing when it ends without a word."""
        assert process.stdout is not None
        async with self._clock.timeout_ns(PATIENCE_NS):
            line = await process.stdout.readline()
        return line.decode().strip()

    async def kill(self, trader: Process, kind: str) -> None:
        """Kill the trader, and note what was in flight."""
        with suppress(ProcessLookupError):
            trader.kill()
        await self.death_of(trader, kind)

    async def _end(self, process: Process | None, how: signal.Signals) -> None:
        if process is None or process.returncode is not None:
            return
        process.send_signal(how)
        async with self._clock.timeout_ns(PATIENCE_NS):
            await process.wait()

    async def _some_time(self, milliseconds_max: int) -> None:
        milliseconds = self.stream.randrange(milliseconds_max)
        await self._clock.sleep_ns(milliseconds * NANOSECONDS_PER_MILLISECOND)

    def _complaints(self) -> str:
        return (self._folder / "complaints").read_text("utf-8", "replace")[-4_000:]
