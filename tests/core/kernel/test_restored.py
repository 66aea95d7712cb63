"""What is rebuilt, from the journal or from the rows, is what was live: to the last digit and row."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from fairlead import OrderSide, TradingState
from fairlead.domain.episodes import Episode, PositionSide
from fairlead.domain.ledger import Position
from fairlead.domain.order_table import OrderState
from fairlead.domain.records import RECORD_CLASSES, CursorMoved, KernelStarted
from fairlead.errors import JournalDamaged
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.journal import codec
from fairlead.kernel.journal.codec import chain_hash, decode, encode, seal
from fairlead.kernel.journal.restore import load_episode, load_position, restore_state, stored_orders
from fairlead.kernel.journal.rows import order_from_row, order_row, position_row, restore_setting
from fairlead.kernel.journal.verify import fold_journal, verify_journal
from fairlead.ports.exchange import Outcome, VenueStatus
from fairlead.ports.risk import ALLOW, Lock
from fairlead.ports.searches import Search
from fairlead.ports.store import GENESIS_HASH, RELAY_TABLES, TABLES, Envelope, JournalHead, Opened, Scalar
from fairlead.testing import run
from fairlead.testing.conformance.store_batches import sample_row
from fairlead.testing.memory_store import MemoryDisk, MemoryStore
from fairlead.testing.modify_scripts import loses_modify, loses_modify_answer
from fairlead.testing.scripted_exchange import answers, hangs, loses_answer, loses_request
from tests.core.kernel.accounting import accountant, happens
from tests.core.kernel.bench import BTC, ETH, Bench, on_bench, on_seeded_bench
from tests.core.kernel.checks import BoughtValue, Says

SYMBOLS = (BTC, ETH)

OVER: dict[str, dict[str, Scalar]] = {"orders": {"state": OrderState.FILLED.value}}
"""What a row of a table must say besides its name to be over."""


async def busy(bench: Bench, orders: int) -> None:
    """Do a bit of everything, drawn from the seed."""
    dice = bench.loop.streams.of("busy")
    begun_at = bench.kernel.sequence
    scripts = [
        None,
        None,
        loses_answer,
        loses_request,
        answers(Outcome.REFUSED, "no"),
        answers(Outcome.LIMITED, "", 9),
    ]
    for number in range(orders):
        script = dice.choice(scripts)
        bench.exchange.will_submit(*([script] if script else []))
        result = await bench.execute(
            dice.choice(["buy", "sell"]),
            dice.choice(["1", "0.333", "7"]),
            dice.choice(["100", "99.99"]),
            symbol=dice.choice(SYMBOLS),
            owner=dice.choice(["one", "two"]),
            key=dice.choice([None, f"key{begun_at}-{number}"]),
        )
        bench.exchange._submit_scripts.clear()
        name = result.client_order_id
        live = [name for name, order in bench.exchange.orders.items() if order.status is VenueStatus.LIVE]
        for name in dice.sample(live, min(len(live), 2)):
            what = dice.random()
            if what < 0.6:
                bench.exchange.trade(
                    name, dice.choice(["0.1", "0.333", "7"]), "100.03", fee=dice.choice(["0", "0.017"])
                )
            elif what < 0.7:
                await change(bench, name, dice)
            elif what < 0.8:
                bench.exchange.end(name, dice.choice([VenueStatus.CANCELED, VenueStatus.EXPIRED]))
            else:
                await bench.kernel.cancel(name, "x", operator=True)
        await bench.pass_ms(dice.choice([0, 1, 500]))
        if bench.kernel.trading_state is not TradingState.ACTIVE:
            await bench.kernel.set_trading_state(TradingState.ACTIVE, reason="go on")


async def change(bench: Bench, name: str, dice: Any) -> None:  # noqa: ANN401 - a source of chance
    """Have an order changed in some way, by its owner, whether that can be or not."""
    bench.exchange.will_modify(*dice.choice([(), (), (loses_modify,), (loses_modify_answer,)]))
    order = bench.order(name)
    session = bench.kernel.session(owner=order.owner)
    command = dice.choice([session.modify_order, session.replace_order])
    await command(name, quantity=dice.choice(["0.5", "3", "9"]), limit_price=dice.choice(["99.98", "100.5"]))
    bench.exchange._modify_scripts.clear()


def facts_of(state: EngineState, *, live_only: bool) -> dict[str, object]:
    """Return everything that must be equal, as plain values."""
    orders = [order for order in state.orders.values() if order.state.is_live or not live_only]
    return {
        "orders": {order.client_order_id: (order_row(order).values, order.trades) for order in orders},
        "positions": {key: position_row(position).values for key, position in state.positions.items()},
        "balances": state.balances,
        "trading": (state.trading, state.trading_reason),
        "cursors": state.cursors,
        "values": state.check_values,
        "locks": state.locks,
        "sequence": state.sequence,
        "account": (state.account, state.account_tag),
        "exposed": (state.exposed_total, nonzero(state.exposed_by_symbol)),
        "closing": (state.closing_total, nonzero(state.closing_by_symbol)),
        "net": {symbol: total for symbol, total in state.net_by_symbol.items() if total},
        "reserved": {symbol: total for symbol, total in state.reserved_by_symbol.items() if total},
        "leaves": {key: leaves for key, leaves in state.leaves.items() if leaves},
        "changing": {name: change.change_id for name, change in state.changing.items()},
        "live": (state.live_total, nonzero(state.live_by_symbol)),
    }


def nonzero(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts that are not zero."""
    return {name: count for name, count in counts.items() if count}


