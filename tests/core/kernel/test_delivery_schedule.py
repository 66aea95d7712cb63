"""What follows from one attempt, as tables with boundaries; and which notifiers a kernel refuses."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead.errors import ConfigurationRefused
from fairlead.kernel.outbox.schedule import DRAW_DIGITS, has_expired, pause_ns
from fairlead.kernel.plugged.notifiers import checked_notifiers
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND as MILLISECOND
from fairlead.ports.notices import DeliverySettings
from fairlead.testing.scripted_notifier import ScriptedNotifier

LAST_DRAW = 16**DRAW_DIGITS - 1
SETTINGS = DeliverySettings(retry_pauses_ms=(1_000, 4_000), retry_after_max_ms=9_000, expires_after_ms=10)


@pytest.mark.parametrize(
    ("attempts", "draw", "asked_ms", "expected_ms"),
    [
        (1, 0, None, 1_000),
        (1, (LAST_DRAW + 1) // 2, None, 750),
        (2, 0, None, 4_000),
        (3, 0, None, None),
        (3, 0, 9_000, None),
        (1, 0, 999, 1_000),
        (1, 0, 1_001, 1_001),
        (1, 0, 9_001, 9_000),
        (1, 0, -5, 1_000),
    ],
)
def test_a_pause(attempts: int, draw: int, asked_ms: int | None, expected_ms: int | None) -> None:
    """The pause is drawn; what was asked for lengthens it up to the limit; after the last there is none."""
    asked = None if asked_ms is None else asked_ms * MILLISECOND
    expected = None if expected_ms is None else expected_ms * MILLISECOND
    assert pause_ns(SETTINGS, attempts, draw, asked) == expected


def test_a_pause_is_never_shorter_than_half() -> None:
    """The last draw is the shortest pause: half, and not a nanosecond less."""
    shortest = pause_ns(SETTINGS, 1, LAST_DRAW, None)
    assert shortest is not None
    assert 500 * MILLISECOND <= shortest <= 500 * MILLISECOND + 1


@pytest.mark.parametrize(("age_ns", "expired"), [(10 * MILLISECOND, False), (10 * MILLISECOND + 1, True)])
def test_expiry(age_ns: int, expired: bool) -> None:  # noqa: FBT001 - a column of the table
    """A notice expires when it is older than the limit, and not before."""
    assert has_expired(SETTINGS, 7, 7 + age_ns) is expired
    assert not has_expired(DeliverySettings(), 7, 7 + age_ns)


def test_odd_notifiers_are_refused() -> None:
    """A name that cannot be kept, a doubled one, and settings that are none: the refusal says which."""
    odd = ScriptedNotifier("no settings")
    with pytest.raises(ConfigurationRefused):
        checked_notifiers([odd])
    with pytest.raises(ConfigurationRefused, match="Two notifiers"):
        checked_notifiers([ScriptedNotifier("a"), ScriptedNotifier("a")])
    bare = ScriptedNotifier("bare")
    bare.delivery = None  # type: ignore[assignment]  # what a plugin without types may do
    with pytest.raises(ConfigurationRefused, match="instead of settings"):
        checked_notifiers([bare])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subjects_at_once", 0),
        ("attempt_timeout_ms", -1),
        ("retry_pauses_ms", (1_000, 0)),
        ("retry_pauses_ms", (1_000, "2")),
        ("circuit_failures", True),
        ("expires_after_ms", 0),
        ("retry_after_max_ms", -1),
    ],
)
def test_figures_with_which_nobody_is_told_are_refused(field: str, value: object) -> None:
    """Zero subjects at once would tell nobody; the kernel is not made, and the figure is named."""
    figures: dict[str, Any] = {field: value}
    settings = DeliverySettings(**figures)
    with pytest.raises(ConfigurationRefused, match=field):
        checked_notifiers([ScriptedNotifier("odd", delivery=settings)])


def test_the_least_figures_are_taken() -> None:
    """No pause on request, none for the circuit, no retry at all: odd, and possible."""
    least = DeliverySettings(retry_pauses_ms=(), retry_after_max_ms=0, circuit_pause_ms=0, subjects_at_once=1)
    assert len(checked_notifiers([ScriptedNotifier("least", delivery=least)])) == 1
