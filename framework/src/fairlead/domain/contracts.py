"""What a fill is of: spot, or a contract with its kind and multiplier; and what it settles for.

Spot changes hands: a fill moves base and quote. A contract is only settled: what moves is realized
PnL and fees, in the settlement currency.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fairlead.domain.instruments import ContractKind, Instrument
from fairlead.domain.numbers import ONE, average, divide, multiply, quantise
from fairlead.domain.values import Value


class Contract(Value):
    """The terms of a contract; see `ContractKind` for what each kind settles for."""

    kind: ContractKind
    multiplier: Decimal = ONE

    @property
    def inverse(self) -> bool:
        """Tell whether it settles in base."""
        return self.kind is ContractKind.INVERSE


_decoder = msgspec.json.Decoder(Contract)
_encoder = msgspec.json.Encoder(decimal_format="string")


def contract_of(instrument: Instrument) -> Contract | None:
    """Return the contract's terms, or nothing for spot.

    A contract is inverse, has a multiplier, or names after a colon what it is settled in.
    """
    plain = instrument.contract is ContractKind.LINEAR and instrument.contract_multiplier == ONE
    if plain and ":" not in instrument.symbol:
        return None
    return Contract(instrument.contract, instrument.contract_multiplier)


def settlement_value(
    quantity: Decimal, price: Decimal, decimals: int, contract: Contract | None = None
) -> Decimal:
    """Return what a fill settles for when the venue did not say, quantised once; not negative.

    1 / price does not end, so an inverse value is exact from here on only because it is fixed here.
    """
    if contract is None:
        return quantise(multiply(quantity, price), decimals)
    amount = multiply(quantity, contract.multiplier)
    if contract.inverse:
        return quantise(divide(amount, price), decimals)
    return quantise(multiply(amount, price), decimals)


def worth_of(quantity: Decimal, price: Decimal, decimals: int, contract: Contract | None) -> Decimal:
    """Return what a signed quantity is worth at a price, with the sign of its cost: PnL is worth - cost."""
    value = settlement_value(quantity, price, decimals, contract)
    return value.copy_negate() if contract is not None and contract.inverse else value


def average_price(quantity: Decimal, value: Decimal, contract: Contract | None) -> Decimal | None:
    """Return the average price of a quantity that settled for a value; harmonic for inverse contracts.

    Signs are of no account. Nothing when the quantity is zero, or when an inverse value is. For people.
    """
    size, worth = quantity.copy_abs(), value.copy_abs()
    if contract is None:
        return average(worth, size) if size else None
    size = multiply(size, contract.multiplier)
    of, by = (size, worth) if contract.inverse else (worth, size)
    return average(of, by) if size and by else None


def contract_text(contract: Contract) -> str:
    """Return the contract as it is kept in a row: JSON."""
    return _encoder.encode(contract).decode()


def contract_from_text(text: str) -> Contract | None:
    """Return the contract of a row."""
    return _decoder.decode(text) if text else None
