"""Which network a store belongs to: one where money moves, or one where none does.

A ledger of paper fills is no ledger of an account, and the other way round. The first kernel on a store says
which it is; from then on the other kind is refused.
"""

from __future__ import annotations

from fairlead.errors import ConfigurationRefused
from fairlead.kernel.core.state import EngineState
from fairlead.ports.exchange import ExchangeClient

REAL = "real"
SIMULATED = "simulated"


def network_of(client: ExchangeClient) -> str:
    """Return which network the client reaches."""
    return SIMULATED if client.capabilities.simulated else REAL


def refuse_other_network(state: EngineState, client: ExchangeClient) -> None:
    """Raise `ConfigurationRefused` for a store that kernels of the other network wrote."""
    network = network_of(client)
    if state.network not in ("", network):
        raise ConfigurationRefused(
            f"The store is of a {state.network} venue, and {client.name} reaches a {network} one.",
            not_done="The kernel did not start; no record was written and nothing connected.",
            fix="Give the real account a store of its own, and keep that of the simulation apart.",
        )
