"""The fold of fills and corrections: everything that a trade moves, all of it together, and nothing else."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead.domain.account import AdjustmentKind
from fairlead.domain.account_records import AdjustmentBooked, InventoryOpened
from fairlead.domain.command_records import EpisodeAnnotated
from fairlead.domain.contracts import Contract
from fairlead.domain.episodes import PositionSide
from fairlead.domain.instruments import ContractKind
from fairlead.domain.ledger import PositionChange
from fairlead.domain.order_kinds import Liquidity, OrderSide
from fairlead.domain.order_table import OrderEvent, OrderState
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.reconcile_records import PositionCorrected
from fairlead.domain.records import AttemptStarted, OrderEventNoted, OrderFilled
from fairlead.kernel.apply.apply import apply
from fairlead.ports.store import Row
from tests.core.kernel.bench import BTC
from tests.core.kernel.folding import GONE, Fold, at, moved, order

D = Decimal
BUY, SELL = OrderSide.BUY, OrderSide.SELL
MAIN = f"{BTC} main"
FIRST = f"episodes.{MAIN} 1"
SECOND = f"episodes.{MAIN} 2"
SHORTS = f"leaves.{MAIN} sell"
CONTRACT = Contract(ContractKind.LINEAR, D(10))


def fill(name: str = "x", trade: str = "T1", /, **terms: object) -> OrderFilled:
    """Return the record of a fill: 1 BTC bought at 100 USDT for 0.5 USDT, or as wished."""
    fields: dict[str, object] = {
        "client_order_id": name,
        "venue_order_id": "V1",
        "trade_id": trade,
        "side": BUY,
        "quantity": D(1),
        "price": D(100),
        "value": D(100),
        "fee": D("0.5"),
        "base": "BTC",
        "quote": "USDT",
        "settlement_decimals": 2,
        "liquidity": Liquidity.MAKER,
        "ts_event": 77,
        "source": "stream",
    }
    return OrderFilled(**{**fields, **terms})  # type: ignore[arg-type]  # fields of several types


def row(trade: str, sequence: int, episode: int, digest: str, **values: object) -> list[Row]:
    """Return the row of a fill like that of `fill`, with these values."""
    fields: dict[str, object] = {
        "client_order_id": "x",
        "trade_id": trade,
        "symbol": BTC,
        "book": "main",
        "side": "buy",
        "quantity": D(1),
        "price": D(100),
        "value": D(100),
        "fee": D("0.5"),
        "fee_currency": "USDT",
        "currency": "USDT",
        "liquidity": "maker",
        "digest": digest,
        "source": "stream",
        "ts_event": 77,
        "sequence": sequence,
        "position_id": "",
        "episode": episode,
        "flipped": False,
    }
    return [Row.of("fills", {**fields, **values})]  # type: ignore[dict-item]  # each is a scalar


def test_the_first_fill_opens_the_position_and_its_episode() -> None:
    """Order, position, episode, balances, counts and rows at once; what it may still take is less."""
    fold = Fold(order(note="why", tags=("one",), metadata=(("a", "1"),)), AttemptStarted("x", 1, 5, 9))
    assert fold.changes(fill()) == {
        **moved(3, venue_order_id="V1", state=OrderState.WORKING, fees=D("0.5")),
        **at("orders.x", filled_quantity=D(1), filled_value=D(100)),
        "orders.x.trades.T1": "buy:1@100-0.5USDT",
        "dirty.positions": [MAIN],
        **at(f"positions.{MAIN}", quantity=D(1), cost=D(100), fees=D("0.5"), episode=1, opened_ns=77),
        "dirty.episodes": [f"{MAIN} 1"],
        **at(FIRST, symbol=BTC, book="main", number=1, owner="bot", side=PositionSide.LONG, currency="USDT"),
        **at(FIRST, opened_ns=77, note="why", tags=("one",), metadata=(("a", "1"),), fills=1),
        **at(FIRST, entry_quantity=D(1), entry_value=D(100), peak_quantity=D(1), fees=D("0.5")),
        "dirty.balances": ["BTC", "USDT"],
        **at("balances", BTC=D(1), USDT=D("-100.5")),
        "dirty.fills": row("T1", 3, 1, "buy:1@100-0.5USDT"),
        f"net_by_symbol.{BTC}": D(1),
        f"leaves.{MAIN} buy": D(2),
        "promises.x": D(200),
        f"promised.{BTC} buy": D(200),
    }


def test_the_last_fill_ends_the_order() -> None:
    """A fill without a venue's id leaves the one that is known; the position adds up, and stays."""
    fold = Fold(order(), AttemptStarted("x", 1, 5, 9), fill())
    last = fill("x", "T2", venue_order_id="", quantity=D(2), value=D(210), fee=D("-0.1"), price=D(105))
    assert fold.changes(last) == {
        **moved(4, state=OrderState.FILLED, closed_ns=40, fees=D("0.4")),
        **at("orders.x", filled_quantity=D(3), filled_value=D(310)),
        "orders.x.trades.T2": "buy:2@105--0.1USDT",
        "finished.x": 4,
        "live_total": 0,
        f"live_by_symbol.{BTC}": 0,
        "dirty.positions": [MAIN],
        **at(f"positions.{MAIN}", quantity=D(3), cost=D(310), fees=D("0.4"), pending_openings=0),
        "dirty.episodes": [f"{MAIN} 1"],
        **at(FIRST, entry_quantity=D(3), entry_value=D(310), peak_quantity=D(3), fees=D("0.4"), fills=2),
        "dirty.balances": ["BTC", "USDT"],
        **at("balances", BTC=D(3), USDT=D("-310.4")),
        "dirty.fills": row(
            "T2", 4, 1, "buy:2@105--0.1USDT", quantity=D(2), price=D(105), value=D(210), fee=D("-0.1")
        ),
        f"net_by_symbol.{BTC}": D(3),
        f"leaves.{MAIN} buy": GONE,
        "promises.x": GONE,
        f"promised.{BTC} buy": D(0),
    }


