"""A notice is delivered when its line is there, and tried again when the disk refuses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from fairlead.ports.clock import Clock
from fairlead.ports.notices import DELIVERED, DeliveryVerdict, Notice
from fairlead.testing.conformance.notifier import NotifierConformance, NotifierWorld, Receiver
from notice_lines.notifier import NoticeLines

NOTICE = Notice("e-1", "order_filled", 1, "main", "a", 7, 1, {"quantity": "0.10", "ünder": ["x"]})


def test_each_notice_is_a_line(tmp_path: Path) -> None:
    """What is told can be read back, every field of it."""
    notifier = NoticeLines(tmp_path / "notices.lines")
    for attempt in (1, 2):
        assert asyncio.run(notifier.deliver(NOTICE, attempt)) == DELIVERED
    lines = (tmp_path / "notices.lines").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["event_id"] for line in lines] == ["e-1", "e-1"]
    assert json.loads(lines[0])["data"] == {"quantity": "0.10", "ünder": ["x"]}


def test_a_disk_that_refuses_is_tried_again(tmp_path: Path) -> None:
    """Nothing is raised, and nothing is called delivered."""
    notifier = NoticeLines(tmp_path / "no such folder" / "notices.lines")
    assert asyncio.run(notifier.deliver(NOTICE, 1)).verdict is DeliveryVerdict.AGAIN


def test_kinds_that_are_not_named_are_not_wanted(tmp_path: Path) -> None:
    """No kinds are all kinds."""
    assert NoticeLines(tmp_path).wants(NOTICE)
    assert not NoticeLines(tmp_path, ("lock_placed",)).wants(NOTICE)


class FileWorld:
    """The notifier and its file; a file whose folder is not there refuses."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notifier = NoticeLines(path)

    def behave(self, how: Receiver) -> None:
        """Have the folder, or not."""
        if how is Receiver.ACCEPTS:
            self.path.parent.mkdir(exist_ok=True)

    def received(self) -> Sequence[tuple[str, object]]:
        """Return the lines."""
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        return [(json.loads(line)["event_id"], line) for line in lines]


class TestRules(NotifierConformance):
    """The rules for notifiers; a file never hangs."""

    receiver_behaviours = frozenset({Receiver.ACCEPTS, Receiver.REFUSES})

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        """Give each rule a folder of its own."""
        self.tmp_path = tmp_path

    def make_world(self, clock: Clock) -> NotifierWorld:
        """Return the notifier of a file in a folder that is not there yet."""
        del clock
        return FileWorld(self.tmp_path / "folder" / "notices.lines")
