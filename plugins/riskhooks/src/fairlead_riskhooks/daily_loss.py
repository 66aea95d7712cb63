"""The loss limits of the trading day: what was lost since it began locks new exposure until it ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import ClassVar

import attrs
import msgspec

from fairlead.ports.numbers import ZERO
from fairlead.ports.risk import (
    ALLOW,
    Deny,
    Fact,
    Judgement,
    Lock,
    LockPlaced,
    NoRate,
    OrderFilled,
    PositionMoved,
    RiskRequest,
    RiskView,
    TradingDayBegan,
)
from fairlead_riskhooks import __version__, reason_codes
from fairlead_riskhooks.exact import minus, plain, plus, total_of
from fairlead_riskhooks.exposure_book import EMPTY, ExposureBook, fold_exposure, unknown_of
from fairlead_riskhooks.fields import check_one_given, is_positive, to_number
from fairlead_riskhooks.held_results import held_losses
from fairlead_riskhooks.stored import dump, load

_NAME = "daily_loss"
_EVERYTHING = "*"


@attrs.frozen(kw_only=True)
class DailyLossSettings:
    """Limits in the reporting currency of the kernel; at least one is given.

    *maximum_loss* is what may be lost since the day began; *maximum_drawdown* what may be lost since the
    day's best realized result. The kernel's ``trading_day`` says when a day begins. With *unrealized* the
    whole loss of what is held counts as well, also what it lost on earlier days; a profit on paper makes
    no room.
    """

    maximum_loss: Decimal | None = attrs.field(
        default=None,
        converter=to_number,
        validator=is_positive,
        metadata={"doc": "loss of the day that locks, reporting currency; no limit when left out"},
    )
    maximum_drawdown: Decimal | None = attrs.field(
        default=None,
        converter=to_number,
        validator=is_positive,
        metadata={
            "doc": "loss from the day's best result that locks, reporting currency; none when left out"
        },
    )
    unrealized: bool = attrs.field(
        default=False,
        validator=attrs.validators.instance_of(bool),
        metadata={"doc": "whether what open positions would lose if they were closed now counts as lost"},
    )

    def __attrs_post_init__(self) -> None:
        check_one_given(self, "maximum_loss", "maximum_drawdown")


class DayResult(msgspec.Struct):
    """What the day realized in one currency, after fees, and the most that it ever was."""

    now: Decimal = ZERO
    best: Decimal = ZERO


class DayBook(msgspec.Struct):
    """The day's results by currency, and the lock of this check that was placed last.

    *exposure* is what is held and may be, as text; it is kept only where unrealized losses count.
    """

    results: dict[str, DayResult] = {}
    locked_until_ns: int = 0
    code: str = ""
    exposure: str = EMPTY


@attrs.frozen
class DailyLoss:
    """Locks all new exposure until the trading day ends once a limit is reached.

    Realized PnL and fees count with each fill, so a partial close counts at once; what is held only with
    *unrealized*.
    A lock stands until the day ends, whatever is won back and whatever the limits are changed to.
    """

    settings: DailyLossSettings
    name: str = attrs.field(default=_NAME, init=False)
    version: str = attrs.field(default=__version__, init=False)
    stateless: ClassVar[bool] = False

    @property
    def limits(self) -> Mapping[str, Decimal]:
        """Return the limits that are set, in the reporting currency."""
        found = attrs.asdict(self.settings)
        return {name: limit for name, limit in found.items() if isinstance(limit, Decimal)}

    def initial(self) -> str:
        """Return a day without any result."""
        return dump(DayBook())

    def fold(self, value: str, fact: Fact) -> str:
        """Count results and fees, begin anew with each day, note the own lock, and what is held."""
        if self.settings.unrealized:
            book = load(value, DayBook)
            exposure = fold_exposure(book.exposure, fact)
            if exposure != book.exposure:
                value = dump(msgspec.structs.replace(book, exposure=exposure))
        if isinstance(fact, TradingDayBegan):
            return dump(msgspec.structs.replace(load(value, DayBook), results={}))
        if isinstance(fact, PositionMoved):
            return _counted(value, fact.position.currency, fact.realized_pnl)
        if isinstance(fact, OrderFilled):
            return _fee_counted(value, fact)
        if isinstance(fact, LockPlaced) and fact.check == _NAME:
            book = load(value, DayBook)
            book.locked_until_ns, book.code = fact.until_ns, fact.code
            return dump(book)
        return value

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:
        """Compare the day's loss with the limits; the lock is placed once, and then only kept to."""
        if request.reduces:
            return ALLOW
        book = load(value, DayBook)
        if view.now_ns < book.locked_until_ns:
            return Deny(
                book.code,
                "New exposure is locked until the trading day ends.",
                (("until_ns", str(book.locked_until_ns)),),
            )
        if not view.reporting_currency:
            return _not_converted(NoRate("*", "no reporting_currency is set"))
        held = self._held(book, view, request.live_order_id)
        if isinstance(held, Deny):
            return held
        return self._loss_reached(book, held, view) or self._drawdown_reached(book, held, view) or ALLOW

    def _held(self, book: DayBook, view: RiskView, live_order_id: str) -> Mapping[str, Decimal] | Deny:
        """Return the losses of what is held by currency: none unless they count."""
        if not self.settings.unrealized:
            return {}
        exposure = load(book.exposure, ExposureBook)
        exposure.orders.pop(live_order_id, None)
        keys = sorted({*exposure.positions, *(order.key for order in exposure.orders.values())})
        if what := unknown_of(keys, None, exposure, view):
            return Deny(
                reason_codes.RESULT_UNKNOWN,
                f"What is held counts, and {what} began before that was switched on and are not known yet: "
                "positions are with the next snapshot of positions, orders when they end.",
                (("unknown", what),),
            )
        return held_losses(keys, view)

    def _loss_reached(self, book: DayBook, held: Mapping[str, Decimal], view: RiskView) -> Judgement | None:
        limit = self.settings.maximum_loss
        if limit is None:
            return None
        results = [(currency, result.now) for currency, result in book.results.items()]
        result = _in_reporting_currency([*results, *held.items()], view, exposure=False)
        if isinstance(result, Deny):
            return result
        loss = result.copy_negate()
        return _lock(reason_codes.DAILY_LOSS, "Since the day began", loss, limit, view)

    def _drawdown_reached(
        self, book: DayBook, held: Mapping[str, Decimal], view: RiskView
    ) -> Judgement | None:
        """Count currency by currency: at worst all were best at one time, which is never in our favour."""
        limit = self.settings.maximum_drawdown
        if limit is None:
            return None
        falls = [(currency, minus(each.best, each.now)) for currency, each in book.results.items()]
        falls += [(currency, loss.copy_negate()) for currency, loss in held.items()]
        fall = _in_reporting_currency(falls, view, exposure=True)
        if isinstance(fall, Deny):
            return fall
        return _lock(reason_codes.DAILY_DRAWDOWN, "Since the day's best result", fall, limit, view)


