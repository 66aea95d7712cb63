"""A toy of an execution kernel, small enough to be seen through: the subject of the crash experiments.

The program journals the intent to buy, sends it to the venue with a derived id, journals the answer and
tells the bot. What survives it is a file with an unsynced tail, a venue that answers later, and what the
bot was told. Each `Fault` takes one safeguard away.
"""

from __future__ import annotations

import asyncio
import enum
import zlib

from fairlead.testing.crash_survey import CrashExperiment
from fairlead.testing.generation import Generation
from fairlead.testing.simulation import World

MILLISECOND_NS = 1_000_000
INTENTS = ("buy-1", "buy-2", "buy-3")


class Fault(enum.Enum):
    """The safeguard that is missing."""

    NOTHING = "none"
    INTENT_NOT_SYNCED = "the order is sent before its intent is on disk"
    TAIL_KEPT = "a torn tail is not cut off at the start"
    NO_LOOK_UP = "an intent without an answer is sent again without asking the venue"
    TOLD_TOO_EARLY = "the bot is told before the answer is on disk"
    FILE_WITHOUT_CHECK = "the file's wrapper does not ask whether the program is alive"


class Disk:
    """What survives of a file: the durable part, and at a power cut some of what was not synced yet."""

    def __init__(self) -> None:
        self.durable = b""
        self.unsynced = b""
        self.writes_of_the_dead = 0


class Shop(World):
    """The world: a disk, a venue which knows orders, and what the bot was told."""

    def __init__(self, fault: Fault = Fault.NOTHING, seed: int = 0) -> None:
        super().__init__(seed)
        self.fault = fault
        self.disk = Disk()
        self.orders: list[str] = []
        self.told: list[str] = []

    def after_crash(self) -> None:
        """Lose what was not synced, but for a random number of its bytes."""
        kept = self.streams.of("disk").randrange(len(self.disk.unsynced) + 1)
        self.disk.durable += self.disk.unsynced[:kept]
        self.disk.unsynced = b""


class File:
    """The program's hand on the disk."""

    def __init__(self, shop: Shop, generation: Generation) -> None:
        self._shop = shop
        self._generation = generation

    def _check(self) -> None:
        if self._shop.fault is not Fault.FILE_WITHOUT_CHECK:
            self._generation.check()

    def read(self) -> bytes:
        """Return what is on disk."""
        self._check()
        return self._shop.disk.durable

    def truncate(self, length: int) -> None:
        """Cut the file, durably."""
        self._check()
        self._shop.disk.durable = self._shop.disk.durable[:length]

    def append(self, data: bytes, *, sync: bool = True) -> None:
        """Write and, if asked, sync: a crash is possible before, between and after."""
        self._check()
        disk, points = self._shop.disk, self._shop.crash_points
        points.reached("file.append.before_write")
        disk.writes_of_the_dead += not self._generation.alive
        disk.unsynced += data
        points.reached("file.append.before_durable")
        if sync:
            disk.durable, disk.unsynced = disk.durable + disk.unsynced, b""
            points.reached("file.append.after_durable")


class Connection:
    """The program's hand on the venue; what is on the wire outlives the program."""

    def __init__(self, shop: Shop, generation: Generation) -> None:
        self._shop = shop
        self._generation = generation

    async def send(self, order: str) -> None:
        """Send an order and wait for the answer."""
        self._generation.check()
        self._shop.crash_points.reached("venue.send.before")
        answered = asyncio.Event()
        self._shop.spawn(self._deliver(order, answered))
        await answered.wait()
        self._shop.crash_points.reached("venue.send.after")

    async def _deliver(self, order: str, answered: asyncio.Event) -> None:
        await self._shop.clock.sleep_ns(5 * MILLISECOND_NS)
        self._shop.orders.append(order)
        await self._shop.clock.sleep_ns(5 * MILLISECOND_NS)
        answered.set()

    async def has(self, order: str) -> bool:
        """Ask whether the venue knows an order, once nothing can be on the wire any more."""
        clock = self._shop.clock_of(self._generation)
        await clock.sleep_ns(20 * MILLISECOND_NS)
        self._generation.check()
        return order in self._shop.orders


