"""`orders`, `positions`, `explain` and `journal verify`, over a store that a real kernel wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest
from msgspec.structs import replace

from fairlead import Proposal
from fairlead.cli import output
from fairlead.cli.exit_codes import ExitCode
from fairlead.cli.orders import order_lines
from fairlead.domain.numbers import ZERO
from fairlead.testing.memory_store import MemoryDisk
from fairlead.testing.scripted_exchange import loses_request
from tests.core.cli.memory_reader import PLUGIN, run_command, shelved
from tests.core.kernel.bench import BTC, Bench, on_bench


@attrs.frozen
class Story:
    """A store and the orders in it."""

    path: Path
    disk: MemoryDisk
    filled: str
    lost: str

    def options(self) -> tuple[str, ...]:
        """Return the options that name the store."""
        return ("--store", str(self.path), "--store-plugin", PLUGIN)


def write_store() -> tuple[MemoryDisk, str, str]:
    """Have a kernel fill one order in two parts, and lose the answer to another."""
    names: list[str] = []
    disk = MemoryDisk()

    async def main(bench: Bench) -> None:
        filled = await bench.working("buy", "2", "100")
        bench.exchange.trade(filled, "0.5", "100", fee="0.05")
        await bench.pass_ms()
        bench.exchange.trade(filled, "1.5", "99", fee="0.15")
        await bench.pass_ms()
        bench.exchange.will_submit(loses_request)
        lost = (await bench.execute("buy", "1", "90", symbol=BTC, key="the-lost-one")).client_order_id
        await bench.pass_ms(60_000)
        names.extend((filled, lost))

    on_bench(main, disk=disk)
    return disk, names[0], names[1]


@pytest.fixture
def story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Story]:
    """Return a store behind an installed plugin."""
    disk, filled, lost = write_store()
    with shelved(disk, tmp_path, monkeypatch) as path:
        yield Story(path, disk, filled, lost)


@pytest.mark.parametrize("command", ["orders", "positions"])
def test_lists_are_tables_for_people_and_one_document_for_programs(story: Story, command: str) -> None:
    """Both forms hold the same rows; decimals are text in JSON."""
    code, shown, _ = run_command(command, *story.options())
    assert code == ExitCode.OK
    code, text, _ = run_command(command, *story.options(), "--json")
    rows = json.loads(text)[command]
    assert code == ExitCode.OK
    assert BTC in shown
    if command == "orders":
        assert [row["client_order_id"] for row in rows] == [story.filled, story.lost]
        assert story.filled in shown
        assert rows[0]["filled_quantity"] == "2.0"
    else:
        assert rows[0]["quantity"] == "2.0"
        assert "99.25" in shown  # (0.5 x 100 + 1.5 x 99) / 2


def test_orders_stand_in_two_lines_each_where_the_terminal_is_narrow(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ending of the id and every figure; in JSON the whole id."""
    monkeypatch.setattr(output, "PIPED_WIDTH", 80)
    lines = run_command("orders", *story.options())[1].splitlines()
    assert lines == [
        f"…{story.filled[-8:]}  filled      buy 2 BTC/USDT limit 100  bot/bot",
        "  2026-01-01 00:00:00  filled at 99.25  fees 0.2",
        f"…{story.lost[-8:]}  not_placed  buy 1 BTC/USDT limit 90  bot/bot",
        "  2026-01-01 00:00:00  looked up after its fence (deadline): not there",
    ]
    rows = json.loads(run_command("orders", *story.options(), "--json")[1])["orders"]
    assert rows[1]["client_order_id"] == story.lost


