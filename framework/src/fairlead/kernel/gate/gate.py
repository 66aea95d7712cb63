"""The risk gate: every order and change that adds exposure passes here, and it fails closed.

The gate asks every check, in configured order, also after the first refusal, so that the journal
holds the full list of verdicts. A check that raises, answers nothing or something else, or takes
longer than its budget denies. Only the gate makes an `ApprovedOrder` or an
`ApprovedChange`. Cancels, reductions and changes that raise nothing are never asked about.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from inspect import iscoroutine

import attrs

from fairlead.domain.facts import Fact
from fairlead.domain.ledger import Position
from fairlead.domain.money import Converted, NoRate
from fairlead.domain.numbers import ZERO, text_of, to_decimal
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.orders import Order
from fairlead.domain.prices import Price
from fairlead.domain.records import CheckValueChanged, LockPlaced
from fairlead.domain.verdicts import Allow, Deny, Lock, RiskRequest, Verdict
from fairlead.kernel.core.approved import ApprovedChange, ApprovedOrder, approve, approve_change
from fairlead.kernel.core.market import Market
from fairlead.kernel.core.readable import outside_text
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.gate.judgements import judgement_problem, limits_of, value_problem
from fairlead.kernel.gate.watchdog import CheckHung, NoWatchdog, Watchdog
from fairlead.plugins.redaction import redacted
from fairlead.ports.clock import Clock
from fairlead.ports.exchange import ModifyRequest, SubmitRequest
from fairlead.ports.risk import RiskCheck

CODE_CHECK_FAILED = "CHECK_FAILED"
CODE_CHECK_BROKE_CONTRACT = "CHECK_BROKE_CONTRACT"
CODE_CHECK_TOO_SLOW = "CHECK_TOO_SLOW"
CODE_CHECK_HUNG = "CHECK_HUNG"
CODE_CHECK_MISSING = "CHECK_MISSING"
CODE_LOCKED = "LOCKED"

_KERNEL = "kernel"
_REDUCES = (Verdict(_KERNEL, "1", True, "REDUCES", "A reduction is never blocked by a risk check."),)

_SHRINKS = (Verdict(_KERNEL, "1", True, "SHRINKS", "What raises nothing is never blocked by a check."),)


class StateView:
    """What a check sees: the engine's state, read-only by convention of the port and by type."""

    __slots__ = ("_market", "_now_ns", "_state")

    def __init__(self, state: EngineState, now_ns: int, market: Market) -> None:
        self._state = state
        self._now_ns = now_ns
        self._market = market

    @property
    def now_ns(self) -> int:
        """Wall time of this step, nanoseconds UTC."""
        return self._now_ns

    def position(self, symbol: str, book: str, position_id: str = "") -> Position | None:
        """Return the position of the key, or nothing."""
        return self._state.positions.get((symbol, book, position_id))

    def exposed_positions(self, symbol: str | None = None, *, subtract_closing: bool = False) -> int:
        """Count keys with an open position or a pending opening order."""
        state = self._state
        if symbol is None:
            return state.exposed_total - (state.closing_total if subtract_closing else 0)
        exposed = state.exposed_by_symbol.get(symbol, 0)
        return exposed - (state.closing_by_symbol.get(symbol, 0) if subtract_closing else 0)

    def live_orders(self, symbol: str | None = None) -> int:
        """Count orders that are not closed."""
        return self._state.live_total if symbol is None else self._state.live_by_symbol.get(symbol, 0)

    def net_quantity(self, symbol: str) -> Decimal:
        """Return what all positions of a symbol come to, signed."""
        return self._state.net_by_symbol.get(symbol, ZERO)

    def reserved_exit(self, symbol: str) -> Decimal:
        """Return what live reducing orders of a symbol may still take off positions."""
        return self._state.reserved_by_symbol.get(symbol, ZERO)

    @property
    def reporting_currency(self) -> str:
        """Return the currency in which limits are counted, empty when none is set."""
        return self._market.money.reporting_currency

    @property
    def trading_day(self) -> tuple[int, int]:
        """Return when the present trading day began and when it ends, nanoseconds UTC."""
        return self._market.trading_day.of(self._now_ns)

    def price(self, symbol: str) -> Price | None:
        """Return what is known of the symbol's price."""
        return self._market.price_of(self._state.prices, symbol, self._now_ns)

    def convert(self, amount: Decimal, currency: str, *, exposure: bool = False) -> Converted | NoRate:
        """Return what an amount is worth in the reporting currency."""
        return self._market.money.convert(amount, currency, self.price, exposure=exposure)


