"""One run of the demo: venue up, kernel up, kill, kernel up again, to the end of the tape."""

from __future__ import annotations

import hashlib
import signal
from collections import Counter
from collections.abc import Mapping
from typing import IO, Any, Protocol

import attrs

from fairlead.cli.demo.processes import DemoFailed, LineProcess, start_venue
from fairlead.cli.demo.settings import (
    ACCOUNT,
    OPENING_BALANCE,
    TOKEN_VARIABLE,
    DemoFiles,
    Hold,
    KernelProcessSettings,
    Moment,
)
from fairlead.cli.demo.webhook import SECRET_VARIABLE, URL_VARIABLE
from fairlead.cli.exit_codes import ExitCode
from fairlead.kernel.system_clock import SystemClock
from fairlead.kernel.system_ids import SystemIds

STARTS_MAX = 8
"""A kernel that refuses to start, because its venue does not answer, is started again so often."""

TOKEN_DIGITS = 32


class Watcher(Protocol):
    """Who is told how the run goes."""

    def trade(self, index: int) -> None:
        """The tape has come to this trade."""

    def note(self, text: str) -> None:
        """Something worth a line happened."""


@attrs.frozen(kw_only=True)
class Webhook:
    """Where notices go, and what they are signed with."""

    url: str = attrs.field(repr=False)
    secret: str = attrs.field(repr=False)
    port: int

    def variables(self) -> dict[str, str]:
        """Return what the kernel's process is told in its environment."""
        return {URL_VARIABLE: self.url, SECRET_VARIABLE: self.secret}


@attrs.frozen(kw_only=True)
class DemoOptions:
    """What can be chosen about a run; *trades* is how many of the tape are played."""

    seed: int
    faults: bool
    trades: int
    webhook: Webhook | None = None


@attrs.frozen(kw_only=True)
class Kill:
    """The kill as it happened: at which trade, where its order was, and whether it was SIGKILL."""

    at_trade: int
    moment: Moment
    client_order_id: str
    was_sigkill: bool


@attrs.frozen(kw_only=True)
class RunOutcome:
    """What the processes said; *end* is the kernel's last word, *notices* counts attempts by verdict."""

    kill: Kill | None
    starts: int
    end: Mapping[str, Any]
    notices: Mapping[str, int]


def hold_for(options: DemoOptions) -> Hold:
    """Return where the kernel is to be killed: drawn from the seed, in the middle of the tape."""
    digest = hashlib.sha256(f"fairlead demo {options.seed}".encode()).digest()
    middle = options.trades * 2 // 5
    return Hold(middle + digest[0] * (options.trades // 5) // 256, tuple(Moment)[digest[1] % len(Moment)])


async def run_demo(options: DemoOptions, files: DemoFiles, watcher: Watcher) -> RunOutcome:
    """Run all of it; raise `DemoFailed` when a process does not do its part."""
    clock = SystemClock()
    token = {TOKEN_VARIABLE: SystemIds().unique_hex(TOKEN_DIGITS)}
    with files.log.open("ab") as log:
        settings = ["--account", ACCOUNT, "--balance", OPENING_BALANCE, "--tape", "shipped", "--time", "tape"]
        settings += ["--file", str(files.venue), "--synchronous", "normal"]
        venue, address = await start_venue(settings, log, clock, **token)
        watcher.note("The paper venue runs in its own process, with its own file.")
        try:
            return await _Runs(options, files, watcher, log, token, address, clock).all()
        finally:
            await venue.end()


class _Runs:
    """The lives of the kernel's process, one after the other."""

    def __init__(
        self,
        options: DemoOptions,
        files: DemoFiles,
        watcher: Watcher,
        log: IO[bytes],
        token: Mapping[str, str],
        address: str,
        clock: SystemClock,
    ) -> None:
        self._options = options
        self._files = files
        self._watcher = watcher
        self._log = log
        self._token = token
        self._address = address
        self._clock = clock
        self._trade = 0
        self._is_up = False
        self._starts = 0
        self._kill: Kill | None = None
        self._end: Mapping[str, Any] | None = None
        self._notices: Counter[str] = Counter()

    async def all(self) -> RunOutcome:
        """Live until the tape's end."""
        while self._end is None:
            if self._starts == STARTS_MAX:
                raise DemoFailed(f"The kernel did not start in {STARTS_MAX} attempts.")
            await self._live(hold_for(self._options) if self._kill is None else None)
        return RunOutcome(
            kill=self._kill, starts=self._starts, end=self._end, notices=dict(sorted(self._notices.items()))
        )

    async def _live(self, hold: Hold | None) -> None:
        options = self._options
        settings = KernelProcessSettings(
            venue_address=self._address,
            store=str(self._files.store),
            acknowledgements=str(self._files.acknowledgements),
            trades=options.trades,
            fault_seed=options.seed if options.faults else None,
            hold=hold,
            webhook_port=options.webhook.port if options.webhook else None,
        )
        self._starts += 1
        self._is_up = False
        kernel = await LineProcess.start(
            "kernel",
            ["fairlead.cli.demo.kernel_process", settings.text()],
            self._log,
            self._clock,
            **self._token,
            **(options.webhook.variables() if options.webhook else {}),
        )
        try:
            while (said := await kernel.line()) is not None:
                await self._hear(said, kernel, hold)
            code = await kernel.ended()
        finally:
            await kernel.kill()
        if code == ExitCode.REFUSED and not self._is_up:
            self._watcher.note("The kernel refused to start, as its venue did not answer; again.")
        elif code not in (ExitCode.OK, -signal.SIGKILL):
            raise DemoFailed(f"The kernel's process ended with code {code}.")

    async def _hear(self, said: Mapping[str, Any], kernel: LineProcess, hold: Hold | None) -> None:
        if "trade" in said:
            self._trade = said["trade"]
            self._watcher.trade(self._trade)
        elif "started" in said:
            self._is_up = True
            word = "resumed from the same file" if said["started"] and self._kill else "started"
            self._watcher.note(f"The kernel {word}; the journal stands at record {said['started']}.")
        elif "notice" in said:
            self._notices[said["notice"]] += 1
        elif "holding" in said and hold is not None:
            code = await kernel.kill()
            self._kill = Kill(
                at_trade=self._trade,
                moment=hold.moment,
                client_order_id=said["holding"],
                was_sigkill=code == -signal.SIGKILL,
            )
            self._watcher.note(f"SIGKILL at trade {self._trade}, with order {said['holding']} in flight.")
        elif "done" in said:
            self._end = said["done"]
