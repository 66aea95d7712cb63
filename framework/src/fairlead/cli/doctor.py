"""`fairlead doctor`: a configuration against reality, before a kernel is started with it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from fairlead.cli.exit_codes import ExitCode
from fairlead.cli.store_access import JsonOption


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @app.command("doctor")
    def doctor(
        *,
        config: Annotated[Path, typer.Option("--config", help="The configuration.")] = Path("fairlead.toml"),
        connect: Annotated[
            bool, typer.Option("--connect", help="Also reach the exchange; a venue in process is opened.")
        ] = False,
        as_json: JsonOption = False,
    ) -> None:
        """Say what is wrong with a configuration: exits with 1 when something is.

        Looks at the file, the plugins that it names, their settings and secrets, settings that contradict
        each other, and the store. It sends no order, takes no lock and writes nothing to the store.
        """
        raise typer.Exit(_examine(config, connect=connect, as_json=as_json))


def _examine(config: Path, *, connect: bool, as_json: bool) -> ExitCode:
    from fairlead.cli import output
    from fairlead.cli.diagnosis import diagnose

    found = asyncio.run(diagnose(config, connect=connect))
    wrong = [finding for finding in found if not finding.is_note]
    if as_json:
        output.print_json({"config": str(config), "findings": found, "healthy": not wrong})
    else:
        for finding in found:
            mark = "note " if finding.is_note else "WRONG"
            output.print_item(f"{mark} {finding.topic.value}:", finding.text)
        output.print_line(f"{len(wrong)} wrong." if wrong else "Nothing is wrong.")
    return ExitCode.FOUND_WRONG if wrong else ExitCode.OK