class Program:
    """The program under test."""

    def __init__(self, shop: Shop, generation: Generation) -> None:
        self._fault = shop.fault
        self._generation = generation
        self._shop = shop
        self._file = File(shop, generation)
        self._venue = Connection(shop, generation)

    async def run(self) -> None:
        """Recover, then execute every intent that is not yet executed, two at a time."""
        done, open_intents = self._recover()
        for intent in open_intents:
            if self._fault is Fault.NO_LOOK_UP or not await self._venue.has(intent):
                await self._venue.send(intent)
            self._finish(intent)
        known = {*done, *open_intents}
        async with asyncio.TaskGroup() as group:
            for intent in INTENTS:
                if intent not in known:
                    group.create_task(self._execute(intent))

    async def _execute(self, intent: str) -> None:
        self._file.append(encoded("intent", intent), sync=self._fault is not Fault.INTENT_NOT_SYNCED)
        try:
            await self._venue.send(intent)
        finally:
            # What a tidy programmer would write, and a dead process never does.
            self._file.append(encoded("sent", intent), sync=False)
        self._finish(intent)

    def _finish(self, intent: str) -> None:
        if self._fault is Fault.TOLD_TOO_EARLY:
            self._tell(intent)
        self._file.append(encoded("done", intent))
        if self._fault is not Fault.TOLD_TOO_EARLY:
            self._tell(intent)

    def _tell(self, intent: str) -> None:
        self._generation.check()
        self._shop.told.append(intent)

    def _recover(self) -> tuple[list[str], list[str]]:
        records, length = decoded(self._file.read())
        if self._fault is not Fault.TAIL_KEPT:
            self._file.truncate(length)
        done = [name for kind, name in records if kind == "done"]
        begun = [name for kind, name in records if kind == "intent"]
        return done, [name for name in begun if name not in done]


def encoded(kind: str, name: str) -> bytes:
    """Return one record as a line with its check sum."""
    body = f"{kind} {name}"
    return f"{body} {zlib.crc32(body.encode()):08x}\n".encode()


def decoded(data: bytes) -> tuple[list[tuple[str, str]], int]:
    """Return the records up to the first that is torn, and their length in bytes."""
    records: list[tuple[str, str]] = []
    length = 0
    for line in data.splitlines(keepends=True):
        kind, _, rest = line.decode().partition(" ")
        name = rest.partition(" ")[0]
        if encoded(kind, name) != line:
            break
        records.append((kind, name))
        length += len(line)
    return records, length


async def trade(shop: Shop, generation: Generation) -> None:
    """Run the program: the scenario, and the recovery from its crash."""
    await Program(shop, generation).run()


def check(shop: Shop) -> None:
    """Demand one order per intent, every intent's end on disk, and no bot told of what is not."""
    assert sorted(shop.orders) == sorted(INTENTS), f"orders at the venue: {shop.orders}"
    records, length = decoded(shop.disk.durable)
    done = [name for kind, name in records if kind == "done"]
    assert sorted(done) == sorted(INTENTS), f"done according to the journal: {done}"
    assert length == len(shop.disk.durable), "there is something unreadable in the journal"
    assert shop.disk.writes_of_the_dead == 0, "a dead program wrote to the disk"
    assert sorted(set(shop.told)) == sorted(shop.told), f"told twice: {shop.told}"


def experiment(fault: Fault = Fault.NOTHING, seed: int = 0, downtime_ns: int = 0) -> CrashExperiment[Shop]:
    """Return the experiment on the program without that safeguard."""
    return CrashExperiment(lambda: Shop(fault, seed), trade, trade, check, downtime_ns=downtime_ns)
