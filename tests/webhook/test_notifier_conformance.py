"""The webhook notifier keeps every rule of notifiers, towards a real receiver that refuses and hangs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest

from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.clock import Clock
from fairlead.ports.notices import Notifier
from fairlead.ports.settings import Secret
from fairlead.testing.conformance.notifier import NotifierConformance, NotifierWorld, Receiver
from fairlead_webhook.notifier import WebhookNotifier
from fairlead_webhook.settings import ScheduleSettings
from tests.webhook.deliveries import local_endpoint, secret_text

TOKEN = "token-of-the-receiver-51b7"  # noqa: S105 - nobody's


class Hook(ThreadingHTTPServer):
    """A receiver in a thread of its own, so that a rule may begin without awaiting it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.how = Receiver.ACCEPTS
        self.took: list[tuple[str, object]] = []
        self.released = Event()


class _Answering(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        """Take it, refuse it with its own words, or say nothing until the test is over."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.how is Receiver.HANGS:
            self.server.released.wait()
            return
        if self.server.how is Receiver.REFUSES:
            self.send_error(500, f"not for {TOKEN}")
            return
        self.server.took.append((json.loads(body)["id"], body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Stay quiet."""


class HookWorld:
    """The notifier of one endpoint, and its receiver."""

    def __init__(self, hook: Hook, clock: Clock) -> None:
        self._hook = hook
        hook.took.clear()
        self.notifier: Notifier = WebhookNotifier(
            "hook",
            local_endpoint(
                hook.server_address[1],
                path=f"/{TOKEN}",
                secrets=(Secret(secret_text()),),
                schedule=ScheduleSettings(attempt_timeout_ms=300),
            ),
            clock,
        )

    def behave(self, how: Receiver) -> None:
        """See `NotifierWorld.behave`."""
        self._hook.how = how

    def received(self) -> Sequence[tuple[str, object]]:
        """See `NotifierWorld.received`."""
        return tuple(self._hook.took)


class TestRules(NotifierConformance):
    """Every rule, on the machine's clock and over a socket."""

    secrets = (TOKEN, secret_text(), secret_text().removeprefix("whsec_"))
    hook: Hook

    @pytest.fixture(autouse=True)
    def listening(self) -> Iterator[None]:
        """Have a receiver for each rule."""
        with Hook() as self.hook:
            Thread(target=self.hook.serve_forever, daemon=True).start()
            yield
            self.hook.released.set()
            self.hook.shutdown()

    def make_clock(self) -> Clock:
        """See `NotifierConformance.make_clock`: sockets do not wait for virtual time."""
        return SystemClock()

    def run(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """See `NotifierConformance.run`."""
        asyncio.run(main())

    def make_world(self, clock: Clock) -> NotifierWorld:
        """See `NotifierConformance.make_world`."""
        return HookWorld(self.hook, clock)
