"""What the entry point `webhook` of group `fairlead.plugins.v1` loads: this plugin's hook implementations.

Kept light: a loader that only lists plugins imports this module, so what is heavy is imported where it is
used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fairlead.errors import ConfigurationRefused
from fairlead.hookspecs import PluginContext, hookimpl
from fairlead.ports.tools import PluginCommand, Probe
from fairlead_webhook.settings import PATH, WebhookSettings

if TYPE_CHECKING:
    from fairlead.ports.notices import Notifier

requires_api = "1.0"


@hookimpl
def fairlead_notifiers(context: PluginContext) -> Sequence[Notifier]:
    """Return a notifier for each endpoint of the plugin's configuration table."""
    settings = WebhookSettings.structured(context)
    if not settings.endpoints:
        context.logger.warning("%s names no endpoint, so nobody is told anything", PATH)
    return _notifiers(settings, context)


@hookimpl
def fairlead_probes(context: PluginContext) -> Sequence[Probe]:
    """Return a probe for each endpoint: whether it can be reached, and what its clock says."""
    return _probes(WebhookSettings.structured(context), context)


@hookimpl
def fairlead_commands() -> Sequence[PluginCommand]:
    """Return the command `fairlead webhook`."""
    about = "Try webhooks out: a receiver on this machine, a test notice, a new secret."
    return (PluginCommand("webhook", about, "fairlead_webhook.command"),)


class WebhookPlugin:
    """The same plugin as an object, for `Kernel(plugins=[WebhookPlugin(WebhookSettings(...))])`."""

    name = "webhook"
    requires_api = requires_api

    def __init__(self, settings: WebhookSettings) -> None:
        self._settings = settings

    @hookimpl
    def fairlead_notifiers(self, context: PluginContext) -> Sequence[Notifier]:
        """Return a notifier for each endpoint of the settings; a table beside them is refused."""
        if context.configuration:
            raise ConfigurationRefused(
                f"{PATH}: this plugin was given its settings as an object.",
                fix="Remove the table or the object.",
            )
        return _notifiers(self._settings, context)

    @hookimpl
    def fairlead_probes(self, context: PluginContext) -> Sequence[Probe]:
        """Return a probe for each endpoint of the settings."""
        return _probes(self._settings, context)


def _notifiers(settings: WebhookSettings, context: PluginContext) -> Sequence[Notifier]:
    from fairlead_webhook.notifier import notifiers_of

    return notifiers_of(settings, context.clock)


def _probes(settings: WebhookSettings, context: PluginContext) -> Sequence[Probe]:
    from fairlead_webhook.probing import probes_of

    return probes_of(settings, context.clock)
