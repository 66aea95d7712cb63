"""Finds `@pytest.mark.gauntlet("owner/repository#number", ..., story="...")` in tests, importing nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tools.sources import Finding, Module, dotted, modules

MARK = "pytest.mark.gauntlet"
FOLDER = "tests/gauntlet"

IDENTIFIER = re.compile(r"[\w.-]+/(?P<repository>[\w.-]+)#(?P<number>\d+)")
_THEME = re.compile(r"(?P<title>[A-Z][^:\n]+): ")


class Story(NamedTuple):
    """A marked test: the issues whose story it plays, what happened there, and what happens here."""

    identifiers: tuple[str, ...]
    story: str
    here: str
    theme: str
    test: str
    line: int

    @property
    def path(self) -> str:
        """Return the test's module."""
        return self.test.partition("::")[0]


def stories(root: Path) -> tuple[list[Story], list[Finding]]:
    """Return every story of the gauntlet in order of path and line, and what is wrong with a mark."""
    found = [each for module in modules(root, (FOLDER,)) for each in stories_in(module)]
    told = [each for each in found if isinstance(each, Story)]
    return told, [each for each in found if isinstance(each, Finding)]


def stories_in(module: Module) -> Iterator[Story | Finding]:
    """Yield the story of each test of a module, or what keeps it from being one."""
    theme = _THEME.match(ast.get_docstring(module.tree) or "")
    for node in module.tree.body:
        if not (isinstance(node, ast.FunctionDef) and node.name.startswith("test_")):
            continue
        calls = [
            call for call in node.decorator_list if isinstance(call, ast.Call) and dotted(call.func) == MARK
        ]
        story = _story(node, calls, theme["title"] if theme else "", module.path)
        problem = problem_of(story)
        yield Finding(module.path, node.lineno, f"{node.name} {problem}") if problem else story


def _story(node: ast.FunctionDef, calls: Sequence[ast.Call], theme: str, path: str) -> Story:
    words = [word for call in calls for word in call.keywords if word.arg == "story"]
    return Story(
        tuple(text for call in calls for argument in call.args if (text := _text(argument))),
        _text(words[0].value) if len(words) == 1 else "",
        (ast.get_docstring(node) or "").partition("\n")[0],
        theme,
        f"{path}::{node.name}",
        node.lineno,
    )


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def problem_of(story: Story) -> str:
    """Return why this is no story yet, or nothing."""
    if not story.identifiers or not story.story:
        return f"has no single @{MARK}(id, ..., story=...) with ids and story in quotes"
    for identifier in story.identifiers:
        if not IDENTIFIER.fullmatch(identifier):
            return f"cites {identifier!r}, which is not written owner/repository#number"
    prefix = prefix_of(story.identifiers[0])
    if not story.test.partition("::")[2].startswith(prefix):
        return f"is named otherwise than by its first issue: {prefix}..."
    if not story.here:
        return "has no docstring that says what happens here"
    if not story.theme:
        return "is in a module whose docstring does not begin with a title and a colon"
    return ""


def prefix_of(identifier: str) -> str:
    """Return how the name of a test of this issue begins."""
    found = IDENTIFIER.fullmatch(identifier)
    assert found is not None
    repository = re.sub(r"\W+", "_", found["repository"].lower().replace("-", "_"))
    return f"test_{repository}_{found['number']}_"
