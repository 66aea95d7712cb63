"""Every error that Fairlead raises, drawn first.

::

    FairleadError                    every error of ours
    ├── InvalidInput (ValueError)    a value was refused at the door; names field and fix
    │   ├── NumberRefused            not a number we may use for money or quantity
    │   ├── TextRefused              an id, symbol, name or key with a shape we do not take
    │   ├── SymbolHeld               another source gives this symbol's prices
    │   └── UnknownName              a symbol, order or plugin that nobody knows here
    ├── ConfigurationRefused         a setting or a combination of plugins that cannot start
    │   ├── PluginRefused            a plugin did not pass the registration lint
    │   └── SettingRefused           a settings class does not take a value; names field and fix
    ├── StoreFault                   the store could not do what was asked
    │   ├── StoreHeld                another live kernel owns this account's store
    │   ├── CommitFailed             a batch is certainly not in the store
    │   │   └── RowRuleBroken        for a row that no sound kernel writes: the kernel halts
    │   ├── CommitUncertain          nobody knows whether a batch is in the store
    │   ├── StaleEpoch               a newer kernel took over; this one may not write
    │   └── JournalDamaged           stored records do not match their chain or their rows
    ├── ExchangeFault                the exchange client could not do what was asked
    │   └── RateLimited              the venue refused a question for its rate limit
    ├── KernelUnusable               the kernel is not in a state to take this call
    │   ├── NotRunning               it was not started, or was stopped
    │   ├── ControlRefused           a running kernel refused an operator's command; its own words
    │   ├── WrongThread              called from a thread or loop that does not own it
    │   └── JournalUnavailable       the command could not be recorded, so it was not done
    └── InvariantBroken              a bug in Fairlead; nothing was sent
"""

from __future__ import annotations

# fixed: a matter of wording, not of behaviour
NAME_EXCERPT_LENGTH = 40
NAMES_LISTED_MAX = 12


class FairleadError(Exception):
    """An error that says what happened, what was not done, and what to do.

    *what* happened is mandatory; *not_done* names the effect that did not take place; *fix* is the
    step that helps.
    """

    def __init__(self, what: str, *, not_done: str = "", fix: str = "") -> None:
        self.what = what
        self.not_done = not_done
        self.fix = fix
        super().__init__(" ".join(part for part in (what, not_done, fix) if part))

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.what, self.not_done, self.fix), self.__dict__)


def _rebuild(kind: type[FairleadError], what: str, not_done: str, fix: str) -> FairleadError:
    error = kind.__new__(kind)
    FairleadError.__init__(error, what, not_done=not_done, fix=fix)
    return error


class InvalidInput(FairleadError, ValueError):
    """A value was refused at the door; nothing was recorded, reserved or sent."""

    def __init__(self, field: str, problem: str, *, fix: str = "") -> None:
        self.field = field
        self.problem = problem
        super().__init__(f"{field}: {problem}.", fix=fix)


class NumberRefused(InvalidInput):
    """Not a number that may stand for money or quantity."""


class TextRefused(InvalidInput):
    """An identifier, symbol, name or key with a shape that is not taken."""


class SymbolHeld(InvalidInput):
    """Another source gives this symbol's prices; *holder* says which."""

    def __init__(self, symbol: str, holder: str) -> None:
        self.symbol = symbol
        self.holder = holder
        problem = f"the prices of {symbol} come from {holder!r}, and one source gives them at a time"
        super().__init__("price", problem, fix=f"Publish through {holder!r}, or have it release the symbol.")


class UnknownName(InvalidInput):
    """A name that nobody knows here; *known* lists what there is, and the fix names the nearest."""

    def __init__(self, field: str, name: str, known: tuple[str, ...] = (), *, fix: str = "") -> None:
        self.name = name
        self.known = known
        shown = ascii(name[:NAME_EXCERPT_LENGTH])
        super().__init__(field, f"{shown} is not known", fix=fix or _nearest(name, known))


