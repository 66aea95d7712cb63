"""How the demo shows its run to people: a bar on stderr while it goes, tables and proofs on stdout after."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from fairlead.cli import output
from fairlead.cli.orders import print_orders
from fairlead.cli.positions import POSITION_COLUMNS, position_cells
from fairlead.domain.numbers import subtract

if TYPE_CHECKING:
    from fairlead.cli.demo.evidence import DemoReport, KillReport
    from fairlead.cli.demo.settings import DemoFiles

_MOMENTS = {
    "before_send": "journaled, and not sent yet",
    "after_answer": "taken by the venue, whose answer the kernel had not heard",
}


class ProgressBar:
    """A bar over the tape on stderr, with notes above it; where stderr is no terminal, the notes alone."""

    def __init__(self, trades: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._console = Console(stderr=True, markup=False, highlight=False, emoji=False)
        columns = (TextColumn("trades"), BarColumn(bar_width=None), MofNCompleteColumn(), TimeElapsedColumn())
        live = self._console.is_terminal
        self._progress = Progress(*columns, console=self._console, disable=not live, expand=True)
        self._task = self._progress.add_task("tape", total=trades)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def trade(self, index: int) -> None:
        """Show that the tape has come to this trade."""
        self._progress.update(self._task, completed=index + 1)

    def note(self, text: str) -> None:
        """Print a line above the bar."""
        self._console.print(output.escaped(text))


def show(report: DemoReport, trades: int, files: DemoFiles | None) -> None:
    """Print the tables and the proofs; *files* when they were kept."""
    output.print_table(("what", "count"), _counts(report), title="What the bot did")
    if report.denials:
        reasons = [(denial.code, denial.count, denial.for_instance) for denial in report.denials]
        output.print_table(("denied for", "orders", "for instance"), reasons, title="What the checks denied")
    print_orders(report.last_orders, title="The last orders")
    output.print_table(POSITION_COLUMNS, [position_cells(row) for row in report.positions], title="Positions")
    if report.faults:
        faults = sorted(report.faults.items())
        output.print_table(("fault", "times"), faults, title="What went wrong on purpose")
    if report.notices:
        output.print_table(("notices", "attempts"), sorted(report.notices.items()), title="Who was told")
    net = subtract(report.realized_pnl, report.fees)
    output.print_line(f"Realized {report.realized_pnl:f}, fees {report.fees:f}: {net:f} {report.currency}.")
    for proven, text in _proofs(report, trades):
        output.print_item("  proven" if proven else "  FAILED", text)
    for problem in report.problems:
        output.print_item("       -", problem)
    if files is not None:
        output.print_line(f"The files are in {files.folder}.")
        output.print_line(f"Look at one order: fairlead explain ORDER --store {files.store}")


def _counts(report: DemoReport) -> list[tuple[str, int]]:
    return [
        ("trades replayed", report.trades_replayed),
        ("orders sent", report.orders),
        *((f"  {state}", count) for state, count in report.order_states.items()),
        ("fills", report.fills),
        ("  that left a rest", report.partial_fills),
        ("orders denied", sum(report.denied.values())),
    ]


def _proofs(report: DemoReport, trades: int) -> list[tuple[bool, str]]:
    cash = ", ".join(f"{figure} {asset}" for asset, figure in report.cash_moved.items())
    return [
        (report.trades_replayed == trades, f"The tape was played once: {report.trades_replayed} trades."),
        (report.killed_and_resumed, _kill_text(report.kill)),
        (
            not report.lost,
            f"Lost: {report.lost}, of {report.acknowledged} acknowledged intents and {report.fills} fills.",
        ),
        (not report.duplicated, f"Done twice: {report.duplicated}."),
        (report.cash_reconciled, f"Cash reconciled to the last digit: {cash} moved."),
        (
            report.journal_verified,
            f"Journal verified: {report.journal_records} records, {report.rows_compared} rows match.",
        ),
    ]


def _kill_text(kill: KillReport | None) -> str:
    if kill is None:
        return "The kernel was not killed: no order was in flight."
    again = " The bot asked again and got this first order." if kill.asked_again else ""
    return (
        f"SIGKILL at trade {kill.at_trade} with an order in flight ({_MOMENTS[kill.moment]}); "
        f"after the restart it was found {kill.became.upper()}.{again}"
    )
