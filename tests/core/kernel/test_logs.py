"""Structured logs: fields, two formats, no handler of ours, and no secret in any line, record or error."""

from __future__ import annotations

import gc
import io
import json
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import pytest

from fairlead import KernelSettings, TradingState, log_handler
from fairlead.domain.records import OrderInitialized
from fairlead.errors import PluginRefused, UnknownName
from fairlead.hookspecs import PluginContext, hookimpl
from fairlead.plugins.redaction import REDACTION, redacted
from fairlead.plugins.secrets import live_secrets
from fairlead.ports.events import OrderChanged
from fairlead.ports.prices import PriceFeed
from fairlead.ports.settings import Secret, structure_settings
from tests.core.kernel.bench import Bench, Yes, on_bench
from tests.core.kernel.plugged_parts import Brings, Part, Source, health_of, new_kernel, plugged

PLANTED = 'k3y/with "quotes"+\u00fc&\\'
LOGGER = "fairlead.test.plugged"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Return what a handler of ours writes, as JSON, of everything below `fairlead`."""
    stream = io.StringIO()
    handler, logger = log_handler("json", stream), logging.getLogger("fairlead")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(before)


@pytest.fixture
def secret() -> Secret:
    """Return a secret that is held for the test."""
    return Secret(PLANTED)


def broken(text: str) -> None:
    """Raise it."""
    raise ValueError(text)


def is_shown(text: str) -> bool:
    """Tell whether the secret can be read in a text, in any of the ways in which it may be written."""
    forms = (PLANTED, repr(PLANTED)[1:-1], ascii(PLANTED)[1:-1], json.dumps(PLANTED)[1:-1], "k3y")
    return any(form in text for form in forms)


def test_each_event_has_a_line_with_fields(lines: io.StringIO) -> None:
    """``log_events`` writes owner, order, symbol and sequence of each durable event, in their order."""

    async def main(bench: Bench) -> None:
        await plugged(bench, log_events=True)
        await bench.hold()
        await bench.kernel.stop()
        told = [json.loads(line) for line in lines.getvalue().splitlines()]
        orders = [each for each in told if "order" in each]
        (name,) = {each["order"] for each in orders}
        assert {(each["owner"], each["symbol"], each["account"]) for each in orders} == {
            ("bot", "BTC/USDT", "test")
        }
        assert orders[0]["message"] == "order initialized"
        assert {each["message"] for each in orders} >= {"order accepted", "order filled"}
        sequences = [each["sequence"] for each in told if "sequence" in each]
        assert sequences == sorted(sequences)
        assert any(each["message"] == "position changed" for each in told)
        assert any(each["message"].startswith("trading is active") for each in told)
        assert {each["level"] for each in told if "order" in each} == {"info"}
        assert len(name) == 32
        await bench.start_another()

    on_bench(main)


def test_without_the_setting_events_are_not_logged(lines: io.StringIO) -> None:
    """Nothing is made for a line that nobody asked for."""

    async def main(bench: Bench) -> None:
        await plugged(bench)
        await bench.execute()
        assert "sequence" not in lines.getvalue()
        assert not bench.kernel._parts.engine.has_subscribers

    on_bench(main)


def test_an_anomaly_is_a_warning_with_its_subject(lines: io.StringIO) -> None:
    """What must not happen stands out, and plain lines carry the same fields."""

    async def main(bench: Bench) -> None:
        async def fails(_source: Source, _feed: PriceFeed) -> None:
            raise ConnectionError

        await plugged(bench, Brings([Source("feed", fails)]), log_events=True)
        await bench.pass_ms()
        told = [json.loads(line) for line in lines.getvalue().splitlines()]
        (anomaly,) = [each for each in told if "anomaly" in each]
        assert (anomaly["level"], anomaly["anomaly"], anomaly["subject"]) == (
            "warning",
            "price_source_failed",
            "feed",
        )

    on_bench(main)


def test_plain_lines_are_one_line_each() -> None:
    """A line break in a message or a field makes no second line, and fields stand at the end."""
    stream = io.StringIO()
    record = logging.LogRecord("fairlead", logging.ERROR, "", 0, "two\nlines %s", ("\x1b[2J",), None)
    record.fairlead_fields = {"order": "abc"}
    log_handler("plain", stream).handle(record)
    assert stream.getvalue().endswith("error fairlead: two\\nlines \\x1b[2J order=abc\n")
    assert stream.getvalue().count("\n") == 1


def test_a_format_that_there_is_not_is_refused_with_those_there_are() -> None:
    """The house's error says what was meant, instead of Python's about an enumeration."""
    with pytest.raises(UnknownName, match=r"style: 'plian' is not known.*Did you mean 'plain'") as refused:
        log_handler("plian")
    assert refused.value.known == ("json", "plain")


def test_a_traceback_is_a_field(lines: io.StringIO) -> None:
    """An error with its traceback stays one line; a handler without our filter formats it itself."""
    try:
        broken("no key")
    except ValueError:
        logging.getLogger("fairlead.x").exception("it broke")
    (line,) = lines.getvalue().splitlines()
    assert json.loads(line)["error"].endswith("ValueError: no key")


def test_no_handler_and_no_level_are_ours() -> None:
    """A kernel changes neither the root logger nor the level or handlers of its own."""
    names = ("", "fairlead", LOGGER)
    before = [(logging.getLogger(name).level, list(logging.getLogger(name).handlers)) for name in names]

    async def main(bench: Bench) -> None:
        await plugged(bench, log_events=True)
        await bench.execute()

    on_bench(main)
    after = [(logging.getLogger(name).level, list(logging.getLogger(name).handlers)) for name in names]
    assert after == before


@pytest.mark.parametrize("text", [PLANTED, repr(PLANTED), json.dumps({"key": PLANTED}), f"url?key={PLANTED}"])
def test_a_secret_is_taken_out_however_it_is_written(secret: Secret, text: str) -> None:
    """Plain, escaped, in JSON; what is no secret stays, and a short one blanks nothing out."""
    short = Secret("abc")
    assert redacted(secret.reveal()) == "[secret]"
    assert not is_shown(redacted(text))
    assert redacted("abc of a word") == "abc of a word"
    assert short.reveal() == "abc"


def test_a_secret_that_nobody_holds_is_forgotten() -> None:
    """Knowing it keeps no secret alive."""
    gone = Secret("gone-with-the-test")
    assert gone in live_secrets()
    del gone
    gc.collect()
    assert redacted("gone-with-the-test") == "gone-with-the-test"


@pytest.mark.parametrize("args", [("%s %s",), ("%d", "x"), ("%(a)s", 5)])
def test_a_line_that_cannot_be_formatted_costs_nothing(args: tuple[Any, ...], secret: Secret) -> None:
    """The filter never raises into whoever logs, and takes the secret out all the same."""
    record = logging.LogRecord("x", logging.INFO, "", 0, args[0], (*args[1:], secret.reveal()), None)
    record.stack_info = secret.reveal()
    assert REDACTION.filter(record)
    assert not is_shown(record.getMessage())
    assert record.stack_info == "[secret]"


class Leaks(Yes):
    """A check that puts the secret into its error."""

    name = "leaks"

    def judge(self, *_: object) -> Any:  # noqa: ANN401 - it never answers
        """Raise."""
        raise ValueError(PLANTED)


@attrs.frozen
class Keys:
    """A plugin's settings with a secret."""

    api_key: Secret


