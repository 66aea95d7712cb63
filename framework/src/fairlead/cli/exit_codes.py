"""The exit codes of `fairlead`, all of them in this one place."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the exit code of every command means.

    ``OK``: done, and nothing was found wrong. ``FOUND_WRONG``: the command worked and found
    something wrong; what, is in its output. ``USAGE``: the command line itself was not understood.
    ``REFUSED``: Fairlead refused, with an error that says why and what to do. ``MISSING_EXTRA``: a
    package that the command needs is not installed. ``INTERRUPTED``: stopped from the keyboard.
    """

    OK = 0
    FOUND_WRONG = 1
    USAGE = 2
    REFUSED = 3
    MISSING_EXTRA = 4
    INTERRUPTED = 130
