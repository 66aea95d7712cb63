"""How people name an order: its whole id, or as much of either end of it as tells it from all others.

Ids of one account begin alike, and those made at one time for 12 to 19 characters; what was drawn stands at
the end. So tables that are too narrow for whole ids show their endings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fairlead.domain.identifiers import CLIENT_ORDER_ID_DIGITS, excerpt_of
from fairlead.errors import InvalidInput, UnknownName

# fixed: fewer would be chance; an order has given six hexadecimal digits once in sixteen million
PART_DIGITS_MIN = 6
# fixed: a matter of layout; eight digits tell 10,000 orders apart in 85 stores of 86
ENDING_DIGITS = 8
# fixed: more would not be read
CANDIDATES_LISTED_MAX = 5
ELLIPSIS = "…"


def ending_of(client_order_id: str) -> str:
    """Return what stands for the id where there is no room for it; nothing of an order is nothing."""
    return ELLIPSIS + client_order_id[-ENDING_DIGITS:] if client_order_id else ""


def is_whole(name: str) -> bool:
    """Tell whether a name is as long as a whole id, so that it can mean one order only."""
    return len(name) >= CLIENT_ORDER_ID_DIGITS


def order_meant(name: str, client_order_ids: Iterable[str], *, fix: str) -> str:
    """Return the one id that is the name, or that begins or ends with it; "…" before it is of no account.

    Raises `UnknownName` with the fix when there is none, also for a part of fewer than `PART_DIGITS_MIN`
    characters, and `InvalidInput` that lists the candidates when there are several.
    """
    part = name.removeprefix(ELLIPSIS)
    ids = list(client_order_ids)
    if part in ids:
        return part
    found = [each for each in ids if each.startswith(part) or each.endswith(part)]
    if len(part) < PART_DIGITS_MIN or not found:
        raise UnknownName("order", name, fix=fix)
    return only_one(name, found)


def only_one(name: str, found: Sequence[str]) -> str:
    """Return the only one of the ids that the name fits, or raise `InvalidInput` that lists them."""
    if len(found) > 1:
        listed = ", ".join(found[:CANDIDATES_LISTED_MAX])
        more = f" and {len(found) - CANDIDATES_LISTED_MAX} more" if found[CANDIDATES_LISTED_MAX:] else ""
        problem = f"{excerpt_of(name)} fits {len(found)} orders: {listed}{more}"
        raise InvalidInput(
            "order", problem, fix="Write more of the one that is meant; its end tells it best."
        )
    return found[0]
