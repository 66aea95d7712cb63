"""The entry point of `fairlead`: imports almost nothing until it is known which command runs.

A command is a module with a function ``add_to(app)`` that registers it on a typer app. Add its name
and module to `COMMANDS`; the module is imported when the command runs or the help lists it, so it
should import what is heavy inside its functions.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from fairlead.cli.exit_codes import ExitCode
from fairlead.errors import FairleadError

COMMANDS: Mapping[str, str] = {
    "demo": "fairlead.cli.demo.command",
    "simulate": "fairlead.cli.simulate",
    "plugins": "fairlead.cli.plugins",
    "doctor": "fairlead.cli.doctor",
    "orders": "fairlead.cli.orders",
    "fills": "fairlead.cli.fills",
    "positions": "fairlead.cli.positions",
    "explain": "fairlead.cli.explain",
    "journal": "fairlead.cli.journal",
    "db": "fairlead.cli.database",
    "status": "fairlead.cli.control",
    "halt": "fairlead.cli.control",
    "reduce": "fairlead.cli.control",
    "resume": "fairlead.cli.control",
    "cancel": "fairlead.cli.control",
    "cancel-all": "fairlead.cli.control",
    "flatten": "fairlead.cli.control",
    "resolve": "fairlead.cli.control",
    "adopt": "fairlead.cli.control",
    "annotate": "fairlead.cli.control",
    "accept-drift": "fairlead.cli.control",
    "accept-balance": "fairlead.cli.control",
    "balances": "fairlead.cli.balances",
    "deliveries": "fairlead.cli.deliveries",
    "reconcile": "fairlead.cli.control",
}
"""Command -> the module that adds it; in the order in which the help lists them."""

_EXTRA_PACKAGES = frozenset({"typer", "rich", "click"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; see `ExitCode`."""
    try:
        from fairlead.cli.application import run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _EXTRA_PACKAGES:
            raise
        _say(f"The command line needs {error.name}, which is not installed: pip install 'fairlead[cli]'")
        return ExitCode.MISSING_EXTRA
    try:
        return run(COMMANDS, sys.argv[1:] if arguments is None else arguments)
    except FairleadError as error:
        from fairlead.cli.output import escaped
        from fairlead.plugins.redaction import redacted

        _say(escaped(redacted(str(error))))
        return ExitCode.REFUSED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
