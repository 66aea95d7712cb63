"""The operator's ways in: the control socket, real and in the file system, and the kill switch file."""

from __future__ import annotations

import io
import json
import socket
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer

from fairlead import BlockingKernel, Kernel, KernelSettings, Proposal, TradingState
from fairlead.cli import control
from fairlead.cli.exit_codes import ExitCode
from fairlead.cli.main import main
from fairlead.errors import ConfigurationRefused, ControlRefused, NotRunning
from fairlead.kernel.control import server as control_server
from fairlead.kernel.control.kill_switch import KillSwitch
from fairlead.testing.memory_store import MemoryDisk, MemoryStore
from fairlead.testing.scripted_exchange import ScriptedExchange, loses_request
from tests.core.kernel.bench import BTC, Bench, Yes, instrument, on_bench, quiet_logger
from tests.core.kernel.test_closings import fills


def kernel_at(path: Path, **settings: Any) -> BlockingKernel:  # noqa: ANN401 - fields of several types
    """Return a kernel with a control socket at the path, not started."""
    kernel = Kernel(
        KernelSettings(account="main", control_socket=str(path), **settings),
        exchange=ScriptedExchange([instrument()]),
        store=MemoryStore(MemoryDisk()),
        checks=[Yes()],
        logger=quiet_logger(),
    )
    return BlockingKernel(kernel)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the socket is."""
    return tmp_path / "control"


@contextmanager
def caller(path: Path) -> Iterator[socket.socket]:
    """Be connected to the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(60)
        connection.connect(str(path))
        yield connection


def say(connection: socket.socket, line: bytes) -> dict[str, Any]:
    """Send a line and return the answer."""
    connection.sendall(line + b"\n")
    answer: dict[str, Any] = json.loads(connection.makefile("rb").readline())
    return answer


def wish() -> Proposal:
    """Return a limit order's proposal."""
    return Proposal.buy(BTC, quantity="1", limit_price="100")


def test_an_operator_halts_and_resumes(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the command line; the kernel obeys, and says so in words and as JSON."""
    with kernel_at(path) as kernel:
        bot = kernel.session(owner="bot")
        order = bot.execute(wish())
        assert main(["halt", "--socket", str(path), "--reason", "storm", "--yes"]) == ExitCode.OK
        assert (kernel.trading_state, kernel.trading_reason) == (TradingState.HALTED, "storm")
        assert bot.execute(wish()).denied
        assert main(["cancel", order.client_order_id, "--socket", str(path), "-y"]) == ExitCode.OK
        assert order.closed(timeout_ms=60_000).status == "CANCELED"
        assert main(["cancel", order.client_order_id, "--socket", str(path), "-y"]) == ExitCode.FOUND_WRONG
        assert main(["resume", "--socket", str(path), "--yes"]) == ExitCode.OK
        assert kernel.trading_state is TradingState.ACTIVE
        assert main(["reduce", "--socket", str(path), "--yes", "--json"]) == ExitCode.OK
        assert kernel.trading_state.value == "reducing"
    lines = capsys.readouterr().out
    assert "Trading is halted." in lines
    assert "Not done: ALREADY_CLOSED" in lines
    assert '"accepted": true' in lines


def test_an_operator_cancels_all_and_flattens(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Everybody's orders are canceled, everybody's positions closed, and each end is said."""
    with kernel_at(path) as kernel:
        exchange = kernel._kernel._parts.client
        assert isinstance(exchange, ScriptedExchange)
        order = kernel.session(owner="bot").execute(wish())
        other = kernel.session(owner="other").execute(wish())
        assert main(["cancel-all", "--socket", str(path), "--yes"]) == ExitCode.OK
        assert order.closed(timeout_ms=60_000).status == "CANCELED"
        assert other.closed(timeout_ms=60_000).status == "CANCELED"
        exchange.will_submit(fills)
        bought = kernel.session(owner="bot").execute(wish())
        assert bought.closed(timeout_ms=60_000).status == "FILLED"
        exchange.will_submit(fills)
        assert main(["flatten", "--socket", str(path), "--yes"]) == ExitCode.OK
        assert main(["flatten", "--socket", str(path), "--yes"]) == ExitCode.OK
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "2 cancels go to the venue.",
        "BTC/USDT of bot: CLOSED, 0 left",
        "There was nothing to close.",
    ]


