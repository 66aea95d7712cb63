"""Redaction: the text of a secret is taken out of whatever is about to be shown, wherever it came from.

A plugin may put its key into an error, a library into a log line. Every `Secret` that is still held is known
here, by a weak reference, and its text is replaced, as it is and as it looks escaped, quoted or in JSON.
Texts of fewer than four characters are left: they would blank out every other word.
"""

from __future__ import annotations

import json
import logging
import traceback
from urllib.parse import quote, quote_plus

from fairlead.plugins.secrets import live_secrets

SHOWN = "[secret]"
# fixed: a shorter text is part of ordinary words, and no secret
SECRET_LENGTH_MIN = 4


def redacted(text: str) -> str:
    """Return the text without any secret that is held in this process."""
    for secret in live_secrets():
        plain = secret.reveal()
        if len(plain) < SECRET_LENGTH_MIN:
            continue
        for form in _forms(plain):
            if form in text:
                text = text.replace(form, SHOWN)
    return text


def _forms(plain: str) -> tuple[str, ...]:
    """Return how a text may look, the longest first so that no half of one is left."""
    forms = {plain, ascii(plain)[1:-1], repr(plain)[1:-1], quote(plain, safe=""), quote_plus(plain)}
    forms |= {json.dumps(plain)[1:-1], json.dumps(plain, ensure_ascii=False)[1:-1]}
    return tuple(sorted(forms, key=len, reverse=True))


class RedactionFilter(logging.Filter):
    """Takes secrets out of a log record before any handler sees it: message, arguments and traceback.

    A record whose arguments do not fit its message is shown as it was written, and never raises.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record; let it pass."""
        try:
            message = record.getMessage()
        except Exception:  # isolation point: a line of a plugin that cannot be formatted
            message = f"{record.msg} {record.args!r}"
        if (clean := redacted(message)) != message or record.args:
            record.msg, record.args = clean, None
        if record.exc_info and record.exc_info[0] is not None:
            told = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            clean = redacted(told)
            if clean != told:  # whoever formats the exception itself would show it again
                record.exc_info = None
            record.exc_text = clean
        if record.stack_info:
            record.stack_info = redacted(record.stack_info)
        return True


REDACTION = RedactionFilter()
"""One for all loggers: adding it twice to the same one does nothing."""
