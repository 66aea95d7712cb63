"""Installed plugins: found by metadata, loaded by name only, and one broken one never hurts another."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.plugins.installed_distributions import GOOD, declare, install, records_after

LOUD = "print('imported'); raise AssertionError('nobody asked for this module')"

# Name of the plugin -> its target, the module it lies in, and why it is refused.
BROKEN = {
    "no-module": ("no_such_module", {}, "cannot be imported: ModuleNotFoundError: No module named"),
    "no-attribute": ("bare:plugin", {"bare": ""}, "cannot be imported: AttributeError"),
    "raises": ("raiser", {"raiser": "raise RuntimeError('no key')"}, "cannot be imported: RuntimeError"),
    "exits": ("exiter", {"exiter": "import sys; sys.exit(3)"}, "cannot be imported: SystemExit: 3"),
    "syntax": ("unparsable", {"unparsable": "def ("}, "cannot be imported: SyntaxError"),
    "no-api": ("silent", {"silent": GOOD.replace("requires_api", "other")}, "does not say which plugin API"),
    "newer-api": ("newer", {"newer": GOOD.replace("1.0", "1.9")}, "needs plugin API 1.9"),
    "mistaken": ("mistaken_", {"mistaken_": GOOD.replace("()", "(a=1)")}, "must not have a default"),
    "no-hook": ("hookless", {"hookless": 'requires_api = "1.0"'}, "implements no hook"),
    "two words": ("spaced", {"spaced": GOOD}, "has a shape that is not taken"),
}


def added_object(name: str) -> tuple[str, ...]:
    """Return the steps that give the manager an object of this name."""
    return (
        "from types import SimpleNamespace",
        "from fairlead.hookspecs import hookimpl",
        f"manager.add(SimpleNamespace(name={name!r}, fairlead_stores=hookimpl(lambda: [])))",
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two good plugins, and one that fails loudly when it is imported."""
    install(tmp_path, "dist-b", declare("beta", "beta_module"), {"beta_module": GOOD}, version="2.1")
    install(tmp_path, "dist-a", declare("alpha", "alpha_module"), {"alpha_module": GOOD}, editable=True)
    install(tmp_path, "dist-loud", declare("loud", "loud_module"), {"loud_module": LOUD})
    return tmp_path


def test_plugins_are_loaded_by_name_in_the_given_order(folder: Path) -> None:
    """Only what is named is imported, and in the order in which it is named."""
    records = records_after(folder, "manager.load(['beta', 'alpha'])")

    assert list(records) == ["beta", "alpha"]
    assert records["beta"] == {
        "name": "beta",
        "state": "active",
        "reason": "",
        "distribution": "dist-b",
        "version": "2.1",
        "module": "beta_module",
        "order": 1,
        "hooks": ["fairlead_stores"],
        "requires_api": "1.0",
        "editable": False,
    }
    assert (records["alpha"]["order"], records["alpha"]["editable"]) == (2, True)


def test_nothing_is_imported_to_list_what_is_installed(folder: Path) -> None:
    """Facts come from metadata; an empty list of names loads none."""
    records = records_after(folder, "manager.load([])", "manager.list_installed()")

    assert {name: record["state"] for name, record in records.items()} == {
        "alpha": "installed",
        "beta": "installed",
        "loud": "installed",
    }


def test_autoload_loads_the_rest_by_name_and_leaves_out_the_disabled(folder: Path) -> None:
    """Named ones come first, then all others by name; a disabled one is not imported."""
    steps = ("manager.load(['beta'])", "manager.autoload(disabled=['loud'])", "manager.require()")

    records = records_after(folder, *steps)

    assert {name: (record["state"], record["order"]) for name, record in records.items()} == {
        "beta": ("active", 1),
        "alpha": ("active", 2),
        "loud": ("disabled", 0),
    }


def test_object_takes_the_place_of_the_installed_plugin_of_its_name(folder: Path) -> None:
    """Autoload passes over a name that the host has given an object for."""
    records = records_after(folder, *added_object("loud"), "manager.autoload()")

    assert (records["loud"]["state"], records["loud"]["distribution"]) == ("active", "")
    assert list(records) == ["loud", "alpha", "beta"]


