"""The clock rule: time, waiting and randomness enter through ports only.

Outside the implementations of the clock and id ports nobody reads a clock, sleeps, sets a timer or draws
randomness. So a test, a replay or a simulation that passes another clock owns time completely. Referring to a
forbidden name is enough: `schedule(asyncio.sleep)` leaks as much as calling it.
"""

from __future__ import annotations

import ast
import fnmatch
import sys
from collections.abc import Iterator

from tools.sources import (
    EXAMPLES,
    FRAMEWORK,
    PLUGINS,
    ROOT,
    TESTS,
    Finding,
    Module,
    check_trees,
    dotted,
    report,
)

# benchmarks/ and tools/ are absent: measuring real time is what the former are for.
TREES = (FRAMEWORK, PLUGINS, TESTS, EXAMPLES)

# The implementations of the ports: the one place where the real world may be asked.
PORT_IMPLEMENTATIONS = (
    "framework/src/fairlead/kernel/replay_clock.py",
    "framework/src/fairlead/kernel/system_clock.py",
    "framework/src/fairlead/kernel/system_ids.py",
    "framework/src/fairlead/testing/virtual_clock.py",
    "plugins/paper/src/fairlead_paper/system_time.py",
    "examples/exchange/src/tally_exchange/venue_time.py",
)
# Shows that asyncio's own ways to wait work on the seeded loop, and so has to name them.
STOCK_WAITING = ("tests/core/testing/test_stock_waiting.py",)
# Here `random.Random(seed)` may be built, and nothing else of `random` used.
SEEDED_RANDOMNESS = (
    "framework/src/fairlead/testing/*",
    "plugins/paper/src/fairlead_paper/fault*",
)

FORBIDDEN_MODULES = frozenset({"random", "secrets", "time", "uuid"})
FORBIDDEN_NAMES = frozenset(
    {
        "asyncio.sleep",
        "asyncio.timeout",
        "asyncio.timeout_at",
        "asyncio.wait_for",
        "datetime.date.today",
        "datetime.datetime.now",
        "datetime.datetime.today",
        "datetime.datetime.utcnow",
        "os.getrandom",
        "os.urandom",
        "signal.alarm",
        "signal.setitimer",
        "threading.Timer",
    }
)
# Methods of an event loop. `call_at` and `call_later` name nothing else; `time` does, so it must be a loop's.
LOOP_TIMERS = frozenset({"call_at", "call_later"})
ADVICE = "goes around the clock and id ports; take a Clock or Ids instead"


def check_module(module: Module) -> list[Finding]:
    """Return every breach in one module, in order of line."""
    if module.path in (*PORT_IMPLEMENTATIONS, *STOCK_WAITING):
        return []
    seeded = any(fnmatch.fnmatch(module.path, pattern) for pattern in SEEDED_RANDOMNESS)
    allowed_modules = {"random"} if seeded else set[str]()
    aliases = dict(_imported_names(module.tree))
    breaches = [
        *_forbidden_imports(module.tree, allowed_modules),
        *_forbidden_references(module.tree, aliases),
        *_unseeded(module.tree, aliases),
    ]
    return [Finding(module.path, line, f"{what} {ADVICE}") for line, what in sorted(set(breaches))]


def _imported_names(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield (local name, what it stands for) of every import, wherever it is written."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (top, top)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _forbidden_imports(tree: ast.Module, allowed: set[str]) -> Iterator[tuple[int, str]]:
    forbidden = FORBIDDEN_MODULES - allowed
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
            for alias in node.names:
                if f"{node.module}.{alias.name}" in FORBIDDEN_NAMES:
                    yield node.lineno, f"{node.module}.{alias.name}"
        else:
            continue
        for name in names:
            if name.partition(".")[0] in forbidden:
                yield node.lineno, f"module {name}"


def _forbidden_references(tree: ast.Module, aliases: dict[str, str]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if node.attr in LOOP_TIMERS or (node.attr == "time" and _is_loop(node.value)):
                yield node.lineno, f"event loop's {node.attr}"
            name = _meaning(node, aliases)
            if name in FORBIDDEN_NAMES:
                yield node.lineno, name
        elif isinstance(node, ast.Call) and _is_timed_wait(node, aliases):
            yield node.lineno, "asyncio.wait with a timeout"


def _unseeded(tree: ast.Module, aliases: dict[str, str]) -> Iterator[tuple[int, str]]:
    """Yield uses of `random` other than naming `random.Random` and building it from a seed.

    Where `random` may not be imported at all, the import has been reported already.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            name = _meaning(node, aliases) or ""
            if name.startswith("random.") and name.count(".") == 1 and name != "random.Random":
                yield node.lineno, name
        elif isinstance(node, ast.Call) and _is_unseeded(node, aliases):
            yield node.lineno, "random.Random without a seed"


def _is_timed_wait(call: ast.Call, aliases: dict[str, str]) -> bool:
    is_wait = _meaning(call.func, aliases) == "asyncio.wait"
    return is_wait and any(keyword.arg == "timeout" for keyword in call.keywords)


def _is_unseeded(call: ast.Call, aliases: dict[str, str]) -> bool:
    if _meaning(call.func, aliases) != "random.Random":
        return False
    seed = call.args[0] if call.args else None
    return seed is None or (isinstance(seed, ast.Constant) and seed.value is None)


def _meaning(node: ast.expr, aliases: dict[str, str]) -> str | None:
    """Return the full name an expression stands for, with import aliases resolved."""
    name = dotted(node)
    if name is None:
        return None
    head, _, rest = name.partition(".")
    if head not in aliases:
        return None
    return f"{aliases[head]}.{rest}" if rest else aliases[head]


def _is_loop(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        node = node.func
    return (dotted(node) or "").endswith("loop")


def main() -> int:
    """Check the repository; return the exit code."""
    return report("clock rule", check_trees(ROOT, TREES, check_module))


if __name__ == "__main__":
    sys.exit(main())