def sold(**terms: object) -> OrderFilled:
    """Return the record of a sale of the order y."""
    return fill("y", "S1", **{"venue_order_id": "V2", "side": SELL, "value": D(110), "ts_event": 88, **terms})


def holding(quantity: int, **terms: object) -> Fold:
    """Return a state in which 3 BTC are held, and so much is for sale by the order y."""
    return Fold(
        order(),
        fill(quantity=D(3), value=D(300)),
        order("y", side=SELL, quantity=D(quantity), limit_price=D(110), **{"reduces": True, **terms}),
        AttemptStarted("y", 1, 5, 9),
    )


def test_a_sale_of_a_part_realizes_its_share() -> None:
    """Less is held and less is reserved; the episode goes on."""
    fold = holding(2)
    assert fold.changes(sold(price=D(110))) == {
        **moved(5, "y", venue_order_id="V2", state=OrderState.WORKING, fees=D("0.5")),
        **at("orders.y", filled_quantity=D(1), filled_value=D(110)),
        "orders.y.trades.S1": "sell:1@110-0.5USDT",
        "dirty.positions": [MAIN],
        **at(
            f"positions.{MAIN}", quantity=D(2), cost=D(200), realized_pnl=D(10), fees=D(1), reserved_exit=D(1)
        ),
        "dirty.episodes": [f"{MAIN} 1"],
        **at(FIRST, exit_quantity=D(1), exit_value=D(110), realized_pnl=D(10), fees=D(1), fills=2),
        "dirty.balances": ["BTC", "USDT"],
        **at("balances", BTC=D(2), USDT=D(-191)),
        "dirty.fills": row(
            "S1",
            5,
            1,
            "sell:1@110-0.5USDT",
            client_order_id="y",
            ts_event=88,
            side="sell",
            price=D(110),
            value=D(110),
        ),
        f"net_by_symbol.{BTC}": D(2),
        f"reserved_by_symbol.{BTC}": D(1),
        SHORTS: D(1),
        "promises.y": D(1),
        f"promised.{BTC} sell": D(1),
    }


