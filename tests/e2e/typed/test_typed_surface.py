"""A user's view of the types: mypy --strict takes what is meant and refuses what is not.

The programs are checked, not run, against the installed distribution and from outside the repository, so
what counts is `py.typed` and the signatures. Each line that must be refused says so at its end.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import fairlead

GOOD = '''
"""A bot, a plugin with a check, a price source and a component, and everything read back."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import fairlead
from fairlead import ExecutionResult, Kernel, KernelSettings, OrderView, PositionView, Proposal, TradingState
from fairlead.errors import FairleadError
from fairlead.hookspecs import PluginContext, hookimpl
from fairlead.ports.components import KernelComponent, KernelView
from fairlead.ports.events import FillBooked
from fairlead.ports.prices import PriceFeed, PriceSource, Trade
from fairlead.ports.risk import ALLOW, Deny, Fact, Judgement, RiskCheck, RiskRequest, RiskView


class Check:
    name: str = "mine"
    version: str = "1"

    def initial(self) -> str:
        return ""

    def fold(self, value: str, fact: Fact) -> str:
        return value

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:
        return ALLOW if request.quantity < Decimal(5) else Deny("TOO_MUCH", "more than five")


class Source:
    name: str = "feed"

    async def run(self, feed: PriceFeed) -> None:
        taken: bool = feed.publish(Trade("BTC/USDT", Decimal(1), Decimal(1), 0))
        if not taken:
            feed.release("BTC/USDT")


class Panel:
    name: str = "panel"
    after: Sequence[str] = ("feed",)

    async def start(self, kernel: KernelView) -> None:
        state: TradingState = kernel.trading_state
        print(state, [order.client_order_id for order in kernel.orders(live_only=True)])

    async def run(self) -> None:
        return

    async def stop(self) -> None:
        return


@hookimpl
def fairlead_risk_checks(context: PluginContext) -> Sequence[RiskCheck]:
    return [Check()]


@hookimpl
def fairlead_price_sources() -> Sequence[PriceSource]:
    return [Source()]


@hookimpl
def fairlead_components() -> Sequence[KernelComponent]:
    return [Panel()]


def told(event: FillBooked) -> None:
    price: Decimal = event.fill.price
    print(price)


async def main() -> None:
    settings = KernelSettings(account="main", commit_timeout_ms=500)
    async with Kernel(settings, plugins=["paper", "sqlstore"], checks=[Check()]) as kernel:
        kernel.events.subscribe(told, FillBooked)
        bot = kernel.session(owner="bot")
        try:
            result: ExecutionResult = await bot.execute(
                Proposal.buy("BTC/USDT", quantity="0.01", limit_price=Decimal(98000))
            )
        except FairleadError as error:
            print(error.what, error.fix)
            return
        order: OrderView = await result.closed()
        filled: Decimal = order.filled_quantity
        position: PositionView | None = bot.position("BTC/USDT")
        document: str = fairlead.to_json(order)
        again: object = fairlead.from_json(document)
        print(filled, position, again)


asyncio.run(main())
'''

WRONG = """
from collections.abc import Sequence
from decimal import Decimal

import fairlead
from fairlead import Kernel, KernelSettings, Proposal
from fairlead.hookspecs import PluginContext, hookimpl
from fairlead.ports.prices import PriceFeed, PriceSource
from fairlead.ports.risk import ALLOW, Judgement, RiskCheck, RiskRequest, RiskView


class NoFold:
    name: str = "mine"
    version: str = "1"

    def initial(self) -> str:
        return ""

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:
        return ALLOW


class SyncSource:
    name: str = "feed"

    def run(self, feed: PriceFeed) -> None:
        return


@hookimpl
def fairlead_risk_checks(context: PluginContext) -> Sequence[RiskCheck]:
    return [NoFold()]  # refused


@hookimpl
def fairlead_price_sources() -> Sequence[PriceSource]:
    return [SyncSource()]  # refused


async def main(kernel: Kernel) -> None:
    KernelSettings()  # refused
    KernelSettings(account="main", commit_timeout=5)  # refused
    KernelSettings(account="main", commit_timeout_ms="500")  # refused
    Kernel("fairlead.toml")  # refused
    Proposal.buy("BTC/USDT", quantity=0.01)  # refused
    Proposal.buy("BTC/USDT", quantiti="0.01")  # refused
    Proposal.buy(quantity="0.01")  # refused
    bot = kernel.session("bot")  # refused
    bot = kernel.session(owner="bot")
    result = bot.execute(Proposal.buy("BTC/USDT", quantity="0.01"))
    print(result.summary())  # refused
    print(bot.position("BTC/USDT").quantity)  # refused
    order = kernel.order("x" * 32)
    print(order.status)  # refused
    if order is not None:
        order.filled_quantity = Decimal(1)  # refused
        print(order.filled_quantiti)  # refused
    await kernel.set_trading_state("active")  # refused
    kernel.prices.publish("98000")  # refused
    fairlead.Kernal  # refused
"""


def complaints(folder: Path, program: str) -> dict[int, str]:
    """Check a program as a user does; return the first complaint about each line, and none about ours."""
    path = folder / "bot.py"
    path.write_text(program, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(folder / "cache"), path.name]
    checked = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert checked.returncode in (0, 1), checked.stdout + checked.stderr
    found: dict[int, str] = {}
    for line in checked.stdout.splitlines():
        told = re.fullmatch(r"(?P<file>[^:]+):(?P<line>\d+): error: (?P<text>.*)", line)
        if told:
            assert told["file"] == path.name, line
            found.setdefault(int(told["line"]), told["text"])
    return found


@pytest.mark.requirement("QUAL-3")
def test_a_bot_and_a_plugin_check_strictly(tmp_path: Path) -> None:
    """Everything that a user writes against is typed: nothing is `Any`, nothing needs an ignore."""
    assert complaints(tmp_path, GOOD) == {}


@pytest.mark.requirement("QUAL-3")
def test_what_is_wrong_is_refused_where_it_stands(tmp_path: Path) -> None:
    """A forgotten await, a value that may be absent, a float for money, a misspelt name, a port half kept."""
    lines = enumerate(WRONG.splitlines(), start=1)
    assert set(complaints(tmp_path, WRONG)) == {number for number, line in lines if "# refused" in line}


def public_modules() -> Iterator[str]:
    """Yield every module of the public surface but those of the testing kit, which pytest calls."""
    yield from ("fairlead", "fairlead.errors", "fairlead.hookspecs")
    folder = Path(str(fairlead.__file__)).parent / "ports"
    yield from (
        f"fairlead.ports.{path.stem}" for path in sorted(folder.glob("*.py")) if path.stem != "__init__"
    )


def untyped(kind: type) -> Iterator[str]:
    """Yield every public method of a class, by itself, with a parameter or a result that has no type."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
            continue
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        bare = [each.arg for each in arguments if each.annotation is None and each.arg not in ("self", "cls")]
        if bare or node.returns is None:
            yield f"{kind.__qualname__}.{node.name}"


@pytest.mark.requirement("QUAL-3")
@pytest.mark.parametrize("name", list(public_modules()))
def test_every_public_class_is_typed(name: str) -> None:
    """Every method of every public class says what it takes and returns."""
    module = importlib.import_module(name)
    names = getattr(module, "__all__", [each for each in vars(module) if not each.startswith("_")])
    values = [getattr(module, each) for each in names]
    ours = {each for each in values if inspect.isclass(each) and each.__module__.startswith("fairlead")}
    assert [text for kind in ours for text in untyped(kind)] == []