def test_the_two_lines_of_an_order_fit_with_the_figures_of_a_real_venue() -> None:
    """A partial fill with eight decimals fits 80 columns; a denial has its code; why is cut off."""
    row: dict[str, Any] = {
        "client_order_id": "9f86d0810197a1b2c3d0123456789abc",
        "state": "canceled",
        "owner": "demo",
        "book": "breakout",
        "side": "buy",
        "symbol": "BTC/USDT",
        "quantity": Decimal("0.05549409"),
        "limit_price": Decimal("105907.5"),
        "filled_quantity": Decimal("0.02312209"),
        "filled_value": Decimal("2448.85937"),
        "fees": Decimal("9.79543795"),
        "created_ns": 1_762_803_593_131_000_000,
        "denial_code": "",
        "detail": "canceled on request of the operator",
    }
    assert order_lines(row, 80) == (
        "…56789abc  canceled    buy 0.05549409 BTC/USDT limit 105907.5  demo/breakout",
        "  2025-11-10 19:39:53  filled 0.02312209 at 105909.94888438  fees 9.79543795  c…",
    )
    nothing = {"state": "denied", "filled_quantity": ZERO, "fees": ZERO, "denial_code": "LIMIT_REACHED"}
    denied = {**row, **nothing, "detail": "maximum_positions: one more would be the fourth of three"}
    assert (
        order_lines(denied, 80)[1]
        == "  2025-11-10 19:39:53  LIMIT_REACHED: maximum_positions: one more would be the…"
    )
    assert order_lines(row, 60)[1] == order_lines({**row, "detail": ""}, 80)[1]


def test_orders_stand_in_a_table_with_endings_where_only_whole_ids_do_not_fit(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line an order, but for a long reason, and no whole id; where there is room it is whole."""
    assert story.lost in run_command("orders", *story.options())[1]
    monkeypatch.setattr(output, "PIPED_WIDTH", 150)
    shown = run_command("orders", *story.options())[1]
    assert (f"…{story.lost[-8:]} " in shown, story.lost in shown) == (True, False)


def test_orders_can_be_narrowed(story: Story) -> None:
    """Only live ones, or only the newest."""
    code, text, _ = run_command("orders", *story.options(), "--last", "1", "--json")
    assert [row["client_order_id"] for row in json.loads(text)["orders"]] == [story.lost]
    code, text, _ = run_command("orders", *story.options(), "--live")
    assert (code, text) == (ExitCode.OK, "No orders.\n")


def test_positions_can_leave_flat_ones_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed position is shown as flat, or not at all."""
    disk = MemoryDisk()

    async def main(bench: Bench) -> None:
        await bench.hold("1", "100")
        name = await bench.working("sell", "1", "110")
        bench.exchange.trade(name, "1", "110")
        await bench.pass_ms()

    on_bench(main, disk=disk)
    with shelved(disk, tmp_path, monkeypatch) as path:
        options = ("--store", str(path), "--store-plugin", PLUGIN)
        assert "flat" in run_command("positions", *options)[1]
        assert run_command("positions", *options, "--open")[1] == "No positions.\n"


@pytest.fixture
def past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, ...]]:
    """Return the options of a store with a flip in it, and tags."""
    disk = MemoryDisk()

    async def main(bench: Bench) -> None:
        for side, quantity, tags in (("buy", "1", ["breakout"]), ("sell", "3", ["fade"])):
            proposal = Proposal(
                symbol=BTC, side=side, quantity=quantity, limit_price="100", tags=tags, note="a [red] note"
            )
            name = (await bench.bot.execute(proposal)).client_order_id
            bench.exchange.trade(name, quantity, "100", fee="0.3")
            await bench.pass_ms(1_000)

    on_bench(main, disk=disk)
    with shelved(disk, tmp_path, monkeypatch) as path:
        yield "--store", str(path), "--store-plugin", PLUGIN


@pytest.mark.requirement("P3-5")
def test_the_history_of_positions_is_listed(past: tuple[str, ...]) -> None:
    """Newest first, as a table and as a document with the ids of orders and fills; filters narrow it."""
    code, shown, _ = run_command("positions", *past, "--history")
    assert code == ExitCode.OK
    assert shown.index("short 2") < shown.index("long 1")
    assert "breakout; a [red] note" in shown
    code, text, _ = run_command("positions", *past, "--history", "--tag", "breakout", "--json")
    (episode,) = json.loads(text)["episodes"]
    assert (episode["number"], episode["fees"], len(episode["order_ids"])) == (1, "0.40000000", 2)
    assert len(json.loads(run_command("positions", *past, "--history", "--last", "1", "--json")[1])) == 1
    assert run_command("positions", *past, "--history", "--tag", "break")[1] == "No episodes.\n"
    code, _, error = run_command("positions", *past, "--tag", "breakout")
    assert (code, "filters go with --history" in error) == (ExitCode.USAGE, True)


