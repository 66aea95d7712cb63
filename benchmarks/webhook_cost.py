"""What webhooks cost an order: with no endpoint, one that answers, one that hangs, one that is away.

A kernel on SQLite (durable) sends orders to a venue that answers at once, and is told of every fact by signed
requests over loopback. Four cases, in turn, round after round, each on a fresh file:

* ``none``: no endpoint at all;
* ``answers``: a receiver in a process of its own answers 200 to each request;
* ``hangs``: it takes the connections and the requests, and never answers;
* ``refuses``: nobody listens.

Two loads: ``paced``, an order about every so many milliseconds, as a busy bot has them (each pause is another
one, or telling would keep step with the orders); and ``flat out``, one order after the other, as fast as they
are answered: then the couriers compete with the orders for the one thread.
Figures are wall time from proposal to answer, and to the filled order; and CPU time of the process.

Usage: ``python -m benchmarks.webhook_cost [--orders N] [--rounds N] [--pause-ms N] [--json]``
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

import attrs
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.order_round_trip import AllowAll, InstantVenue, sqlite_store
from fairlead import Kernel, KernelSettings, Proposal, Session
from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.notices import Notifier
from fairlead.ports.settings import Secret
from fairlead_webhook import EndpointSettings, WebhookSettings
from fairlead_webhook.notifier import notifiers_of

SYMBOL = "BTC/USDT"
CASES = ("none", "answers", "hangs", "refuses")
LOADS = ("paced", "flat out")
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
STRIDE, ONE_PERCENT_OF = 37, 100
"""Every pause of a hundred is another one, and their mean is the pause that was asked for."""
WARMING_SHARE = 5
"""A fifth as many orders go before those that count: connections are opened, caches filled."""

RECEIVER = """
import asyncio, sys

ANSWER = b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n"

async def talk(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\\r\\n")[1:] if line)
            await reader.readexactly(int(lines[b"content-length"]))
            if sys.argv[1] == "answers":
                writer.write(ANSWER)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def main():
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


@attrs.define
class Round:
    """What one round of one case measured; times in nanoseconds."""

    answered: list[int] = attrs.field(factory=list)
    filled: list[int] = attrs.field(factory=list)
    cpu: int = 0


@contextmanager
def receiver(case: str) -> Iterator[int]:
    """Run the receiver of a case in a process of its own; yield its port, a closed one for nobody."""
    process = subprocess.Popen([sys.executable, "-c", RECEIVER, case], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        if case == "refuses":
            process.kill()
            process.wait()
        yield port
    finally:
        process.kill()
        process.communicate()


def endpoints(case: str, port: int) -> Sequence[Notifier]:
    """Return the endpoint of a case as the plugin makes it, or none."""
    if case == "none":
        return ()
    endpoint = EndpointSettings(
        url=f"http://127.0.0.1:{port}/", secrets=(Secret(SECRET),), allow_private=True, ports=(port,)
    )
    return notifiers_of(WebhookSettings({"desk": endpoint}), SystemClock())


async def one_round(case: str, port: int, orders: int, pause_ns: int) -> Round:
    """Send the orders of one round through a kernel of its own, at least *pause_ns* from one to the next."""
    clock, measured = SystemClock(), Round()
    with tempfile.TemporaryDirectory() as folder:
        kernel = Kernel(
            KernelSettings(account="bench", notify_on_stop_ms=0),  # telling afterwards is not timed
            exchange=InstantVenue(),
            store=sqlite_store(folder),
            checks=[AllowAll()],
            notifiers=endpoints(case, port),
        )
        async with kernel:
            bot = kernel.session(owner="bench")
            await sent(bot, clock, orders // WARMING_SHARE, pause_ns, Round())
            begun = time.process_time_ns()
            await sent(bot, clock, orders, pause_ns, measured)
            measured.cpu = time.process_time_ns() - begun
    return measured


async def sent(bot: Session, clock: SystemClock, orders: int, pause_ns: int, measured: Round) -> None:
    """Send orders one after the other."""
    for number in range(orders):
        begun = time.perf_counter_ns()
        result = await bot.execute(Proposal.buy(SYMBOL, quantity="0.01", limit_price="100"))
        measured.answered.append(time.perf_counter_ns() - begun)
        await result.closed()
        measured.filled.append(time.perf_counter_ns() - begun)
        uneven_ns = pause_ns // 2 + pause_ns * (number * STRIDE % ONE_PERCENT_OF) // ONE_PERCENT_OF
        await clock.sleep_ns(max(0, uneven_ns - measured.filled[-1]))


def figures(rounds: Sequence[Round]) -> dict[str, int]:
    """Return medians and the 99th of a hundred over all orders, in whole microseconds."""

    def of(times: Sequence[int], name: str) -> dict[str, int]:
        ordered = sorted(times)
        return {
            f"{name}_median_us": round(statistics.median(ordered) / 1_000),
            f"{name}_p99_us": round(ordered[len(ordered) * 99 // 100] / 1_000),
        }

    orders = sum(len(each.filled) for each in rounds)
    return {
        "orders": orders,
        **of([each for one in rounds for each in one.answered], "answered"),
        **of([each for one in rounds for each in one.filled], "filled"),
        "cpu_us_per_order": round(sum(each.cpu for each in rounds) / orders / 1_000),
    }


def measured(orders: int, rounds: int, pause_ms: int) -> dict[str, dict[str, dict[str, int]]]:
    """Return the figures by load and case; the cases take turns, so that a busy minute hits all of them."""
    taken: dict[tuple[str, str], list[Round]] = {(load, case): [] for load in LOADS for case in CASES}
    with ExitStack() as stack:
        ports = {case: stack.enter_context(receiver(case)) for case in CASES}
        turns = [(load, case) for _ in range(rounds) for load in LOADS for case in CASES]
        for load, case in track(turns, "Measuring", console=Console(stderr=True), transient=True):
            pause_ns = pause_ms * NANOSECONDS_PER_MILLISECOND if load == "paced" else 0
            taken[load, case].append(asyncio.run(one_round(case, ports[case], orders, pause_ns)))
    return {load: {case: figures(taken[load, case]) for case in CASES} for load in LOADS}


def table_of(load: str, cases: Mapping[str, Mapping[str, int]]) -> Table:
    """Return the figures of one load for people."""
    table = Table(title=f"{load}, {cases['none']['orders']} orders in each case")
    table.add_column("endpoint")
    heads = ("answered, median", "99 of 100", "filled, median", "99 of 100", "CPU per order")
    for head in heads:
        table.add_column(head, justify="right")
    for case, values in cases.items():
        names = [name for name in values if name != "orders"]
        table.add_row(case, *(f"{values[name] / 1_000:.2f} ms" for name in names))
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--pause-ms", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measured(arguments.orders, arguments.rounds, arguments.pause_ms)
    if arguments.json:
        print(json.dumps(found))
        return 0
    for load, cases in found.items():
        Console().print(table_of(load, cases))
    return 0


if __name__ == "__main__":
    sys.exit(main())
