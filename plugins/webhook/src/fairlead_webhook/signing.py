"""Standard Webhooks 1.0.0: the three headers that tell a receiver who sent a body, and when.

The library signs. What it does not look at is looked at here: how long a secret is, what an id is made of,
and that the time is UTC (it replaces a time zone instead of converting it).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from fairlead.errors import SettingRefused, TextRefused
from fairlead.ports.clock import NANOSECONDS_PER_SECOND
from fairlead.ports.settings import Secret

PREFIX = "whsec_"
# fixed: the bounds of the specification, in bytes
SECRET_BYTES_MIN = 24
SECRET_BYTES_MAX = 64
# fixed: several during a rotation; more are a mistake
SECRETS_MAX = 5

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)


def check_secret(secret: Secret, field: str) -> None:
    """Raise `SettingRefused`, which never shows the secret, unless it is one of the specification's shape."""
    if secret_bytes(secret) is None:
        raise SettingRefused(
            field,
            f"is not {PREFIX} and the base64 of {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} random bytes",
            fix="Make one with: fairlead webhook secret.",
        )


def secret_bytes(secret: Secret) -> bytes | None:
    """Return the bytes of a secret, or nothing when it is not of the specification's shape."""
    text = secret.reveal()
    if not text.startswith(PREFIX):
        return None
    try:
        found = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return found if SECRET_BYTES_MIN <= len(found) <= SECRET_BYTES_MAX else None


def check_id(event_id: str) -> None:
    """Raise `TextRefused` for an id that a receiver could take for another: a dot would move the border."""
    if not _ID.fullmatch(event_id):
        raise TextRefused("event_id", "not 1 to 128 ASCII letters, digits, dashes and underscores")


def signed_headers(
    secrets: Sequence[Secret], event_id: str, body: str, attempt_ns: int
) -> list[tuple[str, str]]:
    """Return the headers of one attempt at *attempt_ns* (UTC), signed with every secret.

    Raises `TextRefused` for an id with a shape that is not taken.
    """
    from standardwebhooks import Webhook

    check_id(event_id)
    seconds = attempt_ns // NANOSECONDS_PER_SECOND
    moment = datetime.fromtimestamp(seconds, UTC)
    signatures = [Webhook(secret.reveal()).sign(event_id, moment, body) for secret in secrets]
    return [
        ("webhook-id", event_id),
        ("webhook-timestamp", str(seconds)),
        ("webhook-signature", " ".join(signatures)),
    ]
