"""The faults of a plan as they happen: on wire, disk, clocks and endpoint, until all is healed."""

from __future__ import annotations

from collections import Counter

from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.exchange import FillReport, OrderReport, Report
from fairlead.ports.notices import Notice
from fairlead.ports.store import Batch
from fairlead.testing.endpoint import NoticeFate
from fairlead.testing.fault_plan import FaultPlan
from fairlead.testing.kernel_world import KernelWorld
from fairlead.testing.memory_store import AppendFault
from fairlead.testing.notice_faults import NoticeFaults
from fairlead.testing.seed_streams import SeedStreams
from fairlead.testing.wire import (
    CANCEL,
    LOOK_UP,
    MODIFY,
    NORMAL,
    SUBMIT,
    TOLD_ONCE,
    Fate,
    ReportFate,
    Trip,
)

LATE_MS_MAX = 2_000
BREAK_MS_MAX = 1_000
BETWEEN_CLOCKS_MS_MAX = 300
SUSPENDED_MS_MAX = 3 * 3_600_000
STEP_OF_MARGIN = (3, 4)
"""The share of `deadline_margin_ms` that the clocks of kernel and venue are apart at most."""
QUIET_COMMITS = 4
"""Good commits after a bad one, or a kernel would give its journal up, which is another story."""
READS_FAIL_ONE_IN = 4
"""What only reads fails so much more rarely, or most kernels would not come beyond their start."""
_REPORTS: dict[type[Report], str] = {OrderReport: "report of an order", FillReport: "report of a fill"}
_WRITES = (SUBMIT, MODIFY, CANCEL)
_HUNDRED = 100


class Faults:
    """Decides what becomes of each request, report and commit, and counts what it did in `counts`.

    Where the program died is counted in `deaths`. Give `fate`, `report_fate`, `append_fault` and, where
    somebody is told, `notice_fate` to the world; `live_through` does the rest.
    """

    def __init__(self, plan: FaultPlan, seed: int) -> None:
        self.plan = plan
        self.counts: Counter[str] = Counter()
        self.deaths: Counter[str] = Counter()
        self.is_healed = False
        streams = SeedStreams(seed)
        self._trips = streams.of("faults of requests")
        self._reports = streams.of("faults of reports")
        self._commits = streams.of("faults of commits")
        self._breaks = streams.of("breaks of the stream")
        self._clocks = streams.of("steps of the clocks")
        self._notices = NoticeFaults(plan, streams, self.counts)
        self._ahead_ns = 0
        self._good_commits = QUIET_COMMITS

    def heal(self) -> None:
        """Let everything work from here on."""
        self.is_healed = True
        self._notices.is_healed = True

    async def heal_later(self, world: KernelWorld) -> None:
        """Heal in so long as planned; a task of the world."""
        await world.clock.sleep_ns(self.plan.healed_after_ms * NANOSECONDS_PER_MILLISECOND)
        self.heal()

    def fate(self, trip: Trip) -> Fate:
        """Decide over a request."""
        plan = self.plan
        if self.is_healed:
            return NORMAL
        if trip.method == LOOK_UP and self._trips.randrange(_HUNDRED) < plan.half_look_up:
            return self._said("half a look-up", Fate(incomplete=True))
        if trip.method not in _WRITES and self._trips.randrange(READS_FAIL_ONE_IN):
            return NORMAL
        draw = self._trips.randrange(_HUNDRED)
        for name, rate, fate in (
            ("lost request", plan.lost_request, Fate(request_lost=True)),
            ("lost answer", plan.lost_answer, Fate(answer_lost=True)),
            ("late request", plan.late, Fate(request_ns=self._late_ns())),
            ("late answer", plan.late, Fate(answer_ns=self._late_ns())),
        ):
            if draw < rate:
                return self._said(name, fate)
            draw -= rate
        return NORMAL

    def report_fate(self, report: Report) -> ReportFate:
        """Decide over a report of the stream: of an order, of a fill, or a price."""
        draw = self._reports.randrange(_HUNDRED)
        what = _REPORTS.get(type(report), "price")
        if self.is_healed:
            return TOLD_ONCE
        if draw < self.plan.lost_report:
            self.counts[f"lost {what}"] += 1
            return ReportFate(copies=0)
        if draw < self.plan.lost_report + self.plan.repeated_report:
            self.counts[f"repeated {what}"] += 1
            return ReportFate(copies=2)
        return TOLD_ONCE

    def append_fault(self, _batch: Batch) -> AppendFault | None:
        """Decide over a commit."""
        self._good_commits += 1
        if self.is_healed or self._good_commits <= QUIET_COMMITS:
            return None
        if self._commits.randrange(_HUNDRED) >= self.plan.bad_commit:
            return None
        self._good_commits = 0
        fault: AppendFault = self._commits.choice([*AppendFault])
        self.counts[f"commit {fault.value}"] += 1
        return fault

    def notice_fate(self, notice: Notice, attempt: int) -> NoticeFate:
        """Decide over an attempt to tell the endpoint."""
        return self._notices.fate(notice, attempt)

    async def take_endpoint_down(self, world: KernelWorld) -> None:
        """Let nobody listen at the endpoint as often as planned, for a while each; a task of the world."""
        await self._notices.take_down(world.clock)

    async def break_stream(self, world: KernelWorld) -> None:
        """Break the venue's stream as often as planned, each time for a while; a task of the world."""
        for _ in range(self.plan.stream_breaks):
            await world.clock.sleep_ns(self._breaks.randrange(2 * BREAK_MS_MAX) * NANOSECONDS_PER_MILLISECOND)
            if self.is_healed:
                return
            self.counts["broken stream"] += 1
            world.wire.disconnected("the line is down")
            await world.clock.sleep_ns(self._breaks.randrange(BREAK_MS_MAX) * NANOSECONDS_PER_MILLISECOND)
            world.wire.reconnected()

    async def move_clocks(self, world: KernelWorld) -> None:
        """Set the kernel's clock and suspend the machine as often as planned; a task of the world."""
        what = [self._step] * self.plan.clock_steps + [self._suspend] * self.plan.suspensions
        self._clocks.shuffle(what)
        for move in what:
            pause_ms = self._clocks.randrange(BETWEEN_CLOCKS_MS_MAX)
            await world.clock.sleep_ns(pause_ms * NANOSECONDS_PER_MILLISECOND)
            if self.is_healed:
                return
            move(world)

    def _step(self, world: KernelWorld) -> None:
        """Set the kernel's clock, as a time service does: it is as far from the venue's as is put up with."""
        part, whole = STEP_OF_MARGIN
        most_ms = world.settings.deadline_margin_ms * part // whole
        ahead_ns = self._clocks.randrange(-most_ms, most_ms + 1) * NANOSECONDS_PER_MILLISECOND
        if ahead_ns == self._ahead_ns:
            return
        world.clock.jump_wall_ns(ahead_ns - self._ahead_ns)
        self._ahead_ns = ahead_ns
        self.counts["set clock"] += 1

    def _suspend(self, world: KernelWorld) -> None:
        """Let the machine sleep: hours may pass at once, here and at the venue."""
        slept_ns = self._clocks.randrange(SUSPENDED_MS_MAX) * NANOSECONDS_PER_MILLISECOND
        for clock in (world.clock, world.venue_clock):
            clock.jump_wall_ns(slept_ns)
        self.counts["suspended machine"] += 1

    def _late_ns(self) -> int:
        return self._trips.randrange(LATE_MS_MAX) * NANOSECONDS_PER_MILLISECOND

    def _said(self, name: str, fate: Fate) -> Fate:
        self.counts[name] += 1
        return fate
