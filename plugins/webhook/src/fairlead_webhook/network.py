"""The network below the HTTP engine: resolves a name, checks every address, and connects to a checked one.

The name is looked up here and nowhere else, so nothing can answer differently between the check and the
connection. TLS still verifies the name. Imported with the first delivery, for the HTTP engine is heavy.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import httpcore2

from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, Clock
from fairlead_webhook.guard import Address, blocked, is_private, to_address

if TYPE_CHECKING:
    from fairlead_webhook.settings import EndpointSettings

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Looks a name up; returns its addresses as text."""


class AddressBlocked(Exception):
    """Nothing was sent, for where it would have gone; the text says why and holds no secret."""


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system, off the loop's thread."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(place[0]) for *_, place in found]


class GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """Connects for one endpoint, to addresses that its rule lets through."""

    def __init__(self, settings: EndpointSettings, clock: Clock, resolve: Resolve) -> None:
        self._settings = settings
        self._rule = settings.rule()
        self._is_plain = settings.target().scheme == "http"
        self._clock = clock
        self._resolve = resolve
        self._look_up: asyncio.Task[Sequence[str]] | None = None
        self._wire = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the engine's signature; the clock's is used
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address that answers. Raises `AddressBlocked` before anything is sent."""
        del socket_options  # the engine is given none
        patience_ns = self._settings.connect_timeout_ms * NANOSECONDS_PER_MILLISECOND
        failure: Exception = httpcore2.ConnectError("no address")
        for address in await self._addresses(host, port):
            try:
                async with self._clock.timeout_ns(patience_ns):
                    return await self._wire.connect_tcp(str(address), port, timeout, local_address)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout, TimeoutError) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the engine's signature
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Never: a file is no receiver."""
        del path, timeout, socket_options
        raise AddressBlocked("a file of this machine is no receiver")

    async def aclose(self) -> None:
        """Stop waiting for a look-up."""
        if self._look_up is not None:
            self._look_up.cancel()

    async def _addresses(self, host: str, port: int) -> Sequence[Address]:
        """Return every address of the host, all of them checked."""
        texts = [host] if to_address(host) else await self._looked_up(host, port)
        if len(set(texts)) > self._settings.addresses_max:
            raise AddressBlocked(f"{host} has more than {self._settings.addresses_max} addresses")
        addresses = [self._checked(text, host) for text in dict.fromkeys(texts)]
        if not addresses:
            raise AddressBlocked(f"{host} has no address")
        return addresses

    async def _looked_up(self, host: str, port: int) -> Sequence[str]:
        """Look up once for all who ask at the same time, so that a resolver that hangs holds one thread."""
        if self._look_up is None or self._look_up.done():
            self._look_up = asyncio.ensure_future(self._asked(host, port))
            self._look_up.add_done_callback(_heard)
        return await asyncio.shield(self._look_up)

    async def _asked(self, host: str, port: int) -> Sequence[str]:
        return await self._resolve(host, port)

    def _checked(self, text: str, host: str) -> Address:
        address = to_address(text)
        if address is None:
            raise AddressBlocked(f"{host} has what is no plain address")
        if why := blocked(address, **self._rule):
            raise AddressBlocked(f"{host} leads to {address}: {why}")
        if self._is_plain and not is_private(address) and not self._is_named(address):
            raise AddressBlocked(f"{host} leads outside, and http is for private networks alone")
        return address

    def _is_named(self, address: Address) -> bool:
        return any(
            address in network
            for network in self._rule["allow_networks"]
            if network.version == address.version
        )


def _heard(look_up: asyncio.Task[Sequence[str]]) -> None:
    """Take the failure of a look-up that everybody has stopped waiting for."""
    if not look_up.cancelled():
        look_up.exception()


def trust_of(settings: EndpointSettings) -> ssl.SSLContext:
    """Return what certificates are verified with: the system's authorities, and those of `ca_file`."""
    context = httpcore2.default_ssl_context()
    if settings.ca_file is not None:
        context.load_verify_locations(cafile=settings.ca_file)
    return context


def pool_of(settings: EndpointSettings, network: GuardedNetwork) -> httpcore2.AsyncConnectionPool:
    """Return the connections to one endpoint; no proxy, no redirect, no retry of its own, HTTP/1.1."""
    return httpcore2.AsyncConnectionPool(
        ssl_context=trust_of(settings),
        max_connections=settings.schedule.subjects_at_once,
        max_keepalive_connections=settings.schedule.subjects_at_once,
        keepalive_expiry=KEPT_OPEN_SECONDS,
        network_backend=network,
    )


# fixed: shorter than what servers close idle connections after; nothing depends on it but a handshake
KEPT_OPEN_SECONDS = 20.0