def test_a_sale_of_everything_ends_the_episode() -> None:
    """Nothing is exposed and nothing is being closed any more; the episode may leave memory."""
    fold = holding(3)
    assert (fold.state.exposed_total, fold.state.closing_total) == (1, 1)
    assert fold.changes(sold(quantity=D(3), value=D(330), fee=D(0), price=D(110))) == {
        **moved(5, "y", venue_order_id="V2", state=OrderState.FILLED, closed_ns=50),
        **at("orders.y", filled_quantity=D(3), filled_value=D(330)),
        "orders.y.trades.S1": "sell:3@110-0",
        "finished.y": 5,
        "live_total": 0,
        f"live_by_symbol.{BTC}": 0,
        "dirty.positions": [MAIN],
        **at(
            f"positions.{MAIN}",
            quantity=D(0),
            cost=D(0),
            realized_pnl=D(30),
            closed_ns=88,
            reserved_exit=D(0),
        ),
        "dirty.episodes": [f"{MAIN} 1"],
        **at(FIRST, exit_quantity=D(3), exit_value=D(330), realized_pnl=D(30), closed_ns=88, fills=2),
        f"ended.{MAIN} 1": 5,
        "dirty.balances": ["BTC", "USDT"],
        **at("balances", BTC=D(0), USDT=D("29.5")),
        "dirty.fills": row(
            "S1",
            5,
            1,
            "sell:3@110-0",
            client_order_id="y",
            ts_event=88,
            side="sell",
            quantity=D(3),
            price=D(110),
            value=D(330),
            fee=D(0),
        ),
        "exposed_total": 0,
        f"exposed_by_symbol.{BTC}": 0,
        "closing_total": 0,
        f"closing_by_symbol.{BTC}": 0,
        f"net_by_symbol.{BTC}": D(0),
        f"reserved_by_symbol.{BTC}": D(0),
        SHORTS: GONE,
        "promises.y": GONE,
        f"promised.{BTC} sell": D(0),
    }


def test_a_flip_ends_one_episode_and_begins_the_next() -> None:
    """Its fee is shared by quantity; the new episode has the words of the order that flipped."""
    fold = holding(5, reduces=False, note="turn", tags=("two",))
    flip = sold(quantity=D(4), value=D(440), price=D(110), fee=D(4))
    assert fold.changes(flip) == {
        **moved(5, "y", venue_order_id="V2", state=OrderState.WORKING, fees=D(4)),
        **at("orders.y", filled_quantity=D(4), filled_value=D(440)),
        "orders.y.trades.S1": "sell:4@110-4USDT",
        "dirty.positions": [MAIN],
        **at(f"positions.{MAIN}", quantity=D(-1), cost=D(-110), realized_pnl=D(30), fees=D("4.5"), episode=2),
        f"positions.{MAIN}.opened_ns": 88,
        "dirty.episodes": [f"{MAIN} 1", f"{MAIN} 2"],
        **at(FIRST, exit_quantity=D(3), exit_value=D(330), realized_pnl=D(30), fees=D("3.5"), fills=2),
        **at(FIRST, closed_ns=88),
        f"ended.{MAIN} 1": 5,
        **at(
            SECOND, symbol=BTC, book="main", number=2, owner="bot", side=PositionSide.SHORT, currency="USDT"
        ),
        **at(SECOND, opened_ns=88, note="turn", tags=("two",), fills=1, fees=D(1)),
        **at(SECOND, entry_quantity=D(1), entry_value=D(110), peak_quantity=D(1)),
        "dirty.balances": ["BTC", "USDT"],
        **at("balances", BTC=D(-1), USDT=D("135.5")),
        "dirty.fills": row(
            "S1",
            5,
            2,
            "sell:4@110-4USDT",
            client_order_id="y",
            ts_event=88,
            side="sell",
            quantity=D(4),
            price=D(110),
            value=D(440),
            fee=D(4),
            flipped=True,
        ),
        f"net_by_symbol.{BTC}": D(-1),
        SHORTS: D(1),
        "promises.y": D(1),
        f"promised.{BTC} sell": D(1),
    }


@pytest.mark.parametrize(
    ("currency", "held", "balances"),
    [
        ("BTC", D("0.5"), {"BTC": D("0.5"), "USDT": D(-100)}),  # paid out of what was bought
        ("BNB", D(1), {"BTC": D(1), "USDT": D(-100), "BNB": D("-0.5")}),
    ],
)
def test_a_fee_in_another_currency_is_kept_by_currency(
    currency: str, held: Decimal, balances: dict[str, Decimal]
) -> None:
    """On order, position and episode; it is paid from that balance, and the cost stays what was paid."""
    fold = Fold(order(), AttemptStarted("x", 1, 5, 9))
    changes = fold.changes(fill(fee_currency=currency))
    fees = ((currency, D("0.5")),)
    for path in ("orders.x", f"positions.{MAIN}", FIRST):
        assert changes[f"{path}.other_fees"] == fees
        assert f"{path}.fees" not in changes
    assert changes[f"positions.{MAIN}.quantity"] == changes[f"{FIRST}.entry_quantity"] == held
    assert changes[f"positions.{MAIN}.cost"] == D(100)
    assert fold.state.balances == balances
    assert set(changes["dirty.balances"]) == set(balances)  # type: ignore[call-overload]  # a list
    assert changes["dirty.fills"] == row("T1", 3, 1, f"buy:1@100-0.5{currency}", fee_currency=currency)


