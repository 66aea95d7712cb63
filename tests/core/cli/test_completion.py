"""Shell completion: what a shell is told to install, and what it is offered."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = "import sys; from fairlead.cli.main import main; sys.exit(main())"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_shown_for_each_shell(shell: str) -> None:
    """The script completes `fairlead`, by asking the tool itself."""
    shown = subprocess.run(
        [sys.executable, "-c", PROGRAM, "--show-completion", shell],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
    ).stdout
    assert "_FAIRLEAD_COMPLETE" in shown


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("fairlead jour", {"journal"}), ("fairlead journal ", {"verify", "replay", "export"})],
)
def test_commands_are_offered(typed: str, offered: set[str]) -> None:
    """What was begun is completed, and a group offers its commands, though they are imported late."""
    words = typed.split(" ")
    environment = {
        **os.environ,
        "_FAIRLEAD_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(words) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, env=environment
    )
    assert offered <= set(done.stdout.split())
