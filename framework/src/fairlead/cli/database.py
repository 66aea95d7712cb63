"""`fairlead db`: upgrade a store, copy it, and move its closed history into archives."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairlead.cli.history_options import time_ns_of
from fairlead.cli.store_access import (
    DEFAULT_PLUGIN,
    ConfigOption,
    JsonOption,
    PluginOption,
    StoreOption,
    StorePlace,
    open_keeper,
)

if TYPE_CHECKING:
    from fairlead.cli.archives import Archived
    from fairlead.kernel.journal.archive_plan import Cut

# fixed: a default of an option below
KEEP_KEYS_DAYS = 90
_NS_PER_DAY = 86_400_000_000_000


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    about = "Look after the database: upgrade, copy, archive. All but backup need it without a kernel."
    group = typer.Typer(help=about, no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(group, name="db")
    group.callback()(lambda: None)
    group.command("upgrade")(upgrade)
    group.command("backup")(backup)
    group.command("archive")(archive)


def upgrade(
    *,
    store: StoreOption = None,
    store_plugin: PluginOption = DEFAULT_PLUGIN,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring the database to the newest schema, after a verified copy; a kernel's start does the same."""
    from fairlead.cli import output
    from fairlead.ports.keeping import Upgraded

    async def work() -> Upgraded:
        async with open_keeper(StorePlace(store, store_plugin, config)) as keeper:
            return await keeper.upgrade()

    done = asyncio.run(work())
    if as_json:
        output.print_json({"upgraded": done})
    elif done.before == done.after:
        output.print_line(f"The database has the newest schema, {done.after}.")
    else:
        copied = f" What it was is in {done.copy}." if done.copy else ""
        output.print_line(f"The database went from schema {done.before or 'none'} to {done.after}.{copied}")


def backup(
    *,
    store: StoreOption = None,
    store_plugin: PluginOption = DEFAULT_PLUGIN,
    config: ConfigOption = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="The file to write; a name by record and time when not said.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the database as it is at one moment, also beside a running kernel, and check the copy.

    Without --to a copy is made once for each last record. No file is ever overwritten. Verify
    the copy with `fairlead journal verify`.
    """
    from fairlead.cli import output
    from fairlead.cli.progress import progress_bar

    async def work() -> Path:
        async with open_keeper(StorePlace(store, store_plugin, config), alone=False) as keeper:
            with progress_bar("Pages copied") as progress:
                return await keeper.back_up(to, progress)

    copy = asyncio.run(work())
    if as_json:
        output.print_json({"backup": str(copy)})
    else:
        output.print_line(f"The copy is {copy}.")


def archive(
    *,
    store: StoreOption = None,
    store_plugin: PluginOption = DEFAULT_PLUGIN,
    config: ConfigOption = None,
    before: Annotated[
        str | None, typer.Option("--before", help="Archive what is older than this time, such as 2026-01-01.")
    ] = None,
    keep_days: Annotated[
        int | None, typer.Option("--keep-days", help="Archive what is older than so many days.", min=1)
    ] = None,
    keep_keys_days: Annotated[
        int,
        typer.Option(help="Idempotency keys stay for so many days more than the rest.", min=0),
    ] = KEEP_KEYS_DAYS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would move.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Move closed history into an archive file, which is verified before anything leaves the database.

    Live orders, open positions and all that belongs to them stay. It may be interrupted and repeated at any
    point. A command repeated under an idempotency key that was archived is carried out again.
    """
    from fairlead.cli import archives, output

    cut = _cut(before, keep_days, keep_keys_days)
    place = StorePlace(store, store_plugin, config)
    done = asyncio.run(archives.archive(place, cut, is_trial=dry_run))
    if as_json:
        output.print_json({"archived": done})
    else:
        _print(done, is_trial=dry_run)


def _cut(before: str | None, keep_days: int | None, keep_keys_days: int) -> Cut:
    from fairlead.kernel.journal.archive_plan import Cut
    from fairlead.kernel.system_clock import SystemClock

    if (before is None) is (keep_days is None):
        raise typer.BadParameter("say one of them", param_hint="--before / --keep-days")
    if before is not None:
        before_ns = time_ns_of(before, "--before")
    else:
        before_ns = SystemClock().wall_ns() - (keep_days or 0) * _NS_PER_DAY
    return Cut(before_ns, before_ns - keep_keys_days * _NS_PER_DAY)


def _print(done: Archived | None, *, is_trial: bool) -> None:
    from fairlead.cli import output

    if done is None:
        output.print_line("Nothing moves: nothing is that old, or a notifier is still owed it.")
        return
    says = "would move" if is_trial else f"moved to {done.archive}"
    moved = ", ".join(f"{count} of {table}" for table, count in done.rows.items()) or "no rows"
    output.print_line(f"Records {done.first_sequence} to {done.last_sequence} {says}, and with them {moved}.")
