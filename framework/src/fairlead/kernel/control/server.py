"""The control socket: how an operator reaches a kernel that runs in another process.

A Unix socket in the file system, readable and writable for its owner alone. A request is one line of
JSON, ``{"command": NAME, "arguments": {...}}``; the answer is one line, ``{"ok": true, "result": ...}``
or ``{"ok": false, "error": TEXT, "fix": TEXT}``. One request at a time on a connection. Whatever comes
over it, the kernel lives on: a line that cannot be read is answered, a caller that says nothing is
left, and nobody waits for either.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from fairlead.errors import ConfigurationRefused, FairleadError, InvalidInput
from fairlead.ports.clock import NANOSECONDS_PER_SECOND, Clock

# fixed: far above the longest request there is, and what one caller may cost
LINE_BYTES_MAX = 65_536
"""A longer request is refused and the connection closed."""

# fixed: nobody else may command the kernel, whatever is configured
OWNER_ONLY = 0o600

Answerer = Callable[[str, Mapping[str, object]], Awaitable[object]]


class ControlServer:
    """Listens at a path and hands each request to one function, which answers or raises a `FairleadError`."""

    def __init__(
        self, path: Path, clock: Clock, *, timeout_ns: int, connections_max: int, answer: Answerer
    ) -> None:
        self._path = path
        self._clock = clock
        self._timeout_ns = timeout_ns
        self._connections_max = connections_max
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], None] = {}

    async def start(self) -> None:
        """Begin to listen.

        A socket that a killed kernel left behind is replaced. Raises `ConfigurationRefused` when
        something else lies at the path, when another kernel listens there, or when it cannot be made.
        """
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with ExitStack() as unless_made:
                unless_made.callback(listening.close)
                _clear(self._path, self._timeout_ns)
                os.fchmod(listening.fileno(), OWNER_ONLY)  # before it has a name: nobody gets in meanwhile
                listening.bind(str(self._path))
                self._path.chmod(OWNER_ONLY)
                unless_made.pop_all()
        except OSError as error:
            raise ConfigurationRefused(
                f"The control socket cannot be made at {self._path}: {error.strerror or error}.",
                not_done="The kernel did not start.",
                fix="Name a short path in a folder that this user may write.",
            ) from error
        self._server = await asyncio.start_unix_server(self._connected, sock=listening, limit=LINE_BYTES_MAX)

    async def stop(self) -> None:
        """Listen no more, leave whoever is connected, and take the path away; harmless when not started."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        self._path.unlink(missing_ok=True)
        self._server = None

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # a coroutine runs in a task; narrows the type
        if len(self._connections) >= self._connections_max:
            writer.close()
            return
        self._connections[task] = None
        try:
            while await self._serve(reader, writer):
                pass
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass  # the caller went away, said nothing for too long, or we stop
        finally:
            del self._connections[task]
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; tell whether there may be another."""
        try:
            async with self._clock.timeout_ns(self._timeout_ns):
                line = await reader.readline()
        except ValueError:  # longer than the limit
            refused = InvalidInput("request", f"is longer than {LINE_BYTES_MAX} bytes")
            await self._say(writer, _refusal(refused))
            return False
        if not line:
            return False
        await self._say(writer, await self._answered(line))
        return True

    async def _answered(self, line: bytes) -> dict[str, object]:
        try:
            command, arguments = read_request(line)
            return {"ok": True, "result": await self._answer(command, arguments)}
        except FairleadError as error:
            return _refusal(error)

    async def _say(self, writer: asyncio.StreamWriter, answer: dict[str, object]) -> None:
        writer.write(json.dumps(answer).encode() + b"\n")
        async with self._clock.timeout_ns(self._timeout_ns):
            await writer.drain()


def read_request(line: bytes) -> tuple[str, Mapping[str, object]]:
    """Return command and arguments of a request; raise `InvalidInput` for what is none."""
    try:
        request = json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("request", "is not one line of JSON") from error
    if not isinstance(request, dict) or not request.keys() <= {"command", "arguments"}:
        raise InvalidInput("request", "is not an object of command and arguments")
    command, arguments = request.get("command"), request.get("arguments", {})
    if not isinstance(command, str) or not isinstance(arguments, dict):
        raise InvalidInput("request", "command is a text and arguments an object")
    return command, arguments


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Make an object of its pairs; one with a key twice asks for two things, and gets neither."""
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key is there twice")
    return content


def _refusal(error: FairleadError) -> dict[str, object]:
    what = " ".join(part for part in (error.what, error.not_done) if part)
    return {"ok": False, "error": what, "fix": error.fix}


def _clear(path: Path, timeout_ns: int) -> None:
    """Take away a socket that nobody listens on; refuse everything else that lies there."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigurationRefused(
            f"{path} is there and is no socket.",
            not_done="The kernel did not start.",
            fix="Name another path for the control socket.",
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(timeout_ns / NANOSECONDS_PER_SECOND)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except (BlockingIOError, TimeoutError):
            pass  # its queue is full: somebody has it open
    raise ConfigurationRefused(
        f"Another kernel listens on the control socket {path}.",
        not_done="The kernel did not start.",
        fix="Give each kernel its own control socket.",
    )
