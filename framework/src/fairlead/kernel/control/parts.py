"""The parts through which an operator acts on a running kernel: kill switch file and control socket."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from fairlead.domain.trading_state import TradingState
from fairlead.kernel.components import Part
from fairlead.kernel.control.commands import answer
from fairlead.kernel.control.kill_switch import KillSwitch
from fairlead.kernel.control.server import ControlServer
from fairlead.kernel.core.inputs import SetTradingState
from fairlead.kernel.decide.rules import OPERATOR
from fairlead.kernel.operator_commands import OperatorCommands
from fairlead.kernel.parts import Parts

KILL_SWITCH = "kill switch"
CONTROL = "control"


def kill_switch_parts(parts: Parts) -> tuple[Part, ...]:
    """Return the part that looks for the kill switch file, or nothing where none is configured.

    It looks for the first time before trading is enabled.
    """
    settings = parts.settings
    if not settings.kill_switch_file:
        return ()

    def pulled(path: Path) -> None:
        parts.take(SetTradingState(TradingState.HALTED, f"the kill switch file {path} is there", OPERATOR))

    switch = KillSwitch(
        Path(settings.kill_switch_file),
        parts.clock,
        interval_ns=settings.ns("kill_switch_interval"),
        on_pulled=pulled,
    )

    async def start() -> None:
        switch.look()
        parts.endless.add(parts.supervisor.spawn(KILL_SWITCH, switch.watch()))

    return (Part(KILL_SWITCH, start, lambda: parts.supervisor.cancel_named(KILL_SWITCH)),)


def control_parts(kernel: OperatorCommands, parts: Parts) -> tuple[Part, ...]:
    """Return the part that listens on the control socket, or nothing where none is configured."""
    settings = parts.settings
    if not settings.control_socket:
        return ()
    server = ControlServer(
        Path(settings.control_socket),
        parts.clock,
        timeout_ns=settings.ns("control_timeout"),
        connections_max=settings.control_connections_max,
        answer=partial(answer, kernel),
    )
    return (Part(CONTROL, server.start, server.stop),)
