"""One request over one connection, with what is known of its fate when it fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any

_LIMITED = 429  # fixed: HTTP's status for too many requests


class NotSent(Exception):
    """There was no connection: certainly nothing left."""


class NoAnswer(Exception):
    """It may have arrived: the answer did not, or makes no sense."""


class Limited(Exception):
    """The venue did not look at it; *retry_after_ns* is the pause that it asks for."""

    def __init__(self, retry_after_ns: int) -> None:
        self.retry_after_ns = retry_after_ns
        super().__init__("too many requests")


class Refused(Exception):
    """The venue looked, and would not: its code and its sentence."""

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        super().__init__(f"{code}: {text}")


async def post(host: str, port: int, timeout_s: float, command: str, asked: Mapping[str, Any]) -> Any:  # noqa: ANN401 - what the venue says
    """Return what the venue did; raise one of the four above, whatever happens.

    Connecting, and each wait for bytes, may take *timeout_s*. A request is sent once.
    """
    return await asyncio.to_thread(_post, HTTPConnection(host, port, timeout=timeout_s), command, asked)


def _post(connection: HTTPConnection, command: str, asked: Mapping[str, Any]) -> Any:  # noqa: ANN401 - same
    try:
        try:
            connection.connect()
        except OSError as error:
            raise NotSent(f"no connection: {error}") from error
        try:
            connection.request("POST", f"/v1/{command}", json.dumps(asked).encode())
            answer = connection.getresponse()
            body, status, after = answer.read(), answer.status, answer.getheader("Retry-After", "0")
        except (OSError, HTTPException) as error:
            raise NoAnswer(f"no answer: {type(error).__name__}") from error
    finally:
        connection.close()
    if status == _LIMITED:
        raise Limited(int(after) * 1_000_000_000 if after.isdigit() else 0)
    return _done(body)


def _done(body: bytes) -> Any:  # noqa: ANN401 - same
    try:
        told = json.loads(body)
        if "complaint" in told:
            raise Refused(str(told["complaint"]["code"]), str(told["complaint"]["text"]))
        return told["done"]
    except (ValueError, LookupError, TypeError) as error:
        raise NoAnswer(f"an answer that makes no sense: {type(error).__name__}") from error
