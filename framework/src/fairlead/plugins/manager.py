"""The plugin manager: one for each kernel; asks its plugins in configured order.

*Provide* hooks: a plugin that fails, or answers with what does not fit its port, stops the start. *Extend*
hooks: such a plugin is told of and passed over, for a tool is not worth a kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar, cast

import attrs
import pluggy

from fairlead.domain.events import Event
from fairlead.errors import PluginRefused
from fairlead.hookspecs import PluginContext
from fairlead.plugins import contracts
from fairlead.plugins.observers import OBSERVE_HOOKS, Handler, Observer
from fairlead.plugins.records import PluginRecord
from fairlead.plugins.redaction import REDACTION
from fairlead.plugins.register import FAULTS, NOT_STARTED, Entry, PluginRegister, capital, told
from fairlead.ports.components import KernelComponent
from fairlead.ports.exchange import ExchangeClient
from fairlead.ports.keeping import StoreKeeper
from fairlead.ports.notices import Notifier
from fairlead.ports.prices import PriceSource
from fairlead.ports.risk import RiskCheck
from fairlead.ports.store import Store, StoreReader
from fairlead.ports.tools import MetricSource, PluginCommand, Probe

_T = TypeVar("_T")
_Fits = Callable[[object], list[str]]
"""Returns what is wrong with an object that a hook brought; nothing when it fits."""


class _NoAnswer(Exception):
    """A plugin failed at a hook, or answered with no sequence; the text says which."""


@attrs.frozen
class Skipped:
    """What a tool passed over: whose it is, and why."""

    record: PluginRecord
    hook: str
    reason: str


@attrs.frozen
class Extensions(Generic[_T]):
    """What extend hooks brought, with the plugin of each, and what was passed over."""

    provided: tuple[tuple[_T, PluginRecord], ...]
    skipped: tuple[Skipped, ...]


class PluginManager(PluginRegister):
    """Holds one kernel's plugins in configured order and asks them to provide.

    *tables* maps a plugin's name to its own configuration table. Use `add`, `load` and `autoload`
    in the order the configuration states, then the methods named after the hooks.
    """

    def exchanges(self, context: PluginContext) -> tuple[ExchangeClient, ...]:
        """Ask every plugin for exchange clients; raises `PluginRefused`."""
        return cast(
            "tuple[ExchangeClient, ...]", self._provided("fairlead_exchanges", ExchangeClient, context)
        )

    def stores(self, context: PluginContext) -> tuple[Store, ...]:
        """Ask every plugin for stores; raises `PluginRefused`."""
        return cast("tuple[Store, ...]", self._provided("fairlead_stores", Store, context))

    def risk_checks(self, context: PluginContext) -> tuple[RiskCheck, ...]:
        """Ask every plugin for risk checks, in configured order; raises `PluginRefused`."""
        return cast("tuple[RiskCheck, ...]", self._provided("fairlead_risk_checks", RiskCheck, context))

    def store_readers(self, context: PluginContext) -> tuple[StoreReader, ...]:
        """Ask every plugin for readers of its store; raises `PluginRefused`."""
        return cast("tuple[StoreReader, ...]", self._provided("fairlead_store_readers", StoreReader, context))

    def store_keepers(self, context: PluginContext) -> tuple[StoreKeeper, ...]:
        """Ask every plugin for keepers of its store; raises `PluginRefused`."""
        return cast("tuple[StoreKeeper, ...]", self._provided("fairlead_store_keepers", StoreKeeper, context))

    def price_sources(self, context: PluginContext) -> tuple[PriceSource, ...]:
        """Ask every plugin for price sources; raises `PluginRefused`."""
        return cast("tuple[PriceSource, ...]", self._provided("fairlead_price_sources", PriceSource, context))

    def notifiers(self, context: PluginContext) -> tuple[Notifier, ...]:
        """Ask every plugin for notifiers; raises `PluginRefused`."""
        return cast("tuple[Notifier, ...]", self._provided("fairlead_notifiers", Notifier, context))

    def components(self, context: PluginContext) -> tuple[KernelComponent, ...]:
        """Ask every plugin for components; raises `PluginRefused`."""
        return cast(
            "tuple[KernelComponent, ...]", self._provided("fairlead_components", KernelComponent, context)
        )

    def commands(self) -> Extensions[PluginCommand]:
        """Ask every active plugin for commands of the tool; imports none of their modules."""
        found = self._extended("fairlead_commands", _is_command, None)
        return cast("Extensions[PluginCommand]", found)

    def probes(self, context: PluginContext) -> Extensions[Probe]:
        """Ask every active plugin for probes."""
        return cast("Extensions[Probe]", self._extended("fairlead_probes", _fits(Probe), context))

    def metric_sources(self, context: PluginContext) -> Extensions[MetricSource]:
        """Ask every active plugin for sources of metrics."""
        return cast(
            "Extensions[MetricSource]", self._extended("fairlead_metrics", _fits(MetricSource), context)
        )

    def observers(self, context: PluginContext) -> tuple[Observer, ...]:
        """Return every plugin that observes, in configured order; calls none of their hooks."""
        self.require()
        found: list[Observer] = []
        for entry in filter(lambda each: each.is_active, self.entries):
            own = self._own(entry, context)
            handlers = {kind: self._handlers(entry, hook, own) for hook, kind in OBSERVE_HOOKS.items()}
            if heard := {kind: called for kind, called in handlers.items() if called}:
                found.append(Observer(entry.record.name, heard))
        return tuple(found)

    # -- inside -------------------------------------------------------------------------------

    def _handlers(self, entry: Entry, hook: str, own: PluginContext) -> tuple[Handler, ...]:
        """Return what one plugin does for an observe hook, each as a function of the event alone."""

        def handler(implementation: pluggy.HookImpl) -> Handler:
            def handle(event: Event) -> object:
                offered = {"event": event, "context": own}
                return implementation.function(*[offered[name] for name in implementation.argnames])

            return handle

        return tuple(handler(each) for each in self._implementations(entry, hook))

    def _implementations(self, entry: Entry, hook: str) -> list[pluggy.HookImpl]:
        found = reversed(getattr(self.registry.hook, hook).get_hookimpls())
        return [each for each in found if each.plugin is entry.plugin]

    def _own(self, entry: Entry, context: PluginContext) -> PluginContext:
        """Return the plugin's own context: its table, and a logger under its name that shows no secret."""
        logger = context.logger.getChild(entry.record.name)
        logger.addFilter(REDACTION)
        return attrs.evolve(
            context,
            configuration=cast("Mapping[str, Any]", _copy(self.tables.get(entry.record.name, {}))),
            logger=logger,
        )

    def _provided(self, hook: str, protocol: type, context: PluginContext) -> tuple[object, ...]:
        self.require()
        fits = _fits(protocol)
        provided: list[tuple[object, PluginRecord]] = []
        for entry in filter(lambda each: each.is_active, self.entries):
            try:
                answers = self._ask(entry, hook, self._own(entry, context))
            except _NoAnswer as problem:
                raise _refusal(entry.record, hook, str(problem)) from problem.__cause__
            for value in answers:
                problems = _examined(value, fits) or _duplicate(value, provided)
                if problems:
                    raise _refusal(entry.record, hook, "; ".join(problems))
                provided.append((value, entry.record))
        return tuple(value for value, _ in provided)

    def _extended(self, hook: str, fits: _Fits, context: PluginContext | None) -> Extensions[Any]:
        """Ask for what tools use; pass over what does not fit, and every holder of a name that two want."""
        provided: list[tuple[object, PluginRecord]] = []
        skipped: list[Skipped] = []
        for entry in filter(lambda each: each.is_active, self.entries):
            own = None if context is None else self._own(entry, context)
            try:
                answers = self._ask(entry, hook, own)
            except _NoAnswer as problem:
                skipped.append(Skipped(entry.record, hook, str(problem)))
                continue
            for value in answers:
                if problems := _examined(value, fits):
                    skipped.append(Skipped(entry.record, hook, "; ".join(problems)))
                else:
                    provided.append((value, entry.record))
        names = [getattr(value, "name", None) for value, _ in provided]
        doubled = {name for name in names if names.count(name) > 1}
        skipped += [
            Skipped(record, hook, f"the name {name!r} is given more than once")
            for name, (_, record) in zip(names, provided, strict=True)
            if name in doubled
        ]
        kept = [each for name, each in zip(names, provided, strict=True) if name not in doubled]
        return Extensions(tuple(kept), tuple(skipped))

    def _ask(self, entry: Entry, hook: str, own: PluginContext | None) -> Sequence[object]:
        """Call one plugin's implementations with a context of its own; raises `_NoAnswer`."""
        offered = {"context": own}
        answers: list[object] = []
        for implementation in self._implementations(entry, hook):
            try:
                answer = implementation.function(*[offered[name] for name in implementation.argnames])
            except (
                FAULTS
            ) as error:  # isolation point: whatever a plugin throws becomes a refusal that names it
                raise _NoAnswer(told(error)) from error
            if isinstance(answer, str | bytes) or not isinstance(answer, Sequence):
                raise _NoAnswer(f"returned {type(answer).__name__}, not a sequence")
            answers += answer
        return answers


def _fits(protocol: type) -> _Fits:
    return lambda value: contracts.complaints(value, protocol)


def _is_command(value: object) -> list[str]:
    return [] if isinstance(value, PluginCommand) else [f"{type(value).__qualname__} is no PluginCommand"]


def _examined(value: object, fits: _Fits) -> list[str]:
    try:
        return fits(value)
    except FAULTS as error:  # isolation point: an object that cannot even be looked at is refused
        return [told(error)]


def _duplicate(value: object, provided: Sequence[tuple[object, PluginRecord]]) -> list[str]:
    name = getattr(value, "name", None)
    for other, owner in provided:
        if other is value:
            return [f"the same {type(value).__qualname__} was provided already by {owner.origin}"]
        if name is not None and name == getattr(other, "name", None):
            return [f"the name {name!r} is taken already by {owner.origin}"]
    return []


def _refusal(record: PluginRecord, hook: str, problem: str) -> PluginRefused:
    return PluginRefused(f"{capital(record.origin)}, hook {hook}: {problem}.", not_done=NOT_STARTED)


def _copy(value: object) -> object:
    """Copy tables and lists, so that no plugin can change what another one or a later call sees."""
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_copy(item) for item in value) if type(value) in (list, tuple) else value
    return value
