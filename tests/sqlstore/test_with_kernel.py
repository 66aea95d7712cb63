"""A kernel on a real file: what gets into it, and what becomes of trading when it vanishes."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fairlead import Kernel, KernelSettings, Proposal
from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.records import AnomalyNoted
from fairlead.errors import FairleadError
from fairlead.kernel.outbox.book import Delivery
from fairlead.ports.events import KernelChanged
from fairlead.ports.exchange import Outcome
from fairlead.ports.notices import (
    DELIVERED,
    DeliveryOutcome,
    DeliverySettings,
    DeliveryVerdict,
    Notice,
    Notifier,
)
from fairlead.ports.risk import ALLOW, Deny
from fairlead.ports.settings import Secret
from fairlead.ports.store import Batch, Row
from fairlead.testing.scripted_exchange import ScriptedExchange, answers
from fairlead.testing.scripted_notifier import AGAIN, ScriptedNotifier
from fairlead_sqlstore import SqlStore, SqlStoreSettings
from tests.core.kernel.bench import BTC, instrument, quiet_logger
from tests.core.kernel.checks import Says

CANARY = "canary-4711-key"
BUY = Proposal.buy(BTC, quantity="1", limit_price="100")


def with_kernel(
    path: Path,
    main: Callable[[Kernel, ScriptedExchange], Coroutine[Any, Any, None]],
    *checks: Says,
    store: type[SqlStore] = SqlStore,
    account: str = "main",
    notifiers: Sequence[Notifier] = (),
) -> None:
    """Run a kernel on the file, in real time."""

    async def whole() -> None:
        exchange = ScriptedExchange([instrument()])
        kernel = Kernel(
            KernelSettings(account=account, on_stop="leave", allow_unchecked=True),
            exchange=exchange,
            store=store(SqlStoreSettings(path)),
            checks=checks,
            notifiers=notifiers,
            logger=quiet_logger(),
        )
        async with kernel:
            await main(kernel, exchange)

    asyncio.run(whole())


@pytest.mark.requirement("SEC-5")
def test_a_file_shows_no_secret(tmp_path: Path) -> None:
    """A venue and a check that put the key into their words: no byte of the database or its log has it."""
    key = Secret(CANARY)

    async def main(kernel: Kernel, exchange: ScriptedExchange) -> None:
        bot = kernel.session(owner="bot")
        exchange.will_submit(answers(Outcome.REFUSED, f"no right for {CANARY}"))
        rejected = await bot.execute(BUY)
        assert rejected.status == "REJECTED"
        check.answer = Deny("NO", f"the key {CANARY} may not", (("key", CANARY),))
        denied = await bot.execute(BUY)
        assert denied.denied
        written = (tmp_path / "bot.sqlite-wal").read_bytes()  # never the database itself: see `hold`
        assert b"may not" in written
        assert CANARY.encode() not in written

    check = Says(ALLOW)
    with_kernel(tmp_path / "bot.sqlite", main, check)
    assert CANARY.encode() not in (tmp_path / "bot.sqlite").read_bytes()
    assert key.reveal() == CANARY


@pytest.mark.requirement("SEC-5")
def test_a_dead_letter_shows_no_secret(tmp_path: Path) -> None:
    """A notifier that puts the key into its words: the row says what was wrong, and no byte has the key."""
    tried: list[int] = []
    enough = asyncio.Event()

    async def script(_notice: Notice, attempt: int) -> DeliveryOutcome:
        tried.append(attempt)
        if len(tried) == 6:
            enough.set()
        if attempt == 1:
            raise ValueError(f"the receiver does not know {CANARY}")
        return DeliveryOutcome(DeliveryVerdict.NEVER, f"the key {CANARY} is over")

    async def main(kernel: Kernel, exchange: ScriptedExchange) -> None:
        del exchange
        await kernel.session(owner="bot").execute(BUY)
        await enough.wait()

    key = Secret(CANARY)
    path = tmp_path / "bot.sqlite"
    settings = DeliverySettings(retry_pauses_ms=(1,), circuit_failures=100)
    with_kernel(path, main, notifiers=[ScriptedNotifier(delivery=settings, script=script)])
    with closing(sqlite3.connect(path)) as connection:
        dead = connection.execute("SELECT detail FROM deliveries WHERE state = 'dead'").fetchall()
    assert dead
    assert all(detail.startswith("the key ") for (detail,) in dead), dead
    assert CANARY.encode() not in path.read_bytes()
    assert key.reveal() == CANARY


def test_nothing_is_sent_after_the_file_has_vanished(tmp_path: Path) -> None:
    """The kernel gives its journal up: the command says so, and the venue hears nothing more."""

    async def main(kernel: Kernel, exchange: ScriptedExchange) -> None:
        bot = kernel.session(owner="bot")
        assert (await bot.execute(BUY)).order.quantity == Decimal(1)
        (tmp_path / "bot.sqlite").unlink()
        for said in ("deleted or replaced", "gave up its journal: JournalDamaged"):
            with pytest.raises(FairleadError, match=said):
                await bot.execute(BUY)
        assert len(exchange.submits) == 1
        (journal,) = [part for part in kernel.health() if part[0] == "journal"]
        assert journal[1] == "faulted"
        assert "deleted or replaced" in journal[2]

    with_kernel(tmp_path / "bot.sqlite", main)


class SpoilsRows(SqlStore):
    """Stands for a kernel whose state went wrong: from an order on, rows break a rule of their table."""

    async def append(self, batch: Batch) -> None:
        """Spoil the orders."""
        rows = [
            Row.of("orders", {**row.named(), "state": "lost"}) if row.table == "orders" else row
            for row in batch.rows
        ]
        await super().append(replace(batch, rows=rows))


def test_a_row_that_breaks_a_rule_stops_the_kernel(tmp_path: Path) -> None:
    """The commit fails by the rule's name, nothing is sent or stored for it, and nothing is sent after it."""

    async def main(kernel: Kernel, exchange: ScriptedExchange) -> None:
        bot = kernel.session(owner="bot")
        for _ in range(2):
            with pytest.raises(
                FairleadError, match=r"ck_orders_state_known|gave up its journal: RowRuleBroken"
            ):
                await bot.execute(BUY)
        assert exchange.submits == []
        (journal,) = [part for part in kernel.health() if part[0] == "journal"]
        assert journal[1] == "faulted"
        assert "ck_orders_state_known" in journal[2]
        async with SqlStore.reader(tmp_path / "bot.sqlite") as reader:
            assert await reader.rows("orders") == []

    with_kernel(tmp_path / "bot.sqlite", main, store=SpoilsRows)


