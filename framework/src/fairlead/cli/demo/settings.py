"""What the demo's processes are started with: plugin tables, sizes, fault rates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import attrs

from fairlead.cli.demo.bot import SYMBOL
from fairlead.kernel.settings import KernelSettings, OnStop

ACCOUNT = "main"

CURRENCY = "USDT"
OPENING_BALANCE = f"{CURRENCY}=100000"
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
TOKEN_VARIABLE = "FAIRLEAD_PAPER_TOKEN"  # noqa: S105 - the name of a variable, not a token
RISK_CHECKS: Mapping[str, Mapping[str, Any]] = {
    # Far above the venue's minimum: what is smaller is not worth its fees.
    "minimum_size": {"symbols": {SYMBOL: {"minimum_quantity": "0.005", "minimum_cost": "1000"}}},
    "maximum_positions": {"per_symbol": 2, "allow_increase": True},
    "maximum_exposure": {"order": "5000", "position": "9000", "total": "20000"},
    "daily_loss": {"maximum_loss": "300", "maximum_drawdown": "400"},
    "order_rate": {"window_ms": 3_600_000, "per_owner": 12},
    "duplicate_intent": {"window_ms": 1_000},
    "cool_down": {"after_loss_ms": 120_000},
    "price_band": {"rate": "0.01"},
    "stale_price": {"maximum_age_ms": 30_000},
    "symbols": {"allow": [SYMBOL]},
    "trading_hours": {
        "timezone": "UTC",
        "windows": [{"days": list(DAYS), "begins": "00:00", "ends": "24:00"}],
    },
    "maximum_leverage": {"maximum": 1},
}
"""All that are shipped, some of them tight enough to be seen at work in seven hours."""

CLIENT_TIMEOUT_MS = 2_000
"""How long the client waits for one answer: less than an order's deadline, so that a request can be late."""

FAULT_RATES: Mapping[str, str] = {
    "lost_request": "0.02",
    "lost_answer": "0.02",
    "late_answer": "0.03",
    "late_request": "0.03",
    "expired_request": "0.03",
    "rate_limited": "0.02",
    "garbage_answer": "0.02",
    "duplicate_report": "0.03",
    "delayed_report": "0.03",
    "reordered_report": "0.03",
    "disconnect": "0.01",
    "duplicate_fill": "0.25",
    "late_fill": "0.05",
}
"""The part of the chances at which each kind of fault happens with ``--faults``."""


class Moment(StrEnum):
    """Where the order in flight is when the process is killed."""

    BEFORE_SEND = "before_send"
    AFTER_ANSWER = "after_answer"


@attrs.frozen
class Hold:
    """Stop in the middle of the first order at or after a trade, and wait to be killed there."""

    at_trade: int
    moment: Moment


@attrs.frozen(kw_only=True)
class KernelProcessSettings:
    """Everything that the process with kernel and bot is told; it remembers nothing else."""

    venue_address: str
    store: str
    acknowledgements: str
    trades: int
    fault_seed: int | None
    hold: Hold | None
    webhook_port: int | None = None

    def text(self) -> str:
        """Return the settings as one argument of a command line."""
        return json.dumps(attrs.asdict(self))

    @classmethod
    def of_text(cls, text: str) -> KernelProcessSettings:
        """Return the settings that `text` wrote."""
        values = json.loads(text)
        hold = values.pop("hold")
        return cls(hold=hold and Hold(hold["at_trade"], Moment(hold["moment"])), **values)

    def tables(self) -> dict[str, dict[str, Any]]:
        """Return the plugins' configuration tables."""
        paper: dict[str, Any] = {
            "mode": "process",
            "account": ACCOUNT,
            "address": self.venue_address,
            "token_env": TOKEN_VARIABLE,
            "request_timeout_ms": CLIENT_TIMEOUT_MS,
        }
        if self.fault_seed is not None:
            paper["faults"] = {"seed": self.fault_seed, "rates": dict(FAULT_RATES)}
        return {
            "paper": paper,
            "sqlstore": {"path": self.store},
            "riskhooks": {name: dict(limits) for name, limits in RISK_CHECKS.items()},
        }


def kernel_settings() -> KernelSettings:
    """Return the kernel's settings: the defaults, but for a wait shorter than the deadline."""
    return KernelSettings(
        account=ACCOUNT,
        reporting_currency=CURRENCY,
        request_timeout_ms=2 * CLIENT_TIMEOUT_MS,
        on_stop=OnStop.LEAVE,
    )


@attrs.frozen(kw_only=True)
class DemoFiles:
    """The files of one run."""

    folder: Path

    @property
    def store(self) -> Path:
        """Return the kernel's database."""
        return self.folder / "kernel.sqlite"

    @property
    def venue(self) -> Path:
        """Return the venue's database."""
        return self.folder / "venue.sqlite"

    @property
    def acknowledgements(self) -> Path:
        """Return the list of client order ids that `execute` answered, one a line."""
        return self.folder / "acknowledged.txt"

    @property
    def log(self) -> Path:
        """Return what the processes wrote on stderr."""
        return self.folder / "processes.log"
