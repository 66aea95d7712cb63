"""Configuration: settings and plugins of a kernel from ``fairlead.toml``, or the same structure in Python.

::

    [kernel]
    account = "main"

    [plugins.paper]
    [plugins.sqlstore]
    path = "bot.sqlite"
    [plugins.riskhooks.maximum_positions]
    total = 3

A plugin is loaded because it has a table, in the order of the tables; an empty one takes the defaults.
Relative paths are taken from the folder of the file. Numbers with a point are read as the exact decimals
that they are written as.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs

from fairlead.errors import ConfigurationRefused
from fairlead.kernel.settings import KernelSettings
from fairlead.plugins.secrets import anchored
from fairlead.plugins.settings import structure_settings
from fairlead.plugins.settings_complaints import UnknownKey

KERNEL = "kernel"
PLUGINS = "plugins"
PATH_SETTINGS = ("control_socket", "kill_switch_file")
"""Settings of the kernel that are paths, and are taken from the folder of the file when relative."""

_NOT_MADE = "The kernel was not made."


@attrs.frozen
class Configuration:
    """What a configuration says: the kernel's settings, the plugins' tables in order, and its folder.

    *digest* is a SHA-256 over all of it, in which secrets are the pointers that were written.
    """

    settings: KernelSettings
    tables: Mapping[str, Mapping[str, Any]]
    folder: Path
    digest: str


def read_configuration(source: str | Path | Mapping[str, Any], folder: Path | None = None) -> Configuration:
    """Return the configuration of a file, or of the same structure given as a mapping.

    *folder* is where relative paths of a mapping start; the present folder unless given. Raises
    `ConfigurationRefused` with every complaint about the file's shape and the kernel's settings, each with
    its path; the plugins' own tables are checked when the plugins are asked to provide.
    """
    if isinstance(source, Mapping):
        whole, base = source, (folder or Path()).resolve()
    else:
        path = Path(source).resolve()
        whole, base = _parsed(path), path.parent
    complaints = list(_shape_complaints(whole))
    settings: KernelSettings | None = None
    table = whole.get(KERNEL, {})
    if isinstance(table, Mapping):
        try:
            settings = structure_settings(KernelSettings, _placed(table, base), KERNEL)
        except ConfigurationRefused as refusal:
            complaints.append(refusal.what)
    if complaints or settings is None:
        raise ConfigurationRefused(" ".join(complaints), not_done=_NOT_MADE)
    tables = {name: anchored(table, base) for name, table in whole.get(PLUGINS, {}).items()}
    return Configuration(settings, tables, base, digest_of(whole))  # type: ignore[arg-type]  # shapes were checked


def digest_of(whole: Mapping[str, Any]) -> str:
    """Return a digest of everything that is configured, whatever the order of its keys."""
    return sha256(_canonical(whole).encode()).hexdigest()


def _canonical(value: object) -> str:
    if isinstance(value, Mapping):
        inside = ",".join(f"{key!r}:{_canonical(value[key])}" for key in sorted(value, key=str))
        return f"{{{inside}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_canonical, value))}]"
    return repr(value)


def _parsed(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file, parse_float=Decimal)
    except OSError as error:
        raise ConfigurationRefused(
            f"The configuration {str(path)!a} cannot be read: {error.strerror}.",
            not_done=_NOT_MADE,
            fix="Check the path.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationRefused(
            f"The configuration {str(path)!a} is not TOML: {error}.",
            not_done=_NOT_MADE,
            fix="Correct the line.",
        ) from error


def _shape_complaints(whole: Mapping[str, Any]) -> list[str]:
    known = (KERNEL, PLUGINS)
    complaints = [f"{key}: {UnknownKey(str(key), known)}" for key in whole if key not in known]
    if KERNEL not in whole:
        complaints.append('kernel: is missing. Write, for example, [kernel] and account = "main" below it.')
    complaints += [f"{key}: must be a table." for key in known if not isinstance(whole.get(key, {}), Mapping)]
    plugins = whole.get(PLUGINS, {})
    if isinstance(plugins, Mapping):
        complaints += [
            f"{PLUGINS}.{name}: must be a table."
            for name, table in plugins.items()
            if not isinstance(table, Mapping)
        ]
    return complaints


def _placed(table: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the kernel's table with its relative paths taken from the folder."""
    placed = dict(table)
    for name in PATH_SETTINGS:
        if isinstance(placed.get(name), str) and placed[name]:
            placed[name] = str(folder / placed[name])
    return placed
