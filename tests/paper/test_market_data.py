"""The recorded market data ships whole."""

from __future__ import annotations

import csv
from decimal import Decimal
from importlib.resources import files


def rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a data file of the paper distribution."""
    with (files("fairlead_paper") / "data" / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_trade_tape_is_whole() -> None:
    """1,000 trades with consecutive ids, in order of time, each with a price and a volume."""
    trades = rows("kraken-xbtusdt-trades-2025-11-10.csv")
    identifiers = [int(trade["trade_id"]) for trade in trades]
    times = [Decimal(trade["time"]) for trade in trades]

    assert identifiers == list(range(identifiers[0], identifiers[0] + 1_000))
    assert times == sorted(times)
    assert all(Decimal(trade["price"]) > 0 and Decimal(trade["volume"]) > 0 for trade in trades)


def test_the_candles_cover_the_trades() -> None:
    """721 minutes without a gap, from before the first trade to after the last."""
    candles = [int(candle["time"]) for candle in rows("kraken-xbtusdt-ohlc-1m-2025-11-10.csv")]
    trades = rows("kraken-xbtusdt-trades-2025-11-10.csv")

    assert candles == list(range(candles[0], candles[0] + 721 * 60, 60))
    assert candles[0] <= Decimal(trades[0]["time"]) <= Decimal(trades[-1]["time"]) < candles[-1] + 60