@pytest.mark.parametrize("name", BROKEN)
def test_broken_plugin_does_not_hurt_the_others(folder: Path, name: str) -> None:
    """It is refused with its reason, its distribution is named, and the good ones around it are served."""
    target, modules, reason = BROKEN[name]
    install(folder, "dist-broken", declare(name, target), modules)

    records = records_after(folder, f"manager.load(['alpha', {name!r}, 'beta'])")

    assert records[name]["state"] == "refused"
    assert reason in records[name]["reason"]
    assert records[name]["distribution"] == "dist-broken"
    assert (records["alpha"]["order"], records["beta"]["order"]) == (1, 2)


def test_autoloaded_broken_plugin_does_not_stop_a_start(folder: Path) -> None:
    """Nobody asked for it by name, so it is listed and the start goes on."""
    records = records_after(folder, "manager.autoload()", "manager.require()")

    assert records["loud"]["state"] == "refused"
    assert [records[name]["state"] for name in ("alpha", "beta")] == ["active", "active"]


def test_name_of_two_distributions_is_refused_in_both(folder: Path) -> None:
    """Neither is imported, and the reason names both."""
    install(folder, "dist-rival", declare("alpha", "loud_module"), version="9")

    records = records_after(folder, "manager.load(['beta', 'alpha'])")

    assert list(records) == ["beta", "alpha", "alpha of dist-rival"]
    for name in ("alpha", "alpha of dist-rival"):
        assert records[name]["state"] == "refused"
        assert "dist-a 1.0 and dist-rival 9" in records[name]["reason"]
    assert records["beta"]["state"] == "active"


def test_name_of_an_object_and_a_distribution_is_refused_in_both(folder: Path) -> None:
    """A configuration that gives an object and loads a plugin of the same name is ambiguous."""
    records = records_after(folder, *added_object("alpha"), "manager.load(['alpha', 'beta'])")

    assert {record["state"] for name, record in records.items() if name.startswith("alpha")} == {"refused"}
    assert "dist-a 1.0" in records["alpha"]["reason"]
    assert records["beta"]["order"] == 1


def test_two_names_for_one_module_register_it_once(folder: Path) -> None:
    """Pluggy raises here; the second name is refused and says which the first was."""
    install(folder, "dist-double", declare("double", "alpha_module"))

    records = records_after(folder, "manager.load(['alpha', 'double'])")

    assert records["alpha"]["state"] == "active"
    assert records["double"]["reason"] == "is the same object as plugin 'alpha'"


@pytest.mark.parametrize("group", ["fairlead.plugins.v0", "fairlead.plugins.v2"])
def test_plugin_of_another_api_is_listed_and_never_imported(folder: Path, group: str) -> None:
    """A user learns that the plugin is there and why it is not used."""
    install(folder, "dist-old", declare("old", "loud_module", group))

    loaded = records_after(folder, "manager.load(['old'])")
    listed = records_after(folder, "manager.autoload(disabled=['loud'])")

    reason = f"is of plugin group {group}; this Fairlead loads fairlead.plugins.v1"
    assert (loaded["old"]["state"], loaded["old"]["reason"]) == ("refused", reason)
    assert (listed["old"]["state"], listed["old"]["reason"]) == ("refused", reason)


@pytest.mark.parametrize(
    "entry_points", ["[fairlead.plugins.v1]\nno equals sign\n", "[fairlead.plugins.v1]\n= =\n"]
)
def test_unreadable_metadata_of_one_distribution_hides_no_other(folder: Path, entry_points: str) -> None:
    """A damaged distribution is passed over."""
    install(folder, "dist-damaged", entry_points)
    (install(folder, "dist-headless", declare("headless", "x")) / "METADATA").unlink()

    records = records_after(folder, "manager.load(['alpha'])")

    assert records["alpha"]["state"] == "active"


def test_metadata_is_scanned_once(folder: Path) -> None:
    """Every manager of a process shares one scan."""
    steps = (
        "from fairlead.plugins.discovery import installed",
        "import shutil; first = installed(); shutil.rmtree(folder)",
        "assert installed() is first and [p.name for p in first] == ['alpha', 'beta', 'loud']",
        "installed.cache_clear(); assert installed() == ()",
    )

    assert records_after(folder, *steps) == {}
