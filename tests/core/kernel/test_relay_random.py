"""Drawn programs for the relay: whatever receivers, commits, operators and deaths do, all is told."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fairlead.errors import FairleadError
from fairlead.kernel.control.commands import answer as control_answer
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.notices import DELIVERED, DeliveryOutcome, DeliverySettings, DeliveryVerdict, Notice
from fairlead.testing.memory_store import AppendFault, yield_to_loop
from fairlead.testing.notice_truth import NoticeTruth
from fairlead.testing.scripted_notifier import AGAIN, GONE, NEVER, ScriptedNotifier
from tests.campaign import campaign_size
from tests.core.kernel.bench import BTC, ETH, Bench, on_seeded_bench

HEAL_MS = 57_500
HELD_MAX = 8
TOGETHER = 3
"""So many facts may come of one record: they are read together, beyond the bound."""
LATER = DeliveryOutcome(DeliveryVerdict.AGAIN, "in a while", 3_000 * NANOSECONDS_PER_MILLISECOND)
ANSWERS = {"delivered": DELIVERED, "again": AGAIN, "later": LATER, "never": NEVER, "gone": GONE}
KINDS = ((), ("order_accepted", "order_filled"), ("anomaly", "kernel_started"))

Step = tuple[Any, ...]


@attrs.frozen
class Receiver:
    """What is drawn of one notifier: what it wants, how it is tried, and what its attempts come to."""

    kinds: tuple[str, ...]
    lanes: int
    circuit: int
    pauses: int
    outcomes: tuple[str, ...]


RECEIVERS = st.builds(
    Receiver,
    st.sampled_from(KINDS),
    st.integers(1, 3),
    st.sampled_from([1, 3, 1_000]),
    st.integers(1, 6),
    st.lists(st.sampled_from([*ANSWERS, "raises", "hangs"]), max_size=25).map(tuple),
)
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("order"), st.sampled_from([BTC, ETH]), st.booleans()),
    st.tuples(st.just("note"), st.integers(1, 12)),
    st.tuples(st.just("pass"), st.sampled_from([0, 1, 200, 1_000, 4_000, 15_000])),
    st.tuples(st.just("fault"), st.sampled_from([*AppendFault])),
    st.tuples(st.just("die"), st.integers(0, 40)),
    st.tuples(st.just("restart"), st.sampled_from([0, 2_000])),
    st.tuples(st.just("say"), st.integers(0, 1), st.sampled_from(["enable", "disable", "replay", "discard"])),
)
PROGRAMS = st.tuples(
    st.lists(RECEIVERS, min_size=1, max_size=2), st.lists(STEPS, min_size=3, max_size=25), st.integers(0, 99)
)
Program = tuple[list[Receiver], list[Step], int]


class Run:
    """One program on one bench."""

    def __init__(self, bench: Bench, receivers: list[Receiver]) -> None:
        self.bench = bench
        self.healed = False
        self.replays = 0
        self.problems: list[str] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self.names: list[str] = []
        self.notifiers = [self._notifier(number, receiver) for number, receiver in enumerate(receivers)]
        self.truths = [
            NoticeTruth(bench.disk, notifier, receiver.kinds)
            for notifier, receiver in zip(self.notifiers, receivers, strict=True)
        ]

    def _notifier(self, number: int, receiver: Receiver) -> ScriptedNotifier:
        outcomes = list(receiver.outcomes)
        name = f"receiver-{number}"

        async def script(_notice: Notice, _attempt: int) -> DeliveryOutcome:
            self._check_memory(name)
            await self.bench.pass_ms(20)
            outcome = outcomes.pop(0) if outcomes and not self.healed else "delivered"
            if outcome == "raises":
                raise OSError("no route")
            if outcome == "hangs":
                await asyncio.Event().wait()
            return ANSWERS[outcome]

        delivery = DeliverySettings(
            retry_pauses_ms=(1_000,) * receiver.pauses,
            attempt_timeout_ms=500,
            retry_after_max_ms=5_000,
            subjects_at_once=receiver.lanes,
            circuit_failures=receiver.circuit,
            circuit_pause_ms=2_000,
        )
        wanted = frozenset(receiver.kinds)
        return ScriptedNotifier(
            name, delivery=delivery, script=script, wanted=lambda notice: not wanted or notice.kind in wanted
        )

    def _check_memory(self, name: str) -> None:
        owing = self.bench.kernel._parts.relay.couriers[name].owing
        most = HELD_MAX + TOGETHER
        if owing.lanes.held > most or owing.held > 2 * most + self.replays:
            self.problems.append(f"{name} holds {owing.lanes.held} notices and {owing.held} with rows")

    def look(self) -> None:
        """Look at every notifier, with the kernel as it is."""
        for truth in self.truths:
            self.problems += truth.look()

    async def before(self, method: str) -> None:
        """Look before each commit: a mark that went too far is seen before anything makes up for it."""
        if method == "append":
            self.look()

    async def do(self, step: Step) -> None:
        """Do one step of a program."""
        what, *rest = step
        await getattr(self, f"_{what}")(*rest)
        self.look()

    async def _order(self, symbol: str, trades: bool) -> None:  # noqa: FBT001 - drawn
        async def life() -> None:
            result = await self.bench.execute("buy", "1", "100", symbol=symbol)
            self.names.append(result.client_order_id)
            if trades and result.status == "ACCEPTED":
                self.bench.exchange.trade(result.client_order_id, "0.5", "100")

        self.tasks.append(self.bench.loop.create_task(life()))
        await yield_to_loop()

    async def _note(self, times: int) -> None:
        for number in range(times if self.names else 0):
            saying = self.bench.kernel.annotate(self.names[-1], note=f"{len(self.tasks)} {number}")
            self.tasks.append(self.bench.loop.create_task(saying))
        await yield_to_loop()

    async def _pass(self, milliseconds: int) -> None:
        await self.bench.pass_ms(milliseconds)

    async def _fault(self, fault: AppendFault) -> None:
        pending = [fault]
        self.bench.faults = lambda _batch: pending.pop() if pending else None

    async def _die(self, turns: int) -> None:
        for _ in range(turns):
            await yield_to_loop()
        await self.bench.die()
        self.look()
        await self._alive()

    async def _restart(self, bound_ms: int) -> None:
        try:
            await self.bench.kernel.stop()
        except FairleadError:
            await self.bench.die()
        self.look()
        await self._alive(notify_on_stop_ms=bound_ms)

    async def _alive(self, **chosen: int) -> None:
        self.bench.faults = lambda _batch: None
        await self.bench.start_another(**chosen)

    async def _say(self, which: int, action: str) -> None:
        truth = self.truths[which % len(self.truths)]
        if action == "replay":
            over = {
                row["event_id"]
                for row in self.bench.disk.tables.by_name["deliveries"].where("state", "dead")
                if row["notifier"] == truth.notifier.name
            }
            truth.replayed |= {str(each) for each in over}
            self.replays += len(over)
        arguments = {"notifier": truth.notifier.name, "event_ids": "", "note": "drawn"}
        self.tasks.append(
            self.bench.loop.create_task(control_answer(self.bench.kernel, f"deliveries-{action}", arguments))
        )
        await yield_to_loop()

    async def heal(self) -> None:
        """Let everything work from here on, and give it time."""
        self.healed = True
        self.bench.faults = lambda _batch: None
        await self.bench.pass_ms(HEAL_MS)
        for task in self.tasks:
            task.cancel()  # of a kernel that died, or else it is done
        for result in await asyncio.gather(*self.tasks, return_exceptions=True):
            if isinstance(result, Exception) and not isinstance(result, FairleadError):
                raise result
        for courier in self.bench.kernel._parts.relay.couriers.values():
            courier.enable()
        await self.bench.pass_ms(HEAL_MS)
        for truth in self.truths:
            self.problems += truth.at_rest()
        assert self.problems == []


def run_program(program: Program) -> None:
    """Run a drawn program, and demand that all is well at every instant and in the end."""
    receivers, steps, seed = program

    async def main(bench: Bench) -> None:
        run = Run(bench, receivers)
        bench.fittings["notifiers"] = run.notifiers
        await bench.restart()
        for truth in run.truths:
            truth.begin()
        bench.before = run.before
        for step in steps:
            await run.do(step)
        await run.heal()

    on_seeded_bench(seed, main, settings={"notices_held_max": HELD_MAX, "delivery_mark_interval_ms": 300})


@settings(max_examples=200, deadline=None, database=None, phases=[Phase.generate])
@given(program=PROGRAMS)
def test_whatever_happens_every_notice_is_told(program: Program) -> None:
    """Told or given up with its row, in order by subject, with one content, the mark and memory in bounds.

    It does not shrink what it finds, which takes a minute: the campaign does.
    """
    run_program(program)


@pytest.mark.campaign
def test_whatever_happens_for_long_every_notice_is_told() -> None:
    """A campaign of the same; its size is the number of programs."""

    @settings(max_examples=campaign_size("RELAY", 2_000), deadline=None, database=None)
    @given(program=PROGRAMS)
    def run(program: Program) -> None:
        run_program(program)

    run()
