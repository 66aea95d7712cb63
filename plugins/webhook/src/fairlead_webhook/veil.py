"""What an endpoint keeps to itself, taken out of every text that leaves it."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from urllib.parse import unquote

from fairlead.ports.settings import Secret
from fairlead_webhook.signing import PREFIX
from fairlead_webhook.target import Target

# fixed: a shorter part of a path is an ordinary word, such as "hooks"
PART_LENGTH_MIN = 8
SHOWN = "[secret]"
# fixed: enough of an answer to see what a receiver complains about
EXCERPT_LENGTH = 1_024

_BORDERS = re.compile(r"[/?&=;,]")
_SIGNATURE = re.compile(r"v1a?,[A-Za-z0-9+/=]{8,}")


class Veil(logging.Filter):
    """Hides the URL, every longer part of its path and query, the signing secrets, and any signature."""

    def __init__(self, target: Target, secrets: Sequence[Secret]) -> None:
        super().__init__()
        parts = [part for part in _BORDERS.split(target.path) if len(part) >= PART_LENGTH_MIN]
        texts = {target.path, *parts, *map(unquote, parts)} if parts else set[str]()
        texts |= {secret.reveal().removeprefix(PREFIX) for secret in secrets}
        self._hidden = [target.url, *secrets, *map(Secret, sorted(texts))]
        spellings = {spelling for secret in self._hidden for spelling in secret.spellings()}
        self._spellings = sorted(spellings, key=len, reverse=True)

    def __repr__(self) -> str:
        return "Veil(...)"

    def __reduce__(self) -> str:
        raise TypeError("a veil is not pickled")

    def filter(self, record: logging.LogRecord) -> bool:
        """Take what is hidden out of a line of the HTTP engine's log, which tells of headers; let it pass."""
        message = record.getMessage()
        if (clean := self.over(message)) != message:
            record.msg, record.args = clean, None
        return True

    def over(self, text: str) -> str:
        """Return the text without anything secret."""
        for spelling in self._spellings:
            text = text.replace(spelling, SHOWN)
        return _SIGNATURE.sub(SHOWN, text)

    def excerpt(self, body: bytes, *, is_cut: bool) -> str:
        """Return the beginning of an answer on one line: no secret, and nothing that a terminal obeys."""
        text = self.over(body.decode(errors="backslashreplace"))
        if is_cut:  # half a secret at the end would not be found
            text = text[: -max(map(len, self._spellings), default=1)]
        shown = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
        return shown if len(shown) <= EXCERPT_LENGTH else f"{shown[: EXCERPT_LENGTH - 1]}…"
