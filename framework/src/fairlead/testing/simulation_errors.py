"""What goes wrong in a simulation, and what a simulated crash looks like from inside."""

from __future__ import annotations


class SimulationError(Exception):
    """Base of the errors that the simulation itself raises; the failure report is in the notes."""


class Deadlock(SimulationError):
    """Nothing is ready and no timer is set: no task can ever run again."""


class Livelock(SimulationError):
    """Very many steps ran without any virtual time passing: something spins."""


class Overtime(SimulationError):
    """Virtual time passed the limit: something is waited for that never comes, while timers go on."""


class OutsideSimulation(SimulationError):
    """The code reached for the real world: a socket, a process, a signal, another thread."""


class Crashed(SimulationError):
    """The run was stopped dead at the step that was asked for."""


class UnrecognizedTaskStep(SimulationError):
    """This Python's asyncio schedules task steps in a way that the seeded loop does not know."""


class StrayFailure(SimulationError):
    """Something failed where nobody was waiting for it, which asyncio would only have logged."""


class CrashNotReached(SimulationError):
    """A crash was planned at a spot that the run never reached: the scenario is not deterministic."""


class UndyingTask(SimulationError):
    """A task of a dead generation caught every attempt to end it."""


class GenerationDead(BaseException):
    """The process this code belongs to is dead; nothing it tries takes effect.

    A `BaseException`, so that `except Exception` in the code under test cannot survive its own death.
    """
