"""`fairlead webhook`: what verifies is told, what does not is answered 400, and nothing is left running."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from pathlib import Path

import pytest

from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.clock import NANOSECONDS_PER_SECOND
from fairlead.ports.notices import DELIVERED, DeliveryVerdict
from fairlead.ports.settings import Secret
from fairlead_webhook import listening
from fairlead_webhook.dates import TOLERANCE_SECONDS
from fairlead_webhook.listening import BODY_BYTES_MAX, HEAD_BYTES_MAX, Heard, Listener
from fairlead_webhook.probing import EndpointProbe
from fairlead_webhook.signing import secret_bytes, signed_headers
from fairlead_webhook.telling import json_line, line_of
from tests.webhook.deliveries import attempt, local_endpoint, notice_of, secret_text

CLOCK = SystemClock()
SECRET = Secret(secret_text())
SHORT = "whsec_short"


class Ahead(SystemClock):
    """A clock that is wrong by more than a signature allows."""

    def wall_ns(self) -> int:
        """See `Clock.wall_ns`."""
        return super().wall_ns() + (TOLERANCE_SECONDS + 60) * NANOSECONDS_PER_SECOND


@asynccontextmanager
async def listener(fail_percent: int = 0) -> AsyncIterator[tuple[int, list[Heard]]]:
    """Run a listener on a free port; yield the port and what was heard."""
    heard: list[Heard] = []
    loop = asyncio.get_running_loop()
    url: asyncio.Future[str] = loop.create_future()
    serving = loop.create_task(
        Listener(SECRET, CLOCK, heard.append, fail_percent=fail_percent).serve(0, url.set_result)
    )
    try:
        yield int((await url).rstrip("/").rpartition(":")[2]), heard
    finally:
        serving.cancel()
        await asyncio.wait((serving,))


async def exchanged(port: int, content: bytes) -> bytes:
    """Return all that is answered to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(content)
    answer = await reader.read()
    writer.close()
    return answer


def request(body: bytes = b"{}", **changes: str) -> bytes:
    """Return a request signed now, with headers changed, or left out where the text is empty."""
    headers = dict(signed_headers((SECRET,), "main-1-0", body.decode("latin-1"), CLOCK.wall_ns()))
    headers["content-length"] = str(len(body))
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    lines = [f"{name}: {value}" for name, value in headers.items() if value]
    return "\r\n".join(["POST /hook HTTP/1.1", *lines]).encode("latin-1") + b"\r\n\r\n" + body


def test_what_the_plugin_sends_verifies_and_is_told() -> None:
    """A notice of the plugin's own is delivered, and its event is told whole."""

    async def scenario() -> None:
        async with listener() as (port, heard):
            assert await attempt(local_endpoint(port)) is DELIVERED
        (only,) = heard
        assert only.event is not None
        assert (only.status, only.event["id"], only.problem) == (200, notice_of().event_id, "")
        assert line_of(only).startswith("200  00:00:00  order.filled.v1")
        assert "quantity=0.5" in line_of(only)
        assert json.loads(json_line(only))["event"] == only.event

    asyncio.run(scenario())


@pytest.mark.parametrize("fail_percent", [0, 25, 30, 100])
def test_so_many_fail_as_were_asked_for(fail_percent: int) -> None:
    """Of 20 notices the share is exact, the pattern the same each time, and the sender sees 503."""

    async def scenario() -> list[DeliveryVerdict]:
        async with listener(fail_percent) as (port, _):
            return [(await attempt(local_endpoint(port))).verdict for _ in range(20)]

    verdicts = asyncio.run(scenario())
    assert verdicts.count(DeliveryVerdict.AGAIN) == 20 * fail_percent // 100
    assert [n for n in range(20) if verdicts[n] is DeliveryVerdict.AGAIN] == [
        n for n in range(20) if (n + 1) * fail_percent // 100 > n * fail_percent // 100
    ]


def tampered() -> bytes:
    """Return a request whose body was changed after it was signed."""
    signed = request(b'{"quantity":"1"}')
    return signed.replace(b'{"quantity":"1"}', b'{"quantity":"9"}')


