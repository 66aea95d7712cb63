"""The command line: lazy commands, exit codes, and one line when the extra is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fairlead import __version__
from fairlead.cli import main as main_module
from fairlead.cli.exit_codes import ExitCode
from fairlead.cli.main import COMMANDS, main
from tests.core.cli.command_lines import fairlead


@pytest.mark.parametrize("package", ["typer", "rich"])
def test_missing_extra_is_one_line_that_says_what_to_install(package: str) -> None:
    """Nobody sees a traceback for a package that is optional."""
    result = fairlead("plugins", hidden=(package,))

    assert (result.returncode, result.stdout) == (ExitCode.MISSING_EXTRA, "")
    assert result.stderr == (
        f"The command line needs {package}, which is not installed: pip install 'fairlead[cli]'\n"
    )


def test_missing_module_of_our_own_is_not_mistaken_for_a_missing_extra() -> None:
    """A damaged installation shows itself."""
    result = fairlead("plugins", hidden=("fairlead.cli.application",))

    assert "ModuleNotFoundError" in result.stderr


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """The version is that of the distribution."""
    assert main(["--version"]) == ExitCode.OK
    assert capsys.readouterr().out == f"fairlead {__version__}\n"


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """No registered command is hidden."""
    assert main(["--help"]) == ExitCode.OK

    text = capsys.readouterr().out
    assert all(f"  {name} " in text for name in COMMANDS)


def test_no_arguments_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever does not know what to type is told; click decides on which stream."""
    main([])

    captured = capsys.readouterr()
    assert (captured.out + captured.err).startswith("Usage: fairlead")


def test_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """A typo is told, on stderr, with the command that is nearly called so; another name without one."""
    assert main(["plugin"]) == ExitCode.USAGE
    assert "No such command 'plugin'. Did you mean 'plugins'?" in capsys.readouterr().err
    assert main(["xyzzy"]) == ExitCode.USAGE
    assert capsys.readouterr().err.endswith("No such command 'xyzzy'.\n")


COMMAND_MODULE = """
def add_to(app):
    import typer

    group = typer.Typer()

    @group.command("verify")
    def verify():
        from fairlead.errors import ConfigurationRefused
        raise ConfigurationRefused("The journal\\x1b is of another account.", fix="Name the right one.")

    @group.command("stop")
    def stop():
        raise KeyboardInterrupt

    app.add_typer(group, name="journal")
"""


@pytest.fixture
def journal_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Register a group of commands, as another module would."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "journal_commands_for_test.py").write_text(COMMAND_MODULE, encoding="utf-8")
    commands = {"plugins": "no_such_module", "journal": "journal_commands_for_test"}
    monkeypatch.setattr(main_module, "COMMANDS", commands)


@pytest.mark.usefixtures("journal_command")
def test_refusal_is_one_escaped_line_and_an_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """An error of ours says what and what to do; and other commands' modules are not imported."""
    assert main(["journal", "verify"]) == ExitCode.REFUSED

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "The journal\\x1b is of another account. Name the right one.\n"


@pytest.mark.usefixtures("journal_command")
def test_interrupt_has_its_exit_code() -> None:
    """A command stopped from the keyboard does not look like one that found something."""
    assert main(["journal", "stop"]) == ExitCode.INTERRUPTED


def test_page_lists_the_exit_codes() -> None:
    """docs/reference/command-line.md has exactly the exit codes of the code."""
    page = (Path(__file__).parents[3] / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| `([A-Z_]+)` \|", page, re.MULTILINE)

    assert [(int(code), name) for code, name in rows] == [(code.value, code.name) for code in ExitCode]
