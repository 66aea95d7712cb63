"""The tutorial "Get told about fills": its bot's fill arrives at `fairlead webhook listen`, verified."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.docs.test_code_blocks import ROOT, SECRET


def test_the_fill_arrives(tmp_path: Path) -> None:
    """The page's own bot, as a program beside the receiver: one fill, told with its quantity."""
    page = (ROOT / "docs/tutorials/get-told.md").read_text(encoding="utf-8")
    bot = page.partition("```python\n")[2].partition("```")[0]
    environment = {**os.environ, "FAIRLEAD_WEBHOOK_SECRET": SECRET}
    listen = [sys.executable, "-m", "fairlead.cli.main", "webhook", "listen", "--port", "0", "--json"]
    with subprocess.Popen(
        listen, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as receiver:
        try:
            assert receiver.stderr is not None
            port = receiver.stderr.readline().rstrip("/\n").rpartition(":")[2]
            done = subprocess.run(
                [sys.executable, "-c", bot.replace("8008", port)],
                capture_output=True,
                text=True,
                env=environment,
                cwd=tmp_path,
                check=False,
            )
            assert (done.returncode, done.stdout) == (0, "FILLED 0.00237191\n"), done.stderr
        finally:
            receiver.terminate()
        told = [json.loads(line) for line in receiver.stdout or ()]
    assert told
    assert {each["event"]["type"] for each in told} == {"fairlead.order.filled.v1"}
    assert all(each["status"] == 200 for each in told)
