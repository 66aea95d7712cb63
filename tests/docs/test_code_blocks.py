"""What the README and the docs show, runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from sybil.example import Example

from tests.docs.code_blocks import documents, examples

ROOT = Path(__file__).resolve().parent.parent.parent
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="  # noqa: S105 - of the pages about webhooks
EXAMPLES = [
    pytest.param(example, id=f"{document.relative_to(ROOT)}:{example.line}")
    for document in documents(ROOT)
    for example in examples(ROOT, document)
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_code_block_runs(example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The block runs as written, in an empty directory, after the blocks above it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAIRLEAD_WEBHOOK_SECRET", SECRET)
    example.evaluate()


def test_a_block_that_fails_is_found(tmp_path: Path) -> None:
    """Blocks share a namespace, and one that is wrong fails with its place."""
    page = tmp_path / "page.md"
    page.write_text(
        "```python\nx = 1\n```\n\n```python\nassert x == 1\n```\n\n```python\nassert x == 2\n```\n"
    )
    first, second, third = examples(tmp_path, page)
    first.evaluate()
    second.evaluate()

    with pytest.raises(AssertionError):
        third.evaluate()
