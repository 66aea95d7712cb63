"""The configuration reference holds every key, with a meaning, a unit where it has one, and a default."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from fairlead.kernel.settings import KernelSettings
from tools import configuration_page

KERNEL_ALONE = configuration_page.TABLES[:1]
"""The one table whose class is there in every environment."""


@attrs.frozen
class Silent:
    """Settings with a key that says nothing about itself."""

    patience_ms: int = 5


@attrs.frozen
class Odd:
    """Settings of the rarer kinds."""

    share: Decimal = attrs.field(default=Decimal("0.5"), metadata={"doc": "x"})
    file: str | Path = attrs.field(default="", metadata={"doc": "x"})
    steps: tuple[int, ...] = attrs.field(default=(1,), metadata={"doc": "x"})
    wanted: bool = attrs.field(default=True, metadata={"doc": "x"})


def test_every_key_of_the_kernel_is_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the kernel is left out."""
    monkeypatch.setattr(configuration_page, "TABLES", KERNEL_ALONE)
    found = [key for key in configuration_page.keys() if key.count(".") == 1]  # noqa: SIM118 - no mapping
    assert found == [f"kernel.{field.name}" for field in attrs.fields(KernelSettings)]


def test_nested_tables_are_on_the_page() -> None:
    """Keys of tables inside tables, and of tables by name, are there under their paths."""
    pytest.importorskip("fairlead_paper", reason="the whole page needs every shipped plugin")
    pytest.importorskip("fairlead_riskhooks", reason="the whole page needs every shipped plugin")
    pytest.importorskip("fairlead_sqlstore", reason="the whole page needs every shipped plugin")
    found = list(configuration_page.keys())
    assert "plugins.paper.venue.participation" in found
    assert "plugins.riskhooks.minimum_size.symbols.NAME.minimum_cost" in found
    assert len(found) == len(set(found))


def test_every_figure_has_a_unit_and_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """A duration has milliseconds in its name and its column; only the account is always needed."""
    monkeypatch.setattr(configuration_page, "TABLES", KERNEL_ALONE)
    lines = [
        line.split("|") for line in configuration_page.page_text().splitlines() if line.startswith("| `")
    ]
    needed = [line[1].strip() for line in lines if "needed" in line[4]]
    assert needed == ["`account`", "`currency`", "`into`"]  # the last two in each of kernel.conversions
    for line in lines:
        assert line[5].strip(), line
        assert ("milliseconds" in line[3]) is line[1].strip().endswith("_ms`"), line


def test_a_key_without_a_meaning_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new setting that says nothing about itself breaks the page, and so lint."""
    monkeypatch.setattr(configuration_page, "TABLES", (("plugins.silent", __name__, "Silent"),))
    with pytest.raises(configuration_page.Undocumented, match=r"plugins\.silent\.patience_ms"):
        configuration_page.page_text()


def test_every_kind_of_setting_is_written_as_a_user_would(monkeypatch: pytest.MonkeyPatch) -> None:
    """Defaults look like what one writes into the file."""
    monkeypatch.setattr(configuration_page, "TABLES", (("plugins.odd", __name__, "Odd"),))
    text = configuration_page.page_text()
    assert '| `share` | decimal |  | `"0.5"` | x |' in text
    assert "| `file` | path |  | none | x |" in text
    assert "| `steps` | list of whole numbers |  | see the meaning | x |" in text
    assert "| `wanted` | true or false |  | `true` | x |" in text