def checks() -> list[Any]:
    """Return checks that keep a value and place locks."""
    turn = iter(range(10**6))

    def now_and_then(_request: object, view: Any, _value: str) -> object:  # noqa: ANN401 - the port's
        if next(turn) % 17 == 5:
            return Lock(ETH, OrderSide.BUY, view.now_ns + 1_000_000, "TEST", "now and then")
        return ALLOW

    return [BoughtValue(10**9), Says(now_and_then)]


@pytest.mark.parametrize("seed", range(12))
def test_memory_journal_and_rows_agree_after_a_random_run(seed: int) -> None:
    """The fold of the journal is the live state; the rows are the fold's; what is restored is the same."""

    async def main(bench: Bench) -> None:
        await busy(bench, 60)
        await bench.restart()
        await busy(bench, 30)
        await bench.kernel.settled()
        live = bench.kernel._parts.engine.state
        fold = await fold_journal(bench.store)
        folded = facts_of(fold.state, live_only=True)
        assert folded == facts_of(live, live_only=True)
        restored = await restore_state(bench.store, bench.account, Opened(1, bench.disk.head))
        assert facts_of(restored, live_only=False) == folded
        stored = {
            row["client_order_id"]: order_from_row(row, fills)
            for row, fills in await stored_orders(bench.store)
        }
        everything = facts_of(fold.state, live_only=False)["orders"]
        assert everything == {name: (order_row(order).values, order.trades) for name, order in stored.items()}
        assert (await bench.verify()).rows_compared > 90

    on_seeded_bench(seed, main, checks=checks())


class Damaged:
    """A reader of a disk with changes; everything else is as it is."""

    def __init__(self, disk: MemoryDisk) -> None:
        self.disk = disk.copy()
        self.store = MemoryStore(self.disk)

    async def problems(self) -> tuple[str, ...]:
        """Return what verification says."""
        return (await verify_journal(self.store)).problems


def changed(value: Any) -> Any:  # noqa: ANN401 - any scalar
    """Return the value with one bit of difference."""
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:]
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return value[:-1] + ("x" if value[-1:] != "x" else "y")
    if value is None:
        return Decimal(1)
    return value + (Decimal("0.00000001") if isinstance(value, Decimal) else 1)


