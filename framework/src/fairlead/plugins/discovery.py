"""Which plugins are installed: facts from distribution metadata, without importing any of them."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from fairlead.hookspecs import ENTRY_POINT_GROUP

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

_FAMILY = ENTRY_POINT_GROUP.rpartition(".")[0] + ".v"


@attrs.frozen(kw_only=True)
class InstalledPlugin:
    """One entry point of a plugin group, and the distribution that declares it."""

    name: str
    group: str
    distribution: str
    version: str
    editable: bool
    entry_point: EntryPoint = attrs.field(repr=False)

    @property
    def module(self) -> str:
        """Return the target as the metadata writes it: a module, or module:attribute."""
        return self.entry_point.value

    @property
    def is_current(self) -> bool:
        """Tell whether it is of the API major version that this Fairlead loads."""
        return self.group == ENTRY_POINT_GROUP


@functools.cache
def installed() -> tuple[InstalledPlugin, ...]:
    """Return every installed plugin of any API version, by name; scanned once in a process.

    The order means nothing: it is by name, so that no directory listing decides anything. A
    distribution whose metadata cannot be read is passed over. `installed.cache_clear()` forgets the
    scan, for a process that installs plugins into itself.
    """
    found = [plugin for each in _each_once() for plugin in _plugins_of(each)]
    return tuple(sorted(found, key=lambda plugin: (plugin.name, plugin.group, plugin.distribution)))


def _each_once() -> Iterator[Distribution]:
    """Yield each distribution that declares plugins, once, as Python would import it."""
    from importlib.metadata import distribution, distributions  # costs more than the rest of the package

    seen: set[str] = set()
    for candidate in distributions():
        name = _name_of_declaring(candidate)
        normal = re.sub(r"[-_.]+", "-", name).lower()
        if name and normal not in seen:
            seen.add(normal)
            yield distribution(name)


def _name_of_declaring(candidate: Distribution) -> str:
    """Return the distribution's name when it declares a plugin of any version, else the empty string."""
    try:
        declares = _FAMILY in (candidate.read_text("entry_points.txt") or "")
        return str(candidate.metadata["Name"] or "") if declares else ""
    except Exception:  # isolation point: broken metadata of one distribution must not hide the others
        return ""


def _plugins_of(owner: Distribution) -> Iterator[InstalledPlugin]:
    try:
        ours = [entry for entry in owner.entry_points if entry.group.startswith(_FAMILY)]
        if not ours:
            return
        name, version, editable = owner.metadata["Name"], owner.version, _is_editable(owner)
    except Exception:  # isolation point: broken metadata of one distribution must not hide the others
        return
    for entry in ours:
        yield InstalledPlugin(
            name=entry.name,
            group=entry.group,
            distribution=str(name),
            version=str(version),
            editable=editable,
            entry_point=entry,
        )


def _is_editable(owner: Distribution) -> bool:
    """Tell whether it was installed with ``pip install -e`` (PEP 610)."""
    text = owner.read_text("direct_url.json")
    content = json.loads(text) if text else {}
    return bool(content.get("dir_info", {}).get("editable", False))
