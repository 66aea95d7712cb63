"""The demo's child processes: started, heard line by line, killed, and never left behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import IO, Any

from fairlead.errors import FairleadError
from fairlead.ports.clock import Clock

SILENCE_NS = 60_000_000_000
"""A process that says nothing for so long is stuck, and the demo has failed."""


class DemoFailed(FairleadError):
    """The demo could not be run to its end; its proofs were not reached."""


class LineProcess:
    """A process of this Python that talks in lines of JSON."""

    def __init__(self, process: asyncio.subprocess.Process, name: str, clock: Clock) -> None:
        self._process = process
        self._name = name
        self._clock = clock

    @classmethod
    async def start(
        cls, name: str, arguments: Sequence[str], log: IO[bytes], clock: Clock, **variables: str
    ) -> LineProcess:
        """Start ``python -m arguments``, with its stderr in the log."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env={**os.environ, **variables},
        )
        return cls(process, name, clock)

    async def line(self) -> Mapping[str, Any] | None:
        """Return the next line, or nothing when the process has ended."""
        stream = self._process.stdout
        assert stream is not None  # stdout is a pipe; narrows the type
        try:
            async with self._clock.timeout_ns(SILENCE_NS):
                text = await stream.readline()
        except TimeoutError as error:
            raise DemoFailed(f"The {self._name} has said nothing for a minute.") from error
        if not text:
            return None
        said: Mapping[str, Any] = json.loads(text)
        return said

    async def kill(self) -> int:
        """Send SIGKILL, wait for the end and return the exit code."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
        return await self.ended()

    async def end(self) -> int:
        """Ask it to end, and return the exit code."""
        if self._process.returncode is None:
            self._process.terminate()
        return await self.ended()

    async def ended(self) -> int:
        """Wait for the end and return the exit code; minus the signal's number when it was killed."""
        async with self._clock.timeout_ns(SILENCE_NS):
            return await self._process.wait()


async def start_venue(
    settings: Sequence[str], log: IO[bytes], clock: Clock, **variables: str
) -> tuple[LineProcess, str]:
    """Start the paper venue and return it with its address."""
    venue = await LineProcess.start(
        "paper venue", ["fairlead_paper", "serve", *settings], log, clock, **variables
    )
    said = await venue.line()
    if said is None:
        code = await venue.ended()
        raise DemoFailed(f"The paper venue ended with code {code} before it could be reached.")
    return venue, str(said["address"])
