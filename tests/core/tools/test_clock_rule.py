"""The clock rule sees every way around the ports, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.clock_rule import TREES, check_module, main
from tools.sources import check_trees, module

ANYWHERE = "framework/src/fairlead/kernel/engine/engine.py"
SEEDED = "framework/src/fairlead/testing/seeded_loop.py"


def lines(source: str, path: str = ANYWHERE) -> list[int]:
    """Return the lines that the rule complains about."""
    return [finding.line for finding in check_module(module(path, source))]


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "import time as clock",
        "from time import monotonic",
        "import random",
        "from random import Random",
        "import uuid",
        "import secrets",
        "from asyncio import sleep",
        "from asyncio import wait_for as patiently",
        "from os import urandom",
    ],
)
def test_an_import_alone_is_found(source: str) -> None:
    """A module or name that only serves to go around the ports may not even be imported."""
    assert lines(source) == [1]


@pytest.mark.parametrize(
    "expression",
    [
        "asyncio.sleep(1)",
        "asyncio.timeout(1)",
        "asyncio.timeout_at(1)",
        "asyncio.wait_for(task, 1)",
        "asyncio.wait(tasks, timeout=1)",
        "schedule(asyncio.sleep)",
        "loop.time()",
        "self._loop.time()",
        "asyncio.get_running_loop().time()",
        "loop.call_later(1, callback)",
        "runner.get_loop().call_at(1, callback)",
        "datetime.datetime.now(datetime.UTC)",
        "datetime.datetime.utcnow()",
        "datetime.date.today()",
        "os.urandom(8)",
        "threading.Timer(1, callback)",
    ],
)
def test_a_reference_is_found(expression: str) -> None:
    """Calling, or only passing on, a forbidden name is found on its line."""
    assert lines(f"import asyncio, datetime, os, threading\n{expression}\n") == [2]


def test_aliases_do_not_hide() -> None:
    """Renaming a module or a class on import changes nothing."""
    source = "import asyncio as a\nfrom datetime import datetime as moment\na.sleep(1)\nmoment.now()\n"

    assert lines(source) == [3, 4]


@pytest.mark.parametrize(
    "source",
    [
        "async def wait(clock):\n    await clock.sleep_ns(1)\n",
        "def due(event):\n    return event.time\n",
        "import asyncio\nasyncio.wait(tasks)\n",
        "from datetime import UTC, datetime\ndatetime.fromtimestamp(0, UTC)\n",
        "def sleep(): ...\nsleep()\n",
        "def arm(clock, callback):\n    clock.call_at_ns(5, callback)\n",
        "from .time import due\nfrom fairlead.domain.random import walk\n",
    ],
)
def test_honest_code_passes(source: str) -> None:
    """The ports' own methods, and names that only sound alike, are no breach."""
    assert lines(source) == []


def test_seeded_randomness_is_allowed_where_it_belongs() -> None:
    """`random.Random(seed)` may be built in the testing kit and the paper venue's fault plan only."""
    source = "import random\nfrom random import Random\nrandom.Random(7)\nRandom(seed)\n"

    assert lines(source, SEEDED) == []
    assert lines(source, "plugins/paper/src/fairlead_paper/faults.py") == []
    assert lines(source, "tests/core/test_order.py") == [1, 2]


@pytest.mark.parametrize(
    "source",
    [
        "import random\nrandom.random()\n",
        "import random\nrandom.Random()\n",
        "import random\nrandom.Random(None)\n",
        "import random\nrandom.SystemRandom(7)\n",
        "import random as r\nr.shuffle([])\n",
        "import time\n\ntime.sleep(1)\n",
    ],
)
def test_the_seeded_places_may_do_nothing_more(source: str) -> None:
    """Unseeded randomness and clocks are breaches in the testing kit too."""
    assert len(lines(source, SEEDED)) == 1


def test_only_the_port_implementations_are_exempt() -> None:
    """The real clock may read the clock; a module beside it may not."""
    assert lines("import time", "framework/src/fairlead/kernel/system_clock.py") == []
    assert lines("import time", "framework/src/fairlead/kernel/other_clock.py") == [1]


def test_every_tree_is_searched(tmp_path: Path) -> None:
    """A breach is found in framework, plugins, tests and examples; a missing tree is an error."""
    places = ["framework/src/a.py", "plugins/x/src/x/b.py", "tests/core/c.py", "examples/d.py"]
    for place in places:
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).write_text("import time\n")

    assert [finding.path for finding in check_trees(tmp_path, TREES, check_module)] == places
    (tmp_path / "examples/d.py").unlink()
    (tmp_path / "examples").rmdir()
    with pytest.raises(FileNotFoundError, match="examples"):
        check_trees(tmp_path, TREES, check_module)


@pytest.mark.requirement("TEST-9")
def test_the_repository_keeps_it(capsys: pytest.CaptureFixture[str]) -> None:
    """No test sleeps, waits or reads the time but through a clock that it was given, mostly a virtual one.

    Tests of real processes live on the system's clock, as a user's kernel does, and wait for what happens.
    """
    assert main() == 0, capsys.readouterr().out
