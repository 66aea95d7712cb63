"""The dispatcher: carries effects to the exchange client, and brings every answer back as an input.

It only ever gets effects whose cause is durable. Whatever a client raises from a submit is an
unknown outcome; what never left the kernel is NOT_SENT.
"""

from __future__ import annotations

import asyncio

from fairlead.kernel.components import Supervisor
from fairlead.kernel.effects import Effect, LookUpOrder, SendCancel, SendOrder, WakeAt
from fairlead.kernel.engine import Engine
from fairlead.kernel.inbox import Inbox
from fairlead.kernel.inputs import CancelAnswered, Input, LookedUp, LookUpFailed, SubmitAnswered
from fairlead.kernel.timers import Timers
from fairlead.ports.clock import Clock
from fairlead.ports.exchange import Answer, ExchangeClient, Outcome


class Dispatcher:
    """Carries out `SendOrder`, `SendCancel`, `LookUpOrder` and `WakeAt`."""

    def __init__(
        self,
        client: ExchangeClient,
        clock: Clock,
        engine: Engine,
        inbox: Inbox,
        timers: Timers,
        supervisor: Supervisor,
        *,
        request_timeout_ns: int,
    ) -> None:
        self._client = client
        self._clock = clock
        self._engine = engine
        self._inbox = inbox
        self._timers = timers
        self._supervisor = supervisor
        self._request_timeout_ns = request_timeout_ns
        self._sending: dict[str, None] = {}
        self._looking: dict[str, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def in_flight(self) -> frozenset[str]:
        """Return the client order ids whose submit has no answer yet in this process."""
        return frozenset(self._sending)

    @property
    def tasks(self) -> frozenset[asyncio.Task[None]]:
        """Return the tasks of effects under way."""
        return frozenset(self._tasks)

    def dispatch(self, effect: Effect) -> None:
        """Begin to carry out one effect; commands' answers are not its business."""
        if type(effect) is SendOrder:
            self._sending[effect.order.request.client_order_id] = None
            self._run("submit", self._submit(effect))
        elif type(effect) is SendCancel:
            self._run("cancel", self._cancel(effect))
        elif type(effect) is LookUpOrder:
            if effect.client_order_id not in self._looking:
                self._looking[effect.client_order_id] = None
                self._run("look-up", self._look_up(effect))
        elif type(effect) is WakeAt:
            self._timers.wake_at(effect.client_order_id, effect.at_ns)

    async def finish(self, timeout_ns: int) -> None:
        """Take no new effects; wait for those under way, no longer than the time given."""
        self._closed = True
        if not self._tasks:
            return
        try:
            async with self._clock.timeout_ns(timeout_ns):
                await asyncio.wait(self._tasks)
        except TimeoutError:
            return

    def _run(self, name: str, work: object) -> None:
        if self._closed:
            work.close()  # type: ignore[attr-defined]  # a coroutine that never began
            return
        task = self._supervisor.spawn(name, work)  # type: ignore[arg-type]  # as above
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _bring(self, given: Input) -> None:
        if self._engine.suspended:
            self._inbox.add(given)
        else:
            self._engine.process(given)

    async def _submit(self, effect: SendOrder) -> None:
        request = effect.order.request
        client_order_id = request.client_order_id
        if 0 < request.deadline_ns <= self._clock.wall_ns():
            answer = Answer(Outcome.NOT_SENT, reason="its deadline passed before it was sent")
        else:
            answer = await self._guarded_submit(effect)
        self._sending.pop(client_order_id, None)
        self._bring(SubmitAnswered(client_order_id, effect.attempt, answer))

    async def _guarded_submit(self, effect: SendOrder) -> Answer:
        try:
            async with self._clock.timeout_ns(self._request_timeout_ns):
                return await self._client.submit(effect.order.request)
        except TimeoutError:
            return Answer(Outcome.UNKNOWN, reason="no answer within the request timeout")
        except Exception as error:  # isolation point: whatever a client raises, the outcome is unknown
            return Answer(Outcome.UNKNOWN, reason=f"the client raised {type(error).__name__}")

    async def _cancel(self, effect: SendCancel) -> None:
        try:
            async with self._clock.timeout_ns(self._request_timeout_ns):
                answer = await self._client.cancel(
                    effect.client_order_id, effect.venue_order_id, effect.symbol
                )
        except TimeoutError:
            answer = Answer(Outcome.UNKNOWN, reason="no answer within the request timeout")
        except Exception as error:  # isolation point: a cancel is asked again until evidence comes
            answer = Answer(Outcome.UNKNOWN, reason=f"the client raised {type(error).__name__}")
        self._bring(CancelAnswered(effect.client_order_id, answer))

    async def _look_up(self, effect: LookUpOrder) -> None:
        client_order_id = effect.client_order_id
        asked_ns = self._clock.wall_ns()
        given: Input
        try:
            async with self._clock.timeout_ns(self._request_timeout_ns):
                result = await self._client.look_up(client_order_id, effect.symbol)
            given = LookedUp(client_order_id, result, asked_ns)
        except TimeoutError:
            given = LookUpFailed(client_order_id, "no answer within the request timeout")
        except Exception as error:  # isolation point: a look-up that failed proves nothing
            given = LookUpFailed(client_order_id, f"the client raised {type(error).__name__}")
        self._looking.pop(client_order_id, None)
        self._bring(given)
