"""Signed webhooks: what is durable in the journal, told to URLs at least once.

Importing this package imports no HTTP client; the first delivery does.
"""

from fairlead_webhook.plugin import WebhookPlugin
from fairlead_webhook.settings import EndpointSettings, WebhookSettings

__all__ = ["EndpointSettings", "WebhookPlugin", "WebhookSettings"]

__version__ = "0.1.0"
