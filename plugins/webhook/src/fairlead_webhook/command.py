"""The command `fairlead webhook`: a receiver for trying out, a test notice, a new secret."""

from __future__ import annotations

import asyncio
import os
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairlead import tool_context
from fairlead.errors import ConfigurationRefused
from fairlead.ports.notices import DeliveryOutcome, DeliveryVerdict, Notice
from fairlead.ports.settings import Secret
from fairlead_webhook.settings import WebhookSettings
from fairlead_webhook.signing import PREFIX, check_secret
from fairlead_webhook.target import PORT_MAX
from fairlead_webhook.telling import json_line, line_of

if TYPE_CHECKING:
    from fairlead.hookspecs import PluginContext

PLUGIN = "webhook"
# fixed: only where nothing is said; --port says it
DEFAULT_PORT = 8_008
SECRET_VARIABLE = "FAIRLEAD_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable, not a secret
TEST_KIND = "webhook_test"
# fixed: what the command line's exit codes mean, docs/reference/command-line.md
EXIT_OK, EXIT_FOUND_WRONG, EXIT_INTERRUPTED = 0, 1, 130
# fixed: 32 bytes, within what Standard Webhooks asks for
_SECRET_DIGITS = 64
# fixed: 64 bits, so that no test notice is taken for an earlier one
_ID_DIGITS = 16

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Try webhooks out.")
    group.command("listen")(listen)
    group.command("test")(try_out)
    group.command("secret")(secret)
    app.add_typer(group, name="webhook")


def listen(
    *,
    port: Annotated[
        int, typer.Option(help="Where to listen; 0 takes a free one.", min=0, max=PORT_MAX)
    ] = DEFAULT_PORT,
    fail: Annotated[
        int, typer.Option(metavar="PERCENT", help="Fail so many of the good ones on purpose.", min=0, max=100)
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Receive webhooks on this machine, verify each, and print a line for it; ends with Ctrl-C.

    The secret is read from the environment variable FAIRLEAD_WEBHOOK_SECRET. What does not verify is
    answered with 400.
    """
    from fairlead_webhook.listening import Heard, Listener

    def hear(heard: Heard) -> None:
        typer.echo(json_line(heard) if as_json else line_of(heard))

    clock = tool_context(PLUGIN).clock
    listener = Listener(_secret_of_environment(), clock, hear, fail_percent=fail)
    try:
        asyncio.run(listener.serve(port, lambda url: typer.echo(f"Listening at {url}", err=True)))
    except OSError as error:
        raise ConfigurationRefused(
            f"Port {port} cannot be listened at: {error.strerror}.", fix="Take another one, or --port 0."
        ) from error
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None


def try_out(
    endpoint: Annotated[str, typer.Argument(help="The endpoint's name in the configuration.")],
    config: Annotated[Path, typer.Option("--config", help="The kernel's configuration.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Send one signed test notice to an endpoint, and say what became of it; exits with 1 when it failed.

    One attempt, whatever the endpoint's filter. Nothing is journaled, and no delivery is owed afterwards.
    """
    context = tool_context(PLUGIN, config)
    outcome = asyncio.run(_tried(endpoint, context))
    delivered = outcome.verdict is DeliveryVerdict.DELIVERED
    if as_json:
        typer.echo(json_line({"endpoint": endpoint, "delivered": delivered, "detail": outcome.detail}))
    else:
        typer.echo(f"{endpoint}: delivered" if delivered else f"{endpoint}: not delivered: {outcome.detail}")
    raise typer.Exit(EXIT_OK if delivered else EXIT_FOUND_WRONG)


def secret() -> None:
    """Print a new signing secret. It is shown once and kept nowhere."""
    drawn = bytes.fromhex(tool_context(PLUGIN).ids.unique_hex(_SECRET_DIGITS))
    typer.echo(f"{PREFIX}{b64encode(drawn).decode('ascii')}")


async def _tried(endpoint: str, context: PluginContext) -> DeliveryOutcome:
    """Raises `ConfigurationRefused` when the configuration names no such endpoint."""
    from fairlead_webhook.notifier import WebhookNotifier

    settings = WebhookSettings.structured(context)
    if endpoint not in settings.endpoints:
        known = ", ".join(sorted(settings.endpoints)) or "none"
        raise ConfigurationRefused(
            f"There is no endpoint {endpoint!a}.", not_done="Nothing was sent.", fix=f"There are: {known}."
        )
    notifier = WebhookNotifier(endpoint, settings.endpoints[endpoint], context.clock)
    try:
        return await notifier.deliver(_test_notice(context), 1)
    finally:
        await notifier.close()


def _test_notice(context: PluginContext) -> Notice:
    return Notice(
        event_id=f"test-{context.ids.unique_hex(_ID_DIGITS)}",
        kind=TEST_KIND,
        version=1,
        account=context.account,
        subject="test",
        sequence=0,
        ts_ns=context.clock.wall_ns(),
        data={"text": "A test by fairlead webhook test: nothing happened."},
    )


def _secret_of_environment() -> Secret:
    """Raises `ConfigurationRefused` when the variable holds no signing secret."""
    found = Secret(os.environ.get(SECRET_VARIABLE, ""))
    check_secret(found, SECRET_VARIABLE)
    return found
