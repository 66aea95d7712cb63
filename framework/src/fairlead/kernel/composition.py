"""Composition: which exchange client, store and checks a kernel gets, from objects and from plugins."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, TypeVar, cast

import attrs

from fairlead.domain.identifiers import to_key, to_name
from fairlead.domain.reconciliation import ForeignPolicy
from fairlead.errors import ConfigurationRefused, InvalidInput
from fairlead.hookspecs import PluginContext
from fairlead.kernel.configuration import digest_of
from fairlead.kernel.core.market import Market
from fairlead.kernel.gate.gate import Gate
from fairlead.kernel.gate.judgements import limits_of
from fairlead.kernel.gate.watchdog import ThreadWatchdog, Watchdog
from fairlead.kernel.plugged.notifiers import checked_notifiers
from fairlead.kernel.plugged.order import start_order
from fairlead.kernel.settings import BalanceCheck, KernelSettings
from fairlead.plugins.manager import PluginManager
from fairlead.plugins.observers import Observer
from fairlead.ports.clock import Clock
from fairlead.ports.components import KernelComponent
from fairlead.ports.exchange import ComponentBringer, ExchangeClient, Fence
from fairlead.ports.ids import Ids
from fairlead.ports.notices import Notifier
from fairlead.ports.pacing import PacingModel
from fairlead.ports.prices import PriceSource
from fairlead.ports.risk import RiskCheck
from fairlead.ports.store import Store

_T = TypeVar("_T")


@attrs.define(slots=True, kw_only=True)
class Ingredients:
    """Everything that a kernel is made of."""

    settings: KernelSettings
    exchange: ExchangeClient
    store: Store
    checks: Sequence[RiskCheck]
    required_checks: Sequence[str]
    clock: Clock
    ids: Ids
    watchdog: Watchdog
    logger: logging.Logger
    plugins: tuple[tuple[str, str], ...]
    digest: str
    pacing: PacingModel | None = None
    observers: Sequence[Observer] = ()
    price_sources: Sequence[PriceSource] = ()
    components: Sequence[KernelComponent] = ()
    notifiers: Sequence[Notifier] = ()


@attrs.define(slots=True, kw_only=True)
class Given:
    """What the bot's author passed; anything may come from a plugin instead."""

    plugins: Sequence[object] = ()
    exchange: ExchangeClient | None = None
    store: Store | None = None
    checks: Sequence[RiskCheck] = ()
    required_checks: Sequence[str] = ()
    tables: Mapping[str, Mapping[str, Any]] = attrs.Factory(dict)
    watchdog: Watchdog | None = None
    folder: Path = Path()
    digest: str = ""
    pacing: PacingModel | None = None
    notifiers: Sequence[Notifier] = ()


class GivenParts(TypedDict, total=False):
    """Parts that may be passed as they are instead of coming from a plugin."""

    exchange: ExchangeClient | None
    store: Store | None
    checks: Sequence[RiskCheck]
    required_checks: Sequence[str]
    tables: Mapping[str, Mapping[str, Any]]
    watchdog: Watchdog | None
    pacing: PacingModel | None
    notifiers: Sequence[Notifier]
    folder: Path
    digest: str


def compose(
    settings: KernelSettings, given: Given, clock: Clock, ids: Ids, logger: logging.Logger
) -> Ingredients:
    """Ask the plugins and put everything together.

    A plugin is an object with hooks, or the name of an installed one. Raises `ConfigurationRefused`
    when a part is missing or doubled, and `PluginRefused` when a plugin that was asked for is not fit.
    """
    manager = PluginManager(tables=given.tables)
    for plugin in given.plugins:
        manager.load([plugin]) if isinstance(plugin, str) else manager.add(plugin)
    manager.require()
    context = PluginContext(settings.account, clock, ids, {}, logger, given.folder)
    exchange = only_one("exchange", given.exchange, manager.exchanges(context))
    store = only_one("store", given.store, manager.stores(context))
    checks = [*given.checks, *manager.risk_checks(context)]
    check_checks(settings, checks, given.required_checks)
    check_exchange(settings, exchange, checks)
    sources, components = manager.price_sources(context), manager.components(context) + brought_by(exchange)
    notifiers = checked_notifiers([*given.notifiers, *manager.notifiers(context)])
    start_order(sources, components)
    return Ingredients(
        settings=settings,
        exchange=exchange,
        store=store,
        checks=checks,
        required_checks=given.required_checks,
        clock=clock,
        ids=ids,
        watchdog=given.watchdog or ThreadWatchdog(settings.ns("check_hang")),
        logger=logger,
        plugins=manager.versions(),
        digest=given.digest or digest_of({"kernel": attrs.asdict(settings)}),
        pacing=given.pacing,
        observers=manager.observers(context),
        price_sources=sources,
        components=components,
        notifiers=notifiers,
    )


def brought_by(exchange: ExchangeClient) -> tuple[KernelComponent, ...]:
    """Return the components that an exchange client brings with it."""
    if not exchange.capabilities.components:
        return ()
    return tuple(cast("ComponentBringer", exchange).components())


