"""`fairlead plugins` shows every plugin, why one is refused, and exits as documented."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairlead.cli.exit_codes import ExitCode
from tests.core.cli.command_lines import fairlead
from tests.core.plugins.installed_distributions import GOOD, declare, install


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with one good plugin."""
    install(tmp_path, "dist-a", declare("alpha", "alpha_module"), {"alpha_module": GOOD}, editable=True)
    return tmp_path


@pytest.fixture
def folder_with_broken(folder: Path) -> Path:
    """Return a folder with a good plugin and one whose error text would play tricks on a terminal."""
    text = "raise RuntimeError('[red]no\\x1b[2Jkey[/red]')"
    install(folder, "dist-b", declare("beta", "beta_module"), {"beta_module": text})
    return folder


def test_table_for_people(folder: Path) -> None:
    """Name, distribution, version, API, state, order and hooks are in the table."""
    result = fairlead("plugins", folder=folder)

    assert (result.returncode, result.stderr) == (ExitCode.OK, "")
    header, row = [line.split() for line in result.stdout.splitlines() if line.strip()][::2]
    assert header == ["name", "distribution", "version", "API", "state", "order", "kinds", "hooks"]
    assert row == ["alpha", "dist-a", "1.0", "(editable)", "1.0", "active", "1", "provide", "stores"]


def test_no_plugin_at_all(tmp_path: Path) -> None:
    """The core alone has a working command."""
    assert fairlead("plugins", "--check", folder=tmp_path).stdout == "No plugin is installed.\n"
    empty = fairlead("plugins", "--json", "--check", folder=tmp_path)

    document = {"api": "1.0", "group": "fairlead.plugins.v1", "plugins": [], "skipped": []}
    assert json.loads(empty.stdout) == document
    assert empty.returncode == ExitCode.OK


def test_document_for_programs(folder: Path) -> None:
    """One JSON document with sorted keys, and every field of a record."""
    result = fairlead("plugins", "--json", folder=folder)

    (plugin,) = json.loads(result.stdout)["plugins"]
    assert plugin == {
        "distribution": "dist-a",
        "editable": True,
        "hooks": ["fairlead_stores"],
        "kinds": ["provide"],
        "module": "alpha_module",
        "name": "alpha",
        "order": 1,
        "reason": "",
        "requires_api": "1.0",
        "state": "active",
        "version": "1.0",
    }
    assert list(plugin) == sorted(plugin)


@pytest.mark.parametrize(
    ("options", "code"), [((), ExitCode.OK), (("--check",), ExitCode.FOUND_WRONG), (("--json",), ExitCode.OK)]
)
def test_refused_plugin_is_shown_with_its_reason(
    folder_with_broken: Path, options: tuple[str, ...], code: ExitCode
) -> None:
    """Without --check it is a list; with it, a refused plugin is an exit code of its own."""
    result = fairlead("plugins", *options, folder=folder_with_broken)

    assert result.returncode == code
    assert "dist-b" in result.stdout
    assert "cannot be imported: RuntimeError" in result.stdout
    assert "active" in result.stdout


def test_text_of_a_plugin_is_printed_literally(folder_with_broken: Path) -> None:
    """Markup stays text and control characters become escapes, for people and for programs."""
    for options in ((), ("--json",)):
        result = fairlead("plugins", *options, folder=folder_with_broken)
        assert "\x1b" not in result.stdout
        assert "[red]no" in result.stdout
        assert "[2Jkey[/red]" in result.stdout


ALL_KINDS = """
from fairlead.hookspecs import hookimpl

requires_api = "1.0"

@hookimpl
def fairlead_price_sources(): return []

@hookimpl
def fairlead_components(): return []

@hookimpl
def fairlead_fill(event): pass

@hookimpl
def fairlead_probes(context): return []

@hookimpl
def fairlead_metrics(): return []

@hookimpl
def fairlead_commands(): return [None]
"""


def test_all_kinds_of_hook_are_shown_and_a_broken_extension_is_told(tmp_path: Path) -> None:
    """A plugin with hooks of every kind is active; its broken command is passed over, with the reason."""
    install(tmp_path, "dist-a", declare("alpha", "alpha_module"), {"alpha_module": ALL_KINDS})

    people = fairlead("plugins", "--check", folder=tmp_path)
    document = json.loads(fairlead("plugins", "--json", folder=tmp_path).stdout)

    assert people.returncode == ExitCode.FOUND_WRONG
    assert "provide, observe, extend" in people.stdout
    reason = "NoneType is no PluginCommand"
    assert f"Passed over: plugin 'alpha' (dist-a 1.0), hook fairlead_commands: {reason}.\n" in people.stdout
    assert document["skipped"] == [{"name": "alpha", "hook": "fairlead_commands", "reason": reason}]
    assert document["plugins"][0]["kinds"] == ["provide", "observe", "extend"]
    assert document["plugins"][0]["state"] == "active"


def test_unknown_option_is_a_usage_error(folder: Path) -> None:
    """Usage errors have their own exit code and go to stderr."""
    result = fairlead("plugins", "--nope", folder=folder)

    assert (result.returncode, result.stdout) == (ExitCode.USAGE, "")
    assert "--nope" in result.stderr
