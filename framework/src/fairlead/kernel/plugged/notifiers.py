"""Looking at notifiers before a kernel takes them."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from fairlead.domain.identifiers import excerpt_of, to_name
from fairlead.errors import ConfigurationRefused, InvalidInput
from fairlead.ports.notices import DeliverySettings, Notifier

_MAY_BE_NOTHING = frozenset({"retry_after_max_ms", "circuit_pause_ms"})
_NOT_DONE = "The kernel was not made."


def checked_notifiers(notifiers: Sequence[Notifier]) -> tuple[Notifier, ...]:
    """Return the notifiers; refuse names that cannot be kept or are doubled, and odd settings."""
    names: set[str] = set()
    for notifier in notifiers:
        try:
            name = to_name(notifier.name, "a notifier's name")
        except InvalidInput as refusal:
            raise ConfigurationRefused(refusal.what, not_done=_NOT_DONE, fix=refusal.fix) from refusal
        if name in names:
            raise ConfigurationRefused(
                f"Two notifiers are called {name!r}.",
                not_done=_NOT_DONE,
                fix="Give each its own name: what it is owed is kept under it.",
            )
        names.add(name)
        if not isinstance(notifier.delivery, DeliverySettings):
            raise ConfigurationRefused(
                f"The notifier {name} tries by {excerpt_of(notifier.delivery)} instead of settings.",
                not_done=_NOT_DONE,
                fix="Return DeliverySettings from its property delivery.",
            )
        _check_figures(name, notifier.delivery)
    return tuple(notifiers)


def _check_figures(name: str, settings: DeliverySettings) -> None:
    """Refuse figures with which nothing would ever be told, or nothing ever given up."""
    for field in attrs.fields(DeliverySettings):
        value = getattr(settings, field.name)
        least = 0 if field.name in _MAY_BE_NOTHING else 1
        for each in value if isinstance(value, tuple) else (value,):
            if each is None and field.default is None:
                continue
            if type(each) is not int or each < least:
                raise ConfigurationRefused(
                    f"The notifier {name} has {field.name} = {excerpt_of(value)}.",
                    not_done=_NOT_DONE,
                    fix=f"Make it whole numbers, {least} or more.",
                )