def test_a_changed_byte_in_any_column_of_any_record_is_found_and_named() -> None:
    """Sequence, time, kind, version, payload and hash: whichever is changed, the record is named."""

    async def main(bench: Bench) -> None:
        await busy(bench, 8)
        await bench.kernel.settled()
        for index, envelope in enumerate(bench.disk.envelopes):
            for field in msgspec.structs.fields(Envelope):
                damaged = Damaged(bench.disk)
                value = changed(getattr(envelope, field.name))
                damaged.disk.envelopes[index] = replace(envelope, **{field.name: value})
                (problem,) = await damaged.problems()
                named = value if field.name == "sequence" else envelope.sequence
                assert f"record {named}:" in problem or f"record {envelope.sequence + 1}:" in problem

    on_bench(main)


def test_every_byte_of_a_payload_counts() -> None:
    """One bit of any byte of a payload is found."""

    async def main(bench: Bench) -> None:
        await bench.working()
        await bench.kernel.settled()
        envelope = bench.disk.envelopes[-1]
        for place in range(len(envelope.payload)):
            damaged = Damaged(bench.disk)
            payload = bytearray(envelope.payload)
            payload[place] ^= 1
            damaged.disk.envelopes[-1] = replace(envelope, payload=bytes(payload))
            (problem,) = await damaged.problems()
            assert f"record {envelope.sequence}:" in problem

    on_bench(main)


@pytest.mark.parametrize(
    "how",
    [
        lambda records: records.pop(3),
        lambda records: records.insert(3, records[3]),
        lambda records: records.insert(3, records.pop(4)),
        lambda records: records.pop(0),
    ],
)
def test_missing_doubled_and_moved_records_are_found(how: Callable[[list[Envelope]], object]) -> None:
    """The chain shows every record that is missing, doubled or out of order."""

    async def main(bench: Bench) -> None:
        await busy(bench, 3)
        await bench.kernel.settled()
        damaged = Damaged(bench.disk)
        how(damaged.disk.envelopes)
        (problem,) = await damaged.problems()
        assert "missing or out of order" in problem

    on_bench(main)


def test_a_cut_tail_is_found_by_the_rows() -> None:
    """Records removed from the end leave a chain without a flaw; the rows tell."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        await bench.kernel.settled()
        damaged = Damaged(bench.disk)
        del damaged.disk.envelopes[-1]
        assert await damaged.problems()

    on_bench(main)


def test_a_changed_column_of_any_row_is_found_and_named() -> None:
    """Every column of every table: whichever is changed, table, row and column are named."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        await bench.execute(key="k")
        await bench.bot.close_position(ETH)
        await bench.bot.modify_order(await bench.working(), quantity="2")
        happens(bench, "5", "BTC")
        await bench.kernel.reconcile()
        await bench.kernel.settled()
        for table in (each for each in TABLES if each.name not in RELAY_TABLES):  # those are no fold
            rows = bench.disk.tables.named(table.name)
            assert rows.rows, table.name
            key, row = next(iter(rows.rows.items()))
            for place, column in enumerate(table.columns):
                damaged = Damaged(bench.disk)
                target = damaged.disk.tables.named(table.name)
                values: list[Scalar] = list(row)
                values[place] = changed(values[place])
                del target.rows[key]
                target.rows[target._key_of(values)] = tuple(values)
                problems = await damaged.problems()
                assert all(problem.startswith(f"{table.name} ") for problem in problems)
                if column.name in table.key:
                    assert len(problems) == 2
                    assert "in the journal, no row" in problems[0]
                    assert "a row, not in the journal" in problems[1]
                else:
                    (problem,) = problems
                    assert f": {column.name} is " in problem

    on_bench(main, exchange=accountant(), settings={"snapshot_interval_ms": 1, "snapshot_batch_max": 1})


