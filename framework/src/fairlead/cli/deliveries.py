"""`fairlead deliveries`: what notifiers are owed, what became of it, and an operator's word about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairlead.cli.control import NoteOption, SocketOption, YesOption, confirm, finish, request
from fairlead.cli.history_options import SinceOption, UntilOption, bounds_of
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
        ("show", show),
        ("notifiers", list_notifiers),
        ("replay", replay),
        ("discard", discard),
        ("enable", enable),
        ("disable", disable),
    ):
        group.command(name)(command)
    app.add_typer(group, name="deliveries")


def list_deliveries(  # noqa: PLR0913 - an argument for each option
    *,
    store: StoreOption = None,
    store_plugin: PluginOption = DEFAULT_PLUGIN,
    config: ConfigOption = None,
    notifier: Annotated[str | None, typer.Option(help="Only of this notifier.")] = None,
    state: Annotated[str | None, typer.Option(help="Only pending, dead, delivered or discarded.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only of this kind, such as order_filled.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only about this order, by its whole id.")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    last: Annotated[int, typer.Option(help="Only so many, the newest; 0 for all.", min=0)] = 0,
    as_json: JsonOption = False,
) -> None:
    """List the notices that were not delivered at once: what became of each, and when it is tried again.

    Times are those at which a notice got its row: when its first attempt failed, or it had to wait.
    """
    from fairlead.cli import output

    named = (("notifier", notifier), ("state", state), ("kind", kind), ("subject", subject))
    bounds = bounds_of(since, until)

    async def read(reader: StoreReader) -> list[dict[str, Any]]:
        from fairlead.ports.searches import Search

        since_at, until_at = (None if each is None else ("created_ns", each) for each in bounds)
        equal = tuple((name, value) for name, value in named if value is not None)
        wanted = Search(equal=equal, since=since_at, before=until_at)
        return [dict(row) for row in await reader.search("deliveries", wanted)][-last:]

    rows = read_place(StorePlace(store, store_plugin, config), read)
    if as_json:
        output.print_json({"deliveries": rows})
    elif not rows:
        output.print_line("No deliveries: every notice went at once, or none is owed.")
    else:
        output.print_table(_SHOWN, [tuple(row[name] for name in _SHOWN) for row in rows])


def show(
    event: Annotated[str, typer.Argument(metavar="EVENT", help="The id of the event.")],
    *,
    store: StoreOption = None,
    store_plugin: PluginOption = DEFAULT_PLUGIN,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell the story of one event: what it says, and how far every notifier was told of it."""
    from fairlead.cli import delivery_story

    found = read_place(
        StorePlace(store, store_plugin, config), lambda reader: delivery_story.read(reader, event)
    )
    delivery_story.tell(found, as_json=as_json)


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
    since: SinceOption = None,
    until: UntilOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Have events told again at once, from the first attempt on; all dead letters if none is named.

    An event may be one that was told long ago. --since and --until narrow dead letters to those that got
    their row in that time.
    """
    if events and (since or until):
        raise typer.BadParameter("name events, or a time, and not both", param_hint="--since / --until")
    since_ns, until_ns = ("" if each is None else str(each) for each in bounds_of(since, until))
    which = f" {since or ''} to {until or 'now'}" if since or until else ""
    what = f"{len(events)} events" if events else f"every dead letter{which}"
    asked = (f"Replay {what} of {notifier}?", yes)
    _say(
        "replay",
        notifier,
        events,
        note,
        control,
        asked,
        as_json=as_json,
        since_ns=since_ns,
        until_ns=until_ns,
    )


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
    **more: str,
) -> None:
    question, yes = asked
    confirm(question, yes=yes)
    ids = "\n".join(events or ())
    answer = request(control, f"deliveries-{action}", notifier=notifier, event_ids=ids, note=note, **more)
    done = f"Done: {answer['count']} deliveries." if "count" in answer else "Done."
    finish(answer, done, as_json=as_json)
