"""Whatever a receiver does, an attempt ends in time, within bounds, and says in one line what happened."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from email.utils import formatdate
from pathlib import Path

import pytest
import trustme

from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.clock import NANOSECONDS_PER_SECOND
from fairlead.ports.notices import DELIVERED, DeliveryOutcome, DeliveryVerdict
from fairlead_webhook.outcomes import retry_after_ns
from fairlead_webhook.settings import ScheduleSettings
from tests.webhook.deliveries import attempt, local_endpoint, notice_of
from tests.webhook.receiver import Behaviour, answer, dripping, raw, receiver, reset, silent

NOW_NS = 1_767_225_600 * NANOSECONDS_PER_SECOND
DAY_NS = 86_400 * NANOSECONDS_PER_SECOND
QUICK = ScheduleSettings(attempt_timeout_ms=300)


async def told_by(behave: Behaviour) -> DeliveryOutcome:
    """Return what an attempt makes of one behaviour."""
    async with receiver(behave) as seen:
        return await attempt(local_endpoint(seen.port, schedule=QUICK))


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted", "204 No Content", "299 X"])
def test_every_2xx_is_success(status: str) -> None:
    """A notice is delivered when the receiver says so, and only then is there nothing to tell."""
    assert asyncio.run(told_by(answer(status))) is DELIVERED


@pytest.mark.parametrize("status", [400, 401, 404, 408, 413, 422, 429, 500, 501, 502, 503, 599, 700])
def test_every_other_status_is_tried_again(status: int) -> None:
    """No status makes a notice lost at once; its text is told, cut and escaped."""
    outcome = asyncio.run(told_by(answer(f"{status} No", b"sorry \x1b[31m[/red]\r\nX" + b"y" * 5_000)))
    assert outcome.verdict is DeliveryVerdict.AGAIN
    assert outcome.detail.startswith(f"HTTP {status}")
    assert ": sorry \\x1b[31m[/red]\\r\\nXy" in outcome.detail
    assert outcome.detail.isprintable()
    assert len(outcome.detail) < 1_100


def test_who_is_gone_is_gone() -> None:
    """410 disables an endpoint."""
    assert asyncio.run(told_by(answer("410 Gone"))) == DeliveryOutcome(DeliveryVerdict.GONE, "HTTP 410 Gone")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    """A receiver cannot send us on to the metadata service, nor to itself."""

    async def scenario() -> None:
        async with receiver(answer()) as inside:
            where = f"http://127.0.0.1:{inside.port}/latest/meta-data"
            outcome = await told_by(answer(f"{status} Moved", Location=where))
            assert outcome.verdict is DeliveryVerdict.AGAIN
            assert "redirect, which is never followed" in outcome.detail
            assert inside.connections == 0

    asyncio.run(scenario())


@pytest.mark.parametrize("status", ["429 Slow", "502 Bad", "503 Busy", "504 Late"])
def test_a_receiver_may_ask_for_a_pause(status: str) -> None:
    """Retry-After is honoured where the specification of webhooks says so."""
    assert (
        asyncio.run(told_by(answer(status, Retry_After="120"))).retry_after_ns == 120 * NANOSECONDS_PER_SECOND
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("5", 5 * NANOSECONDS_PER_SECOND),
        (" 5 ", 5 * NANOSECONDS_PER_SECOND),
        ("315360000", DAY_NS),
        ("9" * 60, DAY_NS),
        ("-5", None),
        ("5.5", None),
        ("soon", None),
        ("", None),
        ("\u0665", None),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60 * NANOSECONDS_PER_SECOND),
        ("Thu, 01 Jan 2025 00:00:00 GMT", None),
        ("Fri, 01 Jan 2038 00:00:00 GMT", DAY_NS),
        ("Fri, 99 Jan 2038 00:00:00 GMT", None),
        ("Fri, 01 Abc 2038 00:00:00 GMT", None),
        ("Fri, 01 Jan 0000 00:00:00 GMT", None),
    ],
)
def test_a_pause_is_kept_within_bounds(text: str, expected: int | None) -> None:
    """Seconds, dates, ten years, a negative figure and nonsense: a pause up to the longest, or none."""
    assert retry_after_ns(text, NOW_NS, DAY_NS) == expected


SLOW = {
    "a silent one": silent,
    "headers without end": dripping(b"HTTP/1.1 503 X\r\n", b"X-Drip: 1\r\n"),
    "a status line that drips": dripping(b"HTTP/1.1 ", b"2"),
}


@pytest.mark.parametrize("name", SLOW)
def test_a_slow_receiver_meets_the_total_deadline(name: str) -> None:
    """However a receiver holds us up, the attempt ends; the time between two drops plays no part."""

    async def scenario() -> None:
        clock = SystemClock()
        begin_ns = clock.monotonic_ns()
        outcome = await told_by(SLOW[name])
        assert outcome.verdict is DeliveryVerdict.AGAIN
        assert outcome.detail
        assert clock.monotonic_ns() - begin_ns < 3 * NANOSECONDS_PER_SECOND

    asyncio.run(scenario())


def test_a_body_without_end_is_cut_off() -> None:
    """No more of a body is read than is allowed, so it costs neither memory nor the whole deadline."""
    endless = dripping(
        b"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"z" * 4_096 + b"\r\n"
    )

    async def scenario() -> None:
        async with receiver(endless) as seen:
            outcome = await attempt(local_endpoint(seen.port))  # its deadline is 2 s; this is not it
            assert outcome.detail.startswith("HTTP 500 Internal Server Error: zzz")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "content",
    [
        dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n", b""),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
        dripping(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"z" * 4_096 + b"\r\n"
        ),
    ],
    ids=["never comes", "truncated", "without end"],
)
def test_the_status_counts_whatever_becomes_of_the_body(content: Behaviour) -> None:
    """A receiver that said yes has taken the notice, though its body never ends."""
    assert asyncio.run(told_by(content)) is DELIVERED


@pytest.mark.parametrize(
    "behave",
    [
        reset,
        raw(b""),
        raw(b"HTTP/1.1 2"),
        raw(b"\x16\x03\x01\x00\x00garbage\r\n\r\n"),
        raw(b"HTTP/9.9 OK two hundred\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 40_000 + b"\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
    ],
    ids=["reset", "nothing", "cut", "garbage", "no status", "headers of megabytes", "two lengths"],
)
def test_a_broken_answer_is_a_failed_attempt(behave: Behaviour) -> None:
    """What is no answer is told by the class of the error alone, and tried again."""
    outcome = asyncio.run(told_by(behave))
    assert outcome.verdict is DeliveryVerdict.AGAIN
    assert "Error" in outcome.detail or "no answer" in outcome.detail
    assert "garbage" not in outcome.detail


def test_nobody_there_is_a_failed_attempt() -> None:
    """A refused connection names the code."""

    async def scenario() -> None:
        async with receiver(answer()) as seen:
            port = seen.port
        outcome = await attempt(local_endpoint(port))
        assert outcome.verdict is DeliveryVerdict.AGAIN
        assert "ECONNREFUSED" in outcome.detail

    asyncio.run(scenario())


class Certificates:
    """An authority of our own, and certificates by it, by nobody, of the past, of another name."""

    def __init__(self) -> None:
        self.authority = trustme.CA()

    def server(self, kind: str) -> ssl.SSLContext:
        """Return what a server of this kind shows."""
        issuer = trustme.CA() if kind == "unknown authority" else self.authority
        name = "elsewhere.example" if kind == "another name" else "localhost"
        past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC) if kind == "over" else None
        shown = issuer.issue_cert(name, not_before=past and past - dt.timedelta(1), not_after=past)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        shown.configure_cert(context)
        return context


def test_a_certificate_that_verifies_is_taken(tmp_path: Path) -> None:
    """`ca_file` adds an authority; the name is checked, though the connection goes to an address."""

    async def scenario() -> None:
        certificates = Certificates()
        file = tmp_path / "ca.pem"
        certificates.authority.cert_pem.write_to_path(file)
        async with receiver(answer(), certificates.server("good")) as seen:
            outcome = await attempt(local_endpoint(seen.port, tls=True, ca_file=file))
            assert outcome is DELIVERED
            assert seen.requests[0].headers["host"] == f"localhost:{seen.port}"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("over", "it is over"),
        ("unknown authority", "its authority is not trusted"),
        ("another name", "it is for another name"),
    ],
)
def test_a_certificate_that_does_not_verify_is_a_failure(kind: str, why: str, tmp_path: Path) -> None:
    """There is no way around it, and the request is not sent."""

    async def scenario() -> None:
        certificates = Certificates()
        file = tmp_path / "ca.pem"
        certificates.authority.cert_pem.write_to_path(file)
        async with receiver(answer(), certificates.server(kind)) as seen:
            outcome = await attempt(local_endpoint(seen.port, tls=True, ca_file=file))
            assert outcome.verdict is DeliveryVerdict.AGAIN
            assert f"the certificate: {why}" in outcome.detail
            assert seen.requests == []

    asyncio.run(scenario())


def test_a_slow_endpoint_does_not_hold_up_another() -> None:
    """Two endpoints share nothing: one is told while the other one hangs."""

    async def scenario() -> None:
        async with receiver(silent) as slow, receiver(answer()) as good:
            hanging = asyncio.ensure_future(attempt(local_endpoint(slow.port, schedule=QUICK)))
            while not slow.requests:
                await SystemClock().sleep_ns(0)
            assert await attempt(local_endpoint(good.port), notice_of()) is DELIVERED
            assert not hanging.done()
            assert (await hanging).verdict is DeliveryVerdict.AGAIN

    asyncio.run(scenario())


@pytest.mark.parametrize(("ahead", "expected"), [(0, ""), (400, " ahead of ours"), (-400, " behind ours")])
def test_a_refusal_by_a_clock_that_differs_says_so(ahead: int, expected: str) -> None:
    """A receiver only says that the signature is wrong; its date tells why, and no success is looked at."""
    date = formatdate(SystemClock().wall_ns() // NANOSECONDS_PER_SECOND + ahead, usegmt=True)
    outcome = asyncio.run(told_by(answer("400 Bad Request", b"bad signature", Date=date)))
    assert ("the receiver's clock is" in outcome.detail) is bool(expected)
    assert outcome.detail.endswith(f"{expected}: bad signature")
    assert asyncio.run(told_by(answer(Date=date))) is DELIVERED
