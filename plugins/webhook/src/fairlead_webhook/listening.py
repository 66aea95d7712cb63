"""A receiver for trying webhooks out: listens on this machine alone, verifies each request, says what came.

It is what `fairlead webhook listen` runs. Whoever can reach the port may send anything, so headers, body,
time and connections are bounded, and nothing that does not verify is looked into.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

import attrs
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from fairlead.ports.clock import NANOSECONDS_PER_SECOND, Clock
from fairlead.ports.settings import Secret

HOST = "127.0.0.1"
# fixed: twice what the plugin sends at most of each; a receiver for trying out needs no more
HEAD_BYTES_MAX = 16_384
BODY_BYTES_MAX = 2_000_000
REQUEST_PATIENCE_NS = 10 * NANOSECONDS_PER_SECOND
CONNECTIONS_MAX = 100
_ALL_PERCENT = 100

_LENGTH = re.compile(r"[0-9]{1,10}", re.ASCII)


@attrs.frozen
class Heard:
    """One request: what was answered, and the event when it verified, or else what was wrong."""

    status: HTTPStatus
    event: Mapping[str, Any] | None = None
    problem: str = ""


class RequestRefused(Exception):
    """A request that is not taken: the status to answer, and why."""

    def __init__(self, status: HTTPStatus, problem: str) -> None:
        super().__init__(problem)
        self.status = status
        self.problem = problem


def verified(secret: Secret, headers: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
    """Return the event of a request. Raises `RequestRefused` for one that was not signed with the secret.

    The official library verifies. It raises errors of Python's own for headers of another shape.
    """
    try:
        event = Webhook(secret.reveal()).verify(body, dict(headers))
    except WebhookVerificationError as error:
        raise RequestRefused(HTTPStatus.BAD_REQUEST, f"not verified: {error}") from None
    except (ValueError, RecursionError) as error:
        problem = f"not verified: headers or body have another shape ({type(error).__name__})"
        raise RequestRefused(HTTPStatus.BAD_REQUEST, problem) from None
    if not isinstance(event, dict):
        raise RequestRefused(HTTPStatus.BAD_REQUEST, "verified, but the body is no JSON object")
    return event


class Listener:
    """Listens, verifies, and tells *hear* of every request; fails *fail_percent* of the good ones on purpose.

    Which ones fail is a fixed pattern, spread evenly: with 25, every fourth.
    """

    def __init__(
        self, secret: Secret, clock: Clock, hear: Callable[[Heard], None], *, fail_percent: int = 0
    ) -> None:
        self._secret = secret
        self._clock = clock
        self._hear = hear
        self._fail_percent = fail_percent
        self._good = 0
        self._connections = 0

    async def serve(self, port: int, announce: Callable[[str], None]) -> None:
        """Listen until cancelled; *announce* is called with the URL. Raises `OSError` when it cannot."""
        server = await asyncio.start_server(self._talk, HOST, port, limit=HEAD_BYTES_MAX)
        try:
            announce(f"http://{HOST}:{server.sockets[0].getsockname()[1]}/")
            await server.serve_forever()
        finally:
            server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close the connection."""
        if self._connections >= CONNECTIONS_MAX:
            writer.close()
            return
        self._connections += 1
        try:
            async with self._clock.timeout_ns(REQUEST_PATIENCE_NS):
                heard = await self._heard(reader)
                self._hear(heard)
                writer.write(_answer(heard, self._clock.wall_ns()))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            pass  # nobody is there who could be answered
        finally:
            self._connections -= 1
            writer.close()

    async def _heard(self, reader: asyncio.StreamReader) -> Heard:
        try:
            headers = await _head(reader)
            body = await reader.readexactly(_length(headers))
            event = verified(self._secret, headers, body)
        except RequestRefused as refusal:
            return Heard(refusal.status, problem=refusal.problem)
        if self._fails():
            return Heard(HTTPStatus.SERVICE_UNAVAILABLE, event)
        return Heard(HTTPStatus.OK, event)

    def _fails(self) -> bool:
        before = self._good * self._fail_percent // _ALL_PERCENT
        self._good += 1
        return self._good * self._fail_percent // _ALL_PERCENT > before


async def _head(reader: asyncio.StreamReader) -> Mapping[str, str]:
    """Return the headers of a POST by their names in small letters."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        problem = f"more than {HEAD_BYTES_MAX} bytes of headers"
        raise RequestRefused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, problem) from None
    line, *rest = head.decode("latin-1").split("\r\n")
    if not line.startswith("POST "):
        raise RequestRefused(HTTPStatus.METHOD_NOT_ALLOWED, "no POST request")
    pairs = (each.partition(":") for each in rest if each)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _length(headers: Mapping[str, str]) -> int:
    text = headers.get("content-length", "")
    if not _LENGTH.fullmatch(text):
        raise RequestRefused(HTTPStatus.LENGTH_REQUIRED, "the length of the body is not told")
    if int(text) > BODY_BYTES_MAX:
        raise RequestRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {BODY_BYTES_MAX} bytes of body")
    return int(text)


def _answer(heard: Heard, now_ns: int) -> bytes:
    body = heard.problem.encode("ascii", "backslashreplace")
    lines = (
        f"HTTP/1.1 {heard.status.value} {heard.status.phrase}",
        f"Date: {formatdate(now_ns // NANOSECONDS_PER_SECOND, usegmt=True)}",
        "Content-Type: text/plain",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body
