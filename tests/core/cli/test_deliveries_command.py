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


def dead_letter(options: Options) -> dict[str, str]:
    """Return the one dead letter of the store."""
    _, text, _ = run_command("deliveries", "list", *options, "--state", "dead", "--json")
    (row,) = json.loads(text)["deliveries"]
    found: dict[str, str] = row
    return found


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (("--kind", "order_filled"), 1),
        (("--kind", "order_accepted"), 0),
        (("--since", "2020-01-01"), 1),
        (("--until", "2020-01-01"), 0),
        (("--since", "2200-01-01"), 0),
        (("--last", "1"), 1),
    ],
)
def test_a_list_is_of_a_kind_and_a_time(refused: Options, wanted: Options, found: int) -> None:
    """Kind and time narrow the list, too."""
    code, text, _ = run_command("deliveries", "list", *refused, "--state", "dead", *wanted, "--json")
    assert code == ExitCode.OK
    assert len(json.loads(text)["deliveries"]) == found


def test_a_list_is_about_an_order(refused: Options) -> None:
    """The whole id of an order narrows the list to what is about it."""
    letter = dead_letter(refused)
    for subject, found in ((letter["subject"], 1), (letter["subject"][:-1], 0)):
        _, text, _ = run_command(
            "deliveries", "list", *refused, "--state", "dead", "--subject", subject, "--json"
        )
        assert len(json.loads(text)["deliveries"]) == found


def test_an_event_shows_what_it_says_and_how_far_each_was_told(refused: Options) -> None:
    """The record, the fate at each notifier, and the word that has a dead letter tried again."""
    letter = dead_letter(refused)
    code, shown, _ = run_command("deliveries", "show", letter["event_id"], *refused)
    assert code == ExitCode.OK
    assert shown.startswith(f"{letter['event_id']}: order_filled of {letter['subject']}, record ")
    assert "  price: 100" in shown
    assert "dead letter: tried no more" in shown
    assert "passed: told at once" in shown
    assert f"fairlead deliveries replay picky {letter['event_id']} --socket PATH" in shown
    assert "\x1b" not in shown
    code, text, _ = run_command("deliveries", "show", letter["event_id"], *refused, "--json")
    told = json.loads(text)["event"]
    assert (code, told["record"]["price"], told["subject"]) == (ExitCode.OK, "100", letter["subject"])
    assert {fate["notifier"]: fate["state"] for fate in told["fates"]} == {"picky": "dead", "other": "passed"}


def test_an_event_about_a_position_shows_without_a_row(refused: Options) -> None:
    """A second fact of a record has an id of its own, and no row when it went at once."""
    event = f"{dead_letter(refused)['event_id']}-position"
    code, text, _ = run_command("deliveries", "show", event, *refused, "--json")
    assert code == ExitCode.OK
    assert {fate["notifier"] for fate in json.loads(text)["event"]["fates"]} == {"picky", "other"}
    _, shown, _ = run_command("deliveries", "show", event, *refused)
    assert "and what it did to the position" in shown


def test_without_notifiers_an_event_still_shows(nothing_owed: Options) -> None:
    """The record is there whether anybody was told or not."""
    _, text, _ = run_command("orders", *nothing_owed, "--json")
    assert json.loads(text)["orders"]
    tag = tag_of(nothing_owed)
    code, shown, _ = run_command("deliveries", "show", f"{tag}-3", *nothing_owed)
    assert code == ExitCode.OK
    assert "There are no notifiers." in shown


def tag_of(options: Options) -> str:
    """Return what the ids of the store's events begin with."""
    _, text, _ = run_command("orders", *options, "--json")
    return str(json.loads(text)["orders"][0]["client_order_id"])[:8]


@pytest.mark.parametrize("event", ["9f86d081-1000000", "nonsense", "17"])
def test_an_event_that_never_was_is_refused_with_where_ids_are(refused: Options, event: str) -> None:
    """Exit code 3, and where ids are found."""
    code, _, said = run_command("deliveries", "show", event, *refused)
    assert code == ExitCode.REFUSED
    assert "is not known" in said
    assert "fairlead deliveries list" in said


def test_a_replay_is_of_events_or_of_a_time(tmp_path: Path) -> None:
    """Both at once could only be a mistake; so is a time that is none."""
    where = ("--socket", str(tmp_path / "none.sock"), "--note", "test", "--yes")
    both = run_command("deliveries", "replay", "picky", "x-1", "--since", "2026-01-01", *where)
    assert (both[0], "and not both" in both[2]) == (ExitCode.USAGE, True)
    odd = run_command("deliveries", "replay", "picky", "--since", "yesterday", *where)
    assert (odd[0], "write it like" in odd[2]) == (ExitCode.USAGE, True)
    good = run_command("deliveries", "replay", "picky", "--since", "2026-01-01", *where)
    assert (good[0], "No kernel answers" in good[2]) == (ExitCode.REFUSED, True)
