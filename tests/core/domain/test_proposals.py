"""A proposal is whole and valid from the moment it exists, however it is made."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import attrs
import cattrs
import pytest

from fairlead.domain.order_kinds import Liquidity, OrderSide, OrderType, TimeInForce
from fairlead.domain.proposals import Proposal, Wishes
from fairlead.errors import InvalidInput, NumberRefused, TextRefused, UnknownName

Maker = Callable[..., Proposal]


def direct(symbol: object, **wishes: object) -> Proposal:
    """Make the proposal with the class itself, past `buy` and `sell`."""
    given: dict[str, Any] = {"side": OrderSide.BUY, "symbol": symbol, **wishes}
    return Proposal(**given)


WAYS: dict[str, Maker] = {"buy": Proposal.buy, "sell": Proposal.sell, "direct": direct}
each_way = pytest.mark.parametrize("make", WAYS.values(), ids=WAYS.keys())

BAD_SIZES: dict[str, object] = {
    "zero": 0,
    "zero as text": "0.000",
    "negative": "-1",
    "negative zero": Decimal("-0"),
    "float": 0.5,
    "float that is whole": 1.0,
    "NaN": Decimal("NaN"),
    "sNaN": Decimal("sNaN"),
    "infinity": Decimal("Infinity"),
    "absurd exponent": Decimal("1e999999"),
    "absurd exponent as text": "1e-400",
    "too many digits": "0." + "1" * 39,
    "truth value": True,
    "words": "much",
    "list": [1],
}

WITH_FIGURES: dict[str, dict[str, object]] = {
    "trigger_price": {"quantity": "1", "order_type": "stop"},
    "trailing_distance": {"quantity": "1", "order_type": "trailing_stop"},
    "risk": {"stop_loss": "90"},
    "stop_loss": {"risk": "50"},
}
"""Proposals that need one more figure."""


@pytest.mark.requirement("P1-5")
@each_way
@pytest.mark.parametrize("field", ["quantity", "notional"])
@pytest.mark.parametrize("size", BAD_SIZES.values(), ids=BAD_SIZES.keys())
def test_a_bad_size_never_becomes_a_proposal(make: Maker, field: str, size: object) -> None:
    """Zero, negative and impossible sizes are refused before anything else exists, naming field and fix."""
    with pytest.raises(NumberRefused) as caught:
        make("BTC/USDT", **{field: size})
    assert caught.value.field == field
    assert caught.value.fix


@pytest.mark.requirement("P1-5")
@each_way
@pytest.mark.parametrize("price", BAD_SIZES.values(), ids=BAD_SIZES.keys())
def test_a_bad_entry_price_never_becomes_a_proposal(make: Maker, price: object) -> None:
    """An entry price of zero, below it, or that is no number is refused at construction."""
    with pytest.raises(NumberRefused) as caught:
        make("BTC/USDT", quantity="1", limit_price=price)
    assert caught.value.field == "limit_price"
    assert caught.value.fix


@pytest.mark.requirement("P1-5")
@each_way
@pytest.mark.parametrize("leverage", [0, "0.99", "-1", "NaN", "Infinity", Decimal("Infinity"), 2.0, True])
def test_a_bad_leverage_never_becomes_a_proposal(make: Maker, leverage: object) -> None:
    """Below 1, infinite, or no number: refused at construction, naming field and fix."""
    with pytest.raises(NumberRefused) as caught:
        make("BTC/USDT", quantity="1", leverage=leverage)
    assert caught.value.field == "leverage"
    assert caught.value.fix
    assert make("BTC/USDT", quantity="1", leverage=1).leverage == 1


@pytest.mark.requirement("P1-5")
@each_way
@pytest.mark.parametrize("field", WITH_FIGURES)
@pytest.mark.parametrize("figure", BAD_SIZES.values(), ids=BAD_SIZES.keys())
def test_a_bad_figure_never_becomes_a_proposal(make: Maker, field: str, figure: object) -> None:
    """What holds for sizes and entry prices holds for every other price and for a risk."""
    wishes = WITH_FIGURES[field]
    make("BTC/USDT", **wishes, **{field: "1"})
    with pytest.raises(NumberRefused) as caught:
        make("BTC/USDT", **wishes, **{field: figure})
    assert caught.value.field == field
    assert caught.value.fix


@each_way
@pytest.mark.parametrize("size", ["0.015", Decimal("0.015"), 15])
def test_sizes_become_decimals(make: Maker, size: object) -> None:
    """Text, int and Decimal are kept as Decimal, whichever way the proposal was made."""
    made = make("BTC/USDT", quantity=size, limit_price=size)
    assert type(made.quantity) is Decimal
    assert type(made.limit_price) is Decimal
    assert made.quantity == made.limit_price == Decimal(str(size))
    assert make("BTC/USDT", notional=size).notional == Decimal(str(size))


@each_way
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("symbol", "btc/usdt"),
        ("symbol", "BTCUSDT"),
        ("symbol", "BTC/USDT\n"),
        ("symbol", "\u0412\u0422\u0421/USDT"),
        ("symbol", 7),
        ("book", "my book"),
        ("book", "../book"),
        ("book", "book\r\n"),
        ("book", ""),
        ("book", 7),
        ("metadata", "a=b"),
        ("metadata.note", {"note": "two\nlines"}),
        ("metadata key", {"a b": "x"}),
        ("metadata", (("a", "b"), ("a", "b"))),
    ],
)
def test_bad_text_never_becomes_a_proposal(make: Maker, field: str, value: object) -> None:
    """Symbols, books and metadata of another shape are refused, with field and fix, in one line."""
    name = field.partition(".")[0].partition(" ")[0]
    wishes: dict[str, object] = {"symbol": "BTC/USDT", "quantity": "1", name: value}
    with pytest.raises(TextRefused) as caught:
        make(wishes.pop("symbol"), **wishes)
    assert caught.value.field == field
    assert caught.value.fix
    assert str(caught.value).isprintable()


@each_way
@pytest.mark.parametrize(
    ("keyword", "nearest"),
    [
        ("quantiy", "quantity"),
        ("notionall", "notional"),
        ("price", "limit_price"),
        ("limit", "limit_price"),
        ("tif", ""),
    ],
)
def test_an_unknown_keyword_is_told_the_nearest(make: Maker, keyword: str, nearest: str) -> None:
    """A misspelt wish is refused, never ignored; the error suggests the nearest field and lists all."""
    with pytest.raises(UnknownName) as caught:
        make("BTC/USDT", quantity="1", **{keyword: "1"})
    assert caught.value.field == "proposal"
    assert caught.value.name == keyword
    assert (f"Did you mean '{nearest}'?" in caught.value.fix) == bool(nearest)
    assert "Known are book, expire_ns, leverage, limit_price, max_slippage" in caught.value.fix


def test_a_hostile_keyword_is_escaped() -> None:
    """A keyword with control characters cannot break the line of a log."""
    with pytest.raises(UnknownName) as caught:
        direct("BTC/USDT", quantity="1", **{"a\n\x1b[31m": "1"})
    assert str(caught.value).isprintable()


@each_way
@pytest.mark.parametrize(
    ("wishes", "given"),
    [({}, "none was"), ({"quantity": "1", "notional": "1"}, "both quantity and notional were")],
)
def test_exactly_one_size_is_given(make: Maker, wishes: dict[str, object], given: str) -> None:
    """No size and two sizes are refused with the fix."""
    with pytest.raises(InvalidInput, match=f"{given} given") as caught:
        make("BTC/USDT", **wishes)
    assert caught.value.field == "quantity"
    assert caught.value.fix


@each_way
def test_time_in_force_belongs_to_limit_orders(make: Maker) -> None:
    """A limit order takes a known time in force, in either form; a market order takes none."""
    for wish in (TimeInForce.IOC, "ioc"):
        made = make("BTC/USDT", quantity="1", limit_price="1", time_in_force=wish)
        assert made.time_in_force is TimeInForce.IOC
        with pytest.raises(InvalidInput) as caught:
            make("BTC/USDT", quantity="1", time_in_force=wish)
        assert (caught.value.field, bool(caught.value.fix)) == ("time_in_force", True)
    assert (
        make("BTC/USDT", quantity="1", limit_price="1", time_in_force=None).time_in_force is TimeInForce.GTC
    )
    for wrong in ("gtx", "IOC", 7, "i\noc"):
        with pytest.raises(InvalidInput, match=r"Known are gtc, ioc, fok, gtd\.") as caught:
            make("BTC/USDT", quantity="1", limit_price="1", time_in_force=wrong)
        assert caught.value.field == "time_in_force"
        assert str(caught.value).isprintable()


def test_the_side_is_what_was_called() -> None:
    """Buy buys and sell sells; made directly, the side may be its word, and nothing else."""
    assert Proposal.buy("BTC/USDT", quantity="1").side is OrderSide.BUY
    assert Proposal.sell("BTC/USDT", quantity="1").side is OrderSide.SELL
    assert direct("BTC/USDT", side="sell", quantity="1").side is OrderSide.SELL
    for wrong in ("long", "", None, 1, ["buy"], "b\nuy"):
        with pytest.raises(InvalidInput) as caught:
            direct("BTC/USDT", side=wrong, quantity="1")
        assert (caught.value.field, bool(caught.value.fix)) == ("side", True)
        assert str(caught.value).isprintable()


def test_a_limit_price_makes_a_limit_order() -> None:
    """The order type follows from whether there is a price."""
    assert Proposal.buy("BTC/USDT", quantity="1").order_type is OrderType.MARKET
    assert Proposal.buy("BTC/USDT", quantity="1", limit_price="1").order_type is OrderType.LIMIT


@each_way
def test_a_full_proposal_keeps_everything(make: Maker) -> None:
    """Every wish arrives, and what was left out has its default."""
    made = make(
        "BTC/USDT",
        quantity="1",
        limit_price="2",
        time_in_force="ioc",
        book="hedge",
        metadata={"b": "2", "a": "1"},
    )
    assert (made.symbol, made.book, made.metadata) == ("BTC/USDT", "hedge", (("a", "1"), ("b", "2")))
    bare = make("BTC/USDT", notional="250")
    assert (bare.quantity, bare.limit_price, bare.book, bare.metadata) == (None, None, None, ())


def test_a_proposal_is_frozen_and_evolves_through_its_checks() -> None:
    """Fields cannot be set; a changed copy passes the same checks; equal wishes are equal and hash alike."""
    made: Any = Proposal.buy("BTC/USDT", quantity="1", metadata={"a": "1"})
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        made.quantity = Decimal(2)
    assert attrs.evolve(made, quantity="2").quantity == Decimal(2)
    with pytest.raises(NumberRefused):
        attrs.evolve(made, quantity="0")
    assert made == Proposal.buy("BTC/USDT", quantity=Decimal(1), metadata={"a": "1"})
    assert hash(made) == hash(attrs.evolve(made))


def test_a_proposal_survives_pickle_and_a_dictionary() -> None:
    """It can cross a process and be written down and read back, field by field."""
    made = Proposal.sell("BTC/USDT", notional="250.50", limit_price="98000.5", book="x", metadata={"a": "1"})
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301 - our own bytes
    converter = cattrs.Converter()
    converter.register_structure_hook(Decimal, lambda value, _: Decimal(value))
    converter.register_unstructure_hook(Decimal, str)
    assert converter.structure(converter.unstructure(made), Proposal) == made


def test_the_typed_keywords_are_the_fields() -> None:
    """What a type checker offers to a user is what the class has."""
    names = {field.name for field in attrs.fields(Proposal)}
    assert set(Wishes.__annotations__) == names - {"symbol", "side"}


def test_small_vocabularies() -> None:
    """Sides are opposite to each other, and the words are those that are stored."""
    assert OrderSide.BUY.opposite is OrderSide.SELL
    assert OrderSide.SELL.opposite is OrderSide.BUY
    assert [str(item) for item in (*OrderSide, *OrderType, *TimeInForce, *Liquidity)] == [
        "buy", "sell",
        "market", "limit", "stop", "stop_limit", "take_profit", "take_profit_limit", "trailing_stop",
        "gtc", "ioc", "fok", "gtd",
        "maker", "taker",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wishes", "field"),
    [
        ({"post_only": 1}, "post_only"),
        ({"reduce_only": "yes"}, "reduce_only"),
        ({"order_type": "iceberg"}, "order_type"),
        ({"expire_ns": 0.5}, "expire_ns"),
        ({"expire_ns": True}, "expire_ns"),
        ({"expire_ns": -1}, "expire_ns"),
        ({"expire_ns": 2**63}, "expire_ns"),
        ({"max_slippage": "1"}, "max_slippage"),
        ({"max_slippage": "-1%"}, "max_slippage"),
        ({"max_slippage": 0}, "max_slippage"),
        ({"max_slippage": "0%"}, "max_slippage"),
        ({"max_slippage": "%"}, "max_slippage"),
        ({"trailing_rate": "100%"}, "trailing_rate"),
        ({"note": "two\nlines"}, "note"),
        ({"note": "x" * 1_025}, "note"),
        ({"tags": "one"}, "tags"),
        ({"tags": {"a"}}, "tags"),
        ({"tags": ["a b"]}, "tags"),
        ({"tags": [str(number) for number in range(33)]}, "tags"),
    ],
)
def test_a_bad_term_never_becomes_a_proposal(wishes: dict[str, object], field: str) -> None:
    """Flags are truth values, times are whole nanoseconds, fractions lie between 0 and 1, tags are names."""
    with pytest.raises(InvalidInput) as caught:
        direct("BTC/USDT", quantity="1", **wishes)
    assert caught.value.field == field
    assert caught.value.fix
    assert str(caught.value).isprintable()


def test_fractions_may_be_written_in_percent() -> None:
    """Percent is exact, and a distance given in percent is a rate."""
    market = Proposal.buy("BTC/USDT", quantity="1", max_slippage="0.1%")
    assert market.max_slippage == Decimal("0.001")
    trailing = Proposal.sell("BTC/USDT", quantity="1", order_type="trailing_stop", trailing_distance="2%")
    assert (trailing.trailing_distance, trailing.trailing_rate) == (None, Decimal("0.02"))
    stopped: Any = Proposal.buy("BTC/USDT", risk="50", stop_loss="-2%")
    assert (stopped.stop_loss, stopped.stop_loss_rate) == (None, Decimal("-0.02"))
    assert attrs.evolve(stopped, risk="60").stop_loss_rate == Decimal("-0.02")
    for both in ({"trailing_rate": "0.02"}, {"trailing_rate": "2%", "trailing_distance": "5"}):
        terms: dict[str, Any] = {"trailing_distance": "1", "order_type": "trailing_stop", **both}
        with pytest.raises(InvalidInput, match="same in another way") as caught:
            Proposal.sell("BTC/USDT", quantity="1", **terms)
        assert caught.value.field == "trailing_rate"


@pytest.mark.parametrize(
    ("side", "wishes", "field"),
    [
        ("buy", {"stop_loss": "100", "limit_price": "100"}, "stop_loss"),
        ("sell", {"stop_loss": "100", "limit_price": "100"}, "stop_loss"),
        ("buy", {"stop_loss": "101", "order_type": "stop", "trigger_price": "100"}, "stop_loss"),
        ("sell", {"stop_loss": "99", "limit_price": "100"}, "stop_loss"),
        ("buy", {"stop_loss": "2%"}, "stop_loss_rate"),
        ("sell", {"stop_loss": "-2%"}, "stop_loss_rate"),
        ("sell", {"stop_loss_rate": "-1.5"}, "stop_loss_rate"),
    ],
)
def test_a_stop_lies_where_the_order_loses(side: str, wishes: dict[str, object], field: str) -> None:
    """Below the entry of a buy, above that of a sell: refused at once when both are known."""
    with pytest.raises(NumberRefused) as caught:
        direct("BTC/USDT", side=side, risk="50", **wishes)
    assert caught.value.field == field
    assert caught.value.fix


def test_a_stop_on_the_wrong_side_is_told_the_right_one() -> None:
    """The error names both prices and where the stop belongs."""
    with pytest.raises(NumberRefused, match="101 is not below the entry price, 100") as buy:
        Proposal.buy("BTC/USDT", risk="50", stop_loss="101", limit_price="100")
    assert buy.value.fix == "Pass a price below it."
    with pytest.raises(NumberRefused, match="99 is not above the entry price, 100") as sell:
        Proposal.sell("BTC/USDT", risk="50", stop_loss="99", limit_price="100")
    assert sell.value.fix == "Pass a price above it."


def test_a_target_has_no_side() -> None:
    """A target may be negative or zero, and its side is computed later."""
    for target in ("-0.5", 0, "1"):
        made: Any = Proposal.to_target("BTC/USDT", target, note="rebalance", tags=["b", "a", "b"])
        assert (made.side, made.target) == (None, Decimal(target))
        assert (made.note, made.tags) == ("rebalance", ("a", "b"))
        assert attrs.evolve(made, note="") == Proposal.to_target("BTC/USDT", target, tags=("a", "b"))
