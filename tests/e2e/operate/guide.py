"""Reads a page of the operating guide, and carries it out: files are written, commands run, outputs compared.

In a page, ``<!-- write: PATH -->`` before a block says which file under the home folder it is,
``<!-- happens: NAME -->`` that now something goes wrong (a method of the `Site`), and a block ``console``
holds commands after ``$`` with what they print; ``...`` stands for anything. There is no other kind of block:
what a page shows is written or run.
"""

from __future__ import annotations

import asyncio
import re
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.clock import NANOSECONDS_PER_SECOND

PATIENCE_NS = 180 * NANOSECONDS_PER_SECOND
"""A guard against a command that never ends; nothing is concluded from how long something took."""

MARK = "the-command-has-ended"
_COMMENT = re.compile(r"<!-- (?P<what>write|happens): (?P<value>\S+) -->")
_FENCE = re.compile(r"(?P<indent> *)```(?P<language>\w*)$")


class GuideBroken(AssertionError):
    """A page does not hold: with the page's line, what was run and what came of it."""


@attrs.frozen
class Step:
    """One thing that a page says: *kind* is write, happens or console."""

    kind: str
    line: int
    value: str
    text: str = ""


def steps(text: str) -> Iterator[Step]:
    """Yield what a page says to do, in order."""
    lines = iter(enumerate(text.splitlines(), start=1))
    write = ""
    for number, line in lines:
        comment = _COMMENT.search(line)
        fence = _FENCE.match(line)
        if comment and comment["what"] == "happens":
            yield Step("happens", number, comment["value"])
        elif comment:
            write = comment["value"]
        elif fence:
            body = []
            for _, inside in lines:
                if inside.strip() == "```":
                    break
                body.append(inside.removeprefix(fence["indent"]))
            if not write and fence["language"] != "console":
                raise GuideBroken(f"line {number}: a block that is neither written to a file nor run")
            yield Step("write" if write else "console", number, write, "\n".join(body))
            write = ""


def commands(block: str) -> Iterator[tuple[str, str]]:
    """Yield (command, expected output) of a console block."""
    command = ""
    expected: list[str] = []
    for line in block.splitlines():
        if command.endswith("\\"):
            command += f"\n{line}"
        elif line.startswith("$ "):
            if command:
                yield command, "\n".join(expected)
            command, expected = line.removeprefix("$ "), []
        else:
            expected.append(line)
    yield command, "\n".join(expected)


def fits(expected: str, printed: str) -> bool:
    """Tell whether something was printed as the page shows it; ``...`` on a line of its own is any lines."""
    pattern = ""
    for line in filter(str.strip, expected.splitlines()):
        inside = ".*?".join(re.escape(part) for part in re.split(r"\.\.\.", " ".join(line.split())))
        pattern += "(?:.*\n)*?" if line.strip() == "..." else f"{inside}\n"
    said = "".join(f"{' '.join(line.split())}\n" for line in printed.splitlines() if line.strip())
    return re.fullmatch(pattern, said) is not None


class Shell:
    """One shell of the operator's: what is set or entered in one block holds in the next."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @classmethod
    async def open(cls, home: Path, environment: Mapping[str, str]) -> Shell:
        """Start a shell in the home folder."""
        process = await asyncio.create_subprocess_exec(
            "bash", "--noprofile", "--norc", stdin=PIPE, stdout=PIPE, stderr=STDOUT, cwd=home, env=environment
        )
        return cls(process)

    async def run(self, command: str) -> tuple[int, str]:
        """Return the exit code of a command and what it printed."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{command}\nprintf '\\n{MARK} %s\\n' $?\n(exit $?)\n".encode())
        printed: list[str] = []
        async with SystemClock().timeout_ns(PATIENCE_NS):
            while line := (await stdout.readline()).decode():
                if line.startswith(MARK):
                    return int(line.split()[1]), "".join(printed)
                printed.append(line)
        raise GuideBroken(f"the shell ended in: {command}")

    async def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


async def run_block(shell: Shell, step: Step, page: str) -> None:
    """Run the commands of a block; each prints what the page shows, and succeeds unless its code is asked."""
    told: Sequence[tuple[str, str]] = list(commands(step.text))
    for number, (command, shown) in enumerate(told):
        expected = shown
        code_is_asked = number + 1 < len(told) and told[number + 1][0] == "echo $?"
        if command == "echo $?":
            continue
        code, printed = await shell.run(command)
        if code_is_asked:
            expected, printed = f"{expected}\n{told[number + 1][1]}", f"{printed}\n{code}"
        elif code:
            raise GuideBroken(f"{page}:{step.line}: {command!r} ended with {code}:\n{printed}")
        if not fits(expected, printed):
            raise GuideBroken(f"{page}:{step.line}: {command!r} printed\n{printed}\nand not\n{expected}")
