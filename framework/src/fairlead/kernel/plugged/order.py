"""In which order what plugins add is started, and what cannot be started at all."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.errors import ConfigurationRefused
from fairlead.ports.components import KernelComponent
from fairlead.ports.prices import PriceSource

OWN_NAMES = frozenset(
    {
        "observers",
        "store",
        "journal",
        "inbox",
        "outbox",
        "exchange",
        "kill switch",
        "reconciler",
        "snapshots",
        "control",
        "bot",
    }
)
"""The kernel's own components, and its own sources of prices: health and log must not mix them up."""

_NOT_MADE = "The kernel was not made."


def start_order(
    sources: Sequence[PriceSource], components: Sequence[KernelComponent]
) -> tuple[PriceSource | KernelComponent, ...]:
    """Return everything in the order in which it starts: price sources first, then the components.

    A component comes after those that it names, and otherwise in configured order. Raises
    `ConfigurationRefused` for a name that is taken, a name that nobody has, and a circle.
    """
    names = [*(each.name for each in sources), *(each.name for each in components)]
    for name in names:
        if name in OWN_NAMES or names.count(name) > 1:
            whose = "the kernel's own" if name in OWN_NAMES else "used twice"
            raise ConfigurationRefused(
                f"A price source or component of a plugin is called {name!r}, and that name is {whose}.",
                not_done=_NOT_MADE,
                fix="Give it another name.",
            )
    ordered: list[PriceSource | KernelComponent] = list(sources)
    waiting = list(components)
    while waiting:
        started = {each.name for each in ordered}
        ready = next((each for each in waiting if started.issuperset(_named(each, names))), None)
        if ready is None:
            circle = ", ".join(each.name for each in waiting)
            raise ConfigurationRefused(
                f"Components of plugins wait for each other and none can start first: {circle}.",
                not_done=_NOT_MADE,
                fix="Take a name out of one's `after`.",
            )
        waiting.remove(ready)
        ordered.append(ready)
    return tuple(ordered)


def _named(component: KernelComponent, names: Sequence[str]) -> Sequence[str]:
    """Return what the component starts after; refuse what is no list of names that are there."""
    wanted: object = component.after
    if isinstance(wanted, str) or not isinstance(wanted, Sequence):
        raise ConfigurationRefused(
            f"The component {component.name!r} says that it starts after {ascii(wanted)[:40]}.",
            not_done=_NOT_MADE,
            fix="Its `after` is a list of names.",
        )
    for name in wanted:
        if name not in names:
            raise ConfigurationRefused(
                f"The component {component.name!r} starts after {ascii(name)[:40]}, which no plugin brings.",
                not_done=_NOT_MADE,
                fix="Name a component or price source of a plugin; the kernel's own run by then.",
            )
    return wanted
