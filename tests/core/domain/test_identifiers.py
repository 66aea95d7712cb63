"""The shapes of names, keys, symbols, ids and metadata that are taken; everything else is refused."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.identifiers import (
    CLIENT_ORDER_ID_DIGITS,
    DRAWN_DIGITS,
    account_tag,
    excerpt_of,
    is_client_order_id_of,
    new_order_id,
    to_client_order_id,
    to_key,
    to_line,
    to_metadata,
    to_name,
    to_symbol,
    to_tags,
    venue_text,
)
from fairlead.errors import TextRefused

Taker = Callable[[object, str], object]

CONTROL = {
    "24 line feed": "bot\nname",
    "24 carriage return": "bot\rname",
    "24 trailing line feed": "bot\n",
    "25 escape sequence": "bot\x1b[31m",
    "25 operating system command": "\x1b]0;title\x07",
    "27 NUL": "bot\x00",
    "29 lone surrogate": "bot\ud800",
    "20 zero-width space": "bot\u200b",
    "20 right-to-left override": "bot\u202e",
    "DEL": "bot\x7f",
    "C1 control": "bot\x85",
}
NOT_TEXT = {"bytes": b"bot", "number": 7, "nothing": None, "list": ["bot"]}

BAD_NAMES = (
    CONTROL
    | NOT_TEXT
    | {
        "19 Cyrillic": "\u0432\u043e\u0442",
        "20 full-width": "\uff42ot",
        "22 empty": "",
        "22 ten kilobytes": "b" * 10_240,
        "22 one too long": "b" * 65,
        "23 quote": "bot'; DROP TABLE orders; --",
        "26 markup": "[/red]",
        "27 parent folder": "../bot",
        "27 parent folder inside": "a..b",
        "27 folder": "a/b",
        "27 backslash": "a\\b",
        "27 hidden file": ".bot",
        "30 formula": "=cmd",
        "30 dash first": "-rf",
        "31 tag": "<b>",
        "space": "my bot",
    }
)
BAD_SYMBOLS = (
    CONTROL
    | NOT_TEXT
    | {
        "19 Cyrillic": "\u0412\u0422\u0421/USD",
        "20 division slash": "BTC\u2215USD",
        "20 zero-width space": "BTC/\u200bUSD",
        "20 full-width": "\uff22TC/USD",
        "21 lower case": "btc/usdt",
        "22 empty": "",
        "22 ten kilobytes": "B" * 10_240,
        "no slash": "BTCUSDT",
        "two slashes": "BTC/USDT/EUR",
        "empty base": "/USDT",
        "empty quote": "BTC/",
        "space": "BTC / USDT",
        "trailing line feed": "BTC/USDT\n",
    }
)
BAD_KEYS = (
    CONTROL
    | NOT_TEXT
    | {
        "22 empty": "",
        "one too long": "k" * 129,
        "space": "two words",
        "not ASCII": "schl\u00fcssel",
    }
)
BAD_IDS = (
    CONTROL
    | NOT_TEXT
    | {
        "upper case": "A" * 32,
        "one short": "a" * 31,
        "one long": "a" * 33,
        "not hexadecimal": "g" * 32,
        "full-width digits": "\uff11" * 32,
        "trailing line feed": "a" * 32 + "\n",
    }
)
CASES = [
    pytest.param(take, value, id=f"{take.__name__}: {name}")
    for take, bad in (
        (to_name, BAD_NAMES),
        (to_symbol, BAD_SYMBOLS),
        (to_key, BAD_KEYS),
        (to_client_order_id, BAD_IDS),
    )
    for name, value in bad.items()
]


@pytest.mark.requirement("SEC-5")
@pytest.mark.parametrize(("take", "value"), CASES)
def test_bad_text_is_refused_with_field_and_fix(take: Taker, value: object) -> None:
    """Every bad name, symbol, key and id is refused; the error is one short ASCII line with a fix."""
    with pytest.raises(TextRefused) as caught:
        take(value, "some.field")
    error = caught.value
    assert error.field == "some.field"
    assert error.fix
    assert str(error).isascii()
    assert str(error).isprintable()
    assert len(str(error)) < 300


@pytest.mark.parametrize(
    ("take", "value"),
    [
        (to_name, "my-bot"),
        (to_name, "7th.bot_2"),
        (to_name, "b" * 64),
        (to_key, "2026-11-22T10:00:00Z#1"),
        (to_key, "k" * 128),
        (to_key, "';DROP/**/TABLE/**/orders;--"),
        (to_symbol, "BTC/USDT"),
        (to_symbol, "BTC/USDT:USDT"),
        (to_symbol, "1INCH/USD"),
        (to_client_order_id, "0123456789abcdef" * 2),
    ],
)
def test_good_text_is_taken_unchanged(take: Taker, value: str) -> None:
    """Text of the right shape is returned as it is; a key with quotes is literal text."""
    assert take(value, "x") == value


class _Symbols(StrEnum):
    BTC = "BTC/USDT"


def test_a_member_of_an_enumeration_becomes_plain_text() -> None:
    """What is kept is exactly text, whatever subclass was passed."""
    assert type(to_symbol(_Symbols.BTC, "symbol")) is str


@given(st.text())
def test_nothing_is_normalised(text: str) -> None:
    """Whatever the text, it is either refused or returned unchanged: nothing is trimmed, folded or mapped."""
    for take in (to_name, to_key, to_symbol, to_client_order_id):
        try:
            assert take(text, "x") == text
        except TextRefused:
            continue
        assert text.isascii()
        assert text.isprintable()


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"note": "two\nlines"}, "metadata.note"),
        ({"note": "\x1b[0m"}, "metadata.note"),
        ({"note": "\ud800"}, "metadata.note"),
        ({"note": "x" * 1_025}, "metadata.note"),
        ({"note": 7}, "metadata.note"),
        ({"note": None}, "metadata.note"),
        ({"a b": "x"}, "metadata key"),
        ({7: "x"}, "metadata key"),
        ({"../x": "x"}, "metadata key"),
        ({f"k{index}": "x" for index in range(33)}, "metadata"),
        ([("a", "b")], "metadata"),
        ("a=b", "metadata"),
        (0, "metadata"),
        (("a", "b"), "metadata"),
        ((("a", "b", "c"),), "metadata"),
        ((("a", "b"), ("a", "c")), "metadata"),
    ],
)
def test_bad_metadata_is_refused_with_field_and_fix(value: object, field: str) -> None:
    """Metadata that is no small mapping of names to one-line text is refused, naming the entry."""
    with pytest.raises(TextRefused) as caught:
        to_metadata(value, "metadata")
    assert caught.value.field == field
    assert caught.value.fix


def test_metadata_becomes_sorted_pairs_and_is_taken_again() -> None:
    """The same data give the same pairs whatever the order, and the pairs themselves are taken."""
    pairs = to_metadata({"signal": "Ausbruch \u00fcber 98000", "a": ""}, "metadata")
    assert pairs == (("a", ""), ("signal", "Ausbruch \u00fcber 98000"))
    assert to_metadata(pairs, "metadata") == pairs
    assert to_metadata(dict(reversed(pairs)), "metadata") == pairs
    assert to_metadata(None, "metadata") == to_metadata({}, "metadata") == to_metadata((), "metadata") == ()


@pytest.mark.parametrize("value", ["", "two\nlines", "\x1b[31m", "\ud800", "x" * 257, 7, None, b"x"])
def test_venue_text_that_could_hurt_a_reader_is_refused(value: object) -> None:
    """Venue text with control characters, lone surrogates or absurd length is refused by type."""
    with pytest.raises(TextRefused) as caught:
        venue_text(value, "report.venue_order_id")
    assert caught.value.fix
    assert str(caught.value).isprintable()


def test_venue_text_may_use_any_printable_letter() -> None:
    """A venue's words are taken literally, markup and quotes included."""
    for text in ("OQCLML-BW3P3-BUCMWZ", "[/red]", "'; DROP TABLE", "\u8cc7\u91d1\u4e0d\u8db3"):
        assert venue_text(text, "x") == text


