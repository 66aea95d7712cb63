"""Our one tox plugin: `tox run -q -e demo -- --json` prints nothing but the demo's object on stdout.

tox ends a run with a report on stdout, also under `-q`. `-qq` would silence it, but it would silence the
errors of a failing installation too; so the report is turned off only once the demo has run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tox.plugin import impl

if TYPE_CHECKING:
    from tox.execute import Outcome
    from tox.tox_env.api import ToxEnv


@impl
def tox_after_run_commands(tox_env: ToxEnv, exit_code: int, outcomes: list[Outcome]) -> None:
    """Silence tox's closing report when a program reads the demo's output; the exit code still tells."""
    del exit_code
    if tox_env.conf.name == "demo" and any("--json" in outcome.request.cmd for outcome in outcomes):
        tox_env.options.quiet = tox_env.options.verbose
