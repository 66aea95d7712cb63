"""Extend hooks: what tools ask for is looked at, and what does not fit is passed over and told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest

from fairlead.errors import ConfigurationRefused, TextRefused
from fairlead.hookspecs import PluginContext, hookimpl
from fairlead.plugins.manager import PluginManager
from fairlead.ports.tools import Metric, MetricKind, PluginCommand, ProbeFinding, Sample
from tests.core.plugins.test_manager import context, managed, raising


class Looks:
    """A probe that finds nothing."""

    connects = False

    def __init__(self, name: str = "looks") -> None:
        self.name = name

    async def examine(self) -> Sequence[ProbeFinding]:
        """Find nothing."""
        return []


class Counts:
    """A source of one metric."""

    name = "counts"

    def metrics(self) -> Sequence[Metric]:
        """Declare it."""
        return [Metric("mine_calls_total", MetricKind.COUNTER, "calls", ("kind",))]

    def read(self) -> Sequence[Sample]:
        """Read it."""
        return [Sample("mine_calls_total", Decimal(1), {"kind": "all"})]


class Extends:
    """A plugin that brings what it is told for each extend hook."""

    version = "3"

    def __init__(
        self,
        name: str,
        *,
        commands: Callable[[], Any] = list,
        probes: Callable[[], Any] = list,
        metrics: Callable[[], Any] = list,
    ) -> None:
        self.name = name
        self.brings = {"commands": commands, "probes": probes, "metrics": metrics}
        self.contexts: list[PluginContext] = []

    @hookimpl
    def fairlead_commands(self) -> Any:  # noqa: ANN401 - wrong answers are the point
        """Bring commands."""
        return self.brings["commands"]()

    @hookimpl
    def fairlead_probes(self, context: PluginContext) -> Any:  # noqa: ANN401 - same
        """Bring probes."""
        self.contexts.append(context)
        return self.brings["probes"]()

    @hookimpl
    def fairlead_metrics(self) -> Any:  # noqa: ANN401 - same
        """Bring sources of metrics."""
        return self.brings["metrics"]()


def test_extensions_come_with_their_plugin_in_order() -> None:
    """Each object is known by the plugin that brought it, and each plugin is asked with its own table."""
    probe, source = Looks(), Counts()
    command = PluginCommand("fees", "Show the fees.", "nowhere.to_be_imported")
    extends = Extends("b", commands=lambda: [command], probes=lambda: [probe], metrics=lambda: [source])
    manager = PluginManager(tables={"b": {"colour": "blue"}})
    manager.add(Extends("a"))
    manager.add(extends)

    (record,) = [each for each in manager.records() if each.name == "b"]
    known = [(each, owner.name) for each, owner in manager.commands().provided]
    assert known == [(command, record.name)]
    assert [each for each, _ in manager.probes(context()).provided] == [probe]
    assert [each for each, _ in manager.metric_sources(context()).provided] == [source]
    assert extends.contexts[0].configuration == {"colour": "blue"}


class NoExamine:
    """A probe without its method."""

    name = "blind"
    connects = True


class SyncProbe(Looks):
    """A probe that is not asynchronous."""

    def examine(self) -> Sequence[ProbeFinding]:  # type: ignore[override]  # that is its fault
        """Find nothing, at once."""
        return []


class Unreadable:
    """An object that cannot even be looked at."""

    @property
    def name(self) -> str:
        """Raise."""
        raise RuntimeError("no name today")


@pytest.mark.parametrize(
    ("probes", "problem"),
    [
        (raising(ValueError("no key")), "ValueError: no key"),
        (raising(SystemExit(3)), "SystemExit: 3"),
        (lambda: None, "returned NoneType, not a sequence"),
        (lambda: [NoExamine()], "NoExamine is no Probe: it has no method examine"),
        (lambda: [SyncProbe()], "SyncProbe is no Probe: examine must be async"),
        (lambda: [Looks], "Looks is a class; provide an instance"),
        (lambda: [Unreadable()], "RuntimeError: no name today"),
    ],
)
def test_what_does_not_fit_is_passed_over_and_told(probes: Callable[[], Any], problem: str) -> None:
    """A tool goes on with what the others brought: one broken plugin costs only itself."""
    offered = managed(Extends("bad", probes=probes), Extends("good", probes=lambda: [Looks()])).probes(
        context()
    )

    assert [probe.name for probe, _ in offered.provided] == ["looks"]
    (skipped,) = offered.skipped
    assert (skipped.record.name, skipped.hook) == ("bad", "fairlead_probes")
    assert problem in skipped.reason


def test_only_the_misfit_of_a_plugin_is_passed_over() -> None:
    """Its other objects are used."""
    offered = managed(Extends("half", probes=lambda: [Looks("one"), NoExamine(), Looks("two")])).probes(
        context()
    )

    assert [probe.name for probe, _ in offered.provided] == ["one", "two"]
    assert len(offered.skipped) == 1


def test_a_name_that_two_want_is_given_to_neither() -> None:
    """Nobody could tell which is meant; installing one more plugin must not take a command over."""
    one = Extends("one", commands=lambda: [PluginCommand("fees", "Fees.", "a")])
    two = Extends(
        "two", commands=lambda: [PluginCommand("fees", "Fees.", "b"), PluginCommand("other", "X.", "b")]
    )

    offered = managed(one, two).commands()

    assert [command.name for command, _ in offered.provided] == ["other"]
    assert [(each.record.name, each.reason) for each in offered.skipped] == [
        ("one", "the name 'fees' is given more than once"),
        ("two", "the name 'fees' is given more than once"),
    ]


def test_the_kernel_does_not_stop_for_a_broken_extension() -> None:
    """A provide hook of the same plugin is asked as if nothing were wrong."""
    manager = managed(Extends("bad", probes=raising(ValueError("x")), commands=raising(ValueError("x"))))

    assert manager.price_sources(context()) == ()
    assert manager.components(context()) == ()


@pytest.mark.parametrize(
    "make",
    [
        lambda: PluginCommand("two words", "About.", "module"),
        lambda: PluginCommand("name", "", "module"),
        lambda: PluginCommand("name", "About.", "\n"),
        lambda: Metric("Calls", MetricKind.GAUGE, "calls"),
        lambda: Metric("calls", MetricKind.GAUGE, "calls"),
        lambda: Metric("my__calls", MetricKind.GAUGE, "calls"),
        lambda: Metric("my_calls", MetricKind.GAUGE, "two\nlines"),
    ],
)
def test_a_declaration_that_cannot_be_shown_is_refused(make: Callable[[], object]) -> None:
    """What a help or an exporter prints has a shape that it can print."""
    with pytest.raises(TextRefused):
        make()


class Source:
    """A price source, or a part of one."""

    name = "mine"

    async def run(self, feed: object) -> None:
        """Bring nothing."""


class Part:
    """A component, or a part of one."""

    name = "panel"
    after = ()

    async def start(self, kernel: object) -> None:
        """Start."""

    async def run(self) -> None:
        """Run."""

    async def stop(self) -> None:
        """Stop."""


class SyncRun(Source):
    """A price source that cannot be awaited."""

    def run(self, feed: object) -> None:  # type: ignore[override]  # that is its fault
        """Return at once."""


class WithoutStop:
    """A component that cannot be stopped."""

    name = "panel"
    after = ()
    start = Part.start
    run = Part.run


class Provides:
    """A plugin that provides sources and components."""

    name = "parts"

    def __init__(self, sources: Sequence[object], parts: Sequence[object]) -> None:
        self.sources = sources
        self.parts = parts

    @hookimpl
    def fairlead_price_sources(self) -> Sequence[Any]:
        """Provide the sources."""
        return self.sources

    @hookimpl
    def fairlead_components(self) -> Sequence[Any]:
        """Provide the components."""
        return self.parts


def test_price_sources_and_components_are_provided() -> None:
    """What fits its port comes through."""
    source, part = Source(), Part()
    manager = managed(Provides([source], [part]))

    assert manager.price_sources(context()) == (source,)
    assert manager.components(context()) == (part,)


@pytest.mark.parametrize(
    ("sources", "parts", "problem"),
    [
        ([SyncRun()], [], "hook fairlead_price_sources: SyncRun is no PriceSource: run must be async"),
        ([object()], [], "object is no PriceSource: it has no name"),
        ([Source(), Source()], [], "the name 'mine' is taken already by plugin 'parts'"),
        (
            [],
            [WithoutStop()],
            "hook fairlead_components: WithoutStop is no KernelComponent: it has no method stop",
        ),
        ([], [Part(), Part()], "the name 'panel' is taken already by plugin 'parts'"),
    ],
)
def test_a_source_or_component_that_does_not_fit_stops_the_start(
    sources: Sequence[object], parts: Sequence[object], problem: str
) -> None:
    """It was configured, so a kernel without it would not be the one that was asked for."""
    manager = managed(Provides(sources, parts))

    with pytest.raises(ConfigurationRefused) as caught:
        (manager.price_sources if sources else manager.components)(context())

    assert problem in str(caught.value)
