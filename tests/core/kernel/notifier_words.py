"""An operator's words about notifiers, said to a kernel as the command line says them."""

from __future__ import annotations

from fairlead.kernel.control.commands import answer
from tests.core.kernel.bench import Bench

NOTE = "for the test"


async def say(
    bench: Bench,
    action: str,
    *events: str,
    notifier: str = "scripted",
    since_ns: str = "",
    until_ns: str = "",
) -> object:
    """Return the kernel's answer to a word about these events, or without any about all that it means."""
    arguments = {"notifier": notifier, "event_ids": "\n".join(events), "note": NOTE}
    if action == "replay":
        arguments |= {"since_ns": since_ns, "until_ns": until_ns}
    return await answer(bench.kernel, f"deliveries-{action}", arguments)
