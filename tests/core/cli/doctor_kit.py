"""Plugins for the doctor's tests: a venue, a store and checks whose tables say what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

from fairlead.errors import ConfigurationRefused
from fairlead.hookspecs import PluginContext, hookimpl
from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.exchange import ExchangeCapabilities, Fence, ReportSink
from fairlead.ports.settings import Secret, structure_settings
from fairlead.ports.tools import ProbeFinding
from fairlead.testing.memory_store import MemoryDisk, MemoryStore
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.cli.memory_reader import MemoryReader
from tests.core.kernel.bench import Yes, instrument

ENTRY_POINTS = """[fairlead.plugins.v1]
venue = tests.core.cli.doctor_kit:VENUE
second = tests.core.cli.doctor_kit:SECOND
shelf = tests.core.cli.doctor_kit:SHELF
checks = tests.core.cli.doctor_kit:CHECKS
future = tests.core.cli.doctor_kit:FUTURE
probes = tests.core.cli.doctor_kit:PROBES
"""

CONNECTED: list[Venue] = []
"""Venues that are connected now."""


@attrs.frozen(kw_only=True)
class VenueSettings:
    """What a venue is like."""

    key: Secret | None = None
    simulated: bool = True
    reachable: bool = True
    empty: bool = False
    skew_ms: int = 0


class Venue(ScriptedExchange):
    """A venue that tells its time."""

    def __init__(self, settings: VenueSettings, name: str) -> None:
        super().__init__([] if settings.empty else [instrument()])
        self.settings = settings
        self.name = name
        self.capabilities = ExchangeCapabilities(fence=Fence.DEADLINE, simulated=settings.simulated)

    async def connect(self, sink: ReportSink) -> None:
        """Connect, or fail as was asked."""
        if not self.settings.reachable:
            raise ConnectionRefusedError("nobody listens")
        await super().connect(sink)
        CONNECTED.append(self)

    async def disconnect(self) -> None:
        """Disconnect."""
        await super().disconnect()
        if self in CONNECTED:
            CONNECTED.remove(self)

    async def server_time(self) -> int:
        """Return the venue's time."""
        return SystemClock().wall_ns() + self.settings.skew_ms * NANOSECONDS_PER_MILLISECOND


class VenuePlugin:
    """Provides a venue."""

    requires_api = "1.0"

    def __init__(self, name: str) -> None:
        self.name = name

    @hookimpl
    def fairlead_exchanges(self, context: PluginContext) -> Sequence[Venue]:
        """Provide the venue of the table."""
        settings = structure_settings(VenueSettings, context.configuration, f"plugins.{self.name}")
        return [Venue(settings, self.name)]


class Shelf(MemoryReader):
    """A store's reader that finds what its path says."""

    def __init__(self, path: Path) -> None:
        super().__init__(MemoryDisk())
        self.path = path

    async def open(self) -> None:
        """Open, unless the file is damaged."""
        if self.path.read_text() == "damaged":
            raise ConfigurationRefused("The file is no store.", fix="Restore it.")
        await super().open()

    async def account(self) -> str:
        """Return whose the file is."""
        return self.path.read_text()


class ShelfPlugin:
    """Provides a store, and a reader of it."""

    requires_api = "1.0"

    @hookimpl
    def fairlead_stores(self) -> Sequence[MemoryStore]:
        """Provide a store."""
        return [MemoryStore(MemoryDisk())]

    @hookimpl
    def fairlead_store_readers(self, context: PluginContext) -> Sequence[Shelf]:
        """Provide the reader."""
        return [Shelf(context.path(context.configuration["path"]))]


class ChecksPlugin:
    """Provides a check."""

    requires_api = "1.0"

    @hookimpl
    def fairlead_risk_checks(self) -> Sequence[Yes]:
        """Provide it."""
        return [Yes()]


class FuturePlugin(ChecksPlugin):
    """Was written for another API."""

    requires_api = "9.0"


@attrs.frozen(kw_only=True)
class ProbeSettings:
    """What the probes see."""

    says: str = ""
    notes: str = ""
    raises: str = ""
    connects: bool = False
    misfit: bool = False


class TableProbe:
    """A probe that says what its table holds."""

    name = "table"

    def __init__(self, settings: ProbeSettings) -> None:
        self.settings = settings
        self.connects = settings.connects

    async def examine(self) -> Sequence[ProbeFinding]:
        """Say it."""
        if self.settings.raises == "never returns":
            await SystemClock().sleep_ns(3_600_000_000_000)
        if self.settings.raises:
            raise ValueError(self.settings.raises)
        found = [ProbeFinding(self.settings.says)] if self.settings.says else []
        return [*found, *([ProbeFinding(self.settings.notes, is_note=True)] if self.settings.notes else [])]


class ProbesPlugin:
    """Provides a probe."""

    requires_api = "1.0"

    @hookimpl
    def fairlead_probes(self, context: PluginContext) -> Sequence[TableProbe]:
        """Provide the probe of the table, or what is none."""
        settings = structure_settings(ProbeSettings, context.configuration, "plugins.probes")
        return [None] if settings.misfit else [TableProbe(settings)]  # type: ignore[list-item]  # on purpose


VENUE = VenuePlugin("venue")
SECOND = VenuePlugin("second")
SHELF = ShelfPlugin()
CHECKS = ChecksPlugin()
FUTURE = FuturePlugin()
PROBES = ProbesPlugin()
