"""The plugin provides the checks that its configuration names, and refuses what it does not understand."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest

from fairlead.errors import PluginRefused
from fairlead.hookspecs import PluginContext
from fairlead.plugins.manager import PluginManager
from fairlead.plugins.records import PluginState
from fairlead_riskhooks.maximum_positions import (
    MaximumPositions,
    MaximumPositionsSettings,
    PendingClosePolicy,
)
from fairlead_riskhooks.minimum_size import MinimumSize, MinimumSizeSettings, SizeLimits
from fairlead_riskhooks.plugin import RiskHooksPlugin, RiskHooksSettings
from fairlead_riskhooks.reason_codes import REASON_CODES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "reason-codes.md"


def context() -> PluginContext:
    """Return a context as a kernel makes it."""
    nowhere: Any = None
    return PluginContext("account", nowhere, nowhere, {}, logging.getLogger("test"))


def loaded(table: dict[str, Any]) -> PluginManager:
    """Return a manager that loaded the installed plugin with this table."""
    manager = PluginManager(tables={"riskhooks": table})
    manager.load(["riskhooks"])
    return manager


def test_installed_plugin_is_active() -> None:
    """The distribution's entry point passes the lint and the check of the API version."""
    (record,) = loaded({}).records()

    assert (record.state, record.reason) == (PluginState.ACTIVE, "")
    assert (record.distribution, record.hooks) == ("fairlead-riskhooks", ("fairlead_risk_checks",))


@pytest.mark.requirement("P1-2", "P1-3")
def test_configuration_names_the_checks() -> None:
    """A full table becomes both checks, with every setting where it belongs."""
    table = {
        "minimum_size": {"symbols": {"BTC/USDT": {"minimum_quantity": "0.001", "minimum_cost": 5}}},
        "maximum_positions": {
            "total": 5,
            "per_symbol": 1,
            "pending_close_policy": "optimistic",
            "allow_increase": True,
        },
    }

    minimum_size, maximum_positions = loaded(table).risk_checks(context())

    limits = SizeLimits(minimum_quantity="0.001", minimum_cost=5)
    assert minimum_size == MinimumSize(MinimumSizeSettings(symbols={"BTC/USDT": limits}))
    assert maximum_positions == MaximumPositions(
        MaximumPositionsSettings(
            total=5, per_symbol=1, pending_close_policy=PendingClosePolicy.OPTIMISTIC, allow_increase=True
        )
    )


@pytest.mark.parametrize(
    ("table", "names"),
    [
        ({"minimum_size": {}}, ["minimum_size"]),
        ({"maximum_positions": {"total": 1}}, ["maximum_positions"]),
        ({"maximum_exposure": {"total": "1"}}, ["maximum_exposure"]),
        ({"daily_loss": {"maximum_loss": "1"}}, ["daily_loss"]),
        ({"order_rate": {"window_ms": 1, "total": 1}}, ["order_rate"]),
        ({"duplicate_intent": {"window_ms": 1}}, ["duplicate_intent"]),
        ({"cool_down": {"after_stop_ms": 1}}, ["cool_down"]),
        ({"price_band": {"rate": "0.05"}}, ["price_band"]),
        ({"stale_price": {"maximum_age_ms": 1}}, ["stale_price"]),
        ({"symbols": {"deny": ["BTC/USDT"]}}, ["symbols"]),
        ({"trading_hours": {"windows": [{"begins": "09:00", "ends": "17:00"}]}}, ["trading_hours"]),
        ({"maximum_leverage": {"maximum": 3, "symbols": {"BTC/USDT": "2"}}}, ["maximum_leverage"]),
        ({}, []),
    ],
)
def test_check_without_a_table_is_off(table: dict[str, Any], names: list[str]) -> None:
    """Each check can be used alone."""
    assert [check.name for check in loaded(table).risk_checks(context())] == names