def test_an_operator_resolves_an_order(path: Path) -> None:
    """An order whose request was lost at a venue without a fence waits for an operator's word."""
    with kernel_at(path) as kernel:
        exchange = kernel._kernel._parts.client
        assert isinstance(exchange, ScriptedExchange)
        exchange.will_submit(loses_request)
        order = kernel.session(owner="bot").execute(wish())
        assert order.unresolved
        command = ["resolve", order.client_order_id, "--note", "the venue's support says so"]
        assert main([*command, "--socket", str(path), "--yes"]) == ExitCode.OK
        assert order.closed(timeout_ms=60_000).status == "NOT_PLACED"


def test_status_is_shown(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status only reads, so it asks for no confirmation; a table, or JSON."""
    with kernel_at(path):
        assert main(["status", "--socket", str(path)]) == ExitCode.OK
        shown = capsys.readouterr().out
        assert "main: trading is active" in shown
        assert "reconciler" in shown
        assert main(["status", "--socket", str(path), "--json"]) == ExitCode.OK
        found = json.loads(capsys.readouterr().out)
    assert found["components"][-1] == {"name": "control", "state": "running", "problem": ""}
    assert (found["live_orders"], found["last_reconciliation"]) == (0, "start")


def test_a_command_is_confirmed(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --yes the operator is asked, and no is no."""
    asked = []

    def says_no(question: str, *, err: bool) -> bool:
        asked.append((question, err))
        return False

    monkeypatch.setattr(typer, "confirm", says_no)
    with kernel_at(path) as kernel:
        assert main(["halt", "--socket", str(path)]) == ExitCode.REFUSED
        assert kernel.trading_state is TradingState.ACTIVE
    assert asked == [("Halt trading?", True)]
    assert capsys.readouterr().err == "Nothing was sent.\n"


def test_an_order_is_named_by_either_end_and_shown_before_it_is_touched(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The question has the whole id and what it is; what fits several or none is refused."""
    asked = []

    def says_yes(question: str, *, err: bool) -> bool:
        asked.append((question, err))
        return True

    monkeypatch.setattr(typer, "confirm", says_yes)
    with kernel_at(path) as kernel:
        first, second = (kernel.session(owner="bot").execute(wish()) for _ in range(2))
        name = first.client_order_id
        assert main(["annotate", f"…{name[-8:]}", "--note", "seen", "--socket", str(path)]) == ExitCode.OK
        assert main(["cancel", name[-6:], "--socket", str(path)]) == ExitCode.OK
        assert main(["cancel", name[:8], "--socket", str(path)]) == ExitCode.REFUSED
        refused = main(["resolve", "nobody", "--note", "so", "--socket", str(path)])
        assert (refused, main(["cancel", name[-5:], "--socket", str(path)])) == (ExitCode.REFUSED,) * 2
        assert first.closed(timeout_ms=60_000).status == "CANCELED"
        assert [order.client_order_id for order in kernel.orders(live_only=True)] == [second.client_order_id]
        noted = kernel.order(name)
        assert noted is not None
        assert noted.note == "seen"
    told = f"{name} (ACCEPTED buy 1 BTC/USDT of bot)?"
    assert asked == [(f"Annotate {told}", True), (f"Cancel {told}", True)]
    said = capsys.readouterr().err
    assert f"fits 2 orders: {name}, {second.client_order_id}" in said
    assert said.count("Write the whole id: the kernel looks among live orders") == 2


def test_where_nobody_can_confirm_nothing_is_sent(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a script without a terminal the question has no answer: refused, with the option that is missing."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with kernel_at(path) as kernel:
        assert main(["halt", "--socket", str(path)]) == ExitCode.REFUSED
        assert kernel.trading_state is TradingState.ACTIVE
    assert "add --yes" in capsys.readouterr().err


def test_nobody_listens(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A kernel that is not there is said to be not there, with what to do."""
    assert main(["status", "--socket", str(path)]) == ExitCode.REFUSED
    said = capsys.readouterr().err
    assert f"No kernel answers on {path}" in said
    assert "Nothing was sent." in said


def test_a_kernel_that_hangs_up_is_said(path: Path) -> None:
    """An answer that ends early says that the command may have been carried out."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen()

        def hang_up() -> None:
            connection, _ = listening.accept()
            connection.recv(65_536)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(NotRunning, match="ended the connection"):
            control.request(path, "status")
        thread.join()


def test_a_kernel_that_says_nothing_is_not_waited_for(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The option before the command says how long; nobody accepts here, and nothing is ever answered.

    The default is two minutes: half a minute is enough to tell that it is not waited for.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen()
        command = ["--answer-timeout-ms", "5", "status", "--socket", str(path)]
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(main, command).result(timeout=30) == ExitCode.REFUSED
    assert "nothing came back. The command may have been carried out." in capsys.readouterr().err


def test_a_socket_whose_owner_is_busy_is_another_kernels(path: Path) -> None:
    """Somebody listens and takes nobody in: the look at the path ends after control_timeout_ms."""
    with ExitStack() as sockets:
        listening = sockets.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        listening.bind(str(path))
        listening.listen(0)
        waiting = sockets.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        waiting.connect(str(path))  # the queue is full now
        with pytest.raises(ConfigurationRefused, match="Another kernel listens"):
            kernel_at(path, control_timeout_ms=5).start()


def test_the_socket_is_its_owners_alone(path: Path) -> None:
    """Mode 0600 while it is there; taken away when the kernel stops."""
    with kernel_at(path):
        mode = path.lstat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
    assert not path.exists()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"halt", "not one line of JSON"),
        (b"[" * 60_000, "not one line of JSON"),
        (b"\xff\xfe", "not one line of JSON"),
        (b'{"command": "halt", "command": "status"}', "not one line of JSON"),
        (b'{"command": "status", "arguments": {"x": %b}}' % (b"9" * 50_000), "not one line of JSON"),
        (b"[]", "not an object of command and arguments"),
        (b'{"command": "status", "owner": "bot"}', "not an object of command and arguments"),
        (b'{"command": 7}', "command is a text"),
        (b'{"command": "status", "arguments": []}', "arguments an object"),
        (b'{"command": "halt"}', "halt takes these, as text: reason"),
        (b'{"command": "status", "arguments": {"x": "1"}}', "status takes these, as text: none"),
        (b'{"command": "halt", "arguments": {"reason": 7}}', "halt takes these, as text: reason"),
        (b'{"command": "sell-everything"}', "'sell-everything'"),
        (b'{"command": "halt", "arguments": {"reason": "a\\u001b[2J"}}', "reason"),
        (b'{"command": "halt", "arguments": {"reason": "\\ud800"}}', "reason"),
        (b'{"command": "cancel", "arguments": {"client_order_id": "7"}}', "client_order_id"),
        (b'{"command": "cancel", "arguments": {"client_order_id": "%b"}}' % (b"0" * 32), "No such order"),
    ],
)
def test_nonsense_is_answered_and_hurts_nobody(path: Path, line: bytes, problem: str) -> None:
    """Whatever a caller says, it is told what was wrong, and the next request is answered."""
    with kernel_at(path) as kernel, caller(path) as connection:
        answer = say(connection, line)
        assert answer["ok"] is False
        assert problem in f"{answer['error']} {answer['fix']}"
        assert say(connection, b'{"command": "status"}')["ok"] is True
        assert kernel.trading_state is TradingState.ACTIVE


def test_a_refusal_reaches_the_command_line(path: Path) -> None:
    """The kernel's words are the error's."""
    with kernel_at(path), pytest.raises(ControlRefused, match="client_order_id"):
        control.request(path, "cancel", client_order_id="7")


def test_a_line_without_end_is_cut_off(path: Path) -> None:
    """A request longer than the limit is refused and the connection ended."""
    with kernel_at(path), caller(path) as connection:
        connection.sendall(b"x" * (2 * control_server.LINE_BYTES_MAX))
        answers = connection.makefile("rb")
        assert "is longer than" in json.loads(answers.readline())["error"]
        assert answers.readline() == b""


def test_callers_are_bounded(path: Path) -> None:
    """One caller too many is turned away at once; when one has gone there is room again."""
    with kernel_at(path):
        connections = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(9)]
        for connection in connections:
            connection.settimeout(60)
            connection.connect(str(path))
        for connection in connections[:8]:
            assert say(connection, b'{"command": "status"}')["ok"] is True
        assert connections[8].recv(1) == b""
        for connection in connections:
            connection.close()


def test_a_caller_that_says_nothing_is_left(path: Path) -> None:
    """A silent connection ends after control_timeout_ms; one that stops in the middle likewise."""
    with kernel_at(path, control_timeout_ms=20), caller(path) as connection:
        connection.sendall(b'{"command"')
        assert connection.recv(1) == b""


def test_stopping_leaves_whoever_is_connected(path: Path) -> None:
    """A kernel stops although a caller is connected."""
    kernel = kernel_at(path)
    kernel.start()
    with caller(path) as connection:
        assert say(connection, b'{"command": "status"}')["ok"] is True
        kernel.stop()
        assert connection.recv(1) == b""


def test_what_lies_at_the_path(path: Path) -> None:
    """A dead kernel's socket is replaced; a file, a live kernel's and an impossible path are refused."""
    path.write_text("precious")
    with pytest.raises(ConfigurationRefused, match="is no socket"):
        kernel_at(path).start()
    assert path.read_text() == "precious"
    path.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    with kernel_at(path), pytest.raises(ConfigurationRefused, match="Another kernel listens"):
        kernel_at(path).start()
    with pytest.raises(ConfigurationRefused, match="cannot be made"):
        kernel_at(path.parent / "nowhere" / "control").start()
    with pytest.raises(ConfigurationRefused, match="path of a file"):
        kernel_at(path, kill_switch_file=7)


# -- the kill switch file ----------------------------------------------------------------------------


def trading(bench: Bench) -> str:
    """Return the trading state."""
    return bench.kernel.trading_state.value


def test_the_kernel_halts_when_the_file_appears(tmp_path: Path) -> None:
    """Within one interval, with the file named; taking it away resumes nothing, a second time halts again."""
    file = tmp_path / "STOP"

    async def run(bench: Bench) -> None:
        await bench.pass_ms(1_500)
        assert trading(bench) == "active"
        file.touch()
        await bench.pass_ms(1_001)
        assert trading(bench) == "halted"
        assert str(file) in bench.kernel.trading_reason
        file.unlink()
        await bench.pass_ms(1_001)
        assert trading(bench) == "halted"
        await bench.kernel.set_trading_state(TradingState.ACTIVE, reason="over")
        await bench.pass_ms(1_001)
        assert trading(bench) == "active"
        file.touch()
        await bench.pass_ms(1_001)
        assert trading(bench) == "halted"

    on_bench(run, settings={"kill_switch_file": str(file)})


def test_a_kernel_that_starts_with_the_file_never_trades(tmp_path: Path) -> None:
    """The file is looked for before trading is enabled."""
    file = tmp_path / "STOP"
    file.touch()

    async def run(bench: Bench) -> None:
        assert trading(bench) == "halted"
        assert (await bench.execute()).denied

    on_bench(run, settings={"kill_switch_file": str(file)})


def test_a_pulled_switch_waits_for_a_journal_that_is_recovered(tmp_path: Path) -> None:
    """While the journal is unusable the halt is kept, and recorded when it is back."""
    file = tmp_path / "STOP"

    async def run(bench: Bench) -> None:
        bench.kernel._parts.engine.suspended = True
        file.touch()
        await bench.pass_ms(1_001)
        assert trading(bench) == "active"
        bench.kernel._parts.engine.suspended = False
        bench.kernel._parts.inbox.resume()
        await bench.pass_ms()
        assert trading(bench) == "halted"

    on_bench(run, settings={"kill_switch_file": str(file)})


def test_a_file_that_cannot_be_looked_at_counts_as_there() -> None:
    """A switch fails to the safe side."""

    class Unreadable(type(Path())):  # type: ignore[misc]  # the concrete class depends on the system
        def exists(self, **_: object) -> bool:
            raise PermissionError

    async def run(bench: Bench) -> None:
        pulled: list[Path] = []
        switch = KillSwitch(Unreadable("STOP"), bench.clock, interval_ns=1, on_pulled=pulled.append)
        switch.look()
        switch.look()
        assert pulled == [Path("STOP")]

    on_bench(run)
