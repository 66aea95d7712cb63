"""A notice is delivered when its line is there, and tried again when the disk refuses."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from fairlead.ports.notices import DELIVERED, DeliveryVerdict, Notice
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
