"""What a plugin author or a bot author needs to test against Fairlead. Only tests import this package.

`run` executes an ordinary asynchronous test on virtual time, in an order drawn from a seed. `World` and
`CrashExperiment` kill a program at every instant and look at what survives. `VirtualClock` and `SeededIds`
are the ports that go with them, `SeedStreams` the source of all their chance. `live_through` lets a bot live
and die among faults that a `FaultPlan` draws, `books_problems` compares what it left with its venue, and
`notice_problems` with what its endpoint was told.
"""

from fairlead.testing.books_check import books_problems
from fairlead.testing.crash_points import CrashPoints
from fairlead.testing.crash_survey import (
    AT_THE_END,
    CrashExperiment,
    CrashSpot,
    CrashSurvey,
    count_steps,
    crash_at_every_point,
    crash_at_every_step,
)
from fairlead.testing.endpoint import Endpoint, EndpointClient, NoticeFate
from fairlead.testing.fault_plan import Death, FaultPlan
from fairlead.testing.faults import Faults
from fairlead.testing.generation import Generation
from fairlead.testing.kernel_world import KernelWorld, NotConverged
from fairlead.testing.notice_truth import NoticeTruth
from fairlead.testing.notices_check import notice_problems
from fairlead.testing.scripted_exchange import ScriptedExchange
from fairlead.testing.seed_campaign import SeedCampaign, SeedTotals
from fairlead.testing.seed_streams import SeedStreams
from fairlead.testing.seeded_ids import SeededIds
from fairlead.testing.seeded_loop import SeededLoop
from fairlead.testing.seeded_run import run, run_on
from fairlead.testing.simulated_life import SimulatedLife, live_through, shrunk
from fairlead.testing.simulation import Outcome, World
from fairlead.testing.simulation_errors import (
    Crashed,
    CrashNotReached,
    Deadlock,
    GenerationDead,
    Livelock,
    OutsideSimulation,
    Overtime,
    SimulationError,
    StrayFailure,
    UndyingTask,
    UnrecognizedTaskStep,
)
from fairlead.testing.trace import FailureReport
from fairlead.testing.virtual_clock import GenerationClock, VirtualClock
from fairlead.testing.wire import Fate, ReportFate, Trip, Wire, WireClient

__all__ = [
    "AT_THE_END",
    "CrashExperiment",
    "CrashNotReached",
    "CrashPoints",
    "CrashSpot",
    "CrashSurvey",
    "Crashed",
    "Deadlock",
    "Death",
    "Endpoint",
    "EndpointClient",
    "FailureReport",
    "Fate",
    "FaultPlan",
    "Faults",
    "Generation",
    "GenerationClock",
    "GenerationDead",
    "KernelWorld",
    "Livelock",
    "NotConverged",
    "NoticeFate",
    "NoticeTruth",
    "Outcome",
    "OutsideSimulation",
    "Overtime",
    "ReportFate",
    "ScriptedExchange",
    "SeedCampaign",
    "SeedStreams",
    "SeedTotals",
    "SeededIds",
    "SeededLoop",
    "SimulatedLife",
    "SimulationError",
    "StrayFailure",
    "Trip",
    "UndyingTask",
    "UnrecognizedTaskStep",
    "VirtualClock",
    "Wire",
    "WireClient",
    "World",
    "books_problems",
    "count_steps",
    "crash_at_every_point",
    "crash_at_every_step",
    "live_through",
    "notice_problems",
    "run",
    "run_on",
    "shrunk",
]
