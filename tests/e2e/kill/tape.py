"""The trades that the public makes while a trader is killed: the shipped ones, many times over."""

from __future__ import annotations

import csv
from pathlib import Path

import fairlead_paper

SHIPPED_TAPE = Path(fairlead_paper.__file__).parent / "data/kraken-xbtusdt-trades-2025-11-10.csv"
TAPE_REPEATS = 40
TAPE_SECONDS = 100_000


def write_tape(path: Path) -> None:
    """Write the shipped trades many times over, each time later."""
    with SHIPPED_TAPE.open(encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", encoding="ascii", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "price", "volume"])
        for repeat in range(TAPE_REPEATS):
            for row in rows:
                seconds, _, fraction = row["time"].partition(".")
                time = f"{int(seconds) + repeat * TAPE_SECONDS}.{fraction or 0}"
                writer.writerow([time, row["price"], row["volume"]])
