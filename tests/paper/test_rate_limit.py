"""The venue's rate limit: its own count, the kernel's model of it, and the two end to end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead import Kernel, KernelSettings, Proposal
from fairlead.errors import ConfigurationRefused, RateLimited
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND
from fairlead.ports.exchange import Outcome
from fairlead.ports.pacing import BudgetLevel, PacingModel, RequestKind
from fairlead.testing import SeededIds, SeededLoop, SeedStreams, VirtualClock, run
from fairlead.testing.conformance.pacing import PacingConformance
from fairlead.testing.memory_store import MemoryStore
from fairlead_paper import messages as say
from fairlead_paper.desk import Desk
from fairlead_paper.opening import open_desk
from fairlead_paper.plugin import PaperExchangePlugin, paper_client
from fairlead_paper.rate_limit import Throttle, model_of
from fairlead_paper.settings import PaperSettings, RateLimitSettings, VenueSettings, paper_settings
from tests.paper.venues import ACCOUNT, BUY, Bench

SYMBOL = "BTC/USDT"
LIMIT = RateLimitSettings(
    capacity=Decimal(10), per_second=Decimal(2), cancel_young=Decimal(4), young_ms=1_000, read=Decimal("0.5")
)
READ = say.ReadOpen()
numbers = st.decimals("0.1", "20", places=2)


@given(
    st.builds(lambda capacity, rate: (capacity, rate), numbers, numbers),
    st.lists(st.tuples(st.integers(0, 5 * NANOSECONDS_PER_SECOND), numbers), max_size=30),
)
def test_the_model_and_the_venue_count_alike(
    limit: tuple[Decimal, Decimal], requests: list[tuple[int, Decimal]]
) -> None:
    """At the same times the kernel's arithmetic lets out exactly what the venue takes, wait included."""
    free = Decimal(0)
    settings = RateLimitSettings(
        capacity=limit[0],
        per_second=limit[1],
        order=free,
        cancel=free,
        cancel_young=free,
        modify=free,
        modify_young=free,
    )
    model, throttle = model_of(settings), Throttle(settings)
    assert model is not None
    budget, level, now_ns = model.budget("paper"), BudgetLevel(Decimal(0), 1), 1
    for pause_ns, cost in requests:
        now_ns += pause_ns
        refusal = throttle.refusal(ACCOUNT, cost, now_ns)
        fits = cost <= budget.available(level, now_ns)
        assert fits is (refusal is None)
        if refusal is None:
            level = budget.spend(level, cost, now_ns)
        elif cost <= budget.size:
            assert refusal.retry_after_ns == budget.wait_ns(level, cost, now_ns)


def test_prices_are_the_same_on_both_sides() -> None:
    """Orders, cancels young and old, reads, and what is free."""
    model, throttle = model_of(LIMIT), Throttle(LIMIT)
    assert model is not None
    young, old = 999 * NANOSECONDS_PER_MILLISECOND, 1_000 * NANOSECONDS_PER_MILLISECOND
    place = say.Place(Bench(_venue().venue).request(BUY, "1", "100"))
    cancel = say.Cancel("", "O1", SYMBOL)
    asked: list[tuple[say.Request, RequestKind, int, int]] = [
        (place, RequestKind.SUBMIT, 0, 1),
        (cancel, RequestKind.CANCEL, young, 1),
        (cancel, RequestKind.CANCEL, old, 1),
        (say.Find(say.Shelf.OPEN, ""), RequestKind.LOOK_UP, 0, 3),
        (READ, RequestKind.OPEN_ORDERS, 0, 1),
        (say.ReadFills(""), RequestKind.FILLS, 0, 1),
        (say.ReadBalances(), RequestKind.BALANCES, 0, 1),
        (say.ReadRules(), RequestKind.INSTRUMENTS, 0, 1),
    ]
    prices = []
    for request, kind, age_ns, times in asked:
        ((_, cost),) = model.costs(kind, SYMBOL, age_ns)
        assert cost == throttle.price(request, age_ns) * times
        prices.append(cost)
    assert prices == [1, 4, 1, Decimal("1.5"), *[Decimal("0.5")] * 4]
    assert throttle.price(say.ReadState(), 0) == 0
    assert Throttle(None).price(place, 0) == 0
    assert Throttle(None).refusal(ACCOUNT, Decimal(1), 0) is None
    assert model_of(None) is None


def _venue(now_ns: Callable[[], int] = lambda: 1, limit: RateLimitSettings = LIMIT) -> Desk:
    return open_desk(VenueSettings(rate_limit=limit), now_ns)


def _table(limit: RateLimitSettings) -> dict[str, Any]:
    return {
        "capacity": str(limit.capacity),
        "per_second": str(limit.per_second),
        "cancel_young": str(limit.cancel_young),
        "young_ms": limit.young_ms,
        "read": str(limit.read),
    }


def test_what_is_too_much_is_not_looked_at_and_says_when_to_come_back() -> None:
    """The pause is exact, each account has its own count, a clock that is set back helps nobody."""
    throttle = Throttle(LIMIT)
    now_ns = 10 * NANOSECONDS_PER_SECOND
    assert throttle.refusal("a", Decimal(10), now_ns) is None
    refusal = throttle.refusal("a", Decimal(1), now_ns - NANOSECONDS_PER_SECOND)
    assert refusal is not None
    assert refusal.retry_after_ns == NANOSECONDS_PER_SECOND // 2
    assert throttle.refusal("b", Decimal(1), now_ns) is None
    assert throttle.refusal("a", Decimal(1), now_ns + refusal.retry_after_ns - 1) is not None
    assert throttle.refusal("a", Decimal(1), now_ns + refusal.retry_after_ns) is None
    assert throttle.refused == 2


