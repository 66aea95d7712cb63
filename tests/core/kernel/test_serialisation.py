"""Every public value becomes a dictionary and JSON, and comes back equal to the last digit."""

from __future__ import annotations

import functools
import json
import types
import typing
from collections.abc import Sequence
from decimal import Decimal
from enum import Enum
from typing import Any

import attrs
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fairlead
from fairlead import (
    Conversion,
    KernelSettings,
    OrderType,
    Proposal,
    TradingDay,
    from_dict,
    from_json,
    to_dict,
    to_json,
)
from fairlead.domain.order_terms import complaint
from fairlead.errors import InvalidInput, NotRunning, UnknownName
from fairlead.kernel.serialisation import HOMES, NOT_VALUES, TYPE, _classes, _fields
from fairlead.testing.strategies import decimals, instruments, positive_decimals
from tests.core.kernel.bench import BTC, Bench, on_bench

TIMES = st.integers(1, 2**62)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12)
FRACTIONS = st.integers(1, 10**6 - 1).map(lambda digits: Decimal(digits).scaleb(-6))


@st.composite
def proposals(draw: st.DrawFn) -> Proposal:
    """Draw proposals of every legal combination of terms."""
    size = draw(st.sampled_from(["quantity", "notional", "risk", "target"]))
    wishes: dict[str, Any] = {
        size: draw(positive_decimals()),
        "book": draw(st.none() | NAMES),
        "note": draw(st.just("") | TEXTS),
        "tags": draw(st.lists(NAMES, max_size=3)),
        "metadata": draw(st.dictionaries(NAMES, TEXTS, max_size=3)),
        "reduce_only": draw(st.booleans()),
        "leverage": draw(st.none() | st.integers(1, 100)),
    }
    if size != "target":
        wishes["side"] = draw(st.sampled_from(["buy", "sell"]))
    if size == "risk":
        rate = draw(FRACTIONS)
        wishes["stop_loss_rate"] = -rate if wishes["side"] == "buy" else rate
    order_type = draw(st.sampled_from(OrderType))
    terms: dict[str, st.SearchStrategy[Any]] = {
        "limit_price": positive_decimals(),
        "trigger_price": positive_decimals(),
        "trailing_distance": positive_decimals(),
        "trailing_rate": FRACTIONS,
        "max_slippage": FRACTIONS,
        "expire_ns": TIMES,
        "post_only": st.just(True),
    }
    chosen = draw(st.sets(st.sampled_from(sorted(terms)), max_size=3))
    force = draw(st.sampled_from(["gtc", "ioc", "fok", "gtd"]))
    given_terms = frozenset({size, *chosen, *(wishes.keys() & {"side", "stop_loss_rate"})})
    if complaint(order_type, fairlead.TimeInForce(force), given_terms) is not None:
        chosen, force, order_type = set(), "gtc", OrderType.MARKET
    drawn = {name: draw(terms[name]) for name in sorted(chosen)}
    return Proposal(symbol=BTC, order_type=order_type, time_in_force=force, **wishes, **drawn)


@st.composite
def kernel_settings(draw: st.DrawFn) -> KernelSettings:
    """Draw settings with some of the whole numbers changed."""
    names = (
        "order_deadline_ms",
        "deadline_margin_ms",
        "commit_timeout_ms",
        "price_max_age_ms",
    )  # each by itself
    chosen = draw(st.sets(st.sampled_from(names)))
    changes: dict[str, Any] = {name: draw(st.integers(1, 10**6)) for name in sorted(chosen)}
    return KernelSettings(account=draw(NAMES), **changes)


@st.composite
def conversions(draw: st.DrawFn) -> Conversion:
    """Draw ways between two currencies, by a pair or by a peg."""
    rate = draw(st.fixed_dictionaries({"peg": positive_decimals()}) | st.just({"pair": BTC}))
    return Conversion(currency="BTC", into="USDT", haircut=draw(FRACTIONS), **rate)


TRADING_DAYS = st.builds(
    TradingDay, timezone=st.sampled_from(["UTC", "America/New_York"]), at=st.sampled_from(["00:00", "17:30"])
)
CHECKED: dict[str, st.SearchStrategy[Any]] = {
    "Conversion": conversions(),
    "Instrument": instruments(),
    "Proposal": proposals(),
    "KernelSettings": kernel_settings(),
    "TradingDay": TRADING_DAYS,
}
"""Classes that check their fields together when they are made."""


