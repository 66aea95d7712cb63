"""`fairlead demo --webhook URL` with a real receiver: what is told verifies, and is told as one fact."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.e2e.demo_run import run_demo

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="  # noqa: S105 - of this test


def test_what_the_demo_tells_verifies_and_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """400 trades, a kill, and a receiver in a process of its own, which verifies with the official library.

    No request fails to verify; an id that comes again tells the same fact, and two facts never share an id;
    the run's proofs hold; every fact told is counted as delivered, and no more than were answered with 200.
    """
    monkeypatch.setenv("FAIRLEAD_WEBHOOK_SECRET", SECRET)
    listen = [sys.executable, "-m", "fairlead.cli.main", "webhook", "listen", "--port", "0", "--json"]
    output = tmp_path / "heard.jsonl"
    with (
        output.open("w", encoding="utf-8") as heard,
        subprocess.Popen(listen, stdout=heard, stderr=subprocess.PIPE, text=True) as receiver,
    ):
        try:
            assert receiver.stderr is not None
            url = receiver.stderr.readline().rpartition(" ")[2].strip()
            run = run_demo(tmp_path / "demo", "--trades", "400", "--webhook", url)
        finally:
            receiver.terminate()
    told = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert run.code == 0, run.progress
    assert (run.found["lost"], run.found["duplicated"], run.found["cash_reconciled"]) == (0, 0, True)
    assert {each["status"] for each in told} == {200}
    assert len(told) > 100
    bodies: dict[str, set[str]] = defaultdict(set)
    facts: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for each in told:
        event = each["event"]
        bodies[event["id"]].add(json.dumps(event, sort_keys=True))
        facts[event["sequence"], event["type"], event["subject"]].add(event["id"])
    assert all(len(found) == 1 for found in bodies.values())
    assert all(len(found) == 1 for found in facts.values())
    counted = run.found["notices"]["delivered"]  # what was answered as the kernel was killed is told again
    assert len(bodies) <= counted <= len(told)
