"""The one module that encodes and decodes journal records, and chains them.

msgspec writes and reads attrs records directly (decimals as text, enumerations by value). The hash
covers the stored bytes, never a re-encoding, so a record stays verifiable whatever later versions of
the code do with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any

import msgspec

from fairlead.domain.records import RECORD_CLASSES, Record
from fairlead.errors import JournalDamaged
from fairlead.ports.store import Envelope

_CLASS_OF_KIND: dict[str, type[Record]] = {cls.KIND: cls for cls in RECORD_CLASSES}
_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {}
_encode = msgspec.json.Encoder(decimal_format="string").encode

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
UPCASTERS: dict[tuple[str, int], Upcaster] = {}
"""Lifts the plain data of (kind, version) to the next version."""


def encode(record: Record) -> bytes:
    """Return the record as JSON bytes."""
    return _encode(record)


def decode(envelope: Envelope) -> Record:
    """Return the record of an envelope, lifted to the present version.

    Raises `JournalDamaged` when the kind or version is unknown or the bytes do not fit it.
    """
    cls = _CLASS_OF_KIND.get(envelope.kind)
    if cls is None or envelope.version > cls.VERSION:
        raise JournalDamaged(
            envelope.sequence, f"kind {envelope.kind!r} version {envelope.version} is newer than this program"
        )
    try:
        if envelope.version == cls.VERSION:
            return _decoder(cls).decode(envelope.payload)  # type: ignore[no-any-return]  # typed by its class
        return _lift(envelope, cls)
    except (msgspec.DecodeError, KeyError) as error:
        raise JournalDamaged(
            envelope.sequence, f"the payload does not fit {envelope.kind!r}: {error}"
        ) from error


def _decoder(cls: type[Record]) -> msgspec.json.Decoder[Any]:
    decoder = _DECODERS.get(cls.KIND)
    if decoder is None:
        decoder = _DECODERS[cls.KIND] = msgspec.json.Decoder(cls)
    return decoder


def _lift(envelope: Envelope, cls: type[Record]) -> Record:
    data = msgspec.json.decode(envelope.payload)
    for version in range(envelope.version, cls.VERSION):
        data = UPCASTERS[envelope.kind, version](data)
    return msgspec.convert(data, cls)


def chain_hash(previous: bytes, sequence: int, ts_ns: int, kind: str, version: int, payload: bytes) -> bytes:
    """Return SHA-256 over the previous hash, the header and the payload."""
    return sha256(b"%b%d|%d|%b|%d|%b" % (previous, sequence, ts_ns, kind.encode(), version, payload)).digest()


def seal(entries: Iterable[tuple[int, int, Record]], previous: bytes) -> list[Envelope]:
    """Encode and chain (sequence, time, record) entries that follow the previous hash."""
    envelopes = []
    for sequence, ts_ns, record in entries:
        kind, version = record.KIND, record.VERSION
        payload = _encode(record)
        previous = chain_hash(previous, sequence, ts_ns, kind, version, payload)
        envelopes.append(Envelope(sequence, ts_ns, kind, version, payload, previous))
    return envelopes
