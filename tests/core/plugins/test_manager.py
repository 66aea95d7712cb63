"""The manager: order, names, isolation, and that a missing plugin never means fewer checks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from fairlead.errors import ConfigurationRefused, PluginRefused
from fairlead.hookspecs import PluginContext, hookimpl
from fairlead.plugins.manager import PluginManager
from fairlead.plugins.records import PluginState
from tests.core.plugins.plugin_objects import Good, GoodCheck, GoodTwice, HostileName, NoHook, good_module


def context() -> PluginContext:
    """Return a context as a kernel makes it."""
    nowhere: Any = None
    return PluginContext("account", nowhere, nowhere, {}, logging.getLogger("test"))


class Provides:
    """Provides whatever the function returns."""

    version = "7"

    def __init__(self, answer: Callable[[], Any], name: str = "provider") -> None:
        self.answer = answer
        self.name = name

    @hookimpl
    def fairlead_risk_checks(self) -> Any:  # noqa: ANN401 - wrong answers are the point
        """Return the answer."""
        return self.answer()


def managed(*plugins: object) -> PluginManager:
    """Return a manager over these objects."""
    manager = PluginManager()
    for plugin in plugins:
        manager.add(plugin)
    return manager


def test_checks_come_in_configured_order() -> None:
    """Order is the configuration's, whatever pluggy's own order is."""
    names = ["zeta", "alpha", "mu", "beta"]

    checks = managed(*map(Good, names)).risk_checks(context())

    assert [check.name for check in checks] == [f"{name}-check" for name in names]


def test_two_implementations_of_one_plugin_are_both_asked() -> None:
    """A plugin may implement a hook twice."""
    assert {check.name for check in managed(GoodTwice()).risk_checks(context())} == {"first", "second"}


def test_each_plugin_gets_its_own_table() -> None:
    """A plugin sees its own configuration, a copy that it may spoil without anybody else noticing."""
    table = {"limit": {"total": 5}, "symbols": ["BTC/USDT"]}
    one, other = Good("one"), Good("other")
    manager = PluginManager(tables={"one": table})
    manager.add(one)
    manager.add(other)

    manager.risk_checks(context())
    given: Any = one.contexts[0].configuration
    given["limit"]["total"] = 6
    given["symbols"].append("ETH/USDT")
    manager.risk_checks(context())

    assert one.contexts[1].configuration == {"limit": {"total": 5}, "symbols": ["BTC/USDT"]}
    assert table == {"limit": {"total": 5}, "symbols": ["BTC/USDT"]}
    assert other.contexts[0].configuration == {}
    assert one.contexts[0].logger.name == "test.one"


def test_name_is_the_given_one_else_the_attribute_else_the_class() -> None:
    """Every plugin can be named in a configuration."""
    manager = PluginManager()
    manager.add(Good("attribute"), name="given")
    manager.add(Good("attribute"))
    manager.add(good_module(), name="module")
    nameless = Good()
    vars(nameless)["name"] = ""
    manager.add(nameless)

    assert [record.name for record in manager.records()] == ["given", "attribute", "module", "Good"]


def test_record_of_an_object_names_module_and_version() -> None:
    """What the journal and an error say about an object can be traced to its code."""
    (record,) = managed(Good()).records()

    assert (record.module, record.version) == (Good.__module__, "1.2.3")
    assert record.origin == f"plugin 'good' (object of {Good.__module__} 1.2.3)"
    assert managed(Good()).versions() == (("good", "1.2.3"),)


def test_two_objects_of_one_name_are_both_refused() -> None:
    """Nobody can tell which one is meant, so neither is used."""
    manager = managed(Good("same"), Good("other"), Good("same"))

    states = [(record.name, record.state) for record in manager.records()]
    assert states == [
        ("other", PluginState.ACTIVE),
        ("same", PluginState.REFUSED),
        ("same", PluginState.REFUSED),
    ]
    with pytest.raises(PluginRefused, match="another one has the same name") as caught:
        manager.risk_checks(context())
    assert str(caught.value).count("Plugin 'same'") == 2


def test_one_object_under_two_names_is_refused() -> None:
    """One registration stands; pluggy alone would raise here and end the start."""
    plugin = Good()
    manager = PluginManager()
    manager.add(plugin, name="one")
    manager.add(plugin, name="two")

    assert [record.reason for record in manager.records()] == ["", "is the same object as plugin 'one'"]


@pytest.mark.parametrize("name", ["two words", "../up", "zero\u200bwidth", "x" * 65])
def test_name_that_cannot_be_written_safely_is_refused(name: str) -> None:
    """Names are used in logs, paths and tables."""
    (record,) = managed(Good(name)).records()

    assert record.state is PluginState.REFUSED
    assert "name" in record.reason


def test_hostile_plugin_costs_only_itself() -> None:
    """A plugin whose very name raises is recorded, and the next one is served."""
    manager = managed(HostileName(), Good())

    assert [(record.name, record.state) for record in manager.records()] == [
        ("good", PluginState.ACTIVE),
        ("(unnamed)", PluginState.REFUSED),
    ]
    assert "could not be read: RuntimeError: no name today" in manager.records()[1].reason


def test_refused_plugin_stops_the_start_instead_of_shortening_the_checks() -> None:
    """No hook answers while a plugin that was asked for is not active; the error names all of them."""
    manager = managed(Good(), NoHook(), HostileName())

    for ask in (manager.risk_checks, manager.stores, manager.exchanges):
        with pytest.raises(PluginRefused) as caught:
            ask(context())
        assert "Plugin 'no-hook'" in str(caught.value)
        assert "Plugin '(unnamed)'" in str(caught.value)


def test_required_plugin_that_is_absent_is_named() -> None:
    """A host may demand plugins by name, also ones that nobody tried to load."""
    manager = managed(Good())

    manager.require(["good"])
    with pytest.raises(PluginRefused, match=r"'limits'.*is not installed"):
        manager.require(["good", "limits"])


def test_plugin_named_in_the_configuration_and_not_installed_is_told_with_what_is() -> None:
    """The error lists what is installed."""
    manager = PluginManager()
    manager.load(["no-such-plugin"])

    with pytest.raises(PluginRefused, match="is not installed; installed are: "):
        manager.risk_checks(context())


def test_name_twice_in_the_configuration_is_refused() -> None:
    """A list that names a plugin twice is a mistake, not a wish."""
    with pytest.raises(ConfigurationRefused, match="'paper' is named twice"):
        PluginManager().load(["paper", "other", "paper"])


def test_table_of_no_active_plugin_is_refused_with_the_nearest_name() -> None:
    """A mistyped table must not be ignored: its limits would silently not hold."""
    manager = PluginManager(tables={"goood": {"limit": 1}})
    manager.add(Good())

    with pytest.raises(ConfigurationRefused, match=r"plugins\.goood.*did you mean good\?"):
        manager.risk_checks(context())


def test_empty_selection_loads_nothing() -> None:
    """An empty list of names means none, not all."""
    manager = PluginManager()
    manager.load([])

    assert manager.records() == ()
    assert manager.risk_checks(context()) == ()


def raising(error: BaseException) -> Callable[[], Any]:
    """Return a function that raises."""

    def answer() -> Any:  # noqa: ANN401 - it never answers
        raise error

    return answer


class WithoutFold:
    """A check that lacks a method."""

    name = "w"
    version = "1"

    def initial(self) -> str:
        """Return nothing."""
        return ""

    def judge(self, request: object, view: object, value: object) -> None:
        """Answer nothing."""


class AsyncCheck(GoodCheck):
    """A check that wants to be awaited."""

    async def judge(self, *arguments: object) -> Any:  # type: ignore[override] # noqa: ANN401 - that is its fault
        """Answer later."""


class ShortCheck(GoodCheck):
    """A check of an older API: it takes no value."""

    def judge(self, request: object, view: object) -> Any:  # type: ignore[override] # noqa: ANN401 - its fault
        """Answer."""


def check_with(**attributes: object) -> GoodCheck:
    """Return a good check with some attributes replaced."""
    check = GoodCheck()
    vars(check).update(attributes)
    return check


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (raising(ValueError("no key")), "ValueError: no key"),
        (raising(SystemExit(3)), "SystemExit: 3"),
        (raising(ConfigurationRefused("plugins.x.y: unknown key.")), "plugins.x.y: unknown key"),
        (lambda: None, "returned NoneType, not a sequence"),
        (lambda: "checks", "returned str, not a sequence"),
        (lambda: {GoodCheck()}, "returned set, not a sequence"),
        (lambda: iter([GoodCheck()]), "returned list_iterator, not a sequence"),
        (lambda: [None], "NoneType is no RiskCheck: it has no name"),
        (lambda: [GoodCheck], "GoodCheck is a class; provide an instance"),
        (lambda: [WithoutFold()], "WithoutFold is no RiskCheck: it has no method fold"),
        (lambda: [AsyncCheck()], "AsyncCheck is no RiskCheck: judge must not be async"),
        (lambda: [ShortCheck()], "judge cannot be called as judge(request, view, value)"),
        (lambda: [check_with(name=5)], "its name is int, not str"),
        (lambda: [check_with(name="two words")], "GoodCheck is no RiskCheck: name: 'two words'"),
        (lambda: [check_with(version="")], "its version is not printable text"),
        (lambda: [GoodCheck(), GoodCheck()], "the name 'good' is taken already by plugin 'provider'"),
    ],
)
def test_wrong_answer_of_a_provide_hook_is_refused(answer: Callable[[], Any], problem: str) -> None:
    """Hook, plugin, module and version are named, and the cause is kept."""
    manager = managed(Provides(answer))

    with pytest.raises(PluginRefused) as caught:
        manager.risk_checks(context())

    text = str(caught.value)
    assert text.startswith(f"Plugin 'provider' (object of {__name__} 7), hook fairlead_risk_checks: ")
    assert problem in text


def test_interrupt_is_not_the_plugins_and_passes() -> None:
    """A user who stops the start is not a fault of the plugin that was running."""
    with pytest.raises(KeyboardInterrupt):
        managed(Provides(raising(KeyboardInterrupt()))).risk_checks(context())


def test_two_plugins_that_provide_one_name_are_refused() -> None:
    """A check's name keys its stored value, so it must be the only one."""
    manager = managed(
        Provides(lambda: [GoodCheck("same")], "one"), Provides(lambda: [GoodCheck("same")], "two")
    )

    with pytest.raises(
        PluginRefused, match=r"Plugin 'two'.*the name 'same' is taken already by plugin 'one'"
    ):
        manager.risk_checks(context())


def test_managers_share_nothing() -> None:
    """Two kernels in one process hold their own plugins."""
    one, other = managed(Good("one")), managed(Good("other"))

    assert [check.name for check in one.risk_checks(context())] == ["one-check"]
    assert [check.name for check in other.risk_checks(context())] == ["other-check"]
