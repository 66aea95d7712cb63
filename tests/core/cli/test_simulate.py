"""`fairlead simulate`: exit codes, the table, and one JSON object."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairlead.cli.exit_codes import ExitCode
from fairlead.cli.main import main
from tests.core.testing.toy_lives import FAILING

TOY = "tests.core.testing.toy_lives"


def test_sound_lives_exit_with_nothing_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The totals are printed, and what was lived is in the file."""
    done = tmp_path / "done.jsonl"
    arguments = ["simulate", f"{TOY}:life", "--seeds", "12", "--workers", "1", "--done", str(done)]
    assert main(arguments) == ExitCode.OK
    assert "12 seeds of" in capsys.readouterr().out
    assert main([*arguments, "--json"]) == ExitCode.OK
    told = json.loads(capsys.readouterr().out)
    assert (told["seeds"], told["failures"]) == (12, [])
    assert told["steps"] > 500


def test_a_failure_is_told_with_its_seed(capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code says that something is wrong, and the output which seed it was, and why."""
    code = main(["simulate", f"{TOY}:life_with_a_failure", "--seeds", "14", "--workers", "1"])
    assert code == ExitCode.FOUND_WRONG
    printed = capsys.readouterr().out
    assert f"seed {FAILING}:" in printed
    assert "the thirteenth" in printed


@pytest.mark.parametrize("life", ["nowhere:run", f"{TOY}:nothing", "no-colon"])
def test_a_function_that_is_not_there_is_refused_with_how_to_name_one(
    life: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is lived, and the message says what to pass."""
    assert main(["simulate", life]) == ExitCode.REFUSED
    assert "my_simulation:run" in capsys.readouterr().err
