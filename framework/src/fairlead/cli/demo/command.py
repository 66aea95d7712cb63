"""The command `fairlead demo`."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairlead.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from fairlead.cli.demo.evidence import DemoReport
    from fairlead.cli.demo.run import DemoOptions, Webhook
    from fairlead.cli.demo.settings import DemoFiles

_PLUGINS = ("paper", "sqlstore", "riskhooks")
_LOG_LINES_SHOWN = 20
_TRADES_MIN, _TRADES_MAX = 400, 1_000


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @app.command("demo")
    def demo(
        *,
        seed: Annotated[int, typer.Option(help="Draws the kill and the faults.", min=0)] = 1,
        faults: Annotated[bool, typer.Option("--faults", help="Let the venue's transport fail.")] = False,
        trades: Annotated[
            int, typer.Option(help="How many trades of the tape to play.", min=_TRADES_MIN, max=_TRADES_MAX)
        ] = _TRADES_MAX,
        webhook: Annotated[
            str, typer.Option(metavar="URL", help="Tell this URL, signed with FAIRLEAD_WEBHOOK_SECRET.")
        ] = "",
        keep: Annotated[Path | None, typer.Option(help="Keep the files in this new or empty folder.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
    ) -> None:
        """Run a bot over 1,000 real trades, kill it in the middle, resume it, and prove that nothing is lost.

        Needs the plugins paper, sqlstore and riskhooks, and webhook with --webhook. Writes to a temporary
        folder unless --keep names one. Exits with 1 when a proof fails.
        """
        from fairlead.cli.demo.run import DemoOptions

        options = DemoOptions(seed=seed, faults=faults, trades=trades, webhook=_webhook(webhook))
        with ExitStack() as stack:
            files = _files(keep, stack)
            _check_plugins([*_PLUGINS, "webhook"] if webhook else _PLUGINS)
            report = _run(options, files)
            _print(report, options, files if keep else None, as_json=as_json)
        proven = report.is_proven(options.trades)
        raise typer.Exit(ExitCode.OK if proven else ExitCode.FOUND_WRONG)


def _webhook(url: str) -> Webhook | None:
    """Return where notices go; without a secret in the environment one is drawn, and told on stderr."""
    import os

    from fairlead.cli import output
    from fairlead.cli.demo.run import Webhook
    from fairlead.cli.demo.webhook import SECRET_VARIABLE, drawn_secret, port_of

    if not url:
        return None
    port = port_of(url)
    secret = os.environ.get(SECRET_VARIABLE, "")
    if not secret:
        secret = drawn_secret()
        output.print_note(f"Notices are signed with {secret}; set {SECRET_VARIABLE} to use your own.")
    return Webhook(url=url, secret=secret, port=port)


def _check_plugins(names: Sequence[str]) -> None:
    """Raise `PluginRefused`, which names what is missing, before anything is started."""
    from fairlead.plugins.manager import PluginManager

    manager = PluginManager()
    manager.load(names)
    manager.require()


def _run(options: DemoOptions, files: DemoFiles) -> DemoReport:
    from fairlead.cli import output
    from fairlead.cli.demo.evidence import judge
    from fairlead.cli.demo.presentation import ProgressBar
    from fairlead.cli.demo.processes import DemoFailed
    from fairlead.cli.demo.run import run_demo

    async def run() -> DemoReport:
        with ProgressBar(options.trades) as bar:
            outcome = await run_demo(options, files, bar)
        return await judge(options, files, outcome)

    try:
        return asyncio.run(run())
    except DemoFailed:
        for line in files.log.read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:]:
            output.print_note(line)
        raise


def _print(report: DemoReport, options: DemoOptions, kept: DemoFiles | None, *, as_json: bool) -> None:
    from fairlead.cli import output
    from fairlead.cli.demo.presentation import show

    if as_json:
        output.print_json(report)
    else:
        show(report, options.trades, kept)


def _files(keep: Path | None, stack: ExitStack) -> DemoFiles:
    from fairlead.cli.demo.settings import DemoFiles
    from fairlead.errors import ConfigurationRefused

    if keep is None:
        return DemoFiles(
            folder=Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fairlead-demo-")))
        )
    keep.mkdir(parents=True, exist_ok=True)
    if any(keep.iterdir()):
        raise ConfigurationRefused(
            f"{str(keep)!a} is not empty.", not_done="The demo did not start.", fix="Name a new folder."
        )
    return DemoFiles(folder=keep.absolute())
