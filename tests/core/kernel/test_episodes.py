"""Episodes: a position's life from flat to flat, exact to the last digit, and found again afterwards."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fairlead import EpisodeView, Proposal
from fairlead.domain.contracts import Contract
from fairlead.domain.episodes import Episode, PositionSide, episode_view, split_fee
from fairlead.domain.events import PositionChanged
from fairlead.domain.instruments import ContractKind
from fairlead.domain.ledger import Booking, PositionChange
from fairlead.domain.numbers import ZERO
from fairlead.errors import InvalidInput, NumberRefused, TextRefused, UnknownName
from fairlead.kernel.history import Filters
from fairlead.kernel.journal.episode_rows import episode_from_row, episode_row
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.kernel.bench import BTC, ETH, Bench, instrument, on_bench
from tests.core.kernel.test_fees_and_contracts import (
    _DEALS,
    BUY,
    INVERSE,
    PERPETUAL,
    SELL,
    Account,
    Deal,
)


class Life:
    """What an episode must come to, in exact fractions and without our arithmetic."""

    def __init__(self, side: PositionSide) -> None:
        self.side = side
        self.peak = self.held = Fraction(0)
        self.fees: dict[str, Fraction] = {}
        self.whole_fees = True


def lives_of(account: Account) -> list[Life]:
    """Follow the deals of an account from flat to flat; a flip's fee is left to the comparison."""
    lives: list[Life] = []
    held = Fraction(0)
    for deal in account.deals:
        moved = Fraction(deal.quantity) * (1 if deal.side is BUY else -1)
        if account.contract is None and deal.fee_currency == "BTC":
            moved -= Fraction(deal.fee)
        if not held:
            lives.append(Life(PositionSide.LONG if deal.side is BUY else PositionSide.SHORT))
        after = held + moved
        flips = held * after < 0
        if flips:
            lives[-1].held = Fraction(0)
            lives[-1].whole_fees = False
            lives.append(Life(PositionSide.LONG if after > 0 else PositionSide.SHORT))
            lives[-1].whole_fees = False
        life = lives[-1]
        life.held = abs(after)
        life.peak = max(life.peak, life.held)
        currency = deal.fee_currency or account.settlement
        life.fees[currency] = life.fees.get(currency, Fraction(0)) + Fraction(deal.fee)
        held = after
    return lives


def assert_episodes_exact(account: Account) -> None:
    """Assert that each episode is what its deals say, and that all of them are the position."""
    episodes = list(account.state.episodes.values())
    position = account.position
    mirror = -1 if account.contract is not None and account.contract.inverse else 1
    assert [episode.number for episode in episodes] == list(range(1, position.episode + 1))
    for episode, life in zip(episodes, lives_of(account), strict=True):
        assert (episode.side, episode.owner) == (life.side, "bot")
        assert Fraction(episode.quantity) == life.held
        assert Fraction(episode.peak_quantity) == life.peak
        assert episode.is_open == (life.held != 0) == (episode.closed_ns == 0)
        sign = mirror * (1 if episode.side is PositionSide.LONG else -1)
        cash = sign * (Fraction(episode.exit_value) - Fraction(episode.entry_value))
        cost = Fraction(position.cost) if episode.is_open else Fraction(0)
        assert Fraction(episode.realized_pnl) - cost == cash
        if life.whole_fees:
            paid = {episode.currency: Fraction(episode.fees)}
            paid.update({name: Fraction(fee) for name, fee in episode.other_fees})
            assert {name: fee for name, fee in paid.items() if fee} == {
                name: fee for name, fee in life.fees.items() if fee
            }
    assert sum(Fraction(episode.realized_pnl) for episode in episodes) == Fraction(position.realized_pnl)
    assert sum(Fraction(episode.fees) for episode in episodes) == Fraction(position.fees)
    for name, fee in position.other_fees:
        shares = [dict(episode.other_fees).get(name, ZERO) for episode in episodes]
        assert sum(map(Fraction, shares)) == Fraction(fee)
    values = sum(Fraction(each.entry_value) + Fraction(each.exit_value) for each in episodes)
    assert values == sum(Fraction(deal.value) for deal in account.deals)


