"""A venue in its own process, for tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.exchange import ExchangeCapabilities, Fence
from fairlead_paper.address import address_of
from fairlead_paper.client import PaperClient, Patience
from fairlead_paper.socket_link import SocketLink

TOKEN = "a token of this test"  # noqa: S105 - opens nothing but a venue of this test
SECOND_NS = 1_000_000_000


class VenueProcess:
    """A started venue: its address, and ways to end it."""

    def __init__(self, folder: Path, listen: str = "127.0.0.1:0", *options: str) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable,
                *("-m", "fairlead_paper", "serve", "--listen", listen),
                *("--file", str(folder / "venue.sqlite"), "--tape", "shipped", "--synchronous", "normal"),
                *options,
            ],
            env={**os.environ, "FAIRLEAD_PAPER_TOKEN": TOKEN},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.hello: dict[str, Any] = json.loads(line) if line else {}

    @property
    def address(self) -> str:
        """Return the address that clients use."""
        address: str = self.hello["address"]
        return address

    def client(self, token: str = TOKEN) -> PaperClient:
        """Return a client, not connected."""
        clock = SystemClock()
        link = SocketLink(address_of(self.address), token, "main", clock, 20 * SECOND_NS)
        capabilities = ExchangeCapabilities(fence=Fence.DEADLINE, simulated=True)
        patience = Patience(delay_ns=5_000_000, delay_max_ns=20_000_000)
        return PaperClient(link, clock, capabilities, patience=patience)

    def kill(self) -> None:
        """End it as a power cut would, as far as a process can tell."""
        self.process.kill()
        self._end()

    def terminate(self) -> int:
        """Ask it to end; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._end()

    def wait(self) -> tuple[int, str]:
        """Wait for its own end; return exit code and what it complained about."""
        _, complaint = self.process.communicate()
        return self.process.returncode, complaint

    def _end(self) -> int:
        if self.process.stdout is not None and not self.process.stdout.closed:
            self.process.communicate()
        return self.process.returncode
