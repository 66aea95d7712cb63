"""A broad `except` stands only where its reason is written beside it."""

from __future__ import annotations

import pytest

from tools.broad_except import check_module
from tools.sources import module


def lines(source: str) -> list[int]:
    """Return the lines that the rule complains about."""
    return [finding.line for finding in check_module(module("framework/src/fairlead/x.py", source))]


def handler(clause: str) -> str:
    """Return a try statement whose handler is on line 3."""
    return f"try:\n    act()\n{clause}\n    pass\n"


@pytest.mark.parametrize(
    "clause",
    [
        "except:",
        "except Exception:",
        "except BaseException as error:",
        "except (ValueError, Exception):",
        "except* Exception:",
        "except builtins.Exception:",
        "except Exception:  # isolation point:",
        "except Exception:  # isolation point: plugin",
        "except Exception:  # because plugins are like that",
    ],
)
def test_a_broad_handler_is_found(clause: str) -> None:
    """Bare, broad, hidden in a tuple, or excused without a reason: found."""
    assert lines(handler(clause)) == [3]


def test_suppressing_everything_is_found() -> None:
    """`suppress(Exception)` is a broad handler in other words."""
    assert lines("with contextlib.suppress(Exception):\n    act()\n") == [1]


@pytest.mark.parametrize(
    "clause",
    [
        "except ValueError:",
        "except (ValueError, OSError):",
        "except Exception:  # isolation point: a plugin's fault costs the plugin only",
        "except BaseException:  # supervision point: the component is stopped and reported",
        "# isolation point: a plugin's fault costs the plugin only\nexcept Exception:",
    ],
)
def test_named_errors_and_excused_places_pass(clause: str) -> None:
    """Naming the errors, or the reason on the line or above it, is what the rule asks for."""
    assert lines(handler(clause)) == []


def test_an_excuse_covers_one_handler() -> None:
    """The reason for one handler is none for the next."""
    excused = handler("except Exception:  # isolation point: a plugin's fault stays there")

    assert lines(excused + handler("except Exception:")) == [7]


def test_an_excuse_in_a_string_is_none() -> None:
    """Only a comment can excuse."""
    source = 'try:\n    act()\nexcept Exception: log("# isolation point: one two three")\n'

    assert lines(source) == [3]