def test_a_contract_settles_what_it_realizes_less_its_fee() -> None:
    """No coin changes hands: only the settlement currency moves, and only by result and fee."""
    terms = {"contract": CONTRACT}
    fold = Fold(order(**terms), AttemptStarted("x", 1, 5, 9))
    opened = fold.changes(fill(base="", value=D(1000)))
    assert opened[f"positions.{MAIN}.contract"] == opened[f"{FIRST}.contract"] == CONTRACT
    assert opened["balances.USDT"] == D("-0.5")
    assert opened["dirty.balances"] == ["USDT"]
    assert not [path for path in opened if path.startswith("promise")]
    fold.changes(order("y", side=SELL, limit_price=D(110), reduces=True, **terms))
    closed = fold.changes(sold(base="", value=D(1100), price=D(110), fee=D(2)))
    assert closed[f"positions.{MAIN}.realized_pnl"] == D(100)
    assert closed["balances.USDT"] == D("97.5")


def test_a_fill_after_the_end_is_booked_and_takes_of_no_reservation() -> None:
    """The venue's word counts whenever it comes; what the order had reserved was given back already."""
    fold = Fold(
        order("y"), order(), AttemptStarted("x", 1, 5, 9), OrderEventNoted("x", OrderEvent.CANCELED, "done")
    )
    changes = fold.changes(fill())
    assert changes[f"positions.{MAIN}.quantity"] == D(1)
    assert changes["orders.x.filled_quantity"] == D(1)
    assert changes["finished.x"] == 5
    assert fold.state.leaves == {((BTC, "main", ""), BUY): D(3)}
    assert fold.state.promises == {"y": D(300)}
    assert fold.state.live_total == 1


def test_a_fill_of_more_than_was_ordered_takes_no_more_than_was_reserved() -> None:
    """What is booked is what the venue says; the reservation of others stays whole."""
    fold = holding(2)
    fold.changes(order("z", side=SELL, limit_price=D(120), quantity=D(1), reduces=True))
    changes = fold.changes(sold(quantity=D("2.5"), value=D(275)))
    assert changes[f"positions.{MAIN}.quantity"] == D("0.5")
    assert changes[f"positions.{MAIN}.reserved_exit"] == changes[SHORTS] == D(1)
    assert changes["orders.y.state"] is OrderState.FILLED


def test_a_cancel_stays_pending_through_a_fill() -> None:
    """Only its own answer, or the end, ends it."""
    fold = Fold(
        order(), AttemptStarted("x", 1, 5, 9), OrderEventNoted("x", OrderEvent.CANCEL_REQUESTED, "asked")
    )
    assert "orders.x.pending" not in fold.changes(fill())
    assert fold.changes(fill("x", "T2", quantity=D(2)))["orders.x.pending"] is PendingRequest.NONE


def test_what_a_fill_did_to_its_position_is_told() -> None:
    """It opened, changed, closed or flipped it: events and notices are made of that."""
    fold = Fold(order(quantity=D(9)), order("y", side=SELL, quantity=D(9)), AttemptStarted("x", 1, 5, 9))
    fold.changes(AttemptStarted("y", 1, 5, 9))
    steps = [(fill("x", "1"), "opened"), (fill("x", "2"), "changed"), (sold(trade_id="3"), "changed")]
    steps += [(sold(trade_id="4"), "closed"), (sold(trade_id="5"), "opened")]
    steps += [(fill("x", "6", quantity=D(2), value=D(200)), "flipped")]
    for record, change in steps:
        assert apply(fold.state, record, 99) is PositionChange(change)


def opened(asked_ns: int, **amounts: int) -> InventoryOpened:
    """Return the record of what was there before the kernel."""
    return InventoryOpened(tuple((asset, D(amount)) for asset, amount in amounts.items()), asked_ns)


