"""What a plugin's own command is given: what a kernel would give the plugin, without a kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead import tool_context
from fairlead.errors import ConfigurationRefused
from fairlead.kernel.system_clock import SystemClock


def test_it_has_the_plugins_own_table(tmp_path: Path) -> None:
    """Account, table and folder are the configuration's."""
    path = tmp_path / "fairlead.toml"
    path.write_text('[kernel]\naccount = "main"\n[plugins.fees]\nlimit = 3\n', encoding="utf-8")
    context = tool_context("fees", path)
    assert (context.account, dict(context.configuration)) == ("main", {"limit": 3})
    assert context.path("x") == tmp_path.resolve() / "x"


def test_without_a_configuration_there_are_clock_and_ids() -> None:
    """A command that needs no settings gets none."""
    context = tool_context("fees")
    assert dict(context.configuration) == {}
    assert isinstance(context.clock, SystemClock)
    assert context.ids.unique_hex(16) != context.ids.unique_hex(16)


def test_a_configuration_without_the_plugin_is_refused(tmp_path: Path) -> None:
    """The table is named, so that a wrong file is seen."""
    path = tmp_path / "fairlead.toml"
    path.write_text('[kernel]\naccount = "main"\n', encoding="utf-8")
    with pytest.raises(ConfigurationRefused, match=r"no table \[plugins\.fees\]"):
        tool_context("fees", path)
