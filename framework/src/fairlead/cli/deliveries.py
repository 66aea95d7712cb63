"""`fairlead deliveries`: what notifiers are owed, what became of it, and an operator's word about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairlead.cli.control import NoteOption, SocketOption, YesOption, confirm, finish, request
from fairlead.cli.store_access import (
    DEFAULT_PLUGIN,
    ConfigOption,
    JsonOption,
    PluginOption,
    StoreOption,
    StorePlace,
    read_place,
)

if TYPE_CHECKING:
    from fairlead.ports.store import StoreReader

NotifierArgument = Annotated[str, typer.Argument(metavar="NOTIFIER", help="The notifier's name.")]
EventsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[EVENT]...", help="The ids of the events.")
]
_SHOWN = ("notifier", "event_id", "kind", "subject", "state", "attempts", "detail")
_ACCOUNT = ("name", "mark", "disabled", "reason", "failures")


def add_to(app: typer.Typer) -> None:
    """Register the group."""
    group = typer.Typer(help="What notifiers are owed, and what became of it.", no_args_is_help=True)
    for name, command in (
        ("list", list_deliveries),
        ("notifiers", list_notifiers),
        ("replay", replay),
        ("discard", discard),
        ("enable", enable),
        ("disable", disable),
    ):
        group.command(name)(command)
    app.add_typer(group, name="deliveries")


def list_deliveries(
    *,
    store: StoreOption = None,
    store_plugin: PluginOption = DEFAULT_PLUGIN,
    config: ConfigOption = None,
    notifier: Annotated[str | None, typer.Option(help="Only of this notifier.")] = None,
    state: Annotated[str | None, typer.Option(help="Only pending, dead, delivered or discarded.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the notices that were not delivered at once: what became of each, and when it is tried again."""
    from fairlead.cli import output

    async def read(reader: StoreReader) -> list[dict[str, Any]]:
        from fairlead.ports.searches import Search

        equal = tuple(
            (name, value) for name, value in (("notifier", notifier), ("state", state)) if value is not None
        )
        return [dict(row) for row in await reader.search("deliveries", Search(equal=equal))]

    rows = read_place(StorePlace(store, store_plugin, config), read)
    if as_json:
        output.print_json({"deliveries": rows})
    elif not rows:
        output.print_line("No deliveries: every notice went at once, or none is owed.")
    else:
        output.print_table(_SHOWN, [tuple(row[name] for name in _SHOWN) for row in rows])


def list_notifiers(
    *,
    store: StoreOption = None,
    store_plugin: PluginOption = DEFAULT_PLUGIN,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the notifiers that were ever told something: how far, and whether they are disabled."""
    from fairlead.cli import output

    async def read(reader: StoreReader) -> list[dict[str, Any]]:
        return [dict(row) for row in await reader.rows("notifiers")]

    rows = read_place(StorePlace(store, store_plugin, config), read)
    if as_json:
        output.print_json({"notifiers": rows})
    elif not rows:
        output.print_line("No notifiers.")
    else:
        output.print_table(_ACCOUNT, [tuple(row[name] for name in _ACCOUNT) for row in rows])


def replay(
    notifier: NotifierArgument,
    events: EventsArgument = None,
    *,
    control: SocketOption,
    note: NoteOption,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Have deliveries tried again at once, from the first attempt on; all dead letters if none is named."""
    what = f"{len(events)} deliveries" if events else "every dead letter"
    _say("replay", notifier, events, note, control, (f"Replay {what} of {notifier}?", yes), as_json=as_json)


def discard(
    notifier: NotifierArgument,
    events: Annotated[list[str], typer.Argument(metavar="EVENT...", help="The ids of the events.")],
    *,
    control: SocketOption,
    note: NoteOption,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Give deliveries up: they are tried no more."""
    question = f"Give up {len(events)} deliveries of {notifier}?"
    _say("discard", notifier, events, note, control, (question, yes), as_json=as_json)


def enable(
    notifier: NotifierArgument,
    *,
    control: SocketOption,
    note: NoteOption,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Tell a disabled notifier again, from where it was."""
    _say("enable", notifier, None, note, control, (f"Enable {notifier}?", yes), as_json=as_json)


def disable(
    notifier: NotifierArgument,
    *,
    control: SocketOption,
    note: NoteOption,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Tell a notifier nothing until it is enabled; what it is owed stays owed."""
    _say("disable", notifier, None, note, control, (f"Disable {notifier}?", yes), as_json=as_json)


def _say(
    action: str,
    notifier: str,
    events: list[str] | None,
    note: str,
    control: Any,  # noqa: ANN401 - the path of typer's option
    asked: tuple[str, bool],
    *,
    as_json: bool,
) -> None:
    question, yes = asked
    confirm(question, yes=yes)
    ids = "\n".join(events or ())
    answer = request(control, f"deliveries-{action}", notifier=notifier, event_ids=ids, note=note)
    done = f"Done: {answer['count']} deliveries." if "count" in answer else "Done."
    finish(answer, done, as_json=as_json)