def repeated_late() -> bytes:
    """Return a request that was signed well, and longer ago than a signature holds."""
    long_ago_ns = CLOCK.wall_ns() - (TOLERANCE_SECONDS + 60) * NANOSECONDS_PER_SECOND
    headers = signed_headers((SECRET,), "main-1-0", "{}", long_ago_ns)
    return request(b"{}", **{name.replace("-", "_"): value for name, value in headers})


BAD = {
    "a body that was tampered with": tampered(),
    "an old request, sent again": repeated_late(),
    "no signature": request(webhook_signature=""),
    "another signature": request(webhook_signature="v1,AAAA"),
    "a signature without a comma": request(webhook_signature="v1"),
    "a signature that is no base64": request(webhook_signature="v1,\xff"),
    "a signature of half base64": request(webhook_signature="v1,A"),
    "a time that is none": request(webhook_timestamp="soon"),
    "a time long ago": request(webhook_timestamp="1"),
    "an endless time": request(webhook_timestamp="1e999"),
    "a body that is no UTF-8": request(b"\xff"),
    "a body that is no JSON": request(b"nonsense"),
    "a body that is a list": request(b"[]"),
    "a body that is deep": request(b"[" * 100_000),
}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_verify_is_answered_400(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """No traceback, no event, one line that says why; the next request is taken."""

    async def scenario() -> None:
        async with listener() as (port, heard):
            assert (await exchanged(port, BAD[name])).startswith(b"HTTP/1.1 400 Bad Request\r\n")
            (only,) = heard
            assert (only.event, bool(only.problem)) == (None, True)
            assert await attempt(local_endpoint(port)) is DELIVERED

    asyncio.run(scenario())
    assert not caplog.records


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 405),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 411),
        (request(content_length=str(BODY_BYTES_MAX + 1)), 413),
        (b"POST / HTTP/1.1\r\nX: " + b"x" * HEAD_BYTES_MAX + b"\r\n\r\n", 431),
    ],
)
def test_what_is_too_long_or_no_webhook_is_not_read(content: bytes, status: int) -> None:
    """Headers and body are bounded, and refused before they are held."""

    async def scenario() -> bytes:
        async with listener() as (port, _):
            return await exchanged(port, content)

    assert asyncio.run(scenario()).startswith(f"HTTP/1.1 {status} ".encode())


