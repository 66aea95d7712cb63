"""The file: what a line is, and how a file is read whose last line was cut by a power failure."""

from __future__ import annotations

from pathlib import Path

import msgspec

from fairlead.errors import ConfigurationRefused
from line_store.contents import Contents, StoredBatch

# fixed: what this version of the store writes; a later one has another number
FORMAT = 1


class Line(msgspec.Struct, omit_defaults=True):
    """One line: the account (the first one), an epoch that began, or a batch."""

    format: int = 0
    account: str = ""
    epoch: int = 0
    batch: StoredBatch | None = None


_decoder = msgspec.json.Decoder(Line)


def dumped(line: Line) -> bytes:
    """Return the line as it is written; decimals keep every digit, as text."""
    return msgspec.json.encode(line) + b"\n"


def read(path: Path) -> tuple[Contents, int]:
    """Return what the file holds and how many of its bytes are whole lines.

    A last line without its end was never confirmed and is left out. Raises `ConfigurationRefused` for a file
    that is none of ours, or whose lines before the last are damaged.
    """
    contents, whole = Contents(), 0
    data = path.read_bytes() if path.exists() else b""
    for text in data.splitlines(keepends=True):
        if not text.endswith(b"\n"):
            break
        try:
            _take(contents, _decoder.decode(text))
        except (msgspec.MsgspecError, ArithmeticError, KeyError, ValueError) as error:
            raise ConfigurationRefused(
                f"The store {path} cannot be read behind byte {whole}: {type(error).__name__}.",
                not_done="Nothing was opened, and nothing changed.",
                fix="Restore the file, or name another one.",
            ) from error
        whole += len(text)
    return contents, whole


def _take(contents: Contents, line: Line) -> None:
    if line.format not in (0, FORMAT) or (not contents.account and not line.format):
        raise ValueError("no format that is known")
    contents.account = line.account or contents.account
    contents.epoch = line.epoch or contents.epoch
    if line.batch is not None:
        contents.take(line.batch)
