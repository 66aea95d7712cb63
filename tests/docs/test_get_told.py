"""The tutorial "Get told about fills": its bot's fills arrive, verified, and late ones too."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.docs.test_code_blocks import ROOT, SECRET

ENVIRONMENT = {**os.environ, "FAIRLEAD_WEBHOOK_SECRET": SECRET}
FILLS = [("fairlead.order.filled.v1", 200)] * 2


def run_bot(folder: Path, port: int) -> None:
    """Run the page's own bot as a program of its own; it fills whatever becomes of its notices."""
    page = (ROOT / "docs/tutorials/get-told.md").read_text(encoding="utf-8")
    bot = page.partition("```python\n")[2].partition("```")[0].replace("8008", str(port))
    command = [sys.executable, "-c", bot]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, cwd=folder, check=False)
    assert (done.returncode, done.stdout) == (0, "FILLED 0.00237191\n"), done.stderr


@contextmanager
def receiving(port: int, told: list[Any]) -> Iterator[int]:
    """Run the receiver while the block runs, give out its port, and gather afterwards what it printed."""
    listen = [sys.executable, "-m", "fairlead.cli.main", "webhook", "listen", "--port", str(port), "--json"]
    with subprocess.Popen(
        listen, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as receiver:
        try:
            assert receiver.stderr is not None
            yield int(receiver.stderr.readline().rstrip("/\n").rpartition(":")[2])
        finally:
            receiver.terminate()
        told += [json.loads(line) for line in receiver.stdout or ()]


def states(folder: Path) -> list[str]:
    """Return the state of each delivery, by the command that the page shows."""
    page = (ROOT / "docs/tutorials/get-told.md").read_text(encoding="utf-8")
    (command,) = (line for line in page.splitlines() if "deliveries list" in line)
    arguments = command.removeprefix("$ .venv/bin/fairlead ").split()
    done = subprocess.run(
        [sys.executable, "-m", "fairlead.cli.main", *arguments, "--json"],
        capture_output=True, text=True, cwd=folder, check=True,
    )  # fmt: skip
    return [row["state"] for row in json.loads(done.stdout)["deliveries"]]


def test_the_fills_arrive(tmp_path: Path) -> None:
    """The bot beside the receiver: both trades of its order are told, and taken."""
    told: list[Any] = []
    with receiving(0, told) as port:
        run_bot(tmp_path, port)
    assert [(each["event"]["type"], each["status"]) for each in told] == FILLS


def test_what_nobody_received_is_told_by_the_next_run(tmp_path: Path) -> None:
    """Lose one: without a receiver the order fills, and its notices arrive when the bot runs again."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    run_bot(tmp_path, port)
    assert states(tmp_path) == ["pending", "pending"]
    told: list[Any] = []
    with receiving(port, told):
        run_bot(tmp_path, port)
    assert [(each["event"]["type"], each["status"]) for each in told] == FILLS
    assert states(tmp_path) == ["delivered", "delivered"]
