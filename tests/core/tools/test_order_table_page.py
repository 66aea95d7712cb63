"""The page on order states says what the tables say, all of it, and lint notices when it does not."""

from __future__ import annotations

import re
from pathlib import Path

from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.order_table import TABLE, OrderEvent, OrderState
from fairlead.domain.trading_state import CommandKind, TradingState
from tools import generated_docs, order_table_page, pages
from tools.order_table_page import PAGE, cell, main, moves, page_text


def _rows(text: str) -> list[list[str]]:
    """Return the cells of every table row of the page."""
    return [
        [part.strip() for part in line.strip("|").split(" | ")]
        for line in text.splitlines()
        if line.startswith("|")
    ]


def _matrix(text: str) -> dict[tuple[str, str], str]:
    """Read the two halves of the matrix back: (state, event) to the text of the cell."""
    found: dict[tuple[str, str], str] = {}
    header: list[str] = []
    for row in _rows(text):
        if row[0] == "event" and set(row[1:]) <= {state.name for state in OrderState}:
            header = row[1:]
        elif row[0] in OrderEvent.__members__ and len(row) == len(header) + 1:
            found |= {(state, row[0]): text for state, text in zip(header, row[1:], strict=True)}
        elif not row[0].startswith("---"):
            header = []
    return found


def test_every_pair_is_on_the_page() -> None:
    """The two tables together show all 252 cells, each with its move, anomaly, cancel or refusal."""
    matrix = _matrix(page_text())
    assert set(matrix) == {(state.name, event.name) for state, event in TABLE}
    for (state, event), decision in TABLE.items():
        text = matrix[state.name, event.name]
        assert (f"→ {decision.to.name}" in text) == (decision.to is not state)
        assert ("**cancel**" in text) == decision.cancel_at_once
        assert (text == "refused") == decision.refused
        anomaly = re.search(r"(?<!\*)\*([a-z ]+)\*(?!\*)", text)
        assert (anomaly and anomaly[1].replace(" ", "_")) == decision.anomaly


def test_the_diagram_shows_every_quiet_move() -> None:
    """Each move without an anomaly is an arrow with its events, and no arrow leads out of an end."""
    text = page_text()
    diagram = text[text.index("```mermaid") : text.index("```\n", text.index("```mermaid"))]
    arrows = set(re.findall(r"([A-Z_]+) --> ([A-Z_]+): ", diagram))
    assert arrows == {(start.name, end.name) for start, end in moves()}
    assert all(not start.is_final for start, _ in moves())
    assert "UNRESOLVED --> NOT_PLACED: absent, resolved_by_operator" in diagram


def test_anomalies_commands_and_states_are_all_there() -> None:
    """Every anomaly with its severity, every command in every trading state, every meaning."""
    text = page_text()
    for kind in AnomalyKind:
        assert f"| `{kind.value}` | " in text
    for command in CommandKind:
        assert f"| {command.value}: " in text
    assert f"| command | {' | '.join(state.name for state in TradingState)} |" in text


def test_a_cell_without_news_is_a_dot() -> None:
    """Nothing changes is shown as a dot, so that the eye finds what does."""
    assert cell(OrderState.WORKING, OrderEvent.ACCEPTED) == "·"


def test_a_changed_page_is_found(tmp_path: Path) -> None:
    """The written page passes; one changed word, or a missing page, is a finding that names the command."""
    pages.write(tmp_path, PAGE, page_text())
    assert generated_docs.check(tmp_path, {PAGE: page_text}) == []
    (tmp_path / PAGE).write_text(page_text().replace("zombie", "ghost", 1), encoding="utf-8")
    assert [finding.path for finding in generated_docs.check(tmp_path, {PAGE: page_text})] == [PAGE]
    (tmp_path / PAGE).unlink()
    assert generated_docs.check(tmp_path, {PAGE: page_text})


def test_the_committed_page_is_current_and_registered() -> None:
    """The page in docs/ is what the tables say now, and lint's list of pages holds it."""
    assert generated_docs.PAGES[PAGE] is page_text
    assert main(["--check"]) == 0
    assert order_table_page.COMMAND in page_text()
