"""What a command by a plugin starts from: the machine's clock and ids, and the plugin's own table."""

from __future__ import annotations

import logging
from pathlib import Path

from fairlead.errors import ConfigurationRefused
from fairlead.hookspecs import PluginContext
from fairlead.kernel.configuration import read_configuration
from fairlead.kernel.system_clock import SystemClock
from fairlead.kernel.system_ids import SystemIds

# fixed: stands where no configuration names an account
_NO_ACCOUNT = "tool"


def tool_context(plugin: str, config: str | Path | None = None) -> PluginContext:
    """Return the context that a kernel would give to the plugin of this name; no kernel is made.

    *config* is the kernel's configuration; without it, the context has no table. Raises
    `ConfigurationRefused` when it cannot be read, or has no table for the plugin.
    """
    logger = logging.getLogger("fairlead").getChild(plugin)
    if config is None:
        return PluginContext(_NO_ACCOUNT, SystemClock(), SystemIds(), {}, logger)
    configuration = read_configuration(config)
    if plugin not in configuration.tables:
        raise ConfigurationRefused(
            f"The configuration {str(config)!a} has no table [plugins.{plugin}].",
            not_done="Nothing was done.",
            fix="Add it, or name another file.",
        )
    account, folder = configuration.settings.account, configuration.folder
    return PluginContext(account, SystemClock(), SystemIds(), configuration.tables[plugin], logger, folder)
