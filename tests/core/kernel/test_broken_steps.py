"""What a step that breaks leaves behind: nothing in memory that the disk does not have."""

from __future__ import annotations

import pytest

from fairlead.errors import InvariantBroken
from tests.core.kernel.bench import Bench, on_bench
from tests.core.kernel.faults import LONG_MS


def test_a_finished_order_that_a_broken_step_changed_halfway_is_as_the_disk_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No record says what the step did to it, so memory may not keep it, over or not: it is read again."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        (before,) = bench.kernel.orders()
        monkeypatch.setattr("fairlead.kernel.apply.annotations._remember", lambda *_: 1 / 0)
        with pytest.raises(InvariantBroken, match="ZeroDivisionError"):
            await bench.bot.annotate(before.client_order_id, note="never journaled")
        monkeypatch.undo()
        await bench.pass_ms(LONG_MS)
        assert bench.kernel.orders() == (before,)
        assert not bench.kernel._parts.engine.doubtful, "what was read again is in doubt no more"

    on_bench(main)