def test_explain_names_the_episodes_of_an_order(past: tuple[str, ...]) -> None:
    """A flip ended one episode and began the next; both are said."""
    orders = json.loads(run_command("orders", *past, "--json")[1])["orders"]
    shown = run_command("explain", orders[1]["client_order_id"], *past)[1]
    assert f"It ended episode 1 of {BTC} bot and turned the position round." in shown
    assert f"Its fills are part of episode 2 of {BTC} bot." in shown


@pytest.mark.requirement("P3-5")
@pytest.mark.parametrize(
    ("options", "count"),
    [
        (("--tag", "fade"), 1),
        (("--tag", "f"), 0),
        (("--note", "[red]", "--owner", "bot", "--book", "bot", "--symbol", BTC), 2),
        (("--note", "RED"), 0),
        (("--owner", "nobody"), 0),
        (("--since", "1999-01-01"), 2),
        (("--until", "1999-01-01T00:00:00+02:00"), 0),
        (("--live",), 0),
        (("--tag", "fade", "--last", "1"), 1),
    ],
)
def test_orders_are_found_by_tag_note_owner_and_time(
    past: tuple[str, ...], options: tuple[str, ...], count: int
) -> None:
    """Whatever is given narrows the list."""
    code, text, _ = run_command("orders", *past, *options, "--json")
    assert (code, len(json.loads(text)["orders"])) == (ExitCode.OK, count)


@pytest.mark.parametrize(
    "options", [("--since", "yesterday"), ("--tag", "two words"), ("--until", "1969-01-01")]
)
def test_a_filter_of_the_wrong_shape_is_refused(past: tuple[str, ...], options: tuple[str, ...]) -> None:
    """The command says which and how to write it."""
    code, shown, error = run_command("orders", *past, *options)
    assert code != ExitCode.OK
    assert shown == ""
    assert error


def test_explain_tells_who_asked_what_was_judged_sent_answered_and_concluded(story: Story) -> None:
    """The story of a filled order, in the order in which it happened."""
    code, shown, _ = run_command("explain", story.filled, *story.options())
    assert code == ExitCode.OK
    sentences = (
        "bot asked to buy 2 BTC/USDT at 100 or better",
        "yes 1 allowed it",
        "It was approved",
        "Attempt 1 went out after this was on disk; the venue must refuse it after",
        "The venue has it as",
        "bought 0.5 at 100 for 50 USDT, fee 0.05",
        "filled so far: 0.5 of 2",
        "with it the order is filled",
        "Now it is FILLED, 2 of 2 filled.",
    )
    places = [shown.find(sentence) for sentence in sentences]
    assert -1 not in places, sentences[places.index(-1)]
    assert places == sorted(places)


@pytest.mark.parametrize("name", ["whole", "beginning", "ending", "shown", "key"])
def test_explain_says_from_which_evidence_an_absent_order_was_concluded(story: Story, name: str) -> None:
    """An order is found by id, by either end of it, or by its key; how it ended names the fence."""
    asked = {
        "whole": story.lost,
        "beginning": story.lost[:20],
        "ending": story.lost[-6:],
        "shown": f"…{story.lost[-8:]}",
        "key": "the-lost-one",
    }[name]
    code, text, _ = run_command("explain", asked, *story.options(), "--json")
    told = " ".join(line["text"] for line in json.loads(text)["story"])
    assert code == ExitCode.OK
    assert json.loads(text)["client_order_id"] == story.lost
    assert "Nobody knows whether it arrived, and it is not sent again" in told
    assert "The venue does not have it: looked up after its fence (deadline)" in told


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nobody", "not known"),
        ("", "not known"),
        ("…", "not known"),
        ("9f86d", "not known"),
        ("9f86d081", "fits 2 orders: "),
    ],
)
def test_explain_refuses_a_name_that_means_none_or_several(story: Story, name: str, said: str) -> None:
    """It says so, lists what was meant, and exits as refused."""
    code, shown, error = run_command("explain", name, *story.options())
    assert (code, shown) == (ExitCode.REFUSED, "")
    assert said in error


