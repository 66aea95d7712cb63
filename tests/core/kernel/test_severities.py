"""Severities: what an anomaly does to trading is a table, and the configuration may change each entry."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest
from msgspec.structs import replace

from fairlead import KernelSettings, OrderSide
from fairlead.domain.anomalies import BY_POLICY, MEANING, SEVERITY, AnomalyKind, Severity
from fairlead.domain.reconciliation import DriftedPolicy
from fairlead.domain.records import AnomalyNoted, TradingStateChanged
from fairlead.errors import ConfigurationRefused, InvalidInput, SettingRefused, UnknownName
from fairlead.kernel.anomaly_settings import AnomalySettings
from fairlead.kernel.configuration import read_configuration
from fairlead.kernel.decide.severities import severities_of
from tests.core.kernel.bench import Bench, on_bench

STATES = {"note": "active", "reduce": "reducing", "halt": "halted"}


def test_every_kind_is_a_setting_or_a_class_with_a_policy() -> None:
    """No anomaly is out of reach; each setting has the default of the table, and its meaning."""
    fields = {field.name: field for field in attrs.fields(AnomalySettings)}
    assert set(fields) == {kind.value for kind in AnomalyKind} - {kind.value for kind in BY_POLICY}
    for name, field in fields.items():
        kind = AnomalyKind(name)
        assert (field.default, field.metadata["doc"]) == (SEVERITY[kind], MEANING[kind])
    assert severities_of(KernelSettings(account="a")) == SEVERITY


@pytest.mark.parametrize("severity", ["note", "reduce", "halt"])
def test_the_configured_severity_acts_in_the_step_of_the_anomaly(severity: str) -> None:
    """An overfill does to trading what is configured, on record with its reason, right behind its anomaly."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        bench.exchange.trade(name, "1.5", "100")
        await bench.pass_ms()
        assert bench.kernel.trading_state.value == STATES[severity]
        records = bench.records()
        at = next(place for place, record in enumerate(records) if isinstance(record, AnomalyNoted))
        noted = records[at]
        assert isinstance(noted, AnomalyNoted)
        assert (noted.anomaly, noted.severity) == (AnomalyKind.OVERFILL, Severity(severity))
        if severity != "note":
            changed = records[at + 1]
            assert isinstance(changed, TradingStateChanged)
            assert (changed.state.value, changed.by) == (STATES[severity], "kernel")
            assert changed.reason == f"overfill: {noted.detail}"
        assert await bench.position() == Decimal("1.5")  # booked in full, whatever it does to trading

    on_bench(main, settings={"anomalies": {"overfill": severity}})


@pytest.mark.parametrize(
    ("settings", "kind", "severity"),
    [
        ({"missing_policy": "halt"}, AnomalyKind.MISSING_AT_VENUE, Severity.HALT),
        ({"foreign_policy": "halt"}, AnomalyKind.FOREIGN_ORDER, Severity.HALT),
        ({"foreign_policy": "cancel"}, AnomalyKind.FOREIGN_ORDER, Severity.NOTE),
        ({"drifted_policy": "report"}, AnomalyKind.POSITION_DRIFTED, Severity.NOTE),
        ({"drifted_policy": "reduce"}, AnomalyKind.POSITION_DRIFTED, Severity.REDUCE),
        ({"drifted_policy": DriftedPolicy.HALT}, AnomalyKind.POSITION_DRIFTED, Severity.HALT),
    ],
)
def test_a_class_has_the_severity_of_its_policy(
    settings: dict[str, Any], kind: AnomalyKind, severity: Severity
) -> None:
    """Missing, foreign and drifted have policies of their own; nothing else of the table moves."""
    table = severities_of(KernelSettings(account="a", **settings))
    assert table[kind] is severity
    default = severities_of(KernelSettings(account="a"))
    assert {each: table[each] for each in table if each is not kind} == {
        each: default[each] for each in default if each is not kind
    }


