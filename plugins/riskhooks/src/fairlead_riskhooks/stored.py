"""How a check's value is kept: JSON text, with numbers as text, so that a person can read it too."""

from __future__ import annotations

from typing import TypeVar

import msgspec

S = TypeVar("S", bound=msgspec.Struct)

_encoder = msgspec.json.Encoder(decimal_format="string")


def load(value: str, kind: type[S]) -> S:
    """Return what was kept; an empty one before any fact.

    Raises `msgspec.MsgspecError` for text that is none of ours: the kernel then denies.
    """
    return msgspec.json.decode(value, type=kind) if value else kind()


def dump(kept: msgspec.Struct) -> str:
    """Return the text to keep, the same for the same content."""
    return _encoder.encode(kept).decode()
