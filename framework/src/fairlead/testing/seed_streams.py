"""Independent random streams drawn from one seed."""

from __future__ import annotations

import hashlib
import random


class SeedStreams:
    """One seed, split into named streams that do not disturb each other.

    A draw added in one stream does not shift any other, so a new fault in the venue does not change the
    interleaving. The same seed and name give the same numbers on every Python version and under every hash
    seed.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._streams: dict[str, random.Random] = {}

    def of(self, name: str) -> random.Random:
        """Return the stream of that name; asking again returns the same one, where it was left."""
        stream = self._streams.get(name)
        if stream is None:
            digest = hashlib.sha256(f"{self.seed}/{name}".encode()).digest()
            stream = self._streams[name] = random.Random(int.from_bytes(digest, "big"))
        return stream
