"""Fees in other currencies than a fill is settled in: amounts by currency, added, never converted."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fairlead.domain.numbers import ZERO, add

Fees = tuple[tuple[str, Decimal], ...]
"""Amounts by currency, in the order in which the currencies first came; negative for rebates."""

_decoder = msgspec.json.Decoder(Fees)
_encoder = msgspec.json.Encoder(decimal_format="string")


def with_fee(fees: Fees, currency: str, amount: Decimal) -> Fees:
    """Return the fees with an amount added to its currency."""
    sums = dict(fees)
    sums[currency] = add(sums.get(currency, ZERO), amount)
    return tuple(sums.items())


def fees_text(fees: Fees) -> str:
    """Return the fees as they are kept in a row: JSON."""
    return _encoder.encode(fees).decode()


def fees_from_text(text: str) -> Fees:
    """Return the fees of a row."""
    return _decoder.decode(text) if text else ()
