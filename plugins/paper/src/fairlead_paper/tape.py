"""The tape: public trades from a file, exact, in order."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from decimal import Decimal
from importlib import resources
from pathlib import Path

import attrs

from fairlead.errors import ConfigurationRefused, FairleadError, InvalidInput
from fairlead_paper.exact import ZERO, decimal_of, multiply

SHIPPED = "shipped"
"""The name of the tape that comes with this package: 1,000 trades of BTC/USDT."""

_SHIPPED_FILE = "kraken-xbtusdt-trades-2025-11-10.csv"
_COLUMNS = ("time", "price", "volume")
_NANOSECONDS_PER_SECOND = Decimal(1_000_000_000)


@attrs.define(slots=True)
class TapeTrade:
    """One recorded trade: time in nanoseconds, price in quote, quantity in base."""

    ts_ns: int
    price: Decimal
    quantity: Decimal


@attrs.frozen
class Tape:
    """Recorded trades of one symbol; *digest* is the SHA-256 of the file they came from."""

    symbol: str
    name: str
    digest: str
    trades: Sequence[TapeTrade]


def load_tape(source: str, symbol: str) -> Tape:
    """Load a tape: the shipped one by its name, or a CSV file with the columns time, price and volume.

    Time is in seconds since the Unix epoch with any number of decimals down to nanoseconds; no
    figure ever passes through a float. Raises `ConfigurationRefused` that names the line.
    """
    if source == SHIPPED:
        content = resources.files("fairlead_paper").joinpath("data", _SHIPPED_FILE).read_bytes()
        name = _SHIPPED_FILE
    else:
        path = Path(source)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ConfigurationRefused(
                f"The tape {path.name} cannot be read: {error.strerror}.", fix="Check the path."
            ) from error
        name = path.name
    return Tape(symbol, name, hashlib.sha256(content).hexdigest(), _trades_of(content, name))


def _trades_of(content: bytes, name: str) -> tuple[TapeTrade, ...]:
    try:
        rows = csv.DictReader(io.StringIO(content.decode("ascii"), newline=""))
        missing = [column for column in _COLUMNS if column not in (rows.fieldnames or ())]
        if missing:
            raise _refused(name, 1, f"no column {missing[0]}")
        trades: list[TapeTrade] = []
        for row in rows:
            trades.append(_trade_of(row, name, rows.line_num))
            if len(trades) > 1 and trades[-1].ts_ns < trades[-2].ts_ns:
                raise _refused(name, rows.line_num, "is earlier than the line before")
    except (UnicodeDecodeError, csv.Error) as error:
        raise _refused(name, 1, f"is not a plain ASCII table ({error})") from error
    return tuple(trades)


def _trade_of(row: dict[str, str], name: str, line: int) -> TapeTrade:
    try:
        seconds, price, quantity = (decimal_of(row[column], column) for column in _COLUMNS)
    except InvalidInput as error:
        raise _refused(name, line, str(error)) from error
    nanoseconds = multiply(seconds, _NANOSECONDS_PER_SECOND)
    if nanoseconds != nanoseconds.to_integral_value():
        raise _refused(name, line, "time is finer than a nanosecond")
    if not (price > ZERO and quantity > ZERO and nanoseconds > ZERO):
        raise _refused(name, line, "time, price and volume must be greater than zero")
    return TapeTrade(int(nanoseconds), price, quantity)


def _refused(name: str, line: int, problem: str) -> FairleadError:
    return ConfigurationRefused(f"The tape {name}, line {line}: {problem}.", fix="Correct the file.")
