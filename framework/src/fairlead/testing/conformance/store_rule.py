"""How a rule is written down and becomes a test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest

from fairlead.testing.conformance.store_medium import StoreMedium
from fairlead.testing.memory_store import AppendFault


class StoreRules:
    """Base of the rules: where the store under test comes from and on which loop a rule runs."""

    can_kill: ClassVar[bool] = True
    faults: ClassVar[frozenset[AppendFault]] = frozenset(AppendFault)

    def medium_at(self, folder: Path) -> StoreMedium:
        """Return a fresh, empty place for data; the folder is empty and may be used."""
        raise NotImplementedError

    def run(self, check: Coroutine[Any, Any, None]) -> None:
        """Run a rule to its end; override it to run on another loop."""
        asyncio.run(check)

    @pytest.fixture
    def medium(self, tmp_path: Path) -> StoreMedium:
        """Give a rule its place for data."""
        return self.medium_at(tmp_path)

    def needs_kill(self) -> None:
        """Skip the rule for a store whose process cannot be killed in a test."""
        if not self.can_kill:
            pytest.skip("the death of a process cannot be played for this store")

    def needs(self, fault: AppendFault) -> None:
        """Skip the rule for a store that cannot be made to fail like this."""
        if fault not in self.faults:
            pytest.skip(f"the fault {fault.value!r} cannot be played for this store")


Suite = TypeVar("Suite", bound=StoreRules)


def rule(check: Callable[[Suite, StoreMedium], Awaitable[None]]) -> Callable[[Suite, StoreMedium], None]:
    """Make a test of a rule; every store that it took from the medium is closed afterwards."""

    def test(self: Suite, medium: StoreMedium) -> None:
        async def checked() -> None:
            try:
                await check(self, medium)
            finally:
                await medium.dispose()

        self.run(checked())

    test.__name__ = check.__name__
    test.__qualname__ = check.__qualname__
    test.__doc__ = check.__doc__
    return test
