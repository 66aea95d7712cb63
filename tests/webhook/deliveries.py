"""Notices, endpoints and attempts as the kernel makes them, for the tests of the webhook plugin."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.clock import Clock
from fairlead.ports.notices import DeliveryOutcome, Notice
from fairlead.ports.settings import Secret
from fairlead_webhook.network import Resolve
from fairlead_webhook.notifier import WebhookNotifier
from fairlead_webhook.settings import EndpointSettings, ScheduleSettings

NOW_NS = 1_767_225_600_123_456_789


def secret_text(seed: str = "first", length: int = 32) -> str:
    """Return a signing secret of so many bytes."""
    stretched = hashlib.sha256(seed.encode()).digest() * 3
    return "whsec_" + base64.b64encode(stretched[:length]).decode()


def notice_of(kind: str = "order_filled", **changes: Any) -> Notice:  # noqa: ANN401 - fields of every type
    """Return a notice about an order."""
    data: Mapping[str, object] = {"owner": "bot", "symbol": "BTC/USDT", "quantity": "0.5", "fills": 3}
    fields: dict[str, Any] = {
        "event_id": "main-17-0",
        "kind": kind,
        "version": 1,
        "account": "main",
        "subject": "order-1",
        "sequence": 17,
        "ts_ns": NOW_NS,
        "data": data,
        **changes,
    }
    return Notice(**fields)


def endpoint_of(url: str = "https://hooks.example.com/x", **changes: Any) -> EndpointSettings:  # noqa: ANN401 - same
    """Return an endpoint with one secret."""
    fields: dict[str, Any] = {"url": Secret(url), "secrets": (Secret(secret_text()),), **changes}
    return EndpointSettings(**fields)


def local_endpoint(port: int, *, path: str = "/hook", tls: bool = False, **changes: Any) -> EndpointSettings:  # noqa: ANN401 - same
    """Return an endpoint on this machine, whose attempts do not take long."""
    scheme = "https" if tls else "http"
    fields: dict[str, Any] = {
        "allow_private": True,
        "ports": (port,),
        "schedule": ScheduleSettings(attempt_timeout_ms=2_000),
        **changes,
    }
    return endpoint_of(f"{scheme}://localhost:{port}{path}", **fields)


def answering(*addresses: str) -> Resolve:
    """Return a resolver that gives these addresses for every name."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        del host, port
        return addresses

    return resolve


async def attempt(
    settings: EndpointSettings,
    notice: Notice | None = None,
    *,
    clock: Clock | None = None,
    resolve: Resolve | None = None,
) -> DeliveryOutcome:
    """Return what became of one attempt over a notifier of its own."""
    notifier = WebhookNotifier("test", settings, clock or SystemClock(), resolve=resolve)
    try:
        return await notifier.deliver(notice or notice_of(), 1)
    finally:
        await notifier.close()
