"""`fairlead doctor --connect` says what keeps an endpoint from being told: the way there, and its clock."""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from pathlib import Path

import pytest

from fairlead import tool_context
from fairlead.cli.exit_codes import ExitCode
from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.clock import NANOSECONDS_PER_SECOND
from fairlead.ports.tools import ProbeFinding
from fairlead_webhook import WebhookPlugin, WebhookSettings
from fairlead_webhook.dates import TOLERANCE_SECONDS
from fairlead_webhook.probing import NOTE_SECONDS, EndpointProbe, clock_findings
from fairlead_webhook.settings import EndpointSettings, ScheduleSettings
from tests.core.cli.memory_reader import run_command
from tests.webhook.deliveries import local_endpoint, secret_text
from tests.webhook.receiver import Behaviour, Receiver, answer, receiver, reset, silent

CLOCK = SystemClock()
NOW_NS = 1_767_225_600 * NANOSECONDS_PER_SECOND
NOW = "Thu, 01 Jan 2026 00:00:00 GMT"


def seconds(count: int) -> int:
    """Return so many seconds in nanoseconds."""
    return count * NANOSECONDS_PER_SECOND


def dated(ahead_seconds: int) -> Behaviour:
    """Return a behaviour: an answer whose date is so far ahead of our clock."""
    date = formatdate(CLOCK.wall_ns() // NANOSECONDS_PER_SECOND + ahead_seconds, usegmt=True)
    return answer("405 Method Not Allowed", Date=date)


async def examined(behave: Behaviour) -> tuple[list[ProbeFinding], Receiver]:
    """Return what the probe finds at a receiver of that behaviour, and what the receiver saw."""
    quick = ScheduleSettings(attempt_timeout_ms=300)
    async with receiver(behave) as seen:
        probe = EndpointProbe("desk", local_endpoint(seen.port, schedule=quick), CLOCK)
        assert (probe.name, probe.connects) == ("webhook.desk", True)
        return list(await probe.examine()), seen


def test_a_probe_tells_the_receiver_nothing() -> None:
    """It asks for headers, signs nothing and sends no body; whatever is answered, the way there is good."""

    async def scenario() -> None:
        found, seen = await examined(answer("500 Broken"))
        assert found == []
        (request,) = seen.requests
        assert request.line == "HEAD /hook HTTP/1.1"
        assert request.body == b""
        assert not [name for name in request.headers if name.startswith("webhook-")]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        (0, ""),
        (TOLERANCE_SECONDS + 60, "s ahead of ours: it refuses every notice, for a signature holds for 300 s"),
        (-TOLERANCE_SECONDS - 60, "s behind ours: it refuses every notice, for a signature holds for 300 s"),
    ],
)
def test_a_clock_that_differs_is_told(ahead: int, expected: str) -> None:
    """The date of a real answer is compared with ours; beyond what a signature allows it is wrong."""
    found, _ = asyncio.run(examined(dated(ahead)))
    assert [expected in each.text and not each.is_note for each in found] == ([True] if expected else [])


