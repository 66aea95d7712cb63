"""What plugins add becomes parts of the kernel, to be started before trading is enabled."""

from __future__ import annotations

from fairlead.domain.anomalies import AnomalyKind
from fairlead.kernel.components import Component
from fairlead.kernel.composition import Ingredients
from fairlead.kernel.core.inputs import TroubleSeen
from fairlead.kernel.parts import Parts
from fairlead.kernel.plugged.components import PluginPart
from fairlead.kernel.plugged.order import start_order
from fairlead.kernel.plugged.price_sources import SourcePart
from fairlead.kernel.plugged.tasks import PluginTasks
from fairlead.ports.components import KernelComponent, KernelView
from fairlead.ports.prices import PriceSource


def plugged_parts(ingredients: Ingredients, parts: Parts, view: KernelView) -> tuple[Component, ...]:
    """Return price sources and components as parts, in the order in which they depend on each other."""
    sources, components = ingredients.price_sources, ingredients.components
    tasks = PluginTasks(parts.supervisor, parts.endless)
    part_of: dict[str, Component] = {each.name: _source_part(parts, tasks, each) for each in sources}
    part_of |= {each.name: _plugin_part(parts, tasks, each, view) for each in components}
    return tuple(part_of[each.name] for each in start_order(sources, components))


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
    parts: Parts, tasks: PluginTasks, component: KernelComponent, view: KernelView
) -> PluginPart:
    timeout_ns = parts.settings.ns("component_timeout")
    return PluginPart(component, view, parts.clock, tasks, parts.logger, timeout_ns)
