"""Every mistake that pluggy lets pass, or notices too late, is refused at registration with its reason.

The same texts are expected on the oldest and the newest pluggy that is supported.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fairlead.hookspecs import API_VERSION, HOOK_KINDS, HookKind
from fairlead.plugins import api_version, lint
from fairlead.plugins.manager import PluginManager
from fairlead.plugins.observers import OBSERVE_HOOKS
from fairlead.plugins.records import PluginState
from tests.core.plugins.plugin_objects import (
    MISTAKES,
    BadProperty,
    Good,
    GoodStatic,
    GoodTwice,
    GoodWithTomorrow,
    good_module,
)


def name_of(value: object) -> str:
    """Return how a case is called in the test's id."""
    return value.__name__ if isinstance(value, type) else type(value).__name__


@pytest.mark.parametrize(("plugin", "reason"), MISTAKES, ids=name_of)
def test_mistake_is_refused_with_its_reason(plugin: object, reason: str) -> None:
    """The record says why, nothing of the plugin stays registered, and the next plugin is served."""
    manager = PluginManager()

    manager.add(plugin, name="mistaken")
    manager.add(Good())

    good, mistaken = manager.records()
    assert (mistaken.state, mistaken.reason) == (PluginState.REFUSED, reason)
    assert mistaken.order == 0
    assert (good.name, good.state, good.order) == ("good", PluginState.ACTIVE, 1)


@pytest.mark.parametrize(
    "plugin",
    [Good(), GoodWithTomorrow(), GoodStatic(), GoodTwice(), BadProperty(), good_module()],
    ids=name_of,
)
def test_sound_plugin_passes(plugin: object) -> None:
    """Optional hooks, static ones, several of one hook, properties that raise, and modules are fine."""
    assert lint.complaints(plugin, lint.specifications()) == []
    manager = PluginManager()

    manager.add(plugin)

    (record,) = manager.records()
    assert (record.state, record.hooks) == (PluginState.ACTIVE, ("fairlead_risk_checks",))


def test_all_complaints_are_told_at_once() -> None:
    """An author fixes a plugin in one round."""

    class Several:
        def fairlead_stores(self) -> list[object]:
            return []

        fairlead_exchanges = 5

    assert lint.complaints(Several(), lint.specifications()) == [
        "fairlead_exchanges: not marked with @hookimpl from fairlead.hookspecs",
        "fairlead_stores: not marked with @hookimpl from fairlead.hookspecs",
    ]


@pytest.mark.parametrize(
    ("required", "complaint"),
    [
        ("1.0", ""),
        ("1.2", ""),
        ("1.3", "needs plugin API 1.3; this Fairlead has 1.2, so upgrade fairlead"),
        ("0.9", "was written for plugin API 0; this Fairlead has API 1.2"),
        ("2.0", "was written for plugin API 2; this Fairlead has API 1.2"),
        ("1", "requires_api must be text such as \"1.2\", not '1'"),
        ("1.x", "requires_api must be text such as \"1.2\", not '1.x'"),
        (">=1.0", "requires_api must be text such as \"1.2\", not '>=1.0'"),
        ("1.0\n", "requires_api must be text such as \"1.2\", not '1.0\\n'"),
        ("", "requires_api must be text such as \"1.2\", not ''"),
        (1.0, 'requires_api must be text such as "1.2", not 1.0'),
    ],
)
def test_required_api(required: object, complaint: str) -> None:
    """A plugin runs on its own minor version and later ones; whatever cannot be read is refused."""
    assert api_version.complaint(required, mandatory=True, available="1.2") == complaint


def test_only_an_installed_plugin_must_declare_its_api() -> None:
    """An object in the bot's own code is written for the Fairlead beside it."""
    assert api_version.complaint(None, mandatory=False) == ""
    missing = api_version.complaint(None, mandatory=True)
    assert missing == (
        f'does not say which plugin API it needs; declare requires_api = "{API_VERSION}" beside the hooks'
    )


def test_object_that_declares_another_api_is_refused() -> None:
    """What an object declares is believed, too."""
    plugin = Good()
    vars(plugin)["requires_api"] = "9.0"
    manager = PluginManager()

    manager.add(plugin)

    assert manager.records()[0].reason == "was written for plugin API 9; this Fairlead has API 1.0"


def test_page_lists_every_hook() -> None:
    """docs/reference/plugins.md has exactly the hooks of the code."""
    page = (Path(__file__).parents[3] / "docs" / "reference" / "plugins.md").read_text(encoding="utf-8")

    rows = re.findall(r"^\| `(fairlead_\w+)` \|", page, re.MULTILINE)

    assert sorted(rows) == sorted(lint.specifications())


def test_every_hook_has_a_kind() -> None:
    """What becomes of a plugin that fails is decided for each hook, and the observe hooks are those told."""
    assert sorted(HOOK_KINDS) == sorted(lint.specifications())
    observing = {hook for hook, kind in HOOK_KINDS.items() if kind is HookKind.OBSERVE}
    assert observing == set(OBSERVE_HOOKS)
