"""`fairlead status`, `halt`, `resume` and others: an operator's word to a running kernel, over its socket."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from fairlead.cli.answer_timeout import answer_timeout_seconds
from fairlead.cli.control_answers import print_report, print_status
from fairlead.cli.exit_codes import ExitCode
from fairlead.cli.store_access import JsonOption
from fairlead.domain.numbers import to_decimal, to_positive

SocketOption = Annotated[
    Path, typer.Option("--socket", help="The control socket that the kernel was configured with.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the journal.")]
OrderArgument = Annotated[
    str, typer.Argument(metavar="ORDER", help="The order's client order id, or its beginning or end.")
]
NoteOption = Annotated[str, typer.Option("--note", help="On what evidence, for the journal.")]

_BY_HAND = "from the command line"


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for name, command in (
        ("status", status),
        ("halt", halt),
        ("reduce", reduce),
        ("resume", resume),
        ("cancel", cancel),
        ("cancel-all", cancel_all),
        ("flatten", flatten),
        ("resolve", resolve),
        ("annotate", annotate),
        ("adopt", adopt),
        ("accept-drift", accept_drift),
        ("accept-balance", accept_balance),
        ("reconcile", reconcile),
    ):
        app.command(name)(command)


def status(*, control: SocketOption, as_json: JsonOption = False) -> None:
    """Ask a running kernel how it is: trading state, components, live orders."""
    found = request(control, "status")
    print_status(found, as_json=as_json)


def halt(
    *,
    control: SocketOption,
    reason: ReasonOption = _BY_HAND,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Halt trading: only cancels and reductions pass until an operator resumes. Survives a restart."""
    confirm("Halt trading?", yes=yes)
    finish(request(control, "halt", reason=reason), "Trading is halted.", as_json=as_json)


