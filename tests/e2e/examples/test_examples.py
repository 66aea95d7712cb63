"""The example programs, run as a user runs them; nothing of a kernel is left when the interpreter exits."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

ROOT = Path(__file__).resolve().parents[3]
WATCHED = Path(__file__).with_name("watched_run.py")
PATIENCE_SECONDS = 120


def command(program: str, report: Path, *arguments: str) -> list[str]:
    """Return the command that runs an example under watch, with warnings as errors."""
    return [
        *(sys.executable, "-W", "error", str(WATCHED), str(report), str(ROOT / "examples" / program)),
        *arguments,
    ]


def run(program: str, folder: Path) -> list[str]:
    """Run an example to its end; return its lines, having seen that it left nothing behind."""
    report = folder / "left.json"
    ended = subprocess.run(
        command(program, report, str(folder)),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert_nothing_left(report)
    return ended.stdout.splitlines()


def assert_nothing_left(report: Path) -> None:
    """No signal handler was changed, no task is pending and no thread alive."""
    assert json.loads(report.read_text()) == {"handlers": [], "tasks": [], "threads": []}


@pytest.mark.requirement("P2-3")
def test_two_kernels_live_in_one_process(tmp_path: Path) -> None:
    """Both trade, and run again both answer with the order of the first run."""
    first = run("two_kernels.py", tmp_path)
    assert [line.split(":")[0] for line in first] == ["alice", "bob"]
    assert all("ACCEPTED: buy 0.001 BTC/USDT" in line for line in first)
    again = run("two_kernels.py", tmp_path)
    assert [line.split()[:2] for line in again] == [line.split()[:2] for line in first]


@pytest.mark.requirement("P2-3")
def test_three_threads_trade_through_one_kernel(tmp_path: Path) -> None:
    """Nine orders of three threads are placed and canceled, none twice."""
    lines = run("three_threads.py", tmp_path)
    assert len({line.split()[1] for line in lines}) == len(lines) == 9
    assert all(line.endswith(" CANCELED") for line in lines)


@contextmanager
def web_application(folder: Path) -> Iterator[str]:
    """Serve the web application on a free port; stop it with Ctrl-C, after which nothing is left."""
    report = folder / "left.json"
    server = subprocess.Popen(
        command("web_application.py", report, "--folder", str(folder), "--port", "0"),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr is not None
        lines = iter(server.stderr.readline, "")
        running = next(line for line in lines if "running on" in line)
        yield next(word for word in running.split() if word.startswith("http"))
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=PATIENCE_SECONDS)
        assert server.returncode == 0
        assert_nothing_left(report)
    finally:
        server.kill()
        server.communicate()


def ask(method: str, url: str) -> tuple[int, Any]:
    """Return status and document of an answer."""
    try:
        with urlopen(Request(url, method=method), timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - our own server
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.mark.requirement("P2-3")
def test_a_kernel_lives_in_a_web_applications_loop(tmp_path: Path) -> None:
    """Orders are placed, found and canceled over HTTP; refusals are answers; orders outlive the server."""
    with web_application(tmp_path) as url:
        status, placed = ask("POST", f"{url}/orders?quantity=0.001&limit_price=90000&key=once")
        assert (status, placed["status"]) == (200, "ACCEPTED")
        order = f"{url}/orders/{placed['client_order_id']}"
        assert ask("GET", order) == (200, {"status": "ACCEPTED", "filled": "0"})
        status, refused = ask("POST", f"{url}/orders?quantity=nan&limit_price=90000")
        assert status == 422
        assert "quantity" in refused["error"]
        assert ask("DELETE", f"{url}/orders/{'0' * 32}")[0] == 404
    with web_application(tmp_path) as url:
        status, again = ask("POST", f"{url}/orders?quantity=0.001&limit_price=90000&key=once")
        assert (status, again["client_order_id"]) == (200, placed["client_order_id"])
        order = f"{url}/orders/{placed['client_order_id']}"
        assert ask("DELETE", order) == (200, {"accepted": True})
