"""How a rule becomes a test: a world is made, the rule is run in it, the world is cleared up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import pytest

from fairlead.testing.conformance.exchange_world import Ability, ExchangeWorld


class NotDeclared(Exception):
    """The client does not declare what the rule is about; the rule is skipped."""


class ExchangeRules:
    """The base of all rules."""

    async def make_world(self) -> ExchangeWorld:
        """Return a fresh world: a venue with one account, no orders, no fills."""
        raise NotImplementedError

    def run(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run one rule to its end; a world with a loop of its own overrides this."""
        asyncio.run(main())


def rule(*needs: Ability) -> Callable[[Callable[[Any, ExchangeWorld], Coroutine[Any, Any, None]]], Any]:
    """Turn ``async def test_x(self, world)`` into a test that pytest collects."""

    def wrap(body: Callable[[Any, ExchangeWorld], Coroutine[Any, Any, None]]) -> Callable[[Any], None]:
        async def main(rules: ExchangeRules, skipped: list[str]) -> None:
            world = await rules.make_world()
            missing = [ability.value for ability in needs if ability not in world.abilities]
            try:
                if not missing:
                    await body(rules, world)
                skipped.append(f"the world cannot {', '.join(missing)}" if missing else "")
            except NotDeclared as reason:
                skipped.append(str(reason))
            finally:
                await world.close()

        def test(self: ExchangeRules) -> None:
            skipped: list[str] = []
            self.run(partial(main, self, skipped))
            assert skipped, "`run` did not run the rule to its end"
            if skipped[0]:
                pytest.skip(skipped[0])

        test.__name__ = body.__name__
        test.__qualname__ = body.__qualname__
        test.__doc__ = body.__doc__
        return test

    return wrap