def test_a_row_of_a_notice_that_breaks_a_rule_costs_trading_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database refuses the row: the records of its batch are stored, orders go on, the notice is told."""
    sound = Delivery.row

    def broken(self: Delivery, now_ns: int) -> Row:
        return Row.of("deliveries", {**sound(self, now_ns).named(), "attempts": -1})

    monkeypatch.setattr(Delivery, "row", broken)

    async def main(kernel: Kernel, exchange: ScriptedExchange) -> None:
        healed = asyncio.Event()

        async def script(_notice: Notice, attempt: int) -> DeliveryOutcome:
            if attempt == 1:
                return AGAIN
            await healed.wait()
            return DELIVERED

        notifier.script = script
        bot, noted = kernel.session(owner="bot"), kernel.events.stream(KernelChanged)
        await bot.execute(BUY)
        async for event in noted:
            if isinstance(event, KernelChanged) and isinstance(event.record, AnomalyNoted):
                assert event.record.anomaly is AnomalyKind.NOTICE_ROW_REFUSED
                break
        assert (await bot.execute(BUY)).status == "ACCEPTED"
        assert len(exchange.submits) == 2
        healed.set()
        await kernel.stop()
        async with SqlStore.reader(tmp_path / "bot.sqlite") as reader:
            assert await reader.rows("deliveries") == []
            told = {notice.event_id for notice in notifier.told}
            assert told == {row.event_id for row in await reader.outbox(1, 100)}
            assert len(told) > 4

    notifier = ScriptedNotifier(delivery=DeliverySettings(retry_pauses_ms=(1,) * 50, circuit_failures=1_000))
    with_kernel(tmp_path / "bot.sqlite", main, notifiers=[notifier])
