"""What the entry point `paper` of group `fairlead.plugins.v1` loads: this plugin's hooks.

Kept light: a loader that only lists plugins imports this module, so the venue, its server and its
client are imported where they are used.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from fairlead.errors import ConfigurationRefused
from fairlead.hookspecs import PluginContext, hookimpl
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, Clock
from fairlead.ports.exchange import ExchangeCapabilities, ExchangeClient, OrderType, TimeInForce

if TYPE_CHECKING:
    from fairlead_paper.client import PaperClient
    from fairlead_paper.desk import Desk
    from fairlead_paper.link import Link
    from fairlead_paper.settings import PaperSettings

requires_api = "1.0"


@hookimpl
def fairlead_exchanges(context: PluginContext) -> Sequence[ExchangeClient]:
    """Return the paper client that the configuration table asks for."""
    from fairlead_paper.settings import paper_settings, placed_settings

    settings = placed_settings(paper_settings(context.configuration), context.path)
    return (paper_client(settings, context.clock),)


class PaperExchangePlugin:
    """The plugin as an object: ``Kernel(plugins=[PaperExchangePlugin(PaperSettings(...))])``.

    With a *desk* every kernel that is given this plugin trades at that one venue, which then
    outlives them; without it, each gets its own from the settings.
    """

    def __init__(self, settings: PaperSettings, desk: Desk | None = None) -> None:
        self.settings = settings
        self.desk = desk

    @hookimpl
    def fairlead_exchanges(self, context: PluginContext) -> Sequence[ExchangeClient]:
        """Return a client of the venue."""
        return (paper_client(self.settings, context.clock, self.desk),)


def paper_client(settings: PaperSettings, clock: Clock, desk: Desk | None = None) -> PaperClient:
    """Return a client; it opens nothing before it is connected.

    Raises `ConfigurationRefused` when address or token cannot work; connecting raises it when a venue
    in process cannot be opened.
    """
    from fairlead_paper.client import PaperClient, Patience
    from fairlead_paper.fault_link import FaultyLink
    from fairlead_paper.fault_plan import FaultPlan
    from fairlead_paper.latency_link import LatencyLink

    timeout_ns = settings.request_timeout_ms * NANOSECONDS_PER_MILLISECOND
    link = _link(settings, clock, timeout_ns, desk)
    if settings.latency is not None:
        link = LatencyLink(link, settings.latency, clock)
    if any(settings.faults.rates.values()):
        link = FaultyLink(link, partial(FaultPlan, settings.faults), clock, timeout_ns)
    capabilities = _capabilities(settings)
    patience = Patience(
        delay_ns=settings.reconnect_delay_ms * NANOSECONDS_PER_MILLISECOND,
        delay_max_ns=settings.reconnect_delay_max_ms * NANOSECONDS_PER_MILLISECOND,
    )
    name, follow = settings.name, settings.follow
    return PaperClient(link, clock, capabilities, name=name, patience=patience, follow=follow)


def _capabilities(settings: PaperSettings) -> ExchangeCapabilities:
    from fairlead_paper.rate_limit import model_of

    return ExchangeCapabilities(
        fence=settings.fence,
        horizon_ns=settings.horizon_ms * NANOSECONDS_PER_MILLISECOND,
        order_types=frozenset(OrderType),
        times_in_force=frozenset(TimeInForce),
        post_only=True,
        reduce_only=not settings.locks_balance,
        locks_balance=settings.locks_balance,
        modify=settings.modify,
        price_source=settings.price_source,
        simulated=True,
        pacing=model_of(settings.rate_limit),
        adoption=True,
        balances=True,
        ledger=True,
        components=bool(settings.follow),
    )


def _link(settings: PaperSettings, clock: Clock, timeout_ns: int, desk: Desk | None) -> Link:
    from fairlead_paper.link import InProcessLink
    from fairlead_paper.settings import Mode

    if settings.mode is Mode.IN_PROCESS:
        from fairlead_paper.opening import open_desk

        opener = desk or (lambda: open_desk(settings.venue, clock.wall_ns))
        return InProcessLink(opener, settings.account, clock, None if desk else settings.venue.play)
    from fairlead_paper.address import address_of
    from fairlead_paper.socket_link import SocketLink

    token = os.environ.get(settings.token_env, "")
    if not token:
        raise ConfigurationRefused(
            f"The environment variable {settings.token_env} holds no token for the paper venue.",
            not_done="The client was not made.",
            fix="Set it to what the venue's process was started with.",
        )
    return SocketLink(address_of(settings.address), token, settings.account, clock, timeout_ns)
