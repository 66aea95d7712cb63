"""One attempt over HTTP: the request goes out once, and what matters of the answer is its status."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

import attrs

from fairlead.ports.clock import Clock
from fairlead_webhook.settings import EndpointSettings
from fairlead_webhook.veil import Veil

if TYPE_CHECKING:
    import httpcore2

    from fairlead_webhook.network import GuardedNetwork, Resolve

ENGINE_LOGS = ("httpcore2.connection", "httpcore2.http11")
"""Loggers of the HTTP engine, which tell everything at their finest level."""

# fixed: longer than any date; the rest of the header would not be read
HEADER_LENGTH_MAX = 64


@attrs.define
class Answer:
    """What a receiver answered; *status* is 0 until it did."""

    status: int = 0
    retry_after: str = ""
    date: str = ""
    excerpt: str = ""


class Sender:
    """The connections to one endpoint; opened by the first attempt."""

    def __init__(
        self, settings: EndpointSettings, clock: Clock, veil: Veil, resolve: Resolve | None = None
    ) -> None:
        self._settings = settings
        self._target = settings.target()
        self._clock = clock
        self._veil = veil
        self._resolve = resolve
        self._opening = asyncio.Lock()
        self._network: GuardedNetwork | None = None
        self._pool: httpcore2.AsyncConnectionPool | None = None

    async def post(self, headers: Iterable[tuple[str, str]], body: bytes, answer: Answer) -> None:
        """Send, and fill in the answer as it comes: its status counts, even when its body never ends."""
        content = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        await self._ask("POST", [*content, *headers], body, answer)

    async def look(self, answer: Answer) -> None:
        """Ask for the headers of an answer alone, and tell the receiver nothing: for a probe."""
        await self._ask("HEAD", [], b"", answer)

    async def _ask(
        self, method: str, headers: Iterable[tuple[str, str]], body: bytes, answer: Answer
    ) -> None:
        pool = await self._opened()
        response = await pool.handle_async_request(self._request(method, headers, body))
        try:
            answer.status = response.status
            found = {name.lower(): value for name, value in response.headers}
            answer.retry_after = _text_of(found.get(b"retry-after", b""))
            answer.date = _text_of(found.get(b"date", b""))
            answer.excerpt = await self._excerpt(response)
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Close every connection."""
        if self._network is not None:
            await self._network.aclose()
        if self._pool is not None:
            await self._pool.aclose()
        self._network = self._pool = None
        for name in ENGINE_LOGS:
            logging.getLogger(name).removeFilter(self._veil)

    def _request(self, method: str, headers: Iterable[tuple[str, str]], body: bytes) -> httpcore2.Request:
        import httpcore2

        from fairlead_webhook import __version__

        own = [
            ("Host", self._target.host_header),
            ("User-Agent", f"fairlead-webhook/{__version__}"),
            ("Accept", "*/*"),
            ("Accept-Encoding", "identity"),
        ]
        url = httpcore2.URL(
            scheme=self._target.scheme,
            host=self._target.host,
            port=self._target.port,
            target=self._target.path,
        )
        return httpcore2.Request(method, url, headers=[*own, *headers], content=body)

    async def _excerpt(self, response: httpcore2.Response) -> str:
        """Read what is allowed of the body, and return its beginning for people."""
        limit = self._settings.answer_bytes_max
        body = b""
        async for chunk in response.aiter_stream():
            body += chunk
            if len(body) > limit:
                break
        return self._veil.excerpt(body[:limit], is_cut=len(body) > limit)

    async def _opened(self) -> httpcore2.AsyncConnectionPool:
        """Return the connections; what is heavy is loaded off the loop's thread."""
        async with self._opening:
            if self._pool is None:
                loop = asyncio.get_running_loop()
                network = await loop.run_in_executor(None, import_module, "fairlead_webhook.network")
                self._network = network.GuardedNetwork(
                    self._settings, self._clock, self._resolve or network.system_resolve
                )
                for name in ENGINE_LOGS:
                    logging.getLogger(name).addFilter(self._veil)
                self._pool = await loop.run_in_executor(None, network.pool_of, self._settings, self._network)
            assert self._pool is not None
            return self._pool


def _text_of(header: bytes) -> str:
    return header[:HEADER_LENGTH_MAX].decode("latin-1")
