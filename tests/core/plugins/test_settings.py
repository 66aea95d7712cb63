"""Typed settings: what is taken, and that every refusal names the path, the problem and the fix."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import attrs
import pytest

from fairlead.errors import ConfigurationRefused
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
    )


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
        ({"policy": "lax"}, "plugins.mine.policy: must be one of strict, optimistic, not text."),
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
        ({"several": [{"count": 0}]}, "plugins.mine.several[0]: 'count' must be >= 1: 0."),
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
