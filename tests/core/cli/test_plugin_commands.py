"""Commands by plugins: listed, loaded when they run, and passed over when they are broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead.cli.exit_codes import ExitCode
from tests.core.cli.command_lines import fairlead
from tests.core.plugins.installed_distributions import declare, install

PLUGIN = """
from fairlead.hookspecs import hookimpl
from fairlead.ports.tools import PluginCommand

requires_api = "1.0"

@hookimpl
def fairlead_commands():
    return [{commands}]
"""

FEES = """
print("the module was imported")

def add_to(app):
    import typer
    group = typer.Typer()

    @group.command("show")
    def show(symbol: str) -> None:
        "Show the fees of a symbol."
        typer.echo(f"fees of {symbol}")

    @group.command("sum")
    def sum_() -> None:
        "Sum them up."

    app.add_typer(group, name="fees")
"""


def plugin(folder: Path, name: str, commands: str, **modules: str) -> None:
    """Install a plugin with these commands, and the modules beside it."""
    own = {f"{name}_module": PLUGIN.format(commands=commands), **modules}
    install(folder, f"dist-{name}", declare(name, f"{name}_module"), own)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a plugin that has the command `fees`."""
    plugin(tmp_path, "alpha", 'PluginCommand("fees", "Show the fees.", "fees_module")', fees_module=FEES)
    return tmp_path


def test_help_lists_it_without_importing_its_module(folder: Path) -> None:
    """The line of help is the plugin's; what the command needs is not loaded for it."""
    result = fairlead("--help", folder=folder)

    assert (result.returncode, result.stderr) == (ExitCode.OK, "")
    assert "fees Show the fees." in " ".join(result.stdout.split())
    assert "imported" not in result.stdout


def test_it_runs_with_its_arguments(folder: Path) -> None:
    """A group of commands works as one of the tool's own does."""
    result = fairlead("fees", "show", "BTC/USDT", folder=folder)

    assert (result.returncode, result.stdout) == (ExitCode.OK, "the module was imported\nfees of BTC/USDT\n")
    assert "Sum them up." in fairlead("fees", "--help", folder=folder).stdout


def test_a_command_of_the_tool_loads_no_plugin(tmp_path: Path) -> None:
    """Plugins are asked only when the help lists them, or none of the tool's own commands is meant."""
    install(tmp_path, "dist-b", declare("beta", "beta_module"), {"beta_module": "print('imported')"})

    result = fairlead("orders", "--store", "nowhere", folder=tmp_path)

    assert result.returncode == ExitCode.REFUSED
    assert "imported" not in result.stdout


@pytest.mark.parametrize(
    ("commands", "passed_over"),
    [
        ('PluginCommand("orders", "Mine.", "x")', "orders is a command of the tool itself"),
        ("1 / 0", "hook fairlead_commands: ZeroDivisionError: division by zero"),
        ('"orders"', "hook fairlead_commands: str is no PluginCommand"),
        ('PluginCommand("two words", "Mine.", "x")', "two words"),
    ],
)
def test_what_is_broken_is_told_and_passed_over(folder: Path, commands: str, passed_over: str) -> None:
    """The help shows everything else; the tool's own commands are never replaced."""
    plugin(folder, "beta", commands)

    result = fairlead("--help", folder=folder)

    assert result.returncode == ExitCode.OK
    assert "fees Show the fees." in " ".join(result.stdout.split())
    assert result.stderr.startswith("Passed over: plugin 'beta' (dist-beta 1.0)")
    assert passed_over in result.stderr


@pytest.mark.parametrize(
    ("module", "problem"),
    [
        ("raise RuntimeError('[red]no')", "RuntimeError: [red]no"),
        ("import sys; sys.exit(7)", "SystemExit: 7"),
        ("", "AttributeError"),
        ("def add_to(app): pass", "KeyError: 'bad'"),
    ],
)
def test_a_command_that_cannot_be_loaded_names_its_plugin(folder: Path, module: str, problem: str) -> None:
    """One line says whose it is and why; the exit code is that of a refusal."""
    plugin(folder, "beta", 'PluginCommand("bad", "Breaks.", "bad_module")', bad_module=module)

    result = fairlead("bad", folder=folder)

    assert (result.returncode, result.stdout) == (ExitCode.REFUSED, "")
    assert result.stderr.startswith("The command bad of plugin 'beta' (dist-beta 1.0) cannot be loaded: ")
    assert problem in result.stderr
    assert "bad Breaks." in " ".join(fairlead("--help", folder=folder).stdout.split())


def test_an_unknown_command_stays_a_usage_error(folder: Path) -> None:
    """Also with plugins there."""
    result = fairlead("fee", folder=folder)

    assert (result.returncode, result.stdout) == (ExitCode.USAGE, "")
