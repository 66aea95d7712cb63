"""How commands say times, sizes and figures to people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from fairlead.domain.numbers import quantise, text_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_SECOND = 1_000_000_000
_NS_PER_MILLISECOND = 1_000_000
# fixed: a matter of layout; the JSON document has every digit
_AVERAGE_DECIMALS = 8


def time_of(ns: int) -> str:
    """Return a wall time in UTC to the millisecond; nothing for 0, which stands for never."""
    if not ns:
        return ""
    seconds, rest = divmod(ns, _NS_PER_SECOND)
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{rest // _NS_PER_MILLISECOND:03d}"


def seconds_of(ns: int) -> str:
    """Return a duration in seconds, as short as it is exact."""
    # fixed: nanoseconds become seconds here
    return plain_number(Decimal(ns).scaleb(-9))


def plain_number(number: Decimal) -> str:
    """Return a number without the zeros at its end."""
    text = text_of(number)
    return text.rstrip("0").rstrip(".") if "." in text else text


def rounded(number: Decimal) -> str:
    """Return a computed figure, such as an average, to eight decimals."""
    return plain_number(quantise(number, _AVERAGE_DECIMALS))


def size_of(order: Mapping[str, Any]) -> str:
    """Return what an order is for: side, quantity, symbol, type and price."""
    price = order["limit_price"]
    at = "at market" if price is None else f"limit {plain_number(price)}"
    return f"{order['side']} {plain_number(order['quantity'])} {order['symbol']} {at}"
