"""The plugin manager: one for each kernel, and the only code that touches pluggy.

Objects come first, installed plugins are loaded by name, everything else only when asked. A plugin
that fails to load, to pass the lint or to provide is undone and recorded; one that the
configuration asked for then stops the start, so that a missing risk check can never turn into a
shorter list of checks.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

import attrs
import pluggy

from fairlead import hookspecs
from fairlead.domain.events import Event
from fairlead.domain.identifiers import to_name
from fairlead.errors import ConfigurationRefused, FairleadError, PluginRefused, TextRefused
from fairlead.hookspecs import PROJECT, PluginContext
from fairlead.plugins import api_version, contracts, lint
from fairlead.plugins.discovery import InstalledPlugin, installed
from fairlead.plugins.observers import OBSERVE_HOOKS, Handler, Observer
from fairlead.plugins.records import PluginRecord, PluginState
from fairlead.ports.exchange import ExchangeClient
from fairlead.ports.risk import RiskCheck
from fairlead.ports.store import Store, StoreReader

NOT_STARTED = "The kernel did not start."

_FAULTS = (Exception, SystemExit)
"""What a plugin may throw at its host. A plugin that calls `sys.exit` when it is imported is at
fault like any other; a keyboard interrupt or a canceled task is not the plugin's and passes."""


