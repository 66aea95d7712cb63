"""What `fairlead deliveries show` tells of one event: its record, and what became of it at every notifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from fairlead.domain.records import Record
    from fairlead.ports.store import Envelope, Scalar, StoreReader

COLUMNS = ("notifier", "what became of it", "attempts", "next try (UTC)", "detail")
PASSED = "passed"
OWED = "owed"
_MEANINGS = {
    "pending": "waits to be tried again",
    "delivered": "told, later than at once",
    "dead": "dead letter: tried no more",
    "discarded": "given up by an operator",
    PASSED: "passed: told at once, not wanted, or from before its first start",
    OWED: "owed, not tried yet",
}
_WORD = "fairlead deliveries {} {} {} --socket PATH --note WHY"


@attrs.frozen
class Told:
    """One event: the fields of its record, or nothing where that was archived, and its fate by notifier."""

    event_id: str
    sequence: int
    kind: str
    subject: str
    ts_ns: int
    record: Mapping[str, Any]
    fates: list[dict[str, Any]]


async def read(reader: StoreReader, event_id: str) -> Told:
    """Return what the store knows of an event. Raises `UnknownName` when it knows nothing."""
    from fairlead.errors import UnknownName
    from fairlead.kernel.outbox.events import sequence_of
    from fairlead.ports.searches import Search

    rows = await reader.search("deliveries", Search(equal=(("event_id", event_id),)))
    sequence = sequence_of(event_id)
    envelopes = [] if sequence is None else await reader.envelopes(sequence - 1, 1)
    found = [each for each in envelopes if each.sequence == sequence]
    if sequence is None or not (rows or found):
        fix = "Ids are in `fairlead deliveries list`, in what a notifier was told, and in its log."
        raise UnknownName("event", event_id, fix=fix)
    fates = _fates(await reader.rows("notifiers"), {str(row["notifier"]): row for row in rows}, sequence)
    kind, subject = (str(rows[0][name]) for name in ("kind", "subject")) if rows else ("", "")
    if not found:
        return Told(event_id, sequence, kind, subject, 0, {}, fates)
    return _told(event_id, found[0], kind, subject, fates)


def _told(event_id: str, envelope: Envelope, kind: str, subject: str, fates: list[dict[str, Any]]) -> Told:
    import msgspec

    from fairlead.kernel.journal.codec import decode

    record: Record = decode(envelope)
    fields = msgspec.to_builtins(record, builtin_types=())
    about = subject or str(fields.get("client_order_id", ""))
    return Told(event_id, envelope.sequence, kind or envelope.kind, about, envelope.ts_ns, fields, fates)


def _fates(
    notifiers: Sequence[Mapping[str, Any]], rows: Mapping[str, Mapping[str, Scalar]], sequence: int
) -> list[dict[str, Any]]:
    """Return what became of the event, for each notifier that was ever told something."""
    fates = []
    for notifier in notifiers:
        name, row = str(notifier["name"]), rows.get(str(notifier["name"]))
        state = str(row["state"]) if row else (PASSED if notifier["mark"] >= sequence else OWED)
        fates.append(
            {
                "notifier": name,
                "state": state,
                "attempts": row["attempts"] if row else None,
                "next_at_ns": row["next_at_ns"] if row else 0,
                "detail": row["detail"] if row else "",
                "disabled": notifier["disabled"],
                "reason": notifier["reason"],
            }
        )
    return fates


def tell(told: Told, *, as_json: bool) -> None:
    """Print it."""
    from fairlead.cli import output
    from fairlead.cli.wording import time_of

    if as_json:
        output.print_json({"event": attrs.asdict(told)})
        return
    about = f" of {told.subject}" if told.subject else ""
    if told.event_id.endswith("-position"):
        about += ", and what it did to the position"
    when = f", {time_of(told.ts_ns)} UTC" if told.ts_ns else ", whose record was archived"
    output.print_line(f"{told.event_id}: {told.kind}{about}, record {told.sequence}{when}.")
    for name, value in told.record.items():
        if name != "client_order_id" and value not in ("", None, [], {}):
            output.print_line(f"  {name}: {value}")
    if not told.fates:
        output.print_line("There are no notifiers.")
        return
    output.print_table(COLUMNS, [_line(fate) for fate in told.fates])
    for fate in told.fates:
        if fate["state"] == "dead":
            replay = _WORD.format("replay", fate["notifier"], told.event_id)
            output.print_line(f"Have it tried again with: {replay}")


def _line(fate: Mapping[str, Any]) -> tuple[object, ...]:
    from fairlead.cli.wording import time_of

    meaning = _MEANINGS[fate["state"]]
    if fate["disabled"]:
        meaning += f"; disabled: {fate['reason']}"
    attempts = "" if fate["attempts"] is None else fate["attempts"]
    return (fate["notifier"], meaning, attempts, time_of(fate["next_at_ns"]), fate["detail"])
