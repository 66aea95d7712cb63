"""Redaction: the text of a secret is taken out of whatever is about to be shown, wherever it came from.

A plugin may put its key into an error, a library into a log line. Every `Secret` that is still held is known
here, by a weak reference, and each of its spellings is replaced. The answer to every order comes by here, so
spellings are made once, with the secret.
"""

from __future__ import annotations

import logging
import traceback

from fairlead.plugins.secrets import live_secrets

SHOWN = "[secret]"


def redacted(text: str) -> str:
    """Return the text without any secret that is held in this process."""
    if not text:
        return text
    for secret in live_secrets():
        for spelling in secret.spellings():
            if spelling in text:
                text = text.replace(spelling, SHOWN)
    return text


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
