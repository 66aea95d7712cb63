"""What a journal, a row or a bot has written down means to every later version what it meant then."""

from __future__ import annotations

from copy import deepcopy

import pytest

from tests.golden.words import MUST, contradictions, kept_words, words_now

KEPT = kept_words()
NOW = words_now()


@pytest.mark.parametrize("theme", sorted(NOW))
def test_each_word_is_kept(theme: str) -> None:
    """A record, a value or an enumeration is kept from its first day on: else the next could change it."""
    unkept = NOW[theme].keys() - KEPT[theme].keys()
    assert not unkept, "run `python -m tests.golden.words` and commit what it adds"


@pytest.mark.parametrize("name", sorted(NOW["enumerations"]))
def test_a_member_keeps_its_word(name: str) -> None:
    """An old journal and a bot's own file name a member by its word: none is renamed, and none goes."""
    assert NOW["enumerations"][name] == KEPT["enumerations"][name]


@pytest.mark.parametrize("theme", ["codes", "lengths"])
def test_codes_and_lengths_stay(theme: str) -> None:
    """Bots compare denial codes, ids are told apart by their prefixes, stores are built for these lengths."""
    assert NOW[theme] == KEPT[theme]


@pytest.mark.parametrize("name", sorted(NOW["values"]))
def test_a_field_that_was_left_out_means_what_it_meant(name: str) -> None:
    """A record written without a field is read with today's default; one that had to be there still must."""
    assert NOW["values"][name] == KEPT["values"][name]


def test_the_recorder_refuses_to_change_a_kept_word() -> None:
    """A renamed member, another default, a lost field and a new one that must be there are each refused."""
    now = deepcopy(NOW)
    now["enumerations"]["OrderSide"]["BUY"] = "bid"
    now["values"]["order_initialized 1"]["note"] = {"default": "none"}
    del now["values"]["order_initialized 1"]["quantity"]
    now["values"]["order_initialized 1"]["weather"] = MUST
    now["values"]["order_filled 1"]["weather"] = {"default": ""}
    assert contradictions(KEPT, now) == [
        "OrderSide.BUY",
        "order_initialized 1.note",
        "order_initialized 1.quantity",
        "order_initialized 1.weather",
    ]