def _counted(value: str, currency: str, amount: Decimal) -> str:
    if amount == ZERO:
        return value
    book = load(value, DayBook)
    result = book.results.setdefault(currency, DayResult())
    result.now = plus(result.now, amount)
    result.best = max(result.best, result.now)
    return dump(book)


def _fee_counted(value: str, fact: OrderFilled) -> str:
    """Count the fee, unless it was paid in base: then it is in the realized PnL of the quantity."""
    if fact.fee_currency and fact.fee_currency == fact.base:
        return value
    return _counted(value, fact.fee_currency or fact.quote, fact.fee.copy_negate())


def _in_reporting_currency(
    amounts: Iterable[tuple[str, Decimal]], view: RiskView, *, exposure: bool
) -> Decimal | Deny:
    found = []
    for currency, amount in amounts:
        answer = view.convert(amount, currency, exposure=exposure)
        if isinstance(answer, NoRate):
            return _not_converted(answer)
        found.append(answer.amount)
    return total_of(found)


def _not_converted(rate: NoRate) -> Deny:
    return Deny(
        reason_codes.RESULT_NOT_CONVERTED,
        f"The day's result cannot be counted in the reporting currency: {rate.pair}: {rate.reason}.",
        (("pair", rate.pair), ("problem", rate.reason)),
    )


def _lock(code: str, since: str, loss: Decimal, limit: Decimal, view: RiskView) -> Lock | None:
    if loss < limit:
        return None
    return Lock(
        _EVERYTHING,
        None,
        view.trading_day[1],
        code,
        f"{since} {plain(loss)} {view.reporting_currency} were lost, and the limit is {plain(limit)}; "
        "new exposure is locked until the trading day ends.",
    )
