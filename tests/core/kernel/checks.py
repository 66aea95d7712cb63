"""Risk checks for tests: each misbehaves, or limits, in one way."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from fairlead.domain.records import OrderFilled
from fairlead.ports.risk import ALLOW, Deny, Fact, Judgement, RiskRequest, RiskView
from tests.core.kernel.bench import Yes

Judge = Callable[[RiskRequest, RiskView, str], object]


class Says(Yes):
    """A check that answers what it was given to answer, and counts how often it was asked."""

    def __init__(self, judge: Judge | object, name: str = "says") -> None:
        self.name = name
        self.answer = judge
        self.asked = 0
        self.values: list[str] = []

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:
        """Answer as told."""
        self.asked += 1
        self.values.append(value)
        if callable(self.answer):
            return self.answer(request, view, value)  # type: ignore[return-value]  # it may be anything
        return self.answer  # type: ignore[return-value]  # it may be anything


class MostPositions(Yes):
    """At most so many exposed positions, in total and of one symbol, pending openings included."""

    name = "most-positions"

    def __init__(self, total: int, per_symbol: int) -> None:
        self.total = total
        self.per_symbol = per_symbol

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:  # noqa: ARG002 - the port's
        """Deny a new position beyond a limit, with the figures compared."""
        for code, limit, count in (
            ("TOTAL", self.total, view.exposed_positions()),
            ("SYMBOL", self.per_symbol, view.exposed_positions(request.symbol)),
        ):
            if not count < limit:
                figures = (("limit", str(limit)), ("exposed", str(count)))
                return Deny(f"POSITIONS_{code}", "Too many positions.", figures)
        return ALLOW


class BoughtValue(Yes):
    """Folds the value of all fills, and denies beyond a limit."""

    name = "bought-value"
    stateless = False

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def initial(self) -> str:
        """Begin with nothing bought."""
        return "0"

    def fold(self, value: str, fact: Fact) -> str:
        """Add the value of a fill."""
        return str(Decimal(value) + fact.value) if isinstance(fact, OrderFilled) else value

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:  # noqa: ARG002 - the port's
        """Deny when the limit is reached."""
        return (
            Deny("SPENT", "Enough was bought.", (("bought", value),))
            if Decimal(value) >= self.limit
            else ALLOW
        )
