"""Every configuration that a page shows is taken as it stands: no key is misspelt, and no value refused.

Those of the operating guide are carried out with it: tests/e2e/operate.
"""

from __future__ import annotations

import asyncio
import re
import tomllib
from pathlib import Path

import pytest

from fairlead.cli.diagnosis import Topic, diagnose
from tests.docs.blocks import Block, blocks, pages
from tests.docs.test_code_blocks import ROOT, SECRET

KERNEL = '[kernel]\naccount = "main"\nallow_unchecked = true\n'
_ENVIRONMENT = re.compile(r'"?\$env"?\s*=\s*"(\w+)"')
BLOCKS = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}:{block.line}")
    for page in pages(ROOT)
    for block in blocks(page.read_text(encoding="utf-8"))
    if block.language == "toml" and page.parent.name != "operate"
]
ELSEWHERE = {"order_cost", "live_orders"}
"""Plugins that a page has its reader write: not installed here."""


def is_missing_only(text: str) -> bool:
    """Tell whether a finding only says that a page's fragment is no whole configuration."""
    return text.startswith(("The kernel has no exchange.", "The kernel has no store."))


@pytest.mark.parametrize("block", BLOCKS)
def test_a_configuration_is_taken(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor finds nothing wrong with it but what a fragment leaves out."""
    found = tomllib.loads(block.text)
    if "project" in found:
        return  # a distribution's own table, which is for pip
    for name in _ENVIRONMENT.findall(block.text):
        monkeypatch.setenv(name, "https://hooks.example.com/x" if name.endswith("URL") else SECRET)
    if set(found.get("plugins", {})) & ELSEWHERE:
        return
    text = block.text if "kernel" in found else f"[kernel]\n{block.text}"
    if "account" not in found.get("kernel", {}):
        text = text.replace("[kernel]\n", KERNEL)
    path = tmp_path / "fairlead.toml"
    path.write_text(text, encoding="utf-8")
    wrong = [each for each in asyncio.run(diagnose(path, connect=False)) if not each.is_note]
    assert not [each for each in wrong if not is_missing_only(each.text)]
    assert Topic.PLUGINS not in {each.topic for each in wrong}


def test_a_misspelt_key_is_found(tmp_path: Path) -> None:
    """The test above can fail."""
    path = tmp_path / "fairlead.toml"
    path.write_text(f"{KERNEL}\n[plugins.riskhooks.daily_loss]\nmaximum_los = '1'\n", encoding="utf-8")
    wrong = [each.text for each in asyncio.run(diagnose(path, connect=False)) if not each.is_note]
    assert [text for text in wrong if "did you mean maximum_loss" in text]
