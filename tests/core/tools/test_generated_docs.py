"""Generated pages are committed as their generators would write them."""

from __future__ import annotations

from pathlib import Path

from tools import pages
from tools.generated_docs import check


def test_a_page_that_differs_is_found(tmp_path: Path) -> None:
    """Of two pages, the one whose generator says something else now is reported."""
    pages.write(tmp_path, "docs/kept.md", "kept")
    pages.write(tmp_path, "docs/old.md", "old")

    findings = check(tmp_path, {"docs/kept.md": lambda: "kept", "docs/old.md": lambda: "new"})

    assert [finding.path for finding in findings] == ["docs/old.md"]
