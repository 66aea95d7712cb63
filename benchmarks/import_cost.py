"""What `import fairlead` costs in a fresh interpreter: time, and resident memory of the whole process.

The median of several processes is reported, so that one busy moment of the machine does not decide.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

RUNS = 7
SECONDS_MAX = 0.15
MEGABYTES_MAX = 60.0

# ru_maxrss counts kilobytes on Linux and bytes on macOS.
PROGRAM = """
import json, resource, sys, time
started = time.perf_counter()
import fairlead
seconds = time.perf_counter() - started
unit = 1 if sys.platform == "darwin" else 1024
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
print(json.dumps({"seconds": seconds, "megabytes": peak / 1_000_000}))
"""


def measure() -> dict[str, float]:
    """Return seconds and megabytes of one import in one fresh process."""
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(result.stdout)
    return figures


def main() -> int:
    """Print the medians beside their budgets; return 1 when one is over."""
    runs = [measure() for _ in range(RUNS)]
    seconds = statistics.median(run["seconds"] for run in runs)
    megabytes = statistics.median(run["megabytes"] for run in runs)
    budget = f"budget {SECONDS_MAX} s, {MEGABYTES_MAX} MB"
    print(f"import fairlead: {seconds:.3f} s, {megabytes:.1f} MB ({budget})")
    return 0 if seconds <= SECONDS_MAX and megabytes <= MEGABYTES_MAX else 1


if __name__ == "__main__":
    sys.exit(main())