def test_plugin_without_any_check_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """A loaded plugin that protects nothing does not stay silent."""
    loaded({}).risk_checks(context())

    assert caplog.messages == ["plugins.riskhooks names no check, so this plugin provides none"]


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({"minimumsize": {}}, "plugins.riskhooks.minimumsize: unknown key; did you mean minimum_size?"),
        ({"maximum_positions": {"totl": 5}}, "maximum_positions.totl: unknown key; did you mean total?"),
        ({"maximum_positions": {}}, "plugins.riskhooks.maximum_positions: give total, per_symbol or both."),
        (
            {"maximum_positions": {"total": 0}},
            "maximum_positions: total must be a whole number of at least 1.",
        ),
        ({"maximum_positions": {"total": "5"}}, "maximum_positions.total: must be a whole number, not text."),
        (
            {"maximum_positions": {"total": 5, "pending_close_policy": "lax"}},
            "pending_close_policy: must be one of strict, optimistic",
        ),
        (
            {"maximum_exposure": {}},
            "plugins.riskhooks.maximum_exposure.order: none of order, position, total is set",
        ),
        (
            {"maximum_exposure": {"total": "0"}},
            "plugins.riskhooks.maximum_exposure.total: must be greater than",
        ),
        ({"price_band": {"rate": 0.05}}, "plugins.riskhooks.price_band.rate: a float (0.05)"),
        ({"stale_price": {"maximum_age_ms": 0}}, "plugins.riskhooks.stale_price.maximum_age_ms: is no whole"),
        ({"order_rate": {"total": 1}}, "plugins.riskhooks.order_rate.window_ms: is missing"),
        (
            {"minimum_size": {"symbols": {"BTC/USDT": {"minimum_cost": 0.5}}}},
            'plugins.riskhooks.minimum_size.symbols."BTC/USDT".minimum_cost: a float (0.5)',
        ),
        (
            {"minimum_size": {"symbols": {"BTC/USDT": {"minimum_cost": "0"}}}},
            'minimum_size.symbols."BTC/USDT".minimum_cost: must be greater than zero',
        ),
        (
            {"minimum_size": {"symbols": {"btc/usdt": {"minimum_cost": "1"}}}},
            "plugins.riskhooks.minimum_size.symbols: 'btc/usdt' has a shape that is not taken",
        ),
    ],
)
def test_mistake_in_the_table_stops_the_start(table: dict[str, Any], complaint: str) -> None:
    """The error names plugin, path, problem and remedy."""
    with pytest.raises(PluginRefused) as caught:
        loaded(table).risk_checks(context())

    assert complaint in str(caught.value)
    assert "Plugin 'riskhooks' (fairlead-riskhooks" in str(caught.value)


def test_plugin_as_an_object() -> None:
    """A bot that configures itself in Python needs no table and no entry point."""
    settings = RiskHooksSettings(maximum_positions=MaximumPositionsSettings(total=3))
    manager = PluginManager()
    manager.add(RiskHooksPlugin(settings))

    (check,) = manager.risk_checks(context())

    assert check == MaximumPositions(MaximumPositionsSettings(total=3))
    assert manager.records()[0].name == "riskhooks"


def test_object_and_table_together_are_refused() -> None:
    """Two sources of limits would leave one of them without effect."""
    manager = PluginManager(tables={"riskhooks": {"minimum_size": {}}})
    manager.add(RiskHooksPlugin(RiskHooksSettings()))

    with pytest.raises(PluginRefused, match="was given its settings as an object"):
        manager.risk_checks(context())


def test_page_lists_every_reason_code_as_the_code_says() -> None:
    """docs/reference/reason-codes.md has exactly the codes of the shipped checks, each with its meaning."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| (\w+) \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert rows == [(code, check, meaning) for code, (check, meaning) in REASON_CODES.items()]


def test_the_page_of_checks_has_a_row_for_each_with_all_its_codes() -> None:
    """docs/reference/risk-checks.md names every check once, with exactly the codes that it gives."""
    page = (PAGE.parent / "risk-checks.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_]+)` \| [^|]+ \| ([^|]+) \| [^|]+ \|$", page, re.MULTILINE)
    told = {check: set(re.findall(r"`([A-Z_]+)`", codes)) for check, codes in rows}
    given: dict[str, set[str]] = {}
    for code, (check, _) in REASON_CODES.items():
        given.setdefault(check, set()).add(code)
    assert told == given
    assert len(rows) == len(told)
    for check in told:
        assert f"\n## `{check}`\n" in page
        assert f"[plugins.riskhooks.{check}" in page
