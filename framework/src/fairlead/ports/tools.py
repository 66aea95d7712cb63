"""The port of tools: commands, probes and metrics by plugins. Tools ask for them; no kernel does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

import attrs

from fairlead.domain.identifiers import excerpt_of, to_line, to_name
from fairlead.errors import TextRefused

__all__ = [
    "Metric",
    "MetricKind",
    "MetricSource",
    "PluginCommand",
    "Probe",
    "ProbeFinding",
    "Sample",
]

_METRIC_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", re.ASCII)


def _command_name(value: object) -> str:
    return to_name(value, "a command's name")


def _about(value: object) -> str:
    return to_line(value, "a line of help")


def _module(value: object) -> str:
    return to_line(value, "a command's module")


def _metric_name(value: object) -> str:
    if isinstance(value, str) and _METRIC_NAME.fullmatch(value):
        return value
    fix = "Use small letters, digits and single underscores, with a word of the plugin's first."
    raise TextRefused("a metric's name", f"{excerpt_of(value)} has another shape", fix=fix)


@attrs.frozen
class PluginCommand:
    """One command of the tool `fairlead`.

    *name* is what is typed, *about* its line in the help. *module* is imported when the command runs; its
    function ``add_to(app)`` registers a command, or a group of commands, of that name on a typer app.
    """

    name: str = attrs.field(converter=_command_name)
    about: str = attrs.field(converter=_about)
    module: str = attrs.field(converter=_module)


@attrs.frozen
class ProbeFinding:
    """What a probe saw: what is wrong and what to do, or with *is_note* what is only worth knowing."""

    text: str
    is_note: bool = False


class Probe(Protocol):
    """Looks at something that a plugin depends on, for `fairlead doctor`. It writes and orders nothing."""

    @property
    def name(self) -> str:
        """Return what the findings are of."""

    @property
    def connects(self) -> bool:
        """Tell whether it reaches something outside this machine; it then runs with ``--connect`` only."""

    async def examine(self) -> Sequence[ProbeFinding]:
        """Return what is wrong or worth knowing; nothing when all is well."""


class MetricKind(StrEnum):
    """How a metric moves: a counter only grows while the process lives, a gauge is what it is now."""

    COUNTER = "counter"
    GAUGE = "gauge"


@attrs.frozen
class Metric:
    """One metric as it is declared: its unit is in its name (``_seconds``, ``_total``)."""

    name: str = attrs.field(converter=_metric_name)
    kind: MetricKind = attrs.field(converter=MetricKind)
    about: str = attrs.field(converter=_about)
    labels: tuple[str, ...] = ()


@attrs.frozen
class Sample:
    """One figure of a declared metric, with a value for each of its labels."""

    metric: str
    value: int | Decimal
    labels: Mapping[str, str] = attrs.Factory(dict)


class MetricSource(Protocol):
    """Says which metrics it has, and what they are now. Both are synchronous and cheap."""

    @property
    def name(self) -> str:
        """Return what the source is called in a refusal."""

    def metrics(self) -> Sequence[Metric]:
        """Return what is declared; the same each time."""

    def read(self) -> Sequence[Sample]:
        """Return the figures of now, of declared metrics only."""
