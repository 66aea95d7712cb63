"""Doors that are not there cannot be entered: no CSV, no HTML, no network, no secret on a command line.

Each of these tests fails when somebody builds such a door, and says which row then needs another proof.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from fairlead.cli.application import _application
from fairlead.cli.main import COMMANDS
from tools.sources import ROOT

SHIPPED = ("framework/src", "plugins/*/src")

WRITES_CSV = frozenset({"csv.writer", "csv.DictWriter"})
SERVES_OR_WRITES_HTML = frozenset(
    {
        "html",
        "http.server",
        "wsgiref",
        "socketserver",
        "aiohttp",
        "fastapi",
        "flask",
        "jinja2",
        "starlette",
        "uvicorn",
    }
)
LISTENS = frozenset({"start_server", "create_server"})
SHOWS_LOCALS = frozenset({"show_locals", "capture_locals", "pretty_exceptions_show_locals"})
SECRET_WORDS = ("secret", "password", "passphrase", "token", "api_key", "private")

LISTENERS = {
    "plugins/paper/src/fairlead_paper/address.py": "asyncio.start_server",
    "plugins/webhook/src/fairlead_webhook/listening.py": "asyncio.start_server",
}
"""Who listens on a network, both on this machine alone: paper's venue (tests/paper/test_settings.py), and
`fairlead webhook listen`, which a person starts to see what is sent (tests/webhook/test_listening.py).
"""


@cache
def shipped() -> list[tuple[str, ast.AST]]:
    """Return every call and import in what we ship, with its file."""
    files = sorted(file for folder in SHIPPED for file in ROOT.glob(f"{folder}/**/*.py"))
    return [
        (file.relative_to(ROOT).as_posix(), node)
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call | ast.Import | ast.ImportFrom)
    ]


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Return every call in what we ship."""
    return ((path, node) for path, node in shipped() if isinstance(node, ast.Call))


def imports() -> Iterator[tuple[str, str]]:
    """Return every import in what we ship: the module, the packages above it, and what is taken from it."""
    for path, node in shipped():
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            yield from ((path, ".".join(parts[:count])) for count in range(1, len(parts) + 1))


def test_one_place_writes_csv() -> None:
    """Row 30: an export has to neutralise cells that a spreadsheet runs; there is one place."""
    found = {path for path, call in calls() if ast.unparse(call.func) in WRITES_CSV}
    assert found == {"framework/src/fairlead/cli/output.py"}


def test_nothing_writes_html_or_serves_http() -> None:
    """Rows 31 and 137: a dashboard has to escape names and refuse strangers; there is none."""
    assert [found for found in imports() if found[1] in SERVES_OR_WRITES_HTML] == []


def test_nobody_listens_on_a_network_but_papers_venue() -> None:
    """Row 137: the control component listens on a Unix socket, which its owner alone may open."""
    found = {path: ast.unparse(call.func) for path, call in calls() if _name(call) in LISTENS}
    assert found == LISTENERS


def test_no_traceback_shows_the_values_of_variables() -> None:
    """Row 45: nobody asks for them, and the command line's own pretty tracebacks are off."""
    keywords = {
        (path, word.arg): ast.unparse(word.value)
        for path, call in calls()
        for word in call.keywords
        if word.arg in SHOWS_LOCALS or word.arg == "pretty_exceptions_enable"
    }
    assert keywords == {("framework/src/fairlead/cli/application.py", "pretty_exceptions_enable"): "False"}


def test_no_command_takes_a_secret_as_an_argument() -> None:
    """Row 52: what stands on a command line is read by every user of the machine."""
    names = set(parameters(get_command(_application(COMMANDS))))
    assert "seed" in names, "the commands were found"
    assert [name for name in names if any(word in name.lower() for word in SECRET_WORDS)] == []


def parameters(command: Any) -> Iterator[str]:  # noqa: ANN401 - click's, whatever typer calls it
    """Return the names of all parameters of a command and of those below it."""
    for parameter in command.params:
        yield parameter.name
        yield from parameter.opts
    for name in getattr(command, "list_commands", lambda _context: ())(None):
        below = command.get_command(None, name)
        if below is not None:
            yield from parameters(below)


def _name(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


@pytest.mark.parametrize(
    ("page", "said"), [("docs/how-to/configure.md", "core dump"), ("docs/how-to/configure.md", "LimitCORE=0")]
)
def test_what_cannot_be_prevented_is_documented(page: str, said: str) -> None:
    """Row 51: a core dump holds secrets, and a page says how to have none."""
    assert said in Path(ROOT, page).read_text(encoding="utf-8")
