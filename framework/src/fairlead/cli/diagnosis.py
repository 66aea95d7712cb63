"""What `fairlead doctor` looks at: a configuration, against itself and against what it names.

Nothing is written, locked or ordered. Every finding says what is wrong and what to do; one that hides
others (a file that cannot be read) comes alone.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TypeVar

import attrs

from fairlead.errors import ConfigurationRefused, FairleadError
from fairlead.hookspecs import PluginContext
from fairlead.kernel.composition import check_checks, check_live, only_one
from fairlead.kernel.configuration import PATH_SETTINGS, Configuration, read_configuration
from fairlead.kernel.plugged.order import start_order
from fairlead.kernel.settings import KernelSettings
from fairlead.kernel.system_clock import SystemClock
from fairlead.kernel.system_ids import SystemIds
from fairlead.plugins.manager import PluginManager
from fairlead.plugins.redaction import redacted
from fairlead.plugins.register import FAULTS, capital, told
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, Clock
from fairlead.ports.exchange import ExchangeClient, Report

_T = TypeVar("_T")


class Topic(StrEnum):
    """What a finding is about."""

    CONFIGURATION = "configuration"
    PLUGINS = "plugins"
    SETTINGS = "settings"
    STORE = "store"
    EXCHANGE = "exchange"
    PROBES = "probes"


@attrs.frozen
class Finding:
    """Something that is wrong, or with *is_note* only worth knowing."""

    topic: Topic
    text: str
    is_note: bool = False


async def diagnose(path: Path, *, connect: bool) -> list[Finding]:
    """Return everything that is found about the configuration, most basic first.

    Only with *connect* the exchange is reached: connected, its instruments and time read, disconnected;
    so are the probes of plugins that reach something.
    """
    try:
        configuration = read_configuration(path)
    except ConfigurationRefused as refusal:
        return [Finding(Topic.CONFIGURATION, str(refusal))]
    settings = configuration.settings
    found = [Finding(Topic.SETTINGS, text) for text in contradictions(settings)]
    found += [Finding(Topic.SETTINGS, text) for text in _unusable_paths(settings)]
    manager = PluginManager(tables=configuration.tables)
    manager.load(tuple(configuration.tables))
    refusals = _refusals(manager.require)
    if refusals:
        return [*found, *(Finding(Topic.PLUGINS, text) for text in refusals)]
    clients, provided = _provided(configuration, manager)
    found += provided
    found += [finding async for finding in _store_findings(configuration, manager)]
    found += [finding async for finding in _probe_findings(configuration, manager, connect=connect)]
    if connect:
        for client in clients:
            found += [finding async for finding in exchange_findings(settings, client, SystemClock())]
    return found


def contradictions(settings: KernelSettings) -> Iterator[str]:
    """Yield every pair of settings that cannot both be meant."""
    if settings.check_hang_ms <= settings.check_budget_ms:
        yield (
            f"kernel.check_hang_ms ({settings.check_hang_ms}) is not above kernel.check_budget_ms"
            f" ({settings.check_budget_ms}): a check that is only slow would halt the kernel. Raise it."
        )
    if settings.request_timeout_ms < settings.order_deadline_ms:
        yield (
            f"kernel.request_timeout_ms ({settings.request_timeout_ms}) is below kernel.order_deadline_ms"
            f" ({settings.order_deadline_ms}): the venue may take an order after the kernel stopped waiting"
            " for the answer. Lower the deadline, or raise the timeout."
        )
    if settings.look_up_interval_max_ms < settings.look_up_interval_ms:
        yield (
            f"kernel.look_up_interval_max_ms ({settings.look_up_interval_max_ms}) is below"
            f" kernel.look_up_interval_ms ({settings.look_up_interval_ms}). Raise it."
        )
    pauses_ms = settings.recovery_attempts_max * settings.recovery_interval_ms
    if pauses_ms > settings.recovery_window_ms:
        yield (
            f"kernel.recovery_attempts_max pauses of kernel.recovery_interval_ms take {pauses_ms} ms, longer"
            f" than kernel.recovery_window_ms ({settings.recovery_window_ms}): the kernel would never give"
            " up. Raise the window, or lower the others."
        )


def _unusable_paths(settings: KernelSettings) -> Iterator[str]:
    for name in PATH_SETTINGS:
        text: str = getattr(settings, name)
        if text and not Path(text).parent.is_dir():
            yield f"kernel.{name}: there is no folder {str(Path(text).parent)!a}. Make it."
    switch = settings.kill_switch_file
    if switch and Path(switch).exists():
        yield f"kernel.kill_switch_file: {switch!a} is there, so the kernel halts. Remove it."


def _refusals(check: Callable[[], object]) -> list[str]:
    """Return why something was refused, or nothing."""
    try:
        check()
    except FairleadError as refusal:
        return [str(refusal)]
    return []


def _provided(
    configuration: Configuration, manager: PluginManager
) -> tuple[Sequence[ExchangeClient], list[Finding]]:
    """Ask the plugins for everything that a kernel would, and say what is missing, doubled or refused."""
    settings, context = configuration.settings, _context(configuration)
    found: list[Finding] = []

    def asked(topic: Topic, question: Callable[[PluginContext], Sequence[_T]]) -> Sequence[_T] | None:
        try:
            return question(context)
        except FairleadError as refusal:
            text = str(refusal)
            if all(finding.text != text for finding in found):
                found.append(Finding(topic, text))
            return None

    clients = asked(Topic.EXCHANGE, manager.exchanges)
    stores = asked(Topic.STORE, manager.stores)
    checks = asked(Topic.PLUGINS, manager.risk_checks)
    sources = asked(Topic.PLUGINS, manager.price_sources)
    components = asked(Topic.PLUGINS, manager.components)
    refused: list[str] = []
    if clients is not None:
        refused += _refusals(lambda: only_one("exchange", None, clients))
    for client in clients or ():
        refused += _refusals(partial(check_live, settings, client, checks or ()))
    if stores is not None:
        refused += _refusals(lambda: only_one("store", None, stores))
    if checks is not None:
        refused += _refusals(lambda: check_checks(settings, checks, ()))
    if sources is not None and components is not None:
        refused += _refusals(lambda: start_order(sources, components))
    found += [Finding(Topic.CONFIGURATION, text) for text in refused]
    return clients or (), found


def _context(configuration: Configuration) -> PluginContext:
    logger = logging.getLogger("fairlead")
    return PluginContext(
        configuration.settings.account, SystemClock(), SystemIds(), {}, logger, configuration.folder
    )


async def _store_findings(configuration: Configuration, manager: PluginManager) -> AsyncIterator[Finding]:
    """Read the store that is there; one that is not there yet needs a folder that can be written to."""
    for name, table in configuration.tables.items():
        text = table.get("path")
        path = configuration.folder / text if isinstance(text, str) else None
        if path is None or path.exists():
            continue
        if os.access(path.parent, os.W_OK):
            yield Finding(
                Topic.STORE, f"plugins.{name}.path: {str(path)!a} is made at first start.", is_note=True
            )
        else:
            yield Finding(Topic.STORE, f"plugins.{name}.path: {str(path.parent)!a} cannot be written to.")
        return
    try:
        for reader in manager.store_readers(_context(configuration)):
            await reader.open()
            try:
                account = await reader.account()
            finally:
                await reader.close()
            if account != configuration.settings.account:
                yield Finding(
                    Topic.STORE,
                    f"The store belongs to account {account!a}, and kernel.account is"
                    f" {configuration.settings.account!a}. Give each account a store of its own.",
                )
    except FairleadError as refusal:
        yield Finding(Topic.STORE, str(refusal))


async def _probe_findings(
    configuration: Configuration, manager: PluginManager, *, connect: bool
) -> AsyncIterator[Finding]:
    """Have the plugins' probes look, each within a request's time; one that fails is told of."""
    clock, patience_ns = SystemClock(), configuration.settings.ns("request_timeout")
    offered = manager.probes(_context(configuration))
    for each in offered.skipped:
        yield Finding(Topic.PROBES, f"{each.record.origin}, hook {each.hook}: {each.reason}.")
    for probe, record in offered.provided:
        if probe.connects and not connect:
            continue
        try:
            async with clock.timeout_ns(patience_ns):
                seen = [
                    Finding(Topic.PROBES, f"{probe.name}: {each.text}", is_note=each.is_note)
                    for each in await probe.examine()
                ]
        except FAULTS as error:  # isolation point: a probe that breaks costs only what it would have seen
            problem = f"the probe {probe.name} of {record.origin} could not look: {told(error)}"
            yield Finding(Topic.PROBES, f"{capital(problem)}. Tell its author.")
        else:
            for finding in seen:
                yield finding


class _Nowhere:
    """A sink that keeps nothing."""

    def put(self, report: Report) -> None:
        """Forget it."""

    def disconnected(self, reason: str) -> None:
        """Forget it."""

    def reconnected(self) -> None:
        """Forget it."""


async def exchange_findings(
    settings: KernelSettings, client: ExchangeClient, clock: Clock
) -> AsyncIterator[Finding]:
    """Reach the venue, within ``request_timeout_ms``, and leave it, within the same; tell what was wrong."""
    try:
        async with clock.timeout_ns(settings.ns("request_timeout")):
            await client.connect(_Nowhere())
            instruments = await client.instruments()
            before_ns = clock.wall_ns()
            server_time = getattr(client, "server_time", None)
            skew_ns = await server_time() - before_ns if server_time else 0
    except Exception as error:  # isolation point: whatever a client throws, the venue was not reached
        problem = redacted(str(error)) or type(error).__name__
        yield Finding(Topic.EXCHANGE, f"{client.name} cannot be reached: {problem}. Check network and keys.")
    else:
        if not instruments:
            yield Finding(Topic.EXCHANGE, f"{client.name} has no instrument, so nothing can be traded.")
        if abs(skew_ns) > settings.ns("deadline_margin"):
            skew_ms = skew_ns // NANOSECONDS_PER_MILLISECOND
            yield Finding(
                Topic.EXCHANGE,
                f"The clock of {client.name} is {skew_ms} ms from ours, more than kernel.deadline_margin_ms"
                f" ({settings.deadline_margin_ms}). Set this machine's clock.",
            )
    finally:
        try:
            async with clock.timeout_ns(settings.ns("request_timeout")):
                await client.disconnect()
        except Exception as error:  # isolation point: a client that cannot leave is told of, too
            yield Finding(Topic.EXCHANGE, f"{client.name} did not disconnect: {type(error).__name__}.")