def test_the_inventory_is_what_balances_begin_with() -> None:
    """What was folded before stays on top; what the ledger listed is part of it, if it was read."""
    fold = Fold(order(), AttemptStarted("x", 1, 5, 9), fill())
    assert fold.changes(opened(60, BTC=2, USDT=1000)) == {
        **at("openings", BTC=D(2), USDT=D(1000)),
        **at("balances", BTC=D(3), USDT=D("899.5")),
        "dirty.balances": ["BTC", "USDT"],
        "dirty.inventory": ["BTC", "USDT"],
        "dirty.settings": ["inventory_asked_ns"],
        "inventory_ns": 60,
    }
    listed = InventoryOpened((), 70, ("L1",))
    assert fold.changes(listed) == {
        "dirty.settings": ["inventory_asked_ns", "inventory_listed"],
        "inventory_ns": 70,
        "inventory_listed": frozenset({"L1"}),
    }


def test_an_adjustment_moves_its_balance_and_adds_up() -> None:
    """Each entry is kept with its record's sequence; the inventory's row tells the sum."""
    fold = Fold(opened(5, USDT=100))
    first = AdjustmentBooked("L1", AdjustmentKind.DEPOSIT, "USDT", D(7), 3, "in")
    second = AdjustmentBooked("L2", AdjustmentKind.WITHDRAWAL, "USDT", D(-2), 4, "out")
    assert fold.changes(first) == {
        "balances.USDT": D(107),
        "adjusted.USDT": D(7),
        "adjustments.L1": (first, 2),
        "dirty.balances": ["USDT"],
        "dirty.inventory": ["USDT"],
        "dirty.adjustments": ["L1"],
    }
    changes = fold.changes(second)
    assert (changes["balances.USDT"], changes["adjusted.USDT"]) == (D(105), D(5))


@pytest.mark.parametrize(
    ("made_ns", "ts_event", "btc"),
    [
        (1, 76, 4),  # older than the inventory, of an order that is older as well: it was counted
        (76, 76, 4),
        (1, 77, 5),  # of the very time at which the venue was asked
        (77, 76, 5),  # of an order made after that, whatever the venue's clock says
    ],
)
def test_a_late_fill_of_before_the_inventory_is_part_of_it(made_ns: int, ts_event: int, btc: int) -> None:
    """The position has it, and what was there when the venue was asked had it already: balances stay."""
    fold = Fold()
    apply(fold.state, order(), made_ns)
    fold.changes(AttemptStarted("x", 1, 5, 9))
    fold.changes(opened(77, BTC=4, USDT=1000))
    changes = fold.changes(fill(ts_event=ts_event, fee_currency="BNB"))
    assert changes[f"positions.{MAIN}.quantity"] == D(1)
    if btc == 4:
        assert fold.state.balances == {"BTC": D(4), "USDT": D(1000), "BNB": D(0)}
        assert fold.state.openings == {"BTC": D(3), "USDT": D(1100), "BNB": D("0.5")}
        assert changes["dirty.inventory"] == ["BTC", "USDT", "BNB"]
    else:
        assert fold.state.balances == {"BTC": D(5), "USDT": D(900), "BNB": D("-0.5")}
        assert fold.state.openings == {"BTC": D(4), "USDT": D(1000)}


def test_the_past_of_an_order_that_was_taken_over_is_part_of_the_inventory() -> None:
    """It is younger here than it is at the venue, so its fills count by their own time alone."""
    fold = Fold(opened(5, BTC=4), order(), AttemptStarted("x", 1, 5, 9))
    fold.state.orders["x"].adopted = True
    fold.changes(fill(ts_event=4))
    assert fold.state.balances["BTC"] == D(4)
    fold.changes(fill("x", "T2", ts_event=5))
    assert fold.state.balances["BTC"] == D(5)


def test_an_order_made_while_the_clock_was_set_back_is_younger_than_the_inventory() -> None:
    """Its fills came after, whatever the clock says: the inventory's time gives way."""
    fold = Fold(opened(15, BTC=1))
    changes = fold.changes(order())
    assert "inventory_ns" not in changes
    fold.state.inventory_ns = 35
    changes = fold.changes(order("y"))
    assert changes["inventory_ns"] == 30
    assert "inventory_asked_ns" in changes["dirty.settings"]  # type: ignore[operator]  # a list