def reduce(
    *,
    control: SocketOption,
    reason: ReasonOption = _BY_HAND,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let nothing pass but what reduces or cancels. Survives a restart."""
    confirm("Take no new exposure?", yes=yes)
    finish(request(control, "reduce", reason=reason), "Trading only reduces.", as_json=as_json)


def resume(
    *,
    control: SocketOption,
    reason: ReasonOption = _BY_HAND,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Reconcile with the venue, and enable trading when that has passed."""
    confirm("Enable trading?", yes=yes)
    finish(request(control, "resume", reason=reason), "Trading is active.", as_json=as_json)


def cancel(
    order: OrderArgument, *, control: SocketOption, yes: YesOption = False, as_json: JsonOption = False
) -> None:
    """Cancel one order, whoever owns it."""
    name, told = _meant(control, order)
    confirm(f"Cancel {told}?", yes=yes)
    answer = request(control, "cancel", client_order_id=name)
    finish(answer, "The cancel goes to the venue.", as_json=as_json)


def cancel_all(*, control: SocketOption, yes: YesOption = False, as_json: JsonOption = False) -> None:
    """Cancel every live order of every owner."""
    confirm("Cancel every live order?", yes=yes)
    answer = request(control, "cancel-all")
    finish(answer, f"{len(answer['orders'])} cancels go to the venue.", as_json=as_json)


def flatten(*, control: SocketOption, yes: YesOption = False, as_json: JsonOption = False) -> None:
    """Cancel every order and close every position of every owner, at the market, and wait for it."""
    confirm("Cancel every order and close every position at the market?", yes=yes)
    answer = request(control, "flatten")
    ends = [
        f"{end['symbol']} of {end['book']}: {end['code']}, {end['left']} left" for end in answer["closings"]
    ]
    finish(answer, "; ".join(ends) or "There was nothing to close.", as_json=as_json)


def resolve(
    order: OrderArgument,
    *,
    control: SocketOption,
    note: NoteOption,
    missing: Annotated[
        bool, typer.Option("--missing", help="It was working, and the venue does not know it any more.")
    ] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Record that an unresolved order was never placed, or that a missing one is over.

    Its reserved exposure is freed: be certain.
    """
    claim = "is over at the venue" if missing else "was never placed at the venue"
    name, told = _meant(control, order)
    confirm(f"Record that {told} {claim}?", yes=yes)
    command = "resolve-missing" if missing else "resolve"
    answer = request(control, command, client_order_id=name, note=note)
    done = "The order is closed as canceled." if missing else "The order is closed as not placed."
    finish(answer, done, as_json=as_json, fixes=RESOLVE_FIXES)


def annotate(
    order: OrderArgument,
    *,
    control: SocketOption,
    note: Annotated[str | None, typer.Option("--note", help="Takes the place of the order's note.")] = None,
    clear_note: Annotated[bool, typer.Option("--clear-note", help="Takes the order's note away.")] = False,
    add_tag: Annotated[list[str] | None, typer.Option("--add-tag", help="May be repeated.")] = None,
    remove_tag: Annotated[list[str] | None, typer.Option("--remove-tag", help="May be repeated.")] = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say something about an order, working or finished, whoever owns it."""
    from fairlead.domain.identifiers import to_tags

    if note is not None and (clear_note or not note):
        raise typer.BadParameter("say either --note TEXT or --clear-note", param_hint="--note")
    # Checked here, because on the way to the kernel they stand in one text, between commas.
    added, removed = to_tags(add_tag or (), "--add-tag"), to_tags(remove_tag or (), "--remove-tag")
    name, told = _meant(control, order)
    confirm(f"Annotate {told}?", yes=yes)
    answer = request(
        control,
        "annotate",
        client_order_id=name,
        note=note or "",
        clear_note="yes" if clear_note else "",
        add_tags=",".join(added),
        remove_tags=",".join(removed),
    )
    finish(answer, "The order says so from here on.", as_json=as_json)


def adopt(
    venue_order: Annotated[str, typer.Argument(metavar="VENUE_ORDER", help="The order's id at the venue.")],
    *,
    control: SocketOption,
    owner: Annotated[str, typer.Option("--owner", help="Whose it becomes.")],
    book: Annotated[str, typer.Option("--book", help="In which book; the owner's unless given.")] = "",
    symbol: Annotated[str, typer.Option("--symbol", help="Its symbol; needed when it is over.")] = "",
    note: Annotated[str, typer.Option("--note", help="Why, for the journal.")] = _BY_HAND,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take over an order of the account that nobody here sent: fills are booked, the rest is reserved."""
    confirm(f"Take the venue's order {venue_order} over for {owner}?", yes=yes)
    answer = request(
        control, "adopt", venue_order_id=venue_order, owner=owner, book=book, symbol=symbol, note=note
    )
    done = f"The order is {owner}'s, as {answer['client_order_id']}."
    finish(answer, done, as_json=as_json, fixes=ADOPT_FIXES)


def accept_drift(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="The symbol that drifted.")],
    *,
    control: SocketOption,
    quantity: Annotated[str, typer.Option("--quantity", help="The venue's net position that you saw.")],
    note: NoteOption,
    price: Annotated[str, typer.Option("--price", help="At which price the difference is booked.")] = "",
    book: Annotated[str, typer.Option("--book", help="In which book; the operator's unless given.")] = "",
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Book the difference between the venue's net position and our books, as a correction by the operator."""
    to_decimal(quantity, "--quantity")
    if price:
        to_positive(price, "--price")
    confirm(f"Book what is missing until our books hold {quantity} {symbol}?", yes=yes)
    answer = request(
        control, "accept-drift", symbol=symbol, at_venue=quantity, book=book, price=price, note=note
    )
    finish(answer, "The difference is booked.", as_json=as_json, fixes=DRIFT_FIXES)


def accept_balance(
    asset: Annotated[str, typer.Argument(metavar="ASSET", help="The asset whose balance drifted.")],
    *,
    control: SocketOption,
    total: Annotated[str, typer.Option("--total", help="The venue's total that you saw.")],
    note: NoteOption,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Book the difference between the venue's balance of an asset and ours, as the operator's correction."""
    to_decimal(total, "--total")
    confirm(f"Book what is missing until we derive {total} {asset}?", yes=yes)
    answer = request(control, "accept-balance", asset=asset, at_venue=total, note=note)
    finish(answer, "The difference is booked.", as_json=as_json, fixes=DRIFT_FIXES)


def reconcile(*, control: SocketOption, as_json: JsonOption = False) -> None:
    """Reconcile with the venue now, and print what was found."""
    print_report(request(control, "reconcile"), as_json=as_json)


RESOLVE_FIXES = {
    "NOT_UNRESOLVED": "If it works here and the venue does not know it, add --missing.",
    "NOT_MISSING": "If nobody knows whether it arrived, leave --missing out; else reconcile and look again.",
}
ADOPT_FIXES = {
    "NO_EVIDENCE": "Check the id with reconcile; name --symbol if the order is over; else try again.",
    "NOT_FOUND": "Check the id and the symbol with reconcile.",
    "FILLS_INCOMPLETE": "Try again when the venue's trade history has caught up.",
    "ALREADY_OURS": "Nothing is to be done; see explain for its story.",
}
DRIFT_FIXES = {
    "VENUE_CHANGED": "Reconcile, look again, and give the figure that the venue holds now.",
    "NO_PRICE": "Give --price.",
    "NOT_CERTAIN": "Try again in a moment.",
}
"""What to do about a refusal, by its code."""


def request(path: Path, command: str, **arguments: str) -> dict[str, Any]:
    """Send one command to the kernel behind the socket and return its answer.

    Raises `NotRunning` when no kernel listens there or none answers, and `ControlRefused` with the
    kernel's words when it refuses.
    """
    from fairlead.errors import ControlRefused, NotRunning

    line = json.dumps({"command": command, "arguments": arguments}).encode() + b"\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(answer_timeout_seconds())
        try:
            connection.connect(str(path))
        except OSError as error:
            raise NotRunning(
                f"No kernel answers on {path}: {error.strerror or 'nobody took the call'}.",
                not_done="Nothing was sent.",
                fix="Check that the kernel runs and that its control_socket is this path.",
            ) from error
        try:
            connection.sendall(line)
            with connection.makefile("rb") as answers:
                answer = answers.readline()
        except OSError as error:
            raise NotRunning(
                f"No kernel answers on {path}: {error.strerror or 'nothing came back'}.",
                not_done="The command may have been carried out.",
                fix="Ask for status.",
            ) from error
    if not answer:
        raise NotRunning(
            f"The kernel on {path} ended the connection.",
            not_done="The command may have been carried out.",
            fix="Ask for status.",
        )
    said: dict[str, Any] = json.loads(answer)
    if not said["ok"]:
        raise ControlRefused(said["error"], fix=said["fix"])
    result: dict[str, Any] = said["result"]
    return result


def _meant(path: Path, name: str) -> tuple[str, str]:
    """Return the id of the order that the name means, and what to call it when asking for confirmation.

    Raises `ControlRefused` when a part of an id means no order that the kernel holds, or more than one.
    """
    from fairlead.domain.order_names import is_whole

    if is_whole(name):
        return name, name
    found = request(path, "find-order", name=name)
    what = " ".join(found[part] for part in ("status", "side", "quantity", "symbol"))
    return found["client_order_id"], f"{found['client_order_id']} ({what} of {found['owner']})"


def confirm(question: str, *, yes: bool) -> None:
    """Ask on stderr; exits with 3 when the answer is no, or when nobody is there to give one."""
    from fairlead.cli import output

    if yes:
        return
    try:
        confirmed = typer.confirm(question, err=True)
    except typer.Abort:
        output.print_note("")
        output.print_note("Nothing was sent: nobody answered. Where nobody can, add --yes.")
        raise typer.Exit(ExitCode.REFUSED) from None
    if not confirmed:
        output.print_note("Nothing was sent.")
        raise typer.Exit(ExitCode.REFUSED)


def finish(
    answer: dict[str, Any], done: str, *, as_json: bool, fixes: Mapping[str, str] | None = None
) -> None:
    """Print what became of a command; exits with 1 when the kernel did not accept it.

    *fixes* says what to do about a refusal, by its code.
    """
    from fairlead.cli import output

    accepted = bool(answer["accepted"])
    if as_json:
        output.print_json(answer)
    elif accepted:
        output.print_line(answer["reason"] or done)
    else:
        output.print_line(f"Not done: {answer['code']}: {answer['reason']}")
        fix = (fixes or {}).get(answer["code"], "")
        if fix:
            output.print_line(fix)
    raise typer.Exit(ExitCode.OK if accepted else ExitCode.FOUND_WRONG)
