"""Secrets: texts that are read from where the configuration points, and never shown.

In a configuration a secret is ``{"$env" = "NAME"}`` or ``{"$file" = "path"}``; as plain text it is
refused, because configuration files are copied, committed and printed. What the journal's digest of the
configuration covers is the pointer, never what it points to.
"""

from __future__ import annotations

import json
import logging
import os
import stat
import weakref
from collections.abc import Callable, Mapping
from hmac import compare_digest
from pathlib import Path
from urllib.parse import quote, quote_plus

# fixed: longer than any key; a wrong path must not be read whole
SECRET_FILE_BYTES_MAX = 65_536
# fixed: a shorter text is part of ordinary words, and no secret
SECRET_LENGTH_MIN = 4

_ENVIRONMENT = "$env"
_FILE = "$file"
_OTHERS = stat.S_IRGRP | stat.S_IROTH
_FORMS = '{ "$env" = "NAME" } or { "$file" = "path" }'

_logger = logging.getLogger("fairlead")


class Secret:
    """A text that no ``repr``, log line, error or pickle shows; `reveal` is for whoever has to use it."""

    __slots__ = ("__weakref__", "_spellings", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._spellings = _spellings_of(text)
        _held[id(self)] = weakref.ref(self, _forget(id(self)))

    def reveal(self) -> str:
        """Return the text. Do not keep it, log it or put it into an error."""
        return self._text

    def spellings(self) -> tuple[str, ...]:
        """Return how the text may look where it must not be: as it is, escaped, quoted, in JSON.

        The longest comes first, so that no half of one is left. Nothing for a text of fewer than
        `SECRET_LENGTH_MIN` characters: it would blank out every other word.
        """
        return self._spellings

    def __repr__(self) -> str:
        return "Secret(...)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return compare_digest(self._text.encode(), other._text.encode())

    __hash__ = None  # type: ignore[assignment]  # a hash would tell of the text

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


_held: dict[int, weakref.ref[Secret]] = {}
"""Every secret that is still held, so that its text can be taken out of logs; no secret is kept by it."""


def live_secrets() -> tuple[Secret, ...]:
    """Return every secret that somebody in this process still holds."""
    return tuple(secret for held in list(_held.values()) if (secret := held()) is not None)


def _spellings_of(plain: str) -> tuple[str, ...]:
    if len(plain) < SECRET_LENGTH_MIN:
        return ()
    spellings = {plain, ascii(plain)[1:-1], repr(plain)[1:-1], quote(plain, safe=""), quote_plus(plain)}
    spellings |= {json.dumps(plain)[1:-1], json.dumps(plain, ensure_ascii=False)[1:-1]}
    return tuple(sorted(spellings, key=len, reverse=True))


def _forget(key: int) -> Callable[[object], object]:
    return lambda _gone: _held.pop(key, None)


class SecretRefused(ValueError):
    """A secret that is not there, or was written down; the message never holds it."""


def secret_of(value: object, _asked: object = Secret) -> Secret:
    """Return the secret that a configuration value points to. Raises `SecretRefused`."""
    if isinstance(value, Secret):
        return value
    if isinstance(value, Mapping) and len(value) == 1:
        ((how, where),) = value.items()
        if isinstance(where, str) and how == _ENVIRONMENT:
            return _from_environment(where)
        if isinstance(where, str) and how == _FILE:
            return _from_file(Path(where))
    raise SecretRefused(f"a secret is never written here; write {_FORMS}")


def anchored(value: object, folder: Path) -> object:
    """Return the configuration value with every relative ``$file`` below it taken from the folder."""
    if isinstance(value, Mapping):
        if value.keys() == {_FILE} and isinstance(value[_FILE], str):
            return {_FILE: str(folder / value[_FILE])}
        return {key: anchored(item, folder) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [anchored(item, folder) for item in value]
    return value


def _from_environment(name: str) -> Secret:
    text = os.environ.get(name, "")
    if not text:
        raise SecretRefused(f"the environment variable {name!a} is not set; set it and start again")
    return Secret(text)


def _from_file(path: Path) -> Secret:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(SECRET_FILE_BYTES_MAX + 1)
        text = content.decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise SecretRefused(f"the file {str(path)!a} cannot be read: {why}") from None
    if not text or len(content) > SECRET_FILE_BYTES_MAX:
        raise SecretRefused(f"the file {str(path)!a} holds no secret: it is empty or too long")
    if mode & _OTHERS:
        _logger.warning(
            "The secret in %a can be read by other users; allow it to its owner alone.", str(path)
        )
    return Secret(text)
