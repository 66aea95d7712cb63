"""Archives of a store that knows none."""

from __future__ import annotations

import asyncio
from typing import cast

from fairlead.cli.archives import anchors_of
from fairlead.ports.store import StoreReader


def test_a_reader_that_knows_no_archives_has_no_anchors() -> None:
    """A foreign store need not have archives: it is read and verified without."""
    assert asyncio.run(anchors_of(cast("StoreReader", object()))) == ()