def test_excerpts_are_short_and_never_run_foreign_code() -> None:
    """An excerpt escapes and cuts text, and names only the type of anything else."""

    class Angry:
        def __repr__(self) -> str:
            raise AssertionError

    assert excerpt_of(Angry()) == "a Angry"
    assert excerpt_of("a\n") == "'a\\n'"
    assert excerpt_of("x" * 10**6) == "'" + "x" * 40 + "' (shortened)"


def test_account_tags_differ_and_fit_the_client_order_id() -> None:
    """A tag is eight hexadecimal digits, stable, and differs between ten thousand accounts."""
    tags = {account_tag(f"account-{index}") for index in range(10_000)}
    assert len(tags) == 10_000
    assert account_tag("main") == "0d6e4079"  # the beginning of its SHA-256, which must never change
    assert to_client_order_id(account_tag("main") + "0" * 24, "id")
    assert CLIENT_ORDER_ID_DIGITS == 32
    with pytest.raises(TextRefused):
        account_tag("../main")


def test_client_order_ids_sort_by_the_time_of_their_order() -> None:
    """A later order's id is the larger one, whatever was drawn; each has the shape of ours."""
    tag = account_tag("main")
    low, high = "0" * DRAWN_DIGITS, "f" * DRAWN_DIGITS
    times_ms = [0, 1, 15, 16, 1_795_734_371_199, 1_795_734_371_200, 16**11 - 1]
    names = [new_order_id(tag, now_ms, drawn) for now_ms in times_ms for drawn in (low, high)]

    assert names == sorted(names)
    assert len(set(names)) == len(names)
    assert all(is_client_order_id_of(name, tag) for name in names)


def test_an_excerpt_says_that_it_was_shortened_only_when_it_was() -> None:
    """Text of exactly the longest length is shown whole."""
    assert excerpt_of("x" * 40) == "'" + "x" * 40 + "'"
    assert excerpt_of("x" * 41) == "'" + "x" * 40 + "' (shortened)"


@pytest.mark.parametrize(
    ("take", "longest"),
    [
        (to_name, "n" * 64),
        (to_key, "k" * 128),
        (to_symbol, "B" * 27 + "/USDT"),
        (venue_text, "v" * 256),
        (to_line, "l" * 1_024),
    ],
)
def test_the_longest_text_is_taken_and_no_longer_one(take: Taker, longest: str) -> None:
    """Stores, venues and files are built for these lengths; one character more is refused."""
    assert take(longest, "x") == longest
    with pytest.raises(TextRefused):
        take("A" + longest, "x")


def test_as_many_tags_and_entries_as_may_be_are_taken_and_no_more() -> None:
    """32 of each; tags are counted before double ones are dropped."""
    names = [f"n{number:02}" for number in range(33)]
    assert to_tags(names[:32], "tags") == tuple(names[:32])
    assert len(to_metadata(dict.fromkeys(names[:32], ""), "metadata")) == 32
    with pytest.raises(TextRefused, match="more than 32 tags"):
        to_tags(names, "tags")
    with pytest.raises(TextRefused, match="more than 32 tags"):
        to_tags(["night"] * 33, "tags")
    with pytest.raises(TextRefused, match="more than 32 entries"):
        to_metadata(dict.fromkeys(names, ""), "metadata")
