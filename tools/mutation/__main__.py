"""Tests the mutants of the core; what can be asked for is told in the package's own words."""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from tools import mutation
from tools.mutation.campaign import Campaign, CampaignFailed
from tools.mutation.importers import importers
from tools.mutation.mutants import Faults, Mutant
from tools.mutation.reach import REACH_FILE, read_reach
from tools.mutation.report import MISSED, Progress, as_json, print_results
from tools.mutation.results import Kept, Result
from tools.mutation.schedule import Schedule
from tools.mutation.scope import FOLDER, core_files, digest
from tools.sources import ROOT

# Recorded seconds of tests that a mutant must survive; chosen so that the whole core takes about an hour.
BUDGET_SECONDS = 4.0


def main(arguments: Sequence[str]) -> int:
    """Test what was asked for and tell the result; return 0, or 1 when it could not be tested."""
    options = _options(arguments)
    faults = _faults(options.modules)
    mutants = [mutant for each in faults.values() for mutant in each.mutants]
    if options.sample is not None and options.sample < len(mutants):
        drawn = random.Random(options.seed).sample(mutants, options.sample)
        mutants = sorted(drawn, key=lambda mutant: (mutant.path, mutant.number))
    tests = _digest_of_tests()
    kept = {path: Kept(path, (ROOT / path).read_text(encoding="utf-8"), tests) for path in faults}
    if not options.survivors:
        problem = _run(mutants, faults, kept, options)
        if problem:
            print(f"mutation: {problem}", file=sys.stderr)
            return 1
    known = (kept[mutant.path].result(mutant, stale=options.survivors) for mutant in mutants)
    results = [result for result in known if result is not None]
    if options.json:
        print(json.dumps(as_json(results, len(mutants)), indent=2))
    else:
        print_results(results, drawn_of=len(mutants), list_survivors=options.survivors)
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.mutation",
        description=mutation.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "modules", nargs="*", help="words in the paths of modules; all of the core without any"
    )
    parser.add_argument("--sample", type=int, help="test this many, drawn")
    parser.add_argument("--seed", type=int, default=0, help="what is drawn")
    parser.add_argument(
        "--seconds", type=float, default=BUDGET_SECONDS, help="recorded seconds of tests a mutant"
    )
    parser.add_argument("--again", action="store_true", help="test also what was found before")
    parser.add_argument(
        "--missed", action="store_true", help="ask again what survived, say with more --seconds"
    )
    parser.add_argument("--survivors", action="store_true", help="tell what is known, and run nothing")
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    return parser.parse_args(arguments)


def _faults(words: Sequence[str]) -> dict[str, Faults]:
    paths = {file.relative_to(ROOT).as_posix(): file for file in core_files(ROOT)}
    chosen = [path for path in paths if not words or any(word in path for word in words)]
    if not chosen:
        sys.exit(f"mutation: no module of the core has {' or '.join(words)} in its path")
    return {path: Faults(path, paths[path].read_text(encoding="utf-8")) for path in chosen}


def _digest_of_tests() -> str:
    files = sorted((ROOT / "tests").rglob("*.py"))
    return digest(*(file.read_text(encoding="utf-8") for file in files))


def _is_due(known: Result | None, options: argparse.Namespace) -> bool:
    is_missed = known is not None and known.status in MISSED
    return known is None or options.again or (options.missed and is_missed)


def _run(
    mutants: Sequence[Mutant],
    faults: dict[str, Faults],
    kept: dict[str, Kept],
    options: argparse.Namespace,
) -> str:
    """Test what has no verdict yet; return what went wrong, or nothing."""
    due = [mutant for mutant in mutants if _is_due(kept[mutant.path].result(mutant), options)]
    if not due:
        return ""
    if not Path(REACH_FILE).is_file():
        return "nobody knows which test runs what; run `python -m tools.mutation.reach` first"
    reach = read_reach()
    schedule = Schedule(reach, options.seconds, importers(ROOT))
    for each in kept.values():
        for test in each.finders():
            schedule.found_before(test)
    control = FOLDER / f"control-{digest(_digest_of_tests(), str(options.seconds))}"
    with Progress(len(due)) as progress:

        def told(result: Result) -> None:
            kept[result.mutant.path].keep(result)
            progress.advance(is_missed=result.status in MISSED)

        try:
            Campaign(ROOT, reach, faults, schedule, told, control=control).run(due)
        except CampaignFailed as error:
            return str(error)
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
