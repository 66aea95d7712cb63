"""The port of store keepers: upgrade, copies and archives of a store, for tools; no kernel asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from fairlead.domain.values import Value
from fairlead.ports.tables import Scalar

if TYPE_CHECKING:
    from fairlead.ports.store import StoreReader

__all__ = ["Anchor", "ArchivePlan", "ArchivedReader", "Progress", "StoreKeeper", "Upgraded"]

Progress = Callable[[int, int], None]
"""Told how much is done, and of how much."""


class Anchor(Value):
    """Where a journal goes on that was archived up to here: the chain continues from its *hash*.

    *archive* is the name of the file that holds what came before, and *digest* the SHA-256 of its bytes, in
    hexadecimal; in the archive itself both are "". *base* holds, as JSON, the rows at *sequence* that stayed.
    """

    sequence: int
    hash: bytes
    ts_ns: int
    archive: str
    digest: str
    base: bytes


class ArchivePlan(Value):
    """What moves to an archive: records and outbox rows up to the anchor, and rows by their keys.

    *first_sequence* is the first record of the archive, *head* the store's last one when the plan was made.
    """

    first_sequence: int
    head: int
    anchor: Anchor
    rows: Mapping[str, tuple[tuple[Scalar, ...], ...]]


class Upgraded(Value):
    """What an upgrade did: the schema before and after, and the name of the copy made, or ""."""

    before: str
    after: str
    copy: str


class StoreKeeper(Protocol):
    """Looks after a store. But for `back_up`, it needs the store for itself, from `open` to `close`."""

    async def open(self) -> None:
        """Take the store, as a kernel would.

        Raises `StoreHeld` while a kernel, or another keeper, holds it, and `ConfigurationRefused` when there
        is no store.
        """

    async def close(self) -> None:
        """Give the store back; harmless when it is not open."""

    async def back_up(self, target: Path | None, progress: Progress) -> Path:
        """Copy the store as it is at one moment, also beside a live kernel, verify the copy, return its path.

        Without a *target* the copy gets a name by schema, last record and time, and one that is there already
        is returned. A *target* that is there is never overwritten (`StoreFault`).
        """

    async def upgrade(self) -> Upgraded:
        """Bring the schema to what this version knows, after a copy as configured; nothing when it is."""

    async def write_archive(self, plan: ArchivePlan) -> Path:
        """Write what the plan names to an archive, a store of its own that can be read; return its path.

        The store is not changed. What an earlier attempt left is replaced, unless an anchor names it.
        """

    async def drop_archived(self, plan: ArchivePlan, archive: Path) -> None:
        """Take what was archived out of the store and leave the anchor, in one transaction.

        Raises `StoreFault`, and changes nothing, when the store is not what it was when the plan was made.
        """


@runtime_checkable
class ArchivedReader(Protocol):
    """What a `StoreReader` can do besides, when its store can be archived."""

    async def anchors(self) -> Sequence[Anchor]:
        """Return where the journal was archived up to, the oldest first; nothing when it never was.

        In an archive the last one is its own end.
        """

    def archive(self, anchor: Anchor) -> StoreReader:
        """Return a reader of the archive that the anchor names; to open it tells whether it is there."""

    async def archive_digest(self, anchor: Anchor) -> str:
        """Return the SHA-256 of the bytes of the archive that the anchor names, in hexadecimal.

        Raises `ConfigurationRefused` when it is not there.
        """
