"""What plugins add becomes parts of the kernel, before trading is enabled and after the venue is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.domain.anomalies import AnomalyKind
from fairlead.kernel.components import Component
from fairlead.kernel.core.inputs import TroubleSeen
from fairlead.kernel.plugged.components import PluginPart
from fairlead.kernel.plugged.order import start_order
from fairlead.kernel.plugged.price_sources import SourcePart
from fairlead.kernel.plugged.tasks import PluginTasks
from fairlead.kernel.plugged.view import ReadingView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.kernel.kernel import Kernel
    from fairlead.kernel.parts import Parts
    from fairlead.ports.components import KernelComponent
    from fairlead.ports.prices import PriceSource

RECONCILER = "reconciler"


def plug_in(
    kernel: Kernel, parts: Parts, sources: Sequence[PriceSource], components: Sequence[KernelComponent]
) -> None:
    """Put price sources and components before the part that enables trading, in dependency order."""
    tasks = PluginTasks(parts.supervisor, parts.endless)
    part_of: dict[str, Component] = {each.name: _source_part(parts, tasks, each) for each in sources}
    view = ReadingView(kernel)
    part_of |= {each.name: _plugin_part(parts, tasks, each, view) for each in components}
    plugged = tuple(part_of[each.name] for each in start_order(sources, components))
    place = [part.name for part in parts.components].index(RECONCILER)
    parts.components = (*parts.components[:place], *plugged, *parts.components[place:])


def _source_part(parts: Parts, tasks: PluginTasks, source: PriceSource) -> SourcePart:
    def failed(name: str, problem: str) -> None:
        parts.take(TroubleSeen(AnomalyKind.PRICE_SOURCE_FAILED.value, name, problem))

    settings = parts.settings
    return SourcePart(
        source,
        parts.prices.feed(source.name).lenient,
        parts.clock,
        tasks,
        parts.logger,
        pauses_ns=(settings.ns("price_source_pause"), settings.ns("price_source_pause_max")),
        on_failure=failed,
    )


def _plugin_part(
    parts: Parts, tasks: PluginTasks, component: KernelComponent, view: ReadingView
) -> PluginPart:
    timeout_ns = parts.settings.ns("component_timeout")
    return PluginPart(component, view, parts.clock, tasks, parts.logger, timeout_ns)
