"""What commands print: exact figures, sorted keys, and nothing that a terminal obeys."""

from __future__ import annotations

import json
from decimal import Decimal
from enum import StrEnum

import attrs
import pytest

from fairlead.cli import output


class Side(StrEnum):
    """A small vocabulary."""

    BUY = "buy"


@attrs.frozen
class Row:
    """A record with a field of each kind."""

    symbol: str
    quantity: Decimal
    side: Side = Side.BUY
    raw: bytes = b"\x00\xff"
    tags: tuple[str, ...] = ("a",)
    nothing: None = None


def test_json_is_exact_sorted_and_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """Decimals are plain text, keys are sorted, and no control character is left."""
    output.print_json({"b": [Row("BTC/USDT", Decimal("1E-8"))], "a": "\x1b[2J\u202e"})

    text = capsys.readouterr().out
    assert text.isascii()
    assert "\x1b" not in text
    assert text.index('"a"') < text.index('"b"')
    assert json.loads(text)["b"] == [
        {
            "symbol": "BTC/USDT",
            "quantity": "0.00000001",
            "side": "buy",
            "raw": "00ff",
            "tags": ["a"],
            "nothing": None,
        }
    ]


@pytest.mark.parametrize("value", [0.5, {"x": 0.5}, object(), {1, 2}])
def test_what_has_no_agreed_form_is_refused(value: object) -> None:
    """A float in an answer is a bug, not a number."""
    with pytest.raises(TypeError, match="has no form in JSON"):
        output.plain(value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("BTC/USDT", "BTC/USDT"),
        ("Zürich €", "Zürich €"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("abc\u202edef", "abc\\u202edef"),
        ("\ud800", "\\ud800"),
        ("[/red]", "[/red]"),
    ],
)
def test_text_is_escaped(text: str, shown: str) -> None:
    """Letters of any script stay; controls, reordering marks and lone surrogates become escapes."""
    assert output.escaped(text) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal("1E+3"), "1000"),
        (Decimal("1.50"), "1.50"),
        (None, "-"),
        ("", "-"),
        ((), "-"),
        (True, "yes"),
        (Side.BUY, "buy"),
        (("a", "b\x1b"), "a\nb\\x1b"),
        (0, "0"),
    ],
)
def test_cell(value: object, shown: str) -> None:
    """Cells read like figures, not like Python."""
    assert output.cell(value) == shown


def test_table_that_is_piped_keeps_long_cells_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """A program that reads the table by lines finds ids and sentences unbroken, and no markup."""
    identifier = "0123456789abcdef" * 6

    output.print_table(["order", "reason"], [[identifier, "[bold]x[/bold] \x1b[2J"]], title="Or\x1bders")

    text = capsys.readouterr().out
    assert identifier in text
    assert "[bold]x[/bold] \\x1b[2J" in text
    assert "Or\\x1bders" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        (" =1+1", "' =1+1"),
        ("\t=1+1", "'\\t=1+1"),
        ("a=1", "a=1"),
        (Decimal("-1.50"), "-1.50"),
        (-3, "-3"),
        (True, "1"),
        (None, ""),
        ("a,b", '"a,b"'),
    ],
)
def test_no_spreadsheet_runs_a_cell(capsys: pytest.CaptureFixture[str], value: object, shown: str) -> None:
    """What begins like a formula is text there; numbers, negative ones too, stay numbers."""
    output.print_csv(("cell", "next"), [(value, "end")])
    assert capsys.readouterr().out == f"cell,next\n{shown},end\n"


def test_line_and_note_go_to_their_streams(capsys: pytest.CaptureFixture[str]) -> None:
    """Results are on stdout, progress is on stderr, both escaped."""
    output.print_line("done\x07")
    output.print_note("half\x07")

    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("done\\x07\n", "half\\x07\n")


def test_a_table_that_does_not_fit_becomes_blocks_of_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """No figure is cut in two: each row is written line by line, without what is not there.

    A cell that holds a list is one line of it, and nothing of the table's layout is left.
    """
    wide = "9" * (output.PIPED_WIDTH // 2)
    output.print_table(["order", "quantity", "price", "why"], [["a1", wide, (wide, 2), None]], title="Orders")

    assert capsys.readouterr().out.splitlines() == [
        "Orders",
        "  a1",
        f"    quantity: {wide}",
        f"    price: {wide}, 2",
    ]


@pytest.mark.parametrize(
    ("taken", "whole", "short", "fits"),
    [
        (10, True, False, True),
        (output.PIPED_WIDTH - 40, False, True, True),
        (output.PIPED_WIDTH, True, False, False),
    ],
)
def test_a_table_without_room_shortens_ids_first(
    capsys: pytest.CaptureFixture[str], taken: int, *, whole: bool, short: bool, fits: bool
) -> None:
    """Whole where they fit, else short; where even that does not fit, blocks of lines have them whole."""
    columns, row = ("order", "figure", "x"), (output.Shortened("i" * 32, "…iii"), "9" * taken, "y")
    output.print_table(columns, [row])
    shown = capsys.readouterr().out
    assert ("i" * 32 in shown, "…iii" in shown) == (whole, short)
    assert output.fits(columns, [row]) is fits


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("whole", 5, "whole"),
        ("whole", 4, "who…"),
        ("two words", 5, "two…"),
        ("\x1b[2J", 4, "\\x1…"),
        ("字字字", 4, "字…"),
        ("any", 0, "…"),
        ("", -3, ""),
    ],
)
def test_a_text_is_cut_off_where_the_room_ends(text: str, width: int, shown: str) -> None:
    """What is left out is said to be; escapes and wide letters count as they are printed."""
    assert output.cropped(text, width) == shown


def test_the_last_column_alone_is_broken(capsys: pytest.CaptureFixture[str]) -> None:
    """A long text is folded within its column; the figures beside it stay whole."""
    words = "word " * output.PIPED_WIDTH
    output.print_table(["order", "what happened"], [["a" * 100, words]])

    shown = capsys.readouterr().out
    assert "a" * 100 in shown
    assert max(map(len, shown.splitlines())) <= output.PIPED_WIDTH


def test_a_table_as_wide_as_the_terminal_is_broken_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever its width, a table of figures is a line a row or blocks of lines, and none is cut in two."""
    for taken in range(output.PIPED_WIDTH - 30, output.PIPED_WIDTH - 14):
        output.print_table(["asset", "figure", "drift"], [["BTC", "9" * taken, "12345"]])
        shown = capsys.readouterr().out
        assert "9" * taken in shown
        assert "12345" in shown
        assert max(map(len, shown.splitlines())) <= output.PIPED_WIDTH


def test_a_paragraph_hangs_beside_its_mark(capsys: pytest.CaptureFixture[str]) -> None:
    """Every line but the first is indented by the mark; control characters are escapes."""
    output.print_item("proven", "word \x1b" * output.PIPED_WIDTH)

    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("proven word ")
    assert others
    assert all(line.startswith("       ") for line in others)
    assert "\x1b" not in first
