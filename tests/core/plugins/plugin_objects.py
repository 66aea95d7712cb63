"""Plugins with one mistake each, and a good one, for the lint and the manager."""

# ruff: noqa: D101, D102, ANN401 - each class is named for its mistake; signatures are part of it

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from typing import Any

import pluggy

from fairlead.hookspecs import PluginContext, hookimpl
from fairlead.plugins import lint
from fairlead.ports.risk import ALLOW, Fact, Judgement, RiskRequest, RiskView

others_hookimpl = pluggy.HookimplMarker("someone-else")


class GoodCheck:
    """A risk check that allows everything."""

    version: str = "1.0"

    def __init__(self, name: str = "good") -> None:
        self.name = name

    def initial(self) -> str:
        return ""

    def fold(self, value: str, fact: Fact) -> str:
        del fact
        return value

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:
        del request, view, value
        return ALLOW


class Good:
    """Provides one check, named after the plugin."""

    version = "1.2.3"

    def __init__(self, name: str = "good") -> None:
        self.name = name
        self.contexts: list[PluginContext] = []

    @hookimpl
    def fairlead_risk_checks(self, context: PluginContext) -> Sequence[Any]:
        self.contexts.append(context)
        return [GoodCheck(f"{self.name}-check")]


class MistypedHook:
    @hookimpl
    def fairlead_risk_cheks(self, context: PluginContext) -> Sequence[Any]:
        del context
        return []


class ForgottenMark:
    def fairlead_risk_checks(self, context: PluginContext) -> Sequence[Any]:
        del context
        return []


class ForeignMark:
    @others_hookimpl
    def fairlead_risk_checks(self, context: PluginContext) -> Sequence[Any]:
        del context
        return []


class ForgottenMarkOnATypo:
    @hookimpl
    def fairlead_stores(self) -> Sequence[Any]:
        return []

    def fairlead_risk_cheks(self) -> Sequence[Any]:
        return []


class DefaultedParameter:
    @hookimpl
    def fairlead_risk_checks(self, context: PluginContext | None = None) -> Sequence[Any]:
        del context
        return []


class KeywordOnlyParameter:
    @hookimpl
    def fairlead_risk_checks(self, *, context: PluginContext) -> Sequence[Any]:
        del context
        return []


class AnyParameters:
    @hookimpl
    def fairlead_risk_checks(self, *arguments: Any) -> Sequence[Any]:
        del arguments
        return []


class UnknownParameter:
    @hookimpl
    def fairlead_risk_checks(self, kernel: Any) -> Sequence[Any]:
        del kernel
        return []


class NewWrapper:
    @hookimpl(wrapper=True)
    def fairlead_risk_checks(self, context: PluginContext) -> Iterator[None]:
        del context
        yield


class OldWrapper:
    @hookimpl(hookwrapper=True)
    def fairlead_risk_checks(self, context: PluginContext) -> Iterator[None]:
        del context
        yield


class AsyncHook:
    @hookimpl
    async def fairlead_risk_checks(self, context: PluginContext) -> Sequence[Any]:
        del context
        return []


class YieldingHook:
    @hookimpl
    def fairlead_risk_checks(self, context: PluginContext) -> Iterator[Any]:
        del context
        yield GoodCheck()


class WantsToBeFirst:
    @hookimpl(tryfirst=True)
    def fairlead_risk_checks(self) -> Sequence[Any]:
        return []


class SecondHookBroken:
    @hookimpl
    def fairlead_exchanges(self) -> Sequence[Any]:
        return []

    @hookimpl
    def fairlead_risk_checks(self, nonsense: Any) -> Sequence[Any]:
        del nonsense
        return []


class MarkOnTheWrapper:
    @hookimpl
    @staticmethod
    def fairlead_risk_checks() -> Sequence[Any]:
        return []


class NoHook:
    name = "no-hook"


class OnlyAHookOfTomorrow:
    @hookimpl(optionalhook=True)
    def fairlead_auditors(self) -> Sequence[Any]:
        return []


