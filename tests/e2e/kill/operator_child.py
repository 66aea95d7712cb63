"""The child: an operator's word to a real kernel on a real file, in a process that may kill itself.

``python operator_child.py OPTIONS``, the options being one JSON object: *word* is one of `WORDS`, *subject*
the venue's id or our id of the order (none for the first ``resolve``, which submits an order that is lost;
the words that need none find theirs by its key), *label* where the process kills itself. It prints what
came of the word as JSON.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any

import attrs

from fairlead import Kernel, KernelSettings, Proposal
from fairlead.domain.anomalies import Severity
from fairlead.domain.reconciliation import DriftedPolicy
from fairlead.kernel.settings import OnStop
from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.clock import NANOSECONDS_PER_SECOND
from fairlead.ports.exchange import Answer, LookUp, OrderReport, SubmitRequest, VenuePosition
from fairlead.ports.store import Batch
from fairlead_paper.client import PaperClient
from fairlead_paper.plugin import paper_client
from fairlead_paper.settings import Mode, PaperSettings
from fairlead_sqlstore.settings import SqlStoreSettings
from fairlead_sqlstore.store import SqlStore

SYMBOL = "BTC/USDT"
BEFORE_COMMIT = "before_commit"
AFTER_COMMIT = "after_commit"
MOVED_IN = Decimal("0.5")
SETTINGS = KernelSettings(
    account="main",
    on_stop=OnStop.LEAVE,
    allow_unchecked=True,
    order_deadline_ms=60_000,
    stop_timeout_ms=500,
    look_up_interval_ms=50,
    missing_policy=Severity.NOTE,
    drifted_policy=DriftedPolicy.REPORT,
)
KINDS = ("order_adopted", "order_annotated", "position_corrected")
"""Records that are an operator's or a bot's word by themselves."""

CAUSES = (b"resolved_by_operator", b"missing at the venue")


class DeadlyStore(SqlStore):
    """A store that kills the process around the commit of a word."""

    def __init__(self, settings: SqlStoreSettings, label: str) -> None:
        super().__init__(settings)
        self._label = label

    async def append(self, batch: Batch) -> None:
        """See `Store.append`."""
        matters = any(_is_word(envelope.kind, envelope.payload) for envelope in batch.envelopes)
        if matters and self._label == BEFORE_COMMIT:
            os.kill(os.getpid(), signal.SIGKILL)
        await super().append(batch)
        if matters and self._label == AFTER_COMMIT:
            os.kill(os.getpid(), signal.SIGKILL)


def _is_word(kind: str, payload: bytes) -> bool:
    return kind in KINDS or (kind == "order_event" and any(cause in payload for cause in CAUSES))


async def lose(request: SubmitRequest) -> Answer:  # noqa: ARG001 - the port's
    """Nothing is sent, and nobody says so."""
    raise ConnectionResetError("the request was lost")


async def know_nothing(client_order_id: str, symbol: str) -> LookUp:  # noqa: ARG001 - the port's
    """Look everywhere and find no order."""
    return LookUp(None, (), complete=True)


async def show_none() -> Sequence[OrderReport]:
    """Have no open order."""
    return ()


async def show_what_was_moved_in() -> Sequence[VenuePosition]:
    """Hold what nobody here traded."""
    return (VenuePosition(SYMBOL, MOVED_IN),)


def say(line: str) -> None:
    """Tell the parent."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def resolve(kernel: Kernel, client: PaperClient, subject: str) -> dict[str, Any]:
    """Resolve an order whose request was lost; the first time one is made for it."""
    if not subject:
        client.submit = lose  # type: ignore[method-assign]  # the wire to the venue breaks
        proposal = Proposal.buy(SYMBOL, quantity="0.01", limit_price="1")
        result = await kernel.session(owner="bot").execute(proposal, idempotency_key="the-one")
        subject = result.client_order_id
        say(subject)
    answer = await kernel.resolve_not_placed(subject, note="the venue's support says so")
    return {"accepted": answer.accepted, "code": answer.code, "order": subject}


async def adopt(kernel: Kernel, client: PaperClient, subject: str) -> dict[str, Any]:  # noqa: ARG001 - as all
    """Take the venue's order over and cancel what is left of it."""
    answer = await kernel.adopt_order(subject, owner="bot", note="by hand")
    [name] = answer.names
    await kernel.session(owner="bot").cancel(name)
    await kernel.closed(name)
    return {"accepted": answer.accepted, "code": answer.code, "order": name}


async def resting(kernel: Kernel) -> str:
    """Return the order that rests at the venue, placed by the first child."""
    proposal = Proposal.buy(SYMBOL, quantity="20", limit_price="1")
    result = await kernel.session(owner="bot").execute(proposal, idempotency_key="the-one")
    return result.client_order_id


async def annotate(kernel: Kernel, client: PaperClient, _subject: str) -> dict[str, Any]:  # noqa: ARG001 - as all
    """Say something about the order."""
    order = await resting(kernel)
    bot = kernel.session(owner="bot")
    answer = await bot.annotate(order, note="checked by hand", add_tags=["checked"], idempotency_key="say")
    return {"accepted": answer.accepted, "code": answer.code, "order": order}


async def bury(kernel: Kernel, client: PaperClient, _subject: str) -> dict[str, Any]:
    """Say that the order is over, which the venue has lost."""
    order = await resting(kernel)
    client.look_up = know_nothing  # type: ignore[method-assign]  # the venue has lost it
    client.open_orders = show_none  # type: ignore[method-assign]  # a fake
    await kernel.reconcile()
    answer = await kernel.resolve_missing(order, note="the venue's support says so")
    return {"accepted": answer.accepted, "code": answer.code, "order": order}


async def accept(kernel: Kernel, client: PaperClient, _subject: str) -> dict[str, Any]:  # noqa: ARG001 - as all
    """Take the venue's word for what is held."""
    order = await resting(kernel)
    answer = await kernel.accept_drift(SYMBOL, at_venue=MOVED_IN, price=100, note="moved in")
    return {"accepted": answer.accepted, "code": answer.code, "order": order}


async def main(options: dict[str, Any]) -> None:
    """Give the word, and tell what came of it."""
    clock = SystemClock()
    settings = PaperSettings(mode=Mode.PROCESS, address=options["address"], request_timeout_ms=1_500)
    client = paper_client(settings, clock)
    if options["word"] == "accept":
        client.capabilities = attrs.evolve(client.capabilities, positions=True)
        client.positions = show_what_was_moved_in  # type: ignore[attr-defined]  # a `PositionKeeper` besides
    store = DeadlyStore(SqlStoreSettings(options["database"]), options.get("label", ""))
    logger = logging.getLogger("operator")
    kernel = Kernel(SETTINGS, exchange=client, store=store, clock=clock, logger=logger)
    async with clock.timeout_ns(60 * NANOSECONDS_PER_SECOND), kernel:
        told = await WORDS[options["word"]](kernel, client, options.get("subject", ""))
        view = await kernel.find_order(told["order"])
        assert view is not None
        told |= {
            "status": view.status.value,
            "filled": str(view.filled_quantity),
            "adopted": view.adopted,
            "note": view.note,
            "held": str(kernel.net_quantity(SYMBOL)),
        }
    say(json.dumps(told))


WORDS: dict[str, Callable[[Kernel, PaperClient, str], Awaitable[dict[str, Any]]]] = {
    "adopt": adopt,
    "resolve": resolve,
    "annotate": annotate,
    "bury": bury,
    "accept": accept,
}


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
