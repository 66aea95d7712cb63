"""Reads the recorded trades that ship with the paper venue, as exact decimals, and sums them up."""

from __future__ import annotations

import csv
from decimal import Decimal
from importlib.resources import files

TAPE = files("fairlead_paper") / "data" / "kraken-xbtusdt-trades-2025-11-10.csv"


def main() -> None:
    """Print how many trades there are, their range of prices and their volume."""
    with TAPE.open(encoding="utf-8") as file:
        trades = list(csv.DictReader(file))
    prices = [Decimal(trade["price"]) for trade in trades]
    volume = sum(Decimal(trade["volume"]) for trade in trades)
    print(
        f"{len(trades)} trades of BTC/USDT between {min(prices)} and {max(prices)} USDT, {volume} BTC in all"
    )


if __name__ == "__main__":
    main()
