"""A reader who does what a page says: saves its files and types its commands, in a folder of their own.

A comment ``<!-- write: PATH -->`` before a block says which file it is, ``<!-- happens: NAME -->`` what
happens in the meantime (a method of `Reader`). Blocks ``console`` hold commands after ``$`` with what they
print, where that is shown; ``...`` stands for anything. In blocks ``sh`` each line is a command. Lines that
install are left out: what the reader would install is installed, and that pip can is for tests/wheels.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.docs.blocks import Block, blocks
from tests.docs.test_code_blocks import ROOT
from tests.e2e.operate.guide import GuideBroken, Shell, commands, fits

_INSTALLS = re.compile(r"(\.venv/bin/)?pip install|python3 -m venv")
PROGRAMS = Path(__file__).with_name("programs")
ABOVE = {"test_order_cost.py": "from order_cost import OrderCost\n"}
"""What a page says in words that stands above a block in its file."""


class Reader:
    """Follows a page. Public methods without arguments are what can happen in between."""

    def __init__(self, home: Path) -> None:
        self._home = home
        (home / ".venv").symlink_to(sys.prefix)
        self._environment = {
            "HOME": str(home),
            "PATH": f"{Path(sys.prefix) / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": f"{home}:{ROOT}",
            "COLUMNS": "200",
            "LANG": "C.UTF-8",
        }
        self._beside: list[subprocess.Popen[bytes]] = []

    async def follow(self, page: str, text: str) -> int:
        """Do what a page says, from its first line to its last; return how many commands were run."""
        count = 0
        shell = await Shell.open(self._home, self._environment)
        try:
            for block in blocks(text):
                if block.happens:
                    getattr(self, block.happens)()
                elif block.file:
                    whole = f"{ABOVE.get(block.file, '')}{block.text}\n"
                    (self._home / block.file).write_text(whole, encoding="utf-8")
                for command, shown in typed(block):
                    await self._run(shell, f"{page}:{block.line}", command, shown)
                    count += 1
        finally:
            await shell.close()
        return count

    async def _run(self, shell: Shell, where: str, command: str, shown: str) -> None:
        code, printed = await shell.run(command)
        if code:
            expected_to_fail = shown and fits(shown, printed)
            if not expected_to_fail:
                raise GuideBroken(f"{where}: {command!r} ended with {code}:\n{printed}")
        elif shown and not fits(shown, printed):
            raise GuideBroken(f"{where}: {command!r} printed\n{printed}\nand not\n{shown}")

    def leave(self) -> None:
        """Stop whatever runs beside."""
        for process in self._beside:
            process.send_signal(signal.SIGTERM)
            process.communicate()

    # -- what happens ----------------------------------------------------------------------------------------

    def a_kill_in_between(self) -> None:
        """The reader changes the bot as the page says, runs it, sees it killed, and runs it once more."""
        bot = self._home / "bot.py"
        text = bot.read_text(encoding="utf-8").replace("first-entry", "second-entry")
        text = text.replace('limit_price="105400")\n        result', 'limit_price="107000")\n        result')
        below = 'await bot.execute(wish, idempotency_key="second-entry")\n'
        line = "        import os; os.kill(os.getpid(), 9)\n"
        assert '"107000"' in text
        assert below in text
        bot.write_text(text.replace(below, f"{below}{line}"), encoding="utf-8")
        killed = self._python("bot.py")
        assert killed.returncode == -signal.SIGKILL, killed
        bot.write_text(text, encoding="utf-8")
        done = self._python("bot.py")
        assert done.returncode == 0, done.stderr
        assert "FILLED 0.0023" in done.stdout, done.stdout

    def a_bot_traded_for_months(self) -> None:
        """A configuration, and a database with an order of long ago and one of today."""
        done = self._python(str(PROGRAMS / "traded_for_months.py"))
        assert done.returncode == 0, done.stderr

    def somebody_orders_by_hand(self) -> None:
        """A kernel runs with its control socket, and the venue has an order that is not its own."""
        command = [sys.executable, str(PROGRAMS / "foreign_order.py")]
        process = subprocess.Popen(
            command, cwd=self._home, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._beside.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"

    def _python(self, program: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, program]
        return subprocess.run(
            command, cwd=self._home, env=self._environment, capture_output=True, text=True, check=False
        )


def typed(block: Block) -> Iterator[tuple[str, str]]:
    """Yield the commands of a block with what the page shows of their output."""
    if block.language == "console":
        told = commands(block.text)
    elif block.language == "sh":
        told = iter([(line, "") for line in block.text.splitlines()])
    else:
        return
    yield from ((command, shown) for command, shown in told if not _INSTALLS.match(command))
