"""Our one tox plugin: `tox run -q -e demo -- --json` prints nothing but the demo's object on stdout.

tox reports on stdout how a command and a run ended, also under `-q`. `-qq` would silence that, but it would
silence the errors of a failing installation too; so tox falls silent only when the demo begins.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tox.plugin import impl

if TYPE_CHECKING:
    from tox.tox_env.api import ToxEnv


@impl
def tox_before_run_commands(tox_env: ToxEnv) -> None:
    """Silence tox itself when a program reads the demo's output; the exit code still tells how it ended."""
    if tox_env.conf.name == "demo" and any("--json" in command.args for command in tox_env.conf["commands"]):
        logging.disable()
        tox_env.options.quiet = tox_env.options.verbose