@example(  # two flips with odd values and fees: halves that no rounding of both could keep whole
    deals=[
        Deal(BUY, Decimal(1), Decimal("0.03"), Decimal("0.01")),
        Deal(SELL, Decimal(3), Decimal("0.07"), Decimal("0.001"), "BNB"),
        Deal(BUY, Decimal(7), Decimal("0.11"), Decimal("0.07")),
    ],
    decimals=2,
    contract=None,
)
@given(_DEALS, st.integers(0, 10), st.sampled_from((None, PERPETUAL, INVERSE)))
@pytest.mark.requirement("FLOW-5")
def test_episodes_conserve_every_digit(deals: list[Deal], decimals: int, contract: Contract | None) -> None:
    """After any fills, flips included, of spot, linear and inverse: each episode is exact, and so is the sum.

    Cash moved in an episode = realized - remaining cost; fees, values and realized PnL of all of them add
    up to the position's; peak and held quantity are what the deals say; and the row holds it all.
    """
    account = Account(contract, decimals)
    for deal in deals:
        if contract is not None and deal.fee_currency == account.settlement:
            deal = deal._replace(fee_currency="")  # noqa: PLW2901 - as the kernel records it
        account.book([deal])
        assert_episodes_exact(account)
    for episode in account.state.episodes.values():
        read = episode_from_row(episode_row(episode).named())
        assert attrs.asdict(read) == attrs.asdict(episode)


@given(
    st.decimals(-1000, 1000, allow_nan=False, places=6),
    st.integers(1, 10**12),
    st.integers(1, 10**12),
    st.integers(0, 12),
)
def test_a_flips_fee_is_split_by_quantity(fee: Decimal, closes: int, opens: int, decimals: int) -> None:
    """The parts sum up to the fee exactly, and each is within a last digit of its share by quantity."""
    booking = Booking(PositionChange.FLIPPED, Decimal(closes), ZERO, ZERO, Decimal(opens), ZERO)
    closing, opening = split_fee(fee, booking, decimals)
    assert Fraction(closing) + Fraction(opening) == Fraction(fee)
    share = Fraction(fee) * Fraction(closes, closes + opens)
    assert abs(Fraction(closing) - share) <= Fraction(1, 10 ** max(decimals, 6))


@pytest.mark.parametrize("currency", ["", "BNB"])
def test_a_flip_has_two_episodes_with_fees_pro_rata(currency: str) -> None:
    """Long 3, sell 5 for a fee of 1: 0.6 of it closes the first episode, 0.4 opens the second."""
    account = Account()
    account.trade(BUY, "3", "100", "0.3", currency)
    account.trade(SELL, "5", "110", "1", currency)
    episodes = list(account.state.episodes.values())
    assert len(episodes) == 2
    first, second = episodes
    fees = [dict(each.other_fees).get("BNB", ZERO) if currency else each.fees for each in (first, second)]
    assert fees == [Decimal("0.9"), Decimal("0.4")]
    assert (first.side, first.realized_pnl, first.closed_ns) == (PositionSide.LONG, Decimal(30), 2)
    assert (second.side, second.quantity, second.opened_ns) == (PositionSide.SHORT, Decimal(2), 2)
    assert (first.fills, second.fills) == (2, 1)


def these(*values: object) -> tuple[object, ...]:
    """Return the values, to be compared with plain numbers."""
    return values


async def traded(bench: Bench, side: str, quantity: str, price: str, fee: str = "0") -> str:
    """Have a limit order filled whole; return its id."""
    name = await bench.working(side, quantity, price)
    bench.exchange.trade(name, quantity, price, fee=fee)
    await bench.pass_ms()
    return name