@pytest.mark.parametrize(
    ("date", "before_ns", "after_ns", "expected"),
    [
        ("", NOW_NS, NOW_NS, None),
        ("yesterday", NOW_NS, NOW_NS, None),
        ("Thu, 32 Jan 2026 00:00:00 GMT", NOW_NS, NOW_NS, None),
        (NOW, NOW_NS, NOW_NS, None),
        (NOW, NOW_NS - seconds(NOTE_SECONDS), NOW_NS - seconds(NOTE_SECONDS) + 1, None),
        (NOW, NOW_NS, NOW_NS - seconds(NOTE_SECONDS), ("30 s ahead", True)),
        (NOW, NOW_NS + seconds(NOTE_SECONDS + 1) - 1, NOW_NS + seconds(60), None),
        (NOW, NOW_NS + seconds(NOTE_SECONDS + 1), NOW_NS + seconds(60), ("30 s behind", True)),
        (NOW, NOW_NS, NOW_NS - seconds(TOLERANCE_SECONDS + 1) + 1, ("300 s ahead", True)),
        (NOW, NOW_NS, NOW_NS - seconds(TOLERANCE_SECONDS + 1), ("301 s ahead", False)),
        (NOW, NOW_NS + seconds(TOLERANCE_SECONDS + 2) - 1, NOW_NS, ("300 s behind", True)),
        (NOW, NOW_NS + seconds(TOLERANCE_SECONDS + 2), NOW_NS, ("301 s behind", False)),
        (NOW, NOW_NS - seconds(200), NOW_NS + seconds(200), None),
    ],
)
def test_only_a_certain_difference_counts(
    date: str, before_ns: int, after_ns: int, expected: tuple[str, bool] | None
) -> None:
    """The time of the request itself, and the second that a date is exact to, are no difference."""
    found = [(each.text, each.is_note) for each in clock_findings(date, before_ns, after_ns)]
    if expected is None:
        assert found == []
    else:
        ((text, is_note),) = found
        assert text.startswith(f"the receiver's clock is {expected[0]} ")
        assert is_note is expected[1]


@pytest.mark.parametrize(
    ("behave", "why"), [(reset, "RemoteProtocolError"), (silent, "no answer within the attempt's time")]
)
def test_who_does_not_answer_cannot_be_reached(behave: Behaviour, why: str) -> None:
    """The finding says why, within the time of an attempt, and that nothing would be delivered."""
    (found,), _ = asyncio.run(examined(behave))
    assert found.text.startswith(f"cannot be reached ({why}")
    assert "Nothing would be delivered." in found.text
    assert not found.is_note


def test_a_blocked_address_is_found_without_a_delivery() -> None:
    """The guard holds for a probe as well; what it blocks is told."""

    async def resolve(host: str, port: int) -> list[str]:
        del host, port
        return ["169.254.169.254"]

    endpoint = EndpointSettings(url="https://hooks.example.com/x", secrets=local_endpoint(1).secrets)
    (found,) = asyncio.run(EndpointProbe("desk", endpoint, CLOCK, resolve=resolve).examine())
    assert found.text.startswith("cannot be reached (blocked: hooks.example.com leads to 169.254.169.254")


def write_configuration(folder: Path, port: int) -> Path:
    """Write the configuration of a kernel that tells one endpoint of this machine."""
    path = folder / "fairlead.toml"
    path.write_text(
        f"""
[kernel]
account = "main"
allow_unchecked = true

[plugins.webhook.endpoints.desk]
url = "http://localhost:{port}/hook?token=abcdefgh"
secrets = [{{ "$env" = "DESK_SECRET" }}]
allow_private = true
ports = [{port}]
""",
        encoding="utf-8",
    )
    return path


def test_the_doctor_looks_when_it_may_connect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`doctor` alone sends nothing; with `--connect` it names the endpoint, and never its URL."""
    monkeypatch.setenv("DESK_SECRET", secret_text())

    async def scenario() -> None:
        async with receiver(dated(TOLERANCE_SECONDS + 60)) as seen:
            path = str(write_configuration(tmp_path, seen.port))
            for options, expected in (((), False), (("--connect",), True)):
                code, out, error = await asyncio.to_thread(run_command, "doctor", "--config", path, *options)
                said = " ".join(f"{out} {error}".split())
                assert ("probes: webhook.desk: the receiver's clock is 3" in said) is expected, said
                assert bool(seen.requests) is expected
                assert "abcdefgh" not in said
                assert code == ExitCode.FOUND_WRONG  # there is no exchange, too

    asyncio.run(scenario())


def test_the_plugin_as_an_object_has_the_same_probes() -> None:
    """Both ways to give the settings lead to a probe for each endpoint."""
    settings = WebhookSettings({"desk": local_endpoint(8_443), "phone": local_endpoint(8_444)})
    names = [probe.name for probe in WebhookPlugin(settings).fairlead_probes(tool_context("webhook"))]
    assert names == ["webhook.desk", "webhook.phone"]
