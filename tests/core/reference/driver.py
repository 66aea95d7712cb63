"""Random steps for the reference model and the engine side by side, and the comparison after each."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from fairlead.domain.instruments import ContractKind, Instrument
from fairlead.domain.order_kinds import Liquidity, OrderSide, OrderType, TimeInForce
from fairlead.domain.orders import Order as KernelOrder
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.trading_state import TradingState
from fairlead.kernel.core.effects import (
    AnswerCommand,
    AnswerWithOrder,
    Effect,
    RefuseRepeat,
    SendCancel,
    SendOrder,
)
from fairlead.kernel.core.inputs import (
    CancelOrder,
    Input,
    ResolveByOperator,
    SetTradingState,
    SubmitProposal,
    TimerDue,
)
from fairlead.kernel.core.market import Market as KernelMarket
from fairlead.kernel.core.venue_inputs import (
    CancelAnswered,
    FillReported,
    LookedUp,
    OrderReported,
    SubmitAnswered,
)
from fairlead.kernel.decide.rules import Rules
from fairlead.kernel.gate.gate import Gate
from fairlead.kernel.settings import KernelSettings
from fairlead.ports.exchange import (
    Answer,
    ExchangeCapabilities,
    Fence,
    FillReport,
    LookUp,
    OrderReport,
    Outcome,
    VenueStatus,
)
from fairlead.ports.risk import ALLOW, Deny, Fact, Judgement, RiskRequest, RiskView
from fairlead.testing import SeedStreams
from tests.core.reference.bookkeeping import ACCOUNT, BareKernel, HandClock
from tests.core.reference.model import Figures, Market, Order, ReferenceModel

SECOND_NS = 1_000_000_000
START_NS = 1_767_225_600 * SECOND_NS
KEYS_MAX = 4
OWNERS = ("ada", "bob")
TRADING = {"active": TradingState.ACTIVE, "reducing": TradingState.REDUCING, "halted": TradingState.HALTED}

INSTRUMENTS = [
    Instrument(
        symbol="BTC/USDT",
        base="BTC",
        quote="USDT",
        price_increment="0.1",
        quantity_increment="0.001",
        minimum_quantity="0.003",
        settlement_decimals=2,
    ),
    Instrument(
        symbol="ETH/USDT",
        base="ETH",
        quote="USDT",
        price_increment="0.1",
        quantity_increment="0.001",
        settlement_decimals=8,
    ),
    Instrument(
        symbol="BTC/USDT:USDT",
        base="BTC",
        quote="USDT",
        price_increment="0.1",
        quantity_increment="0.001",
        contract_multiplier="0.1",
        settlement_decimals=4,
    ),
    Instrument(
        symbol="BTC/USD:BTC",
        base="BTC",
        quote="USD",
        price_increment="0.1",
        quantity_increment="0.001",
        contract=ContractKind.INVERSE,
        contract_multiplier="100",
        settlement_decimals=8,
    ),
]
MARKETS = {
    "BTC/USDT": Market("BTC", "USDT", 2, minimum=Fraction(3, 1000)),
    "ETH/USDT": Market("ETH", "USDT", 8),
    "BTC/USDT:USDT": Market("BTC", "USDT", 4, inverse=False, multiplier=Fraction(1, 10)),
    "BTC/USD:BTC": Market("BTC", "BTC", 8, inverse=True, multiplier=Fraction(100)),
}


class AtMostKeys:
    """A risk check: no more exposed keys than the limit."""

    name = "keys"
    version = "1"
    stateless = True

    def initial(self) -> str:
        """Keep no value."""
        return ""

    def fold(self, value: str, fact: Fact) -> str:  # noqa: ARG002 - the port's
        """Learn nothing."""
        return value

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:  # noqa: ARG002 - same
        """Deny a new key beyond the limit."""
        position = view.position(request.symbol, request.book)
        known = position is not None and position.is_exposed
        if known or view.exposed_positions() < KEYS_MAX:
            return ALLOW
        return Deny("TOO_MANY", "Enough keys are exposed.")


def new_rules() -> Rules:
    """Return the rules that both sides live by."""
    settings = KernelSettings(account=ACCOUNT, limited_attempts_max=3, look_up_interval_max_ms=4_000)
    gate = Gate((AtMostKeys(),), HandClock(START_NS), KernelMarket.of(settings), budget_ns=10**12)
    return Rules.of(settings, gate, ExchangeCapabilities(fence=Fence.DEADLINE))


class Driver:
    """One run: what happens is drawn from the seed, happens to both, and both must agree."""

    def __init__(self, seed: int) -> None:
        rules = new_rules()
        self.dice = SeedStreams(seed).of("steps")
        self.kernel = BareKernel(rules, INSTRUMENTS, START_NS)
        self.model = ReferenceModel(
            MARKETS,
            keys_max=KEYS_MAX,
            ttl=rules.approval_ttl_ns,
            wait=rules.order_deadline_ns,
            margin=rules.deadline_margin_ns,
            pause=rules.look_up_interval_ns,
            patience=rules.look_up_interval_max_ns,
        )
        self.said: list[str] = []
        self.trades = 0
        self.happenings: tuple[tuple[int, Callable[[], list[Effect]]], ...] = (
            (22, self.submit),
            (16, self.answer),
            (24, self.trade),
            (12, self.report),
            (7, self.cancel),
            (4, self.answer_cancel),
            (5, self.look_up),
            (4, self.pass_time),
            (3, self.operator),
            (2, self.resolve),
            (2, self.restart),
        )
        self.weights = [weight for weight, _ in self.happenings]

        self.restarted_ns = 0

    def run(self, steps: int) -> None:
        """Take so many steps; `AssertionError` tells the run so far and where the two part."""
        for _ in range(steps):
            self.kernel.clock.now_ns += self.dice.choice((1, 1_000_000, SECOND_NS, 4 * SECOND_NS))
            self.model.now = self.kernel.clock.now_ns
            ((_, happening),) = self.dice.choices(self.happenings, self.weights)
            self.compare(happening())

    def take(self, given: Input) -> list[Effect]:
        """Give the engine one input, and remember it for the story."""
        self.said.append(repr(given))
        return self.kernel.process(given)

    def any_order(self) -> str | None:
        """Draw an order: a late one rather than an early one, and now and then one that waits to be sent."""
        names = list(self.model.orders)
        if not names:
            return None
        waiting = [name for name in names if self.model.orders[name].state == "approved"]
        if waiting and self.dice.random() < 0.3:
            return self.dice.choice(waiting)
        return self.dice.choice(names[-6:] if self.dice.random() < 0.8 else names)

    def submit(self) -> list[Effect]:
        """A bot proposes a limit order, now and then under a key that it used before."""
        dice = self.dice
        name, owner, symbol = f"order-{len(self.said)}", dice.choice(OWNERS), dice.choice(list(MARKETS))
        side, quantity = dice.choice(list(OrderSide)), Decimal(dice.randint(1, 9)) / 1000
        price = Decimal(dice.randint(900, 1100)) / 10
        key = f"key-{dice.randint(1, 8)}" if dice.random() < 0.2 else ""
        digest = f"{symbol} {side} {quantity} {price}"
        buys = side is OrderSide.BUY
        self.model.submit(name, owner, (symbol, buys, Fraction(quantity), Fraction(price)), key)
        return self.take(
            SubmitProposal(
                name,
                owner,
                owner,
                symbol,
                side,
                OrderType.LIMIT,
                TimeInForce.GTC,
                quantity,
                None,
                price,
                key,
                digest,
                (),
            )
        )

    def answer(self) -> list[Effect]:
        """The venue answers a submit: the first time, late, or once more."""
        name = self.any_order()
        if name is None:
            return []
        outcome = self.dice.choice([*Outcome, Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.ACCEPTED])
        attempt, retry_ns = self.model.orders[name].attempt, self.dice.choice((0, SECOND_NS, 40 * SECOND_NS))
        self.model.answered(name, outcome.value, attempt, retry_ns)
        return self.take(SubmitAnswered(name, attempt, Answer(outcome, "", "", 0, retry_ns)))

    def trade(self) -> list[Effect]:
        """The venue reports a trade: a new one, a known one, one that differs, or an impossible one."""
        name = self.any_order()
        if name is None:
            return []
        order = self.model.orders[name]
        trade_id, figures = self.drawn_trade(order)
        if order.trades and self.dice.random() < 0.15:
            trade_id, figures = self.dice.choice(list(order.trades.items()))
        buys, quantity, price, fee, paid_in = figures
        self.model.traded(name, trade_id, figures)
        fill = FillReport(
            name,
            "",
            trade_id,
            order.key[1],
            OrderSide.BUY if buys else OrderSide.SELL,
            as_decimal(quantity),
            as_decimal(price),
            None,
            as_decimal(fee),
            paid_in,
            Liquidity.MAKER,
            self.model.now,
        )
        return self.take(FillReported(fill, "stream"))

    def drawn_trade(self, order: Order) -> tuple[str, Figures]:
        """Draw a trade: as a rule a new one, on the right side, with a quantity that can be."""
        dice, market = self.dice, MARKETS[order.key[1]]
        self.trades += 1
        trade_id = f"t{self.trades}" if dice.random() < 0.9 else f"t{dice.randint(1, self.trades)}"
        quantity = dice.choice([order.left, Fraction(dice.randint(1, 9), 1000), Fraction(1, 1000)])
        buys = order.buys is not (dice.random() < 0.02)
        price, fee = Fraction(dice.randint(900, 1100), 10), Fraction(dice.choice([0, 1, 7, -2]), 100_000)
        return trade_id, (
            buys,
            quantity,
            price,
            fee,
            dice.choice([market.settles, market.settles, market.base, "FEE"]),
        )

    def report(self) -> list[Effect]:
        """The venue says how an order stands, from the stream, a list, or a look-up."""
        dice, orders = self.dice, self.model.orders.values()
        doubted = [each.name for each in orders if each.detail == ("counts more", each.filled)]
        name = dice.choice(doubted) if doubted and dice.random() < 0.5 else self.any_order()
        if name is None:
            return []
        order = self.model.orders[name]
        status = dice.choice([each for each in VenueStatus if each is not VenueStatus.TRIGGERED])
        source = dice.choice(("stream", "open_orders", "look_up"))
        asked_ns = 0 if source == "stream" else self.asked(dice.choice((0, SECOND_NS, 10 * SECOND_NS)))
        filled = as_decimal(order.filled) + (Decimal("0.001") if dice.random() < 0.1 else 0)
        venue_id = dice.choice(("", f"v-{name}"))
        if order.state in ("working", "unresolved") and (name in doubted or dice.random() < 0.1):
            source, filled = "look_up", as_decimal(order.filled) + 1  # trades that are not listed
        elif order.state == "working" and order.filled and dice.random() < 0.3:
            status, filled = VenueStatus.FILLED, as_decimal(order.filled)  # it may be dust that is left
        self.model.reported(name, status.value, Fraction(filled), source, asked_ns, venue_id)
        told = OrderReport(name, venue_id, order.key[1], status, filled, self.model.now)
        return self.take(OrderReported(told, source, asked_ns, asked_ns))

    def cancel(self) -> list[Effect]:
        """Somebody wants an order canceled, one in five times somebody else's."""
        name = self.any_order()
        if name is None:
            return []
        owner = self.model.orders[name].key[0]
        by = owner if self.dice.random() < 0.8 else next(each for each in OWNERS if each != owner)
        self.model.cancel(name, by)
        return self.take(CancelOrder(name, by, 1))

    def answer_cancel(self) -> list[Effect]:
        """The venue answers a cancel, asked for or not."""
        name = self.any_order()
        if name is None:
            return []
        outcome = self.dice.choice([*Outcome, Outcome.REFUSED])
        self.model.cancel_answered(name, outcome.value)
        return self.take(CancelAnswered(name, Answer(outcome)))

    def look_up(self) -> list[Effect]:
        """A complete look-up, asked now or a while ago, finds nothing."""
        name = self.any_order()
        if name is None:
            return []
        asked_ns = self.asked(self.dice.choice((0, 0, 10 * SECOND_NS)))
        self.model.not_found(name, asked_ns)
        return self.take(LookedUp(name, LookUp(None, (), complete=True), asked_ns, asked_ns))

    def pass_time(self) -> list[Effect]:
        """An order's time comes."""
        name = self.any_order()
        if name is None:
            return []
        self.model.due(name)
        return self.take(TimerDue(name))

    def operator(self) -> list[Effect]:
        """An operator sets the trading state, to active most of the time."""
        state = self.dice.choice(("active", "active", "active", "reducing", "halted"))
        self.model.set_trading(state)
        return self.take(SetTradingState(TRADING[state], "asked", "operator", 1))

    def resolve(self) -> list[Effect]:
        """An operator takes an order for never placed, or for over."""
        name = self.any_order()
        if name is None:
            return []
        missing = self.dice.random() < 0.5
        self.model.resolve(name, missing=missing)
        return self.take(ResolveByOperator(name, "operator", "asked", 1, missing))

    def restart(self) -> list[Effect]:
        """The kernel dies between two steps and another reads what was committed."""
        self.said.append("restart")
        self.model.restarted()
        self.kernel.restart()
        self.restarted_ns = self.model.now
        return []

    def asked(self, ago_ns: int) -> int:
        """Return when a question was asked that is answered now: no kernel hears what one before it asked."""
        return max(self.model.now - ago_ns, self.restarted_ns + 1)

    def compare(self, effects: list[Effect]) -> None:
        """Compare all that both know."""
        given_out = [word for word in map(word_of, effects) if word is not None]
        expected, self.model.out = self.model.out, []
        kernel, model = self.kernel.engine.state, self.model
        self.same("given out", sorted(given_out, key=repr), sorted(expected, key=repr))
        self.same("trading", kernel.trading.value, model.trading)
        self.same("names", set(kernel.orders), set(model.orders))
        for name, order in kernel.orders.items():
            self.same(name, order_words(order), model_order_words(model, name))
        for (symbol, owner, _), position in kernel.positions.items():
            mine = model.positions.get((owner, symbol))
            told = (
                position.quantity,
                position.cost,
                position.realized_pnl,
                position.reserved_exit,
                position.pending_openings,
                {
                    name: fee
                    for name, fee in ((position.currency, position.fees), *position.other_fees)
                    if fee
                },
            )
            wanted = (
                mine.quantity if mine else 0,
                mine.cost if mine else 0,
                mine.realized if mine else 0,
                model.exits((owner, symbol)),
                model.openings((owner, symbol)),
                {name: fee for name, fee in mine.fees.items() if fee} if mine else {},
            )
            self.same(f"position {owner} {symbol}", told, wanted)
        known = {(owner, symbol) for symbol, owner, _ in kernel.positions}
        assert set(model.positions) <= known
        self.same(
            "balances",
            {asset: total for asset, total in kernel.balances.items() if total},
            {asset: total for asset, total in model.balances.items() if total},
        )
        self.same("exposed", kernel.exposed_total, len(model.exposed()))

    def same(self, what: str, kernel: object, model: object) -> None:
        """Raise with the story unless the two are equal."""
        if kernel != model:
            story = "\n".join(self.said)
            message = f"{story}\n{what}: the kernel says {kernel!r}, the model {model!r}"
            raise AssertionError(message)