@functools.cache
def drawn(hint: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - an annotation has no type of its own
    """Return a strategy for a field's type; an unknown one raises, so that no field is forgotten."""
    plain: dict[Any, st.SearchStrategy[Any]] = {
        str: TEXTS, int: TIMES, bool: st.booleans(), Decimal: decimals(), types.NoneType: st.none()
    }  # fmt: skip
    if hint in plain:
        return plain[hint]
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return st.one_of(*map(drawn, arguments))
    if typing.get_origin(hint) in (tuple, Sequence):
        if arguments[1:] not in ((), (Ellipsis,)):
            return st.tuples(*map(drawn, arguments))
        return st.lists(drawn(arguments[0]), max_size=2).map(tuple)
    if issubclass(hint, Enum):
        return st.sampled_from(hint)
    return values(hint)


@functools.cache
def values(cls: type) -> st.SearchStrategy[Any]:
    """Return a strategy for a public class."""
    if cls.__name__ in CHECKED:
        return CHECKED[cls.__name__]
    return st.builds(cls, **{name: drawn(hint) for name, hint in _fields(cls).items()})


@pytest.mark.requirement("P3-3")
@pytest.mark.parametrize("name", sorted(_classes()))
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_every_public_value_comes_back(name: str, data: st.DataObject) -> None:
    """To a dictionary of plain data, to JSON, and back: equal, field by field, of the same class."""
    value = data.draw(values(_classes()[name]))
    plain = to_dict(value)
    assert plain[TYPE] == name
    assert json.loads(json.dumps(plain)) == plain
    for again in (from_dict(plain), from_json(to_json(value)), from_json(to_json(value).encode())):
        assert type(again) is type(value)
        assert again == value
        for field in _fields(_classes()[name]):
            assert getattr(again, field) == getattr(value, field)
            assert type(getattr(again, field)) is type(getattr(value, field))


@pytest.mark.requirement("P3-3")
def test_no_public_class_is_forgotten() -> None:
    """Whatever class of data the public modules export can be written, or stands in a list with a reason."""
    for home in HOMES:
        module = __import__(home, fromlist=["x"])
        for name in getattr(module, "__all__", None) or vars(module):
            exported = getattr(module, name)
            if isinstance(exported, type) and exported.__module__.startswith("fairlead."):
                is_data = attrs.has(exported) or issubclass(exported, msgspec.Struct)
                if is_data and exported.__name__ != "Value":
                    assert (name in _classes()) is (name not in NOT_VALUES), name


@pytest.mark.requirement("P3-3")
def test_what_the_kernel_hands_out_comes_back() -> None:
    """Views, results, events and records of a real run, with the bot's own data in them."""

    async def main(bench: Bench) -> None:
        seen: list[object] = []
        bench.kernel.events.subscribe(seen.append)
        bench.price()
        wish = Proposal.buy(BTC, notional="250", metadata={"signal": "breakout"}, note="a", tags=["b"])
        result = await bench.bot.execute(wish)
        bench.exchange.trade(result.client_order_id, "2.5", "100", fee="0.1")
        await bench.pass_ms()
        order, position = bench.order(result.client_order_id), bench.bot.position(BTC)
        assert order.metadata == (("signal", "breakout"),)
        kinds = {type(value).__name__ for value in seen}
        assert {"OrderChanged", "FillBooked", "PositionChanged"} <= kinds
        for value in (wish, order, position, *seen, *bench.records(), *bench.kernel.instruments.values()):
            assert from_json(to_json(value)) == value
        again = from_dict(to_dict(result))
        assert isinstance(again, fairlead.ExecutionResult)
        assert (again, again.summary()) == (result, result.summary())
        with pytest.raises(NotRunning, match="belongs to no kernel"):
            await again.closed()

    on_bench(main)


GOOD: dict[str, Any] = to_dict(Proposal.buy(BTC, quantity="1", metadata={"a": "b"}))
VERDICT: dict[str, Any] = {
    TYPE: "Verdict", "check": "a", "version": "1", "allowed": True, "code": "", "reason": "", "figures": []
}  # fmt: skip


@pytest.mark.parametrize(
    ("plain", "field"),
    [
        ({**GOOD, "quantiy": "1"}, "value"),
        ({**GOOD, TYPE: "Kernel"}, "value.type"),
        ({**GOOD, TYPE: 7}, "value.type"),
        ({name: value for name, value in GOOD.items() if name != TYPE}, "value.type"),
        ({name: value for name, value in GOOD.items() if name != "symbol"}, "value"),
        ([], "value"),
        ({**GOOD, "quantity": "NaN"}, "value.quantity"),
        ({**GOOD, "quantity": 1}, "value.quantity"),
        ({**GOOD, "quantity": "9" * 201}, "value.quantity"),
        ({**GOOD, "quantity": "0"}, "quantity"),
        ({**GOOD, "side": "short"}, "value.side"),
        ({**GOOD, "side": {}}, "value.side.type"),
        ({**GOOD, "side": GOOD}, "value.side"),
        ({**GOOD, "symbol": 7}, "value.symbol"),
        ({**GOOD, "post_only": 1}, "value.post_only"),
        ({**GOOD, "expire_ns": True}, "value.expire_ns"),
        ({**GOOD, "tags": "ab"}, "value.tags"),
        ({**GOOD, "metadata": [["a"]]}, "value.metadata.0"),
        ({**GOOD, "metadata": [["a", 7]]}, "value.metadata.0.1"),
        ({TYPE: "OrderJudgedAgain", "client_order_id": "", "allowed": True, "verdicts": [GOOD]},
         "value.verdicts.0"),
        ({TYPE: "LookUp", "report": VERDICT, "fills": [], "complete": True}, "value.report"),
    ],
)  # fmt: skip
def test_what_is_no_value_is_refused(plain: Any, field: str) -> None:  # noqa: ANN401 - bad on purpose
    """Wrong types, words, figures, classes and fields are refused with the path to them."""
    with pytest.raises(InvalidInput) as caught:
        from_dict(plain)
    assert caught.value.field == field
    assert str(caught.value).isprintable()


def test_only_public_values_are_written() -> None:
    """Anything else is refused, and so is text that is no JSON."""
    for other in (None, 7, "text", [], object(), OrderType.LIMIT):
        with pytest.raises(InvalidInput, match="no public value"):
            to_dict(other)
    with pytest.raises(InvalidInput, match="no JSON"):
        from_json("{")
    with pytest.raises(UnknownName, match=r"value\.type"):
        from_json("{}")