def test_a_whole_journal_is_verified(story: Story) -> None:
    """All records and rows are counted, and the exit code is 0."""
    code, text, _ = run_command("journal", "verify", *story.options(), "--json")
    found = json.loads(text)
    assert (code, found["ok"], found["report"]["problems"]) == (ExitCode.OK, True, [])
    assert found["report"]["records"] == len(story.disk.envelopes)
    assert "The journal is whole" in run_command("journal", "verify", *story.options())[1]


def test_a_changed_record_is_named(story: Story) -> None:
    """One changed byte in a stored record: exit code 1, and the record's number is said."""
    story.disk.envelopes[4] = replace(story.disk.envelopes[4], payload=b"{}")
    code, shown, _ = run_command("journal", "verify", *story.options())
    assert code == ExitCode.FOUND_WRONG
    assert "Journal record 5" in shown


def test_a_store_that_is_not_there_is_refused() -> None:
    """The error says so before any plugin is asked."""
    code, _, error = run_command("orders", "--store", "nowhere.sqlite")
    assert code == ExitCode.REFUSED
    assert "There is no store at 'nowhere.sqlite'" in error


def test_a_plugin_that_reads_no_store_is_refused(story: Story) -> None:
    """The name of a plugin that is not installed is told with those that are."""
    code, _, error = run_command("orders", "--store", str(story.path), "--store-plugin", "nothing")
    assert code == ExitCode.REFUSED
    assert "nothing" in error
    assert PLUGIN in error


def configured(story: Story, account: str = "test", more: str = "") -> Path:
    """Return a configuration beside the store that names it."""
    path = story.path.parent / "fairlead.toml"
    text = f'[kernel]\naccount = "{account}"\n[plugins.{PLUGIN}]\npath = "{story.path}"\n{more}'
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("command", [("orders",), ("positions",), ("journal", "verify")])
def test_a_configuration_names_the_store_as_well(story: Story, command: tuple[str, ...]) -> None:
    """What is shown is the same, whichever way the store is named."""
    config = str(configured(story))
    assert run_command(*command, "--json", "--config", config) == run_command(
        *command, "--json", *story.options()
    )
    explained = run_command("explain", story.filled, "--config", config)
    assert explained == run_command("explain", story.filled, *story.options())


def test_the_store_is_named_once(story: Story) -> None:
    """Neither way and both ways are errors of use."""
    config = ("--config", str(configured(story)))
    for options in ((), (*story.options(), *config)):
        code, out, err = run_command("orders", *options)
        assert (code, out) == (ExitCode.USAGE, "")
        assert "not both" in err


def test_a_store_of_another_account_is_refused(story: Story) -> None:
    """A configuration that points at the wrong file does not show another account's orders as its own."""
    code, out, err = run_command("orders", "--config", str(configured(story, account="other")))
    assert (code, out) == (ExitCode.REFUSED, "")
    assert "is not that of account 'other'" in err


def test_a_configuration_without_a_store_is_refused(story: Story) -> None:
    """Nothing is read when nothing can be."""
    path = story.path.parent / "fairlead.toml"
    path.write_text('[kernel]\naccount = "test"\n', encoding="utf-8")
    code, _, err = run_command("orders", "--config", str(path))
    assert (code, "None of these plugins reads a store: no plugin at all." in err) == (ExitCode.REFUSED, True)
    code, _, err = run_command("orders", "--config", str(path.with_name("nowhere.toml")))
    assert (code, "cannot be read" in err) == (ExitCode.REFUSED, True)
