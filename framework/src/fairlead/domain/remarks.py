"""Remarks: the bot's own words on an order or a position: a note, tags and metadata.

Limits, in characters and entries, are those of `fairlead.domain.identifiers`: a note is one line of at
most 1,024 characters, there are at most 32 tags, which are names of at most 64 characters, and at most 32
entries of metadata, each a name with a line of at most 1,024 characters.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fairlead.domain.identifiers import (
    METADATA_ENTRIES_MAX,
    TAGS_MAX,
    to_line,
    to_metadata,
    to_name,
    to_tags,
)
from fairlead.domain.values import Value
from fairlead.errors import InvalidInput, TextRefused

Pairs = tuple[tuple[str, str], ...]

_encode = msgspec.json.Encoder().encode
_tags_decoder = msgspec.json.Decoder(tuple[str, ...])
_pairs_decoder = msgspec.json.Decoder(tuple[tuple[str, str], ...])


class Remarks(Value):
    """What a bot has said about an order or a position."""

    note: str = ""
    tags: tuple[str, ...] = ()
    metadata: Pairs = ()


class Annotation(Value):
    """What is to change about remarks; what is left out stays.

    *note* is nothing to leave the note as it is, and empty to take it away. A metadata entry takes the
    place of one of the same name. Applied twice it says the same as once.
    """

    note: str | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    metadata: Pairs = ()
    remove_metadata: tuple[str, ...] = ()


def to_annotation(
    *,
    note: object = None,
    add_tags: object = (),
    remove_tags: object = (),
    metadata: object = None,
    remove_metadata: object = (),
) -> Annotation:
    """Return the annotation, checked and converted.

    Raises `TextRefused` for text of a wrong shape or size, and `InvalidInput` when it says nothing or says
    of a tag or an entry both that it is to be there and that it is not.
    """
    kept = tuple(sorted({to_name(name, "remove_metadata") for name in _names(remove_metadata)}))
    wanted = Annotation(
        note if note is None or note == "" else to_line(note, "note"),
        to_tags(add_tags, "add_tags"),
        to_tags(remove_tags, "remove_tags"),
        to_metadata(metadata, "metadata"),
        kept,
    )
    if wanted == Annotation():
        raise InvalidInput("annotation", "it says nothing", fix="Pass a note, tags or metadata.")
    twice = {*wanted.add_tags} & {*wanted.remove_tags} or {name for name, _ in wanted.metadata} & {*kept}
    if twice:
        problem = f"{min(twice)} is both given and taken away"
        raise InvalidInput("annotation", problem, fix="Say one of the two.")
    return wanted


def _names(value: object) -> Sequence[object]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TextRefused("remove_metadata", "not a list of names", fix='Pass a list such as ["signal"].')
    return value


def annotated(before: Remarks, wanted: Annotation) -> Remarks:
    """Return the remarks as the annotation wants them, tags and metadata sorted."""
    metadata = dict(before.metadata) | dict(wanted.metadata)
    return Remarks(
        before.note if wanted.note is None else wanted.note,
        tuple(sorted(({*before.tags} | {*wanted.add_tags}) - {*wanted.remove_tags})),
        tuple(sorted((name, text) for name, text in metadata.items() if name not in wanted.remove_metadata)),
    )


def remarks_problem(remarks: Remarks) -> str:
    """Return why there is too much of them, or nothing."""
    if len(remarks.tags) > TAGS_MAX:
        return f"{len(remarks.tags)} tags, and at most {TAGS_MAX} are kept"
    if len(remarks.metadata) > METADATA_ENTRIES_MAX:
        return f"{len(remarks.metadata)} entries of metadata, and at most {METADATA_ENTRIES_MAX} are kept"
    return ""


def tags_text(tags: tuple[str, ...]) -> str:
    """Return tags as they are kept in a row: a JSON list, or nothing."""
    return _encode(tags).decode() if tags else ""


def tags_from_text(text: str) -> tuple[str, ...]:
    """Return the tags of a row."""
    return _tags_decoder.decode(text) if text else ()


def metadata_text(metadata: Pairs) -> str:
    """Return metadata as it is kept in a row: a JSON list of pairs, or nothing."""
    return _encode(metadata).decode() if metadata else ""


def metadata_from_text(text: str) -> Pairs:
    """Return the metadata of a row."""
    return _pairs_decoder.decode(text) if text else ()


def as_in_text(item: str) -> str:
    """Return an item as it stands in the text of a row, to search for it; nothing else in it looks so."""
    return _encode(item).decode()