class ViewApartFrom(StateView):
    """The same, as if one opening order that is live already were not: it is being judged again."""

    __slots__ = ("_order",)

    def __init__(self, state: EngineState, now_ns: int, market: Market, order: Order) -> None:
        super().__init__(state, now_ns, market)
        self._order = order

    def position(self, symbol: str, book: str, position_id: str = "") -> Position | None:
        """Return the position of the key, without the order among its pending openings."""
        position = super().position(symbol, book, position_id)
        if position is None or (symbol, book, position_id) != self._order.key:
            return position
        return attrs.evolve(position, pending_openings=position.pending_openings - 1)

    def exposed_positions(self, symbol: str | None = None, *, subtract_closing: bool = False) -> int:
        """Count exposed keys, without the order's own when nothing else exposes it."""
        order = self._order
        counted = super().exposed_positions(symbol, subtract_closing=subtract_closing)
        position = self._state.positions[order.key]
        alone = not position.quantity and position.pending_openings == 1
        return counted - (alone and symbol in (None, order.symbol))

    def live_orders(self, symbol: str | None = None) -> int:
        """Count the other orders that are not closed."""
        return super().live_orders(symbol) - (symbol in (None, self._order.symbol))


@attrs.define(slots=True)
class GateAnswer:
    """The gate's word: allowed or the first denial's code, every verdict, and locks to journal."""

    allowed: bool
    code: str
    verdicts: tuple[Verdict, ...]
    locks: tuple[LockPlaced, ...] = ()
    hung: str = ""


