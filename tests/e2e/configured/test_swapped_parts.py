"""Parts are swapped in the configuration alone: another author's for ours, and a venue for the paper one.

The foreign distribution is installed as pip leaves it; the kernel runs on the system's clock, and what is
ours is real: the paper venue, the SQL store and the shipped checks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from fairlead import ExecutionResult, Kernel, Proposal
from fairlead.errors import ConfigurationRefused
from fairlead.plugins.discovery import installed
from tests.core.plugins.installed_distributions import declare, install
from tests.e2e.configured import foreign_parts

KERNEL = '[kernel]\naccount = "main"\n'
PAPER = '[plugins.paper.venue]\ntape = "shipped"\nfile = "venue.sqlite"\n'
SQLSTORE = '[plugins.sqlstore]\npath = "bot.sqlite"\n'
CHECKS = '[plugins.riskhooks.minimum_size.symbols."BTC/USDT"]\nminimum_quantity = "0.001"\n'
LIMITS = CHECKS + "[plugins.riskhooks.maximum_positions]\ntotal = 3\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder for a configuration, beside which the foreign distribution is installed."""
    install(tmp_path / "site", "foreign-parts", declare("foreign", "tests.e2e.configured.foreign_parts"))
    monkeypatch.syspath_prepend(tmp_path / "site")
    foreign_parts.VENUES.clear()
    installed.cache_clear()
    yield tmp_path
    installed.cache_clear()


def executed(
    folder: Path, *tables: str, quantity: str = "0.01", limit_price: str | None = "98000"
) -> ExecutionResult:
    """Have one order executed by a kernel with these tables."""
    path = folder / "fairlead.toml"
    path.write_text("\n".join(tables), encoding="utf-8")

    async def main() -> ExecutionResult:
        async with Kernel.from_config(path) as kernel:
            bot = kernel.session(owner="bot")
            return await bot.execute(Proposal.buy("BTC/USDT", quantity=quantity, limit_price=limit_price))

    return asyncio.run(main())


def test_ours_are_the_ones_to_be_swapped(folder: Path) -> None:
    """With our parts alone the order goes out, and one below the configured minimum does not."""
    assert not executed(folder, KERNEL, PAPER, SQLSTORE, CHECKS).denied
    denied = executed(folder, KERNEL, PAPER, SQLSTORE, CHECKS, quantity="0.0009")
    assert denied.order.denial_code == "QUANTITY_BELOW_MINIMUM"


def test_a_foreign_minimum_size_replaces_ours(folder: Path) -> None:
    """Its table stands where ours stood; its verdict denies and allows."""
    foreign = '[plugins.foreign]\nminimum = "0.05"\n'
    denied = executed(folder, KERNEL, PAPER, SQLSTORE, foreign)
    assert denied.order.denial_code == "FOREIGN_MINIMUM"
    assert not executed(folder, KERNEL, PAPER, SQLSTORE, foreign, quantity="0.05").denied


def test_a_foreign_store_replaces_ours(folder: Path) -> None:
    """The journal lies there, and no file of ours appears."""
    assert not executed(folder, KERNEL, PAPER, "[plugins.foreign]\nstore = true\n", CHECKS).denied
    assert not (folder / "bot.sqlite").exists()


def test_a_foreign_exchange_replaces_ours(folder: Path) -> None:
    """The order is at its venue, under the id that the result names."""
    result = executed(folder, KERNEL, "[plugins.foreign]\nexchange = true\n", SQLSTORE, CHECKS)
    (venue,) = foreign_parts.VENUES
    assert venue.submits_of(result.client_order_id) == 1
    assert not (folder / "venue.sqlite").exists()


def test_a_foreign_price_source_sizes_an_order(folder: Path) -> None:
    """An installed source brings the price that a market order by quantity is judged with."""
    foreign = '[plugins.foreign]\nexchange = true\nprice = "100000"\n'
    path = folder / "fairlead.toml"
    path.write_text(f"{KERNEL}\n{foreign}\n{SQLSTORE}\n{CHECKS}", encoding="utf-8")

    async def main() -> tuple[Decimal, str]:
        async with Kernel.from_config(path) as kernel:
            await kernel.clock.sleep_ns(0)
            result = await kernel.session(owner="bot").execute(Proposal.buy("BTC/USDT", notional="5000"))
            return result.order.quantity, {name: state for name, state, _ in kernel.health()}["one-price"]

    assert asyncio.run(main()) == (Decimal("0.05"), "running")


def test_two_of_a_kind_are_refused(folder: Path) -> None:
    """A part that was left in beside its replacement stops the start instead of winning by chance."""
    with pytest.raises(ConfigurationRefused, match="given 2 stores and uses exactly one"):
        executed(folder, KERNEL, PAPER, SQLSTORE, "[plugins.foreign]\nstore = true\n", CHECKS)


@pytest.mark.requirement("OPS-3")
def test_paper_and_real_differ_in_the_exchange_alone(folder: Path) -> None:
    """The same kernel, store and checks: one table is exchanged, and a real venue needs ``live``.

    Limits hold at both, and the account's store is never shared by mistake: each deployment has its folder.
    """
    real = "[plugins.foreign]\nexchange = true\nsimulated = false\n"
    live = KERNEL + "live = true\n"
    (folder / "paper").mkdir()
    (folder / "real").mkdir()

    on_paper = executed(folder / "paper", KERNEL, PAPER, SQLSTORE, LIMITS)
    at_venue = executed(folder / "real", live, real, SQLSTORE, LIMITS)

    assert (on_paper.denied, at_venue.denied) == (False, False)
    assert on_paper.order.quantity == at_venue.order.quantity
    small = [
        executed(folder / "paper", KERNEL, PAPER, SQLSTORE, LIMITS, quantity="0.0009"),
        executed(folder / "real", live, real, SQLSTORE, LIMITS, quantity="0.0009"),
    ]
    assert [each.order.denial_code for each in small] == ["QUANTITY_BELOW_MINIMUM"] * 2
    assert foreign_parts.VENUES[0].submits_of(at_venue.client_order_id) == 1
    with pytest.raises(ConfigurationRefused, match=r"kernel\.live is not true"):
        executed(folder / "real", KERNEL, real, SQLSTORE, LIMITS)
