"""The identifier port, repeatable."""

from __future__ import annotations

import random


class SeededIds:
    """Draws identifiers from a seeded stream and never returns one twice."""

    def __init__(self, stream: random.Random) -> None:
        self._stream = stream
        self._given: dict[int, set[int]] = {}

    def unique_hex(self, digits: int) -> str:
        """Return that many lower-case hexadecimal digits that were never returned before.

        Raises `ValueError` for fewer than one digit, and when every number of that length was given out.
        """
        if digits < 1:
            raise ValueError(f"an identifier needs at least one digit, not {digits}")
        given = self._given.setdefault(digits, set())
        if len(given) >= 16**digits:
            raise ValueError(f"all identifiers of {digits} digits were given out")
        number = self._stream.getrandbits(4 * digits)
        while number in given:
            number = self._stream.getrandbits(4 * digits)
        given.add(number)
        return f"{number:0{digits}x}"