def test_what_is_no_severity_or_no_anomaly_is_refused() -> None:
    """Unknown kinds and severities are named with those known; a class is sent to its own setting."""
    with pytest.raises(UnknownName, match="overfil") as unknown:
        KernelSettings(account="a", anomalies={"overfil": "note"})
    assert "overfill" in str(unknown.value)
    with pytest.raises(UnknownName, match=r"anomalies\.overfill"):
        KernelSettings(account="a", anomalies={"overfill": "shrug"})
    settings = {field.name for field in attrs.fields(KernelSettings)}
    for kind, setting in BY_POLICY.items():
        with pytest.raises(SettingRefused) as policy:
            KernelSettings(account="a", anomalies={kind.value: "halt"})
        assert setting in settings
        assert policy.value.fix == f"Set kernel.{setting}."
    with pytest.raises(InvalidInput, match="no mapping"):
        KernelSettings(account="a", anomalies="halt")
    kept = KernelSettings(account="a", anomalies={AnomalyKind.OVERFILL: Severity.NOTE})
    assert KernelSettings(account="a", anomalies=kept.anomalies).anomalies.overfill is Severity.NOTE


def test_a_file_says_it_in_a_table_of_its_own() -> None:
    """``[kernel.anomalies]`` in TOML: known keys are read, an unknown one is an error with a suggestion."""
    table = {"account": "a", "anomalies": {"overfill": "reduce", "check_hung": "note"}}
    settings = read_configuration({"kernel": table}).settings
    assert settings.anomalies.overfill is Severity.REDUCE
    assert settings.anomalies.check_hung is Severity.NOTE
    with pytest.raises(ConfigurationRefused, match=r"kernel\.anomalies\.overfil.*did you mean overfill"):
        read_configuration({"kernel": {"account": "a", "anomalies": {"overfil": "note"}}})
    with pytest.raises(ConfigurationRefused, match=r"kernel\.anomalies\.overfill"):
        read_configuration({"kernel": {"account": "a", "anomalies": {"overfill": "hault"}}})


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("foreign_policy", "steal", UnknownName),
        ("drifted_policy", "overwrite", UnknownName),
        ("drift_tolerance_steps", -1, SettingRefused),
        ("drift_tolerance_steps", True, SettingRefused),
        ("foreign_policy", "adopt", SettingRefused),
        ("adopt_owner", "bot", SettingRefused),
        ("history_overlap_ms", 0, SettingRefused),
    ],
)
def test_policies_that_cannot_be_are_refused(field: str, value: Any, error: type[Exception]) -> None:  # noqa: ANN401 - of several types
    """A policy that there is not, a tolerance below nothing, and adoption without saying for whom."""
    with pytest.raises(error, match="kernel"):
        KernelSettings(account="a", **{field: value})


@pytest.mark.parametrize("again", ["fee currency", "fee"])
def test_a_trade_that_comes_again_with_another_fee_is_noticed(again: str) -> None:
    """The fee's currency is one of the figures of a trade: as much of another coin is no repetition."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "2", "100")
        fill = bench.exchange.trade(name, "1", "100", fee="0.1", fee_currency="BNB")
        await bench.pass_ms()
        bench.exchange.say(fill)
        await bench.pass_ms()
        assert bench.anomalies() == []
        other = {"fee_currency": "USDT"} if again == "fee currency" else {"fee": Decimal("0.2")}
        bench.exchange.say(replace(fill, **other))
        await bench.pass_ms()
        assert bench.anomalies() == ["trade_differs"]
        assert len(bench.fills()) == 1

    on_bench(main)


def test_a_trade_without_a_fee_has_no_fee_currency() -> None:
    """Which currency nothing is paid in may be said one way in the stream and another in the history."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "2", "100")
        fill = bench.exchange.trade(name, "1", "100")
        await bench.pass_ms()
        bench.exchange.say(replace(fill, fee_currency=""))
        await bench.pass_ms()
        assert bench.anomalies() == []
        assert (fill.side, len(bench.fills())) == (OrderSide.BUY, 1)

    on_bench(main)