class Gate:
    """Asks the checks and wraps what they approve."""

    def __init__(
        self,
        checks: Sequence[RiskCheck],
        clock: Clock,
        market: Market,
        *,
        budget_ns: int,
        required: Sequence[str] = (),
        watchdog: Watchdog | None = None,
    ) -> None:
        self._checks = tuple(checks)
        self._clock = clock
        self.market = market
        self._budget_ns = budget_ns
        self._watchdog: Watchdog = watchdog or NoWatchdog()
        self._broken: dict[str, str] = {}
        self._news: list[tuple[str, str]] = []
        names = {check.name for check in self._checks}
        self._missing = tuple(
            Verdict(name, "", False, CODE_CHECK_MISSING, "The check is required but was not loaded.")
            for name in required
            if name not in names
        )
        self._allowed = {check.name: Verdict(check.name, check.version, True) for check in self._checks}
        self._folding = tuple(check for check in self._checks if _keeps_value(check))

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        """Return name and version of every check, in order."""
        return tuple((check.name, check.version) for check in self._checks)

    @property
    def limits(self) -> tuple[tuple[str, str], ...]:
        """Return (name, number as text) of every limit that a check tells, each below its check's name."""
        return tuple(
            (f"{check.name}.{name}", text_of(to_decimal(limit, name)))
            for check in self._checks
            for name, limit in limits_of(check).items()
        )

    @property
    def keeps_values(self) -> bool:
        """Tell whether any check folds facts."""
        return bool(self._folding)

    @property
    def has_broken(self) -> bool:
        """Tell whether a check broke since the last `take_broken`."""
        return bool(self._news)

    def reduction(self, request: SubmitRequest) -> ApprovedOrder:
        """Wrap an order that the kernel found to reduce."""
        return approve(request)

    def approved(self, request: SubmitRequest, answer: GateAnswer) -> ApprovedOrder:
        """Wrap an order that every check allowed; raises `ValueError` when one did not."""
        if not answer.allowed:
            raise ValueError("a denied order cannot be approved")
        return approve(request)

    def reapproved(self, request: SubmitRequest) -> ApprovedOrder:
        """Wrap an order whose approval is in the journal and still young, for another attempt."""
        return approve(request)

    def approved_change(self, request: ModifyRequest, answer: GateAnswer) -> ApprovedChange:
        """Wrap a change that passed; raises `ValueError` when it did not."""
        if not answer.allowed:
            raise ValueError("a denied change cannot be approved")
        return approve_change(request)

    def reapproved_change(self, request: ModifyRequest) -> ApprovedChange:
        """Wrap a change whose approval is in the journal and still young, now that its turn has come."""
        return approve_change(request)

    def shrink_answer(self) -> GateAnswer:
        """Return the verdict under which changes that raise nothing pass."""
        return GateAnswer(True, "", _SHRINKS)

    def reduction_answer(self) -> GateAnswer:
        """Return the verdict under which reductions pass."""
        return GateAnswer(True, "", _REDUCES)

    def judge(
        self, request: RiskRequest, state: EngineState, now_ns: int, *, apart_from: Order | None = None
    ) -> GateAnswer:
        """Ask every check about an order that adds exposure; *apart_from* is that order when it is live."""
        view = StateView(state, now_ns, self.market)
        if apart_from is not None:
            view = ViewApartFrom(state, now_ns, self.market, apart_from)
        verdicts = list(self._missing)
        locks: list[LockPlaced] = []
        hung = ""
        locked = _standing_lock(state, request.symbol, request.side, now_ns)
        if locked is not None:
            verdicts.append(locked)
        for check in self._checks:
            verdict = self._ask(check, request, view, state.check_values.get(check.name), locks)
            if verdict.code == CODE_CHECK_HUNG:
                hung = check.name
            verdicts.append(verdict)
        code = next((verdict.code for verdict in verdicts if not verdict.allowed), "")
        return GateAnswer(not code, code, tuple(verdicts), tuple(locks), hung)

    def fold(self, fact: Fact, state: EngineState) -> list[CheckValueChanged]:
        """Hand a fact to the checks that keep a value; return the values that changed."""
        changed = []
        for check in self._folding:
            value = state.check_values.get(check.name)
            before = after = ""
            try:
                with self._watchdog.watching():
                    before = check.initial() if value is None else value
                    after = check.fold(before, fact)
                problem = value_problem(after)
            except CheckHung:
                self._watchdog.disarm()
                problem = "did not return and was interrupted"
            except (KeyboardInterrupt, GeneratorExit):  # meant for the process, not raised by the check
                raise
            except BaseException as error:  # isolation point: it denies from here on
                problem = f"raised {type(error).__name__}: {error}"
            if problem:
                self._break(check, outside_text(f"fold {problem}"))
            elif after != before:
                changed.append(CheckValueChanged(check.name, after))
        return changed

    def take_broken(self) -> list[tuple[str, str]]:
        """Return the checks that broke since the last call, each with the reason."""
        news, self._news = self._news, []
        return news

    def _break(self, check: RiskCheck, problem: str) -> None:
        """Let the check deny from here on: its value has missed a fact."""
        if check.name not in self._broken:
            self._broken[check.name] = problem
            self._news.append((check.name, problem))

    def _ask(
        self,
        check: RiskCheck,
        request: RiskRequest,
        view: StateView,
        value: str | None,
        locks: list[LockPlaced],
    ) -> Verdict:
        if check.name in self._broken:
            return _denial(check, CODE_CHECK_FAILED, self._broken[check.name])
        started = self._clock.monotonic_ns()
        try:
            with self._watchdog.watching():
                answer: object = check.judge(request, view, check.initial() if value is None else value)
        except CheckHung:
            self._watchdog.disarm()
            return _denial(check, CODE_CHECK_HUNG, "The check did not return and was interrupted.")
        except (KeyboardInterrupt, GeneratorExit):  # meant for the process, not raised by the check
            raise
        except BaseException as error:  # isolation point: a check that raises denies
            what = outside_text(f"The check raised {type(error).__name__}: {error}")
            return _denial(check, CODE_CHECK_FAILED, what)
        if iscoroutine(answer):
            answer.close()
        spent = self._clock.monotonic_ns() - started
        if spent > self._budget_ns:
            figures = (("spent_ns", str(spent)), ("budget_ns", str(self._budget_ns)))
            return _denial(check, CODE_CHECK_TOO_SLOW, "The check took longer than its budget.", figures)
        return self._verdict(check, answer, locks)

    def _verdict(self, check: RiskCheck, answer: object, locks: list[LockPlaced]) -> Verdict:
        if type(answer) is Allow:
            return self._allowed[check.name]
        problem = judgement_problem(answer)
        if problem:
            return _denial(check, CODE_CHECK_BROKE_CONTRACT, f"The check answered {problem}.")
        if type(answer) is Deny:
            return _denial(check, answer.code, answer.reason, answer.figures)
        assert type(answer) is Lock  # judgement_problem saw to it; narrows the type
        reason = outside_text(answer.reason)
        locks.append(LockPlaced(check.name, answer.scope, answer.side, answer.until_ns, answer.code, reason))
        return _denial(check, answer.code, reason, (("until_ns", str(answer.until_ns)),))


def _denial(check: RiskCheck, code: str, reason: str, figures: tuple[tuple[str, str], ...] = ()) -> Verdict:
    """Return a denial in the check's words, without a secret: they go into the journal."""
    shown = tuple((redacted(name), redacted(figure)) for name, figure in figures)
    return Verdict(check.name, check.version, False, code, outside_text(reason), shown)


def _standing_lock(state: EngineState, symbol: str, side: OrderSide, now_ns: int) -> Verdict | None:
    for lock in state.locks.values():
        if now_ns < lock.until_ns and lock.scope in ("*", symbol) and lock.side in (None, side):
            figures = (("until_ns", str(lock.until_ns)), ("scope", lock.scope), ("cause", lock.code))
            return Verdict(lock.check, "", False, CODE_LOCKED, lock.reason, figures)
    return None


def _keeps_value(check: RiskCheck) -> bool:
    """Tell whether the check folds facts; one that says so by ``stateless = True`` is left out."""
    return not getattr(check, "stateless", False)
