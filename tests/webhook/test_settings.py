"""What is wrong with an endpoint is said before anything starts, and its secrets are shown nowhere."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
from pathlib import Path
from typing import Any

import attrs
import pytest

from fairlead.errors import ConfigurationRefused
from fairlead.hookspecs import PluginContext
from fairlead.kernel.system_clock import SystemClock
from fairlead.kernel.system_ids import SystemIds
from fairlead.plugins.manager import PluginManager
from fairlead.ports.notices import DeliverySettings, DeliveryVerdict
from fairlead.ports.settings import Secret
from fairlead_webhook import WebhookPlugin, WebhookSettings
from fairlead_webhook import plugin as module
from fairlead_webhook.notifier import WebhookNotifier
from fairlead_webhook.payload import schema
from fairlead_webhook.selection import wanted
from fairlead_webhook.settings import ScheduleSettings
from tests.webhook.deliveries import attempt, endpoint_of, local_endpoint, notice_of, secret_text
from tests.webhook.receiver import answer, raw, receiver

CANARY = "canary-token-7f3a91"
SECRET = secret_text("canary")


def context_of(table: dict[str, Any], folder: Path = Path()) -> PluginContext:
    """Return what a kernel gives to the plugin."""
    return PluginContext(
        "main", SystemClock(), SystemIds(), table, logging.getLogger("fairlead.webhook"), folder
    )


def endpoints(**endpoint: Any) -> PluginContext:  # noqa: ANN401 - configuration of every type
    """Return the context of a configuration with one endpoint."""
    whole = {"url": "https://hooks.example.com/x", "secrets": [{"$env": "HOOK_SECRET"}], **endpoint}
    return context_of({"endpoints": {"phone": whole}})


@pytest.fixture(autouse=True)
def _secret_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setenv("HOOK_URL", f"https://hooks.example.com/{CANARY}?key={CANARY}")


def test_each_endpoint_is_a_notifier_of_its_own_name() -> None:
    """A table becomes a notifier; a URL may be text or a secret."""
    table = {
        name: {"url": url, "secrets": [{"$env": "HOOK_SECRET"}]}
        for name, url in {"phone": {"$env": "HOOK_URL"}, "desk": "https://desk.example.com/hook"}.items()
    }
    found = module.fairlead_notifiers(context_of({"endpoints": table}))
    assert [each.name for each in found] == ["webhook.phone", "webhook.desk"]
    assert found[0].delivery == DeliverySettings()


def test_the_manager_takes_what_the_plugin_provides() -> None:
    """The notifiers fit their port, from the module and from the object alike."""
    settings = WebhookSettings({"phone": endpoint_of()})
    manager = PluginManager()
    manager.add(WebhookPlugin(settings))
    assert [each.name for each in manager.notifiers(context_of({}))] == ["webhook.phone"]
    with pytest.raises(ConfigurationRefused, match="settings as an object"):
        WebhookPlugin(settings).fairlead_notifiers(endpoints())


def test_without_an_endpoint_the_plugin_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """An empty table is no mistake, but worth a word."""
    assert list(module.fairlead_notifiers(context_of({}))) == []
    assert "names no endpoint" in caplog.text


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("ftp://example.com/x", "is no https URL"),
        ("file:///etc/passwd", "is no https URL"),
        ("gopher://example.com/", "is no https URL"),
        ("unix:///run/hook.sock", "is no https URL"),
        ("http+unix://%2Frun%2Fhook.sock/x", "is no https URL"),
        ("http://example.com/x", "is no https URL"),
        ("example.com/x", "is no https URL"),
        ("https://user:pass@example.com/x", "holds a user or password"),
        ("https://user@example.com/x", "holds a user or password"),
        ("https://@example.com/x", "holds a user or password"),
        ("https:///x", "names no host"),
        ("https://example.com:0/x", "has port 0"),
        ("https://example.com:99999/x", "is not a URL"),
        ("https://example.com:8080/x", "has port 8080, which is not allowed. Add it: ports = [8080]"),
        ("https://example.com/x#part", "holds a fragment"),
        ("https://exämple.com/x", "not printable ASCII"),
        ("https://example.com/a b", "not printable ASCII"),
        ("https://example.com/\r\nHost: x", "not printable ASCII"),
        ("https://ex_ample.com/x", "a host that is no name"),
        ("https://-x.example.com/x", "a host that is no name"),
        ("https://example.com./x", "a host that is no name"),
        ("https://[::1/x", "is not a URL"),
        ("https://[fe80::1%25eth0]/x", "a host that is no name"),
        ("https://" + "x" * 2_100, "longer than 2048"),
        ("https://127.0.0.1/x", "leads to this machine"),
        ("https://169.254.169.254/x", "leads to link-local"),
    ],
)
def test_a_url_that_could_not_be_meant_is_refused(url: str, complaint: str) -> None:
    """Before anything starts, with path and fix; the URL itself is not shown, it may hold a token."""
    with pytest.raises(ConfigurationRefused) as refusal:
        module.fairlead_notifiers(endpoints(url=url))
    assert "plugins.webhook.endpoints.phone.url: " in str(refusal.value)
    assert complaint in str(refusal.value)
    assert "pass@" not in str(refusal.value)


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("secrets", [SECRET], "a secret is never written here"),
        ("secrets", [{"$env": "NOT_SET"}], "'NOT_SET' is not set"),
        ("includ", ["order_*"], "did you mean include"),
        ("include", ["Order Filled"], "holds what is no kind"),
        ("symbols", ["btcusdt"], "symbols"),
        ("owners", [""], "owners"),
        ("ports", [0], "no whole number from 1 to 65535"),
        ("allow_networks", ["10.0.0.1/8"], "holds what is no network"),
        ("allow_private", "yes", "must be true or false"),
        ("schedule", {"attempt_timeout_ms": -1}, "schedule.attempt_timeout_ms: is no whole number from 10"),
        ("schedule", {"retry_pauses_ms": [5, 0]}, "schedule.retry_pauses_ms: is no whole number from 1"),
        ("body_bytes_max", 10, "no whole number from 2000"),
        ("ca_file", "nowhere.pem", "no readable file of certificates"),
    ],
)
def test_every_other_setting_is_checked(key: str, value: object, complaint: str) -> None:
    """Unknown keys, wrong types, figures out of bounds: refused with the path of the endpoint."""
    with pytest.raises(ConfigurationRefused) as refusal:
        module.fairlead_notifiers(endpoints(**{key: value}))
    assert "plugins.webhook.endpoints" in str(refusal.value)
    assert complaint in str(refusal.value)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize("name", ["a..b", "ä", "", "x" * 60, "a b"])
def test_a_name_that_nothing_can_be_kept_under_is_refused(name: str) -> None:
    """An endpoint's name becomes part of its notifier's."""
    with pytest.raises(ConfigurationRefused):
        module.fairlead_notifiers(context_of({"endpoints": {name: {}}}))


def test_the_schedule_is_the_kernels() -> None:
    """Every figure of the port can be set, has its default, and reaches the kernel."""
    names = {field.name for field in attrs.fields(DeliverySettings)}
    assert names == {field.name for field in attrs.fields(ScheduleSettings)}
    assert ScheduleSettings().delivery() == DeliverySettings()
    assert ScheduleSettings(expires_after_ms=9, retry_pauses_ms=(7,)).delivery() == DeliverySettings(
        expires_after_ms=9, retry_pauses_ms=(7,)
    )


@pytest.mark.parametrize(
    ("filters", "kind", "data", "expected"),
    [
        ({}, "anything", {}, True),
        ({"include": ("order_*",)}, "order_filled", {}, True),
        ({"include": ("order_*",)}, "position_opened", {}, False),
        ({"include": ("order_*",), "exclude": ("order_denied",)}, "order_denied", {}, False),
        ({"owners": ("bot",)}, "order_filled", {"owner": "bot"}, True),
        ({"owners": ("bot",)}, "order_filled", {"owner": "other"}, False),
        ({"owners": ("bot",)}, "trading_state_changed", {}, True),
        ({"symbols": ("BTC/USDT",)}, "order_filled", {"symbol": "ETH/USDT"}, False),
        ({"symbols": ("BTC/USDT",)}, "order_filled", {"symbol": "BTC/USDT"}, True),
        ({"symbols": ("BTC/USDT",)}, "order_filled", {"order": {"symbol": "BTC/USDT"}}, True),
        ({"symbols": ("BTC/USDT",)}, "order_filled", {"order": {"symbol": "ETH/USDT"}}, False),
        ({"owners": ("bot",)}, "order_filled", {"order": {"owner": "other"}}, False),
        ({"symbols": ("BTC/USDT",)}, "position_opened", {"position": {"symbol": "ETH/USDT"}}, False),
    ],
)
def test_an_endpoint_gets_what_it_asked_for(
    filters: dict[str, Any], kind: str, data: dict[str, object], *, expected: bool
) -> None:
    """Kinds, owners and symbols choose; what is about nobody in particular concerns everybody."""
    assert wanted(endpoint_of(**filters), notice_of(kind, data=data)) is expected


def test_no_secret_is_shown_anywhere(caplog: pytest.LogCaptureFixture) -> None:
    """Token and signing secret are in no repr, error, log line, detail or pickle, though told back.

    Nor are they in the HTTP engine's own lines for debugging, which show the headers of an answer.
    """
    caplog.set_level(logging.DEBUG)

    async def scenario() -> list[str]:
        echo = f"no route /{CANARY}?key={CANARY} {SECRET} {SECRET[6:]} v1,c2lnbmF0dXJlIG9mIG91cnM=".encode()
        shown: list[str] = []
        for behave in (answer("404 No", echo), raw(echo), answer("302 No", Location=f"/{CANARY}")):
            async with receiver(behave) as seen:
                settings = local_endpoint(
                    seen.port, path=f"/{CANARY}?key={CANARY}", secrets=(Secret(SECRET),)
                )
                shown += [str(settings), repr(settings.target()), repr(attrs.asdict(settings))]
                notifier = WebhookNotifier("x", settings, SystemClock())
                outcome = await notifier.deliver(notice_of(), 1)
                shown += [repr(outcome), repr(notifier), repr(notifier.__dict__)]
                await notifier.close()
                for value in (settings, notifier, settings.target()):
                    with pytest.raises(TypeError):
                        pickle.dumps(value)
        return shown

    texts = [*asyncio.run(scenario()), caplog.text]
    for canary in (CANARY, SECRET, SECRET[6:], "c2lnbmF0dXJlIG9mIG91cnM="):
        assert not [text for text in texts if canary in text]


def test_the_text_of_an_error_is_not_told() -> None:
    """An error may hold anything; its class and code are enough."""

    async def broken(host: str, port: int) -> list[str]:
        raise OSError(5, f"cannot resolve {CANARY} {host} {port}")

    outcome = asyncio.run(attempt(endpoint_of(), resolve=broken))
    assert outcome.verdict is DeliveryVerdict.AGAIN
    assert outcome.detail == "OSError EIO"


def test_the_schema_is_shipped() -> None:
    """A receiver finds it in the package, under the name that every body gives."""
    assert schema()["$id"] == "urn:fairlead:webhook:1"
    assert json.dumps(schema())