def test_events_carry_the_episode_that_runs_and_the_one_that_ended() -> None:
    """Opened and changed: the running one; flipped: both; closed: the ended one with its final figures."""

    async def main(bench: Bench) -> None:
        seen: list[PositionChanged] = []
        bench.kernel.events.subscribe(seen.append, PositionChanged)
        for side, quantity, price in (
            ("buy", "1", "100"), ("buy", "2", "103"), ("sell", "5", "110"), ("buy", "2", "105"),
        ):  # fmt: skip
            await traded(bench, side, quantity, price, fee="1")
        assert [event.change.value for event in seen] == ["opened", "changed", "flipped", "closed"]
        opened, changed, flipped, closed = seen
        assert opened.ended is changed.ended is closed.episode is None
        assert opened.episode is not None
        assert these(opened.episode.number, opened.episode.quantity) == (1, 1)
        assert changed.episode is not None
        assert these(changed.episode.peak_quantity, changed.episode.average_entry_price) == (3, 102)
        assert flipped.ended is not None
        assert flipped.episode is not None
        ended = flipped.ended
        assert these(ended.number, ended.is_open, ended.average_exit_price) == (1, False, 110)
        assert these(ended.realized_pnl, ended.net_pnl) == (24, Decimal("21.4"))
        assert (flipped.episode.number, flipped.episode.side.value, flipped.episode.fees) == (
            2,
            "short",
            Decimal("0.4"),
        )
        assert closed.ended is not None
        assert these(closed.ended.number, closed.ended.realized_pnl, closed.ended.fees) == (
            2,
            10,
            Decimal("1.4"),
        )
        assert bench.bot.episode(BTC) is None

    on_bench(main)


def test_an_episode_is_found_with_its_orders_and_fills() -> None:
    """A flip's fill belongs to both episodes; the newest comes first; an open one is among them."""

    async def main(bench: Bench) -> None:
        first = await traded(bench, "buy", "1", "100")
        flip = await traded(bench, "sell", "3", "110")
        running = bench.bot.episode(BTC)
        found = await bench.bot.episodes()
        assert [(each.number, each.is_open) for each in found] == [(2, True), (1, False)]
        assert [each.order_ids for each in found] == [(flip,), (first, flip)]
        assert [len(each.fills) for each in found] == [each.fill_count for each in found] == [1, 2]
        assert running is not None
        assert these(running.number, running.quantity, running.order_ids) == (2, 2, ())

    on_bench(main)


@pytest.mark.requirement("P3-5")
def test_the_opening_orders_words_are_the_episodes() -> None:
    """A proposal's note, tags and metadata are on its order and its episode, and can be asked for.

    Those of an order that only adds or closes stay with that order.
    """

    async def main(bench: Bench) -> None:
        for symbol, note, tags, price in (
            (BTC, "broke out of the range", ["breakout", "night"], "100"),
            (ETH, "50% off", ["break", "day"], "10"),
        ):
            proposal = Proposal.buy(
                symbol, quantity="1", limit_price=price, note=note, tags=tags, metadata={"signal": symbol[:3]}
            )
            result = await bench.bot.execute(proposal)
            bench.exchange.trade(result.client_order_id, "1", price)
            await bench.pass_ms(1_000)
        closing = Proposal.sell(BTC, quantity="1", limit_price="110", note="target", tags=["exit"])
        name = (await bench.bot.execute(closing)).client_order_id
        bench.exchange.trade(name, "1", "110")
        await bench.pass_ms()
        btc, eth = [each.opened_ns for each in (await bench.bot.episodes())[::-1]]

        async def symbols(**filters: object) -> list[str]:
            wanted: Filters = filters  # type: ignore[assignment] # as a caller writes them
            orders = {each.symbol for each in await bench.bot.orders(**wanted)}
            episodes = [each.symbol for each in await bench.bot.episodes(**wanted)]
            assert orders == set(episodes)
            return episodes

        assert await symbols() == [ETH, BTC]
        assert await symbols(tag="breakout") == [BTC]
        assert await symbols(tag="break") == [ETH]
        assert await symbols(tag="Breakout") == await symbols(tag="out") == []
        assert await symbols(note="% o") == [ETH]
        assert await symbols(note="Broke") == []
        assert await symbols(symbol=BTC) == await symbols(limit=2, symbol=BTC) == [BTC]
        assert await symbols(tag="night", note="range", book="bot", position_id="") == [BTC]
        assert await symbols(owner="somebody") == await symbols(book="another") == []
        assert await bench.kernel.session(owner="somebody").episodes() == ()
        assert [each.symbol for each in await bench.bot.episodes(since_ns=btc + 1)] == [ETH]
        assert [each.symbol for each in await bench.bot.episodes(until_ns=eth)] == [BTC]
        assert len(await bench.bot.episodes(limit=1)) == 1
        assert [each.note for each in await bench.bot.orders(tag="exit")] == ["target"]
        episode = (await bench.bot.episodes(symbol=BTC))[0]
        assert (episode.note, episode.tags, episode.metadata, episode.owner) == (
            "broke out of the range",
            ("breakout", "night"),
            (("signal", "BTC"),),
            "bot",
        )

    on_bench(main)