def test_who_sends_half_a_request_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection ends after a while, whether it says nothing or half of something."""
    monkeypatch.setattr(listening, "REQUEST_PATIENCE_NS", 50_000_000)

    async def scenario() -> None:
        async with listener() as (port, heard):
            assert await exchanged(port, request()[:-1]) == b""
            assert await exchanged(port, b"POST") == b""
            assert heard == []

    asyncio.run(scenario())


def test_so_many_connect_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes while all places are taken is let go at once; as one leaves, the next is served."""
    monkeypatch.setattr(listening, "CONNECTIONS_MAX", 1)

    async def scenario() -> None:
        async with listener() as (port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await exchanged(port, b"") == b""
            writer.write(request())
            assert (await reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")
            writer.close()
            assert await attempt(local_endpoint(port)) is DELIVERED

    asyncio.run(scenario())


def test_what_came_over_the_wire_cannot_reach_the_terminal() -> None:
    """Control characters are escapes, also in an event that verified."""
    event = {"type": "\x1b[31m", "data": {"text": "a\nb\u202e"}}
    shown = line_of(Heard(status=HTTPStatus.OK, event=event))
    assert shown.isprintable()
    assert json_line(Heard(status=HTTPStatus.OK, event=event)).isprintable()


def fairlead(*arguments: str, secret: str = SECRET.reveal()) -> subprocess.CompletedProcess[str]:
    """Run the command line as a program."""
    command = [sys.executable, "-W", "error", "-m", "fairlead.cli.main", "webhook", *arguments]
    environment = {**os.environ, "FAIRLEAD_WEBHOOK_SECRET": secret}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


FROM_A_TERMINAL = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""A program that is started in the background ignores Ctrl-C, and so would whatever the tests start there."""

PATIENCE_S = 60.0


@contextmanager
def listening_program(*arguments: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Run `fairlead webhook listen --port 0` until the block ends; yield its port."""
    listen = ["-m", "fairlead.cli.main", "webhook", "listen", "--port", "0", *arguments]
    command = [sys.executable, "-c", FROM_A_TERMINAL, sys.executable, *listen]
    environment = {**os.environ, "FAIRLEAD_WEBHOOK_SECRET": SECRET.reveal()}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as program:
        try:
            assert program.stderr is not None
            announced = program.stderr.readline()
            assert announced.startswith("Listening at http://127.0.0.1:"), announced
            yield int(announced.rstrip("/\n").rpartition(":")[2]), program
        finally:
            program.kill()


def configuration(folder: Path, port: int) -> str:
    """Write a configuration with an endpoint `phone` at the port; return its path."""
    path = folder / "fairlead.toml"
    path.write_text(
        f"""
[kernel]
account = "main"
[plugins.webhook.endpoints.phone]
url = "http://127.0.0.1:{port}/hook"
secrets = [{{ "$env" = "FAIRLEAD_WEBHOOK_SECRET" }}]
include = ["order_filled"]
allow_private = true
ports = [{port}]
""",
        encoding="utf-8",
    )
    return str(path)


def test_a_test_notice_arrives_and_ctrl_c_ends_the_receiver(tmp_path: Path) -> None:
    """Both commands as programs: delivered, one line of JSON, exit codes 0 and 130, no traceback."""
    with listening_program("--json") as (port, program):
        done = fairlead("test", "phone", "--config", configuration(tmp_path, port))
        assert (done.returncode, done.stdout, done.stderr) == (0, "phone: delivered\n", "")
        program.send_signal(signal.SIGINT)
        out, error = program.communicate(timeout=PATIENCE_S)
        assert (program.returncode, error) == (130, "")
    told = json.loads(out)
    assert (told["status"], told["event"]["type"]) == (200, "fairlead.webhook.test.v1")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fairlead.toml"], "nothing is journaled"


def test_a_test_notice_that_fails_is_told(tmp_path: Path) -> None:
    """Another secret, a receiver that fails, and none at all: exit code 1, and why."""
    with listening_program("--fail", "100") as (port, _):
        config = configuration(tmp_path, port)
        failed = fairlead("test", "phone", "--config", config)
        foreign = fairlead("test", "phone", "--config", config, "--json", secret=secret_text("other"))
    gone = fairlead("test", "phone", "--config", config)
    assert (failed.returncode, failed.stdout) == (1, "phone: not delivered: HTTP 503 Service Unavailable\n")
    assert foreign.returncode == 1
    assert "No matching signature" in json.loads(foreign.stdout)["detail"]
    assert gone.returncode == 1
    assert "ECONNREFUSED" in gone.stdout


def test_what_cannot_be_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """No secret, no such endpoint, no table: exit code 3 and a sentence; the secret is never shown."""
    refused = fairlead("listen", "--port", "0", secret=SHORT)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "fairlead webhook secret" in refused.stderr
    assert SHORT not in refused.stderr
    with listening_program() as (port, _):
        taken = fairlead("listen", "--port", str(port))
    assert taken.returncode == 3
    assert f"Port {port} cannot be listened at" in taken.stderr
    unknown = fairlead("test", "fone", "--config", configuration(tmp_path, 8008))
    assert unknown.returncode == 3
    assert "There are: phone." in unknown.stderr
    bare = tmp_path / "bare.toml"
    bare.write_text('[kernel]\naccount = "main"\n', encoding="utf-8")
    assert "no table [plugins.webhook]" in fairlead("test", "phone", "--config", str(bare)).stderr


def test_a_new_secret_is_one_of_the_specifications_shape() -> None:
    """32 bytes, another each time."""
    first, second = (fairlead("secret").stdout.strip() for _ in range(2))
    assert len(secret_bytes(Secret(first)) or b"") == 32
    assert first != second


def test_its_clock_can_be_compared() -> None:
    """Every answer has a date, also to a request that is not taken, so that the doctor can look."""

    async def scenario() -> None:
        async with listener() as (port, _):
            probe = EndpointProbe("desk", local_endpoint(port), Ahead())
            (found,) = await probe.examine()
            assert "the receiver's clock is 3" in found.text

    asyncio.run(scenario())
