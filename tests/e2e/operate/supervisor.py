"""Stands in for systemd where a test has none: keeps a user's units running as their files say.

``python supervisor.py systemctl ...`` and ``python supervisor.py journalctl ...`` take the command lines that
the guide shows; ``python supervisor.py supervise UNIT`` is the process behind a unit that was started. Every
key of a unit is honoured or known to be for people and order only; one that is neither is refused, so that
the guide claims nothing that was not tried.
"""

from __future__ import annotations

import asyncio
import os
import resource
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from configparser import ConfigParser
from contextlib import suppress
from pathlib import Path

import attrs

from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND

UNITS = Path.home() / ".config/systemd/user"
STATE = Path.home() / ".units"
LOOK_NS = 20 * NANOSECONDS_PER_MILLISECOND
ENDED = ("inactive", "failed")
OF_SYSTEMD_ALONE = {
    "Unit": {"Description", "After", "Wants", "StartLimitIntervalSec"},
    "Install": {"WantedBy"},
}
"""Keys that order units at boot and are read by people: nothing here depends on them."""


@attrs.frozen
class Unit:
    """What a unit's file says."""

    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    notifies: bool
    restarts: bool
    pause_ns: int
    bursts_max: int
    final_codes: frozenset[int]
    core_bytes_max: int
    umask: int


def unit_of(name: str) -> Unit:
    """Read a unit's file; raise for a key that nothing here honours."""
    parser = ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[method-assign,assignment]  # systemd's keys keep their case
    text = (UNITS / f"{name}.service").read_text(encoding="utf-8").replace("%h", str(Path.home()))
    parser.read_string(text)
    sections = {section: dict(parser[section]) for section in parser.sections()}
    for section, keys in OF_SYSTEMD_ALONE.items():
        for key in keys:
            sections.get(section, {}).pop(key, None)
    service = sections["Service"]
    environment = {}
    for line in Path(service.pop("EnvironmentFile")).read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition("=")
        environment[key] = value
    unit = Unit(
        command=shlex.split(service.pop("ExecStart")),
        folder=Path(service.pop("WorkingDirectory")),
        environment=environment,
        notifies=service.pop("Type") == "notify",
        restarts=service.pop("Restart") == "on-failure",
        pause_ns=int(service.pop("RestartSec")) * NANOSECONDS_PER_SECOND,
        bursts_max=int(sections["Unit"].pop("StartLimitBurst")),
        final_codes=frozenset(map(int, service.pop("RestartPreventExitStatus", "").split())),
        core_bytes_max=int(service.pop("LimitCORE")),
        umask=int(service.pop("UMask"), 8),
    )
    left = {key for keys in sections.values() for key in keys}
    if left:
        raise SystemExit(f"{name}: nothing here honours {sorted(left)}")
    return unit


class Supervised:
    """One unit while it is started."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._unit = unit_of(name)
        self._clock = SystemClock()
        self._notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._address = STATE / f"{name}.notify"
        self._address.unlink(missing_ok=True)
        self._notices.bind(str(self._address))

    async def run(self) -> None:
        """Start the program, and again as the unit says, until it is stopped or given up."""
        asyncio.get_running_loop().add_reader(self._notices, self._hear)
        starts = 0
        while True:
            self._say("activating" if self._unit.notifies else "active")
            code = await self._life()
            starts += 1
            if is_stopping(self._name) or code == 0:
                return self._say("inactive")
            if not self._unit.restarts or code in self._unit.final_codes or starts >= self._unit.bursts_max:
                return self._say("failed")
            self._say("activating")
            await self._clock.sleep_ns(self._unit.pause_ns)
            if is_stopping(self._name):
                return self._say("inactive")

    async def _life(self) -> int:
        with (STATE / f"{self._name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *self._unit.command,
                cwd=self._unit.folder,
                env={**os.environ, **self._unit.environment, "NOTIFY_SOCKET": str(self._address)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=self._limit,
            )
        (STATE / f"{self._name}.pid").write_text(str(process.pid))
        return await process.wait()

    def _limit(self) -> None:
        os.umask(self._unit.umask)
        resource.setrlimit(resource.RLIMIT_CORE, (self._unit.core_bytes_max, self._unit.core_bytes_max))

    def _hear(self) -> None:
        if b"READY=1" in self._notices.recv(4_096):
            self._say("active")

    def _say(self, state: str) -> None:
        write_state(self._name, state)


def write_state(name: str, state: str) -> None:
    """Say how a unit is; read by other processes, so never half written."""
    fresh = STATE / f"{name}.state.new"
    fresh.write_text(state)
    fresh.replace(STATE / f"{name}.state")


def state_of(name: str) -> str:
    """Return how a unit is."""
    with suppress(FileNotFoundError):
        return (STATE / f"{name}.state").read_text()
    return "inactive"


def is_stopping(name: str) -> bool:
    """Tell whether somebody asked for its end."""
    return (STATE / f"{name}.stop").exists()


async def start(name: str) -> None:
    """Start a unit, and return when it is ready."""
    if state_of(name) == "active":
        return
    (STATE / f"{name}.stop").unlink(missing_ok=True)
    write_state(name, "activating")
    _leave_behind(name)
    while state_of(name) == "activating":
        await SystemClock().sleep_ns(LOOK_NS)
    if state_of(name) != "active":
        raise SystemExit(f"Job for {name}.service failed.")


def _leave_behind(name: str) -> None:
    """Start the process that supervises the unit and outlives this one."""
    with (STATE / f"{name}.log").open("ab") as log:
        subprocess.Popen(
            [sys.executable, __file__, "supervise", name],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )


async def stop(name: str) -> None:
    """Stop a unit, and return when its program has ended."""
    if state_of(name) in ENDED:
        return
    (STATE / f"{name}.stop").touch()
    with suppress(ProcessLookupError):
        os.kill(int((STATE / f"{name}.pid").read_text()), signal.SIGTERM)
    while state_of(name) not in ENDED:
        await SystemClock().sleep_ns(LOOK_NS)


async def systemctl(arguments: Sequence[str]) -> None:
    """Do what the command line says, for the user's units alone."""
    user, verb, *names = (each for each in arguments if each != "--now")
    if user != "--user":
        raise SystemExit("only a user's units are here")
    if verb == "daemon-reload":
        return
    for name in names:
        if verb in ("stop", "restart"):
            await stop(name)
        if verb in ("enable", "start", "restart"):
            unit_of(name)
            await start(name)
        if verb == "is-active":
            sys.stdout.write(f"{state_of(name)}\n")


def journalctl(arguments: Sequence[str]) -> None:
    """Print the last lines of a unit's log: ``--user -u NAME -o cat -n COUNT``."""
    name, count = arguments[arguments.index("-u") + 1], int(arguments[arguments.index("-n") + 1])
    lines = (STATE / f"{name}.log").read_text(encoding="utf-8").splitlines()
    sys.stdout.write("".join(f"{line}\n" for line in lines[-count:]))


if __name__ == "__main__":
    STATE.mkdir(exist_ok=True)
    what, *rest = sys.argv[1:]
    if what == "journalctl":
        journalctl(rest)
    else:
        asyncio.run(systemctl(rest) if what == "systemctl" else Supervised(rest[0]).run())
