"""The rows of bad input and their proofs, read from the tables beside this module."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs

from tools.sources import ROOT

FOLDER = Path(__file__).parent
NUMBERS = range(1, 139)
WAITABLE = frozenset({"protection", "Kraken", "webhooks", "metrics", "PostgreSQL"})
"""Parts that are not built yet; nothing else is a reason to wait."""

_KEYS = frozenset({"number", "given", "outcome", "proven", "differs", "waits"})


@attrs.frozen
class Row:
    """One bad input: what comes in, what becomes of it, who proves it, and what of it waits."""

    number: int
    given: str
    outcome: str
    proven: tuple[str, ...]
    waits_for: str
    waits_part: str


def read_rows(folder: Path = FOLDER) -> list[Row]:
    """Return the rows of every table, in order."""
    tables = (tomllib.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.toml")))
    return [_row(row) for table in tables for row in table["row"]]


def _row(row: dict[str, Any]) -> Row:
    assert row.keys() <= _KEYS, f"row {row['number']} has a key that nobody reads"
    waits = row.get("waits", {"for": "", "part": ""})
    return Row(
        row["number"],
        row["given"],
        row["outcome"],
        tuple(row.get("proven", ())),
        waits["for"],
        waits["part"],
    )


def problems_of(rows: Iterable[Row], root: Path = ROOT) -> list[str]:
    """Say what is wrong with the rows: one missing or doubled, a proof that is not there, none at all."""
    rows = list(rows)
    numbers = [row.number for row in rows]
    problems = [f"row {number} is missing" for number in NUMBERS if number not in numbers]
    problems += [f"row {number} is there twice" for number in NUMBERS if numbers.count(number) > 1]
    for row in rows:
        problems += [f"row {row.number}: {problem}" for problem in _problems_of_row(row, root)]
    return problems


def _problems_of_row(row: Row, root: Path) -> list[str]:
    problems = [f"{proof} is not there" for proof in row.proven if not _is_there(proof, root)]
    if row.waits_for and (row.waits_for not in WAITABLE or not row.waits_part):
        problems.append(f"{row.waits_for!r} is no reason to wait, or does not say what of it waits")
    if not (row.given and row.outcome):
        problems.append("does not say what is given and what becomes of it")
    if not (row.proven or row.waits_for):
        problems.append("is neither proven nor waits")
    return problems


def _is_there(proof: str, root: Path) -> bool:
    path, _, name = proof.partition("::")
    file = root / path
    return file.is_file() and bool(re.search(rf"def {re.escape(name)}\(", file.read_text(encoding="utf-8")))
