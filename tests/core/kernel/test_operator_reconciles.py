"""An operator reconciles, adopts, resolves and accepts drift, from the command line over the socket."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from fairlead import BlockingKernel, Kernel, KernelSettings, OrderSide, TradingState
from fairlead.cli.exit_codes import ExitCode
from fairlead.cli.main import main
from fairlead.ports.exchange import VenuePosition
from fairlead.testing.memory_store import MemoryDisk, MemoryStore
from fairlead.testing.scripted_exchange import ScriptedExchange, loses_request
from tests.core.kernel.bench import ETH, Yes, instrument, quiet_logger
from tests.core.kernel.test_control import wish

PERP = "BTC/USDT:USDT"
Lines = pytest.CaptureFixture[str]


class Desk:
    """A kernel with a control socket, in a thread of its own, and the venue behind it."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "control")
        rules = [
            instrument(),
            instrument(ETH, minimum_quantity="0.01"),
            instrument(PERP, base="BTC", quote="USDT"),
        ]
        self.venue = ScriptedExchange(rules, positions=True)
        settings = KernelSettings(account="main", control_socket=self.path, look_up_interval_ms=10)
        store, logger = MemoryStore(MemoryDisk()), quiet_logger()
        kernel = Kernel(settings, exchange=self.venue, store=store, checks=[Yes()], logger=logger)
        self.kernel = BlockingKernel(kernel)

    def __call__(self, *arguments: str) -> int:
        """Run a command and return its exit code."""
        return main([*arguments, "--socket", self.path])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Return a desk whose kernel was not started."""
    return Desk(tmp_path)


def test_a_foreign_order_is_seen_and_adopted(desk: Desk, capsys: Lines) -> None:
    """`reconcile` names it with the venue's id, `adopt` takes it over, said twice it is the same."""
    with desk.kernel as kernel:
        desk.venue.hold("human-1", ETH, OrderSide.BUY, Decimal(2), Decimal(100))
        assert desk("reconcile") == ExitCode.OK
        shown = capsys.readouterr().out
        assert "foreign" in shown
        assert "V1" in shown
        assert "1 foreign, 0 trades were news" in shown
        assert desk("adopt", "V1", "--owner", "bot", "--note", "by hand", "--yes") == ExitCode.OK
        [order] = kernel.orders()
        assert f"The order is bot's, as {order.client_order_id}." in capsys.readouterr().out
        assert (order.owner, order.book, order.adopted) == ("bot", "bot", True)
        assert desk("adopt", "V1", "--owner", "bot", "-y", "--json") == ExitCode.OK
        said = json.loads(capsys.readouterr().out)
        assert (said["code"], said["client_order_id"]) == ("ALREADY_ADOPTED", order.client_order_id)
        assert desk("adopt", "V1", "--owner", "thief", "--yes") == ExitCode.FOUND_WRONG
        assert "It was taken over by bot before." in capsys.readouterr().out
        assert desk("reconcile", "--json") == ExitCode.OK
        report = json.loads(capsys.readouterr().out)
        assert [entry["found"] for entry in report["entries"]] == ["matched"]


def test_a_refused_adoption_says_what_to_do(desk: Desk, capsys: Lines) -> None:
    """An id that no open order has: the reason, and what to try."""
    with desk.kernel:
        assert desk("adopt", "V9", "--owner", "bot", "--yes") == ExitCode.FOUND_WRONG
        shown = capsys.readouterr().out
        assert "Not done: NO_EVIDENCE: No open order has this id" in shown
        assert "name --symbol if the order is over" in shown
        assert desk("adopt", "V9", "--owner", "bot", "--symbol", ETH, "--yes") == ExitCode.FOUND_WRONG
        assert "Not done: NOT_FOUND" in capsys.readouterr().out
        assert desk("adopt", "V9", "--owner", "no such name", "--yes") == ExitCode.REFUSED


def test_a_missing_order_and_an_unresolved_one_have_words_of_their_own(desk: Desk, capsys: Lines) -> None:
    """The wrong word is refused with the right one; the right one closes the order and frees it."""
    with desk.kernel as kernel:
        bot = kernel.session(owner="bot")
        working = bot.execute(wish()).client_order_id
        early = ("resolve", working, "--note", "guess", "--yes")
        assert desk(*early) == ExitCode.FOUND_WRONG
        assert "add --missing" in capsys.readouterr().out
        assert desk(*early, "--missing") == ExitCode.FOUND_WRONG
        assert "leave --missing out" in capsys.readouterr().out
        desk.venue.forget(working)
        assert desk("reconcile") == ExitCode.OK
        assert "1 missing" in capsys.readouterr().out
        assert desk("resolve", working, "--missing", "--note", "gone", "--yes") == ExitCode.OK
        assert "closed as canceled" in capsys.readouterr().out
        closed = kernel.order(working)
        assert closed is not None
        assert closed.status == "CANCELED"
        assert kernel.set_trading_state(TradingState.ACTIVE, reason="go on").accepted
        desk.venue.will_submit(loses_request)
        lost = bot.execute(wish()).client_order_id
        assert desk("resolve", lost, "--note", "never there", "--yes") == ExitCode.OK
        assert "closed as not placed" in capsys.readouterr().out