def _nearest(name: str, known: tuple[str, ...]) -> str:
    if not known:
        return ""
    from difflib import get_close_matches  # only a mistake needs it

    likely = get_close_matches(name[:NAME_EXCERPT_LENGTH], known, n=1)
    guess = f"Did you mean {likely[0]!r}? " if likely else ""
    listed = ", ".join(sorted(known)[:NAMES_LISTED_MAX])
    unlisted = len(known) - NAMES_LISTED_MAX
    return f"{guess}Known are {listed}{f' and {unlisted} more' if unlisted > 0 else ''}."


class ConfigurationRefused(FairleadError):
    """A setting, or a combination of plugins, with which the kernel will not start."""


class PluginRefused(ConfigurationRefused):
    """A plugin did not pass the registration lint; the message lists every complaint."""


class SettingRefused(ConfigurationRefused):
    """A value that a settings class does not take; *field* is its key below that class's table.

    Raised by the class's own checks, in code and from a table alike; `structure_settings` puts the
    path of the table before the field. The field may begin with a name of the owner
    (``sqlstore.path``), which the path of a table replaces.
    """

    def __init__(self, field: str, problem: str, *, fix: str = "") -> None:
        self.field = field
        self.problem = problem
        super().__init__(f"{field}: {problem}.", not_done="The settings were not made.", fix=fix)


class StoreFault(FairleadError):
    """The store could not do what was asked."""


class StoreHeld(StoreFault):
    """Another live kernel owns this account's store; *holder* says who."""

    def __init__(self, holder: str) -> None:
        self.holder = holder
        super().__init__(
            f"The store is held by another live kernel: {holder}.",
            not_done="This kernel did not start and wrote nothing.",
            fix="Stop that kernel first; its hold ends when its process ends.",
        )


class CommitFailed(StoreFault):
    """The batch is certainly not in the store."""


class RowRuleBroken(CommitFailed):
    """A row breaks a rule of its table, or repeats what occurs once; *rule* names the constraint.

    A tripwire, not a check: a sound kernel writes no such row, so one that did goes no further.
    """

    def __init__(self, rule: str) -> None:
        self.rule = rule
        super().__init__(
            f"The store refused a row that breaks {rule}.",
            not_done="Nothing of the batch was stored, and nothing was sent for it.",
            fix="Stop, keep the database as it is, and report it: this is a fault in Fairlead or a plugin.",
        )


class CommitUncertain(StoreFault):
    """Nobody knows whether the batch is in the store; read the head before anything else."""


class StaleEpoch(StoreFault):
    """A newer kernel took over the store; this one may not write any more."""


class JournalDamaged(StoreFault):
    """Stored records do not match their chain or their rows; *sequence* is the first bad one."""

    def __init__(self, sequence: int, problem: str) -> None:
        self.sequence = sequence
        super().__init__(
            f"Journal record {sequence}: {problem}.",
            not_done="The kernel did not start from it.",
            fix="Restore the store from a backup, then let reconciliation fetch what is newer.",
        )


class ExchangeFault(FairleadError):
    """The exchange client could not do what was asked; says nothing about an order's fate."""


class RateLimited(ExchangeFault):
    """The venue refused a question for its rate limit; *retry_after_ns* is how long it said to wait, or 0."""

    def __init__(self, what: str, *, retry_after_ns: int = 0, not_done: str = "", fix: str = "") -> None:
        self.retry_after_ns = retry_after_ns
        super().__init__(what, not_done=not_done, fix=fix)


class KernelUnusable(FairleadError):
    """The kernel is not in a state to take this call."""


class NotRunning(KernelUnusable):
    """The kernel was not started, or was stopped."""


class ControlRefused(KernelUnusable):
    """A running kernel refused what an operator asked for over its control socket."""


class WrongThread(KernelUnusable):
    """The call came from a thread or event loop that does not own the kernel."""


class JournalUnavailable(KernelUnusable):
    """The command could not be recorded, so nothing was sent for it."""


class InvariantBroken(FairleadError):
    """A bug in Fairlead: a state that must be impossible. Nothing was sent for the step."""


def invariant(holds: bool, what: str) -> None:  # noqa: FBT001 - reads like an assertion
    """Raise `InvariantBroken` unless the condition holds; unlike `assert`, -O keeps it."""
    if not holds:
        raise InvariantBroken(f"Invariant broken: {what}.", not_done="The step was not completed.")