def test_a_client_hears_of_the_limit_as_of_any_other() -> None:
    """A submit and a cancel are LIMITED with the pause, a read raises it, a look-up is not complete."""

    async def main() -> None:
        clock = _clock()
        desk = _venue(now_ns=clock.wall_ns)
        client = paper_client(PaperSettings(), clock, desk)
        await client.connect(_Ear())
        bench = Bench(desk.venue)
        taken = await client.submit(bench.request(BUY, "1", "100"))
        young = await client.cancel("", taken.venue_order_id, SYMBOL)
        assert young.outcome is Outcome.ACCEPTED
        for _ in range(5):
            assert (await client.submit(bench.request(BUY, "1", "100"))).outcome is Outcome.ACCEPTED
        limited = await client.submit(bench.request(BUY, "1", "100"))
        assert limited.outcome is Outcome.LIMITED
        assert limited.retry_after_ns == NANOSECONDS_PER_SECOND // 2
        assert desk.venue.order_count == 6
        assert (await client.cancel("", "O00000006", SYMBOL)).outcome is Outcome.LIMITED
        assert (await client.cancel("", "O00000099", SYMBOL)).outcome is Outcome.LIMITED
        with pytest.raises(RateLimited) as refusal:
            await client.open_orders()
        assert refusal.value.retry_after_ns == NANOSECONDS_PER_SECOND // 4
        assert not (await client.look_up("x", SYMBOL)).complete
        await client.disconnect()

    run(main)


class _Ear:
    """Hears nothing."""

    def put(self, report: object) -> None:
        """Let it pass."""

    def disconnected(self, reason: str) -> None:
        """Let it pass."""

    def reconnected(self) -> None:
        """Let it pass."""


def _clock() -> VirtualClock:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SeededLoop)
    return VirtualClock(loop)


@pytest.mark.parametrize("paced", [True, False])
def test_a_burst_end_to_end(paced: bool) -> None:  # noqa: FBT001 - two cases
    """Thirty orders at once: paced, the venue turns none away; without its model some, and none is lost."""

    async def main() -> None:
        clock = _clock()
        desk = _venue(now_ns=clock.wall_ns)
        plugin = PaperExchangePlugin(PaperSettings(rate_limit=LIMIT if paced else None), desk)
        settings = KernelSettings(account="test", allow_unchecked=True, limited_attempts_max=1_000)
        ids = SeededIds(SeedStreams(7).of("ids"))
        async with Kernel(settings, [plugin], store=MemoryStore(), clock=clock, ids=ids) as kernel:
            bot = kernel.session(owner="bot")
            began_ns = clock.monotonic_ns()
            tasks: list[Coroutine[Any, Any, Any]] = [
                bot.execute(Proposal.buy(SYMBOL, quantity="0.01", limit_price="100")) for _ in range(30)
            ]
            results = await asyncio.gather(*tasks)
            assert {result.status for result in results} == {"ACCEPTED"}
            assert clock.monotonic_ns() - began_ns >= 10 * NANOSECONDS_PER_SECOND
            assert kernel.pacing.is_paced is paced
            assert (desk.throttle.refused == 0) is paced
            first = results[0].client_order_id
            assert (await bot.cancel(first)).accepted
            await clock.sleep_ns(5 * NANOSECONDS_PER_SECOND)
            ended = kernel.order(first)
            assert ended is not None
            assert ended.status == "CANCELED"

    run(main)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"capacity": "0"}, r"plugins\.paper\.rate_limit\.capacity: must be above 0"),
        ({"per_second": "0"}, r"rate_limit\.per_second: must be above 0"),
        ({"order": "11"}, r"rate_limit\.order: must be from 0 to the capacity, 10"),
        ({"cancel": "-1"}, r"rate_limit\.cancel: must be from 0"),
        ({"read": "4"}, r"rate_limit\.read: a look-up reads three times"),
        ({"cancel_young": "0.5"}, r"rate_limit\.cancel_young: must not be below cancel"),
        ({"young_ms": 0}, r"rate_limit\.young_ms: must be at least 1 millisecond"),
    ],
)
def test_a_limit_that_cannot_work_is_refused(table: dict[str, object], message: str) -> None:
    """With the path of the setting that is wrong."""
    with pytest.raises(ConfigurationRefused, match=message):
        paper_settings({"rate_limit": {"capacity": "10", "per_second": "1", **table}})


def test_a_venue_in_process_has_the_clients_limit_unless_it_is_given_its_own() -> None:
    """One table sets both; two set them apart, for headroom."""
    client = {"capacity": "9", "per_second": "1"}
    same = paper_settings({"rate_limit": client})
    assert same.venue.rate_limit == same.rate_limit
    apart = paper_settings({"rate_limit": client, "venue": {"rate_limit": {**client, "capacity": "10"}}})
    assert apart.venue.rate_limit is not None
    assert apart.venue.rate_limit.capacity == 10


def test_a_venue_file_remembers_the_limit(tmp_path: Path) -> None:
    """It is not continued under another."""
    table = {"rate_limit": _table(LIMIT), "venue": {"file": str(tmp_path / "venue.db")}}
    open_desk(paper_settings(table).venue, lambda: 1).close()
    open_desk(paper_settings(table).venue, lambda: 1).close()
    with pytest.raises(ConfigurationRefused, match="rate_limit"):
        open_desk(paper_settings({"venue": table["venue"]}).venue, lambda: 1)


class TestModelRules(PacingConformance):
    """The paper venue's model keeps every rule for pacing models."""

    def make_model(self) -> PacingModel:
        """Return the model of the limit above."""
        model = model_of(LIMIT)
        assert model is not None
        return model
