"""The notifier: a notice is delivered when the disk has its line."""

from __future__ import annotations

import os
from pathlib import Path

import attrs
import msgspec

from fairlead.ports.notices import DELIVERED, DeliveryOutcome, DeliverySettings, DeliveryVerdict, Notice


@attrs.frozen
class NoticeLines:
    """Appends each notice of the wanted kinds, all when none is named.

    The same notice may come twice, after a crash for one: whoever reads the file goes by its *event_id*.
    """

    path: Path
    kinds: tuple[str, ...] = ()
    name: str = "notice_lines"
    delivery: DeliverySettings = attrs.field(factory=DeliverySettings)

    def wants(self, notice: Notice) -> bool:
        """Tell whether the notice is of a wanted kind."""
        return not self.kinds or notice.kind in self.kinds

    async def deliver(self, notice: Notice, attempt: int) -> DeliveryOutcome:
        """Append the line; a disk that refuses may take it later."""
        del attempt
        try:
            with self.path.open("ab") as file:
                file.write(msgspec.json.encode(notice) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            return DeliveryOutcome(DeliveryVerdict.AGAIN, f"{self.path.name}: {error.strerror}")
        return DELIVERED

    async def close(self) -> None:
        """Nothing is kept open."""
