"""The page of the paper venue shows how it is served by a process of its own: it is, as written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.docs.blocks import blocks
from tests.docs.reader import typed
from tests.docs.test_code_blocks import ROOT

PAGE = ROOT / "docs/explanation/paper-venue.md"


def test_the_venue_is_served_as_the_page_shows(tmp_path: Path) -> None:
    """The command prints one line of the shape that is shown, serves, and ends with code 0 when told to."""
    told = [each for block in blocks(PAGE.read_text(encoding="utf-8")) for each in typed(block)]
    ((command, shown),) = told
    process = subprocess.Popen(
        ["/bin/sh", "-c", f"exec env {command.replace('=...', '=a-token-of-this-test')}"],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{Path(sys.prefix) / 'bin'}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        assert said.keys() == json.loads(shown).keys()
        assert said["position"] == 0
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert process.returncode == 0