@pytest.mark.parametrize(
    ("filters", "refusal"),
    [
        ({"colour": "red"}, UnknownName),
        ({"tag": "two words"}, TextRefused),
        ({"note": "a\nb"}, TextRefused),
        ({"symbol": "btc"}, TextRefused),
        ({"since_ns": 1.5}, NumberRefused),
        ({"limit": 0}, InvalidInput),
        ({"limit": 10_001}, InvalidInput),
        ({"limit": "5"}, InvalidInput),
    ],
)
def test_a_filter_of_the_wrong_shape_is_refused(filters: dict[str, object], refusal: type[Exception]) -> None:
    """Nothing is asked of the store; the error names the filter."""

    async def main(bench: Bench) -> None:
        with pytest.raises(refusal):
            await bench.bot.episodes(**filters)  # type: ignore[arg-type] # on purpose

    on_bench(main)


def test_a_restart_in_the_middle_of_an_episode_changes_nothing_about_it() -> None:
    """The next kernel goes on with the episode of the row, adds to it and ends it."""

    async def main(bench: Bench) -> None:
        await traded(bench, "buy", "1", "100", fee="0.1")
        before = bench.bot.episode(BTC)
        await bench.restart()
        assert bench.bot.episode(BTC) == before
        await traded(bench, "buy", "1", "102", fee="0.1")
        await bench.die()
        await bench.start_another()
        name = await traded(bench, "sell", "2", "105", fee="0.2")
        (episode,) = await bench.bot.episodes()
        assert these(episode.net_pnl, episode.peak_quantity, episode.fill_count) == (Decimal("7.6"), 2, 3)
        assert episode.order_ids[-1] == name
        assert isinstance(episode, EpisodeView)

    on_bench(main)


def test_an_episode_that_is_over_leaves_memory_when_that_is_durable() -> None:
    """However many there were, memory holds the open ones; the store has them all."""

    async def main(bench: Bench) -> None:
        for _ in range(5):
            await traded(bench, "buy", "1", "100")
            await traded(bench, "sell", "1", "101")
        await traded(bench, "buy", "1", "100")
        state = bench.kernel._parts.engine.state
        assert [key[3] for key in state.episodes] == [6]
        assert state.ended == {}
        assert [each.number for each in await bench.bot.episodes()] == [6, 5, 4, 3, 2, 1]

    on_bench(main)


def test_an_inverse_contract_averages_entry_and_exit_harmonically() -> None:
    """100,000 at 10,000 and at 20,000, closed at 15,000: 13,333.33 in, 15,000 out, +1.66666667 BTC."""

    async def main(bench: Bench) -> None:
        for side, quantity, price in (
            ("buy", "100000", "10000"), ("buy", "100000", "20000"), ("sell", "200000", "15000"),
        ):  # fmt: skip
            await traded(bench, side, quantity, price)
        (episode,) = await bench.bot.episodes()
        assert episode.average_entry_price is not None
        assert str(episode.average_entry_price).startswith("13333.3333333")
        assert episode.average_exit_price is not None
        assert round(episode.average_exit_price, 3) == Decimal(15000)
        assert (episode.realized_pnl, episode.currency) == (Decimal("1.66666667"), "BTC")

    inverse = attrs.evolve(instrument(BTC), contract=ContractKind.INVERSE, settlement_currency="BTC")
    on_bench(main, exchange=ScriptedExchange([inverse]))


def test_fees_are_told_by_currency_without_those_of_zero() -> None:
    """In the episode's own currency and in others; nothing for none."""
    episode = Episode(BTC, "main", "", 1, "bot", PositionSide.LONG, "USDT", 1)
    assert episode_view(episode).fees_by_currency == {}
    episode.fees, episode.other_fees = Decimal(2), (("BNB", Decimal(0)), ("BTC", Decimal("-0.1")))
    assert episode_view(episode).fees_by_currency == {"USDT": Decimal(2), "BTC": Decimal("-0.1")}