def corrected(**terms: object) -> PositionCorrected:
    """Return the record of a correction: 1 BTC more than our books, at 100 USDT, or as wished."""
    fields: dict[str, object] = {
        "symbol": BTC,
        "book": "main",
        "side": BUY,
        "quantity": D(1),
        "price": D(100),
        "value": D(100),
        "base": "BTC",
        "quote": "USDT",
        "settlement_decimals": 2,
        "ours": D(0),
        "at_venue": D(1),
        "owner": "operator",
        "note": "counted",
        "ts_event": 66,
    }
    return PositionCorrected(**{**fields, **terms})  # type: ignore[arg-type]  # fields of several types


def test_a_correction_of_a_pair_takes_from_the_inventory() -> None:
    """The position has it and an episode of the operator's; balances stay, for no coin changed hands."""
    fold = Fold(opened(5, BTC=4, USDT=1000))
    assert fold.changes(corrected()) == {
        "dirty.positions": [MAIN],
        **at(f"positions.{MAIN}", symbol=BTC, book="main", currency="USDT", quantity=D(1), cost=D(100)),
        **at(f"positions.{MAIN}", episode=1, opened_ns=66),
        "dirty.episodes": [f"{MAIN} 1"],
        **at(FIRST, symbol=BTC, book="main", number=1, owner="operator", side=PositionSide.LONG),
        **at(FIRST, currency="USDT", opened_ns=66, note="counted", fills=1),
        **at(FIRST, entry_quantity=D(1), entry_value=D(100), peak_quantity=D(1)),
        **at("openings", BTC=D(3), USDT=D(1100)),
        "dirty.balances": ["BTC", "USDT"],
        "dirty.inventory": ["BTC", "USDT"],
        "exposed_total": 1,
        f"exposed_by_symbol.{BTC}": 1,
        f"net_by_symbol.{BTC}": D(1),
    }


def test_a_correction_of_a_contract_settles_what_it_realizes() -> None:
    """An opening realizes nothing; a closing does, and the position bears the contract's terms."""
    fold = Fold(opened(5, USDT=1000))
    begins = fold.changes(corrected(base="", value=D(1000), contract=CONTRACT))
    assert begins[f"positions.{MAIN}.contract"] == CONTRACT
    assert fold.state.balances == {"USDT": D(1000)}
    ends = fold.changes(corrected(base="", value=D(1100), contract=CONTRACT, side=SELL, ts_event=88))
    assert ends["balances.USDT"] == D(1100)
    assert "openings.USDT" not in ends
    assert ends[f"{FIRST}.closed_ns"] == 88
    assert ends["exposed_total"] == ends[f"exposed_by_symbol.{BTC}"] == 0
    assert apply(fold.state, corrected(), 99) is PositionChange.OPENED


def test_a_correction_without_a_contracts_terms_leaves_those_that_are_known() -> None:
    """An earlier version wrote none: what the position knows stays."""
    fold = Fold(corrected(base="", value=D(1000), contract=CONTRACT))
    assert f"positions.{MAIN}.contract" not in fold.changes(corrected(base="", value=D(1000)))
    assert fold.state.positions[BTC, "main", ""].contract == CONTRACT


def test_an_episode_that_is_annotated_leaves_memory_last() -> None:
    """The words are its own; one that is over is the last changed, and one that goes on does not leave."""
    trades = [corrected(), corrected(side=SELL), corrected(), corrected(side=SELL), corrected()]
    fold = Fold(*trades)

    def said(number: int, key: str = "") -> EpisodeAnnotated:
        return EpisodeAnnotated(
            BTC, "main", "", number, "bot", "word", ("tag",), (("a", "1"),), key, "digest"
        )

    words = {"note": "word", "tags": ("tag",), "metadata": (("a", "1"),)}
    assert fold.changes(said(3)) == {"dirty.episodes": [f"{MAIN} 3"], **at(f"episodes.{MAIN} 3", **words)}
    changes = fold.changes(said(1, "key"))
    assert changes["dirty.episodes"] == [f"{MAIN} 1"]
    assert list(fold.state.ended.items()) == [((BTC, "main", "", 2), 4), ((BTC, "main", "", 1), 7)]
    entry = fold.state.commands["bot", "key"]
    assert (entry.client_order_id, entry.command_digest, entry.created_ns) == (f"{BTC} main  1", "digest", 70)
