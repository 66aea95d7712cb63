"""What can be set about webhooks: endpoints, each with its URL, secrets, filter, schedule and limits."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import attrs

from fairlead.errors import SettingRefused
from fairlead.hookspecs import PluginContext
from fairlead.ports.names import to_name, to_symbol
from fairlead.ports.notices import DeliverySettings
from fairlead.ports.settings import Secret, structure_settings
from fairlead_webhook.guard import Network, blocked
from fairlead_webhook.signing import SECRETS_MAX, check_secret
from fairlead_webhook.target import PORT_MAX, Target, to_target

PATH = "plugins.webhook"
_ENDPOINTS = "endpoints"
_DEFAULTS = DeliverySettings()

_PATTERN = re.compile(r"[a-z0-9_*?]{1,64}", re.ASCII)
_YEAR_MS = 31_536_000_000  # fixed: far beyond any sensible pause; catches a unit that was mistaken


def whole(minimum: int, maximum: int) -> Any:  # noqa: ANN401 - a validator of attrs
    """Return a validator that takes whole numbers from *minimum* to *maximum*, or nothing where allowed."""

    def check(_: object, field: attrs.Attribute[Any], value: object) -> None:
        for each in value if isinstance(value, tuple) else (value,):
            if each is None and field.default is None:
                continue
            if type(each) is not int or not minimum <= each <= maximum:
                raise SettingRefused(
                    field.name,
                    f"is no whole number from {minimum} to {maximum}",
                    fix="Write one, or leave it out.",
                )

    return check


@attrs.frozen(kw_only=True)
class ScheduleSettings:
    """How often and how long a notice is tried; the pauses are those of Standard Webhooks by default."""

    retry_pauses_ms: tuple[int, ...] = attrs.field(
        default=_DEFAULTS.retry_pauses_ms,
        validator=whole(1, _YEAR_MS),
        metadata={
            "doc": "pauses after the first, second, ... failed attempt: 5 s, 5 min, 30 min, then 2, 5, 10,"
            " 14, 20 and 24 h; then a notice is a dead letter"
        },
    )
    attempt_timeout_ms: int = attrs.field(
        default=_DEFAULTS.attempt_timeout_ms,
        validator=whole(10, 300_000),
        metadata={"doc": "how long one attempt may take, from looking up the name to the end of the answer"},
    )
    retry_after_max_ms: int = attrs.field(
        default=_DEFAULTS.retry_after_max_ms,
        validator=whole(0, _YEAR_MS),
        metadata={"doc": "the longest pause that a receiver may ask for with Retry-After"},
    )
    subjects_at_once: int = attrs.field(
        default=_DEFAULTS.subjects_at_once,
        validator=whole(1, 100),
        metadata={"doc": "how many subjects are told of side by side, and so how many connections there are"},
    )
    circuit_failures: int = attrs.field(
        default=_DEFAULTS.circuit_failures,
        validator=whole(1, 10_000),
        metadata={"doc": "so many failures in a row, and nothing is tried for a while"},
    )
    circuit_pause_ms: int = attrs.field(
        default=_DEFAULTS.circuit_pause_ms,
        validator=whole(1, _YEAR_MS),
        metadata={"doc": "how long that is; then one notice is tried"},
    )
    expires_after_ms: int | None = attrs.field(
        default=None,
        validator=whole(1, _YEAR_MS),
        metadata={"doc": "a notice older than this becomes a dead letter; none does by default"},
    )
    disable_after_ms: int = attrs.field(
        default=_DEFAULTS.disable_after_ms,
        validator=whole(1, _YEAR_MS),
        metadata={"doc": "an endpoint that has only failed for so long is disabled"},
    )

    def delivery(self) -> DeliverySettings:
        """Return the same, as the kernel takes it."""
        return DeliverySettings(**attrs.asdict(self))


def _url(value: str | Secret) -> Secret:
    return Secret(value) if isinstance(value, str) else value


def _texts(_: object, field: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    take = {"symbols": to_symbol}.get(field.name, to_name)
    for text in value:
        take(text, field.name)


def _patterns(_: object, field: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    for text in value:
        if not isinstance(text, str) or not _PATTERN.fullmatch(text):
            raise SettingRefused(
                field.name,
                "holds what is no kind of notice",
                fix='Write small letters, underscores, * and ?, such as "order_*".',
            )


def _secrets(_: object, field: attrs.Attribute[Any], value: tuple[Secret, ...]) -> None:
    if not 1 <= len(value) <= SECRETS_MAX:
        raise SettingRefused(
            field.name,
            f"holds {len(value)} secrets, not 1 to {SECRETS_MAX}",
            fix="Give the one that the receiver checks, and its successor during a rotation.",
        )
    for secret in value:
        check_secret(secret, field.name)


def _networks(_: object, field: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    for text in value:
        try:
            ip_network(text)
        except ValueError:
            raise SettingRefused(
                field.name, "holds what is no network", fix='Write networks such as "10.1.2.0/24".'
            ) from None


@attrs.frozen(kw_only=True)
class EndpointSettings:
    """One receiver. The URL may hold a token, so all of it is treated as a secret."""

    url: Secret = attrs.field(
        converter=_url,
        metadata={
            "example": '{ "$env" = "HOOK_URL" }',
            "doc": "where to send, https; as text, or as a secret when it holds a token",
        },
    )
    secrets: tuple[Secret, ...] = attrs.field(
        validator=_secrets,
        metadata={
            "example": '[{ "$env" = "HOOK_SECRET" }]',
            "doc": "signing secrets (`whsec_...`); every one signs, so that one can follow another",
        },
    )
    include: tuple[str, ...] = attrs.field(
        default=("*",),
        validator=_patterns,
        metadata={"doc": "patterns of the kinds of notice that are sent; every kind by default"},
    )
    exclude: tuple[str, ...] = attrs.field(
        default=(), validator=_patterns, metadata={"doc": "patterns of kinds that are not sent all the same"}
    )
    owners: tuple[str, ...] = attrs.field(
        default=(),
        validator=_texts,
        metadata={"doc": "only what is about these owners, or about none; every owner when empty"},
    )
    symbols: tuple[str, ...] = attrs.field(
        default=(),
        validator=_texts,
        metadata={"doc": "only what is about these symbols, or about none; every symbol when empty"},
    )
    allow_private: bool = attrs.field(
        default=False,
        validator=attrs.validators.instance_of(bool),
        metadata={
            "doc": "whether this machine and private networks may be reached, and there without TLS as well"
        },
    )
    allow_networks: tuple[str, ...] = attrs.field(
        default=(),
        validator=_networks,
        metadata={"doc": "networks that may be reached although they are blocked by default"},
    )
    ports: tuple[int, ...] = attrs.field(
        default=(443, 8443),
        validator=whole(1, PORT_MAX),
        metadata={"doc": "ports that the URL may name; 443 and 8443 by default"},
    )
    ca_file: Path | None = attrs.field(
        default=None,
        metadata={"doc": "certificates of authorities to trust beside the system's"},
    )
    schedule: ScheduleSettings = attrs.field(
        factory=ScheduleSettings, metadata={"doc": "how often and how long a notice is tried"}
    )
    connect_timeout_ms: int = attrs.field(
        default=5_000,
        validator=whole(1, 300_000),
        metadata={"doc": "how long one address may take to connect before the next one is tried"},
    )
    addresses_max: int = attrs.field(
        default=32,
        validator=whole(1, 1_000),
        metadata={"doc": "a name with more addresses is blocked"},
    )
    body_bytes_max: int = attrs.field(
        default=20_000,
        validator=whole(2_000, 1_000_000),
        metadata={"doc": "the longest body; longer texts and lists of a notice are cut to fit"},
    )
    answer_bytes_max: int = attrs.field(
        default=65_536,
        validator=whole(0, 10_000_000),
        metadata={"doc": "how much of an answer's body is read; nothing depends on it"},
    )

    def __attrs_post_init__(self) -> None:
        """Refuse a URL that could not be meant."""
        target = self.target()
        if target.scheme == "http" and not self.allow_private:
            raise SettingRefused(
                "url",
                "is no https URL",
                fix="Use https; http is for private networks alone, with allow_private = true.",
            )
        if target.port not in self.ports:
            raise SettingRefused(
                "url",
                f"has port {target.port}, which is not allowed",
                fix=f"Add it: ports = [{target.port}].",
            )
        address = target.address
        if address is not None and (why := blocked(address, **self.rule())):
            raise SettingRefused(
                "url",
                f"leads to {why}",
                fix="Name a public address, or allow this one with allow_private or allow_networks.",
            )

    def target(self) -> Target:
        """Return the URL, taken apart."""
        return to_target(self.url)

    def rule(self) -> dict[str, Any]:
        """Return what the guard of addresses is to let through beside the public ones."""
        return {"allow_private": self.allow_private, "allow_networks": self.networks()}

    def networks(self) -> tuple[Network, ...]:
        """Return the networks that are allowed."""
        return tuple(map(ip_network, self.allow_networks))


def _endpoint_names(_: object, field: attrs.Attribute[Any], value: Mapping[str, EndpointSettings]) -> None:
    for name in value:
        to_name(notifier_name(name), f"{field.name}.{name[:20]!a}")


@attrs.frozen
class WebhookSettings:
    """The endpoints by name; each is a notifier `webhook.NAME`."""

    endpoints: Mapping[str, EndpointSettings] = attrs.field(
        factory=dict,
        validator=_endpoint_names,
        metadata={"doc": "the receivers; what is owed to one is kept under its name"},
    )

    @classmethod
    def structured(cls, context: PluginContext) -> WebhookSettings:
        """Return the settings from the plugin's own configuration table, or raise `ConfigurationRefused`."""
        settings = structure_settings(cls, _veiled(context.configuration), PATH)
        return cls({name: _placed(each, context) for name, each in settings.endpoints.items()})


def notifier_name(endpoint: str) -> str:
    """Return the name of an endpoint's notifier."""
    return f"webhook.{endpoint}"


def _veiled(table: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the table with URLs that were written as text made secrets, so that nothing shows them."""
    endpoints = table.get(_ENDPOINTS)
    if not isinstance(endpoints, Mapping):
        return table
    veiled = {
        name: {**each, "url": Secret(each["url"])}
        if isinstance(each, Mapping) and isinstance(each.get("url"), str)
        else each
        for name, each in endpoints.items()
    }
    return {**table, _ENDPOINTS: veiled}


def _placed(endpoint: EndpointSettings, context: PluginContext) -> EndpointSettings:
    """Return the endpoint with its file of certificates taken from the configuration's folder."""
    if endpoint.ca_file is None:
        return endpoint
    path = context.path(endpoint.ca_file)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError):
        raise SettingRefused(
            f"{PATH}.{_ENDPOINTS}.ca_file",
            f"{str(path)!a} is no readable file of certificates",
            fix="Name a file with certificates in PEM form.",
        ) from None
    return attrs.evolve(endpoint, ca_file=path)