def test_a_number_of_another_type_is_another_value() -> None:
    """Decimals are compared as numbers, everything else with its type."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        await bench.kernel.settled()
        damaged = Damaged(bench.disk)
        orders = damaged.disk.tables.named("orders")
        place = [column.name for column in orders.table.columns].index("quantity")
        for key, row in orders.rows.items():
            values = list(row)
            values[place] = Decimal("1.000")
            orders.rows[key] = tuple(values)
        assert await damaged.problems() == ()
        for key, row in orders.rows.items():
            values = list(row)
            values[place] = 1
            orders.rows[key] = tuple(values)
        assert len(await damaged.problems()) == 1

    on_bench(main)


def forged(entries: list[tuple[str, int, bytes]]) -> MemoryStore:
    """Return a store with a journal whose chain is right, whatever is in it."""
    disk = MemoryDisk()
    previous = GENESIS_HASH
    for sequence, (kind, version, payload) in enumerate(entries, 1):
        previous = chain_hash(previous, sequence, 0, kind, version, payload)
        disk.envelopes.append(Envelope(sequence, 0, kind, version, payload, previous))
    return MemoryStore(disk)


@pytest.mark.parametrize(
    ("kind", "version", "payload", "problem"),
    [
        ("moon_landing", 1, b"{}", "newer than this program"),
        ("cursor_moved", 99, b"{}", "newer than this program"),
        ("cursor_moved", 1, b"{}", "does not fit"),
        ("cursor_moved", 1, b"not json", "does not fit"),
        ("cursor_moved", 0, b"{}", "does not fit"),
        (
            "attempt_started",
            1,
            b'{"client_order_id":"a","number":1,"not_before_ns":0,"deadline_ns":0}',
            "no earlier record",
        ),
    ],
)
def test_a_journal_that_cannot_be_read_is_damage(
    kind: str, version: int, payload: bytes, problem: str
) -> None:
    """Unknown kinds, newer versions, payloads that do not fit and references to nothing are named."""

    async def main(_bench: Bench) -> None:
        report = await verify_journal(forged([(kind, version, payload)]))
        assert not report.ok
        assert problem in report.problems[0]
        assert "record 1:" in report.problems[0]

    on_bench(main)


def test_an_old_version_is_lifted(monkeypatch: pytest.MonkeyPatch) -> None:
    """An old record passes through its upcasters and fits the present class."""
    monkeypatch.setattr(CursorMoved, "VERSION", 3)
    monkeypatch.setitem(codec.UPCASTERS, ("cursor_moved", 1), lambda data: {**data, "stream": data["name"]})
    monkeypatch.setitem(
        codec.UPCASTERS, ("cursor_moved", 2), lambda data: {**data, "cursor": data["cursor"] + "!"}
    )
    old = Envelope(1, 0, "cursor_moved", 1, json.dumps({"name": "fills", "cursor": "7"}).encode(), b"")
    assert decode(old) == CursorMoved("fills", "7!")
    with pytest.raises(JournalDamaged):
        decode(replace(old, payload=b'{"cursor":"7"}'))


def test_every_kind_of_record_has_a_name_of_its_own() -> None:
    """Kinds are what tells records apart on disk, and every record can be encoded."""
    assert len({cls.KIND for cls in RECORD_CLASSES}) == len(RECORD_CLASSES)
    record = KernelStarted("a", 1, "h", "v", (("p", "1"),), "d")
    (envelope,) = seal([(1, 5, record)], GENESIS_HASH)
    assert envelope.payload == encode(record)
    assert decode(envelope) == record


def test_an_empty_journal_is_whole() -> None:
    """Nothing to verify is no problem."""

    async def main(_bench: Bench) -> None:
        report = await verify_journal(MemoryStore(MemoryDisk()))
        assert report.ok
        assert report.head == JournalHead(0, GENESIS_HASH)

    on_bench(main)


def test_a_hanging_order_is_restored_with_everything() -> None:
    """Metadata, keys, limits and times come back as they were, also of an order in flight."""
    from fairlead import Proposal

    async def main(bench: Bench) -> None:
        bench.exchange.will_submit(hangs)
        proposal = Proposal.buy(BTC, quantity="1", metadata={"signal": "a", "b": 'q"uote, ü'}, book="core")
        bench.price("100")
        task = bench.loop.create_task(bench.bot.execute(proposal, idempotency_key="k"))
        await bench.pass_ms(5)
        (before,) = bench.kernel.orders()
        await bench.die()
        await bench.start_another()
        (after,) = bench.kernel.orders()
        same = ("client_order_id", "metadata", "idempotency_key", "book", "owner", "created_ns", "quantity")
        assert all(getattr(before, name) == getattr(after, name) for name in same)
        assert after.status == "UNRESOLVED"
        assert dict(after.metadata) == {"signal": "a", "b": 'q"uote, ü'}
        task.cancel()

    on_bench(main)


class Overtaken(MemoryStore):
    """A store during whose search somebody else brings the same back."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self.meanwhile = meanwhile

    async def search(self, table: str, search: Search) -> Sequence[Mapping[str, Scalar]]:  # noqa: ARG002 - the port's
        """Find one row, late."""
        self.meanwhile()
        return [{}]


