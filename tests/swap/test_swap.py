"""Another author's distribution, installed by pip, takes the place of ours by the configuration alone.

Runs where the distributions of examples/ are installed (`tox run -e py311-examples`). The bot is one file
that names no part; between two runs nothing changes but fairlead.toml.
"""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest

HERE = Path(__file__).parent
PATIENCE_S = 10.0
RUNS_MAX = 5
LINGER_MS = 500
AUTHORED = ("house-checks", "line-store", "tally-exchange", "notice-lines")


def configured(folder: Path, name: str) -> Path:
    """Copy one of the configurations into the folder, under the name that a deployment gives it."""
    path = folder / "fairlead.toml"
    path.write_text((HERE / f"{name}.toml").read_text(encoding="utf-8"), encoding="utf-8")
    return path


def ran(path: Path, quantity: str = "0.01", linger_ms: int = 0) -> dict[str, Any]:
    """Run the bot in a process of its own; return what it printed."""
    command = [sys.executable, "-W", "error", str(HERE / "bot.py"), str(path), quantity, str(linger_ms)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=path.parent)
    assert ended.returncode == 0, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


def test_ours_are_the_ones_to_be_swapped(tmp_path: Path) -> None:
    """With our parts alone the order rests at the paper venue, and one below the minimum is denied."""
    path = configured(tmp_path, "ours")
    assert ran(path) | {"order": ""} == {
        "order": "",
        "denied": False,
        "code": "",
        "status": "ACCEPTED",
        "live": 1,
    }
    assert ran(path, "0.0009")["code"] == "QUANTITY_BELOW_MINIMUM"


@pytest.mark.requirement("SWAP-1")
def test_a_foreign_minimum_size_replaces_ours(tmp_path: Path) -> None:
    """An order that ours allows is denied by the other one, with its code; one of its minimum goes out."""
    path = configured(tmp_path, "minimum_size")
    assert ran(path)["code"] == "BELOW_HOUSE_MINIMUM"
    assert not ran(path, "0.05")["denied"]


@pytest.mark.requirement("SWAP-1")
def test_a_foreign_store_replaces_ours(tmp_path: Path) -> None:
    """The journal lies in its file; the next run of the bot finds the order there and sends no second one.

    The command line reads it by the same configuration.
    """
    path = configured(tmp_path, "store")
    first, second = ran(path), ran(path)
    assert not first["denied"]
    assert second == first, "the same intent is the same order, though another process asked"
    assert not (tmp_path / "bot.sqlite").exists()

    command = [sys.executable, "-m", "fairlead.cli.main", "orders", "--config", str(path), "--json"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    assert first["order"] in shown.stdout, shown.stderr


@pytest.fixture
def tally() -> Iterator[int]:
    """Run the venue Tally as its README says; return its port."""
    command = [sys.executable, "-m", "tally_exchange.venue", "--port", "0", "--playground"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as venue:
        assert venue.stdout is not None
        yield int(venue.stdout.readline().rpartition(":")[2])
        venue.kill()


def tickets(port: int, ref: str) -> int:
    """Ask the venue, around every client, how many orders it ever took under the id."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.request("POST", "/play/look", json.dumps({"ref": ref}).encode())
    told = json.loads(connection.getresponse().read())
    connection.close()
    return int(told["taken"])


@pytest.mark.requirement("SWAP-1")
def test_a_foreign_exchange_replaces_ours(tmp_path: Path, tally: int) -> None:
    """The order is at its venue once, also after the bot asked again; the shipped check still judges."""
    path = configured(tmp_path, "exchange")
    path.write_text(path.read_text(encoding="utf-8").replace("7711", str(tally)), encoding="utf-8")
    first, second = ran(path), ran(path)
    assert (first["status"], first["live"]) == ("ACCEPTED", 1)
    assert second == first
    assert tickets(tally, first["order"]) == 1
    assert not (tmp_path / "venue.sqlite").exists()
    assert ran(path, "0.0009")["code"] == "QUANTITY_BELOW_MINIMUM"


class Hook(BaseHTTPRequestHandler):
    """A receiver that takes everything."""

    bodies: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        """Keep the body and say yes."""
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode("ascii"))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Stay quiet."""


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Return the port of a receiver on this machine; the secret to sign with is in the environment."""
    monkeypatch.setenv("SWAP_HOOK_SECRET", "whsec_" + b64encode(bytes(32)).decode("ascii"))
    Hook.bodies.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def told_of(path: Path, order: str, told: Callable[[], str]) -> bool:
    """Tell whether somebody heard of the order, at a next start if the bot ended before."""
    for _ in range(RUNS_MAX):
        if order in told():
            return True
        ran(path, linger_ms=LINGER_MS)
    return False


@pytest.mark.requirement("SWAP-1")
def test_a_foreign_notifier_replaces_ours(tmp_path: Path, hook: int) -> None:
    """With our table our webhook is told; with the other's in its place that one is, and ours no more."""
    path, lines = configured(tmp_path, "webhook"), tmp_path / "notices.lines"
    path.write_text(path.read_text(encoding="utf-8").replace("8008", str(hook)), encoding="utf-8")
    assert told_of(path, ran(path)["order"], lambda: "".join(Hook.bodies))

    configured(tmp_path, "notifier")
    heard = len(Hook.bodies)
    ran(path)  # from this start on the new one is owed
    assert told_of(
        path, ran(path, "0.02")["order"], lambda: lines.read_text(encoding="utf-8") if lines.exists() else ""
    )
    assert len(Hook.bodies) == heard


@pytest.mark.parametrize("name", AUTHORED)
def test_the_other_author_installed_a_wheel(name: str) -> None:
    """A wheel was built and installed, as for a user: nothing points back into this folder."""
    origin = json.loads(distribution(f"example-{name}").read_text("direct_url.json") or "{}")
    assert not origin.get("dir_info", {}).get("editable", False)