class HookBehindAProperty:
    @property
    def fairlead_risk_checks(self) -> Any:
        raise AssertionError("the lint must not evaluate a property")


class GoodWithTomorrow(Good):
    """Runs on this API version and uses a hook of the next where there is one."""

    @hookimpl(optionalhook=True)
    def fairlead_auditors(self) -> Sequence[Any]:
        return []


class GoodStatic:
    name = "static"

    @staticmethod
    @hookimpl
    def fairlead_risk_checks() -> Sequence[Any]:
        return [GoodCheck()]


class GoodTwice:
    """Two implementations of one hook, under names of its own."""

    name = "twice"

    @hookimpl(specname="fairlead_risk_checks")
    def first(self) -> Sequence[Any]:
        return [GoodCheck("first")]

    @hookimpl(specname="fairlead_risk_checks")
    def second(self, context: PluginContext) -> Sequence[Any]:
        del context
        return [GoodCheck("second")]


class BadProperty(Good):
    """A good plugin with a property that raises: pluggy 1.6 would evaluate it."""

    @property
    def balance(self) -> int:
        raise RuntimeError("not connected")


class HostileName:
    @property
    def name(self) -> str:
        raise RuntimeError("no name today")

    @hookimpl
    def fairlead_risk_checks(self) -> Sequence[Any]:
        return []


def good_module() -> types.ModuleType:
    """Return a module that is a plugin, as an entry point loads it."""
    module = types.ModuleType("good_module")

    def fairlead_risk_checks(context: PluginContext) -> Sequence[Any]:
        del context
        return [GoodCheck("from-module")]

    vars(module)["fairlead_risk_checks"] = hookimpl(fairlead_risk_checks)
    vars(module)["requires_api"] = "1.0"
    return module


NO_HOOK = f"implements no hook; known are {', '.join(sorted(lint.specifications()))}"

MISTAKES: tuple[tuple[object, str], ...] = (
    (MistypedHook(), "fairlead_risk_cheks: no such hook; did you mean fairlead_risk_checks?"),
    (ForgottenMark(), "fairlead_risk_checks: not marked with @hookimpl from fairlead.hookspecs"),
    (ForeignMark(), "fairlead_risk_checks: not marked with @hookimpl from fairlead.hookspecs"),
    (
        ForgottenMarkOnATypo(),
        (
            "fairlead_risk_cheks: names that begin with fairlead_ are kept for hooks; "
            "did you mean fairlead_risk_checks?"
        ),
    ),
    (DefaultedParameter(), "fairlead_risk_checks: parameter context must not have a default"),
    (
        KeywordOnlyParameter(),
        "fairlead_risk_checks: parameter context: 'PluginContext' must be a plain positional one",
    ),
    (AnyParameters(), "fairlead_risk_checks: parameter *arguments: 'Any' must be a plain positional one"),
    (
        UnknownParameter(),
        "fairlead_risk_checks: there is no argument kernel; the hook offers context",
    ),
    (NewWrapper(), "fairlead_risk_checks: wrappers are not allowed"),
    (OldWrapper(), "fairlead_risk_checks: wrappers are not allowed"),
    (AsyncHook(), "fairlead_risk_checks: must not be async"),
    (YieldingHook(), "fairlead_risk_checks: return a sequence instead of yielding"),
    (
        WantsToBeFirst(),
        "fairlead_risk_checks: tryfirst and trylast have no effect; the configuration orders plugins",
    ),
    (
        SecondHookBroken(),
        "fairlead_risk_checks: there is no argument nonsense; the hook offers context",
    ),
    (
        MarkOnTheWrapper(),
        "fairlead_risk_checks: write @hookimpl next to the function, below @staticmethod or @classmethod",
    ),
    (Good, "register an instance, not the class"),
    (NoHook(), NO_HOOK),
    (
        OnlyAHookOfTomorrow(),
        NO_HOOK,
    ),
    (HookBehindAProperty(), "fairlead_risk_checks: not marked with @hookimpl from fairlead.hookspecs"),
)
