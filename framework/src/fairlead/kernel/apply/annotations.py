"""The fold of what is said about orders and episodes."""

from __future__ import annotations

from fairlead.domain.command_records import EpisodeAnnotated, OrderAnnotated
from fairlead.kernel.apply.commands import remember
from fairlead.kernel.core.command_answers import answer_text
from fairlead.kernel.core.state import CommandEntry, EngineState


def order_annotated(state: EngineState, record: OrderAnnotated, ts_ns: int) -> None:
    """The order's remarks are what the record says; nothing else about it changes."""
    order = state.orders[record.client_order_id]
    order.note, order.tags, order.metadata = record.note, record.tags, record.metadata
    state.dirty.orders[order.client_order_id] = None
    if order.client_order_id in state.finished:
        state.finished[order.client_order_id] = state.sequence
    _remember(state, record, ts_ns, record.client_order_id)


def episode_annotated(state: EngineState, record: EpisodeAnnotated, ts_ns: int) -> None:
    """The episode's remarks are what the record says; nothing else about it changes."""
    episode = state.episodes[record.key]
    episode.note, episode.tags, episode.metadata = record.note, record.tags, record.metadata
    state.dirty.episodes[episode.key] = None
    if episode.key in state.ended:
        del state.ended[episode.key]  # it changed last: it leaves memory behind all others
        state.ended[episode.key] = state.sequence
    _remember(state, record, ts_ns, " ".join(map(str, record.key)))


def _remember(
    state: EngineState, record: OrderAnnotated | EpisodeAnnotated, ts_ns: int, subject: str
) -> None:
    answer = answer_text(accepted=True)
    key, digest = record.idempotency_key, record.command_digest
    remember(state, CommandEntry(record.by, key, digest, subject, ts_ns, answer))
