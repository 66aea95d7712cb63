"""What an author tells the store rules about a store."""

from __future__ import annotations

import abc
from collections.abc import Awaitable, Callable

import attrs

from fairlead.ports.store import Store
from fairlead.testing.memory_store import AppendFault


@attrs.frozen
class PlannedFault:
    """A fault that waits for the next append: *reached* returns once that hangs, *release* lets it go on."""

    reached: Callable[[], Awaitable[None]]
    release: Callable[[], None]


class StoreMedium(abc.ABC):
    """A place where one account's data is kept: a file, a database, a dictionary.

    Every store it hands out works on the same data, as processes after or beside each other do.
    """

    def __init__(self) -> None:
        self._handed_out: list[Store] = []

    @abc.abstractmethod
    def new_store(self) -> Store:
        """Return another store on the same data, not opened."""

    async def kill(self, store: Store) -> None:
        """Let the store's process die: nothing is closed in order, and what the system frees is freed.

        Needed with ``can_kill``.
        """
        raise NotImplementedError

    def plan_fault(self, store: Store, fault: AppendFault) -> PlannedFault:
        """Let the store's next append go wrong like this; *reached* and *release* matter when it hangs.

        Needed for every fault in ``faults``.
        """
        raise NotImplementedError

    def store(self) -> Store:
        """Return `new_store`, which is closed when the rule has been checked."""
        store = self.new_store()
        self._handed_out.append(store)
        return store

    async def dispose(self) -> None:
        """Close every store that was handed out."""
        for store in self._handed_out:
            await store.close()
