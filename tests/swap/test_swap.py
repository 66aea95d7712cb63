"""Another author's distribution, installed by pip, takes the place of ours by the configuration alone.

Runs where the distributions of examples/ are installed (`tox run -e py311-examples`). The bot is one file
that names no part; between two runs nothing changes but fairlead.toml.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PATIENCE_S = 10.0
RUNS_MAX = 5
AUTHORED = ("house-checks", "line-store", "tally-exchange", "notice-lines")


def configured(folder: Path, name: str) -> Path:
    """Copy one of the configurations into the folder, under the name that a deployment gives it."""
    path = folder / "fairlead.toml"
    path.write_text((HERE / f"{name}.toml").read_text(encoding="utf-8"), encoding="utf-8")
    return path


def ran(path: Path, quantity: str = "0.01") -> dict[str, Any]:
    """Run the bot in a process of its own; return what it printed."""
    command = [sys.executable, "-W", "error", str(HERE / "bot.py"), str(path), quantity]
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


def test_a_foreign_minimum_size_replaces_ours(tmp_path: Path) -> None:
    """An order that ours allows is denied by the other one, with its code; one of its minimum goes out."""
    path = configured(tmp_path, "minimum_size")
    assert ran(path)["code"] == "BELOW_HOUSE_MINIMUM"
    assert not ran(path, "0.05")["denied"]


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


def test_a_foreign_notifier_is_told(tmp_path: Path) -> None:
    """Its table alone has it told of the order, at the next start if the bot ended first."""
    path, lines = configured(tmp_path, "notifier"), tmp_path / "notices.lines"
    order = ran(path)["order"]
    for _ in range(RUNS_MAX):
        told = lines.read_text(encoding="utf-8") if lines.exists() else ""
        if order in told:
            return
        ran(path)
    pytest.fail("the notifier was not told of the order")


@pytest.mark.parametrize("name", AUTHORED)
def test_the_other_author_installed_a_wheel(name: str) -> None:
    """A wheel was built and installed, as for a user: nothing points back into this folder."""
    origin = json.loads(distribution(f"example-{name}").read_text("direct_url.json") or "{}")
    assert not origin.get("dir_info", {}).get("editable", False)