_ADVICE = {
    "exchange": "There is no implicit paper mode; pass an exchange client or plugin.",
    "store": "Pass a store or plugin, for example that of fairlead-sqlstore.",
}


def only_one(part: str, given: _T | None, provided: Sequence[_T]) -> _T:
    """Return the one part there is, given or provided; refuse to have none or several."""
    found = [*([] if given is None else [given]), *provided]
    if not found:
        raise ConfigurationRefused(
            f"The kernel has no {part}.", not_done="It was not made.", fix=_ADVICE[part]
        )
    if len(found) > 1:
        raise ConfigurationRefused(
            f"The kernel was given {len(found)} {part}s and uses exactly one.",
            not_done="It was not made.",
            fix="Leave all but one out.",
        )
    return found[0]


def check_exchange(settings: KernelSettings, exchange: ExchangeClient, checks: Sequence[RiskCheck]) -> None:
    """Refuse an exchange client that the settings or the checks do not fit."""
    check_live(settings, exchange, checks)
    check_adoption(settings, exchange)
    check_balances(settings, exchange)


def check_live(settings: KernelSettings, exchange: ExchangeClient, checks: Sequence[RiskCheck]) -> None:
    """Refuse a real venue that was not asked for as one, and one without any check or limit."""
    if exchange.capabilities.simulated:
        return
    if not settings.live:
        raise ConfigurationRefused(
            f"The exchange client {exchange.name} reaches a real venue, and kernel.live is not true.",
            not_done="The kernel was not made and nothing was connected.",
            fix="Write live = true when orders are to be real; a simulated client says so itself.",
        )
    if settings.allow_unchecked:
        raise ConfigurationRefused(
            "kernel.allow_unchecked is for simulated venues; this kernel is live.",
            not_done="The kernel was not made.",
            fix="Leave it out and give the kernel risk checks.",
        )
    if not any(limits_of(check) for check in checks):
        raise ConfigurationRefused(
            "No risk check tells a limit, and this kernel is live.",
            not_done="The kernel was not made.",
            fix="Configure one, for example plugins.riskhooks.maximum_positions.",
        )


def check_balances(settings: KernelSettings, exchange: ExchangeClient) -> None:
    """Refuse to demand balances of a client that tells none: every order would be denied."""
    if settings.balance_check is BalanceCheck.REQUIRED and not exchange.capabilities.balances:
        raise ConfigurationRefused(
            f"kernel.balance_check is required, and the client {exchange.name} tells no balances.",
            not_done="The kernel was not made.",
            fix='Set balance_check = "known": then what an order needs is not checked with this client.',
        )


def check_adoption(settings: KernelSettings, exchange: ExchangeClient) -> None:
    """Refuse to take orders over by policy where that cannot be done, or where nothing fences who sent them.

    Without a fence an order of another kernel that is still on its way could arrive after all was taken over.
    """
    if settings.foreign_policy is not ForeignPolicy.ADOPT:
        return
    fix = 'Set foreign_policy = "leave", and let an operator take over what shall be ours.'
    if not exchange.capabilities.adoption:
        raise ConfigurationRefused(
            f"kernel.foreign_policy is adopt, and the client {exchange.name} cannot take orders over.",
            not_done="The kernel was not made.",
            fix=fix,
        )
    if exchange.capabilities.fence is Fence.NONE:
        raise ConfigurationRefused(
            f"kernel.foreign_policy is adopt, and the venue of {exchange.name} has no fence.",
            not_done="The kernel was not made: an account without a fence is not taken over by itself.",
            fix=fix,
        )


def check_checks(
    settings: KernelSettings, checks: Sequence[RiskCheck], required_checks: Sequence[str]
) -> None:
    """Refuse to have no check, a check whose name or version cannot be recorded, and two of one name."""
    if not checks and not required_checks and not settings.allow_unchecked:
        raise ConfigurationRefused(
            "The kernel has no risk check.",
            not_done="It was not made.",
            fix="Pass checks, or set allow_unchecked=True to trade without any.",
        )
    for check in checks:
        try:
            to_name(check.name, "a risk check's name")
            to_key(check.version, "a risk check's version")
            limits_of(check)
        except InvalidInput as refusal:
            raise ConfigurationRefused(
                refusal.what, not_done="The kernel was not made.", fix=refusal.fix
            ) from refusal
    names = [check.name for check in checks]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ConfigurationRefused(
            f"Two risk checks are called {doubled[0]!r}.",
            not_done="The kernel was not made.",
            fix="Give each its own name.",
        )


def gate_of(ingredients: Ingredients) -> Gate:
    """Return the gate with the checks that the kernel was given."""
    return Gate(
        ingredients.checks,
        ingredients.clock,
        Market.of(ingredients.settings),
        budget_ns=ingredients.settings.ns("check_budget"),
        required=ingredients.required_checks,
        watchdog=ingredients.watchdog,
    )
