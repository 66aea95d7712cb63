"""Generated pages: written by a tool, committed, and compared by lint with what the tool would write now."""

from __future__ import annotations

from pathlib import Path

from tools.sources import Finding


def write(root: Path, path: str, text: str) -> None:
    """Write the page, with its folders."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def check(root: Path, path: str, text: str, command: str) -> list[Finding]:
    """Return a finding when the committed page is missing or differs; `command` rewrites it."""
    target = root / path
    if target.is_file() and target.read_text(encoding="utf-8") == text:
        return []
    return [Finding(path, 1, f"is not what its source says now; run `{command}`")]


def cell(text: str) -> str:
    """Return the text as it may stand in a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")
