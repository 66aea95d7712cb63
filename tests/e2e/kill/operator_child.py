"""The child: an operator's word to a real kernel on a real file, in a process that may kill itself.

``python operator_child.py OPTIONS``, the options being one JSON object: *word* is ``adopt`` or
``resolve``, *subject* the venue's id or our id of the order (none for the first resolve, which submits an
order that is lost), *label* where the process kills itself. It prints what came of the word as JSON.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from typing import Any

from fairlead import Kernel, KernelSettings, Proposal
from fairlead.kernel.settings import OnStop
from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.clock import NANOSECONDS_PER_SECOND
from fairlead.ports.exchange import Answer, SubmitRequest
from fairlead.ports.store import Batch
from fairlead_paper.client import PaperClient
from fairlead_paper.plugin import paper_client
from fairlead_paper.settings import Mode, PaperSettings
from fairlead_sqlstore.settings import SqlStoreSettings
from fairlead_sqlstore.store import SqlStore

SYMBOL = "BTC/USDT"
BEFORE_COMMIT = "before_commit"
AFTER_COMMIT = "after_commit"
SETTINGS = KernelSettings(
    account="main", on_stop=OnStop.LEAVE, allow_unchecked=True, order_deadline_ms=60_000, stop_timeout_ms=500
)


class DeadlyStore(SqlStore):
    """A store that kills the process around the commit of an operator's word."""

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
    return kind == "order_adopted" or (kind == "order_event" and b"resolved_by_operator" in payload)


async def lose(request: SubmitRequest) -> Answer:  # noqa: ARG001 - the port's
    """Nothing is sent, and nobody says so."""
    raise ConnectionResetError("the request was lost")


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


async def adopt(kernel: Kernel, subject: str) -> dict[str, Any]:
    """Take the venue's order over and cancel what is left of it."""
    answer = await kernel.adopt_order(subject, owner="bot", note="by hand")
    [name] = answer.names
    await kernel.session(owner="bot").cancel(name)
    await kernel.closed(name)
    return {"accepted": answer.accepted, "code": answer.code, "order": name}


async def main(options: dict[str, Any]) -> None:
    """Give the word, and tell what came of it."""
    clock = SystemClock()
    settings = PaperSettings(mode=Mode.PROCESS, address=options["address"], request_timeout_ms=1_500)
    client = paper_client(settings, clock)
    store = DeadlyStore(SqlStoreSettings(options["database"]), options.get("label", ""))
    logger = logging.getLogger("operator")
    kernel = Kernel(SETTINGS, exchange=client, store=store, clock=clock, logger=logger)
    async with clock.timeout_ns(60 * NANOSECONDS_PER_SECOND), kernel:
        subject = options.get("subject", "")
        word = adopt(kernel, subject) if options["word"] == "adopt" else resolve(kernel, client, subject)
        told = await word
        view = await kernel.find_order(told["order"])
        assert view is not None
        told |= {
            "status": view.status.value,
            "filled": str(view.filled_quantity),
            "adopted": view.adopted,
        }
    say(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
