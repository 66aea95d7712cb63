"""The pages under docs/ that are generated from code and data.

    python -m tools.generated_docs            writes them all
    python -m tools.generated_docs --check    fails when a committed page differs

A new page is one line in `PAGES`: its path and the function that returns its text.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tools import (
    configuration_page,
    exchange_rules_page,
    gauntlet_page,
    notices_page,
    order_table_page,
    order_terms_page,
    pages,
    reconciliation_page,
    requirements_page,
    store_rules_page,
)
from tools.mutation import page as mutation_page
from tools.sources import ROOT, Finding, report

COMMAND = "python -m tools.generated_docs"


def _tables_page() -> str:
    """Return the page of the store's tables; its generator reads the SQL store, which not everyone has."""
    from tools import tables_page

    return tables_page.page_text()


PAGES: Mapping[str, Callable[[], str]] = {
    order_table_page.PAGE: order_table_page.page_text,
    order_terms_page.PAGE: order_terms_page.page_text,
    requirements_page.PAGE: requirements_page.page_text,
    exchange_rules_page.PAGE: exchange_rules_page.page_text,
    store_rules_page.PAGE: store_rules_page.page_text,
    "docs/reference/tables.md": _tables_page,
    notices_page.PAGE: notices_page.page_text,
    configuration_page.PAGE: configuration_page.page_text,
    reconciliation_page.PAGE: reconciliation_page.page_text,
    gauntlet_page.PAGE: gauntlet_page.page_text,
    mutation_page.PAGE: mutation_page.page_text,
}


def check(root: Path, generators: Mapping[str, Callable[[], str]]) -> list[Finding]:
    """Return every committed page that its generator would write otherwise."""
    return [
        finding
        for path, generate in generators.items()
        for finding in pages.check(root, path, generate(), COMMAND)
    ]


def main(arguments: Sequence[str]) -> int:
    """Write or check all pages; return the exit code."""
    if "--check" in arguments:
        return report("generated docs", check(ROOT, PAGES))
    for path, generate in PAGES.items():
        pages.write(ROOT, path, generate())
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
