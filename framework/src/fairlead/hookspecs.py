"""The hooks of the plugin API, version 1.

*Provide* hooks are synchronous and called once at start with a `PluginContext`; they return typed
objects that the kernel then calls directly. *Observe* hooks are told what happened once it is durable:
queued, in order, at most once, never waited for; a plugin that fails at it several times in a row is
muted, and who must hear everything reads the journal. An *extend* hook is for tools alone: no kernel
asks it, and what fails there is told and passed over. The fourth kind, *gate*, is no hook: the kernel
itself asks every risk check that was provided. A hook takes plain positional parameters and may leave
out those that it does not need; it may not be a wrapper or async.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import attrs
import pluggy

from fairlead.ports.clock import Clock
from fairlead.ports.components import KernelComponent
from fairlead.ports.events import FillBooked, KernelChanged, OrderChanged, PositionChanged
from fairlead.ports.exchange import ExchangeClient
from fairlead.ports.ids import Ids
from fairlead.ports.keeping import StoreKeeper
from fairlead.ports.notices import Notifier
from fairlead.ports.prices import PriceSource
from fairlead.ports.risk import RiskCheck
from fairlead.ports.store import Store, StoreReader
from fairlead.ports.tools import MetricSource, PluginCommand, Probe

PROJECT = "fairlead"
ENTRY_POINT_GROUP = "fairlead.plugins.v1"
API_VERSION = "1.0"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class HookKind(StrEnum):
    """What a hook is for, and so what becomes of a plugin that fails at it; see the module's text."""

    PROVIDE = "provide"
    OBSERVE = "observe"
    EXTEND = "extend"


@attrs.frozen
class PluginContext:
    """What a plugin is given when it is asked to provide: no globals are needed.

    *configuration* is the plugin's own table from the kernel's configuration, untouched; a plugin
    structures it with its typed class and refuses unknown keys. *folder* is where relative paths in it
    start: that of the configuration file, or the present one.
    """

    account: str
    clock: Clock
    ids: Ids
    configuration: Mapping[str, Any]
    logger: logging.Logger
    folder: Path = Path()

    def path(self, text: str | Path) -> Path:
        """Return a path of the configuration, a relative one taken from its folder."""
        return self.folder / text


@hookspec
def fairlead_exchanges(context: PluginContext) -> Sequence[ExchangeClient]:  # type: ignore[empty-body]  # a specification
    """Return exchange clients; a kernel uses exactly one."""


@hookspec
def fairlead_stores(context: PluginContext) -> Sequence[Store]:  # type: ignore[empty-body]  # a specification
    """Return stores; a kernel uses exactly one."""


@hookspec
def fairlead_risk_checks(context: PluginContext) -> Sequence[RiskCheck]:  # type: ignore[empty-body]  # a specification
    """Return risk checks; every one of them must answer for every order that adds exposure."""


@hookspec
def fairlead_price_sources(context: PluginContext) -> Sequence[PriceSource]:  # type: ignore[empty-body]  # a specification
    """Return price sources; each runs for as long as the kernel does, one gives a symbol's prices."""


@hookspec
def fairlead_notifiers(context: PluginContext) -> Sequence[Notifier]:  # type: ignore[empty-body]  # a specification
    """Return notifiers; each is told of every durable fact that it wants, at least once."""


@hookspec
def fairlead_components(context: PluginContext) -> Sequence[KernelComponent]:  # type: ignore[empty-body]  # a specification
    """Return long-lived components; they start before trading is enabled, and are supervised."""


@hookspec
def fairlead_order_event(event: OrderChanged, context: PluginContext) -> None:
    """An order began, moved, or had a request made about it. Return at once: the loop waits meanwhile."""


@hookspec
def fairlead_fill(event: FillBooked, context: PluginContext) -> None:
    """A trade was booked on an order and its position. Return at once: the loop waits meanwhile."""


@hookspec
def fairlead_position_event(event: PositionChanged, context: PluginContext) -> None:
    """A position was opened, changed, closed or flipped. Return at once: the loop waits meanwhile."""


@hookspec
def fairlead_kernel_event(event: KernelChanged, context: PluginContext) -> None:
    """Trading state, an anomaly, a reconciliation, a refusal. Return at once: the loop waits meanwhile."""


@hookspec
def fairlead_store_readers(context: PluginContext) -> Sequence[StoreReader]:  # type: ignore[empty-body]  # a specification
    """Return readers of the configured store, for tools: they never write and hold nobody up."""


@hookspec
def fairlead_store_keepers(context: PluginContext) -> Sequence[StoreKeeper]:  # type: ignore[empty-body]  # a specification
    """Return keepers of the configured store, for tools: upgrade, copies, archives."""


@hookspec
def fairlead_commands() -> Sequence[PluginCommand]:  # type: ignore[empty-body]  # a specification
    """Return commands of the tool `fairlead`; the module of one is imported when it runs."""


@hookspec
def fairlead_probes(context: PluginContext) -> Sequence[Probe]:  # type: ignore[empty-body]  # a specification
    """Return probes, which `fairlead doctor` has look at what the plugin depends on."""


@hookspec
def fairlead_metrics(context: PluginContext) -> Sequence[MetricSource]:  # type: ignore[empty-body]  # a specification
    """Return sources of metrics, which an exporter reads."""


HOOK_KINDS: Mapping[str, HookKind] = {
    "fairlead_exchanges": HookKind.PROVIDE,
    "fairlead_stores": HookKind.PROVIDE,
    "fairlead_risk_checks": HookKind.PROVIDE,
    "fairlead_price_sources": HookKind.PROVIDE,
    "fairlead_notifiers": HookKind.PROVIDE,
    "fairlead_components": HookKind.PROVIDE,
    "fairlead_order_event": HookKind.OBSERVE,
    "fairlead_fill": HookKind.OBSERVE,
    "fairlead_position_event": HookKind.OBSERVE,
    "fairlead_kernel_event": HookKind.OBSERVE,
    "fairlead_store_readers": HookKind.EXTEND,
    "fairlead_store_keepers": HookKind.EXTEND,
    "fairlead_commands": HookKind.EXTEND,
    "fairlead_probes": HookKind.EXTEND,
    "fairlead_metrics": HookKind.EXTEND,
}
"""Every hook with its kind."""