def test_what_came_back_meanwhile_is_not_read_a_second_time() -> None:
    """Two who look for one position, or one episode, share what the first brought into memory."""

    async def main() -> None:
        state = EngineState("test", "00000000")
        position = Position(BTC, "bot", "USDT", position_id="one")
        episode = Episode(BTC, "bot", "one", 1, "bot", PositionSide.LONG, "USDT", 0)
        key = BTC, "bot", "one"
        await load_position(Overtaken(lambda: state.positions.update({key: position})), state, key)
        await load_episode(Overtaken(lambda: state.episodes.update({(*key, 1): episode})), state, (*key, 1))
        assert state.positions == {key: position}
        assert state.episodes == {(*key, 1): episode}

    run(main)


def test_a_report_of_damage_counts_what_is_sound() -> None:
    """The report of a broken chain says how many records were sound before it, and ends there."""

    async def main(bench: Bench) -> None:
        await bench.working()
        await bench.kernel.settled()
        damaged = Damaged(bench.disk)
        damaged.disk.envelopes[4] = replace(damaged.disk.envelopes[4], payload=b"{}")
        report = await verify_journal(damaged.store)
        assert not report.ok
        assert (report.records, report.head.sequence, report.rows_compared) == (4, 4, 0)

    on_bench(main)


@pytest.mark.parametrize(
    ("name", "value", "field", "restored"),
    [
        ("trading_day", "5 9", "trading_day", (5, 9)),
        ("budget_clock", "7 8", "budget_clock", (7, 8)),
        ("trading_state", "halted", "trading", TradingState.HALTED),
        ("network", "testnet", "network", "testnet"),
    ],
)
def test_a_setting_comes_back_as_what_it_was(name: str, value: str, field: str, restored: object) -> None:
    """What a restart reads from the settings table is in the field that it was written from."""
    state = EngineState("test", "00000000")
    restore_setting(state, name, value)
    assert getattr(state, field) == restored


def test_only_what_lives_is_read_at_a_start() -> None:
    """A start reads what lives, not history: what is over stays in the store until asked for."""

    async def main() -> None:
        disk = MemoryDisk()
        for table, names in (
            ("changes", "change_id"),
            ("closings", "closing_id"),
            ("orders", "client_order_id"),
        ):
            there = disk.tables.by_name[table]
            there.upsert(*there.checked(sample_row(table, **{names: "over", **OVER.get(table, {})}).values))
        there = disk.tables.by_name["positions"]
        for position_id in ("", "over"):
            row = sample_row(
                "positions", symbol=BTC, book="bot", position_id=position_id, live=not position_id
            )
            there.upsert(*there.checked(row.values))
        state = await restore_state(MemoryStore(disk), "test", Opened(1, JournalHead(0, GENESIS_HASH)))
        assert (state.changes, state.closings, state.orders) == ({}, {}, {})
        assert list(state.positions) == [(BTC, "bot", "")]

    run(main)
