"""The Python blocks of the documentation, as Sybil finds them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sybil import Sybil
from sybil.example import Example
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser


def documents(root: Path) -> Iterator[Path]:
    """Yield the README files and every page under docs/."""
    yield root / "README.md"
    yield from sorted((root / "docs").rglob("*.md"))


def examples(root: Path, document: Path) -> list[Example]:
    """Return the blocks of one document, in order; they share one namespace, as a reader expects."""
    sybil = Sybil(parsers=[PythonCodeBlockParser(), SkipParser()], path=str(root))
    return list(sybil.parse(document).examples())
