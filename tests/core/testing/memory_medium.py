"""The memory store as the store rules want it."""

from __future__ import annotations

from fairlead.ports.store import Batch, Store
from fairlead.testing.conformance.store_medium import PlannedFault, StoreMedium
from fairlead.testing.memory_store import AppendFault, MemoryDisk, MemoryStore, yield_to_loop


class MemoryMedium(StoreMedium):
    """One disk; *kind* is the class of store that works on it."""

    def __init__(self, kind: type[MemoryStore] = MemoryStore) -> None:
        super().__init__()
        self.disk = MemoryDisk()
        self._kind = kind

    def new_store(self) -> Store:
        """Return another store on the disk."""
        return self._kind(self.disk)

    async def kill(self, store: Store) -> None:
        """The disk forgets the process."""
        del store
        self.disk.lose_process()

    def plan_fault(self, store: Store, fault: AppendFault) -> PlannedFault:
        """Let the next append fail."""
        assert isinstance(store, MemoryStore)
        planned = [fault]

        def next_fault(batch: Batch) -> AppendFault | None:
            del batch
            return planned.pop() if planned else None

        async def reached() -> None:
            while not store.hanging:
                await yield_to_loop()

        store.faults = next_fault
        return PlannedFault(reached, store.release)
