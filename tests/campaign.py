"""Sizes of long campaigns: set by the environment, so that a night can be spent on them without an edit."""

from __future__ import annotations

import os


def campaign_size(name: str, default: int) -> int:
    """Return `FAIRLEAD_CAMPAIGN_<name>`, or the default; `ValueError` unless a positive whole number."""
    variable = f"FAIRLEAD_CAMPAIGN_{name}"
    text = os.environ.get(variable, str(default))
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        message = f"{variable} must be a positive whole number, not {text!r}"
        raise ValueError(message)
    return int(text)