def as_decimal(amount: Fraction) -> Decimal:
    """Return the same number as a decimal; it must have one."""
    number = Decimal(amount.numerator) / Decimal(amount.denominator)
    assert Fraction(number) == amount
    return number


def word_of(effect: Effect) -> tuple[object, ...] | None:
    """Say what an effect does outside, as the model says it; nothing for what only asks or waits."""
    if isinstance(effect, SendOrder):
        return "send", effect.order.request.client_order_id, effect.attempt
    if isinstance(effect, SendCancel):
        return "cancel", effect.client_order_id
    if isinstance(effect, AnswerCommand):
        return "answer", effect.accepted
    if isinstance(effect, AnswerWithOrder):
        return "same", effect.first_client_order_id
    if isinstance(effect, RefuseRepeat):
        return "another", effect.idempotency_key
    return None


def order_words(order: KernelOrder) -> tuple[object, ...]:
    """Say all that is compared of the kernel's order."""
    canceling = order.pending is PendingRequest.CANCEL
    return (
        order.state.value,
        order.denial_code,
        order.filled_quantity,
        order.reduces,
        canceling,
        order.attempt,
        len(order.trades),
    )


def model_order_words(model: ReferenceModel, name: str) -> tuple[object, ...]:
    """Say the same of the model's order."""
    order = model.orders[name]
    return (
        order.state,
        order.code,
        order.filled,
        order.reduces,
        order.canceling,
        order.attempt,
        len(order.trades),
    )
