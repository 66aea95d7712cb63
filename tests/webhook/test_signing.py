"""Every receiver that uses the official library can tell that a webhook is ours, and when it was sent."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from fairlead.errors import ConfigurationRefused, TextRefused
from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.clock import NANOSECONDS_PER_SECOND
from fairlead.ports.notices import DELIVERED, DeliveryVerdict
from fairlead.ports.settings import Secret
from fairlead_webhook.payload import body_of
from fairlead_webhook.signing import check_id, signed_headers
from tests.webhook.deliveries import attempt, endpoint_of, local_endpoint, notice_of, secret_text
from tests.webhook.receiver import answer, receiver

SEEDS = st.lists(st.text(), min_size=1, max_size=5, unique=True)
IDS = st.from_regex(r"[A-Za-z0-9_-]{1,128}", fullmatch=True)


def now_ns() -> int:
    """Return the time of day, which the official library compares with."""
    return SystemClock().wall_ns()


@given(SEEDS, IDS, st.text(alphabet=st.characters(codec="ascii")), st.integers(24, 64))
def test_every_secret_verifies_what_was_signed(
    seeds: list[str], event_id: str, body: str, length: int
) -> None:
    """Whoever holds one of the secrets accepts; who holds another one, or sees another body, does not."""
    texts = [secret_text(seed, length) for seed in seeds]
    headers = dict(signed_headers([Secret(text) for text in texts], event_id, body, now_ns()))
    assert len(headers["webhook-signature"].split(" ")) == len(texts)
    for text in texts:
        Webhook(text).verify(body, headers, json_parse=False)
        with pytest.raises(WebhookVerificationError):
            Webhook(text).verify(body + " ", headers, json_parse=False)
        with pytest.raises(WebhookVerificationError):
            Webhook(text).verify(body, {**headers, "webhook-id": event_id + "x"}, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_text("nobody's", 33)).verify(body, headers, json_parse=False)


@given(st.integers(0, 4_102_444_800))
def test_the_signed_time_is_that_of_the_attempt_in_utc(seconds: int) -> None:
    """The header and the signed text say the same second, whatever time zone this machine is in."""
    headers = dict(
        signed_headers([Secret(secret_text())], "id", "{}", seconds * NANOSECONDS_PER_SECOND + 999_999_999)
    )
    assert headers["webhook-timestamp"] == str(seconds)
    expected = Webhook(secret_text()).sign("id", datetime.fromtimestamp(seconds, UTC), "{}")
    assert headers["webhook-signature"] == expected


@pytest.mark.parametrize("event_id", ["a.b", "", "x" * 129, "a b", "a\nb", "ä", "a/b", "a\x00"])
def test_an_id_that_could_be_misread_is_refused(event_id: str) -> None:
    """A dot in an id would move the border between id and time in the signed text."""
    with pytest.raises(TextRefused):
        check_id(event_id)
    outcome = asyncio.run(attempt(endpoint_of(), notice_of(event_id=event_id)))
    assert outcome.verdict is DeliveryVerdict.NEVER


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "plain",
        secret_text(length=23),
        secret_text(length=65),
        "whsec_!!!!",
        "whsk_" + secret_text()[6:],
    ],
)
def test_a_secret_of_another_shape_is_refused_and_not_shown(text: str) -> None:
    """Too short, too long, not base64, another scheme: refused in the configuration, without its text."""
    with pytest.raises(ConfigurationRefused) as refusal:
        endpoint_of(secrets=(Secret(text),))
    assert "24 to 64 random bytes" in str(refusal.value)
    assert len(text) < 10 or text not in str(refusal.value)


@pytest.mark.parametrize("count", [0, 6])
def test_there_is_a_secret_and_there_are_not_many(count: int) -> None:
    """Nothing goes out unsigned."""
    with pytest.raises(ConfigurationRefused, match=f"holds {count} secrets"):
        endpoint_of(secrets=tuple(Secret(secret_text(str(i))) for i in range(count)))


def test_what_arrives_verifies_and_its_id_is_that_of_the_event() -> None:
    """Over a real socket: the three headers, the body as it was signed, both secrets of a rotation."""

    async def scenario() -> None:
        async with receiver(answer()) as seen:
            texts = (secret_text("old"), secret_text("new"))
            settings = local_endpoint(seen.port, secrets=tuple(map(Secret, texts)))
            assert await attempt(settings) is DELIVERED
            request = seen.requests[0]
            for text in texts:
                event = Webhook(text).verify(request.body, request.headers)
                assert event["id"] == request.headers["webhook-id"] == "main-17-0"
            assert request.line == "POST /hook HTTP/1.1"
            assert request.headers["content-type"] == "application/json"
            assert json.loads(request.body) == json.loads(body_of(notice_of(), 20_000))

    asyncio.run(scenario())


def test_another_attempt_has_the_same_id_and_body_and_a_time_of_its_own() -> None:
    """A receiver drops what it has had by the id; the signature is fresh each time."""

    async def scenario() -> None:
        class Later(SystemClock):
            def wall_ns(self) -> int:
                return super().wall_ns() + 60 * NANOSECONDS_PER_SECOND

        async with receiver(answer("500 No")) as seen:
            settings = local_endpoint(seen.port)
            await attempt(settings)
            await attempt(settings, clock=Later())
            first, second = seen.requests
            assert first.body == second.body
            assert first.headers["webhook-id"] == second.headers["webhook-id"]
            passed = int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"])
            assert 60 <= passed <= 62
            for request in (first, second):
                Webhook(secret_text()).verify(request.body, request.headers)

    asyncio.run(scenario())
