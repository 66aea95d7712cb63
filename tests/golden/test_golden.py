"""Journals of earlier versions are read by this one, and make the rows that they made then."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from fairlead.cli.output import plain
from fairlead.domain.records import RECORD_CLASSES
from fairlead.kernel.journal.verify import fold_journal
from fairlead.ports.store import Envelope, JournalHead
from fairlead.testing.memory_store import MemoryDisk, MemoryStore

JOURNALS = sorted(Path(__file__).with_name("journals").glob("*/*.json.gz"))
YOUNGER = frozenset[str]()
"""Kinds of records that no golden journal has yet: a new one stands here until the next release."""


def read(file: Path) -> Any:  # noqa: ANN401 - JSON
    """Return a golden journal."""
    return json.loads(gzip.decompress(file.read_bytes()))


def disk_of(golden: dict[str, Any]) -> MemoryDisk:
    """Return a disk that holds the records of a golden journal."""
    envelopes = []
    for line in golden["records"]:
        record = json.loads(line)
        envelopes.append(
            Envelope(
                record["sequence"],
                record["ts_ns"],
                record["kind"],
                record["version"],
                record["payload"].encode(),
                bytes.fromhex(record["hash"]),
            )
        )
    head = JournalHead(envelopes[-1].sequence, envelopes[-1].hash)
    return MemoryDisk(golden["account"], head=head, envelopes=envelopes)


@pytest.mark.parametrize("file", JOURNALS, ids=lambda file: f"{file.parent.name}-{file.name.split('.')[0]}")
def test_a_golden_journal_makes_the_rows_that_it_made(file: Path) -> None:
    """Chain and records are whole, and each column that there was then has the value that it had then."""
    golden = read(file)
    disk = disk_of(golden)
    fold = asyncio.run(fold_journal(MemoryStore(disk), disk.account))
    assert fold.records == len(golden["records"])
    for table, then in golden["rows"].items():
        found = fold.rows[table]
        now = [{name: plain(value) for name, value in found[key].items()} for key in sorted(found)]
        assert [{name: row.get(name) for name in old} for row, old in zip(now, then, strict=True)] == then, (
            table
        )


def test_golden_journals_hold_every_kind_of_record() -> None:
    """What no journal shows could stop being read unseen."""
    kinds = {json.loads(line)["kind"] for file in JOURNALS for line in read(file)["records"]}
    assert {cls.KIND for cls in RECORD_CLASSES} - kinds == YOUNGER
