"""Risk checks with one fault each, by the rule that must notice it."""

# ruff: noqa: D101, D102, ANN401 - each class is named for its fault, and some answer with anything

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, ClassVar

from msgspec.structs import force_setattr

from fairlead.ports.risk import ALLOW, Deny, Lock, RiskRequest, RiskView

TOO_LARGE = Deny("TOO_LARGE", "The quantity is above 1.", (("quantity", "2"), ("limit", "1")))


class SoundCheck:
    """Denies quantities above 1, and remembers how many facts it saw; each broken check changes one thing."""

    name: str = "sound"
    version: str = "1.0"

    def initial(self) -> str:
        """Begin at nothing seen."""
        return "0"

    def fold(self, value: str, fact: Any) -> str:
        """Count the orders."""
        return str(int(value) + 1) if fact.KIND == "order_initialized" else value

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Any:
        """Allow up to 1."""
        del view, value
        return ALLOW if request.quantity <= 1 else TOO_LARGE


class BadName(SoundCheck):
    name = "two words"


class EmptyVersion(SoundCheck):
    version = ""


class NameThatChanges(SoundCheck):
    made = 0

    def __init__(self) -> None:
        type(self).made += 1
        self.name = f"check-{self.made}"


class AsyncJudge(SoundCheck):
    async def judge(self, request: RiskRequest, view: RiskView, value: str) -> Any:
        return super().judge(request, view, value)


class YieldingJudge(SoundCheck):
    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Iterator[Any]:
        yield super().judge(request, view, value)


class NumberForInitial(SoundCheck):
    def initial(self) -> Any:
        return 0


class RaisesWithoutPrice(SoundCheck):
    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Any:
        if request.price is None:
            raise ValueError("no price")
        return super().judge(request, view, value)


class AnswersNothing(SoundCheck):
    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Any:
        return super().judge(request, view, value) if request.quantity > 1 else None


class AnswersTruth(SoundCheck):
    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Any:
        del view, value
        return request.quantity <= 1


class CountsInTheInstance(SoundCheck):
    def __init__(self) -> None:
        self.asked = 0

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Any:
        self.asked += 1
        return super().judge(request, view, value) if self.asked % 3 else TOO_LARGE


class RemembersInTheClass(SoundCheck):
    seen: ClassVar[set[Decimal]] = set()

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Any:
        repeated = request.quantity in self.seen
        self.seen.add(request.quantity)
        return TOO_LARGE if repeated else super().judge(request, view, value)


class RoundsTheRequest(SoundCheck):
    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Any:
        answer = super().judge(request, view, value)
        force_setattr(request, "quantity", Decimal(1))
        return answer


class ReservesByItself(SoundCheck):
    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Any:
        position = view.position(request.symbol, request.book)
        if position is not None:
            position.pending_openings += 1
        return super().judge(request, view, value)


class ReadsTheClock(SoundCheck):
    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Any:
        clock = importlib.import_module("time")
        return super().judge(request, view, value) if clock.time_ns() else ALLOW


class ReadsTheCalendar(SoundCheck):
    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Any:
        today = getattr(dt.datetime, "now")(dt.UTC)  # noqa: B009 - the clock rule would refuse it by name
        return super().judge(request, view, value) if today.year > 1 else ALLOW


class DrawsLots(SoundCheck):
    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Any:
        drawn = importlib.import_module("random").Random(1).random()
        return super().judge(request, view, value) if drawn < 1 else ALLOW


class ReadsAFile(SoundCheck):
    def fold(self, value: str, fact: Any) -> str:
        with open(__file__, encoding="utf-8") as file:  # noqa: PTH123 - the plainest way to reach outside
            file.read(1)
        return super().fold(value, fact)


class LowerCaseCode(SoundCheck):
    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Any:
        del view, value
        return ALLOW if request.quantity <= 1 else Deny("too large", "The quantity is above 1.")


class FigureAsDecimal(SoundCheck):
    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Any:
        del view, value
        figures: Any = (("quantity", request.quantity),)
        return ALLOW if request.quantity <= 1 else Deny("TOO_LARGE", "The quantity is above 1.", figures)


class LocksNobodyKnowsWhat(SoundCheck):
    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Any:
        del value
        return (
            ALLOW if request.quantity <= 1 else Lock("bitcoin", None, view.now_ns, "TOO_LARGE", "Too large.")
        )


class FoldsIntoANumber(SoundCheck):
    def fold(self, value: str, fact: Any) -> Any:
        after = super().fold(value, fact)
        return int(after) if after != value else value


class ForgetsAKindOfFact(SoundCheck):
    def fold(self, value: str, fact: Any) -> str:
        known = {"order_initialized": 1, "order_filled": 0}
        return str(int(value) + known[fact.KIND]) if fact.KIND.startswith("order_") else value


class CountsEveryFact(SoundCheck):
    def fold(self, value: str, fact: Any) -> str:
        del fact
        return str(int(value) + 1)


class RemembersBesideTheValue(SoundCheck):
    def __init__(self) -> None:
        self.seen = 0

    def fold(self, value: str, fact: Any) -> str:
        self.seen += fact.KIND == "order_initialized"
        return str(self.seen) if self.seen else value


class AllowsEverything(SoundCheck):
    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Any:
        del request, view, value
        return ALLOW


class StatelessButCounts(SoundCheck):
    stateless = True

    def initial(self) -> str:
        return ""

    def fold(self, value: str, fact: Any) -> str:
        return value + "x" if fact.KIND == "order_initialized" else value


BROKEN: tuple[tuple[str, type[SoundCheck]], ...] = (
    ("R-01", BadName),
    ("R-01", EmptyVersion),
    ("R-01", NameThatChanges),
    ("R-02", AsyncJudge),
    ("R-02", YieldingJudge),
    ("R-03", NumberForInitial),
    ("R-04", RaisesWithoutPrice),
    ("R-05", AnswersNothing),
    ("R-05", AnswersTruth),
    ("R-06", CountsInTheInstance),
    ("R-06", RemembersInTheClass),
    ("R-07", RoundsTheRequest),
    ("R-07", ReservesByItself),
    ("R-08", ReadsTheClock),
    ("R-08", ReadsTheCalendar),
    ("R-08", DrawsLots),
    ("R-08", ReadsAFile),
    ("R-09", LowerCaseCode),
    ("R-09", FigureAsDecimal),
    ("R-09", LocksNobodyKnowsWhat),
    ("R-10", FoldsIntoANumber),
    ("R-10", ForgetsAKindOfFact),
    ("R-11", CountsEveryFact),
    ("R-12", RemembersBesideTheValue),
    ("R-13", AllowsEverything),
    ("R-14", StatelessButCounts),
)
