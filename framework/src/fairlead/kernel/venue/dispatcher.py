"""The dispatcher: carries effects to the exchange client, and brings every answer back as an input.

It only ever gets effects whose cause is durable. Whatever a client raises from a submit is an
unknown outcome; what never left the kernel is NOT_SENT.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import cast

from fairlead.domain.requests import RequestKind
from fairlead.errors import RateLimited
from fairlead.kernel.components import Supervisor
from fairlead.kernel.core.change_inputs import ModifyAnswered
from fairlead.kernel.core.effects import (
    Effect,
    LookUpOrder,
    PaceIn,
    ReadRules,
    SendCancel,
    SendModify,
    SendOrder,
    WakeAt,
)
from fairlead.kernel.core.readable import Failure, look_up_problem, sound_answer
from fairlead.kernel.core.venue_inputs import (
    CancelAnswered,
    LookedUp,
    LookUpFailed,
    QueryRefused,
    SubmitAnswered,
)
from fairlead.kernel.engine.engine import Engine
from fairlead.kernel.settings import KernelSettings
from fairlead.kernel.venue import questions
from fairlead.kernel.venue.couriers import Couriers
from fairlead.kernel.venue.inbox import Inbox
from fairlead.kernel.venue.time_limits import TimeLimits
from fairlead.kernel.venue.timers import PACE, Timers
from fairlead.ports.clock import Clock
from fairlead.ports.exchange import Answer, ExchangeClient, LookUp, Outcome


class Dispatcher:
    """Carries out every effect that is not an answer to a command.

    *on_rules_refused* is told the reason when the venue refused for one of its rules.
    """

    def __init__(
        self,
        client: ExchangeClient,
        clock: Clock,
        engine: Engine,
        inbox: Inbox,
        timers: Timers,
        supervisor: Supervisor,
        settings: KernelSettings,
    ) -> None:
        self._client = client
        self._clock = clock
        self._engine = engine
        self._inbox = inbox
        self._timers = timers
        self._supervisor = supervisor
        self._couriers = Couriers(supervisor)
        self._limits = TimeLimits(clock, settings.ns("request_timeout"))
        self._approval_ttl_ns = settings.ns("approval_ttl")
        self._sending: dict[str, None] = {}
        self._modifying: dict[str, None] = {}
        self._canceling: dict[str, None] = {}
        self._looking: dict[str, bool] = {}
        self._closed = False
        self.on_rules_refused: Callable[[str], None] = lambda _reason: None

    @property
    def in_flight(self) -> frozenset[str]:
        """Return the orders whose submit, and the changes whose modify, has no answer yet."""
        return frozenset((*self._sending, *self._modifying))

    @property
    def free_couriers(self) -> frozenset[asyncio.Task[None]]:
        """Return the tasks that wait for an effect to carry out."""
        return self._couriers.free

    def dispatch(self, effect: Effect) -> None:
        """Begin to carry out one effect; commands' answers are not its business."""
        if type(effect) is SendOrder:
            self._send(effect)
        elif type(effect) is SendModify:
            self._send_modify(effect)
        elif self._closed:
            return
        elif type(effect) is SendCancel:
            if effect.client_order_id not in self._canceling:
                self._canceling[effect.client_order_id] = None
                self._couriers.send(partial(self._cancel, effect))
        elif type(effect) is LookUpOrder:
            under_way = effect.client_order_id in self._looking
            self._looking[effect.client_order_id] = under_way  # what is under way may have seen too little
            if not under_way:
                self._couriers.send(partial(self._look_up, effect))
        else:
            self._see_to(effect)

    def _see_to(self, effect: Effect) -> None:
        if type(effect) is WakeAt:
            self._timers.wake_at(effect.client_order_id, effect.at_ns)
        elif type(effect) is PaceIn:
            self._timers.wake_in(PACE, effect.wait_ns)
        elif type(effect) is ReadRules:
            self.on_rules_refused(effect.reason)

    async def finish(self, timeout_ns: int) -> None:
        """Take no new effects; wait for those under way, no longer than the time given, then end them."""
        self._closed = True
        tasks = await self._couriers.dismiss()
        try:
            if tasks:
                async with self._clock.timeout_ns(timeout_ns):
                    await asyncio.wait(tasks)
        except TimeoutError:
            await self._supervisor.cancel(tasks)
        self._limits.close()

    def _bring(
        self, given: SubmitAnswered | ModifyAnswered | CancelAnswered | LookedUp | LookUpFailed
    ) -> None:
        """Bring an answer to the door, through the inbox when the order must be loaded first."""
        engine = self._engine
        if engine.suspended or given.client_order_id not in engine.state.orders:
            self._inbox.add(given)
        else:
            engine.process(given)

    def _send(self, effect: SendOrder) -> None:
        request = effect.order.request
        problem = self._too_late(request.deadline_ns, effect.not_before_ns)
        if problem:
            self._never_left(effect, problem)
        else:
            self._sending[request.client_order_id] = None
            self._couriers.send(partial(self._submit, effect))

    def _too_late(self, deadline_ns: int, not_before_ns: int) -> str:
        """Say why an approved request can no longer leave, or nothing."""
        now_ns = self._clock.wall_ns()
        if self._closed:
            return "the kernel stopped before it was sent"
        if 0 < deadline_ns <= now_ns:
            return "its deadline passed before it was sent"
        if now_ns - not_before_ns > self._approval_ttl_ns:
            return "its approval was too old to be sent"
        return ""

    def _send_modify(self, effect: SendModify) -> None:
        request = effect.change.request
        problem = self._too_late(request.deadline_ns, effect.not_before_ns)
        if problem:
            answer = Answer(Outcome.NOT_SENT, reason=problem)
            self._bring(ModifyAnswered(effect.client_order_id, effect.change_id, answer))
        else:
            self._modifying[effect.change_id] = None
            self._couriers.send(partial(self._modify, effect))

    def _never_left(self, effect: SendOrder, reason: str) -> None:
        answer = Answer(Outcome.NOT_SENT, reason=reason)
        self._bring(SubmitAnswered(effect.order.request.client_order_id, effect.attempt, answer))

    async def _submit(self, effect: SendOrder, task: asyncio.Task[None]) -> None:
        request = effect.order.request
        answer = await self._asked(partial(self._client.submit, request), task)
        del self._sending[request.client_order_id]
        self._bring(SubmitAnswered(request.client_order_id, effect.attempt, sound_answer(answer)))

    async def _modify(self, effect: SendModify, task: asyncio.Task[None]) -> None:
        request = effect.change.request
        answer = await self._asked(partial(self._client.modify, request), task)
        del self._modifying[effect.change_id]
        self._bring(ModifyAnswered(effect.client_order_id, effect.change_id, sound_answer(answer)))

    async def _cancel(self, effect: SendCancel, task: asyncio.Task[None]) -> None:
        name = effect.client_order_id
        order = self._engine.state.orders.get(name)
        question = partial(questions.cancel, self._client, name, effect.venue_order_id, effect.symbol, order)
        answer = await self._asked(question, task)
        del self._canceling[name]
        self._bring(CancelAnswered(name, sound_answer(answer)))

    async def _look_up(self, effect: LookUpOrder, task: asyncio.Task[None]) -> None:
        name = effect.client_order_id
        asked_ns, asked_monotonic_ns = self._clock.wall_ns(), self._clock.monotonic_ns()
        order = self._engine.state.orders.get(name)
        result = await self._asked(partial(questions.look_up, self._client, name, effect.symbol, order), task)
        again = self._looking.pop(name)
        problem = look_up_problem(result, name)
        if type(result) is Failure and result.limited_ns is not None and not self._engine.suspended:
            self._engine.process(QueryRefused(RequestKind.LOOK_UP, effect.symbol, result.limited_ns))
        if problem:
            self._bring(LookUpFailed(name, problem))
        else:
            self._bring(LookedUp(name, cast("LookUp", result), asked_ns, asked_monotonic_ns))
        if again:
            self.dispatch(effect)

    async def _asked(self, question: Callable[[], Awaitable[object]], task: asyncio.Task[None]) -> object:
        """Return what the client answers, or a `Failure` that says why it did not."""
        try:
            return await self._limits.within(task, question)
        except TimeoutError:
            return Failure("no answer within the request timeout")
        except asyncio.CancelledError:
            if task.cancelling():
                raise  # we are being stopped
            return Failure("the client canceled itself")
        except RateLimited as refusal:
            return Failure("the venue refused it for its rate limit", refusal.retry_after_ns)
        except (
            KeyboardInterrupt,
            GeneratorExit,
        ):  # meant for the process, not said by the client
            raise
        except BaseException as error:  # isolation point: whatever it is, it has told us nothing
            return Failure(f"the client raised {type(error).__name__}")
