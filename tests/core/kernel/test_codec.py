"""Records as bytes and back, and the chain over them: what a stranger can check with nothing but a hash."""

from __future__ import annotations

from hashlib import sha256

import pytest
from msgspec.structs import replace

from fairlead.domain.records import AttemptStarted, CursorMoved
from fairlead.errors import JournalDamaged
from fairlead.kernel.journal import codec
from fairlead.kernel.journal.codec import chain_hash, decode, encode, seal
from fairlead.ports.store import GENESIS_HASH, Envelope

MOVED = CursorMoved("fills", "7")
PAYLOAD = b'{"stream":"fills","cursor":"7"}'


def envelope(**changes: object) -> Envelope:
    """Return the envelope of a record."""
    return replace(Envelope(5, 9, "cursor_moved", 1, PAYLOAD, b""), **changes)


def test_the_hash_is_over_the_previous_one_the_header_and_the_bytes() -> None:
    """As the journal's reference says, so that anybody can check it with another program."""
    expected = sha256(b"previous" + b"5|9|cursor_moved|1|" + PAYLOAD).digest()
    assert chain_hash(b"previous", 5, 9, "cursor_moved", 1, PAYLOAD) == expected


def test_sealed_records_follow_each_other() -> None:
    """Each hash is over the one before; kind, version, time and number stand as they were given."""
    attempt = AttemptStarted("a", 1, 0, 0)
    first, second = seal([(5, 9, MOVED), (6, 8, attempt)], GENESIS_HASH)
    one = chain_hash(GENESIS_HASH, 5, 9, "cursor_moved", 1, PAYLOAD)
    assert first == envelope(hash=one)
    payload = encode(attempt)
    two = chain_hash(one, 6, 8, "attempt_started", attempt.VERSION, payload)
    assert second == Envelope(6, 8, "attempt_started", attempt.VERSION, payload, two)
    assert seal([], GENESIS_HASH) == []


def test_a_record_comes_back_from_its_bytes() -> None:
    """Again and again: the first reading leaves nothing behind that changes the next."""
    for _ in range(2):
        assert decode(envelope()) == MOVED


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "moon_landing"}, "record 5: kind 'moon_landing' version 1 is newer than this program"),
        ({"version": 2}, "record 5: kind 'cursor_moved' version 2 is newer than this program"),
        ({"payload": b"{}"}, "record 5: the payload does not fit 'cursor_moved'"),
        ({"payload": b"no json"}, "record 5: the payload does not fit 'cursor_moved'"),
        ({"version": 0}, "record 5: the payload does not fit 'cursor_moved'"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_record(changes: dict[str, object], words: str) -> None:
    """A newer program's record is told from one that is broken: the fix is another."""
    with pytest.raises(JournalDamaged, match=words):
        decode(envelope(**changes))


def test_an_old_record_passes_through_every_version_up_to_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """From its own on, each once and in order; one of the present version through none."""

    def lift(number: int) -> None:
        step = str(number)
        monkeypatch.setitem(
            codec.UPCASTERS, ("cursor_moved", number), lambda data: {**data, "cursor": data["cursor"] + step}
        )

    monkeypatch.setattr(CursorMoved, "VERSION", 4)
    for number in (1, 2, 3, 4):
        lift(number)
    read = [decode(envelope(version=version)) for version in (1, 2, 3, 4)]
    assert read == [CursorMoved("fills", cursor) for cursor in ("7123", "723", "73", "7")]
    with pytest.raises(JournalDamaged, match="version 5 is newer"):
        decode(envelope(version=5))
