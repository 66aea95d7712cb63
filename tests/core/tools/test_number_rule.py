"""The rule on numbers: each is a setting or says why it is not."""

from __future__ import annotations

import pytest

from tools.number_rule import check_module, main
from tools.sources import module

PATH = "framework/src/fairlead/kernel/example.py"


def found(text: str, path: str = PATH) -> list[int]:
    """Return the lines of the findings."""
    return [finding.line for finding in check_module(module(path, text))]


@pytest.mark.parametrize(
    "text",
    [
        "LIMIT = 7\n",
        "LIMIT = 1_000\n",
        "LIMIT: int = 1_000\n",
        "LIMIT_NS = 5 * SECOND\n",
        'BAND = Decimal("0.25")\n',
        "RATE = 0.25\n",
        "MASK = 1 << 20\n",
        "PAIR = (1, 7)\n",
        "def wait(pause_ms: int = 250): ...\n",
        "async def main():\n    await sleep(7)\n",
        "class Feed:\n    patience_ms = 250\n",
        "class Feed:\n    patience_ms: int = 250\n",
        "@lru_cache(maxsize=4096)\ndef f(): ...\n",
        "X = 7  # fixed:\n",
        "X = 7  # fixed: because\n",
        "# fixed: the reason of another one\n\nX = 7\n",
    ],
)
def test_a_number_without_a_reason_is_found(text: str) -> None:
    """Constants, defaults, arguments, decorators; a missing, short or distant reason is none."""
    assert len(found(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "X = 0\nY = 1\nZ = -1\nTWICE = 2\n",
        "NANOSECONDS_PER_SECOND = 1_000_000_000\n_NS_PER_MILLISECOND = 1_000_000\n",
        "X = 7  # fixed: the venue has seven of them\n",
        "# fixed: the venue has seven of them\nX = 7\nY = 8\n",
        "def f(x):\n    return x * 1_000 + x[3] + len(f'{x:>20}')\n",
        "DIGITS = Context(prec=96)\nEPOCH = datetime(1970, 1, 1)\n",
        "ROW = (A, *(B,) * 11)\n",
        "class KernelSettings:\n    pause_ms: int = limit(250, 'doc')\n",
        "class ExitCode(IntEnum):\n    REFUSED = 3\n",
        "FLAG = True\nNAME = '7'\n",
    ],
)
def test_what_needs_no_reason_has_none(text: str) -> None:
    """Settings, conversions, enumerations, digits, places in a sequence, and what gives its reason."""
    assert found(text) == []


@pytest.mark.parametrize(
    "path", ["framework/src/fairlead/testing/x.py", "framework/src/fairlead/cli/demo/x.py"]
)
def test_tools_for_tests_and_the_demo_are_left_alone(path: str) -> None:
    """Nothing of them runs in a user's kernel."""
    assert found("LIMIT = 7\n", path) == []


@pytest.mark.requirement("QUAL-1")
def test_the_repository_keeps_it(capsys: pytest.CaptureFixture[str]) -> None:
    """No number in what we ship is neither a setting nor explained."""
    assert main() == 0, capsys.readouterr().out
