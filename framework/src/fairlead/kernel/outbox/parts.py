"""The relay of a kernel, made of the kernel's parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.kernel.outbox.relay import Relay, RelayTools

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.kernel.parts import Parts
    from fairlead.ports.ids import Ids
    from fairlead.ports.notices import Notifier


def relay_of(parts: Parts, notifiers: Sequence[Notifier], ids: Ids) -> Relay:
    """Return the component that tells these notifiers."""
    tools = RelayTools(
        journal=parts.journal,
        store=parts.store,
        clock=parts.clock,
        ids=ids,
        logger=parts.logger,
        settings=parts.settings,
        supervisor=parts.supervisor,
        endless=parts.endless,
        take=parts.take,
    )
    return Relay(notifiers, tools)
