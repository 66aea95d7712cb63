"""Archives of a store: making one, finding what is in them, and verifying them with the store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import attrs
from msgspec.structs import replace

from fairlead.cli.store_access import StorePlace, open_keeper, open_reader

if TYPE_CHECKING:
    from fairlead.kernel.journal.archive_plan import Cut
    from fairlead.kernel.journal.verify import VerifyReport
    from fairlead.ports.keeping import Anchor, ArchivedReader, ArchivePlan
    from fairlead.ports.store import StoreReader


@attrs.frozen
class Archived:
    """What was moved: records, rows by table, and the file, "" for a trial."""

    first_sequence: int
    last_sequence: int
    rows: Mapping[str, int]
    archive: str


async def archive(place: StorePlace, cut: Cut, *, is_trial: bool) -> Archived | None:
    """Move what is older than the cut into an archive, or with *is_trial* only say what that is.

    The archive is read back and verified, chain, fold and rows, before anything leaves the store. Raises
    `JournalDamaged` when store or archive is not whole; then nothing has left.
    """
    async with open_keeper(place, alone=not is_trial) as keeper, open_reader(place) as reader:
        plan = await _planned(reader, cut)
        if plan is None:
            return None
        if is_trial:
            return _told(plan, "")
        file = await keeper.write_archive(plan)
        anchor = replace(plan.anchor, archive=file.name)
        async with open_archive(reader, anchor) as written:
            _refuse_damage(await _verified(written))
        await reader.close()  # what it still sees would keep the log from shrinking
        await keeper.drop_archived(plan, file)
        return _told(plan, str(file))


async def _planned(reader: StoreReader, cut: Cut) -> ArchivePlan | None:
    from fairlead.kernel.journal.archive_plan import plan_archive

    _refuse_damage(await _verified(reader))
    return await plan_archive(reader, await anchors_of(reader), cut)


async def _verified(reader: StoreReader) -> VerifyReport:
    from fairlead.kernel.journal.verify import verify_journal

    return await verify_journal(reader, await anchors_of(reader))


def _refuse_damage(report: VerifyReport) -> None:
    from fairlead.errors import JournalDamaged

    if not report.ok:
        raise JournalDamaged(report.head.sequence + 1, f"nothing is archived: {report.problems[0]}")


def _told(plan: ArchivePlan, file: str) -> Archived:
    moved = {table: len(keys) for table, keys in plan.rows.items()}
    return Archived(plan.first_sequence, plan.anchor.sequence, moved, file)


async def anchors_of(reader: StoreReader) -> Sequence[Anchor]:
    """Return the anchors of a store; nothing for one that cannot be archived."""
    from fairlead.ports.keeping import ArchivedReader

    return await reader.anchors() if isinstance(reader, ArchivedReader) else ()


def _archived(reader: StoreReader) -> ArchivedReader:
    """Return the reader, whose store has anchors, as one of a store that can be archived."""
    return cast("ArchivedReader", reader)


@asynccontextmanager
async def open_archive(reader: StoreReader, anchor: Anchor) -> AsyncIterator[StoreReader]:
    """Open the archive that the anchor names; raises `ConfigurationRefused` when it is not there."""
    archive = _archived(reader).archive(anchor)
    await archive.open()
    try:
        yield archive
    finally:
        await archive.close()


async def problems_of(reader: StoreReader, anchors: Sequence[Anchor]) -> tuple[int, list[str]]:
    """Return how many records the archives hold in one chain with the store, and all that is wrong."""
    from fairlead.errors import FairleadError

    records, end = 0, 0
    problems: list[str] = []
    for anchor in anchors:
        try:
            found = await _wrong_with(reader, anchor, end)
        except FairleadError as error:
            found = [str(error)]
        problems += [f"{anchor.archive}: {problem}" for problem in found]
        records, end = records + anchor.sequence - end, anchor.sequence
    return records, problems


async def _wrong_with(reader: StoreReader, anchor: Anchor, end: int) -> list[str]:
    """Return what is wrong with an archive, which must go on from record *end* to its anchor."""
    from fairlead.kernel.journal.verify import verify_journal

    if await _archived(reader).archive_digest(anchor) != anchor.digest:
        return ["its bytes are not those of which the anchor has the digest"]
    async with open_archive(reader, anchor) as archive:
        own = await anchors_of(archive)
        report = await verify_journal(archive, own)
        if not report.ok:
            return list(report.problems)
        if (report.head.sequence, report.head.hash) != (anchor.sequence, anchor.hash):
            return [f"it ends with record {report.head.sequence}, not as the anchor says"]
        if report.head.sequence - report.records != end:
            return [f"it begins after record {report.head.sequence - report.records}, not after {end}"]
        if own[-1].base != anchor.base:
            return ["what stayed in the store when it was made is not what the store's anchor says"]
    return []
