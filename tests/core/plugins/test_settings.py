"""Typed settings: what is taken, and that every refusal names the path, the problem and the fix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import attrs
import pytest

from fairlead.errors import ConfigurationRefused, SettingRefused
from fairlead.ports.exchange import Instrument
from fairlead.ports.numbers import to_positive
from fairlead.ports.settings import structure_settings


class Policy(StrEnum):
    """Two ways."""

    STRICT = "strict"
    OPTIMISTIC = "optimistic"


@attrs.frozen
class Limits:
    """A nested table."""

    cost: Decimal = Decimal(1)
    count: int = attrs.field(default=1, validator=attrs.validators.ge(1))

    def __attrs_post_init__(self) -> None:
        to_positive(self.cost, "cost")


@attrs.frozen
class Settings:
    """A table with one field of each kind that is taken."""

    total: int
    name: str = "x"
    enabled: bool = False
    share: float = 0.5
    policy: Policy = Policy.STRICT
    symbols: tuple[str, ...] = ()
    tags: frozenset[str] = frozenset()
    per_symbol: Mapping[str, Limits] = attrs.field(factory=dict)
    several: tuple[Limits, ...] = ()
    budget: Decimal | None = None
    limits: Limits | None = None
    shares: Mapping[Policy, Decimal] = attrs.field(factory=dict)
    steps: Sequence[Limits] = ()
    file: Path | None = None
    path: str | Path = "a"
    instruments: Sequence[Instrument] = ()
    made: str = attrs.field(default="by the class", init=False)

    def __attrs_post_init__(self) -> None:
        if not str(self.path):
            raise SettingRefused("mine.path", "must not be empty", fix='Write a path, such as "a.txt".')


def structured(table: Any) -> Settings:  # noqa: ANN401 - wrong tables are the point
    """Structure the table below the path plugins.mine."""
    return structure_settings(Settings, table, "plugins.mine")


def test_everything_that_is_taken() -> None:
    """A full table becomes the object, without any conversion that could surprise."""
    table = {
        "total": 5,
        "name": "grid",
        "enabled": True,
        "share": 1,
        "policy": "optimistic",
        "symbols": ["BTC/USDT"],
        "tags": ["a", "b", "a"],
        "per_symbol": {"BTC/USDT": {"cost": "0.1", "count": 2}},
        "several": [{}, {"cost": 3}],
        "budget": Decimal("1.50"),
        "limits": {},
        "shares": {"strict": "0.25"},
        "steps": [{"count": 3}],
        "file": "a/b.csv",
        "path": "c.sqlite",
    }

    settings = structured(MappingProxyType(table))

    assert settings == Settings(
        total=5,
        name="grid",
        enabled=True,
        share=1.0,
        policy=Policy.OPTIMISTIC,
        symbols=("BTC/USDT",),
        tags=frozenset({"a", "b"}),
        per_symbol={"BTC/USDT": Limits(Decimal("0.1"), 2)},
        several=(Limits(), Limits(Decimal(3))),
        budget=Decimal("1.50"),
        limits=Limits(),
        shares={Policy.STRICT: Decimal("0.25")},
        steps=(Limits(count=3),),
        file=Path("a/b.csv"),
        path="c.sqlite",
    )
    assert isinstance(settings.path, str)
    assert isinstance(settings.file, Path)


def test_what_is_made_already_is_taken() -> None:
    """A table written in Python may hold the objects themselves."""
    made = Limits(Decimal(2), 7)

    settings = structured(
        {"total": 1, "limits": made, "steps": [made], "policy": Policy.OPTIMISTIC, "path": Path("p")}
    )

    assert settings == Settings(total=1, limits=made, steps=(made,), policy=Policy.OPTIMISTIC, path=Path("p"))
    assert settings.limits is made


INSTRUMENT = {
    "symbol": "BTC/USDT",
    "base": "BTC",
    "quote": "USDT",
    "price_increment": "0.1",
    "quantity_increment": "0.01",
}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            {"price_increment": "0"},
            "price_increment: must be greater than zero, not 0. Pass a positive number.",
        ),
        ({"price_increment": 0.1}, "price_increment: a float (0.1) cannot hold money or quantity exactly."),
        ({"quote": "usdt"}, "quote: 'usdt' is not the code of an asset."),
        ({"tick": 1}, "tick: unknown key; "),
    ],
)
def test_a_record_that_names_itself_is_not_named_twice(change: dict[str, Any], complaint: str) -> None:
    """The domain says instrument.price_increment; the path of the table says it already."""
    with pytest.raises(ConfigurationRefused) as caught:
        structured({"total": 1, "instruments": [INSTRUMENT, {**INSTRUMENT, **change}]})

    assert str(caught.value).startswith(f"plugins.mine.instruments[1].{complaint}")


def test_a_class_may_refuse_without_naming_a_field() -> None:
    """What a class's own check raises is told once, with one full stop, below the table's path."""

    @attrs.frozen
    class Broken:
        kind: str = "a"

        def __attrs_post_init__(self) -> None:
            raise {"a": ConfigurationRefused, "b": ValueError}[self.kind]("These do not fit together.")

    for kind in "ab":
        with pytest.raises(ConfigurationRefused) as caught:
            structure_settings(Broken, {"kind": kind}, "plugins.broken")
        assert str(caught.value).startswith("plugins.broken: These do not fit together. Nothing ")


def test_a_missing_key_may_bring_its_example() -> None:
    """The example of the field's metadata tells what to write."""

    @attrs.frozen
    class Needs:
        path: str = attrs.field(metadata={"example": '"bot.sqlite"'})

    with pytest.raises(ConfigurationRefused) as caught:
        structure_settings(Needs, {}, "plugins.needs")

    assert 'plugins.needs.path: is missing. Write, for example, path = "bot.sqlite".' in str(caught.value)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"totl": 1}, "plugins.mine.totl: unknown key; did you mean total?"),
        ({"zzz": 1}, "plugins.mine.zzz: unknown key; known are total, name,"),
        ({"limits": {"cots": 1}}, "plugins.mine.limits.cots: unknown key; did you mean cost?"),
        ({"total": "5"}, "plugins.mine.total: must be a whole number, not text."),
        ({"total": 5.0}, "plugins.mine.total: must be a whole number, not a float."),
        ({"total": True}, "plugins.mine.total: must be a whole number, not true or false."),
        ({"name": 5}, "plugins.mine.name: must be text, not a whole number."),
        ({"enabled": "no"}, "plugins.mine.enabled: must be true or false, not text."),
        ({"enabled": 0}, "plugins.mine.enabled: must be true or false, not a whole number."),
        ({"share": "half"}, "plugins.mine.share: must be a number, not text."),
        ({"policy": "lax"}, "plugins.mine.policy: must be one of strict, optimistic. "),
        (
            {"policy": "strickt"},
            "plugins.mine.policy: must be one of strict, optimistic; did you mean strict?",
        ),
        ({"policy": True}, "plugins.mine.policy: must be one of strict, optimistic, not true or false."),
        ({"shares": {"lax": "0.5"}}, "plugins.mine.shares.lax: unknown key; known are strict, optimistic."),
        ({"shares": {"strikt": "0.5"}}, "plugins.mine.shares.strikt: unknown key; did you mean strict?"),
        ({"shares": {"strict": 0.5}}, "plugins.mine.shares.strict: a float (0.5) cannot hold money"),
        ({"shares": {5: "0.5"}}, "plugins.mine.shares.5: unknown key; known are strict, optimistic."),
        ({"per_symbol": {5: {}}}, "plugins.mine.per_symbol.5: must be text, not a whole number."),
        ({"file": 5}, "plugins.mine.file: must be the path of a file as text, not a whole number."),
        ({"path": ["a"]}, "plugins.mine.path: must be the path of a file as text, not a list."),
        ({"path": ""}, 'plugins.mine.path: must not be empty. Write a path, such as "a.txt".'),
        ({"steps": {"0": {}}}, "plugins.mine.steps: must be a list, not a table."),
        ({"steps": [{}, {"cots": 1}]}, "plugins.mine.steps[1].cots: unknown key; did you mean cost?"),
        ({"made": "x"}, "plugins.mine.made: unknown key; "),
        ({5: "x"}, "plugins.mine.5: unknown key; known are total, name,"),
        ({"symbols": "BTC/USDT"}, "plugins.mine.symbols: must be a list, not text."),
        ({"symbols": ["A", 5]}, "plugins.mine.symbols[1]: must be text, not a whole number."),
        ({"per_symbol": ["A"]}, "plugins.mine.per_symbol: must be a table, not a list."),
        (
            {"per_symbol": {"BTC/USDT": {"cost": 0.1}}},
            'plugins.mine.per_symbol."BTC/USDT".cost: a float (0.1) cannot hold money or quantity exactly.',
        ),
        (
            {"per_symbol": {'a"\x1b': {"count": "1"}}},
            'plugins.mine.per_symbol."a\\"\\x1b".count: must be a whole number, not text.',
        ),
        ({"several": [{}, {"cost": "NaN"}]}, "plugins.mine.several[1].cost: "),
        ({"several": [{"cost": "0"}]}, "plugins.mine.several[0].cost: must be greater than zero, not 0."),
        ({"several": [{"count": 0}]}, "plugins.mine.several[0].count: must be >= 1: 0."),
        ({"budget": 0.5}, 'Pass text or Decimal: "0.5" or Decimal("0.5").'),
        ({"budget": True}, "plugins.mine.budget: a bool is not a number here."),
        ({"limits": 5}, "plugins.mine.limits: must be a table, not a whole number."),
        ({"limits": "secret-token"}, "plugins.mine.limits: must be a table, not text."),
    ],
)
def test_refusal_names_path_and_problem(change: dict[str, Any], complaint: str) -> None:
    """Nothing is guessed, converted or ignored."""
    with pytest.raises(ConfigurationRefused) as caught:
        structured({"total": 1, **change})

    assert complaint in str(caught.value)


def test_missing_key_is_named() -> None:
    """A setting without a default must be given."""
    with pytest.raises(ConfigurationRefused, match=r"plugins\.mine\.total: is missing\."):
        structured({})


def test_table_that_is_no_table() -> None:
    """The whole value may be of the wrong kind."""
    with pytest.raises(ConfigurationRefused, match=r"plugins\.mine: must be a table, not a list\."):
        structured([])


def test_all_complaints_come_at_once() -> None:
    """A user repairs a file in one round."""
    with pytest.raises(ConfigurationRefused) as caught:
        structured({"name": 1, "enabled": 2, "several": [{"cost": 0.1}, {"count": "x"}]})

    text = str(caught.value)
    for path in ("total", "name", "enabled", "several[0].cost", "several[1].count"):
        assert f"plugins.mine.{path}: " in text


def test_wrong_value_is_never_shown_where_text_was_due() -> None:
    """A secret in the wrong place does not reach a log."""
    with pytest.raises(ConfigurationRefused) as caught:
        structured({"total": "secret-token", "enabled": "secret-token", "policy": "secret-token"})

    assert "secret-token" not in str(caught.value)