def test_a_drift_is_seen_and_accepted(desk: Desk, capsys: Lines) -> None:
    """`reconcile` shows both figures; `accept-drift` books the difference, once and as it was seen."""
    with desk.kernel as kernel:
        desk.venue.net[PERP] = VenuePosition(PERP, Decimal(5))
        assert desk("reconcile") == ExitCode.OK
        shown = capsys.readouterr().out
        assert "5, ours 0" in shown
        assert "1 drifted" in shown
        assert kernel.trading_reason.startswith("position_drifted")
        accept = ("accept-drift", PERP, "--note", "transferred", "--yes", "--quantity")
        assert desk(*accept, "4", "--price", "100") == ExitCode.FOUND_WRONG
        assert "give the figure that the venue holds now" in capsys.readouterr().out
        assert desk(*accept, "5") == ExitCode.FOUND_WRONG
        assert "Give --price." in capsys.readouterr().out
        assert desk(*accept, "5", "--price", "100") == ExitCode.OK
        assert "The difference is booked." in capsys.readouterr().out
        held = kernel.position(PERP, "operator")
        assert held is not None
        assert held.quantity == 5
        assert desk(*accept, "5", "--price", "100", "--json") == ExitCode.OK
        assert json.loads(capsys.readouterr().out)["code"] == "NO_DRIFT"
        assert desk(*accept, "five") == ExitCode.REFUSED
        assert capsys.readouterr().err.startswith("--quantity: 'five' is not a plain decimal number")
        assert desk(*accept, "5", "--price", "-1") == ExitCode.REFUSED
        assert capsys.readouterr().err.startswith("--price: ")
        assert desk("resume", "--yes") == ExitCode.OK
        assert kernel.trading_state is TradingState.ACTIVE


def test_dust_and_nothing_are_shown(desk: Desk, capsys: Lines) -> None:
    """Nothing live is said as such; a position below the minimum is named with its book."""
    with desk.kernel as kernel:
        assert desk("reconcile") == ExitCode.OK
        assert "nothing is live, 0 trades were news" in capsys.readouterr().out
        desk.venue.hold("human-1", ETH, OrderSide.BUY, Decimal("0.005"), Decimal(100))
        desk.venue.trade("human-1", "0.005", "100", said=False)
        adopted = kernel.adopt_order("V1", owner="bot", symbol=ETH, book="small")
        assert adopted.accepted
        assert desk("reconcile") == ExitCode.OK
        shown = capsys.readouterr().out
        assert "1 dust" in shown
        assert "small" in shown


def test_the_blocking_kernel_has_the_same_words(desk: Desk) -> None:
    """Adopting, resolving and accepting drift work without an event loop of one's own."""
    with desk.kernel as kernel:
        bot = kernel.session(owner="bot")
        desk.venue.hold("human-1", ETH, OrderSide.BUY, Decimal(1), Decimal(100))
        [name] = bot.adopt_order("V1").names
        assert kernel.resolve_missing(name, note="no").code == "NOT_MISSING"
        assert kernel.resolve_not_placed(name, note="no").code == "NOT_UNRESOLVED"
        desk.venue.net[PERP] = VenuePosition(PERP, Decimal(1), Decimal(100))
        assert kernel.accept_drift(PERP, at_venue=1, note="x").accepted


def test_an_operator_annotates_what_is_anothers(desk: Desk, capsys: Lines) -> None:
    """A note and tags, given and taken away, in the operator's name; what says nothing is refused."""
    with desk.kernel as kernel:
        bot = kernel.session(owner="bot")
        name = bot.execute(wish()).client_order_id
        assert (
            desk("annotate", name, "--note", "ticket 7", "--add-tag", "odd", "--add-tag", "seen", "--yes")
            == 0
        )
        assert desk("annotate", name, "--remove-tag", "odd", "--yes") == ExitCode.OK
        capsys.readouterr()
        assert desk("annotate", name, "--yes") == ExitCode.REFUSED
        assert "says nothing" in capsys.readouterr().err
        assert desk("annotate", "0" * 32, "--note", "who?", "--yes") == ExitCode.REFUSED
        order = bot.find_order(name)
        assert order is not None
        assert (order.note, order.tags) == ("ticket 7", ("seen",))


def test_an_operator_takes_a_note_away(desk: Desk, capsys: Lines) -> None:
    """By an option of its own: an empty note may be a slip in a script, and is not understood as one."""
    with desk.kernel as kernel:
        bot = kernel.session(owner="bot")
        name = bot.execute(wish()).client_order_id
        assert desk("annotate", name, "--note", "ticket 7", "--add-tag", "odd", "--yes") == ExitCode.OK
        for slip in (["--note", ""], ["--note", "ticket 8", "--clear-note"]):
            assert desk("annotate", name, *slip, "--yes") == ExitCode.USAGE
            assert "--clear-note" in capsys.readouterr().err
        order = bot.find_order(name)
        assert order is not None
        assert order.note == "ticket 7"
        assert desk("annotate", name, "--clear-note", "--yes") == ExitCode.OK
        order = bot.find_order(name)
        assert order is not None
        assert (order.note, order.tags) == ("", ("odd",))


@pytest.mark.parametrize("option", ["--add-tag", "--remove-tag"])
@pytest.mark.parametrize("tag", ["a,b", ""])
def test_an_operators_tag_is_one_tag(desk: Desk, capsys: Lines, option: str, tag: str) -> None:
    """What a session would refuse is refused: it is neither two tags nor none."""
    with desk.kernel as kernel:
        name = kernel.session(owner="bot").execute(wish()).client_order_id
        said = ("annotate", name, "--note", "ticket 7", option, tag, "--yes")
        assert desk(*said) == ExitCode.REFUSED
        assert option in capsys.readouterr().err
        order = kernel.find_order(name)
        assert order is not None
        assert (order.note, order.tags) == ("", ())
