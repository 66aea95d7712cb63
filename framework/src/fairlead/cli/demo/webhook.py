"""Telling somebody of the demo while it runs: real webhooks, sent in real time, about a tape's trades.

The plugin gets the machine's clock, because whoever verifies a signature compares its time with his own. The
tape stands still while a notice is on its way, as it does while an order is.
"""

from __future__ import annotations

import asyncio
import logging
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from fairlead.cli.demo.settings import ACCOUNT
from fairlead.errors import InvalidInput
from fairlead.hookspecs import PluginContext, hookimpl
from fairlead.kernel.system_clock import SystemClock
from fairlead.kernel.system_ids import SystemIds
from fairlead.plugins.manager import PluginManager
from fairlead.ports.notices import DeliveryOutcome, DeliverySettings, DeliveryVerdict, Notice, Notifier

PLUGIN = "webhook"
URL_VARIABLE = "FAIRLEAD_DEMO_WEBHOOK_URL"
SECRET_VARIABLE = "FAIRLEAD_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable, not a secret
KINDS = (
    "kernel_started",
    "order_initialized",
    "order_event",
    "order_filled",
    "position_*",
    "lock_placed",
    "anomaly",
)
"""What is told: enough to follow the bot, and not each of the kernel's own steps."""

# fixed: a demo does not wait long for a receiver that is gone
ATTEMPT_TIMEOUT_MS = 3_000
QUIET_NS = 500_000_000
"""When nothing was on its way for so long after the tape, all that can be told was told."""

# fixed: 32 bytes, within what Standard Webhooks asks for
_SECRET_DIGITS = 64
_NAP_NS = 20_000_000
_DEFAULT_PORTS = {"http": 80, "https": 443}


def port_of(url: str) -> int:
    """Return the port of a URL; raises `InvalidInput` when it has none that could be meant."""
    try:
        parts = urlsplit(url)
        return parts.port or _DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise InvalidInput(
            "--webhook", "is no URL of http or https", fix="Write one such as http://127.0.0.1:8008/hook."
        ) from None


def drawn_secret() -> str:
    """Return a signing secret for one run."""
    drawn = bytes.fromhex(SystemIds().unique_hex(_SECRET_DIGITS))
    return f"whsec_{b64encode(drawn).decode('ascii')}"


def webhook_table(port: int) -> dict[str, Any]:
    """Return the plugin's table; URL and secret come from the environment, as no argument shows them."""
    return {
        "endpoints": {
            "demo": {
                "url": {"$env": URL_VARIABLE},
                "secrets": [{"$env": SECRET_VARIABLE}],
                "include": list(KINDS),
                "allow_private": True,
                "ports": [port],
                "schedule": {"attempt_timeout_ms": ATTEMPT_TIMEOUT_MS},
            }
        }
    }


class WatchedNotifier:
    """A notifier like the one it wraps, of which is known whether a delivery is under way."""

    def __init__(self, inner: Notifier, told: Callable[[DeliveryVerdict], None]) -> None:
        self._inner = inner
        self._told = told
        self._clock = SystemClock()
        self._under_way = 0
        self._last_ns = self._clock.monotonic_ns()

    @property
    def name(self) -> str:
        """Return the inner one's name."""
        return self._inner.name

    @property
    def delivery(self) -> DeliverySettings:
        """Return the inner one's settings."""
        return self._inner.delivery

    @property
    def is_busy(self) -> bool:
        """Tell whether a delivery is under way."""
        return self._under_way > 0

    def wants(self, notice: Notice) -> bool:
        """Ask the inner one."""
        return self._inner.wants(notice)

    async def deliver(self, notice: Notice, attempt: int) -> DeliveryOutcome:
        """Let the inner one deliver, and tell what came of it."""
        self._under_way += 1
        try:
            outcome = await self._inner.deliver(notice, attempt)
        finally:
            self._under_way -= 1
            self._last_ns = self._clock.monotonic_ns()
        self._told(outcome.verdict)
        return outcome

    async def close(self) -> None:
        """Close the inner one."""
        await self._inner.close()

    async def quiet(self) -> None:
        """Wait, in real time, until nothing has been under way for a while."""
        while self.is_busy or self._clock.monotonic_ns() - self._last_ns < QUIET_NS:
            await self._clock.sleep_ns(_NAP_NS)


class DemoNotifiers:
    """The plugin that brings the watched notifiers to the kernel; none without a table."""

    name = "demo_notifiers"

    def __init__(self, table: Mapping[str, Any] | None, told: Callable[[DeliveryVerdict], None]) -> None:
        self._watched = [WatchedNotifier(each, told) for each in _notifiers(table)] if table else []

    @hookimpl
    def fairlead_notifiers(self) -> Sequence[Notifier]:
        """Return them."""
        return self._watched

    @property
    def are_busy(self) -> bool:
        """Tell whether a delivery is under way."""
        return any(each.is_busy for each in self._watched)

    async def quiet(self) -> None:
        """Wait until all that can be told was told."""
        await asyncio.gather(*(each.quiet() for each in self._watched))


def _notifiers(table: Mapping[str, Any]) -> Sequence[Notifier]:
    manager = PluginManager(tables={PLUGIN: table})
    manager.load([PLUGIN])
    logger = logging.getLogger("fairlead.demo")
    return manager.notifiers(PluginContext(ACCOUNT, SystemClock(), SystemIds(), {}, logger))