class LeakyPlugin:
    """Reads a secret and shows it wherever a plugin can."""

    name = "leaky"

    def __init__(self) -> None:
        self.settings: Keys | None = None

    @hookimpl
    def fairlead_risk_checks(self, context: PluginContext) -> Sequence[Leaks]:
        """Read the secret, log it in three ways, and provide the check."""
        self.settings = structure_settings(Keys, context.configuration, "plugins.leaky")
        key = self.settings.api_key.reveal()
        context.logger.warning("the key is %s", key)
        context.logger.warning("the key is %r", {"key": key})
        try:
            broken(key)
        except ValueError:
            context.logger.exception("it broke")
        return [Leaks()]

    @hookimpl
    def fairlead_order_event(self, event: OrderChanged) -> None:
        """Fail with it."""
        raise ValueError(PLANTED, event.sequence)


def test_a_planted_secret_is_shown_nowhere(
    lines: io.StringIO, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failing checks, observers, sources and components show the key: no line, record or state has it."""
    monkeypatch.setenv("PLANTED_KEY", PLANTED)

    async def main(bench: Bench) -> None:
        async def leaks(*_: object) -> None:
            raise ValueError(PLANTED)

        async def leaks_too() -> None:
            raise ValueError(PLANTED)

        plugin = LeakyPlugin()
        tables = {"leaky": {"api_key": {"$env": "PLANTED_KEY"}}}
        await bench.kernel.stop()
        kernel = new_kernel(
            bench, plugin, Brings([Source("feed", leaks)], [Part("panel", run=leaks_too)]), tables=tables
        )
        await kernel.start()
        await bench.pass_ms(100)
        await bench.kernel.set_trading_state(TradingState.ACTIVE, reason="go on")
        denied = await bench.execute()
        assert denied.denied
        assert not is_shown(" ".join(denied.reasons) + denied.summary())
        assert health_of(bench, "panel") == ("faulted", "ValueError: [secret]")
        verdicts = [each.verdicts for each in bench.records() if isinstance(each, OrderInitialized)]
        assert verdicts
        assert not is_shown(repr(verdicts) + repr(bench.records()) + repr(bench.kernel.health()))
        await bench.kernel.stop()
        await bench.start_another()

    with caplog.at_level(logging.DEBUG, "fairlead"):
        on_bench(main)
    told = lines.getvalue()
    assert told.count("the key is") == 2
    assert not is_shown(told)
    assert not is_shown(caplog.text)
    assert not any(is_shown(repr(record.__dict__)) for record in caplog.records)


def test_a_refusal_shows_no_secret(secret: Secret) -> None:
    """What a plugin throws while it provides becomes an error without it."""

    class Throws:
        name = "throws"

        @hookimpl
        def fairlead_stores(self) -> Sequence[object]:
            raise ValueError(secret.reveal())

    async def main(bench: Bench) -> None:
        with pytest.raises(PluginRefused) as caught:
            new_kernel(bench, Throws())
        assert not is_shown(str(caught.value))
        await bench.kernel.stop()
        await bench.start_another()

    on_bench(main)


def test_settings_do_not_log_by_themselves() -> None:
    """Off unless it is asked for."""
    assert KernelSettings(account="test").log_events is False
