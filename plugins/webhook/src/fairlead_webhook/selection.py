"""Which notices an endpoint is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from fairlead.ports.notices import Notice
from fairlead_webhook.settings import EndpointSettings


def wanted(settings: EndpointSettings, notice: Notice) -> bool:
    """Tell whether kind, owner and symbol are among those asked for.

    A notice that is about no owner or no symbol (trading is halted) concerns every endpoint.
    """
    return (
        _matches(notice.kind, settings.include)
        and not _matches(notice.kind, settings.exclude)
        and _is_among(notice.data, "owner", settings.owners)
        and _is_among(notice.data, "symbol", settings.symbols)
    )


def _matches(kind: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(kind, pattern) for pattern in patterns)


def _is_among(data: Mapping[str, object], key: str, asked: tuple[str, ...]) -> bool:
    """Tell whether what the notice says of itself, its order or its position is asked for."""
    if not asked:
        return True
    parts = (data, *(data.get(name) for name in _PARTS))
    told = (part.get(key) for part in parts if isinstance(part, Mapping))
    value = next((each for each in told if each is not None), None)
    return value is None or value in asked


# fixed: where a notice says whose it is, beside its own fields
_PARTS = ("order", "position")
