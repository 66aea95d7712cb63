"""A store belongs to one network: what a simulation wrote is no ledger of a real account."""

from __future__ import annotations

from typing import ClassVar

import attrs
import pytest

from fairlead.errors import ConfigurationRefused
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.kernel.bench import Bench, Yes, instrument, on_bench


class AtMost(Yes):
    """A check that tells a limit, as a live kernel needs one."""

    name = "at-most"
    limits: ClassVar[dict[str, int]] = {"total": 1}


def venue(*, simulated: bool) -> ScriptedExchange:
    """Return a client of a venue where money moves, or of one where none does."""
    exchange = ScriptedExchange([instrument()])
    exchange.capabilities = attrs.evolve(exchange.capabilities, simulated=simulated)
    return exchange


@pytest.mark.requirement("SEC-5")
@pytest.mark.parametrize("network", ["simulated", "real"])
def test_a_store_of_another_network_is_refused(network: str) -> None:
    """Neither way round: nothing is written or connected, and the store's own network goes on."""
    simulated = network == "simulated"

    async def main(bench: Bench) -> None:
        name = await bench.working()
        await bench.kernel.stop()
        written, own = len(bench.disk.envelopes), bench.exchange
        bench.exchange = venue(simulated=not simulated)
        with pytest.raises(ConfigurationRefused, match=f"The store is of a {network} venue"):
            await bench.start_another()
        assert len(bench.disk.envelopes) == written
        assert bench.exchange.sink is None
        bench.exchange = own
        await bench.start_another()
        assert bench.order(name).status == "ACCEPTED"

    on_bench(main, exchange=venue(simulated=simulated), checks=[AtMost()], settings={"live": True})
