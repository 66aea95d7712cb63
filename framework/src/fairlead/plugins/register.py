"""The register of one kernel's plugins: how they come in, what became of each, and in which order.

Objects come first, installed plugins are loaded by name, everything else only when asked. A plugin that
fails to load or to pass the lint is undone and recorded; one that the configuration asked for then stops
the start, so that a missing risk check can never turn into a shorter list of checks.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import attrs
import pluggy

from fairlead import hookspecs
from fairlead.domain.identifiers import to_name
from fairlead.errors import ConfigurationRefused, FairleadError, PluginRefused, TextRefused
from fairlead.hookspecs import PROJECT
from fairlead.plugins import api_version, lint
from fairlead.plugins.discovery import InstalledPlugin, installed
from fairlead.plugins.records import PluginRecord, PluginState
from fairlead.plugins.redaction import redacted

NOT_STARTED = "The kernel did not start."

FAULTS = (Exception, SystemExit)
"""What a plugin may throw at its host. A plugin that calls `sys.exit` when it is imported is at
fault like any other; a keyboard interrupt or a canceled task is not the plugin's and passes."""


class _Registry(pluggy.PluginManager):
    """Pluggy's registry, seeing exactly those implementations that the lint saw."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> Any:  # noqa: ANN401 - pluggy's own signature
        return lint.marked_options(plugin, name)


@attrs.define(slots=True, eq=False)
class Entry:
    """A plugin with its record; *plugin* is nothing unless it is active."""

    record: PluginRecord
    asked: bool
    plugin: object = None

    @property
    def is_active(self) -> bool:
        """Tell whether its hooks are called."""
        return self.record.state is PluginState.ACTIVE


class PluginRegister:
    """Holds one kernel's plugins in configured order; `PluginManager` asks them.

    *tables* maps a plugin's name to its own configuration table.
    """

    def __init__(self, *, tables: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.tables = dict(tables or {})
        self.registry = _Registry(PROJECT)
        self.registry.add_hookspecs(hookspecs)
        self._known = lint.specifications()
        self.entries: list[Entry] = []

    # -- what there is ------------------------------------------------------------------------

    def records(self) -> tuple[PluginRecord, ...]:
        """Return what is known of every plugin, active ones first, in order."""
        active = [entry.record for entry in self.entries if entry.is_active]
        others = [entry.record for entry in self.entries if not entry.is_active]
        numbered = [attrs.evolve(record, order=order) for order, record in enumerate(active, start=1)]
        return (*numbered, *others)

    def versions(self) -> tuple[tuple[str, str], ...]:
        """Return (name, version) of every active plugin in order, for the journal."""
        return tuple((entry.record.name, entry.record.version) for entry in self.entries if entry.is_active)

    def require(self, names: Collection[str] = ()) -> None:
        """Raise `PluginRefused` unless every plugin that was asked for is active, and these too.

        The message lists every one that is not, with its reason. Raises `ConfigurationRefused` for
        a configuration table that belongs to no active plugin.
        """
        refused = [entry.record for entry in self.entries if entry.asked and not entry.is_active]
        active = [entry.record.name for entry in self.entries if entry.is_active]
        told = {record.name for record in refused}
        refused += [self._absent(name) for name in names if name not in active and name not in told]
        if refused:
            raise PluginRefused(
                " ".join(f"{capital(record.origin)}: {record.reason}." for record in refused),
                not_done=NOT_STARTED,
                fix="Run `fairlead plugins` to see what is installed.",
            )
        for name in self.tables:
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
        except FAULTS as error:  # isolation point: a hostile attribute costs only the plugin that has it
            self._note(attrs.evolve(draft, reason=f"could not be read: {told(error)}"), asked=True)
            return
        self._admit(plugin, draft, asked=True, must_declare_api=False)

    def load(self, names: Sequence[str]) -> None:
        """Load installed plugins by name, in this order; `require` tells of refusals."""
        for name in names:
            if names.count(name) > 1:
                raise ConfigurationRefused(f"plugins: {name!r} is named twice.", not_done=NOT_STARTED)
            candidates = [each for each in installed() if each.name == name and each.is_current]
            if not candidates:
                self.entries.append(Entry(self._absent(name), asked=True))
            self._load_one(candidates, asked=True)

    def autoload(self, *, disabled: Collection[str] = ()) -> None:
        """Load every installed plugin that is not here yet, by name; failures are recorded only."""
        present = {entry.record.name for entry in self.entries}
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
        present = {entry.record.name for entry in self.entries}
        for each in installed():
            if each.name not in present:
                state = PluginState.INSTALLED if each.is_current else PluginState.REFUSED
                self._note(_draft_of_installed(each, state, "" if each.is_current else _other_api(each)))

    # -- inside -------------------------------------------------------------------------------

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
            except FAULTS as error:  # isolation point: a plugin that cannot be imported costs only itself
                self._note(attrs.evolve(draft, reason=f"cannot be imported: {told(error)}"), asked=asked)
                continue
            self._admit(plugin, draft, asked=asked, must_declare_api=True)

    def _admit(self, plugin: object, draft: PluginRecord, *, asked: bool, must_declare_api: bool) -> None:
        """Register the plugin unless something is wrong with it; record what became of it."""
        entry = Entry(draft, asked)
        reason = self._clash(entry) or self._twin(plugin)
        if not reason:
            try:
                reason = self._examine(plugin, entry, must_declare_api=must_declare_api)
                if not reason:
                    self.registry.register(plugin, draft.name)
            except (
                FAULTS
            ) as error:  # isolation point: a plugin that breaks its registration costs only itself
                reason = f"cannot be registered: {told(error)}"
                if self.registry.has_plugin(draft.name):  # pluggy 1.6 leaves it half registered
                    self.registry.unregister(name=draft.name)
        if reason:
            entry.record = attrs.evolve(entry.record, state=PluginState.REFUSED, reason=reason)
        else:
            entry.plugin = plugin
            entry.record = attrs.evolve(entry.record, state=PluginState.ACTIVE)
        self.entries.append(entry)

    def _examine(self, plugin: object, entry: Entry, *, must_declare_api: bool) -> str:
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

    def _clash(self, entry: Entry) -> str:
        """Refuse every holder of a name that two plugins want, for nobody can tell which is meant."""
        named_alike = [each for each in self.entries if each.record.name == entry.record.name]
        rivals = [
            each for each in named_alike if each.record.state in (PluginState.ACTIVE, PluginState.REFUSED)
        ]
        if not rivals:
            return ""
        for rival in rivals:
            if rival.is_active:
                self.registry.unregister(name=rival.record.name)
                reason = f"another one has the same name: {entry.record.origin}"
                rival.record = attrs.evolve(rival.record, state=PluginState.REFUSED, reason=reason)
                rival.plugin = None
        return f"another one has the same name: {rivals[0].record.origin}"

    def _twin(self, plugin: object) -> str:
        twins = [each.record.name for each in self.entries if each.is_active and each.plugin is plugin]
        return f"is the same object as plugin {twins[0]!r}" if twins else ""

    def _note(self, record: PluginRecord, *, asked: bool = False) -> None:
        self.entries.append(Entry(record, asked))

    def _absent(self, name: str) -> PluginRecord:
        names = sorted({each.name for each in installed() if each.is_current})
        reason = f"is not installed; installed are: {', '.join(names) or 'none'}"
        others = [each for each in installed() if each.name == name and not each.is_current]
        if others:
            reason = _other_api(others[0])
        return PluginRecord(
            name=name, state=PluginState.REFUSED, reason=reason, distribution="no distribution"
        )


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


def capital(text: str) -> str:
    """Return the text as a sentence begins."""
    return text[:1].upper() + text[1:]


def told(error: BaseException) -> str:
    """Return what a plugin threw, without the full stop."""
    text = redacted(str(error))
    if isinstance(error, FairleadError):
        return text.rstrip(".")
    return f"{type(error).__name__}: {text.rstrip('.')}" if text else type(error).__name__
