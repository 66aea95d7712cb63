"""The venue as a program: ``python -m fairlead_paper serve``."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence

from fairlead.errors import ExchangeFault, FairleadError
from fairlead_paper.address import address_of
from fairlead_paper.desk import Desk
from fairlead_paper.opening import open_desk
from fairlead_paper.player import PlaySettings, TapePlayer
from fairlead_paper.server import VenueServer
from fairlead_paper.settings import VenueSettings, venue_settings
from fairlead_paper.system_time import SystemTime, wall_ns

EXIT_REFUSED = 2
EXIT_FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the venue until SIGTERM, SIGINT or a client's request ends it; return the exit code."""
    options = _parser().parse_args(arguments)
    token = os.environ.get(options.token_env, "")
    try:
        if not token:
            return _refuse(f"The environment variable {options.token_env} holds no token.")
        address = address_of(options.listen)
        settings = _settings_of(options)
        desk = open_desk(settings, wall_ns)
    except FairleadError as error:
        return _refuse(str(error))
    listen = options.listen if address.path else address.text
    return asyncio.run(_serve(desk, token, listen, settings.play))


async def _serve(desk: Desk, token: str, listen: str, play: PlaySettings | None) -> int:
    server = VenueServer(desk, token)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)

    def announce(reachable: str) -> None:
        line = {"address": reachable, "pid": os.getpid(), "position": desk.position}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    playing = loop.create_task(_play(desk, play, server)) if play is not None else None
    await server.serve(address_of(listen), announce)
    if playing is not None:
        playing.cancel()
        await asyncio.wait((playing,))
    if server.failure:
        sys.stderr.write(server.failure + "\n")
        return EXIT_FAILED
    return 0


async def _play(desk: Desk, play: PlaySettings, server: VenueServer) -> None:
    """Let the tape play by itself; a venue whose file failed ends."""
    try:
        await TapePlayer(desk, play, SystemTime()).run()
    except ExchangeFault as error:
        server.failure = str(error)
        server.stop()


def _settings_of(options: argparse.Namespace) -> VenueSettings:
    try:
        table = json.loads(options.settings)
    except ValueError as error:
        raise FairleadError(f"--settings is not JSON: {error}.") from error
    if not isinstance(table, dict):
        raise FairleadError("--settings is not a JSON object.")
    for name in ("account", "file", "tape", "time", "synchronous", "fence", "participation"):
        value = getattr(options, name)
        if value is not None:
            table[name] = value
    if options.balance:
        table["balances"] = dict(
            pair.split("=", 1) if "=" in pair else (pair, "") for pair in options.balance
        )
    return venue_settings(table, "venue")


def _refuse(reason: str) -> int:
    sys.stderr.write(reason + "\n")
    return EXIT_REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fairlead_paper", description="A simulated exchange.")
    serve = parser.add_subparsers(dest="command", required=True).add_parser(
        "serve", help="run the venue; prints one JSON line with its address, then serves until SIGTERM"
    )
    serve.add_argument("--listen", default="127.0.0.1:0", help='"127.0.0.1:port" (0: any) or "unix:path"')
    serve.add_argument("--token-env", default="FAIRLEAD_PAPER_TOKEN", help="variable that holds the token")
    serve.add_argument("--settings", default="{}", help="the venue's settings as a JSON object")
    serve.add_argument("--account", help="name of the account (main)")
    serve.add_argument("--balance", action="append", metavar="ASSET=TOTAL", help="opening balance; repeat")
    serve.add_argument("--file", help="the venue's SQLite file; without it nothing is kept")
    serve.add_argument("--synchronous", help="full (default) or normal")
    serve.add_argument("--tape", help='"shipped" or a CSV file')
    serve.add_argument("--time", help="clock (default) or tape")
    serve.add_argument("--fence", help="deadline (default), permanent_client_id or none")
    serve.add_argument("--participation", help="part of each trade's volume that our orders may take (1)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
