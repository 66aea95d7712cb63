"""Every fenced block of README, docs and the plugins' READMEs, whatever its language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import attrs

_FENCE = re.compile(r"(?P<indent> *)```(?P<language>\w*)\s*$")
_WRITE = re.compile(r"<!-- write: (?P<path>\S+) -->")
_HAPPENS = re.compile(r"<!-- happens: (?P<what>\w+) -->")


@attrs.frozen
class Block:
    """One block: its language, the line it begins in, its text, and the file that a comment says it is.

    *happens* names what the page says has happened in the meantime; such a block has no text.
    """

    language: str
    line: int
    text: str
    file: str = ""
    happens: str = ""


def pages(root: Path) -> Iterator[Path]:
    """Yield the READMEs and every page under docs/."""
    yield root / "README.md"
    yield from sorted((root / "docs").rglob("*.md"))
    yield from sorted((root / "plugins").glob("*/README.md"))


def blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of a page in order, and what happens between them."""
    lines = iter(enumerate(text.splitlines(), start=1))
    file = ""
    for number, line in lines:
        if found := _HAPPENS.search(line):
            yield Block("", number, "", happens=found["what"])
        elif found := _WRITE.search(line):
            file = found["path"]
        elif fence := _FENCE.match(line):
            body = []
            for _, inside in lines:
                if inside.strip() == "```":
                    break
                body.append(inside.removeprefix(fence["indent"]))
            yield Block(fence["language"], number, "\n".join(body), file)
            file = ""
