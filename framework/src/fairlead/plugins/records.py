"""What is known about one plugin: where it came from, its state, and why it was refused."""

from __future__ import annotations

from enum import StrEnum

import attrs


class PluginState(StrEnum):
    """What became of a plugin.

    ``ACTIVE``: registered, its hooks are called. ``REFUSED``: it did not pass; the record's reason
    says why. ``INSTALLED``: found, but nobody asked for it, so it was not imported. ``DISABLED``:
    left out by configuration.
    """

    ACTIVE = "active"
    REFUSED = "refused"
    INSTALLED = "installed"
    DISABLED = "disabled"


@attrs.frozen(kw_only=True)
class PluginRecord:
    """One plugin as the manager knows it; a snapshot.

    *distribution* is empty for a plugin that was given as an object; *module* is where its code
    lies; *order* counts active plugins from 1 in configured order and is 0 for all others;
    *requires_api* is what the plugin declares, empty when it declares nothing or was not loaded.
    """

    name: str
    state: PluginState
    distribution: str = ""
    version: str = ""
    module: str = ""
    reason: str = ""
    hooks: tuple[str, ...] = ()
    order: int = 0
    requires_api: str = ""
    editable: bool = False

    @property
    def origin(self) -> str:
        """Name the plugin the way every error does: name, then distribution or module, then version."""
        home = self.distribution or f"object of {self.module or 'an unknown module'}"
        return (
            f"plugin {self.name!r} ({home} {self.version})"
            if self.version
            else f"plugin {self.name!r} ({home})"
        )
