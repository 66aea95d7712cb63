"""Episodes as rows, and rows as episodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

from fairlead.domain.contracts import contract_from_text
from fairlead.domain.episodes import Episode, EpisodeView, PositionSide, episode_view
from fairlead.domain.fees import fees_from_text
from fairlead.domain.remarks import metadata_from_text, tags_from_text
from fairlead.kernel.core.state import EngineState
from fairlead.ports.store import EPISODES, Row, Scalar

_SOURCES = {
    "side": "side._value_",
    "other_fees": "other_fees_text",
    "contract": "contract_text",
    "tags": "tags_text",
    "metadata": "metadata_text",
    "live": "is_open",
}
"""Where a column comes from, unless it is the field of that name."""

_values: Callable[[Any], tuple[Scalar, ...]] = attrgetter(
    *(_SOURCES.get(column.name, column.name) for column in EPISODES.columns)
)


def episode_row(episode: Episode) -> Row:
    """Return the whole row of an episode."""
    return Row("episodes", _values(episode))


def episode_from_row(row: Mapping[str, Any]) -> Episode:
    """Return the episode of a row."""
    return Episode(
        row["symbol"],
        row["book"],
        row["position_id"],
        row["number"],
        row["owner"],
        PositionSide(row["side"]),
        row["currency"],
        row["opened_ns"],
        contract_from_text(row["contract"]),
        row["note"],
        tags_from_text(row["tags"]),
        metadata_from_text(row["metadata"]),
        row["closed_ns"],
        row["peak_quantity"],
        row["entry_quantity"],
        row["entry_value"],
        row["exit_quantity"],
        row["exit_value"],
        row["realized_pnl"],
        row["fees"],
        fees_from_text(row["other_fees"]),
        row["fills"],
    )


def view_from_row(row: Mapping[str, Any]) -> EpisodeView:
    """Return a snapshot of the episode of a row."""
    return episode_view(episode_from_row(row))


def restore_episode(state: EngineState, episode: Episode) -> None:
    """Put an episode that was read back into the state; one that is over may leave again at once."""
    state.episodes[episode.key] = episode
    if not episode.is_open:
        state.ended[episode.key] = 0
