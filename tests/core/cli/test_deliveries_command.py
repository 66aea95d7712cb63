"""`deliveries list` and `deliveries notifiers`, over a store that a real kernel with notifiers wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.cli.exit_codes import ExitCode
from fairlead.ports.notices import DELIVERED, DeliveryOutcome, DeliveryVerdict, Notice
from fairlead.testing.memory_store import MemoryDisk
from fairlead.testing.scripted_notifier import ScriptedNotifier
from tests.core.cli.memory_reader import PLUGIN, run_command, shelved
from tests.core.kernel.bench import Bench, on_bench

Options = tuple[str, ...]


async def refuse_fills(notice: Notice, _attempt: int) -> DeliveryOutcome:
    """Refuse each fill for good, with a detail that would move a terminal's cursor."""
    if notice.kind == "order_filled":
        return DeliveryOutcome(DeliveryVerdict.NEVER, "no\x1b[2Jthanks")
    return DELIVERED


async def main_story(bench: Bench) -> None:
    """Have one order filled, and everybody told or refused."""
    await bench.hold("2", "100")
    await bench.pass_ms(3_000)


def stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *notifiers: ScriptedNotifier
) -> Iterator[Options]:
    """Yield the options that name a store which a kernel with these notifiers wrote."""
    disk = MemoryDisk()
    on_bench(main_story, disk=disk, notifiers=notifiers)
    with shelved(disk, tmp_path, monkeypatch) as path:
        yield ("--store", str(path), "--store-plugin", PLUGIN)


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Options]:
    """Return a store in which one notifier refused the fill and the other was told everything."""
    notifiers = (ScriptedNotifier("picky", script=refuse_fills), ScriptedNotifier("other"))
    yield from stored(tmp_path, monkeypatch, *notifiers)


@pytest.fixture
def nothing_owed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Options]:
    """Return a store without any notifier."""
    yield from stored(tmp_path, monkeypatch)


def test_a_dead_letter_is_listed_for_people_and_for_programs(refused: Options) -> None:
    """Both forms name the notifier, the event and why; no byte of the detail reaches the terminal raw."""
    code, shown, _ = run_command("deliveries", "list", *refused)
    assert code == ExitCode.OK
    assert "picky" in shown
    assert "\x1b" not in shown
    code, text, _ = run_command("deliveries", "list", *refused, "--json")
    assert code == ExitCode.OK
    assert "\x1b" not in text
    (row,) = [row for row in json.loads(text)["deliveries"] if row["state"] == "dead"]
    assert (row["notifier"], row["kind"], row["attempts"]) == ("picky", "order_filled", 1)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (("--state", "dead"), 1),
        (("--notifier", "picky", "--state", "dead"), 1),
        (("--notifier", "other"), 0),
        (("--state", "pending"), 0),
    ],
)
def test_a_list_is_of_what_was_asked_for(refused: Options, wanted: Options, found: int) -> None:
    """Each filter leaves out what does not fit it, and both hold together."""
    code, text, _ = run_command("deliveries", "list", *refused, *wanted, "--json")
    assert code == ExitCode.OK
    assert len(json.loads(text)["deliveries"]) == found


def test_notifiers_are_listed_with_how_far_they_were_told(refused: Options) -> None:
    """Every notifier that was ever told has a line, in both forms."""
    code, shown, _ = run_command("deliveries", "notifiers", *refused)
    assert code == ExitCode.OK
    assert "picky" in shown
    assert "other" in shown
    _, text, _ = run_command("deliveries", "notifiers", *refused, "--json")
    rows = {row["name"]: row for row in json.loads(text)["notifiers"]}
    assert set(rows) == {"picky", "other"}
    assert not any(row["disabled"] for row in rows.values())
    assert min(row["mark"] for row in rows.values()) > 0


def test_nothing_to_list_is_said_and_is_no_error(nothing_owed: Options) -> None:
    """A sentence for people, an empty list for programs, exit code 0."""
    for command, key, said in (
        ("list", "deliveries", "No deliveries"),
        ("notifiers", "notifiers", "No notifiers"),
    ):
        code, shown, _ = run_command("deliveries", command, *nothing_owed)
        assert code == ExitCode.OK
        assert said in shown
        code, text, _ = run_command("deliveries", command, *nothing_owed, "--json")
        assert (code, json.loads(text)) == (ExitCode.OK, {key: []})


@pytest.mark.parametrize("action", ["replay", "discard", "enable", "disable"])
def test_what_changes_something_needs_a_running_kernel(action: str, tmp_path: Path) -> None:
    """Without one at the socket nothing is done, and the exit code says so."""
    events = ("some-1",) if action == "discard" else ()
    where = ("--socket", str(tmp_path / "none.sock"), "--note", "test", "--yes")
    code, _, said = run_command("deliveries", action, "picky", *events, *where)
    assert code == ExitCode.REFUSED, said
