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
@pytest.mark.parametrize("leverage", [0, "0.5", "NaN", 1, 2])
def test_no_leverage_is_taken_yet(make: Maker, leverage: object) -> None:
    """Leverage is refused whatever it is, so none below 1 and none that is infinite can be proposed."""
    with pytest.raises(UnknownName, match="leverage"):
        make("BTC/USDT", quantity="1", leverage=leverage)


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
    assert "book, limit_price, metadata, notional, quantity, time_in_force" in caught.value.fix


def test_a_hostile_keyword_is_escaped() -> None:
    """A keyword with control characters cannot break the line of a log."""
    with pytest.raises(UnknownName) as caught:
        direct("BTC/USDT", quantity="1", **{"a\n\x1b[31m": "1"})
    assert str(caught.value).isprintable()


@each_way
@pytest.mark.parametrize(("wishes", "given"), [({}, "neither"), ({"quantity": "1", "notional": "1"}, "both")])
def test_exactly_one_size_is_given(make: Maker, wishes: dict[str, object], given: str) -> None:
    """Neither size and both sizes are refused with the fix."""
    with pytest.raises(InvalidInput, match=f"{given} was given") as caught:
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
    for wrong in ("fok", "IOC", 7, "i\noc"):
        with pytest.raises(InvalidInput, match=r"Known are gtc, ioc\.") as caught:
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
        "buy", "sell", "market", "limit", "gtc", "ioc", "maker", "taker"
    ]  # fmt: skip