class _Registry(pluggy.PluginManager):
    """Pluggy's registry, seeing exactly those implementations that the lint saw."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> Any:  # noqa: ANN401 - pluggy's own signature
        return lint.marked_options(plugin, name)


@attrs.define(slots=True, eq=False)
class _Entry:
    """A plugin with its record; *plugin* is nothing unless it is active."""

    record: PluginRecord
    asked: bool
    plugin: object = None

    @property
    def is_active(self) -> bool:
        return self.record.state is PluginState.ACTIVE


class PluginManager:
    """Holds one kernel's plugins in configured order and asks them to provide.

    *tables* maps a plugin's name to its own configuration table. Use `add`, `load` and `autoload`
    in the order the configuration states, then the methods named after the hooks.
    """

    def __init__(self, *, tables: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self._tables = dict(tables or {})
        self._registry = _Registry(PROJECT)
        self._registry.add_hookspecs(hookspecs)
        self._known = lint.specifications()
        self._entries: list[_Entry] = []

    # -- what there is ------------------------------------------------------------------------

    def records(self) -> tuple[PluginRecord, ...]:
        """Return what is known of every plugin, active ones first, in order."""
        active = [entry.record for entry in self._entries if entry.is_active]
        others = [entry.record for entry in self._entries if not entry.is_active]
        numbered = [attrs.evolve(record, order=order) for order, record in enumerate(active, start=1)]
        return (*numbered, *others)

    def versions(self) -> tuple[tuple[str, str], ...]:
        """Return (name, version) of every active plugin in order, for the journal."""
        return tuple((entry.record.name, entry.record.version) for entry in self._entries if entry.is_active)

    def require(self, names: Collection[str] = ()) -> None:
        """Raise `PluginRefused` unless every plugin that was asked for is active, and these too.

        The message lists every one that is not, with its reason. Raises `ConfigurationRefused` for
        a configuration table that belongs to no active plugin.
        """
        refused = [entry.record for entry in self._entries if entry.asked and not entry.is_active]
        active = [entry.record.name for entry in self._entries if entry.is_active]
        told = {record.name for record in refused}
        refused += [self._absent(name) for name in names if name not in active and name not in told]
        if refused:
            raise PluginRefused(
                " ".join(f"{_capital(record.origin)}: {record.reason}." for record in refused),
                not_done=NOT_STARTED,
                fix="Run `fairlead plugins` to see what is installed.",
            )
        for name in self._tables:
            if name not in active:
                import difflib  # only a mistake needs it

                nearest = difflib.get_close_matches(name, active, n=1)
                hint = (
                    f"did you mean {nearest[0]}?"
                    if nearest
                    else f"active are: {', '.join(active) or 'none'}."
                )
                raise ConfigurationRefused(
                    f"plugins.{name}: no active plugin has this name; {hint}", not_done=NOT_STARTED
                )

    # -- how plugins come in ------------------------------------------------------------------

    def add(self, plugin: object, *, name: str | None = None) -> None:
        """Register a plugin that was given as an object; `require` tells of refusals.

        Its name is the one given here, else its attribute ``name``, else the name of its class.
        """
        draft = PluginRecord(name=name or "(unnamed)", state=PluginState.REFUSED)
        try:
            draft = _draft_of_object(plugin, name)
        except _FAULTS as error:  # isolation point: a hostile attribute costs only the plugin that has it
            self._note(attrs.evolve(draft, reason=f"could not be read: {_told(error)}"), asked=True)
            return
        self._admit(plugin, draft, asked=True, must_declare_api=False)

    def load(self, names: Sequence[str]) -> None:
        """Load installed plugins by name, in this order; `require` tells of refusals."""
        for name in names:
            if names.count(name) > 1:
                raise ConfigurationRefused(f"plugins: {name!r} is named twice.", not_done=NOT_STARTED)
            candidates = [each for each in installed() if each.name == name and each.is_current]
            if not candidates:
                self._entries.append(_Entry(self._absent(name), asked=True))
            self._load_one(candidates, asked=True)

    def autoload(self, *, disabled: Collection[str] = ()) -> None:
        """Load every installed plugin that is not here yet, by name; failures are recorded only."""
        present = {entry.record.name for entry in self._entries}
        for name in sorted({each.name for each in installed()} - present):
            candidates = [each for each in installed() if each.name == name]
            if name in disabled:
                for each in candidates:
                    self._note(_draft_of_installed(each, PluginState.DISABLED, "disabled by configuration"))
                continue
            self._load_one([each for each in candidates if each.is_current])
            for each in candidates:
                if not each.is_current:
                    self._note(_draft_of_installed(each, PluginState.REFUSED, _other_api(each)))

    def list_installed(self) -> None:
        """Record every installed plugin that is not here yet, without importing any."""
        present = {entry.record.name for entry in self._entries}
        for each in installed():
            if each.name not in present:
                state = PluginState.INSTALLED if each.is_current else PluginState.REFUSED
                self._note(_draft_of_installed(each, state, "" if each.is_current else _other_api(each)))

    # -- the hooks, one method each -----------------------------------------------------------

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

    def observers(self, context: PluginContext) -> tuple[Observer, ...]:
        """Return every plugin that observes, in configured order; calls none of their hooks."""
        self.require()
        found: list[Observer] = []
        for entry in filter(lambda each: each.is_active, self._entries):
            own = self._own(entry, context)
            handlers = {kind: self._handlers(entry, hook, own) for hook, kind in OBSERVE_HOOKS.items()}
            if heard := {kind: called for kind, called in handlers.items() if called}:
                found.append(Observer(entry.record.name, heard))
        return tuple(found)

    # -- inside -------------------------------------------------------------------------------

    def _handlers(self, entry: _Entry, hook: str, own: PluginContext) -> tuple[Handler, ...]:
        """Return what one plugin does for an observe hook, each as a function of the event alone."""

        def handler(implementation: pluggy.HookImpl) -> Handler:
            def handle(event: Event) -> object:
                offered = {"event": event, "context": own}
                return implementation.function(*[offered[name] for name in implementation.argnames])

            return handle

        return tuple(handler(each) for each in self._implementations(entry, hook))

    def _implementations(self, entry: _Entry, hook: str) -> list[pluggy.HookImpl]:
        found = reversed(getattr(self._registry.hook, hook).get_hookimpls())
        return [each for each in found if each.plugin is entry.plugin]

    def _own(self, entry: _Entry, context: PluginContext) -> PluginContext:
        """Return the plugin's own context: its table, and a logger under its name."""
        return attrs.evolve(
            context,
            configuration=cast("Mapping[str, Any]", _copy(self._tables.get(entry.record.name, {}))),
            logger=context.logger.getChild(entry.record.name),
        )

    def _load_one(self, candidates: Sequence[InstalledPlugin], *, asked: bool = False) -> None:
        if len(candidates) > 1:
            owners = " and ".join(f"{each.distribution} {each.version}" for each in candidates)
            reason = f"the name is declared by {owners}; uninstall one of them"
            for each in candidates:
                self._note(_draft_of_installed(each, PluginState.REFUSED, reason), asked=asked)
            return
        for each in candidates:
            draft = _draft_of_installed(each, PluginState.REFUSED)
            try:
                plugin = each.entry_point.load()
            except _FAULTS as error:  # isolation point: a plugin that cannot be imported costs only itself
                self._note(attrs.evolve(draft, reason=f"cannot be imported: {_told(error)}"), asked=asked)
                continue
            self._admit(plugin, draft, asked=asked, must_declare_api=True)

    def _admit(self, plugin: object, draft: PluginRecord, *, asked: bool, must_declare_api: bool) -> None:
        """Register the plugin unless something is wrong with it; record what became of it."""
        entry = _Entry(draft, asked)
        reason = self._clash(entry) or self._twin(plugin)
        if not reason:
            try:
                reason = self._examine(plugin, entry, must_declare_api=must_declare_api)
                if not reason:
                    self._registry.register(plugin, draft.name)
            except (
                _FAULTS
            ) as error:  # isolation point: a plugin that breaks its registration costs only itself
                reason = f"cannot be registered: {_told(error)}"
                if self._registry.has_plugin(draft.name):  # pluggy 1.6 leaves it half registered
                    self._registry.unregister(name=draft.name)
        if reason:
            entry.record = attrs.evolve(entry.record, state=PluginState.REFUSED, reason=reason)
        else:
            entry.plugin = plugin
            entry.record = attrs.evolve(entry.record, state=PluginState.ACTIVE)
        self._entries.append(entry)

    def _examine(self, plugin: object, entry: _Entry, *, must_declare_api: bool) -> str:
        """Return why the plugin cannot be registered, or the empty string; note what it declares."""
        required = getattr(plugin, "requires_api", None)
        reason = api_version.complaint(required, mandatory=must_declare_api)
        entry.record = attrs.evolve(
            entry.record,
            requires_api=str(required) if api_version.parse(required) else "",
            hooks=() if reason else lint.implemented_hooks(plugin, self._known),
        )
        try:
            to_name(entry.record.name, "name")
        except TextRefused as refusal:
            return str(refusal)
        return reason or "; ".join(lint.complaints(plugin, self._known))

    def _clash(self, entry: _Entry) -> str:
        """Refuse every holder of a name that two plugins want, for nobody can tell which is meant."""
        named_alike = [each for each in self._entries if each.record.name == entry.record.name]
        rivals = [
            each for each in named_alike if each.record.state in (PluginState.ACTIVE, PluginState.REFUSED)
        ]
        if not rivals:
            return ""
        for rival in rivals:
            if rival.is_active:
                self._registry.unregister(name=rival.record.name)
                reason = f"another one has the same name: {entry.record.origin}"
                rival.record = attrs.evolve(rival.record, state=PluginState.REFUSED, reason=reason)
                rival.plugin = None
        return f"another one has the same name: {rivals[0].record.origin}"

    def _twin(self, plugin: object) -> str:
        twins = [each.record.name for each in self._entries if each.is_active and each.plugin is plugin]
        return f"is the same object as plugin {twins[0]!r}" if twins else ""

    def _note(self, record: PluginRecord, *, asked: bool = False) -> None:
        self._entries.append(_Entry(record, asked))

    def _absent(self, name: str) -> PluginRecord:
        names = sorted({each.name for each in installed() if each.is_current})
        reason = f"is not installed; installed are: {', '.join(names) or 'none'}"
        others = [each for each in installed() if each.name == name and not each.is_current]
        if others:
            reason = _other_api(others[0])
        return PluginRecord(
            name=name, state=PluginState.REFUSED, reason=reason, distribution="no distribution"
        )

    def _provided(self, hook: str, protocol: type, context: PluginContext) -> tuple[object, ...]:
        self.require()
        provided: list[tuple[object, PluginRecord]] = []
        for entry in self._entries:
            if not entry.is_active:
                continue
            for value in self._ask(entry, hook, context):
                try:
                    problems = contracts.complaints(value, protocol) or _duplicate(value, provided)
                except (
                    _FAULTS
                ) as error:  # isolation point: an object that cannot even be looked at is refused
                    raise _refusal(entry.record, hook, _told(error)) from error
                if problems:
                    raise _refusal(entry.record, hook, "; ".join(problems))
                provided.append((value, entry.record))
        return tuple(value for value, _ in provided)

    def _ask(self, entry: _Entry, hook: str, context: PluginContext) -> Sequence[object]:
        """Call one plugin's implementations with a context of its own."""
        offered = {"context": self._own(entry, context)}
        answers: list[object] = []
        for implementation in self._implementations(entry, hook):
            try:
                answer = implementation.function(*[offered[name] for name in implementation.argnames])
            except (
                _FAULTS
            ) as error:  # isolation point: whatever a plugin throws becomes a refusal that names it
                raise _refusal(entry.record, hook, _told(error)) from error
            if isinstance(answer, str | bytes) or not isinstance(answer, Sequence):
                raise _refusal(entry.record, hook, f"returned {type(answer).__name__}, not a sequence")
            answers += answer
        return answers


