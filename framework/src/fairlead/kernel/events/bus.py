"""The event bus: typed callbacks and streams that cannot hurt trading.

A callback that raises is logged and, after some failures in a row, muted. A stream has a bounded
queue; a slow reader is told how much it missed and from where to catch up.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from inspect import iscoroutinefunction
from typing import TypeVar

import attrs

from fairlead.domain.events import Event, EventsMissed
from fairlead.errors import InvalidInput

_E = TypeVar("_E", bound=Event)


@attrs.define(slots=True, eq=False)
class Subscription:
    """A callback on the bus; `cancel` takes it off."""

    callback: Callable[[Event], None]
    kinds: tuple[type[Event], ...]
    failures: int = 0
    muted: bool = False
    canceled: bool = False
    on_cancel: Callable[[Subscription], None] = attrs.field(default=lambda _subscription: None, repr=False)

    def cancel(self) -> None:
        """Receive nothing more; harmless when it was canceled already."""
        self.canceled = True
        self.on_cancel(self)


class EventStream:
    """An endless reader of events with a bounded queue."""

    def __init__(
        self, kinds: tuple[type[Event], ...], queue_max: int, on_close: Callable[[EventStream], None]
    ) -> None:
        self.kinds = kinds
        self._queue: deque[Event] = deque()
        self._queue_max = queue_max
        self._on_close = on_close
        self._wake = asyncio.Event()
        self._missed = 0
        self._last_read = 0
        self._closed = False

    def offer(self, event: Event) -> None:
        """Queue an event; drops the oldest when the reader is too slow."""
        if len(self._queue) >= self._queue_max:
            self._queue.popleft()
            self._missed += 1
        self._queue.append(event)
        self._wake.set()

    @property
    def queued(self) -> int:
        """Return how many events wait to be read."""
        return len(self._queue)

    def discard(self) -> None:
        """End the stream, and forget what is queued."""
        self._queue.clear()
        self.close()

    def close(self) -> None:
        """End the stream; what is queued can still be read."""
        self._closed = True
        self._wake.set()
        self._on_close(self)

    def __aiter__(self) -> AsyncIterator[Event | EventsMissed]:
        return self

    async def __anext__(self) -> Event | EventsMissed:
        while not self._queue:
            if self._closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        if self._missed:
            missed = EventsMissed(self._missed, self._last_read)
            self._missed = 0
            return missed
        event = self._queue.popleft()
        self._last_read = event.sequence
        return event


class EventBus:
    """Hands durable events to callbacks and streams."""

    def __init__(
        self,
        logger: logging.Logger,
        queue_max: int,
        on_interest: Callable[[], None],
        *,
        failures_max: int,
    ) -> None:
        self._logger = logger
        self._queue_max = queue_max
        self.failures_max = failures_max
        self._on_interest = on_interest
        self._subscriptions: list[Subscription] = []
        self._streams: list[EventStream] = []

    def subscribe(self, callback: Callable[[_E], None], *kinds: type[_E]) -> Subscription:
        """Call back for every event of these kinds, of all kinds when none is named."""
        if iscoroutinefunction(callback):
            raise InvalidInput(
                "callback", "is asynchronous and would never be awaited", fix="Use stream() for that."
            )
        subscription = Subscription(callback, kinds, on_cancel=self._drop)  # type: ignore[arg-type]  # kinds guard the callback
        self._subscriptions.append(subscription)
        self._on_interest()
        return subscription

    def stream(self, *kinds: type[Event]) -> EventStream:
        """Return a stream of events of these kinds, of all kinds when none is named."""
        stream = EventStream(kinds, self._queue_max, self._forget)
        self._streams.append(stream)
        self._on_interest()
        return stream

    def publish(self, event: Event) -> None:
        """Hand one durable event to everyone who wants it."""
        for stream in self._streams:
            if not stream.kinds or isinstance(event, stream.kinds):
                stream.offer(event)
        for subscription in tuple(self._subscriptions):
            if not subscription.kinds or isinstance(event, subscription.kinds):
                self._call(subscription, event)

    def close(self) -> None:
        """End every stream."""
        for stream in list(self._streams):
            stream.close()

    def _forget(self, stream: EventStream) -> None:
        if stream in self._streams:
            self._streams.remove(stream)

    def _drop(self, subscription: Subscription) -> None:
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)

    def _call(self, subscription: Subscription, event: Event) -> None:
        if subscription.muted or subscription.canceled:
            return
        try:
            subscription.callback(event)
        except (Exception, asyncio.CancelledError) as error:  # isolation point: it costs nothing but itself
            subscription.failures += 1
            subscription.muted = subscription.failures >= self.failures_max
            fate = "muted" if subscription.muted else "kept"
            self._logger.error(
                "An event callback failed and was %s: %s on event %d",
                fate,
                type(error).__name__,
                event.sequence,
            )
        else:
            subscription.failures = 0
