"""What changed between two readings of the rules, as people and the journal read it."""

from __future__ import annotations

import attrs

from fairlead.domain.instrument_changes import RuleChange, rule_changes, withdrawals
from fairlead.domain.instruments import Instrument

BTC = Instrument(
    symbol="BTC/USDT", base="BTC", quote="USDT", price_increment="0.1", quantity_increment="0.001"
)
ETH = attrs.evolve(BTC, symbol="ETH/USDT", base="ETH")


def test_every_kind_of_rule_is_written_as_it_is_said() -> None:
    """Decimals plainly, whole numbers and truth values as such, and what there is none of as none."""
    read = attrs.evolve(
        BTC,
        price_increment="1E-7",
        maximum_quantity="50",
        settlement_decimals=2,
        reductions_exempt_from_minimum=True,
    )
    assert set(rule_changes({"BTC/USDT": BTC}, {}, {"BTC/USDT": read})) == {
        RuleChange("BTC/USDT", "price_increment", "0.1", "0.0000001"),
        RuleChange("BTC/USDT", "maximum_quantity", "none", "50"),
        RuleChange("BTC/USDT", "settlement_decimals", "8", "2"),
        RuleChange("BTC/USDT", "reductions_exempt_from_minimum", "False", "True"),
    }


def test_listings_come_and_go_by_symbol() -> None:
    """New, withdrawn, listed again, another contract: the rules of two contracts are not compared."""
    other = attrs.evolve(ETH, contract_multiplier="10", price_increment="0.2")
    known = {"ETH/USDT": ETH, "BTC/USDT": BTC}
    assert rule_changes(known, {}, known) == ()
    assert rule_changes({"BTC/USDT": BTC}, {}, known) == (RuleChange("ETH/USDT", "listed", "no", "yes"),)
    assert rule_changes(known, {}, {}) == (
        RuleChange("BTC/USDT", "listed", "yes", "no"),
        RuleChange("ETH/USDT", "listed", "yes", "no"),
    )
    assert rule_changes(known, {"BTC/USDT": "no"}, known) == (RuleChange("BTC/USDT", "listed", "no", "yes"),)
    read = {"BTC/USDT": BTC, "ETH/USDT": other}
    assert rule_changes(known, {}, read) == (RuleChange("ETH/USDT", "listed", "yes", "as another contract"),)
    assert withdrawals(known, read) == {"ETH/USDT": "as another contract"}
    assert withdrawals(known, {"ETH/USDT": ETH}) == {"BTC/USDT": "no"}
