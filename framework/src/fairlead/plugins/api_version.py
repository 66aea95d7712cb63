"""Whether a plugin was written for an API that this Fairlead has."""

from __future__ import annotations

import re

from fairlead.hookspecs import API_VERSION

_SHAPE = re.compile(r"(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})", re.ASCII)


def parse(version: object) -> tuple[int, int] | None:
    """Return (major, minor) of text such as "1.2", or nothing for any other shape."""
    found = _SHAPE.fullmatch(version) if isinstance(version, str) else None
    return (int(found[1]), int(found[2])) if found else None


def complaint(required: object, *, mandatory: bool, available: str = API_VERSION) -> str:
    """Return why the declared ``requires_api`` cannot be served, or the empty string.

    A minor version adds and never takes away, so a plugin runs on its own minor version and every
    later one. An installed plugin must declare it; one that is given as an object may leave it out.
    """
    if required is None:
        advice = f'declare requires_api = "{available}" beside the hooks'
        return f"does not say which plugin API it needs; {advice}" if mandatory else ""
    wanted = parse(required)
    if wanted is None:
        return f'requires_api must be text such as "{available}", not {ascii(required)[:40]}'
    has = parse(available)
    if has is None:
        raise ValueError(available)
    if wanted[0] != has[0]:
        return f"was written for plugin API {wanted[0]}; this Fairlead has API {available}"
    if wanted[1] > has[1]:
        return f"needs plugin API {required}; this Fairlead has {available}, so upgrade fairlead"
    return ""