def _draft_of_object(plugin: object, given_name: str | None) -> PluginRecord:
    """Return the record of a plugin given as an object; it has no distribution to ask."""
    kind = plugin if isinstance(plugin, type) else type(plugin)
    module = plugin.__name__ if isinstance(plugin, types.ModuleType) else kind.__module__
    name = given_name or getattr(plugin, "name", None) or kind.__name__
    package = sys.modules.get(module.partition(".")[0])
    version = getattr(plugin, "version", None) or getattr(package, "__version__", "")
    return PluginRecord(name=str(name), state=PluginState.REFUSED, version=str(version), module=module)


def _draft_of_installed(plugin: InstalledPlugin, state: PluginState, reason: str = "") -> PluginRecord:
    return PluginRecord(
        name=plugin.name,
        state=state,
        reason=reason,
        distribution=plugin.distribution,
        version=plugin.version,
        module=plugin.module,
        editable=plugin.editable,
    )


def _other_api(plugin: InstalledPlugin) -> str:
    return f"is of plugin group {plugin.group}; this Fairlead loads {hookspecs.ENTRY_POINT_GROUP}"


def _duplicate(value: object, provided: Sequence[tuple[object, PluginRecord]]) -> list[str]:
    name = getattr(value, "name", None)
    for other, owner in provided:
        if other is value:
            return [f"the same {type(value).__qualname__} was provided already by {owner.origin}"]
        if name is not None and name == getattr(other, "name", None):
            return [f"the name {name!r} is taken already by {owner.origin}"]
    return []


def _refusal(record: PluginRecord, hook: str, problem: str) -> PluginRefused:
    return PluginRefused(f"{_capital(record.origin)}, hook {hook}: {problem}.", not_done=NOT_STARTED)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _told(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, FairleadError):
        return text.rstrip(".")
    return f"{type(error).__name__}: {text.rstrip('.')}" if text else type(error).__name__


def _copy(value: object) -> object:
    """Copy tables and lists, so that no plugin can change what another one or a later call sees."""
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_copy(item) for item in value) if type(value) in (list, tuple) else value
    return value
