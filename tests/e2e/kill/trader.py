"""The child: a real kernel with every plugin, on a real file, against a venue in another process.

``python trader.py OPTIONS``, the options being one JSON object. It talks in lines: ``converged`` on
stdout once nothing of an earlier life is unresolved; then ``go`` on stdin starts trading until it is
killed, ``finish`` cancels what is open, says ``finished``, and stops with the next word. Each
acknowledged intent is one line in the file of acknowledgements, written before anything else is done.
Each command to place an order is one line in a file of keys, written before it is given; the last ones are
given again in the next life, under their keys, so that whatever was done already would be done twice.
The risk checks have limits that nothing comes near: an order that one of them denies ends the process.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from fairlead import ExecutionResult, Proposal
from fairlead.domain.order_table import Phase
from fairlead.errors import StoreHeld
from fairlead.kernel.kernel import Kernel
from fairlead.kernel.session import Session
from fairlead.kernel.settings import KernelSettings, OnStop
from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND
from fairlead_paper.plugin import paper_client
from fairlead_paper.settings import Mode, PaperSettings
from fairlead_sqlstore.settings import SqlStoreSettings

SYMBOL = "BTC/USDT"
WORKERS = 4
CLOSERS = 2
CLOSE_PAUSE_NS = 60 * NANOSECONDS_PER_MILLISECOND
EXIT_HELD = 3
SAID_AGAIN = 24
"""So many of the last commands are given again: those under way when it was killed are among them."""
TICK = Decimal("0.1")
SETTINGS = KernelSettings(
    account="main",
    on_stop=OnStop.LEAVE,
    reporting_currency="USDT",
    closed_orders_max=200,
    check_budget_ms=2_000,
    check_hang_ms=10_000,
    order_deadline_ms=600,
    deadline_margin_ms=150,
    look_up_interval_ms=100,
    look_up_interval_max_ms=400,
    close_attempts_max=3,
    close_retry_ms=50,
    request_timeout_ms=2_000,
    stop_timeout_ms=2_000,
)
RISK_LIMITS: dict[str, dict[str, Any]] = {
    "minimum_size": {},
    "maximum_positions": {"total": 3},
    "maximum_exposure": {"order": "1000000", "position": "10000000", "total": "10000000"},
    "daily_loss": {"maximum_loss": "1000000"},
    "order_rate": {"window_ms": 1_000, "total": 10_000},
    "price_band": {"rate": "0.5"},
    "stale_price": {"maximum_age_ms": 60_000},
    "symbols": {"allow": [SYMBOL]},
    "maximum_leverage": {"maximum": "1"},
}
SCHEDULE = {
    "retry_pauses_ms": [20, 40, 80, 160, 320, 640, *[1_000] * 10],
    "attempt_timeout_ms": 400,
    "subjects_at_once": 16,
    "circuit_failures": 12,
    "circuit_pause_ms": 100,
    "retry_after_max_ms": 1_000,
}
SECRET_VARIABLE = "FAIRLEAD_TEST_HOOK_SECRET"  # noqa: S105 - the name of a variable, not a secret
NOTIFIER = "webhook.receiver"


@attrs.frozen
class Wish:
    """An order that is wanted, under a key that no other has."""

    key: str
    side: str
    quantity: str
    limit_price: str | None = None


class Trader:
    """Trades from several tasks at once, changes and cancels some orders, and closes what it holds."""

    def __init__(self, kernel: Kernel, acknowledgements: str, pause_ms: int) -> None:
        self._kernel = kernel
        self._pause_ns = pause_ms * NANOSECONDS_PER_MILLISECOND
        self._bot: Session = kernel.session(owner="bot")
        self._clock = SystemClock()
        self._file = os.open(acknowledgements, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._keys_path = Path(acknowledgements).with_suffix(".keys")
        self._keys = os.open(self._keys_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    async def converge(self) -> None:
        """Return once no order of an earlier life is without a known fate, nor a change of one."""
        unclear = (Phase.APPROVED, Phase.SUBMITTED, Phase.UNRESOLVED)
        while any(order.phase in unclear or order.wish is not None for order in self._kernel.orders()):
            await self._clock.sleep_ns(20 * NANOSECONDS_PER_MILLISECOND)

    async def trade(self) -> None:
        """Trade until killed or canceled, from the first price on: the risk checks want to know one."""
        while self._kernel.prices.latest(SYMBOL) is None:
            await self._clock.sleep_ns(NANOSECONDS_PER_MILLISECOND)
        await self._say_again()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._cancel_leftovers())
            for number in range(CLOSERS):
                group.create_task(self._close(number))
            for number in range(WORKERS):
                group.create_task(self._work(number))

    async def finish(self) -> None:
        """Cancel everything and wait until it is closed."""
        while live := [order for order in self._kernel.orders() if not order.is_closed]:
            for order in live:
                await self._bot.cancel(order.client_order_id)
            await self._clock.sleep_ns(20 * NANOSECONDS_PER_MILLISECOND)
        await self._kernel.settled()

    async def _cancel_leftovers(self) -> None:
        for order in self._kernel.orders():
            if not order.is_closed:
                await self._bot.cancel(order.client_order_id)

    async def _work(self, number: int) -> None:
        turn = number
        while True:
            turn += 1
            result = await self._place(self._wish(number, turn))
            await self._bot.annotate(result.client_order_id, note=f"turn {turn}")
            if result.order.limit_price is not None and not result.order.is_closed:
                await self._change(result.client_order_id, turn)
            if result.order.limit_price is not None and turn % 2:
                await self._bot.cancel(result.client_order_id)
            elif result.order.limit_price is None:
                await result.closed()
            if self._pause_ns:
                await self._clock.sleep_ns(self._pause_ns)

    async def _change(self, name: str, turn: int) -> None:
        """Change an order in place, or have another take its place; it may well be over by then."""
        if turn % 4 < 2:
            changed = await self._bot.modify_order(name, quantity="0.0002")
        else:
            changed = await self._bot.replace_order(name, quantity="0.0002")
        if changed.new_order_id:
            self._acknowledge(changed.new_order_id)

    async def _close(self, number: int) -> None:
        """Cancel everything, close and flatten, over and over, beside another who does the same."""
        turn = number
        while True:
            turn += 1
            await self._clock.sleep_ns(max(CLOSE_PAUSE_NS, self._pause_ns))
            if turn % 3 == 0:
                await self._bot.cancel_all(SYMBOL)
            elif turn % 3 == 1:
                await self._bot.close_position(SYMBOL, cancel_entries=turn % 2 == 0)
            else:
                await self._bot.flatten()

    async def _say_again(self) -> None:
        """Give the last commands of earlier lives again, those that were never heard of among them."""
        for line in self._keys_path.read_text("ascii").splitlines()[-SAID_AGAIN:]:
            await self._execute(Wish(**json.loads(line)))

    async def _place(self, wish: Wish) -> ExecutionResult:
        """Note a wish, and give it for the first time."""
        os.write(self._keys, f"{json.dumps(attrs.asdict(wish))}\n".encode())
        return await self._execute(wish)

    async def _execute(self, wish: Wish) -> ExecutionResult:
        make = Proposal.buy if wish.side == "buy" else Proposal.sell
        proposal = make(SYMBOL, quantity=wish.quantity, limit_price=wish.limit_price)
        result = await self._bot.execute(proposal, idempotency_key=wish.key)
        self._acknowledge(result.client_order_id)
        if result.denied and not result.reasons.startswith("kernel: "):  # a closing that is under way may
            raise RuntimeError(f"denied: {result.summary()}")
        return result

    def _wish(self, number: int, turn: int) -> Wish:
        """Return what a worker wants next."""
        key = f"{number}-{turn}-{self._clock.wall_ns()}"
        price = self._kernel.prices.latest(SYMBOL)
        side = "buy" if turn % 2 else "sell"
        if price is None or turn % 3:
            return Wish(key, side, "0.0001")
        beside = TICK * (turn % 5 - 2) * (1 if turn % 2 else -1)
        return Wish(key, side, "0.0003", str(price.price + beside))

    def _acknowledge(self, client_order_id: str) -> None:
        os.write(self._file, f"{client_order_id}\n".encode())


def kernel_of(options: dict[str, Any]) -> Kernel:
    """Return the kernel, its store and client able to kill the process where the options say."""
    from tests.e2e.kill.labels import LabelledClient, LabelledStore, Labels

    clock = SystemClock()
    labels = Labels(options.get("label", ""), options.get("nth", 0))
    settings = PaperSettings(
        mode=Mode.PROCESS, address=options["address"], request_timeout_ms=1_500, reconnect_delay_ms=50
    )
    endpoint = {
        "url": f"http://127.0.0.1:{options['receiver']}/hook",
        "secrets": [{"$env": SECRET_VARIABLE}],
        "allow_private": True,
        "ports": [options["receiver"]],
        "schedule": SCHEDULE,
    }
    tables = {"riskhooks": RISK_LIMITS, "webhook": {"endpoints": {"receiver": endpoint}}}
    return Kernel(
        SETTINGS,
        list(tables),
        tables=tables,
        exchange=LabelledClient(paper_client(settings, clock), clock, labels),
        store=LabelledStore(SqlStoreSettings(options["database"]), labels),
        clock=clock,
        logger=logging.getLogger("trader"),
    )


def say(word: str) -> None:
    """Tell the parent."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


async def listen() -> asyncio.StreamReader:
    """Return a reader of the parent's words."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def main(options: dict[str, Any]) -> int:
    """Live until killed, or until the parent says that it is enough."""
    kernel = kernel_of(options)
    try:
        async with SystemClock().timeout_ns(options.get("start_ms", 60_000) * NANOSECONDS_PER_MILLISECOND):
            await kernel.start()
    except StoreHeld as refusal:
        say(str(refusal))
        return EXIT_HELD
    words = await listen()
    trader = Trader(kernel, options["acknowledgements"], options.get("pause_ms", 0))
    await trader.converge()
    say("converged")
    if (await words.readline()).strip() == b"go":
        trading = asyncio.get_running_loop().create_task(trader.trade())
        waiting = asyncio.get_running_loop().create_task(words.readline())
        await asyncio.wait((trading, waiting), return_when=asyncio.FIRST_COMPLETED)
        if not trading.cancel():
            trading.result()  # it never ends by itself, so it failed
        await asyncio.wait((trading,))
    async with SystemClock().timeout_ns(30 * NANOSECONDS_PER_SECOND):
        await trader.finish()
    say("finished")
    await words.readline()
    await kernel.stop()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(json.loads(sys.argv[1]))))
